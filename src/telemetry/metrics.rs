//! Metrics: their names in one table, the counters, and the page that Prometheus reads.
//!
//! Counters live in the exporter's registry. What can be looked up at the moment of reading (outbox, configuration,
//! process) is not kept but collected for each page, so it cannot be stale and goes away with the thing itself.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError, RwLock};

use metrics::{Counter, Key, Label, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::process;
use super::rollouts::RolloutFigures;
use crate::outbox::{BreakerState, Outbox, Snapshot};

/// All metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Final outcomes, under the binding's prefix (core 5.8).
    Deliveries,
    /// Evaluated conditions, under the binding's prefix (core 5.8).
    Evaluations,
    /// Attempts, successful or not.
    Attempts,
    /// Whether a key of the configuration is in force as written.
    ConfigItemValid,
    /// Parcels that have not ended.
    OutboxMessages,
    /// Running attempts.
    OutboxInFlight,
    /// Age of the oldest parcel.
    OutboxOldest,
    /// Breakers that are not closed.
    OutboxBreakerOpen,
    /// Bytes used.
    OutboxBytes,
    /// Bytes there are.
    OutboxCapacity,
    /// Dead letters kept.
    OutboxDeadLetters,
    /// Dead letters that were pushed out.
    OutboxDeadLettersGone,
    /// CPU time.
    ProcessCpu,
    /// Open file descriptors.
    ProcessOpenFds,
    /// Most open file descriptors.
    ProcessMaxFds,
    /// Resident memory.
    ProcessResident,
    /// Address space.
    ProcessVirtual,
    /// Start of the process.
    ProcessStart,
}

/// What the table says about one metric.
pub struct Row {
    /// The metric.
    pub metric: Metric,
    /// Its name; `{}` stands for the binding's prefix.
    pub name: &'static str,
    /// Whether it only grows.
    pub is_counter: bool,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Its help text.
    pub help: &'static str,
}

const fn counter(
    metric: Metric,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Row {
    Row { metric, name, is_counter: true, labels, help }
}

const fn gauge(
    metric: Metric,
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Row {
    Row { metric, name, is_counter: false, labels, help }
}

/// The table, in the order of [`Metric`]. The documentation's list is made from it.
pub const TABLE: &[Row] = &[
    counter(
        Metric::Deliveries,
        "{}_notifications_deliveries_total",
        &["trigger", "service", "succeeded"],
        "Number of delivered notifications.",
    ),
    counter(
        Metric::Evaluations,
        "{}_notifications_trigger_eval_total",
        &["name", "triggered"],
        "Number of trigger evaluations.",
    ),
    counter(
        Metric::Attempts,
        "dodona_delivery_attempts_total",
        &["service", "outcome"],
        "Delivery attempts by outcome: delivered, or the kind of failure.",
    ),
    gauge(
        Metric::ConfigItemValid,
        "dodona_config_item_valid",
        &["kind", "name"],
        "1 if this key of the configuration is in force as written, 0 if it is broken.",
    ),
    gauge(
        Metric::OutboxMessages,
        "dodona_outbox_messages",
        &["service"],
        "Messages that wait for their delivery.",
    ),
    gauge(
        Metric::OutboxInFlight,
        "dodona_outbox_in_flight",
        &["service"],
        "Delivery attempts that are running.",
    ),
    gauge(
        Metric::OutboxOldest,
        "dodona_outbox_oldest_seconds",
        &["service"],
        "Age of the oldest message that waits for its delivery.",
    ),
    gauge(
        Metric::OutboxBreakerOpen,
        "dodona_outbox_breaker_open",
        &["service"],
        "1 if the service counts as down and is only probed, 0 otherwise.",
    ),
    gauge(Metric::OutboxBytes, "dodona_outbox_bytes", &[], "Bytes of messages that wait for their delivery."),
    gauge(
        Metric::OutboxCapacity,
        "dodona_outbox_capacity_bytes",
        &[],
        "Bytes at which sources are slowed down.",
    ),
    gauge(Metric::OutboxDeadLetters, "dodona_outbox_dead_letters", &[], "Refused messages that are kept."),
    counter(
        Metric::OutboxDeadLettersGone,
        "dodona_outbox_dead_letters_dropped_total",
        &[],
        "Refused messages that had to make room for later ones.",
    ),
    counter(
        Metric::ProcessCpu,
        "process_cpu_seconds_total",
        &[],
        "Total user and system CPU time spent in seconds.",
    ),
    gauge(Metric::ProcessOpenFds, "process_open_fds", &[], "Number of open file descriptors."),
    gauge(Metric::ProcessMaxFds, "process_max_fds", &[], "Maximum number of open file descriptors."),
    gauge(Metric::ProcessResident, "process_resident_memory_bytes", &[], "Resident memory size in bytes."),
    gauge(Metric::ProcessVirtual, "process_virtual_memory_bytes", &[], "Virtual memory size in bytes."),
    gauge(
        Metric::ProcessStart,
        "process_start_time_seconds",
        &[],
        "Start time of the process since unix epoch in seconds.",
    ),
];

/// Series beyond this number count under the label value `other`: whoever can name a service in an annotation must not
/// be able to fill the memory of Prometheus.
const MOST_SERIES: usize = 10_000;

/// One key of a configuration, as [`Metric::ConfigItemValid`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigItem {
    /// `trigger`, `template`, `service`, …
    pub kind: String,
    /// Name after the kind.
    pub name: String,
    /// Whether it is in force as written.
    pub valid: bool,
}

type Collector = Box<dyn Fn(&mut Page) + Send + Sync>;

/// The metrics of one process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    /// Counters by name and label values, so that counting costs one look-up.
    series: RwLock<HashMap<String, Counter>>,
    /// Configuration items by the configuration that they are from.
    config_items: Mutex<BTreeMap<String, Vec<ConfigItem>>>,
    collectors: Mutex<Vec<Collector>>,
    rollouts: RolloutFigures,
}

