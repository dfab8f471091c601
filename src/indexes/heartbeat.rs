//! What a node of a cluster does now and then: it pings another one, each in turn, once a second. So a definition that a node has missed
//! is heard of soon, and `INFO` tells how long each takes to answer. All of it is the main thread's.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::{peers, registrar};
use crate::cluster::figures::{self, Count};
use crate::cluster::frame::Frame;
use crate::cluster::login;
use crate::cluster::node::Peer;
use crate::cluster::wire::{self, Failure};
use crate::redis::bus::{self, Members, Node};
use crate::redis::context::{Context, LogLevel, log};
use crate::redis::errands::on_main_thread;

/// Who is told of the cluster.
pub static MEMBERS: Members = Members { message: peers::message, tick };

/// Milliseconds between two pings.
const PAUSE: i64 = 1000;
/// How long a ping waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pings that were not answered.
pub static UNHEARD: Count = Count::new();

/// The nodes that can be asked.
fn others(nodes: &[Node]) -> Vec<Peer> {
    let reachable = nodes.iter().filter(|node| !node.is_here && !node.fails);
    reachable.filter_map(|node| Some(Peer { id: node.id, address: node.address? })).collect()
}

fn tick(ctx: &Context) {
    ctx.look_for_tls();
    if bus::is_node() {
        talk(ctx);
    }
    ctx.later(PAUSE, tick);
}

/// Pings a node, and sees to what is to be done.
fn talk(ctx: &Context) {
    let nodes = ctx.nodes();
    let others = others(&nodes);
    figures::forget(|id| nodes.iter().any(|node| node.id == id));
    if let Some(me) = nodes.iter().find(|node| node.is_here)
        && let Some(peer) = others.get(turn(others.len()))
    {
        wire::introduce(me.id, peers::secret(ctx));
        wire::ask(*peer, peers::ping(), Instant::now() + PATIENCE, heard(*peer));
    }
    registrar::tick(ctx);
}

/// What follows a ping.
fn heard(peer: Peer) -> impl FnOnce(Result<Frame, Failure>) + Send {
    move |outcome| {
        let failure = match outcome {
            Ok(frame) => return on_main_thread(move |ctx| registrar::heard(ctx, peer.id, &frame)),
            Err(failure) => failure,
        };
        UNHEARD.add(1);
        if failure == Failure::Shut(login::SILENT.into()) {
            let line = "does not know this one by the cluster's bus; cluster-user and cluster-password, or masterauth, are tried";
            log(LogLevel::Warning, &format!("the node {} {line}", peer.id));
        }
    }
}

/// One of so many: each in turn, beginning anywhere, so that not all nodes ask one.
fn turn(of: usize) -> usize {
    thread_local! {
        static NEXT: Cell<usize> = Cell::new(RandomState::new().build_hasher().finish() as usize >> 1);
    }
    NEXT.set(NEXT.get().wrapping_add(1));
    NEXT.get() % of.max(1)
}
