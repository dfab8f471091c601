//! A dictionary of words that are right, whatever an index holds.
//!
//! Words keep their case, and are compared without it: they are sorted by their folded forms, words of one folded form by
//! their bytes. A copy is a snapshot: it costs nothing, and shares all words with the original. Whoever changes a dictionary
//! while a copy is in use copies the run that the word is in, and the list of runs. So the main thread changes dictionaries
//! while workers look words up in them, and neither waits for the other.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::codec::{Corrupt, Sink, Source};
use crate::search::fields::fuzzy::Fuzzy;
use crate::search::fold::fold;
use crate::watch::Watch;

/// Words in a run before it is split.
const LONGEST: usize = 256;

/// A word. Words are in the order of their folded forms, those of one in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    folded: Box<[u8]>,
    /// As it was given, where that is something else.
    given: Option<Box<[u8]>>,
}

impl Word {
    fn new(text: &[u8]) -> Self {
        match fold(text) {
            Cow::Borrowed(folded) => Self { folded: folded.into(), given: None },
            Cow::Owned(folded) => Self { given: (folded != text).then(|| text.into()), folded: folded.into() },
        }
    }

    fn text(&self) -> &[u8] {
        self.given.as_ref().unwrap_or(&self.folded)
    }
}

impl Ord for Word {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded).then_with(|| self.text().cmp(other.text()))
    }
}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Words, sorted. No run is empty.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    runs: Arc<Vec<Arc<Vec<Word>>>>,
    len: usize,
}

impl Dictionary {
    /// How many words there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first word that is not `before`, which must hold for the words up to a place and for none after it.
    fn seek(&self, before: impl Fn(&Word) -> bool) -> (usize, usize) {
        let run = self.runs.partition_point(|run| run.last().is_some_and(&before));
        (run, self.runs.get(run).map_or(0, |words| words.partition_point(before)))
    }

    fn get(&self, (run, at): (usize, usize)) -> Option<&Word> {
        self.runs.get(run)?.get(at)
    }

    fn after(&self, (run, at): (usize, usize)) -> (usize, usize) {
        if self.get((run, at + 1)).is_some() { (run, at + 1) } else { (run + 1, 0) }
    }

    /// Puts a word in; whether it was not there. The empty text is no word.
    pub fn add(&mut self, text: &[u8]) -> bool {
        let word = Word::new(text);
        let (run, at) = self.seek(|other| *other < word);
        if text.is_empty() || self.get((run, at)) == Some(&word) {
            return false;
        }
        self.len += 1;
        let runs = Arc::make_mut(&mut self.runs);
        // Beyond the last word, it goes to the last run.
        let (run, at) = match runs.len() {
            0 => {
                runs.push(Arc::default());
                (0, 0)
            }
            len if run == len => (len - 1, runs[len - 1].len()),
            _ => (run, at),
        };
        let words = Arc::make_mut(&mut runs[run]);
        words.insert(at, word);
        if words.len() > LONGEST {
            let rest = words.split_off(LONGEST / 2);
            runs.insert(run + 1, Arc::new(rest));
        }
        true
    }

    /// Takes a word out; whether it was there, in this case.
    pub fn remove(&mut self, text: &[u8]) -> bool {
        let word = Word::new(text);
        let (run, at) = self.seek(|other| *other < word);
        if self.get((run, at)) != Some(&word) {
            return false;
        }
        self.len -= 1;
        let runs = Arc::make_mut(&mut self.runs);
        let words = Arc::make_mut(&mut runs[run]);
        words.remove(at);
        if words.is_empty() {
            runs.remove(run);
        }
        true
    }

    /// Whether a folded word is there, in any case.
    pub fn has(&self, folded: &[u8]) -> bool {
        self.get(self.seek(|word| *word.folded < *folded)).is_some_and(|word| *word.folded == *folded)
    }

