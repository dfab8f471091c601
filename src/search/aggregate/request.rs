//! FT.AGGREGATE as it is asked: options, then steps, names not yet looked up (specification section 9).
//!
//! Options of the query come before the first step; LIMIT, SORTBY, TIMEOUT, PARAMS, DIALECT, FORMAT and WITHCURSOR may
//! stand anywhere. Between two GROUPBYs there is one place where rows are sorted and cut, where the first LIMIT or SORTBY
//! stands; a later one changes it, as clients know it.

use super::collect::MAX_SORT_FIELDS;
use super::reduce::{Reduce, property, reduce};
use crate::search::arguments::{Problem, Words};
use crate::search::request::options::{QueryOptions, limit, names, query_text};
use crate::search::request::search::{Returned, Sort, sources};
use crate::search::request::{Asked, Cursor, Error, bad};

/// Rows that a SORTBY keeps where neither LIMIT nor MAX says how many.
pub(super) const DEFAULT_SORTED: usize = 10;

/// Most GROUPBYs of a request: each may put what the one before made into an array or a map.
const MAX_GROUP_STEPS: usize = 128;

/// Rows of a cursor's batch where COUNT says nothing.
pub const DEFAULT_BATCH: usize = 1000;

/// What FT.AGGREGATE is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateRequest {
    /// The query.
    pub query: Box<[u8]>,
    /// What it is told beside its text.
    pub options: QueryOptions,
    /// ADDSCORES: rows have their score as `__score`.
    pub add_scores: bool,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// WITHCURSOR.
    pub cursor: Option<CursorRequest>,
    /// Most groups of a GROUPBY.
    pub max_groups: usize,
}

/// What a cursor is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorRequest {
    /// COUNT: rows of a batch, at least 1.
    pub count: usize,
    /// MAXIDLE in milliseconds; `None`: the setting.
    pub max_idle: Option<u64>,
}

/// A step that rows go through.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// LOAD of fields.
    Load(Vec<Returned>),
    /// `LOAD *`.
    LoadAll,
    /// GROUPBY with its REDUCEs.
    Group {
        /// Names of the properties.
        by: Vec<Box<[u8]>>,
        /// What is made of each group.
        reduce: Vec<Reduce>,
    },
    /// SORTBY and LIMIT.
    Arrange(Arrange),
    /// APPLY.
    Apply {
        /// The expression.
        expression: Box<[u8]>,
        /// The name of its value: the word after AS, else the expression.
        name: Box<[u8]>,
    },
    /// FILTER: the expression that rows must satisfy.
    Filter(Box<[u8]>),
}

/// How rows are sorted and cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrange {
    /// The properties. Empty: rows are not sorted.
    pub by: Vec<Sort>,
    /// MAX: how many rows where LIMIT says nothing; 0 is none given.
    pub max: usize,
    /// LIMIT: how many rows to leave out, and how many to keep.
    pub limit: Option<(usize, usize)>,
    sorted: bool,
}

impl Arrange {
    /// Sorts by properties, if there are any, and then cuts.
    pub(in crate::search) fn new(by: Vec<Sort>, limit: (usize, usize)) -> Self {
        let sorted = !by.is_empty();
        Self { by, max: 0, limit: Some(limit), sorted }
    }
}

