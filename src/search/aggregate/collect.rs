//! COLLECT: the rows of a group, each as a map of some of its properties.
//!
//! `FIELDS (* | n property..) [DISTINCT] [SORTBY n (property [ASC|DESC]).. ] [LIMIT offset count]`, in any order. Rows come in the
//! order of SORTBY, those that are alike in it in that of their numbers, in whichever order they came. DISTINCT keeps one of the rows that show the
//! same, the first of them in that order; LIMIT cuts what is left then. What a row lacks is left out of its map.
//!
//! A group keeps about twice as many rows as it will show: beyond that, the first are picked and the others let go. Where rows
//! are distinct that is right too: a row that was let go comes after enough others, and these can only be replaced by better
//! ones.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::value::{Value, View};
use crate::search::arguments::Words;
use crate::search::request::options::limit;
use crate::search::request::{Asked, Cursor, Error};

/// Most properties to sort by.
pub const MAX_SORT_FIELDS: usize = 8;

/// Most fields of a row.
const MAX_FIELDS: usize = 1025;
/// Rows that SORTBY keeps where LIMIT says nothing.
const DEFAULT_SORTED: usize = 10;
/// So many rows more than are wanted are kept before any are let go.
const MORE: usize = 64;

/// What COLLECT is asked; `P` is how a property is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Collect<P> {
    /// The properties of each map; empty with `all` until the plan knows which there are.
    pub fields: Vec<P>,
    /// FIELDS *.
    pub all: bool,
    /// SORTBY: the properties, and whether the largest comes first.
    pub by: Vec<(P, bool)>,
    /// What is the same for all groups.
    pub outline: Arc<Outline>,
}

/// How the rows of a group are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outline {
    /// The names of the fields.
    names: Vec<Arc<[u8]>>,
    /// For each property of SORTBY: whether the largest comes first.
    descending: Vec<bool>,
    /// DISTINCT.
    distinct: bool,
    /// How many rows to leave out.
    offset: usize,
    /// How many to show.
    count: usize,
}

impl<P> Collect<P> {
    /// The same with properties told in another way.
    ///
    /// # Errors
    /// Those of `tell`.
    pub fn try_map<Q, E>(&self, mut tell: impl FnMut(&P) -> Result<Q, E>) -> Result<Collect<Q>, E> {
        Ok(Collect {
            fields: self.fields.iter().map(&mut tell).collect::<Result<_, _>>()?,
            all: self.all,
            by: self.by.iter().map(|(by, descending)| Ok((tell(by)?, *descending))).collect::<Result<_, _>>()?,
            outline: Arc::clone(&self.outline),
        })
    }

    /// Takes all of these properties for its fields.
    pub fn show(&mut self, fields: impl Iterator<Item = (Arc<[u8]>, P)>) {
        let mut outline = Outline::clone(&self.outline);
        (outline.names, self.fields) = fields.unzip();
        self.outline = Arc::new(outline);
    }
}

/// Reads the words after the count.
pub(super) fn collect(words: &[&[u8]], asked: &Asked) -> Result<Collect<Box<[u8]>>, Error> {
    let mut rest = Cursor::new(Words::new(words.iter().copied()));
    let mut found = Collect { fields: Vec::new(), all: false, by: Vec::new(), outline: Arc::default() };
    let mut outline = Outline::default();
    let mut cut = None;
    let words = |rest: &mut Cursor<'_>| -> Option<Vec<Box<[u8]>>> {
        Some(rest.words.counted().ok()?.into_iter().map(Box::from).collect())
    };
    while !rest.words.is_empty() {
        if rest.words.accept("FIELDS") {
            found.all = rest.words.accept("*");
            if !found.all {
                found.fields = words(&mut rest).ok_or(Error::CollectFields(MAX_FIELDS))?;
                if found.fields.is_empty() || found.fields.len() > MAX_FIELDS {
                    return Err(Error::CollectFields(MAX_FIELDS));
                }
            }
        } else if rest.words.accept("DISTINCT") {
            outline.distinct = true;
        } else if rest.words.accept("SORTBY") {
            found.by = sorted_by(words(&mut rest).ok_or(Error::ReducerArguments("COLLECT"))?)?;
        } else if rest.words.accept("LIMIT") {
            cut = Some(limited(&mut rest.words, asked)?);
        } else {
            return Err(rest.unknown("COLLECT"));
        }
    }
    if !found.all && found.fields.is_empty() {
        return Err(Error::ReducerArguments("COLLECT"));
    }
    for field in &mut found.fields {
        *field = property(field, "FIELDS")?;
    }
    outline.names = found.fields.iter().map(|name| Arc::from(&**name)).collect();
    outline.descending = found.by.iter().map(|(_, descending)| *descending).collect();
    let unlimited = if found.by.is_empty() { asked.max_rows } else { DEFAULT_SORTED };
    (outline.offset, outline.count) = cut.unwrap_or((0, unlimited));
    found.outline = Arc::new(outline);
    Ok(found)
}

