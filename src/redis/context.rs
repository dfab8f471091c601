//! A command's call: who asks, what may be done, and what follows from it.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;
use std::sync::LazyLock;

use redis_module::raw as ffi;

use super::args::Arg;
use super::reply::Reply;
use crate::error::Error;

/// The server's context of one call on the main thread.
///
/// Not `Send`: it dies with the call. What outlives the call is a [`super::blocking::Blocked`] client.
pub struct Context {
    pub(super) raw: *mut ffi::RedisModuleCtx,
}

/// Classes of keyspace events, as `notify-keyspace-events` spells them.
#[derive(Clone, Copy)]
pub enum EventClass {
    /// `g`: events of any type, such as `del`.
    Generic,
    /// `d`: events of modules' types.
    Module,
}

/// A function of the server's API by its full name.
pub(super) fn api_function(name: &CStr) -> Option<NonNull<c_void>> {
    let mut found: *mut c_void = std::ptr::null_mut();
    // SAFETY: GetApi was set at load; it writes one pointer.
    unsafe {
        let get = ffi::RedisModule_GetApi?;
        get(name.as_ptr(), (&raw mut found).cast());
    }
    NonNull::new(found)
}

/// Whether the server is Valkey.
pub fn is_valkey() -> bool {
    static FOUND: LazyLock<bool> = LazyLock::new(|| api_function(c"ValkeyModule_Alloc").is_some());
    *FOUND
}

/// Whether the server is Redis 8 or later.
pub fn is_redis_8() -> bool {
    // SAFETY: the function takes nothing.
    !is_valkey() && unsafe { api!(RedisModule_GetServerVersion()) } >= 0x0008_0000
}

