//! JSONPath as kubectl has it: templates with `{…}`, ranges, filters.
//!
//! Follows kubernetes v1.36 client-go/util/jsonpath. DIFFERENCE: a missing key counts as allowed, as kubectl sets it.

use serde_json::Value;
use sim::Gather as _;

use crate::json::plain;

const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Part>),
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Root,
    Field(String),
    /// `..name`
    Recursive,
    Wildcard,
    Slice(Option<i64>, Option<i64>, Option<i64>, bool),
    Filter(Box<Operand>, &'static str, Box<Operand>),
    Union(Vec<Vec<Step>>),
    Literal(Value),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
    None,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Part>);

/// Accepts what kubectl's relaxed notation does: `x.y`, `.x.y`, `{x.y}`, `{.x.y}`.
// Follows kubernetes v1.36 kubectl/pkg/cmd/get: RelaxedJSONPathExpression.
pub fn relaxed(text: &str) -> Result<String, String> {
    let inner = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(text);
    if inner.contains(['{', '}']) || text.is_empty() {
        return Err("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'".to_owned());
    }
    Ok(format!("{{.{}}}", inner.strip_prefix('.').unwrap_or(inner)))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let (parts, _) = parser.template(false)?;
        Ok(Template(parts))
    }

    pub fn render(&self, value: &Value) -> Result<String, String> {
        let mut out = String::new();
        render(&self.0, value, value, &mut out)?;
        Ok(out)
    }

    /// The values that each path finds, in order.
    pub fn find<'a>(&'a self, value: &'a Value) -> Result<Vec<&'a Value>, String> {
        let mut found = Vec::new();
        for part in &self.0 {
            if let Part::Path(steps) = part {
                found.extend(walk(steps, value, value)?);
            }
        }
        Ok(found)
    }
}

fn render(parts: &[Part], root: &Value, current: &Value, out: &mut String) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(steps) => {
                let found = walk(steps, root, current)?;
                let shown: Vec<String> = found.into_iter().map(show).gather();
                out.push_str(&shown.join(" "));
            }
            Part::Range(steps, body) => {
                for item in walk(steps, root, current)? {
                    render(body, root, item, out)?;
                }
            }
        }
    }
    Ok(())
}

/// Maps and lists print as JSON, everything else plainly.
fn show(value: &Value) -> String {
    plain(value)
}

fn walk<'a>(steps: &'a [Step], root: &'a Value, current: &'a Value) -> Result<Vec<&'a Value>, String> {
    let mut values = vec![current];
    for step in steps {
        let mut next: Vec<&Value> = Vec::new();
        for value in values {
            advance(step, root, value, &mut next)?;
        }
        values = next;
    }
    Ok(values)
}

fn advance<'a>(
    step: &'a Step,
    root: &'a Value,
    value: &'a Value,
    next: &mut Vec<&'a Value>,
) -> Result<(), String> {
    match step {
        Step::Root => next.push(root),
        Step::Literal(literal) => next.push(literal),
        Step::Field(name) => next.extend(value.get(name)),
        Step::Wildcard => match value {
            Value::Array(items) => next.extend(items),
            Value::Object(map) => next.extend(map.values()),
            _ => {}
        },
        Step::Recursive => recurse(value, next, 0),
        Step::Slice(start, end, stride, single) => {
            let Value::Array(items) = value else {
                return if value.is_null() {
                    Ok(())
                } else {
                    Err(format!("{} is not array or slice", plain(value)))
                };
            };
            let length = items.len() as i64;
            let from = |it: Option<i64>, default: i64| {
                it.map_or(default, |it| if it < 0 { it + length } else { it })
            };
            let start = from(*start, 0);
            if *single {
                let item = usize::try_from(start).ok().and_then(|it| items.get(it));
                let complaint = || format!("array index out of bounds: index {start}, length {length}");
                next.push(item.ok_or_else(complaint)?);
                return Ok(());
            }
            let (start, end) = (start.max(0), from(*end, length).min(length));
            let mut index = start;
            while index < end {
                next.push(&items[index as usize]);
                index += stride.unwrap_or(1).max(1);
            }
        }
        Step::Filter(left, operator, right) => {
            let items: Vec<&Value> = match value {
                Value::Array(items) => items.iter().gather(),
                Value::Object(map) => map.values().gather(),
                _ => Vec::new(),
            };
            for item in items {
                let left = operand(left, root, item)?;
                let right = operand(right, root, item)?;
                if compare(&left, operator, &right) {
                    next.push(item);
                }
            }
        }
        Step::Union(paths) => {
            for path in paths {
                next.extend(walk(path, root, value)?);
            }
        }
    }
    Ok(())
}

fn recurse<'a>(value: &'a Value, next: &mut Vec<&'a Value>, depth: usize) {
    if DEPTH_MAX < depth {
        return;
    }
    next.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|it| recurse(it, next, depth + 1)),
        Value::Object(map) => map.values().for_each(|it| recurse(it, next, depth + 1)),
        _ => {}
    }
}

