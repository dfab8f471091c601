//! The documents that a query found, of which rows are made when the steps ask for them.
//!
//! A document is its number here, in a set or, where the query gives an order, in a list; what the query knows of it beside that
//! lies in lists of their own, which are empty where nobody asked. Keys are none of it: who needs the key of a document asks
//! the index for it, when the row leaves or its document is read.
//!
//! Hits may be cut: where a LIMIT lets only so many rows through, the query looks for no more documents than that. Who then asks for
//! more all the same, since some of them have gone, is told that there are none, and [`Hits::ran_out`] says that it was not so:
//! the query is to be made again without the cut.

use roaring::RoaringBitmap;
use roaring::bitmap::IntoIter;

use super::value::Value;
use crate::search::doc_id::DocId;
use crate::search::execute;
use crate::search::explanation::Explanation;

/// Documents that were found, in their order.
#[derive(Debug, Default)]
pub struct Hits {
    docs: Docs,
    /// How many have been read.
    read: usize,
    /// There may be more behind the last.
    was_cut: bool,
    ran_out: bool,
    scores: Vec<f64>,
    /// So many for each document as the query yields, in the order of their names.
    distances: Vec<Option<f64>>,
    yielded: usize,
    terms: Vec<Box<[Value]>>,
    payloads: Vec<Option<Box<[u8]>>>,
    explanations: Vec<Option<Box<Explanation>>>,
}

/// Where the numbers of documents come from.
enum Docs {
    /// By rising numbers, and how many are left.
    Set(IntoIter, u64),
    /// In the order of the query.
    List(Vec<DocId>),
}

impl std::fmt::Debug for Docs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Set(_, left) => f.debug_tuple("Set").field(left).finish_non_exhaustive(),
            Self::List(docs) => f.debug_tuple("List").field(docs).finish(),
        }
    }
}

impl Default for Docs {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// What is known of a document beside its number.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// Its number.
    pub doc: DocId,
    /// Its place among the hits.
    pub nth: usize,
    /// Its score; 0 if scores are not needed.
    pub score: f64,
    /// The distances that the query yields; `None` where it has none.
    pub distances: &'a [Option<f64>],
}

impl Hits {
    /// The documents of a set, of which nothing else is known. `was_cut`: there may be more behind the last.
    pub fn of_set(docs: RoaringBitmap, was_cut: bool) -> Self {
        let count = docs.len();
        Self { docs: Docs::Set(docs.into_iter(), count), was_cut, ..Self::default() }
    }

    /// The documents of rows, with what these have. `was_cut`: there may be more behind the last.
    pub fn of_rows(rows: Vec<execute::Row>, was_cut: bool) -> Self {
        let yielded = rows.first().map_or(0, |row| row.distances.len());
        let has_scores = rows.iter().any(|row| row.score != 0.0);
        let has_terms = rows.iter().any(|row| !row.terms.is_empty());
        let has_payloads = rows.iter().any(|row| row.payload.is_some());
        let has_explanations = rows.iter().any(|row| row.explanation.is_some());
        let mut hits = Self { was_cut, yielded, ..Self::default() };
        let mut docs = Vec::with_capacity(rows.len());
        for row in rows {
            docs.push(row.doc);
            hits.scores.extend(has_scores.then_some(row.score));
            hits.distances.extend_from_slice(&row.distances);
            if has_terms {
                hits.terms.push(row.terms.into_iter().map(|term| Value::string(term.text)).collect());
            }
            if has_payloads {
                hits.payloads.push(row.payload);
            }
            if has_explanations {
                hits.explanations.push(row.explanation);
            }
        }
        hits.docs = Docs::List(docs);
        hits
    }

    /// Gives the next documents to `take`, at most so many. False: there are no more.
    pub fn read(&mut self, most: usize, mut take: impl FnMut(Hit<'_>)) -> bool {
        self.ran_out |= self.was_cut && self.left() < most as u64;
        for _ in 0..most {
            let doc = match &mut self.docs {
                Docs::Set(docs, left) => docs.next().map(|doc| {
                    *left -= 1;
                    DocId(doc)
                }),
                Docs::List(docs) => docs.get(self.read).copied(),
            };
            let Some(doc) = doc else { return false };
            let (nth, yielded) = (self.read, self.yielded);
            let distances = self.distances.get(nth * yielded..(nth + 1) * yielded).unwrap_or_default();
            take(Hit { doc, nth, score: self.score(nth), distances });
            self.read += 1;
        }
        self.was_cut || self.left() > 0
    }

    /// How many documents are still to be read.
    pub fn left(&self) -> u64 {
        match &self.docs {
            Docs::Set(_, left) => *left,
            Docs::List(docs) => (docs.len() - self.read) as u64,
        }
    }

    /// More documents were asked for than the query looked for: what came of them is not to be told.
    pub fn ran_out(&self) -> bool {
        self.ran_out
    }

    /// The score of the document at a place; 0 if scores are not needed.
    pub fn score(&self, nth: usize) -> f64 {
        self.scores.get(nth).copied().unwrap_or_default()
    }

    /// The terms of the query that the document at a place contains, if they were asked for.
    pub fn terms(&self, nth: usize) -> &[Value] {
        self.terms.get(nth).map_or(&[], |terms| terms)
    }

    /// The payload of the document at a place, if payloads were asked for.
    pub fn payload(&self, nth: usize) -> Option<&[u8]> {
        self.payloads.get(nth)?.as_deref()
    }

    /// How the score of the document at a place came about, if that was asked for.
    pub fn explanation(&self, nth: usize) -> Option<&Explanation> {
        self.explanations.get(nth)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hits: &mut Hits, most: usize) -> (Vec<u32>, bool) {
        let mut docs = Vec::new();
        let more = hits.read(most, |hit| docs.push(hit.doc.0));
        (docs, more)
    }

    #[test]
    fn hits_that_were_cut_say_when_more_of_them_were_wanted() {
        let mut all = Hits::of_set([3, 5, 9].into_iter().collect(), false);
        assert_eq!((read(&mut all, 2), all.left()), ((vec![3, 5], true), 1));
        assert_eq!((read(&mut all, 2), all.left(), all.ran_out()), ((vec![9], false), 0, false));
        let mut some = Hits::of_set([3, 5, 9].into_iter().collect(), true);
        assert_eq!((read(&mut some, 3), some.ran_out()), ((vec![3, 5, 9], true), false));
        assert_eq!((read(&mut some, 1), some.ran_out()), ((vec![], false), true));
    }

    #[test]
    fn what_is_known_of_a_document_stays_with_it() {
        let row = |doc: u32, score| execute::Row {
            doc: DocId(doc),
            key: Box::default(),
            score,
            explanation: None,
            terms: vec![execute::Term { text: (*b"word").into(), rarity: None }],
            payload: (doc == 7).then(|| (*b"pay").into()),
            sort: None,
            distances: vec![Some(score / 2.0), None],
        };
        let mut hits = Hits::of_rows(vec![row(7, 1.0), row(4, 0.5)], false);
        let mut read = Vec::new();
        while hits.read(1, |hit| read.push((hit.doc.0, hit.nth, hit.score, hit.distances.to_vec()))) {}
        assert_eq!(read, [(7, 0, 1.0, vec![Some(0.5), None]), (4, 1, 0.5, vec![Some(0.25), None])]);
        assert_eq!((hits.payload(0), hits.payload(1)), (Some(&b"pay"[..]), None));
        assert_eq!((hits.terms(1).len(), hits.explanation(0).is_none()), (1, true));
        assert_eq!((hits.score(1), hits.score(9)), (0.5, 0.0));
    }
}
