use super::*;
use proptest::prelude::*;

fn node(nth: usize) -> NodeId {
    NodeId::new(format!("{nth:x}{:039x}", 0).as_bytes()).expect("a name")
}

fn name(text: &str) -> Name {
    Name { kind: Kind::Index, database: 0, name: text.as_bytes().into() }
}

fn version(counter: u64) -> Version {
    Version { epoch: 1, counter, by: 7 }
}

#[test]
fn bytes_stay_what_they_are() {
    let entry = Entry { name: name("i"), version: version(2), state: State::Is(b"v".to_vec()) };
    let gone = Entry { name: name("j"), version: version(3), state: State::GoneWithDocuments };
    let body = encode_entries(version(1), &[entry.clone(), gone.clone()]);
    let mut golden = Vec::new();
    let numbers = |to: &mut Vec<u8>, numbers: &[u64]| numbers.iter().for_each(|number| to.extend(number.to_le_bytes()));
    numbers(&mut golden, &[1, 1, 7, 2, 0, 0, 1]);
    golden.extend(b"i");
    numbers(&mut golden, &[1, 2, 7, 0, 1]);
    golden.extend(b"v");
    numbers(&mut golden, &[0, 0, 1]);
    golden.extend(b"j");
    numbers(&mut golden, &[1, 3, 7, 2, 0]);
    assert_eq!(body, golden);
    assert_eq!(decode_entries(&body), Ok((version(1), vec![entry, gone])));
    assert!((0..body.len()).all(|end| decode_entries(&body[..end]).is_err()));
    assert!(decode_entries(&[&body[..], b"x"].concat()).is_err());
    assert_eq!(decode_version(&encode_version(version(9))), Ok(version(9)));
    assert!(decode_version(&encode_version(version(9))[1..]).is_err());
}

#[test]
fn tombstones_stay_until_all_have_seen_them_and_nothing_comes_back_after() {
    let mut here = Catalogue::default();
    assert!(here.take(&name("i"), version(1), false) && here.take(&name("j"), version(2), false));
    let away = here.clone();
    assert!(here.take(&name("i"), version(3), true) && !here.take(&name("i"), version(1), false));
    here.bury(version(2));
    assert_eq!((here.get(&name("i")).map(|known| known.is_gone), here.horizon()), (Some(true), Version::default()));
    here.bury(version(3));
    assert_eq!((here.get(&name("i")), here.horizon()), (None, version(3)));
    assert!(!here.wants(&name("i"), version(1)) && here.wants(&name("i"), version(4)));
    // Who was away has it still, and hears that it was dropped.
    let all: Vec<_> = here.newer(Version::default());
    let listed = all.iter().map(|(name, _)| name).collect();
    assert_eq!(away.missed(here.horizon(), &listed), [name("i")]);
    let mut away = away;
    away.forget(&name("i"));
    assert_eq!(away.standing().digest, here.standing().digest);
}

#[test]
fn a_majority_of_the_masters_with_slots_has_to_hold_it() {
    let all = || (0..5).map(node);
    let mut quorum = Quorum::new(all(), node(0), (1..5).map(node));
    quorum.answered(node(1), true);
    quorum.answered(node(1), true);
    assert!(!quorum.has_majority());
    quorum.answered(node(2), true);
    assert!(quorum.has_majority());
    assert_eq!(quorum.reached(), None);
    (3..5).for_each(|nth| quorum.answered(node(nth), false));
    assert_eq!(quorum.reached(), Some(Reached::Enough));
    let mut quorum = Quorum::new(all(), node(0), (1..5).map(node));
    (1..5).for_each(|nth| quorum.answered(node(nth), nth == 1));
    assert_eq!(quorum.reached(), Some(Reached::TooFew(2, 5)));
    assert_eq!(Quorum::new([node(0)], node(0), []).reached(), Some(Reached::Enough));
    // Those without slots don't count.
    let mut quorum = Quorum::new((0..3).map(node), node(0), (1..6).map(node));
    (1..6).for_each(|nth| quorum.answered(node(nth), nth > 2));
    assert_eq!(quorum.reached(), Some(Reached::TooFew(4, 6)));
}

