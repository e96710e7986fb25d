//! Configurations of tenants: each namespace may have its own beside the central one (self-service, core 5.4.3).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::Lane;
use crate::source::{ByNamespace, Settings};

impl Lane {
    /// Puts in force what the tenants have, and follows it until its source ends.
    pub(super) async fn follow_tenants(
        self: &Arc<Self>,
        mut settings: watch::Receiver<ByNamespace>,
        known: ByNamespace,
    ) {
        let mut known = known;
        while settings.changed().await.is_ok() {
            let now = settings.borrow_and_update().clone();
            let changes = differences(&known, &now);
            known = now;
            if changes.is_empty() {
                continue;
            }
            for (namespace, text) in &changes {
                self.reload_tenant(namespace, text.as_ref());
            }
            self.source.resync();
            self.reloads.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The tenants' configurations at the start, before the first object is looked at.
    pub(super) fn begin_tenants(&self, settings: &ByNamespace) {
        for (namespace, text) in settings {
            if self.has_tenant(namespace) {
                self.settings.replace_tenant(namespace, Some(text));
            }
        }
        for tenant in self.settings.tenants() {
            self.note_configuration(None, &tenant);
        }
    }

    fn reload_tenant(self: &Arc<Self>, namespace: &str, text: Option<&Settings>) {
        if !self.has_tenant(namespace) {
            return;
        }
        let before = self.settings.replace_tenant(namespace, text);
        match (before, self.settings.tenant(namespace)) {
            (before, Some(now)) => self.changed(before.as_deref(), &now),
            (Some(before), None) => self.note_gone(&before),
            (None, None) => {}
        }
    }

    /// Whether a configuration in `namespace` would be a tenant's and of use.
    fn has_tenant(&self, namespace: &str) -> bool {
        namespace != self.settings.central().namespace && self.binding.serves(namespace)
    }
}

/// The namespaces whose text differs, with their present text.
fn differences(before: &ByNamespace, now: &ByNamespace) -> BTreeMap<String, Option<Settings>> {
    let gone = before.keys().filter(|namespace| !now.contains_key(*namespace));
    let gone = gone.map(|namespace| (namespace.clone(), None));
    let new = now.iter().filter(|(namespace, text)| before.get(*namespace) != Some(text));
    gone.chain(new.map(|(namespace, text)| (namespace.clone(), Some(text.clone())))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> ByNamespace {
        let settings = |text: &str| Settings {
            config_map: Some(BTreeMap::from([("context".to_owned(), text.to_owned())])),
            secret: None,
        };
        pairs.iter().map(|(namespace, text)| ((*namespace).to_owned(), settings(text))).collect()
    }

    #[test]
    fn only_what_differs_is_compiled_again() {
        let found = differences(
            &of(&[("a", "1"), ("b", "1"), ("c", "1")]),
            &of(&[("a", "1"), ("b", "2"), ("d", "1")]),
        );
        let names: Vec<(&str, bool)> = found.iter().map(|(name, text)| (&**name, text.is_some())).collect();
        assert_eq!(names, [("b", true), ("c", false), ("d", true)]);
        assert!(differences(&of(&[]), &of(&[])).is_empty());
    }
}
