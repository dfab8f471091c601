//! KNN: the nearest of the documents that pass its filter, as rows.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Execution, Found, Nearest, Order, Request, Row, SortKey};
use crate::search::doc_id::DocId;
use crate::search::fields::vector::{Near, VectorIndex, Wanted};
use crate::search::index::{FieldIndex, Values};
use crate::search::profile::What;
use crate::search::query::ast::{Kind, Knn};
use crate::search::score::Scorer;

impl<'a> Execution<'a> {
    /// The nearest of those that pass the filter. `None`: cancelled.
    fn near(&self, knn: &'a Knn, vectors: &VectorIndex) -> Option<Near> {
        let filter = knn.filter.as_deref().filter(|filter| filter.kind != Kind::All);
        let is_over = || self.watch.look();
        let near = |wanted| vectors.knn(&knn.vector.blob, knn.k, wanted, &knn.options, Some(&is_over));
        if let (Some(filter), None) = (filter, &self.allowed)
            && let Some(asked) = self.plan.question(filter, knn, vectors)
        {
            self.tell_mode("HYBRID_BATCHES");
            let test = self.plan.test_of(filter, &asked);
            let fetch = |docs: &mut dyn Iterator<Item = DocId>| asked.numbers.fetch(docs);
            return near(Wanted::Test { test: &*test, fetch: &fetch, matching: asked.matching });
        }
        let filter = match (filter.map(|filter| self.plan.bitmap(filter)), &self.allowed) {
            (Some(filter), Some(allowed)) => Some(Cow::Owned(&*filter & allowed)),
            (Some(filter), None) => Some(filter),
            (None, allowed) => allowed.as_ref().map(Cow::Borrowed),
        };
        if let Some(docs) = filter.as_deref() {
            let scans = vectors.scans(docs.len(), knn.k, &knn.options);
            self.tell_mode(if scans { "HYBRID_ADHOC_BF" } else { "HYBRID_BATCHES" });
        }
        near(filter.as_deref().map_or(Wanted::All, Wanted::Set))
    }

    /// Tells how the search among vectors that is being made goes about it.
    fn tell_mode(&self, mode: &'static str) {
        if let Some(profile) = self.request.profile {
            profile.is(What::Vector(mode));
        }
    }

    /// The nearest.
    pub(super) fn knn(&self, knn: &'a Knn) -> Found {
        let index = knn.field.id.and_then(|id| self.index.field(id));
        let near = match index.map(|index| &index.values) {
            Some(Values::Vector(vectors)) => match self.request.profile {
                Some(profile) => {
                    let count = |near: &Option<Near>| near.as_ref().map_or(0, |near| near.docs.len() as u64);
                    profile.whole(What::Vector("STANDARD_KNN"), || self.near(knn, vectors), count)
                }
                None => self.near(knn, vectors),
            },
            _ => Some(Near::default()),
        };
        let complete = near.is_some();
        let Near { docs: near, uncertainty } = near.unwrap_or_default();
        let nearest = uncertainty.map(|uncertainty| Nearest { k: knn.k, uncertainty });
        let total = near.len() as u64;
        let Request { offset, limit, .. } = *self.request;
        let unsorted = matches!(self.request.order, Order::Field { field, .. }
            if !self.index.field(field).is_some_and(FieldIndex::keeps_sort_values));
        let rows_of = |near: &[(DocId, f64)]| -> Vec<Row> {
            let rows = self.rows(near.iter().map(|(doc, _)| *doc)).zip(near);
            let with_distance = |(mut row, (_, distance)): (Row, &(DocId, f64))| {
                row.distances.insert(0, Some(*distance));
                row
            };
            rows.map(with_distance).collect()
        };
        let mut rows = match self.request.order {
            _ if unsorted => rows_of(&near),
            _ if nearest.is_some() => {
                let mut rows = rows_of(&near);
                for (row, (doc, distance)) in rows.iter_mut().zip(&near) {
                    row.sort = self.sort_value(*doc, &[*distance]).map(SortKey::of);
                }
                rows
            }
            Order::Best | Order::Number => {
                let first = offset.min(near.len());
                rows_of(&near[first..first.saturating_add(limit).min(near.len())])
            }
            _ => {
                let distances: HashMap<DocId, f64> = near.iter().copied().collect();
                let value = |(doc, distance): &(DocId, f64)| (self.sort_value(*doc, &[*distance]), *doc);
                let mut rows = self.first_by(near.iter().map(value));
                rows.iter_mut().for_each(|row| row.distances.insert(0, distances.get(&row.doc).copied()));
                rows
            }
        };
        if let Some(filter) = knn.filter.as_deref() {
            self.fill_scores(filter, &mut rows);
        } else if self.request.scores && self.request.scorer == Scorer::DocScore {
            rows.iter_mut().for_each(|row| row.score = self.index.documents().score(row.doc));
        }
        Found { total, rows, complete, unsorted, nearest, ..Found::default() }
    }
}