proptest! {
    #[test]
    fn entries_in_any_order_and_number_make_the_same_catalogue(
        versions in proptest::collection::vec((0usize..4, 1u64..50, any::<bool>()), 1..30), order in any::<u64>()
    ) {
        // A version is given once.
        let versions: BTreeMap<u64, (usize, bool)> = versions.into_iter().map(|(nth, counter, gone)| (counter, (nth, gone))).collect();
        let take = |catalogue: &mut Catalogue, counter: u64, (nth, gone): (usize, bool)| {
            catalogue.take(&name(&nth.to_string()), version(counter), gone);
        };
        let mut first = Catalogue::default();
        versions.iter().for_each(|(counter, what)| take(&mut first, *counter, *what));
        let mut second = Catalogue::default();
        let mut shuffled: Vec<_> = versions.iter().chain(&versions).collect();
        shuffled.sort_by_key(|(counter, _)| order.rotate_left(**counter as u32).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        shuffled.iter().for_each(|(counter, what)| take(&mut second, **counter, **what));
        prop_assert_eq!(&first, &second);
        let mut bytes = Vec::new();
        first.encode(&mut bytes);
        prop_assert_eq!(Catalogue::decode(&mut &bytes[..]), Ok(first));
        for end in 0..bytes.len() {
            prop_assert!(Catalogue::decode(&mut &bytes[..end]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_entries_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((horizon, entries)) = decode_entries(&bytes) {
            prop_assert_eq!(encode_entries(horizon, &entries), bytes);
        }
    }
}

/// Five nodes that lose, repeat and reorder what they tell each other, and a registrar that dies.
mod model {
    use super::*;

    const NODES: usize = 5;

    #[derive(Clone, Debug)]
    enum Step {
        /// A client has a name defined, or dropped.
        Propose(usize, bool),
        /// One of the messages under way arrives; it may come again.
        Arrive(usize, bool),
        /// One of them is lost.
        Lose(usize),
        /// The registrar dies, forgetting what it waits for but not its catalogue. The cluster elects another.
        Die(usize),
        /// A node asks another for what is newer.
        Pull(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0usize..3, any::<bool>()).prop_map(|(name, gone)| Step::Propose(name, gone)),
            8 => (any::<usize>(), any::<bool>()).prop_map(|(which, again)| Step::Arrive(which, again)),
            1 => any::<usize>().prop_map(Step::Lose),
            1 => (0..NODES).prop_map(Step::Die),
            1 => (0..NODES, 0..NODES).prop_map(|(one, other)| Step::Pull(one, other)),
        ]
    }

    #[derive(Clone)]
    enum Message {
        Put(usize, Name, Known),
        Held(usize, Version),
        /// A new registrar wants everything.
        Want(usize, usize, u64),
        All(usize, u64, Vec<(Name, Known)>),
    }

    struct Cluster {
        nodes: Vec<Catalogue>,
        registrar: usize,
        epoch: u64,
        /// Who has answered the registrar of this epoch, before it takes proposals.
        opening: Option<Quorum>,
        waiting: Vec<(Name, Version, bool, Quorum)>,
        acknowledged: Vec<(Name, Version)>,
        under_way: Vec<Message>,
    }

    impl Cluster {
        fn new() -> Self {
            let nodes = vec![Catalogue::default(); NODES];
            let mut cluster = Self {
                nodes,
                registrar: 0,
                epoch: 0,
                opening: None,
                waiting: vec![],
                acknowledged: vec![],
                under_way: vec![],
            };
            cluster.elect(0);
            cluster
        }

        fn others(&self) -> impl Iterator<Item = usize> + use<> {
            let here = self.registrar;
            (0..NODES).filter(move |nth| *nth != here)
        }

        fn quorum(&self) -> Quorum {
            Quorum::new((0..NODES).map(node), node(self.registrar), self.others().map(node))
        }

        fn elect(&mut self, who: usize) {
            self.epoch += 1;
            (self.registrar, self.waiting) = (who, vec![]);
            self.opening = Some(self.quorum());
            let wants = self.others().map(|to| Message::Want(who, to, self.epoch));
            self.under_way.extend(wants);
        }

        fn step(&mut self, step: Step) {
            let one = |which: usize, len: usize| (len > 0).then(|| which % len);
            match step {
                Step::Propose(nth, is_gone) if self.opening.is_none() => self.propose(&name(&nth.to_string()), is_gone),
                Step::Propose(..) => {}
                Step::Arrive(which, again) => {
                    if let Some(which) = one(which, self.under_way.len()) {
                        let message = self.under_way.swap_remove(which);
                        if again {
                            self.under_way.push(message.clone());
                        }
                        self.arrive(message);
                    }
                }
                Step::Lose(which) => {
                    if let Some(which) = one(which, self.under_way.len()) {
                        self.under_way.swap_remove(which);
                    }
                }
                Step::Die(next) if next != self.registrar => self.elect(next),
                Step::Die(_) => {}
                Step::Pull(to, from) => {
                    let all = self.nodes[from].newer(self.nodes[to].standing().version);
                    self.take(to, &all);
                }
            }
        }

        fn propose(&mut self, name: &Name, is_gone: bool) {
            let here = &mut self.nodes[self.registrar];
            // A counter of 0: time stands still.
            let version = here.next(self.epoch, 0, node(self.registrar));
            assert!(here.take(name, version, is_gone), "it is the newest");
            let known = Known { version, is_gone };
            let puts = self.others().map(|to| Message::Put(to, name.clone(), known));
            self.under_way.extend(puts);
            let quorum = self.quorum();
            self.waiting.push((name.clone(), version, is_gone, quorum));
        }

        fn take(&mut self, to: usize, all: &[(Name, Known)]) {
            all.iter().for_each(|(name, known)| {
                self.nodes[to].take(name, known.version, known.is_gone);
            });
        }

        fn arrive(&mut self, message: Message) {
            match message {
                Message::Put(to, name, known) => {
                    self.nodes[to].take(&name, known.version, known.is_gone);
                    self.under_way.push(Message::Held(to, known.version));
                }
                Message::Held(from, version) => {
                    for (name, waited, _, quorum) in &mut self.waiting {
                        if *waited == version {
                            quorum.answered(node(from), true);
                            if quorum.has_majority() {
                                self.acknowledged.push((name.clone(), version));
                            }
                        }
                    }
                }
                Message::Want(to, from, epoch) => {
                    let all = self.nodes[from].newer(Version::default());
                    self.under_way.push(Message::All(to, epoch, all));
                    // So that the answer is told apart by who gave it.
                    if let Some(Message::All(to, ..)) = self.under_way.last_mut() {
                        *to = to.wrapping_add(from << 8);
                    }
                }
                Message::All(to, epoch, all) => {
                    let (to, from) = (to & 0xff, to >> 8);
                    self.take(to, &all);
                    if epoch == self.epoch
                        && let Some(opening) = &mut self.opening
                    {
                        opening.answered(node(from), true);
                        if opening.has_majority() {
                            self.opening = None;
                        }
                    }
                }
            }
        }

        /// Nothing goes wrong any more: each asks each, until nothing is new.
        fn heal(&mut self) {
            for _ in 0..2 {
                for (to, from) in (0..NODES).flat_map(|to| (0..NODES).map(move |from| (to, from))) {
                    let all = self.nodes[from].newer(Version::default());
                    self.take(to, &all);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn catalogues_converge_and_nothing_acknowledged_is_lost(steps in proptest::collection::vec(step(), 0..200)) {
            let mut cluster = Cluster::new();
            steps.into_iter().for_each(|step| cluster.step(step));
            // A registrar that takes proposals has all that was acknowledged.
            if cluster.opening.is_none() {
                for (name, version) in &cluster.acknowledged {
                    let known = cluster.nodes[cluster.registrar].get(name);
                    prop_assert!(known.is_some_and(|known| known.version >= *version));
                }
            }
            cluster.heal();
            for (name, version) in &cluster.acknowledged {
                prop_assert!(cluster.nodes[0].get(name).is_some_and(|known| known.version >= *version));
            }
            for catalogue in &cluster.nodes[1..] {
                prop_assert_eq!(catalogue, &cluster.nodes[0]);
            }
        }
    }
}
