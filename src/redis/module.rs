//! Loading: the module's name, what each family finds free, options, fork handlers, panics.
//!
//! Clients look for the name `search` in `MODULE LIST`; where another module has it, ours is `nearset`. A family (vector
//! sets, search, JSON) whose commands or type the server or another module owns steps aside: one line in the log, the
//! rest loads.

use std::cell::Cell;
use std::ffi::{CStr, c_int};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use redis_module::raw as ffi;

use super::alloc;
use super::args::Args;
use super::command::{self, Family, Usage};
use super::context::{LogLevel, log};
use super::info;
use super::loading::{Loading, RegisterType};
use super::settings::{self, Foreign, Settings};
use super::turns;

/// Everything the library brings.
pub struct Module {
    /// The name clients look for, and the one to take where that is taken.
    pub names: [&'static CStr; 2],
    /// As `MODULE LIST` shows it: major · 10000 + minor · 100 + patch.
    pub version: c_int,
    /// The families: a name for the log, the type if there is one, the commands.
    pub families: &'static [(&'static str, Option<RegisterType>, Family)],
    /// Commands with their lines of usage, for `COMMAND DOCS`.
    pub usage: Usage,
    /// Every setting, and load arguments that are none.
    pub settings: (Settings, Foreign),
    /// Called when settings have values, and when one has another.
    pub changed: fn(),
    /// Fills the sections of `INFO`.
    pub info: info::Fill,
    /// The line of the log that says what was loaded.
    pub greeting: fn(&Loaded) -> String,
    /// What this processor's distances are computed by, in a word.
    pub kernels: fn() -> &'static str,
    /// Called first of all: the allocator is known, nothing else is.
    pub begin: fn(),
    /// Called before a fork, in the parent after it, and in the child after it: before, linking comes to
    /// rest, so that the child sees whole nodes; after, both go on.
    pub fork: [extern "C" fn(); 3],
}

/// What came of loading.
pub struct Loaded {
    /// The server and its version, such as `Valkey 9.1.2`.
    pub server: String,
    /// The families that serve.
    pub served: Vec<&'static str>,
    /// Those that stepped aside.
    pub aside: Vec<&'static str>,
    /// [`Module::kernels`]
    pub kernels: &'static str,
}

static RESULT: OnceLock<Loaded> = OnceLock::new();

/// What came of loading, once it is over.
pub fn loaded() -> Option<&'static Loaded> {
    RESULT.get()
}

/// Exports the server's way in, for a [`Module`] in a static.
macro_rules! export {
    ($module:ident) => {
        /// The server's way in.
        ///
        /// # Safety
        /// Called once by the server, with a valid context and `argc` valid strings.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn RedisModule_OnLoad(
            ctx: *mut $crate::redis::module::ffi::RedisModuleCtx,
            argv: *mut *mut $crate::redis::module::ffi::RedisModuleString,
            argc: std::ffi::c_int,
        ) -> std::ffi::c_int {
            // SAFETY: by the server's promise.
            unsafe { $crate::redis::module::load(ctx, argv, argc, &$module) }
        }
    };
}
pub(crate) use export;

/// Whether the library was loaded before.
static LOADED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread has loaded the library.
    static IS_MAIN: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the server's main thread, and none of those that free values or serve another module.
pub fn is_main_thread() -> bool {
    IS_MAIN.get()
}

