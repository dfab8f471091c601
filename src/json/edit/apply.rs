//! Carrying out changes: a list of places and what happens there, in one pass over the blocks concerned.
//!
//! A number or a truth value that fits where the old one stood is written over it. Otherwise the block around it is
//! copied with the change; the other chunks of a tree stay where they are.

use crate::json::build::Builder;
use crate::json::layout::{self, HEADER8, HEADER16};
use crate::json::stack::{at_depth, deeper};
use crate::json::value::{BLOCK, Children, Chunk, Node, PACKED_BLOCK, Repr, Tree, ValueRef};
use crate::json::width::{Width, is_float_of, width_of};
use crate::json::{Document, Number};

use super::change::{Change, Placed};

/// Makes all changes. Places are distinct and mean the document as it was; where one is inside another, the inner
/// change is made first. Each block that a change concerns is walked once, whatever the number of changes in it.
pub(super) fn apply(document: &mut Document, mut changes: Vec<Placed<'_>>) {
    if !changes.is_sorted_by(|a, b| a.0 <= b.0) {
        changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    }
    let Some((place, first)) = changes.first() else { return };
    let replaced = place.is_empty() && changes.len() == 1 && matches!(first, Change::Put(_) | Change::Empty);
    if let Node::Flat(item) = &mut document.root
        && overwrite_item(item, &changes, 0)
    {
        return;
    }
    match &mut document.root {
        Node::Tree(tree) if !replaced && !own(&changes, 0).is_some_and(|own| own.replaces(tree)) => {
            change_tree(tree, &changes, 0);
            if is_small(tree) {
                let mut builder = Builder::with_capacity(BLOCK);
                flatten(&mut builder, ValueRef(Repr::Tree(tree)));
                document.root = builder.finish();
            }
        }
        root => {
            let mut builder = Builder::with_capacity(root.as_ref().byte_len().min(BLOCK) + 64);
            rewrite(&mut builder, root.as_ref(), &changes, 0);
            *root = builder.finish();
        }
    }
}

/// The change of the value at that depth itself, which comes before those inside.
fn own<'c, 'v>(changes: &'c [Placed<'v>], depth: usize) -> Option<&'c Change<'v>> {
    changes.first().filter(|(place, _)| place.len() == depth).map(|(_, change)| change)
}

impl Change<'_> {
    /// True if the change makes another value of a container, instead of changing what is in it.
    fn replaces(&self, tree: &Tree) -> bool {
        match self {
            Change::Splice { .. } | Change::Keep { .. } | Change::Members(_) => false,
            Change::Merge(_) => !tree.object,
            _ => true,
        }
    }
}

/// Where in a run the child at position `at` begins, after its key, if that of position `from` begins at `start`, before its
/// key.
fn skip(run: &[u8], object: bool, start: usize, from: usize, at: usize) -> usize {
    let mut rest = &run[start..];
    for position in from..=at {
        rest = if object { layout::split_key(rest).1 } else { rest };
        if position < at {
            rest = &rest[layout::item_len(rest)..];
        }
    }
    run.len() - rest.len()
}

