//! Where the time comes from. Everything that asks for the time takes a [`Clock`], so that a test can fix it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// A source of the present time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The present moment in whole Unix seconds, the unit of the state annotation (core 3.5).
    fn unix_seconds(&self) -> i64 {
        self.now().as_second()
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands where it was put, for tests and replays.
#[derive(Debug, Default)]
pub struct FixedClock {
    milliseconds: AtomicI64,
}

impl FixedClock {
    /// A clock that stands at `unix_seconds`.
    pub fn at(unix_seconds: i64) -> Self {
        let clock = Self::default();
        clock.set(unix_seconds);
        clock
    }

    /// Puts the clock at `unix_seconds`.
    pub fn set(&self, unix_seconds: i64) {
        self.milliseconds.store(unix_seconds.saturating_mul(1000), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.milliseconds.load(Ordering::SeqCst)).unwrap_or_default()
    }
}
