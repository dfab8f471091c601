//! A client that waits for a worker's reply.
//!
//! [`Blocked`] is the promise that the client is answered: the worker replies through it from its own thread, and when it
//! is dropped without a reply (a panic in between, a job that was thrown away), the client reads
//! `ERR internal error` instead of waiting for ever. A client that has gone in the meantime is no special case: the
//! server throws the reply away.

use redis_module::raw as ffi;

use super::reply::Reply;
use crate::error::Error;

/// A suspended client.
pub struct Blocked {
    raw: *mut ffi::RedisModuleBlockedClient,
    resp3: bool,
    answered: bool,
}

// SAFETY: the server's functions on blocked clients used here (thread-safe context, unblock, measuring) are made to be
// called from any one thread, and the value is owned by one thread at a time.
unsafe impl Send for Blocked {}

impl Blocked {
    /// Takes charge of a blocked client and starts measuring its time.
    pub(super) fn new(raw: *mut ffi::RedisModuleBlockedClient, resp3: bool) -> Self {
        // SAFETY: the server just made it.
        unsafe { api!(RedisModule_BlockedClientMeasureTimeStart(raw)) };
        Self { raw, resp3, answered: false }
    }

    /// Replies and lets the client go on.
    pub fn reply(mut self, write: impl FnOnce(&mut Reply<'_>)) {
        self.answer(write);
    }

    fn answer(&mut self, write: impl FnOnce(&mut Reply<'_>)) {
        self.answered = true;
        // SAFETY: the blocked client is valid until it is unblocked below, once: `answered` is set. The thread-safe
        // context is private to this call, so replying needs no lock.
        unsafe {
            let context = api!(RedisModule_GetThreadSafeContext(self.raw));
            write(&mut Reply::new(context, self.resp3));
            api!(RedisModule_FreeThreadSafeContext(context));
            api!(RedisModule_BlockedClientMeasureTimeEnd(self.raw));
            api!(RedisModule_UnblockClient(self.raw, std::ptr::null_mut()));
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
