//! FT.SEARCH as it is asked.

use super::options::{GeoFilter, NumberFilter, QueryOptions, geo_filter, limit, number_filter, query_text};
use super::presentation::Presentation;
use super::{Asked, Cursor, Error, bad};
use crate::search::arguments::Words;
use std::collections::HashSet;

/// How many rows are returned where LIMIT says nothing.
pub const DEFAULT_LIMIT: usize = 10;

/// What FT.SEARCH is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// The query.
    pub query: Box<[u8]>,
    /// What it is told beside its text.
    pub options: QueryOptions,
    /// FILTER, all of them.
    pub ranges: Vec<NumberFilter>,
    /// GEOFILTER, all of them.
    pub circles: Vec<GeoFilter>,
    /// What rows have.
    pub content: Content,
    /// How texts are shown.
    pub presentation: Presentation,
    /// SORTBY.
    pub sort: Option<Sort>,
    /// How many rows to leave out.
    pub offset: usize,
    /// How many rows to return.
    pub limit: usize,
}

/// What rows have beside their key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The whole document.
    Everything,
    /// NOCONTENT, or RETURN 0.
    Nothing,
    /// RETURN: these.
    Fields(Vec<Returned>),
}

/// A field to return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// An alias, a field of the hash, a JSONPath, `__key`, or the name of a distance.
    pub source: Box<[u8]>,
    /// The name in the reply: the word after AS, else the source.
    pub name: Box<[u8]>,
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// An alias or the name of a distance.
    pub field: Box<[u8]>,
    /// The largest first.
    pub descending: bool,
}

/// Words that begin a step of FT.AGGREGATE.
const STEPS: [&str; 2] = ["GROUPBY", "APPLY"];

impl SearchRequest {
    /// Reads the words after the name of the index.
    ///
    /// # Errors
    /// Any [`Error`] but those of FT.AGGREGATE's steps.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>, asked: &Asked) -> Result<Self, Error> {
        let mut cursor = Cursor::new(Words::new(words));
        let mut request = Self {
            query: query_text(&mut cursor)?,
            options: QueryOptions::default(),
            ranges: Vec::new(),
            circles: Vec::new(),
            content: Content::Everything,
            presentation: Presentation::default(),
            sort: None,
            offset: 0,
            limit: DEFAULT_LIMIT.min(asked.max_results),
        };
        while !cursor.words.is_empty() {
            let known = request.options.accept(&mut cursor.words)?
                || request.options.accept_anywhere(&mut cursor.words)?
                || request.presentation.accept(&mut cursor.words)?
                || request.accept(&mut cursor.words, asked)?;
            if !known {
                return Err(cursor.unknown("<main>"));
            }
        }
        request.options.check(asked)?;
        if request.options.no_content {
            request.content = Content::Nothing;
        }
        Ok(request)
    }

    fn accept(&mut self, words: &mut Words, asked: &Asked) -> Result<bool, Error> {
        if words.accept("LIMIT") {
            (self.offset, self.limit) = limit(words)?;
            if self.limit > asked.max_results {
                return Err(Error::LimitMax(asked.max_results));
            }
            if self.offset > asked.max_results {
                return Err(Error::OffsetMax(asked.max_results));
            }
        } else if words.accept("SORTBY") {
            if self.sort.is_some() {
                return Err(Error::SortTwice { aggregate: false });
            }
            let field = words.word().map_err(|_| Error::SortArguments)?.into();
            let descending = !words.accept("ASC") && words.accept("DESC");
            self.sort = Some(Sort { field, descending });
        } else if words.accept("RETURN") {
            self.content = returned(words)?;
        } else if words.accept("FILTER") {
            self.ranges.push(number_filter(words)?);
        } else if words.accept("GEOFILTER") {
            self.circles.push(geo_filter(words)?);
        } else {
            return refuse(words);
        }
        Ok(true)
    }
}

/// Words that are options, but not here.
fn refuse(words: &mut Words) -> Result<bool, Error> {
    for option in STEPS {
        if words.accept(option) {
            return Err(Error::Exclusive(option));
        }
    }
    if words.accept("ADDSCORES") {
        return Err(Error::NotIn { option: "ADDSCORES", command: "FT.SEARCH" });
    }
    Ok(false)
}

/// A count of words, and so many: sources, each with AS and a name or without.
fn returned(words: &mut Words) -> Result<Content, Error> {
    let fields = sources(words.counted().map_err(bad("RETURN"))?, "RETURN")?;
    Ok(if fields.is_empty() { Content::Nothing } else { Content::Fields(fields) })
}

/// Sources with the names that they are given; a repeated name is left out.
pub(in super::super) fn sources(words: Vec<&[u8]>, option: &'static str) -> Result<Vec<Returned>, Error> {
    let mut found: Vec<Returned> = Vec::new();
    let mut names = HashSet::new();
    let mut words = Words::new(words);
    while let Ok(source) = words.word() {
        let renamed = words.accept("AS");
        let name = if renamed { words.word().map_err(|_| Error::NoNameAfterAs(option))? } else { source };
        if names.insert(name) {
            found.push(Returned { source: source.into(), name: name.into() });
        }
    }
    Ok(found)
}
