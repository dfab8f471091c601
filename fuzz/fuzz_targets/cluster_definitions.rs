//! Definitions that another node sends, and a catalogue in a file: any bytes are refused, or come back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::cluster::catalogue::{Catalogue, decode_entries, decode_flushed, encode_entries};
use nearset::cluster::proposal::{Outcome, Proposal};
use nearset::cluster::roll::Roll;

fuzz_target!(|data: &[u8]| {
    if let Ok((horizon, entries)) = decode_entries(data) {
        assert_eq!(encode_entries(horizon, &entries), data);
    }
    if let Ok(proposal) = Proposal::decode(data) {
        assert_eq!(Proposal::decode(&proposal.encode()), Ok(proposal));
    }
    if let Ok(outcome) = Outcome::decode(data) {
        assert_eq!(Outcome::decode(&outcome.encode()), Ok(outcome));
    }
    if let Ok(catalogue) = Catalogue::decode(&mut &*data) {
        let mut bytes = Vec::new();
        catalogue.encode(&mut bytes);
        assert_eq!(Catalogue::decode(&mut &bytes[..]), Ok(catalogue));
    }
    let _ = decode_flushed(data);
    let _ = Roll::read(data);
});
