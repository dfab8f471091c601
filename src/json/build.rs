//! Writes values: the one place where blocks are made, containers split into chunks and arrays of numbers packed.

use std::collections::{HashMap, HashSet};

use super::layout::{self, HEADER8, HEADER16};
use super::number::{FloatType, Number};
use super::value::{BLOCK, Chunk, MEMBERS_BLOCK, Node, PACKED_BLOCK, Repr, Tree, ValueRef};
use super::width::{PACKED, Width, common_width};

/// Objects up to this size are checked for duplicate keys pair by pair.
const PAIRWISE: usize = 24;

/// An open container.
#[derive(Debug)]
struct Frame {
    object: bool,
    /// Keys are known to be unique.
    unique: bool,
    /// Where in `out` the container's header stands.
    header: usize,
    /// Number of children in `out`.
    pending: usize,
    /// Where in `out` the child that is being written begins (its key, in an object).
    child: usize,
    chunks: Vec<Chunk>,
    /// While all children are numbers, they are in `numbers` from here on, not in `out`.
    numbers: Option<usize>,
}

impl Frame {
    fn run(&self) -> usize {
        self.header + HEADER8
    }
}

/// Takes a value as events, in document order, and makes its node.
#[derive(Debug, Default)]
pub(super) struct Builder {
    out: Vec<u8>,
    numbers: Vec<Number>,
    frames: Vec<Frame>,
    root: Option<Box<Tree>>,
    /// What arrays of numbers are rounded to.
    pub(super) floats: Option<FloatType>,
    /// A number was out of that type's range.
    pub(super) overflow: bool,
}

