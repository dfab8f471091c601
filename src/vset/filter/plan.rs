//! An expression in the form in which it can be asked of many elements at once.
//!
//! Most filters compare fields with constants and combine that by `and`, `or` and `not`. Of such an expression each
//! comparison is answered for a block of elements, two bits for each: whether it is true, and whether it may be; and the bits
//! are combined. What compares fields with each other or computes with them has no [`Plan`]; it is asked of one element after
//! the other.
//!
//! What a comparison says of a value is asked of the evaluation, once for each text of a column and for each range of numbers
//! in which it says the same ([`ranges`]). So a block is asked which of its codes are within a few ranges. Comparisons of one
//! field are combined before that ([`Plan::joined`]): a range of numbers is one question. Elements of which the codes do not
//! say enough are asked themselves, if it is they that matter.

use std::ops::RangeInclusive;

use super::evaluation::apply;
use super::lexer::Literal;
use super::lexer::Operator;
use super::program::{Program, Step};
use crate::vector::within::{Span, WORD, each_where, within};
use crate::vset::attributes::Value;
use crate::vset::memo::{BLOCK, Column, MISSING, NULL, TEXT, UNSAID, WORDS, is_mark};

/// More ranges of codes than this are looked up in a table.
const MANY: usize = 16;
/// Fields that an expression with a plan has at most.
const FIELDS: usize = 4;
/// Steps that such an expression's program has at most.
const STEPS: usize = 64;

/// A bit for each element of a block.
type Bits = [u64; WORDS];

/// See the module's documentation.
#[derive(Debug, PartialEq)]
pub(in crate::vset) struct Plan<'a> {
    fields: Vec<&'a [u8]>,
    /// In postfix order.
    steps: Vec<Do<'a>>,
}

#[derive(Debug, PartialEq)]
enum Do<'a> {
    /// Push what a field's comparison with a constant says.
    Compare { field: usize, operator: Operator, constant: &'a Literal, field_first: bool },
    /// Push whether a field is true.
    Truth { field: usize },
    /// Combine the last two.
    And,
    /// Combine the last two.
    Or,
    /// Turn the last.
    Not,
}

/// What stands on the stack while a program is read.
#[derive(Clone, Copy)]
enum Operand<'a> {
    Constant(&'a Literal),
    Field(usize),
    /// The result of steps.
    Bits,
}

impl<'a> Plan<'a> {
    /// The plan of a program, if it has one.
    pub(super) fn of(program: &'a Program) -> Option<Self> {
        if program.steps.len() > STEPS {
            return None;
        }
        let mut plan = Self { fields: Vec::new(), steps: Vec::new() };
        let mut stack = Vec::new();
        for step in &program.steps {
            let operand = match step {
                Step::Push(literal) => Operand::Constant(literal),
                Step::Field(name) => Operand::Field(plan.field(name)?),
                Step::Apply(Operator::Not) => {
                    let operand = stack.pop()?;
                    plan.push_bits(operand)?;
                    plan.push(Do::Not)
                }
                Step::Apply(operator) => {
                    let b = stack.pop()?;
                    let a = stack.pop()?;
                    plan.combine(*operator, a, b)?
                }
            };
            stack.push(operand);
        }
        plan.push_bits(stack.pop()?)?;
        Some(plan)
    }

    /// The fields that it asks for.
    pub fn fields(&self) -> &[&'a [u8]] {
        &self.fields
    }

    fn field(&mut self, name: &'a [u8]) -> Option<usize> {
        let place = self.fields.iter().position(|field| *field == name);
        if place.is_none() && self.fields.len() < FIELDS {
            self.fields.push(name);
            return Some(self.fields.len() - 1);
        }
        place
    }

