//! Laws of surveys: codes are only read by the center they were made by, and walks by them lose no recall.

use super::*;
use crate::vector::graph::survey::FIRST;

fn normal(random: &mut Random, dim: usize) -> Vec<f32> {
    let mut of_four = || (0..4).map(|_| random.float()).sum::<f32>();
    (0..dim).map(|_| of_four()).collect()
}

/// The usage of a graph's codes: the number of the center, and whether they are walked by.
fn usage(graph: &Graph) -> Option<(usize, bool)> {
    graph.survey.as_deref().and_then(Survey::usage).map(|usage| (usage.center, usage.walked))
}

/// Where walks go by codes, checks those of what is linked around the entry point; whether they do.
fn check_codes(graph: &Graph, most: usize) -> bool {
    let _guard = epoch::pin();
    let Some(survey) = &graph.survey else { return false };
    let Some(center) = survey.walked() else { return false };
    let mut sketch = crate::vector::distance::Sketch::default();
    let mut seen = vec![graph.entry.load(Acquire) as u32];
    let mut at = 0;
    while at < seen.len() && seen.len() < most {
        graph.each_link(seen[at], 0, |row| {
            if !seen.contains(&row) {
                seen.push(row);
            }
        });
        at += 1;
    }
    let mut expected = vec![0; Coarse::len(graph.params.dim)];
    for row in seen {
        survey.coarse.encode(graph.probe(row), center, &mut sketch, &mut expected);
        assert!(graph.rows.coarse(row) == expected, "the code of {row} is not by the center in use");
    }
    true
}

/// Components of the vectors of many kinds.
const WIDE: usize = 160;

/// Makes a vector of a kind.
type Kind = Box<dyn Fn(&mut Random) -> Vec<f32>>;

/// Kinds of vectors that estimates without a center, or with any, are not good enough for.
fn kinds() -> Vec<(&'static str, Kind)> {
    let mut random = Random(61);
    let centers: Vec<Vec<f32>> = (0..12).map(|_| normal(&mut random, WIDE)).collect();
    let around = move |random: &mut Random, away: f32| -> Vec<f32> {
        let center = &centers[random.next() as usize % centers.len()];
        center.iter().zip(normal(random, WIDE)).map(|(x, y)| away + x + 0.3 * y).collect()
    };
    let far = around.clone();
    vec![
        ("normal", Box::new(|random| normal(random, WIDE))),
        ("uniform", Box::new(|random| random.vector(WIDE).iter().map(|x| x.abs()).collect())),
        ("offset", Box::new(|random| random.vector(WIDE).iter().map(|x| 50.0 + x).collect())),
        ("clusters", Box::new(move |random| around(random, 0.0))),
        ("far clusters", Box::new(move |random| far(random, 5.0))),
    ]
}

#[test]
fn recall_falls_for_no_kind_of_vectors() {
    for (name, vector) in kinds() {
        for metric in [Metric::Cosine, Metric::L2] {
            let mut random = Random(62);
            let vectors: Vec<Vec<f32>> = (0..1400).map(|_| vector(&mut random)).collect();
            let queries: Vec<Vec<f32>> = (0..60).map(|_| vector(&mut random)).collect();
            let params = Params { metric, ef_construction: 60, ..params(WIDE, 12, Encoding::Q8) };
            let [(coarse, _), (plain, _)] = [true, false].map(|coarse| built(&vectors, Params { coarse, ..params }));
            assert_eq!(check(&coarse).reachable, 1400);
            let [with, without] = [&coarse, &plain].map(|graph| recall(graph, &queries, 10, 100));
            assert!(with >= without - 0.02, "{name}, {metric:?}: {with}, without {without}; {:?}", usage(&coarse));
        }
    }
}

