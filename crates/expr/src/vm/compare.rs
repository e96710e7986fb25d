//! Equality and order.

use std::cmp::Ordering;

use dodona_value::methods::Location;
use dodona_value::{GoType, List, NodeKind, NodeRef, Value, compare};

use super::slot::{Slot, View, is_nil, view_value};
use super::{Cx, Fault};

/// How two values that have an order lie to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Is(Ordering),
    /// One of them is not a number: no comparison holds.
    Nan,
}

impl Order {
    fn of(order: Option<Ordering>) -> Self {
        order.map_or(Self::Nan, Self::Is)
    }

    /// Whether the order is there and passes `test`.
    pub(crate) fn holds(self, test: impl Fn(Ordering) -> bool) -> bool {
        matches!(self, Self::Is(order) if test(order))
    }
}

/// Numbers by value; integers meet floats as floats. `None` if one is no number.
#[expect(clippy::cast_precision_loss, reason = "as upstream: integers are converted to the float type")]
fn numbers(left: &View<'_>, right: &View<'_>) -> Option<Order> {
    use View::{Float, Int, Uint};
    Some(match (*left, *right) {
        (Int(l, _), Int(r, _)) => Order::Is(l.cmp(&r)),
        (Uint(l, _), Uint(r, _)) => Order::Is(l.cast_signed().cmp(&r.cast_signed())),
        (Int(l, _), Uint(r, _)) => Order::Is(l.cmp(&r.cast_signed())),
        (Uint(l, _), Int(r, _)) => Order::Is(l.cast_signed().cmp(&r)),
        (Float(l, _), Float(r, _)) => Order::of(l.partial_cmp(&r)),
        (Float(l, _), Int(r, _)) => Order::of(l.partial_cmp(&(r as f64))),
        (Int(l, _), Float(r, _)) => Order::of((l as f64).partial_cmp(&r)),
        (Float(l, _), Uint(r, _)) => Order::of(l.partial_cmp(&(r as f64))),
        (Uint(l, _), Float(r, _)) => Order::of((l as f64).partial_cmp(&r)),
        _ => return None,
    })
}

/// `==`.
pub(crate) fn equal(cx: &mut Cx<'_, '_>, left: &Slot<'_>, right: &Slot<'_>) -> Result<bool, Fault> {
    equal_views(cx, &left.view(), &right.view())
}

/// `==` of two values.
pub(crate) fn equal_values(cx: &mut Cx<'_, '_>, left: &Value, right: &Value) -> Result<bool, Fault> {
    equal_views(cx, &view_value(left), &view_value(right))
}

fn equal_views(cx: &mut Cx<'_, '_>, left: &View<'_>, right: &View<'_>) -> Result<bool, Fault> {
    if let Some(order) = numbers(left, right) {
        return Ok(order == Order::Is(Ordering::Equal));
    }
    match (left, right) {
        (View::Str(l), View::Str(r)) => Ok(l == r),
        (View::Bool(l), View::Bool(r)) => Ok(l == r),
        (View::Nil, View::Nil) => Ok(true),
        (View::Nil, View::Other(value)) | (View::Other(value), View::Nil) => Ok(is_nil(value)),
        (View::Node(l), View::Node(r)) if l.kind() == NodeKind::List && r.kind() == NodeKind::List => {
            node_lists(cx, *l, *r)
        }
        (View::Node(_) | View::Other(_), View::Node(_) | View::Other(_)) => {
            containers(cx, &to_value(left), &to_value(right))
        }
        _ => Ok(false),
    }
}

fn to_value(view: &View<'_>) -> Value {
    match view {
        View::Node(node) => node.to_value(),
        View::Other(value) => (*value).clone(),
        _ => Value::Nil,
    }
}

