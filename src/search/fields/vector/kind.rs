//! From the schema of a field to what the engine stores and measures.

use crate::search::schema::{self, Algorithm, Element};
use crate::vector::graph::MAX_M;
use crate::vector::{Encoding, Measure, Metric, Params, Vector};

/// Vectors with fewer components are kept as they are.
const CODED_FROM: usize = 64;

/// Measures the vectors of documents: how far they are from a query vector, by the metric of a field.
#[derive(Debug)]
pub struct Ruler(Measure);

impl Ruler {
    /// For a query vector; `None` if it is none of the field.
    pub fn new(schema: &schema::Vector, query: &[u8]) -> Option<Self> {
        Measure::new(schema.dim, plain_encoding(schema), metric(schema), Vector::Bytes(query)).map(Self)
    }

    /// How far a vector is; `None` if it is none of the field.
    pub fn distance(&mut self, vector: &[u8]) -> Option<f64> {
        self.0.distance(Vector::Bytes(vector))
    }
}

/// How the elements of a field are stored.
pub(super) fn encoding(schema: &schema::Vector) -> Encoding {
    if is_coded(schema) { Encoding::Q8 } else { plain_encoding(schema) }
}

/// Whether vectors are kept as codes.
pub(super) fn is_coded(schema: &schema::Vector) -> bool {
    let floats = !matches!(schema.element, Element::Int8 | Element::Uint8);
    schema.algorithm != Algorithm::Flat && !schema.whole && floats && schema.dim >= CODED_FROM
}

/// A vector as the engine takes it: `bytes` are elements of the field's type.
pub(super) fn of_field<'a>(schema: &schema::Vector, bytes: &'a [u8]) -> Vector<'a> {
    Vector::Of { element: plain_encoding(schema), bytes }
}

/// How the elements of a field come.
pub(super) fn plain_encoding(schema: &schema::Vector) -> Encoding {
    match schema.element {
        Element::Float32 => Encoding::F32,
        Element::Float64 => Encoding::F64,
        Element::Float16 => Encoding::F16,
        Element::Bfloat16 => Encoding::BF16,
        Element::Int8 => Encoding::I8,
        Element::Uint8 => Encoding::U8,
    }
}

pub(super) fn metric(schema: &schema::Vector) -> Metric {
    match schema.metric {
        schema::Metric::L2 => Metric::L2,
        schema::Metric::Ip => Metric::InnerProduct,
        schema::Metric::Cosine => Metric::Cosine,
    }
}

pub(super) fn params(schema: &schema::Vector) -> Params {
    let (m, ef) = match (&schema.svs, schema.algorithm) {
        (Some(svs), Algorithm::SvsVamana) => (svs.max_degree / 2, svs.construction_window),
        _ => (schema.m, schema.ef_construction),
    };
    let m = m.clamp(2, MAX_M);
    Params {
        dim: schema.dim,
        m,
        ef_construction: ef.max(1),
        encoding: encoding(schema),
        metric: metric(schema),
        coarse: schema.coarse,
    }
}
