//! A byte string per node beside the graph: names, attributes. Read by any thread, without a lock, while they change.
//!
//! The strings of `NODES` nodes in a row share one block of memory, so that a string costs its bytes, two more, and a
//! sixteenth of a pointer and of what the allocator rounds up. Strings of more than `INLINE` bytes are allocations of
//! their own, and the block has their address and length:
//!
//! ```text
//! block = present: u16, outside: u16, end of each string: 16 × u16, the strings
//! ```
//!
//! `present` and `outside` have a bit for each node; ends count from the end of the header. Blocks stand in chunks of
//! pointers that never move, and are never changed: storing a string makes a new block, which costs a copy of 2 KB at most,
//! and swaps the pointer. What was there is retired, and freed when no pin is older than the swap
//! ([`crate::vector::epoch`]), which is why reading takes a [`Guard`].
//!
//! Threads: any number read. Writers may be any thread too, but pay a mutex, so in practice one thread writes: the one
//! that adds to the graph. After a fork the child reads only.
//!
//! The first block's pointer is a part of the table. Chunk sizes double from 8 pointers to `CHUNK` and stay there, so that a
//! small set pays little and a large one wastes nothing.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::NodeId;
use super::allocation::taken;
use super::epoch::{Guard, oldest, retire};

/// What is freed at a time of what was replaced.
const FREED: usize = 32;
/// Nodes that share a block.
const NODES: usize = 16;
/// Bytes of a block before its strings.
const HEADER: usize = 4 + 2 * NODES;
/// The longest string that stands in its block.
const INLINE: usize = 127;
/// What stands in a block for a longer one: its address and length.
const OUTSIDE: usize = 16;
/// Pointers of a large chunk.
const CHUNK: usize = 512;
/// Pointers of the first chunk.
const FIRST: usize = 8;
/// Levels whose sizes double, enough for all node ids.
const LEVELS: usize = 26;

type Chunk = Box<[AtomicPtr<u8>]>;
type Level = Box<[OnceLock<Chunk>]>;

/// One byte string per node, or none.
#[derive(Debug)]
pub struct Side {
    first: AtomicPtr<u8>,
    /// For the blocks after the first.
    levels: OnceLock<Box<[OnceLock<Level>; LEVELS]>>,
    retired: Mutex<VecDeque<(u64, Retired)>>,
    /// Bytes of blocks and strings, of those retired too.
    text_bytes: AtomicUsize,
    /// Bytes of levels and chunks.
    table_bytes: AtomicUsize,
}