/// What `RedisModule_OnLoad` does.
///
/// # Safety
/// The server calls it once, with a valid context and `argc` valid strings.
pub unsafe fn load(
    ctx: *mut ffi::RedisModuleCtx,
    argv: *mut *mut ffi::RedisModuleString,
    argc: c_int,
    module: &'static Module,
) -> c_int {
    if LOADED.swap(true, Ordering::SeqCst) {
        // The same library twice shares its statics: types, settings and workers can't belong to two modules.
        log(LogLevel::Warning, "this library is loaded already");
        return ffi::REDISMODULE_ERR as c_int;
    }
    // SAFETY: by the caller's promise. This fills in the API's pointers, the allocator's among them: nothing may be
    // allocated before.
    let named = module.names.iter().position(|name| unsafe {
        ffi::Export_RedisModule_Init(ctx, name.as_ptr(), module.version, ffi::REDISMODULE_APIVER_1 as c_int)
            == ffi::REDISMODULE_OK as c_int
    });
    let Some(named) = named else { return ffi::REDISMODULE_ERR as c_int };
    alloc::look_at_server();
    IS_MAIN.set(true);
    (module.begin)();
    log_panics();
    // SAFETY: by the caller's promise.
    let args = unsafe { Args::all(argv, argc) };
    match start(&Loading { raw: ctx }, args, module, named == 0) {
        Ok(()) => ffi::REDISMODULE_OK as c_int,
        Err(line) => {
            log(LogLevel::Warning, &line);
            ffi::REDISMODULE_ERR as c_int
        }
    }
}

/// Registers everything; `first`: the module has the first of its names.
fn start(loading: &Loading, args: Args<'_>, module: &'static Module, first: bool) -> Result<(), String> {
    let server = server(loading);
    // Read errors are ours to handle: a damaged payload fails the load of its key, not the server.
    let mut options = ffi::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS as c_int;
    if is_valkey_from_9(&server) {
        options |= ATOMIC_SLOT_MIGRATION;
    }
    // SAFETY: the context is valid while loading.
    unsafe { api!(RedisModule_SetModuleOptions(loading.raw, options)) };
    let (mut served, mut aside) = (Vec::new(), Vec::new());
    for (family, register_type, commands) in module.families {
        if !command::is_free(loading, commands) || register_type.is_some_and(|register| !register(loading)) {
            log(LogLevel::Notice, &format!("{family}: served by the server or another module, ours step aside"));
            aside.push(*family);
            continue;
        }
        served.push(*family);
        command::register(loading, commands, module.usage)
            .map_err(|name| format!("the server refused the command {}", name.to_string_lossy()))?;
    }
    settings::register(loading, module.settings, (first, module.changed), args)?;
    info::register(loading, module.info);
    fork_handlers(module.fork);
    turns::come_soon();
    let loaded = RESULT.get_or_init(|| Loaded { server, served, aside, kernels: (module.kernels)() });
    log(LogLevel::Notice, &(module.greeting)(loaded));
    Ok(())
}

/// Valkey's option by which a module lets slots with its keys move at once: `VALKEYMODULE_OPTIONS_HANDLE_ATOMIC_SLOT_MIGRATION`.
/// Without it the server lets no slot move so. What the migration does to keys comes as events like others.
const ATOMIC_SLOT_MIGRATION: c_int = 1 << 5;

/// The bit may mean something else to others.
fn is_valkey_from_9(server: &str) -> bool {
    let major = server
        .strip_prefix("Valkey ")
        .and_then(|version| version.split('.').next())
        .and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= 9)
}

/// The server's name and version, as it tells them.
fn server(loading: &Loading) -> String {
    // SAFETY: the context is valid while loading; the answer is freed once, after its texts were copied.
    unsafe {
        let told = api!(RedisModule_GetServerInfo(loading.raw, c"server".as_ptr()));
        let field = |name: &CStr| {
            let text = api!(RedisModule_ServerInfoGetFieldC(told, name.as_ptr()));
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        };
        let valkey = field(c"valkey_version").map(|version| format!("Valkey {version}"));
        let redis = || field(c"redis_version").map(|version| format!("Redis {version}"));
        let name = valkey.or_else(redis);
        api!(RedisModule_FreeServerInfo(loading.raw, told));
        name.unwrap_or_else(|| "a server that does not tell its version".into())
    }
}

/// Registers [`Module::fork`].
fn fork_handlers([before, parent, child]: [extern "C" fn(); 3]) {
    // SAFETY: the functions live as long as the library, which is never unloaded once it has types.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
}

/// Sends panics to the server's log, with their place.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        log(LogLevel::Warning, &format!("internal error: {panic}"));
    }));
}
