//! The encoding of a set, in the RDB and in DUMP: that of Redis 8's type `vectorset`, version 0.
//!
//! | field | kind | value |
//! |---|---|---|
//! | dim | unsigned | components of a stored vector, 1 to 65536 |
//! | count | unsigned | elements, at least 1 |
//! | config | unsigned | quantization (0 f32, 1 int8, 2 bin) in bits 0-7, m in bits 8-23 (0 means 16) |
//! | flags | unsigned | bit 0: there is a projection, bit 1: there are attributes |
//! | input | unsigned | with a projection: components before it |
//! | matrix | bytes | with a projection: dim × input little-endian floats, row by row |
//!
//! then for each element, newest first:
//!
//! | field | kind | value |
//! |---|---|---|
//! | name | bytes | |
//! | attributes | bytes | where the flag says so; empty is none |
//! | code | bytes | the stored vector |
//! | parameters | unsigned | how many numbers follow |
//! | number | unsigned | the node's, from 1, each once |
//! | level, version | unsigned | level in bits 0-7, version of the node's form (0 or 1) in bits 24-31 |
//! | per level from 0 | unsigned | number of links, room for links, the links' numbers; in version 1 also: bits of the greatest distance in the high half, that link's place in the list in the low half |
//! | range, l2 | unsigned | bits of two floats: range in the high half, norm in the low |
//!
//! We write version 1. Reading checks everything that is used: dimensions, lengths, numbers, levels,
//! that links are mutual and name what is there, that floats are finite, names unique. The place of the farthest link is
//! checked to be a place and otherwise ignored: nothing here needs it, and Redis itself stores wrong ones. Lists longer
//! than a node has room for here are cut, at both ends.

use std::sync::atomic::Ordering::Relaxed;

use super::attributes::Attributes;
use super::names::Filling;
use super::projection::Projection;
use super::{M, MAX_DIM, Quantization, VectorSet};
use crate::codec::{Corrupt, Sink, Source};
use crate::vector::graph::{MAX_LEVEL, Restore};
use crate::vector::side::Side;
use crate::vector::{NodeId, Vector, pin};

mod elements;

use elements::Elements;

/// The version of the type's encoding.
pub const VERSION: i32 = 0;

/// Flag: a projection follows.
const PROJECTED: u64 = 1;
/// Flag: elements have an attributes field.
const ATTRIBUTED: u64 = 2;
/// The form of a node that we write.
const NODE_VERSION: u64 = 1;

impl VectorSet {
    /// Writes the set. First links what is not linked yet.
    ///
    /// Takes no lock of the writing thread, so a forked child can call it; nobody adds or removes meanwhile.
    pub fn encode(&self, sink: &mut impl Sink) {
        self.link_all();
        let attributed = self.attributed.load(Relaxed) > 0;
        let quantization = match self.quantization {
            Quantization::None => 0,
            Quantization::Q8 => 1,
            Quantization::Bin => 2,
        };
        sink.put_u64(self.dim() as u64);
        sink.put_u64(self.graph.len() as u64);
        sink.put_u64(quantization | (self.graph.params().m as u64) << 8);
        let flag = |is: bool, flag| if is { flag } else { 0 };
        sink.put_u64(flag(self.projection.is_some(), PROJECTED) | flag(attributed, ATTRIBUTED));
        if let Some(projection) = &self.projection {
            sink.put_u64(projection.input() as u64);
            sink.put_bytes(&projection.encode());
        }
        let mut room = (Vec::new(), Vec::new());
        // Slots are reused, so this is the order of age only roughly; it decides nothing but ties.
        let mut ids = (0..self.graph.id_bound()).rev().map(NodeId).filter(|&id| self.graph.contains(id)).peekable();
        while let Some(id) = ids.next() {
            if let Some(&next) = ids.peek() {
                self.graph.prefetch_neighbors(next);
            }
            self.encode_element(id, attributed, &mut room, sink);
        }
    }

    /// `room` is for a node's links and their distances, so that they are allocated once.
    fn encode_element(&self, id: NodeId, attributed: bool, room: &mut (Vec<NodeId>, Vec<f32>), sink: &mut impl Sink) {
        let (links, distances) = room;
        let guard = pin();
        sink.put_bytes(self.names(&guard).get(id));
        if attributed {
            let blob = self.attributes.get(&guard, id);
            sink.put_bytes(blob.map_or(b"", |blob| Attributes::of(blob).verbatim()));
        }
        sink.put_bytes(self.graph.code(id, &guard));
        let level = self.graph.level_of(id);
        links.clear();
        let mut ends = [0; MAX_LEVEL as usize + 1];
        for level in 0..=level {
            self.graph.links(id, level, links);
            ends[usize::from(level)] = links.len();
        }
        sink.put_u64(3 + 3 * (u64::from(level) + 1) + links.len() as u64);
        sink.put_u64(number(id));
        sink.put_u64(u64::from(level) | NODE_VERSION << 24);
        let mut start = 0;
        for level in 0..=level {
            let end = ends[usize::from(level)];
            self.encode_links(id, level, &links[start..end], distances, sink);
            start = end;
        }
        sink.put_u64(pair(self.graph.range_of(id).to_bits(), self.graph.l2(id).to_bits()));
    }

