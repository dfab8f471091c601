//! The dictionary in RDB files, in the format of type `trietype0`, which the field's own files have.
//!
//! In the vocabulary of [`crate::codec`], encoding version 1:
//!
//! ```text
//! entries: u64, then for each
//!   text:    bytes, with a 0 at the end
//!   score:   f64
//!   payload: bytes, with one more at the end; only that for none
//! ```
//! That last byte of a payload is a 0 here; RediSearch 2.10 writes whatever lies behind the payload in memory.
//! Version 0 has no payloads.

use super::{Addition, LONGEST, Suggestions, count_chars};
use crate::codec::{Corrupt, Sink, Source};

/// The version that [`encode`] writes.
pub const VERSION: u32 = 1;

/// Writes a dictionary.
pub fn encode(suggestions: &Suggestions, sink: &mut impl Sink) {
    sink.put_u64(suggestions.len() as u64);
    suggestions.each(&mut |text, score, payload| {
        sink.put_bytes(&[text, &[0]].concat());
        sink.put_f64(f64::from(score));
        sink.put_bytes(&[payload, &[0]].concat());
    });
}

/// Reads what [`encode`] wrote, or an older version.
///
/// # Errors
/// [`Corrupt`] where it breaks a rule of the format.
pub fn decode(source: &mut impl Source, version: u32) -> Result<Suggestions, Corrupt> {
    if version > VERSION {
        return Err(Corrupt("suggestions in an unknown version"));
    }
    let mut suggestions = Suggestions::default();
    for _ in 0..source.take_u64()? {
        let text = source.take_bytes()?;
        let text = without_end(text.as_ref())?;
        let score = source.take_f64()?;
        if score.is_nan() || count_chars(text) > LONGEST {
            return Err(Corrupt("a suggestion's score or length"));
        }
        let payload = if version == 0 { None } else { Some(source.take_bytes()?) };
        let payload = match payload.as_ref().map(|payload| payload.as_ref().split_last()) {
            Some(None) => return Err(Corrupt("a suggestion's payload without an end")),
            Some(Some((_, payload))) => Some(payload),
            None => None,
        };
        let before = suggestions.len();
        suggestions.add(Addition { text, score: score as f32, increment: false, payload });
        if suggestions.len() == before {
            return Err(Corrupt("a suggestion twice, or without a text"));
        }
    }
    Ok(suggestions)
}

/// What stands before the 0 at the end.
fn without_end(bytes: &[u8]) -> Result<&[u8], Corrupt> {
    match bytes.split_last() {
        Some((0, rest)) => Ok(rest),
        _ => Err(Corrupt("a suggestion's text without an end")),
    }
}
