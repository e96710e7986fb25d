//! Decimal numbers for `addf` and its relatives: exact, but for 16 places in a division.

use num_bigint::BigInt;

/// Places of a quotient.
const PLACES: i64 = 16;

/// `digits` times ten to the power of `exponent`.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal number that reads as `number`; `None` for infinities and what is no number.
    pub(super) fn from_f64(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent.parse().ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Self { digits: format!("{whole}{fraction}").parse().ok()?, exponent: exponent - places })
    }

    /// The nearest float.
    pub(super) fn to_f64(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// Roughly how many bytes the number takes.
    pub(super) fn size(&self) -> usize {
        usize::try_from(self.digits.bits() / 8).unwrap_or(usize::MAX).saturating_add(16)
    }

    /// The digits at a smaller exponent.
    fn at(&self, exponent: i64) -> BigInt {
        &self.digits * power(self.exponent - exponent)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.at(exponent) + other.at(exponent), exponent }
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        Self { digits: self.at(exponent) - other.at(exponent), exponent }
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }

    /// The quotient, rounded to 16 places, halves away from zero; `None` when dividing by zero.
    pub(super) fn div(&self, other: &Self) -> Option<Self> {
        let zero = BigInt::ZERO;
        if other.digits == zero {
            return None;
        }
        let shift = self.exponent - other.exponent + PLACES;
        let (dividend, divisor) = if shift >= 0 {
            (&self.digits * power(shift), other.digits.clone())
        } else {
            (self.digits.clone(), &other.digits * power(-shift))
        };
        let mut digits = &dividend / &divisor;
        let rest = &dividend - &digits * &divisor;
        if rest.magnitude() * 2_u32 >= *divisor.magnitude() {
            digits += if (dividend < zero) == (divisor < zero) { 1 } else { -1 };
        }
        Some(Self { digits, exponent: -PLACES })
    }
}

fn power(exponent: i64) -> BigInt {
    BigInt::from(10_u32).pow(u32::try_from(exponent).unwrap_or(0))
}
