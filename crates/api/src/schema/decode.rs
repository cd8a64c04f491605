//! Strict decoding: which fields there are not, and which values have the wrong type, in Go's words.
//!
//! Follows sigs.k8s.io/json: a value that reads itself (a quantity, bytes) stops everything when it fails, the first
//! type mismatch is remembered, unknown fields are collected.

use serde_json::{Map, Value};
use sim::{Gather as _, Sort as _};

use super::{Field, Shape, Struct, Type, find};
use crate::quantity;
use crate::yaml::Step;

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: Vec<Step>,
    pub message: String,
    /// Of a wrong type: the type that it should have.
    pub wanted: Option<Type>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// A bad quantity or bad base64: it wins over all others and ends the decoding.
    pub fatal: Option<Problem>,
    /// Wrong types in document order; the server tells the first.
    pub mismatches: Vec<Problem>,
    /// `spec.containers[0].imgae`, the path as the server writes it.
    pub unknown: Vec<Problem>,
}

impl Decoded {
    /// What the server answers: one error of the gravest sort.
    pub fn error(&self, strict: bool) -> Option<String> {
        if let Some(problem) = self.fatal.as_ref().or(self.mismatches.first()) {
            return Some(problem.message.clone());
        }
        (strict && !self.unknown.is_empty()).then(|| {
            let all: Vec<String> =
                self.unknown_sorted().iter().map(|it| format!("unknown field \"{it}\"")).gather();
            format!("strict decoding error: {}", all.join(", "))
        })
    }

    pub fn unknown_sorted(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.unknown.iter().map(|it| it.message.as_str()).gather();
        all.put_in_order();
        all
    }
}

/// Checks `value` against the struct `name` and brings it into the form that typed reading takes: quantities
/// canonical, nulls gone, unknown fields dropped.
pub fn decode(name: &str, value: &mut Value) -> Decoded {
    let mut walk = Walk { out: Decoded::default(), path: Vec::new(), go_path: Vec::new() };
    if let (Some(of), Value::Object(map)) = (find(name), value) {
        let _ = walk.fields(of, map);
    }
    walk.out
}

struct Walk {
    out: Decoded,
    path: Vec<Step>,
    go_path: Vec<&'static str>,
}

/// The decoding has ended.
struct Stop;

impl Walk {
    fn fields(&mut self, of: &'static Struct, map: &mut Map<String, Value>) -> Result<(), Stop> {
        let mut drop: Vec<String> = Vec::new();
        for (name, value) in map.iter_mut() {
            self.path.push(Step::Key(name.clone()));
            match of.field(name) {
                None => {
                    let message = path_text(&self.path);
                    self.out.unknown.push(Problem { path: self.path.clone(), message, wanted: None });
                    drop.push(name.clone());
                }
                Some(_) if value.is_null() => drop.push(name.clone()),
                Some(field) => self.field(of, field, value)?,
            }
            self.path.pop();
        }
        for name in drop {
            map.remove(&name);
        }
        Ok(())
    }

    fn field(&mut self, of: &'static Struct, field: &'static Field, value: &mut Value) -> Result<(), Stop> {
        let depth = self.go_path.len();
        self.go_path.extend(field.embedded);
        self.go_path.push(field.name);
        let result = self.value(of, field.type_, value);
        self.go_path.truncate(depth);
        result
    }

    fn value(&mut self, of: &'static Struct, type_: Type, value: &mut Value) -> Result<(), Stop> {
        match (type_.shape(), &mut *value) {
            (Shape::Struct(inner), Value::Object(map)) => return self.fields(inner, map),
            (Shape::List(item), Value::Array(items)) => {
                for (index, value) in items.iter_mut().enumerate() {
                    self.path.push(Step::Index(index));
                    if value.is_null() {
                        *value = zero(item);
                    }
                    self.value(of, item, value)?;
                    self.path.pop();
                }
            }
            (Shape::Map(item), Value::Object(map)) => {
                for (name, value) in map.iter_mut() {
                    self.path.push(Step::Key(name.clone()));
                    if value.is_null() {
                        *value = zero(item);
                    }
                    self.value(of, item, value)?;
                    self.path.pop();
                }
            }
            (Shape::Quantity, _) => return self.quantity(of, value),
            (Shape::Bytes, Value::String(text)) => return self.base64(text),
            (Shape::Int32 | Shape::Int64, Value::Number(number)) => {
                let wide = number.as_i64();
                let fits = match type_.shape() {
                    Shape::Int32 => wide.is_some_and(|it| i32::try_from(it).is_ok()),
                    _ => wide.is_some(),
                };
                if !fits {
                    let found = format!("number {number}");
                    self.mismatch(of, type_, &found);
                }
            }
            (Shape::IntOrString, Value::Number(number)) => {
                if number.as_i64().is_none_or(|it| i32::try_from(it).is_err()) {
                    let found = format!("number {number}");
                    return self.stop(self.mismatch_text(of, Type("int32"), &found));
                }
            }
            (Shape::IntOrString | Shape::Text, Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Any, _) => {}
            (Shape::IntOrString, other) => {
                let found = kind_of(other);
                return self.stop(self.mismatch_text(of, Type("int32"), found));
            }
            (Shape::Time, Value::String(text)) => {
                if crate::time::parse(text).is_none() {
                    let message = time_error(text);
                    return self.stop(message);
                }
            }
            (Shape::Time, other) => {
                let found = kind_of(other);
                return self.stop(format!("json: cannot unmarshal {found} into Go value of type string"));
            }
            (_, other) => {
                let found = kind_of(other);
                self.mismatch(of, type_, found);
            }
        }
        Ok(())
    }

