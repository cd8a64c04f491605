//! YAML as `kubectl -o yaml` writes it.
//!
//! Follows go.yaml.in/yaml/v2 encode.go, sorter.go and emitterc.go: keys in their natural order, lists not indented,
//! long plain and quoted lines folded after column 80.

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::{Map, Value};
use sim::{Gather as _, Sort as _};

use super::resolve::{Scalar, resolve};

const WIDTH_BEST: usize = 80;
/// A key that is longer, or has more than one line, stands after a `?`.
const SIMPLE_KEY_MAX: usize = 128;

/// The document, with a line break at its end.
pub fn emit(value: &Value) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0 };
    emitter.node(value, -2, false, true);
    emitter.line_break();
    emitter.out
}

struct Emitter {
    out: String,
    column: usize,
}

impl Emitter {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_break(&mut self) {
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.column = 0;
    }

    /// A new line at `indent`, unless this one is still empty.
    fn indent(&mut self, indent: isize) {
        if self.column != 0 {
            self.out.push('\n');
            self.column = 0;
        }
        for _ in 0..indent {
            self.put(" ");
        }
    }

    /// `indent` is that of the parent; `fresh` means that the first key may stand where the cursor is.
    fn node(&mut self, value: &Value, indent: isize, in_mapping: bool, fresh: bool) {
        match value {
            Value::Object(map) if !map.is_empty() => self.mapping(map, indent + 2, fresh),
            Value::Array(items) if !items.is_empty() => {
                self.sequence(items, if in_mapping { indent } else { indent + 2 }, fresh);
            }
            Value::Object(_) => self.spaced("{}"),
            Value::Array(_) => self.spaced("[]"),
            Value::Null => self.spaced("null"),
            Value::Bool(it) => self.spaced(if *it { "true" } else { "false" }),
            Value::Number(it) => self.spaced(&number_text(it)),
            Value::String(it) => self.string(it, indent + 2, false),
        }
    }

    fn spaced(&mut self, text: &str) {
        self.space();
        self.put(text);
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.put(" ");
        }
    }

    fn mapping(&mut self, map: &Map<String, Value>, indent: isize, fresh: bool) {
        let mut keys: Vec<&String> = map.keys().gather();
        keys.put_in_order_by(|a, b| natural_order(a, b));
        for (index, key) in keys.into_iter().enumerate() {
            if index != 0 || !fresh {
                self.indent(indent);
            }
            let simple = !key.contains('\n') && key.len() <= SIMPLE_KEY_MAX;
            if simple {
                self.string(key, indent, true);
            } else {
                self.put("?");
                self.string(key, indent + 2, false);
                self.indent(indent);
            }
            self.put(":");
            self.node(&map[key], indent, true, false);
        }
    }

    fn sequence(&mut self, items: &[Value], indent: isize, fresh: bool) {
        for (index, item) in items.iter().enumerate() {
            if index != 0 || !fresh {
                self.indent(indent);
            }
            self.put("-");
            let nested = matches!(item, Value::Object(map) if !map.is_empty())
                || matches!(item, Value::Array(items) if !items.is_empty());
            if nested {
                self.put(" ");
            }
            self.node(item, indent, false, nested);
        }
    }

    fn string(&mut self, text: &str, indent: isize, key: bool) {
        let shape = Shape::of(text);
        let plain = matches!(resolve(text), Scalar::Text) && !is_base_60(text);
        if text.contains('\n') && !key {
            if shape.block_allowed {
                self.literal(text, indent);
            } else {
                self.double_quoted(text, indent, !key);
            }
        } else if text.contains('\n') || !plain {
            self.double_quoted(text, indent, !key);
        } else if shape.plain_allowed {
            self.space_unless_key(key);
            self.folded(text, indent, !key, false);
        } else if shape.single_allowed {
            self.space_unless_key(key);
            self.put("'");
            self.folded(text, indent, !key, true);
            self.put("'");
        } else {
            self.double_quoted(text, indent, !key);
        }
    }

    fn space_unless_key(&mut self, key: bool) {
        if !key {
            self.space();
        }
    }

    fn folded(&mut self, text: &str, indent: isize, breaks: bool, quoted: bool) {
        let chars: Vec<char> = text.chars().gather();
        let mut spaces = false;
        for (index, c) in chars.iter().enumerate() {
            let is_space = *c == ' ';
            let inside = !quoted || (0 < index && index + 1 < chars.len());
            if is_space
                && breaks
                && !spaces
                && WIDTH_BEST < self.column
                && inside
                && chars.get(index + 1) != Some(&' ')
            {
                self.indent(indent);
            } else if quoted && *c == '\'' {
                self.put("''");
            } else {
                self.out.push(*c);
                self.column += 1;
            }
            spaces = is_space;
        }
    }

    fn double_quoted(&mut self, text: &str, indent: isize, breaks: bool) {
        self.space_unless_key(!breaks);
        self.put("\"");
        let chars: Vec<char> = text.chars().gather();
        let mut spaces = false;
        for (index, c) in chars.iter().enumerate() {
            if let Some(escape) = escaped(*c) {
                self.put(&escape);
                spaces = false;
            } else if *c == ' ' {
                let fold = breaks && !spaces && WIDTH_BEST < self.column;
                if fold && 0 < index && index + 1 < chars.len() {
                    self.indent(indent);
                    if chars[index + 1] == ' ' {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                spaces = true;
            } else {
                self.out.push(*c);
                self.column += 1;
                spaces = false;
            }
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: isize) {
        self.space();
        self.put("|");
        if text.starts_with([' ', '\n']) {
            self.put("2");
        }
        match text.strip_suffix('\n') {
            None => self.put("-"),
            Some("") => self.put("+"),
            Some(rest) if rest.ends_with('\n') => self.put("+"),
            Some(_) => {}
        }
        self.out.push('\n');
        self.column = 0;
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                for _ in 0..indent {
                    self.out.push(' ');
                }
            }
            self.out.push_str(line);
        }
        if !text.ends_with('\n') {
            self.column = 1;
        }
    }
}

