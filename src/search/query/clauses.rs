//! The clauses with brackets: tags, ranges, circles, vectors, `ismissing`, attributes.
//!
//! ```text
//! tags       = "{" tag { "|" tag } "}"
//! tag        = affix | pattern | word { word }
//! brackets   = "[" bound [ bound ] "]" | "[" number number number unit "]"
//!            | "[" VECTOR_RANGE number $blob "]"
//! bound      = [ "(" ] number
//! knn        = "=>" "[" KNN count @name $blob { name value } [ AS name ] "]" [ "=>" attributes ]
//! attributes = "{" { $name ":" value ";" } "}"
//! ```

use super::Error;
use super::ast::{
    Affix, Circle, FieldRef, Kind as Is, Knn, Node, Pattern, QueryVector, Range, TagValue, Unit, VectorOptions,
    VectorRange, WrittenOption,
};
use super::lexer::{Kind, Operator, Token, unescape};
use super::parser::Parser;
use crate::search::arguments::lookup;
use crate::search::fields::geo::Point;
use crate::search::number;
use crate::search::schema;
use crate::search::shape::{Predicate, Shape};
use std::sync::Arc;

/// Names of units.
pub const UNITS: &[(&str, Unit)] =
    &[("m", Unit::Meters), ("km", Unit::Kilometers), ("mi", Unit::Miles), ("ft", Unit::Feet)];

/// Predicates of shapes.
const SHAPE_PREDICATES: &[(&str, Predicate)] = &[
    ("within", Predicate::Within),
    ("contains", Predicate::Contains),
    ("intersects", Predicate::Intersects),
    ("disjoint", Predicate::Disjoint),
];

/// Attributes that only vector clauses have; their values are looked at when the clause meets its field.
const VECTOR_ATTRIBUTES: &[(&str, ())] = &[
    ("ef_runtime", ()),
    ("epsilon", ()),
    ("hybrid_policy", ()),
    ("batch_size", ()),
    ("search_window_size", ()),
    ("search_buffer_capacity", ()),
    ("use_search_history", ()),
    ("shard_k_ratio", ()),
];

