//! Whether a goal is met.

use api::Kind;
use serde_json::Value;

use crate::{Goal, Test};

/// Takes an object: its namespace, its name, and a way to get it as JSON.
pub type Visit<'a> = dyn FnMut(&str, &str, &dyn Fn() -> Value) + 'a;

/// What goals are checked against.
pub trait Evidence {
    /// Visits each object of a kind.
    fn each(&self, kind: Kind, visit: &mut Visit<'_>);
    /// The terminal has printed this text since the scenario began.
    fn printed(&self, text: &str) -> bool;
    /// A command line that contains this text was entered since the scenario began.
    fn typed(&self, text: &str) -> bool;
}

impl Goal {
    pub fn is_met(&self, evidence: &dyn Evidence) -> bool {
        match self {
            Goal::Object { kind, name, has, at_least, at_most } => {
                let mut count = 0;
                let Some(kind) = kind_named(kind) else { return false };
                evidence.each(kind, &mut |namespace, found, value| {
                    if (namespace.is_empty() || namespace == "default") && fits(name, found) {
                        let passes = has.is_empty() || {
                            let value = value();
                            has.iter().all(|(path, test)| test.passes(&value, path))
                        };
                        count += u32::from(passes);
                    }
                });
                (*at_least..=*at_most).contains(&count)
            }
            Goal::Event { kind, name, reason, message } => {
                let mut met = false;
                evidence.each(Kind::Event, &mut |_, _, value| {
                    if met {
                        return;
                    }
                    let value = value();
                    let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or("");
                    met = text("/involvedObject/kind") == *kind
                        && fits(name, text("/involvedObject/name"))
                        && (reason.is_empty() || text("/reason") == *reason)
                        && text("/message").contains(message);
                });
                met
            }
            Goal::Terminal { text } => evidence.printed(text),
            Goal::Typed { text } => evidence.typed(text),
        }
    }
}

pub(crate) fn kind_named(name: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|it| it.name() == name)
}

/// `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            after.is_empty() || rest.char_indices().any(|(at, _)| fits(after, &rest[at..]))
        }),
    }
}

impl Test {
    pub(crate) fn passes(&self, object: &Value, path: &str) -> bool {
        let found = walk(object, path);
        let is = |wanted: &str| found.iter().any(|it| text(it) == wanted);
        match self {
            Test::Is(wanted) => is(wanted),
            Test::IsNot(wanted) => !is(wanted),
            Test::AtLeast(number) => found.iter().any(|it| it.as_i64().is_some_and(|it| *number <= it)),
            Test::Contains(part) => found.iter().any(|it| text(it).contains(part)),
            Test::Exists => !found.is_empty(),
            Test::Absent => found.is_empty(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Everything that a path leads to; nothing that is null.
fn walk<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![object];
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            let Some((inside, after)) = bracket.split_once(']') else { return Vec::new() };
            found = found.into_iter().flat_map(|it| select(it, inside)).collect();
            rest = after;
        } else {
            let rest_of_key = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest_of_key.find(['.', '[']).unwrap_or(rest_of_key.len());
            let (key, after) = rest_of_key.split_at(end);
            found = found.into_iter().filter_map(|it| it.get(key)).collect();
            rest = after;
        }
        found.retain(|it| !it.is_null());
    }
    found
}

fn select<'a>(value: &'a Value, inside: &str) -> Vec<&'a Value> {
    match (value, inside.split_once('=')) {
        (Value::Array(items), Some((key, wanted))) => {
            items.iter().filter(|it| it.get(key).is_some_and(|it| text(it) == wanted)).collect()
        }
        (Value::Array(items), None) => match inside.parse::<usize>() {
            Ok(at) => items.get(at).into_iter().collect(),
            Err(_) => items.iter().collect(),
        },
        _ => value.get(inside).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_and_tests() {
        let pod = json!({
            "metadata": {"labels": {"a.b/c": "d"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "X", "status": "False"}],
                "containerStatuses": [{"name": "app", "restartCount": 3, "ready": true}]},
        });
        let passing = [
            ("metadata.labels[a.b/c]", Test::Is("d")),
            ("status.conditions[type=Ready].status", Test::Is("True")),
            ("status.conditions[*].status", Test::Is("False")),
            ("status.containerStatuses[0].restartCount", Test::AtLeast(3)),
            ("status.containerStatuses[name=app].ready", Test::Is("true")),
            ("status.containerStatuses[name=other].ready", Test::Absent),
            ("status.phase", Test::IsNot("Running")),
            ("status.conditions", Test::Exists),
            ("metadata.labels[a.b/c]", Test::Contains("d")),
        ];
        for (path, test) in passing {
            assert!(test.passes(&pod, path), "{path} {test:?}");
        }
        assert!(!Test::AtLeast(4).passes(&pod, "status.containerStatuses[*].restartCount"));
    }

    #[test]
    fn names_with_stars() {
        for (pattern, name, expected) in
            [("web", "web", true), ("web-*", "web-1", true), ("web-*", "we", false), ("*-a*c", "x-abc", true)]
        {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
