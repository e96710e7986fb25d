//! `+ - * / % **` and the sign, with Go's widths: integers wrap around at 64 bits, one float makes the result a float.

use dodona_value::{Duration, Str, UintKind, Value};

use super::slot::{Slot, View};
use super::{Cx, Fault};

/// What two numbers become before they are joined.
enum Pair {
    Ints(i64, i64),
    Floats(f64, f64),
}

/// The bits of an unsigned number as Go's `int` has them.
const fn bits(number: u64) -> i64 {
    number.cast_signed()
}

#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
fn pair(left: &View<'_>, right: &View<'_>) -> Option<Pair> {
    use View::{Float, Int, Uint};
    Some(match (*left, *right) {
        (Int(l, _), Int(r, _)) => Pair::Ints(l, r),
        (Uint(l, _), Uint(r, _)) => Pair::Ints(bits(l), bits(r)),
        (Int(l, _), Uint(r, _)) => Pair::Ints(l, bits(r)),
        (Uint(l, _), Int(r, _)) => Pair::Ints(bits(l), r),
        (Float(l, _), Float(r, _)) => Pair::Floats(l, r),
        (Float(l, _), Int(r, _)) => Pair::Floats(l, r as f64),
        (Float(l, _), Uint(r, _)) => Pair::Floats(l, r as f64),
        (Int(l, _), Float(r, _)) => Pair::Floats(l as f64, r),
        (Uint(l, _), Float(r, _)) => Pair::Floats(l as f64, r),
        _ => return None,
    })
}

fn mismatch(sign: &str, left: &Slot<'_>, right: &Slot<'_>) -> Fault {
    Fault::ty(format!("`{sign}` does not take a {} and a {}", left.type_name(), right.type_name()))
}

pub(super) fn add<'a>(cx: &mut Cx<'_, '_>, left: &Slot<'a>, right: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    let (l, r) = (left.view(), right.view());
    match (&l, &r) {
        (View::Str(l), View::Str(r)) => {
            cx.memory(l.len() + r.len())?;
            return Ok(Slot::Value(Value::Str(Str::from([*l, *r].concat()))));
        }
        (View::Other(Value::Time(time)), View::Other(Value::Duration(duration)))
        | (View::Other(Value::Duration(duration)), View::Other(Value::Time(time))) => {
            return Ok(Slot::Value(Value::Time(time.add(*duration))));
        }
        (View::Other(Value::Duration(l)), View::Other(Value::Duration(r))) => {
            return Ok(duration(l.nanoseconds().wrapping_add(r.nanoseconds())));
        }
        _ => {}
    }
    match pair(&l, &r) {
        Some(Pair::Ints(l, r)) => Ok(Slot::int(l.wrapping_add(r))),
        Some(Pair::Floats(l, r)) => Ok(Slot::float(l + r)),
        None => Err(mismatch("+", left, right)),
    }
}

fn duration<'a>(nanoseconds: i64) -> Slot<'a> {
    Slot::Value(Value::Duration(Duration::from_nanoseconds(nanoseconds)))
}

