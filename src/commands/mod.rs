//! The commands: each file parses, calls an engine and replies.

#![forbid(unsafe_code)]

pub mod about;
pub mod counter;
pub mod info;
pub mod json;
pub mod placement;
pub mod search;
pub mod vset;
