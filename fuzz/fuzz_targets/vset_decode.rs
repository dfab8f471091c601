//! The decoder of vector sets, in both formats: any payload is refused, or gives a set that searches, saves and loads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::vset::encoding::Format;
use nearset::vset::{Target, VectorSet};

fuzz_target!(|data: &[u8]| {
    let mut source = data;
    let Ok(set) = VectorSet::decode(&mut source, 0, 0) else { return };
    // A matrix with huge entries projects to nothing that can be searched for.
    if let Ok(query) = set.query(Target::Vector(&vec![1.0; set.dim()])) {
        set.search(&query, |hits| assert!(hits.len() <= set.card()));
    }
    for format in [Format::Redis, Format::Compact] {
        let mut again = Vec::new();
        set.encode(&mut again, format);
        let loaded = VectorSet::decode(&mut &again[..], 0, usize::MAX).expect("what was written loads");
        assert_eq!(loaded.card(), set.card());
    }
});
