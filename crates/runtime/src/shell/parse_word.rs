//! The words of a command: quotes, parameters, substitutions, here documents.

use std::sync::Arc;

use super::ast::{Node, Operation, Parameter, Part, Word};
use super::parse::{Fault, Parser, is_meta};

impl Parser<'_> {
    pub(super) fn here_document(&mut self, delimiter: &str, quoted: bool, dash: bool) -> Result<Word, Fault> {
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

    pub(super) fn word(&mut self) -> Result<Word, Fault> {
        self.parts(is_meta, false)
    }

    /// Parts up to a byte that `ends`; `double`: as between double quotes (quotes mean themselves where they do there).
    pub(super) fn parts(&mut self, ends: fn(u8) -> bool, double: bool) -> Result<Vec<Part>, Fault> {
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

    pub(super) fn backquote(&mut self) -> Result<Part, Fault> {
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

    pub(super) fn substitution(&mut self) -> Result<Arc<Node>, Fault> {
        self.skip_newlines();
        if matches!(self.peek(), None | Some(b')')) {
            return Ok(Arc::new(Node::List(Vec::new())));
        }
        self.body()
    }

    /// After a `$`; None when it means itself.
    pub(super) fn dollar(&mut self, double: bool) -> Result<Option<Part>, Fault> {
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

    pub(super) fn ansi_quote(&mut self) -> Result<Part, Fault> {
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
    pub(super) fn parameter(&mut self, double: bool) -> Result<Part, Fault> {
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

    pub(super) fn operation(&mut self, double: bool) -> Result<Operation, Fault> {
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

    pub(super) fn operand(&mut self, double: bool, ends: fn(u8) -> bool) -> Result<Word, Fault> {
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
    pub(super) fn arithmetic_end(&self, from: usize) -> Option<usize> {
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

    pub(super) fn arithmetic(&mut self) -> Result<Vec<Part>, Fault> {
        let end = self.arithmetic_end(self.at).ok_or(Fault::End(Some("))")))?;
        let text = &self.text[self.at..end];
        let mut inner = Parser { text, at: 0, depth: self.depth, line: self.line, here: None, more: false };
        let parts = inner.parts(|_| false, true)?;
        self.at = end + 2;
        Ok(parts)
    }
}
