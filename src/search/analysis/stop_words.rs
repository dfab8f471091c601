//! Words that are not worth an index.

use std::collections::BTreeSet;

/// Those that an index has unless it is told others, sorted.
const DEFAULT: [&[u8]; 33] = [
    b"a", b"an", b"and", b"are", b"as", b"at", b"be", b"but", b"by", b"for", b"if", b"in", b"into", b"is", b"it",
    b"no", b"not", b"of", b"on", b"or", b"such", b"that", b"the", b"their", b"then", b"there", b"these", b"they",
    b"this", b"to", b"was", b"will", b"with",
];

/// A set of case-folded words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StopWords {
    /// The English default.
    #[default]
    Default,
    /// Others; possibly none.
    Custom(BTreeSet<Box<[u8]>>),
}

impl StopWords {
    /// What the STOPWORDS of a definition say; `None`: it has no such option.
    pub fn of(given: Option<&BTreeSet<Box<[u8]>>>) -> Self {
        given.map_or(Self::Default, |words| Self::Custom(words.clone()))
    }

    /// No word.
    pub const NONE: Self = Self::Custom(BTreeSet::new());

    /// Whether the word, which must be case-folded, is one of them.
    pub fn contains(&self, word: &[u8]) -> bool {
        match self {
            Self::Default => word.len() <= 5 && DEFAULT.binary_search(&word).is_ok(),
            Self::Custom(words) => words.contains(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_sorted_and_found() {
        assert!(DEFAULT.is_sorted());
        assert!(DEFAULT.iter().all(|word| StopWords::default().contains(word)));
        assert!(!StopWords::default().contains(b"hello"));
        assert!(!StopWords::NONE.contains(b"the"));
    }
}
