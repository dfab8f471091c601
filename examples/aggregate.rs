//! Runs FT.AGGREGATE over documents in memory: what `tests/differential/aggregate.py` compares.
//!
//! The first line is a schema, as FT.CREATE takes it from SCHEMA on; then come documents, a line each: fields and values by
//! turns; then an empty line; then one request a line, the words after the name of the index. Words are separated by tabs.
//! The query is not read: every document is found, in the order given. Each request is answered in one line, `ERR text` or
//! the total and the rows.

mod values;

use std::io::{BufRead, Write};
use std::sync::Arc;

use nearset::error::Error;
use nearset::search::aggregate::pipeline::Pipeline;
use nearset::search::aggregate::plan::Plan;
use nearset::search::aggregate::request::AggregateRequest;
use nearset::search::aggregate::row::{Hit, Load, Row, Source, Wanted};
use nearset::search::aggregate::value::Value;
use nearset::search::number;
use nearset::search::request::Asked;
use nearset::search::schema::{self, FieldId, Kind, Schema, create};
use values::shown;

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

struct Memory<'a> {
    schema: &'a Schema,
    documents: &'a [Fields],
    at: usize,
}

impl Memory<'_> {
    fn typed(&self, text: &[u8], field: Option<FieldId>, folded: bool) -> Option<Value> {
        match field.map(|id| &self.schema.field(id).kind) {
            Some(Kind::Numeric) => number::parse(text).map(Value::Number),
            _ if folded => Some(Value::string(String::from_utf8_lossy(text).to_lowercase().into_bytes())),
            _ => Some(Value::string(text)),
        }
    }

    fn value(&self, document: usize, wanted: &Wanted) -> Option<Value> {
        let (name, field, folded) = match wanted {
            Wanted::Sortable(id) => (&self.schema.field(*id).source, Some(*id), !self.schema.field(*id).unf),
            Wanted::Field(id) => (&self.schema.field(*id).source, Some(*id), false),
            Wanted::Name(name) => (name, None, false),
            Wanted::Key => return Some(Value::string(format!("agg-differential:{}", document + 1).into_bytes())),
        };
        let (_, text) = self.documents[document].iter().find(|(known, _)| **known == **name)?;
        self.typed(text, field, folded)
    }
}

impl Source for Memory<'_> {
    type Document = usize;

    fn read(&mut self, most: usize, into: &mut Vec<Hit<usize>>) -> bool {
        let end = self.documents.len().min(self.at.saturating_add(most));
        into.extend((self.at..end).map(|document| Hit {
            document,
            score: 1.0,
            distances: Vec::new(),
            terms: Arc::from([]),
        }));
        self.at = end;
        end < self.documents.len()
    }

    fn load(&mut self, rows: &mut [Row<usize>], load: &Load) {
        for row in rows {
            let Some(document) = row.document else { continue };
            for (column, wanted) in &load.columns {
                if let Some(value) = self.value(document, wanted) {
                    row.values[column.0] = Some(value);
                }
            }
            let Some(names) = &load.all else { continue };
            for (name, text) in &self.documents[document] {
                let value = Some(Value::string(text.as_slice()));
                match names.iter().find(|(known, _)| **known == **name) {
                    Some((_, column)) => row.values[column.0] = value,
                    None => row.extra.extend(value.map(|value| (name.as_slice().into(), value))),
                }
            }
        }
    }
}

fn answer(schema: &Schema, documents: &[Fields], words: &[&[u8]]) -> Result<String, Error> {
    let asked =
        Asked { resp3: false, source: schema::Source::Hash, dialect: 2, max_results: 1_000_000, max_rows: usize::MAX };
    let request = AggregateRequest::parse(words.iter().copied(), &asked)?;
    let plan = Arc::new(Plan::new(&request, schema, &[])?);
    let mut source = Memory { schema, documents, at: 0 };
    let output = Pipeline::new(Arc::clone(&plan)).next(&mut source, usize::MAX, &|| false)?;
    let rows = output.rows.iter().map(|row| {
        let columns = plan.names().iter().zip(&row.values).filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let columns = columns.chain(row.extra.iter().map(|(name, value)| (name, value)));
        let columns: Vec<_> =
            columns.map(|(name, value)| format!("\"{}\":{}", name.escape_ascii(), shown(value))).collect();
        format!("{{{}}}", columns.join(","))
    });
    Ok(format!("{} {}", output.total, rows.collect::<Vec<_>>().join(" ")))
}

fn main() -> std::io::Result<()> {
    let mut lines = std::io::stdin().lock().split(b'\n');
    let header = lines.next().transpose()?.unwrap_or_default();
    let schema = create(b"i", header.split(|&byte| byte == b'\t')).expect("a schema");
    let mut documents = Vec::new();
    for line in lines.by_ref() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let words: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        documents.push(words.chunks_exact(2).map(|pair| (pair[0].to_vec(), pair[1].to_vec())).collect());
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in lines {
        let line = line?;
        let words: Vec<&[u8]> = line.split(|&byte| byte == b'\t').collect();
        match answer(&schema, &documents, &words) {
            Ok(text) => writeln!(out, "{text}")?,
            Err(error) => writeln!(out, "ERR {}", error.text().escape_ascii())?,
        }
    }
    out.flush()
}
