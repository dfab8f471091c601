//! Values: a [`Value`] for itself, and a [`View`] of one, wherever it lies.
//!
//! What stands in a batch of rows ([`super::table`]) lies in the index, in the texts of the batch, in an expression, or is a value of its
//! own. To look at it costs nothing, so all that is done with values is done with views: comparing, converting, telling equal
//! ones. Comparison and conversion follow specification section 9: NULL is below everything, two strings compare as bytes, a
//! string and a number as numbers, and NaN equals any number.
//!
//! A part of a document may have two [faces](Faces): what it is, by which it is computed with, compared, sorted and grouped, and
//! how it is shown. Everything here but the one who writes replies sees what it is. A value for itself is cheap to clone: text and
//! arrays are shared.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::json::Document;
use crate::search::{decimal, number};

#[cfg(test)]
mod tests;

/// A value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL: known to have no value. A column without anything in it is `None` in its row, which is not the same.
    Null,
    /// A number.
    Number(f64),
    /// Text, any bytes.
    String(Arc<[u8]>),
    /// Several values: TOLIST, `split()`, a JSON array.
    Array(Arc<[Value]>),
    /// Values by their names, in an order: an element of what COLLECT makes.
    Map(Arc<[Member]>),
    /// A part of a document that is shown otherwise than it is computed with.
    Faced(Arc<Faces>),
}

/// A value with its name.
pub type Member = (Arc<[u8]>, Value);

/// The two faces of a part of a document.
#[derive(Debug)]
pub struct Faces {
    /// What it is: a number, text, NULL. Never [`Value::Faced`].
    is: Value,
    /// How it is shown.
    pub shown: Shown,
}

/// How a part of a document is shown.
#[derive(Debug)]
pub enum Shown {
    /// As this text: a number as the document writes it, all that a path selects as one JSON array.
    Text(Box<[u8]>),
    /// As an array of these: FORMAT EXPAND.
    Json(Box<[Document]>),
}

/// Equal is what has the same meaning.
impl PartialEq for Faces {
    fn eq(&self, other: &Self) -> bool {
        self.is == other.is
    }
}

/// Why two values have no order: this text (`None`: not even a text) is to be compared with a number, and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotComparable(pub Option<Arc<[u8]>>);

impl Value {
    /// Text.
    pub fn string(text: impl Into<Arc<[u8]>>) -> Self {
        Self::String(text.into())
    }

    /// This value, shown in another way.
    #[must_use]
    pub fn shown_as(self, shown: Shown) -> Self {
        Self::Faced(Arc::new(Faces { is: self.into_plain(), shown }))
    }

    /// What it is, however it is shown: never [`Value::Faced`].
    pub fn plain(&self) -> &Self {
        match self {
            Self::Faced(faces) => &faces.is,
            plain => plain,
        }
    }

    /// As [`Value::plain`].
    #[must_use]
    pub fn into_plain(self) -> Self {
        match self {
            Self::Faced(faces) => faces.is.clone(),
            plain => plain,
        }
    }

    /// 1 or 0.
    pub fn truth(holds: bool) -> Self {
        Self::Number(f64::from(u8::from(holds)))
    }

    /// It, to look at.
    pub fn view(&self) -> View<'_> {
        match self {
            Self::Null => View::Null,
            Self::Number(number) => View::Number(*number),
            Self::String(text) => View::Text(text),
            Self::Array(items) => View::Array(items),
            Self::Map(members) => View::Map(members),
            Self::Faced(faces) => View::Faced(faces),
        }
    }

    /// As [`View::as_number`].
    pub fn as_number(&self) -> Option<f64> {
        self.view().as_number()
    }

    /// As [`View::is_true`].
    pub fn is_true(&self) -> bool {
        self.view().is_true()
    }

    /// The text that this is or is written as; nothing for NULL, arrays and maps.
    pub fn to_text(&self) -> Option<Arc<[u8]>> {
        match self.plain() {
            Self::String(text) => Some(Arc::clone(text)),
            other => other.view().to_text(),
        }
    }
}

impl Faces {
    fn is(&self) -> View<'_> {
        self.is.view()
    }
}

