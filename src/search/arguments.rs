//! Walking over the words of a command.
//!
//! A word is bytes; keywords are read in any case. What is wrong with a word is a [`Problem`]; which option it belongs
//! to is for the caller to say.

use super::number;

/// What is wrong with a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// There is none.
    Missing,
    /// It is not of the type that is asked for.
    Type,
    /// Its value is too small or too large.
    Bounds,
    /// It is none of the names that are known here.
    Unknown,
}

/// The words that are left.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: std::vec::IntoIter<&'a [u8]>,
}

impl<'a> Words<'a> {
    /// All words of something.
    pub fn new(words: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self { rest: words.into_iter().collect::<Vec<_>>().into_iter() }
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next word, left in place.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.rest.as_slice().first().copied()
    }

    /// Takes the next word if it is this keyword.
    pub fn accept(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()));
        if found {
            self.rest.next();
        }
        found
    }

    /// Takes the next word.
    ///
    /// # Errors
    /// [`Problem::Missing`] if there is none.
    pub fn word(&mut self) -> Result<&'a [u8], Problem> {
        self.rest.next().ok_or(Problem::Missing)
    }

    /// Takes the next word, an integer in any notation, not below `least`.
    ///
    /// # Errors
    /// Any [`Problem`] but [`Problem::Unknown`].
    pub fn integer(&mut self, least: i64) -> Result<i64, Problem> {
        let value = number::parse_integer(self.word()?).ok_or(Problem::Type)?;
        if value < least { Err(Problem::Bounds) } else { Ok(value) }
    }

    /// Takes the next word, a count not below `least`.
    ///
    /// # Errors
    /// As [`Words::integer`].
    pub fn count(&mut self, least: u32) -> Result<usize, Problem> {
        self.integer(i64::from(least)).and_then(|value| usize::try_from(value).map_err(|_| Problem::Bounds))
    }

    /// Takes the next word, a finite number.
    ///
    /// # Errors
    /// [`Problem::Missing`] or [`Problem::Type`].
    pub fn number(&mut self) -> Result<f64, Problem> {
        number::parse(self.word()?).filter(|value| value.is_finite()).ok_or(Problem::Type)
    }

    /// Takes the next word, one of some keywords.
    ///
    /// # Errors
    /// [`Problem::Missing`] or [`Problem::Unknown`].
    pub fn one_of<T: Copy>(&mut self, names: &[(&str, T)]) -> Result<T, Problem> {
        let word = self.word()?;
        lookup(names, word).ok_or(Problem::Unknown)
    }

    /// Takes a count and then so many words.
    ///
    /// # Errors
    /// As [`Words::count`]; [`Problem::Missing`] when there are fewer.
    pub fn counted(&mut self) -> Result<Vec<&'a [u8]>, Problem> {
        let count = self.count(0)?;
        if count > self.len() { Err(Problem::Missing) } else { Ok(self.rest.by_ref().take(count).collect()) }
    }
}

/// The value behind a keyword, whatever its case.
pub fn lookup<T: Copy>(names: &[(&str, T)], word: &[u8]) -> Option<T> {
    names.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
}

/// The keyword for a value.
pub fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    names.iter().find(|(_, known)| known == value).map(|(name, _)| *name)
}
