//! Settings: `CONFIG GET/SET`, the config file, `FT.CONFIG` and load arguments.
//!
//! Each setting is one line in `config.rs`. The server prefixes its name with the module's; where it can (Redis ≥ 8), the name that
//! RediSearch's settings have there is another way to the same value (`search-timeout` beside `search.timeout`).
//! `loadmodule … name value` gives another default; a line in the config file and `CONFIG SET` win over that.
//!
//! A cell that holds [`UNSET`] was told nothing yet: its value is what [`Setting::otherwise`] says, which may change with other settings. Once
//! loading is over, whatever is set is told, even if it is the default.

use std::ffi::{CStr, CString, c_char, c_int, c_longlong, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use redis_module::raw as ffi;

use super::args::{Args, integer};
use super::context::{LogLevel, is_redis_8, log};
use super::loading::Loading;

/// What a cell holds that was told nothing.
pub const UNSET: i64 = i64::MIN;

/// Where a setting's value is, and what it may be.
pub enum Kind {
    /// An integer within bounds, both included.
    Number {
        /// The value now.
        cell: &'static AtomicI64,
        /// The smallest allowed. If it is -1, that stands for no limit.
        min: i64,
        /// The greatest allowed.
        max: i64,
    },
    /// `yes` or `no`.
    Switch(&'static AtomicBool),
    /// The number of one of these words.
    Choice(&'static AtomicI64, &'static [&'static CStr]),
    /// Anything.
    Text(&'static Text),
}

/// A text, with the server's copy of it: `CONFIG GET` wants a string that lives until it asks again.
pub struct Text {
    value: Mutex<Option<Vec<u8>>>,
    shown: AtomicPtr<ffi::RedisModuleString>,
}

impl Text {
    /// Without a value.
    pub const fn none() -> Self {
        Self { value: Mutex::new(None), shown: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The value, where there is one.
    pub fn get(&self) -> Option<Vec<u8>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|value| !value.is_empty())
    }

    fn set(&self, value: &[u8]) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.to_vec());
    }
}

/// Why a value is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not of the type of the setting.
    Type,
    /// A number out of range, or none of the words.
    Bounds,
}

/// A setting.
pub struct Setting {
    /// Its name, without the module's.
    pub name: &'static CStr,
    /// The names that RediSearch gives it in `FT.CONFIG` and among load arguments.
    pub old: &'static [&'static str],
    /// Its value; what it holds at load is the default.
    pub kind: Kind,
    /// The value of a cell that holds [`UNSET`].
    pub otherwise: Option<fn() -> i64>,
    /// Whether it can change while the server runs.
    pub changes: bool,
    /// Whether it is taken and shown, but does nothing here.
    pub idle: bool,
    /// Whether the server keeps its value out of the log.
    pub secret: bool,
    /// One sentence for the operator.
    pub doc: &'static str,
    /// What is to be done when it was changed, and once after load.
    pub apply: Option<fn()>,
}

impl Setting {
    /// A setting that can be changed, and takes effect where it is looked at.
    pub const fn new(name: &'static CStr, old: &'static [&'static str], kind: Kind, doc: &'static str) -> Self {
        Self { name, old, kind, otherwise: None, changes: true, idle: false, secret: false, doc, apply: None }
    }

    /// With something to do after a change.
    pub const fn then(self, apply: fn()) -> Self {
        Self { apply: Some(apply), ..self }
    }

    /// With a value that depends on others until it is told one; the cell starts with [`UNSET`].
    pub const fn or_else(self, otherwise: fn() -> i64) -> Self {
        Self { otherwise: Some(otherwise), ..self }
    }

    /// Only when the module is loaded.
    pub const fn at_load(self) -> Self {
        Self { changes: false, ..self }
    }

    /// Not for the log.
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// Taken and shown, but without effect.
    pub const fn without_effect(self) -> Self {
        Self { idle: true, ..self }
    }

    /// The number, or the number of the word, or 1 for `yes`.
    pub fn number(&self) -> i64 {
        let number = match self.kind {
            Kind::Number { cell, .. } | Kind::Choice(cell, _) => cell.load(Ordering::Relaxed),
            Kind::Switch(cell) => i64::from(cell.load(Ordering::Relaxed)),
            Kind::Text(_) => 0,
        };
        match self.otherwise {
            Some(otherwise) if number == UNSET => otherwise(),
            _ => number,
        }
    }

    /// The value as `CONFIG GET` shows it; `None` for a text that was never given.
    pub fn shown(&self) -> Option<Vec<u8>> {
        Some(match self.kind {
            Kind::Number { .. } => self.number().to_string().into_bytes(),
            Kind::Switch(_) => if self.number() == 0 { "no" } else { "yes" }.into(),
            Kind::Choice(_, words) => words.get(self.number() as usize).map_or(&b""[..], |word| word.to_bytes()).into(),
            Kind::Text(text) => return text.get(),
        })
    }

    /// What values it takes, for error texts.
    pub fn range(&self) -> String {
        match self.kind {
            Kind::Number { min: -1, max, .. } => format!("an integer between 0 and {max}, or -1 for no limit"),
            Kind::Number { min, max, .. } => format!("an integer between {min} and {max}"),
            Kind::Switch(_) => "yes or no".into(),
            Kind::Choice(_, words) => {
                let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
                format!("one of {}", words.join(", "))
            }
            Kind::Text(_) => "a text".into(),
        }
    }

    /// Whether it has this name, or had it at RediSearch; in any case, and with `_` for `-`.
    pub fn is_named(&self, name: &[u8]) -> bool {
        let same = |own: &[u8]| {
            let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
            own.iter().map(plain).eq(name.iter().map(plain))
        };
        same(self.name.to_bytes()) || self.old.iter().any(|old| same(old.as_bytes()))
    }

    /// Takes a number, or the number of a word.
    ///
    /// # Errors
    /// Where it is out of range, or the setting is none of numbers.
    pub fn take_number(&self, number: i64) -> Result<(), Refused> {
        match self.kind {
            Kind::Number { cell, min, max } if (min..=max).contains(&number) => self.store(cell, number),
            Kind::Choice(cell, words) if usize::try_from(number).is_ok_and(|nth| nth < words.len()) => {
                self.store(cell, number);
            }
            Kind::Switch(cell) if number == 0 || number == 1 => {
                if cell.swap(number == 1, Ordering::Relaxed) != (number == 1) {
                    self.changed();
                }
            }
            Kind::Text(_) => return Err(Refused::Type),
            _ => return Err(Refused::Bounds),
        }
        Ok(())
    }

    /// Takes a value as it is written in a config file, or as RediSearch's are (`true`, `false`).
    ///
    /// # Errors
    /// Where it is none of the setting's.
    pub fn take(&self, value: &[u8]) -> Result<(), Refused> {
        match self.kind {
            Kind::Number { .. } => self.take_number(integer(value).ok_or(Refused::Type)?),
            Kind::Switch(_) => self.take_number(i64::from(switch(value).ok_or(Refused::Type)?)),
            Kind::Choice(_, words) => {
                let nth = words.iter().position(|word| word.to_bytes().eq_ignore_ascii_case(value));
                self.take_number(nth.ok_or(Refused::Bounds)? as i64)
            }
            Kind::Text(text) => {
                text.set(value);
                Ok(())
            }
        }
    }

    fn store(&self, cell: &AtomicI64, number: i64) {
        let before = self.number();
        cell.store(number, Ordering::Relaxed);
        if before != number {
            self.changed();
        }
    }

    fn changed(&self) {
        if LOADING.load(Ordering::Relaxed) {
            return; // all are applied at the end
        }
        if let Some(apply) = self.apply {
            apply();
        }
        if let Some(changed) = CHANGED.get() {
            changed();
        }
        log(LogLevel::Notice, &format!("setting {} changed", self.name.to_string_lossy()));
    }
}

/// Reads `yes` or `no` by any of their names.
fn switch(value: &[u8]) -> Option<bool> {
    let named = |names: [&str; 3]| names.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()));
    match (named(["yes", "true", "1"]), named(["no", "false", "0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// All settings, in groups.
pub type Settings = &'static [&'static [Setting]];

/// Whether the server still reads its config file. Then it gives each setting that the file does not name its default, by whichever
/// of its names: that is nothing new.
static LOADING: AtomicBool = AtomicBool::new(true);

static CHANGED: OnceLock<fn()> = OnceLock::new();

/// Arguments of `loadmodule` that other modules take and that are no settings, with whether a value follows.
pub type Foreign = &'static [(&'static str, bool)];

/// Takes the words of the load line as new defaults.
///
/// # Errors
/// The line for the log when a name is unknown or a value is out of its range.
fn take_load_arguments(settings: Settings, foreign: Foreign, mut args: Args<'_>) -> Result<(), String> {
    while let Some(name) = args.next() {
        let shown = String::from_utf8_lossy(name);
        let lacks = || format!("load argument '{shown}' lacks its value");
        if let Some((_, valued)) = foreign.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())) {
            if *valued {
                args.next().ok_or_else(lacks)?;
            }
            log(LogLevel::Warning, &format!("load argument '{shown}' does nothing here"));
            continue;
        }
        let setting = settings.iter().copied().flatten().find(|setting| setting.is_named(name));
        let setting =
            setting.ok_or_else(|| format!("unknown load argument '{shown}'; known are {}", names(settings)))?;
        let value = match setting.kind {
            // `NOGC` alone means `NOGC true`.
            Kind::Switch(_) if args.clone().next().and_then(switch).is_none() => b"yes",
            _ => args.next().ok_or_else(|| format!("{}: it is {}", lacks(), setting.range()))?,
        };
        setting.take(value).map_err(|_refused| {
            let value = String::from_utf8_lossy(value);
            format!("load argument '{shown}' can't be '{value}': it is {}", setting.range())
        })?;
        if setting.idle {
            log(LogLevel::Warning, &format!("load argument '{shown}' is kept and shown, but does nothing here"));
        }
    }
    Ok(())
}

