//! Words that mean the same, in groups.
//!
//! A group has a name, and words enter it; none leaves. A word of a group is stored under `~` and the group's name beside
//! itself, and a query for it looks for that too: so it finds documents with other words of the group. A word of several
//! groups is stored under each, in the order in which it entered them.
//!
//! Words are folded. What has blanks in it is kept and shown, but a text has no such word. The encoding:
//!
//! ```text
//! u64 groups · groups × bytes name · u64 words · words × (bytes word · u64 count · count × u64 number of a group)
//! ```

use hashbrown::{HashMap, HashSet};

use crate::codec::{Corrupt, Sink, Source};
use crate::search::fold::fold;

/// What groups start with in the dictionary of an index.
pub const SYNONYM: u8 = b'~';

/// A word of a group.
#[derive(Debug, Clone, Default)]
struct Member {
    number: u32,
    /// Its groups, in the order in which it entered them.
    groups: Vec<u32>,
}

/// The groups of an index.
#[derive(Debug, Clone, Default)]
pub struct Synonyms {
    /// [`SYNONYM`] and the name of each.
    groups: Vec<Box<[u8]>>,
    by_name: HashMap<Box<[u8]>, u32>,
    words: HashMap<Box<[u8]>, Member>,
    /// Which word is in which group, by their numbers.
    pairs: HashSet<(u32, u32)>,
}

/// A number of a table: more than 2^32 entries do not fit into memory.
fn number(len: usize) -> u32 {
    len as u32
}

impl Synonyms {
    /// Whether there is no word in any group.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How many pairs of a word and its group there are: grows with every change.
    pub fn version(&self) -> usize {
        self.pairs.len()
    }

    /// Puts words into a group; whether one was not in it.
    pub fn add<W: AsRef<[u8]>>(&mut self, group: &[u8], words: impl IntoIterator<Item = W>) -> bool {
        let before = self.version();
        for word in words {
            let group = self.group(group);
            self.put(&fold(word.as_ref()), group);
        }
        self.version() > before
    }

    /// The number of a group.
    fn group(&mut self, name: &[u8]) -> u32 {
        if let Some(group) = self.by_name.get(name) {
            return *group;
        }
        let group = number(self.groups.len());
        self.groups.push([&[SYNONYM], name].concat().into());
        self.by_name.insert(name.into(), group);
        group
    }

    fn put(&mut self, word: &[u8], group: u32) -> bool {
        let number = number(self.words.len());
        let member = self.words.entry_ref(word).or_insert_with(|| Member { number, groups: Vec::new() });
        let is_new = self.pairs.insert((member.number, group));
        if is_new {
            member.groups.push(group);
        }
        is_new
    }

    /// What a folded word is stored under beside itself: [`SYNONYM`] and the name of each group.
    pub fn of(&self, word: &[u8]) -> impl Iterator<Item = &[u8]> {
        let groups = if self.is_empty() { None } else { self.words.get(word) };
        groups.into_iter().flat_map(|member| &member.groups).map(|group| &*self.groups[*group as usize])
    }

    /// Every word, sorted, with the names of its groups.
    pub fn dump(&self) -> Vec<(&[u8], Vec<&[u8]>)> {
        let names = |groups: &[u32]| groups.iter().map(|group| &self.groups[*group as usize][1..]).collect();
        self.sorted().into_iter().map(|(word, groups)| (word, names(groups))).collect()
    }

    fn sorted(&self) -> Vec<(&[u8], &[u32])> {
        let mut words: Vec<_> = self.words.iter().map(|(word, member)| (&**word, &member.groups[..])).collect();
        words.sort_unstable();
        words
    }

    /// Calls `each` with every group and its words.
    pub fn each_group(&self, mut each: impl FnMut(&[u8], &[&[u8]])) {
        let mut groups: Vec<Vec<&[u8]>> = vec![Vec::new(); self.groups.len()];
        for (word, of) in self.sorted() {
            of.iter().for_each(|group| groups[*group as usize].push(word));
        }
        self.groups.iter().zip(&groups).for_each(|(name, words)| each(&name[1..], words));
    }

