//! Dates and durations. The clock and the local zone are those of the runtime.

use dodona_value::time::{Zone, format, parse_duration, parse_in};
use dodona_value::{CallCx, CallError, Duration, Str, Time, Value, strconv};

use super::made;
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const ANY: &[Param] = &[Param::Any];
const LAYOUT_DATE: &[Param] = &[Param::Str, Param::Any];
const IN_ZONE: &[Param] = &[Param::Str, Param::Any, Param::Str];
const MODIFY: &[Param] = &[Param::Str, Param::Time];
const TEXTS: &[Param] = &[Param::Str, Param::Str];

/// The functions of this family. A date is a time, or a whole number of seconds since 1970; anything else stands for now.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "now",
        &[],
        |cx, _| Ok(Value::Time(now(cx))),
        "The present moment.",
        &[("{{now | date \"2006-01-02\"}}", "2024-05-06")],
    )
    .clock(),
    FunctionDef::new(
        "date",
        LAYOUT_DATE,
        |cx, args| in_zone(cx, &args.text(0), args.get(1), "Local"),
        "A date by a layout, in the local zone.",
        &[("{{date \"2006-01-02\" 0}}", "1970-01-01")],
    )
    .clock(),
    FunctionDef::new(
        "dateInZone",
        IN_ZONE,
        |cx, args| in_zone(cx, &args.text(0), args.get(1), &args.text(2)),
        "A date by a layout, in a zone; an unknown zone stands for UTC.",
        &[("{{dateInZone \"15:04\" 0 \"Asia/Tokyo\"}}", "09:00")],
    )
    .clock(),
    FunctionDef::new(
        "date_in_zone",
        IN_ZONE,
        |cx, args| in_zone(cx, &args.text(0), args.get(1), &args.text(2)),
        "The old name of `dateInZone`.",
        &[("{{date_in_zone \"15:04\" 0 \"UTC\"}}", "00:00")],
    )
    .clock(),
    FunctionDef::new(
        "htmlDate",
        ANY,
        |cx, args| in_zone(cx, "2006-01-02", args.get(0), "Local"),
        "The day of a date, as date fields of HTML want it.",
        &[("{{htmlDate 0}}", "1970-01-01")],
    )
    .clock(),
    FunctionDef::new(
        "htmlDateInZone",
        LAYOUT_REVERSED,
        |cx, args| in_zone(cx, "2006-01-02", args.get(0), &args.text(1)),
        "As `htmlDate`, in a zone.",
        &[("{{htmlDateInZone 0 \"UTC\"}}", "1970-01-01")],
    )
    .clock(),
    FunctionDef::new(
        "dateModify",
        MODIFY,
        |_, mut args| modify(&mut args, true),
        "A time moved by a duration; unchanged if that is none.",
        &[(
            "{{toDate \"2006-01-02\" \"2024-05-06\" | dateModify \"-24h\" | date \"2006-01-02\"}}",
            "2024-05-05",
        )],
    ),
    FunctionDef::new(
        "date_modify",
        MODIFY,
        |_, mut args| modify(&mut args, true),
        "The old name of `dateModify`.",
        &[(
            "{{toDate \"2006-01-02\" \"2024-05-06\" | date_modify \"24h\" | date \"2006-01-02\"}}",
            "2024-05-07",
        )],
    ),
    FunctionDef::new(
        "mustDateModify",
        MODIFY,
        |_, mut args| modify(&mut args, false),
        "A time moved by a duration; an error if that is none.",
        &[("{{toDate \"2006-01-02\" \"2024-05-06\" | mustDateModify \"1h\" | date \"15:04\"}}", "01:00")],
    ),
    FunctionDef::new(
        "must_date_modify",
        MODIFY,
        |_, mut args| modify(&mut args, false),
        "The old name of `mustDateModify`.",
        &[("{{toDate \"2006-01-02\" \"2024-05-06\" | must_date_modify \"1h\" | date \"15:04\"}}", "01:00")],
    ),
    FunctionDef::new(
        "toDate",
        TEXTS,
        |cx, args| Ok(Value::Time(read(cx, &args).unwrap_or_else(|_| Time::zero()))),
        "The time that a text is by a layout; the beginning of year 1 if it is none.",
        &[("{{(toDate \"2006-01-02\" \"2024-05-06\").Year}}", "2024")],
    ),
    FunctionDef::new(
        "mustToDate",
        TEXTS,
        |cx, args| read(cx, &args).map(Value::Time),
        "The time that a text is by a layout; an error if it is none.",
        &[("{{(mustToDate \"2006-01-02\" \"2024-05-06\").Day}}", "6")],
    ),
    FunctionDef::new(
        "unixEpoch",
        &[Param::Time],
        |_, args| match args.get(0) {
            Value::Time(time) => Ok(Value::from(time.unix_seconds().to_string())),
            _ => Ok(Value::text("")),
        },
        "The seconds from 1970 to a time.",
        &[("{{toDate \"2006-01-02\" \"1970-01-02\" | unixEpoch}}", "86400")],
    ),
    FunctionDef::new(
        "ago",
        ANY,
        |cx, args| {
            let age = now(cx).sub(&moment(cx, args.get(0))).round(Duration::from_seconds(1));
            made(cx, age.to_string())
        },
        "How long a date is past, in whole seconds.",
        &[("{{now | dateModify \"-90s\" | ago}}", "1m30s")],
    )
    .clock(),
    FunctionDef::new(
        "duration",
        ANY,
        |_, args| {
            let seconds = match args.get(0) {
                Value::Str(text) => strconv_seconds(text),
                Value::Int(number, dodona_value::IntKind::Int64) => *number,
                _ => 0,
            };
            let nanoseconds = seconds.wrapping_mul(1_000_000_000);
            Ok(Value::from(Duration::from_nanoseconds(nanoseconds).to_string()))
        },
        "Seconds as a duration. They may be a text or an `int64`, as numbers of objects are.",
        &[("{{duration \"95\"}}", "1m35s")],
    ),
    FunctionDef::new(
        "durationRound",
        ANY,
        |cx, args| {
            let duration = match args.get(0) {
                Value::Str(text) => {
                    parse_duration(&text.to_string_lossy()).unwrap_or(Duration::from_nanoseconds(0))
                }
                Value::Int(number, dodona_value::IntKind::Int64) => Duration::from_nanoseconds(*number),
                Value::Time(time) => now(cx).sub(time),
                _ => Duration::from_nanoseconds(0),
            };
            Ok(Value::from(rounded(duration)))
        },
        "A duration in its greatest unit: years, months, days, hours, minutes or seconds.",
        &[("{{durationRound \"2h10m5s\"}}", "2h"), ("{{durationRound \"2400h10m5s\"}}", "3mo")],
    )
    .clock(),
];

