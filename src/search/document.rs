//! From what a key holds to what the indexes take, with every reason to refuse it.
//!
//! The main thread only copies: a [`RawDocument`] has, for each field of the schema, the bytes of a hash's field or the JSON
//! values that a path selects. Reading them is done by whoever applies the change. What is accepted follows the tables of
//! the specification (§3); three things are added: a JSON string of exactly the right number of hex digits is a vector,
//! a vector with a NaN or an infinity is refused, and every failure is of a field.

use super::fields::geo::Point;
use super::number;
use super::schema::{Element, Field, Kind, Tag, Vector};
use super::shape::{self, Shape, System};
use crate::json;
use half::{bf16, f16};
use std::borrow::Cow;
use std::sync::Arc;

/// What a key holds for one field.
#[derive(Debug, Clone, Default)]
pub enum Raw {
    /// No such field or path.
    #[default]
    Absent,
    /// A field of a hash.
    Hash(Box<[u8]>),
    /// What a JSONPath selects: copies of the matches, in the order of the document.
    Json(Vec<json::Document>),
}

/// What a key holds, as far as an index wants to know.
#[derive(Debug, Clone, Default)]
pub struct RawDocument {
    /// One for each field of the schema, in its order. Missing ones at the end are absent.
    pub fields: Vec<Raw>,
    /// What SCORE_FIELD names.
    pub score: Option<Box<[u8]>>,
    /// What LANGUAGE_FIELD names.
    pub language: Option<Box<[u8]>>,
    /// What PAYLOAD_FIELD names.
    pub payload: Option<Box<[u8]>>,
}

/// A field's value, read.
#[derive(Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing, or JSON's null.
    Absent,
    /// Texts of a TEXT field.
    Texts(Vec<Cow<'a, [u8]>>),
    /// Labels of a TAG field, trimmed, not folded; empty ones only where the field indexes them.
    Tags(Vec<Cow<'a, [u8]>>),
    /// Numbers of a NUMERIC field; no NaN.
    Numbers(Vec<f64>),
    /// Points of a GEO field; valid.
    Points(Vec<Point>),
    /// The shape of a GEOSHAPE field.
    Shape(Arc<Shape>),
    /// Vectors of a VECTOR field: elements of its type, little-endian, finite.
    Vectors(Vec<Cow<'a, [u8]>>),
}

/// Why a value is refused. The whole document is out then, but where a text is [no shape](Failure::Shape): then the field is absent.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// A JSON string where the type takes none.
    JsonString,
    /// A JSON number where the type takes none.
    JsonNumber,
    /// A JSON boolean where the type takes none.
    JsonBool,
    /// A JSON object.
    JsonObject,
    /// An array for TEXT, TAG or GEO with something else than strings and nulls.
    JsonTextElements,
    /// An array for NUMERIC with something else than numbers and nulls.
    JsonNumericElements,
    /// `[]` for VECTOR.
    EmptyVector,
    /// An array that is not as long as the vectors of the field.
    VectorLength {
        /// The dimension of the field.
        expected: usize,
        /// How many elements there are.
        got: usize,
    },
    /// An element that is no finite number of the field's type.
    VectorElement(usize),
    /// A hash's field that is not as long as the vectors of the field.
    BlobSize {
        /// Bytes of a vector of the field.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// Not a number.
    Number(Box<[u8]>),
    /// Not two numbers.
    GeoText,
    /// Two numbers that are no point.
    GeoCoordinates(Point),
    /// A JSON array for GEOSHAPE.
    JsonShapeArray,
    /// A text that is no shape.
    Shape(shape::Problem),
}

/// Reads what a key holds for a field.
///
/// # Errors
/// A [`Failure`] for a value that the type of the field cannot be made from.
pub fn read<'a>(field: &Field, raw: &'a Raw) -> Result<Value<'a>, Failure> {
    match raw {
        Raw::Absent => Ok(Value::Absent),
        Raw::Hash(bytes) => read_hash(field, bytes),
        Raw::Json(matches) => read_json(field, matches),
    }
}

