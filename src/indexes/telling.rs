//! How entries of the catalogue get to every master, and when that is enough.
//!
//! A master that can't be reached, or has lost the connection, is told again until the time for that is over: an entry that comes twice is
//! taken once. One that the cluster holds for gone meanwhile is told no more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::peers::frame;
use crate::cluster::catalogue::{Quorum, Reached};
use crate::cluster::frame::Kind;
use crate::cluster::node::{NodeId, Peer};
use crate::cluster::proposal::Outcome;
use crate::cluster::roll::Roll;
use crate::cluster::wire::{self, Failure};
use crate::config;
use crate::error::cluster as errors;
use crate::redis::context::Context;
use crate::redis::errands::on_main_thread;

/// What follows a proposal.
pub type Then = Box<dyn FnOnce(Outcome) + Send>;

/// Milliseconds until something is sent again.
pub const AGAIN: i64 = 20;

/// How long nodes have to take a definition.
pub fn patience() -> Duration {
    Duration::from_millis(config::cluster_define_timeout())
}

/// A node that can be asked.
pub fn peer(ctx: &Context, id: NodeId) -> Option<Peer> {
    let address = ctx.nodes().into_iter().find(|node| node.id == id && !node.fails)?.address?;
    Some(Peer { id, address })
}

/// Who has answered, and what follows when all have.
type Waiting = Arc<Mutex<(Quorum, Option<(Outcome, Then)>)>>;

/// Tells every other master of entries, and then `then` the outcome.
pub fn tell_all(ctx: &Context, roll: &Roll, here: NodeId, body: &[u8], outcome: Outcome, then: Then) {
    let others: Vec<NodeId> = roll.others().collect();
    let quorum = Quorum::new(roll.voters(), here, others.iter().copied());
    let waiting = Arc::new(Mutex::new((quorum, Some((outcome, then)))));
    settle(&waiting);
    let until = Instant::now() + patience();
    others.into_iter().for_each(|id| tell(ctx, id, body.to_vec(), until, Arc::clone(&waiting)));
}

fn tell(ctx: &Context, id: NodeId, body: Vec<u8>, until: Instant, waiting: Waiting) {
    let Some(peer) = peer(ctx, id).filter(|_| Instant::now() < until) else {
        return answered(&waiting, id, false);
    };
    wire::ask(peer, frame(Kind::Put, body.clone()), until, move |answer| match answer {
        Err(Failure::Unreachable | Failure::Lost | Failure::Busy | Failure::Shut(_)) => on_main_thread(move |ctx| {
            ctx.later(AGAIN, move |ctx| tell(ctx, id, body, until, waiting));
        }),
        answer => answered(&waiting, id, answer.is_ok()),
    });
}

fn answered(waiting: &Waiting, id: NodeId, holds: bool) {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).0.answered(id, holds);
    settle(waiting);
}

/// Goes on, if nobody is still to answer.
fn settle(waiting: &Waiting) {
    let (reached, then) = {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reached) = waiting.0.reached() else { return };
        (reached, waiting.1.take())
    };
    let Some((outcome, then)) = then else { return };
    then(match reached {
        Reached::Enough => outcome,
        Reached::TooFew(held, of) => Outcome::Refused(errors::held_by(held, of).text().to_vec()),
    });
}
