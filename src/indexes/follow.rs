//! Following the keyspace: every event about a key that an index may hold becomes an entry in the log of that index.
//!
//! What an event is called matters little: the key is looked at, and what it holds now is appended, be it a document or
//! nothing. So it makes no difference in which way a key came, changed or went. Only names of events after which a key is
//! certainly gone spare the look, and those that change no value spare the entry.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{dictionaries, persistence, registrar, registry, scan, temporary};
use crate::redis::args::Arg;
use crate::redis::context::Context;
use crate::redis::events::Followers;
use crate::redis::module;

/// Who follows.
pub static FOLLOWERS: Followers = Followers { key, flushed, swapped, loading, forked: persistence::forked };

/// Events that change no value.
const NO_CHANGE: [&[u8]; 4] = [b"expire", b"persist", b"new", b"keymiss"];
/// Events after which there is no such key.
const GONE: [&[u8]; 6] = [b"del", b"expired", b"evicted", b"rename_from", b"move_from", b"trimmed"];

thread_local! {
    /// A file is being loaded.
    static IS_LOADING: Cell<bool> = const { Cell::new(false) };
}

/// Keys that expired under the eyes of a worker: database and name. The registry is not for workers.
static SEEN_BY_WORKERS: Mutex<Vec<(i32, Box<[u8]>)>> = Mutex::new(Vec::new());
/// Whether there are any.
static ANY_SEEN: AtomicBool = AtomicBool::new(false);

/// Brings what workers saw into the logs. Called before a query notes how long the log is.
pub fn catch_up() {
    if !ANY_SEEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let seen = std::mem::take(&mut *SEEN_BY_WORKERS.lock().unwrap_or_else(PoisonError::into_inner));
    for (database, key) in seen {
        for index in registry::with(|registry| registry.of_key(database, &key)) {
            index.append(&key, None);
        }
    }
}

fn key(ctx: &Context, event: &[u8], key: Arg<'_>) {
    if NO_CHANGE.contains(&event) {
        return;
    }
    if !module::is_main_thread() {
        let mut seen = SEEN_BY_WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push((ctx.database(), key.bytes().into()));
        ANY_SEEN.store(true, Ordering::SeqCst);
        return;
    }
    // What a worker saw of the key came before.
    catch_up();
    let indexes = registry::with(|registry| registry.of_key(ctx.database(), key.bytes()));
    for index in indexes {
        if GONE.contains(&event) {
            index.append(key.bytes(), None);
        } else if event == b"loaded" {
            // While a file is loaded, the server keeps the name in a string that no key can be opened by.
            ctx.with_name(key.bytes(), |key| index.look(ctx, key));
        } else {
            index.look(ctx, key);
        }
        if !IS_LOADING.get() {
            index.handle.keep_up();
            continue;
        }
        // Nothing waits for an answer now, and a log that grows with the file would only cost memory.
        while index.handle.live.waiting() > scan::FULL as u64 {
            index.handle.live.apply_some();
        }
    }
}

fn flushed(ctx: &Context, database: Option<i32>) {
    // The definitions are the whole cluster's.
    if registrar::spreads() {
        return registrar::flushed(ctx, database);
    }
    if database.is_none() {
        dictionaries::flush();
    }
    registry::with(|registry| registry.flush(database));
}

fn swapped(_ctx: &Context, first: i32, second: i32) {
    registry::with(|registry| registry.swap(first, second));
}

/// Keys tell of themselves while they are loaded. What can't: those of an index whose walk was under way when the file was
/// written; definitions come with the file, before the keys, so there is none.
fn loading(ctx: &Context, begins: bool) {
    IS_LOADING.set(begins);
    if !begins {
        persistence::finish(ctx);
        temporary::watch(ctx);
        scan::resume(ctx);
    }
}
