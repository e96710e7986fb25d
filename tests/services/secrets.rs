//! Secrets that are planted in the settings, or that receivers hand out, must not come out: in errors, in log lines at any
//! level, in dead letters, in metrics.

use std::io::Write;
use std::sync::{Arc, Mutex};

use dodona::delivery::DeliveryError;
use dodona::delivery::client::Reach;
use dodona::model::Receipt;
use dodona_recorder::http::{Answer, HttpRecorder, Recorded};
use dodona_recorder::nats::{self, NatsRecorder};
use dodona_recorder::smtp::{Script, SmtpRecorder};
use tracing_subscriber::fmt::MakeWriter;

use crate::contract::{Subject, contracts};
use crate::pipeline::seen;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[test]
fn planted_secrets_stay_inside() {
    let log = Log::default();
    // For all threads of this program: with a listener for one thread only, a log line that another thread meets first is
    // switched off for good.
    let listener = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(listener).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(provoke());
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("Sending request"), "the debug lines of core 5.7 are there");
    assert!(log.contains("Received response"), "the debug lines of core 5.7 are there");
    for (kind, contract) in contracts() {
        for secret in &contract.secrets {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{kind} logs a secret");
        }
    }
}

/// Addresses that lead nowhere.
const NOWHERE: [&str; 5] = [
    "http://127.0.0.1:1",
    "http://no-such-host.invalid",
    "ftp://127.0.0.1",
    "http://127.0.0.1:x",
    "https://127.0.0.1:1",
];

/// Makes every service fail in many ways; errors are checked here, log lines by the caller.
async fn provoke() {
    for (kind, contract) in contracts() {
        let secrets = contract.secrets.clone();
        assert!(contract.transport == "none" || !secrets.is_empty(), "{kind} plants no secret");
        // The receiver returns what it got, as many do in their error pages.
        let parrot = |status: u16| {
            move |request: &Recorded| Answer::reply(status, request.text()).with("Location", &request.target)
        };
        let check_text = |text: &str| {
            for secret in &secrets {
                let line = text.lines().find(|line| line.contains(secret.as_str()));
                assert_eq!(line, None, "{kind} shows a secret");
            }
        };
        let check = |result: Result<Receipt, DeliveryError>| check_text(&format!("{result:?}"));
        let extra = [("retryMax", (-1).into()), ("timeout", "2s".into())];
        let reach = || Reach { tls_directory: None, ..Reach::default() };
        if contract.transport == "http" {
            for status in [200, 302, 307, 400, 401, 429, 500] {
                // The first request of all is refused, and the one that counts: behind a token that was handed out.
                for recorder in [HttpRecorder::start(parrot(status)), contract.receiver(parrot(status))] {
                    let url = format!("http://{}", recorder.host());
                    check(Subject::new(kind, &contract, &url, 0, reach(), &extra).send().await);
                }
            }
            let accepting = contract.accepting();
            let url = format!("http://{}", accepting.host());
            check(Subject::new(kind, &contract, &url, 0, reach(), &extra).send().await);
            let recorder = contract.receiver(parrot(400));
            check_text(&seen(kind, &contract, &format!("http://{}", recorder.host()), 0).await);
            for url in NOWHERE {
                check(Subject::new(kind, &contract, url, 0, reach(), &extra).send().await);
            }
        }
        if contract.transport == "nats" {
            let echo = format!("-ERR 'not {}'", secrets.join(" "));
            for script in [
                nats::Script { connect_error: Some(echo.clone()), ..nats::Script::default() },
                nats::Script { publish_error: Some(echo.clone()), ..nats::Script::default() },
                nats::Script { hangs_up: true, ..nats::Script::default() },
            ] {
                let recorder = NatsRecorder::start(script);
                let url = format!("nats://{}", recorder.host());
                check(Subject::new(kind, &contract, &url, 0, reach(), &extra).send().await);
                check_text(&seen(kind, &contract, &url, 0).await);
            }
        }
        if contract.transport == "smtp" {
            for reply in ["535 no", "535 __ECHO__"] {
                let replies = [("AUTH".to_owned(), reply.replace("__ECHO__", &secrets.join(" ")))].into();
                let script = Script { ehlo: vec!["AUTH PLAIN LOGIN".into()], replies, ..Script::default() };
                let recorder = SmtpRecorder::start(script);
                check(Subject::new(kind, &contract, "", recorder.port(), reach(), &extra).send().await);
                check_text(&seen(kind, &contract, "", recorder.port()).await);
            }
        }
    }
}
