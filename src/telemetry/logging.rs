//! Log lines in upstream's shapes (core 5.7), JSON and text, with every secret masked.
//!
//! The shapes are those of the logger behind upstream: `level`, `msg`, `time` and the event's own fields. Only our own
//! events have all levels; libraries speak from `warning` on, as their debug lines repeat what must not be seen.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::model::{Clock, Redactor};

/// Shape of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line, keys in order.
    #[default]
    Json,
    /// `time="…" level=info msg="…" key=value`.
    Text,
    /// For terminals: `INFO[0000] … key=value`, in colours.
    Colored,
}

/// The least level that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What may need attention.
    Warning,
    /// What needs attention.
    Error,
}

impl std::str::FromStr for LogLevel {
    type Err = String;

    /// The names that upstream's flag accepts, in any case; levels that are not used map to their neighbour.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "trace" | "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warn" | "warning" => Ok(Self::Warning),
            "error" | "fatal" | "panic" => Ok(Self::Error),
            _ => Err(format!("unexpected log level `{text}`, expected debug, info, warn or error")),
        }
    }
}

/// A subscriber that writes to `writer`, one `write` per line. Pass standard error, as upstream does.
pub fn subscriber(
    format: Format,
    level: LogLevel,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    writer: impl Write + Send + 'static,
) -> impl Subscriber + Send + Sync {
    let started = clock.unix_seconds();
    let lines = Lines { format, level, clock, started, redactor, writer: Mutex::new(writer) };
    tracing_subscriber::registry().with(lines)
}

struct Lines<W> {
    format: Format,
    level: LogLevel,
    clock: Arc<dyn Clock>,
    /// Unix seconds; the terminal shape counts from here.
    started: i64,
    redactor: Redactor,
    writer: Mutex<W>,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        let ours = metadata.target().split("::").next().is_some_and(|name| name.starts_with("dodona"));
        let least = if ours { self.level } else { self.level.max(LogLevel::Warning) };
        level_of(metadata) >= least
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields { redactor: &self.redactor, message: String::new(), others: BTreeMap::new() };
        event.record(&mut fields);
        let line = self.line(level_of(event.metadata()), &fields);
        // Nobody can be told that the log cannot be written.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes()).ok();
    }
}

impl<W> Lines<W> {
    fn line(&self, level: LogLevel, fields: &Fields<'_>) -> String {
        let now = self.clock.unix_seconds();
        let time = jiff::Timestamp::from_second(now).map(|time| time.to_string()).unwrap_or_default();
        match self.format {
            Format::Json => json_line(&time, level, fields),
            Format::Text => text_line(&time, level, fields),
            Format::Colored => colored_line(now.saturating_sub(self.started), level, fields),
        }
    }
}

fn level_of(metadata: &Metadata<'_>) -> LogLevel {
    match *metadata.level() {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warning,
        Level::INFO => LogLevel::Info,
        Level::DEBUG | Level::TRACE => LogLevel::Debug,
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warning",
        LogLevel::Error => "error",
    }
}

