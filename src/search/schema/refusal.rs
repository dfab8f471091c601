//! Why FT.CREATE and FT.ALTER refuse a definition.

use super::Algorithm;
use crate::search::aggregate::expression::ParseError;
use crate::search::arguments::Problem;

/// Why a definition is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// Fewer words than any definition has.
    Arity,
    /// ON names neither HASH nor JSON.
    SourceKind(Box<[u8]>),
    /// The value of an option.
    Argument {
        /// The option as messages call it.
        option: &'static str,
        /// What is wrong.
        problem: Problem,
    },
    /// LANGUAGE that is not known.
    Language,
    /// SCORE that is not a number from 0 to 1.
    Score,
    /// FILTER that is no expression.
    Filter(ParseError),
    /// A word before SCHEMA that is no option.
    UnknownOption(Box<[u8]>),
    /// There is no SCHEMA.
    NoSchema,
    /// Nothing after SCHEMA.
    NoFields,
    /// FT.ALTER without SCHEMA.
    AlterWithoutSchema,
    /// FT.ALTER SCHEMA with something else than ADD.
    AlterAction,
    /// AS without a name.
    NoAlias,
    /// The words end where the field's type should be.
    NoFieldType(Box<[u8]>),
    /// The field's type is none.
    FieldType(Box<[u8]>),
    /// Two fields with one name.
    DuplicateField(Box<[u8]>),
    /// More than [`MAX_FIELDS`](super::MAX_FIELDS).
    TooManyFields,
    /// More than [`MAX_TEXT_FIELDS`](super::MAX_TEXT_FIELDS).
    TooManyTextFields,
    /// A place in a JSON document that is no path.
    JsonPath {
        /// What was given.
        path: Box<[u8]>,
        /// The field, or the option.
        attribute: Box<[u8]>,
        /// The index.
        index: Box<[u8]>,
    },
    /// NOINDEX and INDEXMISSING on one field.
    NotIndexedMissing(Box<[u8]>),
    /// PHONETIC without a matcher.
    NoMatcher,
    /// PHONETIC with a matcher that does not exist.
    Matcher,
    /// SEPARATOR without one.
    NoSeparator,
    /// SEPARATOR that is not one byte.
    Separator(Box<[u8]>),
    /// The number of words of vector parameters is odd.
    OddVectorParameters(usize),
    /// Fewer words than announced.
    VectorParameterCount {
        /// The announcement.
        expected: usize,
        /// What came.
        got: usize,
    },
    /// A vector parameter that the algorithm does not have.
    UnknownVectorParameter {
        /// The algorithm.
        algorithm: Algorithm,
        /// The parameter, as written.
        name: Box<[u8]>,
    },
    /// A vector parameter without which there is no index.
    MissingVectorParameter {
        /// The algorithm.
        algorithm: Algorithm,
        /// The parameter.
        parameter: &'static str,
    },
    /// The value of a vector parameter.
    VectorParameter {
        /// The algorithm.
        algorithm: Algorithm,
        /// The parameter as messages call it.
        parameter: &'static str,
        /// What is wrong.
        problem: Problem,
    },
}
