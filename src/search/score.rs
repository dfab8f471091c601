//! Scores: how well a document answers a query. Large is good.
//!
//! A score is built along the tree of the query: leaves weigh their frequency in the document by how rare they are in the
//! index ([`Leaf::score`]), inner nodes add up (DISMAX takes the best branch of a union), and [`finish`] brings in what is
//! true of the document as a whole. The arithmetic is that of the field to the last bit, as far as it can be observed:
//! `k1` is the single-precision 1.2, logarithms of TFIDF are cut to integers, `slop` is what [`Nearness`] computes.
//!
//! | scorer | leaf of frequency f, in n of N documents | document |
//! |---|---|---|
//! | BM25STD | `ln(1 + (N − n + 0.5)/(n + 0.5)) · f·(k1 + 1) / (f + k1·(1 − b + b·len/avglen))` | `· D` |
//! | BM25STD.TANH | the same | `· D`, of a part of which `tanh` is taken |
//! | BM25STD.NORM | the same | `· D`, divided by the greatest of the answer |
//! | TFIDF | `f · ⌊log2(1 + (N + 1)/n)⌋` | `· D / maxfreq / slop` |
//! | TFIDF.DOCNORM | the same | `· D / len / slop` |
//! | BM25 | `⌊log2(1 + (N + 1)/n)⌋ · f / (f + k1·(1 − b + b·avglen))` | `· D / slop` |
//! | DISMAX | `f` | |
//! | DOCSCORE | | `D` |
//! | HAMMING | | `1 / (1 + bits that differ)`, 0 unless the payloads are of the same length |
//!
//! D is the document's own score, `len` its number of weighted words. Deliberate differences: a document without words has
//! `maxfreq`, `len` and `len/avglen` of 1, 1 and 0 where others divide by zero; a vector is no word for `maxfreq`; `$weight`
//! counts at every leaf for every scorer, and once; all branches of a union that a document has score, wherever the union
//! stands; FILTER and INKEYS of a command leave scores alone; clauses without positions have no distance.

/// BM25's saturation of frequency.
const K1: f64 = 1.2_f32 as f64;
/// What BM25STD.TANH divides by where nothing else is said.
const TANH_FACTOR: u32 = 4;
/// BM25's share of normalization by length.
const B: f64 = 0.5;

/// A function that scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scorer {
    /// `BM25STD`: Okapi BM25.
    #[default]
    Bm25Std,
    /// `BM25STD.TANH`: the same, brought between 0 and 1 by the hyperbolic tangent of so many parts of it.
    Bm25StdTanh(u32),
    /// `BM25STD.NORM`: the same, divided by the greatest score of the answer.
    Bm25StdNorm,
    /// `TFIDF`.
    Tfidf,
    /// `TFIDF.DOCNORM`: normalized by length.
    TfidfDocNorm,
    /// `BM25`: an older variant, without the document's own length.
    Bm25,
    /// `DISMAX`: frequencies.
    Dismax,
    /// `DOCSCORE`: the document's own score.
    DocScore,
    /// `HAMMING`: how alike the payloads of the document and of the query are.
    Hamming,
}

impl Scorer {
    /// The scorer of a name, in exactly this spelling.
    pub fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"BM25STD" => Self::Bm25Std,
            b"BM25STD.TANH" => Self::Bm25StdTanh(TANH_FACTOR),
            b"BM25STD.NORM" => Self::Bm25StdNorm,
            b"TFIDF" => Self::Tfidf,
            b"TFIDF.DOCNORM" => Self::TfidfDocNorm,
            b"BM25" => Self::Bm25,
            b"DISMAX" => Self::Dismax,
            b"DOCSCORE" => Self::DocScore,
            b"HAMMING" => Self::Hamming,
            _ => return None,
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bm25Std => "BM25STD",
            Self::Bm25StdTanh(_) => "BM25STD.TANH",
            Self::Bm25StdNorm => "BM25STD.NORM",
            Self::Tfidf => "TFIDF",
            Self::TfidfDocNorm => "TFIDF.DOCNORM",
            Self::Bm25 => "BM25",
            Self::Dismax => "DISMAX",
            Self::DocScore => "DOCSCORE",
            Self::Hamming => "HAMMING",
        }
    }

    /// Whether the distance between the words of the query counts.
    pub fn needs_nearness(self) -> bool {
        matches!(self, Self::Tfidf | Self::TfidfDocNorm | Self::Bm25)
    }
}

/// What is the same for all documents of a query.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    /// How many documents the index has.
    pub docs: u64,
    /// Their average length in weighted words; 0 where none has words.
    pub average_length: f64,
}

/// How to score the document that a docset stands on.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// By which function.
    pub scorer: Scorer,
    /// Weighted words of the document.
    pub(super) length: u32,
    /// Weighted words of documents on average.
    pub(super) average: f64,
    /// k1·(1 − b + b·len/avglen), or what BM25 has in its place.
    norm: f64,
}

