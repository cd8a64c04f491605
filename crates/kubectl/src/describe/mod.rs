//! `describe`: an object told for people, with what belongs to it.
//!
//! Follows kubernetes v1.36 kubectl/pkg/describe/describe.go.

mod kinds;
mod pod;
pub mod workload;

use serde_json::Value;
use sim::{Gather as _, SimTime, Sort as _};

use crate::client::{Failure, Method, Request};
use crate::columns::align;
use crate::json::{at, entries, has, int, list, plain, text};
use crate::resources::{self, Resource};
use crate::{Call, age};

const ANNOTATION_MAX: usize = 140;

/// Text with levels of two spaces; tabs become columns when it is flushed.
#[derive(Default)]
pub struct Page {
    done: String,
    pending: String,
}

impl Page {
    pub fn line(&mut self, level: usize, text: &str) {
        for _ in 0..level {
            self.pending.push_str("  ");
        }
        self.pending.push_str(text);
        self.pending.push('\n');
    }

    /// `Key:\tvalue`
    pub fn pair(&mut self, level: usize, key: &str, value: &str) {
        self.line(level, &[key, ":\t", value].concat());
    }

    /// Begins a part whose columns stand apart.
    pub fn flush(&mut self) {
        self.done.push_str(&align(&std::mem::take(&mut self.pending), 0, 2));
    }

    pub fn finish(mut self) -> String {
        self.flush();
        self.done
    }

    /// `Labels:\ta=b`, one a line.
    pub fn labels(&mut self, title: &str, value: &Value) {
        self.labels_under("", title, value, &[]);
    }

    pub fn labels_under(&mut self, indent: &str, title: &str, value: &Value, skip: &[&str]) {
        let mut first = true;
        for (key, value) in
            value.as_object().into_iter().flatten().filter(|it| !skip.contains(&it.0.as_str()))
        {
            let head = if first { format!("{indent}{title}:") } else { indent.to_owned() };
            self.line(0, &format!("{head}\t{key}={}", plain(value)));
            first = false;
        }
        if first {
            self.line(0, &format!("{indent}{title}:\t<none>"));
        }
    }

    pub fn annotations(&mut self, value: &Value) {
        self.annotations_titled("Annotations:", value);
    }

    pub fn annotations_titled(&mut self, title: &str, value: &Value) {
        let mut first = true;
        for (key, value) in value.as_object().into_iter().flatten() {
            if key == "kubectl.kubernetes.io/last-applied-configuration" {
                continue;
            }
            let value = plain(value);
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let head = if first { title } else { "" };
            if ANNOTATION_MAX < value.len() + key.len() + 2 || value.contains('\n') {
                self.line(0, &format!("{head}\t{key}:"));
                for line in value.split('\n') {
                    self.line(0, &format!("\t  {}", shorten(line, ANNOTATION_MAX - 2)));
                }
            } else {
                self.line(0, &format!("{head}\t{key}: {value}"));
            }
            first = false;
        }
        if first {
            self.line(0, &[title, "\t<none>"].concat());
        }
    }

    // Follows kubernetes v1.36 kubectl/pkg/describe: DescribeEvents.
    pub fn events(&mut self, events: &[Value], now: SimTime) {
        if events.is_empty() {
            self.line(0, "Events:\t<none>");
            return;
        }
        self.flush();
        let mut events: Vec<&Value> = events.iter().gather();
        // By lastTimestamp alone, whole seconds: those of the scheduler have none and come first.
        events.put_in_order_by_key(|it| age::micros(text(it, "lastTimestamp")).unwrap_or(0));
        self.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
        self.line(1, "----\t------\t----\t----\t-------");
        for it in events {
            let from = if text(it, "source.component").is_empty() {
                "reportingComponent"
            } else {
                "source.component"
            };
            let field = text(it, "involvedObject.fieldPath");
            let mut message = text(it, "message").trim().to_owned();
            if !field.is_empty() {
                message = format!("{field}: {message}");
            }
            let cells = [text(it, "type"), text(it, "reason"), &interval(it, now), text(it, from), &message];
            self.line(1, &cells.join("\t"));
        }
    }
}

/// `12m (x24 over 45m)`
pub fn interval(event: &Value, now: SimTime) -> String {
    let since = |path: &str| age::since(text(event, path), now);
    let first = if has(event, "eventTime") { since("eventTime") } else { since("firstTimestamp") };
    if has(event, "series") {
        format!("{} (x{} over {first})", since("series.lastObservedTime"), int(event, "series.count"))
    } else if 1 < int(event, "count") {
        format!("{} (x{} over {first})", since("lastTimestamp"), int(event, "count"))
    } else {
        first
    }
}

/// Microseconds; events without any time come first.
pub fn last_seen(event: &Value) -> i64 {
    ["series.lastObservedTime", "lastTimestamp", "eventTime"]
        .into_iter()
        .find_map(|path| age::micros(text(event, path)))
        .unwrap_or(0)
}

fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max).fill();
    kept + "..."
}

pub fn none_if_empty(text: &str) -> &str {
    if text.is_empty() { "<none>" } else { text }
}

pub fn title_bool(it: bool) -> &'static str {
    if it { "True" } else { "False" }
}

