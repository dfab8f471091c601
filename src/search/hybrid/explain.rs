//! EXPLAINSCORE: how a fused score came about. What the text contributes is explained as FT.SEARCH explains it.

use super::combine::{Combine, Method};
use super::fusion::{Fused, Place};
use super::request::HybridRequest;
use super::vsim::{self, Vsim};
use crate::search::decimal;
use crate::search::explanation::Explanation;

/// Explains the score of a document; `text` is how its score in the SEARCH arm came about.
pub fn explain(request: &HybridRequest, scorer: &str, fused: &Fused, text: Option<Explanation>) -> Explanation {
    let combine = &request.combine;
    let branches = vec![text_branch(combine, scorer, fused.text, text), vector_branch(request, fused.vector)];
    let method = match combine.method {
        Method::Rrf { constant } => format!("Hybrid score (RRF: window={}, constant={constant:.2})", combine.window),
        Method::Linear { alpha, beta } => {
            format!("Hybrid score (LINEAR: alpha={alpha:.4}, beta={beta:.4}, window={})", combine.window)
        }
    };
    let [first, second] =
        [("text", fused.text, true), ("vector", fused.vector, false)].map(|(name, place, is_text)| {
            place.map_or_else(|| format!("0 [{name}: no match]"), |place| term(combine, place, is_text))
        });
    let whole = format!("final score: {first} + {second} = {}", number(fused.score));
    node(whole, vec![node(method, branches)])
}

fn node(text: String, children: Vec<Explanation>) -> Explanation {
    Explanation { text: text.into_bytes(), children }
}

fn leaf(text: String) -> Explanation {
    node(text, Vec::new())
}

fn number(value: f64) -> String {
    String::from_utf8_lossy(&decimal::value(value)).into_owned()
}

/// What a place is worth, as a term of the sum.
fn term(combine: &Combine, place: Place, is_text: bool) -> String {
    match combine.method {
        Method::Rrf { constant } => format!("1 / (constant {constant:.2} + rank {})", place.rank),
        Method::Linear { alpha, beta } => {
            format!("{:.4} * {}", if is_text { alpha } else { beta }, number(place.score))
        }
    }
}

/// What a place is worth, in a sentence of its own.
fn worth(combine: &Combine, name: &str, place: Place, is_text: bool) -> String {
    match combine.method {
        Method::Rrf { .. } => format!("{name} rank = {}", place.rank),
        Method::Linear { .. } => {
            let worth = number(combine.part(Some(place), is_text));
            format!("{name} contribution = {} = {worth}", term(combine, place, is_text))
        }
    }
}

fn text_branch(combine: &Combine, scorer: &str, place: Option<Place>, text: Option<Explanation>) -> Explanation {
    let scorer = format!("Text scorer: {scorer}");
    let Some(place) = place else { return node("text rank = <no match>".into(), vec![leaf(scorer)]) };
    let parts = [Some(leaf(format!("normalized text score = {}", number(place.score)))), text];
    node(worth(combine, "text", place, true), vec![node(scorer, parts.into_iter().flatten().collect())])
}

fn vector_branch(request: &HybridRequest, place: Option<Place>) -> Explanation {
    let mut parts = Vec::new();
    if let vsim::Method::Range { .. } = request.vsim.method {
        parts.push(leaf(format!("matched within radius = {}", place.is_some())));
    }
    match place {
        None => parts.push(leaf("vector rank = <no match>".into())),
        Some(place) => {
            parts.push(leaf(worth(&request.combine, "vector", place, false)));
            parts.push(leaf(format!("normalized vector score = {}", number(place.score))));
        }
    }
    node(branch(&request.vsim), parts)
}

/// How the vector arm searched.
fn branch(vsim: &Vsim) -> String {
    match vsim.method {
        vsim::Method::Knn { .. } => "vector branch (KNN)".into(),
        vsim::Method::Range { radius } => {
            let epsilon = vsim.written.iter().find(|option| *option.name == *b"EPSILON");
            let epsilon = epsilon
                .map_or_else(String::new, |option| format!(", epsilon={}", String::from_utf8_lossy(&option.value)));
            format!("vector branch (RANGE: radius={radius:.4}{epsilon})")
        }
    }
}
