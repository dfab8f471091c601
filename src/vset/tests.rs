//! The set as a whole: against a model, against exact search, under threads.

use super::*;
use encoding::Format;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::sync::atomic::AtomicBool;

const DIM: usize = 6;

fn add<'a>(element: &'a [u8], vector: &'a [f32]) -> Add<'a> {
    Add {
        element,
        vector,
        reduce: None,
        quantization: Quantization::Q8,
        m: 16,
        ef: 200,
        attributes: None,
        coarse_dim: usize::MAX,
    }
}

pub(super) fn set(quantization: Quantization) -> VectorSet {
    VectorSet::new(&Add { quantization, m: 5, ..add(b"", &[0.0; DIM]) }).unwrap()
}

pub(super) fn put(set: &VectorSet, element: &str, vector: &[f32], attributes: Option<&str>) -> Added {
    let attributes = attributes.map(str::as_bytes);
    let (quantization, m) = (set.quantization(), set.info().m);
    set.add(&Add { quantization, m, attributes, ..add(element.as_bytes(), vector) }).unwrap()
}

/// A vector that a number decides.
pub(super) fn vector(seed: u64) -> Vec<f32> {
    let mut rng = random::Rng::seeded(seed);
    (0..DIM).map(|_| (rng.below(2001) as f32 - 1000.0) / 500.0).collect()
}

pub(super) fn found(set: &VectorSet, query: &Query) -> Vec<(String, f64)> {
    set.search(query, |hits| {
        hits.iter().map(|hit| (String::from_utf8(hit.element.to_vec()).unwrap(), hit.score)).collect()
    })
}

fn attributes_of(set: &VectorSet, element: &str) -> Option<String> {
    set.with_attributes(element.as_bytes(), |a| a.map(|a| String::from_utf8(a.to_vec()).unwrap()))
}

/// A buffer's encoding of a set.
fn encoded(set: &VectorSet, format: Format) -> Vec<u8> {
    let mut buffer = Vec::new();
    set.encode(&mut buffer, format);
    buffer
}

fn digest(set: &VectorSet) -> BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)> {
    let mut all = BTreeMap::new();
    set.each(|e| {
        all.insert(e.name.to_vec(), (e.code.to_vec(), e.attributes.unwrap_or_default().to_vec()));
    });
    all
}

#[test]
fn figures_are_those_of_the_field() {
    let q8 = VectorSet::new(&add(b"a", &[1.262185, 1.958231])).unwrap();
    q8.add(&add(b"a", &[1.262185, 1.958231])).unwrap();
    assert_eq!(q8.vector(b"a"), Some(vec![1.264_369_5, 1.958_231]));
    let raw = q8.raw_vector(b"a").unwrap();
    assert_eq!((raw.bytes, raw.l2, raw.range), (vec![0x52, 0x7f], 2.329_759_6, Some(0.840_529_2)));
    let query = q8.query(Target::Vector(&[1.0, 0.0])).unwrap();
    assert_eq!(found(&q8, &query), [("a".to_owned(), 0.7713519632816315)]);
    for (quantization, score) in [
        (Quantization::Q8, 0.589028924703598),
        (Quantization::None, 0.5904533863067627),
        (Quantization::Bin, 0.5999999940395355),
    ] {
        let one = Add { quantization, ..add(b"e", &[0.1, -0.2, 0.3, -0.4, 0.5]) };
        let set = VectorSet::new(&one).unwrap();
        set.add(&one).unwrap();
        let query = set.query(Target::Vector(&[1.0; 5])).unwrap();
        assert!((found(&set, &query)[0].1 - score).abs() < 1e-6, "{quantization:?}");
    }
}

