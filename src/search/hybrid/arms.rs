//! The two searches, as trees of the query language: what plans, costs and measures trees, does so with these.
//!
//! SEARCH is the tree of its query. VSIM becomes a KNN with its FILTER, or the intersection of its FILTER and a range.

use super::combine::Combine;
use super::error::Error;
use super::request::HybridRequest;
use super::vsim::Method;
use crate::search::execute::{Found, Order, Request, Row, execute};
use crate::search::index::Index;
use crate::search::plan::{Measured, Settings, cost};
use crate::search::profile::Profile;
use crate::search::query::ast::{FieldRef, Kind, Knn, Node, QueryVector, VectorOptions, VectorRange};
use crate::search::query::{self, Params};
use crate::search::schema::{self, Metric, Schema};
use crate::search::score::Scorer;

/// Name of the distance within the tree of the vector arm, which no row shows.
const DISTANCE: &[u8] = b"__distance";

/// About how many nanoseconds it takes to fuse and to load a row.
const ROW: u64 = 1000;

/// The two searches of a request.
#[derive(Debug)]
pub struct Arms {
    search: Node,
    vector: Node,
    settings: Settings,
    metric: Metric,
    combine: Combine,
    /// How texts are scored.
    pub scorer: Scorer,
    /// Rows of the SEARCH arm need to know their terms.
    pub terms: bool,
    /// Rows of the SEARCH arm need to explain their scores.
    pub explain: bool,
}

/// Why there are no such arms.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// A rule of the command.
    Command(Error),
    /// The vector clause.
    Query(query::Error),
}

impl Arms {
    /// The arms of a request whose query and FILTER are read, unbound.
    ///
    /// # Errors
    /// What these trees may not hold; what the field cannot be asked.
    pub fn new(
        request: &HybridRequest,
        (search, filter): (Node, Option<Node>),
        schema: &Schema,
        (settings, scorer): (Settings, Scorer),
    ) -> Result<Self, Refusal> {
        if holds(&search, &is_vector) {
            return Err(Refusal::Command(Error::Vectors("SEARCH")));
        }
        if filter.as_ref().is_some_and(|filter| holds(filter, &is_vector)) {
            return Err(Refusal::Command(Error::Vectors("VSIM FILTER")));
        }
        if filter.as_ref().is_some_and(|filter| holds(filter, &|node| node.attributes.weight.is_some())) {
            return Err(Refusal::Command(Error::Weights));
        }
        let (vector, metric) = vector(request, filter, schema)?;
        Ok(Self {
            search,
            vector,
            settings: Settings { silent_tags: true, ..settings },
            metric,
            combine: request.combine,
            scorer,
            terms: false,
            explain: request.tail.options.explain_score,
        })
    }

    /// The tree of the vector arm.
    pub fn vector_tree(&self) -> &Node {
        &self.vector
    }

    /// Which documents of the vector arm come first, and how many of them there are to be.
    pub fn vector_order(&self) -> (Order, usize) {
        match &self.vector.kind {
            Kind::Knn(knn) => (Order::Best, knn.k),
            _ => (Order::Distance { nth: 0, descending: false }, self.combine.window),
        }
    }

    /// About how many nanoseconds both arms take, and what becomes of their rows; `None`: long.
    pub fn cost(&self, index: &Index) -> Option<u64> {
        let [text, vector] = [&self.search, &self.vector].map(|tree| cost(index, &self.settings, tree));
        Some(text?.saturating_add(vector?).saturating_add(ROW * 2 * self.combine.window as u64))
    }

    /// About how many nanoseconds the shorter arm takes; `None`: long.
    pub fn shorter(&self, index: &Index) -> Option<u64> {
        let costs = [&self.search, &self.vector].map(|tree| cost(index, &self.settings, tree));
        costs.into_iter().flatten().min()
    }

