//! A case as it stands in its file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A service, its templates, and what it does with some messages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is about.
    pub about: String,
    /// The configured name of the service; the type's if absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The text of `service.<type>`. `__HOST__` is the HTTP recorder, `__PORT__` the port of the mail recorder.
    #[serde(default)]
    pub settings: Value,
    /// The error that the settings give, if they are refused.
    #[serde(default)]
    pub refused: Option<String>,
    /// The warnings that the settings give, by the beginning of their texts.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Templates by name.
    #[serde(default)]
    pub templates: BTreeMap<String, Value>,
    /// The mail server, for services that need one.
    #[serde(default)]
    pub smtp: Smtp,
    /// Whether invalid content refuses a message.
    #[serde(default)]
    pub strict: bool,
    /// The messages.
    #[serde(default)]
    pub sends: Vec<Send>,
}

/// The mail server's script.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    pub ehlo: Vec<String>,
    pub ehlo_tls: Option<Vec<String>>,
    pub no_ehlo: bool,
    pub greeting: Option<String>,
    pub replies: BTreeMap<String, String>,
    pub challenge: String,
    pub implicit: bool,
    /// The line that must not be in the transcript.
    pub never: Vec<String>,
}

/// One message and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    #[serde(default)]
    pub recipient: String,
    /// Templates in merge order; all of them by name if absent.
    #[serde(default)]
    pub templates: Option<Vec<String>>,
    #[serde(default)]
    pub vars: serde_json::Map<String, Value>,
    #[serde(default)]
    pub answers: Vec<Answer>,
    #[serde(default)]
    pub requests: Vec<Request>,
    #[serde(default)]
    pub mails: Vec<Mail>,
    /// Lines that the client says, in this order, others between them.
    #[serde(default)]
    pub says: Vec<String>,
    /// What the console prints.
    #[serde(default)]
    pub prints: Option<String>,
    /// The receipt's id.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub error: Option<Error>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: Value,
    #[serde(default)]
    pub drop: bool,
}

fn ok() -> u16 {
    200
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `POST /path?query` as it is on the wire.
    pub line: String,
    /// Headers that must be there.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The whole form; values that are no texts are compared as JSON.
    #[serde(default)]
    pub form: Option<BTreeMap<String, Value>>,
    /// The whole body.
    #[serde(default)]
    pub json: Option<Value>,
    #[serde(default)]
    pub text: Option<String>,
    /// The least time since the request before, in milliseconds.
    #[serde(default)]
    pub wait: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Lines of the mail as it came, each whole.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Texts that must not be in it.
    #[serde(default)]
    pub never: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Error {
    pub kind: String,
    /// `no`, `later`, or `after 5s`.
    pub retry: String,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub contains: Vec<String>,
    #[serde(default)]
    pub never: Vec<String>,
}
