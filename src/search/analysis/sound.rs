//! Words to what they sound like: the primary code of Double Metaphone (Lawrence Philips, C/C++ Users Journal, June 2000), of at
//! most `LONGEST` letters.
//!
//! A rule looks at the letters around the one that it is for, appends to the code, and says how many letters it has dealt
//! with. Letters are those from A to Z, `Ç` and `Ñ`; other characters have no sound, but keep their place. The alternative
//! codes of the algorithm are left out: words are not found by them. `0` stands for the sound of `th`, `X` for that of `sh`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Shortest word that is stored under its sound too, in bytes.
static SHORTEST: AtomicUsize = AtomicUsize::new(3);

/// Tells from how many bytes on words are stored under their sounds too. What was indexed stays as it is.
pub fn store_sounds_from(length: usize) {
    SHORTEST.store(length, Ordering::Relaxed);
}

/// What sounds start with in the dictionary of an index.
pub const SOUND: u8 = b'<';

/// Letters of a code at most.
const LONGEST: usize = 4;

const C_CEDILLA: u8 = 0xC7;
const N_TILDE: u8 = 0xD1;

/// [`SOUND`] and the code of a word; `None`: it has no letters that sound.
pub fn sound(word: &[u8]) -> Option<Box<[u8]>> {
    let mut code = Word::new(word).code();
    if code.is_empty() {
        return None;
    }
    code.insert(0, SOUND);
    Some(code.into())
}

/// [`sound`], if the index stores the word under it too.
pub fn stored_sound(word: &[u8]) -> Option<Box<[u8]>> {
    if word.len() < SHORTEST.load(Ordering::Relaxed) { None } else { sound(word) }
}

/// A word while its code is made.
struct Word {
    /// A byte for each character: the letter in upper case, 0 for what has no sound.
    letters: Vec<u8>,
    is_slavo_germanic: bool,
    code: Vec<u8>,
}

fn letter(char: char) -> u8 {
    match char {
        'ç' | 'Ç' => C_CEDILLA,
        'ñ' | 'Ñ' => N_TILDE,
        ' ' => b' ',
        _ if char.is_ascii_alphabetic() => char.to_ascii_uppercase() as u8,
        _ => 0,
    }
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'A' | b'E' | b'I' | b'O' | b'U' | b'Y')
}

/// A place among the letters, which a rule may look before.
type At = isize;

impl Word {
    fn new(word: &[u8]) -> Self {
        let text = String::from_utf8_lossy(word);
        let letters: Vec<u8> = text.trim().chars().map(letter).collect();
        let mut word = Self { letters, is_slavo_germanic: false, code: Vec::with_capacity(LONGEST + 2) };
        let any = |part: &[u8]| word.letters.windows(part.len()).any(|letters| letters == part);
        // WITZ has a W.
        word.is_slavo_germanic = any(b"W") || any(b"K") || any(b"CZ");
        word
    }

    fn code(mut self) -> Vec<u8> {
        let mut at: At = if self.is(0, &["GN", "KN", "PN", "WR", "PS"]) { 1 } else { 0 };
        while self.code.len() < LONGEST && at < self.len() {
            at += self.rule(at);
        }
        self.code.truncate(LONGEST);
        self.code
    }

    fn len(&self) -> At {
        self.letters.len() as At
    }

    /// The letter at a place; 0 outside of the word.
    fn at(&self, at: At) -> u8 {
        usize::try_from(at).ok().and_then(|at| self.letters.get(at)).copied().unwrap_or(0)
    }

    /// Whether one of some parts is at a place.
    fn is(&self, at: At, parts: &[&str]) -> bool {
        let rest = usize::try_from(at).ok().and_then(|at| self.letters.get(at..));
        rest.is_some_and(|rest| parts.iter().any(|part| rest.starts_with(part.as_bytes())))
    }

    fn is_last(&self, at: At) -> bool {
        at == self.len() - 1
    }

    fn is_vowel(&self, at: At) -> bool {
        is_vowel(self.at(at))
    }

    /// Whether the word starts as words of Germanic languages do.
    fn is_germanic(&self) -> bool {
        self.is(0, &["VAN ", "VON ", "SCH"])
    }

    fn add(&mut self, code: &str) {
        self.code.extend_from_slice(code.as_bytes());
    }

    /// Appends, and says that so many letters are dealt with.
    fn take(&mut self, code: &str, letters: At) -> At {
        self.add(code);
        letters
    }

