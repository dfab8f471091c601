//! Definitions, aliases, synonyms, dictionaries and the graphs of vector fields in RDB files, before the keys: so that keys are indexed while they are
//! loaded, and their vectors take the places in the graphs that they had.
//!
//! Version 3, in the vocabulary of [`crate::codec`]:
//!
//! ```text
//! databases: u64, then for each
//!   number: u64
//!   indexes: u64, then for each
//!     schema   see the encoding in crate::search::schema
//!     graphs   see crate::search::encoding
//!     synonyms see crate::search::analysis
//!   aliases: u64, then for each: alias: bytes, index: bytes
//! dictionaries: u64, then for each
//!   name: bytes
//!   words    see crate::search::spelling::dictionary
//! catalogue   see crate::cluster::catalogue: the versions of all these in a cluster
//! ```
//! Version 2 has no catalogue. Version 1 has neither synonyms nor dictionaries.
//!
//! An AOF that is rewritten as commands (`aof-use-rdb-preamble no`) has no place for them: what the server writes then comes from
//! keys only. But the file that takes further commands is begun just before the fork, so [`forked`] appends the definitions,
//! synonyms and dictionaries there: they are part of the rewritten AOF from the moment when that counts.
//!
//! A definition that is not understood, or that names an index twice, makes the file [`Corrupt`]. Graphs that can be read but
//! do not fit the keys are built anew, which the log tells.

use super::definition::Definition;
use super::dictionaries::{self, Dictionaries};
use super::peers;
use super::registry::{self, Database};
use super::{counters, definitions, scan};
use crate::cluster::catalogue::Catalogue;
use crate::cluster::frame::{Kind, Version};
use crate::codec::{Corrupt, Sink, Source};
use crate::redis::auxiliary::{Auxiliary, When};
use crate::redis::bus;
use crate::redis::context::{Context, LogLevel, log};
use crate::redis::rdb::{RdbSink, RdbSource};
use crate::search::analysis::Synonyms;
use crate::search::live;
use crate::search::schema::Schema;
use crate::search::spelling::dictionary::Dictionary;

/// The layout that is written.
const VERSION: std::ffi::c_int = 3;

/// What is saved.
pub static AUXILIARY: Auxiliary = Auxiliary {
    name: c"nearsetFT",
    version: VERSION,
    has_data: |when| when == When::BeforeKeys && has_data(),
    save: |sink: &mut RdbSink, when| {
        if when == When::BeforeKeys {
            live::at_rest(|| registry::with(|registry| encode(&registry.databases, sink)));
            dictionaries::with(|dictionaries| encode_dictionaries(dictionaries, sink));
            definitions::with(|catalogue| catalogue.encode(sink));
        }
    },
    load: |source: &mut RdbSource, version, when| {
        if !(1..=VERSION).contains(&version) {
            return Err(Corrupt("indexes in an unknown version"));
        }
        if when == When::BeforeKeys {
            let databases = decode(source, version)?;
            let words = if version > 1 { decode_dictionaries(source)? } else { Dictionaries::new() };
            let catalogue = if version > 2 { Catalogue::decode(source)? } else { Catalogue::default() };
            registry::with(|registry| registry.databases = databases);
            definitions::with(|known| *known = catalogue);
            dictionaries::with(|dictionaries| *dictionaries = words);
        }
        Ok(())
    },
};

type Databases = std::collections::BTreeMap<i32, Database>;

fn has_indexes(databases: &Databases) -> bool {
    databases.values().any(|database| !database.indexes.is_empty())
}

fn has_data() -> bool {
    registry::with(|registry| has_indexes(&registry.databases))
        || dictionaries::with(|dictionaries| !dictionaries.is_empty())
        || definitions::with(|catalogue| catalogue.all().next().is_some())
}

fn count(sink: &mut impl Sink, len: usize) {
    sink.put_u64(len as u64);
}

/// Writes all indexes. Nobody may be changing one: see [`live::at_rest`].
fn encode(databases: &Databases, sink: &mut impl Sink) {
    count(sink, databases.len());
    for (number, database) in databases {
        // Numbers of databases are not negative.
        sink.put_u64(u64::try_from(*number).unwrap_or_default());
        count(sink, database.indexes.len());
        for index in database.indexes.values() {
            index.definition().schema.encode(sink);
            index.handle.live.read_at_rest().encode_graphs(sink);
            index.definition().synonyms().encode(sink);
        }
        // In a cluster, an alias may come before its index.
        let named = || database.aliases.iter().filter(|(_, index)| database.indexes.contains_key(*index));
        count(sink, named().count());
        for (alias, index) in named() {
            sink.put_bytes(alias);
            sink.put_bytes(index);
        }
    }
}

