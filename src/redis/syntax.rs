//! The arguments of a command for `COMMAND DOCS`, read from one line of usage.
//!
//! ```text
//! line  = seq
//! seq   = { item [ "..." ] }                "..." : it may be repeated, and its token with it where the token stands inside
//! item  = WORD | name [ ":" type ] | "(" alternatives ")" | "[" alternatives "]"        "[": it may be left out
//! alternatives = seq { "|" seq }
//! type  = key | int | double                without one: a string
//! ```
//! A WORD has no small letters, or begins with `=`: it is a token. A token goes with the item after it, and where brackets begin with one,
//! it goes with all that is in them.

use std::ffi::{CString, c_int};

use redis_module::raw as ffi;

/// What an argument is.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Text,
    Integer,
    Double,
    Key,
    /// The token alone.
    Token,
    OneOf(Vec<Argument>),
    Block(Vec<Argument>),
}

/// An argument.
#[derive(Debug, Clone, PartialEq)]
struct Argument {
    name: String,
    token: Option<String>,
    shape: Shape,
    optional: bool,
    multiple: bool,
    /// The token is repeated too.
    with_token: bool,
}

impl Argument {
    fn new(name: &str, shape: Shape) -> Self {
        let name = name.to_owned();
        Self { name, token: None, shape, optional: false, multiple: false, with_token: false }
    }

    fn token(word: &str) -> Self {
        let word = word.trim_start_matches('=');
        Self { token: Some(word.to_owned()), ..Self::new(&word.to_ascii_lowercase(), Shape::Token) }
    }

    fn is_token(&self) -> bool {
        self.shape == Shape::Token && !self.optional && !self.multiple
    }
}

/// A line that is half read.
struct Reader<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += usize::from(word.is_some());
        word
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|next| *next == word);
        self.at += usize::from(found);
        found
    }

    /// Items up to a bracket that closes, a bar or the end.
    fn sequence(&mut self) -> Option<Vec<Argument>> {
        let mut items: Vec<Argument> = Vec::new();
        while let Some(word) = self.words.get(self.at).copied().filter(|word| !matches!(*word, "]" | ")" | "|")) {
            self.at += 1;
            let mut item = match word {
                "[" => Argument { optional: true, ..self.alternatives("]")? },
                "(" => self.alternatives(")")?,
                "..." => return None,
                word if is_token(word) => Argument::token(word),
                word => named(word)?,
            };
            if self.accept("...") {
                item.multiple = true;
                item.with_token = item.token.is_some();
            }
            match items.last_mut() {
                // The first token of brackets may be of all that follows; `whole` sees to it.
                Some(last) if last.is_token() && item.token.is_none() && !item.optional => {
                    item.token = last.token.take();
                    *last = item;
                }
                _ => items.push(item),
            }
        }
        Some(items)
    }

    /// What stands in brackets.
    fn alternatives(&mut self, close: &str) -> Option<Argument> {
        let mut all = Vec::new();
        loop {
            all.push(whole(self.sequence()?)?);
            if self.accept(close) {
                break;
            }
            if self.next() != Some("|") {
                return None;
            }
        }
        if all.len() == 1 {
            return all.pop();
        }
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        Some(Argument::new(&names.join("-or-"), Shape::OneOf(all)))
    }
}

/// A sequence as one argument. `T x y` is a block with the token T.
fn whole(mut items: Vec<Argument>) -> Option<Argument> {
    if items.len() < 2 {
        return items.pop();
    }
    let first = &mut items[0];
    let token = first.token.take_if(|_| !first.optional && !first.with_token);
    if token.is_some() && first.shape == Shape::Token {
        items.remove(0);
    }
    let name = token.as_ref().map(|token| token.to_ascii_lowercase());
    let name = name.unwrap_or_else(|| items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join("-"));
    Some(Argument { token, ..Argument::new(&name, Shape::Block(items)) })
}

fn is_token(word: &str) -> bool {
    word.starts_with('=') || !word.contains(|c: char| c.is_ascii_lowercase())
}

fn named(word: &str) -> Option<Argument> {
    let (name, shape) = match word.split_once(':') {
        None => (word, Shape::Text),
        Some((name, "key")) => (name, Shape::Key),
        Some((name, "int")) => (name, Shape::Integer),
        Some((name, "double")) => (name, Shape::Double),
        Some(_) => return None,
    };
    Some(Argument::new(name, shape))
}

fn parse(line: &str) -> Option<Vec<Argument>> {
    let mut spaced = line.replace("...", " ... ");
    for bracket in ["[", "]", "(", ")", "|"] {
        spaced = spaced.replace(bracket, &format!(" {bracket} "));
    }
    let mut reader = Reader { words: spaced.split_whitespace().collect(), at: 0 };
    let items = reader.sequence()?;
    (reader.at == reader.words.len()).then_some(items)
}

