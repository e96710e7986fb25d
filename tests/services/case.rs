//! A case as it stands in its file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A service, its templates, and what it does with some messages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What it is about.
    pub(crate) about: String,
    /// The configured name of the service; the type's if absent.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// The text of `service.<type>`. `__HOST__` is the HTTP recorder, `__PORT__` the port of the mail recorder, `__DIR__` a
    /// folder.
    #[serde(default)]
    pub(crate) settings: Value,
    /// The error that the settings give, if they are refused.
    #[serde(default)]
    pub(crate) refused: Option<String>,
    /// The warnings that the settings give, by the beginning of their texts.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    /// Templates by name.
    #[serde(default)]
    pub(crate) templates: BTreeMap<String, Value>,
    /// The mail server, for services that need one.
    #[serde(default)]
    pub(crate) smtp: Smtp,
    /// Environment variables that services may read.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Files by name, below the folder `__DIR__`.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// Whether the settings are a tenant's, to whom nothing of the process is lent.
    #[serde(default)]
    pub(crate) tenant: bool,
    /// The NATS server (`__NATS__`), for services that need one.
    #[serde(default)]
    pub(crate) nats: Option<Nats>,
    /// Whether invalid content refuses a message.
    #[serde(default)]
    pub(crate) strict: bool,
    /// The messages.
    #[serde(default)]
    pub(crate) sends: Vec<Send>,
}

/// The mail server's script.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Smtp {
    pub(crate) ehlo: Vec<String>,
    pub(crate) ehlo_tls: Option<Vec<String>>,
    pub(crate) no_ehlo: bool,
    pub(crate) greeting: Option<String>,
    pub(crate) replies: BTreeMap<String, String>,
    pub(crate) challenge: String,
    pub(crate) implicit: bool,
    /// The line that must not be in the transcript.
    pub(crate) never: Vec<String>,
}

/// The NATS server's script.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Nats {
    /// Members that INFO has besides the usual ones.
    pub(crate) info: BTreeMap<String, Value>,
    pub(crate) connect_error: Option<String>,
    pub(crate) publish_error: Option<String>,
}

/// A message that comes to the NATS server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Published {
    pub(crate) subject: String,
    pub(crate) payload: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

/// One message and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    #[serde(default)]
    pub(crate) recipient: String,
    /// Templates in merge order; all of them by name if absent.
    #[serde(default)]
    pub(crate) templates: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) vars: serde_json::Map<String, Value>,
    #[serde(default)]
    pub(crate) answers: Vec<Answer>,
    #[serde(default)]
    pub(crate) requests: Vec<Request>,
    #[serde(default)]
    pub(crate) mails: Vec<Mail>,
    /// What comes to the NATS server.
    #[serde(default)]
    pub(crate) published: Vec<Published>,
    /// The CONNECTs of this send, each by some of its members; not compared if absent.
    #[serde(default)]
    pub(crate) connects: Option<Vec<Value>>,
    /// Whether they come encrypted.
    #[serde(default)]
    pub(crate) encrypted: bool,
    /// Lines that the client says, in this order, others between them.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// What the console prints.
    #[serde(default)]
    pub(crate) prints: Option<String>,
    /// The receipt's id.
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<Error>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: Value,
    #[serde(default)]
    pub(crate) drop: bool,
}

fn ok() -> u16 {
    200
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// `POST /path?query` as it is on the wire.
    pub(crate) line: String,
    /// Headers that must be there.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The whole form; values that are no texts are compared as JSON.
    #[serde(default)]
    pub(crate) form: Option<BTreeMap<String, Value>>,
    /// The whole body.
    #[serde(default)]
    pub(crate) json: Option<Value>,
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// The least time since the request before, in milliseconds.
    #[serde(default)]
    pub(crate) wait: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mail {
    /// Lines of the mail as it came, each whole.
    #[serde(default)]
    pub(crate) lines: Vec<String>,
    /// Texts that must not be in it.
    #[serde(default)]
    pub(crate) never: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Error {
    pub(crate) kind: String,
    /// `no`, `later`, or `after 5s`.
    pub(crate) retry: String,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) contains: Vec<String>,
    #[serde(default)]
    pub(crate) never: Vec<String>,
}
