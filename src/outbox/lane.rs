//! What all destinations of one service share: slots for attempts, a rate limit, breakers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{Breaker, BreakerState};
use super::queue::QueueId;

/// A service of one configuration. Bindings may have their configurations in one namespace, each with a service of that name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    pub(super) binding: Arc<str>,
    pub(super) config_namespace: Arc<str>,
    pub(super) service: Arc<str>,
}

#[derive(Default)]
pub(super) struct Lane {
    /// Queues whose first parcel may be tried now, in the order in which they became ready.
    pub(super) ready: VecDeque<QueueId>,
    /// Queues that are not empty.
    pub(super) queues: usize,
    /// Attempts that are running.
    pub(super) in_flight: usize,
    /// Whether the lane stands in the schedule's list of lanes to look at.
    pub(super) listed: bool,
    /// One gate per endpoint; gone while it has nothing to remember.
    pub(super) gates: BTreeMap<Arc<str>, Gate>,
    pub(super) rate: Rate,
}

/// A breaker and the queues that it holds back.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) breaker: Breaker,
    /// May hold ids of queues that are gone or moved on; they are passed over.
    pub(super) parked: VecDeque<QueueId>,
}

impl Lane {
    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let closed = self.gates.values().all(|gate| gate.breaker.state() == BreakerState::Closed);
        self.queues == 0 && self.in_flight == 0 && closed && self.rate.is_fresh(now)
    }
}

/// Spaces attempts evenly. Up to a tenth of a second's worth may go at once, as timers have a grain.
#[derive(Default)]
pub(super) struct Rate {
    /// The moment for which the next attempt is planned.
    planned: Option<Instant>,
}

impl Rate {
    const TOLERANCE: Duration = Duration::from_millis(100);

    /// When the next attempt may start, if not now.
    pub(super) fn not_before(&self, per_second: Option<f64>, now: Instant) -> Option<Instant> {
        let spacing = spacing(per_second)?;
        let early = Self::TOLERANCE.saturating_sub(spacing);
        self.planned.and_then(|planned| planned.checked_sub(early)).filter(|at| *at > now)
    }

    /// Notes an attempt.
    pub(super) fn spend(&mut self, per_second: Option<f64>, now: Instant) {
        self.planned =
            spacing(per_second).map(|spacing| self.planned.map_or(now, |at| at.max(now)) + spacing);
    }

    /// The moment from which on it has nothing to remember.
    pub(super) fn until(&self) -> Option<Instant> {
        self.planned
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.planned.is_none_or(|planned| planned <= now)
    }
}

/// Time between two attempts; a limit that is not a positive number is none, and one attempt a day is the least.
fn spacing(per_second: Option<f64>) -> Option<Duration> {
    const LEAST: f64 = 1.0 / 86_400.0;
    per_second
        .filter(|rate| *rate > 0.0 && rate.is_finite())
        .map(|rate| Duration::from_secs_f64(1.0 / rate.max(LEAST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts that start within `span` if one is wanted all the time.
    fn attempts(per_second: f64, span: Duration) -> usize {
        let start = Instant::now();
        let (mut rate, mut now, mut count) = (Rate::default(), start, 0);
        while now < start + span {
            if let Some(at) = rate.not_before(Some(per_second), now) {
                now = at;
            } else {
                rate.spend(Some(per_second), now);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn attempts_keep_to_the_limit() {
        assert_eq!(attempts(1.0, Duration::from_secs(10)), 10);
        assert_eq!(attempts(0.5, Duration::from_secs(10)), 5);
        assert!((1000..=1101).contains(&attempts(1000.0, Duration::from_secs(1))));
    }

    #[test]
    fn nonsense_is_no_limit() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(spacing(Some(rate)), None);
        }
        assert_eq!(spacing(Some(f64::MIN_POSITIVE)), Some(Duration::from_hours(24)));
    }
}
