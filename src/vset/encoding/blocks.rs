//! The elements in our own format: blocks of many, which the server reads and writes with a few calls each.
//!
//! | field | kind | value |
//! |---|---|---|
//! | entry | unsigned | rank of the element where searches begin |
//! | last | unsigned | how many nodes there have been, at least count |
//! | per block | | until the blocks have all elements: |
//! | elements | unsigned | how many the block has, at least 1 |
//! | nodes | bytes | for each: l2 (float), with int8 range (float), level (1 byte), the stored vector, then for each level from 0 the number of links (2 bytes) and their ranks, ascending |
//! | names | bytes | for each: length (varint) and bytes |
//! | attributes | bytes | where the flag says so, the same; empty is none |
//!
//! All is little-endian. An element's rank is how many come before it; ranks have as few bytes as the last one needs. A varint
//! has 7 bits in each byte, the low ones first, and the high bit where more follow. Elements come in the order of their nodes, so
//! that a set that was loaded is what it was before, entry point and ties included.
//!
//! A block ends when it has [`BLOCK`] bytes, so that neither writing nor reading needs another copy of the set. The thread
//! that reads hands the nodes of each block to one thread and the texts to another, which meet at the end.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::sync_channel;

use super::building::{Named, Nodes, Texts, assemble};
use super::{ALONE, Header, Ranks};
use crate::codec::{Corrupt, Sink, Source};
use crate::vector::{Guard, NodeId, pin};
use crate::vset::VectorSet;
use crate::vset::attributes::Attributes;

/// Bytes of a block, about; an element that is larger is a block by itself.
const BLOCK: usize = 128 << 10;
/// Blocks that may wait for a thread.
const AHEAD: usize = 4;
/// The most bytes of a varint.
const LONGEST_VARINT: usize = 10;

/// Bytes of a rank among so many elements.
fn width(count: u64) -> usize {
    (u64::BITS - (count - 1).leading_zeros()).div_ceil(8).max(1) as usize
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_varint(out, text.len());
    out.extend_from_slice(text);
}

/// A block that is being written.
#[derive(Default)]
struct Block {
    elements: u64,
    nodes: Vec<u8>,
    names: Vec<u8>,
    attributes: Vec<u8>,
    links: Vec<NodeId>,
}

impl Block {
    /// Writes what there is, and begins again.
    fn put(&mut self, attributed: bool, sink: &mut impl Sink) {
        if self.elements > 0 {
            sink.put_u64(self.elements);
            sink.put_bytes(&self.nodes);
            sink.put_bytes(&self.names);
            if attributed {
                sink.put_bytes(&self.attributes);
            }
        }
        self.elements = 0;
        [&mut self.nodes, &mut self.names, &mut self.attributes].into_iter().for_each(Vec::clear);
    }

    fn len(&self) -> usize {
        self.nodes.len() + self.names.len() + self.attributes.len()
    }
}

impl VectorSet {
    /// Writes the elements.
    pub(super) fn encode_blocks(&self, attributed: bool, sink: &mut impl Sink) {
        let guard = pin();
        let ranks = Ranks::of(&self.graph);
        sink.put_u64(self.graph.entry().map_or(0, |id| u64::from(ranks.get(id))));
        sink.put_u64(self.last_node.load(Relaxed).max(self.graph.len() as u64));
        let mut block = Block::default();
        for id in self.graph.ids() {
            self.add_node(id, &ranks, &guard, &mut block);
            put_text(&mut block.names, self.names(&guard).get(id));
            if attributed {
                let blob = self.attributes.get(&guard, id);
                put_text(&mut block.attributes, blob.map_or(b"", |blob| Attributes::of(blob).verbatim()));
            }
            block.elements += 1;
            if block.len() >= BLOCK {
                block.put(attributed, sink);
            }
        }
        block.put(attributed, sink);
    }

