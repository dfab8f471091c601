//! The names of a set's elements: from a name to its node, in order, and at random.
//!
//! The names themselves stand in a [`Side`] table by node, where any thread can read them; here are only node ids: a hash
//! table for lookups ([`table`]) and sorted blocks for ranges and sampling ([`order`]). Both grow in small steps, so that no
//! single insert pays for the whole set. This half belongs to the thread that writes the set.

mod name;
mod order;
mod table;

use std::ops::Bound;

use crate::vector::NodeId;
use crate::vset::random::Rng;

pub(super) use name::Names;
use order::Order;
use table::Table;

/// So few names are looked up in their order, without a hash table.
const UNHASHED: usize = 16;

/// The nodes of a set, by name.
#[derive(Debug, Default)]
pub(super) struct Index {
    table: Table,
    order: Order,
}

impl Index {
    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The node of a name.
    pub(super) fn find(&self, names: Names, name: &[u8]) -> Option<NodeId> {
        if self.table.is_new() { self.order.find_id(names, name) } else { self.table.find(names, name) }
    }

    /// Adds a node, whose name is in the side table and not in the index.
    pub(super) fn insert(&mut self, names: Names, id: NodeId) {
        self.order.insert(names, id);
        if !self.table.is_new() {
            self.table.insert(names, id);
        } else if self.order.len() > UNHASHED {
            self.order.ids().for_each(|id| self.table.insert(names, id));
        }
    }

    /// Removes a name; its node, if it was there.
    pub(super) fn remove(&mut self, names: Names, name: &[u8]) -> Option<NodeId> {
        let id = if self.table.is_new() { self.order.find_id(names, name) } else { self.table.remove(names, name) }?;
        self.order.remove(names, name);
        Some(id)
    }

    /// Puts another node in the place of the one that has this name; the node that was there.
    pub(super) fn replace(&mut self, names: Names, name: &[u8], id: NodeId) -> Option<NodeId> {
        let new = self.table.is_new();
        let old = if new { self.order.find_id(names, name) } else { self.table.replace(names, name, id) }?;
        self.order.replace(names, name, id);
        Some(old)
    }

    /// The nodes between two names, bytewise.
    pub(super) fn range<'a>(
        &'a self,
        names: Names<'a>,
        from: Bound<&[u8]>,
        to: Bound<&'a [u8]>,
    ) -> impl Iterator<Item = NodeId> + 'a {
        self.order.range(names, from, to)
    }

    /// All nodes, in the order of their names.
    #[cfg(test)]
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.order.ids()
    }

    /// Any node, each equally likely.
    pub(super) fn random(&self, rng: &mut Rng) -> Option<NodeId> {
        self.order.random(rng)
    }

    /// `count` different nodes (all, if there are fewer) in random order, each selection equally likely.
    pub(super) fn sample(&self, count: usize, rng: &mut Rng) -> Vec<NodeId> {
        self.order.sample(count, rng)
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.table.memory() + self.order.memory()
    }
}

/// The nodes of a set that comes into being; an [`Index`] at the end, which takes a fraction of adding one by one.
#[derive(Debug, Default)]
pub(super) struct Filling {
    table: Table,
    hashed: Vec<(u64, NodeId)>,
    first: Vec<u8>,
    /// How many bytes all names have in common with the first.
    common: usize,
}

impl Filling {
    /// Adds a node with its name.
    pub(super) fn add(&mut self, id: NodeId, name: &[u8]) {
        if self.hashed.is_empty() {
            self.first = name.to_vec();
            self.common = name.len();
        }
        let equal = self.first[..self.common].iter().zip(name).take_while(|(a, b)| a == b).count();
        self.common = equal;
        self.hashed.push((self.table.hash(name), id));
    }