fn names(settings: Settings) -> String {
    let names: Vec<_> = settings.iter().copied().flatten().map(|setting| setting.name.to_string_lossy()).collect();
    names.join(", ")
}

/// Registers all settings and takes their start values. `plain`: beside the names with the module's prefix, those that RediSearch's have
/// in Redis 8 (no other module has them). `changed` is called
/// when all have their values, and whenever one has another.
///
/// # Errors
/// The line for the log when the module can't be loaded so.
pub(super) fn register(
    loading: &Loading,
    (settings, foreign): (Settings, Foreign),
    (plain, changed): (bool, fn()),
    args: Args<'_>,
) -> Result<(), String> {
    take_load_arguments(settings, foreign, args)?;
    // The names of Redis 8 are without the module's prefix.
    let plain = plain && is_redis_8();
    for setting in settings.iter().copied().flatten() {
        if !register_one(loading, setting, setting.name, 0) {
            return Err(format!("the server refused the setting '{}'", setting.name.to_string_lossy()));
        }
        if plain && !setting.old.is_empty() {
            let name = CString::new([b"search-", setting.name.to_bytes()].concat()).unwrap_or_default();
            // A name that is taken stays with whoever has it.
            register_one(loading, setting, &name, UNPREFIXED);
        }
    }
    // SAFETY: the context is valid while loading.
    if unsafe { api!(RedisModule_LoadConfigs(loading.raw)) } != ffi::REDISMODULE_OK as c_int {
        return Err("a setting in the config file was refused".into());
    }
    LOADING.store(false, Ordering::Relaxed);
    settings.iter().copied().flatten().filter_map(|setting| setting.apply).for_each(|apply| apply());
    CHANGED.get_or_init(|| changed)();
    Ok(())
}