    fn push(&mut self, step: Do<'a>) -> Operand<'a> {
        self.steps.push(step);
        Operand::Bits
    }

    /// Pushes whether an operand is true, if it is not the result of steps already.
    fn push_bits(&mut self, operand: Operand<'a>) -> Option<()> {
        match operand {
            Operand::Constant(_) => return None,
            Operand::Field(field) => _ = self.push(Do::Truth { field }),
            Operand::Bits => {}
        }
        Some(())
    }

    fn combine(&mut self, operator: Operator, a: Operand<'a>, b: Operand<'a>) -> Option<Operand<'a>> {
        match operator {
            Operator::And | Operator::Or => {
                // In whatever order they come to stand.
                self.push_bits(a)?;
                self.push_bits(b)?;
                Some(self.push(if operator == Operator::And { Do::And } else { Do::Or }))
            }
            Operator::Greater
            | Operator::GreaterEqual
            | Operator::Less
            | Operator::LessEqual
            | Operator::Equal
            | Operator::NotEqual
            | Operator::In => {
                let (field, constant, field_first) = match (a, b) {
                    (Operand::Field(field), Operand::Constant(constant)) => (field, constant, true),
                    (Operand::Constant(constant), Operand::Field(field)) => (field, constant, false),
                    _ => return None,
                };
                Some(self.push(Do::Compare { field, operator, constant, field_first }))
            }
            _ => None,
        }
    }

    /// Its steps for some columns; those that compare a field with constants and combine that, and nothing else, as one
    /// comparison of the field's codes.
    fn joined(&self, columns: &[&Column]) -> Vec<Joined> {
        let mut steps = Vec::new();
        // What the codes of one field say is no step yet: it may be joined with what comes.
        let mut stack: Vec<Option<(usize, Ranges)>> = Vec::new();
        for step in &self.steps {
            let operand = match step {
                Do::Compare { field, .. } | Do::Truth { field } => {
                    Some((*field, columns.get(*field).map_or_else(Vec::new, |column| ranges(step, column))))
                }
                Do::Not => match stack.pop().flatten() {
                    Some((field, ranges)) => Some((field, turned(ranges))),
                    None => {
                        steps.push(Joined::Not);
                        None
                    }
                },
                Do::And | Do::Or => {
                    let is_and = *step == Do::And;
                    match (stack.pop().flatten(), stack.pop().flatten()) {
                        (Some((a, left)), Some((b, right))) if a == b => Some((a, combined(&left, &right, is_and))),
                        (a, b) => {
                            // In whatever order they come to stand.
                            steps.extend([a, b].into_iter().flatten().map(Joined::compare));
                            steps.push(if is_and { Joined::And } else { Joined::Or });
                            None
                        }
                    }
                }
            };
            stack.push(operand);
        }
        steps.extend(stack.into_iter().flatten().map(Joined::compare));
        steps
    }

    /// A bit for each node that passes, by the columns of [`Plan::fields`]; `ask` tells it of a node of which the columns do
    /// not say enough.
    pub fn passing(&self, columns: &[&Column], ask: impl Fn(u32) -> bool) -> Vec<u64> {
        let steps = self.joined(columns);
        let blocks = columns.iter().map(|column| column.len()).min().unwrap_or(0);
        // No comparison is true of what is missing.
        let all_needed = !self.steps.iter().any(|step| matches!(step, Do::Or | Do::Not));
        let mut words = Vec::with_capacity(blocks * WORDS);
        let mut stack = Vec::with_capacity(self.steps.len());
        for block in 0..blocks {
            let codes: Vec<&[u16; BLOCK]> = columns.iter().filter_map(|column| column.block(block)).collect();
            steps.iter().for_each(|step| run(step, &codes, &mut stack));
            let Says { yes: mut passes, maybe } = stack.pop().unwrap_or_default();
            for (word, (passes, maybe)) in passes.iter_mut().zip(maybe).enumerate() {
                each_bit(maybe & !*passes, |bit| {
                    let row = (block * BLOCK + word * WORD + bit) as u32;
                    *passes |= u64::from(ask(row)) << bit;
                });
            }
            // Who lacks one of the fields doesn't pass, whatever the expression makes of the others.
            for codes in codes.iter().filter(|_| !all_needed) {
                let mut missing = [0; WORDS];
                within(*codes, &[Span::new(MISSING..=MISSING)], &mut missing);
                passes.iter_mut().zip(missing).for_each(|(passes, missing)| *passes &= !missing);
            }
            words.extend_from_slice(&passes);
        }
        words
    }
}

/// What the steps so far say of the elements of a block.
#[derive(Clone, Copy)]
struct Says {
    /// They are true.
    yes: Bits,
    /// They are true, or the columns do not tell.
    maybe: Bits,
}

impl Default for Says {
    fn default() -> Self {
        Self { yes: [0; WORDS], maybe: [0; WORDS] }
    }
}

