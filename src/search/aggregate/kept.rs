//! GROUPBY of documents by what the index keeps, without making rows of them.
//!
//! Where every key and every argument of the reducers is kept for sorting, a document costs a look into a column or two:
//! texts are known by their numbers ([`crate::search::symbols`]), and so are groups. The groups come in the order of their first
//! documents, as they do from rows.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use super::expression::Column;
use super::group::Groups;
use super::plan::{Plan, Sink, Stream};
use super::reduce::{Hashes, Reducer, State};
use super::row::Wanted;
use super::table::Cell;
use super::value::View;
use crate::search::doc_id::DocId;
use crate::search::index::{FieldIndex, Index, SortValue};
use crate::search::schema::FieldId;
use crate::search::sortable::Texts;

/// How many documents are looked at between two questions whether the query is still wanted.
const INTERRUPT_EVERY: u32 = 1024;

/// Stands for a value that a document lacks: the bits of a NaN, which is no value of a field.
const LACKING: u64 = u64::MAX;

/// The first GROUPBY of a plan, where it needs no rows.
#[derive(Debug)]
pub(super) struct Grouping<'a> {
    by: Vec<FieldId>,
    reducers: Vec<Reducer<FieldId>>,
    asked: &'a [Reducer<Column>],
}

impl<'a> Grouping<'a> {
    /// The first GROUPBY of a plan, if it needs no more than what is kept for sorting.
    pub fn of(plan: &'a Plan) -> Option<Self> {
        let stage = plan.stages.first()?;
        let Sink::Group { by, reducers: asked } = &stage.sink else { return None };
        if asked.iter().any(|reducer| matches!(reducer, Reducer::Collect(_))) {
            return None; // it shows rows
        }
        let mut fields: Vec<Option<FieldId>> = vec![None; stage.width];
        for step in &stage.steps {
            let Stream::Load(load) = step else { return None };
            for (column, wanted) in &load.columns {
                match wanted {
                    Wanted::Sortable(id) if load.all.is_none() => fields[column.0] = Some(*id),
                    _ => return None,
                }
            }
        }
        let field = |column: &Column| fields.get(column.0).copied().flatten().ok_or(());
        let by = by.iter().map(field).collect::<Result<_, _>>().ok()?;
        let reducers = asked.iter().map(|reducer| reducer.try_map(field)).collect::<Result<_, _>>().ok()?;
        Some(Self { by, reducers, asked })
    }

    /// Takes documents, and says whether to the end, which it does not reach when there come to be more groups than `most`.
    pub fn take(
        &self,
        index: &Index,
        docs: impl Iterator<Item = DocId>,
        (hashes, most): (&Hashes, usize),
        interrupted: &dyn Fn() -> bool,
    ) -> (Groups, bool) {
        let mut groups = Groups::new(self.by.len());
        let columns: Vec<Option<&FieldIndex>> = self.by.iter().map(|id| index.field(*id)).collect();
        let mut table = Table::new(&columns);
        let mut key = vec![LACKING; columns.len()];
        let every = (INTERRUPT_EVERY / (1 + self.reducers.len() as u32)).max(1);
        for (doc, count) in docs.zip(1u32..) {
            let at = table.find(doc, &columns, &mut key, || {
                groups
                    .begin(self.asked, |_, nth| columns[nth].map_or(Cell::Null, |field| cell(field, self.by[nth], doc)))
            });
            if groups.len() > most {
                return (groups, false);
            }
            for (reducer, state) in self.reducers.iter().zip(groups.states(at)) {
                if let State::Count(count) = state {
                    *count += 1;
                } else {
                    add(index, reducer, state, doc, hashes);
                }
            }
            if count.is_multiple_of(every) && interrupted() {
                return (groups, false);
            }
        }
        (groups, true)
    }
}

fn add(index: &Index, reducer: &Reducer<FieldId>, state: &mut State, doc: DocId, hashes: &Hashes) {
    let value = |id: &FieldId| index.field(*id).and_then(|field| value(field, doc));
    let by = match reducer {
        Reducer::FirstValue(_, Some((by, _))) => value(by),
        _ => None,
    };
    state.add(reducer.of().and_then(value), by, hashes);
}

/// What a field keeps of a document.
fn value(field: &FieldIndex, doc: DocId) -> Option<View<'_>> {
    Some(match field.sort_value(doc)? {
        SortValue::Number(number) => View::Number(number),
        SortValue::Text(text) => View::Text(text),
    })
}

/// What a field keeps of a document as a key.
fn cell(field: &FieldIndex, id: FieldId, doc: DocId) -> Cell {
    match field.sort_texts() {
        Some(texts) => texts.symbol(doc).map_or(Cell::Null, |symbol| Cell::Kept(id, symbol)),
        None => match field.sort_value(doc) {
            Some(SortValue::Number(number)) => Cell::Number(number),
            _ => Cell::Null,
        },
    }
}

/// Keys to groups.
enum Table<'a> {
    /// One field of texts: the group of each text by its number, and last that of documents without one.
    Texts { texts: &'a Texts, groups: Vec<u32> },
    /// Keys of any fields.
    Keys { keys: Vec<u64>, groups: HashTable<u32>, hasher: DefaultHashBuilder },
}

/// Number of no group.
const NONE: u32 = u32::MAX;