fn operand<'a>(it: &'a Operand, root: &'a Value, item: &'a Value) -> Result<Vec<&'a Value>, String> {
    match it {
        Operand::Path(steps) => walk(steps, root, item),
        Operand::Literal(value) => Ok(vec![value]),
        Operand::None => Ok(Vec::new()),
    }
}

fn compare(left: &[&Value], operator: &str, right: &[&Value]) -> bool {
    if operator.is_empty() {
        return !left.is_empty();
    }
    let ([left], [right]) = (left, right) else { return false };
    let order = match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => plain(left).partial_cmp(&plain(right)),
    };
    let Some(order) = order else { return false };
    match operator {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        ">" => order.is_gt(),
        "<=" => order.is_le(),
        _ => order.is_ge(),
    }
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Parts up to the end, or up to `{end}`, which answers true.
    fn template(&mut self, inside: bool) -> Result<(Vec<Part>, bool), String> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err("template is nested too deeply".to_owned());
        }
        let mut parts = Vec::new();
        loop {
            let Some(open) = self.rest().find('{') else {
                if !self.rest().is_empty() {
                    parts.push(Part::Text(self.rest().to_owned()));
                }
                self.at = self.text.len();
                self.depth -= 1;
                return if inside { Err("unclosed range".to_owned()) } else { Ok((parts, false)) };
            };
            if open > 0 {
                parts.push(Part::Text(self.rest()[..open].to_owned()));
            }
            self.at += open + 1;
            self.skip_space();
            if let Some(rest) = self.rest().strip_prefix("range")
                && rest.starts_with([' ', '.', '[', '\t'])
            {
                self.at += 5;
                let steps = self.action()?;
                let (body, _) = self.template(true)?;
                parts.push(Part::Range(steps.concat(), body));
            } else if self.rest().starts_with("end") {
                self.at += 3;
                self.skip_space();
                if self.peek() != Some('}') {
                    return Err("unclosed action".to_owned());
                }
                self.at += 1;
                self.depth -= 1;
                return if inside {
                    Ok((parts, true))
                } else {
                    Err("not in range, nothing to end".to_owned())
                };
            } else {
                parts.extend(self.action()?.into_iter().map(Part::Path));
            }
        }
    }

    /// Everything up to the closing brace; expressions are separated by spaces.
    fn action(&mut self) -> Result<Vec<Vec<Step>>, String> {
        let mut paths = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None => return Err("unclosed action".to_owned()),
                Some('}') => {
                    self.at += 1;
                    return Ok(paths);
                }
                Some(_) => paths.push(self.path()?),
            }
        }
    }

    fn path(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            match self.peek() {
                None | Some('}' | ' ' | '\t' | ')' | ']' | ',' | '=' | '!' | '<' | '>')
                    if !steps.is_empty() =>
                {
                    return Ok(steps);
                }
                None => return Err("unclosed action".to_owned()),
                Some('@') => {
                    self.at += 1;
                    steps.push(Step::Union(vec![Vec::new()]));
                }
                Some('$') => {
                    self.at += 1;
                    steps.push(Step::Root);
                }
                Some('.') => self.field(&mut steps),
                Some('[') => {
                    self.at += 1;
                    steps.push(self.bracket()?);
                }
                Some(quote @ ('"' | '\'')) => {
                    let literal = self.quoted(quote)?;
                    steps.push(Step::Literal(Value::String(literal)));
                }
                Some('*') => {
                    self.at += 1;
                    steps.push(Step::Wildcard);
                }
                Some(it) if it.is_ascii_digit() || it == '-' || it == '+' => {
                    let number = self.word();
                    let number =
                        number.parse::<i64>().map_err(|_| format!("cannot parse number {number}"))?;
                    steps.push(Step::Literal(Value::from(number)));
                }
                Some(it) if it.is_alphabetic() || it == '_' => {
                    let word = self.word();
                    match word.as_str() {
                        "true" | "false" => steps.push(Step::Literal(Value::Bool(word == "true"))),
                        _ => return Err(format!("unrecognized identifier {word}")),
                    }
                }
                Some(it) => {
                    return Err(format!("unrecognized character in action: U+{:04X} '{it}'", it as u32));
                }
            }
        }
    }

    fn word(&mut self) -> String {
        let end = self
            .rest()
            .find(|it: char| !it.is_alphanumeric() && !"_-+.".contains(it))
            .unwrap_or(self.rest().len());
        let word = self.rest()[..end].to_owned();
        self.at += end;
        word
    }

    fn field(&mut self, steps: &mut Vec<Step>) {
        self.at += 1;
        if self.peek() == Some('.') {
            self.at += 1;
            steps.push(Step::Recursive);
        }
        let mut name = String::new();
        while let Some(it) = self.peek() {
            if it == '\\' {
                self.at += 1;
                if let Some(escaped) = self.peek() {
                    name.push(escaped);
                    self.at += escaped.len_utf8();
                }
                continue;
            }
            if "{}[].,()'\"$@ \t\n=!<>*&|".contains(it) {
                break;
            }
            name.push(it);
            self.at += it.len_utf8();
        }
        if name.is_empty() && self.peek() == Some('*') {
            self.at += 1;
            steps.push(Step::Wildcard);
        } else if !name.is_empty() {
            steps.push(Step::Field(name));
        } else {
            // `{.}` is the value itself.
            steps.push(Step::Union(vec![Vec::new()]));
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        while let Some(it) = self.peek() {
            self.at += it.len_utf8();
            if it == quote {
                return Ok(out);
            }
            if it != '\\' {
                out.push(it);
                continue;
            }
            let escaped = self.peek().unwrap_or('\\');
            self.at += escaped.len_utf8();
            out.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
        }
        Err("unterminated quoted string".to_owned())
    }

    fn bracket(&mut self) -> Result<Step, String> {
        const UNTERMINATED: &str = "unterminated array";
        self.skip_space();
        if self.rest().starts_with("?(") {
            return self.filter();
        }
        let mut union = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some('}') => return Err(UNTERMINATED.to_owned()),
                Some(quote @ ('\'' | '"')) => union.push(vec![Step::Field(self.quoted(quote)?)]),
                Some('*') => {
                    self.at += 1;
                    union.push(vec![Step::Wildcard]);
                }
                Some(_) => {
                    let end = self.rest().find([',', ']']).ok_or(UNTERMINATED)?;
                    let body = self.rest()[..end].trim().to_owned();
                    self.at += end;
                    union.push(vec![slice(&body)?]);
                }
            }
            self.skip_space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => {
                    self.at += 1;
                    return Ok(if let [one] = union.as_mut_slice() {
                        one.remove(0)
                    } else {
                        Step::Union(union)
                    });
                }
                _ => return Err(UNTERMINATED.to_owned()),
            }
        }
    }

    fn filter(&mut self) -> Result<Step, String> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err("template is nested too deeply".to_owned());
        }
        self.at += 2;
        let left = self.operand()?;
        self.skip_space();
        let operator = ["==", "!=", "<=", ">=", "<", ">"]
            .into_iter()
            .find(|it| self.rest().starts_with(it))
            .unwrap_or("");
        self.at += operator.len();
        let right = if operator.is_empty() { Operand::None } else { self.operand()? };
        self.skip_space();
        if !self.rest().starts_with(")]") {
            return Err("unterminated filter".to_owned());
        }
        self.at += 2;
        self.depth -= 1;
        Ok(Step::Filter(Box::new(left), operator, Box::new(right)))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.skip_space();
        if self.peek().is_none() {
            return Err("unterminated filter".to_owned());
        }
        let mut steps = self.path()?;
        if let [Step::Literal(literal)] = steps.as_mut_slice() {
            return Ok(Operand::Literal(literal.take()));
        }
        Ok(Operand::Path(steps))
    }
}

