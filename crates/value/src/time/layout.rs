//! Go's layouts (`2006-01-02T15:04:05Z07:00`): reading them and printing with them.

use super::civil::{MONTHS, WEEKDAYS};
use super::moment::Time;

/// The layouts that Go has names for.
pub struct Layout;

#[expect(missing_docs, reason = "the names are Go's")]
impl Layout {
    pub const LAYOUT: &'static str = "01/02 03:04:05PM '06 -0700";
    pub const ANSIC: &'static str = "Mon Jan _2 15:04:05 2006";
    pub const UNIX_DATE: &'static str = "Mon Jan _2 15:04:05 MST 2006";
    pub const RUBY_DATE: &'static str = "Mon Jan 02 15:04:05 -0700 2006";
    pub const RFC822: &'static str = "02 Jan 06 15:04 MST";
    pub const RFC822Z: &'static str = "02 Jan 06 15:04 -0700";
    pub const RFC850: &'static str = "Monday, 02-Jan-06 15:04:05 MST";
    pub const RFC1123: &'static str = "Mon, 02 Jan 2006 15:04:05 MST";
    pub const RFC1123Z: &'static str = "Mon, 02 Jan 2006 15:04:05 -0700";
    pub const RFC3339: &'static str = "2006-01-02T15:04:05Z07:00";
    pub const RFC3339_NANO: &'static str = "2006-01-02T15:04:05.999999999Z07:00";
    pub const KITCHEN: &'static str = "3:04PM";
    pub const STAMP: &'static str = "Jan _2 15:04:05";
    pub const STAMP_MILLI: &'static str = "Jan _2 15:04:05.000";
    pub const STAMP_MICRO: &'static str = "Jan _2 15:04:05.000000";
    pub const STAMP_NANO: &'static str = "Jan _2 15:04:05.000000000";
    pub const DATE_TIME: &'static str = "2006-01-02 15:04:05";
    pub const DATE_ONLY: &'static str = "2006-01-02";
    pub const TIME_ONLY: &'static str = "15:04:05";

    /// All of them with Go's names.
    pub const NAMED: [(&'static str, &'static str); 19] = [
        ("Layout", Self::LAYOUT),
        ("ANSIC", Self::ANSIC),
        ("UnixDate", Self::UNIX_DATE),
        ("RubyDate", Self::RUBY_DATE),
        ("RFC822", Self::RFC822),
        ("RFC822Z", Self::RFC822Z),
        ("RFC850", Self::RFC850),
        ("RFC1123", Self::RFC1123),
        ("RFC1123Z", Self::RFC1123Z),
        ("RFC3339", Self::RFC3339),
        ("RFC3339Nano", Self::RFC3339_NANO),
        ("Kitchen", Self::KITCHEN),
        ("Stamp", Self::STAMP),
        ("StampMilli", Self::STAMP_MILLI),
        ("StampMicro", Self::STAMP_MICRO),
        ("StampNano", Self::STAMP_NANO),
        ("DateTime", Self::DATE_TIME),
        ("DateOnly", Self::DATE_ONLY),
        ("TimeOnly", Self::TIME_ONLY),
    ];
}

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    MonthNumber,
    MonthNumberZero,
    LongWeekday,
    Weekday,
    Day,
    DaySpace,
    DayZero,
    YearDaySpace,
    YearDayZero,
    Hour,
    Hour12,
    Hour12Zero,
    Minute,
    MinuteZero,
    Second,
    SecondZero,
    LongYear,
    Year,
    Pm,
    PmLower,
    ZoneName,
    /// `Z` for UTC, else the offset in this form.
    IsoOffset(OffsetForm),
    Offset(OffsetForm),
    /// Exactly so many digits of a second's fraction; the separator before them.
    Fraction(usize, u8),
    /// Up to so many digits, without trailing zeros.
    FractionTrimmed(usize, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetForm {
    /// `07`
    Hours,
    /// `0700`
    Minutes,
    /// `07:00`
    ColonMinutes,
    /// `070000`
    Seconds,
    /// `07:00:00`
    ColonSeconds,
}

/// Longer forms come before their beginnings.
const WORDS: &[(&str, Element)] = &[
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("2006", Element::LongYear),
    ("-07:00:00", Element::Offset(OffsetForm::ColonSeconds)),
    ("-070000", Element::Offset(OffsetForm::Seconds)),
    ("-07:00", Element::Offset(OffsetForm::ColonMinutes)),
    ("-0700", Element::Offset(OffsetForm::Minutes)),
    ("-07", Element::Offset(OffsetForm::Hours)),
    ("Z07:00:00", Element::IsoOffset(OffsetForm::ColonSeconds)),
    ("Z070000", Element::IsoOffset(OffsetForm::Seconds)),
    ("Z07:00", Element::IsoOffset(OffsetForm::ColonMinutes)),
    ("Z0700", Element::IsoOffset(OffsetForm::Minutes)),
    ("Z07", Element::IsoOffset(OffsetForm::Hours)),
    ("002", Element::YearDayZero),
    ("01", Element::MonthNumberZero),
    ("02", Element::DayZero),
    ("03", Element::Hour12Zero),
    ("04", Element::MinuteZero),
    ("05", Element::SecondZero),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::MonthNumber),
    ("__2", Element::YearDaySpace),
    ("2", Element::Day),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::Pm),
    ("pm", Element::PmLower),
];

