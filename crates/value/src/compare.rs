//! Comparing values, as the condition language and as Go's `reflect.DeepEqual` do it.

use std::cmp::Ordering;

use crate::list::List;
use crate::map::Map;
use crate::runtime::{Budget, LimitError};
use crate::str::Str;
use crate::value::Value;

/// Numbers of all kinds by their mathematical value; `None` if one is not a number, or not comparable (NaN).
///
/// Like the condition language, an integer is compared with a float as a float.
#[expect(clippy::cast_precision_loss, reason = "as the original: integers are converted to the float type")]
pub fn numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left, _), Value::Int(right, _)) => Some(left.cmp(right)),
        (Value::Uint(left, _), Value::Uint(right, _)) => Some(left.cmp(right)),
        (Value::Int(left, _), Value::Uint(right, _)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Uint(left, _), Value::Int(right, _)) => Some(i128::from(*left).cmp(&i128::from(*right))),
        (Value::Float(left, _), Value::Float(right, _)) => left.partial_cmp(right),
        (Value::Int(left, _), Value::Float(right, _)) => (*left as f64).partial_cmp(right),
        (Value::Float(left, _), Value::Int(right, _)) => left.partial_cmp(&(*right as f64)),
        (Value::Uint(left, _), Value::Float(right, _)) => (*left as f64).partial_cmp(right),
        (Value::Float(left, _), Value::Uint(right, _)) => left.partial_cmp(&(*right as f64)),
        _ => None,
    }
}

/// `==` of the condition language: numbers by value across all kinds, lists of comparable items likewise, everything else as [`deep_equal`]; nil equals a
/// missing value and a nil pointer.
pub fn loose_equal(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, LimitError> {
    equal(left, right, Mode::Loose, budget)
}

/// Go's `reflect.DeepEqual`: the same type and the same content.
pub fn deep_equal(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, LimitError> {
    equal(left, right, Mode::Strict, budget)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Loose,
    Strict,
}

fn equal(left: &Value, right: &Value, mode: Mode, budget: &mut Budget) -> Result<bool, LimitError> {
    budget.step(1)?;
    Ok(match (left, right) {
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        (Value::Missing | Value::Nil, Value::Host(host))
        | (Value::Host(host), Value::Missing | Value::Nil) => mode == Mode::Loose && host.is_nil(),
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Str(left), Value::Str(right)) => left == right,
        (Value::Int(left, left_kind), Value::Int(right, right_kind)) => {
            left == right && (mode == Mode::Loose || left_kind == right_kind)
        }
        (
            Value::Int(..) | Value::Uint(..) | Value::Float(..),
            Value::Int(..) | Value::Uint(..) | Value::Float(..),
        ) => {
            (mode == Mode::Loose || left.go_type() == right.go_type())
                && numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Time(left), Value::Time(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => {
            left.as_deref().unwrap_or_default() == right.as_deref().unwrap_or_default()
                && (mode == Mode::Loose || left.is_some() == right.is_some())
        }
        (Value::List(left), Value::List(right)) => lists(left, right, mode, budget)?,
        (Value::Map(left), Value::Map(right)) => maps(left, right, budget)?,
        (Value::Func(left), Value::Func(right)) => mode == Mode::Loose && left.address() == right.address(),
        (Value::Host(left), Value::Host(right)) => hosts(left.as_ref(), right.as_ref(), budget)?,
        _ => false,
    })
}

fn lists(left: &List, right: &List, mode: Mode, budget: &mut Budget) -> Result<bool, LimitError> {
    if left.len() != right.len() {
        return Ok(false);
    }
    if mode == Mode::Strict
        && (left.element_type() != right.element_type() || left.is_nil() != right.is_nil())
    {
        return Ok(false);
    }
    budget.enter()?;
    for (left, right) in left.iter().zip(right.iter()) {
        if !equal(&left, &right, mode, budget)? {
            budget.leave();
            return Ok(false);
        }
    }
    budget.leave();
    Ok(true)
}

/// Maps are compared strictly in both modes: the condition language hands them to `reflect.DeepEqual`.
fn maps(left: &Map, right: &Map, budget: &mut Budget) -> Result<bool, LimitError> {
    if left.same(right) {
        return Ok(true);
    }
    if left.len() != right.len() || left.go_type() != right.go_type() || left.is_nil() != right.is_nil() {
        return Ok(false);
    }
    budget.enter()?;
    for (key, value) in left.entries() {
        let equal = match right.get_key(&key) {
            Some(other) => equal(&value, &other, Mode::Strict, budget)?,
            None => false,
        };
        if !equal {
            budget.leave();
            return Ok(false);
        }
    }
    budget.leave();
    Ok(true)
}

fn hosts(left: &dyn crate::Host, right: &dyn crate::Host, budget: &mut Budget) -> Result<bool, LimitError> {
    if std::ptr::addr_eq(std::ptr::from_ref(left), std::ptr::from_ref(right)) {
        return Ok(true);
    }
    if left.is_nil() && right.is_nil() {
        return Ok(left.type_name() == right.type_name());
    }
    let (left_inside, right_inside) = (left.inside(), right.inside());
    if left.type_name() != right.type_name() || left_inside.is_empty() || left.string() != right.string() {
        return Ok(false);
    }
    budget.enter()?;
    for ((_, left), (_, right)) in left_inside.iter().zip(&right_inside) {
        if !equal(left, right, Mode::Strict, budget)? {
            budget.leave();
            return Ok(false);
        }
    }
    budget.leave();
    Ok(true)
}

/// `<` of two values of the same ordered kind: numbers of any kind, texts, times, durations. `None` where Go has no order.
pub fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => Some(Str::cmp(left, right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => numbers(left, right),
    }
}
