//! Data types and their callbacks.
//!
//! A type implements [`DataType`]; [`register`] tells the server. The callbacks catch panics where the server gives them
//! a way to fail (loading); elsewhere a panic could only be hidden by losing data, and is left to end the process.

use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw as ffi;

use super::args::Arg;
use super::context::{LogLevel, log};
use super::loading::Loading;
use super::rdb::{Aof, Digest, RdbSink, RdbSource};
use crate::codec::Corrupt;

/// Where the server's handle of a registered type is kept. Each type has one, static.
pub struct Slot(AtomicPtr<ffi::RedisModuleType>);

impl Slot {
    /// The slot of a type not yet registered.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    pub(super) fn get(&self) -> *mut ffi::RedisModuleType {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the type is registered, and not left to another module or to the server.
    pub fn is_registered(&self) -> bool {
        !self.get().is_null()
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}

/// A value that lives in the keyspace.
///
/// Callbacks run on the main thread, or in a forked child where no other thread exists: they take no lock that a worker
/// might have held at the fork.
pub trait DataType: Sized + 'static {
    /// The nine characters that identify the type in RDB files.
    const NAME: &'static CStr;
    /// Version of the encoding that [`DataType::save`] writes.
    const VERSION: c_int;

    /// The type's slot.
    fn slot() -> &'static Slot;

    /// Reads a value of encoding `version`.
    ///
    /// # Errors
    /// [`Corrupt`] when the payload breaks any rule of the encoding; the key is then not created.
    fn load(source: &mut RdbSource, version: c_int) -> Result<Self, Corrupt>;

    /// Writes the value.
    fn save(&self, sink: &mut RdbSink);

    /// Writes commands that make the value again, each of bounded size.
    fn rewrite(&self, aof: &mut Aof<'_>);

    /// Bytes of memory, all of it.
    fn memory_usage(&self) -> usize;

    /// Adds what makes two values equal.
    fn digest(&self, digest: &mut Digest);

    /// A value equal to this and independent of it.
    fn copy(&self) -> Self;

    /// Number of allocations that freeing takes; the server frees in the background above 64.
    fn free_effort(&self) -> usize;

    /// Frees the value. It may be the main thread that calls: hand what takes long to another.
    fn dispose(self: Box<Self>) {}

    /// Nothing but the keyspace holds a pointer to the value, so that defragmentation may move it, too.
    const MOVABLE: bool = false;

    /// Moves small blocks to where the allocator wants them, piece by piece; returns whether all is done.
    fn defragment(&mut self, _defrag: &mut Defrag) -> bool {
        true
    }
}

/// The server's active defragmentation at work on one value.
pub struct Defrag {
    raw: *mut ffi::RedisModuleDefragCtx,
}

impl Defrag {
    /// Whether the time given for now is over.
    pub fn should_stop(&self) -> bool {
        // SAFETY: raw is valid during the callback that made this.
        unsafe { api!(RedisModule_DefragShouldStop(self.raw)) != 0 }
    }

    /// Where the last call stopped; 0 at first.
    pub fn cursor(&self) -> usize {
        let mut cursor = 0;
        // SAFETY: see should_stop.
        unsafe { api!(RedisModule_DefragCursorGet(self.raw, &mut cursor)) };
        cursor as usize
    }

    /// Moves a block to where the allocator wants it, if it does.
    pub fn relocate(&mut self, block: &mut Box<[u8]>) {
        let len = block.len();
        if len == 0 {
            return; // no allocation
        }
        let old = Box::into_raw(std::mem::take(block)).cast::<u8>();
        // SAFETY: bytes need no alignment, so the block is as the server's allocator gave it, and ours alone. Where the
        // server moves it, it has copied the bytes to a block of that size and freed the old one.
        unsafe {
            let moved: *mut u8 = api!(RedisModule_DefragAlloc(self.raw, old.cast())).cast();
            let place = if moved.is_null() { old } else { moved };
            *block = Box::from_raw(std::ptr::slice_from_raw_parts_mut(place, len));
        }
    }

