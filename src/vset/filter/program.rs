//! Compiles a FILTER expression to a postfix program.
//!
//! Operator precedence (Dijkstra's shunting yard) with the peer's looseness: only the number of operands is checked, so
//! an expression already in postfix order compiles too, and a prefix operator cannot stand before itself.

use super::lexer::{Lexer, Literal, Operator, Stopped, Token};

/// One step of a program.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Push a constant.
    Push(Literal),
    /// Push the value of an attribute field; where there is none, the whole expression is false.
    Field(Box<[u8]>),
    /// Pop the operands, push the result.
    Apply(Operator),
}

/// A compiled expression: running its steps leaves one value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Program {
    pub(super) steps: Box<[Step]>,
    /// The most values that are on the stack at a time.
    pub(super) depth: usize,
}

/// What waits on the operator stack.
#[derive(Clone, Copy)]
enum Waiting {
    Open,
    Operator(Operator),
}

impl Operator {
    /// Greater binds tighter.
    fn precedence(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::And => 1,
            Self::Greater | Self::GreaterEqual | Self::Less | Self::LessEqual => 2,
            Self::Equal | Self::NotEqual | Self::In => 2,
            Self::Add | Self::Subtract => 3,
            Self::Multiply | Self::Divide | Self::Remainder => 4,
            Self::Power => 5,
            Self::Not => 6,
        }
    }

    /// Whether `self`, waiting, is applied before `next` is: it binds tighter, or as tight and associates to the left.
    fn goes_before(self, next: Self) -> bool {
        self.precedence() > next.precedence() || self.precedence() == next.precedence() && next != Self::Power
    }

    fn operands(self) -> usize {
        if self == Self::Not { 1 } else { 2 }
    }
}

/// Collects steps and counts the values that they leave.
#[derive(Default)]
struct Builder {
    steps: Vec<Step>,
    values: usize,
    depth: usize,
}

impl Builder {
    fn push(&mut self, step: Step) {
        self.steps.push(step);
        self.values += 1;
        self.depth = self.depth.max(self.values);
    }

    fn apply(&mut self, operator: Operator) -> Result<(), Stopped> {
        // Each operator leaves one value where its operands were.
        self.values = self.values.checked_sub(operator.operands()).ok_or(WHOLE)? + 1;
        self.steps.push(Step::Apply(operator));
        Ok(())
    }
}

/// A structural error has no place: the whole expression is shown.
const WHOLE: Stopped = Stopped(0);

/// Compiles `text`, which holds no NUL byte; on failure tells from where the text is to be shown.
pub(super) fn compile(text: &[u8]) -> Result<Program, Stopped> {
    // All tokens first: a bad word is told before a missing operand.
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    let mut builder = Builder::default();
    let mut waiting: Vec<Waiting> = Vec::new();
    for token in tokens {
        match token {
            Token::Literal(literal) => builder.push(Step::Push(literal)),
            Token::Selector(name) => builder.push(Step::Field(name.into())),
            Token::Open => waiting.push(Waiting::Open),
            Token::Close => loop {
                match waiting.pop().ok_or(WHOLE)? {
                    Waiting::Open => break,
                    Waiting::Operator(operator) => builder.apply(operator)?,
                }
            },
            Token::Operator(next) => {
                while let Some(&Waiting::Operator(operator)) = waiting.last()
                    && operator.goes_before(next)
                {
                    waiting.pop();
                    builder.apply(operator)?;
                }
                waiting.push(Waiting::Operator(next));
            }
        }
    }
    while let Some(entry) = waiting.pop() {
        match entry {
            Waiting::Open => return Err(WHOLE),
            Waiting::Operator(operator) => builder.apply(operator)?,
        }
    }
    if builder.values != 1 {
        return Err(WHOLE);
    }
    Ok(Program { steps: builder.steps.into(), depth: builder.depth })
}
