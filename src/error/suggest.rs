//! The texts of FT.SUG*.

use super::Error;
use super::search::{problem, quoting};
use crate::search::arguments::Problem;

/// From so many characters on, a prefix is refused.
pub const LONGEST_PREFIX: usize = 100;
/// From so many bytes on, a prefix is refused.
pub const LONGEST_PREFIX_BYTES: usize = 200;

/// What should be a score is no number.
pub const SCORE: Error = Error::fixed("ERR invalid score");
/// PAYLOAD at the end.
pub const NO_PAYLOAD: Error = Error::fixed("Invalid payload: Expected an argument, but none provided");
/// A text of more characters than are kept.
pub const TOO_LONG: Error = Error::fixed("ERR suggestion too long");
/// A prefix of too many characters.
pub const PREFIX: Error = Error::fixed("Invalid query");
/// A prefix of too many bytes.
pub const PREFIX_BYTES: Error = Error::fixed("Invalid query length");

/// A word that FT.SUGADD does not know.
pub fn unknown_argument(word: &[u8]) -> Error {
    quoting("Unknown argument `", word, "`")
}

/// A word that FT.SUGGET does not know.
pub fn unrecognized(word: &[u8]) -> Error {
    quoting("Unrecognized argument: ", word, "")
}

/// What is wrong with the number after MAX.
pub fn max(kind: Problem) -> Error {
    Error::composed(format!("MAX: {}", problem(kind)))
}
