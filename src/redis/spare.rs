//! Time that the main thread has to spare: work in slices, as soon as everybody was served.
//!
//! The server tells its modules each time before it looks at its sockets again ([`begin`]): all clients whose commands it knew of are
//! served then, but for writing the replies, which it does next. With [`go_on`] it does not sleep at the sockets, so that with nobody to serve, the next slice comes at once.
//!
//! ```text
//! main thread:  … commands ── slice ── go_on ── (sockets: nobody) ── slice ── go_on ── (sockets: PING) PING ── slice …
//! ```
//!
//! Timers do not do for this: the server calls none earlier than after a millisecond. A function that is called for a socket does not,
//! either: the server calls those in the middle of a script that takes long, too, or while it loads. Before it sleeps *there* it tells
//! nobody.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use redis_module::raw as ffi;

use super::context::Context;

thread_local! {
    /// What is called.
    static WORK: Cell<Option<fn(&Context)>> = const { Cell::new(None) };
    /// Whether the server tells us.
    static TOLD: Cell<bool> = const { Cell::new(false) };
}

/// The server is told by this function.
type Told = unsafe extern "C" fn(*mut ffi::RedisModuleCtx, ffi::RedisModuleEvent, u64, *mut c_void);

/// Has the main thread call `work` whenever it has served everybody, until [`end`].
pub fn begin(ctx: &Context, work: fn(&Context)) {
    WORK.set(Some(work));
    if !TOLD.get() {
        TOLD.set(subscribe(ctx, Some(before_sleep)));
    }
}

/// The work is over. The server goes on telling for a moment: its list of whom to tell must not change while it goes through it.
pub fn end(ctx: &Context) {
    WORK.set(None);
    ctx.later(0, |ctx| {
        if WORK.get().is_none() && TOLD.replace(false) {
            subscribe(ctx, None);
        }
    });
}

/// There is more to do: the server does not sleep before it calls again. False where it does not call.
pub fn go_on() -> bool {
    let (null, done) = (std::ptr::null_mut(), ffi::REDISMODULE_OK as c_int);
    // SAFETY: the function may be called from any thread; `nothing` needs no data.
    TOLD.get() && unsafe { api!(RedisModule_EventLoopAddOneShot(Some(nothing), null)) == done }
}

unsafe extern "C" fn nothing(_data: *mut c_void) {}

fn subscribe(ctx: &Context, told: Option<Told>) -> bool {
    let event = ffi::RedisModuleEvent { id: ffi::REDISMODULE_EVENT_EVENTLOOP, dataver: 1 };
    // SAFETY: the context is valid, the function lives as long as the library.
    let outcome = unsafe { api!(RedisModule_SubscribeToServerEvent(ctx.raw, event, told)) };
    outcome == ffi::REDISMODULE_OK as c_int
}

unsafe extern "C" fn before_sleep(
    raw: *mut ffi::RedisModuleCtx,
    _event: ffi::RedisModuleEvent,
    moment: u64,
    _data: *mut c_void,
) {
    if let Some(work) = WORK.get().filter(|_| moment == ffi::REDISMODULE_SUBEVENT_EVENTLOOP_BEFORE_SLEEP) {
        // SAFETY: the server passes a valid context for the time of the call.
        work(&unsafe { Context::new(raw) });
    }
}
