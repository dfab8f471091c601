//! A schema as words again, and as bytes.
//!
//! [`Schema::words`] gives the words that FT.CREATE makes the same schema of: what replicas and the append-only file are
//! told. The encoding for the RDB is the same words, so there is one grammar and one set of checks:
//!
//! ```text
//! u64 version = 1 · bytes name · u64 count · count × bytes word
//! ```

use super::names::{ALGORITHMS, COMPRESSIONS, ELEMENTS, MATCHERS, METRICS};
use super::{Algorithm, Field, Kind, Schema, Source, Svs, Vector, create};
use crate::codec::{Corrupt, Sink, Source as Bytes};
use crate::search::arguments::name_of;
use crate::search::shape::System;

/// The layout that is written.
const VERSION: u64 = 1;
/// More words than any definition has: 1024 fields with all their options, and as many prefixes and stop words again.
const MAX_WORDS: u64 = 1 << 20;

/// Words that are being collected.
#[derive(Default)]
struct Words(Vec<Vec<u8>>);

impl Words {
    fn push(&mut self, word: impl AsRef<[u8]>) {
        self.0.push(word.as_ref().to_vec());
    }

    fn flag(&mut self, name: &str, given: bool) {
        if given {
            self.push(name);
        }
    }

    fn option(&mut self, name: &str, value: Option<impl AsRef<[u8]>>) {
        if let Some(value) = value {
            self.push(name);
            self.push(value);
        }
    }

    fn counted<W: AsRef<[u8]>>(&mut self, name: &str, words: impl ExactSizeIterator<Item = W>) {
        self.push(name);
        self.push(words.len().to_string());
        words.for_each(|word| self.push(word));
    }
}

impl Schema {
    /// The words after the index's name that FT.CREATE makes this schema of. An option at its default is left out.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let mut words = Words::default();
        words.push("ON");
        words.push(if self.source == Source::Hash { "HASH" } else { "JSON" });
        if !matches!(&self.prefixes[..], [only] if only.is_empty()) {
            words.counted("PREFIX", self.prefixes.iter());
        }
        words.option("FILTER", self.filter.as_ref());
        words.option("LANGUAGE", self.language.map(super::Language::name));
        words.option("LANGUAGE_FIELD", self.language_field.as_ref());
        words.option("SCORE", (self.score != 1.0).then(|| self.score.to_string()));
        words.option("SCORE_FIELD", self.score_field.as_ref());
        words.option("PAYLOAD_FIELD", self.payload_field.as_ref());
        words.flag("MAXTEXTFIELDS", self.flags.max_text_fields);
        words.option("TEMPORARY", self.temporary.map(|seconds| seconds.to_string()));
        words.flag("NOOFFSETS", self.flags.no_offsets);
        words.flag("NOHL", self.flags.no_highlight);
        words.flag("NOFIELDS", self.flags.no_fields);
        words.flag("NOFREQS", self.flags.no_frequencies);
        if let Some(stop_words) = &self.stop_words {
            words.counted("STOPWORDS", stop_words.iter());
        }
        words.flag("SKIPINITIALSCAN", self.flags.skip_initial_scan);
        words.option("INDEXALL", self.index_all.map(|on| if on { "ENABLE" } else { "DISABLE" }));
        words.push("SCHEMA");
        self.fields.iter().for_each(|field| words.field(field, self.source));
        words.0
    }

    /// Writes the schema.
    pub fn encode(&self, sink: &mut impl Sink) {
        let words = self.words();
        sink.put_u64(VERSION);
        sink.put_bytes(&self.name);
        sink.put_u64(words.len() as u64);
        words.iter().for_each(|word| sink.put_bytes(word));
    }

    /// Reads a schema.
    ///
    /// # Errors
    /// [`Corrupt`] for another version, too many words, or words that FT.CREATE would refuse.
    pub fn decode<S: Bytes>(source: &mut S) -> Result<Self, Corrupt> {
        if source.take_u64()? != VERSION {
            return Err(Corrupt("version of a schema"));
        }
        let name = source.take_bytes()?;
        let count = source.take_u64()?;
        if count > MAX_WORDS {
            return Err(Corrupt("words of a schema"));
        }
        let words: Vec<S::Bytes> = (0..count).map(|_| source.take_bytes()).collect::<Result<_, _>>()?;
        create(name.as_ref(), words.iter().map(AsRef::as_ref)).map_err(|_| Corrupt("definition of a schema"))
    }
}