impl Context {
    /// The context of a document of so many weighted words.
    pub fn new(scorer: Scorer, corpus: &Corpus, length: u32) -> Self {
        let average = corpus.average_length;
        let relative = match scorer {
            Scorer::Bm25 => average,
            _ if average > 0.0 => f64::from(length) / average,
            _ => 0.0,
        };
        Self { scorer, length, average, norm: K1 * ((1.0 - B) + B * relative) }
    }
}

/// What a leaf of the query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafKind {
    /// It does not count at all.
    Silent,
    /// A term or a tag.
    Term,
    /// A range of numbers or a circle.
    Range,
    /// `*`.
    All,
}

/// What a leaf of the query is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leaf {
    /// `$weight`.
    pub(super) weight: f64,
    /// Rarity for TFIDF and BM25.
    pub(super) idf: f64,
    /// Rarity for BM25STD.
    pub(super) idf_std: f64,
    /// What it is.
    pub(super) kind: LeafKind,
}

impl Leaf {
    /// Adds nothing: `ismissing`, vector ranges, negations.
    pub const SILENT: Self = Self { weight: 0.0, idf: 0.0, idf_std: 0.0, kind: LeafKind::Silent };

    /// A term or a tag that `n` documents have.
    pub fn term(weight: f64, corpus: &Corpus, n: u64) -> Self {
        let (docs, n) = (corpus.docs as f64, (n as f64).max(1.0));
        Self {
            weight,
            idf: (1.0 + (docs + 1.0) / n).log2().floor(),
            // Under the logarithm in single precision, as the field has it. More documents with the term than there are
            // must not make it negative.
            idf_std: f64::from((1.0 + ((docs - n).max(0.0) + 0.5) / (n + 0.5)) as f32).ln(),
            kind: LeafKind::Term,
        }
    }

    /// A range of numbers or a circle.
    pub fn range(weight: f64) -> Self {
        Self { weight, idf: 1.0, idf_std: 0.0, kind: LeafKind::Range }
    }

    /// `*`.
    pub fn all(weight: f64) -> Self {
        Self { weight, idf: 1.0, idf_std: 1.0, kind: LeafKind::All }
    }

    /// What it adds to the score of a document that has it `freq` times.
    pub fn score(&self, context: &Context, freq: f64) -> f64 {
        if self.kind == LeafKind::Silent {
            return 0.0;
        }
        self.weight
            * match context.scorer {
                Scorer::Bm25Std | Scorer::Bm25StdTanh(_) | Scorer::Bm25StdNorm => {
                    self.idf_std * freq * (K1 + 1.0) / (freq + context.norm)
                }
                Scorer::Tfidf | Scorer::TfidfDocNorm => freq * self.idf,
                Scorer::Bm25 => self.idf * freq / (freq + context.norm),
                Scorer::Dismax => freq,
                Scorer::DocScore | Scorer::Hamming => 0.0,
            }
    }
}

/// What is true of a document as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    /// Its own score.
    pub score: f64,
    /// Its weighted words.
    pub length: u32,
    /// The highest frequency of a word in it.
    pub max_freq: u32,
    /// How far the words of the query are apart in it; at least 1.
    pub slop: f64,
    /// Bits in which its payload differs from that of the query, and its length in bytes; `None`: they are not of the same
    /// length, or not both there.
    pub payload: Option<(u32, usize)>,
}

/// What [`Whole::payload`] is.
pub fn compare_payloads(mine: Option<&[u8]>, asked: Option<&[u8]>) -> Option<(u32, usize)> {
    let (mine, asked) = (mine?, asked?);
    let bits = || mine.iter().zip(asked).map(|(a, b)| (a ^ b).count_ones()).sum();
    (mine.len() == asked.len()).then(|| (bits(), mine.len()))
}

/// The score of a document whose tree scored `sum`. That of [`Scorer::Bm25StdNorm`] is still to be divided by the greatest.
pub fn finish(scorer: Scorer, sum: f64, whole: &Whole) -> f64 {
    match scorer {
        Scorer::Bm25Std | Scorer::Bm25StdNorm => sum * whole.score,
        Scorer::Bm25StdTanh(factor) => (sum * whole.score / f64::from(factor)).tanh(),
        Scorer::Tfidf => sum * whole.score / f64::from(whole.max_freq.max(1)) / whole.slop,
        Scorer::TfidfDocNorm => sum * whole.score / f64::from(whole.length.max(1)) / whole.slop,
        Scorer::Bm25 => sum * whole.score / whole.slop,
        Scorer::Dismax => sum,
        Scorer::DocScore => whole.score,
        Scorer::Hamming => whole.payload.map_or(0.0, |(bits, _)| 1.0 / (1.0 + f64::from(bits))),
    }
}

/// A score of [`Scorer::Bm25StdNorm`], where the greatest of the answer is this.
pub fn normalized(score: f64, greatest: f64) -> f64 {
    if greatest > 0.0 { score / greatest } else { score }
}

