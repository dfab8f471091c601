//! Suggestions (FT.SUG*): a dictionary of texts with scores and payloads, found by what they begin with (specification part two, 1).
//!
//! | file | what |
//! |---|---|
//! | `tree` | the radix tree that holds the entries |
//! | `find` | the best entries for a prefix |
//! | [`encoding`] | the dictionary in RDB files |
//!
//! Texts are compared folded and given back as they were added: `Hello` and `hello` are two entries that both begin with `HEL`.
//! Bytes that are no UTF-8 count as a character each.

pub mod encoding;
mod find;
mod tree;

use super::fold::fold;
use tree::Tree;

pub use find::Suggested;

/// Longest text of an entry, in characters.
pub const LONGEST: usize = 255;

/// A text with its score, as kept in the dictionary.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The text where it differs from what it folds to.
    text: Option<Box<[u8]>>,
    /// Empty: none.
    payload: Box<[u8]>,
    score: f32,
}

/// What FT.SUGADD says of a text.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Its score, or what is added to it.
    pub score: f32,
    /// INCR: the score is added to the one that was there.
    pub increment: bool,
    /// PAYLOAD; `None`: what was there stays, and `Some` of nothing takes it away.
    pub payload: Option<&'a [u8]>,
}

/// Is shown an entry: its text, score and payload.
pub type Show<'a> = dyn FnMut(&[u8], f32, &[u8]) + 'a;

/// A dictionary of suggestions.
#[derive(Debug, Clone, Default)]
pub struct Suggestions {
    tree: Tree,
}

/// The length of the first character; a byte that begins none is one itself.
fn char_len(text: &[u8]) -> usize {
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
fn chars(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
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

impl Suggestions {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.tree.entries()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a text or changes what is kept of it; whether anything changed. An empty text is not added.
    pub fn add(&mut self, addition: Addition<'_>) -> bool {
        if addition.text.is_empty() {
            return false;
        }
        let folded = fold(addition.text);
        let payload = addition.payload.map(Box::<[u8]>::from);
        let text = (*folded != *addition.text).then(|| Box::from(addition.text));
        self.tree.change(&folded, |entries| {
            if let Some(entry) = entries.iter_mut().find(|entry| entry.text == text) {
                let before = entry.clone();
                entry.score = if addition.increment { entry.score + addition.score } else { addition.score };
                entry.payload = payload.unwrap_or_else(|| std::mem::take(&mut entry.payload));
                return before != *entry;
            }
            entries.push(Entry { text, payload: payload.unwrap_or_default(), score: addition.score });
            true
        })
    }

    /// Removes a text; whether it was there.
    pub fn remove(&mut self, text: &[u8]) -> bool {
        let folded = fold(text);
        let kept = (*folded != *text).then_some(text);
        self.tree.change(&folded, |entries| match entries.iter().position(|entry| entry.text.as_deref() == kept) {
            Some(at) => {
                entries.remove(at);
                true
            }
            None => false,
        })
    }

    /// Shows every entry, in the order of the folded texts: text, score, payload.
    pub fn each(&self, show: &mut Show<'_>) {
        self.tree.each(&mut |folded, entry| show(entry.text.as_deref().unwrap_or(folded), entry.score, &entry.payload));
    }

    /// How many allocations freeing takes, about.
    pub fn free_effort(&self) -> usize {
        self.tree.nodes()
    }

    /// Tells `count` the size of every allocation.
    pub fn allocations(&self, count: &mut dyn FnMut(usize)) {
        self.tree.allocations(count);
    }
}

#[cfg(test)]
mod tests;
