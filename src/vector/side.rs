//! A byte string per node beside the graph: names, attributes. Read by any thread, without a lock, while they change.
//!
//! Each string is one allocation, its length in front of it, so that an entry is one thin pointer. The pointers stand in
//! chunks that never move. Storing swaps the pointer; what was there is retired, and freed when no pin is older than the
//! swap ([`crate::vector::epoch`]), which is why reading takes a [`Guard`].
//!
//! Threads: any number read. Writers may be any thread too, but pay a mutex, so in practice one thread writes: the one
//! that adds to the graph. After a fork the child reads only.
//!
//! Chunk sizes double from 16 entries to `CHUNK` and stay there, so that a small set pays little and a large one wastes
//! nothing.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicUsize};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::NodeId;
use super::allocation::taken;
use super::epoch::{Guard, oldest, retire};

/// Entries of a large chunk.
const CHUNK: usize = 512;
/// Entries of the first chunk.
const FIRST: usize = 16;
/// Levels whose sizes double, enough for all node ids.
const LEVELS: usize = 29;

type Chunk = Box<[AtomicPtr<u8>]>;
type Level = Box<[OnceLock<Chunk>]>;

/// One byte string per node, or none.
#[derive(Debug)]
pub struct Side {
    levels: [OnceLock<Level>; LEVELS],
    retired: Mutex<VecDeque<(u64, Text)>>,
    /// Bytes of the strings, of those retired too.
    text_bytes: AtomicUsize,
    /// Bytes of levels and chunks.
    table_bytes: AtomicUsize,
}

impl Default for Side {
    fn default() -> Self {
        Self::new()
    }
}

impl Side {
    /// A table without entries.
    pub fn new() -> Self {
        Self {
            levels: [const { OnceLock::new() }; LEVELS],
            retired: Mutex::default(),
            text_bytes: AtomicUsize::new(0),
            table_bytes: AtomicUsize::new(0),
        }
    }

    /// The string of a node. It stays what it is for as long as the guard lives, whatever is stored meanwhile.
    pub fn get<'a>(&'a self, _guard: &'a Guard, id: NodeId) -> Option<&'a [u8]> {
        let (level, chunk, entry) = place(id);
        let pointer = self.levels[level].get()?[chunk].get()?[entry].load(Acquire);
        let text = Text(NonNull::new(pointer)?);
        // SAFETY: the pointer is that of a `Text`, stored by `set`. It is freed only after it was swapped out, retired, and
        // seen to be older than every pin; the guard pins this thread since before the load, and outlives 'a. The table
        // outlives 'a too, so its drop does not free it either.
        Some(unsafe { text.bytes() })
    }

    /// Stores the string of a node.
    pub fn set(&self, id: NodeId, bytes: &[u8]) {
        let (level, chunk, entry) = place(id);
        let level = self.levels[level].get_or_init(|| {
            let chunks = ((FIRST << level) / CHUNK).max(1);
            self.table_bytes.fetch_add(taken(chunks * size_of::<OnceLock<Chunk>>()), Relaxed);
            (0..chunks).map(|_| OnceLock::new()).collect()
        });
        let chunk = level[chunk].get_or_init(|| {
            let entries = if level.len() == 1 { self.entries_of_single(id) } else { CHUNK };
            self.table_bytes.fetch_add(taken(entries * size_of::<AtomicPtr<u8>>()), Relaxed);
            (0..entries).map(|_| AtomicPtr::default()).collect()
        });
        let text = Text::new(bytes);
        self.text_bytes.fetch_add(taken(text_size(bytes.len())), Relaxed);
        self.replace(&chunk[entry], text.0.as_ptr());
    }

    /// Takes the string of a node away.
    pub fn clear(&self, id: NodeId) {
        let (level, chunk, entry) = place(id);
        if let Some(chunk) = self.levels[level].get().and_then(|level| level[chunk].get()) {
            self.replace(&chunk[entry], std::ptr::null_mut());
        }
    }

