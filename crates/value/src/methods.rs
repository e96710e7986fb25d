//! The methods of times, durations, months, weekdays and host objects, for both languages.

use std::sync::LazyLock;

use crate::format::NilPointer;
use crate::func::{CallCx, CallError, Host, Signature};
use crate::list::List;
use crate::time::{self, Duration, MONTHS, Time, WEEKDAYS, Zone};
use crate::types::{FloatKind, GoType, IntKind};
use crate::value::Value;

/// The signature of method `name` of `value`; `None` if it has no such method. Callers check the arguments against it.
pub fn lookup(value: &Value, name: &str) -> Option<Signature> {
    match value {
        Value::Host(host) => host.method(name),
        other => find(rows(other), name).map(|row| row.signature.clone()),
    }
}

/// Calls a method that [`lookup`] found, with arguments that were checked against its signature.
pub fn call(cx: &mut CallCx<'_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, CallError> {
    if let Value::Host(host) = value {
        return host.call(cx, name, args);
    }
    match find(rows(value), name) {
        Some(row) => (row.run)(cx, value, args),
        None => Err(CallError::new(format!("{} has no method {name}", value.type_name()))),
    }
}

/// The names of all methods of `value`, in Go's order; for "did you mean".
pub fn names(value: &Value) -> Vec<&'static str> {
    rows(value).iter().map(|row| row.name).collect()
}

type Run = fn(&mut CallCx<'_>, &Value, &[Value]) -> Result<Value, CallError>;

struct Row {
    name: &'static str,
    signature: Signature,
    run: Run,
}

fn find<'r>(rows: &'r [Row], name: &str) -> Option<&'r Row> {
    rows.binary_search_by(|row| row.name.cmp(name)).ok().and_then(|index| rows.get(index))
}

fn rows(value: &Value) -> &'static [Row] {
    match value {
        Value::Time(_) => &TIME,
        Value::Duration(_) => &DURATION,
        Value::Int(_, IntKind::Month | IntKind::Weekday) => &CALENDAR,
        _ => &[],
    }
}

fn row(name: &'static str, params: &[GoType], result: GoType, run: Run) -> Row {
    Row { name, signature: Signature::new(params.to_vec(), result), run }
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| row.name);
    rows
}

const INT: GoType = GoType::INT;
const FLOAT: GoType = GoType::Float(FloatKind::Float64);

/// The receiver as a time. Rows are found by the kind of the receiver, so the zero time never comes up.
fn moment(value: &Value) -> Time {
    match value {
        Value::Time(time) => time.clone(),
        _ => Time::zero(),
    }
}

fn length(value: Option<&Value>) -> Duration {
    match value {
        Some(Value::Duration(duration)) => *duration,
        Some(other) => Duration::from_nanoseconds(other.as_i64().unwrap_or_default()),
        None => Duration::ZERO,
    }
}

fn other(args: &[Value]) -> Time {
    args.first().map_or_else(Time::zero, moment)
}

fn number(args: &[Value], index: usize) -> i64 {
    args.get(index).and_then(Value::as_i64).unwrap_or_default()
}

#[expect(clippy::unnecessary_wraps, reason = "it is the last word of rows that return results")]
fn int(number: impl Into<i64>) -> Result<Value, CallError> {
    Ok(Value::int(number.into()))
}

