//! The global allocator: the server's when there is one, the system's otherwise.
//!
//! Memory taken through the server is counted in `used_memory`, obeys `maxmemory` and is what active defragmentation
//! knows. In unit tests, benches and fuzz targets no server has filled in the function pointers, and the system's
//! allocator serves. The pointers are set once, at the top of the module's load, before any Rust code allocates, so no
//! block is ever freed by another allocator than the one that gave it.
//!
//! Alignment: a server's allocator promises 8 bytes only. Redis builds its jemalloc with a quantum of 8, so a block of 24
//! or 40 bytes starts anywhere; one whose size is a multiple of 16 starts at a multiple of 16. A server on a C library
//! without `malloc_usable_size` (musl) puts its own word before every block, and none does; [`look_at_server`] finds out.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use redis_module::raw as ffi;

/// Alignment that every allocator guarantees for every size.
const ALIGN_OF_ALL: usize = 8;
/// Alignment that most guarantee for multiples of it.
const ALIGN_OF_MULTIPLES: usize = 16;
/// Whether the server's does not.
static SMALL_ALIGN: AtomicBool = AtomicBool::new(false);

/// See the module's documentation.
pub struct ServerAlloc;

/// Blocks of a larger alignment are taken with room to shift, and the shift's base is kept in the word before them.
#[inline]
fn shifted(layout: Layout) -> bool {
    layout.align() > ALIGN_OF_ALL && (layout.align() > ALIGN_OF_MULTIPLES || SMALL_ALIGN.load(Ordering::Relaxed))
}

/// What to ask of the server for a block that is not shifted.
#[inline]
fn asked(size: usize, layout: Layout) -> usize {
    if layout.align() > ALIGN_OF_ALL { size.next_multiple_of(ALIGN_OF_MULTIPLES) } else { size }
}

/// Finds out how the server's allocator aligns. To be called once at load, when the server's functions are known and
/// before anything is allocated.
pub fn look_at_server() {
    // SAFETY: the server's functions take any size and the blocks they gave, which are freed once.
    unsafe {
        let (Some(alloc), Some(free)) = (ffi::RedisModule_Alloc, ffi::RedisModule_Free) else { return };
        let aligned = (1..=64).all(|n| {
            let blocks = [(); 2].map(|()| alloc(n * ALIGN_OF_MULTIPLES));
            blocks.iter().for_each(|&block| free(block));
            blocks.iter().all(|&block| (block as usize).is_multiple_of(ALIGN_OF_MULTIPLES))
        });
        SMALL_ALIGN.store(!aligned, Ordering::Relaxed);
    }
}

/// Room for a shifted block: the block, its alignment and the word that remembers the base.
fn shifted_size(layout: Layout) -> usize {
    layout.size() + layout.align() + size_of::<usize>()
}

/// Places an aligned block in `base` and remembers `base` before it.
///
/// # Safety
/// `base` is null or has `shifted_size(layout)` writable bytes.
unsafe fn shift(base: *mut u8, layout: Layout) -> *mut u8 {
    if base.is_null() {
        return base;
    }
    let room = base as usize + size_of::<usize>();
    let offset = room.next_multiple_of(layout.align()) - base as usize;
    // SAFETY: offset ≤ word + align - 1, so the word before the block and the block lie within the caller's promise;
    // the word before the block is written unaligned.
    unsafe {
        let block = base.add(offset);
        block.cast::<usize>().sub(1).write_unaligned(base as usize);
        block
    }
}

/// The base of a block made by [`shift`].
///
/// # Safety
/// `block` came from `shift`.
unsafe fn unshift(block: *mut u8) -> *mut u8 {
    // SAFETY: shift wrote the base into the word before the block.
    unsafe { block.cast::<usize>().sub(1).read_unaligned() as *mut u8 }
}

