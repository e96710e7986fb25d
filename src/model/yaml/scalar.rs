//! What a scalar means with its quotes and its tag (core 1.4.1, 1.4.18).

use crate::model::NodeKind;
use crate::model::yaml_scalar::plain as guess;

/// What a tag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    /// `!!str`, `!!int`, …: the part behind `tag:yaml.org,2002:`.
    Core(&'a str),
    /// Any other tag; the value stays text (core 1.4.18).
    Local,
}

/// The meaning of a scalar `text`; `plain` if it was neither quoted nor a block. The error says what does not fit.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<Tag<'_>>) -> Result<NodeKind, String> {
    let Some(Tag::Core(name)) = tag else {
        return Ok(if plain && tag.is_none() { guess(text) } else { NodeKind::Text(text.into()) });
    };
    let kind = match (name, guess(text)) {
        ("int", kind @ (NodeKind::Int(_) | NodeKind::Uint(_)))
        | ("float", kind @ NodeKind::Float(_))
        | ("bool", kind @ NodeKind::Bool(_))
        | ("null", kind @ NodeKind::Null) => Some(kind),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        ("float", NodeKind::Int(value)) => Some(NodeKind::Float(value as f64)),
        ("int" | "float" | "bool" | "null", _) => None,
        ("binary", _) => binary(text).map(NodeKind::Text),
        _ => Some(NodeKind::Text(text.into())),
    };
    kind.ok_or_else(|| format!("`{text}` is not what its tag `!!{name}` says; remove the tag"))
}

fn binary(text: &str) -> Option<String> {
    use base64::Engine as _;
    let compact: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(compact).ok()?).ok()
}
