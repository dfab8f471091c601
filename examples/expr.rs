//! Evaluates expressions, one a line of standard input, over one row: what `tests/differential/expr.py` compares.
//!
//! The first line names the columns, as `name=value` separated by tabs: a value is a number after `#`, text after `$`, and
//! nothing after `-`. Each further line is an expression; the answer is one line, `ERR text` or the value, where text is
//! escaped as Rust does.

mod values;

use std::io::{BufRead, Write};

use nearset::error::Error;
use nearset::search::aggregate::expression::{Column, Expression};
use nearset::search::aggregate::value::Value;
use values::shown;

fn main() -> std::io::Result<()> {
    let mut lines = std::io::stdin().lock().split(b'\n');
    let header = lines.next().transpose()?.unwrap_or_default();
    let (mut names, mut row) = (Vec::new(), Vec::new());
    for column in header.split(|&byte| byte == b'\t') {
        let (name, value) = column.split_at(column.iter().position(|&byte| byte == b'=').unwrap_or(column.len()));
        names.push(name.to_vec());
        row.push(match value {
            [b'=', b'#', number @ ..] => String::from_utf8_lossy(number).parse().ok().map(Value::Number),
            [b'=', b'$', text @ ..] => Some(Value::string(text)),
            _ => None,
        });
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in lines {
        let line = line?;
        let column = |name: &[u8]| names.iter().position(|known| known == name).map(Column);
        let parsed = Expression::parse(&line, column).map_err(Error::from);
        match parsed.and_then(|expression| expression.value(&row).map_err(Error::from)) {
            Ok(value) => writeln!(out, "{}", shown(&value))?,
            Err(error) => writeln!(out, "ERR {}", error.text().escape_ascii())?,
        }
    }
    out.flush()
}
