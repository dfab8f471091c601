//! The RDB encoding, type `ReJSON-RL` version 3: one byte string, the compact JSON text.
//!
//! Version 2 (RedisJSON 2.0) is read too: the text, then an unsigned flag, and where it is not 0, two strings that named
//! an index. Versions 0 (a binary tree of 2016) and 4 (Redis 8.8) are not read.

use super::{Document, Error, MAX_NESTED};
pub use crate::codec::Corrupt;
use crate::codec::{Sink, Source};

/// The version that is written.
pub const VERSION: u32 = 3;

/// Writes a document.
pub fn encode(document: &Document, sink: &mut impl Sink) {
    sink.put_bytes(&document.to_text());
}

/// Reads a document of encoding `version`.
///
/// # Errors
/// [`Corrupt`] for a version other than 2 and 3, and for text that is not JSON.
pub fn decode(source: &mut impl Source, version: u32) -> Result<Document, Corrupt> {
    if version == 4 {
        return Err(Corrupt("can't load JSON written by Redis 8.8 or later; export it with JSON.GET"));
    }
    if !(2..=VERSION).contains(&version) {
        return Err(Corrupt("unknown JSON encoding version"));
    }
    let text = source.take_bytes()?;
    if version == 2 && source.take_u64()? != 0 {
        source.take_bytes()?;
        source.take_bytes()?;
    }
    Document::parse_saved(text.as_ref()).map_err(|error| match error {
        Error::NotUtf8 => Corrupt("JSON that is not UTF-8"),
        _ if nests_deeper(text.as_ref()) => Corrupt("JSON that nests deeper than 10,240 levels"),
        _ => Corrupt("not JSON"),
    })
}

/// True if more brackets are open at once than [`MAX_NESTED`]; those in strings may count, which an error message can bear.
fn nests_deeper(text: &[u8]) -> bool {
    let mut open = 0usize;
    text.iter().any(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MAX_NESTED
    })
}
