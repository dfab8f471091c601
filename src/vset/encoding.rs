//! The encoding of a set, in the RDB and in DUMP: that of Redis 8's type `vectorset`, version 0, or one of our own, which
//! loads faster, under the same type and version. Whoever writes chooses ([`Format`]), who reads takes either.
//!
//! A server writes the version that a type was registered with, whatever the value. So our own format says in its first field
//! what it is: a dimension of 0, which no set has, and which Redis and older modules refuse.
//!
//! | field | kind | value |
//! |---|---|---|
//! | mark, form | unsigned | in our own format only: 0 and 1 |
//! | dim | unsigned | components of a stored vector, 1 to 65536 |
//! | count | unsigned | elements, at least 1 |
//! | config | unsigned | quantization (0 f32, 1 int8, 2 bin) in bits 0-7, m in bits 8-23 (0 means 16) |
//! | flags | unsigned | bit 0: there is a projection, bit 1: there are attributes |
//! | input | unsigned | with a projection: components before it |
//! | matrix | bytes | with a projection: dim × input little-endian floats, row by row |
//!
//! What follows is each format's own: see `elements` and `blocks`.
//!
//! Reading checks everything that is used: dimensions, lengths, numbers, levels, that links are mutual and name what is there,
//! that floats are finite, names unique.

use std::sync::atomic::Ordering::Relaxed;

use super::projection::Projection;
use super::{M, MAX_DIM, Quantization, VectorSet, params};
use crate::codec::{Corrupt, Sink, Source};
use crate::vector::{Graph, NodeId, Params, Vector, gate, pin};

mod blocks;
mod building;
mod elements;

use building::{Nodes, Texts, assemble};

/// The version of the type's encoding.
pub const VERSION: i32 = 0;

/// How a set is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As Redis 8 does.
    Redis,
    /// Our own: smaller, and faster to write and to read.
    Compact,
}

/// What stands in the place of a dimension where the format is our own.
const MARK: u64 = 0;
/// The form of our own format.
const FORM: u64 = 1;
/// Flag: a projection follows.
const PROJECTED: u64 = 1;
/// Flag: elements have attributes.
const ATTRIBUTED: u64 = 2;
/// Sets of fewer elements are read by one thread.
const ALONE: u64 = 2000;

impl VectorSet {
    /// Writes the set. First links [some](VectorSet::link_some) of what is not linked yet, which is all but for a set that was
    /// just loaded or is built anew.
    ///
    /// Whatever else waits to be done is not waited for: it is kept out, and what is written is the graph as it stands, without
    /// the nodes that were removed. Who reads it links what that leaves poor.
    ///
    /// Takes no lock of the writing thread, so a forked child can call it; nobody adds or removes meanwhile.
    pub fn encode(&self, sink: &mut impl Sink, format: Format) {
        if !self.is_to_renew() {
            self.link_some();
        }
        gate::at_rest(|| self.encode_at_rest(sink, format));
    }

    fn encode_at_rest(&self, sink: &mut impl Sink, format: Format) {
        let attributed = self.attributed.load(Relaxed) > 0;
        if format == Format::Compact {
            sink.put_u64(MARK);
            sink.put_u64(FORM);
        }
        self.encode_header(attributed, sink);
        match format {
            Format::Redis => self.encode_elements(attributed, sink),
            Format::Compact => self.encode_blocks(attributed, sink),
        }
    }

    fn encode_header(&self, attributed: bool, sink: &mut impl Sink) {
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
    }

    /// Another set of the same elements, links included, as far as they stand: the copy is to link what that leaves poor.
    ///
    /// Nobody adds or removes meanwhile.
    ///
    /// # Panics
    /// When a graph broke its own invariants.
    pub fn copy(&self) -> Self {
        let guard = pin();
        let ranks = Ranks::of(&self.graph);
        let lists = Lists::of(&self.graph, &ranks);
        let mut nodes = Nodes::new(*self.graph.params(), self.quantization, self.graph.len() as u64);
        let mut texts = Texts::default();
        for id in self.graph.ids() {
            let (l2, range) = (self.graph.l2(id), self.graph.range_of(id));
            let vector = Vector::Stored { code: &self.graph.code(id, &guard), l2, range };
            let level = self.graph.level_of(id);
            let copied = nodes.restore.next_node(vector, level).expect("a node fits a graph of its kind");
            nodes.levels[usize::from(level)] += 1;
            for level in 0..=level {
                let links = lists.mutual(ranks.get(id), level);
                nodes.restore.ranked_links(level, &links).expect("a node's links are sound");
            }
            texts.add_one(copied, self.names(&guard).get(id), self.attributes.get(&guard, id));
        }
        let projection = self.projection.clone();
        assemble(nodes, texts.finish(), projection, self.last_node.load(Relaxed)).expect("a set is sound")
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
        let first = source.take_u64()?;
        if first != MARK {
            let header = Header::decode(first, source)?;
            return elements::decode(source, header, coarse_dim);
        }
        if source.take_u64()? != FORM {
            return Err(Corrupt("form"));
        }
        let dim = source.take_u64()?;
        let header = Header::decode(dim, source)?;
        blocks::decode(source, header, coarse_dim)
    }
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
    /// Reads what follows the dimension.
    fn decode<S: Source>(dim: u64, source: &mut S) -> Result<Self, Corrupt> {
        let dim = dimension(dim)?;
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

    /// What the graph is made for.
    fn params(&self, coarse_dim: usize) -> Params {
        params(self.dim, self.m, self.quantization, coarse_dim)
    }
}

fn dimension(value: u64) -> Result<usize, Corrupt> {
    usize::try_from(value).ok().filter(|dim| (1..=MAX_DIM).contains(dim)).ok_or(Corrupt("dimension"))
}

/// The ranks of a graph's nodes: how many live ones have smaller ids.
struct Ranks(Option<Vec<u32>>);

impl Ranks {
    fn of(graph: &Graph) -> Self {
        if graph.len() == graph.id_bound() as usize {
            return Self(None); // the ids
        }
        let mut ranks = vec![0; graph.id_bound() as usize];
        (0..).zip(graph.ids()).for_each(|(rank, id)| ranks[id.0 as usize] = rank);
        Self(Some(ranks))
    }

    fn get(&self, id: NodeId) -> u32 {
        self.0.as_ref().map_or(id.0, |ranks| ranks[id.0 as usize])
    }
}

/// The links of a graph's nodes, by rank, as they were when each list was read: somebody may unlink or link meanwhile.
struct Lists(Vec<Vec<Vec<u32>>>);

impl Lists {
    fn of(graph: &Graph, ranks: &Ranks) -> Self {
        let list = |id, level| {
            let mut links = Vec::new();
            graph.links(id, level, &mut links);
            links.into_iter().map(|link| ranks.get(link)).collect()
        };
        Self(graph.ids().map(|id| (0..=graph.level_of(id)).map(|level| list(id, level)).collect()).collect())
    }

    /// The links of a node to those that link to it, ascending.
    fn mutual(&self, node: u32, level: u8) -> Vec<u32> {
        let list = |node: u32| self.0[node as usize].get(usize::from(level)).map_or(&[][..], |list| list);
        list(node).iter().copied().filter(|&other| list(other).binary_search(&node).is_ok()).collect()
    }
}

#[cfg(test)]
mod tests;
