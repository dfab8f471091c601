//! Our own format: what comes back is what was written, to the byte; every refusal; mutations.

use super::super::tests::{FORMATS, Item, QUANTIZATIONS, answers, decode, items, sample};
use super::super::{FORM, Format, MARK, VERSION};
use super::*;
use crate::vset::Quantization;
use proptest::prelude::*;

/// A set with holes among its nodes.
fn worn(quantization: Quantization, reduce: Option<usize>) -> VectorSet {
    let set = sample(400, quantization, reduce);
    set.link_all();
    (0..400).step_by(7).for_each(|n| assert!(set.remove(format!("e{n}").as_bytes())));
    set
}

#[test]
fn what_was_loaded_is_written_again_byte_by_byte() {
    for quantization in QUANTIZATIONS {
        for reduce in [None, Some(3)] {
            let set = worn(quantization, reduce);
            set.link_all();
            let written = items(&set, Format::Compact);
            let back = decode(&written).unwrap();
            back.graph.check_invariants().unwrap();
            assert!(items(&back, Format::Compact) == written);
            assert_eq!(back.info().max_node_uid, 400);
            // Entry point, links and ties are the same, so a walk takes the same steps.
            let query: Vec<f32> = (0..8).map(|i| i as f32 - 3.5).collect();
            for exact in [false, true] {
                let ask = |set: &VectorSet| {
                    let query = crate::vset::Query {
                        count: 20,
                        ef: 20,
                        exact,
                        ..set.query(crate::vset::Target::Vector(&query)).unwrap()
                    };
                    set.search(&query, |hits| {
                        hits.iter().map(|hit| (hit.element.to_vec(), hit.score)).collect::<Vec<_>>()
                    })
                };
                assert_eq!(ask(&back), ask(&set));
            }
            let name = |set: &VectorSet| set.graph.entry().map(|id| set.names(&pin()).get(id).to_vec());
            assert_eq!(name(&back), name(&set));
            assert!(items(&set.copy(), Format::Compact) == written, "a copy is the same too");
        }
    }
}

#[test]
fn both_formats_have_the_same_elements() {
    let set = worn(Quantization::Q8, None);
    let [redis, compact] = FORMATS.map(|format| decode(&items(&set, format)).unwrap());
    for n in 0..400 {
        let name = format!("e{n}").into_bytes();
        assert_eq!(redis.raw_vector(&name), compact.raw_vector(&name));
        let links = |set: &VectorSet| {
            set.with_links(&name, |levels| {
                let names = |level: &Vec<crate::vset::Link>| {
                    level.iter().map(|link| (link.element.to_vec(), link.score)).collect::<Vec<_>>()
                };
                levels.map(|levels| levels.iter().map(names).collect::<Vec<_>>())
            })
        };
        assert_eq!(links(&compact), links(&set));
    }
    let bytes = |format| items(&set, format).iter().map(|item| if let Item::B(b) = item { b.len() } else { 8 }).sum();
    let [redis, compact]: [usize; 2] = FORMATS.map(bytes);
    assert!(compact < redis / 2, "{compact} bytes, not {redis}");
}

#[test]
fn elements_larger_than_a_block_and_of_every_width_come_back() {
    for count in [1, 2, 256, 257, 300] {
        let set = sample(count, Quantization::Bin, None);
        let large = format!(r#"{{"x":"{}"}}"#, "y".repeat(BLOCK));
        assert!(set.set_attributes(b"e0", large.as_bytes()));
        let back = decode(&items(&set, Format::Compact)).unwrap();
        assert_eq!(back.card() as u64, count);
        back.with_attributes(b"e0", |attributes| assert_eq!(attributes, Some(large.as_bytes())));
    }
    let widths = [1, 2, 256, 257, 65_536, 65_537, 1 << 24, (1 << 24) + 1].map(width);
    assert_eq!(widths, [1, 1, 1, 2, 2, 3, 3, 4]);
}

#[test]
fn varints_come_back() {
    for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX as usize, usize::MAX] {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        let mut rest = Bytes(&bytes);
        assert_eq!((rest.varint(), rest.0.len()), (Ok(value), 0));
        assert!((0..bytes.len()).all(|end| Bytes(&bytes[..end]).varint().is_err()));
    }
    assert!(Bytes(&[0xff; 20]).varint().is_err());
    assert!(Bytes(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]).varint().is_err(), "beyond 64 bits");
}

/// Bytes of a node of [`two`].
const NODE: usize = 16;

/// Two linked elements: where everything stands is known.
fn two() -> Vec<Item> {
    let node = |other: u8| {
        let one = 1.0f32.to_le_bytes();
        [&one[..], &one, &[0], &[127, 0, 0, 1], &1u16.to_le_bytes(), &[other]].concat()
    };
    let header = [MARK, FORM, 4, 2, 1 | 16 << 8, 3, 4].map(Item::U);
    let matrix: Vec<u8> = (0..16u32).flat_map(|at| (if at % 5 == 0 { 1.0f32 } else { 0.0 }).to_le_bytes()).collect();
    let block = [[node(1), node(0)].concat(), b"\x01a\x01b".to_vec(), b"\x02{}\x00".to_vec()].map(Item::B);
    [header.to_vec(), vec![Item::B(matrix)], [1, 9, 2].map(Item::U).to_vec(), block.to_vec()].concat()
}

