//! New text of a ConfigMap or Secret: put it in force, send what waited for it, and look at all objects again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::settings::InForce;
use super::{Lane, Refused, object_key};
use crate::outbox::store::{DeadLetter, Filter};
use crate::source::Settings;

impl Lane {
    /// Follows the text of the configuration until its source ends.
    pub(super) async fn follow_settings(self: &Arc<Self>, mut settings: watch::Receiver<Settings>) {
        while settings.changed().await.is_ok() {
            let text = settings.borrow_and_update().clone();
            self.reload(&text);
        }
    }

    /// Puts `text` in force. Objects that it concerns are evaluated again at once (design 3), not with their next change.
    pub(super) fn reload(self: &Arc<Self>, text: &Settings) {
        let before = self.settings.replace(text);
        let now = self.settings.central();
        self.changed(Some(&before), &now);
        self.source.resync();
        self.reloads.fetch_add(1, Ordering::SeqCst);
    }

    /// The configuration `now` has come in the place of `before`.
    pub(super) fn changed(self: &Arc<Self>, before: Option<&InForce>, now: &InForce) {
        tracing::info!(
            binding = self.binding.name(),
            "invalidated cache for resource in namespace: {} with the name: {}",
            now.namespace,
            self.binding.settings_names().0
        );
        self.patience.be_wary();
        self.note_configuration(before, now);
        if self.refused != Refused::Wait {
            return;
        }
        let former = before.map(|before| &before.config.policy.service_fingerprints);
        let present = &now.config.policy.service_fingerprints;
        for (service, print) in present {
            if former.and_then(|former| former.get(service)) != Some(print) {
                self.redeliver(&now.namespace, service);
            }
        }
    }

    /// Sends what `service` of the configuration in `namespace` refused once more, now that it is configured differently
    /// (design 2), unless its object has been told about otherwise since then. The outbox may be full of what another service holds up, and the next change of the configuration may be
    /// what helps it: nothing here waits for room.
    fn redeliver(self: &Arc<Self>, namespace: &str, service: &str) {
        let filter = Filter {
            config_namespace: Some(namespace.to_owned()),
            service: Some(service.to_owned()),
            ..Filter::default()
        };
        let mut letters = self.outbox.dead_letters();
        letters.retain(|letter| filter.matches(letter) && letter.parcel.binding == self.binding.name());
        let (owed, others): (Vec<_>, Vec<_>) = letters
            .into_iter()
            .partition(|letter| self.ledger().reopen(&object_key(&letter.parcel), &letter.parcel.ledger_key));
        self.under_way.fetch_add(owed.len(), Ordering::SeqCst);
        let lane = Arc::clone(self);
        tokio::spawn(async move {
            for letter in owed {
                lane.send_again(&letter, &filter).await;
            }
            for letter in others {
                // Nobody decides about an object that is gone: what was refused then is all there is.
                if matches!(lane.source.get(&object_key(&letter.parcel)).await, Ok(None)) {
                    lane.under_way.fetch_add(1, Ordering::SeqCst);
                    lane.send_again(&letter, &filter).await;
                }
            }
        });
    }

    async fn send_again(&self, letter: &DeadLetter, filter: &Filter) {
        let object = object_key(&letter.parcel);
        let again = Filter { id: Some(letter.parcel.id), ..filter.clone() };
        if self.outbox.redeliver(&again).await.is_empty() {
            // It had to go meanwhile: the next look at its object decides again.
            self.ledger().record_unsent(&object, &letter.parcel.ledger_key);
            return self.ended();
        }
        tracing::info!(resource = %object, destination = %letter.parcel.destination, "a refused message is sent again with the new configuration");
    }
}
