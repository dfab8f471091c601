//! How long steps worked and how many rows came out of them, for FT.PROFILE.

use std::time::Duration;

use super::plan::{Plan, Sink, Stream};

/// What the steps of a plan have done.
#[derive(Debug)]
pub struct Tally {
    /// For each stage: its steps, and what ends it; `None` where it was not done.
    stages: Vec<Vec<Option<(Duration, u64)>>>,
}

impl Tally {
    /// Nothing done yet.
    pub fn new(plan: &Plan) -> Self {
        Self { stages: plan.stages.iter().map(|stage| vec![None; stage.steps.len() + 1]).collect() }
    }

    /// Adds what a step has done; the step after the last is what ends the stage.
    pub fn add(&mut self, stage: usize, step: usize, (time, rows): (Duration, u64)) {
        if let Some(done) = self.stages.get_mut(stage).and_then(|steps| steps.get_mut(step)) {
            let (took, count) = done.get_or_insert_default();
            *took += time;
            *count += rows;
        }
    }

    /// The steps that were done, by their names.
    pub fn named(&self, plan: &Plan) -> Vec<(String, Duration, u64)> {
        let mut named = Vec::new();
        for (stage, done) in plan.stages.iter().zip(&self.stages) {
            let steps = stage.steps.iter().map(|step| match step {
                Stream::Load(_) => Some("Loader".to_owned()),
                Stream::Apply(expression, _) => Some(format!("Projector - {}", expression.root())),
                Stream::Filter(expression) => Some(format!("Filter - {}", expression.root())),
                Stream::Limit { .. } => Some("Pager/Limiter".to_owned()),
            });
            let sink = match stage.sink {
                Sink::Sort { .. } => Some("Sorter".to_owned()),
                Sink::Group { .. } => Some("Grouper".to_owned()),
                Sink::Output => None,
            };
            let names = steps.chain([sink]).zip(done);
            named.extend(names.filter_map(|(name, done)| Some((name?, done.as_ref()?.0, done.as_ref()?.1))));
        }
        named
    }
}
