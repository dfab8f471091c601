//! Documents as other modules read them.

use crate::error::Error;
use crate::json::{self, Document, Number, Path};
use crate::redis::json_api::{Kind, Shared};

impl Shared for Document {
    type Path = Path;

    fn path(text: &[u8]) -> Result<Path, String> {
        Path::parse(text).map_err(|error| String::from_utf8_lossy(Error::from(error).text()).into_owned())
    }

    fn is_single(path: &Path) -> bool {
        path.is_static()
    }

    fn select(&self, path: &Path) -> Vec<Document> {
        path.matches(self.root()).unwrap_or_default().into_iter().map(Document::copy_of).collect()
    }

    fn kind(&self) -> Kind {
        match self.root().kind() {
            json::Kind::Null => Kind::Null,
            json::Kind::Bool(_) => Kind::Bool,
            json::Kind::Number(Number::Int(_)) => Kind::Int,
            json::Kind::Number(_) => Kind::Double,
            json::Kind::Str(_) => Kind::String,
            json::Kind::Array => Kind::Array,
            json::Kind::Object => Kind::Object,
        }
    }

    fn length(&self) -> Option<usize> {
        match self.root().kind() {
            json::Kind::Array | json::Kind::Object => Some(self.root().len()),
            json::Kind::Str(text) => Some(text.len()),
            _ => None,
        }
    }

    fn int(&self) -> Option<i64> {
        if let json::Kind::Number(Number::Int(value)) = self.root().kind() { Some(value) } else { None }
    }

    fn double(&self) -> Option<f64> {
        if let json::Kind::Number(number) = self.root().kind() { Some(number.as_f64()) } else { None }
    }

    fn truth(&self) -> Option<bool> {
        if let json::Kind::Bool(truth) = self.root().kind() { Some(truth) } else { None }
    }

    fn text(&self) -> Option<&[u8]> {
        if let json::Kind::Str(text) = self.root().kind() { Some(text) } else { None }
    }

    fn element(&self, index: usize) -> Option<Document> {
        let (_, element) = self.root().child(index).filter(|_| self.root().is_array())?;
        Some(Document::copy_of(element))
    }

    fn members(&self) -> Option<Vec<(Box<[u8]>, Document)>> {
        let members = self.root().is_object().then(|| self.root().children())?;
        Some(members.map(|(key, value)| (key.into(), Document::copy_of(value))).collect())
    }

    fn json(&self) -> Vec<u8> {
        self.to_text()
    }

    fn json_array(values: &[Document]) -> Vec<u8> {
        let texts: Vec<Vec<u8>> = values.iter().map(Document::to_text).collect();
        [b"[", texts.join(&b","[..]).as_slice(), b"]"].concat()
    }
}
