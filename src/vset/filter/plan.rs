//! An expression in the form in which it can be asked of many elements at once.
//!
//! Most filters compare fields with constants and combine that by `and`, `or` and `not`. Of such an expression each
//! comparison is answered for a block of elements, a bit for each, and the bits are combined. What compares fields with each
//! other or computes with them has no [`Plan`]; it is asked of one element after the other.
//!
//! What a comparison says of a value is asked of the evaluation ([`Leaf::of`]), once for each different text of a column;
//! only the comparison of numbers stands here a second time.

use super::evaluation::{Value, apply};
use super::lexer::Operator;
use super::program::{Literal, Program, Step};
use crate::vset::memo::{BLOCK, Cell, Column, Said};

/// Words of a block's bits.
const WORDS: usize = BLOCK / 64;
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

    /// Calls `visit` with every node that passes, and every node of which the columns do not say enough; ascending. `columns`
    /// are those of [`Plan::fields`].
    pub fn each(&self, columns: &[&Column], mut visit: impl FnMut(u32, Verdict)) {
        let leaves: Vec<Option<Leaf>> = self.steps.iter().map(|step| Leaf::of(step, columns)).collect();
        let blocks = columns.iter().map(|column| column.len()).min().unwrap_or(0);
        let mut stack = Vec::with_capacity(self.steps.len());
        let mut numbers = Vec::with_capacity(columns.len());
        for block in 0..blocks {
            let cells: Vec<&[Cell; BLOCK]> = columns.iter().filter_map(|column| column.block(block)).collect();
            let (mut present, mut unsaid) = ([!0; WORDS], [0; WORDS]);
            numbers.clear();
            numbers.extend(cells.iter().map(|cells| note_tags(cells, &mut present, &mut unsaid)));
            for (step, leaf) in self.steps.iter().zip(&leaves) {
                run(step, leaf.as_ref(), (&cells, &numbers), &mut stack);
            }
            let bits = stack.pop().unwrap_or([0; WORDS]);
            for word in 0..WORDS {
                let unsure = present[word] & unsaid[word];
                let mut rest = present[word] & (bits[word] | unsure);
                while rest != 0 {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    let verdict = if unsure >> bit & 1 == 1 { Verdict::Unsaid } else { Verdict::Passes };
                    visit((block * BLOCK + word * 64) as u32 + bit, verdict);
                }
            }
        }
    }
}

/// What a plan says of an element, if it doesn't say that it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::vset) enum Verdict {
    /// It passes.
    Passes,
    /// Ask its attributes.
    Unsaid,
}

/// Takes out of `present` the elements that have no such field, and puts those into `unsaid` whose cell doesn't tell it.
/// Returns those whose cell is a number.
fn note_tags(cells: &[Cell; BLOCK], present: &mut Bits, unsaid: &mut Bits) -> Bits {
    let mut numbers = [0; WORDS];
    for (word, cells) in cells.chunks_exact(64).enumerate() {
        numbers[word] = bits_of(cells, |x| !x.is_nan());
        each_bit(!numbers[word], |bit| match cells[bit].said() {
            Said::Missing => present[word] &= !(1 << bit),
            Said::Unsaid => unsaid[word] |= 1 << bit,
            _ => {}
        });
    }
    numbers
}

/// A bit for each of 64 cells. The table of bits, rather than shifts, lets the compiler take several cells at a time.
#[inline(always)]
fn bits_of(cells: &[Cell], is: impl Fn(f64) -> bool) -> u64 {
    const BITS: [u64; 64] = {
        let mut bits = [1; 64];
        let mut at = 1;
        while at < 64 {
            bits[at] = bits[at - 1] << 1;
            at += 1;
        }
        bits
    };
    cells.iter().zip(&BITS).fold(0, |bits, (cell, bit)| bits | if is(cell.number()) { *bit } else { 0 })
}

fn each_bit(mut word: u64, mut visit: impl FnMut(usize)) {
    while word != 0 {
        visit(word.trailing_zeros() as usize);
        word &= word - 1;
    }
}

/// Runs a step; the stack has what it needs, since the program has.
fn run(step: &Do<'_>, leaf: Option<&Leaf<'_>>, (cells, numbers): (&[&[Cell; BLOCK]], &[Bits]), stack: &mut Vec<Bits>) {
    match step {
        Do::Compare { field, .. } | Do::Truth { field } => {
            let mut bits = [0; WORDS];
            if let (Some(leaf), Some(cells), Some(numbers)) = (leaf, cells.get(*field), numbers.get(*field)) {
                let words = cells.chunks_exact(64).zip(numbers).zip(&mut bits);
                words.for_each(|((cells, &numbers), word)| *word = leaf.bits(cells, numbers));
            }
            stack.push(bits);
        }
        Do::Not => stack.iter_mut().last().into_iter().flatten().for_each(|word| *word = !*word),
        Do::And | Do::Or => {
            let (Some(b), Some(a)) = (stack.pop(), stack.last_mut()) else { return };
            match step {
                Do::And => a.iter_mut().zip(b).for_each(|(a, b)| *a &= b),
                _ => a.iter_mut().zip(b).for_each(|(a, b)| *a |= b),
            }
        }
    }
}