/// The fields of one event, masked already.
struct Fields<'a> {
    redactor: &'a Redactor,
    message: String,
    others: BTreeMap<String, Value>,
}

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: Value) {
        let name = field.name().trim_start_matches("r#");
        match name {
            "message" => self.message = plain(&value),
            // These would take the place of the line's own.
            "time" | "level" | "msg" => drop(self.others.insert(format!("fields.{name}"), value)),
            _ => drop(self.others.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::from(self.redactor.redact(value).as_ref()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(value.source(), |cause| cause.source());
        let text = causes.fold(value.to_string(), |text, cause| format!("{text}: {cause}"));
        self.record_str(field, &text);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }
}

fn json_line(time: &str, level: LogLevel, fields: &Fields<'_>) -> String {
    let mut all = fields.others.clone();
    all.insert("level".into(), level_name(level).into());
    all.insert("msg".into(), fields.message.as_str().into());
    all.insert("time".into(), time.into());
    let mut line = String::from("{");
    for (index, (key, value)) in all.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a `String` does not fail.
        write!(line, "{comma}{}:{value}", Value::from(key.as_str())).ok();
    }
    line.push_str("}\n");
    html_escaped(&line)
}

/// As Go's encoder writes it. The characters cannot stand outside of strings in JSON.
fn html_escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
            write!(escaped, "\\u{:04x}", u32::from(character)).ok();
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn text_line(time: &str, level: LogLevel, fields: &Fields<'_>) -> String {
    let mut line =
        format!("time={} level={} msg={}", quoted(time), level_name(level), quoted(&fields.message));
    for (key, value) in &fields.others {
        write!(line, " {key}={}", quoted(&plain(value))).ok();
    }
    line.push('\n');
    line
}

fn colored_line(seconds: i64, level: LogLevel, fields: &Fields<'_>) -> String {
    let (name, color) = match level {
        LogLevel::Debug => ("DEBU", 37),
        LogLevel::Info => ("INFO", 36),
        LogLevel::Warning => ("WARN", 33),
        LogLevel::Error => ("ERRO", 31),
    };
    let message = fields.message.trim_end_matches('\n');
    let mut line = format!("\x1b[{color}m{name}\x1b[0m[{seconds:04}] {message:<44} ");
    for (key, value) in &fields.others {
        write!(line, " \x1b[{color}m{key}\x1b[0m={}", quoted(&plain(value))).ok();
    }
    line.push('\n');
    line
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Quotes where upstream's logger does.
fn quoted(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/@^+".contains(c)) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                write!(quoted, "\\x{:02x}", u32::from(c)).ok();
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A writer for tests and for the embedded views: everything goes into one shared text.
#[derive(Clone, Debug, Default)]
pub struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FixedClock, Secret};

    /// What `log` writes in `format`.
    fn logged(format: Format, level: LogLevel, log: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let redactor = Redactor::default();
        redactor.set("test", &[Secret::from("hunter22")]);
        let clock = Arc::new(FixedClock::at(1_700_000_000));
        tracing::subscriber::with_default(subscriber(format, level, clock, redactor, buffer.clone()), log);
        buffer.text()
    }

    fn start() {
        tracing::info!(resource = "argocd/guestbook", "Start processing");
    }

    #[test]
    fn json_has_upstreams_shape() {
        assert_eq!(
            logged(Format::Json, LogLevel::Info, start),
            "{\"level\":\"info\",\"msg\":\"Start processing\",\"resource\":\"argocd/guestbook\",\"time\":\"2023-11-14T22:13:20Z\"}\n",
        );
    }

    #[test]
    fn text_has_upstreams_shape() {
        assert_eq!(
            logged(Format::Text, LogLevel::Info, start),
            "time=\"2023-11-14T22:13:20Z\" level=info msg=\"Start processing\" resource=argocd/guestbook\n",
        );
        let warn = || tracing::warn!(b = 1, a = true, empty = "", "one \"two\"\n");
        assert_eq!(
            logged(Format::Text, LogLevel::Info, warn),
            "time=\"2023-11-14T22:13:20Z\" level=warning msg=\"one \\\"two\\\"\\n\" a=true b=1 empty=\n",
        );
    }

    #[test]
    fn colors_have_the_shape_of_a_terminal() {
        let expected = format!(
            "\x1b[36mINFO\x1b[0m[0000] {:<44}  \x1b[36mresource\x1b[0m=argocd/guestbook\n",
            "Start processing"
        );
        assert_eq!(logged(Format::Colored, LogLevel::Info, start), expected);
    }

    #[test]
    fn json_values_keep_their_types_and_escape_as_go_does() {
        let log = || tracing::error!(port = 9001, ok = false, time = "x", ratio = 0.5, "a <b> & c");
        assert_eq!(
            logged(Format::Json, LogLevel::Info, log),
            "{\"fields.time\":\"x\",\"level\":\"error\",\"msg\":\"a \\u003cb\\u003e \\u0026 c\",\"ok\":false,\
             \"port\":9001,\"ratio\":0.5,\"time\":\"2023-11-14T22:13:20Z\"}\n",
        );
    }

    #[test]
    fn secrets_are_masked_in_every_field() {
        #[derive(Debug, thiserror::Error)]
        #[error("bad password hunter22")]
        struct Bad;
        for format in [Format::Json, Format::Text, Format::Colored] {
            let log = || {
                let error: &(dyn std::error::Error + 'static) = &Bad;
                tracing::error!(error, url = %"https://u:hunter22@h/", debug = ?("hunter22",), "hunter22 {}", "hunter22");
            };
            let line = logged(format, LogLevel::Info, log);
            assert!(!line.contains("hunter22"), "{line}");
            assert_eq!(line.matches("***").count(), 5, "{line}");
        }
    }

    #[test]
    fn levels_and_libraries_are_filtered() {
        let log = || {
            tracing::debug!("debug");
            tracing::info!("info");
            tracing::warn!("warning");
            tracing::info!(target: "hyper::client", "library info");
            tracing::warn!(target: "hyper::client", "library warning");
        };
        let messages = |level| {
            let text = logged(Format::Json, level, log);
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.map(|line| plain(&line["msg"])).collect::<Vec<_>>()
        };
        assert_eq!(messages(LogLevel::Debug), ["debug", "info", "warning", "library warning"]);
        assert_eq!(messages(LogLevel::Info), ["info", "warning", "library warning"]);
        assert_eq!(messages(LogLevel::Error), [] as [&str; 0]);
    }

    #[test]
    fn level_names_are_read_as_upstream_reads_them() {
        assert_eq!("WARN".parse(), Ok(LogLevel::Warning));
        assert_eq!("warning".parse(), Ok(LogLevel::Warning));
        assert!("loud".parse::<LogLevel>().unwrap_err().contains("`loud`"));
    }
}
