//! What every service states about itself in `tests/services/<service>/_contract.yml`, and how it is built for a test.
//!
//! The tests that run over the table are in `verdicts.rs` (what each answer means), `receivers.rs` (receivers that
//! misbehave), `egress.rs` (what tenants may reach), `secrets.rs` and `docs.rs`. A service that joins the table without
//! stating what they need fails here, with the name of what is missing.

use std::sync::Arc;

use dodona::config::yaml;
use dodona::delivery::client::{Clients, Reach};
use dodona::delivery::{DeliveryError, Service, service_types};
use dodona::model::{Message, Receipt};
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use md5::{Digest as _, Md5};
use rustls::ServerConfig;
use serde::Deserialize;
use serde_json::Value;

use crate::play::{build, render, to_json};

/// A key for services that sign; anybody may know it.
pub(crate) const RSA_KEY: &str = include_str!("../../src/delivery/sign/testdata/rsa-pkcs8.pem");

/// How a service is exercised.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contract {
    /// `http`, `smtp`, `nats`, or `none` for what talks to nobody.
    pub(crate) transport: String,
    /// The settings; `__URL__` is the recorder's base URL, `__PORT__` the mail recorder's port, `__RSA_KEY__` a private
    /// key as PEM.
    #[serde(default)]
    pub(crate) settings: Value,
    /// What makes the example of the docs page go to the recorder instead.
    #[serde(default)]
    pub(crate) point: Value,
    /// A template that puts `{{.word}}` into the message.
    #[serde(default)]
    pub(crate) template: Value,
    #[serde(default)]
    pub(crate) recipient: String,
    /// Requests that prepare the one that counts (tokens, logins, look-ups), with their answers.
    #[serde(default)]
    pub(crate) first: Vec<First>,
    /// The body of a success.
    #[serde(default)]
    pub(crate) success: Value,
    /// The body with statuses that are no success, where a success is told by the body alone.
    #[serde(default)]
    pub(crate) failure: Option<Value>,
    /// Status codes of a success; 200 to 299 if empty.
    #[serde(default)]
    pub(crate) accepts: Vec<u16>,
    /// A body that is an error although the status is 200; the word `none` where the receiver has no such.
    #[serde(default)]
    pub(crate) refusal: Option<Value>,
    /// `followed` where a redirect to another host is the user's business (webhook), without credentials.
    #[serde(default)]
    pub(crate) redirects: Option<String>,
    /// Whether `timeout` is a whole number of seconds and not a span of time.
    #[serde(default)]
    pub(crate) whole_seconds: bool,
    /// Texts in the settings, or made of them, that nobody may see.
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
}

/// A request that prepares the one that counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {
    /// Its method; any if absent.
    #[serde(default)]
    method: Option<String>,
    /// A part of its path and query.
    pub(crate) path: String,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    body: Value,
}

fn ok() -> u16 {
    200
}

impl First {
    pub(crate) fn is(&self, request: &Recorded) -> bool {
        self.method.as_ref().is_none_or(|method| *method == request.method)
            && request.target.contains(&self.path)
    }
}

/// The contracts of all services of the table.
pub(crate) fn contracts() -> Vec<(&'static str, Contract)> {
    let read = |name: &'static str| {
        let file = crate::here().join(name).join("_contract.yml");
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let node = yaml::parse_node(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let contract = serde_json::from_value(to_json(&node))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (name, contract)
    };
    service_types().iter().map(|row| read(row.name)).collect()
}

/// The contracts of the services that speak HTTP.
pub(crate) fn http_contracts() -> impl Iterator<Item = (&'static str, Contract)> {
    contracts().into_iter().filter(|(_, contract)| contract.transport == "http")
}

