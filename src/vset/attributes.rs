//! The attributes of an element: the client's bytes, kept verbatim, and a table of their top-level fields.
//!
//! The table is made once, when the attributes are written, so that a filter never scans JSON. It is part of the same
//! byte string, so that an element pays one allocation:
//!
//! ```text
//! blob   = varint length of the verbatim bytes, the verbatim bytes, entry*
//! entry  = head, varint key length, payload      (head: kind in the low 4 bits, distance to the key in the high 4;
//!                                                 a distance >= 15 continues in a varint)
//! payload: MISSING NULL FALSE TRUE   nothing
//!          TEXT                      varint distance, varint length: where in the verbatim bytes the string is
//!          DECODED                   varint length, bytes: a string that had escapes
//!          I8 I16 I32 F32 F64        the number, little-endian, in the smallest form that is exact
//!          TUPLE                     varint length, items
//! item   = kind, payload                          (NESTED: an inner array, of which only "it is one" can be observed)
//! ```
//!
//! Distances count from the end of what was last located (a key, or a TEXT value), so they fit few bits.
//!
//! What a field is follows the filter language (a tolerant scan that stops at the field asked for): the first of equal
//! keys wins; keys are compared raw; a field counts if everything *before* it can be skipped, whatever follows; a value
//! that cannot be converted is recorded as missing, and shadows later fields of the same name. Keys that no selector can
//! spell have no entry. The scan keeps a depth, not a stack: nesting costs nothing.

mod scan;

use crate::vset::filter::Literal;

const MISSING: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const TEXT: u8 = 4;
const DECODED: u8 = 5;
const I8: u8 = 6;
const I16: u8 = 7;
const I32: u8 = 8;
const F32: u8 = 9;
const F64: u8 = 10;
const TUPLE: u8 = 11;
const NESTED: u8 = 12;

/// A reader's view of one element's attributes.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a> {
    verbatim: &'a [u8],
    table: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// What is stored for the client's bytes `verbatim`; any bytes will do, JSON or not.
    pub fn encode(verbatim: &[u8]) -> Vec<u8> {
        let mut blob = Vec::with_capacity(verbatim.len() + verbatim.len() / 4 + 16);
        put_varint(&mut blob, verbatim.len());
        blob.extend_from_slice(verbatim);
        scan::write_table(verbatim, &mut blob);
        blob
    }

    /// The view of a blob that [`Attributes::encode`] made.
    pub fn of(blob: &'a [u8]) -> Self {
        let mut rest = Reader(blob);
        let len = rest.varint();
        let verbatim = rest.bytes(len);
        Self { verbatim, table: rest.0 }
    }

    /// The client's bytes.
    pub fn verbatim(&self) -> &'a [u8] {
        self.verbatim
    }

    /// The value of a top-level field, by the rules of the filter language; `None` if it has none that can be used.
    pub(super) fn field(&self, name: &[u8]) -> Option<Value<'a>> {
        let mut rest = Reader(self.table);
        let mut end = 0; // of what was last located
        while let Some(head) = rest.byte() {
            let start = end + rest.distance(head);
            end = start + rest.varint();
            let kind = head & 0x0f;
            if self.verbatim.get(start..end) == Some(name) {
                return rest.value(kind, self.verbatim, &mut end);
            }
            rest.skip(kind, &mut end);
        }
        None
    }
}

/// A value while an expression runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    /// `null`
    Null,
    /// A number, or a boolean as 0 or 1.
    Number(f64),
    /// A string.
    Text(&'a [u8]),
    /// A tuple written in the expression.
    Tuple(&'a [Literal]),
    /// An array of the attributes.
    Items(Items<'a>),
}

/// The items of an array field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a> {
    rest: Reader<'a>,
    verbatim: &'a [u8],
    end: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;
    fn next(&mut self) -> Option<Value<'a>> {
        let kind = self.rest.byte()?;
        self.rest.value(kind, self.verbatim, &mut self.end)
    }
}

