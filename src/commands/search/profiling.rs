//! What FT.PROFILE says beside the reply of the command that it runs.
//!
//! Before version 8 of the server the profile is a list of pairs beside the reply, and one more member of its map in RESP3;
//! from 8 on it is that of a shard, beside those of others. Members have other names there, too.

use std::time::{Duration, Instant};

use crate::redis::context::is_redis_8;
use crate::redis::reply::Reply;
use crate::search::decimal;
use crate::search::profile::{Done, Node, What};

/// The warning of a query that found nothing since the server uses more memory than it may.
pub const NO_MEMORY: &str = "One or more shards failed to execute the query due to insufficient memory";

/// That a command is run to be looked at.
#[derive(Debug, Clone, Copy)]
pub struct Profiling {
    /// When it was asked.
    pub started: Instant,
    /// When it was read.
    pub read: Instant,
    /// When it was understood, and given to whom it is for.
    pub understood: Instant,
    /// LIMITED: what patterns stand for is counted only.
    pub limited: bool,
}

/// What rows went through.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How long it took.
    pub time: Duration,
    /// How many rows came out of it.
    pub count: u64,
}

impl Step {
    /// A step of this name.
    pub fn new(name: impl Into<String>, time: Duration, count: u64) -> Self {
        Self { name: name.into(), time, count }
    }
}

/// What came of looking.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was asked.
    pub profiling: Profiling,
    /// How long it took until somebody began.
    pub queued: Duration,
    /// The plan.
    pub done: Done,
    /// What rows went through, in order.
    pub steps: Vec<Step>,
}

impl Report {
    /// That nothing was done.
    pub fn empty(profiling: Profiling) -> Self {
        Self { profiling, queued: Duration::ZERO, done: Done::default(), steps: Vec::new() }
    }
}

/// What the reply warns of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Warnings {
    /// Time was over.
    pub timeout: bool,
    /// There was no memory to begin.
    pub no_memory: bool,
}

/// How an arm of FT.HYBRID went.
#[derive(Debug, Clone, Default)]
pub struct Arm {
    /// The plan.
    pub done: Done,
    /// What its list went through, in order.
    pub steps: Vec<Step>,
    /// What its list warns of.
    pub warnings: Warnings,
}

/// How an FT.HYBRID went.
#[derive(Debug, Clone)]
pub struct HybridReport {
    /// LIMITED, as in [`Profiling`].
    pub limited: bool,
    /// SEARCH and VSIM.
    pub arms: [Arm; 2],
    /// What the fused rows went through, in order.
    pub steps: Vec<Step>,
    /// What the fused rows warn of.
    pub warnings: Warnings,
}

/// Writes how an FT.HYBRID went, in the shape of Redis 8, which alone has the command.
pub fn write_hybrid(reply: &mut Reply<'_>, report: &HybridReport) {
    let mut writer = Writer { sharded: true, limited: report.limited, reply };
    writer.pairs(2);
    writer.reply.simple("Shards");
    writer.reply.array(1);
    writer.pairs(2);
    for (name, arm) in ["SEARCH", "VSIM"].into_iter().zip(&report.arms) {
        writer.reply.simple(name);
        writer.pairs(3);
        writer.warnings(arm.warnings);
        writer.member("Iterators profile", 1);
        writer.node(&arm.done.tree);
        writer.steps(&arm.steps);
    }
    writer.reply.simple("Coordinator");
    writer.pairs(2);
    writer.warnings(report.warnings);
    writer.steps(&report.steps);
}

/// Writes what comes before the reply; `report`: the command is run to be looked at.
pub fn begin(reply: &mut Reply<'_>, report: Option<&Report>) {
    if report.is_none() {
        return;
    }
    if !reply.resp3() {
        reply.array(2);
    } else if is_redis_8() {
        reply.map(2);
        reply.simple("Results");
    }
}

/// How many members the map of the reply itself has more.
pub fn members(report: Option<&Report>) -> usize {
    usize::from(report.is_some() && !is_redis_8())
}

/// Writes what comes after the reply.
pub fn end(reply: &mut Reply<'_>, report: Option<&Report>, warnings: Warnings) {
    let Some(report) = report else { return };
    let sharded = is_redis_8();
    if reply.resp3() {
        reply.simple(if sharded { "Profile" } else { "profile" });
    }
    let mut writer = Writer { sharded, limited: report.profiling.limited, reply };
    if sharded {
        writer.pairs(2);
        writer.reply.simple("Shards");
        writer.reply.array(1);
        writer.shard(report, warnings);
        writer.reply.simple("Coordinator");
        writer.pairs(0);
    } else {
        writer.shard(report, warnings);
    }
}

struct Writer<'a, 'r> {
    /// The shape of version 8 on.
    sharded: bool,
    limited: bool,
    reply: &'a mut Reply<'r>,
}

impl Writer<'_, '_> {
    /// Begins so many names with values: a map, flat in RESP2.
    fn pairs(&mut self, count: usize) {
        self.reply.map(count);
    }

    /// The name of a member of a shard; before version 8 a pair in RESP2, with `values` values.
    fn member(&mut self, name: &str, values: usize) {
        if !self.sharded && !self.reply.resp3() {
            self.reply.array(1 + values);
        }
        self.reply.simple(name);
    }

