//! Who asks, and what he may do beside running the command, which the server has looked at.
//!
//! | the server | says of all keys with a prefix |
//! |---|---|
//! | Redis from 8 on, Valkey from 9 on | itself |
//! | others | nothing: the user's patterns are read from its own description of him (`KeyRules`) |
//!
//! Where there is a doubt, the answer is no: a user whom the server does not list, a server that does not describe him.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::LazyLock;

use redis_module::raw as ffi;

use super::args::Arg;
use super::context::{Context, api_function, is_valkey};
use super::key_rules::KeyRules;
pub use super::key_rules::Use;

/// Valkey's form of the question about prefixes; Redis has one of the same name for other arguments.
type ValkeyPrefixCheck = unsafe extern "C" fn(*mut ffi::RedisModuleUser, *const c_char, usize, c_uint) -> c_int;

fn valkey_prefix_check() -> Option<ValkeyPrefixCheck> {
    static FOUND: LazyLock<Option<ValkeyPrefixCheck>> = LazyLock::new(|| {
        let function = api_function(c"ValkeyModule_ACLCheckKeyPrefixPermissions")?;
        // SAFETY: that is the signature of the function of this name since Valkey 9.
        Some(unsafe { std::mem::transmute::<*mut c_void, ValkeyPrefixCheck>(function.as_ptr()) })
    });
    *FOUND
}

const OK: c_int = ffi::REDISMODULE_OK as c_int;

/// Who asks.
pub enum Asker<'a> {
    /// The server itself: a master's link, an AOF, another module. It may everything.
    Server,
    /// A user whom the server knows by his name.
    User(User<'a>),
    /// Anybody else. He may nothing that is asked about here.
    Unknown,
}

/// A user of the server's.
pub struct User<'a> {
    ctx: &'a Context,
    raw: NonNull<ffi::RedisModuleUser>,
    name: *mut ffi::RedisModuleString,
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        // SAFETY: both were made for us, and are freed once.
        unsafe {
            api!(RedisModule_FreeModuleUser(self.raw.as_ptr()));
            api!(RedisModule_FreeString(self.ctx.raw, self.name));
        }
    }
}

impl Context {
    /// Who asks.
    pub fn asker(&self) -> Asker<'_> {
        // SAFETY: the context is valid by new's promise; a name and a user are ours and freed once, by `User`. The name of a
        // client that is in no list (a script's, another module's) is asked only where it has a user.
        unsafe {
            let mut name = api!(RedisModule_GetClientUserNameById(self.raw, self.client()));
            if name.is_null() {
                if !self.has_user() {
                    return Asker::Server;
                }
                name = api!(RedisModule_GetCurrentUserName(self.raw));
            }
            if name.is_null() {
                return Asker::Unknown;
            }
            match NonNull::new(api!(RedisModule_GetModuleUserFromUserName(name))) {
                Some(raw) => Asker::User(User { ctx: self, raw, name }),
                None => {
                    api!(RedisModule_FreeString(self.raw, name));
                    Asker::Unknown
                }
            }
        }
    }

    /// Whether the client has a user: then the server can run as him what anybody may run. Redis 7.0 can't be asked for the name of
    /// one who is not there.
    fn has_user(&self) -> bool {
        // SAFETY: the context is valid by new's promise; the format `C` takes no arguments; the reply is freed once.
        unsafe {
            let reply = api!(RedisModule_Call(self.raw, c"HELLO".as_ptr(), c"C".as_ptr()));
            if reply.is_null() {
                return std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOTSUP);
            }
            api!(RedisModule_FreeCallReply(reply));
            true
        }
    }
}

