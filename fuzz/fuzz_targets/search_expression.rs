//! Expressions of APPLY and FILTER: any bytes are refused or evaluated, never a panic, and evaluation ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::search::aggregate::expression::{Column, Expression};
use nearset::search::aggregate::value::Value;

fuzz_target!(|text: &[u8]| {
    let row = [Some(Value::string(*b"12")), Some(Value::Number(-0.5)), None];
    let column = |name: &[u8]| [b"t", b"n", b"z"].iter().position(|known| known.as_slice() == name).map(Column);
    if let Ok(expression) = Expression::parse(text, column) {
        let _ = expression.value(&row);
    }
});
