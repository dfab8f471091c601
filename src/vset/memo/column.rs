//! What the elements have in one field of their attributes, a code of two bytes for each: so that an expression that nobody
//! has asked yet is answered without looking at each element's attributes.
//!
//! | codes | what the element has |
//! |---|---|
//! | [`MISSING`] | no such field, or none that can be used |
//! | [`UNSAID`] | what no code tells, so that the attributes are to be asked: an array, a text that is long, or one more than [`TEXTS`] different ones |
//! | [`NULL`] | null |
//! | from [`TEXT`] on | a text, by its number among the column's texts |
//! | from [`NUMBER`] on | a number, by its place among the column's marks: less than the first of them, the first, between the first and the second, the second, … |
//!
//! Marks are numbers that elements had when the column was made: all of them where they are few, else so many, evenly
//! spread, that few elements are between two. A comparison with a constant is true for some codes and false for others, but
//! for those of the elements between the constant's neighbors, which are asked. If too many came between marks
//! ([`Column::with`]), a column is made anew.
//!
//! A column does not change; the next one shares the blocks of codes in which nothing did.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::log::Place;
use crate::vector::allocation::taken;
use crate::vector::within::WORD;
use crate::vector::{NodeId, spread};
use crate::vset::attributes::Value;

/// Words of bits for the codes of a block: with what counts its owners, a block fills what the allocator gives for it.
pub(in crate::vset) const WORDS: usize = 63;
/// Codes of a block.
pub(in crate::vset) const BLOCK: usize = WORDS * WORD;
/// Different texts that a column tells apart.
const TEXTS: usize = 4096;
/// The longest text that a column keeps, in bytes.
const TEXT_LEN: usize = 64;
/// Marks of a column at most; and elements for each mark, but for small columns.
const MARKS: usize = 16_384;
const OF_A_MARK: usize = 16;
const LEAST_MARKS: usize = 64;
/// How many of a column's elements are looked at to choose a mark.
const SAMPLED: usize = 4;
/// This part of the elements may come to be between marks.
const LOOSE: usize = 16;
const LEAST_LOOSE: usize = 256;

pub(in crate::vset) const MISSING: u16 = 0;
pub(in crate::vset) const UNSAID: u16 = 1;
pub(in crate::vset) const NULL: u16 = 2;
pub(in crate::vset) const TEXT: u16 = 3;
pub(in crate::vset) const NUMBER: u16 = TEXT + TEXTS as u16;

const _: () = assert!(NUMBER as usize + 2 * MARKS <= u16::MAX as usize);

type Block = [u16; BLOCK];

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(in crate::vset) struct Column {
    place: Place,
    blocks: Vec<Arc<Block>>,
    texts: Arc<Texts>,
    /// Ascending, without -0.
    marks: Arc<[f64]>,
    /// How many elements came to be between marks since it was made, and how many may.
    loose: usize,
    bearable: usize,
    /// Whether some code may be [`UNSAID`].
    unsaid: bool,
}

/// The texts of a column, each once.
#[derive(Debug, Clone, Default)]
struct Texts {
    by_number: Vec<Box<[u8]>>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Texts {
    fn find(&self, text: &[u8]) -> Option<usize> {
        let same = |&number: &u32| *self.by_number[number as usize] == *text;
        self.numbers.find(self.hasher.hash_one(text), same).map(|&number| number as usize)
    }

    /// Adds one that is not there.
    fn add(&mut self, text: &[u8]) -> usize {
        let Self { by_number, numbers, hasher } = self;
        let number = by_number.len();
        by_number.push(text.into());
        numbers.insert_unique(hasher.hash_one(text), number as u32, |&n| hasher.hash_one(&*by_number[n as usize]));
        number
    }

    fn memory(&self) -> usize {
        let texts: usize = self.by_number.iter().map(|text| taken(text.len().max(1))).sum();
        let list = self.by_number.capacity() * size_of::<Box<[u8]>>();
        texts + [size_of::<Self>() + 16, list, self.numbers.allocation_size()].map(taken).iter().sum::<usize>()
    }
}

impl Column {
    /// The values that `value` gives of the first `bound` nodes; everything before `place` is taken into account.
    pub fn new<'a>(place: Place, bound: usize, value: impl Fn(NodeId) -> Option<Value<'a>>) -> Self {
        let marks = marks(bound, &value);
        let mut column = Self {
            place,
            blocks: Vec::with_capacity(bound.div_ceil(BLOCK)),
            texts: Arc::default(),
            marks: marks.into(),
            loose: 0,
            bearable: (bound / LOOSE).max(LEAST_LOOSE),
            unsaid: false,
        };
        (0..bound as u32).for_each(|row| column.set(NodeId(row), value(NodeId(row))));
        column.loose = 0;
        column
    }

