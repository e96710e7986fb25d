//! The figures that the outbox works with: bounds, deadlines, back-off. A service may override some of them
//! ([`DeliveryOptions`](crate::delivery::DeliveryOptions)).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::breaker::BreakerPolicy;

/// How the outbox treats its parcels.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Bytes that undelivered parcels may take together; `accept` waits when they are used up.
    pub capacity: usize,
    /// Attempts that run at the same time for one service.
    pub concurrency: usize,
    /// Attempts per second for one service; no limit if absent.
    pub rate_limit: Option<f64>,
    /// Longest time for one attempt.
    pub timeout: Duration,
    /// Age at which a parcel that still cannot be delivered counts as refused.
    pub max_age: Duration,
    /// Pauses between the attempts for one parcel.
    pub backoff: Backoff,
    /// The longest `Retry-After` that is obeyed; a longer one counts as this.
    pub max_retry_after: Duration,
    /// When a service's endpoint counts as down.
    pub breaker: BreakerPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            capacity: 64 << 20,
            concurrency: 16,
            rate_limit: None,
            timeout: Duration::from_mins(1),
            max_age: Duration::from_hours(1),
            backoff: Backoff::default(),
            max_retry_after: Duration::from_mins(15),
            breaker: BreakerPolicy::default(),
        }
    }
}

/// Exponential back-off: the pause doubles with each attempt, and a random part of it keeps senders apart.
#[derive(Clone)]
pub struct Backoff {
    /// The pause after the first attempt, before jitter.
    pub first: Duration,
    /// The longest pause, before jitter.
    pub max: Duration,
    /// Gives numbers in `0.0..1.0`; a pause lies between its half (0) and its whole (1).
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Backoff {
    /// The pause after the `attempt`-th failed attempt, counted from 1.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        /// Doublings after which any sensible first pause is at its maximum; bounds the arithmetic.
        const ENOUGH: u32 = 48;
        let steps = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first)
            .with_max_delay(self.max.max(self.first))
            .without_max_times()
            .build();
        let nth = attempt.clamp(1, ENOUGH) as usize - 1;
        let whole = { steps }.nth(nth).unwrap_or(self.max);
        whole.mul_f64((self.jitter)().clamp(0.0, 1.0).mul_add(0.5, 0.5))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_mins(1), jitter: Arc::new(fastrand::f64) }
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backoff({:?} to {:?})", self.first, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_limit() {
        let backoff = Backoff { jitter: Arc::new(|| 1.0), ..Backoff::default() };
        let seconds: Vec<u64> = (1..=9).map(|attempt| backoff.pause(attempt).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.pause(u32::MAX), Duration::from_mins(1));
        assert_eq!(backoff.pause(0), Duration::from_secs(1));
    }

    #[test]
    fn jitter_takes_away_half_at_most() {
        let backoff = Backoff { jitter: Arc::new(|| 0.0), ..Backoff::default() };
        assert_eq!(backoff.pause(3), Duration::from_secs(2));
        let wild = Backoff { jitter: Arc::new(|| f64::INFINITY), ..Backoff::default() };
        assert_eq!(wild.pause(3), Duration::from_secs(4));
    }
}
