//! `FT.SEARCH index query …`

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::highlighting::{self, Highlighter};
use super::profiling::{self, NO_MEMORY, Profiling, Report, Step, Warnings};
use super::rows::{Columns, Contents, From, RowFields, Style};
use super::{find, reads};
use crate::commands::style::reply;
use crate::config;
use crate::error::{Error, search as errors};
use crate::indexes::definition::Definition;
use crate::indexes::document;
use crate::indexes::handle::Handle;
use crate::indexes::measuring;
use crate::indexes::query::{self, Deadline};
use crate::indexes::registry::Registered;
use crate::redis::args::Args;
use crate::redis::command::{Command, Info};
use crate::redis::context::{Context, Server};
use crate::redis::reply::Reply;
use crate::search::aggregate::value::Value;
use crate::search::analysis::Language;
use crate::search::execute::{Found, Order, Request, Row, SortKey, distance_names, execute, find_terms};
use crate::search::explanation::Explanation;
use crate::search::index::Index;
use crate::search::live::Place;
use crate::search::plan::Measured;
use crate::search::profile::{Done, Profile};
use crate::search::query::ast::{Circle, Kind, Node, Range};
use crate::search::request::search::{Content, SearchRequest};
use crate::search::schema::{FieldId, Schema};
use crate::search::{decimal, plan};
use crate::watch::Watch;

/// `FT.SEARCH`
pub struct Search;

impl Command for Search {
    const INFO: Info = reads(c"FT.SEARCH", c"Finds documents", c"1.0.0");

    fn run(ctx: &Context, mut args: Args<'_>) -> Result<(), Error> {
        let name = args.next().ok_or_else(|| Error::arity("FT.SEARCH"))?;
        let (index, search) = ask(ctx, name, args, None)?;
        let deadline = search.deadline;
        let handle = Arc::clone(&index.handle);
        let working = Arc::clone(&search);
        let costing = Arc::clone(&search);
        if query::finds_nothing_for_memory(ctx)? {
            return search.reply(ctx, Found::without_memory(), &handle);
        }
        let answer = move |ctx: &Context, found: Option<Found>| search.reply(ctx, found.unwrap_or_default(), &handle);
        if working.shows_texts() {
            return run_showing(ctx, &index, working, None);
        }
        if working.has_range() {
            let database = ctx.database();
            let work = move |handle: &Arc<Handle>, arrival, here: Option<&Context>| {
                let is_over = || working.deadline.has_passed();
                let (place, server) = ((&**handle, arrival), Server::of(here, database));
                let measured = measuring::ranges(place, &working.tree, &working.definition, &is_over, server)?;
                let index = handle.read(arrival, &is_over)?;
                Some(working.execute(&index, measured, None))
            };
            return query::run_with(ctx, &index, work, answer);
        }
        query::run_costing(
            ctx,
            &index,
            deadline,
            |index| costing.cost(index),
            move |index| working.execute(index, Vec::new(), None),
            answer,
        )
    }
}

/// Reads what is asked of the index of a name.
fn ask(
    ctx: &Context,
    name: &[u8],
    args: Args<'_>,
    profiling: Option<&mut Profiling>,
) -> Result<(Rc<Registered>, Arc<Asked>), Error> {
    let index = find(ctx, name, || errors::no_such_index(name))?;
    let definition = index.definition();
    let request = SearchRequest::parse(args, &query::asked(ctx, &definition))?;
    let tree = Asked::tree(&definition, &request)?;
    let read = profiling.is_some().then(Instant::now);
    let search = Asked::new(&definition, request, tree)?;
    if let (Some(profiling), Some(read)) = (profiling, read) {
        (profiling.read, profiling.understood) = (read, Instant::now());
    }
    index.count_use(query::dialect(&search.request.options));
    Ok((index, Arc::new(search)))
}

/// Runs a search, and tells how it went.
///
/// # Errors
/// Those of FT.SEARCH.
pub fn profile(ctx: &Context, name: &[u8], args: Args<'_>, mut profiling: Profiling) -> Result<(), Error> {
    let (index, search) = ask(ctx, name, args, Some(&mut profiling))?;
    if query::finds_nothing_for_memory(ctx)? {
        let loaded = Loaded { report: Some(Report::empty(profiling)), ..search.load(ctx, Found::without_memory()) };
        return search.write(ctx, &loaded, &index.handle);
    }
    run_showing(ctx, &index, search, Some(profiling))
}

