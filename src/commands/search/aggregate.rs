//! `FT.AGGREGATE index query …`
//!
//! The query and the steps run on a worker. Steps that need only what the index keeps run while it is read; others ask the
//! server for what documents hold, some rows at a time, and without the index, so that nobody waits for both.
//!
//! WITHCURSOR: a cursor holds the keys that the query found and the steps at work on them. So it repeats no document and skips none
//! that is still there.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use super::find::{write_head, write_score, write_warning};
use super::rows::{self, Style};
use super::{find, reads};
use crate::commands::style::reply;
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::cursors::{Cursors, Table};
use crate::indexes::definition::Definition;
use crate::indexes::document::{self, Opened, Place, text_of};
use crate::indexes::handle::Handle;
use crate::indexes::measuring;
use crate::indexes::query::{self, Deadline};
use crate::json::{self, ValueRef};
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::redis::reply::Reply;
use crate::search::aggregate::expression::Column;
use crate::search::aggregate::pipeline::{Output, Pipeline};
use crate::search::aggregate::plan::Plan;
use crate::search::aggregate::request::{AggregateRequest, CursorRequest};
use crate::search::aggregate::row::{Hit, Load, Row, Source, Wanted};
use crate::search::aggregate::value::{Shown, Value};
use crate::search::candidates::Measured;
use crate::search::doc_id::DocId;
use crate::search::execute::{self, Found, Order, Request, distance_names, execute, with_matching};
use crate::search::explanation::Explanation;
use crate::search::index::{Index, SortValue, sort_text};
use crate::search::live::Place as Arrival;
use crate::search::plan::Settings;
use crate::search::query::ast::{self, Node};
use crate::search::schema::{self, FieldId};
use crate::search::{decimal, number};

/// `FT.AGGREGATE`
pub struct Aggregate;

impl Command for Aggregate {
    const INFO: Info = reads(c"FT.AGGREGATE", c"Finds documents and works on them", c"1.1.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next().ok_or_else(|| Error::arity("FT.AGGREGATE"))?;
        let index = find(ctx, name, || errors::no_such_index(name))?;
        let definition = index.definition();
        let request = AggregateRequest::parse(args, &query::asked(ctx, &definition))?;
        let asked = Asked::new(&definition, request, ctx.database())?;
        if asked.request.cursor.is_some() {
            make_room(&index.handle)?;
        }
        index.count_use(query::dialect(&asked.request.options));
        query::run_with(
            ctx,
            &index,
            move |handle, arrival, ctx| asked.execute(handle, arrival, ctx),
            |ctx, answer: Result<Answer, Error>| answer?.reply(ctx),
        )
    }
}

thread_local! {
    static TABLE: RefCell<Table<Running>> = RefCell::default();
}

/// What waits to be read.
pub static CURSORS: Cursors<Running> = Cursors(&TABLE);

/// Sees to it that an index can have one more cursor.
///
/// # Errors
/// Where it has too many.
fn make_room(handle: &Arc<Handle>) -> Result<(), Error> {
    CURSORS.forget_idle();
    if CURSORS.counts(handle).of_index < config::index_cursor_limit() { Ok(()) } else { Err(errors::TOO_MANY_CURSORS) }
}