impl Says {
    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        let each = |a: &mut Bits, b: &Bits| a.iter_mut().zip(b).for_each(|(a, b)| *a = with(*a, *b));
        each(&mut self.yes, &other.yes);
        each(&mut self.maybe, &other.maybe);
    }
}

fn each_bit(mut word: u64, mut visit: impl FnMut(usize)) {
    while word != 0 {
        visit(word.trailing_zeros() as usize);
        word &= word - 1;
    }
}

/// Runs a step; the stack has what it needs, since the program has.
fn run(step: &Joined, codes: &[&[u16; BLOCK]], stack: &mut Vec<Says>) {
    match step {
        Joined::Compare { field, yes, unsaid } => {
            let mut says = Says::default();
            if let Some(codes) = codes.get(*field) {
                yes.bits(codes, &mut says.yes);
                unsaid.bits(codes, &mut says.maybe);
                says.maybe.iter_mut().zip(says.yes).for_each(|(maybe, yes)| *maybe |= yes);
            }
            stack.push(says);
        }
        Joined::Not => {
            let Some(says) = stack.last_mut() else { return };
            std::mem::swap(&mut says.yes, &mut says.maybe);
            says.yes.iter_mut().chain(&mut says.maybe).for_each(|word| *word = !*word);
        }
        Joined::And | Joined::Or => {
            let (Some(b), Some(a)) = (stack.pop(), stack.last_mut()) else { return };
            match step {
                Joined::And => a.combine(&b, |a, b| a & b),
                _ => a.combine(&b, |a, b| a | b),
            }
        }
    }
}

/// Some of a column's codes.
enum Codes {
    Spans(Vec<Span>),
    /// Where there are many spans: whether it is, for each code.
    Table(Vec<bool>),
}

impl Codes {
    /// Those of the ranges, which ascend, for which the function says so.
    fn of(ranges: &Ranges, is: impl Fn(Truth) -> bool) -> Self {
        let mut joined: Vec<RangeInclusive<u16>> = Vec::new();
        for (range, _) in ranges.iter().filter(|(range, truth)| !range.is_empty() && is(*truth)) {
            match joined.last_mut() {
                Some(last) if *last.end() + 1 == *range.start() => *last = *last.start()..=*range.end(),
                _ => joined.push(range.clone()),
            }
        }
        if joined.len() <= MANY {
            return Self::Spans(joined.into_iter().map(Span::new).collect());
        }
        let mut table = vec![false; usize::from(u16::MAX) + 1];
        joined.into_iter().for_each(|range| {
            table[usize::from(*range.start())..=usize::from(*range.end())].fill(true);
        });
        Self::Table(table)
    }

    /// Makes `bits`, of which none is set, say which of the codes they are.
    fn bits(&self, codes: &[u16; BLOCK], bits: &mut Bits) {
        match self {
            Self::Spans(spans) if spans.is_empty() => {}
            Self::Spans(spans) => within(codes, spans, bits),
            Self::Table(table) => each_where(codes, |code| table[usize::from(code)], bits),
        }
    }
}

/// What a comparison says of an element. Of two, `and` is the lesser, `or` the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Unsaid,
    Yes,
}

