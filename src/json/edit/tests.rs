//! Every edit against the same edit of a plain tree, on documents of one block and of many.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::MAX_NESTED;
use super::*;
use crate::json::{Error, format};

fn document(value: &Value) -> Document {
    Document::parse(value.to_string().as_bytes()).unwrap()
}

fn value(document: &Document) -> Value {
    serde_json::from_slice(&document.to_text()).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text.as_bytes()).unwrap()
}

/// Values of every kind; `size` is how large containers get.
fn values(size: usize) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-70i64..70).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f32>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| json!(f64::from(n))),
        (-1e6..1e6).prop_map(|n: f64| json!((n * 100.0).round() / 100.0)),
        "[a-c\"\\\\é\u{1}]{0,6}".prop_map(Value::from),
        "[a-z]{200,300}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, size as u32 * 4, size as u32, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..size).prop_map(Value::from),
            prop::collection::vec(-300i64..300, 0..size * 40).prop_map(Value::from),
            prop::collection::btree_map("[a-d]{0,2}", inner, 0..size)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// All places of a plain tree.
fn places(value: &Value) -> Vec<Location> {
    let mut all = vec![Location::new()];
    let children: Vec<&Value> = match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    };
    for (at, child) in children.into_iter().enumerate() {
        all.extend(places(child).into_iter().map(|inner| [&[at as u32], inner.as_slice()].concat().into()));
    }
    all
}

fn plain_at<'v>(value: &'v mut Value, place: &[u32]) -> &'v mut Value {
    place.iter().fold(value, |value, at| match value {
        Value::Array(elements) => &mut elements[*at as usize],
        Value::Object(members) => members.values_mut().nth(*at as usize).unwrap(),
        _ => unreachable!(),
    })
}

fn remove_plain(value: &mut Value, place: &[u32]) {
    let (last, parent) = place.split_last().unwrap();
    match plain_at(value, parent) {
        Value::Array(elements) => {
            elements.remove(*last as usize);
        }
        Value::Object(members) => {
            let key = members.keys().nth(*last as usize).unwrap().clone();
            members.remove(&key);
        }
        _ => unreachable!(),
    }
}

