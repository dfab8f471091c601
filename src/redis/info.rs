//! The sections of `INFO`.

use std::ffi::CString;
use std::sync::OnceLock;

use redis_module::raw as ffi;

use super::double::shortest;
use super::loading::Loading;

/// Writes sections and fields.
pub struct InfoWriter {
    raw: *mut ffi::RedisModuleInfoCtx,
}

impl InfoWriter {
    /// Begins a section; its name is prefixed by the module's.
    pub fn section(&mut self, name: &str) {
        // SAFETY: raw is valid during the callback; the server copies the name.
        unsafe { api!(RedisModule_InfoAddSection(self.raw, text(name).as_ptr())) };
    }

    /// A number.
    pub fn number(&mut self, field: &str, value: u64) {
        // SAFETY: see section.
        unsafe { api!(RedisModule_InfoAddFieldULongLong(self.raw, text(field).as_ptr(), value)) };
    }

    /// A number that need not be whole.
    pub fn double(&mut self, field: &str, value: f64) {
        self.word(field, shortest(value).as_str());
    }

    /// A word.
    pub fn word(&mut self, field: &str, value: &str) {
        // SAFETY: see section.
        unsafe { api!(RedisModule_InfoAddFieldCString(self.raw, text(field).as_ptr(), text(value).as_ptr())) };
    }
}

/// Our own names hold no NUL.
fn text(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

/// What fills the sections.
pub type Fill = fn(&mut InfoWriter);

static FILL: OnceLock<Fill> = OnceLock::new();

/// Registers what fills the sections. A crash report asks too, when anything may be broken: it gets nothing.
pub(super) fn register(loading: &Loading, fill: Fill) {
    let _ = FILL.set(fill);
    // SAFETY: the context is valid while loading.
    unsafe { api!(RedisModule_RegisterInfoFunc(loading.raw, Some(info))) };
}

unsafe extern "C" fn info(raw: *mut ffi::RedisModuleInfoCtx, for_crash_report: std::ffi::c_int) {
    if for_crash_report == 0
        && let Some(fill) = FILL.get()
    {
        fill(&mut InfoWriter { raw });
    }
}
