//! What a path's text is compiled to.

use regex::bytes::Regex;

use super::pattern::Part;
use crate::json::Document;

/// One step from a set of values to the next.
#[derive(Debug, Clone)]
pub(in crate::json) struct Segment {
    /// `..`: from every descendant, too.
    pub descend: bool,
    pub selectors: Vec<Selector>,
}

/// Which children a segment takes.
#[derive(Debug, Clone)]
pub(in crate::json) enum Selector {
    Name(Vec<u8>),
    Wildcard,
    Index(i64),
    Slice(Slice),
    Filter(Expr),
}

/// `start:end:step`; a step of 0 takes nothing.
#[derive(Debug, Clone, Copy)]
pub(in crate::json) struct Slice {
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub step: i64,
}

/// An expression: a condition of a filter, an operand in it, or a projection.
#[derive(Debug, Clone)]
pub(in crate::json) enum Expr {
    Literal(Box<Document>),
    Path(Operand),
    Negative(Box<Expr>),
    /// Operators of one precedence, from left to right.
    Arithmetic(Box<Expr>, Vec<(Operator, Expr)>),
    Call(Function, Vec<Expr>),
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Relate(Relation, Box<Expr>, Box<Expr>),
    /// A text against a pattern known beforehand; `None` for one that does not compile.
    Matches(Box<Expr>, Option<Box<Regex>>),
    /// A text against a pattern that is worked out.
    MatchesDynamic(Part, Box<Expr>, Box<Expr>),
}

impl Expr {
    /// True for what comes to true or false, and is no operand of anything but `!`, `&&` and `||`.
    pub fn is_logical(&self) -> bool {
        matches!(self, Expr::Or(_) | Expr::And(_) | Expr::Not(_) | Expr::Compare(..) | Expr::Relate(..))
    }

    /// True for what can be a condition: what is logical, a path (which asks for existence), and functions that may come to
    /// true or false.
    pub fn is_test(&self) -> bool {
        match self {
            Expr::Path(_) | Expr::Matches(..) | Expr::MatchesDynamic(..) => true,
            Expr::Call(function, _) => !matches!(function, Function::Length | Function::Count | Function::Value),
            _ => self.is_logical(),
        }
    }
}

/// A path as an operand.
#[derive(Debug, Clone)]
pub(in crate::json) struct Operand {
    /// From the document (`$`), not from the child under test (`@`).
    pub absolute: bool,
    pub segments: Vec<Segment>,
    /// `~`: the names of the members instead of the matches.
    pub names: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Operators that are words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Relation {
    In,
    NotIn,
    SubsetOf,
    AnyOf,
    NoneOf,
    Size,
    Empty,
}

impl Relation {
    pub const WORDS: [(&'static str, Relation); 8] = [
        ("in", Relation::In),
        ("nin", Relation::NotIn),
        ("subsetof", Relation::SubsetOf),
        ("anyof", Relation::AnyOf),
        ("noneof", Relation::NoneOf),
        ("size", Relation::Size),
        ("sizeof", Relation::Size),
        ("empty", Relation::Empty),
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Function {
    Length,
    Count,
    Value,
    Keys,
    Concat,
    Abs,
    Ceiling,
    Floor,
    First,
    Last,
    Index,
    Min,
    Max,
    Average,
    Sum,
    Deviation,
    Append,
    /// A name that no function has, or a call with too few or too many arguments: it comes to nothing.
    Unknown,
}

impl Function {
    /// Name, function, number of arguments at least and at most.
    pub const ALL: [(&'static str, Function, usize, usize); 17] = [
        ("length", Function::Length, 1, 1),
        ("count", Function::Count, 1, 1),
        ("value", Function::Value, 1, 1),
        ("keys", Function::Keys, 1, 1),
        ("concat", Function::Concat, 1, usize::MAX),
        ("abs", Function::Abs, 1, 1),
        ("ceiling", Function::Ceiling, 1, 1),
        ("floor", Function::Floor, 1, 1),
        ("first", Function::First, 1, 1),
        ("last", Function::Last, 1, 1),
        ("index", Function::Index, 2, 2),
        ("min", Function::Min, 1, 1),
        ("max", Function::Max, 1, 1),
        ("avg", Function::Average, 1, 1),
        ("sum", Function::Sum, 1, 1),
        ("stddev", Function::Deviation, 1, 1),
        ("append", Function::Append, 2, usize::MAX),
    ];
}
