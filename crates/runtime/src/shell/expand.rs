//! From words to fields: parameters, substitutions, splitting, patterns.

use std::fmt::Write as _;
use std::sync::Arc;

use sim::Gather as _;

use super::arithmetic::{self, Variables};
use super::ast::{Node, Operation, Parameter, Part, Word};
use super::{Kind, Shell, pattern};
use crate::kernel::Sys;

/// Bytes that one expansion may make.
pub const VALUE_BYTES_MAX: usize = 4 << 20;
/// Fields that one expansion may make.
const FIELDS_MAX: usize = 100_000;

/// Why an expansion is not done.
pub enum Stop {
    /// The output of this command is needed first; then all is done again.
    Need(Arc<Node>),
    Error(String),
}

type Outcome<T> = Result<T, Stop>;

pub struct Expander<'s, 'k> {
    pub shell: &'s mut Shell,
    pub sys: &'s mut Sys<'k>,
    /// Outputs of the command substitutions done so far, in their order.
    pub results: &'s [String],
    pub used: usize,
}

#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    current: Option<Field>,
}

#[derive(Default)]
struct Field {
    text: String,
    /// As a pattern: what was quoted has backslashes.
    pattern: String,
    magic: bool,
}

impl Fields {
    fn field(&mut self) -> &mut Field {
        self.current.get_or_insert_default()
    }

    fn quoted(&mut self, text: &str) {
        let field = self.field();
        field.text.push_str(text);
        escape_into(&mut field.pattern, text);
    }

    fn literal(&mut self, text: &str) {
        let field = self.field();
        field.text.push_str(text);
        field.pattern.push_str(text);
        field.magic |= text.contains(['*', '?', '[']);
    }

    fn end(&mut self) {
        if let Some(field) = self.current.take() {
            self.done.push(field);
        }
    }

    fn split(&mut self, text: &str, separators: &str) {
        let mut start = 0;
        let mut after_other = false;
        for (at, c) in text.char_indices() {
            if !separators.contains(c) {
                after_other = false;
                continue;
            }
            if start < at {
                self.literal(&text[start..at]);
            }
            if c.is_ascii_whitespace() {
                self.end();
            } else {
                if after_other {
                    self.field();
                }
                self.end();
                after_other = true;
            }
            start = at + c.len_utf8();
        }
        if start < text.len() {
            self.literal(&text[start..]);
        }
    }
}

fn escape_into(pattern: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '-' | '!' | '^') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}

impl Expander<'_, '_> {
    /// Everything: splitting and patterns, too.
    pub fn words(&mut self, words: &[Word]) -> Outcome<Vec<String>> {
        let mut all = Vec::with_capacity(words.len());
        for word in words {
            if let [Part::Literal(text)] = &word[..]
                && !text.contains(['*', '?', '[', '~', '{'])
            {
                all.push(text.clone());
                continue;
            }
            if self.shell.kind == Kind::Bash
                && let Some(alternatives) = braces(word)
            {
                for alternative in alternatives {
                    self.word(&alternative, &mut all)?;
                }
                continue;
            }
            self.word(word, &mut all)?;
        }
        Ok(all)
    }

    fn word(&mut self, word: &Word, all: &mut Vec<String>) -> Outcome<()> {
        let mut fields = Fields::default();
        self.parts(word, false, &mut fields)?;
        fields.end();
        if FIELDS_MAX < fields.done.len() {
            return Err(Stop::Error("Argument list too long".to_owned()));
        }
        for field in fields.done {
            if field.magic && !self.shell.options.no_glob {
                let found = self.glob(&field.pattern);
                if !found.is_empty() {
                    all.extend(found);
                    continue;
                }
            }
            all.push(field.text);
        }
        Ok(())
    }

    /// One text, as in an assignment.
    pub fn text(&mut self, word: &Word) -> Outcome<String> {
        Ok(self.single(word)?.text)
    }

    /// One pattern: what was quoted in it has backslashes.
    pub fn pattern(&mut self, word: &Word) -> Outcome<String> {
        Ok(self.single(word)?.pattern)
    }

    fn single(&mut self, word: &Word) -> Outcome<Field> {
        let mut fields = Fields::default();
        let ifs = std::mem::replace(&mut self.shell.splitting, false);
        let outcome = self.parts(word, false, &mut fields);
        self.shell.splitting = ifs;
        outcome?;
        fields.end();
        let mut all = fields.done.into_iter();
        let mut first = all.next().unwrap_or_default();
        for field in all {
            let _ = write!(first.text, " {}", field.text);
            let _ = write!(first.pattern, " {}", field.pattern);
        }
        if VALUE_BYTES_MAX < first.text.len() {
            return Err(Stop::Error("out of memory".to_owned()));
        }
        Ok(first)
    }

