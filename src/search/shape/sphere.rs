//! The sphere: places as unit vectors, and the planes that show half of it.

use super::plane::Plane;
use super::sweep::P;
use super::tree::Bounds;

/// A place on the sphere, as a vector of length 1.
pub type Unit = [f64; 3];

/// Radians that are no distance.
const NEAR: f64 = 1e-12;
/// How far from the edge of the half a place is that is still shown, as the cosine of its distance from the middle.
const EDGE: f64 = 1e-9;
/// What boxes are larger than what is in them.
const MARGIN: f64 = 1e-9;

/// The place of a longitude and a latitude in degrees, which may be any numbers.
pub fn unit(lon: f64, lat: f64) -> Unit {
    let (lon, lat) = ((lon % 360.0).to_radians(), (lat % 360.0).to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn dot(a: Unit, b: Unit) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Unit, b: Unit) -> Unit {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn normalized(a: Unit) -> Option<Unit> {
    let length = dot(a, a).sqrt();
    (length > NEAR).then(|| a.map(|x| x / length))
}

/// The gnomonic projection from the middle of some shapes.
#[derive(Debug)]
pub struct View {
    middle: Unit,
    right: Unit,
    up: Unit,
    near: f64,
}

impl View {
    /// The view of shapes; `None`: they do not fit into half of the sphere.
    pub fn of(shapes: &[&[Vec<Unit>]]) -> Option<Self> {
        let places = || shapes.iter().flat_map(|rings| rings.iter()).flatten();
        let sum = places().fold([0.0; 3], |sum: Unit, p| [sum[0] + p[0], sum[1] + p[1], sum[2] + p[2]]);
        let middle = normalized(sum)?;
        let lowest = places().fold(1.0, |lowest: f64, p| lowest.min(dot(*p, middle)));
        if lowest <= EDGE {
            return None;
        }
        // Any axis that is not the middle's own.
        let axis = if middle[2].abs() < 0.9 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
        let right = normalized(cross(axis, middle))?;
        // Far from the middle a distance on the sphere is larger in the plane.
        Some(Self { middle, right, up: cross(middle, right), near: NEAR / (lowest * lowest) })
    }

    /// The plane.
    pub fn plane(&self) -> Plane {
        Plane { near: self.near }
    }

    /// The rings in the plane; `None`: part of them is not shown.
    pub fn project(&self, rings: &[Vec<Unit>]) -> Option<Vec<Vec<P>>> {
        let place = |p: &Unit| {
            let depth = dot(*p, self.middle);
            (depth > EDGE).then(|| [dot(*p, self.right) / depth, dot(*p, self.up) / depth])
        };
        rings.iter().map(|ring| ring.iter().map(place).collect()).collect()
    }
}

/// A box around a shape: that of a cap around its middle that reaches to its farthest vertex. `None`: it does not fit into half of
/// the sphere.
pub fn bounds(rings: &[Vec<Unit>]) -> Option<Bounds> {
    let view = View::of(&[rings])?;
    let lowest = rings[0].iter().fold(1.0, |lowest: f64, p| lowest.min(dot(*p, view.middle)));
    let radius = lowest.clamp(-1.0, 1.0).acos();
    let (mut low, mut high) = ([0.0; 3], [0.0; 3]);
    for axis in 0..3 {
        let angle = view.middle[axis].clamp(-1.0, 1.0).acos();
        high[axis] = (angle - radius).max(0.0).cos() + MARGIN;
        low[axis] = (angle + radius).min(std::f64::consts::PI).cos() - MARGIN;
    }
    Some(Bounds { low, high })
}
