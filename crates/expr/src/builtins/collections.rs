//! Functions on lists and maps.

use dodona_value::{GoType, Key, List, Map, Value};

use crate::vm::{Cx, Fault, compare, fetch, sort as sorting};

fn argument(args: &[Value], at: usize) -> Result<&Value, Fault> {
    args.get(at).ok_or_else(|| Fault::call("too few arguments"))
}

#[expect(clippy::unnecessary_wraps, reason = "as the functions of the table")]
fn int(number: usize) -> Result<Value, Fault> {
    Ok(Value::int(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// The items of a list, of any element type.
fn items(value: &Value) -> Result<Vec<Value>, Fault> {
    match value {
        Value::List(list) => Ok(list.to_vec()),
        Value::Bytes(bytes) => {
            Ok(bytes.as_deref().unwrap_or_default().iter().copied().map(super::byte).collect())
        }
        other => Err(super::wrong("a list", other)),
    }
}

fn map(value: &Value) -> Result<&Map, Fault> {
    value.as_map().ok_or_else(|| super::wrong("a map", value))
}

pub(super) fn len(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    match argument(args, 0)? {
        Value::List(list) => int(list.len()),
        Value::Bytes(bytes) => int(bytes.as_ref().map_or(0, |bytes| bytes.len())),
        Value::Map(map) => int(map.len()),
        Value::Str(text) => {
            int(text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum())
        }
        other => Err(super::wrong("a list, a map or a string", other)),
    }
}

pub(super) fn first(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(fetch::get(argument(args, 0)?, &Value::int(0)).unwrap_or(Value::Nil))
}

pub(super) fn last(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(fetch::get(argument(args, 0)?, &Value::int(-1)).unwrap_or(Value::Nil))
}

pub(super) fn get(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    fetch::get(argument(args, 0)?, argument(args, 1)?)
}

pub(super) fn take(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let count = match argument(args, 1)? {
        Value::Int(number, _) => *number,
        Value::Duration(duration) => duration.nanoseconds(),
        other => return Err(super::wrong("an integer", other)),
    };
    let count = usize::try_from(count)
        .map_err(|_| Fault::call(format!("`take` takes a number from 0 on, not {count}")))?;
    match argument(args, 0)? {
        Value::List(list) => Ok(Value::List(list.slice(0..count))),
        Value::Bytes(bytes) => Ok(Value::Bytes(bytes.as_ref().map(|bytes| bytes.slice(0..count)))),
        other => Err(super::wrong("a list", other)),
    }
}

pub(super) fn keys(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let keys = map(argument(args, 0)?)?.keys();
    cx.memory(keys.len() * size_of::<Value>())?;
    Ok(Value::list(keys.iter().map(Key::to_value).collect()))
}

pub(super) fn values(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let entries = map(argument(args, 0)?)?.entries();
    cx.memory(entries.len() * size_of::<Value>())?;
    Ok(Value::list(entries.into_iter().map(|(_, value)| value).collect()))
}

pub(super) fn to_pairs(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let entries = map(argument(args, 0)?)?.entries();
    cx.memory(entries.len() * 4 * size_of::<Value>())?;
    let pairs = entries
        .into_iter()
        .map(|(key, value)| Value::List(List::new(GoType::Any, vec![key.to_value(), value])));
    Ok(Value::List(List::new(GoType::Named("[2]interface {}".into()), pairs.collect())))
}

pub(super) fn from_pairs(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut entries = Vec::new();
    for pair in items(argument(args, 0)?)? {
        cx.step(1)?;
        let [key, value] =
            items(&pair)?.try_into().map_err(|_| Fault::ty("`fromPairs` takes pairs, lists of two items"))?;
        let key = Key::from_value(&key)
            .ok_or_else(|| Fault::ty(format!("a {} cannot be the key of a map", super::name(&key))))?;
        entries.push((key, value));
    }
    Ok(Value::Map(Map::of_keys(GoType::Any, GoType::Any, entries)))
}

pub(super) fn reverse(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut items = items(argument(args, 0)?)?;
    cx.grow(items.len())?;
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn uniq(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut seen: Vec<Value> = Vec::new();
    for item in items(argument(args, 0)?)? {
        let mut known = false;
        for other in &seen {
            cx.step(1)?;
            if compare::equal_values(cx, &item, other)? {
                known = true;
                break;
            }
        }
        if !known {
            seen.push(item);
        }
    }
    cx.memory(seen.len() * size_of::<Value>())?;
    Ok(Value::list(seen))
}

pub(super) fn concat(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let mut all = Vec::new();
    for arg in args {
        all.append(&mut items(arg)?);
        if all.len() >= usize::try_from(crate::limit::MEMORY).unwrap_or(usize::MAX) {
            break;
        }
    }
    cx.grow(all.len())?;
    if all.is_empty() {
        return Ok(Value::List(List::nil(GoType::Any)));
    }
    Ok(Value::list(all))
}

pub(super) fn flatten(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    // A list of lists at hand instead of recursion; the innermost one is last.
    let mut open = vec![items(argument(args, 0)?)?.into_iter()];
    let mut out = Vec::new();
    while let Some(list) = open.last_mut() {
        let Some(item) = list.next() else {
            open.pop();
            continue;
        };
        cx.step(1)?;
        if matches!(item, Value::List(_) | Value::Bytes(_)) {
            if open.len() > 10_000 {
                return Err(Fault::call("`flatten` goes at most 10000 lists deep"));
            }
            open.push(items(&item)?.into_iter());
        } else {
            out.push(item);
        }
    }
    cx.grow(out.len())?;
    Ok(Value::list(out))
}

pub(super) fn sort(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let descending = match args.get(1) {
        None => false,
        Some(Value::Str(order)) if *order == *"asc" => false,
        Some(Value::Str(order)) if *order == *"desc" => true,
        Some(_) => return Err(Fault::ty("the order is \"asc\" or \"desc\"")),
    };
    // Upstream sorts lists of anything, text, `int` and `float64`, and gives an empty list for everything else.
    let Some(Value::List(list)) = args.first() else {
        return Ok(Value::List(List::nil(GoType::Any)));
    };
    if !matches!(list.element_type(), GoType::Any | GoType::Str | GoType::INT | GoType::FLOAT64)
        || list.is_nil()
    {
        return Ok(Value::List(List::nil(GoType::Any)));
    }
    let pairs = list.iter().map(|item| (item.clone(), item)).collect();
    let sorted = sorting::sort(cx, pairs, descending)?;
    cx.grow(sorted.len())?;
    Ok(Value::list(sorted))
}
