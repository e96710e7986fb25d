//! Flags, width and precision, and the formats of booleans, numbers and texts under them.

use super::Text;
use crate::strconv;

/// The flags of one verb.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of the format language")]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`: `plus` means something else for `v`.
    pub(super) plus_v: bool,
    /// `%#v`.
    pub(super) sharp_v: bool,
}

impl Flags {
    fn without_zero(self) -> Self {
        Self { zero: false, ..self }
    }

    fn padding(self, text: &mut Text, count: usize) {
        // Zeros are padded to the left only.
        text.fill(if self.zero && !self.minus { b'0' } else { b' ' }, count);
    }

    /// Writes bytes, padded to the width in characters.
    pub(super) fn pad(self, text: &mut Text, bytes: &[u8]) {
        let Some(width) = self.width else { return text.push(bytes) };
        let missing = width.saturating_sub(characters(bytes));
        if self.minus {
            text.push(bytes);
            self.padding(text, missing);
        } else {
            self.padding(text, missing);
            text.push(bytes);
        }
    }

    pub(super) fn boolean(self, text: &mut Text, truth: bool) {
        self.pad(text, if truth { b"true" } else { b"false" });
    }

    /// A whole number in base 2, 8, 10 or 16.
    pub(super) fn integer(self, text: &mut Text, size: u64, negative: bool, verb: char) {
        let mut digits = match verb {
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            _ => size.to_string(),
        };
        let signed = negative || self.plus || self.space;
        let least = match (self.precision, self.width) {
            (Some(0), _) if size == 0 => {
                return self.without_zero().padding(text, self.width.unwrap_or(0));
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if self.zero && !self.minus => width.saturating_sub(usize::from(signed)),
            _ => 0,
        };
        fill_left(&mut digits, least);
        let mut prefix = String::new();
        if negative {
            prefix.push('-');
        } else if self.plus {
            prefix.push('+');
        } else if self.space {
            prefix.push(' ');
        }
        prefix.push_str(match verb {
            'O' if self.sharp && !digits.starts_with('0') => "0o0",
            'O' => "0o",
            'b' if self.sharp => "0b",
            'o' if self.sharp && !digits.starts_with('0') => "0",
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            _ => "",
        });
        self.without_zero().pad(text, format!("{prefix}{digits}").as_bytes());
    }

    /// `%U`.
    pub(super) fn unicode(self, text: &mut Text, code: u64) {
        let least = self.precision.unwrap_or(4).max(4);
        let mut digits = format!("{code:X}");
        fill_left(&mut digits, least);
        let mut form = format!("U+{digits}");
        if self.sharp
            && let Some(c) = u32::try_from(code).ok().and_then(char::from_u32)
            && strconv::is_print(c)
        {
            form.extend([' ', '\'', c, '\'']);
        }
        self.without_zero().pad(text, form.as_bytes());
    }

    /// `%c`.
    pub(super) fn character(self, text: &mut Text, code: u64) {
        let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.pad(text, c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// `%q` of a number.
    pub(super) fn quoted_character(self, text: &mut Text, code: u64) {
        let code = i64::try_from(code).unwrap_or(-1);
        let form = if self.plus { strconv::quote_rune_to_ascii(code) } else { strconv::quote_rune(code) };
        self.pad(text, form.as_bytes());
    }

    /// A float; `precision` is the one to take where the format does not say.
    pub(super) fn float(self, text: &mut Text, number: f64, bits: u32, verb: u8, precision: i32) {
        let precision =
            self.precision.map_or(precision, |precision| i32::try_from(precision).unwrap_or(i32::MAX));
        let form = strconv::format_float(number, verb, precision, bits);
        let (negative, mut body) = match form.strip_prefix(['-', '+']) {
            Some(body) => (form.starts_with('-'), body.to_owned()),
            None => (false, form),
        };
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if !number.is_finite() {
            // Go prints infinity with its sign always, except that a blank may take the place of `+`.
            let sign = if sign.is_empty() && number.is_infinite() && self.plus { "+" } else { sign };
            let sign = if sign.is_empty() && number.is_infinite() { "+" } else { sign };
            return self.without_zero().pad(text, format!("{sign}{body}").as_bytes());
        }
        if self.sharp && verb != b'b' {
            body = with_point(&body, verb, precision);
        }
        if !sign.is_empty()
            && self.zero
            && !self.minus
            && let Some(width) = self.width
            && width > sign.len() + body.len()
        {
            text.push_str(sign);
            self.padding(text, width - sign.len() - body.len());
            return text.push_str(&body);
        }
        self.pad(text, format!("{sign}{body}").as_bytes());
    }

    /// `%s` and `%v` of a text.
    pub(super) fn string(self, text: &mut Text, bytes: &[u8]) {
        self.pad(text, self.cut(bytes));
    }

    /// `%q` of a text.
    pub(super) fn quoted(self, text: &mut Text, bytes: &[u8]) {
        let bytes = self.cut(bytes);
        if self.sharp && strconv::can_backquote(bytes) {
            return self.pad(text, &[b"`", bytes, b"`"].concat());
        }
        let form = if self.plus { strconv::quote_to_ascii(bytes) } else { strconv::quote(bytes) };
        self.pad(text, form.as_bytes());
    }

    /// `%x` and `%X` of a text.
    pub(super) fn hexadecimal(self, text: &mut Text, bytes: &[u8], upper: bool) {
        let bytes = bytes.get(..self.precision.unwrap_or(usize::MAX).min(bytes.len())).unwrap_or_default();
        if bytes.is_empty() {
            return self.padding(text, self.width.unwrap_or(0));
        }
        let prefix = match (self.sharp, upper) {
            (false, _) => "",
            (true, false) => "0x",
            (true, true) => "0X",
        };
        let mut form = String::with_capacity(bytes.len() * 2);
        for (index, byte) in bytes.iter().enumerate() {
            if self.space && index > 0 {
                form.push(' ');
            }
            if self.space || index == 0 {
                form.push_str(prefix);
            }
            let digits = if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
            form.push_str(&digits);
        }
        self.pad(text, form.as_bytes());
    }

    /// The first characters, as the precision says.
    fn cut(self, bytes: &[u8]) -> &[u8] {
        let Some(precision) = self.precision else { return bytes };
        let mut rest = bytes;
        for _ in 0..precision {
            let Some(length) = first_character(rest) else { return bytes };
            rest = rest.get(length..).unwrap_or_default();
        }
        bytes.get(..bytes.len() - rest.len()).unwrap_or_default()
    }
}

/// Zeros on the left, up to `least` digits. (The formatter of Rust refuses widths above 65,535.)
fn fill_left(digits: &mut String, least: usize) {
    if let Some(missing) = least.checked_sub(digits.len()).filter(|missing| *missing > 0) {
        digits.insert_str(0, &"0".repeat(missing));
    }
}

/// How many bytes the first character has; a byte that is not UTF-8 counts as one.
fn first_character(bytes: &[u8]) -> Option<usize> {
    let start = bytes.get(..bytes.len().min(4))?;
    if start.is_empty() {
        return None;
    }
    let valid = start.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    Some(valid.chars().next().map_or(1, char::len_utf8))
}

/// How many characters there are, as Go counts: a byte that is not UTF-8 is one.
pub(super) fn characters(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// `%#g` and relatives: a decimal point always, and for `g` the zeros up to the precision.
fn with_point(body: &str, verb: u8, precision: i32) -> String {
    let hex = matches!(verb, b'x' | b'X');
    let mut digits = match verb {
        b'g' | b'G' | b'x' if precision == -1 => 6,
        b'g' | b'G' | b'x' => precision,
        _ => 0,
    };
    let at =
        body.find(|c: char| matches!(c, 'p' | 'P') || (!hex && matches!(c, 'e' | 'E'))).unwrap_or(body.len());
    let (number, tail) = body.split_at(at);
    let mut significant = false;
    for c in number.chars().filter(|c| *c != '.') {
        significant |= c != '0';
        digits -= i32::from(significant);
    }
    let mut form = number.to_owned();
    if !number.contains('.') {
        digits -= i32::from(number == "0");
        form.push('.');
    }
    form.push_str(&"0".repeat(usize::try_from(digits).unwrap_or(0)));
    form.push_str(tail);
    form
}
