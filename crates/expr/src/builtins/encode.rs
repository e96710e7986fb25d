//! Types, printing, JSON and base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use dodona_value::{Document, IntKind, Kind, Numbers, Text, Value, format, json};

use super::text::{made, text};
use crate::vm::{Cx, Fault};

/// Go's decoder wants the padding, but does not look at the bits that are left over.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

#[expect(clippy::unnecessary_wraps, reason = "a function of the table")]
pub(super) fn type_of(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let name = match args.first().unwrap_or(&Value::Nil) {
        Value::Missing | Value::Nil => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_, kind @ (IntKind::Month | IntKind::Weekday)) => kind.name(),
        Value::Int(..) => "int",
        Value::Uint(..) => "uint",
        Value::Float(..) => "float",
        Value::Str(_) => "string",
        Value::Bytes(_) | Value::List(_) => "array",
        Value::Map(_) => "map",
        Value::Time(_) => "time.Time",
        Value::Duration(_) => "time.Duration",
        Value::Func(_) => "func",
        // Pointers are followed; what they lead to is a named type.
        Value::Host(host) if host.is_nil() => "nil",
        Value::Host(host) if matches!(host.kind(), Kind::Struct | Kind::Ptr) => {
            return Ok(Value::from(host.type_name().trim_start_matches('*')));
        }
        Value::Host(_) => "unknown",
    };
    Ok(Value::text(name))
}

/// How long a printed value may become.
fn room(cx: &mut Cx<'_, '_>) -> usize {
    let budget = cx.budget();
    budget.memory_left().min(budget.output_limit())
}

pub(super) fn string(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let value = args.first().unwrap_or(&Value::Nil);
    if let Value::Str(_) = value {
        return Ok(value.clone());
    }
    let mut out = Text::new(room(cx));
    format::value(&mut out, value);
    made(cx, out.finish()?)
}

pub(super) fn to_json(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut out = Text::new(room(cx));
    let value = args.first().unwrap_or(&Value::Nil);
    json::write(&mut out, value, json::Style::PRETTY).map_err(|error| Fault::call(error.to_string()))?;
    made(cx, out.finish()?)
}

pub(super) fn from_json(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let source = text(args, 0)?;
    // The table of a document takes about as much again as its text, or more for short members.
    cx.memory(source.len().saturating_mul(8))?;
    let document = Document::parse(source.as_bytes(), Numbers::Float)
        .map_err(|error| Fault::call(format!("not valid JSON: {error}")))?;
    Ok(document.to_value())
}

pub(super) fn to_base64(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let encoded = BASE64.encode(text(args, 0)?);
    made(cx, encoded.into_bytes())
}

pub(super) fn from_base64(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let source: Vec<u8> =
        text(args, 0)?.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let decoded = BASE64.decode(source).map_err(|error| Fault::call(format!("not valid base64: {error}")))?;
    made(cx, decoded)
}
