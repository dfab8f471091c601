//! Stems of all languages: those of Snowball's published vocabularies, of which `tests/data` has 300 words for each language
//! (Snowball's data are under its licence, BSD with three clauses). Words are listed whose stems all versions of Snowball
//! agree about since 2021, but for Dutch: there, stems are those of the algorithm of Kraaij and Pohlmann, which is Snowball's
//! now.

use nearset::search::analysis::{Language, Stemmer, StopWords, fold, terms};
use std::collections::BTreeMap;

/// Words with their stems, by language.
fn vocabulary() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut words = BTreeMap::<_, Vec<_>>::new();
    for line in include_str!("data/snowball-vocabulary.tsv").lines() {
        let mut parts = line.split('\t');
        let [language, word, stem] = std::array::from_fn(|_| parts.next().expect("three parts"));
        words.entry(language).or_default().push((word, stem));
    }
    words
}

#[test]
fn every_language_is_stemmed_as_its_vocabulary_says() {
    let vocabulary = vocabulary();
    for language in Language::all().filter(|language| *language != Language::Chinese) {
        let stemmer = Stemmer::new(language);
        let words = &vocabulary[language.name()];
        assert!(words.len() >= 300, "{}", language.name());
        for (word, stem) in words {
            let found = stemmer.stem(word.as_bytes()).expect("text has a stem");
            assert_eq!(String::from_utf8_lossy(&found), *stem, "{} {word}", language.name());
        }
        assert!(words.iter().filter(|(word, stem)| word != stem).count() > 150, "{} does something", language.name());
    }
}

/// A word finds itself by its stem, folded as index and queries fold it.
#[test]
fn the_stems_of_queries_are_those_of_documents() {
    for (language, words) in vocabulary() {
        let stemmer = Stemmer::new(Language::named(language.as_bytes()).expect(language));
        for (word, _) in words {
            let mut stored = Vec::new();
            terms(word.as_bytes(), &StopWords::of(Some(&[].into())), Some(&stemmer), 1, |term, _| {
                stored.push(term.to_vec())
            });
            let folded = fold(word.as_bytes());
            let asked = stemmer.expansions(&folded);
            let found = stored.contains(&folded.to_vec()) && asked.iter().any(|form| stored.contains(&form.to_vec()));
            // Short words have no stem in the index, but are found as they are.
            assert!(found || folded.len() < 4 || stored.len() == 1, "{language} {word} {stored:?}");
        }
    }
}

#[test]
fn a_language_without_an_algorithm_has_no_name() {
    assert_eq!(Language::all().count(), 29);
    for name in ["malay", "tagalog", "klingon", "estonian", ""] {
        assert_eq!(Language::named(name.as_bytes()), None, "{name}");
    }
}
