//! The texts of `JSON.*`.

use super::Error;
use crate::json;
use crate::json::path::Malformed;

impl From<json::Error> for Error {
    fn from(fact: json::Error) -> Error {
        match fact {
            json::Error::NotUtf8 => UTF8,
            json::Error::Syntax(message) => Error::composed(message),
            json::Error::Path(malformed) => Error::composed(position(&malformed)),
            json::Error::PathTooCostly => Error::fixed("ERR path matches too many values"),
            json::Error::TooDeep => Error::fixed("ERR recursion limit exceeded"),
            json::Error::StaticPathOnly => Error::fixed("Err wrong static path"),
            json::Error::ArrayIndex => Error::fixed("ERR array index out of range"),
            json::Error::OutOfBounds => Error::fixed("ERR index out of bounds"),
            json::Error::NotANumber => Error::fixed("ERR result is not a number"),
            json::Error::FloatRange => Error::fixed("value out of range"),
        }
    }
}

/// A key of another type.
pub const WRONG_TYPE: Error = Error::fixed("Existing key has wrong Redis type");
/// A key that must exist.
pub const NO_KEY: Error = Error::fixed("ERR could not perform this operation on a key that doesn't exist");
/// A new key with a path other than the root.
pub const NEW_AT_ROOT: Error = Error::fixed("ERR new objects must be created at the root");
/// A word that is no option.
pub const SYNTAX: Error = Error::fixed("ERR syntax error");
/// `FORMAT` from a RESP2 client.
pub const FORMAT_RESP2: Error = Error::fixed("ERR FORMAT argument is not supported on RESP2");
/// `FORMAT` with a word that is no format, where a value is stored.
pub const STORED_FORMAT: Error = Error::fixed("ERR wrong format");
/// `FORMAT` of `JSON.ARRPOP` with a path that can have one answer only.
pub const FORMAT_LEGACY: Error = Error::fixed("Legacy paths are supported only with FORMAT STRINGS");
/// `FORMAT` with a word that is no format.
pub const FORMAT: Error = Error::fixed("ERR wrong reply format");
/// `FPHA` with a word that is no type.
pub const FLOAT_TYPE: Error = Error::fixed("invalid FPHA type");
/// An index that is no integer.
pub const INTEGER: Error = Error::fixed("Couldn't parse as integer");
/// A numeric command's argument is JSON but no number.
pub const OPERAND: Error = Error::fixed("bad input number");
/// An argument that has to be text and is no UTF-8.
pub const UTF8: Error = Error::fixed("Couldn't parse as UTF-8 string");
/// `JSON.DEBUG` with another word.
pub const DEBUG: Error = Error::fixed("ERR unknown subcommand - try `JSON.DEBUG HELP`");

/// The text of an argument that is not JSON, from the commands that prefix it.
pub fn argument(fact: json::Error) -> Error {
    match fact {
        json::Error::Syntax(message) => Error::composed(format!("ERR {message}")),
        other => other.into(),
    }
}

/// A legacy path without match.
pub fn no_path(path: &[u8]) -> Error {
    Error::composed([b"ERR Path '", path, b"' does not exist"].concat())
}

/// A legacy path that matches nothing of the kind; `what` is `an array`, `a string`, …
pub fn no_path_or_not(path: &[u8], what: &str) -> Error {
    Error::composed([b"ERR Path '", path, b"' does not exist or not ", what.as_bytes()].concat())
}

/// A legacy path that matches no number.
pub fn no_number(path: &[u8]) -> Error {
    Error::composed([b"ERR Path '", path, b"' does not exist or does not contains a number"].concat())
}

/// A value of the wrong type; `found` names it, or is its text.
pub fn wrong_value(expected: &str, found: &[u8]) -> Error {
    let before = format!("WRONGTYPE wrong type of path value - expected {expected} but found ");
    Error::composed([before.as_bytes(), found].concat())
}

/// `Error occurred on position 2, "$[ ---->>>> x]", expected one of the following: ….`
fn position(malformed: &Malformed) -> Vec<u8> {
    let (before, rest) = malformed.path.split_at(malformed.position.min(malformed.path.len()));
    let mark: &[u8] = if rest.is_empty() { b" <<<<----" } else { b" ---->>>> " };
    let start = format!("Error occurred on position {}, \"", malformed.position);
    let end = format!("\", expected one of the following: {}.", malformed.expected);
    [start.as_bytes(), before, mark, rest, end.as_bytes()].concat()
}
