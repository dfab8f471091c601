//! The examples of the specification, and laws.

use super::*;
use crate::search::analysis::{Language, fold, is_separator};
use proptest::prelude::*;

const T: &str = "The quick brown fox jumps over the lazy dog. The dog sleeps. A fox runs away from dogs and hunters.";

/// What a text shows where these terms were found, each as rare as the next.
fn shown(text: &str, terms: &[&str], summary: Option<(usize, usize)>, tags: Option<(&str, &str)>) -> String {
    shown_in(Language::English, text, terms, summary, tags)
}

fn shown_in(
    language: Language,
    text: &str,
    terms: &[&str],
    summary: Option<(usize, usize)>,
    tags: Option<(&str, &str)>,
) -> String {
    let (stop_words, stemmer) = (StopWords::default(), Stemmer::new(language));
    let summary = summary.map(|(fragments, words)| Summary { fragments, words, separator: (*b"|").into() });
    let tags = tags.map(|(open, close)| Tags { open: open.as_bytes().into(), close: close.as_bytes().into() });
    let words = Words::new(terms.iter().map(|term| (term.as_bytes(), 1.0)));
    let analysis = Analysis { stop_words: &stop_words, stemmer: Some(&stemmer), synonyms: None, sounds: false };
    let look = Look { summary: summary.as_ref(), tags: tags.as_ref() };
    let mut out = Vec::new();
    show(text.as_bytes(), (&words, analysis), look, &Watch::default(), &mut out).expect("there is time");
    String::from_utf8(out).expect("no character is cut")
}

