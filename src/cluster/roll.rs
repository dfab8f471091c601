//! Who has what in the cluster, as `CLUSTER NODES` lists it: masters, their epochs, and whose the registrar's slot is.

use super::node::NodeId;

/// The slot whose owner is the registrar. Any would do: that of the empty tag's neighbourhood is nobody's favourite.
pub const REGISTRAR: u16 = 6257;

/// A master.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Master {
    /// Its name.
    pub id: NodeId,
    /// Its configuration epoch.
    pub epoch: u64,
    /// Whether it has slots, and so a vote.
    pub has_slots: bool,
    /// Whether the registrar's slot is its.
    pub is_registrar: bool,
    /// Whether it is the node that was asked.
    pub is_here: bool,
    /// Whether the cluster holds it for gone.
    pub fails: bool,
}

/// The masters of a cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roll {
    /// All of them.
    pub masters: Vec<Master>,
    /// How many nodes the cluster has, replicas too.
    pub nodes: usize,
}

impl Roll {
    /// Reads what `CLUSTER NODES` says. A line that is not understood is left out.
    pub fn read(text: &[u8]) -> Self {
        let mut roll = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            let [id, _address, flags, _master, _ping, _pong, epoch, _link, slots @ ..] = &words[..] else { continue };
            let has = |flag: &[u8]| flags.split(|byte| *byte == b',').any(|one| one == flag);
            if has(b"handshake") {
                continue;
            }
            roll.nodes += 1;
            let (Some(id), true) = (NodeId::new(id), has(b"master")) else { continue };
            let slots: Vec<(u64, u64)> = slots.iter().filter_map(|word| range(word)).collect();
            let owns = |slot: u64| slots.iter().any(|(first, last)| (*first..=*last).contains(&slot));
            roll.masters.push(Master {
                id,
                epoch: number(epoch).unwrap_or(0),
                has_slots: !slots.is_empty(),
                is_registrar: owns(REGISTRAR.into()),
                is_here: has(b"myself"),
                fails: has(b"fail"),
            });
        }
        roll
    }

    /// The registrar, where the slot has an owner.
    pub fn registrar(&self) -> Option<&Master> {
        self.masters.iter().find(|master| master.is_registrar)
    }

    /// This node, if it is a master.
    pub fn here(&self) -> Option<&Master> {
        self.masters.iter().find(|master| master.is_here)
    }

    /// The masters that have a vote.
    pub fn voters(&self) -> impl Iterator<Item = NodeId> {
        self.masters.iter().filter(|master| master.has_slots).map(|master| master.id)
    }

    /// The other masters that are not gone.
    pub fn others(&self) -> impl Iterator<Item = NodeId> {
        self.masters.iter().filter(|master| !master.is_here && !master.fails).map(|master| master.id)
    }
}

fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.trim().parse().ok()
}

/// `5` or `5-9`; a slot that is moving, in brackets, is none.
fn range(word: &[u8]) -> Option<(u64, u64)> {
    let mut ends = word.splitn(2, |byte| *byte == b'-');
    let first = number(ends.next()?)?;
    Some((first, ends.next().map_or(Some(first), number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_read_with_their_slots() {
        let id = |digit: &str| digit.repeat(40);
        let text = [
            format!("{} 127.0.0.1:1@2 myself,master - 0 0 7 connected 0-100 6257 [93-<-{}]", id("a"), id("b")),
            format!("{} 127.0.0.1:1@2,host master,fail - 0 0 2 connected 101-6256 6258-16383", id("b")),
            format!("{} :0@0 master,fail? - 0 0 3 disconnected", id("c")),
            format!("{} ::1:1@2 slave {} 0 0 7 connected", id("d"), id("a")),
            format!("{} 127.0.0.1:1@2 handshake - 0 0 0 connected", id("e")),
            "what".into(),
            String::new(),
        ]
        .join("\n");
        let roll = Roll::read(text.as_bytes());
        let names = |ids: Vec<NodeId>| ids.iter().map(|id| char::from(id.bytes()[0])).collect::<String>();
        assert_eq!((roll.nodes, roll.masters.len()), (4, 3));
        assert_eq!(roll.registrar().map(|master| (master.epoch, master.is_here)), Some((7, true)));
        assert_eq!((names(roll.voters().collect()), names(roll.others().collect())), ("ab".into(), "c".into()));
        assert_eq!(Roll::read(b"").registrar(), None);
    }
}
