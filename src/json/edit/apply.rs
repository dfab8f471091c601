//! Carrying out changes: a list of places and what happens there, in one pass over the blocks concerned.
//!
//! A number or a truth value that fits where the old one stood is written over it. Otherwise the block around it is
//! copied with the change; the other chunks of a tree stay where they are.

use std::cmp::Ordering;

use crate::json::build::Builder;
use crate::json::layout::{self, HEADER8, HEADER16, Width};
use crate::json::number::width_of;
use crate::json::path::Location;
use crate::json::tree::{Chunk, Tree};
use crate::json::value::{BLOCK, Children, Node, PACKED_BLOCK, Repr, ValueRef};
use crate::json::{Document, Number};

/// What happens to the value at a place.
#[derive(Debug, Clone)]
pub(super) enum Change<'v> {
    /// It goes, and its key with it. Not for the root.
    Remove,
    /// It becomes a copy of that value.
    Put(ValueRef<'v>),
    Number(Number),
    Bool(bool),
    Str(Vec<u8>),
    /// Of an array: that many elements from `at` on are replaced.
    Splice {
        at: usize,
        remove: usize,
        insert: Vec<ValueRef<'v>>,
    },
    /// Of an array: only the elements from `start` to before `end` stay.
    Keep {
        start: usize,
        end: usize,
    },
    /// Of an object: members with new keys, at its end.
    Members(Vec<(&'v [u8], ValueRef<'v>)>),
    /// A container loses its children.
    Empty,
}

/// A place and its change.
pub(super) type Placed<'v> = (Location, Change<'v>);

