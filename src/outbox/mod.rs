//! What has to be delivered, until it is: one FIFO queue per destination, limits per service, attempts with back-off.
//!
//! The outbox knows when to try; how to talk to a receiver is the [`Courier`]'s, and what a result means for the ledger
//! is the pipeline's. Where the parcels are kept is the store's: memory here, disk and JetStream behind the same trait.
//!
//! [`schedule`] decides, as a state machine; [`pump`] is the one task that does what it says; [`Outbox`] is the handle.

mod breaker;
mod lane;
mod policy;
mod pump;
mod queue;
mod schedule;
mod snapshot;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;

pub use breaker::{BreakerPolicy, BreakerState};
pub use policy::{Backoff, Policy};
pub use snapshot::{QueueSnapshot, QueueState, ServiceSnapshot, Snapshot};
use store::{DeadLetter, Filter, Store, StoreError, Stored};

use crate::delivery::{DeliveryError, DeliveryOptions};
use crate::model::{Clock, Destination, Message, Receipt};
use queue::Item;
use schedule::Schedule;

/// One message on its way to one destination. It serialises, so that a store can keep it across restarts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    /// Unique within the process; assigned by the outbox when it accepts the parcel (0 before).
    pub id: u64,
    /// Binding of the object.
    pub binding: String,
    /// Namespace and name of the object (namespace empty for cluster-scoped kinds).
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// Namespace of the configuration that asked for it; picks the service of that name.
    pub config_namespace: String,
    /// Where to.
    pub destination: Destination,
    /// Name of the trigger, for logs and metrics.
    pub trigger: String,
    /// Key of the condition, for logs.
    pub condition: String,
    /// Key under which the receipt is recorded in the ledger.
    pub ledger_key: String,
    /// The message.
    pub message: Message,
    /// Unix milliseconds at which it was accepted; its age counts from here.
    pub accepted_at: i64,
    /// Attempts made so far.
    pub attempts: u32,
}

impl Parcel {
    /// Bytes that it takes in memory, roughly.
    pub fn weight(&self) -> usize {
        /// The struct itself, its place in a queue, and what the allocator adds.
        const FIXED: usize = 512;
        let texts = [&self.binding, &self.namespace, &self.name, &self.config_namespace, &self.trigger];
        let keys = self.condition.len() + self.ledger_key.len() + self.destination.recipient.len();
        FIXED + self.message.weight() + keys + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

/// Hands one parcel to its receiver, once. All but `attempt` are called under a lock: they answer at once and do not
/// call the outbox.
pub trait Courier: Send + Sync + 'static {
    /// One attempt with the service that is configured *now* under the parcel's service name.
    fn attempt<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, DeliveryError>>;

    /// Options of the service that the parcel is for.
    fn options(&self, parcel: &Parcel) -> DeliveryOptions;

    /// What goes down as one: the parcel's service, unless the service knows better (an address per recipient).
    fn endpoint(&self, parcel: &Parcel) -> Arc<str> {
        Arc::clone(&parcel.destination.service)
    }

    /// Told after each attempt, for metrics and logs.
    fn attempted(&self, _parcel: &Parcel, _result: Result<&Receipt, &DeliveryError>, _took: Duration) {}
}

/// How a parcel ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The receiver took it.
    Delivered(Receipt),
    /// It was refused, or its age limit was reached; it is kept as a dead letter.
    Refused(DeliveryError),
}

/// A parcel and how it ended; sent to the pipeline in order of ending.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The parcel, with the number of attempts made.
    pub parcel: Arc<Parcel>,
    /// How it ended.
    pub ending: Ending,
}

/// Why a parcel was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The outbox is draining; the parcel comes back as it was.
    #[error("the outbox takes no more messages, as the process is stopping")]
    Closed(Box<Parcel>),
    /// There is no room now, and the caller did not want to wait; the parcel comes back as it was.
    #[error("the outbox is full")]
    Full(Box<Parcel>),
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The handle of the outbox; clones are the same outbox. The pump stops when the last one is dropped.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    _owner: Arc<Owner>,
}