impl Context {
    /// Wraps the server's context.
    ///
    /// # Safety
    /// `raw` is valid as long as the value lives, and this is the thread that holds the server's lock.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleCtx) -> Self {
        Self { raw }
    }

    pub(super) fn flags(&self) -> u32 {
        // SAFETY: the context is valid by new's promise.
        unsafe { api!(RedisModule_GetContextFlags(self.raw)) as u32 }
    }

    /// Whether the client speaks RESP3.
    pub fn resp3(&self) -> bool {
        self.flags() & ffi::REDISMODULE_CTX_FLAGS_RESP3 != 0
    }

    /// Whether the reply may come later from a worker: not inside MULTI or a script, not for the replication link, not
    /// while an AOF or RDB is loaded, not in a forked child.
    pub fn can_block(&self) -> bool {
        const INLINE: u32 = ffi::REDISMODULE_CTX_FLAGS_LUA
            | ffi::REDISMODULE_CTX_FLAGS_MULTI
            | ffi::REDISMODULE_CTX_FLAGS_DENY_BLOCKING
            | ffi::REDISMODULE_CTX_FLAGS_REPLICATED
            | ffi::REDISMODULE_CTX_FLAGS_LOADING
            | ffi::REDISMODULE_CTX_FLAGS_IS_CHILD;
        self.flags() & INLINE == 0
    }

    /// Whether the command comes from a master or a file, which no client asked for.
    pub fn is_told(&self) -> bool {
        self.flags() & (ffi::REDISMODULE_CTX_FLAGS_REPLICATED | ffi::REDISMODULE_CTX_FLAGS_LOADING) != 0
    }

    /// Whether it comes from a file.
    pub fn is_told_by_file(&self) -> bool {
        self.flags() & ffi::REDISMODULE_CTX_FLAGS_LOADING != 0
    }

    /// Whether the server uses more memory than `maxmemory` allows, and can't free any.
    pub fn is_out_of_memory(&self) -> bool {
        self.flags() & ffi::REDISMODULE_CTX_FLAGS_OOM != 0
    }

    /// The client's number, 0 where there is none.
    pub fn client(&self) -> u64 {
        // SAFETY: the context is valid by new's promise.
        unsafe { api!(RedisModule_GetClientId(self.raw)) }
    }

    /// Whether the server is a replica.
    pub fn is_replica(&self) -> bool {
        self.flags() & ffi::REDISMODULE_CTX_FLAGS_SLAVE != 0
    }

    /// The selected database.
    pub fn database(&self) -> i32 {
        // SAFETY: the context is valid by new's promise.
        unsafe { api!(RedisModule_GetSelectedDb(self.raw)) }
    }

    /// Selects another database for what follows in this call; false where there is none of that number.
    pub fn select(&self, database: i32) -> bool {
        // SAFETY: the context is valid by new's promise.
        unsafe { api!(RedisModule_SelectDb(self.raw, database)) == ffi::REDISMODULE_OK as c_int }
    }

    /// How many keys the selected database has.
    pub fn database_size(&self) -> u64 {
        // SAFETY: the context is valid by new's promise.
        unsafe { api!(RedisModule_DbSize(self.raw)) }
    }

    /// A writer for the reply of this call.
    pub fn reply(&self) -> Reply<'_> {
        // SAFETY: the context is valid by new's promise, and the writer borrows it.
        unsafe { Reply::new(self.raw, self.resp3()) }
    }

    /// Sends the command as it was typed to replicas and the AOF.
    pub fn replicate_verbatim(&self) {
        // SAFETY: the context is valid by new's promise.
        unsafe { api!(RedisModule_ReplicateVerbatim(self.raw)) };
    }

    /// Sends another command instead of the one that was typed to replicas and the AOF.
    pub fn replicate(&self, command: &CStr, args: &[&[u8]]) {
        self.send(&[command], c"v", args);
    }

    /// Sends the deletion of a key to replicas and the AOF, by whichever command for it the operator has left its name.
    pub fn replicate_deletion(&self, key: &[u8]) {
        self.send(&[c"DEL", c"UNLINK"], c"v", &[key]);
    }

    /// Appends a command to the AOF, and to nothing else.
    pub fn append_to_aof(&self, command: &CStr, args: &[&[u8]]) {
        // `R` leaves replicas out.
        self.send(&[command], c"vR", args);
    }

    /// Sends the first of the commands that the server knows. None of them (`rename-command` takes commands away): replicas and
    /// the AOF lack a change, which the operator has to know.
    fn send(&self, commands: &[&CStr], format: &CStr, args: &[&[u8]]) {
        let sent = self.with_strings(args, |strings| {
            let (array, len) = (strings.as_ptr(), strings.len());
            commands.iter().any(|command| {
                // SAFETY: the format takes an array of strings and its length, which are valid during the call.
                let sent =
                    unsafe { api!(RedisModule_Replicate(self.raw, command.as_ptr(), format.as_ptr(), array, len)) };
                sent == ffi::REDISMODULE_OK as c_int
            })
        });
        if !sent {
            let name = commands[0].to_string_lossy();
            log(LogLevel::Warning, &format!("replicas and the AOF lack a change: the server does not know {name}"));
        }
    }

    /// Whether nothing may be sent to replicas or the AOF now: clients are paused, for a failover perhaps.
    pub fn must_not_replicate(&self) -> bool {
        // SAFETY: the function takes nothing, and any thread that holds the server may ask.
        unsafe { api!(RedisModule_AvoidReplicaTraffic()) != 0 }
    }

    /// A setting of the server, as CONFIG GET shows it.
    pub fn server_setting(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.with_strings(&[b"GET", name], |strings| {
            // SAFETY: the context is valid by new's promise; the format `v` takes an array of strings and its length, valid
            // during the call; the text is copied before the reply is freed, once. An element that is not there is null.
            unsafe {
                let (array, len) = (strings.as_ptr(), strings.len());
                let reply = api!(RedisModule_Call(self.raw, c"CONFIG".as_ptr(), c"v".as_ptr(), array, len));
                if reply.is_null() {
                    return None;
                }
                let mut value = None;
                if api!(RedisModule_CallReplyType(reply)) as isize == ffi::REDISMODULE_REPLY_ARRAY {
                    let element = api!(RedisModule_CallReplyArrayElement(reply, 1));
                    let mut len = 0;
                    if !element.is_null() {
                        let text = api!(RedisModule_CallReplyStringPtr(element, &mut len));
                        value = (!text.is_null()).then(|| std::slice::from_raw_parts(text.cast(), len).to_vec());
                    }
                }
                api!(RedisModule_FreeCallReply(reply));
                value
            }
        })
    }

    /// Runs a command, as the server itself, and shows its reply to `with`: the bytes of a bulk string, nothing for any
    /// other reply.
    pub fn call<T>(&self, command: &CStr, args: &[&[u8]], with: impl FnOnce(Option<&[u8]>) -> T) -> T {
        self.with_strings(args, |strings| {
            // SAFETY: the context is valid by new's promise; the format `v` takes an array of strings and its length,
            // valid during the call; the reply's bytes live until it is freed, once, after their use.
            unsafe {
                let (array, len) = (strings.as_ptr(), strings.len());
                let reply = api!(RedisModule_Call(self.raw, command.as_ptr(), c"v".as_ptr(), array, len));
                if reply.is_null() {
                    return with(None);
                }
                let mut len = 0;
                let text = match api!(RedisModule_CallReplyType(reply)) as isize {
                    ffi::REDISMODULE_REPLY_STRING => api!(RedisModule_CallReplyStringPtr(reply, &mut len)),
                    _ => std::ptr::null(),
                };
                let result = with((!text.is_null()).then(|| std::slice::from_raw_parts(text.cast(), len)));
                api!(RedisModule_FreeCallReply(reply));
                result
            }
        })
    }

    /// Runs a command that writes, as the server itself, and sends it to replicas and the AOF.
    ///
    /// # Errors
    /// What the command refuses, and [`Error::NOT_WRITABLE`] where the server does not know it.
    pub fn call_write(&self, command: &CStr, args: &[&[u8]]) -> Result<(), Error> {
        self.with_strings(args, |strings| {
            // SAFETY: the context is valid by new's promise; the format `!v` takes an array of strings and its length, valid during
            // the call; an error's text lives until the reply is freed, once, after it was copied.
            unsafe {
                let (array, len) = (strings.as_ptr(), strings.len());
                let reply = api!(RedisModule_Call(self.raw, command.as_ptr(), c"!v".as_ptr(), array, len));
                if reply.is_null() {
                    return Err(Error::NOT_WRITABLE);
                }
                let mut result = Ok(());
                if api!(RedisModule_CallReplyType(reply)) as isize == ffi::REDISMODULE_REPLY_ERROR {
                    let mut len = 0;
                    let text = api!(RedisModule_CallReplyStringPtr(reply, &mut len));
                    let text: &[u8] =
                        if text.is_null() { b"ERR" } else { std::slice::from_raw_parts(text.cast(), len) };
                    result = Err(Error::composed(text.to_vec()));
                }
                api!(RedisModule_FreeCallReply(reply));
                result
            }
        })
    }

    /// Runs a command, as the server itself; the number that it answers, or nothing where that is something else. What the command
    /// replicates is replicated, and nothing else.
    ///
    /// # Errors
    /// What the command refuses, and [`Error::NOT_WRITABLE`] where the server does not know it.
    pub fn run(&self, command: &[u8], args: &[&[u8]]) -> Result<Option<i64>, Error> {
        let command = std::ffi::CString::new(command).map_err(|_| Error::NOT_WRITABLE)?;
        self.with_strings(args, |strings| {
            // SAFETY: as for `call_write`.
            unsafe {
                let (array, len) = (strings.as_ptr(), strings.len());
                let reply = api!(RedisModule_Call(self.raw, command.as_ptr(), c"v".as_ptr(), array, len));
                if reply.is_null() {
                    return Err(Error::NOT_WRITABLE);
                }
                let result = match api!(RedisModule_CallReplyType(reply)) as isize {
                    ffi::REDISMODULE_REPLY_INTEGER => Ok(Some(api!(RedisModule_CallReplyInteger(reply)))),
                    ffi::REDISMODULE_REPLY_ERROR => {
                        let mut len = 0;
                        let text = api!(RedisModule_CallReplyStringPtr(reply, &mut len));
                        let text: &[u8] =
                            if text.is_null() { b"ERR" } else { std::slice::from_raw_parts(text.cast(), len) };
                        Err(Error::composed(text.to_vec()))
                    }
                    _ => Ok(None),
                };
                api!(RedisModule_FreeCallReply(reply));
                result
            }
        })
    }

    /// Makes the server's strings of `args` for the time of `then`.
    pub(super) fn with_strings<T>(&self, args: &[&[u8]], then: impl FnOnce(&[*mut ffi::RedisModuleString]) -> T) -> T {
        let null = std::ptr::null_mut();
        // SAFETY: each string copies its argument; a null context means that we free it, which we do once below.
        unsafe {
            let strings: Vec<_> =
                args.iter().map(|arg| api!(RedisModule_CreateString(null, arg.as_ptr().cast(), arg.len()))).collect();
            let result = then(&strings);
            for string in strings {
                api!(RedisModule_FreeString(null, string));
            }
            result
        }
    }

    /// Publishes a keyspace event about a key.
    pub fn notify(&self, class: EventClass, event: &CStr, key: Arg<'_>) {
        let class = match class {
            EventClass::Generic => ffi::REDISMODULE_NOTIFY_GENERIC,
            EventClass::Module => ffi::REDISMODULE_NOTIFY_MODULE,
        };
        // SAFETY: context, event and key are valid during the call.
        unsafe { api!(RedisModule_NotifyKeyspaceEvent(self.raw, class as c_int, event.as_ptr(), key.raw)) };
    }
}

