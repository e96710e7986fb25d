//! Writing the ledger down: one patch of an object at a time, several objects at once, and again after a failure.
//!
//! Receipts of one object that arrive together make one patch (core 3.5.7), because the next patch is only computed when
//! the last one has come back. A patch that the server forbids is not repeated until something else happens to the
//! object; what was told stays in the overlay meanwhile, so nothing is told twice (core 3.5.8).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::engine::Ledger;
use crate::model::ObjectKey;
use crate::source::{Source, SourceError};

/// Patches under way at the same time.
const CONCURRENCY: usize = 16;
/// Pause after the first failed patch; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long receipts of one object are collected before they are written.
const COLLECT: Duration = Duration::from_millis(2);

/// Writes state annotations; cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer(Arc<Shared>);

struct Shared {
    source: Arc<dyn Source>,
    ledger: Arc<Mutex<Ledger>>,
    slots: Semaphore,
    /// Objects with a task, and whether they have to be looked at once more.
    active: Mutex<HashMap<ObjectKey, bool>>,
    count: watch::Sender<usize>,
    forbidden: AtomicBool,
    /// Set when the process stops: nobody waits for another try.
    closing: watch::Sender<bool>,
}

impl Writer {
    /// A writer of `ledger` into `source`.
    pub(crate) fn new(source: Arc<dyn Source>, ledger: Arc<Mutex<Ledger>>) -> Self {
        Self(Arc::new(Shared {
            source,
            ledger,
            slots: Semaphore::new(CONCURRENCY),
            active: Mutex::default(),
            count: watch::Sender::new(0),
            forbidden: AtomicBool::new(false),
            closing: watch::Sender::new(false),
        }))
    }

    /// Has `object`'s annotation written soon. Returns at once.
    pub(crate) fn write(&self, object: &ObjectKey) {
        {
            let mut active = self.0.active();
            if let Some(again) = active.get_mut(object) {
                *again = true;
                return;
            }
            active.insert(object.clone(), false);
            self.0.count.send_replace(active.len());
        }
        let (shared, object) = (Arc::clone(&self.0), object.clone());
        tokio::spawn(async move { shared.keep_writing(&object).await });
    }

    /// Whether everything is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.active().is_empty()
    }

    /// Waits until everything is written. What waits for another try gets it now, and is given up if that fails too.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.0.closing.send_replace(true);
        let mut count = self.0.count.subscribe();
        // Neither a closed channel nor the end of the grace period leaves anything to do.
        drop(tokio::time::timeout(grace, count.wait_for(|count| *count == 0)).await);
    }
}

impl Shared {
    async fn keep_writing(&self, object: &ObjectKey) {
        tokio::time::sleep(COLLECT).await;
        let mut pause = FIRST_PAUSE;
        let mut closing = self.closing.subscribe();
        loop {
            let stops = *closing.borrow_and_update();
            match self.write_once(object).await {
                Attempt::Written => pause = FIRST_PAUSE,
                Attempt::Failed if !stops => {
                    // The sender outlives this wait.
                    drop(tokio::time::timeout(pause, closing.wait_for(|closing| *closing)).await);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
                Attempt::Failed | Attempt::Nothing => {}
            }
            let mut active = self.active();
            match active.get_mut(object) {
                Some(again) if *again => *again = false,
                _ => {
                    active.remove(object);
                    self.count.send_replace(active.len());
                    return;
                }
            }
        }
    }

    async fn write_once(&self, object: &ObjectKey) -> Attempt {
        let Ok(_slot) = self.slots.acquire().await else { return Attempt::Nothing };
        let (annotation, patch) = {
            let mut ledger = self.ledger();
            let annotation = ledger.annotation().to_owned();
            (annotation, ledger.patch_for(object))
        };
        let Some(patch) = patch else { return Attempt::Nothing };
        match self.source.annotate(object, &patch.uid, &annotation, patch.value.as_deref()).await {
            Ok(Some(written)) => {
                self.forbidden.store(false, Ordering::Relaxed);
                if self.ledger().patched(object, &written) {
                    self.again(object);
                }
                Attempt::Written
            }
            Ok(None) => {
                self.ledger().missing(object, &patch.uid);
                Attempt::Nothing
            }
            Err(error) => self.failed(object, &error),
        }
    }

    fn failed(&self, object: &ObjectKey, error: &SourceError) -> Attempt {
        if matches!(error, SourceError::Forbidden { .. }) {
            self.ledger().patch_denied(object);
            // Told once, not with every notification: what to do is the same for all of them.
            if !self.forbidden.swap(true, Ordering::Relaxed) {
                tracing::error!(resource = %object, "Failed to patch resource: {error}; give the service account `patch` on this kind, until then what was sent is remembered in memory only");
            }
            return Attempt::Nothing;
        }
        // The answer may have been lost on its way: the next attempt settles it.
        self.ledger().patch_lost(object);
        tracing::warn!(resource = %object, "Failed to patch resource: {error}; trying again");
        Attempt::Failed
    }

    fn again(&self, object: &ObjectKey) {
        if let Some(again) = self.active().get_mut(object) {
            *again = true;
        }
    }

    fn active(&self) -> MutexGuard<'_, HashMap<ObjectKey, bool>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Attempt {
    /// The server has it.
    Written,
    /// There is nothing to write, or writing is of no use now.
    Nothing,
    /// It may work later.
    Failed,
}
