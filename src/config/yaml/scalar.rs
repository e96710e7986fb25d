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
    let wrong = |name: &str| format!("`{text}` is not what its tag `!!{name}` says; remove the tag");
    match tag {
        None if plain => Ok(guess(text)),
        None | Some(Tag::Local) => Ok(NodeKind::Text(text.into())),
        Some(Tag::Core(name @ "int")) => match guess(text) {
            kind @ (NodeKind::Int(_) | NodeKind::Uint(_)) => Ok(kind),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "float")) => match guess(text) {
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
            NodeKind::Int(value) => Ok(NodeKind::Float(value as f64)),
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
            NodeKind::Uint(value) => Ok(NodeKind::Float(value as f64)),
            kind @ NodeKind::Float(_) => Ok(kind),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "bool")) => match guess(text) {
            kind @ NodeKind::Bool(_) => Ok(kind),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "null")) => match guess(text) {
            NodeKind::Null => Ok(NodeKind::Null),
            _ => Err(wrong(name)),
        },
        Some(Tag::Core(name @ "binary")) => binary(text).map(NodeKind::Text).ok_or_else(|| wrong(name)),
        Some(Tag::Core(_)) => Ok(NodeKind::Text(text.into())),
    }
}

fn binary(text: &str) -> Option<String> {
    use base64::Engine as _;
    let compact: String = text.chars().filter(|letter| !matches!(letter, '\n' | '\r')).collect();
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(compact).ok()?).ok()
}
