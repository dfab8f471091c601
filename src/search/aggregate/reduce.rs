//! Reducers: what GROUPBY makes of each group.
//!
//! A [`Reduce`] is a reducer as it is asked for, with names; the plan gives it columns; a [`State`] takes rows one by one.
//! What a row lacks is left out; NULL is a value like others, but that nobody counts it among different values. Numeric reducers take what is a number or reads as one; of
//! nothing they make 0. States are as
//! small as their answer needs: a sum is two numbers, a quantile keeps its numbers, distinct values are kept as hashes. What is
//! larger than some words lies elsewhere, so that there can be one state for each of very many groups.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::collect::{Collect, Collected, collect};
use super::hyperloglog::HyperLogLog;
use super::value::{Value, View};
use crate::search::arguments::{Problem, Words};
use crate::search::request::search::Sort;
use crate::search::request::{Asked, Cursor, Error, bad};

/// Largest sample.
const MAX_SAMPLE: usize = 1000;

/// A reducer and the name of its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduce {
    /// What it does, of properties by their names.
    pub function: Reducer<Box<[u8]>>,
    /// The word after AS, else one that is made up of the function and its arguments.
    pub name: Box<[u8]>,
}

/// The name of a property, without its `@` if it has one.
pub(in crate::search) fn property(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"@").unwrap_or(word)
}

/// What is made of a group; `P` is how a property is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Reducer<P> {
    /// How many rows.
    Count,
    /// How many different values.
    CountDistinct(P),
    /// About how many different values.
    CountDistinctish(P),
    /// Sum of the numbers.
    Sum(P),
    /// Smallest number.
    Min(P),
    /// Largest number.
    Max(P),
    /// Mean of the numbers.
    Avg(P),
    /// Sample standard deviation of the numbers.
    StdDev(P),
    /// The smallest number that this share of them is not above; the share is 0 to 1.
    Quantile(P, f64),
    /// The different values.
    ToList(P),
    /// The value of the first row, or of the one with the smallest (largest, if the flag is set) value of a property.
    FirstValue(P, Option<(P, bool)>),
    /// So many values, any of them.
    RandomSample(P, usize),
    /// A sketch of the different values, as text.
    Hll(P),
    /// About how many different values several sketches have together.
    HllSum(P),
    /// The rows themselves.
    Collect(Collect<P>),
}

impl<P> Reducer<P> {
    /// The same with properties told in another way.
    ///
    /// # Errors
    /// Those of `tell`, which is asked in the order of the arguments.
    pub fn try_map<Q, E>(&self, mut tell: impl FnMut(&P) -> Result<Q, E>) -> Result<Reducer<Q>, E> {
        Ok(match self {
            Self::Count => Reducer::Count,
            Self::CountDistinct(of) => Reducer::CountDistinct(tell(of)?),
            Self::CountDistinctish(of) => Reducer::CountDistinctish(tell(of)?),
            Self::Sum(of) => Reducer::Sum(tell(of)?),
            Self::Min(of) => Reducer::Min(tell(of)?),
            Self::Max(of) => Reducer::Max(tell(of)?),
            Self::Avg(of) => Reducer::Avg(tell(of)?),
            Self::StdDev(of) => Reducer::StdDev(tell(of)?),
            Self::Quantile(of, share) => Reducer::Quantile(tell(of)?, *share),
            Self::ToList(of) => Reducer::ToList(tell(of)?),
            Self::FirstValue(of, None) => Reducer::FirstValue(tell(of)?, None),
            Self::FirstValue(of, Some((by, descending))) => {
                let of = tell(of)?;
                Reducer::FirstValue(of, Some((tell(by)?, *descending)))
            }
            Self::RandomSample(of, size) => Reducer::RandomSample(tell(of)?, *size),
            Self::Hll(of) => Reducer::Hll(tell(of)?),
            Self::HllSum(of) => Reducer::HllSum(tell(of)?),
            Self::Collect(collect) => Reducer::Collect(collect.try_map(tell)?),
        })
    }

