//! What a thread needs to search or to link: marks, heaps and buffers, kept between calls so that nothing is allocated.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::distance::{Outline, Sketch};

/// Distance and row in one word that orders by distance, then by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(u64);

impl Key {
    /// # Panics
    /// Never; NaN has become infinity before.
    #[inline(always)]
    pub fn new(distance: f32, row: u32) -> Key {
        let bits = distance.to_bits();
        // Negative floats order backwards as integers, positive ones forwards.
        let ordered = bits ^ ((((bits as i32) >> 31) as u32) | 0x8000_0000);
        Key(u64::from(ordered) << 32 | u64::from(row))
    }

    #[inline(always)]
    pub fn row(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub fn distance(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        let bits = ordered ^ ((((!ordered as i32) >> 31) as u32) | 0x8000_0000);
        f32::from_bits(bits)
    }
}

/// Which rows a search has seen; forgetting costs as much as was seen.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// A power of two of words, or none.
    bits: Vec<u64>,
    /// The marked rows, in the order they were.
    seen: Vec<u32>,
    /// Where in it those begin that [`Marks::meet`] marked last.
    fresh: usize,
}

/// Moves the rows that are to be kept to the front, without a branch for each: for what cannot be foretold. How many they are.
#[inline(always)]
pub(super) fn retain_unforeseen(rows: &mut [u32], mut keep: impl FnMut(u32) -> bool) -> usize {
    let mut left = 0;
    for i in 0..rows.len() {
        let row = rows[i];
        rows[left] = row;
        left += usize::from(keep(row));
    }
    left
}

impl Marks {
    /// Makes room for the mark of a row, or of any with no other bits than these.
    #[inline(always)]
    fn reach(&mut self, row: u32) {
        let word = (row / 64) as usize;
        if word >= self.bits.len() {
            self.bits.resize((word + 1).next_power_of_two(), 0);
        }
    }

    /// Marks a row; whether it was not marked before.
    #[inline(always)]
    pub fn insert(&mut self, row: u32) -> bool {
        self.reach(row);
        let (word, bit) = (&mut self.bits[(row / 64) as usize], 1 << (row % 64));
        let fresh = *word & bit == 0;
        if fresh {
            *word |= bit;
            self.seen.push(row);
        }
        fresh
    }

    /// Marks the rows that `list` pushes; [`Marks::fresh`] are those of them that were not marked before.
    #[inline(always)]
    pub fn meet(&mut self, list: impl FnOnce(&mut Vec<u32>)) {
        let Marks { seen, fresh, .. } = self;
        *fresh = seen.len();
        list(seen);
        // There is a power of two of words: what has room for all bits has room for each.
        let all = seen[*fresh..].iter().fold(0, |all, row| all | row);
        self.reach(all);
        let Marks { bits, seen, fresh } = self;
        // About half of a node's neighbors were seen before, in no order.
        let unmarked = retain_unforeseen(&mut seen[*fresh..], |row| {
            let (word, bit) = (&mut bits[(row / 64) as usize], 1 << (row % 64));
            let unmarked = *word & bit == 0;
            *word |= bit;
            unmarked
        });
        seen.truncate(*fresh + unmarked);
    }

    /// The rows that [`Marks::meet`] marked last, in their order; none other was marked since.
    #[inline(always)]
    pub fn fresh(&self) -> &[u32] {
        &self.seen[self.fresh..]
    }

    /// The marked rows, in the order they were.
    pub fn seen(&self) -> &[u32] {
        &self.seen
    }

    /// Whether a row is marked.
    #[inline(always)]
    pub fn contains(&self, row: u32) -> bool {
        self.bits.get((row / 64) as usize).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for row in self.seen.drain(..) {
            self.bits[(row / 64) as usize] = 0;
        }
        self.fresh = 0;
    }
}

/// Adds to the `ef` nearest.
#[inline(always)]
pub(super) fn offer(nearest: &mut BinaryHeap<Key>, ef: usize, key: Key) {
    if nearest.len() < ef {
        nearest.push(key);
    } else if let Some(mut worst) = nearest.peek_mut()
        && key < *worst
    {
        *worst = key;
    }
}

/// A pool in which all is equally far may become larger by so many times what it was.
const FLAT: usize = 3;
/// What is not farther than this is near: copies, whose codes are as far from each other as rounding says.
const NEAR: f32 = 0.01;

