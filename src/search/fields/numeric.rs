//! The index of a NUMERIC field: which documents have a number in a range.
//!
//! The numbers of each document are in a column. Beside it stand *leaves*: the real line cut into intervals, each with the
//! set of documents that have a number in it. A range is the union of the leaves inside it, plus those documents of the
//! two leaves at its ends that the column says are in it. A leaf that grows beyond `LEAF` numbers is cut at its median;
//! one that shrinks joins its neighbor. A clause beside a more selective one is answered from the column alone.
//!
//! Invariants: leaf 0 starts at −∞; starts rise; a document is in a leaf exactly if one of its numbers is in
//! `[start, next start)`, and `entries` counts those numbers. NaN never gets in; −0 is stored as 0.
//!
//! The index of a GEO field is one of these, over the cells of points.

use crate::search::column::Column;
use crate::search::doc_id::DocId;
use crate::search::idset::IdSet;
use crate::search::query::ast::Range;
use roaring::RoaringBitmap;
use std::collections::HashMap;

/// Numbers in a leaf before it is cut. Each document of the two leaves at the ends of a range is looked up in the column, at
/// about 50 ns where that is not in a cache.
const LEAF: u32 = 512;

#[derive(Debug)]
struct Leaf {
    start: f64,
    /// Numbers in the interval, counted once per document and number.
    entries: u32,
    /// When to try to cut it next: later, where all numbers were equal the last time.
    cut_at: u32,
    docs: IdSet,
}

/// The numbers of the documents, found by range.
#[derive(Debug)]
pub struct NumericIndex {
    /// The number of a document, or its first where it has several.
    first: Column<f64>,
    /// The others, sorted, where a document has several.
    others: HashMap<DocId, Box<[f64]>>,
    leaves: Vec<Leaf>,
    entries: u64,
    /// Bytes of the documents of all leaves, and of `others`.
    leaf_bytes: usize,
    other_bytes: usize,
}

impl Default for NumericIndex {
    fn default() -> Self {
        Self {
            first: Column::default(),
            others: HashMap::new(),
            leaves: vec![Leaf::starting(f64::NEG_INFINITY)],
            entries: 0,
            leaf_bytes: 0,
            other_bytes: 0,
        }
    }
}

impl Leaf {
    fn starting(start: f64) -> Self {
        Self { start, entries: 0, cut_at: LEAF, docs: IdSet::Empty }
    }
}

impl NumericIndex {
    /// How many documents have a number.
    pub fn docs(&self) -> usize {
        self.first.len()
    }

    /// How many numbers are stored.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The numbers of a document, the first one first and the others sorted.
    pub fn values(&self, doc: DocId) -> impl Iterator<Item = f64> {
        let first = self.first.get(doc).copied();
        let others = first.and_then(|_| self.others.get(&doc)).map_or(&[][..], |others| others);
        first.into_iter().chain(others.iter().copied())
    }

    /// The numbers of a document from a start to an end, which is not among them.
    fn values_within(&self, doc: DocId, start: f64, end: Option<f64>) -> impl Iterator<Item = f64> {
        let is_before_end = move |value: &f64| end.is_none_or(|end| *value < end);
        let first = self.first.get(doc).copied().filter(|value| *value >= start && is_before_end(value));
        let others = self.others.get(&doc).map_or(&[][..], |others| others);
        let from = others.partition_point(|value| *value < start);
        first.into_iter().chain(others[from..].iter().copied().take_while(is_before_end))
    }

    /// The first number of a document, by which it is sorted.
    pub fn value(&self, doc: DocId) -> Option<f64> {
        self.first.get(doc).copied()
    }

    /// Sets the numbers of a document, which replace those it had. None: the document goes. Says whether anything changed.
    pub fn set(&mut self, doc: DocId, values: &[f64]) -> bool {
        let mut wanted: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
        if let Some(others) = wanted.get_mut(1..) {
            others.sort_unstable_by(f64::total_cmp);
        }
        if self.values(doc).eq(wanted.iter().copied()) {
            return false;
        }
        self.remove(doc);
        let Some((&first, others)) = wanted.split_first() else { return true };
        self.first.set(doc, first);
        if !others.is_empty() {
            self.other_bytes += size_of_val(others);
            self.others.insert(doc, others.into());
        }
        for &value in &wanted {
            let at = self.leaf_of(value);
            let leaf = &mut self.leaves[at];
            self.leaf_bytes -= leaf.docs.memory();
            leaf.docs.insert(doc);
            self.leaf_bytes += leaf.docs.memory();
            leaf.entries += 1;
            self.entries += 1;
        }
        // Cutting reads the numbers back from the column, so all of them have to be in their leaves by now.
        for &value in &wanted {
            let at = self.leaf_of(value);
            if self.leaves[at].entries > self.leaves[at].cut_at {
                self.cut(at);
            }
        }
        true
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        let values: Vec<f64> = self.values(doc).collect();
        self.first.remove(doc);
        self.other_bytes -= self.others.remove(&doc).map_or(0, |others| size_of_val(&*others));
        for value in values {
            let at = self.leaf_of(value);
            let leaf = &mut self.leaves[at];
            self.leaf_bytes -= leaf.docs.memory();
            // All numbers of the document go, so none can keep it in the leaf.
            leaf.docs.remove(doc);
            self.leaf_bytes += leaf.docs.memory();
            leaf.entries -= 1;
            self.entries -= 1;
            if leaf.entries < LEAF / 8 {
                self.join(at);
            }
        }
    }

