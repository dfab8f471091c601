//! What is proposed to the registrar, and what it answers.
//!
//! ```text
//! proposal  database: u64, kind: u64, then
//!   0       count: u64, count × bytes: a command's words
//!   1       entries of the catalogue, without versions
//! outcome   kind: u64, number: u64, text: bytes
//!   0 done · 1 a number · 2 an error's text · 3 this node is not the registrar
//! ```

use super::catalogue::{Entry, decode_entries, encode_entries};
use super::frame::Version;
use crate::codec::{Corrupt, Sink, Source};

/// What is proposed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A command.
    Command(Vec<Vec<u8>>),
    /// Definitions that a node had before it came.
    Adopt(Vec<Entry>),
}

/// A proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// The database that the client has selected.
    pub database: u32,
    /// What is to be.
    pub what: What,
}

/// What the registrar answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// So it is.
    Done,
    /// So it is, and the command answers this.
    Number(i64),
    /// An error, with this text.
    Refused(Vec<u8>),
    /// This node is not the registrar, or not any more.
    NotMe,
}

impl Proposal {
    /// As the body of a frame.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_u64(self.database.into());
        match &self.what {
            What::Command(words) => {
                body.put_u64(0);
                body.put_u64(words.len() as u64);
                words.iter().for_each(|word| body.put_bytes(word));
            }
            What::Adopt(entries) => {
                body.put_u64(1);
                body.extend_from_slice(&encode_entries(Version::default(), entries));
            }
        }
        body
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is none.
    pub fn decode(mut body: &[u8]) -> Result<Self, Corrupt> {
        let database = u32::try_from(body.take_u64()?).map_err(|_| Corrupt("number of a database"))?;
        let what = match body.take_u64()? {
            0 => {
                let mut words = Vec::new();
                for _ in 0..body.take_u64()? {
                    words.push(body.take_bytes()?.to_vec());
                }
                if words.is_empty() || !body.is_empty() {
                    return Err(Corrupt("words of a proposal"));
                }
                What::Command(words)
            }
            1 => What::Adopt(decode_entries(body)?.1),
            _ => return Err(Corrupt("kind of a proposal")),
        };
        Ok(Self { database, what })
    }
}

impl Outcome {
    /// As the body of a frame.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, number, text): (u64, i64, &[u8]) = match self {
            Self::Done => (0, 0, b""),
            Self::Number(number) => (1, *number, b""),
            Self::Refused(text) => (2, 0, text),
            Self::NotMe => (3, 0, b""),
        };
        let mut body = Vec::new();
        body.put_u64(kind);
        body.put_u64(number.cast_unsigned());
        body.put_bytes(text);
        body
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is none.
    pub fn decode(mut body: &[u8]) -> Result<Self, Corrupt> {
        let (kind, number, text) = (body.take_u64()?, body.take_u64()?.cast_signed(), body.take_bytes()?);
        match (kind, number, text) {
            (0, 0, []) => Ok(Self::Done),
            (1, number, []) => Ok(Self::Number(number)),
            (2, 0, text) => Ok(Self::Refused(text.to_vec())),
            (3, 0, []) => Ok(Self::NotMe),
            _ => Err(Corrupt("outcome of a proposal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::catalogue::{Kind, Name, State};

    #[test]
    fn proposals_and_outcomes_come_back_and_none_ends_early() {
        let name = Name { kind: Kind::Alias, database: 2, name: b"a".as_slice().into() };
        let entry = Entry { name, version: Version::default(), state: State::Is(b"i".to_vec()) };
        for what in [What::Command(vec![b"FT.CREATE".to_vec(), vec![]]), What::Adopt(vec![entry])] {
            let proposal = Proposal { database: 3, what };
            let body = proposal.encode();
            assert_eq!(Proposal::decode(&body), Ok(proposal));
            assert!((0..body.len()).all(|end| Proposal::decode(&body[..end]).is_err()));
        }
        for outcome in [Outcome::Done, Outcome::Number(-3), Outcome::Refused(b"ERR".to_vec()), Outcome::NotMe] {
            let body = outcome.encode();
            assert_eq!(Outcome::decode(&body), Ok(outcome));
            assert!((0..body.len()).all(|end| Outcome::decode(&body[..end]).is_err()));
        }
        let of = |kind: u64| [kind.to_le_bytes(), [0; 8], [0; 8]].concat();
        assert!(
            Outcome::decode(&of(4)).is_err() && Proposal::decode(&of(0)).is_err() && Proposal::decode(&of(2)).is_err()
        );
    }
}
