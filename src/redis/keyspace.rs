//! Opened keys and the values in them.

use std::marker::PhantomData;
use std::sync::OnceLock;

use redis_module::raw as ffi;

use super::args::Arg;
use super::context::Context;
use super::types::DataType;
use crate::error::Error;

/// A function of the server that removes an opened key.
type Remove = Option<unsafe extern "C" fn(*mut ffi::RedisModuleKey) -> i32>;

/// An opened key; closed when dropped. One opened for writing is then told to those who watch it.
pub struct Key<'a> {
    raw: *mut ffi::RedisModuleKey,
    context: PhantomData<&'a Context>,
}

impl Context {
    /// Opens a key for reading; `None` when it does not exist.
    pub fn open_read(&self, name: Arg<'_>) -> Option<Key<'_>> {
        // SAFETY: context and name are valid during the call.
        let raw = unsafe { api!(RedisModule_OpenKey(self.raw, name.raw, ffi::REDISMODULE_READ as i32)) };
        (!raw.is_null()).then_some(Key { raw, context: PhantomData })
    }

    /// Opens a key for writing, whether it exists or not. A server may refuse (Redis 8 for a slot that moves away): the key then
    /// reads as one that is not there, and nothing can be put into it.
    pub fn open_write(&self, name: Arg<'_>) -> Key<'_> {
        let mode = (ffi::REDISMODULE_READ | ffi::REDISMODULE_WRITE) as i32;
        // SAFETY: context and name are valid during the call.
        let raw = unsafe { api!(RedisModule_OpenKey(self.raw, name.raw, mode)) };
        Key { raw, context: PhantomData }
    }
}

impl Key<'_> {
    /// The value, or `None` where the key does not exist.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] where it holds another type.
    pub fn value<T: DataType>(&self) -> Result<Option<&T>, Error> {
        // SAFETY: the pointer is a value of T by the check of pointer(), alive while the key is.
        Ok(self.pointer::<T>()?.map(|value| unsafe { &*value }))
    }

    /// The value, to be changed.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] where the key holds another type.
    pub fn value_mut<T: DataType>(&mut self) -> Result<Option<&mut T>, Error> {
        // SAFETY: as in value; the key is borrowed mutably, and commands run one at a time.
        Ok(self.pointer::<T>()?.map(|value| unsafe { &mut *value }))
    }

    fn pointer<T: DataType>(&self) -> Result<Option<*mut T>, Error> {
        // SAFETY: the key is open; a null key (cluster trimming) reads as an empty one.
        unsafe {
            if api!(RedisModule_KeyType(self.raw)) == ffi::REDISMODULE_KEYTYPE_EMPTY as i32 {
                return Ok(None);
            }
            let slot = T::slot().get();
            if slot.is_null() || api!(RedisModule_ModuleTypeGetType(self.raw)) != slot {
                return Err(Error::WRONG_TYPE);
            }
            Ok(Some(api!(RedisModule_ModuleTypeGetValue(self.raw)).cast()))
        }
    }

    /// Puts a value into a key opened for writing, in place of what was there.
    ///
    /// # Errors
    /// [`Error::NOT_WRITABLE`] where the server does not have it; the value is dropped.
    pub fn set<T: DataType>(&mut self, value: T) -> Result<&mut T, Error> {
        if self.raw.is_null() {
            return Err(Error::NOT_WRITABLE);
        }
        let value = Box::into_raw(Box::new(value));
        // SAFETY: the key is open; once it has taken the value, the server owns it, and it stays where it is. Where it has not,
        // the box is ours again.
        unsafe {
            let set = api!(RedisModule_ModuleTypeSetValue(self.raw, T::slot().get(), value.cast()));
            if set != ffi::REDISMODULE_OK as i32 {
                drop(Box::from_raw(value));
                return Err(Error::NOT_WRITABLE);
            }
            Ok(&mut *value)
        }
    }

    /// Deletes a key opened for writing.
    ///
    /// # Errors
    /// [`Error::NOT_WRITABLE`] where the server does not let it go.
    pub fn delete(&mut self) -> Result<(), Error> {
        // SAFETY: reading the pointer is a plain load of a word set once at load.
        self.remove_by(unsafe { ffi::RedisModule_DeleteKey })
    }

    /// As [`Key::delete`]; the value is freed in the background if that takes long.
    ///
    /// # Errors
    /// Likewise.
    pub fn unlink(&mut self) -> Result<(), Error> {
        // SAFETY: as in delete.
        self.remove_by(unsafe { ffi::RedisModule_UnlinkKey })
    }

    fn remove_by(&mut self, remove: Remove) -> Result<(), Error> {
        let remove = remove.filter(|_| !self.raw.is_null()).ok_or(Error::NOT_WRITABLE)?;
        // SAFETY: the key is open.
        let removed = unsafe { remove(self.raw) } == ffi::REDISMODULE_OK as i32;
        if removed { Ok(()) } else { Err(Error::NOT_WRITABLE) }
    }
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        // SAFETY: opened by us, closed once.
        unsafe { api!(RedisModule_CloseKey(self.raw)) };
    }
}

