//! Texts about how FT.SEARCH and FT.AGGREGATE are asked.

use super::Error;
use super::search::{bad_arguments, quoting};
use crate::search::aggregate::{pipeline, plan};
use crate::search::request::Error as Fact;

impl From<Fact> for Error {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::NoQuery => Self::fixed("No query string provided"),
            Fact::Argument { option, problem } => bad_arguments(option, problem),
            Fact::Unknown { word, position, of } => {
                quoting("Unknown argument `", &word, &format!("` at position {position} for {of}"))
            }
            Fact::NoValue("TIMEOUT") => Self::fixed("Need argument for TIMEOUT"),
            Fact::NoValue(option) => Self::composed(format!("Need an argument for {option}")),
            Fact::Timeout => Self::fixed("TIMEOUT requires a non negative integer"),
            Fact::Dialect => Self::fixed("DIALECT requires a non negative integer >=1 and <= 4"),
            Fact::TanhFactor => Self::fixed("BM25STD_TANH_FACTOR must be between 1 and 10000"),
            Fact::TanhScorer => Self::fixed("BM25STD_TANH_FACTOR is of the scorer BM25STD.TANH only"),
            Fact::Scorer(name) => quoting("No such scorer ", &name, ""),
            Fact::Language => Self::fixed("No such language"),
            Fact::ParamsPairs => Self::fixed("Parameters must be specified in PARAM VALUE pairs"),
            Fact::ParamsDuplicate(name) => quoting("Duplicate parameter `", &name, "`"),
            Fact::ParamsTwice => Self::fixed("Multiple PARAMS are not allowed. Parameters can be defined only once"),
            Fact::ExplainScore => Self::fixed("EXPLAINSCORE must be accompanied with WITHSCORES"),
            Fact::Exclusive(option) => {
                Self::composed(format!("option `{option}` is mutually exclusive with simple (i.e. search) options"))
            }
            Fact::NotIn { option, command } => Self::composed(format!("{option} is not supported on {command}")),
            Fact::Presentation(option) => Self::composed(format!("Bad arguments for {option}")),
            Fact::NoNameAfterAs(option) => {
                Self::composed(format!("{option} path AS name - must be accompanied with NAME"))
            }
            // Which rows come out, and how.
            Fact::Format(name) => quoting("FORMAT ", &name, " is not supported"),
            Fact::ExpandProtocol => Self::fixed("EXPAND format is only supported with RESP3"),
            Fact::ExpandSource => Self::fixed("EXPAND format is only supported with JSON"),
            Fact::ExpandDialect => Self::fixed("EXPAND format requires dialect 3 or greater"),
            Fact::LimitArguments => Self::fixed("LIMIT requires two arguments"),
            Fact::LimitNumbers => Self::fixed("LIMIT needs two numeric arguments"),
            Fact::OffsetMax(most) => Self::composed(format!("OFFSET exceeds maximum of {most}")),
            Fact::LimitMax(most) => Self::composed(format!("LIMIT exceeds maximum of {most}")),
            Fact::SortArguments => Self::fixed("Bad SORTBY arguments"),
            Fact::SortTwice { aggregate: false } => Self::fixed("Multiple SORTBY steps are not allowed"),
            Fact::SortTwice { aggregate: true } => {
                Self::fixed("Multiple SORTBY steps are not allowed. Sort multiple fields in a single step")
            }
            Fact::SortDirection(word) => quoting("MISSING ASC or DESC after sort field (", &word, ")"),
            Fact::SortFields => Self::fixed("Cannot sort by more than 8 fields"),
            Fact::FilterArguments => Self::fixed("FILTER requires 3 arguments"),
            Fact::LowerBound(word) => quoting("Bad lower range: ", &word, ""),
            Fact::UpperBound(word) => quoting("Bad upper range: ", &word, ""),
            Fact::GeoArguments => Self::fixed("GEOFILTER requires 5 arguments"),
            Fact::GeoUnit(word) => quoting("Unknown distance unit ", &word, ""),
            Fact::GeoRadius => Self::fixed("Invalid GeoFilter radius"),
            Fact::GeoPlace => Self::fixed("Invalid GeoFilter lat/lon"),
            Fact::Load => Self::fixed("Bad arguments for LOAD: SUCCESS"),
            Fact::LateLoad => Self::fixed("LOAD cannot be applied after projectors or reducers"),
            Fact::ApplyAs => Self::fixed("AS needs argument"),
            Fact::NoAt(name) => {
                let text = [b"Unknown property `", &name[..], b"`. Did you mean `@", &name[..], b"`?"].concat();
                quoting("Bad arguments for GROUPBY: ", &text, "")
            }
            Fact::NoReducer => Self::fixed("Bad arguments for REDUCE: SUCCESS"),
            Fact::Reducer(name) => quoting("No such reducer: ", &name, ""),
            Fact::ReducerArguments(name) => Self::composed(format!("Missing arguments for {name}")),
            Fact::CountArguments => Self::fixed("Count accepts 0 values only"),
            Fact::Percentage => Self::fixed("Percentage must be between 0.0 and 1.0"),
            Fact::Resolution => Self::fixed("Invalid resolution"),
            Fact::SampleSize => Self::fixed("Sample size too large"),
            Fact::CollectFields(most) => Self::composed(format!("FIELDS count must be in [1, {most}]")),
            Fact::CollectSort(most) => Self::composed(format!("SORTBY exceeds maximum of {most} fields")),
            Fact::CollectLimit { what, most } => Self::composed(format!("LIMIT {what} exceeds maximum of {most}")),
            Fact::NoPrefix { name, clause } => quoting(
                "Missing prefix: name requires '@' prefix, JSON path require '$' prefix, got: ",
                &name,
                &format!(" in {clause}"),
            ),
            Fact::GroupSteps(most) => Self::composed(format!("More than {most} GROUPBY steps are not supported")),
        }
    }
}

