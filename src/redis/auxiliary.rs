//! Data of the module itself in an RDB file, beside the keys: definitions of indexes and what they need to be ready.
//!
//! A server from 7.2 on writes nothing where there is nothing to save; Redis 7.0 always writes that we are there, so that its
//! RDB files need the module to be loaded. What we write begins with 1, or is 0 where there is nothing.

use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use redis_module::raw as ffi;

use super::context::{LogLevel, log};
use super::loading::Loading;
use super::rdb::{RdbSink, RdbSource};
use crate::codec::{Corrupt, Sink, Source};

/// Before or after the keys of all databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the first key.
    BeforeKeys,
    /// After the last key.
    AfterKeys,
}

/// What is saved and loaded.
pub struct Auxiliary {
    /// Nine characters that identify it, as a type's name does.
    pub name: &'static CStr,
    /// Version of the encoding that `save` writes.
    pub version: c_int,
    /// Whether there is something to save.
    pub has_data: fn(When) -> bool,
    /// Writes it. Called in a forked child too: takes no lock that another thread might have held.
    pub save: fn(&mut RdbSink, When),
    /// Reads it.
    pub load: fn(&mut RdbSource, version: c_int, When) -> Result<(), Corrupt>,
}

static AUXILIARY: OnceLock<&'static Auxiliary> = OnceLock::new();

/// Registers it; false when its name is taken.
pub fn register(loading: &Loading, auxiliary: &'static Auxiliary) -> bool {
    // SAFETY: all-zero is the empty table: no callbacks.
    let mut methods: ffi::RedisModuleTypeMethods = unsafe { std::mem::zeroed() };
    methods.aux_load = Some(load);
    methods.aux_save_triggers = (ffi::REDISMODULE_AUX_BEFORE_RDB | ffi::REDISMODULE_AUX_AFTER_RDB) as c_int;
    // SAFETY: the context is valid while loading; the server copies the table.
    let made = unsafe {
        methods.version = api!(RedisModule_GetTypeMethodVersion()).min(5) as u64;
        if leaves_out_nothing() {
            methods.aux_save2 = Some(save);
        } else {
            methods.aux_save = Some(save);
        }
        let _ = AUXILIARY.set(auxiliary);
        api!(RedisModule_CreateDataType(loading.raw, auxiliary.name.as_ptr(), auxiliary.version, &mut methods))
    };
    !made.is_null()
}

/// What another module writes beside the keys, read so that its files load. Nothing is written.
pub trait Foreign {
    /// The nine characters of that module's type.
    const NAME: &'static CStr;
    /// Reads all of it, whatever it is: the server refuses a file of which something is left.
    ///
    /// # Errors
    /// Where the layout is not known; the file is refused then.
    fn load(source: &mut RdbSource, version: c_int, when: When) -> Result<(), Corrupt>;
}

/// Registers a reader; false when the name is taken.
pub fn register_reader<F: Foreign>(loading: &Loading) -> bool {
    // SAFETY: all-zero is the empty table: no callbacks.
    let mut methods: ffi::RedisModuleTypeMethods = unsafe { std::mem::zeroed() };
    methods.aux_load = Some(read::<F>);
    // SAFETY: the context is valid while loading; the server copies the table.
    let made = unsafe {
        methods.version = api!(RedisModule_GetTypeMethodVersion()).min(5) as u64;
        api!(RedisModule_CreateDataType(loading.raw, F::NAME.as_ptr(), 0, &mut methods))
    };
    !made.is_null()
}

unsafe extern "C" fn read<F: Foreign>(io: *mut ffi::RedisModuleIO, version: c_int, place: c_int) -> c_int {
    told(F::NAME, || {
        // SAFETY: the server passes a valid io.
        let mut source = unsafe { RdbSource::new(io) };
        F::load(&mut source, version, when(place))
    })
}

/// Says in the log what was wrong with the data of a type.
fn told(name: &CStr, load: impl FnOnce() -> Result<(), Corrupt>) -> c_int {
    match catch_unwind(AssertUnwindSafe(load)) {
        Ok(Ok(())) => ffi::REDISMODULE_OK as c_int,
        Ok(Err(corrupt)) => {
            log(LogLevel::Warning, &format!("{}: {corrupt}", name.to_string_lossy()));
            ffi::REDISMODULE_ERR as c_int
        }
        Err(_) => ffi::REDISMODULE_ERR as c_int,
    }
}

fn when(place: c_int) -> When {
    if place == ffi::REDISMODULE_AUX_BEFORE_RDB as c_int { When::BeforeKeys } else { When::AfterKeys }
}

unsafe extern "C" fn save(io: *mut ffi::RedisModuleIO, place: c_int) {
    let Some(auxiliary) = AUXILIARY.get() else { return };
    // SAFETY: the server passes a valid io.
    let mut sink = unsafe { RdbSink::new(io) };
    if (auxiliary.has_data)(when(place)) {
        sink.put_u64(1);
        (auxiliary.save)(&mut sink, when(place));
    } else if !leaves_out_nothing() {
        sink.put_u64(0);
    }
}

/// Whether the server leaves out what is written as nothing.
fn leaves_out_nothing() -> bool {
    // SAFETY: no preconditions.
    unsafe { api!(RedisModule_GetTypeMethodVersion()) >= 5 }
}

unsafe extern "C" fn load(io: *mut ffi::RedisModuleIO, version: c_int, place: c_int) -> c_int {
    let Some(auxiliary) = AUXILIARY.get() else { return ffi::REDISMODULE_ERR as c_int };
    told(auxiliary.name, || {
        // SAFETY: the server passes a valid io.
        let mut source = unsafe { RdbSource::new(io) };
        match source.take_u64()? {
            0 => Ok(()),
            1 => (auxiliary.load)(&mut source, version, when(place)),
            _ => Err(Corrupt("begins with neither 0 nor 1")),
        }
    })
}
