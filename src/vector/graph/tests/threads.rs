//! Linkers, searchers and a remover at once: what holds while they run, and after.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::vector::pin;

/// Tells the threads to end, also when an assertion fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Release);
    }
}

/// One thread adds and removes, two link, two search; every hit is checked against what its slot must hold.
#[test]
fn everybody_works_at_once() {
    work_at_once(1 << 21);
}

/// The same with links to most rows beside the rows, as in a graph of millions.
#[test]
fn everybody_works_at_once_with_far_links() {
    work_at_once(300);
}

fn work_at_once(near: u32) {
    const DIM: usize = 16;
    const COUNT: usize = 1500;
    let mut random = Random(21);
    let vectors = clustered(&mut random, COUNT, DIM, 15, 0.4);
    let mut graph = Graph::new(params(DIM, 8, Encoding::F32));
    graph.rows.set_near(near);
    // What the slots hold: the number of the vector, set before it can be found and kept while it can.
    // As many slots as there are steps: how soon one is used again is up to the searchers.
    let owners: Vec<AtomicUsize> = (0..4 * COUNT).map(|_| AtomicUsize::new(usize::MAX)).collect();
    let done = AtomicBool::new(false);
    let ids = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| link_until(&graph, &done));
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                let mut hits = Vec::new();
                let mut at = 0;
                while !done.load(Acquire) {
                    at = (at + 7) % COUNT;
                    let _guard = pin();
                    let query = graph.query(Vector::Floats(&vectors[at]));
                    let search = Search { k: 10, ef: 40, ..Search::default() };
                    graph.search(&query, &search, &mut scratch, &mut hits).expect("nobody cancels");
                    assert!(hits.windows(2).all(|two| two[0].distance <= two[1].distance));
                    for hit in &hits {
                        let owner = owners[hit.id.0 as usize].load(Acquire);
                        let true_one = graph.query(Vector::Floats(&vectors[owner]));
                        assert!(graph.distance(&true_one, hit.id) < 1e-5, "a slot holds what its owner put there");
                    }
                }
            });
        }
        let _ends = Ends(&done);
        let mut random = Random(22);
        let mut held: Vec<(NodeId, usize)> = Vec::new();
        let mut free: Vec<usize> = (0..COUNT).collect();
        for step in 0..4 * COUNT {
            graph.reclaim(|id| owners[id.0 as usize].store(usize::MAX, Release));
            if !free.is_empty() && (!random.next().is_multiple_of(3) || held.len() < 100) {
                let vector = free.swap_remove(random.next() as usize % free.len());
                let id = graph.add_with(Vector::Floats(&vectors[vector]), random.next(), |id| {
                    owners[id.0 as usize].store(vector, Release);
                });
                held.push((id, vector));
            } else {
                let (id, vector) = held.swap_remove(random.next() as usize % held.len());
                assert!(graph.remove(id));
                free.push(vector);
            }
            if step % 50 == 0 || graph.tail_len() > 100 {
                std::thread::yield_now();
            }
        }
        *ids.lock().expect("nobody panicked") = held;
    });
    let statistics = check(&graph);
    assert_eq!(statistics.live, ids.lock().expect("nobody panicked").len());
    assert!(statistics.reachable >= statistics.live * 999 / 1000, "{statistics:?}");
    let queries = clustered(&mut random, 100, DIM, 15, 0.4);
    let recall = recall(&graph, &queries, 10, 80);
    assert!(recall >= 0.95, "{recall}, {statistics:?}");
}

#[test]
fn what_is_added_is_found_before_it_is_linked() {
    let graph = Graph::new(params(8, 4, Encoding::F32));
    let mut scratch = Scratch::default();
    let mut random = Random(23);
    let mut hits = Vec::new();
    for n in 0..500 {
        let vector = random.vector(8);
        let id = graph.add(Vector::Floats(&vector), random.next());
        if n % 3 > 0 {
            graph.link_next(&mut scratch);
        }
        let query = graph.query(Vector::Floats(&vector));
        let search = Search { k: 1, ef: 1, ..Search::default() };
        graph.search(&query, &search, &mut scratch, &mut hits).expect("nobody cancels");
        assert_eq!(hits[0].id, id);
    }
}
