//! PARAMS: values by name, put into a query where it says `$name`.

use std::collections::BTreeMap;

use super::Error;
use crate::search::arguments::Words;

/// Values by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(BTreeMap<Box<[u8]>, Box<[u8]>>);

impl Params {
    /// Reads what follows the word PARAMS: a count of words, and so many, names and values by turns.
    ///
    /// # Errors
    /// [`Error::ParamsCount`], [`Error::ParamsPairs`] or [`Error::DuplicateParameter`].
    pub fn read(words: &mut Words) -> Result<Self, Error> {
        Self::of(&words.counted().map_err(Error::ParamsCount)?)
    }

    /// Names and values by turns.
    ///
    /// # Errors
    /// [`Error::ParamsPairs`] or [`Error::DuplicateParameter`].
    pub fn of(given: &[&[u8]]) -> Result<Self, Error> {
        if given.is_empty() || !given.len().is_multiple_of(2) {
            return Err(Error::ParamsPairs);
        }
        let mut params = Self::default();
        for pair in given.chunks_exact(2) {
            if params.0.insert(pair[0].into(), pair[1].into()).is_some() {
                return Err(Error::DuplicateParameter(pair[0].into()));
            }
        }
        Ok(params)
    }

    /// The value of this name.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.0.get(name).map(AsRef::as_ref)
    }
}
