//! The laws of queries: whatever was written, updated and deleted before, the rows that a query finds are those that a
//! look at every document finds, on both ways through a plan, in every order.

use nearset::search::docset::Docset;
use nearset::search::document::{Raw, RawDocument};
use nearset::search::execute::{Order, Request, SortKey, execute, matching, matching_by_walk};
use nearset::search::index::{Change, Index};
use nearset::search::plan::Settings;
use nearset::search::query::ast::*;
use nearset::search::schema::{self, FieldId, FieldMask, Schema};
use nearset::search::score::Scorer;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const WORDS: [&str; 12] = ["wa", "wb", "wab", "wba", "wabb", "zab", "zz", "wé", "é", "中国", "中", "w"];
const PATTERNS: [&str; 12] = ["*", "**", "?*", "*?", "?", "??", "???", "w?", "*b", "?a*", "中?", "*国*"];

/// Whether a word matches a pattern, by the textbook.
fn fits(pattern: &[char], word: &[char]) -> bool {
    match (pattern, word) {
        ([], _) => word.is_empty(),
        (['*', rest @ ..], _) => (0..=word.len()).any(|skipped| fits(rest, &word[skipped..])),
        ([first, rest @ ..], [char, after @ ..]) => (*first == '?' || first == char) && fits(rest, after),
        _ => false,
    }
}

fn matches_pattern(pattern: &Pattern, word: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<_>>();
    fits(&chars(std::str::from_utf8(&pattern.text).unwrap()), &chars(word))
}

/// Whether a word has a part where it should be, the part being long enough: bytes count.
fn has_part(affix: &Affix, word: &str, least: usize) -> bool {
    let part = std::str::from_utf8(&affix.text).unwrap();
    part.len() >= least
        && match (affix.open_start, affix.open_end) {
            (true, true) => word.contains(part),
            (true, false) => word.ends_with(part),
            _ => word.starts_with(part),
        }
}

fn definition() -> Schema {
    let words = "SCHEMA t TEXT NOSTEM INDEXMISSING WITHSUFFIXTRIE u TEXT NOSTEM WEIGHT 2 SORTABLE \
                 g TAG INDEXMISSING SORTABLE n NUMERIC INDEXMISSING SORTABLE p GEO \
                 v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2";
    schema::create(b"i", words.split_whitespace().map(str::as_bytes)).expect("a schema")
}

/// What a key holds.
#[derive(Debug, Clone, Default)]
struct Doc {
    t: Option<Vec<usize>>,
    u: Option<Vec<usize>>,
    g: Option<BTreeSet<usize>>,
    n: Option<i32>,
    p: Option<(i8, i8)>,
    v: Option<(i8, i8)>,
    /// A number that is none: the document is refused.
    broken: bool,
}

fn join(words: impl IntoIterator<Item = usize>, with: &str) -> Raw {
    let words: Vec<&str> = words.into_iter().map(|word| WORDS[word]).collect();
    Raw::Hash(words.join(with).into_bytes().into())
}

fn blob(v: (i8, i8)) -> Box<[u8]> {
    [f32::from(v.0), f32::from(v.1)].iter().flat_map(|x| x.to_le_bytes()).collect()
}

impl Doc {
    fn raw(&self) -> RawDocument {
        let fields = vec![
            self.t.clone().map_or(Raw::Absent, |words| join(words, " ")),
            self.u.clone().map_or(Raw::Absent, |words| join(words, ", ")),
            self.g.clone().map_or(Raw::Absent, |tags| join(tags, ",")),
            match (self.broken, self.n) {
                (true, _) => Raw::Hash(b"x"[..].into()),
                (false, Some(n)) => Raw::Hash(n.to_string().into_bytes().into()),
                (false, None) => Raw::Absent,
            },
            self.p.map_or(Raw::Absent, |p| Raw::Hash(format!("{},{}", p.0, p.1).into_bytes().into())),
            self.v.map_or(Raw::Absent, |v| Raw::Hash(blob(v))),
        ];
        RawDocument { fields, ..RawDocument::default() }
    }

