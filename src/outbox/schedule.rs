//! Which parcel is tried when. A state machine without waiting, locks or I/O: the pump tells it what happened and what
//! time it is, and does what it answers.
//!
//! A queue (one destination) is ready, in flight, waiting for its retry, or parked by a breaker; only its first parcel
//! ever moves, so order is kept by construction. Each state in which nobody would come back to a queue has an alarm.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{Admission, Turn};
use super::lane::{Lane, LaneKey};
use super::policy::Policy;
use super::queue::{Item, Phase, Queue, QueueId, QueueKey};
use super::{Courier, Ending, Outcome, Parcel};
use crate::delivery::{DeliveryError, ErrorKind, Retry};
use crate::model::Receipt;

pub(super) struct Schedule {
    pub(super) policy: Policy,
    pub(super) queues: BTreeMap<QueueId, Queue>,
    pub(super) lanes: BTreeMap<LaneKey, Lane>,
    index: BTreeMap<Arc<QueueKey>, QueueId>,
    /// Lanes in which an attempt may be able to start.
    runnable: VecDeque<LaneKey>,
    alarms: BTreeSet<(Instant, Alarm)>,
    last_queue: QueueId,
}

/// What has to be looked at when its time comes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    /// A queue waits for its retry, or its first parcel reaches its age limit.
    Queue(QueueId),
    /// A probe is due at an endpoint.
    Gate(LaneKey, Arc<str>),
    /// The rate limit of a lane lets something through again.
    Lane(LaneKey),
}

/// One attempt that the pump has to make.
pub(super) struct Start {
    pub(super) run: Run,
    pub(super) parcel: Arc<Parcel>,
    pub(super) timeout: Duration,
}

/// Names a running attempt.
pub(super) struct Run {
    queue: QueueId,
    endpoint: Arc<str>,
}

