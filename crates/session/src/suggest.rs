//! What may stand at a place of a manifest that is being written: fields, their types, values and defaults.
//!
//! Works on half-written text: only indentation is looked at, never a parse.

use api::Kind;
use api::schema::{self, Field, Shape, Type};
use sim::{Gather as _, Sort as _};

/// Longer texts are not looked at while somebody types.
const BYTES_MAX: usize = 256 << 10;

/// One field or value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// `imagePullPolicy`
    pub label: String,
    /// As Kubernetes prints types: `[]v1.Container`; empty for a value.
    pub type_: String,
    /// What is put in: `containers:\n  - `.
    pub insert: String,
    pub default: &'static str,
    pub values: &'static str,
}

/// Values by the name of their type.
const VALUES: &[(&str, &str)] = &[
    ("bool", "true false"),
    ("CompletionMode", "NonIndexed Indexed"),
    ("ConcurrencyPolicy", "Allow Forbid Replace"),
    ("ContainerRestartPolicy", "Always OnFailure Never"),
    ("ContainerRestartRuleAction", "Restart RestartAllContainers"),
    ("DNSPolicy", "ClusterFirst ClusterFirstWithHostNet Default None"),
    ("DeploymentStrategyType", "RollingUpdate Recreate"),
    ("HostPathType", "DirectoryOrCreate Directory FileOrCreate File Socket"),
    ("LabelSelectorOperator", "In NotIn Exists DoesNotExist"),
    ("MountPropagationMode", "None HostToContainer Bidirectional"),
    ("NodeInclusionPolicy", "Honor Ignore"),
    ("NodeSelectorOperator", "In NotIn Exists DoesNotExist Gt Lt"),
    ("PreemptionPolicy", "PreemptLowerPriority Never"),
    ("Protocol", "TCP UDP SCTP"),
    ("PullPolicy", "IfNotPresent Always Never"),
    ("ResourceResizeRestartPolicy", "NotRequired RestartContainer"),
    ("RestartPolicy", "Always OnFailure Never"),
    ("ServiceAffinity", "None ClientIP"),
    ("ServiceType", "ClusterIP NodePort LoadBalancer ExternalName"),
    ("StorageMedium", "Memory"),
    ("TaintEffect", "NoSchedule PreferNoSchedule NoExecute"),
    ("TerminationMessagePolicy", "File FallbackToLogsOnError"),
    ("TolerationOperator", "Equal Exists Gt Lt"),
    ("URIScheme", "HTTP HTTPS"),
    ("UnsatisfiableConstraintAction", "DoNotSchedule ScheduleAnyway"),
];
/// What the API server fills in, by struct and field.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("Container", "imagePullPolicy", "IfNotPresent"),
    ("Container", "terminationMessagePath", "/dev/termination-log"),
    ("Container", "terminationMessagePolicy", "File"),
    ("ContainerPort", "protocol", "TCP"),
    ("DeploymentSpec", "progressDeadlineSeconds", "600"),
    ("DeploymentSpec", "replicas", "1"),
    ("DeploymentSpec", "revisionHistoryLimit", "10"),
    ("HTTPGetAction", "scheme", "HTTP"),
    ("JobSpec", "backoffLimit", "6"),
    ("JobSpec", "completions", "1"),
    ("JobSpec", "parallelism", "1"),
    ("PodSpec", "dnsPolicy", "ClusterFirst"),
    ("PodSpec", "enableServiceLinks", "true"),
    ("PodSpec", "restartPolicy", "Always"),
    ("PodSpec", "schedulerName", "default-scheduler"),
    ("PodSpec", "terminationGracePeriodSeconds", "30"),
    ("Probe", "failureThreshold", "3"),
    ("Probe", "initialDelaySeconds", "0"),
    ("Probe", "periodSeconds", "10"),
    ("Probe", "successThreshold", "1"),
    ("Probe", "timeoutSeconds", "1"),
    ("ReplicaSetSpec", "replicas", "1"),
    ("ServicePort", "protocol", "TCP"),
    ("ServiceSpec", "sessionAffinity", "None"),
    ("ServiceSpec", "type", "ClusterIP"),
    ("Toleration", "operator", "Equal"),
];

/// The word that is being typed (its bytes before the cursor) and what fits; `line` and `column` count from 1.
pub fn at(text: &str, line: u32, column: u32) -> Vec<Suggestion> {
    let Some((lines, index)) = document(text, line) else { return Vec::new() };
    let now = Line::of(lines[index]);
    let before: String = lines[index].chars().take(column.saturating_sub(1) as usize).fill();
    let path = path(&lines[..index], &now);
    match before.trim_start_matches([' ', '-']).split_once(':') {
        Some((key, _)) if key == "kind" && path.is_empty() => kinds(),
        Some((key, _)) if key == "apiVersion" && path.is_empty() => versions(kind(&lines)),
        Some((key, _)) => {
            let owner = walk(kind(&lines), &path);
            let found = owner.and_then(|it| field_of(it, key));
            found.map_or_else(Vec::new, |it| {
                values_of(it.type_).split(' ').filter(|it| !it.is_empty()).map(value).gather()
            })
        }
        None => match walk(kind(&lines), &path).map(Type::shape) {
            Some(Shape::Struct(it)) => {
                it.fields.iter().map(|field| suggestion(it.name, field, now.column)).gather()
            }
            None if path.is_empty() => ["apiVersion", "kind", "metadata", "spec"].map(bare).to_vec(),
            _ => Vec::new(),
        },
    }
}