/// The flag of Redis 8 for a name that is taken as it is.
const UNPREFIXED: u32 = 1 << 9;

fn register_one(loading: &Loading, setting: &'static Setting, name: &CStr, flags: u32) -> bool {
    let registered = Box::leak(Box::new(Registered { setting, default: setting.number() }));
    let data = (&raw mut *registered).cast::<c_void>();
    let fixed = if setting.changes { 0 } else { ffi::REDISMODULE_CONFIG_IMMUTABLE };
    let secret = if setting.secret { ffi::REDISMODULE_CONFIG_SENSITIVE } else { 0 };
    let flags = ffi::REDISMODULE_CONFIG_DEFAULT | fixed | secret | flags;
    let (name, now) = (name.as_ptr(), setting.number());
    // SAFETY: the context is valid while loading; the server copies names and words; data is static.
    let done = unsafe {
        match setting.kind {
            Kind::Number { min, max, .. } => {
                let (get, set) = (Some(get_number as _), Some(set_number as _));
                api!(RedisModule_RegisterNumericConfig(loading.raw, name, now, flags, min, max, get, set, None, data))
            }
            Kind::Switch(_) => {
                let (get, set) = (Some(get_small as _), Some(set_small as _));
                api!(RedisModule_RegisterBoolConfig(loading.raw, name, now as c_int, flags, get, set, None, data))
            }
            Kind::Choice(_, words) => {
                let mut words: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
                let values: Vec<_> = (0..words.len() as c_int).collect();
                let (words, values, len) = (words.as_mut_ptr(), values.as_ptr(), values.len() as c_int);
                let (get, set) = (Some(get_small as _), Some(set_small as _));
                let now = now as c_int;
                let raw = loading.raw;
                api!(RedisModule_RegisterEnumConfig(raw, name, now, flags, words, values, len, get, set, None, data))
            }
            Kind::Text(text) => {
                let now = CString::new(text.get().unwrap_or_default()).unwrap_or_default();
                let (get, set) = (Some(get_text as _), Some(set_text as _));
                api!(RedisModule_RegisterStringConfig(loading.raw, name, now.as_ptr(), flags, get, set, None, data))
            }
        }
    };
    done == ffi::REDISMODULE_OK as c_int
}

