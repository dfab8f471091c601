//! What FT.SEARCH and FT.AGGREGATE are asked, read from their words (specification sections 7 and 9).
//!
//! | part | what |
//! |---|---|
//! | [`options`] | options that both commands take |
//! | [`presentation`] | SUMMARIZE and HIGHLIGHT |
//! | [`search`] | FT.SEARCH |
//! | [`spelling`] | FT.SPELLCHECK |
//!
//! FT.AGGREGATE's own steps are read in [`aggregate::request`](super::aggregate::request). A request owns its words, so it
//! can travel to a worker. Nothing is looked up here but names that need no index: languages and scorers. Words that are
//! not understood are errors; no option is read and then ignored.

pub mod options;
pub mod presentation;
pub mod search;
pub mod spelling;

use super::arguments::{Problem, Words};
use super::schema::Source;

/// Where a request comes from; decides what it may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The client speaks RESP3.
    pub resp3: bool,
    /// What the index covers.
    pub source: Source,
    /// Largest offset, and largest count of FT.SEARCH (the setting `max-search-results`).
    pub max_results: usize,
    /// Largest count of FT.AGGREGATE (the setting `max-aggregate-results`).
    pub max_rows: usize,
    /// Most groups of a GROUPBY (the setting `max-aggregate-groups`).
    pub max_groups: usize,
}

impl Asked {
    /// By a client that speaks RESP2, of an index over hashes, with the limits that settings begin with: for tests and fuzzing.
    #[doc(hidden)]
    pub const PLAIN: Self = Self {
        resp3: false,
        source: Source::Hash,
        max_results: 1_000_000,
        max_rows: usize::MAX,
        max_groups: usize::MAX,
    };
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// There is no query.
    NoQuery,
    /// A word of an option is wrong.
    Argument {
        /// The option, or what of it.
        option: &'static str,
        /// What is wrong.
        problem: Problem,
    },
    /// A word that is no option here.
    Unknown {
        /// The word.
        word: Box<[u8]>,
        /// How many words stand before it, the query being one.
        position: usize,
        /// `<main>`, or the reducer whose arguments they are.
        of: &'static str,
    },
    /// An option without its value; the flag says whether the text has an article.
    NoValue(&'static str),
    /// LIMIT with fewer than two words.
    LimitArguments,
    /// LIMIT with a word that is no count.
    LimitNumbers,
    /// An offset beyond the setting.
    OffsetMax(usize),
    /// A count beyond the setting.
    LimitMax(usize),
    /// SORTBY without a field.
    SortArguments,
    /// More than one SORTBY; the flag: in FT.AGGREGATE.
    SortTwice {
        /// The text differs by command.
        aggregate: bool,
    },
    /// TIMEOUT that is no count of milliseconds.
    Timeout,
    /// DIALECT out of range.
    Dialect,
    /// FORMAT of this name.
    Format(Box<[u8]>),
    /// FORMAT EXPAND in RESP2.
    ExpandProtocol,
    /// FORMAT EXPAND of hashes.
    ExpandSource,
    /// FORMAT EXPAND before dialect 3.
    ExpandDialect,
    /// BM25STD_TANH_FACTOR out of range.
    TanhFactor,
    /// BM25STD_TANH_FACTOR beside a scorer that has none.
    TanhScorer,
    /// No scorer has this name.
    Scorer(Box<[u8]>),
    /// No language has this name.
    Language,
    /// FILTER with fewer than three words.
    FilterArguments,
    /// A lower bound that is no number.
    LowerBound(Box<[u8]>),
    /// An upper bound that is no number.
    UpperBound(Box<[u8]>),
    /// GEOFILTER with fewer than five words.
    GeoArguments,
    /// A unit of length that there is not.
    GeoUnit(Box<[u8]>),
    /// A radius that is not positive.
    GeoRadius,
    /// A place that is not on the earth.
    GeoPlace,
    /// RETURN or LOAD with an AS and nothing after it.
    NoNameAfterAs(&'static str),
    /// PARAMS with an odd count or none.
    ParamsPairs,
    /// PARAMS with a name twice.
    ParamsDuplicate(Box<[u8]>),
    /// PARAMS twice.
    ParamsTwice,
    /// EXPLAINSCORE without WITHSCORES.
    ExplainScore,
    /// A step of FT.AGGREGATE in FT.SEARCH.
    Exclusive(&'static str),
    /// An option of the other command.
    NotIn {
        /// The option.
        option: &'static str,
        /// The command.
        command: &'static str,
    },
    /// SUMMARIZE or HIGHLIGHT that is malformed.
    Presentation(&'static str),
    /// LOAD whose count is no count, or with fewer words than it.
    Load,
    /// A property without its `@`, where it needs one.
    NoAt(Box<[u8]>),
    /// The word after a property to sort by is none.
    SortDirection(Box<[u8]>),
    /// More properties to sort by than there can be.
    SortFields,
    /// REDUCE without a function.
    NoReducer,
    /// No reducer has this name.
    Reducer(Box<[u8]>),
    /// A reducer without the arguments that it needs.
    ReducerArguments(&'static str),
    /// COUNT with arguments.
    CountArguments,
    /// A quantile outside 0 to 1.
    Percentage,
    /// The resolution of a quantile that is none.
    Resolution,
    /// A sample beyond the largest.
    SampleSize,
    /// COLLECT's FIELDS without a count, or with one that is not 1 to this.
    CollectFields(usize),
    /// COLLECT's SORTBY of more properties than these.
    CollectSort(usize),
    /// COLLECT's LIMIT beyond the setting.
    CollectLimit {
        /// `count` or `offset`.
        what: &'static str,
        /// The setting.
        most: usize,
    },
    /// A property without its `@`, or a path without its `$`.
    NoPrefix {
        /// What there is.
        name: Box<[u8]>,
        /// Where it stands.
        clause: &'static str,
    },
    /// More GROUPBYs than values can be deep.
    GroupSteps(usize),
    /// APPLY's AS without a name.
    ApplyAs,
    /// LOAD after a GROUPBY.
    LateLoad,
}

/// Turns what is wrong with a word into what is wrong with an option.
pub(super) fn bad(option: &'static str) -> impl Fn(Problem) -> Error {
    move |problem| Error::Argument { option, problem }
}

/// The words of a command after the name of the index, and how many of them have been taken.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    /// What is left.
    pub words: Words<'a>,
    total: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the query.
    pub fn new(words: Words<'a>) -> Self {
        let total = words.len();
        Self { words, total }
    }

    /// What the next word is: an option that there is not.
    pub fn unknown(&self, of: &'static str) -> Error {
        let word = self.words.peek().unwrap_or_default();
        Error::Unknown { word: word.into(), position: self.total - self.words.len(), of }
    }
}
