//! What a receiver's status code means: one table for all services (design 2).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::{DeliveryError, ErrorKind, Retry};

/// The longest pause that a receiver's `Retry-After` can ask for; what is beyond counts as this.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What `status` means where a service has no word of its own; `None` is a success (2xx).
///
/// | status | kind | tried again |
/// |---|---|---|
/// | 2xx | – | – |
/// | 401, 403, 407 | auth | no |
/// | 404, 410 | not found | no |
/// | 408, 425, 5xx | unavailable | yes; not before `Retry-After` |
/// | 429 | rate limited | yes; not before `Retry-After` |
/// | everything else | rejected | no |
///
/// 100 to 199 are no answers; where none follows, the connection is broken (network, tried again).
pub fn verdict(status: StatusCode, retry_after: Option<Duration>) -> Option<(ErrorKind, Retry)> {
    let again = retry_after.map_or(Retry::Later, Retry::After);
    match status.as_u16() {
        200..=299 => None,
        401 | 403 | 407 => Some((ErrorKind::Auth, Retry::No)),
        404 | 410 => Some((ErrorKind::NotFound, Retry::No)),
        408 | 425 | 500..=599 => Some((ErrorKind::Unavailable, again)),
        429 => Some((ErrorKind::RateLimited, again)),
        _ => Some((ErrorKind::Rejected, Retry::No)),
    }
}

/// The error for a `status` that is none of the service's own; `detail` must be redacted already.
pub fn refusal(status: StatusCode, headers: &HeaderMap, now: Timestamp, detail: String) -> DeliveryError {
    let (kind, retry) =
        verdict(status, retry_after(headers, now)).unwrap_or((ErrorKind::Rejected, Retry::No));
    DeliveryError { kind, retry, status: Some(status.as_u16()), detail }
}

/// The pause that `Retry-After` asks for: seconds, or an HTTP date (in the past: no pause).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(text)?.duration_since(now).try_into().unwrap_or(Duration::ZERO),
    };
    Some(pause.min(LONGEST_RETRY_AFTER))
}

/// The pause until a rate limit ends, as the header `name` has it: in seconds, or as a Unix time.
pub fn reset_after(headers: &HeaderMap, name: &str, now: Timestamp) -> Option<Duration> {
    /// Nobody waits for thirty years: what is larger is a time.
    const SMALLEST_TIME: u64 = 1_000_000_000;
    let number: u64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    let seconds = match number {
        SMALLEST_TIME.. => number.saturating_sub(u64::try_from(now.as_second()).unwrap_or(0)),
        _ => number,
    };
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// An HTTP date: the form of RFC 9110, and what is close enough to it.
fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        headers_of("retry-after", value)
    }

    fn headers_of(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn retry_after_takes_seconds_and_dates() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = |text: &str| retry_after(&headers(text), now);
        assert_eq!(at("7"), Some(Duration::from_secs(7)));
        assert_eq!(at("Thu, 01 Jan 2026 00:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(at("Wed, 01 Jan 2020 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(at("99999999999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(at("soon"), None);
    }

    #[test]
    fn rate_limits_end_after_seconds_or_at_a_time() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = |text: &str| reset_after(&headers_of("x-reset", text), "x-reset", now);
        assert_eq!(at("12"), Some(Duration::from_secs(12)));
        assert_eq!(at("1767225630"), Some(Duration::from_secs(30)));
        assert_eq!(at("1600000000"), Some(Duration::ZERO));
        assert_eq!(at("99999999999"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(at("-1"), None);
    }

    #[test]
    fn every_status_code_has_a_verdict() {
        for code in 100..=999u16 {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(verdict(status, None).is_none(), (200..300).contains(&code), "{code}");
        }
        let slow_down = verdict(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(3)));
        assert_eq!(slow_down, Some((ErrorKind::RateLimited, Retry::After(Duration::from_secs(3)))));
    }
}