/// An outbox that does not deliver yet. What its courier needs can therefore be put together with the outbox at hand: a
/// parcel that left before would be refused for good by a courier that does not know its service yet.
#[must_use = "nothing is delivered before it is started, and `Outbox::drain` waits for that"]
pub struct Idle {
    shared: Arc<Shared>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    receiver: mpsc::UnboundedReceiver<Outcome>,
}

impl Idle {
    /// Begins to deliver, first what an earlier process left. Needs a tokio runtime.
    ///
    /// The receiver gets every parcel's outcome exactly once and ends when the outbox has stopped.
    pub fn start(self, courier: Arc<dyn Courier>) -> mpsc::UnboundedReceiver<Outcome> {
        tokio::spawn(pump::run(self.shared, courier, self.outcomes));
        self.receiver
    }
}

/// What handles and pump share.
struct Shared {
    schedule: Mutex<Schedule>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// One permit per byte.
    room: Arc<Semaphore>,
    capacity: usize,
    last_id: AtomicU64,
    /// Something new is in the schedule.
    news: Notify,
    /// Set by `drain`: no more parcels, and when to give up.
    closing: watch::Sender<Option<Instant>>,
    /// Whether the pump has ended.
    stopped: watch::Sender<bool>,
}

/// Stops the pump when the last handle goes.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close(Instant::now());
    }
}

impl Outbox {
    /// An outbox with what `store` has from an earlier process. It takes parcels; nothing leaves before [`Idle::start`].
    pub fn new(policy: Policy, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> (Self, Idle) {
        let capacity = policy.capacity.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let shared = Arc::new(Shared {
            schedule: Mutex::new(Schedule::new(policy)),
            store,
            clock,
            room: Arc::new(Semaphore::new(capacity)),
            capacity,
            last_id: AtomicU64::new(0),
            news: Notify::new(),
            closing: watch::Sender::new(None),
            stopped: watch::Sender::new(false),
        });
        let (outcomes, receiver) = mpsc::unbounded_channel();
        shared.restore(&outcomes);
        let idle = Idle { shared: Arc::clone(&shared), outcomes, receiver };
        (Self { _owner: Arc::new(Owner(Arc::clone(&shared))), shared }, idle)
    }

    /// Takes a parcel and returns its id; waits while there is no room for it. Nothing is dropped.
    ///
    /// A caller that stops waiting after the store began to keep the parcel may have it delivered after a restart.
    pub async fn accept(&self, parcel: Parcel) -> Result<u64, AcceptError> {
        match Arc::clone(&self.shared.room).acquire_many_owned(self.shared.size(&parcel)).await {
            Ok(room) => self.shared.take_in(parcel, room).await,
            Err(_) => Err(AcceptError::Closed(Box::new(parcel))),
        }
    }

    /// As [`Outbox::accept`], but gives the parcel back if there is no room now.
    pub async fn try_accept(&self, parcel: Parcel) -> Result<u64, AcceptError> {
        use tokio::sync::TryAcquireError;
        match Arc::clone(&self.shared.room).try_acquire_many_owned(self.shared.size(&parcel)) {
            Ok(room) => self.shared.take_in(parcel, room).await,
            Err(TryAcquireError::NoPermits) => Err(AcceptError::Full(Box::new(parcel))),
            Err(TryAcquireError::Closed) => Err(AcceptError::Closed(Box::new(parcel))),
        }
    }

    /// The ledger has the parcel's end, or nobody wants to record it: the store may forget it.
    pub fn recorded(&self, id: u64) {
        self.shared.store.done(id);
    }

    /// Everything that has not ended, in order of acceptance; what an earlier process left included.
    pub fn pending(&self) -> Vec<Arc<Parcel>> {
        self.shared.schedule().left()
    }

    /// The dead letters, oldest first.
    pub fn dead_letters(&self) -> Vec<Arc<DeadLetter>> {
        self.shared.store.dead_letters()
    }

    /// Puts the chosen dead letters back into their queues, with their ids and a new age, and returns them.
    pub async fn redeliver(&self, filter: &Filter) -> Vec<Arc<Parcel>> {
        let mut again = Vec::new();
        for letter in self.shared.store.take(filter) {
            let mut parcel = Parcel::clone(&letter.parcel);
            parcel.attempts = 0;
            match self.accept(parcel).await {
                Ok(id) => again.push(Arc::new(Parcel { id, ..Parcel::clone(&letter.parcel) })),
                Err(error) => {
                    tracing::warn!(%error, id = letter.parcel.id, "dead letter stays");
                    self.shared.store.bury(DeadLetter::clone(&letter));
                }
            }
        }
        again
    }

    /// Forgets the chosen dead letters and returns them.
    pub fn discard(&self, filter: &Filter) -> Vec<Arc<DeadLetter>> {
        self.shared.store.take(filter)
    }

    /// What is going on, for pages and metrics.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::take(&self.shared, Instant::now())
    }

