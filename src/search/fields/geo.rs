//! The index of a GEO field: points on the earth, found by circle.
//!
//! A point is stored as its cell, the interleaved bits of longitude and latitude, in the grid of Redis's own GEO commands,
//! whose 52 bits end at 85.05° north and south; here it goes on to the poles, with a bit more. The coordinates of a point are
//! read back from the middle of its cell (0.6 m at most from where they were). Cells are exact in a double, so a [`NumericIndex`] holds them: a circle is covered by nine cells of a coarser grid, each a range of numbers,
//! and what these hold is measured by the haversine formula.

use super::numeric::NumericIndex;
use crate::search::doc_id::DocId;
use crate::search::query::ast::{Circle, Range};
use roaring::RoaringBitmap;

/// Meters; what Redis computes with.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Degrees of longitude that a point can have.
pub const LONGITUDES: std::ops::RangeInclusive<f64> = -180.0..=180.0;
/// Degrees of latitude that a point can have.
pub const LATITUDES: std::ops::RangeInclusive<f64> = -90.0..=90.0;
/// The latitudes that the web's map projection and Redis's grid have.
const GRID_LATITUDES: std::ops::RangeInclusive<f64> = -85.05112878..=85.05112878;
/// 2^BITS steps are the width of all longitudes, and of the latitudes of Redis's grid.
const BITS: u32 = 26;
/// Where the steps of that grid begin among all latitudes.
const SOUTH: u32 = 1 << (BITS - 1);

/// A point on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Longitude.
    pub lon: f64,
    /// Latitude.
    pub lat: f64,
}

impl Point {
    /// Whether the coordinates are ones that a point can have.
    pub fn is_valid(self) -> bool {
        LONGITUDES.contains(&self.lon) && LATITUDES.contains(&self.lat)
    }

    /// Meters between two points along the surface.
    pub fn distance(self, other: Self) -> f64 {
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let u = ((lat2 - lat1) / 2.0).sin();
        let v = ((other.lon.to_radians() - self.lon.to_radians()) / 2.0).sin();
        2.0 * EARTH_RADIUS * (u * u + lat1.cos() * lat2.cos() * v * v).sqrt().min(1.0).asin()
    }

    /// The cell of the point, as a number.
    fn cell(self) -> f64 {
        let (x, y) = (column(self.lon), row(self.lat));
        // 53 bits: exact.
        interleave(x, y) as f64
    }

    /// The middle of a cell.
    fn of_cell(cell: f64) -> Self {
        let (x, y) = deinterleave(cell as u64);
        let lat = middle(f64::from(y) - f64::from(SOUTH), &GRID_LATITUDES);
        Self { lon: middle(f64::from(x), &LONGITUDES).clamp(-180.0, 180.0), lat: lat.clamp(-90.0, 90.0) }
    }
}

/// In which step of a range of degrees a coordinate is; outside of it below 0, or 2^26 and above.
fn step(degrees: f64, range: &std::ops::RangeInclusive<f64>) -> f64 {
    (degrees - range.start()) / (range.end() - range.start()) * f64::from(1u32 << BITS)
}

/// The step of a longitude. The upper end itself belongs to the last one; the cast saturates.
fn column(lon: f64) -> u32 {
    (step(lon, &LONGITUDES) as u32).min((1 << BITS) - 1)
}

/// The step of a latitude, from below the south pole on. Casts cut towards 0, so what is below Redis's grid is moved first.
fn row(lat: f64) -> u32 {
    (step(lat, &GRID_LATITUDES) + f64::from(SOUTH)) as u32
}

/// The middle of a step.
fn middle(step: f64, range: &std::ops::RangeInclusive<f64>) -> f64 {
    let width = range.end() - range.start();
    let steps = f64::from(1u32 << BITS);
    let low = range.start() + step / steps * width;
    let high = range.start() + (step + 1.0) / steps * width;
    (low + high) / 2.0
}

/// Spreads the bits of a number to the even places.
fn spread(x: u32) -> u64 {
    let mut x = u64::from(x);
    x = (x | x << 16) & 0x0000_FFFF_0000_FFFF;
    x = (x | x << 8) & 0x00FF_00FF_00FF_00FF;
    x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & 0x5555_5555_5555_5555
}

/// Collects the bits at the even places.
fn collect(x: u64) -> u32 {
    let mut x = x & 0x5555_5555_5555_5555;
    x = (x | x >> 1) & 0x3333_3333_3333_3333;
    x = (x | x >> 2) & 0x0F0F_0F0F_0F0F_0F0F;
    x = (x | x >> 4) & 0x00FF_00FF_00FF_00FF;
    x = (x | x >> 8) & 0x0000_FFFF_0000_FFFF;
    (x | x >> 16) as u32
}

/// The bits of two numbers in turn: longitude at the odd places, latitude at the even ones.
fn interleave(x: u32, y: u32) -> u64 {
    spread(x) << 1 | spread(y)
}

fn deinterleave(cell: u64) -> (u32, u32) {
    (collect(cell >> 1), collect(cell))
}

/// The circle in meters.
fn meters(circle: &Circle) -> f64 {
    circle.radius * circle.unit.meters()
}

