//! Saved graphs of search indexes: any bytes are refused or read, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::search::encoding::decode_graphs;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_graphs(&mut &bytes[..]);
});
