//! The plane: on which side of a line a point is, where a point lies in a polygon, and how two shapes lie.
//!
//! Sides are exact for any coordinates ([`Plane::EXACT`]); with a tolerance, what is nearer to a line is on it.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::sweep::{Edge, P, edges, pairs};
use super::tree::Bounds;
use crate::watch::Watch;

/// Rings of a shape.
#[derive(Debug)]
pub struct Region<'a> {
    /// The outer one first.
    rings: &'a [Vec<P>],
    low: P,
    high: P,
}

impl<'a> Region<'a> {
    /// The region of rings, of which there is one at least, with a vertex at least.
    pub fn new(rings: &'a [Vec<P>]) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in &rings[0] {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        Self { rings, low, high }
    }

    /// The point that it is.
    fn point(&self) -> Option<P> {
        match &self.rings[0][..] {
            [point] => Some(*point),
            _ => None,
        }
    }

    /// Its edges that may meet another.
    fn edges_near(&self, other: &Self, near: f64) -> Vec<Edge> {
        let meets = |edge: &Edge| {
            (0..2).all(|axis| edge.low(axis) <= other.high[axis] + near && other.low[axis] <= edge.high(axis) + near)
        };
        edges(self.rings).filter(meets).collect()
    }
}

/// Where a point lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In it.
    Inside,
    /// On its border.
    Border,
    /// Not in it, perhaps in a hole.
    Outside,
}

/// How exact the plane is.
#[derive(Debug, Clone, Copy)]
pub struct Plane {
    /// Distances up to which things are the same.
    pub near: f64,
}

/// Where an edge meets others: from and to, as shares of it.
type Contact = (f64, f64);

impl Plane {
    /// Nothing is the same but the same.
    pub const EXACT: Self = Self { near: 0.0 };

    /// On which side of the line from `a` to `b` the point is: 1 left, -1 right, 0 on it.
    pub fn side(&self, a: P, b: P, p: P) -> i8 {
        if self.near == 0.0 {
            return orientation(a, b, p);
        }
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let determinant = dx * (p[1] - a[1]) - dy * (p[0] - a[0]);
        if determinant.abs() <= self.near * dx.hypot(dy) { 0 } else { sign(determinant) }
    }

    /// Whether two points are the same.
    pub fn same(&self, a: P, b: P) -> bool {
        (a[0] - b[0]).abs() <= self.near && (a[1] - b[1]).abs() <= self.near
    }

    /// Whether a point of the line through `a` and `b` is between them.
    fn is_between(&self, a: P, b: P, p: P) -> bool {
        (0..2).all(|axis| {
            let (low, high) = if a[axis] <= b[axis] { (a[axis], b[axis]) } else { (b[axis], a[axis]) };
            (low - self.near..=high + self.near).contains(&p[axis])
        })
    }

    /// Whether a point is on an edge.
    pub fn is_on(&self, a: P, b: P, p: P) -> bool {
        self.is_between(a, b, p) && self.side(a, b, p) == 0
    }

    /// Whether two edges have a point in common.
    pub fn meet(&self, e: &Edge, f: &Edge) -> bool {
        let (s1, s2) = (self.side(f.from, f.to, e.from), self.side(f.from, f.to, e.to));
        let (s3, s4) = (self.side(e.from, e.to, f.from), self.side(e.from, e.to, f.to));
        if s1 * s2 < 0 && s3 * s4 < 0 {
            return true;
        }
        let (on_f, on_e) = (|p| self.is_between(f.from, f.to, p), |p| self.is_between(e.from, e.to, p));
        (s1 == 0 && on_f(e.from)) || (s2 == 0 && on_f(e.to)) || (s3 == 0 && on_e(f.from)) || (s4 == 0 && on_e(f.to))
    }

    /// Where a point lies in a polygon.
    pub fn locate(&self, rings: &[Vec<P>], p: P) -> Location {
        let mut inside = false;
        for Edge { from, to, .. } in edges(rings) {
            if self.is_on(from, to, p) {
                return Location::Border;
            }
            if (from[1] > p[1]) != (to[1] > p[1]) {
                let (low, high) = if from[1] < to[1] { (from, to) } else { (to, from) };
                inside ^= orientation(low, high, p) > 0;
            }
        }
        if inside { Location::Inside } else { Location::Outside }
    }