    /// The words, by their folded forms.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.runs.iter().flat_map(|run| run.iter()).map(Word::text)
    }

    /// The words, by their bytes.
    pub fn sorted(&self) -> Vec<&[u8]> {
        let mut words: Vec<&[u8]> = self.iter().collect();
        words.sort();
        words
    }

    /// The words whose folded forms are at most so many edits away from a folded word: folded, and as they are. When time is
    /// over, those that were found by then.
    pub fn near(&self, folded: &[u8], distance: u8, watch: &Watch<'_>) -> Vec<(&[u8], &[u8])> {
        let mut fuzzy = Fuzzy::new(folded, distance);
        let mut found = Vec::new();
        let mut place = (0, 0);
        while let Some(word) = self.get(place) {
            if watch.spend(word.folded.len()) {
                break;
            }
            place = match fuzzy.step(&word.folded) {
                Ok(is_near) => {
                    if is_near {
                        found.push((&*word.folded, word.text()));
                    }
                    self.after(place)
                }
                Err(dead) => {
                    // Every word that starts with the dead prefix is as far away: go to the first that does not.
                    let dead = &word.folded[..dead];
                    self.seek(|other| *other.folded < *dead || other.folded.starts_with(dead))
                }
            };
        }
        found
    }

    /// Writes all words: `u64 count · count × bytes`.
    pub fn encode(&self, sink: &mut impl Sink) {
        sink.put_u64(self.len as u64);
        self.iter().for_each(|word| sink.put_bytes(word));
    }

    /// Reads what [`Dictionary::encode`] writes.
    ///
    /// # Errors
    /// [`Corrupt`] for anything else.
    pub fn decode(source: &mut impl Source) -> Result<Self, Corrupt> {
        let mut dictionary = Self::default();
        for _ in 0..source.take_u64()? {
            if !dictionary.add(source.take_bytes()?.as_ref()) {
                return Err(Corrupt("a word twice in a dictionary"));
            }
        }
        Ok(dictionary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::fields::fuzzy::edits;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_keep_their_case_and_are_compared_without() {
        let mut dictionary = Dictionary::default();
        for word in ["help", "Helo", "helo", "École", "hel"] {
            assert!(dictionary.add(word.as_bytes()) && !dictionary.add(word.as_bytes()), "{word}");
        }
        assert!(!dictionary.add(b"") && !dictionary.remove(b"HELP") && !dictionary.remove(b""));
        let found: Vec<&[u8]> =
            dictionary.near(b"helo", 1, &Watch::default()).into_iter().map(|(_, word)| word).collect();
        assert_eq!(found, [&b"hel"[..], b"Helo", b"helo", b"help"]);
        assert!(dictionary.has("école".as_bytes()) && !dictionary.has("École".as_bytes()));
        assert_eq!(dictionary.sorted(), [&b"Helo"[..], b"hel", b"helo", b"help", "École".as_bytes()]);
    }

    #[test]
    fn a_copy_stays_as_it_is() {
        let mut dictionary = Dictionary::default();
        (0..2000).for_each(|n| assert!(dictionary.add(format!("w{n}").as_bytes())));
        let copy = dictionary.clone();
        (0..2000).step_by(2).for_each(|n| assert!(dictionary.remove(format!("w{n}").as_bytes())));
        assert_eq!((dictionary.len(), copy.len()), (1000, 2000));
        assert!(copy.has(b"w10") && !dictionary.has(b"w10"));
        // Where nothing was changed, both have the same run.
        let mut other = copy.clone();
        other.add(b"zzz");
        let shared = other.runs.iter().zip(copy.runs.iter()).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert_eq!(shared, copy.runs.len() - 1);
    }

    #[test]
    fn time_that_is_over_ends_a_search() {
        let mut dictionary = Dictionary::default();
        (0..20_000).for_each(|n| assert!(dictionary.add(format!("{n}").as_bytes())));
        let over = || true;
        let found = dictionary.near(b"12345", 4, &Watch::new(Some(&over))).len();
        let all = dictionary.near(b"12345", 4, &Watch::default()).len();
        assert!(found < all / 2, "{found} of {all}");
    }

    proptest! {
        #[test]
        fn a_dictionary_is_a_set(
            ops in prop::collection::vec((prop::bool::weighted(0.7), "[aBb]{0,4}"), 0..2000),
            word in "[ab]{0,4}",
            distance in 0u8..4,
        ) {
            let (mut dictionary, mut model) = (Dictionary::default(), BTreeSet::new());
            for (put, text) in &ops {
                if *put {
                    prop_assert_eq!(dictionary.add(text.as_bytes()), !text.is_empty() && model.insert(text.clone()));
                } else {
                    prop_assert_eq!(dictionary.remove(text.as_bytes()), model.remove(text));
                }
                prop_assert_eq!(dictionary.len(), model.len());
            }
            prop_assert!(dictionary.sorted().into_iter().eq(model.iter().map(String::as_bytes)));
            prop_assert!(dictionary.runs.iter().all(|run| !run.is_empty() && run.len() <= LONGEST && run.is_sorted()));
            prop_assert_eq!(dictionary.has(word.as_bytes()), model.iter().any(|other| other.to_lowercase() == word));
            let mut far: BTreeSet<&[u8]> = model.iter().map(String::as_bytes).collect();
            for (folded, text) in dictionary.near(word.as_bytes(), distance, &Watch::default()) {
                prop_assert!(far.remove(text) && edits(folded, word.as_bytes()) <= usize::from(distance));
            }
            for text in far {
                prop_assert!(edits(&text.to_ascii_lowercase(), word.as_bytes()) > usize::from(distance));
            }
            let mut bytes = Vec::new();
            dictionary.encode(&mut bytes);
            let decoded = Dictionary::decode(&mut &bytes[..]).expect("as written");
            prop_assert!(decoded.iter().eq(dictionary.iter()));
        }
    }
}
