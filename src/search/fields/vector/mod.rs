//! The index of a VECTOR field: the vectors of the documents in a [`Graph`] or a [`Flat`].
//!
//! A document has one vector, or several where a JSONPath matches several; its distance is that of its nearest one, and it is
//! found once. Vectors are added at once and linked later, by whoever calls [`Graph::link_next`] on [`VectorIndex::graph`];
//! they are found in between. What came for a document is remembered as a fingerprint, so that a write of the same
//! vectors does not touch the graph.
//!
//! # How a filter is applied
//! So few documents that looking at all of them costs less than a walk: exactly those are measured. Otherwise the walk
//! asks about each vector it meets, and widens or turns into a scan by itself, so that `k` are found whenever there are
//! `k`. ADHOC_BF always measures all. Which documents can be found never depends on the policy.

mod restore;

pub use restore::{SavedGraph, SavedNode};

use super::fingerprint::fingerprint;
use crate::search::column::{Column, Slot};
use crate::search::doc_id::DocId;
use crate::search::query::ast::{HybridPolicy, VectorOptions};
use crate::search::schema::{self, Algorithm, Element};
use crate::vector::graph::MAX_M;
use crate::vector::{
    Cancelled, Encoding, Filter, Flat, Graph, Hit, Metric, NodeId, Params, Query, Range, Scratch, Search, Vector,
};
use restore::Restoring;
use roaring::RoaringBitmap;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A walk with a beam of `ef` costs about as much as measuring this many times `ef` vectors.
const SCAN_BELOW: usize = 8;

/// The beam of a range search, at least.
const RANGE_BEAM: usize = 100;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Where vectors are.
#[derive(Debug)]
enum Store {
    Flat(Box<Flat>),
    Graph(Arc<Graph>),
    /// A graph that is being put together again from what was saved.
    Restoring(Box<Restoring>),
}

/// The vectors of a document.
#[derive(Debug, Default)]
struct Nodes {
    ids: Ids,
    fingerprint: u64,
}

#[derive(Debug, Default)]
enum Ids {
    #[default]
    None,
    One(NodeId),
    Several(Box<[NodeId]>),
}

impl Slot for Nodes {
    fn vacant() -> Self {
        Self::default()
    }
    fn is_vacant(&self) -> bool {
        matches!(self.ids, Ids::None)
    }
}

impl Nodes {
    fn as_slice(&self) -> &[NodeId] {
        match &self.ids {
            Ids::None => &[],
            Ids::One(id) => std::slice::from_ref(id),
            Ids::Several(ids) => ids,
        }
    }
}

impl Ids {
    fn of(ids: Vec<NodeId>) -> Self {
        match ids[..] {
            [] => Self::None,
            [one] => Self::One(one),
            _ => Self::Several(ids.into()),
        }
    }
}

/// The vectors of the documents, found by nearness.
#[derive(Debug)]
pub struct VectorIndex {
    schema: schema::Vector,
    store: Store,
    docs: Column<Nodes>,
    /// Whose vector each node is; END for a node that is nobody's.
    owners: Vec<DocId>,
    vectors: usize,
}

/// How the elements of a field are stored.
fn encoding(schema: &schema::Vector) -> Encoding {
    let compressed = schema.svs.is_some_and(|svs| svs.compression.is_some());
    match schema.element {
        // Scalar quantization is of normalized vectors.
        Element::Float32 if compressed && schema.metric == schema::Metric::Cosine => Encoding::Q8,
        Element::Float32 => Encoding::F32,
        Element::Float64 => Encoding::F64,
        Element::Float16 => Encoding::F16,
        Element::Bfloat16 => Encoding::BF16,
        Element::Int8 => Encoding::I8,
        Element::Uint8 => Encoding::U8,
    }
}

fn metric(schema: &schema::Vector) -> Metric {
    match schema.metric {
        schema::Metric::L2 => Metric::L2,
        schema::Metric::Ip => Metric::InnerProduct,
        schema::Metric::Cosine => Metric::Cosine,
    }
}

fn params(schema: &schema::Vector) -> Params {
    let (m, ef) = match (&schema.svs, schema.algorithm) {
        (Some(svs), Algorithm::SvsVamana) => (svs.max_degree / 2, svs.construction_window),
        _ => (schema.m, schema.ef_construction),
    };
    let m = m.clamp(2, MAX_M);
    Params { dim: schema.dim, m, ef_construction: ef.max(1), encoding: encoding(schema), metric: metric(schema) }
}

