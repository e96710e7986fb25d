//! Objects beside the watched ones (AppProjects): when one changes, the objects that refer to it are looked at again.

use std::sync::Arc;
use std::time::Duration;

use super::Lane;
use super::settings::InForce;
use crate::source::Shelf;

/// Changes that come this soon after each other cause one look at the objects.
const COLLECT: Duration = Duration::from_secs(1);

impl Lane {
    /// Waits until the companions that existed at the start are known: what they subscribe is not to be missed.
    pub(super) async fn companions_known(&self) {
        if let Some(known) = &self.companions {
            // The shelf outlives this wait.
            drop(known.complete().wait_for(|complete| *complete).await);
        }
    }

    /// Looks at all objects again when the subscriptions of a companion change, or anything of one while a condition asks for
    /// it. Upstream would notice with the next of its passes (core 5.1.3).
    pub(super) async fn follow_companions(&self, companions: Arc<Shelf>) {
        self.companions_known().await;
        let mut news = companions.news();
        // Objects may have been looked at since then, before this task came to its turn.
        let mut seen = companions.beginning();
        loop {
            if *news.borrow_and_update() == seen {
                // Nothing is left to follow where the shelf is gone.
                let Ok(()) = news.changed().await else { return };
            }
            tokio::time::sleep(COLLECT).await;
            let now = *news.borrow_and_update();
            if now.marked != seen.marked || self.conditions_ask() {
                tracing::debug!(
                    binding = self.binding.name(),
                    "companions have changed: looking at all objects"
                );
                self.source.resync();
            }
            seen = now;
        }
    }

    /// Whether some condition may read the companion's variable.
    fn conditions_ask(&self) -> bool {
        let variable = self.binding.companion_variable();
        let asks = |one: &Arc<InForce>| {
            one.config.policy.triggers.values().any(|trigger| trigger.mentions(variable))
        };
        asks(&self.settings.central()) || self.settings.tenants().iter().any(asks)
    }
}
