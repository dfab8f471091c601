//! GROUPBY at work: groups, their keys and what their reducers have.
//!
//! The keys are a [`Table`] with a row for each group, in the order in which they come; the states of all reducers lie one behind the
//! other. A row finds its group by the hash of its keys. A column of texts that the index keeps has these by their numbers, all of it,
//! so that such keys are told apart by number; where it is the only key, the number is the place of the group.

use hashbrown::HashTable;

use super::expression::Column;
use super::reduce::{Hashes, Reducer, State};
use super::table::{Cell, Kept, Origin, Table};
use super::value::{Value, View};
use crate::watch::Watch;

/// Groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Their keys: as many columns as there are.
    keys: Table,
    /// The states of each group, in the order of the reducers.
    states: Vec<State>,
    reducers: usize,
    /// Groups with the hashes of their keys.
    index: HashTable<(u64, u32)>,
    /// Of the only key, a text that the index keeps: the group of each text, by its number, plus one.
    by_symbol: Vec<u32>,
}

impl Groups {
    /// No groups, of so many keys.
    pub fn new(keys: usize) -> Self {
        let mut groups = Self::default();
        groups.keys.reset(keys);
        groups
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Begins a group, whose keys `key` gives, and returns its number.
    pub fn begin<P>(&mut self, reducers: &[Reducer<P>], mut key: impl FnMut(&mut Table, usize) -> Cell) -> usize {
        let at = self.keys.len();
        self.keys.push(Origin::group(at as u64 + 1));
        for column in 0..self.keys.width() {
            let cell = key(&mut self.keys, column);
            self.keys.set(at, column, cell);
        }
        self.reducers = reducers.len();
        self.states.extend(reducers.iter().map(State::new));
        at
    }

    /// What the reducers of a group have.
    pub fn states(&mut self, group: usize) -> &mut [State] {
        &mut self.states[group * self.reducers..][..self.reducers]
    }

    /// Takes the rows of a table, by some columns. False: there are more groups than `most`, or time is over.
    pub fn take(
        &mut self,
        (rows, kept): (&Table, Kept<'_>),
        (by, reducers): (&[Column], &[Reducer<Column>]),
        (hashes, most): (&Hashes, usize),
        watch: &Watch<'_>,
    ) -> bool {
        for row in 0..rows.len() {
            let is_array = |column: &Column| matches!(rows.at(row, column.0, kept).map(View::plain), Some(View::Array(items)) if items.len() != 1);
            let steps = 1 + reducers.len();
            if !by.iter().any(is_array) {
                let key = |nth: usize| {
                    let cell = rows.cell(row, by[nth].0);
                    (cell, key_of(rows.view(cell, kept)))
                };
                let group = self.find((by.len(), key), reducers, hashes, kept);
                self.add((rows, row, kept), group, reducers, hashes);
                if watch.spend(steps) || self.len() > most {
                    return false;
                }
                continue;
            }
            let mut combination = Combination::new(by, rows, row, kept);
            while let Some(key) = combination.next() {
                let key = |nth: usize| (Cell::Empty, key[nth].view());
                let group = self.find((by.len(), key), reducers, hashes, kept);
                self.add((rows, row, kept), group, reducers, hashes);
                // Arrays can make very many combinations.
                if watch.spend(steps) || self.len() > most {
                    return false;
                }
            }
        }
        true
    }

    /// The group of some keys, each with the cell where it stands.
    fn find<'k>(
        &mut self,
        (count, key): (usize, impl Fn(usize) -> (Cell, View<'k>)),
        reducers: &[Reducer<Column>],
        hashes: &Hashes,
        kept: Kept<'_>,
    ) -> usize {
        if count == 1
            && let (cell @ Cell::Kept(_, symbol), _) = key(0)
        {
            let at = symbol.index();
            if at >= self.by_symbol.len() {
                self.by_symbol.resize((at + 1).next_power_of_two(), 0);
            }
            if self.by_symbol[at] == 0 {
                self.by_symbol[at] = self.begin(reducers, |_, _| cell) as u32 + 1;
            }
            return self.by_symbol[at] as usize - 1;
        }
        let hash = (0..count).fold(0u64, |hash, nth| {
            let own = match key(nth) {
                (Cell::Kept(_, symbol), _) => hashes.of_number(symbol.index() as u64),
                (_, view) => hashes.of(view),
            };
            (hash.rotate_left(23) ^ own).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        let is_same = |&(known, group): &(u64, u32)| {
            known == hash
                && (0..count).all(|nth| match (self.keys.cell(group as usize, nth), key(nth)) {
                    (Cell::Kept(a, of_a), (Cell::Kept(b, of_b), _)) if a == b => of_a == of_b,
                    (known, (_, view)) => self.keys.view(known, kept).unwrap_or(View::Null).is_same(view),
                })
        };
        if let Some((_, group)) = self.index.find(hash, is_same) {
            return *group as usize;
        }
        let group = self.begin(reducers, |keys, nth| match key(nth) {
            (kept @ Cell::Kept(..), _) => kept,
            (_, view) => keys.take(view),
        });
        self.index.insert_unique(hash, (hash, group as u32), |(hash, _)| *hash);
        group
    }

    /// Has the reducers of a group take a row.
    fn add(
        &mut self,
        (rows, row, kept): (&Table, usize, Kept<'_>),
        group: usize,
        reducers: &[Reducer<Column>],
        hashes: &Hashes,
    ) {
        let value = |column: &Column| rows.at(row, column.0, kept);
        let states = &mut self.states[group * self.reducers..][..self.reducers];
        for (state, reducer) in states.iter_mut().zip(reducers) {
            let by = match reducer {
                Reducer::FirstValue(_, Some((by, _))) => value(by),
                _ => None,
            };
            if let (State::Collected(all), Reducer::Collect(collect)) = (&mut *state, reducer) {
                all.add(collect, rows.origin(row).number(), value);
                continue;
            }
            state.add(reducer.of().and_then(value), by, hashes);
        }
    }

    /// The groups as rows: their keys, and the answers of their reducers. When time is over, the first of them.
    pub fn into_rows(self, kept: Kept<'_>, watch: &Watch<'_>) -> Table {
        let Self { mut keys, states, reducers, .. } = self;
        keys.settle(kept);
        let timely = (0..keys.len()).take_while(|_| !watch.spend(4)).count();
        keys.cut(0, timely);
        let mut states = states.into_iter();
        keys.widen(reducers, |_, _| states.next().map_or(Value::Null, State::finish));
        keys
    }
}

/// What a row without arrays of several elements has for a key: what is missing, and an array without elements, is NULL.
fn key_of(view: Option<View<'_>>) -> View<'_> {
    match view {
        Some(View::Array(items)) => items.first().map_or(View::Null, Value::view),
        Some(view) => view,
        None => View::Null,
    }
}

/// The groups that a row is in: one for each combination of the elements of arrays among its keys. What is missing, and an
/// array without elements, is NULL.
struct Combination {
    keys: Vec<Vec<Value>>,
    at: Vec<usize>,
    done: bool,
}

impl Combination {
    fn new(by: &[Column], rows: &Table, row: usize, kept: Kept<'_>) -> Self {
        let keys = by.iter().map(|column| match rows.at(row, column.0, kept) {
            Some(View::Array(items)) if !items.is_empty() => items.to_vec(),
            None | Some(View::Array(_)) => vec![Value::Null],
            Some(view) => vec![view.to_value()],
        });
        Self { keys: keys.collect(), at: vec![0; by.len()], done: false }
    }

    fn next(&mut self) -> Option<Vec<Value>> {
        if self.done {
            return None;
        }
        let key = self.keys.iter().zip(&self.at).map(|(values, &at)| values[at].clone()).collect();
        self.done = true;
        for (at, values) in self.at.iter_mut().zip(&self.keys) {
            *at += 1;
            if *at < values.len() {
                self.done = false;
                break;
            }
            *at = 0;
        }
        Some(key)
    }
}