impl From<bool> for Truth {
    fn from(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

/// What is said of a column's codes: ranges that ascend without gaps, from the first code of a value to the last one, the same
/// two whatever is said.
type Ranges = Vec<(RangeInclusive<u16>, Truth)>;

/// A step of a plan for some columns.
enum Joined {
    /// Push what the codes of a field say: of which it is true, and of which they don't tell.
    Compare { field: usize, yes: Codes, unsaid: Codes },
    /// Combine the last two.
    And,
    /// Combine the last two.
    Or,
    /// Turn the last.
    Not,
}

impl Joined {
    fn compare((field, ranges): (usize, Ranges)) -> Self {
        let codes = |of| Codes::of(&ranges, |truth| truth == of);
        Self::Compare { field, yes: codes(Truth::Yes), unsaid: codes(Truth::Unsaid) }
    }
}

/// What a comparison of a field says of its column's codes.
fn ranges(step: &Do<'_>, column: &Column) -> Ranges {
    // What no element has may be in any range.
    let unsaid = if column.has_unsaid() { Truth::Unsaid } else { says(step, Value::Null).into() };
    let mut ranges = vec![(UNSAID..=UNSAID, unsaid), (NULL..=NULL, says(step, Value::Null).into())];
    let texts = (TEXT..).zip(column.texts());
    ranges.extend(texts.map(|(code, text)| (code..=code, says(step, Value::Text(text)).into())));
    numbers(step, column, &mut ranges);
    ranges
}

/// The opposite of what is said.
fn turned(mut ranges: Ranges) -> Ranges {
    for (_, truth) in &mut ranges {
        *truth = match truth {
            Truth::No => Truth::Yes,
            Truth::Unsaid => Truth::Unsaid,
            Truth::Yes => Truth::No,
        };
    }
    ranges
}

/// What is said of a column's codes by both comparisons, or by one of them.
fn combined(left: &Ranges, right: &Ranges, is_and: bool) -> Ranges {
    let mut out = Ranges::new();
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some((a, says)), Some((b, too))) = (left.peek(), right.peek()) {
        let (first, last) = (*a.start().max(b.start()), *a.end().min(b.end()));
        let truth = if is_and { *says.min(too) } else { *says.max(too) };
        match out.last_mut() {
            Some((range, same)) if *same == truth => *range = *range.start()..=last,
            _ => out.push((first..=last, truth)),
        }
        left.next_if(|(range, _)| *range.end() == last);
        right.next_if(|(range, _)| *range.end() == last);
    }
    out
}

/// Appends what a comparison says of a column's codes of numbers. Between the constants that it compares with, it says the
/// same of all numbers.
fn numbers(step: &Do<'_>, column: &Column, ranges: &mut Ranges) {
    // The codes of texts that are not there stand for nothing: they may be in any range.
    let (mut below, mut next) = (f64::NEG_INFINITY, TEXT + column.texts().len() as u16);
    for point in points(step) {
        let code = column.code(point);
        if next < code {
            ranges.push((next..=code - 1, says(step, Value::Number(below)).into()));
        }
        if next <= code {
            let known = is_mark(code).then(|| says(step, Value::Number(point)).into());
            ranges.push((code..=code, known.unwrap_or(Truth::Unsaid)));
        }
        (below, next) = (point.next_up(), code + 1);
    }
    if next <= column.last_code() {
        ranges.push((next..=column.last_code(), says(step, Value::Number(below)).into()));
    }
}

/// The numbers that a comparison compares with, ascending; not NaN: with that, it says the same of all numbers.
fn points(step: &Do<'_>) -> Vec<f64> {
    let mut points: Vec<f64> = match step {
        Do::Compare { operator: Operator::In, constant: Literal::Tuple(items), field_first: true, .. } => {
            items.iter().map(|item| Value::from(item).number()).collect()
        }
        // A number is in nothing else, and nothing is in a number.
        Do::Compare { operator: Operator::In, .. } => Vec::new(),
        Do::Compare { constant, .. } => vec![Value::from(*constant).number()],
        Do::Truth { .. } => vec![0.0],
        Do::And | Do::Or | Do::Not => Vec::new(),
    };
    points.retain(|point| !point.is_nan());
    points.sort_unstable_by(f64::total_cmp);
    points.dedup();
    points
}

/// What a comparison says of a value, by the evaluation.
fn says(step: &Do<'_>, value: Value<'_>) -> bool {
    match step {
        Do::Compare { operator, constant, field_first: true, .. } => {
            apply(*operator, value, (*constant).into()).is_true()
        }
        Do::Compare { operator, constant, .. } => apply(*operator, (*constant).into(), value).is_true(),
        _ => value.is_true(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::super::tests::{expression, object};
    use super::*;
    use crate::vector::NodeId;
    use crate::vset::attributes::Attributes;
    use proptest::prelude::*;
    use std::cell::Cell;

    /// The rows that pass, by columns, and how many of them were left to be asked.
    fn passing(filter: &Filter, plan: &Plan<'_>, blobs: &[Vec<u8>]) -> (Vec<usize>, usize) {
        let value = |row: usize, field: &[u8]| Attributes::of(blobs.get(row)?).field(field);
        let of_field = |field: &&[u8]| Column::new(0, blobs.len(), |id: NodeId| value(id.0 as usize, field));
        let columns: Vec<Column> = plan.fields().iter().map(of_field).collect();
        let asked = Cell::new(0);
        let words = plan.passing(&columns.iter().collect::<Vec<_>>(), |row| {
            asked.set(asked.get() + 1);
            filter.matches(Attributes::of(&blobs[row as usize]))
        });
        let has = |row: &usize| words[row / WORD] >> (row % WORD) & 1 == 1;
        ((0..words.len() * WORD).filter(has).collect(), asked.get())
    }

    #[test]
    fn comparisons_of_one_field_are_one_question() {
        let values = |id: NodeId| Some(Value::Number(f64::from(id.0)));
        let columns = [Column::new(0, 100, values), Column::new(0, 100, values)];
        for (expression, steps, spans) in [
            (".a > 10 and .a < 20", 1, 1),
            (".a < 20 and .a != 50", 1, 1),
            ("not (.a > 10 and .a < 20) or .a == 15", 1, 3),
            (".a > 10 and .b < 20", 3, 1),
            ("(.a > 10 and .a < 20) or (.b > 10 and not (.b in [12, 14]))", 3, 1),
        ] {
            let filter = Filter::compile(expression.as_bytes()).unwrap();
            let plan = filter.plan().unwrap();
            let joined = plan.joined(&columns.iter().collect::<Vec<_>>());
            assert_eq!(joined.len(), steps, "{expression}");
            let of = |step: &Joined| match step {
                Joined::Compare { yes: Codes::Spans(yes), .. } => Some(yes.len()),
                _ => None,
            };
            assert!(joined.iter().any(|step| of(step) == Some(spans)), "{expression}");
        }
    }

    fn expected(filter: &Filter, blobs: &[Vec<u8>]) -> Vec<usize> {
        (0..blobs.len()).filter(|&row| filter.matches(Attributes::of(&blobs[row]))).collect()
    }

    fn blobs(objects: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
        objects.into_iter().map(|object| Attributes::encode(object.as_bytes())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn columns_say_what_the_attributes_say(
            expression in expression(),
            objects in proptest::collection::vec(object(), 0..150),
        ) {
            if let Ok(filter) = Filter::compile(expression.as_bytes())
                && let Some(plan) = filter.plan()
            {
                let blobs = blobs(objects);
                prop_assert_eq!(passing(&filter, &plan, &blobs).0, expected(&filter, &blobs));
            }
        }
    }

    #[test]
    fn usual_expressions_have_a_plan_and_others_none() {
        let fields = |text: &str| {
            let filter = Filter::compile(text.as_bytes()).unwrap();
            filter.plan().map(|plan| plan.fields().len())
        };
        for (text, count) in [
            (".a == 1", Some(1)),
            ("1 < .a", Some(1)),
            (".a", Some(1)),
            ("not .a", Some(1)),
            (".a in [1, \"x\"] and (.b != \"y\" or .c >= 2)", Some(3)),
            ("\"x\" in .a and .a != \"xy\"", Some(1)),
            (".a and (.b and (.c and .d))", Some(4)),
            (".a and .b and .c and .d and .e", None),
            ("1", None),
            (".a and 1", None),
            (".a == .b", None),
            (".a + 1 > 2", None),
            ("(.a > 1) == 1", None),
        ] {
            assert_eq!(fields(text), count, "{text}");
        }
        assert_eq!(fields(&vec![".a"; 40].join(" and ")), None);
    }

    #[test]
    fn what_a_column_cannot_tell_is_asked() {
        let text = |n: usize| format!(r#"{{"a":"text {n}","b":[{n},7]}}"#);
        let long = format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(1000));
        let blobs = blobs((0..6000).map(text).chain([long]));
        for (expression, passes, left) in [
            (".a == \"text 17\"", 1, 6000 - 4096 + 1),
            (".a == \"text 5999\"", 1, 6000 - 4096 + 1),
            ("\"xxx\" in .a", 1, 6000 - 4096 + 1),
            ("7 in .b", 6000, 6000),
            (".a != \"text 17\" and .b == 1", 1, 6000),
        ] {
            let filter = Filter::compile(expression.as_bytes()).unwrap();
            let (rows, unsaid) = passing(&filter, &filter.plan().unwrap(), &blobs);
            assert_eq!((rows.len(), unsaid), (passes, left), "{expression}");
            assert_eq!(rows, expected(&filter, &blobs), "{expression}");
        }
    }
}
