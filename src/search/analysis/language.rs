//! Languages that texts are stemmed in. A language without an algorithm has no name here, and is refused.

use frostem::Algorithm;

use crate::search::arguments::{lookup, name_of};

/// A language that texts can be stemmed in, or cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Language {
    Arabic,
    Armenian,
    Basque,
    Catalan,
    Chinese,
    Danish,
    Dutch,
    #[default]
    English,
    Finnish,
    French,
    German,
    Greek,
    Hindi,
    Hungarian,
    Indonesian,
    Irish,
    Italian,
    Lithuanian,
    Nepali,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Serbian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    Yiddish,
}

/// Every language by the name that clients use.
const NAMES: &[(&str, Language)] = &[
    ("arabic", Language::Arabic),
    ("armenian", Language::Armenian),
    ("basque", Language::Basque),
    ("catalan", Language::Catalan),
    ("chinese", Language::Chinese),
    ("danish", Language::Danish),
    ("dutch", Language::Dutch),
    ("english", Language::English),
    ("finnish", Language::Finnish),
    ("french", Language::French),
    ("german", Language::German),
    ("greek", Language::Greek),
    ("hindi", Language::Hindi),
    ("hungarian", Language::Hungarian),
    ("indonesian", Language::Indonesian),
    ("irish", Language::Irish),
    ("italian", Language::Italian),
    ("lithuanian", Language::Lithuanian),
    ("nepali", Language::Nepali),
    ("norwegian", Language::Norwegian),
    ("portuguese", Language::Portuguese),
    ("romanian", Language::Romanian),
    ("russian", Language::Russian),
    ("serbian", Language::Serbian),
    ("spanish", Language::Spanish),
    ("swedish", Language::Swedish),
    ("tamil", Language::Tamil),
    ("turkish", Language::Turkish),
    ("yiddish", Language::Yiddish),
];

impl Language {
    /// The language of this name, in any case.
    pub fn named(name: &[u8]) -> Option<Self> {
        lookup(NAMES, name)
    }

    /// Every language.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, language)| *language)
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        name_of(NAMES, &self).unwrap_or("english")
    }

    /// The Snowball algorithm that stems it; Chinese has none, it is cut into words.
    pub(super) fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Self::Arabic => Algorithm::Arabic,
            Self::Armenian => Algorithm::Armenian,
            Self::Basque => Algorithm::Basque,
            Self::Catalan => Algorithm::Catalan,
            Self::Danish => Algorithm::Danish,
            Self::Dutch => Algorithm::Dutch,
            Self::English => Algorithm::English,
            Self::Finnish => Algorithm::Finnish,
            Self::French => Algorithm::French,
            Self::German => Algorithm::German,
            Self::Greek => Algorithm::Greek,
            Self::Hindi => Algorithm::Hindi,
            Self::Hungarian => Algorithm::Hungarian,
            Self::Indonesian => Algorithm::Indonesian,
            Self::Irish => Algorithm::Irish,
            Self::Italian => Algorithm::Italian,
            Self::Lithuanian => Algorithm::Lithuanian,
            Self::Nepali => Algorithm::Nepali,
            Self::Norwegian => Algorithm::Norwegian,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Romanian => Algorithm::Romanian,
            Self::Russian => Algorithm::Russian,
            Self::Serbian => Algorithm::Serbian,
            Self::Spanish => Algorithm::Spanish,
            Self::Swedish => Algorithm::Swedish,
            Self::Tamil => Algorithm::Tamil,
            Self::Turkish => Algorithm::Turkish,
            Self::Yiddish => Algorithm::Yiddish,
            Self::Chinese => return None,
        })
    }
}
