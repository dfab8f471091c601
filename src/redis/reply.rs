//! Writing replies in RESP2 and RESP3.
//!
//! One writer for both protocols: shapes that only RESP3 has (maps, booleans, doubles) become what RESP2 clients know
//! (flat arrays, integers, bulk strings). It works on the main thread and on the thread-safe context of a blocked
//! client alike. A handler computes first and writes then, so that a failure never leaves half a reply behind.

use std::ffi::{CString, c_char, c_int, c_long};
use std::marker::PhantomData;

use redis_module::raw as ffi;

use super::double::shortest;
use crate::error::Error;

/// A writer of one reply.
pub struct Reply<'a> {
    raw: *mut ffi::RedisModuleCtx,
    resp3: bool,
    context: PhantomData<&'a ()>,
}

/// A length as the server takes it.
fn long(len: usize) -> c_long {
    c_long::try_from(len).expect("a reply has fewer elements than a long counts")
}

/// Bytes of a line that need no allocation.
const SHORT: usize = 128;

/// Calls `with` with a line without the bytes that would end it early.
fn with_line<T>(text: &[u8], with: impl FnOnce(*const c_char) -> T) -> T {
    let clean = |byte: &u8| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte };
    if text.len() < SHORT {
        let mut line = [0; SHORT];
        line.iter_mut().zip(text).for_each(|(to, byte)| *to = clean(byte));
        return with(line.as_ptr().cast());
    }
    let line = CString::new(text.iter().map(clean).collect::<Vec<_>>()).unwrap_or_default();
    with(line.as_ptr())
}

impl Reply<'_> {
    /// A writer over a context.
    ///
    /// # Safety
    /// `raw` is valid for the writer's life and may be replied to from this thread.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleCtx, resp3: bool) -> Self {
        Self { raw, resp3, context: PhantomData }
    }

    /// Whether the client speaks RESP3.
    pub fn resp3(&self) -> bool {
        self.resp3
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        // SAFETY: here and below, the context is valid by new's promise.
        unsafe { api!(RedisModule_ReplyWithLongLong(self.raw, value)) };
    }

    /// The same writer, of what RESP2 clients know, whatever the client speaks.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { resp3: false, ..self }
    }

    /// A boolean; in RESP2 the integer 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        if !self.resp3 {
            return self.integer(i64::from(value));
        }
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithBool(self.raw, c_int::from(value))) };
    }

    /// A byte string.
    pub fn bulk(&mut self, value: &[u8]) {
        // SAFETY: see integer; the server copies the bytes.
        unsafe { api!(RedisModule_ReplyWithStringBuffer(self.raw, value.as_ptr().cast(), value.len())) };
    }

    /// A byte string, or null.
    pub fn bulk_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bulk(value),
            None => self.null(),
        }
    }

    /// A status line.
    pub fn simple(&mut self, value: &str) {
        self.simple_bytes(value.as_bytes());
    }

    /// A status line of any bytes but those that would end it early.
    pub fn simple_bytes(&mut self, value: &[u8]) {
        // SAFETY: see integer; the server copies the text.
        with_line(value, |text| unsafe { api!(RedisModule_ReplyWithSimpleString(self.raw, text)) });
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithSimpleString(self.raw, c"OK".as_ptr())) };
    }

    /// Null; in RESP2 the null bulk string.
    pub fn null(&mut self) {
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithNull(self.raw)) };
    }

    /// Null; in RESP2 the null array.
    pub fn null_array(&mut self) {
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithNullArray(self.raw)) };
    }

    /// A double; in RESP2 a bulk string of the shortest text.
    pub fn double(&mut self, value: f64) {
        if self.resp3 {
            // SAFETY: see integer.
            unsafe { api!(RedisModule_ReplyWithDouble(self.raw, value)) };
        } else {
            self.bulk(shortest(value).as_bytes());
        }
    }

    /// Opens an array of `len` elements, which the caller writes next.
    pub fn array(&mut self, len: usize) {
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithArray(self.raw, long(len))) };
    }

    /// Opens a map of `len` pairs; in RESP2 an array of twice as many elements.
    pub fn map(&mut self, len: usize) {
        if !self.resp3 {
            return self.array(2 * len);
        }
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithMap(self.raw, long(len))) };
    }

    /// Opens a set of `len` elements; in RESP2 an array.
    pub fn set(&mut self, len: usize) {
        if !self.resp3 {
            return self.array(len);
        }
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithSet(self.raw, long(len))) };
    }

    /// Opens an array whose length is told by [`Reply::end_array`].
    pub fn begin_array(&mut self) {
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplyWithArray(self.raw, c_long::from(ffi::REDISMODULE_POSTPONED_LEN))) };
    }

    /// Closes the innermost array opened by [`Reply::begin_array`], now that its length is known.
    pub fn end_array(&mut self, len: usize) {
        // SAFETY: see integer.
        unsafe { api!(RedisModule_ReplySetArrayLength(self.raw, long(len))) };
    }

    /// An error.
    pub fn error(&mut self, error: &Error) {
        // SAFETY: see integer; the server copies the text.
        with_line(error.text(), |text| unsafe { api!(RedisModule_ReplyWithError(self.raw, text)) });
    }
}
