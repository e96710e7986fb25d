//! `strings` of the Argo CD binding (core 4.3).

use std::sync::LazyLock;

use dodona_value::{Value, letters};

use super::{namespace, text_function};

/// The namespace: `ReplaceAll`, `ToUpper`, `ToLower`.
pub fn strings() -> Value {
    static NAMESPACE: LazyLock<Value> = LazyLock::new(|| {
        namespace([
            text_function("ReplaceAll", 3, |texts| match texts {
                [text, old, new] => Ok(text.replace(old, new)),
                _ => Ok(String::new()),
            }),
            text_function("ToUpper", 1, |texts| Ok(letters::upper(&texts.concat()))),
            text_function("ToLower", 1, |texts| Ok(letters::lower(&texts.concat()))),
        ])
    });
    NAMESPACE.clone()
}