fn read_hash<'a>(field: &Field, bytes: &'a [u8]) -> Result<Value<'a>, Failure> {
    Ok(match &field.kind {
        Kind::Text(_) => Value::Texts(vec![Cow::Borrowed(bytes)]),
        Kind::Tag(tag) => Value::Tags(labels(tag, field.index_empty, Cow::Borrowed(bytes)).collect()),
        Kind::Numeric => Value::Numbers(vec![number_of(bytes)?]),
        Kind::Geo => Value::Points(vec![point_of(bytes)?]),
        Kind::Shape(system) => shape_of(bytes, *system)?,
        Kind::Vector(vector) => {
            let expected = vector.blob_size().unwrap_or(usize::MAX);
            if bytes.len() != expected {
                return Err(Failure::BlobSize { expected, got: bytes.len() });
            }
            finite(vector.element, bytes)?;
            Value::Vectors(vec![Cow::Borrowed(bytes)])
        }
    })
}

/// The labels in a text.
fn labels<'a>(tag: &Tag, keep_empty: bool, text: Cow<'a, [u8]>) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let parts: Vec<Cow<'a, [u8]>> = match (tag.separator, text) {
        (None, text) => vec![trimmed(text)],
        (Some(separator), Cow::Borrowed(text)) => {
            text.split(|byte| *byte == separator).map(|part| Cow::Borrowed(part.trim_ascii())).collect()
        }
        (Some(separator), Cow::Owned(text)) => {
            text.split(|byte| *byte == separator).map(|part| Cow::Owned(part.trim_ascii().to_vec())).collect()
        }
    };
    parts.into_iter().filter(move |part| keep_empty || !part.is_empty())
}

fn trimmed(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_vec()),
    }
}

fn number_of(text: &[u8]) -> Result<f64, Failure> {
    number::prefix(text)
        .filter(|(value, len)| *len == text.len() && !value.is_nan())
        .map(|(value, _)| value)
        .ok_or_else(|| Failure::Number(text.into()))
}

fn shape_of<'a>(text: &[u8], system: System) -> Result<Value<'a>, Failure> {
    Shape::parse(text, system).map(|shape| Value::Shape(Arc::new(shape))).map_err(Failure::Shape)
}

/// `lon,lat` or `lon lat`.
fn point_of(text: &[u8]) -> Result<Point, Failure> {
    let cut = text.iter().position(|byte| matches!(byte, b',' | b' ')).ok_or(Failure::GeoText)?;
    let number = |part: &[u8]| number::parse(part.trim_ascii()).ok_or(Failure::GeoText);
    let point = Point { lon: number(&text[..cut])?, lat: number(&text[cut + 1..])? };
    if point.is_valid() { Ok(point) } else { Err(Failure::GeoCoordinates(point)) }
}

/// Refuses a vector with a NaN or an infinity.
fn finite(element: Element, bytes: &[u8]) -> Result<(), Failure> {
    element.first_not_finite(bytes).map_or(Ok(()), |at| Err(Failure::VectorElement(at)))
}

fn read_json<'a>(field: &Field, matches: &'a [json::Document]) -> Result<Value<'a>, Failure> {
    if let Kind::Vector(vector) = &field.kind {
        return json_vectors(vector, matches);
    }
    let found: Vec<json::ValueRef<'a>> = matches.iter().map(json::Document::root).collect();
    if let Kind::Shape(system) = field.kind {
        return json_shape(system, &found);
    }
    // A path that matched once stands for the value; several matches are as the elements of an array.
    let (elements, array) = match found[..] {
        [] => return Ok(Value::Absent),
        [one] if one.is_array() => (one.elements().collect(), true),
        [one] if matches!(one.kind(), json::Kind::Null) => return Ok(Value::Absent),
        [_] => (found, false),
        _ => (found, true),
    };
    let elements = elements.into_iter().filter(|value: &json::ValueRef<'_>| !matches!(value.kind(), json::Kind::Null));
    match &field.kind {
        Kind::Numeric => elements.map(|value| json_number(value, array)).collect::<Result<_, _>>().map(Value::Numbers),
        Kind::Geo => {
            let points = elements.map(|value| point_of(&json_text(value, array, false)?));
            points.collect::<Result<_, _>>().map(Value::Points)
        }
        Kind::Tag(tag) => {
            let mut tags = Vec::new();
            for value in elements {
                tags.extend(labels(tag, field.index_empty, json_text(value, array, true)?));
            }
            Ok(Value::Tags(tags))
        }
        _ => elements.map(|value| json_text(value, array, false)).collect::<Result<_, _>>().map(Value::Texts),
    }
}