#[test]
fn what_is_found_by_synonyms_and_sounds_is_marked() {
    let (stop_words, stemmer, tags) = (StopWords::default(), Stemmer::new(Language::English), Tags::default());
    let mut synonyms = Synonyms::default();
    synonyms.add(b"g", ["boy", "child"]);
    for (terms, sounds, expected) in [
        (&["~g"][..], true, "the <b>boy</b> John, a <b>child</b>, and Jon"),
        (&["<JN", "jon"], true, "the boy <b>John</b>, a child, and <b>Jon</b>"),
        (&["<JN", "jon"], false, "the boy John, a child, and <b>Jon</b>"),
    ] {
        let words = Words::new(terms.iter().map(|term| (term.as_bytes(), 1.0)));
        let analysis = Analysis { stop_words: &stop_words, stemmer: Some(&stemmer), synonyms: Some(&synonyms), sounds };
        let look = Look { summary: None, tags: Some(&tags) };
        let mut out = Vec::new();
        let text = b"the boy John, a child, and Jon";
        show(text, (&words, analysis), look, &Watch::default(), &mut out).expect("there is time");
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}

const FOX: &[&str] = &["fox", "+fox"];

#[test]
fn words_are_marked_one_by_one() {
    for (text, terms, expected) in [
        ("a dog. The dog, dogs", &["dog", "+dog"][..], "a [dog]. The [dog], [dogs]"),
        (T, &["dogs"], &T.replace("dogs", "[dogs]")),
        (T, &["quick", "brown"], &T.replace("quick brown", "[quick] [brown]")),
        (T, &[], T),
        (
            "Hello-world FOX! fox, (fox) fox's foxes fox_y",
            FOX,
            "Hello-world [FOX]! [fox], ([fox]) [fox]'s [foxes] fox_y",
        ),
        ("ÉCOLE école", &["école"], "[ÉCOLE] [école]"),
        ("x\\-fox\\ y, İx", &["x-fox y", "i\u{307}x"], "[x\\-fox\\ y], [İx]"),
        (" fox ", FOX, " [fox] "),
        ("", FOX, ""),
    ] {
        assert_eq!(shown(text, terms, None, Some(("[", "]"))), expected, "{text} {terms:?}");
    }
}

#[test]
fn chinese_words_are_marked_and_summarized_without_blanks() {
    let chinese = |text, terms: &[&str], summary| shown_in(Language::Chinese, text, terms, summary, Some(("[", "]")));
    assert_eq!(chinese("Redis支持全文搜索 hello", &["全文", "搜索"], None), "Redis支持[全文][搜索] hello");
    let text = "北京天安门广场是中国的中心广场我爱北京大学和全文搜索";
    // Twelve bytes are four characters.
    assert_eq!(chinese(text, &["中国"], Some((3, 4))), "门广场是[中国]的中心广|");
    assert_eq!(chinese(text, &["没有"], Some((1, 1))), "北京天安");
}

#[test]
fn summaries_are_those_of_the_field() {
    let gap = |words: usize| {
        let words: Vec<String> = (0..words).map(|n| format!("w{n:02}")).collect();
        format!("fox {} fox tail", words.join(" "))
    };
    let letters = [&["p"; 30][..], &["fox"], &["s"; 30]].concat().join(" ");
    let between = format!("fox {}fox {}fox end", "m ".repeat(8), "n ".repeat(8));
    for (text, summary, expected) in [
        (T, (5, 1), "fox jumps over the lazy dog. The dog sleeps. A fox|"),
        (T, (3, 20), "quick brown fox jumps over the lazy dog. The dog sleeps. A fox runs away from dogs and hunters|"),
        (T, (0, 20), ""),
        ("fox fox tail", (3, 1), "fox fox |"),
        ("fox w00 fox tail", (3, 1), "fox w00 fox|"),
        ("fox w00 fox tail", (3, 20), "fox w00 fox |"),
        (&gap(7), (3, 1), gap(7).strip_suffix(" tail").map(|text| format!("{text}|")).as_deref().unwrap_or("")),
        (&gap(8), (3, 1), "fox |fox |"),
        (&gap(8), (3, 20), "fox w00 w01 w02 w03 w04 w05 w06 w07|w00 w01 w02 w03 w04 w05 w06 w07 fox |"),
        (&between, (3, 4), "fox m m m m m m|m m m m m fox n n n n n n|n n n n n fox |"),
        (&between, (1, 8), "fox m m m m m m m m fox n n|"),
        (&letters, (3, 2), "p p fox s s s|"),
        (&letters, (3, 4), "p p p p p fox s s s s s s|"),
        ("aa fox, bb", (3, 4), "fox,|"),
        ("aa fox,bb cc", (3, 4), "fox,bb|"),
        ("aa (fox) bb", (3, 4), "fox)|"),
        ("xx fox aa. bbbbbbbbbbb", (3, 4), "fox aa|"),
        ("xx fox.. bbbbbbbbbbbb", (3, 4), "fox.|"),
        ("fox bb", (3, 4), "fox |"),
        (" fox ", (3, 4), "fox |"),
        ("aa   fox   bb", (3, 4), "fox |"),
        ("x fox_y fox", (3, 4), "fox_y fox|"),
        ("fox a  b\t\tc fox", (3, 4), "fox a b c fox|"),
    ] {
        assert_eq!(shown(text, FOX, Some(summary), None), expected, "{text} {summary:?}");
    }
    assert_eq!(shown(&between, FOX, Some((1, 8)), Some(("<", ">"))), "<fox> m m m m m m m m fox n n|");
    assert_eq!(
        shown("a fox b", FOX, Some((1, 4)), Some(("<i  c>", "</i>"))),
        "<i  c>fox</i> |",
        "tags stay as they are"
    );
}

#[test]
fn the_best_fragments_have_the_rarest_terms_each_once() {
    let far = |n: usize| format!(" {}", format!("x{n} ").repeat(20));
    let text = ["apple", "apple berry cherry", "berry", "cherry cherry cherry cherry", "apple apple", "berry cherry"];
    let text: String = text.iter().enumerate().map(|(n, piece)| format!("{piece}{}", far(n))).collect();
    let terms = ["apple", "berry", "cherry"];
    for (most, expected) in [
        (1, "apple berry cherry |"),
        (2, "apple berry cherry |berry cherry |"),
        (3, "apple |apple berry cherry |berry cherry |"),
        (4, "apple |apple berry cherry |berry |berry cherry |"),
    ] {
        assert_eq!(shown(&text, &terms, Some((most, 1)), None), expected);
    }
}

#[test]
fn a_text_without_matches_shows_its_beginning() {
    for (text, summary, expected) in [
        (T, (3, 3), "The quick brown fox jumps over the lazy dog. The dog sleeps."),
        ("aaaaaaa bbbbb, cccc dddd eeee ffff", (1, 1), "aaaaaaa"),
        ("aaaaaaa bbbbb, cccc dddd eeee ffff", (1, 2), "aaaaaaa bbbbb,"),
        ("fox", (1, 1), "fox"),
        ("a  b\tc", (3, 20), "a  b\tc"),
        ("éééééééééééé", (1, 1), "éééééé"),
        (T, (0, 3), ""),
    ] {
        assert_eq!(shown(text, &["zzz"], Some(summary), Some(("<", ">"))), expected, "{text} {summary:?}");
    }
}

#[test]
fn where_time_is_over_nothing_is_shown() {
    let (stop_words, text) = (StopWords::default(), "fox ".repeat(10_000));
    let (words, watch) = (Words::new([(&b"fox"[..], 1.0)]), Watch::new(Some(&|| true)));
    let analysis = Analysis { stop_words: &stop_words, stemmer: None, synonyms: None, sounds: false };
    let mut out = Vec::new();
    assert_eq!(show(text.as_bytes(), (&words, analysis), Look::default(), &watch, &mut out), None);
    assert!(out.is_empty());
}

/// A text with one kind of blank.
fn with_one_blank(text: &str) -> String {
    let mut found = String::new();
    for char in text.chars() {
        let blank = char.is_ascii_whitespace();
        if !(blank && found.ends_with(' ')) {
            found.push(if blank { ' ' } else { char });
        }
    }
    found
}

proptest! {
    #[test]
    fn nothing_is_lost_but_for_tags(text in "(fox|Foxes|dog|é中国|\\PC|[ .,\\\\\t\n]){0,40}", chinese in any::<bool>()) {
        let language = if chinese { Language::Chinese } else { Language::English };
        let marked = shown_in(language, &text, &["fox", "+fox", "中国", "é"], None, Some(("\u{1}", "\u{2}")));
        prop_assert_eq!(marked.matches('\u{1}').count(), marked.matches('\u{2}').count());
        prop_assert_eq!(marked.replace(['\u{1}', '\u{2}'], ""), text.replace(['\u{1}', '\u{2}'], ""));
    }

    #[test]
    fn fragments_are_pieces_of_the_text(
        text in "(fox|foxes|dog|é中国|[a-cé中国人 ]|[ .,\t\n]){0,120}",
        (most, words) in (0usize..5, 0usize..12),
        chinese in any::<bool>(),
    ) {
        let language = if chinese { Language::Chinese } else { Language::English };
        let terms = ["fox", "+fox", "中国"];
        let plain = shown_in(language, &text, &terms, Some((most, words)), None);
        let whole = with_one_blank(&text);
        let fragments: Vec<&str> = plain.split_terminator('|').collect();
        prop_assert!(fragments.len() <= most.max(1));
        for fragment in &fragments {
            prop_assert!(with_one_blank(&text).contains(fragment) || **fragment == text, "{:?} {:?}", fragment, whole);
            if plain.ends_with('|') {
                let found = fold(fragment.as_bytes()).into_owned();
                prop_assert!(String::from_utf8_lossy(&found).contains("fox") || fragment.contains("中国"));
                prop_assert!(!fragment.starts_with(|char: char| char.is_ascii() && is_separator(char as u8)));
            }
        }
        let marked = shown_in(language, &text, &terms, Some((most, words)), Some(("\u{1}", "\u{2}")));
        prop_assert_eq!(marked.replace(['\u{1}', '\u{2}'], ""), plain);
    }

    #[test]
    fn any_bytes_can_be_shown(text in proptest::collection::vec(any::<u8>(), 0..80), words in 0usize..6, chinese in any::<bool>()) {
        let stop_words = StopWords::default();
        let stemmer = Stemmer::new(if chinese { Language::Chinese } else { Language::English });
        let found: Vec<Vec<u8>> = crate::search::analysis::Tokens::new(&text).step_by(2).map(|word| fold(&word).into_owned()).collect();
        let terms = Words::new(found.iter().map(|word| (&word[..], 1.0)));
        let (summary, tags) = (Summary { words, ..Summary::default() }, Tags::default());
        for look in [Look { summary: Some(&summary), tags: Some(&tags) }, Look { summary: None, tags: Some(&tags) }] {
            let analysis = Analysis { stop_words: &stop_words, stemmer: Some(&stemmer), synonyms: None, sounds: false };
            show(&text, (&terms, analysis), look, &Watch::default(), &mut Vec::new()).expect("there is time");
        }
    }
}
