//! A set that comes into being: its graph, and what stands beside it, which two threads can make side by side.
#![forbid(unsafe_code)]

use std::sync::atomic::AtomicU32;

use crate::codec::Corrupt;
use crate::vector::graph::{MAX_LEVEL, Restore};
use crate::vector::side::Side;
use crate::vector::{NodeId, Params, Vector, pin};
use crate::vset::attributes::Attributes;
use crate::vset::names::{Filling, Index, Names};
use crate::vset::projection::Projection;
use crate::vset::{Quantization, VectorSet, new_uid};

/// What is above any component of a normalized vector, however its norm was summed up.
const GREATEST_COMPONENT: f32 = 1.01;

/// The graph.
pub(super) struct Nodes {
    pub(super) quantization: Quantization,
    pub(super) restore: Restore,
    /// How many nodes have this level.
    pub(super) levels: [u32; MAX_LEVEL as usize + 1],
}

impl Nodes {
    pub(super) fn new(params: Params, quantization: Quantization, count: u64) -> Self {
        let levels = [0; MAX_LEVEL as usize + 1];
        Self { quantization, restore: Restore::new(params, count), levels }
    }

    /// Bytes of a stored vector.
    pub(super) fn code_len(&self) -> usize {
        self.restore.graph().codec().code_len()
    }

    /// The stored vector, if it is one.
    pub(super) fn vector<'a>(&self, code: &'a [u8], l2: f32, range: f32) -> Result<Vector<'a>, Corrupt> {
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
}

/// Names and attributes.
#[derive(Default)]
pub(super) struct Texts {
    names: Side,
    attributes: Side,
    filling: Filling,
    attributed: usize,
}

/// [`Texts`] that are complete.
pub(super) struct Named {
    texts: Texts,
    index: Index,
}

impl Texts {
    /// Adds a node; `blob` is what [`Attributes::encode`] made of its attributes.
    pub(super) fn add_one(&mut self, id: NodeId, name: &[u8], blob: Option<&[u8]>) {
        self.names.fill(id, name);
        self.filling.add(id, name);
        if let Some(blob) = blob {
            self.attributes.fill(id, blob);
            self.attributed += 1;
        }
    }

    /// Adds nodes with ids one after the other: their names, and their attributes, if any have some; empty ones are none.
    pub(super) fn add_all(&mut self, first: NodeId, names: &[Option<&[u8]>], attributes: Option<&[&[u8]]>) {
        self.names.fill_all(first, names);
        (first.0..).zip(names.iter().flatten()).for_each(|(id, name)| self.filling.add(NodeId(id), name));
        if let Some(attributes) = attributes {
            let encoded = |bytes: &&[u8]| (!bytes.is_empty()).then(|| Attributes::encode(bytes));
            let blobs: Vec<Option<Vec<u8>>> = attributes.iter().map(encoded).collect();
            self.attributed += blobs.iter().flatten().count();
            self.attributes.fill_all(first, &blobs.iter().map(Option::as_deref).collect::<Vec<_>>());
        }
    }

    /// What was added, when it is all.
    pub(super) fn finish(mut self) -> Result<Named, Corrupt> {
        let filling = std::mem::take(&mut self.filling);
        let index = filling.finish(Names::new(&self.names, &pin())).map_err(|_| Corrupt("two elements of one name"))?;
        Ok(Named { texts: self, index })
    }
}

/// The set.
pub(super) fn assemble(
    nodes: Nodes,
    named: Result<Named, Corrupt>,
    projection: Option<Projection>,
    last_node: u64,
) -> Result<VectorSet, Corrupt> {
    let graph = nodes.restore.finish()?;
    let Named { texts: Texts { names, attributes, attributed, .. }, index } = named?;
    let set = VectorSet {
        names,
        attributes,
        attributed: attributed.into(),
        levels: nodes.levels.map(AtomicU32::new),
        last_node: last_node.into(),
        ..VectorSet::of(graph, nodes.quantization, projection, new_uid())
    };
    set.owned().index = index;
    Ok(set)
}