impl From<pipeline::Error> for Error {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Expression(error) => error.into(),
            pipeline::Error::Groups(most) => {
                Self::composed(format!("The query has more groups than MAX_AGGREGATE_GROUPS allows, which is {most}"))
            }
        }
    }
}

impl From<plan::Error> for Error {
    fn from(error: plan::Error) -> Self {
        match error {
            plan::Error::Expression(error) => error.into(),
            plan::Error::GroupProperty(name) => quoting("No such property `", &name, "`"),
            plan::Error::ReduceProperty(name) => quoting("Property `", &name, "` not present in document or pipeline"),
            plan::Error::SortProperty(name) => quoting("Property `", &name, "` not loaded nor in schema"),
            plan::Error::Duplicate(name) => quoting("Property `", &name, "` specified more than once"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::aggregate::plan::Plan;
    use crate::search::aggregate::request::AggregateRequest;
    use crate::search::request::Asked;
    use crate::search::request::search::SearchRequest;
    use crate::search::schema::{Schema, create};

    fn schema() -> Schema {
        let words = "SCHEMA t TEXT SORTABLE n NUMERIC SORTABLE tag TAG m NUMERIC";
        create(b"i", words.split(' ').map(str::as_bytes)).unwrap()
    }

    fn text(error: Option<Error>) -> String {
        error.map_or("OK".into(), |error| String::from_utf8_lossy(error.text()).into_owned())
    }

    fn words(line: &str) -> impl Iterator<Item = &[u8]> {
        line.split(' ').map(str::as_bytes)
    }

    #[test]
    fn what_search_refuses() {
        for (line, expected) in [
            ("q NOCONTENT FOO", "Unknown argument `FOO` at position 2 for <main>"),
            ("q LIMIT 0", "LIMIT requires two arguments"),
            ("q LIMIT 0 -1", "LIMIT needs two numeric arguments"),
            ("q LIMIT 0 1000001", "LIMIT exceeds maximum of 1000000"),
            ("q LIMIT 1000001 1", "OFFSET exceeds maximum of 1000000"),
            ("q LIMIT 1e0 2e0", "OK"),
            ("q RETURN", "Bad arguments for RETURN: Expected an argument, but none provided"),
            ("q RETURN x", "Bad arguments for RETURN: Could not convert argument to expected type"),
            ("q RETURN -1", "Bad arguments for RETURN: Value is outside acceptable bounds"),
            ("q RETURN 2 n AS", "RETURN path AS name - must be accompanied with NAME"),
            ("q RETURN 2 AS x", "OK"),
            ("q SORTBY", "Bad SORTBY arguments"),
            ("q SORTBY n FOO", "Unknown argument `FOO` at position 3 for <main>"),
            ("q SORTBY n SORTBY t", "Multiple SORTBY steps are not allowed"),
            ("q INKEYS 3 a", "Bad arguments for INKEYS: Expected an argument, but none provided"),
            ("q SLOP x", "Bad arguments for SLOP: Could not convert argument to expected type"),
            ("q SLOP -2", "OK"),
            ("q LANGUAGE klingon", "No such language"),
            ("q SCORER FOO", "No such scorer FOO"),
            ("q SCORER bm25std", "No such scorer bm25std"),
            ("q SCORER", "Bad arguments for SCORER: Expected an argument, but none provided"),
            ("q BM25STD_TANH_FACTOR 0", "BM25STD_TANH_FACTOR must be between 1 and 10000"),
            ("q BM25STD_TANH_FACTOR 10001", "BM25STD_TANH_FACTOR must be between 1 and 10000"),
            (
                "q BM25STD_TANH_FACTOR x",
                "Bad arguments for BM25STD_TANH_FACTOR: Could not convert argument to expected type",
            ),
            ("q BM25STD_TANH_FACTOR 4 SCORER BM25STD", "BM25STD_TANH_FACTOR is of the scorer BM25STD.TANH only"),
            ("q BM25STD_TANH_FACTOR 4 SCORER BM25STD.TANH", "OK"),
            ("q SCORER BM25STD.NORM", "OK"),
            ("q EXPLAINSCORE", "EXPLAINSCORE must be accompanied with WITHSCORES"),
            ("q TIMEOUT", "Need argument for TIMEOUT"),
            ("q TIMEOUT -1", "TIMEOUT requires a non negative integer"),
            ("q PARAMS 1 a", "Parameters must be specified in PARAM VALUE pairs"),
            ("q PARAMS 0", "Parameters must be specified in PARAM VALUE pairs"),
            ("q PARAMS 2 a", "Bad arguments for PARAMS: Expected an argument, but none provided"),
            ("q PARAMS 4 a b a c", "Duplicate parameter `a`"),
            ("q PARAMS 2 a b PARAMS 2 c d", "Multiple PARAMS are not allowed. Parameters can be defined only once"),
            ("q DIALECT", "Need an argument for DIALECT"),
            ("q DIALECT 5", "DIALECT requires a non negative integer >=1 and <= 4"),
            ("q FORMAT", "Need an argument for FORMAT"),
            ("q FORMAT FOO", "FORMAT FOO is not supported"),
            ("q FORMAT EXPAND", "EXPAND format is only supported with RESP3"),
            ("q FILTER n 1", "FILTER requires 3 arguments"),
            ("q FILTER n (x 1", "Bad lower range: x"),
            ("q FILTER n 1 x", "Bad upper range: x"),
            ("q FILTER n -inf +inf", "OK"),
            ("q GEOFILTER g 1 2 3", "GEOFILTER requires 5 arguments"),
            ("q GEOFILTER g 1 2 x km", "Bad arguments for <radius>: Could not convert argument to expected type"),
            ("q GEOFILTER g 1 2 0 km", "Invalid GeoFilter radius"),
            ("q GEOFILTER g 1 2 3 foo", "Unknown distance unit foo"),
            ("q GEOFILTER g 200 2 3 km", "Invalid GeoFilter lat/lon"),
            ("q ADDSCORES", "ADDSCORES is not supported on FT.SEARCH"),
            ("q GROUPBY 1 @n", "option `GROUPBY` is mutually exclusive with simple (i.e. search) options"),
            ("q HIGHLIGHT", "OK"),
            ("q HIGHLIGHT TAGS a", "Bad arguments for HIGHLIGHT"),
            ("q SUMMARIZE LEN x", "Bad arguments for SUMMARIZE"),
            ("q SUMMARIZE FOO", "Unknown argument `FOO` at position 2 for <main>"),
        ] {
            let refused = SearchRequest::parse(words(line), &Asked::PLAIN).err().map(Error::from);
            assert_eq!(text(refused), expected, "{line}");
        }
        assert_eq!(text(SearchRequest::parse([], &Asked::PLAIN).err().map(Error::from)), "No query string provided");
    }

    fn refused(line: &str) -> Option<Error> {
        match AggregateRequest::parse(words(line), &Asked::PLAIN) {
            Ok(request) => Plan::new(&request, &schema(), &[]).err().map(Error::from),
            Err(error) => Some(error.into()),
        }
    }

    #[test]
    fn what_aggregate_refuses() {
        for (line, expected) in [
            ("* FOO", "Unknown argument `FOO` at position 1 for <main>"),
            ("* GROUPBY 0 FOO", "Unknown argument `FOO` at position 3 for <main>"),
            ("* APPLY 1 AS x VERBATIM", "Unknown argument `VERBATIM` at position 5 for <main>"),
            ("* LIMIT 0 1 VERBATIM", "OK"),
            ("* RETURN 1 n", "RETURN is not supported on FT.AGGREGATE"),
            ("* LOAD", "Bad arguments for LOAD: Expected an argument, but none provided"),
            ("* LOAD x", "Bad arguments for LOAD: SUCCESS"),
            ("* LOAD 2 @n", "Bad arguments for LOAD: SUCCESS"),
            ("* LOAD 2 @n AS", "LOAD path AS name - must be accompanied with NAME"),
            ("* GROUPBY 1 @t LOAD 1 @t", "LOAD cannot be applied after projectors or reducers"),
            ("* APPLY", "Bad arguments for APPLY/FILTER: Expected an argument, but none provided"),
            ("* APPLY @n AS", "AS needs argument"),
            ("* APPLY @z", "Property `z` not loaded nor in pipeline"),
            ("* FILTER @n>", "Syntax error at offset 2 near 'n'"),
            ("* LIMIT 0", "LIMIT requires two arguments"),
            ("* LIMIT x 1", "LIMIT needs two numeric arguments"),
            ("* LIMIT 1000001 1", "OFFSET exceeds maximum of 1000000"),
            ("* LIMIT 0 99999999999", "OK"),
            ("* SORTBY 1 n", "MISSING ASC or DESC after sort field (n)"),
            ("* SORTBY x", "Bad arguments for SORTBY: Could not convert argument to expected type"),
            ("* SORTBY 1 @nope", "Property `nope` not loaded nor in schema"),
            ("* SORTBY 1 @n MAX x", "Bad arguments for MAX: Could not convert argument to expected type"),
            (
                "* SORTBY 1 @n SORTBY 1 @t",
                "Multiple SORTBY steps are not allowed. Sort multiple fields in a single step",
            ),
            ("* SORTBY 1 @n GROUPBY 1 @t SORTBY 1 @t", "OK"),
            ("* LIMIT 0 3 APPLY 1 AS x SORTBY 1 @x", "Property `x` not loaded nor in schema"),
            ("* SORTBY 9 @a @b @c @d @e @f @g @h @i", "Cannot sort by more than 8 fields"),
            ("* GROUPBY 1 t", "Bad arguments for GROUPBY: Unknown property `t`. Did you mean `@t`?"),
            ("* GROUPBY 1 @nope", "No such property `nope`"),
            ("* GROUPBY 2 @t @t", "Property `t` specified more than once"),
            ("* GROUPBY 0 REDUCE", "Bad arguments for REDUCE: SUCCESS"),
            ("* GROUPBY 0 REDUCE FOO 0", "No such reducer: FOO"),
            ("* GROUPBY 0 REDUCE SUM 0", "Missing arguments for SUM"),
            ("* GROUPBY 0 REDUCE SUM 1", "Bad arguments for SUM: Expected an argument, but none provided"),
            ("* GROUPBY 0 REDUCE SUM 1 @z", "Property `z` not present in document or pipeline"),
            ("* GROUPBY 0 REDUCE SUM 1 @n AS", "Bad arguments for AS: Expected an argument, but none provided"),
            (
                "* GROUPBY 0 REDUCE SUM 1 @n REDUCE SUM 1 @n",
                "Property `__generated_aliassumn` specified more than once",
            ),
            ("* GROUPBY 0 REDUCE COUNT 1 @n", "Count accepts 0 values only"),
            (
                "* GROUPBY 0 REDUCE QUANTILE 2 @n x",
                "Bad arguments for QUANTILE: Could not convert argument to expected type",
            ),
            ("* GROUPBY 0 REDUCE QUANTILE 2 @n 1.5", "Percentage must be between 0.0 and 1.0"),
            ("* GROUPBY 0 REDUCE QUANTILE 3 @n 0.5 0", "Invalid resolution"),
            ("* GROUPBY 0 REDUCE QUANTILE 4 @n 0.5 100 1", "Unknown argument `1` at position 3 for QUANTILE"),
            ("* GROUPBY 0 REDUCE FIRST_VALUE 3 @t FOO @n", "Unknown argument `FOO` at position 1 for FIRST_VALUE"),
            ("* GROUPBY 0 REDUCE FIRST_VALUE 2 @t BY", "Missing arguments for FIRST_VALUE"),
            ("* GROUPBY 0 REDUCE RANDOM_SAMPLE 2 @t 1001", "Sample size too large"),
            (
                "* GROUPBY 0 REDUCE RANDOM_SAMPLE 2 @t -1",
                "Bad arguments for <sample size>: Value is outside acceptable bounds",
            ),
            ("* GROUPBY 0 REDUCE COLLECT 0", "Missing arguments for COLLECT"),
            ("* GROUPBY 0 REDUCE COLLECT 2 FIELDS *", "OK"),
            ("* GROUPBY 0 REDUCE COLLECT 3 FIELDS 1 @n", "OK"),
            ("* GROUPBY 0 REDUCE COLLECT 4 DISTINCT FIELDS 1 @n", "OK"),
            ("* GROUPBY 0 REDUCE COLLECT 3 FIELDS 1 $.n", "Property `$.n` not present in document or pipeline"),
            ("* GROUPBY 0 REDUCE COLLECT 3 FIELDS 1 @__key", "Property `__key` not present in document or pipeline"),
            ("* LOAD 1 @__key GROUPBY 0 REDUCE COLLECT 3 FIELDS 1 @__key", "OK"),
            (
                "* GROUPBY 0 REDUCE COLLECT 3 FIELDS 1 n",
                "Missing prefix: name requires '@' prefix, JSON path require '$' prefix, got: n in FIELDS",
            ),
            ("* GROUPBY 0 REDUCE COLLECT 2 FIELDS 0", "FIELDS count must be in [1, 1025]"),
            ("* GROUPBY 0 REDUCE COLLECT 2 FIELDS x", "FIELDS count must be in [1, 1025]"),
            ("* GROUPBY 0 REDUCE COLLECT 3 FIELDS 2 @n", "FIELDS count must be in [1, 1025]"),
            ("* GROUPBY 0 REDUCE COLLECT 4 FIELDS 1 @n FOO", "Unknown argument `FOO` at position 3 for COLLECT"),
            (
                "* GROUPBY 0 REDUCE COLLECT 13 FIELDS * SORTBY 9 @a @b @c @d @e @f @g @h @i",
                "SORTBY exceeds maximum of 8 fields",
            ),
            ("* GROUPBY 0 REDUCE COLLECT 5 FIELDS * LIMIT 0 1000001", "LIMIT count exceeds maximum of 1000000"),
            ("* GROUPBY 0 REDUCE COLLECT 5 FIELDS * LIMIT 1000001 1", "LIMIT offset exceeds maximum of 1000000"),
            ("* GROUPBY 0 REDUCE COLLECT 4 FIELDS * LIMIT 0", "LIMIT requires two arguments"),
            ("* WITHCURSOR COUNT 0", "Bad arguments for COUNT: Value is outside acceptable bounds"),
            ("* WITHCURSOR MAXIDLE", "Bad arguments for MAXIDLE: Expected an argument, but none provided"),
            ("* WITHCURSOR MAXIDLE 9999999999", "Bad arguments for MAXIDLE: Value is outside acceptable bounds"),
            ("* SORTBY 1 @__score", "Property `__score` not loaded nor in schema"),
            ("* ADDSCORES SORTBY 1 @__score", "OK"),
        ] {
            assert_eq!(text(refused(line)), expected, "{line}");
        }
    }
}
