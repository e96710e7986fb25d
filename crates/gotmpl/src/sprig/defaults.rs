//! Defaults, truth and JSON.

use dodona_value::{CallCx, CallError, Numbers, Text, Value, json};

use super::made;
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const ANY: &[Param] = &[Param::Any];
const TEXT: &[Param] = &[Param::Str];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "default",
        ANY,
        |_, mut args| Ok(args.take(usize::from(args.rest(1).first().is_some_and(|given| !is_empty(given))))),
        "The second argument, or the first if the second is empty: nil, 0, \"\", false or without elements.",
        &[("{{default \"foo\" \"\"}}", "foo"), ("{{\"bar\" | default \"foo\"}}", "bar")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "empty",
        ANY,
        |_, args| Ok(Value::Bool(is_empty(args.get(0)))),
        "Whether the argument is empty.",
        &[("{{empty 0}}", "true"), ("{{empty \"a\"}}", "false")],
    ),
    FunctionDef::new(
        "coalesce",
        &[],
        |_, args| Ok(args.rest(0).iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil)),
        "The first argument that is not empty; nil if there is none.",
        &[("{{coalesce 0 \"\" \"a\" \"b\"}}", "a")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "all",
        &[],
        |_, args| Ok(Value::Bool(!args.rest(0).iter().any(is_empty))),
        "Whether no argument is empty.",
        &[("{{all 1 \"a\"}}", "true"), ("{{all 0 \"a\"}}", "false")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "any",
        &[],
        |_, args| Ok(Value::Bool(!args.rest(0).iter().all(is_empty))),
        "Whether some argument is not empty.",
        &[("{{any 0 \"a\"}}", "true")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "ternary",
        &[Param::Any, Param::Any, Param::Bool],
        |_, mut args| Ok(args.take(usize::from(!args.bool(2)))),
        "The first argument if the last one is true, else the second.",
        &[("{{ternary \"yes\" \"no\" true}}", "yes"), ("{{eq 1 2 | ternary \"yes\" \"no\"}}", "no")],
    ),
    FunctionDef::new(
        "fail",
        TEXT,
        |_, args| Err(CallError::new(args.text(0))),
        "Ends the rendering with the message.",
        &[],
    ),
    FunctionDef::new(
        "fromJson",
        TEXT,
        |cx, args| Ok(read(cx, args.str(0)).unwrap_or(Value::Nil)),
        "The value of a JSON text, with every number a float; nil if it is no JSON.",
        &[("{{(fromJson \"{\\\"a\\\":[1,2]}\").a}}", "[1 2]")],
    ),
    FunctionDef::new(
        "mustFromJson",
        TEXT,
        |cx, args| read(cx, args.str(0)),
        "The value of a JSON text; an error if it is no JSON.",
        &[("{{mustFromJson \"true\"}}", "true")],
    ),
    FunctionDef::new(
        "toJson",
        ANY,
        |cx, args| lenient(cx, &args, json::Style::COMPACT),
        "The value as JSON; empty if it cannot be written.",
        &[("{{toJson (dict \"b\" 1 \"a\" \"<\")}}", "{\"a\":\"\\u003c\",\"b\":1}")],
    ),
    FunctionDef::new(
        "mustToJson",
        ANY,
        |cx, args| write(cx, &args, json::Style::COMPACT),
        "The value as JSON; an error if it cannot be written.",
        &[("{{mustToJson (list 1 nil)}}", "[1,null]")],
    ),
    FunctionDef::new(
        "toPrettyJson",
        ANY,
        |cx, args| lenient(cx, &args, json::Style::PRETTY),
        "The value as indented JSON; empty if it cannot be written.",
        &[("{{toPrettyJson (list 1)}}", "[\n  1\n]")],
    ),
    FunctionDef::new(
        "mustToPrettyJson",
        ANY,
        |cx, args| write(cx, &args, json::Style::PRETTY),
        "The value as indented JSON; an error if it cannot be written.",
        &[("{{mustToPrettyJson (list 1)}}", "[\n  1\n]")],
    ),
    FunctionDef::new(
        "toRawJson",
        ANY,
        |cx, args| write(cx, &args, json::Style::RAW),
        "The value as JSON with `<`, `>` and `&` as they are.",
        &[("{{toRawJson \"<a>\"}}", "\"<a>\"")],
    ),
    FunctionDef::new(
        "mustToRawJson",
        ANY,
        |cx, args| write(cx, &args, json::Style::RAW),
        "The same as `toRawJson`.",
        &[("{{mustToRawJson \"<a>\"}}", "\"<a>\"")],
    ),
];

/// Whether Sprig takes a value for empty. As the truth of `if`, but that structs are never empty.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.truth()
}

fn read(cx: &mut CallCx<'_>, text: &[u8]) -> Result<Value> {
    // A value costs many times the byte or two that it may have in the text.
    cx.budget.memory(text.len().saturating_mul(16))?;
    json::read(text, Numbers::Float).map_err(|error| CallError::new(error.to_string()))
}

fn write(cx: &mut CallCx<'_>, args: &Args<'_>, style: json::Style) -> Result<Value> {
    let mut text = Text::new(super::text_limit(cx));
    json::write(&mut text, args.get(0), style).map_err(|error| CallError::new(error.to_string()))?;
    let bytes = text.finish()?;
    made(cx, bytes)
}

fn lenient(cx: &mut CallCx<'_>, args: &Args<'_>, style: json::Style) -> Result<Value> {
    match write(cx, args, style) {
        Err(CallError::Failed(_)) => Ok(Value::text("")),
        other => other,
    }
}