#[test]
fn a_projected_set_stores_the_reduced_vector() {
    let add = Add { reduce: Some(2), ..add(b"a", &[1.0, 2.0, 3.0, 4.0]) };
    let set = VectorSet::new(&add).unwrap();
    set.add(&add).unwrap();
    assert_eq!((set.dim(), set.info().projection_input_dim), (2, 4));
    assert_eq!(set.vector(b"a").unwrap(), [5.0, -0.984_252]);
    for vector in [&[1.0, 2.0, 3.0, 4.0][..], &[5.0, -1.0]] {
        let query = set.query(Target::Vector(vector)).unwrap();
        assert_eq!(found(&set, &query), [("a".to_owned(), 0.9993990957736969)]);
    }
    assert_eq!(set.query(Target::Vector(&[0.0; 3])).unwrap_err(), Error::ProjectionInput { got: 3, expected: 4 });
}

#[test]
fn refusals_come_in_the_order_of_the_field() {
    let plain = VectorSet::new(&add(b"", &[1.0, 1.0])).unwrap();
    let four = Add { vector: &[1.0, 2.0, 3.0, 4.0], ..add(b"x", &[]) };
    let two = add(b"x", &[1.0, 1.0]);
    let table = [
        (Add { quantization: Quantization::Bin, m: 20, ..four }, Error::Quantization),
        (Add { m: 20, ..four }, Error::M),
        (four, Error::Dimension { got: 4, have: 2 }),
        (Add { reduce: Some(2), ..four }, Error::Dimension { got: 4, have: 2 }),
        (Add { reduce: Some(2), ..two }, Error::Unprojected),
        (Add { vector: &[f32::NAN, 1.0], ..two }, Error::InvalidVector),
        (Add { vector: &[f32::INFINITY, 1.0], ..two }, Error::InvalidVector),
    ];
    for (add, error) in table {
        assert_eq!(plain.add(&add), Err(error));
    }
    let projected = VectorSet::new(&Add { reduce: Some(2), ..four }).unwrap();
    let table = [
        (four, Error::Dimension { got: 4, have: 2 }),
        (two, Error::Dimension { got: 2, have: 2 }),
        (Add { reduce: Some(3), ..four }, Error::Dimension { got: 4, have: 2 }),
        (Add { reduce: Some(2), ..two }, Error::ProjectionInput { got: 2, expected: 4 }),
        (Add { reduce: Some(1), ..two }, Error::Dimension { got: 2, have: 2 }),
    ];
    for (add, error) in table {
        assert_eq!(projected.add(&add), Err(error));
    }
    assert_eq!((plain.card(), projected.card()), (0, 0));
    assert_eq!(VectorSet::new(&Add { reduce: Some(3), ..two }).unwrap_err(), Error::InvalidVector);
    assert_eq!(plain.query(Target::Element(b"x")).unwrap_err(), Error::ElementNotFound);
    assert_eq!(plain.query(Target::Vector(&[1.0])).unwrap_err(), Error::Dimension { got: 1, have: 2 });
}

#[test]
fn the_zero_vector_is_half_similar_to_all() {
    for quantization in [Quantization::None, Quantization::Q8] {
        let set = set(quantization);
        put(&set, "zero", &[0.0; DIM], None);
        let query = set.query(Target::Vector(&vector(1))).unwrap();
        assert_eq!(found(&set, &query), [("zero".to_owned(), 0.5)]);
    }
}

#[test]
fn empty_attributes_are_kept_with_a_new_element_only() {
    let set = set(Quantization::Q8);
    put(&set, "a", &vector(1), Some(""));
    assert_eq!((attributes_of(&set, "a").as_deref(), set.info().attributes_count), (Some(""), 1));
    let query = Query { filter: Some(Filter::compile(b"1").unwrap()), ..set.query(Target::Element(b"a")).unwrap() };
    assert_eq!(found(&set, &query).len(), 1);
    put(&set, "a", &vector(2), None);
    assert_eq!((attributes_of(&set, "a").as_deref(), set.info().attributes_count), (Some(""), 1));
    put(&set, "a", &vector(2), Some(""));
    assert_eq!((attributes_of(&set, "a"), set.info().attributes_count), (None, 0));
    assert_eq!(found(&set, &query).len(), 0);
    assert!(set.set_attributes(b"a", b"x") && set.set_attributes(b"a", b"") && !set.set_attributes(b"b", b"x"));
    assert_eq!((attributes_of(&set, "a"), set.info().attributes_count), (None, 0));
    assert_eq!(set.info().max_node_uid, 3);
}

