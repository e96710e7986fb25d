//! Reading moments with Go's layouts, as `time.Parse` and `time.ParseInLocation`.

use std::fmt;

use super::civil::{MONTHS, WEEKDAYS, days_in_month};
use super::duration::Duration;
use super::layout::{Element, OffsetForm, next};
use super::moment::Time;
use super::zone::Zone;

/// Why a text is not a time of the given layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeError {
    text: String,
    layout: String,
    problem: String,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to parse time {:?} as {:?}: {}", self.text, self.layout, self.problem)
    }
}

impl std::error::Error for TimeError {}

/// Reads a time; without a zone in the text it is UTC. `local` is the zone of the process: an offset that is its own at that moment gives that zone.
pub fn parse(layout: &str, text: &str, local: &Zone) -> Result<Time, TimeError> {
    read(layout, text, &Zone::utc(), local)
}

/// Reads a time; without a zone in the text it is in `zone`.
pub fn parse_in(layout: &str, text: &str, zone: &Zone) -> Result<Time, TimeError> {
    read(layout, text, zone, zone)
}

fn read(layout: &str, text: &str, default: &Zone, local: &Zone) -> Result<Time, TimeError> {
    let mut parts = Parts::default();
    parts
        .read(layout.as_bytes(), text.as_bytes())
        .and_then(|()| parts.finish(default, local))
        .map_err(|problem| TimeError { text: text.to_owned(), layout: layout.to_owned(), problem })
}

#[derive(Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    pm: bool,
    am: bool,
    utc: bool,
    offset: Option<i32>,
    zone_name: String,
}

type Step<'a> = Result<&'a [u8], String>;

impl Parts {
    fn read(&mut self, mut layout: &[u8], mut text: &[u8]) -> Result<(), String> {
        loop {
            let (before, found) = next(layout);
            text = literal(text, before)?;
            let Some((element, after)) = found else {
                return if text.is_empty() { Ok(()) } else { Err(format!("extra text {:?}", lossy(text))) };
            };
            text = self.element(element, text, after)?;
            layout = after;
        }
    }

