//! The commands: each file parses, calls an engine and replies.

#![forbid(unsafe_code)]

pub mod about;
pub mod info;
pub mod json;
pub mod search;
pub mod style;
pub mod usage;
pub mod vset;
