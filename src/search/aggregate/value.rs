//! What stands in a column of a row: a [`Value`], how it converts and how two of them compare.
//!
//! A value is cheap to clone: text and arrays are shared. Comparison and conversion follow specification section 9:
//! NULL is below everything, two strings compare as bytes, a string and a number as numbers, and NaN equals any number.
//!
//! A part of a document may have two [faces](Faces): what it is, by which it is computed with, compared, sorted and grouped, and
//! how it is shown. Everything here but the one who writes replies sees what it is.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::json::Document;
use crate::search::{decimal, number};

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
    Map(Arc<[(Arc<[u8]>, Value)]>),
    /// A part of a document that is shown otherwise than it is computed with.
    Faced(Arc<Faces>),
}

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

    /// The number that this is or reads as: the whole text as `strtod` reads it, the empty text as 0.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::String(text) if text.is_empty() => Some(0.0),
            Self::String(text) => number::parse(text),
            Self::Null | Self::Array(_) | Self::Map(_) => None,
            Self::Faced(faces) => faces.is.as_number(),
        }
    }

    /// Whether this counts as true: a number but 0, a text but the empty one, an array or a map but the empty one.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Number(number) => *number != 0.0,
            Self::String(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Map(members) => !members.is_empty(),
            Self::Faced(faces) => faces.is.is_true(),
        }
    }

    /// The text that this is or is written as; nothing for NULL, arrays and maps.
    pub fn to_text(&self) -> Option<Arc<[u8]>> {
        match self {
            Self::Number(number) => Some(decimal::value(*number).into()),
            Self::String(text) => Some(Arc::clone(text)),
            Self::Null | Self::Array(_) | Self::Map(_) => None,
            Self::Faced(faces) => faces.is.to_text(),
        }
    }

    /// Whether the two are equal as `==` says. Never fails: what cannot be compared is different.
    pub fn equals(&self, other: &Self) -> bool {
        self.compare(other) == Ok(Ordering::Equal)
    }

    /// The order of the two, as `<` says.
    ///
    /// # Errors
    /// [`NotComparable`] when one is a number and the other not, not even as text.
    pub fn compare(&self, other: &Self) -> Result<Ordering, NotComparable> {
        Ok(match (self, other) {
            (Self::Faced(faces), other) => return faces.is.compare(other),
            (this, Self::Faced(faces)) => return this.compare(&faces.is),
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (Self::Number(a), Self::Number(b)) => compare_numbers(*a, *b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => return compare_arrays(a, b),
            (Self::Number(a), b) => compare_numbers(*a, b.to_compare()?),
            (a, Self::Number(b)) => compare_numbers(a.to_compare()?, *b),
            (Self::Map(a), Self::Map(b)) => return compare_maps(a, b),
            (Self::Array(_), Self::Map(_)) => Ordering::Less,
            (Self::Map(_), Self::Array(_)) => Ordering::Greater,
            (Self::Array(_) | Self::Map(_), Self::String(text)) => [].as_slice().cmp(text),
            (Self::String(text), Self::Array(_) | Self::Map(_)) => text.as_ref().cmp(&[]),
        })
    }

    /// A total order of all values, for sorting: NULL, then numbers (NaN last), then text as bytes, then arrays by their
    /// first elements, then maps by their first members.
    pub fn sort_order(&self, other: &Self) -> Ordering {
        let rank = |value: &Self| match value.plain() {
            Self::Null => 0,
            Self::Number(_) => 1,
            Self::String(_) => 2,
            Self::Array(_) | Self::Faced(_) => 3,
            Self::Map(_) => 4,
        };
        match (self.plain(), other.plain()) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => match (a.first(), b.first()) {
                (Some(a), Some(b)) => a.sort_order(b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            (Self::Map(a), Self::Map(b)) => match (a.first(), b.first()) {
                (Some(a), Some(b)) => a.0.cmp(&b.0).then_with(|| a.1.sort_order(&b.1)),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            _ => rank(self).cmp(&rank(other)),
        }
    }

    /// Appends bytes that are the same for equal values and for no others: what sets and groups are keyed by.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(0),
            Self::Number(number) => {
                out.push(1);
                let number = if *number == 0.0 { 0.0 } else { *number };
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Self::String(text) => {
                out.push(2);
                out.extend_from_slice(&(text.len() as u64).to_le_bytes());
                out.extend_from_slice(text);
            }
            Self::Array(items) => {
                out.push(3);
                out.extend_from_slice(&(items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| item.encode(out));
            }
            Self::Map(members) => {
                out.push(4);
                out.extend_from_slice(&(members.len() as u64).to_le_bytes());
                for (name, value) in members.iter() {
                    out.extend_from_slice(&(name.len() as u64).to_le_bytes());
                    out.extend_from_slice(name);
                    value.encode(out);
                }
            }
            Self::Faced(faces) => faces.is.encode(out),
        }
    }

    fn to_compare(&self) -> Result<f64, NotComparable> {
        self.as_number().ok_or_else(|| NotComparable(self.to_text()))
    }
}

/// NaN equals every number, so that a comparison always has an answer.
fn compare_numbers(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Maps compare by their first members, and by whether they have one.
fn compare_maps(a: &[(Arc<[u8]>, Value)], b: &[(Arc<[u8]>, Value)]) -> Result<Ordering, NotComparable> {
    match (a.first(), b.first()) {
        (Some((a, _)), Some((b, _))) if a != b => Ok(a.cmp(b)),
        (Some((_, a)), Some((_, b))) => a.compare(b),
        (a, b) => Ok(a.is_some().cmp(&b.is_some())),
    }
}

/// Arrays compare by their first elements, and by whether they have one.
fn compare_arrays(a: &[Value], b: &[Value]) -> Result<Ordering, NotComparable> {
    // An array in an array is compared in turn; the depth is that of the value, which the plan bounds.
    match (a.first(), b.first()) {
        (Some(a), Some(b)) => a.compare(b),
        (a, b) => Ok(a.is_some().cmp(&b.is_some())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::string(text.as_bytes())
    }

    fn array(items: &[Value]) -> Value {
        Value::Array(items.into())
    }

    fn map(members: &[(&str, Value)]) -> Value {
        Value::Map(members.iter().map(|(name, value)| (name.as_bytes().into(), value.clone())).collect())
    }

    #[test]
    fn comparison() {
        let nan = Value::Number(f64::NAN);
        for (a, b, order) in [
            (Value::Null, Value::Null, Some(Ordering::Equal)),
            (Value::Null, text(""), Some(Ordering::Less)),
            (Value::Number(0.0), Value::Null, Some(Ordering::Greater)),
            (text("10"), text("9"), Some(Ordering::Less)),
            (text("10"), Value::Number(9.0), Some(Ordering::Greater)),
            (text(" 9"), Value::Number(9.0), Some(Ordering::Equal)),
            (text(""), Value::Number(0.0), Some(Ordering::Equal)),
            (text("a"), Value::Number(0.0), None),
            (Value::Number(0.0), array(&[]), None),
            (nan.clone(), Value::Number(5.0), Some(Ordering::Equal)),
            (array(&[text("a"), text("b")]), array(&[text("a")]), Some(Ordering::Equal)),
            (array(&[]), array(&[text("a")]), Some(Ordering::Less)),
            (array(&[text("z")]), text("a"), Some(Ordering::Less)),
            (array(&[text("z")]), text(""), Some(Ordering::Equal)),
            (map(&[("a", text("b"))]), map(&[("a", text("c"))]), Some(Ordering::Less)),
            (map(&[("b", text("b"))]), map(&[("a", text("c"))]), Some(Ordering::Greater)),
            (map(&[]), map(&[("a", text("c"))]), Some(Ordering::Less)),
            (map(&[]), array(&[text("a")]), Some(Ordering::Greater)),
            (map(&[]), Value::Number(1.0), None),
            (map(&[]), text("x"), Some(Ordering::Less)),
        ] {
            assert_eq!(a.compare(&b).ok(), order, "{a:?} {b:?}");
            assert_eq!(b.compare(&a).ok(), order.map(Ordering::reverse), "{b:?} {a:?}");
        }
    }

    /// A value with two faces is the value that it is, in whatever is done with it.
    #[test]
    fn a_face_changes_nothing_but_what_is_shown() {
        let values = [
            Value::Null,
            Value::Number(-1.5),
            Value::Number(0.0),
            Value::Number(f64::NAN),
            text(""),
            text("9"),
            text("x"),
            array(&[]),
            array(&[text("a")]),
            map(&[("a", text("b"))]),
        ];
        let faced =
            |value: &Value| value.clone().shown_as(Shown::Text((*b"[shown]").into())).shown_as(Shown::Json([].into()));
        let encoded = |value: &Value| {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            bytes
        };
        for a in &values {
            let face = faced(a);
            assert_eq!(encoded(&face), encoded(a));
            assert_eq!(encoded(face.plain()), encoded(a));
            assert_eq!(encoded(&face.clone().into_plain()), encoded(a));
            assert_eq!(face.is_true(), a.is_true());
            assert_eq!(face.to_text(), a.to_text());
            assert_eq!(face.as_number().map(f64::to_bits), a.as_number().map(f64::to_bits));
            for b in &values {
                let (expected, order) = (a.compare(b), a.sort_order(b));
                for (a, b) in [(&face, b), (a, &faced(b)), (&face, &faced(b))] {
                    assert_eq!((a.compare(b), a.sort_order(b)), (expected.clone(), order), "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn truth() {
        for value in [Value::Null, Value::Number(0.0), text(""), array(&[]), map(&[])] {
            assert!(!value.is_true(), "{value:?}");
        }
        for value in [Value::Number(f64::NAN), text("0"), array(&[Value::Null])] {
            assert!(value.is_true(), "{value:?}");
        }
    }
}
