//! The words of FT.SEARCH and FT.AGGREGATE, separated by zero bytes: refused or planned, never a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nearset::search::schema::{Schema, create};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let words = "SCHEMA t TEXT SORTABLE n NUMERIC SORTABLE tag TAG m NUMERIC";
    create(b"i", words.split(' ').map(str::as_bytes)).expect("a schema")
});

fuzz_target!(|text: &[u8]| nearset::search::aggregate::fuzz(text.split(|&byte| byte == 0), &SCHEMA));
