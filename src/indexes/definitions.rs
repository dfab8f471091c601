//! The definitions of this node as entries of the cluster's catalogue, and entries as definitions. See [`crate::cluster::catalogue`].
//!
//! The value of an entry:
//!
//! ```text
//! index       schema (see crate::search::schema), synonyms (see crate::search::analysis), scan: u64
//! alias       the name of the index
//! dictionary  words (see crate::search::spelling::dictionary)
//! ```
//! `scan` is 1 if documents that are there already are to be looked at again. All of it belongs to the main thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use super::definition::Definition;
use super::registry::{self, Registered};
use super::{dictionaries, drop, replication, scan, temporary};
use crate::cluster::catalogue::{Catalogue, Entry, Kind, Known, Name, State, encode_entries};
use crate::cluster::frame::{Standing, Version};
use crate::codec::{Corrupt, Sink};
use crate::redis::context::{Context, LogLevel, log};
use crate::search::analysis::Synonyms;
use crate::search::schema::Schema;
use crate::search::spelling::dictionary::Dictionary;

/// The newest definition that a node had when it was flushed: its first database, and all of it.
pub type Flushed = [Version; 2];

thread_local! {
    /// When this node was flushed last.
    static FLUSHED: Cell<Flushed> = const { Cell::new([NEVER; 2]) };
    static CATALOGUE: RefCell<ManuallyDrop<Catalogue>> = RefCell::default();
}

/// Runs `work` on the catalogue.
pub fn with<T>(work: impl FnOnce(&mut Catalogue) -> T) -> T {
    CATALOGUE.with_borrow_mut(|catalogue| work(catalogue))
}

/// What other nodes are told of it.
pub fn standing() -> Standing {
    with(|catalogue| catalogue.standing())
}

/// Before all definitions.
const NEVER: Version = Version { epoch: 0, counter: 0, by: 0 };

/// The number of a database in the server's words.
fn number(name: &Name) -> i32 {
    i32::try_from(name.database).unwrap_or(i32::MAX)
}

/// A name in a database.
pub fn name(kind: Kind, database: i32, name: &[u8]) -> Name {
    let database = if kind == Kind::Dictionary { 0 } else { u32::try_from(database).unwrap_or(0) };
    Name { kind, database, name: name.into() }
}

fn index(name: &Name) -> Option<Rc<Registered>> {
    registry::with(|registry| registry.databases.get(&number(name))?.indexes.get(&name.name).cloned())
}

fn encode_index(definition: &Definition, scans: bool) -> Vec<u8> {
    let mut value = Vec::new();
    definition.schema.encode(&mut value);
    definition.synonyms().encode(&mut value);
    value.put_u64(u64::from(scans));
    value
}

/// What a name stands for here; `None`: nothing. An index is to be looked through again by those who take it, if `scans`.
pub fn value(name: &Name, scans: bool) -> Option<Vec<u8>> {
    match name.kind {
        Kind::Index => index(name).map(|index| encode_index(&index.definition(), scans)),
        Kind::Alias => registry::with(|registry| {
            let target = registry.databases.get(&number(name))?.aliases.get(&name.name)?;
            Some(target.to_vec())
        }),
        Kind::Dictionary => dictionaries::find(&name.name).map(|dictionary| {
            let mut value = Vec::new();
            dictionary.encode(&mut value);
            value
        }),
    }
}

/// The entries that are newer than a version, as the body of a frame.
pub fn newer(than: Version) -> Vec<u8> {
    let (names, horizon) = with(|catalogue| (catalogue.newer(than), catalogue.horizon()));
    let entry = |(name, known): (Name, Known)| {
        // What is known to be there may have gone in a way of its own: it is not told of then.
        let state = if known.is_gone { State::Gone } else { State::Is(value(&name, true)?) };
        Some(Entry { name, version: known.version, state })
    };
    let entries: Vec<Entry> = names.into_iter().filter_map(entry).collect();
    encode_entries(if than == Version::default() { horizon } else { Version::default() }, &entries)
}

/// All names that something here has.
fn present() -> Vec<Name> {
    let mut names: Vec<Name> = registry::with(|registry| {
        let all = registry.databases.iter().flat_map(|(database, indexes)| {
            let here = indexes.indexes.keys().map(|of| name(Kind::Index, *database, of));
            here.chain(indexes.aliases.keys().map(|of| name(Kind::Alias, *database, of)))
        });
        all.collect()
    });
    names.extend(dictionaries::with(|all| all.keys().map(|of| name(Kind::Dictionary, 0, of)).collect::<Vec<_>>()));
    names
}

