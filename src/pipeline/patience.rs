//! Conditions and templates that take long do not hold up everything else.
//!
//! Nearly every evaluation takes microseconds, and the one thread that does the work of the process spends less on it than waking
//! another thread would cost. Where one took long (its limits leave it seconds), and after a change of the configuration, deliveries
//! and probes go on beside the next ones of its lane.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{block_in_place, yield_now};
use tokio::time::Instant;

/// After an evaluation of this length others get their turn before the next change is looked at.
const NOTICEABLE: Duration = Duration::from_millis(5);
/// Longer than a process usually waits for its processor, so that a busy machine is not taken for a slow template.
const LONG: Duration = Duration::from_millis(100);
/// Evaluations that are made aside after a long one, and after a change of conditions and templates.
const WARY: u32 = 1000;

/// How long the evaluations of a lane took.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Evaluations that are still made aside.
    aside: AtomicU32,
    others_wait: AtomicBool,
}

impl Patience {
    /// There are new conditions and templates. At the start there are too, but nobody waits yet, and each further thread that
    /// works costs the memory that its allocator keeps.
    pub(super) fn be_wary(&self) {
        self.aside.store(WARY, Ordering::Relaxed);
    }

    /// Evaluates. If something took long before, other tasks find another thread meanwhile.
    pub(super) fn with<R>(&self, evaluate: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        let result = if self.is_wary() && may_leave() { block_in_place(evaluate) } else { evaluate() };
        let took = begun.elapsed();
        if took > NOTICEABLE {
            self.others_wait.store(true, Ordering::Relaxed);
        }
        if took > LONG {
            self.be_wary();
        }
        result
    }

    /// Between two changes: lets other tasks go first if the evaluations of the last one kept them waiting.
    pub(super) async fn rest(&self) {
        if self.others_wait.swap(false, Ordering::Relaxed) {
            yield_now().await;
        }
    }

    fn is_wary(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.aside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// A runtime on the thread of its caller has no other one.
fn may_leave() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn wary() -> Patience {
        let patience = Patience::default();
        patience.be_wary();
        patience
    }

    /// On a runtime with one thread, an evaluation that waits for another task ends only if that task is not held up by it.
    #[test]
    fn after_a_long_evaluation_others_go_on_meanwhile() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let answer = runtime.block_on(async {
            tokio::spawn(async {
                let (patience, (sender, receiver)) = (wary(), mpsc::channel());
                tokio::spawn(async move { sender.send("on").unwrap() });
                patience.with(|| receiver.recv_timeout(Duration::from_mins(1)))
            })
            .await
        });
        assert_eq!(answer.unwrap(), Ok("on"));
    }

    #[tokio::test]
    async fn a_runtime_on_one_thread_evaluates_in_place() {
        assert_eq!(wary().with(|| 7), 7);
    }

    #[tokio::test]
    async fn a_long_evaluation_is_remembered_for_a_while() {
        let patience = Patience::default();
        assert!(!patience.is_wary());
        patience.with(|| std::thread::sleep(LONG));
        assert!((0..WARY).all(|_| patience.is_wary()) && !patience.is_wary());
        patience.be_wary();
        assert!(patience.is_wary());
    }

    #[tokio::test]
    async fn others_get_their_turn_after_a_noticeable_evaluation() {
        let (patience, (sender, receiver)) = (Patience::default(), mpsc::channel());
        tokio::spawn(async move { sender.send("on").unwrap() });
        patience.with(|| std::thread::sleep(NOTICEABLE));
        patience.rest().await;
        assert_eq!(receiver.try_recv(), Ok("on"));
    }
}
