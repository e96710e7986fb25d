//! Kubernetes Events on the objects that something happened to, so that `kubectl describe` shows it.
//!
//! An aid, never a duty: what cannot be written is logged at debug level and forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use kube::api::PostParams;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc;

use super::Api;
use super::api::collection_path;
use crate::model::{Clock, Resource, Severity};
use crate::source::{Notices, Subject};

/// Seconds during which the same event is not written again.
const QUIET: i64 = 3600;
/// Events remembered for that.
const REMEMBERED: usize = 4096;
/// Events waiting to be written; more are dropped.
const WAITING: usize = 256;
/// Bytes of a message that the API accepts.
const MESSAGE_LIMIT: usize = 1024;

/// Writes core/v1 Events, one at a time, in the background.
pub struct EventRecorder {
    clock: Arc<dyn Clock>,
    recent: Mutex<Recent>,
    queue: mpsc::Sender<(String, serde_json::Value)>,
}

#[derive(Default)]
struct Recent {
    seen: BTreeMap<[u8; 20], i64>,
    order: VecDeque<[u8; 20]>,
}

impl EventRecorder {
    /// Starts the background task on the current runtime. It ends with the recorder.
    pub fn start(api: Api, clock: Arc<dyn Clock>) -> Self {
        let (queue, events) = mpsc::channel(WAITING);
        tokio::spawn(write(api, events));
        Self { clock, recent: Mutex::default(), queue }
    }
}

impl Notices for EventRecorder {
    fn record(&self, subject: &Subject, severity: Severity, reason: &str, message: &str) {
        let now = self.clock.now();
        let digest = fingerprint(&[
            &subject.kind,
            &subject.key.namespace,
            &subject.key.name,
            &subject.uid,
            reason,
            message,
        ]);
        if !self.recent.lock().unwrap_or_else(PoisonError::into_inner).is_new(digest, now.as_second()) {
            return;
        }
        let namespace = if subject.key.namespace.is_empty() { "default" } else { &subject.key.namespace };
        let event = body(subject, namespace, severity, reason, message, &digest, now);
        if self.queue.try_send((namespace.to_owned(), event)).is_err() {
            tracing::debug!(object = %subject.key, reason, "dropped an Event: too many are waiting");
        }
    }
}

impl Recent {
    /// Remembers the event; false if it was written less than an hour ago.
    fn is_new(&mut self, digest: [u8; 20], now: i64) -> bool {
        match self.seen.insert(digest, now) {
            Some(before) if now.saturating_sub(before) < QUIET => {
                self.seen.insert(digest, before);
                return false;
            }
            Some(_) => return true,
            None => self.order.push_back(digest),
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
        true
    }
}

async fn write(api: Api, mut events: mpsc::Receiver<(String, serde_json::Value)>) {
    let events_of = Resource::new("", "v1", "events", Some("Event"));
    let mut complained = false;
    while let Some((namespace, event)) = events.recv().await {
        let path = collection_path(&events_of, &namespace);
        let request =
            kube::core::Request::new(path).create(&PostParams::default(), event.to_string().into_bytes());
        let result = match request {
            Ok(request) => api.bytes(request).await.map(drop).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match result {
            Ok(()) => complained = false,
            Err(error) if complained => tracing::debug!(namespace, error, "failed to write an Event"),
            Err(error) => {
                tracing::warn!(
                    namespace,
                    error,
                    "failed to write an Event (needs create on events): going on without"
                );
                complained = true;
            }
        }
    }
}

fn body(
    subject: &Subject,
    namespace: &str,
    severity: Severity,
    reason: &str,
    message: &str,
    digest: &[u8; 20],
    now: jiff::Timestamp,
) -> serde_json::Value {
    let at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    // Kubernetes has `Normal` and `Warning`; whoever reads `kubectl describe` should look at either of ours.
    let kind = match severity {
        Severity::Warning | Severity::Error => "Warning",
    };
    let [a, b, c, d, ..] = *digest;
    let suffix = u32::from_be_bytes([a, b, c, d]);
    // A name has 253 characters; the object's own may have as many.
    let stem: String = subject.key.name.chars().take(220).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": format!("{stem}.{:x}{suffix:08x}", now.as_nanosecond()), "namespace": namespace },
        "involvedObject": {
            "apiVersion": subject.api_version, "kind": subject.kind,
            "namespace": &*subject.key.namespace, "name": &*subject.key.name, "uid": subject.uid,
        },
        "reason": reason,
        "message": cut(message),
        "type": kind,
        "source": { "component": "dodona" },
        "reportingComponent": "dodona",
        "reportingInstance": "dodona",
        "action": reason,
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
    })
}

fn cut(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE_LIMIT);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

fn fingerprint(parts: &[&str]) -> [u8; 20] {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_is_written_once_an_hour() {
        let mut recent = Recent::default();
        assert!(recent.is_new([1; 20], 0));
        assert!(!recent.is_new([1; 20], QUIET - 1));
        assert!(recent.is_new([2; 20], 1));
        assert!(recent.is_new([1; 20], QUIET));
        assert!(!recent.is_new([1; 20], QUIET + 1));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut recent = Recent::default();
        for index in 0..(REMEMBERED as u64 + 100) {
            let mut digest = [0; 20];
            digest[..8].copy_from_slice(&index.to_le_bytes());
            assert!(recent.is_new(digest, 0));
        }
        assert_eq!((recent.seen.len(), recent.order.len()), (REMEMBERED, REMEMBERED));
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(cut(&"ä".repeat(600)).len(), 1024);
        assert_eq!(cut(&format!("a{}", "ä".repeat(600))).len(), 1023);
        assert_eq!(cut("short"), "short");
    }
}
