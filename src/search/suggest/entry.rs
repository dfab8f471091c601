//! An entry of a dictionary, and the characters of its text.

/// A text with its score, as kept in the dictionary.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The text where it differs from what it folds to.
    pub(super) text: Option<Box<[u8]>>,
    /// Empty: none.
    pub(super) payload: Box<[u8]>,
    pub(super) score: f32,
}

/// The length of the first character; a byte that begins none is one itself.
pub(super) fn char_len(text: &[u8]) -> usize {
    let width = match text.first() {
        None => 0,
        Some(..0x80) => 1,
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
