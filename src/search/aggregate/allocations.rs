//! Steps take no memory for a row or a value: how often they ask for some does not depend on how many documents match.

use std::sync::Arc;

use super::columns;
use super::hits::Hits;
use super::pipeline::Pipeline;
use super::plan::Plan;
use super::request::AggregateRequest;
use super::row::{Load, Source};
use super::table::{Kept, Origin, Table};
use super::value::Value;
use crate::allocations::count;
use crate::search::document::{Raw, RawDocument};
use crate::search::index::{Change, Index};
use crate::search::request::Asked;
use crate::search::schema;

/// The documents of an index, of which it is enough what that keeps.
struct Documents<'a> {
    index: &'a Index,
    hits: Hits,
}

impl Source for Documents<'_> {
    fn read(&mut self, most: usize, into: &mut Table) -> bool {
        self.hits.read(most, |hit| into.push(Origin { doc: hit.doc, ordinal: hit.nth as u64 + 1 }))
    }

    fn left(&self) -> u64 {
        self.hits.left()
    }

    fn load(&mut self, rows: &mut Table, load: &Load) {
        columns::fill(self.index, rows, load, false);
    }

    fn kept(&self) -> Kept<'_> {
        Kept(Some(self.index))
    }

    fn score(&self, nth: usize) -> f64 {
        self.hits.score(nth)
    }

    fn terms(&self, nth: usize) -> &[Value] {
        self.hits.terms(nth)
    }
}

/// Names, numbers that rise, numbers that fall, and ten tags.
fn index(documents: u32) -> Index {
    let words = "SCHEMA name TEXT SORTABLE n NUMERIC SORTABLE down NUMERIC SORTABLE g TAG SORTABLE";
    let schema = schema::create(b"i", words.split(' ').map(str::as_bytes)).unwrap();
    let mut index = Index::new(Arc::new(schema));
    for n in 0..documents {
        let raw = |text: String| Raw::Hash(text.into_bytes().into());
        let fields = vec![
            raw(format!("Name {}", n % 500)),
            raw((1_600_000_000 + n * 1000).to_string()),
            raw((1_000_000 - n).to_string()),
            raw(format!("g{}", n % 10)),
        ];
        let document = Some(RawDocument { fields, ..RawDocument::default() });
        index.apply(&Change { key: format!("key:{n}").into_bytes().into(), document });
    }
    index
}

/// How often some steps ask for memory, and how many rows come out.
fn asked_for(index: &Index, steps: &str) -> (u64, usize) {
    let words = ["*"].into_iter().chain(steps.split(' '));
    let asked = Asked { resp3: true, ..Asked::PLAIN };
    let request = AggregateRequest::parse(words.map(str::as_bytes), &asked).unwrap();
    let plan = Arc::new(Plan::new(&request, index.schema(), &[]).unwrap());
    assert!(!plan.needs_documents());
    let mut documents = Documents { index, hits: Hits::of_set(index.documents().live().clone(), false) };
    let mut pipeline = Pipeline::new(plan);
    let (output, taken) = count(|| pipeline.next(&mut documents, usize::MAX, &|| false));
    (taken, output.unwrap().rows.len())
}

/// Steps whose answers are as large for many documents as for few.
const STEPS: [&str; 24] = [
    "APPLY @n*2+sqrt(@down)%7 AS x GROUPBY 0 REDUCE SUM 1 @x",
    "APPLY upper(substr(@name,0,6)) AS x GROUPBY 1 @x REDUCE COUNT 0",
    "APPLY format('%s-%s',@g,@name) AS x FILTER strlen(@x)<3",
    "APPLY timefmt(@n,'%F-%A') AS x FILTER @x=='y'",
    "APPLY timefmt(@n) AS x FILTER @x=='y'",
    "APPLY year(@n) AS y APPLY monthofyear(@n) AS m APPLY dayofweek(@n) AS d FILTER @y<0&&@m<0&&@d<0",
    "APPLY parsetime('2023-11-14','%F') AS x FILTER @x<0",
    "APPLY geodistance(@down%90,1,2,3) AS x GROUPBY 0 REDUCE MAX 1 @x",
    "APPLY lower(to_str(@n)) AS x APPLY to_number(@x) AS y GROUPBY 0 REDUCE MIN 1 @y",
    "APPLY case(@n>@down,@name,'none') AS x GROUPBY 0 REDUCE COUNT 0",
    "FILTER @n<0",
    "FILTER startswith(@name,'nam')&&contains(@name,'zoo')",
    "FILTER !exists(@name)||@name=='x'||@g>'h'",
    "SORTBY 2 @n DESC MAX 10",
    "SORTBY 2 @n ASC MAX 10",
    "SORTBY 4 @g ASC @down DESC MAX 10",
    "SORTBY 2 @name DESC LIMIT 50 10",
    "APPLY upper(@name) AS x SORTBY 4 @x DESC @n DESC MAX 100",
    "LIMIT 0 0",
    "FILTER @n>0 GROUPBY 1 @g REDUCE COUNT 0 REDUCE AVG 1 @n REDUCE STDDEV 1 @down REDUCE MIN 1 @n",
    "GROUPBY 2 @g @name REDUCE COUNT 0 REDUCE COUNT_DISTINCT 1 @g REDUCE COUNT_DISTINCTISH 1 @name",
    "FILTER @n>0 GROUPBY 1 @g REDUCE TOLIST 1 @name REDUCE FIRST_VALUE 1 @name",
    "FILTER @n>0 GROUPBY 2 @g @name REDUCE COUNT 0 SORTBY 2 @g ASC MAX 5",
    "FILTER @n>0 GROUPBY 1 @name REDUCE SUM 1 @n AS s GROUPBY 0 REDUCE MAX 1 @s",
];

#[test]
fn no_step_takes_memory_for_a_row_or_a_value() {
    let (few, many) = (index(2000), index(20_000));
    for steps in STEPS {
        let ((of_few, _), (of_many, rows)) = (asked_for(&few, steps), asked_for(&many, steps));
        // A buffer that doubles now and then: 18,000 documents more are worth no more than that.
        assert!(of_many <= of_few + 24, "{steps}: {of_few} for 2,000 documents, {of_many} for 20,000, {rows} rows");
    }
}

#[test]
fn what_comes_out_takes_memory_only_as_it_grows() {
    let (few, many) = (index(2000), index(20_000));
    for steps in [
        "LOAD 2 @n @__key",
        "SORTBY 2 @n DESC MAX 100000",
        "GROUPBY 1 @n REDUCE COUNT 0 REDUCE SUM 1 @down",
        "FILTER @n>0 GROUPBY 1 @n",
    ] {
        let ((of_few, _), (of_many, rows)) = (asked_for(&few, steps), asked_for(&many, steps));
        assert_eq!(rows, 20_000);
        assert!(of_many <= of_few + 80, "{steps}: {of_few} for 2,000 rows, {of_many} for 20,000");
    }
}
