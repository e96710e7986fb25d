//! Reading numbers as `strconv.ParseInt`, `ParseUint` and `ParseFloat`.

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not a number at all.
    Syntax,
    /// A number that does not fit.
    Range,
}

impl std::fmt::Display for NumberError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a number",
            Self::Range => "number out of range",
        })
    }
}

impl std::error::Error for NumberError {}

/// `strconv.ParseInt`: base 0 takes the base from the prefix (`0x`, `0o`, `0b`, `0`) and allows `_` between digits; `bits` is 8, 16, 32 or 64.
pub fn parse_int(text: &str, base: u32, bits: u32) -> Result<i64, NumberError> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let number = parse_uint(digits, base, 64)?;
    let limit = 1_u64 << (bits.clamp(1, 64) - 1);
    match (negative, i64::try_from(number)) {
        (true, _) if number <= limit => Ok(0_i64.wrapping_sub_unsigned(number)),
        (false, Ok(signed)) if number < limit => Ok(signed),
        _ => Err(NumberError::Range),
    }
}

/// `strconv.ParseUint`: as [`parse_int`], without a sign.
pub fn parse_uint(text: &str, base: u32, bits: u32) -> Result<u64, NumberError> {
    let (radix, digits) = match base {
        0 => prefixed(text),
        base if (2..=36).contains(&base) => (base, text),
        _ => return Err(NumberError::Syntax),
    };
    if base == 0 && text.contains('_') && !underscores_ok(text) {
        return Err(NumberError::Syntax);
    }
    let mut number: u64 = 0;
    let mut any = false;
    let mut overflow = false;
    for c in digits.chars() {
        if c == '_' && base == 0 {
            continue;
        }
        let digit = c.to_digit(radix).ok_or(NumberError::Syntax)?;
        any = true;
        match number.checked_mul(u64::from(radix)).and_then(|number| number.checked_add(u64::from(digit))) {
            Some(next) => number = next,
            None => overflow = true,
        }
    }
    if !any {
        return Err(NumberError::Syntax);
    }
    let fits = bits >= 64 || number >> bits == 0;
    if overflow || !fits { Err(NumberError::Range) } else { Ok(number) }
}

/// The base that a prefix asks for, and the digits after it.
fn prefixed(text: &str) -> (u32, &str) {
    let mut start = text.chars();
    match (start.next(), start.next().map(|c| c.to_ascii_lowercase())) {
        (Some('0'), Some('x')) if text.len() > 2 => (16, start.as_str()),
        (Some('0'), Some('b')) if text.len() > 2 => (2, start.as_str()),
        (Some('0'), Some('o')) if text.len() > 2 => (8, start.as_str()),
        (Some('0'), Some(_)) => (8, text.strip_prefix('0').unwrap_or(text)),
        _ => (10, text),
    }
}

/// Underscores may stand only between digits, or between a prefix and a digit.
fn underscores_ok(text: &str) -> bool {
    let lower = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let prefix = ["0x", "0b", "0o"].into_iter().find(|prefix| lower.starts_with(prefix));
    let digits = prefix.and_then(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
    let hex = prefix == Some("0x");
    let mut before = if prefix.is_some() { '0' } else { '^' };
    for c in digits.chars() {
        let class = match c {
            '_' if before != '0' => return false,
            '_' => '_',
            c if c.is_ascii_digit() || (hex && c.is_ascii_hexdigit()) => '0',
            _ if before == '_' => return false,
            _ => '!',
        };
        before = class;
    }
    before != '_'
}

/// `strconv.ParseFloat`: decimal and hexadecimal floats, `inf`, `infinity` and `nan` in any case, `_` between digits; 32 or 64 bits.
pub fn parse_float(text: &str, bits: u32) -> Result<f64, NumberError> {
    let (sign, body) = match text.strip_prefix(['+', '-']) {
        Some(body) => (if text.starts_with('-') { -1.0 } else { 1.0 }, body),
        None => (1.0, text),
    };
    let lower = body.to_ascii_lowercase();
    match lower.as_str() {
        "inf" | "infinity" => return Ok(sign * f64::INFINITY),
        "nan" if body.len() == text.len() => return Ok(f64::NAN),
        _ => {}
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        if hex.contains('_') && !underscores_ok(&lower) {
            return Err(NumberError::Syntax);
        }
        return parse_hex_float(&hex.replace('_', ""), bits).map(|number| sign * number);
    }
    if lower.contains('_') && !underscores_ok(&lower) {
        return Err(NumberError::Syntax);
    }
    let lower = lower.replace('_', "");
    let decimal = !lower.is_empty()
        && lower.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'+' | b'-'));
    if !decimal {
        return Err(NumberError::Syntax);
    }
    let number: f64 = if bits == 32 {
        lower.parse::<f32>().map(f64::from).map_err(|_| NumberError::Syntax)?
    } else {
        lower.parse().map_err(|_| NumberError::Syntax)?
    };
    if number.is_infinite() { Err(NumberError::Range) } else { Ok(sign * number) }
}