    /// Appends; a letter that follows and is one of these is dealt with too.
    fn with_next(&mut self, code: &str, at: At, next: &[u8]) -> At {
        self.add(code);
        1 + At::from(next.contains(&self.at(at + 1)))
    }

    fn rule(&mut self, at: At) -> At {
        match self.at(at) {
            b'A' | b'E' | b'I' | b'O' | b'U' | b'Y' => self.take(if at == 0 { "A" } else { "" }, 1),
            b'B' => self.with_next("P", at, b"B"),
            C_CEDILLA => self.take("S", 1),
            b'C' => self.c(at),
            b'D' => self.d(at),
            b'F' | b'V' => self.with_next("F", at, &[self.at(at)]),
            b'G' => self.g(at),
            b'H' if (at == 0 || self.is_vowel(at - 1)) && self.is_vowel(at + 1) => self.take("H", 2),
            b'J' => self.j(at),
            b'K' | b'Q' => self.with_next("K", at, &[self.at(at)]),
            b'L' => self.l(at),
            b'M' => self.m(at),
            b'N' => self.with_next("N", at, b"N"),
            N_TILDE => self.take("N", 1),
            b'P' if self.at(at + 1) == b'H' => self.take("F", 2),
            b'P' => self.with_next("P", at, b"PB"),
            b'R' => self.r(at),
            b'S' => self.s(at),
            b'T' => self.t(at),
            b'W' => self.w(at),
            b'X' => self.x(at),
            b'Z' => self.z(at),
            _ => 1,
        }
    }

    fn c(&mut self, at: At) -> At {
        if self.is_germanic_ch(at) {
            return self.take("K", 2);
        }
        if at == 0 && self.is(0, &["CAESAR"]) {
            return self.take("S", 2);
        }
        if self.is(at, &["CH"]) {
            return self.ch(at);
        }
        if self.is(at, &["CZ"]) && !self.is(at - 2, &["WICZ"]) {
            return self.take("S", 2);
        }
        if self.is(at + 1, &["CIA"]) {
            return self.take("X", 3);
        }
        if self.is(at, &["CC"]) && !(at == 1 && self.at(0) == b'M') {
            return self.cc(at);
        }
        if self.is(at, &["CK", "CG", "CQ"]) {
            return self.take("K", 2);
        }
        if self.is(at, &["CI", "CE", "CY"]) {
            return self.take("S", 2);
        }
        self.add("K");
        match () {
            () if self.is(at + 1, &[" C", " Q", " G"]) => 3,
            () if self.is(at + 1, &["C", "K", "Q"]) && !self.is(at + 1, &["CE", "CI"]) => 2,
            () => 1,
        }
    }

    /// `chianti`, and `ch` as in `bacher`.
    fn is_germanic_ch(&self, at: At) -> bool {
        if self.is(at, &["CHIA"]) {
            return true;
        }
        let is_ach = at > 1 && !self.is_vowel(at - 2) && self.is(at - 1, &["ACH"]);
        is_ach && (!matches!(self.at(at + 2), b'I' | b'E') || self.is(at - 2, &["BACHER", "MACHER"]))
    }

    fn cc(&mut self, at: At) -> At {
        if !self.is(at + 2, &["I", "E", "H"]) || self.is(at + 2, &["HU"]) {
            return self.take("K", 2);
        }
        let is_hard = at == 1 && self.at(0) == b'A' || self.is(at - 1, &["UCCEE", "UCCES"]);
        self.take(if is_hard { "KS" } else { "X" }, 3)
    }

    fn ch(&mut self, at: At) -> At {
        let is_k = at > 0 && self.is(at, &["CHAE"]) || self.is_greek_ch(at) || self.is_hard_ch(at);
        let is_k = is_k || at > 0 && self.is(0, &["MC"]);
        self.take(if is_k { "K" } else { "X" }, 2)
    }

    /// `chemistry`, `chorus`.
    fn is_greek_ch(&self, at: At) -> bool {
        at == 0 && self.is(1, &["HARAC", "HARIS", "HOR", "HYM", "HIA", "HEM"]) && !self.is(0, &["CHORE"])
    }

    fn is_hard_ch(&self, at: At) -> bool {
        self.is_germanic()
            || self.is(at - 2, &["ORCHES", "ARCHIT", "ORCHID"])
            || matches!(self.at(at + 2), b'T' | b'S')
            || (at == 0 || matches!(self.at(at - 1), b'A' | b'O' | b'U' | b'E'))
                && (self.is_last(at + 1) || self.is(at + 2, &["L", "R", "N", "M", "B", "H", "F", "V", "W", " "]))
    }