#[derive(Debug)]
enum Retired {
    /// A block; what is outside of it is the next block's.
    Block(Block),
    Outside(Outside),
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
            first: AtomicPtr::default(),
            levels: OnceLock::new(),
            retired: Mutex::default(),
            text_bytes: AtomicUsize::new(0),
            table_bytes: AtomicUsize::new(0),
        }
    }

    /// The string of a node. It stays what it is for as long as the guard lives, whatever is stored meanwhile.
    pub fn get<'a>(&'a self, _guard: &'a Guard, id: NodeId) -> Option<&'a [u8]> {
        let block = Block(NonNull::new(self.known_entry(id)?.load(Acquire))?);
        // SAFETY: the pointer is that of a `Block`, stored by `swap`. It, and what is outside of it, is freed only after it
        // was swapped out, retired, and seen to be older than every pin; the guard pins this thread since before the load,
        // and outlives 'a. The table outlives 'a too, so its drop does not free it either.
        Some(unsafe { block.text(id.0 as usize % NODES)?.bytes() })
    }

    /// Stores the string of a node.
    pub fn set(&self, id: NodeId, bytes: &[u8]) {
        let mut retired = self.lock();
        let old = self.swap(id, Some(bytes));
        self.retire(&mut retired, old);
    }

    /// As [`Side::set`], when nobody has read anything yet: what was there is freed at once.
    pub fn fill(&mut self, id: NodeId, bytes: &[u8]) {
        let old = self.swap(id, Some(bytes));
        old.into_iter().flatten().for_each(|old| self.free(old));
    }

    /// As [`Side::fill`] for nodes with numbers one after the other, some of which may have no string: those that share a
    /// block get it at once, which takes a tenth of the time.
    pub fn fill_all(&mut self, first: NodeId, strings: &[Option<&[u8]>]) {
        let (mut id, mut rest) = (first.0, strings);
        while !rest.is_empty() {
            let at = id as usize % NODES;
            let (strings, later) = rest.split_at(rest.len().min(NODES - at));
            let some = (id..).zip(strings).filter_map(|(id, &string)| Some((NodeId(id), string?)));
            if at > 0 || !self.fill_block(NodeId(id), strings) {
                some.for_each(|(id, string)| self.fill(id, string));
            }
            (id, rest) = (id + strings.len() as u32, later);
        }
    }

    /// Makes the block of some nodes, `first` its first; false where there is one already.
    fn fill_block(&mut self, first: NodeId, strings: &[Option<&[u8]>]) -> bool {
        if strings.iter().all(Option::is_none) {
            return true;
        }
        let entry = self.entry(first);
        if !entry.load(Acquire).is_null() {
            return false;
        }
        let mut texts = [None; NODES];
        for (text, string) in texts.iter_mut().zip(strings) {
            *text = string.map(|string| self.text(string));
        }
        let block = Block::of(&texts);
        self.text_bytes.fetch_add(taken(block.size()), Relaxed);
        entry.store(block.0.as_ptr(), Release);
        true
    }

    /// A string in the form of a block's, its memory counted if it has some of its own.
    fn text<'a>(&self, bytes: &'a [u8]) -> Text<'a> {
        if bytes.len() <= INLINE {
            return Text::Inline(bytes);
        }
        self.text_bytes.fetch_add(taken(bytes.len()), Relaxed);
        Text::Outside(Outside::new(bytes))
    }

    /// Takes the string of a node away.
    pub fn clear(&self, id: NodeId) {
        if self.known_entry(id).is_some() {
            let mut retired = self.lock();
            let old = self.swap(id, None);
            self.retire(&mut retired, old);
        }
    }

    /// Puts a block with another string for a node in the place of the present one; what nobody needs any more. The caller
    /// has the mutex, or the table for itself.
    fn swap(&self, id: NodeId, bytes: Option<&[u8]>) -> [Option<Retired>; 2] {
        let entry = self.entry(id);
        let at = id.0 as usize % NODES;
        let old = NonNull::new(entry.load(Acquire)).map(Block);
        // SAFETY: blocks are freed when they were swapped out, which only the holder of the mutex does, so this one lives.
        let gone = old.as_ref().and_then(|old| unsafe { old.text(at) });
        if gone.is_none() && bytes.is_none() {
            return [None, None];
        }
        let gone = match gone {
            Some(Text::Outside(outside)) => Some(Retired::Outside(outside)),
            _ => None,
        };
        let text = bytes.map(|bytes| self.text(bytes));
        let block = Block::with(old.as_ref(), at, text);
        self.text_bytes.fetch_add(block.as_ref().map_or(0, |block| taken(block.size())), Relaxed);
        entry.store(block.map_or(std::ptr::null_mut(), |block| block.0.as_ptr()), Release);
        [old.map(Retired::Block), gone]
    }

    /// The pointer to a node's block.
    fn entry(&self, id: NodeId) -> &AtomicPtr<u8> {
        let Some((level, chunk, entry)) = place(id) else { return &self.first };
        let pointers = FIRST << level;
        let levels = self.levels.get_or_init(|| {
            self.table_bytes.fetch_add(taken(size_of::<[OnceLock<Level>; LEVELS]>()), Relaxed);
            Box::new([const { OnceLock::new() }; LEVELS])
        });
        let level = levels[level].get_or_init(|| {
            let chunks = (pointers / CHUNK).max(1);
            self.table_bytes.fetch_add(taken(chunks * size_of::<OnceLock<Chunk>>()), Relaxed);
            (0..chunks).map(|_| OnceLock::new()).collect()
        });
        let chunk = level[chunk].get_or_init(|| {
            let pointers = pointers.min(CHUNK);
            self.table_bytes.fetch_add(taken(pointers * size_of::<AtomicPtr<u8>>()), Relaxed);
            (0..pointers).map(|_| AtomicPtr::default()).collect()
        });
        &chunk[entry]
    }

    /// As [`Side::entry`], if there is a place for it.
    #[inline(always)]
    fn known_entry(&self, id: NodeId) -> Option<&AtomicPtr<u8>> {
        match place(id) {
            None => Some(&self.first),
            Some((level, chunk, entry)) => Some(&self.levels.get()?[level].get()?[chunk].get()?[entry]),
        }
    }

    fn retire(&self, retired: &mut VecDeque<(u64, Retired)>, old: [Option<Retired>; 2]) {
        if old.iter().any(Option::is_some) {
            let stamp = retire();
            retired.extend(old.into_iter().flatten().map(|old| (stamp, old)));
            self.free_old(retired);
        }
    }

    /// Frees some of what was replaced and what no pin can see any more; whether there was any. Storing does it too, of more than
    /// it replaces, but of a few only: what a long search has held back is not for one who stores to free.
    pub fn collect(&self) -> bool {
        let mut retired = self.lock();
        !retired.is_empty() && self.free_old(&mut retired)
    }

    fn free_old(&self, retired: &mut VecDeque<(u64, Retired)>) -> bool {
        let oldest = oldest();
        let before = retired.len();
        while let Some(&(stamp, _)) = retired.front()
            && stamp < oldest
            && before - retired.len() < FREED
        {
            if let Some((_, old)) = retired.pop_front() {
                self.free(old);
            }
        }
        let any = retired.len() < before;
        if retired.capacity() > 64 && retired.len() < retired.capacity() / 4 {
            let room = retired.len() * 2;
            retired.shrink_to(room);
        }
        any
    }

    /// Bytes that the table and its strings take on the heap, see [`super::allocation`].
    pub fn memory(&self) -> usize {
        let retired = taken(self.lock().capacity() * size_of::<(u64, Retired)>());
        self.table_bytes.load(Relaxed) + self.text_bytes.load(Relaxed) + retired
    }

    fn free(&self, old: Retired) {
        // SAFETY: the caller has the only pointer left: either no pin can see it, or the table is being dropped.
        let size = unsafe {
            match old {
                Retired::Block(block) => block.free(),
                Retired::Outside(outside) => outside.free(),
            }
        };
        self.text_bytes.fetch_sub(taken(size), Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Retired)>> {
        // Nothing panics while it is held; were it so, the queue would still be whole.
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        for (_, old) in std::mem::take(&mut *self.lock()) {
            self.free(old);
        }
        let levels = self.levels.take().into_iter().flat_map(|levels| *levels).filter_map(OnceLock::into_inner);
        let later = levels.flatten().filter_map(OnceLock::into_inner).flatten();
        for entry in std::iter::once(std::mem::take(&mut self.first)).chain(later) {
            let Some(block) = NonNull::new(entry.into_inner()).map(Block) else { continue };
            for at in 0..NODES {
                // SAFETY: the block is the table's until the end of this turn.
                if let Some(Text::Outside(outside)) = unsafe { block.text(at) } {
                    self.free(Retired::Outside(outside));
                }
            }
            self.free(Retired::Block(block));
        }
    }
}

