//! How a change of definitions reaches replicas and the AOF: as the command that made it; or, on the registrar of a cluster, as the entries that
//! come of it, with their versions (see [`super::registrar`]). Then the command itself is not sent.

use std::cell::Cell;
use std::ffi::CStr;

use crate::redis::context::Context;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, of which replicas and the AOF are told otherwise.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let before = IS_QUIET.replace(true);
    let result = work();
    IS_QUIET.set(before);
    result
}

/// Whether replicas and the AOF are told otherwise.
pub fn is_quiet() -> bool {
    IS_QUIET.get()
}

/// Sends a command instead of the one that was typed.
pub fn send(ctx: &Context, command: &CStr, args: &[&[u8]]) {
    if !is_quiet() {
        ctx.replicate(command, args);
    }
}

/// Sends the command as it was typed.
pub fn send_verbatim(ctx: &Context) {
    if !is_quiet() {
        ctx.replicate_verbatim();
    }
}
