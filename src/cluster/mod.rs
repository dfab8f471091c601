//! What the nodes of a cluster tell each other, and how. Knows no server: all of it is tested without one.
//!
//! | file | what |
//! |---|---|
//! | [`wire`] | asks other nodes, on one thread |
//! | [`proposal`] | what is proposed to the registrar of definitions, and its answer |
//! | [`catalogue`] | which definitions a node has, in which versions |
//! | [`roll`] | the masters of the cluster |
//! | [`connection`] | one connection: what is to be sent, what was asked on it |
//! | [`login`] | how a node shows another one that it is of the same cluster |
//! | [`figures`] | what is counted for `INFO` |
//! | [`resp`] | requests and replies as bytes |
//! | [`frame`] | what is asked and answered |
//! | [`node`] | nodes |

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod connection;
pub mod figures;
pub mod frame;
pub mod login;
pub mod node;
pub mod proposal;
pub mod resp;
pub mod roll;
pub mod wire;
