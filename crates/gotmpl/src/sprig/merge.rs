//! Merging and copying nested dictionaries.

use dodona_value::{CallCx, CallError, GoType, List, Map, Value};

use super::charge_list;
use super::dict::is_blank;
use crate::function::Args;

type Result<T> = std::result::Result<T, CallError>;

/// Merges the later dictionaries into the first, and returns it.
pub(super) fn merge(cx: &mut CallCx<'_>, args: &Args<'_>, overwrite: bool) -> Result<Value> {
    let mut target = args.dict(0);
    for source in args.rest(1).iter().filter_map(Value::as_map) {
        if target.is_nil() && !source.is_nil() {
            target = Map::new();
        }
        merge_into(cx, &target, source, overwrite)?;
    }
    Ok(Value::Map(target))
}

fn merge_into(cx: &mut CallCx<'_>, target: &Map, source: &Map, overwrite: bool) -> Result<()> {
    cx.budget.enter()?;
    charge_list(cx, source.len())?;
    for (key, value) in source.entries() {
        let old = target.get_key(&key);
        if value.is_nil() {
            if overwrite {
                target.set(key, Value::Nil)?;
            }
            continue;
        }
        if let (Some(Value::Map(old)), Value::Map(new)) = (&old, &value) {
            merge_into(cx, old, new, overwrite)?;
            if !old.is_empty() {
                continue;
            }
        }
        if overwrite || old.as_ref().is_none_or(is_blank) {
            target.set(key, value)?;
        }
    }
    cx.budget.leave();
    Ok(())
}

/// A copy that shares nothing with `value`. Sprig fails for nil.
pub(super) fn copy(cx: &mut CallCx<'_>, value: &Value) -> Result<Value> {
    if value.is_nil() {
        return Err("nil cannot be copied".into());
    }
    deep_copy(cx, value)
}

/// A copy of all lists and dictionaries in a value.
fn deep_copy(cx: &mut CallCx<'_>, value: &Value) -> Result<Value> {
    Ok(match value {
        Value::List(list) => {
            cx.budget.enter()?;
            charge_list(cx, list.len())?;
            let items: Result<Vec<Value>> = list.iter().map(|item| deep_copy(cx, &item)).collect();
            cx.budget.leave();
            if list.is_nil() { value.clone() } else { Value::List(List::new(list.element_type(), items?)) }
        }
        Value::Map(map) => {
            cx.budget.enter()?;
            charge_list(cx, map.len())?;
            let mut pairs = Vec::with_capacity(map.len());
            for (key, item) in map.entries() {
                pairs.push((key, deep_copy(cx, &item)?));
            }
            cx.budget.leave();
            if map.is_nil() && map.element_type() != GoType::Any {
                value.clone()
            } else {
                Value::Map(Map::of_keys(map.key_type(), map.element_type(), pairs))
            }
        }
        other => other.clone(),
    })
}
