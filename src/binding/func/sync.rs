//! `sync` of the Argo CD binding: documented by upstream, lost since 1.2, and here again (core 4.3, FIX).

use std::sync::LazyLock;

use dodona_value::{CallCx, CallError, Func, GoType, Signature, Str, Value};

use super::namespace;

/// The namespace: `GetInfoItem(app, name)`.
pub fn sync() -> Value {
    static NAMESPACE: LazyLock<Value> = LazyLock::new(|| {
        let signature = Signature::new(vec![GoType::Any, GoType::Str], GoType::Str);
        let function = Func::new(
            Str::from_static("GetInfoItem"),
            signature,
            |_: &mut CallCx<'_>, arguments: &[Value]| match arguments {
                [app, name] => info_item(app, name),
                _ => Err(CallError::new("GetInfoItem takes the application and a name")),
            },
        );
        namespace([("GetInfoItem", Value::Func(function))])
    });
    NAMESPACE.clone()
}

/// The value of the named item of `operation.info`, else of `status.operationState.operation.info`.
fn info_item(app: &Value, name: &Value) -> Result<Value, CallError> {
    let places: [&[&str]; 2] = [&["operation", "info"], &["status", "operationState", "operation", "info"]];
    for place in places {
        let items = app.path(place);
        let Some(items) = items.as_list() else { continue };
        for item in items {
            if item.path(&["name"]).as_str().map(Str::as_bytes) == name.as_str().map(Str::as_bytes) {
                return Ok(item.path(&["value"]));
            }
        }
    }
    Err(CallError::new(format!("the operation has no info item `{name}`")))
}
