//! Chunks: zeroed memory for rows of one size, found by number.
//!
//! A row has a part of one size at its place, and may have another of another size apart. A chunk holds the former ones in
//! order, and before them the latter ones in reverse, so that both are found from where they meet:
//!
//! ```text
//! … | apart 2 | apart 1 | apart 0 | row 0 | row 1 | row 2 | …
//!                                 ^ aligned as rows are, in the directory
//! ```
//!
//! Chunks grow with what there is: of the rows from `2ⁿ` to `2ⁿ⁺¹`, each chunk has a quarter of `2ⁿ`, at least one, until that
//! would be more than fits [`CHUNK`] bytes. So less than a fifth of a small arena is unused.
//!
//! The module above has the protocol; this is its first rule.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::vector::allocation::taken;
use crate::vector::epoch;

/// Bytes of a chunk, except of the first ones and where two rows are larger.
const CHUNK: usize = 64 << 10;
/// Alignment that the allocator gives.
const ALIGN: usize = 16;
/// Room that is left in a full chunk for aligning its rows.
const SLACK: usize = 64;
/// Of the rows between a power of two and the next, each chunk has a part: 1/4, as these bits say.
const PART_BITS: u32 = 2;
/// So many chunks have one row.
pub(super) const SINGLE: usize = 2 << PART_BITS;

/// What stands in the place of a released chunk, so that looking at a row costs no question. As long as nobody writes
/// there, it takes no memory.
#[repr(C, align(64))]
struct Zeros(UnsafeCell<[u8; 1 << 20]>);

// SAFETY: it is only read, or written through atomics.
unsafe impl Sync for Zeros {}

static ZEROS: Zeros = Zeros(UnsafeCell::new([0; 1 << 20]));

/// Chunk of a row and its place there, before the first full chunk.
#[inline(always)]
fn small_place(row: u32) -> (usize, u32) {
    let bits = (row | 1).ilog2();
    if bits < PART_BITS {
        return (row as usize, 0);
    }
    let shift = bits - PART_BITS;
    (((bits - PART_BITS) << PART_BITS) as usize + (row >> shift) as usize, row & ((1 << shift) - 1))
}

/// First row and number of rows of a chunk before the first full one.
fn rows_of_small(chunk: u32) -> (u32, u32) {
    let shift = (chunk >> PART_BITS).saturating_sub(1);
    ((chunk - (shift << PART_BITS)) << shift, 1 << shift)
}

/// Fixed-size rows of zeroed memory, found by number.
#[derive(Debug)]
pub(super) struct Chunks {
    stride: usize,
    /// Bytes of a row that are apart.
    apart: usize,
    /// Alignment of the first row of a chunk.
    align: usize,
    /// Rows of a full chunk, at least 2.
    full: u32,
    /// ⌊2⁶⁴ / full⌋ + 1: dividing by multiplying.
    magic: u64,
    /// How many chunks come before the first full one, and how many rows.
    small: usize,
    small_rows: u32,
    count: AtomicUsize,
    directory: AtomicPtr<AtomicPtr<u8>>,
}

/// A piece of memory, and how many bytes of it were asked for, in multiples of [`ALIGN`].
#[derive(Debug, Clone, Copy)]
struct Piece(NonNull<u8>, u32);

impl Piece {
    /// So many zeroed bytes, at least.
    fn new(bytes: usize) -> Piece {
        let size = u32::try_from(bytes.div_ceil(ALIGN)).expect("a chunk is a few megabytes at most");
        let layout = Self::layout(size);
        // SAFETY: the size is not zero: a chunk has rows.
        match NonNull::new(unsafe { alloc_zeroed(layout) }) {
            Some(start) => Piece(start, size),
            None => handle_alloc_error(layout),
        }
    }

    fn layout(size: u32) -> Layout {
        Layout::from_size_align(size as usize * ALIGN, ALIGN).expect("a chunk's size is far below isize::MAX")
    }

    /// Bytes taken from the allocator.
    fn taken(self) -> usize {
        taken(self.1 as usize * ALIGN)
    }

    /// Frees it.
    ///
    /// # Safety
    /// Nobody looks at it any more.
    unsafe fn free(self) {
        // SAFETY: it came from alloc_zeroed with this layout.
        unsafe { dealloc(self.0.as_ptr(), Self::layout(self.1)) }
    }
}

/// Makes room for one more, in twice the room that there is: for lists that mostly have few places.
pub(super) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
}

/// What only the holder of an arena's mutex touches.
#[derive(Debug, Default)]
pub(super) struct Owned {
    /// By chunk; none where it was released.
    pieces: Vec<Option<Piece>>,
    directories: Vec<Box<[AtomicPtr<u8>]>>,
    /// Released memory that a reader may still look at, with the stamp of its release.
    retired: Vec<(u64, Piece)>,
    bytes: usize,
}

// SAFETY: the pointers are pieces of plain bytes that belong to the arena; no thread-bound state is behind them.
unsafe impl Send for Owned {}

