//! Work that another thread has for the main thread.
//!
//! It is done in a timer of the server's, so it may do what commands do, replicate among it. Only a node of a cluster has any.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis_module::raw as ffi;

use super::context::Context;
use super::loading::Loading;

/// Something to be done.
type Errand = Box<dyn FnOnce(&Context) + Send>;

static WAITING: Mutex<Vec<Errand>> = Mutex::new(Vec::new());

thread_local! {
    /// What the main thread sets timers with when no command runs.
    static ALWAYS: Cell<*mut ffi::RedisModuleCtx> = const { Cell::new(std::ptr::null_mut()) };
}

fn waiting() -> MutexGuard<'static, Vec<Errand>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prepares for errands.
pub(super) fn prepare(loading: &Loading) {
    // SAFETY: the context is valid while loading; what is made of it lives as long as the library.
    ALWAYS.set(unsafe { api!(RedisModule_GetDetachedThreadSafeContext(loading.raw)) });
}

/// Has the main thread do `work` soon. From any thread.
pub fn on_main_thread(work: impl FnOnce(&Context) + Send + 'static) {
    let first = {
        let mut waiting = waiting();
        waiting.push(Box::new(work));
        waiting.len() == 1
    };
    if first {
        let null = std::ptr::null_mut();
        // SAFETY: the function may be called from any thread; `come` needs no data. It refuses only where there is no function.
        let _asked: c_int = unsafe { api!(RedisModule_EventLoopAddOneShot(Some(come), null)) };
    }
}

/// Called on the main thread when it has looked at its sockets.
unsafe extern "C" fn come(_data: *mut c_void) {
    // SAFETY: `prepare` made the context on this thread, before anybody could have an errand; it is of this module.
    let ctx = unsafe { Context::new(ALWAYS.get()) };
    ctx.later(0, |ctx| {
        let errands = std::mem::take(&mut *waiting());
        errands.into_iter().for_each(|errand| errand(ctx));
    });
}