    /// Where the words that satisfy `wanted` stand, and whether one of them is in the fields.
    fn find(&self, fields: FieldMask, wanted: &dyn Fn(&str) -> bool) -> Option<Vec<u32>> {
        let (mut positions, mut hit, mut at) = (Vec::new(), BTreeSet::new(), 0);
        for (field, words) in [&self.t, &self.u].into_iter().enumerate() {
            for word in words.iter().flatten() {
                at += 1;
                if wanted(WORDS[*word]) {
                    positions.push((*word, at));
                    if fields.contains(schema::TextId(field as u8)) {
                        hit.insert(*word);
                    }
                }
            }
        }
        let found: Vec<u32> = positions.iter().filter(|(word, _)| hit.contains(word)).map(|(_, at)| *at).collect();
        (!found.is_empty()).then_some(found)
    }

    fn distance(&self, to: (i8, i8)) -> Option<f64> {
        let squared = |a: i8, b: i8| f64::from(i32::from(a) - i32::from(b)).powi(2);
        self.v.map(|v| squared(v.0, to.0) + squared(v.1, to.1))
    }

    /// The positions of what matches, if the document does.
    fn matches(&self, node: &Node, settings: &Settings) -> Option<Vec<u32>> {
        let mask = node.fields.and(settings.in_fields);
        let truth = |holds: bool| holds.then(Vec::new);
        match &node.kind {
            Kind::All => Some(Vec::new()),
            Kind::Term(term) => self.find(mask, &|word| word.as_bytes() == &*term.text),
            Kind::Affix(affix) => self.find(mask, &|word| has_part(affix, word, settings.min_affix)),
            Kind::Wildcard(pattern) => self.find(mask, &|word| matches_pattern(pattern, word)),
            Kind::Phrase(terms) => {
                let lists: Option<Vec<_>> =
                    terms.iter().map(|term| self.find(mask, &|word| word.as_bytes() == &*term.text)).collect();
                lists.filter(|lists| stands(lists, 0, true)).map(|lists| lists.concat())
            }
            Kind::Intersect(children) => {
                let lists: Option<Vec<_>> = children.iter().map(|child| self.matches(child, settings)).collect();
                let mut lists = lists?;
                lists.retain(|list| !list.is_empty());
                let slop = node.attributes.slop.unwrap_or(settings.slop);
                let in_order = node.attributes.in_order.unwrap_or(settings.in_order);
                let asked = slop >= 0 || in_order;
                let slop = u32::try_from(slop).unwrap_or(1_000_000);
                (!asked || stands(&lists, slop, in_order)).then(|| sorted(lists.concat()))
            }
            Kind::Union(children) => {
                let lists: Vec<_> = children.iter().filter_map(|child| self.matches(child, settings)).collect();
                (!lists.is_empty()).then(|| sorted(lists.concat()))
            }
            Kind::Not(child) => truth(self.matches(child, settings).is_none()),
            Kind::Optional(child) => Some(self.matches(child, settings).unwrap_or_default()),
            Kind::Tag { values, .. } => truth(self.g.iter().flatten().any(|tag| {
                values.iter().any(|value| match value {
                    TagValue::Exact(wanted) => WORDS[*tag].as_bytes() == &**wanted,
                    TagValue::Affix(affix) => has_part(affix, WORDS[*tag], settings.min_affix),
                    TagValue::Wildcard(pattern) => matches_pattern(pattern, WORDS[*tag]),
                    TagValue::Words(_) => false,
                })
            })),
            Kind::Numeric { range, .. } => truth(self.n.is_some_and(|n| range.contains(f64::from(n)))),
            Kind::Geo { circle, .. } => truth(self.p.is_some_and(|p| {
                // All points are on the equator or a meridian through the center, whole degrees apart.
                let degrees = f64::from(p.0).hypot(f64::from(p.1));
                degrees * 111_226.0 <= circle.radius * circle.unit.meters()
            })),
            Kind::VectorRange(range) => {
                let to = |at: usize| f32::from_le_bytes(range.vector.blob[at..at + 4].try_into().unwrap()) as i8;
                truth(self.distance((to(0), to(4))).is_some_and(|distance| distance <= range.radius))
            }
            Kind::Missing(field) => truth(match &*field.name {
                b"t" => self.t.is_none(),
                b"g" => self.g.is_none(),
                _ => self.n.is_none(),
            }),
            _ => None,
        }
    }
}

