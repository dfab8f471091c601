//! Text → document. The grammar, the nesting limit and the error texts are serde_json's, which is what the field's
//! clients have seen for years; the value is ours.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::Error;
use super::build::Builder;
use super::number::{FloatType, Number};
use super::value::Node;

/// Parses one JSON text (RFC 8259; white space around it is fine, nothing else is).
///
/// Arrays of doubles are rounded to `floats`.
///
/// # Errors
/// [`Error::Syntax`] with the parser's message, line and column; [`Error::FloatRange`].
pub(super) fn parse(text: &[u8], floats: Option<FloatType>) -> Result<Node, Error> {
    // The flat form is rarely longer than the text.
    let mut builder = Builder::with_capacity(text.len() + 16);
    builder.floats = floats;
    let mut parser = serde_json::Deserializer::from_slice(text);
    let parsed = Item(&mut builder).deserialize(&mut parser).and_then(|()| parser.end());
    parsed.map_err(|error| Error::Syntax(error.to_string()))?;
    match floats {
        Some(floats) if builder.overflow => Err(Error::FloatRange(floats)),
        _ => Ok(builder.finish()),
    }
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