/// What the field at a place is: its path, such as `spec.containers[].image`, with type, values and default.
pub fn about(text: &str, line: u32, column: u32) -> Option<(String, Suggestion)> {
    let (lines, index) = document(text, line)?;
    let now = Line::of(lines[index]);
    let end = now.column + now.key.len();
    if now.key.is_empty() || !(now.column + 1..=end).contains(&(column as usize)) {
        return None;
    }
    let path = path(&lines[..index], &now);
    let owner = walk(kind(&lines), &path)?;
    let field = field_of(owner, now.key)?;
    let Shape::Struct(holder) = owner.shape() else { return None };
    let mut spelled = String::new();
    let mut type_ = Type(kind(&lines)?.name());
    for key in &path {
        type_ = step(type_, key)?;
        spelled.push_str(key);
        spelled.push_str(if matches!(type_.shape(), Shape::List(_)) { "[]." } else { "." });
    }
    spelled.push_str(now.key);
    Some((spelled, suggestion(holder.name, field, now.column)))
}

/// A line's parts: where its key begins behind spaces and dashes, and where the first dash stands.
struct Line<'a> {
    column: usize,
    dash: Option<usize>,
    key: &'a str,
    /// The key has nothing behind it: what follows below belongs to it.
    opens: bool,
}

impl Line<'_> {
    fn of(text: &str) -> Line<'_> {
        let indent = text.len() - text.trim_start_matches(' ').len();
        let mut column = indent;
        while text[column..].starts_with("- ") || &text[column..] == "-" {
            column += 1;
            column += text[column..].len() - text[column..].trim_start_matches(' ').len();
        }
        let body = &text[column..];
        let (key, rest) = body.split_once(':').unwrap_or((body, "-"));
        let opens = rest.trim().is_empty() || rest.trim_start().starts_with('#');
        Line { column, dash: (column > indent).then_some(indent), key: key.trim(), opens }
    }
}

/// The lines of the document that `line` stands in, and its index there.
fn document(text: &str, line: u32) -> Option<(Vec<&str>, usize)> {
    if BYTES_MAX < text.len() {
        return None;
    }
    let all: Vec<&str> = text.lines().chain([""]).gather();
    let index = (line as usize).checked_sub(1).filter(|it| *it < all.len())?;
    let ends = |it: &&str| it.starts_with("---");
    let start = all[..index].iter().rposition(ends).map_or(0, |it| it + 1);
    let end = all[index..].iter().position(ends).map_or(all.len(), |it| index + it);
    (index < end).then(|| (all[start..end].to_vec(), index - start))
}

fn kind(lines: &[&str]) -> Option<Kind> {
    let name = lines.iter().find_map(|it| it.strip_prefix("kind:"))?.trim().trim_matches(['"', '\'']);
    Kind::ALL.iter().copied().find(|it| it.name() == name)
}

/// The keys above a line, outermost first.
fn path<'a>(above: &[&'a str], now: &Line<'_>) -> Vec<&'a str> {
    let mut keys = Vec::new();
    let (mut limit, mut item) = now.dash.map_or((now.column, false), |it| (it, true));
    for text in above.iter().rev().filter(|it| !it.trim().is_empty() && !it.trim_start().starts_with('#')) {
        let it = Line::of(text);
        let holds = it.column < limit || (item && it.dash.is_none() && it.column == limit);
        if holds && it.opens {
            keys.push(it.key);
            (limit, item) = it.dash.map_or((it.column, false), |it| (it, true));
        } else if !item
            && it.column == limit
            && let Some(dash) = it.dash
        {
            (limit, item) = (dash, true);
        }
        if limit == 0 && !item {
            break;
        }
    }
    keys.reverse();
    keys
}

fn walk(kind: Option<Kind>, path: &[&str]) -> Option<Type> {
    let mut type_ = Type(kind?.name());
    for key in path {
        type_ = step(type_, key)?;
    }
    Some(inside(type_))
}

/// A list's items have the place of the list.
fn inside(type_: Type) -> Type {
    match type_.shape() {
        Shape::List(item) => inside(item),
        _ => type_,
    }
}

