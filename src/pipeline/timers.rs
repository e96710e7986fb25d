//! Looking at an object again because time has passed, and only at those whose triggers read the clock (core 5.1.3).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::model::{Cause, Change, ObjectKey};
use crate::source::Source;

/// The objects that have to be looked at again, by time.
#[derive(Default)]
pub(super) struct Timers {
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Default)]
struct Queue {
    by_time: BTreeSet<(Instant, ObjectKey)>,
    by_key: HashMap<ObjectKey, Instant>,
}

impl Timers {
    /// Has `key` looked at after `wait`, or not any more (`None`).
    pub(super) fn set(&self, key: &ObjectKey, wait: Option<Duration>) {
        let mut queue = self.queue();
        if let Some(earlier) = queue.by_key.remove(key) {
            queue.by_time.remove(&(earlier, key.clone()));
        }
        if let Some(wait) = wait {
            let at = Instant::now() + wait;
            queue.by_key.insert(key.clone(), at);
            queue.by_time.insert((at, key.clone()));
            self.news.notify_one();
        }
    }

    /// Sends objects whose time has come as changes, until the receiver is gone.
    pub(super) async fn run(
        &self,
        binding: Arc<str>,
        source: Arc<dyn Source>,
        changes: mpsc::Sender<Change>,
    ) {
        while !changes.is_closed() {
            let Some(key) = self.next().await else { continue };
            match source.get(&key).await {
                Ok(Some(object)) => {
                    let change = Change {
                        binding: Arc::clone(&binding),
                        object: Arc::new(object),
                        cause: Cause::Timer,
                    };
                    if changes.send(change).await.is_err() {
                        return;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(resource = %key, %error, "failed to look at an object again; trying later");
                    self.set(&key, Some(Duration::from_secs(30)));
                }
            }
        }
    }

    /// The next object whose time has come; `None` if something earlier may have been put in meanwhile.
    async fn next(&self) -> Option<ObjectKey> {
        let first = self.queue().by_time.first().cloned();
        match first {
            None => {
                self.news.notified().await;
                None
            }
            Some((at, key)) => tokio::select! {
                () = tokio::time::sleep_until(at) => {
                    self.set(&key, None);
                    Some(key)
                }
                () = self.news.notified() => None,
            },
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
