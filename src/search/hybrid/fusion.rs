//! Fusion: two lists, each best first, become one.

use std::collections::HashMap;

use super::combine::{Combine, Method};
use crate::search::doc_id::DocId;
use crate::search::sorting::sort_within;
use crate::watch::Watch;

/// A document's place in a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From 1 on.
    pub rank: usize,
    /// Its score there.
    pub score: f64,
}

/// A document of the fused list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// Which.
    pub doc: DocId,
    /// What its places are worth.
    pub score: f64,
    /// Its place in the list of the text.
    pub text: Option<Place>,
    /// Its place in the list of the vector.
    pub vector: Option<Place>,
}

impl Combine {
    /// What places in both lists are worth.
    pub fn score(&self, text: Option<Place>, vector: Option<Place>) -> f64 {
        self.part(text, true) + self.part(vector, false)
    }

    /// What a place in the list of the text, or else of the vector, is worth.
    pub fn part(&self, place: Option<Place>, is_text: bool) -> f64 {
        let Some(Place { rank, score }) = place else { return 0.0 };
        match self.method {
            Method::Rrf { constant } => 1.0 / (constant + rank as f64),
            Method::Linear { alpha, .. } if is_text => alpha * score,
            Method::Linear { beta, .. } => beta * score,
        }
    }
}

/// Fuses the documents of two lists with their scores: the best first, equal ones by their numbers; where no order is asked for, those
/// of the text first. When time is over, some may be missing.
pub fn fuse(
    text: &[(DocId, f64)],
    vector: &[(DocId, f64)],
    combine: &Combine,
    sorted: bool,
    watch: &Watch<'_>,
) -> Vec<Fused> {
    let mut fused: Vec<Fused> = Vec::with_capacity(text.len() + vector.len());
    let mut places: HashMap<DocId, usize> = HashMap::with_capacity(text.len());
    for (doc, place) in members(text, combine.window) {
        places.insert(doc, fused.len());
        fused.push(Fused { doc, score: 0.0, text: Some(place), vector: None });
    }
    for (doc, place) in members(vector, combine.window) {
        match places.get(&doc) {
            Some(at) => fused[*at].vector = Some(place),
            None => fused.push(Fused { doc, score: 0.0, text: None, vector: Some(place) }),
        }
        watch.spend(1);
    }
    for member in &mut fused {
        // Without the sign of zero, which would tell equal ones apart.
        member.score = combine.score(member.text, member.vector) + 0.0;
    }
    if sorted {
        sort_within(&mut fused, |a, b| b.score.total_cmp(&a.score).then(a.doc.cmp(&b.doc)), watch);
    }
    fused
}

/// The members of a list with their places.
fn members(list: &[(DocId, f64)], window: usize) -> impl Iterator<Item = (DocId, Place)> {
    list.iter().take(window).zip(1..).map(|((doc, score), rank)| (*doc, Place { rank, score: *score }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(docs: &[u32]) -> Vec<(DocId, f64)> {
        docs.iter().zip(1..).map(|(doc, rank)| (DocId(*doc), 1.0 / f64::from(rank))).collect()
    }

    fn told(text: &[u32], vector: &[u32], method: Method, window: usize) -> Vec<(u32, f64)> {
        let combine = Combine { method, window };
        let fused = fuse(&list(text), &list(vector), &combine, true, &Watch::default());
        fused.iter().map(|member| (member.doc.0, member.score)).collect()
    }

    #[test]
    fn ranks_are_fused_as_specified() {
        let rrf = |constant| Method::Rrf { constant };
        assert_eq!(told(&[5], &[1, 9], rrf(1.0), 20), [(1, 0.5), (5, 0.5), (9, 1.0 / 3.0)]);
        assert_eq!(told(&[1, 2], &[3, 1], rrf(3.0), 20)[0], (1, 0.25 + 0.2));
        assert_eq!(told(&[1], &[1], rrf(60.0), 20), [(1, 2.0 / 61.0)]);
        assert_eq!(told(&[1, 2, 3], &[4, 3], rrf(60.0), 1), [(1, 1.0 / 61.0), (4, 1.0 / 61.0)]);
        assert_eq!(told(&[], &[], rrf(60.0), 1), []);
    }

    #[test]
    fn scores_are_weighted_as_specified() {
        let linear = Method::Linear { alpha: 0.5, beta: 2.0 };
        assert_eq!(told(&[1, 2], &[2, 3], linear, 20), [(2, 2.25), (3, 1.0), (1, 0.5)]);
        let none = Method::Linear { alpha: -0.0, beta: 0.0 };
        assert_eq!(told(&[3, 1], &[2], none, 20), [(1, 0.0), (2, 0.0), (3, 0.0)]);
    }

    #[test]
    fn without_an_order_the_text_comes_first() {
        let combine = Combine::default();
        let fused = fuse(&list(&[7, 3]), &list(&[3, 1]), &combine, false, &Watch::default());
        assert_eq!(fused.iter().map(|member| member.doc.0).collect::<Vec<_>>(), [7, 3, 1]);
    }

    proptest! {
        #[test]
        fn every_member_of_a_list_comes_once_and_in_order(
            text in prop::collection::hash_set(0u32..60, 0..40),
            vector in prop::collection::hash_set(0u32..60, 0..40),
            window in 1usize..50,
            constant in 0.0f64..100.0,
        ) {
            let (text, vector): (Vec<u32>, Vec<u32>) = (text.into_iter().collect(), vector.into_iter().collect());
            let combine = Combine { method: Method::Rrf { constant }, window };
            let fused = fuse(&list(&text), &list(&vector), &combine, true, &Watch::default());
            let rank = |list: &[u32], doc| list.iter().take(window).position(|other| *other == doc).map(|at| at + 1);
            let mut expected: Vec<u32> =
                (0..60).filter(|doc| rank(&text, *doc).is_some() || rank(&vector, *doc).is_some()).collect();
            let score = |doc: u32| [rank(&text, doc), rank(&vector, doc)].iter().flatten().map(|rank| 1.0 / (constant + *rank as f64)).sum::<f64>();
            expected.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
            prop_assert_eq!(fused.iter().map(|member| member.doc.0).collect::<Vec<_>>(), expected);
            for member in &fused {
                prop_assert_eq!(member.text.map(|place| place.rank), rank(&text, member.doc.0));
                prop_assert_eq!(member.vector.map(|place| place.rank), rank(&vector, member.doc.0));
                prop_assert_eq!(member.score, score(member.doc.0));
            }
        }
    }
}
