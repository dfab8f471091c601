//! The texts of FT.SPELLCHECK, FT.DICT* and FT.SYN*.

use super::Error;
use super::search::quoting;
use crate::search::request::spelling::Error as Fact;

/// FT.DICTDUMP of a dictionary that there is not.
pub const NO_DICTIONARY: Error = Error::fixed("could not open dict key");
/// FT.SYNADD, whatever its words.
pub const NO_SYNADD: Error = Error::fixed("No longer suppoted, use FT.SYNUPDATE");

/// FT.SPELLCHECK with a dictionary that there is not.
pub fn unknown_dictionary(name: &[u8]) -> Error {
    quoting("Dict does not exist: ", name, "")
}

impl From<Fact> for Error {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Distance => Self::fixed("bad distance given, distance must be a natural number between 1 to 4"),
            Fact::NoDistance => Self::fixed("DISTANCE arg is given but no DISTANCE comes after"),
            Fact::NoTerms => Self::fixed("TERM arg is given but no TERM params comes after"),
            Fact::Terms => Self::fixed("bad format, exlude/include operation was not given"),
            Fact::Option(fact) => fact.into(),
        }
    }
}
