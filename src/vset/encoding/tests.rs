//! The encoding: round trips, every refusal, mutations, a file that must load for ever.

use super::elements::pair;
use super::*;
use crate::vset::{Add, Query, Target};
use proptest::prelude::*;

/// A payload as values, so that a test can change one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    U(u64),
    B(Vec<u8>),
}

#[derive(Default)]
struct Items(Vec<Item>);

impl Sink for Items {
    fn put_u64(&mut self, value: u64) {
        self.0.push(Item::U(value));
    }
    fn put_f32(&mut self, _: f32) {
        panic!("the encoding has no floats");
    }
    fn put_f64(&mut self, _: f64) {
        panic!("the encoding has no floats");
    }
    fn put_bytes(&mut self, value: &[u8]) {
        self.0.push(Item::B(value.to_vec()));
    }
}

struct Reading<'a>(&'a [Item]);

impl Reading<'_> {
    fn next(&mut self) -> Option<Item> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first.clone())
    }
}

impl Source for Reading<'_> {
    type Bytes = Vec<u8>;
    fn take_u64(&mut self) -> Result<u64, Corrupt> {
        match self.next() {
            Some(Item::U(value)) => Ok(value),
            _ => Err(Corrupt("no number here")),
        }
    }
    fn take_f32(&mut self) -> Result<f32, Corrupt> {
        Err(Corrupt("no float here"))
    }
    fn take_f64(&mut self) -> Result<f64, Corrupt> {
        Err(Corrupt("no double here"))
    }
    fn take_bytes(&mut self) -> Result<Vec<u8>, Corrupt> {
        match self.next() {
            Some(Item::B(value)) => Ok(value),
            _ => Err(Corrupt("no bytes here")),
        }
    }
}

pub(super) fn decode(items: &[Item]) -> Result<VectorSet, Corrupt> {
    let mut reading = Reading(items);
    let set = VectorSet::decode(&mut reading, VERSION, usize::MAX)?;
    assert!(reading.0.is_empty(), "all was read");
    Ok(set)
}

pub(super) fn items(set: &VectorSet, format: Format) -> Vec<Item> {
    let mut items = Items::default();
    set.encode(&mut items, format);
    items.0
}