/// The server, for code that runs on its own thread or on another.
#[derive(Clone, Copy)]
pub enum Server<'a> {
    /// This is the main thread.
    Here(&'a Context),
    /// This is another thread, and what is asked of the server is in this database.
    Elsewhere(i32),
}

impl<'a> Server<'a> {
    /// Where `here` is the context if this is the main thread.
    pub fn of(here: Option<&'a Context>, database: i32) -> Self {
        here.map_or(Self::Elsewhere(database), Self::Here)
    }

    /// Runs `work` on the main thread, or while that waits: then it is short, and no lock is held that the main thread may
    /// want. What the server tells followers meanwhile, it tells them on this thread.
    pub fn with<T>(self, work: impl FnOnce(&Context) -> T) -> T {
        match self {
            Self::Here(ctx) => work(ctx),
            Self::Elsewhere(database) => while_it_waits(database, work),
        }
    }
}

/// Runs `work` on another thread than the main one while that waits, with a database selected.
fn while_it_waits<T>(database: i32, work: impl FnOnce(&Context) -> T) -> T {
    // SAFETY: the context is private to this call, and used between locking and unlocking only; a panic in between would
    // leave the server locked, so it is caught and goes on after.
    unsafe {
        let raw = api!(RedisModule_GetThreadSafeContext(std::ptr::null_mut()));
        api!(RedisModule_ThreadSafeContextLock(raw));
        let ctx = Context::new(raw);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            ctx.select(database);
            work(&ctx)
        }));
        api!(RedisModule_ThreadSafeContextUnlock(raw));
        api!(RedisModule_FreeThreadSafeContext(raw));
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Importance of a log line.
#[derive(Clone, Copy)]
pub enum LogLevel {
    /// Something an operator should know.
    Notice,
    /// Something an operator should look into.
    Warning,
}

/// Writes a line to the server's log, from any thread; to standard error where there is no server.
pub fn log(level: LogLevel, line: &str) {
    let text = std::ffi::CString::new(line.replace('\0', " ")).unwrap_or_default();
    let level = match level {
        LogLevel::Notice => c"notice",
        LogLevel::Warning => c"warning",
    };
    // SAFETY: the server's logger takes a null context and is safe on any thread; the format takes one C string.
    unsafe {
        match ffi::RedisModule_Log {
            Some(log) => log(std::ptr::null_mut(), level.as_ptr(), c"%s".as_ptr(), text.as_ptr()),
            None => eprintln!("{line}"),
        }
    }
}
