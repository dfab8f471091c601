//! JSON numbers: what is kept exactly, how it is compared, added, stored and printed.

use std::cmp::Ordering;

use half::{bf16, f16};

use super::short;

/// A number as a document holds it: integers in `[-2^63, 2^64 - 1]` are exact, everything else is a double.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// An integer that an `i64` holds.
    Int(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// A finite double.
    Float(f64),
}

impl Number {
    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Unsigned(value) => value as f64,
            Number::Float(value) => value,
        }
    }

    /// True for what prints without fraction and exponent (`integer` of `JSON.TYPE`).
    pub fn is_integer(self) -> bool {
        !matches!(self, Number::Float(_))
    }

    /// The integer of an [`Number::Int`]; saturated for the other kinds, which have no business asking.
    pub(super) fn as_i64_lossy(self) -> i64 {
        match self {
            Number::Int(value) => value,
            Number::Unsigned(_) => i64::MAX,
            Number::Float(value) => value as i64,
        }
    }

    /// The integer with room for sums and products of any two.
    fn wide(self) -> Option<i128> {
        match self {
            Number::Int(value) => Some(i128::from(value)),
            Number::Unsigned(value) => Some(i128::from(value)),
            Number::Float(_) => None,
        }
    }

    /// An integer in the exact range, or the nearest double.
    fn from_wide(value: i128) -> Number {
        match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => Number::Int(value),
            (_, Ok(value)) => Number::Unsigned(value),
            _ => Number::Float(value as f64),
        }
    }

    /// Orders by value, exactly, also across kinds. No number is NaN.
    pub fn compare(self, other: Number) -> Ordering {
        match (self.wide(), other.wide()) {
            (Some(a), Some(b)) => a.cmp(&b),
            (None, None) => self.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal),
            (Some(a), None) => compare_wide(a, other.as_f64()),
            (None, Some(b)) => compare_wide(b, self.as_f64()).reverse(),
        }
    }

    /// Prints as `specs` §3 says: integers as such, doubles in shortest round-trip form with `.0` or an exponent.
    pub fn format(self, out: &mut Vec<u8>) {
        match self {
            Number::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Number::Unsigned(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Number::Float(value) => format_float(value, out),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.compare(*other) == Ordering::Equal
    }
}

/// Orders an integer of at most 65 bits and a double.
fn compare_wide(a: i128, b: f64) -> Ordering {
    // Beyond 2^65 the double is larger than any such integer; below it, its whole part is exact in an i128.
    if b.abs() >= 3.7e19 {
        return if b > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    a.cmp(&(b.trunc() as i128)).then_with(|| 0.0f64.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal))
}

/// What a numeric command, or an expression, does with a number and another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Adds.
    Add,
    /// Multiplies.
    Multiply,
    /// Raises the stored number to the argument.
    Power,
    /// Takes the argument away.
    Subtract,
    /// Divides; the result is a double.
    Divide,
    /// The remainder, with the sign of the stored number.
    Remainder,
}

impl Arithmetic {
    /// The result: an integer of two integers while it is exact in `[-2^63, 2^64 - 1]`, a double otherwise;
    /// `None` where it is no finite number.
    pub fn apply(self, a: Number, b: Number) -> Option<Number> {
        if let (Some(a), Some(b)) = (a.wide(), b.wide()) {
            let exact = match self {
                Arithmetic::Add => Some(Number::from_wide(a + b)),
                Arithmetic::Multiply => a.checked_mul(b).map(Number::from_wide),
                Arithmetic::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).map(Number::from_wide),
                Arithmetic::Subtract => Some(Number::from_wide(a - b)),
                Arithmetic::Divide => None,
                Arithmetic::Remainder => a.checked_rem(b).map(Number::from_wide),
            };
            if exact.is_some() {
                return exact;
            }
        }
        let (a, b) = (a.as_f64(), b.as_f64());
        let result = match self {
            Arithmetic::Add => a + b,
            Arithmetic::Multiply => a * b,
            Arithmetic::Power => a.powf(b),
            Arithmetic::Subtract => a - b,
            Arithmetic::Divide => a / b,
            Arithmetic::Remainder => a % b,
        };
        result.is_finite().then_some(Number::Float(result))
    }
}

/// Prints a double in shortest round-trip form: `1.0`, `1e16`, `1.5e-7`.
fn format_float(value: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value).as_bytes();
    // From 1e16 on there is a positive exponent, before which the field writes no sign.
    if value.abs() < 1e16 {
        extend_short(text, out);
    } else {
        out.extend(text.iter().filter(|byte| **byte != b'+'));
    }
}

/// Appends a text of some eight to twenty bytes without a call of `memcpy`.
fn extend_short(text: &[u8], out: &mut Vec<u8>) {
    let (eights, rest) = text.as_chunks::<8>();
    eights.iter().for_each(|eight| out.extend_from_slice(eight));
    let (twos, rest) = rest.as_chunks::<2>();
    twos.iter().for_each(|two| out.extend_from_slice(two));
    out.extend(rest.first());
}