    /// Whether two shapes have a point in common.
    pub fn intersect(&self, a: &Region<'_>, b: &Region<'_>, watch: &Watch<'_>) -> bool {
        match (a.point(), b.point()) {
            (Some(p), Some(q)) => self.same(p, q),
            (Some(p), None) => self.meets_point(b, p, watch),
            (None, Some(q)) => self.meets_point(a, q, watch),
            (None, None) => {
                let (ea, eb) = (a.edges_near(b, self.near), b.edges_near(a, self.near));
                let meet = &mut |e: &Edge, f: &Edge| !self.meet(e, f);
                if !pairs(&ea, &eb, self.near, &mut || watch.spend(1), meet) {
                    return !watch.is_over();
                }
                // Where borders do not meet, a ring of the one is in the other, or they are apart.
                self.has_ring_in(a, b, watch) || self.has_ring_in(b, a, watch)
            }
        }
    }

    fn meets_point(&self, polygon: &Region<'_>, p: P, watch: &Watch<'_>) -> bool {
        watch.spend(steps(polygon));
        self.locate(polygon.rings, p) != Location::Outside
    }

    fn has_ring_in(&self, a: &Region<'_>, b: &Region<'_>, watch: &Watch<'_>) -> bool {
        a.rings.iter().any(|ring| !watch.spend(steps(b)) && self.locate(b.rings, ring[0]) != Location::Outside)
    }

    /// Whether no point of `a` is outside `b`, and their insides meet.
    pub fn is_within(&self, a: &Region<'_>, b: &Region<'_>, watch: &Watch<'_>) -> bool {
        match (a.point(), b.point()) {
            (_, Some(_)) => false,
            (Some(p), None) => {
                watch.spend(steps(b));
                self.locate(b.rings, p) == Location::Inside
            }
            (None, None) => self.is_polygon_within(a, b, watch),
        }
    }

    /// The border of `a` leaves `b` nowhere, and no hole of `b` is in `a`.
    fn is_polygon_within(&self, a: &Region<'_>, b: &Region<'_>, watch: &Watch<'_>) -> bool {
        let reaches_out =
            (0..2).any(|axis| a.low[axis] < b.low[axis] - self.near || a.high[axis] > b.high[axis] + self.near);
        if reaches_out {
            return false;
        }
        let (ea, eb) = (a.edges_near(b, self.near), b.edges_near(a, self.near));
        let mut contacts: HashMap<(usize, usize), Vec<Contact>> = HashMap::new();
        let mut contact = |e: &Edge, f: &Edge| match self.contact(e, f) {
            Meeting::Apart => true,
            Meeting::Cross => false,
            Meeting::Touch(found) => {
                contacts.entry((e.ring, e.at)).or_default().push(found);
                true
            }
        };
        if !pairs(&ea, &eb, self.near, &mut || watch.spend(1), &mut contact) {
            return false;
        }
        if !(0..a.rings.len()).all(|ring| self.stays_in(a, ring, b, &mut contacts, watch)) {
            return false;
        }
        b.rings[1..].iter().all(|hole| {
            let inside = inner_point(hole);
            !watch.spend(steps(a) + hole.len())
                && inside.is_none_or(|inside| self.locate(a.rings, inside) != Location::Inside)
        })
    }

