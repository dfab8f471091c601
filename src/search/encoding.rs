//! What is saved of an index: the graphs of its vector fields. All else is built again from the keys.
//!
//! ```text
//! graphs = version=1 | field* | ""                       all integers are the sink's unsigned ones, strings its byte strings
//! field  = alias | dim | m | ef_construction | encoding | metric | count | node*
//! node   = key | nth | fingerprint | number | levels | links*       levels of them, from level 0 on
//! links  = a string of 4-byte little-endian numbers
//! ```
//!
//! `encoding` is 0 to 7 for F32, F64, F16, BF16, I8, U8, Q8, Bin; `metric` 0 to 2 for cosine, L2, inner product. `number`
//! is below 2^32 and names the node in links, which are mutual. A field that the schema no longer has, or has otherwise,
//! is read over. What does not fit together when all documents are there makes the graph be built anew, never an error:
//! see [`Index::finish_restore`].

use super::fields::vector::{SavedGraph, SavedNode};
use super::index::{Index, Values};
use crate::codec::{Corrupt, Sink, Source};
use crate::vector::graph::{MAX_LEVEL, MAX_M};
use crate::vector::{Encoding, Metric, Params};

/// A graph with the alias of its field.
pub type Named = (Box<[u8]>, SavedGraph);

const VERSION: u64 = 1;

const METRICS: [Metric; 3] = [Metric::Cosine, Metric::L2, Metric::InnerProduct];

impl Index {
    /// Writes the graphs. Nothing may be added, removed or linked meanwhile: for a forked child, or while the gate is closed.
    pub fn encode_graphs(&self, sink: &mut impl Sink) {
        sink.put_u64(VERSION);
        for (field, index) in self.schema().fields.iter().zip(self.fields()) {
            let Values::Vector(vectors) = &index.values else { continue };
            let Some(graph) = vectors.graph() else { continue };
            // An empty alias would end the list.
            if field.alias.is_empty() {
                continue;
            }
            sink.put_bytes(&field.alias);
            encode_params(graph.params(), sink);
            // Both closures write, one after the other.
            let sink = std::cell::RefCell::new(&mut *sink);
            vectors.each_saved(
                |doc| self.documents().key(doc),
                |count| sink.borrow_mut().put_u64(count),
                |node| encode_node(&node, *sink.borrow_mut()),
            );
        }
        sink.put_bytes(b"");
    }

    /// Reads graphs into an index without documents: those that come from now on take their places in them. False: there is
    /// none that fits the schema.
    ///
    /// # Errors
    /// [`Corrupt`] for what [`Index::encode_graphs`] does not write. Nothing has changed then.
    pub fn begin_restore<S: Source>(&mut self, source: &mut S) -> Result<bool, Corrupt> {
        let mut any = false;
        for (alias, graph) in decode_graphs(source)? {
            if let Some(Values::Vector(vectors)) = self.schema().find(&alias).and_then(|id| self.values_mut(id)) {
                any |= vectors.begin_restore(graph);
            }
        }
        Ok(any)
    }

    /// Ends what [`Index::begin_restore`] began, when all documents have been applied. False: a graph did not fit together,
    /// and all documents have to be applied again.
    pub fn finish_restore(&mut self) -> bool {
        let mut whole = true;
        for id in (0..self.fields().len()).map(|at| super::schema::FieldId(at as u16)) {
            if let Some(Values::Vector(vectors)) = self.values_mut(id) {
                whole &= vectors.finish_restore();
            }
        }
        whole
    }
}

fn encode_params(params: &Params, sink: &mut impl Sink) {
    sink.put_u64(params.dim as u64);
    sink.put_u64(params.m as u64);
    sink.put_u64(params.ef_construction as u64);
    sink.put_u64(Encoding::ALL.iter().position(|e| *e == params.encoding).unwrap_or(0) as u64);
    sink.put_u64(METRICS.iter().position(|m| *m == params.metric).unwrap_or(0) as u64);
}

fn encode_node(node: &SavedNode, sink: &mut impl Sink) {
    sink.put_bytes(&node.key);
    sink.put_u64(u64::from(node.nth));
    sink.put_u64(node.fingerprint);
    sink.put_u64(node.number);
    sink.put_u64(node.links.len() as u64);
    for links in &node.links {
        // Numbers are those of rows, which are 32 bits.
        let bytes: Vec<u8> = links.iter().flat_map(|link| (*link as u32).to_le_bytes()).collect();
        sink.put_bytes(&bytes);
    }
}

