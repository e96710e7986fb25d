//! `index` and `len`.

use dodona_value::{CallError, FloatKind, GoType, Key, List, Map, Str, UintKind, Value};

use crate::call;

/// `item[indexes[0]][indexes[1]]…`
pub(crate) fn index(item: Value, indexes: &[Value]) -> Result<Value, CallError> {
    if item.is_nil() {
        return Err("index of untyped nil: there is no such value".into());
    }
    indexes.iter().try_fold(item, |item, index| one(&item, index))
}

fn one(item: &Value, index: &Value) -> Result<Value, CallError> {
    let missing = |at: usize| CallError::new(format!("index out of range: {at}"));
    match item {
        Value::Missing | Value::Nil => Err("index of nil pointer: the value is null".into()),
        Value::List(list) => {
            let at = position(index, list.len())?;
            list.get(at).ok_or_else(|| missing(at))
        }
        Value::Str(text) => byte(text, index),
        Value::Bytes(bytes) => byte(&bytes.clone().unwrap_or_default(), index),
        Value::Map(map) => entry(map, index),
        other => Err(CallError::new(format!("can't index item of type {}", other.type_name()))),
    }
}

fn byte(text: &Str, index: &Value) -> Result<Value, CallError> {
    let at = position(index, text.len())?;
    let byte = text.get(at).ok_or_else(|| CallError::new(format!("index out of range: {at}")))?;
    Ok(Value::Uint(u64::from(*byte), UintKind::Uint8))
}

fn entry(map: &Map, index: &Value) -> Result<Value, CallError> {
    let mut index = index.clone();
    call::prepare(&mut index, &map.key_type())?;
    let key = Key::from_value(&index)
        .ok_or_else(|| CallError::new(format!("a value of type {} cannot be a key", index.type_name())))?;
    Ok(map.get_key(&key).unwrap_or_else(|| zero(&map.element_type())))
}

/// An index as a position in something of length `length`.
fn position(index: &Value, length: usize) -> Result<usize, CallError> {
    let number = match index {
        Value::Int(number, _) => i128::from(*number),
        Value::Uint(number, _) => i128::from(*number),
        Value::Duration(duration) => i128::from(duration.nanoseconds()),
        Value::Missing | Value::Nil => return Err("cannot index slice/array with nil".into()),
        other => {
            let message = format!("cannot index slice/array with type {}", other.type_name());
            return Err(CallError::new(message));
        }
    };
    usize::try_from(number)
        .ok()
        .filter(|at| *at < length)
        .ok_or_else(|| CallError::new(format!("index out of range: {number}")))
}

/// Go's zero value of a type.
pub(crate) fn zero(go_type: &GoType) -> Value {
    match go_type {
        GoType::Bool => Value::Bool(false),
        GoType::Int(kind) => Value::Int(0, *kind),
        GoType::Uint(kind) => Value::Uint(0, *kind),
        GoType::Float(FloatKind::Float32) => Value::Float(0.0, FloatKind::Float32),
        GoType::Float(FloatKind::Float64) => Value::float(0.0),
        GoType::Str => Value::text(""),
        GoType::Time => Value::Time(dodona_value::Time::zero()),
        GoType::Duration => Value::Duration(dodona_value::Duration::from_nanoseconds(0)),
        GoType::List(_) if go_type.is_bytes() => Value::Bytes(None),
        GoType::List(element) => Value::List(List::nil(GoType::clone(element))),
        GoType::Map(pair) => Value::Map(Map::nil(pair.0.clone(), pair.1.clone())),
        GoType::Any | GoType::Func(_) | GoType::Named(_) => Value::Nil,
    }
}

/// `len`
pub(crate) fn length(item: &Value) -> Result<Value, CallError> {
    let length = match item {
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len()),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Missing | Value::Nil => return Err("len of nil: there is no such value".into()),
        other => return Err(CallError::new(format!("len of type {}", other.type_name()))),
    };
    Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX)))
}