/// Every service states what the tests need of it.
#[test]
fn contracts_say_enough() {
    let problems: Vec<String> = contracts()
        .iter()
        .flat_map(|(kind, contract)| {
            contract.problems().into_iter().map(move |text| format!("{kind}/_contract.yml: {text}"))
        })
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

impl Contract {
    fn problems(&self) -> Vec<&'static str> {
        let settings = self.settings.to_string();
        let http = self.transport == "http";
        let talks = self.transport != "none";
        let rules = [
            (
                !["http", "smtp", "nats", "none"].contains(&self.transport.as_str()),
                "`transport` is `http`, `smtp`, `nats` or `none`",
            ),
            (http && !settings.contains("__URL__"), "`settings` point to `__URL__`, the recorder"),
            (
                talks && !self.point.is_object(),
                "`point` has the settings that make the docs page's example go to the recorder",
            ),
            (
                talks && !self.template.to_string().contains("{{.word}}"),
                "`template` puts `{{.word}}` into what is sent, so that mixed-up messages are seen",
            ),
            (
                talks && self.secrets.is_empty(),
                "`secrets` lists the tokens, passwords and secret parts of URLs that `settings` plant",
            ),
            (
                self.secrets.iter().any(|secret| secret.len() < 8),
                "`secrets` are at least 8 characters long, so that they are found by no chance",
            ),
            (
                talks
                    && !self.secrets.is_empty()
                    && !self.secrets.iter().any(|one| fill(&settings, "", 0).contains(one.as_str())),
                "none of `secrets` is planted in `settings`",
            ),
            (
                http && self.refusal.is_none(),
                "`refusal` is the document of an error that comes with status 200 (`refusal: none` where the \
                 receiver has no such)",
            ),
            (
                self.redirects.as_ref().is_some_and(|word| word != "followed"),
                "`redirects` is `followed` or left out",
            ),
        ];
        rules.into_iter().filter_map(|(broken, text)| broken.then_some(text)).collect()
    }

    /// Whether `status` is a success.
    pub(crate) fn accepts(&self, status: u16) -> bool {
        if self.accepts.is_empty() { (200..300).contains(&status) } else { self.accepts.contains(&status) }
    }

    /// The answer to a request that prepares another one; `None` for the one that counts.
    pub(crate) fn prepares(&self, request: &Recorded) -> Option<Answer> {
        let first = self.first.iter().find(|first| first.is(request))?;
        Some(Answer::reply(first.status, body(&first.body)).with("Content-Type", "application/json"))
    }

    /// A receiver that prepares as it should and then answers as `answer` says.
    pub(crate) fn receiver(
        &self,
        answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> HttpRecorder {
        self.receiver_with(None, answer)
    }

    /// The same behind TLS.
    pub(crate) fn receiver_with(
        &self,
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> HttpRecorder {
        let contract = self.clone();
        HttpRecorder::start_with(tls, move |request| {
            filled(contract.prepares(request).unwrap_or_else(|| answer(request)), request)
        })
    }

    /// A receiver that accepts everything.
    pub(crate) fn accepting(&self) -> HttpRecorder {
        let success = self.success();
        self.receiver(move |_| success.clone())
    }

    /// The answer with `status` to the request that counts.
    pub(crate) fn answer(&self, status: u16) -> Answer {
        let failure = self.failure.as_ref().filter(|_| !(200..300).contains(&status));
        Answer::reply(status, body(failure.unwrap_or(&self.success)))
    }

    /// The answer of a receiver that accepts.
    pub(crate) fn success(&self) -> Answer {
        self.answer(if self.accepts(200) { 200 } else { self.accepts.first().copied().unwrap_or(200) })
    }
}

/// Stands in an answer for the checksum of the `MessageBody` that came, which SQS returns; as long as that.
const MD5: &str = "__MD5_OF_THE_MESSAGE_BODY_HERE__";

/// An answer to `request`.
fn filled(mut answer: Answer, request: &Recorded) -> Answer {
    if let Answer::Reply { body: bytes, .. } | Answer::Raw(bytes) = &mut answer {
        let text = String::from_utf8_lossy(bytes);
        if text.contains(MD5) {
            let sent: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let sum = Md5::digest(sent["MessageBody"].as_str().unwrap_or_default());
            *bytes = text.replace(MD5, &format!("{:032x}", u128::from_be_bytes(sum.into()))).into_bytes();
        }
    }
    answer
}

/// `settings` with the placeholders replaced.
pub(crate) fn fill(settings: &str, url: &str, port: u16) -> String {
    let key = Value::from(RSA_KEY).to_string();
    settings
        .replace("__URL__", url)
        .replace("\"__PORT__\"", &port.to_string())
        .replace("__RSA_KEY__", key.trim_matches('"'))
}

/// A service built for one receiver.
pub(crate) struct Subject {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) message: Message,
    pub(crate) recipient: String,
}

impl Subject {
    /// The service of `contract` with the recorder at `url` (or on `port`) and extra settings.
    pub(crate) fn new(
        kind: &str,
        contract: &Contract,
        url: &str,
        port: u16,
        reach: Reach,
        extra: &[(&str, Value)],
    ) -> Self {
        Self::with(kind, contract, url, port, &Clients::new(reach), extra)
    }

    /// The same with `clients` at hand.
    pub(crate) fn with(
        kind: &str,
        contract: &Contract,
        url: &str,
        port: u16,
        clients: &Clients,
        extra: &[(&str, Value)],
    ) -> Self {
        let mut settings = contract.settings.clone();
        for (name, value) in extra {
            let seconds = value.as_str().filter(|_| *name == "timeout" && contract.whole_seconds);
            settings[*name] = match seconds {
                Some(text) => text.trim_end_matches('s').parse::<u64>().unwrap().into(),
                None => value.clone(),
            };
        }
        let settings = fill(&settings.to_string(), url, port);
        let mut warnings = Vec::new();
        let service = build(kind, kind, &settings, clients, &mut warnings).unwrap();
        // A URL that cannot work may well be warned of.
        let works = url.is_empty()
            || (url.starts_with("http") || url.starts_with("nats")) && url::Url::parse(url).is_ok();
        assert!(warnings.is_empty() || !works, "{warnings:?}");
        Self { service, message: message(kind, contract, "hello"), recipient: contract.recipient.clone() }
    }

    /// The service with the recorder at `host`, repeating nothing by itself.
    pub(crate) fn at(kind: &str, contract: &Contract, host: &str) -> Self {
        let once = [("retryMax", (-1).into())];
        Self::new(kind, contract, &format!("http://{host}"), 0, quiet(), &once)
    }

    pub(crate) async fn send(&self) -> Result<Receipt, DeliveryError> {
        self.service.deliver(&self.message, &self.recipient).await
    }
}

/// The contract's message with `word` in it.
pub(crate) fn message(kind: &str, contract: &Contract, word: &str) -> Message {
    let mut message = Message::default();
    let vars: serde_json::Map<String, Value> = [("word".to_owned(), Value::from(word))].into_iter().collect();
    render("contract", &contract.template.to_string(), &vars, Some((kind, kind)), &mut message).unwrap();
    message
}

/// A document as it goes over the wire.
pub(crate) fn body(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// No secret is in `error`, and it is neither empty nor endless.
pub(crate) fn check_secrets(kind: &str, contract: &Contract, error: &DeliveryError) {
    for secret in &contract.secrets {
        assert!(!format!("{error:?} {error}").contains(secret.as_str()), "{kind} shows a secret: {error:?}");
    }
    assert!(!error.detail.is_empty() && error.detail.len() < 4096, "{kind}: {error:?}");
}

/// Without the certificates of the machine that runs the test.
pub(crate) fn quiet() -> Reach {
    Reach { tls_directory: None, ..Reach::default() }
}
