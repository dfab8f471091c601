//! What is counted of the talk between nodes, for `INFO`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::node::NodeId;

/// Counted over all nodes.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// None yet.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Frames sent to other nodes.
pub static SENT: Count = Count::new();
/// Replies that came.
pub static RECEIVED: Count = Count::new();
/// Bytes sent.
pub static BYTES_SENT: Count = Count::new();
/// Bytes that came.
pub static BYTES_RECEIVED: Count = Count::new();
/// Connections made.
pub static CONNECTED: Count = Count::new();
/// Connections that failed, or were lost with frames under way.
pub static LOST: Count = Count::new();
/// Frames whose time was over before their reply came.
pub static LATE: Count = Count::new();
/// Frames refused here, since too many were under way.
pub static BUSY: Count = Count::new();
/// Connections given up, since what came was no reply.
pub static GARBLED: Count = Count::new();

/// How long replies took, in steps of a quarter of an octave from 1 µs on.
#[derive(Clone)]
struct Times([u64; Times::STEPS]);

impl Times {
    const STEPS: usize = 128;

    fn step(microseconds: u64) -> usize {
        let octave = microseconds.max(1).ilog2();
        let quarter = (microseconds.max(1) << 2 >> octave) & 3;
        (octave as usize * 4 + quarter as usize).min(Self::STEPS - 1)
    }

    /// The least microseconds of a step.
    fn least(step: usize) -> u64 {
        ((4 + step as u64 % 4) << (step / 4)) >> 2
    }

    /// So many thousandths took no longer than this, to the step.
    fn quantile(&self, thousandths: u64) -> u64 {
        let all: u64 = self.0.iter().sum();
        let mut left = all * thousandths / 1000;
        for (step, count) in self.0.iter().enumerate() {
            if *count > left {
                return Self::least(step);
            }
            left -= count;
        }
        0
    }
}

/// Of one node.
#[derive(Clone)]
pub struct OfPeer {
    /// Connections that are open.
    pub connections: u64,
    /// Replies that came from it.
    pub replies: u64,
    /// Frames to it that came to nothing.
    pub failures: u64,
    times: Times,
}

impl OfPeer {
    /// Half of the replies took no more microseconds.
    pub fn median(&self) -> u64 {
        self.times.quantile(500)
    }

    /// One in a hundred replies took more microseconds.
    pub fn slowest(&self) -> u64 {
        self.times.quantile(990)
    }
}

static PEERS: Mutex<BTreeMap<NodeId, OfPeer>> = Mutex::new(BTreeMap::new());

fn peers() -> MutexGuard<'static, BTreeMap<NodeId, OfPeer>> {
    PEERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with(id: NodeId, change: impl FnOnce(&mut OfPeer)) {
    let none = OfPeer { connections: 0, replies: 0, failures: 0, times: Times([0; Times::STEPS]) };
    change(peers().entry(id).or_insert(none));
}

/// A reply came from a node, after so long.
pub fn replied(id: NodeId, after: Duration) {
    with(id, |peer| {
        peer.replies += 1;
        let microseconds = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        peer.times.0[Times::step(microseconds)] += 1;
    });
}

/// A frame to a node came to nothing.
pub fn failed(id: NodeId) {
    with(id, |peer| peer.failures += 1);
}

/// How many connections to a node are open now.
pub fn connected(id: NodeId, connections: usize) {
    with(id, |peer| peer.connections = connections as u64);
}

/// Those of all nodes that were asked.
pub fn of_peers() -> Vec<(NodeId, OfPeer)> {
    peers().iter().map(|(id, peer)| (*id, peer.clone())).collect()
}

/// Forgets the nodes that the cluster does not know any more.
pub fn forget(is_known: impl Fn(NodeId) -> bool) {
    peers().retain(|id, _| is_known(*id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_a_quarter_of_an_octave() {
        let mut times = Times([0; Times::STEPS]);
        (1..=1000u64).for_each(|microseconds| times.0[Times::step(microseconds)] += 1);
        for (thousandths, exact) in [(500, 501.0), (990, 991.0), (0, 1.0)] {
            let told = times.quantile(thousandths) as f64;
            assert!(told <= exact && told > exact / 1.26, "{thousandths}: {told}");
        }
        assert_eq!(Times([0; Times::STEPS]).quantile(500), 0);
        for step in 8..Times::STEPS {
            assert_eq!(Times::step(Times::least(step)), step);
        }
        assert_eq!(Times::step(0), Times::step(1));
        assert_eq!(Times::step(u64::MAX), Times::STEPS - 1);
    }
}
