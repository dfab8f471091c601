//! One value per document: a sparse array indexed by [`DocId`], in pages, and these in books.
//!
//! Numbers of documents only rise, and old documents go: a page without a value left is freed, and a book without a page, so a
//! column costs memory for the documents that are there, not for those that ever were (of these, a thousandth of a byte
//! each). Reading is three loads.

use super::doc_id::DocId;

/// Documents in a page.
const PAGE: usize = 256;

/// Pages in a book.
const BOOK: usize = 32;

/// A value that can tell that it is not there, so that a slot costs no flag.
pub trait Slot: Sized {
    /// The value that stands for none.
    fn vacant() -> Self;
    /// Whether this is [`Slot::vacant`].
    fn is_vacant(&self) -> bool;
}

impl<T> Slot for Option<T> {
    fn vacant() -> Self {
        None
    }
    fn is_vacant(&self) -> bool {
        self.is_none()
    }
}

/// NaN stands for no number: a NaN is refused before it reaches an index.
impl Slot for f64 {
    fn vacant() -> Self {
        Self::NAN
    }
    fn is_vacant(&self) -> bool {
        self.is_nan()
    }
}

/// A page: its slots and how many of them hold a value.
#[derive(Debug)]
struct Page<T> {
    live: usize,
    slots: Box<[T]>,
}

/// Pages, and how many there are.
#[derive(Debug)]
struct Book<T> {
    live: usize,
    pages: [Option<Page<T>>; BOOK],
}

/// One value per document, where the document has one.
#[derive(Debug)]
pub struct Column<T> {
    books: Vec<Option<Box<Book<T>>>>,
    len: usize,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { books: Vec::new(), len: 0 }
    }
}

impl<T: Slot> Column<T> {
    /// How many documents have a value.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no document has a value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a document.
    #[inline]
    pub fn get(&self, doc: DocId) -> Option<&T> {
        let at = doc.index() / PAGE;
        let page = self.books.get(at / BOOK)?.as_ref()?.pages[at % BOOK].as_ref()?;
        let slot = &page.slots[doc.index() % PAGE];
        if slot.is_vacant() { None } else { Some(slot) }
    }

    /// The value of a document, to be changed. It must not be changed into a vacant one.
    pub fn get_mut(&mut self, doc: DocId) -> Option<&mut T> {
        let at = doc.index() / PAGE;
        let page = self.books.get_mut(at / BOOK)?.as_mut()?.pages[at % BOOK].as_mut()?;
        let slot = &mut page.slots[doc.index() % PAGE];
        if slot.is_vacant() { None } else { Some(slot) }
    }

    /// Gives a document a value, and returns the one it had. A vacant value removes.
    pub fn set(&mut self, doc: DocId, value: T) -> Option<T> {
        if value.is_vacant() {
            return self.remove(doc);
        }
        let at = doc.index() / PAGE;
        if at / BOOK >= self.books.len() {
            self.books.resize_with(at / BOOK + 1, || None);
        }
        let book =
            self.books[at / BOOK].get_or_insert_with(|| Box::new(Book { live: 0, pages: [const { None }; BOOK] }));
        let page = match &mut book.pages[at % BOOK] {
            Some(page) => page,
            none => {
                book.live += 1;
                none.insert(Page { live: 0, slots: (0..PAGE).map(|_| T::vacant()).collect() })
            }
        };
        let old = std::mem::replace(&mut page.slots[doc.index() % PAGE], value);
        if old.is_vacant() {
            page.live += 1;
            self.len += 1;
            return None;
        }
        Some(old)
    }

    /// Takes the value of a document away.
    pub fn remove(&mut self, doc: DocId) -> Option<T> {
        let at = doc.index() / PAGE;
        let place = self.books.get_mut(at / BOOK)?;
        let book = place.as_mut()?;
        let entry = &mut book.pages[at % BOOK];
        let page = entry.as_mut()?;
        let old = std::mem::replace(&mut page.slots[doc.index() % PAGE], T::vacant());
        if old.is_vacant() {
            return None;
        }
        page.live -= 1;
        self.len -= 1;
        if page.live == 0 {
            *entry = None;
            book.live -= 1;
            if book.live == 0 {
                *place = None;
                self.shorten();
            }
        }
        Some(old)
    }

    /// Gives the end without a book back.
    fn shorten(&mut self) {
        while matches!(self.books.last(), Some(None)) {
            self.books.pop();
        }
        if self.books.is_empty() {
            self.books = Vec::new();
        }
    }

    /// The documents that have a value, by rising number.
    pub fn iter(&self) -> impl Iterator<Item = (DocId, &T)> {
        let books = self.books.iter().enumerate().filter_map(|(at, book)| Some((at, book.as_ref()?)));
        let pages =
            books.flat_map(|(at, book)| book.pages.iter().enumerate().map(move |(i, page)| (at * BOOK + i, page)));
        pages.filter_map(|(at, page)| Some((at, page.as_ref()?))).flat_map(|(at, page)| {
            let first = at * PAGE;
            page.slots.iter().enumerate().filter(|(_, slot)| !slot.is_vacant()).map(move |(i, slot)| {
                // Pages are only made for numbers of documents, which are u32.
                (DocId((first + i) as u32), slot)
            })
        })
    }

    /// Calls `change` with every value, which must not become a vacant one.
    pub fn each_mut(&mut self, change: impl FnMut(&mut T)) {
        let pages = self.books.iter_mut().flatten().flat_map(|book| book.pages.iter_mut().flatten());
        pages.flat_map(|page| page.slots.iter_mut()).filter(|slot| !slot.is_vacant()).for_each(change);
    }

    /// Bytes held, without what the values own elsewhere.
    pub fn memory(&self) -> usize {
        let books = self.books.iter().flatten();
        let (books, pages) = books.fold((0, 0), |(books, pages), book| (books + 1, pages + book.live));
        self.books.capacity() * size_of::<usize>() + books * size_of::<Book<T>>() + pages * PAGE * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn a_column_is_a_map(ops in prop::collection::vec((prop_oneof![0u32..2000, 0u32..50_000], prop::option::of(0u32..9)), 0..300)) {
            let mut column = Column::<Option<u32>>::default();
            let mut model = BTreeMap::new();
            for (doc, value) in ops {
                let old = match value {
                    Some(v) => model.insert(doc, v),
                    None => model.remove(&doc),
                };
                prop_assert_eq!(column.set(DocId(doc), value).flatten(), old);
                prop_assert_eq!(column.len(), model.len());
            }
            let seen: Vec<_> = column.iter().map(|(d, v)| (d.0, v.unwrap_or_default())).collect();
            prop_assert_eq!(seen, model.iter().map(|(d, v)| (*d, *v)).collect::<Vec<_>>());
            for doc in model.into_keys() {
                column.remove(DocId(doc));
            }
            prop_assert!(column.books.is_empty());
        }
    }
}
