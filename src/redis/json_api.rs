//! The table of functions through which other modules read documents: what RedisJSON exports as `RedisJSON_V1` to
//! `RedisJSON_V5`.
//!
//! A document here has no object for each of its values, so a *value* that another module holds is one of:
//!
//! * the document itself, as `openKey` finds it: valid as long as the key is neither changed nor removed;
//! * a match of a path or a member of an object: a copy, which belongs to its iterator and goes with it;
//! * an element by its index (`getAt`), for which the table has no release: a copy, one of the last [`KEPT`].
//!
//! Another module calls on the main thread or holding the server's lock, as it must for any call of the server's API.
//! Panics end at the table: the call then fails as for a value of another type.

use std::any::Any;
use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_double, c_int, c_longlong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, PoisonError};

use redis_module::raw as ffi;

use super::loading::Loading;
use super::types::DataType;

/// So many elements that `getAt` gave out are valid at a time.
pub const KEPT: usize = 4096;

/// What kind of value: the numbers of the table's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum Kind {
    /// A string.
    String = 0,
    /// A number without fraction or exponent.
    Int = 1,
    /// Any other number.
    Double = 2,
    /// `true` or `false`.
    Bool = 3,
    /// An object.
    Object = 4,
    /// An array.
    Array = 5,
    /// `null`.
    Null = 6,
}

/// A document or a value of one, to other modules. `None` is a value of another type than asked for.
pub trait Shared: DataType + Send {
    /// A compiled path.
    type Path: 'static;

    /// Compiles a path.
    ///
    /// # Errors
    /// The text for the one who wrote it.
    fn path(text: &[u8]) -> Result<Self::Path, String>;
    /// Whether a path names at most one place.
    fn is_single(path: &Self::Path) -> bool;
    /// Copies of all matches of a path.
    fn select(&self, path: &Self::Path) -> Vec<Self>;
    /// What it is.
    fn kind(&self) -> Kind;
    /// Number of elements, of members, or of a string's bytes.
    fn length(&self) -> Option<usize>;
    /// The integer.
    fn int(&self) -> Option<i64>;
    /// The number.
    fn double(&self) -> Option<f64>;
    /// The truth value.
    fn truth(&self) -> Option<bool>;
    /// The string.
    fn text(&self) -> Option<&[u8]>;
    /// A copy of an element.
    fn element(&self, index: usize) -> Option<Self>;
    /// Copies of the members, with their names.
    fn members(&self) -> Option<Vec<(Box<[u8]>, Self)>>;
    /// Compact text of the value.
    fn json(&self) -> Vec<u8>;
    /// Compact text of an array of the values.
    fn json_array(values: &[Self]) -> Vec<u8>;
}

/// The matches of a path; `at` is the next.
struct Matches<T> {
    values: Vec<T>,
    at: usize,
}

/// The members of an object; `at` is the next.
struct Members<T> {
    values: Vec<(Box<[u8]>, T)>,
    at: usize,
}

type Ctx = *mut ffi::RedisModuleCtx;
type Text = *mut ffi::RedisModuleString;
type Handle<T> = *const T;

/// The table, in the order of the interface.
#[repr(C)]
struct Table<T: Shared> {
    // Version 1
    open_key: unsafe extern "C" fn(Ctx, Text) -> Handle<T>,
    open_key_from_str: unsafe extern "C" fn(Ctx, *const c_char) -> Handle<T>,
    get: unsafe extern "C" fn(Handle<T>, *const c_char) -> *mut Matches<T>,
    next: unsafe extern "C" fn(*mut Matches<T>) -> Handle<T>,
    len: unsafe extern "C" fn(*const Matches<T>) -> usize,
    free_iter: unsafe extern "C" fn(*mut Matches<T>),
    get_at: unsafe extern "C" fn(Handle<T>, usize) -> Handle<T>,
    get_len: unsafe extern "C" fn(Handle<T>, *mut usize) -> c_int,
    get_type: unsafe extern "C" fn(Handle<T>) -> c_int,
    get_int: unsafe extern "C" fn(Handle<T>, *mut c_longlong) -> c_int,
    get_double: unsafe extern "C" fn(Handle<T>, *mut c_double) -> c_int,
    get_boolean: unsafe extern "C" fn(Handle<T>, *mut c_int) -> c_int,
    get_string: unsafe extern "C" fn(Handle<T>, *mut *const c_char, *mut usize) -> c_int,
    get_json: unsafe extern "C" fn(Handle<T>, Ctx, *mut Text) -> c_int,
    is_json: unsafe extern "C" fn(*mut ffi::RedisModuleKey) -> c_int,
    // Version 2
    path_parse: unsafe extern "C" fn(*const c_char, Ctx, *mut Text) -> *const c_void,
    path_free: unsafe extern "C" fn(*const c_void),
    path_is_single: unsafe extern "C" fn(*const c_void) -> c_int,
    path_has_defined_order: unsafe extern "C" fn(*const c_void) -> c_int,
    // Version 3
    get_json_from_iter: unsafe extern "C" fn(*const Matches<T>, Ctx, *mut Text) -> c_int,
    reset_iter: unsafe extern "C" fn(*mut Matches<T>),
    // Version 4
    get_key_values: unsafe extern "C" fn(Handle<T>) -> *mut Members<T>,
    next_key_value: unsafe extern "C" fn(*mut Members<T>, *mut Text) -> Handle<T>,
    free_key_values_iter: unsafe extern "C" fn(*mut Members<T>),
    // Version 5
    open_key_with_flags: unsafe extern "C" fn(Ctx, Text, c_int) -> Handle<T>,
}

