//! The tree as FT.EXPLAIN shows it.
//!
//! One node a line, two blanks a level; a node below fields starts with `@a|b:`, below none that exists with `@NULL:`.
//! Numbers of ranges are shown as C's `%f`, others as its `%g`.

use super::ast::{Affix, Attributes, Circle, Kind, Knn, Node, Range, TagValue, Term, VectorRange, WrittenOption};
use super::clauses::UNITS;
use crate::search::analysis::{fold, unescape};
use crate::search::arguments::name_of;
use crate::search::schema::{FieldMask, Schema};
use crate::search::shape::Predicate;

/// The text of a tree; ends in an end of line. FT.EXPLAINCLI shows it line by line.
pub fn explain(tree: &Node, schema: &Schema) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), schema };
    writer.node(tree, 0);
    writer.out
}

struct Writer<'a> {
    out: Vec<u8>,
    schema: &'a Schema,
}

impl Writer<'_> {
    fn text(&mut self, text: impl AsRef<[u8]>) {
        self.out.extend_from_slice(text.as_ref());
    }

    fn indent(&mut self, depth: usize) {
        self.out.resize(self.out.len() + 2 * depth, b' ');
    }

    /// A node and the end of its line.
    fn node(&mut self, node: &Node, depth: usize) {
        self.indent(depth);
        if is_text(&node.kind) {
            self.fields(node.fields);
        }
        self.kind(node, depth);
        if !matches!(node.kind, Kind::Term(_)) {
            self.attributes(&node.attributes);
        }
        self.text("\n");
    }

    fn fields(&mut self, fields: FieldMask) {
        if fields == FieldMask::ALL {
            return;
        }
        let names: Vec<_> = self.schema.texts().filter(|(_, _, text)| fields.contains(text.id)).collect();
        self.text("@");
        if names.is_empty() {
            self.text("NULL");
        }
        for (at, (_, field, _)) in names.into_iter().enumerate() {
            self.text(if at == 0 { "" } else { "|" });
            self.text(&field.alias);
        }
        self.text(":");
    }

    fn kind(&mut self, node: &Node, depth: usize) {
        match &node.kind {
            Kind::Empty => self.text("<empty>"),
            Kind::All => self.text("<WILDCARD>"),
            Kind::Intersect(parts) => self.group("INTERSECT {", parts, depth),
            Kind::Union(parts) => self.group("UNION {", parts, depth),
            Kind::Not(inner) => self.group("NOT{", std::slice::from_ref(&**inner), depth),
            Kind::Optional(inner) => self.group("OPTIONAL{", std::slice::from_ref(&**inner), depth),
            Kind::Term(term) => {
                self.text(if term.text.is_empty() { b"\"\"" } else { &term.text[..] });
                self.text(if term.expanded { "(expanded)" } else { "" });
                if let Some(weight) = node.attributes.weight.filter(|weight| *weight != 1.0) {
                    self.text(format!(" => {{$weight: {};}}", general(weight)));
                }
            }
            Kind::Phrase(terms) => {
                let part = |term: &Term| Node { fields: node.fields, ..Node::new(Kind::Term(term.clone())) };
                self.group("EXACT {", &terms.iter().map(part).collect::<Vec<_>>(), depth);
            }
            Kind::Fuzzy { text, .. } => {
                self.text("FUZZY{");
                self.text(text);
                self.text("}");
            }
            Kind::Affix(affix) => self.affix(affix),
            Kind::Wildcard(pattern) => self.pattern(&pattern.text),
            _ => self.clause(node, depth),
        }
    }

    fn clause(&mut self, node: &Node, depth: usize) {
        match &node.kind {
            Kind::Tag { field, values } => {
                self.text("TAG:@");
                self.text(&field.name);
                self.text(" {\n");
                values.iter().for_each(|value| self.tag(value, depth + 1));
                self.close(depth);
            }
            Kind::Numeric { field, range } => self.range(&field.name, range),
            Kind::Geo { field, circle } => self.circle(&field.name, circle),
            Kind::Shape { predicate, text, .. } => self.shape(*predicate, text),
            Kind::Missing(field) => {
                self.text("ISMISSING{");
                self.text(&field.name);
                self.text("}");
            }
            Kind::Knn(knn) => self.knn(knn, depth),
            Kind::VectorRange(range) => self.vector_range(range),
            _ => {}
        }
    }

    fn shape(&mut self, predicate: Predicate, text: &[u8]) {
        let number = match predicate {
            Predicate::Contains => 1,
            Predicate::Within => 2,
            Predicate::Disjoint => 3,
            Predicate::Intersects => 4,
        };
        self.text(format!("GEOSHAPE{{{number} "));
        self.text(text);
        self.text("}");
    }

    fn group(&mut self, name: &str, parts: &[Node], depth: usize) {
        self.text(name);
        self.text("\n");
        parts.iter().for_each(|part| self.node(part, depth + 1));
        self.close(depth);
    }

    fn close(&mut self, depth: usize) {
        self.indent(depth);
        self.text("}");
    }

    fn affix(&mut self, affix: &Affix) {
        self.text(match (affix.open_start, affix.open_end) {
            (true, true) => "INFIX{*",
            (true, false) => "SUFFIX{*",
            _ => "PREFIX{",
        });
        self.text(&affix.text);
        self.text(if affix.open_end { "*}" } else { "}" });
    }

    fn pattern(&mut self, pattern: &[u8]) {
        self.text("WILDCARD{");
        self.text(unescape(pattern));
        self.text("}");
    }

    fn tag(&mut self, value: &TagValue, depth: usize) {
        self.indent(depth);
        match value {
            TagValue::Exact(text) => self.text(if text.is_empty() { b"\"\"" } else { &text[..] }),
            TagValue::Words(words) => {
                self.text("INTERSECT {\n");
                for word in words {
                    self.indent(depth + 1);
                    self.text(fold(word));
                    self.text("\n");
                }
                self.close(depth);
            }
            TagValue::Affix(affix) => self.affix(affix),
            TagValue::Wildcard(pattern) => self.pattern(&pattern.text),
        }
        self.text("\n");
    }

    fn range(&mut self, name: &[u8], range: &Range) {
        let sign = |inclusive| if inclusive { "<=" } else { "<" };
        self.text(format!("NUMERIC {{{:.6} {} @", range.min, sign(range.min_inclusive)));
        self.text(name);
        self.text(format!(" {} {:.6}}}", sign(range.max_inclusive), range.max));
    }

    fn circle(&mut self, name: &[u8], circle: &Circle) {
        let Circle { lon, lat, radius, unit } = circle;
        self.text("GEO ");
        self.text(name);
        self.text(format!(":{{{lon:.6},{lat:.6} --> {radius:.6} {}}}", name_of(UNITS, unit).unwrap_or_default()));
    }

    fn knn(&mut self, knn: &Knn, depth: usize) {
        self.text("VECTOR {");
        if let Some(filter) = &knn.filter {
            self.text("\n");
            self.node(filter, depth + 1);
            self.close(depth);
            self.text(" => {");
        }
        self.text(format!("K={} nearest vectors to `$", knn.k));
        self.vector(&knn.vector.parameter, &knn.field.name, &knn.written, Some(&knn.distance_as));
    }

    fn vector_range(&mut self, range: &VectorRange) {
        let radius = general(range.radius);
        self.text(format!("VECTOR {{Vectors that are within {radius} distance radius from `$"));
        let name = range.distance_as.as_deref();
        self.vector(&range.vector.parameter, &range.field.name, &range.written, name);
    }

    /// What vector clauses end in.
    fn vector(&mut self, blob: &[u8], field: &[u8], written: &[WrittenOption], name: Option<&[u8]>) {
        self.text(blob);
        self.text("` in vector index associated with field @");
        self.text(field);
        for WrittenOption { name: option, value } in written {
            self.text(", ");
            self.text(option);
            self.text(" = ");
            self.text(value);
        }
        if let Some(name) = name {
            self.text(", yields distance as `");
            self.text(name);
            self.text("`");
        }
        self.text("}");
    }

    fn attributes(&mut self, attributes: &Attributes) {
        let weight = attributes.weight.filter(|weight| *weight != 1.0);
        let slop = attributes.slop.filter(|slop| *slop != -1);
        let in_order = attributes.in_order == Some(true);
        if weight.is_none() && slop.is_none() && !in_order {
            return;
        }
        self.text(" => {");
        if let Some(weight) = weight {
            self.text(format!(" $weight: {};", general(weight)));
        }
        if let Some(slop) = slop {
            self.text(format!(" $slop: {slop};"));
        }
        if slop.is_some() || in_order {
            self.text(format!(" $inorder: {in_order};"));
        }
        self.text(" }");
    }
}

/// Whether fields say where a node looks.
fn is_text(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Tag { .. }
            | Kind::Numeric { .. }
            | Kind::Geo { .. }
            | Kind::Shape { .. }
            | Kind::Missing(_)
            | Kind::VectorRange(_)
            | Kind::Knn(_)
            | Kind::All
            | Kind::Empty
    )
}

/// A number as C's `%g` shows it: six significant digits, no zeros at the end.
fn general(value: f64) -> String {
    if !value.is_finite() {
        return format!("{value}");
    }
    let scientific = format!("{value:.5e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        trimmed(&format!("{value:.*}", usize::try_from(5 - exponent).unwrap_or(0)))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_are_shown_as_in_c() {
        for (value, text) in [
            (0.5, "0.5"),
            (1000.0, "1000"),
            (0.123456789, "0.123457"),
            (123456789.0, "1.23457e+08"),
            (999999.5, "1e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0"),
            (0.0, "0"),
            (f64::INFINITY, "inf"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
