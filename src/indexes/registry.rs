//! Which indexes there are: by database and name, with their aliases, found by the prefixes of keys.
//!
//! # Invariants
//! 1. All of this belongs to the main thread; a forked child has its own copy, and saves from it without a lock.
//! 2. An index belongs to a database: SWAPDB takes it along with the keys, FLUSHDB drops it with them.
//! 3. A name is of an index or an alias; as an alias it may also be of an index, which then wins.
//! 4. Nobody holds the registry while a key is opened, written or deleted: the server calls `follow`
//!    then, which needs it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::definition::Definition;
use super::handle::Handle;
use crate::redis::args::Arg;
use crate::redis::context::Context;
use crate::redis::keyspace::Scan;
use crate::redis::workers;
use crate::search::analysis::Synonyms;
use crate::search::document::RawDocument;
use crate::search::index::Change;
use crate::search::live::Entry;

/// Who is told of indexes that go.
type Told = fn(&Arc<Handle>);

thread_local! {
    /// Left as it is when the server ends: what an index that goes would be told to may have gone before.
    static REGISTRY: RefCell<ManuallyDrop<Registry>> = RefCell::default();
    /// Who is told of indexes that go.
    static TOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` on the registry. See the invariants for what it must not do.
pub fn with<T>(work: impl FnOnce(&mut Registry) -> T) -> T {
    REGISTRY.with_borrow_mut(|registry| work(registry))
}

/// Has `tell` told of every index that goes, in whichever way. It is told while the registry is held, so it must not use it.
pub fn when_dropped(tell: Told) {
    TOLD.with_borrow_mut(|told| told.push(tell));
}

/// The walk over the keys that were there before the index.
pub struct Progress {
    /// Where it is.
    pub scan: Scan,
    /// Keys met so far.
    pub met: u64,
}

/// An index as the main thread knows it.
pub struct Registered {
    /// The part that threads share.
    pub handle: Arc<Handle>,
    /// What it is about now.
    definition: RefCell<Arc<Definition>>,
    /// The walk over existing keys, while it is under way.
    pub progress: RefCell<Option<Progress>>,
    /// Graphs that came with a file are being put together while its keys are loaded.
    pub restoring: Cell<bool>,
    /// Documents and failures when they were last counted.
    counted: Cell<(u64, u64)>,
    /// Set when the index has been dropped, for those who still hold it.
    dropped: Cell<bool>,
    /// When it was last asked or written to: for TEMPORARY.
    pub last_use: Cell<Instant>,
}

impl Registered {
    /// Without documents.
    fn new(definition: Definition) -> Self {
        Self {
            handle: Handle::new(Arc::clone(&definition.schema)),
            definition: RefCell::new(Arc::new(definition)),
            progress: RefCell::default(),
            restoring: Cell::new(false),
            counted: Cell::default(),
            dropped: Cell::new(false),
            last_use: Cell::new(Instant::now()),
        }
    }

    /// What the index is about now.
    pub fn definition(&self) -> Arc<Definition> {
        Arc::clone(&self.definition.borrow())
    }

    /// Documents that could not be indexed, when they were last counted.
    pub fn failures(&self) -> u64 {
        self.counted.get().1
    }

    /// Whether the index has been dropped.
    pub fn is_dropped(&self) -> bool {
        self.dropped.get()
    }

    /// The registry lets go of it.
    fn let_go(&self) {
        self.dropped.set(true);
        let told = TOLD.with_borrow(|told| told.clone());
        told.iter().for_each(|tell| tell(&self.handle));
    }

    /// Takes note of a query in a dialect.
    pub fn count_use(&self, dialect: u8) {
        self.handle.count_use(dialect);
        self.touch();
    }

    /// Takes note that it is being used.
    pub fn touch(&self) {
        if self.definition.borrow().schema.temporary.is_some() {
            self.last_use.set(Instant::now());
        }
    }

    /// Appends what a key holds now to the log.
    pub fn look(&self, ctx: &Context, key: Arg<'_>) {
        let document = self.definition().read(ctx, key);
        self.append(key.bytes(), document);
    }

    /// Appends to the log what a key now is to the index; `None`: no document of it.
    pub fn append(&self, key: &[u8], document: Option<RawDocument>) {
        self.touch();
        self.handle.append(Entry::Change(Change { key: key.into(), document }));
    }

    /// Puts words into a group of synonyms; whether one was not in it.
    pub fn add_synonyms(&self, group: &[u8], words: Vec<Box<[u8]>>) -> bool {
        let changed = self.definition().add_synonyms(group, &words);
        if changed {
            self.handle.append(Entry::Synonyms { group: group.into(), words });
        }
        changed
    }

    /// Takes over groups of synonyms that were saved with an index that has no documents yet.
    pub fn set_synonyms(&self, synonyms: Synonyms) {
        self.handle.live.change(|index| index.set_synonyms(synonyms.clone()));
        self.definition().set_synonyms(synonyms);
    }

    /// Takes over what FT.ALTER made of the definition.
    pub fn alter(&self, definition: Definition) {
        self.handle.append(Entry::Alter(Arc::clone(&definition.schema)));
        *self.definition.borrow_mut() = Arc::new(definition);
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.handle.abandon();
        let source: Arc<dyn workers::Source> = Arc::clone(&self.handle) as _;
        workers::withdraw(&source);
        // Many documents take long to free.
        workers::reclaim(Arc::clone(&self.handle));
    }
}

/// Figures of all indexes, for `INFO`.
#[derive(Debug, Default)]
pub struct Stats {
    /// How many there are.
    pub indexes: u64,
    /// Documents in them.
    pub documents: u64,
    /// Indexes whose existing keys are being walked over.
    pub scanning: u64,
    /// Changes in their logs that are not applied yet.
    pub waiting: u64,
    /// Vectors that are found and not linked yet.
    pub unlinked: u64,
    /// Documents that could not be indexed.
    pub failures: u64,
}

/// The indexes of a database.
#[derive(Default)]
pub struct Database {
    /// By name.
    pub indexes: BTreeMap<Box<[u8]>, Rc<Registered>>,
    /// Alias to name.
    pub aliases: BTreeMap<Box<[u8]>, Box<[u8]>>,
    /// By prefix of keys.
    by_prefix: HashMap<Box<[u8]>, Vec<Rc<Registered>>>,
    /// The lengths of these prefixes.
    lengths: BTreeSet<usize>,
}

impl Database {
    /// The index of this name or alias.
    pub fn find(&self, name: &[u8]) -> Option<Rc<Registered>> {
        let by_name = || self.indexes.get(name);
        by_name().or_else(|| self.indexes.get(self.aliases.get(name)?)).cloned()
    }

    /// Adds an index; its name must be free.
    pub fn add(&mut self, definition: Definition) -> Rc<Registered> {
        let name = definition.schema.name.clone();
        let registered = Rc::new(Registered::new(definition));
        self.indexes.insert(name, Rc::clone(&registered));
        self.route();
        registered
    }

    /// Drops an index with its aliases.
    pub fn remove(&mut self, name: &[u8]) -> Option<Rc<Registered>> {
        let removed = self.indexes.remove(name)?;
        removed.let_go();
        self.aliases.retain(|_, target| **target != *name);
        self.route();
        Some(removed)
    }

    /// Empties all indexes, and keeps what they are: their documents went at once.
    pub fn begin_anew(&mut self) {
        for (name, old) in std::mem::take(&mut self.indexes) {
            old.let_go();
            let definition = old.definition();
            let Ok(again) = definition.with_schema((*definition.schema).clone()) else { continue };
            let synonyms = definition.synonyms().clone();
            let index = Rc::new(Registered::new(again));
            index.set_synonyms(synonyms);
            self.indexes.insert(name, index);
        }
        self.route();
    }

    /// Sorts the indexes by the prefixes of their keys.
    fn route(&mut self) {
        self.by_prefix.clear();
        for index in self.indexes.values() {
            for prefix in &index.definition().schema.prefixes {
                let there = self.by_prefix.entry(prefix.clone()).or_default();
                if !there.iter().any(|other| Rc::ptr_eq(other, index)) {
                    there.push(Rc::clone(index));
                }
            }
        }
        self.lengths = self.by_prefix.keys().map(|prefix| prefix.len()).collect();
    }

    /// The indexes that a key is for by its name, each once.
    pub fn of_key(&self, key: &[u8]) -> Vec<Rc<Registered>> {
        let mut found: Vec<Rc<Registered>> = Vec::new();
        for prefix in self.lengths.iter().map_while(|length| key.get(..*length)) {
            for index in self.by_prefix.get(prefix).into_iter().flatten() {
                if !found.iter().any(|other| Rc::ptr_eq(other, index)) {
                    found.push(Rc::clone(index));
                }
            }
        }
        found
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.indexes.values().for_each(|index| index.let_go());
    }
}

/// All indexes.
#[derive(Default)]
pub struct Registry {
    /// The databases that have or had some.
    pub databases: BTreeMap<i32, Database>,
}

impl Registry {
    /// The indexes of a database, to add to.
    pub fn database(&mut self, number: i32) -> &mut Database {
        self.databases.entry(number).or_default()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Rc<Registered>> {
        self.databases.values().flat_map(|database| database.indexes.values().cloned()).collect()
    }

    /// Sums over all of them. What is being written to at the moment counts with what it had.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for index in self.databases.values().flat_map(|database| database.indexes.values()) {
            let live = &index.handle.live;
            stats.indexes += 1;
            stats.scanning += u64::from(index.progress.borrow().is_some());
            stats.waiting += live.waiting();
            stats.unlinked += live.unlinked() as u64;
            if let Some(read) = live.try_read(0) {
                index.counted.set((read.documents().len() as u64, read.failures().count));
            }
            let (documents, failures) = index.counted.get();
            stats.documents += documents;
            stats.failures += failures;
        }
        stats
    }

    /// The index of this name or alias.
    pub fn find(&self, database: i32, name: &[u8]) -> Option<Rc<Registered>> {
        self.databases.get(&database)?.find(name)
    }

    /// The indexes that a key is for by its name.
    pub fn of_key(&self, database: i32, key: &[u8]) -> Vec<Rc<Registered>> {
        self.databases.get(&database).map(|indexes| indexes.of_key(key)).unwrap_or_default()
    }

    /// Forgets the indexes of a database, or of all.
    pub fn flush(&mut self, database: Option<i32>) {
        match database {
            Some(number) => drop(self.databases.remove(&number)),
            None => self.databases.clear(),
        }
    }

    /// Two databases change places, with their indexes.
    pub fn swap(&mut self, first: i32, second: i32) {
        let (one, other) = (self.databases.remove(&first), self.databases.remove(&second));
        self.databases.extend(other.map(|indexes| (first, indexes)));
        self.databases.extend(one.map(|indexes| (second, indexes)));
    }

    /// The database that an index is in.
    pub fn database_of(&self, index: &Rc<Registered>) -> Option<i32> {
        let holds = |indexes: &Database| indexes.indexes.values().any(|other| Rc::ptr_eq(other, index));
        self.databases.iter().find(|(_, indexes)| holds(indexes)).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, words: &str) -> Definition {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        Definition::create(name.as_bytes(), &words).expect("a definition")
    }

    fn names(found: &[Rc<Registered>]) -> Vec<String> {
        let mut names: Vec<String> =
            found.iter().map(|index| String::from_utf8_lossy(&index.definition().schema.name).into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn keys_find_their_indexes_by_prefix() {
        let mut registry = Registry::default();
        let database = registry.database(3);
        database.add(definition("all", "PREFIX 1  SCHEMA t TAG"));
        database.add(definition("some", "PREFIX 3 a: a:b c: SCHEMA t TAG"));
        database.add(definition("one", "PREFIX 1 a: SCHEMA t TAG"));
        assert_eq!(names(&registry.of_key(3, b"a:b")), ["all", "one", "some"]);
        assert_eq!(names(&registry.of_key(3, b"c:")), ["all", "some"]);
        assert_eq!(names(&registry.of_key(3, b"")), ["all"]);
        assert!(registry.of_key(0, b"a:b").is_empty());
        registry.swap(3, 0);
        assert_eq!(names(&registry.of_key(0, b"a:")), ["all", "one", "some"]);
        let held = registry.find(0, b"one").expect("is there");
        registry.database(0).remove(b"one");
        assert!(held.is_dropped() && registry.find(0, b"one").is_none());
        assert_eq!(names(&registry.of_key(0, b"a:")), ["all", "some"]);
        registry.flush(Some(0));
        assert!(registry.of_key(0, b"a:").is_empty());
    }

    #[test]
    fn aliases_lead_to_their_index_until_it_goes() {
        let mut registry = Registry::default();
        let database = registry.database(0);
        database.add(definition("i", "SCHEMA t TAG"));
        database.aliases.insert((*b"a").into(), (*b"i").into());
        assert!(database.find(b"a").is_some());
        database.remove(b"i");
        assert!(database.find(b"a").is_none() && database.aliases.is_empty());
    }
}
