//! The nodes of the documents: which vectors of a graph or a list are a document's.
//!
//! Nearly every document has one, so the first node stands in a column of its own: finding the vectors of all documents that a
//! filter lets pass reads four bytes of each, which the nearest caches hold for many documents. What only writing asks for
//! stands apart.
//!
//! Invariants: a document has a first node exactly if it has a fingerprint; `several` has all nodes of the documents that have
//! more than one.

use crate::search::column::{Column, Slot};
use crate::search::doc_id::DocId;
use crate::vector::NodeId;
use std::collections::HashMap;

/// The number of no node.
const NONE: NodeId = NodeId(u32::MAX);

impl Slot for NodeId {
    fn vacant() -> Self {
        NONE
    }
    fn is_vacant(&self) -> bool {
        *self == NONE
    }
}

/// A fingerprint of the vectors of a document; 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Print(u64);

impl Slot for Print {
    fn vacant() -> Self {
        Self(0)
    }
    fn is_vacant(&self) -> bool {
        self.0 == 0
    }
}

/// The nodes of each document that has some.
#[derive(Debug, Default)]
pub(super) struct DocNodes {
    first: Column<NodeId>,
    prints: Column<Print>,
    several: HashMap<DocId, Box<[NodeId]>>,
}

impl DocNodes {
    /// How many documents have nodes.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The nodes of a document; none where it has none.
    #[inline]
    pub fn get(&self, doc: DocId) -> &[NodeId] {
        match self.first.get(doc) {
            None => &[],
            Some(first) if self.several.is_empty() => std::slice::from_ref(first),
            Some(first) => self.several.get(&doc).map_or(std::slice::from_ref(first), |several| several),
        }
    }

    /// What [`DocNodes::set`] was told of a document.
    pub fn fingerprint(&self, doc: DocId) -> Option<u64> {
        self.prints.get(doc).map(|print| print.0)
    }

    /// Gives a document nodes, in the place of those it had, with a fingerprint that is not 0. None: it has none then.
    pub fn set(&mut self, doc: DocId, nodes: &[NodeId], fingerprint: u64) {
        self.first.set(doc, nodes.first().copied().unwrap_or(NONE));
        self.prints.set(doc, Print(if nodes.is_empty() { 0 } else { fingerprint }));
        if nodes.len() > 1 {
            self.several.insert(doc, nodes.into());
        } else {
            self.several.remove(&doc);
        }
    }

    /// Gives each node another number.
    pub fn renumber(&mut self, number: impl Fn(NodeId) -> NodeId) {
        self.first.each_mut(|id| *id = number(*id));
        self.several.values_mut().flatten().for_each(|id| *id = number(*id));
    }

    /// Takes the nodes of a document away.
    pub fn remove(&mut self, doc: DocId) -> Box<[NodeId]> {
        self.prints.remove(doc);
        let first = self.first.remove(doc);
        let several = self.several.remove(&doc);
        if self.several.is_empty() {
            self.several = HashMap::new();
        }
        several.unwrap_or_else(|| first.into_iter().collect())
    }

    /// The documents with their nodes, by rising number.
    pub fn iter(&self) -> impl Iterator<Item = (DocId, &[NodeId])> {
        self.first.iter().map(|(doc, _)| (doc, self.get(doc)))
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let others: usize = self.several.values().map(|nodes| size_of_val(&**nodes)).sum();
        let slot = size_of::<(DocId, Box<[NodeId]>)>() + 1;
        self.first.memory() + self.prints.memory() + self.several.capacity() * slot + others
    }
}