    /// How an edge meets another.
    fn contact(&self, e: &Edge, f: &Edge) -> Meeting {
        let (s1, s2) = (self.side(f.from, f.to, e.from), self.side(f.from, f.to, e.to));
        let (s3, s4) = (self.side(e.from, e.to, f.from), self.side(e.from, e.to, f.to));
        if s1 * s2 < 0 && s3 * s4 < 0 {
            return Meeting::Cross;
        }
        let shares = [
            (s1 == 0 && self.is_between(f.from, f.to, e.from)).then_some(0.0),
            (s2 == 0 && self.is_between(f.from, f.to, e.to)).then_some(1.0),
            (s3 == 0 && self.is_between(e.from, e.to, f.from)).then(|| share(e, f.from)),
            (s4 == 0 && self.is_between(e.from, e.to, f.to)).then(|| share(e, f.to)),
        ];
        let shares = shares.into_iter().flatten();
        let (low, high) =
            shares.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)));
        if low > high {
            Meeting::Apart
        } else {
            // Two places in common are what lies between them too.
            Meeting::Touch((low, high))
        }
    }

    /// Whether no part of a ring is outside `b`, where it meets the border of `b` in these places.
    fn stays_in(
        &self,
        a: &Region<'_>,
        ring: usize,
        b: &Region<'_>,
        contacts: &mut HashMap<(usize, usize), Vec<Contact>>,
        watch: &Watch<'_>,
    ) -> bool {
        let points = &a.rings[ring];
        // Whether the next edge is known to begin in `b`, away from its border.
        let mut known = false;
        for at in 0..points.len() {
            let (from, to) = (points[at], points[(at + 1) % points.len()]);
            let mut met = contacts.remove(&(ring, at)).unwrap_or_default();
            met.sort_by(|one, other| one.0.total_cmp(&other.0));
            known &= met.first().is_none_or(|(start, _)| *start > 0.0);
            let ends_away = met.iter().all(|(_, end)| *end < 1.0);
            let mut done = 0.0;
            for (start, end) in met.into_iter().chain([(1.0, 1.0)]) {
                if start > done && !(done == 0.0 && known) {
                    let middle = (done + start) / 2.0;
                    let p = [from[0] + (to[0] - from[0]) * middle, from[1] + (to[1] - from[1]) * middle];
                    if watch.spend(steps(b)) || self.locate(b.rings, p) == Location::Outside {
                        return false;
                    }
                }
                done = f64::max(done, end);
            }
            known = ends_away;
        }
        true
    }
}

/// How two edges meet.
enum Meeting {
    Apart,
    /// Each goes from one side of the other to the other side.
    Cross,
    Touch(Contact),
}

/// Whether a box lies inside a polygon, away from its border, as far as boxes around the edges tell: false may be true.
pub fn surrounds(rings: &[Vec<P>], bounds: &Bounds) -> bool {
    let misses =
        |edge: Edge| (0..2).any(|axis| edge.high(axis) < bounds.low[axis] || edge.low(axis) > bounds.high[axis]);
    let corner = [bounds.low[0], bounds.low[1]];
    edges(rings).all(misses) && Plane::EXACT.locate(rings, corner) == Location::Inside
}

/// Where on an edge a point of it is.
fn share(e: &Edge, p: P) -> f64 {
    let axis = usize::from((e.to[1] - e.from[1]).abs() > (e.to[0] - e.from[0]).abs());
    let length = e.to[axis] - e.from[axis];
    if length == 0.0 { 0.0 } else { ((p[axis] - e.from[axis]) / length).clamp(0.0, 1.0) }
}

fn steps(region: &Region<'_>) -> usize {
    region.rings.iter().map(Vec::len).sum::<usize>() / 4 + 1
}

/// A point inside a ring: the middle of the longest stretch on a line between two of its vertices.
fn inner_point(ring: &[P]) -> Option<P> {
    let mut heights: Vec<f64> = ring.iter().map(|p| p[1]).collect();
    heights.sort_by(f64::total_cmp);
    let gap = heights.windows(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    let y = gap[0] + (gap[1] - gap[0]) / 2.0;
    let ring = [ring.to_vec()];
    let crossing = edges(&ring).filter(|edge| (edge.from[1] > y) != (edge.to[1] > y));
    let mut places: Vec<f64> =
        crossing.map(|Edge { from, to, .. }| from[0] + (y - from[1]) / (to[1] - from[1]) * (to[0] - from[0])).collect();
    places.sort_by(f64::total_cmp);
    let (stretches, _) = places.as_chunks::<2>();
    let [low, high] = stretches.iter().max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])))?;
    Some([low + (high - low) / 2.0, y])
}

fn sign(value: f64) -> i8 {
    match value.partial_cmp(&0.0) {
        Some(Ordering::Greater) => 1,
        Some(Ordering::Less) => -1,
        _ => 0,
    }
}

