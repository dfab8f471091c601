//! The words of FT.HYBRID, separated by zero bytes: refused or read, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| nearset::search::hybrid::fuzz(text.split(|&byte| byte == 0)));