    /// Finds the documents of the SEARCH arm, scored.
    pub fn search(&self, index: &Index, profile: Option<&Profile>, cancelled: &dyn Fn() -> bool) -> Found {
        execute(
            index,
            &Request {
                settings: self.settings.clone(),
                scorer: self.scorer,
                scores: true,
                explain: self.explain,
                terms: self.terms,
                limit: self.combine.window,
                profile,
                cancelled: Some(cancelled),
                ..Request::new(&self.search)
            },
        )
    }

    /// Finds the documents of the vector arm; `measured` is what came of the candidates of a range. The rows may be candidates
    /// of KNN: [`Found::settle`].
    pub fn vector(
        &self,
        index: &Index,
        measured: Vec<Measured>,
        profile: Option<&Profile>,
        cancelled: &dyn Fn() -> bool,
    ) -> Found {
        let (order, limit) = self.vector_order();
        execute(
            index,
            &Request {
                settings: Settings { measured, ..self.settings.clone() },
                order,
                limit,
                profile,
                cancelled: Some(cancelled),
                ..Request::new(&self.vector)
            },
        )
    }

    /// How well the document of a row of the vector arm answers: from 0 to 1 where distances are.
    pub fn similarity(&self, row: &Row) -> f64 {
        let distance = row.distances.first().copied().flatten().unwrap_or(f64::INFINITY);
        match self.metric {
            Metric::L2 => 1.0 / (1.0 + distance),
            // Of the inner product, (1 + dot) / 2: the field has the distance in place of the product, and so the far before the near.
            Metric::Cosine | Metric::Ip => (1.0 + (1.0 - distance)) / 2.0,
        }
    }
}

/// Whether a node of a tree is such a one. Recursion is as deep as the tree, which the parser bounds.
fn holds(node: &Node, is_such: &dyn Fn(&Node) -> bool) -> bool {
    is_such(node)
        || match &node.kind {
            Kind::Intersect(children) | Kind::Union(children) => children.iter().any(|child| holds(child, is_such)),
            Kind::Not(child) | Kind::Optional(child) => holds(child, is_such),
            Kind::Knn(knn) => knn.filter.as_ref().is_some_and(|filter| holds(filter, is_such)),
            _ => false,
        }
}

fn is_vector(node: &Node) -> bool {
    matches!(node.kind, Kind::Knn(_) | Kind::VectorRange(_))
}

/// The tree of the vector arm, and by what its distances are measured.
fn vector(request: &HybridRequest, filter: Option<Node>, schema: &Schema) -> Result<(Node, Metric), Refusal> {
    let vsim = &request.vsim;
    let id = schema.find(&vsim.field);
    let Some(schema::Kind::Vector(field)) = id.map(|id| &schema.field(id).kind) else {
        return Err(Refusal::Command(Error::NoVectorField(vsim.field.clone())));
    };
    let params = request.tail.options.params.as_ref();
    let blob = params.and_then(|params: &Params| params.get(&vsim.parameter));
    let blob = blob.ok_or_else(|| Refusal::Query(query::Error::NoParameter(vsim.parameter.clone())))?;
    let vector = QueryVector { parameter: vsim.parameter.clone(), blob: blob.into() };
    let (field_ref, written) = (FieldRef { name: vsim.field.clone(), id }, vsim.written.clone());
    let mut tree = match vsim.method {
        Method::Knn { k } => Node::new(Kind::Knn(Knn {
            filter: filter.map(Box::new),
            // What is beyond the window takes no part in fusion.
            k: k.min(request.combine.window),
            field: field_ref,
            vector,
            options: VectorOptions::default(),
            written,
            distance_as: DISTANCE.into(),
        })),
        Method::Range { radius } => {
            let range = Node::new(Kind::VectorRange(VectorRange {
                field: field_ref,
                radius,
                vector,
                options: VectorOptions::default(),
                written,
                distance_as: Some(DISTANCE.into()),
            }));
            match filter {
                Some(filter) => Node::new(Kind::Intersect(vec![filter, range])),
                None => range,
            }
        }
    };
    query::bind(&mut tree, schema).map_err(Refusal::Query)?;
    Ok((tree, field.metric))
}
