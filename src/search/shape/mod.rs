//! Shapes of GEOSHAPE fields: points and polygons with holes, in the plane or on the sphere, and how two of them lie.
//!
//! | part | what |
//! |---|---|
//! | [`wkt`] | their text |
//! | `validity` | which polygons are ones |
//! | `plane` | where points lie, and how two shapes lie, in the plane |
//! | `sphere` | the sphere, and its projections |
//! | `sweep` | edges that may meet |
//! | [`tree`] | an R-tree of boxes |
//!
//! # Meaning
//! That of DE-9IM. A polygon has its border; a hole is outside, its rim is border. [`Predicate::Within`] says that no point of
//! the one is outside the other and that their insides meet; so a point on a border is not within, and of two points neither is
//! within the other.
//!
//! # The sphere
//! Edges are the shorter arcs of great circles; a polygon is its smaller side. Two shapes are compared in the plane of the gnomonic
//! projection from their middle, which makes great circles straight lines. It shows half of the sphere: shapes that do not both
//! fit into one half are disjoint. What is nearer than 1e-12 rad is the same.

mod plane;
mod sphere;
mod sweep;
pub mod tree;
mod validity;
pub mod wkt;

use crate::watch::Watch;
use plane::{Plane, Region};
use sphere::Unit;
use sweep::P;
use tree::Bounds;

/// Where shapes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// In the plane: FLAT.
    Flat,
    /// On the sphere, in degrees of longitude and latitude: SPHERICAL.
    Spherical,
}

/// How a document's shape must lie to that of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicate {
    /// The query's is within the document's.
    Contains,
    /// The document's is within the query's.
    Within,
    /// They have no point in common.
    Disjoint,
    /// They have one.
    Intersects,
}

/// Why a text is no shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// It is not in the language.
    Text(wkt::Error),
    /// It is no valid shape.
    Invalid(Invalid),
}

/// Why a shape is not valid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Invalid {
    /// A coordinate that is infinite or no number.
    Coordinate,
    /// A ring of less than three points, or a point without coordinates.
    TooFewPoints,
    /// A ring of enough points, but not of three different ones.
    Dimension,
    /// A ring that turns back on itself here.
    Spike(f64, f64),
    /// A ring without an inside.
    Orientation,
    /// Rings that meet themselves or each other here, where they must not.
    SelfIntersection(f64, f64),
    /// A hole that is not in the polygon.
    HoleOutside,
    /// A hole in a hole.
    NestedHoles,
    /// Edges that are near each other in so many places that to look at all of them would take too long.
    TooComplex,
}

/// A shape. A point is one ring of one vertex.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    vertices: Vertices,
    bounds: Option<Bounds>,
}

/// Rings of vertices, the outer one first, none with its first vertex again at its end.
#[derive(Debug, Clone, PartialEq)]
enum Vertices {
    Flat(Vec<Vec<P>>),
    Spherical(Vec<Vec<Unit>>),
}

