//! The index of a GEOSHAPE field: an R-tree of the boxes of its shapes, which finds those that may lie as a query asks; their
//! shapes tell whether they do.

use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::search::doc_id::DocId;
use crate::search::shape::tree::Tree;
use crate::search::shape::{Predicate, Shape};
use crate::watch::Watch;

/// The index.
#[derive(Debug, Default)]
pub struct ShapeIndex {
    shapes: HashMap<u32, Arc<Shape>>,
    tree: Tree,
    /// Bytes of the shapes.
    bytes: usize,
    /// Vertices of the largest shape that there was since there was none.
    largest: usize,
}

impl ShapeIndex {
    /// Sets the shape of a document.
    pub fn set(&mut self, doc: DocId, shape: &Arc<Shape>) {
        if self.shapes.get(&doc.0).is_some_and(|known| known == shape) {
            return;
        }
        self.remove(doc);
        if let Some(bounds) = shape.bounds() {
            self.tree.insert(*bounds, doc.0);
        }
        self.bytes += shape.memory();
        self.largest = self.largest.max(shape.vertices());
        self.shapes.insert(doc.0, Arc::clone(shape));
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        let Some(shape) = self.shapes.remove(&doc.0) else { return };
        if let Some(bounds) = shape.bounds() {
            self.tree.remove(bounds, doc.0);
        }
        self.bytes -= shape.memory();
        if self.shapes.is_empty() {
            self.shapes = HashMap::new();
            self.largest = 0;
        }
    }

    /// The documents whose shapes lie so to a query's; fewer where time is over.
    pub fn find(&self, predicate: Predicate, asked: &Shape, watch: &Watch<'_>) -> RoaringBitmap {
        if predicate == Predicate::Disjoint {
            let all: RoaringBitmap = self.shapes.keys().copied().collect();
            let meeting = self.find(Predicate::Intersects, asked, watch);
            // Where some that meet it were not looked at, nothing is known of the others.
            return if watch.is_over() { RoaringBitmap::new() } else { all - meeting };
        }
        let Some(bounds) = asked.bounds() else { return RoaringBitmap::new() };
        let mut found = Vec::new();
        self.tree.overlapping(bounds, &mut |doc, bounds| {
            // Most boxes tell, and they lie side by side in the tree.
            let told = asked.told_by_box(predicate, bounds, watch);
            if told.unwrap_or_else(|| self.matches(DocId(doc), predicate, asked, watch)) {
                found.push(doc);
            }
            !watch.spend(1)
        });
        found.sort_unstable();
        found.into_iter().collect()
    }

    /// Whether the shape of a document lies so to a query's.
    pub fn matches(&self, doc: DocId, predicate: Predicate, asked: &Shape, watch: &Watch<'_>) -> bool {
        self.shapes.get(&doc.0).is_some_and(|shape| shape.is(predicate, asked, watch))
    }

    /// About how many documents lie so, at most.
    pub fn estimate(&self, predicate: Predicate, asked: &Shape) -> u64 {
        /// More are not counted.
        const COUNTED: u64 = 1024;
        let all = self.shapes.len() as u64;
        let Some(bounds) = asked.bounds().filter(|_| predicate != Predicate::Disjoint) else { return all };
        let mut count = 0;
        self.tree.overlapping(bounds, &mut |_, _| {
            count += 1;
            count < COUNTED
        });
        if count < COUNTED { count } else { all }
    }

    /// How long it takes at most to compare a shape with that of a query, in looks at a document.
    pub fn effort(&self, asked: &Shape) -> u64 {
        2 + (self.largest + asked.vertices()) as u64 / 4
    }

    /// How many documents it has.
    pub fn entries(&self) -> u64 {
        self.shapes.len() as u64
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let table = self.shapes.capacity() * (size_of::<(u32, Arc<Shape>)>() + 1);
        self.bytes + self.tree.memory() + table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::shape::System;
    use proptest::prelude::*;

    const PREDICATES: [Predicate; 4] =
        [Predicate::Contains, Predicate::Within, Predicate::Disjoint, Predicate::Intersects];

    fn text() -> impl Strategy<Value = String> {
        (-20i32..20, -20i32..20, 0i32..9, 0i32..9).prop_map(|(x, y, width, height)| {
            if width == 0 || height == 0 {
                return format!("POINT({x} {y})");
            }
            let (right, top) = (x + width, y + height);
            format!("POLYGON(({x} {y},{x} {top},{right} {top},{right} {y}))")
        })
    }

    proptest! {
        #[test]
        fn an_index_finds_what_a_scan_finds(
            texts in prop::collection::vec((0u32..40, prop::option::of(text())), 0..120),
            asked in text(),
            spherical: bool,
        ) {
            let system = if spherical { System::Spherical } else { System::Flat };
            let (mut index, mut kept) = (ShapeIndex::default(), HashMap::new());
            for (doc, text) in texts {
                match text {
                    Some(text) => {
                        let shape = Arc::new(Shape::parse(text.as_bytes(), system).unwrap());
                        index.set(DocId(doc), &shape);
                        kept.insert(doc, shape);
                    }
                    None => {
                        index.remove(DocId(doc));
                        kept.remove(&doc);
                    }
                }
            }
            let (asked, never) = (Shape::parse(asked.as_bytes(), system).unwrap(), Watch::default());
            for predicate in PREDICATES {
                let found = index.find(predicate, &asked, &never);
                let expected: RoaringBitmap =
                    kept.iter().filter(|(_, shape)| shape.is(predicate, &asked, &never)).map(|(doc, _)| *doc).collect();
                prop_assert!(index.estimate(predicate, &asked) >= found.len());
                prop_assert_eq!(found, expected);
            }
            for doc in kept.keys() {
                index.remove(DocId(*doc));
            }
            prop_assert_eq!(index.memory(), 0);
        }
    }
}
