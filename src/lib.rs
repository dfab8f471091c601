//! Vector sets, search and JSON documents for any Redis ≥ 7.0 and any Valkey, as one module.
//!
//! Map of the code; the arrows between the layers are kept by `scripts/check-layers`.
//!
//! | module | what |
//! |---|---|
//! | [`error`] | every text a client can read |
//! | [`codec`] | byte sources and sinks, so that encodings are tested without a server |
//! | [`vector`] | distances, quantization, the graph, the flat index; knows no Redis |
//! | [`vset`] | the vector set: names, attributes, filter language, encoding; knows no Redis |

pub mod codec;
pub mod error;
pub mod vector;
pub mod vset;
