//! What a connection between nodes carries, in the words of the server's protocol: requests of three bulk strings, replies that are one
//! bulk string or an error.

/// The largest reply, beyond which a peer is not believed.
const LARGEST: usize = 256 << 20;
/// The longest line: an error's text.
const LONGEST_LINE: usize = 64 << 10;

/// A reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply<'a> {
    /// A bulk string.
    Bulk(&'a [u8]),
    /// An error's text, without its `-`.
    Error(&'a [u8]),
}

/// What no node replies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Garbled;

/// Appends a request.
pub fn request(out: &mut Vec<u8>, words: [&str; 2], argument: &[u8]) {
    out.reserve(argument.len() + 64);
    out.extend_from_slice(b"*3\r\n");
    for word in [words[0].as_bytes(), words[1].as_bytes(), argument] {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The first reply in a buffer, with the bytes that it takes; `None`: there is not all of it yet.
///
/// # Errors
/// [`Garbled`], as soon as that can be told.
pub fn reply(buffer: &[u8]) -> Result<Option<(Reply<'_>, usize)>, Garbled> {
    let Some(kind) = buffer.first() else { return Ok(None) };
    let longest = match kind {
        // The digits of the largest, and the end.
        b'$' => 10,
        b'-' => LONGEST_LINE,
        _ => return Err(Garbled),
    };
    let line = &buffer[1..];
    let Some(end) = memchr::memchr(b'\r', &line[..line.len().min(longest)]) else {
        return if line.len() < longest { Ok(None) } else { Err(Garbled) };
    };
    match line.get(end + 1) {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(Garbled),
    }
    let (line, begin) = (&line[..end], end + 3);
    if *kind == b'-' {
        return Ok(Some((Reply::Error(line), begin)));
    }
    if line.is_empty() || !line.iter().all(u8::is_ascii_digit) {
        return Err(Garbled);
    }
    let len = line.iter().fold(0, |sum: usize, digit| sum * 10 + usize::from(digit - b'0'));
    if len > LARGEST {
        return Err(Garbled);
    }
    let rest = &buffer[begin..];
    match rest.get(len..len + 2) {
        Some(b"\r\n") => Ok(Some((Reply::Bulk(&rest[..len]), begin + len + 2))),
        Some(_) => Err(Garbled),
        None if rest.get(len).is_some_and(|byte| *byte != b'\r') => Err(Garbled),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_three_bulk_strings() {
        let mut out = Vec::new();
        request(&mut out, ["FT._NODE", "ASK"], b"\r\n\0");
        assert_eq!(out, b"*3\r\n$8\r\nFT._NODE\r\n$3\r\nASK\r\n$3\r\n\r\n\0\r\n");
    }

    #[test]
    fn what_no_node_replies_is_garbled_at_once() {
        for bytes in [
            "+OK\r\n",
            ":1\r\n",
            "*1\r\n",
            "%1\r\n",
            "_\r\n",
            "HTTP/1.1 400",
            "$-1\r\n",
            "$\r\n",
            "$1x\r\n",
            "$1\rx",
            "$0\r\nab",
            "$0\r\nx",
            "$99999999999",
            "$1234567890123",
            "-ERR\rx",
        ] {
            assert_eq!(reply(bytes.as_bytes()), Err(Garbled), "{bytes}");
        }
        assert_eq!(reply(&[&b"-"[..], &[b'x'; LONGEST_LINE]].concat()), Err(Garbled));
    }

    proptest! {
        #[test]
        fn replies_come_back_whole_or_not_yet(
            body in proptest::collection::vec(any::<u8>(), 0..40), is_error in any::<bool>(), more in proptest::collection::vec(any::<u8>(), 0..9)
        ) {
            let body: Vec<u8> = if is_error { body.into_iter().filter(|byte| *byte != b'\r').collect() } else { body };
            let whole = if is_error {
                [b"-", &body[..], b"\r\n"].concat()
            } else {
                [format!("${}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat()
            };
            for end in 0..whole.len() {
                prop_assert_eq!(reply(&whole[..end]), Ok(None));
            }
            let expected = if is_error { Reply::Error(&body) } else { Reply::Bulk(&body) };
            let buffer = [&whole[..], &more].concat();
            prop_assert_eq!(reply(&buffer), Ok(Some((expected, whole.len()))));
        }

        #[test]
        fn any_bytes_are_a_reply_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some((_, taken))) = reply(&bytes) {
                prop_assert!(taken <= bytes.len());
            }
        }
    }
}
