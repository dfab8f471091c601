//! Rows in columns: a [`Table`], which is all that steps hand to each other.
//!
//! A table has a column of [`Cell`]s for each name, and one buffer for all texts that it has for itself: so a row takes no memory of its
//! own, and a table that is emptied and filled again takes none at all. Values that are neither numbers nor texts, of
//! which there are few, lie in a list. What the index keeps of a field is not copied: such a cell is the number of the text, and who
//! reads it needs the index ([`Kept`]). It is so only while the index is read: what stays longer is [settled](Table::settle), or
//! was copied so from the beginning.
//!
//! A row knows its document and how many documents had been read when it came, by which everything else that the query knows of it
//! is found ([`super::hits`]). It may have fields beyond the columns, which `LOAD *` found, and what it was sorted by.

use super::expression::{Column, Properties};
use super::value::{Value, View};
use crate::search::doc_id::DocId;
use crate::search::index::Index;
use crate::search::schema::FieldId;
use crate::search::symbols::Symbol;

/// What stands in a column of a row.
#[derive(Debug, Clone, Copy, Default)]
pub enum Cell {
    /// Nothing, which is not NULL.
    #[default]
    Empty,
    /// NULL.
    Null,
    /// A number.
    Number(f64),
    /// A text of the table.
    Text {
        /// How long it is. Texts are no longer than a bulk string, which a `u32` counts.
        len: u32,
        /// Where it begins.
        at: usize,
    },
    /// A text that the index keeps of a field.
    Kept(FieldId, Symbol),
    /// A value of the table's list.
    Value(u32),
}

/// The texts that the index keeps, where it is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept<'a>(pub Option<&'a Index>);

impl<'a> Kept<'a> {
    fn text(self, field: FieldId, symbol: Symbol) -> &'a [u8] {
        let texts = self.0.and_then(|index| index.field(field)?.sort_texts());
        debug_assert!(texts.is_some(), "the index is read");
        texts.and_then(|texts| texts.symbols().text(symbol)).map_or(&[], |text| text)
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The document; [`DocId::END`] for a row that stands for a group, and for one whose document has gone.
    pub doc: DocId,
    /// How many documents had been read when it came, itself included; of a group, how many groups.
    pub ordinal: u64,
}

impl Origin {
    /// The origin of the nth group, from 1.
    pub fn group(nth: u64) -> Self {
        Self { doc: DocId::END, ordinal: nth }
    }

    /// The place of its document among the hits; `None` for a group.
    pub fn nth(self) -> Option<usize> {
        (self.doc != DocId::END).then_some((self.ordinal as usize).wrapping_sub(1))
    }

    /// What rows that are alike are told apart by: the number of the document, of a group how many came before.
    pub fn number(self) -> u64 {
        if self.doc == DocId::END { self.ordinal } else { self.doc.0.into() }
    }
}

/// Rows.
#[derive(Debug, Default)]
pub struct Table {
    origins: Vec<Origin>,
    columns: Vec<Vec<Cell>>,
    texts: Vec<u8>,
    values: Vec<Value>,
    /// What each row was sorted by; of no row, or of every one.
    sort_keys: Vec<Cell>,
    /// Names and values of fields beyond the columns.
    extras: Vec<(Cell, Cell)>,
    /// For each row, where its own begin among these and how many they are; for no row, or for every one.
    extra_of: Vec<(u32, u32)>,
}

