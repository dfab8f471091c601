//! What FT.CREATE defines: the options of an index and its fields.
//!
//! A [`Schema`] is a value: parsed from arguments, changed only by FT.ALTER, which appends fields. Positions are
//! identities: a [`FieldId`] is a position in [`Schema::fields`], a [`TextId`] the position among the TEXT fields only,
//! which is what a [`FieldMask`] has a bit for. Limits: 1024 fields, 128 of them TEXT.

mod create;
mod encoding;
pub mod names;
mod refusal;
mod vector;

use std::collections::BTreeSet;

use super::shape::System;
use crate::json;
use half::{bf16, f16};

pub use super::analysis::Language;
pub use create::{Altered, alter, create};
pub use refusal::Error;

/// Most fields a schema can have.
pub const MAX_FIELDS: usize = 1024;
/// Most TEXT fields a schema can have: the bits of a [`FieldMask`].
pub const MAX_TEXT_FIELDS: usize = 128;

/// A field, by its position in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// A TEXT field, by its position among the TEXT fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u8);

/// A set of TEXT fields, one bit for each [`TextId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldMask(pub u128);

impl FieldMask {
    /// Every TEXT field, those included that FT.ALTER will add: the mask of a term without a field.
    pub const ALL: Self = Self(u128::MAX);
    /// No field: what a field becomes that is unknown or not TEXT. Matches nothing.
    pub const NONE: Self = Self(0);

    /// The set of one field.
    pub fn of(field: TextId) -> Self {
        Self(1 << (field.0 & 127))
    }
    /// Whether the field is in the set.
    pub fn contains(self, field: TextId) -> bool {
        self.0 & Self::of(field).0 != 0
    }
    /// The fields in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// The fields in either.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Which kind of key an index covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Hashes; a field's source is a field of the hash.
    Hash,
    /// JSON documents; a field's source is a JSONPath.
    Json,
}

/// Options that are either given or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// MAXTEXTFIELDS: room for more than 32 TEXT fields. Ours always has it; reported as given.
    pub max_text_fields: bool,
    /// NOOFFSETS: term positions are not stored; phrases, SLOP and INORDER do not restrict.
    pub no_offsets: bool,
    /// NOHL: what highlighting needs is not stored. Implied by `no_offsets`.
    pub no_highlight: bool,
    /// NOFIELDS: which field a term stands in is not stored; field restrictions of text have no effect.
    pub no_fields: bool,
    /// NOFREQS: how often a term occurs is not stored; every frequency is 1.
    pub no_frequencies: bool,
    /// SKIPINITIALSCAN: keys that exist already are not indexed.
    pub skip_initial_scan: bool,
}

/// What an index is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Name of the index, as created (never an alias).
    pub name: Box<[u8]>,
    /// Hashes or JSON documents.
    pub source: Source,
    /// A key belongs to the index when it starts with one of these. Never empty; `""` is every key.
    pub prefixes: Vec<Box<[u8]>>,
    /// FILTER: text of the expression that a document must satisfy.
    pub filter: Option<Box<[u8]>>,
    /// LANGUAGE of documents that name none; `None`: not given, so english.
    pub language: Option<Language>,
    /// LANGUAGE_FIELD: where a document names its language.
    pub language_field: Option<Box<[u8]>>,
    /// SCORE of documents that have none, 0 to 1.
    pub score: f64,
    /// SCORE_FIELD: where a document has its score.
    pub score_field: Option<Box<[u8]>>,
    /// PAYLOAD_FIELD: where a document has its payload.
    pub payload_field: Option<Box<[u8]>>,
    /// STOPWORDS, case-folded; `None`: not given, so the default list.
    pub stop_words: Option<BTreeSet<Box<[u8]>>>,
    /// TEMPORARY: the index goes, and its documents with it, after so many idle seconds. Negative, never, is `None`.
    pub temporary: Option<u64>,
    /// INDEXALL as given.
    pub index_all: Option<bool>,
    /// The options that are either given or not.
    pub flags: Flags,
    /// The fields; their positions are their [`FieldId`]s.
    pub fields: Vec<Field>,
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Where its value is: a field of the hash, or a JSONPath.
    pub source: Box<[u8]>,
    /// What queries call it: the word after AS, else the source itself.
    pub alias: Box<[u8]>,
    /// Its type, with the options of the type.
    pub kind: Kind,
    /// SORTABLE: its value is kept beside the document for SORTBY and aggregation.
    pub sortable: bool,
    /// UNF: the kept value is not case-folded. Implied by SORTABLE for JSON and for NUMERIC and GEO.
    pub unf: bool,
    /// NOINDEX: not searchable; only worth something with `sortable`.
    pub no_index: bool,
    /// INDEXMISSING: documents without the field can be asked for, by `ismissing(@f)`.
    pub index_missing: bool,
    /// INDEXEMPTY: the empty string can be asked for. TEXT and TAG only.
    pub index_empty: bool,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Words, ranked.
    Text(Text),
    /// Exact labels.
    Tag(Tag),
    /// Numbers.
    Numeric,
    /// Points on the earth.
    Geo,
    /// Shapes.
    Shape(System),
    /// Vectors.
    Vector(Vector),
}

