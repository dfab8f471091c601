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
use std::sync::mpsc::sync_channel;

use super::attributes::Attributes;
use super::projection::Projection;
use super::{M, MAX_DIM, Quantization, VectorSet, params};
use crate::codec::{Corrupt, Sink, Source};
use crate::vector::graph::{MAX_LEVEL, Restore};
use crate::vector::side::Side;
use crate::vector::{NodeId, Vector, pin};

/// The version of the type's encoding.
pub const VERSION: i32 = 0;

/// Flag: a projection follows.
const PROJECTED: u64 = 1;
/// Flag: elements have an attributes field.
const ATTRIBUTED: u64 = 2;
/// The form of a node that we write.
const NODE_VERSION: u64 = 1;
/// Sets of fewer elements are read by one thread.
const ALONE: u64 = 2000;
/// Elements that are handed from one thread to the other at a time.
const BATCH: usize = 128;
/// Batches that may wait.
const AHEAD: usize = 8;
/// The most links that a list may say it has room for.
const MOST_LINKS: u64 = 16_384;
/// What is above any component of a normalized vector, however its norm was summed up.
const GREATEST_COMPONENT: f32 = 1.01;

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
        let (names, attributes) = (Side::new(), Side::new());
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
            names.set(copied, self.names(&guard).get(id));
            if let Some(blob) = self.attributes.get(&guard, id) {
                attributes.set(copied, blob);
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
        copy.index_all().expect("a set's names are unique");
        copy
    }

    /// Fills the index and the counts of levels of a set whose nodes and names are there.
    fn index_all(&self) -> Result<(), Corrupt> {
        let guard = pin();
        for id in self.graph.ids() {
            self.level(id).fetch_add(1, Relaxed);
        }
        let filled = self.owned().index.fill(self.names(&guard), self.graph.ids());
        filled.map_err(|_| Corrupt("two elements of one name"))
    }

    /// Reads a set.
    ///
    /// # Errors
    /// [`Corrupt`] for everything that [`VectorSet::encode`] and Redis do not write, and for what Redis writes but no set
    /// should hold: no elements, vectors or norms that are not finite.
    pub fn decode<S: Source>(source: &mut S, version: i32) -> Result<Self, Corrupt> {
        if version != VERSION {
            return Err(Corrupt("version"));
        }
        let header = Header::decode(source)?;
        let elements = Elements {
            quantization: header.quantization,
            restore: Restore::new(params(header.dim, header.m, header.quantization), header.count),
            names: Side::new(),
            attributes: Side::new(),
            attributed: 0,
            last_number: 0,
        };
        let elements = match header.count {
            0..ALONE => elements.take_all(source, &header)?,
            _ => elements.take_side_by_side(source, &header)?,
        };
        elements.finish(header)
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

/// Elements as they were read, together so that they share memory.
struct Batch<B> {
    records: Vec<Record<B>>,
    links: Vec<u64>,
}

/// One element.
struct Record<B> {
    name: B,
    attributes: Option<B>,
    code: B,
    number: u64,
    level: u8,
    /// Where the links of each level end among those of the batch.
    ends: [usize; MAX_LEVEL as usize + 1],
    range: f32,
    l2: f32,
}

/// Reads an element's numbers and counts them.
struct Numbers<'a, S> {
    source: &'a mut S,
    left: u64,
}

impl<S: Source> Numbers<'_, S> {
    fn take(&mut self) -> Result<u64, Corrupt> {
        self.left = self.left.checked_sub(1).ok_or(Corrupt("too few parameters"))?;
        self.source.take_u64()
    }
}

impl<B: AsRef<[u8]>> Batch<B> {
    fn new() -> Self {
        Self { records: Vec::with_capacity(BATCH), links: Vec::new() }
    }

    /// Reads one more element.
    fn read<S: Source<Bytes = B>>(&mut self, source: &mut S, attributed: bool) -> Result<(), Corrupt> {
        let name = source.take_bytes()?;
        let attributes = if attributed { Some(source.take_bytes()?) } else { None };
        let code = source.take_bytes()?;
        let left = source.take_u64()?;
        let mut numbers = Numbers { source, left };
        let number = numbers.take()?;
        if number == 0 {
            return Err(Corrupt("node number 0"));
        }
        let shape = numbers.take()?;
        let (level, version) = ((shape & 0xff) as u8, shape >> 24);
        if level > MAX_LEVEL || version > NODE_VERSION || shape & 0x00ff_ff00 != 0 {
            return Err(Corrupt("level or version of a node"));
        }
        let mut ends = [0; MAX_LEVEL as usize + 1];
        for end in &mut ends[..=usize::from(level)] {
            self.read_links(&mut numbers, version)?;
            *end = self.links.len();
        }
        let (range, l2) = halves(numbers.take()?);
        // What a later form adds behind is not ours to know.
        while numbers.left > 0 {
            numbers.take()?;
        }
        let (range, l2) = (f32::from_bits(range), f32::from_bits(l2));
        self.records.push(Record { name, attributes, code, number, level, ends, range, l2 });
        Ok(())
    }

