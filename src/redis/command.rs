//! The table of commands and how it is registered.
//!
//! A command is a type with a constant [`Info`] and a `run`. Registration tells the server its name, flags, arity, keys
//! and documentation, so that `COMMAND INFO`, `COMMAND DOCS`, ACL rules and cluster clients know it.
//!
//! A panic inside a command never reaches the server: the client reads `ERR internal error`, the log has the place.

use std::ffi::{CStr, CString, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::raw as ffi;

use super::args::Args;
use super::cluster;
use super::context::{Context, LogLevel, log};
use super::loading::Loading;
use super::syntax::Told;
use crate::error::Error;

/// What a command does with the keys it names, for ACL rules and clients.
#[derive(Clone, Copy)]
pub enum Access {
    /// Reads the value.
    Read,
    /// Changes the value.
    Update,
    /// Adds data without telling what was there.
    Insert,
    /// Removes data without telling what was there.
    Delete,
    /// Replaces the value whatever it was.
    Overwrite,
}

/// Where the keys are among the arguments; the command's name is argument 0.
#[derive(Clone, Copy)]
pub struct Keys {
    /// The first key's place; 0 when there is none.
    pub first: c_int,
    /// The last key's place; negative counts from the end.
    pub last: c_int,
    /// Distance between keys.
    pub step: c_int,
    /// What happens to them.
    pub access: Access,
}

impl Keys {
    /// No argument is a key.
    pub const NONE: Self = Self { first: 0, last: 0, step: 0, access: Access::Read };

    /// The first argument is the key.
    pub const fn first(access: Access) -> Self {
        Self { first: 1, last: 1, step: 1, access }
    }
}

/// What the server is told about a command.
#[derive(Clone, Copy)]
pub struct Info {
    /// Its name, in the case that error texts quote.
    pub name: &'static CStr,
    /// Flags as the server spells them: `write`, `readonly`, `deny-oom`, `fast`, …
    pub flags: &'static CStr,
    /// Number of words with the name; negative: at least so many. The server refuses others itself.
    pub arity: c_int,
    /// Where its keys are.
    pub keys: Keys,
    /// ACL categories, separated by blanks; the family's own category is added where the server can.
    pub acl: &'static str,
    /// One line of documentation.
    pub summary: &'static CStr,
    /// Time complexity, for `COMMAND DOCS`.
    pub complexity: &'static CStr,
    /// The version of the field's own server or module that brought it.
    pub since: &'static CStr,
}

impl Info {
    /// Whether its flags say that it writes.
    const fn writes(&self) -> bool {
        let flags = self.flags.to_bytes();
        matches!(flags, [b'w', b'r', b'i', b't', b'e', ..])
    }
}

/// A command.
pub trait Command {
    /// What the server is told about it.
    const INFO: Info;

    /// Parses, does the work and replies, now or through a blocked client. An `Err` becomes the reply.
    ///
    /// # Errors
    /// The text that the client is to read; nothing was replied before.
    fn run(ctx: &Context, args: Args<'_>) -> Result<(), Error>;
}

/// A line of the table.
pub struct Entry {
    info: Info,
    shim: Shim,
    /// The same for a command that needs the cluster to serve.
    guarded: Shim,
}

type Shim = unsafe extern "C" fn(*mut ffi::RedisModuleCtx, *mut *mut ffi::RedisModuleString, c_int) -> c_int;

/// The table's line for a command.
pub const fn entry<C: Command>() -> Entry {
    Entry { info: C::INFO, shim: shim::<C, false>, guarded: shim::<C, true> }
}

/// A family of commands that live or step aside together.
pub struct Family {
    /// Its ACL category, registered where the server can.
    pub category: &'static CStr,
    /// Its commands.
    pub commands: &'static [Entry],
    /// Of those without keys, the ones that a node answers by itself, whatever the cluster does. The others are refused while it
    /// is down.
    pub alone: &'static [&'static CStr],
    /// Tips for clients, by command; see <https://redis.io/docs/latest/develop/reference/command-tips/>.
    pub tips: &'static [(&'static CStr, &'static CStr)],
}

/// What the server calls.
///
/// # Safety
/// The server passes a valid context and `argc` valid strings.
unsafe extern "C" fn shim<C: Command, const GUARDED: bool>(
    raw: *mut ffi::RedisModuleCtx,
    argv: *mut *mut ffi::RedisModuleString,
    argc: c_int,
) -> c_int {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: by the server's promise, for the time of this call, on the main thread.
        let (ctx, args) = unsafe { (Context::new(raw), Args::new(argv, argc)) };
        let refusal = if GUARDED { cluster::refusal(&ctx, C::INFO.writes()) } else { None };
        if let Err(error) = refusal.map_or_else(|| C::run(&ctx, args), Err) {
            ctx.reply().error(&error);
        }
    }));
    if outcome.is_err() {
        // SAFETY: as above.
        unsafe { Context::new(raw) }.reply().error(&Error::INTERNAL);
    }
    ffi::REDISMODULE_OK as c_int
}

/// Whether no one owns a command of the family yet.
pub(super) fn is_free(loading: &Loading, family: &Family) -> bool {
    family.commands.iter().all(|entry| {
        // SAFETY: the context is valid while loading; the format takes two C strings; the reply is freed.
        unsafe {
            let reply = api!(RedisModule_Call(
                loading.raw,
                c"COMMAND".as_ptr(),
                c"cc".as_ptr(),
                c"INFO".as_ptr(),
                entry.info.name.as_ptr()
            ));
            if reply.is_null() {
                return true;
            }
            let first = api!(RedisModule_CallReplyArrayElement(reply, 0));
            let free = first.is_null()
                || api!(RedisModule_CallReplyType(first)) == ffi::REDISMODULE_REPLY_NULL as c_int
                || api!(RedisModule_CallReplyLength(first)) == 0;
            api!(RedisModule_FreeCallReply(reply));
            free
        }
    })
}

