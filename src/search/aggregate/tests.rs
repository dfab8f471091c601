//! Steps over documents in memory: exact rows, and reducers beside naive ones.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::pipeline::{Error, Pipeline};
use super::plan::Plan;
use super::request::AggregateRequest;
use super::row::{Load, Source, Wanted};
use super::table::{Kept, Origin, Table};
use super::value::{Shown, Value};
use crate::search::decimal;
use crate::search::doc_id::DocId;
use crate::search::request::Asked;
use crate::search::schema::{Kind, Schema, create};

/// Documents as texts by field; `n`, `m` NUMERIC, `t` TEXT SORTABLE (folded), `tag` TAG.
struct Memory {
    schema: Schema,
    documents: Vec<BTreeMap<&'static str, String>>,
    at: usize,
    loads: usize,
    terms: [Value; 1],
}

impl Memory {
    fn new(documents: Vec<BTreeMap<&'static str, String>>) -> Self {
        let words = "SCHEMA t TEXT SORTABLE n NUMERIC SORTABLE tag TAG m NUMERIC";
        let schema = create(b"i", words.split(' ').map(str::as_bytes)).unwrap();
        Self { schema, documents, at: 0, loads: 0, terms: [Value::string(*b"term")] }
    }

    /// Documents 1 to `count`: n is the number, m twice that, t and tag cycle, z is no field of the schema.
    fn numbered(count: usize) -> Self {
        Self::new(
            (1..=count)
                .map(|number| {
                    let mut document = BTreeMap::from([
                        ("n", number.to_string()),
                        ("m", (2 * number).to_string()),
                        ("t", format!("T{}", number % 3)),
                        ("z", format!("z{number}")),
                    ]);
                    if number % 4 != 0 {
                        document.insert("tag", if number % 2 == 0 { "even" } else { "odd" }.into());
                    }
                    document
                })
                .collect(),
        )
    }

    fn value(&self, document: usize, wanted: &Wanted) -> Option<Value> {
        let (name, folded) = match wanted {
            Wanted::Sortable(id) => (self.schema.field(*id).alias.as_ref(), !self.schema.field(*id).unf),
            Wanted::Field(id) | Wanted::Stored(id) => (self.schema.field(*id).alias.as_ref(), false),
            Wanted::Name(name) => (name.as_ref(), false),
            Wanted::Key => return Some(Value::string(format!("key:{document}").into_bytes())),
        };
        let name = std::str::from_utf8(name).unwrap();
        let text = self.documents[document].get(name)?;
        let numeric = matches!(wanted, Wanted::Sortable(id) | Wanted::Field(id) | Wanted::Stored(id) if matches!(self.schema.field(*id).kind, Kind::Numeric));
        if numeric {
            let number = text.parse().ok().map(Value::Number);
            let stored = matches!(wanted, Wanted::Stored(_));
            return number
                .map(|number| if stored { number.shown_as(Shown::Text(text.as_bytes().into())) } else { number });
        }
        Some(Value::string(if folded { text.to_lowercase() } else { text.clone() }.into_bytes()))
    }
}

impl Source for Memory {
    fn read(&mut self, most: usize, into: &mut Table) -> bool {
        for _ in 0..most.min(self.documents.len() - self.at) {
            into.push(Origin { doc: DocId(self.at as u32), ordinal: self.at as u64 + 1 });
            self.at += 1;
        }
        self.at < self.documents.len()
    }

    fn left(&self) -> u64 {
        (self.documents.len() - self.at) as u64
    }

    fn load(&mut self, rows: &mut Table, load: &Load) {
        self.loads += rows.len();
        for row in 0..rows.len() {
            let document = rows.origin(row).doc.index();
            if self.documents[document].contains_key("gone") {
                rows.lose(row);
                continue;
            }
            for (column, wanted) in &load.columns {
                if let Some(value) = self.value(document, wanted) {
                    let cell = rows.value(value);
                    rows.set(row, column.0, cell);
                }
            }
            for (name, text) in load.all.iter().flat_map(|_| &self.documents[document]) {
                let value = Value::string(text.as_bytes());
                let column = load.all.iter().flatten().find(|(known, _)| **known == *name.as_bytes());
                match column {
                    Some((_, column)) => {
                        let cell = rows.value(value);
                        rows.set(row, column.0, cell);
                    }
                    None => rows.add_extra(row, name.as_bytes(), value.view()),
                }
            }
        }
    }

