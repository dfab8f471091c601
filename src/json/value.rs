//! A document's memory, and reading it.
//!
//! # Representation
//! A document whose [flat form](super::layout) takes at most [`BLOCK`] bytes is one allocation of exactly that many
//! bytes. A container that takes more is a [`Tree`]: a list of chunks, each a run of consecutive children in flat form,
//! a stretch of a long packed array, or one child that is a tree itself. So a chunk is small enough to be rewritten as
//! a whole by any edit, a child is found by adding up the counts of chunks, and nothing but large containers pays for a
//! pointer.
//!
//! # Why
//! A tree of 16-byte values or of tagged pointers spends, on small documents, more on pointers and allocator rounding
//! than on content. An edit here copies one block (≤ 4 KB), which such trees save, and which is lost in the noise of a
//! command's round trip. `scripts/bench json` measures both sides.
//!
//! # Invariants
//! 1. Blocks are written by the builder only: every item is complete, every text UTF-8, every count right.
//! 2. No array is empty in packed form.
//! 3. Keys of an object are unique. A tree's `len` is the sum of its chunks' counts; no chunk is empty.
//! 4. Nesting is at most [`MAX_NESTED`](super::MAX_NESTED) containers, and in flat form no deeper than a block is long.

use super::key_index::KeyIndex;
use super::layout;
use super::number::Number;
use super::stack::deeper;
use super::width::{self, Width};

/// Largest run of more than one child, in bytes.
pub(super) const BLOCK: usize = 4096;
/// The same for objects of several chunks, in which a member is searched through a whole run.
pub(super) const MEMBERS_BLOCK: usize = 1024;
/// Largest stretch of a packed array, in bytes; longer ones are split.
pub(super) const PACKED_BLOCK: usize = 65_536;

/// One value and what owns it.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// One item in flat form.
    Flat(Box<[u8]>),
    /// A container too large for that.
    Tree(Box<Tree>),
}

impl Node {
    pub(super) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Node::Flat(item) => ValueRef(Repr::Item(item)),
            Node::Tree(tree) => ValueRef(Repr::Tree(tree)),
        }
    }
}

/// A container in chunks. Trees nest as deep as documents do: what follows them down takes stack as it needs it.
#[derive(Debug)]
pub(super) struct Tree {
    /// Object, else array.
    pub(super) object: bool,
    /// Number of children.
    pub(super) len: usize,
    pub(super) chunks: Vec<Chunk>,
    /// Number of children in all chunks up to and including each.
    pub(super) ends: Vec<u32>,
    /// Where keys are, for objects of 256 members and more.
    pub(super) index: Option<Box<KeyIndex>>,
}

/// Consecutive children of a [`Tree`].
#[derive(Debug, Clone)]
pub(super) enum Chunk {
    /// Children in flat form.
    Run { object: bool, count: u32, bytes: Box<[u8]> },
    /// Elements of a packed array.
    Packed { width: Width, bytes: Box<[u8]> },
    /// One child that is a tree; the key is empty in arrays.
    Tree { key: Box<[u8]>, tree: Box<Tree> },
}

/// What a value is, with its scalar content.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Any number.
    Number(Number),
    /// A string: UTF-8, unescaped.
    Str(&'a [u8]),
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A value inside a document. Copying it copies a pointer; reading it allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct ValueRef<'a>(pub(super) Repr<'a>);

