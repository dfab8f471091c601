//! The parameters of a VECTOR field: `<algorithm> <count> name value …`.

use super::names::{ALGORITHMS, COMPRESSIONS, ELEMENTS, METRICS};
use super::{Algorithm, Compression, Element, Error, Metric, Svs, Vector};
use crate::search::arguments::{Problem, Words};

/// Most neighbors that M can ask for: a bound on the row of a node.
const MAX_M: usize = 1 << 16;

/// What has been read so far; the three without a default are mandatory.
#[derive(Default)]
struct Given {
    element: Option<Element>,
    dim: Option<usize>,
    metric: Option<Metric>,
    initial_cap: usize,
    block_size: Option<usize>,
    m: Option<usize>,
    ef_construction: Option<usize>,
    ef_runtime: Option<usize>,
    epsilon: Option<f64>,
    compression: Option<Compression>,
    construction_window: Option<usize>,
    max_degree: Option<usize>,
    search_window: Option<usize>,
    training_threshold: Option<usize>,
    reduce: Option<usize>,
}

/// Reads what follows the word VECTOR.
pub(super) fn parse(words: &mut Words) -> Result<Vector, Error> {
    let of_algorithm = |problem| Error::Argument { option: "vector similarity algorithm", problem };
    let algorithm = words.one_of(ALGORITHMS).map_err(of_algorithm)?;
    let of_count = |problem| Error::Argument { option: "vector similarity number of parameters", problem };
    let expected = words.count(0).map_err(of_count)?;
    if !expected.is_multiple_of(2) {
        return Err(Error::OddVectorParameters(expected));
    }
    let (mut given, before) = (Given::default(), words.len());
    while before - words.len() < expected && !words.is_empty() {
        given.read(algorithm, words)?;
    }
    let got = before - words.len();
    if got < expected {
        return Err(Error::VectorParameterCount { expected, got });
    }
    given.finish(algorithm)
}

impl Given {
    /// Reads a name and its value.
    fn read(&mut self, algorithm: Algorithm, words: &mut Words) -> Result<(), Error> {
        let name = words.word().unwrap_or_default();
        let (parameter, result) = match &name.to_ascii_uppercase()[..] {
            b"TYPE" => ("type", words.one_of(ELEMENTS).map(|value| self.element = Some(value))),
            b"DIM" => ("dim", words.count(1).map(|value| self.dim = Some(value))),
            b"DISTANCE_METRIC" => ("metric", words.one_of(METRICS).map(|value| self.metric = Some(value))),
            other => match algorithm {
                Algorithm::Flat => self.read_flat(other, words),
                Algorithm::Hnsw => self.read_hnsw(other, words),
                Algorithm::SvsVamana => self.read_svs(other, words),
            }
            .ok_or_else(|| Error::UnknownVectorParameter { algorithm, name: name.into() })?,
        };
        result.map_err(|problem| Error::VectorParameter { algorithm, parameter, problem })
    }

    fn read_flat(&mut self, name: &[u8], words: &mut Words) -> Option<(&'static str, Result<(), Problem>)> {
        Some(match name {
            b"INITIAL_CAP" => ("initial cap", words.count(0).map(|value| self.initial_cap = value)),
            b"BLOCK_SIZE" => ("blocksize", words.count(1).map(|value| self.block_size = Some(value))),
            _ => return None,
        })
    }

    fn read_hnsw(&mut self, name: &[u8], words: &mut Words) -> Option<(&'static str, Result<(), Problem>)> {
        Some(match name {
            b"INITIAL_CAP" => ("initial cap", words.count(0).map(|value| self.initial_cap = value)),
            b"M" => ("m", at_most(words.count(1), MAX_M).map(|value| self.m = Some(value))),
            b"EF_CONSTRUCTION" => ("efConstruction", words.count(1).map(|value| self.ef_construction = Some(value))),
            b"EF_RUNTIME" => ("efRuntime", words.count(1).map(|value| self.ef_runtime = Some(value))),
            b"EPSILON" => ("epsilon", self.read_epsilon(words)),
            _ => return None,
        })
    }

