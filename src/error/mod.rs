//! Every text a client can read.
//!
//! Engines return facts as enums; the files below turn each fact into the field's exact text, one file per family.
//! Nothing else in the crate words an error, and no error text of the standard library or of a crate reaches a client
//! unless the specification says so.

#![forbid(unsafe_code)]

pub mod cluster;
pub mod expression;
pub mod hybrid;
pub mod json;
pub mod request;
pub mod search;
pub mod spelling;
pub mod suggest;
mod vset;

use std::borrow::Cow;

/// An error reply: the text after the `-`, prefix included (`ERR …`, `WRONGTYPE …`), as bytes, since it may quote input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Cow<'static, [u8]>);

impl Error {
    /// What a command answers to a key of another type.
    pub const WRONG_TYPE: Self = Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// A payload that breaks a rule of its encoding.
    pub const BAD_DATA: Self = Self::fixed("ERR Bad data format");
    /// What a client reads whose work ended in a defect of ours; the log has the place.
    pub const INTERNAL: Self = Self::fixed("ERR internal error");

    /// What a command answers where the server does not let the key be written.
    pub const NOT_WRITABLE: Self = Self::fixed("ERR the server does not let this key be written now");

    /// An error with a fixed text.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// An error with a composed text, which may hold any bytes: those that RESP cannot carry are replaced at reply.
    pub fn composed(text: impl Into<Vec<u8>>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// `ERR wrong number of arguments for 'NAME' command`, with the name as the family spells it.
    pub fn arity(command: &str) -> Self {
        Self::composed(format!("ERR wrong number of arguments for '{command}' command"))
    }

    /// The text.
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}