/// What is here and has no version: it was here before the node came into the cluster.
pub fn without_version() -> Vec<Entry> {
    let unknown = |name: &Name| with(|catalogue| catalogue.get(name).is_none_or(|known| known.is_gone));
    let entry = |name: Name| {
        let state = State::Is(value(&name, true)?);
        Some(Entry { name, version: Version::default(), state })
    };
    present().into_iter().filter(unknown).filter_map(entry).collect()
}

/// Takes what is news of some entries; how many are. Who holds tombstones up to `horizon` for forgotten has sent all that he has.
pub fn put(ctx: &Context, horizon: Version, entries: &[Entry]) -> usize {
    let selected = ctx.database();
    let mut news = 0;
    for entry in entries {
        let Entry { name, version, state } = entry;
        if !with(|catalogue| catalogue.wants(name, *version)) {
            continue;
        }
        if let Err(corrupt) = replication::quietly(|| take(ctx, name, state)) {
            log(LogLevel::Warning, &format!("a definition of another node is not understood: {corrupt}"));
            continue;
        }
        with(|catalogue| catalogue.take(name, *version, !matches!(state, State::Is(_))));
        news += 1;
    }
    if horizon > Version::default() {
        let listed: BTreeSet<&Name> = entries.iter().map(|entry| &entry.name).collect();
        for name in with(|catalogue| catalogue.missed(horizon, &listed)) {
            log(LogLevel::Notice, &format!("'{}' was dropped while this node was away", text(&name.name)));
            // Removing what is there can't be misunderstood.
            let _ = replication::quietly(|| take(ctx, &name, &State::Gone));
            with(|catalogue| catalogue.forget(&name));
            news += 1;
        }
    }
    ctx.select(selected);
    news
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes a name stand for something, without a version yet; false where that is not understood.
pub fn make(ctx: &Context, name: &Name, state: &State) -> bool {
    let selected = ctx.database();
    let made = replication::quietly(|| take(ctx, name, state)).is_ok();
    ctx.select(selected);
    made
}

/// Makes a name stand for something.
fn take(ctx: &Context, name: &Name, state: &State) -> Result<(), Corrupt> {
    if !ctx.select(number(name)) {
        return Err(Corrupt("number of a database"));
    }
    match (name.kind, state) {
        (Kind::Index, State::Is(value)) => take_index(ctx, name, value),
        (Kind::Index, gone) => {
            // A replica's documents are deleted by its master, those of an AOF by what follows in it.
            let deletes = *gone == State::GoneWithDocuments && !ctx.is_told();
            if index(name).is_some() {
                drop::drop_index(ctx, &name.name, deletes);
            }
            Ok(())
        }
        (Kind::Alias, State::Is(value)) => {
            registry::with(|registry| {
                registry.database(number(name)).aliases.insert(name.name.clone(), value.as_slice().into())
            });
            Ok(())
        }
        (Kind::Alias, _) => {
            registry::with(|registry| registry.database(number(name)).aliases.remove(&name.name));
            Ok(())
        }
        (Kind::Dictionary, State::Is(value)) => {
            let dictionary = Dictionary::decode(&mut &value[..])?;
            dictionaries::with(|all| all.insert(name.name.clone(), dictionary));
            Ok(())
        }
        (Kind::Dictionary, _) => {
            dictionaries::with(|all| all.remove(&name.name));
            Ok(())
        }
    }
}

/// Makes an index what it is to be: as it is, with more fields, or anew.
fn take_index(ctx: &Context, name: &Name, mut value: &[u8]) -> Result<(), Corrupt> {
    use crate::codec::Source;
    let schema = Schema::decode(&mut value)?;
    let synonyms = Synonyms::decode(&mut value)?;
    let mut scans = value.take_u64()? == 1;
    if !value.is_empty() || schema.name != name.name {
        return Err(Corrupt("value of an index"));
    }
    let new = schema.words();
    let found = index(name);
    let index = match found {
        Some(index) if new.starts_with(&index.definition().schema.words()) => {
            let grows = new.len() > index.definition().schema.words().len();
            if grows {
                let definition = index.definition().with_schema(schema).map_err(|_| Corrupt("filter of an index"))?;
                index.alter(definition);
            }
            scans &= grows;
            index
        }
        other => {
            let aliases = other.map(|old| replace(ctx, name, &old, &new));
            // An AOF has the documents before the definition, whatever FT.CREATE said.
            scans = ctx.is_told_by_file() || !schema.flags.skip_initial_scan;
            let definition = Definition::new(schema).map_err(|_| Corrupt("filter of an index"))?;
            registry::with(|registry| {
                let database = registry.database(number(name));
                let index = database.add(definition);
                let aliases = aliases.unwrap_or_default();
                database.aliases.extend(aliases.into_iter().map(|alias| (alias, name.name.clone())));
                index
            })
        }
    };
    let mut changed = false;
    synonyms.each_group(|group, words| {
        changed |= index.add_synonyms(group, words.iter().map(|word| Box::from(*word)).collect());
    });
    if scans || changed {
        scan::start(ctx, &index);
    }
    temporary::watch(ctx);
    Ok(())
}

/// Another definition of the name goes; its aliases stay, and are told.
fn replace(ctx: &Context, name: &Name, old: &Rc<Registered>, new: &[Vec<u8>]) -> Vec<Box<[u8]>> {
    let words = |words: &[Vec<u8>]| text(&words.join(&b' '));
    let (name_of, old) = (text(&name.name), words(&old.definition().schema.words()));
    log(
        LogLevel::Warning,
        &format!("index '{name_of}' is another in the cluster: '{}' takes the place of '{old}'", words(new)),
    );
    let aliases = registry::with(|registry| {
        let all = &registry.database(number(name)).aliases;
        all.iter().filter(|(_, target)| **target == name.name).map(|(alias, _)| alias.clone()).collect()
    });
    drop::drop_index(ctx, &name.name, false);
    aliases
}

/// The names that a command about definitions may change, given with its name.
pub fn touched(database: i32, words: &[&[u8]]) -> Vec<Name> {
    let [command, of, ..] = words else { return Vec::new() };
    let command = command.to_ascii_uppercase();
    let about = |prefix: &[u8]| command.windows(prefix.len()).any(|part| part == prefix);
    if about(b"DICT") {
        return vec![name(Kind::Dictionary, 0, of)];
    }
    if about(b"ALIAS") {
        return vec![name(Kind::Alias, database, of)];
    }
    let real = registry::with(|registry| {
        let found = registry.find(database, of).filter(|_| !about(b"CREATE"));
        found.map_or_else(|| Box::from(*of), |index| index.definition().schema.name.clone())
    });
    let mut names = vec![name(Kind::Index, database, &real)];
    if about(b"DROP") {
        registry::with(|registry| {
            let aliases = registry.databases.get(&database).into_iter().flat_map(|all| &all.aliases);
            names.extend(aliases.filter(|(_, target)| **target == real).map(|(of, _)| name(Kind::Alias, database, of)));
        });
    }
    names
}

/// Whether a command makes an index.
pub fn creates(command: &[u8]) -> bool {
    command.eq_ignore_ascii_case(b"FT.CREATE") || command.eq_ignore_ascii_case(b"FT._CREATEIFNX")
}

/// Whether a command that drops an index deletes its documents.
pub fn deletes_documents(words: &[&[u8]]) -> bool {
    let has = |keyword: &[u8]| words.get(2).is_some_and(|word| word.eq_ignore_ascii_case(keyword));
    let command = words.first().map(|command| command.to_ascii_uppercase()).unwrap_or_default();
    match &command[..] {
        b"FT.DROP" | b"FT._DROPIFX" => !has(b"KEEPDOCS") && !has(b"_FORCEKEEPDOCS"),
        b"FT.DROPINDEX" | b"FT._DROPINDEXIFX" => has(b"DD"),
        _ => false,
    }
}

/// When this node was flushed last.
pub fn flushed() -> Flushed {
    FLUSHED.get()
}

/// The definitions of before that are there, and go when all masters have been flushed so.
pub fn before(flushed: Flushed) -> Vec<Name> {
    let [first, all] = flushed;
    let is_before = |name: &Name, known: Known| {
        let of_all = name.kind == Kind::Dictionary || name.database > 0;
        !known.is_gone && known.version <= if of_all { all } else { first }
    };
    with(|catalogue| {
        let before = catalogue.all().filter(|(name, known)| is_before(name, *known));
        before.map(|(name, _)| name.clone()).collect()
    })
}

/// Empties the indexes of a database, or of all, and keeps what they are.
pub fn empty(database: Option<i32>) {
    let (newest, [first, all]) = (standing().version, FLUSHED.get());
    FLUSHED.set(match database {
        None => [newest; 2],
        Some(0) => [newest, all],
        Some(_) => [first, all],
    });
    registry::with(|registry| {
        for (_, indexes) in
            registry.databases.iter_mut().filter(|(number, _)| database.is_none_or(|one| one == **number))
        {
            indexes.begin_anew();
        }
    });
}
