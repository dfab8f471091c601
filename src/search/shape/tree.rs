//! An R-tree (Guttman, 1984): boxes in space, found by a box that they overlap.
//!
//! Nodes have `LEAST` to `MOST` entries, the root any number up to that. What comes goes where the boxes grow least; a full node is cut in
//! two halves along the axis on which its entries are spread most. A node that becomes too small is taken apart, and its entries come anew.
//!
//! # Invariants
//! All leaves are equally deep; the box of an entry is the smallest around what is below it; places of nodes that are in no tree are in
//! `free`.

/// Entries of a node at most.
const MOST: usize = 16;
/// Entries of a node at least.
const LEAST: usize = 6;

/// A box, its borders included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The smallest coordinates.
    pub low: [f64; 3],
    /// The largest coordinates.
    pub high: [f64; 3],
}

impl Bounds {
    /// The smallest box around places; `None`: there are none.
    pub fn of(places: impl Iterator<Item = [f64; 3]>) -> Option<Self> {
        places.map(|place| Self { low: place, high: place }).reduce(|all, one| all.with(&one))
    }

    /// The smallest box around two.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut all = *self;
        for axis in 0..3 {
            all.low[axis] = all.low[axis].min(other.low[axis]);
            all.high[axis] = all.high[axis].max(other.high[axis]);
        }
        all
    }

    /// Whether they have a point in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.high[axis] && other.low[axis] <= self.high[axis])
    }

    /// Whether the other is in it.
    pub fn contains(&self, other: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] <= other.low[axis] && other.high[axis] <= self.high[axis])
    }

    /// How large it is: the sum of its sides, which tells flat boxes from each other too.
    fn size(&self) -> f64 {
        (0..3).map(|axis| self.high[axis] - self.low[axis]).sum()
    }

    fn middle(&self, axis: usize) -> f64 {
        self.low[axis] + (self.high[axis] - self.low[axis]) / 2.0
    }
}

/// An entry: of a leaf, what is kept; of another node, a node.
type Entry = (Bounds, u32);

/// The tree.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Vec<Entry>>,
    free: Vec<u32>,
    /// The root, if there is anything.
    root: Option<u32>,
    /// Nodes from the root to a leaf, both included.
    height: usize,
    len: usize,
}

