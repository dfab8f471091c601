//! What an index of vectors saves of its graph, and how it begins and ends to [put one together](super::restoring).

use super::kind::plain_encoding;
use super::restoring::{Late, Restoring, SavedGraph, SavedNode};
use super::{Store, VectorIndex};
use crate::search::doc_id::DocId;
use crate::vector::{NodeId, Params};
use std::sync::Arc;

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