/// The chunks add up, and what is found by position and by key is what iteration yields.
fn check(value: ValueRef<'_>) {
    let mut count = 0;
    for (at, (key, child)) in value.children().enumerate() {
        count += 1;
        assert!(value.child(at).unwrap().1.same(child));
        if value.is_object() {
            assert_eq!(value.member(key).unwrap().0, at);
        }
        check(child);
    }
    assert_eq!(count, value.len());
    assert!(value.member(b"no such key").is_none() && value.child(count).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn text_comes_back(plain in values(12)) {
        let doc = document(&plain);
        check(doc.root());
        prop_assert_eq!(value(&doc), plain);
        let mut indented = Vec::new();
        let style = format::Style { indent: b"  ", newline: b"\n", space: b" " };
        format::write(doc.root(), &style, 0, &mut indented);
        prop_assert_eq!(Document::parse(&indented).unwrap().to_text(), doc.to_text());
    }

    #[test]
    fn changes_at_any_places_are_the_plain_ones(
        plain in values(12), other in values(8), picks in prop::collection::vec((any::<prop::sample::Index>(), 0..7u8), 1..6),
    ) {
        let mut plain = plain;
        let mut doc = document(&plain);
        let new = document(&other);
        for (pick, kind) in picks {
            let all = places(&plain);
            let place = pick.get(&all).clone();
            let target = plain_at(&mut plain, &place).clone();
            let (change, expected) = match (kind, &target) {
                (0, _) if !place.is_empty() => (Change::Remove, None),
                (1, _) => (Change::Number(Number::Int(7)), Some(json!(7))),
                (2, _) => (Change::Str(b"text".to_vec()), Some(json!("text"))),
                (3, Value::Array(elements)) => {
                    let mut longer = elements.clone();
                    longer.push(other.clone());
                    let insert = vec![new.root()];
                    (Change::Splice { at: elements.len(), remove: 0, insert }, Some(Value::from(longer)))
                }
                (4, Value::Array(elements)) => {
                    let (start, end) = (elements.len() / 3, elements.len() - elements.len() / 4);
                    (Change::Keep { start, end }, Some(Value::from(elements[start..end].to_vec())))
                }
                (5, Value::Array(elements)) => {
                    let at = elements.len() / 2;
                    let mut spliced = elements.clone();
                    let remove = usize::from(!elements.is_empty());
                    spliced.splice(at..at + remove, [other.clone(), json!(1)]);
                    let one = document(&json!(1));
                    apply(&mut doc, vec![(place.clone(), Change::Splice { at, remove, insert: vec![new.root(), one.root()] })]);
                    *plain_at(&mut plain, &place) = Value::from(spliced);
                    continue;
                }
                (_, Value::Object(members)) => {
                    let mut more = members.clone();
                    more.insert("zz".into(), other.clone());
                    if members.contains_key("zz") { continue; }
                    (Change::Members(vec![(b"zz", new.root())]), Some(Value::Object(more)))
                }
                _ => (Change::Put(new.root()), Some(other.clone())),
            };
            match expected {
                None => remove_plain(&mut plain, &place),
                Some(expected) => *plain_at(&mut plain, &place) = expected,
            }
            apply(&mut doc, vec![(place, change)]);
            check(doc.root());
            // Key order may differ: the plain tree sorts its keys. Positions must not, so both start over from one text.
            prop_assert_eq!(value(&doc), plain.clone());
            doc = document(&plain);
        }
    }

    #[test]
    fn many_changes_at_once_are_the_same_one_by_one(plain in values(12), other in values(4), bits: u64) {
        let new = document(&other);
        let picked: Vec<_> = places(&plain).into_iter().enumerate()
            .filter(|(at, place)| bits >> (at % 64) & 1 == 1 && !place.is_empty()).map(|(_, place)| place).collect();
        let picked = outermost(picked);
        for remove in [true, false] {
            let change = || if remove { Change::Remove } else { Change::Put(new.root()) };
            let (mut at_once, mut expected) = (document(&plain), plain.clone());
            for place in picked.iter().rev() {
                if remove { remove_plain(&mut expected, place) } else { *plain_at(&mut expected, place) = other.clone() }
            }
            apply(&mut at_once, picked.iter().map(|place| (place.clone(), change())).collect());
            check(at_once.root());
            prop_assert_eq!(value(&at_once), expected);
        }
    }

    #[test]
    fn merging_is_rfc_7386(target in values(8), patch in values(8)) {
        fn merged(target: &Value, patch: &Value) -> Value {
            let Value::Object(patch) = patch else { return patch.clone() };
            let mut result = target.as_object().cloned().unwrap_or_default();
            for (key, value) in patch {
                if value.is_null() { result.remove(key); } else {
                    let old = result.get(key).cloned().unwrap_or(Value::Null);
                    result.insert(key.clone(), merged(&old, value));
                }
            }
            Value::Object(result)
        }
        let mut doc = document(&target);
        doc.merge(&path("$"), &document(&patch)).unwrap();
        check(doc.root());
        prop_assert_eq!(value(&doc), merged(&target, &patch));
    }
}

#[test]
fn large_objects_find_and_lose_keys() {
    let members: Vec<String> = (0..5000).map(|n| format!("\"key{n}\":{n}")).collect();
    let mut doc = Document::parse(format!("{{{}}}", members.join(",")).as_bytes()).unwrap();
    check(doc.root());
    for n in (0..5000).step_by(3) {
        assert_eq!(doc.delete(&path(&format!("$.key{n}"))).unwrap(), Deleted::Values(1));
    }
    for n in 5000..5400 {
        assert!(doc.set(&path(&format!("$.key{n}")), &Document::parse(b"[1]").unwrap(), Condition::Always).unwrap());
    }
    check(doc.root());
    assert_eq!(doc.root().len(), 5000 - 1667 + 400);
    assert_eq!(doc.clear(&path("$")).unwrap(), 1);
    assert_eq!(doc.to_text(), b"{}");
}

#[test]
fn long_arrays_of_numbers_grow_and_shrink_at_both_ends() {
    let mut doc = Document::parse(b"[]").unwrap();
    let one = [Document::parse(b"1.5").unwrap()];
    for _ in 0..40_000 {
        doc.append(&path("$"), &one).unwrap();
    }
    assert_eq!(doc.root().len(), 40_000);
    doc.insert(&path("$"), 20_000, &[Document::parse(b"\"x\"").unwrap()]).unwrap();
    check(doc.root());
    for _ in 0..100 {
        assert_eq!(doc.pop(&path("$"), 0).unwrap()[0].as_ref().unwrap().as_ref().unwrap().to_text(), b"1.5");
    }
    assert_eq!(doc.trim(&path("$"), 19_899, 19_901).unwrap(), [Some(3)]);
    assert_eq!(doc.to_text(), b"[1.5,\"x\",1.5]");
}

#[test]
fn nothing_nests_deeper_than_a_save_can_read_back() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let mut doc = Document::parse(deep(127).as_bytes()).unwrap();
    assert!(
        matches!(Document::parse(deep(128).as_bytes()), Err(Error::Syntax(text)) if text == "recursion limit exceeded at line 1 column 128")
    );
    // Updates go deeper, as far as a save can be read back.
    let (mut depth, more) = (127, Document::parse(deep(127).as_bytes()).unwrap());
    while depth + 127 <= MAX_NESTED {
        let inner = path(&format!("${}", "[0]".repeat(depth - 1)));
        assert_eq!(doc.append(&inner, std::slice::from_ref(&more)), Ok(vec![Some(1)]));
        depth += 127;
    }
    let inner = path(&format!("${}", "[0]".repeat(depth - 1)));
    assert_eq!(doc.append(&inner, std::slice::from_ref(&more)), Err(Error::TooDeep));
    assert_eq!(doc.append(&inner, &[Document::parse(b"1").unwrap()]), Ok(vec![Some(1)]));
    let saved = doc.to_text();
    assert_eq!(Document::parse_saved(&saved).unwrap().to_text(), saved);
}