const LAYOUT_REVERSED: &[Param] = &[Param::Any, Param::Str];

fn now(cx: &CallCx<'_>) -> Time {
    cx.runtime.clock.now()
}

fn local(cx: &CallCx<'_>) -> Zone {
    cx.runtime.zone.as_local()
}

/// A value as a moment.
fn moment(cx: &CallCx<'_>, value: &Value) -> Time {
    use dodona_value::IntKind::{Int, Int32, Int64};
    match value {
        Value::Time(time) => time.clone(),
        Value::Int(seconds, Int | Int32 | Int64) => Time::unix(*seconds, 0, local(cx)),
        _ => now(cx),
    }
}

fn in_zone(cx: &mut CallCx<'_>, layout: &str, date: &Value, zone: &str) -> Result<Value> {
    let zone = if zone == "Local" { local(cx) } else { Zone::load(zone).unwrap_or_else(Zone::utc) };
    let time = moment(cx, date).with_zone(zone);
    cx.budget.memory(layout.len().saturating_mul(10))?;
    Ok(Value::Str(Str::from(format(&time, layout))))
}

fn modify(args: &mut Args<'_>, lenient: bool) -> Result<Value> {
    let Value::Time(time) = args.get(1) else { return Ok(args.take(1)) };
    match parse_duration(&args.text(0)) {
        Ok(duration) => Ok(Value::Time(time.add(duration))),
        Err(_) if lenient => Ok(args.take(1)),
        Err(error) => Err(CallError::new(error.to_string())),
    }
}

fn read(cx: &CallCx<'_>, args: &Args<'_>) -> Result<Time> {
    parse_in(&args.text(0), &args.text(1), &local(cx)).map_err(|error| CallError::new(error.to_string()))
}

/// The seconds that a text says; the nearest that fit if they are too many.
fn strconv_seconds(text: &Str) -> i64 {
    let text = text.to_string_lossy();
    match strconv::parse_int(&text, 10, 64) {
        Ok(number) => number,
        Err(strconv::NumberError::Range) if text.starts_with('-') => i64::MIN,
        Err(strconv::NumberError::Range) => i64::MAX,
        Err(strconv::NumberError::Syntax) => 0,
    }
}

fn rounded(duration: Duration) -> String {
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(u64, &str); 6] = [
        (365 * 86_400 * SECOND, "y"),
        (30 * 86_400 * SECOND, "mo"),
        (86_400 * SECOND, "d"),
        (3_600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    let length = duration.nanoseconds().unsigned_abs();
    UNITS
        .iter()
        .find(|(unit, _)| length > *unit)
        .map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", length / unit))
}
