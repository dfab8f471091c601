//! The number of a document inside one index.

/// The number under which an index knows a document.
///
/// A document keeps its number for as long as it stays in the index, whatever is written to it: so a write that leaves
/// a field unchanged leaves that field's index unchanged. Numbers rise in the order of first indexing, which is the
/// order of results that are otherwise equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocId(pub u32);

impl DocId {
    /// Past every document: what an exhausted docset stands on. No document ever has it.
    pub const END: Self = Self(u32::MAX);

    /// The number as an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
