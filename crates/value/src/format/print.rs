//! Values under a verb.

use super::pad::Flags;
use super::{MAX_DEPTH, Text};
use crate::func::Host;
use crate::list::List;
use crate::map::Map;
use crate::methods;
use crate::time::{MONTHS, Time};
use crate::types::{FloatKind, GoType, IntKind, Kind, UintKind};
use crate::value::Value;

/// What an address prints as. Go prints where the thing lies in memory, which differs on every run.
const ADDRESS: u64 = 0xc000_0000_0000;

/// Prints values under one set of flags.
pub(super) struct Printer<'t> {
    text: &'t mut Text,
    flags: Flags,
    /// Inside the complaint about a bad verb: methods are not asked any more.
    erroring: bool,
}

impl<'t> Printer<'t> {
    pub(super) fn new(text: &'t mut Text) -> Self {
        Self::with(text, Flags::default())
    }

    pub(super) const fn with(text: &'t mut Text, flags: Flags) -> Self {
        Self { text, flags, erroring: false }
    }

    /// Prints an argument.
    pub(super) fn print(&mut self, value: &Value, verb: char) {
        match verb {
            'T' if value.is_nil() => self.flags.pad(self.text, b"<nil>"),
            'T' => self.flags.string(self.text, value.type_name().as_bytes()),
            'p' => self.pointer_verb(value),
            _ if value.is_nil() => match verb {
                'v' => self.flags.pad(self.text, b"<nil>"),
                _ => self.bad_verb(value, verb),
            },
            // `%w` is for `Errorf` only.
            'w' if !matches!(value, Value::Bytes(_)) => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if self.text.is_full() {
            return;
        }
        if depth > MAX_DEPTH {
            return self.text.push(b"...");
        }
        match value {
            Value::Missing | Value::Nil => self.nil_inside(),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.flags.boolean(self.text, *truth),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(number, kind) => self.int(value, *number, *kind, verb),
            Value::Uint(number, _) => self.integer(value, *number, false, true, verb),
            Value::Float(number, kind) => self.float(value, *number, *kind, verb),
            Value::Str(bytes) => self.string(value, bytes, verb),
            Value::Bytes(bytes) => self.bytes(value, bytes.as_deref(), verb, depth),
            Value::List(list) => self.list(list, verb, depth),
            Value::Map(map) => self.map(map, verb, depth),
            Value::Time(time) => self.time(value, time, verb),
            Value::Duration(duration) => {
                if self.asks_string(verb) {
                    return self.string(value, duration.to_string().as_bytes(), verb);
                }
                let number = duration.nanoseconds();
                self.integer(value, number.unsigned_abs(), number < 0, false, verb);
            }
            Value::Func(_) => self.pointer(value, verb, &value.type_name()),
            Value::Host(host) => self.host(value, host.as_ref(), verb, depth),
        }
    }

    /// Whether Go would ask the value for its `String()`.
    const fn asks_string(&self, verb: char) -> bool {
        !self.erroring && !self.flags.sharp_v && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
    }

    fn nil_inside(&mut self) {
        self.text.push(if self.flags.sharp_v { b"interface {}(nil)" } else { b"<nil>" });
    }

    fn int(&mut self, value: &Value, number: i64, kind: IntKind, verb: char) {
        if self.asks_string(verb)
            && let Some(name) = methods::named(number, kind)
        {
            return self.string(value, name.as_bytes(), verb);
        }
        self.integer(value, number.unsigned_abs(), number < 0, false, verb);
    }

    fn integer(&mut self, value: &Value, size: u64, negative: bool, unsigned: bool, verb: char) {
        let code = if negative { u64::MAX } else { size };
        match verb {
            'v' if self.flags.sharp_v && unsigned => {
                let flags = Flags { sharp: true, ..self.flags };
                flags.integer(self.text, size, false, 'x');
            }
            'v' | 'd' => self.flags.integer(self.text, size, negative, 'd'),
            'b' | 'o' | 'O' | 'x' | 'X' => self.flags.integer(self.text, size, negative, verb),
            'c' => self.flags.character(self.text, code),
            'q' => self.flags.quoted_character(self.text, code),
            'U' => self.flags.unicode(self.text, if negative { 0_u64.wrapping_sub(size) } else { size }),
            _ => self.bad_verb(value, verb),
        }
    }

    fn float(&mut self, value: &Value, number: f64, kind: FloatKind, verb: char) {
        let bits = if kind == FloatKind::Float32 { 32 } else { 64 };
        match verb {
            'v' => self.flags.float(self.text, number, bits, b'g', -1),
            'b' | 'g' | 'G' | 'x' | 'X' => {
                let verb = u8::try_from(verb).unwrap_or(b'g');
                self.flags.float(self.text, number, bits, verb, -1);
            }
            'f' | 'e' | 'E' | 'F' => {
                let verb = if verb == 'F' { b'f' } else { u8::try_from(verb).unwrap_or(b'f') };
                self.flags.float(self.text, number, bits, verb, 6);
            }
            _ => self.bad_verb(value, verb),
        }
    }

    fn string(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.flags.quoted(self.text, bytes),
            'v' | 's' => self.flags.string(self.text, bytes),
            'x' => self.flags.hexadecimal(self.text, bytes, false),
            'X' => self.flags.hexadecimal(self.text, bytes, true),
            'q' => self.flags.quoted(self.text, bytes),
            _ => self.bad_verb(value, verb),
        }
    }

