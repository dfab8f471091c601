//! What is loaded: name, version, commit, kernels. The log says it at load, `INFO` as long as the server runs.

use crate::redis::info::InfoWriter;
use crate::redis::module::{Loaded, loaded};
use crate::redis::workers;

/// The version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from; `unknown` where nobody knew.
pub const COMMIT: &str = env!("NEARSET_COMMIT");

/// The line of the log.
pub fn greeting(loaded: &Loaded) -> String {
    let aside = match &loaded.aside[..] {
        [] => String::new(),
        aside => format!("; not {}, which others serve", aside.join(", ")),
    };
    format!(
        "nearset {VERSION} (commit {COMMIT}) on {} serves {}{aside}; kernels {}, {} workers",
        loaded.server,
        list(&loaded.served),
        loaded.kernels,
        workers::stats().threads
    )
}

/// The same as fields of `INFO`.
pub fn fill(info: &mut InfoWriter) {
    info.word("nearset_version", VERSION);
    info.word("nearset_commit", COMMIT);
    if let Some(loaded) = loaded() {
        info.word("nearset_kernels", loaded.kernels);
        info.word("nearset_server", &loaded.server);
        info.word("nearset_serves", &list(&loaded.served));
        info.word("nearset_steps_aside_for", &list(&loaded.aside));
    }
}

fn list(families: &[&str]) -> String {
    if families.is_empty() { "nothing".into() } else { families.join(", ") }
}
