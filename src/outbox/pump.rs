//! The one task of the outbox: asks the schedule what is to be done, makes the attempts, reports what ended.
//!
//! Only running attempts have a task of their own, and each service has only so many of them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::schedule::{Run, Start};
use super::store::DeadLetter;
use super::{Courier, Ending, Outcome, Shared};
use crate::delivery::{DeliveryError, ErrorKind};
use crate::model::Receipt;

type Attempts = JoinSet<(Run, Result<Receipt, DeliveryError>)>;

pub(super) async fn run(
    shared: Arc<Shared>,
    courier: Arc<dyn Courier>,
    outcomes: mpsc::UnboundedSender<Outcome>,
) {
    let mut attempts = Attempts::new();
    loop {
        let now = Instant::now();
        let step = shared.schedule().advance(now, &*courier);
        for start in step.starts {
            attempts.spawn(attempt(Arc::clone(&courier), start));
        }
        for outcome in step.ended {
            shared.conclude(outcome, &outcomes);
        }
        let closing = *shared.closing.borrow();
        if let Some(deadline) = closing
            && (now >= deadline || attempts.is_empty() && step.wake.is_none_or(|wake| wake > deadline))
        {
            break;
        }
        let wake = step.wake.into_iter().chain(closing).min();
        tokio::select! {
            () = shared.news.notified() => {}
            Some(joined) = attempts.join_next() => shared.joined(joined, &mut attempts, &*courier, &outcomes),
            () = sleep_until(wake) => {}
        }
    }
    attempts.shutdown().await;
    drop(outcomes);
    shared.stopped.send_replace(true);
}

/// Forever, if there is no `moment`.
async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn attempt(courier: Arc<dyn Courier>, start: Start) -> (Run, Result<Receipt, DeliveryError>) {
    let begun = Instant::now();
    let delivery = AssertUnwindSafe(courier.attempt(&start.parcel)).catch_unwind();
    let result = match tokio::time::timeout(start.timeout, delivery).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => Err(DeliveryError::permanent(
            ErrorKind::Internal,
            "the service stopped with a defect; please report it",
        )),
        Err(_elapsed) => {
            let detail = format!("no answer within {} s", start.timeout.as_secs_f64());
            Err(DeliveryError::temporary(ErrorKind::Network, detail))
        }
    };
    courier.attempted(&start.parcel, result.as_ref(), begun.elapsed());
    (start.run, result)
}

impl Shared {
    /// Takes in an ended attempt, and all others that have ended by now.
    fn joined(
        &self,
        first: Result<(Run, Result<Receipt, DeliveryError>), tokio::task::JoinError>,
        attempts: &mut Attempts,
        courier: &dyn Courier,
        outcomes: &mpsc::UnboundedSender<Outcome>,
    ) {
        let mut next = Some(first);
        while let Some(joined) = next {
            match joined {
                Ok((run, result)) => {
                    let outcome = self.schedule().finish(&run, result, Instant::now(), courier);
                    if let Some(outcome) = outcome {
                        self.conclude(outcome, outcomes);
                    }
                }
                Err(error) => tracing::error!(%error, "failed to wait for an attempt"),
            }
            next = attempts.try_join_next();
        }
    }

    /// Writes down the end of a parcel and tells the pipeline.
    fn conclude(&self, outcome: Outcome, outcomes: &mpsc::UnboundedSender<Outcome>) {
        match &outcome.ending {
            Ending::Delivered(receipt) => self.store.delivered(&outcome.parcel, receipt),
            Ending::Refused(error) => self.store.bury(DeadLetter {
                parcel: Arc::clone(&outcome.parcel),
                error: error.clone(),
                at: self.clock.now().as_millisecond(),
            }),
        }
        if outcomes.send(outcome).is_err() {
            tracing::debug!("nobody listens to the outbox any more");
        }
    }
}
