//! A client that waits for a worker's reply.
//!
//! [`Blocked`] is the promise that the client is answered: the worker replies through it from its own thread, and when it
//! is dropped without a reply (a panic in between, a job that was thrown away), the client reads
//! `ERR internal error` instead of waiting for ever. A client that has gone in the meantime is no special case: the
//! server throws the reply away.
//!
//! Where the reply needs the keyspace, the worker hands over what it found, and the main thread makes the reply:
//! [`Blocked::finish`]. It makes some of them in one go (see `answers`).

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use redis_module::raw as ffi;

use super::answers;
use super::context::Context;
use super::reply::Reply;
use crate::error::Error;

/// A suspended client.
pub struct Blocked {
    raw: NonNull<ffi::RedisModuleBlockedClient>,
    resp3: bool,
    answered: bool,
}

// SAFETY: the server's functions on blocked clients used here (thread-safe context, unblock, measuring) are made to be
// called from any one thread, and the value is owned by one thread at a time.
unsafe impl Send for Blocked {}

/// What the main thread is to do for a worker.
type Finish = Box<dyn FnOnce(&Context) -> Result<(), Error> + Send>;

/// The private data of a blocked client whose reply the main thread makes.
struct Left {
    work: Option<Finish>,
    /// How long it took.
    took: Duration,
}

impl Context {
    /// Suspends the client, if that is `wanted`, until the returned value replies. `None` where this client can't wait, too: then
    /// the work is done and the reply made here and now. Not every reason can be known before: Valkey from 8.1 on suspends no
    /// client that is subscribed to a channel.
    pub fn block_if(&self, wanted: bool) -> Option<Blocked> {
        if !wanted || !self.can_block() {
            return None;
        }
        // SAFETY: the context is valid while the command runs; a timeout of 0 means none.
        let raw = unsafe { api!(RedisModule_BlockClient(self.raw, Some(finish), None, Some(forget), 0)) };
        NonNull::new(raw).map(|raw| Blocked::new(raw, self.resp3()))
    }
}

/// Called on the main thread when a blocked client goes on: replies, if the worker left that to it.
unsafe extern "C" fn finish(
    raw: *mut ffi::RedisModuleCtx,
    _argv: *mut *mut ffi::RedisModuleString,
    _argc: c_int,
) -> c_int {
    // SAFETY: the server passes a valid context; the private data is null or what Blocked::finish boxed, and stays the
    // server's until `forget`: so the work is taken out of it, not the box.
    let (ctx, left) = unsafe {
        let data = api!(RedisModule_GetBlockedClientPrivateData(raw)).cast::<Left>();
        (Context::new(raw), data.as_mut())
    };
    if let Some(left) = left
        && let Some(work) = left.work.take()
    {
        let begin = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| work(&ctx))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => ctx.reply().error(&error),
            Err(_) => ctx.reply().error(&Error::INTERNAL),
        }
        left.took = begin.elapsed();
    }
    ffi::REDISMODULE_OK as c_int
}

/// Called when the server is done with a blocked client, whether it was still there or not.
unsafe extern "C" fn forget(_raw: *mut ffi::RedisModuleCtx, data: *mut c_void) {
    if !data.is_null() {
        // SAFETY: Blocked::finish boxed it, and the server gives it back once.
        let left = unsafe { Box::from_raw(data.cast::<Left>()) };
        answers::done(left.took);
    }
}

impl Blocked {
    /// Takes charge of a blocked client and starts measuring its time.
    fn new(raw: NonNull<ffi::RedisModuleBlockedClient>, resp3: bool) -> Self {
        // SAFETY: the server just made it.
        unsafe { api!(RedisModule_BlockedClientMeasureTimeStart(raw.as_ptr())) };
        Self { raw, resp3, answered: false }
    }

    /// Replies and lets the client go on.
    pub fn reply(mut self, write: impl FnOnce(&mut Reply<'_>)) {
        self.answer(write);
    }

    /// Has the main thread make the reply, with the keyspace at hand. An `Err` becomes the reply.
    pub fn finish(mut self, work: impl FnOnce(&Context) -> Result<(), Error> + Send + 'static) {
        self.answered = true;
        let left = Box::new(Left { work: Some(Box::new(work)), took: Duration::ZERO });
        // SAFETY: the blocked client is valid until it is unblocked, once, by `let_go`; `forget` takes the box back, and says
        // that it is done.
        unsafe {
            api!(RedisModule_BlockedClientMeasureTimeEnd(self.raw.as_ptr()));
            answers::let_go(self.raw.as_ptr(), Box::into_raw(left).cast());
        }
    }

    fn answer(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        self.answered = true;
        // SAFETY: the blocked client is valid until it is unblocked below, once: `answered` is set. The thread-safe
        // context is private to this call, so replying needs no lock.
        unsafe {
            let raw = self.raw.as_ptr();
            let context = api!(RedisModule_GetThreadSafeContext(raw));
            write(&mut Reply::new(context, self.resp3));
            api!(RedisModule_FreeThreadSafeContext(context));
            api!(RedisModule_BlockedClientMeasureTimeEnd(raw));
            api!(RedisModule_UnblockClient(raw, std::ptr::null_mut()));
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if !self.answered {
            self.answer(|reply| reply.error(&Error::INTERNAL));
        }
    }
}
