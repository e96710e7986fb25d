//! `eq`, `lt` and their relatives: Go's templates compare within a kind of values and refuse to mix kinds.

use std::cmp::Ordering;

use dodona_value::{CallError, Host, Kind, Value};

/// The kinds that can be compared by content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    Text,
}

fn basic(value: &Value) -> Option<Basic> {
    Some(match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(..) | Value::Duration(_) => Basic::Int,
        Value::Uint(..) => Basic::Uint,
        Value::Float(..) => Basic::Float,
        Value::Str(_) => Basic::Text,
        _ => return None,
    })
}

/// Whether `first` equals one of `others`.
pub(crate) fn equal_any(first: &Value, others: &[Value]) -> Result<bool, CallError> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(left: &Value, right: &Value) -> Result<bool, CallError> {
    match (basic(left), basic(right)) {
        (Some(left_kind), Some(right_kind)) => {
            if left_kind != right_kind && !integers(left_kind, right_kind) {
                return Err(incompatible(left, right));
            }
            Ok(ordering(left, right) == Some(Ordering::Equal))
        }
        (None, None) => others(left, right),
        _ if left.is_nil() || right.is_nil() => Ok(false),
        _ => Err(incompatible(left, right)),
    }
}

/// Two values of which neither is a bool, a number or a text.
fn others(left: &Value, right: &Value) -> Result<bool, CallError> {
    let same_kind = left.kind() == right.kind();
    if !same_kind && left.kind() != Kind::Invalid && right.kind() != Kind::Invalid {
        return Err(CallError::new(format!(
            "non-comparable types {} and {}",
            left.type_name(),
            right.type_name()
        )));
    }
    if nil(left) || nil(right) {
        return Ok(nil(left) == nil(right));
    }
    match (left, right) {
        (Value::Time(left), Value::Time(right)) => {
            Ok(left == right && left.zone().name() == right.zone().name())
        }
        (Value::Host(_), Value::Host(right)) if !is_comparable(right.as_ref()) => {
            Err(CallError::new(format!("values of type {} cannot be compared", right.type_name())))
        }
        (Value::Host(left), Value::Host(right)) => {
            Ok(std::sync::Arc::ptr_eq(left, right) || left.is_same(right.as_ref()))
        }
        _ => Err(CallError::new(format!("values of type {} cannot be compared", right.type_name()))),
    }
}

/// Whether Go can compare two such objects: pointers it can, structs only without lists, maps and functions inside.
fn is_comparable(host: &dyn Host) -> bool {
    let plain = |value: &Value| match value {
        Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Func(_) => false,
        Value::Host(inner) => is_comparable(inner.as_ref()),
        _ => true,
    };
    host.kind() == Kind::Ptr || host.inside().iter().all(|(_, value)| plain(value))
}

/// Whether a value is nil in Go's sense: none at all, or a nil pointer, slice or map.
fn nil(value: &Value) -> bool {
    match value {
        Value::Missing | Value::Nil => true,
        Value::Bytes(bytes) => bytes.is_none(),
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        Value::Host(host) => host.is_nil(),
        _ => false,
    }
}

fn integers(left: Basic, right: Basic) -> bool {
    matches!((left, right), (Basic::Int | Basic::Uint, Basic::Int | Basic::Uint))
}

fn incompatible(left: &Value, right: &Value) -> CallError {
    CallError::new(format!(
        "incompatible types for comparison: {} and {}; convert one of them, as with `int64` or `toString`",
        left.type_name(),
        right.type_name()
    ))
}

/// Order of two values of one kind.
fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::Float(left, _), Value::Float(right, _)) => left.partial_cmp(right),
        _ => Some(whole(left)?.cmp(&whole(right)?)),
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(number, _) => Some(i128::from(*number)),
        Value::Uint(number, _) => Some(i128::from(*number)),
        Value::Duration(duration) => Some(i128::from(duration.nanoseconds())),
        _ => None,
    }
}

/// Order of two values, where there is one.
fn ordered(left: &Value, right: &Value) -> Result<Option<Ordering>, CallError> {
    let (Some(left_kind), Some(right_kind)) = (basic(left), basic(right)) else {
        let culprit = if basic(left).is_none() { left } else { right };
        return Err(CallError::new(format!("invalid type for comparison: {}", culprit.type_name())));
    };
    if left_kind != right_kind && !integers(left_kind, right_kind) {
        return Err(incompatible(left, right));
    }
    if left_kind == Basic::Bool {
        return Err("invalid type for comparison: bool".into());
    }
    Ok(ordering(left, right))
}

/// `lt`
pub(crate) fn less(left: &Value, right: &Value) -> Result<bool, CallError> {
    Ok(ordered(left, right)? == Some(Ordering::Less))
}

/// `le`
pub(crate) fn less_or_equal(left: &Value, right: &Value) -> Result<bool, CallError> {
    Ok(matches!(ordered(left, right)?, Some(Ordering::Less | Ordering::Equal)))
}
