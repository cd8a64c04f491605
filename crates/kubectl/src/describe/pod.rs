//! A Pod, its containers and its volumes.

use serde_json::Value;
use sim::{Gather as _, SimTime, Sort as _};

use super::{Page, controller, none_if_empty, resource_lines, title_bool};
use crate::age;
use crate::json::{at, has, int, is_true, list, plain, text};

// Follows kubernetes v1.36 kubectl/pkg/describe: describePod.
pub fn pod(page: &mut Page, it: &Value, now: SimTime) {
    head(page, it, now);
    let spec = at(it, "spec");
    let parts = [
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
    ];
    for (title, field, statuses) in parts {
        if field == "containers" || !list(spec, field).is_empty() {
            containers(page, title, list(spec, field), list(at(it, "status"), statuses), Some(it), "");
        }
    }
    conditions(page, it);
    volumes(page, list(spec, "volumes"), "");
    page.pair(0, "QoS Class", &qos(it));
    page.labels("Node-Selectors", at(spec, "nodeSelector"));
    tolerations(page, "", list(spec, "tolerations"));
    spread(page, list(spec, "topologySpreadConstraints"), "");
}

fn head(page: &mut Page, it: &Value, now: SimTime) {
    let spec = at(it, "spec");
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    if has(spec, "priority") {
        page.pair(0, "Priority", &int(spec, "priority").to_string());
    }
    let fields = [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ];
    for (title, field) in fields {
        if !text(spec, field).is_empty() {
            page.pair(0, title, text(spec, field));
        }
    }
    match text(spec, "nodeName") {
        "" => page.pair(0, "Node", "<none>"),
        node => page.pair(0, "Node", &[node, "/", text(it, "status.hostIP")].concat()),
    }
    if has(it, "status.startTime") {
        page.pair(0, "Start Time", &age::rfc1123z(text(it, "status.startTime")));
    }
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    let phase = text(it, "status.phase");
    if has(it, "metadata.deletionTimestamp") && !matches!(phase, "Failed" | "Succeeded") {
        let lasts = age::since(text(it, "metadata.deletionTimestamp"), now);
        page.pair(0, "Status", &format!("Terminating (lasts {lasts})"));
        page.pair(
            0,
            "Termination Grace Period",
            &format!("{}s", int(it, "metadata.deletionGracePeriodSeconds")),
        );
    } else {
        page.pair(0, "Status", phase);
    }
    for (title, field) in [("Reason", "status.reason"), ("Message", "status.message")] {
        if !text(it, field).is_empty() {
            page.pair(0, title, text(it, field));
        }
    }
    if has(spec, "securityContext.seccompProfile") {
        page.pair(0, "SeccompProfile", text(spec, "securityContext.seccompProfile.type"));
        if has(spec, "securityContext.seccompProfile.localhostProfile") {
            page.pair(0, "LocalhostProfile", text(spec, "securityContext.seccompProfile.localhostProfile"));
        }
    }
    page.pair(0, "IP", text(it, "status.podIP"));
    let ips = list(it, "status.podIPs");
    page.line(0, if ips.is_empty() { "IPs:\t<none>" } else { "IPs:" });
    for ip in ips {
        page.pair(1, "IP", text(ip, "ip"));
    }
    if let Some(controller) = controller(it) {
        page.pair(0, "Controlled By", &controller);
    }
    if !text(it, "status.nominatedNodeName").is_empty() {
        page.pair(0, "NominatedNodeName", text(it, "status.nominatedNodeName"));
    }
    if has(spec, "resources") {
        page.line(0, "Resources:");
        resource_lines(page, 1, at(spec, "resources"));
    }
}

fn qos(it: &Value) -> String {
    let stored = text(it, "status.qosClass");
    if !stored.is_empty() {
        return stored.to_owned();
    }
    let pod = serde_json::json!({"metadata": {}, "spec": at(it, "spec")});
    match api::Object::from_value(api::Kind::Pod, pod) {
        Ok(api::Object::Pod(pod)) => apiserver::qos_class(&pod).to_owned(),
        _ => "BestEffort".to_owned(),
    }
}

fn conditions(page: &mut Page, it: &Value) {
    let gates = list(it, "spec.readinessGates");
    let all = list(it, "status.conditions");
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:\n  Type\tStatus");
        for gate in gates {
            let kind = text(gate, "conditionType");
            let found = all.iter().find(|it| text(it, "type") == kind);
            page.line(1, &format!("{kind} \t{} ", found.map_or("<none>", |it| text(it, "status"))));
        }
    }
    if !all.is_empty() {
        page.line(0, "Conditions:\n  Type\tStatus");
        for condition in all {
            page.line(1, &format!("{} \t{} ", text(condition, "type"), text(condition, "status")));
        }
    }
}