    /// Writes all groups.
    pub fn encode(&self, sink: &mut impl Sink) {
        sink.put_u64(self.groups.len() as u64);
        self.groups.iter().for_each(|name| sink.put_bytes(&name[1..]));
        sink.put_u64(self.words.len() as u64);
        for (word, groups) in self.sorted() {
            sink.put_bytes(word);
            sink.put_u64(groups.len() as u64);
            groups.iter().for_each(|group| sink.put_u64(u64::from(*group)));
        }
    }

    /// Reads what [`Synonyms::encode`] writes.
    ///
    /// # Errors
    /// [`Corrupt`] for anything else.
    pub fn decode(source: &mut impl Source) -> Result<Self, Corrupt> {
        let mut synonyms = Self::default();
        for at in 0..source.take_u64()? {
            let name = source.take_bytes()?;
            if u64::from(synonyms.group(name.as_ref())) != at {
                return Err(Corrupt("two groups of synonyms of one name"));
            }
        }
        for _ in 0..source.take_u64()? {
            let word = source.take_bytes()?;
            for _ in 0..source.take_u64()? {
                let group = u32::try_from(source.take_u64()?).ok();
                let group = group.filter(|group| (*group as usize) < synonyms.groups.len());
                if !synonyms.put(word.as_ref(), group.ok_or(Corrupt("group of a synonym"))?) {
                    return Err(Corrupt("a synonym twice in its group"));
                }
            }
        }
        Ok(synonyms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(synonyms: &Synonyms, word: &str) -> Vec<String> {
        synonyms.of(word.as_bytes()).map(|term| String::from_utf8_lossy(term).into_owned()).collect()
    }

    #[test]
    fn words_enter_groups_and_stay() {
        let mut synonyms = Synonyms::default();
        assert!(synonyms.is_empty() && of(&synonyms, "boy").is_empty());
        assert!(synonyms.add(b"g1", ["Boy", "CHILD"]));
        assert!(!synonyms.add(b"g1", ["child"]) && !synonyms.add(b"none", <[&str; 0]>::default()));
        assert!(synonyms.add(b"", ["child", "Élan", "new york"]));
        assert_eq!((of(&synonyms, "child"), of(&synonyms, "élan")), (vec!["~g1".into(), "~".into()], vec!["~".into()]));
        assert!(of(&synonyms, "CHILD").is_empty());
        let words: Vec<&[u8]> = synonyms.dump().into_iter().map(|(word, _)| word).collect();
        assert_eq!(words, [&b"boy"[..], b"child", b"new york", "élan".as_bytes()]);
    }

    proptest! {
        #[test]
        fn groups_come_back_from_their_bytes_and_from_their_words(
            adds in prop::collection::vec(("[ab]{0,2}", prop::collection::vec("[a-cÉ ]{0,2}", 0..4)), 0..20),
        ) {
            let mut synonyms = Synonyms::default();
            for (group, words) in &adds {
                let before = synonyms.version();
                prop_assert_eq!(synonyms.add(group.as_bytes(), words), synonyms.version() > before);
            }
            let mut bytes = Vec::new();
            synonyms.encode(&mut bytes);
            let decoded = Synonyms::decode(&mut &bytes[..]).expect("as written");
            prop_assert_eq!(decoded.dump(), synonyms.dump());
            let mut again = Synonyms::default();
            synonyms.each_group(|group, words| {
                again.add(group, words);
            });
            let sets = |synonyms: &Synonyms| -> Vec<(Vec<u8>, std::collections::BTreeSet<Vec<u8>>)> {
                let names = |groups: Vec<&[u8]>| groups.into_iter().map(<[u8]>::to_vec).collect();
                synonyms.dump().into_iter().map(|(word, groups)| (word.to_vec(), names(groups))).collect()
            };
            prop_assert_eq!(sets(&again), sets(&synonyms));
            for end in 0..bytes.len() {
                prop_assert!(Synonyms::decode(&mut &bytes[..end]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_groups_or_corrupt(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Synonyms::decode(&mut &bytes[..]);
        }
    }
}