/// The level, the chunk in it and the entry in that of a node's block; none for the first. Level `n` has `FIRST << n` entries.
#[inline(always)]
fn place(id: NodeId) -> Option<(usize, usize, usize)> {
    let shifted = (id.0 as usize / NODES).checked_sub(1)? + FIRST;
    let level = (shifted.ilog2() - FIRST.ilog2()) as usize;
    let offset = shifted - (FIRST << level);
    Some((level, offset / CHUNK, offset % CHUNK))
}

/// A string as a block has it.
#[derive(Debug, Clone, Copy)]
enum Text<'a> {
    Inline(&'a [u8]),
    Outside(Outside),
}

impl<'a> Text<'a> {
    /// # Safety
    /// What is outside is not freed during 'a.
    unsafe fn bytes(self) -> &'a [u8] {
        match self {
            Text::Inline(bytes) => bytes,
            // SAFETY: by the caller's promise; `Outside::new` wrote that many bytes.
            Text::Outside(Outside { start, len }) => unsafe { std::slice::from_raw_parts(start.as_ptr(), len) },
        }
    }
}

/// A long string: an allocation of its own.
#[derive(Debug, Clone, Copy)]
struct Outside {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it is plain memory that only its owner frees; reading it is free of side effects.
unsafe impl Send for Outside {}

/// Memory for that many bytes, at least one; alignment 1.
fn allocate(size: usize) -> NonNull<u8> {
    let layout = layout(size);
    // SAFETY: the callers ask for more than nothing.
    let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
    start
}

fn layout(size: usize) -> Layout {
    Layout::array::<u8>(size).expect("a slice, or a block of a few KB, is below isize::MAX")
}

impl Outside {
    /// A copy of a string that is not empty.
    fn new(bytes: &[u8]) -> Self {
        let start = allocate(bytes.len());
        // SAFETY: the block has that many bytes, and is new.
        unsafe { start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        Self { start, len: bytes.len() }
    }

    /// What a block has of it.
    fn address(&self) -> [u8; OUTSIDE] {
        let mut address = [0; OUTSIDE];
        address[..8].copy_from_slice(&(self.start.as_ptr().expose_provenance() as u64).to_ne_bytes());
        address[8..].copy_from_slice(&(self.len as u64).to_ne_bytes());
        address
    }

    /// Frees it and returns its size.
    ///
    /// # Safety
    /// Nobody else has a pointer to it any more.
    unsafe fn free(self) -> usize {
        // SAFETY: `new` allocated it with the layout of its length.
        unsafe { dealloc(self.start.as_ptr(), layout(self.len)) };
        self.len
    }
}

/// The strings of nodes in a row, behind a thin pointer; see the module's documentation.
#[derive(Debug)]
struct Block(NonNull<u8>);

// SAFETY: as for `Outside`.
unsafe impl Send for Block {}

impl Block {
    /// A block with these strings.
    fn of(texts: &[Option<Text>; NODES]) -> Block {
        let mut header = [0u16; HEADER / 2];
        let mut strings = [0; NODES * INLINE];
        let mut end = 0;
        for (at, text) in texts.iter().enumerate() {
            let address;
            let bytes = match text {
                None => &[],
                Some(Text::Inline(bytes)) => *bytes,
                Some(Text::Outside(outside)) => {
                    address = outside.address();
                    &address[..]
                }
            };
            header[0] |= u16::from(text.is_some()) << at;
            header[1] |= u16::from(matches!(text, Some(Text::Outside(_)))) << at;
            strings[end..end + bytes.len()].copy_from_slice(bytes);
            end += bytes.len();
            header[2 + at] = end as u16;
        }
        let new = allocate(HEADER + end);
        // SAFETY: the new memory has room for the header and `end` bytes.
        unsafe {
            new.copy_from_nonoverlapping(NonNull::from(&header).cast(), HEADER);
            new.add(HEADER).copy_from_nonoverlapping(NonNull::from(&strings).cast(), end);
        }
        Block(new)
    }