/// The name of a property: after its `@`, or a path.
fn property(word: &[u8], clause: &'static str) -> Result<Box<[u8]>, Error> {
    match word {
        [b'@', name @ ..] => Ok(name.into()),
        [b'$', ..] => Ok(word.into()),
        _ => Err(Error::NoPrefix { name: word.into(), clause }),
    }
}

/// A property to sort by, and whether the largest comes first.
type By = (Box<[u8]>, bool);

fn sorted_by(words: Vec<Box<[u8]>>) -> Result<Vec<By>, Error> {
    let mut by: Vec<By> = Vec::new();
    for word in words {
        match by.last_mut() {
            Some(last) if word.eq_ignore_ascii_case(b"ASC") => last.1 = false,
            Some(last) if word.eq_ignore_ascii_case(b"DESC") => last.1 = true,
            _ => by.push((property(&word, "SORTBY")?, false)),
        }
    }
    match by.len() {
        0 => Err(Error::ReducerArguments("COLLECT")),
        1..=MAX_SORT_FIELDS => Ok(by),
        _ => Err(Error::CollectSort(MAX_SORT_FIELDS)),
    }
}

fn limited(words: &mut Words, asked: &Asked) -> Result<(usize, usize), Error> {
    let (offset, count) = limit(words)?;
    let most = asked.max_results;
    for (what, number) in [("count", count), ("offset", offset)] {
        if number > most {
            return Err(Error::CollectLimit { what, most });
        }
    }
    Ok((offset, count))
}

/// A row of a group.
#[derive(Debug)]
struct Entry {
    /// What it is sorted by.
    by: Vec<Option<Value>>,
    /// Its number.
    number: u64,
    /// What it shows.
    values: Vec<Option<Value>>,
}

/// The rows of a group.
#[derive(Debug)]
pub struct Collected {
    outline: Arc<Outline>,
    entries: Vec<Entry>,
    /// So many are kept until some are let go.
    most: usize,
    /// Some were let go: the last of those that are wanted stands in its place.
    was_cut: bool,
}

impl Collected {
    /// None yet.
    pub fn new<P>(collect: &Collect<P>) -> Self {
        let outline = Arc::clone(&collect.outline);
        let most = outline.wanted().saturating_mul(2).saturating_add(MORE);
        Self { outline, entries: Vec::new(), most: most.min(1024), was_cut: false }
    }

    /// Takes the row of a number, whose properties `value` tells.
    pub fn add<'v, P>(&mut self, collect: &Collect<P>, number: u64, value: impl Fn(&P) -> Option<View<'v>>) {
        let wanted = self.outline.wanted();
        let is_late = |last: &Entry| {
            let by = collect.by.iter().map(|(property, _)| value(property));
            self.outline.order((by, number), last.told()).is_gt()
        };
        if wanted == 0 || (self.was_cut && self.entries.get(wanted - 1).is_some_and(is_late)) {
            return;
        }
        let owned = |property: &P| value(property).map(View::to_value);
        let by = collect.by.iter().map(|(property, _)| owned(property)).collect();
        self.entries.push(Entry { by, number, values: collect.fields.iter().map(owned).collect() });
        if self.entries.len() >= self.most {
            self.let_go();
            self.most = self.entries.len().saturating_mul(2).saturating_add(MORE);
        }
    }

    /// Keeps those that are wanted, of distinct ones the first.
    fn let_go(&mut self) {
        let outline = &self.outline;
        if outline.distinct {
            let mut first: HashMap<Vec<u8>, Entry> = HashMap::with_capacity(self.entries.len());
            for entry in self.entries.drain(..) {
                match first.entry(entry.shown()) {
                    std::collections::hash_map::Entry::Vacant(place) => _ = place.insert(entry),
                    std::collections::hash_map::Entry::Occupied(mut place) => {
                        if outline.order(entry.told(), place.get().told()).is_lt() {
                            place.insert(entry);
                        }
                    }
                }
            }
            self.entries.extend(first.into_values());
        }
        let wanted = outline.wanted();
        if wanted > 0 && self.entries.len() > wanted {
            self.entries.select_nth_unstable_by(wanted - 1, |a, b| outline.order(a.told(), b.told()));
            self.entries.truncate(wanted);
            self.was_cut = true;
        }
    }

    /// The maps.
    pub fn finish(mut self) -> Value {
        self.let_go();
        let Self { outline, mut entries, .. } = self;
        entries.sort_unstable_by(|a, b| outline.order(a.told(), b.told()));
        let shown = entries.into_iter().skip(outline.offset).take(outline.count);
        Value::Array(shown.map(|entry| outline.map(entry)).collect())
    }
}

