//! How a node shows another that it is of the same cluster, with nothing configured.
//!
//! ```text
//! node A                                        node B
//! FT._NODE HELLO: I am A, nonce ────────────▶   (a connection of a client)
//!            ◀──────────── bus: did you say nonce?
//! bus: yes, to you ─────────────────────────▶   the connection is A's
//! ```
//! The bus of the cluster tells who sent what, so the connection is trusted as the bus is, by which any node can change who owns what.
//! A nonce is 128 random bits, for one node, once, and for [`LASTS`].
//!
//! Where the bus is silent (another module takes our messages), both sides compare a user and a password that both are configured
//! with.

use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::node::NodeId;
use crate::codec::{Corrupt, Sink, Source};

/// How long a nonce can be asked about.
pub const LASTS: Duration = Duration::from_secs(1);

/// What a node reads that the bus has not confirmed, and who shares no secret.
pub const SILENT: &str = "NOPERM the cluster's bus does not confirm this node";

/// A number that was said once.
pub type Nonce = [u8; 16];

/// A user and his password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret {
    /// The user's name, or nothing.
    pub user: Vec<u8>,
    /// The password; empty: there is no secret.
    pub password: Vec<u8>,
}

impl Secret {
    /// Whether both are the same, in a time that does not tell how far they are. One that is empty is like none.
    pub fn opens(&self, other: &Self) -> bool {
        let same = |one: &[u8], other: &[u8]| {
            one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
        };
        !self.password.is_empty() & same(&self.user, &other.user) & same(&self.password, &other.password)
    }
}

/// What a node says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    /// Its name.
    pub from: NodeId,
    /// What it can be asked about.
    pub nonce: Nonce,
    /// What both may know.
    pub secret: Secret,
}

impl Hello {
    /// As the body of a frame: 40 digits, 16 bytes, two byte strings.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = [&self.from.bytes()[..], &self.nonce].concat();
        body.put_bytes(&self.secret.user);
        body.put_bytes(&self.secret.password);
        body
    }

    /// Reads one.
    ///
    /// # Errors
    /// What none says.
    pub fn decode(mut body: &[u8]) -> Result<Self, Corrupt> {
        let from = NodeId::new(body).ok_or(Corrupt("name of a node"))?;
        body = &body[NodeId::LEN..];
        let (nonce, mut rest) = body.split_first_chunk::<16>().ok_or(Corrupt("nonce"))?;
        let secret = Secret { user: rest.take_bytes()?.to_vec(), password: rest.take_bytes()?.to_vec() };
        if rest.is_empty() { Ok(Self { from, nonce: *nonce, secret }) } else { Err(Corrupt("more than a hello")) }
    }
}

/// What was said and not asked about yet: the nonce, to whom, when.
#[derive(Default)]
struct Said(Vec<(Nonce, NodeId, Instant)>);

impl Said {
    fn say(&mut self, nonce: Nonce, to: NodeId, now: Instant) {
        self.0.retain(|(_, _, when)| now.duration_since(*when) < LASTS);
        self.0.push((nonce, to, now));
    }

    fn was_said(&mut self, nonce: &Nonce, to: NodeId, now: Instant) -> bool {
        let Some(at) = self.0.iter().position(|(said, whom, _)| said == nonce && *whom == to) else { return false };
        let (_, _, when) = self.0.swap_remove(at);
        now.duration_since(when) < LASTS
    }
}

static SAID: Mutex<Said> = Mutex::new(Said(Vec::new()));

fn said() -> MutexGuard<'static, Said> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A nonce for a node; `None`: the system has no random numbers.
pub fn say(to: NodeId) -> Option<Nonce> {
    let mut nonce = Nonce::default();
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut nonce)).ok()?;
    said().say(nonce, to, Instant::now());
    Some(nonce)
}

/// Whether this node said the nonce to that one, not long ago. It can be asked once.
pub fn was_said(nonce: &Nonce, to: NodeId) -> bool {
    said().was_said(nonce, to, Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(digit: u8) -> NodeId {
        NodeId::new(&[digit; 40]).expect("a name")
    }

    #[test]
    fn a_nonce_is_for_one_node_once_and_for_a_while() {
        let (mut said, now) = (Said::default(), Instant::now());
        said.say([1; 16], node(b'a'), now);
        assert!(!said.was_said(&[1; 16], node(b'b'), now) && !said.was_said(&[2; 16], node(b'a'), now));
        assert!(said.was_said(&[1; 16], node(b'a'), now));
        assert!(!said.was_said(&[1; 16], node(b'a'), now));
        said.say([1; 16], node(b'a'), now);
        assert!(!said.was_said(&[1; 16], node(b'a'), now + LASTS));
        (0..1000).for_each(|nth| said.say([2; 16], node(b'a'), now + nth * LASTS / 10));
        assert!(said.0.len() <= 10);
        assert_ne!(say(node(b'c')), say(node(b'c')));
    }

    #[test]
    fn a_hello_comes_back_and_none_ends_early() {
        let secret = Secret { user: b"u".to_vec(), password: b"p".to_vec() };
        let hello = Hello { from: node(b'a'), nonce: [7; 16], secret };
        let body = hello.encode();
        assert!(Hello::decode(&body).is_ok_and(|read| read == hello));
        assert!((0..body.len()).all(|end| Hello::decode(&body[..end]).is_err()));
        assert!(Hello::decode(&[&body[..], b"x"].concat()).is_err());
    }

    #[test]
    fn a_secret_opens_to_the_same_only() {
        let secret = |user: &str, password: &str| Secret { user: user.into(), password: password.into() };
        assert!(secret("u", "p").opens(&secret("u", "p")) && secret("", "p").opens(&secret("", "p")));
        for (user, password) in [("u", "q"), ("v", "p"), ("u", ""), ("", "p"), ("u", "pp")] {
            assert!(!secret(user, password).opens(&secret("u", "p")));
        }
        assert!(!secret("", "").opens(&secret("", "")) && !secret("u", "").opens(&secret("u", "")));
    }
}