    fn read_links<S: Source>(&mut self, numbers: &mut Numbers<S>, version: u64) -> Result<(), Corrupt> {
        let count = numbers.take()?;
        let room = numbers.take()?;
        if count > room || room > MOST_LINKS {
            return Err(Corrupt("number of links"));
        }
        for _ in 0..count {
            self.links.push(numbers.take()?);
        }
        if version > 0 {
            let (_, place) = halves(numbers.take()?);
            if count > 0 && u64::from(place) >= count {
                return Err(Corrupt("place of the farthest link"));
            }
        }
        Ok(())
    }
}

/// The set that comes into being.
struct Elements {
    quantization: Quantization,
    restore: Restore,
    names: Side,
    attributes: Side,
    attributed: usize,
    last_number: u64,
}

impl Elements {
    /// Takes every element as it is read.
    fn take_all<S: Source>(mut self, source: &mut S, header: &Header) -> Result<Self, Corrupt> {
        let mut batch = Batch::new();
        for _ in 0..header.count {
            batch.read(source, header.attributed)?;
            self.take(&batch)?;
            batch.records.clear();
            batch.links.clear();
        }
        Ok(self)
    }

    /// The same with a second thread: reading, which is the server's work, takes as long as all that is done with what
    /// was read.
    fn take_side_by_side<S: Source>(mut self, source: &mut S, header: &Header) -> Result<Self, Corrupt> {
        std::thread::scope(|scope| {
            let (full, batches) = sync_channel::<Batch<S::Bytes>>(AHEAD);
            let taking = scope.spawn(move || {
                batches.into_iter().try_for_each(|batch| self.take(&batch))?;
                Ok(self)
            });
            let mut left = header.count;
            let mut read = || {
                while left > 0 {
                    let mut batch = Batch::new();
                    for _ in 0..left.min(BATCH as u64) {
                        batch.read(source, header.attributed)?;
                    }
                    left -= batch.records.len() as u64;
                    if full.send(batch).is_err() {
                        break; // the other thread found something wrong and will say what
                    }
                }
                Ok(())
            };
            let read = read();
            drop(full);
            let taken = taking.join().unwrap_or(Err(Corrupt("a set that could not be built")));
            read.and(taken)
        })
    }

    fn take<B: AsRef<[u8]>>(&mut self, batch: &Batch<B>) -> Result<(), Corrupt> {
        let mut start = 0;
        for record in &batch.records {
            let vector = self.vector(record.code.as_ref(), record.l2, record.range)?;
            let id = self.restore.node(record.number, vector, record.level)?;
            for (level, &end) in (0..=record.level).zip(&record.ends) {
                self.restore.links(level, &batch.links[start..end])?;
                start = end;
            }
            self.names.set(id, record.name.as_ref());
            let attributes = record.attributes.as_ref().map(AsRef::as_ref);
            if let Some(attributes) = attributes.filter(|bytes: &&[u8]| !bytes.is_empty()) {
                self.attributes.set(id, &Attributes::encode(attributes));
                self.attributed += 1;
            }
            self.last_number = self.last_number.max(record.number);
        }
        Ok(())
    }

    /// The stored vector, if it is one.
    fn vector<'a>(&self, code: &'a [u8], l2: f32, range: f32) -> Result<Vector<'a>, Corrupt> {
        let codec = self.restore.graph().codec();
        if code.len() != codec.code_len() {
            return Err(Corrupt("length of a vector"));
        }
        let within = |x: f32| x.abs() <= GREATEST_COMPONENT;
        let sound = match self.quantization {
            Quantization::None => code.as_chunks::<4>().0.iter().all(|&word| within(f32::from_le_bytes(word))),
            Quantization::Q8 => within(range) && range >= 0.0 && memchr::memchr(0x80, code).is_none(),
            Quantization::Bin => (codec.dim..code.len() * 8).all(|bit| code[bit / 8] >> (bit % 8) & 1 == 0),
        };
        if !(sound && l2.is_finite() && l2 > 0.0) {
            return Err(Corrupt("a vector that is not normalized"));
        }
        Ok(Vector::Stored { code, l2, range })
    }

    fn finish(self, header: Header) -> Result<VectorSet, Corrupt> {
        let graph = self.restore.finish()?;
        let set = VectorSet {
            names: self.names,
            attributes: self.attributes,
            attributed: self.attributed.into(),
            last_node: self.last_number.into(),
            ..VectorSet::of(graph, header.quantization, header.projection)
        };
        set.index_all()?;
        Ok(set)
    }
}

#[cfg(test)]
mod tests;
