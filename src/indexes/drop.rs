//! Dropping an index, alone or with its documents.
//!
//! With them: they are those of the index at this moment, so the log is applied first, here. It is the one thing that may have
//! the main thread wait for a search.

use super::{registry, replication, scan};
use crate::redis::context::{Context, EventClass};
use crate::search::doc_id::DocId;

/// Drops the index of the selected database, and tells replicas; false where there is none of the name.
pub fn drop_index(ctx: &Context, name: &[u8], with_documents: bool) -> bool {
    let database = ctx.database();
    let find = |registry: &mut registry::Registry| {
        let indexes = registry.database(database);
        let name = indexes.find(name)?.definition().schema.name.clone();
        indexes.remove(&name)
    };
    let Some(index) = registry::with(find) else { return false };
    index.progress.take();
    if with_documents {
        let live = &index.handle.live;
        let keys: Vec<Box<[u8]>> = {
            let index = live.read(live.arrival());
            let documents = index.documents();
            documents.live().iter().map(|doc| documents.key(DocId(doc)).into()).collect()
        };
        keys.iter().for_each(|key| delete(ctx, key));
    }
    scan::resume(ctx);
    replication::send(ctx, c"FT._DROPINDEXIFX", &[name, b"_FORCEKEEPDOCS"]);
    true
}

/// Deletes a key, as DEL does.
fn delete(ctx: &Context, name: &[u8]) {
    ctx.with_name(name, |name| {
        if ctx.peek(name).is_none() {
            return;
        }
        if ctx.open_write(name).unlink().is_ok() {
            ctx.replicate_deletion(name.bytes());
            ctx.notify(EventClass::Generic, c"del", name);
        }
    });
}