/// An attribute as written.
pub struct Attribute<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Parser<'a> {
    fn field_ref(&self, name: &[u8], is_kind: fn(&schema::Kind) -> bool) -> FieldRef {
        let name = unescape(name);
        let schema = self.context.schema;
        FieldRef { id: schema.find(&name).filter(|id| is_kind(&schema.field(*id).kind)), name: name.into() }
    }

    /// A number with an optional `-`, or a parameter that is one.
    fn signed_number(&mut self) -> Result<f64, Error> {
        let negative = self.accept(Kind::Minus);
        let token = self.peek();
        let value = match token.kind {
            Kind::Number => self.number(token.text, Error::LowerBound),
            Kind::Parameter if self.has_parameters() => self.numeric_parameter(token.text),
            _ => return self.fail(),
        };
        self.bump();
        Ok(if negative { -value } else { value })
    }

    /// What follows `@name:` when that is a bracket.
    pub(super) fn brackets(&mut self, name: &[u8]) -> Result<Node, Error> {
        self.expect(Kind::OpenBracket)?;
        if self.has_parameters() && matches!(self.peek().kind, Kind::Term | Kind::Stopword | Kind::Quoted) {
            return self.vector_range(name);
        }
        let before = self.parameter_error.is_some();
        let (min, min_inclusive) = self.bound()?;
        if min_inclusive && self.peek().kind == Kind::CloseBracket && self.has_parameters() {
            self.bump();
            return Ok(self.numeric(name, Range { min, max: min, min_inclusive: true, max_inclusive: true }));
        }
        let between = self.parameter_error.is_some();
        let (max, max_inclusive) = self.bound()?;
        if self.accept(Kind::CloseBracket) {
            self.name_bound(before, if between { Error::LowerBound } else { Error::UpperBound });
            return Ok(self.numeric(name, Range { min, max, min_inclusive, max_inclusive }));
        }
        if !min_inclusive || !max_inclusive {
            return self.fail();
        }
        self.circle(name, min, max)
    }

    fn bound(&mut self) -> Result<(f64, bool), Error> {
        let inclusive = !self.accept(Kind::Open);
        Ok((self.signed_number()?, inclusive))
    }

    /// A number in the query; 0, and an error kept, if it is too large for one.
    fn number(&mut self, text: &[u8], error: fn(Box<[u8]>) -> Error) -> f64 {
        number::parse(text).unwrap_or_else(|| {
            self.wrong_parameter(error(text.into()));
            0.0
        })
    }

    /// What is no number is told as the bound it stands for, once that is known.
    fn name_bound(&mut self, before: bool, error: fn(Box<[u8]>) -> Error) {
        if let (false, Some(Error::NotNumeric { value, .. } | Error::LowerBound(value))) =
            (before, &self.parameter_error)
        {
            self.parameter_error = Some(error(value.clone()));
        }
    }

    fn numeric(&mut self, name: &[u8], range: Range) -> Node {
        let field = self.field_ref(name, |kind| matches!(kind, schema::Kind::Numeric));
        if range.min > range.max {
            self.schema_error(Error::EmptyRange { name: field.name.clone(), range });
        }
        Node::new(Is::Numeric { field, range })
    }

    /// `@name<3` and its like.
    pub(super) fn comparison(&mut self) -> Result<Node, Error> {
        let token = self.bump();
        let Some(compared) = token.comparison else { return self.fail() };
        let upper = matches!(compared.operator, Operator::Less | Operator::LessOrEqual);
        let value = match compared.parameter {
            true => self.numeric_parameter(compared.value),
            false => self.number(compared.value, if upper { Error::UpperBound } else { Error::LowerBound }),
        };
        let value = if compared.negative { -value } else { value };
        let all = Range { min: f64::NEG_INFINITY, max: f64::INFINITY, min_inclusive: true, max_inclusive: true };
        let range = match compared.operator {
            Operator::Equal | Operator::NotEqual => Range { min: value, max: value, ..all },
            Operator::Less => Range { max: value, max_inclusive: false, ..all },
            Operator::LessOrEqual => Range { max: value, ..all },
            Operator::Greater => Range { min: value, min_inclusive: false, ..all },
            Operator::GreaterOrEqual => Range { min: value, ..all },
        };
        let node = self.numeric(token.text, range);
        Ok(if compared.operator == Operator::NotEqual { Node::new(Is::Not(Box::new(node))) } else { node })
    }

    /// The rest of `[lon lat radius unit]`.
    fn circle(&mut self, name: &[u8], lon: f64, lat: f64) -> Result<Node, Error> {
        let radius = self.signed_number()?;
        let token = self.peek();
        let unit = match token.kind {
            Kind::Term | Kind::Stopword | Kind::Number | Kind::Quoted => token.text,
            Kind::Parameter if self.has_parameters() => self.parameter(token.text),
            _ => return self.fail(),
        };
        self.bump();
        self.expect(Kind::CloseBracket)?;
        let unit = lookup(UNITS, unit);
        if unit.is_none() {
            self.schema_error(Error::GeoUnit);
        } else if !(Point { lon, lat }).is_valid() {
            self.schema_error(Error::GeoPosition);
        } else if radius <= 0.0 {
            self.schema_error(Error::GeoRadius);
        }
        let circle = Circle { lon, lat, radius, unit: unit.unwrap_or(Unit::Meters) };
        let field = self.field_ref(name, |kind| matches!(kind, schema::Kind::Geo));
        Ok(Node::new(Is::Geo { field, circle }))
    }

    /// `VECTOR_RANGE radius $blob ]`, or an operation with a shape.
    fn vector_range(&mut self, name: &[u8]) -> Result<Node, Error> {
        let command = self.bump();
        let operand = self.peek();
        let next = self.tokens.get(self.at + 1).map(|token| token.kind);
        if operand.kind == Kind::Parameter && next == Some(Kind::CloseBracket) {
            self.at += 2;
            let predicate = lookup(SHAPE_PREDICATES, command.text);
            let predicate = predicate.ok_or(Error::NotShapePredicate { offset: operand.offset })?;
            return Ok(self.shape(name, predicate, operand.text));
        }
        let radius = self.signed_number()?;
        let blob = self.expect(Kind::Parameter)?;
        if !command.text.eq_ignore_ascii_case(b"VECTOR_RANGE") {
            return Err(Error::NotVectorRange { offset: command.offset, near: command.text.into() });
        }
        self.expect(Kind::CloseBracket)?;
        Ok(Node::new(Is::VectorRange(VectorRange {
            field: self.vector_field(name),
            radius,
            vector: self.blob(blob.text),
            options: VectorOptions::default(),
            written: Vec::new(),
            distance_as: None,
        })))
    }

    /// `WITHIN $shape ]` and its like.
    fn shape(&mut self, name: &[u8], predicate: Predicate, parameter: &[u8]) -> Node {
        let field = self.field_ref(name, |kind| matches!(kind, schema::Kind::Shape(_)));
        let text: Box<[u8]> = self.parameter(parameter).into();
        let mut shape = None;
        if let Some(schema::Kind::Shape(system)) = field.id.map(|id| &self.context.schema.field(id).kind)
            && self.context.params.get(parameter).is_some()
        {
            match Shape::parse(&text, *system) {
                Ok(parsed) => shape = Some(Arc::new(parsed)),
                Err(problem) => self.schema_error(Error::Shape(problem)),
            }
        }
        Node::new(Is::Shape { field, predicate, shape, text })
    }

    fn vector_field(&self, name: &[u8]) -> FieldRef {
        self.field_ref(name, |kind| matches!(kind, schema::Kind::Vector(_)))
    }

    fn blob(&mut self, name: &[u8]) -> QueryVector {
        QueryVector { parameter: name.into(), blob: self.parameter(name).into() }
    }

    /// `=>[KNN …]` behind a filter, up to the end of the query.
    pub(super) fn knn(&mut self, filter: Option<Node>) -> Result<Node, Error> {
        self.expect(Kind::Arrow)?;
        self.expect(Kind::OpenBracket)?;
        if !matches!(self.peek().kind, Kind::Term | Kind::Stopword) {
            return self.fail();
        }
        let command = self.bump();
        let k = self.count()?;
        let field = self.expect(Kind::Field)?;
        let blob = self.expect(Kind::Parameter)?;
        if !command.is("KNN") {
            return Err(Error::NotKnn { offset: command.offset, near: command.text.into() });
        }
        let field = self.vector_field(field.text);
        let mut knn = Knn {
            filter: filter.map(Box::new),
            k,
            vector: self.blob(blob.text),
            distance_as: [b"__", &field.name[..], b"_score"].concat().into(),
            field,
            options: VectorOptions::default(),
            written: Vec::new(),
        };
        let named = self.knn_options(&mut knn)?;
        let mut node = Some(Node::new(Is::Knn(knn)));
        if self.accept(Kind::Arrow) {
            let attributes = self.attributes()?;
            let given = attributes.iter().find(|one| one.name.eq_ignore_ascii_case(b"yield_distance_as"));
            if let (true, Some(given), Some(Node { kind: Is::Knn(knn), .. })) = (named, given, &node)
                && knn.field.id.is_some()
            {
                self.schema_error(Error::TwoNames(knn.distance_as.clone(), given.value.into()));
            }
            node = self.with_attributes(node, attributes)?;
        }
        self.expect(Kind::End)?;
        let Some(node) = node else { return self.fail() };
        if let Is::Knn(Knn { field: FieldRef { id: Some(_), .. }, distance_as, .. }) = &node.kind {
            self.use_name(distance_as);
        }
        Ok(node)
    }

    /// Reads `{ name value } [ AS name ] "]"`; whether there was a name for the distance.
    fn knn_options(&mut self, knn: &mut Knn) -> Result<bool, Error> {
        loop {
            let token = self.peek();
            if self.accept(Kind::CloseBracket) {
                return Ok(false);
            }
            if token.is("AS") {
                self.bump();
                knn.distance_as = self.value()?.into();
                self.expect(Kind::CloseBracket)?;
                return Ok(true);
            }
            if !matches!(token.kind, Kind::Term | Kind::Stopword) {
                return self.fail();
            }
            self.bump();
            let value = self.value()?;
            knn.written.push(WrittenOption { name: token.text.into(), value: value.into() });
        }
    }

    /// A word, a number, a quotation or a parameter's value.
    fn value(&mut self) -> Result<&'a [u8], Error> {
        let token = self.peek();
        let value = match token.kind {
            Kind::Term | Kind::Stopword | Kind::Number | Kind::Quoted | Kind::Empty => token.text,
            Kind::Parameter if self.has_parameters() => self.parameter(token.text),
            _ => return self.fail(),
        };
        self.bump();
        Ok(value)
    }

    /// An unsigned integer, or a parameter that is one.
    fn count(&mut self) -> Result<usize, Error> {
        let token = self.peek();
        match token.kind {
            Kind::Number if token.text.iter().all(u8::is_ascii_digit) => {
                self.bump();
                Ok(count_of(token.text).unwrap_or(usize::MAX))
            }
            Kind::Parameter => {
                self.bump();
                let text = self.parameter(token.text);
                if self.context.params.get(token.text).is_some() && count_of(text).is_none() {
                    self.wrong_parameter(Error::NotNumeric { name: token.text.into(), value: text.into() });
                }
                Ok(count_of(text).unwrap_or(0))
            }
            _ => self.fail(),
        }
    }

    /// `ismissing(@name)`
    pub(super) fn missing(&mut self) -> Result<Node, Error> {
        self.bump();
        self.expect(Kind::Open)?;
        let name = self.expect(Kind::Field)?.text;
        self.expect(Kind::Close)?;
        let field = self.field_ref(name, |_| true);
        if field.id.is_some_and(|id| !self.context.schema.field(id).index_missing) {
            self.schema_error(Error::MissingNotIndexed(field.name.clone()));
        }
        Ok(Node::new(Is::Missing(field)))
    }

    /// `{a | b}`
    pub(super) fn tags(&mut self, name: &[u8]) -> Result<Node, Error> {
        self.expect(Kind::OpenBrace)?;
        let field = self.field_ref(name, |kind| matches!(kind, schema::Kind::Tag(_)));
        let mut values = Vec::new();
        // A client may have nothing to fill a parameter with: that finds nothing, as it should.
        let mut empty = false;
        loop {
            let written = self.peek().kind != Kind::Parameter;
            let value = self.tag()?;
            empty |= written && value == TagValue::Exact(Box::default());
            values.push(value);
            if !self.accept(Kind::Or) {
                break;
            }
        }
        self.expect(Kind::CloseBrace)?;
        if empty && !field.id.is_some_and(|id| self.context.schema.field(id).index_empty) {
            self.schema_error(Error::EmptyNotIndexed);
        }
        Ok(Node::new(Is::Tag { field, values }))
    }

    fn tag(&mut self) -> Result<TagValue, Error> {
        let token = self.peek();
        match token.kind {
            Kind::Affix { open_start, open_end } => {
                self.bump();
                let text = self.literal(token).into();
                return Ok(TagValue::Affix(Affix { text, open_start, open_end }));
            }
            Kind::Pattern => {
                self.bump();
                let text = if token.parameter { self.parameter(token.text) } else { token.text };
                return Ok(TagValue::Wildcard(Pattern { text: text.into() }));
            }
            _ => {}
        }
        let mut words: Vec<Box<[u8]>> = vec![self.tag_word(token)?];
        while is_tag_word(self.peek().kind) {
            words.push(self.tag_word(self.peek())?);
        }
        Ok(if words.len() == 1 { TagValue::Exact(words.swap_remove(0)) } else { TagValue::Words(words) })
    }

    fn tag_word(&mut self, token: Token<'a>) -> Result<Box<[u8]>, Error> {
        if !is_tag_word(token.kind) || token.kind == Kind::Parameter && !self.has_parameters() {
            return self.fail();
        }
        self.bump();
        Ok(self.literal(token).trim_ascii().into())
    }

    /// `{$name: value; …}`
    pub(super) fn attributes(&mut self) -> Result<Vec<Attribute<'a>>, Error> {
        self.expect(Kind::OpenBrace)?;
        let mut attributes = Vec::new();
        loop {
            if self.peek().kind == Kind::Parameter {
                let name = self.bump().text;
                self.expect(Kind::Colon)?;
                let token = self.peek();
                if token.kind == Kind::Parameter
                    && self.has_parameters()
                    && self.context.params.get(token.text).is_none()
                {
                    return Err(Error::NoParameter(token.text.into()));
                }
                attributes.push(Attribute { name, value: self.value()? });
                if self.peek().kind == Kind::CloseBrace {
                    continue;
                }
                self.expect(Kind::Semicolon)?;
            } else if self.accept(Kind::CloseBrace) {
                return Ok(attributes);
            } else {
                self.expect(Kind::Semicolon)?;
            }
        }
    }

    /// Gives a node attributes. What is wrong with them ends the reading at once.
    pub(super) fn with_attributes(
        &mut self,
        node: Option<Node>,
        attributes: Vec<Attribute<'a>>,
    ) -> Result<Option<Node>, Error> {
        let Some(mut node) = node else { return Ok(None) };
        for attribute in &attributes {
            self.attribute(&mut node, attribute)?;
        }
        if let Is::VectorRange(VectorRange { field: FieldRef { id: Some(_), .. }, distance_as: Some(name), .. }) =
            &node.kind
            && attributes.iter().any(|one| one.name.eq_ignore_ascii_case(b"yield_distance_as"))
        {
            self.use_name(&name.clone());
        }
        Ok(Some(node))
    }

    fn attribute(&mut self, node: &mut Node, given: &Attribute) -> Result<(), Error> {
        let invalid = || Error::AttributeValue { name: given.name.into(), value: given.value.into() };
        match &given.name.to_ascii_lowercase()[..] {
            b"weight" => {
                let weight = number::parse(given.value).filter(|weight| (0.0..f64::INFINITY).contains(weight));
                node.attributes.weight = Some(weight.ok_or_else(invalid)?);
            }
            b"slop" => {
                let text = std::str::from_utf8(given.value).ok();
                let slop = text.and_then(|text| text.parse::<i64>().ok()).filter(|slop| *slop >= -1);
                node.attributes.slop = Some(slop.ok_or_else(invalid)?);
            }
            b"inorder" => node.attributes.in_order = Some(truth(given.value).ok_or_else(invalid)?),
            b"phonetic" => {
                node.attributes.phonetic = Some(truth(given.value).ok_or_else(invalid)?);
                self.check_phonetic(node);
            }
            name => return vector_attribute(node, name, given),
        }
        Ok(())
    }

    /// Notes the name of a distance, which no field and no other distance may have.
    fn use_name(&mut self, name: &[u8]) {
        if self.context.schema.find(name).is_some() {
            self.schema_error(Error::NameTaken(name.into()));
        } else if self.names.contains(name) {
            self.schema_error(Error::NameTwice(name.into()));
        }
        self.names.insert(name.into());
    }
}

