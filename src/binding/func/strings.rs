//! `strings` of the Argo CD binding (core 4.3).

use std::sync::LazyLock;

use dodona_value::Value;

use super::{namespace, text_function};

/// The namespace: `ReplaceAll`, `ToUpper`, `ToLower`.
pub fn strings() -> Value {
    static NAMESPACE: LazyLock<Value> = LazyLock::new(|| {
        namespace([
            text_function("ReplaceAll", 3, |texts| match texts {
                [text, old, new] => Ok(text.replace(old, new)),
                _ => Ok(String::new()),
            }),
            text_function("ToUpper", 1, |texts| Ok(texts.concat().chars().flat_map(upper).collect())),
            text_function("ToLower", 1, |texts| Ok(texts.concat().chars().flat_map(lower).collect())),
        ])
    });
    NAMESPACE.clone()
}

/// Go maps each character to one character: `ß` has no single upper-case form and stays.
fn upper(character: char) -> Option<char> {
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => Some(single),
        _ => Some(character),
    }
}

fn lower(character: char) -> Option<char> {
    let mut mapped = character.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => Some(single),
        (Some(first), Some(_)) => Some(first),
        _ => Some(character),
    }
}
