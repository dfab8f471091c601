//! The pieces of a text that are worth showing.
//!
//! Words that were found and stand near each other are a fragment. The best fragments are shown, in the order of the text,
//! each with some of the text around it: as much as is left of the length that was asked for, a word being taken for six
//! bytes. Where a fragment ends is as in the field, byte by byte, but that no character is cut and that a text that fits is
//! shown whole.

use std::ops::Range;

use super::matches::{Match, Matches, mark};
use super::{Summary, Tags};
use crate::search::analysis::is_separator;

/// So many other words between two words that were found are too many for one fragment.
const APART: u32 = 8;
/// Bytes that a word of a summary is taken for, its blank among them.
const WORD: usize = 6;

/// Words that were found near each other.
#[derive(Debug, Clone, PartialEq)]
struct Fragment {
    /// Which matches these are.
    matches: Range<usize>,
    /// How many other words are among them.
    others: usize,
    /// How rare their terms are, one of each word, and each counted once.
    score: f64,
}

/// Appends the best fragments of a text; without matches, its beginning. `by_character`: words of the text are not separated.
pub fn summarize(
    text: &[u8],
    matches: &Matches,
    (summary, tags): (&Summary, Option<&Tags>),
    by_character: bool,
    out: &mut Vec<u8>,
) {
    if matches.all.is_empty() {
        return begin(text, summary, by_character, out);
    }
    let text = Text { text, by_character };
    let chosen = best(gather(matches), summary.fragments);
    let mut before = 0;
    for (nth, fragment) in chosen.iter().enumerate() {
        let found = &matches.all[fragment.matches.clone()];
        let after = chosen.get(nth + 1).map_or(text.text.len(), |next| matches.all[next.matches.start].place.start);
        let piece = text.around(found, before..after, summary.words.saturating_sub(fragment.others));
        let mut blank = Blanks::default();
        mark((text.text, piece), found, tags, out, &mut |bytes, out| blank.append(bytes, out));
        out.extend_from_slice(&summary.separator);
        before = found.last().map_or(0, |last| last.place.end);
    }
}

/// All fragments of a text.
fn gather(matches: &Matches) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    for (at, found) in matches.all.iter().enumerate() {
        let others = at.checked_sub(1).map_or(0, |before| others(&matches.all[before], found));
        match fragments.last_mut().filter(|_| others < APART) {
            Some(last) => {
                last.matches.end = at + 1;
                last.others += others as usize;
            }
            None => fragments.push(Fragment { matches: at..at + 1, others: 0, score: 0.0 }),
        }
    }
    fragments.iter_mut().for_each(|fragment| fragment.score = score(matches, fragment));
    fragments
}

/// How many words are between two.
fn others(before: &Match, after: &Match) -> u32 {
    after.position.saturating_sub(before.position).saturating_sub(1)
}

fn score(matches: &Matches, fragment: &Fragment) -> f64 {
    let mut terms: Vec<_> = matches.all[fragment.matches.clone()].iter().map(|found| found.term).collect();
    terms.sort_unstable_by_key(|(number, _)| *number);
    terms.dedup_by_key(|(number, _)| *number);
    terms.iter().map(|(_, rarity)| rarity).sum()
}

/// The fragments with the highest scores, of equals the first, in the order of the text.
fn best(mut fragments: Vec<Fragment>, most: usize) -> Vec<Fragment> {
    fragments.sort_by(|a, b| b.score.total_cmp(&a.score));
    fragments.truncate(most);
    fragments.sort_unstable_by_key(|fragment| fragment.matches.start);
    fragments
}

/// A text to be cut.
#[derive(Clone, Copy)]
struct Text<'a> {
    text: &'a [u8],
    by_character: bool,
}

impl Text<'_> {
    /// The matches and so many words around them, but nothing beyond `limits`.
    fn around(self, found: &[Match], limits: Range<usize>, words: usize) -> Range<usize> {
        let (Some(first), Some(last)) = (found.first(), found.last()) else { return limits.start..limits.start };
        let piece = first.place.start..last.place.end;
        if words == 0 {
            return piece;
        }
        let each = WORD.saturating_mul(words / 2);
        let start = self.left(piece.start.saturating_sub(each).max(limits.start), piece.start);
        start..self.right(piece.end, limits.end, each)
    }

    /// The start of the first whole word after `at`, or of what comes `before` it.
    fn left(self, mut at: usize, before: usize) -> usize {
        while at < before && !is_separator(self.text[at]) && !self.is_character(at) {
            at += 1;
        }
        while at < before && is_separator(self.text[at]) {
            at += 1;
        }
        at
    }

    /// The end of the last whole word within so many bytes after `end`, but at least one character.
    fn right(self, end: usize, limit: usize, bytes: usize) -> usize {
        if end >= limit {
            return end;
        }
        let mut at = end.saturating_add(bytes).min(limit - 1);
        while at > end && !is_separator(self.text[at]) && !self.is_character(at) {
            at -= 1;
        }
        while at > end && is_separator(self.text[at - 1]) {
            at -= 1;
        }
        if at > end { at } else { next_character(self.text, end) }
    }

    /// Whether a character begins here before which the text may be cut.
    fn is_character(self, at: usize) -> bool {
        self.by_character && self.text[at] >= 0xC0
    }
}

/// Whether a byte begins a character, in UTF-8 and in anything else.
fn begins(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| byte & 0xC0 != 0x80)
}

/// Where the character ends that begins at `at`.
fn next_character(text: &[u8], at: usize) -> usize {
    (at + 1..text.len()).find(|next| begins(text, *next)).unwrap_or(text.len())
}

/// Appends the beginning of a text that has no matches: all of it where that is no longer than a summary.
fn begin(text: &[u8], summary: &Summary, by_character: bool, out: &mut Vec<u8>) {
    if summary.fragments == 0 {
        return;
    }
    let most = WORD.saturating_mul(summary.words).saturating_mul(summary.fragments).saturating_add(WORD + 1);
    if text.len() <= most {
        return out.extend_from_slice(text);
    }
    let whole = (0..=most).rev().find(|at| begins(text, *at)).unwrap_or(0);
    let is_border = |at: usize| is_separator(text[at - 1]) || (by_character && text[at] >= 0xC0);
    // A single word that is longer than a summary is cut.
    let end = (1..=whole).rev().find(|at| is_border(*at)).unwrap_or(whole);
    let start = out.len();
    Blanks::default().append(&text[..end], out);
    while out.len() > start && out.last().is_some_and(u8::is_ascii_whitespace) {
        out.pop();
    }
}

/// Whether the last byte was a blank: of many, one is written.
#[derive(Debug, Default)]
struct Blanks(bool);

impl Blanks {
    fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let is_blank = byte.is_ascii_whitespace();
            if !is_blank {
                out.push(byte);
            } else if !self.0 {
                out.push(b' ');
            }
            self.0 = is_blank;
        }
    }
}
