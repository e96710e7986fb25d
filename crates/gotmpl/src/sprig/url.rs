//! URLs, taken apart and put together.

use dodona_value::url::Url;
use dodona_value::{CallCx, CallError, GoType, Map, Value};

use super::made;
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "urlParse",
        &[Param::Str],
        parse,
        "The parts of a URL: `scheme`, `host`, `hostname`, `path`, `query`, `opaque`, `fragment`, `userinfo`.",
        &[("{{(urlParse \"https://ada@example.org:8080/a?b=c#d\").hostname}}", "example.org")],
    ),
    FunctionDef::new(
        "urlJoin",
        &[Param::Dict],
        join,
        "A URL of such parts.",
        &[(
            "{{urlJoin (dict \"scheme\" \"https\" \"host\" \"example.org\" \"path\" \"/a b\")}}",
            "https://example.org/a%20b",
        )],
    ),
];

fn parse(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let text = args.str(0);
    cx.budget.memory(text.len().saturating_mul(3))?;
    let url = Url::parse(text).map_err(|error| CallError::new(format!("unable to parse url: {error}")))?;
    let hostname = url.hostname().to_vec();
    let user = url.user.as_ref().map(dodona_value::url::User::to_bytes).unwrap_or_default();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    Ok(Value::Map(Map::of(
        GoType::Any,
        parts.into_iter().map(|(name, text)| (name, Value::Str(text.into()))),
    )))
}

fn join(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let parts = args.dict(0);
    let part = |name: &str| match parts.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.to_vec()),
        Some(other) => Err(CallError::new(format!(
            "the part {name} must be a text, not a value of kind {}",
            other.kind_name()
        ))),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        ..Url::default()
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let around = [b"proto://", user.as_slice(), b"@host"].concat();
        let parsed = Url::parse(&around)
            .map_err(|error| CallError::new(format!("unable to parse userinfo in dict: {error}")))?;
        url.user = parsed.user;
    }
    made(cx, url.to_bytes())
}
