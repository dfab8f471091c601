//! One list of definitions for a whole cluster.
//!
//! The master of one slot is the *registrar* (see [`crate::cluster::catalogue`]): whoever it is, it decides on definitions, one after the other.
//!
//! ```text
//! client ─ FT.CREATE ─▶ any master ─ PROPOSE ─▶ registrar: runs the command, gives a version
//!                            ▲                      │ PUT to every master, each replicates it
//!                            └──── outcome ─────────┘ when all of them hold it
//! ```
//! 1. The node that the client asks looks at his rights and at the words, then waits for the registrar.
//! 2. The registrar runs the command as one server does. So of two FT.CREATE of one name one is told that there is an index. What has changed
//!    of it becomes entries, with the next versions.
//! 3. The outcome is told when all masters hold the entries that the cluster does not take for gone; or when the time for that is over
//!    and a majority of the masters with slots holds them. Fewer: `TRYAGAIN`.
//! 4. A registrar that is new in its epoch first asks a majority for all that they have. With 3: what was acknowledged is never lost.
//! 5. Nodes tell each other how far they are with every frame. Whoever is behind asks for what is newer.
//! 6. What empties a node keeps its definitions. Those go that are older than the last time when each master with slots was emptied. So
//!    who empties all of them finds what one server shows that was emptied; and one that is emptied by mistake loses no definition.
//! 7. A master that has definitions without versions, since it was alone before, proposes them. Where there is another definition of
//!    the name, that one stays.
//!
//! All of it is the main thread's, but for what counts the answers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::definitions::{self, Flushed};
use super::peers::{self, frame};
use super::replication;
use super::telling::{self, AGAIN, Then, patience, peer};
use crate::cluster::catalogue::{
    Catalogue, Entry, Kind as Of, Name, Quorum, State, decode_entries, decode_flushed, encode_entries, encode_version,
};
use crate::cluster::figures::Count;
use crate::cluster::frame::{Frame, Kind, Version};
use crate::cluster::node::{NodeId, Peer};
use crate::cluster::proposal::{Outcome, Proposal, What};
use crate::cluster::roll::Roll;
use crate::cluster::wire::{self, Failure};
use crate::config;
use crate::error::{Error, cluster as errors};
use crate::redis::blocking::Blocked;
use crate::redis::bus;
use crate::redis::context::{Context, LogLevel, log};
use crate::redis::errands::on_main_thread;

/// Definitions that this node decided on.
pub static DECIDED: Count = Count::new();
/// Definitions that came from others.
pub static TAKEN: Count = Count::new();
/// Times that others were asked for what is newer.
pub static PULLS: Count = Count::new();
/// Proposals that were sent again.
pub static RETRIES: Count = Count::new();

thread_local! {
    /// The epoch in which this node has asked a majority for what it has.
    static OPEN_IN: Cell<Option<u64>> = const { Cell::new(None) };
    /// Who has answered, while it asks.
    static OPENING: RefCell<Option<(u64, Quorum)>> = const { RefCell::new(None) };
    /// What came meanwhile.
    static QUEUE: RefCell<Vec<(Proposal, Then)>> = const { RefCell::new(Vec::new()) };
    /// When the others were flushed, as far as they have told.
    static FLUSHES: RefCell<HashMap<NodeId, Flushed>> = RefCell::default();
    /// Whom something newer is asked for.
    static PULLING: RefCell<Vec<NodeId>> = const { RefCell::new(Vec::new()) };
}

/// Whether definitions are the whole cluster's.
pub fn spreads() -> bool {
    bus::is_node() && config::cluster_spread()
}

/// Whether a command about definitions is for the registrar.
pub fn is_asked(ctx: &Context) -> bool {
    spreads() && !replication::is_quiet() && !ctx.is_told()
}

