//! What an unquoted scalar means in YAML 1.1 as go-yaml v2 reads it (core 1.4.1 to 1.4.5), and which texts can therefore be
//! written without quotes.

use super::NodeKind;

/// The meaning of an unquoted scalar. The first letter decides what is tried.
pub(crate) fn plain(text: &str) -> NodeKind {
    let number = match text.bytes().next() {
        None => return NodeKind::Null,
        Some(
            b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' | b'.' | b'+' | b'-',
        ) => word(text),
        Some(b'0'..=b'9') => None,
        Some(_) => return NodeKind::Text(text.into()),
    };
    number.or_else(|| self::number(text)).unwrap_or_else(|| NodeKind::Text(text.into()))
}

fn word(text: &str) -> Option<NodeKind> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            NodeKind::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            NodeKind::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => NodeKind::Null,
        ".nan" | ".NaN" | ".NAN" => NodeKind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => NodeKind::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => NodeKind::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// A number, written in decimal, hexadecimal, octal (also with a mere leading zero) or binary, underscores allowed
/// (core 1.4.4). Sexagesimal numbers and dates are none (core 1.4.5).
fn number(text: &str) -> Option<NodeKind> {
    if !text.starts_with(['.', '+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        return None;
    }
    // Underscores may stand anywhere in what begins like a whole number, but only between digits behind a point.
    let digits = if text.starts_with('.') && !separates_digits(text) {
        text.to_owned()
    } else {
        text.replace('_', "")
    };
    integer(&digits).or_else(|| float(&digits).map(NodeKind::Float))
}

/// Whether each underscore of `text` has a digit on both sides.
fn separates_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let mut underscores = text.match_indices('_');
    underscores.all(|(at, _)| digit(at.checked_sub(1)) && digit(Some(at + 1)))
}

fn integer(text: &str) -> Option<NodeKind> {
    let (negative, signed, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, true, text.get(1..)?),
        b'+' => (false, true, text.get(1..)?),
        _ => (false, false, text),
    };
    let (radix, digits) = match magnitude.get(..2) {
        Some("0x" | "0X") => (16, magnitude.get(2..)?),
        Some("0o" | "0O") => (8, magnitude.get(2..)?),
        Some("0b" | "0B") => (2, magnitude.get(2..)?),
        Some(_) if magnitude.starts_with('0') => (8, magnitude.get(1..)?),
        _ => (10, magnitude),
    };
    // `from_str_radix` takes a sign of its own, which has no place behind a prefix.
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(value).map(NodeKind::Int);
    }
    match i64::try_from(value) {
        Ok(value) => Some(NodeKind::Int(value)),
        Err(_) if signed => None,
        Err(_) => Some(NodeKind::Uint(value)),
    }
}

/// A decimal float; one that does not fit 64 bits is text.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|digits| !digits.is_empty() && all_digits(digits));
    if !well_formed {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Whether `text` without quotes is read as the same text, by YAML 1.1 in the strict sense too (dates, sexagesimal numbers).
pub(super) fn is_plain_text(text: &str) -> bool {
    matches!(plain(text), NodeKind::Text(_)) && !is_time(text) && !is_sexagesimal(text)
}

/// `12:30:45`, `190:20:30.5`.
fn is_sexagesimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let is_digits =
        |part: &str| part.starts_with(|letter: char| letter.is_ascii_digit()) && is_number_text(part);
    let is_sixtieth = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
        _ => false,
    };
    parts.next().is_some_and(is_digits)
        && whole.contains(':')
        && parts.all(is_sixtieth)
        && is_number_text(fraction)
}

fn is_number_text(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// `2024-03-09`, `2024-3-9T8:00:00Z`, `2024-03-09 08:00:00.5`.
fn is_time(text: &str) -> bool {
    let Some((date, rest)) =
        text.find(['T', 't', ' ']).map_or(Some((text, "")), |at| text.split_at_checked(at))
    else {
        return false;
    };
    is_date(date) && (rest.is_empty() || is_clock(rest))
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(month), Some(day)) = (small(month), small(day)) else { return false };
    let Some(year) = (year.len() == 4).then(|| year.parse::<i16>().ok()).flatten() else { return false };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return false };
    jiff::civil::Date::new(year, month, day).is_ok()
}

/// The part behind the date, with the sign that separates it.
fn is_clock(text: &str) -> bool {
    let zoned = !text.starts_with(' ');
    let Some(clock) = text.get(1..) else { return false };
    let (clock, zone) = match clock.find(['Z', '+', '-']) {
        Some(at) => clock.split_at_checked(at).unwrap_or((clock, "")),
        None => (clock, ""),
    };
    let is_zone =
        zone == "Z" || (zone.len() == 6 && zone.get(1..).is_some_and(|zone| in_range(zone, &[24, 60])));
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    in_range(whole, &[23, 59, 59]) && is_fraction && if zoned { is_zone } else { zone.is_empty() }
}

/// Numbers with colons between them, none above its bound.
fn in_range(text: &str, bounds: &[u32]) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    parts.len() == bounds.len()
        && parts.iter().zip(bounds).all(|(part, bound)| small(part).is_some_and(|part| part <= *bound))
}

/// A number of one or two digits.
fn small(text: &str) -> Option<u32> {
    let fits = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}
