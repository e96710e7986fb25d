//! Conversions that Sprig's functions do without being asked.

use crate::strconv;
use crate::value::Value;

/// The whole number in a value, as Sprig's `toInt64`; 0 for what is not one, durations included.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "Go converts the same way")]
pub fn to_i64(value: &Value) -> i64 {
    match value {
        Value::Bool(truth) => i64::from(*truth),
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => *number as i64,
        // What does not fit becomes the least integer, as on the processors that Go's users run.
        Value::Float(number, _) if !(-9.3e18..9_223_372_036_854_775_808.0).contains(number) => i64::MIN,
        Value::Float(number, _) => *number as i64,
        Value::Str(text) => {
            let text = text.to_string_lossy();
            strconv::parse_int(strconv::trim_zero_decimal(&text), 0, 64).unwrap_or(0)
        }
        _ => 0,
    }
}

/// The number in a value, as Sprig's `toFloat64`; 0 for what is not one.
#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
pub fn to_f64(value: &Value) -> f64 {
    match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Int(number, _) => *number as f64,
        Value::Uint(number, _) => *number as f64,
        Value::Float(number, _) => *number,
        Value::Str(text) => strconv::parse_float(&text.to_string_lossy(), 64).unwrap_or(0.0),
        _ => 0.0,
    }
}
