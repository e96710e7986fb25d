//! Regular expressions in RE2 syntax.

use dodona_value::regex::{Regex, quote_meta};
use dodona_value::{CallCx, CallError, GoType, List, Str, Value};

use super::lists::texts_made;
use super::{charge_list, made};
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const TWO: &[Param] = &[Param::Str, Param::Str];
const THREE: &[Param] = &[Param::Str, Param::Str, Param::Str];
const LIMITED: &[Param] = &[Param::Str, Param::Str, Param::INT];

/// The functions of this family. Those with `must` are the same, but for `regexMatch`, which takes a wrong pattern for one that
/// does not match.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "regexMatch",
        TWO,
        |cx, args| match compile(cx, &args) {
            Ok(regex) => matches(cx, &regex, args.str(1)),
            Err(CallError::Failed(_)) => Ok(Value::Bool(false)),
            Err(limit) => Err(limit),
        },
        "Whether the pattern occurs in the text; false if the pattern is wrong.",
        &[("{{regexMatch \"^v[0-9]+$\" \"v12\"}}", "true")],
    ),
    FunctionDef::new(
        "mustRegexMatch",
        TWO,
        |cx, args| {
            let regex = compile(cx, &args)?;
            matches(cx, &regex, args.str(1))
        },
        "Whether the pattern occurs in the text.",
        &[("{{mustRegexMatch \"b+\" \"abb\"}}", "true")],
    ),
    FunctionDef::new(
        "regexFind",
        TWO,
        find,
        "The first match of the pattern; empty if there is none.",
        &[("{{regexFind \"[a-z][0-9]\" \"ab1c2\"}}", "b1")],
    ),
    FunctionDef::new(
        "mustRegexFind",
        TWO,
        find,
        "The same as `regexFind`.",
        &[("{{mustRegexFind \"[0-9]\" \"ab1c2\"}}", "1")],
    ),
    FunctionDef::new(
        "regexFindAll",
        LIMITED,
        find_all,
        "All matches of the pattern, at most that many; all with a negative number.",
        &[("{{regexFindAll \"[0-9]\" \"1a2b3\" 2}}", "[1 2]")],
    ),
    FunctionDef::new(
        "mustRegexFindAll",
        LIMITED,
        find_all,
        "The same as `regexFindAll`.",
        &[("{{mustRegexFindAll \"[0-9]\" \"1a2\" -1}}", "[1 2]")],
    ),
    FunctionDef::new(
        "regexReplaceAll",
        THREE,
        replace_all,
        "The text with every match replaced; `${1}` and `${name}` stand for groups.",
        &[("{{regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\"}}", "-W-xxW-")],
    ),
    FunctionDef::new(
        "mustRegexReplaceAll",
        THREE,
        replace_all,
        "The same as `regexReplaceAll`.",
        &[("{{mustRegexReplaceAll \"[0-9]\" \"a1b2\" \"\"}}", "ab")],
    ),
    FunctionDef::new(
        "regexReplaceAllLiteral",
        THREE,
        replace_literal,
        "The text with every match replaced by the last argument as it is.",
        &[("{{regexReplaceAllLiteral \"a(x*)b\" \"-axb-\" \"${1}\"}}", "-${1}-")],
    ),
    FunctionDef::new(
        "mustRegexReplaceAllLiteral",
        THREE,
        replace_literal,
        "The same as `regexReplaceAllLiteral`.",
        &[("{{mustRegexReplaceAllLiteral \"b\" \"abc\" \"$\"}}", "a$c")],
    ),
    FunctionDef::new(
        "regexSplit",
        LIMITED,
        split,
        "The parts of the text between matches, at most that many; all with a negative number.",
        &[("{{regexSplit \"z+\" \"pizza\" -1}}", "[pi a]")],
    ),
    FunctionDef::new(
        "mustRegexSplit",
        LIMITED,
        split,
        "The same as `regexSplit`.",
        &[("{{mustRegexSplit \",\" \"a,b,c\" 2}}", "[a b,c]")],
    ),
    FunctionDef::new(
        "regexQuoteMeta",
        &[Param::Str],
        |cx, args| made(cx, quote_meta(args.str(0))),
        "The text as a pattern that matches itself.",
        &[("{{regexQuoteMeta \"1.2.3\"}}", "1\\.2\\.3")],
    ),
];

fn compile(cx: &mut CallCx<'_>, args: &Args<'_>) -> Result<Regex> {
    let pattern = args.str(0);
    // Compiling takes some microseconds, and much more for long patterns with repeats.
    cx.budget.step(64 + pattern.len() as u64 * 16)?;
    cx.budget.memory(pattern.len().saturating_mul(64))?;
    let pattern = std::str::from_utf8(pattern).map_err(|_| CallError::new("invalid pattern: not UTF-8"))?;
    Regex::new(pattern).map_err(|error| CallError::new(error.to_string()))
}

/// Whether the pattern occurs, charged to the budget.
fn matches(cx: &mut CallCx<'_>, regex: &Regex, text: &[u8]) -> Result<Value> {
    cx.budget.step(regex.cost(text.len()))?;
    Ok(Value::Bool(regex.is_match(text)))
}

fn find(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.shared_str(1);
    let regex = compile(cx, &args)?;
    cx.budget.step(regex.cost(text.len()))?;
    let found = regex.find(&text);
    Ok(Value::Str(found.map_or(Str::EMPTY, |(start, end)| text.slice(start..end))))
}

fn find_all(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.shared_str(1);
    let limit = usize::try_from(args.int(2)).ok();
    charge_list(cx, text.len().min(limit.unwrap_or(usize::MAX)))?;
    let regex = compile(cx, &args)?;
    let found = if limit == Some(0) { Vec::new() } else { regex.find_all(&text, limit, cx.budget)? };
    if found.is_empty() {
        return Ok(Value::List(List::nil(GoType::Str)));
    }
    let mut room = 10;
    while room < found.len() {
        room *= 2;
    }
    Ok(texts_made(found.into_iter().map(|(start, end)| text.slice(start..end)), room))
}

fn replace_all(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let replaced = compile(cx, &args)?.replace_all(args.str(1), args.str(2), cx.budget)?;
    Ok(Value::Str(replaced.into()))
}

fn replace_literal(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let replaced = compile(cx, &args)?.replace_all_literal(args.str(1), args.str(2), cx.budget)?;
    Ok(Value::Str(replaced.into()))
}

fn split(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.str(1);
    let limit = usize::try_from(args.int(2)).ok();
    charge_list(cx, text.len().min(limit.unwrap_or(usize::MAX)))?;
    let regex = compile(cx, &args)?;
    if limit == Some(0) {
        return Ok(Value::List(List::nil(GoType::Str)));
    }
    let parts = regex.split(text, limit, cx.budget)?;
    let room = parts.len().saturating_sub(1) * 2;
    Ok(texts_made(parts, room))
}
