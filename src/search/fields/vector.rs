//! The index of a VECTOR field.

use crate::search::column::Column;
use crate::search::doc_id::DocId;
use crate::search::query::ast::VectorOptions;
use crate::search::schema::{Element, Metric, Vector};
use half::{bf16, f16};
use roaring::RoaringBitmap;

/// The vectors of the documents, found by nearness.
#[derive(Debug)]
pub struct VectorIndex {
    schema: Vector,
    /// The vectors of a document, one after the other, as they came.
    docs: Column<Option<Box<[u8]>>>,
    bytes: usize,
}

impl VectorIndex {
    /// An empty index.
    pub fn new(schema: &Vector) -> Self {
        Self { schema: schema.clone(), docs: Column::default(), bytes: 0 }
    }

    /// How many documents have a vector.
    pub fn docs(&self) -> usize {
        self.docs.len()
    }

    /// Sets the vectors of a document, which replace those it had. None: the document goes. Says whether anything changed.
    pub fn set(&mut self, doc: DocId, vectors: &[impl AsRef<[u8]>]) -> bool {
        let all: Box<[u8]> = vectors.iter().flat_map(|v| v.as_ref()).copied().collect();
        if self.docs.get(doc).and_then(Option::as_ref).map_or(&[][..], |old| old) == &all[..] {
            return false;
        }
        self.remove(doc);
        self.bytes += all.len();
        self.docs.set(doc, (!all.is_empty()).then_some(all));
        true
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        if let Some(old) = self.docs.remove(doc).flatten() {
            self.bytes -= old.len();
        }
    }

    /// The distance of a document: of the nearest of its vectors.
    pub fn distance(&self, doc: DocId, query: &[u8]) -> Option<f64> {
        let all = self.docs.get(doc)?.as_ref()?;
        let size = self.schema.blob_size()?;
        all.chunks(size).map(|vector| distance(&self.schema, vector, query)).min_by(f64::total_cmp)
    }

    /// The `k` nearest documents of those that `filter` has, nearest first, equal ones by number.
    pub fn knn(
        &self,
        query: &[u8],
        k: usize,
        filter: Option<&RoaringBitmap>,
        _options: &VectorOptions,
        _cancelled: Option<&dyn Fn() -> bool>,
    ) -> Option<Vec<(DocId, f64)>> {
        let candidates =
            self.docs.iter().map(|(doc, _)| doc).filter(|doc| filter.is_none_or(|set| set.contains(doc.0)));
        let mut found: Vec<(DocId, f64)> =
            candidates.filter_map(|doc| Some((doc, self.distance(doc, query)?))).collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        Some(found)
    }

    /// The documents no farther than `radius`.
    pub fn range(&self, query: &[u8], radius: f64, _options: &VectorOptions) -> Vec<(DocId, f64)> {
        let all = self.docs.iter().filter_map(|(doc, _)| Some((doc, self.distance(doc, query)?)));
        all.filter(|(_, distance)| *distance <= radius).collect()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.docs.memory() + self.bytes
    }
}

fn elements(element: Element, bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks(element.size()).map(move |chunk| match (element, chunk) {
        (Element::Float32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (Element::Float64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
        (Element::Float16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
        (Element::Bfloat16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
        (Element::Int8, &[a]) => f32::from(a as i8),
        (Element::Uint8, &[a]) => f32::from(a),
        _ => 0.0,
    })
}

fn distance(schema: &Vector, a: &[u8], b: &[u8]) -> f64 {
    let pairs = elements(schema.element, a).zip(elements(schema.element, b));
    let (mut dot, mut aa, mut bb, mut l2) = (0f32, 0f32, 0f32, 0f32);
    for (x, y) in pairs {
        dot += x * y;
        aa += x * x;
        bb += y * y;
        l2 += (x - y) * (x - y);
    }
    f64::from(match schema.metric {
        Metric::L2 => l2,
        Metric::Ip => 1.0 - dot,
        Metric::Cosine if aa == 0.0 || bb == 0.0 => 1.0,
        Metric::Cosine => 1.0 - dot / (aa.sqrt() * bb.sqrt()),
    })
}
