//! The data type of documents, `ReJSON-RL`.

use std::ffi::{CStr, c_int};
use std::ops::ControlFlow;

use crate::json::Document;
use crate::json::encoding::{self, Corrupt};
use crate::redis::alloc::rounded;
use crate::redis::rdb::{Aof, Digest, RdbSink, RdbSource};
use crate::redis::types::{DataType, Defrag, Slot};
use crate::redis::workers;

/// Documents of more allocations are freed on another thread.
const FREED_AT_ONCE: usize = 64;
/// Defragmentation looks at the clock after so many blocks.
const BLOCKS_PER_LOOK: usize = 16;

static SLOT: Slot = Slot::new();

impl DataType for Document {
    const NAME: &'static CStr = c"ReJSON-RL";
    const VERSION: c_int = encoding::VERSION as c_int;

    fn slot() -> &'static Slot {
        &SLOT
    }

    fn load(source: &mut RdbSource, version: c_int) -> Result<Document, Corrupt> {
        let version = u32::try_from(version).map_err(|_| Corrupt("negative encoding version"))?;
        encoding::decode(source, version)
    }

    fn save(&self, sink: &mut RdbSink) {
        encoding::encode(self, sink);
    }

    fn rewrite(&self, aof: &mut Aof<'_>) {
        self.pieces(&mut |path, text| aof.emit(c"JSON.SET", &[path, text]));
    }

    fn memory_usage(&self) -> usize {
        let mut bytes = rounded(size_of::<Document>());
        self.allocations(&mut |size| bytes += rounded(size));
        bytes
    }

    fn digest(&self, digest: &mut Digest) {
        digest.bytes(&self.to_text());
        digest.end();
    }

    fn copy(&self) -> Document {
        self.clone()
    }

    fn free_effort(&self) -> usize {
        Document::free_effort(self)
    }

    fn dispose(self: Box<Document>) {
        release(*self);
    }

    const MOVABLE: bool = true;

    fn defragment(&mut self, defrag: &mut Defrag) -> bool {
        let (start, mut number) = (defrag.cursor(), 0);
        let walk = self.blocks(&mut |block| {
            number += 1;
            if number > start {
                defrag.relocate(block);
                if number % BLOCKS_PER_LOOK == 0 && defrag.should_stop() {
                    defrag.set_cursor(number);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        walk.is_continue()
    }
}

/// Drops a document, in the background if that takes long.
pub(super) fn release(document: Document) {
    let is_small = document.free_effort() <= FREED_AT_ONCE;
    workers::release(document, is_small);
}