    /// Remembers where to go on.
    pub fn set_cursor(&mut self, cursor: usize) {
        // SAFETY: see should_stop.
        unsafe { api!(RedisModule_DefragCursorSet(self.raw, cursor as _)) };
    }
}

/// Registers a type; false when the name is taken.
pub fn register<T: DataType>(loading: &Loading) -> bool {
    let mut methods = ffi::RedisModuleTypeMethods {
        version: 5,
        rdb_load: Some(load::<T>),
        rdb_save: Some(save::<T>),
        aof_rewrite: Some(rewrite::<T>),
        mem_usage: None,
        digest: Some(digest::<T>),
        free: Some(free::<T>),
        aux_load: None,
        aux_save: None,
        aux_save_triggers: 0,
        free_effort: None,
        unlink: None,
        copy: Some(copy::<T>),
        defrag: Some(defrag::<T>),
        mem_usage2: Some(memory_usage::<T>),
        free_effort2: Some(free_effort::<T>),
        unlink2: None,
        copy2: None,
        aux_save2: None,
    };
    // SAFETY: the context is valid while loading; the server copies the table. A server that knows fewer callbacks ignores
    // the later ones.
    let made = unsafe {
        methods.version = api!(RedisModule_GetTypeMethodVersion()).min(5) as u64;
        api!(RedisModule_CreateDataType(loading.raw, T::NAME.as_ptr(), T::VERSION, &mut methods))
    };
    T::slot().0.store(made, Ordering::Relaxed);
    !made.is_null()
}

/// The value behind the server's pointer.
///
/// # Safety
/// `value` is one that [`load`], [`copy`] or `Key::set` made for the type `T`.
unsafe fn value<'a, T>(value: *const c_void) -> &'a T {
    // SAFETY: by the caller's promise; the server hands out no reference while a callback may change the value.
    unsafe { &*value.cast::<T>() }
}

unsafe extern "C" fn load<T: DataType>(io: *mut ffi::RedisModuleIO, version: c_int) -> *mut c_void {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the server's io is valid during the callback.
        T::load(&mut unsafe { RdbSource::new(io) }, version)
    }));
    match outcome {
        Ok(Ok(loaded)) => Box::into_raw(Box::new(loaded)).cast(),
        Ok(Err(corrupt)) => {
            // SAFETY: as above.
            let key = unsafe { super::rdb::key_name(io) };
            let key = key.map_or(String::new(), |key| format!(" of key '{}'", key.escape_ascii()));
            log(LogLevel::Warning, &format!("{} value{key}: {corrupt}", T::NAME.to_string_lossy()));
            null_mut()
        }
        Err(_) => null_mut(),
    }
}

unsafe extern "C" fn save<T: DataType>(io: *mut ffi::RedisModuleIO, ours: *mut c_void) {
    // SAFETY: the server passes a valid io and a value of this type.
    unsafe { value::<T>(ours).save(&mut RdbSink::new(io)) };
}

unsafe extern "C" fn rewrite<T: DataType>(
    io: *mut ffi::RedisModuleIO,
    key: *mut ffi::RedisModuleString,
    ours: *mut c_void,
) {
    // SAFETY: the server passes a valid io, key and value of this type.
    unsafe { value::<T>(ours).rewrite(&mut Aof::new(io, Arg::new(key).bytes())) };
}

unsafe extern "C" fn digest<T: DataType>(raw: *mut ffi::RedisModuleDigest, ours: *mut c_void) {
    // SAFETY: the server passes a valid digest and a value of this type.
    unsafe { value::<T>(ours).digest(&mut Digest::new(raw)) };
}

unsafe extern "C" fn free<T: DataType>(ours: *mut c_void) {
    // SAFETY: the pointer came from Box::into_raw for this type, and the server frees a value once.
    unsafe { Box::from_raw(ours.cast::<T>()) }.dispose();
}

unsafe extern "C" fn copy<T: DataType>(
    _from: *mut ffi::RedisModuleString,
    _to: *mut ffi::RedisModuleString,
    ours: *const c_void,
) -> *mut c_void {
    // SAFETY: the server passes a value of this type.
    Box::into_raw(Box::new(unsafe { value::<T>(ours) }.copy())).cast()
}

unsafe extern "C" fn memory_usage<T: DataType>(
    _ctx: *mut ffi::RedisModuleKeyOptCtx,
    ours: *const c_void,
    _samples: usize,
) -> usize {
    // SAFETY: the server passes a value of this type.
    unsafe { value::<T>(ours) }.memory_usage()
}

unsafe extern "C" fn free_effort<T: DataType>(_ctx: *mut ffi::RedisModuleKeyOptCtx, ours: *const c_void) -> usize {
    // SAFETY: the server passes a value of this type.
    unsafe { value::<T>(ours) }.free_effort()
}

unsafe extern "C" fn defrag<T: DataType>(
    raw: *mut ffi::RedisModuleDefragCtx,
    _key: *mut ffi::RedisModuleString,
    ours: *mut *mut c_void,
) -> c_int {
    // SAFETY: the server passes a valid context and a pointer to a value of this type, which nothing else uses now on
    // the main thread. It takes the value's new place from the pointer. A type that asks to be moved has no larger
    // alignment than the allocator's.
    let done = unsafe {
        if T::MOVABLE {
            let moved = api!(RedisModule_DefragAlloc(raw, *ours));
            *ours = if moved.is_null() { *ours } else { moved };
        }
        (*(*ours).cast::<T>()).defragment(&mut Defrag { raw })
    };
    c_int::from(!done)
}