    /// The same, taking into account what changed before `place`: the values of the `changed` nodes. `None` where so many
    /// came to be between marks that it is better made anew.
    pub fn with<'a>(
        &self,
        place: Place,
        changed: &[NodeId],
        value: impl Fn(NodeId) -> Option<Value<'a>>,
    ) -> Option<Self> {
        let mut column = Self { place, ..self.clone() };
        changed.iter().for_each(|&id| column.set(id, value(id)));
        (column.loose <= column.bearable).then_some(column)
    }

    fn set(&mut self, id: NodeId, value: Option<Value<'_>>) {
        let code = match value {
            None => MISSING,
            Some(Value::Null) => NULL,
            Some(Value::Number(number)) => self.number(number),
            Some(Value::Text(text)) if text.len() <= TEXT_LEN => self.text(text),
            Some(_) => UNSAID,
        };
        self.unsaid |= code == UNSAID;
        let (block, at) = (id.0 as usize / BLOCK, id.0 as usize % BLOCK);
        while self.blocks.len() <= block {
            self.blocks.push(Arc::new([MISSING; BLOCK]));
        }
        Arc::make_mut(&mut self.blocks[block])[at] = code;
    }

    fn number(&mut self, number: f64) -> u16 {
        if number.is_nan() {
            return UNSAID;
        }
        let code = self.code(number);
        self.loose += usize::from(!is_mark(code));
        code
    }

    fn text(&mut self, text: &[u8]) -> u16 {
        match self.texts.find(text) {
            Some(number) => TEXT + number as u16,
            None if self.texts.by_number.len() < TEXTS => TEXT + Arc::make_mut(&mut self.texts).add(text) as u16,
            None => UNSAID,
        }
    }

    /// The code of a number that is none of NaN.
    pub fn code(&self, number: f64) -> u16 {
        // Of the zeros, one.
        let number = number + 0.0;
        let less = self.marks.partition_point(|&mark| mark < number);
        let is_mark = self.marks.get(less) == Some(&number);
        NUMBER + 2 * less as u16 + u16::from(is_mark)
    }

    /// The greatest code of a number.
    pub fn last_code(&self) -> u16 {
        NUMBER + 2 * self.marks.len() as u16
    }

    /// Whether of some elements the attributes are to be asked, whatever is compared.
    pub fn has_unsaid(&self) -> bool {
        self.unsaid
    }

    /// What changed before this place is taken into account.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The codes of the nodes from `BLOCK` times `block` on.
    pub fn block(&self, block: usize) -> Option<&Block> {
        self.blocks.get(block).map(|block| &**block)
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// The texts, by their numbers.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.texts.by_number.iter().map(|text| &**text)
    }

    /// Bytes on the heap, with its own in an `Arc`; what it shares with another one included.
    pub fn memory(&self) -> usize {
        let blocks = self.blocks.len() * taken(size_of::<Block>() + 16);
        let own = taken(size_of::<Self>() + 16) + taken(self.blocks.capacity() * size_of::<Arc<Block>>());
        own + blocks + taken(size_of_val(&*self.marks) + 16) + self.texts.memory()
    }
}

/// Whether a number with this code is known.
pub(in crate::vset) fn is_mark(code: u16) -> bool {
    (code - NUMBER) % 2 == 1
}

