//! The decoder, and so the parser: any payload is refused, or is a document whose text is read back to the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::json::Document;
use nearset::json::encoding::{decode, encode};

fuzz_target!(|text: &[u8]| {
    let mut payload = (text.len() as u64).to_le_bytes().to_vec();
    payload.extend_from_slice(text);
    let Ok(document) = decode(&mut &payload[..], 3) else {
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(text).is_err() || too_wide(text));
        return;
    };
    let mut again = Vec::new();
    encode(&document, &mut again);
    assert_eq!(decode(&mut &again[..], 3).expect("what was written loads").to_text(), document.to_text());
    // What nests deeper than a client's text may is loaded all the same.
    assert_eq!(serde_json::from_slice::<serde_json::Value>(text).is_ok(), Document::parse(text).is_ok());
    assert!(Document::copy_of(document.root()).root().same(document.root()));
});

/// `IgnoredAny` reads numbers that no double holds, and text that is not UTF-8.
fn too_wide(text: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(text).is_err()
}