fn step(type_: Type, key: &str) -> Option<Type> {
    match inside(type_).shape() {
        Shape::Struct(it) => it.field(key).map(|it| it.type_),
        Shape::Map(value) => Some(value),
        _ => None,
    }
}

fn field_of(owner: Type, key: &str) -> Option<&'static Field> {
    match owner.shape() {
        Shape::Struct(it) => it.field(key),
        _ => None,
    }
}

fn values_of(type_: Type) -> &'static str {
    VALUES.iter().find(|it| it.0 == type_.0).map_or("", |it| it.1)
}

fn suggestion(holder: &str, field: &Field, column: usize) -> Suggestion {
    let indent = " ".repeat(column);
    let below = match field.type_.shape() {
        Shape::Struct(_) | Shape::Map(_) => ["\n", &indent, "  "].concat(),
        Shape::List(_) => ["\n", &indent, "- "].concat(),
        _ => " ".to_owned(),
    };
    let default = DEFAULTS.iter().find(|it| it.0 == holder && it.1 == field.name);
    Suggestion {
        label: field.name.to_owned(),
        type_: field.type_.go_name(),
        insert: [field.name, ":", &below].concat(),
        default: default.map_or("", |it| it.2),
        values: values_of(field.type_),
    }
}

fn value(text: &str) -> Suggestion {
    Suggestion { label: text.to_owned(), insert: text.to_owned(), ..Suggestion::default() }
}

fn bare(key: &str) -> Suggestion {
    Suggestion { insert: [key, ": "].concat(), ..value(key) }
}

fn kinds() -> Vec<Suggestion> {
    Kind::ALL.iter().filter(|it| schema::find(it.name()).is_some()).map(|it| value(it.name())).gather()
}

fn versions(kind: Option<Kind>) -> Vec<Suggestion> {
    let fits = |it: &&Kind| kind.is_none_or(|kind| kind == **it);
    let mut all: Vec<String> = Kind::ALL.iter().filter(fits).map(|it| it.info().api_version()).gather();
    all.put_in_order();
    all.dedup();
    all.iter().map(|it| value(it)).gather()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    app: web\nspec:\n  containers:\n  - name: app\n    image: nginx\n    ports:\n    - containerPort: 80\n      \n    livenessProbe:\n      httpGet:\n        sch\n    \n  tolerations:\n    - effect: \n  \n---\nkind: Deployment\nspec:\n  template:\n    spec:\n      \n";

    fn labels(line: u32, column: u32) -> Vec<String> {
        at(POD, line, column).into_iter().map(|it| it.label).collect()
    }

    fn has(found: &[String], wanted: &str) -> bool {
        found.iter().any(|it| it == wanted)
    }

    #[test]
    fn fields_of_the_place() {
        assert!(has(&labels(13, 7), "hostPort"));
        assert_eq!(labels(16, 12), ["path", "port", "host", "scheme", "httpHeaders"]);
        assert!(has(&labels(17, 5), "imagePullPolicy"));
        assert!(has(&labels(20, 3), "restartPolicy"));
        assert!(has(&labels(26, 7), "nodeName"));
        assert!(labels(6, 5).is_empty(), "a map has keys of one's own");
        assert_eq!(at("", 1, 1).len(), 4);
    }

    #[test]
    fn values_and_what_is_put_in() {
        assert_eq!(labels(19, 15), ["NoSchedule", "PreferNoSchedule", "NoExecute"]);
        assert!(has(&labels(2, 7), "ReplicaSet"));
        assert_eq!(labels(1, 13), ["v1"]);
        let found = at(POD, 17, 5);
        let insert = |name: &str| found.iter().find(|it| it.label == name).map(|it| it.insert.as_str());
        assert_eq!(insert("env"), Some("env:\n    - "));
        assert_eq!(insert("resources"), Some("resources:\n      "));
        assert_eq!(insert("image"), Some("image: "));
    }

    #[test]
    fn what_a_field_is() {
        let (path, it) = about(POD, 10, 6).unwrap_or_default();
        assert_eq!((path.as_str(), it.type_.as_str()), ("spec.containers[].image", "string"));
        let (path, _) = about(POD, 12, 8).unwrap_or_default();
        assert_eq!(path, "spec.containers[].ports[].containerPort");
        assert_eq!(about(POD, 10, 14), None, "a value");
        assert_eq!(
            about("kind: Pod\nspec:\n  restartPolicy: x", 3, 5).map(|it| it.1.default),
            Some("Always")
        );
    }

    #[test]
    fn hostile_text_is_only_looked_at() {
        for text in
            ["- - - -", "kind:", "\u{0}: [", "---\n---", "kind: Pod\nspec:\n\t- x", &"- ".repeat(10_000)]
        {
            for line in 0..4 {
                for column in 0..9 {
                    let _ = (at(text, line, column), about(text, line, column));
                }
            }
        }
        assert_eq!(at(&"a:\n".repeat(200_000), 3, 1), Vec::new());
    }
}