/// Reads a table. Tables come from [`Attributes::encode`] alone; one that was damaged would read as shorter.
#[derive(Debug, Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at_checked(len).unwrap_or((self.0, &[]));
        self.0 = rest;
        bytes
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let Some((bytes, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *bytes
    }

    fn varint(&mut self) -> usize {
        let mut value = 0;
        let mut shift = 0;
        while let Some(byte) = self.byte() {
            value |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 || shift > 56 {
                break;
            }
        }
        value
    }

    fn distance(&mut self, head: u8) -> usize {
        match head >> 4 {
            15 => 15 + self.varint(),
            near => usize::from(near),
        }
    }

    /// Reads a payload; `end` is where the last located thing ended and moves on over a TEXT.
    fn value(&mut self, kind: u8, verbatim: &'a [u8], end: &mut usize) -> Option<Value<'a>> {
        Some(match kind {
            NULL => Value::Null,
            FALSE => Value::Number(0.0),
            TRUE => Value::Number(1.0),
            TEXT => {
                let start = *end + self.varint();
                *end = start + self.varint();
                Value::Text(verbatim.get(start..*end)?)
            }
            DECODED => {
                let len = self.varint();
                Value::Text(self.bytes(len))
            }
            I8 => Value::Number(i8::from_le_bytes(self.array()).into()),
            I16 => Value::Number(i16::from_le_bytes(self.array()).into()),
            I32 => Value::Number(i32::from_le_bytes(self.array()).into()),
            F32 => Value::Number(f32::from_le_bytes(self.array()).into()),
            F64 => Value::Number(f64::from_le_bytes(self.array())),
            TUPLE => {
                let len = self.varint();
                Value::Items(Items { rest: Reader(self.bytes(len)), verbatim, end: *end })
            }
            NESTED => Value::Items(Items { rest: Reader(&[]), verbatim, end: 0 }),
            _ => return None,
        })
    }

    fn skip(&mut self, kind: u8, end: &mut usize) {
        let len = match kind {
            TEXT => {
                *end += self.varint();
                *end += self.varint();
                0
            }
            DECODED | TUPLE => self.varint(),
            I8 => 1,
            I16 => 2,
            I32 | F32 => 4,
            F64 => 8,
            _ => 0,
        };
        self.bytes(len);
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overhead(verbatim: &str) -> usize {
        Attributes::encode(verbatim.as_bytes()).len() - verbatim.len()
    }

    #[test]
    fn the_table_costs_few_bytes() {
        assert_eq!(overhead(""), 1);
        assert_eq!(overhead("not json"), 1);
        assert_eq!(overhead(r#"{"year": 1999}"#), 1 + 4);
        assert_eq!(overhead(r#"{"year": 1999, "genre": "action", "rating": 7.5}"#), 1 + 4 + 4 + 6);
        assert_eq!(overhead(r#"{"tags": ["a", "b"]}"#), 1 + 3 + 6);
        assert_eq!(overhead(r#"{"no such selector": 1, "nested": {"a": 1}}"#), 1 + 3);
    }

    #[test]
    fn fields_have_the_values_of_the_scan() {
        let text =
            br#"{"i":-5,"big":3000000000,"s":"x","e":"a\"\n\u0041","t":true,"z":null,"a":[1,"y",[2]],"s":"later"}"#;
        let blob = Attributes::encode(text);
        let attributes = Attributes::of(&blob);
        assert_eq!(attributes.verbatim(), text);
        assert!(matches!(attributes.field(b"i"), Some(Value::Number(-5.0))));
        assert!(matches!(attributes.field(b"big"), Some(Value::Number(3e9))));
        assert!(matches!(attributes.field(b"s"), Some(Value::Text(b"x"))));
        assert!(matches!(attributes.field(b"e"), Some(Value::Text(b"a\"\nu0041"))));
        assert!(matches!(attributes.field(b"t"), Some(Value::Number(1.0))));
        assert!(matches!(attributes.field(b"z"), Some(Value::Null)));
        let Some(Value::Items(items)) = attributes.field(b"a") else { panic!("an array") };
        let items: Vec<_> = items.collect();
        assert!(matches!(items[..], [Value::Number(1.0), Value::Text(b"y"), Value::Items(_)]));
        assert!(attributes.field(b"missing").is_none());
    }

    #[test]
    fn nesting_needs_no_stack() {
        let deep = [&b"{\"d\":"[..], &b"[".repeat(1 << 20), &b"]".repeat(1 << 20), b",\"a\":1}"].concat();
        let blob = Attributes::encode(&deep);
        assert!(matches!(Attributes::of(&blob).field(b"d"), Some(Value::Items(_))));
        assert!(matches!(Attributes::of(&blob).field(b"a"), Some(Value::Number(1.0))));
        assert!(blob.len() < deep.len() + 32);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_verbatim(text in proptest::collection::vec(any::<u8>(), 0..600)) {
            let blob = Attributes::encode(&text);
            prop_assert_eq!(Attributes::of(&blob).verbatim(), &text[..]);
        }

        #[test]
        fn a_damaged_table_is_read_without_panic(blob in proptest::collection::vec(any::<u8>(), 0..80)) {
            let attributes = Attributes::of(&blob);
            for name in [&b"a"[..], b"", b"b"] {
                if let Some(Value::Items(items)) = attributes.field(name) {
                    items.count();
                }
            }
        }
    }
}
