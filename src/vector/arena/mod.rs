//! Rows in chunks that never move: where a graph keeps codes and links.
//!
//! A row holds everything that a search needs of a node, so that visiting it touches one place in memory:
//!
//! ```text
//! | code | scale (Q8, I8, U8 under cosine) | upper | l2 | state | level | degree | level-0 links: 2·M, three to a u64 | padding |
//!   0      4-aligned                         u32     f32  u8      u8      u16      8-aligned
//! ```
//!
//! Where a graph walks by coarse codes, the codes stand apart instead, so that what a walk looks at lies close together (at 1536
//! components, in a sixth of the memory and of its pages):
//!
//! ```text
//! | scale | coarse code | upper | l2 | state | level | degree | level-0 links | padding |
//! ```
//!
//! A code that begins anywhere lies in more cache lines than it needs, and its distance takes a quarter longer. So rows are
//! 64-byte aligned where that costs at most a twentieth of them, less otherwise; and where links, standing apart from what is
//! before them, make that cheaper, they do. Chunks grow, from one row to `CHUNK` bytes (`chunks.rs`); from there on all have that
//! size. So a small set costs little and a large one wastes at most `CHUNK` bytes. Blocks of `CHUNK` bytes are a size
//! class of the server's allocator. Of chunks without a row in use, one keeps its memory, so that adding and removing by
//! turns does not take and give it.
//!
//! # Protocol
//!
//! 1. Chunks are zeroed and never moved. The directory of chunks is replaced when it is full; old ones live until the
//!    arena is dropped (together they are smaller than the current one). A reader loads the number of chunks (acquire),
//!    then the directory, which is at least as new; every place below that number is set. So any row number below the
//!    capacity gives a row, any other panics. A chunk whose rows are all free is released: its place leads to zeros from
//!    then on, which read as free rows, and its memory is freed when no pin is older than that. So whoever looks at rows
//!    is pinned, or is the only one who frees them, or holds the owner's mutex.
//! 2. Everything in a row but its codes and its scale is atomic.
//! 3. Code and scale are written by `Rows::add` only, to a row whose state is `FREE`, under the owner's mutex. A row
//!    becomes FREE by `Rows::free` only, which the graph calls when the epochs say that no reader can still know its
//!    number; it is published by storing another state (release). Readers learn a row's number from links, the tail or
//!    the range of numbers together with a state that is not FREE (acquire), so they see the code whole and unchanging.
//! 4. A caller that keeps a number beyond its pin may read another vector's code, or one that is being written: the
//!    module's documentation forbids it, and the graph's public methods look at the state first.
//! 5. Coarse codes are written by `Rows::write_coarse` only, by one thread at a time for a row that cannot become FREE then,
//!    and not while another may read that row's: `graph/survey.rs` says how the graph sees to it.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::sync::Mutex;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, AtomicU64};

use super::encoding::Beside;
use super::encoding::halves::split_len;
use super::epoch;

mod bits;
mod blocks;
mod chunks;
mod links;
mod lists;
mod supply;

pub(in crate::vector) use bits::Bits;
pub(in crate::vector) use blocks::Blocks;
pub(in crate::vector) use supply::NONE;

use chunks::{Chunks, Owned, lock};
use links::{Far, NEAR};
use supply::Supply;

/// A row of more bytes than this is asked for ahead by its first lines only: the processor follows those by itself then, as it is
/// read, while asking for all of it fills what it can wait for. (20,000 rows of 384 floats on a machine whose third cache is as far
/// as its memory, at a beam of 100: asking for 64 to 256 bytes 1.2 times as many queries a second as for all; of rows of 404 bytes,
/// asking for all is 1.05 to 1.25 times as fast as that.)
const LONG: usize = 1 << 10;
/// How many bytes these first lines are.
const FIRST: usize = 128;

/// State of a row that holds nothing.
pub(super) const FREE: u8 = 0;

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
    /// Links at level 0 that stand in the row.
    degree: AtomicU16,
}

impl Head {
    /// Norm of the vector before it was normalized.
    pub fn l2(&self) -> f32 {
        f32::from_bits(self.l2.load(Relaxed))
    }
}

