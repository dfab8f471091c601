//! What follows the two arms: COMBINE, the steps after fusion, and options, in any order.
//!
//! The steps are FT.AGGREGATE's. Rows are sorted and cut where a stretch of steps ends, at the next GROUPBY or at the end of all:
//! so FILTER comes before LIMIT wherever it is written.

use super::combine::{self, Combine};
use super::error::{Error, Fault, bad};
use crate::search::aggregate::collect::MAX_SORT_FIELDS;
use crate::search::aggregate::reduce::{property, reduce};
use crate::search::aggregate::request::{Arrange, CursorRequest, Step, cursor};
use crate::search::arguments::{Problem, Words};
use crate::search::query::Params;
use crate::search::request;
use crate::search::request::options::QueryOptions;
use crate::search::request::search::{Returned, Sort, sources};
use crate::search::request::{Asked, bad as shared};

/// Rows where LIMIT says nothing.
const DEFAULT_LIMIT: usize = 10;

/// Name under which the fused score is known where it has no other.
pub(super) const SCORE: &[u8] = b"__score";
/// Name of the key.
pub(super) const KEY: &[u8] = b"__key";

/// What has been read so far.
#[derive(Default)]
pub(super) struct Tail {
    /// COMBINE.
    pub combine: Option<Combine>,
    /// The name of the fused score, if COMBINE gives it one.
    pub name: Option<Box<[u8]>>,
    /// The steps.
    pub steps: Vec<Step>,
    /// Options.
    pub options: QueryOptions,
    /// WITHCURSOR.
    pub cursor: Option<CursorRequest>,
    /// NOSORT.
    pub unsorted: bool,
    /// There was a LOAD.
    pub loads: bool,
    /// Names under which LOAD asks for the fused score.
    pub scores: Vec<Box<[u8]>>,
    sort: Option<Vec<Sort>>,
    limit: Option<(usize, usize)>,
    sorted: bool,
    grouped: bool,
    has_params: bool,
}

impl Tail {
    /// Reads the words up to the end.
    pub fn parse(words: &mut Words, asked: &Asked) -> Result<Self, Error> {
        let mut tail = Self::default();
        while !words.is_empty() {
            if !tail.accept_option(words)? && !tail.accept_step(words, asked)? {
                return Err(match words.word().unwrap_or_default() {
                    word if word.eq_ignore_ascii_case(b"DIALECT") => Error::Dialect,
                    word => Error::Unknown(word.into()),
                });
            }
        }
        tail.finish()
    }

