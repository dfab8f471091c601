//! Text to double as the C library's `strtod` does it, without a locale: decimal, hexadecimal, `inf`, `nan`.
//!
//! The filter language defines "is this string a number" as "would `strtod` eat all of it", so its oddities are part of
//! what a client observes. Decimal digits are converted by the standard library, which rounds correctly.

/// The value of `text` if `strtod` would consume it to the last byte.
///
/// Leading blanks are allowed, trailing ones are not; an empty or blank text is not a number.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii_start();
    // C's isspace counts the vertical tab, the standard library does not.
    let start = text.iter().position(|&b| !is_blank(b))?;
    let text = &text[start..];
    let (negative, magnitude) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = parse_magnitude(magnitude)?;
    Some(if negative { -value } else { value })
}

/// Whether C's `isspace` holds in the C locale.
pub const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn parse_magnitude(text: &[u8]) -> Option<f64> {
    match text {
        [b'0', b'x' | b'X', digits @ ..] => parse_hexadecimal(digits),
        [b'0'..=b'9' | b'.', ..] => parse_decimal(text),
        _ if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") => Some(f64::INFINITY),
        _ => is_nan(text).then_some(f64::NAN),
    }
}

/// `nan` or `nan(chars)`, as C spells it.
fn is_nan(text: &[u8]) -> bool {
    let Some((name, rest)) = text.split_at_checked(3) else { return false };
    name.eq_ignore_ascii_case(b"nan")
        && match rest {
            [] => true,
            [b'(', chars @ .., b')'] => chars.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_'),
            _ => false,
        }
}

/// Digits with an optional point and an optional exponent; at least one digit before the exponent, one in it.
fn parse_decimal(text: &[u8]) -> Option<f64> {
    if !text.iter().all(|&b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    // The standard library's grammar over these characters is C's; only words such as "infinity" differ.
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Hexadecimal digits with an optional point and an optional binary exponent (`p`).
fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let mut mantissa = 0u64;
    let mut exponent = 0i64; // of two
    let mut lost = false; // a one below the mantissa's 60 bits
    let mut digits = 0usize;
    let mut after_point = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let digit = match (byte as char).to_digit(16) {
            Some(digit) => u64::from(digit),
            None if byte == b'.' && !after_point => {
                after_point = true;
                at += 1;
                continue;
            }
            None => break,
        };
        digits += 1;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if after_point { 4 } else { 0 };
        } else {
            lost |= digit != 0;
            exponent += if after_point { 0 } else { 4 };
        }
        at += 1;
    }
    if digits == 0 {
        return None;
    }
    match &text[at..] {
        [] => {}
        [b'p' | b'P', power @ ..] => exponent = exponent.saturating_add(parse_exponent(power)?),
        _ => return None,
    }
    Some(round_to_double(mantissa, lost, exponent))
}

/// A signed decimal integer, saturating.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |n, &d| (n * 10 + i64::from(d - b'0')).min(1 << 40));
    Some(if negative { -value } else { value })
}

/// `mantissa · 2^exponent`, to nearest, ties to even; `lost` says that the true value is a little more.
fn round_to_double(mantissa: u64, lost: bool, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let top = i64::from(63 - mantissa.leading_zeros());
    let scale = (top + exponent).clamp(-1100, 1100); // the exponent of the leading bit
    if scale > 1023 {
        return f64::INFINITY;
    }
    // The lowest bit that the result can hold: 52 under the leading one, or the subnormal grid.
    let lowest = (scale - 52).max(-1074);
    let drop = lowest - (scale - top); // bits of the mantissa below it
    let units = match drop {
        ..=0 => mantissa << (-drop).min(63),
        1..=63 => {
            let kept = mantissa >> drop;
            let rest = mantissa & ((1 << drop) - 1);
            let half = 1u64 << (drop - 1);
            kept + u64::from(rest > half || rest == half && (lost || kept & 1 == 1))
        }
        64 => u64::from(mantissa > 1 << 63 || mantissa == 1 << 63 && lost),
        _ => 0,
    };
    // At most 2^53 units, so both factors are exact; their product is a double or overflows to infinity.
    let two = |power: i64| f64::from_bits(((power + 1023) as u64) << 52);
    if lowest >= -1022 { units as f64 * two(lowest) } else { units as f64 * two(lowest + 52) * two(-52) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_strtod_eats_whole() {
        let table: &[(&str, f64)] = &[
            ("5", 5.0),
            (" \t\n\u{b}\u{c}\r5", 5.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("+1e+2", 100.0),
            ("1e400", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("+Infinity", f64::INFINITY),
            ("0x10", 16.0),
            ("0x.8", 0.5),
            ("0x1.8p1", 3.0),
            ("-0X1P-1074", -5e-324),
            ("0x1.8p-1075", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("0x20000000000001", 9_007_199_254_740_992.0),
            ("0x20000000000003", 9_007_199_254_740_996.0),
        ];
        for &(text, value) in table {
            assert_eq!(parse_double(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
        assert!(["nan", "NaN()", "nan(_a1)", "-nan"].iter().all(|t| parse_double(t.as_bytes()).unwrap().is_nan()));
    }

    #[test]
    fn what_strtod_leaves_over() {
        for text in
            ["", " ", "5 ", "1e", "1e+", ".", "0x", "0x.", "0x1p", "infin", "nan(", "nan(-)", "- 1", "1f", "--1", "1_0"]
        {
            assert_eq!(parse_double(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_halves_and_doubles_exactly(mantissa in 0u64..1 << 53, power in -1074i64..900) {
            let text = format!("0x{mantissa:x}p{power}");
            let value = parse_double(text.as_bytes()).unwrap();
            prop_assert_eq!(value, mantissa as f64 * 2f64.powi((power / 2) as i32) * 2f64.powi((power - power / 2) as i32));
        }

        #[test]
        fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            parse_double(&text);
        }
    }
}
