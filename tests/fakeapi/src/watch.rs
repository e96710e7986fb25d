//! One open watch: what it is told, and the body that tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Kind;
use crate::filter::Filter;
use crate::store::Happened;

/// What is written next.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A line with its end.
    Line(Bytes),
    /// The orderly end.
    End,
    /// Half a line and the end of the connection.
    Break,
}

/// The server's side of a watch.
pub(crate) struct Watcher {
    pub(crate) plural: String,
    pub(crate) filter: Filter,
    kind: Kind,
    bookmarks: bool,
    frames: UnboundedSender<Frame>,
}

impl Watcher {
    pub(crate) fn new(kind: Kind, filter: Filter, bookmarks: bool) -> (Self, UnboundedReceiver<Frame>) {
        let (frames, receiver) = unbounded_channel();
        (Self { plural: kind.plural.clone(), filter, kind, bookmarks, frames }, receiver)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.frames.is_closed()
    }

    /// The client may have gone; then nobody needs to know.
    pub(crate) fn send(&self, frame: Frame) {
        self.frames.send(frame).ok();
    }

    pub(crate) fn line(&self, event: &str, object: &Value) {
        self.send(Frame::Line(format!("{}\n", json!({"type": event, "object": object})).into()));
    }

    /// A change, as it looks through the filter.
    pub(crate) fn tell(&self, happened: &Happened) {
        let seen = |object: &Option<Arc<Value>>| {
            object
                .as_ref()
                .is_some_and(|object| self.filter.matches(&happened.namespace, &happened.name, object))
        };
        match (seen(&happened.before), seen(&happened.after), &happened.before, &happened.after) {
            (false, true, _, Some(object)) => self.line("ADDED", object),
            (true, true, _, Some(object)) => self.line("MODIFIED", object),
            (true, false, Some(object), _) => self.line("DELETED", object),
            _ => {}
        }
    }

    pub(crate) fn bookmark(&self, version: u64, initial_end: bool) {
        if !self.bookmarks {
            return;
        }
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object =
            json!({"apiVersion": self.kind.api_version(), "kind": self.kind.kind, "metadata": metadata});
        self.line("BOOKMARK", &object);
    }
}

/// The body of the answer. It takes the next line only when the socket has room for it.
pub(crate) fn body(
    frames: UnboundedReceiver<Frame>,
    lines: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::unfold(Some((frames, lines, false)), |state| async move {
        let (mut frames, lines, broken) = state?;
        if broken {
            return Some((Err(std::io::Error::other("broken on purpose")), None));
        }
        match frames.recv().await? {
            Frame::Line(line) => {
                lines.fetch_add(1, Ordering::SeqCst);
                Some((Ok(line), Some((frames, lines, false))))
            }
            Frame::End => None,
            Frame::Break => Some((Ok(Bytes::from_static(b"{\"type\":\"MODI")), Some((frames, lines, true)))),
        }
    })
}
