//! The indexes of the fields, one file per type, and what they are made of.

pub mod fuzzy;
pub mod glob;
pub mod runs;
pub mod terms;
pub mod text;
