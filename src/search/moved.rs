//! Definitions as RediSearch 2.x writes them into RDB files, read so that an index comes along with its documents.
//!
//! The layout was found by comparing files that differ in one option each. It is version 23 of the type `ft_index0`, in the
//! vocabulary of [`crate::codec`]; strings end with a NUL byte but where it is said:
//!
//! ```text
//! indexes: u64, then for each
//!   name: bytes, flags: u64
//!   fields: u64, then for each
//!     alias: bytes; 0 | 1, source: bytes        (0: the source is the alias)
//!     type: u64    1 TEXT, 2 NUMERIC, 4 GEO, 8 TAG, 16 VECTOR, 32 GEOSHAPE
//!     options: u64  1 SORTABLE, 2 NOSTEM, 4 NOINDEX, 8 PHONETIC, 32 UNF, 64 WITHSUFFIXTRIE, 256 INDEXEMPTY, 512 INDEXMISSING
//!     place among the sortable ones: u64
//!     TEXT:     place among the texts: u64, weight: double
//!     TAG:      u64 with 1 for CASESENSITIVE; separator: one byte, no NUL (a zero byte: none)
//!     GEOSHAPE: u64: 0 FLAT, 1 SPHERICAL
//!     VECTOR:   bytes of a vector: u64; algorithm: u64, 0 FLAT, 2 HNSW, which has two more numbers, 1 and 0;
//!               type, dim, metric, many of them in a document, initial cap: u64
//!               FLAT: block size: u64        HNSW: M, EF_CONSTRUCTION, EF_RUNTIME: u64
//!   HASH | JSON: bytes; prefixes: u64, then each: bytes
//!   of FILTER, LANGUAGE_FIELD, SCORE_FIELD and PAYLOAD_FIELD each: 0 | 1, text: bytes
//!   score: double, language: u64
//!   flag 8:   stop words: u64, then each: bytes without NUL
//!   flag 256: terms with synonyms: u64, then for each: term: bytes, groups: u64, then each: bytes
//!   TEMPORARY: u64, milliseconds, or a negative number
//!   aliases: u64, then each: bytes
//! ```
//!
//! and dictionaries, version 1 of `scdtype00`: their number, then for each its name, the number of its words, and each word with
//! a score that is 1.
//!
//! What is read is turned into the words of FT.CREATE, so that there is one reader of definitions. EPSILON and which language
//! PHONETIC was given for are not in the file.
#![forbid(unsafe_code)]

use crate::codec::{Corrupt, Source};

/// The one version of the layout that is known.
pub const VERSION: i32 = 23;

/// An index of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Its name.
    pub name: Box<[u8]>,
    /// The words that follow the name in FT.CREATE.
    pub words: Vec<Vec<u8>>,
    /// Its aliases.
    pub aliases: Vec<Box<[u8]>>,
    /// Terms with the groups of synonyms that each is in.
    pub synonyms: Vec<List>,
}

/// A dictionary with its words, or a term with its groups.
pub type List = (Box<[u8]>, Vec<Box<[u8]>>);

const LANGUAGES: [&str; 29] = [
    "english",
    "arabic",
    "basque",
    "catalan",
    "chinese",
    "danish",
    "dutch",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "italian",
    "indonesian",
    "irish",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "armenian",
    "serbian",
    "yiddish",
];
/// Flags of an index with the words that they mean; `true`: the word is for who lacks the flag.
const INDEX_FLAGS: [(u64, bool, &str); 6] = [
    (1 << 0, true, "NOOFFSETS"),
    (1 << 1, true, "NOFIELDS"),
    (1 << 4, true, "NOFREQS"),
    (1 << 6, true, "NOHL"),
    (1 << 7, false, "MAXTEXTFIELDS"),
    (1 << 12, false, "SKIPINITIALSCAN"),
];
const HAS_STOP_WORDS: u64 = 1 << 3;
const HAS_SYNONYMS: u64 = 1 << 8;

