//! How nodes are put together.
//!
//! `None` is what stop words leave: nothing to match, and nothing to ask for. It vanishes in whatever it is put into.

use super::ast::{Kind, Node};
use crate::search::schema::FieldMask;

/// Two expressions side by side. One more goes into an intersection that is there already, even one in parentheses with
/// attributes, which then hold for it too, as clients know it.
pub fn join(left: Option<Node>, right: Option<Node>) -> Option<Node> {
    let (mut left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.or(right),
    };
    if left.fields == FieldMask::ALL
        && let Kind::Intersect(parts) = &mut left.kind
    {
        parts.push(right);
        return Some(left);
    }
    Some(Node::new(Kind::Intersect(vec![left, right])))
}

/// Two expressions with `|` between them.
pub fn unite(left: Option<Node>, right: Option<Node>) -> Option<Node> {
    let (mut left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.or(right),
    };
    if left.fields == FieldMask::ALL
        && let Kind::Union(parts) = &mut left.kind
    {
        parts.push(right);
        return Some(left);
    }
    Some(Node::new(Kind::Union(vec![left, right])))
}

/// Restricts the text of a tree to fields.
pub fn restrict(node: &mut Node, fields: FieldMask) {
    node.fields = node.fields.and(fields);
    match &mut node.kind {
        Kind::Intersect(parts) | Kind::Union(parts) => parts.iter_mut().for_each(|part| restrict(part, fields)),
        Kind::Not(inner) | Kind::Optional(inner) => restrict(inner, fields),
        Kind::Knn(knn) => {
            if let Some(filter) = &mut knn.filter {
                restrict(filter, fields);
            }
        }
        _ => {}
    }
}
