//! From the steps that were asked for to the steps that are done: names become columns.
//!
//! Between two GROUPBYs there is one set of columns, which only grows; a GROUPBY begins a new one. A property is looked up
//! among the columns, then (before the first GROUPBY) among the fields of the schema: such a field is loaded by the step
//! that mentions it, and after `LOAD *` so is anything else. A field that is SORTABLE then has the value kept for sorting,
//! which is folded unless the field is UNF; LOAD gives the value of the document. Where that is the same, it comes from the
//! index all the same, which is there while documents are a walk through the server away.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::expression::{Column, Expression, ParseError};
use super::reduce::{Reduce, Reducer};
use super::request::{AggregateRequest, Arrange, DEFAULT_SORTED, Step};
use super::row::{Load, Wanted};
use crate::search::request::search::Returned;
use crate::search::schema::{FieldId, Kind, Schema, Source};

/// Name of the column that ADDSCORES adds.
const SCORE: &[u8] = b"__score";
/// Name under which LOAD knows the key.
const KEY: &[u8] = b"__key";

/// Why steps cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// An expression is refused.
    Expression(ParseError),
    /// GROUPBY of a property that there is not.
    GroupProperty(Box<[u8]>),
    /// REDUCE of a property that there is not.
    ReduceProperty(Box<[u8]>),
    /// SORTBY of a property that there is not.
    SortProperty(Box<[u8]>),
    /// Two properties of this name in one GROUPBY.
    Duplicate(Box<[u8]>),
}

/// A step on single rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stream {
    Load(Load),
    Apply(Expression, Column),
    Filter(Expression),
    Limit { offset: usize, count: usize },
}

/// What ends a stretch of steps on single rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sink {
    /// All rows are wanted before the first goes on.
    Sort {
        by: Vec<(Column, bool)>,
        offset: usize,
        count: usize,
    },
    Group {
        by: Vec<Column>,
        reducers: Vec<Reducer<Column>>,
    },
    /// Rows go out.
    Output,
}

/// A stretch of steps on single rows, and what ends it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    pub steps: Vec<Stream>,
    pub sink: Sink,
    /// How many columns its rows have.
    pub width: usize,
}

/// Steps that can be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub(super) stages: Vec<Stage>,
    /// Where scores go.
    pub(super) score: Option<Column>,
    /// Most groups of a GROUPBY.
    pub(super) max_groups: usize,
    /// The total must be exact: WITHCOUNT.
    pub(super) exact: bool,
    names: Vec<Arc<[u8]>>,
    needs_scores: bool,
}

impl Plan {
    /// Plans a request. `distances` are the names under which the query yields distances, in its order.
    ///
    /// # Errors
    /// Any [`Error`], of the first step that has one.
    pub fn new(request: &AggregateRequest, schema: &Schema, distances: &[&[u8]]) -> Result<Self, Error> {
        let mut columns = Columns {
            schema,
            names: Vec::new(),
            places: HashMap::new(),
            kept: BTreeSet::new(),
            plain: BTreeSet::new(),
            grouped: false,
            all: false,
        };
        for name in distances {
            columns.add(name);
        }
        let score = request.add_scores.then(|| columns.add(SCORE));
        let mut builder = Builder { columns, stages: Vec::new(), steps: Vec::new() };
        for step in &request.steps {
            builder.step(step)?;
        }
        builder.finish(Sink::Output);
        Ok(Self {
            stages: builder.stages,
            score,
            max_groups: request.max_groups,
            exact: request.options.count == Some(true),
            names: builder.columns.names,
            needs_scores: request.add_scores || request.options.with_scores,
        })
    }

    /// Names of the columns of the rows that come out, in the order of the reply. A row has no value in some of them.
    pub fn names(&self) -> &[Arc<[u8]>] {
        &self.names
    }

    /// How many rows a page that can be the last has less than: what is asked for, or what the LIMIT of rows that are not sorted
    /// lets through, if that is fewer. A cursor ends as clients know it: an empty page follows one that is full.
    pub fn full_page(&self, asked: usize) -> usize {
        let steps = self.stages.last().map_or(&[][..], |stage| &stage.steps);
        let limits = steps.iter().filter_map(|step| match step {
            Stream::Limit { count: count @ 1.., .. } => Some(*count),
            _ => None,
        });
        limits.fold(asked, usize::min)
    }