    fn d(&mut self, at: At) -> At {
        if self.is(at, &["DG"]) {
            let is_soft = self.is(at + 2, &["I", "E", "Y"]);
            return if is_soft { self.take("J", 3) } else { self.take("TK", 2) };
        }
        self.with_next("T", at, b"TD")
    }

    fn g(&mut self, at: At) -> At {
        let next = self.at(at + 1);
        if next == b'H' {
            return self.gh(at);
        }
        if next == b'N' {
            let is_first = at == 1 && self.is_vowel(0);
            let is_silent = !is_first && !self.is(at + 2, &["EY"]) && !self.is_slavo_germanic;
            return self.take(if is_silent { "N" } else { "KN" }, 2);
        }
        if self.is(at + 1, &["LI"]) && !self.is_slavo_germanic {
            return self.take("KL", 2);
        }
        let starts = ["ES", "EP", "EB", "EL", "EY", "IB", "IL", "IN", "IE", "EI", "ER"];
        if at == 0 && (next == b'Y' || self.is(1, &starts)) || self.is_hard_ger(at) {
            return self.take("K", 2);
        }
        if matches!(next, b'E' | b'I' | b'Y') || self.is(at - 1, &["AGGI", "OGGI"]) {
            let is_hard = self.is_germanic() || self.is(at + 1, &["ET"]);
            return self.take(if is_hard { "K" } else { "J" }, 2);
        }
        self.with_next("K", at, b"G")
    }

    /// `-ger-`, `-gy-`.
    fn is_hard_ger(&self, at: At) -> bool {
        (self.is(at + 1, &["ER"]) || self.at(at + 1) == b'Y')
            && !self.is(0, &["DANGER", "RANGER", "MANGER"])
            && !matches!(self.at(at - 1), b'E' | b'I')
            && !self.is(at - 1, &["RGY", "OGY"])
    }

    fn gh(&mut self, at: At) -> At {
        if at > 0 && !self.is_vowel(at - 1) {
            return self.take("K", 2);
        }
        if at == 0 {
            let code = if self.at(2) == b'I' { "J" } else { "K" };
            return self.take(code, 2);
        }
        // `hugh`
        let is_silent = matches!(self.at(at - 2), b'B' | b'H' | b'D')
            || matches!(self.at(at - 3), b'B' | b'H' | b'D')
            || matches!(self.at(at - 4), b'B' | b'H');
        let is_cough = self.at(at - 1) == b'U' && matches!(self.at(at - 3), b'C' | b'G' | b'L' | b'R' | b'T');
        let code = match () {
            () if is_silent => "",
            () if is_cough => "F",
            () if self.at(at - 1) != b'I' => "K",
            () => "",
        };
        self.take(code, 2)
    }

    fn j(&mut self, at: At) -> At {
        let is_jose = self.is(at, &["JOSE"]);
        if is_jose || self.is(0, &["SAN "]) {
            let is_name = at == 0 && self.at(4) == b' ' || self.len() == 4 || self.is(0, &["SAN "]);
            return self.take(if is_name { "H" } else { "J" }, 1);
        }
        let is_soft = self.is_vowel(at - 1) && !self.is_slavo_germanic && matches!(self.at(at + 1), b'A' | b'O');
        let is_mute = self.is(at + 1, &["L", "T", "K", "S", "N", "M", "B", "Z"]) || self.is(at - 1, &["S", "K", "L"]);
        let sounds = at == 0 || is_soft || self.is_last(at) || !is_mute;
        self.with_next(if sounds { "J" } else { "" }, at, b"J")
    }

    fn l(&mut self, at: At) -> At {
        self.with_next("L", at, b"L")
    }

    fn m(&mut self, at: At) -> At {
        // `dumb`, `thumb`, `dumber`
        let is_umb = self.is(at - 1, &["UMB"]) && (self.is_last(at + 1) || self.is(at + 2, &["ER"]));
        self.add("M");
        if is_umb || self.at(at + 1) == b'M' { 2 } else { 1 }
    }

    fn r(&mut self, at: At) -> At {
        // `rogier`
        let is_french =
            self.is_last(at) && !self.is_slavo_germanic && self.is(at - 2, &["IE"]) && !self.is(at - 4, &["ME", "MA"]);
        self.with_next(if is_french { "" } else { "R" }, at, b"R")
    }

