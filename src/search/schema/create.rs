//! FT.CREATE and FT.ALTER: words in, schema out.
//!
//! ```text
//! FT.CREATE index [ON HASH|JSON] [PREFIX n p…] [FILTER e] [LANGUAGE l] [LANGUAGE_FIELD f] [SCORE s] [SCORE_FIELD f]
//!   [PAYLOAD_FIELD f] [MAXTEXTFIELDS] [TEMPORARY s] [NOOFFSETS] [NOHL] [NOFIELDS] [NOFREQS] [STOPWORDS n w…]
//!   [SKIPINITIALSCAN] [INDEXALL ENABLE|DISABLE] SCHEMA field…
//! FT.ALTER index [SKIPINITIALSCAN] SCHEMA ADD field…
//! field = source [AS alias] type [options of the type, any order] [SORTABLE [UNF]] [NOINDEX]
//! ```
//! An option out of its place is read as the next field's name, as the peers do: that is what their errors tell.

use super::names::SYSTEMS;
use super::{
    Error, Field, Flags, Kind, Language, MAX_FIELDS, MAX_TEXT_FIELDS, Schema, Source, Tag, Text, TextId, json_path,
    names, vector,
};
use crate::search::aggregate::expression::{Column, Expression};
use crate::search::analysis::fold;
use crate::search::arguments::{Problem, Words, lookup};
use crate::search::number;
use crate::search::shape::System;

/// Reads the words that follow the name of the index in FT.CREATE.
///
/// FILTER is known to compile, with whatever its properties are; compiling it for use is for the index.
///
/// # Errors
/// The first thing that is wrong, reading from left to right.
pub fn create<'a>(name: &[u8], words: impl IntoIterator<Item = &'a [u8]>) -> Result<Schema, Error> {
    let mut words = Words::new(words);
    if words.len() < 3 {
        return Err(Error::Arity);
    }
    let mut schema = Schema::new(name);
    let read = options(&mut schema, &mut words);
    // A filter that is none is told before what stands behind the options that are known.
    if let (Ok(()) | Err(Error::UnknownOption(_) | Error::NoSchema), Some(filter)) = (&read, &schema.filter) {
        Expression::parse(filter, |_| Some(Column(0))).map_err(Error::Filter)?;
    }
    read?;
    let places = [&schema.language_field, &schema.score_field, &schema.payload_field];
    for (place, option) in places.into_iter().zip(["LANGUAGE_FIELD", "SCORE_FIELD", "PAYLOAD_FIELD"]) {
        place.as_ref().map_or(Ok(()), |place| check_place(&schema, place, option.as_bytes()))?;
    }
    if words.is_empty() {
        return Err(Error::NoFields);
    }
    fields(&mut schema, &mut words)?;
    Ok(schema)
}

/// What FT.ALTER asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Altered {
    /// The schema with the fields added; those of before keep their ids.
    pub schema: Schema,
    /// SKIPINITIALSCAN: keys that exist already keep what they are indexed by.
    pub skip_initial_scan: bool,
}

/// Reads the words that follow the name of the index in FT.ALTER and adds the fields.
///
/// # Errors
/// As for [`create`]; the schema is as it was.
pub fn alter<'a>(schema: &Schema, words: impl IntoIterator<Item = &'a [u8]>) -> Result<Altered, Error> {
    let mut words = Words::new(words);
    if words.len() < 3 {
        return Err(Error::Arity);
    }
    let skip_initial_scan = words.accept("SKIPINITIALSCAN");
    if !words.accept("SCHEMA") {
        return Err(Error::AlterWithoutSchema);
    }
    if !words.accept("ADD") {
        return Err(Error::AlterAction);
    }
    if words.is_empty() {
        return Err(Error::NoFields);
    }
    let mut schema = schema.clone();
    fields(&mut schema, &mut words)?;
    Ok(Altered { schema, skip_initial_scan })
}

/// Reads the options up to SCHEMA.
fn options(schema: &mut Schema, words: &mut Words) -> Result<(), Error> {
    while !words.accept("SCHEMA") {
        if words.is_empty() {
            return Err(Error::NoSchema);
        }
        option(schema, words)?;
    }
    Ok(())
}

/// Reads one option before SCHEMA.
fn option(schema: &mut Schema, words: &mut Words) -> Result<(), Error> {
    let word = words.word().unwrap_or_default();
    match &word.to_ascii_uppercase()[..] {
        b"MAXTEXTFIELDS" => schema.flags.max_text_fields = true,
        b"NOOFFSETS" => (schema.flags.no_offsets, schema.flags.no_highlight) = (true, true),
        // valkey-search's words for what is so without NOOFFSETS, and for STOPWORDS 0.
        b"WITHOFFSETS" => (schema.flags.no_offsets, schema.flags.no_highlight) = (false, false),
        b"NOSTOPWORDS" => schema.stop_words = Some(Default::default()),
        b"NOHL" => schema.flags.no_highlight = true,
        b"NOFIELDS" => schema.flags.no_fields = true,
        b"NOFREQS" => schema.flags.no_frequencies = true,
        b"SKIPINITIALSCAN" => schema.flags.skip_initial_scan = true,
        _ => return valued_option(schema, word, words),
    }
    Ok(())
}

