//! Reads literals: numbers, characters and quoted texts, by Go's rules.

use dodona_value::{Value, strconv};

/// A number literal under every type that can hold it. Which one counts depends on where it is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    /// Written so that it is a float where any type would do.
    written_as_float: bool,
    /// The imaginary part is not zero.
    complex: Option<(f64, f64)>,
}

impl Number {
    /// Reads an integer, float or imaginary literal.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(imaginary) = text.strip_suffix('i')
            && let Some(imaginary) = parse_float(imaginary)
        {
            return Ok(Self::complex(0.0, imaginary));
        }
        let mut number = Self { int: None, uint: None, float: None, written_as_float: false, complex: None };
        let unsigned = parse_uint(text);
        number.uint = unsigned;
        number.int = parse_int(text);
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        if let Some(int) = number.int {
            number.float = Some(as_float(int));
        } else if let Some(uint) = number.uint {
            number.float = Some(uint_as_float(uint));
        } else if let Some(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {text:?}"));
            }
            number.set_float(float);
        } else {
            return Err(format!("illegal number syntax: {text:?}"));
        }
        number.written_as_float = !is_hex_integer(text) && text.contains(['.', 'e', 'E', 'p', 'P']);
        Ok(number)
    }

    /// Reads a complex literal such as `1+2i`.
    pub(crate) fn parse_complex(text: &str) -> Result<Self, String> {
        let bad = || format!("illegal number syntax: {text:?}");
        let body = text.strip_suffix('i').ok_or_else(bad)?;
        let bytes = body.as_bytes();
        let split = (1..bytes.len())
            .rev()
            .find(|&at| {
                matches!(bytes.get(at), Some(b'+' | b'-'))
                    && !matches!(bytes.get(at - 1), Some(b'e' | b'E' | b'p' | b'P'))
            })
            .ok_or_else(bad)?;
        let real = body.get(..split).and_then(parse_float).ok_or_else(bad)?;
        let imaginary = body.get(split..).and_then(parse_float).ok_or_else(bad)?;
        Ok(Self::complex(real, imaginary))
    }

    /// Reads a character literal, quotes included.
    pub(crate) fn parse_char(text: &str) -> Result<Self, String> {
        let malformed = || format!("malformed character constant: {text}");
        let body = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).ok_or_else(malformed)?;
        let mut bytes = Vec::new();
        let mut rest = body;
        let code = match unquote_one(&mut rest, '\'', &mut bytes)? {
            Some(code) if rest.is_empty() => code,
            _ => return Err(malformed()),
        };
        let code = i64::from(code);
        Ok(Self {
            int: Some(code),
            uint: code.try_into().ok(),
            float: Some(as_float(code)),
            written_as_float: false,
            complex: None,
        })
    }

    fn complex(real: f64, imaginary: f64) -> Self {
        let mut number = Self {
            int: None,
            uint: None,
            float: None,
            written_as_float: true,
            complex: Some((real, imaginary)),
        };
        if imaginary == 0.0 {
            number.set_float(real);
        }
        number
    }

    /// Sets the float and the integers that are exactly equal to it.
    fn set_float(&mut self, float: f64) {
        self.float = Some(float);
        if float.fract() == 0.0
            && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&float)
        {
            self.int = Some(truncate(float));
        }
        if float.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&float) {
            self.uint = Some(truncate_unsigned(float));
        }
    }

    /// The value where any type will do: an `int` or a `float64`.
    pub(crate) fn ideal(&self, text: &str) -> Result<Value, String> {
        match (self.complex, self.int, self.float) {
            (Some((real, imaginary)), ..) => Ok(Value::from(complex_text(real, imaginary))),
            (None, _, Some(float)) if self.written_as_float => Ok(Value::float(float)),
            (None, Some(int), _) => Ok(Value::int(int)),
            _ => Err(format!("{text} overflows int")),
        }
    }
}

/// Complex numbers exist as literals only; no function takes them, so their text stands for them.
fn complex_text(real: f64, imaginary: f64) -> String {
    format!(
        "({}{}{}i)",
        Value::float(real),
        if imaginary.is_sign_negative() { "" } else { "+" },
        Value::float(imaginary)
    )
}

