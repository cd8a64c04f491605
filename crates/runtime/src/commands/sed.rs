//! `sed`: s, d, p, q, a, i, c, y, = with addresses; no branches, no hold space beyond h, g, x.

use std::sync::Arc;

use sim::Gather as _;

use super::options::Options;
use super::regex::Regex;
use crate::kernel::Sys;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Address {
    Line(u64),
    Last,
    Match(Regex),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Action {
    Substitute { regex: Regex, with: String, global: bool, print: bool, number: usize },
    Delete,
    Print,
    Quit(i32),
    Append(String),
    Insert(String),
    Change(String),
    Translate(Vec<char>, Vec<char>),
    Number,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Rule {
    from: Option<Address>,
    to: Option<Address>,
    negate: bool,
    action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sed {
    rules: Arc<Vec<Rule>>,
    active: Vec<bool>,
    quiet: bool,
    number: u64,
    /// A line is held back, so that `$` is known.
    held: Option<String>,
    pub status: i32,
}

impl Sed {
    pub fn parse(sys: &mut Sys<'_>, options: &mut Options) -> Result<Sed, i32> {
        let mut script: Vec<String> = options.values("e").map(str::to_owned).gather();
        if let Some(path) = options.value("f") {
            script.push(String::from_utf8_lossy(&sys.read_file(path).unwrap_or_default()).into_owned());
        }
        if script.is_empty() {
            if options.rest.is_empty() {
                sys.err("sed: no script specified\n");
                return Err(1);
            }
            script.push(options.rest.remove(0));
        }
        let extended = options.any(&["E", "r"]);
        let text = script.join("\n");
        let mut parser = Parser { rest: &text, extended };
        let rules = match parser.rules() {
            Ok(rules) => rules,
            Err(text) => {
                sys.err(&format!("sed: {text}\n"));
                return Err(1);
            }
        };
        let mut sed = Sed {
            active: vec![false; rules.len()],
            rules: Arc::new(rules),
            quiet: options.any(&["n", "quiet", "silent"]),
            number: 0,
            held: None,
            status: 0,
        };
        if options.has("i") {
            sed.in_place(sys, &options.rest);
            return Err(sed.status);
        }
        Ok(sed)
    }

    fn in_place(&mut self, sys: &mut Sys<'_>, files: &[String]) {
        for path in files {
            let text = match sys.read_file(path) {
                Ok(text) => String::from_utf8_lossy(&text).into_owned(),
                Err(error) => {
                    sys.err(&format!("sed: {path}: {error}\n"));
                    self.status = 1;
                    continue;
                }
            };
            let mut run = self.clone();
            let mut out = String::new();
            for line in text.lines() {
                if !run.line(line, &mut out) {
                    break;
                }
            }
            run.finish(&mut out);
            // `sed -i` makes a new file, which does not work on a mounted one.
            let outcome = sys.open_number(path, crate::kernel::OpenMode::Write).and_then(|number| {
                let outcome = sys.write(number, out.as_bytes());
                sys.close(number);
                outcome
            });
            if let Err(error) = outcome {
                sys.err(&format!("sed: {path}: {error}\n"));
                self.status = 1;
            }
        }
    }

    /// False at `q`.
    pub fn line(&mut self, line: &str, out: &mut String) -> bool {
        match self.held.replace(line.to_owned()) {
            Some(held) => self.process(held, false, out),
            None => true,
        }
    }

    pub fn finish(&mut self, out: &mut String) {
        if let Some(held) = self.held.take() {
            self.process(held, true, out);
        }
    }

    fn matches(&self, address: &Address, line: &str, last: bool) -> bool {
        match address {
            Address::Line(number) => *number == self.number,
            Address::Last => last,
            Address::Match(regex) => regex.find(line, 0).is_some(),
        }
    }

    fn chosen(&mut self, index: usize, rule: &Rule, line: &str, last: bool) -> bool {
        let Some(from) = &rule.from else { return true };
        let Some(to) = &rule.to else { return self.matches(from, line, last) != rule.negate };
        let inside = if self.active[index] {
            self.active[index] = !self.matches(to, line, last);
            true
        } else if self.matches(from, line, last) {
            self.active[index] = !matches!(to, Address::Line(number) if *number <= self.number);
            true
        } else {
            false
        };
        inside != rule.negate
    }

    fn process(&mut self, mut line: String, last: bool, out: &mut String) -> bool {
        self.number += 1;
        let rules = Arc::clone(&self.rules);
        let mut after = String::new();
        for (index, rule) in rules.iter().enumerate() {
            if !self.chosen(index, rule, &line, last) {
                continue;
            }
            match &rule.action {
                Action::Delete => {
                    out.push_str(&after);
                    return true;
                }
                Action::Print => put(out, &line),
                Action::Number => put(out, &self.number.to_string()),
                Action::Append(text) => put(&mut after, text),
                Action::Insert(text) => put(out, text),
                Action::Change(text) => {
                    put(out, text);
                    return true;
                }
                Action::Quit(code) => {
                    self.status = *code;
                    self.held = None;
                    if !self.quiet {
                        put(out, &line);
                    }
                    out.push_str(&after);
                    return false;
                }
                Action::Translate(from, to) => {
                    line = line
                        .chars()
                        .map(|c| {
                            from.iter()
                                .position(|it| *it == c)
                                .and_then(|it| to.get(it))
                                .copied()
                                .unwrap_or(c)
                        })
                        .fill();
                }
                Action::Substitute { regex, with, global, print, number } => {
                    if let Some(changed) = substitute(&line, regex, with, *global, *number) {
                        line = changed;
                        if *print {
                            put(out, &line);
                        }
                    }
                }
            }
        }
        if !self.quiet {
            put(out, &line);
        }
        out.push_str(&after);
        true
    }
}

fn put(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// The line with matches replaced (`&`, `\1`); None when nothing matches. `number`: from which match on.
pub fn substitute(line: &str, regex: &Regex, with: &str, global: bool, number: usize) -> Option<String> {
    let mut out = String::new();
    let mut from = 0;
    let mut count = 0;
    let mut changed = false;
    while from <= line.len() {
        let Some(groups) = regex.find(line, from) else { break };
        let Some((start, end)) = groups[0] else { break };
        out.push_str(&line[from..start]);
        count += 1;
        if count < number {
            out.push_str(&line[start..end]);
        } else {
            changed = true;
            let mut chars = with.chars();
            while let Some(c) = chars.next() {
                let group = match c {
                    '&' => Some(0),
                    '\\' => match chars.next() {
                        Some(digit @ '0'..='9') => Some(digit as usize - '0' as usize),
                        Some('n') => {
                            out.push('\n');
                            None
                        }
                        Some('t') => {
                            out.push('\t');
                            None
                        }
                        Some(other) => {
                            out.push(other);
                            None
                        }
                        None => None,
                    },
                    other => {
                        out.push(other);
                        None
                    }
                };
                if let Some(Some((a, b))) = group.and_then(|it| groups.get(it)) {
                    out.push_str(&line[*a..*b]);
                }
            }
        }
        from = end;
        if start == end {
            let Some(c) = line[end..].chars().next() else { return changed.then_some(out) };
            out.push(c);
            from = end + c.len_utf8();
        }
        if changed && !global {
            break;
        }
    }
    out.push_str(line.get(from..).unwrap_or(""));
    changed.then_some(out)
}

struct Parser<'a> {
    rest: &'a str,
    extended: bool,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Text up to a separator that has no backslash before it.
    fn until(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        let mut in_set = false;
        while let Some(c) = self.next() {
            match c {
                '\\' => {
                    let next = self.next().ok_or("unterminated command")?;
                    if next != end {
                        text.push('\\');
                    }
                    text.push(next);
                    continue;
                }
                '[' => in_set = true,
                ']' => in_set = false,
                c if c == end && (!in_set || end == '/') => return Ok(text),
                _ => {}
            }
            text.push(c);
        }
        Err(format!("unmatched '{end}'"))
    }

    fn regex(&self, text: &str, fold: bool) -> Result<Regex, String> {
        Regex::new(text, self.extended, fold).ok_or_else(|| format!("bad regex '{text}'"))
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if 0 < digits {
            let number = self.rest[..digits].parse().map_err(|_| "bad address")?;
            self.rest = &self.rest[digits..];
            return Ok(Some(Address::Line(number)));
        }
        match self.rest.chars().next() {
            Some('$') => {
                self.next();
                Ok(Some(Address::Last))
            }
            Some('/') => {
                self.next();
                let text = self.until('/')?;
                Ok(Some(Address::Match(self.regex(&text, false)?)))
            }
            _ => Ok(None),
        }
    }

    fn rules(&mut self) -> Result<Vec<Rule>, String> {
        let mut rules: Vec<Rule> = Vec::new();
        // Addresses before braces go to all commands within.
        let mut outer: Option<(Option<Address>, Option<Address>, bool)> = None;
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', ';']);
            if self.rest.is_empty() {
                return Ok(rules);
            }
            if self.rest.starts_with('}') {
                self.next();
                outer = None;
                continue;
            }
            let from = self.address()?;
            let mut to = None;
            if from.is_some() && self.rest.starts_with(',') {
                self.next();
                to = self.address()?;
            }
            self.rest = self.rest.trim_start();
            let negate = self.rest.starts_with('!');
            if negate {
                self.next();
            }
            if self.rest.starts_with('{') {
                self.next();
                outer = Some((from, to, negate));
                continue;
            }
            let action = self.action()?;
            let (from, to, negate) = match &outer {
                Some(outer) if from.is_none() => outer.clone(),
                _ => (from, to, negate),
            };
            rules.push(Rule { from, to, negate, action });
        }
    }

    fn action(&mut self) -> Result<Action, String> {
        let c = self.next().ok_or("missing command")?;
        Ok(match c {
            'd' => Action::Delete,
            'p' => Action::Print,
            '=' => Action::Number,
            'q' => {
                let digits = self.rest.trim_start().bytes().take_while(u8::is_ascii_digit).count();
                let trimmed = self.rest.trim_start();
                let code = trimmed[..digits].parse().unwrap_or(0);
                self.rest = &trimmed[digits..];
                Action::Quit(code)
            }
            'a' | 'i' | 'c' => {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                let text = self.rest[..end].trim_start().trim_start_matches('\\').trim_start().to_owned();
                self.rest = &self.rest[end..];
                match c {
                    'a' => Action::Append(text),
                    'i' => Action::Insert(text),
                    _ => Action::Change(text),
                }
            }
            'y' => {
                let by = self.next().ok_or("unterminated command")?;
                let (from, to) = (self.until(by)?, self.until(by)?);
                Action::Translate(from.chars().gather(), to.chars().gather())
            }
            's' => {
                let by = self.next().ok_or("unterminated command")?;
                let (pattern, with) = (self.until(by)?, self.until(by)?);
                let (mut global, mut print, mut fold, mut number) = (false, false, false, 1);
                while let Some(flag) = self.rest.chars().next() {
                    match flag {
                        'g' => global = true,
                        'p' => print = true,
                        'i' | 'I' => fold = true,
                        '1'..='9' => number = flag as usize - '0' as usize,
                        _ => break,
                    }
                    self.next();
                }
                Action::Substitute { regex: self.regex(&pattern, fold)?, with, global, print, number }
            }
            other => return Err(format!("unsupported command {other}")),
        })
    }
}
