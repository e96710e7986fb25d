//! What every service must do, whatever it is: run over the table with `tests/services/<service>/_contract.yml`.
//!
//! Every status code has a stated verdict; a receiver that misbehaves gives an error in time; secrets stay secret; two
//! messages at the same time do not mix; connections are reused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dodona::config::yaml;
use dodona::delivery::client::{Clients, Reach};
use dodona::delivery::{DeliveryError, Retry, Service, service_types};
use dodona::model::{Message, Receipt};
use dodona_recorder::Authority;
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use dodona_recorder::smtp::{Script, SmtpRecorder};
use serde::Deserialize;
use serde_json::Value;

use crate::play::{build, render, to_json};

/// How a service is exercised.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contract {
    /// `http`, `smtp`, or `none` for what talks to nobody.
    pub(crate) transport: String,
    /// The settings; `__URL__` is the recorder's base URL, `__PORT__` the mail recorder's port.
    #[serde(default)]
    pub(crate) settings: Value,
    /// What makes the example of the docs page go to the recorder instead.
    #[serde(default)]
    pub(crate) point: Value,
    #[serde(default)]
    pub(crate) template: Value,
    #[serde(default)]
    pub(crate) recipient: String,
    /// The body of a success.
    #[serde(default)]
    pub(crate) success: Value,
    /// Status codes of a success; 200 to 299 if empty.
    #[serde(default)]
    pub(crate) accepts: Vec<u16>,
    /// A body that is an error although the status is 200, where the receiver has such.
    #[serde(default)]
    pub(crate) refusal: Option<Value>,
    /// Texts in the settings that nobody may see.
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
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

/// A service built for one receiver.
pub(crate) struct Subject {
    pub(crate) service: Arc<dyn Service>,
    message: Message,
    recipient: String,
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
        let mut settings = contract.settings.clone();
        for (name, value) in extra {
            settings[*name] = value.clone();
        }
        let settings =
            settings.to_string().replace("__URL__", url).replace("\"__PORT__\"", &port.to_string());
        let mut warnings = Vec::new();
        let service = build(kind, kind, &settings, &Clients::new(reach), &mut warnings).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        Self { service, message: message(kind, contract, "hello"), recipient: contract.recipient.clone() }
    }

    pub(crate) async fn send(&self) -> Result<Receipt, DeliveryError> {
        self.service.deliver(&self.message, &self.recipient).await
    }
}

fn message(kind: &str, contract: &Contract, word: &str) -> Message {
    let mut message = Message::default();
    let vars: serde_json::Map<String, Value> = [("word".to_owned(), Value::from(word))].into_iter().collect();
    render("contract", &contract.template.to_string(), &vars, Some((kind, kind)), &mut message).unwrap();
    message
}

