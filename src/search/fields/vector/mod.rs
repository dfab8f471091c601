//! The index of a VECTOR field: the vectors of the documents in a [`Graph`] or a [`Flat`].
//!
//! A document has one vector, or several where a JSONPath matches several; its distance is that of its nearest one, and it is
//! found once. Vectors are added at once and linked later, by whoever calls [`Graph::link_next`] on [`VectorIndex::graph`];
//! they are found in between. What came for a document is remembered as a fingerprint, so that a write of the same
//! vectors does not touch the graph.
//!
//! # Codes
//! A graph of long vectors of floats keeps them as [`Q8`](crate::vector::Encoding::Q8) codes, a quarter of their size and faster to
//! compare: the vectors themselves are in the documents, a second copy of them would be most of what an index takes. What
//! a search of codes finds are *candidates*: more documents than are wanted, in the order of their codes' distances, with
//! the most by which one of these distances can be wrong ([`Near::uncertainty`]). Who asked measures the documents
//! ([`Ruler`]) in that order until no other can be among the nearest.
//!
//! # How a filter is applied
//! So few documents that looking at each of them costs less than a walk: exactly those are looked at. Otherwise the walk
//! asks about the vectors it meets, of a list of those that match where that is made sooner than so many are asked about, and
//! widens or turns into a scan by itself, so that `k` are found whenever there are `k`. ADHOC_BF always measures all. Which
//! documents can be found never depends on the policy.

mod cost;
mod kind;
mod nodes;
mod restore;
mod restoring;

pub use kind::Ruler;
pub use restoring::{SavedGraph, SavedNode};

use super::fingerprint::fingerprint;
use crate::search::doc_id::DocId;
use crate::search::idset;
use crate::search::query::ast::VectorOptions;
use crate::search::schema::{self, Algorithm};
use crate::vector::graph::Moved;
use crate::vector::{Cancelled, Filter, Flat, Graph, Hit, NodeId, Query, Range, Search, Size, Vector, scratch};
use kind::{encoding, is_coded, metric, of_field, params};
use nodes::DocNodes;
use restoring::Restoring;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;

/// Candidates beside a quarter of those that are wanted.
const SPARE: usize = 8;

/// Documents whose vectors are listed in the time that asking whether a set has one takes.
const LIST: usize = 4;

/// Documents of a range that are put into a set, and their vectors listed, in the time that asking about one takes, which waits for
/// the memory.
const PUT: usize = 2;

/// The beam of a range search, at least.
const RANGE_BEAM: usize = 100;

/// Where vectors are.
#[derive(Debug)]
enum Store {
    Flat(Box<Flat>),
    Graph(Arc<Graph>),
    /// A graph that is being put together again from what was saved.
    Restoring(Box<Restoring>),
}

/// The vectors of the documents, found by nearness.
#[derive(Debug)]
pub struct VectorIndex {
    schema: schema::Vector,
    store: Store,
    docs: DocNodes,
    /// Whose vector each node is; END for a node that is nobody's.
    owners: Vec<DocId>,
    vectors: usize,
    /// No vector was larger since the index was empty.
    largest: Size,
}

/// Which documents are wanted.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// All of them.
    All,
    /// Those in the set.
    Set(&'a RoaringBitmap),
    /// Those for which a function says so.
    Test {
        /// Called with documents that have vectors.
        test: &'a dyn Fn(DocId) -> bool,
        /// Is told of the documents that `test` will be called with next, to have the memory bring what it looks at.
        fetch: &'a dyn Fn(&mut dyn Iterator<Item = DocId>),
        /// About how many.
        matching: u64,
    },
}

impl Wanted<'_> {
    fn len(&self) -> Option<u64> {
        match self {
            Self::All => None,
            Self::Set(docs) => Some(docs.len()),
            Self::Test { matching, .. } => Some(*matching),
        }
    }

    fn has(&self, doc: DocId) -> bool {
        match self {
            Self::All => true,
            Self::Set(docs) => docs.contains(doc.0),
            Self::Test { test, .. } => test(doc),
        }
    }
}

