//! `time`: the clock that stands still, parsing, durations and layouts.

use dodona_value::{CallError, Duration, Func, GoType, Map, Signature, Value, Zone, time};

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";

const LAYOUTS: [(&str, &str); 16] = [
    ("Layout", "01/02 03:04:05PM '06 -0700"),
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", RFC3339),
    ("RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"),
    ("Kitchen", "3:04PM"),
    ("Stamp", "Jan _2 15:04:05"),
    ("StampMilli", "Jan _2 15:04:05.000"),
    ("StampMicro", "Jan _2 15:04:05.000000"),
    ("StampNano", "Jan _2 15:04:05.000000000"),
];

const DURATIONS: [(&str, i64); 6] = [
    ("Nanosecond", 1),
    ("Microsecond", 1_000),
    ("Millisecond", 1_000_000),
    ("Second", 1_000_000_000),
    ("Minute", 60_000_000_000),
    ("Hour", 3_600_000_000_000),
];

/// The members of `time`.
pub(crate) fn members() -> Map {
    let now = Func::new("Now", Signature::new([], GoType::Time), |_, _| Ok(Value::Time(super::now())));
    let parse = Func::new("Parse", Signature::new([GoType::Str], GoType::Time), |_, args| {
        let text = super::texts(args).concat();
        let time =
            time::parse(RFC3339, &text, &Zone::utc()).map_err(|error| CallError::new(error.to_string()))?;
        Ok(Value::Time(time))
    });
    let functions = [("Now", Value::Func(now)), ("Parse", Value::Func(parse))];
    let durations =
        DURATIONS.map(|(name, nanoseconds)| (name, Value::Duration(Duration::from_nanoseconds(nanoseconds))));
    let layouts = LAYOUTS.map(|(name, layout)| (name, Value::text(layout)));
    Map::of(GoType::Any, functions.into_iter().chain(durations).chain(layouts))
}