impl Words {
    fn field(&mut self, field: &Field, of: Source) {
        self.push(&field.source);
        if field.alias != field.source {
            self.option("AS", Some(&field.alias));
        }
        match &field.kind {
            Kind::Text(text) => {
                self.push("TEXT");
                self.option("WEIGHT", (text.weight != 1.0).then(|| text.weight.to_string()));
                self.flag("NOSTEM", text.no_stem);
                self.option("PHONETIC", text.phonetic.and_then(|matcher| name_of(MATCHERS, &matcher)));
                self.flag("WITHSUFFIXTRIE", text.suffix_trie);
            }
            Kind::Tag(tag) => {
                self.push("TAG");
                let default = (of == Source::Hash).then_some(b',');
                let separator = tag.separator.filter(|separator| Some(*separator) != default);
                self.option("SEPARATOR", separator.map(|byte| [byte]));
                self.flag("CASESENSITIVE", tag.case_sensitive);
                self.flag("WITHSUFFIXTRIE", tag.suffix_trie);
            }
            Kind::Numeric => self.push("NUMERIC"),
            Kind::Geo => self.push("GEO"),
            Kind::Shape(system) => {
                self.push("GEOSHAPE");
                self.flag("FLAT", *system == System::Flat);
            }
            Kind::Vector(vector) => {
                self.push("VECTOR");
                self.vector(vector);
            }
        }
        self.flag("INDEXMISSING", field.index_missing);
        self.flag("INDEXEMPTY", field.index_empty);
        self.flag("SORTABLE", field.sortable);
        self.flag("UNF", field.sortable && field.unf);
        self.flag("NOINDEX", field.no_index);
    }

    fn vector(&mut self, vector: &Vector) {
        let mut parameters = Self::default();
        parameters.option("TYPE", name_of(ELEMENTS, &vector.element));
        parameters.option("DIM", Some(vector.dim.to_string()));
        parameters.option("DISTANCE_METRIC", name_of(METRICS, &vector.metric));
        let initial_cap = (vector.initial_cap > 0).then(|| vector.initial_cap.to_string());
        match vector.algorithm {
            Algorithm::Flat => {
                parameters.option("INITIAL_CAP", initial_cap);
                parameters.option("BLOCK_SIZE", Some(vector.block_size.to_string()));
            }
            Algorithm::Hnsw => {
                parameters.option("INITIAL_CAP", initial_cap);
                parameters.option("M", Some(vector.m.to_string()));
                parameters.option("EF_CONSTRUCTION", Some(vector.ef_construction.to_string()));
                parameters.option("EF_RUNTIME", Some(vector.ef_runtime.to_string()));
                parameters.option("EPSILON", Some(vector.epsilon.to_string()));
            }
            Algorithm::SvsVamana => parameters.option("EPSILON", Some(vector.epsilon.to_string())),
        }
        if let Some(svs) = &vector.svs {
            parameters.svs(svs);
        }
        self.counted(name_of(ALGORITHMS, &vector.algorithm).unwrap_or_default(), parameters.0.iter());
    }

    fn svs(&mut self, svs: &Svs) {
        self.option("COMPRESSION", svs.compression.and_then(|compression| name_of(COMPRESSIONS, &compression)));
        self.option("CONSTRUCTION_WINDOW_SIZE", Some(svs.construction_window.to_string()));
        self.option("GRAPH_MAX_DEGREE", Some(svs.max_degree.to_string()));
        self.option("SEARCH_WINDOW_SIZE", Some(svs.search_window.to_string()));
        self.option("TRAINING_THRESHOLD", svs.training_threshold.map(|threshold| threshold.to_string()));
        self.option("REDUCE", svs.reduce.map(|reduce| reduce.to_string()));
    }
}
