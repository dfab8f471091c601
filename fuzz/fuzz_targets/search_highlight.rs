#![no_main]
//! Any bytes can be shown with their words marked, and in pieces; what is only marked loses nothing.

use libfuzzer_sys::fuzz_target;
use nearset::search::analysis::{Language, Stemmer, StopWords, Tokens, fold};
use nearset::search::highlight::{Analysis, Look, Summary, Tags, Words, show};
use nearset::watch::Watch;

fuzz_target!(|data: (u8, u8, &[u8])| {
    let (words, language, text) = data;
    let stemmer = Language::all().nth(usize::from(language) % 29).map(Stemmer::new);
    let stop_words = StopWords::default();
    let looked_for: Vec<Vec<u8>> = Tokens::new(text).step_by(2).map(|word| fold(&word).into_owned()).collect();
    let terms = Words::new(looked_for.iter().map(|word| (&word[..], 1.0)));
    let analysis =
        Analysis { stop_words: &stop_words, stemmer: stemmer.as_ref(), synonyms: None, sounds: language > 127 };
    let summary = Summary { words: usize::from(words), ..Summary::default() };
    let tags = Tags { open: (*b"").into(), close: (*b"").into() };
    let mut shown = Vec::new();
    let marked = Look { summary: None, tags: Some(&tags) };
    assert!(show(text, (&terms, analysis), marked, &Watch::default(), &mut shown).is_some());
    assert_eq!(shown, text);
    let pieces = Look { summary: Some(&summary), tags: Some(&tags) };
    assert!(show(text, (&terms, analysis), pieces, &Watch::default(), &mut shown).is_some());
});
