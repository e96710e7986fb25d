//! A vector as it stands in the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One vector.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) service_key: String,
    pub(crate) service_config: String,
    pub(crate) secrets: Option<BTreeMap<String, String>>,
    pub(crate) template_name: String,
    pub(crate) template: String,
    pub(crate) more_templates: Option<Vec<NamedTemplate>>,
    pub(crate) host: Option<String>,
    pub(crate) env: Option<BTreeMap<String, String>>,
    pub(crate) files: Option<BTreeMap<String, String>>,
    pub(crate) tls: Option<String>,
    pub(crate) intercept: bool,
    #[serde(rename = "override")]
    pub(crate) overriding: Option<BTreeMap<String, Value>>,
    pub(crate) then: Vec<Step>,
    #[serde(flatten)]
    step: Step,
}

/// A further template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NamedTemplate {
    pub(crate) name: String,
    pub(crate) template: String,
}

/// One send and what comes of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    pub(crate) send: Vec<String>,
    pub(crate) vars: Option<serde_json::Map<String, Value>>,
    pub(crate) destination: Destination,
    pub(crate) exchanges: Option<Vec<Exchange>>,
    pub(crate) unordered: bool,
    pub(crate) smtp: Option<Smtp>,
    pub(crate) nats: Option<Nats>,
    pub(crate) stdout: Option<String>,
    pub(crate) result: String,
    pub(crate) class: Option<String>,
    pub(crate) error_contains: Option<Vec<String>>,
    pub(crate) expect: Option<Box<Expect>>,
}

/// What is right instead of what was recorded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Expect {
    pub(crate) exchanges: Option<Vec<Exchange>>,
    pub(crate) smtp: Option<Smtp>,
    pub(crate) nats: Option<Nats>,
    pub(crate) stdout: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) error_contains: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Destination {
    pub(crate) service: String,
    pub(crate) recipient: String,
}

/// A request and its answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) response: Option<Response>,
    pub(crate) wait_ms: Option<u64>,
    pub(crate) optional: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<BTreeMap<String, Vec<String>>>,
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) body_json: Option<Value>,
    pub(crate) body_form: Option<BTreeMap<String, Vec<String>>>,
    pub(crate) body_text: Option<String>,
    pub body_b64: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) body: Option<String>,
    pub(crate) drop: bool,
}

/// The mail server's script and what it got.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Smtp {
    pub(crate) server: Option<SmtpServer>,
    pub(crate) transcript: Option<Vec<String>>,
    pub(crate) messages: Option<Vec<Mail>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SmtpServer {
    pub(crate) ehlo: Option<Vec<String>>,
    pub(crate) ehlo_tls: Option<Vec<String>>,
    pub(crate) no_ehlo: bool,
    pub(crate) greeting: Option<String>,
    pub(crate) replies: Option<BTreeMap<String, String>>,
    pub(crate) challenge: Option<String>,
    pub(crate) cert: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Mail {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// The NATS server's script and what it got.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Nats {
    pub(crate) server: Option<NatsServer>,
    pub(crate) connect: Option<Value>,
    pub(crate) messages: Option<Vec<NatsMessage>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NatsServer {
    pub(crate) info: Option<BTreeMap<String, Value>>,
    pub(crate) connect_error: Option<String>,
    pub(crate) publish_error: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NatsMessage {
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    pub(crate) headers: Option<BTreeMap<String, Vec<String>>>,
    pub(crate) payload: String,
}

impl Vector {
    /// The first send.
    pub(crate) fn first_step(&self) -> Step {
        self.step.clone()
    }

    /// Whether requests go to a fixed host that no setting changes.
    pub(crate) fn needs_proxy(&self) -> bool {
        self.intercept && self.overriding.is_none()
    }

    /// The fixed hosts that requests go to, without ports.
    pub(crate) fn hosts(&self) -> Vec<&str> {
        let steps = std::iter::once(&self.step).chain(&self.then).filter(|_| self.needs_proxy());
        let requests = steps.flat_map(Step::expected_exchanges);
        let mut hosts: Vec<&str> =
            requests.filter_map(|exchange| exchange.request.host.split(':').next()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// The NATS server's script.
    pub(crate) fn nats_server(&self) -> Option<&NatsServer> {
        self.step.nats.as_ref()?.server.as_ref()
    }

    /// The mail server's script.
    pub(crate) fn smtp_server(&self) -> Option<&SmtpServer> {
        self.step.smtp.as_ref()?.server.as_ref()
    }
}

impl Step {
    /// The requests that are right.
    pub(crate) fn expected_exchanges(&self) -> &[Exchange] {
        let repaired = self.expect.as_ref().and_then(|expect| expect.exchanges.as_ref());
        repaired.or(self.exchanges.as_ref()).map_or(&[], Vec::as_slice)
    }

    /// `ok`, `any`, or the text of an error.
    pub(crate) fn expected_result(&self) -> &str {
        self.expect.as_ref().and_then(|expect| expect.result.as_deref()).unwrap_or(&self.result)
    }

    /// The class of the error that is right.
    pub(crate) fn expected_class(&self) -> Option<&str> {
        self.expect.as_ref().and_then(|expect| expect.class.as_deref()).or(self.class.as_deref())
    }

    /// Texts that the error must contain.
    pub(crate) fn expected_texts(&self) -> &[String] {
        let repaired = self.expect.as_ref().and_then(|expect| expect.error_contains.as_ref());
        repaired.or(self.error_contains.as_ref()).map_or(&[], Vec::as_slice)
    }

    /// What is right on the console.
    pub(crate) fn expected_stdout(&self) -> Option<&String> {
        self.expect.as_ref().and_then(|expect| expect.stdout.as_ref()).or(self.stdout.as_ref())
    }

    /// What is right at the NATS server.
    pub(crate) fn expected_nats(&self) -> Option<&Nats> {
        self.expect.as_ref().and_then(|expect| expect.nats.as_ref()).or(self.nats.as_ref())
    }

    /// The mail that is right.
    pub(crate) fn expected_smtp(&self) -> Option<&Smtp> {
        self.expect.as_ref().and_then(|expect| expect.smtp.as_ref()).or(self.smtp.as_ref())
    }
}