/// Where a row is, found once by [`Rows::spot`] and looked at several times: valid for as long as a reference would be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    row: *mut u8,
    code: *mut u8,
    rows: PhantomData<&'a Rows>,
}

/// How a row's parts are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    stride: usize,
    /// Where the links are, if not apart.
    links_at: Option<usize>,
}

impl Layout {
    /// For `front` bytes of code and head, 4-aligned, and `links` bytes, to be 8-aligned.
    fn of(front: usize, links: usize) -> Layout {
        let least = if links > 0 { 8 } else { 4 };
        let links_at = front.next_multiple_of(least);
        let bytes = links_at + links;
        for align in [64, 32, 16] {
            let together = Layout { stride: bytes.next_multiple_of(align), links_at: Some(links_at) };
            let apart = Layout { stride: front.next_multiple_of(align), links_at: None };
            let (taken, layout) = match apart.stride + links < together.stride {
                true => (apart.stride + links, apart),
                false => (together.stride, together),
            };
            if taken - bytes <= bytes / 20 {
                return layout;
            }
        }
        Layout { stride: bytes, links_at: Some(links_at) }
    }

    /// For `front` bytes of coarse code and head, as many of `links`, and a code of `code` bytes; and what that has apart.
    fn of_coarse(front: usize, links: usize, code: usize) -> (Layout, usize) {
        let links_at = front.next_multiple_of(8);
        let padded = |bytes: usize| {
            let most = (links_at + links + code) / 20;
            let cheap = |align: &usize| bytes.next_multiple_of(*align) - bytes <= most;
            bytes.next_multiple_of([64, 32, 16].into_iter().find(cheap).unwrap_or(8))
        };
        (Layout { stride: padded(links_at + links), links_at: Some(links_at) }, padded(code))
    }
}

