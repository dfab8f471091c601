//! What an expression does last, in words: how FT.PROFILE calls it.

use super::lexer::{COMPARISON, Operator};
use super::{Expression, Function, Op};
use crate::search::aggregate::value::Value;

impl Expression {
    /// What it does last.
    pub fn root(&self) -> String {
        let end = self.program.len();
        // What `case` chooses between ends in a jump over the other.
        if self.program.iter().any(|op| matches!(op, Op::Jump(target) if *target >= end)) {
            return "Function case".into();
        }
        match self.program.last() {
            None => "Literal NULL".into(),
            Some(Op::Push(value)) => format!("Literal {}", shown(value)),
            Some(Op::Load { name, .. }) => format!("Property {}", String::from_utf8_lossy(name)),
            Some(Op::Exists(_)) => "Function exists".into(),
            Some(Op::Binary(operator)) => of_operator(*operator),
            Some(Op::Not) => "Inverted".into(),
            Some(Op::Sign { negative }) => format!("Operator {}", if *negative { '-' } else { '+' }),
            Some(Op::Truth) => self.decided(end),
            Some(Op::Call { function, .. } | Op::WrongCount(function)) => of_function(*function),
            Some(Op::Decide { operator, .. }) => of_operator(*operator),
            Some(Op::Branch(_) | Op::Jump(_)) => "Function case".into(),
        }
    }

    /// Of a truth value: what decided it, or that it is the opposite of an opposite.
    fn decided(&self, end: usize) -> String {
        let deciding = self.program.iter().rev().find_map(|op| match op {
            Op::Decide { operator, target } if *target == end => Some(*operator),
            _ => None,
        });
        deciding.map_or_else(|| "Inverted".into(), of_operator)
    }
}

fn of_function(function: Function) -> String {
    format!("Function {}", function.name())
}

fn of_operator(operator: Operator) -> String {
    let kind = if operator.level() <= COMPARISON { "Predicate" } else { "Operator" };
    format!("{kind} {}", operator.sign())
}

fn shown(value: &Value) -> String {
    value.to_text().map_or_else(|| "NULL".into(), |text| String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::aggregate::expression::Column;

    #[test]
    fn the_root_is_what_is_done_last() {
        for (text, expected) in [
            ("@n*2+1", "Operator +"),
            ("@n*(2+1)", "Operator *"),
            ("-@n", "Operator -"),
            ("upper(@n)", "Function upper"),
            ("exists(@n)", "Function exists"),
            ("case(@n>1, 'a', 'b')", "Function case"),
            ("upper(case(@n>1, 'a', 'b'))", "Function upper"),
            ("@n>2", "Predicate >"),
            ("@n==2 && @n!=3", "Predicate &&"),
            ("@n==2 && @n!=3 || @n<1", "Predicate ||"),
            ("(@n==2 || @n<1) == 1", "Predicate =="),
            ("!@n", "Inverted"),
            ("!!@n", "Inverted"),
            ("@n", "Property n"),
            ("1", "Literal 1"),
            ("'a b'", "Literal a b"),
        ] {
            let expression = Expression::parse(text.as_bytes(), |_| Some(Column(0))).expect(text);
            assert_eq!(expression.root(), expected, "{text}");
        }
    }
}
