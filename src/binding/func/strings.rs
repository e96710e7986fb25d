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
            text_function("ToUpper", 1, |texts| Ok(texts.concat().chars().map(upper).collect())),
            text_function("ToLower", 1, |texts| Ok(texts.concat().chars().map(lower).collect())),
        ])
    });
    NAMESPACE.clone()
}

/// Go maps each character to one character: `ß` has no single upper-case form and stays.
fn upper(character: char) -> char {
    let mut mapped = character.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}
