//! Graphs that are built anew from what stays of others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::vector::graph::renewal::Finished;
use crate::vector::pin;

/// Does all steps, and ends.
fn renewed(renewal: &Renewal<Graph>, graph: &Graph, scratch: &mut Scratch) -> Finished<Graph, ()> {
    while renewal.step(graph, scratch) != Step::Ready {}
    renewal.finish(graph, || Some(())).expect("nobody has ended it")
}

#[derive(Debug, Clone)]
enum Op {
    Add(u8),
    Remove(proptest::sample::Index),
    Link,
    Step,
    Begin,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => any::<u8>().prop_map(Op::Add),
        3 => any::<proptest::sample::Index>().prop_map(Op::Remove),
        2 => Just(Op::Link),
        2 => Just(Op::Step),
        1 => Just(Op::Begin),
    ];
    proptest::collection::vec(op, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is added and removed meanwhile, and however often it is begun again: the heir has what stays, and each vector is
    /// where it says.
    #[test]
    fn an_heir_has_what_stays(ops in ops(), steps in 0usize..40) {
        let graph = Graph::new(params(3, 4, Encoding::F32));
        let mut scratch = Scratch::default();
        let mut random = Random(9);
        let mut alive: Vec<(NodeId, Vec<f32>)> = Vec::new();
        let begin = |before: Option<&Renewal<Graph>>| Renewal::begin(&graph, Graph::new(*graph.params()), before);
        let mut renewal = None;
        for op in ops {
            match op {
                Op::Add(x) => {
                    let vector = vec![f32::from(x % 7), f32::from(x % 5) - 2.0, f32::from(x / 64) + 0.5];
                    alive.push((graph.add(Vector::Floats(&vector), random.next()), vector));
                }
                Op::Remove(index) if !alive.is_empty() => {
                    prop_assert!(graph.remove(alive.swap_remove(index.index(alive.len())).0));
                }
                Op::Remove(_) => {}
                Op::Link => _ = graph.link_next(&mut scratch) || graph.link_one(&mut scratch),
                Op::Step => {
                    let renewal = renewal.get_or_insert_with(|| begin(None));
                    (0..steps).for_each(|_| _ = renewal.step(&graph, &mut scratch));
                    renewal.heir().check_invariants().map_err(|broken| TestCaseError::fail(broken.0))?;
                }
                Op::Begin => renewal = Some(begin(renewal.as_ref())),
            }
            let given = graph.reclaim(|_| ());
            prop_assert!(!(given && renewal.is_some()), "an id means the same until the end");
            prop_assert_eq!(graph.check_invariants().map(|s| s.live), Ok(alive.len()));
        }
        let renewal = renewal.unwrap_or_else(|| begin(None));
        let Finished { heir, moved, .. } = renewed(&renewal, &graph, &mut scratch);
        prop_assert!(renewal.finish(&graph, || Some(())).is_none());
        prop_assert_eq!(renewal.step(&graph, &mut scratch), Step::Nothing);
        for (id, vector) in &alive {
            let own = moved.get(*id).expect("it stays");
            prop_assert!(heir.distance(&heir.query(Vector::Floats(vector)), own) < 1e-6);
            prop_assert_eq!(heir.level_of(own), graph.level_of(*id));
        }
        link_all(&heir, &mut scratch);
        let statistics = check(&heir);
        prop_assert_eq!((statistics.live, statistics.reachable), (alive.len(), alive.len()));
    }
}

/// What is left of many takes what it would take if it had been alone from the beginning, and is found as well.
#[test]
fn nothing_is_left_of_what_is_gone() {
    let mut random = Random(51);
    let vectors = clustered(&mut random, 6000, 24, 40, 0.4);
    let queries = clustered(&mut random, 60, 24, 40, 0.4);
    for (encoding, floor) in [(Encoding::Q8, 0.97), (Encoding::F32, 0.97), (Encoding::Bin, 0.9), (Encoding::F16, 0.97)]
    {
        let (graph, ids) = build(&vectors, params(24, 16, encoding));
        assert!(!graph.is_to_renew());
        let stays = |at: usize| at % 7 == 3;
        let left: Vec<Vec<f32>> = (0..vectors.len()).filter(|&at| stays(at)).map(|at| vectors[at].clone()).collect();
        ids.iter().enumerate().filter(|&(at, _)| !stays(at)).for_each(|(_, &id)| assert!(graph.remove(id)));
        assert!(graph.is_to_renew());
        let (alone, _) = build(&left, params(24, 16, encoding));
        let mut scratch = Scratch::default();
        let renewal = Renewal::begin(&graph, Graph::new(*graph.params()), None);
        let Finished { heir, .. } = renewed(&renewal, &graph, &mut scratch);
        link_all(&heir, &mut scratch);
        assert_eq!(check(&heir).reachable, left.len());
        let (taken, least) = (heir.memory_usage(), alone.memory_usage());
        assert!(taken <= least + least / 20, "{encoding:?}: {taken} instead of {least}");
        assert!(!heir.is_to_renew());
        let recall = recall(&heir, &queries, 10, 100);
        assert!(recall >= floor, "{encoding:?}: {recall}");
    }
}

