//! Texts: trimming, cutting, joining, quoting, searching. What looks at words is in `words`.

use dodona_value::{CallCx, CallError, GoType, Map, Str, Value, format, strconv};

use super::lists::{is_nil_texts, texts_made};
use super::{build, charge_list, count, made, runes, shown, texts, words};
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const TEXT: &[Param] = &[Param::Str];
const TEXTS: &[Param] = &[Param::Str, Param::Str];
const NUMBER_TEXT: &[Param] = &[Param::INT, Param::Str];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "hello",
        &[],
        |_, _| Ok(Value::text("Hello!")),
        "Says hello.",
        &[("{{hello}}", "Hello!")],
    ),
    FunctionDef::new(
        "trim",
        TEXT,
        |cx, args| made(cx, runes::trim(args.str(0))),
        "Without blanks and line breaks at both ends.",
        &[("[{{trim \"  a b \\n\"}}]", "[a b]")],
    ),
    FunctionDef::new(
        "trimAll",
        TEXTS,
        trim_all,
        "Without the given characters at both ends of the last argument.",
        &[("{{trimAll \"$\" \"$5.00$\"}}", "5.00")],
    ),
    FunctionDef::new(
        "trimall",
        TEXTS,
        trim_all,
        "The old name of `trimAll`.",
        &[("{{trimall \"-\" \"--a--\"}}", "a")],
    ),
    FunctionDef::new(
        "trimSuffix",
        TEXTS,
        |_, args| {
            let text = args.shared_str(1);
            let length = text.strip_suffix(args.str(0)).map_or(text.len(), <[u8]>::len);
            Ok(Value::Str(text.slice(0..length)))
        },
        "The last argument without the first one at its end.",
        &[("{{trimSuffix \".git\" \"repo.git\"}}", "repo")],
    ),
    FunctionDef::new(
        "trimPrefix",
        TEXTS,
        |_, args| {
            let text = args.shared_str(1);
            let length = text.strip_prefix(args.str(0)).map_or(text.len(), <[u8]>::len);
            Ok(Value::Str(text.slice(text.len() - length..text.len())))
        },
        "The last argument without the first one at its beginning.",
        &[("{{trimPrefix \"v\" \"v1.2\"}}", "1.2")],
    ),
    FunctionDef::new(
        "upper",
        TEXT,
        |cx, args| made(cx, runes::upper(args.str(0))),
        "In upper case, letter by letter.",
        &[("{{upper \"h\\u00e9\"}}", "HÉ")],
    ),
    FunctionDef::new(
        "lower",
        TEXT,
        |cx, args| made(cx, runes::lower(args.str(0))),
        "In lower case, letter by letter.",
        &[("{{lower \"ABC\"}}", "abc")],
    ),
    FunctionDef::new(
        "title",
        TEXT,
        |cx, args| made(cx, words::title(args.str(0))),
        "With the first letter of every word in upper case.",
        &[("{{title \"hello big-world\"}}", "Hello Big-World")],
    ),
    FunctionDef::new(
        "untitle",
        TEXT,
        |cx, args| made(cx, words::untitle(args.str(0))),
        "With the first letter of every word in lower case.",
        &[("{{untitle \"Hello World\"}}", "hello world")],
    ),
    FunctionDef::new(
        "swapcase",
        TEXT,
        |cx, args| made(cx, words::swap_case(args.str(0))),
        "Upper case to lower case and the other way round; small letters that begin a word become title case.",
        &[("{{swapcase \"This Is\"}}", "tHIS iS")],
    ),
    FunctionDef::new(
        "snakecase",
        TEXT,
        |cx, args| made(cx, words::connect(args.str(0), '_')),
        "As small words joined by `_`.",
        &[("{{snakecase \"FirstName\"}}", "first_name"), ("{{snakecase \"HTTP20xOK\"}}", "http_20x_ok")],
    ),
    FunctionDef::new(
        "kebabcase",
        TEXT,
        |cx, args| made(cx, words::connect(args.str(0), '-')),
        "As small words joined by `-`.",
        &[("{{kebabcase \"FirstName\"}}", "first-name")],
    ),
    FunctionDef::new(
        "camelcase",
        TEXT,
        |cx, args| made(cx, words::pascal_case(args.str(0))),
        "As words that begin with a capital, without anything between them.",
        &[("{{camelcase \"http_server\"}}", "HttpServer")],
    ),
    FunctionDef::new(
        "initials",
        TEXT,
        |cx, args| made(cx, words::initials(args.str(0))),
        "The first letters of the words.",
        &[("{{initials \"First Try\"}}", "FT")],
    ),
    FunctionDef::new(
        "nospace",
        TEXT,
        |cx, args| made(cx, words::no_space(args.str(0))),
        "Without any blanks. A text that is not ASCII and has blanks is broken by it, as in Sprig.",
        &[("{{nospace \"h e l l o\"}}", "hello")],
    ),
    FunctionDef::new(
        "abbrev",
        NUMBER_TEXT,
        |cx, args| match count(args.int(0)) {
            Ok(width @ 4..) => made(cx, words::abbreviate(args.str(1), 0, width)),
            _ => Ok(args.get(1).clone()),
        },
        "At most that many bytes, the last three of them dots if something was cut off.",
        &[("{{abbrev 5 \"hello world\"}}", "he...")],
    ),
    FunctionDef::new(
        "abbrevboth",
        &[Param::INT, Param::INT, Param::Str],
        |cx, args| {
            let (left, width) = (args.int(0), args.int(1));
            if width < 4 || left > 0 && width < 7 {
                return Ok(args.get(2).clone());
            }
            made(cx, words::abbreviate(args.str(2), usize::try_from(left).unwrap_or(0), count(width)?))
        },
        "At most that many bytes from a position on, with dots where something was cut off.",
        &[("{{abbrevboth 5 10 \"1234 5678 9123\"}}", "...5678...")],
    ),
    FunctionDef::new(
        "wrap",
        NUMBER_TEXT,
        |cx, args| {
            made(cx, words::wrap(args.str(1), usize::try_from(args.int(0)).unwrap_or(0), b"\n", false))
        },
        "Broken at blanks into lines of at most that many bytes; longer words stay whole.",
        &[("{{wrap 5 \"aaa bbb ccccccc\"}}", "aaa\nbbb\nccccccc")],
    ),
    FunctionDef::new(
        "wrapWith",
        &[Param::INT, Param::Str, Param::Str],
        |cx, args| {
            let width = usize::try_from(args.int(0)).unwrap_or(0);
            let (text, line_break) = (args.str(2), args.str(1));
            cx.budget.memory((text.len() / width.max(1)).saturating_mul(line_break.len()))?;
            made(cx, words::wrap(text, width, line_break, true))
        },
        "As `wrap`, with another text for the line break; longer words are cut.",
        &[("{{wrapWith 3 \"|\" \"abcdef gh\"}}", "abc|def|gh")],
    ),
    FunctionDef::new(
        "repeat",
        NUMBER_TEXT,
        |cx, args| {
            let (times, text) = (count(args.int(0))?, args.str(1));
            cx.budget.memory(times.saturating_mul(text.len()))?;
            Ok(Value::Str(Str::from(text.repeat(times))))
        },
        "The text that many times.",
        &[("{{repeat 3 \"ab\"}}", "ababab")],
    ),
    FunctionDef::new(
        "substr",
        &[Param::INT, Param::INT, Param::Str],
        substr,
        "The bytes from a position up to before another; a negative end means the end of the text.",
        &[("{{substr 0 5 \"hello world\"}}", "hello"), ("{{substr 6 -1 \"hello world\"}}", "world")],
    ),
    FunctionDef::new(
        "trunc",
        NUMBER_TEXT,
        trunc,
        "The first bytes of a text, or the last ones with a negative number.",
        &[("{{trunc 5 \"hello world\"}}", "hello"), ("{{trunc -5 \"hello world\"}}", "world")],
    ),
    FunctionDef::new(
        "contains",
        TEXTS,
        |_, args| Ok(Value::Bool(position(args.str(1), args.str(0)).is_some())),
        "Whether the last argument contains the first.",
        &[("{{contains \"ell\" \"hello\"}}", "true")],
    ),
    FunctionDef::new(
        "hasPrefix",
        TEXTS,
        |_, args| Ok(Value::Bool(args.str(1).starts_with(args.str(0)))),
        "Whether the last argument begins with the first.",
        &[("{{hasPrefix \"he\" \"hello\"}}", "true")],
    ),
    FunctionDef::new(
        "hasSuffix",
        TEXTS,
        |_, args| Ok(Value::Bool(args.str(1).ends_with(args.str(0)))),
        "Whether the last argument ends with the first.",
        &[("{{hasSuffix \"lo\" \"hello\"}}", "true")],
    ),
    FunctionDef::new(
        "quote",
        &[],
        |cx, args| joined(cx, args.rest(0), |cx, value| Ok(Str::from(strconv::quote(&shown(cx, value)?)))),
        "Every argument in double quotes with escapes, joined by blanks; nil is left out.",
        &[("{{quote \"a\\\"b\" 1}}", "\"a\\\"b\" \"1\"")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "squote",
        &[],
        |cx, args| {
            joined(cx, args.rest(0), |cx, value| {
                let text = build(cx, |text| {
                    text.push(b"'");
                    format::value(text, value);
                    text.push(b"'");
                })?;
                Ok(text.as_str().cloned().unwrap_or_default())
            })
        },
        "Every argument in single quotes, joined by blanks; nil is left out.",
        &[("{{squote \"a\" 1}}", "'a' '1'")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "cat",
        &[],
        |cx, args| {
            build(cx, |text| {
                for (index, value) in args.rest(0).iter().filter(|value| !value.is_nil()).enumerate() {
                    text.push(if index > 0 { b" " } else { b"" });
                    format::value(text, value);
                }
            })
        },
        "The arguments as text, joined by blanks; nil is left out.",
        &[("{{cat \"a\" 1 true}}", "a 1 true")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "indent",
        NUMBER_TEXT,
        |cx, args| indent(cx, &args, b""),
        "Every line indented by that many blanks.",
        &[("{{indent 2 \"a\\nb\"}}", "  a\n  b")],
    ),
    FunctionDef::new(
        "nindent",
        NUMBER_TEXT,
        |cx, args| indent(cx, &args, b"\n"),
        "As `indent`, on a new line.",
        &[("{{nindent 2 \"a\\nb\"}}", "\n  a\n  b")],
    ),
    FunctionDef::new(
        "replace",
        &[Param::Str, Param::Str, Param::Str],
        |cx, args| replace(cx, args.str(2), args.str(0), args.str(1)),
        "The last argument with the second in place of the first.",
        &[("{{replace \"-\" \"_\" \"a-b-c\"}}", "a_b_c")],
    ),
    FunctionDef::new(
        "plural",
        &[Param::Str, Param::Str, Param::INT],
        |_, mut args| Ok(args.take(usize::from(args.int(2) != 1))),
        "The first text for 1, the second for any other number.",
        &[("{{plural \"one pod\" \"many pods\" 3}}", "many pods")],
    ),
    FunctionDef::new(
        "join",
        &[Param::Str, Param::Any],
        |cx, args| {
            let parts = texts(cx, args.get(1))?;
            let length: usize = parts.iter().map(|part| part.len()).sum();
            let between = args.str(0);
            cx.budget.memory(length.saturating_add(between.len().saturating_mul(parts.len())))?;
            Ok(Value::Str(Str::from(parts.join(between))))
        },
        "The elements of a list as text, with the first argument between them.",
        &[("{{join \", \" (list \"a\" 1 nil \"b\")}}", "a, 1, b")],
    ),
    FunctionDef::new(
        "splitList",
        TEXTS,
        |cx, args| {
            let parts = split(cx, &args.shared_str(1), args.str(0), -1)?;
            Ok(texts_made(parts, 0))
        },
        "The parts of the last argument between occurrences of the first, as a list.",
        &[("{{splitList \"/\" \"a/b\" | last}}", "b")],
    ),
    FunctionDef::new(
        "split",
        TEXTS,
        |cx, args| {
            let parts = split(cx, &args.shared_str(1), args.str(0), -1)?;
            Ok(numbered(parts))
        },
        "The parts of the last argument between occurrences of the first, under the keys `_0`, `_1` and so on.",
        &[("{{(split \"/\" \"a/b\")._1}}", "b")],
    ),
    FunctionDef::new(
        "splitn",
        &[Param::Str, Param::INT, Param::Str],
        |cx, args| {
            let parts = split(cx, &args.shared_str(2), args.str(0), args.int(1))?;
            Ok(numbered(parts))
        },
        "As `split`, into at most that many parts.",
        &[("{{(splitn \"/\" 2 \"a/b/c\")._1}}", "b/c")],
    ),
    FunctionDef::new(
        "toString",
        &[Param::Any],
        |cx, args| Ok(Value::Str(shown(cx, args.get(0))?)),
        "The value as text; bytes become the text that they are.",
        &[("{{toString 12}}", "12")],
    ),
    FunctionDef::new(
        "toStrings",
        &[Param::Any],
        |cx, args| match args.get(0) {
            nil if is_nil_texts(nil) => Ok(nil.clone()),
            list => Ok(texts_made(texts(cx, list)?, 0)),
        },
        "The elements of a list as texts.",
        &[("{{toStrings (list 1 true) | join \"-\"}}", "1-true")],
    ),
];

fn trim_all(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let set: Vec<char> = runes::runes(args.str(0)).collect();
    let text = args.str(1);
    cx.budget.step((set.len() as u64).saturating_mul(text.len() as u64) >> 8)?;
    let drop = |c: char| set.contains(&c);
    made(cx, runes::trim_end(runes::trim_start(text, drop), drop))
}

fn substr(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let (start, end, text) = (args.int(0), args.int(1), args.shared_str(2));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let range = match (start < 0, end < 0 || end > length) {
        (true, _) => 0..end,
        (false, true) => start..length,
        (false, false) => start..end,
    };
    if range.start > range.end || range.end > length {
        return Err(CallError::new(format!(
            "positions {start} and {end} are outside of a text of {length} bytes"
        )));
    }
    Ok(Value::Str(text.slice(count(range.start)?..count(range.end)?)))
}

fn trunc(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let (length, text) = (args.int(0), args.shared_str(1));
    let total = text.len();
    let size = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(Value::Str(match length < 0 {
        _ if size >= total => text,
        true => text.slice(total - size..total),
        false => text.slice(0..size),
    }))
}

fn indent(cx: &mut CallCx<'_>, args: &Args<'_>, before: &[u8]) -> Result<Value> {
    let (blanks, text) = (count(args.int(0))?, args.str(1));
    let lines = 1 + memchr::memchr_iter(b'\n', text).count();
    if blanks.saturating_mul(lines) > cx.budget.memory_left() {
        cx.budget.memory(usize::MAX)?;
    }
    build(cx, |out| {
        out.push(before);
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if out.is_full() {
                return;
            }
            out.push(if index > 0 { b"\n" } else { b"" });
            out.fill(b' ', blanks);
            out.push(line);
        }
    })
}

/// All arguments but nil, each made a text by `show`, joined by blanks.
fn joined(
    cx: &mut CallCx<'_>,
    values: &[Value],
    show: impl Fn(&mut CallCx<'_>, &Value) -> Result<Str>,
) -> Result<Value> {
    let mut out = Vec::new();
    for (index, value) in values.iter().filter(|value| !value.is_nil()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        let text = show(cx, value)?;
        out.extend_from_slice(&text);
    }
    made(cx, out)
}

/// The position of `needle`, if it occurs.
fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, needle)
}