/// As any search, but for rows whose texts are shown otherwise, and for those who want to know how it went: all but writing is
/// done where the query runs.
fn run_showing(
    ctx: &Context,
    index: &Registered,
    asked: Arc<Asked>,
    profiling: Option<Profiling>,
) -> Result<(), Error> {
    let (working, database, handle) = (Arc::clone(&asked), ctx.database(), Arc::clone(&index.handle));
    let work = move |handle: &Arc<Handle>, arrival, here: Option<&Context>| {
        let queued = profiling.map(|profiling| profiling.understood.elapsed());
        let profile = profiling.map(|_| Profile::default());
        let is_over = || working.deadline.has_passed();
        let server = Server::of(here, database);
        let measured = measuring::ranges((&**handle, arrival), &working.tree, &working.definition, &is_over, server);
        let found = match (measured, handle.read(arrival, &is_over)) {
            (Some(measured), Some(index)) => working.execute(&index, measured, profile.as_ref()),
            _ => Found::default(),
        };
        let (total, start) = (found.total, Instant::now());
        let mut loaded = server.with(|ctx| working.load(ctx, found));
        let loading = start.elapsed();
        if working.shows_texts() {
            working.highlight((handle, arrival), &mut loaded);
        }
        let showing = start.elapsed() - loading;
        if let (Some(profiling), Some(queued), Some(profile)) = (profiling, queued, profile) {
            let done = profile.done();
            let steps = working.steps(&done, (total, loaded.rows.len() as u64), (loading, showing));
            loaded.report = Some(Report { profiling, queued, done, steps });
        }
        loaded
    };
    query::run_with(ctx, index, work, move |ctx, loaded: Loaded| asked.write(ctx, &loaded, &handle))
}

/// What was found, with what its rows show.
#[derive(Default)]
struct Loaded {
    /// What was found, without its rows.
    found: Found,
    rows: Vec<(Row, RowFields)>,
    contents: Contents,
    /// The languages of the documents, where they have their own.
    languages: Vec<Option<Language>>,
    /// How it went, if that is wanted.
    report: Option<Report>,
}

/// What is asked, as far as it can be known without the index.
struct Asked {
    request: SearchRequest,
    schema: Arc<Schema>,
    tree: Node,
    settings: plan::Settings,
    ranges: Vec<(FieldId, Range)>,
    circles: Vec<(FieldId, Circle)>,
    order: Order,
    columns: Columns,
    style: Style,
    deadline: Deadline,
    definition: Arc<Definition>,
}

/// A field that there is not: nothing is in it.
const NO_FIELD: FieldId = FieldId(u16::MAX);

impl Asked {
    /// Reads the text of the query.
    fn tree(definition: &Definition, request: &SearchRequest) -> Result<Node, Error> {
        if definition.schema.flags.no_highlight && !request.presentation.is_empty() {
            return Err(errors::NO_HIGHLIGHT);
        }
        query::parse(&request.query, &request.options, definition, false)
    }

    fn new(definition: &Arc<Definition>, request: SearchRequest, tree: Node) -> Result<Self, Error> {
        let options = &request.options;
        let schema = Arc::clone(&definition.schema);
        highlighting::check(&request, &schema)?;
        let field = |name: &[u8]| schema.find(name).unwrap_or(NO_FIELD);
        let distances = distance_names(&tree);
        Ok(Self {
            settings: query::settings(options),
            ranges: request.ranges.iter().map(|filter| (field(&filter.field), filter.range)).collect(),
            circles: request.circles.iter().map(|filter| (field(&filter.field), filter.circle)).collect(),
            order: order(&request, &schema, &distances)?,
            columns: columns(&request, definition, &distances),
            style: Style { all: query::dialect(options) >= 3, expand: options.expand },
            deadline: Deadline::of(options),
            definition: Arc::clone(definition),
            schema,
            tree,
            request,
        })
    }

    /// About how many nanoseconds [`Asked::execute`] takes; `None`: long.
    fn cost(&self, index: &Index) -> Option<u64> {
        plan::cost(index, &self.settings, &self.tree)
    }

    /// Whether rows show texts otherwise than documents have them.
    fn shows_texts(&self) -> bool {
        !self.request.presentation.is_empty() && !self.columns.nothing
    }

    fn has_range(&self) -> bool {
        let mut has_range = false;
        plan::each_range(&self.tree, &mut |_| has_range = true);
        has_range
    }

    /// Finds the rows; `measured` is what came of the candidates.
    fn execute(&self, index: &Index, measured: Vec<Measured>, profile: Option<&Profile>) -> Found {
        let cancelled = || self.deadline.has_passed();
        execute(index, &Request { cancelled: Some(&cancelled), profile, ..self.asked_of_index(measured) })
    }

