//! Comparison, conversion, and what faces and hashes change.

use super::*;

fn text(text: &str) -> Value {
    Value::string(text.as_bytes())
}

fn array(items: &[Value]) -> Value {
    Value::Array(items.into())
}

fn map(members: &[(&str, Value)]) -> Value {
    Value::Map(members.iter().map(|(name, value)| (name.as_bytes().into(), value.clone())).collect())
}

#[test]
fn comparison() {
    let nan = Value::Number(f64::NAN);
    for (a, b, order) in [
        (Value::Null, Value::Null, Some(Ordering::Equal)),
        (Value::Null, text(""), Some(Ordering::Less)),
        (Value::Number(0.0), Value::Null, Some(Ordering::Greater)),
        (text("10"), text("9"), Some(Ordering::Less)),
        (text("10"), Value::Number(9.0), Some(Ordering::Greater)),
        (text(" 9"), Value::Number(9.0), Some(Ordering::Equal)),
        (text(""), Value::Number(0.0), Some(Ordering::Equal)),
        (text("a"), Value::Number(0.0), None),
        (Value::Number(0.0), array(&[]), None),
        (nan.clone(), Value::Number(5.0), Some(Ordering::Equal)),
        (array(&[text("a"), text("b")]), array(&[text("a")]), Some(Ordering::Equal)),
        (array(&[]), array(&[text("a")]), Some(Ordering::Less)),
        (array(&[text("z")]), text("a"), Some(Ordering::Less)),
        (array(&[text("z")]), text(""), Some(Ordering::Equal)),
        (map(&[("a", text("b"))]), map(&[("a", text("c"))]), Some(Ordering::Less)),
        (map(&[("b", text("b"))]), map(&[("a", text("c"))]), Some(Ordering::Greater)),
        (map(&[]), map(&[("a", text("c"))]), Some(Ordering::Less)),
        (map(&[]), array(&[text("a")]), Some(Ordering::Greater)),
        (map(&[]), Value::Number(1.0), None),
        (map(&[]), text("x"), Some(Ordering::Less)),
    ] {
        assert_eq!(a.view().compare(b.view()).ok(), order, "{a:?} {b:?}");
        assert_eq!(b.view().compare(a.view()).ok(), order.map(Ordering::reverse), "{b:?} {a:?}");
    }
}

/// A value with two faces is the value that it is, in whatever is done with it.
#[test]
fn a_face_changes_nothing_but_what_is_shown() {
    let values = [
        Value::Null,
        Value::Number(-1.5),
        Value::Number(0.0),
        Value::Number(f64::NAN),
        text(""),
        text("9"),
        text("x"),
        array(&[]),
        array(&[text("a")]),
        map(&[("a", text("b"))]),
    ];
    let faced =
        |value: &Value| value.clone().shown_as(Shown::Text((*b"[shown]").into())).shown_as(Shown::Json([].into()));
    let encoded = |value: &Value| {
        let mut bytes = Vec::new();
        value.view().encode(&mut |part: &[u8]| bytes.extend_from_slice(part));
        bytes
    };
    for a in &values {
        let face = faced(a);
        assert_eq!(encoded(&face), encoded(a));
        assert_eq!(encoded(face.plain()), encoded(a));
        assert_eq!(encoded(&face.clone().into_plain()), encoded(a));
        assert_eq!(face.is_true(), a.is_true());
        assert_eq!(face.to_text(), a.to_text());
        assert_eq!(face.as_number().map(f64::to_bits), a.as_number().map(f64::to_bits));
        for b in &values {
            let (expected, order) = (a.view().compare(b.view()), a.view().sort_order(b.view()));
            for (a, b) in [(&face, b), (a, &faced(b)), (&face, &faced(b))] {
                assert_eq!(
                    (a.view().compare(b.view()), a.view().sort_order(b.view())),
                    (expected.clone(), order),
                    "{a:?} {b:?}"
                );
            }
        }
    }
}

#[test]
fn truth() {
    for value in [Value::Null, Value::Number(0.0), text(""), array(&[]), map(&[])] {
        assert!(!value.is_true(), "{value:?}");
    }
    for value in [Value::Number(f64::NAN), text("0"), array(&[Value::Null])] {
        assert!(value.is_true(), "{value:?}");
    }
}

#[test]
fn what_is_the_same_is_encoded_and_hashed_alike() {
    let hash = |view: View<'_>| {
        let mut hasher = std::hash::DefaultHasher::new();
        view.hash_into(&mut hasher);
        hasher.finish()
    };
    let encoded = |view: View<'_>| {
        let mut bytes = Vec::new();
        view.encode(&mut |part: &[u8]| bytes.extend_from_slice(part));
        bytes
    };
    let array = |items: &[Value]| Value::Array(items.into());
    let values = [
        Value::Null,
        Value::Number(0.0),
        Value::Number(-0.0),
        Value::Number(f64::NAN),
        Value::string(*b""),
        Value::string(*b"a"),
        array(&[]),
        array(&[Value::Number(0.0), Value::string(*b"a")]),
        array(&[Value::Number(-0.0), Value::string(*b"a")]),
        array(&[Value::Null]),
        Value::Map(Arc::from([(Arc::from(&b"a"[..]), Value::Null)])),
        Value::Map(Arc::from([(Arc::from(&b"b"[..]), Value::Null)])),
    ];
    for a in &values {
        for b in &values {
            let is_same = a.view().is_same(b.view());
            assert_eq!(is_same, encoded(a.view()) == encoded(b.view()), "{a:?} {b:?}");
            assert!(!is_same || hash(a.view()) == hash(b.view()), "{a:?} {b:?}");
        }
    }
}