/// On which side of the line from `a` to `b` the point `c` is, exactly: by doubles where they are sure of it (Shewchuk's bound), else
/// by the sum of all products without rounding.
pub fn orientation(a: P, b: P, c: P) -> i8 {
    /// (3 + 16ε)ε
    const BOUND: f64 = 3.330_669_073_875_471_6e-16;
    let left = (a[0] - c[0]) * (b[1] - c[1]);
    let right = (a[1] - c[1]) * (b[0] - c[0]);
    let determinant = left - right;
    let sum = left.abs() + right.abs();
    // Not for what overflows or underflows.
    if determinant.abs() > BOUND * sum && sum.is_finite() && sum > 1e-290 {
        return sign(determinant);
    }
    exact_orientation(a, b, c)
}

/// ax·by − ax·cy − cx·by − ay·bx + ay·cx + cy·bx as a sum of doubles that do not overlap; its sign is that of the largest.
fn exact_orientation(a: P, b: P, c: P) -> i8 {
    let scale = a.iter().chain(&b).chain(&c).fold(0.0f64, |most, x| most.max(x.abs()));
    if scale == 0.0 {
        return 0;
    }
    // Brought near 1 by a power of two, which is exact but for what is far smaller than the rest.
    let factor = 2.0f64.powi(-(scale.log2().floor().clamp(-1000.0, 1000.0) as i32));
    let [a, b, c] = [a, b, c].map(|p| p.map(|x| x * factor));
    let mut parts: Vec<f64> = Vec::with_capacity(12);
    for (x, y) in [(a[0], b[1]), (-a[0], c[1]), (-c[0], b[1]), (-a[1], b[0]), (a[1], c[0]), (c[1], b[0])] {
        let product = x * y;
        let rest = x.mul_add(y, -product);
        add(&mut parts, rest);
        add(&mut parts, product);
    }
    parts.iter().rev().find(|part| **part != 0.0).map_or(0, |part| sign(*part))
}

/// Adds a number to a sum whose parts rise and do not overlap (Shewchuk's GROW-EXPANSION).
fn add(parts: &mut Vec<f64>, number: f64) {
    let mut sum = number;
    for part in parts.iter_mut() {
        let total = sum + *part;
        let virtual_part = total - sum;
        let rest = (sum - (total - virtual_part)) + (*part - virtual_part);
        *part = rest;
        sum = total;
    }
    parts.push(sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_exact() {
        let a = [0.1, 0.1];
        let b = [0.3, 0.3];
        for step in 1..100 {
            let x = 0.1 * f64::from(step);
            assert_eq!(orientation(a, b, [x, x]), 0, "{x}");
            assert_eq!(orientation(a, b, [x, x.next_up()]), 1, "{x}");
            assert_eq!(orientation(a, b, [x, x.next_down()]), -1, "{x}");
        }
        assert_eq!(orientation([0.0, 0.0], [1e-200, 1e-200], [2e-200, 2e-200]), 0);
        assert_eq!(orientation([-1e200, 0.0], [1e200, 0.0], [0.0, 1e200]), 1);
    }

    #[test]
    fn points_lie_where_they_lie() {
        let ring = vec![vec![[0.0, 0.0], [0.0, 4.0], [4.0, 4.0], [4.0, 0.0]], vec![[1.0, 1.0], [1.0, 2.0], [2.0, 2.0]]];
        for (p, expected) in [
            ([0.5, 0.5], Location::Inside),
            ([0.0, 2.0], Location::Border),
            ([4.0, 4.0], Location::Border),
            ([1.5, 1.5], Location::Border),
            ([1.2, 1.8], Location::Outside),
            ([5.0, 4.0], Location::Outside),
            ([-1.0, 0.0], Location::Outside),
        ] {
            assert_eq!(Plane::EXACT.locate(&ring, p), expected, "{p:?}");
        }
        let inside = inner_point(&ring[1]).unwrap();
        assert_eq!(Plane::EXACT.locate(&ring[1..], inside), Location::Inside);
    }
}