/// Writes numbers and truth values over those of the same form in a run whose first child is number `base`. False if a
/// change has to be made the long way; then some may have been made, and are made again.
fn overwrite_run(run: &mut [u8], object: bool, base: usize, mut changes: &[Placed<'_>], depth: usize) -> bool {
    let (mut start, mut from) = (0, base);
    while let Some((place, _)) = changes.first() {
        let at = place[depth] as usize;
        let (here, later) = changes.split_at(through(changes, depth, at));
        changes = later;
        let item = skip(run, object, start, from, at);
        if !overwrite_item(&mut run[item..], here, depth + 1) {
            return false;
        }
        (start, from) = (item + layout::item_len(&run[item..]), at + 1);
    }
    true
}

/// As [`overwrite_run`], for the item at the front of `bytes`, which is `depth` deep.
fn overwrite_item(bytes: &mut [u8], changes: &[Placed<'_>], depth: usize) -> bool {
    if let Some(change) = own(changes, depth) {
        return changes.len() == 1 && overwrite_scalar(bytes, change);
    }
    let (head, object) = match bytes[0] {
        layout::ARRAY8 => (HEADER8, false),
        layout::OBJECT8 => (HEADER8, true),
        layout::ARRAY16 => (HEADER16, false),
        layout::OBJECT16 => (HEADER16, true),
        tag => {
            let Some(width) = Width::of_packed(tag) else { return false };
            let (_, head) = layout::read_count(&bytes[1..]);
            return overwrite_packed(width, &mut bytes[1 + head..], 0, changes, depth);
        }
    };
    overwrite_run(&mut bytes[head..], object, 0, changes, depth)
}

fn overwrite_scalar(bytes: &mut [u8], change: &Change<'_>) -> bool {
    match (change, bytes[0]) {
        (Change::Bool(value), layout::TRUE | layout::FALSE) => {
            bytes[0] = if *value { layout::TRUE } else { layout::FALSE };
            true
        }
        (Change::Number(Number::Int(small @ 0..64)), layout::SMALL_INT..layout::SMALL_STR) => {
            bytes[0] = layout::SMALL_INT + *small as u8;
            true
        }
        (_, tag) => match Width::of_tag(tag) {
            Some(width) => overwrite_element(width, &mut bytes[1..], change),
            None => false,
        },
    }
}

/// As [`overwrite_run`], for a stretch of packed numbers.
fn overwrite_packed(width: Width, bytes: &mut [u8], base: usize, changes: &[Placed<'_>], depth: usize) -> bool {
    changes.iter().all(|(place, change)| {
        let at = (place[depth] as usize - base) * width.bytes();
        place.len() == depth + 1 && overwrite_element(width, &mut bytes[at..], change)
    })
}

fn overwrite_element(width: Width, bytes: &mut [u8], change: &Change<'_>) -> bool {
    let Change::Number(number) = change else { return false };
    if !holds(width, *number) {
        return false;
    }
    let mut out = Vec::with_capacity(8);
    width.write(*number, &mut out);
    bytes[..out.len()].copy_from_slice(&out);
    true
}

/// True if a number of that kind can be this number.
fn holds(width: Width, number: Number) -> bool {
    match (width, number) {
        (Width::F64, Number::Float(_)) => true,
        (Width::I8 | Width::I16 | Width::I32 | Width::I64, Number::Int(_)) => width_of(number).bytes() <= width.bytes(),
        (width, Number::Float(value)) => is_float_of(width, value),
        (width, _) => width_of(number) == width,
    }
}

/// Writes `value` with the changes, whose places all pass through it; `depth` is its own.
fn rewrite(builder: &mut Builder, value: ValueRef<'_>, changes: &[Placed<'_>], depth: usize) {
    let (own, inner) = match changes.split_first() {
        Some((first, rest)) if first.0.len() == depth => (Some(&first.1), rest),
        _ => (None, changes),
    };
    match own {
        None => rewrite_inner(builder, value, inner, depth),
        Some(change) if inner.is_empty() => put(builder, value, change),
        Some(change) => {
            let mut before = Builder::default();
            rewrite_inner(&mut before, value, inner, depth);
            put(builder, before.finish().as_ref(), change);
        }
    }
}

fn rewrite_inner(builder: &mut Builder, value: ValueRef<'_>, changes: &[Placed<'_>], depth: usize) {
    if changes.is_empty() {
        return builder.value(value);
    }
    begin_like(builder, value);
    at_depth(depth, || rewrite_children(builder, value.children(), 0, changes, depth));
    builder.end();
}

fn begin_like(builder: &mut Builder, value: ValueRef<'_>) {
    if value.is_object() { builder.begin_object(true) } else { builder.begin_array() }
}

/// Writes children, the first of which is number `base` of its container, with the changes that concern them.
fn rewrite_children<'c, 'v>(
    builder: &mut Builder,
    children: impl Iterator<Item = (&'c [u8], ValueRef<'c>)>,
    base: usize,
    changes: &[Placed<'v>],
    depth: usize,
) {
    let mut changes = changes;
    for (index, (key, child)) in children.enumerate() {
        let (here, later) = changes.split_at(through(changes, depth, base + index));
        changes = later;
        if let [(place, Change::Remove)] = here
            && place.len() == depth + 1
        {
            continue;
        }
        builder.key_in_object(key);
        if here.is_empty() { builder.value(child) } else { rewrite(builder, child, here, depth + 1) }
    }
}

/// How many of the changes, sorted, pass through child `index` at that depth.
fn through(changes: &[Placed<'_>], depth: usize, index: usize) -> usize {
    changes.iter().take_while(|(place, _)| place.get(depth).is_some_and(|at| *at as usize <= index)).count()
}

/// Writes what a value becomes.
fn put(builder: &mut Builder, value: ValueRef<'_>, change: &Change<'_>) {
    match change {
        Change::Remove => {}
        Change::Put(new) => builder.value(*new),
        Change::Number(number) => builder.number(*number),
        Change::Bool(new) => builder.bool(*new),
        Change::Str(text) => builder.str(text),
        Change::Empty => {
            begin_like(builder, value);
            builder.end();
        }
        Change::Merge(patch) => patch.write_merged(builder, value),
        Change::Members(members) => {
            builder.begin_object(true);
            builder.children(value.children());
            builder.children(members.iter().copied());
            builder.end();
        }
        Change::Keep { start, end } => put_array(builder, value, [*start..*end, *end..*end], &[]),
        Change::Splice { at, remove, insert } => {
            put_array(builder, value, [0..*at, at + remove..value.len()], insert);
        }
    }
}

/// Writes an array: the elements of `value` in the first range, `insert`, then those in the second.
fn put_array(builder: &mut Builder, value: ValueRef<'_>, keep: [std::ops::Range<usize>; 2], insert: &[ValueRef<'_>]) {
    if let Some(numbers) = value.numbers()
        && insert.iter().all(|new| new.as_number().is_some_and(|number| holds(numbers.width, number)))
    {
        let mut bytes = Vec::with_capacity(numbers.bytes.len() + insert.len() * numbers.width.bytes());
        for (at, range) in keep.iter().enumerate() {
            bytes.extend_from_slice(
                &numbers.bytes[range.start * numbers.width.bytes()..range.end * numbers.width.bytes()],
            );
            if at == 0 {
                insert.iter().filter_map(|new| new.as_number()).for_each(|n| numbers.width.write(n, &mut bytes));
            }
        }
        if bytes.len() <= PACKED_BLOCK {
            return builder.packed(numbers.width, &bytes);
        }
    }
    builder.begin_array();
    for (at, range) in keep.iter().enumerate() {
        builder.children(value.children().take(range.end).skip(range.start));
        if at == 0 {
            insert.iter().for_each(|new| builder.value(*new));
        }
    }
    builder.end();
}

/// Changes a tree in place. Its own change is not one that replaces it.
fn change_tree(tree: &mut Tree, changes: &[Placed<'_>], depth: usize) {
    let own = own(changes, depth);
    change_chunks(tree, &changes[usize::from(own.is_some())..], depth);
    match own {
        None => {}
        Some(Change::Splice { at, remove, insert }) => splice(tree, *at, *remove, insert),
        Some(Change::Keep { start, end }) => {
            let len = tree.len;
            splice(tree, *end, len - end, &[]);
            splice(tree, 0, *start, &[]);
        }
        Some(Change::Members(members)) => append_members(tree, |builder| builder.children(members.iter().copied())),
        Some(Change::Merge(patch)) => {
            let (changes, new) = patch.changes(ValueRef(Repr::Tree(tree)));
            change_chunks(tree, &changes, 0);
            if !new.is_empty() {
                append_members(tree, |builder| patch.write_members(builder, &new));
            }
        }
        Some(other) => unreachable!("{other:?} replaces its value"),
    }
}

/// Makes the changes inside a tree, chunk by chunk.
fn change_chunks(tree: &mut Tree, mut changes: &[Placed<'_>], depth: usize) {
    let mut replaced = Vec::new();
    while let Some((place, _)) = changes.first() {
        let (number, base) = tree.chunk_of(place[depth] as usize);
        let chunk = &mut tree.chunks[number];
        let (here, later) = changes.split_at(through(changes, depth, base + chunk.count() - 1));
        changes = later;
        if let Some(chunks) = change_chunk(chunk, tree.object, base, here, depth) {
            replaced.push((number, chunks));
        }
    }
    tree.replace_all(replaced);
}

/// What a chunk becomes; `None` where it was changed in place.
fn change_chunk(chunk: &mut Chunk, object: bool, base: usize, here: &[Placed<'_>], depth: usize) -> Option<Vec<Chunk>> {
    let in_place = match chunk {
        Chunk::Tree { tree, .. } if !own(here, depth + 1).is_some_and(|own| own.replaces(tree)) => {
            deeper(|| change_tree(tree, here, depth + 1));
            if !is_small(tree) {
                return None;
            }
            let mut builder = open_like(object);
            for (key, child) in chunk.children() {
                builder.key_in_object(key);
                flatten(&mut builder, child);
            }
            return Some(builder.finish_chunks());
        }
        Chunk::Tree { .. } => false,
        Chunk::Packed { width, bytes } => overwrite_packed(*width, bytes, base, here, depth),
        Chunk::Run { object, bytes, .. } => overwrite_run(bytes, *object, base, here, depth),
    };
    if in_place {
        return None;
    }
    let mut builder = open_like(object);
    rewrite_children(&mut builder, chunk.children(), base, here, depth);
    Some(builder.finish_chunks())
}

/// Writes a container anew: in flat form, if it is small.
fn flatten(builder: &mut Builder, value: ValueRef<'_>) {
    begin_like(builder, value);
    builder.children(value.children());
    builder.end();
}

fn open_like(object: bool) -> Builder {
    let mut builder = Builder::with_capacity(BLOCK);
    if object {
        builder.begin_object(true)
    } else {
        builder.begin_array()
    }
    builder
}

/// True for a tree that would fit one block with room to spare; one that has a tree inside, which is not small, is none.
fn is_small(tree: &Tree) -> bool {
    let flat = || !tree.chunks.iter().any(|chunk| matches!(chunk, Chunk::Tree { .. }));
    tree.len == 0 || (tree.chunks.len() <= 8 && flat() && tree.byte_len() <= BLOCK / 2)
}

/// [`Change::Splice`] of an array in chunks: rebuilds those that the range touches.
fn splice(tree: &mut Tree, at: usize, remove: usize, insert: &[ValueRef<'_>]) {
    if remove == 0 && insert.is_empty() {
        return tree.recount_len();
    }
    let (mut first, mut base) = (0, 0);
    while first < tree.chunks.len() {
        let end = base + tree.chunks[first].count();
        // An insertion at the end belongs to the last chunk.
        if at < end
            || (first + 1 == tree.chunks.len() && at == end && !matches!(tree.chunks[first], Chunk::Tree { .. }))
        {
            break;
        }
        base = end;
        first += 1;
    }
    if remove == 0 && append_packed(tree, first, at - base, insert) {
        return tree.recount_len();
    }
    let (mut last, mut end) = (first, base);
    while last < tree.chunks.len() && (end < at + remove || last == first) {
        // Nothing is inserted into a child: it stays behind the new elements.
        if remove == 0 && matches!(tree.chunks[last], Chunk::Tree { .. }) {
            break;
        }
        end += tree.chunks[last].count();
        last += 1;
    }
    let mut builder = open_like(tree.object);
    let old: Vec<Chunk> = tree.chunks.splice(first..last, []).collect();
    let children = || old.iter().flat_map(Chunk::children);
    builder.children(children().take(at - base));
    insert.iter().for_each(|new| builder.value(*new));
    builder.children(children().skip(at - base + remove));
    tree.replace(first..first, builder.finish_chunks());
    tree.recount_len();
}

/// Appends to a stretch of packed numbers without unpacking it.
fn append_packed(tree: &mut Tree, chunk: usize, at: usize, insert: &[ValueRef<'_>]) -> bool {
    let Some(Chunk::Packed { width, bytes }) = tree.chunks.get_mut(chunk) else { return false };
    let width = *width;
    if at * width.bytes() != bytes.len() || bytes.len() + insert.len() * width.bytes() > PACKED_BLOCK {
        return false;
    }
    if !insert.iter().all(|new| new.as_number().is_some_and(|number| holds(width, number))) {
        return false;
    }
    let mut longer = std::mem::take(bytes).into_vec();
    longer.reserve_exact(insert.len() * width.bytes());
    insert.iter().filter_map(|new| new.as_number()).for_each(|number| width.write(number, &mut longer));
    *bytes = longer.into_boxed_slice();
    true
}

/// Writes members with new keys to the end of an object in chunks.
fn append_members(tree: &mut Tree, write: impl FnOnce(&mut Builder)) {
    let last = tree.chunks.len().saturating_sub(1);
    let from = match tree.chunks.last() {
        Some(Chunk::Run { .. }) => last,
        _ => tree.chunks.len(),
    };
    let mut builder = open_like(true);
    let old: Vec<Chunk> = tree.chunks.splice(from.., []).collect();
    builder.children(old.iter().flat_map(Chunk::children));
    write(&mut builder);
    tree.chunks.extend(builder.finish_chunks());
    tree.recount_from(from);
}

impl Chunk {
    /// The children, each with its key.
    fn children(&self) -> Children<'_> {
        Children::of_chunk(self)
    }
}
