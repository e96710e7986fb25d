//! New text of a ConfigMap or Secret: put it in force, send what waited for it, and look at all objects again.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::settings::{log_reports, new_reports};
use super::{Lane, Refused, object_key};
use crate::outbox::store::Filter;
use crate::source::Settings;

impl Lane {
    /// Follows the text of the configuration until its source ends.
    pub(super) async fn follow_settings(&self, mut settings: watch::Receiver<Settings>) {
        while settings.changed().await.is_ok() {
            let text = settings.borrow_and_update().clone();
            self.reload(&text).await;
        }
    }

    /// Puts `text` in force. Objects that it concerns are evaluated again at once (design 3), not with their next change.
    pub(super) async fn reload(&self, text: &Settings) {
        let before = self.settings.replace(text);
        let now = self.in_force();
        let name = self.binding.name();
        tracing::info!(
            binding = name,
            "invalidated cache for resource in namespace: {} with the name: {}",
            self.namespace,
            self.binding.settings_names().0
        );
        log_reports(name, &self.namespace, &new_reports(&before.config.reports, &now.config.reports));
        self.note_configuration(&before.config.reports, &now.config);

        let former = &before.config.policy.service_fingerprints;
        let present = &now.config.policy.service_fingerprints;
        let changed: BTreeSet<&String> = present
            .iter()
            .filter(|(name, print)| former.get(*name) != Some(print))
            .map(|(name, _)| name)
            .collect();
        if self.refused == Refused::Wait {
            for service in changed {
                self.redeliver(service).await;
            }
        }
        self.source.resync();
        self.reloads.fetch_add(1, Ordering::SeqCst);
    }

    /// Sends what `service` refused once more, now that it is configured differently (design 2).
    async fn redeliver(&self, service: &str) {
        let filter = Filter {
            config_namespace: Some(self.namespace.clone()),
            service: Some(service.to_owned()),
            ..Filter::default()
        };
        for letter in self
            .outbox
            .dead_letters()
            .iter()
            .filter(|letter| filter.matches(letter) && letter.parcel.binding == self.binding.name())
        {
            self.ledger().restore(&object_key(&letter.parcel), &letter.parcel.ledger_key);
            let again = self.outbox.redeliver(&Filter { id: Some(letter.parcel.id), ..filter.clone() }).await;
            tracing::info!(
                service,
                messages = again.len(),
                "refused messages are sent again with the new configuration"
            );
        }
    }
}
