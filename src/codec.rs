//! Byte sources and sinks: what the engines' encodings read from and write to.
//!
//! The server's RDB API offers unsigned and signed integers, floats, doubles and byte strings; [`Sink`] and [`Source`]
//! are that vocabulary as traits. `redis/rdb.rs` implements them over the server, this module over a byte vector, so
//! that every encoding round-trips, is fuzzed and has its golden file without a server.
//!
//! Layout of the buffer implementation, little-endian: an unsigned integer is 8 bytes, a float 4, a double 8, a byte
//! string its length (8 bytes) and its bytes. It is a test and tooling format, never sent to a server.

#![forbid(unsafe_code)]

/// The payload ended early or holds what no encoder writes.
///
/// What exactly was wrong is of no use to the client, who is told `ERR Bad data format`; it is kept for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt(pub &'static str);

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "corrupt payload: {}", self.0)
    }
}

impl std::error::Error for Corrupt {}

/// Writes an encoding, value by value. Writing cannot fail: a server that cannot store it aborts the save itself.
pub trait Sink {
    /// Writes an unsigned integer.
    fn put_u64(&mut self, value: u64);
    /// Writes a single-precision float.
    fn put_f32(&mut self, value: f32);
    /// Writes a double-precision float.
    fn put_f64(&mut self, value: f64);
    /// Writes a byte string with its length.
    fn put_bytes(&mut self, value: &[u8]);
}

/// Reads an encoding back, value by value.
///
/// # Errors
/// Every method returns [`Corrupt`] when the payload ends early or holds a value of another kind.
pub trait Source {
    /// What [`Source::take_bytes`] hands out: borrowed from a buffer, or owned where the server allocates it.
    type Bytes: AsRef<[u8]> + Send;
    /// Reads an unsigned integer.
    fn take_u64(&mut self) -> Result<u64, Corrupt>;
    /// Reads a single-precision float.
    fn take_f32(&mut self) -> Result<f32, Corrupt>;
    /// Reads a double-precision float.
    fn take_f64(&mut self) -> Result<f64, Corrupt>;
    /// Reads a byte string.
    fn take_bytes(&mut self) -> Result<Self::Bytes, Corrupt>;
}

impl Sink for Vec<u8> {
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_f32(&mut self, value: f32) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_f64(&mut self, value: f64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_bytes(&mut self, value: &[u8]) {
        self.put_u64(value.len() as u64);
        self.extend_from_slice(value);
    }
}

/// Splits `N` bytes off the front of a buffer.
fn split<'a, const N: usize>(buffer: &mut &'a [u8]) -> Result<&'a [u8; N], Corrupt> {
    let (head, tail) = buffer.split_first_chunk::<N>().ok_or(Corrupt("ends early"))?;
    *buffer = tail;
    Ok(head)
}

impl<'a> Source for &'a [u8] {
    type Bytes = &'a [u8];
    fn take_u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(*split(self)?))
    }
    fn take_f32(&mut self) -> Result<f32, Corrupt> {
        Ok(f32::from_le_bytes(*split(self)?))
    }
    fn take_f64(&mut self) -> Result<f64, Corrupt> {
        Ok(f64::from_le_bytes(*split(self)?))
    }
    fn take_bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let len = usize::try_from(self.take_u64()?).map_err(|_| Corrupt("length"))?;
        if len > self.len() {
            return Err(Corrupt("string ends early"));
        }
        let (head, tail) = self.split_at(len);
        *self = tail;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut buffer = Vec::new();
        buffer.put_u64(u64::MAX);
        buffer.put_f32(1.5);
        buffer.put_f64(-0.0);
        buffer.put_bytes(b"");
        buffer.put_bytes(b"\0abc");
        let mut source = &buffer[..];
        assert_eq!(source.take_u64(), Ok(u64::MAX));
        assert_eq!(source.take_f32(), Ok(1.5));
        assert_eq!(source.take_f64().map(f64::to_bits), Ok((-0.0f64).to_bits()));
        assert_eq!(source.take_bytes(), Ok(&b""[..]));
        assert_eq!(source.take_bytes(), Ok(&b"\0abc"[..]));
        assert!(source.is_empty());
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut buffer = Vec::new();
        buffer.put_u64(u64::MAX);
        assert_eq!((&buffer[..]).take_bytes(), Err(Corrupt("string ends early")));
        assert_eq!((&buffer[..7]).take_u64(), Err(Corrupt("ends early")));
    }
}
