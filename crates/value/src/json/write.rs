//! Values to JSON text.

use std::fmt::Write;

use crate::format::{MAX_DEPTH, Text};
use crate::func::Host;
use crate::map::{Key, Map};
use crate::strconv;
use crate::time::Time;
use crate::types::FloatKind;
use crate::value::Value;

/// How JSON is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether `<`, `>` and `&` are written as `\u003c`, `\u003e`, `\u0026`. Go's default.
    pub escape_html: bool,
    /// What one level of nesting is indented by; empty for the compact form.
    pub indent: &'static str,
}

impl Style {
    /// `json.Marshal`.
    pub const COMPACT: Self = Self { escape_html: true, indent: "" };
    /// `json.MarshalIndent` with two blanks.
    pub const PRETTY: Self = Self { escape_html: true, indent: "  " };
    /// Compact, and `<`, `>`, `&` as they are.
    pub const RAW: Self = Self { escape_html: false, indent: "" };
}

/// Why a value cannot be written as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// JSON has no such thing; the Go type (`func()`), or the number (`NaN`).
    Unsupported(String),
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsupported(what) => write!(f, "JSON cannot hold {what}"),
            Self::Depth => write!(f, "the value is nested deeper than {MAX_DEPTH} levels"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Writes a value.
pub fn write(text: &mut Text, value: &Value, style: Style) -> Result<(), WriteError> {
    Writer { text, style, depth: 0 }.value(value)
}

struct Writer<'t> {
    text: &'t mut Text,
    style: Style,
    depth: usize,
}

type Written = Result<(), WriteError>;