/// The nearest rows that a walk has met, sorted, each marked once it was expanded. For beams of up to a few hundred a
/// sorted array beats two heaps: what is inserted mostly goes near the end, and moving some words is one instruction.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Keys shifted: distance, 31 bits of row with some of them turned, and the mark.
    keys: Vec<u64>,
    /// How often it was widened since all that it holds is equally far.
    flat: usize,
    /// The bits that are turned: which of many equally near rows come first.
    turned: u32,
    room: usize,
    /// Everything before is expanded.
    next: usize,
    /// What it had no room for, where that is kept: none of it is nearer than the last key.
    beyond: Vec<u64>,
}

impl Pool {
    /// Empties it and gives it room.
    pub fn reset(&mut self, room: usize) {
        self.keys.clear();
        self.beyond.clear();
        self.room = room;
        self.next = 0;
        self.flat = 0;
    }

    /// Has other rows come first of those that are equally near: with 0 the lowest, which is how searches have it. Linking turns bits
    /// that its row decides. Otherwise, where many are equally near, all would link to the same few.
    pub fn turn(&mut self, bits: u32) {
        self.turned = bits & (u32::MAX >> 1);
    }

    /// Makes room for one more: a row was inserted that is only a way, not a hit.
    #[inline(always)]
    pub fn widen(&mut self) {
        self.room += 1;
    }

    /// Whether a key of this distance would be inserted. Where all that it holds is as far as this one, and not near, nothing tells
    /// where to go on: then there is room for more of it.
    #[inline(always)]
    pub fn takes(&mut self, key: Key) -> bool {
        if self.keys.len() < self.room {
            return true;
        }
        let (key, last) = (self.pack(key), self.keys[self.keys.len() - 1]);
        key < last || key >> 32 == last >> 32 && self.widen_flat(last)
    }

    /// Makes room for one more if all that it holds is as far as the last key, up to some times as many.
    #[cold]
    fn widen_flat(&mut self, last: u64) -> bool {
        let is_far = Key(last).distance() > NEAR;
        let is_flat = is_far && self.keys[0] >> 32 == last >> 32 && self.flat < FLAT * (self.room - self.flat);
        self.flat += usize::from(is_flat);
        self.room += usize::from(is_flat);
        is_flat
    }

    #[inline(always)]
    fn pack(&self, key: Key) -> u64 {
        (key.0 >> 32 << 32) | u64::from(key.row() ^ self.turned) << 1
    }

    /// Inserts a key that it [`Pool::takes`]; whether it is the next to be expanded.
    #[inline(always)]
    pub fn insert(&mut self, key: Key) -> bool {
        let key = self.pack(key);
        if self.keys.len() >= self.room {
            self.keys.pop();
        }
        let place = self.keys.partition_point(|&other| other < key);
        self.keys.insert(place, key);
        let first = place <= self.next;
        if first {
            self.next = place;
        }
        first
    }

    /// As [`Pool::insert`], of any key; what there is no room for is kept until [`Pool::take_beyond`].
    #[inline(always)]
    pub fn insert_or_keep(&mut self, key: Key) -> bool {
        if !self.takes(key) {
            self.beyond.push(self.pack(key));
            return false;
        }
        if self.keys.len() >= self.room {
            self.beyond.extend(self.keys.last());
        }
        self.insert(key)
    }

    /// Makes room for so many more, and takes in the nearest of what there was no room for.
    pub fn take_beyond(&mut self, more: usize) {
        self.room = self.room.saturating_add(more);
        let free = self.room - self.keys.len();
        if free < self.beyond.len() {
            self.beyond.select_nth_unstable(free);
            self.beyond.truncate(free);
        }
        self.beyond.sort_unstable();
        self.keys.append(&mut self.beyond);
    }

    /// The nearest row that was not expanded, which now counts as expanded.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<u32> {
        while let Some(key) = self.keys.get_mut(self.next) {
            self.next += 1;
            if *key & 1 == 0 {
                *key |= 1;
                return Some((*key as u32) >> 1 ^ self.turned);
            }
        }
        None
    }

    /// The row that [`Pool::pop`] would give.
    #[inline(always)]
    pub fn peek(&self) -> Option<u32> {
        self.keys.get(self.next).filter(|&key| key & 1 == 0).map(|&key| (key as u32) >> 1 ^ self.turned)
    }

    /// What it holds, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = Key> + '_ {
        let turned = u64::from(self.turned);
        self.keys.iter().map(move |&key| Key((key >> 32 << 32) | (key & 0xFFFF_FFFF) >> 1 ^ turned))
    }
}

