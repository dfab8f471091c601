//! Makes the dictionary that Chinese is cut by, from jieba's.
//!
//!     cargo fetch; cargo run --profile fast --example chinese_dictionary -- \
//!         ~/.cargo/registry/src/*/jieba-rs-0.11.0/src/data/dict.txt src/search/analysis/chinese/dictionary.fst
//!
//! The text has a line for each word: the word, how often it was counted, its part of speech. Kept are words of at most
//! five Han characters that were counted ten times or more, and every single character; with each, what it costs to take it
//! (`search::analysis::chinese` says how costs are used).

use std::collections::BTreeMap;
use std::io::{Error, Write};

/// Counts below this are mostly guesses, and joined words that people search apart.
const LEAST: f64 = 10.0;
/// Characters in the longest word.
const LONGEST: usize = 5;
/// What a nat costs.
const SCALE: f64 = 12.0;

fn is_han(char: char) -> bool {
    matches!(char, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}')
}

fn main() -> Result<(), Error> {
    let mut paths = std::env::args().skip(1);
    let (Some(from), Some(to)) = (paths.next(), paths.next()) else {
        return Err(Error::other("usage: chinese_dictionary dict.txt dictionary.fst"));
    };
    let text = std::fs::read_to_string(from)?;
    let counted: Vec<(&str, f64)> = text
        .lines()
        .filter_map(|line| {
            let mut parts = line.split(' ');
            Some((parts.next()?, parts.next()?.parse().ok()?))
        })
        .collect();
    let all: f64 = counted.iter().map(|(_, count)| count).sum();
    let mut costs = BTreeMap::new();
    for (word, count) in counted {
        let chars = word.chars().count();
        if word.chars().all(is_han) && chars <= LONGEST && (count >= LEAST || chars == 1) {
            costs.insert(word, ((all / count.max(1.0)).ln() * SCALE).round() as u64);
        }
    }
    let map = fst::Map::from_iter(costs.iter().map(|(word, cost)| (word, *cost))).map_err(Error::other)?;
    std::fs::write(to, map.as_fst().as_bytes())?;
    writeln!(std::io::stdout(), "{} words, the dearest {:?}", costs.len(), costs.values().max())
}
