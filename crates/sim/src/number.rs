//! Reading numbers.

use std::num::IntErrorKind;

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, infinite where it is too large.
///
/// With up to 15 digits and powers of ten up to the 22nd it is the nearest number, as each step is exact. std's parser is
/// exact everywhere, and its tables are 10 KB that no compression makes smaller.
pub fn parse_float(text: &str) -> Option<f64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(it) => (-1.0, it),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !fraction.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let mut value = 0.0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        value = value * 10.0 + f64::from(char::from(byte).to_digit(10)?);
    }
    let exponent = match exponent.parse::<i32>() {
        Ok(it) => it,
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => i32::MAX,
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => i32::MIN,
        Err(_) => return None,
    };
    let power = exponent.saturating_sub(fraction.len() as i32);
    let scale = (0..power.unsigned_abs().min(400)).fold(1.0, |it, _| it * 10.0);
    // Zero times a scale that is infinite would be no number.
    let value = if value == 0.0 || power < 0 { value / scale } else { value * scale };
    Some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_std_reads() {
        for text in [
            "0",
            "-0",
            "1",
            "+1",
            "0.1",
            "0.285",
            "3.14159265358979",
            "-2.5",
            ".5",
            "5.",
            "007.50",
            "1e3",
            "1E-7",
            "12.5e+2",
            "1e22",
            "123456789012345",
            "9.99999999999999e-9",
            "0.100000000000000000000000000000",
            "1e400",
            "-1e400",
            "0e999",
            "1e-999",
            "1e99999999999",
            "1e-99999999999",
            "",
            ".",
            "-",
            "e5",
            "1e",
            "1e+-5",
            "1.2.3",
            "1.x",
            "x",
            "1_0",
            "--1",
            "0x10",
            " 1",
        ] {
            let expected: Option<f64> = text.parse().ok();
            assert_eq!(parse_float(text).map(f64::to_bits), expected.map(f64::to_bits), "{text:?}");
        }
        assert_eq!((parse_float("inf"), parse_float("nan")), (None, None));
    }
}
