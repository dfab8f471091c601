//! Words to what the index stores beside them: their stems, or the words that they are made of.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Language, chinese};

/// What stems start with in the dictionary of an index.
pub const STEM: u8 = b'+';

/// Shortest word that is stored under its stem too, in bytes.
static SHORTEST: AtomicUsize = AtomicUsize::new(4);

/// Tells from how many bytes on words are stored under their stems too. What was indexed stays as it is.
pub fn store_stems_from(length: usize) {
    SHORTEST.store(length, Ordering::Relaxed);
}

/// Longest word that is stemmed, in bytes. Stemmers take a time that grows with the square of a word's length. No language
/// has words as long as this: the longest in Snowball's vocabularies have less than 70 letters of three bytes at most.
const LONGEST: usize = 256;

/// What is done to the words of one language.
#[derive(Clone, Copy)]
pub struct Stemmer(Way);

#[derive(Clone, Copy)]
enum Way {
    /// A word has a stem, by Snowball's algorithm for the language.
    Stem(frostem::Stemmer),
    /// A run of characters is several words.
    Cut,
}

impl Stemmer {
    /// What is done to words of a language.
    pub fn new(language: Language) -> Self {
        Self(language.algorithm().map_or(Way::Cut, |algorithm| Way::Stem(frostem::Stemmer::new(algorithm))))
    }

    /// Whether words are cut into others, whether or not their stems are wanted.
    pub fn cuts(&self) -> bool {
        matches!(self.0, Way::Cut)
    }

    /// Calls `each` with the words that a case-folded word is made of: with itself, but where the language
    /// [cuts](Self::cuts).
    pub fn words(&self, word: &[u8], mut each: impl FnMut(&[u8])) {
        self.placed_words(word, |part, _| each(part));
    }

    /// As [`Stemmer::words`], with where in the word each stands.
    pub fn placed_words(&self, word: &[u8], mut each: impl FnMut(&[u8], Range<usize>)) {
        match std::str::from_utf8(word) {
            Ok(text) if self.cuts() => chinese::words(text, |part, place| each(part.as_bytes(), place)),
            _ => each(word, 0..word.len()),
        }
    }

    /// The stem of a case-folded word; `None` for what has none: what is not UTF-8, what is longer than words are, and words
    /// that are cut.
    pub fn stem(&self, word: &[u8]) -> Option<Vec<u8>> {
        let Way::Stem(stemmer) = &self.0 else { return None };
        if word.len() > LONGEST {
            return None;
        }
        let stem = stemmer.stem(std::str::from_utf8(word).ok()?).into_owned();
        // What is all ending is itself.
        Some(if stem.is_empty() { word.to_vec() } else { stem.into_bytes() })
    }

    /// `+` and the stem, if the index stores the word under it too.
    pub fn stored_stem(&self, word: &[u8]) -> Option<Vec<u8>> {
        if word.len() < SHORTEST.load(Ordering::Relaxed) {
            return None;
        }
        self.stem(word).filter(|stem| stem != word).map(marked)
    }

    /// What a query for the word looks for besides the word: `+` and the stem, and the stem as a word, unless it is the
    /// word itself.
    pub fn expansions(&self, word: &[u8]) -> Vec<Box<[u8]>> {
        let Some(stem) = self.stem(word) else { return Vec::new() };
        let itself = stem == word;
        let mut all = vec![marked(stem.clone()).into_boxed_slice()];
        if !itself {
            all.push(stem.into_boxed_slice());
        }
        all
    }
}

impl std::fmt::Debug for Stemmer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stemmer")
    }
}

/// A stem as the index stores it.
fn marked(mut stem: Vec<u8>) -> Vec<u8> {
    stem.insert(0, STEM);
    stem
}
