//! The elements of an encoded set: reading them, and making a set of them.
//!
//! Reading is the server's work, one number at a time (97 % of what the reading thread does, half of it in `fread`), and takes
//! longer than all that is done with what was read. So one thread only reads, and fills batches; another takes them and builds. What is done at the end, when all is read, is
//! little: the names in order, and the table of their hashes, which were computed as they came.
#![forbid(unsafe_code)]

use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;

use super::{Header, NODE_VERSION, halves};
use crate::codec::{Corrupt, Source};
use crate::vector::graph::{MAX_LEVEL, Restore};
use crate::vector::side::Side;
use crate::vector::{Vector, pin};
use crate::vset::attributes::Attributes;
use crate::vset::names::Filling;
use crate::vset::{Quantization, VectorSet, params};

/// Sets of fewer elements are read by one thread.
pub(super) const ALONE: u64 = 2000;
/// Elements that are handed from one thread to the other at a time.
const BATCH: usize = 128;
/// Batches that may wait.
const AHEAD: usize = 8;
/// The most links that a list may say it has room for.
const MOST_LINKS: u64 = 16_384;
/// What is above any component of a normalized vector, however its norm was summed up.
const GREATEST_COMPONENT: f32 = 1.01;

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
pub(super) struct Elements {
    quantization: Quantization,
    restore: Restore,
    names: Side,
    attributes: Side,
    filling: Filling,
    attributed: usize,
    levels: [usize; MAX_LEVEL as usize + 1],
    last_number: u64,
}

impl Elements {
    /// Reads the elements that a header announces, and makes the set of them.
    pub(super) fn decode<S: Source>(source: &mut S, header: Header, coarse_dim: usize) -> Result<VectorSet, Corrupt> {
        let params = params(header.dim, header.m, header.quantization, coarse_dim);
        let elements = Elements {
            quantization: header.quantization,
            restore: Restore::new(params, header.count),
            names: Side::new(),
            attributes: Side::new(),
            filling: Filling::default(),
            attributed: 0,
            levels: [0; MAX_LEVEL as usize + 1],
            last_number: 0,
        };
        match header.count {
            0..ALONE => elements.take_all(source, &header)?,
            _ => elements.take_side_by_side(source, &header)?,
        }
        .finish(header)
    }

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
            self.names.fill(id, record.name.as_ref());
            self.filling.add(id, record.name.as_ref());
            self.levels[usize::from(record.level)] += 1;
            let attributes = record.attributes.as_ref().map(AsRef::as_ref);
            if let Some(attributes) = attributes.filter(|bytes: &&[u8]| !bytes.is_empty()) {
                self.attributes.fill(id, &Attributes::encode(attributes));
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
            levels: self.levels.map(AtomicUsize::new),
            last_node: self.last_number.into(),
            ..VectorSet::of(graph, header.quantization, header.projection)
        };
        let guard = pin();
        let index = self.filling.finish(set.names(&guard)).map_err(|_| Corrupt("two elements of one name"))?;
        set.owned().index = index;
        drop(guard);
        Ok(set)
    }
}
