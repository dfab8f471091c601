//! The text of shapes: refused, or a shape that is compared with itself, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| nearset::search::shape::fuzz(text));
