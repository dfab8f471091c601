//! A set that is built anew, since most of what it held was removed: the graph as [`crate::vector::graph::renewal`] says, and with
//! it names, attributes and the index of names, so that all that they took for what is gone is given back.
//!
//! Who owns the set does the [steps](VectorSet::renew_step) on any thread, and in the end lets the heir
//! [take its place](VectorSet::finish_renewal). The heir is the same set to everybody: its uid, its counts, its ids apart.
//!
//! What is remembered about filters is not taken over: it names nodes.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::VectorSet;
use crate::vector::graph::renewal::{Finished, Heir, Renewal, Step};
use crate::vector::{Graph, NodeId, gate, pin, scratch};

impl Heir for VectorSet {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn adopt(&self, source: &Self, id: NodeId) -> NodeId {
        let guard = pin();
        let name = source.names(&guard).get(id);
        let blob = source.attributes.get(&guard, id);
        let mut owned = self.owned();
        let own = self.graph.adopt_with(&source.graph, id, |own| {
            self.names.set(own, name);
            if let Some(blob) = blob {
                self.attributes.set(own, blob);
            }
        });
        self.count_attributes(false, blob.is_some());
        self.level(own).fetch_add(1, Relaxed);
        let names = self.names(&guard);
        // The element's node before this one may not have been lost yet.
        match owned.index.find(names, name) {
            None => owned.index.insert(names, own),
            Some(before) => {
                owned.index.replace(names, name, own);
                drop(owned);
                self.let_go(before);
            }
        }
        own
    }

    fn update(&self, source: &Self, id: NodeId, own: NodeId) {
        let guard = pin();
        let (was, is) = (self.attributes.get(&guard, own), source.attributes.get(&guard, id));
        if was == is {
            return;
        }
        self.count_attributes(was.is_some(), is.is_some());
        match is {
            Some(blob) => self.attributes.set(own, blob),
            None => self.attributes.clear(own),
        }
    }

    fn lose(&self, own: NodeId) {
        let guard = pin();
        let names = self.names(&guard);
        let name = names.get(own);
        let mut owned = self.owned();
        if owned.index.find(names, name) == Some(own) {
            owned.index.remove(names, name);
            drop(owned);
            self.let_go(own);
        }
    }
}

impl VectorSet {
    /// Removes a node that the index does not name any more.
    fn let_go(&self, id: NodeId) {
        self.count_attributes(self.attributes.get(&pin(), id).is_some(), false);
        self.level(id).fetch_sub(1, Relaxed);
        self.graph.remove(id);
    }

    /// Whether the set is to be built anew, or is being built.
    pub fn is_to_renew(&self) -> bool {
        self.graph.is_to_renew()
    }

    /// Does a little of building the set anew, where that is to be done. Any number of threads at once.
    pub fn renew_step(&self) -> Step {
        if !self.is_to_renew() {
            return Step::Nothing;
        }
        let inside = gate::enter();
        let renewal = self.heir_in_the_making();
        drop(inside);
        let step = scratch::with(|scratch| renewal.step(self, scratch));
        if step == Step::Ready && renewal.is_vain() { Step::Done } else { step }
    }

    /// As [`VectorSet::finish_renewal`]: `put` puts the heir in the place of this set, inside the gate, so that a fork finds nobody
    /// kept out. False: not now.
    pub fn pass_on<T>(&self, keep_out: impl FnOnce() -> Option<T>, put: impl FnOnce(Arc<VectorSet>)) -> bool {
        let _inside = gate::enter();
        let Some((heir, _kept_out)) = self.finish_renewal(keep_out) else { return false };
        put(heir);
        true
    }

    /// The heir, for who was told that it is [ready](Step::Ready); to take the place of this set before `keep_out`'s result is
    /// dropped, which keeps out who writes to it. `None`: not now.
    pub fn finish_renewal<T>(&self, keep_out: impl FnOnce() -> Option<T>) -> Option<(Arc<VectorSet>, T)> {
        let _inside = gate::enter();
        let renewal = self.renewal().clone()?;
        let Finished { heir, kept_out, .. } = renewal.finish(self, keep_out)?;
        heir.last_node.store(self.last_node.load(Relaxed), Relaxed);
        heir.graph.set_ef_construction(self.graph.ef_construction());
        Some((heir, kept_out))
    }

    /// What builds the heir, begun if it is not there or in vain.
    fn heir_in_the_making(&self) -> Arc<Renewal<VectorSet>> {
        let mut renewal = self.renewal();
        if let Some(renewal) = renewal.as_ref().filter(|renewal| !renewal.is_vain()) {
            return Arc::clone(renewal);
        }
        let graph = Graph::new(*self.graph.params());
        graph.set_ef_construction(self.graph.ef_construction());
        let heir = Self::of(graph, self.quantization, self.projection.clone(), self.uid);
        let begun = Arc::new(Renewal::begin(self, heir, renewal.as_deref()));
        *renewal = Some(Arc::clone(&begun));
        begun
    }

    /// Locked for a moment, inside the gate but for the writing thread.
    pub(super) fn renewal(&self) -> MutexGuard<'_, Option<Arc<Renewal<VectorSet>>>> {
        self.renewal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
