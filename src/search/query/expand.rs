//! Words to the union of themselves, the groups of synonyms that they are in, what they sound like, and their stems; in a language
//! that is cut into words, of those words instead of stems.
//!
//! Only words that are asked for are expanded: those of intersections and unions from the root on. What stands below
//! `-` and `~`, and the filter of a KNN, is taken as written, as clients know it. Fields with NOSTEM store no stems, so
//! there a stem finds only the word that is equal to it. A word is looked for by its sound where it may stand in a field that is
//! phonetic, unless `$phonetic` says no.

use super::ast::{Kind, Node, Term};
use super::parser::is_number;
use super::{Context, Expansions, Sounds};
use crate::search::analysis::sound;
use crate::search::schema::FieldMask;

/// Expands the words of a tree.
pub(super) fn expand(node: &mut Node, context: &Context) {
    let Expansions { synonyms, sounds } = context.expansions;
    if context.stemmer.is_some() || synonyms.is_some() || sounds != Sounds::Nowhere {
        Expander { context, phonetic: context.schema.phonetic_fields() }.expand(node);
    }
}

struct Expander<'a> {
    context: &'a Context<'a>,
    /// The fields that are phonetic.
    phonetic: FieldMask,
}

impl Expander<'_> {
    /// Numbers stand for themselves only, but in dialect 1 they are words like others.
    fn expand(&self, node: &mut Node) {
        match &mut node.kind {
            Kind::Intersect(parts) | Kind::Union(parts) => parts.iter_mut().for_each(|part| self.expand(part)),
            Kind::Term(term) if term.text.is_empty() || self.context.dialect >= 2 && is_number(&term.text) => {}
            Kind::Term(term) => {
                let text = term.text.clone();
                let parts = self.parts(&text, node);
                if parts.is_empty() {
                    return;
                }
                let union = Node { fields: node.fields, ..Node::new(Kind::Union(Vec::new())) };
                let word = std::mem::replace(node, union);
                node.kind = Kind::Union([word].into_iter().chain(parts).collect());
            }
            _ => {}
        }
    }

    /// What stands beside a word.
    fn parts(&self, word: &[u8], node: &Node) -> Vec<Node> {
        let within = |kind| Node { fields: node.fields, ..Node::new(kind) };
        let form = |text: Box<[u8]>| within(Kind::Term(Term { text, expanded: true }));
        let synonyms = self.context.expansions.synonyms;
        let groups = synonyms.into_iter().flat_map(|synonyms| synonyms.of(word)).map(Box::from);
        let sound = if self.sounds(node) { sound(word) } else { None };
        let mut parts: Vec<Node> = groups.chain(sound).map(form).collect();
        match self.context.stemmer {
            Some(stemmer) if stemmer.cuts() => {
                let mut words = Vec::new();
                stemmer.words(word, |word| words.push(form(word.into())));
                if !words.is_empty() {
                    parts.push(within(Kind::Intersect(words)));
                }
            }
            Some(stemmer) => parts.extend(stemmer.expansions(word).into_iter().map(form)),
            None => {}
        }
        parts
    }

    /// Whether a word is looked for by its sound, too.
    fn sounds(&self, node: &Node) -> bool {
        match self.context.expansions.sounds {
            Sounds::Nowhere => false,
            Sounds::InPhoneticFields => {
                node.attributes.phonetic != Some(false) && node.fields.and(self.phonetic) != FieldMask::NONE
            }
            Sounds::Everywhere => true,
        }
    }
}
