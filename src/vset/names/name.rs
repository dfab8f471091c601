//! The names themselves, as who looks for one sees them.

use crate::vector::side::Side;
use crate::vector::{Guard, NodeId};

/// The names under a pin.
#[derive(Clone, Copy)]
pub(in crate::vset) struct Names<'a> {
    side: &'a Side,
    guard: &'a Guard,
}

impl<'a> Names<'a> {
    pub(in crate::vset) fn new(side: &'a Side, guard: &'a Guard) -> Self {
        Self { side, guard }
    }

    /// The name of a node; a node that the index holds always has one.
    pub(in crate::vset) fn get(self, id: NodeId) -> &'a [u8] {
        self.side.get(self.guard, id).unwrap_or_default()
    }

    /// Has the processor wait for the names of many nodes at once, and not for one after the other when they are asked for.
    pub(in crate::vset) fn fetch(self, ids: impl Iterator<Item = NodeId>) {
        // None of these loads depends on those for another node.
        let letters: usize = ids.map(|id| self.get(id).first().map_or(0, |&letter| usize::from(letter))).sum();
        std::hint::black_box(letters);
    }
}