fn encode_dictionaries(dictionaries: &Dictionaries, sink: &mut impl Sink) {
    count(sink, dictionaries.len());
    for (name, dictionary) in dictionaries {
        sink.put_bytes(name);
        dictionary.encode(sink);
    }
}

fn decode_dictionaries(source: &mut impl Source) -> Result<Dictionaries, Corrupt> {
    let mut dictionaries = Dictionaries::new();
    for _ in 0..source.take_u64()? {
        let name = take_bytes(source)?;
        if dictionaries.insert(name, Dictionary::decode(source)?).is_some() {
            return Err(Corrupt("two dictionaries of one name"));
        }
    }
    Ok(dictionaries)
}

fn take_bytes(source: &mut impl Source) -> Result<Box<[u8]>, Corrupt> {
    Ok(source.take_bytes()?.as_ref().into())
}

fn decode(source: &mut impl Source, version: std::ffi::c_int) -> Result<Databases, Corrupt> {
    let mut databases = Databases::new();
    for _ in 0..source.take_u64()? {
        let number = i32::try_from(source.take_u64()?).map_err(|_| Corrupt("number of a database"))?;
        let mut database = Database::default();
        for _ in 0..source.take_u64()? {
            let schema = Schema::decode(source)?;
            if database.indexes.contains_key(&schema.name) {
                return Err(Corrupt("two indexes of one name"));
            }
            let definition = Definition::new(schema).map_err(|_| Corrupt("filter of an index"))?;
            let index = database.add(definition);
            index.restoring.set(index.handle.live.change(|index| index.begin_restore(source))?);
            if version > 1 {
                index.set_synonyms(Synonyms::decode(source)?);
            }
        }
        for _ in 0..source.take_u64()? {
            let (alias, index) = (take_bytes(source)?, take_bytes(source)?);
            if !database.indexes.contains_key(&index) {
                return Err(Corrupt("an alias of no index"));
            }
            database.aliases.insert(alias, index);
        }
        databases.insert(number, database);
    }
    Ok(databases)
}

/// Puts the graphs together that came with a file, now that its keys are loaded.
pub fn finish(ctx: &Context) {
    let indexes = registry::with(|registry| registry.all());
    for index in indexes.into_iter().filter(|index| index.restoring.take()) {
        if index.handle.live.change(|index| index.finish_restore()) {
            counters::GRAPHS_RESTORED.add(1);
        } else {
            counters::GRAPHS_REFUSED.add(1);
            let name = String::from_utf8_lossy(&index.definition().schema.name).into_owned();
            log(LogLevel::Warning, &format!("index '{name}': a saved graph does not fit together, and is built anew"));
            scan::start(ctx, &index);
        }
    }
}

/// Milliseconds until definitions are tried again that may not be appended now.
const PAUSE: i64 = 10;

/// Appends all definitions and aliases to the AOF, if it is being rewritten as commands.
pub fn forked(ctx: &Context) {
    if has_data() && is_rewriting_as_commands(ctx) {
        append_definitions(ctx);
    }
}

fn is_rewriting_as_commands(ctx: &Context) -> bool {
    let running = b"aof_rewrite_in_progress:1";
    ctx.call(c"INFO", &[b"persistence"], |info| {
        info.is_some_and(|info| info.windows(running.len()).any(|part| part == running))
    }) && ctx.server_setting(b"aof-use-rdb-preamble").is_some_and(|value| value == b"no")
}

