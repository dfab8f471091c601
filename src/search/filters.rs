//! The documents that the options of a command allow: INKEYS, FILTER and GEOFILTER, beside what its query says.

use roaring::RoaringBitmap;

use super::index::{Index, Values};
use super::profile::{Profile, What};
use super::query::ast::{Circle, Range};
use super::schema::FieldId;
use crate::watch::Watch;

/// Steps that finding a document by its key is worth.
const KEY: usize = 4;
/// Steps that a filter is worth: each is as much as a thousand documents, or takes so little that it does not matter.
const FILTER: usize = 1024;

/// Which documents are allowed.
#[derive(Debug, Clone, Copy)]
pub struct Filters<'a> {
    /// INKEYS: only these.
    pub in_keys: Option<&'a [&'a [u8]]>,
    /// FILTER: only those with numbers in these ranges.
    pub ranges: &'a [(FieldId, Range)],
    /// GEOFILTER: only those with points in these circles.
    pub circles: &'a [(FieldId, Circle)],
}

impl Filters<'_> {
    /// The documents that all of them allow; `None`: there is no filter.
    pub fn allowed(&self, index: &Index, profile: Option<&Profile>, watch: &Watch<'_>) -> Option<RoaringBitmap> {
        let told = |what: &dyn Fn() -> What, make: &dyn Fn() -> RoaringBitmap| match profile {
            Some(profile) => profile.whole(what(), make, RoaringBitmap::len),
            None => make(),
        };
        let keys = self.in_keys.map(|keys| {
            let timely = || keys.iter().take_while(|_| !watch.spend(KEY));
            let docs = || timely().filter_map(|key| index.documents().find(key)).map(|doc| doc.0).collect();
            told(&|| What::Plain("ID-LIST"), &docs)
        });
        let values = |field: &FieldId| index.field(*field).map(|field| &field.values);
        let ranges = self.ranges.iter().map(|(field, range)| match values(field) {
            Some(Values::Numeric(numbers)) => {
                told(&|| What::of_range(range, numbers.estimate(range)), &|| numbers.range(range))
            }
            _ => RoaringBitmap::new(),
        });
        let circles = self.circles.iter().map(|(field, circle)| match values(field) {
            Some(Values::Geo(points)) => {
                told(&|| What::of_circle(circle, points.estimate(circle)), &|| points.within(circle))
            }
            _ => RoaringBitmap::new(),
        });
        let filters = ranges.chain(circles).inspect(|_| _ = watch.spend(FILTER));
        keys.into_iter().chain(filters).reduce(|all, some| all & some)
    }
}