pub(super) fn subtract<'a>(left: &Slot<'a>, right: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    let (l, r) = (left.view(), right.view());
    match (&l, &r) {
        (View::Other(Value::Time(l)), View::Other(Value::Time(r))) => {
            return Ok(Slot::Value(Value::Duration(l.sub(r))));
        }
        (View::Other(Value::Time(l)), View::Other(Value::Duration(r))) => {
            let back = Duration::from_nanoseconds(r.nanoseconds().wrapping_neg());
            return Ok(Slot::Value(Value::Time(l.add(back))));
        }
        (View::Other(Value::Duration(l)), View::Other(Value::Duration(r))) => {
            return Ok(duration(l.nanoseconds().wrapping_sub(r.nanoseconds())));
        }
        _ => {}
    }
    match pair(&l, &r) {
        Some(Pair::Ints(l, r)) => Ok(Slot::int(l.wrapping_sub(r))),
        Some(Pair::Floats(l, r)) => Ok(Slot::float(l - r)),
        None => Err(mismatch("-", left, right)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
pub(super) fn multiply<'a>(left: &Slot<'a>, right: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    let (l, r) = (left.view(), right.view());
    let whole = |view: &View<'_>| match view {
        View::Int(number, _) => Some(*number),
        View::Uint(number, _) => Some(bits(*number)),
        View::Other(Value::Duration(duration)) => Some(duration.nanoseconds()),
        _ => None,
    };
    let is_duration = |view: &View<'_>| matches!(view, View::Other(Value::Duration(_)));
    if is_duration(&l) || is_duration(&r) {
        // A float times a duration is a float, of nanoseconds.
        return match (whole(&l), whole(&r), &l, &r) {
            (Some(l), Some(r), _, _) => Ok(duration(l.wrapping_mul(r))),
            (Some(whole), _, _, View::Float(float, _)) | (_, Some(whole), View::Float(float, _), _) => {
                Ok(Slot::float(whole as f64 * float))
            }
            _ => Err(mismatch("*", left, right)),
        };
    }
    match pair(&l, &r) {
        Some(Pair::Ints(l, r)) => Ok(Slot::int(l.wrapping_mul(r))),
        Some(Pair::Floats(l, r)) => Ok(Slot::float(l * r)),
        None => Err(mismatch("*", left, right)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
pub(super) fn divide<'a>(left: &Slot<'a>, right: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    match pair(&left.view(), &right.view()) {
        Some(Pair::Ints(l, r)) => Ok(Slot::float(l as f64 / r as f64)),
        Some(Pair::Floats(l, r)) => Ok(Slot::float(l / r)),
        None => Err(mismatch("/", left, right)),
    }
}

pub(super) fn modulo<'a>(left: &Slot<'a>, right: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    match pair(&left.view(), &right.view()) {
        Some(Pair::Ints(_, 0)) => Err(Fault::ty("`%` by zero")),
        Some(Pair::Ints(l, r)) => Ok(Slot::int(l.wrapping_rem(r))),
        _ => Err(mismatch("%", left, right)),
    }
}

pub(super) fn power<'a>(left: &Slot<'a>, right: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    match (to_float(&left.view()), to_float(&right.view())) {
        (Some(l), Some(r)) => Ok(Slot::float(dodona_value::math::pow(l, r))),
        _ => Err(mismatch("**", left, right)),
    }
}

pub(super) fn negate<'a>(slot: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    let narrow = |number: u64, kind: UintKind| {
        let number = number.wrapping_neg();
        match kind {
            UintKind::Uint8 => number & 0xff,
            UintKind::Uint16 => number & 0xffff,
            UintKind::Uint32 => number & 0xffff_ffff,
            UintKind::Uint | UintKind::Uint64 => number,
        }
    };
    match slot.view() {
        View::Int(number, kind) => Ok(Slot::Value(Value::Int(number.wrapping_neg(), kind))),
        View::Uint(number, kind) => Ok(Slot::Value(Value::Uint(narrow(number, kind), kind))),
        View::Float(number, kind) => Ok(Slot::Value(Value::Float(-number, kind))),
        _ => Err(Fault::ty(format!("`-` does not take a {}", slot.type_name()))),
    }
}

/// The number as a float, of a number.
#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
pub(crate) fn to_float(view: &View<'_>) -> Option<f64> {
    match *view {
        View::Int(number, _) => Some(number as f64),
        View::Uint(number, _) => Some(number as f64),
        View::Float(number, _) => Some(number),
        _ => None,
    }
}

/// The number as Go's `int`, of a number; floats lose what is behind the point.
pub(crate) fn to_int(view: &View<'_>) -> Option<i64> {
    match *view {
        View::Int(number, _) => Some(number),
        View::Uint(number, _) => Some(bits(number)),
        View::Float(number, _) => Some(truncate(number)),
        _ => None,
    }
}

/// A float as an integer, as Go does it on amd64: what does not fit becomes the least integer.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(crate) fn truncate(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}