#[expect(clippy::cast_precision_loss, reason = "Go rounds as well")]
fn as_float(int: i64) -> f64 {
    int as f64
}

#[expect(clippy::cast_precision_loss, reason = "Go rounds as well")]
fn uint_as_float(int: u64) -> f64 {
    int as f64
}

#[expect(clippy::cast_possible_truncation, reason = "the caller has checked the range")]
fn truncate(float: f64) -> i64 {
    float as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the caller has checked the range"
)]
fn truncate_unsigned(float: f64) -> u64 {
    float as u64
}

fn is_hex_integer(text: &str) -> bool {
    text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P'])
}

fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let value = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -value } else { value }).ok()
}

/// An unsigned integer in the base that its prefix names; underscores may separate digits.
fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (base, digits, prefixed) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits, true)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits, true)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits, true)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, lower.get(1..)?, true)
    } else {
        (10, lower.as_str(), false)
    };
    if !good_underscores(digits, prefixed) {
        return None;
    }
    let digits = digits.replace('_', "");
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    u64::from_str_radix(&digits, base).ok()
}

/// Underscores stand between digits, or right behind a prefix.
fn good_underscores(digits: &str, prefixed: bool) -> bool {
    !digits.ends_with('_') && !digits.contains("__") && (prefixed || !digits.starts_with('_'))
}

fn parse_float(text: &str) -> Option<f64> {
    // A letter in front would be `inf` or `nan`, which are no literals.
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    strconv::parse_float(text, 64).ok()
}

/// The bytes of a text literal, quotes included in `text`.
pub(crate) fn unquote(text: &str) -> Result<Vec<u8>, String> {
    if let Some(raw) = text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        return Ok(raw.bytes().filter(|byte| *byte != b'\r').collect());
    }
    let body = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let mut rest = body.ok_or_else(|| format!("invalid text {text}"))?;
    let mut bytes = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        unquote_one(&mut rest, '"', &mut bytes)?;
    }
    Ok(bytes)
}

/// Takes one character or escape from the front of `rest`, adds its bytes and returns its code.
fn unquote_one(rest: &mut &str, quote: char, out: &mut Vec<u8>) -> Result<Option<u32>, String> {
    let mut chars = rest.chars();
    let Some(c) = chars.next() else { return Ok(None) };
    if c == quote {
        return Err(format!("a {quote} inside of quotes must be written \\{quote}"));
    }
    if c != '\\' {
        *rest = chars.as_str();
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        return Ok(Some(u32::from(c)));
    }
    let escape = chars.next().ok_or("invalid syntax: a lone \\")?;
    let bad = || format!("invalid syntax: unknown escape \\{escape}");
    let code = match escape {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        '\\' => u32::from('\\'),
        c if c == quote => u32::from(c),
        'x' => return byte_escape(chars.as_str(), rest, 2, 16, out).map(Some).ok_or_else(bad),
        '0'..='7' => {
            let digits = rest.get(1..).unwrap_or_default();
            return byte_escape(digits, rest, 3, 8, out).map(Some).ok_or_else(bad);
        }
        'u' | 'U' => {
            let length = if escape == 'u' { 4 } else { 8 };
            let digits = chars.as_str().get(..length).ok_or_else(bad)?;
            let code = radix(digits, 16).and_then(char::from_u32).ok_or_else(bad)?;
            *rest = chars.as_str().get(length..).unwrap_or_default();
            out.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(Some(u32::from(code)));
        }
        _ => return Err(bad()),
    };
    *rest = chars.as_str();
    out.push(u8::try_from(code).unwrap_or(b'?'));
    Ok(Some(code))
}

/// `\xhh` or `\ooo`: one byte, which need not be a character.
fn byte_escape<'s>(
    digits: &'s str,
    rest: &mut &'s str,
    length: usize,
    base: u32,
    out: &mut Vec<u8>,
) -> Option<u32> {
    let code = radix(digits.get(..length)?, base)?;
    out.push(u8::try_from(code).ok()?);
    *rest = digits.get(length..)?;
    Some(code)
}

fn radix(digits: &str, base: u32) -> Option<u32> {
    if !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    u32::from_str_radix(digits, base).ok()
}
