//! The time of loading: the only one in which types, commands, settings and sections of `INFO` can be registered.

use redis_module::raw as ffi;

/// Registers a type; false when its name is taken. See [`super::types::register`].
pub type RegisterType = fn(&Loading) -> bool;

/// The time of loading, in which types, commands and settings can be registered.
pub struct Loading {
    pub(super) raw: *mut ffi::RedisModuleCtx,
}
