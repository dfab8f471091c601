//! The server's framing of a module's value in a DUMP, for tests: what stands around an encoding.
//!
//! `7, module id, (opcode, value)*, 0, RDB version (2 bytes), CRC-64 (8 bytes)`; opcodes 2 for unsigned integers and 5 for
//! strings, integers in the RDB's variable length, strings plain, as integers or LZF-compressed.

use nearset::codec::{Corrupt, Sink, Source};

/// 64-bit id of the type `vectorset`, encoding version 0.
const TYPE: u64 = 0xbde7_2da2_bb1e_b400;

#[derive(Debug, Clone, PartialEq)]
enum Item {
    U(u64),
    B(Vec<u8>),
}

/// The values of an encoding.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Payload(Vec<Item>);

impl Payload {
    pub fn as_source(&self) -> impl Source + '_ {
        Reading(&self.0)
    }
}

impl Sink for Payload {
    fn put_u64(&mut self, value: u64) {
        self.0.push(Item::U(value));
    }
    fn put_f32(&mut self, _: f32) {
        panic!("not in this type");
    }
    fn put_f64(&mut self, _: f64) {
        panic!("not in this type");
    }
    fn put_bytes(&mut self, value: &[u8]) {
        self.0.push(Item::B(value.to_vec()));
    }
}

struct Reading<'a>(&'a [Item]);

impl<'a> Source for Reading<'a> {
    type Bytes = &'a [u8];
    fn take_u64(&mut self) -> Result<u64, Corrupt> {
        let Some((Item::U(value), rest)) = self.0.split_first() else { return Err(Corrupt("no integer")) };
        self.0 = rest;
        Ok(*value)
    }
    fn take_f32(&mut self) -> Result<f32, Corrupt> {
        Err(Corrupt("not in this type"))
    }
    fn take_f64(&mut self) -> Result<f64, Corrupt> {
        Err(Corrupt("not in this type"))
    }
    fn take_bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let Some((Item::B(value), rest)) = self.0.split_first() else { return Err(Corrupt("no string")) };
        self.0 = rest;
        Ok(value)
    }
}

/// The CRC-64 of Redis (Jones), reflected.
fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| (crc >> 1) ^ (0x95ac_9329_ac4b_c9b5 & (crc & 1).wrapping_neg()))
    })
}

fn put_len(out: &mut Vec<u8>, len: u64) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend((len as u16 | 0x4000).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend((len as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend(len.to_be_bytes());
        }
    }
}

/// A DUMP payload of an encoding, for servers that read this RDB version.
pub fn frame(payload: &Payload, rdb_version: u16) -> Vec<u8> {
    let mut out = vec![7];
    put_len(&mut out, TYPE);
    for item in &payload.0 {
        match item {
            Item::U(value) => {
                put_len(&mut out, 2);
                put_len(&mut out, *value);
            }
            Item::B(value) => {
                put_len(&mut out, 5);
                put_len(&mut out, value.len() as u64);
                out.extend_from_slice(value);
            }
        }
    }
    put_len(&mut out, 0);
    out.extend(rdb_version.to_le_bytes());
    let crc = crc64(&out);
    out.extend(crc.to_le_bytes());
    out
}

struct Bytes<'a>(&'a [u8]);

/// A length, or the form of a string that is not plain.
enum Len {
    Plain(u64),
    Special(u8),
}

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn len(&mut self) -> Option<Len> {
        let first = self.take(1)?[0];
        Some(match (first >> 6, first) {
            (0, _) => Len::Plain(u64::from(first)),
            (1, _) => Len::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.take(1)?[0])),
            (_, 0x80) => Len::Plain(u64::from(u32::from_be_bytes(self.take(4)?.try_into().ok()?))),
            (_, 0x81) => Len::Plain(u64::from_be_bytes(self.take(8)?.try_into().ok()?)),
            (3, _) => Len::Special(first & 0x3f),
            _ => return None,
        })
    }

    fn plain(&mut self) -> Option<u64> {
        match self.len()? {
            Len::Plain(value) => Some(value),
            Len::Special(_) => None,
        }
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        Some(match self.len()? {
            Len::Plain(len) => self.take(len as usize)?.to_vec(),
            Len::Special(0) => i8::from_le_bytes(self.take(1)?.try_into().ok()?).to_string().into_bytes(),
            Len::Special(1) => i16::from_le_bytes(self.take(2)?.try_into().ok()?).to_string().into_bytes(),
            Len::Special(2) => i32::from_le_bytes(self.take(4)?.try_into().ok()?).to_string().into_bytes(),
            Len::Special(_) => {
                let (packed, len) = (self.plain()? as usize, self.plain()? as usize);
                unpack(self.take(packed)?, len)?
            }
        })
    }
}

/// LZF.
fn unpack(mut packed: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(len);
    while let Some((&control, rest)) = packed.split_first() {
        packed = rest;
        if control < 32 {
            let (literal, rest) = packed.split_at_checked(usize::from(control) + 1)?;
            out.extend_from_slice(literal);
            packed = rest;
            continue;
        }
        let mut count = usize::from(control >> 5);
        if count == 7 {
            count += usize::from(*packed.first()?);
            packed = &packed[1..];
        }
        let back = (usize::from(control & 31) << 8 | usize::from(*packed.first()?)) + 1;
        packed = &packed[1..];
        for _ in 0..count + 2 {
            out.push(*out.get(out.len().checked_sub(back)?)?);
        }
    }
    (out.len() == len).then_some(out)
}

/// The encoding in a DUMP payload of a vector set; `None` where it is none, or damaged.
pub fn unframe(dump: &[u8]) -> Option<Payload> {
    let (signed, crc) = dump.split_last_chunk::<8>()?;
    if crc64(signed) != u64::from_le_bytes(*crc) {
        return None;
    }
    let (body, _version) = signed.split_last_chunk::<2>()?;
    let mut bytes = Bytes(body);
    if bytes.take(1)? != [7] || bytes.plain()? != TYPE {
        return None;
    }
    let mut payload = Payload::default();
    loop {
        match bytes.plain()? {
            0 if bytes.0.is_empty() => return Some(payload),
            2 => payload.put_u64(bytes.plain()?),
            5 => payload.put_bytes(&bytes.string()?),
            _ => return None,
        }
    }
}
