//! The texts of FT.*: those of RediSearch 2.10, which clients look for.

use super::Error;
use crate::search::arguments::Problem;
use crate::search::document::Failure;
use crate::search::query::ast::Range;
use crate::search::query::{self, VectorOption};
use crate::search::schema::{self, Algorithm};
use crate::search::shape::{self, wkt};

/// A query of an index that there is not.
pub fn no_such_index(name: &[u8]) -> Error {
    quoting("", name, ": no such index")
}

/// A property that is neither in the schema nor yielded by the query.
pub fn not_loaded(name: &[u8]) -> Error {
    quoting("Property `", name, "` not loaded nor in schema")
}

/// A field that there is not.
pub fn no_such_property(name: &[u8]) -> Error {
    quoting("No such property `", name, "`")
}

/// A field that is loaded, but that the schema does not know.
pub fn not_in_schema(name: &[u8]) -> Error {
    quoting("Property `", name, "` is not in schema")
}

/// SUMMARIZE or HIGHLIGHT where the definition says that nobody asks for it. The text is the field's.
pub const NO_HIGHLIGHT: Error =
    Error::fixed("Cannot use highlight/summarize because NOOFSETS was specified at index level");

/// FT.PROFILE of something else.
pub const NO_PROFILED: Error = Error::fixed("No `SEARCH`, `AGGREGATE`, or `HYBRID` provided");

/// FT.PROFILE without its QUERY.
pub const NO_QUERY_KEYWORD: Error = Error::fixed("The QUERY keyword is expected");

/// FT.PROFILE of an aggregation that is read page by page.
pub const PROFILED_CURSOR: Error = Error::fixed("FT.PROFILE does not support cursor");

/// The time of a query is over, and the setting says that it then fails.
pub const TIMEOUT: Error = Error::fixed("Timeout limit was reached");
/// The server uses more memory than it may, and the setting says that queries then fail.
pub const OUT_OF_MEMORY: Error = Error::fixed("Not enough memory available to execute the query");
/// An index has as many cursors as the setting allows.
pub const TOO_MANY_CURSORS: Error = Error::fixed("Too many cursors allocated for the index");
/// FT.CREATE of a name that is taken.
pub const INDEX_EXISTS: Error = Error::fixed("Index already exists");
/// FT.INFO and FT.ALTER of an index that there is not.
pub const UNKNOWN_INDEX_NAME: Error = Error::fixed("Unknown index name");
/// FT.DROPINDEX and FT.TAGVALS of an index that there is not.
pub const UNKNOWN_INDEX_TO_DROP: Error = Error::fixed("Unknown Index name");
/// FT.ALIASADD and FT.ALIASUPDATE to what is no index.
pub const NO_ALIAS_TARGET: Error = Error::fixed("Unknown index name (or name is an alias itself)");
/// FT.ALIASADD of a name that is taken.
pub const ALIAS_EXISTS: Error = Error::fixed("Alias already exists");
/// FT.ALIASDEL of a name that there is not.
pub const NO_ALIAS: Error = Error::fixed("Alias does not exist");
/// A client may not read all that an index may hold.
pub const NO_PERMISSION: Error = Error::fixed("NOPERM User does not have the required permissions to query the index");
/// A client may not do what CONFIG SET does.
pub const NO_SETTING_PERMISSION: Error =
    Error::fixed("NOPERM User does not have the required permissions to change a setting");

/// Why a document is not in an index, as FT.INFO tells it.
pub fn failure(fact: &Failure) -> Vec<u8> {
    let text = match fact {
        Failure::JsonString => {
            "Invalid JSON type: String type can represent only TEXT, TAG, GEO or GEOMETRY field".into()
        }
        Failure::JsonNumber => "Invalid JSON type: Numeric type can represent only NUMERIC field".into(),
        Failure::JsonBool => "Invalid JSON type: Boolean type can be represent only TAG field".into(),
        Failure::JsonObject => "Invalid JSON type: Object type can represent only GEOMETRY fields".into(),
        Failure::JsonTextElements => "TEXT/TAG fields can only contain strings or nulls".into(),
        Failure::JsonNumericElements => "NUMERIC fields can only contain numeric or nulls".into(),
        Failure::EmptyVector => "Empty array for vector field on JSON document".into(),
        Failure::VectorLength { expected, got } => format!("Invalid vector length. Expected {expected}, got {got}"),
        Failure::VectorElement(at) => format!("Invalid vector element at index {at}"),
        Failure::BlobSize { expected, got } => {
            format!("Could not add vector with blob size {got} (expected size {expected})")
        }
        Failure::Number(text) => return [b"Invalid numeric value: '", &text[..], b"'"].concat(),
        Failure::JsonShapeArray => "Invalid JSON type: Array type cannot represent GEOMETRY field".into(),
        Failure::Shape(problem) => return shape("Error indexing geoshape: ", problem),
        Failure::GeoText => "Invalid geo string".into(),
        Failure::GeoCoordinates(point) => format!("Invalid geo coordinates: {:.6}, {:.6}", point.lon, point.lat),
    };
    text.into_bytes()
}

