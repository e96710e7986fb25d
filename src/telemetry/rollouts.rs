//! What the engine of events of Rollouts counts, under upstream's names (core 5.8).
//!
//! The series name objects, so they go away with them; the exporter's registry has no such thing, and they are kept here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::metrics::escaped;

/// Upper bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 5] = [0.01, 0.15, 0.25, 0.5, 1.0];

/// Objects that are counted; whoever creates more must not fill the memory of Prometheus.
const MOST_OBJECTS: usize = 10_000;

/// Name, type, labels and meaning.
pub(super) const TABLE: [(&str, &str, &[&str], &str); 4] = [
    (
        "notification_send_error",
        "counter",
        &["namespace", "name", "type", "reason"],
        "Notifications about events of Rollouts that ended without being delivered.",
    ),
    (
        "notification_send_success",
        "counter",
        &["namespace", "name", "type", "reason"],
        "Notifications about events of Rollouts that were delivered.",
    ),
    (
        "rollout_events_total",
        "counter",
        &["namespace", "name", "type", "reason"],
        "Events of Rollouts that were handled, whether anybody is subscribed or not.",
    ),
    (
        "notification_send",
        "histogram",
        &["namespace", "name"],
        "Seconds from an event of a Rollout until the last of its notifications ended; every event counts.",
    ),
];

/// What is counted by type and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutCount {
    /// A notification that was not delivered.
    SendError,
    /// A notification that was delivered.
    SendSuccess,
    /// An event.
    Event,
}

/// The figures of all objects.
#[derive(Default)]
pub struct RolloutFigures(Mutex<BTreeMap<(String, String), Figures>>);

#[derive(Default)]
struct Figures {
    /// By type and reason, in the order of [`RolloutCount`].
    counts: BTreeMap<(&'static str, String), [u64; 3]>,
    buckets: [u64; BUCKETS.len()],
    observed: u64,
    seconds: f64,
}

impl RolloutFigures {
    /// Counts one; `kind` is `Normal` or `Warning`.
    pub fn count(&self, what: RolloutCount, namespace: &str, name: &str, kind: &'static str, reason: &str) {
        self.with(namespace, name, |figures| {
            let counts = figures.counts.entry((kind, reason.to_owned())).or_default();
            if let Some(count) = counts.get_mut(what as usize) {
                *count += 1;
            }
        });
    }

    /// An event of the object was handled, and its last notification ended after `seconds`.
    pub fn observe(&self, namespace: &str, name: &str, seconds: f64) {
        self.with(namespace, name, |figures| {
            figures.observed += 1;
            figures.seconds += seconds;
            for (count, _) in figures.buckets.iter_mut().zip(BUCKETS).filter(|(_, bound)| seconds <= *bound) {
                *count += 1;
            }
        });
    }

    /// The object is gone, and its series with it (core 5.8.3).
    pub fn forget(&self, namespace: &str, name: &str) {
        self.all().remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn with(&self, namespace: &str, name: &str, change: impl FnOnce(&mut Figures)) {
        let mut all = self.all();
        let key = (namespace.to_owned(), name.to_owned());
        if all.len() < MOST_OBJECTS || all.contains_key(&key) {
            change(all.entry(key).or_default());
        }
    }

    /// Appends the series to `page`; nothing where nothing was counted.
    pub(super) fn render(&self, page: &mut String) {
        let all = self.all();
        for (index, (name, kind, _, help)) in TABLE.iter().enumerate() {
            let mut lines = String::new();
            for ((namespace, object), figures) in all.iter() {
                let labels = format!("namespace=\"{}\",name=\"{}\"", escaped(namespace), escaped(object));
                if *kind == "histogram" {
                    figures.histogram(name, &labels, &mut lines);
                } else {
                    figures.counters(index, name, &labels, &mut lines);
                }
            }
            if !lines.is_empty() {
                // Writing to a `String` does not fail.
                writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}").ok();
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Figures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Figures {
    fn counters(&self, index: usize, name: &str, labels: &str, lines: &mut String) {
        for ((kind, reason), counts) in &self.counts {
            let count = counts.get(index).copied().unwrap_or_default();
            if count > 0 {
                writeln!(lines, "{name}{{{labels},type=\"{kind}\",reason=\"{}\"}} {count}", escaped(reason))
                    .ok();
            }
        }
    }

    fn histogram(&self, name: &str, labels: &str, lines: &mut String) {
        if self.observed == 0 {
            return;
        }
        for (bound, count) in BUCKETS.iter().zip(self.buckets) {
            writeln!(lines, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}").ok();
        }
        writeln!(lines, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", self.observed).ok();
        writeln!(
            lines,
            "{name}_sum{{{labels}}} {}\n{name}_count{{{labels}}} {}",
            self.seconds, self.observed
        )
        .ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_are_upstreams_and_go_with_their_object() {
        let figures = RolloutFigures::default();
        figures.count(RolloutCount::Event, "shop", "cart", "Warning", "RolloutAborted");
        figures.count(RolloutCount::SendSuccess, "shop", "cart", "Warning", "RolloutAborted");
        figures.observe("shop", "cart", 0.2);
        let mut page = String::new();
        figures.render(&mut page);
        for line in [
            "notification_send_success{namespace=\"shop\",name=\"cart\",type=\"Warning\",reason=\"RolloutAborted\"} 1",
            "rollout_events_total{namespace=\"shop\",name=\"cart\",type=\"Warning\",reason=\"RolloutAborted\"} 1",
            "notification_send_bucket{namespace=\"shop\",name=\"cart\",le=\"0.15\"} 0",
            "notification_send_bucket{namespace=\"shop\",name=\"cart\",le=\"0.25\"} 1",
            "notification_send_bucket{namespace=\"shop\",name=\"cart\",le=\"+Inf\"} 1",
            "notification_send_sum{namespace=\"shop\",name=\"cart\"} 0.2",
            "notification_send_count{namespace=\"shop\",name=\"cart\"} 1",
        ] {
            assert!(page.lines().any(|one| one == line), "{line}\n{page}");
        }
        assert!(!page.contains("notification_send_error"));
        figures.forget("shop", "cart");
        let mut page = String::new();
        figures.render(&mut page);
        assert_eq!(page, "");
    }
}