/// A value that lies elsewhere.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// NULL.
    Null,
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a [u8]),
    /// Several values.
    Array(&'a Arc<[Value]>),
    /// Values by their names.
    Map(&'a Arc<[Member]>),
    /// A part of a document that is shown otherwise than it is computed with.
    Faced(&'a Arc<Faces>),
}

impl<'a> View<'a> {
    /// 1 or 0.
    pub fn truth(holds: bool) -> Self {
        Self::Number(f64::from(u8::from(holds)))
    }

    /// What it is, however it is shown: never [`View::Faced`].
    pub fn plain(self) -> Self {
        match self {
            Self::Faced(faces) => faces.is(),
            plain => plain,
        }
    }

    /// The value for itself.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::string(text),
            Self::Array(items) => Value::Array(Arc::clone(items)),
            Self::Map(members) => Value::Map(Arc::clone(members)),
            Self::Faced(faces) => Value::Faced(Arc::clone(faces)),
        }
    }

    /// The number that this is or reads as: the whole text as `strtod` reads it, the empty text as 0.
    pub fn as_number(self) -> Option<f64> {
        match self.plain() {
            Self::Number(number) => Some(number),
            Self::Text(b"") => Some(0.0),
            Self::Text(text) => number::parse(text),
            Self::Null | Self::Array(_) | Self::Map(_) | Self::Faced(_) => None,
        }
    }

    /// Whether this counts as true: a number but 0, a text but the empty one, an array or a map but the empty one.
    pub fn is_true(self) -> bool {
        match self.plain() {
            Self::Null | Self::Faced(_) => false,
            Self::Number(number) => number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Map(members) => !members.is_empty(),
        }
    }

    /// Whether this is NULL.
    pub fn is_null(self) -> bool {
        matches!(self.plain(), Self::Null)
    }

    /// Appends the text that this is or is written as. False: NULL, arrays and maps have none.
    pub fn write_text(self, out: &mut Vec<u8>) -> bool {
        match self.plain() {
            Self::Number(number) => decimal::write_value(out, number),
            Self::Text(text) => out.extend_from_slice(text),
            Self::Null | Self::Array(_) | Self::Map(_) | Self::Faced(_) => return false,
        }
        true
    }

    /// The text that this is or is written as; nothing for NULL, arrays and maps.
    pub fn to_text(self) -> Option<Arc<[u8]>> {
        let mut text = Vec::new();
        self.write_text(&mut text).then(|| text.into())
    }

    /// Whether the two are equal as `==` says. Never fails: what cannot be compared is different.
    pub fn equals(self, other: View<'_>) -> bool {
        self.compare(other) == Ok(Ordering::Equal)
    }

    /// The order of the two, as `<` says.
    ///
    /// # Errors
    /// [`NotComparable`] when one is a number and the other not, not even as text.
    pub fn compare(self, other: View<'_>) -> Result<Ordering, NotComparable> {
        Ok(match (self.plain(), other.plain()) {
            (View::Number(a), View::Number(b)) => compare_numbers(a, b),
            (View::Null, View::Null) => Ordering::Equal,
            (View::Null, _) => Ordering::Less,
            (_, View::Null) => Ordering::Greater,
            (View::Text(a), View::Text(b)) => a.cmp(b),
            (View::Array(a), View::Array(b)) => return compare_arrays(a, b),
            (View::Number(a), b) => compare_numbers(a, b.to_compare()?),
            (a, View::Number(b)) => compare_numbers(a.to_compare()?, b),
            (View::Map(a), View::Map(b)) => return compare_maps(a, b),
            (View::Array(_), View::Map(_)) => Ordering::Less,
            (View::Map(_), View::Array(_)) => Ordering::Greater,
            (_, View::Text(text)) => [].as_slice().cmp(text),
            (View::Text(text), _) => text.cmp(&[]),
            // What is plain has no faces.
            (View::Faced(_), _) | (_, View::Faced(_)) => Ordering::Equal,
        })
    }

    /// A total order of all values, for sorting: NULL, then numbers (NaN last), then text as bytes, then arrays by their
    /// first elements, then maps by their first members.
    pub fn sort_order(self, other: View<'_>) -> Ordering {
        let rank = |view: View<'_>| match view {
            View::Null => 0,
            View::Number(_) => 1,
            View::Text(_) => 2,
            View::Array(_) | View::Faced(_) => 3,
            View::Map(_) => 4,
        };
        match (self.plain(), other.plain()) {
            (View::Number(a), View::Number(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
            (View::Text(a), View::Text(b)) => a.cmp(b),
            (View::Array(a), View::Array(b)) => match (a.first(), b.first()) {
                (Some(a), Some(b)) => a.view().sort_order(b.view()),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            (View::Map(a), View::Map(b)) => match (a.first(), b.first()) {
                (Some(a), Some(b)) => a.0.cmp(&b.0).then_with(|| a.1.view().sort_order(b.1.view())),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            (a, b) => rank(a).cmp(&rank(b)),
        }
    }

    /// Gives `put` bytes that together are the same for equal values and for no others: what sets and groups are keyed by.
    pub fn encode(self, put: &mut impl FnMut(&[u8])) {
        let length = |put: &mut dyn FnMut(&[u8]), length: usize| put(&(length as u64).to_le_bytes());
        match self.plain() {
            View::Null | View::Faced(_) => put(&[0]),
            View::Number(number) => {
                put(&[1]);
                put(&bits(number).to_le_bytes());
            }
            View::Text(text) => {
                put(&[2]);
                length(put, text.len());
                put(text);
            }
            // An array in an array is encoded in turn; the depth is that of the value, which the plan bounds.
            View::Array(items) => {
                put(&[3]);
                length(put, items.len());
                items.iter().for_each(|item| item.view().encode_within(put));
            }
            View::Map(members) => {
                put(&[4]);
                length(put, members.len());
                for (name, value) in members.iter() {
                    length(put, name.len());
                    put(name);
                    value.view().encode_within(put);
                }
            }
        }
    }

    /// As [`View::encode`], for values in values: one function for all that take the bytes.
    fn encode_within(self, put: &mut dyn FnMut(&[u8])) {
        self.encode(&mut |bytes: &[u8]| put(bytes));
    }

    /// Whether the two are one value in sets and groups: equal in what [`View::encode`] says.
    pub fn is_same(self, other: View<'_>) -> bool {
        match (self.plain(), other.plain()) {
            (View::Null, View::Null) => true,
            (View::Number(a), View::Number(b)) => bits(a) == bits(b),
            (View::Text(a), View::Text(b)) => a == b,
            (View::Array(a), View::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.view().is_same(b.view()))
            }
            (View::Map(a), View::Map(b)) => {
                let member = |((a, of_a), (b, of_b)): (&Member, &Member)| a == b && of_a.view().is_same(of_b.view());
                a.len() == b.len() && a.iter().zip(b.iter()).all(member)
            }
            _ => false,
        }
    }

    /// Hashes it, so that what is the same has the same hash.
    pub fn hash_into(self, hasher: &mut impl Hasher) {
        match self.plain() {
            View::Number(number) => bits(number).hash(hasher),
            View::Text(text) => text.hash(hasher),
            other => other.encode(&mut |bytes: &[u8]| hasher.write(bytes)),
        }
    }

    fn to_compare(self) -> Result<f64, NotComparable> {
        self.as_number().ok_or_else(|| NotComparable(self.to_text()))
    }
}

/// The bits of a number; both zeros are one.
fn bits(number: f64) -> u64 {
    (if number == 0.0 { 0.0 } else { number }).to_bits()
}

/// NaN equals every number, so that a comparison always has an answer.
fn compare_numbers(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Maps compare by their first members, and by whether they have one.
fn compare_maps(a: &[Member], b: &[Member]) -> Result<Ordering, NotComparable> {
    match (a.first(), b.first()) {
        (Some((a, _)), Some((b, _))) if a != b => Ok(a.cmp(b)),
        (Some((_, a)), Some((_, b))) => a.view().compare(b.view()),
        (a, b) => Ok(a.is_some().cmp(&b.is_some())),
    }
}

/// Arrays compare by their first elements, and by whether they have one.
fn compare_arrays(a: &[Value], b: &[Value]) -> Result<Ordering, NotComparable> {
    // An array in an array is compared in turn; the depth is that of the value, which the plan bounds.
    match (a.first(), b.first()) {
        (Some(a), Some(b)) => a.view().compare(b.view()),
        (a, b) => Ok(a.is_some().cmp(&b.is_some())),
    }
}
