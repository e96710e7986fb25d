//! [`Duration`]: nanoseconds, printed and parsed as Go does.

use std::fmt;

/// Go's `time.Duration`: signed nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(i64);

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid duration {:?}: {}; write it like 1h30m or 250ms", self.text, self.problem)
    }
}

impl std::error::Error for DurationError {}

const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000 * MICROSECOND;
const SECOND: i64 = 1_000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Duration {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 1 ns.
    pub const NANOSECOND: Self = Self(1);
    /// 1 µs.
    pub const MICROSECOND: Self = Self(MICROSECOND);
    /// 1 ms.
    pub const MILLISECOND: Self = Self(MILLISECOND);
    /// 1 s.
    pub const SECOND: Self = Self(SECOND);
    /// 1 min.
    pub const MINUTE: Self = Self(MINUTE);
    /// 1 h.
    pub const HOUR: Self = Self(HOUR);
    /// The longest.
    pub const MAX: Self = Self(i64::MAX);
    /// The longest backwards.
    pub const MIN: Self = Self(i64::MIN);

    /// So many nanoseconds.
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// So many seconds; wraps around as in Go.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.wrapping_mul(SECOND))
    }

    /// Nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whole microseconds, cut towards zero.
    pub const fn microseconds(self) -> i64 {
        self.0 / MICROSECOND
    }

    /// Whole milliseconds, cut towards zero.
    pub const fn milliseconds(self) -> i64 {
        self.0 / MILLISECOND
    }

    /// Seconds with fraction.
    pub const fn seconds(self) -> f64 {
        self.in_units(SECOND, 1e9)
    }

    /// Minutes with fraction.
    pub const fn minutes(self) -> f64 {
        self.in_units(MINUTE, 60e9)
    }

    /// Hours with fraction.
    pub const fn hours(self) -> f64 {
        self.in_units(HOUR, 3600e9)
    }

    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
    const fn in_units(self, unit: i64, size: f64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / size
    }

    /// The length without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Cut towards zero to a multiple of `unit`; unchanged for a unit of zero or less.
    #[must_use]
    pub const fn truncate(self, unit: Self) -> Self {
        if unit.0 <= 0 { self } else { Self(self.0 - self.0 % unit.0) }
    }

    /// Rounded to the nearest multiple of `unit`, halves away from zero; unchanged for a unit of zero or less.
    #[must_use]
    pub const fn round(self, unit: Self) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let rest = self.0 % unit.0;
        if self.0 < 0 {
            let rest = -rest;
            if rest < unit.0 - rest {
                return Self(self.0 + rest);
            }
            return match self.0.checked_sub(unit.0 - rest) {
                Some(rounded) => Self(rounded),
                None => Self::MIN,
            };
        }
        if rest < unit.0 - rest {
            return Self(self.0 - rest);
        }
        match self.0.checked_add(unit.0 - rest) {
            Some(rounded) => Self(rounded),
            None => Self::MAX,
        }
    }
}

impl fmt::Display for Duration {
    /// As Go prints it: `1h15m30.918s`, `3ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0.unsigned_abs();
        if length == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if length < SECOND.unsigned_abs() {
            let (unit, digits, name) = match length {
                0..1_000 => (1, 0, "ns"),
                1_000..1_000_000 => (1_000, 3, "µs"),
                _ => (1_000_000, 6, "ms"),
            };
            return write!(f, "{}{}{name}", length / unit, fraction(length % unit, digits));
        }
        let seconds = length / SECOND.unsigned_abs();
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if seconds >= 60 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}{}s", seconds % 60, fraction(length % SECOND.unsigned_abs(), 9))
    }
}

/// `.` and the digits of `part` (of `digits` digits) without trailing zeros; nothing if it is zero.
fn fraction(part: u64, digits: usize) -> String {
    if part == 0 {
        return String::new();
    }
    let text = format!(".{part:0digits$}");
    text.trim_end_matches('0').to_owned()
}

/// Reads a duration as Go's `time.ParseDuration`: `-1.5h`, `300ms`, `2h45m`, `0`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let fail = |problem| DurationError { text: text.to_owned(), problem };
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(fail("there is no number"));
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = parse_part(rest).map_err(&fail)?;
        total = total.checked_add(part).filter(|total| *total <= 1 << 63).ok_or_else(|| fail("too long"))?;
        rest = after;
    }
    if negative {
        return Ok(Duration(0_i64.wrapping_sub_unsigned(total)));
    }
    i64::try_from(total).map(Duration).map_err(|_| fail("too long"))
}

/// One number with its unit; returns nanoseconds and the rest of the text.
fn parse_part(text: &str) -> Result<(u64, &str), &'static str> {
    let (whole_digits, rest) = split_digits(text);
    let (fraction_digits, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole_digits.is_empty() && fraction_digits.is_empty() {
        return Err("there is no number");
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    let unit = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => MICROSECOND.unsigned_abs(),
        "ms" => MILLISECOND.unsigned_abs(),
        "s" => SECOND.unsigned_abs(),
        "m" => MINUTE.unsigned_abs(),
        "h" => HOUR.unsigned_abs(),
        "" => return Err("the unit is missing"),
        _ => return Err("the unit is unknown"),
    };
    let whole: u64 =
        if whole_digits.is_empty() { 0 } else { whole_digits.parse().map_err(|_| "too long")? };
    let whole = whole.checked_mul(unit).filter(|total| *total <= 1 << 63).ok_or("too long")?;
    // As Go: the fraction is taken up to where it still fits, and multiplied as a float.
    let (mut part, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction_digits.bytes() {
        let Some(next) = part.checked_mul(10).and_then(|part| part.checked_add(u64::from(digit - b'0')))
        else {
            break;
        };
        if next > 1 << 63 {
            break;
        }
        part = next;
        scale *= 10.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the same float arithmetic as Go's; the result is less than one unit"
    )]
    let extra = (part as f64 * (unit as f64 / scale)) as u64;
    Ok((whole.checked_add(extra).ok_or("too long")?, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
