//! THE story: the way of one notification (design 1), top to bottom. Everything else is a stage that this file calls.
//!
//! ```text
//!             Change            Plan             Message            Receipt           Patch
//!  source ────────────▶ decide ──────▶ compose ─────────▶ outbox ─────────▶ ledger ─────────▶ source
//! ```
//!
//! One lane runs for each binding. Its changes are decided one after the other in order of arrival, and no decision waits
//! for a receiver: messages are handed to the outbox, and what becomes of them comes back through [`Lane::settle`].

mod answers;
mod aside;
mod assembly;
mod companions;
mod courier;
mod happenings;
mod lane;
mod notes;
mod patience;
mod reload;
mod settings;
mod tenants;
mod timers;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use assembly::{Pipeline, PipelineOptions, Tenants, Watched};
pub use happenings::{ANALYSIS_RUNS, Beside, EVENTS, EXPERIMENTS};
pub use lane::{Lane, Refused};

use crate::engine::Send;
use crate::model::{Change, Message, ObjectKey};
use crate::outbox::{Ending, Outcome, Parcel};
use lane::PostError;
use settings::InForce;

impl Lane {
    /// One change: who is told what because of it? Returns once every message is in the outbox, which is when the next
    /// change may be looked at: a full outbox slows the source down, and nothing is dropped.
    pub(crate) async fn tell(self: &Arc<Self>, change: Change) {
        match self.last_look(&change) {
            Some(last) => {
                self.decide_and_post(&last).await;
                self.take_notice(&change);
            }
            None => self.decide_and_post(&change).await,
        }
        self.told.fetch_add(1, Ordering::SeqCst);
        self.patience.rest().await;
    }

    async fn decide_and_post(self: &Arc<Self>, change: &Change) {
        let applied = self.applied(&change.object);
        if let Some(reason) = self.reason_to_skip(change, &applied) {
            self.note_skipped(change, &reason);
            return self.take_notice(change);
        }
        let undecided = self.undecided(change, &applied).await;
        let plan = self.decide(change, &applied, &undecided);
        self.note_plan(change, &plan, &applied);
        let gone = change.object.is_gone();
        self.wake(change, plan.wake_at.filter(|_| !gone));
        for send in plan.send {
            // Policies and configurations are in the same order.
            let Some(in_force) = applied.configurations.get(send.policy) else { continue };
            self.post(send, in_force).await;
        }
        if plan.patch && !gone {
            self.writer.write(change.object.key());
        }
    }

    /// One decided notification: compose it from the object as it was, and hand it over. What asks somebody goes aside.
    async fn post(self: &Arc<Self>, send: Send, in_force: &Arc<InForce>) {
        if !send.again {
            self.note_sending(&send, in_force);
        }
        if self.goes_aside(&send, in_force) {
            return self.post_aside(send, in_force).await;
        }
        match self.compose(&send, in_force, None) {
            Ok(message) => self.hand_over(&send, message, in_force).await,
            Err(error) => self.refuse(&send, &error, in_force),
        }
    }

    /// To the outbox, which may be full.
    async fn hand_over(&self, send: &Send, message: Message, in_force: &InForce) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        if let Err(error) = self.outbox.accept(self.parcel(send, message, in_force)).await {
            self.ended();
            self.note_unsent(send, &error, in_force);
            // Not told, and not recorded either: the next look at the object, or the next process, decides again. A
            // happening stays open for the same reason.
            self.ledger().record_unsent(send.object.key(), &send.ledger_key);
        }
    }

    /// A message that cannot be composed waits for the next look at the object, which may have by then what the template
    /// wants. People are told once, not at each look (design 2).
    fn refuse(&self, send: &Send, error: &PostError, in_force: &InForce) {
        self.happening_ended(send.object.key(), &send.condition, false);
        let object = send.object.key();
        let news = match self.refused {
            Refused::Wait => self.ledger().record_unrenderable(object, &send.ledger_key, &error.to_string()),
            Refused::NextLook => {
                self.ledger().record_failure(object, &send.ledger_key);
                true
            }
        };
        if news {
            self.note_unrenderable(send, error, in_force);
        }
    }

    /// One parcel that came to its end: record it, and write down what was told.
    pub(crate) fn settle(&self, outcome: &Outcome) {
        let parcel = &outcome.parcel;
        let object = object_key(parcel);
        self.note_ending(parcel, &outcome.ending);
        let delivered = matches!(outcome.ending, Ending::Delivered(_));
        self.happening_ended(&object, &parcel.condition, delivered);
        let patch = match &outcome.ending {
            Ending::Delivered(_) => {
                self.ledger().record_receipt(&object, &parcel.ledger_key, self.clock.unix_seconds())
            }
            Ending::Refused(_) if self.refused == Refused::NextLook => {
                self.ledger().record_failure(&object, &parcel.ledger_key)
            }
            Ending::Refused(_) => self.ledger().record_refusal(&object, &parcel.ledger_key),
        };
        self.outbox.recorded(parcel.id);
        if patch {
            self.writer.write(&object);
        }
        self.ended();
    }

    /// A message that was under way is not any more. One that an earlier process left was never counted.
    fn ended(&self) {
        let less = |count: usize| Some(count.saturating_sub(1));
        self.under_way.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).ok();
    }
}

/// The object that a parcel is about.
fn object_key(parcel: &Parcel) -> ObjectKey {
    ObjectKey::new(Arc::<str>::from(parcel.namespace.as_str()), Arc::<str>::from(parcel.name.as_str()))
}
