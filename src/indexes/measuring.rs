//! Measuring candidates ([`crate::search::candidates`]): how far documents are, as they are now.

use super::counters;
use super::definition::Definition;
use super::document::{self, Opened};
use super::handle::Handle;
use crate::redis::context::{Context, Server};
use crate::search::candidates::{self, Candidates};
use crate::search::document::{Value, read};
use crate::search::execute::{Found, Order};
use crate::search::fields::vector::Ruler;
use crate::search::live::Place;
use crate::search::plan::Measured;
use crate::search::query::ast::{FieldRef, Kind, Node};
use crate::search::schema::{self, Source};
use crate::watch::Watch;

/// How many documents are measured at least when the main thread has to wait for it.
const WHILE_IT_WAITS: usize = 4;

/// The documents of an index, to be compared with a query vector.
struct Documents<'a> {
    definition: &'a Definition,
    field: usize,
    ruler: Ruler,
}

impl<'a> Documents<'a> {
    /// For a query vector of a field.
    fn new(definition: &'a Definition, field: &FieldRef, query: &[u8]) -> Option<Self> {
        let id = field.id?;
        let schema::Kind::Vector(vector) = &definition.schema.field(id).kind else { return None };
        Some(Self { definition, field: usize::from(id.0), ruler: Ruler::new(vector, query)? })
    }

    /// How far documents are, of those that have a vector: of several the nearest.
    fn measure(&mut self, ctx: &Context, keys: &[&[u8]]) -> Vec<Option<f64>> {
        let source = self.definition.schema.source;
        match &self.definition.places[self.field] {
            document::Place::Hash(field) => each(ctx, source, keys, |document| match document {
                Opened::Hash(hash) => hash.hash_field(field, |bytes| self.ruler.distance(bytes?)),
                Opened::Json(_) => None,
            }),
            _ => each(ctx, source, keys, |document| self.nearest(&document)),
        }
    }

    /// The nearest of a JSON document's vectors, read as they are for the index.
    fn nearest(&mut self, document: &Opened<'_>) -> Option<f64> {
        let raw = document.raw(&self.definition.places[self.field]);
        let Ok(Value::Vectors(vectors)) = read(&self.definition.schema.fields[self.field], &raw) else { return None };
        let distances = vectors.iter().filter_map(|vector| self.ruler.distance(vector));
        distances.min_by(f64::total_cmp)
    }
}

/// What `distance` says of each of the documents.
fn each(
    ctx: &Context,
    source: Source,
    keys: &[&[u8]],
    mut distance: impl FnMut(Opened<'_>) -> Option<f64>,
) -> Vec<Option<f64>> {
    let one = |key: &&[u8]| ctx.with_name(key, |name| document::open(ctx, source, name, &mut distance)).flatten();
    keys.iter().map(one).collect()
}

/// Finds the candidates of the vector ranges of a tree, and measures them without the index. `None`: the index could not be read
/// in time.
pub fn ranges(
    (handle, arrival): (&Handle, Place),
    tree: &Node,
    definition: &Definition,
    is_over: &dyn Fn() -> bool,
    server: Server<'_>,
) -> Option<Vec<Measured>> {
    let watch = Watch::new(Some(is_over));
    let candidates = candidates::of_ranges(&*handle.read(arrival, is_over)?, tree, Some(is_over));
    let of_range = |candidates: Candidates<'_>| {
        let range = candidates.range;
        let mut documents = Documents::new(definition, &range.field, &range.vector.blob);
        candidates.measured(&mut |keys| measure(documents.as_mut(), keys, server), &watch)
    };
    Some(candidates.into_iter().map(of_range).collect())
}

/// Makes the answer of the candidates of KNN, if that is what was found: then it is true, and all rows have documents.
pub fn settle(
    found: &mut Found,
    (tree, order, page): (&Node, Order, (usize, usize)),
    definition: &Definition,
    server: Server<'_>,
    watch: &Watch<'_>,
) -> bool {
    let Kind::Knn(knn) = &tree.kind else { return false };
    if found.nearest.is_none() {
        return false;
    }
    let mut documents = Documents::new(definition, &knn.field, &knn.vector.blob);
    let some_more = if let Server::Here(_) = server { 1 } else { WHILE_IT_WAITS };
    found.settle(order, page, some_more, &mut |keys| measure(documents.as_mut(), keys, server), watch);
    true
}

fn measure(documents: Option<&mut Documents<'_>>, keys: &[&[u8]], server: Server<'_>) -> Vec<Option<f64>> {
    match documents {
        Some(documents) => server.with(|ctx| counters::MEASURE_TIME.time(|| documents.measure(ctx, keys))),
        None => vec![None; keys.len()],
    }
}
