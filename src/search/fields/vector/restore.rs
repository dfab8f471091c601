//! A graph that comes back after a restart: what is saved of it, and how it is put together again while documents load.
//!
//! Saved are the links, with each node's key, which of the key's vectors it is, and a fingerprint of that document's vectors;
//! not the vectors, which are in the keys. While the keys load, each document whose vectors are still the same takes its
//! nodes' places; the others are added when all is loaded. Nodes whose documents did not come back (expired, say) are filled with
//! a zero vector and removed at once, so that the graph repairs the links around them.

use super::kind::plain_encoding;
use super::{Store, VectorIndex};
use crate::search::doc_id::DocId;
use crate::vector::graph::{MAX_LEVEL, Restore};
use crate::vector::{Encoding, Graph, NodeId, Params, Size, Vector};
use hashbrown::HashMap;
use std::sync::Arc;

/// One node, as it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedNode {
    /// Its number among the saved nodes.
    pub number: u64,
    /// The key of its document.
    pub key: Box<[u8]>,
    /// Which of the document's vectors it is.
    pub nth: u32,
    /// Of all vectors of the document.
    pub fingerprint: u64,
    /// The numbers of its neighbors, for each of its levels from 0 on. Never empty.
    pub links: Vec<Vec<u64>>,
}

/// A graph, as it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedGraph {
    /// What the graph was made for. For another one it is of no use.
    pub params: Params,
    /// Its nodes.
    pub nodes: Vec<SavedNode>,
}

/// The vectors of a document that is not in the saved graph, or has changed.
#[derive(Debug)]
struct Late {
    key: Box<[u8]>,
    vectors: Vec<Box<[u8]>>,
}

/// A graph that is being put together.
#[derive(Debug)]
pub(super) struct Restoring {
    restore: Restore,
    /// How components come.
    element: Encoding,
    /// By key, in the order of their document's vectors.
    saved: HashMap<Box<[u8]>, Vec<SavedNode>>,
    late: HashMap<DocId, Late>,
    /// Nodes to remove when the graph is complete.
    gone: Vec<NodeId>,
    corrupt: bool,
}

impl Restoring {
    fn new(graph: SavedGraph, element: Encoding) -> Self {
        let restore = Restore::new(graph.params, graph.nodes.len() as u64);
        let mut saved: HashMap<Box<[u8]>, Vec<SavedNode>> = HashMap::new();
        for node in graph.nodes {
            saved.entry(node.key.clone()).or_default().push(node);
        }
        saved.values_mut().for_each(|nodes| nodes.sort_by_key(|node| node.nth));
        Self { restore, element, saved, late: HashMap::new(), gone: Vec::new(), corrupt: false }
    }

    /// Takes the vectors of a document; its nodes, if it has them already.
    pub fn take(
        &mut self,
        doc: DocId,
        key: &[u8],
        fingerprint: u64,
        vectors: &[impl AsRef<[u8]>],
    ) -> Option<Vec<NodeId>> {
        self.late.remove(&doc);
        let complete = |nodes: &[SavedNode]| {
            let in_place =
                |(nth, node): (usize, &SavedNode)| node.nth as usize == nth && node.fingerprint == fingerprint;
            nodes.len() == vectors.len() && nodes.iter().enumerate().all(in_place)
        };
        if self.saved.get(key).is_some_and(|nodes| complete(nodes)) {
            let nodes = self.saved.remove(key).unwrap_or_default();
            return Some(
                nodes.iter().zip(vectors).filter_map(|(node, vector)| self.place(node, vector.as_ref())).collect(),
            );
        }
        let vectors = vectors.iter().map(|vector| vector.as_ref().into()).collect();
        self.late.insert(doc, Late { key: key.into(), vectors });
        None
    }

    fn place(&mut self, node: &SavedNode, vector: &[u8]) -> Option<NodeId> {
        // Saved nodes have at least one level, and few.
        let level = u8::try_from(node.links.len().saturating_sub(1)).unwrap_or(MAX_LEVEL + 1);
        let placed = self.restore.node(node.number, Vector::Of { element: self.element, bytes: vector }, level);
        let linked = placed.and_then(|id| {
            for (level, links) in (0..).zip(&node.links) {
                self.restore.links(level, links)?;
            }
            Ok(id)
        });
        self.corrupt |= linked.is_err();
        linked.ok()
    }

    /// Forgets a document that has no nodes yet.
    pub fn forget(&mut self, doc: DocId) {
        self.late.remove(&doc);
    }

    /// Lets a node go when the graph is complete.
    pub fn remove(&mut self, id: NodeId) {
        self.gone.push(id);
    }

