//! The receiver of the cases: answers every request as Slack and webhooks do, and remembers it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Json;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::run::{PATIENCE, QUIET};

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// The receiver.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    /// How long each answer takes.
    hangs: Duration,
}

impl Receiver {
    /// Starts it; returns its host and port.
    pub(crate) async fn start() -> (Self, String) {
        Self::hanging(Duration::ZERO).await
    }

    /// The same, but each answer takes `hangs`.
    pub(crate) async fn hanging(hangs: Duration) -> (Self, String) {
        let receiver = Self { arrived: Arc::default(), hangs };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    /// Everything since the last call.
    pub(crate) fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.arrived.lock().unwrap())
    }

    /// Whether a request with this body has arrived since the last [`Receiver::take`].
    pub(crate) fn has(&self, body: &str) -> bool {
        self.arrived.lock().unwrap().iter().any(|request| request.body == body)
    }

    pub(crate) fn count(&self) -> usize {
        self.arrived.lock().unwrap().len()
    }

    /// Waits for these requests, in any order, and for what ought not to come besides.
    pub(crate) async fn expect(&self, requests: &[Value]) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.count() < requests.len() && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        sleep(QUIET).await;
        let mut arrived = self.take();
        for wanted in requests {
            let found = arrived.iter().position(|request| differs(request, wanted).is_none());
            let Some(found) = found else {
                let why: Vec<_> = arrived
                    .iter()
                    .map(|request| format!("{request:?}: {}", differs(request, wanted).unwrap_or_default()))
                    .collect();
                bail!("{wanted} did not arrive; what arrived:\n{}", why.join("\n"));
            };
            arrived.remove(found);
        }
        ensure!(arrived.is_empty(), "not expected: {arrived:?}");
        Ok(())
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let arrived = Arrived {
        method: method.to_string(),
        path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    receiver.arrived.lock().unwrap().push(arrived);
    sleep(receiver.hangs).await;
    Json(json!({"ok": true, "channel": "C1", "ts": "1.1", "errcode": 0, "errmsg": "ok"}))
}

/// Why `arrived` is not what `wanted` describes; `None` if it is.
fn differs(arrived: &Arrived, wanted: &Value) -> Option<String> {
    for (name, value) in wanted.as_object().into_iter().flatten() {
        let fits = match name.as_str() {
            "method" => value.as_str() == Some(&arrived.method),
            "path" => value.as_str() == Some(&arrived.path),
            "body" => value.as_str() == Some(&arrived.body),
            "body_json" => serde_json::from_str::<Value>(&arrived.body).is_ok_and(|body| body == *value),
            "headers" => value.as_object().is_some_and(|headers| {
                headers
                    .iter()
                    .all(|(name, value)| arrived.headers.get(name).map(String::as_str) == value.as_str())
            }),
            "form" => fields(value, arrived, |wanted, text| wanted.as_str() == Some(text)),
            "json" => fields(value, arrived, |wanted, text| {
                serde_json::from_str::<Value>(text).is_ok_and(|found| found == *wanted)
            }),
            other => return Some(format!("the case says `{other}`, which this harness does not know")),
        };
        if !fits {
            return Some(format!("`{name}` is not {value}"));
        }
    }
    None
}

fn fields(wanted: &Value, arrived: &Arrived, same: impl Fn(&Value, &str) -> bool) -> bool {
    let form: BTreeMap<String, String> =
        url::form_urlencoded::parse(arrived.body.as_bytes()).into_owned().collect();
    wanted.as_object().is_some_and(|fields| {
        fields.iter().all(|(name, value)| form.get(name).is_some_and(|text| same(value, text)))
    })
}
