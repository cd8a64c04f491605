//! What users type: YAML or JSON, read exactly as kubectl reads it, with the place of everything in it.
//!
//! Our own reader, because the errors are kubectl's to the letter (libyaml's scanner decides what they say and which
//! line they name), every key keeps its place, and hostile text stops at a budget.

mod emit;
mod parser;
mod resolve;
mod scanner;

use serde_json::Value;

pub use emit::emit;
pub use parser::{Data, Node, Span};
pub use scanner::{DEPTH_MAX, Mark};

/// The API server's own limit for a request.
pub const TEXT_BYTES_MAX: usize = 3 * 1024 * 1024;
pub const NODES_MAX: usize = 100_000;
pub const ALIASED_NODES_MAX: usize = 10_000;

/// Why a text is no YAML, in go-yaml's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// `yaml: line 9: did not find expected key`; the line counts inside the document and is often one too early.
    pub message: String,
    /// Where the reader really stood, in the whole text.
    pub place: Option<Mark>,
}

impl YamlError {
    fn at(line: u32, problem: &str, place: Mark) -> YamlError {
        let line = if line == 0 { String::new() } else { format!("line {line}: ") };
        YamlError { message: format!("yaml: {line}{problem}"), place: Some(place) }
    }

    fn plain(problem: &str) -> YamlError {
        YamlError { message: format!("yaml: {problem}"), place: None }
    }

    fn placed(mut self, place: Mark) -> YamlError {
        self.place = Some(place);
        self
    }

    fn without_yaml_prefix(mut self) -> YamlError {
        self.message = self.message.trim_start_matches("yaml: ").to_owned();
        self
    }

    fn shifted(mut self, lines: u32, bytes: u32) -> YamlError {
        if let Some(place) = &mut self.place {
            place.line += lines;
            place.offset += bytes;
        }
        self
    }

    /// As kubectl tells it: `error converting YAML to JSON: yaml: …`.
    pub fn for_kubectl(&self) -> String {
        if self.message.starts_with("invalid Yaml document separator") {
            self.message.clone()
        } else {
            format!("error converting YAML to JSON: {}", self.message)
        }
    }
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub value: Value,
    /// The tree; its marks count inside the document: add `first_line` and `first_byte`.
    pub root: Node,
    /// The line of the whole text where the document begins.
    pub first_line: u32,
    pub first_byte: u32,
}

/// The documents in reading order. An error ends the reading; what stood before it is good.
pub fn read(text: &str) -> Vec<Result<Document, YamlError>> {
    let mut documents = Vec::new();
    if TEXT_BYTES_MAX < text.len() {
        let complaint = format!("Request entity too large: limit is {TEXT_BYTES_MAX}");
        documents.push(Err(YamlError::plain(&complaint).without_yaml_prefix()));
        return documents;
    }
    for chunk in split(text) {
        let result =
            chunk.and_then(|it| read_chunk(&it).map_err(|e| e.shifted(it.first_line, it.first_byte)));
        match result {
            Ok(None) => {}
            Ok(Some(document)) => documents.push(Ok(document)),
            Err(error) => {
                documents.push(Err(error));
                break;
            }
        }
    }
    documents
}

struct Chunk<'a> {
    text: &'a str,
    first_line: u32,
    first_byte: u32,
}

/// Follows kubernetes v1.36 apimachinery/pkg/util/yaml/decoder.go: YAMLReader. A separator belongs to the document
/// after it only while there is none before it.
fn split(text: &str) -> Vec<Result<Chunk<'_>, YamlError>> {
    let mut chunks = Vec::new();
    let (mut start, mut start_line, mut offset) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let next = offset + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let place = Mark { line: number as u32, column: 0, offset: offset as u32 };
                let complaint = format!("invalid Yaml document separator: {rest}");
                chunks.push(Err(YamlError::plain(&complaint).without_yaml_prefix().placed(place)));
                return chunks;
            }
            if start < offset {
                let text = &text[start..offset];
                chunks.push(Ok(Chunk { text, first_line: start_line, first_byte: start as u32 }));
                start = next;
                start_line = number as u32 + 1;
            }
        }
        offset = next;
    }
    if start < text.len() {
        let text = &text[start..];
        chunks.push(Ok(Chunk { text, first_line: start_line, first_byte: start as u32 }));
    }
    chunks
}

