//! The words of a text that a query found.

use std::ops::Range;

use super::{Analysis, Tags, Words};
use crate::search::analysis::{Synonyms, forms, is_derived, placed_terms};
use crate::watch::Watch;

/// A word that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Where in the text it stands.
    pub place: Range<usize>,
    /// Which word of the text it is: stop words do not count.
    pub position: u32,
    /// Number and rarity of the rarest of the terms that it has: usually the word itself, not what it comes from.
    pub term: (usize, f64),
}

/// The words that were found, in the order of the text.
#[derive(Debug, Default)]
pub struct Matches {
    /// The words.
    pub all: Vec<Match>,
}

impl Matches {
    /// The words of a text that have one of some terms; `None`: time was over.
    pub fn find(text: &[u8], words: &Words<'_>, analysis: Analysis<'_>, watch: &Watch<'_>) -> Option<Self> {
        let mut found = Self::default();
        // Stems and their like are made only where one was looked for.
        let cuts = analysis.stemmer.is_some_and(|stemmer| stemmer.cuts());
        let stemmer = analysis.stemmer.filter(|_| words.derived || cuts);
        let no_synonyms = Synonyms::default();
        let synonyms = analysis.synonyms.unwrap_or(&no_synonyms);
        placed_terms(text, analysis.stop_words, stemmer, watch, |term, position, place| {
            let mut look = |term: &[u8]| {
                if let Some(known) = words.terms.get(term) {
                    found.add(*known, position, place);
                }
            };
            look(term);
            if words.derived && !is_derived(term) {
                forms(term, synonyms, analysis.sounds, look);
            }
        })
        .then_some(found)
    }

    fn add(&mut self, term: (usize, f64), position: u32, place: &Range<usize>) {
        match self.all.last_mut().filter(|last| last.place == *place) {
            Some(last) if term.1 > last.term.1 => last.term = term,
            Some(_) => {}
            None => self.all.push(Match { place: place.clone(), position, term }),
        }
    }
}

/// Appends a piece of a text, with tags around some words in it; `append` is for what is of the text.
pub fn mark(
    (text, piece): (&[u8], Range<usize>),
    matches: &[Match],
    tags: Option<&Tags>,
    out: &mut Vec<u8>,
    append: &mut impl FnMut(&[u8], &mut Vec<u8>),
) {
    let mut at = piece.start;
    if let Some(tags) = tags {
        for Match { place, .. } in matches {
            append(&text[at..place.start], out);
            out.extend_from_slice(&tags.open);
            append(&text[place.clone()], out);
            out.extend_from_slice(&tags.close);
            at = place.end;
        }
    }
    append(&text[at..piece.end], out);
}
