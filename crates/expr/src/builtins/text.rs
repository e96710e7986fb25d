//! Functions on texts. Texts are bytes, as in Go; only what counts or changes letters looks at characters.

use dodona_value::{List, Str, Value, letters};
use memchr::memmem;

use super::number;
use crate::vm::{Cx, Fault};

fn missing() -> Fault {
    Fault::call("too few arguments")
}

/// The text of argument `at`.
pub(super) fn text(args: &[Value], at: usize) -> Result<&Str, Fault> {
    let value = args.get(at).ok_or_else(missing)?;
    value.as_str().ok_or_else(|| super::wrong("a string", value))
}

/// A new text, charged to the budget.
pub(super) fn made(cx: &mut Cx<'_, '_>, bytes: Vec<u8>) -> Result<Value, Fault> {
    cx.memory(bytes.len())?;
    Ok(Value::Str(Str::from(bytes)))
}

/// The part `range` of a text, without copying it.
fn part(text: &Str, inner: &[u8]) -> Value {
    let start = inner.as_ptr().addr().saturating_sub(text.as_bytes().as_ptr().addr());
    Value::Str(text.slice(start..start + inner.len()))
}

/// One character of a text: its value, and its bytes. A byte that is no UTF-8 is a character of its own.
fn chars(text: &[u8]) -> impl Iterator<Item = (Option<char>, &[u8])> {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid();
        let good = valid
            .char_indices()
            .map(move |(at, c)| (Some(c), valid.as_bytes().get(at..at + c.len_utf8()).unwrap_or_default()));
        good.chain(chunk.invalid().chunks(1).map(|byte| (None, byte)))
    })
}

/// Bytes of the first character. Looks at no more than four of them.
fn first_char(text: &[u8]) -> usize {
    let is_char = |len: &usize| text.get(..*len).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    (1..=4).find(is_char).unwrap_or(1)
}

pub(super) fn trim(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let whole = text(args, 0)?;
    let is_cut: Box<dyn Fn(Option<char>) -> bool> = match args.len() {
        0 | 1 => Box::new(|c| c.is_some_and(char::is_whitespace)),
        _ => {
            let set: Vec<Option<char>> = chars(text(args, 1)?).map(|(c, _)| c).collect();
            Box::new(move |c| set.contains(&c))
        }
    };
    let all: Vec<_> = chars(whole).collect();
    let from = all.iter().take_while(|(c, _)| is_cut(*c)).count();
    let kept = all.get(from..).unwrap_or_default();
    let to = kept.iter().rev().skip_while(|(c, _)| is_cut(*c)).count();
    let start: usize = all.iter().take(from).map(|(_, bytes)| bytes.len()).sum();
    let len: usize = kept.iter().take(to).map(|(_, bytes)| bytes.len()).sum();
    Ok(Value::Str(whole.slice(start..start + len)))
}

/// The second argument, or a blank.
fn blank_or(args: &[Value]) -> Result<&[u8], Fault> {
    match args.len() {
        2 => Ok(text(args, 1)?.as_bytes()),
        _ => Ok(b" "),
    }
}

pub(super) fn trim_prefix(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let whole = text(args, 0)?;
    Ok(part(whole, whole.strip_prefix(blank_or(args)?).unwrap_or(whole)))
}

pub(super) fn trim_suffix(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let whole = text(args, 0)?;
    Ok(part(whole, whole.strip_suffix(blank_or(args)?).unwrap_or(whole)))
}

pub(super) fn upper(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    mapped(cx, text(args, 0)?, letters::to_upper)
}

pub(super) fn lower(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    mapped(cx, text(args, 0)?, letters::to_lower)
}

