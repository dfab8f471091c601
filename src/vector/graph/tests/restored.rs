//! Graphs that are written down and read back.

use super::*;
use crate::codec::Corrupt;

/// A node as an encoding has it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub number: u64,
    pub code: Vec<u8>,
    l2: f32,
    range: f32,
    links: Vec<Vec<u64>>,
}

pub(super) fn write(graph: &Graph, number: impl Fn(NodeId) -> u64) -> Vec<Node> {
    let guard = epoch::pin();
    let links = |id, level| {
        let mut links = Vec::new();
        graph.links(id, level, &mut links);
        links.into_iter().map(&number).collect()
    };
    graph
        .ids()
        .map(|id| Node {
            number: number(id),
            code: graph.code(id, &guard).to_vec(),
            l2: graph.l2(id),
            range: graph.range_of(id),
            links: (0..=graph.level_of(id)).map(|level| links(id, level)).collect(),
        })
        .collect()
}

pub(super) fn read(params: Params, nodes: &[Node]) -> Result<(Graph, Vec<NodeId>), Corrupt> {
    let mut restore = Restore::new(params, nodes.len() as u64);
    let mut ids = Vec::new();
    for node in nodes {
        let vector = Vector::Stored { code: &node.code, l2: node.l2, range: node.range };
        ids.push(restore.node(node.number, vector, node.links.len() as u8 - 1)?);
        for (level, links) in node.links.iter().enumerate() {
            restore.links(level as u8, links)?;
        }
    }
    restore.finish().map(|graph| (graph, ids))
}

fn sample(count: usize, m: usize) -> Graph {
    let mut random = Random(31);
    let vectors = clustered(&mut random, count, 6, 5, 0.4);
    build(&vectors, params(6, m, Encoding::Q8)).0
}

#[test]
fn what_was_written_is_read_back() {
    let graph = sample(700, 4);
    // Dense numbers in either order, and sparse ones.
    let orders: [(&dyn Fn(NodeId) -> u64, bool); 3] = [
        (&|id| u64::from(id.0) + 1, false),
        (&|id| u64::from(id.0) + 1, true),
        (&|id| u64::from(id.0) << 40 | 5, true),
    ];
    for (number, backwards) in orders {
        let mut nodes = write(&graph, number);
        if backwards {
            nodes.reverse();
        }
        let (restored, ids) = read(*graph.params(), &nodes).expect("it was just written");
        assert_eq!(check(&restored).reachable, 700);
        let name = |id: NodeId| nodes[ids.iter().position(|&other| other == id).expect("one of them")].number;
        let mut again = write(&restored, name);
        again.sort_by_key(|node| node.number);
        nodes.sort_by_key(|node| node.number);
        for (mut a, mut b) in nodes.into_iter().zip(again) {
            a.links.iter_mut().chain(&mut b.links).for_each(|links| links.sort_unstable());
            assert_eq!((a.number, a.code, a.l2, a.range, a.links), (b.number, b.code, b.l2, b.range, b.links));
        }
    }
}

#[test]
fn a_restored_graph_lives_on() {
    let graph = sample(300, 4);
    let nodes = write(&graph, |id| u64::from(id.0));
    let (restored, ids) = read(*graph.params(), &nodes).expect("it was just written");
    let mut scratch = Scratch::default();
    let mut random = Random(32);
    for id in ids.iter().step_by(2) {
        assert!(restored.remove(*id));
        restored.add(Vector::Floats(&random.vector(6)), random.next());
        link_all(&restored, &mut scratch);
    }
    let statistics = check(&restored);
    assert_eq!((statistics.live, statistics.reachable), (300, 300));
}

#[test]
fn longer_lists_lose_their_farthest_links() {
    let wide = sample(400, 12);
    let nodes = write(&wide, |id| u64::from(id.0));
    let narrow = Params { m: 4, ..*wide.params() };
    let (restored, _) = read(narrow, &nodes).expect("only too long");
    let statistics = check(&restored);
    assert!(statistics.degree > 6.0, "{statistics:?}");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let graph = sample(60, 4);
    let nodes = write(&graph, |id| u64::from(id.0));
    let params = *graph.params();
    let refuse = |change: &dyn Fn(&mut Vec<Node>)| {
        let mut nodes = nodes.clone();
        change(&mut nodes);
        read(params, &nodes).expect_err("it was damaged").0
    };
    let linked = nodes.iter().position(|node| node.links[0].len() > 2).expect("most are");
    assert_eq!(refuse(&|nodes| nodes[linked].links[0].truncate(2)), "links are not mutual");
    assert_eq!(refuse(&|nodes| nodes[linked].links[0][0] = 1000), "more nodes than announced");
    assert_eq!(refuse(&|nodes| nodes[linked].links[0][0] = linked as u64), "a node linked twice or to itself");
    assert_eq!(
        refuse(&|nodes| nodes[linked].links[0][0] = nodes[linked].links[0][1]),
        "a node linked twice or to itself"
    );
    assert_eq!(refuse(&|nodes| nodes[3] = nodes[4].clone()), "node number used twice");
    assert_eq!(refuse(&|nodes| nodes[3].code.truncate(5)), "vector length");
    assert_eq!(refuse(&|nodes| nodes[3].links.resize(20, Vec::new())), "level");
    assert!(refuse(&|nodes| drop(nodes.pop())).starts_with("more nodes than announced"));
    let mut short = Restore::new(params, 2);
    let vector = Vector::Stored { code: &nodes[0].code, l2: 1.0, range: 1.0 };
    short.node(7, vector, 0).expect("a node");
    assert_eq!(short.links(1, &[]), Err(Corrupt("links of no level")));
    assert_eq!(short.finish().expect_err("one of two").0, "nodes are missing");
}

#[test]
fn what_reads_well_is_a_graph() {
    // One way round is not enough, and neither is the other node's other level.
    let graph = sample(60, 4);
    let nodes = write(&graph, |id| u64::from(id.0));
    let tall = nodes.iter().position(|node| node.links.len() > 1).expect("one of 60");
    let mut crossed = nodes.clone();
    let flat = crossed.iter().position(|node| node.links.len() == 1).expect("most");
    let number = crossed[flat].number;
    crossed[tall].links[1].push(number);
    assert_eq!(read(*graph.params(), &crossed).expect_err("not mutual").0, "links are not mutual");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_that_is_read_breaks_a_graph(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0u64..70), 0..4),
    ) {
        let graph = sample(60, 4);
        let mut nodes = write(&graph, |id| u64::from(id.0));
        for (index, what, value) in changes {
            let at = index.index(nodes.len());
            let node = &mut nodes[at];
            let level = usize::from(what) % node.links.len();
            match what % 7 {
                0 => node.links[level].push(value),
                1 => node.links[level].truncate(1),
                2 => node.number = value,
                3 => node.links.push(vec![value]),
                4 => node.range = f32::from_bits(value as u32 * 0x0101_0101),
                5 => drop(nodes.remove(at)),
                _ => node.code.fill(value as u8),
            }
        }
        if let Ok((restored, _)) = read(*graph.params(), &nodes) {
            check(&restored);
            let mut hits = Vec::new();
            let query = restored.query(Vector::Floats(&[1.0; 6]));
            let search = Search { k: 3, ef: 3, ..Search::default() };
            restored.search(&query, &search, &mut Scratch::default(), &mut hits).expect("nobody cancels");
        }
    }
}
