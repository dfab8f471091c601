//! The texts of the vector-set commands: those of Redis 8, which clients look for.

use super::Error;
use crate::vset::Error as Fact;

impl From<Fact> for Error {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::InvalidVector => Self::fixed("ERR invalid vector specification"),
            Fact::Quantization => Self::fixed("ERR asked quantization mismatch with existing vector set"),
            Fact::M => Self::fixed("ERR asked M value mismatch with existing vector set"),
            Fact::Dimension { got, have } => {
                Self::composed(format!("ERR Vector dimension mismatch - got {got} but set has {have}"))
            }
            Fact::Unprojected => Self::fixed("ERR cannot add projection to existing set without projection"),
            Fact::ProjectionInput { got, expected } => Self::composed(format!(
                "ERR Input dimension mismatch for projection - got {got} but projection expects {expected}"
            )),
            Fact::ElementNotFound => Self::fixed("ERR element not found in set"),
            Fact::Filter(syntax) => {
                Self::composed([b"ERR syntax error in FILTER expression near: ", &syntax.near[..]].concat())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vset::filter::Filter;

    #[test]
    fn texts_are_those_of_the_field() {
        let text = |fact: Fact| String::from_utf8(Error::from(fact).text().to_vec()).unwrap();
        assert_eq!(text(Fact::Dimension { got: 4, have: 2 }), "ERR Vector dimension mismatch - got 4 but set has 2");
        let syntax = Filter::compile(b".n=5").unwrap_err();
        assert_eq!(text(Fact::Filter(syntax)), "ERR syntax error in FILTER expression near: 5");
    }
}
