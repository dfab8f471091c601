//! Definitions and aliases in RDB files, before the keys: so that keys are indexed while they are loaded.
//!
//! Version 1, in the vocabulary of [`crate::codec`]:
//!
//! ```text
//! databases: u64, then for each
//!   number: u64
//!   indexes: u64, then for each
//!     name: bytes
//!     FT.CREATE: words
//!     FT.ALTERs: u64, then for each: words
//!   aliases: u64, then for each: alias: bytes, index: bytes
//! words = u64, then so many bytes: the words after the name of the index
//! ```
//! Definitions are kept as they were written, so that they mean the same in every version that reads them. One that is not
//! understood, or that names an index twice, makes the file [`Corrupt`].

use super::definition::Definition;
use super::registry::{self, Database};
use crate::codec::{Corrupt, Sink, Source};
use crate::redis::auxiliary::{Auxiliary, When};
use crate::redis::rdb::{RdbSink, RdbSource};

/// What is saved.
pub static AUXILIARY: Auxiliary = Auxiliary {
    name: c"nearsetFT",
    version: 1,
    has_data: |when| when == When::BeforeKeys && registry::with(|registry| has_indexes(&registry.databases)),
    save: |sink: &mut RdbSink, when| {
        if when == When::BeforeKeys {
            registry::with(|registry| encode(&registry.databases, sink));
        }
    },
    load: |source: &mut RdbSource, version, when| {
        if version != 1 {
            return Err(Corrupt("definitions of indexes in an unknown version"));
        }
        if when == When::BeforeKeys {
            let databases = decode(source)?;
            registry::with(|registry| registry.databases = databases);
        }
        Ok(())
    },
};

type Databases = std::collections::BTreeMap<i32, Database>;

fn has_indexes(databases: &Databases) -> bool {
    databases.values().any(|database| !database.indexes.is_empty())
}

fn count(sink: &mut impl Sink, len: usize) {
    sink.put_u64(len as u64);
}

fn put_words(sink: &mut impl Sink, words: &[Box<[u8]>]) {
    count(sink, words.len());
    words.iter().for_each(|word| sink.put_bytes(word));
}

fn encode(databases: &Databases, sink: &mut impl Sink) {
    count(sink, databases.len());
    for (number, database) in databases {
        // Numbers of databases are not negative.
        sink.put_u64(u64::try_from(*number).unwrap_or_default());
        count(sink, database.indexes.len());
        for (name, index) in &database.indexes {
            let definition = index.definition();
            sink.put_bytes(name);
            put_words(sink, &definition.created);
            count(sink, definition.altered.len());
            definition.altered.iter().for_each(|words| put_words(sink, words));
        }
        count(sink, database.aliases.len());
        for (alias, index) in &database.aliases {
            sink.put_bytes(alias);
            sink.put_bytes(index);
        }
    }
}

fn take_bytes(source: &mut impl Source) -> Result<Box<[u8]>, Corrupt> {
    Ok(source.take_bytes()?.as_ref().into())
}

fn take_words(source: &mut impl Source) -> Result<Vec<Box<[u8]>>, Corrupt> {
    // Nothing is reserved by a count that is not known to be true.
    (0..source.take_u64()?).map(|_| take_bytes(source)).collect()
}

fn slices(words: &[Box<[u8]>]) -> Vec<&[u8]> {
    words.iter().map(|word| &**word).collect()
}

fn decode(source: &mut impl Source) -> Result<Databases, Corrupt> {
    let mut databases = Databases::new();
    for _ in 0..source.take_u64()? {
        let number = i32::try_from(source.take_u64()?).map_err(|_| Corrupt("number of a database"))?;
        let mut database = Database::default();
        for _ in 0..source.take_u64()? {
            let definition = decode_definition(source)?;
            if database.indexes.contains_key(&definition.schema.name) {
                return Err(Corrupt("two indexes of one name"));
            }
            database.add(definition);
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

fn decode_definition(source: &mut impl Source) -> Result<Definition, Corrupt> {
    let (name, created) = (take_bytes(source)?, take_words(source)?);
    let refused = |_| Corrupt("definition of an index");
    let mut definition = Definition::create(&name, &slices(&created)).map_err(refused)?;
    for _ in 0..source.take_u64()? {
        let words = take_words(source)?;
        definition = definition.alter(&slices(&words)).map_err(refused)?.0;
    }
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut databases = Databases::new();
        let words = |text: &'static str| text.split(' ').map(str::as_bytes).collect::<Vec<_>>();
        let mut database = Database::default();
        let definition = Definition::create(b"i", &words("ON JSON PREFIX 1 p: SCHEMA $.t AS t TEXT")).expect("one");
        database.add(definition.alter(&words("SCHEMA ADD $.n AS n NUMERIC")).expect("a field").0);
        database.add(Definition::create(b"j", &words("SCHEMA t TAG")).expect("another"));
        database.aliases.insert((*b"a").into(), (*b"i").into());
        databases.insert(2, database);
        let mut bytes = Vec::new();
        encode(&databases, &mut bytes);
        bytes
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let bytes = sample();
        let databases = decode(&mut &bytes[..]).expect("as written");
        let database = &databases[&2];
        let index = database.find(b"a").expect("by its alias").definition();
        assert_eq!(index.schema.fields.len(), 2);
        assert_eq!(&*index.schema.fields[1].alias, b"n");
        let mut again = Vec::new();
        encode(&databases, &mut again);
        assert_eq!(again, bytes);
    }

    #[test]
    fn damaged_data_is_refused() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert!(decode(&mut &bytes[..end]).is_err(), "{end}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            // Refused or another definition, never a panic.
            let _ = decode(&mut &damaged[..]);
        }
    }
}
