//! Texts about how FT.HYBRID is asked.

use super::Error;
use super::search::quoting;
use crate::search::hybrid::arms::Refusal;
use crate::search::hybrid::error::{Error as Fact, Fault};

impl From<Fact> for Error {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Request(fact) => fact.into(),
            Fact::NoSubqueries => Self::fixed("Missing subqueries count for FT.HYBRID"),
            Fact::Subqueries => Self::fixed("Invalid subqueries count: expected an unsigned integer"),
            Fact::OnlyTwo => Self::fixed("FT.HYBRID currently supports only two subqueries"),
            Fact::NoSearch => Self::fixed("SEARCH keyword is required"),
            Fact::NoQuery => Self::fixed("No query string provided for SEARCH"),
            Fact::NoVsim => Self::fixed("VSIM argument is required"),
            Fact::Dialect => Self::fixed(
                "DIALECT is not supported in FT.HYBRID or any of its subqueries. Please check the documentation on \
                 search-default-dialect configuration.",
            ),
            Fact::UnknownIn { word, clause } => quoting("Unknown argument `", &word, &format!("` in {clause}")),
            Fact::Unknown(word) => quoting("", &word, ": Unknown argument"),
            Fact::Vectors(of) => Self::composed(format!("Vector expressions are not allowed in FT.HYBRID {of}")),
            Fact::Weights => Self::fixed("Weight attributes are not allowed in FT.HYBRID VSIM FILTER"),
            fact => vsim(fact),
        }
    }
}

/// What is wrong with VSIM.
fn vsim(fact: Fact) -> Error {
    match fact {
        Fact::NoField => Error::fixed("Missing vector field name"),
        Fact::FieldPrefix => Error::fixed("Missing @ prefix for vector field name"),
        Fact::NoVectorField(name) => quoting("Unknown vector field `", &name, "`"),
        Fact::NoVector => Error::fixed("Missing vector argument"),
        Fact::VectorPrefix => Error::fixed("Invalid vector argument, expected a parameter name starting with $"),
        Fact::NoBlockCount => Error::fixed("Missing argument count"),
        Fact::BlockCount => Error::fixed("Invalid argument count: expected an unsigned integer"),
        Fact::BlockPairs(count) => Error::composed(format!(
            "Invalid argument count: {count} (must be a positive even number for key/value pairs)"
        )),
        Fact::BlockWords { asked, given } => {
            Error::composed(format!("Expected arguments {asked}, but {given} were provided"))
        }
        Fact::Required(name) => Error::composed(format!("Missing required argument {name}")),
        Fact::Value(name) => Error::composed(format!("Invalid {name} value")),
        Fact::NoValue(name) => Error::composed(format!("Missing argument value for {name}")),
        Fact::Twice(name) => Error::composed(format!("Duplicate {name} argument")),
        Fact::Ratio(word) => quoting("Invalid shard k ratio value '", &word, "'"),
        Fact::RatioRange(word) => {
            quoting("Invalid shard k ratio value: Shard k ratio must be greater than 0 and at most 1 (got ", &word, ")")
        }
        Fact::NoFilter => Error::fixed("Missing argument count for FILTER"),
        Fact::FewWords { clause, asked, given } => {
            Error::composed(format!("Not enough arguments in {clause}, specified {asked} but provided only {given}"))
        }
        Fact::BatchSizeAdhoc => irrelevant("batch size"),
        Fact::EfRuntimeAdhoc => irrelevant("EF_RUNTIME"),
        Fact::NotHybrid => Error::fixed(
            "hybrid query attributes were sent for a non-hybrid query (Error parsing vector similarity parameters)",
        ),
        fact => tail(fact),
    }
}

/// A parameter that the policy has no use for.
fn irrelevant(name: &str) -> Error {
    Error::composed(format!(
        "'{name}' is irrelevant for the selected policy (Error parsing vector similarity parameters)"
    ))
}