/// Splits a layout at its first element: the text before it, the element, and the layout after it.
pub(super) fn next(layout: &[u8]) -> (&[u8], Option<(Element, &[u8])>) {
    for at in 0..layout.len() {
        let (before, rest) = layout.split_at(at);
        if let Some((element, length)) = element_at(rest) {
            return (before, Some((element, rest.get(length..).unwrap_or_default())));
        }
    }
    (layout, None)
}

fn element_at(rest: &[u8]) -> Option<(Element, usize)> {
    match rest.first()? {
        b'J' if rest.starts_with(b"Jan") && !rest.starts_with(b"January") => {
            return (!starts_with_lower(rest.get(3..)?)).then_some((Element::Month, 3));
        }
        b'M' if rest.starts_with(b"Mon") && !rest.starts_with(b"Monday") => {
            return (!starts_with_lower(rest.get(3..)?)).then_some((Element::Weekday, 3));
        }
        // `_2006` is a literal `_` and a year.
        b'_' if rest.starts_with(b"_2") => {
            return (!rest.starts_with(b"_2006")).then_some((Element::DaySpace, 2));
        }
        b'.' | b',' => return fraction(rest),
        _ => {}
    }
    let (word, element) = WORDS.iter().find(|(word, _)| rest.starts_with(word.as_bytes()))?;
    Some((*element, word.len()))
}

/// `.000` or `.999`, not followed by another digit.
fn fraction(rest: &[u8]) -> Option<(Element, usize)> {
    let (separator, digits) = rest.split_first()?;
    let digit = *digits.first().filter(|digit| matches!(digit, b'0' | b'9'))?;
    let count = digits.iter().take_while(|other| **other == digit).count();
    if digits.get(count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let element = if digit == b'0' {
        Element::Fraction(count, *separator)
    } else {
        Element::FractionTrimmed(count, *separator)
    };
    Some((element, count + 1))
}

fn starts_with_lower(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_lowercase)
}

/// Prints a moment with a layout, as Go's `Time.Format`. Output is bounded by the layout's length times ten.
pub fn format(time: &Time, layout: &str) -> String {
    let mut out = Vec::with_capacity(layout.len() + 10);
    let mut rest = layout.as_bytes();
    loop {
        let (before, found) = next(rest);
        out.extend_from_slice(before);
        let Some((element, after)) = found else { break };
        print(&mut out, time, element);
        rest = after;
    }
    // Only whole ASCII elements were cut out of the layout, so the rest of it is still UTF-8.
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn print(out: &mut Vec<u8>, time: &Time, element: Element) {
    let (year, month, day) = time.civil();
    let (hour, minute, second) = time.clock();
    let month_name = MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or_default();
    let weekday_name = WEEKDAYS.get(usize::from(time.weekday())).copied().unwrap_or_default();
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let text = match element {
        Element::LongMonth => month_name.to_owned(),
        Element::Month => month_name.chars().take(3).collect(),
        Element::MonthNumber => month.to_string(),
        Element::MonthNumberZero => format!("{month:02}"),
        Element::LongWeekday => weekday_name.to_owned(),
        Element::Weekday => weekday_name.chars().take(3).collect(),
        Element::Day => day.to_string(),
        Element::DaySpace => format!("{day:2}"),
        Element::DayZero => format!("{day:02}"),
        Element::YearDaySpace => format!("{:3}", time.year_day()),
        Element::YearDayZero => format!("{:03}", time.year_day()),
        Element::Hour => format!("{hour:02}"),
        Element::Hour12 => hour12.to_string(),
        Element::Hour12Zero => format!("{hour12:02}"),
        Element::Minute => minute.to_string(),
        Element::MinuteZero => format!("{minute:02}"),
        Element::Second => second.to_string(),
        Element::SecondZero => format!("{second:02}"),
        Element::LongYear if year < 0 => format!("-{:04}", -year),
        Element::LongYear => format!("{year:04}"),
        Element::Year => format!("{:02}", year.max(0) % 100),
        Element::Pm => if hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Element::PmLower => if hour >= 12 { "pm" } else { "am" }.to_owned(),
        Element::ZoneName => zone_name(time),
        Element::IsoOffset(_) if time.zone_at().1 == 0 => "Z".to_owned(),
        Element::IsoOffset(form) | Element::Offset(form) => offset(time.zone_at().1, form),
        Element::Fraction(digits, separator) => fraction_text(time, digits, separator),
        Element::FractionTrimmed(digits, separator) => {
            let text = fraction_text(time, digits, separator);
            let text = text.trim_end_matches('0');
            if text.len() == 1 { String::new() } else { text.to_owned() }
        }
    };
    out.extend_from_slice(text.as_bytes());
}

/// A separator and the first digits of the second's fraction; there are nine.
fn fraction_text(time: &Time, digits: usize, separator: u8) -> String {
    let nanos = format!("{:09}", time.nanosecond());
    let kept: String = nanos.chars().take(digits).collect();
    format!("{}{kept}", char::from(separator))
}

fn zone_name(time: &Time) -> String {
    let (name, seconds) = time.zone_at();
    if name.is_empty() { offset(seconds, OffsetForm::Minutes) } else { name }
}

fn offset(seconds: i32, form: OffsetForm) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let length = seconds.unsigned_abs();
    let (hours, minutes, rest) = (length / 3_600, length / 60 % 60, length % 60);
    match form {
        OffsetForm::Hours => format!("{sign}{hours:02}"),
        OffsetForm::Minutes => format!("{sign}{hours:02}{minutes:02}"),
        OffsetForm::ColonMinutes => format!("{sign}{hours:02}:{minutes:02}"),
        OffsetForm::Seconds => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
        OffsetForm::ColonSeconds => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
    }
}
