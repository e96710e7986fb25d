//! Walks chains of fields: `.app.status.phase`, fields and methods of host objects included.
//!
//! The rules are Go's: a missing key gives no value, and so does everything behind it; a field of an explicit null, of a
//! text or of a number is an error. In a watched object the walk moves along its nodes and makes values only at the end.

use dodona_value::{CallCx, NodeKind, NodeRef, Value, methods};

use crate::code::Name;
use crate::error::{Failure, RenderErrorKind};
use crate::suggest;

/// Where a walk has arrived.
pub(crate) enum Found<'v> {
    /// In a watched object.
    Node(NodeRef<'v>),
    /// At a value that somebody else holds.
    Borrowed(&'v Value),
    /// At a value that was made on the way.
    Owned(Value),
}

impl Found<'_> {
    /// The value.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Node(node) => node.to_value(),
            Self::Borrowed(value) => value.clone(),
            Self::Owned(value) => value,
        }
    }
}

type Walked<T> = Result<T, Box<Failure>>;

/// Follows `names` from `start`.
#[inline]
pub(crate) fn walk<'v>(cx: &mut CallCx<'_>, start: &'v Value, names: &[Name]) -> Walked<Found<'v>> {
    let Value::Map(map) = start else { return from_value(cx, start, names) };
    match map.as_node() {
        Some(node) => from_node(cx, node, names),
        None => from_value(cx, start, names),
    }
}

/// Follows `names` along the nodes of a document.
pub(crate) fn from_node<'v>(cx: &mut CallCx<'_>, start: NodeRef<'v>, names: &[Name]) -> Walked<Found<'v>> {
    let mut node = start;
    for (position, name) in names.iter().enumerate() {
        match node.get_bytes(&name.text) {
            Some(next) => node = next,
            None if node.kind() == NodeKind::Map => return Ok(Found::Owned(Value::Missing)),
            None => {
                let rest = names.get(position..).unwrap_or_default();
                return follow(cx, node.to_value(), rest).map(Found::Owned);
            }
        }
    }
    Ok(Found::Node(node))
}

fn from_value<'v>(cx: &mut CallCx<'_>, start: &'v Value, names: &[Name]) -> Walked<Found<'v>> {
    let Some((first, rest)) = names.split_first() else { return Ok(Found::Borrowed(start)) };
    let next = field(cx, start, first)?;
    follow(cx, next, rest).map(Found::Owned)
}

/// Follows `names` from a value that nobody else needs.
pub(crate) fn follow(cx: &mut CallCx<'_>, start: Value, names: &[Name]) -> Walked<Value> {
    let mut value = start;
    for (position, name) in names.iter().enumerate() {
        if let Value::Map(map) = &value
            && let Some(node) = map.as_node()
        {
            let rest = names.get(position..).unwrap_or_default();
            return from_node(cx, node, rest).map(Found::into_value);
        }
        value = field(cx, &value, name)?;
    }
    Ok(value)
}

/// One field, or the result of a method without arguments.
fn field(cx: &mut CallCx<'_>, receiver: &Value, name: &Name) -> Walked<Value> {
    let text = name.text.to_str().unwrap_or_default();
    match receiver {
        Value::Missing => Ok(Value::Missing),
        Value::Nil => Err(at(
            name,
            format!("nil pointer evaluating interface {{}}.{text}; the value before it is null"),
        )),
        Value::Map(map) if map.key_type() == dodona_value::GoType::Str => {
            Ok(map.get(&name.text).unwrap_or(Value::Missing))
        }
        Value::Host(host) if host.is_nil() => {
            Err(at(name, format!("nil pointer evaluating {}.{text}", host.type_name())))
        }
        _ => {
            if let Some(signature) = method_signature(receiver, text) {
                if signature.min_args() > 0 {
                    let wanted = signature.min_args();
                    return Err(at(name, format!("wrong number of args for {text}: want {wanted} got 0")));
                }
                return call_method(cx, receiver, name, &[]);
            }
            match receiver {
                Value::Host(host) => host.field(text).ok_or_else(|| no_field(receiver, name)),
                _ => Err(no_field(receiver, name)),
            }
        }
    }
}

/// The signature of a method of `receiver`.
pub(crate) fn method_signature(receiver: &Value, name: &str) -> Option<dodona_value::Signature> {
    methods::lookup(receiver, name)
}

/// Calls a method whose arguments have been checked.
pub(crate) fn call_method(
    cx: &mut CallCx<'_>,
    receiver: &Value,
    name: &Name,
    args: &[Value],
) -> Walked<Value> {
    let text = name.text.to_str().unwrap_or_default();
    methods::call(cx, receiver, text, args).map_err(|error| {
        let mut failure = Failure::call(text, &error);
        failure.span = Some((name.start, name.end));
        failure
    })
}

#[cold]
#[expect(
    clippy::unnecessary_box_returns,
    reason = "failures travel boxed, so that a good result stays small"
)]
fn at(name: &Name, message: String) -> Box<Failure> {
    Box::new(Failure {
        kind: RenderErrorKind::Value,
        message,
        hint: None,
        span: Some((name.start, name.end)),
    })
}

#[cold]
#[expect(
    clippy::unnecessary_box_returns,
    reason = "failures travel boxed, so that a good result stays small"
)]
pub(crate) fn no_field(receiver: &Value, name: &Name) -> Box<Failure> {
    let text = name.text.to_str().unwrap_or_default();
    let mut failure = at(name, format!("can't evaluate field {text} in type {}", receiver.type_name()));
    if let Value::Host(host) = receiver {
        failure.hint = suggest::best(text, host.fields().iter().copied());
    }
    failure
}
