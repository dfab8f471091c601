//! The flat byte form of a value: what a block holds.
//!
//! An *item* is a tag byte and its payload, little-endian; a *run* is items one after another (of an object: key, item,
//! key, item …). A tag tells its item's length without looking inside, so siblings are skipped in constant time each.
//!
//! | tag | payload | value |
//! |---|---|---|
//! | `00` `01` `02` | | null, false, true |
//! | `03` `04` `05` `06` `07` | 1, 2, 4, 8, 8 bytes | i8, i16, i32, i64, u64 (only above `i64::MAX`) |
//! | `08` `09` `0a` | 4, 4, 8 bytes | double equal to an f32; double whose shortest text is that of an f32; f64 |
//! | `0b` `0c` `0d` | u8, u16, u32 length; UTF-8 | string |
//! | `0e` `0f` | (u8, u8), (u16, u16): length, count; run | array |
//! | `10` `11` | as array | object |
//! | `13`–`16`, `18`–`1a` | count as LEB128; count × width | packed array of the number kind with tag `tag - 10` |
//! | `20` `21` | 2 bytes | double equal to a half (IEEE binary16); equal to a bfloat16 |
//! | `22` `23` | 2 bytes | double whose shortest text is that of a half; that of a bfloat16 |
//! | `30`–`33` | as `13` | packed array of those |
//! | `40`–`7f` | | integer `tag - 40` |
//! | `80`–`bf` | UTF-8 | string of `tag - 80` bytes |
//!
//! A key is its length as u8 and its bytes; 255 says that the length follows as u32.

use super::number::Number;
use super::width::{Width, first, width_of};

pub(super) const NULL: u8 = 0x00;
pub(super) const FALSE: u8 = 0x01;
pub(super) const TRUE: u8 = 0x02;
pub(super) const STR8: u8 = 0x0b;
pub(super) const STR16: u8 = 0x0c;
pub(super) const STR32: u8 = 0x0d;
pub(super) const ARRAY8: u8 = 0x0e;
pub(super) const ARRAY16: u8 = 0x0f;
pub(super) const OBJECT8: u8 = 0x10;
pub(super) const OBJECT16: u8 = 0x11;
pub(super) const SMALL_INT: u8 = 0x40;
pub(super) const SMALL_STR: u8 = 0x80;
pub(super) const LAST_SMALL_STR: u8 = 0xbf;
/// Bytes before the run of a small and of a wide container.
pub(super) const HEADER8: usize = 3;
pub(super) const HEADER16: usize = 5;

/// Reads a LEB128 count: the count and the bytes it takes.
pub(super) fn read_count(bytes: &[u8]) -> (usize, usize) {
    let (mut count, mut at) = (0usize, 0usize);
    loop {
        let byte = bytes[at];
        count |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        if byte < 0x80 {
            return (count, at);
        }
    }
}

/// Writes a LEB128 count.
pub(super) fn write_count(mut count: usize, out: &mut Vec<u8>) {
    while count >= 0x80 {
        out.push((count & 0x7f) as u8 | 0x80);
        count >>= 7;
    }
    out.push(count as u8);
}

/// Counts the steps over items and chunks in tests, where time is no measure.
pub(super) mod work {
    #[cfg(test)]
    thread_local!(static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) });

    /// One step.
    pub(in crate::json) fn step() {
        #[cfg(test)]
        STEPS.with(|steps| steps.set(steps.get() + 1));
    }

    /// What `with` comes to, and the steps that it took.
    #[cfg(test)]
    pub(in crate::json) fn during<T>(with: impl FnOnce() -> T) -> (T, u64) {
        let before = STEPS.with(std::cell::Cell::get);
        let result = with();
        (result, STEPS.with(std::cell::Cell::get) - before)
    }
}