impl Builder {
    /// With room for about that many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Builder {
        Builder { out: Vec::with_capacity(bytes), ..Builder::default() }
    }

    /// Opens an array.
    pub(super) fn begin_array(&mut self) {
        self.begin(false, true);
    }

    /// Opens an object. Unless its keys are known to be unique, the last of equal ones wins, at the first's place.
    pub(super) fn begin_object(&mut self, unique: bool) {
        self.begin(true, unique);
    }

    fn begin(&mut self, object: bool, unique: bool) {
        self.before_item();
        let numbers = (!object).then_some(self.numbers.len());
        let header = self.out.len();
        self.out.extend_from_slice(&[0; HEADER8]);
        let child = self.out.len();
        self.frames.push(Frame { object, unique, header, pending: 0, child, chunks: Vec::new(), numbers });
    }

    /// The key of the value that comes next.
    pub(super) fn key(&mut self, key: &[u8]) {
        layout::write_key(key, &mut self.out);
    }

    /// The key, if an object is open.
    pub(super) fn key_in_object(&mut self, key: &[u8]) {
        if self.frames.last().is_some_and(|frame| frame.object) {
            self.key(key);
        }
    }

    pub(super) fn null(&mut self) {
        self.item(&[layout::NULL]);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.item(&[if value { layout::TRUE } else { layout::FALSE }]);
    }

    pub(super) fn str(&mut self, text: &[u8]) {
        self.before_item();
        layout::write_str(text, &mut self.out);
        self.after_item();
    }

    pub(super) fn number(&mut self, number: Number) {
        if let Some(Frame { numbers: Some(_), .. }) = self.frames.last() {
            self.numbers.push(number);
            return;
        }
        layout::write_number(number, &mut self.out);
        self.after_item();
    }

    /// A copy of a value.
    pub(super) fn value(&mut self, value: ValueRef<'_>) {
        match value.0 {
            Repr::Element(width, bytes) => self.number(width.read(bytes)),
            Repr::Item(item) => match layout::number(item) {
                Some(number) => self.number(number),
                None => self.item(item),
            },
            Repr::Tree(tree) => self.tree(Box::new(tree.clone())),
        }
    }

    /// The children of a container, into the one that is open.
    pub(super) fn children<'v>(&mut self, children: impl Iterator<Item = (&'v [u8], ValueRef<'v>)>) {
        let object = self.frames.last().is_some_and(|frame| frame.object);
        for (key, value) in children {
            if object {
                self.key(key);
            }
            self.value(value);
        }
    }

    /// An array of numbers in packed form, at most [`PACKED_BLOCK`] bytes.
    pub(super) fn packed(&mut self, width: Width, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.item(&[layout::ARRAY8, 0, 0]);
        }
        self.before_item();
        self.out.push(width as u8 + PACKED);
        layout::write_count(bytes.len() / width.bytes(), &mut self.out);
        self.out.extend_from_slice(bytes);
        self.after_item();
    }

    /// A value that is given away.
    pub(super) fn node(&mut self, node: Node) {
        match node {
            Node::Flat(_) => self.value(node.as_ref()),
            Node::Tree(tree) => self.tree(tree),
        }
    }

    fn item(&mut self, item: &[u8]) {
        self.before_item();
        self.out.extend_from_slice(item);
        self.after_item();
    }

    /// Before anything but a number is written: an array that hoped to be packed is not.
    fn before_item(&mut self) {
        let Some(frame) = self.frames.last_mut() else { return };
        let Some(start) = frame.numbers.take() else { return };
        for at in start..self.numbers.len() {
            layout::write_number(self.numbers[at], &mut self.out);
            self.after_item();
        }
        self.numbers.truncate(start);
    }

    /// After an item is written: counts it, and cuts a chunk when the run has become long.
    fn after_item(&mut self) {
        let Some(frame) = self.frames.last_mut() else { return };
        frame.pending += 1;
        let (run, child) = (frame.run(), frame.child);
        let block = if frame.object && !frame.chunks.is_empty() { MEMBERS_BLOCK } else { BLOCK };
        if self.out.len() - run > block {
            if child > run {
                let last = self.out.split_off(child);
                frame.pending -= 1;
                Self::cut(&mut self.out, frame);
                self.out.extend_from_slice(&last);
                frame.pending = 1;
            }
            if self.out.len() - run > block / 2 {
                Self::cut(&mut self.out, frame);
            }
        }
        frame.child = self.out.len();
    }

    /// Makes the pending children a chunk.
    fn cut(out: &mut Vec<u8>, frame: &mut Frame) {
        if frame.pending > 0 {
            let (bytes, count) = (Box::from(&out[frame.run()..]), frame.pending as u32);
            frame.chunks.push(Chunk::Run { object: frame.object, count, bytes });
        }
        out.truncate(frame.run());
        frame.pending = 0;
        frame.child = out.len();
    }

    fn tree(&mut self, tree: Box<Tree>) {
        self.before_item();
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(tree);
            return;
        };
        let key: Box<[u8]> =
            if frame.object { Box::from(layout::split_key(&self.out[frame.child..]).0) } else { Box::default() };
        self.out.truncate(frame.child);
        Self::cut(&mut self.out, frame);
        frame.chunks.push(Chunk::Tree { key, tree });
    }

    /// Closes the container that was opened last.
    pub(super) fn end(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        if let Some(start) = frame.numbers {
            if self.numbers.len() > start && self.end_packed(&frame, start) {
                return;
            }
            frame.numbers = Some(start);
            self.frames.push(frame);
            self.before_item();
            return self.end();
        }
        if frame.object && !frame.unique && has_duplicates(&self.out[frame.run()..], frame.pending, &frame.chunks) {
            return self.end_deduplicated(frame);
        }
        if frame.chunks.is_empty() {
            self.write_header(&frame);
            return self.after_item();
        }
        Self::cut(&mut self.out, &mut frame);
        self.out.truncate(frame.header);
        self.tree(Box::new(Tree::new(frame.object, frame.chunks)));
    }

    fn write_header(&mut self, frame: &Frame) {
        let len = self.out.len() - frame.run();
        let header = &mut self.out[frame.header..];
        if len < 256 && frame.pending < 256 {
            header[0] = if frame.object { layout::OBJECT8 } else { layout::ARRAY8 };
            header[1] = len as u8;
            header[2] = frame.pending as u8;
            return;
        }
        header[0] = if frame.object { layout::OBJECT16 } else { layout::ARRAY16 };
        self.out.extend_from_slice(&[0; HEADER16 - HEADER8]);
        let end = self.out.len() - (HEADER16 - HEADER8);
        self.out.copy_within(frame.run()..end, frame.header + HEADER16);
        self.out[frame.header + 1..][..2].copy_from_slice(&(len as u16).to_le_bytes());
        self.out[frame.header + 3..][..2].copy_from_slice(&(frame.pending as u16).to_le_bytes());
    }

    /// Packs the array's numbers, if one kind holds them all.
    fn end_packed(&mut self, frame: &Frame, start: usize) -> bool {
        self.round(start);
        let Some(width) = common_width(&self.numbers[start..]) else { return false };
        let numbers = self.numbers.split_off(start);
        self.out.truncate(frame.header);
        if numbers.len() * width.bytes() <= PACKED_BLOCK {
            self.before_item();
            self.out.push(width as u8 + PACKED);
            layout::write_count(numbers.len(), &mut self.out);
            numbers.iter().for_each(|number| width.write(*number, &mut self.out));
            self.after_item();
            return true;
        }
        self.tree(Box::new(Tree::new(false, packed_chunks(&numbers, width))));
        true
    }

    /// Rounds an array of numbers to what was asked for.
    fn round(&mut self, start: usize) {
        let Some(floats) = self.floats else { return };
        for number in &mut self.numbers[start..] {
            let rounded = floats.round(number.as_f64());
            self.overflow |= rounded.is_infinite();
            *number = Number::Float(rounded);
        }
    }

    /// Closes an object in which keys repeat: each key's last value at its first place.
    fn end_deduplicated(&mut self, mut frame: Frame) {
        Self::cut(&mut self.out, &mut frame);
        self.out.truncate(frame.header);
        let all = Tree::new(true, frame.chunks);
        let last: HashMap<&[u8], ValueRef<'_>> = ValueRef(Repr::Tree(&all)).children().collect();
        let mut seen = HashSet::with_capacity(last.len());
        let mut inner = Builder::default();
        inner.begin_object(true);
        for (key, _) in ValueRef(Repr::Tree(&all)).children() {
            if seen.insert(key) {
                inner.key(key);
                inner.value(last[key]);
            }
        }
        inner.end();
        self.node(inner.finish());
    }

    /// The value, when every container has been closed.
    pub(super) fn finish(mut self) -> Node {
        match self.root.take() {
            Some(tree) => Node::Tree(tree),
            None => Node::Flat(self.out.into_boxed_slice()),
        }
    }

    /// The chunks of the one open container, whose children were written to replace others of a tree.
    pub(super) fn finish_chunks(mut self) -> Vec<Chunk> {
        let Some(mut frame) = self.frames.pop() else { return Vec::new() };
        if let Some(start) = frame.numbers {
            match common_width(&self.numbers[start..]) {
                Some(width) if self.numbers.len() > start => return packed_chunks(&self.numbers[start..], width),
                _ => {}
            }
            self.frames.push(frame);
            self.before_item();
            return self.finish_chunks();
        }
        Self::cut(&mut self.out, &mut frame);
        frame.chunks
    }
}

