//! VSIM: the vector arm as it is asked.

use super::error::{Error, Fault, bad};
use crate::search::arguments::{Problem, Words, lookup};
use crate::search::number;
use crate::search::query::ast::{HybridPolicy, WrittenOption};

/// The nearest where K says nothing.
const DEFAULT_K: usize = 10;

/// What VSIM is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Vsim {
    /// The field, without its `@`.
    pub field: Box<[u8]>,
    /// The name of the parameter that holds the vector.
    pub parameter: Box<[u8]>,
    /// Which documents.
    pub method: Method,
    /// FILTER: only of these documents, an expression of the query language.
    pub filter: Option<Box<[u8]>>,
    /// FILTER without a count of words.
    pub bare: bool,
    /// The options of the search, as a vector clause of the query language has them.
    pub written: Vec<WrittenOption>,
    /// YIELD_SCORE_AS.
    pub name: Option<Box<[u8]>>,
}

/// Which documents are near.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// The nearest.
    Knn {
        /// How many, at least 1.
        k: usize,
    },
    /// The near enough.
    Range {
        /// How far at most.
        radius: f64,
    },
}

/// A method's words, as far as they are read.
#[derive(Default)]
struct Given<'a> {
    k: Option<usize>,
    radius: Option<f64>,
    ef_runtime: Option<&'a [u8]>,
    epsilon: Option<&'a [u8]>,
    ratio: Option<&'a [u8]>,
    policy: Option<HybridPolicy>,
    batch_size: Option<&'a [u8]>,
    filter: Option<&'a [u8]>,
    bare: bool,
    name: Option<&'a [u8]>,
}

impl Vsim {
    /// Reads what follows the word VSIM, up to the first word that is not of it.
    pub(super) fn parse(words: &mut Words) -> Result<Self, Error> {
        let field = words.word().map_err(|_| Error::NoField)?;
        let field = field.strip_prefix(b"@").ok_or(Error::FieldPrefix)?;
        let vector = words.word().map_err(|_| Error::NoVector)?;
        let parameter = vector.strip_prefix(b"$").ok_or(Error::VectorPrefix)?;
        let mut given = Given::default();
        let is_range = given.method(words)?;
        given.rest(words)?;
        let method = match (given.k, given.radius) {
            (_, Some(radius)) => Method::Range { radius },
            (k, None) => Method::Knn { k: k.unwrap_or(DEFAULT_K) },
        };
        if is_range && (given.policy.is_some() || given.batch_size.is_some()) {
            return Err(Error::NotHybrid);
        }
        if given.policy == Some(HybridPolicy::AdhocBruteForce) {
            if given.batch_size.is_some() {
                return Err(Error::BatchSizeAdhoc);
            }
            if given.ef_runtime.is_some() {
                return Err(Error::EfRuntimeAdhoc);
            }
        }
        Ok(Self {
            field: field.into(),
            parameter: parameter.into(),
            method,
            filter: given.filter.map(Box::from),
            bare: given.bare,
            written: given.written(),
            name: given.name.map(Box::from),
        })
    }
}

impl<'a> Given<'a> {
    /// Reads KNN or RANGE, if one of them is there; true for RANGE.
    fn method(&mut self, words: &mut Words<'a>) -> Result<bool, Error> {
        let is_range = if words.accept("KNN") {
            false
        } else if words.accept("RANGE") {
            true
        } else {
            return Ok(false);
        };
        let count = words.integer(0).map_err(|problem| match problem {
            Problem::Missing => Error::NoBlockCount,
            _ => Error::BlockCount,
        })?;
        if count == 0 || count % 2 != 0 {
            return Err(Error::BlockPairs(count));
        }
        let (asked, before) = (usize::try_from(count).unwrap_or(usize::MAX), words.len());
        while before - words.len() < asked {
            if words.is_empty() {
                return Err(Error::BlockWords { asked, given: before });
            }
            if is_range { self.read_range(words)? } else { self.read_knn(words)? }
        }
        match (is_range, self.k, self.radius) {
            (false, None, _) => Err(Error::Required("K")),
            (true, _, None) => Err(Error::Required("RADIUS")),
            _ => Ok(is_range),
        }
    }

    fn read_knn(&mut self, words: &mut Words<'a>) -> Result<(), Error> {
        if words.accept("K") {
            let word = value(words, "K", self.k.is_some())?;
            self.k = Some(positive(word).ok_or(Error::Value("K"))?);
        } else if words.accept("EF_RUNTIME") {
            let word = value(words, "EF_RUNTIME", self.ef_runtime.is_some())?;
            self.ef_runtime = Some(positive(word).map(|_| word).ok_or(Error::Value("EF_RUNTIME"))?);
        } else if words.accept("SHARD_K_RATIO") {
            self.read_ratio(words)?;
        } else {
            return Err(unknown(words, "KNN"));
        }
        Ok(())
    }

