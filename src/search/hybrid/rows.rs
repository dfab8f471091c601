//! The lists as rows for the steps of FT.AGGREGATE: their columns begin with the scores that the request yields.

use std::collections::HashMap;

use super::arms::Arms;
use super::explain::explain;
use super::fusion::{Fused, fuse};
use super::request::{HybridRequest, Yield};
use crate::search::doc_id::DocId;
use crate::search::execute::Row;
use crate::watch::Watch;

/// Steps that a row is worth.
const ROW: usize = 4;

/// The rows of both arms as those of the fused list. When time is over, some may be missing.
pub fn fused(request: &HybridRequest, arms: &Arms, text: Vec<Row>, vector: Vec<Row>, watch: &Watch<'_>) -> Vec<Row> {
    let places = |rows: &[Row], score: &dyn Fn(&Row) -> f64| -> Vec<(DocId, f64)> {
        rows.iter().map(|row| (row.doc, score(row))).collect()
    };
    let (texts, vectors) = (places(&text, &|row| row.score), places(&vector, &|row| arms.similarity(row)));
    let fused = fuse(&texts, &vectors, &request.combine, !request.unsorted, watch);
    // Of a document in both lists, the row of the text, which knows its terms.
    let mut rows: HashMap<DocId, Row> = vector.into_iter().chain(text).map(|row| (row.doc, row)).collect();
    let timely = fused.iter().take_while(|_| !watch.spend(ROW));
    timely.filter_map(|member| Some(finish(request, arms, member, rows.remove(&member.doc)?))).collect()
}

fn finish(request: &HybridRequest, arms: &Arms, member: &Fused, mut row: Row) -> Row {
    row.score = member.score;
    if arms.explain {
        let text = row.explanation.take().map(|text| *text);
        row.explanation = Some(Box::new(explain(request, arms.scorer.name(), member, text)));
    }
    let yielded = |of: Yield| match of {
        Yield::Fused => Some(member.score),
        Yield::Text => member.text.map(|place| place.score),
        Yield::Vector => member.vector.map(|place| place.score),
    };
    row.distances = request.yields.iter().map(|score| yielded(score.of)).collect();
    row
}

/// The rows of one arm as those of a list for itself, whose only score is what the fused one would be.
pub fn alone(request: &HybridRequest, arms: &Arms, rows: Vec<Row>, is_text: bool) -> Vec<Row> {
    let mine = if is_text { Yield::Text } else { Yield::Vector };
    let finish = |mut row: Row| {
        row.score = if is_text { row.score } else { arms.similarity(&row) };
        let yielded = |of: Yield| (of == Yield::Fused || of == mine).then_some(row.score);
        row.distances = request.yields.iter().map(|score| yielded(score.of)).collect();
        row
    };
    rows.into_iter().take(request.combine.window).map(finish).collect()
}