    fn encode_links(&self, id: NodeId, level: u8, links: &[NodeId], distances: &mut Vec<f32>, sink: &mut impl Sink) {
        sink.put_u64(links.len() as u64);
        sink.put_u64(self.graph.max_links(level) as u64);
        links.iter().for_each(|&link| sink.put_u64(number(link)));
        self.graph.distances_from(id, links, distances);
        let mut farthest = (0.0, 0);
        for (&distance, place) in distances.iter().zip(0..) {
            if distance > farthest.0 {
                farthest = (distance, place);
            }
        }
        sink.put_u64(pair(farthest.0.to_bits(), farthest.1));
    }

    /// Another set of the same elements, links included. First links what is not linked yet.
    ///
    /// Nobody adds or removes meanwhile.
    ///
    /// # Panics
    /// When a graph broke its own invariants.
    pub fn copy(&self) -> Self {
        self.link_all();
        let guard = pin();
        let mut restore = Restore::new(*self.graph.params(), self.graph.len() as u64);
        let (mut names, mut attributes, mut filling) = (Side::new(), Side::new(), Filling::default());
        let mut list = Vec::new();
        for id in self.graph.ids() {
            let (l2, range) = (self.graph.l2(id), self.graph.range_of(id));
            let vector = Vector::Stored { code: self.graph.code(id, &guard), l2, range };
            let level = self.graph.level_of(id);
            let copied = restore.node(number(id), vector, level).expect("a node fits a graph of its kind");
            for level in 0..=level {
                list.clear();
                self.graph.links(id, level, &mut list);
                let numbers: Vec<u64> = list.iter().map(|&id| number(id)).collect();
                restore.links(level, &numbers).expect("a node's links are sound");
            }
            let name = self.names(&guard).get(id);
            names.fill(copied, name);
            filling.add(copied, name);
            if let Some(blob) = self.attributes.get(&guard, id) {
                attributes.fill(copied, blob);
            }
        }
        let graph = restore.finish().expect("a graph's links are mutual");
        let copy = VectorSet {
            names,
            attributes,
            attributed: self.attributed.load(Relaxed).into(),
            last_node: self.last_node.load(Relaxed).into(),
            ..VectorSet::of(graph, self.quantization, self.projection.clone())
        };
        for (mine, its) in copy.levels.iter().zip(&self.levels) {
            mine.store(its.load(Relaxed), Relaxed);
        }
        copy.owned().index = filling.finish(copy.names(&guard)).expect("a set's names are unique");
        copy
    }

    /// Reads a set. With `coarse_dim` components it keeps coarse codes, as [`Add::coarse_dim`](super::Add) says.
    ///
    /// # Errors
    /// [`Corrupt`] for everything that [`VectorSet::encode`] and Redis do not write, and for what Redis writes but no set
    /// should hold: no elements, vectors or norms that are not finite.
    pub fn decode<S: Source>(source: &mut S, version: i32, coarse_dim: usize) -> Result<Self, Corrupt> {
        if version != VERSION {
            return Err(Corrupt("version"));
        }
        let header = Header::decode(source)?;
        Elements::decode(source, header, coarse_dim)
    }
}

/// A node's number in the encoding; 0 is none's.
fn number(id: NodeId) -> u64 {
    u64::from(id.0) + 1
}

fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn halves(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// What stands before the elements.
struct Header {
    dim: usize,
    count: u64,
    quantization: Quantization,
    m: usize,
    projection: Option<Projection>,
    attributed: bool,
}

impl Header {
    fn decode<S: Source>(source: &mut S) -> Result<Self, Corrupt> {
        let dim = dimension(source.take_u64()?)?;
        let count = source.take_u64()?;
        // A set that loses its last element is deleted, so none is empty.
        if count == 0 || count >= u64::from(u32::MAX) {
            return Err(Corrupt("number of elements"));
        }
        let config = source.take_u64()?;
        let quantization = match config & 0xff {
            0 => Quantization::None,
            1 => Quantization::Q8,
            2 => Quantization::Bin,
            _ => return Err(Corrupt("quantization")),
        };
        let m = match config >> 8 {
            0 => 16,
            m => usize::try_from(m).ok().filter(|m| M.contains(m)).ok_or(Corrupt("m"))?,
        };
        let flags = source.take_u64()?;
        if flags & !(PROJECTED | ATTRIBUTED) != 0 {
            return Err(Corrupt("flags"));
        }
        let projection = match flags & PROJECTED {
            0 => None,
            _ => {
                let input = dimension(source.take_u64()?)?;
                Some(Projection::decode(input, dim, source.take_bytes()?.as_ref())?)
            }
        };
        Ok(Self { dim, count, quantization, m, projection, attributed: flags & ATTRIBUTED != 0 })
    }
}

fn dimension(value: u64) -> Result<usize, Corrupt> {
    usize::try_from(value).ok().filter(|dim| (1..=MAX_DIM).contains(dim)).ok_or(Corrupt("dimension"))
}

#[cfg(test)]
mod tests;