fn body(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

fn check_secrets(kind: &str, contract: &Contract, error: &DeliveryError) {
    for secret in &contract.secrets {
        assert!(!format!("{error:?} {error}").contains(secret.as_str()), "{kind} shows a secret: {error:?}");
    }
    assert!(!error.detail.is_empty() && error.detail.len() < 4096, "{kind}: {error:?}");
}

fn quiet() -> Reach {
    Reach { tls_directory: None, ..Reach::default() }
}

/// The common table, in the words of the specification.
fn verdict(status: u16) -> (&'static str, bool) {
    match status {
        401 | 403 | 407 => ("auth", false),
        404 | 410 => ("not_found", false),
        408 | 425 | 500..=599 => ("unavailable", true),
        429 => ("rate_limited", true),
        _ => ("rejected", false),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_code_has_its_verdict() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "http") {
        let next = Arc::new(std::sync::Mutex::new(200u16));
        let (shared, success) = (Arc::clone(&next), body(&contract.success));
        // A redirect without a place to go to is an answer like any other.
        let recorder = HttpRecorder::start(move |_| Answer::reply(*shared.lock().unwrap(), success.clone()));
        let subject = Subject::new(
            kind,
            &contract,
            &format!("http://{}", recorder.host()),
            0,
            quiet(),
            &[("retryMax", (-1).into())],
        );
        for status in 200..=599u16 {
            *next.lock().unwrap() = status;
            let accepted = if contract.accepts.is_empty() {
                (200..300).contains(&status)
            } else {
                contract.accepts.contains(&status)
            };
            match subject.send().await {
                Ok(_) => assert!(accepted, "{kind}: {status} is no success"),
                Err(error) => {
                    check_secrets(kind, &contract, &error);
                    let expected = verdict(status);
                    // No body goes with these, which a service that reads one must refuse.
                    let bodiless = matches!(status, 204 | 205);
                    assert!(!accepted || bodiless, "{kind}: {status} is a success: {error:?}");
                    let found = (error.kind.label(), error.retry != Retry::No);
                    assert!(found == expected || bodiless || accepted, "{kind}: {status}: {error:?}");
                    assert_eq!(error.status, Some(status), "{kind}");
                }
            }
        }
        if let Some(refusal) = &contract.refusal {
            let refusal = body(refusal);
            let recorder = HttpRecorder::start(move |_| Answer::reply(200, refusal.clone()));
            let subject =
                Subject::new(kind, &contract, &format!("http://{}", recorder.host()), 0, quiet(), &[]);
            assert!(subject.send().await.is_err(), "{kind}: an error with 200 is an error");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_handed_on() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "http") {
        for status in [429, 503] {
            // Longer than an attempt, so that no service waits for it by itself.
            let recorder =
                HttpRecorder::start(move |_| Answer::reply(status, "later").with("Retry-After", "120"));
            let subject = Subject::new(
                kind,
                &contract,
                &format!("http://{}", recorder.host()),
                0,
                quiet(),
                &[("retryMax", (-1).into())],
            );
            let error = subject.send().await.unwrap_err();
            assert_eq!(error.retry, Retry::After(Duration::from_mins(2)), "{kind}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_receivers_give_errors_in_time() {
    let second = || [("timeout", Value::from("1s")), ("retryMax", Value::from(-1))];
    let bad: BTreeMap<&str, (Answer, &str)> = BTreeMap::from([
        ("a body without an end", (Answer::Endless, "rejected")),
        ("a closed connection", (Answer::Drop, "network")),
        ("half an answer", (Answer::Truncate, "network")),
        ("silence", (Answer::Hang(Duration::from_secs(20)), "network")),
        ("garbage", (Answer::Raw(b"\x16\x03\x01garbage\r\n\r\n".to_vec()), "network")),
        ("a circle", (Answer::reply(302, "").with("Location", "/again"), "rejected")),
        ("another scheme", (Answer::reply(302, "").with("Location", "file:///etc/passwd"), "rejected")),
    ]);
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "http") {
        for (what, (answer, expected)) in &bad {
            let answer = answer.clone();
            let recorder = HttpRecorder::start(move |_| answer.clone());
            let subject =
                Subject::new(kind, &contract, &format!("http://{}", recorder.host()), 0, quiet(), &second());
            let begin = Instant::now();
            let error = subject.send().await.unwrap_err();
            assert!(begin.elapsed() < Duration::from_secs(4), "{kind}: {what} took {:?}", begin.elapsed());
            assert_eq!(error.kind.label(), *expected, "{kind}: {what}: {error:?}");
            check_secrets(kind, &contract, &error);
        }
        let nobody = Subject::new(kind, &contract, "http://127.0.0.1:1", 0, quiet(), &second());
        let error = nobody.send().await.unwrap_err();
        assert_eq!((error.kind.label(), error.retry), ("network", Retry::Later), "{kind}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked() {
    let (authority, stranger) = (Authority::new(), Authority::for_names(&["other.example"]));
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "http") {
        let success = body(&contract.success);
        let start = |authority: &Authority, success: Vec<u8>| {
            HttpRecorder::start_with(Some(authority.server()), move |_| Answer::reply(200, success.clone()))
        };
        let (good, wrong) = (start(&authority, success.clone()), start(&stranger, success));
        let reach = || Reach { authorities: Some(vec![authority.der(), stranger.der()]), ..quiet() };
        let send = |recorder: &HttpRecorder, reach: Reach, extra: &[(&str, Value)]| {
            let subject =
                Subject::new(kind, &contract, &format!("https://{}", recorder.host()), 0, reach, extra);
            async move { subject.send().await }
        };
        send(&good, reach(), &[]).await.unwrap();
        let error = send(&wrong, reach(), &[]).await.unwrap_err();
        assert_eq!(
            (error.kind.label(), error.retry),
            ("network", Retry::Later),
            "{kind}: a certificate of another host: {error:?}"
        );
        check_secrets(kind, &contract, &error);
        let nobody = || Reach { authorities: Some(Vec::new()), ..quiet() };
        let begin = Instant::now();
        assert!(send(&good, nobody(), &[]).await.is_err(), "{kind}: an unknown authority");
        assert!(
            begin.elapsed() < Duration::from_millis(950),
            "{kind}: certificate errors are not repeated, took {:?}",
            begin.elapsed()
        );
        send(&good, nobody(), &[("insecureSkipVerify", true.into())]).await.unwrap();
        send(&good, nobody(), &[("caCert", authority.pem().into())]).await.unwrap();
        // core 5.10.1: the host's own file replaces the system's roots.
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("127.0.0.1"), authority.pem()).unwrap();
        let own = || Reach { tls_directory: Some(folder.path().to_owned()), ..nobody() };
        send(&good, own(), &[]).await.unwrap();
        std::fs::write(folder.path().join("127.0.0.1"), "").unwrap();
        assert!(send(&good, own(), &[]).await.is_err(), "{kind}: an empty file means the system's roots");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_do_not_follow_redirects_to_other_hosts() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "http") {
        let success = body(&contract.success);
        let other = HttpRecorder::start(move |_| Answer::reply(200, success.clone()));
        let target = format!("http://{}/elsewhere", other.host());
        let first = HttpRecorder::start(move |_| Answer::reply(307, "").with("Location", &target));
        Subject::new(kind, &contract, &format!("http://{}", first.host()), 0, quiet(), &[])
            .send()
            .await
            .unwrap();
        let followed: Vec<Recorded> = other.requests();
        assert_eq!(followed.len(), 1, "{kind}");
        let followed = followed.first().unwrap();
        assert_eq!(followed.header("authorization"), None, "{kind}");
        let headers = format!("{:?}", followed.headers);
        for secret in &contract.secrets {
            assert!(!headers.contains(secret.as_str()), "{kind}: `{secret}` went to another host: {headers}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_at_the_same_time_do_not_mix_and_connections_are_reused() {
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "http") {
        let success = body(&contract.success);
        let recorder = HttpRecorder::start(move |_| Answer::reply(200, success.clone()));
        let subject = Subject::new(kind, &contract, &format!("http://{}", recorder.host()), 0, quiet(), &[]);
        for round in 0..5 {
            let messages: Vec<Message> =
                (0..8).map(|lane| message(kind, &contract, &format!("word{round}x{lane}x"))).collect();
            let sends = messages.iter().map(|message| subject.service.deliver(message, &contract.recipient));
            futures::future::try_join_all(sends).await.unwrap();
        }
        let bodies: Vec<String> = recorder
            .requests()
            .iter()
            .map(|request| String::from_utf8_lossy(&request.body).into_owned())
            .collect();
        for round in 0..5 {
            for lane in 0..8 {
                let word = format!("word{round}x{lane}x");
                assert_eq!(bodies.iter().filter(|body| body.contains(&word)).count(), 1, "{kind}: {word}");
            }
        }
        assert!(
            recorder.connections() <= 16,
            "{kind}: {} connections for 40 messages, 8 at a time",
            recorder.connections()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_servers_that_misbehave_give_errors_in_time() {
    let say = |verb: &str, reply: &str| BTreeMap::from([(verb.to_owned(), reply.to_owned())]);
    let scripts: Vec<(&str, Script, &str, bool)> = vec![
        ("silence", Script { silent: Duration::from_secs(20), ..Script::default() }, "network", true),
        (
            "no SMTP",
            Script { greeting: Some("HTTP/1.1 400 Bad Request".into()), ..Script::default() },
            "network",
            true,
        ),
        (
            "a long line",
            Script { greeting: Some(format!("220 {}", "x".repeat(100_000))), ..Script::default() },
            "network",
            true,
        ),
        ("busy", Script { greeting: Some("421 busy".into()), ..Script::default() }, "unavailable", true),
        ("grey list", Script { replies: say("RCPT", "451 later"), ..Script::default() }, "unavailable", true),
        (
            "no such user",
            Script { replies: say("RCPT", "550 who?"), ..Script::default() },
            "not_found",
            false,
        ),
        ("spam", Script { replies: say("END", "554 spam"), ..Script::default() }, "rejected", false),
        ("sender refused", Script { replies: say("MAIL", "553 no"), ..Script::default() }, "rejected", false),
    ];
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "smtp") {
        for (what, script, expected, again) in &scripts {
            let recorder = SmtpRecorder::start(script.clone());
            let subject =
                Subject::new(kind, &contract, "", recorder.port(), quiet(), &[("timeout", "1s".into())]);
            let begin = Instant::now();
            let error = subject.send().await.unwrap_err();
            assert!(begin.elapsed() < Duration::from_secs(4), "{kind}: {what} took {:?}", begin.elapsed());
            assert_eq!(
                (error.kind.label(), error.retry != Retry::No),
                (*expected, *again),
                "{kind}: {what}: {error:?}"
            );
            check_secrets(kind, &contract, &error);
        }
    }
}
