//! Name resolution, where the runtime allows it.

use dodona_value::{CallCx, CallError, Value};

use super::random::below;
use crate::function::{Args, FunctionDef, Param};

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[FunctionDef::new(
    "getHostByName",
    &[Param::Str],
    host_by_name,
    "One of the addresses of a host name. Not for configurations of tenants.",
    &[],
)];

fn host_by_name(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value, CallError> {
    let resolver = cx.runtime.resolver.clone();
    let resolver = resolver.ok_or("looking up host names is not allowed here")?;
    let addresses = resolver.resolve(&args.text(0))?;
    let chosen = below(cx, addresses.len() as u64).and_then(|at| addresses.get(usize::try_from(at).ok()?));
    match chosen {
        Some(address) => Ok(Value::from(address.to_string())),
        None => Err(CallError::new(format!("there is no address for {}", args.text(0)))),
    }
}