const SORTABLE: u64 = 1;
const NO_STEM: u64 = 2;
const NO_INDEX: u64 = 4;
const PHONETIC: u64 = 8;
const UNF: u64 = 32;
const SUFFIX_TRIE: u64 = 64;
const INDEX_EMPTY: u64 = 256;
const INDEX_MISSING: u64 = 512;
/// Options of a field with their words, in the order in which FT.CREATE reads them.
const FIELD_OPTIONS: [(u64, &str); 5] = [
    (NO_STEM, "NOSTEM"),
    (SUFFIX_TRIE, "WITHSUFFIXTRIE"),
    (INDEX_EMPTY, "INDEXEMPTY"),
    (INDEX_MISSING, "INDEXMISSING"),
    (SORTABLE, "SORTABLE"),
];

/// The words of a definition so far.
struct Words(Vec<Vec<u8>>);

impl Words {
    fn put(&mut self, word: impl AsRef<[u8]>) {
        self.0.push(word.as_ref().to_vec());
    }

    fn number(&mut self, name: &str, number: impl ToString) {
        self.put(name);
        self.put(number.to_string());
    }
}

/// A text without its NUL byte.
fn text(source: &mut impl Source) -> Result<Box<[u8]>, Corrupt> {
    let bytes = source.take_bytes()?;
    let bytes = bytes.as_ref();
    Ok(bytes.strip_suffix(b"\0").unwrap_or(bytes).into())
}

fn texts(source: &mut impl Source) -> Result<Vec<Box<[u8]>>, Corrupt> {
    let count = source.take_u64()?;
    (0..count).map(|_| text(source)).collect()
}

/// A text that is there or not.
fn maybe(source: &mut impl Source) -> Result<Option<Box<[u8]>>, Corrupt> {
    match source.take_u64()? {
        0 => Ok(None),
        1 => text(source).map(Some),
        _ => Err(Corrupt("neither there nor not")),
    }
}

/// Reads the indexes of a file.
///
/// # Errors
/// Where the layout is another one.
pub fn indexes(source: &mut impl Source) -> Result<Vec<Moved>, Corrupt> {
    let count = source.take_u64()?;
    (0..count).map(|_| index(source)).collect()
}

/// Reads the dictionaries of a file.
///
/// # Errors
/// Where the layout is another one.
pub fn dictionaries(source: &mut impl Source) -> Result<Vec<List>, Corrupt> {
    let count = source.take_u64()?;
    (0..count)
        .map(|_| {
            let name = text(source)?;
            let words = source.take_u64()?;
            let word = |_| text(source).and_then(|word| source.take_f64().map(|_| word));
            Ok((name, (0..words).map(word).collect::<Result<_, _>>()?))
        })
        .collect()
}

fn index(source: &mut impl Source) -> Result<Moved, Corrupt> {
    let name = text(source)?;
    let flags = source.take_u64()?;
    let mut fields = Words(Vec::new());
    for _ in 0..source.take_u64()? {
        field(source, &mut fields)?;
    }
    let mut words = Words(Vec::new());
    rule(source, &mut words)?;
    if flags & HAS_STOP_WORDS != 0 {
        let stop_words = texts(source)?;
        words.number("STOPWORDS", stop_words.len());
        stop_words.iter().for_each(|word| words.put(word));
    }
    let mut synonyms = Vec::new();
    if flags & HAS_SYNONYMS != 0 {
        for _ in 0..source.take_u64()? {
            synonyms.push((text(source)?, texts(source)?));
        }
    }
    let idle = source.take_u64()?;
    if let Ok(idle @ 0..) = i64::try_from(idle) {
        words.number("TEMPORARY", idle / 1000);
    }
    for (flag, lacks, word) in INDEX_FLAGS {
        // Without offsets there is nothing to highlight: the one word says both.
        let said = word == "NOHL" && flags & 1 == 0;
        if (flags & flag == 0) == lacks && !said {
            words.put(word);
        }
    }
    words.put("SCHEMA");
    words.0.append(&mut fields.0);
    Ok(Moved { name, words: words.0, aliases: texts(source)?, synonyms })
}

