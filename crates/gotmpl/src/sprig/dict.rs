//! Dictionaries: maps from texts to anything. They are shared: `set`, `unset` and `merge` change the one they are given.

use dodona_value::{CallCx, CallError, GoType, Key, List, Map, Str, Value};

use super::{charge_list, defaults, lists, merge, shown};
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const DICT: &[Param] = &[Param::Dict];
const DICT_KEY: &[Param] = &[Param::Dict, Param::Str];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "dict",
        &[],
        dict,
        "A dictionary of keys and values in turn; the last value may be missing.",
        &[("{{dict \"a\" 1 \"b\" 2}}", "map[a:1 b:2]")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "get",
        DICT_KEY,
        |_, args| Ok(args.dict(0).get(args.str(1)).unwrap_or(Value::text(""))),
        "The value of a key; an empty text if there is no such key.",
        &[("{{get (dict \"a\" 1) \"a\"}}", "1")],
    ),
    FunctionDef::new(
        "set",
        &[Param::Dict, Param::Str, Param::Any],
        set,
        "Sets the value of a key, and returns the dictionary.",
        &[("{{$d := dict}}{{$_ := set $d \"a\" 1}}{{$d}}", "map[a:1]")],
    ),
    FunctionDef::new(
        "unset",
        DICT_KEY,
        |_, mut args| {
            args.dict(0).remove(&Key::Str(args.shared_str(1)));
            Ok(args.take(0))
        },
        "Removes a key, and returns the dictionary.",
        &[("{{unset (dict \"a\" 1 \"b\" 2) \"a\"}}", "map[b:2]")],
    ),
    FunctionDef::new(
        "hasKey",
        DICT_KEY,
        |_, args| Ok(Value::Bool(args.dict(0).contains(args.str(1)))),
        "Whether there is such a key.",
        &[("{{hasKey (dict \"a\" nil) \"a\"}}", "true")],
    ),
    FunctionDef::new(
        "pluck",
        &[Param::Str],
        |cx, args| {
            charge_list(cx, args.len())?;
            let dicts = args.rest(1).iter().filter_map(Value::as_map);
            let values = dicts.filter_map(|dict| dict.get(args.str(0))).collect();
            Ok(Value::List(List::appended(GoType::Any, values)))
        },
        "The values of a key in several dictionaries.",
        &[("{{pluck \"a\" (dict \"a\" 1) (dict \"b\" 2) (dict \"a\" 3)}}", "[1 3]")],
    )
    .variadic(Param::Dict),
    FunctionDef::new(
        "keys",
        &[],
        keys,
        "The keys of all dictionaries; sorted within each, while Sprig gives them in no order.",
        &[("{{keys (dict \"b\" 1 \"a\" 2)}}", "[a b]")],
    )
    .variadic(Param::Dict),
    FunctionDef::new(
        "values",
        DICT,
        |cx, args| {
            charge_list(cx, args.dict(0).len())?;
            let values = args.dict(0).entries().into_iter().map(|(_, value)| value).collect();
            Ok(Value::List(List::appended(GoType::Any, values)))
        },
        "The values in the order of their keys, while Sprig gives them in no order.",
        &[("{{values (dict \"b\" 1 \"a\" 2)}}", "[2 1]")],
    ),
    FunctionDef::new(
        "pick",
        DICT,
        |cx, args| {
            charge_list(cx, args.len())?;
            let dict = args.dict(0);
            let keys = args.rest(1).iter().filter_map(Value::as_str);
            let pairs = keys.filter_map(|key| Some((key.clone(), dict.get(key)?)));
            Ok(Value::Map(Map::of(GoType::Any, pairs)))
        },
        "A new dictionary with these keys only.",
        &[("{{pick (dict \"a\" 1 \"b\" 2) \"a\"}}", "map[a:1]")],
    )
    .variadic(Param::Str),
    FunctionDef::new(
        "omit",
        DICT,
        omit,
        "A new dictionary without these keys.",
        &[("{{omit (dict \"a\" 1 \"b\" 2) \"a\"}}", "map[b:2]")],
    )
    .variadic(Param::Str),
    FunctionDef::new(
        "merge",
        DICT,
        |cx, args| merge::merge(cx, &args, false),
        "Adds to the first dictionary what it does not have and the others have, at every depth.",
        &[("{{merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3)}}", "map[a:1 b:3]")],
    )
    .variadic(Param::Dict),
    FunctionDef::new(
        "mustMerge",
        DICT,
        |cx, args| merge::merge(cx, &args, false),
        "The same as `merge`.",
        &[("{{mustMerge (dict \"a\" 1) (dict \"b\" 2)}}", "map[a:1 b:2]")],
    )
    .variadic(Param::Dict),
    FunctionDef::new(
        "mergeOverwrite",
        DICT,
        |cx, args| merge::merge(cx, &args, true),
        "As `merge`, but what the later dictionaries have wins.",
        &[("{{mergeOverwrite (dict \"a\" 1) (dict \"a\" 2 \"b\" 3)}}", "map[a:2 b:3]")],
    )
    .variadic(Param::Dict),
    FunctionDef::new(
        "mustMergeOverwrite",
        DICT,
        |cx, args| merge::merge(cx, &args, true),
        "The same as `mergeOverwrite`.",
        &[("{{mustMergeOverwrite (dict \"a\" 1) (dict \"a\" 2)}}", "map[a:2]")],
    )
    .variadic(Param::Dict),
    FunctionDef::new(
        "dig",
        &[],
        dig,
        "The value at the end of a path of keys in the last argument; the one before it if a key is missing.",
        &[
            ("{{dig \"a\" \"b\" \"none\" (dict \"a\" (dict \"b\" 1))}}", "1"),
            ("{{dig \"x\" \"none\" dict}}", "none"),
        ],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "deepCopy",
        &[Param::Any],
        |cx, args| merge::copy(cx, args.get(0)),
        "A copy that shares nothing with the original.",
        &[("{{$a := dict \"k\" 1}}{{$b := deepCopy $a}}{{$_ := set $b \"k\" 2}}{{$a}}", "map[k:1]")],
    ),
    FunctionDef::new(
        "mustDeepCopy",
        &[Param::Any],
        |cx, args| merge::copy(cx, args.get(0)),
        "The same as `deepCopy`.",
        &[("{{mustDeepCopy (list 1)}}", "[1]")],
    ),
];

