//! The decoder of suggestions: any payload is refused, or gives a dictionary that is searched, saved and loaded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::search::suggest::{Suggestions, encoding};

fuzz_target!(|data: (u8, &[u8], &[u8])| {
    let (version, prefix, mut payload) = data;
    let Ok(made) = encoding::decode(&mut payload, u32::from(version % 3)) else { return };
    for fuzzy in [false, true] {
        assert!(made.get(prefix, fuzzy, 5).len() <= 5);
    }
    let all = |made: &Suggestions| made.get(b"", false, usize::MAX);
    let mut again = Vec::new();
    encoding::encode(&made, &mut again);
    let loaded = encoding::decode(&mut &again[..], encoding::VERSION).expect("what was written loads");
    assert_eq!(all(&loaded), all(&made));
    assert_eq!(all(&made).len(), made.len());
});