/// Go maps characters one by one.
fn mapped(cx: &mut Cx<'_, '_>, whole: &Str, map: impl Fn(char) -> char) -> Result<Value, Fault> {
    let mut out = Vec::with_capacity(whole.len());
    for (c, _) in chars(whole) {
        let c = map(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    made(cx, out)
}

pub(super) fn split(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    pieces(cx, args, false)
}

pub(super) fn split_after(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    pieces(cx, args, true)
}

/// The pieces of a text between separators, or each with the separator behind it.
fn pieces(cx: &mut Cx<'_, '_>, args: &[Value], keep: bool) -> Result<Value, Fault> {
    let (whole, separator) = (text(args, 0)?, text(args, 1)?);
    let most = match args.get(2) {
        None => usize::MAX,
        Some(most) => match number(most)? {
            // Go gives the nil slice when no pieces are wanted.
            0 => return Ok(Value::List(List::nil(dodona_value::GoType::Str))),
            most => usize::try_from(most).unwrap_or(usize::MAX),
        },
    };
    let finder = memmem::Finder::new(separator.as_bytes());
    let mut ends = Vec::new();
    if separator.is_empty() {
        let mut at = 0;
        for (_, bytes) in chars(whole) {
            at += bytes.len();
            if at < whole.len() && ends.len() + 1 < most {
                ends.push((at, at));
            }
        }
        if whole.is_empty() {
            return Ok(Value::List(List::of_texts(Vec::<Str>::new())));
        }
    } else {
        let mut at = 0;
        while ends.len() + 1 < most
            && let Some(found) = finder.find(whole.get(at..).unwrap_or_default())
        {
            let end = at + found + separator.len();
            ends.push((if keep { end } else { at + found }, end));
            at = end;
        }
    }
    cx.memory((ends.len() + 1) * size_of::<Value>())?;
    let mut start = 0;
    let mut out = Vec::with_capacity(ends.len() + 1);
    for (end, next) in ends {
        out.push(whole.slice(start..end));
        start = next;
    }
    out.push(whole.slice(start..whole.len()));
    Ok(Value::List(List::of_texts(out)))
}

/// Where `part` begins in `whole`.
fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    memmem::find(whole, part)
}

pub(super) fn replace(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let (whole, old, new) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let mut left = match args.get(3) {
        None => usize::MAX,
        Some(most) => usize::try_from(number(most)?).unwrap_or(usize::MAX),
    };
    let room = cx.budget().memory_left();
    let finder = memmem::Finder::new(old.as_bytes());
    let mut out = Vec::with_capacity(whole.len());
    let mut at = 0;
    let mut first = true;
    while left > 0 && out.len() <= room {
        let rest = whole.get(at..).unwrap_or_default();
        let skipped = if old.is_empty() {
            // Before every character, and at the end.
            match (first, rest.is_empty()) {
                (true, _) => 0,
                (false, false) => first_char(rest),
                (false, true) => break,
            }
        } else {
            let Some(found) = finder.find(rest) else { break };
            found
        };
        out.extend_from_slice(rest.get(..skipped).unwrap_or_default());
        out.extend_from_slice(new);
        at += skipped + old.len();
        first = false;
        left -= 1;
    }
    out.extend_from_slice(whole.get(at..).unwrap_or_default());
    made(cx, out)
}

pub(super) fn repeat(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let whole = text(args, 0)?;
    let times = number(args.get(1).ok_or_else(missing)?)?;
    let times = usize::try_from(times)
        .map_err(|_| Fault::call(format!("`repeat` takes a number from 0 on, not {times}")))?;
    if times > 1_000_000 {
        return Err(crate::vm::out_of_memory());
    }
    // The bytes are counted before they are made.
    cx.grow_bytes(whole.len().saturating_mul(times))?;
    Ok(Value::Str(Str::from(whole.as_bytes().repeat(times))))
}

pub(super) fn join(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let glue = match args.len() {
        2 => text(args, 1)?.clone(),
        _ => Str::EMPTY,
    };
    let list = match args.first() {
        Some(Value::List(list)) if super::is_any_or_text(list) => list,
        Some(other) => return Err(super::wrong("a list of strings", other)),
        None => return Err(missing()),
    };
    let room = cx.budget().memory_left();
    let mut out = Vec::new();
    for (position, item) in list.iter().enumerate() {
        let Value::Str(item) = &item else {
            return Err(Fault::ty(format!(
                "item {position} is a {}, `join` takes strings",
                super::name(&item)
            )));
        };
        if position > 0 {
            out.extend_from_slice(&glue);
        }
        out.extend_from_slice(item);
        if out.len() > room {
            break;
        }
    }
    made(cx, out)
}

#[expect(clippy::unnecessary_wraps, reason = "as the others")]
fn position(found: Option<usize>) -> Result<Value, Fault> {
    Ok(Value::int(found.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)))
}

pub(super) fn index_of(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    position(find(text(args, 0)?, text(args, 1)?))
}

pub(super) fn last_index_of(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let (whole, part) = (text(args, 0)?, text(args, 1)?);
    position(memmem::rfind(whole, part))
}

pub(super) fn has_prefix(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(text(args, 0)?.starts_with(text(args, 1)?)))
}

pub(super) fn has_suffix(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    Ok(Value::Bool(text(args, 0)?.ends_with(text(args, 1)?)))
}