    /// What the rows went through: so many were found, and so many are shown.
    fn steps(&self, done: &Done, (found, shown): (u64, u64), (loading, showing): (Duration, Duration)) -> Vec<Step> {
        let mut steps = vec![Step::new("Index", done.tree.time, found)];
        let (scoring, _) = done.scoring;
        if matches!(self.tree.kind, Kind::Knn(_)) {
            steps.push(Step::new("Metrics Applier", Duration::ZERO, found));
        }
        if self.request.limit == 0 && self.request.offset == 0 {
            steps.push(Step::new("Counter", Duration::ZERO, 1));
            return steps;
        }
        if self.order == Order::Best || self.request.options.with_scores {
            steps.push(Step::new("Scorer", scoring, found));
        }
        steps.push(Step::new("Sorter", done.took.saturating_sub(done.tree.time + scoring), shown));
        if !self.columns.nothing {
            steps.push(Step::new("Loader", loading, shown));
        }
        if self.shows_texts() {
            steps.push(Step::new("Highlighter", showing, shown));
        }
        steps
    }

    fn asked_of_index(&self, measured: Vec<Measured>) -> Request<'_> {
        let options = &self.request.options;
        let in_keys = options.in_keys.as_ref().map(|keys| keys.iter().map(|key| &**key).collect());
        Request {
            settings: plan::Settings { measured, ..self.settings.clone() },
            in_keys,
            ranges: self.ranges.clone(),
            circles: self.circles.clone(),
            scorer: query::scorer(options),
            scores: options.with_scores,
            explain: options.explain_score,
            payload: options.payload.as_deref(),
            payloads: options.with_payloads,
            order: self.order,
            offset: self.request.offset,
            limit: self.request.limit,
            ..Request::new(&self.tree)
        }
    }

    /// Loads the rows and writes them.
    fn reply(&self, ctx: &Context, found: Found, handle: &Handle) -> Result<(), Error> {
        self.write(ctx, &self.load(ctx, found), handle)
    }

    /// Loads what the rows show.
    fn load(&self, ctx: &Context, mut found: Found) -> Loaded {
        let page = (self.request.offset, self.request.limit);
        // What is loaded has to be written, which takes less time.
        let deadline = self.deadline.but_for(4);
        let is_over = || deadline.has_passed();
        let watch = Watch::new(Some(&is_over));
        let plan = (&self.tree, self.order, page);
        let measured = measuring::settle(&mut found, plan, &self.definition, Server::Here(ctx), &watch);
        if found.unsorted {
            self.sort(ctx, &mut found, &watch);
        }
        let mut contents = Contents::new(&self.columns, found.rows.len());
        let (rows, timely) = self.load_rows(ctx, &mut found, &mut contents, measured, &watch);
        found.complete &= timely;
        if self.request.sort.is_some() && self.request.options.count == Some(false) {
            found.total = rows.len() as u64;
        }
        let languages = self.languages(ctx, &rows);
        Loaded { found, rows, contents, languages, report: None }
    }

    /// The languages that the documents of rows name, if their texts are to be shown otherwise.
    fn languages(&self, ctx: &Context, rows: &[(Row, RowFields)]) -> Vec<Option<Language>> {
        let named = self.definition.language.as_ref().filter(|_| self.shows_texts());
        let Some(place) = named else { return Vec::new() };
        let source = self.schema.source;
        let language = |key: &[u8]| {
            let text =
                ctx.with_name(key, |name| document::open(ctx, source, name, |document| document.text(place, key)));
            Language::named(&text.flatten()?)
        };
        rows.iter().map(|(row, _)| language(&row.key)).collect()
    }

    /// Shows the texts of the rows as they are to be shown.
    fn highlight(&self, (handle, arrival): (&Handle, Place), loaded: &mut Loaded) {
        let deadline = self.deadline.but_for(4);
        let is_over = || deadline.has_passed();
        let watch = Watch::new(Some(&is_over));
        let Loaded { found, rows, contents, languages, .. } = loaded;
        if let Some(index) = handle.read(arrival, &is_over) {
            let request = Request { cancelled: Some(&is_over), ..self.asked_of_index(Vec::new()) };
            find_terms(&index, &request, rows.iter_mut().map(|(row, _)| row));
        }
        let highlighter = Highlighter::new(&self.definition, &self.request.presentation, &self.columns);
        for (nth, (row, fields)) in rows.iter().enumerate() {
            let own = languages.get(nth).copied().flatten();
            let language = own.or(self.schema.language).unwrap_or_default();
            if watch.spend(1) || !highlighter.show(contents, (row, fields), language, &watch) {
                found.complete = false;
                return;
            }
        }
    }

    /// Writes the reply.
    fn write(&self, ctx: &Context, loaded: &Loaded, handle: &Handle) -> Result<(), Error> {
        let Loaded { found, rows, contents, .. } = loaded;
        if !found.complete {
            handle.count_timeout();
            if config::fail_on_timeout() {
                return Err(errors::TIMEOUT);
            }
        }
        let (mut reply, report) = (reply(ctx), loaded.report.as_ref());
        profiling::begin(&mut reply, report);
        if reply.resp3() {
            self.write_resp3(&mut reply, found, (rows, contents), profiling::members(report));
        } else {
            self.write_resp2(&mut reply, found.total, (rows, contents));
        }
        let warnings = Warnings { timeout: !found.complete, no_memory: found.no_memory };
        profiling::end(&mut reply, report, warnings);
        Ok(())
    }

    /// Loads what the rows show, until time is over: then it is false. Those whose documents have gone are not counted.
    fn load_rows(
        &self,
        ctx: &Context,
        found: &mut Found,
        contents: &mut Contents,
        measured: bool,
        watch: &Watch<'_>,
    ) -> (Vec<(Row, RowFields)>, bool) {
        /// Rows that are loaded in any case.
        const AT_LEAST: usize = 64;
        /// Steps that loading a part of a document is worth.
        const PART: usize = 32;
        let each = PART * (1 + self.columns.columns.len() + 4 * usize::from(self.columns.everything));
        let mut rows = Vec::with_capacity(found.rows.len());
        let (mut gone, mut timely) = (0, true);
        for (nth, row) in std::mem::take(&mut found.rows).into_iter().enumerate() {
            if watch.spend(each) && nth >= AT_LEAST {
                timely = false;
                break;
            }
            let (columns, style) = (&self.columns, self.style);
            let known = if measured { columns.without_document(contents, &row.distances, style) } else { None };
            let load = || columns.load(contents, ctx, &self.definition, (&row.key, &row.distances), style);
            match known.or_else(load) {
                Some(fields) => rows.push((row, fields)),
                None => gone += 1,
            }
        }
        found.total = found.total.saturating_sub(gone);
        (rows, timely)
    }

    /// Sorts rows by values that the index does not keep.
    fn sort(&self, ctx: &Context, found: &mut Found, watch: &Watch<'_>) {
        let Order::Field { field, descending } = self.order else { return };
        let place = &self.definition.places[usize::from(field.0)];
        let mut read = 0;
        for row in &mut found.rows {
            // To read a document costs about as much as a look at the clock.
            if watch.look() {
                break;
            }
            read += 1;
            let value = ctx.with_name(&row.key, |name| {
                document::open(ctx, self.schema.source, name, |document| document.value(place, &row.key)).flatten()
            });
            row.sort = value.and_then(|value| match value {
                Value::Number(number) => Some(SortKey::Number(number)),
                other => other.to_text().map(|text| SortKey::Text((*text).into())),
            });
        }
        found.complete &= read == found.rows.len();
        found.rows.truncate(read);
        found.arrange(descending, self.request.offset, self.request.limit, watch);
    }

    fn write_resp2(&self, reply: &mut Reply<'_>, total: u64, (rows, contents): (&[(Row, RowFields)], &Contents)) {
        let options = &self.request.options;
        let shown =
            usize::from(options.with_scores) + usize::from(options.with_payloads) + usize::from(options.with_sort_keys);
        let shown = shown + usize::from(!self.columns.nothing);
        reply.array(1 + rows.len() * (1 + shown));
        reply.integer(i64::try_from(total).unwrap_or(i64::MAX));
        for (row, fields) in rows {
            reply.bulk(&row.key);
            if options.with_scores {
                write_score(reply, row.score, row.explanation.as_deref());
            }
            if options.with_payloads {
                reply.bulk_or_null(row.payload.as_deref());
            }
            if options.with_sort_keys {
                reply.bulk_or_null(sort_key(row).as_deref());
            }
            if !self.columns.nothing {
                contents.write(&self.columns, fields, reply);
            }
        }
    }

    fn write_resp3(
        &self,
        reply: &mut Reply<'_>,
        found: &Found,
        (rows, contents): (&[(Row, RowFields)], &Contents),
        more: usize,
    ) {
        write_head(reply, found.total, self.style.expand, more);
        let options = &self.request.options;
        reply.array(rows.len());
        for (row, fields) in rows {
            let shown = 2
                + usize::from(options.with_scores)
                + usize::from(options.with_payloads)
                + usize::from(options.with_sort_keys)
                + usize::from(!self.columns.nothing);
            reply.map(shown);
            reply.simple("id");
            reply.bulk(&row.key);
            if options.with_scores {
                reply.simple("score");
                write_score(reply, row.score, row.explanation.as_deref());
            }
            if options.with_payloads {
                reply.simple("payload");
                reply.bulk_or_null(row.payload.as_deref());
            }
            if options.with_sort_keys {
                reply.simple("sortkey");
                reply.bulk_or_null(sort_key(row).as_deref());
            }
            if !self.columns.nothing {
                reply.simple("extra_attributes");
                contents.write(&self.columns, fields, reply);
            }
            reply.simple("values");
            reply.array(0);
        }
        write_warnings(reply, found.complete, found.was_cut, found.no_memory);
    }
}