/// What is wrong with what follows the two arms.
fn tail(fact: Fact) -> Error {
    match fact {
        Fact::NoMethodCount(method) => Error::composed(format!("Missing {method} argument count")),
        Fact::MethodCount { method, fault } => {
            Error::composed(format!("Invalid {method} argument count, error: {}", text(fault)))
        }
        Fact::MethodPairs(method) => Error::composed(format!(
            "{method} expects pairs of key value arguments, argument count must be an even number"
        )),
        Fact::Weight(name) => Error::composed(format!("Missing value for {name}")),
        Fact::NamedTwice => Error::fixed("YIELD_SCORE_AS specified more than once"),
        Fact::SameName(name) => quoting("Property `", &name, "` specified more than once"),
        Fact::Option { name, fault } => Error::composed(format!("{name}: {}", text(fault))),
        Fact::SortAndNot => Error::fixed("NOSORT is not allowed with SORTBY"),
        Fact::Load => Error::fixed("Bad arguments for LOAD: Expected number of fields or `*`"),
        Fact::LoadWords => Error::fixed("Not enough arguments for LOAD"),
        Fact::LimitOffset => Error::fixed("The `offset` of the LIMIT must be 0 when `num` is 0"),
        Fact::Offset => Error::fixed("LIMIT offset must be a non-negative integer"),
        Fact::Limit => Error::fixed("LIMIT count must be a non-negative integer"),
        Fact::Explain(with) => Error::composed(format!("EXPLAINSCORE is not supported with {with}")),
        _ => Error::INTERNAL,
    }
}

