//! Quantities such as `250m`, `1.5Gi`, `1e3`: read exactly, compared exactly, written as the API server stores them.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/api/resource/quantity.go: ParseQuantity, CanonicalizeBytes.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use thiserror::Error;

use crate::Quantity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuantityError {
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// How a quantity was written, which decides how it is written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `1e3`
    DecimalExponent,
    /// `1Ki`
    BinarySI,
    /// `1k`
    DecimalSI,
}

const SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const NANO: i128 = 1_000_000_000;
/// The largest value that is kept: 2⁶³−1 units.
const MAX: i128 = (i64::MAX as i128) * NANO;

/// An exact amount, in billionths of a unit.
///
/// DIFFERENCE: upstream keeps some decimal quantities above 2⁶³−1 as they are; here the sum saturates far above it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

impl Amount {
    pub const ZERO: Amount = Amount(0);

    pub const fn from_value(units: i64) -> Amount {
        Amount(units as i128 * NANO)
    }

    pub const fn from_milli(milli: i64) -> Amount {
        Amount(milli as i128 * (NANO / 1_000))
    }

    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// Whole units, rounded up (away from zero), within i64.
    pub fn value(self) -> i64 {
        saturate(divide_up(self.0, NANO))
    }

    /// Thousandths, rounded up, within i64.
    pub fn milli_value(self) -> i64 {
        saturate(divide_up(self.0, NANO / 1_000))
    }

    /// Nothing finer than a thousandth, rounded up.
    #[must_use]
    pub fn round_up_to_milli(self) -> Amount {
        const MILLI: i128 = NANO / 1_000;
        Amount(divide_up(self.0, MILLI).saturating_mul(MILLI))
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The canonical text: no fractions, the largest suffix that keeps it exact.
    pub fn to_text(self, format: Format) -> String {
        if self.0 == 0 {
            return "0".to_owned();
        }
        if format == Format::BinarySI && 1024 * NANO <= self.0.abs() && self.0 % NANO == 0 {
            let (mut mantissa, mut step) = (self.0 / NANO, 0);
            while mantissa % 1024 == 0 && step < 6 {
                mantissa /= 1024;
                step += 1;
            }
            return format!("{mantissa}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][step]);
        }
        let (mut mantissa, mut exponent) = (self.0, -9);
        while mantissa % 1_000 == 0 && exponent < 18 {
            mantissa /= 1_000;
            exponent += 3;
        }
        if format == Format::DecimalExponent {
            return if exponent == 0 { mantissa.to_string() } else { format!("{mantissa}e{exponent}") };
        }
        format!("{mantissa}{}", SUFFIXES[(exponent / 3 + 3) as usize])
    }

    pub fn to_quantity(self, format: Format) -> Quantity {
        Quantity(self.to_text(format))
    }
}

fn divide_up(value: i128, by: i128) -> i128 {
    // Most amounts fit, and WebAssembly divides the wide ones by a long call.
    if let (Ok(value), Ok(by)) = (i64::try_from(value), i64::try_from(by)) {
        return i128::from(value / by + if value % by == 0 { 0 } else { value.signum() });
    }
    value / by + if value % by == 0 { 0 } else { value.signum() }
}

fn saturate(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

impl Add for Amount {
    type Output = Amount;
    fn add(self, other: Amount) -> Amount {
        Amount(self.0.saturating_add(other.0))
    }
}

impl Sub for Amount {
    type Output = Amount;
    fn sub(self, other: Amount) -> Amount {
        Amount(self.0.saturating_sub(other.0))
    }
}

impl Mul<i64> for Amount {
    type Output = Amount;
    fn mul(self, times: i64) -> Amount {
        Amount(self.0.saturating_mul(i128::from(times)))
    }
}

impl Neg for Amount {
    type Output = Amount;
    fn neg(self) -> Amount {
        Amount(self.0.saturating_neg())
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Amount) {
        *self = *self - other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(iter: I) -> Amount {
        iter.fold(Amount::ZERO, Add::add)
    }
}

impl fmt::Display for Amount {
    /// In DecimalSI.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Format::DecimalSI))
    }
}

/// The exact amount that `text` names.
pub fn parse(text: &str) -> Result<Amount, QuantityError> {
    parse_with_format(text).map(|(amount, _)| amount)
}

/// The amount of an object's quantity; one that cannot be read counts as zero (validation has refused it before).
pub fn of(quantity: &Quantity) -> Amount {
    parse(&quantity.0).unwrap_or_default()
}

/// Like `of`, zero when absent.
pub fn of_option(quantity: Option<&Quantity>) -> Amount {
    quantity.map_or(Amount::ZERO, of)
}

/// The text under which the API server stores what was written.
pub fn canonical(text: &str) -> Result<String, QuantityError> {
    let (amount, format) = parse_with_format(text)?;
    Ok(amount.to_text(format))
}

pub fn parse_with_format(text: &str) -> Result<(Amount, Format), QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, rest) = split_digits(rest);
    let digits = digits.trim_start_matches('0');
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    check_suffix_shape(suffix)?;
    let (base, exponent, format) = interpret_suffix(suffix)?;
    let amount = scale(digits, fraction, base, exponent);
    // Below one, a binary suffix would only confuse.
    let format =
        if format == Format::BinarySI && 0 < amount && amount < NANO { Format::DecimalSI } else { format };
    Ok((Amount(if negative { -amount } else { amount }), format))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().position(|it| !it.is_ascii_digit()).unwrap_or(text.len()))
}