/// Writes a score, and how it came about if that is wanted.
pub fn write_score(reply: &mut Reply<'_>, score: f64, explanation: Option<&Explanation>) {
    if explanation.is_some() {
        reply.array(2);
    }
    if reply.resp3() {
        reply.double(score);
    } else {
        reply.bulk(&decimal::exact(score));
    }
    if let Some(explanation) = explanation {
        write_explanation(reply, explanation);
    }
}

/// Writes an explanation, which is as deep as the query.
fn write_explanation(reply: &mut Reply<'_>, explanation: &Explanation) {
    if explanation.children.is_empty() {
        return reply.simple_bytes(&explanation.text);
    }
    reply.array(2);
    reply.simple_bytes(&explanation.text);
    reply.array(explanation.children.len());
    explanation.children.iter().for_each(|child| write_explanation(reply, child));
}

/// Begins the map of a RESP3 reply, up to the rows; so many members come after it.
pub fn write_head(reply: &mut Reply<'_>, total: u64, expand: bool, more: usize) {
    reply.map(5 + more);
    reply.simple("attributes");
    reply.array(0);
    reply.simple("total_results");
    reply.integer(i64::try_from(total).unwrap_or(i64::MAX));
    reply.simple("format");
    reply.simple(if expand { "EXPAND" } else { "STRING" });
    reply.simple("results");
}