/// Has the registrar decide, if this server is a node of a cluster: then the client waits, and is answered later. A command that the registrar
/// runs, or that comes from a master or a file, is not for it.
///
/// # Errors
/// The client can't wait.
pub fn takes(ctx: &Context, words: &[&[u8]]) -> Result<bool, Error> {
    if !is_asked(ctx) {
        return Ok(false);
    }
    let client = ctx.block_if(true).ok_or_else(|| errors::cannot_block(words[0]))?;
    let words = words.iter().map(|word| word.to_vec()).collect();
    let database = u32::try_from(ctx.database()).unwrap_or(0);
    let proposal = Proposal { database, what: What::Command(words) };
    try_until(ctx, proposal, Instant::now() + patience(), Box::new(move |outcome| answer(client, &outcome)));
    Ok(true)
}

fn answer(client: Blocked, outcome: &Outcome) {
    client.reply(|reply| match outcome {
        Outcome::Done => reply.ok(),
        Outcome::Number(number) => reply.integer(*number),
        Outcome::Refused(text) => reply.error(&Error::composed(text.clone())),
        Outcome::NotMe => reply.error(&errors::NO_REGISTRAR),
    });
}

/// An index has been idle for its time: in a cluster it goes everywhere, or nowhere.
pub fn expires(ctx: &Context, index: &[u8]) -> bool {
    if !spreads() {
        return false;
    }
    let words = vec![b"FT._DROPINDEXIFX".to_vec(), index.to_vec(), b"DD".to_vec()];
    let proposal = Proposal { database: u32::try_from(ctx.database()).unwrap_or(0), what: What::Command(words) };
    try_until(ctx, proposal, Instant::now() + patience(), Box::new(|_| {}));
    true
}

/// Sends a proposal to the registrar, until somebody is it.
fn try_until(ctx: &Context, proposal: Proposal, until: Instant, then: Then) {
    let roll = ctx.roll();
    let Some(registrar) = roll.registrar() else { return then(Outcome::NotMe) };
    if registrar.is_here {
        return decide(ctx, &roll, proposal, then);
    }
    let Some(peer) = peer(ctx, registrar.id) else { return again(ctx, proposal, until, then) };
    let body = proposal.encode();
    // The registrar may ask a majority first, and then waits for those who hold it.
    let deadline = Instant::now() + 3 * patience();
    wire::ask(peer, frame(Kind::Propose, body), deadline, move |answer| {
        match answer.map(|frame| Outcome::decode(&frame.body)) {
            Ok(Ok(Outcome::NotMe)) | Err(Failure::Unreachable | Failure::Busy | Failure::Shut(_)) => {
                on_main_thread(move |ctx| again(ctx, proposal, until, then));
            }
            Ok(Ok(outcome)) => then(outcome),
            Err(Failure::Refused(text)) => then(Outcome::Refused(text)),
            Ok(Err(_)) | Err(_) => then(Outcome::Refused(errors::REGISTRAR_LOST.text().to_vec())),
        }
    });
}

/// Tries again in a while, to whoever is the registrar then.
fn again(ctx: &Context, proposal: Proposal, until: Instant, then: Then) {
    if Instant::now() >= until {
        return then(Outcome::NotMe);
    }
    RETRIES.add(1);
    ctx.later(AGAIN, move |ctx| try_until(ctx, proposal, until, then));
}

/// A proposal of another node has come. `then` may be called at once.
pub fn decide_for(ctx: &Context, proposal: Proposal, then: impl FnOnce(Outcome) + Send + 'static) {
    decide(ctx, &ctx.roll(), proposal, Box::new(then));
}

/// Decides, if this node is the registrar.
fn decide(ctx: &Context, roll: &Roll, proposal: Proposal, then: Then) {
    let Some(here) = roll.here().filter(|here| here.is_registrar) else { return then(Outcome::NotMe) };
    if ctx.must_not_replicate() {
        ctx.later(AGAIN, move |ctx| decide(ctx, &ctx.roll(), proposal, then));
        return;
    }
    if OPEN_IN.get() == Some(here.epoch) {
        return match flushers(ctx, roll, &proposal) {
            silent if silent.is_empty() => carry_out(ctx, roll, here.epoch, &proposal, then),
            silent => ask_for_flushes(silent, proposal, then),
        };
    }
    QUEUE.with_borrow_mut(|queue| queue.push((proposal, then)));
    open(ctx, roll, here.id, here.epoch);
}