fn vector_attribute(node: &mut Node, name: &[u8], given: &Attribute) -> Result<(), Error> {
    let written = match &mut node.kind {
        Is::Knn(knn) => &mut knn.written,
        Is::VectorRange(range) => &mut range.written,
        _ => return Err(Error::Attribute(given.name.into())),
    };
    if name == b"yield_distance_as" {
        // Without the field there is no distance to name.
        match &mut node.kind {
            Is::Knn(knn) if knn.field.id.is_some() => knn.distance_as = given.value.into(),
            Is::VectorRange(range) if range.field.id.is_some() => range.distance_as = Some(given.value.into()),
            _ => {}
        }
    } else if lookup(VECTOR_ATTRIBUTES, name).is_some() {
        written.push(WrittenOption { name: given.name.into(), value: given.value.into() });
    } else {
        return Err(Error::Attribute(given.name.into()));
    }
    Ok(())
}

fn is_tag_word(kind: Kind) -> bool {
    matches!(kind, Kind::Term | Kind::Stopword | Kind::Number | Kind::Quoted | Kind::Empty | Kind::Parameter)
}

fn truth(value: &[u8]) -> Option<bool> {
    lookup(&[("true", true), ("false", false), ("1", true), ("0", false)], value)
}

/// A count; one that is larger than any is the largest.
fn count_of(text: &[u8]) -> Option<usize> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX))
}
