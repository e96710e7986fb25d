//! `time` of the bindings (core 4.3): the clock, parsing, durations and Go's reference layouts.

use std::sync::LazyLock;

use dodona_value::time::{Layout, parse};
use dodona_value::{CallCx, CallError, Duration, Func, GoType, Signature, Str, Value};

use super::namespace;

/// The namespace of the Argo CD and generic bindings: `Now`, `Parse`, durations and layouts.
pub fn time() -> Value {
    static NAMESPACE: LazyLock<Value> = LazyLock::new(|| {
        let mut members = vec![now(), parse_rfc3339()];
        members.extend(
            [
                ("Nanosecond", Duration::NANOSECOND),
                ("Microsecond", Duration::MICROSECOND),
                ("Millisecond", Duration::MILLISECOND),
                ("Second", Duration::SECOND),
                ("Minute", Duration::MINUTE),
                ("Hour", Duration::HOUR),
            ]
            .map(|(name, duration)| (name, Value::Duration(duration))),
        );
        members.extend(LAYOUTS.map(|(name, layout)| (name, Value::text(layout))));
        namespace(members)
    });
    NAMESPACE.clone()
}

/// The namespace of the Rollouts binding: `Now` and `Parse` only.
pub fn clock_only() -> Value {
    static NAMESPACE: LazyLock<Value> = LazyLock::new(|| namespace([now(), parse_rfc3339()]));
    NAMESPACE.clone()
}

const LAYOUTS: [(&str, &str); 16] = [
    ("Layout", Layout::LAYOUT),
    ("ANSIC", Layout::ANSIC),
    ("UnixDate", Layout::UNIX_DATE),
    ("RubyDate", Layout::RUBY_DATE),
    ("RFC822", Layout::RFC822),
    ("RFC822Z", Layout::RFC822Z),
    ("RFC850", Layout::RFC850),
    ("RFC1123", Layout::RFC1123),
    ("RFC1123Z", Layout::RFC1123Z),
    ("RFC3339", Layout::RFC3339),
    ("RFC3339Nano", Layout::RFC3339_NANO),
    ("Kitchen", Layout::KITCHEN),
    ("Stamp", Layout::STAMP),
    ("StampMilli", Layout::STAMP_MILLI),
    ("StampMicro", Layout::STAMP_MICRO),
    ("StampNano", Layout::STAMP_NANO),
];

fn now() -> (&'static str, Value) {
    let signature = Signature::new(Vec::new(), GoType::Time);
    let function = Func::new(Str::from_static("Now"), signature, |cx: &mut CallCx<'_>, _: &[Value]| {
        Ok(Value::Time(cx.runtime.clock.now()))
    });
    ("Now", Value::Func(function))
}

fn parse_rfc3339() -> (&'static str, Value) {
    let signature = Signature::new(vec![GoType::Str], GoType::Time);
    let function =
        Func::new(Str::from_static("Parse"), signature, |cx: &mut CallCx<'_>, arguments: &[Value]| {
            let text =
                arguments.first().and_then(Value::as_str).map(Str::to_string_lossy).unwrap_or_default();
            let time = parse(Layout::RFC3339, &text, &cx.runtime.zone);
            time.map(Value::Time).map_err(|error| CallError::new(error.to_string()))
        });
    ("Parse", Value::Func(function))
}
