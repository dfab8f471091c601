//! Options that FT.SEARCH and FT.AGGREGATE share.

use std::ops::RangeInclusive;

use super::{Asked, Cursor, Error, bad};
use crate::search::analysis::Language;
use crate::search::arguments::{Problem, Words, lookup};
use crate::search::fields::geo::Point;
use crate::search::number;
use crate::search::query::ast::{Circle, Range, Unit};
use crate::search::query::{self, Params, Sounds};
use crate::search::schema::Source;
use crate::search::score::Scorer;

/// Units of GEOFILTER's radius.
const UNITS: [(&str, Unit); 4] =
    [("m", Unit::Meters), ("km", Unit::Kilometers), ("mi", Unit::Miles), ("ft", Unit::Feet)];

/// What BM25STD.TANH may divide by.
const TANH_FACTORS: RangeInclusive<u32> = 1..=10_000;

/// What a query is told beside its text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryOptions {
    /// VERBATIM: no stemming.
    pub verbatim: bool,
    /// NOSTOPWORDS: stop words count as words.
    pub no_stop_words: bool,
    /// INORDER: terms in the order of the query.
    pub in_order: bool,
    /// SLOP: most words between terms; negative is none given.
    pub slop: Option<u32>,
    /// INFIELDS: where words without a field are looked for; `None`, and no field at all: everywhere.
    pub in_fields: Option<Vec<Box<[u8]>>>,
    /// INKEYS: only these documents.
    pub in_keys: Option<Vec<Box<[u8]>>>,
    /// EXPANDER: what words of the query stand for beside themselves.
    pub expander: Expander,
    /// LANGUAGE of the query.
    pub language: Option<Language>,
    /// SCORER; `None`: the default one.
    pub scorer: Option<Scorer>,
    /// BM25STD_TANH_FACTOR: what that scorer divides by; `None`: the setting.
    pub tanh_factor: Option<u32>,
    /// PARAMS: values of `$name`.
    pub params: Option<Params>,
    /// DIALECT, 1 to 4; `None`: the setting.
    pub dialect: Option<u8>,
    /// TIMEOUT in milliseconds; 0: none. `None`: the setting.
    pub timeout: Option<u64>,
    /// FORMAT EXPAND: JSON as RESP3 values.
    pub expand: bool,
    /// NOCONTENT: keys only.
    pub no_content: bool,
    /// WITHSCORES.
    pub with_scores: bool,
    /// EXPLAINSCORE: how each score came about.
    pub explain_score: bool,
    /// WITHPAYLOADS: what PAYLOAD_FIELD names.
    pub with_payloads: bool,
    /// PAYLOAD: what SCORER HAMMING compares payloads with.
    pub payload: Option<Box<[u8]>>,
    /// WITHSORTKEYS: what rows were sorted by.
    pub with_sort_keys: bool,
    /// WITHCOUNT (true) or WITHOUTCOUNT: whether the total must be exact.
    pub count: Option<bool>,
}

/// What words of a query stand for beside themselves, where they are not taken VERBATIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expander {
    /// Everything that there is.
    #[default]
    Everything,
    /// Their stems.
    Stems,
    /// Their synonyms.
    Synonyms,
    /// What sounds like them.
    Sounds,
    /// Nothing: any name that is not known.
    Nothing,
}

impl Expander {
    /// The expander of a name; case counts.
    pub fn named(name: &[u8]) -> Self {
        match name {
            b"DEFAULT" => Self::Everything,
            b"SBSTEM" => Self::Stems,
            b"SYNONYM" => Self::Synonyms,
            b"PHONETIC" => Self::Sounds,
            _ => Self::Nothing,
        }
    }

    /// Whether words are stemmed, or cut.
    pub fn stems(self) -> bool {
        matches!(self, Self::Everything | Self::Stems)
    }

    /// Whether words stand for their synonyms.
    pub fn has_synonyms(self) -> bool {
        matches!(self, Self::Everything | Self::Synonyms)
    }

    /// Where words stand for what sounds like them.
    pub fn sounds(self) -> Sounds {
        match self {
            Self::Everything => Sounds::InPhoneticFields,
            Self::Sounds => Sounds::Everywhere,
            _ => Sounds::Nowhere,
        }
    }
}

