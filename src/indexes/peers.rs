//! The other nodes of the cluster, as this one talks with them: who may ask here.
//!
//! All of it is the main thread's. A node that asks here has said hello first (see [`crate::cluster::login`]): its connection is kept by
//! the number of its client, which the server gives once. Whoever has not is no node, whatever he may run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use super::definitions;
use crate::cluster::catalogue::encode_flushed;
use crate::cluster::figures::Count;
use crate::cluster::frame::{Frame, Kind};
use crate::cluster::login::{self, Hello, Nonce, Secret};
use crate::cluster::node::NodeId;
use crate::config;
use crate::error::{Error, cluster as errors};
use crate::redis::blocking::Blocked;
use crate::redis::bus::{Message, is_connected};
use crate::redis::context::Context;

/// Hellos of nodes.
pub static HELLOS: Count = Count::new();
/// Clients that are no nodes and asked like one.
pub static STRANGERS: Count = Count::new();
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
    ctx.later(i64::try_from(login::LASTS.as_millis()).unwrap_or(i64::MAX), |_| {
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

/// A node has sent a message over the bus.
pub fn message(ctx: &Context, from: NodeId, message: Message, payload: &[u8]) {
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
pub fn secret(ctx: &Context) -> Secret {
    let (user, password) = config::cluster_login();
    if !password.is_empty() {
        return Secret { user, password };
    }
    let setting = |name: &[u8]| ctx.server_setting(name).unwrap_or_default();
    Secret { user: setting(b"masteruser"), password: setting(b"masterauth") }
}

/// A ping, or its reply: it tells when this node was flushed.
pub fn ping() -> Frame {
    frame(Kind::Ping, encode_flushed(definitions::flushed()))
}

/// A frame from here.
pub fn frame(kind: Kind, body: Vec<u8>) -> Frame {
    Frame { kind, patience: 0, standing: definitions::standing(), body }
}
