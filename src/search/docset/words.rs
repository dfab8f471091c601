//! The documents of one term.

use super::{Docset, Known};
use crate::search::doc_id::DocId;
use crate::search::explanation::Explanation;
use crate::search::fields::text::postings::Cursor;
use crate::search::schema::FieldMask;
use crate::search::score::{Context, Leaf};
use crate::watch::Watch;

/// The documents that have a term in one of some fields.
#[derive(Debug)]
pub struct Words<'a> {
    cursor: Cursor<'a>,
    fields: FieldMask,
    docs: u64,
    leaf: Leaf,
    /// The term.
    name: &'a [u8],
    watch: &'a Watch<'a>,
}

impl<'a> Words<'a> {
    /// The documents of a cursor that is at its start, restricted to some fields, until time is over. `docs` is how many the
    /// term has.
    pub fn new(
        cursor: Cursor<'a>,
        fields: FieldMask,
        (docs, leaf): (u64, Leaf),
        name: &'a [u8],
        watch: &'a Watch<'a>,
    ) -> Self {
        let mut words = Self { cursor, fields, docs, leaf, name, watch };
        words.settle();
        words
    }

    /// Goes on to the next document that has the term in one of the fields.
    fn settle(&mut self) {
        while self.cursor.doc() != DocId::END && self.cursor.mask().and(self.fields) == FieldMask::NONE {
            self.cursor.advance();
            if self.watch.spend(1) {
                self.cursor.end();
            }
        }
    }
}

impl Docset for Words<'_> {
    fn doc(&self) -> DocId {
        self.cursor.doc()
    }

    fn advance(&mut self) -> DocId {
        if self.cursor.doc() != DocId::END {
            self.cursor.advance();
            self.settle();
        }
        self.cursor.doc()
    }

    fn skip_to(&mut self, target: DocId) -> DocId {
        self.cursor.skip_to(target);
        self.settle();
        self.cursor.doc()
    }

    fn estimate(&self) -> u64 {
        self.docs
    }

    fn score(&mut self, context: &Context) -> f64 {
        self.leaf.score(context, f64::from(self.cursor.freq()))
    }

    fn explain(&mut self, context: &Context) -> Explanation {
        Explanation::of_leaf(&self.leaf, self.name, context, f64::from(self.cursor.freq()))
    }

    fn terms(&mut self, tell: &mut dyn FnMut(Known<'_>)) {
        tell(Known { text: self.name, rarity: Some(self.leaf.idf) });
    }

    fn positions(&mut self, out: &mut Vec<u32>) {
        self.cursor.positions(out);
    }
}