    /// Whether documents must be scored.
    pub fn needs_scores(&self) -> bool {
        self.needs_scores
    }

    /// Whether some step asks for the terms that documents contain.
    pub fn needs_terms(&self) -> bool {
        self.stages.iter().flat_map(|stage| &stage.steps).any(|step| match step {
            Stream::Apply(expression, _) | Stream::Filter(expression) => expression.needs_terms(),
            _ => false,
        })
    }

    /// Whether some step needs what is only in the documents, not in the index.
    pub fn needs_documents(&self) -> bool {
        let needs = |step: &Stream| matches!(step, Stream::Load(load) if load.needs_documents());
        self.stages.iter().flat_map(|stage| &stage.steps).any(needs)
    }

    /// How many documents its steps can use at most, if none of these has gone: what a LIMIT lets through to which all come. With
    /// WITHCOUNT all are counted.
    pub fn first_documents(&self) -> usize {
        let steps = self.stages.first().map_or(&[][..], |stage| &stage.steps);
        match steps.iter().find(|step| matches!(step, Stream::Filter(_) | Stream::Limit { .. })) {
            Some(Stream::Limit { offset, count: count @ 1.. }) if !self.exact => offset.saturating_add(*count),
            _ => usize::MAX,
        }
    }
}

/// The columns since the last GROUPBY.
struct Columns<'a> {
    schema: &'a Schema,
    names: Vec<Arc<[u8]>>,
    places: HashMap<Arc<[u8]>, Column>,
    /// Columns with the value kept for sorting, which a LOAD may still replace.
    kept: BTreeSet<Column>,
    /// Columns with what a document has under their own names, which a `LOAD *` shows as it is stored.
    plain: BTreeSet<Column>,
    grouped: bool,
    /// There was a `LOAD *`.
    all: bool,
}

impl Columns<'_> {
    fn find(&self, name: &[u8]) -> Option<Column> {
        self.places.get(name).copied()
    }

    fn add(&mut self, name: &[u8]) -> Column {
        self.find(name).unwrap_or_else(|| {
            let column = Column(self.names.len());
            self.names.push(name.into());
            self.places.insert(Arc::clone(&self.names[column.0]), column);
            column
        })
    }

    /// The column of a property that a step mentions; what must be loaded for it goes into `load`.
    fn mention(&mut self, name: &[u8], load: &mut Load) -> Option<Column> {
        if let Some(column) = self.find(name) {
            return Some(column);
        }
        if self.grouped {
            return None;
        }
        let wanted = match self.schema.find(name) {
            // After a LOAD *, a name is what the document has.
            Some(id) if self.schema.field(id).sortable && !self.all => Wanted::Sortable(id),
            Some(id) if self.all => Wanted::Stored(id),
            Some(id) => Wanted::Field(id),
            None if self.all => Wanted::Name(name.into()),
            None => return None,
        };
        let column = self.add(name);
        match wanted {
            Wanted::Sortable(_) => _ = self.kept.insert(column),
            Wanted::Field(_) => _ = self.plain.insert(column),
            _ => {}
        }
        load.columns.push((column, wanted));
        Some(column)
    }

    /// Whether what the index keeps of a field for sorting is what its document has: a number, or a text that is not folded. What a
    /// path selects in JSON may be more than that.
    fn keeps_the_value(&self, id: FieldId) -> bool {
        let field = self.schema.field(id);
        let is_same = match field.kind {
            Kind::Numeric => true,
            Kind::Vector(_) => false,
            _ => field.unf,
        };
        field.sortable && self.schema.source == Source::Hash && is_same
    }

    /// The columns of a LOAD.
    fn load(&mut self, fields: &[Returned]) -> Load {
        let mut load = Load::default();
        for Returned { source, name } in fields {
            let kept = |column: &Column| self.kept.contains(column);
            if self.find(name).is_some_and(|column| !kept(&column)) {
                continue;
            }
            let wanted = match self.schema.find(source) {
                Some(id) if self.all && source == name => Wanted::Stored(id),
                Some(id) if self.keeps_the_value(id) => Wanted::Sortable(id),
                Some(id) => Wanted::Field(id),
                None if **source == *KEY => Wanted::Key,
                None => Wanted::Name(source.clone()),
            };
            let column = self.add(name);
            self.kept.remove(&column);
            if source == name && matches!(wanted, Wanted::Field(_) | Wanted::Sortable(_)) {
                self.plain.insert(column);
            }
            load.columns.push((column, wanted));
        }
        load
    }
}

