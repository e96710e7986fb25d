//! [`Time`]: a moment, looked at in a zone.

use std::cmp::Ordering;
use std::fmt;

use super::civil;
use super::duration::Duration;
use super::zone::Zone;

/// Seconds from the zero time (0001-01-01) to 1970-01-01.
const ZERO_SECONDS: i64 = -62_135_596_800;
const BILLION: i64 = 1_000_000_000;

/// Go's `time.Time`: nanosecond resolution, and the zone in which it is looked at. Comparison is by moment, as `Equal` and `Compare` do it.
#[derive(Clone)]
pub struct Time {
    /// Since 1970-01-01 UTC.
    seconds: i64,
    nanos: u32,
    zone: Zone,
}

impl Time {
    /// The moment so many seconds and nanoseconds after 1970-01-01 UTC, as `time.Unix`.
    pub fn unix(seconds: i64, nanoseconds: i64, zone: Zone) -> Self {
        let seconds = seconds.wrapping_add(nanoseconds.div_euclid(BILLION));
        let nanos = u32::try_from(nanoseconds.rem_euclid(BILLION)).unwrap_or(0);
        Self { seconds, nanos, zone }
    }

    /// Go's zero time, 0001-01-01 00:00:00 UTC.
    pub const fn zero() -> Self {
        Self { seconds: ZERO_SECONDS, nanos: 0, zone: Zone::utc() }
    }

    /// The moment at which clocks in `zone` show this, as `time.Date`: every part may lie outside its usual range.
    pub fn date(date: (i64, i64, i64), clock: (i64, i64, i64), nanoseconds: i64, zone: Zone) -> Self {
        let (year, month, day) = date;
        let (hour, minute, second) = clock;
        // Go lets everything wrap around.
        let days = civil::to_days(year, month).wrapping_add(day.wrapping_sub(1));
        let local = days
            .wrapping_mul(86_400)
            .wrapping_add(hour.wrapping_mul(3_600))
            .wrapping_add(minute.wrapping_mul(60))
            .wrapping_add(second)
            .wrapping_add(nanoseconds.div_euclid(BILLION));
        let nanos = u32::try_from(nanoseconds.rem_euclid(BILLION)).unwrap_or(0);
        Self { seconds: zone.to_utc(local), nanos, zone }
    }

    /// The zone in which it is looked at.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The same moment looked at in another zone.
    #[must_use]
    pub fn with_zone(&self, zone: Zone) -> Self {
        Self { zone, ..*self }
    }

    /// The same moment looked at in UTC.
    #[must_use]
    pub fn utc(&self) -> Self {
        self.with_zone(Zone::utc())
    }

    /// Seconds since 1970-01-01 UTC.
    pub const fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// Milliseconds since 1970-01-01 UTC; wraps around as in Go.
    pub fn unix_milliseconds(&self) -> i64 {
        self.seconds.wrapping_mul(1_000).wrapping_add(i64::from(self.nanos / 1_000_000))
    }

    /// Microseconds since 1970-01-01 UTC; wraps around as in Go.
    pub fn unix_microseconds(&self) -> i64 {
        self.seconds.wrapping_mul(1_000_000).wrapping_add(i64::from(self.nanos / 1_000))
    }

    /// Nanoseconds since 1970-01-01 UTC; wraps around as in Go.
    pub fn unix_nanoseconds(&self) -> i64 {
        self.seconds.wrapping_mul(BILLION).wrapping_add(i64::from(self.nanos))
    }

    /// Seconds since the zero time.
    pub(crate) const fn sub_seconds_from_zero(&self) -> i64 {
        self.seconds.wrapping_sub(ZERO_SECONDS)
    }

    /// Nanoseconds within the second.
    pub const fn nanosecond(&self) -> u32 {
        self.nanos
    }

    /// Whether this is Go's zero time.
    pub const fn is_zero(&self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanos == 0
    }

    /// Seconds since 1970 as the clocks of the zone show them.
    fn local(&self) -> i64 {
        self.seconds.saturating_add(i64::from(self.zone.offset_at(self.seconds)))
    }

    /// Days since 1970-01-01, as the zone's calendar shows them.
    fn local_days(&self) -> i64 {
        self.local().div_euclid(86_400)
    }

