//! The texts of FT.*: those of RediSearch 2.10, which clients look for.

use super::Error;
use crate::search::arguments::Problem;
use crate::search::schema::{self, Algorithm};

/// What is wrong with a word, as it ends a message.
pub fn problem(problem: Problem) -> &'static str {
    match problem {
        Problem::Missing => "Expected an argument, but none provided",
        Problem::Type => "Could not convert argument to expected type",
        Problem::Bounds => "Value is outside acceptable bounds",
        Problem::Unknown => "Unknown argument",
    }
}

/// `Bad arguments for WHAT: PROBLEM`
pub fn bad_arguments(what: &str, kind: Problem) -> Error {
    Error::composed(format!("Bad arguments for {what}: {}", problem(kind)))
}

/// A text with a quotation of the client's bytes between two parts.
pub(super) fn quoting(before: &str, quoted: &[u8], after: &str) -> Error {
    Error::composed([before.as_bytes(), quoted, after.as_bytes()].concat())
}

/// How messages call an algorithm.
fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Flat => "FLAT",
        Algorithm::Hnsw => "HNSW",
        Algorithm::SvsVamana => "SVS-VAMANA",
    }
}

/// Why a definition is refused; `command` is what it was given to.
pub fn definition(command: &str, fact: &schema::Error) -> Error {
    use schema::Error as Fact;
    match fact {
        Fact::Arity => Error::arity(command),
        Fact::SourceKind(kind) => quoting("Invalid rule type: ", kind, ""),
        Fact::Argument { option, problem } => bad_arguments(option, *problem),
        Fact::Language => Error::fixed("Invalid language"),
        Fact::Score => Error::fixed("Invalid score"),
        Fact::UnknownOption(word) => quoting("Unknown argument `", word, "`"),
        Fact::NoSchema => Error::fixed("No schema found"),
        Fact::NoFields => Error::fixed("Fields arguments are missing"),
        Fact::AlterWithoutSchema => Error::fixed("ALTER must be followed by SCHEMA"),
        Fact::AlterAction => Error::fixed("Unknown action passed to ALTER SCHEMA"),
        Fact::Unsupported(what) => Error::composed(format!("{what} is not supported")),
        _ => field(fact),
    }
}

/// Why a field is refused.
fn field(fact: &schema::Error) -> Error {
    use schema::Error as Fact;
    match fact {
        Fact::NoAlias => Error::fixed("AS requires an argument"),
        Fact::NoFieldType(name) => quoting("Field `", name, "` does not have a type"),
        Fact::FieldType(name) => quoting("Invalid field type for field `", name, "`"),
        Fact::DuplicateField(name) => quoting("Duplicate field in schema - ", name, ""),
        Fact::TooManyFields => Error::composed(format!("Schema is limited to {} fields", schema::MAX_FIELDS)),
        Fact::TooManyTextFields => {
            Error::composed(format!("Schema is limited to {} TEXT fields", schema::MAX_TEXT_FIELDS))
        }
        Fact::NotIndexedMissing(name) => {
            quoting("'Field `", name, "` cannot be defined with both `NOINDEX` and `INDEXMISSING`'")
        }
        Fact::NoMatcher => Error::fixed("PHONETIC requires an argument"),
        Fact::Matcher => Error::fixed(
            "Matcher Format: <2 chars algorithm>:<2 chars language>. Support algorithms: double metaphone (dm). \
             Supported languages: English (en), French (fr), Portuguese (pt) and Spanish (es)",
        ),
        Fact::NoSeparator => Error::fixed("SEPARATOR requires an argument"),
        Fact::Separator(got) => quoting("Tag separator must be a single character. Got `", got, "`"),
        _ => vector_field(fact),
    }
}

/// Why a VECTOR field is refused.
fn vector_field(fact: &schema::Error) -> Error {
    use schema::Error as Fact;
    match fact {
        Fact::OddVectorParameters(count) => Error::composed(format!(
            "Bad number of arguments for vector similarity index: got {count} but expected even number as algorithm \
             parameters (should be submitted as named arguments)"
        )),
        Fact::VectorParameterCount { expected, got } => {
            Error::composed(format!("Expected {expected} parameters but got {got}"))
        }
        Fact::UnknownVectorParameter { algorithm, name } => {
            quoting(&format!("Bad arguments for algorithm {}: ", algorithm_name(*algorithm)), name, "")
        }
        Fact::MissingVectorParameter { algorithm, parameter } => Error::composed(format!(
            "Missing mandatory parameter: cannot create {} index without specifying {parameter} argument",
            algorithm_name(*algorithm)
        )),
        Fact::VectorParameter { algorithm, parameter, problem } => {
            bad_arguments(&format!("vector similarity {} index {parameter}", algorithm_name(*algorithm)), *problem)
        }
        _ => Error::INTERNAL,
    }
}