/// What a string's characters allow.
struct Shape {
    plain_allowed: bool,
    single_allowed: bool,
    block_allowed: bool,
}

impl Shape {
    /// Follows emitterc.go: yaml_emitter_analyze_scalar.
    fn of(text: &str) -> Shape {
        if text.is_empty() {
            return Shape { plain_allowed: true, single_allowed: true, block_allowed: false };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut break_space, mut space_break) = (false, false, false);
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_follows = matches!(chars.peek(), None | Some(' ' | '\t'));
            indicators |= match previous {
                None => "#,[]{}&*!|>'\"%@`".contains(c) || ("?:-".contains(c) && blank_follows),
                Some(before) => (c == ':' && blank_follows) || (c == '#' && is_blankz(before)),
            };
            special |= !is_printable(c);
            break_space |= c == ' ' && previous.is_some_and(is_break);
            space_break |= is_break(c) && previous == Some(' ');
            previous = Some(c);
        }
        let edge = |c: char| c == ' ' || is_break(c);
        let edges = text.starts_with(edge) || text.ends_with(edge);
        let broken = space_break || special;
        Shape {
            plain_allowed: !(edges || break_space || broken || indicators || text.contains(is_break)),
            single_allowed: !(break_space || broken),
            block_allowed: !(text.ends_with(' ') || broken),
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blankz(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_break(c)
}

/// go-yaml counts nothing beyond the basic plane as printable.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}') && c != '\u{FEFF}'
}

fn escaped(c: char) -> Option<String> {
    let name = match c {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0B' => 'v',
        '\x0C' => 'f',
        '\r' => 'r',
        '\x1B' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ if is_printable(c) => return None,
        _ => {
            let mut text = String::new();
            let code = u32::from(c);
            let _ = match code {
                0..=0xFF => write!(text, "\\x{code:02X}"),
                0x100..=0xFFFF => write!(text, "\\u{code:04X}"),
                _ => write!(text, "\\U{code:08X}"),
            };
            return Some(text);
        }
    };
    Some(format!("\\{name}"))
}

/// `12:30:45` would be a number in YAML 1.1: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or("");
    let numeric = |it: &str| it.bytes().all(|it| it.is_ascii_digit() || it == b'_');
    if !first.starts_with(|it: char| it.is_ascii_digit()) || !numeric(first) || !text.contains(':') {
        return false;
    }
    let parts: Vec<&str> = parts.gather();
    parts.iter().enumerate().all(|(index, part)| {
        let (part, fraction) = match part.split_once('.') {
            Some((part, fraction)) if index + 1 == parts.len() => (part, fraction),
            _ => (*part, ""),
        };
        matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']) && numeric(fraction)
    })
}

fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => go_float(float),
        _ => number.to_string(),
    }
}

/// Go's `strconv.FormatFloat(x, 'g', -1, 64)`.
pub(crate) fn go_float(float: f64) -> String {
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Numbers inside keys count as numbers, letters come last.
///
/// Follows go.yaml.in/yaml/v2 sorter.go.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().gather(), b.chars().gather());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let mut start = 0_u64;
    if x == '0' || y == '0' {
        let before = a[..at].iter().rev().take_while(|it| it.is_ascii_digit());
        start = u64::from(before.into_iter().any(|it| *it != '0'));
    }
    let number = |chars: &[char]| {
        let digits = chars.iter().map_while(|it| it.to_digit(10));
        digits.fold((start, 0), |(value, length), digit| {
            (value.wrapping_mul(10).wrapping_add(u64::from(digit)), length + 1)
        })
    };
    number(&a[at..]).cmp(&number(&b[at..])).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: &Value, expected: &str) {
        assert_eq!(emit(value), expected);
    }

    #[test]
    fn looks_like_kubectl() {
        check(
            &json!({"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"name": "a", "args": ["x", "y"]}], "x": {}, "y": []}}),
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - args:\n    - x\n    - \"y\"\n    name: a\n  x: {}\n  \"y\": []\n",
        );
        check(
            &json!({"a": "true", "b": "1", "c": "", "d": "x: y", "e": "- a", "f": "it's", "g": null}),
            "a: \"true\"\nb: \"1\"\nc: \"\"\nd: 'x: y'\ne: '- a'\nf: it's\ng: null\n",
        );
        check(
            &json!({"a": "one\ntwo\n", "b": "one\ntwo", "c": "x\n\n"}),
            "a: |\n  one\n  two\nb: |-\n  one\n  two\nc: |+\n  x\n\n",
        );
        check(&json!([[1, 2], [{"a": 1}]]), "- - 1\n  - 2\n- - a: 1\n");
        check(
            &json!({"a10": 1, "a2": 2, "t": "12:30:45", "v": "1.2.3", "tab": "a\tb"}),
            "a2: 2\na10: 1\nt: \"12:30:45\"\ntab: \"a\\tb\"\nv: 1.2.3\n",
        );
    }

    #[test]
    fn folds_long_lines() {
        let long = "word ".repeat(30);
        let text = emit(&json!({ "message": long.trim() }));
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().nth(1).is_some_and(|it| it.starts_with("  word")));
    }
}