    /// The property whose values it takes; COUNT takes none, COLLECT any number.
    pub fn of(&self) -> Option<&P> {
        match self {
            Self::Count | Self::Collect(_) => None,
            Self::CountDistinct(of)
            | Self::CountDistinctish(of)
            | Self::Sum(of)
            | Self::Min(of)
            | Self::Max(of)
            | Self::Avg(of)
            | Self::StdDev(of)
            | Self::Quantile(of, _)
            | Self::ToList(of)
            | Self::FirstValue(of, _)
            | Self::RandomSample(of, _)
            | Self::Hll(of)
            | Self::HllSum(of) => Some(of),
        }
    }
}

/// Names of the reducers.
const NAMES: [&str; 15] = [
    "COUNT",
    "COUNT_DISTINCT",
    "COUNT_DISTINCTISH",
    "SUM",
    "MIN",
    "MAX",
    "AVG",
    "STDDEV",
    "QUANTILE",
    "TOLIST",
    "FIRST_VALUE",
    "RANDOM_SAMPLE",
    "HLL",
    "HLL_SUM",
    "COLLECT",
];

/// Reads what follows REDUCE.
pub(in crate::search) fn reduce(words: &mut Words, asked: &Asked) -> Result<Reduce, Error> {
    let word = words.word().map_err(|_| Error::NoReducer)?;
    let known = NAMES.into_iter().find(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    let name = known.ok_or_else(|| Error::Reducer(word.into()))?;
    let arguments = words.counted().map_err(bad(name))?;
    let function =
        if name == "COLLECT" { Reducer::Collect(collect(&arguments, asked)?) } else { function(name, &arguments)? };
    let alias = if words.accept("AS") { words.word().map_err(bad("AS"))?.into() } else { generated(name, &arguments) };
    Ok(Reduce { function, name: alias })
}

fn generated(name: &str, arguments: &[&[u8]]) -> Box<[u8]> {
    let arguments: Vec<&[u8]> = arguments.iter().map(|word| property(word)).collect();
    let text = [b"__generated_alias", name.as_bytes(), &arguments.join(&b','), b""].concat();
    text.to_ascii_lowercase().into()
}

fn function(name: &'static str, arguments: &[&[u8]]) -> Result<Reducer<Box<[u8]>>, Error> {
    if name == "COUNT" {
        return if arguments.is_empty() { Ok(Reducer::Count) } else { Err(Error::CountArguments) };
    }
    let mut rest = Cursor::new(Words::new(arguments.iter().copied()));
    let of = rest.words.word().map_err(|_| Error::ReducerArguments(name))?;
    let of: Box<[u8]> = property(of).into();
    // What further arguments mean is known for three of them; the others never looked at theirs.
    Ok(match name {
        "COUNT_DISTINCT" => Reducer::CountDistinct(of),
        "COUNT_DISTINCTISH" => Reducer::CountDistinctish(of),
        "SUM" => Reducer::Sum(of),
        "MIN" => Reducer::Min(of),
        "MAX" => Reducer::Max(of),
        "AVG" => Reducer::Avg(of),
        "STDDEV" => Reducer::StdDev(of),
        "TOLIST" => Reducer::ToList(of),
        "HLL" => Reducer::Hll(of),
        "HLL_SUM" => Reducer::HllSum(of),
        "QUANTILE" => Reducer::Quantile(of, quantile(&mut rest)?),
        "FIRST_VALUE" => Reducer::FirstValue(of, by(&mut rest)?.map(|by| (by.field, by.descending))),
        _ => {
            let size = rest.words.count(0).map_err(bad("<sample size>"))?;
            if size > MAX_SAMPLE {
                return Err(Error::SampleSize);
            }
            Reducer::RandomSample(of, size)
        }
    })
}

/// The share, and the resolution of sketches, which ours has no need of: its answer is exact.
fn quantile(rest: &mut Cursor) -> Result<f64, Error> {
    let share = rest.words.number().map_err(|_| bad("QUANTILE")(Problem::Type))?;
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::Percentage);
    }
    if !rest.words.is_empty() && rest.words.count(0).map_err(bad("<resolution>"))? == 0 {
        return Err(Error::Resolution);
    }
    if rest.words.is_empty() { Ok(share) } else { Err(rest.unknown("QUANTILE")) }
}

/// `BY property [ASC|DESC]`, or nothing.
fn by(rest: &mut Cursor) -> Result<Option<Sort>, Error> {
    let mut found = None;
    if rest.words.accept("BY") {
        let name = rest.words.word().map_err(|_| Error::ReducerArguments("FIRST_VALUE"))?;
        let descending = !rest.words.accept("ASC") && rest.words.accept("DESC");
        found = Some(Sort { field: property(name).into(), descending });
    }
    if rest.words.is_empty() { Ok(found) } else { Err(rest.unknown("FIRST_VALUE")) }
}

