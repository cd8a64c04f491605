//! Writes `src/schema/table.txt`: the fields of every object, from the Go types that the API server decodes into.
//!
//! `cargo run -p api --example schema -- DIR > crates/api/src/schema/table.txt`, where DIR is kubernetes v1.36
//! `staging/src/k8s.io` (or any `vendor/k8s.io`). The Go sources and not the OpenAPI document, because only they tell
//! the names of embedded structs, which are part of the server's error texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const SOURCES: &[(&str, &str)] = &[
    ("core", "api/core/v1/types.go"),
    ("apps", "api/apps/v1/types.go"),
    ("discovery", "api/discovery/v1/types.go"),
    ("policy", "api/policy/v1/types.go"),
    ("scheduling", "api/scheduling/v1/types.go"),
    ("coordination", "api/coordination/v1/types.go"),
    ("autoscaling", "api/autoscaling/v1/types.go"),
    ("meta", "apimachinery/pkg/apis/meta/v1/types.go"),
];

const ROOTS: &[&str] = &[
    "Namespace",
    "Node",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Service",
    "Pod",
    "Event",
    "Deployment",
    "ReplicaSet",
    "EndpointSlice",
    "PodDisruptionBudget",
    "PriorityClass",
    "Lease",
    "Binding",
    "Eviction",
    "Scale",
    "DeleteOptions",
];

type Types = BTreeMap<String, (String, Vec<String>)>;

fn main() {
    let root = std::env::args().nth(1).expect("the directory of k8s.io");
    let mut types = Types::new();
    for (_, file) in SOURCES.iter().rev() {
        let text = std::fs::read_to_string(Path::new(&root).join(file)).expect("a Go source file");
        read(&text, &mut types);
    }
    let mut wanted: Vec<String> = ROOTS.iter().map(|it| (*it).to_owned()).collect();
    let mut seen = BTreeSet::new();
    let mut lines = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let Some((line, used)) = types.get(&name) else { continue };
        lines.insert(line.clone());
        wanted.extend(used.iter().cloned());
    }
    for line in lines {
        println!("{line}");
    }
}

fn read(text: &str, types: &mut Types) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("type ") else { continue };
        let mut words = rest.split_whitespace();
        let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
        if kind != "struct" {
            let mut used = Vec::new();
            let target = go_type(kind, &mut used);
            types.insert(name.to_owned(), (format!("{name}={target}"), used));
            continue;
        }
        let (mut fields, mut used) = (Vec::new(), Vec::new());
        for line in lines.by_ref() {
            if line.starts_with('}') {
                break;
            }
            fields.extend(field(line.trim(), &mut used));
        }
        types.insert(name.to_owned(), (format!("{name} {}", fields.join(" ")), used));
    }
}

fn field(line: &str, used: &mut Vec<String>) -> Option<String> {
    if line.starts_with("//") {
        return None;
    }
    let (declaration, tags) = line.split_once('`')?;
    let json = tag(tags, "json")?;
    let name = json.split(',').next().unwrap_or("");
    let words: Vec<&str> = declaration.split_whitespace().collect();
    if name == "-" {
        return None;
    }
    if name.is_empty() {
        let embedded = words[0].trim_start_matches("metav1.");
        used.push(embedded.to_owned());
        return Some(format!("^{embedded}"));
    }
    let mut text = format!("{name}:{}", go_type(words.last()?, used));
    let strategy = tag(tags, "patchStrategy").unwrap_or("");
    if strategy.contains("merge") {
        text.push('@');
        text.push_str(tag(tags, "patchMergeKey").unwrap_or(""));
    }
    if strategy.contains("retainKeys") {
        text.push('!');
    }
    Some(text)
}

fn tag<'a>(tags: &'a str, name: &str) -> Option<&'a str> {
    let start = tags.find(&format!("{name}:\""))? + name.len() + 2;
    tags[start..].split('"').next()
}

/// `[]Container` → `[Container`, `map[string]string` → `{string`; pointers and packages are dropped.
fn go_type(text: &str, used: &mut Vec<String>) -> String {
    let text = text.trim_start_matches('*');
    if text == "[]byte" {
        return "bytes".to_owned();
    }
    if let Some(item) = text.strip_prefix("[]") {
        return format!("[{}", go_type(item, used));
    }
    if let Some(rest) = text.strip_prefix("map[") {
        let (_, value) = rest.split_once(']').expect("a map");
        return format!("{{{}", go_type(value, used));
    }
    let name = text.rsplit('.').next().expect("a name");
    used.push(name.to_owned());
    name.to_owned()
}
