//! Laws of spelling, and the specification's table.

use std::sync::Arc;

use super::*;
use crate::search::analysis::{Stemmer, StopWords, Synonyms};
use crate::search::document::{Raw, RawDocument};
use crate::search::index::Change;
use crate::search::query::{Context, Expansions, Params, Sounds, explain, parse};
use crate::search::schema::{self, Language};

fn index(fields: &str, documents: &[&[&str]]) -> Index {
    let words = format!("SCHEMA {fields}");
    let schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).expect("a schema");
    let mut index = Index::new(Arc::new(schema));
    for (at, values) in documents.iter().enumerate() {
        put(&mut index, at, values);
    }
    index
}

fn put(index: &mut Index, key: usize, values: &[&str]) {
    let fields = values.iter().map(|text| Raw::Hash(text.as_bytes().into())).collect();
    let document = Some(RawDocument { fields, ..RawDocument::default() });
    assert!(index.apply(&Change { key: key.to_string().into_bytes().into(), document }));
}

fn tree(index: &Index, query: &str, expansions: Expansions, stemmer: Option<&Stemmer>) -> Node {
    let context = Context {
        schema: index.schema(),
        stop_words: &StopWords::default(),
        stemmer,
        expansions,
        params: &Params::default(),
        dialect: 2,
        in_fields: FieldMask::ALL,
    };
    parse(query.as_bytes(), &context).expect(query)
}

fn sample() -> Index {
    let documents: [&[&str]; 4] =
        [&["hello world help", "other"], &["hello there"], &["held hell", "hello"], &["world wide gardens"]];
    index("t TEXT u TEXT", &documents)
}

fn dictionary(words: &[&str]) -> Dictionary {
    let mut dictionary = Dictionary::default();
    words.iter().for_each(|word| assert!(dictionary.add(word.as_bytes())));
    dictionary
}