impl Store {
    fn new(schema: &schema::Vector) -> Self {
        match schema.algorithm {
            Algorithm::Flat => Self::Flat(Box::new(Flat::new(schema.dim, encoding(schema), metric(schema)))),
            Algorithm::Hnsw | Algorithm::SvsVamana => Self::Graph(Arc::new(Graph::new(params(schema)))),
        }
    }

    /// Adds a vector. Not while restoring.
    fn add(&self, bytes: &[u8], hash: u64) -> Option<NodeId> {
        match self {
            Self::Flat(flat) => Some(flat.add(Vector::Bytes(bytes))),
            Self::Graph(graph) => Some(graph.add(Vector::Bytes(bytes), hash)),
            Self::Restoring(_) => None,
        }
    }

    fn query(&self, bytes: &[u8]) -> Option<Query> {
        match self {
            Self::Flat(flat) => Some(flat.query(Vector::Bytes(bytes))),
            Self::Graph(graph) => Some(graph.query(Vector::Bytes(bytes))),
            Self::Restoring(_) => None,
        }
    }

    fn search(&self, query: &Query, search: &Search<'_>, exact: bool, out: &mut Vec<Hit>) -> Result<(), Cancelled> {
        SCRATCH.with_borrow_mut(|scratch| match self {
            Self::Flat(flat) => flat.search(query, search, scratch, out),
            Self::Graph(graph) if exact => graph.scan(query, search, scratch, out),
            Self::Graph(graph) => graph.search(query, search, scratch, out),
            Self::Restoring(_) => Ok(()),
        })
    }

    fn range(&self, query: &Query, range: &Range<'_>, out: &mut Vec<Hit>) -> Result<(), Cancelled> {
        SCRATCH.with_borrow_mut(|scratch| match self {
            Self::Flat(flat) => flat.range(query, range, scratch, out),
            Self::Graph(graph) => graph.range(query, range, scratch, out),
            Self::Restoring(_) => Ok(()),
        })
    }
}