/// What decides which documents an index has, and what it takes of each.
fn rule(source: &mut impl Source, words: &mut Words) -> Result<(), Corrupt> {
    words.put("ON");
    words.put(text(source)?);
    let prefixes = texts(source)?;
    words.number("PREFIX", prefixes.len());
    prefixes.iter().for_each(|prefix| words.put(prefix));
    for option in ["FILTER", "LANGUAGE_FIELD", "SCORE_FIELD", "PAYLOAD_FIELD"] {
        if let Some(value) = maybe(source)? {
            words.put(option);
            words.put(value);
        }
    }
    let (score, language) = (source.take_f64()?, source.take_u64()?);
    if score != 1.0 {
        words.number("SCORE", score);
    }
    if language != 0 {
        let known = usize::try_from(language).ok().and_then(|language| LANGUAGES.get(language));
        words.put("LANGUAGE");
        words.put(known.ok_or(Corrupt("a language without a name"))?);
    }
    Ok(())
}

fn field(source: &mut impl Source, words: &mut Words) -> Result<(), Corrupt> {
    let alias = text(source)?;
    match maybe(source)? {
        Some(place) => [&place[..], b"AS", &alias].iter().for_each(|word| words.put(word)),
        None => words.put(&alias),
    }
    let (kind, options, _) = (source.take_u64()?, source.take_u64()?, source.take_u64()?);
    match kind {
        1 => {
            let (_, weight) = (source.take_u64()?, source.take_f64()?);
            words.put("TEXT");
            words.number("WEIGHT", weight);
            if options & PHONETIC != 0 {
                words.put("PHONETIC");
                words.put("dm:en");
            }
        }
        2 => words.put("NUMERIC"),
        4 => words.put("GEO"),
        8 => tag(source, words)?,
        16 => vector(source, words)?,
        32 => {
            words.put("GEOSHAPE");
            words.put(if source.take_u64()? == 0 { "FLAT" } else { "SPHERICAL" });
        }
        _ => return Err(Corrupt("a field of an unknown type")),
    }
    for (option, word) in FIELD_OPTIONS {
        if options & option != 0 {
            words.put(word);
        }
    }
    if options & (SORTABLE | UNF) == SORTABLE | UNF {
        words.put("UNF");
    }
    if options & NO_INDEX != 0 {
        words.put("NOINDEX");
    }
    Ok(())
}

fn tag(source: &mut impl Source, words: &mut Words) -> Result<(), Corrupt> {
    let flags = source.take_u64()?;
    let separator = source.take_bytes()?;
    words.put("TAG");
    if !matches!(separator.as_ref(), [] | [0]) {
        words.put("SEPARATOR");
        words.put(separator);
    }
    if flags & 1 != 0 {
        words.put("CASESENSITIVE");
    }
    Ok(())
}

