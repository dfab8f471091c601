//! Figures of all indexes, for `INFO`: O(fields of all indexes), and nothing waits for anything.

use super::measured::{KINDS, place_of};
use super::registry::{self, Registered};
use crate::search::schema::{Algorithm, Field, Kind};

/// Fields of a kind.
#[derive(Debug, Default, Clone)]
pub struct Fields {
    /// Properties with how many fields have them; the kind itself is the first.
    pub counts: Vec<(&'static str, u64)>,
    /// Values that could not be indexed.
    pub failures: u64,
}

impl Fields {
    fn count(&mut self, property: &'static str, has: bool) {
        if !has {
            return;
        }
        match self.counts.iter_mut().find(|(known, _)| *known == property) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((property, 1)),
        }
    }

    fn add(&mut self, field: &Field) {
        let (name, own) = match &field.kind {
            Kind::Text(_) => ("Text", None),
            Kind::Tag(tag) => ("Tag", tag.case_sensitive.then_some("CaseSensitive")),
            Kind::Numeric => ("Numeric", None),
            Kind::Geo => ("Geo", None),
            Kind::Shape(_) => ("Geoshape", None),
            Kind::Vector(vector) => ("Vector", Some(algorithm(vector.algorithm))),
        };
        self.count(name, true);
        self.count("Sortable", field.sortable);
        self.count("NoIndex", field.no_index);
        if let Some(own) = own {
            self.count(own, true);
        }
    }
}

fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Flat => "Flat",
        Algorithm::Hnsw => "HNSW",
        Algorithm::SvsVamana => "SVS_Vamana",
    }
}

/// Figures of all indexes.
#[derive(Debug, Default)]
pub struct Figures {
    /// By kind, in the order of [`KINDS`].
    pub fields: [Fields; KINDS.len()],
    /// Indexes that queries are being run on by workers.
    pub queried: u64,
    /// Those queries.
    pub queries: u64,
    /// Indexes whose existing keys are being walked over, or that have changes to apply or vectors to link.
    pub indexing: u64,
    /// Indexes with any of both.
    pub active: u64,
    /// Bytes, as last measured: of all, of the smallest, of the largest, of all vector fields.
    pub memory: [u64; 4],
    /// Milliseconds that workers have spent on them.
    pub milliseconds: f64,
    /// Failures of the index that has most.
    pub most_failures: u64,
    /// Which of the dialects 1 to 4 any was asked in.
    pub dialects: [bool; 4],
}

impl Figures {
    fn add(&mut self, index: &Registered) {
        for field in &index.definition().schema.fields {
            self.fields[place_of(&field.kind)].add(field);
        }
        let handle = &index.handle;
        let queries = handle.running();
        let indexing = index.progress.borrow().is_some() || handle.live.waiting() > 0 || handle.live.unlinked() > 0;
        self.queries += queries;
        self.queried += u64::from(queries > 0);
        self.indexing += u64::from(indexing);
        self.active += u64::from(queries > 0 || indexing);
        let measured = handle.measured();
        let [all, smallest, largest, vectors] = self.memory;
        let first = all == 0 && largest == 0;
        let smallest = if first { measured.memory } else { smallest.min(measured.memory) };
        self.memory = [all + measured.memory, smallest, largest.max(measured.memory), vectors + measured.vectors];
        for (fields, failures) in self.fields.iter_mut().zip(measured.failures) {
            fields.failures += failures;
        }
        self.milliseconds += handle.worked().as_secs_f64() * 1000.0;
        self.most_failures = self.most_failures.max(index.failures());
        for (any, used) in self.dialects.iter_mut().zip(handle.dialects()) {
            *any |= used;
        }
    }
}

/// The figures now.
pub fn all() -> Figures {
    let mut figures = Figures::default();
    registry::with(|registry| registry.all()).iter().for_each(|index| figures.add(index));
    figures
}