/// Asks the other masters for all that they have, before the first decision in an epoch.
fn open(ctx: &Context, roll: &Roll, here: NodeId, epoch: u64) {
    if OPENING.with_borrow(|opening| opening.as_ref().is_some_and(|(asked, _)| *asked == epoch)) {
        return;
    }
    let others: Vec<Peer> = roll.others().filter_map(|id| peer(ctx, id)).collect();
    let quorum = Quorum::new(roll.voters(), here, others.iter().map(|peer| peer.id));
    OPENING.set(Some((epoch, quorum)));
    for peer in others {
        let deadline = Instant::now() + patience();
        let body = encode_version(Version::default());
        wire::ask(peer, frame(Kind::Pull, body), deadline, move |answer| {
            on_main_thread(move |ctx| {
                let holds = answer.is_ok_and(|frame| take(ctx, frame.body));
                opened(ctx, epoch, |quorum| quorum.answered(peer.id, holds));
            });
        });
    }
    opened(ctx, epoch, |_| {});
}

/// A master has answered, or will not. With a majority of them, what waits is decided.
fn opened(ctx: &Context, epoch: u64, count: impl FnOnce(&mut Quorum)) {
    let ready = OPENING.with_borrow_mut(|opening| {
        let (_, quorum) = opening.as_mut().filter(|(asked, _)| *asked == epoch)?;
        count(quorum);
        let ready = quorum.has_majority();
        (ready || quorum.reached().is_some()).then_some(ready)
    });
    let Some(ready) = ready else { return };
    OPENING.set(None);
    if ready {
        OPEN_IN.set(Some(epoch));
    }
    for (proposal, then) in QUEUE.take() {
        if ready {
            decide(ctx, &ctx.roll(), proposal, then);
        } else {
            then(Outcome::Refused(errors::NO_MAJORITY.text().to_vec()));
        }
    }
}

/// The masters that may have been flushed without telling, where a proposal makes an index that is there, and this node was flushed after
/// that.
fn flushers(ctx: &Context, roll: &Roll, proposal: &Proposal) -> Vec<Peer> {
    let What::Command(words) = &proposal.what else { return Vec::new() };
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let names = definitions::touched(i32::try_from(proposal.database).unwrap_or(0), &words);
    let old = definitions::before(definitions::flushed());
    if !definitions::creates(words[0]) || !names.iter().any(|name| old.contains(name)) {
        return Vec::new();
    }
    let has_told = |id: &NodeId| {
        let told = FLUSHES.with_borrow(|all| all.get(id).copied().unwrap_or_default());
        let old = definitions::before(told);
        names.iter().any(|name| old.contains(name))
    };
    let here = roll.here().map(|here| here.id);
    let silent = roll.voters().filter(|id| Some(*id) != here && !has_told(id));
    silent.filter_map(|id| peer(ctx, id)).collect()
}

/// Asks masters when they were flushed, and decides when all have answered or will not.
fn ask_for_flushes(silent: Vec<Peer>, proposal: Proposal, then: Then) {
    let waiting = Arc::new(Mutex::new((silent.len(), Some((proposal, then)))));
    for peer in silent {
        let waiting = Arc::clone(&waiting);
        let ping = peers::ping();
        wire::ask(peer, ping, Instant::now() + patience(), move |answer| {
            on_main_thread(move |ctx| {
                if let Ok(frame) = answer {
                    heard(ctx, peer.id, &frame);
                }
                let decided = {
                    let mut all = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    all.0 -= 1;
                    if all.0 == 0 { all.1.take() } else { None }
                };
                if let Some((proposal, then)) = decided {
                    let roll = ctx.roll();
                    match roll.here().filter(|here| here.is_registrar && OPEN_IN.get() == Some(here.epoch)) {
                        Some(here) => carry_out(ctx, &roll, here.epoch, &proposal, then),
                        None => then(Outcome::NotMe),
                    }
                }
            });
        });
    }
}