/// What a TEXT field is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Its place among the TEXT fields: its bit in a [`FieldMask`].
    pub id: TextId,
    /// WEIGHT: factor of its frequencies in scores; any number.
    pub weight: f64,
    /// NOSTEM: only written words are stored, no stems.
    pub no_stem: bool,
    /// WITHSUFFIXTRIE: suffix and infix queries are answered without a scan of all terms.
    pub suffix_trie: bool,
    /// PHONETIC: words are found by what they sound like, too.
    pub phonetic: Option<Phonetic>,
}

/// The matcher of PHONETIC. All of them are the same, whatever the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the languages that a matcher can be told")]
pub enum Phonetic {
    English,
    French,
    Portuguese,
    Spanish,
}

/// What a TAG field is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// SEPARATOR: the byte between two tags in one string; `None`: the whole string is one tag (JSON's default).
    pub separator: Option<u8>,
    /// CASESENSITIVE: tags are not case-folded.
    pub case_sensitive: bool,
    /// WITHSUFFIXTRIE, as for TEXT.
    pub suffix_trie: bool,
}

/// Which index a VECTOR field asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Every vector is compared.
    Flat,
    /// The graph.
    Hnsw,
    /// Asked as SVS-VAMANA, answered by our graph with scalar quantization, reported as asked.
    SvsVamana,
}

/// Type of a stored vector's elements; blobs are little-endian arrays of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// IEEE 754 single precision, 4 bytes.
    Float32,
    /// IEEE 754 double precision, 8 bytes.
    Float64,
    /// IEEE 754 half precision, 2 bytes.
    Float16,
    /// The upper half of a single precision number, 2 bytes.
    Bfloat16,
    /// Signed byte.
    Int8,
    /// Unsigned byte.
    Uint8,
}

impl Element {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float64 => 8,
            Self::Float16 | Self::Bfloat16 => 2,
            Self::Int8 | Self::Uint8 => 1,
        }
    }

    /// Where in a vector the first NaN or infinity is. The bytes are a whole number of elements.
    pub fn first_not_finite(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Float32 => first_without(bytes, |x| f32::from_le_bytes(x).is_finite()),
            Self::Float64 => first_without(bytes, |x| f64::from_le_bytes(x).is_finite()),
            Self::Float16 => first_without(bytes, |x| f16::from_le_bytes(x).is_finite()),
            Self::Bfloat16 => first_without(bytes, |x| bf16::from_le_bytes(x).is_finite()),
            Self::Int8 | Self::Uint8 => None,
        }
    }
}

/// The first element that is not as it should be.
fn first_without<const N: usize>(bytes: &[u8], good: impl Fn([u8; N]) -> bool) -> Option<usize> {
    let elements = bytes.as_chunks::<N>().0;
    // Nearly always there is none, and asking all without stopping is vectorized.
    let all = elements.iter().fold(true, |all, x| all & good(*x));
    if all { None } else { elements.iter().position(|x| !good(*x)) }
}

