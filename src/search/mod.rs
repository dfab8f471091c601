//! Search: indexes over hashes and JSON documents, and the queries on them. Knows no Redis.
//!
//! Map of the whole engine, in the order in which a definition, a document and a query travel through it:
//!
//! | module | what |
//! |---|---|
//! | [`arguments`], [`number`], [`decimal`] | the words of a command; text to number, as C reads it; number to text |
//! | [`schema`] | what FT.CREATE defines: the options of an index, its fields and their types |
//! | [`doc_id`], [`mod@column`], [`idset`] | numbers of documents; one value per document; sets of documents |
//! | [`fold`] | case folding |
//! | [`sorting`], `top` | sorting that stops when time is over; the first of many |
//! | [`document`], [`documents`] | from what a key holds to what the indexes take; keys and numbers |
//! | [`fields`] | one index per type of field |
//! | [`shape`] | points and polygons of GEOSHAPE, and how they lie |
//! | [`explanation`] | how a score came about |
//! | [`encoding`] | what is saved of an index: its graphs |
//! | [`index`], [`live`], [`info`] | an index: documents and fields; with its log, shared by threads; its figures |
//! | [`plan`], [`execute`] | from the tree of a query to documents, and to rows |
//! | [`filters`] | the documents that options beside the query allow |
//! | [`profile`] | what of that was done, how often and how long |
//! | [`docset`], [`score`] | the documents that match a clause, one after the other; how well they do |
//! | [`analysis`] | from text to terms, for documents and queries alike |
//! | [`query`] | the query language: its tree ([`query::ast`]), which is what plans are made of |
//! | [`highlight`] | texts as rows show them: words marked, or in pieces |
//! | [`suggest`] | suggestions, which are of no index |
//! | [`spelling`] | which words of a query are in no document, and which are like them |
//! | [`moved`] | definitions in files of RediSearch |
//! | [`request`] | FT.SEARCH and what it shares with FT.AGGREGATE, as they are asked |
//! | [`hybrid`] | FT.HYBRID: two searches fused into one |
//! | [`aggregate`] | rows and the steps of FT.AGGREGATE; the expressions of APPLY and FILTER |
//!
//! Invariants that hold everywhere:
//! * A field is named by its [`schema::FieldId`], its position in the schema. Fields are only ever appended
//!   (FT.ALTER), so an id stays valid as long as the schema lives.
//! * Names, terms, tags and patterns are bytes; nothing here assumes UTF-8.
//! * Errors are facts (enums); the texts that clients read are in `error::search`.
//! * Nothing here starts a thread, and only [`live`] takes locks: a [`schema::Schema`] and a query tree are values, shared
//!   by `Arc`.

#![forbid(unsafe_code)]

pub mod aggregate;
pub mod analysis;
pub mod arguments;
pub mod candidates;
pub mod column;
pub mod decimal;
pub mod doc_id;
pub mod docset;
pub mod document;
pub mod documents;
pub mod encoding;
pub mod execute;
pub mod explanation;
pub mod fields;
pub mod filters;
pub mod fold;
pub mod highlight;
pub mod hybrid;
pub mod idset;
pub mod index;
pub mod info;
pub mod live;
pub mod moved;
pub mod number;
pub mod plan;
pub mod profile;
pub mod query;
pub mod request;
pub mod schema;
pub mod score;
pub mod shape;
pub mod sortable;
pub mod sorting;
pub mod spelling;
pub mod suggest;
pub mod symbols;
mod top;