/// How steps get at what documents hold.
pub enum Access<'a> {
    /// What the index keeps is enough.
    Index(&'a Index),
    /// The documents are read.
    Server(Server<'a>),
}

/// What is asked, as far as it can be known without the index.
struct Asked {
    request: AggregateRequest,
    definition: Arc<Definition>,
    database: i32,
    tree: Node,
    plan: Arc<Plan>,
    deadline: Deadline,
}

impl Asked {
    fn new(definition: &Arc<Definition>, request: AggregateRequest, database: i32) -> Result<Self, Error> {
        let tree = query::parse(&request.query, &request.options, definition, false)?;
        let plan = Plan::new(&request, &definition.schema, &distance_names(&tree))?;
        Ok(Self {
            deadline: Deadline::of(&request.options),
            definition: Arc::clone(definition),
            plan: Arc::new(plan),
            database,
            tree,
            request,
        })
    }

    fn execute(self, handle: &Arc<Handle>, arrival: Arrival, here: Option<&Context>) -> Result<Answer, Error> {
        let server = Server::of(here, self.database);
        let deadline = self.deadline;
        let cancelled = || deadline.has_passed();
        let measured = measuring::ranges((&handle.live, arrival), &self.tree, &self.definition, &cancelled, server);
        let index = handle.live.read(arrival);
        let (pipeline, mut found) = self.find(&index, measured, &cancelled);
        let access = if self.request.cursor.is_none() && !self.plan.needs_documents() && found.nearest.is_none() {
            Access::Index(&index)
        } else {
            drop(index);
            Access::Server(server)
        };
        measuring::settle(&mut found, &self.tree, &self.definition, Order::Best, (0, usize::MAX), server);
        let mut running = self.running(handle, pipeline, found);
        let page = self.request.cursor.map(|cursor| Page { number: 0, size: cursor.count });
        let batch = running.next(access, page.map_or(usize::MAX, |page| page.size))?;
        Ok(Answer { running, batch, cursor: page })
    }

    /// Finds the documents, and does the first GROUPBY at once where it needs no rows.
    fn find(
        &self,
        index: &Index,
        measured: Vec<Measured>,
        cancelled: &dyn Fn() -> bool,
    ) -> (Pipeline<Document>, Found) {
        let options = &self.request.options;
        let scores = self.plan.needs_scores();
        let nearest = matches!(self.tree.kind, ast::Kind::Knn(_));
        let request = Request {
            settings: Settings { measured, ..query::settings(options) },
            in_keys: options.in_keys.as_ref().map(|keys| keys.iter().map(|key| &**key).collect()),
            scorer: query::scorer(options),
            scores,
            explain: options.explain_score,
            terms: self.plan.needs_terms(),
            payload: options.payload.as_deref(),
            payloads: options.with_payloads,
            order: if scores || nearest { Order::Best } else { Order::Number },
            limit: usize::MAX,
            cancelled: Some(cancelled),
            ..Request::new(&self.tree)
        };
        let mut pipeline = Pipeline::new(Arc::clone(&self.plan));
        let found = if !scores && !nearest && Pipeline::<Document>::groups(&self.plan) {
            let group = |docs: &_| pipeline.group(index, docs, cancelled);
            Found { complete: with_matching(index, &request, group).1, ..Found::default() }
        } else {
            execute(index, &request)
        };
        (pipeline, found)
    }

    fn running(&self, handle: &Arc<Handle>, pipeline: Pipeline<Document>, found: Found) -> Running {
        let options = &self.request.options;
        Running {
            pipeline,
            hits: found.rows.into_iter(),
            complete: found.complete,
            handle: Arc::clone(handle),
            definition: Arc::clone(&self.definition),
            database: self.database,
            deadline: self.deadline,
            timeout: options.timeout,
            cursor: self.request.cursor,
            style: Style { all: query::dialect(options) >= 3, expand: options.expand },
            beside: Beside {
                score: options.with_scores,
                explanation: options.explain_score,
                payload: options.with_payloads,
                sort_key: options.with_sort_keys,
                values: !options.no_content,
            },
        }
    }
}

/// What rows show.
#[derive(Debug, Clone, Copy)]
struct Beside {
    /// WITHSCORES.
    score: bool,
    /// EXPLAINSCORE.
    explanation: bool,
    /// WITHPAYLOADS.
    payload: bool,
    /// WITHSORTKEYS.
    sort_key: bool,
    /// No NOCONTENT.
    values: bool,
}

impl Beside {
    /// How many things that is.
    fn count(self) -> usize {
        [self.score, self.payload, self.sort_key, self.values].into_iter().map(usize::from).sum()
    }
}

/// Steps at work, which a cursor keeps.
pub struct Running {
    pipeline: Pipeline<Document>,
    hits: std::vec::IntoIter<execute::Row>,
    complete: bool,
    /// The index.
    pub handle: Arc<Handle>,
    definition: Arc<Definition>,
    /// Where its documents are.
    pub database: i32,
    deadline: Deadline,
    /// TIMEOUT of the query, which each read of its cursor has.
    timeout: Option<u64>,
    /// What the cursor was asked.
    pub cursor: Option<CursorRequest>,
    style: Style,
    beside: Beside,
}

/// A document that was found.
#[derive(Debug, Clone)]
pub struct Document {
    doc: DocId,
    key: Box<[u8]>,
    payload: Option<Box<[u8]>>,
    explanation: Option<Box<Explanation>>,
}

/// Rows that came out, and what will bring more.
pub struct Answer {
    /// The steps.
    pub running: Running,
    /// The rows.
    pub batch: Output<Document>,
    /// With a cursor.
    pub cursor: Option<Page>,
}

/// A page of a cursor.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// The number of the cursor, 0 for a new one.
    pub number: u64,
    /// How many rows were asked for.
    pub size: usize,
}