/// Ends the map of a RESP3 reply.
pub fn write_warnings(reply: &mut Reply<'_>, complete: bool, was_cut: bool, no_memory: bool) {
    let warnings = [
        (!complete, "Timeout limit was reached"),
        (was_cut, "Max prefix expansions limit was reached"),
        (no_memory, NO_MEMORY),
    ];
    reply.simple("warning");
    reply.array(warnings.iter().filter(|(holds, _)| *holds).count());
    warnings.iter().filter(|(holds, _)| *holds).for_each(|(_, warning)| reply.simple(warning));
}

/// WITHSORTKEYS.
fn sort_key(row: &Row) -> Option<Vec<u8>> {
    Some(match row.sort.as_ref()? {
        SortKey::Number(number) => [b"#", &decimal::exact(*number)[..]].concat(),
        SortKey::Text(text) => [b"$", &text[..]].concat(),
    })
}

/// Which rows come first.
fn order(request: &SearchRequest, schema: &Schema, distances: &[&[u8]]) -> Result<Order, Error> {
    let Some(sort) = &request.sort else { return Ok(Order::Best) };
    let descending = sort.descending;
    if let Some(nth) = distances.iter().position(|name| *name == &*sort.field) {
        return Ok(Order::Distance { nth, descending });
    }
    let field = schema.find(&sort.field).ok_or_else(|| errors::not_loaded(&sort.field))?;
    Ok(Order::Field { field, descending })
}

/// What rows show: distances and what they are sorted by first.
fn columns(request: &SearchRequest, definition: &Definition, distances: &[&[u8]]) -> Columns {
    let sorted_by = request.sort.as_ref().map(|sort| &*sort.field);
    let stored = |name: &[u8]| (Arc::from(name), From::stored(name, distances, definition));
    match &request.content {
        Content::Nothing => Columns { nothing: true, ..Columns::default() },
        Content::Everything => {
            let sorted_by = sorted_by.filter(|field| !distances.contains(field));
            let columns = distances.iter().copied().chain(sorted_by).map(stored).collect();
            Columns { columns, everything: true, nothing: false }
        }
        Content::Fields(fields) => {
            let rank = |source: &[u8]| match distances.iter().position(|name| *name == source) {
                Some(nth) => nth,
                None if sorted_by == Some(source) => distances.len(),
                None => distances.len() + 1,
            };
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|field| rank(&field.source));
            let columns = fields
                .into_iter()
                .map(|field| (Arc::from(&*field.name), From::named(&field.source, distances, definition)))
                .collect();
            Columns { columns, ..Columns::default() }
        }
    }
}
