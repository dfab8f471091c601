//! The indexes of the fields, one file per type, and what they are made of.

pub mod fingerprint;
pub mod fuzzy;
pub mod geo;
pub mod glob;
pub mod numeric;
pub mod runs;
pub mod shape;
pub mod tag;
pub mod terms;
pub mod text;
pub mod vector;
