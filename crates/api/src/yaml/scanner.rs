//! From text to tokens, with the very errors that go-yaml gives.
//!
//! Follows go.yaml.in/yaml/v2 scannerc.go, itself a port of libyaml: simple keys are remembered and turned into
//! `Key` tokens when their `:` is found, indentation becomes block tokens. Comments and `%TAG` are skipped.

use std::collections::VecDeque;

use sim::Gather as _;

use super::YamlError;

/// A place in the text. Lines and columns count from zero, columns in characters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    pub line: u32,
    pub column: u32,
    /// In bytes.
    pub offset: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    StreamEnd,
    /// `%YAML 1.1`; false for any other version.
    Version(bool),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag(String),
    Scalar {
        value: String,
        plain: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub token: Token,
    pub start: Mark,
    pub end: Mark,
}

#[derive(Debug, Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token_number: usize,
    mark: Mark,
}

/// go-yaml allows 10,000; so deep a tree would only endanger the stack, and no object is half as deep as this.
pub const DEPTH_MAX: usize = 200;

type Scan<T> = Result<T, YamlError>;

pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    mark: Mark,
    tokens: VecDeque<Placed>,
    /// How many tokens the parser has taken.
    taken: usize,
    ended: bool,
    indent: i64,
    indents: Vec<i64>,
    flow_level: usize,
    simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
}

