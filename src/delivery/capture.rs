//! What services send while nothing is sent: a rehearsal that writes everything down, and a way to hold one.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use serde_json::{Map, Value, json};

use super::client::{Clients, Reach, Rehearsal};
use super::{DeliveryError, ErrorKind, Service};
use crate::model::{Message, Redactor};

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
pub(crate) enum Sent {
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
    pub(crate) fn payload(&self) -> Option<Value> {
        let Self::Request { body, .. } = self else { return None };
        if !self.is_form() {
            return serde_json::from_str(body).ok();
        }
        let fields = url::form_urlencoded::parse(body.as_bytes()).map(|(name, value)| {
            let hidden = is_secret(&name) && !value.starts_with('$');
            (name.into_owned(), if hidden { MASK.into() } else { Value::from(value.into_owned()) })
        });
        Some(Value::Object(fields.collect::<Map<_, _>>()))
    }

    /// The body for people: JSON that stands as text inside of JSON is JSON here.
    pub(crate) fn readable(&self) -> Option<Value> {
        let mut payload = self.payload()?;
        for value in payload.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(inner) = inner.filter(|inner| inner.is_array() || inner.is_object()) {
                *value = inner;
            }
        }
        Some(payload)
    }

    /// A request by its parts, for comparing: a form is an object of texts, other bodies are texts.
    pub(crate) fn parts(&self) -> Option<Value> {
        let Self::Request { line, headers, body } = self else { return None };
        let (method, address) = line.split_once(' ')?;
        let behind = address.split_once("://").map_or(address, |(_, rest)| rest);
        let path = behind.find('/').and_then(|at| behind.get(at..)).unwrap_or("/");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = |text: &str| -> Map<String, Value> {
            let fields = url::form_urlencoded::parse(text.as_bytes());
            fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
        };
        let body = if self.is_form() { Value::Object(pairs(body)) } else { body.clone().into() };
        let headers: Map<String, Value> =
            headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        Some(json!({
            "method": method, "url": address, "path": path, "query": pairs(query), "headers": headers, "body": body,
        }))
    }

    /// The mail, if it is one.
    pub(crate) fn mail(&self) -> Option<&str> {
        match self {
            Self::Mail(text) => Some(text),
            Self::Request { .. } => None,
        }
    }

    fn is_form(&self) -> bool {
        let Self::Request { headers, .. } = self else { return false };
        headers
            .iter()
            .any(|(name, value)| name == header::CONTENT_TYPE.as_str() && value.contains("form-urlencoded"))
    }

    /// The same as JSON, for `-o json`.
    pub(crate) fn to_json(&self) -> Value {
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
pub(crate) struct Capture {
    redactor: Redactor,
    /// Whether headers that look like credentials are shown too, unless the redactor knows their values.
    open: bool,
    sent: Mutex<Vec<Sent>>,
}

impl Capture {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self { redactor, open: false, sent: Mutex::default() }
    }

    /// For tests, in which credentials are made up: only what `redactor` knows is masked.
    pub(crate) fn open(redactor: Redactor) -> Self {
        Self { open: true, ..Self::new(redactor) }
    }

    /// Clients whose requests end here.
    pub(crate) fn clients(self: &Arc<Self>) -> Clients {
        let rehearsal = Some(Arc::clone(self) as Arc<dyn Rehearsal>);
        Clients::new(Reach { rehearsal, tls_directory: None, ..Reach::default() })
    }

    /// Has `service`, which was built with [`Capture::clients`], deliver, and gives what it sent. An error before the first
    /// request is the service's own; one behind it comes of the answers, which are made up.
    pub(crate) fn hold(
        &self,
        service: &dyn Service,
        message: &Message,
        recipient: &str,
    ) -> Result<Vec<Sent>, DeliveryError> {
        self.take();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| DeliveryError::permanent(ErrorKind::Internal, error.to_string()))?;
        let result = runtime.block_on(service.deliver(message, recipient));
        let sent = self.take();
        match result {
            Err(error) if sent.is_empty() => Err(error),
            _ => Ok(sent),
        }
    }

    /// Takes what was collected so far.
    pub(crate) fn take(&self) -> Vec<Sent> {
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
            if !self.open && is_secret(name) {
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
