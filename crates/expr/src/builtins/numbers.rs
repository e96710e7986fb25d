//! Functions on single numbers.

use dodona_value::{FloatKind, IntKind, Value, strconv};

use crate::vm::arithmetic::{to_float, to_int};
use crate::vm::slot::view_value;
use crate::vm::{Cx, Fault};

fn argument(args: &[Value]) -> Result<&Value, Fault> {
    args.first().ok_or_else(|| Fault::call("too few arguments"))
}

pub(super) fn abs(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    match argument(args)? {
        value @ Value::Int(_, IntKind::Month | IntKind::Weekday) => Err(super::wrong("a number", value)),
        Value::Int(number, kind) => Ok(Value::Int(number.wrapping_abs(), *kind)),
        Value::Uint(number, kind) => Ok(Value::Uint(*number, *kind)),
        // Not `abs()`: Go leaves the sign of -0 and of a negative NaN.
        Value::Float(number, kind) => Ok(Value::Float(if *number < 0.0 { -number } else { *number }, *kind)),
        other => Err(super::wrong("a number", other)),
    }
}

fn rounded(args: &[Value], round: fn(f64) -> f64) -> Result<Value, Fault> {
    let value = argument(args)?;
    let number = to_float(&view_value(value)).ok_or_else(|| super::wrong("a number", value))?;
    Ok(Value::Float(round(number), FloatKind::Float64))
}

pub(super) fn ceil(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    rounded(args, f64::ceil)
}

pub(super) fn floor(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    rounded(args, f64::floor)
}

pub(super) fn round(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    rounded(args, f64::round)
}

pub(super) fn int(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let value = argument(args)?;
    match value {
        Value::Str(text) => {
            let text = text.to_string_lossy();
            let number = strconv::parse_int(&text, 10, 64)
                .map_err(|_| Fault::call(format!("{text:?} is not a whole number of 64 bits")))?;
            Ok(Value::int(number))
        }
        Value::Int(number, _) => Ok(Value::int(*number)),
        Value::Duration(duration) => Ok(Value::int(duration.nanoseconds())),
        other => match to_int(&view_value(other)) {
            Some(number) => Ok(Value::int(number)),
            None => Err(super::wrong("a number or a string", other)),
        },
    }
}

pub(super) fn float(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let value = argument(args)?;
    if let Value::Str(text) = value {
        let text = text.to_string_lossy();
        let number =
            strconv::parse_float(&text, 64).map_err(|_| Fault::call(format!("{text:?} is not a number")))?;
        return Ok(Value::float(number));
    }
    let number = to_float(&view_value(value)).ok_or_else(|| super::wrong("a number or a string", value))?;
    Ok(Value::float(number))
}
