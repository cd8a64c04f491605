//! From text to [`Node`]s, one complete command at a time, as a shell reads its script.
//!
//! Follows POSIX.1-2024 Shell Command Language, section 2.10, and what busybox ash adds. No aliases.

use std::sync::Arc;

use super::ast::{Arm, Assignment, Node, Operation, Parameter, Part, Redirect, RedirectKind, Simple, Word};

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
    text: &'a str,
    at: usize,
    depth: u32,
    pub line: u32,
    /// Here-documents read ahead: where their line ends, and where the text goes on.
    here: Option<(usize, usize)>,
    /// More text may follow: a here-document without its end is not whole yet.
    more: bool,
}

const RESERVED_ENDS: [&str; 8] = ["then", "do", "done", "fi", "else", "elif", "esac", "}"];

fn is_meta(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

fn is_name(text: &str) -> bool {
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
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn starts(&self, text: &str) -> bool {
        self.text[self.at..].starts_with(text)
    }

    fn eat(&mut self, text: &str) -> bool {
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

    fn skip_newlines(&mut self) {
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

    fn expect(&mut self, word: &'static str) -> Result<(), Fault> {
        self.skip_newlines();
        if self.plain() == word || (!word.as_bytes()[0].is_ascii_alphabetic() && self.starts(word)) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.unexpected(Some(word)))
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
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

    fn body(&mut self) -> Result<Arc<Node>, Fault> {
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
        let parts: Vec<String> = self.text[self.at..end].split(';').map(str::to_owned).collect();
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

    fn here_document(&mut self, delimiter: &str, quoted: bool, dash: bool) -> Result<Word, Fault> {
        let (end, mut at) = self.here.unwrap_or_else(|| {
            let end = self.text[self.at..].find('\n').map_or(self.text.len(), |it| self.at + it);
            (end, (end + 1).min(self.text.len()))
        });
        let mut body = String::new();
        loop {
            if at == self.text.len() {
                if self.more {
                    return Err(Fault::End(None));
                }
                // The end of the text ends the document, too.
                break;
            }
            let line_end = self.text[at..].find('\n').map_or(self.text.len(), |it| at + it + 1);
            let line = &self.text[at..line_end];
            at = line_end;
            let line = if dash { line.trim_start_matches('\t') } else { line };
            if line.trim_end_matches('\n') == delimiter {
                break;
            }
            body.push_str(line);
        }
        self.here = Some((end, at));
        if quoted {
            return Ok(vec![Part::Quoted(body)]);
        }
        let mut inner =
            Parser { text: &body, at: 0, depth: self.depth, line: self.line, here: None, more: false };
        Ok(vec![Part::Double(inner.parts(|_| false, true)?)])
    }

    fn word(&mut self) -> Result<Word, Fault> {
        self.parts(is_meta, false)
    }

    /// Parts up to a byte that `ends`; `double`: as between double quotes (quotes mean themselves where they do there).
    fn parts(&mut self, ends: fn(u8) -> bool, double: bool) -> Result<Vec<Part>, Fault> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let flush = |literal: &mut String, parts: &mut Vec<Part>| {
            if !literal.is_empty() {
                let text = std::mem::take(literal);
                parts.push(if double { Part::Quoted(text) } else { Part::Literal(text) });
            }
        };
        while let Some(byte) = self.peek() {
            if ends(byte) {
                break;
            }
            match byte {
                b'\\' => {
                    self.at += 1;
                    let Some(next) = self.text[self.at..].chars().next() else {
                        literal.push('\\');
                        break;
                    };
                    self.at += next.len_utf8();
                    if next == '\n' {
                        self.line += 1;
                    } else if double && !matches!(next, '$' | '`' | '"' | '\\' | '}') {
                        literal.push('\\');
                        literal.push(next);
                    } else {
                        flush(&mut literal, &mut parts);
                        parts.push(Part::Quoted(next.to_string()));
                    }
                }
                b'\'' if !double => {
                    flush(&mut literal, &mut parts);
                    let end = self.text[self.at + 1..].find('\'').ok_or(Fault::UnterminatedQuote)?;
                    let text = self.text[self.at + 1..self.at + 1 + end].to_owned();
                    self.line += text.bytes().filter(|it| *it == b'\n').count() as u32;
                    parts.push(Part::Quoted(text));
                    self.at += end + 2;
                }
                b'"' if !double => {
                    flush(&mut literal, &mut parts);
                    self.at += 1;
                    let inner = self.nested(|it| it.parts(|byte| byte == b'"', true))?;
                    if !self.eat("\"") {
                        return Err(Fault::UnterminatedQuote);
                    }
                    parts.push(Part::Double(inner));
                }
                b'$' => {
                    let before = self.at;
                    if let Some(part) = self.nested(|it| it.dollar(double))? {
                        flush(&mut literal, &mut parts);
                        parts.push(part);
                    } else {
                        self.at = before + 1;
                        literal.push('$');
                    }
                }
                b'`' => {
                    flush(&mut literal, &mut parts);
                    parts.push(self.backquote()?);
                }
                _ => {
                    if byte == b'\n' {
                        self.line += 1;
                    }
                    let next = self.text[self.at..].chars().next().expect("there is a byte");
                    self.at += next.len_utf8();
                    literal.push(next);
                }
            }
        }
        flush(&mut literal, &mut parts);
        Ok(parts)
    }

    fn backquote(&mut self) -> Result<Part, Fault> {
        self.at += 1;
        let mut inner = String::new();
        loop {
            let Some(next) = self.text[self.at..].chars().next() else {
                return Err(Fault::UnterminatedQuote);
            };
            self.at += next.len_utf8();
            match next {
                '`' => break,
                '\\' if self.peek().is_some_and(|it| matches!(it, b'`' | b'\\' | b'$')) => {
                    inner.push(char::from(self.peek().unwrap_or(b'\\')));
                    self.at += 1;
                }
                other => inner.push(other),
            }
        }
        let mut parser =
            Parser { text: &inner, at: 0, depth: self.depth, line: self.line, here: None, more: false };
        Ok(Part::Command(parser.substitution()?))
    }

    fn substitution(&mut self) -> Result<Arc<Node>, Fault> {
        self.skip_newlines();
        if matches!(self.peek(), None | Some(b')')) {
            return Ok(Arc::new(Node::List(Vec::new())));
        }
        self.body()
    }

    /// After a `$`; None when it means itself.
    fn dollar(&mut self, double: bool) -> Result<Option<Part>, Fault> {
        self.at += 1;
        let plain = |name: &str| {
            let parameter = Parameter { name: name.to_owned(), operation: Operation::Plain };
            Part::Parameter(Box::new(parameter))
        };
        let Some(byte) = self.peek() else { return Ok(None) };
        match byte {
            b'(' if self.starts("((") && self.arithmetic_end(self.at + 2).is_some() => {
                self.at += 2;
                Ok(Some(Part::Arithmetic(self.arithmetic()?)))
            }
            b'(' => {
                self.at += 1;
                let here = self.here.take();
                let node = self.substitution()?;
                self.here = here;
                self.expect(")")?;
                Ok(Some(Part::Command(node)))
            }
            b'{' => {
                self.at += 1;
                self.parameter(double).map(Some)
            }
            b'\'' if !double => self.ansi_quote().map(Some),
            b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-' | b'0'..=b'9' => {
                self.at += 1;
                Ok(Some(plain(&char::from(byte).to_string())))
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest.bytes().take_while(|it| *it == b'_' || it.is_ascii_alphanumeric()).count();
                if end == 0 {
                    return Ok(None);
                }
                let part = plain(&rest[..end]);
                self.at += end;
                Ok(Some(part))
            }
        }
    }

    fn ansi_quote(&mut self) -> Result<Part, Fault> {
        let start = self.at + 1;
        let mut end = start;
        let bytes = self.text.as_bytes();
        while bytes.get(end).is_some_and(|it| *it != b'\'') {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        if bytes.len() <= end {
            return Err(Fault::UnterminatedQuote);
        }
        self.at = end + 1;
        Ok(Part::Quoted(super::escapes::unescape(&self.text[start..end], false).0))
    }

    /// After `${`.
    fn parameter(&mut self, double: bool) -> Result<Part, Fault> {
        let rest = &self.text[self.at..];
        if rest.starts_with('#') && !rest.starts_with("#}") && !rest[1..].starts_with(['-', ':', '?', '=']) {
            let end = rest.find('}').ok_or(Fault::End(Some("}")))?;
            let name = rest[1..end].to_owned();
            self.at += end + 1;
            return Ok(Part::Parameter(Box::new(Parameter { name, operation: Operation::Length })));
        }
        let length = match rest.as_bytes().first() {
            None => return Err(Fault::End(Some("}"))),
            Some(b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-') => 1,
            Some(_) => rest.bytes().take_while(|it| *it == b'_' || it.is_ascii_alphanumeric()).count(),
        };
        if length == 0 {
            return Err(Fault::BadSubstitution);
        }
        let name = rest[..length].to_owned();
        self.at += length;
        let operation = self.operation(double)?;
        if !self.eat("}") {
            return Err(if self.peek().is_none() { Fault::End(Some("}")) } else { Fault::BadSubstitution });
        }
        Ok(Part::Parameter(Box::new(Parameter { name, operation })))
    }

    fn operation(&mut self, double: bool) -> Result<Operation, Fault> {
        let brace: fn(u8) -> bool = |byte| byte == b'}';
        let colon = self.starts(":") && self.text[self.at + 1..].starts_with(['-', '=', '?', '+']);
        if colon {
            self.at += 1;
        }
        let Some(byte) = self.peek() else { return Err(Fault::End(Some("}"))) };
        if matches!(byte, b'-' | b'=' | b'?' | b'+') {
            self.at += 1;
            let word = self.operand(double, brace)?;
            return Ok(Operation::Test { how: byte, colon, word });
        }
        if self.eat(":") {
            let from = self.parts(|byte| byte == b'}' || byte == b':', false)?;
            let length = if self.eat(":") { Some(self.parts(brace, false)?) } else { None };
            return Ok(Operation::Slice { from, length });
        }
        for (sign, front, longest) in
            [("##", true, true), ("#", true, false), ("%%", false, true), ("%", false, false)]
        {
            if self.eat(sign) {
                return Ok(Operation::Trim { front, longest, pattern: self.parts(brace, false)? });
            }
        }
        if self.eat("/") {
            let all = self.eat("/");
            let pattern = self.parts(|byte| byte == b'}' || byte == b'/', false)?;
            let with = if self.eat("/") { self.parts(brace, false)? } else { Vec::new() };
            return Ok(Operation::Replace { all, pattern, with });
        }
        Ok(Operation::Plain)
    }

    fn operand(&mut self, double: bool, ends: fn(u8) -> bool) -> Result<Word, Fault> {
        if !double {
            return self.parts(ends, false);
        }
        // Between double quotes, inner double quotes only group.
        let mut all = Vec::new();
        loop {
            all.extend(self.parts(|byte| byte == b'}' || byte == b'"', true)?);
            if !self.eat("\"") {
                return Ok(all);
            }
        }
    }

    /// Where the `))` of an arithmetic expression stands that begins at `from`.
    fn arithmetic_end(&self, from: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut depth = 0;
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => return (bytes.get(at + 1) == Some(&b')')).then_some(at),
                b')' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        None
    }

    fn arithmetic(&mut self) -> Result<Vec<Part>, Fault> {
        let end = self.arithmetic_end(self.at).ok_or(Fault::End(Some("))")))?;
        let text = &self.text[self.at..end];
        let mut inner = Parser { text, at: 0, depth: self.depth, line: self.line, here: None, more: false };
        let parts = inner.parts(|_| false, true)?;
        self.at = end + 2;
        Ok(parts)
    }
}
