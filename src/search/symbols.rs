//! Texts that are kept once each, however many documents have them.
//!
//! What documents are sorted and grouped by is often one of few texts: a document then costs four bytes, equal texts are
//! known by their number, and a text is shared with whoever reads it, not copied. A text that nobody has any more is
//! forgotten, and its number is given out again.

use super::column::Slot;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::Arc;

/// The number of a text. Equal exactly for equal texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol(u32);

impl Symbol {
    /// Below [`Symbols::bound`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Slot for Symbol {
    fn vacant() -> Self {
        Self(u32::MAX)
    }
    fn is_vacant(&self) -> bool {
        self.0 == u32::MAX
    }
}

/// A text and how many have it; nothing for a number that is free.
type Entry = Option<(Arc<[u8]>, u32)>;

/// The texts, with how many have each.
#[derive(Debug, Default)]
pub struct Symbols {
    texts: Vec<Entry>,
    by_text: HashTable<u32>,
    free: Vec<u32>,
    hasher: DefaultHashBuilder,
    bytes: usize,
}

impl Symbols {
    /// The text of a number that was given out.
    pub fn text(&self, symbol: Symbol) -> Option<&Arc<[u8]>> {
        self.texts.get(symbol.index())?.as_ref().map(|(text, _)| text)
    }

    /// Above all numbers given out.
    pub fn bound(&self) -> usize {
        self.texts.len()
    }

    /// One more has this text.
    pub fn take(&mut self, text: &[u8]) -> Symbol {
        let Self { texts, by_text, free, hasher, bytes } = self;
        let hash = hasher.hash_one(text);
        if let Some(&at) = by_text.find(hash, |&at| text_at(texts, at) == text) {
            if let Some(Some((_, count))) = texts.get_mut(at as usize) {
                *count += 1;
            }
            return Symbol(at);
        }
        let entry = Some((Arc::from(text), 1));
        let at = match free.pop() {
            Some(at) => {
                texts[at as usize] = entry;
                at
            }
            None => {
                texts.push(entry);
                // There are no more texts than documents, whose numbers are u32 without the last.
                (texts.len() - 1) as u32
            }
        };
        *bytes += text.len();
        by_text.insert_unique(hash, at, |&at| hasher.hash_one(text_at(texts, at)));
        Symbol(at)
    }

    /// One fewer has it.
    pub fn release(&mut self, symbol: Symbol) {
        let Some(Some((text, count))) = self.texts.get_mut(symbol.index()) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        self.bytes -= text.len();
        if let Ok(entry) = self.by_text.find_entry(self.hasher.hash_one(&**text), |&at| at == symbol.0) {
            entry.remove();
        }
        self.texts[symbol.index()] = None;
        self.free.push(symbol.0);
        if self.by_text.is_empty() {
            *self = Self::default();
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        /// The counts of an `Arc`.
        const COUNTS: usize = 2 * size_of::<usize>();
        self.texts.capacity() * size_of::<Entry>()
            + self.free.capacity() * size_of::<u32>()
            + self.by_text.allocation_size()
            + self.by_text.len() * COUNTS
            + self.bytes
    }
}

fn text_at(texts: &[Entry], at: u32) -> &[u8] {
    texts.get(at as usize).and_then(Option::as_ref).map_or(&[], |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_texts_are_equal_numbers(ops in prop::collection::vec((any::<bool>(), 0u8..12), 0..200)) {
            let mut symbols = Symbols::default();
            let mut taken: Vec<(u8, Symbol)> = Vec::new();
            for (take, letter) in ops {
                if take {
                    let symbol = symbols.take(&[letter; 3]);
                    prop_assert!(taken.iter().all(|(other, known)| (*other == letter) == (*known == symbol)));
                    prop_assert!(symbol.index() < symbols.bound());
                    taken.push((letter, symbol));
                } else if let Some(at) = taken.iter().position(|(other, _)| *other == letter) {
                    symbols.release(taken.swap_remove(at).1);
                }
                for (letter, symbol) in &taken {
                    prop_assert_eq!(&**symbols.text(*symbol).unwrap(), &[*letter; 3]);
                }
            }
            for (_, symbol) in taken {
                symbols.release(symbol);
            }
            prop_assert_eq!(symbols.memory(), 0);
        }
    }
}
