//! `repo` of the Argo CD binding (core 4.3): pure helpers for repository URLs, and questions to the repo server.

use std::sync::Arc;

use dodona_value::{CallCx, CallError, Func, GoType, IntKind, Signature, Str, Value};

use super::{namespace, text_function};
use crate::model::{GitUrl, Lookup, Object};

/// The namespace for one object.
pub fn repo(object: &Arc<Object>, lookup: &Arc<dyn Lookup>) -> Value {
    let question = |name: &'static str, signature: Signature| {
        let (object, lookup) = (Arc::clone(object), Arc::clone(lookup));
        let function =
            Func::new(Str::from_static(name), signature, move |_: &mut CallCx<'_>, arguments: &[Value]| {
                lookup.call(&object, name, arguments).map_err(|error| CallError::new(error.message))
            });
        (name, Value::Func(function))
    };
    namespace([
        text_function("RepoURLToHTTPS", 1, |texts| Ok(GitUrl::parse(&texts.concat()).https())),
        text_function("FullNameByRepoURL", 1, |texts| Ok(GitUrl::parse(&texts.concat()).full_name())),
        text_function("QueryEscape", 1, |texts| Ok(query_escape(&texts.concat()))),
        // The second argument, the index of a source, is ours (core 4.3: upstream fails with several sources).
        question(
            "GetCommitMetadata",
            Signature::new([GoType::Str], GoType::Any).variadic(GoType::Int(IntKind::Int)),
        ),
        question("GetAppDetails", Signature::new([], GoType::Any)),
    ])
}

/// Form-style escaping: a blank becomes `+`.
fn query_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            other => escaped.extend(['%', hexadecimal(other >> 4), hexadecimal(other & 15)]),
        }
    }
    escaped
}

fn hexadecimal(digit: u8) -> char {
    char::from_digit(digit.into(), 16).unwrap_or_default().to_ascii_uppercase()
}
