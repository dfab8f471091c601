//! The kinds in which numbers are stored: their bytes, and the smallest that gives a number back.

use half::{bf16, f16};

use super::number::{Number, is_bfloat, is_exact, is_half, is_short, widen_short};
use super::short;

/// What a packed array's tag is above its elements' tag.
pub(super) const PACKED: u8 = 0x10;

/// How one number is stored; the discriminant is its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Width {
    I8 = 0x03,
    I16 = 0x04,
    I32 = 0x05,
    I64 = 0x06,
    U64 = 0x07,
    /// A double that is exactly an f32 (what a float32 vector widened by Python or JavaScript prints).
    F32Exact = 0x08,
    /// A double whose shortest text is the shortest text of an f32 (what an f32 vector prints as itself).
    F32Short = 0x09,
    F64 = 0x0a,
    /// A double that is exactly an IEEE half.
    F16 = 0x20,
    /// A double that is exactly a bfloat16.
    Bf16 = 0x21,
    /// A double whose shortest text is the shortest text of a half: 0.1.
    F16Short = 0x22,
    /// A double whose shortest text is the shortest text of a bfloat16.
    Bf16Short = 0x23,
}

impl Width {
    /// The kind of a number's tag.
    pub(super) fn of_tag(tag: u8) -> Option<Width> {
        Some(match tag {
            0x03 => Width::I8,
            0x04 => Width::I16,
            0x05 => Width::I32,
            0x06 => Width::I64,
            0x07 => Width::U64,
            0x08 => Width::F32Exact,
            0x09 => Width::F32Short,
            0x0a => Width::F64,
            0x20 => Width::F16,
            0x21 => Width::Bf16,
            0x22 => Width::F16Short,
            0x23 => Width::Bf16Short,
            _ => return None,
        })
    }

    /// The element kind of a packed array's tag.
    pub(super) fn of_packed(tag: u8) -> Option<Width> {
        if matches!(tag, 0x13..=0x1a | 0x30..=0x33) { Width::of_tag(tag - PACKED) } else { None }
    }

    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Width::I8 => 1,
            Width::I16 | Width::F16 | Width::Bf16 | Width::F16Short | Width::Bf16Short => 2,
            Width::I32 | Width::F32Exact | Width::F32Short => 4,
            Width::I64 | Width::U64 | Width::F64 => 8,
        }
    }

    /// Reads a number of this kind from the front of `bytes`.
    pub(super) fn read(self, bytes: &[u8]) -> Number {
        match self {
            Width::I8 => Number::Int(i64::from(i8::from_le_bytes(first(bytes)))),
            Width::I16 => Number::Int(i64::from(i16::from_le_bytes(first(bytes)))),
            Width::I32 => Number::Int(i64::from(i32::from_le_bytes(first(bytes)))),
            Width::I64 => Number::Int(i64::from_le_bytes(first(bytes))),
            Width::U64 => Number::Unsigned(u64::from_le_bytes(first(bytes))),
            Width::F32Exact => Number::Float(f64::from(f32::from_le_bytes(first(bytes)))),
            Width::F32Short => Number::Float(widen_short(f32::from_le_bytes(first(bytes)))),
            Width::F64 => Number::Float(f64::from_le_bytes(first(bytes))),
            Width::F16 => Number::Float(f16::from_le_bytes(first(bytes)).to_f64()),
            Width::Bf16 => Number::Float(bf16::from_le_bytes(first(bytes)).to_f64()),
            Width::F16Short => Number::Float(short::of_half(f16::from_le_bytes(first(bytes)))),
            Width::Bf16Short => Number::Float(short::of_bfloat(bf16::from_le_bytes(first(bytes)))),
        }
    }

    /// Writes a number as this kind, which must hold it (see [`width_of`]).
    pub(super) fn write(self, number: Number, out: &mut Vec<u8>) {
        match self {
            Width::I8 => out.push(number.as_i64_lossy() as u8),
            Width::I16 => out.extend_from_slice(&(number.as_i64_lossy() as i16).to_le_bytes()),
            Width::I32 => out.extend_from_slice(&(number.as_i64_lossy() as i32).to_le_bytes()),
            Width::I64 => out.extend_from_slice(&number.as_i64_lossy().to_le_bytes()),
            Width::U64 => {
                let value = if let Number::Unsigned(value) = number { value } else { number.as_i64_lossy() as u64 };
                out.extend_from_slice(&value.to_le_bytes());
            }
            Width::F32Exact | Width::F32Short => out.extend_from_slice(&(number.as_f64() as f32).to_le_bytes()),
            Width::F64 => out.extend_from_slice(&number.as_f64().to_le_bytes()),
            Width::F16 | Width::F16Short => out.extend_from_slice(&f16::from_f64(number.as_f64()).to_le_bytes()),
            Width::Bf16 | Width::Bf16Short => out.extend_from_slice(&bf16::from_f64(number.as_f64()).to_le_bytes()),
        }
    }
}

/// The first `N` bytes. Blocks are only ever written by the builder, so they are there.
pub(super) fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

/// True if a float of that width can be `value`.
pub(super) fn is_float_of(width: Width, value: f64) -> bool {
    match width {
        Width::F16 => is_half(value),
        Width::Bf16 => is_bfloat(value),
        Width::F16Short => short::is_half(value),
        Width::Bf16Short => short::is_bfloat(value),
        Width::F32Exact => is_exact(value),
        Width::F32Short => is_short(value),
        Width::F64 => true,
        Width::I8 | Width::I16 | Width::I32 | Width::I64 | Width::U64 => false,
    }
}

/// The smallest kind that gives the number back.
pub(super) fn width_of(number: Number) -> Width {
    match number {
        Number::Int(value) if i8::try_from(value).is_ok() => Width::I8,
        Number::Int(value) if i16::try_from(value).is_ok() => Width::I16,
        Number::Int(value) if i32::try_from(value).is_ok() => Width::I32,
        Number::Int(_) => Width::I64,
        Number::Unsigned(_) => Width::U64,
        Number::Float(value) if is_half(value) => Width::F16,
        Number::Float(value) if is_bfloat(value) => Width::Bf16,
        Number::Float(value) if is_exact(value) => Width::F32Exact,
        Number::Float(value) if is_short(value) => Width::F32Short,
        Number::Float(_) => Width::F64,
    }
}

/// The one kind in which all `numbers` can be packed, if there is one: all integers of an `i64`, or all doubles.
pub(super) fn common_width(numbers: &[Number]) -> Option<Width> {
    if numbers.iter().all(|n| matches!(n, Number::Int(_))) {
        let wide = |a: Width, n: &Number| if width_of(*n).bytes() > a.bytes() { width_of(*n) } else { a };
        return Some(numbers.iter().fold(Width::I8, wide));
    }
    if !numbers.iter().all(|n| matches!(n, Number::Float(_))) {
        return None;
    }
    let halves = [Width::F16, Width::Bf16, Width::F16Short, Width::Bf16Short];
    let mut candidates = halves.into_iter().chain([Width::F32Exact, Width::F32Short]);
    let holds_all = |width: &Width| numbers.iter().all(|n| is_float_of(*width, n.as_f64()));
    Some(candidates.find(holds_all).unwrap_or(Width::F64))
}
