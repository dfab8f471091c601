//! Doubles as text.
//!
//! Redis 7.0 prints `%.17g`, later servers the shortest text that reads back as the same double. So that a RESP2 reply is
//! the same on every server, [`shortest`] makes the later form here.

/// Bytes of the longest text: a sign, `0.`, six zeros and seventeen digits.
const LONGEST: usize = 32;

/// The text of a double, without an allocation: replies have thousands of them.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Text {
    const fn empty() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }

    fn put(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    fn zeros(&mut self, count: usize) {
        self.bytes[self.len..self.len + count].fill(b'0');
        self.len += count;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The bytes, all of them ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The shortest text of a double, as servers from 7.2 on print it: an integral value of moderate size in digits, small
/// exponents as decimals, otherwise `d.ddde-7`, `d.ddde+21`; `nan`, `inf`, `-inf`, `-0`.
pub fn shortest(value: f64) -> Text {
    /// Integers that an i64 holds with room to spare are printed as such.
    const INTEGRAL: f64 = (i64::MAX / 2) as f64;
    /// Numbers of at most four digits before the point and two zeros after it: digits with a point, as any printer makes them.
    const PLAIN: std::ops::Range<f64> = 1e-3..1e4;
    let mut text = Text::empty();
    if value.is_nan() {
        text.put(b"nan");
        return text;
    }
    if value.is_sign_negative() {
        text.put(b"-");
    }
    let size = value.abs();
    if size.is_infinite() {
        text.put(b"inf");
    } else if size.fract() == 0.0 && size < INTEGRAL {
        text.put(itoa::Buffer::new().format(size as u64).as_bytes());
    } else if PLAIN.contains(&size) {
        text.put(zmij::Buffer::new().format_finite(size).as_bytes());
    } else {
        layout(size, &mut text);
    }
    text
}

/// The significant digits of a number that is not 0, how many they are, and the power of ten of the first.
fn digits(value: f64) -> ([u8; LONGEST], usize, i32) {
    let mut buffer = zmij::Buffer::new();
    let (mut found, mut count, mut exponent) = ([0; LONGEST], 0, -1);
    let (mut point, mut text) = (false, buffer.format_finite(value).as_bytes());
    while let Some((byte, rest)) = text.split_first() {
        text = rest;
        match byte {
            b'.' => point = true,
            b'e' => {
                exponent += str::from_utf8(text).ok().and_then(|power| power.parse::<i32>().ok()).unwrap_or(0);
                break;
            }
            b'0' if count == 0 => exponent -= i32::from(point),
            digit => {
                found[count] = *digit;
                count += 1;
                exponent += i32::from(!point);
            }
        }
    }
    while count > 1 && found[count - 1] == b'0' {
        count -= 1;
    }
    (found, count, exponent)
}

/// Lays out the shortest digits by the rules of `fpconv`: the digits times ten to the `k`.
fn layout(value: f64, text: &mut Text) {
    let (found, count, exponent) = digits(value);
    let digits = &found[..count];
    let k = exponent - (count as i32 - 1);
    if k >= 0 && exponent < count as i32 + 7 {
        text.put(digits);
        text.zeros(k as usize);
    } else if k < 0 && (k > -7 || exponent.abs() < 4) {
        let point = count as i32 + k;
        if point <= 0 {
            text.put(b"0.");
            text.zeros(point.unsigned_abs() as usize);
            text.put(digits);
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            text.put(whole);
            text.put(b".");
            text.put(fraction);
        }
    } else {
        text.put(&digits[..1]);
        if count > 1 {
            text.put(b".");
            text.put(&digits[1..]);
        }
        text.put(if exponent < 0 { b"e-" } else { b"e+" });
        text.put(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Asked of Redis 8.2.
    #[test]
    fn texts_are_those_of_later_servers() {
        for (value, text) in [
            (0.1, "0.1"),
            (9.999999747378752e-6, "9.999999747378752e-6"),
            (0.00001234567, "1.234567e-5"),
            (0.0012345, "0.0012345"),
            (1.0, "1"),
            (-1.0, "-1"),
            (1e10, "10000000000"),
            (16777217.5, "16777217.5"),
            (0.8535533845424652, "0.8535533845424652"),
            (1e-7, "1e-7"),
            (5e18, "5e+18"),
            (1e25, "1e+25"),
            (1.17549435e-38, "1.17549435e-38"),
            (-0.0, "-0"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(str::from_utf8(shortest(value).as_bytes()).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_the_number_by_the_fewest_digits(bits: u64, short: f32, whole in -2_000_000i64..2_000_000, scale in 0i32..12) {
            for value in [f64::from_bits(bits), f64::from(short), whole as f64 / 10f64.powi(scale), whole as f64 * 10f64.powi(2 * scale)] {
                let text = shortest(value);
                let text = str::from_utf8(text.as_bytes()).unwrap();
                let back: f64 = text.parse().unwrap();
                if value.is_finite() && value.fract() != 0.0 {
                    let mut laid = Text::empty();
                    layout(value.abs(), &mut laid);
                    prop_assert_eq!(text.trim_start_matches('-'), laid.as_str());
                }
                prop_assert!(back == value || (back.is_nan() && value.is_nan()), "{value:e} as {text}");
                if value.is_finite() && (value.fract() != 0.0 || value.abs() > 1e19) {
                    let known = format!("{:e}", value.abs());
                    let (mantissa, exponent) = known.split_once('e').unwrap();
                    let (found, count, power) = digits(value.abs());
                    let plain = mantissa.replace('.', "");
                    // Two texts of the same length may be as near: then either will do.
                    prop_assert_eq!(count, plain.len());
                    let number = |digits: &[u8]| str::from_utf8(digits).unwrap().parse::<u64>().unwrap();
                    prop_assert!(number(&found[..count]).abs_diff(number(plain.as_bytes())) <= 1);
                    prop_assert_eq!(power, exponent.parse::<i32>().unwrap());
                }
            }
        }
    }
}
