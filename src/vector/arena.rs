//! Rows in chunks that never move: where a graph keeps codes and links.
//!
//! A row holds everything that a search needs of a node, so that visiting it touches one place in memory:
//!
//! ```text
//! | code | scale (Q8, I8, U8 under cosine) | upper | l2 | state | level | degree | level-0 links: 2·M × u32 | padding |
//!   0      4-aligned                         u32     f32  u8      u8      u16
//! ```
//!
//! Rows are 64-byte aligned where that costs at most a sixteenth of them, 4-byte aligned otherwise. The first chunk has
//! one row, each next one as many as all before it, until a chunk has `CHUNK` bytes; from there on all have that size.
//! So a small set costs little and a large one wastes at most `CHUNK` bytes. Blocks of `CHUNK` bytes are a size
//! class of the server's allocator.
//!
//! # Protocol
//!
//! 1. Chunks are zeroed, never moved, and freed only when the arena is dropped. The directory of chunks is replaced when
//!    it is full; old ones live until the arena is dropped (together they are smaller than the current one). A reader
//!    loads the number of chunks (acquire), then the directory, which is at least as new; every place below that number
//!    is set. So any row number below the capacity gives a row, any other panics.
//! 2. Everything in a row but its code and its scale is atomic.
//! 3. Code and scale are written by `Rows::add` only, to a row whose state is `FREE`, under the owner's mutex. A row
//!    becomes FREE by `Rows::free` only, which the graph calls when the epochs say that no reader can still know its
//!    number; it is published by storing another state (release). Readers learn a row's number from links, the tail or
//!    the range of numbers together with a state that is not FREE (acquire), so they see the code whole and unchanging.
//! 4. A caller that keeps a number beyond its pin may read another vector's code, or one that is being written: the
//!    module's documentation forbids it, and the graph's public methods look at the state first.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::allocation::taken;
use super::encoding::Beside;

/// Bytes of a chunk, except of the first ones and where two rows are larger.
const CHUNK: usize = 128 << 10;
/// Bytes of a row that are asked for ahead.
const PREFETCH: usize = 1 << 10;
/// Room that is left in a chunk for aligning its rows.
const SLACK: usize = 64;

/// State of a row that holds nothing.
pub(super) const FREE: u8 = 0;
/// Number of no row.
pub(super) const NONE: u32 = u32::MAX;

/// What stands between a row's code and its links.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Head {
    /// First block of the node's upper levels, `NONE` without; in a FREE row, the next free one.
    pub upper: AtomicU32,
    l2: AtomicU32,
    /// State and lock, see the graph.
    pub state: AtomicU8,
    /// The node's highest level.
    pub level: AtomicU8,
    /// Links at level 0.
    pub degree: AtomicU16,
}

impl Head {
    /// Norm of the vector before it was normalized.
    pub fn l2(&self) -> f32 {
        f32::from_bits(self.l2.load(Relaxed))
    }
}

/// Fixed-size rows of zeroed memory, found by number.
#[derive(Debug)]
struct Chunks {
    stride: usize,
    /// Rows of a full chunk, at least 2.
    full: u32,
    /// ⌊2⁶⁴ / full⌋ + 1: dividing by multiplying.
    magic: u64,
    /// How many chunks come before the first full one.
    small: usize,
    count: AtomicUsize,
    directory: AtomicPtr<AtomicPtr<u8>>,
}

/// What only the thread that grows an arena touches.
#[derive(Debug, Default)]
struct Owned {
    blocks: Vec<(*mut u8, Layout)>,
    directories: Vec<Box<[AtomicPtr<u8>]>>,
    bytes: usize,
}

// SAFETY: the pointers are blocks of plain bytes that belong to the arena; no thread-bound state is behind them.
unsafe impl Send for Owned {}