struct Builder<'a> {
    columns: Columns<'a>,
    stages: Vec<Stage>,
    steps: Vec<Stream>,
}

impl Builder<'_> {
    fn finish(&mut self, sink: Sink) {
        let width = self.columns.names.len();
        self.stages.push(Stage { steps: std::mem::take(&mut self.steps), sink, width });
    }

    fn push_load(&mut self, load: Load) {
        if !load.columns.is_empty() || load.all.is_some() {
            self.steps.push(Stream::Load(load));
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Error> {
        match step {
            Step::Load(fields) => {
                let load = self.columns.load(fields);
                self.push_load(load);
            }
            Step::LoadAll => {
                if self.columns.all {
                    return Ok(()); // nothing is left to load
                }
                let Columns { names, kept, plain, .. } = &mut self.columns;
                let known = std::mem::take(kept).into_iter().chain(std::mem::take(plain));
                let all = known.map(|column| (names[column.0].as_ref().into(), column)).collect();
                self.columns.all = true;
                self.push_load(Load { columns: Vec::new(), all: Some(all) });
            }
            Step::Apply { expression, name } => {
                let expression = self.expression(expression)?;
                let column = self.columns.add(name);
                self.columns.kept.remove(&column);
                self.columns.plain.remove(&column);
                self.steps.push(Stream::Apply(expression, column));
            }
            Step::Filter(expression) => {
                let expression = self.expression(expression)?;
                self.steps.push(Stream::Filter(expression));
            }
            Step::Arrange(arrange) => self.arrange(arrange)?,
            Step::Group { by, reduce } => self.group(by, reduce)?,
        }
        Ok(())
    }

    fn expression(&mut self, text: &[u8]) -> Result<Expression, Error> {
        let mut load = Load::default();
        let columns = &mut self.columns;
        let parsed = Expression::parse(text, |name| columns.mention(name, &mut load)).map_err(Error::Expression)?;
        self.push_load(load);
        Ok(parsed)
    }

    fn arrange(&mut self, arrange: &Arrange) -> Result<(), Error> {
        if arrange.by.is_empty() {
            if let Some((offset, count)) = arrange.limit {
                self.steps.push(Stream::Limit { offset, count });
            }
            return Ok(());
        }
        let mut load = Load::default();
        let mut by = Vec::new();
        for sort in &arrange.by {
            let column =
                self.columns.mention(&sort.field, &mut load).ok_or_else(|| Error::SortProperty(sort.field.clone()))?;
            by.push((column, sort.descending));
        }
        self.push_load(load);
        let most = if arrange.max > 0 { arrange.max } else { DEFAULT_SORTED };
        let (offset, count) = arrange.limit.unwrap_or((0, most));
        self.finish(Sink::Sort { by, offset, count });
        Ok(())
    }

    fn group(&mut self, names: &[Box<[u8]>], reduce: &[Reduce]) -> Result<(), Error> {
        let mut load = Load::default();
        let columns = &mut self.columns;
        let by =
            names.iter().map(|name| columns.mention(name, &mut load).ok_or_else(|| Error::GroupProperty(name.clone())));
        let by = by.collect::<Result<Vec<_>, _>>()?;
        let mut reducers = Vec::with_capacity(reduce.len());
        for Reduce { function, .. } in reduce {
            let mut reducer = function
                .try_map(|name| columns.mention(name, &mut load).ok_or_else(|| Error::ReduceProperty(name.clone())))?;
            if let Reducer::Collect(collect) = &mut reducer
                && collect.all
            {
                let all = columns.names.iter().enumerate();
                collect.show(all.map(|(at, name)| (Arc::clone(name), Column(at))));
            }
            reducers.push(reducer);
        }
        self.push_load(load);
        self.finish(Sink::Group { by, reducers });
        self.columns.names.clear();
        self.columns.places.clear();
        self.columns.kept.clear();
        self.columns.plain.clear();
        self.columns.grouped = true;
        for name in names.iter().chain(reduce.iter().map(|reduce| &reduce.name)) {
            if self.columns.find(name).is_some() {
                return Err(Error::Duplicate(name.clone()));
            }
            self.columns.add(name);
        }
        Ok(())
    }
}
