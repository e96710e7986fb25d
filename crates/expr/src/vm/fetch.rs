//! Fields, elements, slices and `in`.

use dodona_value::{Key, Kind, List, Map, NodeKind, NodeRef, Str, UintKind, Value};

use super::arithmetic::to_int;
use super::slot::{Slot, View, view_value};
use super::{Cx, Fault, compare};
use crate::code::Set;
use crate::error::RunErrorKind;

/// A byte of a text or byte list.
const fn byte<'a>(byte: u8) -> Slot<'a> {
    Slot::Value(Value::Uint(byte as u64, UintKind::Uint8))
}

/// The field `name` of an object; a key that a map does not have is nil.
pub(super) fn field<'a>(object: &Slot<'a>, name: &str) -> Result<Slot<'a>, Fault> {
    match object {
        Slot::Node(node) if node.kind() == NodeKind::Map => {
            Ok(node.get_bytes(name.as_bytes()).map_or(Slot::nil(), Slot::Node))
        }
        Slot::Node(_) => Err(no_field(object, name)),
        Slot::Value(value) => field_of_value(value, name).ok_or_else(|| no_field(object, name)),
        Slot::Ref(value) => field_of_value(value, name).ok_or_else(|| no_field(object, name)),
    }
}

fn field_of_value<'a>(value: &Value, name: &str) -> Option<Slot<'a>> {
    match value {
        Value::Map(map) => map_get(map, &Key::Str(Str::from(name))).ok().map(Slot::Value),
        Value::Host(host) => match host.field(name) {
            Some(value) if !host.is_nil() => Some(Slot::Value(value)),
            _ => bound_method(value, name).map(Slot::Value),
        },
        _ => bound_method(value, name).map(Slot::Value),
    }
}

/// A method as a value of its own: `let f = time.Now().Format; f('2006')`.
fn bound_method(value: &Value, name: &str) -> Option<Value> {
    if let Value::Time(time) = value
        && let Some(first) = super::call::first_of_several(time, name)
    {
        let signature = dodona_value::Signature::new([], dodona_value::GoType::Any);
        let answer = move |_: &mut dodona_value::CallCx<'_>, _: &[Value]| Ok(first.clone());
        return Some(Value::Func(dodona_value::Func::new(Str::from(name), signature, answer)));
    }
    let signature = dodona_value::methods::lookup(value, name)?;
    let receiver = value.clone();
    let method = name.to_owned();
    Some(Value::Func(dodona_value::Func::new(Str::from(name), signature, move |cx, args| {
        dodona_value::methods::call(cx, &receiver, &method, args)
    })))
}

#[cold]
fn no_field(object: &Slot<'_>, name: &str) -> Fault {
    if object.is_nil() {
        return Fault::new(RunErrorKind::Field, format!("nil has no field `{name}`"));
    }
    let mut message = format!("a {} has no field `{name}`", object.type_name());
    if let Slot::Value(Value::Host(host)) | Slot::Ref(Value::Host(host)) = object
        && let Some(near) = crate::suggest::nearest(name, host.fields())
    {
        message = format!("{message}; did you mean `{near}`?");
    }
    if matches!(object.view(), View::Str(_)) || is_list(object) {
        message = format!("{message}; its elements have numbers, as in `[0]`");
    }
    Fault::new(RunErrorKind::Field, message)
}

fn is_list(slot: &Slot<'_>) -> bool {
    match slot.view() {
        View::Node(node) => node.kind() == NodeKind::List,
        View::Other(value) => matches!(value, Value::List(_) | Value::Bytes(_)),
        _ => false,
    }
}

/// What a map holds under `key`, or the zero value of its elements. Fails if the key is of a type that the map cannot have.
fn map_get(map: &Map, key: &Key) -> Result<Value, Fault> {
    check_key(map, key)?;
    let key = if matches!(key, Key::Nil) { zero_key(map) } else { key.clone() };
    let found = match &key {
        Key::Str(text) => map.get(text),
        key => map.get_key(key),
    };
    Ok(found.unwrap_or_else(|| super::call::zero(&map.element_type())))
}

/// Where Go takes the zero value of the key's type, nil stands for the empty text.
fn zero_key(map: &Map) -> Key {
    if map.key_type() == dodona_value::GoType::Str { Key::Str(Str::EMPTY) } else { Key::Nil }
}

fn check_key(map: &Map, key: &Key) -> Result<(), Fault> {
    let texts_only = map.key_type() == dodona_value::GoType::Str;
    if texts_only && !matches!(key, Key::Str(_) | Key::Nil) {
        let message = "the keys of this map are strings; convert the key with `string(…)`";
        return Err(Fault::ty(message));
    }
    Ok(())
}

