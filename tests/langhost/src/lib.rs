//! The stand-ins of the host that the cases of the two languages were recorded with: a fixed clock, `time`, `strings`, `repo`, `secrets`.
//!
//! They are for tests of the languages only. The helpers of the product (`binding/func`) know more and differ where the product does.

mod path;
mod repo;
mod time;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dodona_value::runtime::Clock;
use dodona_value::{
    CallError, Document, Func, GoType, Map, Numbers, Resolver, Runtime, Scope, Signature, Str, Time, Value,
    Zone, letters,
};
use serde_json::value::RawValue;

/// Which host values a case has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Only the data of the case.
    None,
    /// `time`, `strings`, `repo` and `secrets`; whole numbers are integers.
    ArgoCd,
    /// `time` and `secrets`; every number is a float.
    Rollouts,
}

impl Host {
    /// The host of this name; the empty name is none.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "" => Some(Self::None),
            "argocd" => Some(Self::ArgoCd),
            "rollouts" => Some(Self::Rollouts),
            _ => None,
        }
    }
}

/// The moment at which every case runs: 2024-05-06T07:08:09.123456789Z.
pub fn now() -> Time {
    Time::date((2024, 5, 6), (7, 8, 9), 123_456_789, Zone::utc())
}

/// A runtime whose clock stands still at [`now`], and that knows the address of `localhost`.
pub fn runtime() -> Runtime {
    let mut runtime = Runtime::fixed(now());
    runtime.resolver = Some(Arc::new(Hosts));
    runtime
}

/// The same for benchmarks: the date stands still, and budgets of time are taken from a clock that costs what one costs.
pub fn ticking() -> Runtime {
    let mut runtime = runtime();
    runtime.clock = Arc::new(Ticking(Instant::now()));
    runtime
}

/// The clock of [`ticking`].
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> Time {
        now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Name resolution without a network.
struct Hosts;

impl Resolver for Hosts {
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if name == "localhost" { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) } else { Ok(Vec::new()) }
    }
}

/// The root variables of a case: the members of `data` and what `host` adds.
///
/// # Errors
/// If `data` is not a JSON object.
pub fn scope(data: Option<&RawValue>, host: Host) -> Result<Scope, String> {
    let numbers = if host == Host::Rollouts { Numbers::Float } else { Numbers::Kubernetes };
    let mut variables: Vec<(Str, Value)> = Vec::new();
    let text = data.map_or("{}", RawValue::get);
    let document = Document::parse(text, numbers).map_err(|error| error.to_string())?;
    match document.to_value() {
        Value::Map(map) => variables.extend(
            map.entries()
                .into_iter()
                .filter_map(|(key, value)| key.to_value().as_str().map(|name| (name.clone(), value))),
        ),
        Value::Nil if host == Host::None => {}
        _ => return Err("data is not an object".to_owned()),
    }
    let mut add = |name: &'static str, value: Map| {
        variables.retain(|(known, _)| *known != *name);
        variables.push((Str::from_static(name), Value::Map(value)));
    };
    if host != Host::None {
        add("time", time::members());
        add("secrets", secrets());
    }
    if host == Host::ArgoCd {
        add("strings", strings());
        add("repo", repo::members());
    }
    Ok(variables.into_iter().collect())
}

/// What of Go's name of a type has to agree: `int` and `int64` are both integers.
pub fn family(go_type: &str) -> &str {
    match go_type {
        "int" | "int8" | "int16" | "int32" | "int64" | "uint" | "uint8" | "uint16" | "uint32" | "uint64" => {
            "integer"
        }
        "float32" | "float64" => "float",
        list if list.starts_with('[') => "list",
        map if map.starts_with("map[") => "map",
        function if function.starts_with("func(") => "function",
        other => other,
    }
}

/// `map[string][]byte` with a text and a nil.
fn secrets() -> Map {
    let pairs = [("token", Value::bytes(Str::from_static("s3cr3t"))), ("empty", Value::Bytes(None))];
    Map::of(GoType::bytes(), pairs)
}

fn strings() -> Map {
    let replace = function("ReplaceAll", 3, |args| {
        let [text, old, new] = args else { return Err("3 arguments".into()) };
        Ok(text.replace(old.as_str(), new))
    });
    let upper = function("ToUpper", 1, |args| Ok(letters::upper(&args.concat())));
    let lower = function("ToLower", 1, |args| Ok(letters::lower(&args.concat())));
    Map::of(GoType::Any, [("ReplaceAll", replace), ("ToUpper", upper), ("ToLower", lower)])
}

/// A function of strings to a string.
fn function(
    name: &'static str,
    params: usize,
    body: impl Fn(&[String]) -> Result<String, CallError> + Send + Sync + 'static,
) -> Value {
    let signature = Signature::new(vec![GoType::Str; params], GoType::Str);
    Value::Func(Func::new(name, signature, move |_, args| body(&texts(args)).map(Value::from)))
}

fn texts(args: &[Value]) -> Vec<String> {
    args.iter().filter_map(Value::as_str).map(|text| text.to_string_lossy().into_owned()).collect()
}
