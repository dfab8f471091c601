//! JSON documents: a compact value, JSONPath, edits, text. Knows no Redis.
//!
//! | module | what |
//! |---|---|
//! | [`Document`], [`ValueRef`] (`value`, `tree`, `layout`, `number`, `build`) | the memory of a document, and reading it |
//! | `parse`, [`mod@format`] | text in, text out |
//! | [`path`] | JSONPath and legacy paths: compiled once, evaluated to values or locations |
//! | [`edit`] | what the update commands do |
//! | [`encoding`], `pieces` | the RDB form; a document as commands |
//!
//! A document belongs to one thread at a time; nothing here locks or waits. Recursion over documents is bounded by
//! [`MAX_NESTED`] and takes the stack it needs from the heap ([`deeper`]); over filters it is bounded by
//! [`path::MAX_NESTING`].
#![forbid(unsafe_code)]

mod build;
pub mod edit;
pub mod encoding;
pub mod format;
mod key_index;
mod layout;
mod number;
mod parse;
pub mod path;
mod pieces;
mod short;
mod stack;
mod tree;
mod value;
mod width;

pub use number::{Arithmetic, FloatType, Number};
pub use path::{Path, Query};
pub use stack::deeper;
pub use value::{Children, Kind, Numbers, ValueRef};

use std::ops::ControlFlow;

use value::Node;

/// Most containers around a value in a text that a client sends, its own included.
pub const MAX_DEPTH: usize = 127;

/// Most containers around a value in a document: updates may put one text inside another, and documents of other modules
/// are loaded as they are (RedisJSON 2.8 itself ends with a stack that is used up from some 9,700 on). Everything that
/// follows the nesting does it by [`deeper`], or without recursion.
pub const MAX_NESTED: usize = 10_240;

/// Why a command of this family fails. Texts live in `error/json.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The text, or the path, is not UTF-8.
    NotUtf8,
    /// The text is not JSON: the parser's message, with its place.
    Syntax(String),
    /// The path is not one.
    Path(path::Malformed),
    /// Evaluating the path visits more values than is reasonable for the document.
    PathTooCostly,
    /// The result would nest deeper than [`MAX_NESTED`].
    TooDeep,
    /// A value can be created at that place only as a member of an object that exists.
    StaticPathOnly,
    /// A new array element was asked for by its index.
    ArrayIndex,
    /// An insertion point outside the array.
    OutOfBounds,
    /// An element of an array of numbers is outside the range of the type it is to be kept in.
    FloatRange,
    /// A number left the range of doubles.
    NotANumber,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Error {}

/// A JSON document, or any value on its own.
#[derive(Debug, Clone)]
pub struct Document {
    root: Node,
}

impl Document {
    /// Parses JSON text.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::NotUtf8`].
    pub fn parse(text: &[u8]) -> Result<Document, Error> {
        parse::parse(text, MAX_DEPTH, None).map(|root| Document { root })
    }

    /// Parses JSON text and rounds its arrays of numbers to a type, in which they are then kept (`FPHA`). Their numbers
    /// become the doubles that the type's shortest texts mean, so that they stay the same when text is all that is kept.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::NotUtf8`], [`Error::FloatRange`].
    pub fn parse_rounded(text: &[u8], floats: FloatType) -> Result<Document, Error> {
        parse::parse(text, MAX_DEPTH, Some(floats)).map(|root| Document { root })
    }

    /// As [`Document::parse`], for text that a document was saved as: it may nest as deep as [`MAX_NESTED`].
    ///
    /// # Errors
    /// As there.
    pub fn parse_saved(text: &[u8]) -> Result<Document, Error> {
        parse::parse(text, MAX_NESTED, None).map(|root| Document { root })
    }

    /// A document of one copied value.
    pub fn copy_of(value: ValueRef<'_>) -> Document {
        Document::of(|builder| builder.value(value))
    }

    /// A document of what is written to a builder.
    fn of(write: impl FnOnce(&mut build::Builder)) -> Document {
        let mut builder = build::Builder::default();
        write(&mut builder);
        Document { root: builder.finish() }
    }

    /// The value at `$`.
    pub fn root(&self) -> ValueRef<'_> {
        self.root.as_ref()
    }

    /// The compact text.
    pub fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        format::write(self.root(), &format::Style::default(), 0, &mut out);
        out
    }

    /// Tells the size of every allocation behind this value, the value itself excluded, as they were asked for: what the
    /// allocator rounds them to is its secret.
    pub fn allocations(&self, tell: &mut dyn FnMut(usize)) {
        match &self.root {
            Node::Flat(item) => tell(item.len()),
            Node::Tree(tree) => tree.allocations(tell),
        }
    }

    /// Shows every block of bytes that holds values to `visit`, always in the same order, until it breaks; for one who can
    /// keep the same bytes in another place.
    pub fn blocks(&mut self, visit: &mut dyn FnMut(&mut Box<[u8]>) -> ControlFlow<()>) -> ControlFlow<()> {
        match &mut self.root {
            Node::Flat(item) => visit(item),
            Node::Tree(tree) => tree.blocks(visit),
        }
    }

    /// Number of allocations, roughly: how much work it is to free the document.
    pub fn free_effort(&self) -> usize {
        match &self.root {
            Node::Flat(_) => 1,
            Node::Tree(tree) => tree.effort(),
        }
    }
}