/// Exports the table where the server can.
pub fn export<T: Shared>(loading: &Loading) {
    let table = Box::new(Table::<T> {
        open_key: open_key::<T>,
        open_key_from_str: open_key_from_str::<T>,
        get: get::<T>,
        next: next::<T>,
        len: matches_len::<T>,
        free_iter: free::<Matches<T>>,
        get_at: get_at::<T>,
        get_len: get_len::<T>,
        get_type: get_type::<T>,
        get_int: get_int::<T>,
        get_double: get_double::<T>,
        get_boolean: get_boolean::<T>,
        get_string: get_string::<T>,
        get_json: get_json::<T>,
        is_json: is_json::<T>,
        path_parse: path_parse::<T>,
        path_free: path_free::<T>,
        path_is_single: path_is_single::<T>,
        path_has_defined_order: path_is_ordered,
        get_json_from_iter: get_json_from_iter::<T>,
        reset_iter: reset_iter::<T>,
        get_key_values: get_key_values::<T>,
        next_key_value: next_key_value::<T>,
        free_key_values_iter: free::<Members<T>>,
        open_key_with_flags: open_key_with_flags::<T>,
    });
    // The table lives as long as the library, which is never unloaded once it has types.
    let table: *mut Table<T> = Box::leak(table);
    for name in [c"RedisJSON_V1", c"RedisJSON_V2", c"RedisJSON_V3", c"RedisJSON_V4", c"RedisJSON_V5"] {
        // SAFETY: the context is valid while loading, the name is copied. A name that another module has is refused.
        unsafe { api!(RedisModule_ExportSharedAPI(loading.raw, name.as_ptr(), table.cast())) };
    }
}

const OK: c_int = ffi::REDISMODULE_OK as c_int;
const ERR: c_int = ffi::REDISMODULE_ERR as c_int;

/// The result of `work`, or of a panic in it.
fn guarded<R>(otherwise: R, work: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

/// What a pointer of the caller's points to, if it does.
///
/// # Safety
/// `pointer` is null, or came from this table and is still valid by the rules at the top of this file.
unsafe fn seen<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: by the caller's promise.
    unsafe { pointer.as_ref() }
}

/// Puts a fact where the caller wants it.
///
/// # Safety
/// `to` is null or valid for writing.
unsafe fn give<V>(fact: Option<V>, to: *mut V) -> c_int {
    match fact {
        Some(fact) if !to.is_null() => {
            // SAFETY: by the caller's promise.
            unsafe { to.write(fact) };
            OK
        }
        _ => ERR,
    }
}

/// Makes a string of the server's and puts it where the caller wants it. The caller owns and frees it, so that no context
/// may: one with automatic memory would free it, too.
///
/// # Safety
/// `to` is null or valid for writing.
unsafe fn give_text(text: &[u8], to: *mut Text) -> c_int {
    if to.is_null() {
        return ERR;
    }
    // SAFETY: by the caller's promise; the server copies the bytes.
    unsafe { give(Some(api!(RedisModule_CreateString(null_mut(), text.as_ptr().cast(), text.len()))), to) }
}

