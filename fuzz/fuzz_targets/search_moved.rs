#![no_main]
//! Any bytes are indexes of RediSearch's files or corrupt; what they say is a definition or an error.

use libfuzzer_sys::fuzz_target;
use nearset::search::{moved, schema};

fuzz_target!(|data: &[u8]| {
    for index in moved::indexes(&mut &data[..]).into_iter().flatten() {
        let _ = schema::create(&index.name, index.words.iter().map(Vec::as_slice));
    }
    let _ = moved::dictionaries(&mut &data[..]);
});