    fn read_range(&mut self, words: &mut Words<'a>) -> Result<(), Error> {
        if words.accept("RADIUS") {
            let word = value(words, "RADIUS", self.radius.is_some())?;
            self.radius = Some(number(word).filter(|radius| *radius >= 0.0).ok_or(Error::Value("RADIUS"))?);
        } else if words.accept("EPSILON") {
            let word = value(words, "EPSILON", self.epsilon.is_some())?;
            let epsilon = number(word).filter(|epsilon| *epsilon > 0.0 && epsilon.is_finite());
            self.epsilon = Some(epsilon.map(|_| word).ok_or(Error::Value("EPSILON"))?);
        } else {
            return Err(unknown(words, "RANGE"));
        }
        Ok(())
    }

    fn read_ratio(&mut self, words: &mut Words<'a>) -> Result<(), Error> {
        let word = value(words, "SHARD_K_RATIO", self.ratio.is_some())?;
        let ratio = number(word).ok_or_else(|| Error::Ratio(word.into()))?;
        if !(ratio > 0.0 && ratio <= 1.0) {
            return Err(Error::RatioRange(word.into()));
        }
        self.ratio = Some(word);
        Ok(())
    }

    /// Reads what may follow the method. The first FILTER is of the vectors; a second one is a step after fusion.
    fn rest(&mut self, words: &mut Words<'a>) -> Result<(), Error> {
        loop {
            if self.filter.is_none() && words.accept("FILTER") {
                self.read_filter(words)?;
            } else if words.accept("YIELD_SCORE_AS") {
                self.name = Some(value(words, "YIELD_SCORE_AS", self.name.is_some())?);
            } else if self.k.is_some() && words.accept("SHARD_K_RATIO") {
                // Where one client writes it.
                self.read_ratio(words)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Reads an expression, or a count of words: the expression, and options in pairs.
    fn read_filter(&mut self, words: &mut Words<'a>) -> Result<(), Error> {
        let first = words.word().map_err(|_| Error::NoFilter)?;
        let Some(asked) = number::parse_integer(first) else {
            (self.filter, self.bare) = (Some(first), true);
            return Ok(());
        };
        let asked = usize::try_from(asked).ok().filter(|asked| *asked > 0).ok_or(bad("FILTER", Fault::Count))?;
        if asked > words.len() {
            return Err(Error::FewWords { clause: "FILTER", asked, given: words.len() });
        }
        let end = words.len() - asked;
        self.filter = Some(words.word().unwrap_or_default());
        while words.len() > end {
            if words.accept("POLICY") {
                const POLICIES: &[(&str, HybridPolicy)] =
                    &[("ADHOC", HybridPolicy::AdhocBruteForce), ("BATCHES", HybridPolicy::Batches)];
                let word = value(words, "POLICY", self.policy.is_some())?;
                self.policy = Some(lookup(POLICIES, word).ok_or(bad("POLICY", Fault::Value))?);
            } else if words.accept("BATCH_SIZE") {
                let word = value(words, "BATCH_SIZE", self.batch_size.is_some())?;
                let size = number::parse_integer(word).ok_or(bad("BATCH_SIZE", Fault::Type))?;
                self.batch_size = Some(if size > 0 { word } else { return Err(bad("BATCH_SIZE", Fault::Minimum)) });
            } else {
                return Err(unknown(words, "FILTER"));
            }
        }
        Ok(())
    }

    /// The options under the names that they have in the query language.
    fn written(&self) -> Vec<WrittenOption> {
        let policy: Option<&[u8]> = self.policy.map(|policy| match policy {
            HybridPolicy::Batches => &b"BATCHES"[..],
            HybridPolicy::AdhocBruteForce => b"ADHOC_BF",
        });
        let all: [(&[u8], Option<&[u8]>); 5] = [
            (b"EF_RUNTIME", self.ef_runtime),
            (b"EPSILON", self.epsilon),
            (b"SHARD_K_RATIO", self.ratio),
            (b"HYBRID_POLICY", policy),
            (b"BATCH_SIZE", self.batch_size),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| WrittenOption { name: name.into(), value: value.into() }).collect()
    }
}

/// The value of an argument that was just named.
fn value<'a>(words: &mut Words<'a>, name: &'static str, is_known: bool) -> Result<&'a [u8], Error> {
    if is_known {
        return Err(Error::Twice(name));
    }
    words.word().map_err(|_| Error::NoValue(name))
}

fn unknown(words: &Words, clause: &'static str) -> Error {
    Error::UnknownIn { word: words.peek().unwrap_or_default().into(), clause }
}

fn positive(word: &[u8]) -> Option<usize> {
    number::parse_integer(word).and_then(|value| usize::try_from(value).ok()).filter(|value| *value > 0)
}

fn number(word: &[u8]) -> Option<f64> {
    number::parse(word).filter(|value| !value.is_nan())
}