/// The ranges of cells that cover a circle: at most 9 squares of a grid no finer than the circle. `None`: everything.
fn cover(circle: &Circle) -> Option<Vec<Range>> {
    let radius = meters(circle);
    // Degrees that the circle reaches to each side.
    let lat_reach = (radius / EARTH_RADIUS).to_degrees();
    let nearest_pole = (circle.lat.abs() + lat_reach).min(90.0);
    let shrink = nearest_pole.to_radians().cos();
    let lon_reach = lat_reach / shrink.max(f64::MIN_POSITIVE);
    if !lat_reach.is_finite() || lat_reach >= 45.0 || lon_reach >= 90.0 || nearest_pole >= 89.0 {
        return None;
    }
    // The finest grid whose squares are not smaller than the reach, so that the 3 × 3 around the center cover it.
    let mut bits = BITS;
    let width =
        |range: &std::ops::RangeInclusive<f64>, bits: u32| (range.end() - range.start()) / f64::from(1u32 << bits);
    while bits > 1 && (width(&LONGITUDES, bits) < lon_reach || width(&GRID_LATITUDES, bits) < lat_reach) {
        bits -= 1;
    }
    let shift = BITS - bits;
    let (x, y) = (column(circle.lon) >> shift, row(circle.lat) >> shift);
    let steps = 1u32 << bits;
    let mut squares = std::collections::BTreeSet::new();
    for dx in [steps - 1, 0, 1] {
        for dy in [-1, 0, 1] {
            // As far as the poles, and farther, where nothing is.
            let Some(row) = y.checked_add_signed(dy) else { continue };
            // Longitudes go around.
            squares.insert(interleave((x + dx) % steps, row));
        }
    }
    let square = |at: u64| Range {
        min: (at << (2 * shift)) as f64,
        max: ((at + 1) << (2 * shift)) as f64,
        min_inclusive: true,
        max_inclusive: false,
    };
    Some(squares.into_iter().map(square).collect())
}

/// The points of the documents, found by circle.
#[derive(Debug, Default)]
pub struct GeoIndex {
    cells: NumericIndex,
}

impl GeoIndex {
    /// How many documents have a point.
    pub fn docs(&self) -> usize {
        self.cells.docs()
    }

    /// How many points are stored.
    pub fn entries(&self) -> u64 {
        self.cells.entries()
    }

    /// Sets the points of a document, which replace those it had. Says whether anything changed.
    pub fn set(&mut self, doc: DocId, points: &[Point]) -> bool {
        let cells: Vec<f64> = points.iter().map(|point| point.cell()).collect();
        self.cells.set(doc, &cells)
    }

    /// Takes a document out.
    pub fn remove(&mut self, doc: DocId) {
        self.cells.remove(doc);
    }

    /// Whether one of the points of a document is in a circle.
    pub fn matches(&self, doc: DocId, circle: &Circle) -> bool {
        let (center, radius) = (Point { lon: circle.lon, lat: circle.lat }, meters(circle));
        self.cells.values(doc).any(|cell| center.distance(Point::of_cell(cell)) <= radius)
    }

    /// At most how many documents are in a circle.
    pub fn estimate(&self, circle: &Circle) -> u64 {
        let all = self.docs() as u64;
        cover(circle)
            .map_or(all, |squares| squares.iter().map(|range| self.cells.estimate(range)).sum::<u64>().min(all))
    }

    /// The documents with a point in a circle.
    pub fn within(&self, circle: &Circle) -> RoaringBitmap {
        let everywhere = Range { min: 0.0, max: f64::INFINITY, min_inclusive: true, max_inclusive: true };
        let squares = cover(circle).unwrap_or_else(|| vec![everywhere]);
        let near =
            squares.iter().map(|range| self.cells.range(range)).reduce(|all, some| all | some).unwrap_or_default();
        near.into_iter().filter(|doc| self.matches(DocId(*doc), circle)).collect()
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        self.cells.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::query::ast::Unit;
    use proptest::prelude::*;

    fn point() -> impl Strategy<Value = Point> {
        prop_oneof![
            (LONGITUDES, LATITUDES).prop_map(|(lon, lat)| Point { lon, lat }),
            (-1.0..1.0, -1.0..1.0).prop_map(|(lon, lat)| Point { lon, lat }),
            (179.0..180.0, -1.0..1.0).prop_map(|(lon, lat)| Point { lon, lat }),
            (-180.0..-179.0, 84.0..86.0).prop_map(|(lon, lat)| Point { lon, lat }),
            (-180.0..180.0, -90.0..-84.9).prop_map(|(lon, lat)| Point { lon, lat }),
            (-180.0..180.0, 85.0..=90.0).prop_map(|(lon, lat)| Point { lon, lat }),
        ]
    }

    proptest! {
        #[test]
        fn circles_find_what_a_scan_finds(
            points in prop::collection::vec(prop::collection::vec(point(), 0..3), 0..60),
            center in point(),
            radius in prop_oneof![1.0..200_000.0, 1.0..2.5e7],
        ) {
            let mut index = GeoIndex::default();
            for (doc, points) in points.iter().enumerate() {
                index.set(DocId(doc as u32), points);
            }
            let circle = Circle { lon: center.lon, lat: center.lat, radius, unit: Unit::Meters };
            let expected = (0..points.len() as u32).filter(|doc| index.matches(DocId(*doc), &circle));
            let found = index.within(&circle);
            prop_assert!(index.estimate(&circle) >= found.len());
            prop_assert!(found.iter().eq(expected));
        }

        #[test]
        fn a_cell_is_less_than_a_meter_from_its_point(point in point()) {
            prop_assert!(point.distance(Point::of_cell(point.cell())) < 1.0);
        }
    }

    /// The example of Redis's GEODIST: 166274.1516 m between Palermo and Catania.
    #[test]
    fn distances_are_those_of_the_server() {
        let palermo = Point { lon: 13.361389, lat: 38.115556 };
        let catania = Point { lon: 15.087269, lat: 37.502669 };
        let stored = Point::of_cell(palermo.cell()).distance(Point::of_cell(catania.cell()));
        assert!((stored - 166_274.151_6).abs() < 0.0001, "{stored}");
    }
}
