//! `awk`, as far as Pods use it: patterns, fields, print, printf, variables, arrays of text, if, for, while.
//!
//! Numbers are whole or with three decimals (milli-units), so that no float is part of the state. No functions of the
//! user's own, no getline, no pipes.

use std::sync::Arc;

use sim::{Gather as _, VecMap};

use super::awk_parse::{Expression, Pattern, Program, Statement, parse};
use super::options::Options;
use super::output::printf_once;
use super::regex::Regex;
use crate::kernel::Sys;

/// Loops end after so many turns, all in all.
const STEPS_MAX: u64 = 2_000_000;
const VALUES_MAX: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Awk {
    program: Arc<Program>,
    variables: VecMap<String, String>,
    fields: Vec<String>,
    ranges: Vec<bool>,
    begun: bool,
    steps: u64,
    exit: Option<i32>,
    last_file: String,
}

/// How a statement ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Next,
    Break,
    Continue,
    Exit,
}

/// In thousandths.
fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let whole: i64 = rest[..end].get(..end.min(15)).and_then(|it| it.parse().ok()).unwrap_or(0);
    let part: String =
        rest[end..].strip_prefix('.').unwrap_or("").chars().take_while(char::is_ascii_digit).take(3).fill();
    let part: i64 = format!("{part:0<3}").parse().unwrap_or(0);
    sign * (whole * 1000 + part)
}

fn text_of(milli: i64) -> String {
    if milli % 1000 == 0 {
        return (milli / 1000).to_string();
    }
    let sign = if milli < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:03}", (milli / 1000).abs(), (milli % 1000).abs());
    text.trim_end_matches('0').to_owned()
}

fn looks_numeric(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit() || it == b'.')
}

impl Awk {
    pub fn parse(sys: &mut Sys<'_>, options: &mut Options) -> Result<Awk, i32> {
        let source = match options.value("f") {
            Some(path) => String::from_utf8_lossy(&sys.read_file(path).unwrap_or_default()).into_owned(),
            None if options.rest.is_empty() => {
                sys.err("BusyBox v1.36.1 (2023-07-18 02:45:30 UTC) multi-call binary.\n\nUsage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...\n");
                return Err(1);
            }
            None => options.rest.remove(0),
        };
        let program = match parse(&source) {
            Ok(program) => program,
            Err(at) => {
                sys.err(&format!("awk: cmd. line:1: Unexpected token near '{at}'\n"));
                return Err(1);
            }
        };
        let mut variables: VecMap<String, String> = [("FS", " "), ("OFS", " "), ("ORS", "\n"), ("NR", "0")]
            .into_iter()
            .map(|it| (it.0.to_owned(), it.1.to_owned()))
            .fill();
        if let Some(by) = options.value("F") {
            variables.insert("FS".to_owned(), crate::shell::escapes::unescape(by, false).0);
        }
        for assignment in options.values("v") {
            if let Some((name, value)) = assignment.split_once('=') {
                variables.insert(name.to_owned(), crate::shell::escapes::unescape(value, false).0);
            }
        }
        for (name, value) in &*sys.me().environment {
            variables.insert(format!("ENVIRON\u{1c}{name}"), value.clone());
        }
        let only_begin = program.rules.iter().all(|it| matches!(it.0, Pattern::Begin));
        let mut awk = Awk {
            ranges: vec![false; program.rules.len()],
            program: Arc::new(program),
            variables,
            fields: vec![String::new()],
            begun: false,
            steps: 0,
            exit: None,
            last_file: String::new(),
        };
        if only_begin {
            let mut out = String::new();
            awk.begin(&mut out);
            sys.out(&out);
            return Err(awk.exit.unwrap_or(0));
        }
        Ok(awk)
    }

    fn begin(&mut self, out: &mut String) {
        if !std::mem::replace(&mut self.begun, true) {
            self.special(&Pattern::Begin, out);
        }
    }

    fn special(&mut self, which: &Pattern, out: &mut String) {
        let program = Arc::clone(&self.program);
        for (pattern, body) in &program.rules {
            if pattern == which && self.exit.is_none() {
                self.block(body, out);
            }
        }
    }

