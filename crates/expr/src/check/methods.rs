//! The methods of times, durations and their relatives, as far as the load-time check needs them.
//! What the methods do is the business of `dodona-value`.

use super::nature::Ty;

/// A method: what it takes, what it gives (the first value) and how many values it gives.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) params: &'static [Ty],
    pub(super) result: Ty,
    pub(super) results: usize,
}

#[expect(clippy::unnecessary_wraps, reason = "the rows read better")]
const fn method(params: &'static [Ty], result: Ty) -> Option<Method> {
    Some(Method { params, result, results: 1 })
}

#[expect(clippy::unnecessary_wraps, reason = "the rows read better")]
const fn several(result: Ty, results: usize) -> Option<Method> {
    Some(Method { params: &[], result, results })
}

/// The method `name` of values of type `receiver`.
pub(super) fn method_of(receiver: Ty, name: &[u8]) -> Option<Method> {
    match receiver {
        Ty::Time => of_time(name),
        Ty::Duration => of_duration(name),
        Ty::Month | Ty::Weekday | Ty::Location if name == b"String" => method(&[], Ty::Str),
        _ => None,
    }
}

fn of_time(name: &[u8]) -> Option<Method> {
    match name {
        b"Add" | b"Round" | b"Truncate" => method(&[Ty::Duration], Ty::Time),
        b"AddDate" => method(&[Ty::Int, Ty::Int, Ty::Int], Ty::Time),
        b"After" | b"Before" | b"Equal" => method(&[Ty::Time], Ty::Bool),
        b"AppendBinary" | b"AppendText" => method(&[Ty::Bytes], Ty::Bytes),
        b"AppendFormat" => method(&[Ty::Bytes, Ty::Str], Ty::Bytes),
        b"Clock" | b"Date" => several(Ty::Int, 3),
        b"Compare" => method(&[Ty::Time], Ty::Int),
        b"Format" => method(&[Ty::Str], Ty::Str),
        b"GoString" | b"String" => method(&[], Ty::Str),
        b"GobEncode" | b"MarshalBinary" | b"MarshalJSON" | b"MarshalText" => method(&[], Ty::Bytes),
        b"ISOWeek" => several(Ty::Int, 2),
        b"In" => method(&[Ty::Location], Ty::Time),
        b"IsDST" | b"IsZero" => method(&[], Ty::Bool),
        b"Local" | b"UTC" => method(&[], Ty::Time),
        b"Location" => method(&[], Ty::Location),
        b"Month" => method(&[], Ty::Month),
        b"Sub" => method(&[Ty::Time], Ty::Duration),
        b"Unix" | b"UnixMicro" | b"UnixMilli" | b"UnixNano" => method(&[], Ty::Int64),
        b"Weekday" => method(&[], Ty::Weekday),
        b"Year" | b"YearDay" | b"Day" | b"Hour" | b"Minute" | b"Second" | b"Nanosecond" => {
            method(&[], Ty::Int)
        }
        b"Zone" => several(Ty::Str, 2),
        b"ZoneBounds" => several(Ty::Time, 2),
        _ => None,
    }
}

fn of_duration(name: &[u8]) -> Option<Method> {
    match name {
        b"Abs" => method(&[], Ty::Duration),
        b"Hours" | b"Minutes" | b"Seconds" => method(&[], Ty::Float),
        b"Microseconds" | b"Milliseconds" | b"Nanoseconds" => method(&[], Ty::Int64),
        b"Round" | b"Truncate" => method(&[Ty::Duration], Ty::Duration),
        b"String" => method(&[], Ty::Str),
        _ => None,
    }
}
