//! Moments, durations and time zones.

use dodona_value::methods::Location;
use dodona_value::{Value, Zone, time};

use super::text::text;
use crate::vm::{Cx, Fault};

/// What `date` tries one after the other where no layout is given.
const LAYOUTS: [&str; 7] = [
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
];

/// Steps for reading the abbreviation of a zone.
const ABBREVIATION: u64 = 500;

pub(super) fn now(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let now = cx.runtime().clock.now();
    match args {
        [] => Ok(Value::Time(now)),
        [zone] => match as_zone(zone) {
            Some(zone) => Ok(Value::Time(now.with_zone(zone))),
            None => Err(super::wrong("a time zone", zone)),
        },
        _ => Err(Fault::call("`now` takes a time zone or nothing")),
    }
}

pub(super) fn duration(_: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let source = text(args, 0)?.to_string_lossy();
    let duration = time::parse_duration(&source).map_err(|error| Fault::call(error.to_string()))?;
    Ok(Value::Duration(duration))
}

pub(super) fn timezone(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let name = text(args, 0)?.to_string_lossy();
    Ok(Value::host(Location(load(cx, &name)?)))
}

fn load(cx: &Cx<'_, '_>, name: &str) -> Result<Zone, Fault> {
    if name == "Local" {
        return Ok(cx.runtime().zone.as_local());
    }
    Zone::load(name).ok_or_else(|| Fault::call(format!("unknown time zone {name:?}")))
}

pub(super) fn date(cx: &mut Cx<'_, '_>, args: &[Value]) -> Result<Value, Fault> {
    let zone = args.first().and_then(as_zone);
    let args = if zone.is_some() { args.get(1..).unwrap_or_default() } else { args };
    let source = text(args, 0)?.to_string_lossy();
    let local = cx.runtime().zone.clone();
    let parse = |layout: &str, zone: Option<&Zone>| match zone {
        Some(zone) => time::parse_in(layout, &source, zone),
        None => time::parse(layout, &source, &local),
    };
    let zone = match args.len() {
        3 => Some(load(cx, &text(args, 2)?.to_string_lossy())?),
        _ => zone,
    };
    if let 2 | 3 = args.len() {
        let layout = text(args, 1)?.to_string_lossy();
        if layout.contains("MST") {
            // An abbreviation may be looked for among all that the zone ever had.
            cx.step(ABBREVIATION)?;
        }
        let time = parse(&layout, zone.as_ref()).map_err(|error| Fault::call(error.to_string()))?;
        return Ok(Value::Time(time));
    }
    let found = LAYOUTS.iter().find_map(|layout| parse(layout, zone.as_ref()).ok());
    found.map(Value::Time).ok_or_else(|| {
        Fault::call(format!(
            "{source:?} is no date; give its layout as second argument, such as \"2006-01-02 15:04\""
        ))
    })
}

/// The time zone that a value is.
fn as_zone(value: &Value) -> Option<Zone> {
    match value {
        Value::Host(host) => host.as_any().downcast_ref::<Location>().map(|location| location.0.clone()),
        _ => None,
    }
}
