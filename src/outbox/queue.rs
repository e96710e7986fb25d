//! The parcels of one destination, in order of acceptance. A queue exists only while it is not empty.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Parcel;
use super::lane::LaneKey;
use crate::delivery::DeliveryError;

/// Names one queue; never used again.
pub(super) type QueueId = u64;

/// A destination of one configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueKey {
    pub(super) lane: LaneKey,
    pub(super) recipient: Arc<str>,
}

/// Where a queue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In the lane's list of ready queues.
    Ready,
    /// Its first parcel is being tried.
    InFlight,
    /// Its first parcel is not tried before this moment.
    Waiting(Instant),
    /// Held back by a breaker.
    Parked,
}

pub(super) struct Queue {
    pub(super) key: Arc<QueueKey>,
    pub(super) phase: Phase,
    /// When the schedule has to look at it without being told.
    pub(super) alarm: Option<Instant>,
    pub(super) items: VecDeque<Item>,
}

/// A parcel in a queue.
pub(super) struct Item {
    pub(super) parcel: Arc<Parcel>,
    pub(super) last_error: Option<DeliveryError>,
    /// When it came into this process's queue.
    since: Instant,
    /// Its age at that moment, if an earlier process accepted it.
    age_before: Duration,
    /// Its share of the capacity; given back when it is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

impl Item {
    pub(super) fn new(
        parcel: Arc<Parcel>,
        since: Instant,
        age_before: Duration,
        room: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { parcel, last_error: None, since, age_before, _room: room }
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since) + self.age_before
    }

    /// The moment at which its age is `limit`.
    pub(super) fn expires(&self, limit: Duration) -> Instant {
        /// Longer limits are the same as none, and adding them to a moment might not work.
        const LONGEST: Duration = Duration::from_hours(87600);
        self.since + limit.min(LONGEST).saturating_sub(self.age_before)
    }
}
