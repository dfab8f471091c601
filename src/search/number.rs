//! Text to number as the C library's `strtod` reads it, without a locale: decimal, hexadecimal, `inf`, `nan`.
//! Digits for a number that is too large for a double are no number: they don't mean infinity.
//!
//! Clients write numbers in arguments, in documents and in queries; everywhere the same notation is theirs.

/// The number at the start of a text and how many bytes it takes. No blanks are skipped.
pub fn prefix(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let (magnitude, len) = magnitude(&text[sign..])?;
    Some((if text[0] == b'-' { -magnitude } else { magnitude }, sign + len))
}

/// The number that a whole text is; blanks before it are allowed, after it they are not.
pub fn parse(text: &[u8]) -> Option<f64> {
    let start = text.iter().position(|&byte| !is_blank(byte))?;
    let text = &text[start..];
    prefix(text).and_then(|(value, len)| (len == text.len()).then_some(value))
}

/// The integer that a whole text is, written as any kind of number: `3`, `3.0`, `3e0`.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    if let Some(value) = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) {
        return Some(value);
    }
    let value = parse(text)?;
    // Beyond 2^53 a double no longer says which integer was meant.
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// Whether C's `isspace` holds in the C locale.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// How many bytes at the start are digits.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_digit(byte)).count()
}

/// Length of a run of digits with an optional point in it; 0 without a digit.
fn mantissa(text: &[u8], is_digit: fn(&u8) -> bool) -> usize {
    let whole = digits(text, is_digit);
    if text.get(whole) != Some(&b'.') {
        return whole;
    }
    let fraction = digits(&text[whole + 1..], is_digit);
    if whole + fraction == 0 { 0 } else { whole + 1 + fraction }
}

/// Length of an exponent (`e+10`); 0 when there is none.
fn exponent(text: &[u8], letter: u8) -> usize {
    match text {
        [first, rest @ ..] if first.eq_ignore_ascii_case(&letter) => {
            let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
            match digits(&rest[sign..], u8::is_ascii_digit) {
                0 => 0,
                count => 1 + sign + count,
            }
        }
        _ => 0,
    }
}

fn magnitude(text: &[u8]) -> Option<(f64, usize)> {
    if let [b'0', b'x' | b'X', rest @ ..] = text
        && let len @ 1.. = mantissa(rest, u8::is_ascii_hexdigit)
    {
        let total = len + exponent(&rest[len..], b'p');
        let value = hexadecimal(&rest[..len], &rest[len..total]);
        return value.is_finite().then_some((value, total + 2));
    }
    for (word, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        if text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes())) {
            return Some((value, word.len()));
        }
    }
    let len = match mantissa(text, u8::is_ascii_digit) {
        0 => return None,
        len => len + exponent(&text[len..], b'e'),
    };
    let value: f64 = std::str::from_utf8(&text[..len]).ok()?.parse().ok()?;
    value.is_finite().then_some((value, len))
}

/// Hexadecimal digits with an optional point, and `p` with an exponent of two or nothing.
fn hexadecimal(mantissa: &[u8], exponent: &[u8]) -> f64 {
    let (mut value, mut scale, mut after_point) = (0u64, 0i64, false);
    for &byte in mantissa {
        let Some(digit) = char::from(byte).to_digit(16) else {
            after_point = true;
            continue;
        };
        if value >> 58 == 0 {
            value = value << 4 | u64::from(digit);
            scale -= if after_point { 4 } else { 0 };
        } else {
            // What no longer fits only decides the rounding.
            value |= u64::from(digit != 0);
            scale += if after_point { 0 } else { 4 };
        }
    }
    let written = exponent.get(1..).and_then(|text| std::str::from_utf8(text).ok());
    let written =
        written.map_or(0, |text| text.parse::<i64>().unwrap_or(if text.starts_with('-') { -5000 } else { 5000 }));
    let power = scale.saturating_add(written).clamp(-5000, 5000) as i32;
    // Two steps, so that a subnormal result is not lost on the way.
    value as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_in_c() {
        for (text, value, len) in [
            ("1", 1.0, 1),
            ("-1.5e3x", -1500.0, 6),
            ("+.5", 0.5, 3),
            ("5.", 5.0, 2),
            ("1e", 1.0, 1),
            ("1e+", 1.0, 1),
            ("0x10", 16.0, 4),
            ("0x", 0.0, 1),
            ("-0x1.8p1]", -3.0, 8),
            ("inf", f64::INFINITY, 3),
            ("-INFINITYx", f64::NEG_INFINITY, 9),
            ("infinit", f64::INFINITY, 3),
            ("1e-400", 0.0, 6),
            ("-1.7976931348623157e308", f64::MIN, 23),
            ("0x1p-1074", 5e-324, 9),
        ] {
            assert_eq!(prefix(text.as_bytes()), Some((value, len)), "{text}");
        }
        assert!(prefix(b"nan").is_some_and(|(value, len)| value.is_nan() && len == 3));
        for text in ["", "-", ".", "e5", "+-1", " 1", "x", "-.e1", "1e400", "-1e309", "0x1p1024", "1e400x"] {
            assert_eq!(prefix(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_whole_text_may_start_with_blanks_only() {
        assert_eq!(parse(b" \t1"), Some(1.0));
        for text in ["1 ", "", " ", "1x", "0x"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn integers_come_in_any_notation() {
        for (text, value) in [("7", 7), ("-7", -7), ("7.0", 7), ("7e2", 700), ("0x10", 16), ("+7", 7), (" 7", 7)] {
            assert_eq!(parse_integer(text.as_bytes()), Some(value), "{text}");
        }
        assert_eq!(parse_integer(b"9223372036854775807"), Some(i64::MAX));
        for text in ["", "7.5", "x", "inf", "nan", "99999999999999999999", "1e300"] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
    }
}
