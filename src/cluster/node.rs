//! Nodes of the cluster: how they are called, and where they are.

use std::fmt::{Debug, Display, Formatter, Result as Written};
use std::net::SocketAddr;

/// A node's name in its cluster: 40 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; NodeId::LEN]);

impl NodeId {
    /// Digits of a name.
    pub const LEN: usize = 40;

    /// The name at the beginning of a text; what follows is not looked at.
    pub fn new(text: &[u8]) -> Option<Self> {
        let digits = text.first_chunk::<{ Self::LEN }>()?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Self(*digits))
    }

    /// Its digits.
    pub fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// A number that no other node of a cluster has, as far as anybody can tell: the first 16 digits.
    pub fn number(&self) -> u64 {
        self.0[..16].iter().fold(0, |sum, digit| sum << 4 | u64::from(char::from(*digit).to_digit(16).unwrap_or(0)))
    }
}

impl Display for NodeId {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        self.0.iter().try_for_each(|digit| write!(f, "{}", char::from(*digit)))
    }
}

impl Debug for NodeId {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        Display::fmt(self, f)
    }
}

/// A node that can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its name.
    pub id: NodeId,
    /// Where clients reach it.
    pub address: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_forty_digits() {
        let id = NodeId::new(b"0123456789abcdef0123456789ABCDEF01234567 and more").expect("a name");
        assert_eq!(id.number(), 0x0123_4567_89ab_cdef);
        assert_eq!(id.to_string().as_bytes(), id.bytes());
        assert_eq!(NodeId::new(b"0123456789abcdef0123456789ABCDEF0123456"), None);
        assert_eq!(NodeId::new(&[b'g'; 40]), None);
    }
}