fn node_lists(cx: &mut Cx<'_, '_>, left: NodeRef<'_>, right: NodeRef<'_>) -> Result<bool, Fault> {
    if left.len() != right.len() {
        return Ok(false);
    }
    cx.enter()?;
    for (left, right) in left.items().zip(right.items()) {
        cx.step(1)?;
        if !equal(cx, &Slot::Node(left), &Slot::Node(right))? {
            cx.leave();
            return Ok(false);
        }
    }
    cx.leave();
    Ok(true)
}

/// Whether Go compares lists of these elements item by item: lists of anything with lists of anything, text or numbers, and lists of equal type.
fn item_by_item(left: &GoType, right: &GoType) -> bool {
    let simple = |ty: &GoType| match ty {
        GoType::Any | GoType::Str | GoType::Uint(_) | GoType::Float(_) => true,
        GoType::Int(kind) => !matches!(kind, dodona_value::IntKind::Month | dodona_value::IntKind::Weekday),
        _ => false,
    };
    simple(left) && simple(right) && (left == right || *left == GoType::Any || *right == GoType::Any)
}

fn containers(cx: &mut Cx<'_, '_>, left: &Value, right: &Value) -> Result<bool, Fault> {
    match (left, right) {
        (Value::List(l), Value::List(r)) if item_by_item(&l.element_type(), &r.element_type()) => {
            lists(cx, l, r)
        }
        (Value::Bytes(l), Value::Bytes(r)) => {
            Ok(l.as_deref().unwrap_or_default() == r.as_deref().unwrap_or_default())
        }
        (Value::Bytes(bytes), Value::List(list)) | (Value::List(list), Value::Bytes(bytes)) => {
            let bytes = bytes.as_deref().unwrap_or_default();
            if list.element_type() != GoType::Any || bytes.len() != list.len() {
                return Ok(is_nil(left) && is_nil(right));
            }
            for (byte, item) in bytes.iter().zip(list.iter()) {
                cx.step(1)?;
                let byte = Value::Uint(u64::from(*byte), dodona_value::UintKind::Uint8);
                if !equal_values(cx, &byte, &item)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ if is_nil(left) && is_nil(right) => Ok(true),
        (Value::Host(l), Value::Host(r)) if l.as_any().is::<Location>() && r.as_any().is::<Location>() => {
            Ok(l.string() == r.string())
        }
        _ => Ok(compare::deep_equal(left, right, cx.budget())?),
    }
}

fn lists(cx: &mut Cx<'_, '_>, left: &List, right: &List) -> Result<bool, Fault> {
    if left.len() != right.len() {
        return Ok(false);
    }
    cx.enter()?;
    for (left, right) in left.iter().zip(right.iter()) {
        cx.step(1)?;
        if !equal_values(cx, &left, &right)? {
            cx.leave();
            return Ok(false);
        }
    }
    cx.leave();
    Ok(true)
}

/// The order of two values; fails where Go has none between their types.
pub(crate) fn order(left: &Slot<'_>, right: &Slot<'_>, sign: &str) -> Result<Order, Fault> {
    let (l, r) = (left.view(), right.view());
    order_views(&l, &r).ok_or_else(|| {
        Fault::ty(format!("`{sign}` does not take a {} and a {}", left.type_name(), right.type_name()))
    })
}

/// The order of two values; `None` if Go has none between their types.
pub(crate) fn order_values(left: &Value, right: &Value) -> Option<Order> {
    order_views(&view_value(left), &view_value(right))
}

fn order_views(left: &View<'_>, right: &View<'_>) -> Option<Order> {
    if let Some(order) = numbers(left, right) {
        return Some(order);
    }
    match (left, right) {
        (View::Str(l), View::Str(r)) => Some(Order::Is(l.cmp(r))),
        (View::Other(Value::Time(l)), View::Other(Value::Time(r))) => Some(Order::Is(l.cmp(r))),
        (View::Other(Value::Duration(l)), View::Other(Value::Duration(r))) => Some(Order::Is(l.cmp(r))),
        _ => None,
    }
}
