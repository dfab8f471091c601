//! Why FT.HYBRID refuses a request. The texts are in [`crate::error`].

use crate::search::request;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Something that FT.AGGREGATE refuses too, in the same words.
    Request(request::Error),
    /// Nothing after the name of the index.
    NoSubqueries,
    /// The first word is neither SEARCH nor a count.
    Subqueries,
    /// Another count than 2.
    OnlyTwo,
    /// A count and no SEARCH.
    NoSearch,
    /// SEARCH without a query.
    NoQuery,
    /// SEARCH without VSIM.
    NoVsim,
    /// VSIM without a field.
    NoField,
    /// A field without its `@`.
    FieldPrefix,
    /// A field that is no VECTOR field.
    NoVectorField(Box<[u8]>),
    /// VSIM without a vector.
    NoVector,
    /// A vector that is no parameter.
    VectorPrefix,
    /// DIALECT, which this command does not take.
    Dialect,
    /// A word that this clause does not have.
    UnknownIn {
        /// The word.
        word: Box<[u8]>,
        /// The clause.
        clause: &'static str,
    },
    /// A word that is no option.
    Unknown(Box<[u8]>),
    /// KNN or RANGE without a count.
    NoBlockCount,
    /// KNN or RANGE with a count that is none.
    BlockCount,
    /// KNN or RANGE with a count that is not of pairs.
    BlockPairs(i64),
    /// KNN or RANGE with fewer words than counted.
    BlockWords {
        /// The count.
        asked: usize,
        /// The words.
        given: usize,
    },
    /// KNN without K, RANGE without RADIUS.
    Required(&'static str),
    /// A value that this argument cannot have.
    Value(&'static str),
    /// An argument without its value.
    NoValue(&'static str),
    /// An argument that is given again.
    Twice(&'static str),
    /// SHARD_K_RATIO that is no number.
    Ratio(Box<[u8]>),
    /// SHARD_K_RATIO out of its range.
    RatioRange(Box<[u8]>),
    /// FILTER without an expression.
    NoFilter,
    /// FILTER or a method of COMBINE with fewer words than counted.
    FewWords {
        /// Which.
        clause: &'static str,
        /// The count.
        asked: usize,
        /// The words.
        given: usize,
    },
    /// BATCH_SIZE with POLICY ADHOC.
    BatchSizeAdhoc,
    /// EF_RUNTIME with POLICY ADHOC.
    EfRuntimeAdhoc,
    /// POLICY or BATCH_SIZE with RANGE.
    NotHybrid,
    /// A vector clause in SEARCH or in FILTER.
    Vectors(&'static str),
    /// `$weight` in FILTER.
    Weights,
    /// LINEAR without a count, or RRF with one that is none.
    MethodCount {
        /// The method.
        method: &'static str,
        /// What is wrong with it.
        fault: Fault,
    },
    /// LINEAR without a count.
    NoMethodCount(&'static str),
    /// A count that is not of pairs.
    MethodPairs(&'static str),
    /// One weight of LINEAR without this other one.
    Weight(&'static str),
    /// The name of the score both among the counted words and after them.
    NamedTwice,
    /// One name for two scores, or for a score and something that is loaded.
    SameName(Box<[u8]>),
    /// A word of an option is wrong.
    Option {
        /// The option.
        name: &'static str,
        /// What is wrong.
        fault: Fault,
    },
    /// SORTBY and NOSORT.
    SortAndNot,
    /// LOAD whose count is none.
    Load,
    /// LOAD with fewer words than counted.
    LoadWords,
    /// LIMIT n 0 with another n than 0.
    LimitOffset,
    /// LIMIT whose offset is none.
    Offset,
    /// LIMIT whose count is none.
    Limit,
    /// EXPLAINSCORE with GROUPBY or WITHCURSOR: the rows then have no score to explain.
    Explain(&'static str),
}

/// What is wrong with a word of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is none of those that there are.
    Value,
    /// It is too small.
    Minimum,
    /// It is out of bounds.
    Bounds,
    /// It is no number.
    Type,
    /// There is none.
    Missing,
    /// The option was given before.
    Again,
    /// The count is none.
    CountType,
    /// The count is none that can be.
    Count,
    /// There are fewer words than counted.
    Counted,
    /// There are too few words.
    Few,
}

impl From<request::Error> for Error {
    fn from(error: request::Error) -> Self {
        Self::Request(error)
    }
}

/// An error of an option.
pub(super) fn bad(name: &'static str, fault: Fault) -> Error {
    Error::Option { name, fault }
}