impl Running {
    /// The next rows, at most so many.
    ///
    /// # Errors
    /// Of an expression.
    pub fn next(&mut self, access: Access<'_>, most: usize) -> Result<Output<Document>, Error> {
        let deadline = self.deadline;
        let mut source = Documents { hits: &mut self.hits, definition: &self.definition, style: self.style, access };
        Ok(self.pipeline.next(&mut source, most, &move || deadline.has_passed())?)
    }

    /// Keeps what is left to be read and returns its number; 0 stands for a new one.
    fn keep(self, ctx: &Context, number: u64) -> u64 {
        let most = config::cursor_max_idle();
        let idle = self.cursor.and_then(|cursor| cursor.max_idle).map_or(most, |asked| asked.min(most));
        let handle = Arc::clone(&self.handle);
        CURSORS.keep(ctx, number, &handle, Duration::from_millis(idle), self)
    }

    /// The time for the next read begins.
    pub fn begin_read(&mut self) {
        self.deadline = Deadline::after(self.timeout);
    }
}

/// The documents that were found, for the steps.
struct Documents<'a> {
    hits: &'a mut std::vec::IntoIter<execute::Row>,
    definition: &'a Definition,
    style: Style,
    access: Access<'a>,
}

impl Source for Documents<'_> {
    type Document = Document;

    fn read(&mut self, most: usize, into: &mut Vec<Hit<Document>>) -> bool {
        into.extend(self.hits.by_ref().take(most).map(|row| Hit {
            document: Document { doc: row.doc, key: row.key, payload: row.payload, explanation: row.explanation },
            score: row.score,
            distances: row.distances,
            terms: row.terms.into_iter().map(Value::string).collect(),
        }));
        self.hits.len() > 0
    }

    fn load(&mut self, rows: &mut [Row<Document>], load: &Load) {
        match &self.access {
            Access::Index(index) => rows.iter_mut().for_each(|row| load_kept(index, row, load)),
            Access::Server(server) => server.with(|ctx| self.load_documents(ctx, rows, load)),
        }
    }
}

/// Fills in what the index keeps.
fn load_kept(index: &Index, row: &mut Row<Document>, load: &Load) {
    let Some(document) = &row.document else { return };
    for (column, wanted) in &load.columns {
        let value = match wanted {
            Wanted::Key => Some(Value::string(&*document.key)),
            Wanted::Sortable(id) => index.field(*id).and_then(|field| match field.sort_value(document.doc)? {
                SortValue::Number(number) => Some(Value::Number(number)),
                SortValue::Text(text) => Some(Value::String(Arc::clone(text))),
            }),
            Wanted::Field(_) | Wanted::Stored(_) | Wanted::Name(_) => None,
        };
        if value.is_some() {
            row.values[column.0] = value;
        }
    }
}

