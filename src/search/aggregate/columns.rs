//! What the index keeps of documents, as columns of rows: their keys, and what SORTABLE fields keep beside their index.

use super::expression::Column;
use super::row::{Load, Wanted};
use super::table::{Cell, Table};
use crate::search::index::{Index, SortValue};
use crate::search::schema::FieldId;
use crate::search::sortable::Texts;

/// Fills in what the index keeps; texts are copied where they must stay when it is let go.
pub fn fill(index: &Index, rows: &mut Table, load: &Load, copies: bool) {
    for (Column(column), wanted) in &load.columns {
        match wanted {
            Wanted::Key => {
                for row in 0..rows.len() {
                    let cell = rows.text(index.documents().key(rows.origin(row).doc));
                    rows.set(row, *column, cell);
                }
            }
            Wanted::Sortable(id) => {
                let Some(field) = index.field(*id) else { continue };
                match field.sort_texts() {
                    Some(texts) => fill_texts(texts, rows, (*id, *column), copies),
                    None => rows.fill(*column, |doc| match field.sort_value(doc)? {
                        SortValue::Number(number) => Some(Cell::Number(number)),
                        SortValue::Text(_) => None,
                    }),
                }
            }
            Wanted::Field(_) | Wanted::Stored(_) | Wanted::Name(_) => {}
        }
    }
}

fn fill_texts(texts: &Texts, rows: &mut Table, (id, column): (FieldId, usize), copies: bool) {
    if !copies {
        return rows.fill(column, |doc| Some(Cell::Kept(id, texts.symbol(doc)?)));
    }
    for row in 0..rows.len() {
        let symbol = texts.symbol(rows.origin(row).doc);
        if let Some(text) = symbol.and_then(|symbol| texts.symbols().text(symbol)) {
            let cell = rows.text(text);
            rows.set(row, column, cell);
        }
    }
}
