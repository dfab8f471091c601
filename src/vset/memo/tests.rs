//! What is remembered, how long, and what it takes.

use super::*;
use crate::vset::tests::{found, put, set, vector};
use crate::vset::{Quantization, Query, Target, VectorSet};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Enough elements for filters to be remembered.
const ELEMENTS: u64 = 600;

fn filter(expression: &str) -> Filter {
    Filter::compile(expression.as_bytes()).unwrap()
}

fn name(n: u64) -> String {
    format!("element {n}")
}

fn numbered() -> VectorSet {
    let set = set(Quantization::Q8);
    for n in 0..ELEMENTS {
        put(&set, &name(n), &vector(n), Some(&format!(r#"{{"n":{n}}}"#)));
    }
    set
}

fn query(set: &VectorSet, expression: &str, count: usize) -> Query {
    Query { filter: Some(filter(expression)), count, ..set.query(Target::Vector(&vector(77))).unwrap() }
}

fn names(set: &VectorSet, query: &Query) -> BTreeSet<String> {
    found(set, query).into_iter().map(|hit| hit.0).collect()
}

#[test]
fn a_rare_filter_is_remembered_at_once_and_a_common_one_when_it_pays() {
    let set = numbered();
    let rare = query(&set, ".n < 10", 10);
    let slow = set.estimate(&rare);
    assert_eq!(names(&set, &rare).len(), 10);
    assert_eq!(set.memo.find(&filter(".n < 10")).map(|passing| passing.len()), Some(10));
    assert!(set.estimate(&rare) < slow / 10, "who places the search knows it too");
    set.link_all();
    let common = Query { ef: 10, ..query(&set, ".n >= 10", 10) };
    let mut searches = 0;
    while !set.has_to_learn(&common) {
        set.learn(&common, None);
        assert!(set.memo.find(&filter(".n >= 10")).is_none());
        assert_eq!(names(&set, &common).len(), 10);
        searches += 1;
        assert!(searches < ELEMENTS);
    }
    set.learn(&common, None);
    assert!(!set.has_to_learn(&common));
    assert_eq!(set.memo.find(&filter(".n >= 10")).map(|passing| passing.len()), Some(ELEMENTS as usize - 10));
    assert_eq!(names(&set, &common).len(), 10);
}

#[test]
fn an_effort_that_is_bounded_stays_so() {
    let set = numbered();
    set.link_all();
    let bounded = Query { filter_ef: Some(1), ..query(&set, ".n % 100 == 7", 50) };
    assert!(names(&set, &bounded).len() < 6);
    assert!(set.memo.find(&filter(".n % 100 == 7")).is_none());
    assert_eq!(names(&set, &Query { filter_ef: None, ..bounded.clone() }).len(), 6);
    assert!(names(&set, &bounded).len() < 6, "though it is known who passes");
}

#[test]
fn what_is_too_far_behind_is_forgotten() {
    let set = numbered();
    let rare = query(&set, ".n < 10", 10);
    names(&set, &rare);
    let full = set.memo.memory();
    for n in 0..3 * ELEMENTS {
        assert!(set.set_attributes(name(n % ELEMENTS).as_bytes(), br#"{"n":1000}"#));
    }
    while set.work() {}
    assert!(set.memo.find(&filter(".n < 10")).is_none());
    assert!(set.memo.memory() < full);
    assert!(names(&set, &rare).is_empty());
    assert!(set.set_attributes(name(5).as_bytes(), br#"{"n":5}"#));
    assert_eq!(names(&set, &rare), [name(5)].into());
}

/// Where many pass, searches walk and ask few; but with another expression each, nothing that was learned of one serves the next.
#[test]
fn columns_come_when_walks_ask_many_with_other_expressions() {
    let set = numbered();
    set.link_all();
    let ask = |n: u64| Query { ef: 10, ..query(&set, &format!(".n >= 10 and .n != {n}"), 10) };
    let mut searches = 0;
    while !set.has_to_learn(&ask(searches)) {
        assert_eq!(names(&set, &ask(searches)).len(), 10);
        set.learn(&ask(searches), None);
        assert!(set.memo.column(b"n").is_none());
        searches += 1;
        assert!(searches < ELEMENTS);
    }
    set.learn(&ask(searches), None);
    let column = set.memo.column(b"n").expect("columns are made");
    assert!(set.memo.bytes.load(Relaxed) >= column.memory());
    let last = ask(searches + 1);
    assert_eq!(names(&set, &last).len(), 10);
    assert!(!set.has_to_learn(&last));
    let remembered = set.memo.find(&filter(&format!(".n >= 10 and .n != {}", searches + 1)));
    let passing = (0..ELEMENTS).filter(|&n| n >= 10 && n != searches + 1).count();
    assert_eq!(remembered.map(|passing| passing.len()), Some(passing), "by columns, all were asked");
}

#[test]
fn thousands_of_expressions_take_their_share_and_no_more() {
    let set = numbered();
    for n in 0..3000 {
        let tenant = query(&set, &format!(".n == {n}"), 10);
        assert_eq!(names(&set, &tenant).len(), usize::from(n < ELEMENTS));
        assert!(set.memo.bytes.load(Relaxed) <= LEAST_BYTES + 4 * MOST * size_of::<Entry>());
        let table = set.memo.table().unwrap();
        assert!(table.bytes <= LEAST_BYTES && table.entries.len() <= MOST);
        assert_eq!(table.bytes, table.entries.iter().map(Entry::memory).sum::<usize>());
    }
    assert!(set.memo.find(&filter(".n == 2999")).is_some() && set.memo.find(&filter(".n == 1")).is_none());
    let parts = set.memory_by_part();
    assert!(parts.iter().any(|&(part, bytes)| part == "filters" && bytes == set.memo.memory()));
}

#[test]
fn columns_come_with_many_expressions_and_go_when_nobody_asks() {
    let set = numbered();
    let ask = |n: u64| names(&set, &query(&set, &format!(".n == {n} or .n == 599"), 10)).len();
    for n in 0..OFTEN as u64 {
        assert_eq!(ask(n), 2);
        assert!(set.memo.column(b"n").is_none());
    }
    let (slow, before) = (set.estimate(&query(&set, ".n == 300", 10)), set.memo.memory());
    assert_eq!(ask(100), 2);
    let column = set.memo.column(b"n").unwrap();
    assert!(set.memo.memory() >= before + column.memory());
    assert!(set.estimate(&query(&set, ".n == 300", 10)) < slow / 2, "who places the search knows it too");
    for field in ["a", "b", "c", "d"] {
        assert!(names(&set, &query(&set, &format!(".{field} == 1"), 10)).is_empty());
    }
    assert_eq!(set.memo.table().unwrap().columns.len(), COLUMNS);
    assert!(set.memo.column(b"n").is_none(), "it was used longest ago");
    for n in 0..3 * ELEMENTS {
        assert!(set.set_attributes(name(n % ELEMENTS).as_bytes(), br#"{"n":1000}"#));
    }
    while set.work() {}
    assert!(set.memo.table().unwrap().columns.is_empty());
    assert!(set.set_attributes(name(7).as_bytes(), br#"{"n":5}"#));
    assert_eq!((ask(5), set.memo.column_behind(b"n")), (1, Some(0)));
}

#[derive(Debug, Clone)]
enum Op {
    Add(u64, u64, Option<u8>),
    Remove(u64),
    SetAttributes(u64, Option<u8>),
    Churn(u64),
    Work,
    Search(usize, bool),
    /// With an expression that was never seen.
    Fresh(u8, bool),
}

fn op() -> impl Strategy<Value = Op> {
    let element = || 0..ELEMENTS + 100;
    prop_oneof![
        4 => (element(), 0..500u64, proptest::option::of(0..9u8)).prop_map(|(e, v, a)| Op::Add(e, v, a)),
        3 => element().prop_map(Op::Remove),
        4 => (element(), proptest::option::of(0..9u8)).prop_map(|(e, a)| Op::SetAttributes(e, a)),
        1 => (0..400u64).prop_map(Op::Churn),
        2 => Just(Op::Work),
        6 => (0..9u8, any::<bool>()).prop_map(|(a, x)| Op::Fresh(a, x)),
        8 => (0..EXPRESSIONS.len(), any::<bool>()).prop_map(|(e, x)| Op::Search(e, x)),
    ]
}

type Accept = fn(u8) -> bool;
const EXPRESSIONS: [(&str, Accept); 4] =
    [(".a == 3", |a| a == 3), (".a in [1, 7]", |a| a == 1 || a == 7), (".a >= 2", |a| a >= 2), (".b", |_| false)];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever happens between searches, each finds exactly those that pass by then.
    #[test]
    fn searches_find_what_a_model_has(ops in proptest::collection::vec(op(), 1..120)) {
        let set = set(Quantization::Q8);
        let mut model: BTreeMap<u64, Option<u8>> = BTreeMap::new();
        let json = |a: Option<u8>| a.map(|a| format!(r#"{{"a":{a}}}"#));
        for n in 0..ELEMENTS {
            put(&set, &name(n), &vector(n), json(Some((n % 9) as u8)).as_deref());
            model.insert(n, Some((n % 9) as u8));
        }
        for (turn, op) in ops.into_iter().enumerate() {
            match op {
                Op::Add(e, v, a) => {
                    put(&set, &name(e), &vector(v), json(a).as_deref());
                    let old = model.get(&e).copied().flatten();
                    model.insert(e, a.or(old));
                }
                Op::Remove(e) => prop_assert_eq!(set.remove(name(e).as_bytes()), model.remove(&e).is_some()),
                Op::SetAttributes(e, a) => {
                    set.set_attributes(name(e).as_bytes(), json(a).unwrap_or_default().as_bytes());
                    model.entry(e).and_modify(|old| *old = a);
                }
                Op::Churn(times) => {
                    for n in 0..times {
                        put(&set, &name(n), &vector(n), json(Some((n % 5) as u8)).as_deref());
                        model.insert(n, Some((n % 5) as u8));
                    }
                }
                Op::Work => while set.work() {},
                Op::Fresh(which, exact) => {
                    let expression = format!(".a == {which} and .a != {}", turn + 10);
                    let all = Query { exact, ..query(&set, &expression, 2000) };
                    let passing = model.iter().filter(|(_, a)| **a == Some(which));
                    prop_assert_eq!(names(&set, &all), passing.map(|(&e, _)| name(e)).collect());
                }
                Op::Search(which, exact) => {
                    let (expression, accept) = EXPRESSIONS[which];
                    let all = Query { exact, ..query(&set, expression, 2000) };
                    let passing = model.iter().filter(|(_, a)| a.is_some_and(accept));
                    prop_assert_eq!(names(&set, &all), passing.map(|(&e, _)| name(e)).collect());
                    set.learn(&all, None);
                }
            }
        }
    }
}

/// One thread writes, others search. Numbers grow only, so that who passes a filter does so for ever.
#[test]
fn searches_see_what_was_written_before_them_and_no_ghosts() {
    const ROUNDS: u64 = 6000;
    let set = numbered();
    let stop = AtomicBool::new(false);
    // The last round whose writes are complete.
    let written = AtomicU64::new(0);
    let chosen = |round: u64| round * 7 % ELEMENTS;
    std::thread::scope(|scope| {
        for exact in [true, false] {
            let (set, stop, written) = (&set, &stop, &written);
            scope.spawn(move || {
                let all = Query { exact, ..query(set, ".n >= 0", ELEMENTS as usize) };
                while !stop.load(Relaxed) {
                    assert_eq!(names(set, &all).len() as u64, ELEMENTS, "all of them pass all the time");
                    let round = written.load(Acquire);
                    let late = Query { exact, ..query(set, &format!(".n >= {}", 1000 + round), 10) };
                    set.search(&late, |hits| {
                        for hit in hits.iter() {
                            let json = std::str::from_utf8(hit.attributes.unwrap()).unwrap();
                            let n: u64 = json.trim_start_matches(r#"{"n":"#).trim_end_matches('}').parse().unwrap();
                            assert!(n >= 1000 + round, "{n} was never below what it is");
                        }
                        assert!(round == 0 || !hits.is_empty(), "what was written before is found");
                    });
                    while set.work() {}
                }
            });
        }
        for round in 1..ROUNDS {
            let (element, json) = (name(chosen(round)), format!(r#"{{"n":{}}}"#, 1000 + round));
            match round % 3 {
                0 => _ = put(&set, &element, &vector(round), Some(&json)),
                1 => _ = put(&set, &element, &vector(round), None),
                _ => {}
            }
            assert!(set.set_attributes(element.as_bytes(), json.as_bytes()));
            written.store(round, Release);
        }
        stop.store(true, Relaxed);
    });
}