impl Documents<'_> {
    fn load_documents(&self, ctx: &Context, rows: &mut [Row<Document>], load: &Load) {
        let place_of = |wanted: &Wanted| match wanted {
            Wanted::Name(name) => Some(self.definition.place(name)),
            _ => None,
        };
        let places: Vec<Option<Place>> = load.columns.iter().map(|(_, wanted)| place_of(wanted)).collect();
        for row in rows {
            let Some(document) = &row.document else { continue };
            let (key, kind) = (document.key.clone(), self.definition.schema.source);
            let loaded = ctx.with_name(&key, |name| {
                document::open(ctx, kind, name, |opened| self.load_document(&opened, &key, row, (load, &places)))
            });
            if loaded.is_none() {
                row.document = None;
            }
        }
    }

    /// Loads what is wanted of a document; `places` are those of the columns that are of no field.
    fn load_document(
        &self,
        opened: &Opened<'_>,
        key: &[u8],
        row: &mut Row<Document>,
        (load, places): (&Load, &[Option<Place>]),
    ) {
        for ((column, wanted), place) in load.columns.iter().zip(places) {
            let value = match wanted {
                Wanted::Key => Some(Value::string(key)),
                Wanted::Field(id) => self.field(opened, key, *id),
                Wanted::Stored(id) => self.stored(opened, key, *id),
                Wanted::Sortable(id) => self.kept(opened, key, *id),
                Wanted::Name(_) => place.as_ref().and_then(|place| self.value(opened, place, key)),
            };
            if value.is_some() {
                row.values[column.0] = value;
            }
        }
        if let Some(names) = &load.all {
            self.load_all(opened, names, row);
        }
    }

    /// Loads everything that a document has; `names` are those that are columns.
    fn load_all(&self, opened: &Opened<'_>, names: &[(Box<[u8]>, Column)], row: &mut Row<Document>) {
        let mut put = |name: &[u8], value: Value| match names.iter().find(|(known, _)| **known == *name) {
            Some((_, column)) => {
                let is_number = self.definition.field(name).is_some_and(|field| field.kind == schema::Kind::Numeric);
                row.values[column.0] = Some(if is_number { as_stored(value) } else { value });
            }
            None => row.extra.push((name.into(), value)),
        };
        match opened {
            Opened::Hash(hash) => hash.hash_fields(|name, value| {
                if !self.definition.hides(name) {
                    put(name, Value::string(value));
                }
            }),
            Opened::Json(json) => {
                let root = json.root();
                put(b"$", self.faced(Value::string(text_of(root)), &[root]));
            }
        }
    }

    /// The value of a field of the schema.
    fn field(&self, opened: &Opened<'_>, key: &[u8], id: FieldId) -> Option<Value> {
        let value = self.value(opened, self.definition.places.get(usize::from(id.0))?, key)?;
        Some(match self.definition.schema.field(id).kind {
            schema::Kind::Numeric => as_number(value),
            _ => value,
        })
    }

    /// As [`Documents::field`], where numbers are shown as the document has them.
    fn stored(&self, opened: &Opened<'_>, key: &[u8], id: FieldId) -> Option<Value> {
        let value = self.value(opened, self.definition.places.get(usize::from(id.0))?, key)?;
        let is_number = self.definition.schema.field(id).kind == schema::Kind::Numeric;
        Some(if is_number { as_stored(value) } else { value })
    }

    /// A part of a document; of JSON in dialects from 3 on, shown as everything that a path selects.
    fn value(&self, opened: &Opened<'_>, place: &Place, key: &[u8]) -> Option<Value> {
        match (opened, place) {
            (Opened::Json(json), Place::Json(path)) if self.style.all => {
                let values = document::matches(json, path.as_ref());
                let first = *values.first()?;
                // Of an array it is the first element that counts; of an empty one nothing does.
                let first = if first.is_array() { first.elements().next() } else { Some(first) };
                Some(self.faced(first.map_or(Value::Null, document::scalar), &values))
            }
            _ => opened.value(place, key),
        }
    }

    /// A value of JSON with the face that dialects from 3 on show: all that a path selects.
    fn faced(&self, is: Value, all: &[ValueRef<'_>]) -> Value {
        if self.style.expand {
            is.shown_as(Shown::Json(all.iter().map(|value| json::Document::copy_of(*value)).collect()))
        } else if self.style.all {
            let texts: Vec<Vec<u8>> = all.iter().map(|value| text_of(*value)).collect();
            is.shown_as(Shown::Text([b"[", &texts.join(&b',')[..], b"]"].concat().into()))
        } else {
            is
        }
    }

    /// What the index keeps of a field for sorting, read from the document.
    fn kept(&self, opened: &Opened<'_>, key: &[u8], id: FieldId) -> Option<Value> {
        let (field, place) = (self.definition.schema.field(id), self.definition.places.get(usize::from(id.0))?);
        match (&field.kind, opened, place) {
            (schema::Kind::Numeric, Opened::Json(json), Place::Json(path)) => {
                let matches = document::matches(json, path.as_ref());
                let elements = match matches[..] {
                    [one] if one.is_array() => one.elements().collect(),
                    _ => matches,
                };
                elements.iter().find_map(|value| value.as_number()).map(|number| Value::Number(number.as_f64()))
            }
            (schema::Kind::Numeric, ..) => self.field(opened, key, id),
            _ => sort_text(field, &opened.raw(place)).map(|text| Value::string(&*text)),
        }
    }
}

/// Text of a NUMERIC field as the number that it is.
fn as_number(value: Value) -> Value {
    match &value {
        Value::String(text) => number::parse(text).map_or(value, Value::Number),
        _ => value,
    }
}

