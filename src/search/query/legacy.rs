//! Dialect 1: the same words, with operators that reach further.
//!
//! ```text
//! query = [ "*" | expr ]
//! expr  = unit { unit }
//! unit  = alt { "|" alt }
//! alt   = ( word { word } | primary ) { "=>" attributes }
//! primary = "(" expr ")" | quotation | affix | fuzzy | ( "-" | "~" ) unit { unit }
//!         | @name { "|" name } ":" ( tags | range | unit )
//! ```
//! Words side by side belong together first, then `|`, then what else stands side by side. `-` reaches to the next
//! quotation or operator, `~` to the next `~`, a field over one unit. Numbers are words like others; there are no
//! parameters, no comparisons, no patterns and no vectors.

use super::Error;
use super::ast::{Kind as Is, Node};
use super::build::{join, unite};
use super::lexer::Kind;
use super::parser::Parser;
use crate::search::schema::FieldMask;

impl Parser<'_> {
    /// A whole query.
    pub(super) fn legacy_query(&mut self) -> Result<Option<Node>, Error> {
        let tree = match self.peek().kind {
            Kind::End => None,
            Kind::Star => {
                self.bump();
                Some(Node::new(Is::All))
            }
            _ => self.legacy_expr()?,
        };
        self.expect(Kind::End)?;
        Ok(tree)
    }

    fn legacy_expr(&mut self) -> Result<Option<Node>, Error> {
        let mut tree = self.legacy_unit()?;
        while self.starts_legacy_unit() {
            let right = self.legacy_unit()?;
            tree = join(tree, right);
        }
        Ok(tree)
    }

    fn starts_legacy_unit(&self) -> bool {
        self.within_not() || matches!(self.peek().kind, Kind::Minus | Kind::Tilde | Kind::Quote)
    }

    /// Whether a unit starts that a `-` before it takes in.
    fn within_not(&self) -> bool {
        let kind = self.peek().kind;
        is_word(kind) || matches!(kind, Kind::Affix { .. } | Kind::Percent | Kind::Field | Kind::Open)
    }

    fn legacy_unit(&mut self) -> Result<Option<Node>, Error> {
        let mut tree = self.legacy_alternative()?;
        while self.accept(Kind::Or) {
            let right = self.legacy_alternative()?;
            tree = unite(tree, right);
        }
        Ok(tree)
    }

    fn legacy_alternative(&mut self) -> Result<Option<Node>, Error> {
        let mut node =
            if is_word(self.peek().kind) { self.legacy_words()? } else { self.nested(Self::legacy_primary)? };
        while self.accept(Kind::Arrow) {
            let attributes = self.attributes()?;
            node = self.with_attributes(node, attributes)?;
        }
        Ok(node)
    }

    fn legacy_words(&mut self) -> Result<Option<Node>, Error> {
        let mut tree = None;
        while is_word(self.peek().kind) {
            let word = self.atom()?;
            tree = join(tree, word);
        }
        Ok(tree)
    }

    fn legacy_primary(&mut self) -> Result<Option<Node>, Error> {
        match self.peek().kind {
            Kind::Open => {
                self.bump();
                let inner = self.legacy_expr()?;
                self.expect(Kind::Close)?;
                Ok(inner)
            }
            Kind::Quote => self.legacy_phrase().map(Some),
            Kind::Field => self.legacy_field(),
            Kind::Affix { .. } | Kind::Percent => self.atom(),
            kind @ (Kind::Minus | Kind::Tilde) => {
                self.bump();
                let mut inner = self.legacy_unit()?;
                while self.reached_by(kind) {
                    let right = self.legacy_unit()?;
                    inner = join(inner, right);
                }
                let inner = inner.map(Box::new);
                Ok(inner.map(|inner| Node::new(if kind == Kind::Minus { Is::Not(inner) } else { Is::Optional(inner) })))
            }
            _ => self.fail(),
        }
    }

    /// Whether a unit starts that the operator before it takes in.
    fn reached_by(&self, operator: Kind) -> bool {
        if operator == Kind::Minus {
            self.within_not()
        } else {
            self.starts_legacy_unit() && self.peek().kind != Kind::Tilde
        }
    }

    /// `"…"`: all the words up to the next mark.
    fn legacy_phrase(&mut self) -> Result<Node, Error> {
        self.expect(Kind::Quote)?;
        let first = self.at;
        let mut words = Vec::new();
        while matches!(self.peek().kind, Kind::Term | Kind::Number | Kind::Stopword) {
            let text = self.bump().text;
            words.extend(self.phrase(text));
        }
        if self.at == first {
            return self.fail();
        }
        self.expect(Kind::Quote)?;
        Ok(Node::new(Is::Phrase(words)))
    }

    fn legacy_field(&mut self) -> Result<Option<Node>, Error> {
        let first = self.bump().text;
        let names = self.more_names(first)?;
        self.expect(Kind::Colon)?;
        match self.peek().kind {
            Kind::OpenBrace if names.len() == 1 => return self.tags(first).map(Some),
            Kind::OpenBracket if names.len() == 1 => return self.brackets(first).map(Some),
            _ => {}
        }
        let mask = names.iter().fold(FieldMask::NONE, |mask, name| mask.or(self.text_field(name)));
        let below = self.legacy_unit()?;
        Ok(self.below_field(below, mask))
    }
}

fn is_word(kind: Kind) -> bool {
    matches!(kind, Kind::Term | Kind::Stopword | Kind::Number)
}