    /// Year, month (1 to 12) and day.
    pub fn civil(&self) -> (i64, u8, u8) {
        civil::from_days(self.local_days())
    }

    /// Hour, minute and second.
    pub fn clock(&self) -> (u8, u8, u8) {
        let second = self.local().rem_euclid(86_400);
        let small = |number: i64| u8::try_from(number).unwrap_or(0);
        (small(second / 3_600), small(second / 60 % 60), small(second % 60))
    }

    /// The day of the week, 0 for Sunday.
    pub fn weekday(&self) -> u8 {
        u8::try_from((self.local_days() + 4).rem_euclid(7)).unwrap_or(0)
    }

    /// The day of the year, from 1.
    pub fn year_day(&self) -> i64 {
        let (year, ..) = self.civil();
        self.local_days() - civil::to_days(year, 1) + 1
    }

    /// Year and number of the week by ISO 8601: weeks start on Monday, and week 1 holds the first Thursday.
    pub fn iso_week(&self) -> (i64, i64) {
        let days = self.local_days();
        let thursday = days - (days + 3).rem_euclid(7) + 3;
        let (year, ..) = civil::from_days(thursday);
        (year, (thursday - civil::to_days(year, 1)) / 7 + 1)
    }

    /// Abbreviation of the zone and offset in seconds east of UTC, at this moment.
    pub fn zone_at(&self) -> (String, i32) {
        self.zone.at(self.seconds)
    }

    /// This moment and so much later.
    #[must_use]
    pub fn add(&self, duration: Duration) -> Self {
        let nanos = i64::from(self.nanos) + duration.nanoseconds() % BILLION;
        let seconds = self.seconds.wrapping_add(duration.nanoseconds() / BILLION);
        Self::unix(seconds, nanos, self.zone.clone())
    }

    /// How much later this is than `other`; the longest duration where it does not fit.
    pub fn sub(&self, other: &Self) -> Duration {
        let seconds = i128::from(self.seconds) - i128::from(other.seconds);
        let nanos = seconds * i128::from(BILLION) + i128::from(self.nanos) - i128::from(other.nanos);
        match i64::try_from(nanos) {
            Ok(nanos) => Duration::from_nanoseconds(nanos),
            Err(_) if nanos < 0 => Duration::MIN,
            Err(_) => Duration::MAX,
        }
    }

    /// So many years, months and days later by the calendar; days that a month does not have run into the next, as in Go.
    #[must_use]
    pub fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        let (year, month, day) = self.civil();
        let (hour, minute, second) = self.clock();
        Self::date(
            (
                year.wrapping_add(years),
                i64::from(month).wrapping_add(months),
                i64::from(day).wrapping_add(days),
            ),
            (hour.into(), minute.into(), second.into()),
            self.nanos.into(),
            self.zone.clone(),
        )
    }

    /// Cut down to a multiple of `unit` since the zero time; unchanged for a unit of zero or less.
    #[must_use]
    pub fn truncate(&self, unit: Duration) -> Self {
        if unit.nanoseconds() <= 0 {
            return self.clone();
        }
        self.add(Duration::from_nanoseconds(-self.rest(unit)))
    }

    /// Rounded to the nearest multiple of `unit` since the zero time, halves up; unchanged for a unit of zero or less.
    #[must_use]
    pub fn round(&self, unit: Duration) -> Self {
        if unit.nanoseconds() <= 0 {
            return self.clone();
        }
        let rest = self.rest(unit);
        if rest < unit.nanoseconds() - rest {
            return self.add(Duration::from_nanoseconds(-rest));
        }
        self.add(Duration::from_nanoseconds(unit.nanoseconds() - rest))
    }

    /// What is left over a multiple of `unit` since the zero time, not negative.
    fn rest(&self, unit: Duration) -> i64 {
        let since = i128::from(self.seconds) - i128::from(ZERO_SECONDS);
        let nanos = since * i128::from(BILLION) + i128::from(self.nanos);
        i64::try_from(nanos.rem_euclid(i128::from(unit.nanoseconds()))).unwrap_or(0)
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl fmt::Display for Time {
    /// As Go's `String`: `2006-01-02 15:04:05.999999999 -0700 MST`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::format(self, "2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
