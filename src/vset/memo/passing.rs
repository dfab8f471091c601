//! The nodes that pass a filter: a list of few, a bit for each node where they are many. It does not change.

use super::log::Place;
use crate::vector::allocation::taken;
use crate::vector::{Filter, NodeId, set_bits};

/// Fewer than this part of all nodes take less room in a list than in bits.
const LISTED: usize = 32;

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::vset) struct Passing {
    /// What changed before is taken into account.
    place: Place,
    len: usize,
    nodes: Nodes,
}

#[derive(Debug)]
enum Nodes {
    /// Ascending.
    List(Box<[NodeId]>),
    Bits(Box<[u64]>),
}

impl Passing {
    /// Of the nodes, which ascend and are some of `bound`; everything before `place` is taken into account.
    pub fn new(place: Place, nodes: Vec<NodeId>, bound: usize) -> Self {
        let len = nodes.len();
        let nodes = if len < bound / LISTED {
            Nodes::List(nodes.into())
        } else {
            let mut words = vec![0; nodes.last().map_or(0, |last| last.0 as usize / 64 + 1)];
            nodes.iter().for_each(|id| words[id.0 as usize / 64] |= 1u64 << (id.0 % 64));
            Nodes::Bits(words.into())
        };
        Self { place, len, nodes }
    }

    /// As [`Passing::new`], of the nodes whose bits are set.
    pub fn of_bits(place: Place, words: Vec<u64>, bound: usize) -> Self {
        let len = words.iter().map(|word| word.count_ones() as usize).sum();
        if len < bound / LISTED {
            let mut nodes = Vec::with_capacity(len);
            nodes.extend(set_bits(&words).map(NodeId));
            return Self { place, len, nodes: Nodes::List(nodes.into()) };
        }
        Self { place, len, nodes: Nodes::Bits(words.into()) }
    }

    /// What changed before this place is taken into account.
    pub fn place(&self) -> Place {
        self.place
    }

    /// How many pass.
    pub fn len(&self) -> usize {
        self.len
    }

    /// For a search among them.
    pub fn filter(&self) -> Filter<'_> {
        match &self.nodes {
            Nodes::List(list) => Filter::Among(list),
            Nodes::Bits(words) => Filter::Bits { words, matching: self.len },
        }
    }

    /// The same, taking into account what changed before `place`: the `changed` nodes, which ascend, of which `passes` tells
    /// those that are in it now; all are some of `bound`.
    pub fn with(&self, place: Place, changed: &[NodeId], bound: usize, passes: impl Fn(NodeId) -> bool) -> Self {
        match &self.nodes {
            Nodes::List(list) => {
                let unchanged = list.iter().copied().filter(|id| changed.binary_search(id).is_err());
                let mut list: Vec<NodeId> = unchanged.chain(changed.iter().copied().filter(|&id| passes(id))).collect();
                list.sort_unstable();
                Self::new(place, list, bound)
            }
            Nodes::Bits(words) => {
                let (mut words, mut len) = (words.to_vec(), self.len);
                for &id in changed {
                    let (at, bit) = (id.0 as usize / 64, 1u64 << (id.0 % 64));
                    if at >= words.len() {
                        words.resize(at + 1, 0);
                    }
                    len -= usize::from(words[at] & bit != 0);
                    words[at] &= !bit;
                    if passes(id) {
                        len += 1;
                        words[at] |= bit;
                    }
                }
                Self { place, len, nodes: Nodes::Bits(words.into()) }
            }
        }
    }

    /// Bytes on the heap, with its own in an `Arc`.
    pub fn memory(&self) -> usize {
        let nodes = match &self.nodes {
            Nodes::List(list) => size_of_val(&**list),
            Nodes::Bits(words) => size_of_val(&**words),
        };
        taken(size_of::<Self>() + 2 * size_of::<usize>()) + if nodes == 0 { 0 } else { taken(nodes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn listed(passing: &Passing) -> Vec<u32> {
        match passing.filter() {
            Filter::Among(list) => list.iter().map(|id| id.0).collect(),
            Filter::Bits { words, matching } => {
                let ids: Vec<u32> =
                    (0..words.len() as u32 * 64).filter(|id| words[*id as usize / 64] >> (id % 64) & 1 == 1).collect();
                assert_eq!(ids.len(), matching);
                ids
            }
            _ => panic!("no other form"),
        }
    }

    proptest! {
        #[test]
        fn it_is_a_set(
            first in proptest::collection::btree_set(0..3000u32, 0..300),
            changes in proptest::collection::vec(proptest::collection::btree_map(0..4000u32, any::<bool>(), 0..60), 0..6),
        ) {
            let nodes = |ids: &mut dyn Iterator<Item = u32>| ids.map(NodeId).collect::<Vec<_>>();
            let mut passing = Passing::new(7, nodes(&mut first.iter().copied()), 3000);
            let mut words = vec![0; 50];
            first.iter().for_each(|&id| words[id as usize / 64] |= 1u64 << (id % 64));
            let of_bits = Passing::of_bits(7, words, 3000);
            prop_assert_eq!((listed(&of_bits), of_bits.len()), (listed(&passing), passing.len()));
            let mut model: BTreeSet<u32> = first;
            for (place, change) in (8..).zip(changes) {
                let changed = nodes(&mut change.keys().copied());
                passing = passing.with(place, &changed, 4000, |id| change[&id.0]);
                for (id, passes) in change {
                    if passes { model.insert(id); } else { model.remove(&id); }
                }
                prop_assert_eq!(passing.place(), place);
            }
            prop_assert_eq!(listed(&passing), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(passing.len(), model.len());
        }
    }
}