impl Tree {
    /// How many things it keeps.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it keeps nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let entries: usize = self.nodes.iter().map(Vec::capacity).sum();
        entries * size_of::<Entry>() + self.nodes.capacity() * size_of::<Vec<Entry>>() + self.free.capacity() * 4
    }

    /// Adds a thing with its box.
    pub fn insert(&mut self, bounds: Bounds, id: u32) {
        self.len += 1;
        self.put((bounds, id), 1);
    }

    /// Takes a thing out that was added with this box; false where there is none.
    pub fn remove(&mut self, bounds: &Bounds, id: u32) -> bool {
        let Some(root) = self.root else { return false };
        let mut orphans = Vec::new();
        if !self.take_out(root, self.height, (bounds, id), &mut orphans) {
            return false;
        }
        self.len -= 1;
        // Entries of high nodes first: they need the height that they come from.
        orphans.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        for (level, entry) in orphans {
            self.put(entry, level);
        }
        self.lower();
        true
    }

    /// Calls `each` with everything whose box overlaps and with that box, until it says false.
    pub fn overlapping(&self, bounds: &Bounds, each: &mut impl FnMut(u32, &Bounds) -> bool) {
        let Some(root) = self.root else { return };
        let mut left = vec![(root, self.height)];
        while let Some((node, level)) = left.pop() {
            for (entry, id) in &self.nodes[node as usize] {
                if !entry.overlaps(bounds) {
                    continue;
                }
                if level > 1 {
                    left.push((*id, level - 1));
                } else if !each(*id, entry) {
                    return;
                }
            }
        }
    }

    fn new_node(&mut self, entries: Vec<Entry>) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.nodes[place as usize] = entries;
                place
            }
            None => {
                self.nodes.push(entries);
                (self.nodes.len() - 1) as u32
            }
        }
    }

    fn bounds(&self, node: u32) -> Bounds {
        let entries = &self.nodes[node as usize];
        entries[1..].iter().fold(entries[0].0, |all, (one, _)| all.with(one))
    }

    /// Puts an entry into a node of this level, leaves being 1.
    fn put(&mut self, entry: Entry, level: usize) {
        let Some(root) = self.root else {
            self.root = Some(self.new_node(vec![entry]));
            self.height = level;
            return;
        };
        if let Some(split) = self.put_below(root, self.height, entry, level) {
            let old = (self.bounds(root), root);
            self.root = Some(self.new_node(vec![old, split]));
            self.height += 1;
        }
    }

    /// As [`Tree::put`], below a node; what is split off it. Recursion is as deep as the tree.
    fn put_below(&mut self, node: u32, at: usize, entry: Entry, level: usize) -> Option<Entry> {
        if at > level {
            let growth = |(bounds, _): &Entry| (bounds.with(&entry.0).size() - bounds.size(), bounds.size());
            let entries = self.nodes[node as usize].iter().enumerate();
            let least = entries.min_by(|(_, a), (_, b)| {
                let (a, b) = (growth(a), growth(b));
                a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
            });
            let (place, (_, child)) = least?;
            let child = *child;
            let split = self.put_below(child, at - 1, entry, level);
            let bounds =
                if split.is_some() { self.bounds(child) } else { self.nodes[node as usize][place].0.with(&entry.0) };
            self.nodes[node as usize][place].0 = bounds;
            self.nodes[node as usize].push(split?);
        } else {
            self.nodes[node as usize].push(entry);
        }
        self.split(node)
    }

    /// Cuts a node that is too large in two; the new half.
    fn split(&mut self, node: u32) -> Option<Entry> {
        let entries = &mut self.nodes[node as usize];
        if entries.len() <= MOST {
            return None;
        }
        let spread = |axis: usize| {
            let (low, high) = entries.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (bounds, _)| {
                (low.min(bounds.middle(axis)), high.max(bounds.middle(axis)))
            });
            high - low
        };
        let axis = (0..3).max_by(|a, b| spread(*a).total_cmp(&spread(*b)))?;
        entries.sort_by(|(a, _), (b, _)| a.middle(axis).total_cmp(&b.middle(axis)));
        let half = entries.split_off(entries.len() / 2);
        let half = self.new_node(half);
        Some((self.bounds(half), half))
    }

    /// Takes a thing out below a node; what is left of nodes that are too small then goes to `orphans`, with its level.
    fn take_out(
        &mut self,
        node: u32,
        level: usize,
        (bounds, id): (&Bounds, u32),
        orphans: &mut Vec<(usize, Entry)>,
    ) -> bool {
        if level == 1 {
            let entries = &mut self.nodes[node as usize];
            let found = entries.iter().position(|(known, other)| *other == id && known == bounds);
            found.map(|place| entries.swap_remove(place)).is_some()
        } else {
            for place in 0..self.nodes[node as usize].len() {
                let (around, child) = self.nodes[node as usize][place];
                if !around.contains(bounds) || !self.take_out(child, level - 1, (bounds, id), orphans) {
                    continue;
                }
                if self.nodes[child as usize].len() < LEAST {
                    self.nodes[node as usize].swap_remove(place);
                    let left = std::mem::take(&mut self.nodes[child as usize]);
                    orphans.extend(left.into_iter().map(|entry| (level - 1, entry)));
                    self.free.push(child);
                } else {
                    self.nodes[node as usize][place].0 = self.bounds(child);
                }
                return true;
            }
            false
        }
    }

    /// Takes roots away that have one node below them, or nothing.
    fn lower(&mut self) {
        while let Some(root) = self.root {
            match (&self.nodes[root as usize][..], self.height) {
                ([], _) => {
                    self.root = None;
                    self.height = 0;
                }
                ([(_, only)], 2..) => {
                    self.root = Some(*only);
                    self.height -= 1;
                }
                _ => return,
            }
            self.nodes[root as usize] = Vec::new();
            self.free.push(root);
        }
        // It is empty: nothing is worth keeping.
        self.nodes = Vec::new();
        self.free = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Tree {
        /// Sees to the invariants below a node, and counts what is there.
        fn check(&self, node: u32, level: usize, is_root: bool) -> usize {
            let entries = &self.nodes[node as usize];
            assert!(entries.len() <= MOST && (is_root || entries.len() >= LEAST), "{}", entries.len());
            if level == 1 {
                return entries.len();
            }
            let below = entries.iter().map(|(bounds, child)| {
                assert_eq!(*bounds, self.bounds(*child));
                self.check(*child, level - 1, false)
            });
            below.sum()
        }
    }

    fn bounds() -> impl Strategy<Value = Bounds> {
        let place = || prop::array::uniform3(-20i32..20).prop_map(|place| place.map(f64::from));
        (place(), place()).prop_map(|(a, b)| Bounds::of([a, b].into_iter()).unwrap())
    }

    proptest! {
        #[test]
        fn a_tree_finds_what_a_scan_finds(
            steps in prop::collection::vec((bounds(), prop::option::of(0usize..400)), 0..400),
            asked in prop::collection::vec(bounds(), 1..8),
        ) {
            let mut tree = Tree::default();
            let mut kept: Vec<(Bounds, u32)> = Vec::new();
            for (nth, (bounds, gone)) in steps.iter().enumerate() {
                match gone {
                    Some(at) if !kept.is_empty() && nth % 3 > 0 => {
                        let (bounds, id) = kept.swap_remove(at % kept.len());
                        prop_assert!(tree.remove(&bounds, id));
                        prop_assert!(!tree.remove(&bounds, id));
                    }
                    _ => {
                        tree.insert(*bounds, nth as u32);
                        kept.push((*bounds, nth as u32));
                    }
                }
                prop_assert_eq!(tree.len(), kept.len());
                if let Some(root) = tree.root {
                    prop_assert_eq!(tree.check(root, tree.height, true), kept.len());
                }
            }
            for asked in asked {
                let mut found = Vec::new();
                tree.overlapping(&asked, &mut |id, _| {
                    found.push(id);
                    true
                });
                found.sort_unstable();
                let mut expected: Vec<u32> = kept.iter().filter(|(one, _)| one.overlaps(&asked)).map(|(_, id)| *id).collect();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
            for (bounds, id) in kept {
                prop_assert!(tree.remove(&bounds, id));
            }
            prop_assert!(tree.is_empty() && tree.memory() == 0);
        }
    }
}