impl Table {
    /// Empties it, for rows with so many columns. What it has held stays its own.
    pub fn reset(&mut self, width: usize) {
        self.origins.clear();
        self.columns.truncate(width);
        self.columns.iter_mut().for_each(Vec::clear);
        self.columns.resize_with(width, Vec::new);
        self.texts.clear();
        self.values.clear();
        self.sort_keys.clear();
        self.extras.clear();
        self.extra_of.clear();
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.origins.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// How many columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Appends a row with nothing in it.
    pub fn push(&mut self, origin: Origin) {
        self.origins.push(origin);
        self.columns.iter_mut().for_each(|column| column.push(Cell::Empty));
        if !self.sort_keys.is_empty() {
            self.sort_keys.push(Cell::Empty);
        }
        if !self.extra_of.is_empty() {
            self.extra_of.push((0, 0));
        }
    }

    /// Where a row comes from.
    pub fn origin(&self, row: usize) -> Origin {
        self.origins[row]
    }

    /// The document of a row has gone: [`Table::drop_lost`] takes the row out.
    pub fn lose(&mut self, row: usize) {
        self.origins[row].doc = DocId::END;
    }

    /// What stands in a column of a row. Beyond the columns there is nothing.
    pub fn cell(&self, row: usize, column: usize) -> Cell {
        self.columns.get(column).map_or(Cell::Empty, |column| column[row])
    }

    /// Puts something that was made by this table, or is no part of one, into a column of a row.
    pub fn set(&mut self, row: usize, column: usize, cell: Cell) {
        self.columns[column][row] = cell;
    }

    /// Puts what `cell` has for their documents into a column of all rows; where that is nothing, what stands there stays.
    pub fn fill(&mut self, column: usize, cell: impl Fn(DocId) -> Option<Cell>) {
        for (place, origin) in self.columns[column].iter_mut().zip(&self.origins) {
            if let Some(cell) = cell(origin.doc) {
                *place = cell;
            }
        }
    }

    /// Takes a text.
    pub fn text(&mut self, text: &[u8]) -> Cell {
        let at = self.texts.len();
        self.texts.extend_from_slice(text);
        Cell::Text { len: text.len() as u32, at }
    }

    /// Takes a value.
    pub fn value(&mut self, value: Value) -> Cell {
        match value {
            Value::Null => Cell::Null,
            Value::Number(number) => Cell::Number(number),
            Value::String(text) => self.text(&text),
            other => {
                self.values.push(other);
                Cell::Value((self.values.len() - 1) as u32)
            }
        }
    }

    /// Takes what lies elsewhere.
    pub fn take(&mut self, view: View<'_>) -> Cell {
        match view {
            View::Null => Cell::Null,
            View::Number(number) => Cell::Number(number),
            View::Text(text) => self.text(text),
            other => self.value(other.to_value()),
        }
    }

    /// What a cell of this table is.
    #[inline]
    pub fn view<'a>(&'a self, cell: Cell, kept: Kept<'a>) -> Option<View<'a>> {
        Some(match cell {
            Cell::Empty => return None,
            Cell::Null => View::Null,
            Cell::Number(number) => View::Number(number),
            Cell::Text { len, at } => View::Text(&self.texts[at..at + len as usize]),
            Cell::Kept(field, symbol) => View::Text(kept.text(field, symbol)),
            Cell::Value(at) => self.values[at as usize].view(),
        })
    }

    /// What stands in a column of a row.
    #[inline]
    pub fn at<'a>(&'a self, row: usize, column: usize, kept: Kept<'a>) -> Option<View<'a>> {
        self.view(self.cell(row, column), kept)
    }

    /// What a row was sorted by, if rows were sorted.
    pub fn sort_key<'a>(&'a self, row: usize) -> Option<View<'a>> {
        self.view(*self.sort_keys.get(row)?, Kept::default())
    }

    /// Says what each row was sorted by: what stands in a column now, if there is one.
    pub fn keep_sort_keys(&mut self, column: Option<usize>) {
        self.sort_keys.clear();
        match column.and_then(|column| self.columns.get(column)) {
            Some(column) => self.sort_keys.extend_from_slice(column),
            None => self.sort_keys.resize(self.origins.len(), Cell::Empty),
        }
    }

    /// Gives the last row that was given any, or one after it, a field beyond the columns.
    pub fn add_extra(&mut self, row: usize, name: &[u8], value: View<'_>) {
        let (name, value) = (self.text(name), self.take(value));
        self.extra_of.resize(self.origins.len(), (0, 0));
        let place = &mut self.extra_of[row];
        if place.1 == 0 {
            place.0 = self.extras.len() as u32;
        }
        place.1 += 1;
        self.extras.push((name, value));
    }

    /// The fields of a row beyond the columns.
    pub fn extras(&self, row: usize) -> impl Iterator<Item = (&[u8], View<'_>)> {
        let (start, count) = self.extra_of.get(row).map_or((0, 0), |(start, count)| (*start as usize, *count as usize));
        let view = |cell| self.view(cell, Kept::default());
        self.extras[start..start + count].iter().filter_map(move |(name, value)| match view(*name)? {
            View::Text(name) => Some((name, view(*value)?)),
            _ => None,
        })
    }

    /// Puts a row of another table behind the last one: with all of its columns if this one has as many, and nothing in those that it has
    /// not. Where `settle` is the index, nothing of what is copied needs it any more.
    pub fn push_from(&mut self, other: &Self, row: usize, settle: Option<Kept<'_>>) {
        let origin = other.origins[row];
        for column in 0..self.columns.len() {
            let cell = self.adopt(other, other.cell(row, column), settle);
            self.columns[column].push(cell);
        }
        if let Some(key) = other.sort_keys.get(row) {
            let key = self.adopt(other, *key, settle);
            self.sort_keys.resize(self.origins.len(), Cell::Empty);
            self.sort_keys.push(key);
        }
        if let Some(&(start, count)) = other.extra_of.get(row) {
            self.extra_of.resize(self.origins.len(), (0, 0));
            self.extra_of.push((self.extras.len() as u32, count));
            for (name, value) in &other.extras[start as usize..(start + count) as usize] {
                let extra = (self.adopt(other, *name, settle), self.adopt(other, *value, settle));
                self.extras.push(extra);
            }
        }
        self.origins.push(origin);
    }

    /// A cell of another table as one of this.
    pub fn adopt(&mut self, other: &Self, cell: Cell, settle: Option<Kept<'_>>) -> Cell {
        match (cell, settle) {
            (Cell::Text { len, at }, _) => self.text(&other.texts[at..at + len as usize]),
            (Cell::Value(at), _) => self.value(other.values[at as usize].clone()),
            (Cell::Kept(field, symbol), Some(kept)) => self.text(kept.text(field, symbol)),
            (plain, _) => plain,
        }
    }

    /// Copies what the index keeps, which may be let go then.
    pub fn settle(&mut self, kept: Kept<'_>) {
        let Self { columns, texts, .. } = self;
        for cell in columns.iter_mut().flatten() {
            if let Cell::Kept(field, symbol) = *cell {
                let (text, at) = (kept.text(field, symbol), texts.len());
                texts.extend_from_slice(text);
                *cell = Cell::Text { len: text.len() as u32, at };
            }
        }
    }

    /// Gives all rows something else in a column: as many cells as there are rows, of a table without rows.
    pub fn put(&mut self, column: usize, fresh: &mut Fresh) {
        let (texts, values) = (self.texts.len(), self.values.len() as u32);
        self.texts.extend_from_slice(&fresh.table.texts);
        self.values.append(&mut fresh.table.values);
        for cell in &mut fresh.cells {
            match cell {
                Cell::Text { at, .. } => *at += texts,
                Cell::Value(at) => *at += values,
                _ => {}
            }
        }
        std::mem::swap(&mut self.columns[column], &mut fresh.cells);
        fresh.clear();
    }

    /// Appends columns, with what `fill` gives for each row.
    pub fn widen(&mut self, more: usize, mut fill: impl FnMut(usize, usize) -> Value) {
        let (rows, width) = (self.origins.len(), self.columns.len());
        self.columns.resize_with(width + more, || Vec::with_capacity(rows));
        for row in 0..rows {
            for nth in 0..more {
                let cell = self.value(fill(row, nth));
                self.columns[width + nth].push(cell);
            }
        }
    }

    /// Leaves the rows that are to be kept: one answer for each.
    pub fn retain(&mut self, keep: &[bool]) {
        fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
            let mut keep = keep.iter();
            items.retain(|_| keep.next().is_some_and(|keep| *keep));
        }
        self.columns.iter_mut().for_each(|column| retain(column, keep));
        retain(&mut self.sort_keys, keep);
        retain(&mut self.extra_of, keep);
        retain(&mut self.origins, keep);
    }

    /// Takes out the rows whose documents have gone, and says how many.
    pub fn drop_lost(&mut self, keep: &mut Vec<bool>) -> usize {
        let there = |origin: &Origin| origin.doc != DocId::END;
        if self.origins.iter().all(there) {
            return 0;
        }
        keep.clear();
        keep.extend(self.origins.iter().map(there));
        let before = self.origins.len();
        self.retain(keep);
        before - self.origins.len()
    }

    /// Leaves out so many rows at the start, and all but so many after them.
    pub fn cut(&mut self, offset: usize, count: usize) {
        fn cut<T>(items: &mut Vec<T>, offset: usize, count: usize) {
            items.truncate(offset.saturating_add(count));
            items.drain(..offset.min(items.len()));
        }
        self.columns.iter_mut().for_each(|column| cut(column, offset, count));
        cut(&mut self.sort_keys, offset, count);
        cut(&mut self.extra_of, offset, count);
        cut(&mut self.origins, offset, count);
    }

    /// Takes away the fields beyond the columns that have the name of one.
    pub fn drop_extras(&mut self, is_column: impl Fn(&[u8]) -> bool) {
        if self.extras.is_empty() {
            return;
        }
        let mut left = Vec::with_capacity(self.extras.len());
        for place in &mut self.extra_of {
            let (start, count) = (place.0 as usize, place.1 as usize);
            place.0 = left.len() as u32;
            for (name, value) in &self.extras[start..start + count] {
                if let Cell::Text { len, at } = *name
                    && !is_column(&self.texts[at..at + len as usize])
                {
                    left.push((*name, *value));
                }
            }
            place.1 = left.len() as u32 - place.0;
        }
        self.extras = left;
    }
}

