//! Opened keys and the values in them.

use std::marker::PhantomData;

use redis_module::raw as ffi;

use super::args::Arg;
use super::context::Context;
use super::types::DataType;
use crate::error::Error;

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

    /// Opens a key for writing, whether it exists or not.
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
    pub fn set<T: DataType>(&mut self, value: T) -> &mut T {
        let value = Box::into_raw(Box::new(value));
        // SAFETY: the key is open for writing; from now on the server owns the value, which stays where it is.
        unsafe {
            api!(RedisModule_ModuleTypeSetValue(self.raw, T::slot().get(), value.cast()));
            &mut *value
        }
    }

    /// Deletes the key.
    pub fn delete(&mut self) {
        // SAFETY: the key is open for writing.
        unsafe { api!(RedisModule_DeleteKey(self.raw)) };
    }
}

impl Drop for Key<'_> {
    fn drop(&mut self) {
        // SAFETY: opened by us, closed once.
        unsafe { api!(RedisModule_CloseKey(self.raw)) };
    }
}
