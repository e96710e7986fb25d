//! Markers in expected texts: as a whole value (`<any>`), or inside a text (`<date>`).

use jiff::Timestamp;

/// How far from now a `<timestamp>` may be, in seconds.
const NOW: i64 = 120;

/// Whether `text` is one marker and nothing else.
pub(crate) fn is_one(text: &str) -> bool {
    matches!(text, "<any>" | "<optional>" | "<optional-empty>" | "<timestamp>" | "<uuid>")
}

/// The difference between an expected text, markers in it, and what is there.
pub(crate) fn compare(place: &str, expected: &str, actual: Option<&str>) -> Option<String> {
    let good = match (expected, actual) {
        ("<any>", Some(_)) | ("<optional>", _) => true,
        ("<optional-empty>", actual) => actual.is_none_or(str::is_empty),
        ("<timestamp>", Some(text)) => is_now(text),
        ("<uuid>", Some(text)) => is_uuid(text),
        (expected, Some(actual)) => fits(expected, actual),
        (_, None) => false,
    };
    let shown = actual.map_or_else(|| "nothing".to_owned(), |text| format!("{text:?}"));
    (!good).then(|| format!("{place}: expected {expected:?}, got {shown}"))
}

/// The present time in any of the forms that services use.
fn is_now(text: &str) -> bool {
    let now = Timestamp::now().as_second();
    let compact = || {
        jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()
    };
    let seconds = match text.parse::<i64>() {
        Ok(milliseconds) => Some(milliseconds / 1000),
        Err(_) => text
            .parse::<Timestamp>()
            .ok()
            .or_else(|| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp()))
            .or_else(|| compact().map(|date| date.timestamp()))
            .map(Timestamp::as_second),
    };
    seconds.is_some_and(|seconds| (seconds - now).abs() <= NOW)
}

/// A UUID of version 4.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.chars().all(|letter| letter == '-' || letter.is_ascii_hexdigit())
        && parts.get(2).is_some_and(|part| part.starts_with('4'))
}

/// Whether `actual` is `expected` with its inner markers filled in.
fn fits(expected: &str, actual: &str) -> bool {
    let Some((before, marker, after)) = first_marker(expected) else { return expected == actual };
    let Some(rest) = actual.strip_prefix(before) else { return false };
    // The marker's value ends where the next literal text begins, or with the text.
    let literal = literal_of(after);
    let end = if literal.is_empty() { Some(rest.len()) } else { rest.find(literal) };
    let Some((value, tail)) = end.and_then(|end| rest.split_at_checked(end)) else { return false };
    fills(marker, value) && fits(after, tail)
}

/// The text in front of the first marker of `text`.
fn literal_of(text: &str) -> &str {
    first_marker(text).map_or(text, |(literal, _, _)| literal)
}

fn first_marker(text: &str) -> Option<(&str, &str, &str)> {
    ["<any>", "<date>", "<port>", "<sigv4>", "<jwt "]
        .iter()
        .filter_map(|marker| {
            let (before, rest) = text.split_once(marker)?;
            let rest_of_marker = if marker.ends_with('>') { 0 } else { rest.find('>')? + 1 };
            let start = before.len();
            let end = start + marker.len() + rest_of_marker;
            Some((before, text.get(start..end)?, text.get(end..)?))
        })
        .min_by_key(|(before, _, _)| before.len())
}

fn fills(marker: &str, value: &str) -> bool {
    match marker {
        "<date>" => {
            let today = Timestamp::now().strftime("%Y%m%d").to_string();
            value == today
        }
        "<any>" => true,
        "<port>" => value.parse::<u16>().is_ok(),
        // Whose key made it is checked where the whole request is known.
        "<sigv4>" => value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        marker => {
            let token = marker.strip_prefix("<jwt ").and_then(|rest| rest.strip_suffix('>'));
            token.is_some_and(|wanted| super::proof::claims_fit(wanted, value, Timestamp::now().as_second()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_fit_what_they_stand_for() {
        assert_eq!(compare("x", "<any>", Some("a")), None);
        assert!(compare("x", "<any>", None).is_some());
        assert_eq!(compare("x", "<optional>", None), None);
        assert_eq!(compare("x", "127.0.0.1:<port>/a", Some("127.0.0.1:80/a")), None);
        assert!(compare("x", "127.0.0.1:<port>/a", Some("127.0.0.1:x/a")).is_some());
        assert_eq!(compare("x", "a<b", Some("a<b")), None);
        assert_eq!(compare("x", "<uuid>", Some("f47ac10b-58cc-4372-a567-0e02b2c3d479")), None);
        assert_eq!(compare("x", "<timestamp>", Some(&Timestamp::now().to_string())), None);
        assert!(compare("x", "<timestamp>", Some("2020-01-01T00:00:00Z")).is_some());
    }
}
