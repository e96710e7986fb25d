//! The helper namespaces of the bindings (core 4.3): `time`, `strings`, `repo`, `sync`.
//!
//! Each namespace is a map whose members are functions or constants, called as `ns.Func(args)` in conditions and as
//! `call .ns.Func args` in templates.

pub mod repo;
pub mod strings;
pub mod sync;
pub mod time;

use dodona_value::{CallCx, CallError, Func, GoType, Map, Signature, Str, Value};

/// A namespace from its members.
fn namespace(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Map(Map::of(GoType::Any, members.into_iter().map(|(name, value)| (Str::from_static(name), value))))
}

/// A function that takes and returns texts.
fn text_function(
    name: &'static str,
    parameters: usize,
    body: impl Fn(&[&str]) -> Result<String, CallError> + Send + Sync + 'static,
) -> (&'static str, Value) {
    let signature = Signature::new(vec![GoType::Str; parameters], GoType::Str);
    let function =
        Func::new(Str::from_static(name), signature, move |_: &mut CallCx<'_>, arguments: &[Value]| {
            let texts: Vec<_> =
                arguments.iter().filter_map(Value::as_str).map(Str::to_string_lossy).collect();
            if texts.len() != parameters {
                return Err(CallError::new(format!("{name} takes {parameters} texts")));
            }
            let borrowed: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
            body(&borrowed).map(|text| Value::Str(Str::from(text)))
        });
    (name, Value::Func(function))
}
