//! The invariants of a graph, checked: what tests call after each change, and a decoder's last doubt.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use super::{BUSY, DEAD, Graph, LINKED, LOCK, NO_ENTRY, NONE, REMOVED, STATE, TAIL};
use crate::vector::arena::FREE;
use crate::vector::epoch;

/// An invariant that does not hold, in words for whoever reads a test's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(pub String);

/// What a check counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Live nodes.
    pub live: usize,
    /// Nodes that are linked (removed ones that are not unlinked yet included).
    pub linked: usize,
    /// Linked nodes that level 0 leads to from the entry point.
    pub reachable: usize,
    /// Links per linked node on level 0.
    pub degree: f64,
    /// The highest level.
    pub top: u8,
}

impl Graph {
    /// Checks every invariant of a graph that nobody is changing: states, degrees, ids, mutual links, levels, the entry
    /// point and the counts.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_invariants(&self) -> Result<Statistics, Broken> {
        let _guard = epoch::pin();
        let (mut live, mut linked, mut degrees, mut top) = (0, 0, 0, 0);
        for row in 0..self.rows.len() {
            let head = self.rows.head(row);
            let state = head.state.load(Relaxed);
            if state & (LOCK | BUSY) != 0 && state & STATE != DEAD {
                return Err(Broken(format!("node {row} is locked or busy")));
            }
            match self.state(row) {
                FREE | DEAD => continue,
                TAIL => live += 1,
                LINKED => {
                    live += 1;
                    linked += 1;
                }
                REMOVED => linked += 1,
                other => return Err(Broken(format!("node {row} has state {other}"))),
            }
            let level = head.level.load(Relaxed);
            if (level > 0) != (head.upper.load(Relaxed) != NONE) {
                return Err(Broken(format!("node {row} of level {level} has the wrong blocks")));
            }
            top = top.max(if self.state(row) == LINKED { level } else { 0 });
            degrees += self.degree(row, 0);
            (0..=level).try_for_each(|level| self.check_links(row, level))?;
        }
        if live != self.len() {
            return Err(Broken(format!("{live} live nodes, {} counted", self.len())));
        }
        self.check_entry(linked)?;
        let reachable = self.reachable();
        Ok(Statistics { live, linked, reachable, degree: degrees as f64 / (linked as f64).max(1.0), top })
    }

    fn check_links(&self, row: u32, level: u8) -> Result<(), Broken> {
        let broken = |what: String| Err(Broken(format!("node {row}, level {level}: {what}")));
        let mut links = Vec::new();
        self.append_links(row, level, &mut links);
        if links.len() > self.max_links(level) {
            return broken(format!("{} links", links.len()));
        }
        if links.iter().collect::<HashSet<_>>().len() != links.len() {
            return broken(format!("a link twice: {links:?}"));
        }
        for &other in &links {
            if other == row || other >= self.rows.len() {
                return broken(format!("a link to {other}"));
            }
            if !matches!(self.state(other), LINKED | REMOVED) {
                return broken(format!("a link to {other}, whose state is {}", self.state(other)));
            }
            let mut back = false;
            self.each_link(other, level, |link| back |= link == row);
            if !back {
                return broken(format!("the link to {other} is not mutual"));
            }
        }
        if self.state(row) == TAIL && !links.is_empty() {
            return broken("an unlinked node has links".into());
        }
        Ok(())
    }

    fn check_entry(&self, linked: usize) -> Result<(), Broken> {
        let entry = self.entry.load(Relaxed);
        if entry == NO_ENTRY {
            let any = (0..self.rows.len()).any(|row| self.state(row) == LINKED);
            return if any { Err(Broken(format!("no entry point to {linked} nodes"))) } else { Ok(()) };
        }
        let (level, row) = ((entry >> 32) as u8, entry as u32);
        if level != self.rows.head(row).level.load(Relaxed) || !matches!(self.state(row), LINKED | REMOVED) {
            return Err(Broken(format!("entry point {row}, level {level}, state {}", self.state(row))));
        }
        Ok(())
    }

    /// How many linked nodes level 0 leads to from the entry point.
    fn reachable(&self) -> usize {
        let entry = self.entry.load(Relaxed);
        if entry == NO_ENTRY {
            return 0;
        }
        let mut seen = HashSet::from([entry as u32]);
        let mut stack = vec![entry as u32];
        while let Some(row) = stack.pop() {
            self.each_link(row, 0, |other| {
                if seen.insert(other) {
                    stack.push(other);
                }
            });
        }
        seen.len()
    }
}
