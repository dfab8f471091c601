//! Edit distance of one word to many, the many in sorted order.
//!
//! The table of the textbook, a row per character of the candidate. Sorted candidates share prefixes, and so rows: only
//! those after the common prefix are computed anew. When every cell of a row is beyond the bound, no longer candidate with
//! that prefix can be near, and the caller may jump over all of them.

/// The characters of a word: UTF-8 decoded, other bytes as themselves (in a range that no character uses).
fn decode(text: &[u8], out: &mut Vec<(u32, usize)>) {
    let mut at = 0;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            at += c.len_utf8();
            out.push((u32::from(c), at));
        }
        for byte in chunk.invalid() {
            at += 1;
            out.push((0x11_0000 + u32::from(*byte), at));
        }
    }
}

/// Measures candidates against a word.
#[derive(Debug)]
pub struct Fuzzy {
    word: Vec<u32>,
    bound: u32,
    /// The characters of the last candidate and where each ends.
    last: Vec<(u32, usize)>,
    next: Vec<(u32, usize)>,
    /// Row i is the table's after i characters of the last candidate.
    rows: Vec<Vec<u32>>,
}

impl Fuzzy {
    /// Measures against `word` up to a distance.
    pub fn new(word: &[u8], bound: u8) -> Self {
        let mut chars = Vec::new();
        decode(word, &mut chars);
        let word: Vec<u32> = chars.into_iter().map(|(c, _)| c).collect();
        let first = (0..=word.len() as u32).collect();
        Self { word, bound: u32::from(bound), last: Vec::new(), next: Vec::new(), rows: vec![first] }
    }

    /// Whether a candidate is near.
    ///
    /// # Errors
    /// The length of a prefix, in bytes, such that everything that starts with it is too far.
    pub fn step(&mut self, text: &[u8]) -> Result<bool, usize> {
        self.next.clear();
        decode(text, &mut self.next);
        let common = self.last.iter().zip(&self.next).take_while(|(a, b)| a.0 == b.0).count();
        // Rows of the last candidate end early where it was dead: keep what is common and computed.
        let keep = common.min(self.rows.len() - 1);
        std::mem::swap(&mut self.last, &mut self.next);
        self.rows.truncate(keep + 1);
        for at in keep..self.last.len() {
            let (c, end) = self.last[at];
            let above = &self.rows[at];
            let mut row = Vec::with_capacity(above.len());
            row.push(at as u32 + 1);
            for (j, w) in self.word.iter().enumerate() {
                row.push((above[j] + u32::from(*w != c)).min(above[j + 1] + 1).min(row[j] + 1));
            }
            let dead = row.iter().all(|cell| *cell > self.bound);
            self.rows.push(row);
            if dead {
                self.last.truncate(at + 1);
                return Err(end);
            }
        }
        Ok(self.rows[self.last.len()][self.word.len()] <= self.bound)
    }
}
