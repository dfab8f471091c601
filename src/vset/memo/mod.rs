//! Which elements pass a filter, remembered from one search to the next with the same expression.
//!
//! | file | what |
//! |---|---|
//! | here | [`Memo`]: what a set remembers, by expression |
//! | [`passing`] | [`Passing`]: the nodes that pass one expression |
//! | [`column`] | [`Column`]: what the elements have in one field |
//! | [`log`] | [`Log`]: the nodes that changed last |
//!
//! 1. **Learned when it pays.** A search whose filter so few pass that it has to ask about every element remembers the
//!    answers. Where many pass, a search asks about few: only when so many were asked with one expression, are all asked,
//!    after the answer of a search ([`Memo::is_worth_asking_all`]).
//! 2. **Never behind.** The writing thread appends every node that it changes to the log. A search first asks again about
//!    those that were appended since what it remembers was true ([`Memo::since`]), so that it sees all that was written
//!    before it. Too far behind, it is learned anew.
//! 3. **Never a ghost.** What is remembered chooses candidates; of the hits, each is asked about once more.
//! 4. **Nobody waits.** A [`Passing`] does not change; searches share it. The lock on the table is held to look up or to put
//!    in; who doesn't get it at once goes without. Writing never takes it.
//! 5. **Bounded.** What was used longest ago is forgotten when there are more than [`MOST`] expressions, or they take more
//!    than [`BYTES_PER_ELEMENT`]; what is too far behind is forgotten, by the background work and
//!    by who asks all ([`Memo::sweep`]).
//! 6. **Many expressions, few fields.** Where all are asked with one expression after the other ([`OFTEN`]), or so many by walks
//!    that all could have been ([`Memo::is_worth_columns`]), what they have in the fields asked for is remembered too, in
//!    [`COLUMNS`] columns at most, by the rules 2 to 5. Then an expression that was never seen takes a fraction of a
//!    nanosecond for each element, if it has a [plan](super::filter::Plan).

mod column;
mod log;
mod passing;

pub(super) use column::{BLOCK, Column, MISSING, NULL, TEXT, UNSAID, WORDS, is_mark};
pub(super) use passing::Passing;

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use super::filter::Filter;
use super::random::level_hash as hash;
use crate::vector::NodeId;
use crate::vector::allocation::taken;

use log::Log;
pub(super) use log::Place;

/// Bytes that may be remembered for each element of a set.
const BYTES_PER_ELEMENT: usize = 4;
/// Bytes that a small set may take.
const LEAST_BYTES: usize = 4096;
/// Expressions that may be remembered.
const MOST: usize = 1024;
/// In sets of fewer elements, asking about all takes less time than anything else of a search.
const SMALL: usize = 256;
/// All are asked when with one expression this part of their number has been asked: by then, its searches took as long as
/// that will take. (For each element that a walk asks, it takes 0.6 µs; asking all takes 30 ns each.)
const ASKED: usize = 16;
/// How many times all are asked before columns are made.
const OFTEN: usize = 2;
/// Columns that are remembered.
const COLUMNS: usize = 4;
/// How often the lock is tried.
const PATIENCE: usize = 100;

/// What a set remembers about filters. See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Memo {
    log: Log,
    /// Made when something is remembered.
    table: OnceLock<Box<Mutex<Table>>>,
    bytes: AtomicUsize,
    /// How many times all were asked.
    times: AtomicUsize,
    /// How many elements were asked by walks with new expressions that columns would answer, since the last were made.
    unanswered: AtomicUsize,
}

/// The expressions, by their hash.
#[derive(Debug, Default)]
struct Table {
    entries: Vec<Entry>,
    columns: Vec<Named>,
    /// Bytes of what the entries own.
    bytes: usize,
    /// Counts what [`Entry::used`] is told in.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    expression: Box<[u8]>,
    passing: Option<Arc<Passing>>,
    /// How many elements have been asked about without remembering.
    asked: usize,
    used: u64,
}

/// A column, by the name of its field.
#[derive(Debug)]
struct Named {
    field: Box<[u8]>,
    column: Arc<Column>,
    bytes: usize,
    used: u64,
}

impl Entry {
    fn memory(&self) -> usize {
        taken(self.expression.len().max(1)) + self.passing.as_ref().map_or(0, |passing| passing.memory())
    }
}

impl Memo {
    /// Notes that a node was published, was removed or has other attributes; after it has. One thread at a time.
    pub fn note(&self, id: NodeId) {
        self.log.append(id);
    }

    /// The nodes that pass a filter, as they were some time ago.
    pub fn find(&self, filter: &Filter) -> Option<Arc<Passing>> {
        let mut table = self.table()?;
        let passing = table.entry(filter)?.passing.clone();
        drop(table);
        passing
    }

