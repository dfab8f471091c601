//! Texts of a cluster's nodes.

use super::Error;
use crate::cluster::login;
use crate::codec::Corrupt;

/// What a client reads that asks like a node, and is none.
pub const NO_NODE: Error = Error::fixed("NOPERM this client is no node of the cluster");
/// What a node reads that the bus does not confirm.
pub const SILENT: Error = Error::fixed(login::SILENT);
/// There is no such word.
pub const NO_SUCH_QUESTION: Error = Error::fixed("ERR nodes do not ask that");

/// What came is no frame.
pub fn corrupt(corrupt: Corrupt) -> Error {
    Error::composed(format!("ERR {corrupt}"))
}
