//! Settings: `CONFIG GET/SET`, the config file and load arguments.
//!
//! Each setting is one line in `config.rs`. The server prefixes its name with the module's. `loadmodule … name value`
//! gives another default; a line in the config file and `CONFIG SET` win over that.

use std::ffi::{CStr, c_char, c_int, c_longlong, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use redis_module::raw as ffi;

use super::args::{Args, integer};
use super::context::{LogLevel, log};
use super::module::Loading;

/// Where a setting's value is, and what it may be.
pub enum Kind {
    /// An integer within bounds, both included.
    Number {
        /// The value now.
        cell: &'static AtomicI64,
        /// The smallest allowed.
        min: i64,
        /// The greatest allowed.
        max: i64,
    },
    /// `yes` or `no`.
    Switch(&'static AtomicBool),
    /// One of two words, the second of which stands for true.
    Either(&'static AtomicBool, [&'static CStr; 2]),
}

/// A setting.
pub struct Setting {
    /// Its name, without the module's.
    pub name: &'static CStr,
    /// Its value; what it holds at load is the default.
    pub kind: Kind,
    /// One sentence for the operator.
    pub doc: &'static str,
    /// What is to be done when it was changed, and once after load.
    pub apply: Option<fn()>,
}

/// Takes `name value` pairs of the load line as new defaults.
///
/// # Errors
/// The line for the log when a name is unknown or a value is out of its range.
fn take_load_arguments(settings: &[Setting], mut args: Args<'_>) -> Result<(), String> {
    while let Some(name) = args.next() {
        let shown = String::from_utf8_lossy(name);
        let setting = settings
            .iter()
            .find(|s| s.name.to_bytes().eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("unknown load argument '{shown}'"))?;
        let value = args.next().ok_or_else(|| format!("load argument '{shown}' lacks its value"))?;
        let refused = || format!("load argument '{shown}' can't be '{}'", String::from_utf8_lossy(value));
        match setting.kind {
            Kind::Number { cell, min, max } => {
                let number = integer(value).filter(|n| (min..=max).contains(n)).ok_or_else(refused)?;
                cell.store(number, Ordering::Relaxed);
            }
            Kind::Switch(cell) => match value.to_ascii_lowercase().as_slice() {
                b"yes" => cell.store(true, Ordering::Relaxed),
                b"no" => cell.store(false, Ordering::Relaxed),
                _ => return Err(refused()),
            },
            Kind::Either(cell, words) => {
                let named = |word: &&CStr| word.to_bytes().eq_ignore_ascii_case(value);
                cell.store(words.iter().position(named).ok_or_else(refused)? == 1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

/// Registers all settings and takes their start values.
///
/// # Errors
/// The line for the log when the module can't be loaded so.
pub(super) fn register(loading: &Loading, settings: &'static [Setting], args: Args<'_>) -> Result<(), String> {
    take_load_arguments(settings, args)?;
    for setting in settings {
        let data: *const Setting = setting;
        let data = data.cast_mut().cast::<c_void>();
        // SAFETY: the context is valid while loading; name and data are static.
        let done = unsafe {
            match setting.kind {
                Kind::Number { cell, min, max } => api!(RedisModule_RegisterNumericConfig(
                    loading.raw,
                    setting.name.as_ptr(),
                    cell.load(Ordering::Relaxed),
                    ffi::REDISMODULE_CONFIG_DEFAULT,
                    min,
                    max,
                    Some(get_number),
                    Some(set_number),
                    None,
                    data
                )),
                Kind::Switch(cell) => api!(RedisModule_RegisterBoolConfig(
                    loading.raw,
                    setting.name.as_ptr(),
                    c_int::from(cell.load(Ordering::Relaxed)),
                    ffi::REDISMODULE_CONFIG_DEFAULT,
                    Some(get_switch),
                    Some(set_switch),
                    None,
                    data
                )),
                Kind::Either(cell, words) => {
                    // The server copies both.
                    let (mut words, values) = (words.map(CStr::as_ptr), [0, 1]);
                    api!(RedisModule_RegisterEnumConfig(
                        loading.raw,
                        setting.name.as_ptr(),
                        c_int::from(cell.load(Ordering::Relaxed)),
                        ffi::REDISMODULE_CONFIG_DEFAULT,
                        words.as_mut_ptr(),
                        values.as_ptr(),
                        2,
                        Some(get_switch),
                        Some(set_switch),
                        None,
                        data
                    ))
                }
            }
        };
        if done != ffi::REDISMODULE_OK as c_int {
            return Err(format!("the server refused the setting '{}'", setting.name.to_string_lossy()));
        }
    }
    // SAFETY: the context is valid while loading.
    if unsafe { api!(RedisModule_LoadConfigs(loading.raw)) } != ffi::REDISMODULE_OK as c_int {
        return Err("a setting in the config file was refused".into());
    }
    settings.iter().filter_map(|s| s.apply).for_each(|apply| apply());
    Ok(())
}

/// The setting behind the server's private data.
///
/// # Safety
/// `data` is what [`register`] gave.
unsafe fn setting(data: *mut c_void) -> &'static Setting {
    // SAFETY: register gave a static reference.
    unsafe { &*data.cast::<Setting>() }
}

fn changed(setting: &Setting) -> c_int {
    if let Some(apply) = setting.apply {
        apply();
    }
    log(LogLevel::Notice, &format!("setting {} changed", setting.name.to_string_lossy()));
    ffi::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_number(_name: *const c_char, data: *mut c_void) -> c_longlong {
    // SAFETY: data is register's.
    match unsafe { setting(data) }.kind {
        Kind::Number { cell, .. } => cell.load(Ordering::Relaxed),
        Kind::Switch(_) | Kind::Either(..) => 0,
    }
}

unsafe extern "C" fn set_number(
    _name: *const c_char,
    value: c_longlong,
    data: *mut c_void,
    _error: *mut *mut ffi::RedisModuleString,
) -> c_int {
    // SAFETY: data is register's.
    let setting = unsafe { setting(data) };
    if let Kind::Number { cell, .. } = setting.kind
        && cell.swap(value, Ordering::Relaxed) != value
    {
        return changed(setting);
    }
    ffi::REDISMODULE_OK as c_int
}

unsafe extern "C" fn get_switch(_name: *const c_char, data: *mut c_void) -> c_int {
    // SAFETY: data is register's.
    match unsafe { setting(data) }.kind {
        Kind::Switch(cell) | Kind::Either(cell, _) => c_int::from(cell.load(Ordering::Relaxed)),
        Kind::Number { .. } => 0,
    }
}

unsafe extern "C" fn set_switch(
    _name: *const c_char,
    value: c_int,
    data: *mut c_void,
    _error: *mut *mut ffi::RedisModuleString,
) -> c_int {
    // SAFETY: data is register's.
    let setting = unsafe { setting(data) };
    if let Kind::Switch(cell) | Kind::Either(cell, _) = setting.kind
        && cell.swap(value != 0, Ordering::Relaxed) != (value != 0)
    {
        return changed(setting);
    }
    ffi::REDISMODULE_OK as c_int
}