impl<'a> Table<'a> {
    fn new(columns: &[Option<&'a FieldIndex>]) -> Self {
        match columns {
            [Some(field)] if let Some(texts) = field.sort_texts() => {
                Self::Texts { texts, groups: vec![NONE; texts.symbols().bound() + 1] }
            }
            _ => Self::Keys { keys: Vec::new(), groups: HashTable::new(), hasher: DefaultHashBuilder::default() },
        }
    }

    /// The group of a document, which `make` makes if it is new. There are no more groups than documents, whose numbers are
    /// u32 without the last.
    #[inline]
    fn find(
        &mut self,
        doc: DocId,
        columns: &[Option<&FieldIndex>],
        key: &mut [u64],
        make: impl FnOnce() -> usize,
    ) -> usize {
        match self {
            Self::Texts { texts, groups } => {
                let last = groups.len() - 1;
                let place = &mut groups[texts.symbol(doc).map_or(last, |symbol| symbol.index())];
                if *place == NONE {
                    *place = make() as u32;
                }
                *place as usize
            }
            Self::Keys { keys, groups, hasher } => {
                for (word, field) in key.iter_mut().zip(columns) {
                    *word = field.and_then(|field| word_of(field, doc)).unwrap_or(LACKING);
                }
                let width = key.len();
                let hash = hasher.hash_one(&*key);
                if let Some(at) = groups.find(hash, |&at| keys[at as usize * width..][..width] == *key) {
                    return *at as usize;
                }
                let at = make();
                keys.extend_from_slice(key);
                groups.insert_unique(hash, at as u32, |&at| hasher.hash_one(&keys[at as usize * width..][..width]));
                at
            }
        }
    }
}

/// A value as a word that is the same for equal values of the field and for no others.
fn word_of(field: &FieldIndex, doc: DocId) -> Option<u64> {
    match field.sort_texts() {
        Some(texts) => texts.symbol(doc).map(|symbol| symbol.index() as u64),
        None => match field.sort_value(doc)? {
            // Both zeros are one value.
            SortValue::Number(number) => Some((number + 0.0).to_bits()),
            SortValue::Text(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::aggregate::request::AggregateRequest;
    use crate::search::aggregate::table::Kept;
    use crate::search::document::{Raw, RawDocument};
    use crate::search::index::Change;
    use crate::search::request::Asked;
    use crate::search::schema;
    use crate::watch::Watch;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// What a group is told by: its keys as text, how many documents, the sum of their numbers.
    type Told = (Vec<Option<String>>, f64, f64);

    fn groups(index: &Index, by: &str) -> Vec<Told> {
        let text = format!("* GROUPBY {by} REDUCE COUNT 0 AS count REDUCE SUM 1 @n AS sum");
        let asked = Asked { resp3: true, ..Asked::PLAIN };
        let request = AggregateRequest::parse(text.split(' ').map(str::as_bytes), &asked).unwrap();
        let plan = Plan::new(&request, index.schema(), &[]).unwrap();
        let grouping = Grouping::of(&plan).unwrap();
        let docs = index.documents().live().iter().map(DocId);
        let (groups, complete) = grouping.take(index, docs, (&Hashes::default(), usize::MAX), &|| false);
        assert!(complete);
        let rows = groups.into_rows(Kept(Some(index)), &Watch::default());
        let at = |row, column| rows.at(row, column, Kept::default());
        let text = |view: View<'_>| view.to_text().map(|text| String::from_utf8(text.to_vec()).unwrap());
        let keys = rows.width().saturating_sub(2);
        let number = |row, column| at(row, column).and_then(View::as_number).unwrap();
        let told = (0..rows.len()).map(|row| {
            let key = (0..keys).map(|column| at(row, column).and_then(text)).collect();
            (key, number(row, keys), number(row, keys + 1))
        });
        told.collect()
    }

    proptest! {
        #[test]
        fn groups_are_those_of_a_naive_one(
            documents in prop::collection::vec((prop::option::of(0u8..4), prop::option::of(0u8..3)), 0..60),
        ) {
            let words = "SCHEMA t TAG SORTABLE n NUMERIC SORTABLE".split(' ').map(str::as_bytes);
            let mut index = Index::new(Arc::new(schema::create(b"i", words).unwrap()));
            for (nth, (text, number)) in documents.iter().enumerate() {
                let raw = |value: Option<String>| value.map_or(Raw::Absent, |value| Raw::Hash(value.into_bytes().into()));
                let fields = vec![raw(text.map(|text| format!("T{text}"))), raw(number.map(|number| number.to_string()))];
                let document = Some(RawDocument { fields, ..RawDocument::default() });
                index.apply(&Change { key: nth.to_string().into_bytes().into(), document });
            }
            for (by, keys) in [("0", &[][..]), ("1 @t", &[0]), ("1 @n", &[1]), ("2 @n @t", &[1, 0])] {
                let mut expected: Vec<Told> = Vec::new();
                for (text, number) in &documents {
                    let both = [text.map(|text| format!("t{text}")), number.map(|number| number.to_string())];
                    let key: Vec<_> = keys.iter().map(|&at: &usize| both[at].clone()).collect();
                    let at = expected.iter().position(|group| group.0 == key).unwrap_or_else(|| {
                        expected.push((key, 0.0, 0.0));
                        expected.len() - 1
                    });
                    expected[at].1 += 1.0;
                    expected[at].2 += f64::from(number.unwrap_or(0));
                }
                prop_assert_eq!(groups(&index, by), expected);
            }
        }
    }
}
