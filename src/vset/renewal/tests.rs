//! Sets of which most was removed: saved, copied and built anew beside that.

use super::*;
use crate::vset::encoding::Format;
use crate::vset::tests::{found, put, set, vector};
use crate::vset::{Added, Quantization, Query, Target};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

/// Does all steps; the heir.
fn renewed(set: &VectorSet) -> Arc<VectorSet> {
    loop {
        match set.renew_step() {
            Step::Ready => break set.finish_renewal(|| Some(())).expect("nobody has ended it").0,
            _ => assert!(set.is_to_renew()),
        }
    }
}

fn name(n: u64) -> String {
    format!("element {n}")
}

/// A set of so many elements, all linked, of which then one in `every` stays, and none is unlinked.
fn removed(count: u64, every: u64) -> VectorSet {
    let set = set(Quantization::Q8);
    for n in 0..count {
        put(&set, &name(n), &vector(n), (n % 3 == 0).then(|| format!(r#"{{"n":{n}}}"#)).as_deref());
    }
    set.link_all();
    (0..count).filter(|n| n % every > 0).for_each(|n| assert!(set.remove(name(n).as_bytes())));
    set
}

/// Share of the nearest ten that a search finds, on average.
fn recall(set: &VectorSet, ef: usize) -> f64 {
    let mut hits = 0;
    for seed in 90_000..90_050 {
        let query = set.query(Target::Vector(&vector(seed))).unwrap();
        let truth = found(set, &Query { exact: true, ..query.clone() });
        hits += found(set, &Query { ef, ..query }).iter().filter(|hit| truth.contains(hit)).count();
    }
    hits as f64 / 500.0
}

fn check(set: &VectorSet) {
    set.graph.check_invariants().unwrap_or_else(|broken| panic!("{}", broken.0));
}

/// What is written and copied beside a backlog is what stays, and none of the backlog is worked off for it.
#[test]
fn a_backlog_is_not_worked_off_by_who_saves_or_copies() {
    for (count, every) in [(3000, 10), (3000, 2)] {
        let set = removed(count, every);
        let backlog = set.removed();
        assert_eq!(backlog as u64, count - count / every);
        let mut encoded = [Format::Redis, Format::Compact].map(|format| {
            let mut buffer = Vec::new();
            set.encode(&mut buffer, format);
            buffer
        });
        let decode = |buffer: &mut Vec<u8>| VectorSet::decode(&mut &buffer[..], 0, usize::MAX).expect("it was written");
        let mut copies = vec![set.copy()];
        copies.extend(encoded.iter_mut().map(decode));
        assert_eq!(set.removed(), backlog);
        check(&set);
        let all = |set: &VectorSet| {
            let mut all = BTreeMap::new();
            set.each(|one| {
                all.insert(one.name.to_vec(), (one.code.to_vec(), one.attributes.map(<[u8]>::to_vec)));
            });
            all
        };
        for copy in copies {
            check(&copy);
            assert_eq!(all(&copy), all(&set));
            let loaded = recall(&copy, 30);
            copy.link_all();
            check(&copy);
            let linked = recall(&copy, 30);
            assert!(loaded >= 0.9 && linked >= 0.95, "one of {every}: {loaded}, then {linked}");
        }
    }
}

/// Also where others unlink while it is copied.
#[test]
fn a_copy_is_whole_whatever_is_unlinked_meanwhile() {
    for every in [3, 10] {
        let set = removed(2000, every);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Relaxed) && set.work() {
                        std::hint::spin_loop()
                    }
                });
            }
            for _ in 0..5 {
                let copy = set.copy();
                check(&copy);
                assert_eq!(copy.card(), set.card());
            }
            done.store(true, Relaxed);
        });
    }
}