fn sorted(mut positions: Vec<u32>) -> Vec<u32> {
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// Whether one position of each list can be chosen so that they stand as wanted.
fn stands(lists: &[Vec<u32>], slop: u32, in_order: bool) -> bool {
    fn choose(lists: &[Vec<u32>], chosen: &mut Vec<u32>, slop: u32, in_order: bool) -> bool {
        let Some(list) = lists.get(chosen.len()) else {
            let (low, high) = (chosen.iter().min().unwrap(), chosen.iter().max().unwrap());
            // Two clauses are not satisfied by one word.
            let near = high > low && high - low <= lists.len() as u32 - 1 + slop;
            return near && (!in_order || chosen.windows(2).all(|pair| pair[0] < pair[1]));
        };
        list.iter().any(|position| {
            chosen.push(*position);
            let found = choose(lists, chosen, slop, in_order);
            chosen.pop();
            found
        })
    }
    lists.len() < 2 || choose(lists, &mut Vec::new(), slop, in_order)
}

fn field(name: &str) -> FieldRef {
    FieldRef { name: name.as_bytes().into(), id: definition().find(name.as_bytes()) }
}

fn term(word: usize) -> Term {
    Term { text: WORDS[word].as_bytes().into(), expanded: false }
}

fn vector(v: (i8, i8)) -> QueryVector {
    QueryVector { parameter: b"b"[..].into(), blob: blob(v) }
}

fn small() -> impl Strategy<Value = (i8, i8)> {
    (-4i8..5, -4i8..5)
}

fn doc() -> impl Strategy<Value = Doc> {
    let words = || prop::option::weighted(0.8, prop::collection::vec(0..WORDS.len(), 0..6));
    let tags = prop::option::weighted(0.7, prop::collection::btree_set(0..WORDS.len(), 1..4));
    let axis = prop_oneof![(-9i8..10).prop_map(|x| (x, 0)), (-9i8..10).prop_map(|y| (0, y))];
    (words(), words(), tags, prop::option::of(-5i32..15), prop::option::of(axis), prop::option::of(small()), 0u8..20)
        .prop_map(|(t, u, g, n, p, v, broken)| Doc { t, u, g, n, p, v, broken: broken == 0 })
}

fn leaf() -> impl Strategy<Value = Kind> {
    let affix = || {
        let part = prop::sample::select(vec!["wa", "w", "ab", "b", "é", "wab", "中", "国"]);
        (part, any::<bool>(), any::<bool>()).prop_map(|(part, open_end, open_start)| {
            let open_end = open_end || !open_start;
            Affix { text: part.as_bytes().into(), open_end, open_start }
        })
    };
    let pattern = || prop::sample::select(&PATTERNS[..]).prop_map(|text| Pattern { text: text.as_bytes().into() });
    let tag = prop_oneof![
        (0..WORDS.len()).prop_map(|word| TagValue::Exact(WORDS[word].as_bytes().into())),
        affix().prop_map(TagValue::Affix),
        pattern().prop_map(TagValue::Wildcard),
    ];
    prop_oneof![
        1 => Just(Kind::All),
        6 => (0..WORDS.len()).prop_map(|word| Kind::Term(term(word))),
        2 => prop::collection::vec((0..WORDS.len()).prop_map(term), 1..3).prop_map(Kind::Phrase),
        2 => affix().prop_map(Kind::Affix),
        1 => pattern().prop_map(Kind::Wildcard),
        3 => prop::collection::vec(tag, 1..3).prop_map(|values| Kind::Tag { field: field("g"), values }),
        3 => (-6i32..15, -6i32..15, any::<bool>(), any::<bool>()).prop_map(|(a, b, min_inclusive, max_inclusive)| {
            let range = Range { min: f64::from(a), max: f64::from(b), min_inclusive, max_inclusive };
            Kind::Numeric { field: field("n"), range }
        }),
        1 => (0u32..10).prop_map(|degrees| {
            let radius = f64::from(degrees) * 111.226 + 30.0;
            Kind::Geo { field: field("p"), circle: Circle { lon: 0.0, lat: 0.0, radius, unit: Unit::Kilometers } }
        }),
        1 => (small(), 0u32..40).prop_map(|(to, radius)| Kind::VectorRange(VectorRange {
            field: field("v"),
            radius: f64::from(radius),
            vector: vector(to),
            options: VectorOptions::default(),
            written: Vec::new(),
            distance_as: None,
        })),
        1 => prop::sample::select(vec!["t", "g", "n"]).prop_map(|name| Kind::Missing(field(name))),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let masks = prop::sample::select(vec![FieldMask::ALL, FieldMask::ALL, FieldMask(1), FieldMask(2), FieldMask::NONE]);
    let leaf = (leaf(), masks).prop_map(|(kind, fields)| Node { fields, ..Node::new(kind) });
    leaf.prop_recursive(3, 14, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            some().prop_map(|children| Node::new(Kind::Intersect(children))),
            (some(), 0i64..4, any::<bool>()).prop_map(|(children, slop, in_order)| {
                let mut node = Node::new(Kind::Intersect(children));
                (node.attributes.slop, node.attributes.in_order) = (Some(slop), Some(in_order));
                node
            }),
            some().prop_map(|children| Node::new(Kind::Union(children))),
            inner.clone().prop_map(|child| Node::new(Kind::Not(Box::new(child)))),
            inner.clone().prop_map(|child| Node::new(Kind::Optional(Box::new(child)))),
        ]
    })
}