/// What a reducer has taken so far.
#[derive(Debug)]
pub enum State {
    /// How many rows.
    Count(u64),
    /// The different values.
    Distinct(Box<Seen>),
    /// A sketch; the flag: its text is wanted, not its count.
    Sketch(Box<HyperLogLog>, bool),
    /// Sketches taken together.
    Sketches(Box<HyperLogLog>),
    /// Sum and count of the numbers; the flag: the mean is wanted.
    Sum(f64, u64, bool),
    /// The best number; the flag: the largest.
    Extreme(Option<f64>, bool),
    /// Count, mean and sum of squared distances from it (Welford).
    Deviation(u64, f64, f64),
    /// The numbers, and the share.
    Quantile(Box<(Vec<f64>, f64)>),
    /// The different values.
    List(Box<(Vec<Value>, Seen)>),
    /// The value of the first row.
    First(Option<Value>),
    /// The best value with what it was sorted by; the flag: the largest.
    FirstBy(Box<Option<(Value, Option<Value>)>>, bool),
    /// So many of the values, and how many there were.
    Sample(Box<(Vec<Value>, usize, u64)>),
    /// Rows.
    Collected(Box<Collected>),
}

/// Values that were there, by their hashes.
#[derive(Debug, Default)]
pub struct Seen(HashTable<u64>);

impl Seen {
    /// Whether it is there for the first time.
    fn insert(&mut self, hash: u64) -> bool {
        let place = self.0.entry(hash, |other| *other == hash, |other| *other);
        let is_new = matches!(place, hashbrown::hash_table::Entry::Vacant(_));
        place.or_insert(hash);
        is_new
    }
}

/// Hashes values for sets and groups of one request.
#[derive(Debug, Clone, Default)]
pub struct Hashes(DefaultHashBuilder);

impl Hashes {
    /// The hash of a value.
    pub fn of(&self, value: View<'_>) -> u64 {
        let mut hasher = self.0.build_hasher();
        value.hash_into(&mut hasher);
        std::hash::Hasher::finish(&hasher)
    }

    /// The hash of a number that is not to be mixed with values.
    pub fn of_number(&self, number: u64) -> u64 {
        self.0.hash_one(number)
    }

    /// The next number of a sequence that depends on this request only.
    fn random(&self, nth: u64) -> u64 {
        self.of_number(nth)
    }
}

impl State {
    /// Nothing taken.
    pub fn new<P>(reducer: &Reducer<P>) -> Self {
        match reducer {
            Reducer::Count => Self::Count(0),
            Reducer::CountDistinct(_) => Self::Distinct(Box::default()),
            Reducer::CountDistinctish(_) => Self::Sketch(Box::default(), false),
            Reducer::Hll(_) => Self::Sketch(Box::default(), true),
            Reducer::HllSum(_) => Self::Sketches(Box::default()),
            Reducer::Sum(_) => Self::Sum(0.0, 0, false),
            Reducer::Avg(_) => Self::Sum(0.0, 0, true),
            Reducer::Min(_) => Self::Extreme(None, false),
            Reducer::Max(_) => Self::Extreme(None, true),
            Reducer::StdDev(_) => Self::Deviation(0, 0.0, 0.0),
            Reducer::Quantile(_, share) => Self::Quantile(Box::new((Vec::new(), *share))),
            Reducer::ToList(_) => Self::List(Box::default()),
            Reducer::FirstValue(_, None) => Self::First(None),
            Reducer::FirstValue(_, Some((_, descending))) => Self::FirstBy(Box::default(), *descending),
            Reducer::RandomSample(_, size) => Self::Sample(Box::new((Vec::new(), *size, 0))),
            Reducer::Collect(collect) => Self::Collected(Box::new(Collected::new(collect))),
        }
    }

