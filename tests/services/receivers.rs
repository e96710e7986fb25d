//! Receivers that misbehave: silence, resets, garbage, bodies without an end, redirects, certificates of others. Each gives
//! an error in time, for every service and for every request that it makes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dodona::delivery::Retry;
use dodona::delivery::client::Reach;
use dodona_recorder::Authority;
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use dodona_recorder::nats::{self, NatsRecorder};
use dodona_recorder::smtp::{Script, SmtpRecorder};
use serde_json::Value;

use crate::contract::{Contract, Subject, check_secrets, contracts, http_contracts, quiet};

/// How long a receiver keeps silent; longer than any test waits.
const LONG: Duration = Duration::from_mins(10);

/// Far more than an attempt takes whose limit is a second, however busy the machine is, and far less than [`LONG`].
pub(crate) const SOON: Duration = Duration::from_mins(1);

const GIGABYTE: u64 = 1 << 30;

/// What receivers do, and the kind of error that it is.
fn misbehaviour() -> BTreeMap<&'static str, (Answer, &'static str)> {
    BTreeMap::from([
        ("a body without an end", (Answer::Endless, "rejected")),
        ("a body of 1 GiB", (Answer::Huge(GIGABYTE), "rejected")),
        ("a packed body of 1 GiB", (Answer::Bomb(GIGABYTE), "rejected")),
        ("a closed connection", (Answer::Drop, "network")),
        ("a reset", (Answer::Reset, "network")),
        ("half an answer", (Answer::Truncate, "network")),
        ("half an answer, then silence", (Answer::HalfOpen(LONG), "network")),
        ("silence", (Answer::Hang(LONG), "network")),
        ("garbage", (Answer::Raw(b"\x16\x03\x01garbage\r\n\r\n".to_vec()), "network")),
        ("a header without an end", (Answer::Raw(endless_header()), "network")),
        ("a circle", (Answer::reply(307, "").with("Location", "/again"), "rejected")),
        ("another scheme", (Answer::reply(302, "").with("Location", "file:///etc/passwd"), "rejected")),
        ("no URL", (Answer::reply(302, "").with("Location", "http://["), "rejected")),
    ])
}

fn endless_header() -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nX-Long: ".to_vec();
    answer.resize(1 << 20, b'x');
    answer
}

/// The service with the receiver at `url`, whose attempts end after `timeout`.
fn limited(kind: &str, contract: &Contract, url: &str, timeout: &str) -> Subject {
    let extra = [("timeout", Value::from(timeout)), ("retryMax", Value::from(-1))];
    Subject::new(kind, contract, url, 0, quiet(), &extra)
}

/// The same with time for everything but waiting.
fn patient(kind: &str, contract: &Contract, url: &str) -> Subject {
    limited(kind, contract, url, "60s")
}

/// Sends and expects an error of `kind` in time.
async fn expect_error(kind: &str, contract: &Contract, url: &str, what: &str, expected: &str) {
    let subject = limited(kind, contract, url, patience(what));
    let begin = Instant::now();
    let result = subject.send().await;
    assert!(begin.elapsed() < SOON, "{kind}: {what} took {:?}", begin.elapsed());
    let Err(error) = result else { panic!("{kind}: {what} is a success") };
    assert_eq!(error.kind.label(), expected, "{kind}: {what}: {error:?}");
    check_secrets(kind, contract, &error);
}

/// The limit of an attempt: what does not wait is not to run into it.
fn patience(what: &str) -> &'static str {
    if is_waiting(what) { "1s" } else { "60s" }
}

/// Whether misbehaviour is about waiting.
fn is_waiting(what: &str) -> bool {
    what.ends_with("silence")
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_receivers_give_errors_in_time() {
    let play = async |kind: &str, contract: &Contract, what: &str, (answer, expected): (Answer, &str)| {
        let last = answer.clone();
        let recorder = contract.receiver(move |_| last.clone());
        expect_error(kind, contract, &format!("http://{}", recorder.host()), what, expected).await;
        if !contract.first.is_empty() {
            // The same for the request that comes first of all.
            let recorder = HttpRecorder::start(move |_| answer.clone());
            expect_error(kind, contract, &format!("http://{}", recorder.host()), what, expected).await;
        }
    };
    // What waits goes side by side, what works one by one.
    let waiting = http_contracts().map(|(kind, contract)| async move {
        for (what, how) in misbehaviour().into_iter().filter(|(what, _)| is_waiting(what)) {
            play(kind, &contract, what, how).await;
        }
    });
    futures::future::join_all(waiting).await;
    for (kind, contract) in http_contracts() {
        for (what, how) in misbehaviour().into_iter().filter(|(what, _)| !is_waiting(what)) {
            play(kind, &contract, what, how).await;
        }
        let error = patient(kind, &contract, "http://127.0.0.1:1").send().await.unwrap_err();
        assert_eq!((error.kind.label(), error.retry), ("network", Retry::Later), "{kind}: {error:?}");
    }
}

/// Messages, and the tokens in their URLs, headers and bodies, are for one receiver.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_what_is_redirected() {
    for (kind, contract) in http_contracts() {
        let other = contract.accepting();
        let (port, followed) = (other.host().replace("127.0.0.1:", ""), contract.redirects.is_some());
        for status in [301, 302, 303, 307, 308] {
            let target = format!("http://localhost:{port}/elsewhere");
            let first = contract.receiver(move |_| Answer::reply(status, "").with("Location", &target));
            let url = format!("http://{}", first.host());
            if followed {
                patient(kind, &contract, &url).send().await.unwrap();
            } else {
                expect_error(kind, &contract, &url, "a redirect to another host", "rejected").await;
            }
        }
        let arrived: Vec<Recorded> = other.take();
        assert_eq!(arrived.is_empty(), !followed, "{kind}");
        for request in &arrived {
            check_headers(kind, &contract, request);
        }
        // Another port of the same host is the same receiver, but credentials stay behind there too.
        let target = format!("http://127.0.0.1:{port}/elsewhere");
        let first = contract.receiver(move |_| Answer::reply(307, "").with("Location", &target));
        let sent = patient(kind, &contract, &format!("http://{}", first.host())).send().await;
        sent.unwrap_or_else(|error| panic!("{kind}: a redirect to another port: {error:?}"));
        assert!(!other.requests().is_empty(), "{kind}");
        for request in other.requests() {
            check_headers(kind, &contract, &request);
        }
    }
}

