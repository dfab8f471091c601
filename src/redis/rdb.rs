//! The codec over the server's RDB, and what else a value is written to: the AOF and the digest.

use std::ffi::CStr;

use redis_module::raw as ffi;

use crate::codec::{Corrupt, Sink, Source};

/// Reads a value of ours from an RDB file or a `RESTORE` payload.
pub struct RdbSource {
    raw: *mut ffi::RedisModuleIO,
}

impl RdbSource {
    /// # Safety
    /// `raw` is valid for the value's life.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleIO) -> Self {
        Self { raw }
    }

    /// The value, unless reading it (or anything before it) failed.
    fn checked<T>(&self, value: T) -> Result<T, Corrupt> {
        // SAFETY: raw is valid by new's promise.
        if unsafe { api!(RedisModule_IsIOError(self.raw)) } != 0 {
            return Err(Corrupt("ends early or holds another kind of value"));
        }
        Ok(value)
    }
}

/// The name of the key whose value is loaded, where the server tells (not in `RESTORE` of old ones).
///
/// # Safety
/// `raw` is valid for the lifetime `'a`, which is that of the callback.
pub(super) unsafe fn key_name<'a>(raw: *mut ffi::RedisModuleIO) -> Option<&'a [u8]> {
    // SAFETY: by the promise above; the name is the server's, and lives as long as the callback.
    unsafe {
        let name = api!(RedisModule_GetKeyNameFromIO(raw));
        (!name.is_null()).then(|| super::args::Arg::new(name.cast_mut()).bytes())
    }
}

/// A byte string that the server allocated for us.
pub struct ServerBytes {
    start: *mut u8,
    len: usize,
}

// SAFETY: the block is plain memory that only its owner knows; the server's allocator frees it from any thread.
unsafe impl Send for ServerBytes {}

impl AsRef<[u8]> for ServerBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the server gave start and len together, and the block is ours until dropped.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for ServerBytes {
    fn drop(&mut self) {
        // SAFETY: the block is ours and freed once.
        unsafe { api!(RedisModule_Free(self.start.cast())) };
    }
}

impl Source for RdbSource {
    type Bytes = ServerBytes;

    fn take_u64(&mut self) -> Result<u64, Corrupt> {
        // SAFETY: here and below, raw is valid by new's promise.
        self.checked(unsafe { api!(RedisModule_LoadUnsigned(self.raw)) })
    }

    fn take_f32(&mut self) -> Result<f32, Corrupt> {
        // SAFETY: see take_u64.
        self.checked(unsafe { api!(RedisModule_LoadFloat(self.raw)) })
    }

    fn take_f64(&mut self) -> Result<f64, Corrupt> {
        // SAFETY: see take_u64.
        self.checked(unsafe { api!(RedisModule_LoadDouble(self.raw)) })
    }

    fn take_bytes(&mut self) -> Result<ServerBytes, Corrupt> {
        let mut len = 0;
        // SAFETY: see take_u64.
        let start = unsafe { api!(RedisModule_LoadStringBuffer(self.raw, &mut len)) };
        if start.is_null() {
            return Err(Corrupt("a string ends early or is none"));
        }
        self.checked(ServerBytes { start: start.cast(), len })
    }
}

/// Writes a value of ours to an RDB file or a `DUMP` payload.
pub struct RdbSink {
    raw: *mut ffi::RedisModuleIO,
}

impl RdbSink {
    /// # Safety
    /// `raw` is valid for the value's life.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleIO) -> Self {
        Self { raw }
    }
}

impl Sink for RdbSink {
    fn put_u64(&mut self, value: u64) {
        // SAFETY: here and below, raw is valid by new's promise.
        unsafe { api!(RedisModule_SaveUnsigned(self.raw, value)) };
    }

    fn put_f32(&mut self, value: f32) {
        // SAFETY: see put_u64.
        unsafe { api!(RedisModule_SaveFloat(self.raw, value)) };
    }

    fn put_f64(&mut self, value: f64) {
        // SAFETY: see put_u64.
        unsafe { api!(RedisModule_SaveDouble(self.raw, value)) };
    }

    fn put_bytes(&mut self, value: &[u8]) {
        // SAFETY: see put_u64; the server copies the bytes.
        unsafe { api!(RedisModule_SaveStringBuffer(self.raw, value.as_ptr().cast(), value.len())) };
    }
}

/// The rewritten AOF: commands that make one key's value again.
pub struct Aof<'a> {
    raw: *mut ffi::RedisModuleIO,
    key: &'a [u8],
}

impl<'a> Aof<'a> {
    /// # Safety
    /// `raw` is valid for the value's life.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleIO, key: &'a [u8]) -> Self {
        Self { raw, key }
    }

    /// Writes the command `name KEY args…`.
    pub fn emit(&mut self, name: &CStr, args: &[&[u8]]) {
        let null = std::ptr::null_mut();
        // SAFETY: raw is valid by new's promise; the strings are made here without a context, so they are ours to free;
        // the format `v` takes an array of strings and its length.
        unsafe {
            let strings: Vec<_> = std::iter::once(&self.key)
                .chain(args)
                .map(|arg| api!(RedisModule_CreateString(null, arg.as_ptr().cast(), arg.len())))
                .collect();
            api!(RedisModule_EmitAOF(self.raw, name.as_ptr(), c"v".as_ptr(), strings.as_ptr(), strings.len()));
            for string in strings {
                api!(RedisModule_FreeString(null, string));
            }
        }
    }
}

/// The digest of `DEBUG DIGEST`: equal for equal values.
pub struct Digest {
    raw: *mut ffi::RedisModuleDigest,
}

impl Digest {
    /// # Safety
    /// `raw` is valid for the value's life.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleDigest) -> Self {
        Self { raw }
    }

    /// Adds bytes to the current sequence; their order within it counts.
    pub fn bytes(&mut self, value: &[u8]) {
        // SAFETY: raw is valid by new's promise.
        unsafe { api!(RedisModule_DigestAddStringBuffer(self.raw, value.as_ptr().cast(), value.len())) };
    }

    /// Adds an integer to the current sequence.
    pub fn integer(&mut self, value: i64) {
        // SAFETY: raw is valid by new's promise.
        unsafe { api!(RedisModule_DigestAddLongLong(self.raw, value)) };
    }

    /// Ends the sequence; the order of sequences does not count.
    pub fn end(&mut self) {
        // SAFETY: raw is valid by new's promise.
        unsafe { api!(RedisModule_DigestEndSequence(self.raw)) };
    }
}