    /// Takes a row: the value of the property, and of the one to sort by.
    pub fn add(&mut self, value: Option<View<'_>>, by: Option<View<'_>>, hashes: &Hashes) {
        match (self, value) {
            (Self::Count(count), _) => *count += 1,
            (Self::First(first), value) => {
                first.get_or_insert_with(|| value.map_or(Value::Null, View::to_value));
            }
            (_, None) => {}
            (Self::Distinct(seen), Some(value)) => {
                if !value.is_null() {
                    seen.insert(hashes.of(value));
                }
            }
            (Self::Sketch(sketch, _), Some(value)) => {
                if !value.is_null() {
                    sketch.add(value);
                }
            }
            (Self::Sketches(all), Some(value)) => {
                if let View::Text(text) = value.plain() {
                    all.merge(text);
                }
            }
            (Self::List(list), Some(value)) => {
                let (list, seen) = &mut **list;
                if seen.insert(hashes.of(value)) {
                    list.push(value.to_value());
                }
            }
            (Self::FirstBy(best, descending), Some(value)) => first_by(best, *descending, value, by),
            (Self::Sample(sample), Some(value)) => {
                // Algorithm R: each of the values so far is in the sample with equal probability.
                let (sample, size, count) = &mut **sample;
                *count += 1;
                if sample.len() < *size {
                    sample.push(value.to_value());
                } else if let Some(at) = sample.get_mut((hashes.random(*count) % *count) as usize) {
                    *at = value.to_value();
                }
            }
            (state, Some(value)) => {
                if let Some(number) = value.as_number() {
                    state.add_number(number);
                }
            }
        }
    }

    fn add_number(&mut self, number: f64) {
        match self {
            Self::Sum(sum, count, _) => {
                *sum += number;
                *count += 1;
            }
            Self::Extreme(best, largest) => {
                let replaced = best.is_none_or(|best| if *largest { number > best } else { number < best });
                if replaced {
                    *best = Some(number);
                }
            }
            Self::Deviation(count, mean, squares) => {
                *count += 1;
                let before = number - *mean;
                *mean += before / *count as f64;
                *squares += before * (number - *mean);
            }
            Self::Quantile(numbers) => numbers.0.push(number),
            _ => {}
        }
    }

    /// The answer.
    pub fn finish(self) -> Value {
        match self {
            Self::Count(count) => Value::Number(count as f64),
            Self::Distinct(seen) => Value::Number(seen.0.len() as f64),
            Self::Sketch(sketch, true) => Value::string(sketch.to_bytes()),
            Self::Sketch(sketch, false) | Self::Sketches(sketch) => Value::Number(sketch.count()),
            Self::Sum(sum, count, true) if count > 0 => Value::Number(sum / count as f64),
            Self::Sum(sum, ..) => Value::Number(sum),
            Self::Extreme(best, _) => Value::Number(best.unwrap_or(0.0)),
            Self::Deviation(count, _, squares) if count > 1 => Value::Number((squares / (count - 1) as f64).sqrt()),
            Self::Deviation(..) => Value::Number(0.0),
            Self::Quantile(numbers) => Value::Number(quantile_of(numbers.0, numbers.1)),
            Self::List(list) => Value::Array(list.0.into()),
            Self::Sample(sample) => Value::Array(sample.0.into()),
            Self::First(first) => first.unwrap_or(Value::Null),
            Self::Collected(rows) => rows.finish(),
            Self::FirstBy(best, _) => best.map_or(Value::Null, |(value, _)| value),
        }
    }
}

/// Keeps the value whose row comes first. A row without anything to sort by comes last.
fn first_by(best: &mut Option<(Value, Option<Value>)>, descending: bool, value: View<'_>, by: Option<View<'_>>) {
    let by = by.filter(|by| !by.is_null());
    let better = match (&*best, by) {
        (None, _) | (Some((_, None)), Some(_)) => true,
        (Some(_), None) => false,
        (Some((_, Some(known))), Some(by)) => {
            let order = by.sort_order(known.view());
            if descending { order.is_gt() } else { order.is_lt() }
        }
    };
    if better {
        *best = Some((value.to_value(), by.map(View::to_value)));
    }
}

/// The nearest rank: the smallest number that at least this share of the numbers does not exceed. 0 of none.
fn quantile_of(mut numbers: Vec<f64>, share: f64) -> f64 {
    let rank = (share * numbers.len() as f64).ceil() as usize;
    let at = rank.max(1) - 1;
    if at >= numbers.len() {
        return 0.0;
    }
    *numbers.select_nth_unstable_by(at, f64::total_cmp).1
}