/// What is wrong with a word of an option.
fn text(fault: Fault) -> &'static str {
    match fault {
        Fault::Value => "Invalid value for argument",
        Fault::Minimum => "Value below minimum",
        Fault::Bounds => "Value is outside acceptable bounds",
        Fault::Type => "Could not convert argument to expected type",
        Fault::Missing => "Expected an argument, but none provided",
        Fault::Again => "Argument specified multiple times",
        Fault::CountType => "Failed to parse the argument count",
        Fault::Count => "Invalid argument count",
        Fault::Counted => "Not enough arguments were provided based on argument count",
        Fault::Few => "Not enough arguments were provided",
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Command(fact) => fact.into(),
            Refusal::Query(fact) => super::search::query(&fact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::aggregate::plan::Plan;
    use crate::search::hybrid::request::HybridRequest;
    use crate::search::request::Asked;
    use crate::search::schema::create;

    fn refused(line: &str) -> String {
        let words = "SCHEMA t TEXT v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 k TAG n NUMERIC price NUMERIC";
        let schema = create(b"i", words.split(' ').map(str::as_bytes)).unwrap();
        let error = match HybridRequest::parse(
            line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes),
            &Asked::PLAIN,
        ) {
            Ok(request) => {
                let names: Vec<&[u8]> = request.yields.iter().map(|score| &*score.name).collect();
                Plan::new(&request.tail, &schema, &names).err().map(Error::from)
            }
            Err(fact) => Some(fact.into()),
        };
        error.map_or("OK".into(), |error| String::from_utf8_lossy(error.text()).into_owned())
    }

    fn check(before: &str, table: &[(&str, &str)]) {
        for (line, expected) in table {
            assert_eq!(refused(&format!("{before} {line}")), *expected, "{line}");
        }
    }

    #[test]
    fn what_the_arms_refuse() {
        check(
            "",
            &[
                ("", "Missing subqueries count for FT.HYBRID"),
                ("FOO", "Invalid subqueries count: expected an unsigned integer"),
                ("0 SEARCH", "Invalid subqueries count: expected an unsigned integer"),
                ("1 SEARCH", "FT.HYBRID currently supports only two subqueries"),
                ("3 SEARCH", "FT.HYBRID currently supports only two subqueries"),
                ("2", "SEARCH keyword is required"),
                ("2 FOO", "SEARCH keyword is required"),
                ("SEARCH", "No query string provided for SEARCH"),
                ("SEARCH q", "VSIM argument is required"),
                ("SEARCH q SCORER BM25STD", "VSIM argument is required"),
                ("SEARCH q SCORER 4", "No such scorer 4"),
                ("SEARCH q YIELD_SCORE_AS", "Missing argument value for YIELD_SCORE_AS"),
                ("SEARCH q FOO", "Unknown argument `FOO` in SEARCH"),
                ("SEARCH q VSIM", "Missing vector field name"),
                ("SEARCH q VSIM @v", "Missing vector argument"),
                ("SEARCH q VSIM v $b", "Missing @ prefix for vector field name"),
                ("SEARCH q VSIM @v b", "Invalid vector argument, expected a parameter name starting with $"),
                ("2 search q scorer TFIDF yield_score_as vsim vsim @v $b", "OK"),
                ("SEARCH q YIELD_SCORE_AS a VSIM @v $b YIELD_SCORE_AS a", "Property `a` specified more than once"),
                ("SEARCH q YIELD_SCORE_AS __score VSIM @v $b", "Property `__score` specified more than once"),
                ("SEARCH q YIELD_SCORE_AS __key VSIM @v $b", "Property `__key` specified more than once"),
                ("SEARCH q YIELD_SCORE_AS n VSIM @v $b LOAD 3 @k AS n", "Property `n` specified more than once"),
                ("SEARCH q YIELD_SCORE_AS s VSIM @v $b LOAD 2 @n @s", "OK"),
                ("SEARCH q YIELD_SCORE_AS n VSIM @v $b LOAD 3 @n AS m", "OK"),
                ("SEARCH q VSIM @v $b LOAD 2 @__score @__score", "OK"),
            ],
        );
        check(
            "SEARCH q VSIM @v $b",
            &[
                ("KNN", "Missing argument count"),
                ("KNN x", "Invalid argument count: expected an unsigned integer"),
                ("RANGE -1", "Invalid argument count: expected an unsigned integer"),
                ("KNN 3", "Invalid argument count: 3 (must be a positive even number for key/value pairs)"),
                ("KNN 4 K 15", "Expected arguments 4, but 2 were provided"),
                ("KNN 2 K", "Missing argument value for K"),
                ("KNN 2 K 1.5", "Invalid K value"),
                ("KNN 4 K 1 EF_RUNTIME 1.5", "Invalid EF_RUNTIME value"),
                ("KNN 4 K 1 EF_RUNTIME", "Missing argument value for EF_RUNTIME"),
                (
                    "KNN 4 K 1 SHARD_K_RATIO 0",
                    "Invalid shard k ratio value: Shard k ratio must be greater than 0 and at most 1 (got 0)",
                ),
                ("KNN 6 K 1 EF_RUNTIME 1 EF_RUNTIME 1", "Duplicate EF_RUNTIME argument"),
                ("KNN 4 K 1 FILTER 1", "Unknown argument `FILTER` in KNN"),
                ("KNN 2 K 1 YIELD_SCORE_AS", "Missing argument value for YIELD_SCORE_AS"),
                ("YIELD_SCORE_AS a YIELD_SCORE_AS b", "Duplicate YIELD_SCORE_AS argument"),
                ("RANGE 2 EPSILON 1", "Missing required argument RADIUS"),
                ("RANGE 4 RADIUS 1 RADIUS 1", "Duplicate RADIUS argument"),
                ("RANGE 4 RADIUS x EPSILON 1", "Invalid RADIUS value"),
                ("RANGE 4 RADIUS 1 EPSILON -1", "Invalid EPSILON value"),
                ("RANGE 4 RADIUS 1 YIELD_DISTANCE_AS d", "Unknown argument `YIELD_DISTANCE_AS` in RANGE"),
                (
                    "KNN 2 K 1 SHARD_K_RATIO 0.5 FILTER 5 * POLICY BATCHES BATCH_SIZE 5 YIELD_SCORE_AS s FILTER @s>1",
                    "OK",
                ),
                ("FILTER 0", "FILTER: Invalid argument count"),
                ("FILTER 3 * BATCH_SIZE 0", "BATCH_SIZE: Value below minimum"),
                ("FILTER 3 * BATCH_SIZE x", "BATCH_SIZE: Could not convert argument to expected type"),
                ("FILTER 2 * FOO", "Unknown argument `FOO` in FILTER"),
                (
                    "KNN 4 K 1 EF_RUNTIME 5 FILTER 3 * POLICY ADHOC",
                    "'EF_RUNTIME' is irrelevant for the selected policy (Error parsing vector similarity parameters)",
                ),
                (
                    "RANGE 2 RADIUS 1 FILTER 3 * BATCH_SIZE 5",
                    "hybrid query attributes were sent for a non-hybrid query (Error parsing vector similarity parameters)",
                ),
            ],
        );
    }

    #[test]
    fn what_combine_refuses() {
        check(
            "SEARCH q VSIM @v $b",
            &[
                ("COMBINE", "COMBINE: Invalid value for argument"),
                ("COMBINE FOO", "COMBINE: Invalid value for argument"),
                ("COMBINE RRF", "OK"),
                ("COMBINE RRF LIMIT 0 1", "OK"),
                ("COMBINE RRF -2", "Invalid RRF argument count, error: Value is outside acceptable bounds"),
                ("COMBINE LINEAR -2", "Invalid LINEAR argument count, error: Value is outside acceptable bounds"),
                (
                    "COMBINE LINEAR x",
                    "Invalid LINEAR argument count, error: Could not convert argument to expected type",
                ),
                ("COMBINE LINEAR 2 CONSTANT 1", "CONSTANT: Unknown argument"),
                ("COMBINE RRF 2 ALPHA 1", "ALPHA: Unknown argument"),
                ("COMBINE RRF 2 WINDOW -5", "WINDOW: Value below minimum"),
                ("COMBINE RRF 2 WINDOW x", "WINDOW: Could not convert argument to expected type"),
                ("COMBINE RRF 4 WINDOW 1 WINDOW 1", "WINDOW: Argument specified multiple times"),
                ("COMBINE RRF 0 YIELD_SCORE_AS", "Missing argument value for YIELD_SCORE_AS"),
                ("COMBINE RRF 0 YIELD_SCORE_AS a YIELD_SCORE_AS b", "YIELD_SCORE_AS: Unknown argument"),
                ("COMBINE RRF 0 COMBINE RRF 0", "COMBINE: Argument specified multiple times"),
                ("PARAMS 2 b x COMBINE LINEAR 6 ALPHA 1 BETA 2 YIELD_SCORE_AS s", "OK"),
            ],
        );
    }

    #[test]
    fn what_the_tail_refuses() {
        check(
            "SEARCH q VSIM @v $b",
            &[
                ("WITHSCORES", "WITHSCORES: Unknown argument"),
                ("NOSORT", "OK"),
                ("SORTBY 3 @n ASC", "SORTBY: Not enough arguments were provided based on argument count"),
                (
                    "SORTBY 1 price",
                    "Missing prefix: name requires '@' prefix, JSON path require '$' prefix, got: price in SORTBY",
                ),
                (
                    "SORTBY 1 @n SORTBY 1 @n",
                    "Multiple SORTBY steps are not allowed. Sort multiple fields in a single step",
                ),
                ("SORTBY 1 @nope", "Property `nope` not loaded nor in schema"),
                ("SORTBY 1 @p APPLY @n+1 AS p", "OK"),
                ("LOAD", "Bad arguments for LOAD: Expected number of fields or `*`"),
                (
                    "LOAD 1 price",
                    "Missing prefix: name requires '@' prefix, JSON path require '$' prefix, got: price in LOAD",
                ),
                ("LOAD 3 @n AS m", "OK"),
                ("LOAD 2 @n AS", "LOAD path AS name - must be accompanied with NAME"),
                ("LOAD 1 @n FILTER @__score>1", "Property `__score` not loaded nor in pipeline"),
                ("YIELD_SCORE_AS s LOAD 1 @n FILTER @__score>1", "Property `__score` not loaded nor in pipeline"),
                ("LOAD 1 @n APPLY @__score", "Property `__score` not loaded nor in pipeline"),
                ("LOAD 1 @__score APPLY @__score", "OK"),
                ("LOAD 3 @__score AS s APPLY @s", "OK"),
                ("APPLY @__score+1 AS s", "OK"),
                ("COMBINE RRF 0 YIELD_SCORE_AS s APPLY @__score", "Property `__score` not loaded nor in pipeline"),
                ("GROUPBY", "GROUPBY: Failed to parse the argument count"),
                ("GROUPBY 0", "GROUPBY: Invalid argument count"),
                ("GROUPBY 1 title", "Bad arguments for GROUPBY: Unknown property `title`. Did you mean `@title`?"),
                (
                    "GROUPBY 1 @k REDUCE SUM 1 price",
                    "Missing prefix: name requires '@' prefix, JSON path require '$' prefix, got: price in SUM",
                ),
                ("GROUPBY 1 @k REDUCE COUNT 0 AS c SORTBY 2 @c DESC", "OK"),
                ("GROUPBY 1 @k LOAD 1 @n", "LOAD cannot be applied after projectors or reducers"),
                ("APPLY @n AS", "AS needs argument"),
                ("APPLY price", "Unknown symbol 'price'"),
                ("LIMIT 0", "LIMIT: Not enough arguments were provided"),
                ("LIMIT 0 -5", "LIMIT count must be a non-negative integer"),
                ("LIMIT 0 1 LIMIT 0 1", "LIMIT: Argument specified multiple times"),
                ("PARAMS", "PARAMS: Failed to parse the argument count"),
                ("PARAMS 0", "PARAMS: Invalid argument count"),
                ("PARAMS 4 a b", "PARAMS: Not enough arguments were provided based on argument count"),
                ("PARAMS 4 a b a b", "Duplicate parameter `a`"),
                ("WITHCURSOR MAXIDLE 0", "Bad arguments for MAXIDLE: Value is outside acceptable bounds"),
                ("WITHCURSOR COUNT 0", "Bad arguments for COUNT: Value is outside acceptable bounds"),
                ("EXPLAINSCORE WITHCURSOR", "EXPLAINSCORE is not supported with WITHCURSOR"),
                ("FORMAT EXPAND", "FORMAT EXPAND is not supported"),
                ("TIMEOUT x", "TIMEOUT requires a non negative integer"),
            ],
        );
    }
}
