//! A vector as it stands in the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One vector.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Vector {
    pub id: String,
    pub service: String,
    pub service_key: String,
    pub service_config: String,
    pub secrets: Option<BTreeMap<String, String>>,
    pub template_name: String,
    pub template: String,
    pub more_templates: Option<Vec<NamedTemplate>>,
    pub host: Option<String>,
    pub env: Option<BTreeMap<String, String>>,
    pub files: Option<BTreeMap<String, String>>,
    pub tls: Option<String>,
    pub intercept: bool,
    #[serde(rename = "override")]
    pub overriding: Option<BTreeMap<String, Value>>,
    pub then: Vec<Step>,
    #[serde(flatten)]
    step: Step,
}

/// A further template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NamedTemplate {
    pub name: String,
    pub template: String,
}

/// One send and what comes of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    pub send: Vec<String>,
    pub vars: Option<serde_json::Map<String, Value>>,
    pub destination: Destination,
    pub exchanges: Option<Vec<Exchange>>,
    pub unordered: bool,
    pub smtp: Option<Smtp>,
    pub nats: Option<Value>,
    pub stdout: Option<String>,
    pub result: String,
    pub class: Option<String>,
    pub error_contains: Option<Vec<String>>,
    pub expect: Option<Box<Expect>>,
}

/// What is right instead of what was recorded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Expect {
    pub exchanges: Option<Vec<Exchange>>,
    pub smtp: Option<Smtp>,
    pub result: Option<String>,
    pub class: Option<String>,
    pub error_contains: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Destination {
    pub service: String,
    pub recipient: String,
}

/// A request and its answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Exchange {
    pub request: Request,
    pub response: Option<Response>,
    pub wait_ms: Option<u64>,
    pub optional: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Request {
    pub scheme: String,
    pub host: String,
    pub method: String,
    pub path: String,
    pub query: Option<BTreeMap<String, Vec<String>>>,
    pub headers: Option<BTreeMap<String, String>>,
    pub body_json: Option<Value>,
    pub body_form: Option<BTreeMap<String, Vec<String>>>,
    pub body_text: Option<String>,
    pub body_b64: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Response {
    pub status: u16,
    pub headers: Option<BTreeMap<String, String>>,
    pub body: Option<String>,
    pub drop: bool,
}

/// The mail server's script and what it got.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Smtp {
    pub server: Option<SmtpServer>,
    pub transcript: Option<Vec<String>>,
    pub messages: Option<Vec<Mail>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SmtpServer {
    pub ehlo: Option<Vec<String>>,
    pub ehlo_tls: Option<Vec<String>>,
    pub no_ehlo: bool,
    pub greeting: Option<String>,
    pub replies: Option<BTreeMap<String, String>>,
    pub challenge: Option<String>,
    pub cert: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Mail {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Vector {
    /// The first send.
    pub fn first_step(&self) -> Step {
        self.step.clone()
    }

    /// Whether requests go to a fixed host that no setting changes.
    pub fn needs_proxy(&self) -> bool {
        self.intercept && self.overriding.is_none()
    }

    /// The fixed hosts that requests go to, without ports.
    pub fn hosts(&self) -> Vec<&str> {
        let steps = std::iter::once(&self.step).chain(&self.then).filter(|_| self.needs_proxy());
        let requests = steps.flat_map(|step| step.expected_exchanges());
        let mut hosts: Vec<&str> =
            requests.filter_map(|exchange| exchange.request.host.split(':').next()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// The mail server's script.
    pub fn smtp_server(&self) -> Option<&SmtpServer> {
        self.step.smtp.as_ref()?.server.as_ref()
    }
}

impl Step {
    /// The requests that are right.
    pub fn expected_exchanges(&self) -> &[Exchange] {
        let repaired = self.expect.as_ref().and_then(|expect| expect.exchanges.as_ref());
        repaired.or(self.exchanges.as_ref()).map_or(&[], Vec::as_slice)
    }

    /// `ok`, `any`, or the text of an error.
    pub fn expected_result(&self) -> &str {
        self.expect.as_ref().and_then(|expect| expect.result.as_deref()).unwrap_or(&self.result)
    }

    /// The class of the error that is right.
    pub fn expected_class(&self) -> Option<&str> {
        self.expect.as_ref().and_then(|expect| expect.class.as_deref()).or(self.class.as_deref())
    }

    /// Texts that the error must contain.
    pub fn expected_texts(&self) -> &[String] {
        let repaired = self.expect.as_ref().and_then(|expect| expect.error_contains.as_ref());
        repaired.or(self.error_contains.as_ref()).map_or(&[], Vec::as_slice)
    }

    /// The mail that is right.
    pub fn expected_smtp(&self) -> Option<&Smtp> {
        self.expect.as_ref().and_then(|expect| expect.smtp.as_ref()).or(self.smtp.as_ref())
    }
}