#[test]
fn every_refusal() {
    let good = two();
    let set = decode(&good).unwrap();
    assert_eq!((set.info().max_node_uid, set.info().attributes_count), (9, 1));
    let wrong: &[(&str, usize, u64)] = &[
        ("form 0", 1, 0),
        ("a later form", 1, 2),
        ("dimension 0", 2, 0),
        ("dimension above the greatest", 2, 65_537),
        ("no elements", 3, 0),
        ("fewer elements than a block has", 3, 1),
        ("more elements than there are", 3, 3),
        ("more elements than ids", 3, u64::MAX),
        ("unknown quantization", 4, 3 | 16 << 8),
        ("quantization that changes the length", 4, 16 << 8),
        ("m 1", 4, 1 | 1 << 8),
        ("unknown flags", 5, 3 | 4),
        ("a matrix where the flag says none", 5, 2),
        ("entry point behind the last", 8, 2),
        ("entry point beyond ids", 8, 1 << 32),
        ("fewer nodes than elements", 9, 1),
        ("an empty block", 10, 0),
        ("a block of fewer elements", 10, 1),
        ("a block of more elements", 10, 3),
        ("a block of very many elements", 10, u64::MAX),
    ];
    for &(what, at, value) in wrong {
        let mut changed = good.clone();
        changed[at] = Item::U(value);
        assert!(decode(&changed).is_err(), "{what}");
    }
    for end in 0..good.len() {
        assert!(decode(&good[..end]).is_err(), "cut at {end}");
    }
    for at in [11, 12, 13] {
        let Item::B(bytes) = &good[at] else { panic!("bytes") };
        for end in 0..bytes.len() {
            let mut changed = good.clone();
            changed[at] = Item::B(bytes[..end].to_vec());
            assert!(decode(&changed).is_err(), "{at} cut at {end}");
        }
        let mut changed = good.clone();
        changed[at] = Item::B([bytes, &b"\0"[..]].concat());
        assert!(decode(&changed).is_err(), "{at} and a byte more");
    }
}

#[test]
fn every_refusal_within_a_block() {
    let quiet_nan = f32::NAN.to_le_bytes();
    let wrong: &[(&str, usize, usize, &[u8])] = &[
        ("norm that is no number", 11, 0, &quiet_nan),
        ("norm that is infinite", 11, 0, &f32::INFINITY.to_le_bytes()),
        ("negative norm", 11, 0, &(-1.0f32).to_le_bytes()),
        ("norm 0", 11, 0, &[0; 4]),
        ("range that is no number", 11, 4, &quiet_nan),
        ("range beyond 1", 11, 4, &3.0f32.to_le_bytes()),
        ("negative range", 11, 4, &(-0.5f32).to_le_bytes()),
        ("level without lists", 11, 8, &[1]),
        ("level 16", 11, 8, &[16]),
        ("level 255", 11, 8, &[255]),
        ("a code that quantizing does not give", 11, 9, &[0x80]),
        ("fewer links than there are", 11, 13, &[0, 0]),
        ("more links than there are", 11, 13, &[2, 0]),
        ("many more links", 11, 13, &[255, 255]),
        ("link to itself", 11, 15, &[0]),
        ("link to nobody", 11, 15, &[2]),
        ("link of the second to itself", 11, NODE + 15, &[1]),
        ("link of the second to nobody", 11, NODE + 15, &[255]),
        ("a longer name", 12, 0, &[2]),
        ("a shorter name", 12, 0, &[0]),
        ("a very long name", 12, 0, &[0xff]),
        ("name of another", 12, 1, b"b"),
        ("longer attributes", 13, 0, &[3]),
        ("shorter attributes", 13, 0, &[1]),
    ];
    for &(what, item, at, bytes) in wrong {
        let mut changed = two();
        let Item::B(block) = &mut changed[item] else { panic!("bytes") };
        block[at..at + bytes.len()].copy_from_slice(bytes);
        assert!(decode(&changed).is_err(), "{what}");
    }
}

/// Three elements, the first with these links.
fn first_links(links: &[u8]) -> Result<VectorSet, Corrupt> {
    let node = |links: &[u8]| {
        let one = 1.0f32.to_le_bytes();
        [&one[..], &one, &[0], &[127, 0, 0, 1], &(links.len() as u16).to_le_bytes(), links].concat()
    };
    let mut items = [MARK, FORM, 4, 3, 1 | 4 << 8, 0, 0, 3, 3].map(Item::U).to_vec();
    items.push(Item::B([node(links), node(&[0, 2]), node(&[0, 1])].concat()));
    items.push(Item::B(b"\x01a\x01b\x01c".to_vec()));
    decode(&items)
}

#[test]
fn links_ascend_and_have_room() {
    assert!(first_links(&[1, 2]).is_ok());
    let wrong: &[&[u8]] = &[&[2, 1], &[1], &[], &[1, 1], &[1, 2, 2], &[1, 2, 3], &[0, 1, 2], &[1; 9], &[1; 300]];
    wrong.iter().for_each(|links| assert!(first_links(links).is_err(), "{links:?}"));
}

proptest! {
    #[test]
    fn mutated_bytes_are_refused_or_give_a_sound_set(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        quantization in proptest::sample::select(&QUANTIZATIONS[..]),
    ) {
        let mut bytes = Vec::new();
        sample(12, quantization, None).encode(&mut bytes, Format::Compact);
        for (at, to) in flips {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        if let Ok(set) = VectorSet::decode(&mut &bytes[..], VERSION, usize::MAX) {
            set.graph.check_invariants().unwrap();
            answers(&set, &vec![1.0; set.dim()]);
            let again = decode(&items(&set, Format::Compact)).unwrap();
            prop_assert_eq!(again.card(), set.card());
        }
    }
}
