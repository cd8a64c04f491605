//! `-f`: files, directories, standard input, and the objects in them.

use serde_json::Value;
use sim::Gather as _;

use crate::Call;
use crate::client::{Failure, fail};
use crate::flags::Flags;
use crate::json::{at, list, text};
use crate::resources::{self, Resource};

/// The documents of a file that are read before kubectl gives up.
const DOCUMENTS_MAX: usize = 1_000;

/// An object of a file, and what it is called in errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    pub resource: Resource,
    pub object: Value,
    pub namespace: String,
    pub name: String,
    pub source: String,
}

pub fn absolute(call: &Call, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    if let Some(rest) = path.strip_prefix("~/") {
        return format!("{}/{rest}", call.env.home);
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    if path == "." || path.is_empty() {
        call.env.cwd.clone()
    } else {
        format!("{}/{path}", call.env.cwd.trim_end_matches('/'))
    }
}

/// Reads everything that `-f` names. Documents before an error are good: they come with it.
pub fn load(call: &mut Call, flags: &Flags, stdin: &[u8]) -> (Vec<Manifest>, Vec<Failure>) {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for path in flags.all("filename") {
        for path in path.split(',') {
            if let Err(failure) = load_path(call, flags, path, stdin, &mut found, &mut failures) {
                failures.push(failure);
                return (found, failures);
            }
        }
    }
    (found, failures)
}

fn load_path(
    call: &mut Call,
    flags: &Flags,
    path: &str,
    stdin: &[u8],
    found: &mut Vec<Manifest>,
    failures: &mut Vec<Failure>,
) -> Result<(), Failure> {
    if path == "-" {
        let text = String::from_utf8_lossy(stdin).into_owned();
        return documents(call, flags, "STDIN", &text, found, failures);
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        let host = path.split('/').nth(2).unwrap_or("");
        return Err(Failure::Plain(format!(
            "The connection to the server {host} was refused - did you specify the right host or port?"
        )));
    }
    let full = absolute(call, path);
    if let Some(names) = call.world.list_dir(&full) {
        let files: Vec<String> = names
            .into_iter()
            .filter(|it| [".json", ".yaml", ".yml"].iter().any(|end| it.ends_with(end)))
            .gather();
        if files.is_empty() {
            return fail(format!(
                "error reading [{path}]: recognized file extensions are [.json .yaml .yml]"
            ));
        }
        for name in files {
            let shown = format!("{}/{name}", path.trim_end_matches('/'));
            let bytes = call.world.read_file(&format!("{full}/{name}")).map_err(Failure::Text)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Err(failure) = documents(call, flags, &shown, &text, found, failures) {
                failures.push(failure);
            }
        }
        return Ok(());
    }
    let missing = format!("the path {path:?} does not exist");
    let bytes = call.world.read_file(&full).map_err(|_| Failure::Text(missing))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    documents(call, flags, path, &text, found, failures)
}

fn documents(
    call: &mut Call,
    flags: &Flags,
    source: &str,
    content: &str,
    found: &mut Vec<Manifest>,
    failures: &mut Vec<Failure>,
) -> Result<(), Failure> {
    let shown = if source == "STDIN" { "STDIN" } else { source };
    for document in api::yaml::read(content).into_iter().take(DOCUMENTS_MAX) {
        let value = match document {
            Ok(document) => document.value,
            Err(error) => {
                return fail(format!("error parsing {shown}: {}", error.for_kubectl()));
            }
        };
        if value.is_null() {
            continue;
        }
        if let Err(failure) = one(call, flags, shown, value, found) {
            failures.push(failure);
        }
    }
    Ok(())
}

// Follows kubernetes v1.36 kubectl/pkg/validation: ConjunctiveSchema asks for both before anything is decoded.
fn validated(flags: &Flags, source: &str, api_version: &Value, kind: &Value) -> Result<(), Failure> {
    let missing: Vec<&str> = [(api_version, "apiVersion not set"), (kind, "kind not set")]
        .into_iter()
        .filter(|(field, _)| field.as_str().is_none_or(str::is_empty))
        .map(|(_, text)| text)
        .gather();
    let missing = match missing[..] {
        [] => return Ok(()),
        [one] => one.to_owned(),
        _ => format!("[{}]", missing.join(", ")),
    };
    if matches!(flags.value("validate"), Some("false" | "ignore")) {
        return Ok(());
    }
    fail(format!(
        "error validating {source:?}: error validating data: {missing}; if you choose to ignore these errors, turn validation off with --validate=false"
    ))
}

/// One document: its kind must be known, and its namespace fit.
// Follows kubernetes v1.36 cli-runtime/pkg/resource: mapper.infoForData, RequireNamespace.
fn one(
    call: &Call,
    flags: &Flags,
    source: &str,
    value: Value,
    found: &mut Vec<Manifest>,
) -> Result<(), Failure> {
    let (api_version, kind) = (at(&value, "apiVersion"), at(&value, "kind"));
    if !value.is_object() {
        return fail(format!(
            "unable to decode {source:?}: json: cannot unmarshal {} into Go value of type unstructured.detector",
            go_type(&value)
        ));
    }
    for (field, name) in [(api_version, "apiVersion"), (kind, "kind")] {
        if !field.is_null() && !field.is_string() {
            return fail(format!(
                "unable to decode {source:?}: json: cannot unmarshal {} into Go struct field TypeMeta.{name} of type string",
                go_type(field)
            ));
        }
    }
    validated(flags, source, api_version, kind)?;
    if kind.as_str().is_none_or(str::is_empty) {
        return fail(format!("unable to decode {source:?}: Object 'Kind' is missing in '{value}'"));
    }
    if text(&value, "kind").ends_with("List") && value.get("items").is_some_and(Value::is_array) {
        for item in list(&value, "items") {
            one(call, flags, source, item.clone(), found)?;
        }
        return Ok(());
    }
    let api_version = text(&value, "apiVersion").to_owned();
    let kind = text(&value, "kind").to_owned();
    let name = at(&value, "metadata.name").as_str().unwrap_or("").to_owned();
    metadata_types(source, &value)?;
    let Some(resource) = resources::of_kind(&api_version, &kind) else {
        let of = if api_version.is_empty() { String::new() } else { api_version };
        return fail(format!(
            "resource mapping not found for name: {name:?} namespace: {:?} from {source:?}: no matches for kind {kind:?} in version {of:?}\nensure CRDs are installed first",
            text(&value, "metadata.namespace")
        ));
    };
    let own = text(&value, "metadata.namespace").to_owned();
    let mut object = value;
    let namespace = if !resource.namespaced {
        String::new()
    } else if own.is_empty() {
        let namespace = call.namespace(flags);
        crate::json::set(&mut object, "metadata.namespace", Value::String(namespace.clone()));
        namespace
    } else {
        if flags.given("namespace") && own != flags.text("namespace") {
            return fail(format!(
                "the namespace from the provided object {own:?} does not match the namespace {:?}. You must pass '--namespace={own}' to perform this operation.",
                flags.text("namespace")
            ));
        }
        own
    };
    found.push(Manifest { resource, object, namespace, name, source: source.to_owned() });
    Ok(())
}

pub fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// kubectl itself reads ObjectMeta, so that its fields' types are checked before any request.
fn metadata_types(source: &str, value: &Value) -> Result<(), Failure> {
    let wrong = |found: &Value, path: &str, of: &str| {
        fail(format!(
            "unable to decode {source:?}: json: cannot unmarshal {} into Go struct field {path} of type {of}",
            go_type(found)
        ))
    };
    let meta = at(value, "metadata");
    if !meta.is_null() && !meta.is_object() {
        return wrong(meta, ".metadata", "v1.ObjectMeta");
    }
    for (key, found) in meta.as_object().into_iter().flatten() {
        let path = format!("ObjectMeta.metadata.{key}");
        match key.as_str() {
            "labels" | "annotations" => match found {
                Value::Null => {}
                Value::Object(map) => {
                    for found in map.values() {
                        if !found.is_string() && !found.is_null() {
                            return wrong(found, &path, "string");
                        }
                    }
                }
                _ => return wrong(found, &path, "map[string]string"),
            },
            "name" | "namespace" | "generateName" | "resourceVersion" | "uid"
                if !found.is_string() && !found.is_null() =>
            {
                return wrong(found, &path, if key == "uid" { "types.UID" } else { "string" });
            }
            "finalizers" if !found.is_array() && !found.is_null() => return wrong(found, &path, "[]string"),
            _ => {}
        }
    }
    Ok(())
}
