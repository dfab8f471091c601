//! The query language: text in, tree out.
//!
//! | module | what |
//! |---|---|
//! | [`ast`] | the tree: what a query means, names resolved against the schema |
//! | `lexer` | the words and marks of a query |
//! | `parser`, `clauses` | the grammar of dialects 2 to 4, which are read alike |
//! | `legacy` | where dialect 1 differs: `-`, `~` and `@f:` take everything to their right |
//! | `build` | how nodes are put together |
//! | `expand` | words to the union of themselves, their synonyms, sounds and stems |
//! | `bind` | vector clauses against the fields they ask |
//! | [`explain`](explain()) | the tree as FT.EXPLAIN shows it |
//! | [`Params`] | the values of `$name` |
//!
//! A word of punctuation that is not understood is an error with the byte offset of the token and the last text before
//! it. Errors of syntax come first, then parameters that are missing or no numbers, then what the schema refuses.

pub mod ast;
mod bind;
mod build;
mod clauses;
mod expand;
mod explain;
mod legacy;
mod lexer;
mod params;
mod parser;

pub use bind::bind;
pub use explain::explain;
pub use params::Params;

use super::analysis::{Stemmer, StopWords, Synonyms};
use super::arguments::Problem;
use super::schema::{FieldMask, Schema};
use super::shape;
use ast::{Node, Range};

/// What a text is read against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The fields.
    pub schema: &'a Schema,
    /// Words to leave out; none with NOSTOPWORDS.
    pub stop_words: &'a StopWords,
    /// What is done to words of the query's language; `None`: nothing, as with VERBATIM.
    pub stemmer: Option<&'a Stemmer>,
    /// What words stand for besides; nothing, as with VERBATIM, by default.
    pub expansions: Expansions<'a>,
    /// Values of `$name`. Dialect 1 has none.
    pub params: &'a Params,
    /// 1 to 4. A query with `=>[KNN …]`, which dialect 1 can't read, is read as of dialect 2.
    pub dialect: u8,
    /// INFIELDS: where words without a field are looked for.
    pub in_fields: FieldMask,
}

/// What words stand for besides themselves and their stems.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expansions<'a> {
    /// The groups of synonyms that they are in.
    pub synonyms: Option<&'a Synonyms>,
    /// What they sound like.
    pub sounds: Sounds,
}

/// Where words are looked for by what they sound like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sounds {
    /// In no field.
    #[default]
    Nowhere,
    /// In those that are phonetic, unless `$phonetic` says no.
    InPhoneticFields,
    /// In any; in others than those that are phonetic there are none to be found.
    Everywhere,
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// A token that no query can have here.
    Syntax {
        /// Where the token starts, in bytes.
        offset: usize,
        /// The last text up to it.
        near: Box<[u8]>,
    },
    /// Nested too deeply.
    TooDeep,
    /// `=>[` is followed by something else than KNN.
    NotKnn {
        /// Where.
        offset: usize,
        /// What.
        near: Box<[u8]>,
    },
    /// `@f:[word number …` with another word than VECTOR_RANGE.
    NotVectorRange {
        /// Where.
        offset: usize,
        /// What.
        near: Box<[u8]>,
    },
    /// `@f:[word $shape]` with a word that is no predicate of shapes.
    NotShapePredicate {
        /// Where the operand is.
        offset: usize,
    },
    /// A part of the language that this engine does not have.
    Unsupported(&'static str),
    /// The count of PARAMS.
    ParamsCount(Problem),
    /// PARAMS of no or an odd number of words.
    ParamsPairs,
    /// A name twice in PARAMS.
    DuplicateParameter(Box<[u8]>),
    /// A parameter that PARAMS does not have.
    NoParameter(Box<[u8]>),
    /// A parameter that has to be a number.
    NotNumeric {
        /// Its name.
        name: Box<[u8]>,
        /// What it is instead.
        value: Box<[u8]>,
    },
    /// A parameter as the lower bound of a range that is no number.
    LowerBound(Box<[u8]>),
    /// A parameter as the upper bound of a range that is no number.
    UpperBound(Box<[u8]>),
    /// A range whose lower bound is above its upper one.
    EmptyRange {
        /// The field.
        name: Box<[u8]>,
        /// The range.
        range: Range,
    },
    /// An attribute that the node does not have.
    Attribute(Box<[u8]>),
    /// A value that the attribute does not have.
    AttributeValue {
        /// The attribute, as written.
        name: Box<[u8]>,
        /// The value.
        value: Box<[u8]>,
    },
    /// `$phonetic` on a word of fields without a matcher.
    Phonetic,
    /// The shape of a clause.
    Shape(shape::Problem),
    /// The unit of a circle.
    GeoUnit,
    /// The center of a circle.
    GeoPosition,
    /// The radius of a circle.
    GeoRadius,
    /// The empty string in a field without INDEXEMPTY.
    EmptyNotIndexed,
    /// `ismissing` of a field without INDEXMISSING.
    MissingNotIndexed(Box<[u8]>),
    /// A suffix, infix or pattern in a TEXT field without WITHSUFFIXTRIE while others have it.
    NoSuffixTrie,
    /// A distance by the name of a field.
    NameTaken(Box<[u8]>),
    /// Two distances by one name.
    NameTwice(Box<[u8]>),
    /// A distance with two names.
    TwoNames(Box<[u8]>, Box<[u8]>),
    /// A vector of another size than the field's.
    BlobSize {
        /// Its bytes.
        got: usize,
        /// Bytes of a vector of the field.
        expected: usize,
    },
    /// A vector with a NaN or an infinity at this place.
    NotFinite(usize),
    /// A radius below zero.
    NegativeRadius(f64),
    /// An option of a vector clause.
    VectorOption(VectorOption),
}

/// What is wrong with an option of a vector clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorOption {
    /// There is none of this name, or the field's index has no use for it.
    Unknown,
    /// The value.
    Value,
    /// It is given twice.
    Twice,
    /// EPSILON without a range.
    NotRange,
    /// A policy without a filter.
    NotHybrid,
    /// HYBRID_POLICY that does not exist.
    Policy,
    /// BATCH_SIZE with a policy without batches.
    BatchSizeAdhoc,
    /// EF_RUNTIME with a policy without a graph.
    EfRuntimeAdhoc,
}

/// Reads a query.
///
/// # Errors
/// See [`Error`]; those of syntax before those of parameters before those of the schema.
pub fn parse(text: &[u8], context: &Context) -> Result<Node, Error> {
    let mut tree = parse_unbound(text, context)?;
    bind(&mut tree, context.schema)?;
    Ok(tree)
}

/// Reads a query without looking at the blobs and options of its vector clauses: for FT.EXPLAIN, which shows them.
///
/// # Errors
/// As [`parse`].
pub fn parse_unbound(text: &[u8], context: &Context) -> Result<Node, Error> {
    let mut context = *context;
    let mut read = parser::parse(text, &context);
    if read.is_err() && context.dialect < 2 && lexer::has_bracket_clause(text, context.stop_words) {
        // Dialect 1 knows no vectors, and clients that were made for Valkey name no dialect.
        context.dialect = 2;
        read = parser::parse(text, &context);
    }
    let mut tree = read?;
    if context.in_fields != FieldMask::ALL {
        build::restrict(&mut tree, context.in_fields);
    }
    expand::expand(&mut tree, &context);
    Ok(tree)
}