    /// A block with the strings of another but for that at a place; none without any string.
    fn with(old: Option<&Block>, at: usize, text: Option<Text>) -> Option<Block> {
        let mut header: [u16; HEADER / 2] = old.map_or([0; _], |old| std::array::from_fn(|at| old.word(at) as u16));
        let bit = 1 << at;
        let (begin, end) = (if at == 0 { 0 } else { header[1 + at] }, header[2 + at]);
        let address;
        let (present, outside, bytes) = match &text {
            None => (0, 0, &[][..]),
            Some(Text::Inline(bytes)) => (bit, 0, *bytes),
            Some(Text::Outside(outside)) => {
                address = outside.address();
                (bit, bit, &address[..])
            }
        };
        header[0] = header[0] & !bit | present;
        header[1] = header[1] & !bit | outside;
        if header[0] == 0 {
            return None;
        }
        for later in &mut header[2 + at..] {
            *later = *later - end + begin + bytes.len() as u16;
        }
        let new = allocate(HEADER + usize::from(header[1 + NODES]));
        // SAFETY: the new memory has room for the header and as many bytes as its last end says, which are those of the
        // old block before `begin`, the new ones, and those of the old one behind `end`.
        unsafe {
            new.copy_from_nonoverlapping(NonNull::from(&header).cast(), HEADER);
            let mut to = new.add(HEADER);
            let mut put = |from: NonNull<u8>, len: usize| {
                to.copy_from_nonoverlapping(from, len);
                to = to.add(len);
            };
            let (begin, end) = (usize::from(begin), usize::from(end));
            let strings = old.map(|old| (old.0.add(HEADER), old.size() - HEADER));
            if let Some((strings, _)) = strings {
                put(strings, begin);
            }
            put(NonNull::from(bytes).cast(), bytes.len());
            if let Some((strings, len)) = strings {
                put(strings.add(end), len - end);
            }
        }
        Some(Block(new))
    }

    /// A word of the header.
    fn word(&self, at: usize) -> usize {
        assert!(at < HEADER / 2, "a word of the header");
        // SAFETY: a block lives for as long as its `Block` is used, and has its header.
        usize::from(unsafe { self.0.cast::<u16>().add(at).read_unaligned() })
    }