    fn s(&mut self, at: At) -> At {
        if self.is(at - 1, &["ISL", "YSL"]) {
            return 1;
        }
        if at == 0 && self.is(0, &["SUGAR"]) {
            return self.take("X", 1);
        }
        if self.is(at, &["SH"]) {
            let is_german = self.is(at + 1, &["HEIM", "HOEK", "HOLM", "HOLZ"]);
            return self.take(if is_german { "S" } else { "X" }, 2);
        }
        if self.is(at, &["SIO", "SIA"]) {
            return self.take("S", 3);
        }
        if at == 0 && matches!(self.at(1), b'M' | b'N' | b'L' | b'W') || self.at(at + 1) == b'Z' {
            return self.with_next("S", at, b"Z");
        }
        if self.is(at, &["SC"]) {
            return self.sc(at);
        }
        let is_french = self.is_last(at) && self.is(at - 2, &["AI", "OI"]);
        self.with_next(if is_french { "" } else { "S" }, at, b"SZ")
    }

    fn sc(&mut self, at: At) -> At {
        let code = if self.at(at + 2) == b'H' {
            match () {
                () if self.is(at + 3, &["ER", "EN"]) => "X",
                () if self.is(at + 3, &["OO", "UY", "ED", "EM"]) => "SK",
                () => "X",
            }
        } else if self.is(at + 2, &["I", "E", "Y"]) {
            "S"
        } else {
            "SK"
        };
        self.take(code, 3)
    }

    fn t(&mut self, at: At) -> At {
        if self.is(at, &["TION", "TIA", "TCH"]) {
            return self.take("X", 3);
        }
        if self.is(at, &["TH", "TTH"]) {
            // `thomas`, `thames`
            let is_t = self.is(at + 2, &["OM", "AM"]) || self.is_germanic();
            return self.take(if is_t { "T" } else { "0" }, 2);
        }
        self.with_next("T", at, b"TD")
    }

    fn w(&mut self, at: At) -> At {
        if self.is(at, &["WR"]) {
            return self.take("R", 2);
        }
        if at == 0 && (self.is_vowel(1) || self.at(1) == b'H') {
            self.add("A");
        }
        let is_f = self.is_last(at) && self.is_vowel(at - 1)
            || self.is(at - 1, &["EWSKI", "EWSKY", "OWSKI", "OWSKY"])
            || self.is(0, &["SCH"]);
        if !is_f && self.is(at, &["WICZ", "WITZ"]) {
            return self.take("TS", 4);
        }
        1
    }

    fn x(&mut self, at: At) -> At {
        if at == 0 {
            return self.take("S", 1);
        }
        let is_french = self.is_last(at) && (self.is(at - 3, &["IAU", "EAU"]) || self.is(at - 2, &["AU", "OU"]));
        self.with_next(if is_french { "" } else { "KS" }, at, b"CX")
    }

    fn z(&mut self, at: At) -> At {
        if self.at(at + 1) == b'H' {
            return self.take("J", 2);
        }
        self.with_next("S", at, b"Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_sound_as_they_do_for_clients() {
        let known = include_str!("../../../tests/data/double-metaphone.tsv");
        let mut count = 0;
        for (word, code) in known.lines().filter_map(|line| line.split_once('\t')) {
            let sound = sound(word.as_bytes());
            let sound = sound.as_deref().map_or("", |sound| std::str::from_utf8(&sound[1..]).unwrap_or("?"));
            assert_eq!(sound, code, "{word}");
            count += 1;
        }
        assert!(count > 3000, "{count}");
    }

    #[test]
    fn what_is_no_letter_has_no_sound() {
        for (word, code) in [
            ("123", None),
            ("日本", None),
            ("éclair", Some("<KLR")),
            ("ça", Some("<S")),
            ("señor", Some("<SNR")),
            ("x_ray", Some("<SR")),
            ("san jacinto", Some("<SNHS")),
            ("mac caffrey", Some("<MKFR")),
            ("h", None),
            ("", None),
        ] {
            assert_eq!(sound(word.as_bytes()).as_deref(), code.map(str::as_bytes), "{word}");
        }
        assert_eq!(stored_sound(b"jo"), None);
        assert_eq!(stored_sound(b"jon").as_deref(), Some(&b"<JN"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_short_sound_or_none(word in proptest::collection::vec(any::<u8>(), 0..40)) {
            let sound = sound(&word);
            prop_assert!(sound.is_none_or(|sound| (2..=LONGEST + 1).contains(&sound.len())));
        }

        #[test]
        fn case_has_no_sound(word in "[a-zA-Z ]{0,20}") {
            prop_assert_eq!(sound(word.as_bytes()), sound(word.to_ascii_lowercase().as_bytes()));
        }
    }
}
