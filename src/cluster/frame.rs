//! What nodes tell each other: frames.
//!
//! A frame is the one argument of a command, or its reply. Numbers are little-endian.
//!
//! ```text
//! at  bytes
//!  0  2   magic: "nF"
//!  2  1   protocol: 1
//!  3  1   kind, see [`Kind`]
//!  4  4   milliseconds that the sender waits for a reply; 0 in a reply
//!  8  8   epoch    ┐
//! 16  8   counter  │ the newest version of a definition that the sender has
//! 24  8   by       ┘
//! 32  8   digest of all its definitions' versions
//! 40  …   body, by kind
//! ```
//! A node that reads another protocol than its own says so in an error, and is not asked further: the nodes of a cluster are
//! upgraded one by one, and answer by themselves until all of them are.

use crate::codec::Corrupt;

const MAGIC: [u8; 2] = *b"nF";
const PROTOCOL: u8 = 1;
/// Bytes before the body.
const HEAD: usize = 40;

/// Which of two definitions is newer. The registrar gives them, see `catalogue`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version {
    /// The configuration epoch of the registrar.
    pub epoch: u64,
    /// Grows with every definition.
    pub counter: u64,
    /// The registrar's number, see [`NodeId::number`](super::node::NodeId::number): two of them never give the same version.
    pub by: u64,
}

/// Which definitions a node has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// The newest.
    pub version: Version,
    /// Of the names and versions of all.
    pub digest: u64,
}

/// What a frame is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Who I am, and how you can find out. The body is `login::Hello`.
    Hello = 1,
    /// Nothing but the head.
    Ping = 2,
    /// A query. The body is who answers it.
    Ask = 3,
    /// A definition is to be made. The body is `proposal::Proposal`, its reply's a `proposal::Outcome`.
    Propose = 4,
    /// Definitions. The body is that of `catalogue::entries`, its reply's is empty.
    Put = 5,
    /// Definitions are wanted that are newer than the version in the body. Its reply's body is that of `Put`.
    Pull = 6,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Hello, Self::Ping, Self::Ask, Self::Propose, Self::Put, Self::Pull];

    /// The command and the word that a frame of this kind is sent with. What may change definitions is a command that writes, so
    /// that the server refuses it where it refuses those of clients.
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::Hello => ["FT._NODE", "HELLO"],
            Self::Ping => ["FT._NODE", "PING"],
            Self::Ask => ["FT._NODE", "ASK"],
            Self::Pull => ["FT._NODE", "PULL"],
            Self::Propose => ["FT._DEF", "PROPOSE"],
            Self::Put => ["FT._DEF", "PUT"],
        }
    }
}

/// A frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// What it is about.
    pub kind: Kind,
    /// Milliseconds that the sender waits.
    pub patience: u32,
    /// The sender's definitions.
    pub standing: Standing,
    /// The rest.
    pub body: Vec<u8>,
}

impl Frame {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let Standing { version, digest } = self.standing;
        let mut bytes = Vec::with_capacity(HEAD + self.body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[PROTOCOL, self.kind as u8]);
        bytes.extend_from_slice(&self.patience.to_le_bytes());
        for number in [version.epoch, version.counter, version.by, digest] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is no frame, of another protocol or of an unknown kind.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let (head, body) = bytes.split_first_chunk::<HEAD>().ok_or(Corrupt("a frame ends early"))?;
        if head[..2] != MAGIC {
            return Err(Corrupt("no frame"));
        }
        if head[2] != PROTOCOL {
            return Err(Corrupt("a frame of another protocol"));
        }
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == head[3]).ok_or(Corrupt("kind of a frame"))?;
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|nth| head[at + nth]));
        let version = Version { epoch: long(8), counter: long(16), by: long(24) };
        Ok(Self {
            kind,
            patience: u32::from_le_bytes(std::array::from_fn(|nth| head[4 + nth])),
            standing: Standing { version, digest: long(32) },
            body: body.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame() -> impl Strategy<Value = Frame> {
        let body = proptest::collection::vec(any::<u8>(), 0..50);
        (0..Kind::ALL.len(), any::<u32>(), any::<[u64; 4]>(), body).prop_map(|(kind, patience, numbers, body)| {
            let [epoch, counter, by, digest] = numbers;
            let standing = Standing { version: Version { epoch, counter, by }, digest };
            Frame { kind: Kind::ALL[kind], patience, standing, body }
        })
    }

    #[test]
    fn bytes_stay_what_they_are() {
        let version = Version { epoch: 1, counter: 0x0203, by: u64::MAX };
        let frame = Frame {
            kind: Kind::Ask,
            patience: 500,
            standing: Standing { version, digest: 0x0807_0605_0403_0201 },
            body: b"body".to_vec(),
        };
        let golden: &[u8] = b"nF\x01\x03\xf4\x01\0\0\x01\0\0\0\0\0\0\0\x03\x02\0\0\0\0\0\0\
            \xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04\x05\x06\x07\x08body";
        assert_eq!(frame.encode(), golden);
        assert_eq!(Frame::decode(golden), Ok(frame));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let golden = Frame { kind: Kind::Ping, patience: 1, standing: Standing::default(), body: vec![] }.encode();
        let with = |at: usize, byte| {
            let mut bytes = golden.clone();
            bytes[at] = byte;
            Frame::decode(&bytes)
        };
        assert_eq!(with(0, b'N'), Err(Corrupt("no frame")));
        assert_eq!(with(2, 2), Err(Corrupt("a frame of another protocol")));
        assert_eq!(with(3, 0), Err(Corrupt("kind of a frame")));
        assert_eq!(with(3, 7), Err(Corrupt("kind of a frame")));
    }

    proptest! {
        #[test]
        fn frames_come_back_and_none_ends_early(frame in frame()) {
            let bytes = frame.encode();
            for end in 0..HEAD {
                prop_assert!(Frame::decode(&bytes[..end]).is_err());
            }
            prop_assert_eq!(Frame::decode(&bytes), Ok(frame));
        }

        #[test]
        fn any_bytes_are_a_frame_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(frame) = Frame::decode(&bytes) {
                prop_assert_eq!(frame.encode(), bytes);
            }
        }
    }
}