/// `pod` is absent for a template; `space` indents what a template holds.
pub fn containers(
    page: &mut Page,
    title: &str,
    all: &[Value],
    statuses: &[Value],
    pod: Option<&Value>,
    space: &str,
) {
    let none = if all.is_empty() { " <none>" } else { "" };
    page.line(0, &format!("{space}{title}:{none}"));
    let indent = if space.is_empty() { "" } else { " " };
    for it in all {
        let status = statuses.iter().find(|status| text(status, "name") == text(it, "name"));
        page.line(1, &format!("{indent}{}:", text(it, "name")));
        container(page, it, status, pod);
    }
}

fn container(page: &mut Page, it: &Value, status: Option<&Value>, pod: Option<&Value>) {
    if let Some(status) = status {
        page.pair(2, "Container ID", text(status, "containerID"));
    }
    page.pair(2, "Image", text(it, "image"));
    if let Some(status) = status {
        page.pair(2, "Image ID", text(status, "imageID"));
    }
    for (title, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let all: Vec<String> = list(it, "ports")
            .iter()
            .map(|port| {
                let name = text(port, "name");
                let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
                format!("{}/{}{name}", int(port, field), text(port, "protocol"))
            })
            .gather();
        let plural = if 1 < all.len() { "s" } else { "" };
        page.line(2, &format!("{title}{plural}:\t{}", none_if_empty(&all.join(", "))));
    }
    if has(it, "securityContext.seccompProfile") {
        page.pair(2, "SeccompProfile", text(it, "securityContext.seccompProfile.type"));
    }
    for (title, field) in [("Command:", "command"), ("Args:", "args")] {
        if !list(it, field).is_empty() {
            page.line(2, title);
            for word in list(it, field) {
                for line in plain(word).split('\n') {
                    page.line(3, line);
                }
            }
        }
    }
    if let Some(status) = status {
        state(page, "State", at(status, "state"));
        if has(status, "lastState.terminated") {
            state(page, "Last State", at(status, "lastState"));
        }
        page.pair(2, "Ready", title_bool(is_true(status, "ready")));
        page.pair(2, "Restart Count", &int(status, "restartCount").to_string());
    }
    resource_lines(page, 2, at(it, "resources"));
    for (title, field) in
        [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
    {
        if has(it, field) {
            page.pair(2, title, &probe(at(it, field)));
        }
    }
    environment(page, it, pod);
    mounts(page, it);
}

fn state(page: &mut Page, title: &str, it: &Value) {
    if has(it, "running") {
        page.pair(2, title, "Running");
        page.pair(3, "Started", &time(it, "running.startedAt"));
    } else if has(it, "terminated") {
        let it = at(it, "terminated");
        page.pair(2, title, "Terminated");
        for (title, field) in [("Reason", "reason"), ("Message", "message")] {
            if !text(it, field).is_empty() {
                page.pair(3, title, text(it, field));
            }
        }
        page.pair(3, "Exit Code", &int(it, "exitCode").to_string());
        if 0 < int(it, "signal") {
            page.pair(3, "Signal", &int(it, "signal").to_string());
        }
        page.pair(3, "Started", &time(it, "startedAt"));
        page.pair(3, "Finished", &time(it, "finishedAt"));
    } else {
        page.pair(2, title, "Waiting");
        if !text(it, "waiting.reason").is_empty() {
            page.pair(3, "Reason", text(it, "waiting.reason"));
        }
    }
}

/// Go's zero time stands for none.
fn time(it: &Value, path: &str) -> String {
    match text(it, path) {
        "" => "Mon, 01 Jan 0001 00:00:00 +0000".to_owned(),
        time => age::rfc1123z(time),
    }
}

// Follows kubernetes v1.36 kubectl/pkg/describe: DescribeProbe.
fn probe(it: &Value) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        int(it, "initialDelaySeconds"),
        int(it, "timeoutSeconds"),
        int(it, "periodSeconds"),
        int(it, "successThreshold"),
        int(it, "failureThreshold")
    );
    if has(it, "exec") {
        let words: Vec<String> = list(it, "exec.command").iter().map(plain).gather();
        format!("exec [{}] {attributes}", words.join(" "))
    } else if has(it, "httpGet") {
        let it = at(it, "httpGet");
        let (scheme, path) = (text(it, "scheme").to_ascii_lowercase(), text(it, "path"));
        let slash = if path.starts_with('/') || path.is_empty() { "" } else { "/" };
        format!(
            "http-get {scheme}://{}:{}{slash}{path} {attributes}",
            text(it, "host"),
            plain(at(it, "port"))
        )
    } else if has(it, "tcpSocket") {
        format!("tcp-socket {}:{} {attributes}", text(it, "tcpSocket.host"), plain(at(it, "tcpSocket.port")))
    } else if has(it, "grpc") {
        format!("grpc <pod>:{} {} {attributes}", int(it, "grpc.port"), text(it, "grpc.service"))
    } else {
        format!("unknown {attributes}")
    }
}

