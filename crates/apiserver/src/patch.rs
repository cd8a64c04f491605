//! Patches: JSON merge (RFC 7386), JSON patch (RFC 6902) and Kubernetes' strategic merge.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/util/strategicpatch; which lists merge and by which key tells `api::schema`.

use api::schema::{Field, Problem, Shape, Struct, Type};
use api::yaml::Step;
use serde_json::{Map, Value};
use sim::{Gather as _, Sort as _};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

pub fn json_merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let map = target.as_object_mut().expect("made one above");
    for (name, change) in changes {
        if change.is_null() {
            map.remove(name);
        } else {
            json_merge(map.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Fails with the text that the server tells.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Array(operations) = patch else {
        return Err("json: cannot unmarshal object into Go value of type jsonpatch.Patch".to_owned());
    };
    for operation in operations {
        let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or("");
        let (verb, at) = (text("op"), text("path"));
        let value = operation.get("value").cloned().unwrap_or(Value::Null);
        match verb {
            "add" => add(target, at, value)?,
            "remove" => drop(remove(target, at, "remove")?),
            "replace" => match target.pointer_mut(at) {
                Some(found) => *found = value,
                None => return Err(missing("replace", at)),
            },
            "test" => {
                if target.pointer(at).unwrap_or(&Value::Null) != &value {
                    return Err(format!("testing value {at} failed: test failed"));
                }
            }
            "copy" | "move" => {
                let from = text("from");
                let found = match verb {
                    "copy" => target.pointer(from).cloned().ok_or_else(|| missing(verb, from))?,
                    _ => remove(target, from, verb)?,
                };
                add(target, at, found)?;
            }
            _ => return Err(format!("Unexpected kind: {verb}")),
        }
    }
    Ok(())
}

fn missing(op: &str, path: &str) -> String {
    format!("{op} operation does not apply: doc is missing key: {path}: missing value")
}

fn parent<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, name) = path.rsplit_once('/')?;
    Some((target.pointer_mut(parent)?, name.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    let wrong = || missing("add", path);
    match parent(target, path).ok_or_else(wrong)? {
        (Value::Object(map), name) => {
            map.insert(name, value);
        }
        (Value::Array(items), name) => {
            let index = if name == "-" { Some(items.len()) } else { name.parse().ok() };
            let index = index.filter(|it| *it <= items.len()).ok_or_else(wrong)?;
            items.insert(index, value);
        }
        _ => return Err(wrong()),
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str, op: &str) -> Result<Value, String> {
    let removed = match parent(target, path) {
        Some((Value::Object(map), name)) => map.remove(&name),
        Some((Value::Array(items), name)) => {
            let index = name.parse::<usize>().ok().filter(|it| *it < items.len());
            index.map(|it| items.remove(it))
        }
        _ => None,
    };
    removed.ok_or_else(|| {
        if op == "remove" {
            format!("remove operation does not apply: doc is missing path: {path:?}: missing value")
        } else {
            missing(op, path)
        }
    })
}

/// `of` is the struct that `target` is, as far as it is known.
pub fn strategic_merge(target: &mut Value, patch: &Value, of: Option<&'static Struct>) -> Result<(), String> {
    if let (Value::Object(map), Value::Object(changes)) = (&mut *target, patch) {
        merge_map(map, changes, of)
    } else {
        *target = cleaned(patch);
        Ok(())
    }
}

fn merge_map(
    map: &mut Map<String, Value>,
    changes: &Map<String, Value>,
    of: Option<&'static Struct>,
) -> Result<(), String> {
    match changes.get(DIRECTIVE).and_then(Value::as_str) {
        Some("replace") => {
            *map = cleaned_map(changes);
            return Ok(());
        }
        Some("delete") => {
            map.clear();
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => {
            return Err(format!("Unknown patch type {other:?} found in: {}", Value::Object(changes.clone())));
        }
    }
    if let Some(Value::Array(kept)) = changes.get(RETAIN_KEYS) {
        map.retain(|name, _| kept.iter().any(|it| it.as_str() == Some(name)));
    }
    for (name, change) in changes {
        if name.starts_with('$') {
            if let Some(name) = name.strip_prefix(DELETE_FROM)
                && let (Some(Value::Array(items)), Value::Array(gone)) = (map.get_mut(name), change)
            {
                items.retain(|it| !gone.contains(it));
            }
            continue;
        }
        if change.is_null() {
            map.remove(name);
            continue;
        }
        let field = of.and_then(|it| it.field(name));
        match (map.get_mut(name), change) {
            (Some(Value::Object(inner)), Value::Object(inner_changes)) => {
                merge_map(inner, inner_changes, field.and_then(|it| inner_struct(it.type_)))?;
            }
            (Some(Value::Array(items)), Value::Array(changes_items)) => {
                let order = changes.get(&format!("{ELEMENT_ORDER}{name}"));
                merge_list(items, changes_items, field, order)?;
            }
            (None, Value::Array(changes_items)) if field.is_some_and(|it| it.merge_key.is_some()) => {
                let mut items = Vec::new();
                merge_list(&mut items, changes_items, field, None)?;
                map.insert(name.clone(), Value::Array(items));
            }
            _ => {
                map.insert(name.clone(), cleaned(change));
            }
        }
    }
    Ok(())
}

fn inner_struct(type_: Type) -> Option<&'static Struct> {
    match type_.shape() {
        Shape::Struct(it) => Some(it),
        Shape::List(item) | Shape::Map(item) => inner_struct(item),
        _ => None,
    }
}

fn merge_list(
    items: &mut Vec<Value>,
    changes: &[Value],
    field: Option<&'static Field>,
    order: Option<&Value>,
) -> Result<(), String> {
    let Some(key) = field.and_then(|it| it.merge_key) else {
        *items = changes.iter().map(cleaned).gather();
        return Ok(());
    };
    let of = field.and_then(|it| inner_struct(it.type_));
    if key.is_empty() {
        for change in changes {
            if !items.contains(change) {
                items.push(change.clone());
            }
        }
    } else {
        if changes.iter().any(|it| it.get(DIRECTIVE).and_then(Value::as_str) == Some("replace")) {
            items.clear();
        }
        for change in changes {
            let found = items.iter().position(|it| it.get(key).is_some() && it.get(key) == change.get(key));
            match (change.get(DIRECTIVE).and_then(Value::as_str), found) {
                (Some("replace"), _) if change.get(key).is_none() => {}
                (Some("delete"), Some(index)) => drop(items.remove(index)),
                (Some("delete"), None) => {}
                (_, Some(index)) => strategic_merge(&mut items[index], change, of)?,
                (_, None) => {
                    if change.get(key).is_none() {
                        return Err(format!("map: {change} does not contain declared merge key: {key}"));
                    }
                    items.push(cleaned(change));
                }
            }
        }
    }
    if let Some(Value::Array(order)) = order {
        let rank = |it: &Value| {
            let wanted = if key.is_empty() { Some(it) } else { it.get(key) };
            order.iter().position(|entry| {
                let entry = if key.is_empty() { Some(entry) } else { entry.get(key) };
                entry == wanted
            })
        };
        // What the list does not name keeps its place after the named item before it.
        let mut last = 0;
        let mut ranked: Vec<(usize, Value)> = Vec::new();
        for item in items.drain(..) {
            last = rank(&item).map_or(last, |it| it + 1);
            ranked.push((last, item));
        }
        ranked.put_in_order_by_key(|(rank, _)| *rank);
        items.extend(ranked.into_iter().map(|(_, item)| item));
    }
    Ok(())
}

/// Without directives and without nulls.
fn cleaned(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(cleaned_map(map)),
        Value::Array(items) => Value::Array(items.iter().map(cleaned).gather()),
        other => other.clone(),
    }
}

fn cleaned_map(map: &Map<String, Value>) -> Map<String, Value> {
    let kept = map.iter().filter(|(name, value)| !name.starts_with('$') && !value.is_null());
    kept.map(|(name, value)| (name.clone(), cleaned(value))).collect()
}

/// A strategic merge patch as Go prints what is left of it: lists that were merged in order are used up by then.
pub fn go_map(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let used =
                |name: &str| name.starts_with('$') || map.contains_key(&format!("{ELEMENT_ORDER}{name}"));
            let pairs: Vec<String> = map
                .iter()
                .filter(|it| !used(it.0))
                .map(|(name, it)| format!("{name}:{}", go_map(it)))
                .gather();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_map).gather();
            format!("[{}]", items.join(" "))
        }
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// A wrong type in the words of the converter that reads patched objects.
///
/// Follows kubernetes v1.36 apimachinery/pkg/runtime/converter.go: fromUnstructured.
pub fn mismatch(problem: &Problem, patched: &Value) -> String {
    let found = problem.path.iter().try_fold(patched, |value, step| match step {
        Step::Key(name) => value.get(name),
        Step::Index(index) => value.get(index),
    });
    let found = match found.unwrap_or(&Value::Null) {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(it) if it.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    };
    let Some(wanted) = problem.wanted else { return problem.message.clone() };
    match wanted.shape() {
        Shape::List(_) | Shape::Bytes => format!("cannot restore slice from {found}"),
        Shape::Map(_) => format!("cannot restore map from {found}"),
        Shape::Struct(_) => format!("cannot restore struct from: {found}"),
        Shape::Bool => "unrecognized type: bool".to_owned(),
        Shape::Int32 => "unrecognized type: int32".to_owned(),
        Shape::Int64 => "unrecognized type: int64".to_owned(),
        Shape::Text | Shape::Quantity | Shape::IntOrString | Shape::Time | Shape::Any => {
            "unrecognized type: string".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_merge_by_key() {
        let mut pod = json!({"spec": {"containers": [{"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
            "containers": [{"name": "b", "image": "y"}, {"name": "a", "env": [{"name": "E", "$patch": "delete"}]}],
        }});
        strategic_merge(&mut pod, &patch, api::schema::find("Pod")).expect("a patch");
        assert_eq!(
            pod,
            json!({"spec": {"containers": [{"name": "b", "image": "y"}, {"name": "a", "image": "x", "env": []}]}})
        );
    }

    #[test]
    fn merge_and_json_patch() {
        let mut value = json!({"a": {"b": 1, "c": 2}});
        json_merge(&mut value, &json!({"a": {"b": null, "d": 3}}));
        json_patch(
            &mut value,
            &json!([{"op": "add", "path": "/l", "value": [1]}, {"op": "add", "path": "/l/-", "value": 2}]),
        )
        .expect("a patch");
        assert_eq!(value, json!({"a": {"c": 2, "d": 3}, "l": [1, 2]}));
        assert!(json_patch(&mut value, &json!([{"op": "remove", "path": "/x"}])).is_err());
    }
}
