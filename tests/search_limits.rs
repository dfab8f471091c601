//! What limits do to queries: one whose time is over has a part of its rows and says so, at whatever look at the clock it ends;
//! one that expands fewer terms than there are says so, and a negation is never wrong for it.

use nearset::search::analysis::StopWords;
use nearset::search::arguments::Words;
use nearset::search::document::{Raw, RawDocument};
use nearset::search::execute::{Found, Order, Request, execute};
use nearset::search::index::{Change, Index};
use nearset::search::plan::Settings;
use nearset::search::query::ast::Node;
use nearset::search::query::{Context, Params, parse};
use nearset::search::schema::{self, FieldId, FieldMask};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Documents with a word and a tag of their own, two words that all have, and a number.
fn index(documents: u32) -> Index {
    let words = "SCHEMA t TEXT NOSTEM g TAG n NUMERIC SORTABLE v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2";
    let schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).expect("a schema");
    let mut index = Index::new(Arc::new(schema));
    for n in 0..documents {
        let bytes = |text: String| Raw::Hash(text.into_bytes().into());
        let fields = vec![
            bytes(format!("common every term{n:05} other{}", n % 100)),
            bytes(format!("tag{n:05}")),
            bytes(n.to_string()),
            Raw::Hash([n as f32, 1.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
        ];
        let document = Some(RawDocument { fields, ..RawDocument::default() });
        assert!(index.apply(&Change { key: n.to_le_bytes().into(), document }));
    }
    index
}

fn parsed(index: &Index, query: &str) -> Node {
    let params = Params::read(&mut Words::new([&b"2"[..], b"b", &[0; 8]])).expect("parameters");
    let context = Context {
        schema: index.schema(),
        stop_words: &StopWords::default(),
        stemmer: None,
        expansions: Default::default(),
        params: &params,
        dialect: 2,
        in_fields: FieldMask::ALL,
    };
    parse(query.as_bytes(), &context).expect(query)
}

/// What is found of a query that is told that its time is over when it has asked so often, and how often it asked.
fn cut(index: &Index, root: &Node, order: Order, most: usize, looks: usize) -> (Found, usize) {
    let asked = Cell::new(0);
    let is_over = || {
        asked.set(asked.get() + 1);
        asked.get() >= looks
    };
    let settings = Settings { max_expansions: most, ..Settings::default() };
    let request =
        Request { settings, order, limit: usize::MAX, scores: true, cancelled: Some(&is_over), ..Request::new(root) };
    let found = execute(index, &request);
    (found, asked.get())
}

fn keys(found: &Found) -> BTreeSet<&[u8]> {
    found.rows.iter().map(|row| &*row.key).collect()
}

/// The kinds of costly queries, over 20,000 documents.
fn costly() -> Vec<(String, Order)> {
    let joined = |of: &dyn Fn(u32) -> String, by: &str| (0..20_000).map(of).collect::<Vec<_>>().join(by);
    let by_number = Order::Field { field: FieldId(2), descending: true };
    let best = Order::Best;
    vec![
        ("common".into(), best),
        ("*".into(), best),
        ("*".into(), Order::Number),
        ("*".into(), by_number),
        ("term*".into(), best),
        ("term*".into(), Order::Number),
        ("*erm*".into(), best),
        ("*99 *99".into(), Order::Number),
        ("w'*e?m*'".into(), best),
        ("%%%term0123%%%".into(), best),
        ("-term*".into(), best),
        ("-term0*".into(), Order::Number),
        ("common -term0*".into(), best),
        ("-(-term0*)".into(), Order::Number),
        ("~term* common".into(), best),
        (joined(&|n| format!("term{n:05}"), "|"), best),
        (joined(&|n| format!("term{n:05}"), "|"), Order::Number),
        (format!("@g:{{{}}}", joined(&|n| format!("tag{n:05}"), "|")), best),
        (format!("@g:{{{}}}", joined(&|n| format!("tag{n:05}"), "|")), by_number),
        ("@g:{tag*}".into(), best),
        ("\"common every\"|\"every common\"".into(), best),
        ("(every common)=>{$slop: 3}".into(), best),
        ("(common every common)=>{$slop: 3; $inorder: true}".into(), Order::Number),
        ("@n:[0 19000] @n:[10 20000]".into(), best),
        ("common=>[KNN 20000 @v $b]".into(), best),
        ("@v:[VECTOR_RANGE 1e9 $b]".into(), best),
    ]
}

#[test]
fn whenever_time_is_over_there_are_some_of_the_rows() {
    let index = index(20_000);
    for (query, order) in costly() {
        let shown = &query[..query.len().min(40)];
        let root = parsed(&index, &query);
        let (all, looks) = cut(&index, &root, order, usize::MAX, usize::MAX);
        assert!(all.complete && looks >= 4, "{shown}: {looks} looks");
        let expected = keys(&all);
        for at in [1, 2, 3, looks / 4, looks / 2, looks - 1] {
            let (some, asked) = cut(&index, &root, order, usize::MAX, at.max(1));
            assert!(!some.complete, "{shown} at {at} of {looks}");
            // Vectors ask by themselves, and may ask once more.
            assert!(asked <= at.max(1) + 2, "{shown} looked {asked} times, not {at}");
            assert!(keys(&some).is_subset(&expected), "{shown} at {at} of {looks}");
        }
    }
}

/// Twice the documents are twice the looks: between two of them there is the same work.
#[test]
fn the_clock_is_looked_at_as_often_as_there_is_work() {
    let (few, many) = (index(5_000), index(20_000));
    for (query, order) in costly() {
        let looks = |index| cut(index, &parsed(index, &query), order, usize::MAX, usize::MAX).1;
        let (few, many) = (looks(&few), looks(&many));
        // Some queries are as long whatever the index is.
        assert!(
            many + 2 >= few && (query.len() > 1000 || many >= 2 * few),
            "{}: {few}, {many}",
            &query[..query.len().min(40)]
        );
    }
}

#[test]
fn a_negation_does_not_answer_what_was_left_out() {
    let index = index(1000);
    for (query, total, was_cut) in [
        ("term*", 200, true),
        ("term0000*", 10, false),
        ("*erm*", 200, true),
        ("w'term*'", 200, true),
        ("%%%term0001%%%", 200, true),
        ("@g:{tag*}", 200, true),
        ("@g:{w'tag*'}", 200, true),
        ("-term*", 0, false),
        ("-term000*", 900, false),
        ("-*erm*", 0, false),
        ("-w'term*'", 0, false),
        ("-@g:{tag*}", 0, false),
        ("-(-term*)", 1000, false),
        ("-(-(-term*))", 0, false),
        ("common -term*", 0, false),
        ("common -(term*|zzz)", 0, false),
        ("(zzz|-term*)", 0, false),
        ("-(common term*)", 0, false),
        ("-(~term*)", 0, false),
        ("~term* common", 1000, true),
        ("(term*|zzz)", 200, true),
        ("(term* -term*)", 0, true),
        ("(-term*)=>[KNN 5 @v $b]", 0, false),
        ("(term*)=>[KNN 5 @v $b]", 5, true),
    ] {
        let root = parsed(&index, query);
        for order in [Order::Best, Order::Number] {
            let (found, _) = cut(&index, &root, order, 200, usize::MAX);
            assert_eq!((found.total, found.was_cut, found.complete), (total, was_cut, true), "{query} {order:?}");
        }
    }
}

#[test]
fn as_many_alternatives_as_documents_find_them_all() {
    let index = index(20_000);
    let tags = (0..20_000).map(|n| format!("tag{n:05}")).collect::<Vec<_>>().join("|");
    let root = parsed(&index, &format!("@g:{{{tags}}}"));
    assert_eq!(cut(&index, &root, Order::Best, 200, usize::MAX).0.total, 20_000);
}