/// Arguments in the server's form; they live as long as this.
pub(super) struct Told {
    texts: Vec<CString>,
    lists: Vec<Box<[ffi::RedisModuleCommandArg]>>,
}

impl Told {
    /// Reads a line of usage; the arguments, which are null where there are none, and what they live in. `None` where the line is no
    /// line of usage.
    pub fn read(line: &str) -> Option<(Self, *mut ffi::RedisModuleCommandArg)> {
        let mut told = Self { texts: Vec::new(), lists: Vec::new() };
        let arguments = parse(line)?;
        let first = if arguments.is_empty() { std::ptr::null_mut() } else { told.list(&arguments) };
        Some((told, first))
    }

    fn text(&mut self, text: &str) -> *const std::ffi::c_char {
        let text = CString::new(text).unwrap_or_default();
        let pointer = text.as_ptr();
        self.texts.push(text);
        pointer
    }

    fn list(&mut self, arguments: &[Argument]) -> *mut ffi::RedisModuleCommandArg {
        let mut list: Vec<_> = arguments.iter().map(|argument| self.one(argument)).collect();
        // SAFETY: all-zero is the empty value of this C structure; one without a name ends a list.
        list.push(unsafe { std::mem::zeroed() });
        let mut list = list.into_boxed_slice();
        let first = list.as_mut_ptr();
        self.lists.push(list);
        first
    }

    fn one(&mut self, argument: &Argument) -> ffi::RedisModuleCommandArg {
        let mut flags = ffi::REDISMODULE_CMD_ARG_NONE;
        for (set, flag) in [
            (argument.optional, ffi::REDISMODULE_CMD_ARG_OPTIONAL),
            (argument.multiple, ffi::REDISMODULE_CMD_ARG_MULTIPLE),
            (argument.multiple && argument.with_token, ffi::REDISMODULE_CMD_ARG_MULTIPLE_TOKEN),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let (kind, subargs) = match &argument.shape {
            Shape::Text => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING, None),
            Shape::Integer => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER, None),
            Shape::Double => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_DOUBLE, None),
            Shape::Key => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY, None),
            Shape::Token => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN, None),
            Shape::OneOf(all) => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF, Some(all)),
            Shape::Block(all) => (ffi::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK, Some(all)),
        };
        let null = std::ptr::null;
        ffi::RedisModuleCommandArg {
            name: self.text(&argument.name),
            type_: kind,
            key_spec_index: if argument.shape == Shape::Key { 0 } else { -1 },
            token: argument.token.as_ref().map_or_else(null, |token| self.text(token)),
            summary: null(),
            since: null(),
            flags: flags as c_int,
            deprecated_since: null(),
            subargs: subargs.map_or(std::ptr::null_mut(), |all| self.list(all)),
            display_text: null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As short text: token, name, `?` optional, `*` multiple, `**` with the token.
    fn show(argument: &Argument) -> String {
        let all = |all: &[Argument], between| all.iter().map(show).collect::<Vec<_>>().join(between);
        let inside = match &argument.shape {
            Shape::Token => String::new(),
            Shape::OneOf(some) => format!("<{}>", all(some, "|")),
            Shape::Block(some) => format!("({})", all(some, " ")),
            shape => format!("{}:{shape:?}", argument.name),
        };
        let token = argument.token.as_ref().map_or(String::new(), |token| format!("{token}="));
        let marks = match (argument.multiple, argument.with_token) {
            (true, true) => "**",
            (true, false) => "*",
            _ => "",
        };
        format!("{token}{inside}{}{marks}", if argument.optional { "?" } else { "" })
    }

    #[test]
    fn lines_of_usage() {
        for (line, expected) in [
            ("key:key element", "key:Key element:Text"),
            ("[RAW] [EF ef:int]", "RAW=? EF=ef:Integer?"),
            ("(FP32 v | VALUES n:int x:double...)", "<FP32=v:Text|VALUES=(n:Integer x:Double*)>"),
            ("[NX | XX]", "<NX=|XX=>?"),
            ("[ON (HASH | JSON)]", "ON=<HASH=|JSON=>?"),
            ("[FILTER f min max]...", "FILTER=(f:Text min:Text max:Text)?**"),
            ("[APPLY e [AS n]]...", "APPLY=(e:Text AS=n:Text?)?**"),
            ("S (f [AS a])...", "S=(f:Text AS=a:Text?)*"),
            ("S ADD (f t)...", "S= ADD=(f:Text t:Text)*"),
            ("(=m | =km)", "<m=|km=>"),
            ("[C [COUNT n:int]]", "C=(COUNT=n:Integer?)?"),
            ("(* | n:int f...)", "<*=|(n:Integer f:Text*)>"),
            ("", ""),
        ] {
            let read = parse(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(read.iter().map(show).collect::<Vec<_>>().join(" "), expected, "{line}");
        }
        for line in ["[", "a ]", "(a |", "... a", "a:word", "()"] {
            assert!(parse(line).is_none(), "{line}");
        }
    }
}
