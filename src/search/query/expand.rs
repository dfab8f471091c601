//! Words to the union of themselves and their stems.
//!
//! Only words that are asked for are expanded: those of intersections and unions from the root on. What stands below
//! `-` and `~`, and the filter of a KNN, is taken as written, as clients know it. Fields with NOSTEM store no stems, so
//! there a stem finds only the word that is equal to it.

use super::Context;
use super::ast::{Kind, Node, Term};
use super::parser::is_number;
use crate::search::analysis::Stemmer;

/// Expands the words of a tree. Numbers have no stems, but in dialect 1 they are words like others.
pub(super) fn expand(node: &mut Node, stemmer: &Stemmer, context: &Context) {
    match &mut node.kind {
        Kind::Intersect(parts) | Kind::Union(parts) => {
            parts.iter_mut().for_each(|part| expand(part, stemmer, context));
        }
        Kind::Term(term) if term.text.is_empty() || context.dialect >= 2 && is_number(&term.text) => {}
        Kind::Term(term) => {
            let stems = stemmer.expansions(&term.text);
            let fields = node.fields;
            let mut parts = vec![node.clone()];
            for text in stems {
                let kind = Kind::Term(Term { text, expanded: true });
                parts.push(Node { fields, ..Node::new(kind) });
            }
            *node = Node { fields, ..Node::new(Kind::Union(parts)) };
        }
        _ => {}
    }
}
