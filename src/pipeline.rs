//! THE story: the way of one notification (design 1), top to bottom. Everything else is a stage that this file calls.
//!
//! ```text
//!             Change            Plan             Message            Receipt           Patch
//!  source ────────────▶ decide ──────▶ compose ─────────▶ outbox ─────────▶ ledger ─────────▶ source
//! ```
//!
//! One lane runs for each binding. Its changes are decided one after the other in order of arrival, and no decision waits
//! for a receiver: messages are handed to the outbox, and what becomes of them comes back through [`Lane::settle`].

mod assembly;
mod courier;
mod facts;
mod lane;
mod notes;
mod settings;
mod timers;
mod writer;

use std::sync::Arc;

pub use assembly::{Pipeline, PipelineOptions, Watched};
pub use lane::Lane;

use crate::engine::Send;
use crate::model::{Change, Message};
use crate::outbox::{AcceptError, Ending, Outcome, Parcel};

impl Lane {
    /// One change: who is told what because of it? Returns once every message is in the outbox, which is when the next
    /// change may be looked at: a full outbox slows the source down, and nothing is dropped.
    pub(crate) async fn tell(&self, change: Change) {
        let configs = self.configs();
        if !self.concerns_anybody(&change, &configs) {
            return self.take_notice(&change);
        }
        if let Some(reason) = self.reason_to_skip(&change) {
            self.note_skipped(&change, &reason);
            return self.take_notice(&change);
        }
        let plan = self.decide(&change, &configs);
        self.note_plan(&change, &plan);
        self.wake(&change, plan.wake_at);
        for send in plan.send {
            self.post(send).await;
        }
        if plan.patch {
            self.writer.write(change.object.key());
        }
    }

    /// One decided notification: compose it from the object as it was, and hand it over.
    async fn post(&self, send: Send) {
        self.note_sending(&send);
        match self.compose(&send) {
            Ok(message) => self.hand_over(send, message).await,
            Err(error) => self.refuse(send, &error),
        }
    }

    async fn hand_over(&self, send: Send, message: Message) {
        let parcel = self.parcel(&send, message);
        match self.outbox.accept(parcel).await {
            Ok(_) => {}
            // Not told, and not recorded either: it is decided again after the restart.
            Err(error @ AcceptError::Closed(_)) => tracing::debug!(%error, resource = %send.object.key(), "not sent before the stop"),
            Err(error) => self.lose(&send, &error.to_string()),
        }
    }

    /// One parcel that came to its end: record it, and write down what was told.
    pub(crate) fn settle(&self, outcome: &Outcome) {
        let parcel = &outcome.parcel;
        let object = object_key(parcel);
        self.note_ending(parcel, &outcome.ending);
        let patch = match &outcome.ending {
            Ending::Delivered(_) => self.ledger().record_receipt(&object, &parcel.ledger_key, self.clock.unix_seconds()),
            Ending::Refused(_) => self.ledger().record_refusal(&object, &parcel.ledger_key),
        };
        self.outbox.recorded(parcel.id);
        if patch {
            self.writer.write(&object);
        }
    }
}

/// The object that a parcel is about.
fn object_key(parcel: &Parcel) -> crate::model::ObjectKey {
    crate::model::ObjectKey::new(Arc::<str>::from(parcel.namespace.as_str()), Arc::<str>::from(parcel.name.as_str()))
}
