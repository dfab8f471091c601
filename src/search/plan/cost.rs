//! What a query will cost, so that who asks can choose where it runs.

use super::{Plan, Settings, each_range};
use crate::search::index::{Index, Values};
use crate::search::query::ast::{Kind, Node, TagValue};

/// About how many nanoseconds [`execute`](crate::search::execute::execute) takes, learned from a few looks into the index;
/// `None`: long, or nobody knows.
pub fn cost(index: &Index, settings: &Settings, root: &Node) -> Option<u64> {
    /// Of finding a document and scoring it.
    const DOCUMENT: u64 = 60;
    let mut has_range = false;
    each_range(root, &mut |_| has_range = true);
    if has_range {
        return None;
    }
    let plan = Plan::new(index, settings, root, None);
    let Kind::Knn(knn) = &root.kind else { return Some(plan.effort(root)?.saturating_mul(DOCUMENT)) };
    let filter = knn.filter.as_deref()?;
    let Values::Vector(vectors) = &index.field(knn.field.id?)?.values else { return None };
    let among = vectors.cost_among(plan.estimate(filter), knn.k, &knn.options)?;
    Some(among.saturating_add(plan.effort(filter)?.saturating_mul(DOCUMENT)))
}

impl Plan<'_> {
    /// About how many documents are looked at to find those that match; `None`: many, or nobody knows.
    fn effort(&self, node: &Node) -> Option<u64> {
        match &node.kind {
            Kind::Affix(_) | Kind::Wildcard(_) | Kind::Fuzzy { .. } | Kind::Not(_) | Kind::Optional(_) => None,
            Kind::Tag { values, .. }
                if values.iter().any(|value| matches!(value, TagValue::Affix(_) | TagValue::Wildcard(_))) =>
            {
                None
            }
            Kind::Union(children) => children.iter().map(|child| self.effort(child)).sum(),
            Kind::Intersect(children) => {
                // Words and tags are looked up beside the rarest one; of other clauses, all that match are made first.
                let least = self.estimate(node);
                let is_word = |node: &Node| matches!(node.kind, Kind::Term(_) | Kind::Phrase(_));
                let each = children.iter().map(|child| match &child.kind {
                    Kind::Union(forms) if forms.iter().all(is_word) => Some(least.saturating_mul(forms.len() as u64)),
                    _ if is_word(child) => Some(least),
                    _ => self.effort(child),
                });
                each.sum()
            }
            _ => Some(self.estimate(node)),
        }
    }
}
