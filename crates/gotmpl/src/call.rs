//! Checks the arguments of methods and of functions that are values, by Go's rules of assignment.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use dodona_value::{CallCx, Duration, GoType, Host, Kind, List, Map, Signature, Value};

use crate::code::Name;
use crate::error::Failure;
use crate::walk;

/// Checks the arguments of a call against a signature, as for a function that is called by name.
pub(crate) fn check_all(signature: &Signature, args: &mut [Value], name: &str) -> Result<(), Box<Failure>> {
    if let Some(message) = wrong_count(signature, args.len(), name) {
        return Err(Failure::value(message));
    }
    for (index, value) in args.iter_mut().enumerate() {
        if let Some(wanted) = signature.param(index) {
            assign(value, wanted)
                .map_err(|message| Failure::value(format!("argument {} of {name}: {message}", index + 1)))?;
        }
    }
    Ok(())
}

fn wrong_count(signature: &Signature, count: usize, name: &str) -> Option<String> {
    if signature.accepts(count) {
        return None;
    }
    let least = if signature.variadic.is_some() { "at least " } else { "" };
    Some(format!("wrong number of args for {name}: want {least}{} got {count}", signature.min_args()))
}

/// Gives `value` the type `wanted`; no conversions, as where the type of an argument is known.
fn assign(value: &mut Value, wanted: &GoType) -> Result<(), String> {
    if value.is_nil() {
        let missing = matches!(value, Value::Missing);
        *value = nil_of(wanted)
            .filter(|_| missing || *wanted == GoType::Any)
            .ok_or_else(|| format!("invalid value; expected {wanted}"))?;
        return Ok(());
    }
    if assignable(value, wanted) {
        return Ok(());
    }
    Err(format!("wrong type for value; expected {wanted}; got {}", value.type_name()))
}

/// Gives `value` the type `wanted`; whole numbers are converted, as `call` and `index` do.
pub(crate) fn prepare(value: &mut Value, wanted: &GoType) -> Result<(), String> {
    if value.is_nil() {
        *value = nil_of(wanted).ok_or_else(|| format!("value is nil; should be of type {wanted}"))?;
        return Ok(());
    }
    if assignable(value, wanted) {
        return Ok(());
    }
    match convert_integer(value, wanted) {
        Some(converted) => {
            *value = converted;
            Ok(())
        }
        None => Err(format!("value has type {}; should be {wanted}", value.type_name())),
    }
}

fn assignable(value: &Value, wanted: &GoType) -> bool {
    *wanted == GoType::Any || value.go_type().as_ref() == Some(wanted)
}

/// What nil is for a type that has one.
fn nil_of(wanted: &GoType) -> Option<Value> {
    match wanted {
        GoType::Any | GoType::Func(_) => Some(Value::Nil),
        GoType::Named(name) if name.starts_with('*') => Some(Value::Nil),
        wanted if wanted.is_bytes() => Some(Value::Bytes(None)),
        GoType::List(element) => Some(Value::List(List::nil(GoType::clone(element)))),
        GoType::Map(pair) => Some(Value::Map(Map::nil(pair.0.clone(), pair.1.clone()))),
        _ => None,
    }
}

#[expect(clippy::cast_possible_wrap, reason = "Go wraps around as well")]
fn convert_integer(value: &Value, wanted: &GoType) -> Option<Value> {
    let number = match value {
        Value::Int(number, _) => *number,
        Value::Uint(number, _) => *number as i64,
        Value::Duration(duration) => duration.nanoseconds(),
        _ => return None,
    };
    Some(match wanted {
        GoType::Int(kind) => Value::Int(number, *kind),
        GoType::Uint(kind) => Value::Uint(number.cast_unsigned(), *kind),
        GoType::Duration => Value::Duration(Duration::from_nanoseconds(number)),
        _ => return None,
    })
}

/// A number that was written down, as what the parameter wants: `1e3` and `2.0` are whole numbers too.
fn convert_literal(value: &Value, wanted: &GoType) -> Option<Value> {
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "only literals that are whole numbers come here")]
        Value::Float(number, _) if number.fract() == 0.0 => {
            convert_integer(&Value::int64(*number as i64), wanted)
        }
        other => convert_integer(other, wanted),
    }
}

/// Calls method `name` with arguments. Bit `i` of `literals` says that argument `i` was written as a number, which takes the
/// type of the parameter.
pub(crate) fn method(
    cx: &mut CallCx<'_>,
    receiver: &Value,
    name: &Name,
    args: &mut [Value],
    literals: u64,
) -> Result<Value, Box<Failure>> {
    let text = name.text.to_str().unwrap_or_default();
    let fail = |message: String| {
        let mut failure = Failure::value(message);
        failure.span = Some((name.start, name.end));
        failure
    };
    match receiver {
        Value::Missing => return Ok(Value::Missing),
        Value::Nil => return Err(fail(format!("nil pointer evaluating interface {{}}.{text}"))),
        Value::Map(map) if map.key_type() == GoType::Str => {
            let hint = if matches!(map.get(&name.text), Some(Value::Func(_))) { "; use `call`" } else { "" };
            return Err(fail(format!("{text} is not a method but has arguments{hint}")));
        }
        _ => {}
    }
    let Some(signature) = walk::method_signature(receiver, text) else {
        return Err(match receiver {
            Value::Host(host) if host.fields().contains(&text) => {
                fail(format!("{text} has arguments but cannot be invoked as function"))
            }
            _ => walk::no_field(receiver, name),
        });
    };
    for (index, value) in args.iter_mut().enumerate().take(64) {
        if literals & (1 << index) != 0
            && let Some(wanted) = signature.param(index)
            && let Some(number) = convert_literal(value, wanted)
        {
            *value = number;
        }
    }
    check_all(&signature, args, text)?;
    walk::call_method(cx, receiver, name, args)
}

/// The builtin `call`: calls a function that is a value.
pub(crate) fn call_value(
    cx: &mut CallCx<'_>,
    callee: &Value,
    args: &mut [Value],
) -> Result<Value, dodona_value::CallError> {
    let func = match callee {
        Value::Func(func) => func.clone(),
        Value::Missing | Value::Nil => return Err("call of nil: there is no such function".into()),
        other => return Err(format!("cannot call a value of type {}", other.type_name()).into()),
    };
    let name = func.name().to_string_lossy();
    if let Some(message) = wrong_count(func.signature(), args.len(), &name) {
        return Err(message.into());
    }
    for (index, value) in args.iter_mut().enumerate() {
        if let Some(wanted) = func.signature().param(index) {
            prepare(value, wanted)
                .map_err(|message| format!("argument {} of {name}: {message}", index + 1))?;
        }
    }
    func.call(cx, args)
}

/// The value to print in place of `value`: a pointer is followed, unless its type says itself how it prints.
pub(crate) fn printable(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Host(host) if host.kind() == Kind::Ptr && !host.is_nil() && host.string().is_none() => {
            Cow::Owned(Value::host(Pointee(Arc::clone(host))))
        }
        other => Cow::Borrowed(other),
    }
}

/// What a pointer points to.
struct Pointee(Arc<dyn Host>);

impl Host for Pointee {
    fn type_name(&self) -> &str {
        self.0.type_name().trim_start_matches('*')
    }

    fn inside(&self) -> Vec<(&str, Value)> {
        self.0.inside()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