fn is_break(bytes: &[u8]) -> bool {
    matches!(bytes, [b'\n' | b'\r', ..] | [0xC2, 0x85, ..] | [0xE2, 0x80, 0xA8 | 0xA9, ..])
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        Scanner {
            text,
            bytes: text.as_bytes(),
            mark: Mark::default(),
            tokens: VecDeque::new(),
            taken: 0,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Scan<&Placed> {
        loop {
            if !self.tokens.is_empty() {
                // A token that may turn out to be a simple key has to wait until that is known.
                let head = self.taken;
                let waiting = self.simple_keys.iter().position(|it| it.possible && it.token_number == head);
                match waiting {
                    None => break,
                    Some(index) => {
                        if !self.key_is_valid(index)? {
                            break;
                        }
                    }
                }
            }
            if self.ended {
                break;
            }
            self.fetch()?;
        }
        Ok(self.tokens.front().expect("the stream's end is a token"))
    }

    pub(super) fn take(&mut self) -> Scan<Placed> {
        self.peek()?;
        if self.tokens.len() == 1 && self.ended {
            return Ok(self.tokens[0].clone());
        }
        self.taken += 1;
        Ok(self.tokens.pop_front().expect("peeked"))
    }

    fn error<T>(&self, context: Mark, problem: &str) -> Scan<T> {
        // Follows decode.go: fail. A scanner's line counts from one, a problem on the first line falls back on the context.
        let line = if self.mark.line != 0 { self.mark.line + 1 } else { context.line };
        Err(YamlError::at(line, problem, self.mark))
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.mark.offset as usize..]
    }

    fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.mark.offset as usize + ahead).copied().unwrap_or(0)
    }

    fn is_end(&self) -> bool {
        self.bytes.len() <= self.mark.offset as usize
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.at(ahead), b' ' | b'\t')
    }

    fn is_break(&self, ahead: usize) -> bool {
        self.bytes.get(self.mark.offset as usize + ahead..).is_some_and(is_break)
    }

    fn is_breakz(&self, ahead: usize) -> bool {
        self.bytes.len() <= self.mark.offset as usize + ahead || self.is_break(ahead)
    }

    fn is_blankz(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_breakz(ahead)
    }

    fn char(&self) -> Option<char> {
        self.text[self.mark.offset as usize..].chars().next()
    }

    fn skip(&mut self) {
        if let Some(c) = self.char() {
            self.mark.offset += c.len_utf8() as u32;
            self.mark.column += 1;
        }
    }

    fn skip_n(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    fn read(&mut self, into: &mut String) {
        if let Some(c) = self.char() {
            into.push(c);
            self.skip();
        }
    }

    fn skip_line(&mut self) {
        let length = match self.rest() {
            [b'\r', b'\n', ..] | [0xC2, 0x85, ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            [0xE2, ..] => 3,
            _ => return,
        };
        self.mark.offset += length;
        self.mark.line += 1;
        self.mark.column = 0;
    }

    fn read_line(&mut self, into: &mut String) {
        match self.rest() {
            [b'\r' | b'\n', ..] | [0xC2, 0x85, ..] => into.push('\n'),
            [0xE2, 0x80, 0xA8, ..] => into.push('\u{2028}'),
            [0xE2, 0x80, 0xA9, ..] => into.push('\u{2029}'),
            _ => {}
        }
        self.skip_line();
    }

    fn key_is_valid(&mut self, index: usize) -> Scan<bool> {
        let key = self.simple_keys[index];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < self.mark.line || key.mark.offset + 1024 < self.mark.offset {
            if key.required {
                return self.error(key.mark, "could not find expected ':'");
            }
            self.simple_keys[index].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn save_simple_key(&mut self) -> Scan<()> {
        let required = self.flow_level == 0 && self.indent == i64::from(self.mark.column);
        if self.simple_key_allowed {
            self.remove_simple_key()?;
            let token_number = self.taken + self.tokens.len();
            *self.simple_keys.last_mut().expect("one per level") =
                SimpleKey { possible: true, required, token_number, mark: self.mark };
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scan<()> {
        let key = *self.simple_keys.last().expect("one per level");
        if key.possible && key.required {
            return self.error(key.mark, "could not find expected ':'");
        }
        self.simple_keys.last_mut().expect("one per level").possible = false;
        Ok(())
    }

    fn too_deep<T>(&self) -> Scan<T> {
        self.error(self.mark, &format!("exceeded max depth of {DEPTH_MAX}"))
    }

    fn roll_indent(&mut self, column: u32, number: Option<usize>, token: Token, mark: Mark) -> Scan<()> {
        if self.flow_level == 0 && self.indent < i64::from(column) {
            self.indents.push(self.indent);
            self.indent = i64::from(column);
            if DEPTH_MAX < self.indents.len() {
                return self.too_deep();
            }
            let placed = Placed { token, start: mark, end: mark };
            match number {
                None => self.tokens.push_back(placed),
                Some(number) => self.tokens.insert(number - self.taken, placed),
            }
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: i64) {
        if self.flow_level == 0 {
            while column < self.indent {
                self.push(Token::BlockEnd, self.mark);
                self.indent = self.indents.pop().unwrap_or(-1);
            }
        }
    }

    /// Appends a token that ends here.
    fn push(&mut self, token: Token, start: Mark) {
        self.tokens.push_back(Placed { token, start, end: self.mark });
    }

    fn push_indicator(&mut self, token: Token, width: usize) {
        let start = self.mark;
        self.skip_n(width);
        self.push(token, start);
    }

    fn fetch(&mut self) -> Scan<()> {
        self.scan_to_next_token();
        self.unroll_indent(i64::from(self.mark.column));
        if self.is_end() {
            return self.fetch_stream_end();
        }
        let c = self.at(0);
        if self.mark.column == 0 {
            if c == b'%' {
                return self.fetch_directive();
            }
            if (self.rest().starts_with(b"---") || self.rest().starts_with(b"...")) && self.is_blankz(3) {
                self.unroll_indent(-1);
                self.remove_simple_key()?;
                self.simple_key_allowed = false;
                self.push_indicator(if c == b'-' { Token::DocumentStart } else { Token::DocumentEnd }, 3);
                return Ok(());
            }
        }
        let in_flow = 0 < self.flow_level;
        match c {
            b'[' => self.fetch_flow_start(Token::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Token::FlowMappingStart),
            b']' => self.fetch_flow_end(Token::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Token::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(Token::FlowEntry, 1);
                Ok(())
            }
            b'-' if self.is_blankz(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blankz(1) => self.fetch_key(),
            b':' if in_flow || self.is_blankz(1) => self.fetch_value(),
            b'*' | b'&' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_anchor(c == b'*')
            }
            b'!' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_tag()
            }
            b'|' | b'>' if !in_flow => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.scan_block_scalar(c == b'|')
            }
            b'\'' | b'"' => {
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_flow_scalar(c == b'\'')
            }
            _ => {
                let indicator = self.is_blankz(0) || b"-?:,[]{}#&*!|>'\"%@`".contains(&c);
                let plain = !indicator
                    || (c == b'-' && !self.is_blank(1))
                    || (!in_flow && (c == b'?' || c == b':') && !self.is_blankz(1));
                if !plain {
                    return self.error(self.mark, "found character that cannot start any token");
                }
                self.save_simple_key()?;
                self.simple_key_allowed = false;
                self.scan_plain_scalar()
            }
        }
    }

    fn scan_to_next_token(&mut self) {
        loop {
            if self.mark.column == 0 && self.rest().starts_with(b"\xEF\xBB\xBF") {
                self.skip();
            }
            while self.at(0) == b' '
                || ((0 < self.flow_level || !self.simple_key_allowed) && self.at(0) == b'\t')
            {
                self.skip();
            }
            if self.at(0) == b'#' {
                while !self.is_breakz(0) {
                    self.skip();
                }
            }
            if !self.is_break(0) {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.ended = true;
        self.push(Token::StreamEnd, self.mark);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark;
        let mut line = String::new();
        while !self.is_breakz(0) {
            self.read(&mut line);
        }
        match line.split_whitespace().gather()[..] {
            ["%YAML", version, ..] => self.push(Token::Version(version == "1.1"), start),
            ["%TAG", ..] => {}
            _ => return self.error(start, "found unknown directive name"),
        }
        Ok(())
    }

    fn fetch_flow_start(&mut self, token: Token) -> Scan<()> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey::default());
        self.flow_level += 1;
        if DEPTH_MAX < self.flow_level {
            return self.too_deep();
        }
        self.simple_key_allowed = true;
        self.push_indicator(token, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, token: Token) -> Scan<()> {
        self.remove_simple_key()?;
        if 0 < self.flow_level {
            self.flow_level -= 1;
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_indicator(token, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(self.mark, "block sequence entries are not allowed in this context");
            }
            self.roll_indent(self.mark.column, None, Token::BlockSequenceStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(Token::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error(self.mark, "mapping keys are not allowed in this context");
            }
            self.roll_indent(self.mark.column, None, Token::BlockMappingStart, self.mark)?;
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.push_indicator(Token::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let index = self.simple_keys.len() - 1;
        if self.key_is_valid(index)? {
            let key = self.simple_keys[index];
            let placed = Placed { token: Token::Key, start: key.mark, end: key.mark };
            self.tokens.insert(key.token_number - self.taken, placed);
            self.roll_indent(key.mark.column, Some(key.token_number), Token::BlockMappingStart, key.mark)?;
            self.simple_keys[index].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.error(self.mark, "mapping values are not allowed in this context");
                }
                self.roll_indent(self.mark.column, None, Token::BlockMappingStart, self.mark)?;
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Token::Value, 1);
        Ok(())
    }

    fn scan_anchor(&mut self, alias: bool) -> Scan<()> {
        let start = self.mark;
        self.skip();
        let mut name = String::new();
        while self.at(0).is_ascii_alphanumeric() || matches!(self.at(0), b'_' | b'-') {
            self.read(&mut name);
        }
        if name.is_empty() || !(self.is_blankz(0) || b"?:,]}%@`".contains(&self.at(0))) {
            return self.error(start, "did not find expected alphabetic or numeric character");
        }
        self.push(if alias { Token::Alias(name) } else { Token::Anchor(name) }, start);
        Ok(())
    }

    fn scan_tag(&mut self) -> Scan<()> {
        let start = self.mark;
        let mut tag = String::new();
        while !(self.is_blankz(0) || (0 < self.flow_level && b",]}".contains(&self.at(0)))) {
            self.read(&mut tag);
        }
        if !self.is_blankz(0) {
            return self.error(start, "did not find expected whitespace or line break");
        }
        self.push(Token::Tag(tag), start);
        Ok(())
    }

    /// `|`, `>` and what stands after them; answers with chomping (−1, 0, +1) and indentation.
    fn scan_block_header(&mut self, start: Mark) -> Scan<(i8, u32)> {
        let (mut chomping, mut increment) = (0, 0);
        for _ in 0..2 {
            match self.at(0) {
                c @ (b'+' | b'-') if chomping == 0 => {
                    chomping = if c == b'+' { 1 } else { -1 };
                    self.skip();
                }
                b'0' if increment == 0 => {
                    return self.error(start, "found an indentation indicator equal to 0");
                }
                c @ b'1'..=b'9' if increment == 0 => {
                    increment = u32::from(c - b'0');
                    self.skip();
                }
                _ => {}
            }
        }
        while self.is_blank(0) {
            self.skip();
        }
        if self.at(0) == b'#' {
            while !self.is_breakz(0) {
                self.skip();
            }
        }
        if !self.is_breakz(0) {
            return self.error(start, "did not find expected comment or line break");
        }
        self.skip_line();
        Ok((chomping, increment))
    }

    fn scan_block_scalar(&mut self, literal: bool) -> Scan<()> {
        let start = self.mark;
        self.skip();
        let (chomping, increment) = self.scan_block_header(start)?;
        let mut indent = if increment == 0 { 0 } else { self.indent.max(0) as u32 + increment };
        let (mut value, mut leading, mut trailing) = (String::new(), String::new(), String::new());
        let mut end = self.scan_block_breaks(&mut indent, &mut trailing, start)?;
        let mut leading_blank = false;
        while self.mark.column == indent && !self.is_end() {
            let trailing_blank = self.is_blank(0);
            if !literal && !leading_blank && !trailing_blank && leading.starts_with('\n') {
                if trailing.is_empty() {
                    value.push(' ');
                }
            } else {
                value.push_str(&leading);
            }
            leading.clear();
            value.push_str(&trailing);
            trailing.clear();
            leading_blank = self.is_blank(0);
            while !self.is_breakz(0) {
                self.read(&mut value);
            }
            self.read_line(&mut leading);
            end = self.scan_block_breaks(&mut indent, &mut trailing, start)?;
        }
        if chomping != -1 {
            value.push_str(&leading);
        }
        if chomping == 1 {
            value.push_str(&trailing);
        }
        self.tokens.push_back(Placed { token: Token::Scalar { value, plain: false }, start, end });
        Ok(())
    }

    fn scan_block_breaks(&mut self, indent: &mut u32, breaks: &mut String, start: Mark) -> Scan<Mark> {
        let (mut end, mut widest) = (self.mark, 0);
        loop {
            while (*indent == 0 || self.mark.column < *indent) && self.at(0) == b' ' {
                self.skip();
            }
            widest = widest.max(self.mark.column);
            if (*indent == 0 || self.mark.column < *indent) && self.at(0) == b'\t' {
                return self.error(start, "found a tab character where an indentation space is expected");
            }
            if !self.is_break(0) {
                break;
            }
            self.read_line(breaks);
            end = self.mark;
        }
        if *indent == 0 {
            *indent = widest.max((self.indent + 1).max(1) as u32);
        }
        Ok(end)
    }

    fn at_document_indicator(&self) -> bool {
        self.mark.column == 0
            && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."))
            && self.is_blankz(3)
    }

    fn scan_flow_scalar(&mut self, single: bool) -> Scan<()> {
        let start = self.mark;
        let quote = self.at(0);
        self.skip();
        let mut value = String::new();
        loop {
            if self.at_document_indicator() {
                return self.error(start, "found unexpected document indicator");
            }
            if self.is_end() {
                return self.error(start, "found unexpected end of stream");
            }
            let mut leading_blanks = false;
            while !self.is_blankz(0) {
                let c = self.at(0);
                if single && c == b'\'' && self.at(1) == b'\'' {
                    value.push('\'');
                    self.skip_n(2);
                } else if c == quote {
                    break;
                } else if !single && c == b'\\' && self.is_break(1) {
                    self.skip();
                    self.skip_line();
                    leading_blanks = true;
                    break;
                } else if !single && c == b'\\' {
                    self.scan_escape(start, &mut value)?;
                } else {
                    self.read(&mut value);
                }
            }
            if self.at(0) == quote {
                break;
            }
            self.scan_fold(&mut value, leading_blanks);
        }
        self.skip();
        self.push(Token::Scalar { value, plain: false }, start);
        Ok(())
    }

    /// Blanks and line breaks inside a quoted scalar.
    fn scan_fold(&mut self, value: &mut String, mut leading_blanks: bool) {
        let (mut blanks, mut leading, mut trailing) = (String::new(), String::new(), String::new());
        while self.is_blank(0) || self.is_break(0) {
            if self.is_blank(0) {
                if leading_blanks {
                    self.skip();
                } else {
                    self.read(&mut blanks);
                }
            } else if leading_blanks {
                self.read_line(&mut trailing);
            } else {
                blanks.clear();
                self.read_line(&mut leading);
                leading_blanks = true;
            }
        }
        if leading_blanks {
            fold(value, &leading, &trailing);
        } else {
            value.push_str(&blanks);
        }
    }

    fn scan_escape(&mut self, start: Mark, value: &mut String) -> Scan<()> {
        let mut digits = 0;
        match self.at(1) {
            b'0' => value.push('\0'),
            b'a' => value.push('\x07'),
            b'b' => value.push('\x08'),
            b't' | b'\t' => value.push('\t'),
            b'n' => value.push('\n'),
            b'v' => value.push('\x0B'),
            b'f' => value.push('\x0C'),
            b'r' => value.push('\r'),
            b'e' => value.push('\x1B'),
            c @ (b' ' | b'"' | b'\'' | b'\\') => value.push(char::from(c)),
            b'N' => value.push('\u{85}'),
            b'_' => value.push('\u{A0}'),
            b'L' => value.push('\u{2028}'),
            b'P' => value.push('\u{2029}'),
            b'x' => digits = 2,
            b'u' => digits = 4,
            b'U' => digits = 8,
            _ => return self.error(start, "found unknown escape character"),
        }
        self.skip_n(2);
        if 0 < digits {
            let code = self.rest().get(..digits).and_then(|it| std::str::from_utf8(it).ok());
            let Some(code) = code.and_then(|it| u32::from_str_radix(it, 16).ok()) else {
                return self.error(start, "did not find expected hexdecimal number");
            };
            let Some(c) = char::from_u32(code) else {
                return self.error(start, "found invalid Unicode character escape code");
            };
            value.push(c);
            self.skip_n(digits);
        }
        Ok(())
    }

    fn scan_plain_scalar(&mut self) -> Scan<()> {
        let start = self.mark;
        let mut end = self.mark;
        let indent = self.indent + 1;
        let (mut value, mut blanks, mut leading, mut trailing) =
            (String::new(), String::new(), String::new(), String::new());
        let mut leading_blanks = false;
        loop {
            if self.at_document_indicator() || self.at(0) == b'#' {
                break;
            }
            while !self.is_blankz(0) {
                let c = self.at(0);
                if (c == b':' && self.is_blankz(1)) || (0 < self.flow_level && b",?[]{}".contains(&c)) {
                    break;
                }
                if leading_blanks {
                    fold(&mut value, &leading, &trailing);
                    leading.clear();
                    trailing.clear();
                    leading_blanks = false;
                } else {
                    value.push_str(&blanks);
                }
                blanks.clear();
                self.read(&mut value);
                end = self.mark;
            }
            if !(self.is_blank(0) || self.is_break(0)) {
                break;
            }
            while self.is_blank(0) || self.is_break(0) {
                if self.is_blank(0) {
                    if leading_blanks && i64::from(self.mark.column) < indent && self.at(0) == b'\t' {
                        return self.error(start, "found a tab character that violates indentation");
                    }
                    if leading_blanks {
                        self.skip();
                    } else {
                        self.read(&mut blanks);
                    }
                } else if leading_blanks {
                    self.read_line(&mut trailing);
                } else {
                    blanks.clear();
                    self.read_line(&mut leading);
                    leading_blanks = true;
                }
            }
            if self.flow_level == 0 && i64::from(self.mark.column) < indent {
                break;
            }
        }
        self.tokens.push_back(Placed { token: Token::Scalar { value, plain: true }, start, end });
        if leading_blanks {
            self.simple_key_allowed = true;
        }
        Ok(())
    }
}

/// Line folding: one break becomes a space, more lose one.
fn fold(value: &mut String, leading: &str, trailing: &str) {
    if leading.starts_with('\n') {
        value.push_str(if trailing.is_empty() { " " } else { trailing });
    } else {
        value.push_str(leading);
        value.push_str(trailing);
    }
}
