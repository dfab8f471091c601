//! Document → text: compact, or with the indentation that a client asks for.

use super::layout;
use super::number::{Number, format_short};
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
    // What is in flat form is one block, in which nesting costs at least three bytes a level.
    match value.0 {
        Repr::Item(item) if style.is_compact() => _ = write_first::<true>(item, style, depth, out),
        Repr::Item(item) => _ = write_first::<false>(item, style, depth, out),
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

/// Appends the text of the item at the front of a run, straight from its bytes, and returns the rest of the run.
fn write_first<'r, const COMPACT: bool>(run: &'r [u8], style: &Style<'_>, depth: usize, out: &mut Vec<u8>) -> &'r [u8] {
    let tag = run[0];
    // Most items are one of these: their length is told by the tag.
    match tag {
        layout::SMALL_INT..layout::SMALL_STR => {
            Number::Int(i64::from(tag - layout::SMALL_INT)).format(out);
            return &run[1..];
        }
        layout::SMALL_STR..=layout::LAST_SMALL_STR => {
            let (text, rest) = run[1..].split_at(usize::from(tag - layout::SMALL_STR));
            write_str(text, out);
            return rest;
        }
        _ => {}
    }
    let (item, rest) = layout::split_item(run);
    if let Some((object, _, run)) = layout::container(item) {
        write_run::<COMPACT>(run, object, style, depth, out);
    } else if let Some(text) = layout::str_bytes(item) {
        write_str(text, out);
    } else if let Some((width, bytes)) = layout::width(item) {
        write_number(width, bytes, out);
    } else if let Some((width, bytes)) = layout::packed(item) {
        write_numbers(&Numbers { width, bytes }, style, depth, out);
    } else {
        out.extend_from_slice(match tag {
            layout::TRUE => b"true",
            layout::FALSE => b"false",
            _ => b"null",
        });
    }
    rest
}

/// The children of a container, with its brackets.
fn write_run<const COMPACT: bool>(mut run: &[u8], object: bool, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    out.push(if object { b'{' } else { b'[' });
    let is_empty = run.is_empty();
    let mut comma = false;
    while !run.is_empty() {
        if comma {
            out.push(b',');
        }
        comma = true;
        if !COMPACT {
            style.line(depth + 1, out);
        }
        if object {
            let (key, rest) = layout::split_key(run);
            write_str(key, out);
            out.push(b':');
            out.extend_from_slice(style.space);
            run = rest;
        }
        run = write_first::<COMPACT>(run, style, depth + 1, out);
    }
    if !COMPACT && !is_empty {
        style.line(depth, out);
    }
    out.push(if object { b'}' } else { b']' });
}

fn write_array(value: ValueRef<'_>, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    if let Some(numbers) = value.numbers() {
        return write_numbers(&numbers, style, depth, out);
    }
    out.push(b'[');
    for (at, element) in value.elements().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        style.line(depth + 1, out);
        write(element, style, depth + 1, out);
    }
    if !value.is_empty() {
        style.line(depth, out);
    }
    out.push(b']');
}

/// A packed array.
fn write_numbers(numbers: &Numbers<'_>, style: &Style<'_>, depth: usize, out: &mut Vec<u8>) {
    let (width, is_compact) = (numbers.width, style.is_compact());
    // Doubles print with 17 digits or 18, shorter kinds with half as many.
    out.reserve(2 + numbers.len() * (3 + 9 * width.bytes() / 4));
    out.push(b'[');
    let mut comma = false;
    for bytes in numbers.bytes.chunks_exact(width.bytes()) {
        if comma {
            out.push(b',');
        }
        comma = true;
        if !is_compact {
            style.line(depth + 1, out);
        }
        write_number(width, bytes, out);
    }
    if comma && !is_compact {
        style.line(depth, out);
    }
    out.push(b']');
}