/// Rows that were unlinked and freed one by one are scattered over chunks that cannot be freed: that is to be built anew, too.
#[test]
fn what_is_scattered_is_built_anew() {
    let mut random = Random(52);
    for count in [200, 3000] {
        let vectors = clustered(&mut random, count, 24, 20, 0.4);
        let (graph, ids) = build(&vectors, params(24, 8, Encoding::Q8));
        let mut scratch = Scratch::default();
        let mut left = count;
        for (at, &id) in ids.iter().enumerate().filter(|(at, _)| at % 5 > 0) {
            assert!(graph.remove(id));
            link_all(&graph, &mut scratch);
            while graph.reclaim(|_| {}) {}
            left -= 1;
            if graph.is_to_renew() {
                break;
            }
            assert!(at < count - 1);
        }
        assert!(left * 3 > count, "{left} of {count}");
        let room = graph.rows.room();
        let heir = renewed(&Renewal::begin(&graph, Graph::new(*graph.params()), None), &graph, &mut scratch).heir;
        assert!(heir.rows.room() * 14 <= room * 10 && !heir.is_to_renew());
    }
}

/// An heir of which most is gone before it is complete is in vain.
#[test]
fn an_heir_can_be_in_vain() {
    let mut random = Random(53);
    let (graph, ids) = build(&clustered(&mut random, 2000, 8, 20, 0.4), params(8, 8, Encoding::Q8));
    let mut scratch = Scratch::default();
    let first = Renewal::begin(&graph, Graph::new(*graph.params()), None);
    while first.heir().len() < 1000 {
        first.step(&graph, &mut scratch);
    }
    ids[..900].iter().for_each(|&id| assert!(graph.remove(id)));
    assert!(!first.is_vain(), "it does not know yet");
    while first.step(&graph, &mut scratch) != Step::Ready {}
    assert!(first.is_vain());
    let second = Renewal::begin(&graph, Graph::new(*graph.params()), Some(&first));
    assert!(first.finish(&graph, || Some(())).is_none());
    assert_eq!(renewed(&second, &graph, &mut scratch).heir.len(), 1100);
}

/// A writer, threads that search, and threads that build anew, again and again: every hit is what its owner put there.
#[test]
fn it_is_built_anew_under_way() {
    const DIM: usize = 12;
    let mut random = Random(54);
    let vectors = clustered(&mut random, 1200, DIM, 15, 0.4);
    /// A graph, and which vector each id is.
    struct Place {
        graph: Arc<Graph>,
        renewal: Option<Arc<Renewal<Graph>>>,
        owners: BTreeMap<NodeId, usize>,
    }
    let graph = Arc::new(Graph::new(params(DIM, 8, Encoding::F32)));
    let place = Mutex::new(Place { graph, renewal: None, owners: BTreeMap::new() });
    let (done, replaced) = (AtomicBool::new(false), AtomicUsize::new(0));
    let lock = || place.lock().expect("nobody panicked");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                while !done.load(Acquire) {
                    let (graph, renewal) = {
                        let mut place = lock();
                        let graph = place.graph.clone();
                        let begin = |before| Arc::new(Renewal::begin(&*graph, Graph::new(*graph.params()), before));
                        if graph.is_to_renew() && place.renewal.as_ref().is_none_or(|renewal| renewal.is_vain()) {
                            place.renewal = Some(begin(place.renewal.as_deref()));
                        }
                        (graph.clone(), place.renewal.clone())
                    };
                    let Some(renewal) = renewal else {
                        graph.link_next(&mut scratch);
                        continue;
                    };
                    if renewal.step(&*graph, &mut scratch) == Step::Ready && !renewal.is_vain() {
                        let finished = renewal.finish(&*graph, || place.try_lock().ok());
                        if let Some(Finished { heir, moved, kept_out: mut place }) = finished {
                            let owners = place.owners.iter();
                            place.owners = owners.map(|(&id, &at)| (moved.get(id).expect("live"), at)).collect();
                            (place.graph, place.renewal) = (heir, None);
                            replaced.fetch_add(1, Relaxed);
                        }
                    }
                }
            });
        }
        scope.spawn(|| {
            let (mut scratch, mut hits, mut at) = (Scratch::default(), Vec::new(), 0);
            while !done.load(Acquire) {
                at = (at + 7) % vectors.len();
                let _guard = pin();
                let graph = lock().graph.clone();
                let query = graph.query(Vector::Floats(&vectors[at]));
                graph
                    .search(&query, &Search { ef: 40, ..Search::default() }, &mut scratch, &mut hits)
                    .expect("goes on");
                assert!(hits.windows(2).all(|two| two[0].distance <= two[1].distance));
            }
        });
        let mut random = Random(55);
        let mut step = 0;
        while step < 6000 || replaced.load(Relaxed) < 3 {
            step += 1;
            let mut place = lock();
            // It fills, and loses nearly all, in turns.
            let fills = step % 2000 < 1000;
            if fills && place.owners.len() < vectors.len() {
                let at = random.next() as usize % vectors.len();
                let id = place.graph.add(Vector::Floats(&vectors[at]), random.next());
                assert!(place.owners.insert(id, at).is_none(), "an id is given once");
            } else if !fills && place.owners.len() > 20 {
                let nth = random.next() as usize % place.owners.len();
                let id = *place.owners.keys().nth(nth).expect("there are so many");
                place.owners.remove(&id);
                assert!(place.graph.remove(id));
            }
            place.graph.reclaim(|_| {});
            drop(place);
            if step % 20 == 0 {
                std::thread::yield_now();
            }
        }
        done.store(true, Release);
    });
    let Place { graph, owners, .. } = place.into_inner().expect("nobody panicked");
    assert!(graph.ids().eq(owners.keys().copied()));
    for (&id, &at) in &owners {
        assert!(graph.distance(&graph.query(Vector::Floats(&vectors[at])), id) < 1e-5);
    }
    check(&graph);
}