    /// False after `exit`.
    pub fn line(&mut self, line: &str, file: &str, out: &mut String) -> bool {
        self.begin(out);
        if self.exit.is_some() {
            return false;
        }
        let count = number(self.get("NR")) + 1000;
        self.set("NR", &text_of(count));
        if self.last_file != file {
            file.clone_into(&mut self.last_file);
            self.set("FNR", "0");
            let name = if file == "-" { "" } else { file };
            self.set("FILENAME", name);
        }
        let count = number(self.get("FNR")) + 1000;
        self.set("FNR", &text_of(count));
        self.set_record(line);
        let program = Arc::clone(&self.program);
        for (index, (pattern, body)) in program.rules.iter().enumerate() {
            let chosen = match pattern {
                Pattern::Begin | Pattern::End => false,
                Pattern::Always => true,
                Pattern::When(condition) => self.truth(condition),
                Pattern::Range(from, to) => {
                    let inside = self.ranges[index] || self.truth(from);
                    self.ranges[index] = inside && !self.truth(to);
                    inside
                }
            };
            if !chosen {
                continue;
            }
            match self.block(body, out) {
                Flow::Next => break,
                Flow::Exit => return false,
                Flow::On | Flow::Break | Flow::Continue => {}
            }
        }
        true
    }

    pub fn finish(&mut self, out: &mut String) -> i32 {
        self.begin(out);
        let code = self.exit.take();
        self.special(&Pattern::End, out);
        self.exit.or(code).unwrap_or(0)
    }

