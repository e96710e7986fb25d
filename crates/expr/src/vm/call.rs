//! Calls of functions and methods, with Go's rules for arguments: exact types, nil becomes the zero value.

use dodona_value::{Func, GoType, IntKind, List, Map, Signature, Str, Time, Value, methods};

use super::slot::Slot;
use super::{Cx, Fault, fetch};
use crate::error::RunErrorKind;

/// The zero value of a type.
pub(crate) fn zero(ty: &GoType) -> Value {
    match ty {
        GoType::Bool => Value::Bool(false),
        GoType::Int(kind) => Value::Int(0, *kind),
        GoType::Uint(kind) => Value::Uint(0, *kind),
        GoType::Float(kind) => Value::Float(0.0, *kind),
        GoType::Str => Value::Str(Str::EMPTY),
        GoType::Time => Value::Time(dodona_value::Time::zero()),
        GoType::Duration => Value::Duration(dodona_value::Duration::from_nanoseconds(0)),
        ty if ty.is_bytes() => Value::Bytes(None),
        GoType::List(element) => Value::List(List::nil((**element).clone())),
        GoType::Map(pair) => Value::Map(Map::nil(pair.0.clone(), pair.1.clone())),
        GoType::Any | GoType::Func(_) | GoType::Named(_) => Value::Nil,
    }
}

/// Whether Go lets `value` go where `ty` is wanted.
fn fits(value: &Value, ty: &GoType) -> bool {
    match (value, ty) {
        (_, GoType::Any)
        | (Value::Str(_), GoType::Str)
        | (Value::Bool(_), GoType::Bool)
        | (Value::Time(_), GoType::Time)
        | (Value::Duration(_), GoType::Duration) => true,
        (Value::Int(_, kind), GoType::Int(wanted)) => kind == wanted,
        (Value::Str(_) | Value::Int(..) | Value::Time(_) | Value::Duration(_), _) => false,
        (value, ty) => value.go_type().is_some_and(|own| own == *ty),
    }
}

/// Brings arguments into the form that `signature` wants. `typed`: nil is refused instead of becoming the zero value.
fn prepare(name: &str, signature: &Signature, args: &mut [Value], typed: bool) -> Result<(), Fault> {
    if !signature.accepts(args.len()) {
        let wanted = signature.min_args();
        let least = if signature.variadic.is_some() { "at least " } else { "" };
        let given = args.len();
        return Err(Fault::call(format!("`{name}` takes {least}{wanted} arguments, not {given}")));
    }
    for (position, arg) in args.iter_mut().enumerate() {
        let Some(ty) = signature.param(position) else { continue };
        if arg.is_nil() && !typed {
            *arg = zero(ty);
        } else if !fits(arg, ty) {
            return Err(wrong_argument(name, position, ty, arg));
        }
    }
    Ok(())
}

#[cold]
fn wrong_argument(name: &str, position: usize, ty: &GoType, arg: &Value) -> Fault {
    let given = arg.type_name();
    let mut message = format!("argument {} of `{name}` must be of type {ty}, not {given}", position + 1);
    if *ty == GoType::Str {
        message.push_str("; `string(…)` makes a text of it");
    }
    if *ty == GoType::Int(IntKind::Int) && matches!(arg, Value::Int(..) | Value::Float(..)) {
        message.push_str("; `int(…)` converts it");
    }
    Fault::ty(message)
}

/// Calls a function value.
pub(super) fn function(cx: &mut Cx<'_, '_>, func: &Func, mut args: Vec<Value>) -> Result<Value, Fault> {
    let name = func.name().to_string_lossy();
    prepare(&name, func.signature(), &mut args, false)?;
    cx.step(1)?;
    func.call(cx.call, &args).map_err(|error| named(&name, error.into()))
}

/// Puts the name of the function before what it says.
fn named(name: &str, fault: Fault) -> Fault {
    let kind = fault.kind();
    if kind == RunErrorKind::Limit {
        return fault;
    }
    Fault::new(kind, format!("`{name}` failed: {}", fault.into_message()))
}

/// Calls any value.
pub(super) fn value<'a>(cx: &mut Cx<'_, '_>, callee: &Slot<'a>, args: Vec<Value>) -> Result<Slot<'a>, Fault> {
    match callee {
        Slot::Value(Value::Func(func)) | Slot::Ref(Value::Func(func)) => {
            function(cx, func, args).map(Slot::Value)
        }
        _ if callee.is_nil() => Err(Fault::call("nil cannot be called; there is no such function")),
        _ => Err(Fault::call(format!("a {} cannot be called", callee.type_name()))),
    }
}

/// The first result of methods that give several in Go. Templates cannot call these, so `dodona-value` does not have them; conditions take the first.
pub(super) fn first_of_several(time: &Time, name: &str) -> Option<Value> {
    match name {
        "ISOWeek" => Some(Value::int(time.iso_week().0)),
        "Date" => Some(Value::int(time.civil().0)),
        "Clock" => Some(Value::int(i64::from(time.clock().0))),
        "Zone" => Some(Value::from(time.zone_at().0)),
        "ZoneBounds" => Some(Value::Time(time.zone_start())),
        _ => None,
    }
}

/// Calls the method `name` of `object`, or the function in its field `name`.
pub(super) fn member<'a>(
    cx: &mut Cx<'_, '_>,
    object: &Slot<'a>,
    name: &Str,
    mut args: Vec<Value>,
    typed: bool,
) -> Result<Slot<'a>, Fault> {
    let name = name.to_string_lossy();
    let receiver = match object {
        Slot::Value(value) => Some(value),
        Slot::Ref(value) => Some(*value),
        Slot::Node(_) => None,
    };
    if let Some(receiver) = receiver
        && !matches!(receiver, Value::Map(_))
        && let Some(signature) = methods::lookup(receiver, &name)
    {
        prepare(&name, &signature, &mut args, typed)?;
        cx.step(1)?;
        let result = methods::call(cx.call, receiver, &name, &args);
        return result.map(Slot::Value).map_err(|error| named(&name, error.into()));
    }
    let callee = fetch::field(object, &name)?;
    if callee.is_nil() {
        return Err(Fault::call(format!("there is no function `{name}` here")));
    }
    value(cx, &callee, args)
}
