//! The dictionaries of FT.DICTADD: of the server, in no database.
//!
//! They belong to the main thread. FLUSHALL takes them, FLUSHDB does not; a dictionary whose last word goes stays, empty. Workers
//! are given copies, which stay as they are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;

use crate::redis::workers;
use crate::search::spelling::dictionary::Dictionary;

/// Dictionaries by name.
pub type Dictionaries = BTreeMap<Box<[u8]>, Dictionary>;

thread_local! {
    /// Left as it is when the server ends, as the registry is.
    static DICTIONARIES: RefCell<ManuallyDrop<Dictionaries>> = RefCell::default();
}

/// Runs `work` on all dictionaries.
pub fn with<T>(work: impl FnOnce(&mut Dictionaries) -> T) -> T {
    DICTIONARIES.with_borrow_mut(|dictionaries| work(dictionaries))
}

/// A copy of the dictionary of this name.
pub fn find(name: &[u8]) -> Option<Dictionary> {
    with(|dictionaries| dictionaries.get(name).cloned())
}

/// What became of a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// How many words came or went.
    pub words: usize,
    /// Whether anything did: a dictionary begins empty.
    pub any: bool,
}

/// Puts words into a dictionary, which begins with them.
pub fn add<'a>(name: &[u8], words: impl Iterator<Item = &'a [u8]>) -> Changed {
    with(|dictionaries| {
        let begins = !dictionaries.contains_key(name);
        let dictionary = dictionaries.entry(name.into()).or_default();
        let words = words.filter(|word| dictionary.add(word)).count();
        Changed { words, any: begins || words > 0 }
    })
}

/// Takes words out of a dictionary.
pub fn remove<'a>(name: &[u8], words: impl Iterator<Item = &'a [u8]>) -> Changed {
    with(|dictionaries| {
        let Some(dictionary) = dictionaries.get_mut(name) else { return Changed { words: 0, any: false } };
        let words = words.filter(|word| dictionary.remove(word)).count();
        Changed { words, any: words > 0 }
    })
}

/// Forgets all of them. Many words take long to free.
pub fn flush() {
    let all = with(std::mem::take);
    if !all.is_empty() {
        workers::reclaim(all);
    }
}