/// What a check answers: `word: suggestion score, …`.
fn shown(index: &Index, query: &str, distance: u8, include: &[&str], exclude: &[&str]) -> Vec<String> {
    let check = Check {
        words: words(&tree(index, query, Expansions::default(), None)),
        distance,
        include: vec![dictionary(include)],
        exclude: vec![dictionary(exclude)],
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |(word, suggestions): Misspelt| {
        let all = suggestions.iter().map(|one| format!("{} {}", text(&one.text), one.score));
        format!("{}: {}", text(&word), all.collect::<Vec<_>>().join(", "))
    };
    check.run(index, &Watch::default()).into_iter().map(line).collect()
}

#[test]
fn words_are_checked_as_clients_know_it() {
    let index = sample();
    let helo = "helo: hello 0.75, held 0.25, hell 0.25, help 0.25";
    for (query, expected) in [
        ("helo", &[helo][..]),
        ("-helo ~helo \"helo the\" @t:helo", &[helo; 4]),
        ("@u:helo", &["helo: hello 0.75"]),
        ("hello @u:world helo* %helo% w'hel' *elo the", &[]),
        ("(helo|wrld) wirld", &[helo, "wrld: world 0.5", "wirld: world 0.5"]),
        ("HELO zzzzzz", &[helo, "zzzzzz: "]),
        ("@nope:helo", &["helo: "]),
        // No stem is suggested, nor a word of two edits: a transposition is two.
        ("garde ehllo", &["garde: ", "ehllo: "]),
        ("héllo", &["héllo: hello 0.75"]),
    ] {
        assert_eq!(shown(&index, query, 1, &[], &[]), expected, "{query}");
    }
    let far = ["helo: hello 0.75, world 0.5, held 0.25, hell 0.25, help 0.25, other 0.25, wide 0.25"];
    assert_eq!(shown(&index, "helo", 4, &[], &[]), far);
}

#[test]
fn dictionaries_add_and_excuse() {
    let index = sample();
    let found = "helo: hello 0.75, held 0.25, hell 0.25, help 0.25";
    assert_eq!(shown(&index, "helo", 1, &["help", "helio", "hel"], &[]), [format!("{found}, hel 0, helio 0")]);
    // The word itself may be suggested by a dictionary, in one case.
    assert_eq!(shown(&index, "helo", 1, &["helo", "Helo"], &[]), [format!("{found}, Helo 0")]);
    assert_eq!(shown(&index, "helo HELO wrld", 1, &[], &["Helo"]), ["wrld: world 0.5"]);
}

#[test]
fn time_that_is_over_ends_a_check() {
    let texts: Vec<String> = (0..200).map(|n| (0..100).map(|m| format!("w{n}x{m} ")).collect()).collect();
    let documents: Vec<Vec<&str>> = texts.iter().map(|text| vec![&text[..]]).collect();
    let index = index("t TEXT", &documents.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let check = Check { words: vec![((*b"w5x5y").into(), FieldMask::ALL); 3], distance: 4, ..Check::default() };
    let over = || true;
    let some = check.run(&index, &Watch::new(Some(&over)));
    assert_eq!(some.len(), 1, "others are not looked at");
    let all = check.run(&index, &Watch::default());
    assert!(all.len() == 3 && some[0].1.len() < all[0].1.len() / 2);
    assert!(Arc::ptr_eq(&all[0].1, &all[2].1), "a word is looked for once");
}

#[test]
fn groups_and_sounds_are_terms_where_their_words_are() {
    let mut index = index("t TEXT WEIGHT 3 PHONETIC dm:en u TEXT NOSTEM", &[&["the boy john", "a child"]]);
    index.add_synonyms(b"g", ["boy", "child"]);
    let text_of =
        |index: &Index| index.text().iter().map(|(term, _)| String::from_utf8_lossy(term).into_owned()).collect();
    let before: Vec<String> = text_of(&index);
    assert_eq!(before, ["<JN", "<P", "boy", "child", "john"]);
    let length = index.text().total_length();
    put(&mut index, 0, &["the boy john", "a child"]);
    let after: Vec<String> = text_of(&index);
    assert_eq!(after, ["<JN", "<P", "boy", "child", "john", "~g"], "what is written again has its groups");
    assert_eq!(index.text().total_length(), length, "and is as long as before");
    let cursor = index.text().find(b"~g").map(|postings| index.text().cursor(postings)).expect("there");
    let mut positions = Vec::new();
    cursor.positions(&mut positions);
    assert_eq!((positions, cursor.freq(), cursor.mask()), (vec![1, 3], 4, FieldMask(3)));
    for pattern in [Affix::Prefix(b"~"), Affix::Infix(b"J"), Affix::Fuzzy(b"~gg", 1)] {
        let limits = Limits { most: 10, watch: &Watch::default() };
        assert!(index.text().matching(pattern, limits).ids.is_empty(), "{pattern:?}");
    }
}

#[test]
fn words_stand_for_groups_sounds_and_stems() {
    let index = index("t TEXT PHONETIC dm:en u TEXT", &[]);
    let mut synonyms = Synonyms::default();
    synonyms.add(b"g1", ["boys", "5"]);
    synonyms.add(b"g2", ["boys"]);
    let stemmer = Stemmer::new(Language::English);
    let shown = |query: &str, sounds, stems: bool, groups: bool| {
        let expansions = Expansions { synonyms: groups.then_some(&synonyms), sounds };
        let tree = tree(&index, query, expansions, stems.then_some(&stemmer));
        let text = String::from_utf8_lossy(&explain(&tree, index.schema())).into_owned();
        text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").replace("(expanded)", "'")
    };
    use Sounds::{Everywhere, InPhoneticFields, Nowhere};
    assert_eq!(shown("boys", InPhoneticFields, true, true), "UNION { boys ~g1' ~g2' <PS' +boy' boy' }");
    for (query, sounds, expected) in [
        ("boys 5", Nowhere, "INTERSECT { UNION { boys ~g1' ~g2' } 5 }"),
        ("@t:jon", InPhoneticFields, "@t:UNION { @t:jon @t:<JN' }"),
        ("@u:jon", InPhoneticFields, "@u:jon"),
        ("@u:jon", Everywhere, "@u:UNION { @u:jon @u:<JN' }"),
        ("@t|u:jon", InPhoneticFields, "@t|u:UNION { @t|u:jon @t|u:<JN' }"),
        ("jon=>{$phonetic: false}", InPhoneticFields, "jon"),
        ("jon=>{$phonetic: false}", Everywhere, "UNION { jon <JN' }"),
        ("jon=>{$PHONETIC: 1; $weight: 3}", InPhoneticFields, "UNION { jon => {$weight: 3;} <JN' }"),
        ("(jon jim)=>{$phonetic: false}", InPhoneticFields, "INTERSECT { UNION { jon <JN' } UNION { jim <JM' } }"),
        (
            "-boys ~boys \"boys\" boys* %boys%",
            InPhoneticFields,
            "INTERSECT { NOT{ boys } OPTIONAL{ boys } INTERSECT { EXACT { boys } INTERSECT { PREFIX{boys*} FUZZY{boys} } } }",
        ),
    ] {
        assert_eq!(shown(query, sounds, false, true), expected, "{query}");
    }
    assert_eq!(shown("boys", Nowhere, false, false), "boys");
}