    /// The leaf whose interval holds a number.
    fn leaf_of(&self, value: f64) -> usize {
        self.leaves.partition_point(|leaf| leaf.start <= value).saturating_sub(1)
    }

    /// Where the interval of a leaf ends (the end is not in it).
    fn end_of(&self, at: usize) -> Option<f64> {
        self.leaves.get(at + 1).map(|leaf| leaf.start)
    }

    /// Cuts a leaf at the median of its numbers, if they differ.
    fn cut(&mut self, at: usize) {
        let end = self.end_of(at);
        let start = self.leaves[at].start;
        let mut numbers: Vec<f64> =
            self.leaves[at].docs.iter().flat_map(|doc| self.values_within(doc, start, end)).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let smallest = numbers[0];
        let median = numbers[numbers.len() / 2];
        // The start of the right half: the median, or what follows it when the left half would be empty.
        let Some(&middle) = numbers.iter().find(|v| **v > smallest && **v >= median) else {
            self.leaves[at].cut_at = self.leaves[at].entries.saturating_mul(2);
            return;
        };
        let mut right = Leaf::starting(middle);
        let mut left = Leaf::starting(start);
        for doc in self.leaves[at].docs.iter() {
            for value in self.values_within(doc, start, end) {
                let side = if value < middle { &mut left } else { &mut right };
                side.docs.insert(doc);
                side.entries += 1;
            }
        }
        for side in [&mut left, &mut right] {
            side.cut_at = side.entries.max(LEAF);
        }
        self.leaf_bytes += left.docs.memory() + right.docs.memory();
        self.leaf_bytes -= self.leaves[at].docs.memory();
        self.leaves[at] = left;
        self.leaves.insert(at + 1, right);
    }

    /// Joins a leaf with a neighbor, if both together are small.
    fn join(&mut self, at: usize) {
        for left in [at.checked_sub(1), Some(at)].into_iter().flatten() {
            let Some(right) = self.leaves.get(left + 1) else { continue };
            if self.leaves[left].entries + right.entries <= LEAF / 2 {
                let right = self.leaves.remove(left + 1);
                let joined = &mut self.leaves[left];
                self.leaf_bytes -= joined.docs.memory() + right.docs.memory();
                for doc in right.docs.iter() {
                    joined.docs.insert(doc);
                }
                self.leaf_bytes += joined.docs.memory();
                joined.entries += right.entries;
                joined.cut_at = LEAF;
                return;
            }
        }
    }

    /// The leaves that a range touches: the first, and one past the last.
    fn touched(&self, range: &Range) -> (usize, usize) {
        if range.min.is_nan() || range.max.is_nan() || range.min > range.max {
            return (0, 0);
        }
        (self.leaf_of(range.min), self.leaf_of(range.max) + 1)
    }

    /// At most how many documents are in a range.
    pub fn estimate(&self, range: &Range) -> u64 {
        let (from, to) = self.touched(range);
        self.leaves[from..to].iter().map(|leaf| leaf.docs.len()).sum::<u64>().min(self.first.len() as u64)
    }

    /// At least how many documents are in a range; 0 where some have several numbers.
    pub fn at_least(&self, range: &Range) -> u64 {
        let (from, to) = self.touched(range);
        if to - from < 3 || !self.others.is_empty() {
            return 0;
        }
        // All but the leaves at the ends are inside.
        self.leaves[from + 1..to - 1].iter().map(|leaf| leaf.docs.len()).sum()
    }

    /// Whether one of the numbers of a document is in a range.
    pub fn matches(&self, doc: DocId, range: &Range) -> bool {
        let Some(first) = self.first.get(doc) else { return false };
        let inside = range.contains(*first);
        if self.others.is_empty() {
            return inside;
        }
        let is_below = |value: &f64| *value < range.min || *value == range.min && !range.min_inclusive;
        let lowest = |others: &[f64]| others.get(others.partition_point(is_below)).copied();
        inside || self.others.get(&doc).is_some_and(|others| lowest(others).is_some_and(|value| range.contains(value)))
    }

    /// Has the memory bring the first numbers of documents, whose loads don't depend on each other.
    pub fn fetch(&self, docs: &mut dyn Iterator<Item = DocId>) {
        std::hint::black_box(docs.fold(0, |all, doc| all ^ self.first.get(doc).map_or(0, |value| value.to_bits())));
    }

