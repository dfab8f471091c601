//! Chinese text to words: it is written without blanks between them.
//!
//! Of all the ways to cut a run of Han characters into words of the dictionary and single characters, the one is taken
//! that is likeliest, as if each word came by its own frequency: that with the least sum of costs, a cost being the negative
//! logarithm of a frequency. Characters that are not Han stand between such runs. They are words, too, cut at the
//! punctuation of CJK; its wide letters and digits become the usual ones.
//!
//! The dictionary lies in the library as it is used: nothing is read into memory, and nothing has to be loaded. It has 107,029
//! words of at most five characters; `examples/chinese_dictionary.rs` makes it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use fst::raw::{Fst, Output};

/// The words by their UTF-8, each with its cost in twelfths of a nat.
static WORDS: LazyLock<Option<Fst<&'static [u8]>>> =
    LazyLock::new(|| Fst::new(&include_bytes!("dictionary.fst")[..]).ok());

/// What a character costs that the dictionary does not have.
const UNKNOWN: u32 = 215;

/// What a character is to the cutter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Written without blanks.
    Han,
    /// Stands between words.
    Mark,
    /// Part of words as they are.
    Other,
}

impl Class {
    fn of(char: char) -> Self {
        match char {
            '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => {
                Self::Han
            }
            '\u{A1}'..='\u{A9}' | '\u{AB}'..='\u{B1}' | '\u{B4}' | '\u{B6}'..='\u{B8}' | '\u{BB}' | '\u{BF}' => {
                Self::Mark
            }
            '\u{2000}'..='\u{200B}' | '\u{2010}'..='\u{206F}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3020}' => {
                Self::Mark
            }
            '\u{3030}' | '\u{303D}' | '\u{FE10}'..='\u{FE19}' | '\u{FE30}'..='\u{FE6F}' => Self::Mark,
            '\u{FF00}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF3E}' | '\u{FF40}' => Self::Mark,
            '\u{FF5B}'..='\u{FF65}' => Self::Mark,
            '_' => Self::Other,
            char if char.is_ascii_punctuation() || char.is_ascii_whitespace() => Self::Mark,
            _ => Self::Other,
        }
    }
}

/// Calls `each` with the words of a text and where each stands in it.
pub fn words(text: &str, mut each: impl FnMut(&str, Range<usize>)) {
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let class = Class::of(first);
        let end = text[start..].find(|char| Class::of(char) != class).map_or(text.len(), |len| start + len);
        let run = &text[start..end];
        match class {
            Class::Han => cut(run, &mut |from, to| each(&run[from..to], start + from..start + to)),
            Class::Mark => {}
            Class::Other => each(&narrow(run), start..end),
        }
        start = end;
    }
}

/// Wide letters and digits as the usual ones.
fn narrow(text: &str) -> Cow<'_, str> {
    let wide = '\u{FF01}'..='\u{FF5E}';
    if !text.chars().any(|char| wide.contains(&char)) {
        return Cow::Borrowed(text);
    }
    // They stand in the order of ASCII.
    let narrowed =
        |char| if wide.contains(&char) { char::from_u32(u32::from(char) - 0xFEE0).unwrap_or(char) } else { char };
    Cow::Owned(text.chars().map(|char| narrowed(char).to_ascii_lowercase()).collect())
}

/// Calls `each` with where the words of a run of Han characters begin and end.
fn cut(run: &str, each: &mut impl FnMut(usize, usize)) {
    let starts: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
    let chars = starts.len() - 1;
    // The least cost from a character on to the end, and how many characters the first word then has.
    let mut best = vec![(0u32, 1usize); chars + 1];
    for at in (0..chars).rev() {
        best[at] = (UNKNOWN + best[at + 1].0, 1);
        costs(&run[starts[at]..], |len, cost| {
            let total = cost + best[at + len].0;
            if total <= best[at].0 {
                best[at] = (total, len);
            }
        });
    }
    let mut at = 0;
    while at < chars {
        let end = at + best[at].1;
        each(starts[at], starts[end]);
        at = end;
    }
}

/// Calls `each` with every word of the dictionary that a text starts with: its characters and its cost.
fn costs(text: &str, mut each: impl FnMut(usize, u32)) {
    let Some(words) = &*WORDS else { return };
    let (mut node, mut cost) = (words.root(), Output::zero());
    for (before, char) in text.chars().enumerate() {
        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
            let Some(step) = node.find_input(byte) else { return };
            let step = node.transition(step);
            cost = cost.cat(step.out);
            node = words.node(step.addr);
        }
        if node.is_final() {
            // Costs are below 256.
            each(before + 1, cost.cat(node.final_output()).value() as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut_to(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        words(text, |word, _| found.push(word.to_owned()));
        found
    }

    #[test]
    fn the_dictionary_is_whole() {
        let words = WORDS.as_ref().expect("it is a dictionary");
        assert_eq!(words.len(), 107_029);
        words.verify().expect("its sum is right");
    }

    #[test]
    fn chinese_is_cut_into_words() {
        for (text, words) in [
            ("北京天安门广场", "北京 天安门广场"),
            ("我爱北京大学", "我 爱 北京大学"),
            ("redis支持全文搜索", "redis 支持 全文 搜索"),
            ("中华人民共和国。", "中华 人民共和国"),
            ("南京市长江大桥", "南京市 长江大桥"),
            ("研究生命起源", "研究 生命 起源"),
            ("机器学习算法，云计算", "机器 学习 算法 云 计算"),
            ("ＡＢ１_x「中国」", "ab1_x 中国"),
            ("日本語", "日本 語"),
            ("𠀀中国", "𠀀 中国"),
            ("，。", ""),
            ("", ""),
        ] {
            assert_eq!(cut_to(text).join(" "), words, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_marks_is_lost(text in "[中国人民京大a1，。é🙂]{0,40}") {
            let kept: String = text.chars().filter(|char| Class::of(*char) != Class::Mark).collect();
            prop_assert_eq!(cut_to(&text).concat(), kept);
        }

        #[test]
        fn the_cheapest_way_is_taken(text in "[中国人民共和万岁京大学生]{1,9}") {
            prop_assert_eq!(cost_of(&cut_to(&text)), cheapest(&text));
        }
    }

    fn cost_of(words: &[String]) -> u32 {
        words.iter().map(|word| cost(word).unwrap_or(UNKNOWN)).sum()
    }

    fn cost(word: &str) -> Option<u32> {
        WORDS.as_ref()?.get(word).map(|cost| cost.value() as u32)
    }

    /// What the cheapest of all ways costs, by trying all.
    fn cheapest(text: &str) -> u32 {
        let ends = text.char_indices().map(|(at, char)| (at == 0, at + char.len_utf8()));
        let ways = ends.filter_map(|(single, end)| {
            let first = cost(&text[..end]).or(single.then_some(UNKNOWN))?;
            Some(first + cheapest(&text[end..]))
        });
        ways.min().unwrap_or(0)
    }
}