    fn bytes(&mut self, value: &Value, bytes: Option<&[u8]>, verb: char, depth: usize) {
        let content = bytes.unwrap_or_default();
        match verb {
            's' => self.flags.string(self.text, content),
            'x' | 'X' | 'q' => self.string(value, content, verb),
            'v' if self.flags.sharp_v => {
                // Go knows an argument as `[]byte`, and an item of another list by its type's own name.
                self.text.push(if depth == 0 { b"[]byte" } else { b"[]uint8" });
                if bytes.is_none() {
                    return self.text.push(b"(nil)");
                }
                self.text.push(b"{");
                for (index, byte) in content.iter().enumerate() {
                    if index > 0 {
                        self.text.push(b", ");
                    }
                    let flags = Flags { sharp: true, ..self.flags };
                    flags.integer(self.text, u64::from(*byte), false, 'x');
                }
                self.text.push(b"}");
            }
            _ => {
                self.text.push(b"[");
                for (index, byte) in content.iter().enumerate() {
                    if self.text.is_full() {
                        break;
                    }
                    if index > 0 {
                        self.text.push(b" ");
                    }
                    let byte = Value::Uint(u64::from(*byte), UintKind::Uint8);
                    self.value(&byte, verb, 1);
                }
                self.text.push(b"]");
            }
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.text.push_str(&GoType::list(list.element_type()).to_string());
            if list.is_nil() {
                return self.text.push(b"(nil)");
            }
        }
        self.text.push(if self.flags.sharp_v { b"{" } else { b"[" });
        for (index, item) in list.iter().enumerate() {
            if self.text.is_full() {
                break;
            }
            self.separator(index);
            self.value(&item, verb, depth + 1);
        }
        self.text.push(if self.flags.sharp_v { b"}" } else { b"]" });
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.text.push(if self.flags.sharp_v { b", " } else { b" " });
        }
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.text.push_str(&map.go_type().to_string());
            if map.is_nil() {
                return self.text.push(b"(nil)");
            }
            self.text.push(b"{");
        } else {
            self.text.push(b"map[");
        }
        for (index, (key, value)) in map.entries().into_iter().enumerate() {
            if self.text.is_full() {
                break;
            }
            self.separator(index);
            self.value(&key.to_value(), verb, depth + 1);
            self.text.push(b":");
            self.value(&value, verb, depth + 1);
        }
        self.text.push(if self.flags.sharp_v { b"}" } else { b"]" });
    }

    fn time(&mut self, value: &Value, time: &Time, verb: char) {
        if self.asks_string(verb) {
            return self.string(value, time.to_string().as_bytes(), verb);
        }
        if self.flags.sharp_v && !self.erroring {
            return self.flags.string(self.text, go_syntax(time).as_bytes());
        }
        self.fields(&TimeFields(time.clone()), verb, 0);
    }

    fn host(&mut self, value: &Value, host: &dyn Host, verb: char, depth: usize) {
        if self.asks_string(verb)
            && !host.is_nil()
            && let Some(string) = host.string()
        {
            return self.string(value, string.as_bytes(), verb);
        }
        if host.is_nil() {
            return self.pointer(value, verb, host.type_name());
        }
        if host.kind() == Kind::Ptr {
            if depth > 0 {
                return self.pointer(value, verb, host.type_name());
            }
            self.text.push(b"&");
        }
        self.fields(host, verb, depth);
    }

    fn fields(&mut self, host: &dyn Host, verb: char, depth: usize) {
        if self.flags.sharp_v {
            self.text.push_str(host.type_name().trim_start_matches('*'));
        }
        self.text.push(b"{");
        for (index, (name, field)) in host.inside().iter().enumerate() {
            self.separator(index);
            if self.flags.sharp_v || self.flags.plus_v {
                self.text.push_str(name);
                self.text.push(b":");
            }
            self.value(field, verb, depth + 1);
        }
        self.text.push(b"}");
    }

    /// Functions and pointers: an address.
    fn pointer(&mut self, value: &Value, verb: char, type_name: &str) {
        let address = if matches!(value, Value::Host(host) if host.is_nil()) { 0 } else { ADDRESS };
        match verb {
            'v' if self.flags.sharp_v => {
                let address = if address == 0 { "nil".to_owned() } else { format!("{address:#x}") };
                self.text.push_str(&format!("({type_name})({address})"));
            }
            'v' if address == 0 => self.flags.pad(self.text, b"<nil>"),
            'v' | 'p' => {
                let flags = Flags { sharp: !self.flags.sharp, ..self.flags };
                flags.integer(self.text, address, false, 'x');
            }
            'b' | 'o' | 'd' | 'x' | 'X' => self.flags.integer(self.text, address, false, verb),
            _ => self.bad_verb(value, verb),
        }
    }

    fn pointer_verb(&mut self, value: &Value) {
        match value {
            Value::Func(_) | Value::List(_) | Value::Bytes(_) | Value::Map(_) => self.pointer(value, 'p', ""),
            Value::Host(host) if host.kind() == Kind::Ptr => self.pointer(value, 'p', ""),
            other => self.bad_verb(other, 'p'),
        }
    }

    /// `%!d(string=x)`.
    fn bad_verb(&mut self, value: &Value, verb: char) {
        let outer = std::mem::replace(&mut self.erroring, true);
        self.text.push(b"%!");
        self.text.push_str(verb.encode_utf8(&mut [0; 4]));
        self.text.push(b"(");
        if value.is_nil() {
            self.text.push(b"<nil>");
        } else {
            self.text.push_str(&value.type_name());
            self.text.push(b"=");
            self.value(value, 'v', 0);
        }
        self.text.push(b")");
        self.erroring = outer;
    }
}