impl Writer<'_> {
    fn value(&mut self, value: &Value) -> Written {
        if self.text.is_full() {
            return Ok(());
        }
        match value {
            Value::Missing | Value::Nil | Value::Bytes(None) => self.text.push(b"null"),
            Value::Bool(truth) => self.text.push(if *truth { b"true" } else { b"false" }),
            Value::Int(number, _) => self.display(number),
            Value::Uint(number, _) => self.display(number),
            Value::Float(number, kind) => self.float(*number, *kind)?,
            Value::Str(bytes) => self.string(bytes),
            Value::Bytes(Some(bytes)) => self.base64(bytes),
            Value::List(list) if list.is_nil() => self.text.push(b"null"),
            Value::List(list) => self.items(list.iter(), list.len())?,
            Value::Map(map) => self.map(map)?,
            Value::Time(time) => self.time(time)?,
            Value::Duration(duration) => self.display(&duration.nanoseconds()),
            Value::Func(_) => return Err(WriteError::Unsupported(value.type_name())),
            Value::Host(host) => self.host(host.as_ref())?,
        }
        Ok(())
    }

    fn display(&mut self, number: &impl std::fmt::Display) {
        // A `Text` takes everything; what is too much is counted there.
        let written = write!(self.text, "{number}");
        debug_assert!(written.is_ok());
    }

    /// The exponent form starts below 1e-6 and from 1e21, and its exponent has no padding.
    fn float(&mut self, number: f64, kind: FloatKind) -> Written {
        if !number.is_finite() {
            return Err(WriteError::Unsupported(strconv::format_float(number, b'g', -1, 64)));
        }
        let bits = if kind == FloatKind::Float32 { 32 } else { 64 };
        let size = number.abs();
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            let form = strconv::format_float(number, b'e', -1, bits);
            self.text.push_str(&form.replace("e-0", "e-"));
        } else {
            self.text.push_str(&strconv::format_float(number, b'f', -1, bits));
        }
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) {
        self.text.push(b"\"");
        for chunk in bytes.utf8_chunks() {
            self.characters(chunk.valid());
            for _ in chunk.invalid() {
                self.text.push(br"\ufffd");
            }
        }
        self.text.push(b"\"");
    }

    fn characters(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(|c| self.needs_escape(c)) {
            let (plain, from_special) = rest.split_at(at);
            self.text.push_str(plain);
            let mut characters = from_special.chars();
            if let Some(c) = characters.next() {
                self.escape(c);
            }
            rest = characters.as_str();
        }
        self.text.push_str(rest);
    }

    const fn needs_escape(&self, c: char) -> bool {
        match c {
            '"' | '\\' | '\u{2028}' | '\u{2029}' => true,
            '<' | '>' | '&' => self.style.escape_html,
            c => c < ' ',
        }
    }

    fn escape(&mut self, c: char) {
        let short: &[u8] = match c {
            '"' => br#"\""#,
            '\\' => br"\\",
            '\n' => br"\n",
            '\r' => br"\r",
            '\t' => br"\t",
            '\u{8}' => br"\b",
            '\u{c}' => br"\f",
            _ => {
                self.text.push_str(&format!("\\u{:04x}", u32::from(c)));
                return;
            }
        };
        self.text.push(short);
    }

    fn base64(&mut self, bytes: &[u8]) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        self.text.push(b"\"");
        for chunk in bytes.chunks(3) {
            let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for index in 0..4 {
                let digit = (group >> (18 - 6 * index)) & 63;
                let digit = ALPHABET.get(digit as usize).copied().unwrap_or(b'=');
                self.text.push(&[if index <= chunk.len() { digit } else { b'=' }]);
            }
        }
        self.text.push(b"\"");
    }

    fn time(&mut self, time: &Time) -> Written {
        let text = time.to_rfc3339().map_err(|_| WriteError::Unsupported(format!("the time {time}")))?;
        self.string(text.as_bytes());
        Ok(())
    }

    fn open(&mut self, bracket: u8) -> Written {
        if self.depth >= MAX_DEPTH {
            return Err(WriteError::Depth);
        }
        self.depth += 1;
        self.text.push(&[bracket]);
        Ok(())
    }

    fn close(&mut self, bracket: u8, empty: bool) {
        self.depth -= 1;
        if !empty {
            self.line();
        }
        self.text.push(&[bracket]);
    }

    fn line(&mut self) {
        if !self.style.indent.is_empty() {
            self.text.push(b"\n");
            for _ in 0..self.depth {
                self.text.push_str(self.style.indent);
            }
        }
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.text.push(b",");
        }
        self.line();
    }

    fn key(&mut self, key: &[u8]) {
        self.string(key);
        self.text.push(if self.style.indent.is_empty() { b":" } else { b": " });
    }

    fn items(&mut self, items: impl Iterator<Item = Value>, count: usize) -> Written {
        self.open(b'[')?;
        for (index, item) in items.enumerate() {
            if self.text.is_full() {
                break;
            }
            self.separator(index);
            self.value(&item)?;
        }
        self.close(b']', count == 0);
        Ok(())
    }

    fn map(&mut self, map: &Map) -> Written {
        // The type of the keys decides, so an empty map is refused as well.
        if map.key_type() == crate::GoType::Any {
            return Err(WriteError::Unsupported(map.go_type().to_string()));
        }
        if map.is_nil() {
            self.text.push(b"null");
            return Ok(());
        }
        let mut entries = Vec::new();
        for (key, value) in map.entries() {
            let name = match &key {
                Key::Str(text) => text.clone(),
                Key::Int(number, _) | Key::Duration(number) => number.to_string().into(),
                Key::Uint(number, _) => number.to_string().into(),
                _ => return Err(WriteError::Unsupported(map.go_type().to_string())),
            };
            entries.push((name, value));
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        self.open(b'{')?;
        for (index, (key, value)) in entries.iter().enumerate() {
            if self.text.is_full() {
                break;
            }
            self.separator(index);
            self.key(key);
            self.value(value)?;
        }
        self.close(b'}', entries.is_empty());
        Ok(())
    }

    fn host(&mut self, host: &dyn Host) -> Written {
        if host.is_nil() {
            self.text.push(b"null");
            return Ok(());
        }
        if let Some(form) = host.json() {
            return self.value(&form);
        }
        self.open(b'{')?;
        for (index, name) in host.fields().iter().enumerate() {
            self.separator(index);
            self.key(name.as_bytes());
            self.value(&host.field(name).unwrap_or(Value::Nil))?;
        }
        self.close(b'}', host.fields().is_empty());
        Ok(())
    }
}
