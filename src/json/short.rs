//! The shortest texts of 16-bit floats: for each, the double of the decimal with the fewest digits that rounds to it.
//!
//! A client that has its vectors kept as halves writes 0.1 and wants to read 0.1, not 0.0999755859375. So a number kept in
//! such a type *is* the decimal that it prints: what is read, computed with, saved and loaded is the same number.

use std::sync::atomic::{AtomicU64, Ordering};

use half::{bf16, f16};

/// What was worked out so far: the bits of the double, 0 for not yet. Pages of it exist once they are written to.
type Known = [AtomicU64; 1 << 16];

static HALVES: Known = [const { AtomicU64::new(0) }; 1 << 16];
static BFLOATS: Known = [const { AtomicU64::new(0) }; 1 << 16];

/// The double of the shortest text of a half.
pub(super) fn of_half(value: f16) -> f64 {
    known(&HALVES[usize::from(value.to_bits())], value.to_f64(), |near| f16::from_f64(near) == value)
}

/// The double of the shortest text of a bfloat16.
pub(super) fn of_bfloat(value: bf16) -> f64 {
    known(&BFLOATS[usize::from(value.to_bits())], value.to_f64(), |near| bf16::from_f64(near) == value)
}

/// Whether `value` is the shortest text of the half nearest to it.
pub(super) fn is_half(value: f64) -> bool {
    let near = f16::from_f64(value);
    near.is_finite() && of_half(near).to_bits() == value.to_bits()
}

/// Whether `value` is the shortest text of the bfloat16 nearest to it.
pub(super) fn is_bfloat(value: f64) -> bool {
    let near = bf16::from_f64(value);
    near.is_finite() && of_bfloat(near).to_bits() == value.to_bits()
}

fn known(known: &AtomicU64, value: f64, rounds: impl Fn(f64) -> bool) -> f64 {
    let bits = known.load(Ordering::Relaxed);
    if bits != 0 {
        return f64::from_bits(bits);
    }
    let short = if value == 0.0 || !value.is_finite() {
        value
    } else {
        shortest(value.abs(), |near| rounds(near.copysign(value))).copysign(value)
    };
    known.store(short.to_bits(), Ordering::Relaxed);
    short
}

/// The nearest of the decimals with the fewest digits that round to `value`, which is positive.
fn shortest(value: f64, rounds: impl Fn(f64) -> bool) -> f64 {
    let exponent = value.log10().floor() as i32;
    for digits in 0..5 {
        // Where a type's neighbours are not equally far, the nearer decimal may be another's.
        let unit = exponent - digits;
        let scaled = value / 10f64.powi(unit);
        let decimal = |mantissa: f64| format!("{mantissa}e{unit}").parse::<f64>().unwrap_or(value);
        let found = [decimal(scaled.floor()), decimal(scaled.ceil())].into_iter().filter(|near| rounds(*near));
        if let Some(near) = found.min_by(|a, b| (a - value).abs().total_cmp(&(b - value).abs())) {
            return near;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every half and every bfloat16: its text rounds to it, and no text of fewer digits does.
    #[test]
    fn texts_come_back_and_are_the_shortest() {
        let check = |value: f64, short: f64, rounds: &dyn Fn(f64) -> bool| {
            assert!(rounds(short), "{value:e} {short:e}");
            let text = format!("{short:e}");
            let (mantissa, exponent) = text.trim_start_matches('-').split_once('e').unwrap();
            let digits = mantissa.replace('.', "");
            let shorter: u64 = digits[..digits.len() - 1].parse().unwrap_or(0);
            let unit = exponent.parse::<i32>().unwrap() + 2 - digits.len() as i32;
            for mantissa in [shorter, shorter + 1] {
                let near: f64 = format!("{mantissa}e{unit}").parse().unwrap();
                assert!(digits.len() == 1 || !rounds(near.copysign(value)), "{value:e}: {short:e}, but {near:e}");
            }
        };
        for bits in 0..=u16::MAX {
            let (half, bfloat) = (f16::from_bits(bits), bf16::from_bits(bits));
            if half.is_finite() && half != f16::ZERO {
                check(half.to_f64(), of_half(half), &|near| f16::from_f64(near) == half);
                assert!(is_half(of_half(half)));
            }
            if bfloat.is_finite() && bfloat != bf16::ZERO {
                check(bfloat.to_f64(), of_bfloat(bfloat), &|near| bf16::from_f64(near) == bfloat);
                assert!(is_bfloat(of_bfloat(bfloat)));
            }
        }
        assert_eq!((of_half(f16::from_f64(0.1)), of_bfloat(bf16::from_f64(0.3))), (0.1, 0.3));
        assert_eq!((of_half(f16::NEG_ZERO).to_bits(), of_half(f16::ZERO)), ((-0.0f64).to_bits(), 0.0));
    }
}
