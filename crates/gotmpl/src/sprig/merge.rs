//! Merging and copying nested dictionaries.

use dodona_value::methods::Location;
use dodona_value::{CallCx, CallError, GoType, Limit, LimitError, List, Map, Value, Zone, format};

use super::charge_list;
use super::dict::is_blank;
use super::version::Version;
use crate::function::Args;

/// How deeply dictionaries and lists may nest here: as deep as they are printed.
const MAX_DEPTH: usize = format::MAX_DEPTH;

type Result<T> = std::result::Result<T, CallError>;

/// Merges the later dictionaries into the first, and returns it.
pub(super) fn merge(cx: &mut CallCx<'_>, args: &Args<'_>, overwrite: bool) -> Result<Value> {
    let mut target = args.dict(0);
    for source in args.rest(1).iter().filter_map(Value::as_map) {
        if target.is_nil() && !source.is_nil() {
            target = Map::new();
        }
        merge_into(cx, &target, source, overwrite, 0)?;
    }
    Ok(Value::Map(target))
}

fn merge_into(cx: &mut CallCx<'_>, target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<()> {
    check_depth(depth)?;
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
            merge_into(cx, old, new, overwrite, depth + 1)?;
            if !old.is_empty() {
                continue;
            }
        }
        if overwrite || old.as_ref().is_none_or(is_blank) {
            target.set(key, value)?;
        }
    }
    Ok(())
}

/// A copy that shares nothing with `value`. Sprig fails for nil.
pub(super) fn copy(cx: &mut CallCx<'_>, value: &Value) -> Result<Value> {
    if value.is_nil() {
        return Err("nil cannot be copied".into());
    }
    deep_copy(cx, value, 0)
}

fn check_depth(depth: usize) -> Result<()> {
    if depth > MAX_DEPTH { Err(LimitError(Limit::Depth).into()) } else { Ok(()) }
}

/// A copy of all lists and dictionaries in a value.
fn deep_copy(cx: &mut CallCx<'_>, value: &Value, depth: usize) -> Result<Value> {
    check_depth(depth)?;
    match value {
        Value::List(list) if !list.is_nil() => copy_list(cx, list, depth),
        Value::Map(map) if !map.is_nil() || map.element_type() == GoType::Any => copy_map(cx, map, depth),
        Value::Host(host) => match host.as_any().downcast_ref::<Version>() {
            Some(version) => Ok(Value::host(version.emptied())),
            None if host.as_any().is::<Location>() => Ok(Value::host(Location(Zone::fixed("", 0)))),
            None => Ok(value.clone()),
        },
        other => Ok(other.clone()),
    }
}

fn copy_list(cx: &mut CallCx<'_>, list: &List, depth: usize) -> Result<Value> {
    charge_list(cx, list.len())?;
    let mut items = Vec::with_capacity(list.len());
    for item in list {
        items.push(deep_copy(cx, &item, depth + 1)?);
    }
    Ok(Value::List(List::with_room(list.element_type(), items, list.capacity())))
}

fn copy_map(cx: &mut CallCx<'_>, map: &Map, depth: usize) -> Result<Value> {
    charge_list(cx, map.len())?;
    let mut pairs = Vec::with_capacity(map.len());
    for (key, item) in map.entries() {
        pairs.push((key, deep_copy(cx, &item, depth + 1)?));
    }
    Ok(Value::Map(Map::of_keys(map.key_type(), map.element_type(), pairs)))
}
