//! The grammar, from expressions down to words.
//!
//! ```text
//! query   = [ expr ] | star [ knn ] | primary knn          star = "*" | "(" star ")"
//! expr    = and { "|" and }
//! and     = operand { operand }
//! operand = ( "-" | "~" ) operand | primary [ operand ]    the second only if it is tight
//! primary = ( atom | "(" expr ")" | field | comparison | "ismissing" "(" @name ")" ) { "=>" attributes }
//! field   = @name { "|" name } ":" ( tags | range | operand )
//! ```
//! Numbers, parameters, affixes, patterns and fuzzy words are *tight*: they go with what stands before them more closely
//! than `-`, `~`, `@f:` and other words do. So `-x y` is "not x, and y" but `-x y*` is "not both", and `@t:x y*` asks for
//! both in `t`. That is what clients get from the servers they know ([`is_tight`]).
//!
//! Below a field there are only words, parentheses and operators, no other fields.

use std::borrow::Cow;

use super::ast::{self, Kind as Is, MAX_DEPTH, Node, Term};
use super::build::{join, unite};
use super::lexer::{self, Kind, Token, tokens, unescape};
use super::{Context, Error};
use crate::search::analysis::{Tokens, fold};
use crate::search::number;
use crate::search::schema::FieldMask;
use std::collections::HashSet;

/// Reads a query.
pub(super) fn parse(text: &[u8], context: &Context) -> Result<Node, Error> {
    let legacy = context.dialect < 2;
    let tokens = tokens(text, context.stop_words, legacy);
    let mut parser = Parser {
        context: *context,
        tokens,
        at: 0,
        depth: 0,
        parameter_error: None,
        schema_error: None,
        names: HashSet::new(),
    };
    let tree = if legacy { parser.legacy_query() } else { parser.query() }?;
    match parser.parameter_error.or(parser.schema_error) {
        Some(error) => Err(error),
        None => Ok(tree.unwrap_or(Node::new(Is::Empty))),
    }
}

/// A query half read.
pub(super) struct Parser<'a> {
    pub(super) context: Context<'a>,
    pub(super) tokens: Vec<Token<'a>>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// The first error of a parameter; told unless the syntax is wrong.
    pub(super) parameter_error: Option<Error>,
    /// The first thing that the schema refuses; told unless a parameter is wrong.
    schema_error: Option<Error>,
    /// Names of distances so far.
    pub(super) names: HashSet<Box<[u8]>>,
}

/// Whether a token goes with the expression before it more closely than operators do.
fn is_tight(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Parameter | Kind::Affix { .. } | Kind::Pattern | Kind::Percent)
}

impl<'a> Parser<'a> {
    /// The token to read next.
    pub(super) fn peek(&self) -> Token<'a> {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// Takes the next token.
    pub(super) fn bump(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Takes the next token if it is of this kind.
    pub(super) fn accept(&mut self, kind: Kind) -> bool {
        let found = self.peek().kind == kind;
        self.at += usize::from(found);
        found
    }

    /// Takes the next token, which must be of this kind.
    pub(super) fn expect(&mut self, kind: Kind) -> Result<Token<'a>, Error> {
        if self.peek().kind == kind { Ok(self.bump()) } else { self.fail() }
    }

    /// The next token is wrong.
    pub(super) fn fail<T>(&self) -> Result<T, Error> {
        let token = self.peek();
        Err(Error::Syntax { offset: token.offset, near: token.near.into() })
    }

    /// Keeps an error of a parameter.
    pub(super) fn wrong_parameter(&mut self, error: Error) {
        self.parameter_error.get_or_insert(error);
    }

    /// Keeps something that the schema refuses.
    pub(super) fn schema_error(&mut self, error: Error) {
        self.schema_error.get_or_insert(error);
    }