/// Reads the value of an option that has one.
fn valued_option(schema: &mut Schema, word: &[u8], words: &mut Words) -> Result<(), Error> {
    let of = |option| move |problem| Error::Argument { option, problem };
    match &word.to_ascii_uppercase()[..] {
        b"ON" => {
            let kind = words.word().map_err(of("ON"))?;
            schema.source = lookup(&[("HASH", Source::Hash), ("JSON", Source::Json)], kind)
                .ok_or_else(|| Error::SourceKind(kind.into()))?;
        }
        b"PREFIX" => {
            schema.prefixes = words.counted().map_err(of("PREFIX"))?.into_iter().map(Into::into).collect();
            if schema.prefixes.is_empty() {
                schema.prefixes.push(Box::default());
            }
        }
        b"FILTER" => schema.filter = Some(words.word().map_err(of("FILTER"))?.into()),
        b"LANGUAGE" => {
            let language = words.word().map_err(of("LANGUAGE"))?;
            schema.language = Some(Language::named(language).ok_or(Error::Language)?);
        }
        b"LANGUAGE_FIELD" => schema.language_field = Some(words.word().map_err(of("LANGUAGE_FIELD"))?.into()),
        b"SCORE" => {
            let score = number::parse(words.word().map_err(of("SCORE"))?.trim_ascii());
            schema.score = score.filter(|score| (0.0..=1.0).contains(score)).ok_or(Error::Score)?;
        }
        b"SCORE_FIELD" => schema.score_field = Some(words.word().map_err(of("SCORE_FIELD"))?.into()),
        b"PAYLOAD_FIELD" => schema.payload_field = Some(words.word().map_err(of("PAYLOAD_FIELD"))?.into()),
        b"TEMPORARY" => {
            let seconds = words.integer(i64::MIN).map_err(of("TEMPORARY"))?;
            schema.temporary = u64::try_from(seconds).ok();
        }
        b"STOPWORDS" => {
            let given = words.counted().map_err(of("STOPWORDS"))?;
            schema.stop_words = Some(given.into_iter().map(|word| fold(word).into_owned().into()).collect());
        }
        b"INDEXALL" => {
            let on = words.one_of(&[("ENABLE", true), ("DISABLE", false)]);
            schema.index_all = Some(on.map_err(of("INDEXALL"))?);
        }
        _ => return Err(Error::UnknownOption(word.into())),
    }
    Ok(())
}

/// Reads fields up to the last word and adds them.
fn fields(schema: &mut Schema, words: &mut Words) -> Result<(), Error> {
    while !words.is_empty() {
        if schema.fields.len() >= MAX_FIELDS {
            return Err(Error::TooManyFields);
        }
        let texts = schema.texts().count();
        let field = field(schema.source, texts, words)?;
        check_place(schema, &field.source, &field.alias)?;
        if schema.find(&field.alias).is_some() {
            return Err(Error::DuplicateField(field.alias));
        }
        // As the peers: beyond 32 TEXT fields an index is one of many TEXT fields, whether it said so or not.
        schema.flags.max_text_fields |= matches!(field.kind, Kind::Text(_)) && texts >= 32;
        schema.fields.push(field);
    }
    Ok(())
}

/// Refuses a place in JSON documents that is no path: it would select nothing, for ever.
fn check_place(schema: &Schema, place: &[u8], attribute: &[u8]) -> Result<(), Error> {
    if schema.source == Source::Hash || json_path(place).is_ok() {
        return Ok(());
    }
    Err(Error::JsonPath { path: place.into(), attribute: attribute.into(), index: schema.name.clone() })
}

/// Types of fields by name.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Tag,
    Numeric,
    Geo,
    Vector,
    GeoShape,
}

const TYPES: &[(&str, Type)] = &[
    ("TEXT", Type::Text),
    ("TAG", Type::Tag),
    ("NUMERIC", Type::Numeric),
    ("GEO", Type::Geo),
    ("VECTOR", Type::Vector),
    ("GEOSHAPE", Type::GeoShape),
];

