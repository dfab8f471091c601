//! A document as texts that nest no deeper than every parser of the field reads: what is deeper is set in a later step.

use super::format::{Style, write, write_str};
use super::{Document, Kind, MAX_DEPTH, ValueRef};

/// What is still to be set: a path, and the value there.
type Open<'v> = Vec<(Vec<u8>, ValueRef<'v>)>;

impl Document {
    /// Tells path and text of each step that makes the document, in order; `$` first.
    pub fn pieces(&self, tell: &mut dyn FnMut(&[u8], &[u8])) {
        if self.root().nests_within(MAX_DEPTH) {
            return tell(b"$", &self.to_text());
        }
        let mut open = vec![(b"$".to_vec(), self.root())];
        while let Some((mut path, value)) = open.pop() {
            let mut text = Vec::new();
            write_cut(value, 0, &mut path, &mut text, &mut open);
            tell(&path, &text);
        }
    }
}

/// Writes a value that stands `depth` containers deep, with null for containers that are too deep, which are added to `open`.
fn write_cut<'v>(value: ValueRef<'v>, depth: usize, path: &mut Vec<u8>, out: &mut Vec<u8>, open: &mut Open<'v>) {
    let object = match value.kind() {
        Kind::Object => true,
        Kind::Array => false,
        _ => return write(value, &Style::default(), 0, out),
    };
    if depth == MAX_DEPTH {
        open.push((path.clone(), value));
        return out.extend_from_slice(b"null");
    }
    out.push(if object { b'{' } else { b'[' });
    let len = path.len();
    for (at, (key, child)) in value.children().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        path.push(b'[');
        if object {
            write_str(key, path);
            write_str(key, out);
            out.push(b':');
        } else {
            path.extend_from_slice(at.to_string().as_bytes());
        }
        path.push(b']');
        write_cut(child, depth + 1, path, out, open);
        path.truncate(len);
    }
    out.push(if object { b'}' } else { b']' });
}
