//! The demo's inbox: every receiver that the demo's configuration names, in this process.
//!
//! It answers as Slack's Web API, as a webhook and (in [`super::smtp`]) as a mail server, and keeps what arrives in the
//! form in which people would see it. It knows nothing of the pipeline that sends to it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

/// One notification as a person sees it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Note {
    /// `slack`, `webhook` or `email`.
    pub service: &'static str,
    /// Channel, path or address.
    pub to: String,
    /// Subject, title or first line.
    pub title: String,
    /// The text below it.
    pub text: String,
    /// Named facts: fields of a Slack attachment.
    pub fields: Vec<(String, String)>,
    /// Where the title leads to.
    pub link: Option<String>,
    /// Colour of the bar at the side, `#rrggbb`.
    pub color: Option<String>,
    /// When it arrived, as `15:04:05`.
    pub at: String,
}

/// What has arrived so far; cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    notes: Arc<Mutex<Vec<Note>>>,
    count: watch::Sender<usize>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { notes: Arc::default(), count: watch::Sender::new(0) }
    }
}

impl Inbox {
    /// Keeps `note` and tells those who wait.
    pub fn receive(&self, note: Note) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note);
        self.count.send_replace(notes.len());
    }

    /// Everything, oldest first.
    pub fn all(&self) -> Vec<Note> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of notes, to wait on.
    pub fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}
