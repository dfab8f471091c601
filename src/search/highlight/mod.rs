//! HIGHLIGHT and SUMMARIZE: the text of a field as a row shows it (specification of the rest, section 4).
//!
//! | module | what |
//! |---|---|
//! | `matches` | the words of a text that a query found |
//! | `fragments` | the pieces of a text that are worth showing |
//!
//! What a query looks for is a set of terms of the index: those that its plan found in the document ([`Words`]). A word of
//! the text matches if one of the terms that the index makes of it is among them. So whatever the index stores beside words,
//! and whatever a query becomes, needs nothing here.
//!
//! Every byte of a text that is only highlighted is kept. A fragment is a piece of the text whose runs of blanks have become
//! one. Texts are bytes; no character of UTF-8 is ever cut. Work is a sort in the number of matches, and otherwise a walk over the
//! text.

mod fragments;
mod matches;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::analysis::{Stemmer, StopWords, Synonyms};
use crate::watch::Watch;
use matches::Matches;

/// HIGHLIGHT: what stands around words that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// Before a word.
    pub open: Box<[u8]>,
    /// After it.
    pub close: Box<[u8]>,
}

impl Default for Tags {
    fn default() -> Self {
        Self { open: (*b"<b>").into(), close: (*b"</b>").into() }
    }
}

/// SUMMARIZE: which pieces of a text are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// FRAGS: how many at most.
    pub fragments: usize,
    /// LEN: about how many words of each.
    pub words: usize,
    /// SEPARATOR: what follows each.
    pub separator: Box<[u8]>,
}

impl Default for Summary {
    fn default() -> Self {
        Self { fragments: 3, words: 20, separator: (*b"... ").into() }
    }
}

/// The terms of the index that a query found in a document.
#[derive(Debug, Default)]
pub struct Words<'a> {
    /// Each with its number and how rare it is.
    terms: HashMap<&'a [u8], (usize, f64)>,
    /// Some are more than words that stand in a text: stems, say.
    derived: bool,
}

impl<'a> Words<'a> {
    /// Terms, each with how rare it is, as TFIDF counts that.
    pub fn new(terms: impl IntoIterator<Item = (&'a [u8], f64)>) -> Self {
        let mut words = Self::default();
        for (term, rarity) in terms {
            let number = words.terms.len();
            words.terms.entry(term).or_insert((number, rarity));
            words.derived |= term.first().is_some_and(|byte| super::analysis::is_separator(*byte));
        }
        words
    }
}

/// How the index takes the texts of a field apart.
#[derive(Debug, Clone, Copy)]
pub struct Analysis<'a> {
    /// What is no word.
    pub stop_words: &'a StopWords,
    /// The language of the document; `None`: the field has no stems.
    pub stemmer: Option<&'a Stemmer>,
    /// The groups of synonyms, if there are any.
    pub synonyms: Option<&'a Synonyms>,
    /// Words are stored under what they sound like, too.
    pub sounds: bool,
}

/// How the text of a field is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look<'a> {
    /// The pieces of it; `None`: all.
    pub summary: Option<&'a Summary>,
    /// With words marked.
    pub tags: Option<&'a Tags>,
}

/// Appends a text as it is shown. `None`: time was over, and nothing is appended.
pub fn show(
    text: &[u8],
    (words, analysis): (&Words<'_>, Analysis<'_>),
    look: Look<'_>,
    watch: &Watch<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let matches =
        if words.terms.is_empty() { Matches::default() } else { Matches::find(text, words, analysis, watch)? };
    match (look.summary, look.tags) {
        (Some(summary), tags) => {
            // Words are not separated in the languages that are cut: any character may be the last of a fragment.
            let by_character = analysis.stemmer.is_some_and(Stemmer::cuts);
            fragments::summarize(text, &matches, (summary, tags), by_character, out);
        }
        (None, tags) => {
            let whole = (text, 0..text.len());
            matches::mark(whole, &matches.all, tags, out, &mut |bytes, out| out.extend_from_slice(bytes));
        }
    }
    Some(())
}