    fn add_node(&self, id: NodeId, ranks: &Ranks, guard: &Guard, block: &mut Block) {
        let (graph, out) = (&self.graph, &mut block.nodes);
        let level = graph.level_of(id);
        out.extend(graph.l2(id).to_le_bytes());
        if self.quantization.has_range() {
            out.extend(graph.range_of(id).to_le_bytes());
        }
        out.push(level);
        out.extend_from_slice(&graph.code(id, guard));
        let width = width(graph.len() as u64);
        for level in 0..=level {
            block.links.clear();
            graph.links(id, level, &mut block.links);
            out.extend((block.links.len() as u16).to_le_bytes());
            block.links.iter().for_each(|&link| out.extend_from_slice(&ranks.get(link).to_le_bytes()[..width]));
        }
    }
}

/// Reads what stands before the blocks, then the blocks, and makes the set of them.
pub(super) fn decode<S: Source>(source: &mut S, header: Header, coarse_dim: usize) -> Result<VectorSet, Corrupt> {
    let entry = u32::try_from(source.take_u64()?).map_err(|_| Corrupt("entry point"))?;
    let last_node = source.take_u64()?;
    if last_node < header.count {
        return Err(Corrupt("number of nodes"));
    }
    let nodes = Nodes::new(header.params(coarse_dim), header.quantization, header.count);
    let (mut nodes, named) = match header.count {
        0..ALONE => take_all(source, &header, nodes)?,
        _ => take_side_by_side(source, &header, nodes)?,
    };
    nodes.restore.enter_at(NodeId(entry))?;
    assemble(nodes, Ok(named), header.projection, last_node)
}

/// A block as it was read.
struct Read<B> {
    /// Rank of its first element.
    first: u32,
    elements: u32,
    nodes: B,
    texts: (B, Option<B>),
}

/// Bytes of a node without links.
fn least_node(header: &Header) -> u64 {
    let range = if header.quantization.has_range() { size_of::<f32>() } else { 0 };
    let code = header.quantization.encoding().code_len(header.dim);
    (size_of::<f32>() + range + size_of::<u8>() + code + size_of::<u16>()) as u64
}

/// Reads blocks until all elements are there, or nobody takes them any more.
fn read<S: Source>(
    source: &mut S,
    header: &Header,
    mut take: impl FnMut(Read<S::Bytes>) -> Result<bool, Corrupt>,
) -> Result<(), Corrupt> {
    let mut first = 0;
    while first < header.count {
        let elements = source.take_u64()?;
        if elements == 0 || elements > header.count - first {
            return Err(Corrupt("number of a block's elements"));
        }
        let nodes = source.take_bytes()?;
        // So that no more is made of names, of which many are short, than there are nodes.
        if nodes.as_ref().len() as u64 / least_node(header) < elements {
            return Err(Corrupt("a block ends early"));
        }
        let names = source.take_bytes()?;
        let attributes = if header.attributed { Some(source.take_bytes()?) } else { None };
        let block = Read { first: first as u32, elements: elements as u32, nodes, texts: (names, attributes) };
        if !take(block)? {
            break;
        }
        first += elements;
    }
    Ok(())
}

/// Takes every block as it is read.
fn take_all<S: Source>(source: &mut S, header: &Header, mut nodes: Nodes) -> Result<(Nodes, Named), Corrupt> {
    let (mut texts, mut links) = (Texts::default(), Vec::new());
    read(source, header, |block| {
        nodes.take(block.elements, block.nodes.as_ref(), width(header.count), &mut links)?;
        texts.take(block.first, block.elements, &block.texts)?;
        Ok(true)
    })?;
    Ok((nodes, texts.finish()?))
}

/// The same with two more threads.
fn take_side_by_side<S: Source>(source: &mut S, header: &Header, mut nodes: Nodes) -> Result<(Nodes, Named), Corrupt> {
    std::thread::scope(|scope| {
        let (node_blocks, taken) = sync_channel::<(u32, S::Bytes)>(AHEAD);
        let width = width(header.count);
        let taking_nodes = scope.spawn(move || {
            let mut links = Vec::new();
            taken
                .into_iter()
                .try_for_each(|(elements, block)| nodes.take(elements, block.as_ref(), width, &mut links))?;
            Ok(nodes)
        });
        let (text_blocks, taken) = sync_channel::<(u32, u32, (S::Bytes, Option<S::Bytes>))>(AHEAD);
        let taking_texts = scope.spawn(move || {
            let mut texts = Texts::default();
            taken.into_iter().try_for_each(|(first, elements, block)| texts.take(first, elements, &block))?;
            texts.finish()
        });
        let read = read(source, header, |block| {
            // A thread that has gone found something wrong and will say what.
            let nodes = node_blocks.send((block.elements, block.nodes));
            Ok(nodes.is_ok() && text_blocks.send((block.first, block.elements, block.texts)).is_ok())
        });
        drop((node_blocks, text_blocks));
        let broken = Corrupt("a set that could not be built");
        let (nodes, texts) = (taking_nodes.join(), taking_texts.join());
        read?;
        Ok((nodes.unwrap_or(Err(broken))?, texts.unwrap_or(Err(broken))?))
    })
}

