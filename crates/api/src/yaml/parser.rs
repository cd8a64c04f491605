//! From tokens to a tree in which every key and value knows its place.
//!
//! Follows go.yaml.in/yaml/v2 parserc.go for what is accepted and how the rest is refused.

use sim::VecMap;

use super::scanner::{Mark, Placed, Scanner, Token};
use super::{ALIASED_NODES_MAX, NODES_MAX, YamlError};

/// A range of the text, `end` excluded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: Mark,
    pub end: Mark,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub data: Data,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// `plain` means unquoted, so that `true` is a boolean; `tag` is as written, such as `!!str`.
    Scalar {
        value: String,
        plain: bool,
        tag: Option<String>,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
    /// An alias that stood at the span, with what it names.
    Alias(Box<Node>),
}

type Parse<T> = Result<T, YamlError>;

pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    anchors: VecMap<String, (Node, usize)>,
    nodes: usize,
    aliased: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Parser<'a> {
        Parser { scanner: Scanner::new(text), anchors: VecMap::new(), nodes: 0, aliased: 0 }
    }

    /// The first document of the text; none when there is nothing in it.
    pub(super) fn document(mut self) -> Parse<Option<Node>> {
        let mut explicit = false;
        let mut directive = None;
        loop {
            let placed = self.scanner.peek()?.clone();
            match placed.token {
                Token::Version(true) => directive = Some(placed.start),
                Token::Version(false) => return fail(placed.start, None, "found incompatible YAML document"),
                Token::DocumentStart if !explicit => explicit = true,
                Token::StreamEnd if directive.is_none() || explicit => return Ok(None),
                _ if directive.is_some() && !explicit => {
                    return fail(placed.start, None, "did not find expected <document start>");
                }
                Token::DocumentStart | Token::DocumentEnd => return Ok(None),
                _ => break,
            }
            self.scanner.take()?;
        }
        let root = self.node(true, false)?;
        // What stands behind the first document is never looked at, as long as it can be told apart from it.
        self.scanner.peek()?;
        Ok(Some(root))
    }

    fn is_next(&mut self, tokens: &[Token]) -> Parse<bool> {
        Ok(tokens.contains(&self.scanner.peek()?.token))
    }

    fn node(&mut self, block: bool, indentless: bool) -> Parse<Node> {
        self.nodes += 1;
        if NODES_MAX < self.nodes {
            return Err(YamlError::plain(&format!("document has more than {NODES_MAX} nodes")));
        }
        let before = self.nodes;
        let first = self.scanner.peek()?.clone();
        if let Token::Alias(name) = first.token {
            self.scanner.take()?;
            return self.alias(&name, first.start, first.end);
        }
        let (mut anchor, mut tag) = (None, None);
        loop {
            let placed = self.scanner.peek()?;
            match &placed.token {
                Token::Anchor(name) if anchor.is_none() => anchor = Some(name.clone()),
                Token::Tag(name) if tag.is_none() => tag = Some(name.clone()),
                _ => break,
            }
            self.scanner.take()?;
        }
        let Placed { token, start, end } = self.scanner.peek()?.clone();
        let (data, end) = match token {
            Token::BlockEntry if indentless => self.indentless_sequence(end)?,
            Token::Scalar { value, plain } => {
                self.scanner.take()?;
                (Data::Scalar { value, plain, tag: tag.clone() }, end)
            }
            Token::FlowSequenceStart => self.flow_sequence(start)?,
            Token::FlowMappingStart => self.flow_mapping(start)?,
            Token::BlockSequenceStart if block => self.block_sequence(start)?,
            Token::BlockMappingStart if block => self.block_mapping(start)?,
            _ if anchor.is_some() || tag.is_some() => {
                (Data::Scalar { value: String::new(), plain: true, tag: tag.clone() }, start)
            }
            _ => return fail(start, Some(first.start), "did not find expected node content"),
        };
        let node = Node { data, span: Span { start, end } };
        if let Some(name) = anchor {
            self.anchors.insert(name, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    fn alias(&mut self, name: &str, start: Mark, end: Mark) -> Parse<Node> {
        let Some((node, size)) = self.anchors.get(name) else {
            return Err(YamlError::plain(&format!("unknown anchor '{name}' referenced")).placed(start));
        };
        self.aliased += size;
        self.nodes += size;
        if ALIASED_NODES_MAX < self.aliased {
            return Err(YamlError::plain("document contains excessive aliasing").placed(start));
        }
        Ok(Node { data: Data::Alias(Box::new(node.clone())), span: Span { start, end } })
    }

    fn block_sequence(&mut self, start: Mark) -> Parse<(Data, Mark)> {
        self.scanner.take()?;
        let mut items = Vec::new();
        let mut last = start;
        loop {
            let placed = self.scanner.peek()?.clone();
            match placed.token {
                Token::BlockEntry => {
                    self.scanner.take()?;
                    let item = if self.is_next(&[Token::BlockEntry, Token::BlockEnd])? {
                        empty(placed.end)
                    } else {
                        self.node(true, false)?
                    };
                    last = item.span.end;
                    items.push(item);
                }
                Token::BlockEnd => {
                    self.scanner.take()?;
                    return Ok((Data::Sequence(items), last));
                }
                _ => return fail(placed.start, Some(start), "did not find expected '-' indicator"),
            }
        }
    }

    fn indentless_sequence(&mut self, start: Mark) -> Parse<(Data, Mark)> {
        let mut items = Vec::new();
        let mut last = start;
        while self.is_next(&[Token::BlockEntry])? {
            let entry = self.scanner.take()?;
            let ends = [Token::BlockEntry, Token::Key, Token::Value, Token::BlockEnd];
            let item = if self.is_next(&ends)? { empty(entry.end) } else { self.node(true, false)? };
            last = item.span.end;
            items.push(item);
        }
        Ok((Data::Sequence(items), last))
    }

    fn block_mapping(&mut self, start: Mark) -> Parse<(Data, Mark)> {
        const ENDS: [Token; 3] = [Token::Key, Token::Value, Token::BlockEnd];
        self.scanner.take()?;
        let mut pairs = Vec::new();
        let mut last = start;
        loop {
            let placed = self.scanner.peek()?.clone();
            let key = match placed.token {
                Token::Key => {
                    self.scanner.take()?;
                    if self.is_next(&ENDS)? { empty(placed.end) } else { self.node(true, true)? }
                }
                // go-yaml takes a value without a key only after one; libyaml's grammar has no such state.
                Token::BlockEnd => {
                    self.scanner.take()?;
                    return Ok((Data::Mapping(pairs), last));
                }
                _ => return fail(placed.start, Some(start), "did not find expected key"),
            };
            let value = if self.is_next(&[Token::Value])? {
                let colon = self.scanner.take()?;
                if self.is_next(&ENDS)? { empty(colon.end) } else { self.node(true, true)? }
            } else {
                let at = self.scanner.peek()?.start;
                empty(at)
            };
            last = value.span.end.max(key.span.end);
            pairs.push((key, value));
        }
    }

    fn flow_sequence(&mut self, start: Mark) -> Parse<(Data, Mark)> {
        self.scanner.take()?;
        let mut items = Vec::new();
        let mut first = true;
        loop {
            if !self.is_next(&[Token::FlowSequenceEnd])? {
                if !first {
                    self.expect_entry(start, "did not find expected ',' or ']'")?;
                }
                first = false;
                let placed = self.scanner.peek()?.clone();
                match placed.token {
                    Token::FlowSequenceEnd => {}
                    Token::Key => {
                        let ends = [Token::FlowEntry, Token::FlowSequenceEnd];
                        let (key, value) = self.flow_pair(&ends)?;
                        let span = Span { start: placed.start, end: value.span.end };
                        items.push(Node { data: Data::Mapping(vec![(key, value)]), span });
                        continue;
                    }
                    _ => {
                        items.push(self.node(false, false)?);
                        continue;
                    }
                }
            }
            let end = self.scanner.take()?.end;
            return Ok((Data::Sequence(items), end));
        }
    }

    fn expect_entry(&mut self, context: Mark, problem: &str) -> Parse<()> {
        if self.is_next(&[Token::FlowEntry])? {
            self.scanner.take()?;
            return Ok(());
        }
        let at = self.scanner.peek()?.start;
        fail(at, Some(context), problem)
    }

    fn flow_pair(&mut self, ends: &[Token]) -> Parse<(Node, Node)> {
        let mark = self.scanner.take()?.end;
        let key = if self.is_next(&[Token::Value])? || self.is_next(ends)? {
            empty(mark)
        } else {
            self.node(false, false)?
        };
        let at = self.scanner.peek()?.start;
        if self.is_next(&[Token::Value])? {
            self.scanner.take()?;
            if !self.is_next(ends)? {
                return Ok((key, self.node(false, false)?));
            }
        }
        Ok((key, empty(at)))
    }

    fn flow_mapping(&mut self, start: Mark) -> Parse<(Data, Mark)> {
        self.scanner.take()?;
        let mut pairs = Vec::new();
        let mut first = true;
        loop {
            if !self.is_next(&[Token::FlowMappingEnd])? {
                if !first {
                    self.expect_entry(start, "did not find expected ',' or '}'")?;
                }
                first = false;
                if self.is_next(&[Token::Key])? {
                    pairs.push(self.flow_pair(&[Token::FlowEntry, Token::FlowMappingEnd])?);
                    continue;
                }
                if !self.is_next(&[Token::FlowMappingEnd])? {
                    let key = self.node(false, false)?;
                    let at = key.span.end;
                    pairs.push((key, empty(at)));
                    continue;
                }
            }
            let end = self.scanner.take()?.end;
            return Ok((Data::Mapping(pairs), end));
        }
    }
}

/// A parser's line counts from zero: go-yaml adds one for the scanner only, so these are one line early.
fn fail<T>(at: Mark, context: Option<Mark>, problem: &str) -> Parse<T> {
    let line = if at.line != 0 { at.line } else { context.unwrap_or_default().line };
    Err(YamlError::at(line, problem, at))
}

fn empty(at: Mark) -> Node {
    let data = Data::Scalar { value: String::new(), plain: true, tag: None };
    Node { data, span: Span { start: at, end: at } }
}
