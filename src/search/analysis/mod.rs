//! From text to terms. Documents and queries go through the same functions, so that they meet.
//!
//! | module | what |
//! |---|---|
//! | [`fold()`] | upper case to lower case, all of Unicode |
//! | [`Language`] | the languages |
//! | [`stem`](Stemmer) | words to their stems |
//! | [`synonyms`](Synonyms) | words to the groups of those that mean the same |
//! | [`sound`](sound()) | words to what they sound like |
//! | `chinese` | Chinese text to its words |
//! | [`stop_words`](StopWords) | words that are not worth an index |
//! | [`tokens`](Tokens) | text to words |
//! | [`places`](placed_terms) | text to terms, with where they stand in it |
//!
//! A text is cut into words at blanks, control characters and ASCII punctuation but `_`; `\` makes the next byte part of
//! the word, whatever it is. Words are case-folded; stop words fall out and take no position. A word of four bytes or
//! more whose stem is another word is stored under `+` and the stem too, at the same position: no word starts with `+`,
//! which separates words, so that a stem is never taken for a word. In Chinese, words are what a run of characters is cut into;
//! they have no stems. What is longer than 256 bytes is no word of any language and has no stem.
//!
//! A word of a group of synonyms is stored under `~` and the name of the group too, and a word of a field that is phonetic under `<`
//! and its sound, both at the position of the word ([`forms`]).

mod chinese;
mod language;
mod places;
mod sound;
mod stem;
mod stop_words;
mod synonyms;
mod tokens;

pub use crate::search::fold::{fold, fold_to_sort};
pub use language::Language;
pub use places::placed_terms;
pub use sound::{SOUND, sound, store_sounds_from};
pub use stem::{STEM, Stemmer, store_stems_from};
pub use stop_words::StopWords;
pub use synonyms::{SYNONYM, Synonyms};
pub use tokens::{Tokens, is_separator, unescape};

/// Calls `each` with every term of a text and its position: the word, then its stem with `+` before it.
///
/// Positions count the words that are no stop words, from `first`. Returns the position after the last word.
pub fn terms(
    text: &[u8],
    stop_words: &StopWords,
    stemmer: Option<&Stemmer>,
    first: u32,
    mut each: impl FnMut(&[u8], u32),
) -> u32 {
    let mut position = first;
    for token in Tokens::new(text) {
        let word = fold(&token);
        match stemmer.filter(|stemmer| stemmer.cuts()) {
            Some(cutter) => cutter.words(&word, |part| position = store(part, stop_words, None, position, &mut each)),
            None => position = store(&word, stop_words, stemmer, position, &mut each),
        }
    }
    position
}

/// Whether a term stands for a word that is stored as itself too: a stem, a group of synonyms, a sound.
pub fn is_derived(term: &[u8]) -> bool {
    matches!(term.first(), Some(&(STEM | SYNONYM | SOUND)))
}

/// Calls `each` with what a word is stored under beside itself and its stem: its groups of synonyms, and what it sounds like.
pub fn forms(word: &[u8], synonyms: &Synonyms, sounds: bool, mut each: impl FnMut(&[u8])) {
    synonyms.of(word).for_each(&mut each);
    if let Some(sound) = if sounds { sound::stored_sound(word) } else { None } {
        each(&sound);
    }
}

/// Calls `each` with a word and its stem, unless it is a stop word; the position after it.
fn store(
    word: &[u8],
    stop_words: &StopWords,
    stemmer: Option<&Stemmer>,
    position: u32,
    each: &mut impl FnMut(&[u8], u32),
) -> u32 {
    if stop_words.contains(word) {
        return position;
    }
    each(word, position);
    if let Some(stem) = stemmer.and_then(|stemmer| stemmer.stored_stem(word)) {
        each(&stem, position);
    }
    position.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn english(text: &str) -> Vec<(String, u32)> {
        let mut found = Vec::new();
        let stemmer = Stemmer::new(Language::English);
        terms(text.as_bytes(), &StopWords::default(), Some(&stemmer), 1, |term, position| {
            found.push((String::from_utf8_lossy(term).into_owned(), position));
        });
        found
    }

    #[test]
    fn words_stems_and_positions() {
        let expected = [("running", 1), ("+run", 1), ("flies", 2), ("+fli", 2), ("run", 3)];
        assert_eq!(english("Running, the FLIES\nrun"), expected.map(|(term, at)| (term.to_owned(), at)));
    }

    #[test]
    fn stems_are_those_that_clients_know() {
        for (word, stem) in [
            ("flying", Some("+fli")),
            ("goes", Some("+goe")),
            ("going", Some("+go")),
            ("added", Some("+add")),
            ("caresses", Some("+caress")),
            ("teas", Some("+tea")),
            ("tes", None),
            ("gone", None),
            ("hello", None),
            ("running12", None),
            ("naïve", Some("+naïv")),
        ] {
            let stored = Stemmer::new(Language::English).stored_stem(word.as_bytes());
            assert_eq!(stored.as_deref(), stem.map(str::as_bytes), "{word}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_language_become_terms(text in proptest::collection::vec(any::<u8>(), 0..200), which in 0usize..29) {
            let stemmer = Language::all().nth(which).map(Stemmer::new);
            terms(&text, &StopWords::default(), stemmer.as_ref(), 0, |term, _| assert!(!term.is_empty()));
        }

        #[test]
        fn any_words_in_any_language_become_terms(text in "\\PC{0,60}", which in 0usize..29) {
            let stemmer = Language::all().nth(which).map(Stemmer::new);
            terms(text.as_bytes(), &StopWords::default(), stemmer.as_ref(), 0, |term, _| assert!(!term.is_empty()));
        }

        #[test]
        fn a_word_finds_itself(word in "[a-zA-Z0-9_äöüÄÖÜéß]{1,12}") {
            let folded = fold(word.as_bytes());
            prop_assert_eq!(&fold(&folded), &folded);
            let all: Vec<_> = Tokens::new(word.as_bytes()).collect();
            prop_assert_eq!(all.len(), 1);
            prop_assert_eq!(&all[0][..], word.as_bytes());
        }
    }
}