fn read_chunk(chunk: &Chunk) -> Result<Option<Document>, YamlError> {
    let text = chunk.text;
    if let Some(bad) = text.char_indices().find(|(_, c)| !is_allowed(*c)) {
        let line = text[..bad.0].matches('\n').count() as u32;
        let place = Mark { line, column: 0, offset: bad.0 as u32 };
        return Err(YamlError::plain("control characters are not allowed").placed(place));
    }
    let Some(root) = parser::Parser::new(text).document()? else { return Ok(None) };
    let value = resolve::to_value(&root)?;
    if value.is_null() {
        return Ok(None);
    }
    Ok(Some(Document { value, root, first_line: chunk.first_line, first_byte: chunk.first_byte }))
}

/// Follows go-yaml readerc.go.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}'
        | '\u{FF00}'..='\u{FFFD}' | '\u{10000}'..)
        || c == '\u{FEFF}'
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// `spec.containers[0].name`, `metadata.labels[a.b/c]`: brackets hold an index or a map's key.
pub fn parse_path(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap_or(inner.len());
            let (inside, after) = inner.split_at(end);
            steps.push(match inside.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Key(inside.to_owned()),
            });
            rest = after.strip_prefix(']').unwrap_or("");
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if !name.is_empty() {
                steps.push(Step::Key(name.to_owned()));
            }
            rest = after;
        }
    }
    steps
}

/// Where a field stands, in the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Absent for list items and the root.
    pub key: Option<Span>,
    pub value: Span,
    /// False when only a parent of the field is there: its place is given instead.
    pub exact: bool,
}

impl Document {
    /// The place of `path`, or of the nearest parent that exists.
    pub fn locate(&self, path: &str) -> Place {
        self.locate_steps(&parse_path(path))
    }

    pub fn locate_steps(&self, steps: &[Step]) -> Place {
        let mut place = Place { key: None, value: self.root.span, exact: true };
        let mut node = &self.root;
        for step in steps {
            let Some((key, value)) = child(node, step) else {
                place.exact = false;
                break;
            };
            place = Place { key: key.map(|it| it.span), value: value.span, exact: true };
            node = value;
        }
        Place {
            key: place.key.map(|it| self.absolute(it)),
            value: self.absolute(place.value),
            exact: place.exact,
        }
    }

    /// The node at `steps`, if it is there.
    pub fn node(&self, steps: &[Step]) -> Option<&Node> {
        steps.iter().try_fold(&self.root, |node, step| child(node, step).map(|(_, value)| value))
    }

    /// From marks inside the document to marks in the whole text.
    pub fn absolute(&self, span: Span) -> Span {
        let shift = |it: Mark| Mark {
            line: it.line + self.first_line,
            column: it.column,
            offset: it.offset + self.first_byte,
        };
        Span { start: shift(span.start), end: shift(span.end) }
    }
}

