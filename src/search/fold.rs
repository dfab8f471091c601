//! Case folding of bytes that are usually UTF-8.

use std::borrow::Cow;

/// A text in lower case, by Unicode's rules; bytes that are not UTF-8 stay as they are. Borrowed where nothing changes.
pub fn fold(text: &[u8]) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        if !text.iter().any(u8::is_ascii_uppercase) {
            return Cow::Borrowed(text);
        }
        return Cow::Owned(text.to_ascii_lowercase());
    }
    let mut folded = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        folded.extend_from_slice(chunk.valid().to_lowercase().as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_knows_unicode_and_keeps_other_bytes() {
        assert_eq!(*fold("CAFÉ".as_bytes()), *"café".as_bytes());
        assert_eq!(*fold(b"A\xffB"), *b"a\xffb");
        assert!(matches!(fold(b"abc"), Cow::Borrowed(_)));
    }
}
