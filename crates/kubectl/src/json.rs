//! Reading objects that come as JSON: a missing field reads as nothing, never as an error.

use serde_json::Value;
use sim::Gather as _;

static NOTHING: Value = Value::Null;

/// The value at a dotted path.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| value.get(key).unwrap_or(&NOTHING))
}

/// The text at a dotted path; empty when there is none.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or("")
}

pub fn int(value: &Value, path: &str) -> i64 {
    at(value, path).as_i64().unwrap_or(0)
}

pub fn is_true(value: &Value, path: &str) -> bool {
    at(value, path).as_bool().unwrap_or(false)
}

pub fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// The entries of a map, sorted by key.
pub fn entries<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    at(value, path).as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

pub fn has(value: &Value, path: &str) -> bool {
    !at(value, path).is_null()
}

/// A scalar as Go's `%v` prints it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// `a=b,c=d`, or `<none>`.
pub fn labels(value: &Value, path: &str) -> String {
    let all: Vec<String> =
        entries(value, path).map(|(key, value)| format!("{key}={}", plain(value))).gather();
    or_none(all.join(","))
}

pub fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

/// Sets the value at a dotted path and makes the maps on the way.
pub fn set(value: &mut Value, path: &str, new: Value) {
    *slot(value, path) = new;
}

/// The place at a dotted path, made when it is not there.
pub fn slot<'a>(value: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(value, |value, key| {
        if !value.is_object() {
            *value = Value::Object(serde_json::Map::new());
        }
        &mut value[key]
    })
}

pub fn remove(value: &mut Value, path: &str, key: &str) -> Option<Value> {
    let parent = if path.is_empty() {
        Some(value)
    } else {
        value.pointer_mut(&format!("/{}", path.replace('.', "/")))
    };
    parent?.as_object_mut()?.remove(key)
}
