//! From text to [`Node`]s, one complete command at a time, as a shell reads its script.
//!
//! Follows POSIX.1-2024 Shell Command Language, section 2.10, and what busybox ash adds. No aliases.

use std::sync::Arc;

use sim::Gather as _;

use super::ast::{Arm, Assignment, Node, Part, Redirect, RedirectKind, Simple, Word};

/// Deeper nesting is refused.
const DEPTH_MAX: u32 = 60;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The text ends inside of something: what is expected, if that has a name.
    End(Option<&'static str>),
    Unexpected(String, Option<&'static str>),
    UnterminatedQuote,
    BadSubstitution,
    TooDeep,
}

pub struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: u32,
    pub line: u32,
    /// Here-documents read ahead: where their line ends, and where the text goes on.
    pub(super) here: Option<(usize, usize)>,
    /// More text may follow: a here-document without its end is not whole yet.
    pub(super) more: bool,
}

const RESERVED_ENDS: [&str; 8] = ["then", "do", "done", "fi", "else", "elif", "esac", "}"];

pub(super) fn is_meta(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.as_bytes()[0].is_ascii_digit()
        && text.bytes().all(|it| it == b'_' || it.is_ascii_alphanumeric())
}

/// The next complete command of `text` from `at`, and where it ends; None at the end of the text.
pub fn next_command(
    text: &str,
    at: usize,
    line: u32,
    more: bool,
) -> Result<Option<(Arc<Node>, usize, u32)>, Fault> {
    let mut parser = Parser { text, at, depth: 0, line, here: None, more };
    parser.skip_newlines();
    if parser.at == text.len() {
        return Ok(None);
    }
    let node = parser.list(true)?;
    parser.skip_blanks();
    match parser.peek() {
        None => {}
        Some(b'\n') => parser.newline(),
        Some(_) => return Err(parser.unexpected(None)),
    }
    Ok(Some((Arc::new(node), parser.at, parser.line)))
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn starts(&self, text: &str) -> bool {
        self.text[self.at..].starts_with(text)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.starts(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.starts("\\\n") => {
                    self.at += 2;
                    self.line += 1;
                }
                Some(b'#') => {
                    while self.peek().is_some_and(|it| it != b'\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn newline(&mut self) {
        let old = self.at;
        self.at += 1;
        if let Some((end, resume)) = self.here
            && old == end
        {
            self.at = resume;
            self.here = None;
        }
        self.line += self.text[old..self.at].bytes().filter(|it| *it == b'\n').count() as u32;
    }

    pub(super) fn skip_newlines(&mut self) {
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'\n') {
                return;
            }
            self.newline();
        }
    }

    /// The word at this place, if it is plain text: a reserved word, perhaps.
    fn plain(&self) -> &str {
        let rest = &self.text[self.at..];
        let end = rest.bytes().position(is_meta).unwrap_or(rest.len());
        &rest[..end]
    }

    fn unexpected(&self, expecting: Option<&'static str>) -> Fault {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Fault::End(expecting);
        }
        let two = [";;", "&&", "||", "<<", ">>", "<&", ">&"];
        let token = match rest.as_bytes()[0] {
            b'\n' => return Fault::Unexpected("newline".to_owned(), expecting),
            _ if two.iter().any(|it| rest.starts_with(it)) => &rest[..2],
            byte if is_meta(byte) => &rest[..1],
            _ => self.plain(),
        };
        Fault::Unexpected(format!("\"{token}\""), expecting)
    }

    pub(super) fn expect(&mut self, word: &'static str) -> Result<(), Fault> {
        self.skip_newlines();
        if self.plain() == word || (!word.as_bytes()[0].is_ascii_alphabetic() && self.starts(word)) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.unexpected(Some(word)))
    }

    pub(super) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err(Fault::TooDeep);
        }
        let outcome = inner(self);
        self.depth -= 1;
        outcome
    }

    /// Commands up to something that ends a list; only one line of them when `line` says so.
    fn list(&mut self, line: bool) -> Result<Node, Fault> {
        let mut items = Vec::new();
        loop {
            if line {
                self.skip_blanks();
            } else {
                self.skip_newlines();
            }
            match self.peek() {
                None | Some(b')' | b'\n') => break,
                Some(b';') if self.starts(";;") || self.starts(";&") => break,
                _ if RESERVED_ENDS.contains(&self.plain()) => break,
                _ => {}
            }
            let node = self.and_or()?;
            self.skip_blanks();
            let background = self.peek() == Some(b'&') && !self.starts("&&");
            items.push((Arc::new(node), background));
            if background || (self.peek() == Some(b';') && !self.starts(";;") && !self.starts(";&")) {
                self.at += 1;
            } else if line || self.peek() != Some(b'\n') {
                break;
            }
        }
        if items.is_empty() {
            return Err(self.unexpected(None));
        }
        if items.len() == 1 && !items[0].1 {
            return Ok(Arc::unwrap_or_clone(items.remove(0).0));
        }
        Ok(Node::List(items))
    }

    fn and_or(&mut self) -> Result<Node, Fault> {
        let mut left = self.pipeline()?;
        loop {
            self.skip_blanks();
            let and = self.starts("&&");
            if !and && !self.starts("||") {
                return Ok(left);
            }
            self.at += 2;
            self.skip_newlines();
            let right = Arc::new(self.pipeline()?);
            left = if and { Node::And(Arc::new(left), right) } else { Node::Or(Arc::new(left), right) };
        }
    }

    fn pipeline(&mut self) -> Result<Node, Fault> {
        self.skip_blanks();
        if self.plain() == "!" {
            self.at += 1;
            return Ok(Node::Not(Arc::new(self.pipeline()?)));
        }
        if self.plain() == "time" {
            self.at += 4;
            return Ok(Node::Time(Arc::new(self.pipeline()?)));
        }
        let mut parts = vec![Arc::new(self.nested(Self::command)?)];
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'|') || self.starts("||") {
                break;
            }
            self.at += 1;
            if self.eat("&") {
                let both = Redirect {
                    number: Some(2),
                    kind: RedirectKind::Duplicate,
                    target: vec![Part::Literal("1".to_owned())],
                };
                let last = parts.pop().expect("a pipeline has a part");
                parts.push(Arc::new(Node::Redirected(last, vec![both])));
            }
            self.skip_newlines();
            parts.push(Arc::new(self.nested(Self::command)?));
        }
        Ok(if parts.len() == 1 { Arc::unwrap_or_clone(parts.remove(0)) } else { Node::Pipeline(parts) })
    }

    pub(super) fn body(&mut self) -> Result<Arc<Node>, Fault> {
        self.nested(|it| it.list(false)).map(Arc::new)
    }

    fn command(&mut self) -> Result<Node, Fault> {
        self.skip_blanks();
        let node = match self.plain() {
            "if" => {
                self.at += 2;
                self.rest_of_if()?
            }
            word @ ("while" | "until") => {
                let until = word == "until";
                self.at += 5;
                let condition = self.body()?;
                self.expect("do")?;
                let body = self.body()?;
                self.expect("done")?;
                Node::While { condition, body, until }
            }
            "for" => self.for_loop()?,
            "case" => self.case()?,
            "{" => {
                self.at += 1;
                let body = self.body()?;
                self.expect("}")?;
                Node::List(vec![(body, false)])
            }
            "function" => {
                self.at += 8;
                self.skip_blanks();
                let name = self.plain().to_owned();
                self.at += name.len();
                self.skip_blanks();
                if self.eat("(") {
                    self.expect(")")?;
                }
                return self.function(name);
            }
            "" if self.starts("((") && self.arithmetic_end(self.at + 2).is_some() => {
                self.at += 2;
                Node::Arithmetic(self.arithmetic()?)
            }
            "" if self.peek() == Some(b'(') => {
                self.at += 1;
                let body = self.body()?;
                self.expect(")")?;
                Node::Subshell(body)
            }
            word if RESERVED_ENDS.contains(&word) => return Err(self.unexpected(None)),
            word => {
                let after = self.text[self.at + word.len()..].trim_start_matches([' ', '\t']);
                if after.starts_with('(')
                    && after[1..].trim_start_matches([' ', '\t']).starts_with(')')
                    && !word.is_empty()
                    && word
                        .bytes()
                        .all(|it| it == b'_' || it == b'-' || it == b':' || it.is_ascii_alphanumeric())
                {
                    let name = word.to_owned();
                    self.at += name.len();
                    self.skip_blanks();
                    self.at += 1;
                    self.expect(")")?;
                    return self.function(name);
                }
                return self.simple();
            }
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        Ok(if redirects.is_empty() { node } else { Node::Redirected(Arc::new(node), redirects) })
    }

    fn function(&mut self, name: String) -> Result<Node, Fault> {
        self.skip_newlines();
        let body = Arc::new(self.nested(Self::command)?);
        Ok(Node::Function { name, body })
    }

    fn rest_of_if(&mut self) -> Result<Node, Fault> {
        let condition = self.body()?;
        self.expect("then")?;
        let then = self.body()?;
        self.skip_newlines();
        let otherwise = match self.plain() {
            "elif" => {
                self.at += 4;
                return Ok(Node::If {
                    condition,
                    then,
                    otherwise: Some(Arc::new(self.nested(Self::rest_of_if)?)),
                });
            }
            "else" => {
                self.at += 4;
                Some(self.body()?)
            }
            _ => None,
        };
        self.expect("fi")?;
        Ok(Node::If { condition, then, otherwise })
    }

    fn for_loop(&mut self) -> Result<Node, Fault> {
        self.at += 3;
        self.skip_blanks();
        if self.starts("((") {
            return self.c_style_for();
        }
        let name = self.plain().to_owned();
        if !is_name(&name) {
            return Err(self.unexpected(None));
        }
        self.at += name.len();
        self.skip_newlines();
        let mut words = None;
        if self.plain() == "in" {
            self.at += 2;
            let mut all = Vec::new();
            loop {
                self.skip_blanks();
                match self.peek() {
                    Some(b';' | b'\n') | None => break,
                    Some(byte) if is_meta(byte) => return Err(self.unexpected(None)),
                    Some(_) => all.push(self.word()?),
                }
            }
            words = Some(all);
        }
        self.skip_blanks();
        if self.peek() == Some(b';') {
            self.at += 1;
        }
        self.expect("do")?;
        let body = self.body()?;
        self.expect("done")?;
        Ok(Node::For { name, words, body })
    }

    /// `for ((i=0; i<3; i++))` is a while loop. DIFFERENCE: `continue` in it skips the last expression.
    fn c_style_for(&mut self) -> Result<Node, Fault> {
        self.at += 2;
        let end = self.arithmetic_end(self.at).ok_or(Fault::End(Some("))")))?;
        let parts: Vec<String> = self.text[self.at..end].split(';').map(str::to_owned).gather();
        self.at = end + 2;
        let expression = |text: &str| -> Result<Arc<Node>, Fault> {
            let text = if text.trim().is_empty() { "1" } else { text };
            let mut inner =
                Parser { text, at: 0, depth: self.depth, line: self.line, here: None, more: false };
            Ok(Arc::new(Node::Arithmetic(inner.parts(|_| false, true)?)))
        };
        let [first, condition, next] = [0, 1, 2].map(|it| parts.get(it).map_or("", String::as_str));
        let (first, condition, next) = (expression(first)?, expression(condition)?, expression(next)?);
        self.skip_blanks();
        self.eat(";");
        self.expect("do")?;
        let body = self.body()?;
        self.expect("done")?;
        let body = Arc::new(Node::List(vec![(body, false), (next, false)]));
        let repeat = Arc::new(Node::While { condition, body, until: false });
        Ok(Node::List(vec![(first, false), (repeat, false)]))
    }

    fn case(&mut self) -> Result<Node, Fault> {
        self.at += 4;
        self.skip_blanks();
        let word = self.word()?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines();
            if self.plain() == "esac" {
                self.at += 4;
                return Ok(Node::Case { word, arms });
            }
            self.eat("(");
            let mut patterns = Vec::new();
            loop {
                self.skip_blanks();
                if self.peek().is_none_or(is_meta) {
                    return Err(self.unexpected(Some("esac")));
                }
                patterns.push(self.word()?);
                self.skip_blanks();
                if !self.eat("|") {
                    break;
                }
            }
            self.expect(")")?;
            self.skip_newlines();
            let empty = self.starts(";;") || self.plain() == "esac";
            let body = if empty { Arc::new(Node::List(Vec::new())) } else { self.body()? };
            self.skip_newlines();
            let falls_through = self.eat(";;&") || self.eat(";&");
            if !falls_through && !self.eat(";;") && self.plain() != "esac" {
                return Err(self.unexpected(Some("esac")));
            }
            arms.push(Arm { patterns, body, falls_through });
        }
    }

    fn simple(&mut self) -> Result<Node, Fault> {
        let mut simple = Simple { line: self.line, ..Simple::default() };
        loop {
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            let Some(byte) = self.peek() else { break };
            if is_meta(byte) {
                break;
            }
            if simple.words.is_empty()
                && let Some(assignment) = self.assignment()?
            {
                simple.assignments.push(assignment);
                continue;
            }
            let test = simple.words.first().is_some_and(|it| *it == [Part::Literal("[[".to_owned())]);
            let word = self.word()?;
            let closes = test && word == [Part::Literal("]]".to_owned())];
            simple.words.push(word);
            if simple.words.len() == 1 && simple.words[0] == [Part::Literal("[[".to_owned())] {
                self.double_bracket(&mut simple.words)?;
            }
            if closes {
                break;
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
            return Err(self.unexpected(None));
        }
        Ok(Node::Simple(simple))
    }

    /// The words of `[[ … ]]`, in which operators mean themselves.
    fn double_bracket(&mut self, words: &mut Vec<Word>) -> Result<(), Fault> {
        loop {
            self.skip_newlines();
            let Some(byte) = self.peek() else { return Err(Fault::End(Some("]]"))) };
            if is_meta(byte) {
                let length = if self.starts("&&") || self.starts("||") { 2 } else { 1 };
                words.push(vec![Part::Literal(self.text[self.at..self.at + length].to_owned())]);
                self.at += length;
                continue;
            }
            let regex = words.last().is_some_and(|it| *it == [Part::Literal("=~".to_owned())]);
            let word =
                if regex { self.parts(|byte| byte == b' ' || byte == b'\n', false)? } else { self.word()? };
            let last = word == [Part::Literal("]]".to_owned())];
            words.push(word);
            if last {
                return Ok(());
            }
        }
    }

    fn assignment(&mut self) -> Result<Option<Assignment>, Fault> {
        let rest = &self.text[self.at..];
        let Some(equals) = rest.find('=') else { return Ok(None) };
        let append = rest[..equals].ends_with('+');
        let name = &rest[..equals - usize::from(append)];
        if !is_name(name) {
            return Ok(None);
        }
        let name = name.to_owned();
        self.at += equals + 1;
        let value = if self.peek().is_none_or(is_meta) { Vec::new() } else { self.word()? };
        Ok(Some(Assignment { name, append, value }))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Fault> {
        self.skip_blanks();
        let start = self.at;
        let digits = self.text[start..].bytes().take_while(u8::is_ascii_digit).count();
        let number = self.text[start..start + digits].parse().ok();
        self.at += digits;
        let table = [
            ("<<<", RedirectKind::HereString),
            ("<<", RedirectKind::Here),
            ("<&", RedirectKind::Duplicate),
            ("<>", RedirectKind::ReadWrite),
            ("<", RedirectKind::Read),
            (">>", RedirectKind::Append),
            (">&", RedirectKind::Duplicate),
            (">|", RedirectKind::Write),
            (">", RedirectKind::Write),
            ("&>>", RedirectKind::BothAppend),
            ("&>", RedirectKind::Both),
        ];
        let found = table.iter().find(|it| self.starts(it.0) && (digits == 0 || !it.0.starts_with('&')));
        let Some((sign, kind)) = found else {
            self.at = start;
            return Ok(None);
        };
        self.at += sign.len();
        let out = sign.starts_with('>');
        let number = number.or(if *kind == RedirectKind::Duplicate { Some(u32::from(out)) } else { None });
        let dash = *kind == RedirectKind::Here && self.eat("-");
        self.skip_blanks();
        if self.peek().is_none_or(is_meta) {
            return Err(self.unexpected(None));
        }
        let word_start = self.at;
        let target = self.word()?;
        if *kind != RedirectKind::Here {
            return Ok(Some(Redirect { number, kind: *kind, target }));
        }
        let raw = &self.text[word_start..self.at];
        let quoted = raw.contains(['\'', '"', '\\']);
        let delimiter = raw.replace(['\'', '"', '\\'], "");
        let target = self.here_document(&delimiter, quoted, dash)?;
        Ok(Some(Redirect { number, kind: *kind, target }))
    }
}