    /// Runs a rule one level deeper.
    pub(super) fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= MAX_DEPTH - 2 {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    fn query(&mut self) -> Result<Option<Node>, Error> {
        if self.peek().kind == Kind::End {
            return Ok(None);
        }
        if let Some(result) = self.star() {
            result?;
            return if self.peek().kind == Kind::Arrow {
                self.knn(None).map(Some)
            } else {
                self.expect(Kind::End).map(|_| Some(Node::new(Is::All)))
            };
        }
        let tree = self.expr(false)?;
        if self.peek().kind == Kind::Arrow {
            return self.knn(tree).map(Some);
        }
        self.expect(Kind::End)?;
        Ok(tree)
    }

    /// `*` in any number of parentheses, if the query starts so.
    pub(super) fn star(&mut self) -> Option<Result<(), Error>> {
        let opened = self.tokens.iter().take_while(|token| token.kind == Kind::Open).count();
        if self.tokens.get(opened).is_none_or(|token| token.kind != Kind::Star) {
            return None;
        }
        self.at = opened + 1;
        Some((0..opened).try_for_each(|_| self.expect(Kind::Close).map(drop)))
    }

    /// `text`: below a field.
    fn expr(&mut self, text: bool) -> Result<Option<Node>, Error> {
        let mut tree = self.and(text)?;
        while self.accept(Kind::Or) {
            let right = self.and(text)?;
            tree = unite(tree, right);
        }
        Ok(tree)
    }

    fn and(&mut self, text: bool) -> Result<Option<Node>, Error> {
        let mut tree = self.operand(text)?;
        while self.starts_operand(text) {
            let right = self.operand(text)?;
            tree = join(tree, right);
        }
        Ok(tree)
    }

    fn starts_operand(&self, text: bool) -> bool {
        match self.peek().kind {
            Kind::Term | Kind::Stopword | Kind::Quoted | Kind::Empty | Kind::Quote | Kind::Open => true,
            Kind::Minus | Kind::Tilde => true,
            Kind::Field | Kind::Comparison => !text,
            kind => is_tight(kind),
        }
    }

    fn operand(&mut self, text: bool) -> Result<Option<Node>, Error> {
        self.nested(|parser| match parser.peek().kind {
            Kind::Minus | Kind::Tilde => parser.unary(text),
            _ => {
                let primary = parser.primary(text)?;
                parser.with_tight(primary, text)
            }
        })
    }

    fn unary(&mut self, text: bool) -> Result<Option<Node>, Error> {
        let not = self.bump().kind == Kind::Minus;
        let inner = self.operand(text)?.map(Box::new);
        Ok(inner.map(|inner| Node::new(if not { Is::Not(inner) } else { Is::Optional(inner) })))
    }

    /// What stands tightly behind an expression goes with it.
    fn with_tight(&mut self, left: Option<Node>, text: bool) -> Result<Option<Node>, Error> {
        if !is_tight(self.peek().kind) {
            return Ok(left);
        }
        let right = self.operand(text)?;
        Ok(join(left, right))
    }

    fn primary(&mut self, text: bool) -> Result<Option<Node>, Error> {
        let first = self.at;
        let mut node = self.bare_primary(text)?;
        while self.peek().kind == Kind::Arrow {
            let next = self.tokens.get(self.at + 1).map(|token| token.kind);
            if first == 0 && next == Some(Kind::OpenBracket) {
                break;
            }
            self.bump();
            let attributes = self.attributes()?;
            node = self.with_attributes(node, attributes)?;
        }
        Ok(node)
    }

    /// A primary without its attributes.
    fn bare_primary(&mut self, text: bool) -> Result<Option<Node>, Error> {
        match self.peek().kind {
            Kind::Open => {
                self.bump();
                let inner = self.expr(text)?;
                self.expect(Kind::Close)?;
                Ok(inner)
            }
            Kind::Field if !text => self.field(),
            Kind::Comparison if !text => self.comparison().map(Some),
            Kind::Term if !text && self.peek().is("ismissing") => self.missing().map(Some),
            _ => self.atom(),
        }
    }

    /// `@name:` and what follows.
    fn field(&mut self) -> Result<Option<Node>, Error> {
        let first = self.bump().text;
        let names = self.more_names(first)?;
        self.expect(Kind::Colon)?;
        match self.peek().kind {
            Kind::OpenBrace if names.len() == 1 => return self.tags(first).map(Some),
            Kind::OpenBracket if names.len() == 1 => return self.brackets(first).map(Some),
            _ => {}
        }
        let mask = names.iter().fold(FieldMask::NONE, |mask, name| mask.or(self.text_field(name)));
        let below = self.nested(|parser| match parser.peek().kind {
            Kind::Minus | Kind::Tilde => parser.unary(true),
            _ => {
                let primary = parser.bare_primary(true)?;
                parser.with_tight(primary, true)
            }
        })?;
        Ok(self.below_field(below, mask))
    }

    /// The names after the first of `@a|b|c`.
    pub(super) fn more_names(&mut self, first: &'a [u8]) -> Result<Vec<Box<[u8]>>, Error> {
        let mut names = vec![unescape(first).into()];
        while self.accept(Kind::Or) {
            if !matches!(self.peek().kind, Kind::Term | Kind::Stopword | Kind::Number | Kind::Quoted) {
                return self.fail();
            }
            names.push(unescape(self.bump().text).into());
        }
        Ok(names)
    }

    /// The TEXT field of this name, as a set; empty if there is none.
    pub(super) fn text_field(&self, name: &[u8]) -> FieldMask {
        let schema = self.context.schema;
        match schema.find(name).map(|id| &schema.field(id).kind) {
            Some(crate::search::schema::Kind::Text(text)) => FieldMask::of(text.id),
            _ => FieldMask::NONE,
        }
    }

    /// Puts an expression below fields, which have to be able to answer it.
    pub(super) fn below_field(&mut self, below: Option<Node>, mask: FieldMask) -> Option<Node> {
        let mut below = below?;
        super::build::restrict(&mut below, mask);
        self.check_fields(&below);
        Some(below)
    }

    /// What the fields of a tree have to be able to.
    fn check_fields(&mut self, node: &Node) {
        match &node.kind {
            Is::Intersect(parts) | Is::Union(parts) => parts.iter().for_each(|part| self.check_fields(part)),
            Is::Not(inner) | Is::Optional(inner) => self.check_fields(inner),
            Is::Term(term) if term.text.is_empty() && node.fields != FieldMask::NONE => {
                let schema = self.context.schema;
                if !schema.texts().any(|(_, field, text)| node.fields.contains(text.id) && field.index_empty) {
                    self.schema_error(Error::EmptyNotIndexed);
                }
            }
            Is::Term(_) => self.check_phonetic(node),
            // A part of one character is never looked for.
            Is::Affix(part) if part.open_start && part.text.len() >= 2 => self.check_suffixes(node.fields),
            Is::Wildcard(_) => self.check_suffixes(node.fields),
            _ => {}
        }
    }

    /// `$phonetic` needs a field that is phonetic.
    pub(super) fn check_phonetic(&mut self, node: &Node) {
        let is_told = matches!(node.kind, Is::Term(_)) && node.attributes.phonetic.is_some();
        if is_told && node.fields.and(self.context.schema.phonetic_fields()) == FieldMask::NONE {
            self.schema_error(Error::Phonetic);
        }
    }

    fn check_suffixes(&mut self, fields: FieldMask) {
        let schema = self.context.schema;
        let anywhere = schema.texts().any(|(_, _, text)| text.suffix_trie);
        let lacking = schema.texts().any(|(_, _, text)| fields.contains(text.id) && !text.suffix_trie);
        if anywhere && lacking {
            self.schema_error(Error::NoSuffixTrie);
        }
    }

    /// A word or something like one.
    pub(super) fn atom(&mut self) -> Result<Option<Node>, Error> {
        let token = self.peek();
        let kind = match token.kind {
            Kind::Stopword => {
                self.bump();
                return Ok(None);
            }
            Kind::Term | Kind::Number => term(&self.literal(token)),
            Kind::Empty => term(b""),
            Kind::Parameter if self.has_parameters() => term(&self.literal(token)),
            Kind::Quoted => Is::Phrase(self.phrase(token.text)),
            Kind::Affix { open_start, open_end } => {
                Is::Affix(ast::Affix { text: fold(&self.literal(token)).into(), open_start, open_end })
            }
            Kind::Pattern => {
                let text = if token.parameter { self.parameter(token.text) } else { token.text };
                Is::Wildcard(ast::Pattern { text: fold(text).into() })
            }
            Kind::Percent => return self.fuzzy().map(Some),
            Kind::Quote => return self.open_quote(),
            _ => return self.fail(),
        };
        self.bump();
        Ok(Some(Node::new(kind)))
    }

    /// Whether `$name` stands for a value.
    pub(super) fn has_parameters(&self) -> bool {
        self.context.dialect >= 2
    }

    /// The value of a parameter; empty, and an error kept, if there is none.
    pub(super) fn parameter(&mut self, name: &[u8]) -> &'a [u8] {
        match self.context.params.get(name) {
            Some(value) => value,
            None => {
                self.wrong_parameter(Error::NoParameter(name.into()));
                b""
            }
        }
    }