/// Makes all changes. Places are distinct and mean the document as it was; where one is inside another, the inner
/// change is made first.
pub(super) fn apply(document: &mut Document, mut changes: Vec<Placed<'_>>) {
    changes.retain(|(place, change)| !overwrite(document, place, change));
    changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let Some((place, first)) = changes.first() else { return };
    let replaced = place.is_empty() && changes.len() == 1 && matches!(first, Change::Put(_) | Change::Empty);
    match &mut document.root {
        Node::Tree(tree) if !replaced => {
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

/// Writes a number or truth value over one of the same form. False if it must be done the long way.
fn overwrite(document: &mut Document, place: &[u32], change: &Change<'_>) -> bool {
    if !matches!(change, Change::Number(_) | Change::Bool(_)) {
        return false;
    }
    match &mut document.root {
        Node::Flat(item) => overwrite_item(item, place, change),
        Node::Tree(tree) => overwrite_tree(tree, place, change),
    }
}

fn overwrite_tree(tree: &mut Tree, place: &[u32], change: &Change<'_>) -> bool {
    let Some((at, inner)) = place.split_first() else { return false };
    let mut at = *at as usize;
    for chunk in &mut tree.chunks {
        let count = chunk.count();
        if at >= count {
            at -= count;
            continue;
        }
        return match chunk {
            Chunk::Tree { tree, .. } => overwrite_tree(tree, inner, change),
            Chunk::Packed { width, bytes } => {
                let width = *width;
                inner.is_empty() && overwrite_element(width, &mut bytes[at * width.bytes()..], change)
            }
            Chunk::Run { object, bytes, .. } => {
                let start = skip(bytes, *object, at);
                overwrite_item(&mut bytes[start..], inner, change)
            }
        };
    }
    false
}

/// Where in a run the child at position `at` begins, after its key.
fn skip(run: &[u8], object: bool, at: usize) -> usize {
    let mut rest = run;
    for position in 0..=at {
        rest = if object { layout::split_key(rest).1 } else { rest };
        if position < at {
            rest = &rest[layout::item_len(rest)..];
        }
    }
    run.len() - rest.len()
}

/// As [`overwrite`], for the item at the front of `bytes`.
fn overwrite_item(mut bytes: &mut [u8], place: &[u32], change: &Change<'_>) -> bool {
    for (level, at) in place.iter().enumerate() {
        let at = *at as usize;
        if let Some(width) = Width::of_packed(bytes[0]) {
            let (_, head) = layout::read_count(&bytes[1..]);
            let start = 1 + head + at * width.bytes();
            return level + 1 == place.len() && overwrite_element(width, &mut bytes[start..], change);
        }
        let (head, object) = match bytes[0] {
            layout::ARRAY8 => (HEADER8, false),
            layout::OBJECT8 => (HEADER8, true),
            layout::ARRAY16 => (HEADER16, false),
            layout::OBJECT16 => (HEADER16, true),
            _ => return false,
        };
        let start = head + skip(&bytes[head..], object, at);
        bytes = &mut bytes[start..];
    }
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
        (width, Number::Float(value)) => crate::json::number::is_float_of(width, value),
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
    rewrite_children(builder, value.children(), 0, changes, depth);
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
    let (own, mut inner) = match changes.split_first() {
        Some((first, rest)) if first.0.len() == depth => (Some(&first.1), rest),
        _ => (None, changes),
    };
    let (mut base, mut concerned) = (0, Vec::new());
    for (number, chunk) in tree.chunks.iter().enumerate() {
        let end = base + chunk.count();
        let (here, later) = inner.split_at(through(inner, depth, end - 1));
        if !here.is_empty() {
            concerned.push((number, base, here));
        }
        inner = later;
        base = end;
        if inner.is_empty() {
            break;
        }
    }
    // From the last to the first, so that the numbers of chunks stay true.
    for (number, base, here) in concerned.into_iter().rev() {
        change_chunk(tree, number, base, here, depth);
    }
    match own {
        None => tree.recount_len(),
        Some(Change::Splice { at, remove, insert }) => splice(tree, *at, *remove, insert),
        Some(Change::Keep { start, end }) => {
            let len = tree.chunks.iter().map(Chunk::count).sum::<usize>();
            splice(tree, *end, len - end, &[]);
            splice(tree, 0, *start, &[]);
        }
        Some(Change::Members(members)) => append_members(tree, members),
        Some(other) => unreachable!("{other:?} replaces its value"),
    }
}

fn change_chunk(tree: &mut Tree, number: usize, base: usize, here: &[Placed<'_>], depth: usize) {
    let replaces =
        |change: &Change<'_>| !matches!(change, Change::Splice { .. } | Change::Keep { .. } | Change::Members(_));
    if let Chunk::Tree { tree: child, .. } = &mut tree.chunks[number]
        && !(here[0].0.len() == depth + 1 && replaces(&here[0].1))
    {
        change_tree(child, here, depth + 1);
        if !is_small(child) {
            return;
        }
        let mut builder = open_like(tree.object);
        for (key, child) in tree.chunks[number].children() {
            builder.key_in_object(key);
            flatten(&mut builder, child);
        }
        return tree.replace(number..number + 1, builder.finish_chunks());
    }
    let mut builder = open_like(tree.object);
    rewrite_children(&mut builder, tree.chunks[number].children(), base, here, depth);
    tree.replace(number..number + 1, builder.finish_chunks());
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

/// True for a tree that would fit one block with room to spare.
fn is_small(tree: &Tree) -> bool {
    tree.len == 0 || (tree.chunks.len() <= 8 && tree.byte_len() <= BLOCK / 2)
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

/// [`Change::Members`] of an object in chunks.
fn append_members(tree: &mut Tree, members: &[(&[u8], ValueRef<'_>)]) {
    let last = tree.chunks.len().saturating_sub(1);
    let from = match tree.chunks.last() {
        Some(Chunk::Run { .. }) => last,
        _ => tree.chunks.len(),
    };
    let mut builder = open_like(true);
    let old: Vec<Chunk> = tree.chunks.splice(from.., []).collect();
    builder.children(old.iter().flat_map(Chunk::children));
    builder.children(members.iter().copied());
    tree.chunks.extend(builder.finish_chunks());
    tree.recount_from(from);
}

impl Chunk {
    /// The children, each with its key.
    fn children(&self) -> Children<'_> {
        Children::of_chunk(self)
    }
}

/// Order of places in which ancestors come first: only the outermost of them are kept.
pub(super) fn outermost(mut places: Vec<Location>) -> Vec<Location> {
    places.sort_unstable();
    let mut kept: Vec<Location> = Vec::with_capacity(places.len());
    for place in places {
        let inside =
            |outer: &Location| place.len() >= outer.len() && place[..outer.len()].cmp(outer) == Ordering::Equal;
        if !kept.last().is_some_and(inside) {
            kept.push(place);
        }
    }
    kept
}
