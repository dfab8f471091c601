//! The decoders of dictionaries and of groups of synonyms: any payload is refused, or gives words that are looked up, saved and loaded
//! again; and what any bytes sound like.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nearset::search::analysis::{Synonyms, sound};
use nearset::search::spelling::dictionary::Dictionary;
use nearset::watch::Watch;

fuzz_target!(|data: (&[u8], &[u8], u8)| {
    let (word, payload, distance) = data;
    assert!(sound(word).is_none_or(|sound| sound.len() <= 5));
    if let Ok(synonyms) = Synonyms::decode(&mut &payload[..]) {
        assert!(synonyms.of(word).count() <= synonyms.version());
        let mut again = Vec::new();
        synonyms.encode(&mut again);
        assert_eq!(Synonyms::decode(&mut &again[..]).expect("what was written loads").dump(), synonyms.dump());
    }
    if let Ok(mut dictionary) = Dictionary::decode(&mut &payload[..]) {
        assert!(dictionary.near(word, distance % 5, &Watch::default()).len() <= dictionary.len());
        let mut again = Vec::new();
        dictionary.encode(&mut again);
        assert!(Dictionary::decode(&mut &again[..]).expect("what was written loads").iter().eq(dictionary.iter()));
        let len = dictionary.len();
        assert_eq!(dictionary.add(word), dictionary.len() > len);
    }
});
