//! Search: schemas, analysis of text, the query language, indexes over documents, scores, pipelines. Knows no Redis.
//!
//! | module | what |
//! |---|---|
//! | [`doc_id`], [`column`], [`idset`] | numbers of documents; one value per document; sets of documents |
//! | [`fields`] | one index per type of field |

#![forbid(unsafe_code)]

pub mod column;
pub mod doc_id;
pub mod fields;
pub mod idset;
