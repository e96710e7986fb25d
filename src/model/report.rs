//! What is wrong with a configuration, in the words that a person needs to repair it.

use std::fmt;

use super::Position;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It loads and works, probably not as intended.
    Warning,
    /// The key is refused; its last good value stays in force.
    Error,
}

/// One finding about one key of a ConfigMap or Secret, or about an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How bad it is.
    pub severity: Severity,
    /// The key path: `template.app-synced`, or deeper: `template.app-synced` + `slack.blocks`.
    pub key: String,
    /// Where inside the value of the key, if a place is known.
    pub at: Option<Position>,
    /// What is wrong and what to do, lower case, without a full stop.
    pub message: String,
    /// The rule of `dodona lint` under which it is known; empty for the general one of its key.
    pub rule: &'static str,
}

impl Report {
    /// An error about `key`.
    pub fn error(key: impl Into<String>, at: Option<Position>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, key: key.into(), at, message: message.into(), rule: "" }
    }

    /// A warning about `key`.
    pub fn warning(key: impl Into<String>, at: Option<Position>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, key: key.into(), at, message: message.into(), rule: "" }
    }

    /// The same report, known to `dodona lint` as `rule`.
    #[must_use]
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "`{}`, line {}, column {}: {}", self.key, at.line, at.column, self.message),
            None => write!(f, "`{}`: {}", self.key, self.message),
        }
    }
}
