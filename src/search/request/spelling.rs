//! FT.SPELLCHECK as it is asked.
//!
//! ```text
//! query [DISTANCE 1..4] [TERMS INCLUDE|EXCLUDE dictionary]… [TIMEOUT n] [PARAMS n name value…] [DIALECT n]
//! ```
//! Unlike elsewhere, a word that is no option is read over: clients write words after a dictionary, as old documentation tells them
//! to, and the field reads over them.

use super::options::QueryOptions;
use crate::search::arguments::Words;

/// Edits where DISTANCE says nothing.
const DEFAULT_DISTANCE: u8 = 1;
/// Edits at most.
const FARTHEST: i64 = 4;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// DISTANCE that is none.
    Distance,
    /// DISTANCE at the end.
    NoDistance,
    /// TERMS with fewer than two words.
    NoTerms,
    /// TERMS with something else than INCLUDE or EXCLUDE.
    Terms,
    /// An option that every query has.
    Option(super::Error),
}

/// What FT.SPELLCHECK is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct SpellingRequest {
    /// The query.
    pub query: Box<[u8]>,
    /// What it is told beside its text. Words are taken as they are written.
    pub options: QueryOptions,
    /// DISTANCE: edits at most.
    pub distance: u8,
    /// Dictionaries whose words are suggested.
    pub include: Vec<Box<[u8]>>,
    /// Dictionaries whose words are right.
    pub exclude: Vec<Box<[u8]>>,
}

impl SpellingRequest {
    /// Reads the words after the query.
    ///
    /// # Errors
    /// The first thing that is wrong, reading from left to right.
    pub fn parse<'a>(query: &[u8], words: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut request = Self {
            query: query.into(),
            options: QueryOptions { verbatim: true, ..QueryOptions::default() },
            distance: DEFAULT_DISTANCE,
            include: Vec::new(),
            exclude: Vec::new(),
        };
        let mut words = Words::new(words);
        while !words.is_empty() {
            request.option(&mut words)?;
        }
        Ok(request)
    }

    fn option(&mut self, words: &mut Words) -> Result<(), Error> {
        if words.accept("DISTANCE") {
            if words.is_empty() {
                return Err(Error::NoDistance);
            }
            let distance = words.integer(1).ok().filter(|distance| *distance <= FARTHEST);
            self.distance = distance.and_then(|distance| u8::try_from(distance).ok()).ok_or(Error::Distance)?;
        } else if words.accept("TERMS") {
            self.terms(words)?;
        } else {
            // A reply has no format to choose.
            let is_format = words.peek().is_some_and(|word| word.eq_ignore_ascii_case(b"FORMAT"));
            if is_format || !self.options.accept_anywhere(words).map_err(Error::Option)? {
                words.word().ok();
            }
        }
        Ok(())
    }

    fn terms(&mut self, words: &mut Words) -> Result<(), Error> {
        if words.len() < 2 {
            return Err(Error::NoTerms);
        }
        let dictionaries = if words.accept("INCLUDE") {
            &mut self.include
        } else if words.accept("EXCLUDE") {
            &mut self.exclude
        } else {
            return Err(Error::Terms);
        };
        let name: Box<[u8]> = words.word().unwrap_or_default().into();
        // Once is enough, and to look it up again would take as long.
        if !dictionaries.contains(&name) {
            dictionaries.push(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<SpellingRequest, Error> {
        SpellingRequest::parse(b"helo", words.split_whitespace().map(str::as_bytes))
    }

    #[test]
    fn options_in_any_order_and_other_words_between_them() {
        let request =
            parse("foo distance 3 terms include a b TERMS EXCLUDE c DIALECT 2 FORMAT x TERMS INCLUDE a TIMEOUT 7")
                .expect("fine");
        assert_eq!((request.distance, request.include.len(), request.exclude.len()), (3, 1, 1));
        assert_eq!(
            (request.options.dialect, request.options.timeout, request.options.verbatim),
            (Some(2), Some(7), true)
        );
        assert_eq!(parse("").expect("fine").distance, 1);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (words, error) in [
            ("DISTANCE", Error::NoDistance),
            ("DISTANCE 0", Error::Distance),
            ("DISTANCE 5", Error::Distance),
            ("DISTANCE x", Error::Distance),
            ("TERMS", Error::NoTerms),
            ("TERMS INCLUDE", Error::NoTerms),
            ("TERMS FOO d", Error::Terms),
            ("DIALECT", Error::Option(super::super::Error::NoValue("DIALECT"))),
            ("DIALECT 5", Error::Option(super::super::Error::Dialect)),
        ] {
            assert_eq!(parse(words), Err(error), "{words}");
        }
    }
}