/// The marks for the numbers among the values of the first `bound` nodes: all of some of them if they are few, else such
/// that as many are between any two of them; numbers that are frequent become marks by that.
fn marks<'a>(bound: usize, value: impl Fn(NodeId) -> Option<Value<'a>>) -> Vec<f64> {
    let most = (bound / OF_A_MARK).clamp(LEAST_MARKS, MARKS);
    let looked_at = most * SAMPLED;
    let row = |nth: usize| if bound <= looked_at { nth } else { spread(nth as u64, bound as u64) as usize };
    let number = |row: usize| match value(NodeId(row as u32)) {
        Some(Value::Number(number)) if !number.is_nan() => Some(number + 0.0),
        _ => None,
    };
    let mut sample: Vec<f64> = (0..bound.min(looked_at)).map(row).filter_map(number).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let mut all = sample.clone();
    all.dedup();
    if all.len() > most {
        let last = sample.len() - 1;
        all = (0..most).map(|nth| sample[nth * last / (most - 1)]).collect();
        all.dedup();
    }
    all.shrink_to_fit();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Said = Option<Result<f64, String>>;

    fn value() -> impl Strategy<Value = Said> {
        proptest::option::of(prop_oneof![
            proptest::sample::select(&[0.0, -0.0, 1.5, 1e300, f64::INFINITY, f64::NEG_INFINITY][..]).prop_map(Ok),
            (0..1000u32).prop_map(|n| Ok(f64::from(n) / 8.0)),
            "[a-c]{0,2}".prop_map(Err),
        ])
    }

    fn lent(value: &Said) -> Option<Value<'_>> {
        value.as_ref().map(|value| match value {
            Ok(number) => Value::Number(*number),
            Err(text) => Value::Text(text.as_bytes()),
        })
    }

    fn code_at(column: &Column, row: usize) -> u16 {
        column.block(row / BLOCK).map_or(MISSING, |block| block[row % BLOCK])
    }

    /// Whether a number with this code may be this one.
    fn may_be(column: &Column, code: u16, number: f64) -> bool {
        let below = usize::from((code - NUMBER) / 2);
        if is_mark(code) {
            return column.marks[below] == number;
        }
        let less = below.checked_sub(1).is_none_or(|mark| column.marks[mark] < number);
        less && column.marks.get(below).is_none_or(|&mark| number < mark)
    }

    proptest! {
        #[test]
        fn it_says_the_last_value_of_each(
            mut values in proptest::collection::vec(value(), 0..200),
            changes in proptest::collection::vec((0..6000u32, value()), 0..40),
        ) {
            let first = Column::new(0, values.len(), |id| lent(&values[id.0 as usize]));
            let before = values.clone();
            values.resize(6000, None);
            let mut column = first.clone();
            for (place, (id, value)) in (1..).zip(changes) {
                column = column.with(place, &[NodeId(id)], |_| lent(&value)).expect("few are loose");
                values[id as usize] = value;
            }
            for (column, values) in [(&first, &before), (&column, &values)] {
                prop_assert!(column.marks.is_sorted_by(|a, b| a < b));
                let texts: Vec<&[u8]> = column.texts().collect();
                for (row, value) in values.iter().enumerate() {
                    let code = code_at(column, row);
                    match value {
                        None => prop_assert_eq!(code, MISSING),
                        Some(Ok(number)) => prop_assert!(code >= NUMBER && may_be(column, code, *number)),
                        Some(Err(text)) => prop_assert_eq!(texts[usize::from(code - TEXT)], text.as_bytes()),
                    }
                }
            }
        }
    }

    #[test]
    fn few_are_between_two_marks() {
        const ROWS: usize = 200_000;
        // A third have the same number, the others are dense around 0.
        let number = |row: usize| if row.is_multiple_of(3) { 5.0 } else { (row as f64 / 1e5 - 1.0).powi(3) };
        let column = Column::new(0, ROWS, |id| Some(Value::Number(number(id.0 as usize))));
        assert!((MARKS / 2..=MARKS).contains(&column.marks.len()));
        let mut of_code = vec![0; usize::from(column.last_code()) + 1];
        (0..ROWS).for_each(|row| of_code[usize::from(code_at(&column, row))] += 1);
        for code in NUMBER..=column.last_code() {
            let most = if is_mark(code) { ROWS / 2 } else { 200 };
            assert!(of_code[usize::from(code)] < most, "{code}: {}", of_code[usize::from(code)]);
        }
        assert!(column.memory() < 3 * ROWS);
    }

    #[test]
    fn it_is_made_anew_when_many_come_between_marks() {
        let numbers = |id: NodeId| Some(Value::Number(f64::from(id.0 % 50)));
        let mut column = Column::new(0, 1000, numbers);
        let ids: Vec<NodeId> = (0..1000).map(NodeId).collect();
        for place in 1..10 {
            column = column.with(place, &ids, |id| numbers(NodeId(id.0 + 7))).expect("all are marks");
        }
        let more = |id: NodeId| Some(Value::Number(1000.0 + f64::from(id.0)));
        let column = column.with(10, &ids[..LEAST_LOOSE], more).expect("no more than may");
        assert!(column.with(11, &ids[..1], more).is_none());
    }
}
