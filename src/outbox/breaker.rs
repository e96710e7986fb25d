//! A breaker per endpoint: after some failures in a row nothing is sent there but a probe from time to time.
//!
//! It counts only failures that say something about the endpoint (no connection, no answer, 5xx); a refused message
//! proves that somebody is there. It keeps no queue: who is held back is the schedule's affair.

use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::{DeliveryError, ErrorKind};

/// When an endpoint counts as down, and how often it is probed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// Pause before the first probe; it doubles with each probe that fails.
    pub pause: Duration,
    /// The longest pause between two probes.
    pub max_pause: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(5), max_pause: Duration::from_mins(1) }
    }
}

/// What operators see of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerState {
    /// Everything is let through.
    Closed,
    /// One probe is on its way.
    Probing,
    /// Nothing is let through until a probe is due.
    Open,
}

/// Whether an attempt may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Go,
    /// Not before a probe is due at this moment.
    NotBefore(Instant),
    /// Not before the probe that is on its way has ended.
    AfterProbe,
}

/// What an ended attempt did to a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing that anybody has to know.
    None,
    /// It opened, or stays open after a failed probe.
    Opened {
        /// When the next probe is due.
        probe_at: Instant,
        /// Whether it was closed before.
        first: bool,
    },
    /// It was open and is closed now.
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures in a row.
    failures: u32,
    /// Probes that failed since it opened.
    probes: u32,
    /// When it is open: the moment of the next probe.
    probe_at: Option<Instant>,
    probing: bool,
}

impl Breaker {
    pub(super) fn state(&self) -> BreakerState {
        match (self.probe_at, self.probing) {
            (None, _) => BreakerState::Closed,
            (Some(_), true) => BreakerState::Probing,
            (Some(_), false) => BreakerState::Open,
        }
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_fresh(&self) -> bool {
        self.failures == 0 && self.probe_at.is_none()
    }

    /// Asks for one attempt at `now`; `Go` counts as started, and [`Breaker::record`] has to follow.
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match self.probe_at {
            None => Admission::Go,
            Some(_) if self.probing => Admission::AfterProbe,
            Some(at) if at > now => Admission::NotBefore(at),
            Some(_) => {
                self.probing = true;
                Admission::Go
            }
        }
    }

    /// Notes how an attempt ended (`None`: the message was taken).
    pub(super) fn record(
        &mut self,
        policy: &BreakerPolicy,
        error: Option<&DeliveryError>,
        now: Instant,
    ) -> Turn {
        let open = self.probe_at.is_some();
        if !error.is_some_and(|error| matches!(error.kind, ErrorKind::Network | ErrorKind::Unavailable)) {
            *self = Self::default();
            return if open { Turn::Closed } else { Turn::None };
        }
        self.failures = self.failures.saturating_add(1);
        if open && !self.probing {
            return Turn::None; // it was on its way already when the breaker opened
        }
        if !open && self.failures < policy.failures.max(1) {
            return Turn::None;
        }
        let doublings = self.probes.min(16);
        let probe_at = now + policy.pause.saturating_mul(1 << doublings).min(policy.max_pause);
        if open {
            self.probes = self.probes.saturating_add(1);
        }
        self.probe_at = Some(probe_at);
        self.probing = false;
        Turn::Opened { probe_at, first: !open }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy =
        BreakerPolicy { failures: 2, pause: Duration::from_secs(5), max_pause: Duration::from_secs(8) };

    fn down() -> DeliveryError {
        DeliveryError::temporary(ErrorKind::Network, "no route")
    }

    #[test]
    fn it_opens_probes_and_closes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut breaker = Breaker::default();
        assert_eq!(breaker.record(&POLICY, Some(&down()), start), Turn::None);
        assert_eq!(breaker.admit(start), Admission::Go);
        assert_eq!(
            breaker.record(&POLICY, Some(&down()), start),
            Turn::Opened { probe_at: at(5), first: true }
        );
        assert_eq!(
            (breaker.admit(at(4)), breaker.state()),
            (Admission::NotBefore(at(5)), BreakerState::Open)
        );
        assert_eq!((breaker.admit(at(5)), breaker.state()), (Admission::Go, BreakerState::Probing));
        assert_eq!(breaker.admit(at(5)), Admission::AfterProbe);
        assert_eq!(
            breaker.record(&POLICY, Some(&down()), at(6)),
            Turn::Opened { probe_at: at(11), first: false }
        );
        assert_eq!(breaker.admit(at(11)), Admission::Go);
        assert_eq!(
            breaker.record(&POLICY, Some(&down()), at(12)),
            Turn::Opened { probe_at: at(20), first: false }
        );
        assert_eq!(breaker.admit(at(20)), Admission::Go);
        assert_eq!(breaker.record(&POLICY, None, at(20)), Turn::Closed);
        assert!(breaker.is_fresh());
    }

    #[test]
    fn a_refusal_proves_that_somebody_is_there() {
        let refused = DeliveryError::permanent(ErrorKind::Rejected, "no such channel");
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            assert_eq!(breaker.record(&POLICY, Some(&down()), Instant::now()), Turn::None);
            assert_eq!(breaker.record(&POLICY, Some(&refused), Instant::now()), Turn::None);
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_straggler_moves_no_probe() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        breaker.record(&POLICY, Some(&down()), start);
        breaker.record(&POLICY, Some(&down()), start);
        assert_eq!(breaker.record(&POLICY, Some(&down()), start + Duration::from_secs(3)), Turn::None);
        assert_eq!(breaker.admit(start + Duration::from_secs(5)), Admission::Go);
    }
}
