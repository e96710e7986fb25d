//! Sprig 3.3.0's text functions, without `env` and `expandenv`: nothing here reads the environment.
//!
//! One file for each family. A function is one row in the table of its family: name, parameter types, code, documentation
//! and examples. Arguments arrive checked against the parameter types; a function only says no where Sprig's fails.
//! Clock, zone, randomness and name resolution come from [`dodona_value::Runtime`]; whatever grows with an argument is
//! charged to the budget before it is made.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the functions of a table have one signature, whether they need all of it or not"
)]

mod base32;
mod base64;
mod crypto;
mod date;
mod decimal;
mod defaults;
mod dict;
mod encoding;
mod lists;
mod math;
mod merge;
mod network;
mod path;
mod random;
mod regex;
pub(crate) mod runes;
mod semver;
mod strings;
mod types;
mod url;
mod uuid;
mod version;
mod words;

use dodona_value::{CallCx, CallError, LimitError, Str, Text, Value, format};

use crate::function::FunctionDef;

/// The families in the order of the documentation.
pub(crate) const FAMILIES: &[(&str, &[FunctionDef])] = &[
    ("Text", strings::FUNCTIONS),
    ("Lists", lists::FUNCTIONS),
    ("Dictionaries", dict::FUNCTIONS),
    ("Defaults and JSON", defaults::FUNCTIONS),
    ("Types", types::FUNCTIONS),
    ("Numbers", math::FUNCTIONS),
    ("Encodings and checksums", encoding::FUNCTIONS),
    ("Regular expressions", regex::FUNCTIONS),
    ("Dates", date::FUNCTIONS),
    ("Paths", path::FUNCTIONS),
    ("URLs", url::FUNCTIONS),
    ("Network", network::FUNCTIONS),
    ("Versions", semver::FUNCTIONS),
    ("Random texts", random::FUNCTIONS),
    ("UUIDs", uuid::FUNCTIONS),
    ("Cryptography", crypto::FUNCTIONS),
];

/// How long a text may get that is written out of values: twice what a rendering may give, for those that are cut later.
/// Writing a value that holds itself many times over would take seconds to reach the budget.
pub(crate) fn text_limit(cx: &CallCx<'_>) -> usize {
    cx.budget.memory_left().min(cx.budget.output_limit().saturating_mul(2))
}

/// A text that `write` builds, charged to the budget; building stops where the budget ends.
pub(crate) fn build(cx: &mut CallCx<'_>, write: impl FnOnce(&mut Text)) -> Result<Value, CallError> {
    let mut text = Text::new(text_limit(cx));
    write(&mut text);
    let bytes = text.finish()?;
    made(cx, bytes)
}

/// A finished text as a value, charged to the budget.
pub(crate) fn made(cx: &mut CallCx<'_>, bytes: impl Into<Str>) -> Result<Value, CallError> {
    let text = bytes.into();
    cx.budget.memory(text.len())?;
    Ok(Value::Str(text))
}

/// The text of a value as Sprig's `toString` makes it: texts and bytes as they are, the rest as it prints.
pub(crate) fn shown(cx: &mut CallCx<'_>, value: &Value) -> Result<Str, CallError> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        Value::Bytes(bytes) => Ok(bytes.clone().unwrap_or_default()),
        other => {
            let mut text = Text::new(text_limit(cx));
            format::value(&mut text, other);
            let bytes = text.finish()?;
            cx.budget.memory(bytes.len())?;
            Ok(Str::from(bytes))
        }
    }
}

/// The texts of a list as Sprig sees them: nil left out, a single value as a list of one.
pub(crate) fn texts(cx: &mut CallCx<'_>, value: &Value) -> Result<Vec<Str>, CallError> {
    match value {
        Value::Missing | Value::Nil => Ok(Vec::new()),
        Value::List(list) => {
            charge_list(cx, list.len())?;
            list.iter().filter(|item| !item.is_nil()).map(|item| shown(cx, &item)).collect()
        }
        Value::Bytes(bytes) => {
            let bytes = bytes.clone().unwrap_or_default();
            charge_list(cx, bytes.len())?;
            Ok(bytes.iter().map(|byte| Str::from(byte.to_string())).collect())
        }
        other => Ok(vec![shown(cx, other)?]),
    }
}

/// A number of bytes or elements that must not be negative.
pub(crate) fn count(number: i64) -> Result<usize, CallError> {
    usize::try_from(number).map_err(|_| CallError::new(format!("negative count {number}")))
}

/// Charges a list of `count` values that is about to be made.
pub(crate) fn charge_list(cx: &mut CallCx<'_>, count: usize) -> Result<(), LimitError> {
    cx.budget.step(count as u64)?;
    cx.budget.memory(count.saturating_mul(size_of::<Value>()))
}