    /// Stops: accepts nothing more, goes on delivering until nothing is due or `grace` is over, and returns what is
    /// left. Attempts that still run then are broken off; their receivers may have got the message.
    pub async fn drain(&self, grace: Duration) -> Vec<Arc<Parcel>> {
        /// Longer than any process waits, and safe to add to a moment.
        const LONGEST: Duration = Duration::from_hours(24);
        self.shared.close(Instant::now() + grace.min(LONGEST));
        let mut stopped = self.shared.stopped.subscribe();
        // An error would mean that the sender is gone, and it is not while `self` is here.
        stopped.wait_for(|stopped| *stopped).await.ok();
        self.pending()
    }
}

impl Shared {
    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A parcel that is larger than the whole capacity needs all of it, and gets through alone.
    fn size(&self, parcel: &Parcel) -> u32 {
        u32::try_from(parcel.weight().min(self.capacity)).unwrap_or(u32::MAX)
    }

    async fn take_in(&self, mut parcel: Parcel, room: OwnedSemaphorePermit) -> Result<u64, AcceptError> {
        if parcel.id == 0 {
            parcel.id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        }
        let id = parcel.id;
        parcel.accepted_at = self.clock.now().as_millisecond();
        let parcel = Arc::new(parcel);
        self.store.put(&parcel).await?;
        let item = Item::new(Arc::clone(&parcel), Instant::now(), Duration::ZERO, Some(room));
        {
            let mut schedule = self.schedule();
            if self.closing.borrow().is_some() {
                drop(schedule);
                self.store.done(id);
                return Err(AcceptError::Closed(Box::new(Arc::unwrap_or_clone(parcel))));
            }
            schedule.push(item);
        }
        self.news.notify_one();
        Ok(id)
    }

    /// Brings back what an earlier process left. It is not counted against the capacity as long as others have it.
    fn restore(&self, outcomes: &mpsc::UnboundedSender<Outcome>) {
        let now = self.clock.now().as_millisecond();
        for stored in self.store.all() {
            let (Stored::Waiting(parcel) | Stored::Delivered(parcel, _)) = &stored;
            self.last_id.fetch_max(parcel.id, Ordering::Relaxed);
            match stored {
                Stored::Delivered(parcel, receipt) => {
                    // The other end is in the caller's hands; it cannot be gone yet.
                    outcomes.send(Outcome { parcel, ending: Ending::Delivered(receipt) }).ok();
                }
                Stored::Waiting(parcel) => {
                    let age = u64::try_from(now.saturating_sub(parcel.accepted_at)).unwrap_or(0);
                    let size = self.size(&parcel);
                    let room = Arc::clone(&self.room).try_acquire_many_owned(size).ok();
                    self.schedule().push(Item::new(parcel, Instant::now(), Duration::from_millis(age), room));
                }
            }
        }
    }

    fn close(&self, deadline: Instant) {
        self.closing.send_if_modified(|closing| {
            let first = closing.is_none();
            *closing = Some(closing.map_or(deadline, |earlier| earlier.min(deadline)));
            first
        });
        self.room.close();
        self.news.notify_one();
    }
}
