//! The parser for text that is JSON, in one pass and without recursion into generic code.
//!
//! It gives up at the first thing it does not like; serde_json then says what is wrong, or reads what is merely rare (lone
//! surrogates in pairs of escapes, numbers that need care). So it has to be strict, not complete: what it accepts, serde_json
//! must accept with the same value, which a property test and a fuzz target hold it to.

use crate::json::build::Builder;
use crate::json::number::{Number, POWERS};
use crate::json::stack::at_depth;

/// Feeds the text into the builder; `None` if it is not JSON, nests deeper than `limit`, or is too rare to be handled here.
pub(super) fn parse(text: &[u8], limit: usize, builder: &mut Builder) -> Option<()> {
    let mut parser = Parser { text, at: 0, limit, builder, unescaped: Vec::new() };
    parser.skip_space();
    parser.value(0)?;
    parser.skip_space();
    (parser.at == text.len()).then_some(())
}

struct Parser<'t, 'b> {
    text: &'t [u8],
    at: usize,
    limit: usize,
    builder: &'b mut Builder,
    /// The string that is being read, where it has escapes.
    unescaped: Vec<u8>,
}

impl<'t> Parser<'t, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The next byte that is not white space, which is taken.
    fn token(&mut self) -> Option<u8> {
        self.skip_space();
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string(Builder::str)
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'{' if depth < self.limit => at_depth(depth, || self.object(depth + 1)),
            b'[' if depth < self.limit => at_depth(depth, || self.array(depth + 1)),
            b't' => self.word(b"true", |builder| builder.bool(true)),
            b'f' => self.word(b"false", |builder| builder.bool(false)),
            b'n' => self.word(b"null", Builder::null),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8], write: impl FnOnce(&mut Builder)) -> Option<()> {
        if !self.text[self.at..].starts_with(word) {
            return None;
        }
        self.at += word.len();
        write(self.builder);
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.builder.begin_array();
        self.skip_space();
        if self.peek()? == b']' {
            self.at += 1;
        } else {
            loop {
                self.skip_space();
                self.value(depth)?;
                match self.token()? {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.builder.end();
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.builder.begin_object(false);
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                if self.token()? != b'"' {
                    return None;
                }
                self.string(Builder::key)?;
                if self.token()? != b':' {
                    return None;
                }
                self.skip_space();
                self.value(depth)?;
                match self.token()? {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.builder.end();
        Some(())
    }

    /// A string, whose opening quote has been taken.
    fn string(&mut self, write: fn(&mut Builder, &[u8])) -> Option<()> {
        let rest = &self.text[self.at..];
        let end = plain_bytes(rest)?;
        if rest[end] == b'"' {
            let text = &rest[..end];
            std::str::from_utf8(text).ok()?;
            write(self.builder, text);
            self.at += end + 1;
            return Some(());
        }
        self.escaped_string()?;
        let text = std::mem::take(&mut self.unescaped);
        std::str::from_utf8(&text).ok()?;
        write(self.builder, &text);
        self.unescaped = text;
        Some(())
    }

    fn escaped_string(&mut self) -> Option<()> {
        self.unescaped.clear();
        loop {
            let rest = &self.text[self.at..];
            let plain = plain_bytes(rest)?;
            self.unescaped.extend_from_slice(&rest[..plain]);
            self.at += plain + 1;
            match rest[plain] {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let byte = self.peek()?;
        self.at += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(),
            _ => return None,
        };
        self.unescaped.push(plain);
        Some(())
    }

    fn unicode_escape(&mut self) -> Option<()> {
        let mut code = self.hex4()?;
        if (0xd800..0xdc00).contains(&code) {
            if !self.text[self.at..].starts_with(b"\\u") {
                return None;
            }
            self.at += 2;
            let low = self.hex4()?;
            if !(0xdc00..0xe000).contains(&low) {
                return None;
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        let mut utf8 = [0; 4];
        self.unescaped.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut utf8).as_bytes());
        Some(())
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
    }

    /// Takes the digits that come next and appends them to `mantissa`: their number, and the new mantissa, which wraps
    /// around beyond nineteen digits, where no one looks at it.
    fn digits(&mut self, mut mantissa: u64) -> (usize, u64) {
        let rest = &self.text[self.at..];
        let mut count = 0;
        while let Some(eight) = rest[count..].first_chunk::<8>().and_then(|bytes| eight_digits(*bytes)) {
            mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(eight);
            count += 8;
        }
        while let Some(digit) = rest.get(count).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        }
        self.at += count;
        (count, mantissa)
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let leading_zero = self.peek()? == b'0';
        let (whole, mut mantissa) = self.digits(0);
        if whole == 0 || (whole > 1 && leading_zero) {
            return None;
        }
        let mut fraction = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            (fraction, mantissa) = self.digits(mantissa);
            if fraction == 0 {
                return None;
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.exponent()?;
            return self.float(start);
        }
        // Nineteen digits fit a u64; of leading zeros there may be more, which is rare.
        let number = match (fraction, negative) {
            (0, _) if whole > 19 => return self.long_integer(start),
            (0, false) => i64::try_from(mantissa).map_or(Number::Unsigned(mantissa), Number::Int),
            // -0 is a double, and the least integer has a magnitude of its own.
            (0, true) if mantissa == 0 || mantissa > i64::MAX as u64 => return self.long_integer(start),
            (0, true) => Number::Int(-(mantissa as i64)),
            // Two exact doubles divide to the nearest one (Clinger).
            _ if whole + fraction <= 19 && mantissa < 1 << 53 => {
                let value = mantissa as f64 / POWERS[fraction];
                Number::Float(if negative { -value } else { value })
            }
            _ => return self.float(start),
        };
        self.builder.number(number);
        Some(())
    }

    /// The integer from `start` to here, which is the least one, -0, or may be too long for an integer.
    fn long_integer(&mut self, start: usize) -> Option<()> {
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        match (text.parse::<u64>(), text.parse::<i64>()) {
            (Ok(value), _) => self.builder.number(Number::Unsigned(value)),
            (_, Ok(value @ ..0)) => self.builder.number(Number::Int(value)),
            _ => return self.float(start),
        }
        Some(())
    }

    fn exponent(&mut self) -> Option<()> {
        self.at += 1;
        self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
        (self.digits(0).0 > 0).then_some(())
    }

    /// The double from `start` to here.
    fn float(&mut self, start: usize) -> Option<()> {
        let value: f64 = std::str::from_utf8(&self.text[start..self.at]).ok()?.parse().ok()?;
        if !value.is_finite() {
            return None;
        }
        self.builder.number(Number::Float(value));
        Some(())
    }
}

/// How many bytes a string's text goes on without quote, escape or control character; `None` if to the end.
fn plain_bytes(text: &[u8]) -> Option<usize> {
    let special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    // Sixteen at a time, without branches, for the compiler to vectorize.
    let chunks = text.as_chunks::<16>().0;
    let skipped = chunks.iter().take_while(|chunk| !chunk.iter().fold(false, |any, byte| any | special(byte))).count();
    text[16 * skipped..].iter().position(special).map(|at| 16 * skipped + at)
}

/// The number that eight digits write, all at once; `None` if not all of them are digits.
fn eight_digits(bytes: [u8; 8]) -> Option<u64> {
    const SIXES: u64 = 0x0606_0606_0606_0606;
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let word = u64::from_le_bytes(bytes);
    // Each byte is 0x30 to 0x39: the upper half is 3, and stays 3 when 6 is added.
    if (word & HIGH) | ((word.wrapping_add(SIXES) & HIGH) >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    // Neighbouring digits to pairs, pairs to fours, fours to eight; the first digit is in the lowest byte.
    let word = (word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2561) >> 8;
    let word = (word & 0x00ff_00ff_00ff_00ff).wrapping_mul(6_553_601) >> 16;
    Some((word & 0x0000_ffff_0000_ffff).wrapping_mul(42_949_672_960_001) >> 32)
}