/// Numbers that `width` holds, in stretches.
fn packed_chunks(numbers: &[Number], width: Width) -> Vec<Chunk> {
    let stretch = |numbers: &[Number]| {
        let mut bytes = Vec::with_capacity(numbers.len() * width.bytes());
        numbers.iter().for_each(|number| width.write(*number, &mut bytes));
        Chunk::Packed { width, bytes: bytes.into_boxed_slice() }
    };
    numbers.chunks(PACKED_BLOCK / width.bytes()).map(stretch).collect()
}

/// True if a key of the object occurs twice.
fn has_duplicates(run: &[u8], pending: usize, chunks: &[Chunk]) -> bool {
    if chunks.is_empty() && pending <= PAIRWISE {
        let mut keys: [&[u8]; PAIRWISE] = [&[]; PAIRWISE];
        let mut rest = run;
        for at in 0..pending {
            let (key, tail) = layout::split_key(rest);
            if keys[..at].contains(&key) {
                return true;
            }
            keys[at] = key;
            rest = &tail[layout::item_len(tail)..];
        }
        return false;
    }
    let mut seen = HashSet::new();
    let mut rest = run;
    while !rest.is_empty() {
        let (key, tail) = layout::split_key(rest);
        if !seen.insert(key) {
            return true;
        }
        rest = &tail[layout::item_len(tail)..];
    }
    chunks.iter().flat_map(Chunk::keys).any(|key| !seen.insert(key))
}