/// Prints the double that has the shortest text of `value`, which is that text, unless one of the two has an exponent.
pub(super) fn format_short(value: f32, out: &mut Vec<u8>) {
    if (1e-4..1e6).contains(&value.abs()) {
        extend_short(zmij::Buffer::new().format_finite(value).as_bytes(), out);
    } else {
        format_float(widen_short(value), out);
    }
}

/// Powers of ten that doubles hold exactly.
pub(super) const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The double whose shortest text is the shortest text of `value`.
pub(super) fn widen_short(value: f32) -> f64 {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let (mut mantissa, mut fraction, mut after_dot) = (0u64, 0, false);
    for byte in text.bytes() {
        match byte {
            b'-' => {}
            b'.' => after_dot = true,
            b'0'..=b'9' if mantissa < 1 << 49 => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                fraction += usize::from(after_dot);
            }
            _ => return text.parse().unwrap_or(f64::from(value)),
        }
    }
    // Two exact doubles divide to the nearest one.
    match POWERS.get(fraction) {
        Some(power) => (mantissa as f64 / power).copysign(f64::from(value)),
        None => text.parse().unwrap_or(f64::from(value)),
    }
}

/// True where the f32 nearest to `value` prints the text that `value` prints.
pub(super) fn is_short(value: f64) -> bool {
    let near = value as f32;
    let magnitude = value.abs();
    if !(1e-10..1e10).contains(&magnitude) {
        // Outside 1e±30 are subnormal f32 and their neighbours, which would need more care than they are worth.
        let usual = near == 0.0 || (1e-30..1e30).contains(&near.abs());
        return usual && widen_short(near).to_bits() == value.to_bits();
    }
    // The shortest text of an f32 has at most 9 digits, so `value` must be such a decimal: m / 10^scale, with an m of 10
    // digits or 11.
    let binary = (value.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    let scale = (9 - ((binary * 1233) >> 12)).clamp(0, 22) as usize;
    let mantissa = whole(magnitude * POWERS[scale]);
    if mantissa / POWERS[scale] != magnitude {
        return false;
    }
    is_shortest(near, mantissa, scale).unwrap_or_else(|| widen_short(near).to_bits() == value.to_bits())
}

/// The nearest whole number, of numbers below 2^51: the sum has no bits left for a fraction.
fn whole(value: f64) -> f64 {
    const SHIFT: f64 = (1u64 << 52) as f64;
    (value + SHIFT) - SHIFT
}

/// Whether the decimal `mantissa / 10^scale`, which rounds to `float`, is the one that is printed for it: among those of
/// as many digits the nearest, and no shorter one rounds to it. `None` where the arithmetic is too close to tell. A
/// `mantissa` is whole and below 2^51; all is done in doubles and without branches, since this is most of what reading an
/// array of floats costs.
fn is_shortest(float: f32, mantissa: f64, scale: usize) -> Option<bool> {
    const CLOSE: f64 = 1e-4;
    const TENTHS: [f64; 6] = [1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5];
    let ends_in_zeros = |count: usize| whole(mantissa * TENTHS[count]) * POWERS[count] == mantissa;
    // Different decimals of at most 6 digits are different f32: no shorter text can stand for this one's.
    if ends_in_zeros(5) {
        return Some(true);
    }
    let zeros: usize = (1..5).map(|count| usize::from(ends_in_zeros(count))).sum();
    let (bits, unit) = (float.to_bits(), POWERS[zeros]);
    // At a power of two the neighbours are not equally far.
    if bits & 0x7f_ffff == 0 || mantissa >= 1e9 * unit || zeros > scale {
        return None;
    }
    // The f32 itself, and half the way to its neighbours, on the scale of the mantissa; its last digit is worth a `unit`.
    let exact = f64::from(float.abs()) * POWERS[scale];
    let half = f64::from(f32::from_bits((bits & 0x7f80_0000) - (24 << 23))) * POWERS[scale];
    let shorter = whole(exact * TENTHS[zeros + 1]) * POWERS[zeros + 1];
    let (to_shorter, to_this) = ((shorter - exact).abs(), (mantissa - exact).abs());
    if (to_shorter - half).abs() < CLOSE * unit || (to_this - 0.5 * unit).abs() < CLOSE * unit {
        return None;
    }
    Some(to_shorter > half && to_this < 0.5 * unit)
}

pub(super) fn is_exact(value: f64) -> bool {
    f64::from(value as f32).to_bits() == value.to_bits()
}

pub(super) fn is_half(value: f64) -> bool {
    // A half has 10 bits of fraction; most doubles have more, and need no closer look.
    value.to_bits() << 22 == 0 && f16::from_f64(value).to_f64().to_bits() == value.to_bits()
}

/// A bfloat16 is the upper half of an f32.
pub(super) fn is_bfloat(value: f64) -> bool {
    is_exact(value) && (value as f32).to_bits() & 0xffff == 0
}

/// The type in which a client wants arrays of numbers kept (`FPHA` of `JSON.SET`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatType {
    /// bfloat16
    Bf16,
    /// IEEE half
    Fp16,
    /// IEEE single
    Fp32,
    /// IEEE double
    Fp64,
}

