//! The query language: text in, tree out.
//!
//! | module | what |
//! |---|---|
//! | [`ast`] | the tree: what a query means, names already resolved against the schema |

pub mod ast;
