//! The rows of every other kind.

use serde_json::Value;
use sim::{Gather as _, SimTime, Sort as _};

use crate::age;
use crate::json::{at, entries, has, int, is_true, labels, list, or_none, plain, text};

fn join(items: impl Iterator<Item = String>) -> String {
    items.gather().join(",")
}

/// All columns of a resource, those of `-o wide` included.
pub fn cells(resource: &str, it: &Value, wide: bool, now: SimTime) -> Vec<String> {
    let name = text(it, "metadata.name").to_owned();
    let age = age::since(text(it, "metadata.creationTimestamp"), now);
    let number = |path: &str| int(it, path).to_string();
    match resource {
        "nodes" => node(it, name, age),
        "services" => service(it, wide, name, age),
        "endpoints" => vec![name, endpoints(it), age],
        "configmaps" => {
            let count = entries(it, "data").count() + entries(it, "binaryData").count();
            vec![name, count.to_string(), age]
        }
        "secrets" => vec![name, text(it, "type").to_owned(), entries(it, "data").count().to_string(), age],
        "namespaces" => vec![name, text(it, "status.phase").to_owned(), age],
        "events" => event(it, name, now),
        "persistentvolumeclaims" => claim(it, name, age),
        "resourcequotas" => quota(it, name, age),
        "limitranges" => vec![name, text(it, "metadata.creationTimestamp").to_owned()],
        "componentstatuses" => component(it, name),
        "deployments" => {
            let ready = format!("{}/{}", int(it, "status.readyReplicas"), int(it, "spec.replicas"));
            let counts = [number("status.updatedReplicas"), number("status.availableReplicas")];
            chain([name, ready].into_iter().chain(counts).chain([age]), template(it, true))
        }
        "replicasets" | "replicationcontrollers" => {
            let counts = [number("spec.replicas"), number("status.replicas"), number("status.readyReplicas")];
            chain([name].into_iter().chain(counts).chain([age]), template(it, true))
        }
        "statefulsets" => {
            let ready = format!("{}/{}", int(it, "status.readyReplicas"), int(it, "spec.replicas"));
            chain([name, ready, age].into_iter(), template(it, false))
        }
        "daemonsets" => {
            let counts = [
                "desiredNumberScheduled",
                "currentNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
                "numberAvailable",
            ];
            let counts = counts.into_iter().map(|it| number(&["status.", it].concat()));
            let node_selector = labels(it, "spec.template.spec.nodeSelector");
            chain([name].into_iter().chain(counts).chain([node_selector, age]), template(it, true))
        }
        "jobs" => job(it, name, age, now),
        "cronjobs" => cron_job(it, name, age, now),
        "poddisruptionbudgets" => {
            let amount = |path: &str| if has(it, path) { plain(at(it, path)) } else { "N/A".to_owned() };
            let allowed = number("status.disruptionsAllowed");
            vec![name, amount("spec.minAvailable"), amount("spec.maxUnavailable"), allowed, age]
        }
        "priorityclasses" => {
            let policy = text(it, "preemptionPolicy").to_owned();
            vec![name, number("value"), is_true(it, "globalDefault").to_string(), age, policy]
        }
        "endpointslices" => {
            vec![name, text(it, "addressType").to_owned(), slice_ports(it), slice_endpoints(it), age]
        }
        "horizontalpodautoscalers" => autoscaler(it, name, age),
        "leases" => vec![name, text(it, "spec.holderIdentity").to_owned(), age],
        _ => vec![name, age],
    }
}

fn chain(first: impl Iterator<Item = String>, rest: Vec<String>) -> Vec<String> {
    first.chain(rest).gather()
}

/// Containers, images and, if wanted, the selector.
fn template(it: &Value, selector: bool) -> Vec<String> {
    let containers = list(it, "spec.template.spec.containers");
    let column = |field: &str| join(containers.iter().map(|it| text(it, field).to_owned()));
    let mut cells = vec![column("name"), column("image")];
    if selector {
        cells.push(if has(it, "spec.selector.matchLabels") || has(it, "spec.selector.matchExpressions") {
            label_selector(at(it, "spec.selector"))
        } else {
            labels(it, "spec.selector")
        });
    }
    cells
}