    fn get(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    fn set(&mut self, name: &str, value: &str) {
        if let Some(old) = self.variables.get_mut(name) {
            value.clone_into(old);
        } else if self.variables.len() < VALUES_MAX {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    fn set_record(&mut self, line: &str) {
        let by = self.get("FS").to_owned();
        self.fields = vec![line.to_owned()];
        self.fields.extend(split(line, &by));
        let count = self.fields.len() - 1;
        self.set("NF", &count.to_string());
    }

    fn set_field(&mut self, at: usize, value: String) {
        const FIELDS_MAX: usize = 10_000;
        if at == 0 {
            return self.set_record(&value);
        }
        if FIELDS_MAX < at {
            return;
        }
        if self.fields.len() <= at {
            self.fields.resize(at + 1, String::new());
        }
        self.fields[at] = value;
        self.fields[0] = self.fields[1..].join(self.variables.get("OFS").map_or(" ", String::as_str));
        let count = self.fields.len() - 1;
        self.set("NF", &count.to_string());
    }

    fn block(&mut self, statements: &[Statement], out: &mut String) -> Flow {
        for statement in statements {
            let flow = self.statement(statement, out);
            if flow != Flow::On {
                return flow;
            }
        }
        Flow::On
    }

    fn statement(&mut self, statement: &Statement, out: &mut String) -> Flow {
        self.steps += 1;
        if STEPS_MAX < self.steps {
            self.exit = Some(2);
            return Flow::Exit;
        }
        match statement {
            Statement::Print(values) => {
                if values.is_empty() {
                    out.push_str(&self.fields[0]);
                } else {
                    let texts: Vec<String> = values.iter().map(|it| self.value(it)).gather();
                    out.push_str(&texts.join(self.get("OFS")));
                }
                out.push_str(self.get("ORS"));
            }
            Statement::Printf(values) => out.push_str(&self.format(values)),
            Statement::Do(expression) => {
                self.value(expression);
            }
            Statement::If(condition, then, otherwise) => {
                let chosen = if self.truth(condition) { then } else { otherwise };
                return self.block(chosen, out);
            }
            Statement::While(condition, body, next) => {
                while self.steps < STEPS_MAX && self.truth(condition) {
                    self.steps += 1;
                    match self.block(body, out) {
                        Flow::Break => break,
                        flow @ (Flow::Next | Flow::Exit) => return flow,
                        Flow::On | Flow::Continue => {}
                    }
                    self.value(next);
                }
            }
            Statement::ForIn(name, array, body) => {
                let prefix = format!("{array}\u{1c}");
                let keys: Vec<String> = self
                    .variables
                    .range(prefix.clone()..)
                    .take_while(|it| it.0.starts_with(&prefix))
                    .map(|it| it.0[prefix.len()..].to_owned())
                    .gather();
                for key in keys {
                    self.set(name, &key);
                    match self.block(body, out) {
                        Flow::Break => break,
                        flow @ (Flow::Next | Flow::Exit) => return flow,
                        Flow::On | Flow::Continue => {}
                    }
                }
            }
            Statement::Delete(array, key) => {
                let key = self.value(key);
                self.variables.remove(&format!("{array}\u{1c}{key}"));
            }
            Statement::Next => return Flow::Next,
            Statement::Break => return Flow::Break,
            Statement::Continue => return Flow::Continue,
            Statement::Exit(code) => {
                let code = code.as_ref().map_or(0, |it| number(&self.value(it)) / 1000);
                self.exit = Some(code as i32 & 0xff);
                return Flow::Exit;
            }
        }
        Flow::On
    }

    fn format(&mut self, values: &[Expression]) -> String {
        let texts: Vec<String> = values.iter().map(|it| self.value(it)).gather();
        let Some((format, rest)) = texts.split_first() else { return String::new() };
        let mut out = String::new();
        let mut rest = rest;
        let _ = printf_once(format, &mut rest, &mut out);
        out
    }

    fn truth(&mut self, expression: &Expression) -> bool {
        let text = self.value(expression);
        let literal = matches!(expression, Expression::Text(_));
        if looks_numeric(&text) && !literal { number(&text) != 0 } else { !text.is_empty() }
    }

    fn regex(&mut self, expression: &Expression) -> Option<Regex> {
        let text = match expression {
            Expression::Regex(text) => text.clone(),
            other => self.value(other),
        };
        Regex::new(&text, true, false)
    }

    fn key(&mut self, name: &str, index: &Expression) -> String {
        format!("{name}\u{1c}{}", self.value(index))
    }

    fn assign(&mut self, target: &Expression, value: String) {
        match target {
            Expression::Variable(name) => self.set(name, &value),
            Expression::Field(at) => {
                let at = number(&self.value(at)) / 1000;
                self.set_field(at.max(0) as usize, value);
            }
            Expression::Element(name, index) => {
                let key = self.key(name, index);
                self.set(&key, &value);
            }
            _ => {}
        }
    }

    fn value(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::Text(text) | Expression::Number(text) => text.clone(),
            Expression::Regex(text) => {
                let found =
                    Regex::new(text, true, false).is_some_and(|it| it.find(&self.fields[0], 0).is_some());
                u8::from(found).to_string()
            }
            Expression::Variable(name) => self.get(name).to_owned(),
            Expression::Field(at) => {
                let at = number(&self.value(at)) / 1000;
                self.fields.get(at.max(0) as usize).cloned().unwrap_or_default()
            }
            Expression::Element(name, index) => {
                let key = self.key(name, index);
                self.get(&key).to_owned()
            }
            Expression::In(index, name) => {
                let key = self.key(name, index);
                u8::from(self.variables.contains_key(&key)).to_string()
            }
            Expression::Assign(target, sign, value) => {
                let mut value = self.value(value);
                if !sign.is_empty() {
                    let old = self.value(target);
                    value = calculate(sign, &old, &value);
                }
                self.assign(target, value.clone());
                value
            }
            Expression::Step(target, by, after) => {
                let old = number(&self.value(target));
                let new = old + by * 1000;
                self.assign(target, text_of(new));
                text_of(if *after { old } else { new })
            }
            Expression::Not(inner) => u8::from(!self.truth(inner)).to_string(),
            Expression::Negate(inner) => text_of(-number(&self.value(inner))),
            Expression::Choose(condition, yes, no) => {
                let chosen = if self.truth(condition) { yes } else { no };
                self.value(chosen)
            }
            Expression::Binary(sign, left, right) => self.binary(sign, left, right),
            Expression::Call(name, arguments) => self.call(name, arguments),
        }
    }

    fn binary(&mut self, sign: &str, left: &Expression, right: &Expression) -> String {
        let flag = |it: bool| u8::from(it).to_string();
        match sign {
            "&&" => return flag(self.truth(left) && self.truth(right)),
            "||" => return flag(self.truth(left) || self.truth(right)),
            "~" | "!~" => {
                let text = self.value(left);
                let found = self.regex(right).is_some_and(|it| it.find(&text, 0).is_some());
                return flag(found == (sign == "~"));
            }
            _ => {}
        }
        let (a, b) = (self.value(left), self.value(right));
        if sign == " " {
            return a + &b;
        }
        if !matches!(sign, "==" | "!=" | "<" | "<=" | ">" | ">=") {
            return calculate(sign, &a, &b);
        }
        let text = matches!(left, Expression::Text(_)) || matches!(right, Expression::Text(_));
        let numeric = |it: &str| looks_numeric(it) || it.is_empty();
        let order = if !text && numeric(&a) && numeric(&b) {
            number(&a).cmp(&number(&b))
        } else {
            a.as_str().cmp(&b)
        };
        flag(match sign {
            "==" => order.is_eq(),
            "!=" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        })
    }

    fn call(&mut self, name: &str, arguments: &[Expression]) -> String {
        let record = Expression::Field(Box::new(Expression::Number("0".to_owned())));
        let argument = |at: usize| arguments.get(at).unwrap_or(&record);
        match name {
            "length" => self.value(argument(0)).chars().count().to_string(),
            "toupper" => self.value(argument(0)).to_ascii_uppercase(),
            "tolower" => self.value(argument(0)).to_ascii_lowercase(),
            "int" => (number(&self.value(argument(0))) / 1000).to_string(),
            "sprintf" => self.format(arguments),
            "index" => {
                let (text, part) = (self.value(argument(0)), self.value(argument(1)));
                text.find(&part).map_or(0, |it| text[..it].chars().count() + 1).to_string()
            }
            "substr" => {
                let text: Vec<char> = self.value(argument(0)).chars().gather();
                let from = number(&self.value(argument(1))) / 1000 - 1;
                let length = match arguments.get(2) {
                    Some(it) => number(&self.value(it)) / 1000,
                    None => text.len() as i64,
                };
                let end = (from + length).clamp(0, text.len() as i64) as usize;
                let from = from.clamp(0, text.len() as i64) as usize;
                text[from..end.max(from)].iter().fill()
            }
            "split" => {
                let text = self.value(argument(0));
                let Expression::Variable(array) = argument(1) else { return "0".to_owned() };
                let by = match arguments.get(2) {
                    Some(Expression::Regex(text)) => text.clone(),
                    Some(it) => self.value(it),
                    None => self.get("FS").to_owned(),
                };
                let parts = split(&text, &by);
                for (at, part) in parts.iter().enumerate() {
                    self.set(&format!("{array}\u{1c}{}", at + 1), part);
                }
                parts.len().to_string()
            }
            "match" => {
                let text = self.value(argument(0));
                let found = self.regex(argument(1)).and_then(|it| it.find(&text, 0)?[0]);
                let (start, length) = found.map_or((0, -1), |(a, b)| (a as i64 + 1, (b - a) as i64));
                self.set("RSTART", &start.to_string());
                self.set("RLENGTH", &length.to_string());
                start.to_string()
            }
            "sub" | "gsub" => {
                let (Some(regex), with) = (self.regex(argument(0)), self.value(argument(1))) else {
                    return "0".to_owned();
                };
                let target = arguments.get(2).unwrap_or(&record);
                let text = self.value(target);
                match super::sed::substitute(&text, &regex, &with, name == "gsub", 1) {
                    Some(changed) => {
                        self.assign(target, changed);
                        "1".to_owned()
                    }
                    None => "0".to_owned(),
                }
            }
            _ => String::new(),
        }
    }
}

fn calculate(sign: &str, a: &str, b: &str) -> String {
    let (a, b) = (i128::from(number(a)), i128::from(number(b)));
    let value = match sign {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b / 1000,
        "/" if b != 0 => a * 1000 / b,
        "%" if b != 0 => a % b,
        _ => 0,
    };
    text_of(i64::try_from(value).unwrap_or(i64::MAX))
}

fn split(text: &str, by: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    if by == " " {
        return text.split_ascii_whitespace().map(str::to_owned).gather();
    }
    let plain = by.chars().count() == 1;
    if plain {
        return text.split(by).map(str::to_owned).gather();
    }
    let Some(regex) = Regex::new(by, true, false) else { return vec![text.to_owned()] };
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(Some((start, end))) = regex.find(text, from).map(|it| it[0])
        && start < end
    {
        parts.push(text[from..start].to_owned());
        from = end;
    }
    parts.push(text[from..].to_owned());
    parts
}