impl Shape {
    /// Reads a shape.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn parse(text: &[u8], system: System) -> Result<Self, Problem> {
        let rings = wkt::parse(text).map_err(Problem::Text)?;
        Self::new(rings, system).map_err(Problem::Invalid)
    }

    fn new(rings: wkt::Rings, system: System) -> Result<Self, Invalid> {
        let is_point = rings.is_point;
        let rings = validity::cleaned(rings)?;
        match system {
            System::Flat => {
                if !is_point {
                    validity::check(&rings, &Plane::EXACT)?;
                }
                let bounds = Bounds::of(rings[0].iter().map(|[x, y]| [*x, *y, 0.0]));
                Ok(Self { vertices: Vertices::Flat(rings), bounds })
            }
            System::Spherical => {
                let rings: Vec<Vec<Unit>> =
                    rings.iter().map(|ring| ring.iter().map(|[x, y]| sphere::unit(*x, *y)).collect()).collect();
                // What does not fit into half of the sphere has no inside that could be looked at.
                if let (false, Some(view)) = (is_point, sphere::View::of(&[&rings[..]])) {
                    let plain = view.project(&rings).unwrap_or_default();
                    validity::check(&plain, &view.plane())?;
                }
                let bounds = sphere::bounds(&rings);
                Ok(Self { vertices: Vertices::Spherical(rings), bounds })
            }
        }
    }

    /// A box that it lies in; `None`: it is disjoint from everything.
    pub fn bounds(&self) -> Option<&Bounds> {
        self.bounds.as_ref()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let rings: usize = match &self.vertices {
            Vertices::Flat(rings) => rings.iter().map(|ring| ring.capacity() * size_of::<P>()).sum(),
            Vertices::Spherical(rings) => rings.iter().map(|ring| ring.capacity() * size_of::<Unit>()).sum(),
        };
        size_of::<Self>() + rings + self.rings() * size_of::<Vec<P>>()
    }

    /// How many vertices it has.
    pub fn vertices(&self) -> usize {
        match &self.vertices {
            Vertices::Flat(rings) => rings.iter().map(Vec::len).sum(),
            Vertices::Spherical(rings) => rings.iter().map(Vec::len).sum(),
        }
    }

    fn rings(&self) -> usize {
        match &self.vertices {
            Vertices::Flat(rings) => rings.len(),
            Vertices::Spherical(rings) => rings.len(),
        }
    }

    /// Whether a document's shape, this one, lies so to a query's. False, too, where time is over.
    pub fn is(&self, predicate: Predicate, asked: &Self, watch: &Watch<'_>) -> bool {
        match predicate {
            Predicate::Intersects => self.compare(asked, |plane, a, b| plane.intersect(a, b, watch)),
            Predicate::Disjoint => !self.is(Predicate::Intersects, asked, watch) && !watch.is_over(),
            Predicate::Within => self.compare(asked, |plane, a, b| plane.is_within(a, b, watch)),
            Predicate::Contains => self.compare(asked, |plane, a, b| plane.is_within(b, a, watch)),
        }
    }

    /// Whether a document's shape that fills a box lies so to a query's, this one, where the box alone tells: in the plane.
    pub fn told_by_box(&self, predicate: Predicate, bounds: &Bounds, watch: &Watch<'_>) -> Option<bool> {
        let (Vertices::Flat(rings), Some(own)) = (&self.vertices, &self.bounds) else { return None };
        let surrounded = || {
            watch.spend(self.vertices() / 4 + 1);
            plane::surrounds(rings, bounds).then_some(true)
        };
        match predicate {
            Predicate::Within if !own.contains(bounds) => Some(false),
            Predicate::Contains if !bounds.contains(own) => Some(false),
            Predicate::Within | Predicate::Intersects => surrounded(),
            Predicate::Contains | Predicate::Disjoint => None,
        }
    }

    /// Compares the two in a plane; false where none shows both.
    fn compare(&self, other: &Self, ask: impl FnOnce(&Plane, &Region<'_>, &Region<'_>) -> bool) -> bool {
        match (&self.bounds, &other.bounds) {
            (Some(a), Some(b)) if a.overlaps(b) => {}
            _ => return false,
        }
        match (&self.vertices, &other.vertices) {
            (Vertices::Flat(a), Vertices::Flat(b)) => ask(&Plane::EXACT, &Region::new(a), &Region::new(b)),
            (Vertices::Spherical(a), Vertices::Spherical(b)) => {
                let Some(view) = sphere::View::of(&[a, b]) else { return false };
                let (Some(a), Some(b)) = (view.project(a), view.project(b)) else { return false };
                ask(&view.plane(), &Region::new(&a), &Region::new(&b))
            }
            _ => false,
        }
    }
}

/// What fuzzing calls: whatever the bytes, they are refused or are a shape that lies to itself as it should.
#[doc(hidden)]
pub fn fuzz(text: &[u8]) {
    for system in [System::Flat, System::Spherical] {
        let Ok(shape) = Shape::parse(text, system) else { continue };
        let Some(bounds) = shape.bounds() else { continue };
        assert!(bounds.overlaps(bounds));
        let never = Watch::default();
        let _ = shape.is(Predicate::Intersects, &shape, &never);
        let _ = shape.is(Predicate::Within, &shape, &never);
    }
}

#[cfg(test)]
mod tests;
