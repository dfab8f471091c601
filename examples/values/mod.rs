//! Values as the programs that the differential tests talk to print them.

use std::sync::Arc;

use nearset::search::aggregate::value::Value;
use nearset::search::decimal;

/// A value in quotes, escaped as Rust does; NULL, arrays and maps without.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Number(number) => format!("\"{}\"", decimal::value(*number).escape_ascii()),
        Value::String(text) => format!("\"{}\"", text.escape_ascii()),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
        Value::Map(members) => {
            let member = |(name, value): &(Arc<[u8]>, Value)| format!("{}:{}", name.escape_ascii(), shown(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Faced(_) => shown(value.plain()),
    }
}