/// A number as it is stored. Those that are stored by a shorter text print that text.
#[inline]
fn write_number(width: Width, bytes: &[u8], out: &mut Vec<u8>) {
    match width {
        Width::F32Short => format_short(f32::from_le_bytes(first(bytes)), out),
        _ => width.read(bytes).format(out),
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

/// Eight bytes, each the same.
const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// As [`needs_escape`], of eight bytes.
fn word_needs_escape(word: u64) -> bool {
    // The usual test of a word for a byte below a limit, which is at most 0x80; a byte that is equal to another is 0 once both are xored.
    let below = |word: u64, limit: u8| word.wrapping_sub(eight(limit)) & !word & eight(0x80);
    below(word, 0x20) | below(word ^ eight(b'"'), 1) | below(word ^ eight(b'\\'), 1) != 0
}

/// The bytes of a text of less than eight, and then spaces.
fn padded(text: &[u8]) -> u64 {
    let mut word = [b' '; 8];
    match text.len() {
        4.. => {
            word[..4].copy_from_slice(&text[..4]);
            word[text.len() - 4..text.len()].copy_from_slice(&text[text.len() - 4..]);
        }
        2.. => {
            word[..2].copy_from_slice(&text[..2]);
            word[text.len() - 2..text.len()].copy_from_slice(&text[text.len() - 2..]);
        }
        1 => word[0] = text[0],
        _ => {}
    }
    u64::from_ne_bytes(word)
}

/// Appends a string with its quotes.
pub fn write_str(text: &[u8], out: &mut Vec<u8>) {
    // Keys and most values are short: they are looked at and copied in words, the last of which overlap.
    let len = text.len();
    out.reserve(len + 10);
    out.push(b'"');
    let start = out.len();
    let plain = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(head), Some(tail)) if len <= 16 => {
            out.extend_from_slice(head);
            out.truncate(start + len - 8);
            out.extend_from_slice(tail);
            !word_needs_escape(u64::from_ne_bytes(*head)) && !word_needs_escape(u64::from_ne_bytes(*tail))
        }
        (None, _) => {
            let word = padded(text);
            out.extend_from_slice(&word.to_ne_bytes());
            out.truncate(start + len);
            !word_needs_escape(word)
        }
        _ => {
            let plain = !needs_escape(text);
            if plain {
                out.extend_from_slice(text);
            }
            plain
        }
    };
    if !plain {
        out.truncate(start);
        write_escaped(text, out);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use proptest::prelude::*;

    /// A string byte by byte.
    fn plainly(text: &str) -> String {
        let escaped = text.bytes().map(|byte| match ESCAPES[usize::from(byte)] {
            0 => vec![byte],
            b'u' => format!("\\u{byte:04x}").into_bytes(),
            escape => vec![b'\\', escape],
        });
        String::from_utf8([&b"\""[..], &escaped.collect::<Vec<_>>().concat(), b"\""].concat()).unwrap()
    }

    proptest! {
        #[test]
        fn strings_of_any_length_are_escaped_where_they_must(
            text in prop_oneof!["[ a-z]{0,40}", "[ a\"\\\\\n\u{1f}\u{7f}é\u{10ffff}]{0,40}", any::<String>()],
            before in 0usize..9,
        ) {
            let mut out = vec![b'x'; before];
            write_str(text.as_bytes(), &mut out);
            prop_assert_eq!(str::from_utf8(&out[before..]).unwrap(), plainly(&text));
        }
    }

    #[test]
    fn every_form_of_a_value_is_indented_alike() {
        let numbers = |from: i32| (0..3).map(|n| (from + n).to_string()).collect::<Vec<_>>().join(",");
        let parts = [
            numbers(1),
            numbers(1000),
            "1.5,2.5,3.5".into(),
            "0.1,0.2,0.7".into(),
            "1e300,-2.5e-7,0.30000000000000004".into(),
            r#"{},[],"",null,true,false,-1,63,64,70000,18446744073709551615"#.into(),
            format!(r#""{}","{}""#, "a".repeat(70), "b".repeat(300)),
        ];
        let lists = parts.iter().map(|part| format!("[{part}]")).collect::<Vec<_>>().join(",");
        for repeat in [1, 400] {
            let text = format!(r#"{{"a":[{lists}],"b":{{"c":[{}]}}}}"#, vec![lists.as_str(); repeat].join(","));
            let document = Document::parse(text.as_bytes()).unwrap();
            let mut out = Vec::new();
            write(document.root(), &Style { indent: b" ", newline: b"\n", space: b" " }, 0, &mut out);
            // Nothing of the texts has a white space or a bracket, so a line is one of the document's.
            let mut depth = 0;
            for line in str::from_utf8(&out).unwrap().lines() {
                let bare = line.trim_start();
                depth -= usize::from(bare.starts_with(['}', ']']));
                assert_eq!(line.len() - bare.len(), depth, "{line}");
                depth += usize::from(bare.ends_with(['{', '[']));
            }
            let bare: String = str::from_utf8(&out).unwrap().split_whitespace().collect();
            assert_eq!(bare.as_bytes(), document.to_text());
            assert_eq!(Document::parse(&out).unwrap().to_text(), document.to_text());
        }
    }
}
