//! How shapes lie, beside the field's answers and a naive raster.

use super::*;
use proptest::prelude::*;

fn flat(text: &str) -> Shape {
    Shape::parse(text.as_bytes(), System::Flat).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

fn spherical(text: &str) -> Shape {
    Shape::parse(text.as_bytes(), System::Spherical).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
}

const SQUARE: &str = "POLYGON((0 0,0 4,4 4,4 0,0 0))";
const RING: &str = "POLYGON((0 0,0 10,10 10,10 0,0 0),(2 2,2 8,8 8,8 2,2 2))";
const FILLS: &str = "POLYGON((2 2,2 8,8 8,8 2,2 2))";
const IN_HOLE: &str = "POLYGON((4 4,4 6,6 6,6 4))";

/// (document, query): within, contains, intersects.
#[test]
fn shapes_in_the_plane_lie_as_the_field_says() {
    for (document, query, expected) in [
        (SQUARE, SQUARE, [true, true, true]),
        ("POINT(1 1)", SQUARE, [true, false, true]),
        ("POINT(0 2)", SQUARE, [false, false, true]),
        ("POINT(4 4)", SQUARE, [false, false, true]),
        ("POINT(5 5)", SQUARE, [false, false, false]),
        ("POINT(0 2)", "POINT(0 2)", [false, false, true]),
        (RING, SQUARE, [false, false, true]),
        (RING, RING, [true, true, true]),
        (FILLS, RING, [false, false, true]),
        (IN_HOLE, RING, [false, false, false]),
        (IN_HOLE, FILLS, [true, false, true]),
        (RING, FILLS, [false, false, true]),
        (SQUARE, "POLYGON((0 0,0 10,10 10,10 0))", [true, false, true]),
        (RING, "POLYGON((0 0,0 10,10 10,10 0))", [true, false, true]),
        ("POLYGON((0 0,0 10,10 10,10 0))", RING, [false, true, true]),
        ("POLYGON((4 0,4 4,8 4,8 0))", SQUARE, [false, false, true]),
        ("POLYGON((4 4,4 5,5 5,5 4))", SQUARE, [false, false, true]),
        ("POLYGON((0 0,4 4,4 0,0 0))", SQUARE, [true, false, true]),
        ("POLYGON((0 0,0 6,2 6,2 2,6 2,6 0,0 0))", RING, [true, false, true]),
        ("POLYGON((0 4,4 0,0 0,0 4))", "POLYGON((0 0,0 6,2 6,2 2,6 2,6 0,0 0))", [true, false, true]),
        ("POLYGON((3 5,5 3,5 5,3 5))", SQUARE, [false, false, true]),
    ] {
        let (document, query) = (flat(document), flat(query));
        let never = Watch::default();
        let is = |predicate| document.is(predicate, &query, &never);
        assert_eq!(
            [is(Predicate::Within), is(Predicate::Contains), is(Predicate::Intersects)],
            expected,
            "{document:?} {query:?}"
        );
        assert_eq!(is(Predicate::Disjoint), !expected[2]);
    }
}

#[test]
fn shapes_on_the_sphere_lie_as_the_field_says() {
    let equator = "POLYGON((-10 -10,-10 10,10 10,10 -10,-10 -10))";
    let band = "POLYGON((0 50,90 50,90 60,0 60,0 50))";
    let seam = "POLYGON((170 -5,-170 -5,-170 5,170 5,170 -5))";
    let pole = "POLYGON((0 80,90 80,180 80,-90 80,0 80))";
    for (document, query, expected) in [
        ("POINT(45 65)", band, [true, false, true]),
        ("POINT(45 55)", band, [false, false, false]),
        ("POINT(180 0)", seam, [true, false, true]),
        ("POINT(-180 0)", seam, [true, false, true]),
        ("POINT(-179 1)", seam, [true, false, true]),
        ("POINT(45 89)", pole, [true, false, true]),
        ("POINT(10 0)", equator, [false, false, true]),
        ("POINT(10 10)", equator, [false, false, true]),
        ("POINT(0 0)", equator, [true, false, true]),
        (equator, equator, [true, true, true]),
        (equator, seam, [false, false, false]),
        ("POINT(180 0)", "POINT(-180 0)", [false, false, true]),
        ("POINT(370 0)", "POINT(10 0)", [false, false, true]),
        // Two that do not fit into half of the sphere.
        ("POINT(0 0)", "POINT(180 0)", [false, false, false]),
    ] {
        let (document, query) = (spherical(document), spherical(query));
        let never = Watch::default();
        let is = |predicate| document.is(predicate, &query, &never);
        assert_eq!(
            [is(Predicate::Within), is(Predicate::Contains), is(Predicate::Intersects)],
            expected,
            "{document:?} {query:?}"
        );
        assert_eq!(is(Predicate::Disjoint), !expected[2]);
    }
}

#[test]
fn what_is_no_shape_is_refused() {
    let refused = |text: &str, system| match Shape::parse(text.as_bytes(), system) {
        Err(Problem::Invalid(problem)) => Some(problem),
        _ => None,
    };
    for (text, expected) in [
        ("POINT(inf 1)", Some(Invalid::Coordinate)),
        ("POINT()", Some(Invalid::TooFewPoints)),
        ("POLYGON EMPTY", Some(Invalid::TooFewPoints)),
        ("POLYGON(())", Some(Invalid::TooFewPoints)),
        ("POLYGON((0 0,0 2))", Some(Invalid::TooFewPoints)),
        ("POLYGON((0 0,0 2,0 0))", Some(Invalid::TooFewPoints)),
        ("POLYGON((1 1,1 1,1 1,1 1))", Some(Invalid::Dimension)),
        ("POLYGON((0 0,0 2,0 2,0 0))", Some(Invalid::Dimension)),
        ("POLYGON((0 0,2 2,2 0,0 2,0 0))", Some(Invalid::Orientation)),
        ("POLYGON((0 0,0 4,4 0,3 5,0 0))", Some(Invalid::SelfIntersection(1.5, 2.5))),
        ("POLYGON((0 0,0 4,2 2,4 4,4 0,2 2,0 0))", Some(Invalid::SelfIntersection(2.0, 2.0))),
        ("POLYGON((0 0,0 9,9 9,5 9,5 12,5 9,9 0,0 0))", Some(Invalid::Spike(9.0, 9.0))),
        ("POLYGON((0 0,0 9,9 9,9 0,0 0),(20 20,20 22,22 22,22 20,20 20))", Some(Invalid::HoleOutside)),
        ("POLYGON((0 0,0 9,9 9,9 0,0 0),(1 1,1 8,8 8,8 1,1 1),(2 2,2 3,3 3,3 2,2 2))", Some(Invalid::NestedHoles)),
        ("POLYGON((0 0,0 9,9 9,9 0,0 0),(0 1,1 2,1 1,0 1))", None),
        ("POLYGON((0 0,0 2,2 2,2 2,2 0,0 0))", None),
    ] {
        for system in [System::Flat, System::Spherical] {
            let got = refused(text, system);
            match (got, expected, system) {
                // Where it meets itself is told in the plane that shows it.
                (Some(Invalid::SelfIntersection(..)), Some(Invalid::SelfIntersection(..)), System::Spherical) => {}
                (Some(Invalid::Spike(..)), Some(Invalid::Spike(..)), System::Spherical) => {}
                (_, Some(Invalid::Spike(..) | Invalid::Orientation), System::Spherical) => {}
                _ => assert_eq!(got, expected, "{text} {system:?}"),
            }
        }
    }
    assert_eq!(refused("POLYGON((0 0,1 1,2 2,0 0))", System::Flat), Some(Invalid::Spike(2.0, 2.0)));
    assert_eq!(refused("POLYGON((0 0,1 1,2 2,0 0))", System::Spherical), None);
    let overlapping = "POLYGON((0 0,0 9,9 9,9 0,0 0),(0 1,0 2,1 2,1 1,0 1))";
    assert!(matches!(refused(overlapping, System::Flat), Some(Invalid::SelfIntersection(..))));
}

#[test]
fn a_comb_is_no_trouble_and_a_tangle_is_refused() {
    let teeth = 20_000;
    let comb = |long: f64| {
        let tooth = |nth: usize| format!("0 {},{long} {},", 2 * nth, 2 * nth + 1);
        let points: String = (0..teeth).map(tooth).collect();
        format!("POLYGON(({points}-1 {},-1 -1,0 0))", 2 * teeth)
    };
    assert!(Shape::parse(comb(1e6).as_bytes(), System::Flat).is_ok());
    // Edges all across each other's boxes: it is either found to be wrong or too much.
    let star = |nth: usize| format!("{} {}", nth, if nth.is_multiple_of(2) { nth } else { 100_000 - nth });
    let tangle: Vec<String> = (0..teeth).map(star).collect();
    assert!(Shape::parse(format!("POLYGON(({}))", tangle.join(",")).as_bytes(), System::Flat).is_err());
}

/// A polygon of unit squares, as which of them it has: in rows from the bottom, their left and right ends.
fn stairs() -> impl Strategy<Value = (i32, Vec<(i32, i32)>)> {
    (-3i32..4, prop::collection::vec((-4i32..1, 1i32..5), 1..5))
}

/// The text of it, with this behind every number.
fn text((bottom, rows): &(i32, Vec<(i32, i32)>), unit: &str) -> String {
    let corner = |x: i32, y: i32| format!("{x}{unit} {y}{unit}");
    let mut points: Vec<String> = Vec::new();
    for ((_, right), y) in rows.iter().zip(*bottom..) {
        points.extend([corner(*right, y), corner(*right, y + 1)]);
    }
    for (nth, (left, _)) in rows.iter().enumerate().rev() {
        let y = bottom + nth as i32;
        points.extend([corner(*left, y + 1), corner(*left, y)]);
    }
    format!("POLYGON(({}))", points.join(","))
}

/// The squares of a polygon.
fn squares((bottom, rows): &(i32, Vec<(i32, i32)>)) -> Vec<(i32, i32)> {
    let row = |(nth, (left, right)): (usize, &(i32, i32))| (*left..*right).map(move |x| (x, bottom + nth as i32));
    rows.iter().enumerate().flat_map(row).collect()
}

proptest! {
    #[test]
    fn polygons_of_squares_lie_as_their_squares_do(a in stairs(), b in stairs()) {
        let (of_a, of_b) = (squares(&a), squares(&b));
        let (a, b) = (flat(&text(&a, "")), flat(&text(&b, "")));
        let never = Watch::default();
        let touch = |(x, y): &(i32, i32), (z, w): &(i32, i32)| (x - z).abs() <= 1 && (y - w).abs() <= 1;
        let meet = of_a.iter().any(|one| of_b.iter().any(|other| touch(one, other)));
        prop_assert_eq!(a.is(Predicate::Intersects, &b, &never), meet);
        prop_assert_eq!(b.is(Predicate::Intersects, &a, &never), meet);
        prop_assert_eq!(a.is(Predicate::Disjoint, &b, &never), !meet);
        let within = of_a.iter().all(|one| of_b.contains(one));
        prop_assert_eq!(a.is(Predicate::Within, &b, &never), within);
        prop_assert_eq!(b.is(Predicate::Contains, &a, &never), within);
    }

    /// The entry of the fuzz target `shape`.
    #[test]
    fn any_text_is_survived(text in "(POINT|POLYGON) ?[(]{0,2}([-0-9]{1,3}(.5)? [-0-9]{1,2}[,)(]){0,9}[)]{0,2}") {
        fuzz(text.as_bytes());
    }

    /// Small shapes far from the poles lie on the sphere as they do in the plane.
    #[test]
    fn the_sphere_is_flat_from_near(a in stairs(), x in 0i32..9, y in 0i32..9) {
        let inside = squares(&a).contains(&(x, y));
        let point = spherical(&format!("POINT({x}.5e-3 {y}.5e-3)"));
        prop_assert_eq!(point.is(Predicate::Within, &spherical(&text(&a, "e-3")), &Watch::default()), inside);
    }
}
