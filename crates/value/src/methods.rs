//! The methods of times, durations, months, weekdays and host objects, for both languages.

use crate::func::{CallCx, CallError, Signature};
use crate::value::Value;

/// The signature of method `name` of `value`; `None` if it has no such method. Callers check the arguments against it.
pub fn lookup(value: &Value, name: &str) -> Option<Signature> {
    match value {
        Value::Host(host) => host.method(name),
        _ => None,
    }
}

/// Calls a method that [`lookup`] found, with arguments that were checked against its signature.
pub fn call(cx: &mut CallCx<'_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, CallError> {
    match value {
        Value::Host(host) => host.call(cx, name, args),
        other => Err(CallError::new(format!("{} has no method {name}", other.type_name()))),
    }
}
