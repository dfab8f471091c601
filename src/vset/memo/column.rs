//! What the elements have in one field of their attributes, a word for each: so that an expression that nobody has asked yet
//! is answered without looking at each element's attributes.
//!
//! A cell is a double. What is no number is a NaN with a tag: nothing, null, a text (by its number among the column's texts),
//! or something that a cell cannot tell, of which the attributes are to be asked: an array, a text that is long, or one
//! more than [`TEXTS`] different ones. Attributes have no NaN.
//!
//! A column does not change; the next one shares the blocks of cells in which nothing did.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::log::Place;
use crate::vector::NodeId;
use crate::vector::allocation::taken;
use crate::vset::filter::Value;

/// Cells of a block.
pub(in crate::vset) const BLOCK: usize = 1024;
/// Different texts that a column tells apart.
const TEXTS: usize = 4096;
/// The longest text that a column keeps, in bytes.
const TEXT_LEN: usize = 64;

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::vset) enum Said {
    /// There is no such field, or none that can be used.
    Missing,
    /// A number, or a boolean.
    Number(f64),
    /// Null.
    Null,
    /// A text of the column.
    Text(usize),
    /// Ask the attributes.
    Unsaid,
}

/// A cell of a column.
#[derive(Debug, Clone, Copy)]
pub(in crate::vset) struct Cell(f64);

/// The tags, above a text's number, with the bits of a NaN.
const NAN: u64 = 0x7ff8_0000_0000_0000;
const MISSING: u64 = NAN | 1 << 32;
const NULL: u64 = NAN | 2 << 32;
const TEXT: u64 = NAN | 3 << 32;
const UNSAID: u64 = NAN | 4 << 32;

impl Cell {
    const MISSING: Self = Self(f64::from_bits(MISSING));

    fn new(said: Said) -> Self {
        Self(match said {
            Said::Number(number) if !number.is_nan() => number,
            Said::Missing => f64::from_bits(MISSING),
            Said::Null => f64::from_bits(NULL),
            Said::Text(number) => f64::from_bits(TEXT | number as u64),
            Said::Number(_) | Said::Unsaid => f64::from_bits(UNSAID),
        })
    }

    /// The number, or a NaN where it says something else.
    #[inline(always)]
    pub fn number(self) -> f64 {
        self.0
    }

    pub fn said(self) -> Said {
        let bits = self.0.to_bits();
        match bits & !0xffff_ffff {
            _ if !self.0.is_nan() => Said::Number(self.0),
            MISSING => Said::Missing,
            NULL => Said::Null,
            TEXT => Said::Text(bits as u32 as usize),
            _ => Said::Unsaid,
        }
    }
}

type Block = [Cell; BLOCK];

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(in crate::vset) struct Column {
    place: Place,
    blocks: Vec<Arc<Block>>,
    texts: Arc<Texts>,
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
        let mut column = Self { place, blocks: Vec::with_capacity(bound.div_ceil(BLOCK)), texts: Arc::default() };
        (0..bound as u32).for_each(|row| column.set(NodeId(row), value(NodeId(row))));
        column
    }

    /// The same, taking into account what changed before `place`: the values of the `changed` nodes.
    pub fn with<'a>(&self, place: Place, changed: &[NodeId], value: impl Fn(NodeId) -> Option<Value<'a>>) -> Self {
        let mut column = Self { place, ..self.clone() };
        changed.iter().for_each(|&id| column.set(id, value(id)));
        column
    }

    fn set(&mut self, id: NodeId, value: Option<Value<'_>>) {
        let said = match value {
            None => Said::Missing,
            Some(Value::Null) => Said::Null,
            Some(Value::Number(number)) => Said::Number(number),
            Some(Value::Text(text)) if text.len() <= TEXT_LEN => self.text(text),
            Some(_) => Said::Unsaid,
        };
        let (block, cell) = (id.0 as usize / BLOCK, id.0 as usize % BLOCK);
        while self.blocks.len() <= block {
            self.blocks.push(Arc::new([Cell::MISSING; BLOCK]));
        }
        Arc::make_mut(&mut self.blocks[block])[cell] = Cell::new(said);
    }

    fn text(&mut self, text: &[u8]) -> Said {
        match self.texts.find(text) {
            Some(number) => Said::Text(number),
            None if self.texts.by_number.len() < TEXTS => Said::Text(Arc::make_mut(&mut self.texts).add(text)),
            None => Said::Unsaid,
        }
    }

    /// What changed before this place is taken into account.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The cells of the nodes from `BLOCK` times `block` on.
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
        own + blocks + self.texts.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Option<Result<f64, String>>> {
        proptest::option::of(prop_oneof![
            proptest::sample::select(&[0.0, -0.0, 1.5, 1e300, f64::INFINITY, f64::NEG_INFINITY][..]).prop_map(Ok),
            "[a-c]{0,2}".prop_map(Err),
        ])
    }

    fn lent(value: &Option<Result<f64, String>>) -> Option<Value<'_>> {
        value.as_ref().map(|value| match value {
            Ok(number) => Value::Number(*number),
            Err(text) => Value::Text(text.as_bytes()),
        })
    }

    proptest! {
        #[test]
        fn it_says_the_last_value_of_each(
            mut values in proptest::collection::vec(value(), 0..40),
            changes in proptest::collection::vec((0..3000u32, value()), 0..40),
        ) {
            let first = Column::new(0, values.len(), |id| lent(&values[id.0 as usize]));
            let before = values.clone();
            values.resize(3000, None);
            let mut column = first.clone();
            for (place, (id, value)) in (1..).zip(changes) {
                column = column.with(place, &[NodeId(id)], |_| lent(&value));
                values[id as usize] = value;
            }
            for (column, values) in [(&first, &before), (&column, &values)] {
                let texts: Vec<&[u8]> = column.texts().collect();
                let cell = |row: usize| column.block(row / BLOCK).map_or(Said::Missing, |block| block[row % BLOCK].said());
                for (row, value) in values.iter().enumerate() {
                    let expected = match value {
                        None => Said::Missing,
                        Some(Ok(number)) => Said::Number(*number),
                        Some(Err(text)) => Said::Text(texts.iter().position(|t| *t == text.as_bytes()).unwrap()),
                    };
                    prop_assert_eq!(cell(row), expected);
                }
            }
        }
    }
}
