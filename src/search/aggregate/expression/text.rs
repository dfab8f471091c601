//! What the functions of expressions do to texts, character by character.
//!
//! A character is one of UTF-8. A byte that is no part of one counts as a character of its own and stays as it is, so any bytes
//! can be counted, cut and put together again, and nothing ever comes out that cuts a character in two. All of it is linear
//! in the length of the text, but for looking up separators.

/// Length of the character at the start; the text is not empty.
fn character(text: &[u8]) -> usize {
    let len = match text[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    if text.get(..len).is_some_and(|part| std::str::from_utf8(part).is_ok()) { len } else { 1 }
}

/// The characters, one by one.
fn characters(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (first, after) = rest.split_at_checked(character(rest.first().map(|_| rest)?))?;
        rest = after;
        Some(first)
    })
}

/// Whether no character stands on both sides of a place.
fn is_boundary(text: &[u8], at: usize) -> bool {
    (1..4).take_while(|back| *back <= at).all(|back| character(&text[at - back..]) <= back)
}

/// How many characters there are.
pub fn count(text: &[u8]) -> usize {
    if text.is_ascii() { text.len() } else { characters(text).count() }
}

/// Appends the same with every part that is UTF-8 changed.
fn change(text: &[u8], out: &mut Vec<u8>, change: fn(&str, &mut Vec<u8>)) {
    for chunk in text.utf8_chunks() {
        change(chunk.valid(), out);
        out.extend_from_slice(chunk.invalid());
    }
}

/// Appends characters.
fn extend(out: &mut Vec<u8>, characters: impl Iterator<Item = char>) {
    let mut bytes = [0; 4];
    characters.for_each(|character| out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes()));
}

/// Appends a text with capital letters.
pub fn upper(text: &[u8], out: &mut Vec<u8>) {
    if text.is_ascii() {
        return out.extend(text.iter().map(u8::to_ascii_uppercase));
    }
    change(text, out, |part, out| extend(out, part.chars().flat_map(char::to_uppercase)));
}

/// Appends a text with small letters.
pub fn lower(text: &[u8], out: &mut Vec<u8>) {
    if text.is_ascii() {
        return out.extend(text.iter().map(u8::to_ascii_lowercase));
    }
    change(text, out, |part, out| {
        // The one letter that depends on what stands around it: the library knows how.
        if part.contains('Σ') {
            out.extend_from_slice(part.to_lowercase().as_bytes());
        } else {
            extend(out, part.chars().flat_map(char::to_lowercase));
        }
    });
}

/// From an offset (negative: from the end) so many characters (negative: all but so many at the end). What begins before the
/// text is nothing.
pub fn part(text: &[u8], offset: f64, count: f64) -> &[u8] {
    let len = self::count(text) as f64;
    let (offset, count) = (offset.trunc(), count.trunc());
    let start = if offset < 0.0 { offset + len } else { offset };
    let end = if count < 0.0 { len + count } else { (start + count).min(len) };
    // Comparisons with NaN fail, so it selects nothing.
    if !(start >= 0.0 && start < end) {
        return &[];
    }
    let (start, end) = (start as usize, end as usize);
    if text.is_ascii() {
        return &text[start..end];
    }
    let skipped: usize = characters(text).take(start).map(<[u8]>::len).sum();
    let taken: usize = characters(&text[skipped..]).take(end - start).map(<[u8]>::len).sum();
    &text[skipped..skipped + taken]
}

/// Whether a text begins with another.
pub fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.starts_with(start) && is_boundary(text, start.len())
}

/// How often a text stands in another, overlaps included; the empty one before every character and at the end. `shorter` is room to
/// work in.
pub fn occurrences(text: &[u8], wanted: &[u8], shorter: &mut Vec<usize>) -> usize {
    if wanted.is_empty() {
        return count(text) + 1;
    }
    // Knuth, Morris and Pratt: for each length that has been found, the longest shorter one that ends in the same place.
    shorter.clear();
    shorter.resize(wanted.len() + 1, 0);
    let mut found = 0;
    for at in 1..wanted.len() {
        found = longest(wanted, shorter, found, wanted[at]);
        shorter[at + 1] = found;
    }
    let (mut found, mut times) = (0, 0);
    for (at, &byte) in text.iter().enumerate() {
        found = longest(wanted, shorter, found, byte);
        if found == wanted.len() {
            let (start, end) = (at + 1 - found, at + 1);
            times += usize::from(is_boundary(text, start) && is_boundary(text, end));
        }
    }
    times
}

/// How much of `wanted` is found when a byte follows so much of it.
fn longest(wanted: &[u8], shorter: &[usize], mut found: usize, byte: u8) -> usize {
    while found > 0 && wanted.get(found) != Some(&byte) {
        found = shorter[found];
    }
    found + usize::from(wanted[found] == byte)
}