fn slice(body: &str) -> Result<Step, String> {
    let invalid = || format!("invalid array index {body}");
    let mut numbers = [None; 3];
    let fields: Vec<&str> = body.split(':').gather();
    if 3 < fields.len() {
        return Err(invalid());
    }
    for (slot, field) in numbers.iter_mut().zip(&fields) {
        if !field.trim().is_empty() {
            *slot = Some(field.trim().parse().map_err(|_| invalid())?);
        }
    }
    let single = fields.len() == 1;
    if single && numbers[0].is_none() {
        return Err(invalid());
    }
    Ok(Step::Slice(numbers[0], numbers[1], numbers[2], single))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_as_kubectl() {
        let pods = serde_json::json!({"items": [
            {"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "status": {"phase": "Running"}},
            {"metadata": {"name": "b"}, "status": {"phase": "Failed"}},
        ]});
        let table = [
            ("{.items[*].metadata.name}", "a b"),
            (
                r#"{range .items[*]}{.metadata.name}{"\t"}{.status.phase}{"\n"}{end}"#,
                "a\tRunning\nb\tFailed\n",
            ),
            (r#"{.items[?(@.status.phase=="Failed")].metadata.name}"#, "b"),
            (r"{.items[0].metadata.labels.x\.y/z}", "1"),
            ("{.items[-1:].metadata.name}", "b"),
            ("{.items[0].nope}", ""),
        ];
        for (template, text) in table {
            assert_eq!(Template::parse(template).unwrap().render(&pods).unwrap(), text, "{template}");
        }
        assert_eq!(Template::parse("{.items[0").unwrap_err(), "unterminated array");
    }
}
