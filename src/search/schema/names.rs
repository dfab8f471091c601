//! How the values of options are spelled, for reading and for writing.

use super::{Algorithm, Compression, Element, Metric, Phonetic};
use crate::search::shape::System;

/// Where the shapes of GEOSHAPE fields are.
pub const SYSTEMS: &[(&str, System)] = &[("FLAT", System::Flat), ("SPHERICAL", System::Spherical)];

/// Matchers of PHONETIC: Double Metaphone, with a language.
pub const MATCHERS: &[(&str, Phonetic)] = &[
    ("dm:en", Phonetic::English),
    ("dm:fr", Phonetic::French),
    ("dm:pt", Phonetic::Portuguese),
    ("dm:es", Phonetic::Spanish),
];

/// Index kinds of VECTOR fields.
pub const ALGORITHMS: &[(&str, Algorithm)] =
    &[("FLAT", Algorithm::Flat), ("HNSW", Algorithm::Hnsw), ("SVS-VAMANA", Algorithm::SvsVamana)];

/// Types of vectors' elements.
pub const ELEMENTS: &[(&str, Element)] = &[
    ("FLOAT32", Element::Float32),
    ("FLOAT64", Element::Float64),
    ("FLOAT16", Element::Float16),
    ("BFLOAT16", Element::Bfloat16),
    ("INT8", Element::Int8),
    ("UINT8", Element::Uint8),
];

/// Distances between vectors.
pub const METRICS: &[(&str, Metric)] = &[("L2", Metric::L2), ("IP", Metric::Ip), ("COSINE", Metric::Cosine)];

/// Compressions of SVS-VAMANA.
pub const COMPRESSIONS: &[(&str, Compression)] = &[
    ("LVQ8", Compression::Lvq8),
    ("LVQ4", Compression::Lvq4),
    ("LVQ4x4", Compression::Lvq4x4),
    ("LVQ4x8", Compression::Lvq4x8),
    ("LeanVec4x8", Compression::LeanVec4x8),
    ("LeanVec8x8", Compression::LeanVec8x8),
];
