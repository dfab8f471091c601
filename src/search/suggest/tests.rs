//! Laws of suggestions, against a plain list, and the specification's table.

use proptest::prelude::*;

use super::encoding::{VERSION, decode, encode};
use super::*;
use crate::codec::Sink;

fn made(entries: &[(&str, f32)]) -> Suggestions {
    let mut made = Suggestions::default();
    for (text, score) in entries {
        made.add(Addition { text: text.as_bytes(), score: *score, increment: false, payload: None });
        made.tree.check();
    }
    made
}

fn shown(found: &[Suggested]) -> Vec<(String, f64)> {
    found.iter().map(|one| (String::from_utf8_lossy(&one.text).into_owned(), f64::from(one.score))).collect()
}

fn levenshtein(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let value = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], value);
        }
    }
    row[other.len()]
}

/// What the specification says, by looking at each entry.
fn naive(
    entries: &std::collections::BTreeMap<String, f32>,
    prefix: &str,
    fuzzy: bool,
    max: usize,
) -> Vec<(String, f64)> {
    let folded = |text: &str| String::from_utf8(fold(text.as_bytes()).into_owned()).expect("UTF-8");
    let wanted: Vec<char> = folded(prefix).chars().collect();
    let mut found: Vec<(f32, String, &String)> = Vec::new();
    for (text, score) in entries {
        let chars: Vec<char> = folded(text).chars().collect();
        let distance = (0..=chars.len()).map(|length| levenshtein(&chars[..length], &wanted)).min().unwrap_or(9);
        if distance > usize::from(fuzzy) {
            continue;
        }
        let length = text.chars().count().abs_diff(folded(prefix).len()) as f64;
        let score = if *text == folded(prefix) { 2_147_483_648.0 } else { *score };
        let near = if distance == 0 { score } else { score * (-2.0f32).exp() };
        let score = (f64::from(near) / (1.0 + length).sqrt()) as f32;
        found.push((score, folded(text), text));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (&a.1, a.2).cmp(&(&b.1, b.2))));
    found.into_iter().take(max).map(|(score, _, text)| (text.clone(), f64::from(score))).collect()
}

#[test]
fn the_specification_s_table() {
    let entries = made(&[
        ("hello world", 1.0),
        ("hello there", 2.0),
        ("hello", 3.0),
        ("help", 4.5),
        ("jello", 1.0),
        ("Hello", 2.0),
        ("yellow", 0.5),
        ("HELLO World", 7.0),
    ]);
    let of = |prefix: &str, fuzzy, max| shown(&entries.get(prefix.as_bytes(), fuzzy, max));
    let is = |expected: &[(&str, f64)]| {
        expected.iter().map(|(text, score)| ((*text).to_owned(), *score)).collect::<Vec<_>>()
    };
    assert_eq!(
        of("hel", false, 5),
        is(&[
            ("help", 3.181980609893799),
            ("HELLO World", 2.3333332538604736),
            ("hello", 1.7320507764816284),
            ("Hello", 1.154700517654419),
            ("hello there", 0.6666666865348816)
        ])
    );
    assert_eq!(of("hello", false, 2), is(&[("hello", 2147483648.0), ("HELLO World", 2.6457512378692627)]));
    assert_eq!(
        of("hallo", true, 10),
        is(&[
            ("hello", 0.406005859375),
            ("HELLO World", 0.3580634891986847),
            ("Hello", 0.2706705629825592),
            ("hello there", 0.10230385512113571),
            ("hello world", 0.051151927560567856)
        ])
    );
    assert_eq!(of("zz", true, 10), []);
    let negative = made(&[("neg", -1.0), ("lox", -5.0), ("low", f32::INFINITY)]);
    assert_eq!(shown(&negative.get(b"ne", false, 5)), is(&[("neg", -0.7071067690849304)]));
    assert_eq!(shown(&negative.get(b"l", false, 5)), is(&[("low", f64::INFINITY), ("lox", -2.886751413345337)]));
}

#[test]
fn scores_are_added_to_and_payloads_kept_until_another_is_given() {
    let mut made = Suggestions::default();
    let add = |score, increment, payload| Addition { text: b"a", score, increment, payload };
    assert!(made.add(add(1.0, false, Some(b"p"))) && made.add(add(2.0, true, None)));
    assert_eq!(
        made.get(b"", false, 1)[0],
        Suggested { text: (*b"a").into(), score: (3.0 / 2.0f64.sqrt()) as f32, payload: Some((*b"p").into()) }
    );
    assert!(!made.add(add(3.0, false, None)), "nothing changes");
    assert!(!made.add(add(3.0, false, Some(b""))), "an empty payload is none");
    assert!(made.add(add(3.0, false, Some(b"q"))) && made.get(b"", false, 1)[0].payload == Some((*b"q").into()));
    assert!(!made.add(Addition { text: b"", score: 1.0, increment: false, payload: None }) && made.len() == 1);
}

#[test]
fn a_payload_of_the_field_s_files_may_end_with_any_byte() {
    let mut bytes = Vec::new();
    bytes.put_u64(1);
    bytes.put_bytes(b"ab\0");
    bytes.put_f64(1.0);
    bytes.put_bytes(b"p\x7f");
    let decoded = decode(&mut &bytes[..], VERSION).expect("as RediSearch writes it");
    assert_eq!(decoded.get(b"ab", false, 1)[0].payload.as_deref(), Some(&b"p"[..]));
}

