//! Kubernetes Events on the objects that something happened to, so that `kubectl describe` shows it.
//!
//! An aid, never a duty: what cannot be written is logged at debug level and forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use dodona_value::Numbers;
use kube::api::{ListParams, PostParams};
use serde_json::json;
use sha1::{Digest as _, Sha1};
use tokio::sync::mpsc;

use super::Api;
use super::api::collection_path;
use super::wire;
use crate::model::{Clock, Object, Resource, Severity};
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
    queue: mpsc::Sender<Notice>,
}

/// One Event to be written.
struct Notice {
    subject: Subject,
    severity: Severity,
    reason: String,
    message: String,
    digest: [u8; 20],
    now: jiff::Timestamp,
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
        let digest =
            fingerprint(&[&subject.kind, &subject.key.namespace, &subject.key.name, reason, message]);
        if !self.recent.lock().unwrap_or_else(PoisonError::into_inner).is_new(digest, now.as_second()) {
            return;
        }
        let notice = Notice {
            subject: subject.clone(),
            severity,
            reason: reason.to_owned(),
            message: message.to_owned(),
            digest,
            now,
        };
        if self.queue.try_send(notice).is_err() {
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

async fn write(api: Api, mut notices: mpsc::Receiver<Notice>) {
    let events_of = Resource::new("", "v1", "events", Some("Event"));
    let mut complained = false;
    while let Some(mut notice) = notices.recv().await {
        if notice.subject.uid.is_empty() || notice.subject.kind.is_empty() {
            identify(&api, &mut notice.subject).await;
        }
        let own = &*notice.subject.key.namespace;
        let namespace = if own.is_empty() { "default" } else { own };
        let path = collection_path(&events_of, namespace);
        let event = body(&notice, namespace).to_string().into_bytes();
        let result = match kube::core::Request::new(path).create(&PostParams::default(), event) {
            Ok(request) => match api.bytes(request).await {
                // Another process, or this one before a restart, has written it within the hour.
                Err(error) if error.code() == Some(409) => Ok(()),
                other => other.map(drop).map_err(|error| error.to_string()),
            },
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

/// Fills in what is not at hand, from a list with the one object in it: `kubectl describe` finds Events by the uid. Where that
/// does not work the Event is written without.
async fn identify(api: &Api, subject: &mut Subject) {
    let (group, version) = subject.api_version.rsplit_once('/').unwrap_or(("", &subject.api_version));
    let resource = Resource::new(group, version, &subject.plural, None);
    let params = ListParams {
        field_selector: Some(format!("metadata.name={}", subject.key.name)),
        limit: Some(1),
        ..ListParams::default()
    };
    let path = collection_path(&resource, &subject.key.namespace);
    let Ok(request) = kube::core::Request::new(path).list(&params) else { return };
    let listed = match api.bytes(request).await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::debug!(object = %subject.key, %error, "failed to look up the object of an Event");
            return;
        }
    };
    let Ok(page) = wire::page(&listed) else { return };
    let Some(item) = page.items.first() else { return };
    let json = page.object(item).into_owned();
    if let Ok(object) = Object::parse(json.into(), Numbers::Kubernetes)
        && object.key().name == subject.key.name
    {
        object.uid().clone_into(&mut subject.uid);
        if subject.kind.is_empty() {
            object.kind().clone_into(&mut subject.kind);
        }
    }
}

fn body(notice: &Notice, namespace: &str) -> serde_json::Value {
    let Notice { subject, severity, reason, message, digest, now } = notice;
    let at = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    // Kubernetes has `Normal` and `Warning`; whoever reads `kubectl describe` should look at either of ours.
    let kind = match severity {
        Severity::Warning | Severity::Error => "Warning",
    };
    let suffix = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let hour = now.as_second() / QUIET;
    // A name has 253 characters; the object's own may have as many.
    let stem: String = subject.key.name.chars().take(220).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        // The same name within the hour: a restart writes nothing twice.
        "metadata": { "name": format!("{stem}.{hour:x}{suffix:016x}"), "namespace": namespace },
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
