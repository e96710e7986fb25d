//! What is printed on standard output: texts, tables, JSON and YAML in upstream's form (core 7.2); and colours.

use std::io::{self, IsTerminal, Write as _};
use std::str::FromStr;

use anyhow::Context as _;
use serde_json::Value;

use crate::model::to_yaml;

/// `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// A table for people.
    #[default]
    Wide,
    /// Names, one a line.
    Name,
    /// One JSON document, indented.
    Json,
    /// One YAML document.
    Yaml,
}

/// The value of `-o`, whatever it is: only the last one has to be a format, as in upstream's tools.
#[derive(Clone, Debug)]
pub(super) struct Output(String);

impl From<String> for Output {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Output {
    /// The format that is meant.
    pub(super) fn format(&self) -> anyhow::Result<Format> {
        self.0.parse().or_else(super::wrong_use)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" | "wide" => Ok(Self::Wide),
            "name" => Ok(Self::Name),
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => Err(format!("output '{text}' is not supported, the formats are wide, name, json and yaml")),
        }
    }
}

/// Writes `text` to standard output. A reader that has gone (`| head`) is no failure.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("failed to write to standard output")
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard output while something goes on, and to nobody where nobody reads it any more.
pub(super) fn line(text: &str) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// Writes a line to standard error. Where it is closed, or its disk is full, there is nobody left to be told.
pub(super) fn say(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints each text on a line of its own.
pub(super) fn print_lines<'a>(lines: impl IntoIterator<Item = &'a String>) -> anyhow::Result<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    print(&text)
}

/// Prints `value` as JSON or YAML.
pub(super) fn print_value(value: &Value, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Yaml => print(&to_yaml(value)),
        _ => print(&format!("{}\n", pretty_json(value))),
    }
}

/// JSON indented by two blanks, with Go's escapes.
pub(super) fn pretty_json(value: &Value) -> String {
    escaped(&format!("{value:#}"))
}

/// JSON on one line, with Go's escapes.
pub(super) fn json_line(value: &Value) -> String {
    escaped(&value.to_string())
}

/// Go escapes what a browser could take for markup, and two line breaks of Unicode. Outside of strings JSON has none of them.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// Colours, or none: only on a terminal, and not where `NO_COLOR` is set.
#[derive(Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output.
    pub(super) fn stdout() -> Self {
        Self::on(io::stdout().is_terminal())
    }

    /// No colours.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(false)
    }

    /// For standard error.
    pub(super) fn stderr() -> Self {
        Self::on(io::stderr().is_terminal())
    }

    fn on(terminal: bool) -> Self {
        let dumb = super::environment("TERM").is_some_and(|term| term == "dumb");
        Self(terminal && !dumb && super::environment("NO_COLOR").is_none())
    }

    /// `text` in the style of the SGR number `code`.
    fn sgr(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.sgr("2", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.sgr("32", text)
    }

    /// In the colour `#rrggbb`; any other text is no colour.
    pub(super) fn rgb(self, color: &str, text: &str) -> String {
        let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6);
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(rgb) => self.sgr(&format!("38;2;{};{};{}", rgb >> 16, rgb >> 8 & 255, rgb & 255), text),
            None => text.to_owned(),
        }
    }

    pub(super) fn red(self, text: &str) -> String {
        self.sgr("31", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.sgr("33", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped_as_go_does() {
        let value = serde_json::json!({"b": ["<&>", "\u{2028}"], "a": [], "c": {}});
        assert_eq!(
            pretty_json(&value),
            "{\n  \"b\": [\n    \"\\u003c\\u0026\\u003e\",\n    \"\\u2028\"\n  ],\n  \"a\": [],\n  \"c\": {}\n}"
        );
        assert_eq!(json_line(&value), r#"{"b":["\u003c\u0026\u003e","\u2028"],"a":[],"c":{}}"#);
    }

    #[test]
    fn an_unknown_format_names_the_known_ones() {
        assert_eq!("".parse(), Ok(Format::Wide));
        assert!("table".parse::<Format>().unwrap_err().contains("wide, name, json and yaml"));
    }
}