unsafe extern "C" fn open_key_with_flags<T: Shared>(ctx: Ctx, name: Text, flags: c_int) -> Handle<T> {
    // SAFETY: the other module passes its valid context and string. The value outlives the closed key, as the interface
    // has it: until the key is changed.
    unsafe {
        let key = api!(RedisModule_OpenKey(ctx, name, flags | ffi::REDISMODULE_READ as c_int));
        if key.is_null() {
            return null();
        }
        let found = if is_json::<T>(key) == 1 { api!(RedisModule_ModuleTypeGetValue(key)).cast() } else { null_mut() };
        api!(RedisModule_CloseKey(key));
        found
    }
}

unsafe extern "C" fn open_key<T: Shared>(ctx: Ctx, name: Text) -> Handle<T> {
    // SAFETY: the other module's promise is the same.
    unsafe { open_key_with_flags::<T>(ctx, name, 0) }
}

unsafe extern "C" fn open_key_from_str<T: Shared>(ctx: Ctx, name: *const c_char) -> Handle<T> {
    // SAFETY: the other module passes a valid C string; ours of the server is freed once, by us, since it was made
    // without a context.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes();
        let name = api!(RedisModule_CreateString(null_mut(), bytes.as_ptr().cast(), bytes.len()));
        let found = open_key_with_flags::<T>(ctx, name, 0);
        api!(RedisModule_FreeString(null_mut(), name));
        found
    }
}

unsafe extern "C" fn is_json<T: Shared>(key: *mut ffi::RedisModuleKey) -> c_int {
    // SAFETY: the other module passes an open key.
    unsafe {
        let of_a_module = !key.is_null() && api!(RedisModule_KeyType(key)) as isize == ffi::REDISMODULE_KEYTYPE_MODULE;
        c_int::from(of_a_module && api!(RedisModule_ModuleTypeGetType(key)) == T::slot().get())
    }
}

unsafe extern "C" fn get<T: Shared>(value: Handle<T>, path: *const c_char) -> *mut Matches<T> {
    // SAFETY: a valid value and C string, by the other module's promise.
    let (value, path) = unsafe { (seen(value), CStr::from_ptr(path).to_bytes()) };
    guarded(null_mut(), || match (value, T::path(path)) {
        (Some(value), Ok(path)) => Box::into_raw(Box::new(Matches { values: value.select(&path), at: 0 })),
        _ => null_mut(),
    })
}

unsafe extern "C" fn next<T: Shared>(matches: *mut Matches<T>) -> Handle<T> {
    // SAFETY: an iterator of get's, not freed yet, which nobody else uses now.
    let Some(matches) = (unsafe { matches.as_mut() }) else { return null() };
    matches.at += 1;
    matches.values.get(matches.at - 1).map_or(null(), |value| value)
}

unsafe extern "C" fn matches_len<T: Shared>(matches: *const Matches<T>) -> usize {
    // SAFETY: an iterator of get's, not freed yet.
    unsafe { seen(matches) }.map_or(0, |matches| matches.values.len())
}

unsafe extern "C" fn reset_iter<T: Shared>(matches: *mut Matches<T>) {
    // SAFETY: as in next.
    if let Some(matches) = unsafe { matches.as_mut() } {
        matches.at = 0;
    }
}

unsafe extern "C" fn free<I>(iterator: *mut I) {
    if !iterator.is_null() {
        // SAFETY: an iterator of this table's, boxed there, freed once by the other module.
        drop(unsafe { Box::from_raw(iterator) });
    }
}

/// The elements that `getAt` gave out, of any type; boxed, so that they stay in their places.
static ELEMENTS: Mutex<VecDeque<Box<dyn Any + Send>>> = Mutex::new(VecDeque::new());

unsafe extern "C" fn get_at<T: Shared>(value: Handle<T>, index: usize) -> Handle<T> {
    // SAFETY: a valid value, by the other module's promise.
    let value = unsafe { seen(value) };
    guarded(null(), || {
        let Some(element) = value.and_then(|value| value.element(index)) else { return null() };
        let element = Box::new(element);
        let handle: Handle<T> = &*element;
        let mut kept = ELEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(element);
        handle
    })
}

unsafe extern "C" fn get_len<T: Shared>(value: Handle<T>, to: *mut usize) -> c_int {
    // SAFETY: a valid value and place, by the other module's promise; so below.
    unsafe { give(guarded(None, || seen(value)?.length()), to) }
}

