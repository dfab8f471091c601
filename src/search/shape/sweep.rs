//! Edges that may meet: pairs whose boxes overlap.
//!
//! The edges are taken in the order of where they begin, along the axis on which they are shorter; those that have not ended are
//! compared on the other one. So it takes O(n log n) and a step for each pair that overlaps on the first axis.

/// A place in the plane.
pub type P = [f64; 2];

/// An edge of a ring.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The ring.
    pub ring: usize,
    /// Its place in the ring.
    pub at: usize,
    /// Where it starts.
    pub from: P,
    /// Where it ends.
    pub to: P,
}

impl Edge {
    /// Where it begins on an axis.
    pub fn low(&self, axis: usize) -> f64 {
        self.from[axis].min(self.to[axis])
    }

    /// Where it ends on an axis.
    pub fn high(&self, axis: usize) -> f64 {
        self.from[axis].max(self.to[axis])
    }
}

/// The edges of rings.
pub fn edges(rings: &[Vec<P>]) -> impl Iterator<Item = Edge> {
    rings.iter().enumerate().flat_map(|(ring, points)| {
        (0..points.len()).map(move |at| Edge { ring, at, from: points[at], to: points[(at + 1) % points.len()] })
    })
}

/// Shows pairs of an edge of the one and an edge of the other whose boxes overlap, or are no farther apart than `near`, until
/// `each` says false. `spend` is told of every pair that is looked at; when it says true, that is the end. False: it did not get
/// to the end.
pub fn pairs(
    a: &[Edge],
    b: &[Edge],
    near: f64,
    spend: &mut dyn FnMut() -> bool,
    each: &mut dyn FnMut(&Edge, &Edge) -> bool,
) -> bool {
    let axis = shorter_axis(a.iter().chain(b));
    let sorted = |edges: &[Edge]| {
        let mut edges = edges.to_vec();
        edges.sort_by(|one, other| one.low(axis).total_cmp(&other.low(axis)));
        edges
    };
    let (a, b) = (sorted(a), sorted(b));
    let (mut next_a, mut next_b) = (a.iter().peekable(), b.iter().peekable());
    let (mut open_a, mut open_b): (Vec<&Edge>, Vec<&Edge>) = (Vec::new(), Vec::new());
    loop {
        let of_a = match (next_a.peek(), next_b.peek()) {
            (Some(one), Some(other)) => one.low(axis) <= other.low(axis),
            (Some(_), None) => !open_b.is_empty(),
            (None, Some(_)) => false,
            (None, None) => return true,
        };
        let (next, mine, others) =
            if of_a { (&mut next_a, &mut open_a, &mut open_b) } else { (&mut next_b, &mut open_b, &mut open_a) };
        let Some(edge) = next.next() else { return true };
        let mut stopped = false;
        others.retain(|other| {
            let open = other.high(axis) + near >= edge.low(axis);
            if open && !stopped {
                stopped = spend();
                let across = 1 - axis;
                if edge.low(across) <= other.high(across) + near && other.low(across) <= edge.high(across) + near {
                    stopped |= if of_a { !each(edge, other) } else { !each(other, edge) };
                }
            }
            open
        });
        if stopped {
            return false;
        }
        mine.push(edge);
    }
}

/// The axis on which edges are shorter, compared with all of them together.
fn shorter_axis<'e>(edges: impl Iterator<Item = &'e Edge>) -> usize {
    let (mut low, mut high, mut sum) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2], [0.0; 2]);
    for edge in edges {
        for axis in 0..2 {
            low[axis] = low[axis].min(edge.low(axis));
            high[axis] = high[axis].max(edge.high(axis));
            sum[axis] += edge.high(axis) - edge.low(axis);
        }
    }
    let share = |axis: usize| sum[axis] / (high[axis] - low[axis]).max(f64::MIN_POSITIVE);
    usize::from(share(1) < share(0))
}