impl Outline {
    /// How many of the first rows are needed.
    fn wanted(&self) -> usize {
        if self.count == 0 { 0 } else { self.offset.saturating_add(self.count) }
    }

    /// Which of two rows comes first, of what they are sorted by and their numbers. What one lacks comes last, whichever way.
    fn order<'v>(
        &self,
        (a, a_number): (impl Iterator<Item = Option<View<'v>>>, u64),
        (b, b_number): (impl Iterator<Item = Option<View<'v>>>, u64),
    ) -> Ordering {
        for ((a, b), descending) in a.zip(b).zip(&self.descending) {
            let order = match (a, b) {
                (Some(a), Some(b)) if *descending => b.sort_order(a),
                (Some(a), Some(b)) => a.sort_order(b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            if order.is_ne() {
                return order;
            }
        }
        a_number.cmp(&b_number)
    }

    fn map(&self, entry: Entry) -> Value {
        let members = self.names.iter().zip(entry.values);
        Value::Map(members.filter_map(|(name, value)| Some((Arc::clone(name), value?))).collect())
    }
}

impl Entry {
    /// What it is sorted by, and its number.
    fn told(&self) -> (impl Iterator<Item = Option<View<'_>>>, u64) {
        (self.by.iter().map(|value| value.as_ref().map(Value::view)), self.number)
    }

    /// Bytes that are the same where rows show the same.
    fn shown(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for value in &self.values {
            text.push(u8::from(value.is_some()));
            value.iter().for_each(|value| value.view().encode(&mut |part: &[u8]| text.extend_from_slice(part)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ASKED: Asked = Asked { resp3: true, ..Asked::PLAIN };

    /// A row: what it shows, and what it is sorted by.
    type Told = (Option<u8>, Option<u8>);

    /// What comes of rows, by sorting all of them.
    fn naive(rows: &[Told], distinct: bool, sort: Option<bool>, cut: Option<(usize, usize)>) -> Vec<Option<u8>> {
        let mut all: Vec<(usize, Told)> = rows.iter().copied().enumerate().collect();
        if let Some(descending) = sort {
            all.sort_by_key(|(_, (_, by))| (by.is_none(), by.map(|by| if descending { 255 - by } else { by })));
        }
        let mut shown: Vec<Option<u8>> = Vec::new();
        for (_, (value, _)) in all {
            if !distinct || !shown.contains(&value) {
                shown.push(value);
            }
        }
        let (offset, count) = cut.unwrap_or((0, if sort.is_some() { 10 } else { usize::MAX }));
        shown.into_iter().skip(offset).take(count).collect()
    }

    proptest! {
        #[test]
        fn a_group_shows_what_sorting_all_of_it_would(
            rows in prop::collection::vec((prop::option::of(0u8..20), prop::option::of(0u8..9)), 0..2500),
            distinct: bool,
            sort in prop::option::of(any::<bool>()),
            cut in prop::option::of((0usize..30, 0usize..40)),
        ) {
            let mut words = vec!["FIELDS".to_owned(), "1".into(), "@v".into()];
            if distinct {
                words.insert(0, "DISTINCT".into());
            }
            if let Some(descending) = sort {
                words.extend(["SORTBY", "2", "@b", if descending { "DESC" } else { "ASC" }].map(String::from));
            }
            if let Some((offset, count)) = cut {
                words.extend(["LIMIT".into(), offset.to_string(), count.to_string()]);
            }
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let asked = collect(&words, &ASKED).unwrap();
            let mut group = Collected::new(&asked);
            let number = |value: Option<u8>| value.map(|value| Value::Number(value.into()));
            // They come from the highest number down.
            for (number_of, (value, by)) in (0..).zip(&rows).collect::<Vec<_>>().into_iter().rev() {
                let (value, by) = (number(*value), number(*by));
                group.add(&asked, number_of, |name| if **name == *b"v" { value.as_ref() } else { by.as_ref() }.map(Value::view));
                prop_assert!(cut.is_none() || group.entries.len() <= 2 * 70 + MORE);
            }
            let Value::Array(got) = group.finish() else { panic!("no array") };
            let map = |value: &Option<u8>| {
                Value::Map(number(*value).into_iter().map(|value| (Arc::from(&b"v"[..]), value)).collect())
            };
            let expected: Vec<Value> = naive(&rows, distinct, sort, cut).iter().map(map).collect();
            prop_assert_eq!(&got[..], &expected[..]);
        }
    }
}