/// `ReplicaSet/web-7d4b9c`
pub fn controller(it: &Value) -> Option<String> {
    let owner = list(it, "metadata.ownerReferences")
        .iter()
        .find(|it| at(it, "controller").as_bool() == Some(true))?;
    Some(format!("{}/{}", text(owner, "kind"), text(owner, "name")))
}

/// What the server remembers about an object.
fn events_of(call: &mut Call, resource: &Resource, it: &Value) -> Result<Vec<Value>, Failure> {
    let (namespace, name) = (text(it, "metadata.namespace"), text(it, "metadata.name"));
    let mut fields = format!("involvedObject.name={name}");
    if !namespace.is_empty() {
        fields = format!("{fields},involvedObject.namespace={namespace}");
    }
    // A node's events carry its name for a uid; a mirror Pod's those of its source.
    let mirror = at(it, "metadata.annotations").get(api::names::MIRROR_ANNOTATION).map(plain);
    let uid = mirror.unwrap_or_else(|| text(it, "metadata.uid").to_owned());
    fields = if resource.is("nodes") {
        format!("{fields},involvedObject.kind=Node")
    } else {
        format!("{fields},involvedObject.uid={uid}")
    };
    let request = Request::new(Method::List, resources::of_plural("events"), namespace, "");
    Ok(list(&call.request(&request.query("fieldSelector", &fields))?, "items").to_vec())
}

/// One object, told.
pub fn describe(call: &mut Call, resource: &Resource, it: &Value, events: bool) -> Result<String, Failure> {
    let found = if events { Some(events_of(call, resource, it).unwrap_or_default()) } else { None };
    let mut page = Page::default();
    let mut with_events = true;
    match resource.plural {
        "pods" => pod::pod(&mut page, it, call.now),
        "nodes" => kinds::node(call, &mut page, it)?,
        "services" => kinds::service(call, &mut page, it)?,
        "deployments" => workload::deployment(call, &mut page, it)?,
        "replicasets" | "statefulsets" | "daemonsets" => workload::replicas(call, &mut page, resource, it)?,
        "jobs" => workload::job(&mut page, it),
        "namespaces" => {
            kinds::namespace(&mut page, it);
            with_events = false;
        }
        "configmaps" => kinds::config_map(&mut page, it),
        "secrets" => {
            kinds::secret(&mut page, it);
            with_events = false;
        }
        "priorityclasses" => kinds::priority_class(&mut page, it),
        "poddisruptionbudgets" => kinds::disruption_budget(&mut page, it),
        "endpointslices" => kinds::endpoint_slice(&mut page, it),
        "serviceaccounts" => kinds::service_account(&mut page, it),
        _ => generic(&mut page, resource, it),
    }
    if with_events && let Some(found) = found {
        page.events(&found, call.now);
    }
    Ok(page.finish())
}

/// A template of Pods, as `rollout history` shows it.
pub fn pod_template(template: &Value) -> String {
    let mut page = Page::default();
    workload::template(&mut page, template);
    page.finish()
}

/// Any kind without a page of its own.
// Follows kubernetes v1.36 kubectl/pkg/describe: genericDescriber.Describe.
fn generic(page: &mut Page, resource: &Resource, it: &Value) {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    let mut rest = it.clone();
    for gone in ["name", "namespace", "labels", "annotations", "managedFields"] {
        crate::json::remove(&mut rest, "metadata", gone);
    }
    rest["apiVersion"] = resource.api_version.into();
    rest["kind"] = resource.kind.into();
    smart(page, 0, &rest);
}

fn smart(page: &mut Page, level: usize, value: &Value) {
    let mut keys: Vec<(String, &Value)> =
        value.as_object().into_iter().flatten().map(|(key, value)| (words(key), value)).gather();
    keys.put_in_order_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in keys {
        match value {
            Value::Object(_) => {
                page.line(level, &[&key, ":"].concat());
                smart(page, level + 1, value);
            }
            Value::Array(items) => {
                page.line(level, &[&key, ":"].concat());
                for item in items {
                    if item.is_object() {
                        smart(page, level + 1, item);
                    } else {
                        page.line(level + 1, &plain(item));
                    }
                }
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => page.pair(level, &key, &plain(value)),
            Value::Null => page.pair(level, &key, "<nil>"),
        }
    }
}

/// `apiVersion` as `API Version`, `creationTimestamp` as `Creation Timestamp`.
fn words(key: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for letter in key.chars() {
        match parts.last_mut() {
            Some(last)
                if !letter.is_ascii_uppercase() || last.ends_with(|it: char| it.is_ascii_uppercase()) =>
            {
                last.push(letter);
            }
            _ => parts.push(letter.to_string()),
        }
    }
    for part in &mut parts {
        if ["api", "id", "ip", "uid", "url", "uri", "dns"].contains(&part.to_ascii_lowercase().as_str()) {
            *part = part.to_ascii_uppercase();
        } else {
            let first: String = part.chars().take(1).map(|it| it.to_ascii_uppercase()).fill();
            *part = first + &part[1..];
        }
    }
    parts.join(" ")
}

/// `cpu: 100m` lines of limits and requests.
pub fn resource_lines(page: &mut Page, level: usize, it: &Value) {
    for (key, title) in [("limits", "Limits:"), ("requests", "Requests:")] {
        if entries(it, key).next().is_some() {
            page.line(level, title);
            for (name, amount) in entries(it, key) {
                page.pair(level + 1, name, &plain(amount));
            }
        }
    }
}