    /// The index. `names` has all of them by now.
    ///
    /// # Errors
    /// The first of two nodes that have the same name.
    pub(super) fn finish(mut self, names: Names) -> Result<Index, NodeId> {
        let mut order = Order::default();
        order.fill(names, self.hashed.iter().map(|&(_, id)| id), self.common)?;
        if order.len() > UNHASHED {
            self.table.fill(names, &self.hashed);
        }
        Ok(Index { table: self.table, order })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::pin;
    use crate::vector::side::Side;
    use crate::vset::random::Rng;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// An index beside a model of it.
    #[derive(Default)]
    struct Pair {
        side: Side,
        index: Index,
        model: BTreeMap<Vec<u8>, u32>,
        next: u32,
    }

    impl Pair {
        fn add(&mut self, name: &[u8]) {
            let guard = pin();
            let id = NodeId(self.next);
            self.next += 1;
            self.side.set(id, name);
            let names = Names::new(&self.side, &guard);
            match self.model.insert(name.to_vec(), id.0) {
                None => {
                    assert_eq!(self.index.find(names, name), None);
                    self.index.insert(names, id);
                }
                Some(old) => assert_eq!(self.index.replace(names, name, id), Some(NodeId(old))),
            }
        }

        fn remove(&mut self, name: &[u8]) {
            let guard = pin();
            let removed = self.index.remove(Names::new(&self.side, &guard), name);
            assert_eq!(removed, self.model.remove(name).map(NodeId));
        }

        fn check(&self) {
            let guard = pin();
            let names = Names::new(&self.side, &guard);
            assert_eq!(self.index.len(), self.model.len());
            assert!(self.index.ids().map(|id| id.0).eq(self.model.values().copied()));
            for (name, &id) in &self.model {
                assert_eq!(self.index.find(names, name), Some(NodeId(id)));
            }
        }
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            (0u32..2000).prop_map(|n| format!("{n:05}").into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..3)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn it_is_a_sorted_map(ops in proptest::collection::vec((any::<bool>(), name()), 0..3000)) {
            let mut pair = Pair::default();
            for (add, name) in &ops {
                if *add { pair.add(name) } else { pair.remove(name) }
            }
            pair.check();
            for (_, name) in &ops {
                pair.remove(name);
            }
            pair.check();
        }

        /// Filled at once, it is what it would be if its names had been added one by one, and can go on.
        #[test]
        fn filled_at_once_it_is_the_same(
            prefix in proptest::collection::vec(any::<u8>(), 0..12),
            list in proptest::collection::btree_set(name(), 0..3000),
            more in proptest::collection::vec((any::<bool>(), name()), 0..300),
        ) {
            let named = |name: &[u8]| [&prefix, name].concat();
            let mut pair = Pair::default();
            let mut filling = Filling::default();
            for (id, name) in (0..).zip(&list) {
                pair.side.set(NodeId(id), &named(name));
                filling.add(NodeId(id), &named(name));
                pair.model.insert(named(name), id);
                pair.next = id + 1;
            }
            let guard = pin();
            pair.index = filling.finish(Names::new(&pair.side, &guard)).expect("names are different");
            drop(guard);
            pair.check();
            for (add, name) in more {
                if add { pair.add(&named(&name)) } else { pair.remove(&named(&name)) }
            }
            pair.check();
        }

        #[test]
        fn ranges_are_those_of_a_sorted_map(
            list in proptest::collection::vec(name(), 0..1500), from in name(), to in name(), kinds in (0u8..3, 0u8..3),
        ) {
            let mut pair = Pair::default();
            list.iter().for_each(|name| pair.add(name));
            let bound = |kind, name| match kind {
                0 => Bound::Unbounded,
                1 => Bound::Included(name),
                _ => Bound::Excluded(name),
            };
            let (from, to) = (bound(kinds.0, &from[..]), bound(kinds.1, &to[..]));
            let guard = pin();
            let got: Vec<u32> = pair.index.range(Names::new(&pair.side, &guard), from, to).map(|id| id.0).collect();
            let above = |n: &[u8]| match from { Bound::Included(f) => n >= f, Bound::Excluded(f) => n > f, _ => true };
            let below = |n: &[u8]| match to { Bound::Included(t) => n <= t, Bound::Excluded(t) => n < t, _ => true };
            let want: Vec<u32> = pair.model.iter().filter(|(n, _)| above(n) && below(n)).map(|(_, &id)| id).collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn a_name_given_twice_is_found_when_all_are_filled_in() {
        let side = Side::new();
        for (id, name) in ["b", "a", "c", "b"].iter().enumerate() {
            side.set(NodeId(id as u32), name.as_bytes());
        }
        let guard = pin();
        let names = Names::new(&side, &guard);
        let fill = |count| {
            let mut filling = Filling::default();
            (0..count).map(NodeId).for_each(|id| filling.add(id, names.get(id)));
            filling.finish(names)
        };
        assert!(fill(3).is_ok() && fill(4).is_err() && fill(0).is_ok_and(|index| index.len() == 0));
    }

    #[test]
    fn every_element_is_as_likely_also_when_most_are_gone() {
        let mut pair = Pair::default();
        (0..20_000u32).for_each(|n| pair.add(&n.wrapping_mul(0x9e37_79b9).to_be_bytes()));
        let keep: Vec<_> = pair.model.keys().step_by(200).cloned().collect();
        let all: Vec<_> = pair.model.keys().cloned().collect();
        all.iter().filter(|name| !keep.contains(name)).for_each(|name| pair.remove(name));
        pair.check();
        let mut rng = Rng::seeded(7);
        let mut single = BTreeMap::new();
        let mut sampled = BTreeMap::new();
        for _ in 0..10_000 {
            *single.entry(pair.index.random(&mut rng).unwrap().0).or_insert(0) += 1;
            let pair_of = pair.index.sample(2, &mut rng);
            assert_ne!(pair_of[0], pair_of[1]);
            pair_of.iter().for_each(|id| *sampled.entry(id.0).or_insert(0) += 1);
        }
        assert_eq!((single.len(), sampled.len()), (100, 100));
        assert!(single.values().all(|n| (60..145).contains(n)), "{single:?}");
        assert!(sampled.values().all(|n| (140..265).contains(n)), "{sampled:?}");
    }

    #[test]
    fn samples_are_distinct_and_complete() {
        let mut pair = Pair::default();
        (0..1000u32).for_each(|n| pair.add(&n.to_be_bytes()));
        let mut rng = Rng::seeded(3);
        for count in [0, 1, 10, 499, 500, 501, 999, 1000, 5000] {
            let mut sample = pair.index.sample(count, &mut rng);
            sample.sort();
            sample.dedup();
            assert_eq!(sample.len(), count.min(1000));
        }
        assert!(Index::default().sample(5, &mut rng).is_empty() && Index::default().random(&mut rng).is_none());
    }

    #[test]
    fn a_name_costs_about_twelve_bytes() {
        for (kind, most) in [("appended", 12.5), ("scattered", 13.5)] {
            let mut pair = Pair::default();
            for n in 0..100_000u64 {
                let key = if kind == "appended" { n } else { crate::vset::random::mix(n) };
                pair.add(&key.to_be_bytes());
            }
            let each = pair.index.memory() as f64 / 100_000.0;
            assert!(each < most, "{kind}: {each}");
        }
    }
}