/// Why a value is refused that stands alone.
fn refused(value: json::ValueRef<'_>) -> Failure {
    match value.kind() {
        json::Kind::Str(_) => Failure::JsonString,
        json::Kind::Number(_) => Failure::JsonNumber,
        json::Kind::Bool(_) => Failure::JsonBool,
        _ => Failure::JsonObject,
    }
}

/// One string is a shape.
fn json_shape<'a>(system: System, found: &[json::ValueRef<'a>]) -> Result<Value<'a>, Failure> {
    let [one] = found else { return if found.is_empty() { Ok(Value::Absent) } else { Err(Failure::JsonShapeArray) } };
    match one.kind() {
        json::Kind::Null => Ok(Value::Absent),
        json::Kind::Str(text) => shape_of(text, system),
        json::Kind::Array => Err(Failure::JsonShapeArray),
        _ => Err(refused(*one)),
    }
}

fn json_number(value: json::ValueRef<'_>, in_array: bool) -> Result<f64, Failure> {
    match value.as_number() {
        Some(number) => Ok(number.as_f64()),
        None if in_array => Err(Failure::JsonNumericElements),
        None => Err(refused(value)),
    }
}

fn json_text<'a>(value: json::ValueRef<'a>, in_array: bool, tag: bool) -> Result<Cow<'a, [u8]>, Failure> {
    match value.kind() {
        json::Kind::Str(text) => Ok(Cow::Borrowed(text)),
        json::Kind::Bool(truth) if tag => Ok(Cow::Borrowed(if truth { b"true" } else { b"false" })),
        _ if in_array => Err(Failure::JsonTextElements),
        _ => Err(refused(value)),
    }
}

fn json_vectors<'a>(vector: &Vector, matches: &'a [json::Document]) -> Result<Value<'a>, Failure> {
    let mut vectors = Vec::new();
    for value in matches.iter().map(json::Document::root) {
        match value.kind() {
            json::Kind::Null => {}
            json::Kind::Array => vectors.push(Cow::Owned(json_vector(vector, value)?)),
            json::Kind::Str(text) => vectors.push(Cow::Owned(hex_vector(vector, text).ok_or(Failure::JsonString)??)),
            _ => return Err(refused(value)),
        }
    }
    Ok(if vectors.is_empty() { Value::Absent } else { Value::Vectors(vectors) })
}

/// An array of numbers as a vector.
fn json_vector(vector: &Vector, array: json::ValueRef<'_>) -> Result<Vec<u8>, Failure> {
    if array.is_empty() {
        return Err(Failure::EmptyVector);
    }
    if array.len() != vector.dim {
        return Err(Failure::VectorLength { expected: vector.dim, got: array.len() });
    }
    let mut bytes = Vec::with_capacity(vector.blob_size().unwrap_or(0));
    for (at, element) in array.elements().enumerate() {
        let number = element.as_number().ok_or(Failure::VectorElement(at))?.as_f64();
        put_element(vector.element, number, &mut bytes).ok_or(Failure::VectorElement(at))?;
    }
    Ok(bytes)
}

/// Appends an element; `None` if the type has no such number.
fn put_element(element: Element, number: f64, out: &mut Vec<u8>) -> Option<()> {
    let narrow = number as f32;
    match element {
        Element::Float64 if number.is_finite() => out.extend(number.to_le_bytes()),
        Element::Float32 if narrow.is_finite() => out.extend(narrow.to_le_bytes()),
        Element::Float16 if f16::from_f32(narrow).is_finite() => out.extend(f16::from_f32(narrow).to_le_bytes()),
        Element::Bfloat16 if bf16::from_f32(narrow).is_finite() => out.extend(bf16::from_f32(narrow).to_le_bytes()),
        // The casts are exact: whole numbers in range.
        Element::Int8 if number.fract() == 0.0 && (-128.0..=127.0).contains(&number) => out.push(number as i8 as u8),
        Element::Uint8 if number.fract() == 0.0 && (0.0..=255.0).contains(&number) => out.push(number as u8),
        _ => return None,
    }
    Some(())
}