    fn element<'a>(&mut self, element: Element, text: &'a [u8], after: &[u8]) -> Step<'a> {
        match element {
            Element::LongYear => self.year(text, 4),
            Element::Year => self.year(text, 2),
            Element::LongMonth => self.name(text, &MONTHS, usize::MAX, "month"),
            Element::Month => self.name(text, &MONTHS, 3, "month"),
            Element::LongWeekday => name(text, &WEEKDAYS, usize::MAX)
                .map(|(_, rest)| rest)
                .ok_or_else(|| "expected a day of the week".into()),
            Element::Weekday => name(text, &WEEKDAYS, 3)
                .map(|(_, rest)| rest)
                .ok_or_else(|| "expected a day of the week".into()),
            Element::MonthNumber | Element::MonthNumberZero => {
                let (month, rest) = two_digits(text, element == Element::MonthNumberZero, "month")?;
                self.month = Some(in_range(month, 1..=12, "month")?);
                Ok(rest)
            }
            Element::Day | Element::DaySpace | Element::DayZero => {
                let text =
                    if element == Element::DaySpace { text.strip_prefix(b" ").unwrap_or(text) } else { text };
                let (day, rest) = two_digits(text, element == Element::DayZero, "day")?;
                self.day = Some(day);
                Ok(rest)
            }
            Element::YearDaySpace | Element::YearDayZero => self.day_of_year(element, text),
            Element::Hour => {
                let (hour, rest) = two_digits(text, false, "hour")?;
                self.hour = in_range(hour, 0..=23, "hour")?;
                Ok(rest)
            }
            Element::Hour12 | Element::Hour12Zero => {
                let (hour, rest) = two_digits(text, element == Element::Hour12Zero, "hour")?;
                self.hour = in_range(hour, 0..=12, "hour")?;
                Ok(rest)
            }
            Element::Minute | Element::MinuteZero => {
                let (minute, rest) = two_digits(text, element == Element::MinuteZero, "minute")?;
                self.minute = in_range(minute, 0..=59, "minute")?;
                Ok(rest)
            }
            Element::Second | Element::SecondZero => self.seconds(element, text, after),
            Element::Pm | Element::PmLower => self.half_day(text, element == Element::PmLower),
            Element::IsoOffset(_) if text.starts_with(b"Z") => {
                self.utc = true;
                Ok(text.get(1..).unwrap_or_default())
            }
            Element::IsoOffset(form) | Element::Offset(form) => self.offset(text, form),
            Element::ZoneName => self.abbreviation(text),
            Element::Fraction(digits, _) => self.fraction(text, digits),
            Element::FractionTrimmed(..) => {
                let digits = fraction_length(text);
                if digits == 0 { Ok(text) } else { self.fraction(text, digits) }
            }
        }
    }

    fn year<'a>(&mut self, text: &'a [u8], length: usize) -> Step<'a> {
        let expected = || format!("expected a year of {length} digits");
        let (digits, rest) = text.split_at_checked(length).ok_or_else(expected)?;
        let year = number(digits).ok_or_else(expected)?;
        self.year = Some(match length {
            4 => year,
            _ if year >= 69 => year + 1900,
            _ => year + 2000,
        });
        Ok(rest)
    }

    fn name<'a>(&mut self, text: &'a [u8], names: &[&str], length: usize, what: &str) -> Step<'a> {
        let (index, rest) =
            name(text, names, length).ok_or_else(|| format!("expected the name of a {what}"))?;
        self.month = i64::try_from(index + 1).ok();
        Ok(rest)
    }

    fn day_of_year<'a>(&mut self, element: Element, text: &'a [u8]) -> Step<'a> {
        let exact = element == Element::YearDayZero;
        let blanks = text.iter().take(if exact { 0 } else { 2 }).take_while(|byte| **byte == b' ').count();
        let text = text.get(blanks..).unwrap_or_default();
        let count = text.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || (exact && count < 3) {
            return Err(format!("expected the day of the year at {:?}", lossy(text)));
        }
        let (digits, rest) = text.split_at(count);
        self.year_day = number(digits);
        Ok(rest)
    }

    fn seconds<'a>(&mut self, element: Element, text: &'a [u8], after: &[u8]) -> Step<'a> {
        let (second, rest) = two_digits(text, element == Element::SecondZero, "second")?;
        self.second = in_range(second, 0..=59, "second")?;
        // A fraction is accepted after the seconds even where the layout does not show one.
        let digits = fraction_length(rest);
        let wanted =
            matches!(next(after), ([], Some((Element::Fraction(..) | Element::FractionTrimmed(..), _))));
        if digits > 0 && !wanted { self.fraction(rest, digits) } else { Ok(rest) }
    }

    fn half_day<'a>(&mut self, text: &'a [u8], lower: bool) -> Step<'a> {
        let (mark, rest) = text.split_at_checked(2).ok_or("expected AM or PM")?;
        match (mark, lower) {
            (b"PM", false) | (b"pm", true) => self.pm = true,
            (b"AM", false) | (b"am", true) => self.am = true,
            _ => return Err("expected AM or PM".to_owned()),
        }
        Ok(rest)
    }

    fn offset<'a>(&mut self, text: &'a [u8], form: OffsetForm) -> Step<'a> {
        let expected = || "expected an offset such as +02:00".to_owned();
        let (sign, mut rest) = text.split_first().ok_or_else(expected)?;
        let sign = match sign {
            b'+' => 1,
            b'-' => -1,
            _ => return Err(expected()),
        };
        let (fields, colon) = match form {
            OffsetForm::Hours => (1, false),
            OffsetForm::Minutes => (2, false),
            OffsetForm::ColonMinutes => (2, true),
            OffsetForm::Seconds => (3, false),
            OffsetForm::ColonSeconds => (3, true),
        };
        let mut parts = [0; 3];
        for (index, part) in parts.iter_mut().take(fields).enumerate() {
            if colon && index > 0 {
                rest = rest.strip_prefix(b":").ok_or_else(expected)?;
            }
            let (digits, after) = rest.split_at_checked(2).ok_or_else(expected)?;
            *part = number(digits).and_then(|number| i32::try_from(number).ok()).ok_or_else(expected)?;
            rest = after;
        }
        let [hours, minutes, seconds] = parts;
        if hours > 24 || minutes > 60 || seconds > 60 {
            return Err("offset out of range".to_owned());
        }
        self.offset = Some(sign * (hours * 3_600 + minutes * 60 + seconds));
        Ok(rest)
    }

    fn abbreviation<'a>(&mut self, text: &'a [u8]) -> Step<'a> {
        if let Some(rest) = text.strip_prefix(b"UTC") {
            self.utc = true;
            return Ok(rest);
        }
        let length = abbreviation_length(text).ok_or("expected the abbreviation of a zone")?;
        let (name, rest) = text.split_at(length);
        self.zone_name = lossy(name);
        Ok(rest)
    }

    fn fraction<'a>(&mut self, text: &'a [u8], digits: usize) -> Step<'a> {
        let (part, rest) = text.split_at_checked(digits + 1).ok_or("expected a fraction of a second")?;
        let Some((b'.' | b',', digits)) = part.split_first() else {
            return Err("expected a fraction of a second".to_owned());
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err("expected a fraction of a second".to_owned());
        }
        let nine = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
        self.nanos = nine.fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0'));
        Ok(rest)
    }

    fn finish(&self, default: &Zone, local: &Zone) -> Result<Time, String> {
        let hour = match (self.pm, self.am, self.hour) {
            (true, _, hour) if hour < 12 => hour + 12,
            (_, true, 12) => 0,
            (_, _, hour) => hour,
        };
        let (year, month, day) = self.calendar_day()?;
        let at =
            |zone: Zone| Time::date((year, month, day), (hour, self.minute, self.second), self.nanos, zone);
        if self.utc {
            return Ok(at(Zone::utc()));
        }
        if let Some(offset) = self.offset {
            let moment = at(Zone::fixed("", offset));
            let (name, here) = local.at(moment.unix_seconds());
            if here == offset && (self.zone_name.is_empty() || name == self.zone_name) {
                return Ok(moment.with_zone(local.clone()));
            }
            return Ok(moment.with_zone(Zone::fixed(self.zone_name.clone(), offset)));
        }
        if self.zone_name.is_empty() {
            return Ok(at(default.clone()));
        }
        // An abbreviation means something only where the zone itself uses it; otherwise it is taken for
        // another name of UTC, and `GMT+3` only looks at the moment three hours further east.
        let as_utc = at(Zone::utc());
        if let Some(offset) = local.offset_named(&self.zone_name, as_utc.unix_seconds()) {
            return Ok(as_utc.add(Duration::from_seconds(-i64::from(offset))).with_zone(local.clone()));
        }
        let hours =
            self.zone_name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
        Ok(as_utc.with_zone(Zone::fixed(self.zone_name.clone(), hours * 3_600)))
    }

    /// Year, month and day, from whatever was given; checks that the day exists.
    fn calendar_day(&self) -> Result<(i64, i64, i64), String> {
        let year = self.year.unwrap_or(0);
        if let Some(year_day) = self.year_day {
            let length = (1..=12).map(|month| days_in_month(year, month)).sum();
            let mut day = in_range(year_day, 1..=length, "day of the year")?;
            let mut month = 1;
            while day > days_in_month(year, month) {
                day -= days_in_month(year, month);
                month += 1;
            }
            if self.month.is_some_and(|given| given != month) || self.day.is_some_and(|given| given != day) {
                return Err("the day of the year does not match the date".to_owned());
            }
            return Ok((year, month, day));
        }
        let month = self.month.unwrap_or(1);
        let day = in_range(self.day.unwrap_or(1), 1..=days_in_month(year, month), "day")?;
        Ok((year, month, day))
    }
}