/// A thread's working memory; grows to what the largest search needed. See the module's documentation.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) marks: Marks,
    /// What a filter was asked about and refused.
    pub(super) failed: Marks,
    /// The beam of a walk.
    pub(super) pool: Pool,
    /// Rows to expand, nearest first, where the beam is very wide or filtered.
    pub(super) frontier: BinaryHeap<Reverse<Key>>,
    /// The nearest found, farthest first, where the beam is very wide or filtered.
    pub(super) nearest: BinaryHeap<Key>,
    /// Where a walk begins; then what it found, nearest first.
    pub(super) found: Vec<Key>,
    /// What waits to be linked, for the end of a walk.
    pub(super) tail: Vec<Key>,
    /// Rows whose distance is wanted.
    pub(super) batch: Vec<u32>,
    /// The distances of `batch`, or of what a walk has met.
    pub(super) distances: Vec<f32>,
    /// The neighbors of what a walk will probably expand next; or removed ones that it looks over.
    pub(super) soon: Vec<u32>,
    /// Rows that were expanded before they were wholly linked.
    pub(super) unsettled: Vec<u32>,
    /// Links chosen for a node.
    pub(super) chosen: Vec<Key>,
    /// Their rows; in a filtered walk, neighbors that do not match.
    pub(super) rows: Vec<u32>,
    /// A list of neighbors that is being worked on.
    pub(super) list: List,
    /// Pairs of nodes that lost a common neighbor: how far apart, and which.
    pub(super) pairs: Vec<(Key, [u32; 2])>,
    /// What a walk by coarse codes compares them with.
    pub(super) sketch: Sketch,
    pub(super) outline: Outline,
}

/// A node's neighbors by distance, and buffers for finding them.
#[derive(Debug, Default)]
pub(super) struct List {
    pub keys: Vec<Key>,
    pub rows: Vec<u32>,
    pub distances: Vec<f32>,
    /// See [`Scratch::compared`].
    pub compared: u64,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Works with the thread's own; with a new one where that is in use further up the stack.
pub fn with<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => {
            let done = work(&mut scratch);
            scratch.trim();
            done
        }
        Err(_) => work(&mut Scratch::default()),
    })
}

/// Room that a buffer keeps from one piece of work to the next, and what is noted of every row a walk has seen.
const KEPT: usize = 1 << 10;
const KEPT_SEEN: usize = 1 << 12;

/// Gives back what an unusually large piece of work has needed.
fn trim<T>(buffer: &mut Vec<T>, kept: usize) {
    if buffer.capacity() > kept {
        buffer.clear();
        buffer.shrink_to(kept);
    }
}

impl Scratch {
    /// Copies what the pool holds to `found`, nearest first.
    pub(super) fn collect_pool(&mut self) {
        self.found.clear();
        self.found.extend(self.pool.iter());
    }

    /// Moves what is nearest to `found`, nearest first.
    pub(super) fn collect_nearest(&mut self) {
        self.found.clear();
        self.found.extend(self.nearest.drain());
        self.found.sort_unstable();
    }

    /// Gives back what an unusually large piece of work has needed, but for a bit per row.
    fn trim(&mut self) {
        self.marks.clear();
        self.failed.clear();
        trim(&mut self.marks.seen, KEPT_SEEN);
        trim(&mut self.failed.seen, KEPT_SEEN);
        trim(&mut self.pool.keys, KEPT + 1);
        trim(&mut self.pool.beyond, KEPT_SEEN);
        for keys in [&mut self.found, &mut self.tail, &mut self.chosen, &mut self.list.keys] {
            trim(keys, KEPT);
        }
        for rows in [&mut self.batch, &mut self.soon, &mut self.rows, &mut self.unsettled, &mut self.list.rows] {
            trim(rows, KEPT);
        }
        trim(&mut self.distances, KEPT);
        trim(&mut self.list.distances, KEPT);
        trim(&mut self.pairs, KEPT);
        if self.frontier.capacity() > KEPT {
            self.frontier = BinaryHeap::new();
        }
        if self.nearest.capacity() > KEPT {
            self.nearest = BinaryHeap::new();
        }
    }

