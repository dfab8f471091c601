//! Texts of a cluster's nodes.

use super::Error;
use crate::cluster::login;
use crate::codec::Corrupt;

/// What a client reads that asks like a node, and is none.
pub const NO_NODE: Error = Error::fixed("NOPERM this client is no node of the cluster");
/// What a node reads that the bus does not confirm.
pub const SILENT: Error = Error::fixed(login::SILENT);
/// This node keeps its definitions to itself.
pub const NOT_SPREAD: Error = Error::fixed("ERR definitions of this node are its own: search.cluster-spread no");
/// The slot of the registrar has no owner, or none that answers.
pub const NO_REGISTRAR: Error = Error::fixed("TRYAGAIN no node decides on definitions now");
/// Who was to decide has not answered.
pub const REGISTRAR_LOST: Error =
    Error::fixed("TRYAGAIN the node that decides on definitions has not answered; it may still take hold");
/// Too few have answered whom a new registrar asks.
pub const NO_MAJORITY: Error = Error::fixed("TRYAGAIN too few nodes answer to decide on definitions");

/// Too few hold a definition.
pub fn held_by(held: usize, of: usize) -> Error {
    Error::composed(format!("TRYAGAIN definition reached {held} of {of} nodes; it may still take hold"))
}

/// The client is in a transaction or a script.
pub fn cannot_block(command: &[u8]) -> Error {
    Error::composed([b"Cannot perform `", command, b"`: Cannot block"].concat())
}

/// There is no such word.
pub const NO_SUCH_QUESTION: Error = Error::fixed("ERR nodes do not ask that");

/// What came is no frame.
pub fn corrupt(corrupt: Corrupt) -> Error {
    Error::composed(format!("ERR {corrupt}"))
}