fn dict(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    charge_list(cx, args.len())?;
    let mut pairs = Vec::with_capacity(args.len() / 2 + 1);
    for pair in args.rest(0).chunks(2) {
        if let [key, rest @ ..] = pair {
            pairs.push((shown(cx, key)?, rest.first().cloned().unwrap_or(Value::text(""))));
        }
    }
    Ok(Value::Map(Map::of(GoType::Any, pairs)))
}

fn set(cx: &mut CallCx<'_>, mut args: Args<'_>) -> Result<Value> {
    charge_list(cx, 2)?;
    let value = args.take(2);
    args.dict(0).set(args.shared_str(1), value)?;
    Ok(args.take(0))
}

fn keys(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut keys = Vec::new();
    for dict in args.rest(0).iter().filter_map(Value::as_map) {
        charge_list(cx, dict.len())?;
        keys.extend(dict.keys().into_iter().filter_map(|key| match key {
            Key::Str(text) => Some(text),
            _ => None,
        }));
    }
    let room = List::room(keys.len());
    Ok(lists::texts_made(keys, room))
}

fn omit(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let dict = args.dict(0);
    charge_list(cx, dict.len())?;
    let left_out: std::collections::BTreeSet<&Str> = args.rest(1).iter().filter_map(Value::as_str).collect();
    let pairs = dict.entries().into_iter().filter_map(|(key, value)| match key {
        Key::Str(key) if !left_out.contains(&key) => Some((key, value)),
        _ => None,
    });
    Ok(Value::Map(Map::of(GoType::Any, pairs)))
}

fn dig(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let [keys @ .., default, start] = args.rest(0) else {
        return Err("dig needs at least three arguments".into());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let texts: Option<Vec<&Str>> = keys.iter().map(Value::as_str).collect();
    let texts = texts.ok_or("every key of dig must be a text")?;
    let mut value = start.clone();
    for key in texts {
        let Value::Map(map) = &value else { return Err(not_a_dict(&value)) };
        if map.key_type() != GoType::Str || map.element_type() != GoType::Any {
            return Err(not_a_dict(&value));
        }
        match map.get(key) {
            Some(next) => value = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(value)
}

fn not_a_dict(value: &Value) -> CallError {
    CallError::new(format!("a dictionary is needed, not a value of type {}", value.type_name()))
}

/// Whether a value counts as empty when dictionaries are merged.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Time(_) | Value::Host(_) => false,
        other => defaults::is_empty(other),
    }
}
