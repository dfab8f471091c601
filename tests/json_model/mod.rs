//! A naive model of JSONPath, for tests and fuzzing: documents and paths made from bytes, and the paths' answers worked out
//! without any cleverness over `serde_json::Value`.

use serde_json::Value;

/// Choices drawn from bytes; 0 for ever at the end, which every generator takes for its simplest case.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first % bound
    }

    /// A document at most `depth` containers deep.
    pub fn document(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0 => Value::Null,
            1 => Value::from(self.below(2) == 1),
            2 => Value::from(i64::from(self.below(9)) - 3),
            3 => Value::from(f64::from(self.below(9)) / 2.0),
            4 => Value::from(["", "x", "foo", "é\n"][usize::from(self.below(4))]),
            5 => Value::from(u64::MAX - u64::from(self.below(2))),
            6 | 7 => (0..self.below(5)).map(|_| self.document(depth - 1)).collect::<Vec<_>>().into(),
            _ => Value::Object((0..self.below(5)).map(|_| (self.name(), self.document(depth - 1))).collect()),
        }
    }

    fn name(&mut self) -> String {
        ["a", "b", "c", "x-y", "", "q\"'\\t", "é"][usize::from(self.below(7))].into()
    }

    fn small(&mut self) -> i64 {
        i64::from(self.below(9)) - 4
    }

    /// A path of up to three segments, with filters down to `depth`: small enough for the naive evaluator.
    pub fn path(&mut self, depth: usize) -> Vec<Segment> {
        (0..self.below(4)).map(|_| self.segment(depth)).collect()
    }

    fn segment(&mut self, depth: usize) -> Segment {
        let descend = self.below(5) == 4;
        let count = if self.below(4) == 3 { 2 } else { 1 };
        Segment { descend, selectors: (0..count).map(|_| self.selector(depth)).collect() }
    }

    fn selector(&mut self, depth: usize) -> Selector {
        match self.below(if depth == 0 { 7 } else { 9 }) {
            0..3 => Selector::Name(self.name()),
            3 => Selector::Wildcard,
            4 | 5 => Selector::Index(self.small()),
            6 => {
                let mut bound = || (self.below(3) > 0).then(|| self.small());
                let (start, end) = (bound(), bound());
                Selector::Slice(start, end, self.small())
            }
            _ => Selector::Filter(self.filter(depth - 1)),
        }
    }

    fn filter(&mut self, depth: usize) -> Filter {
        match self.below(if depth == 0 { 3 } else { 6 }) {
            0 => Filter::Exists(self.below(4) == 3, self.path(depth)),
            1 | 2 => Filter::Compare(usize::from(self.below(6)), self.operand(), self.operand()),
            3 => Filter::Not(Box::new(self.filter(depth - 1))),
            4 => Filter::And(Box::new(self.filter(depth - 1)), Box::new(self.filter(depth - 1))),
            _ => Filter::Or(Box::new(self.filter(depth - 1)), Box::new(self.filter(depth - 1))),
        }
    }

    fn operand(&mut self) -> Operand {
        if self.below(2) == 0 {
            return Operand::Literal(self.document(0));
        }
        let absolute = self.below(4) == 3;
        let step = |choices: &mut Self| match choices.below(2) {
            0 => Selector::Name(choices.name()),
            _ => Selector::Index(choices.small()),
        };
        let segments = (0..self.below(3)).map(|_| Segment { descend: false, selectors: vec![step(self)] }).collect();
        Operand::Path(absolute, segments)
    }
}

#[derive(Debug)]
pub struct Segment {
    descend: bool,
    selectors: Vec<Selector>,
}

#[derive(Debug)]
enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Filter(Filter),
}