    fn read_svs(&mut self, name: &[u8], words: &mut Words) -> Option<(&'static str, Result<(), Problem>)> {
        Some(match name {
            b"EPSILON" => ("epsilon", self.read_epsilon(words)),
            b"COMPRESSION" => ("compression", words.one_of(COMPRESSIONS).map(|value| self.compression = Some(value))),
            b"CONSTRUCTION_WINDOW_SIZE" => {
                ("construction window size", words.count(1).map(|value| self.construction_window = Some(value)))
            }
            b"GRAPH_MAX_DEGREE" => {
                ("graph max degree", at_most(words.count(1), MAX_M).map(|value| self.max_degree = Some(value)))
            }
            b"SEARCH_WINDOW_SIZE" => {
                ("search window size", words.count(1).map(|value| self.search_window = Some(value)))
            }
            b"TRAINING_THRESHOLD" => {
                let threshold = at_most(words.count(1024), 102_399);
                ("training threshold", threshold.map(|value| self.training_threshold = Some(value)))
            }
            b"REDUCE" => ("reduced dim", words.count(1).map(|value| self.reduce = Some(value))),
            _ => return None,
        })
    }

    fn read_epsilon(&mut self, words: &mut Words) -> Result<(), Problem> {
        let epsilon = words.number()?;
        self.epsilon = Some(epsilon);
        if epsilon < 0.0 { Err(Problem::Bounds) } else { Ok(()) }
    }

    fn finish(self, algorithm: Algorithm) -> Result<Vector, Error> {
        let missing = |parameter| Error::MissingVectorParameter { algorithm, parameter };
        let vector = Vector {
            algorithm,
            element: self.element.ok_or_else(|| missing("TYPE"))?,
            dim: self.dim.ok_or_else(|| missing("DIM"))?,
            metric: self.metric.ok_or_else(|| missing("DISTANCE_METRIC"))?,
            initial_cap: self.initial_cap,
            block_size: self.block_size.unwrap_or(1024),
            m: self.m.unwrap_or(16),
            ef_construction: self.ef_construction.unwrap_or(200),
            ef_runtime: self.ef_runtime.unwrap_or(10),
            epsilon: self.epsilon.unwrap_or(0.01),
            svs: (algorithm == Algorithm::SvsVamana).then_some(Svs {
                compression: self.compression,
                construction_window: self.construction_window.unwrap_or(200),
                max_degree: self.max_degree.unwrap_or(32),
                search_window: self.search_window.unwrap_or(10),
                training_threshold: self.training_threshold,
                reduce: self.reduce,
            }),
            whole: false,
            coarse: false,
        };
        let wrong = |parameter, problem| Err(Error::VectorParameter { algorithm, parameter, problem });
        // A blob is one argument of a command, which the server keeps below 4 GiB.
        if vector.blob_size().is_none_or(|size| u32::try_from(size).is_err()) {
            return wrong("dim", Problem::Bounds);
        }
        let Some(svs) = &vector.svs else { return Ok(vector) };
        if !matches!(vector.element, Element::Float32 | Element::Float16) {
            return wrong("type", Problem::Unknown);
        }
        if svs.training_threshold.is_some() && svs.compression.is_none() {
            return wrong("training threshold", Problem::Unknown);
        }
        let reducing = matches!(svs.compression, Some(Compression::LeanVec4x8 | Compression::LeanVec8x8));
        match svs.reduce {
            Some(_) if !reducing => wrong("reduced dim", Problem::Unknown),
            Some(reduce) if reduce >= vector.dim => wrong("reduced dim", Problem::Bounds),
            _ => Ok(vector),
        }
    }
}

/// A count that is not above a bound.
fn at_most(count: Result<usize, Problem>, most: usize) -> Result<usize, Problem> {
    count.and_then(|count| if count > most { Err(Problem::Bounds) } else { Ok(count) })
}
