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
        result = exp(rest * ln(base));
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

/// Go's `math.Log` of a positive, finite number: the series of the logarithm of `(1 + s) / (1 - s)`, with the coefficients that fdlibm published for it.
fn ln(number: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const ODD: [f64; 4] = [
        1.479_819_860_511_658_6e-1,
        1.818_357_216_161_805e-1,
        2.857_142_874_366_239e-1,
        6.666_666_666_666_735e-1,
    ];
    const EVEN: [f64; 3] = [1.531_383_769_920_937_3e-1, 2.222_219_843_214_978_4e-1, 3.999_999_999_940_942e-1];
    let (mut fraction, mut power) = go_split(number);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        power -= 1;
    }
    let fraction = fraction - 1.0;
    #[expect(clippy::cast_precision_loss, reason = "at most 1,100")]
    let power = power as f64;
    let ratio = fraction / (2.0 + fraction);
    let square = ratio * ratio;
    let fourth = square * square;
    let series = |coefficients: &[f64]| {
        coefficients.iter().copied().reduce(|sum, next| sum * fourth + next).unwrap_or_default()
    };
    let rest = square * series(&ODD) + fourth * series(&EVEN);
    let half = 0.5 * fraction * fraction;
    power * LN2_HIGH - ((half - (ratio * (half + rest) + power * LN2_LOW)) - fraction)
}

/// As [`split`], but numbers below the normal range are taken for what their bits would be above it, as Go's code for this processor does.
fn go_split(number: f64) -> (f64, i64) {
    let bits = number.to_bits();
    let power = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0) - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), power)
}

/// Go's `math.Exp` of a number between -400 and 400, as its code for amd64 has it: a sixteenth of what is left over a power of two goes into
/// a Taylor series, and the result is squared four times. Additions of products are rounded once, as the processor's instruction does it.
fn exp(number: f64) -> f64 {
    const LN2_HIGH: f64 = 6.931_471_805_596_63e-1;
    const LN2_LOW: f64 = 2.823_529_056_303_157_7e-13;
    const SERIES: [f64; 8] = [
        2.480_158_730_158_73e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
        1.0,
    ];
    let power = (number * std::f64::consts::LOG2_E).round_ties_even();
    let rest = (-LN2_LOW).mul_add(power, (-LN2_HIGH).mul_add(power, number)) * 0.0625;
    let series = SERIES.into_iter().reduce(|sum, next| sum.mul_add(rest, next)).unwrap_or_default();
    // Of `(1 + x)² - 1`, which is `x * (2 + x)`, the one is added at the end.
    let mut grown = rest * series;
    for _ in 0..3 {
        grown *= 2.0 + grown;
    }
    let result = grown.mul_add(2.0 + grown, 1.0);
    #[expect(clippy::cast_possible_truncation, reason = "at most 600")]
    join(result, power as i64)
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
