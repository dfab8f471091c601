//! A graph that comes back after a restart: what is saved of it, and how it is put together again while documents load.
//!
//! Saved are the links, with each node's key, which of the key's vectors it is, and a fingerprint of that document's vectors;
//! not the vectors, which are in the keys. While the keys load, each document whose vectors are still the same takes its
//! nodes' places; the others are added when all is loaded. Nodes whose documents did not come back (expired, say) are filled with
//! a zero vector and removed at once, so that the graph repairs the links around them.

use crate::search::doc_id::DocId;
use crate::vector::graph::{MAX_LEVEL, Restore};
use crate::vector::{Encoding, Graph, NodeId, Params, Size, Vector};
use hashbrown::HashMap;

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
pub(super) struct Late {
    pub(super) key: Box<[u8]>,
    pub(super) vectors: Vec<Box<[u8]>>,
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
    pub(super) fn new(graph: SavedGraph, element: Encoding) -> Self {
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
    pub(super) fn finish(mut self, blob_size: usize) -> Option<(Graph, HashMap<DocId, Late>)> {
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
