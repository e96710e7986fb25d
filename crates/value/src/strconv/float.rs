//! Printing floats as `strconv.FormatFloat`.

/// `strconv.FormatFloat`: format `e`, `E`, `f`, `F`, `g`, `G`, `b`, `x` or `X` (anything else is taken as `g`), precision or -1 for as many digits as tell
/// the number apart from its neighbours, 32 or 64 bits.
pub fn format_float(number: f64, format: u8, precision: i32, bits: u32) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let size = number.abs();
    let precision = usize::try_from(precision).ok();
    let text = match format {
        b'b' => mantissa_and_exponent(size, bits),
        b'x' | b'X' => hexadecimal(size, precision),
        b'f' | b'F' => plain(size, precision, bits),
        b'e' | b'E' => {
            scientific(&Digits::of(size, precision.map(|digits| digits + 1), bits), precision, b'e')
        }
        _ => general(size, precision, bits),
    };
    let text =
        if format.is_ascii_uppercase() && !matches!(format, b'F') { text.to_ascii_uppercase() } else { text };
    format!("{sign}{text}")
}

/// No float has more decimal digits than this; after them come zeros only. (The formatter of Rust refuses precisions above 65,535, Go's goes to a million.)
const ALL_DIGITS: usize = 1_100;

fn fill_zeros(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n('0', count));
}

/// A number as decimal digits: `0.d1d2d3… × 10^point`.
struct Digits {
    digits: String,
    point: i32,
}

impl Digits {
    /// The shortest digits, or exactly `count` of them, correctly rounded.
    fn of(size: f64, count: Option<usize>, bits: u32) -> Self {
        let text = match (count, bits) {
            (Some(count), _) => format!("{size:.*e}", count.saturating_sub(1).min(ALL_DIGITS)),
            #[expect(clippy::cast_possible_truncation, reason = "the number holds a 32-bit float exactly")]
            (None, 32) => format!("{:e}", size as f32),
            (None, _) => nearest_even(size, format!("{size:e}")),
        };
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.replace('.', "");
        let point = if size == 0.0 { 0 } else { exponent.parse::<i32>().unwrap_or(0) + 1 };
        Self { digits, point }
    }
}

fn plain(size: f64, precision: Option<usize>, bits: u32) -> String {
    match (precision, bits) {
        (Some(precision), _) => {
            let mut text = format!("{size:.*}", precision.min(ALL_DIGITS));
            fill_zeros(&mut text, precision.saturating_sub(ALL_DIGITS));
            text
        }
        #[expect(clippy::cast_possible_truncation, reason = "the number holds a 32-bit float exactly")]
        (None, 32) => format!("{}", size as f32),
        (None, _) => nearest_even(size, format!("{size}")),
    }
}

/// The shortest digits of `size`. Between two that are equally near, Go takes the even one; Rust does not.
fn nearest_even(size: f64, mut shortest: String) -> String {
    let (mantissa, exponent) = parts(size, 64);
    // Half-way numbers have few binary places and all the digits that a float has room for.
    let places = exponent.saturating_add(i32::try_from(mantissa.trailing_zeros()).unwrap_or(0));
    if !(-25..=-2).contains(&places) {
        return shortest;
    }
    let end = shortest.find('e').unwrap_or(shortest.len());
    let digits = shortest.get(..end).unwrap_or_default().replace('.', "").trim_start_matches('0').len();
    if digits < 15 {
        return shortest;
    }
    let exact = format!("{size:.40e}").replace('.', "");
    let (kept, rest) = exact.split_at_checked(digits).unwrap_or_default();
    let half = rest.strip_prefix('5').and_then(|rest| rest.split_once('e'));
    if !half.is_some_and(|(zeros, _)| zeros.bytes().all(|digit| digit == b'0')) {
        return shortest;
    }
    let even = match kept.bytes().last() {
        Some(digit @ (b'0' | b'2' | b'4' | b'6' | b'8')) => digit,
        Some(digit @ (b'1' | b'3' | b'5' | b'7')) => digit + 1,
        // A nine would be rounded up to a zero at the end, and the number would be shorter.
        _ => return shortest,
    };
    shortest.replace_range(end - 1..end, char::from(even).encode_utf8(&mut [0; 4]));
    shortest
}

