//! Numbers as clients read them.
//!
//! Two rules (specification section 8.2): what stands inside documents (distances, APPLY, reducers, sort values) has at
//! most 12 significant digits, [`value`]; scores and statistics come back as the number they are, [`exact`].

use std::io::Write;

/// Significant digits of [`value`].
const DIGITS: usize = 12;

/// The powers of ten that are doubles.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A number inside a document: an integer's digits where it is one that fits an `i64`, else C's `%.12g`.
///
/// `nan`, `-nan`, `inf` and `-inf` are words; the sign of a NaN is its sign bit; negative zero is `0`.
pub fn value(number: f64) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    write_value(&mut text, number);
    text
}

/// Appends what [`value`] makes.
pub fn write_value(text: &mut Vec<u8>, number: f64) {
    // 2^63 itself does not fit: the bound is exclusive above and inclusive below.
    if number.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        push(text, format_args!("{}", number as i64));
    } else if number.is_finite() {
        write_significant(text, number);
    } else {
        write_word(text, number);
    }
}

/// The shortest text that reads back as the same number: `0.3333333333333333`, `1e+22`, `5`, `-0`.
pub fn exact(number: f64) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    if !number.is_finite() {
        write_word(&mut text, number);
        return text;
    }
    let (negative, digits, exponent) = parts(&format!("{number:e}"));
    text.extend(negative.then_some(b'-'));
    write_digits(&mut text, &digits, exponent, 21);
    text
}

fn write_word(text: &mut Vec<u8>, number: f64) {
    text.extend(number.is_sign_negative().then_some(b'-'));
    text.extend_from_slice(if number.is_nan() { b"nan" } else { b"inf" });
}

/// `%.12g` of a finite number.
fn write_significant(text: &mut Vec<u8>, number: f64) {
    let (mut twelve, exponent) = twelve_digits(number.abs()).unwrap_or_else(|| {
        let (_, digits, exponent) = parts(&format!("{number:.11e}"));
        (digits.iter().fold(0, |all, digit| 10 * all + u64::from(digit - b'0')), exponent)
    });
    let mut digits = [0; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (twelve % 10) as u8;
        twelve /= 10;
    }
    let shown = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
    text.extend(number.is_sign_negative().then_some(b'-'));
    write_digits(text, &digits[..shown], exponent, DIGITS as i32);
}

/// The first twelve digits of a positive number, rounded to the nearest, a tie to the even one, and the exponent of the first
/// one; `None` where that takes more than a product of two doubles.
///
/// A power of ten up to 10²² is a double, and the product of two doubles is the sum of two: the rounded product and what
/// rounding it left, which a fused multiplication gives. So the digits are exact.
fn twelve_digits(number: f64) -> Option<(u64, i32)> {
    const LEAST: f64 = 1e11;
    let exponent = number.log10().floor();
    let power = 11 - exponent as i32;
    let mut power = usize::try_from(power).ok()?;
    // The logarithm is rounded, so the exponent can be wrong by one.
    for _ in 0..2 {
        let factor = *POWERS.get(power)?;
        let product = number * factor;
        let rest = number.mul_add(factor, -product);
        let whole = product.floor();
        if whole < LEAST || (whole == LEAST && product == whole && rest < 0.0) {
            power += 1;
        } else if whole >= 10.0 * LEAST {
            power = power.checked_sub(1)?;
        } else {
            // Exact: `product` has 53 bits, 40 of them before the point; `rest` is less than half of the last one.
            let fraction = product - whole;
            let half = (fraction - 0.5) + rest;
            let up = half > 0.0 || (half == 0.0 && whole % 2.0 == 1.0);
            let digits = whole as u64 + u64::from(up);
            let exponent = 11 - power as i32;
            return Some(if digits == 10 * LEAST as u64 { (digits / 10, exponent + 1) } else { (digits, exponent) });
        }
    }
    None
}