impl Chunks {
    /// For rows of `stride` bytes, and `apart` bytes for each apart.
    pub fn new(stride: usize, apart: usize) -> Chunks {
        let full = ((CHUNK - SLACK) / (stride + apart)).clamp(2, 1 << 20) as u32;
        // From here on, a part of what there is would be more than fits a chunk.
        let small_rows = full.next_power_of_two() << PART_BITS;
        Chunks {
            stride,
            apart,
            align: 1 << stride.trailing_zeros().min(6),
            full,
            magic: (u64::MAX / u64::from(full)) + 1,
            small: small_place(small_rows - 1).0 + 1,
            small_rows,
            count: AtomicUsize::new(0),
            directory: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Chunk and place in it of a row.
    #[inline(always)]
    pub fn place(&self, row: u32) -> (usize, u32) {
        if let Some(row) = row.checked_sub(self.small_rows) {
            let quotient = ((u128::from(self.magic) * u128::from(row)) >> 64) as u32;
            (self.small + quotient as usize, row - quotient * self.full)
        } else {
            small_place(row)
        }
    }

    /// Rows of the chunk with this number, and the first of them.
    pub fn rows(&self, chunk: usize) -> (u64, u32) {
        if chunk < self.small {
            let (first, rows) = rows_of_small(chunk as u32);
            (u64::from(first), rows)
        } else {
            (u64::from(self.small_rows) + (chunk - self.small) as u64 * u64::from(self.full), self.full)
        }
    }

    /// Bytes of so many rows.
    pub fn bytes_of(&self, rows: u32) -> usize {
        rows as usize * (self.stride + self.apart)
    }

    /// Where a row begins. Valid for as long as the caller's pin, or while nothing can be released.
    ///
    /// # Panics
    /// When there never was such a row.
    #[inline(always)]
    pub fn at(&self, row: u32) -> *mut u8 {
        let (start, index) = self.start(row);
        // SAFETY: by rule 1 the directory's places lead to as many rows as their chunks have, of which `index` is one.
        unsafe { start.add(index * self.stride) }
    }

    /// Where a row begins, and its part that is apart; as for [`Chunks::at`].
    #[inline(always)]
    pub fn parts(&self, row: u32) -> (*mut u8, *mut u8) {
        let (start, index) = self.start(row);
        // SAFETY: as for `at`; as many parts stand before the rows.
        unsafe { (start.add(index * self.stride), start.sub((index + 1) * self.apart)) }
    }

    /// Where the rows of a row's chunk begin, and which of them it is.
    #[inline(always)]
    fn start(&self, row: u32) -> (*mut u8, usize) {
        let (chunk, index) = self.place(row);
        assert!(chunk < self.count.load(Acquire), "no such row");
        // SAFETY: by rule 1 the directory has more than `chunk` places.
        (unsafe { (*self.directory.load(Acquire).add(chunk)).load(Acquire) }, index as usize)
    }

    /// The word that a row of 4 bytes is, if there is such a row; only accessed so.
    #[inline(always)]
    pub fn word(&self, row: u32) -> Option<&AtomicU32> {
        assert!(self.stride == size_of::<u32>());
        let exists = self.place(row).0 < self.count.load(Acquire);
        // SAFETY: the row is there, zeroed, 4-aligned, and never released in a table of words; atomics alone go there.
        exists.then(|| unsafe { &*self.at(row).cast::<AtomicU32>() })
    }

    /// Gives a chunk memory: the one after the last, or one that was released.
    pub fn allocate(&self, chunk: usize, owned: &mut Owned) {
        let (_, rows) = self.rows(chunk);
        let before = rows as usize * self.apart;
        let slack = (before.next_multiple_of(ALIGN) - before) + self.align.saturating_sub(ALIGN);
        let piece = Piece::new(rows as usize * self.stride + before + slack);
        owned.bytes += piece.taken();
        if chunk == owned.pieces.len() {
            make_room(&mut owned.pieces);
            owned.pieces.push(None);
            owned.widen(chunk);
        }
        owned.pieces[chunk] = Some(piece);
        let directory = owned.directories.last().expect("there are chunks");
        // SAFETY: a piece begins at a multiple of ALIGN. From its start to a multiple of `align` with room for what stands
        // before the rows are `before` and `slack` bytes at most, which it has beside its rows.
        let first = unsafe {
            let first = piece.0.as_ptr().add(before);
            first.add(first.align_offset(self.align))
        };
        directory[chunk].store(first, Release);
        self.directory.store(directory.as_ptr().cast_mut(), Release);
        self.count.store(owned.pieces.len(), Release);
    }

    /// Adds chunks until `row` exists, where none is ever released.
    pub fn reach(&self, row: u32, owned: &mut Owned) {
        while self.place(row).0 >= owned.pieces.len() {
            self.allocate(owned.pieces.len(), owned);
        }
    }

    /// Takes a chunk's memory away, whose rows are all free; it is freed by [`Owned::collect`]. Chunks of very large rows
    /// stay: false.
    pub fn release(&self, chunk: usize, owned: &mut Owned) -> bool {
        let (_, rows) = self.rows(chunk);
        let before = (rows as usize * self.apart).next_multiple_of(64);
        if rows as usize * self.stride + before > size_of::<Zeros>() {
            return false;
        }
        let Some(piece) = owned.pieces[chunk].take() else { return false };
        let directory = owned.directories.last().expect("there are chunks");
        // SAFETY: that many zeros were looked for above.
        directory[chunk].store(unsafe { ZEROS.0.get().cast::<u8>().add(before) }, Release);
        owned.retired.push((epoch::retire(), piece));
        true
    }
}

impl Owned {
    /// Makes sure that the newest directory has a place for a chunk.
    fn widen(&mut self, chunk: usize) {
        let room = self.directories.last().map_or(0, |directory| directory.len());
        if chunk < room {
            return;
        }
        let mut wider = Vec::with_capacity((room * 2).max(1));
        if let Some(old) = self.directories.last() {
            wider.extend(old.iter().map(|place| AtomicPtr::new(place.load(Relaxed))));
        }
        wider.resize_with(wider.capacity(), AtomicPtr::default);
        make_room(&mut self.directories);
        self.directories.push(wider.into_boxed_slice());
    }

    /// Frees what was released before `oldest`, the epoch of the oldest pin, a few pieces of it; whether there were some, and
    /// whether something is left.
    pub fn collect(&mut self, oldest: u64) -> (bool, bool) {
        /// Pieces that are freed at a time.
        const MOST: usize = 4;
        let some = self.retired.iter().take_while(|(stamp, _)| *stamp < oldest).take(MOST).count();
        for (_, piece) in self.retired.drain(..some) {
            // SAFETY: every directory that a pinned reader can see leads elsewhere since the release.
            unsafe { piece.free() }
            self.bytes -= piece.taken();
        }
        if self.retired.is_empty() {
            self.retired = Vec::new();
        }
        (some > 0, !self.retired.is_empty())
    }

    /// Bytes taken from the allocator.
    pub fn usage(&self) -> usize {
        let places = self.directories.iter().map(|directory| taken(size_of_val(&directory[..])));
        self.bytes
            + places.sum::<usize>()
            + taken(self.pieces.capacity() * size_of::<Option<Piece>>())
            + taken(self.retired.capacity() * size_of::<(u64, Piece)>())
            + taken(self.directories.capacity() * size_of::<Box<[AtomicPtr<u8>]>>())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let retired = self.retired.iter().map(|(_, piece)| piece);
        for piece in self.pieces.iter().flatten().chain(retired) {
            // SAFETY: the arena that lends its rows is going.
            unsafe { piece.free() }
        }
    }
}

/// A panic inside a lock of this module leaves nothing half-done: at worst a row is not used.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_own_place() {
        for stride in [4, 24, 60, 448, 5000, 30_000, 131_072, 300_000] {
            let chunks = Chunks::new(stride, 0);
            let mut owned = Owned::default();
            let rows = (chunks.small_rows + 3 * chunks.full + 7).min(20_000);
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
    fn no_part_overlaps_another() {
        for (stride, apart) in [(64, 8), (320, 88), (128, 24), (5000, 700), (300_000, 88)] {
            let chunks = Chunks::new(stride, apart);
            let mut owned = Owned::default();
            let rows = (2 * chunks.full + 7).min(5000);
            chunks.reach(rows - 1, &mut owned);
            let mut parts: Vec<(usize, usize)> = Vec::new();
            for row in 0..rows {
                let (at, beside) = chunks.parts(row);
                // SAFETY: both parts are the row's own, zeroed and of these sizes.
                let both = unsafe {
                    [std::slice::from_raw_parts_mut(at, stride), std::slice::from_raw_parts_mut(beside, apart)]
                };
                for part in both {
                    assert!(part.iter().all(|&byte| byte == 0));
                    part.fill(1);
                    parts.push((part.as_ptr() as usize, part.len()));
                }
                assert!((at as usize).is_multiple_of(1 << stride.trailing_zeros().min(6)));
            }
            let all: Vec<(usize, usize)> = owned
                .pieces
                .iter()
                .flatten()
                .map(|piece| (piece.0.as_ptr() as usize, piece.1 as usize * ALIGN))
                .collect();
            parts.iter().for_each(|&(at, len)| {
                assert!(all.iter().any(|&(start, size)| start <= at && at + len <= start + size));
            });
        }
    }

    #[test]
    fn dividing_by_multiplying_is_exact_at_the_ends() {
        for stride in [4, 7, 64, 448, 4000, 200_000] {
            let chunks = Chunks::new(stride, 0);
            let most = u32::MAX - chunks.small_rows;
            for row in [0, chunks.full, chunks.full * 2 - 1, most - 1, most / chunks.full * chunks.full - 1] {
                let (chunk, index) = chunks.place(chunks.small_rows + row);
                assert_eq!((chunk - chunks.small) as u32, row / chunks.full);
                assert_eq!(index, row % chunks.full);
            }
        }
    }
}