/// Text of a NUMERIC field as the number that it is, shown as it is stored.
fn as_stored(value: Value) -> Value {
    match &value {
        Value::String(text) => match number::parse(text) {
            Some(number) => Value::Number(number).shown_as(Shown::Text((**text).into())),
            None => value,
        },
        _ => value,
    }
}

impl Answer {
    /// Writes the rows; a cursor with more to come is kept.
    ///
    /// # Errors
    /// Where a query whose time is over fails.
    pub fn reply(self, ctx: &Context) -> Result<(), Error> {
        let complete = self.running.complete && !self.batch.interrupted;
        if !complete {
            self.running.handle.count_timeout();
            if config::fail_on_timeout() {
                return Err(errors::TIMEOUT);
            }
        }
        let mut reply = reply(ctx);
        if self.cursor.is_some() {
            reply.array(2);
        }
        self.running.write(&mut reply, &self.batch, complete);
        if let Some(page) = self.cursor {
            let number = if self.ends(page) { 0 } else { self.running.keep(ctx, page.number) };
            reply.integer(i64::try_from(number).unwrap_or_default());
        }
        Ok(())
    }
}

impl Answer {
    /// Whether a page is the last.
    fn ends(&self, page: Page) -> bool {
        self.batch.done && self.batch.rows.len() < self.running.pipeline.plan().full_page(page.size)
    }
}

impl Running {
    fn write(&self, reply: &mut Reply<'_>, batch: &Output<Document>, complete: bool) {
        let resp3 = reply.resp3();
        if resp3 {
            write_head(reply, batch.total, self.style.expand);
            reply.array(batch.rows.len());
        } else {
            reply.array(1 + batch.rows.len() * self.beside.count());
            reply.integer(i64::try_from(batch.total).unwrap_or(i64::MAX));
        }
        for row in &batch.rows {
            if resp3 {
                reply.map(1 + self.beside.count());
            }
            self.write_beside(reply, row);
            if self.beside.values {
                name(reply, "extra_attributes");
                self.write_row(reply, row);
            }
            if resp3 {
                reply.simple("values");
                reply.array(0);
            }
        }
        if resp3 {
            write_warning(reply, complete);
        }
    }

    /// What stands before the values of a row.
    fn write_beside(&self, reply: &mut Reply<'_>, row: &Row<Document>) {
        let document = row.document.as_ref();
        if self.beside.score {
            name(reply, "score");
            let explanation = document.and_then(|document| document.explanation.as_deref());
            if self.beside.explanation && explanation.is_none() {
                // The row of a group: no document, nothing to explain.
                reply.array(1);
            }
            write_score(reply, row.score, explanation);
        }
        if self.beside.payload {
            name(reply, "payload");
            reply.bulk_or_null(document.and_then(|document| document.payload.as_deref()));
        }
        if self.beside.sort_key {
            name(reply, "sortkey");
            reply.bulk_or_null(row.sort_key.as_ref().and_then(sort_key).as_deref());
        }
    }

    fn write_row(&self, reply: &mut Reply<'_>, row: &Row<Document>) {
        let named = self.pipeline.plan().names().iter().zip(&row.values);
        let columns: Vec<_> = named
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
            .chain(row.extra.iter().map(|(name, value)| (name, value)))
            .collect();
        reply.map(columns.len());
        for (name, value) in columns {
            reply.bulk(name);
            self.write_value(reply, value);
        }
    }

    /// Writes a value. Recursion is as deep as arrays in arrays, which expressions cannot nest.
    fn write_value(&self, reply: &mut Reply<'_>, value: &Value) {
        match value {
            Value::Null => reply.null(),
            Value::Number(number) => self.style.write_number(reply, *number),
            Value::String(text) => reply.bulk(text),
            Value::Array(items) => {
                reply.array(items.len());
                items.iter().for_each(|item| self.write_value(reply, item));
            }
            Value::Faced(faces) => match &faces.shown {
                Shown::Text(text) => reply.bulk(text),
                Shown::Json(values) => rows::write_values(reply, values),
            },
        }
    }
}

/// The name of a part of a row, where it has one: in RESP3.
fn name(reply: &mut Reply<'_>, name: &str) {
    if reply.resp3() {
        reply.simple(name);
    }
}

/// WITHSORTKEYS.
fn sort_key(value: &Value) -> Option<Vec<u8>> {
    match value.plain() {
        Value::Number(number) => Some([b"#", &decimal::exact(*number)[..]].concat()),
        other => other.to_text().map(|text| [b"$", &text[..]].concat()),
    }
}