#[derive(Debug, Clone, Copy)]
pub(super) enum Repr<'a> {
    /// Exactly one item.
    Item(&'a [u8]),
    /// A container in chunks.
    Tree(&'a Tree),
    /// An element of a packed array.
    Element(Width, &'a [u8]),
}

impl<'a> ValueRef<'a> {
    /// What the value is.
    pub fn kind(self) -> Kind<'a> {
        let item = match self.0 {
            Repr::Item(item) => item,
            Repr::Tree(tree) => return if tree.object { Kind::Object } else { Kind::Array },
            Repr::Element(width, bytes) => return Kind::Number(width.read(bytes)),
        };
        match item[0] {
            layout::NULL => Kind::Null,
            layout::FALSE => Kind::Bool(false),
            layout::TRUE => Kind::Bool(true),
            layout::OBJECT8 | layout::OBJECT16 => Kind::Object,
            _ => match (layout::str_bytes(item), layout::number(item)) {
                (Some(text), _) => Kind::Str(text),
                (_, Some(number)) => Kind::Number(number),
                _ => Kind::Array,
            },
        }
    }

    /// True for objects.
    pub fn is_object(self) -> bool {
        match self.0 {
            Repr::Item(item) => matches!(item[0], layout::OBJECT8 | layout::OBJECT16),
            Repr::Tree(tree) => tree.object,
            Repr::Element(..) => false,
        }
    }

    /// True for arrays.
    pub fn is_array(self) -> bool {
        match self.0 {
            Repr::Item(item) => {
                matches!(item[0], layout::ARRAY8 | layout::ARRAY16) || Width::of_packed(item[0]).is_some()
            }
            Repr::Tree(tree) => !tree.object,
            Repr::Element(..) => false,
        }
    }

    /// The number, of numbers.
    pub fn as_number(self) -> Option<Number> {
        match self.0 {
            Repr::Item(item) => layout::number(item),
            Repr::Tree(_) => None,
            Repr::Element(width, bytes) => Some(width.read(bytes)),
        }
    }

    /// The text, of strings.
    pub fn as_str(self) -> Option<&'a str> {
        self.as_str_bytes().and_then(|text| std::str::from_utf8(text).ok())
    }

    /// The UTF-8 of the text, of strings.
    pub fn as_str_bytes(self) -> Option<&'a [u8]> {
        match self.0 {
            Repr::Item(item) => layout::str_bytes(item),
            Repr::Tree(_) | Repr::Element(..) => None,
        }
    }

    /// The name that `JSON.TYPE` gives.
    pub fn type_name(self) -> &'static str {
        match self.kind() {
            Kind::Null => "null",
            Kind::Bool(_) => "boolean",
            Kind::Number(number) if number.is_integer() => "integer",
            Kind::Number(_) => "number",
            Kind::Str(_) => "string",
            Kind::Array => "array",
            Kind::Object => "object",
        }
    }

    /// Number of children of a container, 0 of a scalar.
    pub fn len(self) -> usize {
        match self.0 {
            Repr::Tree(tree) => tree.len,
            Repr::Element(..) => 0,
            Repr::Item(item) => match layout::container(item) {
                Some((_, count, _)) => count,
                None if Width::of_packed(item[0]).is_some() => layout::read_count(&item[1..]).0,
                None => 0,
            },
        }
    }

    /// True for scalars and empty containers.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The children in order, each with its key (empty in arrays). Nothing for scalars.
    pub fn children(self) -> Children<'a> {
        let none = Children { run: Run::Items(&[], false), chunks: [].iter() };
        match self.0 {
            Repr::Element(..) => none,
            Repr::Tree(tree) => Children { run: Run::Items(&[], false), chunks: tree.chunks.iter() },
            Repr::Item(item) => match (layout::container(item), layout::packed(item)) {
                (Some((object, _, run)), _) => Children { run: Run::Items(run, object), ..none },
                (_, Some((width, bytes))) => Children { run: Run::Packed(width, bytes), ..none },
                _ => none,
            },
        }
    }

    /// As [`ValueRef::children`], from that position on.
    pub fn children_from(self, start: usize) -> Children<'a> {
        match self.0 {
            Repr::Tree(tree) => {
                let (chunk, before) = tree.chunk_of(start);
                let mut children = Children { run: Run::Items(&[], false), chunks: tree.chunks[chunk..].iter() };
                children.skip_some(start - before);
                children
            }
            _ => {
                let mut children = self.children();
                children.skip_some(start);
                children
            }
        }
    }

    /// The elements of an array in order; the members' values of an object.
    pub fn elements(self) -> impl Iterator<Item = ValueRef<'a>> {
        self.children().map(|(_, value)| value)
    }

    /// The child at a position, with its key.
    pub fn child(self, index: usize) -> Option<(&'a [u8], ValueRef<'a>)> {
        match self.0 {
            Repr::Tree(tree) => tree.child(index),
            Repr::Item(item) => match layout::packed(item) {
                Some((width, bytes)) => element(width, bytes, index).map(|value| (&[] as &[u8], value)),
                None => self.children().nth(index),
            },
            Repr::Element(..) => None,
        }
    }

    /// The member with that key, and its position. `None` if there is none or this is no object.
    pub fn member(self, key: &[u8]) -> Option<(usize, ValueRef<'a>)> {
        match self.0 {
            Repr::Tree(tree) if tree.object => tree.member(key),
            Repr::Item(item) if self.is_object() => layout::container(item).and_then(|(_, _, run)| find_key(run, key)),
            _ => None,
        }
    }

    /// The numbers of a packed array, as one slice. Every array that is parsed is packed if its elements are all
    /// integers, or all written with fraction or exponent, and take up to 64 KB. Others, and some that were edited, are
    /// not: where this is `None`, read [`ValueRef::elements`].
    pub fn numbers(self) -> Option<Numbers<'a>> {
        let packed = match self.0 {
            Repr::Item(item) => layout::packed(item),
            Repr::Tree(tree) => match tree.chunks.as_slice() {
                [Chunk::Packed { width, bytes }] => Some((*width, &**bytes)),
                _ => None,
            },
            Repr::Element(..) => None,
        };
        packed.map(|(width, bytes)| Numbers { width, bytes })
    }

    /// Bytes of the value within the document: exactly, for what is part of a block; those of its blocks, else.
    pub fn byte_len(self) -> usize {
        match self.0 {
            Repr::Item(bytes) | Repr::Element(_, bytes) => bytes.len(),
            Repr::Tree(tree) => tree.byte_len(),
        }
    }

    /// Number of containers around the deepest value, this one included.
    pub(super) fn depth(self) -> usize {
        match self.0 {
            Repr::Element(..) => 0,
            Repr::Item(item) if layout::container(item).is_none() => usize::from(self.is_array()),
            _ => 1 + self.elements().map(ValueRef::depth).max().unwrap_or(0),
        }
    }

    /// True if at most `limit` containers are around any value, this one included.
    pub(super) fn nests_within(self, limit: usize) -> bool {
        match self.0 {
            Repr::Element(..) => true,
            Repr::Item(item) if layout::container(item).is_none() => limit > 0 || !self.is_array(),
            _ => limit > 0 && self.elements().all(|child| child.nests_within(limit - 1)),
        }
    }

    /// Equality of values: numbers by value, objects without regard to order.
    pub fn same(self, other: ValueRef<'_>) -> bool {
        self.equal(other, |a, b| a == b)
    }

    /// As [`ValueRef::same`], but an integer is no double: `1` is not `1.0`.
    pub fn identical(self, other: ValueRef<'_>) -> bool {
        self.equal(other, |a, b| a == b && a.is_integer() == b.is_integer())
    }

    fn equal(self, other: ValueRef<'_>, numbers: fn(Number, Number) -> bool) -> bool {
        match self.0 {
            Repr::Tree(_) => deeper(|| self.equal_any(other, numbers)),
            _ => self.equal_any(other, numbers),
        }
    }

    fn equal_any(self, other: ValueRef<'_>, numbers: fn(Number, Number) -> bool) -> bool {
        match (self.kind(), other.kind()) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::Number(a), Kind::Number(b)) => numbers(a, b),
            (Kind::Str(a), Kind::Str(b)) => a == b,
            (Kind::Array, Kind::Array) => {
                self.len() == other.len() && self.elements().zip(other.elements()).all(|(a, b)| a.equal(b, numbers))
            }
            (Kind::Object, Kind::Object) => {
                self.len() == other.len()
                    && self.children().all(|(key, a)| other.member(key).is_some_and(|(_, b)| a.equal(b, numbers)))
            }
            _ => false,
        }
    }
}