/// Documents near a query vector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Near {
    /// The documents with their distances, nearest first, equal ones by number.
    pub docs: Vec<(DocId, f64)>,
    /// `None`: these are the documents asked for. Otherwise they are candidates, and this is by how much their distances can
    /// differ from those of their vectors.
    pub uncertainty: Option<f64>,
}

impl Store {
    fn new(schema: &schema::Vector) -> Self {
        match schema.algorithm {
            Algorithm::Flat => Self::Flat(Box::new(Flat::new(schema.dim, encoding(schema), metric(schema)))),
            Algorithm::Hnsw | Algorithm::SvsVamana => Self::Graph(Arc::new(Graph::new(params(schema)))),
        }
    }

    /// Adds a vector. Not while restoring.
    fn add(&self, vector: Vector<'_>, hash: u64) -> Option<NodeId> {
        match self {
            Self::Flat(flat) => Some(flat.add(vector)),
            Self::Graph(graph) => Some(graph.add(vector, hash)),
            Self::Restoring(_) => None,
        }
    }

    fn query(&self, vector: Vector<'_>) -> Option<Query> {
        match self {
            Self::Flat(flat) => Some(flat.query(vector)),
            Self::Graph(graph) => Some(graph.query(vector)),
            Self::Restoring(_) => None,
        }
    }

    /// How large a vector is, where that makes its distances uncertain.
    fn size(&self, id: NodeId) -> Size {
        match self {
            Self::Flat(_) => Size::default(),
            Self::Graph(graph) => graph.size(id),
            Self::Restoring(restoring) => restoring.size(id),
        }
    }

    /// About how many nanoseconds a search without filter takes.
    fn cost(&self, ef: usize) -> u64 {
        match self {
            Self::Flat(flat) => (flat.len() as u64).saturating_mul(flat.cost_each()),
            Self::Graph(graph) => graph.cost(ef),
            Self::Restoring(_) => 0,
        }
    }

    /// About how many nanoseconds looking at one vector takes.
    fn cost_each(&self) -> u64 {
        match self {
            Self::Flat(flat) => flat.cost_each(),
            Self::Graph(graph) => graph.cost_each(),
            Self::Restoring(_) => 0,
        }
    }

    fn search(&self, query: &Query, search: &Search<'_>, exact: bool, out: &mut Vec<Hit>) -> Result<(), Cancelled> {
        let done = scratch::with(|scratch| match self {
            Self::Flat(flat) => flat.search(query, search, scratch, out),
            Self::Graph(graph) if exact => graph.scan(query, search, scratch, out),
            Self::Graph(graph) => graph.search(query, search, scratch, out),
            Self::Restoring(_) => Ok(()),
        });
        self.leave();
        done
    }

    fn range(&self, query: &Query, range: &Range<'_>, out: &mut Vec<Hit>) -> Result<(), Cancelled> {
        let done = scratch::with(|scratch| match self {
            Self::Flat(flat) => flat.range(query, range, scratch, out),
            Self::Graph(graph) => graph.range(query, range, scratch, out),
            Self::Restoring(_) => Ok(()),
        });
        self.leave();
        done
    }

    /// A search has ended: what it could see of removed vectors may be free to go.
    fn leave(&self) {
        if let Self::Graph(graph) = self {
            graph.reclaim_at_rest(|_| {});
        }
    }
}

impl VectorIndex {
    /// An empty index.
    pub fn new(schema: &schema::Vector) -> Self {
        Self {
            schema: schema.clone(),
            store: Store::new(schema),
            docs: DocNodes::default(),
            owners: Vec::new(),
            vectors: 0,
            largest: Size::default(),
        }
    }

    /// How many documents have a vector.
    pub fn docs(&self) -> usize {
        self.docs.len()
    }

