//! Tells the library which commit it is built from: `NEARSET_COMMIT` of the environment, else what git says of this folder, else
//! `unknown`. A packager who builds from a tarball sets the first.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=NEARSET_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = std::env::var("NEARSET_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(committed).unwrap_or_else(|| "unknown".into());
    println!("cargo:rustc-env=NEARSET_COMMIT={commit}");
}

/// What git says. Sources that lie unpacked inside another project's folder are not what that project's git knows.
fn committed() -> Option<String> {
    let root = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(&root).canonicalize().ok()? {
        return None;
    }
    // The log of HEAD grows with each commit and each change of branch. A path that is not there would mean building always.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// The one line that git answers, run in this folder.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}
