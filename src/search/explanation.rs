//! EXPLAINSCORE: how a score came about, in the words of the field.
//!
//! Built along the docsets as the score is ([`Docset::explain`](super::docset::Docset::explain)): leaves say what they weigh,
//! inner nodes what they add up to, and [`Explanation::whole`] what is true of the document as a whole.

use super::score::{self, Context, Leaf, LeafKind, Scorer, Whole};

/// A sentence about a part of a score, and those about its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The sentence.
    pub text: Vec<u8>,
    /// Its parts.
    pub children: Vec<Explanation>,
}

impl Explanation {
    fn leaf(text: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), children: Vec::new() }
    }

    /// What a leaf adds that the document has `freq` times; `name` is its term or tag, empty if it has none.
    pub fn of_leaf(leaf: &Leaf, name: &[u8], context: &Context, freq: f64) -> Self {
        let (score, weight, kind) = (leaf.score(context, freq), leaf.weight, leaf.kind);
        let (weight, freq) = if kind == LeafKind::Silent { (1.0, 0.0) } else { (weight, freq) };
        let average = context.average;
        Self::leaf(match (context.scorer, kind) {
            (Scorer::Bm25Std | Scorer::Bm25StdTanh(_) | Scorer::Bm25StdNorm, LeafKind::Silent | LeafKind::Range) => {
                b"Irrelevant token -> score is 0".to_vec()
            }
            (Scorer::Bm25Std | Scorer::Bm25StdTanh(_) | Scorer::Bm25StdNorm, _) => {
                let (idf, length) = (leaf.idf_std, context.length);
                let text = format!(
                    "({score:.2} = IDF {idf:.2} * (F {freq:.2} * (k1 1.2 + 1)) / (F {freq:.2} + k1 1.2 * (1 - b 0.5 + b 0.5 \
                     * Doc Len {length} / Average Doc Len {average:.2})))"
                );
                let name = if kind == LeafKind::All { b"*" } else { name };
                if name.is_empty() { text.into_bytes() } else { [name, b": ", text.as_bytes()].concat() }
            }
            (Scorer::Tfidf | Scorer::TfidfDocNorm, LeafKind::Term) => {
                let idf = leaf.idf;
                format!("(TFIDF {score:.2} = Weight {weight:.2} * TF {freq} * IDF {idf:.2})").into()
            }
            (Scorer::Tfidf | Scorer::TfidfDocNorm, _) => {
                format!("(TFIDF {score:.2} = Weight {weight:.2} * Frequency {freq})").into()
            }
            (Scorer::Bm25, LeafKind::Silent) => b"Frequency 0 -> value 0".to_vec(),
            (Scorer::Bm25, _) => {
                let (what, factor) = if kind == LeafKind::Term { ("IDF", leaf.idf) } else { ("Weight", weight) };
                format!(
                    "({score:.2} = {what} {factor:.2} * F {freq} / (F {freq} + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len \
                     {average:.2})))"
                )
                .into()
            }
            (Scorer::Dismax, _) => format!("DISMAX {score:.2} = Weight {weight:.2} * Frequency {freq}").into(),
            (Scorer::DocScore | Scorer::Hamming, _) => Vec::new(),
        })
    }

    /// What clauses add up to that together have a weight; `score` is with it.
    pub fn of_clauses(context: &Context, weight: f64, score: f64, children: Vec<Self>) -> Self {
        let sum = if weight == 0.0 { 0.0 } else { score / weight };
        let text = match context.scorer {
            Scorer::Tfidf | Scorer::TfidfDocNorm => format!("(Weight {weight:.2} * total children TFIDF {sum:.2})"),
            Scorer::Dismax => format!("{score:.2} = Weight {weight:.2} * children DISMAX {sum:.2}"),
            _ => format!("(Weight {weight:.2} * children BM25 {sum:.2})"),
        };
        Self { text: text.into(), children }
    }

    /// The score of a document whose tree scored `sum`, which `parts` explains; `greatest` is that of all documents of the
    /// answer.
    pub fn whole(scorer: Scorer, sum: f64, whole: &Whole, greatest: f64, parts: Self) -> Self {
        let Whole { score, length, max_freq, slop, payload } = *whole;
        let tfidf = |norm: u32| {
            format!("Final TFIDF : words TFIDF {sum:.2} * document score {score:.2} / norm {norm} / slop {slop}")
        };
        let bm25 = || format!("Final BM25 : words BM25 {sum:.2} * document score {score:.2}");
        let text = match scorer {
            Scorer::Tfidf => tfidf(max_freq.max(1)),
            Scorer::TfidfDocNorm => tfidf(length.max(1)),
            Scorer::Bm25 => format!("{} / slop {slop}", bm25()),
            Scorer::Bm25Std => bm25(),
            Scorer::Bm25StdTanh(factor) => {
                let whole = sum * score;
                let text = format!("Final Normalized BM25 : tanh(stretch factor 1/{factor} * Final BM25 {whole:.2})");
                return Self { text: text.into(), children: vec![Self { text: bm25().into(), children: vec![parts] }] };
            }
            Scorer::Bm25StdNorm => {
                let whole = sum * score;
                let text = format!(
                    "Final BM25STD.NORM: {:.2} = Original Score: {whole:.2} / Max Score: {greatest:.2}",
                    score::normalized(whole, greatest)
                );
                return Self { text: text.into(), children: vec![Self { text: bm25().into(), children: vec![parts] }] };
            }
            Scorer::Dismax => return parts,
            Scorer::DocScore => return Self::leaf(format!("Document's score is {score:.2}")),
            Scorer::Hamming => {
                return Self::leaf(match payload {
                    None => "Payloads provided to scorer vary in length".to_owned(),
                    Some((bits, length)) => format!(
                        "String length is {length}. Bit count is {bits}. Result is (1 / count + 1) = {:.2}",
                        1.0 / (1.0 + f64::from(bits))
                    ),
                });
            }
        };
        Self { text: text.into(), children: vec![parts] }
    }
}
