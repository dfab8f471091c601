//! An entry of a dictionary, and the characters of its text.

use std::cmp::Ordering;

/// An entry as it lies in a [`super::packed::Packed`] list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry<'a> {
    /// What follows on the text of the node, folded.
    pub suffix: &'a [u8],
    /// The text as it was added, where it differs from what it folds to.
    pub original: Option<&'a [u8]>,
    /// Empty: none.
    pub payload: &'a [u8],
    /// The score.
    pub score: f32,
    /// Characters of the text as it was added; at most 255 are counted.
    pub characters: u8,
}

/// The length of the first character; a byte that begins none is one itself.
pub(super) fn char_len(text: &[u8]) -> usize {
    let width = match text.first() {
        None => 0,
        Some(..0x80) => return 1,
        Some(0xc2..0xe0) => 2,
        Some(0xe0..0xf0) => 3,
        Some(0xf0..0xf5) => 4,
        Some(_) => 1,
    };
    match text.get(..width) {
        Some(char) if std::str::from_utf8(char).is_ok() => width,
        _ => width.min(1),
    }
}

/// The characters of a text.
pub(super) fn chars(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (char, rest) = text.split_at(char_len(text));
        text = rest;
        (!char.is_empty()).then_some(char)
    })
}

/// How many characters a text has.
pub fn count_chars(text: &[u8]) -> usize {
    chars(text).count()
}

/// How many bytes two texts have in common at the front, in whole characters.
pub(super) fn common(one: &[u8], other: &[u8]) -> usize {
    chars(one).zip(chars(other)).take_while(|(a, b)| a == b).map(|(char, _)| char.len()).sum()
}

/// Orders texts by their characters: as their bytes do, but that a byte that is no character comes before all that follow on it.
/// So texts that begin with the same character lie side by side.
pub(super) fn by_chars(one: &[u8], other: &[u8]) -> Ordering {
    chars(one).cmp(chars(other))
}
