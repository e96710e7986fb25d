//! The time that the inbox writes on what arrives.

use jiff::{Timestamp, tz::TimeZone};

use crate::model::{Clock, SystemClock};

/// Whole Unix seconds.
pub(super) fn unix_seconds() -> i64 {
    SystemClock.unix_seconds()
}

/// `15:04:05` in UTC.
pub(super) fn time_of_day() -> String {
    SystemClock.now().to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// RFC 3339 in whole seconds, as Kubernetes writes times; `ago` seconds in the past.
pub(super) fn rfc3339(ago: i64) -> String {
    let seconds = unix_seconds() - ago;
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
