//! The data type of suggestions, `trietype0`.

use std::ffi::{CStr, c_int};

use crate::codec::Corrupt;
use crate::redis::alloc::rounded;
use crate::redis::rdb::{Aof, Digest, RdbSink, RdbSource};
use crate::redis::types::{DataType, Slot};
use crate::redis::workers;
use crate::search::decimal;
use crate::search::suggest::{Suggestions, encoding};

/// Dictionaries of more nodes are freed on another thread.
const FREED_AT_ONCE: usize = 64;

static SLOT: Slot = Slot::new();

impl DataType for Suggestions {
    const NAME: &'static CStr = c"trietype0";
    const VERSION: c_int = encoding::VERSION as c_int;

    fn slot() -> &'static Slot {
        &SLOT
    }

    fn load(source: &mut RdbSource, version: c_int) -> Result<Self, Corrupt> {
        let version = u32::try_from(version).map_err(|_| Corrupt("negative encoding version"))?;
        encoding::decode(source, version)
    }

    fn save(&self, sink: &mut RdbSink) {
        encoding::encode(self, sink);
    }

    fn rewrite(&self, aof: &mut Aof<'_>) {
        self.each(&mut |text, score, payload| {
            let score = decimal::exact(f64::from(score));
            let words: [&[u8]; 4] = [text, &score, b"PAYLOAD", payload];
            aof.emit(c"FT.SUGADD", if payload.is_empty() { &words[..2] } else { &words });
        });
    }

    fn memory_usage(&self) -> usize {
        let mut bytes = rounded(size_of::<Self>());
        self.allocations(&mut |size| bytes += if size == 0 { 0 } else { rounded(size) });
        bytes
    }

    fn digest(&self, digest: &mut Digest) {
        self.each(&mut |text, score, payload| {
            digest.bytes(text);
            digest.bytes(&decimal::exact(f64::from(score)));
            digest.bytes(payload);
            digest.end();
        });
    }

    fn copy(&self) -> Self {
        self.clone()
    }

    fn free_effort(&self) -> usize {
        Self::free_effort(self)
    }

    fn dispose(self: Box<Self>) {
        if Self::free_effort(&self) > FREED_AT_ONCE {
            workers::reclaim(self);
        }
    }
}
