//! What expressions mean: exact values, and a naive evaluator beside the compiled one.

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 6] = ["t", "n", "num", "e", "zz", "a-b"];

fn row() -> Vec<Option<Value>> {
    let text = |text: &str| Some(Value::string(text.as_bytes()));
    vec![text("Hello World"), Some(Value::Number(3.5)), text("12"), text(""), None, text("dash")]
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
        _ => String::from_utf8_lossy(&value.to_text().unwrap_or_default()).into_owned(),
    }
}

/// The value as a client reads it, or `syntax` or `error`.
fn answer(text: &str) -> String {
    let column = |name: &[u8]| NAMES.iter().position(|known| known.as_bytes() == name).map(Column);
    match Expression::parse(text.as_bytes(), column) {
        Ok(expression) => expression.value(row().as_slice()).map_or("error".into(), |value| shown(&value)),
        Err(_) => "syntax".into(),
    }
}

#[test]
fn operators() {
    for (text, value) in [
        ("1 - 2 - 3", "-4"),
        ("2 * 3^2", "18"),
        ("2^3^2", "64"),
        ("-2^2", "4"),
        ("-@n^2", "-12.25"),
        ("2^-@n", "0.0883883476483"),
        ("2^-1", "0.5"),
        ("2^-1^2", "0.25"),
        ("10-5", "5"),
        ("1-2-3", "-4"),
        ("@n-1", "2.5"),
        ("@n -1", "2.5"),
        ("@n-@num", "-8.5"),
        ("@n*.5", "1.75"),
        ("-@n", "-3.5"),
        ("-(@n)", "-3.5"),
        ("--@n", "3.5"),
        ("+@n", "3.5"),
        ("1-+1", "0"),
        ("---5", "-5"),
        ("2*-@n", "-7"),
        ("-@n*2", "-7"),
        ("5-3*2", "-1"),
        ("-sqrt(4)-1", "-3"),
        ("(5)-(3)-1", "1"),
        ("'10'-5", "5"),
        ("-@num", "-12"),
        ("-@t", "error"),
        ("-NULL", "error"),
        ("-!0", "-1"),
        ("@n==-3.5", "0"),
        ("@n>-1 && -1<@n", "1"),
        ("0x10+1e+1", "26"),
        ("5.+.5", "5.5"),
        ("a-b", "syntax"),
        ("-", "syntax"),
        ("1-", "syntax"),
        ("1 2", "syntax"),
        ("2 - - 3", "5"),
        ("2---3", "-1"),
        ("1/0", "nan"),
        ("5.9 % 2.9", "1"),
        ("-7 % 3", "-1"),
        ("5 % 0.5", "nan"),
        ("1 < 2 < 3", "1"),
        ("0 == 1 < 0", "0"),
        ("1 || 0 && 0", "0"),
        ("!2 + 5", "0"),
        ("1 + !0 + 1", "1"),
        ("!!0 == 0", "1"),
        ("1 || @zz", "1"),
        ("0 && upper()", "0"),
        ("'10' < '9'", "1"),
        ("'10' < 9", "0"),
        ("'abc' == 0", "0"),
        ("NULL == NULL", "1"),
        ("NULL < 1", "1"),
        ("1/0 == 5", "1"),
        ("@num + 1", "13"),
        ("@e + 1", "1"),
        (r"@a\-b", "dash"),
        (r#""a\"b\,\c""#, r#"a"b,\c"#),
        ("exists(@zz) + exists((@t)) + exists(NULL)", "2"),
        ("case(exists(@zz), @zz, 'none')", "none"),
        ("case(1, case(0, 1, 2), @zz)", "2"),
        ("abs(,-1)", "1"),
        (".5", "0.5"),
    ] {
        assert_eq!(answer(text), value, "{text}");
    }
}

#[test]
fn functions() {
    for (text, value) in [
        ("sqrt(-1) == 0 && log('x')", "1"),
        ("upper(@t)", "HELLO WORLD"),
        ("lower(1)", "NULL"),
        ("upper('straße é')", "STRASSE É"),
        ("lower('ÉΣ')", "éς"),
        ("strlen('日本é')", "3"),
        ("substr('日本é', 1, 1)", "本"),
        ("substr('日本é', -1, 1)", "é"),
        ("substr('日本é', 0, -1)", "日本"),
        ("contains('日本', '')", "3"),
        ("startswith('日本', '日')", "1"),
        ("split('a、b、', '、')", "[a,b]"),
        ("split('éaé', ',', 'é')", "[a]"),
        ("format('%s、%s', 'é', 1)", "é、1"),
        ("contains('aaaa', 'aa')", "3"),
        ("contains('hello', '')", "6"),
        ("substr('hello', 1, -1)", "ell"),
        ("substr('hello', -2, 1)", "l"),
        ("substr('hello', -9, 2)", ""),
        ("substr('hello', 1, 1e300)", "ello"),
        ("format('%s-%s%%', NULL, 1/3)", "(null)-0.333333333333%"),
        ("split(' a , b,,')", "[a,b]"),
        ("split('xaxbx,yay', ',', 'xy')", "[axb,a]"),
        ("to_str(NULL)", ""),
        ("to_number(' 0x10')", "16"),
        ("timefmt(1700000000)", "2023-11-14T22:13:20Z"),
        ("timefmt('x')", "NULL"),
        ("parsetime('2023-11-14', '%F')", "1699920000"),
        ("month(1700000000)", "1698796800"),
        ("dayofyear(1700000000)", "317"),
        ("hour(-0.25)", "NULL"),
        ("geodistance('1,2', 3, 4)", "314371.93"),
        ("geodistance(1, 2, '3 4')", "314371.93"),
        ("geodistance(1, 2)", "nan"),
        ("matched_terms()", "NULL"),
    ] {
        assert_eq!(answer(text), value, "{text}");
    }
}

#[test]
fn nesting_is_bounded_and_chains_are_not() {
    let nested = |open: &str, depth: usize, close: &str| answer(&(open.repeat(depth) + "1" + &close.repeat(depth)));
    assert_eq!(nested("(", MAX_DEPTH, ")"), "1");
    assert_eq!(nested("(", MAX_DEPTH + 1, ")"), "syntax");
    assert_eq!(nested("abs(", 100_000, ")"), "syntax");
    assert_eq!(nested("1+!", 100_000, ""), "syntax");
    assert_eq!(nested("!", 100_000, ""), "1");
    assert_eq!(nested("1 + ", 100_000, ""), "100001");
    assert_eq!(nested("1 && ", 100_000, ""), "1");
}

/// An expression over small numbers, as a tree.
#[derive(Debug, Clone)]
enum Tree {
    Number(i8),
    Binary(Operator, Box<Tree>, Box<Tree>),
    Not(Box<Tree>),
}

const SIGNS: [(Operator, &str); 12] = [
    (Operator::Or, "||"),
    (Operator::And, "&&"),
    (Operator::Equal, "=="),
    (Operator::NotEqual, "!="),
    (Operator::Less, "<"),
    (Operator::LessOrEqual, "<="),
    (Operator::Greater, ">"),
    (Operator::GreaterOrEqual, ">="),
    (Operator::Add, "+"),
    (Operator::Subtract, "-"),
    (Operator::Multiply, "*"),
    (Operator::Divide, "/"),
];

fn tree() -> impl Strategy<Value = Tree> {
    let operator = prop::sample::select(&SIGNS[..]);
    any::<i8>().prop_map(Tree::Number).prop_recursive(6, 64, 2, move |inner| {
        prop_oneof![
            3 => (operator.clone(), inner.clone(), inner.clone())
                .prop_map(|(operator, left, right)| Tree::Binary(operator.0, left.into(), right.into())),
            1 => inner.prop_map(|inner| Tree::Not(inner.into())),
        ]
    })
}

impl Tree {
    /// With every pair of parentheses.
    fn written(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Not(inner) => format!("!({})", inner.written()),
            Self::Binary(operator, left, right) => {
                let sign = SIGNS.iter().find(|(known, _)| known == operator).unwrap().1;
                format!("({}) {sign} ({})", left.written(), right.written())
            }
        }
    }

    fn value(&self) -> f64 {
        let truth = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Number(number) => f64::from(*number),
            Self::Not(inner) => truth(inner.value() == 0.0),
            Self::Binary(operator, left, right) => {
                let (a, b) = (left.value(), right.value());
                match operator {
                    Operator::Or => truth(a != 0.0 || b != 0.0),
                    Operator::And => truth(a != 0.0 && b != 0.0),
                    Operator::Equal => truth(a.partial_cmp(&b).is_none_or(Ordering::is_eq)),
                    Operator::NotEqual => truth(a.partial_cmp(&b).is_some_and(Ordering::is_ne)),
                    Operator::Less => truth(a < b),
                    Operator::LessOrEqual => truth(a.partial_cmp(&b).is_none_or(Ordering::is_le)),
                    Operator::Greater => truth(a > b),
                    Operator::GreaterOrEqual => truth(a.partial_cmp(&b).is_none_or(Ordering::is_ge)),
                    Operator::Add => a + b,
                    Operator::Subtract => a - b,
                    Operator::Multiply => a * b,
                    _ if b == 0.0 => f64::NAN,
                    _ => a / b,
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn as_the_tree_says(tree in tree()) {
        let compiled = Expression::parse(tree.written().as_bytes(), |_| None).unwrap();
        let Ok(Value::Number(value)) = compiled.value(&[]) else { panic!("a number") };
        prop_assert_eq!(value.is_nan(), tree.value().is_nan());
        prop_assert!(value.is_nan() || value == tree.value());
    }

    /// The entry of the fuzz target `search_expression`.
    #[test]
    fn any_bytes_are_survived(text in "[-+*/%^()!,.@&|=<>\"' 0-9a-e_\\\\~é]{0,60}|(abs\\(|1|,|\\)|\\(|!|@n|'x'| \\+ |&&|-){0,40}") {
        answer(&text);
    }
}
