//! A docset over a bitmap.

use super::{Docset, Known};
use crate::search::doc_id::DocId;
use crate::search::explanation::Explanation;
use crate::search::idset::IdSet;
use crate::search::score::{Context, Leaf};
use roaring::RoaringBitmap;
use roaring::bitmap::{IntoIter, Iter};

/// Where the documents come from.
enum Ids<'a> {
    None,
    Borrowed(Iter<'a>),
    Owned(IntoIter),
}

/// The documents of a bitmap, all of which score the same.
pub struct Set<'a> {
    ids: Ids<'a>,
    doc: DocId,
    len: u64,
    leaf: Leaf,
    /// The tag that they have; empty for other sets.
    name: &'a [u8],
}

impl<'a> Set<'a> {
    /// No documents.
    pub fn empty() -> Self {
        Self { ids: Ids::None, doc: DocId::END, len: 0, leaf: Leaf::SILENT, name: b"" }
    }

    /// The documents of a bitmap.
    pub fn owned(bits: RoaringBitmap, leaf: Leaf) -> Self {
        let len = bits.len();
        Self::starting(Ids::Owned(bits.into_iter()), len, leaf)
    }

    /// The documents of a bitmap that belongs to somebody else.
    pub fn borrowed(bits: &'a RoaringBitmap, leaf: Leaf) -> Self {
        Self::starting(Ids::Borrowed(bits.iter()), bits.len(), leaf)
    }

    /// The documents of a stored set.
    pub fn stored(set: &'a IdSet, leaf: Leaf) -> Self {
        match set {
            IdSet::Empty => Self::empty(),
            IdSet::One(one) => Self { ids: Ids::None, doc: DocId(*one), len: 1, leaf, name: b"" },
            IdSet::Many(bits) => Self::borrowed(bits, leaf),
        }
    }

    fn starting(ids: Ids<'a>, len: u64, leaf: Leaf) -> Self {
        let mut set = Self { ids, doc: DocId::END, len, leaf, name: b"" };
        set.advance();
        set
    }

    /// The same, with the tag that its documents have.
    pub fn named(self, name: &'a [u8]) -> Self {
        Self { name, ..self }
    }
}

impl Docset for Set<'_> {
    fn doc(&self) -> DocId {
        self.doc
    }

    fn advance(&mut self) -> DocId {
        let next = match &mut self.ids {
            Ids::None => None,
            Ids::Borrowed(iter) => iter.next(),
            Ids::Owned(iter) => iter.next(),
        };
        self.doc = next.map_or(DocId::END, DocId);
        self.doc
    }

    fn skip_to(&mut self, target: DocId) -> DocId {
        if self.doc >= target {
            return self.doc;
        }
        match &mut self.ids {
            Ids::None => {}
            Ids::Borrowed(iter) => iter.advance_to(target.0),
            Ids::Owned(iter) => iter.advance_to(target.0),
        }
        self.advance()
    }

    fn estimate(&self) -> u64 {
        self.len
    }

    fn score(&mut self, context: &Context) -> f64 {
        self.leaf.score(context, 1.0)
    }

    fn explain(&mut self, context: &Context) -> Explanation {
        Explanation::of_leaf(&self.leaf, self.name, context, 1.0)
    }

    fn terms(&mut self, tell: &mut dyn FnMut(Known<'_>)) {
        if !self.name.is_empty() {
            tell(Known { text: self.name, rarity: None });
        }
    }
}
