//! How FT.SEARCH is to show texts: SUMMARIZE and HIGHLIGHT (specification of the rest, section 4).
//!
//! Either may come again for other fields. What names a field goes before what is for all fields, and the last that names it
//! before those before it.

use super::Error;
use crate::search::arguments::Words;
use crate::search::highlight::{Look, Summary, Tags};

/// An option and the fields that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct For<T> {
    /// FIELDS; none: all.
    fields: Vec<Box<[u8]>>,
    option: T,
}

/// What is asked about the texts of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presentation {
    summaries: Vec<For<Summary>>,
    highlights: Vec<For<Tags>>,
}

impl Presentation {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.summaries.is_empty() && self.highlights.is_empty()
    }

    /// Takes SUMMARIZE or HIGHLIGHT, and what belongs to it.
    ///
    /// # Errors
    /// [`Error::Presentation`].
    pub fn accept(&mut self, words: &mut Words) -> Result<bool, Error> {
        if words.accept("SUMMARIZE") {
            self.summaries.push(summary(words).ok_or(Error::Presentation("SUMMARIZE"))?);
        } else if words.accept("HIGHLIGHT") {
            self.highlights.push(highlight(words).ok_or(Error::Presentation("HIGHLIGHT"))?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The fields that are named, in their order.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let summaries = self.summaries.iter().flat_map(|summary| &summary.fields);
        summaries.chain(self.highlights.iter().flat_map(|highlight| &highlight.fields)).map(|name| &**name)
    }

    /// How the field of this name is shown.
    pub fn of(&self, field: &[u8]) -> Look<'_> {
        Look { summary: for_field(&self.summaries, field), tags: for_field(&self.highlights, field) }
    }
}

fn for_field<'a, T>(options: &'a [For<T>], field: &[u8]) -> Option<&'a T> {
    let named = options.iter().rev().find(|option| option.fields.iter().any(|name| **name == *field));
    let chosen = named.or_else(|| options.iter().rev().find(|option| option.fields.is_empty()));
    chosen.map(|option| &option.option)
}

fn fields(words: &mut Words) -> Option<Vec<Box<[u8]>>> {
    Some(words.counted().ok()?.into_iter().map(Box::from).collect())
}

/// A count of 32 bits.
fn count(words: &mut Words) -> Option<usize> {
    words.count(0).ok().filter(|count| u32::try_from(*count).is_ok())
}

fn summary(words: &mut Words) -> Option<For<Summary>> {
    let mut summary = For { fields: Vec::new(), option: Summary::default() };
    loop {
        if words.accept("FIELDS") {
            summary.fields = fields(words)?;
        } else if words.accept("FRAGS") {
            summary.option.fragments = count(words)?;
        } else if words.accept("LEN") {
            summary.option.words = count(words)?;
        } else if words.accept("SEPARATOR") {
            summary.option.separator = words.word().ok()?.into();
        } else {
            return Some(summary);
        }
    }
}

fn highlight(words: &mut Words) -> Option<For<Tags>> {
    let mut highlight = For { fields: Vec::new(), option: Tags::default() };
    loop {
        if words.accept("FIELDS") {
            highlight.fields = fields(words)?;
        } else if words.accept("TAGS") {
            let (open, close) = (words.word().ok()?.into(), words.word().ok()?.into());
            highlight.option = Tags { open, close };
        } else {
            return Some(highlight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Presentation, Error> {
        let mut words = Words::new(line.split(' ').map(str::as_bytes));
        let mut presentation = Presentation::default();
        while presentation.accept(&mut words)? {}
        assert!(words.is_empty(), "{line}");
        Ok(presentation)
    }

    #[test]
    fn what_names_a_field_goes_before_what_is_for_all() {
        for line in [
            "HIGHLIGHT TAGS [ ] HIGHLIGHT FIELDS 2 x t TAGS ( ) SUMMARIZE FIELDS 1 u LEN 2 LEN 4",
            "SUMMARIZE FIELDS 1 u LEN 4 FRAGS 3 HIGHLIGHT FIELDS 1 t HIGHLIGHT FIELDS 1 t TAGS ( ) HIGHLIGHT TAGS [ ]",
        ] {
            let asked = read(line).expect(line);
            let (t, u) = (asked.of(b"t"), asked.of(b"u"));
            assert_eq!(t.tags.map(|tags| &*tags.open), Some(&b"("[..]), "{line}");
            assert_eq!(u.tags.map(|tags| &*tags.close), Some(&b"]"[..]), "{line}");
            assert_eq!((t.summary, u.summary.map(|summary| summary.words)), (None, Some(4)), "{line}");
        }
        let asked = read("SUMMARIZE FIELDS 0 HIGHLIGHT FIELDS 1 t").expect("well-formed");
        assert_eq!((asked.of(b"u").summary, asked.of(b"u").tags), (Some(&Summary::default()), None));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for line in [
            "HIGHLIGHT TAGS",
            "HIGHLIGHT TAGS a",
            "HIGHLIGHT FIELDS",
            "HIGHLIGHT FIELDS x",
            "HIGHLIGHT FIELDS 2 t",
            "HIGHLIGHT FIELDS -1 t",
        ] {
            assert_eq!(read(line), Err(Error::Presentation("HIGHLIGHT")), "{line}");
        }
        for line in [
            "SUMMARIZE LEN",
            "SUMMARIZE LEN x",
            "SUMMARIZE LEN -1",
            "SUMMARIZE FRAGS 4294967296",
            "SUMMARIZE SEPARATOR",
        ] {
            assert_eq!(read(line), Err(Error::Presentation("SUMMARIZE")), "{line}");
        }
        assert!(read("SUMMARIZE FRAGS 4294967295 LEN 0x3 LEN 1e1").is_ok());
    }
}