impl VectorIndex {
    /// An empty index.
    pub fn new(schema: &schema::Vector) -> Self {
        Self {
            schema: schema.clone(),
            store: Store::new(schema),
            docs: Column::default(),
            owners: Vec::new(),
            vectors: 0,
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
        match self.docs.get(doc) {
            None if vectors.is_empty() => return false,
            Some(nodes) if nodes.fingerprint == print && nodes.as_slice().len() == vectors.len() => return false,
            _ => {}
        }
        if let Store::Restoring(restoring) = &mut self.store {
            let old = self.docs.remove(doc);
            if let Some(ids) = restoring.take(doc, key, print, vectors) {
                self.own(doc, ids, print);
            }
            self.drop_nodes(old);
            return true;
        }
        let mut ids = Vec::with_capacity(vectors.len());
        for (nth, vector) in vectors.iter().enumerate() {
            let vector = vector.as_ref();
            if Some(vector.len()) == self.schema.blob_size() {
                ids.extend(
                    self.store
                        .add(vector, fingerprint(key).rotate_left(nth as u32).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                );
            }
        }
        let old = self.docs.remove(doc);
        self.own(doc, ids, print);
        self.drop_nodes(old);
        true
    }

    /// Writes down whose vectors some nodes are.
    fn own(&mut self, doc: DocId, ids: Vec<NodeId>, fingerprint: u64) {
        for id in &ids {
            let at = id.0 as usize;
            if at >= self.owners.len() {
                self.owners.resize(at + 1, DocId::END);
            }
            self.owners[at] = doc;
        }
        self.vectors += ids.len();
        self.docs.set(doc, Nodes { ids: Ids::of(ids), fingerprint });
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        if let Store::Restoring(restoring) = &mut self.store {
            restoring.forget(doc);
        }
        let old = self.docs.remove(doc);
        self.drop_nodes(old);
    }

    /// Removes the vectors that a document had.
    fn drop_nodes(&mut self, nodes: Option<Nodes>) {
        let Some(nodes) = nodes else { return };
        self.vectors -= nodes.as_slice().len();
        for id in nodes.as_slice() {
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

    fn owner(&self, id: NodeId) -> DocId {
        self.owners.get(id.0 as usize).copied().unwrap_or(DocId::END)
    }

    fn beam(&self, options: &VectorOptions) -> usize {
        let default = self.schema.svs.map_or(self.schema.ef_runtime, |svs| svs.search_window);
        options.ef_runtime.or(options.search_window).unwrap_or(default)
    }

    /// A query vector, if it is one of the field.
    fn query(&self, bytes: &[u8]) -> Option<Query> {
        (Some(bytes.len()) == self.schema.blob_size()).then(|| self.store.query(bytes)).flatten()
    }

    /// The `k` nearest documents of those that `filter` has, nearest first, equal ones by number. `None`: cancelled.
    pub fn knn(
        &self,
        query: &[u8],
        k: usize,
        filter: Option<&RoaringBitmap>,
        options: &VectorOptions,
        cancelled: Option<&dyn Fn() -> bool>,
    ) -> Option<Vec<(DocId, f64)>> {
        let k = k.min(self.docs());
        let Some(query) = self.query(query).filter(|_| k > 0) else { return Some(Vec::new()) };
        let ef = self.beam(options).max(k);
        let few = filter.is_some_and(|filter| self.are_few(filter.len(), ef, options));
        let listed: Vec<NodeId> = match filter {
            Some(filter) if few => self.nodes_of(filter),
            _ => Vec::new(),
        };
        let test = |id: NodeId| filter.is_none_or(|filter| filter.contains(self.owner(id).0));
        let (filter, matching) = match filter {
            None => (Filter::All, None),
            Some(_) if few => (Filter::Among(&listed), Some(listed.len())),
            Some(filter) => (Filter::Cheap(&test), usize::try_from(filter.len()).ok()),
        };
        let mut hits = Vec::new();
        // As many vectors as make up for the documents that have several.
        let mut wanted = k.saturating_mul(self.vectors.div_ceil(self.docs().max(1)));
        loop {
            let search =
                Search { k: wanted, ef: ef.max(wanted), filter, matching, cancel: cancelled, ..Search::default() };
            self.store.search(&query, &search, few, &mut hits).ok()?;
            let mut found = self.documents(&hits);
            if found.len() >= k || hits.len() < wanted {
                found.truncate(k);
                return Some(found);
            }
            wanted = wanted.saturating_mul(2);
        }
    }

    /// Whether so many documents are looked at one by one.
    fn are_few(&self, docs: u64, ef: usize, options: &VectorOptions) -> bool {
        let count = usize::try_from(docs).unwrap_or(usize::MAX);
        options.hybrid_policy == Some(HybridPolicy::AdhocBruteForce)
            || count <= ef.saturating_mul(SCAN_BELOW)
            || count < self.docs() / 100
    }

    /// About how many nanoseconds [`VectorIndex::knn`] takes among so many documents; `None`: it walks through the graph.
    pub fn cost_among(&self, docs: u64, k: usize, options: &VectorOptions) -> Option<u64> {
        /// Of finding a vector, and of so many of its bytes (measured: 100 ns for 384 floats).
        const VECTOR: u64 = 40;
        const BYTES: u64 = 25;
        let ef = self.beam(options).max(k);
        let vector = VECTOR + self.schema.blob_size().map_or(u64::MAX, |size| size as u64) / BYTES;
        self.are_few(docs, ef, options).then(|| docs.saturating_mul(vector))
    }

    /// The nodes of the documents in a set.
    fn nodes_of(&self, docs: &RoaringBitmap) -> Vec<NodeId> {
        let nodes = docs.iter().filter_map(|doc| self.docs.get(DocId(doc)));
        nodes.flat_map(|nodes| nodes.as_slice().iter().copied()).collect()
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

    /// The documents no farther than `radius`, nearest first. `None`: cancelled.
    pub fn range(
        &self,
        query: &[u8],
        radius: f64,
        options: &VectorOptions,
        cancelled: Option<&dyn Fn() -> bool>,
    ) -> Option<Vec<(DocId, f64)>> {
        let Some(query) = self.query(query) else { return Some(Vec::new()) };
        let epsilon = options.epsilon.unwrap_or(self.schema.epsilon);
        // A narrow beam would find too few of the ways in; KNN's default is one.
        let ef = self.beam(options).max(RANGE_BEAM);
        let range = Range { radius, epsilon, ef, cancel: cancelled, ..Range::default() };
        let mut hits = Vec::new();
        self.store.range(&query, &range, &mut hits).ok()?;
        Some(self.documents(&hits))
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
