//! JSON paths and projections: any bytes are a path or an error within it, and evaluation ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::json::{Document, Error, Path, Query};

fuzz_target!(|data: (&[u8], &[u8])| {
    let (path, document) = data;
    let document = Document::parse(document)
        .unwrap_or_else(|_| Document::parse(br#"{"a":[1,{"b":"c"},[2,3]],"b":{"a":null}}"#).expect("is JSON"));
    match Path::parse(path) {
        Ok(path) => drop(path.locations(document.root())),
        Err(Error::Path(malformed)) => assert!(malformed.position <= malformed.path.len()),
        Err(other) => assert!(other == Error::NotUtf8 && std::str::from_utf8(path).is_err(), "{other}"),
    }
    if let Ok(query) = Query::parse(path) {
        drop(query.copies(document.root()));
    }
});