/// What the pump has to do now.
#[derive(Default)]
pub(super) struct Step {
    pub(super) starts: Vec<Start>,
    pub(super) ended: Vec<Outcome>,
    /// When to come back if nothing happens before.
    pub(super) wake: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            queues: BTreeMap::new(),
            lanes: BTreeMap::new(),
            index: BTreeMap::new(),
            runnable: VecDeque::new(),
            alarms: BTreeSet::new(),
            last_queue: 0,
        }
    }

    /// Takes in a parcel, behind those that its destination has already.
    pub(super) fn push(&mut self, item: Item) {
        let parcel = &item.parcel;
        let lane = LaneKey {
            binding: parcel.binding.as_str().into(),
            config_namespace: parcel.config_namespace.as_str().into(),
            service: Arc::clone(&parcel.destination.service),
        };
        let key = QueueKey { lane, recipient: Arc::clone(&parcel.destination.recipient) };
        if let Some(queue) = self.index.get(&key).and_then(|id| self.queues.get_mut(id)) {
            queue.items.push_back(item);
            return;
        }
        let key = Arc::new(key);
        self.last_queue += 1;
        let id = self.last_queue;
        self.index.insert(Arc::clone(&key), id);
        let items = VecDeque::from([item]);
        self.lanes.entry(key.lane.clone()).or_default().queues += 1;
        self.queues.insert(id, Queue { key, phase: Phase::Ready, alarm: None, items });
        self.make_ready(id);
    }

    /// What is to be done at `now`.
    pub(super) fn advance(&mut self, now: Instant, courier: &dyn Courier) -> Step {
        let mut step = Step::default();
        while self.alarms.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, alarm)) = self.alarms.pop_first() {
                self.ring(alarm, now, courier, &mut step);
            }
        }
        while let Some(key) = self.runnable.pop_front() {
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.listed = false;
                self.run_lane(&key, now, courier, &mut step);
                self.forget_idle(&key, now);
            }
        }
        step.wake = self.alarms.first().map(|(at, _)| *at);
        step
    }

    /// Notes how an attempt ended; the outcome, if that was the parcel's last.
    pub(super) fn finish(
        &mut self,
        run: &Run,
        result: Result<Receipt, DeliveryError>,
        now: Instant,
        courier: &dyn Courier,
    ) -> Option<Outcome> {
        let queue = self.queues.get_mut(&run.queue)?;
        let lane = queue.key.lane.clone();
        let item = queue.items.front_mut()?;
        let parcel = Arc::make_mut(&mut item.parcel);
        parcel.attempts = parcel.attempts.saturating_add(1);
        self.free_slot(&lane, run, result.as_ref().err(), now);
        match result {
            Ok(receipt) => self.end_head(run.queue, Ending::Delivered(receipt)),
            Err(error) => match self.next_try(run.queue, &error, now, courier) {
                Ok(()) => None,
                Err(error) => self.end_head(run.queue, Ending::Refused(error)),
            },
        }
    }

    /// Every parcel that has not ended, in order of acceptance.
    pub(super) fn left(&self) -> Vec<Arc<Parcel>> {
        let mut left: Vec<_> = self
            .queues
            .values()
            .flat_map(|queue| &queue.items)
            .map(|item| Arc::clone(&item.parcel))
            .collect();
        left.sort_by_key(|parcel| (parcel.accepted_at, parcel.id));
        left
    }

    fn ring(&mut self, alarm: Alarm, now: Instant, courier: &dyn Courier, step: &mut Step) {
        match alarm {
            Alarm::Lane(key) => self.list_lane(&key),
            Alarm::Gate(lane, endpoint) => self.probe(&lane, &endpoint),
            Alarm::Queue(id) => {
                let Some(queue) = self.queues.get_mut(&id) else { return };
                queue.alarm = None;
                let phase = queue.phase;
                match phase {
                    Phase::Waiting(until) if until <= now => self.make_ready(id),
                    Phase::Waiting(_) => step.ended.extend(self.expire_head(id, courier)),
                    Phase::Parked => {
                        while self.head_expiry(id, courier).is_some_and(|at| at <= now) {
                            step.ended.extend(self.expire_head(id, courier));
                            self.set_phase(id, Phase::Parked);
                        }
                        self.set_alarm(id, self.head_expiry(id, courier));
                    }
                    Phase::Ready | Phase::InFlight => {}
                }
            }
        }
    }

    /// Starts what can be started for one service.
    fn run_lane(&mut self, key: &LaneKey, now: Instant, courier: &dyn Courier, step: &mut Step) {
        loop {
            let Some(lane) = self.lanes.get_mut(key) else { return };
            if lane.in_flight >= self.policy.concurrency.max(1) {
                return;
            }
            let Some(id) = lane.ready.pop_front() else { return };
            let Some(queue) = self.queues.get_mut(&id).filter(|queue| queue.phase == Phase::Ready) else {
                continue;
            };
            let Some(item) = queue.items.front() else { continue };
            let options = courier.options(&item.parcel);
            let limit = options.max_age.unwrap_or(self.policy.max_age);
            // Everything is tried once, however old: a parcel that an earlier process left is no less true for that.
            if item.last_error.is_some() && item.expires(limit) <= now {
                step.ended.extend(self.expire_head(id, courier));
                continue;
            }
            let rate = options.rate_limit.or(self.policy.rate_limit);
            if let Some(at) = lane.rate.not_before(rate, now) {
                lane.ready.push_front(id);
                self.alarms.insert((at, Alarm::Lane(key.clone())));
                return;
            }
            let endpoint = courier.endpoint(&item.parcel);
            let gate = lane.gates.get_mut(&endpoint);
            let admission = gate.map_or(Admission::Go, |gate| gate.breaker.admit(now));
            if admission == Admission::Go {
                lane.rate.spend(rate, now);
                lane.in_flight += 1;
                queue.phase = Phase::InFlight;
                let timeout = options.timeout.unwrap_or(self.policy.timeout);
                let parcel = Arc::clone(&item.parcel);
                step.starts.push(Start { run: Run { queue: id, endpoint }, parcel, timeout });
            } else {
                self.park(id, key, endpoint, admission, courier);
            }
        }
    }

    fn park(
        &mut self,
        id: QueueId,
        key: &LaneKey,
        endpoint: Arc<str>,
        admission: Admission,
        courier: &dyn Courier,
    ) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.gates.entry(Arc::clone(&endpoint)).or_default().parked.push_back(id);
        }
        if let Admission::NotBefore(at) = admission {
            self.alarms.insert((at, Alarm::Gate(key.clone(), endpoint)));
        }
        self.set_phase(id, Phase::Parked);
        self.set_alarm(id, self.head_expiry(id, courier));
    }

    /// Makes the next queue ready that a breaker holds back; `false` if there is none.
    fn unpark(&mut self, key: &LaneKey, endpoint: &str) -> bool {
        while let Some(id) =
            self.lanes.get_mut(key).and_then(|lane| lane.gates.get_mut(endpoint)?.parked.pop_front())
        {
            if self.queues.get(&id).is_some_and(|queue| queue.phase == Phase::Parked) {
                self.make_ready(id);
                return true;
            }
        }
        false
    }

    /// A probe is due: lets one queue try, or forgets an endpoint that nobody wants any more.
    fn probe(&mut self, key: &LaneKey, endpoint: &str) {
        if self.unpark(key, endpoint) {
            return;
        }
        if let Some(lane) = self.lanes.get_mut(key).filter(|lane| lane.queues == 0 && lane.in_flight == 0) {
            lane.gates.remove(endpoint);
            self.list_lane(key);
        }
    }

    /// Gives back the slot of an ended attempt and tells the breaker about it.
    fn free_slot(&mut self, key: &LaneKey, run: &Run, error: Option<&DeliveryError>, now: Instant) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        let mut turn = Turn::None;
        if error.is_some() || lane.gates.contains_key(&run.endpoint) {
            let gate = lane.gates.entry(Arc::clone(&run.endpoint)).or_default();
            turn = gate.breaker.record(&self.policy.breaker, error, now);
        }
        match turn {
            Turn::None => {}
            Turn::Opened { probe_at, first } => {
                self.alarms.insert((probe_at, Alarm::Gate(key.clone(), Arc::clone(&run.endpoint))));
                if first {
                    let error = error.map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(service = %key.service, error, "service is down, its messages wait");
                }
            }
            Turn::Closed => {
                while self.unpark(key, &run.endpoint) {}
                tracing::info!(service = %key.service, "service is up again");
            }
        }
        if let Some(lane) = self.lanes.get_mut(key)
            && lane
                .gates
                .get(&run.endpoint)
                .is_some_and(|gate| gate.breaker.is_fresh() && gate.parked.is_empty())
        {
            lane.gates.remove(&run.endpoint);
        }
        self.list_lane(key);
    }

    /// Plans the next attempt for the first parcel of a queue, or says why there is none.
    fn next_try(
        &mut self,
        id: QueueId,
        error: &DeliveryError,
        now: Instant,
        courier: &dyn Courier,
    ) -> Result<(), DeliveryError> {
        let Some(item) = self.queues.get_mut(&id).and_then(|queue| queue.items.front_mut()) else {
            return Ok(());
        };
        item.last_error = Some(error.clone());
        let options = courier.options(&item.parcel);
        let attempts = item.parcel.attempts;
        let pause = match error.retry {
            Retry::No => return Err(error.clone()),
            Retry::Later => self.policy.backoff.pause(attempts),
            // A receiver that says "at once" for ever must not be hammered.
            Retry::After(wish) => wish.min(self.policy.max_retry_after).max(self.policy.backoff.pause(1)),
        };
        if options.retries.is_some_and(|retries| attempts > retries) {
            return Err(given_up(error, attempts, item.age(now)));
        }
        let expires = item.expires(options.max_age.unwrap_or(self.policy.max_age));
        if expires <= now {
            return Err(given_up(error, attempts, item.age(now)));
        }
        let until = now + pause;
        self.set_phase(id, Phase::Waiting(until));
        self.set_alarm(id, Some(until.min(expires)));
        Ok(())
    }

    fn head_expiry(&self, id: QueueId, courier: &dyn Courier) -> Option<Instant> {
        let item = self.queues.get(&id)?.items.front()?;
        Some(item.expires(courier.options(&item.parcel).max_age.unwrap_or(self.policy.max_age)))
    }

    /// Ends the first parcel of a queue because of its age.
    fn expire_head(&mut self, id: QueueId, courier: &dyn Courier) -> Option<Outcome> {
        let item = self.queues.get(&id)?.items.front()?;
        let limit = courier.options(&item.parcel).max_age.unwrap_or(self.policy.max_age);
        let error = item.last_error.clone().unwrap_or_else(|| {
            DeliveryError::temporary(ErrorKind::Unavailable, "the service was down since the message came")
        });
        let error = given_up(&error, item.parcel.attempts, limit);
        self.end_head(id, Ending::Refused(error))
    }

    /// Takes the first parcel out of its queue; the next one is ready at once.
    fn end_head(&mut self, id: QueueId, ending: Ending) -> Option<Outcome> {
        let queue = self.queues.get_mut(&id)?;
        let item = queue.items.pop_front()?;
        if queue.items.is_empty() {
            let key = Arc::clone(&queue.key);
            self.set_alarm(id, None);
            self.queues.remove(&id);
            self.index.remove(&key);
            if let Some(lane) = self.lanes.get_mut(&key.lane) {
                lane.queues = lane.queues.saturating_sub(1);
            }
            self.list_lane(&key.lane);
        } else {
            // What piles up during an outage is given back when it has drained.
            if queue.items.capacity() > 32 && queue.items.len() < queue.items.capacity() / 4 {
                queue.items.shrink_to(queue.items.len() * 2);
            }
            self.make_ready(id);
        }
        Some(Outcome { parcel: item.parcel, ending })
    }

    fn make_ready(&mut self, id: QueueId) {
        self.set_alarm(id, None);
        self.set_phase(id, Phase::Ready);
        let Some(key) = self.queues.get(&id).map(|queue| queue.key.lane.clone()) else { return };
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.ready.push_back(id);
        }
        self.list_lane(&key);
    }

    fn set_phase(&mut self, id: QueueId, phase: Phase) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.phase = phase;
        }
    }

    fn set_alarm(&mut self, id: QueueId, at: Option<Instant>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if let Some(old) = queue.alarm.take() {
            self.alarms.remove(&(old, Alarm::Queue(id)));
        }
        queue.alarm = at;
        if let Some(at) = at {
            self.alarms.insert((at, Alarm::Queue(id)));
        }
    }

    fn list_lane(&mut self, key: &LaneKey) {
        if let Some(lane) = self.lanes.get_mut(key).filter(|lane| !lane.listed) {
            lane.listed = true;
            self.runnable.push_back(key.clone());
        }
    }

    /// Forgets a lane that has nothing to do, or comes back when its rate limit has nothing to remember.
    fn forget_idle(&mut self, key: &LaneKey, now: Instant) {
        let Some(lane) = self.lanes.get(key) else { return };
        if lane.is_idle(now) {
            self.lanes.remove(key);
        } else if let Some(at) = lane.rate.until().filter(|at| *at > now && lane.queues == 0) {
            self.alarms.insert((at, Alarm::Lane(key.clone())));
        }
    }
}

/// The final error of a parcel whose attempts are used up.
fn given_up(last: &DeliveryError, attempts: u32, age: Duration) -> DeliveryError {
    let age = if age.as_secs() < 120 {
        format!("{} s", age.as_secs())
    } else {
        format!("{} min", age.as_secs() / 60)
    };
    let tries = if attempts == 1 { "attempt" } else { "attempts" };
    let detail = format!("gave up after {attempts} {tries} in {age}: {}", last.detail);
    DeliveryError { kind: last.kind, retry: Retry::No, status: last.status, detail }
}