#[test]
fn epsilon_keeps_what_lies_on_it() {
    let set = set(Quantization::None);
    let ones = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    put(&set, "same", &ones, None);
    put(&set, "across", &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0], None);
    put(&set, "opposite", &ones.map(|x: f32| -x), None);
    let query = set.query(Target::Vector(&ones)).unwrap();
    let names =
        |epsilon| found(&set, &Query { epsilon, ..query.clone() }).into_iter().map(|hit| hit.0).collect::<Vec<_>>();
    assert_eq!(names(0.49), ["same"]);
    assert_eq!(names(0.5), ["same", "across"]);
    assert_eq!(names(1.0), ["same", "across", "opposite"]);
}

/// As many results as asked for come back, however rare the matches are.
#[test]
fn a_filter_finds_all_that_match() {
    let set = set(Quantization::Q8);
    for n in 0..3000 {
        let attributes = format!(r#"{{"n":{n},"rare":{}}}"#, u8::from(n % 500 == 7));
        put(&set, &n.to_string(), &vector(n), Some(&attributes));
    }
    set.link_all();
    let base = set.query(Target::Vector(&vector(9999))).unwrap();
    for (filter, matching) in [(".rare", 6), (".n < 40", 40), (".n % 2 == 0", 1500), (".no", 0)] {
        let query = Query { filter: Some(Filter::compile(filter.as_bytes()).unwrap()), count: 50, ..base.clone() };
        let hits = found(&set, &query);
        assert_eq!(hits.len(), matching.min(50), "{filter}");
        let exact = found(&set, &Query { exact: true, ..query });
        let near: HashSet<_> = exact.iter().map(|hit| &hit.0).collect();
        assert!(hits.iter().filter(|hit| near.contains(&hit.0)).count() * 10 >= hits.len() * 9, "{filter}");
    }
    // Who asks for little effort gets what it finds: one node and its neighbors do not show all six.
    let rare = Some(Filter::compile(b".rare").unwrap());
    assert!(found(&set, &Query { filter: rare, filter_ef: Some(1), ..base }).len() < 6);
}

#[test]
fn names_are_bytes_and_ranges_sorted() {
    let set = set(Quantization::Q8);
    for (seed, name) in ["b", "", "a\0", "a", "é"].iter().enumerate() {
        put(&set, name, &vector(seed as u64), None);
    }
    let range = |from, to, count| {
        let mut names = Vec::new();
        set.range(from, to, count, |name| names.push(String::from_utf8(name.to_vec()).unwrap()));
        names
    };
    assert_eq!(range(Bound::Unbounded, Bound::Unbounded, 9), ["", "a", "a\0", "b", "é"]);
    assert_eq!(range(Bound::Excluded(b"a"), Bound::Included(b"b"), 9), ["a\0", "b"]);
    assert_eq!(range(Bound::Included(b"a"), Bound::Unbounded, 2), ["a", "a\0"]);
    assert!(range(Bound::Included(b"b"), Bound::Included(b"a"), 9).is_empty());
    let mut seen = HashSet::new();
    set.random_distinct(4, |name| assert!(seen.insert(name.to_vec())));
    assert_eq!(seen.len(), 4);
    assert!(set.random(|name| set_contains(&seen, name) || name.is_some()));
}

fn set_contains(seen: &HashSet<Vec<u8>>, name: Option<&[u8]>) -> bool {
    name.is_some_and(|name| seen.contains(name))
}

#[derive(Debug, Clone)]
enum Op {
    Add(u8, u64, Option<String>),
    Remove(u8),
    SetAttributes(u8, String),
    Work,
    Reload(bool),
    Copy,
}

fn op() -> impl Strategy<Value = Op> {
    let json = || prop_oneof![Just(String::new()), (0..9u8).prop_map(|n| format!(r#"{{"n":{n}}}"#))];
    prop_oneof![
        6 => (0..40u8, 0..500u64, proptest::option::of(json())).prop_map(|(e, v, a)| Op::Add(e, v, a)),
        2 => (0..40u8).prop_map(Op::Remove),
        2 => (0..40u8, json()).prop_map(|(e, a)| Op::SetAttributes(e, a)),
        3 => Just(Op::Work),
        1 => any::<bool>().prop_map(Op::Reload),
        1 => Just(Op::Copy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_set_is_a_map_with_search(
        ops in proptest::collection::vec(op(), 1..200),
        quantization in proptest::sample::select(&[Quantization::None, Quantization::Q8, Quantization::Bin][..]),
    ) {
        let mut set = set(quantization);
        let mut model: BTreeMap<String, (u64, Option<String>)> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Add(e, v, a) => {
                    let name = e.to_string();
                    let added = put(&set, &name, &vector(v), a.as_deref());
                    let old = model.remove(&name);
                    prop_assert_eq!(added == Added::New, old.is_none());
                    let a = match (old, a) {
                        (Some(_), Some(a)) => Some(a).filter(|a| !a.is_empty()),
                        (Some(old), None) => old.1,
                        (None, a) => a,
                    };
                    model.insert(name, (v, a));
                }
                Op::Remove(e) => {
                    let name = e.to_string();
                    prop_assert_eq!(set.remove(name.as_bytes()), model.remove(&name).is_some());
                }
                Op::SetAttributes(e, a) => {
                    let name = e.to_string();
                    prop_assert_eq!(set.set_attributes(name.as_bytes(), a.as_bytes()), model.contains_key(&name));
                    if let Some(entry) = model.get_mut(&name) {
                        entry.1 = Some(a).filter(|a| !a.is_empty());
                    }
                }
                Op::Work => { set.work(); }
                Op::Reload(compact) if !model.is_empty() => {
                    let format = if compact { Format::Compact } else { Format::Redis };
                    set = VectorSet::decode(&mut &encoded(&set, format)[..], 0, usize::MAX).unwrap();
                    // An encoding knows no empty attributes.
                    model.values_mut().for_each(|(_, a)| *a = a.take().filter(|a| !a.is_empty()));
                }
                Op::Reload(_) => {}
                Op::Copy => {
                    let copy = set.copy();
                    prop_assert_eq!(digest(&copy), digest(&set));
                    set = copy;
                }
            }
            prop_assert_eq!(set.card(), model.len());
        }
        for (name, (v, a)) in &model {
            prop_assert_eq!(&attributes_of(&set, name), a);
            let expected = self::set(quantization);
            put(&expected, name, &vector(*v), None);
            prop_assert_eq!(set.raw_vector(name.as_bytes()), expected.raw_vector(name.as_bytes()));
        }
        prop_assert_eq!(set.info().attributes_count, model.values().filter(|(_, a)| a.is_some()).count());
        let query = Query { count: 100, ..set.query(Target::Vector(&vector(501))).unwrap() };
        let mut names: Vec<_> = found(&set, &query).into_iter().map(|hit| hit.0).collect();
        names.sort();
        prop_assert_eq!(&names, &model.keys().cloned().collect::<Vec<_>>());
        set.link_all();
        set.graph.check_invariants().unwrap();
    }
}

/// Searches meanwhile see each element once, with its own name, and attributes that were its own at some time.
#[test]
fn readers_see_whole_elements_while_they_change() {
    const ELEMENTS: u64 = 60;
    let set = set(Quantization::Q8);
    let name = |n: u64| format!("element {n}");
    let attributes = |n: u64, round: u64| format!(r#"{{"n":{n},"round":{round}}}"#);
    for n in 0..ELEMENTS {
        put(&set, &name(n), &vector(n), Some(&attributes(n, 0)));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let query = Query {
                    count: ELEMENTS as usize,
                    filter: Some(Filter::compile(b".n >= 0").unwrap()),
                    ..set.query(Target::Vector(&vector(77))).unwrap()
                };
                while !stop.load(Relaxed) {
                    set.search(&query, |hits| {
                        let mut seen = HashSet::new();
                        for hit in hits.iter() {
                            assert!(seen.insert(hit.element.to_vec()), "one element twice");
                            let number = std::str::from_utf8(hit.element).unwrap().strip_prefix("element ").unwrap();
                            let text = std::str::from_utf8(hit.attributes.unwrap()).unwrap();
                            assert!(text.starts_with(&format!(r#"{{"n":{number},"#)), "{number} {text}");
                        }
                    });
                    set.work();
                }
            });
        }
        for round in 1..3000 {
            let n = round % ELEMENTS;
            match round % 3 {
                0 => put(&set, &name(n), &vector(round), Some(&attributes(n, round))),
                1 => put(&set, &name(n), &vector(round), None),
                _ => {
                    set.remove(name(n).as_bytes());
                    put(&set, &name(n), &vector(round), Some(&attributes(n, round)))
                }
            };
            set.set_attributes(
                name(round * 7 % ELEMENTS).as_bytes(),
                attributes(round * 7 % ELEMENTS, round).as_bytes(),
            );
        }
        stop.store(true, Relaxed);
    });
    set.link_all();
    set.graph.check_invariants().unwrap();
    assert_eq!(set.card(), ELEMENTS as usize);
}

#[test]
fn what_was_removed_is_freed() {
    let set = set(Quantization::Q8);
    for n in 0..2000u64 {
        put(&set, &n.to_string(), &vector(n), Some(r#"{"a":1}"#));
    }
    set.link_all();
    let full = (set.names.memory(), set.attributes.memory());
    for n in 10..2000u64 {
        assert!(set.remove(n.to_string().as_bytes()));
    }
    set.link_all();
    let left = || {
        let guard = pin();
        (0..2000).filter(|&id| set.names.get(&guard, NodeId(id)).is_some()).count()
    };
    // Other tests pin for the time of a search only. A queue that held some of the names keeps room for 64.
    while left() > 10 || set.names.memory() + 1900 * 4 > full.0 + 64 * 24 {
        set.reclaim();
        std::thread::yield_now();
    }
    for n in 3000..4900u64 {
        put(&set, &n.to_string(), &vector(n), None);
    }
    assert!(set.graph.id_bound() <= 2000, "slots are used again");
}

/// A set that walks by coarse codes answers with the scores of one that does not, and is saved as the same bytes.
#[test]
fn coarse_codes_change_no_score_and_nothing_saved() {
    let mut rng = random::Rng::seeded(77);
    let mut vector = || -> Vec<f32> { (0..96).map(|_| rng.below(2001) as f32 - 1000.0).collect() };
    let of = |coarse_dim| VectorSet::new(&Add { coarse_dim, ..add(b"", &[0.0; 96]) }).unwrap();
    let (coarse, plain) = (of(96), of(97));
    for n in 0..1200 {
        let (vector, name) = (vector(), format!("e{n}"));
        for set in [&coarse, &plain] {
            set.add(&add(name.as_bytes(), &vector)).unwrap();
        }
    }
    for set in [&coarse, &plain] {
        while set.work() {}
    }
    assert_eq!(digest(&coarse), digest(&plain));
    assert!(coarse.memory_usage() > plain.memory_usage());
    let again = VectorSet::decode(&mut &encoded(&coarse, Format::Redis)[..], 0, 96).unwrap();
    let compact = VectorSet::decode(&mut &encoded(&coarse, Format::Compact)[..], 0, 96).unwrap();
    assert!((compact.memory_usage() as f64 / again.memory_usage() as f64 - 1.0).abs() < 0.02);
    let without = VectorSet::decode(&mut &encoded(&coarse, Format::Redis)[..], 0, usize::MAX).unwrap();
    for _ in 0..10 {
        let target = vector();
        let exact = Query { exact: true, count: 1200, ..plain.query(Target::Vector(&target)).unwrap() };
        let truth: BTreeMap<_, _> = found(&plain, &exact).into_iter().collect();
        for set in [&coarse, &again, &compact, &without] {
            let near = found(set, &Query { count: 10, ef: 100, ..set.query(Target::Vector(&target)).unwrap() });
            assert!(near.len() == 10 && near.iter().all(|(name, score)| truth[name] == *score), "{near:?}");
        }
    }
}

/// Only directions count, whatever the magnitude; and the vector comes back, as far as its code and a norm in single precision
/// have it.
#[test]
fn similarities_do_not_depend_on_magnitudes() {
    let direction = [1.0f32, 2.0, -3.0, 0.5, 0.0, 1.0];
    let sizes = [1e-44f32, 1e-40, 1e-25, 1e-19, 1.0, 1e18, 1e19, 1e30, 1e38];
    let sized = |size: f32| direction.map(|x| (f64::from(x) * f64::from(size)) as f32);
    for quantization in [Quantization::None, Quantization::Q8, Quantization::Bin] {
        let set = set(quantization);
        for size in sizes {
            put(&set, &format!("{size:e}"), &sized(size), None);
        }
        put(&set, "opposite", &sized(1e38).map(|x| -x), None);
        let targets = sizes.map(|size| Target::Vector(&*Box::leak(Box::new(sized(size)))));
        for target in
            targets.into_iter().chain([Target::Element(b"1e-40"), Target::Element(b"1e19"), Target::Element(b"1e38")])
        {
            let all = found(&set, &set.query(target).unwrap());
            let near = all.iter().filter(|(name, score)| name != "1e-44" && *score > 0.999);
            assert_eq!(near.count(), sizes.len() - 1, "{quantization:?} {all:?}");
            assert!(all.iter().all(|(name, score)| *score > 0.8 || name == "opposite"), "{quantization:?} {all:?}");
            if quantization != Quantization::Bin {
                assert!(all.iter().any(|(name, score)| name == "opposite" && *score < 0.001), "{all:?}");
            }
        }
        for size in sizes.into_iter().filter(|size| (1e-25..=1e30).contains(size)) {
            let got = set.vector(format!("{size:e}").as_bytes()).unwrap();
            for (got, want) in got.into_iter().zip(sized(size)) {
                let off = f64::from(got / size) - f64::from(want / size);
                assert!(quantization == Quantization::Bin || off.abs() < 0.02, "{quantization:?} {size} {got} {want}");
            }
        }
    }
    let inf = [f32::INFINITY, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(set(Quantization::Q8).add(&Add { m: 5, ..add(b"e", &inf) }), Err(Error::InvalidVector));
}

#[test]
fn large_vectors_are_reduced() {
    let set = VectorSet::new(&Add { reduce: Some(2), ..add(b"", &[0.0; 4]) }).unwrap();
    for size in [1.0f32, 1e38, 3e38] {
        let vector = [size, -size, size, -size / 2.0];
        let name = format!("{size:e}");
        set.add(&Add { reduce: Some(2), ..add(name.as_bytes(), &vector) }).unwrap();
    }
    let all = found(&set, &set.query(Target::Vector(&[3e38, -3e38, 3e38, -1.5e38])).unwrap());
    assert!(all.len() == 3 && all.iter().all(|(_, score)| *score > 0.999), "{all:?}");
}