/// `strings.ReplaceAll`: an empty `old` matches before every character and at the end.
pub(super) fn replace(cx: &mut CallCx<'_>, text: &[u8], old: &[u8], new: &[u8]) -> Result<Value> {
    build(cx, |out| {
        let mut rest = text;
        if old.is_empty() {
            while let Some((_, length)) = runes::first(rest) {
                out.push(new);
                out.push(rest.get(..length).unwrap_or_default());
                rest = rest.get(length..).unwrap_or_default();
                if out.is_full() {
                    return;
                }
            }
            out.push(new);
            return;
        }
        while let Some(at) = position(rest, old) {
            out.push(rest.get(..at).unwrap_or_default());
            out.push(new);
            rest = rest.get(at + old.len()..).unwrap_or_default();
            if out.is_full() {
                return;
            }
        }
        out.push(rest);
    })
}

/// `strings.SplitN`: at most `limit` parts, all of them if it is negative, none if it is 0. Between characters if the
/// separator is empty.
pub(super) fn split(cx: &mut CallCx<'_>, text: &Str, separator: &[u8], limit: i64) -> Result<Vec<Str>> {
    let mut parts = Vec::new();
    if limit == 0 {
        return Ok(parts);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut at = 0;
    while parts.len() + 1 < limit {
        let rest = text.get(at..).unwrap_or_default();
        let (end, next) = if separator.is_empty() {
            match runes::first(rest) {
                Some((_, length)) if length < rest.len() => (at + length, at + length),
                _ => break,
            }
        } else {
            match position(rest, separator) {
                Some(found) => (at + found, at + found + separator.len()),
                None => break,
            }
        };
        charge_list(cx, 1)?;
        parts.push(text.slice(at..end));
        at = next;
    }
    if !(separator.is_empty() && text.is_empty()) {
        parts.push(text.slice(at..text.len()));
    }
    Ok(parts)
}

fn numbered(parts: Vec<Str>) -> Value {
    let pairs = parts.into_iter().enumerate().map(|(index, part)| (format!("_{index}"), Value::Str(part)));
    Value::Map(Map::of(GoType::Str, pairs))
}
