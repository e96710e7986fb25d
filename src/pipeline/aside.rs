//! Messages that need an answer from the repo server: they are composed aside, so that no decision waits for it.
//!
//! Order stays: while a message for a destination is being composed, later ones for the same destination wait behind it; all other
//! destinations go on. Questions of waiting messages are asked at the same time.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::Lane;
use super::lane::PostError;
use super::settings::InForce;
use crate::engine::{self, Send};
use crate::lookup;
use crate::model::{Destination, Message, Unanswered};

/// Messages that wait at the same time, each with its object. More have the lane wait.
const WAITING: usize = 256;
/// When a message that demands answers asks again; then it is given up.
const AGAIN: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(4),
];

/// Where a queue leads: namespace of the configuration, and destination.
type Place = (String, Destination);

/// The messages that are being composed, by destination.
pub(super) struct Aside {
    queues: Mutex<HashMap<Place, VecDeque<Job>>>,
    slots: Arc<Semaphore>,
}

struct Job {
    send: Send,
    in_force: Arc<InForce>,
    composed: JoinHandle<Result<Message, PostError>>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Default for Aside {
    fn default() -> Self {
        Self { queues: Mutex::default(), slots: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Aside {
    fn queues(&self) -> MutexGuard<'_, HashMap<Place, VecDeque<Job>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// Whether `send` is composed aside: it asks, or it must not overtake one that asks.
    pub(super) fn goes_aside(&self, send: &Send, in_force: &InForce) -> bool {
        let asks = self.asks && engine::needs_lookup(send, &in_force.config.policy);
        asks || {
            let queues = self.aside.queues();
            !queues.is_empty() && queues.contains_key(&place(send, in_force))
        }
    }

    /// Composes `send` aside and hands it over in its turn.
    pub(super) async fn post_aside(self: &Arc<Self>, send: Send, in_force: &Arc<InForce>) {
        // A closed semaphore would mean that nobody waits any more.
        let slot = Arc::clone(&self.aside.slots).acquire_owned().await.ok();
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let place = place(&send, in_force);
        let (lane, asked, configuration) = (Arc::clone(self), send.clone(), Arc::clone(in_force));
        let composed = tokio::spawn(async move { lane.compose_answered(&asked, &configuration).await });
        let job = Job { send, in_force: Arc::clone(in_force), composed, _slot: slot };
        let mut queues = self.aside.queues();
        if let Some(queue) = queues.get_mut(&place) {
            return queue.push_back(job);
        }
        queues.insert(place.clone(), VecDeque::from([job]));
        drop(queues);
        let lane = Arc::clone(self);
        tokio::spawn(async move { lane.empty(&place).await });
    }

    /// Hands over what waits for one destination, in order, until nothing waits.
    async fn empty(&self, place: &Place) {
        while let Some(job) = self.next_aside(place) {
            match job.composed.await {
                Ok(Ok(message)) => self.hand_over(&job.send, message, &job.in_force).await,
                Ok(Err(error)) => self.refuse(&job.send, &error, &job.in_force),
                // The process is stopping: it is decided again after the restart.
                Err(_) => self.ledger().record_unsent(job.send.object.key(), &job.send.ledger_key),
            }
            self.ended();
        }
    }

    /// The next one; the queue of a destination is there as long as somebody empties it.
    fn next_aside(&self, place: &Place) -> Option<Job> {
        let mut queues = self.aside.queues();
        let next = queues.get_mut(place).and_then(VecDeque::pop_front);
        if next.is_none() {
            queues.remove(place);
        }
        next
    }

    /// The message with everything that it asks. What cannot be answered is marked, unless a template demands it.
    async fn compose_answered(&self, send: &Send, in_force: &InForce) -> Result<Message, PostError> {
        let demands = engine::demands_answers(send, &in_force.config.policy);
        let mut pauses = AGAIN.iter();
        loop {
            let compose = |lookup: &_| self.compose(send, in_force, Some(lookup));
            let (composed, missing) = lookup::answered(&self.lookup, Unanswered::Marked, compose).await;
            let Some(reason) = missing else { return composed };
            if !demands {
                tracing::warn!(resource = %send.object.key(), trigger = send.trigger, "a part of the message is marked as not available: {reason}");
                return composed;
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(PostError::Unanswered(reason)),
            }
        }
    }
}

fn place(send: &Send, in_force: &InForce) -> Place {
    (in_force.namespace.clone(), send.destination.clone())
}
