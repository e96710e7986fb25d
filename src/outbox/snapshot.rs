//! The outbox as operators see it at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::breaker::BreakerState;
use super::queue::{Phase, Queue};
use crate::model::Destination;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Parcels that have not ended.
    pub parcels: usize,
    /// Attempts that are running.
    pub in_flight: usize,
    /// Bytes that the parcels take.
    pub bytes: usize,
    /// Bytes that they may take.
    pub capacity: usize,
    /// Dead letters kept.
    pub dead_letters: usize,
    /// Dead letters that had to go because there were too many.
    pub dead_letters_gone: u64,
    /// The services that have something to do or are down, in order of namespace and name.
    pub services: Vec<ServiceSnapshot>,
    /// The destinations that have something to do, in order.
    pub queues: Vec<QueueSnapshot>,
}

/// One service of one configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSnapshot {
    /// Namespace of the configuration.
    pub config_namespace: Arc<str>,
    /// Name of the service.
    pub service: Arc<str>,
    /// Parcels that have not ended.
    pub parcels: usize,
    /// Attempts that are running.
    pub in_flight: usize,
    /// Age of the oldest parcel.
    pub oldest: Duration,
    /// The worst state of its breakers.
    pub breaker: BreakerState,
}

/// One destination.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSnapshot {
    /// Namespace of the configuration.
    pub config_namespace: Arc<str>,
    /// The destination.
    pub destination: Destination,
    /// Parcels that have not ended.
    pub parcels: usize,
    /// Age of the first one.
    pub oldest: Duration,
    /// Attempts made for the first one.
    pub attempts: u32,
    /// What it waits for.
    pub state: QueueState,
    /// Why the last attempt for the first one failed, redacted.
    pub last_error: Option<String>,
}

/// What a destination waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// A free slot of its service, or its rate limit.
    Slot,
    /// The receiver's answer.
    Answer,
    /// Its next attempt, in this much time.
    Retry(Duration),
    /// The service to come up again.
    Breaker,
}

pub(super) fn take(shared: &Shared, now: Instant) -> Snapshot {
    let (dead_letters, dead_letters_gone) = shared.store.dead_letter_counts();
    let schedule = shared.schedule();
    // Services of one name and namespace are shown as one, whichever binding they belong to.
    let mut services: BTreeMap<(Arc<str>, Arc<str>), ServiceSnapshot> = BTreeMap::new();
    for (key, lane) in &schedule.lanes {
        let breaker =
            lane.gates.values().map(|gate| gate.breaker.state()).max().unwrap_or(BreakerState::Closed);
        let (config_namespace, service) = (Arc::clone(&key.config_namespace), Arc::clone(&key.service));
        let in_flight = lane.in_flight;
        let oldest = Duration::ZERO;
        let seen =
            services.entry((Arc::clone(&config_namespace), Arc::clone(&service))).or_insert_with(|| {
                ServiceSnapshot { config_namespace, service, parcels: 0, in_flight: 0, oldest, breaker }
            });
        seen.in_flight += in_flight;
        seen.breaker = seen.breaker.max(breaker);
    }
    let mut queues = Vec::with_capacity(schedule.queues.len());
    for queue in schedule.queues.values() {
        let seen = look(queue, now);
        if let Some(service) = services.get_mut(&service_of(queue)) {
            service.parcels += seen.parcels;
            service.oldest = service.oldest.max(seen.oldest);
        }
        queues.push(seen);
    }
    queues.sort_by(|a, b| (&a.config_namespace, &a.destination).cmp(&(&b.config_namespace, &b.destination)));
    let services: Vec<_> = services.into_values().collect();
    drop(schedule);
    Snapshot {
        parcels: queues.iter().map(|queue| queue.parcels).sum(),
        in_flight: services.iter().map(|service| service.in_flight).sum(),
        bytes: shared.capacity.saturating_sub(shared.room.available_permits()),
        capacity: shared.capacity,
        dead_letters,
        dead_letters_gone,
        services,
        queues,
    }
}

fn service_of(queue: &Queue) -> (Arc<str>, Arc<str>) {
    let lane = &queue.key.lane;
    (Arc::clone(&lane.config_namespace), Arc::clone(&lane.service))
}

fn look(queue: &Queue, now: Instant) -> QueueSnapshot {
    let lane = &queue.key.lane;
    let first = queue.items.front();
    QueueSnapshot {
        config_namespace: Arc::clone(&lane.config_namespace),
        destination: Destination::new(Arc::clone(&lane.service), Arc::clone(&queue.key.recipient)),
        parcels: queue.items.len(),
        oldest: first.map(|item| item.age(now)).unwrap_or_default(),
        attempts: first.map(|item| item.parcel.attempts).unwrap_or_default(),
        state: match queue.phase {
            Phase::Ready => QueueState::Slot,
            Phase::InFlight => QueueState::Answer,
            Phase::Waiting(until) => QueueState::Retry(until.saturating_duration_since(now)),
            Phase::Parked => QueueState::Breaker,
        },
        last_error: first.and_then(|item| item.last_error.as_ref()).map(ToString::to_string),
    }
}