#[test]
fn removed_entries_leave_nothing_behind() {
    let mut made = Suggestions::default();
    let texts: Vec<String> =
        (0..5000u32).map(|number| format!("entry {:x}", number.wrapping_mul(2_654_435_761))).collect();
    for text in &texts {
        made.add(Addition { text: text.as_bytes(), score: 1.0, increment: false, payload: None });
    }
    let bytes = |made: &Suggestions| {
        let mut bytes = 0;
        made.allocations(&mut |size| bytes += size);
        bytes
    };
    let full = bytes(&made);
    texts.iter().for_each(|text| assert!(made.remove(text.as_bytes())));
    made.tree.check();
    assert!(made.is_empty() && bytes(&made) * 50 < full, "{} of {full}", bytes(&made));
}

#[test]
fn an_entry_takes_little_beyond_its_text() {
    let words = |count: u32| (0..count).map(|number| format!("{:x}{number}", number.wrapping_mul(2_654_435_761)));
    for count in [1_000, 30_000] {
        let entries: Vec<String> = words(count).collect();
        let made = made_quickly(&entries);
        // What an allocator takes: a multiple of 16 bytes and 8 beside it.
        let mut bytes = 0;
        made.allocations(&mut |size| bytes += if size == 0 { 0 } else { (size + 8).next_multiple_of(16) });
        let text: usize = entries.iter().map(String::len).sum();
        assert!(bytes < text + 60 * entries.len(), "{} an entry", (bytes - text) / entries.len());
    }
}

#[test]
fn many_entries_come_and_go() {
    let entries: Vec<String> =
        (0..3000u32).map(|number| format!("{}", number.wrapping_mul(2_654_435_761) % 4000)).collect();
    let mut made = Suggestions::default();
    let mut plain = std::collections::BTreeMap::new();
    for (nth, text) in entries.iter().enumerate() {
        let score = (nth % 17) as f32;
        made.add(Addition { text: text.as_bytes(), score, increment: false, payload: Some(&[b'p'; 300][..nth % 300]) });
        plain.insert(text.clone(), score);
        if nth % 100 == 0 {
            made.tree.check();
        }
    }
    for (prefix, fuzzy) in [("", false), ("1", false), ("12", true), ("399", false), ("123", true), ("x", true)] {
        assert_eq!(shown(&made.get(prefix.as_bytes(), fuzzy, 20)), naive(&plain, prefix, fuzzy, 20));
    }
    for (nth, text) in entries.iter().enumerate() {
        assert_eq!(made.remove(text.as_bytes()), plain.remove(text).is_some());
        if nth % 100 == 0 {
            made.tree.check();
            assert_eq!(shown(&made.get(b"1", true, 20)), naive(&plain, "1", true, 20));
        }
    }
    assert!(made.is_empty());
}

#[test]
fn the_best_are_found_without_looking_at_all() {
    let entries: Vec<String> =
        (0..20_000u32).map(|number| format!("{:08x}", number.wrapping_mul(2_654_435_761))).collect();
    let made = made_quickly(&entries);
    for (prefix, fuzzy) in [("", false), ("a", false), ("a0", true)] {
        let (found, looked_at) = made.get_counting(prefix.as_bytes(), fuzzy, 5);
        assert!(found.len() == 5 && looked_at < 1000, "{prefix} {looked_at}");
    }
}

fn made_quickly(entries: &[String]) -> Suggestions {
    let mut made = Suggestions::default();
    for text in entries {
        made.add(Addition { text: text.as_bytes(), score: 1.0, increment: false, payload: None });
    }
    made
}

proptest! {
    #[test]
    fn finds_what_looking_at_each_entry_finds(
        steps in prop::collection::vec(("[aAbBéÉ]{0,4}", -3i8..9, any::<bool>()), 1..60),
        prefix in "[aAbBéÉ]{0,3}", fuzzy: bool, max in 1usize..8,
    ) {
        let (mut made, mut plain) = (Suggestions::default(), std::collections::BTreeMap::new());
        for (text, score, add) in steps {
            if add && !text.is_empty() {
                made.add(Addition { text: text.as_bytes(), score: f32::from(score), increment: false, payload: None });
                plain.insert(text, f32::from(score));
            } else {
                prop_assert_eq!(made.remove(text.as_bytes()), plain.remove(&text).is_some());
            }
            made.tree.check();
            prop_assert_eq!(made.len(), plain.len());
        }
        prop_assert_eq!(shown(&made.get(prefix.as_bytes(), fuzzy, max)), naive(&plain, &prefix, fuzzy, max));
        let mut bytes = Vec::new();
        encode(&made, &mut bytes);
        let again = decode(&mut &bytes[..], VERSION).expect("what was written");
        again.tree.check();
        prop_assert_eq!(shown(&again.get(b"", false, 1000)), shown(&made.get(b"", false, 1000)));
    }

    #[test]
    fn any_bytes_are_entries_and_prefixes(texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 1..40)) {
        let mut made = Suggestions::default();
        for text in &texts {
            made.add(Addition { text, score: 1.0, increment: false, payload: None });
            made.tree.check();
            if !text.is_empty() {
                let found = made.get(text, false, 1000);
                prop_assert!(found.iter().any(|one| *one.text == text[..]));
                made.get(text, true, 3);
            }
        }
        for text in &texts {
            made.remove(text);
            made.tree.check();
        }
        prop_assert!(made.is_empty());
    }

    #[test]
    fn damaged_payloads_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), version in 0u32..3) {
        drop(decode(&mut &bytes[..], version));
    }
}