/// The name of a hash's field. The server's form of it is made once, when a hash is first asked for the field.
#[derive(Debug)]
pub struct FieldName {
    name: Box<[u8]>,
    string: OnceLock<ServerString>,
}

/// A string that the server made for us.
#[derive(Debug)]
struct ServerString(*mut ffi::RedisModuleString);

// SAFETY: nobody changes the string, or knows of it but its owner; the server frees it from any thread.
unsafe impl Send for ServerString {}
// SAFETY: as above; reading it changes nothing.
unsafe impl Sync for ServerString {}

impl FieldName {
    /// The field of this name.
    pub fn new(name: &[u8]) -> Self {
        Self { name: name.into(), string: OnceLock::new() }
    }

    /// Valid as long as this is.
    fn string(&self) -> *mut ffi::RedisModuleString {
        let made = self.string.get_or_init(|| {
            // SAFETY: the server copies the name; the string is freed once, by us, since it is made without a context.
            ServerString(unsafe {
                api!(RedisModule_CreateString(std::ptr::null_mut(), self.name.as_ptr().cast(), self.name.len()))
            })
        });
        made.0
    }
}

impl Drop for ServerString {
    fn drop(&mut self) {
        // SAFETY: made by us, freed once.
        unsafe { api!(RedisModule_FreeString(std::ptr::null_mut(), self.0)) };
    }
}

/// What kind of value a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A hash.
    Hash,
    /// A value of a module's type.
    Module,
    /// Anything else.
    Other,
}

