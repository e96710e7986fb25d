//! What the languages get from this process: the clock in the local zone, and random bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dodona_value::{Random, Runtime, Time, Zone};

use super::Clock;

/// The runtime of conditions and templates. `zone` is the local zone (`TZ`, core 4.3).
pub fn language_runtime(clock: Arc<dyn Clock>, zone: Zone) -> Runtime {
    let clock = LanguageClock { clock, zone: zone.clone(), start: Instant::now() };
    let mut runtime = Runtime::new(Arc::new(clock), Arc::new(SystemRandom));
    runtime.zone = zone;
    runtime.allow_key_generation = true;
    runtime
}

struct LanguageClock {
    clock: Arc<dyn Clock>,
    zone: Zone,
    start: Instant,
}

impl dodona_value::Clock for LanguageClock {
    fn now(&self) -> Time {
        let now = self.clock.now();
        Time::unix(now.as_second(), i64::from(now.subsec_nanosecond()), self.zone.clone())
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Random bytes of the operating system.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // No caller could do anything better without randomness than what this does: say so and go on.
        if let Err(error) = getrandom::fill(buffer) {
            tracing::error!(%error, "the operating system gives no random bytes");
        }
    }
}