    /// How many vectors there are.
    pub fn vectors(&self) -> usize {
        self.vectors
    }

    /// The graph, for whoever links what was added. It may be used without the lock that guards the index.
    pub fn graph(&self) -> Option<&Arc<Graph>> {
        match &self.store {
            Store::Graph(graph) => Some(graph),
            Store::Flat(_) | Store::Restoring(_) => None,
        }
    }

    /// Sets the vectors of a document, which replace those it had. None: the document goes. Says whether anything changed.
    ///
    /// The vectors are of the field's type and dimension; `key` only decides about levels, and names the document in what
    /// is saved.
    pub fn set(&mut self, doc: DocId, key: &[u8], vectors: &[impl AsRef<[u8]>]) -> bool {
        let mut print = vectors.len() as u64;
        for vector in vectors {
            print = print.rotate_left(7) ^ fingerprint(vector.as_ref());
        }
        let print = print.max(1);
        match self.docs.fingerprint(doc) {
            None if vectors.is_empty() => return false,
            Some(known) if known == print && self.docs.get(doc).len() == vectors.len() => return false,
            _ => {}
        }
        if let Store::Restoring(restoring) = &mut self.store {
            let old = self.docs.remove(doc);
            if let Some(ids) = restoring.take(doc, key, print, vectors) {
                self.own(doc, &ids, print);
            }
            self.drop_nodes(&old);
            return true;
        }
        let mut ids = Vec::with_capacity(vectors.len());
        for (nth, vector) in vectors.iter().enumerate() {
            let vector = vector.as_ref();
            if Some(vector.len()) == self.schema.blob_size() {
                ids.extend(self.store.add(
                    of_field(&self.schema, vector),
                    fingerprint(key).rotate_left(nth as u32).wrapping_mul(0x9E37_79B9_7F4A_7C15),
                ));
            }
        }
        let old = self.docs.remove(doc);
        self.own(doc, &ids, print);
        self.drop_nodes(&old);
        true
    }

    /// Writes down whose vectors some nodes are.
    fn own(&mut self, doc: DocId, ids: &[NodeId], fingerprint: u64) {
        for id in ids {
            let at = id.0 as usize;
            if at >= self.owners.len() {
                self.owners.resize(at + 1, DocId::END);
            }
            self.owners[at] = doc;
            self.largest = self.largest.max(self.store.size(*id));
        }
        self.vectors += ids.len();
        self.docs.set(doc, ids, fingerprint);
    }

    /// How many vectors it has.
    pub fn count(&self) -> usize {
        self.vectors
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        if let Store::Restoring(restoring) = &mut self.store {
            restoring.forget(doc);
        }
        let old = self.docs.remove(doc);
        self.drop_nodes(&old);
    }

    /// Removes the vectors that a document had.
    fn drop_nodes(&mut self, nodes: &[NodeId]) {
        if nodes.is_empty() {
            return;
        }
        self.vectors -= nodes.len();
        for id in nodes {
            match &mut self.store {
                Store::Flat(flat) => {
                    flat.remove(*id);
                    flat.reclaim(|_| {});
                }
                Store::Graph(graph) => {
                    graph.remove(*id);
                    graph.reclaim(|_| {});
                }
                Store::Restoring(restoring) => restoring.remove(*id),
            }
        }
        if self.docs.is_empty() && !matches!(self.store, Store::Restoring(_)) {
            // The last one: give the memory back.
            self.store = Store::new(&self.schema);
            self.owners = Vec::new();
            self.largest = Size::default();
        }
        self.trim();
    }

    /// Gives back the memory of owners of nodes that are gone for good, where that is most of it.
    fn trim(&mut self) {
        let bound = match &self.store {
            Store::Flat(flat) => flat.id_bound(),
            Store::Graph(graph) => graph.id_bound(),
            Store::Restoring(_) => return,
        };
        if self.owners.capacity() > 1024 && (bound as usize) < self.owners.capacity() / 4 {
            self.owners.truncate(bound as usize);
            self.owners.shrink_to(2 * bound as usize);
        }
    }