/// The length of the item that begins at the front of `bytes`, tag included.
pub(super) fn item_len(bytes: &[u8]) -> usize {
    work::step();
    let tag = bytes[0];
    match tag {
        NULL | FALSE | TRUE => 1,
        STR8 => 2 + usize::from(bytes[1]),
        STR16 => 3 + usize::from(u16::from_le_bytes(first(&bytes[1..]))),
        STR32 => 5 + u32::from_le_bytes(first(&bytes[1..])) as usize,
        ARRAY8 | OBJECT8 => HEADER8 + usize::from(bytes[1]),
        ARRAY16 | OBJECT16 => HEADER16 + usize::from(u16::from_le_bytes(first(&bytes[1..]))),
        SMALL_INT..SMALL_STR => 1,
        SMALL_STR.. => 1 + usize::from(tag - SMALL_STR),
        _ => {
            if let Some(width) = Width::of_tag(tag) {
                return 1 + width.bytes();
            }
            let width = Width::of_packed(tag).expect("blocks hold known tags only");
            let (count, head) = read_count(&bytes[1..]);
            1 + head + count * width.bytes()
        }
    }
}

/// Splits the key off the front of an object's run.
pub(super) fn split_key(run: &[u8]) -> (&[u8], &[u8]) {
    let short = usize::from(run[0]);
    if short < 255 {
        return run[1..].split_at(short);
    }
    run[5..].split_at(u32::from_le_bytes(first(&run[1..])) as usize)
}

/// Splits the item off the front of a run.
pub(super) fn split_item(run: &[u8]) -> (&[u8], &[u8]) {
    run.split_at(item_len(run))
}

/// Writes a key. Keys are at most `u32::MAX` bytes, as a server's arguments are (512 MB).
pub(super) fn write_key(key: &[u8], out: &mut Vec<u8>) {
    if key.len() < 255 {
        out.push(key.len() as u8);
    } else {
        out.push(255);
        out.extend_from_slice(&(key.len() as u32).to_le_bytes());
    }
    out.extend_from_slice(key);
}

/// Writes a string item. At most `u32::MAX` bytes, as keys.
pub(super) fn write_str(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..64 => out.push(SMALL_STR + len as u8),
        len @ 64..256 => out.extend_from_slice(&[STR8, len as u8]),
        len @ 256..65_536 => {
            out.push(STR16);
            out.extend_from_slice(&(len as u16).to_le_bytes());
        }
        len => {
            out.push(STR32);
            out.extend_from_slice(&(len as u32).to_le_bytes());
        }
    }
    out.extend_from_slice(text);
}

/// Writes a number item in the smallest form that gives it back.
pub(super) fn write_number(number: Number, out: &mut Vec<u8>) {
    if let Number::Int(small @ 0..64) = number {
        out.push(SMALL_INT + small as u8);
        return;
    }
    let width = width_of(number);
    out.push(width as u8);
    width.write(number, out);
}

/// The bytes of a string item.
pub(super) fn str_bytes(item: &[u8]) -> Option<&[u8]> {
    match item[0] {
        STR8 => Some(&item[2..]),
        STR16 => Some(&item[3..]),
        STR32 => Some(&item[5..]),
        SMALL_STR..=LAST_SMALL_STR => Some(&item[1..]),
        _ => None,
    }
}

/// The number of a number item.
pub(super) fn number(item: &[u8]) -> Option<Number> {
    match item[0] {
        tag @ SMALL_INT..SMALL_STR => Some(Number::Int(i64::from(tag - SMALL_INT))),
        tag => Width::of_tag(tag).map(|width| width.read(&item[1..])),
    }
}

/// How the number of an item is stored, and its bytes; of those that are not in the tag itself.
pub(super) fn width(item: &[u8]) -> Option<(Width, &[u8])> {
    Width::of_tag(item[0]).map(|width| (width, &item[1..]))
}

/// Count and run of a container item that is not packed; true for an object.
pub(super) fn container(item: &[u8]) -> Option<(bool, usize, &[u8])> {
    match item[0] {
        tag @ (ARRAY8 | OBJECT8) => Some((tag == OBJECT8, usize::from(item[2]), &item[HEADER8..])),
        tag @ (ARRAY16 | OBJECT16) => {
            let count = usize::from(u16::from_le_bytes(first(&item[3..])));
            Some((tag == OBJECT16, count, &item[HEADER16..]))
        }
        _ => None,
    }
}

/// Element kind and elements of a packed array item.
pub(super) fn packed(item: &[u8]) -> Option<(Width, &[u8])> {
    let width = Width::of_packed(item[0])?;
    let (_, head) = read_count(&item[1..]);
    Some((width, &item[1 + head..]))
}
