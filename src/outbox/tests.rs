//! The outbox with scripted receivers on tokio's paused clock.

use std::collections::BTreeMap;

use crate::delivery::{ErrorKind, Retry};
use crate::model::FixedClock;

use super::store::MemoryStore;
use super::*;

mod flow;
mod order;
mod restart;

/// A parcel to `service`/`recipient`.
pub(super) fn parcel(service: &str, recipient: &str) -> Parcel {
    Parcel {
        id: 0,
        binding: "app".into(),
        namespace: "argocd".into(),
        name: "guestbook".into(),
        config_namespace: "argocd".into(),
        destination: Destination::new(service, recipient),
        trigger: "on-deployed".into(),
        condition: "[0].x".into(),
        ledger_key: "k".into(),
        message: Message::text("hello"),
        accepted_at: 0,
        attempts: 0,
    }
}

/// What a scripted receiver does with an attempt.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Accept,
    /// Accepts after this time.
    Sleep(Duration),
    Busy,
    Down,
    RetryAfter(Duration),
    Refuse,
    Panic,
}

type Script = Box<dyn Fn(&Parcel) -> Answer + Send + Sync>;

/// Answers as its script says, and notes every attempt with its time since the start.
pub(super) struct Receiver {
    start: Instant,
    script: Script,
    options: Mutex<BTreeMap<String, DeliveryOptions>>,
    pub(super) log: Mutex<Vec<(u64, Duration)>>,
    running: Mutex<BTreeMap<String, (usize, usize)>>,
}

impl Receiver {
    pub(super) fn new(script: impl Fn(&Parcel) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            script: Box::new(script),
            options: Mutex::default(),
            log: Mutex::default(),
            running: Mutex::default(),
        })
    }

    pub(super) fn set(&self, service: &str, options: DeliveryOptions) {
        self.options.lock().unwrap().insert(service.into(), options);
    }

    /// Seconds since the start at which the parcel `id` was tried.
    pub(super) fn tried(&self, id: u64) -> Vec<f64> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|(seen, _)| *seen == id).map(|(_, at)| at.as_secs_f64()).collect()
    }

    /// The most attempts that ran at the same time for `service`.
    pub(super) fn peak(&self, service: &str) -> usize {
        self.running.lock().unwrap().get(service).map_or(0, |(_, peak)| *peak)
    }

    async fn answer(&self, parcel: &Parcel) -> Result<Receipt, DeliveryError> {
        let answer = (self.script)(parcel);
        match answer {
            Answer::Accept => Ok(Receipt::default()),
            Answer::Sleep(time) => {
                tokio::time::sleep(time).await;
                Ok(Receipt::default())
            }
            Answer::Busy => Err(DeliveryError::temporary(ErrorKind::Unavailable, "busy").with_status(503)),
            Answer::Down => Err(DeliveryError::temporary(ErrorKind::Network, "connection refused")),
            Answer::RetryAfter(time) => Err(DeliveryError {
                retry: Retry::After(time),
                ..DeliveryError::temporary(ErrorKind::RateLimited, "slow down").with_status(429)
            }),
            Answer::Refuse => Err(DeliveryError::permanent(ErrorKind::NotFound, "no such channel")),
            // Without the hook, so that the output stays readable.
            Answer::Panic => std::panic::resume_unwind(Box::new("a defect")),
        }
    }
}

/// One running attempt, counted until it ends in whatever way.
struct Running<'a>(&'a Receiver, &'a str);

impl<'a> Running<'a> {
    fn begin(receiver: &'a Receiver, service: &'a str) -> Self {
        let mut running = receiver.running.lock().unwrap();
        let (now, peak) = running.entry(service.into()).or_default();
        *now += 1;
        *peak = (*peak).max(*now);
        Self(receiver, service)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some((now, _)) = self.0.running.lock().unwrap().get_mut(self.1) {
            *now -= 1;
        }
    }
}

impl Courier for Receiver {
    fn attempt<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, DeliveryError>> {
        Box::pin(async move {
            self.log.lock().unwrap().push((parcel.id, self.start.elapsed()));
            let _running = Running::begin(self, &parcel.destination.service);
            self.answer(parcel).await
        })
    }

    fn options(&self, parcel: &Parcel) -> DeliveryOptions {
        self.options.lock().unwrap().get(&*parcel.destination.service).cloned().unwrap_or_default()
    }
}

/// No jitter, so that times can be told.
pub(super) fn policy() -> Policy {
    Policy { backoff: Backoff { jitter: Arc::new(|| 1.0), ..Backoff::default() }, ..Policy::default() }
}

pub(super) fn outbox(policy: Policy, receiver: &Arc<Receiver>) -> (Outbox, mpsc::UnboundedReceiver<Outcome>) {
    let clock = Arc::new(FixedClock::at(1_700_000_000));
    let (outbox, idle) = Outbox::new(policy, Arc::new(MemoryStore::default()), clock);
    (outbox, idle.start(Arc::clone(receiver) as Arc<dyn Courier>))
}

/// The error of a refused outcome.
pub(super) fn refusal(outcome: &Outcome) -> &DeliveryError {
    match &outcome.ending {
        Ending::Refused(error) => error,
        Ending::Delivered(receipt) => panic!("delivered: {receipt:?}"),
    }
}

pub(super) fn is_delivered(outcome: &Outcome) -> bool {
    matches!(outcome.ending, Ending::Delivered(_))
}
