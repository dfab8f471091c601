//! Aggregation: rows, the expressions over them and the steps that they go through.
//!
//! | part | what |
//! |---|---|
//! | [`value`] | what stands in a column of a row |
//! | [`expression`] | APPLY and FILTER |

pub mod expression;
pub mod value;
