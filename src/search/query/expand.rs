//! Words to the union of themselves and their stems; in a language that is cut into words, of themselves and those words.
//!
//! Only words that are asked for are expanded: those of intersections and unions from the root on. What stands below
//! `-` and `~`, and the filter of a KNN, is taken as written, as clients know it. Fields with NOSTEM store no stems, so
//! there a stem finds only the word that is equal to it.

use super::Context;
use super::ast::{Kind, Node, Term};
use super::parser::is_number;
use crate::search::analysis::Stemmer;
use crate::search::schema::FieldMask;

/// Expands the words of a tree. Numbers have no stems, but in dialect 1 they are words like others.
pub(super) fn expand(node: &mut Node, stemmer: &Stemmer, context: &Context) {
    match &mut node.kind {
        Kind::Intersect(parts) | Kind::Union(parts) => {
            parts.iter_mut().for_each(|part| expand(part, stemmer, context));
        }
        Kind::Term(term) if term.text.is_empty() || context.dialect >= 2 && is_number(&term.text) => {}
        Kind::Term(term) => {
            let parts = expanded(term, stemmer, node.fields);
            let union = Node { fields: node.fields, ..Node::new(Kind::Union(Vec::new())) };
            let word = std::mem::replace(node, union);
            node.kind = Kind::Union([word].into_iter().chain(parts).collect());
        }
        _ => {}
    }
}

/// What stands beside a word.
fn expanded(term: &Term, stemmer: &Stemmer, fields: FieldMask) -> Vec<Node> {
    let within = |kind| Node { fields, ..Node::new(kind) };
    let form = |text| within(Kind::Term(Term { text, expanded: true }));
    if !stemmer.cuts() {
        return stemmer.expansions(&term.text).into_iter().map(form).collect();
    }
    let mut words = Vec::new();
    stemmer.words(&term.text, |word| words.push(form(word.into())));
    if words.is_empty() { words } else { vec![within(Kind::Intersect(words))] }
}
