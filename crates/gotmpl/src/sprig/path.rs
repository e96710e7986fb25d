//! Paths. Those of the system are the same: templates run where `/` separates.

use dodona_value::{CallCx, CallError, Str, Value};

use crate::function::{Args, Code, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const fn row(
    name: &'static str,
    run: Code,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> FunctionDef {
    FunctionDef::new(name, &[Param::Str], run, doc, examples)
}

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    row("base", base, "The last element of a path.", &[("{{base \"/a/b.txt\"}}", "b.txt")]),
    row("dir", dir, "A path without its last element.", &[("{{dir \"/a/b.txt\"}}", "/a")]),
    row("clean", clean, "The shortest form of a path.", &[("{{clean \"/a/../b//c/.\"}}", "/b/c")]),
    row("ext", ext, "What a path ends in, from the last dot on.", &[("{{ext \"a.tar.gz\"}}", ".gz")]),
    row("isAbs", is_abs, "Whether a path begins at the root.", &[("{{isAbs \"/a\"}}", "true")]),
    row("osBase", base, "The same as `base`.", &[("{{osBase \"/a/b.txt\"}}", "b.txt")]),
    row("osDir", dir, "The same as `dir`.", &[("{{osDir \"/a/b.txt\"}}", "/a")]),
    row("osClean", clean, "The same as `clean`.", &[("{{osClean \"a//b\"}}", "a/b")]),
    row("osExt", ext, "The same as `ext`.", &[("{{osExt \"a.txt\"}}", ".txt")]),
    row("osIsAbs", is_abs, "The same as `isAbs`.", &[("{{osIsAbs \"a\"}}", "false")]),
];

fn base(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let path = args.str(0);
    if path.is_empty() {
        return Ok(Value::text("."));
    }
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let path = path.get(..end).unwrap_or_default();
    let name =
        path.iter().rposition(|byte| *byte == b'/').and_then(|slash| path.get(slash + 1..)).unwrap_or(path);
    Ok(if name.is_empty() { Value::text("/") } else { Value::Str(Str::from(name)) })
}

fn dir(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let path = args.str(0);
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    Ok(Value::Str(Str::from(cleaned(path.get(..end).unwrap_or_default()))))
}

fn clean(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    Ok(Value::Str(Str::from(cleaned(args.str(0)))))
}

fn cleaned(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

fn ext(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let path = args.str(0);
    let name =
        path.iter().rposition(|byte| *byte == b'/').and_then(|slash| path.get(slash..)).unwrap_or(path);
    let ending =
        name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.get(dot..)).unwrap_or_default();
    Ok(Value::Str(Str::from(ending)))
}

fn is_abs(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    Ok(Value::Bool(args.str(0).starts_with(b"/")))
}
