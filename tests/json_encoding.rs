//! The RDB encoding: the golden file loads for ever, and damaged payloads are refused.

use nearset::codec::Corrupt;
use nearset::json::Document;
use nearset::json::encoding::{VERSION, decode, encode};
use proptest::prelude::*;

/// What `json-encoding-3.bin` holds: the codec's buffer form of version 3.
const GOLDEN: &[u8] = include_bytes!("data/json-encoding-3.bin");
const TEXT: &str = concat!(
    r#"{"a":1,"big":18446744073709551615,"small":-9223372036854775808,"doubles":[1.0,0.1,1e300,-0.0],"#,
    r#""vector":[0.25,-0.5],"text":"é\n\"\\","nested":[[{}],[],null,true,false],"":0}"#
);

#[test]
fn the_golden_file_loads_and_is_what_is_written() {
    let document = decode(&mut &GOLDEN[..], VERSION).unwrap();
    assert_eq!(document.to_text(), TEXT.as_bytes());
    let mut out = Vec::new();
    encode(&document, &mut out);
    assert_eq!(out, GOLDEN);
}

#[test]
fn version_2_carries_a_flag_and_perhaps_two_strings() {
    use nearset::codec::Sink;
    for strings in [0, 2] {
        let mut out = Vec::new();
        out.put_bytes(b"[1]");
        out.put_u64(strings / 2);
        (0..strings).for_each(|_| out.put_bytes(b"x"));
        let mut rest = &out[..];
        assert_eq!(decode(&mut rest, 2).unwrap().to_text(), b"[1]");
        assert!(rest.is_empty());
    }
}

proptest! {
    #[test]
    fn damaged_payloads_are_refused_or_are_documents(at in 0..GOLDEN.len(), with: u8, end in 0..=GOLDEN.len(), version in 0u32..6) {
        let mut damaged = GOLDEN.to_vec();
        damaged[at] = with;
        let result: Result<Document, Corrupt> = decode(&mut &damaged[..end], version);
        if let Ok(document) = result {
            Document::parse(&document.to_text()).unwrap();
        }
    }
}