    /// The place in the log from which on changes are to be looked at by who asks about all of `nodes` from now on; `None`
    /// where that is not worth remembering.
    pub fn begin(&self, nodes: usize) -> Option<Place> {
        (nodes >= SMALL).then(|| self.log.begin(nodes))
    }

    /// The nodes that changed since `place`, each once, ascending, and the place up to which that is said. `None`: they are
    /// too many to be known.
    pub fn since(&self, place: Place) -> Option<(Place, Vec<NodeId>)> {
        self.log.since(place)
    }

    /// How many nodes [`Memo::since`] would give, at most.
    pub fn behind(&self, place: Place) -> usize {
        self.log.behind(place)
    }

    /// Remembers who passes a filter, unless something newer is remembered, in a set of so many elements.
    pub fn keep(&self, filter: &Filter, passing: &Arc<Passing>, elements: usize) {
        let forgotten = self.change(filter, elements, |entry| {
            entry.asked = 0;
            match &entry.passing {
                Some(old) if old.place() >= passing.place() => None,
                _ => entry.passing.replace(Arc::clone(passing)),
            }
        });
        // Outside of the lock.
        drop(forgotten);
    }

    /// Notes that so many elements were asked about with a filter that is not remembered; whether none were before.
    pub fn note_asked(&self, filter: &Filter, asked: usize, elements: usize) -> bool {
        if elements < SMALL {
            return false;
        }
        let mut is_new = false;
        let forgotten = self.change(filter, elements, |entry| {
            is_new = entry.asked == 0;
            entry.asked = entry.asked.saturating_add(asked);
            entry.passing.take_if(|passing| !self.log.reaches(passing.place()))
        });
        drop(forgotten);
        is_new
    }

    /// Whether so many were asked about with a filter that asking about all elements would have cost little more. True
    /// once: who asks is to do it, if `take`.
    pub fn is_worth_asking_all(&self, filter: &Filter, elements: usize, take: bool) -> bool {
        let Some(mut table) = self.table() else { return false };
        let Some(entry) = table.entry(filter) else { return false };
        let is = entry.passing.is_none() && entry.asked >= (elements / ASKED).max(1);
        if is && take {
            entry.asked = 0;
        }
        is
    }

    /// Notes that a walk asked so many elements with a new expression that columns would answer, but are not there. One that
    /// comes again is learned itself.
    pub fn note_unanswered(&self, asked: usize) {
        self.unanswered.fetch_add(asked, Relaxed);
    }

    /// Whether so many were asked by walks that making columns would have cost little more. True once: who asks is to make them,
    /// if `take`.
    pub fn is_worth_columns(&self, elements: usize, take: bool) -> bool {
        let enough = OFTEN * (elements / ASKED).max(1);
        let asked = self.unanswered.load(Relaxed);
        let is = elements >= SMALL && asked >= enough;
        // Of those who see it at the same time, one.
        is && (!take || self.unanswered.compare_exchange(asked, 0, Relaxed, Relaxed).is_ok())
    }

    /// Notes that all are going to be asked; whether that is so often that columns are worth it.
    pub fn asks_often(&self) -> bool {
        self.times.fetch_add(1, Relaxed) >= OFTEN
    }

    /// What the elements had in a field some time ago.
    pub fn column(&self, field: &[u8]) -> Option<Arc<Column>> {
        let mut table = self.table()?;
        let column = Arc::clone(&table.column(field)?.column);
        drop(table);
        Some(column)
    }

    /// Remembers what the elements have in a field, unless something newer is remembered.
    pub fn keep_column(&self, field: &[u8], column: &Arc<Column>) {
        let bytes = taken(field.len().max(1)) + column.memory();
        self.table.get_or_init(Box::default);
        let Some(mut table) = self.table() else { return };
        let forgotten = match table.column(field) {
            Some(named) if named.column.place() >= column.place() => None,
            Some(named) => {
                named.bytes = bytes;
                Some(std::mem::replace(&mut named.column, Arc::clone(column)))
            }
            None => table.add_column(Named { field: field.into(), column: Arc::clone(column), bytes, used: 0 }),
        };
        self.bytes.store(table.memory(), Relaxed);
        drop(table);
        drop(forgotten);
    }

    /// How many changes there are since a column was current; `None` where nobody knows, or there is no such column.
    pub fn column_behind(&self, field: &[u8]) -> Option<usize> {
        let place = self.table()?.column(field)?.column.place();
        self.log.reaches(place).then(|| self.log.behind(place))
    }