unsafe extern "C" fn get_type<T: Shared>(value: Handle<T>) -> c_int {
    // SAFETY: see get_len.
    unsafe { seen(value) }.map_or(Kind::Null as c_int, |value| value.kind() as c_int)
}

unsafe extern "C" fn get_int<T: Shared>(value: Handle<T>, to: *mut c_longlong) -> c_int {
    // SAFETY: see get_len.
    unsafe { give(guarded(None, || seen(value)?.int()), to) }
}

unsafe extern "C" fn get_double<T: Shared>(value: Handle<T>, to: *mut c_double) -> c_int {
    // SAFETY: see get_len.
    unsafe { give(guarded(None, || seen(value)?.double()), to) }
}

unsafe extern "C" fn get_boolean<T: Shared>(value: Handle<T>, to: *mut c_int) -> c_int {
    // SAFETY: see get_len.
    unsafe { give(guarded(None, || seen(value)?.truth().map(c_int::from)), to) }
}

unsafe extern "C" fn get_string<T: Shared>(value: Handle<T>, to: *mut *const c_char, len: *mut usize) -> c_int {
    // SAFETY: see get_len; the bytes live as long as the value.
    unsafe {
        let Some(text) = guarded(None, || seen(value)?.text()) else { return ERR };
        if !len.is_null() {
            len.write(text.len());
        }
        give(Some(text.as_ptr().cast()), to)
    }
}

unsafe extern "C" fn get_json<T: Shared>(value: Handle<T>, _ctx: Ctx, to: *mut Text) -> c_int {
    // SAFETY: see get_len.
    unsafe {
        match guarded(None, || Some(seen(value)?.json())) {
            Some(text) => give_text(&text, to),
            None => ERR,
        }
    }
}

unsafe extern "C" fn get_json_from_iter<T: Shared>(matches: *const Matches<T>, _ctx: Ctx, to: *mut Text) -> c_int {
    // SAFETY: an iterator of get's, not freed yet; a valid place.
    unsafe {
        match seen(matches) {
            Some(Matches { values, .. }) if !values.is_empty() => {
                guarded(None, || Some(T::json_array(values))).map_or(ERR, |text| give_text(&text, to))
            }
            _ => ERR,
        }
    }
}

unsafe extern "C" fn path_parse<T: Shared>(path: *const c_char, _ctx: Ctx, error: *mut Text) -> *const c_void {
    // SAFETY: a valid C string, by the other module's promise.
    let path = unsafe { CStr::from_ptr(path).to_bytes() };
    match guarded(Err(String::new()), || T::path(path)) {
        Ok(path) => Box::into_raw(Box::new(path)).cast_const().cast(),
        Err(text) => {
            // SAFETY: a valid place, by the other module's promise.
            unsafe { give_text(text.as_bytes(), error) };
            null()
        }
    }
}

unsafe extern "C" fn path_free<T: Shared>(path: *const c_void) {
    // SAFETY: a path of path_parse's, boxed there as this type, freed once.
    unsafe { free::<T::Path>(path.cast_mut().cast()) };
}

unsafe extern "C" fn path_is_single<T: Shared>(path: *const c_void) -> c_int {
    // SAFETY: a path of path_parse's, not freed yet.
    unsafe { seen::<T::Path>(path.cast()) }.map_or(0, |path| c_int::from(T::is_single(path)))
}

/// Matches come in document order, whatever the path.
unsafe extern "C" fn path_is_ordered(_path: *const c_void) -> c_int {
    1
}

unsafe extern "C" fn get_key_values<T: Shared>(value: Handle<T>) -> *mut Members<T> {
    // SAFETY: see get_len.
    let value = unsafe { seen(value) };
    guarded(null_mut(), || {
        let values = value.and_then(Shared::members);
        values.map_or(null_mut(), |values| Box::into_raw(Box::new(Members { values, at: 0 })))
    })
}

unsafe extern "C" fn next_key_value<T: Shared>(members: *mut Members<T>, name: *mut Text) -> Handle<T> {
    // SAFETY: an iterator of get_key_values', not freed yet, which nobody else uses now; a valid place.
    unsafe {
        let Some(members) = members.as_mut() else { return null() };
        members.at += 1;
        let Some((key, value)) = members.values.get(members.at - 1) else { return null() };
        give_text(key, name);
        value
    }
}