fn key(n: u8) -> Box<[u8]> {
    format!("k{n}").into_bytes().into()
}

/// An index and what it should know, after some writes and deletions.
fn built(ops: Vec<(u8, Option<Doc>)>) -> (Index, BTreeMap<Box<[u8]>, Doc>) {
    let mut index = Index::new(Arc::new(definition()));
    let mut model = BTreeMap::new();
    for (n, doc) in ops {
        let indexed = index.apply(&Change { key: key(n), document: doc.as_ref().map(Doc::raw) });
        assert_eq!(indexed, !doc.as_ref().is_some_and(|doc| doc.broken));
        match doc.filter(|doc| !doc.broken) {
            Some(doc) => model.insert(key(n), doc),
            None => model.remove(&key(n)),
        };
    }
    (index, model)
}

fn ops() -> impl Strategy<Value = Vec<(u8, Option<Doc>)>> {
    prop::collection::vec((0u8..30, prop::option::weighted(0.85, doc())), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_query_finds_what_a_look_at_every_document_finds(
        ops in ops(),
        queries in prop::collection::vec(node(), 1..6),
        in_fields in prop::sample::select(vec![FieldMask::ALL, FieldMask(1), FieldMask(2)]),
        slop in prop::sample::select(vec![-1i64, -1, 0, 1, 3]),
        in_order in any::<bool>(),
    ) {
        let (index, model) = built(ops);
        let settings = Settings { in_fields, slop, in_order, ..Settings::default() };
        for root in &queries {
            let keys = |docs: roaring::RoaringBitmap| -> BTreeSet<Box<[u8]>> {
                docs.iter().map(|doc| index.documents().key(nearset::search::doc_id::DocId(doc)).into()).collect()
            };
            let expected: BTreeSet<Box<[u8]>> =
                model.iter().filter(|(_, doc)| doc.matches(root, &settings).is_some()).map(|(key, _)| key.clone()).collect();
            prop_assert_eq!(&keys(matching(&index, &settings, root)), &expected);
            prop_assert_eq!(&keys(matching_by_walk(&index, &settings, root)), &expected);
            for scorer in [Scorer::Bm25Std, Scorer::Tfidf, Scorer::Dismax] {
                let request = Request { settings: settings.clone(), scorer, scores: true, limit: 4, ..Request::new(root) };
                let found = execute(&index, &request);
                prop_assert_eq!(found.total as usize, expected.len());
                prop_assert!(found.rows.is_sorted_by(|a, b| a.score > b.score || a.score == b.score && a.doc < b.doc));
                let all = execute(&index, &Request { limit: 100, order: Order::Number, settings: settings.clone(), scorer, scores: true, ..Request::new(root) });
                prop_assert_eq!(all.rows.len(), expected.len());
                let best = all.rows.iter().map(|row| row.score).fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(found.rows.first().is_none_or(|row| row.score == best));
            }
        }
    }

    #[test]
    fn sorting_and_paging_are_those_of_a_sort_of_everything(
        ops in ops(),
        root in node(),
        by_number in any::<bool>(),
        descending in any::<bool>(),
        offset in 0usize..8,
        limit in 0usize..12,
    ) {
        let (index, model) = built(ops);
        let field = definition().find(if by_number { b"n" } else { b"g" }).unwrap_or(FieldId(0));
        let order = Order::Field { field, descending };
        let found = execute(&index, &Request { order, offset, limit, ..Request::new(&root) });
        let settings = Settings::default();
        let mut expected: Vec<_> = model
            .iter()
            .filter(|(_, doc)| doc.matches(&root, &settings).is_some())
            .map(|(key, doc)| {
                let tags = doc.g.as_ref().map(|tags| tags.iter().map(|t| WORDS[*t]).collect::<Vec<_>>().join(","));
                let value = if by_number {
                    doc.n.map(|n| SortKey::Number(f64::from(n)))
                } else {
                    tags.map(|tags| SortKey::Text(tags.into_bytes().into()))
                };
                (value, index.documents().find(key).unwrap())
            })
            .collect();
        expected.sort_by(|(a, x), (b, y)| {
            let order = match (a, b) {
                (Some(SortKey::Number(a)), Some(SortKey::Number(b))) => a.total_cmp(b),
                (Some(SortKey::Text(a)), Some(SortKey::Text(b))) => a.cmp(b),
                (a, b) if descending => a.is_some().cmp(&b.is_some()),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            if descending { order.then(x.cmp(y)).reverse() } else { order.then(x.cmp(y)) }
        });
        prop_assert_eq!(found.total as usize, expected.len());
        let rows: Vec<_> = found.rows.into_iter().map(|row| (row.sort, row.doc)).collect();
        prop_assert_eq!(rows, expected.into_iter().skip(offset).take(limit).collect::<Vec<_>>());
    }

    #[test]
    fn the_nearest_are_those_of_all_that_match(ops in ops(), filter in prop::option::of(node()), to in small(), k in 0usize..12) {
        let (index, model) = built(ops);
        let settings = Settings::default();
        let mut expected: Vec<_> = model
            .iter()
            .filter(|(_, doc)| filter.as_ref().is_none_or(|filter| doc.matches(filter, &settings).is_some()))
            .filter_map(|(key, doc)| Some((doc.distance(to)?, index.documents().find(key).unwrap())))
            .collect();
        expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let root = Node::new(Kind::Knn(Knn {
            filter: filter.map(Box::new),
            k,
            field: field("v"),
            vector: vector(to),
            options: VectorOptions::default(),
            written: Vec::new(),
            distance_as: b"d"[..].into(),
        }));
        let found = execute(&index, &Request { limit: 100, ..Request::new(&root) });
        prop_assert_eq!(found.total as usize, expected.len().min(k));
        let distances: Vec<_> = found.rows.iter().map(|row| row.distances[0].unwrap()).collect();
        prop_assert_eq!(distances, expected.iter().map(|(d, _)| *d).take(k).collect::<Vec<_>>());
        for row in &found.rows {
            prop_assert!(expected.contains(&(row.distances[0].unwrap(), row.doc)));
        }
        let order = Order::Distance { nth: 0, descending: true };
        let backwards = execute(&index, &Request { limit: 100, order, ..Request::new(&root) });
        prop_assert!(backwards.rows.iter().rev().map(|row| row.doc).eq(found.rows.iter().map(|row| row.doc)));
    }

    #[test]
    fn an_emptied_index_holds_nothing(ops in ops()) {
        let (mut index, model) = built(ops);
        for key in model.into_keys() {
            index.apply(&Change { key, document: None });
        }
        prop_assert_eq!(index.documents().memory() + index.documents().key_memory(), 0);
        prop_assert_eq!(index.text().records() + index.text().total_length(), 0);
        prop_assert_eq!(index.text().term_count(), 0);
    }
}

/// The docsets of a plan are objects that others can wrap.
#[allow(dead_code)]
fn is_object_safe(_: &dyn Docset) {}