/// Finds a key in an object's run: its position and value.
pub(super) fn find_key<'a>(mut run: &'a [u8], key: &[u8]) -> Option<(usize, ValueRef<'a>)> {
    let mut index = 0;
    while !run.is_empty() {
        let (name, rest) = layout::split_key(run);
        let len = layout::item_len(rest);
        if name == key {
            return Some((index, ValueRef(Repr::Item(&rest[..len]))));
        }
        run = &rest[len..];
        index += 1;
    }
    None
}

/// The element at a position of a packed stretch.
pub(super) fn element(width: Width, bytes: &[u8], index: usize) -> Option<ValueRef<'_>> {
    let start = index.checked_mul(width.bytes())?;
    let end = start.checked_add(width.bytes())?;
    bytes.get(start..end).map(|bytes| ValueRef(Repr::Element(width, bytes)))
}

/// What a [`Children`] is in the middle of.
#[derive(Debug, Clone, Copy)]
enum Run<'a> {
    /// A run of items, with keys if true.
    Items(&'a [u8], bool),
    /// A stretch of packed numbers.
    Packed(Width, &'a [u8]),
}

/// Iterator over a container's children, see [`ValueRef::children`].
#[derive(Debug, Clone)]
pub struct Children<'a> {
    run: Run<'a>,
    chunks: std::slice::Iter<'a, Chunk>,
}