fn optional(it: &Value) -> &'static str {
    if is_true(it, "optional") { "true" } else { "false" }
}

fn environment(page: &mut Page, it: &Value, pod: Option<&Value>) {
    if !list(it, "envFrom").is_empty() {
        page.line(2, "Environment Variables from:");
        for source in list(it, "envFrom") {
            let (kind, field) = if has(source, "configMapRef") {
                ("ConfigMap", "configMapRef")
            } else {
                ("Secret", "secretRef")
            };
            let from = at(source, field);
            let prefix = text(source, "prefix");
            let prefix = if prefix.is_empty() { String::new() } else { format!(" with prefix '{prefix}'") };
            page.line(3, &format!("{}\t{kind}{prefix}\tOptional: {}", text(from, "name"), optional(from)));
        }
    }
    page.line(2, if list(it, "env").is_empty() { "Environment:\t<none>" } else { "Environment:" });
    for variable in list(it, "env") {
        let name = text(variable, "name");
        let from = at(variable, "valueFrom");
        if from.is_null() {
            for (index, line) in text(variable, "value").split('\n').enumerate() {
                let head = if index == 0 { format!("{name}:") } else { String::new() };
                page.line(3, &format!("{head}\t{line}"));
            }
        } else if has(from, "fieldRef") {
            let path = text(from, "fieldRef.fieldPath");
            let value = pod.map_or(String::new(), |pod| field(pod, path));
            page.line(3, &format!("{name}:\t{value} ({}:{path})", text(from, "fieldRef.apiVersion")));
        } else if has(from, "resourceFieldRef") {
            let resource = text(from, "resourceFieldRef.resource");
            let value = container_resource(it, resource, at(from, "resourceFieldRef.divisor"));
            let value =
                if value == "0" && resource.starts_with("limits.") { "node allocatable" } else { &value };
            page.line(3, &format!("{name}:\t{value} ({resource})"));
        } else {
            let (field, of) = if has(from, "secretKeyRef") {
                ("secretKeyRef", "in secret")
            } else {
                ("configMapKeyRef", "of config map")
            };
            let from = at(from, field);
            let (key, source) = (text(from, "key"), text(from, "name"));
            page.line(
                3,
                &format!("{name}:\t<set to the key '{key}' {of} '{source}'>\tOptional: {}", optional(from)),
            );
        }
    }
}

/// What a `fieldRef` reads now.
fn field(pod: &Value, path: &str) -> String {
    for map in ["metadata.labels", "metadata.annotations"] {
        let key =
            path.strip_prefix(map).and_then(|it| it.strip_prefix("['")).and_then(|it| it.strip_suffix("']"));
        if let Some(key) = key {
            return at(pod, map).get(key).map_or_else(String::new, plain);
        }
    }
    // Only metadata is looked up.
    match path {
        "metadata.name" | "metadata.namespace" | "metadata.uid" => plain(at(pod, path)),
        _ => String::new(),
    }
}

fn container_resource(it: &Value, resource: &str, divisor: &Value) -> String {
    let Some((part, name)) = resource.split_once('.') else { return String::new() };
    let milli = |text: &str| api::quantity::parse(text).map_or(0, api::quantity::Amount::milli_value);
    let amount = at(at(it, "resources"), part).get(name).map_or(0, |it| milli(&plain(it)));
    let by = match plain(divisor).as_str() {
        "" | "0" => 1000,
        other => milli(other).max(1),
    };
    ((amount + by - 1) / by).to_string()
}

