//! Vector clauses against the fields they ask: the size of the blob, and the options, which each algorithm has its own.

use super::ast::{HybridPolicy, Kind, Knn, Node, VectorOptions, VectorRange, WrittenOption};
use super::{Error, VectorOption};
use crate::search::arguments::lookup;
use crate::search::number;
use crate::search::schema::{self, Algorithm, FieldId, Schema, Vector};

/// Checks the vector clauses of a tree and reads their options: for trees that were read [unbound](super::parse_unbound).
///
/// # Errors
/// What a clause cannot be asked.
pub fn bind(node: &mut Node, schema: &Schema) -> Result<(), Error> {
    match &mut node.kind {
        Kind::Intersect(parts) | Kind::Union(parts) => parts.iter_mut().try_for_each(|part| bind(part, schema)),
        Kind::Not(inner) | Kind::Optional(inner) => bind(inner, schema),
        Kind::VectorRange(range) => bind_range(range, schema),
        Kind::Knn(knn) => bind_knn(knn, schema),
        _ => Ok(()),
    }
}

fn vector(schema: &Schema, id: Option<FieldId>) -> Option<&Vector> {
    match id.map(|id| &schema.field(id).kind) {
        Some(schema::Kind::Vector(vector)) => Some(vector),
        _ => None,
    }
}

/// A vector to ask for has the size of the field's, and is made of finite numbers: nothing is near to anything else.
fn check_blob(vector: &Vector, blob: &[u8]) -> Result<(), Error> {
    match vector.blob_size() {
        Some(expected) if expected != blob.len() => Err(Error::BlobSize { got: blob.len(), expected }),
        _ => vector.element.first_not_finite(blob).map_or(Ok(()), |at| Err(Error::NotFinite(at))),
    }
}

fn bind_range(range: &mut VectorRange, schema: &Schema) -> Result<(), Error> {
    let Some(vector) = vector(schema, range.field.id) else { return Ok(()) };
    check_blob(vector, &range.vector.blob)?;
    if range.radius < 0.0 {
        return Err(Error::NegativeRadius(range.radius));
    }
    range.options = options(vector, &range.written, Clause::Range)?;
    Ok(())
}

fn bind_knn(knn: &mut Knn, schema: &Schema) -> Result<(), Error> {
    if let Some(filter) = &mut knn.filter {
        bind(filter, schema)?;
    }
    let Some(vector) = vector(schema, knn.field.id) else { return Ok(()) };
    check_blob(vector, &knn.vector.blob)?;
    let clause = if knn.filter.is_some() { Clause::Hybrid } else { Clause::Knn };
    knn.options = options(vector, &knn.written, clause)?;
    Ok(())
}

/// What an option can be of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    /// A KNN of all documents.
    Knn,
    /// A KNN of the documents of a filter.
    Hybrid,
    Range,
}

const POLICIES: &[(&str, HybridPolicy)] =
    &[("BATCHES", HybridPolicy::Batches), ("ADHOC_BF", HybridPolicy::AdhocBruteForce)];

fn options(vector: &Vector, written: &[WrittenOption], clause: Clause) -> Result<VectorOptions, Error> {
    let mut options = VectorOptions::default();
    for WrittenOption { name, value } in written {
        read(&mut options, vector.algorithm, name, value, clause).map_err(Error::VectorOption)?;
    }
    let adhoc = options.hybrid_policy == Some(HybridPolicy::AdhocBruteForce);
    if adhoc && options.batch_size.is_some() {
        return Err(Error::VectorOption(VectorOption::BatchSizeAdhoc));
    }
    if adhoc && options.ef_runtime.is_some() {
        return Err(Error::VectorOption(VectorOption::EfRuntimeAdhoc));
    }
    Ok(options)
}

/// Reads one option into its place.
fn read(
    options: &mut VectorOptions,
    algorithm: Algorithm,
    name: &[u8],
    value: &[u8],
    clause: Clause,
) -> Result<(), VectorOption> {
    let hybrid = || if clause == Clause::Hybrid { Ok(()) } else { Err(VectorOption::NotHybrid) };
    match &name.to_ascii_uppercase()[..] {
        b"EF_RUNTIME" if algorithm == Algorithm::Hnsw && clause != Clause::Range => {
            set(&mut options.ef_runtime, count(value))
        }
        b"EPSILON" if clause != Clause::Range => Err(VectorOption::NotRange),
        b"EPSILON" if algorithm != Algorithm::Flat => {
            let epsilon = number::parse(value).filter(|epsilon| *epsilon > 0.0 && epsilon.is_finite());
            set(&mut options.epsilon, epsilon.ok_or(VectorOption::Value))
        }
        b"HYBRID_POLICY" => {
            hybrid()?;
            set(&mut options.hybrid_policy, lookup(POLICIES, value).ok_or(VectorOption::Policy))
        }
        b"BATCH_SIZE" => {
            hybrid()?;
            set(&mut options.batch_size, count(value))
        }
        b"SEARCH_WINDOW_SIZE" if algorithm == Algorithm::SvsVamana => set(&mut options.search_window, count(value)),
        b"SEARCH_BUFFER_CAPACITY" if algorithm == Algorithm::SvsVamana => set(&mut options.search_buffer, count(value)),
        b"USE_SEARCH_HISTORY" if algorithm == Algorithm::SvsVamana => {
            // AUTO leaves it to the index, as not giving it does.
            const MODES: &[(&str, Option<bool>)] = &[("ON", Some(true)), ("OFF", Some(false)), ("AUTO", None)];
            let mode = lookup(MODES, value).ok_or(VectorOption::Value)?;
            mode.map_or(Ok(()), |mode| set(&mut options.search_history, Ok(mode)))
        }
        b"SHARD_K_RATIO" if clause != Clause::Range => {
            let ratio = number::parse(value).filter(|ratio| *ratio > 0.0 && *ratio <= 1.0);
            set(&mut options.shard_k_ratio, ratio.ok_or(VectorOption::Value))
        }
        _ => Err(VectorOption::Unknown),
    }
}

/// A count of at least 1.
fn count(value: &[u8]) -> Result<usize, VectorOption> {
    let count = number::parse_integer(value).and_then(|count| usize::try_from(count).ok());
    count.filter(|count| *count > 0).ok_or(VectorOption::Value)
}

fn set<T>(place: &mut Option<T>, value: Result<T, VectorOption>) -> Result<(), VectorOption> {
    if place.is_some() {
        return Err(VectorOption::Twice);
    }
    *place = Some(value?);
    Ok(())
}