    /// The string at a place.
    ///
    /// # Safety
    /// The block is not freed during 'a.
    unsafe fn text<'a>(&self, at: usize) -> Option<Text<'a>> {
        if self.word(0) >> at & 1 == 0 {
            return None;
        }
        let begin = if at == 0 { 0 } else { self.word(1 + at) };
        let len = self.word(2 + at) - begin;
        // SAFETY: `new` wrote a string there, or address and length of one.
        unsafe {
            let start = self.0.add(HEADER + begin);
            Some(if self.word(1) >> at & 1 == 0 {
                Text::Inline(std::slice::from_raw_parts(start.as_ptr(), len))
            } else {
                let [address, len] = start.cast::<[u64; 2]>().read_unaligned().map(|word| word as usize);
                Text::Outside(Outside {
                    start: NonNull::new_unchecked(std::ptr::with_exposed_provenance_mut(address)),
                    len,
                })
            })
        }
    }

    fn size(&self) -> usize {
        HEADER + self.word(1 + NODES)
    }

    /// Frees the block, not what is outside, and returns its size.
    ///
    /// # Safety
    /// Nobody else has a pointer to it any more.
    unsafe fn free(self) -> usize {
        let size = self.size();
        // SAFETY: `new` allocated it with the layout of its size.
        unsafe { dealloc(self.0.as_ptr(), layout(size)) };
        size
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
        let mut expected = vec![None];
        for level in 0..10 {
            let entries = FIRST << level;
            expected.extend((0..entries).map(|offset| Some((level, offset / CHUNK, offset % CHUNK))));
        }
        let got: Vec<_> =
            (0..expected.len() as u32).map(|block| place(NodeId(block * NODES as u32 + block % 16))).collect();
        assert_eq!(got, expected);
        assert!(place(NodeId(u32::MAX)).is_some_and(|(level, ..)| level < LEVELS));
    }

    #[test]
    fn strings_of_any_length_come_back() {
        let side = Side::new();
        let lens = [0, 1, 127, 128, 16_383, 16_384, 3_000_000, 0, 127, 127, 127, 127, 127, 127, 128, 127, 127, 500];
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
        fn it_is_a_map(
            filled in proptest::collection::vec((0u32..100, 0usize..200), 0..50),
            runs in proptest::collection::vec(
                (0u32..100, proptest::collection::vec(proptest::option::of(0usize..200), 0..70)), 0..4,
            ),
            ops in proptest::collection::vec((0u32..3000, proptest::option::of(0usize..200)), 0..300),
            spread in 1u32..200,
        ) {
            let mut side = Side::new();
            let mut model = HashMap::new();
            let text = |id: u32, len: usize| vec![(id * 7 + len as u32) as u8; len];
            for (id, len) in filled {
                side.fill(NodeId(id), &text(id, len));
                model.insert(id, text(id, len));
            }
            for (first, lens) in runs {
                let texts: Vec<_> = (first..).zip(&lens).map(|(id, len)| len.map(|len| text(id, len))).collect();
                side.fill_all(NodeId(first), &texts.iter().map(Option::as_deref).collect::<Vec<_>>());
                model.extend((first..).zip(texts).filter_map(|(id, text)| Some((id, text?))));
            }
            prop_assert!(side.lock().is_empty());
            for (id, len) in ops {
                let id = id % (spread * 15);
                match len {
                    Some(len) => {
                        side.set(NodeId(id), &text(id, len));
                        model.insert(id, text(id, len));
                    }
                    None => {
                        side.clear(NodeId(id));
                        model.remove(&id);
                    }
                }
            }
            let guard = pin();
            for id in 0..3000 {
                prop_assert_eq!(side.get(&guard, NodeId(id)), model.get(&id).map(|text| &text[..]));
            }
            drop(guard);
            // Other tests pin for the time of a search only.
            let size = |text: &Vec<u8>| text.len() + if text.len() > INLINE { OUTSIDE } else { 0 };
            let blocks: std::collections::HashSet<u32> = model.keys().map(|id| id / NODES as u32).collect();
            let live = model.values().map(size).sum::<usize>() + blocks.len() * HEADER;
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
        // Every eighth is outside.
        let long = |round: u32| if round.is_multiple_of(8) { INLINE as u32 + 1 } else { 0 };
        let len = |round: u32| (long(round) + round % 32) as usize + 1;
        let write = |id: u32, round: u32| side.set(NodeId(id), &[round as u8; 256][..len(round)]);
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
                            assert_eq!(text.len(), len(text[0].into()));
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
