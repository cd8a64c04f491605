//! The three-way strategic merge patch that `apply` sends.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/util/strategicpatch: CreateThreeWayMergePatch.

use api::schema::{self, Shape, Struct, Type};
use serde_json::{Map, Value, json};
use sim::{Gather as _, Sort as _};

type Object = Map<String, Value>;

/// What turns `current` into `modified` and takes away what `original` had and `modified` has no longer.
/// `original` is empty for an object that `apply` never saw.
pub fn three_way(kind: &str, original: &Value, modified: &Value, current: &Value) -> Value {
    Value::Object(diff(original, modified, current, schema::find(kind)))
}

fn inner(type_: Type) -> Option<&'static Struct> {
    match type_.shape() {
        Shape::Struct(it) => Some(it),
        Shape::List(item) | Shape::Map(item) => inner(item),
        _ => None,
    }
}

fn diff(original: &Value, modified: &Value, current: &Value, of: Option<&'static Struct>) -> Object {
    let mut patch = Object::new();
    let empty = Object::new();
    let wanted = modified.as_object().unwrap_or(&empty);
    for (key, new) in wanted {
        let field = of.and_then(|it| it.field(key));
        let (old, last) =
            (current.get(key).unwrap_or(&Value::Null), original.get(key).unwrap_or(&Value::Null));
        let within = field.and_then(|it| inner(it.type_));
        match (new, old) {
            (Value::Object(map), Value::Object(_)) => {
                let mut changes = diff(last, new, old, within);
                if !changes.is_empty() {
                    if field.is_some_and(|it| it.retain_keys) {
                        changes.insert("$retainKeys".to_owned(), map.keys().cloned().collect());
                    }
                    patch.insert(key.clone(), Value::Object(changes));
                }
            }
            (Value::Array(items), Value::Array(olds)) => match field.and_then(|it| it.merge_key) {
                Some("") => scalars(key, items, olds, last, &mut patch),
                Some(merge_key) => {
                    let retain = field.is_some_and(|it| it.retain_keys);
                    keyed(key, merge_key, (items, olds, last), within, retain, &mut patch);
                }
                None if items != olds => drop(patch.insert(key.clone(), new.clone())),
                None => {}
            },
            // A null in a manifest takes the field away.
            (Value::Null, Value::Null) => {}
            _ if new == old => {}
            _ => drop(patch.insert(key.clone(), new.clone())),
        }
    }
    for key in original.as_object().into_iter().flatten().map(|it| it.0) {
        if !wanted.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

fn scalars(key: &str, items: &[Value], olds: &[Value], last: &Value, patch: &mut Object) {
    let added: Vec<&Value> = items.iter().filter(|it| !olds.contains(it)).gather();
    let last = last.as_array().map_or(&[] as &[Value], Vec::as_slice);
    let gone: Vec<&Value> = last.iter().filter(|it| !items.contains(it)).gather();
    if added.is_empty() && gone.is_empty() {
        return;
    }
    if !gone.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{key}"), json!(gone));
    }
    patch.insert(format!("$setElementOrder/{key}"), json!(items));
    if !added.is_empty() {
        patch.insert(key.to_owned(), json!(added));
    }
}

fn keyed(
    key: &str,
    merge_key: &str,
    (items, olds, last): (&[Value], &[Value], &Value),
    of: Option<&'static Struct>,
    retain: bool,
    patch: &mut Object,
) {
    let find = |list: &[Value], name: &Value| list.iter().find(|it| it.get(merge_key) == Some(name)).cloned();
    let last = last.as_array().map_or(&[] as &[Value], Vec::as_slice);
    let mut changes = Vec::new();
    for item in items {
        let name = item.get(merge_key).cloned().unwrap_or(Value::Null);
        match find(olds, &name) {
            None => changes.push(item.clone()),
            Some(old) => {
                let before = find(last, &name).unwrap_or(Value::Null);
                let mut change = diff(&before, item, &old, of);
                if !change.is_empty() {
                    if retain {
                        let mut kept: Vec<String> =
                            item.as_object().into_iter().flatten().map(|it| it.0.clone()).gather();
                        kept.put_in_order();
                        change.insert("$retainKeys".to_owned(), json!(kept));
                    }
                    change.insert(merge_key.to_owned(), name);
                    changes.push(Value::Object(change));
                }
            }
        }
    }
    // Ordered by key, as the API's patch library sorts them.
    let by_key = |it: &Value| crate::json::plain(it.get(merge_key).unwrap_or(&Value::Null));
    changes.put_in_order_by_key(by_key);
    for before in last {
        let name = before.get(merge_key).cloned().unwrap_or(Value::Null);
        if find(items, &name).is_none() {
            changes.push(json!({"$patch": "delete", merge_key: name}));
        }
    }
    if changes.is_empty() {
        return;
    }
    let order: Vec<Value> = items.iter().map(|it| json!({merge_key: it.get(merge_key)})).gather();
    patch.insert(format!("$setElementOrder/{key}"), Value::Array(order));
    patch.insert(key.to_owned(), Value::Array(changes));
}