/// Replicas are not told: they have them.
fn append_definitions(ctx: &Context) {
    if ctx.must_not_replicate() {
        ctx.later(PAUSE, append_definitions);
        return;
    }
    // In a cluster they go with their versions.
    if bus::is_node() {
        let all = peers::frame(Kind::Put, definitions::newer(Version::default())).encode();
        return ctx.append_to_aof(c"FT._DEF", &[b"PUT", &all]);
    }
    let selected = ctx.database();
    registry::with(|registry| {
        for (number, database) in &registry.databases {
            if !ctx.select(*number) {
                continue;
            }
            for (name, index) in &database.indexes {
                // The keys are in the file before, so they are to be walked over.
                let mut schema = (*index.definition().schema).clone();
                schema.flags.skip_initial_scan = false;
                let words = schema.words();
                let words: Vec<&[u8]> = std::iter::once(&name[..]).chain(words.iter().map(Vec::as_slice)).collect();
                ctx.append_to_aof(c"FT._CREATEIFNX", &words);
                append_synonyms(ctx, name, &index.definition().synonyms());
            }
            for (alias, index) in &database.aliases {
                ctx.append_to_aof(c"FT._ALIASADDIFNX", &[alias, index]);
            }
        }
    });
    dictionaries::with(|dictionaries| {
        for (name, dictionary) in dictionaries.iter() {
            let words: Vec<&[u8]> = dictionary.iter().collect();
            // The empty word is no word, but there is a dictionary then.
            let words = if words.is_empty() { vec![&b""[..]] } else { words };
            in_parts(&words, |part| ctx.append_to_aof(c"FT.DICTADD", &[&[&name[..]], part].concat()));
        }
    });
    ctx.select(selected);
}

fn append_synonyms(ctx: &Context, index: &[u8], synonyms: &Synonyms) {
    synonyms.each_group(|group, words| {
        in_parts(words, |part| ctx.append_to_aof(c"FT.SYNUPDATE", &[&[index, group], part].concat()));
    });
}

