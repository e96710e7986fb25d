//! The functions that Go's text/template has built in. `slice` is missing: Sprig's replaces it.
#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the functions of a table have one signature, whether they need all of it or not"
)]

use dodona_value::{CallCx, CallError, Value, format};

use crate::function::{Args, FunctionDef, Param};
use crate::sprig::{build, made};
use crate::{call, compare, escape, index};

type Result<T> = std::result::Result<T, CallError>;

/// The builtin functions.
pub(crate) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "and",
        &[Param::Reflect],
        and,
        "The first argument that counts as false, or the last one. Later arguments are not evaluated.",
        &[("{{and 1 0 2}}", "0"), ("{{and true \"x\"}}", "x")],
    )
    .variadic(Param::Reflect),
    FunctionDef::new(
        "or",
        &[Param::Reflect],
        or,
        "The first argument that counts as true, or the last one. Later arguments are not evaluated.",
        &[("{{or 0 \"\" \"x\"}}", "x")],
    )
    .variadic(Param::Reflect),
    FunctionDef::new(
        "not",
        &[Param::Reflect],
        |_, args| Ok(Value::Bool(!args.get(0).truth())),
        "Whether the argument counts as false.",
        &[("{{not 0}}", "true")],
    ),
    FunctionDef::new(
        "call",
        &[Param::Reflect],
        |cx, mut args| {
            let callee = args.take(0);
            let mut values = args.rest(1).to_vec();
            call::call_value(cx, &callee, &mut values)
        },
        "Calls a function that is a value, such as `.repo.RepoURLToHTTPS`.",
        &[],
    )
    .variadic(Param::Reflect),
    FunctionDef::new(
        "index",
        &[Param::Reflect],
        |_, mut args| {
            let item = args.take(0);
            index::index(item, args.rest(1))
        },
        "An element of a list, map or text: `index x 1 2` is `x[1][2]`.",
        &[("{{index (list \"a\" \"b\") 1}}", "b"), ("{{index (dict \"k\" \"v\") \"k\"}}", "v")],
    )
    .variadic(Param::Reflect),
    FunctionDef::new(
        "len",
        &[Param::Reflect],
        |_, args| index::length(args.get(0)),
        "The number of elements, or of bytes of a text.",
        &[("{{len \"h\\u00e9\"}}", "3"), ("{{len (list 1 2)}}", "2")],
    ),
    FunctionDef::new(
        "print",
        &[],
        |cx, args| build(cx, |text| format::sprint(text, args.rest(0))),
        "The arguments as text, with blanks between two that are no texts.",
        &[("{{print 1 2 \"a\" \"b\"}}", "1 2ab")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "printf",
        &[Param::Str],
        |cx, args| build(cx, |text| format::sprintf(text, args.str(0), args.rest(1))),
        "The arguments as text by a format in the manner of C.",
        &[("{{printf \"%-5s|%05.2f|%q\" \"ab\" 3.14159 \"x\"}}", "ab   |03.14|\"x\"")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "println",
        &[],
        |cx, args| build(cx, |text| format::sprintln(text, args.rest(0))),
        "The arguments as text with blanks between them and a line break at the end.",
        &[("{{println 1 \"a\"}}", "1 a\n")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "html",
        &[],
        |cx, args| {
            let text = escape::joined(cx, args.rest(0))?;
            made(cx, escape::html(&text))
        },
        "The arguments as text with `<`, `>`, `&` and quotes escaped for HTML.",
        &[("{{html \"<a> & 'b'\"}}", "&lt;a&gt; &amp; &#39;b&#39;")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "js",
        &[],
        |cx, args| {
            let text = escape::joined(cx, args.rest(0))?;
            made(cx, escape::js(&text))
        },
        "The arguments as text escaped for a JavaScript string.",
        &[("{{js \"it's <b>\"}}", "it\\'s \\u003Cb\\u003E")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "urlquery",
        &[],
        |cx, args| {
            let text = escape::joined(cx, args.rest(0))?;
            made(cx, escape::query(&text))
        },
        "The arguments as text escaped for the query of a URL.",
        &[("{{urlquery \"a b&c\"}}", "a+b%26c")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "eq",
        &[Param::Reflect],
        |_, args| compare::equal_any(args.get(0), args.rest(1)).map(Value::Bool),
        "Whether the first argument equals one of the others. Integers and floats cannot be compared.",
        &[("{{eq 1 2 1}}", "true"), ("{{eq \"a\" \"b\"}}", "false")],
    )
    .variadic(Param::Reflect),
    FunctionDef::new(
        "ne",
        PAIR,
        |_, args| compare::equal_any(args.get(0), args.rest(1)).map(|equal| Value::Bool(!equal)),
        "Whether the arguments differ.",
        &[("{{ne 1 2}}", "true")],
    ),
    FunctionDef::new(
        "lt",
        PAIR,
        |_, args| compare::less(args.get(0), args.get(1)).map(Value::Bool),
        "Whether the first argument is less than the second.",
        &[("{{lt 1 2}}", "true")],
    ),
    FunctionDef::new(
        "le",
        PAIR,
        |_, args| compare::less_or_equal(args.get(0), args.get(1)).map(Value::Bool),
        "Whether the first argument is less than the second or equal to it.",
        &[("{{le 2 2}}", "true")],
    ),
    FunctionDef::new(
        "gt",
        PAIR,
        |_, args| compare::less_or_equal(args.get(0), args.get(1)).map(|less| Value::Bool(!less)),
        "Whether the first argument is greater than the second.",
        &[("{{gt 2 1}}", "true")],
    ),
    FunctionDef::new(
        "ge",
        PAIR,
        |_, args| compare::less(args.get(0), args.get(1)).map(|less| Value::Bool(!less)),
        "Whether the first argument is greater than the second or equal to it.",
        &[("{{ge 1 2}}", "false")],
    ),
];

const PAIR: &[Param] = &[Param::Reflect, Param::Reflect];

/// The machine decides `and` and `or` by jumps; these run where a function is needed as a value.
fn and(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    Ok(first_or_last(args.rest(0), false))
}

fn or(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    Ok(first_or_last(args.rest(0), true))
}

fn first_or_last(values: &[Value], truth: bool) -> Value {
    values.iter().find(|value| value.truth() == truth).or(values.last()).cloned().unwrap_or_default()
}