/// The sign, the digits without the point, and the exponent of a text like `-1.25e-7`.
fn parts(scientific: &str) -> (bool, Vec<u8>, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    (mantissa.starts_with('-'), digits, exponent.parse().unwrap_or(0))
}

/// Lays out digits as `%g` does: plainly for exponents from −4 up to `widest`, else with an exponent of two digits or more.
fn write_digits(text: &mut Vec<u8>, digits: &[u8], exponent: i32, widest: i32) {
    if !(-4..widest).contains(&exponent) {
        text.push(digits[0]);
        if digits.len() > 1 {
            text.push(b'.');
            text.extend_from_slice(&digits[1..]);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        return push(text, format_args!("e{sign}{:02}", exponent.unsigned_abs()));
    }
    if exponent < 0 {
        text.extend_from_slice(b"0.");
        text.extend(std::iter::repeat_n(b'0', (-1 - exponent) as usize));
        return text.extend_from_slice(digits);
    }
    let whole = exponent as usize + 1;
    text.extend_from_slice(&digits[..whole.min(digits.len())]);
    text.extend(std::iter::repeat_n(b'0', whole.saturating_sub(digits.len())));
    if digits.len() > whole {
        text.push(b'.');
        text.extend_from_slice(&digits[whole..]);
    }
}

fn push(text: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what); // writing into memory cannot fail
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_have_twelve_digits() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-7.0, "-7"),
            (3.5, "3.5"),
            (1.0 / 3.0, "0.333333333333"),
            (10.0 / 3.0, "3.33333333333"),
            (0.1 + 0.2, "0.3"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (5.96046447754e-08, "5.96046447754e-08"),
            (12345678901234.5, "1.23456789012e+13"),
            (123456789012.5, "123456789012"),
            (999999999999.75, "1e+12"),
            (1e15, "1000000000000000"),
            (1e18, "1000000000000000000"),
            (9.223_372_036_854_776e18, "9.22337203685e+18"),
            (-9.223_372_036_854_776e18, "-9223372036854775808"),
            (1e20, "1e+20"),
            (1.5e300, "1.5e+300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN.copysign(1.0), "nan"),
            (f64::NAN.copysign(-1.0), "-nan"),
        ] {
            assert_eq!(String::from_utf8_lossy(&value(number)), text, "{number:e}");
        }
    }

    #[test]
    fn scores_are_the_shortest_text() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (0.577_350_269_189_625_8, "0.5773502691896258"),
            (2_147_483_648.0, "2147483648"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-4, "0.0001"),
            (1e-7, "1e-07"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(String::from_utf8_lossy(&exact(number)), text, "{number:e}");
        }
    }

    proptest! {
        #[test]
        fn exact_text_reads_back(number in any::<f64>().prop_filter("a number", |number| number.is_finite())) {
            let text = String::from_utf8(exact(number)).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
        }

        /// As the standard library's digits, which are exact too.
        #[test]
        fn twelve_digits_are_the_nearest(number in prop_oneof![0.0f64..1.0, 1e-9f64..1e13, (1u64..4_000_000_000_000u64).prop_map(|n| n as f64 / 2.0), (0u64..1 << 24, 0i32..60).prop_map(|(n, shift)| n as f64 / 2f64.powi(shift)), (0u64..1_000_000, 0i32..30).prop_map(|(n, shift)| n as f64 / 10f64.powi(shift))]) {
            prop_assume!(number > 0.0);
            if let Some((twelve, exponent)) = twelve_digits(number) {
                let (_, digits, expected) = parts(&format!("{number:.11e}"));
                prop_assert_eq!((twelve.to_string().into_bytes(), exponent), (digits, expected));
            }
        }

        #[test]
        fn a_value_is_close(number in any::<f64>().prop_filter("a number", |number| number.is_normal())) {
            let text = String::from_utf8(value(number)).unwrap();
            let back = text.parse::<f64>().unwrap();
            prop_assert!(back.is_infinite() || (back - number).abs() <= number.abs() * 5e-12, "{} for {:e}", text, number);
        }
    }
}