/// What is wrong with the text of a shape.
pub(super) fn shape(before: &str, problem: &shape::Problem) -> Vec<u8> {
    let mut text = before.as_bytes().to_vec();
    match problem {
        shape::Problem::Text(wkt::Error { kind: wkt::Kind::Unknown, .. }) => {
            text.extend(b"unknown geometry type");
        }
        shape::Problem::Text(wkt::Error { kind, at, text: whole }) => {
            text.extend(match kind {
                wkt::Kind::Open => &b"Expected '('"[..],
                wkt::Kind::Close => b"Expected ')'",
                wkt::Kind::Number => b"bad lexical cast: source type value could not be interpreted as target",
                _ => b"Too many tokens",
            });
            if let Some(at) = at {
                text.extend([b" at '", &at[..], b"'"].concat());
            }
            text.extend([b" in '", &whole[..], b"'"].concat());
        }
        shape::Problem::Invalid(invalid) => {
            text.extend(b"invalid geometry: Geometry ");
            text.extend(invalid_shape(*invalid).as_bytes());
        }
    }
    text
}

fn invalid_shape(invalid: shape::Invalid) -> String {
    use shape::Invalid;
    match invalid {
        Invalid::Coordinate => "has point(s) with invalid coordinate(s)".into(),
        Invalid::TooFewPoints => "has too few points".into(),
        Invalid::Dimension => "has wrong topological dimension".into(),
        Invalid::Spike(x, y) => format!("has spikes. A spike point was found with apex at ({x}, {y})"),
        Invalid::Orientation => "has wrong orientation".into(),
        Invalid::SelfIntersection(x, y) => {
            format!("has invalid self-intersections. A self-intersection point was found at ({x}, {y})")
        }
        Invalid::HoleOutside => "has interior rings defined outside the outer boundary".into(),
        Invalid::NestedHoles => "has nested interior rings".into(),
        Invalid::TooComplex => "has too many edges that are near each other".into(),
    }
}

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
pub fn quoting(before: &str, quoted: &[u8], after: &str) -> Error {
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
        Fact::Filter(problem) => problem.clone().into(),
        Fact::Language => Error::fixed("Invalid language"),
        Fact::Score => Error::fixed("Invalid score"),
        Fact::UnknownOption(word) => quoting("Unknown argument `", word, "`"),
        Fact::NoSchema => Error::fixed("No schema found"),
        Fact::NoFields => Error::fixed("Fields arguments are missing"),
        Fact::AlterWithoutSchema => Error::fixed("ALTER must be followed by SCHEMA"),
        Fact::AlterAction => Error::fixed("Unknown action passed to ALTER SCHEMA"),
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
        Fact::JsonPath { path, attribute, index } => Error::composed(
            [b"Invalid JSONPath '", &path[..], b"' in attribute '", attribute, b"' in index '", index, b"'"].concat(),
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

/// Why a query is refused.
pub fn query(fact: &query::Error) -> Error {
    use query::Error as Fact;
    match fact {
        Fact::Syntax { offset, near } => quoting(&format!("Syntax error at offset {offset} near "), near, ""),
        Fact::TooDeep => Error::fixed("Parser stack overflow. Try moving nested parentheses more to the left"),
        Fact::NotKnn { offset, near } => {
            let before = format!("Syntax error: Expecting Vector Similarity command at offset {offset} near ");
            quoting(&before, near, "")
        }
        Fact::NotVectorRange { offset, near } => {
            let before = format!("Syntax error: expecting vector similarity range command at offset {offset} near ");
            quoting(&before, near, "")
        }
        Fact::NotShapePredicate { offset } => {
            Error::composed(format!("Syntax error: Expecting a geoshape predicate at offset {offset}"))
        }
        Fact::Unsupported(what) => Error::composed(format!("{what} is not supported")),
        _ => query_parameter(fact),
    }
}

/// What is wrong with the parameters of a query.
fn query_parameter(fact: &query::Error) -> Error {
    use query::Error as Fact;
    match fact {
        Fact::ParamsCount(problem) => bad_arguments("PARAMS", *problem),
        Fact::ParamsPairs => Error::fixed("Parameters must be specified in PARAM VALUE pairs"),
        Fact::DuplicateParameter(name) => quoting("Duplicate parameter `", name, "`"),
        Fact::NoParameter(name) => quoting("No such parameter `", name, "`"),
        Fact::NotNumeric { name, value } => {
            Error::composed([b"Invalid numeric value (", &value[..], b") for parameter `", name, b"`"].concat())
        }
        Fact::LowerBound(text) => quoting("Bad lower range: ", text, ""),
        Fact::UpperBound(text) => quoting("Bad upper range: ", text, ""),
        Fact::EmptyRange { name, range: Range { min, max, .. } } => {
            let bounds = format!(":[{min:.6} {max:.6}]");
            Error::composed([b"Invalid numeric range (min > max): @", &name[..], bounds.as_bytes()].concat())
        }
        _ => query_schema(fact),
    }
}

/// What the schema refuses of a query.
fn query_schema(fact: &query::Error) -> Error {
    use query::Error as Fact;
    match fact {
        Fact::Attribute(name) => quoting("Invalid attribute ", name, ""),
        Fact::AttributeValue { name, value } => {
            Error::composed([b"Invalid value (", &value[..], b") for `", name, b"`"].concat())
        }
        Fact::Phonetic => Error::fixed("field does not support phonetics"),
        Fact::Shape(problem) => Error::composed(shape("Error querying geoshape index: ", problem)),
        Fact::GeoUnit => Error::fixed("Invalid GeoFilter unit"),
        Fact::GeoPosition => Error::fixed("Invalid GeoFilter lat/lon"),
        Fact::GeoRadius => Error::fixed("Invalid GeoFilter radius"),
        Fact::EmptyNotIndexed => {
            Error::fixed("Use `INDEXEMPTY` in field creation in order to index and query for empty strings")
        }
        Fact::MissingNotIndexed(name) => {
            quoting("'ismissing' requires field '", name, "' to be defined with 'INDEXMISSING'")
        }
        Fact::NoSuffixTrie => Error::fixed("Contains query on fields without WITHSUFFIXTRIE support"),
        Fact::NameTaken(name) => quoting("Property `", name, "` already exists in schema"),
        Fact::NameTwice(name) => quoting("Property `", name, "` specified more than once"),
        Fact::TwoNames(first, second) => Error::composed(
            [b"Distance field was specified twice for vector query: ", &first[..], b" and ", second].concat(),
        ),
        _ => query_vector(fact),
    }
}

/// What a vector clause cannot be asked.
fn query_vector(fact: &query::Error) -> Error {
    match fact {
        query::Error::BlobSize { got, expected } => Error::composed(format!(
            "Error parsing vector similarity query: query vector blob size ({got}) does not match index's expected size \
             ({expected})."
        )),
        query::Error::NotFinite(at) => Error::composed(format!(
            "Error parsing vector similarity query: element {at} of the query vector is not a finite number"
        )),
        query::Error::NegativeRadius(radius) => Error::composed(format!(
            "Error parsing vector similarity query: negative radius ({radius}) given in a range query"
        )),
        query::Error::VectorOption(problem) => Error::composed(format!(
            "Error parsing vector similarity parameters: {}",
            match problem {
                VectorOption::Unknown => "Invalid option",
                VectorOption::Value => "Invalid value was given",
                VectorOption::Twice => "Parameter was specified twice",
                VectorOption::NotRange => "range query attributes were sent for a non-range query",
                VectorOption::NotHybrid => "hybrid query attributes were sent for a non-hybrid query",
                VectorOption::Policy => "invalid hybrid policy was given",
                VectorOption::BatchSizeAdhoc => "'batch size' is irrelevant for 'ADHOC_BF' policy",
                VectorOption::EfRuntimeAdhoc => "'EF_RUNTIME' is irrelevant for 'ADHOC_BF' policy",
            }
        )),
        _ => Error::INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::fields::geo::Point;

    #[test]
    fn texts_are_those_that_clients_know() {
        for (fact, text) in [
            (Failure::BlobSize { expected: 8, got: 3 }, "Could not add vector with blob size 3 (expected size 8)"),
            (Failure::Number(b"foo"[..].into()), "Invalid numeric value: 'foo'"),
            (Failure::GeoCoordinates(Point { lon: 1.0, lat: 200.0 }), "Invalid geo coordinates: 1.000000, 200.000000"),
            (Failure::VectorLength { expected: 2, got: 3 }, "Invalid vector length. Expected 2, got 3"),
        ] {
            assert_eq!(failure(&fact), text.as_bytes());
        }
    }
}
