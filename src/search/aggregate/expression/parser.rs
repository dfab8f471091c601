//! From words to a program.
//!
//! Operator precedence by levels (see [`Operator::level`]); the program is written while reading, operands before their
//! operators, so there is no tree. Nesting (parentheses, calls, `!` inside an operand) is bounded by [`MAX_DEPTH`];
//! chains of any length are not nesting.

use super::function::Function;
use super::lexer::{COMPARISON, Lexer, Operator, POWER, Token, unescape};
use super::{Column, Op, ParseError};
use crate::search::aggregate::value::Value;

/// Deepest nesting of an expression.
pub const MAX_DEPTH: usize = 128;

/// Reads one expression; `resolve` says which column a name is.
pub struct Parser<'a, R> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    depth: usize,
    program: Vec<Op>,
    resolve: R,
    /// The first name that is no column; told only when there is no error of syntax.
    unknown: Option<Box<[u8]>>,
}

impl<'a, R: FnMut(&[u8]) -> Option<Column>> Parser<'a, R> {
    /// Starts on a text.
    pub fn new(text: &'a [u8], resolve: R) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next();
        Self { lexer, token, depth: 0, program: Vec::new(), resolve, unknown: None }
    }

    /// The program of the whole text.
    ///
    /// # Errors
    /// Any [`ParseError`]; an unknown property is told last.
    pub fn parse(mut self) -> Result<Vec<Op>, ParseError> {
        self.expression(1)?;
        if self.token != Token::End {
            return Err(self.syntax());
        }
        match self.unknown {
            Some(name) => Err(ParseError::UnknownProperty(name)),
            None => Ok(self.program),
        }
    }

    fn syntax(&self) -> ParseError {
        let place = self.lexer.place();
        ParseError::Syntax { offset: place.offset, near: place.near.into() }
    }

    fn advance(&mut self) {
        self.token = self.lexer.next();
    }

    /// Operators of this level or tighter ones, with their operands.
    fn expression(&mut self, level: u8) -> Result<(), ParseError> {
        self.operand()?;
        while let Token::Operator(operator) = self.token
            && operator.level() >= level
        {
            self.advance();
            if matches!(operator, Operator::And | Operator::Or) {
                let at = self.program.len();
                self.program.push(Op::Decide { operator, target: 0 });
                self.expression(operator.level() + 1)?;
                self.program.push(Op::Truth);
                self.program[at] = Op::Decide { operator, target: self.program.len() };
            } else {
                self.expression(operator.level() + 1)?;
                self.program.push(Op::Binary(operator));
            }
        }
        Ok(())
    }

    fn operand(&mut self) -> Result<(), ParseError> {
        let token = self.token;
        match token {
            Token::Number(number) => self.literal(Value::Number(number)),
            Token::String(text) => self.literal(Value::string(unescape(text))),
            Token::Operator(Operator::Subtract | Operator::Add) => self.signed()?,
            Token::Property(name) => self.property(name),
            Token::Not => self.negation()?,
            Token::Open => {
                self.advance();
                self.nested(|parser| parser.expression(1))?;
                self.close()?;
            }
            Token::Symbol(name) => {
                self.advance();
                match self.token {
                    Token::Open => self.call(name)?,
                    _ if name == b"NULL" => self.program.push(Op::Push(Value::Null)),
                    _ => return Err(ParseError::UnknownSymbol(name.into())),
                }
            }
            _ => return Err(self.syntax()),
        }
        Ok(())
    }

    fn literal(&mut self, value: Value) {
        self.advance();
        self.program.push(Op::Push(value));
    }

    fn property(&mut self, name: &'a [u8]) {
        self.advance();
        // Names are looked up as written; an escape is taken off only if that finds nothing.
        let found = (self.resolve)(name).or_else(|| name.contains(&b'\\').then(|| (self.resolve)(&unescape(name)))?);
        match found {
            Some(column) => self.program.push(Op::Load { column, name: name.into() }),
            None => drop(self.unknown.get_or_insert_with(|| name.into())),
        }
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<(), ParseError>) -> Result<(), ParseError> {
        if self.depth == MAX_DEPTH {
            return Err(self.syntax());
        }
        self.depth += 1;
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// A run of `!` and what it applies to: everything up to the next `&&` or `||`.
    fn negation(&mut self) -> Result<(), ParseError> {
        let mut count = 0usize;
        while self.token == Token::Not {
            count += 1;
            self.advance();
        }
        self.nested(|parser| parser.expression(COMPARISON))?;
        // Two of them make a truth value.
        self.program.push(if count.is_multiple_of(2) { Op::Truth } else { Op::Not });
        Ok(())
    }

    /// A run of signs and what it applies to: a literal alone, anything else with its powers, so that `-2^2` is 4 and `-@a^2`
    /// what is below 0.
    fn signed(&mut self) -> Result<(), ParseError> {
        let mut negative = false;
        while let Token::Operator(sign @ (Operator::Subtract | Operator::Add)) = self.token {
            negative ^= sign == Operator::Subtract;
            self.advance();
        }
        if let Token::Number(number) = self.token {
            self.literal(Value::Number(if negative { -number } else { number }));
            return Ok(());
        }
        self.nested(|parser| parser.expression(POWER))?;
        self.program.push(Op::Sign { negative });
        Ok(())
    }

    fn close(&mut self) -> Result<(), ParseError> {
        if self.token != Token::Close {
            return Err(self.syntax());
        }
        self.advance();
        Ok(())
    }

    fn call(&mut self, name: &[u8]) -> Result<(), ParseError> {
        self.advance();
        let start = self.program.len();
        let function = Function::find(name);
        let count = self.arguments(function == Some(Function::Case))?;
        self.close()?;
        let Some(function) = function else { return Err(ParseError::UnknownFunction(name.into())) };
        let only = match self.program.get(start..) {
            Some([only]) => Some(only),
            _ => None,
        };
        match (function, only) {
            // Told when the call is made, after its arguments: `0 && upper()` never makes it.
            _ if !function.takes(count) => {
                if function == Function::Case {
                    self.program.truncate(start); // its jumps lead nowhere
                }
                self.program.push(Op::WrongCount(function));
            }
            (Function::Case, _) => {}
            (Function::Exists, Some(Op::Load { column, .. })) => self.program[start] = Op::Exists(*column),
            _ => self.program.push(Op::Call { function, count }),
        }
        Ok(())
    }

    /// Arguments up to the closing parenthesis; one comma may stand before the first. With `branch`, the first one decides
    /// which of the two that follow is evaluated.
    fn arguments(&mut self, branch: bool) -> Result<usize, ParseError> {
        match self.token {
            Token::Close => return Ok(0),
            Token::Comma => self.advance(),
            _ => {}
        }
        let mut count = 0;
        let mut branches = [0; 2];
        loop {
            self.nested(|parser| parser.expression(1))?;
            if branch && count < 3 {
                // After the condition and after its first outcome a jump leads to the end of the argument that follows.
                if count > 0 {
                    self.program[branches[count - 1]] = match count {
                        1 => Op::Branch(self.program.len() + 1),
                        _ => Op::Jump(self.program.len()),
                    };
                }
                if count < 2 {
                    branches[count] = self.program.len();
                    self.program.push(Op::Jump(usize::MAX));
                }
            }
            count += 1;
            if self.token != Token::Comma {
                return Ok(count);
            }
            self.advance();
        }
    }
}