/// A row of a table, as expressions read it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The table.
    pub table: &'a Table,
    /// Which.
    pub row: usize,
    /// The texts that the index keeps.
    pub kept: Kept<'a>,
    /// The terms of the query that its document contains.
    pub terms: &'a [Value],
}

impl<'a> Properties<'a> for Row<'a> {
    fn value(&self, column: Column) -> Option<View<'a>> {
        self.table.at(self.row, column.0, self.kept)
    }

    fn matched_terms(&self) -> &'a [Value] {
        self.terms
    }
}

/// A column that is being made.
#[derive(Debug, Default)]
pub struct Fresh {
    cells: Vec<Cell>,
    /// Where its texts and values lie.
    table: Table,
}

impl Fresh {
    /// Appends what stands in the next row.
    pub fn push(&mut self, view: View<'_>) {
        let cell = self.table.take(view);
        self.cells.push(cell);
    }

    /// Forgets what it has.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.table.texts.clear();
        self.table.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: &Table, row: usize) -> Vec<Option<Value>> {
        (0..table.width()).map(|column| Some(table.at(row, column, Kept::default())?.to_value())).collect()
    }

    fn text(text: &str) -> Option<Value> {
        Some(Value::string(text.as_bytes()))
    }

    fn filled() -> Table {
        let mut table = Table::default();
        table.reset(2);
        for nth in 0..4u32 {
            table.push(Origin { doc: DocId(10 + nth), ordinal: u64::from(nth) + 1 });
            let cell = table.text(format!("t{nth}").as_bytes());
            table.set(nth as usize, 0, cell);
            table.add_extra(nth as usize, b"name", View::Number(nth.into()));
        }
        let array = table.value(Value::Array([Value::Null].into()));
        table.set(1, 1, array);
        table
    }

    #[test]
    fn rows_go_from_table_to_table() {
        let from = filled();
        let mut to = Table::default();
        to.reset(3);
        to.push(Origin::group(1));
        to.push_from(&from, 1, Some(Kept::default()));
        assert_eq!(row(&to, 0), [None, None, None]);
        assert_eq!(row(&to, 1), [text("t1"), Some(Value::Array([Value::Null].into())), None]);
        assert_eq!((to.origin(0).nth(), to.origin(1).nth(), to.origin(1).number()), (None, Some(1), 11));
        let extras: Vec<_> = to.extras(1).map(|(name, value)| (name.to_vec(), value.to_value())).collect();
        assert_eq!(extras, [(b"name".to_vec(), Value::Number(1.0))]);
        assert_eq!(to.extras(0).count(), 0);
    }

    #[test]
    fn rows_are_left_out() {
        let mut table = filled();
        table.keep_sort_keys(Some(0));
        table.lose(2);
        assert_eq!((table.drop_lost(&mut Vec::new()), table.len()), (1, 3));
        table.cut(1, 1);
        assert_eq!((table.len(), row(&table, 0)[0].clone()), (1, text("t1")));
        assert_eq!(table.sort_key(0).map(View::to_value), text("t1"));
        table.drop_extras(|name| name == b"name");
        assert_eq!(table.extras(0).count(), 0);
        table.reset(1);
        assert!(table.is_empty() && table.width() == 1);
    }

    #[test]
    fn a_column_is_replaced() {
        let mut table = filled();
        let mut fresh = Fresh::default();
        for nth in 0..4 {
            let new = format!("new{nth}");
            fresh.push(if nth == 3 { View::Null } else { View::Text(new.as_bytes()) });
        }
        table.put(1, &mut fresh);
        assert_eq!(row(&table, 0), [text("t0"), text("new0")]);
        assert_eq!(row(&table, 3), [text("t3"), Some(Value::Null)]);
        table.widen(1, |row, _| Value::Number(row as f64));
        assert_eq!(row(&table, 2)[2], Some(Value::Number(2.0)));
    }
}