/// Reads where a field of a JSON index has its value. `$name` is short for `$.name`.
///
/// # Errors
/// Where it is no path.
pub fn json_path(text: &[u8]) -> Result<json::Path, json::Error> {
    match text {
        [b'$', first, ..] if !first.is_ascii() || first.is_ascii_alphanumeric() || *first == b'_' => {
            json::Path::parse(&[b"$.", &text[1..]].concat())
        }
        _ => json::Path::parse(text),
    }
}

/// How far two vectors are from each other; small is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Squared Euclidean distance.
    L2,
    /// 1 − dot product.
    Ip,
    /// 1 − cosine of the angle.
    Cosine,
}

/// How SVS-VAMANA was asked to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the option's values")]
pub enum Compression {
    Lvq8,
    Lvq4,
    Lvq4x4,
    Lvq4x8,
    LeanVec4x8,
    LeanVec8x8,
}

/// Parameters that only SVS-VAMANA has. Ours uses the window sizes as beam sizes; all are reported as given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Svs {
    /// COMPRESSION, if any.
    pub compression: Option<Compression>,
    /// CONSTRUCTION_WINDOW_SIZE: beam while building.
    pub construction_window: usize,
    /// GRAPH_MAX_DEGREE: most neighbors of a node.
    pub max_degree: usize,
    /// SEARCH_WINDOW_SIZE: beam while searching.
    pub search_window: usize,
    /// TRAINING_THRESHOLD: vectors to learn compression from; `None`: not given.
    pub training_threshold: Option<usize>,
    /// REDUCE: dimensions after LeanVec's reduction; `None`: not given.
    pub reduce: Option<usize>,
}

/// What a VECTOR field is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// The index, as asked.
    pub algorithm: Algorithm,
    /// TYPE of the elements.
    pub element: Element,
    /// DIM: elements of a vector, at least 1.
    pub dim: usize,
    /// DISTANCE_METRIC.
    pub metric: Metric,
    /// INITIAL_CAP: vectors to reserve room for; deprecated.
    pub initial_cap: usize,
    /// BLOCK_SIZE of FLAT: deprecated.
    pub block_size: usize,
    /// M of HNSW: neighbors on the upper levels; twice as many on level 0.
    pub m: usize,
    /// EF_CONSTRUCTION of HNSW: beam while building.
    pub ef_construction: usize,
    /// EF_RUNTIME of HNSW: beam while searching, unless the query says otherwise.
    pub ef_runtime: usize,
    /// EPSILON of HNSW and SVS-VAMANA: how far beyond the radius a range query looks, as a fraction of it.
    pub epsilon: f64,
    /// What only SVS-VAMANA has; meaningless for the others.
    pub svs: Option<Svs>,
    /// The index keeps whole vectors: measuring documents is too dear. Nobody asks for it, the owner of the schema knows.
    pub whole: bool,
    /// The index keeps coarse codes beside those of vectors, to walk by; as above.
    pub coarse: bool,
}

impl Vector {
    /// Bytes of one vector; `None` when that is more than there can be.
    pub fn blob_size(&self) -> Option<usize> {
        self.dim.checked_mul(self.element.size())
    }
}

impl Schema {
    /// The field that queries call by this name. Names are compared byte by byte.
    pub fn find(&self, alias: &[u8]) -> Option<FieldId> {
        self.fields.iter().position(|field| *field.alias == *alias).and_then(|at| u16::try_from(at).ok()).map(FieldId)
    }

    /// The field with this id.
    ///
    /// # Panics
    /// When the id is of another schema.
    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }

    /// The fields with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FieldId, &Field)> {
        (0u16..).map(FieldId).zip(&self.fields)
    }

    /// The TEXT fields whose words are found by what they sound like.
    pub fn phonetic_fields(&self) -> FieldMask {
        let fields = self.texts().filter(|(_, _, text)| text.phonetic.is_some());
        fields.fold(FieldMask::NONE, |mask, (_, _, text)| mask.or(FieldMask::of(text.id)))
    }

    /// The TEXT fields with their ids, in the order of their [`TextId`]s.
    pub fn texts(&self) -> impl Iterator<Item = (FieldId, &Field, &Text)> {
        self.iter().filter_map(|(id, field)| match &field.kind {
            Kind::Text(text) => Some((id, field, text)),
            _ => None,
        })
    }
}
