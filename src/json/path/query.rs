//! What `JSON.GET` takes: a path or a projection.

use super::ast::Expr;
use super::eval::Evaluation;
use super::expression;
use super::filter::Value;
use super::{Error, Path};
use crate::json::{Document, ValueRef};

/// A path, or an expression whose value is asked for.
#[derive(Debug, Clone)]
pub struct Query(Inner);

#[derive(Debug, Clone)]
enum Inner {
    Path(Path),
    Projection(Expr),
}

impl Query {
    /// Compiles a path or a projection. What is both is a path.
    ///
    /// # Errors
    /// As [`Path::parse`].
    pub fn parse(text: &[u8]) -> Result<Query, Error> {
        match Path::parse(text) {
            Ok(path) => Ok(Query(Inner::Path(path))),
            Err(Error::NotUtf8) => Err(Error::NotUtf8),
            Err(error) => expression::projection(text).map(|expr| Query(Inner::Projection(expr))).map_err(|_| error),
        }
    }

    /// The path, of a query that is one.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.0 {
            Inner::Path(path) => Some(path),
            Inner::Projection(_) => None,
        }
    }

    /// True for a legacy path, which stands for its first match.
    pub fn is_legacy(&self) -> bool {
        self.as_path().is_some_and(Path::is_legacy)
    }

    /// Shows all answers, in order, to `with`.
    ///
    /// # Errors
    /// [`Error::PathTooCostly`].
    pub fn answers<T>(&self, root: ValueRef<'_>, with: impl FnOnce(&[ValueRef<'_>]) -> T) -> Result<T, Error> {
        let expr = match &self.0 {
            Inner::Path(path) if path.is_root() => return Ok(with(&[root])),
            Inner::Path(path) => return Ok(with(&path.matches(root)?)),
            Inner::Projection(expr) => expr,
        };
        let value = expr.value(&Evaluation::new(root), root)?;
        Ok(match &value {
            Value::Spread(list) => with(&list.root().elements().collect::<Vec<_>>()),
            value => with(&value.nodes().collect::<Vec<_>>()),
        })
    }

    /// As [`Query::answers`], copied.
    ///
    /// # Errors
    /// As there.
    pub fn copies(&self, root: ValueRef<'_>) -> Result<Vec<Document>, Error> {
        self.answers(root, |values| values.iter().map(|value| Document::copy_of(*value)).collect())
    }
}
