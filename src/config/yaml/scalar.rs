//! What a scalar means in YAML 1.1 as go-yaml v2 reads it (core 1.4.1 to 1.4.5).

use crate::model::NodeKind;

/// What a tag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    /// `!!str`, `!!int`, …: the part behind `tag:yaml.org,2002:`.
    Core(&'a str),
    /// Any other tag; the value stays text (core 1.4.18).
    Local,
}

/// The meaning of a scalar `text`; `plain` if it was neither quoted nor a block. The error says what does not fit.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<Tag<'_>>) -> Result<NodeKind, String> {
    let wrong = |name: &str| format!("`{text}` is not what its tag `!!{name}` says; remove the tag");
    match tag {
        None if plain => Ok(guess(text)),
        None | Some(Tag::Local) => Ok(NodeKind::Text(text.into())),
        Some(Tag::Core(name @ "int")) => match guess(text) {
            kind @ (NodeKind::Int(_) | NodeKind::Uint(_)) => Ok(kind),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "float")) => match guess(text) {
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
            NodeKind::Int(value) => Ok(NodeKind::Float(value as f64)),
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
            NodeKind::Uint(value) => Ok(NodeKind::Float(value as f64)),
            kind @ NodeKind::Float(_) => Ok(kind),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "bool")) => match guess(text) {
            kind @ NodeKind::Bool(_) => Ok(kind),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "null")) => match guess(text) {
            NodeKind::Null => Ok(NodeKind::Null),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "binary")) => binary(text).map(NodeKind::Text).ok_or_else(|| wrong(name)),
        Some(Tag::Core(_)) => Ok(NodeKind::Text(text.into())),
    }
}

/// The meaning of an unquoted scalar. The first letter decides what is tried.
fn guess(text: &str) -> NodeKind {
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
    // Underscores are taken out of what begins like a whole number only.
    let digits = if text.starts_with('.') { text.to_owned() } else { text.replace('_', "") };
    integer(&digits).or_else(|| float(&digits).map(NodeKind::Float))
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

fn binary(text: &str) -> Option<String> {
    use base64::Engine as _;
    let compact: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(compact).ok()?).ok()
}
