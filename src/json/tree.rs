//! Containers too large for one block: chunks of children, and the index of a large object's keys.

use std::ops::ControlFlow;

use super::key_index::KeyIndex;
use super::layout;
use super::stack::deeper;
use super::value::{BLOCK, Chunk, MEMBERS_BLOCK, Repr, Tree, ValueRef, element, find_key};

/// Objects with fewer members are searched chunk by chunk.
const INDEXED: usize = 256;

/// The keys of the chunks from a number on, each with the number of its chunk.
fn keys_from(chunks: &[Chunk], from: usize) -> impl Iterator<Item = (u32, &[u8])> {
    let numbered = chunks.iter().enumerate().skip(from);
    numbered.flat_map(|(number, chunk)| chunk.keys().into_iter().map(move |key| (number as u32, key)))
}

impl Chunk {
    /// Number of children.
    pub(super) fn count(&self) -> usize {
        layout::work::step();
        match self {
            Chunk::Run { count, .. } => *count as usize,
            Chunk::Packed { width, bytes } => bytes.len() / width.bytes(),
            Chunk::Tree { .. } => 1,
        }
    }

    /// The child at a position within the chunk.
    fn child(&self, index: usize) -> Option<(&[u8], ValueRef<'_>)> {
        match self {
            Chunk::Tree { key, tree } => (index == 0).then_some((key, ValueRef(Repr::Tree(tree)))),
            Chunk::Packed { width, bytes } => element(*width, bytes, index).map(|value| (&[] as &[u8], value)),
            Chunk::Run { object, bytes, .. } => {
                let mut run: &[u8] = bytes;
                for _ in 0..index {
                    run = if *object { layout::split_key(run).1 } else { run };
                    run = &run[layout::item_len(run)..];
                }
                let (key, run) = if *object { layout::split_key(run) } else { (&[] as &[u8], run) };
                Some((key, ValueRef(Repr::Item(layout::split_item(run).0))))
            }
        }
    }

    fn member(&self, wanted: &[u8]) -> Option<(usize, ValueRef<'_>)> {
        match self {
            Chunk::Tree { key, tree } => (**key == *wanted).then_some((0, ValueRef(Repr::Tree(tree)))),
            Chunk::Packed { .. } => None,
            Chunk::Run { bytes, .. } => find_key(bytes, wanted),
        }
    }

    /// The keys of an object's children.
    pub(super) fn keys(&self) -> Vec<&[u8]> {
        match self {
            Chunk::Tree { key, .. } => vec![key],
            Chunk::Packed { .. } => Vec::new(),
            Chunk::Run { bytes, count, .. } => {
                let (mut run, mut keys): (&[u8], _) = (bytes, Vec::with_capacity(*count as usize));
                while !run.is_empty() {
                    let (key, rest) = layout::split_key(run);
                    keys.push(key);
                    run = &rest[layout::item_len(rest)..];
                }
                keys
            }
        }
    }
}

impl Clone for Tree {
    fn clone(&self) -> Tree {
        deeper(|| Tree {
            object: self.object,
            len: self.len,
            chunks: self.chunks.clone(),
            ends: self.ends.clone(),
            index: self.index.clone(),
        })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fn inner(chunks: &mut Vec<Chunk>, open: &mut Vec<Tree>) {
            if chunks.iter().any(|chunk| matches!(chunk, Chunk::Tree { .. })) {
                open.extend(chunks.drain(..).filter_map(|chunk| match chunk {
                    Chunk::Tree { tree, .. } => Some(*tree),
                    _ => None,
                }));
            }
        }
        // Every tree is freed when those in it have been taken out.
        let mut open = Vec::new();
        inner(&mut self.chunks, &mut open);
        while let Some(mut tree) = open.pop() {
            inner(&mut tree.chunks, &mut open);
        }
    }
}

impl Tree {
    /// A container of these chunks.
    pub(super) fn new(object: bool, chunks: Vec<Chunk>) -> Tree {
        let mut tree = Tree { object, len: 0, chunks, ends: Vec::new(), index: None };
        tree.chunks.shrink_to_fit();
        tree.recount();
        tree
    }

    /// Replaces chunks by others; the count is stale until the next recount.
    pub(super) fn replace(&mut self, range: std::ops::Range<usize>, chunks: Vec<Chunk>) {
        let start = range.start;
        let moved = range.len() != chunks.len();
        let end = start + chunks.len();
        self.chunks.splice(range, chunks);
        if moved {
            self.index = None;
        }
        // Small neighbours become one, from the back, so that positions stay true.
        for at in (start.saturating_sub(1)..end).rev() {
            self.merge(at);
        }
    }

    /// Replaces chunks by others, given by number in order, and brings the counts up to date.
    pub(super) fn replace_all(&mut self, mut replaced: Vec<(usize, Vec<Chunk>)>) {
        if replaced.len() > 1 {
            let before = self.chunks.len();
            let mut old = std::mem::take(&mut self.chunks).into_iter();
            let mut passed = 0;
            for (number, chunks) in replaced {
                old.by_ref().take(number - passed).for_each(|chunk| self.push(chunk));
                old.next();
                passed = number + 1;
                chunks.into_iter().for_each(|chunk| self.push(chunk));
            }
            old.for_each(|chunk| self.push(chunk));
            // Where every chunk became one, none has moved.
            if self.chunks.len() != before {
                self.index = None;
            }
        } else if let Some((number, chunks)) = replaced.pop() {
            self.replace(number..number + 1, chunks);
        } else {
            return;
        }
        self.recount_len();
    }