/// A name that the server knows, for as long as it runs.
struct Registered {
    setting: &'static Setting,
    /// What it was when it was registered.
    default: i64,
}

/// What is behind the server's private data.
///
/// # Safety
/// `data` is what [`register_one`] gave.
unsafe fn registered(data: *mut c_void) -> &'static Registered {
    // SAFETY: register_one leaked it, and nobody changes it.
    unsafe { &*data.cast::<Registered>() }
}

/// Takes what the server has checked. A default that it gives while it loads is no news.
fn told(registered: &Registered, number: i64) -> c_int {
    let known = LOADING.load(Ordering::Relaxed) && registered.default == number;
    let done = if known { Ok(()) } else { registered.setting.take_number(number) };
    (if done.is_ok() { ffi::REDISMODULE_OK } else { ffi::REDISMODULE_ERR }) as c_int
}

unsafe extern "C" fn get_number(_name: *const c_char, data: *mut c_void) -> c_longlong {
    // SAFETY: data is register_one's.
    unsafe { registered(data) }.setting.number()
}

unsafe extern "C" fn set_number(
    _name: *const c_char,
    value: c_longlong,
    data: *mut c_void,
    _error: *mut *mut ffi::RedisModuleString,
) -> c_int {
    // SAFETY: data is register_one's.
    told(unsafe { registered(data) }, value)
}

unsafe extern "C" fn get_small(_name: *const c_char, data: *mut c_void) -> c_int {
    // SAFETY: data is register_one's.
    unsafe { registered(data) }.setting.number() as c_int
}

unsafe extern "C" fn set_small(
    _name: *const c_char,
    value: c_int,
    data: *mut c_void,
    _error: *mut *mut ffi::RedisModuleString,
) -> c_int {
    // SAFETY: data is register_one's.
    told(unsafe { registered(data) }, c_longlong::from(value))
}

unsafe extern "C" fn get_text(_name: *const c_char, data: *mut c_void) -> *mut ffi::RedisModuleString {
    // SAFETY: data is register_one's.
    let Kind::Text(text) = unsafe { registered(data) }.setting.kind else { return std::ptr::null_mut() };
    let (value, null) = (text.get().unwrap_or_default(), std::ptr::null_mut());
    // SAFETY: a null context means that we free the string: the one shown before, which the server has copied by now.
    unsafe {
        let now = api!(RedisModule_CreateString(null, value.as_ptr().cast(), value.len()));
        let before = text.shown.swap(now, Ordering::Relaxed);
        if !before.is_null() {
            api!(RedisModule_FreeString(null, before));
        }
        now
    }
}

unsafe extern "C" fn set_text(
    _name: *const c_char,
    value: *mut ffi::RedisModuleString,
    data: *mut c_void,
    _error: *mut *mut ffi::RedisModuleString,
) -> c_int {
    // SAFETY: data is register_one's; the string is the server's and lives during the call.
    unsafe {
        let Kind::Text(text) = registered(data).setting.kind else { return ffi::REDISMODULE_ERR as c_int };
        let mut len = 0;
        let bytes = api!(RedisModule_StringPtrLen(value, &mut len));
        let bytes: &[u8] = std::slice::from_raw_parts(bytes.cast(), len);
        if !bytes.is_empty() {
            text.set(bytes);
        }
    }
    ffi::REDISMODULE_OK as c_int
}