fn mounts(page: &mut Page, it: &Value) {
    let mut all: Vec<&Value> = list(it, "volumeMounts").iter().gather();
    all.put_in_order_by_key(|it| text(it, "mountPath").to_owned());
    page.line(2, if all.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
    for mount in all {
        let mode = if is_true(mount, "readOnly") { "ro" } else { "rw" };
        let path = text(mount, "subPath");
        let path = if path.is_empty() { String::new() } else { format!(",path={path:?}") };
        page.line(3, &format!("{} from {} ({mode}{path})", text(mount, "mountPath"), text(mount, "name")));
    }
}

pub fn volumes(page: &mut Page, all: &[Value], space: &str) {
    if all.is_empty() {
        page.line(0, &format!("{space}Volumes:\t<none>"));
        return;
    }
    page.line(0, &format!("{space}Volumes:"));
    let indent = if space.is_empty() { "" } else { " " };
    for it in all {
        page.line(1, &format!("{indent}{}:", text(it, "name")));
        volume(page, it);
    }
}

fn volume(page: &mut Page, it: &Value) {
    let source = |name: &str| has(it, name).then(|| at(it, name));
    if let Some(it) = source("hostPath") {
        page.pair(2, "Type", "HostPath (bare host directory volume)");
        page.pair(2, "Path", text(it, "path"));
        page.pair(2, "HostPathType", text(it, "type"));
    } else if let Some(it) = source("emptyDir") {
        page.pair(2, "Type", "EmptyDir (a temporary directory that shares a pod's lifetime)");
        page.pair(2, "Medium", text(it, "medium"));
        let limit = plain(at(it, "sizeLimit"));
        page.pair(2, "SizeLimit", if limit.is_empty() { "<unset>" } else { &limit });
    } else if let Some(it) = source("secret") {
        page.pair(2, "Type", "Secret (a volume populated by a Secret)");
        page.pair(2, "SecretName", text(it, "secretName"));
        page.pair(2, "Optional", optional(it));
    } else if let Some(it) = source("configMap") {
        page.pair(2, "Type", "ConfigMap (a volume populated by a ConfigMap)");
        page.pair(2, "Name", text(it, "name"));
        page.pair(2, "Optional", optional(it));
    } else if let Some(it) = source("persistentVolumeClaim") {
        page.pair(
            2,
            "Type",
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        );
        page.pair(2, "ClaimName", text(it, "claimName"));
        page.pair(2, "ReadOnly", if is_true(it, "readOnly") { "true" } else { "false" });
    } else if let Some(it) = source("downwardAPI") {
        page.pair(2, "Type", "DownwardAPI (a volume populated by information about the pod)");
        page.line(2, "Items:");
        for item in list(it, "items") {
            let field =
                if has(item, "fieldRef") { "fieldRef.fieldPath" } else { "resourceFieldRef.resource" };
            page.line(3, &format!("{} -> {}", text(item, field), text(item, "path")));
        }
    } else if let Some(it) = source("projected") {
        page.pair(2, "Type", "Projected (a volume that contains injected data from multiple sources)");
        for source in list(it, "sources") {
            if has(source, "secret") {
                page.pair(2, "SecretName", text(source, "secret.name"));
                page.pair(2, "Optional", optional(at(source, "secret")));
            } else if has(source, "downwardAPI") {
                page.pair(2, "DownwardAPI", "true");
            } else if has(source, "configMap") {
                page.pair(2, "ConfigMapName", text(source, "configMap.name"));
                page.pair(2, "Optional", optional(at(source, "configMap")));
            } else if has(source, "serviceAccountToken") {
                let seconds = int(source, "serviceAccountToken.expirationSeconds").to_string();
                page.pair(2, "TokenExpirationSeconds", &seconds);
            }
        }
    } else if let Some(it) = source("image") {
        page.pair(2, "Type", "Image (a container image or OCI artifact)");
        page.pair(2, "Reference", text(it, "reference"));
        page.pair(2, "PullPolicy", text(it, "pullPolicy"));
    } else {
        page.line(1, "<unknown>");
    }
}

pub fn tolerations(page: &mut Page, indent: &str, all: &[Value]) {
    if all.is_empty() {
        page.line(0, &format!("{indent}Tolerations:\t<none>"));
        return;
    }
    let mut all: Vec<&Value> = all.iter().gather();
    all.put_in_order_by_key(|it| text(it, "key").to_owned());
    for (index, it) in all.into_iter().enumerate() {
        let (key, value, effect) = (text(it, "key"), text(it, "value"), text(it, "effect"));
        let mut line = key.to_owned();
        if !value.is_empty() {
            line = format!("{line}={value}");
        }
        if !effect.is_empty() {
            line = format!("{line}:{effect}");
        }
        if text(it, "operator") == "Exists" && value.is_empty() {
            line.push_str(if line.is_empty() { "op=Exists" } else { " op=Exists" });
        }
        if has(it, "tolerationSeconds") {
            line = format!("{line} for {}s", int(it, "tolerationSeconds"));
        }
        let head = if index == 0 { "Tolerations:" } else { "" };
        page.line(0, &format!("{indent}{head}\t{line}"));
    }
}

pub fn spread(page: &mut Page, all: &[Value], space: &str) {
    let mut all: Vec<&Value> = all.iter().gather();
    all.put_in_order_by_key(|it| text(it, "topologyKey").to_owned());
    for (index, it) in all.into_iter().enumerate() {
        let head = if index == 0 { "Topology Spread Constraints:" } else { "" };
        let (key, otherwise) = (text(it, "topologyKey"), text(it, "whenUnsatisfiable"));
        let mut line =
            format!("{space}{head}\t{key}:{otherwise} when max skew {} is exceeded", int(it, "maxSkew"));
        if has(it, "labelSelector") {
            line = format!("{line} for selector {}", crate::table::label_selector(at(it, "labelSelector")));
        }
        page.line(0, &line);
    }
}