/// FILTER of FT.SEARCH.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberFilter {
    /// Name of the field.
    pub field: Box<[u8]>,
    /// Which numbers.
    pub range: Range,
}

/// GEOFILTER of FT.SEARCH.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoFilter {
    /// Name of the field.
    pub field: Box<[u8]>,
    /// Which points.
    pub circle: Circle,
}

impl QueryOptions {
    /// Takes an option of the query itself, if the next word is one.
    pub(in super::super) fn accept(&mut self, words: &mut Words) -> Result<bool, Error> {
        for (flag, set) in [
            ("VERBATIM", &mut self.verbatim),
            ("NOSTOPWORDS", &mut self.no_stop_words),
            ("INORDER", &mut self.in_order),
            ("NOCONTENT", &mut self.no_content),
            ("WITHSCORES", &mut self.with_scores),
            ("EXPLAINSCORE", &mut self.explain_score),
            ("WITHSORTKEYS", &mut self.with_sort_keys),
            ("WITHPAYLOADS", &mut self.with_payloads),
        ] {
            if words.accept(flag) {
                *set = true;
                return Ok(true);
            }
        }
        if ["ALLSHARDS", "SOMESHARDS", "CONSISTENT", "INCONSISTENT"].iter().any(|word| words.accept(word)) {
            // valkey-search's: from which shards of a cluster an answer must come. All there is, is here.
            return Ok(true);
        }
        if words.accept("WITHCOUNT") {
            self.count = Some(true);
        } else if words.accept("WITHOUTCOUNT") {
            self.count = Some(false);
        } else if words.accept("INFIELDS") {
            self.in_fields = Some(names(words, "INFIELDS")?).filter(|fields| !fields.is_empty());
        } else if words.accept("INKEYS") {
            self.in_keys = Some(names(words, "INKEYS")?);
        } else if words.accept("SLOP") {
            self.slop = u32::try_from(words.integer(i64::MIN).map_err(bad("SLOP"))?).ok();
        } else if words.accept("LANGUAGE") {
            let name = words.word().map_err(bad("LANGUAGE"))?;
            self.language = Some(Language::named(name).ok_or(Error::Language)?);
        } else if words.accept("SCORER") {
            let name = words.word().map_err(bad("SCORER"))?;
            self.scorer = Some(Scorer::named(name).ok_or_else(|| Error::Scorer(name.into()))?);
        } else if words.accept("EXPANDER") {
            self.expander = Expander::named(words.word().map_err(bad("EXPANDER"))?);
        } else if words.accept("PAYLOAD") {
            self.payload = Some(words.word().map_err(bad("PAYLOAD"))?.into());
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes an option that may stand anywhere, between steps too, if the next word is one.
    pub(in super::super) fn accept_anywhere(&mut self, words: &mut Words) -> Result<bool, Error> {
        if words.accept("TIMEOUT") {
            let milliseconds = words.integer(0).map_err(|problem| match problem {
                Problem::Missing => Error::NoValue("TIMEOUT"),
                _ => Error::Timeout,
            })?;
            self.timeout = Some(milliseconds.unsigned_abs());
        } else if words.accept("DIALECT") {
            if words.is_empty() {
                return Err(Error::NoValue("DIALECT"));
            }
            let dialect = words.integer(1).ok().and_then(|dialect| u8::try_from(dialect).ok());
            self.dialect = Some(dialect.filter(|dialect| *dialect <= 4).ok_or(Error::Dialect)?);
        } else if words.accept("BM25STD_TANH_FACTOR") {
            let factor = words.integer(i64::MIN).map_err(bad("BM25STD_TANH_FACTOR"))?;
            let factor = u32::try_from(factor).ok().filter(|factor| TANH_FACTORS.contains(factor));
            self.tanh_factor = Some(factor.ok_or(Error::TanhFactor)?);
        } else if words.accept("PARAMS") {
            if self.params.is_some() {
                return Err(Error::ParamsTwice);
            }
            self.params = Some(params(words)?);
        } else if words.accept("FORMAT") {
            let name = words.word().map_err(|_| Error::NoValue("FORMAT"))?;
            let formats = [("STRING", false), ("EXPAND", true)];
            self.expand = lookup(&formats, name).ok_or_else(|| Error::Format(name.into()))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// What must hold when all options are known.
    pub(in super::super) fn check(&self, asked: &Asked) -> Result<(), Error> {
        if self.explain_score && !self.with_scores {
            return Err(Error::ExplainScore);
        }
        let has_factor = |scorer: Scorer| matches!(scorer, Scorer::Bm25StdTanh(_));
        if self.tanh_factor.is_some() && self.scorer.is_some_and(|scorer| !has_factor(scorer)) {
            return Err(Error::TanhScorer);
        }
        if !self.expand {
            return Ok(());
        }
        if self.dialect.is_some_and(|dialect| dialect < 3) {
            return Err(Error::ExpandDialect);
        }
        if !asked.resp3 {
            return Err(Error::ExpandProtocol);
        }
        if asked.source != Source::Json {
            return Err(Error::ExpandSource);
        }
        Ok(())
    }
}

fn params(words: &mut Words) -> Result<Params, Error> {
    Params::read(words).map_err(|error| match error {
        query::Error::ParamsCount(problem) => Error::Argument { option: "PARAMS", problem },
        query::Error::DuplicateParameter(name) => Error::ParamsDuplicate(name),
        _ => Error::ParamsPairs,
    })
}

/// A count and so many names.
pub(in super::super) fn names(words: &mut Words, option: &'static str) -> Result<Vec<Box<[u8]>>, Error> {
    Ok(words.counted().map_err(bad(option))?.into_iter().map(Box::from).collect())
}

/// The two words after LIMIT: how many rows to leave out, and how many to return.
pub(in super::super) fn limit(words: &mut Words) -> Result<(usize, usize), Error> {
    if words.len() < 2 {
        return Err(Error::LimitArguments);
    }
    let offset = words.count(0).map_err(|_| Error::LimitNumbers)?;
    let count = words.count(0).map_err(|_| Error::LimitNumbers)?;
    Ok((offset, count))
}

/// The three words after FILTER.
pub(super) fn number_filter(words: &mut Words) -> Result<NumberFilter, Error> {
    if words.len() < 3 {
        return Err(Error::FilterArguments);
    }
    let mut word = || words.word().unwrap_or_default();
    let (field, lower, upper) = (word(), word(), word());
    let (min, min_inclusive) = bound(lower).ok_or_else(|| Error::LowerBound(stripped(lower)))?;
    let (max, max_inclusive) = bound(upper).ok_or_else(|| Error::UpperBound(stripped(upper)))?;
    Ok(NumberFilter { field: field.into(), range: Range { min, max, min_inclusive, max_inclusive } })
}

fn stripped(word: &[u8]) -> Box<[u8]> {
    word.strip_prefix(b"(").unwrap_or(word).into()
}

/// A bound and whether it is in the range.
fn bound(word: &[u8]) -> Option<(f64, bool)> {
    let exclusive = word.strip_prefix(b"(");
    let value = number::parse(exclusive.unwrap_or(word)).filter(|value| !value.is_nan())?;
    Some((value, exclusive.is_none()))
}

/// The five words after GEOFILTER.
pub(super) fn geo_filter(words: &mut Words) -> Result<GeoFilter, Error> {
    if words.len() < 5 {
        return Err(Error::GeoArguments);
    }
    let field = words.word().unwrap_or_default();
    let lon = words.number().map_err(bad("<lon>"))?;
    let lat = words.number().map_err(bad("<lat>"))?;
    let radius = words.number().map_err(bad("<radius>"))?;
    let unit = words.word().unwrap_or_default();
    let unit = lookup(&UNITS, unit).ok_or_else(|| Error::GeoUnit(unit.into()))?;
    if radius <= 0.0 {
        return Err(Error::GeoRadius);
    }
    if !(Point { lon, lat }).is_valid() {
        return Err(Error::GeoPlace);
    }
    Ok(GeoFilter { field: field.into(), circle: Circle { lon, lat, radius, unit } })
}

/// The query, which every request begins with.
pub(in super::super) fn query_text(cursor: &mut Cursor) -> Result<Box<[u8]>, Error> {
    cursor.words.word().map(Box::from).map_err(|_| Error::NoQuery)
}