fn child<'a>(node: &'a Node, step: &Step) -> Option<(Option<&'a Node>, &'a Node)> {
    match (&node.data, step) {
        (Data::Alias(inner), _) => child(inner, step),
        (Data::Sequence(items), Step::Index(index)) => items.get(*index).map(|it| (None, it)),
        (Data::Mapping(pairs), _) => {
            let name = match step {
                Step::Key(name) => name.clone(),
                Step::Index(index) => index.to_string(),
            };
            // The last of several equal keys is the one that counts.
            let found = pairs
                .iter()
                .rev()
                .find(|(key, value)| resolve::key_text(key, value).is_ok_and(|it| it == name));
            found.map(|(key, value)| (Some(key), value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Value {
        read(text).remove(0).expect("YAML").value
    }

    fn error(text: &str) -> String {
        read(text).pop().and_then(Result::err).expect("an error").message
    }

    #[test]
    fn reads_what_kubectl_reads() {
        assert_eq!(value("a: 1\nb: [x, 'y', {c: yes}]\n"), json!({"a": 1, "b": ["x", "y", {"c": true}]}));
        assert_eq!(
            value("a:\n- b: |\n    x\n    y\n  c: >-\n    p\n    q\n"),
            json!({"a": [{"b": "x\ny\n", "c": "p q"}]})
        );
        assert_eq!(value("x: &a {p: 1}\nz: {<<: *a, q: 2}\n"), json!({"x": {"p": 1}, "z": {"p": 1, "q": 2}}));
        assert_eq!(
            value("{\"a\": \"\\u00e4\\n\", \"b\": [1.5, null]}"),
            json!({"a": "ä\n", "b": [1.5, null]})
        );
        assert_eq!(value("a: 1\na: 2\n"), json!({"a": 2}));
        assert_eq!(value("1: one\ntrue: x\n"), json!({"1": "one", "true": "x"}));
        assert_eq!(value("a: x\n  y\nb: \"p\n  q\"\n"), json!({"a": "x y", "b": "p q"}));
    }

    #[test]
    fn several_documents() {
        let documents = read("---\na: 1\n---\n# nothing\n---\nb: 2\n");
        let found: Vec<_> = documents.into_iter().map(|it| it.expect("YAML")).collect();
        assert_eq!(
            found.iter().map(|it| it.value.clone()).collect::<Vec<_>>(),
            [json!({"a": 1}), json!({"b": 2})]
        );
        assert_eq!(found[1].locate("b").value.start.line, 5);
    }

    #[test]
    fn errors_are_go_yamls() {
        assert_eq!(error("a:\n  b: 1\n c: 2\n"), "yaml: line 2: did not find expected key");
        assert_eq!(error("a: b: c\n"), "yaml: mapping values are not allowed in this context");
        assert_eq!(error("x: 1\ny: [1, 2\n"), "yaml: line 2: did not find expected ',' or ']'");
        assert_eq!(error("a: *b\n"), "yaml: unknown anchor 'b' referenced");
        assert_eq!(error("a: 1\n\tb: 2\n"), "yaml: line 2: found a tab character that violates indentation");
    }

    #[test]
    fn knows_where_things_stand() {
        let documents = read("kind: Pod\nspec:\n  containers:\n  - name: a\n    livenesProbe: {}\n");
        let document = documents[0].as_ref().expect("YAML");
        let place = document.locate("spec.containers[0].livenesProbe");
        let key = place.key.expect("a key");
        assert_eq!((key.start.line, key.start.column, key.end.column), (4, 4, 16));
        assert_eq!((place.value.start.column, place.value.end.column), (18, 20));
        let parent = document.locate("spec.containers[0].image");
        assert!(!parent.exact && parent.value.start.line == 3);
    }

    #[test]
    fn hostile_text_ends_at_a_budget() {
        assert_eq!(error(&"x".repeat(5_000_000)), "Request entity too large: limit is 3145728");
        assert!(error(&"[".repeat(10_000)).contains("exceeded max depth"));
        let deep: Vec<String> = (0..10_000).map(|it| format!("{}a:", " ".repeat(it % 1000))).collect();
        let deep = deep.join("\n");
        assert!(read(&deep).iter().any(Result::is_err));
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (it, next) in ('a'..'i').zip('b'..) {
            let line = format!("{next}: &{next} [{}]\n", vec![format!("*{it}"); 10].join(","));
            bomb.push_str(&line);
        }
        assert!(error(&bomb).contains("excessive aliasing"));
        assert!(error("a: \u{1}\n").contains("control characters"));
    }
}
