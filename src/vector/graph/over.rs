//! Walking over what was removed.
//!
//! A removed node stays in the links until it is unlinked, or until a [graph that is built anew](super::renewal) takes the
//! place of this one. Where many are removed at once, a walk would compare with more of them than with live ones, and its
//! beam would be full of them. So where a [part](GONE) of the nodes in the links is gone, a walk compares with live ones
//! only: of a removed neighbor it looks at the neighbors instead, and at theirs, until it has met about as many live ones as it
//! would among neighbors that are all live. It looks at each removed node's list once at most, and at [`LISTS`] of them at most
//! to go on from one node. Who is removed is asked of a [bit](crate::vector::arena), not of the node.
//!
//! So beside any backlog a search compares with about as many vectors as in a graph of what stays; or with all of these, where
//! they are hardly more than that.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use super::Graph;
use super::sight::Sight;
use crate::vector::scratch::{Marks, Scratch};

/// One of so many nodes in the links is removed: then walks go over them.
const GONE: usize = 5;
/// Lists of removed nodes that are looked at to go on from one node.
const LISTS: usize = 32;

/// How many of them the memory is asked for ahead.
const SOON: usize = 6;

impl Graph {
    /// Whether so many nodes in the links are removed that walks go over them.
    pub(super) fn has_many_gone(&self) -> bool {
        let gone = self.unlinking.load(Relaxed);
        gone > 0 && gone.saturating_mul(GONE - 1) > self.len().saturating_sub(self.tail.len())
    }

    /// Whether walks go over removed nodes, and those that stay are so few among them that comparing with all takes less time
    /// than looking for them.
    pub(super) fn is_scanned_over(&self, ef: usize) -> bool {
        /// Nanoseconds for a look at the list of a removed node.
        const LIST: u64 = 20;
        if !self.has_many_gone() {
            return false;
        }
        let live = (self.len() as u64).max(1);
        let lists = (self.unlinking.load(Relaxed) as u64 / live).min(LISTS as u64);
        live.saturating_mul(self.cost_each()) <= (ef as u64).saturating_mul(lists * LIST)
    }

    /// [`Graph::meet_neighbors`] of a node, or of what lies behind its removed neighbors; those met are [`met`].
    #[inline(always)]
    pub(super) fn meet(
        &self,
        sight: &impl Sight,
        (row, next): (u32, Option<u32>),
        level: u8,
        over: bool,
        scratch: &mut Scratch,
    ) {
        if over {
            self.meet_over(sight, row, level, scratch);
        } else {
            self.meet_neighbors(sight, row, next, level, scratch);
        }
    }

    /// Marks the live neighbors of `row` and those behind its removed ones, and computes the distances of those that were not
    /// marked before, which are in the batch then.
    fn meet_over(&self, sight: &impl Sight, row: u32, level: u8, scratch: &mut Scratch) {
        let Scratch { marks, batch, soon: gone, distances, .. } = &mut *scratch;
        batch.clear();
        gone.clear();
        let enough = self.max_links(level) / 2;
        let (mut from, mut met, mut looked) = (row, 0, 0);
        'lists: loop {
            self.each_link(from, level, |link| {
                if !self.gone.has(link) {
                    let fresh = marks.insert(link);
                    if fresh {
                        batch.push(link);
                    }
                    met += usize::from(fresh || from == row);
                } else if !marks.contains(link) {
                    gone.push(link);
                }
            });
            if met >= enough {
                break;
            }
            if from == row {
                gone.iter().take(SOON).for_each(|&over| self.prefetch_links(over, level));
            }
            // A removed node is marked when its list is looked at, so that another way can lead over it.
            loop {
                let Some(&over) = gone.get(looked).filter(|_| looked < LISTS) else { break 'lists };
                looked += 1;
                gone.get(looked + SOON - 1).into_iter().for_each(|&soon| self.prefetch_links(soon, level));
                if marks.insert(over) {
                    from = over;
                    break;
                }
            }
        }
        sight.distances(batch, distances, || ());
        scratch.count(scratch.batch.len());
    }
}

/// The rows that [`Graph::meet`] met, whose distances are known now.
#[inline(always)]
pub(super) fn met<'a>(marks: &'a Marks, batch: &'a [u32], over: bool) -> &'a [u32] {
    if over { batch } else { marks.fresh() }
}