    fn mismatch_text(&self, of: &Struct, type_: Type, found: &str) -> String {
        let path = self.go_path.join(".");
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{path} of type {}",
            of.name,
            type_.go_name()
        )
    }

    fn mismatch(&mut self, of: &Struct, type_: Type, found: &str) {
        let message = self.mismatch_text(of, type_, found);
        self.out.mismatches.push(Problem { path: self.path.clone(), message, wanted: Some(type_) });
    }

    fn stop(&mut self, message: String) -> Result<(), Stop> {
        self.out.fatal = Some(Problem { path: self.path.clone(), message, wanted: None });
        Err(Stop)
    }

    /// In a list of resources nothing is finer than a thousandth (defaults.go: SetDefaults_ResourceList).
    fn quantity(&mut self, of: &Struct, value: &mut Value) -> Result<(), Stop> {
        let text = match &*value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match quantity::parse_with_format(text.trim()) {
            Ok((amount, format)) => {
                let resources = matches!(of.field(self.go_path.last().copied().unwrap_or("")), Some(it) if it.type_.0 == "ResourceList");
                let amount = if resources { amount.round_up_to_milli() } else { amount };
                *value = Value::String(amount.to_text(format));
                Ok(())
            }
            Err(error) => self.stop(error.to_string()),
        }
    }

    fn base64(&mut self, text: &mut String) -> Result<(), Stop> {
        match check_base64(text) {
            Ok(()) => {
                text.retain(|c| c != '\n' && c != '\r');
                Ok(())
            }
            Err(at) => self.stop(format!("illegal base64 data at input byte {at}")),
        }
    }
}

fn zero(type_: Type) -> Value {
    match type_.shape() {
        Shape::Text | Shape::Bytes => Value::String(String::new()),
        Shape::Bool => Value::Bool(false),
        Shape::Int32 | Shape::Int64 | Shape::IntOrString => Value::from(0),
        Shape::Quantity => Value::String("0".to_owned()),
        Shape::List(_) => Value::Array(Vec::new()),
        _ => Value::Object(Map::new()),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Follows Go's encoding/base64: where the decoder gives up.
fn check_base64(text: &str) -> Result<(), usize> {
    let valid = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    let bytes: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, c)| *c != b'\n' && *c != b'\r').gather();
    for (group_index, group) in bytes.chunks(4).enumerate() {
        let last = (group_index + 1) * 4 >= bytes.len();
        for (index, (at, c)) in group.iter().enumerate() {
            if valid(*c) {
                continue;
            }
            if *c != b'=' || index < 2 {
                return Err(*at);
            }
            if index == 2 {
                match group.get(3) {
                    None => return Err(text.len()),
                    Some((_, b'=')) => {}
                    Some((at, _)) => return Err(*at),
                }
            }
            return if last { Ok(()) } else { Err(group.last().map_or(*at, |it| it.0) + 1) };
        }
        if group.len() < 4 {
            return Err(text.len() - group.len().min(text.len()));
        }
    }
    Ok(())
}

/// Follows Go's time.Parse for the commonest mistake, no date at all.
fn time_error(text: &str) -> String {
    let layout = "2006-01-02T15:04:05Z07:00";
    let (rest, element) = if text.len() < 5 || !text.as_bytes()[..4].iter().all(u8::is_ascii_digit) {
        (text, "2006")
    } else if text.as_bytes()[4] != b'-' {
        (&text[4..], "-")
    } else if text.len() == 10 {
        ("", "T")
    } else {
        (text.get(10..).unwrap_or(""), "T")
    };
    format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {element:?}")
}

/// `spec.containers[0].imgae`
pub(crate) fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
            Step::Key(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error(kind: &str, mut value: Value) -> String {
        decode(kind, &mut value).error(true).unwrap_or_default()
    }

    #[test]
    fn words_are_gos() {
        assert_eq!(
            error("Pod", json!({"spec": {"containers": [{"env": [{"value": 1}], "ports": "x"}], "foo": 1}})),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string"
        );
        assert_eq!(
            error("Pod", json!({"spec": {"containers": [{"livenessProbe": {"httpGet": {"port": 80.5}}}]}})),
            "json: cannot unmarshal number 80.5 into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32"
        );
        assert_eq!(
            error("Pod", json!({"spec": {"value": 1, "containers": [{"imgae": "x"}]}})),
            "strict decoding error: unknown field \"spec.containers[0].imgae\", unknown field \"spec.value\""
        );
        assert_eq!(
            error(
                "Pod",
                json!({"spec": {"containers": [{"ports": 1, "resources": {"limits": {"cpu": "1mm"}}}]}})
            ),
            "unable to parse quantity's suffix"
        );
    }

    #[test]
    fn brings_values_into_form() {
        let mut value =
            json!({"spec": {"containers": [{"image": null, "resources": {"limits": {"cpu": 0.5}}}]}});
        assert_eq!(decode("Pod", &mut value), Decoded::default());
        assert_eq!(value, json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "500m"}}}]}}));
    }
}