impl Nodes {
    /// Takes the nodes of a block; `links` is room for a list.
    fn take(&mut self, elements: u32, block: &[u8], width: usize, links: &mut Vec<u32>) -> Result<(), Corrupt> {
        let (mut rest, code_len, ranged) = (Bytes(block), self.code_len(), self.quantization.has_range());
        for _ in 0..elements {
            let l2 = rest.float()?;
            let range = if ranged { rest.float()? } else { 0.0 };
            let [level] = *rest.array()?;
            let vector = self.vector(rest.take(code_len)?, l2, range)?;
            self.restore.next_node(vector, level)?;
            self.levels[usize::from(level)] += 1;
            for level in 0..=level {
                let count = usize::from(u16::from_le_bytes(*rest.array()?));
                let bytes = rest.take(count * width)?;
                links.clear();
                match width {
                    1 => links.extend(ranks::<1>(bytes)),
                    2 => links.extend(ranks::<2>(bytes)),
                    3 => links.extend(ranks::<3>(bytes)),
                    _ => links.extend(ranks::<4>(bytes)),
                }
                if count > self.restore.graph().max_links(level) {
                    return Err(Corrupt("more links than there is room for"));
                }
                self.restore.ranked_links(level, links)?;
            }
        }
        rest.end()
    }
}

/// Ranks of `WIDTH` bytes each.
fn ranks<const WIDTH: usize>(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<WIDTH>().0.iter().map(|rank| rank.iter().rev().fold(0, |rank, &byte| rank << 8 | u32::from(byte)))
}

impl Texts {
    /// Takes the names and attributes of a block.
    fn take<B: AsRef<[u8]>>(&mut self, first: u32, elements: u32, block: &(B, Option<B>)) -> Result<(), Corrupt> {
        let names = texts(elements, block.0.as_ref(), Some)?;
        let attributes = block.1.as_ref().map(|block| texts(elements, block.as_ref(), |text| text)).transpose()?;
        self.add_all(NodeId(first), &names, attributes.as_deref());
        Ok(())
    }
}

/// So many strings, and nothing else.
fn texts<'a, T>(elements: u32, block: &'a [u8], text: impl Fn(&'a [u8]) -> T) -> Result<Vec<T>, Corrupt> {
    let (mut rest, mut texts) = (Bytes(block), Vec::new());
    for _ in 0..elements {
        let len = rest.varint()?;
        texts.push(text(rest.take(len)?));
    }
    rest.end()?;
    Ok(texts)
}

/// What is left of a string.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Corrupt("a block ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Corrupt> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Corrupt("a block ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn float(&mut self) -> Result<f32, Corrupt> {
        Ok(f32::from_le_bytes(*self.array()?))
    }

    fn varint(&mut self) -> Result<usize, Corrupt> {
        let mut value = 0u64;
        for place in 0..LONGEST_VARINT as u32 {
            let [byte] = *self.array()?;
            let bits = u64::from(byte & 0x7f);
            value |= bits
                .checked_shl(7 * place)
                .filter(|shifted| shifted >> (7 * place) == bits)
                .ok_or(Corrupt("length"))?;
            if byte < 0x80 {
                return usize::try_from(value).map_err(|_| Corrupt("length"));
            }
        }
        Err(Corrupt("length"))
    }

    fn end(self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt("a block is longer than its elements")) }
    }
}

#[cfg(test)]
mod tests;