    /// Puts a graph that was built anew in the place of the one that it was built from.
    pub fn renew(&mut self, heir: Arc<Graph>, moved: &Moved) {
        let mut owners = vec![DocId::END; heir.id_bound() as usize];
        for (id, owner) in (0..).map(NodeId).zip(&self.owners) {
            if let Some(own) = moved.get(id) {
                owners[own.0 as usize] = *owner;
            }
        }
        self.owners = owners;
        // Each node of a document is live, and whatever was live has moved.
        self.docs.renumber(|id| moved.get(id).unwrap_or(id));
        self.store = Store::Graph(heir);
    }

    fn owner(&self, id: NodeId) -> DocId {
        self.owners.get(id.0 as usize).copied().unwrap_or(DocId::END)
    }

    fn beam(&self, options: &VectorOptions) -> usize {
        let default = self.schema.svs.map_or(self.schema.ef_runtime, |svs| svs.search_window);
        options.ef_runtime.or(options.search_window).unwrap_or(default)
    }

    /// How many documents are found so that the `k` nearest are among them: where vectors are kept as codes, some more than
    /// asked for, since those at the end may change places with the next.
    fn candidates(&self, k: usize) -> usize {
        if self.is_coded() { k.saturating_add(k / 4 + SPARE) } else { k }
    }

    /// A query vector, if it is one of the field.
    fn query(&self, bytes: &[u8]) -> Option<Query> {
        (Some(bytes.len()) == self.schema.blob_size())
            .then(|| self.store.query(of_field(&self.schema, bytes)))
            .flatten()
    }

    /// The `k` nearest documents of those that are wanted, or candidates for them. `None`: cancelled.
    pub fn knn(
        &self,
        query: &[u8],
        k: usize,
        wanted: Wanted<'_>,
        options: &VectorOptions,
        cancelled: Option<&dyn Fn() -> bool>,
    ) -> Option<Near> {
        let k = k.min(self.docs());
        let Some(query) = self.query(query).filter(|_| k > 0) else { return Some(Near::default()) };
        let (k, ef) = self.effort(k, options);
        let set = if let Wanted::Set(docs) = wanted { Some(docs) } else { None };
        let few = set.is_some_and(|docs| self.are_few(docs.len(), (k, ef), options));
        let listed = set.filter(|docs| few || self.asked_in(docs.len(), (k, ef), LIST)).map(|docs| self.nodes_of(docs));
        let test = |id: NodeId| wanted.has(self.owner(id));
        let fetch = |rows: &[u32]| {
            if let Wanted::Test { fetch, .. } = wanted {
                fetch(&mut rows.iter().map(|row| self.owner(NodeId(*row))));
            }
        };
        let (filter, matching) = match (wanted.len(), &listed) {
            (None, _) => (Filter::All, None),
            (_, Some(listed)) => (Filter::Among(listed), Some(listed.len())),
            (Some(docs), None) => (Filter::Cheap(&test), usize::try_from(docs).ok()),
        };
        let mut hits = Vec::new();
        // As many vectors as make up for the documents that have several.
        let mut wanted = k.saturating_mul(self.vectors.div_ceil(self.docs().max(1)));
        loop {
            let search = Search {
                k: wanted,
                ef: ef.max(wanted),
                filter,
                fetch: &fetch,
                matching,
                cancel: cancelled,
                ..Search::default()
            };
            self.store.search(&query, &search, few, &mut hits).ok()?;
            let mut docs = self.documents(&hits);
            if docs.len() >= k || hits.len() < wanted {
                docs.truncate(k);
                return Some(Near { docs, uncertainty: self.uncertainty(&query, &hits) });
            }
            wanted = wanted.saturating_mul(2);
        }
    }

    /// How many are searched for to find `k`, and the beam for that.
    fn effort(&self, k: usize, options: &VectorOptions) -> (usize, usize) {
        let k = self.candidates(k);
        (k, self.beam(options).max(k))
    }