    /// Frees what was replaced and what no pin can see any more. Storing does it too; constant time per string freed.
    pub fn collect(&self) {
        let mut retired = self.lock();
        if retired.is_empty() {
            return;
        }
        let oldest = oldest();
        while let Some(&(stamp, _)) = retired.front()
            && stamp < oldest
        {
            if let Some((_, text)) = retired.pop_front() {
                self.free(text);
            }
        }
        if retired.capacity() > 64 && retired.len() < retired.capacity() / 4 {
            let room = retired.len() * 2;
            retired.shrink_to(room);
        }
    }

    /// Bytes that the table and its strings take on the heap, see [`super::allocation`].
    pub fn memory(&self) -> usize {
        let retired = taken(self.lock().capacity() * size_of::<(u64, Text)>());
        self.table_bytes.load(Relaxed) + self.text_bytes.load(Relaxed) + retired
    }

    /// How many entries the only chunk of the level of `id` has.
    fn entries_of_single(&self, id: NodeId) -> usize {
        FIRST << place(id).0
    }

    fn replace(&self, entry: &AtomicPtr<u8>, with: *mut u8) {
        if let Some(old) = NonNull::new(entry.swap(with, AcqRel)) {
            let stamp = retire();
            self.lock().push_back((stamp, Text(old)));
            self.collect();
        }
    }

    fn free(&self, text: Text) {
        // SAFETY: the caller has the only pointer left: either no pin can see it, or the table is being dropped.
        let len = unsafe {
            let len = text.bytes().len();
            text.free();
            len
        };
        self.text_bytes.fetch_sub(taken(text_size(len)), Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Text)>> {
        // Nothing panics while it is held; were it so, the queue would still be whole.
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        for (_, text) in std::mem::take(&mut *self.lock()) {
            self.free(text);
        }
        for level in std::mem::replace(&mut self.levels, [const { OnceLock::new() }; LEVELS]) {
            for chunk in level.into_inner().into_iter().flatten() {
                for entry in chunk.into_inner().into_iter().flatten() {
                    if let Some(text) = NonNull::new(entry.into_inner()) {
                        self.free(Text(text));
                    }
                }
            }
        }
    }
}

/// The level, the chunk in it and the entry in that of a node. Level `n` has `FIRST << n` entries.
fn place(id: NodeId) -> (usize, usize, usize) {
    let shifted = id.0 as usize + FIRST;
    let level = (shifted.ilog2() - FIRST.ilog2()) as usize;
    let offset = shifted - (FIRST << level);
    (level, offset / CHUNK, offset % CHUNK)
}

/// A byte string behind a thin pointer: its length as a varint, then its bytes.
#[derive(Debug)]
struct Text(NonNull<u8>);

// SAFETY: a `Text` is plain memory that only its owner frees; reading it is free of side effects.
unsafe impl Send for Text {}

/// Bytes of the varint of a length.
fn prefix_size(len: usize) -> usize {
    (usize::BITS - (len | 1).leading_zeros()).div_ceil(7) as usize
}

/// Bytes that a string of this length is allocated as.
fn text_size(len: usize) -> usize {
    prefix_size(len) + len
}

/// The layout of a string of this length; alignment 1.
fn layout(len: usize) -> Layout {
    Layout::array::<u8>(text_size(len)).expect("a slice plus ten bytes is below isize::MAX")
}

impl Text {
    fn new(bytes: &[u8]) -> Self {
        let layout = layout(bytes.len());
        let prefix = prefix_size(bytes.len());
        // SAFETY: the layout is at least one byte long; writes stay inside: `prefix` bytes of varint, then the bytes.
        unsafe {
            let Some(start) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            let mut rest = bytes.len();
            for at in 0..prefix {
                let more = if at + 1 < prefix { 0x80 } else { 0 };
                start.add(at).write((rest & 0x7f) as u8 | more);
                rest >>= 7;
            }
            start.add(prefix).copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
            Self(start)
        }
    }