    /// Adds a chunk at the end, or joins it with the last.
    fn push(&mut self, chunk: Chunk) {
        self.chunks.push(chunk);
        if let Some(at) = self.chunks.len().checked_sub(2) {
            self.merge(at);
        }
    }

    /// Joins a chunk and the next, if both are runs and small.
    fn merge(&mut self, at: usize) {
        let joined = match self.chunks.get(at..at + 2) {
            Some([Chunk::Run { object, count, bytes }, Chunk::Run { count: more, bytes: tail, .. }])
                if bytes.len() + tail.len() <= if *object { MEMBERS_BLOCK } else { BLOCK } / 2 =>
            {
                Chunk::Run { object: *object, count: count + more, bytes: [&**bytes, &**tail].concat().into() }
            }
            _ => return,
        };
        self.chunks.remove(at + 1);
        self.chunks[at] = joined;
        self.index = None;
    }

    /// Brings the counts up to date.
    fn count(&mut self) {
        let mut end = 0;
        self.ends.clear();
        self.ends.reserve_exact(self.chunks.len());
        self.ends.extend(self.chunks.iter().map(|chunk| {
            end += chunk.count() as u32;
            end
        }));
        self.len = end as usize;
    }

    /// Brings the count up to date after chunks were replaced, and the index where they moved.
    pub(super) fn recount_len(&mut self) {
        self.count();
        if self.index.is_none() || self.len < INDEXED {
            self.recount();
        }
    }

    /// Brings count and index up to date after any change of the chunks.
    pub(super) fn recount(&mut self) {
        self.count();
        self.index = (self.object && self.len >= INDEXED).then(|| {
            let count = self.chunks.iter().map(Chunk::count).sum();
            Box::new(KeyIndex::new(count, keys_from(&self.chunks, 0)))
        });
    }

    /// As [`Tree::recount`] where chunks before `from` kept their keys and places, and later ones are new or longer.
    pub(super) fn recount_from(&mut self, from: usize) {
        self.count();
        match &mut self.index {
            Some(index) if self.len >= INDEXED && index.len() <= 2 * self.len + 64 => {
                index.extend(keys_from(&self.chunks, from));
            }
            _ => self.recount(),
        }
    }

    /// The chunk in which a child is, and the number of children before it; the number of chunks where there is none.
    pub(super) fn chunk_of(&self, index: usize) -> (usize, usize) {
        let chunk = self.ends.partition_point(|end| *end as usize <= index);
        (chunk, self.start_of(chunk))
    }

    /// Number of children before a chunk.
    fn start_of(&self, chunk: usize) -> usize {
        chunk.checked_sub(1).map_or(0, |last| self.ends[last] as usize)
    }

    pub(super) fn child(&self, index: usize) -> Option<(&[u8], ValueRef<'_>)> {
        let (chunk, before) = self.chunk_of(index);
        self.chunks.get(chunk)?.child(index - before)
    }

    pub(super) fn member(&self, key: &[u8]) -> Option<(usize, ValueRef<'_>)> {
        let (chunk, (index, value)) = match &self.index {
            Some(index) => index.candidates(key).find_map(|at| Some((at, self.chunks.get(at)?.member(key)?)))?,
            None => self.chunks.iter().enumerate().find_map(|(at, chunk)| Some((at, chunk.member(key)?)))?,
        };
        Some((self.start_of(chunk) + index, value))
    }

    /// Bytes of all chunks.
    pub(super) fn byte_len(&self) -> usize {
        let bytes = |chunk: &Chunk| match chunk {
            Chunk::Run { bytes, .. } | Chunk::Packed { bytes, .. } => bytes.len(),
            Chunk::Tree { key, tree } => key.len() + tree.byte_len(),
        };
        deeper(|| self.chunks.iter().map(bytes).sum())
    }

    /// Number of allocations.
    pub(super) fn effort(&self) -> usize {
        let inner = |chunk: &Chunk| if let Chunk::Tree { tree, .. } = chunk { tree.effort() } else { 1 };
        2 + deeper(|| self.chunks.iter().map(inner).sum::<usize>())
    }

    /// Shows every block of bytes to `visit`, until it breaks.
    pub(super) fn blocks(&mut self, visit: &mut dyn FnMut(&mut Box<[u8]>) -> ControlFlow<()>) -> ControlFlow<()> {
        for chunk in &mut self.chunks {
            match chunk {
                Chunk::Run { bytes, .. } | Chunk::Packed { bytes, .. } => visit(bytes)?,
                Chunk::Tree { key, tree } => {
                    visit(key)?;
                    deeper(|| tree.blocks(visit))?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells the size of every allocation.
    pub(super) fn allocations(&self, tell: &mut dyn FnMut(usize)) {
        tell(size_of::<Tree>());
        tell(self.chunks.capacity() * size_of::<Chunk>());
        tell(self.ends.capacity() * size_of::<u32>());
        if let Some(index) = &self.index {
            tell(size_of::<KeyIndex>());
            tell(index.table_bytes());
        }
        for chunk in &self.chunks {
            match chunk {
                Chunk::Run { bytes, .. } | Chunk::Packed { bytes, .. } => tell(bytes.len()),
                Chunk::Tree { key, tree } => {
                    if !key.is_empty() {
                        tell(key.len());
                    }
                    deeper(|| tree.allocations(tell));
                }
            }
        }
    }
}
