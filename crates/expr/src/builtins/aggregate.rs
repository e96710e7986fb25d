//! `max`, `min`, `mean`, `median`: over numbers and over lists of them, nested ones included.

use std::cmp::Ordering;

use dodona_value::{GoType, IntKind, List, Value};

use crate::vm::arithmetic::to_float;
use crate::vm::compare::{Order, order_values};
use crate::vm::slot::view_value;
use crate::vm::{Cx, Fault};

pub(super) fn max(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(extreme(cx, args, Ordering::Less)?.unwrap_or(Value::Nil))
}

pub(super) fn min(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(extreme(cx, args, Ordering::Greater)?.unwrap_or(Value::Nil))
}

/// Whether Go's kind of the value is a number: also durations, months and weekdays.
fn is_numeric(value: &Value) -> bool {
    matches!(value, Value::Int(..) | Value::Uint(..) | Value::Float(..) | Value::Duration(_))
}

/// Whether it is a number by type.
fn is_plain_number(value: &Value) -> bool {
    match value {
        Value::Int(_, kind) => !matches!(kind, IntKind::Month | IntKind::Weekday),
        Value::Uint(..) | Value::Float(..) => true,
        _ => false,
    }
}

/// Takes `value` if the best so far is `worse` than it.
fn better(best: &mut Option<Value>, value: Value, worse: Ordering) -> Result<(), Fault> {
    let takes = match best {
        None => true,
        Some(best) => {
            let Some(order) = order_values(best, &value) else {
                let (best, value) = (super::name(best), super::name(&value));
                return Err(Fault::ty(format!("a {best} and a {value} have no order")));
            };
            order == Order::Is(worse)
        }
    };
    if takes {
        *best = Some(value);
    }
    Ok(())
}

fn extreme(cx: &mut Cx<'_, '_>, args: &[Value], worse: Ordering) -> Result<Option<Value>, Fault> {
    let mut best = None;
    for arg in args {
        cx.step(1)?;
        match arg {
            Value::List(list) => {
                cx.enter()?;
                extreme_of_list(cx, list, &mut best, worse)?;
                cx.leave();
            }
            Value::Bytes(bytes) => {
                for byte in bytes.as_deref().unwrap_or_default() {
                    better(&mut best, super::byte(*byte), worse)?;
                }
            }
            value if is_numeric(value) => better(&mut best, value.clone(), worse)?,
            value if args.len() == 1 => return Ok(Some(value.clone())),
            value => return Err(super::wrong("a number", value)),
        }
    }
    Ok(best)
}

fn extreme_of_list(
    cx: &mut Cx<'_, '_>,
    list: &List,
    best: &mut Option<Value>,
    worse: Ordering,
) -> Result<(), Fault> {
    let is_any = list.element_type() == GoType::Any;
    for item in list {
        cx.step(1)?;
        if is_plain_number(&item) {
            better(best, item, worse)?;
        } else if matches!(item, Value::List(_) | Value::Bytes(_)) {
            let nested = extreme(cx, std::slice::from_ref(&item), worse)?;
            match nested {
                Some(nested) if is_any || is_plain_number(&nested) => better(best, nested, worse)?,
                None if is_any => {}
                _ => return Err(super::wrong("a number", &item)),
            }
        } else {
            return Err(super::wrong("a number", &item));
        }
    }
    Ok(())
}

pub(super) fn mean(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut all = Sum::default();
    for arg in args {
        all.take(cx, arg)?;
    }
    Ok(Value::float(if all.count == 0 { 0.0 } else { all.total / f64::from(all.count) }))
}

/// Sums up from left to right, an inner list by itself first, because the order shows in the last digit.
#[derive(Default)]
struct Sum {
    count: u32,
    total: f64,
}

impl Sum {
    fn take(&mut self, cx: &mut Cx<'_, '_>, value: &Value) -> Result<(), Fault> {
        let mut numbers = Vec::new();
        if let Value::List(list) = value {
            cx.enter()?;
            let mut inner = Self::default();
            for item in list {
                cx.step(1)?;
                inner.take(cx, &item)?;
            }
            cx.leave();
            self.count = self.count.saturating_add(inner.count);
            self.total += inner.total;
            return Ok(());
        }
        collect(cx, value, &mut numbers)?;
        self.count = self.count.saturating_add(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
        self.total += numbers.iter().fold(0.0, |sum, number| sum + number);
        Ok(())
    }
}

pub(super) fn median(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut numbers = numbers(cx, args)?;
    // Go sorts NaN before everything else.
    numbers.sort_by(|l, r| l.partial_cmp(r).unwrap_or_else(|| r.is_nan().cmp(&l.is_nan())));
    let middle = numbers.len() / 2;
    let at = |position: usize| numbers.get(position).copied().unwrap_or(0.0);
    Ok(Value::float(match numbers.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => at(middle),
        _ => f64::midpoint(at(middle - 1), at(middle)),
    }))
}

/// All numbers in the arguments, as floats.
fn numbers(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Vec<f64>, Fault> {
    let mut out = Vec::new();
    for arg in args {
        collect(cx, arg, &mut out)?;
    }
    Ok(out)
}

fn collect(cx: &mut Cx<'_, '_>, value: &Value, out: &mut Vec<f64>) -> Result<(), Fault> {
    cx.step(1)?;
    match value {
        Value::List(list) => {
            cx.enter()?;
            for item in list {
                collect(cx, &item, out)?;
            }
            cx.leave();
        }
        Value::Bytes(bytes) => {
            out.extend(bytes.as_deref().unwrap_or_default().iter().copied().map(f64::from));
        }
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
        Value::Duration(duration) => out.push(duration.nanoseconds() as f64),
        #[expect(clippy::cast_precision_loss, reason = "a month or a day of the week")]
        Value::Int(number, IntKind::Month | IntKind::Weekday) => out.push(*number as f64),
        other => out.push(to_float(&view_value(other)).ok_or_else(|| super::wrong("a number", other))?),
    }
    Ok(())
}