/// What a comparison says of the cells of one column.
struct Leaf<'a> {
    step: &'a Do<'a>,
    /// The number to compare numbers with, where that is all there is to it, and how, the field standing first.
    number: Option<(Operator, f64)>,
    /// What it says of each text of the column.
    texts: Vec<bool>,
    null: bool,
}

impl<'a> Leaf<'a> {
    /// That of a step, if it is one.
    fn of(step: &'a Do<'a>, columns: &[&Column]) -> Option<Self> {
        let (Do::Compare { field, .. } | Do::Truth { field }) = step else { return None };
        let texts = columns.get(*field)?.texts().map(|text| says(step, Value::Text(text))).collect();
        let number = match step {
            Do::Compare { operator, constant, field_first, .. } => number(*operator, constant, *field_first),
            _ => Some((Operator::NotEqual, 0.0)),
        };
        Some(Self { step, number, texts, null: says(step, Value::Null) })
    }

    /// For 64 cells, of which the `numbers` are known.
    fn bits(&self, cells: &[Cell], numbers: u64) -> u64 {
        let is = match self.number {
            Some((Operator::Greater, number)) => bits_of(cells, |x| x > number),
            Some((Operator::GreaterEqual, number)) => bits_of(cells, |x| x >= number),
            Some((Operator::Less, number)) => bits_of(cells, |x| x < number),
            Some((Operator::LessEqual, number)) => bits_of(cells, |x| x <= number),
            Some((Operator::Equal, number)) => bits_of(cells, |x| x == number),
            Some((Operator::NotEqual, number)) => bits_of(cells, |x| x != number),
            _ => bits_of(cells, |x| !x.is_nan() && says(self.step, Value::Number(x))),
        };
        let mut bits = is & numbers;
        each_bit(!numbers, |bit| {
            let is = match cells[bit].said() {
                Said::Text(number) => self.texts.get(number).is_some_and(|&is| is),
                Said::Null => self.null,
                _ => false,
            };
            bits |= u64::from(is) << bit;
        });
        bits
    }
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

/// The comparison with a constant as one of numbers, the field standing first; `None` where it is another.
fn number(operator: Operator, constant: &Literal, field_first: bool) -> Option<(Operator, f64)> {
    let turned = match operator {
        Operator::Greater => Operator::Less,
        Operator::GreaterEqual => Operator::LessEqual,
        Operator::Less => Operator::Greater,
        Operator::LessEqual => Operator::GreaterEqual,
        Operator::Equal | Operator::NotEqual if *constant != Literal::Null => operator,
        _ => return None,
    };
    Some((if field_first { operator } else { turned }, Value::from(constant).number()))
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::super::tests::{expression, object};
    use super::*;
    use crate::vector::NodeId;
    use crate::vset::attributes::Attributes;
    use proptest::prelude::*;

    /// The rows that pass, by columns, and how many of them were left to be asked.
    fn passing(filter: &Filter, plan: &Plan<'_>, blobs: &[Vec<u8>]) -> (Vec<usize>, usize) {
        let value = |row: usize, field: &[u8]| Attributes::of(blobs.get(row)?).field(field);
        let of_field = |field: &&[u8]| Column::new(0, blobs.len(), |id: NodeId| value(id.0 as usize, field));
        let columns: Vec<Column> = plan.fields().iter().map(of_field).collect();
        let (mut rows, mut unsaid) = (Vec::new(), 0);
        plan.each(&columns.iter().collect::<Vec<_>>(), |row, verdict| {
            let blob = &blobs[row as usize];
            unsaid += usize::from(verdict == Verdict::Unsaid);
            if verdict == Verdict::Passes || filter.matches(Attributes::of(blob)) {
                rows.push(row as usize);
            }
        });
        (rows, unsaid)
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
            (".a != \"text 17\" and .b == 1", 1, 6001),
        ] {
            let filter = Filter::compile(expression.as_bytes()).unwrap();
            let (rows, unsaid) = passing(&filter, &filter.plan().unwrap(), &blobs);
            assert_eq!((rows.len(), unsaid), (passes, left), "{expression}");
            assert_eq!(rows, expected(&filter, &blobs), "{expression}");
        }
    }
}
