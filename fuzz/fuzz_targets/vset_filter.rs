//! FILTER expressions over attributes: any bytes compile or are refused, and match or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::vset::Filter;
use nearset::vset::attributes::Attributes;

fuzz_target!(|data: (&[u8], &[u8])| {
    let (expression, attributes) = data;
    match Filter::compile(expression) {
        Ok(filter) => {
            filter.matches(Attributes::of(&Attributes::encode(attributes)));
        }
        Err(error) => assert!(error.near.len() <= expression.len()),
    }
});
