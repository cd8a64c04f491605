//! Go templates as far as `-o go-template` needs them: fields, `range`, `if`, `else`, `end`, and text.
//!
//! DIFFERENCE: no variables, pipelines or functions but `len`; such a template is refused with a clear error.

use serde_json::Value;
use sim::Gather as _;

use crate::json::plain;

const DEPTH_MAX: usize = 32;

enum Node {
    Text(String),
    Show(Operand),
    Range(Operand, Vec<Node>, Vec<Node>),
    If(Operand, Vec<Node>, Vec<Node>),
}

enum Operand {
    Path(Vec<String>, bool),
    Literal(String),
    Len(Vec<String>),
}

pub struct Template(Vec<Node>);

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut rest = text;
        let (nodes, end) = block(&mut rest, 0)?;
        if let Some(end) = end {
            return Err(format!(
                "error parsing template {text}, template: output:1: unexpected {{{{{end}}}}}"
            ));
        }
        Ok(Template(nodes))
    }

    pub fn render(&self, value: &Value) -> String {
        let mut out = String::new();
        show(&self.0, value, value, &mut out);
        out
    }
}

fn block<'a>(rest: &mut &'a str, depth: usize) -> Result<(Vec<Node>, Option<&'a str>), String> {
    if DEPTH_MAX < depth {
        return Err("template is nested too deeply".to_owned());
    }
    let mut nodes = Vec::new();
    loop {
        let Some(open) = rest.find("{{") else {
            nodes.push(Node::Text((*rest).to_owned()));
            *rest = "";
            return Ok((nodes, None));
        };
        let (before, after) = rest.split_at(open);
        let close = after.find("}}").ok_or("template: output:1: unclosed action")?;
        let action = &after[2..close];
        let before = if action.starts_with("- ") { before.trim_end() } else { before };
        nodes.push(Node::Text(before.to_owned()));
        *rest = &after[close + 2..];
        if action.ends_with(" -") {
            *rest = rest.trim_start();
        }
        let action = action.trim_start_matches("- ").trim_end_matches(" -").trim();
        let (word, argument) = action.split_once(' ').unwrap_or((action, ""));
        match word {
            "end" | "else" => return Ok((nodes, Some(word))),
            "range" | "if" => {
                let operand = operand(argument.trim())?;
                let (body, end) = block(rest, depth + 1)?;
                let otherwise = if end == Some("else") { block(rest, depth + 1)?.0 } else { Vec::new() };
                let make = if word == "range" { Node::Range } else { Node::If };
                nodes.push(make(operand, body, otherwise));
            }
            _ => nodes.push(Node::Show(operand(action)?)),
        }
    }
}

fn operand(text: &str) -> Result<Operand, String> {
    if let Some(literal) = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        return Ok(Operand::Literal(literal.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"")));
    }
    if let Some(literal) = text.strip_prefix('`').and_then(|it| it.strip_suffix('`')) {
        return Ok(Operand::Literal(literal.to_owned()));
    }
    let (path, length) = text.strip_prefix("len ").map_or((text, false), |it| (it.trim(), true));
    let (path, root) = path.strip_prefix('$').map_or((path, false), |it| (it, true));
    if !path.starts_with('.') || path.contains([' ', '|', '(', '$']) {
        return Err(format!("go-template: `{text}` is not supported here"));
    }
    let steps: Vec<String> = path.split('.').filter(|it| !it.is_empty()).map(str::to_owned).gather();
    Ok(if length { Operand::Len(steps) } else { Operand::Path(steps, root) })
}

fn show(nodes: &[Node], root: &Value, current: &Value, out: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Show(it) => match value(it, root, current) {
                Value::Null => out.push_str("<no value>"),
                found => out.push_str(&go_value(&found)),
            },
            Node::If(it, body, otherwise) => {
                let found = value(it, root, current);
                show(if truthy(&found) { body } else { otherwise }, root, current, out);
            }
            Node::Range(it, body, otherwise) => {
                let items: Vec<Value> = match value(it, root, current) {
                    Value::Array(items) => items,
                    Value::Object(map) => map.into_iter().map(|it| it.1).gather(),
                    _ => Vec::new(),
                };
                if items.is_empty() {
                    show(otherwise, root, current, out);
                }
                for item in &items {
                    show(body, root, item, out);
                }
            }
        }
    }
}

fn value(it: &Operand, root: &Value, current: &Value) -> Value {
    let find = |steps: &[String], from: &Value| {
        steps.iter().try_fold(from, |value, step| value.get(step)).cloned().unwrap_or(Value::Null)
    };
    match it {
        Operand::Literal(text) => Value::String(text.clone()),
        Operand::Path(steps, from_root) => find(steps, if *from_root { root } else { current }),
        Operand::Len(steps) => match find(steps, current) {
            Value::Array(items) => items.len().into(),
            Value::Object(map) => map.len().into(),
            Value::String(text) => text.len().into(),
            _ => 0.into(),
        },
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(it) => *it,
        Value::Number(it) => it.as_f64() != Some(0.0),
        Value::String(it) => !it.is_empty(),
        Value::Array(it) => !it.is_empty(),
        Value::Object(it) => !it.is_empty(),
    }
}

/// As Go's `%v` prints maps and lists: `map[a:1 b:2]`, `[1 2]`.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_value).gather();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let items: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", go_value(value))).gather();
            format!("map[{}]", items.join(" "))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => plain(value),
    }
}