    fn shard(&mut self, report: &Report, warnings: Warnings) {
        let count = if self.sharded { 7 } else { 6 };
        if self.sharded || self.reply.resp3() {
            self.pairs(count)
        } else {
            self.reply.array(count)
        }
        let Profiling { started, read, understood, .. } = report.profiling;
        self.member("Total profile time", 1);
        self.time(started.elapsed());
        self.member("Parsing time", 1);
        self.time(read - started);
        if self.sharded {
            self.member("Workers queue time", 1);
            self.time(report.queued);
        }
        self.member("Pipeline creation time", 1);
        self.time(understood - read);
        self.warnings(warnings);
        self.member("Iterators profile", 1);
        if !self.sharded && self.reply.resp3() {
            self.reply.array(1);
        }
        self.node(&report.done.tree);
        self.steps(&report.steps);
    }

    fn warnings(&mut self, warnings: Warnings) {
        let mut texts = Vec::new();
        texts.extend(warnings.timeout.then_some("Timeout limit was reached"));
        texts.extend(warnings.no_memory.then_some(NO_MEMORY));
        if self.sharded {
            self.member("Warning", 1);
            texts.extend(texts.is_empty().then_some("None"));
            self.reply.array(texts.len());
            texts.iter().for_each(|text| self.reply.simple(text));
        } else if self.reply.resp3() {
            self.member("Warning", 1);
            self.reply.simple(texts.first().unwrap_or(&"None"));
        } else {
            self.member("Warning", texts.len().min(1));
            texts.iter().take(1).for_each(|text| self.reply.simple(text));
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        self.member("Result processors profile", steps.len());
        if self.sharded || self.reply.resp3() {
            self.reply.array(steps.len());
        }
        for step in steps {
            self.pairs(3);
            self.reply.simple("Type");
            self.reply.simple(&step.name);
            self.reply.simple("Time");
            self.time(step.time);
            self.reply.simple(if self.sharded { "Results processed" } else { "Counter" });
            self.count(step.count);
        }
    }

    /// Milliseconds.
    fn time(&mut self, time: Duration) {
        let milliseconds = time.as_secs_f64() * 1000.0;
        if self.reply.resp3() {
            self.reply.double(milliseconds)
        } else {
            self.reply.bulk(&decimal::exact(milliseconds))
        }
    }

    fn count(&mut self, count: u64) {
        self.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A node. Recursion is as deep as the query.
    fn node(&mut self, node: &Node) {
        let vector_mode = match &node.what {
            What::Vector(mode) => Some(*mode),
            What::Plain(kind) if kind.starts_with("METRIC") => Some("RANGE_QUERY"),
            _ => None,
        }
        .filter(|_| self.sharded);
        let own = match &node.what {
            What::Leaf { .. } => 5,
            What::Union { .. } => 4,
            _ => 3,
        };
        let own = own + usize::from(vector_mode.is_some()) + usize::from(node.was_cut);
        self.begin_node(own, node);
        self.reply.simple("Type");
        self.reply.simple(self.kind(&node.what));
        match &node.what {
            What::Leaf { term, .. } => {
                self.reply.simple("Term");
                self.reply.simple_bytes(term);
            }
            What::Union { of } => {
                self.reply.simple("Query type");
                self.reply.simple_bytes(of.as_deref().unwrap_or(b"UNION"));
            }
            _ => {}
        }
        self.reply.simple("Time");
        self.time(node.time);
        self.reply.simple(if self.sharded { "Number of reading operations" } else { "Counter" });
        self.count(node.count);
        if let What::Leaf { size, .. } = &node.what {
            self.reply.simple(if self.sharded { "Estimated number of matches" } else { "Size" });
            self.count(*size);
        }
        if let Some(mode) = vector_mode {
            self.reply.simple("Vector search mode");
            self.reply.simple(mode);
        }
        if node.was_cut {
            self.reply.simple("Warning");
            self.reply.simple("Max prefix expansion reached");
        }
        self.children(node);
    }

    fn kind(&self, what: &What) -> &'static str {
        match what {
            What::Leaf { kind, .. } => kind,
            What::Union { .. } => "UNION",
            What::Intersect => "INTERSECT",
            What::Vector(_) => "VECTOR",
            What::Plain("METRIC - VECTOR DISTANCE") if self.sharded => "METRIC SORTED BY ID - VECTOR DISTANCE",
            What::Plain(kind) => kind,
        }
    }

    /// Begins a node with so many members besides its children.
    fn begin_node(&mut self, own: usize, node: &Node) {
        let children = usize::from(has_children(node));
        if self.reply.resp3() || self.sharded || !has_list(node) {
            return self.pairs(own + children);
        }
        let listed = if self.is_limited(node) { 1 } else { node.children.len() };
        self.reply.array(2 * own + children * (1 + listed));
    }

    /// Whether what a pattern stands for is counted only.
    fn is_limited(&self, node: &Node) -> bool {
        let is_pattern = matches!(&node.what, What::Union { of: Some(of) } if **of != *b"TAG");
        self.limited && is_pattern
    }

    fn children(&mut self, node: &Node) {
        if !has_children(node) {
            return;
        }
        self.reply.simple(if has_list(node) { "Child iterators" } else { "Child iterator" });
        if self.is_limited(node) {
            let text = format!("The number of iterators in the union is {}", node.children.len());
            return self.reply.simple(&text);
        }
        if has_list(node) && (self.reply.resp3() || self.sharded) {
            self.reply.array(node.children.len());
        }
        node.children.iter().for_each(|child| self.node(child));
    }
}

/// Whether a node may have any number of children.
fn has_list(node: &Node) -> bool {
    matches!(node.what, What::Union { .. } | What::Intersect) || node.children.len() > 1
}

fn has_children(node: &Node) -> bool {
    !node.children.is_empty()
}
