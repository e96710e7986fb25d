//! Two of Go's text forms that configuration files depend on: 32-bit floats and spans of time.

use std::time::Duration;

/// `value` as a 32-bit float in Go's shortest `g` form: the exponent form below 1e-4 and from 1e6 on; `+Inf`, `-Inf`, `NaN`
/// (core 1.4.3, services 1.2).
pub(super) fn go_float32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "upstream prints with 32-bit precision")]
    let value = value as f32;
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    shortest(&format!("{value:e}"), || value.to_string())
}

/// `value` with full precision in the same form, as YAML is printed.
pub(super) fn go_float64(value: f64) -> String {
    shortest(&format!("{value:e}"), || value.to_string())
}

fn shortest(scientific: &str, plain: impl Fn() -> String) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return plain() };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return plain();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Go's `time.ParseDuration` for spans that are not negative; `None` if `text` is none.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanoseconds = 0.0_f64;
    let mut parts = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at_checked(number_end)?;
        let unit_end =
            tail.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        nanoseconds += number.parse::<f64>().ok()? * unit_nanoseconds(unit)?;
        rest = tail;
        parts += 1;
    }
    // Go holds a span in 63 bits of nanoseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be inside the range"
    )]
    let span = (parts > 0 && nanoseconds < 9.2e18).then(|| Duration::from_nanos(nanoseconds.round() as u64));
    span
}

fn unit_nanoseconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 6e10,
        "h" => 3.6e12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go prints for `strconv.FormatFloat(x, 'g', -1, 32)`.
    #[test]
    fn floats_as_go_prints_them() {
        let cases = [
            (1.123_456_789, "1.1234568"),
            (1e3, "1000"),
            (100_000.0, "100000"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (1_234_567.0, "1.234567e+06"),
            (16_777_217.0, "1.6777216e+07"),
            (1e7, "1e+07"),
            (1.0, "1"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (-2.5, "-2.5"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (123_456.78, "123456.78"),
            (1e30, "1e+30"),
            (123_456_789_012_345_678_901_234_567_890.0, "1.2345679e+29"),
            (1e39, "+Inf"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            assert_eq!(go_float32(value), expected, "{value}");
        }
    }

    #[test]
    fn spans_as_go_reads_them() {
        assert_eq!(go_duration("1h2m3.5s"), Some(Duration::from_millis(3_723_500)));
        assert_eq!(go_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(go_duration("1.5µs"), Some(Duration::from_nanos(1500)));
        assert_eq!(go_duration("0"), Some(Duration::ZERO));
        for text in ["", "5", "5 s", "s", ".s", "1d", "-5s", "1e3s", "9999999999h"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