    /// How many vectors searches have compared with what they were for, by distances or by estimates, since it was made.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.list.compared
    }

    /// Takes note of so many comparisons.
    #[inline(always)]
    pub(super) fn count(&mut self, compared: usize) {
        self.list.compared += compared as u64;
    }

    /// Bytes it holds.
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>()
            + (self.marks.bits.capacity() + self.failed.bits.capacity()) * 8
            + (self.pool.keys.capacity() + self.pool.beyond.capacity()) * 8
            + (self.frontier.capacity() + self.nearest.capacity()) * 8
            + (self.found.capacity() + self.tail.capacity() + self.chosen.capacity() + self.list.keys.capacity()) * 8
            + (self.marks.seen.capacity()
                + self.failed.seen.capacity()
                + self.batch.capacity()
                + self.soon.capacity()
                + self.distances.capacity())
                * 4
            + (self.rows.capacity()
                + self.unsettled.capacity()
                + self.list.rows.capacity()
                + self.list.distances.capacity())
                * 4
            + self.pairs.capacity() * size_of::<(Key, [u32; 2])>()
            + self.sketch.memory_usage()
            + self.outline.memory_usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_order_as_distances_and_give_them_back(a in any::<f32>(), b in any::<f32>(), row in any::<u32>()) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            let (x, y) = (Key::new(a, row), Key::new(b, row));
            prop_assert_eq!((x.distance().to_bits(), x.row()), (a.to_bits(), row));
            if a != b {
                prop_assert_eq!(x < y, a < b);
            }
        }

        #[test]
        fn a_pool_holds_the_nearest(
            offers in proptest::collection::vec((0u8..20, 0u32..1000, any::<bool>()), 0..200),
            room in 1usize..30,
        ) {
            let mut pool = Pool::default();
            pool.reset(room);
            let (mut model, mut expanded) = (Vec::new(), std::collections::HashSet::new());
            for (i, (distance, _, pop)) in offers.into_iter().enumerate() {
                let key = Key::new(f32::from(distance), i as u32);
                if pool.takes(key) {
                    pool.insert(key);
                }
                model.push(key);
                model.sort_unstable();
                model.truncate(room);
                // Where all is equally far, it may hold more.
                prop_assert_eq!(pool.iter().take(room).collect::<Vec<Key>>(), model.clone());
                if pop {
                    let nearest = pool.iter().map(|key| key.row()).find(|row| !expanded.contains(row));
                    prop_assert_eq!(pool.pop(), nearest);
                    expanded.extend(nearest);
                }
            }
        }

        #[test]
        fn a_pool_takes_the_nearest_of_what_it_had_no_room_for(
            before in proptest::collection::vec((0u8..20, any::<bool>()), 0..100),
            after in proptest::collection::vec((0u8..20, any::<bool>()), 0..50),
            room in 1usize..30,
            more in 0usize..60,
        ) {
            let mut pool = Pool::default();
            pool.reset(room);
            let (mut model, mut expanded) = (Vec::new(), std::collections::HashSet::new());
            let count = before.len();
            for (i, (distance, pop)) in before.into_iter().chain(after).enumerate() {
                if i == count {
                    pool.take_beyond(more);
                }
                let room = if i < count { room } else { room + more };
                let key = Key::new(f32::from(distance), i as u32);
                if i < count {
                    pool.insert_or_keep(key);
                } else if pool.takes(key) {
                    pool.insert(key);
                }
                model.push(key);
                model.sort_unstable();
                if i >= count {
                    model.truncate(room);
                }
                let nearest = &model[..room.min(model.len())];
                prop_assert_eq!(pool.iter().take(room).collect::<Vec<Key>>(), nearest);
                if pop {
                    let next = pool.iter().map(|key| key.row()).find(|row| !expanded.contains(row));
                    prop_assert_eq!(pool.pop(), next);
                    expanded.extend(next);
                }
            }
        }

        #[test]
        fn marks_are_a_set(rows in proptest::collection::vec(0u32..500, 0..300)) {
            let mut marks = Marks::default();
            for _ in 0..2 {
                let mut model = std::collections::HashSet::new();
                let (together, alone) = rows.split_at(rows.len() / 2);
                for together in together.chunks(40) {
                    marks.meet(|list| list.extend_from_slice(together));
                    let expected: Vec<u32> = together.iter().copied().filter(|&row| model.insert(row)).collect();
                    prop_assert_eq!(marks.fresh(), expected);
                }
                prop_assert_eq!(marks.seen().len(), model.len());
                for &row in alone {
                    prop_assert_eq!(marks.insert(row), model.insert(row));
                }
                marks.clear();
                prop_assert!(rows.iter().all(|&row| !marks.contains(row)));
            }
        }
    }
}
