//! Figures about this process, from `/proc`, under the names that every Prometheus client uses.
//! Where there is no `/proc`, there are no figures.

use std::fs;

/// Clock ticks per second in `/proc`: fixed in the kernel's interface on every architecture that containers run on.
const TICKS: f64 = 100.0;

/// One moment's figures; what could not be read is absent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) cpu_seconds: Option<f64>,
    pub(super) start_time: Option<f64>,
    pub(super) resident_bytes: Option<f64>,
    pub(super) virtual_bytes: Option<f64>,
    pub(super) open_fds: Option<f64>,
    pub(super) max_fds: Option<f64>,
}

pub(super) fn read() -> Figures {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut figures = parse(&text("/proc/self/stat"), &text("/proc/self/status"), &text("/proc/self/limits"));
    let booted = text("/proc/stat").lines().find_map(|line| number(line.strip_prefix("btime ")?));
    figures.start_time = booted.zip(figures.start_time).map(|(booted, after)| booted + after);
    // The listing itself holds one descriptor open.
    figures.open_fds = fs::read_dir("/proc/self/fd")
        .ok()
        .and_then(|entries| number(&entries.count().saturating_sub(1).to_string()));
    figures
}

/// The start time is relative to the boot of the machine here.
fn parse(stat: &str, status: &str, limits: &str) -> Figures {
    // The second field is the program's name in parentheses and may hold anything; the third follows the last one.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let field = |number_in_manual: usize| fields.get(number_in_manual - 3).and_then(|text| number(text));
    let kilobytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        Some(number(line.trim_end_matches("kB"))? * 1024.0)
    };
    let fd_limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Figures {
        cpu_seconds: field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS),
        start_time: field(22).map(|ticks| ticks / TICKS),
        resident_bytes: kilobytes("VmRSS:"),
        virtual_bytes: kilobytes("VmSize:"),
        open_fds: None,
        max_fds: fd_limit.and_then(|line| number(line.split_whitespace().next()?)),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_kernels_texts() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 12345 1000000 500 18446744073709551615";
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let limits = "Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 4096                 files\n";
        let figures = parse(stat, status, limits);
        assert_eq!((figures.cpu_seconds, figures.start_time), (Some(3.0), Some(123.45)));
        assert_eq!((figures.resident_bytes, figures.virtual_bytes), (Some(1_048_576.0), Some(2_097_152.0)));
        assert_eq!(figures.max_fds, Some(1024.0));
        assert_eq!(parse("", "", ""), Figures::default());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_figures() {
        let figures = read();
        assert!(figures.resident_bytes > Some(1e6), "{figures:?}");
        assert!(figures.open_fds >= Some(3.0), "{figures:?}");
        assert!(figures.start_time > Some(1.6e9), "{figures:?}");
    }
}