fn vector(source: &mut impl Source, words: &mut Words) -> Result<(), Corrupt> {
    let (_, algorithm) = (source.take_u64()?, source.take_u64()?);
    let graph = match algorithm {
        0 => false,
        2 => {
            if [source.take_u64()?, source.take_u64()?] != [1, 0] {
                return Err(Corrupt("an unknown algorithm of vectors"));
            }
            true
        }
        _ => return Err(Corrupt("an unknown algorithm of vectors")),
    };
    let names = |names: &[&'static str], number: u64| {
        let name = usize::try_from(number).ok().and_then(|number| names.get(number));
        name.copied().ok_or(Corrupt("a type or metric of vectors without a name"))
    };
    let element = names(&["FLOAT32", "FLOAT64", "BFLOAT16", "FLOAT16"], source.take_u64()?)?;
    let dim = source.take_u64()?;
    let metric = names(&["L2", "IP", "COSINE"], source.take_u64()?)?;
    let (_, cap) = (source.take_u64()?, source.take_u64()?);
    words.put("VECTOR");
    words.put(if graph { "HNSW" } else { "FLAT" });
    words.put(if graph { "14" } else { "10" });
    for (name, value) in [("TYPE", element), ("DISTANCE_METRIC", metric)] {
        words.put(name);
        words.put(value);
    }
    words.number("DIM", dim);
    words.number("INITIAL_CAP", cap);
    let parameters: &[&str] = if graph { &["M", "EF_CONSTRUCTION", "EF_RUNTIME"] } else { &["BLOCK_SIZE"] };
    for name in parameters {
        words.number(name, source.take_u64()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::schema;

    /// As RediSearch 2.10.5 wrote them; the types of the server's file as those of [`crate::codec`].
    const INDEXES: &[u8] = include_bytes!("../../tests/data/redisearch-indexes-23.bin");
    const DICTIONARIES: &[u8] = include_bytes!("../../tests/data/redisearch-dictionaries-1.bin");

    fn all() -> Vec<Moved> {
        let mut source = INDEXES;
        let all = indexes(&mut source).expect("as written");
        assert!(source.is_empty());
        all
    }

    fn words(name: &str) -> String {
        let moved = all().into_iter().find(|moved| *moved.name == *name.as_bytes()).expect("an index of the name");
        moved.words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn definitions_are_read() {
        for moved in all() {
            let definition = schema::create(&moved.name, moved.words.iter().map(Vec::as_slice));
            assert!(definition.is_ok(), "{:?}: {:?}", words(&String::from_utf8_lossy(&moved.name)), definition);
        }
        assert_eq!(
            words("weights"),
            "ON HASH PREFIX 2 d: e: SCHEMA t TEXT WEIGHT 2.5 NOSTEM SORTABLE u TEXT WEIGHT 1 WITHSUFFIXTRIE SORTABLE UNF"
        );
        assert_eq!(
            words("fields of documents"),
            "ON HASH PREFIX 2 d: e: LANGUAGE_FIELD lang SCORE_FIELD score PAYLOAD_FIELD payload SCORE 0.5 LANGUAGE french \
             SCHEMA t TEXT WEIGHT 1"
        );
        assert_eq!(words("stop words"), "ON HASH PREFIX 2 d: e: STOPWORDS 2 fox quick SCHEMA t TEXT WEIGHT 1");
        assert_eq!(words("for a while"), "ON HASH PREFIX 2 d: e: TEMPORARY 100000 SCHEMA t TEXT WEIGHT 1");
        assert_eq!(words("shapes"), "ON HASH PREFIX 1  SCHEMA s GEOSHAPE FLAT q GEOSHAPE SPHERICAL");
        let near = "ON HASH PREFIX 2 d: e: SCHEMA v VECTOR HNSW 14 TYPE FLOAT32 DISTANCE_METRIC L2 DIM 2 INITIAL_CAP 1024 \
                    M 11 EF_CONSTRUCTION 99 EF_RUNTIME 22";
        assert_eq!(words("near"), near);
    }

    #[test]
    fn what_hangs_on_an_index_is_read() {
        let plain = all().into_iter().find(|moved| *moved.name == *b"plain").expect("the index");
        let mut synonyms = plain.synonyms;
        synonyms.sort();
        let names = |names: &[&str]| names.iter().map(|name| name.as_bytes().into()).collect::<Vec<Box<[u8]>>>();
        assert_eq!(synonyms, [(b"boy"[..].into(), names(&["g1", "g2"])), (b"child"[..].into(), names(&["g1"]))]);
        assert_eq!(plain.aliases, names(&["another name", "one more"]));
        let mut dictionaries = dictionaries(&mut &*DICTIONARIES).expect("as written");
        dictionaries.sort();
        assert_eq!(dictionaries, [(b"d"[..].into(), names(&["a", "b"])), (b"e"[..].into(), names(&["x y"]))]);
    }

    #[test]
    fn damaged_data_is_refused() {
        for end in 0..INDEXES.len() {
            assert!(indexes(&mut &INDEXES[..end]).is_err(), "{end}");
        }
        for at in 0..INDEXES.len() {
            let mut damaged = INDEXES.to_vec();
            damaged[at] ^= 0x55;
            // Refused, or another definition; never a panic.
            for moved in indexes(&mut &damaged[..]).into_iter().flatten() {
                let _ = schema::create(&moved.name, moved.words.iter().map(Vec::as_slice));
            }
        }
    }
}