/// Calls `each` with some words at a time: no command is as long as it would have to be for many.
fn in_parts(words: &[&[u8]], each: impl FnMut(&[&[u8]])) {
    /// Words of a command.
    const MOST: usize = 256;
    words.chunks(MOST).for_each(each);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::catalogue::Kind as Of;
    use crate::search::document::{Raw, RawDocument};
    use crate::search::index::Change;
    use crate::search::live::Entry;

    /// As version 1 wrote [`sample`], which had no synonyms then, with the vectors of [`fill`] linked.
    const FIRST: &[u8] = include_bytes!("../../tests/data/search-indexes-1.bin");
    /// As version 2 wrote it, and [`words`] after it.
    const SECOND: &[u8] = include_bytes!("../../tests/data/search-indexes-2.bin");
    /// As version 3 writes both, and [`versions`] after them.
    const GOLDEN: &[u8] = include_bytes!("../../tests/data/search-indexes-3.bin");

    fn sample() -> Databases {
        let mut databases = Databases::new();
        let create = |name: &str, words: &str| {
            let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
            Definition::create(name.as_bytes(), &words).expect("a definition")
        };
        let mut database = Database::default();
        let json = create("i", "ON JSON PREFIX 1 p: FILTER @n>1 SCHEMA $.t AS t TEXT");
        database.add(json.alter(&[b"SCHEMA", b"ADD", b"$.n", b"AS", b"n", b"NUMERIC"]).expect("a field").0);
        let vector = "VECTOR HNSW 8 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 M 4";
        database.add(create("j", &format!("SCHEMA v {vector} w {vector}")));
        database.aliases.insert((*b"a").into(), (*b"i").into());
        databases.insert(2, database);
        databases
    }

    /// Two dictionaries, one of them empty.
    fn words() -> Dictionaries {
        let mut dictionaries = Dictionaries::new();
        let mut some = Dictionary::default();
        ["help", "Helo", "\u{e9}lan"].iter().for_each(|word| assert!(some.add(word.as_bytes())));
        dictionaries.insert((*b"d").into(), some);
        dictionaries.insert((*b"empty").into(), Dictionary::default());
        dictionaries
    }

    fn add_synonyms(databases: &Databases) {
        let mut synonyms = Synonyms::default();
        synonyms.add(b"g1", ["boy", "child"]);
        synonyms.add(b"", ["child"]);
        databases[&2].indexes[&b"i"[..]].set_synonyms(synonyms);
    }

    /// Gives the second index its documents, and applies them.
    fn fill(databases: &Databases) {
        let live = &databases[&2].indexes[&b"j"[..]].handle.live;
        for n in 0..40u8 {
            let vector: Vec<u8> = [f32::from(n), f32::from(n % 7)].iter().flat_map(|x| x.to_le_bytes()).collect();
            let document = RawDocument { fields: vec![Raw::Hash(vector.into())], ..RawDocument::default() };
            live.append(Entry::Change(Change { key: [b'k', n].into(), document: Some(document) }));
        }
        drop(live.read(live.arrival()));
    }

    fn encoded(databases: &Databases) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(databases, &mut bytes);
        bytes
    }

    /// The versions of an index and of an alias that was dropped.
    fn versions() -> Catalogue {
        let version = |counter| Version { epoch: 3, counter, by: 9 };
        let mut catalogue = Catalogue::default();
        assert!(catalogue.take(&definitions::name(Of::Index, 2, b"i"), version(1), false));
        assert!(catalogue.take(&definitions::name(Of::Alias, 2, b"old"), version(2), true));
        catalogue
    }

    fn with_words(databases: &Databases, dictionaries: &Dictionaries) -> Vec<u8> {
        let mut bytes = encoded(databases);
        encode_dictionaries(dictionaries, &mut bytes);
        bytes
    }

    #[test]
    #[ignore = "writes the golden file of a new version"]
    fn write_golden_file() {
        let databases = sample();
        add_synonyms(&databases);
        fill(&databases);
        while databases[&2].indexes[&b"j"[..]].handle.live.link_next() {}
        let mut bytes = with_words(&databases, &words());
        versions().encode(&mut bytes);
        std::fs::write("tests/data/search-indexes-3.bin", bytes).expect("a file");
    }

    #[test]
    fn the_first_layout_is_read_for_ever() {
        let mut source = FIRST;
        let databases = decode(&mut source, 1).expect("as written");
        assert!(source.is_empty());
        check(&databases);
        // What has come since is that there are no synonyms, of either index.
        let mut none = Vec::new();
        Synonyms::default().encode(&mut none);
        assert_eq!(encoded(&databases).len(), FIRST.len() + 2 * none.len());
    }

    #[test]
    fn the_second_layout_is_read_for_ever() {
        check_with_words(SECOND);
    }

    #[test]
    fn the_third_layout_is_read_for_ever() {
        let mut rest = check_with_words(GOLDEN);
        assert_eq!(Catalogue::decode(&mut rest), Ok(versions()));
        assert!(rest.is_empty());
        let mut written = Vec::new();
        versions().encode(&mut written);
        assert_eq!(GOLDEN.len(), SECOND.len() + written.len());
    }

    /// What versions 2 and 3 have; what follows it.
    fn check_with_words(bytes: &'static [u8]) -> &'static [u8] {
        let mut source = bytes;
        let databases = decode(&mut source, 2).expect("as written");
        let dictionaries = decode_dictionaries(&mut source).expect("as written");
        check(&databases);
        let index = &databases[&2].indexes[&b"i"[..]];
        let groups: [&[u8]; 2] = [b"~g1", b"~"];
        assert_eq!(index.definition().synonyms().of(b"child").collect::<Vec<_>>(), groups);
        assert_eq!(index.handle.live.read(0).synonyms().of(b"child").collect::<Vec<_>>(), groups);
        let list = |name: &[u8]| dictionaries[name].sorted().concat();
        assert_eq!((list(b"d"), list(b"empty")), ("Helohelp\u{e9}lan".as_bytes().to_vec(), Vec::new()));
        assert_eq!(with_words(&databases, &dictionaries).len(), bytes.len() - source.len());
        source
    }

    /// What both layouts have.
    fn check(databases: &Databases) {
        let database = &databases[&2];
        let index = database.find(b"a").expect("by its alias").definition();
        assert_eq!(index.schema.fields.len(), 2);
        assert_eq!(&*index.schema.fields[1].alias, b"n");
        assert!(index.filter.is_some());
        let index = &database.indexes[&b"j"[..]];
        assert!(index.restoring.get() && !database.indexes[&b"i"[..]].restoring.get());
        fill(databases);
        assert!(index.handle.live.change(|index| index.finish_restore()));
        assert_eq!(index.handle.live.unlinked(), 0);
    }

    #[test]
    fn damaged_data_is_refused() {
        let all = |mut source: &[u8]| {
            let databases = decode(&mut source, 2)?;
            decode_dictionaries(&mut source)?;
            Catalogue::decode(&mut source)?;
            Ok::<_, Corrupt>(databases)
        };
        for end in 0..GOLDEN.len() {
            assert!(all(&GOLDEN[..end]).is_err(), "{end}");
        }
        for at in 0..GOLDEN.len() {
            let mut damaged = GOLDEN.to_vec();
            damaged[at] ^= 0x55;
            // Refused, another definition or another graph, never a panic.
            if let Ok(databases) = all(&damaged) {
                for index in databases.values().flat_map(|database| database.indexes.values()) {
                    index.handle.live.change(|index| index.finish_restore());
                }
            }
        }
    }
}
