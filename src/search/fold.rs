//! Case folding of bytes that are usually UTF-8.

use std::borrow::Cow;

/// The text in lower case: every character to its own lower case, whatever stands around it, so that a part of a text
/// folds to the part of the folded text; bytes that are not UTF-8 stay. Borrowed where nothing changes.
pub fn fold(text: &[u8]) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        if !text.iter().any(u8::is_ascii_uppercase) {
            return Cow::Borrowed(text);
        }
        return Cow::Owned(text.to_ascii_lowercase());
    }
    let mut folded = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars().flat_map(char::to_lowercase) {
            // A sigma is one letter, at the end of a word too.
            let char = if char == 'ς' { 'σ' } else { char };
            folded.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
        folded.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(folded)
}

/// The text as SORTABLE fields keep it to sort and to group: without case altogether, so that texts that differ in case only
/// are one, also where a letter in lower case is two in upper case (`ß` and `SS`). Searches are not as generous.
pub fn fold_to_sort(text: &[u8]) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return fold(text);
    }
    let mut folded = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        // What Unicode calls full case folding; of letters with a case of their own only `ı` is not its upper case's lower one.
        let caseless = |char: char| -> Vec<char> {
            match char {
                'ı' => vec![char],
                'ẞ' => vec!['s', 's'],
                _ => char.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect(),
            }
        };
        for char in chunk.valid().chars().flat_map(caseless) {
            folded.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
        folded.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folding_knows_unicode_and_keeps_other_bytes() {
        for (text, folded) in [("abc_1", "abc_1"), ("ABC", "abc"), ("CAFÉ", "café"), ("ΟΔΟΣ", "οδοσ"), ("οδος", "οδοσ")]
        {
            assert_eq!(*fold(text.as_bytes()), *folded.as_bytes());
        }
        assert_eq!(*fold(b"A\xffB\xc3"), *b"a\xffb\xc3");
        assert!(matches!(fold(b"abc"), Cow::Borrowed(_)));
    }

    #[test]
    fn texts_of_either_case_sort_as_one() {
        for (one, other) in [
            ("Maße", "MASSE"),
            ("GROẞ", "gross"),
            ("ΟΔΟΣ", "οδος"),
            ("ﬁn", "FIN"),
            ("Élan", "ÉLAN"),
            ("ŉ", "ʼN"),
            ("ſ", "S"),
            ("ЁЖ", "ёж"),
        ] {
            assert_eq!(fold_to_sort(one.as_bytes()), fold_to_sort(other.as_bytes()), "{one} {other}");
        }
        assert_ne!(fold_to_sort("ı".as_bytes()), fold_to_sort(b"i"));
        assert_eq!(*fold_to_sort(b"A\xffB\xc3"), *b"a\xffb\xc3");
    }

    proptest! {
        #[test]
        fn what_sorts_as_one_is_found_with_either_case(text in "\\PC{0,20}") {
            let (upper, lower) = (text.to_uppercase(), text.to_lowercase());
            let sorted = fold_to_sort(text.as_bytes()).into_owned();
            prop_assert_eq!(&*fold_to_sort(&sorted), &sorted[..]);
            if !text.contains(['ı', 'İ']) {
                prop_assert_eq!(&*fold_to_sort(upper.as_bytes()), &sorted[..]);
                prop_assert_eq!(&*fold_to_sort(lower.as_bytes()), &sorted[..]);
            }
        }

        #[test]
        fn parts_fold_to_parts(left in "\\PC{0,10}", right in "\\PC{0,10}") {
            let whole = fold([&left[..], &right].concat().as_bytes()).into_owned();
            prop_assert_eq!(whole, [fold(left.as_bytes()), fold(right.as_bytes())].concat());
        }
    }
}