    /// Whether a search among so many documents looks at each of them.
    pub fn scans(&self, docs: u64, k: usize, options: &VectorOptions) -> bool {
        self.graph().is_none() || self.are_few(docs, self.effort(k.min(self.docs()), options), options)
    }

    /// Whether a search asks about the documents that it meets, and nobody needs the set of those that match: there are too many
    /// of these to look at one by one, and so many that to make the set would take longer.
    pub fn is_asked(&self, docs: u64, k: usize, options: &VectorOptions) -> bool {
        let effort = self.effort(k.min(self.docs()), options);
        !self.are_few(docs, effort, options) && !self.asked_in(docs, effort, PUT)
    }

    /// Whether a walk among so many documents asks about so many that it takes longer than doing something with each of them,
    /// `each` of which take the time of one question.
    fn asked_in(&self, docs: u64, (k, ef): (usize, usize), each: usize) -> bool {
        let docs = usize::try_from(docs).unwrap_or(usize::MAX);
        self.graph().is_some_and(|graph| graph.asked_among(ef, k, docs).saturating_mul(each) > docs)
    }

    /// By how much the distances of hits can be wrong, if they are of codes.
    fn uncertainty(&self, query: &Query, hits: &[Hit]) -> Option<f64> {
        let graph = self.graph().filter(|_| self.is_coded())?;
        Some(hits.iter().map(|hit| graph.uncertainty(query, hit)).fold(0.0, f64::max))
    }

    /// Whether searches find candidates only.
    pub fn is_coded(&self) -> bool {
        is_coded(&self.schema)
    }

    /// The nodes of the documents in a set.
    fn nodes_of(&self, docs: &RoaringBitmap) -> Vec<NodeId> {
        let mut nodes = Vec::with_capacity(docs.len() as usize);
        idset::each(docs, |doc| nodes.extend_from_slice(self.docs.get(doc)));
        nodes
    }

    /// Vectors to documents, nearest first, equal ones by number, each once.
    fn documents(&self, hits: &[Hit]) -> Vec<(DocId, f64)> {
        let mut found: Vec<(DocId, f64)> = hits.iter().map(|hit| (self.owner(hit.id), hit.distance)).collect();
        found.retain(|(doc, _)| *doc != DocId::END);
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        if self.vectors > self.docs() {
            let mut seen: HashMap<DocId, ()> = HashMap::with_capacity(found.len());
            found.retain(|(doc, _)| seen.insert(*doc, ()).is_none());
        }
        found
    }

    /// The documents no farther than `radius`, or candidates for them. `None`: cancelled.
    pub fn range(
        &self,
        query: &[u8],
        radius: f64,
        options: &VectorOptions,
        cancelled: Option<&dyn Fn() -> bool>,
    ) -> Option<Near> {
        let Some(query) = self.query(query) else { return Some(Near::default()) };
        let epsilon = options.epsilon.unwrap_or(self.schema.epsilon);
        // A narrow beam would find too few of the ways in; KNN's default is one.
        let ef = self.beam(options).max(RANGE_BEAM);
        let uncertainty = self.graph().map_or(0.0, |graph| graph.uncertainty_at(&query, radius, self.largest));
        let range = Range { radius: radius + uncertainty, epsilon, ef, cancel: cancelled, ..Range::default() };
        let mut hits = Vec::new();
        self.store.range(&query, &range, &mut hits).ok()?;
        Some(Near { docs: self.documents(&hits), uncertainty: self.uncertainty(&query, &hits) })
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let store = match &self.store {
            Store::Flat(flat) => flat.memory_usage(),
            Store::Graph(graph) => graph.memory_usage(),
            Store::Restoring(restoring) => restoring.memory(),
        };
        store + self.docs.memory() + self.owners.capacity() * size_of::<DocId>()
    }
}

#[cfg(test)]
mod tests;
