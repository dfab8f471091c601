//! A sorted sequence that can be changed in the middle: short sorted runs, one after the other.
//!
//! The order is the caller's: entries are numbers that mean something only to him (a term, a suffix of a term), so every
//! search takes the predicate "is before what I look for". Four bytes an entry where a tree of strings takes fifty.

/// Entries in a run before it is split.
const RUN: usize = 512;

/// Where an entry is, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    run: usize,
    at: usize,
}

/// A sorted sequence in runs, none of which is empty.
#[derive(Debug)]
pub struct Runs<E> {
    runs: Vec<Vec<E>>,
    /// Entries that all runs have room for.
    room: usize,
}

impl<E> Default for Runs<E> {
    fn default() -> Self {
        Self { runs: Vec::new(), room: 0 }
    }
}

impl<E: Copy> Runs<E> {
    /// The first entry that is not before the target. `before` must be true for a prefix of the sequence only.
    pub fn lower_bound(&self, before: impl Fn(E) -> bool) -> Position {
        let run = self.runs.partition_point(|run| run.last().is_some_and(|last| before(*last)));
        let at = self.runs.get(run).map_or(0, |entries| entries.partition_point(|entry| before(*entry)));
        Position { run, at }
    }

    /// Puts an entry where [`Runs::lower_bound`] said.
    pub fn insert(&mut self, position: Position, entry: E) {
        let Position { mut run, mut at } = position;
        if run == self.runs.len() {
            // Past the end: at the end of the last run, unless there is none.
            match self.runs.last() {
                Some(last) => (run, at) = (run - 1, last.len()),
                None => self.runs.push(Vec::new()),
            }
        }
        let entries = &mut self.runs[run];
        self.room -= entries.capacity();
        entries.insert(at, entry);
        let tail = (entries.len() > RUN).then(|| entries.split_off(entries.len() / 2));
        self.room += entries.capacity();
        if let Some(tail) = tail {
            self.room += tail.capacity();
            self.runs.insert(run + 1, tail);
        }
    }

    /// The entry at a position.
    pub fn get(&self, position: Position) -> Option<E> {
        self.runs.get(position.run)?.get(position.at).copied()
    }

    /// Takes out the entry at a position, if there is one.
    pub fn remove(&mut self, position: Position) -> Option<E> {
        let entries = self.runs.get_mut(position.run)?;
        if position.at >= entries.len() {
            return None;
        }
        let entry = entries.remove(position.at);
        self.room -= entries.capacity();
        if entries.is_empty() {
            self.runs.remove(position.run);
        } else {
            if entries.len() * 4 < entries.capacity() {
                entries.shrink_to(entries.len() * 2);
            }
            self.room += entries.capacity();
        }
        Some(entry)
    }

    /// The entries from a position on.
    pub fn iter_from(&self, position: Position) -> impl Iterator<Item = E> {
        let head = self.runs.get(position.run).map_or(&[][..], |run| &run[position.at.min(run.len())..]);
        let tail = self.runs.get(position.run + 1..).unwrap_or(&[]);
        head.iter().chain(tail.iter().flatten()).copied()
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = E> {
        self.runs.iter().flatten().copied()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.runs.capacity() * size_of::<Vec<E>>() + self.room * size_of::<E>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_a_sorted_sequence(ops in prop::collection::vec((0u8..4, 0u32..3000), 0..2500), from in 0u32..3000) {
            let mut runs = Runs::default();
            let mut model = std::collections::BTreeSet::new();
            for (kind, value) in ops {
                let position = runs.lower_bound(|e: u32| e < value);
                let there = runs.get(position) == Some(value);
                prop_assert_eq!(there, model.contains(&value));
                if kind > 0 && !there {
                    runs.insert(position, value);
                    model.insert(value);
                } else if kind == 0 && there {
                    prop_assert_eq!(runs.remove(position), Some(value));
                    model.remove(&value);
                }
            }
            prop_assert_eq!(runs.room, runs.runs.iter().map(Vec::capacity).sum::<usize>());
            prop_assert!(runs.iter().eq(model.iter().copied()));
            let at = runs.lower_bound(|e| e < from);
            prop_assert!(runs.iter_from(at).eq(model.range(from..).copied()));
            prop_assert!(runs.runs.iter().all(|run| !run.is_empty() && run.len() <= RUN));
        }
    }
}