    /// The documents with a number in a range.
    pub fn range(&self, range: &Range) -> RoaringBitmap {
        let (from, to) = self.touched(range);
        let (mut inside, mut at_ends) = (Vec::with_capacity(to - from), Vec::new());
        for at in from..to {
            let leaf = &self.leaves[at];
            let starts_inside = leaf.start > range.min || leaf.start == range.min && range.min_inclusive;
            let ends_inside = match self.end_of(at) {
                Some(end) => end <= range.max,
                None => range.max == f64::INFINITY && range.max_inclusive,
            };
            if starts_inside && ends_inside {
                inside.push(&leaf.docs);
            } else {
                at_ends.extend(leaf.docs.iter().filter(|doc| self.matches(*doc, range)).map(|doc| doc.0));
            }
        }
        let mut found = IdSet::union(inside);
        found.extend(at_ends);
        found
    }

    /// Bytes held: sums that are kept.
    pub fn memory(&self) -> usize {
        let slot = size_of::<(DocId, Box<[f64]>)>() + 1;
        self.first.memory()
            + self.others.capacity() * slot
            + self.other_bytes
            + self.leaves.capacity() * size_of::<Leaf>()
            + self.leaf_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    impl NumericIndex {
        /// What the top of the file promises.
        fn check_invariants(&self) {
            assert_eq!(self.leaves[0].start, f64::NEG_INFINITY);
            assert_eq!(self.leaf_bytes, self.leaves.iter().map(|leaf| leaf.docs.memory()).sum::<usize>());
            assert_eq!(self.other_bytes, self.others.values().map(|others| size_of_val(&**others)).sum::<usize>());
            assert!(self.leaves.windows(2).all(|pair| pair[0].start < pair[1].start));
            assert_eq!(self.leaves.iter().map(|l| u64::from(l.entries)).sum::<u64>(), self.entries);
            for (at, leaf) in self.leaves.iter().enumerate() {
                let inside = |v: f64| v >= leaf.start && self.end_of(at).is_none_or(|end| v < end);
                let (mut docs, mut entries) = (IdSet::Empty, 0);
                for (doc, _) in self.first.iter() {
                    let here = self.values(doc).filter(|v| inside(*v)).count();
                    entries += here as u32;
                    if here > 0 {
                        docs.insert(doc);
                    }
                }
                assert_eq!(entries, leaf.entries);
                assert_eq!(docs, leaf.docs);
            }
        }
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            (0i32..40).prop_map(f64::from),
            any::<f64>(),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(-0.0)
        ]
    }

    fn range() -> impl Strategy<Value = Range> {
        (number(), number(), any::<bool>(), any::<bool>()).prop_map(|(min, max, min_inclusive, max_inclusive)| Range {
            min,
            max,
            min_inclusive,
            max_inclusive,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn ranges_find_what_a_scan_finds(
            ops in prop::collection::vec((0u32..60, prop::collection::vec(number(), 0..4)), 0..200),
            ranges in prop::collection::vec(range(), 1..8),
            many in 0u32..3,
            single in any::<bool>(),
        ) {
            let mut index = NumericIndex::default();
            let mut model: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
            // Enough documents for leaves to be cut, and all of them gone again for leaves to be joined.
            for doc in 0..many * 3000 {
                let numbers = [f64::from(doc % 50), f64::from(doc)];
                index.set(DocId(1000 + doc), &numbers[usize::from(single)..]);
            }
            for (doc, values) in ops {
                index.set(DocId(doc), &values);
                if values.is_empty() { model.remove(&doc); } else { model.insert(doc, values); }
            }
            index.check_invariants();
            for range in &ranges {
                let found = index.range(range);
                prop_assert!(index.estimate(range) >= found.len());
                prop_assert!(index.at_least(range) <= found.len());
                for doc in found.iter() {
                    prop_assert!(index.matches(DocId(doc), range));
                }
                let expected = model.iter().filter(|(_, v)| v.iter().any(|v| range.contains(*v))).map(|(d, _)| *d);
                prop_assert!(found.iter().filter(|d| *d < 1000).eq(expected));
            }
            for doc in 0..many * 3000 {
                index.remove(DocId(1000 + doc));
            }
            index.check_invariants();
            for doc in model.into_keys() {
                index.remove(DocId(doc));
            }
            prop_assert_eq!(index.entries(), 0);
            prop_assert_eq!(index.leaves.len(), 1);
        }
    }

    #[test]
    fn a_write_of_the_same_numbers_changes_nothing() {
        let mut index = NumericIndex::default();
        assert!(index.set(DocId(1), &[1.0, 2.0]));
        assert!(!index.set(DocId(1), &[1.0, 2.0]));
        assert!(index.set(DocId(1), &[2.0, 1.0]));
        assert!(index.set(DocId(1), &[]));
        assert!(!index.set(DocId(1), &[]));
    }
}