impl AggregateRequest {
    /// Reads the words after the name of the index.
    ///
    /// # Errors
    /// Any [`Error`] that is of FT.AGGREGATE.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>, asked: &Asked) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Words::new(words));
        let mut request = Self {
            query: query_text(&mut cursor)?,
            options: QueryOptions::default(),
            add_scores: false,
            steps: Vec::new(),
            cursor: None,
            max_groups: asked.max_groups,
        };
        let words = &mut cursor.words;
        while request.options.accept(words)?
            || request.accept_option(words)?
            || request.accept_anywhere(words, asked)?
        {}
        while request.accept_step(&mut cursor.words, asked)? || request.accept_anywhere(&mut cursor.words, asked)? {}
        if !cursor.words.is_empty() {
            return Err(cursor.unknown("<main>"));
        }
        request.options.check(asked)?;
        request.cut(asked.max_rows);
        Ok(request)
    }

    /// Keeps no more than so many rows where LIMIT says nothing.
    fn cut(&mut self, most: usize) {
        if most == usize::MAX {
            return;
        }
        let arrange = self.arrange();
        if arrange.limit.is_none() {
            let asked = if arrange.max > 0 { arrange.max } else { usize::MAX };
            arrange.limit =
                Some((0, if arrange.sorted && arrange.max == 0 { DEFAULT_SORTED } else { asked }.min(most)));
        }
    }

    fn accept_option(&mut self, words: &mut Words) -> Result<bool, Error> {
        for option in ["RETURN", "SUMMARIZE", "HIGHLIGHT"] {
            if words.accept(option) {
                return Err(Error::NotIn { option, command: "FT.AGGREGATE" });
            }
        }
        let found = words.accept("ADDSCORES");
        self.add_scores |= found;
        Ok(found)
    }

    fn accept_anywhere(&mut self, words: &mut Words, asked: &Asked) -> Result<bool, Error> {
        if words.accept("LIMIT") {
            let (offset, count) = limit(words)?;
            if offset > asked.max_results {
                return Err(Error::OffsetMax(asked.max_results));
            }
            if count > asked.max_rows {
                return Err(Error::LimitMax(asked.max_rows));
            }
            self.arrange().limit = Some((offset, count));
        } else if words.accept("SORTBY") {
            let arrange = self.arrange();
            if std::mem::replace(&mut arrange.sorted, true) {
                return Err(Error::SortTwice { aggregate: true });
            }
            arrange.by = sort_fields(words)?;
            if words.accept("MAX") {
                let most = words.count(0).map_err(|_| bad("MAX")(Problem::Type))?;
                // Of MAX and the count of LIMIT, the later one holds; a count of 0, which asks for the total only, stays.
                match &mut arrange.limit {
                    Some((_, count)) if most > 0 && *count > 0 => *count = most,
                    _ => arrange.max = most,
                }
            }
        } else if words.accept("WITHCURSOR") {
            self.cursor = Some(cursor(words, self.cursor)?);
        } else {
            return self.options.accept_anywhere(words);
        }
        Ok(true)
    }

    /// The place where rows are sorted and cut, since the last GROUPBY.
    fn arrange(&mut self) -> &mut Arrange {
        let start = self.steps.iter().rposition(|step| matches!(step, Step::Group { .. })).map_or(0, |at| at + 1);
        let at = match self.steps[start..].iter().position(|step| matches!(step, Step::Arrange(_))) {
            Some(at) => start + at,
            None => {
                self.steps.push(Step::Arrange(Arrange::default()));
                self.steps.len() - 1
            }
        };
        match &mut self.steps[at] {
            Step::Arrange(arrange) => arrange,
            _ => unreachable!("found or pushed above"),
        }
    }

    fn accept_step(&mut self, words: &mut Words, asked: &Asked) -> Result<bool, Error> {
        let step = if words.accept("LOAD") {
            if self.steps.iter().any(|step| matches!(step, Step::Group { .. })) {
                return Err(Error::LateLoad);
            }
            load(words)?
        } else if words.accept("GROUPBY") {
            let groups = self.steps.iter().filter(|step| matches!(step, Step::Group { .. })).count();
            if groups == MAX_GROUP_STEPS {
                return Err(Error::GroupSteps(MAX_GROUP_STEPS));
            }
            group(words, asked)?
        } else if words.accept("APPLY") {
            let expression = words.word().map_err(bad("APPLY/FILTER"))?;
            let renamed = words.accept("AS");
            let name = if renamed { words.word().map_err(|_| Error::ApplyAs)? } else { expression };
            Step::Apply { expression: expression.into(), name: name.into() }
        } else if words.accept("FILTER") {
            Step::Filter(words.word().map_err(bad("APPLY/FILTER"))?.into())
        } else {
            return Ok(false);
        };
        self.steps.push(step);
        Ok(true)
    }
}

fn load(words: &mut Words) -> Result<Step, Error> {
    if words.accept("*") {
        return Ok(Step::LoadAll);
    }
    let count = match words.count(0) {
        Ok(count) => count,
        Err(problem @ Problem::Missing) => return Err(bad("LOAD")(problem)),
        Err(_) => return Err(Error::Load),
    };
    if count > 0 && words.is_empty() {
        return Err(bad("LOAD")(Problem::Missing));
    }
    if count > words.len() {
        return Err(Error::Load);
    }
    let fields = (0..count).filter_map(|_| words.word().ok()).map(property).collect();
    Ok(Step::Load(sources(fields, "LOAD")?))
}

fn group(words: &mut Words, asked: &Asked) -> Result<Step, Error> {
    let mut by = names(words, "GROUPBY")?;
    for name in &mut by {
        *name = name.strip_prefix(b"@").ok_or_else(|| Error::NoAt(name.clone()))?.into();
    }
    let mut reducers = Vec::new();
    while words.accept("REDUCE") {
        reducers.push(reduce(words, asked)?);
    }
    Ok(Step::Group { by, reduce: reducers })
}

/// A count of words, and so many: properties, each with ASC, DESC or nothing.
fn sort_fields(words: &mut Words) -> Result<Vec<Sort>, Error> {
    let mut by: Vec<Sort> = Vec::new();
    for word in words.counted().map_err(bad("SORTBY"))? {
        if let Some(name) = word.strip_prefix(b"@") {
            by.push(Sort { field: name.into(), descending: false });
        } else if word.eq_ignore_ascii_case(b"ASC") || word.eq_ignore_ascii_case(b"DESC") {
            if let Some(last) = by.last_mut() {
                last.descending = word.eq_ignore_ascii_case(b"DESC");
            }
        } else {
            return Err(Error::SortDirection(word.into()));
        }
    }
    if by.len() > MAX_SORT_FIELDS { Err(Error::SortFields) } else { Ok(by) }
}

/// What follows WITHCURSOR.
pub(in crate::search) fn cursor(words: &mut Words, before: Option<CursorRequest>) -> Result<CursorRequest, Error> {
    let mut cursor = before.unwrap_or(CursorRequest { count: DEFAULT_BATCH, max_idle: None });
    let positive = |words: &mut Words, option| {
        let value = words.count(1).map_err(bad(option))?;
        u32::try_from(value).map_err(|_| bad(option)(Problem::Bounds))
    };
    loop {
        if words.accept("COUNT") {
            cursor.count = positive(words, "COUNT")? as usize;
        } else if words.accept("MAXIDLE") {
            cursor.max_idle = Some(positive(words, "MAXIDLE")?.into());
        } else {
            return Ok(cursor);
        }
    }
}
