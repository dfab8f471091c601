//! Words to their stems.

use std::sync::atomic::{AtomicUsize, Ordering};

use rust_stemmers::Stemmer as Snowball;

use super::Language;

/// Shortest word that is stored under its stem too, in bytes.
static SHORTEST: AtomicUsize = AtomicUsize::new(4);

/// Tells from how many bytes on words are stored under their stems too. What was indexed stays as it is.
pub fn store_stems_from(length: usize) {
    SHORTEST.store(length, Ordering::Relaxed);
}

/// The stemmer of one language.
pub struct Stemmer(Snowball);

impl Stemmer {
    /// The stemmer of a language; `None` for a language without one.
    pub fn new(language: Language) -> Option<Self> {
        language.algorithm().map(|algorithm| Self(Snowball::create(algorithm)))
    }

    /// The stem of a case-folded word; `None` for what is not UTF-8.
    pub fn stem(&self, word: &[u8]) -> Option<Vec<u8>> {
        Some(self.0.stem(std::str::from_utf8(word).ok()?).into_owned().into_bytes())
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
    stem.insert(0, b'+');
    stem
}