/// Everything that follows the nesting down, on documents as deep as there are, on a stack as small as threads have.
#[test]
fn the_deepest_documents_are_read_changed_copied_and_freed() {
    let shapes: [(&str, &str, &str); 4] = [
        ("[", "1", "]"),
        (r#"{"k":"#, r#"{"k":[0.5]}"#, "}"),
        (r#"[{"k":["#, "true", "]}]"),
        (&format!(r#"["{}",["#, "x".repeat(900)), "7", r#"],"y"]"#),
    ];
    for (open, inner, close) in shapes {
        let levels = open.matches(['[', '{']).count();
        let times = (MAX_NESTED - 2) / levels;
        let text = format!("{}{inner}{}", open.repeat(times), close.repeat(times));
        let mut doc = Document::parse_saved(text.as_bytes()).unwrap();
        assert!(Document::parse(text.as_bytes()).is_err());
        assert_eq!(doc.to_text(), text.as_bytes());
        let copy = doc.clone();
        assert!(copy.root().same(doc.root()) && Document::copy_of(doc.root()).root().identical(doc.root()));
        let style = format::Style { indent: b"", newline: b"", space: b" " };
        format::write(doc.root(), &style, 0, &mut Vec::new());
        assert!(doc.free_effort() > 0);
        let mut bytes = 0;
        doc.allocations(&mut |size| bytes += size);
        assert!(bytes > text.len() / 8);
        assert!(doc.blocks(&mut |_| std::ops::ControlFlow::Continue(())).is_continue());
        let last = path("$..[?(@ == 1 || @ == true || @ == 7 || @ == 0.5)]");
        let places = last.locations(doc.root()).unwrap();
        assert_eq!(places.len(), 1, "{open}");
        assert!(places[0].len() + 2 >= MAX_NESTED - levels);
        let mut pieces = Vec::new();
        doc.pieces(&mut |path, text| pieces.push((path.to_vec(), text.to_vec())));
        let mut again = Document::parse(b"null").unwrap();
        for (at, piece) in pieces {
            let value = Document::parse(&piece).unwrap();
            match at.as_slice() {
                b"$" => again = value,
                at => assert!(again.set(&Path::parse(at).unwrap(), &value, Condition::Always).unwrap()),
            }
        }
        assert_eq!(again.to_text(), text.as_bytes());
        apply(&mut doc, vec![(places[0].clone(), Change::Str(b"changed".to_vec()))]);
        let changed = String::from_utf8(doc.to_text()).unwrap();
        assert_eq!(changed.matches("\"changed\"").count(), 1);
        assert_eq!(doc.clear(&path("$")).unwrap(), 1);
    }
}

/// Twice the places, twice the work: for every command on many places, in blocks and in trees, one place a block and many.
#[test]
fn work_grows_with_the_places_and_not_faster() {
    type Edit = fn(&mut Document) -> usize;
    let edits: [(&str, Edit); 13] = [
        ("SET", |doc| usize::from(doc.set(&path("$[*].a"), &document(&json!("new")), Condition::Always).unwrap())),
        ("MERGE", |doc| usize::from(doc.merge(&path("$[*]"), &document(&json!({"z": 1}))).unwrap())),
        ("MERGE inside", |doc| {
            usize::from(doc.merge(&path("$[*]"), &document(&json!({"a": null, "o": {"y": null, "n": 1}}))).unwrap())
        }),
        ("MERGE nested", |doc| usize::from(doc.merge(&path("$..*"), &document(&json!({"z": 1}))).unwrap())),
        ("DEL", |doc| match doc.delete(&path("$[*].a")).unwrap() {
            Deleted::Values(count) => count,
            Deleted::Root => 0,
        }),
        ("CLEAR", |doc| doc.clear(&path("$[*].o")).unwrap()),
        ("NUMINCRBY", |doc| doc.arithmetic(&path("$..a"), Arithmetic::Add, Number::Int(1)).unwrap().len()),
        ("NUMINCRBY wider", |doc| {
            doc.arithmetic(&path("$[*].a"), Arithmetic::Add, Number::Int(1 << 40)).unwrap().len()
        }),
        ("TOGGLE", |doc| doc.toggle(&path("$[*].t")).unwrap().len()),
        ("STRAPPEND", |doc| doc.append_str(&path("$[*].s"), b"more").unwrap().len()),
        ("ARRAPPEND", |doc| doc.append(&path("$[*].l"), &[document(&json!(1))]).unwrap().len()),
        ("ARRPOP", |doc| doc.pop(&path("$[*].l"), 0).unwrap().len()),
        ("ARRTRIM", |doc| doc.trim(&path("$[*].l"), 0, 0).unwrap().len()),
    ];
    let wide = "x".repeat(5000);
    for (name, edit) in edits {
        for filler in ["", wide.as_str()] {
            let work = |places: usize| {
                let one =
                    json!({"a": 1, "o": {"x": 1, "y": 2}, "t": true, "s": "text", "l": [1, "two", 3], "f": filler});
                let mut doc = document(&Value::from(vec![one; places]));
                let (done, work) = crate::json::layout::work::during(|| edit(&mut doc));
                assert!(done > 0, "{name}");
                check(doc.root());
                work
            };
            let sizes: Vec<u64> = (0..5).map(|doubled| work(100 << doubled)).collect();
            for pair in sizes.windows(2) {
                assert!(pair[1] * 10 <= pair[0] * 23, "{name}: {sizes:?}");
            }
        }
    }
}

#[test]
fn duplicate_keys_keep_the_first_place_and_the_last_value() {
    for (text, want) in
        [(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#), (r#"{"x":{"":[],"":[1]}}"#, r#"{"x":{"":[1]}}"#)]
    {
        assert_eq!(Document::parse(text.as_bytes()).unwrap().to_text(), want.as_bytes());
    }
    let many: Vec<String> = (0..3000).map(|n| format!("\"k{}\":{n}", n % 1500)).collect();
    let doc = Document::parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap();
    assert_eq!((doc.root().len(), doc.root().member(b"k7").unwrap().1.as_number().unwrap()), (1500, Number::Int(1507)));
    check(doc.root());
}