/// This node was emptied: the registrar hears of it.
pub fn flushed(ctx: &Context, database: Option<i32>) {
    definitions::empty(database);
    if ctx.is_replica() || ctx.is_told_by_file() {
        return;
    }
    ctx.later(0, |ctx| {
        let roll = ctx.roll();
        match roll.registrar() {
            Some(registrar) if registrar.is_here => sweep(ctx, &roll),
            Some(registrar) => {
                if let Some(peer) = peer(ctx, registrar.id) {
                    // Who does not hear of it asks, where that matters.
                    wire::ask(peer, peers::ping(), Instant::now() + patience(), |_| {});
                }
            }
            None => {}
        }
    });
}

/// Drops the definitions that are older than the last time when each master was emptied, if this node is the registrar.
fn sweep(ctx: &Context, roll: &Roll) {
    let Some(here) = roll.here().filter(|here| here.is_registrar && OPEN_IN.get() == Some(here.epoch)) else { return };
    if ctx.must_not_replicate() {
        return;
    }
    let last = roll.voters().fold(definitions::flushed(), |[first, all], id| {
        let told = if id == here.id {
            definitions::flushed()
        } else {
            FLUSHES.with_borrow(|flushes| flushes.get(&id).copied().unwrap_or_default())
        };
        [first.min(told[0]), all.min(told[1])]
    });
    let old = definitions::before(last);
    let changes =
        old.into_iter().filter(|name| definitions::make(ctx, name, &State::Gone)).map(|name| (name, State::Gone));
    publish(ctx, roll, changes.collect(), Outcome::Done, Box::new(|_| {}));
}

/// Runs what was proposed, and tells every master what has come of it.
fn carry_out(ctx: &Context, roll: &Roll, epoch: u64, proposal: &Proposal, then: Then) {
    debug_assert!(roll.here().is_some_and(|here| here.epoch == epoch));
    sweep(ctx, roll);
    let (outcome, changes) = match &proposal.what {
        What::Command(words) => run(ctx, proposal.database, words),
        What::Adopt(entries) => (Outcome::Done, adopt(ctx, entries)),
    };
    publish(ctx, roll, changes, outcome, then);
}