/// Reads what [`Index::encode_graphs`] writes: each graph with the alias of its field.
///
/// # Errors
/// [`Corrupt`] for anything else. Memory grows with what is there, not with what is announced.
pub fn decode_graphs<S: Source>(source: &mut S) -> Result<Vec<Named>, Corrupt> {
    if source.take_u64()? != VERSION {
        return Err(Corrupt("version of graphs"));
    }
    let mut graphs = Vec::new();
    loop {
        let alias: Box<[u8]> = source.take_bytes()?.as_ref().into();
        if alias.is_empty() {
            return Ok(graphs);
        }
        let params = decode_params(source)?;
        let count = source.take_u64()?;
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(decode_node(source)?);
        }
        graphs.push((alias, SavedGraph { params, nodes }));
    }
}

fn take_size<S: Source>(source: &mut S) -> Result<usize, Corrupt> {
    usize::try_from(source.take_u64()?).map_err(|_| Corrupt("size"))
}

fn decode_params<S: Source>(source: &mut S) -> Result<Params, Corrupt> {
    let (dim, m, ef_construction) = (take_size(source)?, take_size(source)?, take_size(source)?);
    let encoding = *Encoding::ALL.get(take_size(source)?).ok_or(Corrupt("encoding"))?;
    let metric = *METRICS.get(take_size(source)?).ok_or(Corrupt("metric"))?;
    if dim == 0 || !(2..=MAX_M).contains(&m) {
        return Err(Corrupt("parameters"));
    }
    Ok(Params { dim, m, ef_construction, encoding, metric, coarse: false })
}

fn decode_node<S: Source>(source: &mut S) -> Result<SavedNode, Corrupt> {
    let key = source.take_bytes()?.as_ref().into();
    let nth = u32::try_from(source.take_u64()?).map_err(|_| Corrupt("place of a vector"))?;
    let fingerprint = source.take_u64()?;
    let number = source.take_u64()?;
    let levels = source.take_u64()?;
    if levels == 0 || levels > u64::from(MAX_LEVEL) + 1 {
        return Err(Corrupt("levels"));
    }
    let mut links = Vec::new();
    for _ in 0..levels {
        let bytes = source.take_bytes()?;
        let (numbers, rest) = bytes.as_ref().as_chunks::<4>();
        if !rest.is_empty() {
            return Err(Corrupt("links"));
        }
        links.push(numbers.iter().map(|number| u64::from(u32::from_le_bytes(*number))).collect());
    }
    Ok(SavedNode { number, key, nth, fingerprint, links })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::document::{Raw, RawDocument};
    use crate::search::index::Change;
    use crate::search::schema;
    use crate::vector::Scratch;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn index() -> Index {
        let words = "SCHEMA v VECTOR HNSW 8 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 M 4 f VECTOR FLAT 6 TYPE FLOAT32 DIM 2 \
                     DISTANCE_METRIC L2";
        Index::new(Arc::new(schema::create(b"i", words.split_whitespace().map(str::as_bytes)).unwrap()))
    }

    fn fill(index: &mut Index) {
        for n in 0..40u8 {
            let vector: Vec<u8> = [f32::from(n), f32::from(n % 7)].iter().flat_map(|x| x.to_le_bytes()).collect();
            let fields = vec![Raw::Hash(vector.clone().into()), Raw::Hash(vector.into())];
            let document = Some(RawDocument { fields, ..RawDocument::default() });
            index.apply(&Change { key: [b'k', n].into(), document });
        }
    }

    fn graph(index: &Index) -> &crate::vector::Graph {
        match &index.fields()[0].values {
            Values::Vector(vectors) => vectors.graph().unwrap(),
            _ => unreachable!(),
        }
    }

    fn saved() -> Vec<u8> {
        let mut old = index();
        fill(&mut old);
        while graph(&old).link_next(&mut Scratch::default()) {}
        let mut bytes = Vec::new();
        old.encode_graphs(&mut bytes);
        bytes
    }

    #[test]
    fn a_restart_links_nothing_again() {
        let bytes = saved();
        let mut new = index();
        let mut source = &bytes[..];
        assert!(new.begin_restore(&mut source).unwrap());
        assert!(source.is_empty());
        fill(&mut new);
        assert!(new.finish_restore());
        assert_eq!(graph(&new).pending(), 0);
        assert_eq!(graph(&new).len(), 40);
        let mut again = Vec::new();
        new.encode_graphs(&mut again);
        assert_eq!(again.len(), bytes.len());
    }

    proptest! {
        /// The entry of the fuzz target `search_graphs`.
        #[test]
        fn damaged_graphs_are_refused_or_built_anew(at in 0usize..4000, value in any::<u8>(), cut in prop::option::of(0usize..4000)) {
            let mut bytes = saved();
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(cut.unwrap_or(bytes.len()));
            let mut new = index();
            if new.begin_restore(&mut &bytes[..]).is_ok() {
                fill(&mut new);
                if !new.finish_restore() {
                    fill(&mut new);
                }
                prop_assert_eq!(graph(&new).len(), 40);
            }
        }
    }
}