    /// What a word means, written in the query or as a parameter: both are unescaped alike.
    pub(super) fn literal(&mut self, token: Token<'a>) -> Cow<'a, [u8]> {
        unescape(if token.parameter { self.parameter(token.text) } else { token.text })
    }

    /// The number that a parameter is; 0, and an error kept, if it is none.
    pub(super) fn numeric_parameter(&mut self, name: &[u8]) -> f64 {
        let Some(value) = self.context.params.get(name) else {
            self.parameter(name);
            return 0.0;
        };
        number::parse(value).filter(|value| !value.is_nan()).unwrap_or_else(|| {
            self.wrong_parameter(Error::NotNumeric { name: name.into(), value: value.into() });
            0.0
        })
    }

    /// The words of a quotation, cut as those of documents.
    pub(super) fn phrase(&self, text: &[u8]) -> Vec<Term> {
        let mut terms = Vec::new();
        let mut add = |word: &[u8]| {
            if !self.context.stop_words.contains(word) {
                terms.push(Term { text: word.into(), expanded: false });
            }
        };
        for token in Tokens::new(text) {
            match self.context.stemmer {
                Some(stemmer) => stemmer.words(&fold(&token), &mut add),
                None => add(&fold(&token)),
            }
        }
        terms
    }

    /// `%x%`, `%%x%%` or `%%%x%%%`.
    pub(super) fn fuzzy(&mut self) -> Result<Node, Error> {
        let mut distance = 0u8;
        while distance < 3 && self.accept(Kind::Percent) {
            distance += 1;
        }
        let token = self.peek();
        let text = match token.kind {
            Kind::Term | Kind::Stopword | Kind::Number | Kind::Quoted => self.literal(token),
            Kind::Parameter if self.has_parameters() => self.literal(token),
            _ => return self.fail(),
        };
        self.bump();
        for _ in 0..distance {
            self.expect(Kind::Percent)?;
        }
        Ok(Node::new(Is::Fuzzy { text: fold(&text).into(), distance }))
    }

    /// A quotation mark that nothing closes: the query breaks off at the token after it.
    fn open_quote<T>(&mut self) -> Result<T, Error> {
        self.bump();
        self.accept(Kind::Parameter);
        self.fail()
    }
}

/// A term as the index stores it.
pub(super) fn term(text: &[u8]) -> Is {
    Is::Term(Term { text: fold(text).into(), expanded: false })
}

/// Whether a whole text is a number, as queries write them.
pub(super) fn is_number(text: &[u8]) -> bool {
    lexer::number_len(text) == text.len()
}