impl Metrics {
    /// No series yet: one appears when it is counted first (core 5.8.1).
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        Self {
            handle: recorder.handle(),
            recorder,
            series: RwLock::default(),
            config_items: Mutex::default(),
            collectors: Mutex::default(),
            rollouts: RolloutFigures::default(),
        }
    }

    /// Counts a final outcome. `prefix` is the binding's: `argocd`, `argo_rollouts` (core 5.8).
    pub fn delivered(&self, prefix: &str, trigger: &str, service: &str, succeeded: bool) {
        self.count(Metric::Deliveries, prefix, &[trigger, service, bool_label(succeeded)]);
    }

    /// Counts an evaluated condition of the trigger `name`.
    pub fn evaluated(&self, prefix: &str, name: &str, triggered: bool) {
        self.count(Metric::Evaluations, prefix, &[name, bool_label(triggered)]);
    }

    /// Counts an attempt; `outcome` is `delivered` or the label of an error kind.
    pub fn attempted(&self, service: &str, outcome: &'static str) {
        self.count(Metric::Attempts, "", &[service, outcome]);
    }

    /// Shows `items` as the keys of the configuration called `owner` (its namespace), in the place of its former ones.
    pub fn config_items(&self, owner: &str, items: Vec<ConfigItem>) {
        self.config_items.lock().unwrap_or_else(PoisonError::into_inner).insert(owner.to_owned(), items);
    }

    /// Shows the outbox.
    pub fn show_outbox(&self, outbox: Outbox) {
        self.collect(move |page| page.outbox(&outbox.snapshot()));
    }

    /// Asks `collector` for its figures whenever the page is read.
    pub fn collect(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        self.collectors.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(collector));
    }

    /// The page in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut page = Page::default();
        for items in self.config_items.lock().unwrap_or_else(PoisonError::into_inner).values() {
            for item in items {
                let value = if item.valid { 1.0 } else { 0.0 };
                page.merge(Metric::ConfigItemValid, &[&item.kind, &item.name], value, f64::min);
            }
        }
        for collector in self.collectors.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            collector(&mut page);
        }
        page.process();
        let mut text = page.render(self.handle.render());
        self.rollouts.render(&mut text);
        text
    }

    /// What the engine of events of Rollouts counts.
    pub fn rollouts(&self) -> &RolloutFigures {
        &self.rollouts
    }

    fn count(&self, metric: Metric, prefix: &str, values: &[&str]) {
        let row = row(metric);
        let mut id = String::with_capacity(128);
        for part in [prefix, row.name].iter().chain(values) {
            id.push_str(part);
            id.push('\0');
        }
        let known = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        known.unwrap_or_else(|| self.begin(row, prefix, values, id)).increment(1);
    }

    /// Begins a series.
    fn begin(&self, row: &Row, prefix: &str, values: &[&str], id: String) -> Counter {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let full = series.len() >= MOST_SERIES;
        let labels: Vec<Label> = (row.labels.iter().zip(values))
            .map(|(name, value)| {
                Label::new(*name, if full { "other".to_owned() } else { (*value).to_owned() })
            })
            .collect();
        let name = row.name.replace("{}", prefix);
        self.recorder.describe_counter(name.clone().into(), None, row.help.into());
        let metadata = Metadata::new(module_path!(), metrics::Level::INFO, None);
        let counter = self.recorder.register_counter(&Key::from_parts(name, labels), &metadata);
        if !full {
            series.insert(id, counter.clone());
        }
        counter
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Figures that are looked up while the page is read.
#[derive(Default)]
pub struct Page {
    families: BTreeMap<Metric, BTreeMap<Vec<String>, f64>>,
}

impl Page {
    /// Sets a figure. `values` belong to the labels in the order of the table.
    pub fn set(&mut self, metric: Metric, values: &[&str], figure: f64) {
        self.merge(metric, values, figure, |_, new| new);
    }

    /// Sets a figure, or merges it with the one that is there.
    pub fn merge(&mut self, metric: Metric, values: &[&str], figure: f64, merge: fn(f64, f64) -> f64) {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let family = self.families.entry(metric).or_default();
        family.entry(values).and_modify(|old| *old = merge(*old, figure)).or_insert(figure);
    }

    /// Services of the same name in several configurations are one line: its worst, or its sum.
    fn outbox(&mut self, snapshot: &Snapshot) {
        for service in &snapshot.services {
            let name: &[&str] = &[&service.service];
            let open = if service.breaker == BreakerState::Closed { 0.0 } else { 1.0 };
            self.merge(Metric::OutboxMessages, name, float(service.parcels), |a, b| a + b);
            self.merge(Metric::OutboxInFlight, name, float(service.in_flight), |a, b| a + b);
            self.merge(Metric::OutboxOldest, name, service.oldest.as_secs_f64(), f64::max);
            self.merge(Metric::OutboxBreakerOpen, name, open, f64::max);
        }
        self.set(Metric::OutboxBytes, &[], float(snapshot.bytes));
        self.set(Metric::OutboxCapacity, &[], float(snapshot.capacity));
        self.set(Metric::OutboxDeadLetters, &[], float(snapshot.dead_letters));
        self.set(Metric::OutboxDeadLettersGone, &[], float(snapshot.dead_letters_gone));
    }

    fn process(&mut self) {
        let figures = process::read();
        for (metric, figure) in [
            (Metric::ProcessCpu, figures.cpu_seconds),
            (Metric::ProcessOpenFds, figures.open_fds),
            (Metric::ProcessMaxFds, figures.max_fds),
            (Metric::ProcessResident, figures.resident_bytes),
            (Metric::ProcessVirtual, figures.virtual_bytes),
            (Metric::ProcessStart, figures.start_time),
        ] {
            if let Some(figure) = figure {
                self.set(metric, &[], figure);
            }
        }
    }

    /// Appends the families to `text`.
    fn render(&self, mut text: String) -> String {
        for (metric, samples) in &self.families {
            let row = row(*metric);
            let kind = if row.is_counter { "counter" } else { "gauge" };
            // Writing to a `String` does not fail.
            writeln!(text, "# HELP {} {}\n# TYPE {} {kind}", row.name, row.help, row.name).ok();
            for (values, figure) in samples {
                let labels: Vec<String> = (row.labels.iter().zip(values))
                    .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                    .collect();
                let labels =
                    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                writeln!(text, "{}{labels} {figure}", row.name).ok();
            }
            text.push('\n');
        }
        text
    }
}

fn row(metric: Metric) -> &'static Row {
    &TABLE[metric as usize]
}

