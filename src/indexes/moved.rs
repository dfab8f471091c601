//! Indexes that come along with a file of RediSearch, or with a full synchronization from it: see [`crate::search::moved`].
//!
//! They are there before the keys are loaded, so that these are indexed as they come. What cannot be taken over is named in the
//! log, and the rest goes on. Only a layout that is not known is refused, since the server does not let a module leave any of it.

use std::ffi::{CStr, c_int};

use super::definition::Definition;
use super::dictionaries;
use super::registry::{self, Database};
use crate::codec::Corrupt;
use crate::redis::auxiliary::{Foreign, When};
use crate::redis::context::{LogLevel, log};
use crate::redis::rdb::RdbSource;
use crate::search::analysis::Synonyms;
use crate::search::moved::{self, Moved};

/// RediSearch's indexes; it has them in database 0 only.
pub struct Indexes;

impl Foreign for Indexes {
    const NAME: &'static CStr = c"ft_index0";

    fn load(source: &mut RdbSource, version: c_int, _: When) -> Result<(), Corrupt> {
        if version != moved::VERSION {
            log(
                LogLevel::Warning,
                &format!(
                    "the file's indexes have version {version} of their layout, and only {} is known",
                    moved::VERSION
                ),
            );
        }
        let mut database = Database::default();
        for index in moved::indexes(source)? {
            take(&mut database, index);
        }
        registry::with(|registry| registry.databases = [(0, database)].into());
        Ok(())
    }
}

/// RediSearch's dictionaries.
pub struct Dictionaries;

impl Foreign for Dictionaries {
    const NAME: &'static CStr = c"scdtype00";

    fn load(source: &mut RdbSource, _: c_int, when: When) -> Result<(), Corrupt> {
        // Before the keys there is an empty place.
        if when == When::AfterKeys {
            let all = moved::dictionaries(source)?;
            dictionaries::flush();
            for (name, words) in &all {
                dictionaries::add(name, words.iter().map(|word| &**word));
            }
        }
        Ok(())
    }
}

/// Adds an index, or says why not.
fn take(database: &mut Database, index: Moved) {
    let Moved { name, words, aliases, synonyms } = index;
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let shown = String::from_utf8_lossy(&name).into_owned();
    match Definition::create(&name, &words) {
        Ok(definition) if !database.indexes.contains_key(&name) => {
            let index = database.add(definition);
            let mut groups = Synonyms::default();
            for (term, of) in &synonyms {
                for group in of {
                    groups.add(group, [term]);
                }
            }
            index.set_synonyms(groups);
            aliases.into_iter().for_each(|alias| {
                database.aliases.insert(alias, name.clone());
            });
        }
        Ok(_) => {
            log(LogLevel::Warning, &format!("index '{shown}' is in the file twice: the second one was not taken over"))
        }
        Err(error) => {
            let error = String::from_utf8_lossy(error.text());
            log(LogLevel::Warning, &format!("index '{shown}' of the file was not taken over: {error}: create it again"))
        }
    }
}