    fn accept_option(&mut self, words: &mut Words) -> Result<bool, Error> {
        if words.accept("COMBINE") {
            let clause = combine::parse(words)?;
            if self.combine.replace(clause.combine).is_some() {
                return Err(bad("COMBINE", Fault::Again));
            }
            self.name = clause.name;
        } else if words.accept("PARAMS") {
            if std::mem::replace(&mut self.has_params, true) {
                return Err(bad("PARAMS", Fault::Again));
            }
            self.options.params = Some(params(words)?);
        } else if words.accept("FORMAT") {
            let name = words.word().map_err(|_| request::Error::NoValue("FORMAT"))?;
            if !name.eq_ignore_ascii_case(b"STRING") {
                return Err(request::Error::Format(name.into()).into());
            }
        } else if words.accept("TIMEOUT") {
            self.options.timeout = Some(timeout(words)?);
        } else if words.accept("EXPLAINSCORE") {
            self.options.explain_score = true;
        } else if words.accept("WITHCURSOR") {
            self.cursor = Some(cursor(words, self.cursor)?);
        } else if words.accept("NOSORT") {
            self.unsorted = true;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn accept_step(&mut self, words: &mut Words, asked: &Asked) -> Result<bool, Error> {
        let step = if words.accept("LOAD") {
            if self.grouped {
                return Err(request::Error::LateLoad.into());
            }
            self.loads = true;
            self.load(words)?
        } else if words.accept("GROUPBY") {
            let group = group(words, asked)?;
            self.arrange(None);
            self.grouped = true;
            group
        } else if words.accept("APPLY") {
            let expression = words.word().map_err(shared("APPLY/FILTER"))?;
            let renamed = words.accept("AS");
            let name = if renamed { words.word().map_err(|_| request::Error::ApplyAs)? } else { expression };
            Step::Apply { expression: expression.into(), name: name.into() }
        } else if words.accept("FILTER") {
            Step::Filter(words.word().map_err(shared("APPLY/FILTER"))?.into())
        } else if words.accept("SORTBY") {
            if self.sort.replace(sort_fields(words)?).is_some() {
                return Err(request::Error::SortTwice { aggregate: true }.into());
            }
            self.sorted = true;
            return Ok(true);
        } else if words.accept("LIMIT") {
            if self.limit.replace(limit(words, asked)?).is_some() {
                return Err(bad("LIMIT", Fault::Again));
            }
            return Ok(true);
        } else {
            return Ok(false);
        };
        self.steps.push(step);
        Ok(true)
    }

    /// Sorts and cuts the rows of the steps so far; `most` is how many are left where LIMIT says nothing, `None`: all.
    fn arrange(&mut self, most: Option<usize>) {
        let by = self.sort.take().unwrap_or_default();
        let limit = self.limit.take().or_else(|| most.map(|most| (0, most)));
        if !by.is_empty() || limit.is_some() {
            self.steps.push(Step::Arrange(Arrange::new(by, limit.unwrap_or((0, usize::MAX)))));
        }
    }

    fn finish(mut self) -> Result<Self, Error> {
        if self.sorted && self.unsorted {
            return Err(Error::SortAndNot);
        }
        if self.options.explain_score && (self.grouped || self.cursor.is_some()) {
            return Err(Error::Explain(if self.grouped { "GROUPBY" } else { "WITHCURSOR" }));
        }
        // What a cursor leaves out, nobody reads.
        let most = if self.cursor.is_some() { None } else { Some(DEFAULT_LIMIT) };
        self.arrange(most);
        self.options.count = Some(true);
        if !self.loads {
            let key = Returned { source: KEY.into(), name: KEY.into() };
            self.steps.insert(0, Step::Load(vec![key]));
        }
        Ok(self)
    }

    /// What LOAD loads of documents; the fused score is none of it.
    fn load(&mut self, words: &mut Words) -> Result<Step, Error> {
        if words.accept("*") {
            return Ok(Step::LoadAll);
        }
        let count = words.count(0).map_err(|_| Error::Load)?;
        if count > words.len() {
            return Err(Error::LoadWords);
        }
        let given: Vec<&[u8]> = (0..count).filter_map(|_| words.word().ok()).collect();
        let mut names = Words::new(given.iter().copied());
        while let Ok(name) = names.word() {
            prefixed(name, "LOAD")?;
            if names.accept("AS") {
                _ = names.word();
            }
        }
        let mut fields = sources(given.into_iter().map(property).collect(), "LOAD")?;
        let scores = fields.extract_if(.., |field| *field.source == *SCORE);
        self.scores.extend(scores.map(|field| field.name));
        Ok(Step::Load(fields))
    }
}

/// A name that begins as names do.
fn prefixed(word: &[u8], clause: &'static str) -> Result<(), request::Error> {
    if word.starts_with(b"@") || word.starts_with(b"$") {
        Ok(())
    } else {
        Err(request::Error::NoPrefix { name: word.into(), clause })
    }
}

/// A count of at least 1 and so many words.
fn counted<'a>(words: &mut Words<'a>, name: &'static str) -> Result<Vec<&'a [u8]>, Error> {
    let count = words.integer(i64::MIN).map_err(|_| bad(name, Fault::CountType))?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(bad(name, Fault::Count))?;
    if count > words.len() {
        return Err(bad(name, Fault::Counted));
    }
    Ok((0..count).filter_map(|_| words.word().ok()).collect())
}

fn params(words: &mut Words) -> Result<Params, Error> {
    let given = counted(words, "PARAMS")?;
    Params::of(&given).map_err(|error| match error {
        crate::search::query::Error::DuplicateParameter(name) => request::Error::ParamsDuplicate(name).into(),
        _ => request::Error::ParamsPairs.into(),
    })
}

fn timeout(words: &mut Words) -> Result<u64, request::Error> {
    let milliseconds = words.integer(0).map_err(|problem| match problem {
        Problem::Missing => request::Error::NoValue("TIMEOUT"),
        _ => request::Error::Timeout,
    })?;
    Ok(milliseconds.unsigned_abs())
}

fn group(words: &mut Words, asked: &Asked) -> Result<Step, Error> {
    let by = counted(words, "GROUPBY")?.into_iter();
    let by = by.map(|name| name.strip_prefix(b"@").ok_or_else(|| request::Error::NoAt(name.into())));
    let by = by.map(|name| name.map(Box::from)).collect::<Result<_, _>>()?;
    let mut reducers = Vec::new();
    while words.accept("REDUCE") {
        check_reducer(words.clone())?;
        reducers.push(reduce(words, asked)?);
    }
    Ok(Step::Group { by, reduce: reducers })
}

/// Reducers of one property: here it must have its mark.
const OF_PROPERTY: [&str; 11] = [
    "COUNT_DISTINCT",
    "COUNT_DISTINCTISH",
    "SUM",
    "MIN",
    "MAX",
    "AVG",
    "STDDEV",
    "QUANTILE",
    "TOLIST",
    "FIRST_VALUE",
    "RANDOM_SAMPLE",
];

fn check_reducer(mut words: Words) -> Result<(), request::Error> {
    let Some(name) = OF_PROPERTY.into_iter().find(|name| words.accept(name)) else { return Ok(()) };
    match words.counted() {
        Ok(arguments) => arguments.first().map_or(Ok(()), |word| prefixed(word, name)),
        Err(_) => Ok(()),
    }
}

/// A count of words, and so many: properties, each with ASC, DESC or nothing.
fn sort_fields(words: &mut Words) -> Result<Vec<Sort>, Error> {
    let mut by: Vec<Sort> = Vec::new();
    for word in counted(words, "SORTBY")? {
        let descending = word.eq_ignore_ascii_case(b"DESC");
        match by.last_mut() {
            Some(last) if descending || word.eq_ignore_ascii_case(b"ASC") => last.descending = descending,
            _ => {
                prefixed(word, "SORTBY")?;
                by.push(Sort { field: property(word).into(), descending: false });
            }
        }
    }
    if by.len() > MAX_SORT_FIELDS { Err(request::Error::SortFields.into()) } else { Ok(by) }
}

fn limit(words: &mut Words, asked: &Asked) -> Result<(usize, usize), Error> {
    if words.len() < 2 {
        return Err(bad("LIMIT", Fault::Few));
    }
    let offset = words.count(0).map_err(|_| Error::Offset)?;
    let count = words.count(0).map_err(|_| Error::Limit)?;
    if count == 0 && offset > 0 {
        return Err(Error::LimitOffset);
    }
    if count > asked.max_results {
        return Err(request::Error::LimitMax(asked.max_results).into());
    }
    if offset > asked.max_results {
        return Err(request::Error::OffsetMax(asked.max_results).into());
    }
    Ok((offset, count))
}
