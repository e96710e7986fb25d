//! What each answer means, for every service that speaks HTTP: a stated verdict for every status code, errors that come
//! with 200 are errors, `Retry-After` is handed on, two messages at the same time do not mix.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dodona::delivery::{DeliveryError, Retry};
use dodona::model::Message;
use dodona_recorder::http::{Answer, HttpRecorder};
use serde_json::Value;

use crate::contract::{Subject, body, check_secrets, http_contracts, message};
use crate::receivers::SOON;

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

fn found(error: &DeliveryError) -> (&'static str, bool) {
    (error.kind.label(), error.retry != Retry::No)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_code_has_its_verdict() {
    for (kind, contract) in http_contracts() {
        let next = Arc::new(Mutex::new(200u16));
        let (shared, answers) = (Arc::clone(&next), contract.clone());
        // A redirect without a place to go to is an answer like any other.
        let recorder = contract.receiver(move |_| answers.answer(*shared.lock().unwrap()));
        let subject = Subject::at(kind, &contract, &recorder.host());
        for status in 200..=599u16 {
            *next.lock().unwrap() = status;
            let accepted = contract.accepts(status);
            match subject.send().await {
                Ok(_) => assert!(accepted, "{kind}: {status} is no success"),
                Err(error) => {
                    check_secrets(kind, &contract, &error);
                    // No body goes with these, which a service that reads one must refuse.
                    let bodiless = matches!(status, 204 | 205);
                    assert!(!accepted || bodiless, "{kind}: {status} is a success: {error:?}");
                    assert!(bodiless || found(&error) == verdict(status), "{kind}: {status}: {error:?}");
                    assert_eq!(error.status, Some(status), "{kind}: {error:?}");
                }
            }
        }
    }
}

/// The status of a request that only prepares (a token, a login) has its verdict too.
#[tokio::test(flavor = "multi_thread")]
async fn preparing_requests_have_verdicts() {
    for (kind, contract) in http_contracts() {
        for index in 0..contract.first.len() {
            for status in [400, 401, 403, 404, 429, 500, 503] {
                let mut changed = contract.clone();
                if let Some(first) = changed.first.get_mut(index) {
                    first.status = status;
                }
                let recorder = changed.accepting();
                let result = Subject::at(kind, &changed, &recorder.host()).send().await;
                let first = changed.first.get(index).unwrap();
                if !recorder.requests().iter().any(|request| first.is(request)) {
                    // The example of the docs page needs it, the contract's template does not.
                    continue;
                }
                let error = result.expect_err("what prepares has failed");
                check_secrets(kind, &changed, &error);
                assert_eq!(found(&error), verdict(status), "{kind}: {}: {status}: {error:?}", first.path);
            }
        }
    }
}

/// 100 to 199 are no answers: one has to follow. Where none does, that is an error; where one does, it counts.
#[tokio::test(flavor = "multi_thread")]
async fn provisional_answers_are_no_answers() {
    for (kind, contract) in http_contracts() {
        let next = Arc::new(Mutex::new(100u16));
        let shared = Arc::clone(&next);
        let recorder = contract.receiver(move |_| {
            Answer::Raw(format!("HTTP/1.1 {} Wait\r\n\r\n", shared.lock().unwrap()).into_bytes())
        });
        let subject = Subject::at(kind, &contract, &recorder.host());
        for status in 100..=199 {
            *next.lock().unwrap() = status;
            let begin = Instant::now();
            let error = subject.send().await.expect_err("no answer at all");
            assert!(begin.elapsed() < SOON, "{kind}: {status} took {:?}", begin.elapsed());
            // 101 is a final answer, and to a question that nobody asked.
            let expected = if status == 101 { ("rejected", false) } else { ("network", true) };
            assert_eq!(found(&error), expected, "{kind}: {status}: {error:?}");
        }
        let success = match contract.success() {
            Answer::Reply { status, body, .. } => {
                let mut answer = format!(
                    "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 {status} Fine\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                )
                .into_bytes();
                answer.extend(body);
                answer
            }
            other => panic!("{other:?}"),
        };
        let recorder = contract.receiver(move |_| Answer::Raw(success.clone()));
        let sent = Subject::at(kind, &contract, &recorder.host()).send().await;
        sent.unwrap_or_else(|error| panic!("{kind}: an answer behind a provisional one: {error:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_with_200_are_errors() {
    for (kind, contract) in http_contracts() {
        let Some(refusal) = contract.refusal.clone().filter(|refusal| refusal != "none") else { continue };
        let recorder = contract.receiver(move |_| Answer::reply(200, body(&refusal)));
        let result = Subject::at(kind, &contract, &recorder.host()).send().await;
        let error = result.expect_err("an error with 200 is an error");
        check_secrets(kind, &contract, &error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_handed_on() {
    for (kind, contract) in http_contracts() {
        for status in [429, 503] {
            // Longer than an attempt, so that no service waits for it by itself.
            let recorder =
                contract.receiver(move |_| Answer::reply(status, "later").with("Retry-After", "120"));
            let error = Subject::at(kind, &contract, &recorder.host()).send().await.unwrap_err();
            assert_eq!(error.retry, Retry::After(Duration::from_mins(2)), "{kind}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_at_the_same_time_do_not_mix_and_connections_are_reused() {
    for (kind, contract) in http_contracts() {
        let recorder = contract.accepting();
        let subject = Subject::at(kind, &contract, &recorder.host());
        for round in 0..5 {
            let messages: Vec<Message> =
                (0..8).map(|lane| message(kind, &contract, &format!("word{round}x{lane}x"))).collect();
            let sends = messages.iter().map(|message| subject.service.deliver(message, &contract.recipient));
            futures::future::try_join_all(sends).await.unwrap();
        }
        let requests: Vec<String> = sent(&recorder);
        for round in 0..5 {
            for lane in 0..8 {
                let word = format!("word{round}x{lane}x");
                let with_it = requests.iter().filter(|request| request.contains(&word)).count();
                assert_eq!(with_it, 1, "{kind}: requests with {word}");
            }
        }
        assert!(
            recorder.connections() <= 16,
            "{kind}: {} connections for 40 messages, 8 at a time",
            recorder.connections()
        );
    }
}

/// The requests as texts, with what is packed in base64 (Pub/Sub) unpacked.
fn sent(recorder: &HttpRecorder) -> Vec<String> {
    let text = |body: &[u8]| {
        let text = String::from_utf8_lossy(body).into_owned();
        match serde_json::from_str::<Value>(&text) {
            Ok(document) => format!("{text}{}", unpacked(&document)),
            Err(_) => text,
        }
    };
    recorder.requests().iter().map(|request| format!("{}\n{}", request.target, text(&request.body))).collect()
}

fn unpacked(document: &Value) -> String {
    use base64::Engine as _;
    match document {
        Value::String(text) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default(),
        Value::Array(items) => items.iter().map(unpacked).collect(),
        Value::Object(map) => map.values().map(unpacked).collect(),
        _ => String::new(),
    }
}
