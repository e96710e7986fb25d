//! Functions on the bits of integers.

use dodona_value::{IntKind, Value};

use crate::vm::{Cx, Fault};

fn integer(args: &[Value], at: usize) -> Result<i64, Fault> {
    match args.get(at) {
        Some(value @ Value::Int(_, IntKind::Month | IntKind::Weekday)) => {
            Err(super::wrong("an integer", value))
        }
        Some(Value::Int(number, _)) => Ok(*number),
        Some(Value::Uint(number, _)) => Ok(number.cast_signed()),
        Some(other) => Err(super::wrong("an integer", other)),
        None => Err(Fault::call("too few arguments")),
    }
}

fn joined(args: &[Value], join: fn(i64, i64) -> i64) -> Result<Value, Fault> {
    Ok(Value::int(join(integer(args, 0)?, integer(args, 1)?)))
}

pub(super) fn and(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    joined(args, |l, r| l & r)
}

pub(super) fn or(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    joined(args, |l, r| l | r)
}

pub(super) fn xor(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    joined(args, |l, r| l ^ r)
}

pub(super) fn and_not(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    joined(args, |l, r| l & !r)
}

pub(super) fn not(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::int(!integer(args, 0)?))
}

/// Shifts by any count from 0 on; `None` stands for a count past the last bit.
fn shifted(args: &[Value], shift: fn(i64, Option<u32>) -> i64) -> Result<Value, Fault> {
    let (number, count) = (integer(args, 0)?, integer(args, 1)?);
    if count < 0 {
        return Err(Fault::call(format!("a shift count starts at 0, this is {count}")));
    }
    Ok(Value::int(shift(number, u32::try_from(count).ok().filter(|count| *count < 64))))
}

pub(super) fn shift_left(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    shifted(args, |number, count| count.map_or(0, |count| number << count))
}

pub(super) fn shift_right(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    shifted(args, |number, count| number >> count.unwrap_or(63))
}

pub(super) fn shift_right_unsigned(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    shifted(args, |number, count| count.map_or(0, |count| (number.cast_unsigned() >> count).cast_signed()))
}
