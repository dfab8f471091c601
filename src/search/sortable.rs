//! What SORTABLE fields keep beside their index: one value per document, to sort, to group and to show.

use super::column::Column;
use super::doc_id::DocId;
use super::symbols::{Symbol, Symbols};

/// The values of a SORTABLE field that its index does not have.
#[derive(Debug)]
pub enum Sortable {
    /// Of fields that are not NUMERIC.
    Texts(Texts),
    /// Of NUMERIC fields.
    Numbers(Column<f64>),
}

/// A text per document.
#[derive(Debug, Default)]
pub struct Texts {
    values: Column<Symbol>,
    texts: Symbols,
}

impl Texts {
    /// Sets the text of a document, or takes it away.
    pub fn set(&mut self, doc: DocId, text: Option<&[u8]>) {
        // The new one comes first, so that the same text is not forgotten in between.
        let symbol = text.map(|text| self.texts.take(text));
        let old = match symbol {
            Some(symbol) => self.values.set(doc, symbol),
            None => self.values.remove(doc),
        };
        if let Some(old) = old {
            self.texts.release(old);
        }
    }

    /// The number of the text of a document.
    #[inline]
    pub fn symbol(&self, doc: DocId) -> Option<Symbol> {
        self.values.get(doc).copied()
    }

    /// The texts by their numbers.
    pub fn symbols(&self) -> &Symbols {
        &self.texts
    }
}

impl Sortable {
    /// Bytes held.
    pub fn memory(&self) -> usize {
        match self {
            Self::Numbers(column) => column.memory(),
            Self::Texts(texts) => texts.values.memory() + texts.texts.memory(),
        }
    }
}
