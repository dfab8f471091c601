//! The index of all TEXT fields.

pub mod postings;
