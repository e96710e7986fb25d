//! Sorting with a comparison that may fail.

use std::cmp::Ordering;

use dodona_value::Value;

use super::slot::Slot;
use super::{Cx, Fault, compare};

/// Sorts `(key, item)` pairs by key.
pub(crate) fn sort(
    cx: &mut Cx<'_, '_>,
    mut pairs: Vec<(Value, Value)>,
    descending: bool,
) -> Result<Vec<Value>, Fault> {
    let mut failed = None;
    let mut less = |left: &Value, right: &Value| {
        if failed.is_some() {
            return false;
        }
        if let Err(limit) = cx.step(1) {
            failed = Some(limit);
            return false;
        }
        let order = compare::order_values(left, right);
        if order.is_none() {
            let (left, right) = (Slot::Ref(left).type_name(), Slot::Ref(right).type_name());
            failed = Some(Fault::ty(format!("a {left} and a {right} have no order")));
        }
        order.is_some_and(|order| order.holds(Ordering::is_lt))
    };
    super::pdq::sort(&mut pairs, &mut |left, right| {
        if descending { less(&right.0, &left.0) } else { less(&left.0, &right.0) }
    });
    match failed {
        Some(fault) => Err(fault),
        None => Ok(pairs.into_iter().map(|(_, item)| item).collect()),
    }
}