/// Measures how far the words of a query are apart: ⌊√Σd²⌋ over neighboring clauses that have positions, d the smallest
/// distance between a position of the one and a position of the other. Where all stand in one place, as a word and what is derived from
/// it: how many they are, less one. At least 1.
#[derive(Debug, Default)]
pub struct Nearness {
    last: Vec<u32>,
    squares: f64,
    clauses: u32,
}

impl Nearness {
    /// Takes the rising positions of the next clause.
    pub fn add(&mut self, positions: &[u32]) {
        if positions.is_empty() {
            return;
        }
        self.clauses += 1;
        if !self.last.is_empty() {
            let nearest = f64::from(smallest_distance(&self.last, positions));
            self.squares += nearest * nearest;
        }
        self.last.clear();
        self.last.extend_from_slice(positions);
    }

    /// The result.
    pub fn slop(&self) -> f64 {
        let apart = if self.squares > 0.0 { self.squares.sqrt().floor() } else { f64::from(self.clauses) - 1.0 };
        apart.max(1.0)
    }
}

/// The smallest distance between elements of two sorted lists. As observed, neighbors are near enough: after them, there is no looking
/// for what stands in one place.
fn smallest_distance(a: &[u32], b: &[u32]) -> u32 {
    let (mut i, mut j, mut best) = (0, 0, u32::MAX);
    while let (2.., Some(x), Some(y)) = (best, a.get(i), b.get(j)) {
        best = best.min(x.abs_diff(*y));
        if x < y { i += 1 } else { j += 1 }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As observed: four documents of 6, 6, 6 and 5 weighted words; "hello" in three, four times in the second.
    #[test]
    fn scores_are_those_of_the_peer_to_the_last_bit() {
        let corpus = Corpus { docs: 4, average_length: 5.75 };
        let hello = Leaf::term(1.0, &corpus, 3);
        let tag = Leaf::term(1.0, &corpus, 2);
        let whole = Whole { score: 1.0, length: 6, max_freq: 4, slop: 1.0, payload: None };
        let of = |scorer, leaf: Leaf, freq| {
            finish(scorer, leaf.score(&Context::new(scorer, &corpus, whole.length), freq), &whole)
        };
        assert_eq!(of(Scorer::Bm25Std, hello, 4.0), 0.6005908017511403);
        assert_eq!(of(Scorer::Bm25Std, hello, 1.0), 0.3524951829273006);
        assert_eq!(of(Scorer::Bm25Std, tag, 1.0), 0.6850243618927632);
        assert_eq!(of(Scorer::Bm25Std, Leaf::all(1.0), 1.0), 0.9882812497908162);
        assert_eq!(of(Scorer::Bm25Std, Leaf::range(1.0), 1.0), 0.0);
        assert_eq!(of(Scorer::Bm25, hello, 4.0), 0.4968944000041642);
        assert_eq!(of(Scorer::Bm25, hello, 1.0), 0.19801979566973685);
        assert_eq!(of(Scorer::Tfidf, hello, 4.0), 1.0);
        assert_eq!(of(Scorer::Tfidf, Leaf::range(1.0), 1.0), 0.25);
        assert_eq!(of(Scorer::TfidfDocNorm, hello, 4.0), 0.6666666666666666);
        assert_eq!(of(Scorer::Dismax, hello, 4.0), 4.0);
        assert_eq!(of(Scorer::DocScore, hello, 4.0), 1.0);
    }

    #[test]
    fn payloads_are_compared_bit_by_bit() {
        assert_eq!(compare_payloads(Some(b"abcd"), Some(b"abce")), Some((1, 4)));
        assert_eq!(compare_payloads(Some(b"abcd"), Some(b"abc")), None);
        assert_eq!(compare_payloads(None, None), None);
        let whole = Whole { score: 1.0, length: 0, max_freq: 0, slop: 1.0, payload: Some((3, 4)) };
        assert_eq!(finish(Scorer::Hamming, 0.0, &whole), 0.25);
    }

    /// As observed, in texts of three words with fillers between them.
    #[test]
    fn nearness_is_that_of_the_peer() {
        let slop = |clauses: &[&[u32]]| {
            let mut nearness = Nearness::default();
            clauses.iter().for_each(|positions| nearness.add(positions));
            nearness.slop()
        };
        assert_eq!(slop(&[&[1], &[2], &[3]]), 1.0);
        assert_eq!(slop(&[&[1], &[4], &[8]]), 5.0);
        assert_eq!(slop(&[&[1], &[6], &[13]]), 8.0);
        assert_eq!(slop(&[&[3], &[1], &[6]]), 5.0);
        assert_eq!(slop(&[&[1, 2, 7], &[4], &[5]]), 2.0);
        assert_eq!(slop(&[&[8], &[1], &[3, 7]]), 7.0);
        assert_eq!(slop(&[&[1], &[], &[3]]), 2.0);
        assert_eq!(slop(&[&[5]]), 1.0);
        assert_eq!(slop(&[&[5], &[5]]), 1.0);
        assert_eq!(slop(&[&[1, 5], &[], &[5], &[5, 6], &[5]]), 3.0);
        assert_eq!(slop(&[&[3], &[2, 3], &[3]]), 1.0);
    }
}
