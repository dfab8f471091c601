//! The terms of a text and where they stand in it.
//!
//! What [`terms`](super::terms) finds at a position, [`placed_terms`] finds at the same. The place of a term is the word of
//! the text, escapes included, that it was made of. A word that is folded may have another length than the one in the
//! text (`İ` becomes two characters), so where a word is cut into others, each byte of the folded word is traced to the
//! character that it comes from.

use std::ops::Range;

use super::{Stemmer, StopWords, Tokens, fold, store};
use crate::watch::{Watch, steps_of};

/// Steps that finding the stem of a word is worth.
const WORD: usize = 16;

/// Calls `each` with every term of a text, its position, from 1, and the bytes of the text that it was made of. False: time
/// was over before the end.
pub fn placed_terms(
    text: &[u8],
    stop_words: &StopWords,
    stemmer: Option<&Stemmer>,
    watch: &Watch<'_>,
    mut each: impl FnMut(&[u8], u32, &Range<usize>),
) -> bool {
    let mut position = 1;
    let mut tokens = Tokens::new(text);
    while let Some(token) = tokens.next() {
        let place = tokens.place();
        if watch.spend(WORD + steps_of(place.len())) {
            return false;
        }
        let word = fold(&token);
        match stemmer.filter(|stemmer| stemmer.cuts()) {
            None => position = store(&word, stop_words, stemmer, position, &mut |term, at| each(term, at, &place)),
            Some(cutter) => {
                let origins = origins(&text[place.clone()]);
                cutter.placed_words(&word, |part, within| {
                    let origin = origin(&origins, &within, place.start);
                    position = store(part, stop_words, None, position, &mut |term, at| each(term, at, &origin));
                });
            }
        }
    }
    true
}

/// Where in the text the bytes of a folded word come from that starts there at `start`.
fn origin(origins: &[(usize, usize)], within: &Range<usize>, start: usize) -> Range<usize> {
    let first = origins.get(within.start).map_or(0, |(from, _)| *from);
    let last = within.end.checked_sub(1).and_then(|at| origins.get(at)).map_or(first, |(_, to)| *to);
    start + first..start + last
}

/// For each byte of the folded word, where the character that it is of begins and ends in the word as it is written, with the
/// `\` before it.
fn origins(written: &[u8]) -> Vec<(usize, usize)> {
    let (mut plain, mut places) = (Vec::with_capacity(written.len()), Vec::with_capacity(written.len()));
    let mut at = 0;
    while at < written.len() {
        let start = at;
        at += usize::from(written[at] == b'\\');
        if let Some(&byte) = written.get(at) {
            plain.push(byte);
            places.push((start, at + 1));
        }
        at += 1;
    }
    let mut origins = Vec::with_capacity(plain.len());
    let mut at = 0;
    for chunk in plain.utf8_chunks() {
        for char in chunk.valid().chars() {
            let (from, to) = (places[at].0, places[at + char.len_utf8() - 1].1);
            let folded: usize = char.to_lowercase().map(char::len_utf8).sum();
            origins.extend(std::iter::repeat_n((from, to), folded));
            at += char.len_utf8();
        }
        for _ in chunk.invalid() {
            origins.push(places[at]);
            at += 1;
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::analysis::{Language, terms, unescape};
    use proptest::prelude::*;

    fn placed(text: &str, language: Language) -> Vec<(String, u32, &str)> {
        let mut found = Vec::new();
        let (stemmer, stop_words) = (Stemmer::new(language), StopWords::default());
        placed_terms(text.as_bytes(), &stop_words, Some(&stemmer), &Watch::default(), |term, at, place| {
            found.push((String::from_utf8_lossy(term).into_owned(), at, &text[place.clone()]));
        });
        found
    }

    #[test]
    fn terms_know_the_words_that_they_are_of() {
        let expected =
            [("running", 1, "Running"), ("+run", 1, "Running"), ("fo-x", 2, "fo\\-X"), ("i\u{307}x", 3, "İx")];
        let found = placed("Running, the fo\\-X (İx)", Language::English);
        assert_eq!(found, expected.map(|(term, at, word)| (term.to_owned(), at, word)));
        let expected = [("redis", 1, "Redis"), ("支持", 2, "支持"), ("全文", 3, "全文"), ("ab1", 4, "ＡＢ１")];
        let found = placed("Redis支持全文，ＡＢ１", Language::Chinese);
        assert_eq!(found, expected.map(|(term, at, word)| (term.to_owned(), at, word)));
    }

    proptest! {
        #[test]
        fn they_are_those_of_the_index(text in "[a-cA-C İßé中国人，.\\\\]{0,30}", chinese in any::<bool>()) {
            let language = if chinese { Language::Chinese } else { Language::English };
            let (stemmer, stop_words) = (Stemmer::new(language), StopWords::default());
            let (mut indexed, mut found) = (Vec::new(), Vec::new());
            terms(text.as_bytes(), &stop_words, Some(&stemmer), 1, |term, at| indexed.push((term.to_vec(), at)));
            placed_terms(text.as_bytes(), &stop_words, Some(&stemmer), &Watch::default(), |term, at, place| {
                found.push((term.to_vec(), at));
                assert!(text.is_char_boundary(place.start) && text.is_char_boundary(place.end) && !place.is_empty());
            });
            prop_assert_eq!(found, indexed);
        }

        #[test]
        fn each_byte_of_a_folded_word_has_an_origin(word in proptest::collection::vec(any::<u8>(), 0..30)) {
            prop_assert_eq!(origins(&word).len(), fold(&unescape(&word)).len());
        }
    }
}
