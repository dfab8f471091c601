//! What happens in the keyspace and to the server, told to those who follow it; and work for later on the main thread.
//!
//! The server calls on the main thread, in the middle of the command that caused the event. Reading keys is allowed
//! then, writing them is not.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

use redis_module::raw as ffi;

use super::args::Arg;
use super::context::Context;
use super::loading::Loading;

/// Who follows. One table for the library.
pub struct Followers {
    /// A key changed, appeared or went: the event's name (`hset`, `del`, `expired`, `loaded`, …) and the key. The
    /// context's database is the key's.
    pub key: fn(&Context, event: &[u8], key: Arg<'_>),
    /// A database was emptied; `None`: all of them.
    pub flushed: fn(&Context, database: Option<i32>),
    /// Two databases changed places.
    pub swapped: fn(&Context, i32, i32),
    /// Loading of an RDB file, an AOF or a full synchronisation: begins (true) or has ended (false).
    pub loading: fn(&Context, begins: bool),
    /// The server has forked, to save, to rewrite the AOF or for a full synchronisation. Told to the parent.
    pub forked: fn(&Context),
}

static FOLLOWERS: OnceLock<&'static Followers> = OnceLock::new();

/// Subscribes to everything in the table; false where the server does not let us.
pub fn follow(loading: &Loading, followers: &'static Followers) -> bool {
    let _ = FOLLOWERS.set(followers);
    // Any type's event can mean that a document of ours was overwritten, so all classes but misses are wanted.
    let classes = ffi::REDISMODULE_NOTIFY_GENERIC
        | ffi::REDISMODULE_NOTIFY_STRING
        | ffi::REDISMODULE_NOTIFY_LIST
        | ffi::REDISMODULE_NOTIFY_SET
        | ffi::REDISMODULE_NOTIFY_HASH
        | ffi::REDISMODULE_NOTIFY_ZSET
        | ffi::REDISMODULE_NOTIFY_EXPIRED
        | ffi::REDISMODULE_NOTIFY_EVICTED
        | ffi::REDISMODULE_NOTIFY_STREAM
        | ffi::REDISMODULE_NOTIFY_LOADED
        | ffi::REDISMODULE_NOTIFY_MODULE;
    let event = |id| ffi::RedisModuleEvent { id, dataver: 1 };
    // SAFETY: the context is valid while loading, the functions live as long as the library.
    unsafe {
        let done = |outcome| outcome == ffi::REDISMODULE_OK as c_int;
        let keys = done(api!(RedisModule_SubscribeToKeyspaceEvents(loading.raw, classes, Some(key_event))));
        let events = [
            ffi::REDISMODULE_EVENT_FLUSHDB,
            ffi::REDISMODULE_EVENT_SWAPDB,
            ffi::REDISMODULE_EVENT_LOADING,
            ffi::REDISMODULE_EVENT_FORK_CHILD,
        ];
        let subscribed =
            events.map(|id| done(api!(RedisModule_SubscribeToServerEvent(loading.raw, event(id), Some(server_event)))));
        keys && subscribed.iter().all(|done| *done)
    }
}

unsafe extern "C" fn key_event(
    raw: *mut ffi::RedisModuleCtx,
    _class: c_int,
    event: *const c_char,
    key: *mut ffi::RedisModuleString,
) -> c_int {
    if let Some(followers) = FOLLOWERS.get() {
        // SAFETY: the server passes a valid context, a C string and a string, for the time of the call.
        let (ctx, event, key) = unsafe { (Context::new(raw), CStr::from_ptr(event), Arg::new(key)) };
        (followers.key)(&ctx, event.to_bytes(), key);
    }
    ffi::REDISMODULE_OK as c_int
}

unsafe extern "C" fn server_event(
    raw: *mut ffi::RedisModuleCtx,
    event: ffi::RedisModuleEvent,
    part: u64,
    data: *mut c_void,
) {
    let Some(followers) = FOLLOWERS.get() else { return };
    // SAFETY: the server passes a valid context for the time of the call.
    let ctx = unsafe { Context::new(raw) };
    match (event.id, part) {
        (ffi::REDISMODULE_EVENT_FLUSHDB, ffi::REDISMODULE_SUBEVENT_FLUSHDB_END) => {
            // SAFETY: this event's data is this structure.
            let info = unsafe { &*data.cast::<ffi::RedisModuleFlushInfo>() };
            (followers.flushed)(&ctx, (info.dbnum >= 0).then_some(info.dbnum));
        }
        (ffi::REDISMODULE_EVENT_SWAPDB, _) => {
            // SAFETY: this event's data is this structure.
            let info = unsafe { &*data.cast::<ffi::RedisModuleSwapDbInfo>() };
            (followers.swapped)(&ctx, info.dbnum_first, info.dbnum_second);
        }
        (ffi::REDISMODULE_EVENT_LOADING, part) => {
            let ended =
                matches!(part, ffi::REDISMODULE_SUBEVENT_LOADING_ENDED | ffi::REDISMODULE_SUBEVENT_LOADING_FAILED);
            (followers.loading)(&ctx, !ended);
        }
        (ffi::REDISMODULE_EVENT_FORK_CHILD, ffi::REDISMODULE_SUBEVENT_FORK_CHILD_BORN) => (followers.forked)(&ctx),
        _ => {}
    }
}

/// Work for later on the main thread.
type Later = Box<dyn FnOnce(&Context)>;

impl Context {
    /// Has the main thread run `work` in `milliseconds`.
    pub fn later(&self, milliseconds: i64, work: impl FnOnce(&Context) + 'static) {
        let work: Box<Later> = Box::new(Box::new(work));
        // SAFETY: the context is valid; the box is taken back by the one call of the timer.
        unsafe {
            api!(RedisModule_CreateTimer(self.raw, milliseconds, Some(timer), Box::into_raw(work).cast()));
        }
    }
}

unsafe extern "C" fn timer(raw: *mut ffi::RedisModuleCtx, data: *mut c_void) {
    // SAFETY: `later` boxed it, and the timer fires once.
    let work = unsafe { Box::from_raw(data.cast::<Later>()) };
    // SAFETY: the server passes a valid context for the time of the call.
    work(&unsafe { Context::new(raw) });
}
