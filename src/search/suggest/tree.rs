//! A burst trie over folded texts (Heinz, Zobel, Williams: Burst tries, ACM TOIS 20(2), 2002).
//!
//! A node stands for the text from the root to it; its label is the last part of that text. Labels end between characters, so
//! who walks the tree meets whole characters. A leaf holds some dozens of entries in one [`Packed`] list, with what follows on
//! its text. When they become too many, the leaf bursts: it gets a child for each character that its entries go on with, and
//! keeps only the entries that are its own text. When few are left below a node, it takes them back. So an entry costs 20 to
//! 50 bytes beyond its text. Nodes lie in one vector and name each other by their places in it.
//!
//! # Invariants
//! 1. A node's children are in the order of their labels, no two of which begin with the same character.
//! 2. A node with children has entries of its own text only, and unless it is the root either those or at least two children.
//!    Every other node but the root has entries.
//! 3. A leaf has at most [`MOST`] entries in at most [`ROOM`] bytes, unless they are one text.
//! 4. `below` of a node is true of all entries below it and its own.
//! 5. Places of removed nodes are reused; when more are empty than are used, the vector is packed.

use super::entry::{Entry, char_len, common};
use super::packed::{Change, Packed, Summary};

/// A node's place.
pub(super) type NodeId = u32;

/// The root's place.
pub(super) const ROOT: NodeId = 0;

/// A leaf of more entries bursts.
const MOST: u32 = 64;
/// A leaf of more bytes bursts, so that a long payload is not copied whenever a neighbour changes.
const ROOM: usize = 4096;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub label: Box<[u8]>,
    pub children: Box<[NodeId]>,
    pub packed: Packed,
    /// Of its entries and those below.
    pub below: Summary,
}

impl Default for Node {
    fn default() -> Self {
        Self { label: Box::default(), children: Box::default(), packed: Packed::default(), below: Summary::NOTHING }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new() }
    }
}

impl Tree {
    pub fn entries(&self) -> usize {
        self.node(ROOT).below.count as usize
    }