fn text(args: &[Value], index: usize) -> String {
    args.get(index)
        .and_then(Value::as_str)
        .map(|text| text.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A text made from a layout, which can be longer than the layout by a factor only.
fn formatted(cx: &mut CallCx<'_>, moment: &Time, layout: &str) -> Result<String, CallError> {
    cx.budget.memory(layout.len().saturating_mul(10))?;
    Ok(time::format(moment, layout))
}

static TIME: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let zone = || GoType::Named("*time.Location".into());
    let mut rows = vec![
        row("Add", &[GoType::Duration], GoType::Time, |_, time, args| {
            Ok(moment(time).add(length(args.first())).into())
        }),
        row("AddDate", &[INT, INT, INT], GoType::Time, |_, time, args| {
            Ok(moment(time).add_date(number(args, 0), number(args, 1), number(args, 2)).into())
        }),
        row("After", &[GoType::Time], GoType::Bool, |_, time, args| Ok((moment(time) > other(args)).into())),
        row("Before", &[GoType::Time], GoType::Bool, |_, time, args| Ok((moment(time) < other(args)).into())),
        row("Compare", &[GoType::Time], INT, |_, time, args| int(moment(time).cmp(&other(args)) as i8)),
        row("Equal", &[GoType::Time], GoType::Bool, |_, time, args| Ok((moment(time) == other(args)).into())),
        row("Sub", &[GoType::Time], GoType::Duration, |_, time, args| {
            Ok(moment(time).sub(&other(args)).into())
        }),
        row("Round", &[GoType::Duration], GoType::Time, |_, time, args| {
            Ok(moment(time).round(length(args.first())).into())
        }),
        row("Truncate", &[GoType::Duration], GoType::Time, |_, time, args| {
            Ok(moment(time).truncate(length(args.first())).into())
        }),
        row("Format", &[GoType::Str], GoType::Str, |cx, time, args| {
            Ok(formatted(cx, &moment(time), &text(args, 0))?.into())
        }),
        row("AppendFormat", &[GoType::bytes(), GoType::Str], GoType::bytes(), |cx, time, args| {
            let form = formatted(cx, &moment(time), &text(args, 1))?;
            appended(cx, args, form.as_bytes())
        }),
        row("String", &[], GoType::Str, |_, time, _| Ok(moment(time).to_string().into())),
        row("GoString", &[], GoType::Str, |_, time, _| Ok(crate::format::go_syntax(&moment(time)).into())),
        row("In", &[zone()], GoType::Time, |_, time, args| match args.first() {
            Some(Value::Host(host)) => match host.as_any().downcast_ref::<Location>() {
                Some(location) => Ok(moment(time).with_zone(location.0.clone()).into()),
                None => Err(CallError::new("In needs a time zone")),
            },
            _ => Err(CallError::new("time: missing Location in call to Time.In")),
        }),
        row("Local", &[], GoType::Time, |cx, time, _| {
            Ok(moment(time).with_zone(cx.runtime.zone.as_local()).into())
        }),
        row("UTC", &[], GoType::Time, |_, time, _| Ok(moment(time).utc().into())),
        row("Location", &[], zone(), |_, time, _| Ok(Value::host(Location(moment(time).zone().clone())))),
    ];
    rows.extend(time_parts());
    rows.extend(time_forms());
    sorted(rows)
});

/// The methods that write a time for other programs.
fn time_forms() -> Vec<Row> {
    vec![
        row("MarshalText", &[], GoType::bytes(), |_, time, _| {
            Ok(Value::bytes(moment(time).to_rfc3339().map_err(CallError::new)?))
        }),
        row("MarshalJSON", &[], GoType::bytes(), |_, time, _| {
            Ok(Value::bytes(format!("\"{}\"", moment(time).to_rfc3339().map_err(CallError::new)?)))
        }),
        row("AppendText", &[GoType::bytes()], GoType::bytes(), |cx, time, args| {
            appended(cx, args, moment(time).to_rfc3339().map_err(CallError::new)?.as_bytes())
        }),
        row("MarshalBinary", &[], GoType::bytes(), |_, time, _| {
            Ok(Value::bytes(moment(time).to_binary().map_err(CallError::new)?))
        }),
        row("GobEncode", &[], GoType::bytes(), |_, time, _| {
            Ok(Value::bytes(moment(time).to_binary().map_err(CallError::new)?))
        }),
        row("AppendBinary", &[GoType::bytes()], GoType::bytes(), |cx, time, args| {
            appended(cx, args, &moment(time).to_binary().map_err(CallError::new)?)
        }),
    ]
}

/// The bytes of the first argument with more behind them.
fn appended(cx: &mut CallCx<'_>, args: &[Value], more: &[u8]) -> Result<Value, CallError> {
    let mut bytes = match args.first() {
        Some(Value::Bytes(Some(bytes))) => bytes.to_vec(),
        _ => Vec::new(),
    };
    cx.budget.memory(bytes.len().saturating_add(more.len()))?;
    bytes.extend(more);
    Ok(Value::bytes(bytes))
}

/// The methods that tell one part of a time.
fn time_parts() -> Vec<Row> {
    vec![
        row("Year", &[], INT, |_, time, _| int(moment(time).civil().0)),
        row("Month", &[], GoType::Int(IntKind::Month), |_, time, _| {
            Ok(Value::Int(moment(time).civil().1.into(), IntKind::Month))
        }),
        row("Day", &[], INT, |_, time, _| int(moment(time).civil().2)),
        row("YearDay", &[], INT, |_, time, _| int(moment(time).year_day())),
        row("Weekday", &[], GoType::Int(IntKind::Weekday), |_, time, _| {
            Ok(Value::Int(moment(time).weekday().into(), IntKind::Weekday))
        }),
        row("Hour", &[], INT, |_, time, _| int(moment(time).clock().0)),
        row("Minute", &[], INT, |_, time, _| int(moment(time).clock().1)),
        row("Second", &[], INT, |_, time, _| int(moment(time).clock().2)),
        row("Nanosecond", &[], INT, |_, time, _| int(moment(time).nanosecond())),
        row("Unix", &[], GoType::INT64, |_, time, _| Ok(Value::int64(moment(time).unix_seconds()))),
        row("UnixMilli", &[], GoType::INT64, |_, time, _| Ok(Value::int64(moment(time).unix_milliseconds()))),
        row("UnixMicro", &[], GoType::INT64, |_, time, _| Ok(Value::int64(moment(time).unix_microseconds()))),
        row("UnixNano", &[], GoType::INT64, |_, time, _| Ok(Value::int64(moment(time).unix_nanoseconds()))),
        row("IsZero", &[], GoType::Bool, |_, time, _| Ok(moment(time).is_zero().into())),
        row("IsDST", &[], GoType::Bool, |_, time, _| {
            let time = moment(time);
            Ok(time.zone().is_dst(time.unix_seconds()).into())
        }),
    ]
}

