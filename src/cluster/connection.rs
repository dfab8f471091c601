//! One connection to another node: what is to be sent on it, what was asked, and what has come.
//!
//! The server answers the commands of a connection one after the other. So a reply belongs to the first frame that has none, and no
//! frame is taken back: who does not wait for its reply any more does not look at it when it comes.
//!
//! Generic over the stream, so that it is tested with one that takes and gives a byte at a time.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use super::resp::{self, Garbled, Reply};

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// Room that stays in a buffer that is empty.
const KEPT: usize = 64 << 10;

/// A number for a frame under way.
pub type Ticket = u64;

/// Why a connection is of no use any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The other side closed it, or the network did.
    Closed,
    /// What came is no reply, or nobody had asked.
    Garbled,
}

impl From<Garbled> for End {
    fn from(_: Garbled) -> Self {
        Self::Garbled
    }
}

/// A connection.
pub struct Connection<S> {
    stream: S,
    /// What is to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// What has come, from `taken` on.
    input: Vec<u8>,
    taken: usize,
    /// The frames that have no reply, with their deadlines.
    flight: VecDeque<(Ticket, Instant)>,
}

impl<S: Read + Write> Connection<S> {
    /// Over a stream that does not block.
    pub fn new(stream: S) -> Self {
        Self { stream, out: Vec::new(), sent: 0, input: Vec::new(), taken: 0, flight: VecDeque::new() }
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// How many frames have no reply.
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// Bytes that are to be sent.
    pub fn unsent(&self) -> usize {
        self.out.len() - self.sent
    }

    /// The frames that have no reply.
    pub fn tickets(&self) -> impl Iterator<Item = Ticket> {
        self.flight.iter().map(|(ticket, _)| *ticket)
    }

    /// Until when the reply should have come that is to come next.
    pub fn due(&self) -> Option<Instant> {
        self.flight.front().map(|(_, deadline)| *deadline)
    }

    /// Puts a request behind those that are to be sent.
    pub fn push(&mut self, ticket: Ticket, deadline: Instant, request: &[u8]) {
        self.flight.push_back((ticket, deadline));
        self.out.extend_from_slice(request);
    }

    /// Sends as much as the stream takes; how many bytes that is.
    ///
    /// # Errors
    /// [`End::Closed`].
    pub fn send(&mut self) -> Result<usize, End> {
        let before = self.sent;
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(End::Closed),
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.sent - before),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(End::Closed),
            }
        }
        let sent = self.sent - before;
        empty(&mut self.out, &mut self.sent);
        Ok(sent)
    }

    /// Reads all that has come, and shows each reply to `each` with the frame that it belongs to; how many bytes came.
    ///
    /// # Errors
    /// The connection is over. What came before that was shown.
    pub fn receive(&mut self, mut each: impl FnMut(Ticket, Reply<'_>)) -> Result<usize, End> {
        let mut came = 0;
        loop {
            let len = self.input.len();
            self.input.resize(len + CHUNK, 0);
            let read = self.stream.read(&mut self.input[len..]);
            self.input.truncate(len + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(0) => return Err(End::Closed),
                Ok(read) => came += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(came),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(End::Closed),
            }
            self.take(&mut each)?;
        }
    }

    /// Takes the replies out of the buffer.
    fn take(&mut self, each: &mut impl FnMut(Ticket, Reply<'_>)) -> Result<(), End> {
        while self.taken < self.input.len() {
            if self.flight.is_empty() {
                return Err(End::Garbled);
            }
            let Some((reply, length)) = resp::reply(&self.input[self.taken..])? else { break };
            if let Some((ticket, _)) = self.flight.pop_front() {
                each(ticket, reply);
            }
            self.taken += length;
        }
        if self.taken == self.input.len() {
            empty(&mut self.input, &mut self.taken);
        } else if self.taken > KEPT {
            self.input.drain(..std::mem::take(&mut self.taken));
        }
        Ok(())
    }
}

/// Empties a buffer that was used up to its end, and gives back the memory that few need.
fn empty(buffer: &mut Vec<u8>, used: &mut usize) {
    buffer.clear();
    buffer.shrink_to(KEPT);
    *used = 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Result;

    /// Takes and gives so many bytes at a time, then blocks once.
    struct Slow {
        step: usize,
        blocks: bool,
        to_read: VecDeque<u8>,
        closes: bool,
        written: Vec<u8>,
    }

    impl Slow {
        fn new(step: usize, bytes: &[u8], closes: bool) -> Self {
            Self { step, blocks: false, to_read: bytes.iter().copied().collect(), closes, written: Vec::new() }
        }

        fn turn(&mut self) -> Result<()> {
            self.blocks = !self.blocks;
            if self.blocks { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
        }
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            if self.to_read.is_empty() && self.closes {
                return Ok(0);
            }
            self.turn()?;
            let count = self.step.min(self.to_read.len()).min(buffer.len());
            if count == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            buffer.iter_mut().zip(self.to_read.drain(..count)).for_each(|(to, byte)| *to = byte);
            Ok(count)
        }
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.turn()?;
            let count = self.step.min(bytes.len());
            self.written.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What came, by the tickets of what was asked.
    type Came = Vec<(Ticket, Vec<u8>)>;

    /// What comes of so many frames where the other side says this.
    fn talk(step: usize, asked: u64, bytes: &[u8], closes: bool) -> (Came, std::result::Result<(), End>) {
        let mut connection = Connection::new(Slow::new(step, bytes, closes));
        (0..asked).for_each(|ticket| connection.push(ticket, Instant::now(), b"ask"));
        let mut came = Vec::new();
        for _ in 0..bytes.len() * 2 + 4 {
            let outcome = connection.receive(|ticket, reply| {
                came.push((
                    ticket,
                    match reply {
                        Reply::Bulk(body) => body.to_vec(),
                        Reply::Error(text) => [b"-", text].concat(),
                    },
                ));
            });
            if let Err(end) = outcome {
                return (came, Err(end));
            }
        }
        assert_eq!(connection.in_flight() as u64, asked - came.len() as u64);
        (came, Ok(()))
    }

    proptest! {
        #[test]
        fn replies_belong_to_frames_in_their_order(step in 1usize..9, bodies in proptest::collection::vec(any::<[u8; 3]>(), 0..6), more in 0u64..3) {
            let bytes: Vec<u8> = bodies.iter().flat_map(|body| [b"$3\r\n", &body[..], b"\r\n"].concat()).collect();
            let (came, outcome) = talk(step, bodies.len() as u64 + more, &bytes, false);
            prop_assert_eq!(outcome, Ok(()));
            let expected: Vec<_> = bodies.iter().enumerate().map(|(nth, body)| (nth as u64, body.to_vec())).collect();
            prop_assert_eq!(came, expected);
        }

        #[test]
        fn everything_is_sent(step in 1usize..9, requests in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 1..6)) {
            let mut connection = Connection::new(Slow::new(step, b"", false));
            let mut sent = 0;
            for request in &requests {
                connection.push(0, Instant::now(), request);
                sent += connection.send().expect("open");
            }
            for _ in 0..200 {
                sent += connection.send().expect("open");
            }
            prop_assert_eq!(&connection.stream().written, &requests.concat());
            prop_assert_eq!(sent, requests.concat().len());
            prop_assert!(connection.out.is_empty());
        }
    }

    #[test]
    fn a_connection_ends_with_what_nobody_asked_and_at_its_end() {
        assert_eq!(talk(3, 0, b"$0\r\n\r\n", false), (vec![], Err(End::Garbled)));
        assert_eq!(talk(3, 1, b"$0\r\n\r\n-x\r\n", false), (vec![(0, vec![])], Err(End::Garbled)));
        assert_eq!(talk(3, 2, b"-x\r\n$2\r\na", true), (vec![(0, b"-x".to_vec())], Err(End::Closed)));
        assert_eq!(talk(3, 2, b"HTTP", true), (vec![], Err(End::Garbled)));
    }
}
