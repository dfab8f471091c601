//! Spelling: which words of a query are in no document, and which like them are.
//!
//! | file | what |
//! |---|---|
//! | [`dictionary`] | words that are right, or to be suggested, whatever the index holds |
//!
//! Every word of a query is looked at, in its order: wherever it stands, but not a part of a word (`x*`, `w'x'`, `%x%`), nor a tag. A
//! word is right if it is in any document, in whichever field, or in a dictionary to exclude. To others, those words of the index are
//! suggested that are few edits away and stand in a field that the word was asked for in, the one that most documents have first;
//! then the words of the dictionaries to include that are as near, and were not suggested.
//!
//! Near words are found by walking over the sorted terms with the rows of an edit distance's table, which follow the letters as an
//! automaton does: what terms have in common is worked out once, and terms that start too far off are jumped over.

pub mod dictionary;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::doc_id::DocId;
use super::fields::terms::{Affix, Limits, TermId};
use super::index::Index;
use super::query::ast::{Kind, Node};
use super::schema::FieldMask;
use crate::watch::Watch;
use dictionary::Dictionary;

/// A word of a query, and in which TEXT fields it is asked for.
pub type Asked = (Box<[u8]>, FieldMask);

/// What a query is checked by.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// The words of the query, in its order.
    pub words: Vec<Asked>,
    /// Edits at most.
    pub distance: u8,
    /// Words to be suggested too.
    pub include: Vec<Dictionary>,
    /// Words that are right.
    pub exclude: Vec<Dictionary>,
}

/// A word to write instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The word.
    pub text: Box<[u8]>,
    /// The share of the documents that have it; 0 for a word of a dictionary.
    pub score: f64,
}

/// A word that is in no document, and what is like it.
pub type Misspelt = (Box<[u8]>, Arc<[Suggestion]>);

/// The words of a query that are to be checked, in its order.
pub fn words(node: &Node) -> Vec<Asked> {
    let mut words = Vec::new();
    collect(node, &mut words);
    words
}

fn collect(node: &Node, words: &mut Vec<Asked>) {
    match &node.kind {
        Kind::Intersect(parts) | Kind::Union(parts) => parts.iter().for_each(|part| collect(part, words)),
        Kind::Not(inner) | Kind::Optional(inner) => collect(inner, words),
        Kind::Knn(knn) => knn.filter.iter().for_each(|filter| collect(filter, words)),
        Kind::Term(term) if !term.text.is_empty() => words.push((term.text.clone(), node.fields)),
        Kind::Phrase(terms) => words.extend(terms.iter().map(|term| (term.text.clone(), node.fields))),
        _ => {}
    }
}

impl Check {
    /// The words that are in no document, in the order of the query, each as often as it has it; when time is over, those that were
    /// looked at by then.
    pub fn run(&self, index: &Index, watch: &Watch<'_>) -> Vec<Misspelt> {
        let mut known: HashMap<&Asked, Arc<[Suggestion]>> = HashMap::new();
        let mut misspelt = Vec::new();
        for asked in &self.words {
            if watch.spend(1) {
                break;
            }
            let (word, fields) = asked;
            if index.text().find(word).is_some() || self.exclude.iter().any(|dictionary| dictionary.has(word)) {
                continue;
            }
            let suggestions =
                known.entry(asked).or_insert_with(|| self.suggestions(index, word, *fields, watch).into());
            // A reply names them as often as the query has the word.
            watch.spend(suggestions.len());
            misspelt.push((word.clone(), Arc::clone(suggestions)));
        }
        misspelt
    }

    fn suggestions(&self, index: &Index, word: &[u8], fields: FieldMask, watch: &Watch<'_>) -> Vec<Suggestion> {
        let text = index.text();
        let documents = index.documents().len() as f64;
        let limits = Limits { most: usize::MAX, watch };
        let near = text.matching(Affix::Fuzzy(word, self.distance), limits).ids;
        let in_fields = near.into_iter().filter(|id| is_in(index, *id, fields, watch));
        let suggestion = |id| {
            let docs = text.postings(id).map_or(0, |postings| postings.docs());
            Suggestion { text: text.text(id).into(), score: f64::from(docs) / documents }
        };
        let mut suggestions: Vec<Suggestion> = in_fields.map(suggestion).collect();
        // They come by their bytes, and those that as many documents have stay so.
        suggestions.sort_by(|one, other| other.score.total_cmp(&one.score));
        let mut suggested: HashSet<Box<[u8]>> = suggestions.iter().map(|one| one.text.clone()).collect();
        for dictionary in &self.include {
            for (folded, text) in dictionary.near(word, self.distance, watch) {
                if suggested.insert(folded.into()) {
                    suggestions.push(Suggestion { text: text.into(), score: 0.0 });
                }
            }
        }
        suggestions
    }
}

/// Whether a document has a term in one of some fields.
fn is_in(index: &Index, term: TermId, fields: FieldMask, watch: &Watch<'_>) -> bool {
    let text = index.text();
    if fields == FieldMask::ALL || !text.format().fields {
        return fields != FieldMask::NONE;
    }
    let Some(mut cursor) = text.postings(term).map(|postings| text.cursor(postings)) else { return false };
    while cursor.doc() != DocId::END && !watch.spend(1) {
        if cursor.mask().and(fields) != FieldMask::NONE {
            return true;
        }
        cursor.advance();
    }
    false
}

#[cfg(test)]
mod tests;