fn bool_label(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people; exact up to 2^53")]
fn float(count: impl TryInto<u64>) -> f64 {
    count.try_into().map_or(0.0, |count| count as f64)
}

pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outbox::ServiceSnapshot;

    /// The lines of the page that begin with one of `prefixes`, sorted.
    fn lines(metrics: &Metrics, prefixes: &[&str]) -> Vec<String> {
        let text = metrics.render();
        let chosen = text.lines().filter(|line| prefixes.iter().any(|prefix| line.starts_with(prefix)));
        let mut lines: Vec<String> = chosen.map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn the_table_is_in_the_order_of_the_metrics() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.metric as usize, index, "{}", row.name);
            assert_eq!(row.is_counter, row.name.ends_with("_total"), "{}", row.name);
        }
    }

    /// `docs/metrics.md` is this text; after a change of the table, copy it from the failure.
    #[test]
    fn the_page_lists_the_table() {
        let mut page = String::from(
            "# Metrics\n\n\
             Served at `/metrics` on the metrics port (9001). `PREFIX` is the binding's: `argocd` for Applications,\n\
             `argo_rollouts` for Rollouts, `dodona` for other kinds. A series appears when it is counted first.\n\n\
             | name | type | labels | meaning |\n|---|---|---|---|\n",
        );
        for row in TABLE {
            let kind = if row.is_counter { "counter" } else { "gauge" };
            let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
            let name = row.name.replace("{}", "PREFIX");
            writeln!(page, "| `{name}` | {kind} | {} | {} |", labels.join(", "), row.help).unwrap();
        }
        page.push_str(
            "\nOf the events of Rollouts, under upstream's names; the series of an object go away with it:\n\n\
             | name | type | labels | meaning |\n|---|---|---|---|\n",
        );
        for (name, kind, labels, help) in super::super::rollouts::TABLE {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
        }
        let found = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md"));
        assert_eq!(found.unwrap_or_default(), page, "docs/metrics.md is stale");
    }

    /// Core 5.8, 5.8.1: names, labels and help texts of upstream, and no series before its first increment.
    #[test]
    fn upstreams_counters_keep_their_names() {
        let metrics = Metrics::new();
        assert!(!metrics.render().contains("notifications"));
        metrics.delivered("argocd", "on-deployed", "slack", true);
        metrics.delivered("argocd", "on-deployed", "slack", true);
        metrics.delivered("argocd", "on-deployed", "slack", false);
        metrics.evaluated("argo_rollouts", "on-purple", true);
        let prefixes = ["argo", "# HELP argo", "# TYPE argo"];
        let expected = [
            "# HELP argo_rollouts_notifications_trigger_eval_total Number of trigger evaluations.",
            "# HELP argocd_notifications_deliveries_total Number of delivered notifications.",
            "# TYPE argo_rollouts_notifications_trigger_eval_total counter",
            "# TYPE argocd_notifications_deliveries_total counter",
            r#"argo_rollouts_notifications_trigger_eval_total{name="on-purple",triggered="true"} 1"#,
            r#"argocd_notifications_deliveries_total{trigger="on-deployed",service="slack",succeeded="false"} 1"#,
            r#"argocd_notifications_deliveries_total{trigger="on-deployed",service="slack",succeeded="true"} 2"#,
        ];
        assert_eq!(lines(&metrics, &prefixes), expected);
    }

    #[test]
    fn a_key_that_is_gone_is_not_shown_and_a_broken_one_wins() {
        let item = |name: &str, valid| ConfigItem { kind: "trigger".into(), name: name.into(), valid };
        let metrics = Metrics::new();
        metrics.config_items("argocd", vec![item("a", true), item("gone", true)]);
        metrics.config_items("argocd", vec![item("a", true), item("b\"\\\n", false)]);
        metrics.config_items("team", vec![item("a", false)]);
        let expected = [
            r#"dodona_config_item_valid{kind="trigger",name="a"} 0"#,
            r#"dodona_config_item_valid{kind="trigger",name="b\"\\\n"} 0"#,
        ];
        assert_eq!(lines(&metrics, &["dodona_config_item_valid"]), expected);
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let metrics = Metrics::new();
        for number in 0..MOST_SERIES + 50 {
            metrics.attempted(&format!("s{number}"), "delivered");
        }
        let lines = lines(&metrics, &["dodona_delivery_attempts_total{"]);
        assert_eq!(lines.len(), MOST_SERIES + 1);
        assert_eq!(lines[0], r#"dodona_delivery_attempts_total{service="other",outcome="other"} 50"#);
    }

    #[test]
    fn services_of_one_name_are_shown_as_one() {
        let service = |namespace: &str, parcels, oldest, breaker| ServiceSnapshot {
            config_namespace: namespace.into(),
            service: "slack".into(),
            parcels,
            in_flight: 1,
            oldest: Duration::from_secs(oldest),
            breaker,
        };
        let snapshot = Snapshot {
            parcels: 5,
            in_flight: 2,
            bytes: 100,
            capacity: 1000,
            dead_letters: 3,
            dead_letters_gone: 1,
            services: vec![service("a", 2, 30, BreakerState::Closed), service("b", 3, 5, BreakerState::Open)],
            queues: Vec::new(),
        };
        let metrics = Metrics::new();
        metrics.collect(move |page| page.outbox(&snapshot));
        let expected = [
            "dodona_outbox_breaker_open{service=\"slack\"} 1",
            "dodona_outbox_bytes 100",
            "dodona_outbox_capacity_bytes 1000",
            "dodona_outbox_dead_letters 3",
            "dodona_outbox_dead_letters_dropped_total 1",
            "dodona_outbox_in_flight{service=\"slack\"} 2",
            "dodona_outbox_messages{service=\"slack\"} 5",
            "dodona_outbox_oldest_seconds{service=\"slack\"} 30",
        ];
        assert_eq!(lines(&metrics, &["dodona_outbox"]), expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_shows_itself() {
        assert_eq!(lines(&Metrics::new(), &["process_"]).len(), 6);
    }
}