/// Commands with their lines of usage; the notation is that of the module `syntax`.
pub type Usage = &'static [(&'static str, &'static str)];

/// Registers a family's commands.
///
/// # Errors
/// The name that the server refused.
pub(super) fn register(loading: &Loading, family: &Family, usage: Usage) -> Result<(), &'static CStr> {
    // SAFETY: the context is valid while loading.
    let category = unsafe {
        ffi::RedisModule_AddACLCategory
            .is_some_and(|add| add(loading.raw, family.category.as_ptr()) == ffi::REDISMODULE_OK as c_int)
    };
    for entry in family.commands {
        register_one(loading, entry, family, category, usage).ok_or(entry.info.name)?;
    }
    Ok(())
}

fn register_one(loading: &Loading, entry: &Entry, family: &Family, category: bool, usage: Usage) -> Option<()> {
    let Info { name, flags, keys, acl, .. } = entry.info;
    let guarded = keys.first == 0 && !family.alone.contains(&name);
    // SAFETY: the context is valid while loading, the strings are NUL-terminated and copied, the function lives as long as the
    // library, which is never unloaded once it has types.
    unsafe {
        let made = api!(RedisModule_CreateCommand(
            loading.raw,
            name.as_ptr(),
            Some(if guarded { entry.guarded } else { entry.shim }),
            flags.as_ptr(),
            keys.first,
            keys.last,
            keys.step
        ));
        if made != ffi::REDISMODULE_OK as c_int {
            return None;
        }
        let command = api!(RedisModule_GetCommand(loading.raw, name.as_ptr()));
        if command.is_null() {
            return None;
        }
        let tips = family.tips.iter().find(|(named, _)| *named == name).map(|(_, tips)| *tips);
        describe(command, &entry.info, tips, usage)?;
        if let Some(set) = ffi::RedisModule_SetCommandACLCategories {
            let family = if category { format!(" {}", family.category.to_string_lossy()) } else { String::new() };
            // The name is ours and holds no NUL. Where the server refused, a rule like `-@write` would let the command through.
            let done = set(command, CString::new(format!("{acl}{family}")).unwrap_or_default().as_ptr());
            if done != ffi::REDISMODULE_OK as c_int {
                return None;
            }
        }
    }
    Some(())
}

/// Tells arity, documentation and keys; `None` where the server does not take it.
///
/// # Safety
/// `command` was just created.
unsafe fn describe(
    command: *mut ffi::RedisModuleCommand,
    info: &Info,
    tips: Option<&'static CStr>,
    usage: Usage,
) -> Option<()> {
    let access = match info.keys.access {
        Access::Read => ffi::REDISMODULE_CMD_KEY_RO | ffi::REDISMODULE_CMD_KEY_ACCESS,
        Access::Update => {
            ffi::REDISMODULE_CMD_KEY_RW | ffi::REDISMODULE_CMD_KEY_ACCESS | ffi::REDISMODULE_CMD_KEY_UPDATE
        }
        Access::Insert => ffi::REDISMODULE_CMD_KEY_RW | ffi::REDISMODULE_CMD_KEY_INSERT,
        Access::Delete => ffi::REDISMODULE_CMD_KEY_RW | ffi::REDISMODULE_CMD_KEY_DELETE,
        Access::Overwrite => ffi::REDISMODULE_CMD_KEY_OW | ffi::REDISMODULE_CMD_KEY_UPDATE,
    };
    // SAFETY: all-zero is the empty value of these C structures: null pointers and zero numbers.
    let mut specs: [ffi::RedisModuleCommandKeySpec; 2] = unsafe { std::mem::zeroed() };
    specs[0].flags = u64::from(access);
    specs[0].begin_search_type = ffi::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
    specs[0].bs.index.pos = info.keys.first;
    specs[0].find_keys_type = ffi::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
    let last = if info.keys.last < 0 { info.keys.last } else { info.keys.last - info.keys.first };
    specs[0].fk.range =
        ffi::RedisModuleCommandKeySpec__bindgen_ty_2__bindgen_ty_1 { lastkey: last, keystep: info.keys.step, limit: 0 };
    let version = ffi::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<ffi::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<ffi::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<ffi::RedisModuleCommandArg>(),
    };
    let line =
        usage.iter().find(|(name, _)| name.as_bytes() == info.name.to_bytes()).and_then(|(_, line)| Told::read(line));
    let mut told = ffi::RedisModuleCommandInfo {
        version: &version,
        summary: info.summary.as_ptr(),
        complexity: info.complexity.as_ptr(),
        since: info.since.as_ptr(),
        history: std::ptr::null_mut(),
        tips: tips.map_or(std::ptr::null(), CStr::as_ptr),
        arity: info.arity,
        key_specs: if info.keys.first > 0 { specs.as_mut_ptr() } else { std::ptr::null_mut() },
        args: line.as_ref().map_or(std::ptr::null_mut(), |(_, arguments)| *arguments),
    };
    // SAFETY: the command is valid by the caller's promise; the server copies what it is told, while `line` lives.
    let mut done = unsafe { api!(RedisModule_SetCommandInfo(command, &told)) };
    if done != ffi::REDISMODULE_OK as c_int {
        log(LogLevel::Warning, &format!("the server refused the arguments of {}", info.name.to_string_lossy()));
        told.args = std::ptr::null_mut();
        // SAFETY: as above.
        done = unsafe { api!(RedisModule_SetCommandInfo(command, &told)) };
    }
    (done == ffi::REDISMODULE_OK as c_int).then_some(())
}