// SAFETY: each method forwards to one allocator for the life of the process (see the module's documentation) and keeps
// its contract: size and alignment as asked, null when there is no memory.
unsafe impl GlobalAlloc for ServerAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(test)]
        crate::allocations::note();
        // SAFETY: reading the pointer is a plain load of a word set once at load; the server's function takes any size.
        unsafe {
            match ffi::RedisModule_Alloc {
                None => System.alloc(layout),
                Some(alloc) if shifted(layout) => shift(alloc(shifted_size(layout)).cast(), layout),
                Some(alloc) => alloc(asked(layout.size(), layout)).cast(),
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        #[cfg(test)]
        crate::allocations::note();
        // SAFETY: as in alloc; calloc gives zeroed memory, and shifting writes only before the block.
        unsafe {
            match ffi::RedisModule_Calloc {
                None => System.alloc_zeroed(layout),
                Some(calloc) if shifted(layout) => shift(calloc(1, shifted_size(layout)).cast(), layout),
                Some(calloc) => calloc(1, asked(layout.size(), layout)).cast(),
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the matching branch of alloc, since the pointers do not change.
        unsafe {
            match ffi::RedisModule_Free {
                None => System.dealloc(block, layout),
                Some(free) if shifted(layout) => free(unshift(block).cast()),
                Some(free) => free(block.cast()),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        #[cfg(test)]
        crate::allocations::note();
        // SAFETY: as above; a shifted block is moved by hand, since its shift may differ in the new place. The caller
        // promises that new_size is valid for the alignment.
        unsafe {
            match ffi::RedisModule_Realloc {
                None => System.realloc(block, layout, new_size),
                Some(_) if shifted(layout) => {
                    let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
                    if !new.is_null() {
                        std::ptr::copy_nonoverlapping(block, new, layout.size().min(new_size));
                        self.dealloc(block, layout);
                    }
                    new
                }
                Some(realloc) => realloc(block.cast(), asked(new_size, layout)).cast(),
            }
        }
    }
}

/// Whether the server takes more memory than it may (`maxmemory`), so that it evicts keys or refuses writes. For its main
/// thread.
pub fn is_over_limit() -> bool {
    // SAFETY: a plain question, set at load; the main thread may ask it at any time.
    unsafe { ffi::RedisModule_GetUsedMemoryRatio.is_some_and(|ratio| ratio() > 1.0) }
}

/// Sizes up to here are asked for once.
const REMEMBERED: usize = 8192;
/// What [`rounded`] found, 0 for sizes not asked yet.
static ROUNDED: [AtomicU16; REMEMBERED + 1] = [const { AtomicU16::new(0) }; REMEMBERED + 1];

/// The bytes that the allocator uses for a block of `size` bytes, by trying: what `MEMORY USAGE` counts.
pub fn rounded(size: usize) -> usize {
    let known = ROUNDED.get(size).map_or(0, |known| usize::from(known.load(Ordering::Relaxed)));
    if known > 0 || size == 0 {
        return known;
    }
    // SAFETY: the server's functions take any size and the block they gave, which is freed once.
    let found = unsafe {
        match (ffi::RedisModule_Alloc, ffi::RedisModule_MallocSize, ffi::RedisModule_Free) {
            (Some(alloc), Some(size_of), Some(free)) => {
                let block = alloc(size);
                let found = size_of(block);
                free(block);
                found
            }
            _ => size,
        }
    };
    if let (Some(known), Ok(found)) = (ROUNDED.get(size), u16::try_from(found)) {
        known.store(found, Ordering::Relaxed);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_asked_in_multiples_where_that_aligns() {
        let layout = |align| Layout::from_size_align(40, align).expect("a valid layout");
        assert_eq!([1, 8, 16].map(|align| asked(40, layout(align))), [40, 40, 48]);
        assert_eq!([1, 8, 16, 32].map(|align| shifted(layout(align))), [false, false, false, true]);
    }

    #[test]
    fn a_shifted_block_is_aligned_and_finds_its_base() {
        for align in [32, 64, 4096] {
            let layout = Layout::from_size_align(100, align).expect("a valid layout");
            let mut room = vec![0u8; shifted_size(layout)];
            // SAFETY: the room is as large as asked.
            let block = unsafe { shift(room.as_mut_ptr(), layout) };
            assert_eq!(block as usize % align, 0);
            assert!(block as usize + 100 <= room.as_ptr() as usize + room.len());
            // SAFETY: the block came from shift.
            assert_eq!(unsafe { unshift(block) }, room.as_mut_ptr());
        }
    }
}
