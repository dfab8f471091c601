//! Why a document could not be indexed, as FT.INFO says it.

use super::Error;
use super::search::shape;
use crate::search::document::Failure;

/// The text of a failure.
pub fn failure(fact: &Failure) -> Error {
    match fact {
        Failure::JsonString => {
            Error::fixed("Invalid JSON type: String type can represent only TEXT, TAG, GEO or GEOMETRY field")
        }
        Failure::JsonNumber => Error::fixed("Invalid JSON type: Numeric type can represent only NUMERIC field"),
        Failure::JsonBool => Error::fixed("Invalid JSON type: Boolean type can be represent only TAG field"),
        Failure::JsonObject => Error::fixed("Invalid JSON type: Object type can represent only GEOMETRY fields"),
        Failure::JsonTextElements => Error::fixed("TEXT/TAG fields can only contain strings or nulls"),
        Failure::JsonNumericElements => Error::fixed("NUMERIC fields can only contain numeric or nulls"),
        Failure::EmptyVector => Error::fixed("Empty array for vector field on JSON document"),
        Failure::VectorLength { expected, got } => {
            Error::composed(format!("Invalid vector length. Expected {expected}, got {got}"))
        }
        Failure::VectorElement(at) => Error::composed(format!("Invalid vector element at index {at}")),
        Failure::BlobSize { expected, got } => {
            Error::composed(format!("Could not add vector with blob size {got} (expected size {expected})"))
        }
        Failure::Number(text) => Error::composed([b"Invalid numeric value: '", &text[..], b"'"].concat()),
        Failure::JsonShapeArray => Error::fixed("Invalid JSON type: Array type cannot represent GEOMETRY field"),
        Failure::Shape(problem) => Error::composed(shape("Error indexing geoshape: ", problem)),
        Failure::GeoText => Error::fixed("Invalid geo string"),
        Failure::GeoCoordinates(point) => {
            Error::composed(format!("Invalid geo coordinates: {:.6}, {:.6}", point.lon, point.lat))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::fields::geo::Point;

    #[test]
    fn texts_are_those_that_clients_know() {
        for (fact, text) in [
            (Failure::BlobSize { expected: 8, got: 3 }, "Could not add vector with blob size 3 (expected size 8)"),
            (Failure::Number(b"foo"[..].into()), "Invalid numeric value: 'foo'"),
            (Failure::GeoCoordinates(Point { lon: 1.0, lat: 200.0 }), "Invalid geo coordinates: 1.000000, 200.000000"),
            (Failure::VectorLength { expected: 2, got: 3 }, "Invalid vector length. Expected 2, got 3"),
        ] {
            assert_eq!(failure(&fact).text(), text.as_bytes());
        }
    }
}