static DURATION: LazyLock<Vec<Row>> = LazyLock::new(|| {
    sorted(vec![
        row("Abs", &[], GoType::Duration, |_, value, _| Ok(length(Some(value)).abs().into())),
        row("Hours", &[], FLOAT, |_, value, _| Ok(Value::float(length(Some(value)).hours()))),
        row("Minutes", &[], FLOAT, |_, value, _| Ok(Value::float(length(Some(value)).minutes()))),
        row("Seconds", &[], FLOAT, |_, value, _| Ok(Value::float(length(Some(value)).seconds()))),
        row("Milliseconds", &[], GoType::INT64, |_, value, _| {
            Ok(Value::int64(length(Some(value)).milliseconds()))
        }),
        row("Microseconds", &[], GoType::INT64, |_, value, _| {
            Ok(Value::int64(length(Some(value)).microseconds()))
        }),
        row("Nanoseconds", &[], GoType::INT64, |_, value, _| {
            Ok(Value::int64(length(Some(value)).nanoseconds()))
        }),
        row("Round", &[GoType::Duration], GoType::Duration, |_, value, args| {
            Ok(length(Some(value)).round(length(args.first())).into())
        }),
        row("Truncate", &[GoType::Duration], GoType::Duration, |_, value, args| {
            Ok(length(Some(value)).truncate(length(args.first())).into())
        }),
        row("String", &[], GoType::Str, |_, value, _| Ok(length(Some(value)).to_string().into())),
    ])
});

static CALENDAR: LazyLock<Vec<Row>> =
    LazyLock::new(|| vec![row("String", &[], GoType::Str, |_, value, _| Ok(calendar_name(value).into()))]);

fn calendar_name(value: &Value) -> String {
    match value {
        Value::Int(number, kind) => named(*number, *kind).unwrap_or_else(|| number.to_string()),
        other => other.to_string(),
    }
}

/// The name of a month or a day of the week; as Go, `%!Month(13)` for what is none. `None` for other kinds of integers.
pub(crate) fn named(number: i64, kind: IntKind) -> Option<String> {
    let (type_name, name) = match kind {
        IntKind::Month => {
            ("Month", number.checked_sub(1).and_then(|index| MONTHS.get(usize::try_from(index).ok()?)))
        }
        IntKind::Weekday => ("Weekday", usize::try_from(number).ok().and_then(|index| WEEKDAYS.get(index))),
        _ => return None,
    };
    Some(name.map_or_else(|| format!("%!{type_name}({number})"), |name| (*name).to_owned()))
}

/// `*time.Location` as a value.
pub struct Location(pub Zone);

impl Host for Location {
    fn type_name(&self) -> &'static str {
        "*time.Location"
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then(|| Signature::new([], GoType::Str))
    }

    fn call(&self, _: &mut CallCx<'_>, _: &str, _: &[Value]) -> Result<Value, CallError> {
        Ok(self.0.name().to_owned().into())
    }

    fn string(&self) -> Option<String> {
        Some(self.0.name().to_owned())
    }

    /// As Go lays out UTC. Other zones hold their rules too, which nobody prints.
    fn inside(&self) -> Vec<(&str, Value)> {
        let none = |element: &str| Value::List(List::nil(GoType::Named(element.into())));
        vec![
            ("name", self.0.name().to_owned().into()),
            ("zone", none("time.zone")),
            ("tx", none("time.zoneTrans")),
            ("extend", Value::text("")),
            ("cacheStart", Value::int64(0)),
            ("cacheEnd", Value::int64(0)),
            ("cacheZone", Value::host(NilPointer("*time.zone"))),
        ]
    }

    fn is_same(&self, other: &dyn Host) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.0.is_same(&other.0))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
