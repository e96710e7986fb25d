//! Go's `time`: moments, durations, zones, layouts.
//!
//! The zone rules come from the time zone database that is built in; nothing is read from the machine. A [`Time`] reaches as far as Go's does for arithmetic
//! and printing; zone rules are applied within the years -9999 to 9999.

mod civil;
mod duration;
mod layout;
mod moment;
mod parse;
mod wire;
mod zone;

pub use civil::{MONTHS, WEEKDAYS, days_in_month};
pub use duration::{Duration, DurationError, parse_duration};
pub use layout::{Layout, format};
pub use moment::Time;
pub use parse::{TimeError, parse, parse_in};
pub use zone::Zone;
