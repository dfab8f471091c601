//! Which rings are a polygon. The order of the questions is that of the field, since only the first "no" is told.
//!
//! A ring has an inside, does not turn back on itself, and meets itself nowhere. Different rings may touch in single points; holes
//! are in the outer ring, and not in each other.

use super::Invalid;
use super::plane::{Location, Plane};
use super::sweep::{Edge, P, edges, pairs};
use super::wkt::Rings;

/// Pairs of edges that are looked at beside so many for each edge.
const PAIRS: usize = 1 << 20;
/// Pairs of edges that are looked at for each edge.
const PAIRS_OF_EDGE: usize = 256;

/// The rings without points that stand twice and without their first point at their end.
///
/// # Errors
/// What is not even that.
pub fn cleaned(read: Rings) -> Result<Vec<Vec<P>>, Invalid> {
    let Rings { mut rings, is_point } = read;
    if rings.is_empty() {
        return Err(Invalid::TooFewPoints);
    }
    for ring in &mut rings {
        if ring.iter().flatten().any(|x| !x.is_finite()) {
            return Err(Invalid::Coordinate);
        }
        // Minus zero is zero.
        ring.iter_mut().flatten().for_each(|x| *x += 0.0);
        if is_point {
            continue;
        }
        let is_closed = ring.len() > 1 && ring.first() == ring.last();
        if ring.len() + usize::from(!is_closed) < 4 {
            return Err(Invalid::TooFewPoints);
        }
        ring.dedup();
        while ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        if ring.len() < 3 {
            return Err(Invalid::Dimension);
        }
        ring.shrink_to_fit();
    }
    Ok(rings)
}

/// Refuses what is no polygon.
///
/// # Errors
/// The first reason.
pub fn check(rings: &[Vec<P>], plane: &Plane) -> Result<(), Invalid> {
    for ring in rings {
        check_ring(ring, plane)?;
    }
    check_edges(rings, plane)?;
    let [outer, holes @ ..] = rings else { return Err(Invalid::TooFewPoints) };
    let outer = std::slice::from_ref(outer);
    for hole in holes {
        // One that reaches out without crossing an edge does so by its vertices, all of which are asked where they are few.
        let all = hole.len().saturating_mul(outer[0].len()) <= PAIRS / 16;
        let reaches_out = |p: &P| plane.locate(outer, *p) == Location::Outside;
        if if all { hole.iter().any(reaches_out) } else { is_in(hole, outer, plane) == Some(false) } {
            return Err(Invalid::HoleOutside);
        }
    }
    check_nesting(holes, plane)
}

/// Whether a ring is in another: by the first vertex that is not on its border. `None`: all are.
fn is_in(ring: &[P], other: &[Vec<P>], plane: &Plane) -> Option<bool> {
    ring.iter().map(|p| plane.locate(other, *p)).find_map(|location| match location {
        Location::Inside => Some(true),
        Location::Outside => Some(false),
        Location::Border => None,
    })
}

fn check_ring(ring: &[P], plane: &Plane) -> Result<(), Invalid> {
    let count = ring.len();
    let mut area = 0.0;
    for at in 0..count {
        let (a, b, c) = (ring[at], ring[(at + 1) % count], ring[(at + 2) % count]);
        let ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]);
        if ahead < 0.0 && plane.side(a, b, c) == 0 {
            return Err(Invalid::Spike(b[0], b[1]));
        }
        area += (b[0] - ring[0][0]) * (c[1] - ring[0][1]) - (b[1] - ring[0][1]) * (c[0] - ring[0][0]);
    }
    if area == 0.0 { Err(Invalid::Orientation) } else { Ok(()) }
}

/// Refuses rings that meet where they must not.
fn check_edges(rings: &[Vec<P>], plane: &Plane) -> Result<(), Invalid> {
    let all: Vec<Edge> = edges(rings).collect();
    let mut left = PAIRS + PAIRS_OF_EDGE * all.len();
    let mut problem = None;
    let mut spend = || {
        left = left.saturating_sub(1);
        left == 0
    };
    let complete = pairs(&all, &all, plane.near, &mut spend, &mut |e, f| {
        // Each pair comes twice.
        if (e.ring, e.at) < (f.ring, f.at) {
            problem = clash(e, f, rings[e.ring].len(), plane);
        }
        problem.is_none()
    });
    match problem {
        Some([x, y]) => Err(Invalid::SelfIntersection(x, y)),
        None if complete => Ok(()),
        None => Err(Invalid::TooComplex),
    }
}