    fn parts(&mut self, parts: &[Part], double: bool, fields: &mut Fields) -> Outcome<()> {
        for (number, part) in parts.iter().enumerate() {
            match part {
                Part::Literal(text) if number == 0 && text.starts_with('~') => {
                    let end = text.find(['/', ':']).unwrap_or(text.len());
                    match &text[..end] {
                        "~" => {
                            let home = self.shell.get("HOME").unwrap_or("/root").to_owned();
                            fields.quoted(&home);
                            fields.literal(&text[1..]);
                        }
                        _ => fields.literal(text),
                    }
                }
                Part::Literal(text) => fields.literal(text),
                Part::Quoted(text) => fields.quoted(text),
                Part::Double(inner) => {
                    let only_all = matches!(&inner[..], [Part::Parameter(it)] if it.name == "@");
                    if !only_all {
                        fields.field();
                    }
                    self.parts(inner, true, fields)?;
                }
                Part::Parameter(parameter) => self.parameter(parameter, double, fields)?,
                Part::Command(node) => {
                    let Some(result) = self.results.get(self.used) else {
                        return Err(Stop::Need(Arc::clone(node)));
                    };
                    self.used += 1;
                    let result = result.clone();
                    self.value(&result, double, fields);
                }
                Part::Arithmetic(inner) => {
                    let value = self.arithmetic(inner)?.to_string();
                    self.value(&value, double, fields);
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, text: &str, double: bool, fields: &mut Fields) {
        if double {
            fields.quoted(text);
        } else if self.shell.splitting {
            let separators = self.shell.get("IFS").unwrap_or(" \t\n").to_owned();
            fields.split(text, &separators);
        } else {
            fields.literal(text);
        }
    }

    pub fn arithmetic(&mut self, parts: &[Part]) -> Outcome<i64> {
        let mut fields = Fields::default();
        self.parts(parts, true, &mut fields)?;
        fields.end();
        let text = fields.done.into_iter().next().unwrap_or_default().text;
        let mut variables = ShellVariables { shell: self.shell, depth: 0 };
        arithmetic::evaluate(&text, &mut variables).map_err(|it| {
            let text = match (self.shell.kind, it) {
                (Kind::Bash, "divide by zero") => {
                    format!(
                        "{text}: division by 0 (error token is \"{}\")",
                        text.rsplit(['/', '%']).next().unwrap_or("").trim()
                    )
                }
                (Kind::Bash, _) => format!("{text}: syntax error: operand expected"),
                _ => it.to_owned(),
            };
            Stop::Error(text)
        })
    }

    fn parameter(&mut self, parameter: &Parameter, double: bool, fields: &mut Fields) -> Outcome<()> {
        let name = parameter.name.as_str();
        if matches!(name, "@" | "*") && matches!(parameter.operation, Operation::Plain) {
            let all = Arc::clone(&self.shell.positional);
            if name == "*" && double {
                let ifs = self.shell.get("IFS").unwrap_or(" ").to_owned();
                let by = ifs.chars().next().map_or(String::new(), |it| it.to_string());
                fields.quoted(&all.join(&by));
                return Ok(());
            }
            for (number, text) in all.iter().enumerate() {
                if 0 < number {
                    fields.end();
                }
                if double {
                    fields.field();
                }
                self.value(text, double, fields);
            }
            return Ok(());
        }
        let value = self.shell.parameter(name, self.sys);
        let unset = |shell: &Shell| shell.options.no_unset && !matches!(name, "@" | "*");
        match &parameter.operation {
            Operation::Test { how, colon, word } => {
                let there = value.as_ref().is_some_and(|it| !*colon || !it.is_empty());
                match (how, there) {
                    (b'+', true) | (b'-', false) => return self.parts_of(word, double, fields),
                    (b'+', false) => {}
                    (b'=', false) => {
                        let text = self.text(word)?;
                        self.shell.set(name, &text).map_err(Stop::Error)?;
                        self.value(&text, double, fields);
                    }
                    (b'?', false) => {
                        let text = self.text(word)?;
                        let text = if text.is_empty() { "parameter not set".to_owned() } else { text };
                        return Err(Stop::Error(format!("{name}: {text}")));
                    }
                    (_, _) => self.value(&value.unwrap_or_default(), double, fields),
                }
                return Ok(());
            }
            _ if value.is_none() && unset(self.shell) => {
                let text =
                    if self.shell.kind == Kind::Bash { "unbound variable" } else { "parameter not set" };
                return Err(Stop::Error(format!("{name}: {text}")));
            }
            _ => {}
        }
        let value = value.unwrap_or_default();
        let value = match &parameter.operation {
            Operation::Plain | Operation::Test { .. } => value,
            Operation::Length if matches!(name, "@" | "*") => self.shell.positional.len().to_string(),
            Operation::Length => value.chars().count().to_string(),
            Operation::Trim { front, longest, pattern } => {
                let by = self.pattern(pattern)?;
                pattern::trim(&value, &by, *front, *longest).to_owned()
            }
            Operation::Slice { from, length } => self.slice(&value, from, length.as_ref())?,
            Operation::Replace { all, pattern, with } => {
                let (by, with) = (self.pattern(pattern)?, self.text(with)?);
                pattern::replace(&value, &by, &with, *all)
            }
        };
        self.value(&value, double, fields);
        Ok(())
    }

    fn parts_of(&mut self, word: &Word, double: bool, fields: &mut Fields) -> Outcome<()> {
        if double {
            let text = self.text(word)?;
            fields.quoted(&text);
            return Ok(());
        }
        // Unquoted words split, quoted ones do not.
        for part in word {
            if let Part::Literal(text) = part {
                self.value(text, false, fields);
            } else {
                self.parts(std::slice::from_ref(part), false, fields)?;
            }
        }
        Ok(())
    }

    fn slice(&mut self, value: &str, from: &Word, length: Option<&Word>) -> Outcome<String> {
        let chars: Vec<char> = value.chars().gather();
        let count = chars.len() as i64;
        let from = self.arithmetic(from)?;
        let start = if from < 0 { (count + from).max(0) } else { from.min(count) };
        let end = match length {
            None => count,
            Some(length) => {
                let length = self.arithmetic(length)?;
                if length < 0 { (count + length).max(start) } else { (start + length).min(count) }
            }
        };
        Ok(chars[start as usize..end as usize].iter().fill())
    }

    /// Paths that match, in order of names.
    fn glob(&self, pattern: &str) -> Vec<String> {
        const FOUND_MAX: usize = 10_000;
        let absolute = pattern.starts_with('/');
        let mut found = vec![if absolute { "/".to_owned() } else { String::new() }];
        for part in pattern.split('/').filter(|it| !it.is_empty()) {
            let mut next = Vec::new();
            for base in &found {
                let directory = if base.is_empty() { "." } else { base };
                let glue = if base.is_empty() || base.ends_with('/') { "" } else { "/" };
                if !part.contains(['*', '?', '[']) {
                    let plain = part.replace('\\', "");
                    let path = format!("{base}{glue}{plain}");
                    if self.sys.stat(&path, false).is_ok() {
                        next.push(path);
                    }
                    continue;
                }
                for name in self.sys.list(directory).unwrap_or_default() {
                    let hidden = name.starts_with('.') && !part.starts_with('.');
                    if !hidden && pattern::matches(part, &name) && next.len() < FOUND_MAX {
                        next.push(format!("{base}{glue}{name}"));
                    }
                }
            }
            found = next;
        }
        found
    }
}

/// `{a,b}` and `{1..3}` of bash, the first one of a word; None when there is none.
fn braces(word: &Word) -> Option<Vec<Word>> {
    let [Part::Literal(text)] = &word[..] else { return None };
    let open = text.find('{')?;
    let close = open + text[open..].find('}')?;
    let inner = &text[open + 1..close];
    let choices: Vec<String> = if let Some((low, high)) = inner.split_once("..") {
        let (low, high): (i64, i64) = (low.parse().ok()?, high.parse().ok()?);
        if 10_000 < (high - low).abs() {
            return None;
        }
        if low <= high {
            (low..=high).map(|it| it.to_string()).gather()
        } else {
            (high..=low).rev().map(|it| it.to_string()).gather()
        }
    } else if inner.contains(',') {
        inner.split(',').map(str::to_owned).gather()
    } else {
        return None;
    };
    let rest = |it: String| vec![Part::Literal(format!("{}{it}{}", &text[..open], &text[close + 1..]))];
    Some(choices.into_iter().map(rest).flat_map(|it| braces(&it).unwrap_or_else(|| vec![it])).gather())
}

struct ShellVariables<'s> {
    shell: &'s mut Shell,
    depth: u32,
}

impl Variables for ShellVariables<'_> {
    fn get(&mut self, name: &str) -> i64 {
        let text = self.shell.get(name).unwrap_or("").trim().to_owned();
        if let Ok(number) = text.parse() {
            return number;
        }
        self.depth += 1;
        if text.is_empty() || 8 < self.depth {
            return 0;
        }
        let value = arithmetic::evaluate(&text, self).unwrap_or(0);
        self.depth -= 1;
        value
    }

    fn set(&mut self, name: &str, value: i64) {
        // A readonly variable keeps its value.
        let _ = self.shell.set(name, &value.to_string());
    }
}