/// Hex digits as a vector; `None` for a text that is not exactly a vector's worth of them.
fn hex_vector(vector: &Vector, text: &[u8]) -> Option<Result<Vec<u8>, Failure>> {
    if Some(text.len()) != vector.blob_size().and_then(|size| size.checked_mul(2)) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    // Two digits make a byte.
    let bytes: Option<Vec<u8>> =
        text.chunks(2).map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8)).collect();
    let bytes = bytes?;
    Some(finite(vector.element, &bytes).map(|()| bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::schema;

    fn field(definition: &str) -> Field {
        let words = format!("SCHEMA f {definition}");
        schema::create(b"i", words.split(' ').map(str::as_bytes)).unwrap().fields.remove(0)
    }

    fn json_field(definition: &str) -> Field {
        let words = format!("ON JSON SCHEMA $.f AS f {definition}");
        schema::create(b"i", words.split(' ').map(str::as_bytes)).unwrap().fields.remove(0)
    }

    const VECTOR: &str = "VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2";

    #[test]
    fn hash_values_are_read_or_refused() {
        let outcome = |definition: &str, text: &[u8]| {
            let raw = Raw::Hash(text.into());
            read(&field(definition), &raw).map(|value| format!("{value:?}")).map_err(|failure| format!("{failure:?}"))
        };
        let number = |n: f64| Ok(format!("Numbers([{n:?}])"));
        assert_eq!(outcome("NUMERIC", b"0x10"), number(16.0));
        assert_eq!(outcome("NUMERIC", b"-inf"), number(f64::NEG_INFINITY));
        assert_eq!(outcome("NUMERIC", b"1e308"), number(1e308));
        for bad in ["", " 1", "1 ", "nan", "foo", "1e400", "-1e309", "0x1p1024"] {
            assert!(outcome("NUMERIC", bad.as_bytes()).unwrap_err().starts_with("Number("), "{bad}");
        }
        assert_eq!(outcome("GEO", b"1.5,-2"), Ok("Points([Point { lon: 1.5, lat: -2.0 }])".into()));
        assert_eq!(outcome("GEO", b"1.5 2"), Ok("Points([Point { lon: 1.5, lat: 2.0 }])".into()));
        assert_eq!(outcome("GEO", b"-180,-90"), Ok("Points([Point { lon: -180.0, lat: -90.0 }])".into()));
        assert_eq!(outcome("GEO", b"1,86"), Ok("Points([Point { lon: 1.0, lat: 86.0 }])".into()));
        assert_eq!(outcome("GEO", b"1,90.01"), Err("GeoCoordinates(Point { lon: 1.0, lat: 90.01 })".into()));
        assert_eq!(outcome("GEO", b"1,1e400"), Err("GeoText".into()));
        assert_eq!(outcome("GEO", b"1"), Err("GeoText".into()));
        assert_eq!(outcome("GEO", b"1,200"), Err("GeoCoordinates(Point { lon: 1.0, lat: 200.0 })".into()));
        assert_eq!(outcome(VECTOR, b"abc"), Err("BlobSize { expected: 8, got: 3 }".into()));
        assert_eq!(outcome(VECTOR, &[0, 0, 128, 63, 0, 0, 192, 127]), Err("VectorElement(1)".into()));
        assert!(outcome(VECTOR, &[0; 8]).is_ok());
        let tags = |definition, text: &str, expected: &[&str]| {
            let (field, raw) = (field(definition), Raw::Hash(text.as_bytes().into()));
            let expected = expected.iter().map(|tag| Cow::Borrowed(tag.as_bytes())).collect();
            assert_eq!(read(&field, &raw), Ok(Value::Tags(expected)));
        };
        tags("TAG", " a,,B c , d ", &["a", "B c", "d"]);
        tags("TAG INDEXEMPTY", "a,,b", &["a", "", "b"]);
        tags("TAG SEPARATOR ;", "a,b;c", &["a,b", "c"]);
    }

    #[test]
    fn json_values_are_read_or_refused() {
        let all = |definition: &str, matches: &[&str]| {
            let matches = matches.iter().map(|text| json::Document::parse(text.as_bytes()).unwrap()).collect();
            let raw = Raw::Json(matches);
            read(&json_field(definition), &raw).map(|value| format!("{value:?}")).map_err(|f| format!("{f:?}"))
        };
        let one = |definition: &str, text: &str| all(definition, &[text]);
        assert_eq!(all("GEOSHAPE", &[]), Ok("Absent".into()));
        for (text, expected) in [
            ("null", Ok("Absent")),
            ("1", Err("JsonNumber")),
            ("true", Err("JsonBool")),
            ("{}", Err("JsonObject")),
            ("[]", Err("JsonShapeArray")),
            (r#"["POINT(1 1)"]"#, Err("JsonShapeArray")),
        ] {
            assert_eq!(one("GEOSHAPE FLAT", text), expected.map(String::from).map_err(String::from), "{text}");
        }
        assert!(one("GEOSHAPE FLAT", r#""POINT(1 1)""#).is_ok_and(|value| value.starts_with("Shape(")));
        for definition in ["TEXT", "TAG", "NUMERIC", "GEO", VECTOR] {
            assert_eq!(one(definition, "null"), Ok("Absent".into()), "{definition}");
            assert_eq!(all(definition, &[]), Ok("Absent".into()), "{definition}");
            assert!(one(definition, "[[1]]").is_err(), "{definition}");
            assert_eq!(one(definition, "{}"), Err("JsonObject".into()), "{definition}");
            assert_eq!(one(definition, "true").is_ok(), definition == "TAG");
            assert_eq!(one(definition, "1").is_ok(), definition == "NUMERIC");
            assert_eq!(one(definition, "[]").is_ok(), definition != VECTOR);
            assert_eq!(one(definition, r#"["1,1",null]"#).is_ok(), !["NUMERIC", VECTOR].contains(&definition));
            assert_eq!(one(definition, "[1,2]").is_ok(), ["NUMERIC", VECTOR].contains(&definition));
        }
        assert_eq!(one("TEXT", "1"), Err("JsonNumber".into()));
        assert_eq!(one("TEXT", "true"), Err("JsonBool".into()));
        assert_eq!(one("TEXT", "[1]"), Err("JsonTextElements".into()));
        assert_eq!(one("TEXT", "[true]"), Err("JsonTextElements".into()));
        assert_eq!(one("TAG", "[true,1]"), Err("JsonTextElements".into()));
        for (matches, tags) in [
            (&["[true,false,null]"][..], &["true", "false"][..]),
            (&["true", "false"], &["true", "false"]),
            (&["true", "null", "\"s\""], &["true", "s"]),
        ] {
            let expected: Vec<Cow<'_, [u8]>> = tags.iter().map(|tag| Cow::Borrowed(tag.as_bytes())).collect();
            assert_eq!(all("TAG", matches), Ok(format!("{:?}", Value::Tags(expected))), "{matches:?}");
        }
        assert_eq!(one("NUMERIC", "\"1\""), Err("JsonString".into()));
        assert_eq!(one("NUMERIC", "[\"1\"]"), Err("JsonNumericElements".into()));
        assert_eq!(one("NUMERIC", "[1,null,2]"), Ok("Numbers([1.0, 2.0])".into()));
        assert_eq!(all("NUMERIC", &["1", "2"]), Ok("Numbers([1.0, 2.0])".into()));
        assert_eq!(one(VECTOR, "[]"), Err("EmptyVector".into()));
        assert_eq!(one(VECTOR, "[1,2,3]"), Err("VectorLength { expected: 2, got: 3 }".into()));
        assert_eq!(one(VECTOR, "[1,\"x\"]"), Err("VectorElement(1)".into()));
        assert_eq!(one(VECTOR, "[1,1e39]"), Err("VectorElement(1)".into()));
        assert_eq!(one(VECTOR, "\"0000803f00000040\""), one(VECTOR, "[1,2]"));
        assert_eq!(one(VECTOR, "\"0000803f000000\""), Err("JsonString".into()));
        assert_eq!(one(VECTOR, "\"0000803f0000004x\""), Err("JsonString".into()));
        assert!(all(VECTOR, &["[1,2]", "null", "[3,4]"]).unwrap().starts_with("Vectors([["));
        assert_eq!(all(VECTOR, &[]), Ok("Absent".into()));
    }
}