/// Where two edges meet as they must not.
fn clash(e: &Edge, f: &Edge, count: usize, plane: &Plane) -> Option<P> {
    if !plane.meet(e, f) {
        return None;
    }
    let parallel = plane.side(e.from, e.to, f.from) == 0 && plane.side(e.from, e.to, f.to) == 0;
    if e.ring != f.ring {
        return other_ring_clash(e, f, parallel, plane);
    }
    // Neighbors have a vertex in common, and no more: what turns back on itself was seen before.
    let follows = f.at == e.at + 1;
    let closes = e.at == 0 && f.at == count - 1;
    match (follows, closes) {
        (true, true) => None,
        (true, false) | (false, true) if !parallel => {
            let shared = if follows { e.to } else { e.from };
            let others = if follows { (e.from, f.to) } else { (e.to, f.from) };
            let is_more = (!plane.same(shared, others.1) && plane.is_on(e.from, e.to, others.1))
                || (!plane.same(shared, others.0) && plane.is_on(f.from, f.to, others.0));
            is_more.then_some(shared)
        }
        (true, false) | (false, true) => None,
        (false, false) => Some(common_point(e, f, plane)),
    }
}

/// Different rings may touch in a vertex of one of them, but neither cross nor run along each other.
fn other_ring_clash(e: &Edge, f: &Edge, parallel: bool, plane: &Plane) -> Option<P> {
    if parallel {
        let axis = usize::from((e.to[1] - e.from[1]).abs() > (e.to[0] - e.from[0]).abs());
        let low = e.low(axis).max(f.low(axis));
        let high = e.high(axis).min(f.high(axis));
        return (high - low > plane.near).then(|| common_point(e, f, plane));
    }
    let touches = plane.is_on(f.from, f.to, e.from)
        || plane.is_on(f.from, f.to, e.to)
        || plane.is_on(e.from, e.to, f.from)
        || plane.is_on(e.from, e.to, f.to);
    (!touches).then(|| common_point(e, f, plane))
}

/// A point that two edges have in common.
fn common_point(e: &Edge, f: &Edge, plane: &Plane) -> P {
    for (edge, p) in [(e, f.from), (e, f.to), (f, e.from), (f, e.to)] {
        if plane.is_on(edge.from, edge.to, p) {
            return p;
        }
    }
    let (dx, dy) = (e.to[0] - e.from[0], e.to[1] - e.from[1]);
    let (fx, fy) = (f.to[0] - f.from[0], f.to[1] - f.from[1]);
    let at = ((f.from[0] - e.from[0]) * fy - (f.from[1] - e.from[1]) * fx) / (dx * fy - dy * fx);
    [e.from[0] + dx * at, e.from[1] + dy * at]
}

/// Refuses a hole in a hole. Borders do not cross, so a vertex tells. Holes are taken from the left, and compared with those that
/// reach as far.
fn check_nesting(holes: &[Vec<P>], plane: &Plane) -> Result<(), Invalid> {
    let reach = |hole: &[P]| {
        let low = hole.iter().fold(f64::INFINITY, |low, p| low.min(p[0]));
        let high = hole.iter().fold(f64::NEG_INFINITY, |high, p| high.max(p[0]));
        (low, high)
    };
    let mut order: Vec<(f64, f64, &Vec<P>)> = Vec::with_capacity(holes.len());
    order.extend(holes.iter().map(|hole| {
        let (low, high) = reach(hole);
        (low, high, hole)
    }));
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut open: Vec<(f64, f64, &Vec<P>)> = Vec::new();
    let mut left = PAIRS;
    for one in order {
        open.retain(|other| other.1 >= one.0);
        for other in &open {
            left = left.checked_sub(one.2.len() + other.2.len()).ok_or(Invalid::TooComplex)?;
            let inside = |a: &[P], b: &Vec<P>| is_in(a, std::slice::from_ref(b), plane) == Some(true);
            if inside(one.2, other.2) || inside(other.2, one.2) {
                return Err(Invalid::NestedHoles);
            }
        }
        open.push(one);
    }
    Ok(())
}