/// Cut at any of some characters, any of some others taken off both ends of each part, empty parts left out.
pub fn split<'a>(text: &'a [u8], separators: &[u8], strip: &[u8]) -> Vec<&'a [u8]> {
    let (separators, strip) = (Set::of(separators), Set::of(strip));
    let mut parts = Vec::new();
    // The part since the last separator, from its first character that stays to behind its last one.
    let mut part: Option<(usize, usize)> = None;
    let mut at = 0;
    for character in characters(text) {
        let next = at + character.len();
        if separators.has(character) {
            parts.extend(part.take().map(|(start, end)| &text[start..end]));
        } else if !strip.has(character) {
            part = Some((part.map_or(at, |(start, _)| start), next));
        }
        at = next;
    }
    parts.extend(part.map(|(start, end)| &text[start..end]));
    parts
}

/// Characters to look up.
struct Set<'a>(Vec<&'a [u8]>);

impl<'a> Set<'a> {
    fn of(text: &'a [u8]) -> Self {
        let mut all: Vec<&[u8]> = characters(text).collect();
        all.sort_unstable();
        Self(all)
    }

    fn has(&self, character: &[u8]) -> bool {
        self.0.binary_search(&character).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the functions say of the characters of a text, one after the other: the naive way.
    fn listed(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    fn changed(text: &[u8], change: fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        change(text, &mut out);
        out
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop::sample::select(&['a', 'B', ' ', ',', 'é', 'É', 'ß', 'Σ', '日', '😀'][..]),
            0..12,
        )
        .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn texts_are_characters(text in text(), other in text(), offset in -14i32..14, length in -14i32..14) {
            let all = listed(&text);
            prop_assert_eq!(count(text.as_bytes()), all.len());
            prop_assert_eq!(changed(text.as_bytes(), upper), text.to_uppercase().into_bytes());
            prop_assert_eq!(changed(text.as_bytes(), lower), text.to_lowercase().into_bytes());
            let len = all.len() as i32;
            let start = if offset < 0 { offset + len } else { offset };
            let end = if length < 0 { len + length } else { len.min(start + length) };
            let expected: String =
                if start >= 0 && start < end { all[start as usize..end as usize].iter().collect() } else { String::new() };
            prop_assert_eq!(part(text.as_bytes(), offset.into(), length.into()), expected.as_bytes());
            prop_assert_eq!(starts_with(text.as_bytes(), other.as_bytes()), text.starts_with(&other));
            let wanted = listed(&other);
            let expected = (0..=all.len()).filter(|at| all[*at..].starts_with(&wanted)).count();
            prop_assert_eq!(occurrences(text.as_bytes(), other.as_bytes(), &mut Vec::new()), expected);
            let parts = text.split(|c| other.contains(c)).map(|part| part.trim_matches(' ')).filter(|part| !part.is_empty());
            prop_assert_eq!(split(text.as_bytes(), other.as_bytes(), b" "), parts.map(str::as_bytes).collect::<Vec<_>>());
        }

        /// Bytes that are no UTF-8 are kept, and whatever is cut of any bytes does not cut a character.
        #[test]
        fn any_bytes_are_characters(
            bytes in prop::collection::vec(prop::sample::select(&[b'a', 0xC3, 0xA9, 0xE6, 0x97, 0xA5, 0xF0, 0x9F, 0x98, 0x80, 0xFF][..]), 0..16),
            other in prop::collection::vec(prop::sample::select(&[b'a', 0xC3, 0xA9, 0x97][..]), 0..3),
            offset in 0usize..16,
            length in 0usize..16,
        ) {
            let all: Vec<&[u8]> = characters(&bytes).collect();
            prop_assert_eq!(all.concat(), bytes.clone());
            for character in &all {
                prop_assert!(character.len() == 1 || std::str::from_utf8(character).is_ok());
            }
            let cut = part(&bytes, offset as f64, length as f64);
            let expected: Vec<&[u8]> = all.iter().copied().skip(offset).take(length).collect();
            prop_assert_eq!(cut, expected.concat());
            let wanted: Vec<&[u8]> = characters(&other).collect();
            prop_assert_eq!(starts_with(&bytes, &other), all.starts_with(&wanted));
            let expected = (0..=all.len()).filter(|at| all[*at..].starts_with(&wanted)).count();
            prop_assert_eq!(occurrences(&bytes, &other, &mut Vec::new()), expected);
            let valid = |bytes: &[u8]| bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
            prop_assert_eq!(valid(&changed(&bytes, upper)), valid(&bytes));
        }
    }

    /// Twice the text is twice the work, whatever is looked for.
    #[test]
    fn looking_for_a_text_is_linear() {
        let text = vec![b'a'; 1 << 22];
        assert_eq!(occurrences(&text, &text[..1 << 21], &mut Vec::new()), (1 << 21) + 1);
        let separators: Vec<u8> =
            (0..20_000).flat_map(|at| char::from_u32(0x4E00 + at).unwrap().to_string().into_bytes()).collect();
        assert_eq!(split(&separators, &separators, b""), [b""; 0]);
    }
}