/// `h.hhhp±d`; the exponent is required.
fn parse_hex_float(text: &str, bits: u32) -> Result<f64, NumberError> {
    let (mantissa, exponent) = text.split_once('p').ok_or(NumberError::Syntax)?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && part.is_empty() {
        return Err(NumberError::Syntax);
    }
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    let exponent: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 });
    // 61 bits of the mantissa, and one that says whether anything is below them, are enough to round correctly.
    let (mut kept, mut scale) = (0_u64, 0_i64);
    for (index, c) in whole.chars().chain(part.chars()).enumerate() {
        let digit = u64::from(c.to_digit(16).ok_or(NumberError::Syntax)?);
        let after_point = index >= whole.len();
        if kept < 1 << 57 {
            kept = kept << 4 | digit;
            scale -= if after_point { 4 } else { 0 };
        } else {
            kept |= u64::from(digit != 0);
            scale += if after_point { 0 } else { 4 };
        }
    }
    if kept == 0 {
        return Ok(0.0);
    }
    let number = scaled(
        kept,
        scale.saturating_add(exponent),
        if bits == 32 { (24, -149, 127) } else { (53, -1074, 1023) },
    );
    number.ok_or(NumberError::Range)
}

/// `kept × 2^scale`, rounded half to even to a format of so many bits, a smallest and a largest exponent.
fn scaled(kept: u64, scale: i64, (bits, lowest, highest): (i64, i64, i64)) -> Option<f64> {
    let length = 64 - i64::from(kept.leading_zeros());
    let top = length + scale - 1;
    if top > highest {
        return None;
    }
    // How many low bits have to go.
    let drop = (length - bits).max(lowest - scale).max(0);
    let rounded = if drop >= 64 {
        0
    } else {
        let low = kept & ((1_u64 << drop) - 1);
        let high = kept >> drop;
        let half = if drop == 0 { 0 } else { 1_u64 << (drop - 1) };
        if drop > 0 && (low > half || (low == half && high & 1 == 1)) { high + 1 } else { high }
    };
    #[expect(clippy::cast_precision_loss, reason = "at most 53 bits are left")]
    let number = rounded as f64;
    let exponent = i32::try_from(scale + drop).ok()?;
    // Two steps, because a single power of two would leave the range for the smallest numbers.
    let half = exponent / 2;
    let number = number * 2.0_f64.powi(half) * 2.0_f64.powi(exponent - half);
    let largest = if bits == 24 { f64::from(f32::MAX) } else { f64::MAX };
    (number <= largest).then_some(number)
}

/// `strconv.FormatInt`.
pub fn format_int(number: i64, base: u32) -> String {
    let mut size = number.unsigned_abs();
    let base = base.clamp(2, 36);
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(size % u64::from(base)).unwrap_or(0);
        digits.push(char::from_digit(digit, base).unwrap_or('0'));
        size /= u64::from(base);
        if size == 0 {
            break;
        }
    }
    if number < 0 {
        digits.push('-');
    }
    digits.iter().rev().collect()
}

/// Cuts `.0`, `.00`, … off, as the library below Sprig's `int` does.
pub fn trim_zero_decimal(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    }
}
