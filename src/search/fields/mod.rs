//! The indexes of the fields, one file per type.

pub mod text;
