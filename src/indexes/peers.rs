//! The other nodes of the cluster, as this one talks with them: who may ask here, and that each is heard of now and then.
//!
//! All of it is the main thread's. A node that asks here has said hello first (see [`crate::cluster::login`]): its connection is kept by
//! the number of its client, which the server gives once. Whoever has not is no node, whatever he may run.
//!
//! Once a second a node pings another, each in turn. So a definition that a node has missed is heard of soon, and `INFO` tells
//! how long each takes to answer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::cluster::figures::{self, Count};
use crate::cluster::frame::{Frame, Kind, Standing};
use crate::cluster::login::{self, Hello, Nonce, Secret};
use crate::cluster::node::{NodeId, Peer};
use crate::cluster::wire::{self, Failure};
use crate::config;
use crate::error::{Error, cluster as errors};
use crate::redis::blocking::Blocked;
use crate::redis::bus::{Members, Message, Node, is_connected};
use crate::redis::context::{Context, LogLevel, log};

/// Who is told of the cluster.
pub static MEMBERS: Members = Members { message, tick };

/// Milliseconds between two pings.
const PAUSE: i64 = 1000;
/// How long a ping waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hellos of nodes.
pub static HELLOS: Count = Count::new();
/// Clients that are no nodes and asked like one.
pub static STRANGERS: Count = Count::new();
/// Pings that were not answered.
pub static UNHEARD: Count = Count::new();

/// A client that says it is a node, which the bus is asked about.
struct Claim {
    nonce: Nonce,
    node: NodeId,
    client: Blocked,
    since: Instant,
}

thread_local! {
    /// The clients that are nodes.
    static KNOWN: RefCell<HashMap<u64, NodeId>> = RefCell::default();
    static CLAIMS: RefCell<Vec<Claim>> = const { RefCell::new(Vec::new()) };
}

/// The node that asks.
///
/// # Errors
/// The client is none.
pub fn node_of(ctx: &Context) -> Result<NodeId, Error> {
    let node = KNOWN.with_borrow(|known| known.get(&ctx.client()).copied());
    node.ok_or_else(|| {
        STRANGERS.add(1);
        errors::NO_NODE
    })
}

/// A client says that it is a node: that is asked about over the bus, and the client waits.
///
/// # Errors
/// It is none, or can't wait.
pub fn hello(ctx: &Context, hello: &Hello) -> Result<(), Error> {
    let known = ctx.nodes().into_iter().find(|node| node.id == hello.from && !node.is_here);
    known.ok_or(errors::NO_NODE)?;
    if hello.secret.opens(&secret(ctx)) {
        return welcome(ctx, hello.from);
    }
    let client = ctx.block_if(true).ok_or(errors::NO_NODE)?;
    if !ctx.tell_node(hello.from, Message::DidYouSay, &hello.nonce) {
        client.reply(|reply| reply.error(&errors::SILENT));
        return Ok(());
    }
    let (nonce, node, since) = (hello.nonce, hello.from, Instant::now());
    CLAIMS.with_borrow_mut(|claims| claims.push(Claim { nonce, node, client, since }));
    ctx.later(i64::try_from(login::LASTS.as_millis()).unwrap_or(PAUSE), |_| {
        let over = |claim: &mut Claim| claim.since.elapsed() >= login::LASTS;
        let over: Vec<Claim> = CLAIMS.with_borrow_mut(|claims| claims.extract_if(.., over).collect());
        over.into_iter().for_each(|claim| claim.client.reply(|reply| reply.error(&errors::SILENT)));
    });
    Ok(())
}

/// A client is a node from now on.
fn welcome(ctx: &Context, node: NodeId) -> Result<(), Error> {
    if !ctx.authenticate_node() {
        return Err(errors::NO_NODE);
    }
    HELLOS.add(1);
    KNOWN.with_borrow_mut(|known| {
        known.retain(|client, _| is_connected(*client));
        known.insert(ctx.client(), node);
    });
    ctx.reply().bulk(&frame(Kind::Hello, Vec::new()).encode());
    Ok(())
}

fn message(ctx: &Context, from: NodeId, message: Message, payload: &[u8]) {
    let Ok(nonce) = Nonce::try_from(payload) else { return };
    match message {
        Message::DidYouSay => {
            if login::was_said(&nonce, from) {
                ctx.tell_node(from, Message::IDid, &nonce);
            }
        }
        Message::IDid => {
            let is_meant = |claim: &Claim| claim.nonce == nonce && claim.node == from;
            let claim = CLAIMS.with_borrow_mut(|claims| {
                let at = claims.iter().position(is_meant)?;
                Some(claims.swap_remove(at))
            });
            if let Some(claim) = claim {
                claim.client.finish(move |ctx| welcome(ctx, from));
            }
        }
    }
}

/// What nodes can show each other where the bus is silent: what they are configured with for that, else what replicas show their
/// masters.
fn secret(ctx: &Context) -> Secret {
    let (user, password) = config::cluster_login();
    if !password.is_empty() {
        return Secret { user, password };
    }
    let setting = |name: &[u8]| ctx.server_setting(name).unwrap_or_default();
    Secret { user: setting(b"masteruser"), password: setting(b"masterauth") }
}

/// A frame from here.
pub fn frame(kind: Kind, body: Vec<u8>) -> Frame {
    Frame { kind, patience: 0, standing: Standing::default(), body }
}

/// The nodes that can be asked.
fn others(nodes: &[Node]) -> Vec<Peer> {
    let reachable = nodes.iter().filter(|node| !node.is_here && !node.fails);
    reachable.filter_map(|node| Some(Peer { id: node.id, address: node.address? })).collect()
}

fn tick(ctx: &Context) {
    let nodes = ctx.nodes();
    let others = others(&nodes);
    figures::forget(|id| nodes.iter().any(|node| node.id == id));
    if let Some(me) = nodes.iter().find(|node| node.is_here)
        && let Some(peer) = others.get(turn(others.len()))
    {
        wire::introduce(me.id, secret(ctx));
        wire::ask(*peer, frame(Kind::Ping, Vec::new()), Instant::now() + PATIENCE, heard(*peer));
    }
    ctx.later(PAUSE, tick);
}

/// What follows a ping.
fn heard(peer: Peer) -> impl FnOnce(Result<Frame, Failure>) + Send {
    move |outcome| {
        let Err(failure) = outcome else { return };
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