/// Gives changes their versions, and tells every master of them.
fn publish(ctx: &Context, roll: &Roll, changes: Changes, outcome: Outcome, then: Then) {
    let Some(here) = roll.here() else { return then(Outcome::NotMe) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let entries: Vec<Entry> = changes
        .into_iter()
        .map(|(name, state)| {
            let version = definitions::with(|catalogue| {
                let version = catalogue.next(here.epoch, now, here.id);
                catalogue.take(&name, version, !matches!(state, State::Is(_)));
                version
            });
            Entry { name, version, state }
        })
        .collect();
    if entries.is_empty() {
        return then(outcome);
    }
    DECIDED.add(entries.len() as u64);
    let body = encode_entries(Version::default(), &entries);
    ctx.replicate(c"FT._DEF", &[b"PUT", &frame(Kind::Put, body.clone()).encode()]);
    telling::tell_all(ctx, roll, here.id, &body, outcome, then);
}

/// What has become of names.
type Changes = Vec<(Name, State)>;

/// Runs a command as one server does; what it answers, and what has changed.
fn run(ctx: &Context, database: u32, words: &[Vec<u8>]) -> (Outcome, Changes) {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let selected = ctx.database();
    let database = i32::try_from(database).unwrap_or(0);
    if !ctx.select(database) {
        return (Outcome::Refused(b"ERR DB index is out of range".to_vec()), Vec::new());
    }
    let scans = !words.iter().any(|word| word.eq_ignore_ascii_case(b"SKIPINITIALSCAN"));
    let names = definitions::touched(database, &words);
    let before: Vec<_> = names.iter().map(|name| definitions::value(name, scans)).collect();
    let ran = replication::quietly(|| ctx.run(words[0], &words[1..]));
    let outcome = match ran {
        Ok(None) => Outcome::Done,
        Ok(Some(number)) => Outcome::Number(number),
        Err(error) => Outcome::Refused(error.text().to_vec()),
    };
    let gone = if definitions::deletes_documents(&words) { State::GoneWithDocuments } else { State::Gone };
    let changes = names.into_iter().zip(before).filter_map(|(name, before)| {
        let now = definitions::value(&name, scans);
        let is_index = name.kind == Of::Index;
        (now != before)
            .then(|| (name, now.map_or_else(|| if is_index { gone.clone() } else { State::Gone }, State::Is)))
    });
    let changes = changes.collect();
    ctx.select(selected);
    (outcome, changes)
}

/// Takes over definitions that a node had before it came, where there are none of their names.
fn adopt(ctx: &Context, entries: &[Entry]) -> Changes {
    let mut changes = Vec::new();
    for Entry { name, state, .. } in entries {
        let State::Is(value) = state else { continue };
        let known = definitions::with(|catalogue| catalogue.get(name));
        if known.is_some_and(|known| !known.is_gone) {
            continue;
        }
        if definitions::make(ctx, name, state) {
            changes.push((name.clone(), State::Is(value.clone())));
        }
    }
    changes
}

/// Takes the entries of a frame's body, and tells replicas and the AOF of them; false where they can't be.
fn take(ctx: &Context, body: Vec<u8>) -> bool {
    let Ok((horizon, entries)) = decode_entries(&body) else { return false };
    if ctx.must_not_replicate() || ctx.is_replica() {
        return false;
    }
    let news = definitions::put(ctx, horizon, &entries);
    if news > 0 {
        TAKEN.add(news as u64);
        ctx.replicate(c"FT._DEF", &[b"PUT", &frame(Kind::Put, body).encode()]);
    }
    true
}

/// A node has said how far it is: if it is further, it is asked for what is newer.
pub fn heard(ctx: &Context, from: NodeId, said: &Frame) {
    let theirs = said.standing;
    if said.kind == Kind::Ping
        && let Ok(told) = decode_flushed(&said.body)
        && FLUSHES.with_borrow_mut(|flushes| flushes.insert(from, told)) != Some(told)
    {
        ctx.later(0, |ctx| sweep(ctx, &ctx.roll()));
    }
    let ours = definitions::standing();
    let since = if theirs.version > ours.version {
        ours.version
    } else if theirs.version == ours.version && theirs.digest != ours.digest {
        Version::default()
    } else {
        return;
    };
    if ctx.is_replica() || PULLING.with_borrow(|pulling| pulling.contains(&from)) {
        return;
    }
    let Some(peer) = peer(ctx, from) else { return };
    PULLS.add(1);
    PULLING.with_borrow_mut(|pulling| pulling.push(from));
    wire::ask(peer, frame(Kind::Pull, encode_version(since)), Instant::now() + patience(), move |answer| {
        on_main_thread(move |ctx| {
            PULLING.with_borrow_mut(|pulling| pulling.retain(|node| *node != from));
            if let Ok(Frame { body, .. }) = answer {
                take(ctx, body);
            }
        });
    });
}

/// What is to be done now and then: definitions without versions are proposed; who has left the cluster forgets its versions.
pub fn tick(ctx: &Context) {
    thread_local! {
        static PROPOSING: Cell<bool> = const { Cell::new(false) };
    }
    if !config::cluster_spread() {
        // What is defined here meanwhile is this node's own.
        definitions::with(|catalogue| *catalogue = Catalogue::default());
        return;
    }
    let roll = ctx.roll();
    let Some(here) = roll.here() else { return };
    if !here.is_registrar {
        OPEN_IN.set(None);
    }
    if roll.nodes == 1 && !here.has_slots {
        definitions::with(|catalogue| *catalogue = Catalogue::default());
        return;
    }
    if roll.registrar().is_none() || PROPOSING.get() || ctx.must_not_replicate() {
        return;
    }
    let entries = definitions::without_version();
    if entries.is_empty() {
        return;
    }
    PROPOSING.set(true);
    let proposal = Proposal { database: 0, what: What::Adopt(entries) };
    try_until(
        ctx,
        proposal,
        Instant::now() + patience(),
        Box::new(|outcome| {
            if let Outcome::Refused(text) = outcome {
                log(
                    LogLevel::Warning,
                    &format!("definitions of before the cluster: {}", String::from_utf8_lossy(&text)),
                );
            }
            on_main_thread(|_| PROPOSING.set(false));
        }),
    );
}