/// No credentials are in the headers of `request`.
fn check_headers(kind: &str, contract: &Contract, request: &Recorded) {
    assert_eq!(request.header("authorization"), None, "{kind}");
    let headers = format!("{:?}", request.headers);
    for secret in &contract.secrets {
        assert!(!headers.contains(secret.as_str()), "{kind}: `{secret}` went elsewhere: {headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked() {
    let (authority, stranger) = (Authority::new(), Authority::for_names(&["other.example"]));
    for (kind, contract) in http_contracts() {
        let start = |authority: &Authority| {
            let success = contract.success();
            contract.receiver_with(Some(authority.server()), move |_| success.clone())
        };
        let (good, wrong) = (start(&authority), start(&stranger));
        let reach = || Reach { authorities: Some(vec![authority.der(), stranger.der()]), ..quiet() };
        let send = |recorder: &HttpRecorder, reach: Reach, extra: &[(&str, Value)]| {
            let subject =
                Subject::new(kind, &contract, &format!("https://{}", recorder.host()), 0, reach, extra);
            async move { subject.send().await }
        };
        send(&good, reach(), &[]).await.unwrap();
        let error = send(&wrong, reach(), &[]).await.expect_err("a certificate of another host");
        assert_eq!(
            (error.kind.label(), error.retry),
            ("network", Retry::Later),
            "{kind}: a certificate of another host: {error:?}"
        );
        check_secrets(kind, &contract, &error);
        let nobody = || Reach { authorities: Some(Vec::new()), ..quiet() };
        let before = good.connections();
        assert!(send(&good, nobody(), &[]).await.is_err(), "{kind}: an unknown authority");
        assert_eq!(good.connections() - before, 1, "{kind}: certificate errors are not repeated");
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
async fn nats_servers_that_misbehave_give_errors_in_time() {
    let raw = |bytes: Vec<u8>| nats::Script { raw: Some(bytes), ..nats::Script::default() };
    let refuse =
        |text: &str| nats::Script { connect_error: Some(text.to_owned()), ..nats::Script::default() };
    let scripts: Vec<(&str, nats::Script, &str, bool)> = vec![
        ("silence", nats::Script { silent: LONG, ..nats::Script::default() }, "network", true),
        ("no NATS", raw(b"HTTP/1.1 400 Bad Request\r\n".to_vec()), "network", true),
        ("a line without an end", raw(vec![b'x'; 1 << 20]), "network", true),
        ("INFO without JSON", raw(b"INFO nonsense\r\n".to_vec()), "network", true),
        (
            "words in clear before TLS",
            raw(b"INFO {\"tls_required\":true}\r\n+OK\r\n".to_vec()),
            "config",
            false,
        ),
        ("no TLS behind INFO", raw(b"INFO {\"tls_required\":true}\r\n".to_vec()), "network", true),
        ("a closed connection", nats::Script { hangs_up: true, ..nats::Script::default() }, "network", true),
        ("a refused login", refuse("-ERR 'Authorization Violation'"), "auth", false),
        ("an expired login", refuse("-ERR 'User Authentication Expired'"), "auth", true),
        ("full", refuse("-ERR 'maximum connections exceeded'"), "unavailable", true),
    ];
    for (kind, contract) in contracts().into_iter().filter(|(_, contract)| contract.transport == "nats") {
        for (what, script, expected, again) in &scripts {
            let recorder = NatsRecorder::start(script.clone());
            let url = format!("nats://{}", recorder.host());
            let subject =
                Subject::new(kind, &contract, &url, 0, quiet(), &[("timeout", patience(what).into())]);
            let begin = Instant::now();
            let error = subject.send().await.expect_err(what);
            assert!(begin.elapsed() < SOON, "{kind}: {what} took {:?}", begin.elapsed());
            let found = (error.kind.label(), error.retry != Retry::No);
            assert_eq!(found, (*expected, *again), "{kind}: {what}: {error:?}");
            check_secrets(kind, &contract, &error);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_servers_that_misbehave_give_errors_in_time() {
    let say = |verb: &str, reply: &str| BTreeMap::from([(verb.to_owned(), reply.to_owned())]);
    let scripts: Vec<(&str, Script, &str, bool)> = vec![
        ("silence", Script { silent: LONG, ..Script::default() }, "network", true),
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
            let subject = Subject::new(
                kind,
                &contract,
                "",
                recorder.port(),
                quiet(),
                &[("timeout", patience(what).into())],
            );
            let begin = Instant::now();
            let error = subject.send().await.unwrap_err();
            assert!(begin.elapsed() < SOON, "{kind}: {what} took {:?}", begin.elapsed());
            assert_eq!(
                (error.kind.label(), error.retry != Retry::No),
                (*expected, *again),
                "{kind}: {what}: {error:?}"
            );
            check_secrets(kind, &contract, &error);
        }
    }
}
