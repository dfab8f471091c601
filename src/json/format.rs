//! Document → text: compact, or with the indentation that a client asks for.

use super::layout;
use super::number::format_short;
use super::stack::deeper;
use super::value::{Kind, Numbers, Repr, ValueRef};
use super::width::{Width, first};

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
    /// No white space at all.
    fn is_compact(&self) -> bool {
        self.indent.is_empty() && self.newline.is_empty()
    }

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
    if let Repr::Item(item) = value.0
        && style.is_compact()
    {
        return write_item(item, style.space, out);
    }
    // What is in flat form is one block, in which nesting costs at least three bytes a level.
    match value.0 {
        Repr::Tree(_) => deeper(|| write_any(value, style, depth, out)),
        _ => write_any(value, style, depth, out),
    }
}

fn write_any(value: ValueRef<'_>, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
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

/// Appends the compact text of an item, straight from its bytes.
fn write_item(item: &[u8], space: &[u8], out: &mut Vec<u8>) {
    if let Some(text) = layout::str_bytes(item) {
        write_str(text, out);
    } else if let Some(number) = layout::number(item) {
        number.format(out);
    } else if let Some((object, _, mut run)) = layout::container(item) {
        out.push(if object { b'{' } else { b'[' });
        let mut comma = false;
        while !run.is_empty() {
            if comma {
                out.push(b',');
            }
            comma = true;
            if object {
                let (key, rest) = layout::split_key(run);
                write_str(key, out);
                out.push(b':');
                out.extend_from_slice(space);
                run = rest;
            }
            let (child, rest) = layout::split_item(run);
            write_item(child, space, out);
            run = rest;
        }
        out.push(if object { b'}' } else { b']' });
    } else if let Some((width, bytes)) = layout::packed(item) {
        out.push(b'[');
        write_numbers(&Numbers { width, bytes }, out);
        out.push(b']');
    } else {
        out.extend_from_slice(match item[0] {
            layout::TRUE => b"true",
            layout::FALSE => b"false",
            _ => b"null",
        });
    }
}

fn write_array(value: ValueRef<'_>, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    if let Some(numbers) = value.numbers().filter(|_| style.is_compact()) {
        write_numbers(&numbers, out);
    } else {
        for (at, element) in value.elements().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            style.line(depth + 1, out);
            write(element, style, depth + 1, out);
        }
    }
    if !value.is_empty() {
        style.line(depth, out);
    }
    out.push(b']');
}

/// The elements of a packed array, with commas.
fn write_numbers(numbers: &Numbers<'_>, out: &mut Vec<u8>) {
    let width = numbers.width;
    // Doubles print with 17 digits or 18, shorter kinds with half as many.
    out.reserve(numbers.len() * (3 + 9 * width.bytes() / 4));
    let mut comma = false;
    for bytes in numbers.bytes.chunks_exact(width.bytes()) {
        if comma {
            out.push(b',');
        }
        comma = true;
        match width {
            Width::F32Short => format_short(f32::from_le_bytes(first(bytes)), out),
            _ => width.read(bytes).format(out),
        }
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

/// True if a byte of the text has to be escaped. Sixteen at a time, without branches, for the compiler to vectorize.
fn needs_escape(text: &[u8]) -> bool {
    let escaped = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    let (chunks, rest) = text.as_chunks::<16>();
    chunks.iter().any(|chunk| chunk.iter().fold(false, |any, byte| any | escaped(byte))) || rest.iter().any(escaped)
}

/// Appends a string with its quotes.
pub fn write_str(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if needs_escape(text) {
        write_escaped(text, out)
    } else {
        out.extend_from_slice(text)
    }
    out.push(b'"');
}

fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
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
}