    pub fn nodes(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    /// The place of the child whose label begins with the first character of `text`, or where it would stand.
    pub fn child(&self, parent: NodeId, text: &[u8]) -> Result<usize, usize> {
        let first = &text[..char_len(text)];
        let of = |id: &NodeId| {
            let label = &self.node(*id).label;
            &label[..char_len(label)]
        };
        self.node(parent).children.binary_search_by(|id| of(id).cmp(first))
    }

    /// Changes the entry of a folded text; whether anything changed.
    pub fn change(&mut self, text: &[u8], original: Option<&[u8]>, change: Change<'_>) -> bool {
        let changed = self.change_below(ROOT, text, original, change);
        if self.free.len() > self.nodes.len() / 2 {
            self.pack();
        }
        changed
    }

    /// As [`Tree::change`], where `text` is what follows on the text of node `at`.
    fn change_below(&mut self, at: NodeId, text: &[u8], original: Option<&[u8]>, change: Change<'_>) -> bool {
        let node = self.node_mut(at);
        let changed = if text.is_empty() || node.children.is_empty() {
            node.packed.change(text, original, change)
        } else {
            let Some(place) = self.way(at, text, change) else { return false };
            let child = self.node(at).children[place];
            let rest = &text[self.node(child).label.len()..];
            let changed = self.change_below(child, rest, original, change);
            if changed {
                self.mend(at, place);
            }
            changed
        };
        if changed {
            self.take_back(at);
            self.burst(at);
            self.sum_up(at);
        }
        changed
    }

    /// The place of the child that leads to `text`, which is made if something is to be put there.
    fn way(&mut self, at: NodeId, text: &[u8], change: Change<'_>) -> Option<usize> {
        let is_put = matches!(change, Change::Put { .. });
        match self.child(at, text) {
            Ok(place) => {
                let child = self.node(at).children[place];
                let shared = common(&self.node(child).label, text);
                let is_whole = shared == self.node(child).label.len();
                if !is_whole && is_put {
                    self.split(at, place, shared);
                }
                (is_whole || is_put).then_some(place)
            }
            Err(place) => is_put.then(|| {
                let leaf = self.make(Node { label: text[..char_len(text)].into(), ..Node::default() });
                let mut children = std::mem::take(&mut self.node_mut(at).children).into_vec();
                children.insert(place, leaf);
                self.node_mut(at).children = children.into();
                place
            }),
        }
    }

    /// Splits a child's label after so many bytes.
    fn split(&mut self, parent: NodeId, place: usize, shared: usize) {
        let child = self.node(parent).children[place];
        let (front, back) = self.node(child).label.split_at(shared);
        let (front, back) = (Box::from(front), Box::from(back));
        self.node_mut(child).label = back;
        let middle = self.make(Node { label: front, children: [child].into(), ..Node::default() });
        self.node_mut(parent).children[place] = middle;
    }

    /// Takes a child away that has no use any more: an empty leaf, or one that only leads on to another.
    fn mend(&mut self, parent: NodeId, place: usize) {
        let child = self.node(parent).children[place];
        if !self.node(child).packed.is_empty() {
            return;
        }
        match self.node(child).children[..] {
            [] => {
                let mut children = std::mem::take(&mut self.node_mut(parent).children).into_vec();
                children.remove(place);
                self.node_mut(parent).children = children.into();
                self.release(child);
            }
            [only] => {
                let label = [&self.node(child).label[..], &self.node(only).label].concat();
                self.node_mut(only).label = label.into();
                self.node_mut(parent).children[place] = only;
                self.release(child);
            }
            _ => {}
        }
    }

    /// Makes a leaf of a node again below which little is left.
    fn take_back(&mut self, at: NodeId) {
        let node = self.node(at);
        let children = || node.children.iter().map(|child| self.node(*child));
        if node.children.is_empty() || children().any(|child| !child.children.is_empty()) {
            return;
        }
        let count = node.packed.summary().count + children().map(|child| child.below.count).sum::<u32>();
        let bytes = |node: &Node| node.packed.bytes() + node.below.count as usize * node.label.len();
        if count > MOST / 4 || node.packed.bytes() + children().map(bytes).sum::<usize>() > ROOM / 4 {
            return;
        }
        let own = node.packed.entries().map(|entry| (&[][..], entry));
        let of_child = |child: NodeId| {
            let child = self.node(child);
            child.packed.entries().map(|entry| (&child.label[..], entry))
        };
        let packed = Packed::of(own.chain(node.children.iter().flat_map(|child| of_child(*child))));
        let node = self.node_mut(at);
        node.packed = packed;
        std::mem::take(&mut node.children).into_iter().for_each(|child| self.release(child));
    }

    /// Gives the entries of a leaf to children, if it has too many.
    fn burst(&mut self, at: NodeId) {
        loop {
            let node = self.node(at);
            if !node.children.is_empty()
                || (node.packed.bytes() <= ROOM && node.packed.summary().count <= MOST)
                || node.packed.entries().all(|entry| entry.suffix.is_empty())
            {
                return;
            }
            let first = node.packed.entries().next().map_or(&[][..], |entry| entry.suffix);
            let last = node.packed.entries().last().map_or(&[][..], |entry| entry.suffix);
            let shared = if at == ROOT { 0 } else { common(first, last) };
            if shared == 0 {
                break;
            }
            // All go on alike: that belongs to the label.
            let label = [&node.label[..], &first[..shared]].concat();
            let packed = Packed::of(node.packed.entries().map(|entry| after(entry, shared)));
            let node = self.node_mut(at);
            (node.label, node.packed) = (label.into(), packed);
        }
        let old = std::mem::take(&mut self.node_mut(at).packed);
        let entries: Vec<Entry<'_>> = old.entries().collect();
        let mut children = Vec::new();
        for group in entries.chunk_by(|one, next| first_char(one) == first_char(next)) {
            let label = first_char(&group[0]);
            let packed = Packed::of(group.iter().map(|entry| after(*entry, label.len())));
            if label.is_empty() {
                self.node_mut(at).packed = packed;
                continue;
            }
            let child = self.make(Node { label: label.into(), packed, ..Node::default() });
            self.burst(child);
            self.sum_up(child);
            children.push(child);
        }
        self.node_mut(at).children = children.into();
    }

    /// Brings `below` of a node up to date.
    fn sum_up(&mut self, at: NodeId) {
        self.node_mut(at).below = self.sum(at);
    }

    /// What the entries of a node come to with those of its children.
    fn sum(&self, at: NodeId) -> Summary {
        let node = self.node(at);
        let children = node.children.iter().map(|child| self.node(*child).below);
        children.fold(node.packed.summary(), Summary::and)
    }

    fn make(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.free.pop() {
            *self.node_mut(id) = node;
            return id;
        }
        self.nodes.push(node);
        NodeId::try_from(self.nodes.len() - 1).expect("memory for less than 2^32 nodes")
    }

    fn release(&mut self, id: NodeId) {
        *self.node_mut(id) = Node::default();
        self.free.push(id);
    }

    /// Moves all nodes to the front of a new vector.
    fn pack(&mut self) {
        let mut old = std::mem::take(&mut self.nodes);
        self.nodes = Vec::with_capacity(old.len() - self.free.len());
        self.free = Vec::new();
        self.nodes.push(std::mem::take(&mut old[ROOT as usize]));
        // A node's children follow once it has its place.
        let mut next = 0;
        while next < self.nodes.len() {
            for nth in 0..self.nodes[next].children.len() {
                let child = std::mem::take(&mut old[self.nodes[next].children[nth] as usize]);
                self.nodes[next].children[nth] = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
                self.nodes.push(child);
            }
            next += 1;
        }
    }

    /// Shows every entry with its folded text, in the order of these.
    pub fn each(&self, show: &mut dyn FnMut(&[u8], &Entry<'_>)) {
        let mut text = Vec::new();
        // Node, and the length of the text before its label.
        let mut open = vec![(ROOT, 0)];
        while let Some((id, before)) = open.pop() {
            let node = self.node(id);
            text.truncate(before);
            text.extend_from_slice(&node.label);
            let here = text.len();
            for entry in node.packed.entries() {
                text.extend_from_slice(entry.suffix);
                show(&text, &entry);
                text.truncate(here);
            }
            open.extend(node.children.iter().rev().map(|child| (*child, here)));
        }
    }

    /// Tells `count` the size of every allocation.
    pub fn allocations(&self, count: &mut dyn FnMut(usize)) {
        count(self.nodes.capacity() * size_of::<Node>());
        count(self.free.capacity() * size_of::<NodeId>());
        for node in &self.nodes {
            count(node.label.len());
            count(node.children.len() * size_of::<NodeId>());
            count(node.packed.bytes());
        }
    }

    /// Fails where an invariant does not hold.
    #[cfg(test)]
    pub fn check(&self) {
        use super::entry::by_chars;
        let (mut seen, mut entries) = (0, 0);
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            let node = self.node(id);
            seen += 1;
            let own: Vec<Entry<'_>> = node.packed.entries().collect();
            entries += own.len();
            assert!(
                own.is_sorted_by(|one, next| {
                    by_chars(one.suffix, next.suffix).then_with(|| one.original.cmp(&next.original)).is_lt()
                }),
                "entries in order"
            );
            if node.children.is_empty() {
                let is_small = own.len() <= MOST as usize && node.packed.bytes() <= ROOM;
                assert!(is_small || own.iter().all(|entry| entry.suffix.is_empty()), "a leaf that should burst");
                assert!(id == ROOT || !own.is_empty(), "an empty leaf");
            } else {
                assert!(own.iter().all(|entry| entry.suffix.is_empty()), "entries of children");
                assert!(id == ROOT || !own.is_empty() || node.children.len() > 1, "a node without a use");
            }
            let label = |id: &NodeId| &self.node(*id).label;
            let firsts: Vec<&[u8]> =
                node.children.iter().map(|child| &label(child)[..char_len(label(child))]).collect();
            assert!(firsts.is_sorted_by(|a, b| a < b), "children in order");
            assert_eq!(self.sum(id), node.below);
            open.extend(&node.children);
        }
        assert_eq!((seen, entries), (self.nodes(), self.entries()));
        assert!(self.free.len() <= self.nodes.len() / 2);
    }
}

/// The first character of what follows on the node's text.
fn first_char<'a>(entry: &Entry<'a>) -> &'a [u8] {
    &entry.suffix[..char_len(entry.suffix)]
}

/// An entry for a node whose text is so many bytes longer.
fn after(entry: Entry<'_>, bytes: usize) -> (&'static [u8], Entry<'_>) {
    (&[], Entry { suffix: &entry.suffix[bytes..], ..entry })
}