impl Asker<'_> {
    /// Whether every key with the prefix may be used so.
    pub fn may_use_all(&self, prefix: &[u8], to: Use) -> bool {
        match self {
            Self::Server => true,
            Self::User(user) => user.may_use_all(prefix, to),
            Self::Unknown => false,
        }
    }

    /// Whether the command may be run.
    pub fn may_run(&self, words: &[&[u8]]) -> bool {
        match self {
            Self::Server => true,
            Self::User(user) => user.ctx.with_strings(words, |strings| {
                let (argv, argc) = (strings.as_ptr().cast_mut(), c_int::try_from(strings.len()).unwrap_or(0));
                // SAFETY: the user is valid, and so are the strings during the call, which changes none of them.
                unsafe { api!(RedisModule_ACLCheckCommandPermissions(user.raw.as_ptr(), argv, argc)) == OK }
            }),
            Self::Unknown => false,
        }
    }
}

impl User<'_> {
    fn may_use_all(&self, prefix: &[u8], to: Use) -> bool {
        let access = match to {
            Use::Read => ffi::REDISMODULE_CMD_KEY_ACCESS,
            Use::Write => ffi::REDISMODULE_CMD_KEY_DELETE,
        } as c_int;
        let user = self.raw.as_ptr();
        if let Some(check) = valkey_prefix_check() {
            // SAFETY: the user is valid, and the prefix during the call.
            return unsafe { check(user, prefix.as_ptr().cast(), prefix.len(), access as c_uint) } == OK;
        }
        self.ctx.with_strings(&[prefix], |strings| {
            // SAFETY: the user is valid, and the string during the call.
            unsafe {
                match ffi::RedisModule_ACLCheckKeyPrefixPermissions.filter(|_| !is_valkey()) {
                    Some(check) => check(user, strings[0], access) == OK,
                    // The server sees at once what it does not allow, and what has changed behind our back.
                    None => {
                        api!(RedisModule_ACLCheckKeyPermissions(user, strings[0], access)) == OK
                            && self.rules().is_some_and(|rules| rules.cover(prefix, to))
                    }
                }
            }
        })
    }

    /// His patterns, as the server describes them. It keeps the text until he is changed, so this costs less than a microsecond.
    fn rules(&self) -> Option<KeyRules> {
        // SAFETY: the user is valid; the text is ours, and freed once.
        unsafe {
            match ffi::RedisModule_GetModuleUserACLString {
                Some(describe) => {
                    let text = describe(self.raw.as_ptr());
                    if text.is_null() {
                        return None;
                    }
                    let rules = KeyRules::parse(Arg::new(text).bytes());
                    api!(RedisModule_FreeString(std::ptr::null_mut(), text));
                    Some(rules)
                }
                None => self.listed().map(|text| KeyRules::parse(&text)),
            }
        }
    }

    /// His line of `ACL LIST`, without his name: Redis before 7.0.6 describes him nowhere else.
    fn listed(&self) -> Option<Vec<u8>> {
        // SAFETY: the name is ours while the user is.
        let name = unsafe { Arg::new(self.name) }.bytes();
        let start = [b"user ", name, b" "].concat();
        let ctx = self.ctx.raw;
        // SAFETY: the context is valid by new's promise; the format takes one C string; what is in the reply is valid until it is
        // freed, once.
        unsafe {
            let reply = api!(RedisModule_Call(ctx, c"ACL".as_ptr(), c"c".as_ptr(), c"LIST".as_ptr()));
            if reply.is_null() {
                return None;
            }
            let line = |at| {
                let mut len = 0;
                let line = api!(RedisModule_CallReplyArrayElement(reply, at));
                let text =
                    if line.is_null() { return None } else { api!(RedisModule_CallReplyStringPtr(line, &mut len)) };
                if text.is_null() { None } else { Some(std::slice::from_raw_parts(text.cast::<u8>(), len)) }
            };
            let mut lines = (0..api!(RedisModule_CallReplyLength(reply))).filter_map(line);
            let found = lines.find_map(|line| line.strip_prefix(&start[..])).map(<[u8]>::to_vec);
            api!(RedisModule_FreeCallReply(reply));
            found
        }
    }
}
