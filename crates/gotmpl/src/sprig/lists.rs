//! Lists. Whatever takes a list takes bytes as well, as a list of numbers.

use dodona_value::{CallCx, CallError, GoType, List, Str, UintKind, Value, compare, convert};

use super::{charge_list, count, defaults, shown, texts};
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const ANY: &[Param] = &[Param::Any];
const ANY2: &[Param] = &[Param::Any, Param::Any];

/// The functions of this family. Sprig has most of them twice: the `must` form reports an error where the plain one panics,
/// which a template cannot tell apart.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "list",
        &[],
        list,
        "A list of the arguments.",
        &[("{{list 1 \"a\" nil}}", "[1 a <nil>]")],
    )
    .variadic(Param::Any),
    FunctionDef::new("tuple", &[], list, "The old name of `list`.", &[("{{tuple 1 2}}", "[1 2]")])
        .variadic(Param::Any),
    FunctionDef::new(
        "first",
        ANY,
        first,
        "The first element; nil if there is none.",
        &[("{{first (list 1 2)}}", "1")],
    ),
    FunctionDef::new("mustFirst", ANY, first, "The same as `first`.", &[("{{mustFirst (list 1 2)}}", "1")]),
    FunctionDef::new(
        "last",
        ANY,
        last,
        "The last element; nil if there is none.",
        &[("{{last (list 1 2)}}", "2")],
    ),
    FunctionDef::new("mustLast", ANY, last, "The same as `last`.", &[("{{mustLast (list 1 2)}}", "2")]),
    FunctionDef::new("rest", ANY, rest, "All elements but the first.", &[("{{rest (list 1 2 3)}}", "[2 3]")]),
    FunctionDef::new("mustRest", ANY, rest, "The same as `rest`.", &[("{{mustRest (list 1 2)}}", "[2]")]),
    FunctionDef::new(
        "initial",
        ANY,
        initial,
        "All elements but the last.",
        &[("{{initial (list 1 2 3)}}", "[1 2]")],
    ),
    FunctionDef::new(
        "mustInitial",
        ANY,
        initial,
        "The same as `initial`.",
        &[("{{mustInitial (list 1 2)}}", "[1]")],
    ),
    FunctionDef::new(
        "append",
        ANY2,
        append,
        "The list with one more element at the end.",
        &[("{{append (list 1) 2}}", "[1 2]")],
    ),
    FunctionDef::new(
        "mustAppend",
        ANY2,
        append,
        "The same as `append`.",
        &[("{{mustAppend (list 1) 2}}", "[1 2]")],
    ),
    FunctionDef::new("push", ANY2, append, "The same as `append`.", &[("{{push (list 1) 2}}", "[1 2]")]),
    FunctionDef::new(
        "mustPush",
        ANY2,
        append,
        "The same as `append`.",
        &[("{{mustPush (list 1) 2}}", "[1 2]")],
    ),
    FunctionDef::new(
        "prepend",
        ANY2,
        prepend,
        "The list with one more element at the beginning.",
        &[("{{prepend (list 1) 2}}", "[2 1]")],
    ),
    FunctionDef::new(
        "mustPrepend",
        ANY2,
        prepend,
        "The same as `prepend`.",
        &[("{{mustPrepend (list 1) 2}}", "[2 1]")],
    ),
    FunctionDef::new(
        "concat",
        &[],
        concat,
        "The elements of all lists in one.",
        &[("{{concat (list 1) (list 2 3)}}", "[1 2 3]")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "reverse",
        ANY,
        reverse,
        "The elements from the last to the first.",
        &[("{{reverse (list 1 2 3)}}", "[3 2 1]")],
    ),
    FunctionDef::new(
        "mustReverse",
        ANY,
        reverse,
        "The same as `reverse`.",
        &[("{{mustReverse (list 1 2)}}", "[2 1]")],
    ),
    FunctionDef::new(
        "uniq",
        ANY,
        uniq,
        "Without elements that occurred before.",
        &[("{{uniq (list 1 2 1)}}", "[1 2]")],
    ),
    FunctionDef::new("mustUniq", ANY, uniq, "The same as `uniq`.", &[("{{mustUniq (list 1 1)}}", "[1]")]),
    FunctionDef::new(
        "compact",
        ANY,
        compact,
        "Without elements that are empty: 0, \"\", false, nil and the like.",
        &[("{{compact (list 0 1 \"\" \"a\")}}", "[1 a]")],
    ),
    FunctionDef::new(
        "mustCompact",
        ANY,
        compact,
        "The same as `compact`.",
        &[("{{mustCompact (list 0 1)}}", "[1]")],
    ),
    FunctionDef::new(
        "without",
        ANY,
        without,
        "Without the elements that equal one of the other arguments.",
        &[("{{without (list 1 2 3) 2}}", "[1 3]")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "mustWithout",
        ANY,
        without,
        "The same as `without`.",
        &[("{{mustWithout (list 1 2) 2}}", "[1]")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "has",
        ANY2,
        has,
        "Whether the list has an element of the same type and value.",
        &[("{{has 2 (list 1 2)}}", "true"), ("{{has \"2\" (list 1 2)}}", "false")],
    ),
    FunctionDef::new("mustHas", ANY2, has, "The same as `has`.", &[("{{mustHas 2 (list 1 2)}}", "true")]),
    FunctionDef::new(
        "slice",
        ANY,
        slice,
        "The elements from a position up to before another.",
        &[("{{slice (list 1 2 3 4) 1 3}}", "[2 3]"), ("{{slice (list 1 2 3) 1}}", "[2 3]")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "mustSlice",
        ANY,
        slice,
        "The same as `slice`.",
        &[("{{mustSlice (list 1 2 3) 1}}", "[2 3]")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "chunk",
        &[Param::INT, Param::Any],
        chunk,
        "The elements in lists of that many.",
        &[("{{chunk 2 (list 1 2 3)}}", "[[1 2] [3]]")],
    ),
    FunctionDef::new(
        "mustChunk",
        &[Param::INT, Param::Any],
        chunk,
        "The same as `chunk`.",
        &[("{{mustChunk 2 (list 1 2)}}", "[[1 2]]")],
    ),
    FunctionDef::new(
        "sortAlpha",
        ANY,
        sort_alpha,
        "The elements as texts, sorted.",
        &[("{{sortAlpha (list \"b\" \"a\" 1)}}", "[1 a b]")],
    ),
];

/// The elements of a list or of bytes.
fn items(cx: &mut CallCx<'_>, value: &Value) -> Result<Vec<Value>> {
    match value {
        Value::List(list) => {
            charge_list(cx, list.len())?;
            Ok(list.to_vec())
        }
        Value::Bytes(bytes) => {
            let bytes = bytes.clone().unwrap_or_default();
            charge_list(cx, bytes.len())?;
            Ok(bytes.iter().map(|byte| Value::Uint(u64::from(*byte), UintKind::Uint8)).collect())
        }
        other => Err(CallError::new(format!("a list is needed, not a value of kind {}", other.kind_name()))),
    }
}

/// How many elements a list has.
fn length(value: &Value) -> Result<usize> {
    match value {
        Value::List(list) => Ok(list.len()),
        Value::Bytes(bytes) => Ok(bytes.as_ref().map_or(0, |bytes| bytes.len())),
        other => Err(CallError::new(format!("a list is needed, not a value of kind {}", other.kind_name()))),
    }
}

fn element(value: &Value, index: usize) -> Value {
    match value {
        Value::List(list) => list.get(index).unwrap_or(Value::Nil),
        Value::Bytes(Some(bytes)) => {
            bytes.get(index).map_or(Value::Nil, |byte| Value::Uint(u64::from(*byte), UintKind::Uint8))
        }
        _ => Value::Nil,
    }
}

fn list(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    charge_list(cx, args.len())?;
    Ok(Value::list(args.rest(0).to_vec()))
}

fn first(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    length(args.get(0))?;
    Ok(element(args.get(0), 0))
}

fn last(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let length = length(args.get(0))?;
    Ok(length.checked_sub(1).map_or(Value::Nil, |index| element(args.get(0), index)))
}

fn rest(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(cx, args.get(0))?;
    Ok(some_or_nil(items.get(1..)))
}

fn initial(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(cx, args.get(0))?;
    Ok(some_or_nil(items.split_last().map(|(_, init)| init)))
}

/// What is left of a list, or the nil list that Sprig gives for an empty one.
fn some_or_nil(items: Option<&[Value]>) -> Value {
    items.map_or_else(|| Value::List(List::nil(GoType::Any)), |items| Value::list(items.to_vec()))
}

fn append(cx: &mut CallCx<'_>, mut args: Args<'_>) -> Result<Value> {
    let mut items = items(cx, args.get(0))?;
    // The list is copied first, and its copy has no room: Go doubles it.
    let room = items.len() * 2;
    items.push(args.take(1));
    Ok(Value::List(List::with_room(GoType::Any, items, room)))
}

fn prepend(cx: &mut CallCx<'_>, mut args: Args<'_>) -> Result<Value> {
    let mut items = items(cx, args.get(0))?;
    items.insert(0, args.take(1));
    Ok(Value::list(items))
}

fn concat(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut all = Vec::new();
    for list in args.rest(0) {
        all.append(&mut items(cx, list)?);
    }
    if all.is_empty() {
        return Ok(Value::List(List::nil(GoType::Any)));
    }
    Ok(Value::List(List::appended(GoType::Any, all)))
}

fn reverse(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut items = items(cx, args.get(0))?;
    items.reverse();
    Ok(Value::list(items))
}

/// Whether `list` has an element deeply equal to `item`.
fn in_list(cx: &mut CallCx<'_>, list: &[Value], item: &Value) -> Result<bool> {
    for other in list {
        if compare::deep_equal(item, other, cx.budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut unique = Vec::new();
    for item in items(cx, args.get(0))? {
        if !in_list(cx, &unique, &item)? {
            unique.push(item);
        }
    }
    Ok(Value::List(List::appended(GoType::Any, unique)))
}

fn compact(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut items = items(cx, args.get(0))?;
    items.retain(|item| !defaults::is_empty(item));
    Ok(Value::List(List::appended(GoType::Any, items)))
}

fn without(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let mut kept = Vec::new();
    for item in items(cx, args.get(0))? {
        if !in_list(cx, args.rest(1), &item)? {
            kept.push(item);
        }
    }
    Ok(Value::List(List::appended(GoType::Any, kept)))
}

fn has(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    if args.get(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    let items = items(cx, args.get(1))?;
    in_list(cx, &items, args.get(0)).map(Value::Bool)
}

fn slice(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let length = length(args.get(0))?;
    if length == 0 {
        return Ok(Value::Nil);
    }
    let start = args.rest(1).first().map_or(0, convert::to_i64);
    let end = args.rest(2).first().map_or_else(|| i64::try_from(length).unwrap_or(i64::MAX), convert::to_i64);
    let bad =
        || CallError::new(format!("positions {start} and {end} are outside of a list of {length} elements"));
    let range = count(start).map_err(|_| bad())?..count(end).map_err(|_| bad())?;
    match args.get(0) {
        Value::List(list) => {
            charge_list(cx, if range.end > length { list.capacity() } else { 0 })?;
            list.reslice(range).map(Value::List).ok_or_else(bad)
        }
        Value::Bytes(Some(bytes)) if range.start <= range.end && range.end <= length => {
            Ok(Value::Bytes(Some(bytes.slice(range))))
        }
        _ => Err(bad()),
    }
}

fn chunk(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let items = items(cx, args.get(1))?;
    let (size, count) = (args.int(0), i64::try_from(items.len()).unwrap_or(i64::MAX));
    let size = match usize::try_from(size) {
        Ok(size) if size > 0 => size,
        // Sprig counts one chunk for one element, and its size is what is left over of a negative number.
        Err(_) if count == 1 && size < -1 => 1,
        // It counts no chunks at all here, and fails only for other lengths.
        Err(_) if count > 1 && count - 1 <= size.saturating_neg() => {
            return Ok(Value::List(chunk_list(Vec::new())));
        }
        _ => return Err(CallError::new(format!("a chunk cannot have {size} elements"))),
    };
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(chunk_list(chunks)))
}

fn chunk_list(chunks: Vec<Value>) -> List {
    List::new(GoType::list(GoType::Any), chunks)
}

fn sort_alpha(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let value = args.get(0);
    if is_nil_texts(value) {
        return Ok(value.clone());
    }
    if let Value::List(list) = value {
        charge_list(cx, list.len())?;
        if let Some(sorted) = list.sort_in_place() {
            return Ok(Value::List(sorted));
        }
    }
    let mut sorted: Vec<Str> = match value {
        Value::List(_) | Value::Bytes(_) => texts(cx, value)?,
        other => vec![shown(cx, other)?],
    };
    sorted.sort();
    Ok(texts_made(sorted, 0))
}

/// A list of texts that was made here, with room for more.
pub(super) fn texts_made<T: Into<Str>>(texts: impl IntoIterator<Item = T>, room: usize) -> Value {
    let texts = texts.into_iter().map(|text| Value::Str(text.into())).collect();
    Value::List(List::own_texts(texts, room))
}

/// Whether this is the nil list of texts, as a search without a match gives it. It is handed on as it is.
pub(super) fn is_nil_texts(value: &Value) -> bool {
    matches!(value, Value::List(list) if list.is_nil() && list.element_type() == GoType::Str)
}