fn check_suffix_shape(suffix: &str) -> Result<(), QuantityError> {
    let rest = suffix.trim_start_matches(|it| "eEinumkKMGTP".contains(it));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if rest.bytes().all(|it| it.is_ascii_digit()) { Ok(()) } else { Err(QuantityError::Format) }
}

fn interpret_suffix(suffix: &str) -> Result<(u32, i64, Format), QuantityError> {
    let found = match suffix {
        "" => (10, 0, Format::DecimalSI),
        "n" => (10, -9, Format::DecimalSI),
        "u" => (10, -6, Format::DecimalSI),
        "m" => (10, -3, Format::DecimalSI),
        "k" => (10, 3, Format::DecimalSI),
        "M" => (10, 6, Format::DecimalSI),
        "G" => (10, 9, Format::DecimalSI),
        "T" => (10, 12, Format::DecimalSI),
        "P" => (10, 15, Format::DecimalSI),
        "E" => (10, 18, Format::DecimalSI),
        "Ki" => (2, 10, Format::BinarySI),
        "Mi" => (2, 20, Format::BinarySI),
        "Gi" => (2, 30, Format::BinarySI),
        "Ti" => (2, 40, Format::BinarySI),
        "Pi" => (2, 50, Format::BinarySI),
        "Ei" => (2, 60, Format::BinarySI),
        _ => match suffix.strip_prefix(['e', 'E']).map(str::parse) {
            Some(Ok(exponent)) => (10, exponent, Format::DecimalExponent),
            _ => return Err(QuantityError::Suffix),
        },
    };
    Ok(found)
}

/// `digits.fraction × base^exponent` in nano-units, rounded up, at most `MAX`.
fn scale(digits: &str, fraction: &str, base: u32, exponent: i64) -> i128 {
    let fraction = fraction.trim_end_matches('0');
    // 27 digits before the point of a nano-unit are already beyond the cap.
    let mut mantissa: i128 = 0;
    let mut dropped = 0_i64;
    let mut inexact = false;
    for digit in digits.bytes().chain(fraction.bytes()) {
        if mantissa < 10_i128.pow(19) {
            mantissa = mantissa * 10 + i128::from(digit - b'0');
        } else {
            dropped += 1;
            inexact |= digit != b'0';
        }
    }
    if mantissa == 0 {
        return 0;
    }
    let mut power = 9 + dropped - fraction.len() as i64;
    if base == 2 {
        mantissa = mantissa.saturating_mul(1 << exponent);
    } else {
        power = power.saturating_add(exponent);
    }
    let amount = if let Ok(power) = u32::try_from(power) {
        10_i128.checked_pow(power).and_then(|it| mantissa.checked_mul(it)).unwrap_or(i128::MAX)
    } else {
        let power = u32::try_from(power.saturating_neg()).unwrap_or(u32::MAX);
        let by = 10_i128.checked_pow(power).unwrap_or(i128::MAX);
        mantissa / by + i128::from(mantissa % by != 0 || inexact)
    };
    amount.min(MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, canonical_text: &str, nanos: i128) {
        assert_eq!(canonical(text).as_deref(), Ok(canonical_text), "{text}");
        assert_eq!(parse(text).map(Amount::nanos), Ok(nanos), "{text}");
    }

    #[test]
    fn reads_and_writes_as_the_server_does() {
        check("0", "0", 0);
        check("100m", "100m", 100_000_000);
        check("1000m", "1", NANO);
        check("2.5", "2500m", 2_500_000_000);
        check("0.25", "250m", 250_000_000);
        check("1024Mi", "1Gi", NANO << 30);
        check("1.5Gi", "1536Mi", (NANO * 1536) << 20);
        check("0.1Gi", "107374182400m", 107_374_182_400_000_000);
        check("1E", "1E", NANO * 10_i128.pow(18));
        check("1e3", "1e3", NANO * 1_000);
        check("2e0", "2", NANO * 2);
        check("12e6", "12e6", NANO * 12_000_000);
        check("134217728", "134217728", NANO * 134_217_728);
        check("-1", "-1", -NANO);
        check("0.0000000001", "1n", 1);
        check("512Ki", "512Ki", NANO << 19);
        check("100", "100", NANO * 100);
        check("1Ei", "1Ei", NANO << 60);
        check("99999999999999999999999999", "9223372036854775807", MAX);
        check(".5", "500m", NANO / 2);
        check("+5.", "5", NANO * 5);
        check("0.5Ki", "512", NANO * 512);
    }

    #[test]
    fn refuses_what_the_server_refuses() {
        for text in ["", "1 Gi", "abc", "1.2.3", "1Gi ", "1GiB"] {
            assert_eq!(parse(text), Err(QuantityError::Format), "{text:?}");
        }
        for text in ["1gi".to_ascii_uppercase().as_str(), "1mi", "1MI", "1K", "1Kii", "1e"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("1K"), Err(QuantityError::Suffix));
    }

    #[test]
    fn rounds_up() {
        let amount = |text| parse(text).expect("a quantity");
        assert_eq!(amount("100m").value(), 1);
        assert_eq!(amount("1n").milli_value(), 1);
        assert_eq!(amount("-1500m").value(), -2);
        assert_eq!(amount("1Ei").milli_value(), i64::MAX);
        assert_eq!((amount("1500m") + amount("1")).milli_value(), 2_500);
        assert!(amount("1k") < amount("1Ki"));
    }
}