    pub fn size(&self, id: NodeId) -> Size {
        self.restore.graph().size(id)
    }

    pub fn memory(&self) -> usize {
        self.restore.graph().memory_usage()
    }

    /// The graph, and the documents to add to it; `None` if it does not fit together.
    fn finish(mut self, blob_size: usize) -> Option<(Graph, HashMap<DocId, Late>)> {
        let zero = vec![0; blob_size];
        for node in std::mem::take(&mut self.saved).into_values().flatten() {
            let id = self.place(&node, &zero);
            self.gone.extend(id);
        }
        if self.corrupt {
            return None;
        }
        let graph = self.restore.finish().ok()?;
        for id in self.gone {
            graph.remove(id);
        }
        Some((graph, self.late))
    }
}

impl VectorIndex {
    /// What to save of the graph; `key` says the keys of documents. `None` where there is no graph.
    ///
    /// Nothing may be added, removed or linked meanwhile: this is for a forked child, or for the holder of the lock while the
    /// gate is closed.
    pub fn saved<'k>(&self, key: impl Fn(DocId) -> &'k [u8]) -> Option<SavedGraph> {
        let mut nodes = Vec::new();
        self.each_saved(key, |_| (), |node| nodes.push(node));
        Some(SavedGraph { params: *self.graph()?.params(), nodes })
    }

    /// As [`VectorIndex::saved`], node by node: `begin` is told how many there are, then `each` gets them.
    pub fn each_saved<'k>(
        &self,
        key: impl Fn(DocId) -> &'k [u8],
        begin: impl FnOnce(u64),
        mut each: impl FnMut(SavedNode),
    ) {
        let Some(graph) = self.graph() else { return };
        let linked = |id: NodeId, level| {
            let mut links = Vec::new();
            graph.links(id, level, &mut links);
            links.retain(|other| graph.contains(*other));
            links
        };
        // What is not linked yet is not worth saving. A node is saved exactly if its neighbors are.
        let is_saved: Vec<bool> =
            (0..graph.id_bound()).map(NodeId).map(|id| graph.contains(id) && !linked(id, 0).is_empty()).collect();
        let saved = |id: NodeId| is_saved.get(id.0 as usize).copied().unwrap_or(false);
        let owned = self.docs.iter().flat_map(|(_, nodes)| nodes).filter(|id| saved(**id)).count();
        begin(owned as u64);
        for (doc, nodes) in self.docs.iter() {
            let fingerprint = self.docs.fingerprint(doc).unwrap_or_default();
            for (nth, id) in (0..).zip(nodes).filter(|(_, id)| saved(**id)) {
                let levels = (0..=graph.level_of(*id)).map(|level| {
                    linked(*id, level)
                        .into_iter()
                        .filter(|other| saved(*other))
                        .map(|other| u64::from(other.0))
                        .collect()
                });
                each(SavedNode {
                    number: u64::from(id.0),
                    key: key(doc).into(),
                    nth,
                    fingerprint,
                    links: levels.collect(),
                });
            }
        }
    }

    /// Begins to put a saved graph together again, from the documents that come from now on. Only an empty index can, and
    /// only one with a graph of the same parameters: otherwise nothing happens (false), and documents are indexed as usual.
    pub fn begin_restore(&mut self, saved: SavedGraph) -> bool {
        // Links are as good for other codes of the same vectors.
        let Params { encoding, coarse, .. } = saved.params;
        let like = |params: &Params| Params { encoding, coarse, ..*params } == saved.params;
        let Some(params) = self.graph().map(|graph| *graph.params()).filter(like) else { return false };
        if !self.docs.is_empty() || saved.nodes.is_empty() {
            return false;
        }
        self.store =
            Store::Restoring(Box::new(Restoring::new(SavedGraph { params, ..saved }, plain_encoding(&self.schema))));
        true
    }

    /// Ends what [`VectorIndex::begin_restore`] began. False: what was saved does not fit together, the index is empty
    /// now, and all documents have to be applied again.
    pub fn finish_restore(&mut self) -> bool {
        let Store::Restoring(_) = &self.store else { return true };
        let Store::Restoring(restoring) = std::mem::replace(&mut self.store, Store::new(&self.schema)) else {
            return true;
        };
        let Some((graph, late)) = restoring.finish(self.schema.blob_size().unwrap_or(0)) else {
            *self = Self::new(&self.schema);
            return false;
        };
        self.store = Store::Graph(Arc::new(graph));
        for (doc, Late { key, vectors }) in late {
            self.set(doc, &key, &vectors);
        }
        true
    }
}
