//! Texts of the expression language: FT.AGGREGATE's APPLY and FILTER, FT.CREATE's FILTER.

use super::Error;
use super::search::quoting as quoted;
use crate::search::aggregate::expression::function::Function;
use crate::search::aggregate::expression::{EvaluateError, Got, ParseError, Want};

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Syntax { offset, near } => {
                let start = format!("Syntax error at offset {offset} near '");
                Self::composed([start.as_bytes(), &near, b"'"].concat())
            }
            ParseError::UnknownFunction(name) => quoted("Unknown function name '", &name, "'"),
            ParseError::UnknownSymbol(name) => quoted("Unknown symbol '", &name, "'"),
            ParseError::UnknownProperty(name) => quoted("Property `", &name, "` not loaded nor in pipeline"),
        }
    }
}

impl From<EvaluateError> for Error {
    fn from(error: EvaluateError) -> Self {
        match error {
            EvaluateError::NotANumber => Self::fixed("Could not convert value to a number"),
            EvaluateError::NotComparable(value) => {
                quoted("Error converting string '", value.0.as_deref().unwrap_or(b"(null)"), "' to number")
            }
            EvaluateError::NoValue(name) => quoted("", &name, ": has no value, consider using EXISTS if applicable"),
            EvaluateError::ArgumentCount(function) => argument_count(function),
            EvaluateError::ArgumentType { function, at, got, want } => argument_type(function, at, got, want),
            EvaluateError::ToNumber(text) => {
                quoted("to_number: cannot convert string '", text.as_deref().unwrap_or(b"(null)"), "'")
            }
            EvaluateError::SubstrOfNoText => Self::fixed("Invalid type for substr. Expected string"),
            EvaluateError::FormatSpecifier => Self::fixed("Unknown format specifier passed"),
            EvaluateError::FormatArguments => Self::fixed("Not enough arguments for format"),
            EvaluateError::FormatEnd => Self::fixed("Bad format string!"),
            EvaluateError::GeoString => Self::fixed("Invalid geo string"),
        }
    }
}

fn argument_count(function: Function) -> Error {
    match function {
        Function::Abs => Error::fixed("Invalid number of arguments for fabs"),
        Function::Split => Error::fixed("Invalid number of arguments for split"),
        Function::Format => Error::fixed("Need at least one argument for format"),
        _ if function.is_numeric() => Error::composed(format!("Invalid number of arguments for {}", function.name())),
        _ => Error::composed(format!("Invalid arguments for function '{}'", written(function))),
    }
}

fn argument_type(function: Function, at: usize, got: Got, want: Want) -> Error {
    let got = match got {
        Got::Number => 1,
        Got::String => 3,
        Got::Null => 4,
        Got::Array => 6,
    };
    let check = match want {
        Want::Text => "VALIDATE_ARG__STRING(v, 0)",
        Want::StringType => "VALIDATE_ARG__TYPE(v, RSValue_String)",
        Want::NumberType => "VALIDATE_ARG__TYPE(v, RSValue_Number)",
    };
    let function = written(function);
    Error::composed(format!("Invalid type ({got}) for argument {at} in function '{function}'. {check} was false."))
}

/// Its name in error texts.
fn written(function: Function) -> &'static str {
    match function {
        Function::TimeFmt => "time",
        _ => function.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::aggregate::expression::{Column, Expression};
    use crate::search::aggregate::value::Value;

    const NAMES: [&[u8]; 2] = [b"n", b"zz"];

    fn error(text: &str) -> String {
        let column = |name: &[u8]| NAMES.iter().position(|known| *known == name).map(Column);
        let row = [Some(Value::Number(3.5)), None];
        let error = match Expression::parse(text.as_bytes(), column) {
            Ok(expression) => expression.value(row.as_slice()).map_err(Error::from),
            Err(error) => Err(error.into()),
        };
        String::from_utf8_lossy(error.unwrap_err().text()).into_owned()
    }

    #[test]
    fn errors() {
        for (text, error) in [
            ("1+", "Syntax error at offset 1 near '1'"),
            ("", "Syntax error at offset 0 near ''"),
            ("\"a\"\"b\"", "Syntax error at offset 3 near '\"b\"'"),
            ("abs(1,)", "Syntax error at offset 6 near '1'"),
            ("@nope + 1", "Property `nope` not loaded nor in pipeline"),
            ("foo(1)", "Unknown function name 'foo'"),
            ("inf", "Unknown symbol 'inf'"),
            ("'abc' + 1", "Could not convert value to a number"),
            ("'abc' < 9", "Error converting string 'abc' to number"),
            ("split('a') > 5", "Error converting string '(null)' to number"),
            ("upper(@zz)", "zz: has no value, consider using EXISTS if applicable"),
            ("abs()", "Invalid number of arguments for fabs"),
            ("timefmt()", "Invalid arguments for function 'time'"),
            ("case(1, 2)", "Invalid arguments for function 'case'"),
            ("exists(1, @zz)", "zz: has no value, consider using EXISTS if applicable"),
            (
                "strlen(1)",
                "Invalid type (1) for argument 0 in function 'strlen'. VALIDATE_ARG__STRING(v, 0) was false.",
            ),
            ("format('%d', 1)", "Unknown format specifier passed"),
            ("format('%s')", "Not enough arguments for format"),
            ("to_number('x')", "to_number: cannot convert string 'x'"),
            ("geodistance('x', '3,4')", "Invalid geo string"),
        ] {
            assert_eq!(self::error(text), error, "{text}");
        }
    }
}
