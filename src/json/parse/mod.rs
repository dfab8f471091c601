//! Text → document. The grammar, the nesting limit and the error texts are serde_json's, which is what the field's
//! clients have seen for years; the value is ours. Nearly all text takes the [`fast`] way; what that refuses is read again
//! by serde_json, for its judgement and its error text.

mod fast;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Error;
use super::build::Builder;
use super::number::{FloatType, Number};
use super::value::Node;

/// Parses one JSON text (RFC 8259; white space around it is fine, nothing else is).
///
/// It may nest as deep as `limit`. Arrays of numbers are rounded to `floats`.
///
/// # Errors
/// [`Error::Syntax`] with the parser's message, line and column; [`Error::NotUtf8`], [`Error::FloatRange`].
pub(super) fn parse(text: &[u8], limit: usize, floats: Option<FloatType>) -> Result<Node, Error> {
    let mut builder = builder_for(text, floats);
    if fast::parse(text, limit, &mut builder).is_none() {
        builder = builder_for(text, floats);
        by_serde(text, &mut builder)?;
    }
    match floats {
        Some(_) if builder.overflow => Err(Error::FloatRange),
        _ => Ok(builder.finish()),
    }
}

fn builder_for(text: &[u8], floats: Option<FloatType>) -> Builder {
    // The flat form is rarely longer than the text.
    let mut builder = Builder::with_capacity(text.len() + 16);
    builder.floats = floats;
    builder
}

fn by_serde(text: &[u8], builder: &mut Builder) -> Result<(), Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::NotUtf8)?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed = Item(builder).deserialize(&mut parser).and_then(|()| parser.end());
    parsed.map_err(|error| Error::Syntax(error.to_string()))
}

/// Feeds one value into the builder.
struct Item<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.null();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.bool(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.number(Number::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.number(i64::try_from(value).map_or(Number::Unsigned(value), Number::Int));
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        if !value.is_finite() {
            return Err(E::custom("number out of range"));
        }
        self.0.number(Number::Float(value));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.str(text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.begin_array();
        while elements.next_element_seed(Item(self.0))?.is_some() {}
        self.0.end();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.begin_object(false);
        while members.next_key_seed(Key(self.0))?.is_some() {
            members.next_value_seed(Item(self.0))?;
        }
        self.0.end();
        Ok(())
    }
}

/// Feeds a member's key into the builder.
struct Key<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        if u32::try_from(key.len()).is_err() {
            return Err(E::custom("key too long"));
        }
        self.0.key(key.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Document, MAX_DEPTH};
    use proptest::prelude::*;

    /// What the fast way reads, the slow way reads, too, and to the same text.
    fn check(text: &[u8]) -> bool {
        let mut builder = Builder::default();
        if fast::parse(text, MAX_DEPTH, &mut builder).is_none() {
            return false;
        }
        let mut slow = Builder::default();
        by_serde(text, &mut slow).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)));
        let text_of = |builder: Builder| Document { root: builder.finish() }.to_text();
        assert_eq!(text_of(builder), text_of(slow));
        true
    }

    #[test]
    fn both_ways_agree_on_the_edges() {
        let accepted: [&[u8]; 20] = [
            b" {\"a\" : [ 1 , -2.5e3, true ,null ] }\n",
            b"9223372036854775807",
            b"9999999999999999999",
            b"-1",
            b"0.1",
            b"1e308",
            b"5e-324",
            b"1.7976931348623157e308",
            b"\"\\ud83d\\ude00\\u00e9\\/\"",
            b"[]",
            b"{}",
            b"\"\"",
            b"0.12345678901234567890123",
            b"-0.0",
            b"-0",
            b"18446744073709551615",
            b"18446744073709551616",
            b"-9223372036854775808",
            b"-9223372036854775809",
            b"1e0000000000001",
        ];
        for text in accepted {
            assert!(check(text), "{}", String::from_utf8_lossy(text));
        }
        let left_to_serde: [&[u8]; 22] = [
            b"",
            b" ",
            b"01",
            b"-",
            b"1.",
            b".5",
            b"1e",
            b"1e+",
            b"1e999",
            b"+1",
            b"nul",
            b"truex",
            b"[1,]",
            b"{\"a\":1,}",
            b"{a:1}",
            b"\"\\ud800\"",
            b"\"\x01\"",
            b"\"\xff\"",
            b"\"",
            b"[1 2]",
            b"1 2",
            b"\"\\x\"",
        ];
        for text in left_to_serde {
            assert!(!check(text), "{}", String::from_utf8_lossy(text));
        }
        let nested = |n: usize| [vec![b'['; n], vec![b']'; n]].concat();
        assert!(check(&nested(127)) && !check(&nested(128)));
    }

    proptest! {
        #[test]
        fn both_ways_agree_on_anything(text in "[\\[\\]{}:,\"0-9eE.+\\-\\\\a-f ntrulsé]{0,24}", raw: Vec<u8>) {
            check(text.as_bytes());
            check(&raw);
        }

        #[test]
        fn both_ways_agree_on_numbers(text in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", bits: u64) {
            check(text.as_bytes());
            let value = f64::from_bits(bits);
            if value.is_finite() {
                check(value.to_string().as_bytes());
                check(format!("{value:e}").as_bytes());
            }
        }

        #[test]
        fn both_ways_agree_on_strings(text: String) {
            prop_assert!(check(serde_json::to_string(&text).unwrap().as_bytes()));
            prop_assert!(check(serde_json::to_string(&vec![text; 3]).unwrap().as_bytes()));
        }
    }
}
