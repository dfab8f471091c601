//! A cursor over a command's arguments.
//!
//! Arguments are bytes: nothing here assumes UTF-8. They live as long as the command's call.

use std::ffi::c_int;
use std::marker::PhantomData;

use redis_module::raw as ffi;

/// One argument: the server's string, so that a key can be opened without copying its name.
#[derive(Clone, Copy)]
pub struct Arg<'a> {
    pub(super) raw: *mut ffi::RedisModuleString,
    call: PhantomData<&'a ()>,
}

impl<'a> Arg<'a> {
    /// Wraps one of the server's strings.
    ///
    /// # Safety
    /// `raw` is a valid string for the lifetime `'a`.
    pub(super) unsafe fn new(raw: *mut ffi::RedisModuleString) -> Self {
        Self { raw, call: PhantomData }
    }

    /// The argument's bytes.
    pub fn bytes(self) -> &'a [u8] {
        let mut len = 0;
        // SAFETY: by new's promise the string is valid for 'a, and the server does not change or move an argument's
        // bytes while its command runs.
        unsafe {
            let start = ffi::RedisModule_StringPtrLen.expect("part of every server's API")(self.raw, &mut len);
            std::slice::from_raw_parts(start.cast(), len)
        }
    }
}

/// The arguments after the command's name, front to back.
#[derive(Clone)]
pub struct Args<'a> {
    argv: &'a [*mut ffi::RedisModuleString],
}

impl<'a> Args<'a> {
    /// The arguments of a call, without the command's name.
    ///
    /// # Safety
    /// `argv` holds `argc` valid strings that outlive `'a`.
    pub(super) unsafe fn new(argv: *mut *mut ffi::RedisModuleString, argc: c_int) -> Self {
        // SAFETY: by the promise above.
        let all = unsafe { Self::all(argv, argc) };
        Self { argv: all.argv.get(1..).unwrap_or(&[]) }
    }

    /// All the strings of a call without a command's name: load arguments.
    ///
    /// # Safety
    /// As for [`Args::new`].
    pub(super) unsafe fn all(argv: *mut *mut ffi::RedisModuleString, argc: c_int) -> Self {
        match usize::try_from(argc) {
            Ok(count) if count > 0 => {
                // SAFETY: by the promise above.
                Self { argv: unsafe { std::slice::from_raw_parts(argv, count) } }
            }
            _ => Self { argv: &[] },
        }
    }

    /// Takes the next argument in the server's form, to open a key by it.
    pub fn next_arg(&mut self) -> Option<Arg<'a>> {
        let (&first, rest) = self.argv.split_first()?;
        self.argv = rest;
        // SAFETY: new's promise covers every string.
        Some(unsafe { Arg::new(first) })
    }

    /// The next argument, left in place.
    pub fn peek(&self) -> Option<&'a [u8]> {
        // SAFETY: new's promise covers every string.
        self.argv.first().map(|&raw| unsafe { Arg::new(raw) }.bytes())
    }

    /// Takes the next argument when it is the keyword, in whatever case.
    pub fn next_if(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()));
        if found {
            self.argv = &self.argv[1..];
        }
        found
    }

    /// Takes the next `count` arguments; `None`, and nothing taken, when there are fewer.
    pub fn next_many(&mut self, count: usize) -> Option<Args<'a>> {
        let (front, rest) = self.argv.split_at_checked(count)?;
        self.argv = rest;
        Some(Args { argv: front })
    }
}

impl<'a> Iterator for Args<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.next_arg().map(Arg::bytes)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.argv.len(), Some(self.argv.len()))
    }
}

impl ExactSizeIterator for Args<'_> {}

/// Reads an integer as the server reads its own: digits with an optional `-`, no `+`, no leading zero, no blanks.
pub fn integer(word: &[u8]) -> Option<i64> {
    let canonical = match word.strip_prefix(b"-").unwrap_or(word) {
        [b'0'] => word.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { std::str::from_utf8(word).ok()?.parse().ok() } else { None }
}

/// Reads a double as the server reads its own: the whole word in C's notation (decimal, hexadecimal, `inf`, `infinity`,
/// a sign), no blanks, no `nan`, not empty.
pub fn double(word: &[u8]) -> Option<f64> {
    let unsigned = match word {
        [b'+' | b'-', rest @ ..] => rest,
        _ => word,
    };
    match unsigned {
        [b'0', b'x' | b'X', ..] => hexadecimal(word),
        // Rust reads the same decimal notation as C; an overflow is infinite in both.
        [b'0'..=b'9' | b'.', ..] => std::str::from_utf8(word).ok()?.parse().ok(),
        _ if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") => {
            Some(if word[0] == b'-' { f64::NEG_INFINITY } else { f64::INFINITY })
        }
        _ => None,
    }
}

/// C's hexadecimal floats are rare enough to leave to C.
fn hexadecimal(word: &[u8]) -> Option<f64> {
    let text = std::ffi::CString::new(word).ok()?;
    let mut end = std::ptr::null_mut();
    // SAFETY: text is NUL-terminated, and end is set to a place within it.
    let (value, read) = unsafe {
        let value = libc::strtod(text.as_ptr(), &mut end);
        (value, end.cast_const().offset_from(text.as_ptr()))
    };
    (usize::try_from(read) == Ok(word.len()) && !value.is_nan()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_strict_as_the_servers() {
        for (word, value) in
            [("0", 0), ("-1", -1), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)]
        {
            assert_eq!(integer(word.as_bytes()), Some(value), "{word}");
        }
        for word in ["", "+1", "01", " 1", "1 ", "1.0", "-", "-0", "9223372036854775808", "0x10", "1e3"] {
            assert_eq!(integer(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn doubles_follow_c() {
        for (word, value) in [
            ("+1", 1.0),
            ("1e3", 1000.0),
            ("0x10", 16.0),
            ("-0X1p-1", -0.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("inf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
        ] {
            assert_eq!(double(word.as_bytes()), Some(value), "{word}");
        }
        for word in ["", "nan", " 1", "1 ", "1x", "--1", "+", "e5", "in", "infx", ".", "0x", "1_000"] {
            assert_eq!(double(word.as_bytes()), None, "{word}");
        }
    }
}