/// `d.ddde±dd`, with as many digits as there are, or filled with zeros up to `precision` after the point.
fn scientific(digits: &Digits, precision: Option<usize>, letter: u8) -> String {
    let (first, rest) = digits.digits.split_at_checked(1).unwrap_or(("0", ""));
    let mut rest = rest.to_owned();
    let width = precision.unwrap_or(rest.len());
    let missing = width.saturating_sub(rest.len());
    fill_zeros(&mut rest, missing);
    let point = if width > 0 { "." } else { "" };
    let exponent = if digits.digits.bytes().all(|digit| digit == b'0') { 0 } else { digits.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}{}{sign}{:02}", char::from(letter), exponent.unsigned_abs())
}

fn general(size: f64, precision: Option<usize>, bits: u32) -> String {
    // A precision of zero means one digit.
    let count = precision.map(|precision| precision.max(1));
    let mut digits = Digits::of(size, count, bits);
    let kept = digits.digits.trim_end_matches('0').len();
    digits.digits.truncate(kept);
    let length = i32::try_from(kept).unwrap_or(i32::MAX);
    // Without a precision the exponent form starts at 21 digits only for JSON; here it is six.
    let threshold = match count {
        None => 6,
        Some(count) => {
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            if count > length && length >= digits.point { length } else { count }
        }
    };
    let exponent = digits.point - 1;
    if size == 0.0 {
        return "0".to_owned();
    }
    if exponent < -4 || exponent >= threshold {
        return scientific(&digits, None, b'e');
    }
    let Ok(point) = usize::try_from(digits.point) else {
        let zeros = usize::try_from(-digits.point).unwrap_or(0);
        return format!("0.{}{}", "0".repeat(zeros), digits.digits);
    };
    if point == 0 {
        return format!("0.{}", digits.digits);
    }
    match digits.digits.split_at_checked(point) {
        Some((whole, "")) => whole.to_owned(),
        Some((whole, part)) => format!("{whole}.{part}"),
        None => {
            let missing = point.saturating_sub(digits.digits.len());
            fill_zeros(&mut digits.digits, missing);
            digits.digits
        }
    }
}

/// Mantissa and binary exponent of the number as whole numbers, normalised as Go's 32- or 64-bit form has them.
fn parts(size: f64, bits: u32) -> (u64, i32) {
    #[expect(clippy::cast_possible_truncation, reason = "the number holds a 32-bit float exactly")]
    let (raw, width, middle) =
        if bits == 32 { (u64::from((size as f32).to_bits()), 23, 127) } else { (size.to_bits(), 52, 1023) };
    let mantissa = raw & ((1 << width) - 1);
    let exponent = i32::try_from(raw >> width).unwrap_or(0);
    if exponent == 0 {
        (mantissa, 1 - middle - width)
    } else {
        (mantissa | 1 << width, exponent - middle - width)
    }
}

fn mantissa_and_exponent(size: f64, bits: u32) -> String {
    let (mantissa, exponent) = parts(size, bits);
    format!("{mantissa}p{exponent:+}")
}

/// `0x1.8p+01`.
fn hexadecimal(size: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(size, 64);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // The mantissa moves up by 8 bits, and its point to bit 60.
        exponent += 52;
        mantissa <<= 8;
        while mantissa < 1 << 60 {
            mantissa <<= 1;
            exponent -= 1;
        }
    }
    // One digit before the point, fifteen after it.
    if let Some(precision) = precision
        && precision < 15
    {
        let shift = 60 - 4 * precision;
        let extra = mantissa & ((1 << shift) - 1);
        mantissa >>= shift;
        let half = 1_u64 << (shift - 1);
        if extra > half || (extra == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= shift;
        if mantissa >= 1 << 61 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{mantissa:016x}");
    let (first, rest) = digits.split_at_checked(1).unwrap_or(("0", ""));
    let rest = match precision {
        None => rest.trim_end_matches('0').to_owned(),
        Some(precision) if precision <= 15 => rest.get(..precision).unwrap_or_default().to_owned(),
        Some(precision) => {
            let mut rest = rest.to_owned();
            let missing = precision - rest.len();
            fill_zeros(&mut rest, missing);
            rest
        }
    };
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x{first}{point}{rest}p{sign}{:02}", exponent.unsigned_abs())
}
