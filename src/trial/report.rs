//! Outcomes as people and machines read them: text, JUnit's XML, snapshots.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::{Coverage, FileOutcome, Notification};
use crate::model::to_yaml;

/// Cases with their failures, and a last line with the sums. `all` shows what was sent in cases that pass too.
pub fn text(files: &[FileOutcome], all: bool) -> String {
    let mut out = String::new();
    for file in files {
        // Writing to a String cannot fail.
        writeln!(out, "{}", file.file).ok();
        for case in &file.cases {
            let word = if case.failures.is_empty() { "ok  " } else { "FAIL" };
            writeln!(out, "  {word}  {}", case.name).ok();
            for failure in &case.failures {
                writeln!(out, "        {}", failure.replace('\n', "\n        ")).ok();
            }
            if all {
                for line in snapshot(&case.notifications).lines() {
                    writeln!(out, "        {line}").ok();
                }
            }
        }
    }
    let (passed, failed) = counts(files);
    writeln!(out, "{passed} passed, {failed} failed").ok();
    out
}

/// How many cases passed and failed.
pub fn counts(files: &[FileOutcome]) -> (usize, usize) {
    let cases = || files.iter().flat_map(|file| &file.cases);
    let failed = cases().filter(|case| !case.failures.is_empty()).count();
    (cases().count() - failed, failed)
}

/// What of the configurations the cases have used.
pub fn coverage(coverage: &Coverage) -> String {
    let mut out = String::new();
    for (what, (all, used)) in
        [("triggers told", &coverage.triggers), ("templates sent", &coverage.templates)]
    {
        let used = all.intersection(used).count();
        writeln!(out, "{what}: {used} of {}", all.len()).ok();
    }
    for name in coverage.missing() {
        writeln!(out, "  not used: {name}").ok();
    }
    out
}

/// JUnit's XML, a suite for each file.
pub fn junit(files: &[FileOutcome]) -> String {
    let (passed, failed) = counts(files);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    writeln!(out, "<testsuites name=\"dodona test\" tests=\"{}\" failures=\"{failed}\">", passed + failed)
        .ok();
    for file in files {
        let (passed, failed) = counts(std::slice::from_ref(file));
        let name = escaped(&file.file);
        writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", passed + failed)
            .ok();
        for case in &file.cases {
            let case_name = escaped(&case.name);
            write!(
                out,
                "    <testcase classname=\"{name}\" name=\"{case_name}\" file=\"{name}\" line=\"{}\"",
                case.line
            )
            .ok();
            if case.failures.is_empty() {
                out.push_str("/>\n");
                continue;
            }
            let first = case.failures.first().and_then(|text| text.lines().next()).unwrap_or_default();
            let all = escaped(&case.failures.join("\n"));
            writeln!(
                out,
                ">\n      <failure message=\"{}\">{all}</failure>\n    </testcase>",
                escaped(first)
            )
            .ok();
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Notifications as YAML.
pub fn snapshot(notifications: &[Notification]) -> String {
    to_yaml(&Value::Array(notifications.iter().map(Notification::to_json).collect()))
}

/// The lines that differ, with one line around.
pub(super) fn difference(known: &str, found: &str) -> String {
    let (known, found): (Vec<&str>, Vec<&str>) = (known.lines().collect(), found.lines().collect());
    let same = |(one, other): &(&&str, &&str)| one == other;
    let before = known.iter().zip(&found).take_while(same).count();
    let most = known.len().min(found.len()) - before;
    let behind = known.iter().rev().zip(found.iter().rev()).take_while(same).count().min(most);
    let mut out = String::new();
    for (sign, lines) in [('-', &known), ('+', &found)] {
        for line in lines.get(before..lines.len() - behind).unwrap_or_default() {
            writeln!(out, "  {sign} {line}").ok();
        }
    }
    out.trim_end().to_owned()
}

/// A span of time as test files have it: `90s`, `1m30s`.
pub(super) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, rest) => format!("{rest}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, rest) => format!("{minutes}m{rest}s"),
        (hours, 0, 0) => format!("{hours}h"),
        (hours, minutes, rest) => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// Text inside XML; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time() {
        for (seconds, text) in [(0, "0s"), (90, "1m30s"), (600, "10m"), (3600, "1h"), (3661, "1h1m1s")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn differences_of_lines() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\n"), "- b\n  + x".replace("- b", "  - b"));
        assert_eq!(difference("a\n", "a\na\n"), "  + a");
    }
}