impl FloatType {
    /// The nearest number of that type, as the double of its shortest text; infinite where the type's range is exceeded.
    pub(super) fn round(self, value: f64) -> f64 {
        match self {
            FloatType::Bf16 => short::of_bfloat(bf16::from_f64(value)),
            FloatType::Fp16 => short::of_half(f16::from_f64(value)),
            FloatType::Fp32 if (value as f32).is_infinite() => f64::INFINITY,
            FloatType::Fp32 => widen_short(value as f32),
            FloatType::Fp64 => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::width::width_of;
    use super::*;
    use proptest::prelude::*;

    fn text(number: Number) -> String {
        let mut out = Vec::new();
        number.format(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn prints_as_the_field_does() {
        for (value, want) in [
            (1.0, "1.0"),
            (100.0, "100.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e16"),
            (1e-7, "1e-7"),
            (1.5e-10, "1.5e-10"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "-0.0"),
            (5e-324, "5e-324"),
            (1e308, "1e308"),
            (1.844_674_407_370_955_2e19, "1.8446744073709552e19"),
        ] {
            assert_eq!(text(Number::Float(value)), want);
        }
        assert_eq!(text(Number::Unsigned(u64::MAX)), "18446744073709551615");
        assert_eq!(text(Number::Int(i64::MIN)), "-9223372036854775808");
    }

    proptest! {
        #[test]
        fn doubles_print_as_ryu_prints_them(bits: u64, short: f32, digits in -999_999_999i64..999_999_999, scale in 0i32..20) {
            let decimal: f64 = format!("{digits}e-{scale}").parse().unwrap();
            for value in [f64::from_bits(bits), f64::from(short), decimal, digits as f64] {
                if !value.is_finite() { continue; }
                let mut buffer = ryu::Buffer::new();
                prop_assert_eq!(text(Number::Float(value)), buffer.format_finite(value));
            }
        }

        #[test]
        fn short_floats_are_those_whose_text_comes_back(bits: u32, digits in -999_999_999i64..999_999_999, scale in 0i32..25, near in 0f64..2.0) {
            let decimal: f64 = format!("{digits}e-{scale}").parse().unwrap();
            let float = f32::from_bits(bits);
            let widened: f64 = ryu::Buffer::new().format(float).parse().unwrap();
            for value in [decimal, widened, f64::from(float), near, (near * 1e7).round() / 1e7] {
                if !value.is_finite() || !((1e-30..1e30).contains(&value.abs()) || value == 0.0) { continue; }
                let text: f64 = ryu::Buffer::new().format_finite(value as f32).parse().unwrap();
                prop_assert_eq!(is_short(value), text.to_bits() == value.to_bits(), "{}", value);
                if is_short(value) {
                    let mut out = Vec::new();
                    format_short(value as f32, &mut out);
                    let mut buffer = ryu::Buffer::new();
                    prop_assert_eq!(String::from_utf8(out).unwrap(), buffer.format_finite(value));
                }
            }
        }
    }

    #[test]
    fn integers_stay_exact_and_overflow_to_doubles() {
        let add = |a, b| text(Arithmetic::Add.apply(a, b).unwrap());
        assert_eq!(add(Number::Int(8), Number::Int(i64::MAX)), "9223372036854775815");
        assert_eq!(add(Number::Unsigned(u64::MAX), Number::Int(1)), "1.8446744073709552e19");
        assert_eq!(add(Number::Unsigned(u64::MAX), Number::Int(-1)), "18446744073709551614");
        assert_eq!(add(Number::Int(1), Number::Float(0.5)), "1.5");
        assert!(Arithmetic::Power.apply(Number::Float(1e300), Number::Int(2)).is_none());
        assert_eq!(text(Arithmetic::Power.apply(Number::Int(4), Number::Int(2)).unwrap()), "16");
        assert_eq!(text(Arithmetic::Power.apply(Number::Int(2), Number::Int(-1)).unwrap()), "0.5");
    }

    #[test]
    fn comparison_is_exact_beyond_53_bits() {
        let big = Number::Int((1 << 53) + 1);
        assert_eq!(big.compare(Number::Float(9_007_199_254_740_992.0)), Ordering::Greater);
        assert_eq!(Number::Float(0.5).compare(Number::Int(0)), Ordering::Greater);
        assert_eq!(Number::Int(-1).compare(Number::Float(-1.5)), Ordering::Greater);
        assert_eq!(Number::Unsigned(u64::MAX).compare(Number::Float(1.844_674_407_370_955_2e19)), Ordering::Less);
    }

    proptest! {
        #[test]
        fn every_number_comes_back_from_its_width(bits: u64, short: f32, int: i64, shift in 0u32..64) {
            for number in [Number::Float(f64::from_bits(bits)), Number::Float(f64::from(short)),
                Number::Float(short.to_string().parse().unwrap_or(0.0)), Number::Int(int >> shift)] {
                if !number.as_f64().is_finite() { continue; }
                let mut out = Vec::new();
                let width = width_of(number);
                width.write(number, &mut out);
                prop_assert_eq!(text(width.read(&out)), text(number));
            }
        }
    }
}