/// `a=b,c in (d,e)`, or `<none>`.
// Follows kubernetes v1.36 apimachinery/pkg/apis/meta/v1: FormatLabelSelector.
pub fn label_selector(selector: &Value) -> String {
    let mut parts: Vec<(String, String)> = entries(selector, "matchLabels")
        .map(|(key, value)| (key.to_owned(), format!("{key}={}", plain(value))))
        .gather();
    for expression in list(selector, "matchExpressions") {
        let key = text(expression, "key");
        let mut values: Vec<&str> = list(expression, "values").iter().filter_map(Value::as_str).gather();
        values.put_in_order();
        let values = values.join(",");
        let part = match text(expression, "operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        };
        parts.push((key.to_owned(), part));
    }
    parts.put_in_order();
    or_none(join(parts.into_iter().map(|it| it.1)))
}

const ROLE: &str = "node-role.kubernetes.io/";

pub fn node_roles(it: &Value) -> String {
    let mut roles: Vec<&str> = entries(it, "metadata.labels")
        .filter_map(|(key, value)| match key.strip_prefix(ROLE) {
            Some(role) if !role.is_empty() => Some(role),
            None if key == "kubernetes.io/role" => value.as_str().filter(|it| !it.is_empty()),
            _ => None,
        })
        .gather();
    roles.put_in_order();
    roles.dedup();
    or_none(roles.join(","))
}

fn node(it: &Value, name: String, age: String) -> Vec<String> {
    let ready = list(it, "status.conditions").iter().find(|it| text(it, "type") == "Ready");
    let mut status = match ready.map(|it| text(it, "status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if is_true(it, "spec.unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let address = |kind: &str| {
        let found = list(it, "status.addresses").iter().find(|it| text(it, "type") == kind);
        or_none(found.map_or(String::new(), |it| text(it, "address").to_owned()))
    };
    let info = |key: &str| {
        let found = text(at(it, "status.nodeInfo"), key);
        if found.is_empty() { "<unknown>".to_owned() } else { found.to_owned() }
    };
    let architecture = text(it, "status.nodeInfo.architecture");
    let mut kernel = info("kernelVersion");
    if !architecture.is_empty() {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        name,
        status,
        node_roles(it),
        age,
        text(it, "status.nodeInfo.kubeletVersion").to_owned(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        kernel,
        info("containerRuntimeVersion"),
    ]
}

/// The load balancer's addresses, sorted.
pub fn load_balancer(it: &Value) -> String {
    let mut all: Vec<&str> = list(it, "status.loadBalancer.ingress")
        .iter()
        .map(|it| if text(it, "ip").is_empty() { text(it, "hostname") } else { text(it, "ip") })
        .gather();
    all.put_in_order();
    all.join(",")
}

fn service_external_ip(it: &Value, wide: bool) -> String {
    const LOAD_BALANCER_WIDTH: usize = 16;
    let external = join(list(it, "spec.externalIPs").iter().map(plain));
    match text(it, "spec.type") {
        "ClusterIP" | "NodePort" => or_none(external),
        "LoadBalancer" => {
            let mut ips = load_balancer(it);
            if !wide && LOAD_BALANCER_WIDTH < ips.len() {
                ips.truncate(LOAD_BALANCER_WIDTH - 3);
                ips.push_str("...");
            }
            match (ips.is_empty(), external.is_empty()) {
                (true, true) => "<pending>".to_owned(),
                (false, true) => ips,
                (true, false) => external,
                (false, false) => [ips, external].join(","),
            }
        }
        "ExternalName" => text(it, "spec.externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

fn service(it: &Value, wide: bool, name: String, age: String) -> Vec<String> {
    let ports = join(list(it, "spec.ports").iter().map(|port| {
        let node_port = int(port, "nodePort");
        let node_port = if node_port == 0 { String::new() } else { format!(":{node_port}") };
        format!("{}{node_port}/{}", int(port, "port"), text(port, "protocol"))
    }));
    let internal = list(it, "spec.clusterIPs").first().map_or_else(|| "<none>".to_owned(), plain);
    vec![
        name,
        text(it, "spec.type").to_owned(),
        internal,
        service_external_ip(it, wide),
        or_none(ports),
        age,
        labels(it, "spec.selector"),
    ]
}

/// `10.0.0.1:80,10.0.0.2:80 + 3 more...`
// Follows kubernetes v1.36 pkg/printers/internalversion/printers.go: formatEndpoints.
fn endpoints(it: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(it, "subsets") {
        for port in list(subset, "ports") {
            for address in list(subset, "addresses") {
                all.push(format!("{}:{}", text(address, "ip"), int(port, "port")));
            }
        }
    }
    or_none(few(&all, 3))
}

fn few(all: &[String], max: usize) -> String {
    let shown = all[..all.len().min(max)].join(",");
    if max < all.len() { format!("{shown} + {} more...", all.len() - max) } else { shown }
}

fn slice_ports(it: &Value) -> String {
    let ports: Vec<String> = list(it, "ports")
        .iter()
        .map(|port| {
            let shown =
                if has(port, "port") { int(port, "port").to_string() } else { text(port, "name").to_owned() };
            if shown.is_empty() { "*".to_owned() } else { shown }
        })
        .gather();
    if ports.is_empty() { "<unset>".to_owned() } else { few(&ports, 3) }
}

fn slice_endpoints(it: &Value) -> String {
    let all: Vec<String> =
        list(it, "endpoints").iter().flat_map(|it| list(it, "addresses")).map(plain).gather();
    if all.is_empty() { "<unset>".to_owned() } else { few(&all, 3) }
}

fn event(it: &Value, name: String, now: SimTime) -> Vec<String> {
    let seen = |path: &str| age::since(text(it, path), now);
    let first = if has(it, "firstTimestamp") { seen("firstTimestamp") } else { seen("eventTime") };
    let mut last = if has(it, "lastTimestamp") { seen("lastTimestamp") } else { first.clone() };
    let mut count = int(it, "count").max(1);
    if has(it, "series") {
        last = seen("series.lastObservedTime");
        count = int(it, "series.count");
    }
    let (kind, object) =
        (text(it, "involvedObject.kind").to_ascii_lowercase(), text(it, "involvedObject.name"));
    let or = |first: &str, second: &str| {
        let first = text(it, first);
        if first.is_empty() { text(it, second).to_owned() } else { first.to_owned() }
    };
    let (component, host) =
        (or("source.component", "reportingComponent"), or("source.host", "reportingInstance"));
    vec![
        last,
        text(it, "type").to_owned(),
        text(it, "reason").to_owned(),
        if object.is_empty() { kind } else { format!("{kind}/{object}") },
        text(it, "involvedObject.fieldPath").to_owned(),
        if host.is_empty() { component } else { format!("{component}, {host}") },
        text(it, "message").trim().to_owned(),
        first,
        count.to_string(),
        name,
    ]
}

fn claim(it: &Value, name: String, age: String) -> Vec<String> {
    let gone = has(it, "metadata.deletionTimestamp");
    let bound = has(it, "spec.volumeName");
    let or_unset = |path: &str| if has(it, path) { text(it, path).to_owned() } else { "<unset>".to_owned() };
    let modes = join(list(it, "status.accessModes").iter().map(|mode| match plain(mode).as_str() {
        "ReadWriteOnce" => "RWO".to_owned(),
        "ReadOnlyMany" => "ROX".to_owned(),
        "ReadWriteMany" => "RWX".to_owned(),
        "ReadWriteOncePod" => "RWOP".to_owned(),
        other => other.to_owned(),
    }));
    vec![
        name,
        if gone { "Terminating".to_owned() } else { text(it, "status.phase").to_owned() },
        text(it, "spec.volumeName").to_owned(),
        if bound { plain(at(it, "status.capacity.storage")) } else { String::new() },
        if bound { modes } else { String::new() },
        text(it, "spec.storageClassName").to_owned(),
        or_unset("spec.volumeAttributesClassName"),
        age,
        or_unset("spec.volumeMode"),
    ]
}

fn quota(it: &Value, name: String, age: String) -> Vec<String> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (resource, hard) in entries(it, "status.hard") {
        let used = at(it, "status.used").get(resource).map_or_else(|| "0".to_owned(), plain);
        let shown = format!("{resource}: {used}/{}", plain(hard));
        if resource.starts_with("limits.") { limits.push(shown) } else { requests.push(shown) }
    }
    vec![name, requests.join(", "), limits.join(", "), age]
}

fn component(it: &Value, name: String) -> Vec<String> {
    let condition = list(it, "conditions").first().cloned().unwrap_or(Value::Null);
    let healthy = if text(&condition, "status") == "True" { "Healthy" } else { "Unhealthy" };
    vec![
        name,
        healthy.to_owned(),
        text(&condition, "message").to_owned(),
        text(&condition, "error").to_owned(),
    ]
}

fn job(it: &Value, name: String, age: String, now: SimTime) -> Vec<String> {
    let condition = |kind: &&str| {
        list(it, "status.conditions")
            .iter()
            .any(|it| text(it, "type") == *kind && text(it, "status") == "True")
    };
    let done = ["Complete", "Failed"].into_iter().find(condition);
    let later = ["Suspended", "FailureTarget", "SuccessCriteriaMet"].into_iter().find(condition);
    let terminating = has(it, "metadata.deletionTimestamp").then_some("Terminating");
    let succeeded = int(it, "status.succeeded");
    let completions = if has(it, "spec.completions") {
        format!("{succeeded}/{}", int(it, "spec.completions"))
    } else if 1 < int(it, "spec.parallelism") {
        format!("{succeeded}/1 of {}", int(it, "spec.parallelism"))
    } else {
        format!("{succeeded}/1")
    };
    let start = age::micros(text(it, "status.startTime"));
    let end = age::micros(text(it, "status.completionTime")).unwrap_or_else(|| age::wall(now));
    let duration = start.map_or(String::new(), |start| age::human(end - start));
    let status = done.or(terminating).or(later).unwrap_or("Running").to_owned();
    chain([name, status, completions, duration, age].into_iter(), template(it, true))
}

fn cron_job(it: &Value, name: String, age: String, now: SimTime) -> Vec<String> {
    let last = text(it, "status.lastScheduleTime");
    let containers = list(it, "spec.jobTemplate.spec.template.spec.containers");
    let column = |field: &str| join(containers.iter().map(|it| text(it, field).to_owned()));
    vec![
        name,
        text(it, "spec.schedule").to_owned(),
        or_none(text(it, "spec.timeZone").to_owned()),
        if is_true(it, "spec.suspend") { "True".to_owned() } else { "False".to_owned() },
        list(it, "status.active").len().to_string(),
        if last.is_empty() { "<none>".to_owned() } else { age::since(last, now) },
        age,
        column("name"),
        column("image"),
        if has(it, "spec.jobTemplate.spec.selector") {
            label_selector(at(it, "spec.jobTemplate.spec.selector"))
        } else {
            "<none>".to_owned()
        },
    ]
}

fn autoscaler(it: &Value, name: String, age: String) -> Vec<String> {
    let current = list(it, "status.currentMetrics");
    let targets: Vec<String> = list(it, "spec.metrics")
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let now = current.get(index).map_or(&Value::Null, |it| at(it, "resource.current"));
            let wanted = int(metric, "resource.target.averageUtilization");
            let now =
                at(now, "averageUtilization").as_i64().map_or("<unknown>".to_owned(), |it| format!("{it}%"));
            format!("{}: {now}/{wanted}%", text(metric, "resource.name"))
        })
        .gather();
    let reference =
        format!("{}/{}", text(it, "spec.scaleTargetRef.kind"), text(it, "spec.scaleTargetRef.name"));
    let least = at(it, "spec.minReplicas").as_i64().map_or("<unset>".to_owned(), |it| it.to_string());
    let most = int(it, "spec.maxReplicas").to_string();
    let replicas = int(it, "status.currentReplicas").to_string();
    vec![name, reference, or_none(few(&targets, 2)), least, most, replicas, age]
}
