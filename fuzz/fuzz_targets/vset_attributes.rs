//! Attributes: any bytes are kept verbatim, and every field that their table names can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::vset::Filter;
use nearset::vset::attributes::Attributes;

fuzz_target!(|data: &[u8]| {
    let blob = Attributes::encode(data);
    let attributes = Attributes::of(&blob);
    assert_eq!(attributes.verbatim(), data);
    for name in ["a", "b", "a-b", "x1"] {
        let filter = Filter::compile(format!(".{name} in .{name} or 1 in .{name}").as_bytes()).expect("compiles");
        filter.matches(attributes);
    }
});