#[test]
fn a_center_is_made_once_for_each_survey() {
    let mut random = Random(63);
    let graph = Graph::new(Params { coarse: true, ..params(16, 6, Encoding::Q8) });
    let mut grow = |to: usize| {
        while graph.len() < to {
            graph.add(Vector::Floats(&normal(&mut random, 16)), random.next());
        }
        settle(&graph);
        assert_eq!(graph.pending(), 0);
        check_codes(&graph, 200);
    };
    let made = |graph: &Graph| graph.survey.as_deref().map(Survey::centers);
    grow(FIRST - 1);
    assert_eq!(made(&graph), Some(0));
    let before = graph.memory_usage();
    grow(FIRST);
    assert_eq!(made(&graph), Some(1));
    assert!(graph.memory_usage() >= before + 16 * 4, "centers are counted");
    grow(4 * FIRST - 1);
    assert_eq!(made(&graph), Some(1));
    grow(4 * FIRST);
    assert_eq!(made(&graph), Some(2));
}

/// A center that comes while others link, remove, reclaim and search.
#[test]
fn codes_are_read_by_the_center_they_were_made_by() {
    for seed in [71, 72, 73] {
        let mut random = Random(seed);
        let vectors = embedded_narrow(&mut random, 5 * FIRST);
        let mut graph = Graph::new(Params { coarse: true, ef_construction: 30, ..params(48, 6, Encoding::Q8) });
        // However bad the estimates are.
        graph.survey.as_mut().expect("coarse codes").missed = 1000;
        let done = AtomicBool::new(false);
        let walked = std::thread::scope(|scope| {
            let searches = [0, 1].map(|at| {
                scope.spawn({
                    let (graph, vectors, done) = (&graph, &vectors, &done);
                    move || search_until(graph, vectors, at, done)
                })
            });
            for _ in 0..2 {
                scope.spawn(|| link_until(&graph, &done));
            }
            let mut held = Vec::new();
            for vector in &vectors {
                held.push(graph.add(Vector::Floats(vector), random.next()));
                if random.next().is_multiple_of(8) {
                    graph.remove(held.swap_remove(random.next() as usize % held.len()));
                    graph.reclaim(|_| {});
                }
                while graph.tail_len() > 64 {
                    std::thread::yield_now();
                }
            }
            // Until all is linked and surveyed.
            while graph.pending() > 0 {
                std::thread::yield_now();
            }
            done.store(true, Release);
            searches.into_iter().map(|search| search.join().expect("a search ends well")).sum::<usize>()
        });
        settle(&graph);
        let statistics = check(&graph);
        assert_eq!(statistics.reachable, statistics.linked);
        assert!(walked > 0 && check_codes(&graph, usize::MAX), "seed {seed}: {:?}", usage(&graph));
    }
}

/// As `embedded`, of 48 components.
fn embedded_narrow(random: &mut Random, count: usize) -> Vec<Vec<f32>> {
    let map: Vec<Vec<f32>> = (0..4).map(|_| random.vector(48)).collect();
    let of = |latent: Vec<f32>| {
        (0..48).map(|j| 1.0 + latent.iter().zip(&map).map(|(x, row)| x * row[j]).sum::<f32>()).collect()
    };
    (0..count).map(|_| of(random.vector(4))).collect()
}

/// Searches and checks codes until all is done; how often walks went by codes.
fn search_until(graph: &Graph, vectors: &[Vec<f32>], mut at: usize, done: &AtomicBool) -> usize {
    let (mut scratch, mut hits, mut walked) = (Scratch::default(), Vec::new(), 0);
    while !done.load(Acquire) {
        at = (at + 17) % vectors.len();
        let _guard = epoch::pin();
        let query = graph.query(Vector::Floats(&vectors[at]));
        graph.search(&query, &Search { ef: 20, ..Search::default() }, &mut scratch, &mut hits).expect("nobody cancels");
        assert!(hits.iter().all(|hit| hit.distance == graph.distance(&query, hit.id)));
        walked += usize::from(check_codes(graph, 100));
    }
    walked
}