impl<'a> Children<'a> {
    /// Leaves out the first `count`, which are not more than there are; a stretch of packed numbers at once.
    fn skip_some(&mut self, count: usize) {
        match self.run {
            Run::Packed(width, bytes) => {
                let skipped = (count * width.bytes()).min(bytes.len());
                self.run = Run::Packed(width, &bytes[skipped..]);
            }
            _ if count > 0 => {
                self.nth(count - 1);
            }
            _ => {}
        }
    }

    /// The children of one chunk.
    pub(super) fn of_chunk(chunk: &'a Chunk) -> Children<'a> {
        Children { run: Run::Items(&[], false), chunks: std::slice::from_ref(chunk).iter() }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = (&'a [u8], ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.run {
                Run::Items([], _) | Run::Packed(_, []) => {}
                Run::Items(run, object) => {
                    let (key, run) = if object { layout::split_key(run) } else { (&[] as &[u8], run) };
                    let (item, rest) = layout::split_item(run);
                    self.run = Run::Items(rest, object);
                    return Some((key, ValueRef(Repr::Item(item))));
                }
                Run::Packed(width, bytes) => {
                    let (element, rest) = bytes.split_at(width.bytes());
                    self.run = Run::Packed(width, rest);
                    return Some((&[], ValueRef(Repr::Element(width, element))));
                }
            }
            match self.chunks.next()? {
                Chunk::Run { object, bytes, .. } => self.run = Run::Items(bytes, *object),
                Chunk::Packed { width, bytes } => self.run = Run::Packed(*width, bytes),
                Chunk::Tree { key, tree } => return Some((key, ValueRef(Repr::Tree(tree)))),
            }
        }
    }
}

/// A packed array of numbers.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    pub(super) width: Width,
    pub(super) bytes: &'a [u8],
}

impl Numbers<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width.bytes()
    }

    /// True for none (an empty array is not packed, so never).
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number at a position.
    pub fn get(&self, index: usize) -> Option<Number> {
        element(self.width, self.bytes, index).and_then(ValueRef::as_number)
    }

    /// Appends each number, rounded to single precision. Floats kept as f32 are copied.
    pub fn extend_f32(&self, out: &mut Vec<f32>) {
        match self.width {
            Width::F32Exact | Width::F32Short => {
                out.extend(self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes(width::first(b))));
            }
            width => out.extend(self.bytes.chunks_exact(width.bytes()).map(|b| width.read(b).as_f64() as f32)),
        }
    }

    /// Appends each number as a double.
    pub fn extend_f64(&self, out: &mut Vec<f64>) {
        out.extend(self.bytes.chunks_exact(self.width.bytes()).map(|b| self.width.read(b).as_f64()));
    }
}