/// Reads one field; `texts` is how many TEXT fields there are before it.
fn field(of: Source, texts: usize, words: &mut Words) -> Result<Field, Error> {
    let source = words.word().unwrap_or_default();
    let alias = if words.accept("AS") { words.word().map_err(|_| Error::NoAlias)? } else { source };
    let Ok(kind) = words.word() else { return Err(Error::NoFieldType(alias.into())) };
    let kind = lookup(TYPES, kind).ok_or_else(|| Error::FieldType(alias.into()))?;
    let mut field = Field {
        source: source.into(),
        alias: alias.into(),
        kind: Kind::Numeric,
        sortable: false,
        unf: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    };
    field.kind = match kind {
        Type::Text => Kind::Text(text(texts, &mut field, words)?),
        Type::Tag => Kind::Tag(tag(of, &mut field, words)?),
        Type::Numeric | Type::Geo => {
            field.index_missing = accept_all(words, "INDEXMISSING");
            if matches!(kind, Type::Geo) { Kind::Geo } else { Kind::Numeric }
        }
        Type::Vector => {
            let vector = vector::parse(words)?;
            field.index_missing = accept_all(words, "INDEXMISSING");
            Kind::Vector(vector)
        }
        Type::GeoShape => {
            let system = words.peek().and_then(|word| lookup(SYSTEMS, word));
            if system.is_some() {
                _ = words.word();
            }
            field.index_missing = accept_all(words, "INDEXMISSING");
            Kind::Shape(system.unwrap_or(System::Spherical))
        }
    };
    if !matches!(field.kind, Kind::Vector(_)) {
        common_options(of, &mut field, words);
    }
    if field.no_index && field.index_missing {
        return Err(Error::NotIndexedMissing(field.alias));
    }
    Ok(field)
}

/// Takes a keyword as often as it is repeated.
fn accept_all(words: &mut Words, keyword: &str) -> bool {
    let mut found = false;
    while words.accept(keyword) {
        found = true;
    }
    found
}

/// Reads SORTABLE [UNF] and NOINDEX.
fn common_options(of: Source, field: &mut Field, words: &mut Words) {
    loop {
        if words.accept("SORTABLE") {
            field.sortable = true;
            field.unf |= words.accept("UNF");
        } else if words.accept("NOINDEX") {
            field.no_index = true;
        } else {
            break;
        }
    }
    let case_sensitive = matches!(&field.kind, Kind::Tag(tag) if tag.case_sensitive);
    let implied = of == Source::Json || case_sensitive || matches!(field.kind, Kind::Numeric);
    field.unf |= field.sortable && implied;
}

/// Reads the options of a TEXT field.
fn text(texts: usize, field: &mut Field, words: &mut Words) -> Result<Text, Error> {
    let id = u8::try_from(texts).ok().filter(|_| texts < MAX_TEXT_FIELDS).ok_or(Error::TooManyTextFields)?;
    let mut text = Text { id: TextId(id), weight: 1.0, no_stem: false, suffix_trie: false, phonetic: None };
    loop {
        if words.accept("WEIGHT") {
            // A missing weight is told as one that is no number.
            let problem = Problem::Type;
            text.weight = words.number().map_err(|_| Error::Argument { option: "weight", problem })?;
        } else if words.accept("NOSTEM") {
            text.no_stem = true;
        } else if words.accept("PHONETIC") {
            let matcher = words.word().map_err(|_| Error::NoMatcher)?;
            // Case counts.
            let known = names::MATCHERS.iter().find(|(name, _)| name.as_bytes() == matcher);
            text.phonetic = Some(known.map(|(_, matcher)| *matcher).ok_or(Error::Matcher)?);
        } else if words.accept("WITHSUFFIXTRIE") {
            text.suffix_trie = true;
        } else if words.accept("NOSUFFIXTRIE") {
            text.suffix_trie = false;
        } else if words.accept("INDEXEMPTY") {
            field.index_empty = true;
        } else if words.accept("INDEXMISSING") {
            field.index_missing = true;
        } else {
            return Ok(text);
        }
    }
}

/// Reads the options of a TAG field.
fn tag(of: Source, field: &mut Field, words: &mut Words) -> Result<Tag, Error> {
    let separator = (of == Source::Hash).then_some(b',');
    let mut tag = Tag { separator, case_sensitive: false, suffix_trie: false };
    loop {
        if words.accept("SEPARATOR") {
            tag.separator = match words.word() {
                Err(_) => return Err(Error::NoSeparator),
                Ok(&[byte]) => Some(byte),
                Ok(other) => return Err(Error::Separator(other.into())),
            };
        } else if words.accept("CASESENSITIVE") {
            tag.case_sensitive = true;
        } else if words.accept("WITHSUFFIXTRIE") {
            tag.suffix_trie = true;
        } else if words.accept("INDEXEMPTY") {
            field.index_empty = true;
        } else if words.accept("INDEXMISSING") {
            field.index_missing = true;
        } else {
            return Ok(tag);
        }
    }
}

impl Schema {
    /// A schema without fields and with every option at its default.
    pub fn new(name: &[u8]) -> Self {
        Self {
            name: name.into(),
            source: Source::Hash,
            prefixes: vec![Box::default()],
            filter: None,
            language: None,
            language_field: None,
            score: 1.0,
            score_field: None,
            payload_field: None,
            stop_words: None,
            temporary: None,
            index_all: None,
            flags: Flags::default(),
            fields: Vec::new(),
        }
    }
}