fn to_key(slot: &Slot<'_>) -> Result<Key, Fault> {
    if let Some(text) = slot.to_str_value() {
        return Ok(Key::Str(text));
    }
    if slot.is_nil() && matches!(slot.view(), View::Other(Value::Host(_))) {
        return Ok(Key::Nil);
    }
    Key::from_value(&slot.clone().into_value())
        .ok_or_else(|| Fault::ty(format!("a {} cannot be the key of a map", slot.type_name())))
}

/// `object[key]`.
pub(super) fn index<'a>(object: &Slot<'a>, key: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    if let Slot::Node(node) = object {
        match node.kind() {
            NodeKind::Map => return node_key(*node, key),
            NodeKind::List => {
                let at = position(key, node.len())?;
                return Ok(node.index(at).map_or(Slot::nil(), Slot::Node));
            }
            _ => {}
        }
    }
    match object.view() {
        View::Nil => Err(Fault::new(RunErrorKind::Field, "nil has no elements")),
        View::Str(text) => Ok(byte(text.get(position(key, text.len())?).copied().unwrap_or(0))),
        View::Other(Value::List(list)) => {
            let at = position(key, list.len())?;
            Ok(Slot::Value(list.get(at).unwrap_or_default()))
        }
        View::Other(Value::Bytes(bytes)) => {
            let bytes = bytes.as_deref().unwrap_or_default();
            Ok(byte(bytes.get(position(key, bytes.len())?).copied().unwrap_or(0)))
        }
        View::Other(Value::Map(map)) => Ok(Slot::Value(map_get(map, &to_key(key)?)?)),
        _ => match key.to_str_value() {
            Some(name) => field(object, &name.to_string_lossy()),
            None => Err(Fault::ty(format!("a {} has no elements", object.type_name()))),
        },
    }
}

fn node_key<'a>(node: NodeRef<'a>, key: &Slot<'_>) -> Result<Slot<'a>, Fault> {
    let found = match key.view() {
        View::Str(text) => node.get_bytes(text),
        View::Nil => node.get_bytes(b""),
        _ => {
            let message = "the keys of this map are strings; convert the key with `string(…)`";
            return Err(Fault::ty(message));
        }
    };
    Ok(found.map_or(Slot::nil(), Slot::Node))
}

/// The position that `key` names in `len` elements; negative ones count from the end.
fn position(key: &Slot<'_>, len: usize) -> Result<usize, Fault> {
    let Some(number) = to_int(&key.view()) else {
        return Err(Fault::ty(format!("an index is a number, not a {}", key.type_name())));
    };
    position_of(number, len).ok_or_else(|| {
        Fault::new(RunErrorKind::Index, format!("index {number} is out of range, there are {len} elements"))
    })
}

/// The position that `number` names in `len` elements; negative ones count from the end.
pub(crate) fn position_of(number: i64, len: usize) -> Option<usize> {
    let at = if number < 0 { number.checked_add(i64::try_from(len).ok()?)? } else { number };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// `object[from:to]`. Bounds outside are moved to the nearest end.
pub(super) fn slice<'a>(object: &Slot<'a>, from: &Slot<'a>, to: &Slot<'a>) -> Result<Slot<'a>, Fault> {
    let len = length(object).map_err(|_| Fault::ty(format!("a {} has no slices", object.type_name())))?;
    let bound = |slot: &Slot<'_>| {
        let number = to_int(&slot.view()).ok_or_else(|| {
            Fault::ty(format!("a slice goes from number to number, not to a {}", slot.type_name()))
        })?;
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let at = if number < 0 { number.saturating_add(len) } else { number };
        Ok::<usize, Fault>(usize::try_from(at.clamp(0, len)).unwrap_or(0))
    };
    let (from, to) = (bound(from)?, bound(to)?);
    let range = from.min(to)..to;
    if let Some(text) = object.to_str_value() {
        return Ok(Slot::Value(Value::Str(text.slice(range))));
    }
    match object.clone().into_value() {
        Value::List(list) => Ok(Slot::Value(Value::List(list.slice(range)))),
        Value::Bytes(bytes) => Ok(Slot::Value(Value::Bytes(bytes.map(|bytes| bytes.slice(range))))),
        _ => Err(Fault::ty(format!("a {} has no slices", object.type_name()))),
    }
}

/// Elements, or bytes of a text.
pub(super) fn length(slot: &Slot<'_>) -> Result<usize, Fault> {
    match slot.view() {
        View::Str(text) => Ok(text.len()),
        View::Node(node) => Ok(node.len()),
        View::Other(Value::List(list)) => Ok(list.len()),
        View::Other(Value::Bytes(bytes)) => Ok(bytes.as_ref().map_or(0, |bytes| bytes.len())),
        View::Other(Value::Map(map)) => Ok(map.len()),
        _ => Err(Fault::ty(format!("a {} has no length", slot.type_name()))),
    }
}