#[derive(Debug)]
enum Filter {
    Exists(bool, Vec<Segment>),
    Compare(usize, Operand, Operand),
    Not(Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

#[derive(Debug)]
enum Operand {
    Literal(Value),
    Path(bool, Vec<Segment>),
}

const OPERATORS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

/// The path's text after its `$` or `@`.
pub fn text(segments: &[Segment]) -> String {
    let segment = |segment: &Segment| {
        let selectors: Vec<String> = segment.selectors.iter().map(selector_text).collect();
        format!("{}[{}]", if segment.descend { ".." } else { "" }, selectors.join(","))
    };
    segments.iter().map(segment).collect()
}

fn selector_text(selector: &Selector) -> String {
    let bound = |bound: &Option<i64>| bound.map_or(String::new(), |bound| bound.to_string());
    match selector {
        Selector::Name(name) => Value::from(name.as_str()).to_string(),
        Selector::Wildcard => "*".into(),
        Selector::Index(index) => index.to_string(),
        Selector::Slice(start, end, step) => format!("{}:{}:{step}", bound(start), bound(end)),
        Selector::Filter(filter) => format!("?{}", filter_text(filter)),
    }
}

fn filter_text(filter: &Filter) -> String {
    match filter {
        Filter::Exists(absolute, path) => format!("{}{}", if *absolute { '$' } else { '@' }, text(path)),
        Filter::Compare(operator, a, b) => format!("{} {} {}", operand_text(a), OPERATORS[*operator], operand_text(b)),
        Filter::Not(inner) => format!("!({})", filter_text(inner)),
        Filter::And(a, b) => format!("({}) && ({})", filter_text(a), filter_text(b)),
        Filter::Or(a, b) => format!("(({}) || ({}))", filter_text(a), filter_text(b)),
    }
}

fn operand_text(operand: &Operand) -> String {
    match operand {
        Operand::Literal(value) => value.to_string(),
        Operand::Path(absolute, path) => format!("{}{}", if *absolute { '$' } else { '@' }, text(path)),
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

/// All matches, in the order of RFC 9535.
pub fn evaluate<'v>(root: &'v Value, start: &'v Value, segments: &[Segment]) -> Vec<&'v Value> {
    let mut found = vec![start];
    for segment in segments {
        let mut next = Vec::new();
        for value in found {
            let mut from = vec![value];
            while let Some(value) = from.pop() {
                segment.selectors.iter().for_each(|selector| select(root, value, selector, &mut next));
                if segment.descend {
                    from.extend(children(value).into_iter().rev());
                }
            }
        }
        found = next;
    }
    found
}

fn select<'v>(root: &'v Value, value: &'v Value, selector: &Selector, out: &mut Vec<&'v Value>) {
    let elements = value.as_array().map_or(&[] as &[Value], Vec::as_slice);
    let len = elements.len() as i64;
    let place = |index: i64| if index < 0 { index + len } else { index };
    match selector {
        Selector::Name(name) => out.extend(value.as_object().and_then(|members| members.get(name))),
        Selector::Wildcard => out.extend(children(value)),
        Selector::Index(index) => out.extend(usize::try_from(place(*index)).ok().and_then(|at| elements.get(at))),
        Selector::Slice(start, end, step) if *step > 0 => {
            let (mut at, end) = (start.map_or(0, |at| place(at).max(0)), end.map_or(len, |at| place(at).min(len)));
            while at < end {
                out.push(&elements[at as usize]);
                at += step;
            }
        }
        Selector::Slice(start, end, step) if *step < 0 => {
            let (start, end) =
                (start.map_or(len - 1, |at| place(at).min(len - 1)), end.map_or(-1, |at| place(at).max(-1)));
            let mut at = start;
            while at > end {
                out.push(&elements[at as usize]);
                at += step;
            }
        }
        Selector::Slice(..) => {}
        Selector::Filter(filter) => out.extend(children(value).into_iter().filter(|child| holds(root, child, filter))),
    }
}

fn holds(root: &Value, current: &Value, filter: &Filter) -> bool {
    match filter {
        Filter::Exists(absolute, path) => !evaluate(root, if *absolute { root } else { current }, path).is_empty(),
        Filter::Not(inner) => !holds(root, current, inner),
        Filter::And(a, b) => holds(root, current, a) && holds(root, current, b),
        Filter::Or(a, b) => holds(root, current, a) || holds(root, current, b),
        Filter::Compare(operator, a, b) => {
            let of = |operand: &Operand| -> Option<Value> {
                match operand {
                    Operand::Literal(value) => Some(value.clone()),
                    Operand::Path(absolute, path) => {
                        evaluate(root, if *absolute { root } else { current }, path).first().map(|v| (*v).clone())
                    }
                }
            };
            let (a, b) = (of(a), of(b));
            match *operator {
                0 => equal(&a, &b),
                1 => !equal(&a, &b),
                2 => less(&a, &b),
                3 => less(&a, &b) || equal(&a, &b),
                4 => less(&b, &a),
                _ => less(&b, &a) || equal(&a, &b),
            }
        }
    }
}

fn equal(a: &Option<Value>, b: &Option<Value>) -> bool {
    match (a, b) {
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(&Some(a.clone()), &Some(b.clone())))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(&Some(a.clone()), &Some(b.clone()))))
        }
        (Some(Value::Number(_)), Some(Value::Number(_))) => !less(a, b) && !less(b, a),
        _ => a == b,
    }
}

fn less(a: &Option<Value>, b: &Option<Value>) -> bool {
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => a < b,
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            // The model's doubles are halves and small, so that all of its numbers are exact in halves.
            let halves = |n: &serde_json::Number| {
                n.as_i64()
                    .map(i128::from)
                    .or(n.as_u64().map(i128::from))
                    .map_or_else(|| (n.as_f64().unwrap() * 2.0) as i128, |n| n * 2)
            };
            halves(a) < halves(b)
        }
        _ => false,
    }
}
