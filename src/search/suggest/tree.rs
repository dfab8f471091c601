//! A radix tree over folded texts.
//!
//! A node stands for the text from the root to it; its label is the last part of that text. Labels end between characters, so
//! who walks the tree meets whole characters. Nodes lie in one vector and name each other by their places in it.
//!
//! # Invariants
//! 1. A node's children are in the order of their labels, no two of which begin with the same character.
//! 2. Every node but the root has entries, or at least two children.
//! 3. `best` and `shortest` of a node are true of all entries below it and its own.
//! 4. Places of removed nodes are reused; when more are empty than are used, the vector is packed.

use super::entry::{Entry, char_len, chars, count_chars};

/// A node's place.
pub(super) type NodeId = u32;

/// The root's place.
pub(super) const ROOT: NodeId = 0;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub label: Box<[u8]>,
    pub children: Vec<NodeId>,
    pub entries: Vec<Entry>,
    /// The greatest score of its entries and those below.
    pub best: f32,
    /// The fewest characters of a text of its entries and those below, from the root.
    pub shortest: u32,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            label: Box::default(),
            children: Vec::new(),
            entries: Vec::new(),
            best: f32::NEG_INFINITY,
            shortest: u32::MAX,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    entries: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new(), entries: 0 }
    }
}

/// How many bytes two texts have in common at the front, in whole characters.
pub(super) fn common(one: &[u8], other: &[u8]) -> usize {
    chars(one).zip(chars(other)).take_while(|(a, b)| a == b).map(|(char, _)| char.len()).sum()
}

impl Tree {
    pub fn entries(&self) -> usize {
        self.entries
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
    fn child(&self, parent: NodeId, text: &[u8]) -> Result<usize, usize> {
        let first = &text[..char_len(text)];
        let of = |id: &NodeId| {
            let label = &self.node(*id).label;
            &label[..char_len(label)]
        };
        self.node(parent).children.binary_search_by(|id| of(id).cmp(first))
    }

    /// Has `change` change the entries of a text, whose node is made for it and goes when it is left without a use; what it returns.
    pub fn change(&mut self, text: &[u8], change: impl FnOnce(&mut Vec<Entry>) -> bool) -> bool {
        let changed = self.change_below(ROOT, text, 0, change);
        if self.free.len() > self.nodes.len() / 2 {
            self.pack();
        }
        changed
    }

    /// As [`Tree::change`], where `text` is what follows on the text of node `at`, which has `depth` characters.
    fn change_below(
        &mut self,
        at: NodeId,
        text: &[u8],
        depth: usize,
        change: impl FnOnce(&mut Vec<Entry>) -> bool,
    ) -> bool {
        let changed = if text.is_empty() {
            let node = self.node_mut(at);
            let before = node.entries.len();
            let changed = change(&mut node.entries);
            if node.entries.is_empty() {
                node.entries = Vec::new();
            }
            self.entries = self.entries + self.node(at).entries.len() - before;
            changed
        } else {
            let place = match self.child(at, text) {
                Ok(place) => {
                    self.split(at, place, text);
                    place
                }
                Err(place) => {
                    let leaf = self.make(Node { label: text.into(), ..Node::default() });
                    self.node_mut(at).children.insert(place, leaf);
                    place
                }
            };
            let child = self.node(at).children[place];
            let label = self.node(child).label.len();
            let below = depth + count_chars(&text[..label]);
            let changed = self.change_below(child, &text[label..], below, change);
            self.mend(at, place);
            changed
        };
        self.sum_up(at, depth);
        changed
    }

    /// Splits a child's label where `text` leaves it.
    fn split(&mut self, parent: NodeId, place: usize, text: &[u8]) {
        let child = self.node(parent).children[place];
        let shared = common(&self.node(child).label, text);
        if shared == self.node(child).label.len() {
            return;
        }
        let (front, back) = self.node(child).label.split_at(shared);
        let (front, back) = (Box::from(front), Box::from(back));
        self.node_mut(child).label = back;
        let middle = self.make(Node { label: front, children: vec![child], ..Node::default() });
        self.node_mut(parent).children[place] = middle;
    }

    /// Takes a child away that has no use any more: an empty leaf, or one that only leads on to another.
    fn mend(&mut self, parent: NodeId, place: usize) {
        let child = self.node(parent).children[place];
        if !self.node(child).entries.is_empty() {
            return;
        }
        match self.node(child).children[..] {
            [] => {
                self.node_mut(parent).children.remove(place);
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

    /// Brings `best` and `shortest` of a node of `depth` characters up to date.
    fn sum_up(&mut self, at: NodeId, depth: usize) {
        let node = self.node(at);
        let below = |id: &NodeId| (self.node(*id).best, self.node(*id).shortest);
        let own = node.entries.iter().map(|entry| {
            let length = entry.text.as_ref().map_or(depth, |text| count_chars(text));
            (entry.score, u32::try_from(length).unwrap_or(u32::MAX))
        });
        let start = (f32::NEG_INFINITY, u32::MAX);
        let (best, shortest) = own
            .chain(node.children.iter().map(below))
            .fold(start, |sum, (best, short)| (sum.0.max(best), sum.1.min(short)));
        let node = self.node_mut(at);
        (node.best, node.shortest) = (best, shortest);
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
    pub fn each(&self, show: &mut dyn FnMut(&[u8], &Entry)) {
        let mut text = Vec::new();
        // Node, and the length of the text before its label.
        let mut open = vec![(ROOT, 0)];
        while let Some((id, before)) = open.pop() {
            let node = self.node(id);
            text.truncate(before);
            text.extend_from_slice(&node.label);
            node.entries.iter().for_each(|entry| show(&text, entry));
            open.extend(node.children.iter().rev().map(|child| (*child, text.len())));
        }
    }

    /// Tells `count` the size of every allocation.
    pub fn allocations(&self, count: &mut dyn FnMut(usize)) {
        count(self.nodes.capacity() * size_of::<Node>());
        count(self.free.capacity() * size_of::<NodeId>());
        for node in &self.nodes {
            count(node.label.len());
            count(node.children.capacity() * size_of::<NodeId>());
            count(node.entries.capacity() * size_of::<Entry>());
            for entry in &node.entries {
                count(entry.text.as_ref().map_or(0, |text| text.len()));
                count(entry.payload.len());
            }
        }
    }

    /// Fails where an invariant does not hold.
    #[cfg(test)]
    pub fn check(&self) {
        let mut seen = 0;
        let mut open = vec![(ROOT, 0)];
        let mut entries = 0;
        while let Some((id, before)) = open.pop() {
            let node = self.node(id);
            seen += 1;
            entries += node.entries.len();
            assert!(id == ROOT || !node.entries.is_empty() || node.children.len() > 1, "a node without a use");
            let firsts: Vec<&[u8]> = node
                .children
                .iter()
                .map(|child| &self.node(*child).label[..char_len(&self.node(*child).label)])
                .collect();
            assert!(firsts.is_sorted_by(|a, b| a < b), "children in order");
            let depth = before + count_chars(&node.label);
            let mut again = self.clone();
            again.sum_up(id, depth);
            assert_eq!((again.node(id).best, again.node(id).shortest), (node.best, node.shortest));
            open.extend(node.children.iter().map(|child| (*child, depth)));
        }
        assert_eq!((seen, entries), (self.nodes(), self.entries));
        assert!(self.free.len() <= self.nodes.len() / 2);
    }
}