/// A time as the struct that it is in Go, for verbs that show the fields: nanoseconds, seconds since the zero time, the zone.
struct TimeFields(Time);

impl Host for TimeFields {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn fields(&self) -> &[&str] {
        &["wall", "ext", "loc"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "wall" => Value::Uint(u64::from(self.0.nanosecond()), UintKind::Uint64),
            "ext" => Value::int64(self.0.sub_seconds_from_zero()),
            _ if self.0.zone().is_utc() => Value::host(NilPointer("*time.Location")),
            _ => Value::host(methods::Location(self.0.zone().clone())),
        })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A pointer that points nowhere inside a value of Go's libraries, such as the zone of a time in UTC.
pub(crate) struct NilPointer(pub(crate) &'static str);

impl Host for NilPointer {
    fn type_name(&self) -> &'static str {
        self.0
    }

    fn is_nil(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// `%#v` of a time: the Go expression that makes it.
pub(crate) fn go_syntax(time: &Time) -> String {
    let (year, month, day) = time.civil();
    let (hour, minute, second) = time.clock();
    let month = MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or_default();
    let zone = match time.zone().name() {
        "UTC" => "time.UTC".to_owned(),
        "Local" => "time.Local".to_owned(),
        name => format!("time.Location({})", crate::strconv::quote(name.as_bytes())),
    };
    format!(
        "time.Date({year}, time.{month}, {day}, {hour}, {minute}, {second}, {}, {zone})",
        time.nanosecond()
    )
}
