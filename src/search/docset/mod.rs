//! Docsets: the documents that match a clause of a query, one after the other, by rising number.
//!
//! Clauses that are not scored are evaluated whole, as bitmaps (`plan`), and enter here as a [`Set`]. What is walked through
//! document by document is what scores or has positions: [`Words`] (the postings of a term), [`Union`], [`Conjunction`].

mod conjunction;
#[cfg(test)]
mod contract;
mod set;
mod union;
mod words;

pub use conjunction::{Conjunction, Part, Phrase};
pub use set::Set;
pub use union::{Scored, Union};
pub use words::Words;

use super::doc_id::DocId;
use super::explanation::Explanation;
use super::score::Context;
use crate::watch::Watch;
use roaring::RoaringBitmap;

/// The documents that match a clause.
///
/// # Contract
/// * A new docset stands on its first document.
/// * [`Docset::doc`] is the document that it stands on; [`DocId::END`] past the last, from where nothing moves it.
/// * [`Docset::advance`] moves to the next document, which has a higher number.
/// * [`Docset::skip_to`] moves to the first document that is not below the target, and stays where it is if that is the one it
///   stands on; it never moves back. Both return the new [`Docset::doc`].
/// * [`Docset::estimate`] is at least the number of documents at the start; it does not change.
/// * [`Docset::score`], [`Docset::explain`], [`Docset::terms`], [`Docset::positions`] and [`Docset::slop`] speak of the document that it stands on and are not called
///   at the end. They may move docsets inside, but never what `doc` says.
pub trait Docset {
    /// The current document.
    fn doc(&self) -> DocId;

    /// Moves to the next document.
    fn advance(&mut self) -> DocId;

    /// Moves to the first document that is not below `target`.
    fn skip_to(&mut self, target: DocId) -> DocId {
        while self.doc() < target {
            self.advance();
        }
        self.doc()
    }

    /// At most how many documents there are.
    fn estimate(&self) -> u64;

    /// What the clause adds to the score of the current document.
    fn score(&mut self, context: &Context) -> f64;

    /// How [`Docset::score`] comes about.
    fn explain(&mut self, context: &Context) -> Explanation;

    /// Tells the terms and tags of the query that the current document has, in the order of the query.
    fn terms(&mut self, _tell: &mut dyn FnMut(Known<'_>)) {}

    /// Appends the positions of the clause's words in the current document, rising. Clauses without words add none.
    fn positions(&mut self, _out: &mut Vec<u32>) {}

    /// The positions among [`Docset::positions`] that count for [`Docset::slop`].
    fn scored_positions(&mut self, out: &mut Vec<u32>) {
        self.positions(out);
    }

    /// How far the clauses inside are apart in the current document: see [`super::score::Nearness`].
    fn slop(&mut self) -> f64 {
        1.0
    }
}

/// A term or a tag of the query that a document has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known<'t> {
    /// The term, as the index has it.
    pub text: &'t [u8],
    /// How rare a term is, as TFIDF counts that; `None`: it is a tag.
    pub rarity: Option<f64>,
}

/// A docset that borrows from the index.
pub type BoxDocset<'a> = Box<dyn Docset + 'a>;

/// All documents from the current one on, until time is over.
pub fn drain(docset: &mut dyn Docset, watch: &Watch<'_>) -> RoaringBitmap {
    let mut found = RoaringBitmap::new();
    while docset.doc() != DocId::END && !watch.spend(1) {
        // Rising, so this appends; it never fails.
        found.insert(docset.doc().0);
        docset.advance();
    }
    found
}

/// The document that a docset comes to next, of those that are allowed.
pub fn next_allowed(
    docset: &mut dyn Docset,
    allowed: &mut Option<roaring::bitmap::Iter<'_>>,
    watch: &Watch<'_>,
) -> Option<DocId> {
    let Some(allowed) = allowed else { return Some(docset.doc()).filter(|doc| *doc != DocId::END) };
    loop {
        let doc = docset.doc();
        if doc == DocId::END || watch.spend(1) {
            return None;
        }
        allowed.advance_to(doc.0);
        let next = DocId(allowed.next()?);
        if next == doc || docset.skip_to(next) == next {
            return Some(next);
        }
    }
}

/// Sorts positions that came from several clauses, and drops repeats.
fn merge_positions(positions: &mut Vec<u32>, from: usize) {
    let tail = &mut positions[from..];
    if !tail.is_sorted() {
        tail.sort_unstable();
    }
    let mut kept = from;
    for at in from..positions.len() {
        if kept == from || positions[kept - 1] != positions[at] {
            positions[kept] = positions[at];
            kept += 1;
        }
    }
    positions.truncate(kept);
}
