//! COMBINE: how two lists become one.

use super::error::{Error, Fault, bad};
use crate::search::arguments::{Problem, Words};
use crate::search::number;

/// Members of a list where WINDOW says nothing.
pub const DEFAULT_WINDOW: usize = 20;

/// How two lists become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combine {
    /// What a document's places in them are worth.
    pub method: Method,
    /// WINDOW: most members of a list, at least 1.
    pub window: usize,
}

/// What places in two lists are worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Reciprocal rank fusion: the sum of `1 / (constant + rank)`.
    Rrf {
        /// CONSTANT.
        constant: f64,
    },
    /// The weighted sum of the scores.
    Linear {
        /// ALPHA: the weight of the text's.
        alpha: f64,
        /// BETA: the weight of the vector's.
        beta: f64,
    },
}

impl Default for Combine {
    fn default() -> Self {
        Self { method: RRF, window: DEFAULT_WINDOW }
    }
}

const RRF: Method = Method::Rrf { constant: 60.0 };
const LINEAR: Method = Method::Linear { alpha: 0.3, beta: 0.7 };

/// A method's words, as far as they are read.
#[derive(Default)]
struct Given<'a> {
    constant: Option<f64>,
    alpha: Option<f64>,
    beta: Option<f64>,
    window: Option<usize>,
    name: Option<&'a [u8]>,
}

/// A clause as it is written: how, and the name of the fused score if it has one.
pub(super) struct Clause {
    pub combine: Combine,
    pub name: Option<Box<[u8]>>,
}

/// Reads what follows the word COMBINE.
pub(super) fn parse(words: &mut Words) -> Result<Clause, Error> {
    let is_linear = if words.accept("RRF") {
        false
    } else if words.accept("LINEAR") {
        true
    } else {
        return Err(bad("COMBINE", Fault::Value));
    };
    let method = if is_linear { "LINEAR" } else { "RRF" };
    let count = count(words, method)?;
    let mut given = Given::default();
    for _ in 0..count / 2 {
        given.read(words, is_linear)?;
    }
    if words.accept("YIELD_SCORE_AS") {
        let name = words.word().map_err(|_| Error::NoValue("YIELD_SCORE_AS"))?;
        if given.name.replace(name).is_some() {
            return Err(Error::NamedTwice);
        }
    }
    let name = given.name.map(Box::from);
    Ok(Clause { combine: given.finish(is_linear)?, name })
}

/// The count of a method's words, all of which are there. Clients that set nothing of RRF leave it out.
fn count(words: &mut Words, method: &'static str) -> Result<usize, Error> {
    let is_count = words.peek().is_some_and(|word| number::parse_integer(word).is_some());
    if method == "RRF" && !is_count {
        return Ok(0);
    }
    let count = words.count(0).map_err(|problem| match problem {
        Problem::Missing => Error::NoMethodCount(method),
        Problem::Bounds => Error::MethodCount { method, fault: Fault::Bounds },
        _ => Error::MethodCount { method, fault: Fault::Type },
    })?;
    if count > words.len() {
        return Err(Error::FewWords { clause: method, asked: count, given: words.len() });
    }
    if !count.is_multiple_of(2) {
        return Err(Error::MethodPairs(method));
    }
    Ok(count)
}

impl<'a> Given<'a> {
    /// Reads a name and its value, which is there.
    fn read(&mut self, words: &mut Words<'a>, is_linear: bool) -> Result<(), Error> {
        if words.accept("WINDOW") {
            let window = words.count(1).map_err(|problem| {
                bad("WINDOW", if problem == Problem::Bounds { Fault::Minimum } else { Fault::Type })
            })?;
            set(&mut self.window, "WINDOW", window)
        } else if words.accept("YIELD_SCORE_AS") {
            set(&mut self.name, "YIELD_SCORE_AS", words.word().unwrap_or_default())
        } else if !is_linear && words.accept("CONSTANT") {
            weight(&mut self.constant, "CONSTANT", words)
        } else if is_linear && words.accept("ALPHA") {
            weight(&mut self.alpha, "ALPHA", words)
        } else if is_linear && words.accept("BETA") {
            weight(&mut self.beta, "BETA", words)
        } else {
            Err(Error::Unknown(words.word().unwrap_or_default().into()))
        }
    }

    fn finish(self, is_linear: bool) -> Result<Combine, Error> {
        let window = self.window.unwrap_or(DEFAULT_WINDOW);
        let method = match (self.alpha, self.beta) {
            (Some(alpha), Some(beta)) => Method::Linear { alpha, beta },
            (Some(_), None) => return Err(Error::Weight("BETA")),
            (None, Some(_)) => return Err(Error::Weight("ALPHA")),
            (None, None) if is_linear => LINEAR,
            (None, None) => self.constant.map_or(RRF, |constant| Method::Rrf { constant }),
        };
        Ok(Combine { method, window })
    }
}

fn weight(place: &mut Option<f64>, name: &'static str, words: &mut Words) -> Result<(), Error> {
    set(place, name, words.number().map_err(|_| bad(name, Fault::Type))?)
}

fn set<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), Error> {
    if place.replace(value).is_some() { Err(bad(name, Fault::Again)) } else { Ok(()) }
}
