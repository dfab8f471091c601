//! The vector set: names, attributes, filter language, encoding. Knows no Redis.

#![forbid(unsafe_code)]

pub mod attributes;
pub mod filter;
mod number;