/// Names, attributes, links: what stays takes what it would take alone.
#[test]
fn what_is_removed_leaves_little() {
    let removed = removed(4000, 10);
    let alone = set(Quantization::Q8);
    for n in (0..4000).step_by(10) {
        put(&alone, &name(n), &vector(n), (n % 3 == 0).then(|| format!(r#"{{"n":{n}}}"#)).as_deref());
    }
    alone.link_all();
    let heir = renewed(&removed);
    heir.link_all();
    check(&heir);
    let (taken, least) = (heir.memory_usage(), alone.memory_usage());
    assert!(taken <= least + least / 5, "{taken} instead of {least}");
    assert_eq!(heir.info(), removed.info());
    assert!(recall(&heir, 100) >= 0.97 && !heir.is_to_renew());
}

#[derive(Debug, Clone)]
enum Op {
    Put(u64, u64, Option<bool>),
    Remove(u64),
    Attributes(u64, bool),
    Step,
    Renew,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0u64..60, 0u64..1000, any::<Option<bool>>()).prop_map(|(n, v, a)| Op::Put(n, v, a)),
        4 => (0u64..60).prop_map(Op::Remove),
        2 => (0u64..60, any::<bool>()).prop_map(|(n, a)| Op::Attributes(n, a)),
        3 => Just(Op::Step),
        1 => Just(Op::Renew),
    ];
    proptest::collection::vec(op, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A set that is built anew again and again is what a map is.
    #[test]
    fn an_heir_is_the_same_set(ops in ops(), before in 100u64..400) {
        let mut set: Arc<VectorSet> = Arc::new(removed(before, before));
        let mut model: BTreeMap<String, (u64, Option<String>)> = [(name(0), (0, Some(r#"{"n":0}"#.to_owned())))].into();
        let attributes = |given: bool, n: u64| if given { format!(r#"{{"a":{n}}}"#) } else { String::new() };
        for op in ops {
            match op {
                Op::Put(n, seed, given) => {
                    let given = given.map(|given| attributes(given, seed));
                    let added = put(&set, &name(n), &vector(seed), given.as_deref());
                    let old = model.remove(&name(n));
                    prop_assert_eq!(added == Added::Updated, old.is_some());
                    let kept = match (given, old) {
                        (Some(empty), Some(_)) if empty.is_empty() => None,
                        (Some(given), _) => Some(given),
                        (None, old) => old.and_then(|(_, kept)| kept),
                    };
                    model.insert(name(n), (seed, kept));
                }
                // A set that loses its last element is deleted.
                Op::Remove(n) if model.len() > 1 => {
                    prop_assert_eq!(set.remove(name(n).as_bytes()), model.remove(&name(n)).is_some());
                }
                Op::Remove(_) => {}
                Op::Attributes(n, given) => {
                    let given = attributes(given, n);
                    let here = model.get_mut(&name(n));
                    prop_assert_eq!(set.set_attributes(name(n).as_bytes(), given.as_bytes()), here.is_some());
                    here.into_iter().for_each(|(_, kept)| *kept = (!given.is_empty()).then(|| given.clone()));
                }
                Op::Step => {
                    if set.renew_step() == Step::Ready {
                        set = set.finish_renewal(|| Some(())).expect("it is ready").0;
                    }
                }
                Op::Renew if set.is_to_renew() => set = renewed(&set),
                Op::Renew => _ = set.work(),
            }
        }
        let info = set.info();
        if set.is_to_renew() {
            set = renewed(&set);
        }
        prop_assert_eq!(set.info(), info);
        prop_assert_eq!(info.size, model.len());
        prop_assert_eq!(info.attributes_count, model.values().filter(|(_, kept)| kept.is_some()).count());
        set.graph.check_invariants().map_err(|broken| TestCaseError::fail(broken.0))?;
        let mut seen = 0;
        set.each(|one| {
            let (seed, kept) = &model[std::str::from_utf8(one.name).unwrap()];
            assert_eq!(one.attributes, kept.as_ref().map(|kept| kept.as_bytes()), "{seed}");
            seen += 1;
        });
        prop_assert_eq!(seen, model.len());
        for (name, (seed, _)) in &model {
            let query = set.query(Target::Vector(&vector(*seed))).unwrap();
            prop_assert!(found(&set, &query)[0].1 > 0.99, "the vector of {}", name);
            let (kept, given) = (set.vector(name.as_bytes()).unwrap(), vector(*seed));
            prop_assert!(kept.iter().zip(&given).all(|(a, b)| (a - b).abs() < 0.05), "the vector of {}", name);
            prop_assert!(set.contains(name.as_bytes()));
        }
    }
}

/// One thread writes, others work and put heirs in its place, others search: no element is found twice, none that was removed
/// before the search began, and all that nobody touches.
#[test]
fn nobody_notices_who_is_built_anew() {
    const STILL: u64 = 30;
    let place = Mutex::new(Arc::new(set(Quantization::Q8)));
    let current = || Arc::clone(&place.lock().unwrap());
    let (done, replaced) = (AtomicBool::new(false), std::sync::atomic::AtomicUsize::new(0));
    (0..STILL).for_each(|n| _ = put(&current(), &name(n), &vector(n), None));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    let set = current();
                    if set.renew_step() != Step::Ready {
                        set.work();
                    } else if let Some((heir, mut place)) = set.finish_renewal(|| place.try_lock().ok()) {
                        *place = heir;
                        replaced.fetch_add(1, Relaxed);
                    }
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Relaxed) {
                let set = current();
                let query = Query { count: 5000, ..set.query(Target::Vector(&vector(5))).unwrap() };
                let names: Vec<String> = found(&set, &query).into_iter().map(|hit| hit.0).collect();
                let once: HashSet<&String> = names.iter().collect();
                assert_eq!(once.len(), names.len());
                assert!((0..STILL).all(|n| once.contains(&name(n))));
            }
        });
        let (mut turn, mut size) = (0, 0);
        while turn < 4 || replaced.load(Relaxed) < 4 {
            turn += 1;
            for n in STILL..STILL + 1000 {
                // As the server does: who puts an heir in the place waits for it.
                let set = place.lock().unwrap();
                let added = put(&set, &name(n), &vector(n + turn), None);
                size += usize::from(added == Added::New);
            }
            for n in STILL..STILL + 990 {
                let set = place.lock().unwrap();
                size -= usize::from(set.remove(name(n).as_bytes()));
                assert_eq!(set.card(), size + STILL as usize);
            }
        }
        done.store(true, Relaxed);
    });
    let set = current();
    set.link_tail();
    check(&set);
    assert_eq!(set.card() as u64, STILL + 10);
}