impl Context {
    /// Opens a key for reading without counting as an access, as an index does that follows a write; `None` when it does
    /// not exist.
    pub fn peek(&self, name: Arg<'_>) -> Option<Key<'_>> {
        let mode = (ffi::REDISMODULE_READ | ffi::REDISMODULE_OPEN_KEY_NOTOUCH) as i32;
        // SAFETY: context and name are valid during the call.
        let raw = unsafe { api!(RedisModule_OpenKey(self.raw, name.raw, mode)) };
        (!raw.is_null()).then_some(Key { raw, context: PhantomData })
    }

    /// Runs `with` on the server's form of a key's name, for names that come from an index and not from a client.
    pub fn with_name<T>(&self, name: &[u8], with: impl FnOnce(Arg<'_>) -> T) -> T {
        let null = std::ptr::null_mut();
        // SAFETY: the string copies the name, is valid during the call, and is freed once, by us, since it was made
        // without a context.
        unsafe {
            let string = api!(RedisModule_CreateString(null, name.as_ptr().cast(), name.len()));
            let result = with(Arg::new(string));
            api!(RedisModule_FreeString(null, string));
            result
        }
    }
}

impl Key<'_> {
    /// What kind of value the key holds.
    pub fn kind(&self) -> Kind {
        // SAFETY: the key is open.
        match unsafe { api!(RedisModule_KeyType(self.raw)) } as isize {
            ffi::REDISMODULE_KEYTYPE_HASH => Kind::Hash,
            ffi::REDISMODULE_KEYTYPE_MODULE => Kind::Module,
            _ => Kind::Other,
        }
    }

    /// One field of a hash, if it is there.
    pub fn hash_field<T>(&self, field: &FieldName, with: impl FnOnce(Option<&[u8]>) -> T) -> T {
        let null: *mut ffi::RedisModuleString = std::ptr::null_mut();
        // SAFETY: the key is open for reading; the variable arguments are a field's name, where its value goes, and the
        // end; the value is given to us, and freed once.
        unsafe {
            let mut value = null;
            let at: *mut *mut ffi::RedisModuleString = &mut value;
            api!(RedisModule_HashGet(self.raw, ffi::REDISMODULE_HASH_NONE as i32, field.string(), at, null));
            if value.is_null() {
                return with(None);
            }
            let result = with(Some(Arg::new(value).bytes()));
            api!(RedisModule_FreeString(std::ptr::null_mut(), value));
            result
        }
    }

    /// Every field of a hash, in the order in which the server stores them.
    pub fn hash_fields(&self, mut each: impl FnMut(&[u8], &[u8])) {
        /// The closure behind the server's private data.
        type Each<'e> = &'e mut dyn FnMut(&[u8], &[u8]);
        unsafe extern "C" fn field(
            _key: *mut ffi::RedisModuleKey,
            field: *mut ffi::RedisModuleString,
            value: *mut ffi::RedisModuleString,
            data: *mut std::ffi::c_void,
        ) {
            // SAFETY: data is the closure below, and the strings are valid during the call.
            unsafe { (*data.cast::<Each<'_>>())(Arg::new(field).bytes(), Arg::new(value).bytes()) }
        }
        let mut each: Each<'_> = &mut each;
        let data: *mut Each<'_> = &mut each;
        // SAFETY: the key is open for reading; the cursor is destroyed once; the closure outlives the loop.
        unsafe {
            let cursor = api!(RedisModule_ScanCursorCreate());
            while api!(RedisModule_ScanKey(self.raw, cursor, Some(field), data.cast())) != 0 {}
            api!(RedisModule_ScanCursorDestroy(cursor));
        }
    }
}

/// A walk over the keys of a database, in slices: between two of them anything may happen to the keyspace. A key that is
/// there all the time is met at least once.
pub struct Scan {
    cursor: *mut ffi::RedisModuleScanCursor,
}

impl Scan {
    /// A walk that starts at the beginning.
    pub fn new() -> Self {
        // SAFETY: no preconditions.
        Self { cursor: unsafe { api!(RedisModule_ScanCursorCreate()) } }
    }

    /// Goes on for a few keys of the context's selected database; false at the end.
    pub fn step(&mut self, ctx: &Context, mut each: impl FnMut(&Context, Arg<'_>)) -> bool {
        /// The closure behind the server's private data.
        type Each<'e> = &'e mut dyn FnMut(&Context, Arg<'_>);
        unsafe extern "C" fn key(
            raw: *mut ffi::RedisModuleCtx,
            name: *mut ffi::RedisModuleString,
            _key: *mut ffi::RedisModuleKey,
            data: *mut std::ffi::c_void,
        ) {
            // SAFETY: data is the closure below; context and name are valid during the call.
            unsafe { (*data.cast::<Each<'_>>())(&Context::new(raw), Arg::new(name)) }
        }
        let mut each: Each<'_> = &mut each;
        let data: *mut Each<'_> = &mut each;
        // SAFETY: context and cursor are valid; the closure outlives the call.
        unsafe { api!(RedisModule_Scan(ctx.raw, self.cursor, Some(key), data.cast())) != 0 }
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        // SAFETY: made by us, destroyed once.
        unsafe { api!(RedisModule_ScanCursorDestroy(self.cursor)) };
    }
}