impl Chunks {
    fn new(stride: usize) -> Chunks {
        let full = ((CHUNK - SLACK) / stride).clamp(2, 1 << 20) as u32;
        Chunks {
            stride,
            full,
            magic: (u64::MAX / u64::from(full)) + 1,
            small: ((full - 1).ilog2() + 2) as usize,
            count: AtomicUsize::new(0),
            directory: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Chunk and place in it of a row.
    #[inline(always)]
    fn place(&self, row: u32) -> (usize, u32) {
        if row >= self.full {
            let quotient = ((u128::from(self.magic) * u128::from(row)) >> 64) as u32;
            (self.small - 1 + quotient as usize, row - quotient * self.full)
        } else if row == 0 {
            (0, 0)
        } else {
            let bits = row.ilog2();
            (bits as usize + 1, row - (1 << bits))
        }
    }

    /// Rows of the chunk with this number, and the first of them.
    fn rows(&self, chunk: usize) -> (u64, u32) {
        match chunk {
            0 => (0, 1),
            _ if chunk < self.small => (1 << (chunk - 1), (1 << (chunk - 1)).min(self.full - (1 << (chunk - 1)))),
            _ => ((chunk - self.small + 1) as u64 * u64::from(self.full), self.full),
        }
    }

    /// Where a row begins.
    ///
    /// # Panics
    /// When the row does not exist.
    #[inline(always)]
    fn at(&self, row: u32) -> *mut u8 {
        let (chunk, index) = self.place(row);
        assert!(chunk < self.count.load(Acquire), "no such row");
        // SAFETY: by rule 1 the directory has more than `chunk` places and this one holds a block of `rows(chunk)` rows,
        // of which `index` is one.
        unsafe { (*self.directory.load(Acquire).add(chunk)).load(Relaxed).add(index as usize * self.stride) }
    }

    /// Adds a chunk.
    fn grow(&self, owned: &mut Owned) {
        let chunk = self.count.load(Relaxed);
        let (_, rows) = self.rows(chunk);
        let bytes = rows as usize * self.stride + SLACK;
        let layout = Layout::from_size_align(bytes, 16).expect("a chunk's size is far below isize::MAX");
        // SAFETY: the size is not zero.
        let block = unsafe { alloc_zeroed(layout) };
        if block.is_null() {
            handle_alloc_error(layout);
        }
        owned.blocks.push((block, layout));
        owned.bytes += taken(bytes);
        let room = owned.directories.last().map_or(0, |directory| directory.len());
        if chunk == room {
            let mut wider = Vec::with_capacity((room * 2).max(4));
            if let Some(old) = owned.directories.last() {
                wider.extend(old.iter().map(|place| AtomicPtr::new(place.load(Relaxed))));
            }
            wider.resize_with(wider.capacity(), AtomicPtr::default);
            owned.directories.push(wider.into_boxed_slice());
        }
        let directory = owned.directories.last().expect("one was just made or had room");
        // SAFETY: the block has SLACK bytes more than its rows, so it may be shifted to a multiple of 64.
        let first = unsafe { block.add(block.align_offset(64)) };
        directory[chunk].store(first, Relaxed);
        self.directory.store(directory.as_ptr().cast_mut(), Release);
        self.count.store(chunk + 1, Release);
    }

    /// Adds chunks until `row` exists.
    fn reach(&self, row: u32, owned: &mut Owned) {
        while self.place(row).0 >= self.count.load(Relaxed) {
            self.grow(owned);
        }
    }
}

impl Owned {
    fn usage(&self) -> usize {
        let places = self.directories.iter().map(|directory| taken(size_of_val(&directory[..])));
        self.bytes
            + places.sum::<usize>()
            + taken(self.blocks.capacity() * size_of::<(*mut u8, Layout)>())
            + taken(self.directories.capacity() * size_of::<Box<[AtomicPtr<u8>]>>())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        for &(block, layout) in &self.blocks {
            // SAFETY: the block came from alloc_zeroed with this layout, and the arena that lends its rows is going.
            unsafe { dealloc(block, layout) }
        }
    }
}

/// A panic inside a lock of this module leaves nothing half-done: at worst a row is not used.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows of codes and level-0 links.
#[derive(Debug)]
pub(super) struct Rows {
    chunks: Chunks,
    code_len: usize,
    scale_at: Option<usize>,
    head_at: usize,
    links_at: usize,
    links: usize,
    /// All rows that were ever used are below this number.
    len: AtomicU32,
    owner: Mutex<RowOwner>,
}

#[derive(Debug)]
struct RowOwner {
    owned: Owned,
    /// First of the free rows, which are chained.
    free: u32,
}

impl Rows {
    /// Rows for codes of `code_len` bytes, with or without a scale, and `links` links.
    pub fn new(code_len: usize, scaled: bool, links: usize) -> Rows {
        let end = code_len.next_multiple_of(4);
        let head_at = if scaled { end + 4 } else { end };
        let links_at = head_at + size_of::<Head>();
        let bytes = links_at + links * 4;
        let wide = bytes.next_multiple_of(64);
        let stride = if wide - bytes <= bytes / 16 { wide } else { bytes };
        let owner = RowOwner { owned: Owned::default(), free: NONE };
        Rows {
            chunks: Chunks::new(stride),
            code_len,
            scale_at: scaled.then_some(end),
            head_at,
            links_at,
            links,
            len: AtomicU32::new(0),
            owner: Mutex::new(owner),
        }
    }

    /// All rows that were ever used are below this number.
    #[inline]
    pub fn len(&self) -> u32 {
        self.len.load(Acquire)
    }

    /// Everything in a row but its code and links.
    #[inline(always)]
    pub fn head(&self, row: u32) -> &Head {
        // SAFETY: rows are zeroed (a valid Head), 4-aligned, and only accessed through atomics there (rule 2).
        unsafe { &*self.chunks.at(row).add(self.head_at).cast::<Head>() }
    }

    /// A row's links, all of its room.
    #[inline(always)]
    pub fn links(&self, row: u32) -> &[AtomicU32] {
        // SAFETY: as for the head; the row has `links` words there.
        unsafe { std::slice::from_raw_parts(self.chunks.at(row).add(self.links_at).cast::<AtomicU32>(), self.links) }
    }

    /// A row's code.
    #[inline(always)]
    pub fn code(&self, row: u32) -> &[u8] {
        // SAFETY: the row has `code_len` initialized bytes there, which do not change while a reader may know its number
        // (rules 3 and 4).
        unsafe { std::slice::from_raw_parts(self.chunks.at(row), self.code_len) }
    }

    /// Asks the memory for a row's code and what follows it up to the links.
    #[inline(always)]
    pub fn prefetch(&self, row: u32) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let at = self.chunks.at(row).cast::<i8>();
            // The processor follows a long row by itself after the first lines.
            for offset in (0..self.links_at.min(PREFETCH)).step_by(64) {
                // SAFETY: fetching ahead has no effect that a program can see, wherever it points.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(offset)) }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = row;
    }

    /// Asks the memory for a row's links.
    #[inline(always)]
    pub fn prefetch_links(&self, row: u32) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let at = self.chunks.at(row).cast::<i8>();
            for offset in (self.head_at..self.links_at + 4 * self.links.min(64)).step_by(64) {
                // SAFETY: as in `prefetch`.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(offset)) }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = row;
    }

    /// A row's scale word, 0 without.
    #[inline(always)]
    pub fn scale(&self, row: u32) -> f32 {
        match self.scale_at {
            // SAFETY: as for the code; the word is 4-aligned.
            Some(at) => unsafe { self.chunks.at(row).add(at).cast::<f32>().read() },
            None => 0.0,
        }
    }

    /// Takes a row, lets `fill` write its code, and returns its number. It stays FREE until the caller publishes it.
    ///
    /// # Panics
    /// When 2³¹ rows are used.
    pub fn add(&self, fill: impl FnOnce(&mut [u8]) -> Beside) -> u32 {
        let mut owner = lock(&self.owner);
        let row = if owner.free == NONE { self.len.load(Relaxed) } else { owner.free };
        assert!(row < 1 << 31, "more vectors than ids");
        self.chunks.reach(row, &mut owner.owned);
        self.write(row, fill);
        let head = self.head(row);
        if owner.free == row {
            owner.free = head.upper.load(Relaxed);
        } else {
            self.len.store(row + 1, Release);
        }
        head.upper.store(NONE, Relaxed);
        row
    }

    /// Writes code, scale and norm of a FREE row; the caller holds the owner's mutex.
    fn write(&self, row: u32, fill: impl FnOnce(&mut [u8]) -> Beside) {
        let at = self.chunks.at(row);
        assert_eq!(self.head(row).state.load(Acquire), FREE, "only free rows are written");
        // SAFETY: the row is FREE and not published, and the caller holds the mutex, so by rule 3 nobody else reads or
        // writes its code.
        let beside = fill(unsafe { std::slice::from_raw_parts_mut(at, self.code_len) });
        if let Some(scale_at) = self.scale_at {
            // SAFETY: as above; the word is 4-aligned.
            unsafe { at.add(scale_at).cast::<f32>().write(beside.scale) }
        }
        let head = self.head(row);
        head.l2.store(beside.l2.to_bits(), Relaxed);
        head.degree.store(0, Relaxed);
    }

    /// Makes sure that `row` exists, for a decoder that places its rows itself, and writes it if it is FREE.
    pub fn put(&self, row: u32, fill: impl FnOnce(&mut [u8]) -> Beside) {
        let mut owner = lock(&self.owner);
        self.chunks.reach(row, &mut owner.owned);
        self.write(row, fill);
        self.head(row).upper.store(NONE, Relaxed);
        self.len.store(self.len.load(Relaxed).max(row + 1), Release);
    }

    /// Gives a row back that no reader can know any more; its state becomes FREE.
    pub fn free(&self, row: u32) {
        let mut owner = lock(&self.owner);
        let head = self.head(row);
        head.upper.store(owner.free, Relaxed);
        head.state.store(FREE, Release);
        owner.free = row;
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        lock(&self.owner).owned.usage()
    }
}

/// Links of the levels above 0: blocks of a degree and `M` links, a node of level `l` having `l` consecutive ones.
#[derive(Debug)]
pub(super) struct Blocks {
    chunks: Chunks,
    links: usize,
    owner: Mutex<BlockOwner>,
}

#[derive(Debug, Default)]
struct BlockOwner {
    owned: Owned,
    len: u32,
    /// Freed runs by length.
    free: Vec<Vec<u32>>,
}

impl Blocks {
    /// Blocks of `links` links.
    pub fn new(links: usize) -> Blocks {
        Blocks { chunks: Chunks::new((links + 1) * 4), links, owner: Mutex::default() }
    }

    /// Takes `run` consecutive blocks, empty, and returns the first one's number.
    pub fn take(&self, run: usize) -> u32 {
        let mut owner = lock(&self.owner);
        let first = match owner.free.get_mut(run).and_then(Vec::pop) {
            Some(first) => first,
            None => {
                let first = owner.len;
                owner.len = first.checked_add(run as u32).expect("fewer blocks than rows");
                let last = owner.len - 1;
                self.chunks.reach(last, &mut owner.owned);
                first
            }
        };
        for block in first..first + run as u32 {
            self.degree(block).store(0, Relaxed);
        }
        first
    }

    /// Gives a run back that no reader can know any more.
    pub fn give(&self, first: u32, run: usize) {
        let mut owner = lock(&self.owner);
        if owner.free.len() <= run {
            owner.free.resize_with(run + 1, Vec::new);
        }
        owner.free[run].push(first);
    }

    /// How many links a block has.
    #[inline]
    pub fn degree(&self, block: u32) -> &AtomicU32 {
        // SAFETY: a block is zeroed, 4-aligned and only accessed through atomics.
        unsafe { &*self.chunks.at(block).cast::<AtomicU32>() }
    }

    /// A block's links, all of its room.
    #[inline]
    pub fn links(&self, block: u32) -> &[AtomicU32] {
        // SAFETY: as for the degree; `links` words follow it.
        unsafe { std::slice::from_raw_parts(self.chunks.at(block).cast::<AtomicU32>().add(1), self.links) }
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        let owner = lock(&self.owner);
        let free: usize = owner.free.iter().map(|runs| runs.capacity() * 4 + size_of::<Vec<u32>>()).sum();
        owner.owned.usage() + free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_own_place() {
        for stride in [4, 60, 448, 5000, 131_072, 300_000] {
            let chunks = Chunks::new(stride);
            let mut owned = Owned::default();
            let rows = (3 * chunks.full + 7).min(20_000);
            chunks.reach(rows - 1, &mut owned);
            let mut expected = 0u64;
            for chunk in 0..chunks.count.load(Relaxed) {
                let (first, len) = chunks.rows(chunk);
                assert_eq!(first, expected, "stride {stride}, chunk {chunk}");
                for index in 0..len {
                    assert_eq!(chunks.place(first as u32 + index), (chunk, index));
                }
                expected += u64::from(len);
            }
            assert!(expected >= u64::from(rows));
        }
    }

    #[test]
    fn dividing_by_multiplying_is_exact_at_the_ends() {
        for stride in [4, 7, 64, 448, 4000, 200_000] {
            let chunks = Chunks::new(stride);
            for row in [chunks.full, chunks.full * 2 - 1, u32::MAX - 1, u32::MAX / chunks.full * chunks.full - 1] {
                let (chunk, index) = chunks.place(row);
                assert_eq!((chunk - chunks.small + 1) as u32, row / chunks.full);
                assert_eq!(index, row % chunks.full);
            }
        }
    }

    #[test]
    fn freed_rows_and_runs_are_used_again() {
        let rows = Rows::new(10, true, 4);
        let fill = |byte| {
            move |code: &mut [u8]| {
                code.fill(byte);
                Beside { l2: 2.0, scale: 0.5 }
            }
        };
        let numbers: Vec<u32> = (0..100).map(|byte| rows.add(fill(byte))).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<u32>>());
        assert_eq!(rows.code(42), [42; 10]);
        assert_eq!((rows.scale(42), rows.head(42).l2()), (0.5, 2.0));
        rows.head(42).state.store(1, Release);
        rows.free(42);
        assert_eq!((rows.add(fill(7)), rows.add(fill(8))), (42, 100));
        assert_eq!((rows.code(42), rows.code(41)), (&[7; 10][..], &[41; 10][..]));

        let blocks = Blocks::new(3);
        assert_eq!((blocks.take(1), blocks.take(3), blocks.take(1)), (0, 1, 4));
        blocks.give(1, 3);
        assert_eq!((blocks.take(2), blocks.take(3)), (5, 1));
    }

    #[test]
    fn one_row_costs_about_one_row() {
        let rows = Rows::new(65_536 * 4, false, 32);
        rows.add(|_| Beside { l2: 1.0, scale: 0.0 });
        assert!(rows.memory_usage() < 65_536 * 4 + 1024);
    }
}