/// A set of elements e0, e1, …, every third with attributes.
pub(super) fn sample(count: u64, quantization: Quantization, reduce: Option<usize>) -> VectorSet {
    let vector =
        |n: u64| -> Vec<f32> { (0..8).map(|i| (((n * 8 + i) * 2654435761 % 1000) as f32 - 500.0) / 100.0).collect() };
    let first = Add {
        element: b"",
        vector: &[0.0; 8],
        reduce,
        quantization,
        m: 6,
        ef: 50,
        attributes: None,
        coarse_dim: usize::MAX,
    };
    let set = VectorSet::new(&first).unwrap();
    for n in 0..count {
        let name = format!("e{n}").into_bytes();
        let attributes = format!(r#"{{"n":{n}}}"#);
        let attributes = (n % 3 == 0).then_some(attributes.as_bytes());
        let add = Add { element: &name, vector: &vector(n), attributes, ..first };
        set.add(&add).unwrap();
    }
    set
}

pub(super) fn answers(set: &VectorSet, vector: &[f32]) -> Vec<(Vec<u8>, f64)> {
    let query = Query { count: 20, exact: true, ..set.query(Target::Vector(vector)).unwrap() };
    set.search(&query, |hits| hits.iter().map(|hit| (hit.element.to_vec(), hit.score)).collect())
}

pub(super) const FORMATS: [Format; 2] = [Format::Redis, Format::Compact];
pub(super) const QUANTIZATIONS: [Quantization; 3] = [Quantization::None, Quantization::Q8, Quantization::Bin];

/// Large sets are read by several threads: the same set, the same refusals, wherever the fault stands.
#[test]
fn a_large_set_comes_back_as_it_was() {
    let count = 2 * ALONE;
    let set = sample(count, Quantization::Q8, None);
    for format in FORMATS {
        let first = items(&set, format);
        let back = decode(&first).unwrap();
        back.graph.check_invariants().unwrap();
        assert_eq!((back.card() as u64, back.info().max_node_uid), (count, count));
        for n in 0..count {
            let name = format!("e{n}").into_bytes();
            assert!(back.raw_vector(&name) == set.raw_vector(&name));
            back.with_attributes(&name, |mine| set.with_attributes(&name, |theirs| assert_eq!(mine, theirs)));
        }
        // Of Redis's strings, only codes have a length that is wrong when it is another.
        let places = first.iter().enumerate().filter(|(_, item)| match item {
            Item::B(bytes) => format == Format::Compact || bytes.len() == 8,
            Item::U(_) => false,
        });
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        for place in [places[0], places[places.len() / 2], places[places.len() - 1]] {
            let mut bad = first.clone();
            if let Item::B(bytes) = &mut bad[place] {
                bytes.pop();
            }
            assert!(decode(&bad).is_err() && decode(&first[..place]).is_err());
        }
    }
}

#[test]
fn a_set_comes_back_as_it_was() {
    for (quantization, format) in QUANTIZATIONS.into_iter().flat_map(|kind| FORMATS.map(|format| (kind, format))) {
        for reduce in [None, Some(3)] {
            let set = sample(300, quantization, reduce);
            let first = items(&set, format);
            let back = decode(&first).unwrap();
            back.graph.check_invariants().unwrap();
            assert_eq!(back.info().attributes_count, 100);
            assert_eq!(back.info().max_node_uid, 300);
            assert_eq!((back.info().max_level, back.dim()), (set.info().max_level, set.dim()));
            for n in 0..300 {
                let name = format!("e{n}");
                assert_eq!(back.raw_vector(name.as_bytes()), set.raw_vector(name.as_bytes()));
                let links = |set: &VectorSet| {
                    set.with_links(name.as_bytes(), |levels| {
                        let names = |level: &Vec<crate::vset::Link>| {
                            let mut names: Vec<_> = level.iter().map(|link| link.element.to_vec()).collect();
                            names.sort();
                            names
                        };
                        levels.unwrap().iter().map(names).collect::<Vec<_>>()
                    })
                };
                assert_eq!(links(&back), links(&set));
            }
            let query: Vec<f32> = (0..8).map(|i| i as f32 - 3.5).collect();
            let sorted = |mut answers: Vec<(Vec<u8>, f64)>| {
                answers.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                answers.into_iter().map(|a| a.1).collect::<Vec<_>>()
            };
            assert_eq!(sorted(answers(&back, &query)), sorted(answers(&set, &query)));
        }
    }
}

/// What Redis checks when it loads.
#[test]
fn what_is_written_satisfies_redis() {
    let written = items(&sample(200, Quantization::Q8, None), Format::Redis);
    let mut reading = Reading(&written);
    let mut number = || reading.take_u64();
    assert_eq!((number(), number(), number(), number()), (Ok(8), Ok(200), Ok(1 | 6 << 8), Ok(2)));
    let mut links = std::collections::HashMap::new();
    for _ in 0..200 {
        for _ in 0..3 {
            reading.take_bytes().unwrap();
        }
        let count = reading.take_u64().unwrap();
        let params: Vec<u64> = (0..count).map(|_| reading.take_u64().unwrap()).collect();
        let (id, level) = (params[0], params[1] & 0xff);
        assert!(id > 0 && level <= 15 && params[1] >> 24 == 1);
        let mut at = 2;
        for level in 0..=level {
            let (count, room) = (params[at] as usize, params[at + 1]);
            assert!(count as u64 <= room && room <= 16_384);
            let list = &params[at + 2..at + 2 + count];
            let worst = params[at + 2 + count];
            assert!(count == 0 && worst == 0 || ((worst & 0xffff_ffff) as usize) < count);
            assert!(links.insert((id, level), list.to_vec()).is_none());
            at += 3 + count;
        }
        assert_eq!(at + 1, params.len());
    }
    for ((id, level), list) in &links {
        assert!(list.iter().all(|other| other != id && links[&(*other, *level)].contains(id)), "mutual");
        assert!(list.iter().collect::<std::collections::HashSet<_>>().len() == list.len(), "each once");
    }
}

/// Two linked elements: where everything stands is known.
fn two() -> Vec<Item> {
    let element = |name: &str, number: u64, other: u64| {
        let l2 = pair(1.0f32.to_bits(), 1.0f32.to_bits());
        [
            vec![Item::B(name.into()), Item::B(b"{}".to_vec()), Item::B(vec![127, 0, 0, 1]), Item::U(7)],
            vec![Item::U(number), Item::U(1 << 24), Item::U(1), Item::U(32), Item::U(other), Item::U(0), Item::U(l2)],
        ]
        .concat()
    };
    [vec![Item::U(4), Item::U(2), Item::U(1 | 16 << 8), Item::U(2)], element("a", 5, 9), element("b", 9, 5)].concat()
}

#[test]
fn every_refusal() {
    assert!(decode(&two()).is_ok());
    let quiet_nan = u64::from(f32::NAN.to_bits());
    let table: &[(&str, usize, Item)] = &[
        ("dimension 0", 0, Item::U(0)),
        ("dimension above the greatest", 0, Item::U(65_537)),
        ("dimension beyond the address space", 0, Item::U(u64::MAX)),
        ("no elements", 1, Item::U(0)),
        ("fewer elements than links name", 1, Item::U(1)),
        ("more elements than there are", 1, Item::U(3)),
        ("more elements than ids", 1, Item::U(u64::MAX)),
        ("unknown quantization", 2, Item::U(3 | 16 << 8)),
        ("quantization that changes the length", 2, Item::U(16 << 8)),
        ("m 1", 2, Item::U(1 | 1 << 8)),
        ("m 5000", 2, Item::U(1 | 5000 << 8)),
        ("bits above m", 2, Item::U(1 | 16 << 8 | 1 << 24)),
        ("unknown flags", 3, Item::U(2 | 4)),
        ("projection without a matrix", 3, Item::U(1 | 2)),
        ("attributes where the flag says none", 3, Item::U(0)),
        ("name of another", 15, Item::B(b"a".to_vec())),
        ("vector too short", 6, Item::B(vec![127, 0, 0])),
        ("vector too long", 6, Item::B(vec![127, 0, 0, 1, 0])),
        ("a code that quantizing does not give", 6, Item::B(vec![0x80, 0, 0, 1])),
        ("too few parameters", 7, Item::U(6)),
        ("no parameters", 7, Item::U(0)),
        ("number 0", 8, Item::U(0)),
        ("number used twice", 8, Item::U(9)),
        ("number that no link means", 8, Item::U(6)),
        ("level without lists", 9, Item::U(1 | 1 << 24)),
        ("level 16", 9, Item::U(16 | 1 << 24)),
        ("level 255", 9, Item::U(255 | 1 << 24)),
        ("bits above the level", 9, Item::U(1 << 24 | 1 << 8)),
        ("node version 2", 9, Item::U(2 << 24)),
        ("node version beyond a byte", 9, Item::U(1 << 24 | 1 << 40)),
        ("version 0 has no farthest link", 9, Item::U(0)),
        ("fewer links than there are", 10, Item::U(0)),
        ("more links than parameters", 10, Item::U(2)),
        ("links beyond the room", 11, Item::U(0)),
        ("too much room", 11, Item::U(16_385)),
        ("link to itself", 12, Item::U(5)),
        ("link to nobody", 12, Item::U(77)),
        ("place beyond the list", 13, Item::U(1)),
        ("norm that is no number", 14, Item::U(pair(1.0f32.to_bits(), f32::NAN.to_bits()))),
        ("norm that is infinite", 14, Item::U(pair(1.0f32.to_bits(), f32::INFINITY.to_bits()))),
        ("negative norm", 14, Item::U(pair(1.0f32.to_bits(), (-1.0f32).to_bits()))),
        ("range that is no number", 14, Item::U(quiet_nan << 32 | u64::from(1.0f32.to_bits()))),
        ("range beyond 1", 14, Item::U(pair(3.0f32.to_bits(), 1.0f32.to_bits()))),
    ];
    for (what, at, item) in table {
        let mut changed = two();
        changed[*at] = item.clone();
        assert!(decode(&changed).is_err(), "{what}");
    }
    let (good, version) = (two(), VERSION + 1);
    assert_eq!(VectorSet::decode(&mut Reading(&good), version, usize::MAX).unwrap_err(), Corrupt("version"));
    for end in 0..good.len() {
        assert!(decode(&good[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn what_is_odd_but_sound_loads() {
    let mut odd = two();
    odd[2] = Item::U(1); // m 0 means 16
    assert_eq!(decode(&odd).unwrap().info().m, 16);
    let mut odd = two();
    odd[14] = Item::U(u64::from(1.0f32.to_bits())); // range 0
    assert!(decode(&odd).is_ok());
    let mut extra = two();
    extra[7] = Item::U(8);
    extra.insert(15, Item::U(12_345));
    assert!(decode(&extra).is_ok(), "what a later version adds");
    let mut old = two();
    for at in [20, 9] {
        old[at] = Item::U(0);
        old.remove(at + 4);
        old[at - 2] = Item::U(6);
    }
    assert!(decode(&old).is_ok(), "nodes of version 0");
}

#[test]
fn vectors_must_be_normalized() {
    let float = |x: f32| {
        let mut items = vec![Item::U(1), Item::U(1), Item::U(16 << 8), Item::U(0), Item::B(b"a".to_vec())];
        items.push(Item::B(x.to_le_bytes().to_vec()));
        items.extend([4 + 2, 1, 1 << 24, 0, 32, 0, u64::from(1.0f32.to_bits())].map(Item::U));
        decode(&items)
    };
    assert!(float(1.0).is_ok() && float(-1.0).is_ok() && float(0.0).is_ok());
    assert!([f32::NAN, f32::INFINITY, 2.0, -1e20].iter().all(|&x| float(x).is_err()));
    let bits = |byte: u8| {
        let mut items = vec![Item::U(3), Item::U(1), Item::U(2 | 16 << 8), Item::U(0), Item::B(b"a".to_vec())];
        items.push(Item::B(vec![byte, 0, 0, 0, 0, 0, 0, 0]));
        items.extend([4 + 2, 1, 1 << 24, 0, 32, 0, u64::from(1.0f32.to_bits())].map(Item::U));
        decode(&items)
    };
    assert!(bits(0b111).is_ok() && bits(0b1000).is_err());
}

#[test]
fn lists_longer_than_the_room_are_cut_at_both_ends() {
    // A wheel: one center linked to 40 others, each of them to the next, with m 4, so room for 8.
    let mut star = vec![Item::U(2), Item::U(41), Item::U(1 | 4 << 8), Item::U(0)];
    for n in 1..=41u64 {
        let links: Vec<u64> = if n == 1 { (2..=41).collect() } else { vec![1, (n + 37) % 40 + 2, (n - 1) % 40 + 2] };
        star.extend([Item::B(n.to_string().into_bytes()), Item::B(vec![127, n as u8])]);
        star.extend([6 + links.len() as u64, n, 1 << 24, links.len() as u64, 100].map(Item::U));
        star.extend(links.iter().map(|&link| Item::U(link)));
        star.extend([0, pair(1.0f32.to_bits(), 1.0f32.to_bits())].map(Item::U));
    }
    let set = decode(&star).unwrap();
    set.graph.check_invariants().unwrap();
    assert_eq!(set.with_links(b"1", |levels| levels.unwrap()[0].len()), 8);
    assert_eq!(answers(&set, &[1.0, 0.5]).len(), 20);
}

/// Whom links do not lead to is linked anew: such a graph was saved beside many nodes that were removed.
#[test]
fn what_is_badly_linked_is_linked_anew() {
    // A star, the center of which has room for 8 of its 40 links; and nobody linked to anybody.
    for center in [true, false] {
        let mut star = vec![Item::U(2), Item::U(41), Item::U(1 | 4 << 8), Item::U(0)];
        for n in 1..=41u64 {
            let links: Vec<u64> = if !center {
                vec![]
            } else if n == 1 {
                (2..=41).collect()
            } else {
                vec![1]
            };
            star.extend([Item::B(n.to_string().into_bytes()), Item::B(vec![127, n as u8])]);
            star.extend([6 + links.len() as u64, n, 1 << 24, links.len() as u64, 100].map(Item::U));
            star.extend(links.iter().map(|&link| Item::U(link)));
            star.extend([0, pair(1.0f32.to_bits(), 1.0f32.to_bits())].map(Item::U));
        }
        let set = decode(&star).unwrap();
        set.graph.check_invariants().unwrap();
        assert!(set.tail_len() >= 40 && set.card() == 41);
        set.link_all();
        assert_eq!(set.graph.check_invariants().unwrap().reachable, 41);
    }
}

/// Files written by the first version of each format; they must load for ever.
#[test]
fn the_golden_files_load() {
    let golden: [&[u8]; 2] = [
        include_bytes!("../../../tests/data/vset-encoding-0.bin"),
        include_bytes!("../../../tests/data/vset-encoding-0-compact-1.bin"),
    ];
    for mut golden in golden {
        let set = VectorSet::decode(&mut golden, VERSION, usize::MAX).unwrap();
        let expected = sample(40, Quantization::Q8, Some(5));
        for n in 0..40 {
            let name = format!("e{n}");
            assert_eq!(set.raw_vector(name.as_bytes()), expected.raw_vector(name.as_bytes()));
        }
        assert_eq!(set.info().attributes_count, 14);
        assert_eq!(set.info().projection_input_dim, 8);
        set.graph.check_invariants().unwrap();
    }
}

proptest! {
    #[test]
    fn mutations_are_refused_or_give_a_sound_set(
        at in 0usize..40, item in prop_oneof![
            (0u64..70).prop_map(Item::U), any::<u64>().prop_map(Item::U),
            proptest::collection::vec(any::<u8>(), 0..6).prop_map(Item::B),
        ], remove in any::<bool>(), second in proptest::option::of((0usize..40, 0u64..40)),
    ) {
        let mut mutated = two();
        let at = at % mutated.len();
        if remove { mutated.remove(at); } else { mutated[at] = item; }
        if let Some((at, value)) = second {
            let at = at % mutated.len();
            mutated[at] = Item::U(value);
        }
        if let Ok(set) = VectorSet::decode(&mut Reading(&mutated), VERSION, usize::MAX) {
            set.graph.check_invariants().unwrap();
            prop_assert_eq!(VectorSet::decode(&mut Reading(&items(&set, Format::Redis)), VERSION, usize::MAX).unwrap().card(), set.card());
        }
    }

    #[test]
    fn mutated_bytes_never_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = Vec::new();
        sample(12, Quantization::Q8, None).encode(&mut bytes, Format::Redis);
        for (at, to) in flips {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        if let Ok(set) = VectorSet::decode(&mut &bytes[..], VERSION, usize::MAX) {
            set.graph.check_invariants().unwrap();
            answers(&set, &vec![1.0; set.dim()]);
        }
    }
}

/// Writes the golden files; run by hand when a format gets a new version: `cargo test golden_files_are_written -- --ignored`.
#[test]
#[ignore = "writes tests/data"]
fn the_golden_files_are_written() {
    for (format, name) in [(Format::Redis, "vset-encoding-0"), (Format::Compact, "vset-encoding-0-compact-1")] {
        let mut bytes = Vec::new();
        sample(40, Quantization::Q8, Some(5)).encode(&mut bytes, format);
        std::fs::write(format!("tests/data/{name}.bin"), bytes).unwrap();
    }
}
