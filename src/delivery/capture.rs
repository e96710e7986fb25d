//! What services send while nothing is sent.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use serde_json::{Map, Value, json};

use crate::delivery::client::Rehearsal;
use crate::model::Redactor;

/// What stands in the place of what must not be seen.
const MASK: &str = "***";

/// Words in names of headers and fields whose values are secrets.
const SECRET: &[&str] = &["auth", "token", "key", "secret", "password", "cookie", "signature", "credential"];

/// The answer to every request: accepted, with the members that services look for in answers.
fn accepted() -> Value {
    json!({
        "ok": true, "status": 1, "success": true, "id": 1, "name": "rehearsal", "result": {"message_id": 1},
        "channel": "C0", "ts": "1.000001", "token": "t", "access_token": "t", "expires_in": 3600,
        "QueueUrl": "https://sqs.example.org/rehearsal", "MessageId": "1", "messageIds": ["1"],
    })
}

/// One thing that would be sent, without secrets.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sent {
    /// An HTTP request.
    Request {
        /// `POST https://…`
        line: String,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body, as text.
        body: String,
    },
    /// A mail, headers and body.
    Mail(String),
}

impl Sent {
    /// The body as JSON; a form is an object of texts.
    pub(super) fn payload(&self) -> Option<Value> {
        let Self::Request { headers, body, .. } = self else { return None };
        let is_form = headers
            .iter()
            .any(|(name, value)| name == header::CONTENT_TYPE.as_str() && value.contains("form-urlencoded"));
        if !is_form {
            return serde_json::from_str(body).ok();
        }
        let fields = url::form_urlencoded::parse(body.as_bytes()).map(|(name, value)| {
            let hidden = is_secret(&name) && !value.starts_with('$');
            (name.into_owned(), if hidden { MASK.into() } else { Value::from(value.into_owned()) })
        });
        Some(Value::Object(fields.collect::<Map<_, _>>()))
    }

    /// The body for people: JSON that stands as text inside of JSON is JSON here.
    pub(super) fn readable(&self) -> Option<Value> {
        let mut payload = self.payload()?;
        for value in payload.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(inner) = inner.filter(|inner| inner.is_array() || inner.is_object()) {
                *value = inner;
            }
        }
        Some(payload)
    }

    /// The same as JSON, for `-o json`.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Request { line, headers, body } => {
                let headers: Map<String, Value> =
                    headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
                json!({"request": line, "headers": headers, "body": self.payload().unwrap_or_else(|| body.clone().into())})
            }
            Self::Mail(text) => json!({"mail": text}),
        }
    }
}

/// Collects what is sent.
pub(super) struct Capture {
    redactor: Redactor,
    sent: Mutex<Vec<Sent>>,
}

impl Capture {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self { redactor, sent: Mutex::default() }
    }

    /// Takes what was collected so far.
    pub(super) fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, sent: Sent) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }

    fn clean(&self, text: &str) -> String {
        self.redactor.redact(text).into_owned()
    }

    fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let shown = |name: &str, value: &HeaderValue| {
            if is_secret(name) {
                MASK.to_owned()
            } else {
                self.clean(&String::from_utf8_lossy(value.as_bytes()))
            }
        };
        headers.iter().map(|(name, value)| (name.to_string(), shown(name.as_str(), value))).collect()
    }
}

impl Rehearsal for Capture {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        self.push(Sent::Request {
            line: self.clean(&format!("{} {}", request.method(), request.uri())),
            headers: self.headers(request.headers()),
            body: self.clean(&String::from_utf8_lossy(request.body())),
        });
        let mut response = Response::new(Bytes::from(accepted().to_string()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    fn mail(&self, mail: &[u8]) {
        self.push(Sent::Mail(self.clean(&String::from_utf8_lossy(mail))));
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn secrets_do_not_come_through() {
        let redactor = Redactor::default();
        redactor.set("test", [&Secret::from("hunter22")]);
        let capture = Capture::new(redactor);
        let request = Request::post("https://h.example.org/hunter22?x=1")
            .header("Authorization", "Bearer other-token")
            .header("X-From", "dodona")
            .body(Bytes::from_static(b"{\"key\": \"hunter22\"}"));
        capture.answer(&request.unwrap());
        capture.mail(b"Subject: hunter22");
        let sent = capture.take();
        let Sent::Request { line, headers, body } = &sent[0] else { panic!("{sent:?}") };
        assert_eq!(line, "POST https://h.example.org/***?x=1");
        assert_eq!(headers, &[("authorization".into(), "***".into()), ("x-from".into(), "dodona".into())]);
        assert_eq!(body, "{\"key\": \"***\"}");
        assert_eq!(sent[1], Sent::Mail("Subject: ***".into()));
    }

    #[test]
    fn a_form_is_an_object() {
        let sent = Sent::Request {
            line: "POST x".into(),
            headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
            body: "token=abc&text=a+b".into(),
        };
        assert_eq!(sent.payload(), Some(json!({"token": "***", "text": "a b"})));
    }
}