    /// # Safety
    /// The string is not freed during 'a.
    unsafe fn bytes<'a>(&self) -> &'a [u8] {
        let mut len = 0;
        let mut prefix = 0;
        // SAFETY: `new` wrote a varint, whose last byte is below 0x80, and that many bytes after it.
        unsafe {
            loop {
                let byte = self.0.add(prefix).read();
                len |= usize::from(byte & 0x7f) << (7 * prefix);
                prefix += 1;
                if byte < 0x80 {
                    return std::slice::from_raw_parts(self.0.add(prefix).as_ptr(), len);
                }
            }
        }
    }

    /// # Safety
    /// Nobody else has a pointer to it any more.
    unsafe fn free(self) {
        // SAFETY: `new` allocated it with the layout of its length.
        unsafe { dealloc(self.0.as_ptr(), layout(self.bytes().len())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::epoch::pin;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn places_are_distinct_and_dense() {
        let mut expected = Vec::new();
        for level in 0..8 {
            let entries = FIRST << level;
            expected.extend((0..entries).map(|offset| (level, offset / CHUNK, offset % CHUNK)));
        }
        let got: Vec<_> = (0..expected.len() as u32).map(|id| place(NodeId(id))).collect();
        assert_eq!(got, expected);
        assert!(place(NodeId(u32::MAX)).0 < LEVELS);
    }

    #[test]
    fn strings_of_any_length_come_back() {
        let side = Side::new();
        let lens = [0, 1, 127, 128, 16_383, 16_384, 3_000_000];
        for (id, &len) in lens.iter().enumerate() {
            side.set(NodeId(id as u32), &vec![id as u8; len]);
        }
        let guard = pin();
        for (id, &len) in lens.iter().enumerate() {
            assert_eq!(side.get(&guard, NodeId(id as u32)), Some(&vec![id as u8; len][..]));
        }
        assert_eq!(side.get(&guard, NodeId(77)), None);
        assert_eq!(side.get(&guard, NodeId(u32::MAX)), None);
    }

    proptest! {
        #[test]
        fn it_is_a_map(ops in proptest::collection::vec((0u32..3000, proptest::option::of("[a-z]{0,20}")), 0..300)) {
            let side = Side::new();
            let mut model = HashMap::new();
            for (id, text) in ops {
                match text {
                    Some(text) => {
                        side.set(NodeId(id), text.as_bytes());
                        model.insert(id, text);
                    }
                    None => {
                        side.clear(NodeId(id));
                        model.remove(&id);
                    }
                }
            }
            let guard = pin();
            for id in 0..3000 {
                prop_assert_eq!(side.get(&guard, NodeId(id)), model.get(&id).map(|t| t.as_bytes()));
            }
            drop(guard);
            // Other tests pin for the time of a search only.
            let live: usize = model.values().map(|t| text_size(t.len())).sum();
            while { side.collect(); !side.lock().is_empty() } {
                std::thread::yield_now();
            }
            prop_assert_eq!(side.text_bytes.load(Relaxed), live);
        }
    }

    #[test]
    fn readers_see_whole_strings_while_they_change() {
        let side = Side::new();
        let stop = AtomicBool::new(false);
        let write = |id: u32, round: u32| side.set(NodeId(id), &[round as u8; 32][..(round % 32) as usize + 1]);
        for id in 0..40 {
            write(id, 0);
        }
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let guard = pin();
                        let texts: Vec<_> = (0..40).filter_map(|id| side.get(&guard, NodeId(id))).collect();
                        assert_eq!(texts.len(), 40);
                        for text in texts {
                            assert_eq!(text.len(), (text[0] % 32) as usize + 1);
                            assert!(text.iter().all(|b| *b == text[0]));
                        }
                    }
                });
            }
            for round in 0..4000 {
                write(round % 40, round % 251);
            }
            stop.store(true, Relaxed);
        });
    }
}