/// Takes the literal part of a layout off the text. As in Go, blanks in the layout match any number of blanks.
fn literal<'a>(mut text: &'a [u8], mut literal: &[u8]) -> Step<'a> {
    while let Some((expected, after)) = literal.split_first() {
        if *expected == b' ' {
            if text.first().is_some_and(|byte| *byte != b' ') {
                return Err(format!("expected a blank at {:?}", lossy(text)));
            }
            text = trim_blanks(text);
            literal = trim_blanks(literal);
            continue;
        }
        match text.split_first() {
            Some((byte, rest)) if byte == expected => text = rest,
            _ => return Err(format!("expected {:?} at {:?}", lossy(literal), lossy(text))),
        }
        literal = after;
    }
    Ok(text)
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(blanks..).unwrap_or_default()
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// One or two digits, or exactly two.
fn two_digits<'a>(text: &'a [u8], exact: bool, what: &str) -> Result<(i64, &'a [u8]), String> {
    let count = text.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || (exact && count < 2) {
        return Err(format!("expected the {what} at {:?}", lossy(text)));
    }
    let (digits, rest) = text.split_at(count);
    Ok((number(digits).unwrap_or(0), rest))
}

fn in_range(number: i64, range: std::ops::RangeInclusive<i64>, what: &str) -> Result<i64, String> {
    if range.contains(&number) { Ok(number) } else { Err(format!("{what} out of range")) }
}

/// The name (or its first `length` letters) that the text starts with, in any case of letters.
fn name<'a>(text: &'a [u8], names: &[&str], length: usize) -> Option<(usize, &'a [u8])> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = name.as_bytes();
        let name = name.get(..length.min(name.len()))?;
        let (start, rest) = text.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some((index, rest))
    })
}

/// How many digits follow a `.` or `,`.
fn fraction_length(text: &[u8]) -> usize {
    match text.split_first() {
        Some((b'.' | b',', digits)) => digits.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    }
}

/// The length of a zone's abbreviation: three to five capitals under Go's rules, `GMT` with an hour, or a bare offset.
fn abbreviation_length(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours(rest).unwrap_or(0));
    }
    if matches!(text.first(), Some(b'+' | b'-')) {
        return signed_hours(text);
    }
    let capitals = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    match capitals {
        3 => Some(3),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        5 if text.get(4) == Some(&b'T') => Some(5),
        _ => None,
    }
}

/// The length of `+3` or `-11`; hours from -23 to 23.
fn signed_hours(text: &[u8]) -> Option<usize> {
    let (b'+' | b'-', digits) = text.split_first()? else { return None };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hours = number(digits.get(..count)?)?;
    (hours <= 23).then_some(count + 1)
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
