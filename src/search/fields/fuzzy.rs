//! Edit distance of one word to many, the many in sorted order.
//!
//! The table of the textbook, a row per character of the candidate. Sorted candidates share prefixes, and so rows: only
//! those after the common prefix are computed anew. When every cell of a row is beyond the bound, no longer candidate with
//! that prefix can be near, and the caller may jump over all of them.
//!
//! Of a row, only the cells near the diagonal are computed: others are beyond the bound, whatever the words are.

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
    bound: usize,
    /// The characters of the last candidate and where each ends.
    last: Vec<(u32, usize)>,
    next: Vec<(u32, usize)>,
    /// Row i is the table's after i characters of the last candidate: the cells from column `i - bound` to `i + bound`.
    rows: Vec<u32>,
}

impl Fuzzy {
    /// Measures against `word` up to a distance.
    pub fn new(word: &[u8], bound: u8) -> Self {
        let mut chars = Vec::new();
        decode(word, &mut chars);
        let word: Vec<u32> = chars.into_iter().map(|(c, _)| c).collect();
        let mut fuzzy = Self { word, bound: usize::from(bound), last: Vec::new(), next: Vec::new(), rows: Vec::new() };
        fuzzy.rows = (0..fuzzy.width()).map(|at| fuzzy.column(0, at).map_or(fuzzy.far(), |j| j as u32)).collect();
        fuzzy
    }

    /// Cells of a row.
    fn width(&self) -> usize {
        2 * self.bound + 1
    }

    /// What stands for every distance beyond the bound.
    fn far(&self) -> u32 {
        self.bound as u32 + 1
    }

    /// The column of a cell of row `i`, if the table has it.
    fn column(&self, i: usize, at: usize) -> Option<usize> {
        (i + at).checked_sub(self.bound).filter(|j| *j <= self.word.len())
    }

    /// Appends the row after that of `i` characters, the next of which is `c`; whether every cell is beyond the bound.
    fn add_row(&mut self, i: usize, c: u32) -> bool {
        let (width, far) = (self.width(), self.far());
        let above = i * width;
        let mut left = far;
        let mut dead = true;
        for at in 0..width {
            let cell = match self.column(i + 1, at) {
                None => far,
                Some(0) => (i as u32 + 1).min(far),
                Some(j) => {
                    let straight = self.rows[above + at] + u32::from(self.word[j - 1] != c);
                    let down = if at + 1 < width { self.rows[above + at + 1] + 1 } else { far };
                    straight.min(down).min(left + 1).min(far)
                }
            };
            left = cell;
            dead &= cell == far;
            self.rows.push(cell);
        }
        dead
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
        let width = self.width();
        let keep = common.min(self.rows.len() / width - 1);
        std::mem::swap(&mut self.last, &mut self.next);
        self.rows.truncate((keep + 1) * width);
        for at in keep..self.last.len() {
            let (c, end) = self.last[at];
            if self.add_row(at, c) {
                self.last.truncate(at + 1);
                return Err(end);
            }
        }
        let row = self.last.len();
        let last = (self.word.len() + self.bound).checked_sub(row).filter(|at| *at < width);
        Ok(last.is_some_and(|at| self.rows[row * width + at] < self.far()))
    }
}

/// Edit distance by the textbook, for tests to compare with.
#[cfg(test)]
pub fn edits<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}
