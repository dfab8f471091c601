//! The elements as Redis 8 has them in an encoded set.
//!
//! For each element, newest first:
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
//! We write version 1. The place of the farthest link is checked to be a place and otherwise ignored: nothing here needs it,
//! and Redis itself stores wrong ones. Lists longer than a node has room for here are cut, at both ends.
//!
//! Reading is the server's work, one number at a time (97 % of what the reading thread does, half of it in `fread`), and takes
//! longer than all that is done with what was read. So one thread only reads, and fills batches; another takes them and
//! builds. What is done at the end, when all is read, is little: the names in order, and the table of their hashes, which were
//! computed as they came.
#![forbid(unsafe_code)]

use std::sync::mpsc::sync_channel;

use super::building::{Nodes, Texts, assemble};
use super::{ALONE, Header};
use crate::codec::{Corrupt, Sink, Source};
use crate::vector::graph::MAX_LEVEL;
use crate::vector::{NodeId, pin};
use crate::vset::VectorSet;
use crate::vset::attributes::Attributes;

/// The form of a node that we write.
const NODE_VERSION: u64 = 1;
/// Elements that are handed from one thread to the other at a time.
const BATCH: usize = 128;
/// Batches that may wait.
const AHEAD: usize = 8;
/// The most links that a list may say it has room for.
const MOST_LINKS: u64 = 16_384;

impl VectorSet {
    /// Writes the elements.
    pub(super) fn encode_elements(&self, attributed: bool, sink: &mut impl Sink) {
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
        sink.put_bytes(&self.graph.code(id, &guard));
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
}

/// A node's number in the encoding; 0 is none's.
pub(super) fn number(id: NodeId) -> u64 {
    u64::from(id.0) + 1
}

pub(super) fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn halves(pair: u64) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
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
    nodes: Nodes,
    texts: Texts,
    last_number: u64,
}

/// Reads the elements that a header announces, and makes the set of them.
pub(super) fn decode<S: Source>(source: &mut S, header: Header, coarse_dim: usize) -> Result<VectorSet, Corrupt> {
    let nodes = Nodes::new(header.params(coarse_dim), header.quantization, header.count);
    let elements = Elements { nodes, texts: Texts::default(), last_number: 0 };
    let Elements { nodes, texts, last_number } = match header.count {
        0..ALONE => elements.take_all(source, &header)?,
        _ => elements.take_side_by_side(source, &header)?,
    };
    assemble(nodes, texts.finish(), header.projection, last_number)
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
            let nodes = &mut self.nodes;
            let vector = nodes.vector(record.code.as_ref(), record.l2, record.range)?;
            let id = nodes.restore.node(record.number, vector, record.level)?;
            for (level, &end) in (0..=record.level).zip(&record.ends) {
                nodes.restore.links(level, &batch.links[start..end])?;
                start = end;
            }
            nodes.levels[usize::from(record.level)] += 1;
            let attributes = record.attributes.as_ref().map(AsRef::as_ref);
            let blob = attributes.filter(|bytes: &&[u8]| !bytes.is_empty()).map(Attributes::encode);
            self.texts.add_one(id, record.name.as_ref(), blob.as_deref());
            self.last_number = self.last_number.max(record.number);
        }
        Ok(())
    }
}
