#![no_main]
//! Any words, cut at blanks, are a definition or an error; a definition comes back from its own words and bytes. Any bytes
//! are an encoded schema or corrupt.

use libfuzzer_sys::fuzz_target;
use nearset::search::schema::{self, Schema};

fuzz_target!(|data: &[u8]| {
    let _ = Schema::decode(&mut &*data);
    if let Ok(schema) = schema::create(b"i", data.split(|byte| *byte == b' ')) {
        let words = schema.words();
        assert_eq!(schema::create(b"i", words.iter().map(|word| &word[..])).as_ref(), Ok(&schema));
        let mut bytes = Vec::new();
        schema.encode(&mut bytes);
        assert_eq!(Schema::decode(&mut &bytes[..]).as_ref(), Ok(&schema));
    }
});
