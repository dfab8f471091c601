//! What nobody touches is found while everything around it comes and goes.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;

/// A hash that gives a node this level.
fn of_level(graph: &Graph, level: u8, random: &mut Random) -> u64 {
    loop {
        let hash = random.next();
        if graph.level(hash) == level {
            return hash;
        }
    }
}

/// What a reader counts.
#[derive(Debug, Default)]
struct Counts {
    walks: AtomicUsize,
    misses: AtomicUsize,
}

/// Runs `change` while one thread links and another walks for the vector whose number is in `wanted`, which must be among
/// the first `k`; how often it was not.
fn misses(
    graph: &Graph,
    vectors: &[Vec<f32>],
    ids: &[NodeId],
    wanted: &AtomicUsize,
    search: (usize, usize),
    change: impl FnOnce(&Counts),
) -> usize {
    let (counts, done) = (Counts::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| link_until(graph, &done));
        scope.spawn(|| {
            let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
            let search = Search { k: search.0, ef: search.1, ..Search::default() };
            while !done.load(Acquire) {
                let at = wanted.load(Acquire);
                let query = graph.query(Vector::Floats(&vectors[at]));
                graph.search(&query, &search, &mut scratch, &mut hits).expect("nobody cancels");
                counts.walks.fetch_add(1, Relaxed);
                counts.misses.fetch_add(usize::from(hits.iter().all(|hit| hit.id != ids[at])), Relaxed);
            }
        });
        change(&counts);
        done.store(true, Release);
    });
    check(graph);
    counts.misses.into_inner()
}

/// The upper levels lead to the new neighbor, which is just being linked, and from there the walk finds on.
#[test]
fn a_node_that_is_being_linked_leads_on() {
    const DIM: usize = 8;
    let mut random = Random(31);
    let vectors: Vec<Vec<f32>> = (0..2000).map(|_| random.vector(DIM)).collect();
    let (graph, ids) = build(&vectors, Params { ef_construction: 400, ..params(DIM, 16, Encoding::F32) });
    let wanted = AtomicUsize::new(0);
    let missed = misses(&graph, &vectors, &ids, &wanted, (20, 40), |counts| {
        for at in (0..vectors.len()).step_by(10) {
            wanted.store(at, Release);
            let near: Vec<f32> = vectors[at].iter().map(|x| x + 0.001).collect();
            let hash = of_level(&graph, 1, &mut random);
            let id = graph.add(Vector::Floats(&near), hash);
            let before = counts.walks.load(Acquire);
            while graph.pending() > 0 || counts.walks.load(Acquire) < before + 2 {
                std::thread::yield_now();
            }
            graph.remove(id);
            graph.reclaim(|_| {});
        }
    });
    assert_eq!(missed, 0);
}

/// More vectors wait to be linked than the beam is wide, and all are near: the walk goes its way nevertheless.
#[test]
fn the_tail_does_not_stand_in_the_way() {
    let mut random = Random(34);
    let vectors: Vec<Vec<f32>> = (0..3000).map(|_| random.vector(16)).collect();
    let (graph, ids) = build(&vectors, params(16, 8, Encoding::F32));
    for _ in 0..500 {
        graph.add(Vector::Floats(&vectors[7].iter().map(|x| x + 0.01 * random.float()).collect::<Vec<f32>>()), 1);
    }
    let query = graph.query(Vector::Floats(&vectors[7]));
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    let any = |_: NodeId| true;
    for filter in [Filter::All, Filter::Test(&any), Filter::Cheap(&any)] {
        for ef in [20, 400] {
            let search = Search { k: 20, ef, filter, ..Search::default() };
            graph.search(&query, &search, &mut scratch, &mut hits).expect("nobody cancels");
            assert_eq!((hits.len(), hits[0].id), (20, ids[7]), "ef {ef}");
            assert!(hits[1..].iter().all(|hit| hit.id.0 >= 3000));
        }
    }
}

/// The last linked node goes while others are being linked: these and who comes next are one graph.
#[test]
fn there_is_never_a_second_graph() {
    let graph = Graph::new(params(2, 4, Encoding::F32));
    let mut scratch = Scratch::default();
    let add = |x: f32| graph.add(Vector::Floats(&[x, 1.0]), 1);
    let first = add(0.0);
    link_all(&graph, &mut scratch);
    let rows = [add(1.0).0, add(2.0).0, add(3.0).0];
    for row in &rows[..2] {
        assert!(graph.claim().is_some());
        graph.find_place(*row, 10, &mut scratch);
    }
    graph.remove(first);
    graph.link_next(&mut scratch);
    assert!(graph.claim().is_some());
    graph.find_place(rows[2], 10, &mut scratch);
    rows.iter().for_each(|&row| graph.settle(row, &mut scratch));
    assert_eq!(check(&graph).reachable, 3);
}

/// Two clusters on a line and, between them, the only nodes that lead from one to the other; these come and go.
#[test]
fn there_is_a_way_at_every_moment() {
    const STILL: usize = 400;
    let mut random = Random(32);
    let mut point = |center: f32, width: f32| vec![center + width * random.float()];
    let graph = Graph::new(Params { metric: Metric::L2, ..params(1, 4, Encoding::F32) });
    // All on level 0: every walk begins at the first one, at the left.
    let level = of_level(&graph, 0, &mut Random(33));
    let vectors: Vec<Vec<f32>> = (0..STILL).map(|n| point(if n < STILL / 2 { -10.0 } else { 10.0 }, 1.0)).collect();
    let ids: Vec<NodeId> = vectors.iter().map(|vector| graph.add(Vector::Floats(vector), level)).collect();
    let mut bridge: Vec<NodeId> = (0..4).map(|_| graph.add(Vector::Floats(&point(0.0, 8.0)), level)).collect();
    link_all(&graph, &mut Scratch::default());
    let wanted = AtomicUsize::new(0);
    let missed = misses(&graph, &vectors, &ids, &wanted, (1, 48), |_| {
        for step in 0..5_000 {
            wanted.store(step % STILL, Release);
            let new = graph.add(Vector::Floats(&point(0.0, 8.0)), level);
            while graph.pending() > 0 {
                std::thread::yield_now();
            }
            graph.remove(std::mem::replace(&mut bridge[step % 4], new));
            graph.reclaim(|_| {});
        }
    });
    assert_eq!(missed, 0);
}