    fn kept(&self) -> Kept<'_> {
        Kept::default()
    }

    fn score(&self, _: usize) -> f64 {
        1.0
    }

    fn terms(&self, _: usize) -> &[Value] {
        &self.terms
    }
}

fn asked() -> Asked {
    Asked::PLAIN
}

fn plan(schema: &Schema, line: &str) -> Arc<Plan> {
    let asked = asked();
    let request = AggregateRequest::parse(line.split('~').map(str::as_bytes), &asked).unwrap();
    Arc::new(Plan::new(&request, schema, &[]).unwrap())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nil".into(),
        Value::Number(number) => String::from_utf8(decimal::value(*number)).unwrap(),
        Value::String(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Map(members) => {
            let member =
                |(name, value): &(Arc<[u8]>, Value)| format!("{}:{}", String::from_utf8_lossy(name), shown(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(" "))
        }
        Value::Faced(faces) => match &faces.shown {
            Shown::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Shown::Json(values) => format!("{} values", values.len()),
        },
    }
}

fn shown_rows(plan: &Plan, rows: &Table) -> Vec<String> {
    let shown_row = |row: usize| {
        let columns = plan.names().iter().enumerate();
        let columns = columns.filter_map(|(at, name)| Some((&**name, rows.at(row, at, Kept::default())?)));
        columns
            .chain(rows.extras(row))
            .map(|(name, value)| format!("{}={}", String::from_utf8_lossy(name), shown(&value.to_value())))
            .collect::<Vec<_>>()
            .join(",")
    };
    (0..rows.len()).map(shown_row).collect()
}

/// All rows of some steps in one batch, with the total. Words are separated by blanks; `~` is a blank in a word.
fn run(source: &mut Memory, line: &str) -> (u64, Vec<String>) {
    let line: String = line
        .chars()
        .map(|c| {
            if c == ' ' {
                '~'
            } else if c == '~' {
                ' '
            } else {
                c
            }
        })
        .collect();
    let plan = plan(&source.schema, &line);
    let mut pipeline = Pipeline::new(Arc::clone(&plan));
    let output = pipeline.next(source, usize::MAX, &|| false).unwrap();
    assert!(output.done && !output.interrupted);
    (output.total, shown_rows(&plan, &output.rows))
}

#[test]
fn rows_and_totals() {
    for (line, total, rows) in [
        ("*", 1, vec!["", "", "", ""]),
        ("* LOAD 1 @n LIMIT 1 2", 2, vec!["n=2", "n=3"]),
        ("* LOAD 3 @t AS x LIMIT 0 1", 1, vec!["x=T1"]),
        ("* LOAD 2 @__key z LIMIT 0 1", 1, vec!["__key=key:0,z=z1"]),
        ("* LOAD 1 @n LOAD * LIMIT 0 1", 1, vec!["n=1,m=2,t=T1,tag=odd,z=z1"]),
        ("* LOAD * APPLY upper(@z) AS u LIMIT 0 1", 1, vec!["z=z1,u=Z1,m=2,n=1,t=T1,tag=odd"]),
        ("* APPLY @n*2 LIMIT 0 1", 1, vec!["n=1,@n*2=2"]),
        ("* APPLY @m AS x LIMIT 0 1", 1, vec!["m=2,x=2"]),
        ("* APPLY @t AS x LIMIT 0 1", 1, vec!["t=t1,x=t1"]),
        ("* LOAD 1 t APPLY @t AS x LIMIT 0 1", 1, vec!["t=T1,x=T1"]),
        ("* APPLY @t AS x LOAD 1 t LIMIT 0 1", 1, vec!["t=T1,x=t1"]),
        ("* APPLY matched_terms() AS x LIMIT 0 1", 1, vec!["x=[term]"]),
        ("* FILTER @n>2", 3, vec!["n=3", "n=4"]),
        ("* LIMIT 0 0", 4, vec![]),
        ("* LIMIT 0 2 FILTER @n>5", 2, vec![]),
        ("* LIMIT 0 3 SORTBY 2 @n DESC LIMIT 0 2", 4, vec!["n=4", "n=3"]),
        ("* SORTBY 2 @n DESC MAX 1", 4, vec!["n=4"]),
        ("* SORTBY 2 @tag @n LIMIT 0 4", 4, vec!["tag=even,n=2", "tag=odd,n=1", "tag=odd,n=3", "n=4"]),
        ("* SORTBY 2 @tag DESC LIMIT 1 9", 4, vec!["tag=odd", "tag=even", ""]),
        ("* GROUPBY 1 @tag REDUCE COUNT 0 AS c", 3, vec!["tag=odd,c=2", "tag=even,c=1", "tag=nil,c=1"]),
        ("* GROUPBY 1 @tag REDUCE SUM 1 @m AS s FILTER @s>4 SORTBY 2 @s DESC", 2, vec!["tag=nil,s=8", "tag=odd,s=8"]),
        ("* GROUPBY 1 @t REDUCE MAX 1 @n GROUPBY 0 REDUCE SUM 1 @__generated_aliasmaxn AS s", 1, vec!["s=9"]),
        ("* APPLY split('b,a,b') AS s GROUPBY 1 @s REDUCE COUNT 0 AS c", 2, vec!["s=b,c=8", "s=a,c=4"]),
        ("* APPLY split('') AS s GROUPBY 1 @s REDUCE COUNT 0 AS c", 1, vec!["s=nil,c=4"]),
        ("* FILTER @n>9 GROUPBY 0 REDUCE COUNT 0 AS c", 0, vec![]),
        ("* LOAD * LOAD * LIMIT 0 1", 1, vec!["m=2,n=1,t=T1,tag=odd,z=z1"]),
        ("* LOAD * SORTBY 2 @n DESC MAX 1", 4, vec!["n=4,m=8,t=T1,z=z4"]),
        ("* LIMIT 1 2 SORTBY 1 @n MAX 3", 4, vec!["n=2", "n=3", "n=4"]),
        ("* LIMIT 0 0 SORTBY 1 @n MAX 3", 4, vec![]),
        ("* GROUPBY 1 @tag GROUPBY 0 REDUCE COUNT_DISTINCT 1 @tag AS d", 1, vec!["d=2"]),
        ("* ADDSCORES LIMIT 0 1", 1, vec!["__score=1"]),
        ("* WITHOUTCOUNT", 1, vec!["", "", "", ""]),
        ("* WITHCOUNT", 4, vec!["", "", "", ""]),
        ("* WITHCOUNT LIMIT 0 0", 4, vec![]),
        ("* WITHCOUNT LOAD 1 @n LIMIT 1 2", 4, vec!["n=2", "n=3"]),
        ("* WITHCOUNT FILTER @n>1", 3, vec!["n=2", "n=3", "n=4"]),
        ("* WITHCOUNT FILTER @n>1 LIMIT 0 1", 3, vec!["n=2"]),
        ("* WITHCOUNT FILTER @n>1 LIMIT 0 0", 3, vec![]),
        ("* WITHCOUNT LIMIT 0 3 FILTER @n>1", 2, vec!["n=2", "n=3"]),
        ("* WITHCOUNT SORTBY 2 @n DESC LIMIT 0 1", 4, vec!["n=4"]),
        ("* WITHCOUNT SORTBY 2 @n DESC MAX 2 LIMIT 0 1", 4, vec!["n=4"]),
        ("* WITHCOUNT SORTBY 0 LIMIT 0 2", 4, vec!["", ""]),
        ("* WITHCOUNT FILTER @n>2 SORTBY 2 @n DESC LIMIT 0 1", 2, vec!["n=4"]),
        ("* WITHCOUNT GROUPBY 1 @tag LIMIT 0 1", 3, vec!["tag=odd"]),
        ("* WITHCOUNT GROUPBY 1 @tag REDUCE COUNT 0 AS c FILTER @c<2 LIMIT 0 1", 2, vec!["tag=even,c=1"]),
        ("* WITHCOUNT GROUPBY 1 @tag REDUCE COUNT 0 AS c FILTER @c<2 SORTBY 1 @tag LIMIT 0 1", 2, vec!["tag=nil,c=1"]),
        (
            "* GROUPBY 0 REDUCE COLLECT 11 SORTBY 2 @n DESC FIELDS 2 @n @tag LIMIT 0 2",
            1,
            vec!["__generated_aliascollectsortby,2,n,desc,fields,2,n,tag,limit,0,2=[{n:4} {n:3 tag:odd}]"],
        ),
        ("* GROUPBY 0 REDUCE COLLECT 4 DISTINCT FIELDS 1 @t AS r", 1, vec!["r=[{t:t1} {t:t2} {t:t0}]"]),
        ("* GROUPBY 0 REDUCE COLLECT 7 DISTINCT FIELDS 1 @t LIMIT 1 1 AS r", 1, vec!["r=[{t:t2}]"]),
        (
            "* GROUPBY 1 @tag REDUCE COUNT 0 AS c REDUCE COLLECT 3 FIELDS 1 @n AS r GROUPBY 0 REDUCE COLLECT 7 FIELDS 1 @r SORTBY 2 @tag ASC AS all",
            1,
            vec!["all=[{r:[{n:4}]} {r:[{n:2}]} {r:[{n:1} {n:3}]}]"],
        ),
        // COLLECT: rows as maps, of properties that the rows have.
        (
            "* GROUPBY 1 @tag REDUCE COLLECT 3 FIELDS 1 @n AS r",
            3,
            vec!["tag=odd,r=[{n:1} {n:3}]", "tag=even,r=[{n:2}]", "tag=nil,r=[{n:4}]"],
        ),
        (
            "* LOAD 2 @n z GROUPBY 0 REDUCE COLLECT 2 FIELDS * AS r LIMIT 0 1",
            1,
            vec!["r=[{n:1 z:z1} {n:2 z:z2} {n:3 z:z3} {n:4 z:z4}]"],
        ),
        ("* LOAD * GROUPBY 1 @t REDUCE COLLECT 2 FIELDS * AS r LIMIT 0 1", 3, vec!["t=T1,r=[{t:T1} {t:T1}]"]),
    ] {
        let found = run(&mut Memory::numbered(4), line);
        let rows: Vec<String> = rows.into_iter().map(String::from).collect();
        assert_eq!(found, (total, rows), "{line}");
    }
}

#[test]
fn reducers() {
    let steps = "* GROUPBY 0 REDUCE AVG 1 @n AS avg REDUCE STDDEV 1 @n AS sd REDUCE MIN 1 @m AS min REDUCE QUANTILE 2 @n 0.5 AS q \
                 REDUCE TOLIST 1 @tag AS l REDUCE COUNT_DISTINCT 1 @tag AS d REDUCE COUNT_DISTINCTISH 1 @t AS i \
                 REDUCE FIRST_VALUE 1 @t AS f REDUCE FIRST_VALUE 4 @t BY @n DESC AS g REDUCE RANDOM_SAMPLE 2 @n 9 AS r \
                 REDUCE SUM 1 @tag AS s";
    let (_, rows) = run(&mut Memory::numbered(6), steps);
    assert_eq!(rows, ["avg=3.5,sd=1.87082869339,min=2,q=3,l=[odd even],d=2,i=3,f=t1,g=t0,r=[1 2 3 4 5 6],s=0"]);
    let sketches = "* GROUPBY 1 @tag REDUCE HLL 1 @n AS h GROUPBY 0 REDUCE HLL_SUM 1 @h AS c";
    assert_eq!(run(&mut Memory::numbered(10), sketches).1, ["c=10"]);
}

#[test]
fn a_cursor_tells_the_exact_total_in_every_batch() {
    let mut source = Memory::numbered(100);
    let plan = plan(&source.schema, "*~WITHCOUNT~FILTER~@n>40~LIMIT~0~30");
    let mut pipeline = Pipeline::new(plan);
    for _ in 0..3 {
        let output = pipeline.next(&mut source, 10, &|| false).unwrap();
        assert_eq!((output.total, output.rows.len()), (60, 10));
    }
}

#[test]
fn too_many_groups_are_refused() {
    let mut source = Memory::numbered(1000);
    let asked = Asked { max_groups: 999, ..asked() };
    for (filter, refused) in [("@n>0", true), ("@n>1", false)] {
        let words = ["*", "FILTER", filter, "GROUPBY", "1", "@n"];
        let request = AggregateRequest::parse(words.map(str::as_bytes), &asked).unwrap();
        let plan = Plan::new(&request, &source.schema, &[]).unwrap();
        source.at = 0;
        let output = Pipeline::new(Arc::new(plan)).next(&mut source, usize::MAX, &|| false);
        assert_eq!(output.err(), refused.then_some(Error::Groups(999)));
    }
}

#[test]
fn a_cursor_goes_on_where_it_stopped() {
    let mut source = Memory::numbered(1000);
    let plan = plan(&source.schema, "*~FILTER~@n % 2 == 0~LOAD~1~z");
    let mut pipeline = Pipeline::new(Arc::clone(&plan));
    let mut rows = Vec::new();
    loop {
        let before = source.at;
        let output = pipeline.next(&mut source, 7, &|| false).unwrap();
        assert!(source.at - before <= 2 * 7 + 7, "reads no more than it needs");
        assert!(output.rows.len() == 7 || output.done);
        rows.extend(shown_rows(&plan, &output.rows));
        if output.done {
            break;
        }
    }
    let expected: Vec<String> = (1..=500).map(|half| format!("n={0},z=z{0}", 2 * half)).collect();
    assert_eq!(rows, expected);
}

#[test]
fn only_what_is_returned_is_loaded_after_a_sort() {
    let mut source = Memory::numbered(5000);
    let (total, rows) = run(&mut source, "* SORTBY 2 @n DESC LIMIT 0 2 LOAD 1 z");
    assert_eq!((total, rows), (5000, vec!["n=5000,z=z5000".into(), "n=4999,z=z4999".into()]));
    assert_eq!(source.loads, 5000 + 2);
}

#[test]
fn documents_that_have_gone_are_left_out() {
    let mut source = Memory::numbered(3);
    source.documents[1].insert("gone", String::new());
    assert_eq!(run(&mut source, "* LOAD 1 @n").1, ["n=1", "n=3"]);
}

#[test]
fn an_interruption_leaves_what_there_is() {
    let mut source = Memory::numbered(5000);
    let plan = plan(&source.schema, "*~GROUPBY~1~@n~SORTBY~2~@n~DESC~MAX~3000");
    let asked = Cell::new(0);
    let interrupted = || {
        asked.set(asked.get() + 1);
        asked.get() > 4
    };
    let output = Pipeline::new(plan).next(&mut source, usize::MAX, &interrupted).unwrap();
    assert!(output.interrupted && output.done);
    assert_eq!(output.rows.len(), source.at);
    assert!((32..5000).contains(&source.at));
}

#[test]
fn an_interrupted_stream_goes_on_with_the_next_row() {
    let mut source = Memory::numbered(2000);
    let mut pipeline = Pipeline::new(plan(&source.schema, "*~LOAD~1~@n"));
    let mut rows = 0;
    loop {
        let output = pipeline.next(&mut source, 1500, &|| true).unwrap();
        assert!(output.interrupted || output.done);
        rows += output.rows.len();
        if output.done {
            break;
        }
    }
    assert_eq!(rows, 2000);
}

#[test]
fn arrays_in_many_keys_can_be_interrupted() {
    let mut source = Memory::numbered(1);
    let list = (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let steps: Vec<String> = (0..8).map(|nth| format!("APPLY~split('{list}')~AS~k{nth}")).collect();
    let line = format!("*~{}~GROUPBY~8~@k0~@k1~@k2~@k3~@k4~@k5~@k6~@k7", steps.join("~"));
    let plan = plan(&source.schema, &line);
    let output = Pipeline::new(plan).next(&mut source, 10, &|| true).unwrap();
    assert!(output.interrupted);
}

proptest! {
    #[test]
    fn numbers_as_a_naive_reducer_has_them(numbers in prop::collection::vec((0..4u8, prop::option::of(-50..50i32)), 0..80), share in 0.0..=1.0f64) {
        let documents = numbers.iter().map(|(group, number)| {
            let mut document = BTreeMap::from([("tag", group.to_string())]);
            document.extend(number.map(|number| ("n", number.to_string())));
            document
        });
        let line = format!(
            "* GROUPBY 1 @tag REDUCE SUM 1 @n AS s REDUCE MIN 1 @n AS i REDUCE MAX 1 @n AS a REDUCE COUNT 0 AS c \
             REDUCE COUNT_DISTINCT 1 @n AS d REDUCE QUANTILE 2 @n {share} AS q SORTBY 1 @tag"
        );
        let (total, rows) = run(&mut Memory::new(documents.collect()), &line);
        let mut groups: BTreeMap<u8, Vec<Option<i32>>> = BTreeMap::new();
        numbers.iter().for_each(|(group, number)| groups.entry(*group).or_default().push(*number));
        let expected: Vec<String> = groups.iter().map(|(group, all)| {
            let mut known: Vec<i32> = all.iter().flatten().copied().collect();
            known.sort_unstable();
            let quantile = known.get(((share * known.len() as f64).ceil() as usize).max(1) - 1).copied().unwrap_or(0);
            let (sum, min) = (known.iter().sum::<i32>(), known.first().copied().unwrap_or(0));
            let (max, count) = (known.last().copied().unwrap_or(0), all.len());
            known.dedup();
            format!("tag={group},s={sum},i={min},a={max},c={count},d={},q={quantile}", known.len())
        }).collect();
        prop_assert_eq!(total, groups.len() as u64);
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn sorting_keeps_the_first(numbers in prop::collection::vec(prop::option::of(-9..9i32), 0..2000), offset in 0..20usize, count in 0..30usize, descending: bool) {
        let documents = numbers.iter().map(|number| number.map(|number| ("n", number.to_string())).into_iter().collect());
        let direction = if descending { "DESC" } else { "ASC" };
        let line = format!("* SORTBY 2 @n {direction} LIMIT {offset} {count} LOAD 1 @__key");
        let (_, rows) = run(&mut Memory::new(documents.collect()), &line);
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by_key(|&at| {
            let tie = if descending { numbers.len() - at } else { at };
            (numbers[at].is_none(), numbers[at].map(|number| if descending { -number } else { number }), tie)
        });
        let expected: Vec<String> = order.iter().skip(offset).take(count).map(|&at| match numbers[at] {
            Some(number) => format!("n={number},__key=key:{at}"),
            None => format!("__key=key:{at}"),
        }).collect();
        prop_assert_eq!(rows, expected);
    }

    /// The entry of the fuzz target `search_request`.
    #[test]
    fn any_words_are_survived(words in prop::collection::vec(prop::sample::select(&[
        "*", "LOAD", "GROUPBY", "REDUCE", "COUNT", "SUM", "QUANTILE", "FIRST_VALUE", "BY", "AS", "SORTBY", "MAX", "LIMIT",
        "APPLY", "FILTER", "@n", "@t", "@n+1", "0", "1", "2", "-1", "x", "ASC", "WITHCURSOR", "PARAMS", "DIALECT", "TIMEOUT",
        "ADDSCORES", "INKEYS", "99999999999999999999",
    ][..]), 0..12)) {
        let schema = Memory::new(Vec::new()).schema;
        super::fuzz(words.iter().map(|word| word.as_bytes()), &schema);
    }
}
