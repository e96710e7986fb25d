//! Go's `math`, where it differs from the standard library of Rust in the last digit.

/// Go's `math.Pow`. It multiplies whole exponents out instead of asking the C library, so the last digit can differ from the processor's.
#[expect(clippy::float_cmp, reason = "special values are compared exactly")]
pub fn pow(base: f64, exponent: f64) -> f64 {
    let special = exponent == 0.0
        || base == 1.0
        || base == 0.0
        || !base.is_finite()
        || !exponent.is_finite()
        || exponent.abs() >= 9.223_372_036_854_776e18;
    if special || exponent == 1.0 {
        // C and Go agree on these but for -1 to an infinite power, which is 1 in both.
        return base.powf(exponent);
    }
    if exponent == 0.5 {
        return base.sqrt();
    }
    if exponent == -0.5 {
        return 1.0 / base.sqrt();
    }
    let mut whole = exponent.abs().trunc();
    let mut rest = exponent.abs() - whole;
    if rest != 0.0 && base < 0.0 {
        return f64::NAN;
    }
    let mut result = 1.0;
    let mut scale = 0_i64;
    if rest != 0.0 {
        if rest > 0.5 {
            rest -= 1.0;
            whole += 1.0;
        }
        result = (rest * base.ln()).exp();
    }
    let (mut square, mut square_scale) = split(base);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative and below 2^63"
    )]
    let mut bits = whole as u64;
    while bits != 0 {
        if !(-(1 << 12)..=1 << 12).contains(&square_scale) {
            // The result is out of range whatever follows.
            scale += square_scale;
            break;
        }
        if bits & 1 == 1 {
            result *= square;
            scale += square_scale;
        }
        square *= square;
        square_scale <<= 1;
        if square < 0.5 {
            square += square;
            square_scale -= 1;
        }
        bits >>= 1;
    }
    if exponent < 0.0 {
        result = 1.0 / result;
        scale = -scale;
    }
    join(result, scale)
}

/// A number as a fraction from 0.5 up to 1 and a power of two.
fn split(number: f64) -> (f64, i64) {
    let normal = if number.abs() < f64::MIN_POSITIVE { number * 2_f64.powi(52) } else { number };
    let shifted = if number.abs() < f64::MIN_POSITIVE { -52 } else { 0 };
    let bits = normal.to_bits();
    let power = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0) - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), power + shifted)
}

/// A fraction times a power of two.
fn join(fraction: f64, power: i64) -> f64 {
    let (fraction, own) = split(fraction);
    let power = power + own;
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    match i32::try_from(power.clamp(-1200, 1200)).unwrap_or(0) {
        large @ 1024.. => fraction * 2_f64.powi(1000) * 2_f64.powi(large - 1000),
        // Two steps, so that numbers below the normal range are rounded once.
        small @ ..=-1022 => fraction * 2_f64.powi(-960) * 2_f64.powi(small + 960),
        power => fraction * 2_f64.powi(power),
    }
}
