//! Document → text: compact, or with the indentation that a client asks for.

use super::layout::Width;
use super::number::Number;
use super::value::{Kind, ValueRef};

/// `INDENT`, `NEWLINE` and `SPACE` of `JSON.GET`; all empty is the compact form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style<'a> {
    /// Repeated once per depth at the start of every line.
    pub indent: &'a [u8],
    /// After `{`, `[` and `,`, and before the closing bracket.
    pub newline: &'a [u8],
    /// After `:`.
    pub space: &'a [u8],
}

impl Style<'_> {
    /// Begins a line at that depth.
    pub fn line(&self, depth: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.newline);
        if !self.indent.is_empty() {
            (0..depth).for_each(|_| out.extend_from_slice(self.indent));
        }
    }
}

/// Appends the text of `value`, which stands `depth` containers deep. Recursion is bounded by the nesting limit.
pub fn write(value: ValueRef<'_>, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Null => out.extend_from_slice(b"null"),
        Kind::Bool(true) => out.extend_from_slice(b"true"),
        Kind::Bool(false) => out.extend_from_slice(b"false"),
        Kind::Number(number) => number.format(out),
        Kind::Str(text) => write_str(text, out),
        Kind::Array => write_array(value, style, depth, out),
        Kind::Object => {
            out.push(b'{');
            for (at, (key, member)) in value.children().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                style.line(depth + 1, out);
                write_str(key, out);
                out.push(b':');
                out.extend_from_slice(style.space);
                write(member, style, depth + 1, out);
            }
            if !value.is_empty() {
                style.line(depth, out);
            }
            out.push(b'}');
        }
    }
}

fn write_array(value: ValueRef<'_>, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    let short = value.numbers().filter(|numbers| numbers.width == Width::F32Short);
    let mut comma = false;
    let mut before = |out: &mut Vec<u8>| {
        if comma {
            out.push(b',');
        }
        comma = true;
        style.line(depth + 1, out);
    };
    if let Some(numbers) = short {
        for bytes in numbers.bytes.chunks_exact(4) {
            before(out);
            format_short(f32::from_le_bytes(super::layout::first(bytes)), out);
        }
    } else {
        for element in value.elements() {
            before(out);
            write(element, style, depth + 1, out);
        }
    }
    if !value.is_empty() {
        style.line(depth, out);
    }
    out.push(b']');
}

/// Prints the double that `value` stands for: the same digits, but ryu switches to exponents elsewhere for an f32.
fn format_short(value: f32, out: &mut Vec<u8>) {
    if (1e-5..1e13).contains(&value.abs()) {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        Number::Float(super::number::widen_short(value)).format(out);
    }
}

/// What follows the backslash of an escaped byte: 0 for none, `u` for the long form.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[0x22] = b'"';
    table[0x5c] = b'\\';
    table
};

/// Appends a string with its quotes.
pub fn write_str(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let escape = ESCAPES[usize::from(tail[0])];
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let hex = b"0123456789abcdef";
            out.extend_from_slice(&[b'0', b'0', hex[usize::from(tail[0] >> 4)], hex[usize::from(tail[0] & 15)]]);
        }
        rest = &tail[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
