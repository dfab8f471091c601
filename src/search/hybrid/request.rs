//! FT.HYBRID as it is asked: SEARCH, VSIM, and what follows them.

use std::collections::HashMap;

use super::combine::Combine;
use super::error::Error;
use super::tail::{KEY, SCORE, Tail};
use super::vsim::Vsim;
use crate::search::aggregate::expression::{Column, Expression};
use crate::search::aggregate::request::{AggregateRequest, Step};
use crate::search::arguments::Words;
use crate::search::number;
use crate::search::request::{self, Asked};
use crate::search::score::Scorer;

/// What FT.HYBRID is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct HybridRequest {
    /// VSIM.
    pub vsim: Vsim,
    /// COMBINE.
    pub combine: Combine,
    /// NOSORT: rows may come in any order.
    pub unsorted: bool,
    /// There is a LOAD, which says what rows show.
    pub loads: bool,
    /// The scores that rows have as columns, in their order: a name each, none twice.
    pub yields: Vec<Yielded>,
    /// The query of SEARCH, options, and the steps after fusion.
    pub tail: AggregateRequest,
}

/// A score that rows have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yielded {
    /// Its name.
    pub name: Box<[u8]>,
    /// Which it is.
    pub of: Yield,
}

/// The scores that rows can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yield {
    /// What fusion made of both.
    Fused,
    /// That of the text, of documents in its list.
    Text,
    /// That of the vector, of documents in its list.
    Vector,
}

/// SEARCH as it is asked.
#[derive(Default)]
struct Search<'a> {
    query: &'a [u8],
    scorer: Option<Scorer>,
    name: Option<&'a [u8]>,
}

impl HybridRequest {
    /// Reads the words after the name of the index.
    ///
    /// # Errors
    /// Any [`Error`] that needs no index.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a [u8]>, asked: &Asked) -> Result<Self, Error> {
        let mut words = Words::new(words);
        begin(&mut words)?;
        let search = Search::parse(&mut words)?;
        let vsim = Vsim::parse(&mut words)?;
        let mut tail = Tail::parse(&mut words, asked)?;
        tail.options.scorer = search.scorer;
        Ok(Self {
            yields: yields(&tail, &search, &vsim)?,
            vsim,
            combine: tail.combine.unwrap_or_default(),
            unsorted: tail.unsorted,
            loads: tail.loads,
            tail: AggregateRequest {
                query: search.query.into(),
                options: tail.options,
                add_scores: false,
                steps: tail.steps,
                cursor: tail.cursor,
                max_groups: asked.max_groups,
            },
        })
    }
}

impl HybridRequest {
    /// Has the FILTER of the vectors be the first step after fusion instead, if it has no count and is an expression of FT.AGGREGATE: for
    /// one that is none of the query language, which clients know here too. False: it is neither.
    pub fn filter_after(&mut self) -> bool {
        let is_expression = |text: &[u8]| Expression::parse(text, |_| Some(Column(0))).is_ok();
        let movable = self.vsim.bare && self.vsim.filter.as_deref().is_some_and(is_expression);
        if let Some(filter) = self.vsim.filter.take_if(|_| movable) {
            let steps = &mut self.tail.steps;
            // After the key, where that is all that is loaded.
            steps.insert(usize::from(!self.loads), Step::Filter(filter));
        }
        movable
    }
}

/// Reads how many arms there are, which may be left out, and the word SEARCH.
fn begin(words: &mut Words) -> Result<(), Error> {
    if words.accept("SEARCH") {
        return Ok(());
    }
    let count = words.word().map_err(|_| Error::NoSubqueries)?;
    match number::parse_integer(count) {
        Some(2) if words.accept("SEARCH") => Ok(()),
        Some(2) => Err(Error::NoSearch),
        Some(1..) => Err(Error::OnlyTwo),
        _ => Err(Error::Subqueries),
    }
}

impl<'a> Search<'a> {
    /// Reads what follows the word SEARCH, the word VSIM included.
    fn parse(words: &mut Words<'a>) -> Result<Self, Error> {
        let mut search = Self { query: words.word().map_err(|_| Error::NoQuery)?, ..Self::default() };
        loop {
            if words.accept("VSIM") {
                return Ok(search);
            }
            if words.accept("SCORER") {
                let name = words.word().map_err(|_| Error::NoValue("SCORER"))?;
                let scorer = Scorer::named(name).ok_or_else(|| request::Error::Scorer(name.into()))?;
                if search.scorer.replace(scorer).is_some() {
                    return Err(Error::Twice("SCORER"));
                }
            } else if words.accept("YIELD_SCORE_AS") {
                let name = words.word().map_err(|_| Error::NoValue("YIELD_SCORE_AS"))?;
                if search.name.replace(name).is_some() {
                    return Err(Error::Twice("YIELD_SCORE_AS"));
                }
            } else {
                return Err(match words.peek() {
                    None => Error::NoVsim,
                    Some(word) if word.eq_ignore_ascii_case(b"DIALECT") => Error::Dialect,
                    Some(word) => Error::UnknownIn { word: word.into(), clause: "SEARCH" },
                });
            }
        }
    }
}

/// The scores that rows have: the fused one by the name that COMBINE or LOAD gives it, or where there is neither by its own; those of
/// the arms where they have names. None has a name that LOAD gives something
/// else, or that of the key; who loads a score by its name means the score.
fn yields(tail: &Tail, search: &Search, vsim: &Vsim) -> Result<Vec<Yielded>, Error> {
    let own = || (!tail.loads).then(|| SCORE.into());
    let fused = tail.name.clone().or_else(own).into_iter().chain(tail.scores.iter().cloned());
    let text = search.name.map(|name| (name.into(), Yield::Text));
    let vector = vsim.name.clone().map(|name| (name, Yield::Vector));
    let loaded = tail.steps.iter().flat_map(|step| match step {
        Step::Load(fields) => &fields[..],
        _ => &[],
    });
    let taken = loaded.filter(|field| field.source != field.name || *field.name == *KEY);
    let mut known: HashMap<Box<[u8]>, Option<Yield>> = taken.map(|field| (field.name.clone(), None)).collect();
    let mut yields: Vec<Yielded> = Vec::new();
    for (name, of) in fused.map(|name| (name, Yield::Fused)).chain(text).chain(vector) {
        match known.insert(name.clone(), Some(of)) {
            None => yields.push(Yielded { name, of }),
            Some(Some(other)) if other == of => {}
            Some(_) => return Err(Error::SameName(name)),
        }
    }
    Ok(yields)
}
