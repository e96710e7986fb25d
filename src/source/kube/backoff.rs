//! How long to wait before the next try: doubling, with jitter, from the bounds of [`Pace`].

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::Pace;

/// The waits of one thing that is tried again and again.
pub(super) struct Backoff {
    builder: ExponentialBuilder,
    waits: ExponentialBackoff,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(pace: &Pace) -> Self {
        let builder = ExponentialBuilder::new()
            .with_min_delay(pace.retry_min)
            .with_max_delay(pace.retry_max)
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        Self { builder, waits: builder.build(), longest: pace.retry_max }
    }

    /// Something worked: the next failure waits for the shortest time again.
    pub(super) fn reset(&mut self) {
        self.waits = self.builder.build();
    }

    /// The next wait; at least `asked`, if the server asked for one, up to a minute.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = self.waits.next().unwrap_or(self.longest);
        own.max(asked.unwrap_or_default().min(Duration::from_mins(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_bound_and_start_anew_after_a_reset() {
        let pace = Pace {
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(2),
            ..Pace::default()
        };
        let mut backoff = Backoff::new(&pace);
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next(None)).collect();
        assert!(
            waits[0] >= Duration::from_millis(100) && waits[0] <= Duration::from_millis(200),
            "{waits:?}"
        );
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(4)), "{waits:?}");
        assert!(waits[19] >= Duration::from_secs(2), "{waits:?}");
        assert!(backoff.next(Some(Duration::from_secs(9))) >= Duration::from_secs(9));
        assert!(backoff.next(Some(Duration::from_mins(15))) <= Duration::from_mins(1));
        backoff.reset();
        assert!(backoff.next(None) <= Duration::from_millis(200));
    }
}