/// `needle in haystack`.
pub(super) fn contains(cx: &mut Cx<'_, '_>, needle: &Slot<'_>, haystack: &Slot<'_>) -> Result<bool, Fault> {
    if let Slot::Node(node) = haystack {
        match node.kind() {
            NodeKind::List => {
                for item in node.items() {
                    cx.step(1)?;
                    if compare::equal(cx, &Slot::Node(item), needle)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
            NodeKind::Map => {
                return match needle.view() {
                    View::Str(text) => Ok(node.get_bytes(text).is_some()),
                    View::Nil => Ok(node.get_bytes(b"").is_some()),
                    View::Other(Value::Host(host)) if host.is_nil() => Ok(node.get_bytes(b"").is_some()),
                    _ => Err(Fault::ty("the keys of this map are strings, so nothing else can be in it")),
                };
            }
            _ => {}
        }
    }
    match haystack.view() {
        View::Nil => Ok(false),
        View::Other(Value::List(list)) => in_list(cx, needle, list),
        View::Other(Value::Bytes(bytes)) => {
            for item in bytes.as_deref().unwrap_or_default() {
                cx.step(1)?;
                if compare::equal(cx, &byte(*item), needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        View::Other(Value::Map(map)) => {
            let key = to_key(needle)?;
            check_key(map, &key)?;
            let key = if matches!(key, Key::Nil) { zero_key(map) } else { key };
            Ok(map.get_key(&key).is_some())
        }
        View::Other(Value::Time(_)) if needle.as_text().is_some() => Ok(false),
        View::Other(Value::Host(host)) if host.is_nil() => Ok(false),
        View::Other(Value::Host(host)) if matches!(host.kind(), Kind::Struct | Kind::Ptr) => {
            let Some(name) = needle.to_str_value() else {
                return Err(Fault::ty(format!("a {} cannot be the name of a field", needle.type_name())));
            };
            Ok(host.fields().iter().any(|field| field.as_bytes() == name.as_bytes()))
        }
        _ => Err(Fault::ty(format!(
            "`in` looks into lists and maps, not into a {}; for part of a text there is `contains`",
            haystack.type_name()
        ))),
    }
}

fn in_list(cx: &mut Cx<'_, '_>, needle: &Slot<'_>, list: &List) -> Result<bool, Fault> {
    let Some(items) = list.as_slice() else {
        for item in list {
            cx.step(1)?;
            if compare::equal(cx, &Slot::Value(item), needle)? {
                return Ok(true);
            }
        }
        return Ok(false);
    };
    for item in items {
        cx.step(1)?;
        if compare::equal(cx, &Slot::Ref(item), needle)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `needle in` a set of constants, which upstream keeps as a map of one key type: other types fail, nil is the zero key.
pub(super) fn in_set(needle: &Slot<'_>, set: &Set) -> Result<bool, Fault> {
    match (set, needle.view()) {
        (Set::Strs(texts), View::Str(text)) => {
            // A handful of texts is faster to go through than to search.
            if texts.len() <= 8 {
                return Ok(texts.iter().any(|known| known.as_bytes() == text));
            }
            Ok(texts.binary_search_by(|known| known.as_bytes().cmp(text)).is_ok())
        }
        (Set::Strs(texts), View::Nil) => Ok(texts.iter().any(|known| known.is_empty())),
        (Set::Ints(numbers), View::Int(number, dodona_value::IntKind::Int)) => {
            Ok(numbers.binary_search(&number).is_ok())
        }
        (Set::Ints(numbers), View::Nil) => Ok(numbers.contains(&0)),
        (Set::Strs(_), _) => {
            Err(Fault::ty(format!("a {} cannot be in a list of strings", needle.type_name())))
        }
        (Set::Ints(_), _) => {
            Err(Fault::ty(format!("a {} cannot be in a list of integers", needle.type_name())))
        }
    }
}

/// What `get` finds: nil instead of a failure where the object or the element is missing.
pub(crate) fn get(object: &Value, key: &Value) -> Result<Value, Fault> {
    let found = match object {
        Value::Missing | Value::Nil => None,
        Value::List(_) | Value::Bytes(_) | Value::Str(_) => {
            let slot = Slot::Ref(object);
            let number = to_int(&view_value(key)).ok_or_else(|| {
                Fault::ty(format!("an index is a number, not a {}", Slot::Ref(key).type_name()))
            })?;
            match position_of(number, length(&slot)?) {
                Some(_) => Some(index(&slot, &Slot::Ref(key))?.into_value()),
                None => None,
            }
        }
        Value::Map(map) => {
            let key = to_key(&Slot::Ref(key))?;
            check_key(map, &key)?;
            map.get_key(&if matches!(key, Key::Nil) { zero_key(map) } else { key })
        }
        _ => match key {
            Value::Str(name) => field_of_value(object, &name.to_string_lossy()).map(Slot::into_value),
            _ if matches!(object.kind(), Kind::Struct | Kind::Ptr) && !super::slot::is_nil(object) => {
                return Err(Fault::ty(format!("a {} has no elements", Slot::Ref(object).type_name())));
            }
            _ => None,
        },
    };
    Ok(found.unwrap_or(Value::Nil))
}