    /// Forgets what is too far behind to be of use. It costs a load where little has changed since the last time.
    pub fn sweep(&self) {
        if !self.log.is_round() {
            return;
        }
        let Some(mut table) = self.table() else { return };
        let old = |entry: &mut Entry| match &entry.passing {
            Some(passing) => !self.log.reaches(passing.place()),
            None => false,
        };
        let forgotten: Vec<Entry> = table.entries.extract_if(.., old).collect();
        let old = |named: &mut Named| !self.log.reaches(named.column.place());
        let columns: Vec<Named> = table.columns.extract_if(.., old).collect();
        table.settle();
        self.bytes.store(table.memory(), Relaxed);
        drop(table);
        drop((forgotten, columns));
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let table = self.table.get().map_or(0, |table| taken(size_of_val(&**table)));
        table + self.bytes.load(Relaxed) + self.log.memory()
    }

    /// Changes the entry of a filter, which is made if there is none; what `with` returns and what had to go for it, to be
    /// dropped outside of the lock.
    fn change<T>(
        &self,
        filter: &Filter,
        elements: usize,
        with: impl FnOnce(&mut Entry) -> T,
    ) -> Option<(T, Vec<Entry>)> {
        self.table.get_or_init(Box::default);
        let mut table = self.table()?;
        if table.entry(filter).is_none() {
            table.insert(filter);
        }
        let entry = table.entry(filter)?;
        let before = entry.memory();
        let changed = with(entry);
        let after = entry.memory();
        table.bytes = table.bytes + after - before;
        let forgotten = table.make_room((BYTES_PER_ELEMENT * elements).max(LEAST_BYTES));
        self.bytes.store(table.memory(), Relaxed);
        Some((changed, forgotten))
    }

    /// The table, if there is one, and nobody else has it for long.
    fn table(&self) -> Option<MutexGuard<'_, Table>> {
        let table = self.table.get()?;
        for _ in 0..PATIENCE {
            match table.try_lock() {
                Ok(table) => return Some(table),
                // Nothing panics between two of its states.
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
            }
        }
        None
    }
}

impl Table {
    /// The entry of a filter, which is used now.
    fn entry(&mut self, filter: &Filter) -> Option<&mut Entry> {
        self.clock += 1;
        let hash = hash(filter.expression());
        let first = self.entries.partition_point(|entry| entry.hash < hash);
        let mut same = self.entries[first..].iter_mut().take_while(|entry| entry.hash == hash);
        let entry = same.find(|entry| *entry.expression == *filter.expression())?;
        entry.used = self.clock;
        Some(entry)
    }

    /// The column of a field, which is used now.
    fn column(&mut self, field: &[u8]) -> Option<&mut Named> {
        self.clock += 1;
        let named = self.columns.iter_mut().find(|named| *named.field == *field)?;
        named.used = self.clock;
        Some(named)
    }

    /// Adds a column that is not there; the one that has to go for it.
    fn add_column(&mut self, mut named: Named) -> Option<Arc<Column>> {
        named.used = self.clock;
        let longest_ago = (0..self.columns.len()).min_by_key(|&at| self.columns[at].used);
        match longest_ago.filter(|_| self.columns.len() >= COLUMNS) {
            Some(at) => Some(std::mem::replace(&mut self.columns[at], named).column),
            None => {
                self.columns.push(named);
                None
            }
        }
    }

    /// Puts in an entry for a filter that has none.
    fn insert(&mut self, filter: &Filter) {
        let expression: Box<[u8]> = filter.expression().into();
        let hash = hash(&expression);
        let at = self.entries.partition_point(|entry| entry.hash < hash);
        let entry = Entry { hash, expression, passing: None, asked: 0, used: self.clock };
        self.bytes += entry.memory();
        self.entries.insert(at, entry);
    }

    /// Takes out what was used longest ago, a quarter at a time, until there is room.
    fn make_room(&mut self, bytes: usize) -> Vec<Entry> {
        let mut out = Vec::new();
        while self.bytes > bytes || self.entries.len() > MOST {
            let mut used: Vec<u64> = self.entries.iter().map(|entry| entry.used).collect();
            let quarter = used.len() / 4;
            let (_, &mut until, _) = used.select_nth_unstable(quarter);
            out.extend(self.entries.extract_if(.., |entry| entry.used <= until));
            self.settle();
        }
        out
    }

    /// Counts anew after entries were taken out.
    fn settle(&mut self) {
        self.bytes = self.entries.iter().map(Entry::memory).sum();
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
    }

    fn memory(&self) -> usize {
        let columns: usize = self.columns.iter().map(|named| named.bytes).sum();
        let lists = [self.entries.capacity() * size_of::<Entry>(), self.columns.capacity() * size_of::<Named>()];
        self.bytes + columns + lists.iter().filter(|&&list| list > 0).map(|&list| taken(list)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
