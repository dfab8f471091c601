//! Suggestions (FT.SUG*): a dictionary of texts with scores and payloads, found by what they begin with (specification part two, 1).
//!
//! | file | what |
//! |---|---|
//! | `tree` | the burst trie that holds the entries |
//! | `packed` | a short list of entries in one allocation |
//! | `find` | the best entries for a prefix |
//! | [`encoding`] | the dictionary in RDB files |
//!
//! Texts are compared folded and given back as they were added: `Hello` and `hello` are two entries that both begin with `HEL`.
//! Bytes that are no UTF-8 count as a character each.

pub mod encoding;
mod entry;
mod find;
mod packed;
mod tree;

use super::fold::fold;
use packed::Change;
use tree::Tree;

pub use entry::count_chars;
pub use find::Suggested;

/// Longest text of an entry, in characters.
pub const LONGEST: usize = 255;

/// What FT.SUGADD says of a text.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Its score, or what is added to it.
    pub score: f32,
    /// INCR: the score is added to the one that was there.
    pub increment: bool,
    /// PAYLOAD; `None` or nothing: what was there stays.
    pub payload: Option<&'a [u8]>,
}

/// Is shown an entry: its text, score and payload.
pub type Show<'a> = dyn FnMut(&[u8], f32, &[u8]) + 'a;

/// A dictionary of suggestions.
#[derive(Debug, Clone, Default)]
pub struct Suggestions {
    tree: Tree,
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
        let Addition { text, score, increment, payload } = addition;
        let payload = payload.filter(|payload| !payload.is_empty());
        let folded = fold(text);
        let original = (*folded != *text).then_some(text);
        let characters = u8::try_from(count_chars(text)).unwrap_or(u8::MAX);
        self.tree.change(&folded, original, Change::Put { score, increment, payload, characters })
    }

    /// Removes a text; whether it was there.
    pub fn remove(&mut self, text: &[u8]) -> bool {
        let folded = fold(text);
        let original = (*folded != *text).then_some(text);
        !text.is_empty() && self.tree.change(&folded, original, Change::Remove)
    }

    /// Shows every entry, in the order of the folded texts: text, score, payload.
    pub fn each(&self, show: &mut Show<'_>) {
        self.tree.each(&mut |folded, entry| show(entry.original.unwrap_or(folded), entry.score, entry.payload));
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
