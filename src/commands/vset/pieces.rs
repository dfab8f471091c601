//! A set in an AOF: its encoding, cut into commands of bounded size.

use crate::codec::Sink;
use crate::redis::rdb::Aof;

/// Bytes of a piece, about.
const PIECE: usize = 32 * 1024;

/// Cuts an encoding into pieces and writes each as a command of the AOF.
pub struct Pieces<'a, 'k> {
    aof: &'a mut Aof<'k>,
    piece: Vec<u8>,
    begun: bool,
}

impl<'a, 'k> Pieces<'a, 'k> {
    /// Writes to the AOF.
    pub fn new(aof: &'a mut Aof<'k>) -> Self {
        Self { aof, piece: Vec::with_capacity(PIECE), begun: false }
    }

    /// Writes the last piece.
    pub fn finish(mut self) {
        self.emit(if self.begun { b"END" } else { b"ALL" });
    }

    fn emit(&mut self, place: &[u8]) {
        self.aof.emit(c"_VRESTORE", &[place, &self.piece]);
        self.piece.clear();
    }

    fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.piece);
        if self.piece.len() >= PIECE {
            self.emit(if self.begun { b"MORE" } else { b"BEGIN" });
            self.begun = true;
        }
    }
}

impl Sink for Pieces<'_, '_> {
    fn put_u64(&mut self, value: u64) {
        self.put(|piece| piece.put_u64(value));
    }
    fn put_f32(&mut self, value: f32) {
        self.put(|piece| piece.put_f32(value));
    }
    fn put_f64(&mut self, value: f64) {
        self.put(|piece| piece.put_f64(value));
    }
    fn put_bytes(&mut self, value: &[u8]) {
        self.put(|piece| piece.put_bytes(value));
    }
}