/// Asks the memory for the cache line at a place.
#[inline(always)]
fn fetch_line(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: fetching ahead has no effect that a program can see, wherever it points.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// So many of some bytes are asked of the memory: all, or the first of very many.
#[inline(always)]
fn asked_of(bytes: usize) -> usize {
    if bytes > LONG { FIRST } else { bytes }
}

/// Asks the memory for so many bytes from a place on.
#[inline(always)]
fn fetch_lines(at: *const u8, bytes: usize) {
    let mut offset = 0;
    // Not `step_by`, which becomes a call with a division.
    while offset < bytes {
        fetch_line(at.wrapping_add(offset));
        offset += 64;
    }
}

/// Rows of codes and level-0 links.
#[derive(Debug)]
pub(super) struct Rows {
    chunks: Chunks,
    code_len: usize,
    scale_at: Option<usize>,
    coarse_at: usize,
    coarse_len: usize,
    head_at: usize,
    /// Where the links are; none if they are apart.
    links_at: Option<usize>,
    /// Words of links.
    words: usize,
    /// Cache lines that [`Rows::prefetch`] asks for.
    prefetched: usize,
    /// Where [`Rows::prefetch_upper`] begins to ask, and for how many bytes; where codes stand in the rows.
    upper: (usize, usize),
    /// Rows from here on are linked to by `far` links.
    near: u32,
    far: Far,
    /// All rows in use are below this number.
    len: AtomicU32,
    /// Rows that there is memory for.
    room: AtomicU32,
    /// Whether released memory waits for its last reader.
    waits: AtomicBool,
    owner: Mutex<RowOwner>,
}

#[derive(Debug, Default)]
struct RowOwner {
    owned: Owned,
    supply: Supply,
}

impl Rows {
    /// Rows for codes of `code_len` bytes, with or without a scale, coarse codes of `coarse_len` bytes, and `links` links.
    pub fn new(code_len: usize, scaled: bool, coarse_len: usize, links: usize) -> Rows {
        let end = if coarse_len > 0 { 0 } else { code_len.next_multiple_of(4) };
        let coarse_at = if scaled { end + 4 } else { end };
        let head_at = coarse_at + coarse_len.next_multiple_of(4);
        let words = links::words(links);
        let front = head_at + size_of::<Head>();
        let (Layout { stride, links_at }, apart) = if coarse_len > 0 {
            Layout::of_coarse(front, words * 8, code_len)
        } else {
            let layout = Layout::of(front, words * 8);
            (layout, if layout.links_at.is_none() { words * 8 } else { 0 })
        };
        let skipped = split_len(code_len) / 2;
        let lines = |bytes: usize| asked_of(bytes).div_ceil(64);
        let prefetched = if coarse_len > 0 { 1 + lines(code_len) } else { lines(front) + usize::from(front > LONG) };
        Rows {
            prefetched,
            upper: (skipped, asked_of(front.saturating_sub(skipped))),
            chunks: Chunks::new(stride, apart),
            code_len,
            scale_at: scaled.then_some(end),
            coarse_at,
            coarse_len,
            head_at,
            links_at,
            words,
            near: NEAR,
            far: Far::new(links),
            len: AtomicU32::new(0),
            room: AtomicU32::new(0),
            waits: AtomicBool::new(false),
            owner: Mutex::default(),
        }
    }

    /// All rows in use are below this number.
    #[inline]
    pub fn len(&self) -> u32 {
        self.len.load(Acquire)
    }

    /// How many rows there is memory for.
    pub fn room(&self) -> u32 {
        self.room.load(Relaxed)
    }

    /// How many there would be memory for if so many were used, and no others ever had been.
    pub fn least_room(&self, used: u32) -> u32 {
        let Some(last) = used.checked_sub(1) else { return 0 };
        let (first, rows) = self.chunks.rows(self.chunks.place(last).0);
        first as u32 + rows
    }

    /// Bytes of so many rows.
    pub fn bytes_of(&self, rows: u32) -> usize {
        self.chunks.bytes_of(rows)
    }

    /// Where a row is.
    #[inline(always)]
    pub fn spot(&self, row: u32) -> Spot<'_> {
        if self.coarse_len == 0 {
            let row = self.chunks.at(row);
            Spot { row, code: row, rows: PhantomData }
        } else {
            let (row, code) = self.chunks.parts(row);
            Spot { row, code, rows: PhantomData }
        }
    }

    /// Everything in a row but its code and links.
    #[inline(always)]
    pub fn head(&self, row: u32) -> &Head {
        self.head_of(self.spot(row))
    }

    /// As [`Rows::head`].
    #[inline(always)]
    pub fn head_of<'a>(&self, spot: Spot<'a>) -> &'a Head {
        // SAFETY: rows are zeroed (a valid Head), 4-aligned, and only accessed through atomics there (rule 2).
        unsafe { &*spot.row.add(self.head_at).cast::<Head>() }
    }

    /// A row's words of links.
    #[inline(always)]
    fn links(&self, row: u32) -> &[AtomicU64] {
        // SAFETY: as for the head; the row has `words` words there, 8-aligned as rows are that have any.
        unsafe { std::slice::from_raw_parts(self.links_start(row).cast::<AtomicU64>(), self.words) }
    }

    #[inline(always)]
    fn links_start(&self, row: u32) -> *mut u8 {
        match self.links_at {
            // SAFETY: a row has its links there.
            Some(at) => unsafe { self.chunks.at(row).add(at) },
            None => self.chunks.parts(row).1,
        }
    }

    /// Lets links to rows from `near` on be far ones, for tests.
    #[cfg(test)]
    pub fn set_near(&mut self, near: u32) {
        self.near = near;
    }

    /// A row's code.
    #[inline(always)]
    pub fn code(&self, row: u32) -> &[u8] {
        self.code_of(self.spot(row))
    }

    /// As [`Rows::code`].
    #[inline(always)]
    pub fn code_of<'a>(&self, spot: Spot<'a>) -> &'a [u8] {
        // SAFETY: the row has `code_len` initialized bytes there, which do not change while a reader may know its number
        // (rules 3 and 4).
        unsafe { std::slice::from_raw_parts(spot.code, self.code_len) }
    }

    /// A row's coarse code.
    #[cfg(test)]
    pub fn coarse(&self, row: u32) -> &[u8] {
        self.coarse_of(self.spot(row))
    }

    /// The coarse code of a row.
    #[inline(always)]
    pub fn coarse_of<'a>(&self, spot: Spot<'a>) -> &'a [u8] {
        // SAFETY: `coarse_len` initialized bytes, which do not change while somebody may read them (rule 5).
        unsafe { std::slice::from_raw_parts(spot.row.add(self.coarse_at), self.coarse_len) }
    }

    /// Lets `fill` write a row's coarse code, by rule 5.
    pub fn write_coarse(&self, row: u32, fill: impl FnOnce(&mut [u8])) {
        // SAFETY: the row has `coarse_len` bytes there, and by rule 5 nobody else reads or writes them now.
        fill(unsafe { std::slice::from_raw_parts_mut(self.chunks.at(row).add(self.coarse_at), self.coarse_len) });
    }

    /// Asks the memory for a row's coarse code, and what stands around it from the scale up to the links.
    #[inline(always)]
    pub fn prefetch_coarse(&self, spot: Spot) {
        fetch_lines(spot.row, self.head_at + size_of::<Head>());
    }

    /// Asks the memory for what of a row's code stands from [upper halves](super::encoding::halves) on, and what follows it up to
    /// the links.
    #[inline(always)]
    pub fn prefetch_upper(&self, spot: Spot) {
        let (skipped, bytes) = self.upper;
        fetch_lines(spot.row.wrapping_add(skipped), bytes);
    }

    /// Asks the memory for a row's code and what follows it up to the links; for the code and the scale, where it is apart.
    #[inline(always)]
    pub fn prefetch(&self, spot: Spot) {
        if self.coarse_len == 0 {
            let end = self.head_at + size_of::<Head>();
            fetch_lines(spot.row, asked_of(end));
            if end > LONG {
                // Whether the row is live, which is asked first by some.
                fetch_line(spot.row.wrapping_add(self.head_at));
            }
        } else {
            fetch_line(spot.row);
            fetch_lines(spot.code, asked_of(self.code_len));
        }
    }

    /// How many cache lines [`Rows::prefetch`] asks for, 1 at least.
    #[inline(always)]
    pub fn prefetched(&self) -> usize {
        self.prefetched.max(1)
    }

    /// How many cache lines [`Rows::prefetch_upper`] asks for, 1 at least.
    #[inline(always)]
    pub fn prefetched_upper(&self) -> usize {
        self.upper.1.div_ceil(64)
    }

    /// Asks the memory for a row's links, and how many they are.
    #[inline(always)]
    pub fn prefetch_links(&self, row: u32) {
        let links = self.links_start(row);
        // The first lines of many links; and where the last of few begins.
        let bytes = (8 * self.words).min(256);
        fetch_lines(links, bytes);
        fetch_line(links.wrapping_add(bytes.saturating_sub(1)));
        fetch_line(self.chunks.at(row).wrapping_add(self.head_at));
    }

    /// A row's scale word, 0 without.
    #[inline(always)]
    pub fn scale(&self, row: u32) -> f32 {
        self.scale_of(self.spot(row))
    }

    /// As [`Rows::scale`].
    #[inline(always)]
    pub fn scale_of(&self, spot: Spot) -> f32 {
        match self.scale_at {
            // SAFETY: as for the code; the word is 4-aligned.
            Some(at) => unsafe { spot.row.add(at).cast::<f32>().read() },
            None => 0.0,
        }
    }

    /// Takes a row, lets `fill` write its code, and returns its number. It stays FREE until the caller publishes it.
    ///
    /// # Panics
    /// When 2³¹ rows are used.
    pub fn add(&self, fill: impl FnOnce(&mut [u8]) -> Beside) -> u32 {
        let mut owner = lock(&self.owner);
        let RowOwner { owned, supply } = &mut *owner;
        let chunk = supply.choose();
        let (first, rows) = self.chunks.rows(chunk);
        assert!(first + u64::from(rows) <= 1 << 31, "more vectors than ids");
        if supply.lacks_memory(chunk) {
            self.chunks.allocate(chunk, owned);
            supply.has_memory(chunk, rows);
            self.room.fetch_add(rows, Relaxed);
        }
        let row = supply.free_row(chunk, first as u32);
        self.write(row, fill);
        let head = self.head(row);
        supply.take(chunk, first as u32, row, rows, head.upper.load(Relaxed));
        self.len.fetch_max(row + 1, Release);
        head.upper.store(NONE, Relaxed);
        row
    }

    /// Writes code, scale and norm of a FREE row; the caller holds the owner's mutex.
    fn write(&self, row: u32, fill: impl FnOnce(&mut [u8]) -> Beside) {
        let spot = self.spot(row);
        assert_eq!(self.head_of(spot).state.load(Acquire), FREE, "only free rows are written");
        // SAFETY: the row is FREE and not published, and the caller holds the mutex, so by rule 3 nobody else reads or
        // writes its code.
        let code = unsafe { std::slice::from_raw_parts_mut(spot.code, self.code_len) };
        let beside = fill(code);
        if let Some(scale_at) = self.scale_at {
            // SAFETY: as above; the word is 4-aligned.
            unsafe { spot.row.add(scale_at).cast::<f32>().write(beside.scale) }
        }
        let head = self.head_of(spot);
        head.l2.store(beside.l2.to_bits(), Relaxed);
        head.degree.store(0, Relaxed);
    }

    /// Makes sure that `row` exists, for a decoder that places its rows itself and leaves out none, and writes it if it is
    /// FREE.
    pub fn put(&self, row: u32, fill: impl FnOnce(&mut [u8]) -> Beside) {
        let mut owner = lock(&self.owner);
        let RowOwner { owned, supply } = &mut *owner;
        let (chunk, _) = self.chunks.place(row);
        while supply.lacks_memory(chunk) {
            let next = supply.chunks().min(chunk);
            self.chunks.allocate(next, owned);
            let rows = self.chunks.rows(next).1;
            supply.has_memory(next, rows);
            self.room.fetch_add(rows, Relaxed);
        }
        self.write(row, fill);
        let (first, rows) = self.chunks.rows(chunk);
        supply.place(chunk, row - first as u32, rows);
        self.head(row).upper.store(NONE, Relaxed);
        self.len.fetch_max(row + 1, Release);
    }

    /// Gives a row back that no reader can know any more; its state becomes FREE.
    pub fn free(&self, row: u32) {
        let mut owner = lock(&self.owner);
        let RowOwner { owned, supply } = &mut *owner;
        let (chunk, _) = self.chunks.place(row);
        let head = self.head(row);
        self.far.free(row);
        let (next, empty) = supply.give(chunk, row);
        head.upper.store(next, Relaxed);
        head.state.store(FREE, Release);
        if let Some(chunk) = empty.then(|| supply.emptied(chunk)).flatten()
            && self.chunks.release(chunk, owned)
        {
            supply.lost_memory(chunk);
            self.room.fetch_sub(self.chunks.rows(chunk).1, Relaxed);
            let last = supply.last_in_use();
            self.len.store(last.map_or(0, |(chunk, rows)| self.chunks.rows(chunk).0 as u32 + rows), Release);
            self.waits.store(true, Release);
        }
    }

    /// Frees the memory of released chunks that no pin can see any more, a few at a time. Costs a load when there is none.
    /// Whether some was freed.
    pub fn collect(&self) -> bool {
        if !self.waits() {
            return false;
        }
        let mut owner = lock(&self.owner);
        let (freed, left) = owner.owned.collect(epoch::oldest());
        self.waits.store(left, Release);
        freed
    }

    /// Whether released memory waits for [`Rows::collect`].
    pub fn waits(&self) -> bool {
        self.waits.load(Acquire)
    }

    /// Bytes taken from the allocator.
    pub fn memory_usage(&self) -> usize {
        let owner = lock(&self.owner);
        owner.owned.usage() + owner.supply.usage() + self.far.memory_usage()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn freed_rows_and_runs_are_used_again() {
        for coarse_len in [0, 3] {
            freed_are_used_again(&Rows::new(10, true, coarse_len, 4), coarse_len);
        }
        let blocks = Blocks::new(3);
        assert_eq!((blocks.take(1), blocks.take(3), blocks.take(1)), (0, 1, 4));
        blocks.give(1, 3);
        assert_eq!((blocks.take(2), blocks.take(3)), (5, 1));
    }

    fn freed_are_used_again(rows: &Rows, coarse_len: usize) {
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
        rows.write_coarse(42, |coarse| coarse.fill(8));
        rows.write_coarse(41, |coarse| coarse.fill(9));
        assert_eq!((rows.coarse(42), rows.coarse(41)), (&[8; 3][..coarse_len], &[9; 3][..coarse_len]));
        assert_eq!((rows.code(42), rows.code(41)), (&[7; 10][..], &[41; 10][..]));
    }

    /// What is left when most rows go: the chunks of those that stay, and a spare one; once no reader can see the others.
    #[test]
    fn memory_follows_the_rows_in_use() {
        let rows = Rows::new(100, false, 0, 8);
        let add = |byte: u8| {
            let row = rows.add(|code| {
                code.fill(byte);
                Beside { l2: 1.0, scale: 0.0 }
            });
            rows.head(row).state.store(1, Release);
            row
        };
        let settled = || {
            while rows.waits() {
                rows.collect();
            }
            rows.memory_usage()
        };
        (0..1000).for_each(|n| assert_eq!(add(n as u8), n));
        let before = settled();
        (1000..50_000u32).for_each(|n| assert_eq!(add(n as u8), n));
        let full = settled();
        let guard = epoch::pin();
        let code = rows.code(30_000);
        (1000..50_000).for_each(|row| rows.free(row));
        rows.collect();
        assert!(code == [48; 100] && rows.memory_usage() >= full, "what a reader may look at stays");
        assert_eq!((rows.head(30_000).state.load(Acquire), rows.code(30_000)), (FREE, &[0; 100][..]));
        assert!(rows.len() < 2000);
        drop(guard);
        let after = settled();
        assert!(after <= before + (130 << 10) + 16_384, "{before} before, {full} full, {after} after");
        // Low ones first, and the chunks come back.
        rows.free(3);
        assert_eq!(add(3), 3);
        (1000..50_000u32).for_each(|n| assert!((1000..50_000).contains(&add(n as u8))));
        assert!(settled() <= full + 16_384);
        (0..50_000).for_each(|row| rows.free(row));
        assert_eq!(rows.len(), 0);
        assert!(settled() < 16_384 + 1024);
    }

    proptest! {
        /// No row is given twice, and all in use are below the length, whatever is taken and given back.
        #[test]
        fn rows_are_given_once(steps in proptest::collection::vec((0u16..700, any::<bool>()), 1..40)) {
            let rows = Rows::new(3000, false, 0, 4);
            let mut used: Vec<u32> = Vec::new();
            for (count, take) in steps {
                for n in 0..count {
                    if take {
                        let row = rows.add(|code| {
                            code.fill(9);
                            Beside { l2: 1.0, scale: 0.0 }
                        });
                        prop_assert_eq!(rows.head(row).state.swap(1, Release), FREE);
                        used.push(row);
                    } else if !used.is_empty() {
                        let row = used.swap_remove(usize::from(n) * 31 % used.len());
                        prop_assert_eq!(rows.code(row), &[9; 3000][..]);
                        rows.free(row);
                    }
                }
                rows.collect();
                prop_assert!(used.iter().all(|&row| row < rows.len()));
                let states = (0..rows.len()).filter(|&row| rows.head(row).state.load(Acquire) == 1);
                prop_assert_eq!(states.count(), used.len());
            }
        }
    }

    #[test]
    fn rows_are_aligned_where_that_is_cheap() {
        let together = |stride, links_at| Layout { stride, links_at: Some(links_at) };
        assert_eq!(Layout::of(400, 88), together(512, 400)); // Q8, 384 components
        assert_eq!(Layout::of(316, 88), Layout { stride: 320, links_at: None }); // Q8, 300
        assert_eq!(Layout::of(68, 88), together(160, 72)); // Q8, 50
        assert_eq!(Layout::of(52, 88), together(144, 56)); // Bin, 300
        assert_eq!(Layout::of(1548, 0), together(1600, 1548)); // F32, 384, flat
        assert_eq!(Layout::of(24, 0), together(24, 24));
        assert_eq!(Layout::of_coarse(116, 88, 768), (together(256, 120), 768));
        assert_eq!(Layout::of_coarse(212, 88, 1536), (together(320, 216), 1536));
    }

    #[test]
    fn one_row_costs_about_one_row() {
        let rows = Rows::new(65_536 * 4, false, 0, 32);
        rows.add(|_| Beside { l2: 1.0, scale: 0.0 });
        assert!(rows.memory_usage() < 65_536 * 4 + 1024);
    }
}
