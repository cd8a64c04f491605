//! Containers: names, images, ports, environment, mounts, resources, probes, hooks.
//!
//! Follows kubernetes v1.36 pkg/apis/core/validation: validateContainers, validateInitContainers.

use std::collections::BTreeMap;

use api::k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvFromSource, EnvVar, ExecAction, GRPCAction, HTTPGetAction, Lifecycle,
    LifecycleHandler, ObjectFieldSelector, PodSpec, Probe, ResourceFieldSelector, ResourceRequirements,
    SleepAction, TCPSocketAction, VolumeMount,
};
use api::{IntOrString, Quantity, quantity, syntax};
use sim::{Gather as _, VecSet};

use super::security;
use super::text;
use crate::field::Errors;

const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
pub(super) const MODE_MESSAGE: &str = "must be a number between 0 and 0777 (octal), both inclusive";

pub(super) struct Context<'a> {
    pub spec: &'a PodSpec,
    pub volumes: &'a VecSet<String>,
}

pub(super) fn containers(context: &Context, path: &str, errors: &mut Errors) {
    let all = &context.spec.containers;
    if all.is_empty() {
        errors.required(path, "");
        return;
    }
    let mut names = VecSet::new();
    for (index, container) in all.iter().enumerate() {
        let path = format!("{path}[{index}]");
        common(container, context, &path, errors);
        if !names.insert(&container.name) {
            errors.duplicate(format!("{path}.name"), &container.name);
        }
        hooks_and_probes(container, context, &path, errors);
        restart_policy(container, &path, errors);
    }
    let mut ports = VecSet::new();
    for (index, container) in all.iter().enumerate() {
        host_ports(container, &format!("{path}[{index}]"), &mut ports, errors);
    }
}

pub(super) fn init_containers(context: &Context, path: &str, errors: &mut Errors) {
    let mut names: VecSet<&String> = context.spec.containers.iter().map(|it| &it.name).fill();
    for (index, container) in context.spec.init_containers.iter().flatten().enumerate() {
        let path = format!("{path}[{index}]");
        common(container, context, &path, errors);
        restart_policy(container, &path, errors);
        if names.contains(&container.name) {
            errors.duplicate(format!("{path}.name"), &container.name);
        } else if !container.name.is_empty() {
            names.insert(&container.name);
        }
        // Upstream checks each init container as if it were the first.
        let first = path.rsplit_once('[').map_or(path.as_str(), |it| it.0);
        host_ports(container, &format!("{first}[0]"), &mut VecSet::new(), errors);
        if container.restart_policy.as_deref() == Some("Always") {
            hooks_and_probes(container, context, &path, errors);
        } else {
            let given = [
                ("lifecycle", container.lifecycle.is_some()),
                ("livenessProbe", container.liveness_probe.is_some()),
                ("readinessProbe", container.readiness_probe.is_some()),
                ("startupProbe", container.startup_probe.is_some()),
            ];
            for (name, _) in given.into_iter().filter(|it| it.1) {
                let why = "may not be set for init containers without restartPolicy=Always";
                errors.forbidden(format!("{path}.{name}"), why);
            }
        }
    }
}

/// What can be said about the image only in a Pod, not in a template.
pub(super) fn images(containers: &[Container], path: &str, errors: &mut Errors) {
    for (index, container) in containers.iter().enumerate() {
        let image = text(container.image.as_ref());
        if image.trim() != image {
            errors.invalid(
                format!("{path}[{index}].image"),
                image,
                "must not have leading or trailing whitespace",
            );
        }
    }
}

fn common(container: &Container, context: &Context, path: &str, errors: &mut Errors) {
    let name_path = format!("{path}.name");
    if container.name.is_empty() {
        errors.required(name_path, "");
    } else {
        errors.invalid_all(&name_path, &container.name, syntax::dns1123_label(&container.name));
    }
    if text(container.image.as_ref()).is_empty() {
        errors.required(format!("{path}.image"), "");
    }
    errors.one_of(
        format!("{path}.terminationMessagePolicy"),
        container.termination_message_policy.as_deref(),
        &["File", "FallbackToLogsOnError"],
    );
    ports(container.ports.as_deref().unwrap_or_default(), &format!("{path}.ports"), errors);
    env(container.env.as_deref().unwrap_or_default(), &format!("{path}.env"), errors);
    env_from(container.env_from.as_deref().unwrap_or_default(), &format!("{path}.envFrom"), errors);
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    volume_mounts(mounts, container, context, &format!("{path}.volumeMounts"), errors);
    errors.one_of(
        format!("{path}.imagePullPolicy"),
        container.image_pull_policy.as_deref(),
        &["Always", "IfNotPresent", "Never"],
    );
    if let Some(resources) = &container.resources {
        self::resources(resources, &format!("{path}.resources"), errors);
    }
    if let Some(security) = &container.security_context {
        security::container(security, context.spec, &format!("{path}.securityContext"), errors);
    }
}

fn hooks_and_probes(container: &Container, context: &Context, path: &str, errors: &mut Errors) {
    let grace = context.spec.termination_grace_period_seconds;
    if let Some(it) = &container.lifecycle {
        lifecycle(it, grace, &format!("{path}.lifecycle"), errors);
    }
    for (name, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        if let Some(probe) = probe {
            self::probe(probe, name, &format!("{path}.{name}"), errors);
        }
    }
}

fn ports(ports: &[ContainerPort], path: &str, errors: &mut Errors) {
    let mut names = VecSet::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let name = text(port.name.as_ref());
        if !name.is_empty() {
            let complaints = syntax::port_name(name);
            if !complaints.is_empty() {
                errors.invalid_all(&format!("{path}.name"), name, complaints);
            } else if !names.insert(name) {
                errors.duplicate(format!("{path}.name"), name);
            }
        }
        if port.container_port == 0 {
            errors.required(format!("{path}.containerPort"), "");
        } else {
            port_number(port.container_port, &format!("{path}.containerPort"), errors);
        }
        if let Some(port) = port.host_port.filter(|it| *it != 0) {
            port_number(port, &format!("{path}.hostPort"), errors);
        }
        errors.one_of(format!("{path}.protocol"), port.protocol.as_deref(), PROTOCOLS);
    }
}

fn host_ports(container: &Container, path: &str, taken: &mut VecSet<String>, errors: &mut Errors) {
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let Some(number) = port.host_port.filter(|it| *it != 0) else { continue };
        let name = format!("{}/{}/{number}", text(port.protocol.as_ref()), text(port.host_ip.as_ref()));
        if !taken.insert(name.clone()) {
            errors.duplicate(format!("{path}.ports[{index}].hostPort"), &name);
        }
    }
}

pub(super) fn port_number(port: i32, path: &str, errors: &mut Errors) {
    errors.invalid_all(path, &port, syntax::port_number(i64::from(port)));
}

pub(super) fn port_or_name(port: &IntOrString, path: &str, errors: &mut Errors) {
    match port {
        IntOrString::Int(port) => port_number(*port, path, errors),
        IntOrString::String(name) => errors.invalid_all(path, name, syntax::port_name(name)),
    }
}

fn env(env: &[EnvVar], path: &str, errors: &mut Errors) {
    for (index, variable) in env.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if variable.name.is_empty() {
            errors.required(format!("{path}.name"), "");
        } else {
            errors.invalid_all(
                &format!("{path}.name"),
                &variable.name,
                syntax::relaxed_env_var_name(&variable.name),
            );
        }
        let Some(from) = &variable.value_from else { continue };
        let path = format!("{path}.valueFrom");
        let mut sources = 0;
        if let Some(it) = &from.field_ref {
            sources += 1;
            field_ref(it, ENV_FIELDS, &format!("{path}.fieldRef"), errors);
        }
        if let Some(it) = &from.resource_field_ref {
            sources += 1;
            resource_field_ref(it, false, &format!("{path}.resourceFieldRef"), errors);
        }
        if let Some(it) = &from.config_map_key_ref {
            sources += 1;
            errors.invalid_all(
                &format!("{path}.configMapKeyRef.name"),
                &it.name,
                syntax::dns1123_subdomain(&it.name),
            );
            key(&it.key, &format!("{path}.configMapKeyRef.key"), errors);
        }
        if let Some(it) = &from.secret_key_ref {
            sources += 1;
            errors.invalid_all(
                &format!("{path}.secretKeyRef.name"),
                &it.name,
                syntax::dns1123_subdomain(&it.name),
            );
            key(&it.key, &format!("{path}.secretKeyRef.key"), errors);
        }
        sources += usize::from(from.file_key_ref.is_some());
        let complaint = match sources {
            0 => {
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            }
            _ if !text(variable.value.as_ref()).is_empty() => {
                "may not be specified when `value` is not empty"
            }
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.invalid(path, "", complaint);
    }
}

fn key(key: &str, path: &str, errors: &mut Errors) {
    if key.is_empty() {
        errors.required(path, "");
    } else {
        errors.invalid_all(path, key, syntax::config_map_key(key));
    }
}

fn env_from(env: &[EnvFromSource], path: &str, errors: &mut Errors) {
    for (index, source) in env.iter().enumerate() {
        let item = format!("{path}[{index}]");
        let prefix = text(source.prefix.as_ref());
        if !prefix.is_empty() {
            errors.invalid_all(&format!("{item}.prefix"), prefix, syntax::relaxed_env_var_name(prefix));
        }
        let names = [
            ("configMapRef", source.config_map_ref.as_ref().map(|it| &it.name)),
            ("secretRef", source.secret_ref.as_ref().map(|it| &it.name)),
        ];
        let mut sources = 0;
        for (kind, name) in names {
            let Some(name) = name else { continue };
            sources += 1;
            if name.is_empty() {
                errors.required(format!("{item}.{kind}.name"), "");
            } else {
                errors.invalid_all(&format!("{item}.{kind}.name"), name, syntax::dns1123_subdomain(name));
            }
        }
        match sources {
            0 => errors.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"),
            1 => {}
            _ => errors.invalid(path, "", "may not have more than one field specified at a time"),
        }
    }
}

pub(super) const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
pub(super) const VOLUME_FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

pub(super) fn field_ref(field: &ObjectFieldSelector, allowed: &[&str], path: &str, errors: &mut Errors) {
    let name = &field.field_path;
    let field_path = format!("{path}.fieldPath");
    if name.is_empty() {
        errors.required(&field_path, "");
    }
    let subscript = name.strip_suffix("']").and_then(|it| it.split_once("['"));
    let known = match subscript {
        Some((base, _)) => matches!(base, "metadata.annotations" | "metadata.labels"),
        None => {
            ENV_FIELDS.contains(&name.as_str())
                || VOLUME_FIELDS.contains(&name.as_str())
                || matches!(
                    name.as_str(),
                    "spec.restartPolicy" | "spec.schedulerName" | "status.phase" | "spec.host"
                )
        }
    };
    if !known {
        let why = format!("error converting fieldPath: field label not supported: {name}");
        errors.invalid(&field_path, name, &why);
        return;
    }
    match subscript {
        Some((base, key)) => {
            let key = if base == "metadata.annotations" { key.to_ascii_lowercase() } else { key.to_owned() };
            errors.invalid_all(path, &key, syntax::qualified_name(&key));
        }
        None if !allowed.contains(&name.as_str()) => errors.not_supported(field_path, name, allowed),
        None => {}
    }
}

pub(super) fn resource_field_ref(
    field: &ResourceFieldSelector,
    volume: bool,
    path: &str,
    errors: &mut Errors,
) {
    const ALLOWED: &[&str] = &[
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ];
    let name = field.resource.as_str();
    if volume && text(field.container_name.as_ref()).is_empty() {
        errors.required(format!("{path}.containerName"), "");
    } else if name.is_empty() {
        errors.required(format!("{path}.resource"), "");
    } else if !ALLOWED.contains(&name)
        && !["limits.hugepages-", "requests.hugepages-"].iter().any(|it| name.starts_with(it))
    {
        errors.not_supported(format!("{path}.resource"), name, ALLOWED);
    }
    let divisor = field.divisor.as_ref().map_or("0", |it| it.0.as_str());
    let kind = name.rsplit('.').next().unwrap_or("");
    let (allowed, words): (&[&str], _) = if kind == "cpu" {
        (&["1m", "1", "0"], "only divisor's values 1m and 1 are supported with the cpu resource")
    } else if kind == "memory" {
        (MEMORY_DIVISORS, MEMORY_DIVISORS_MESSAGE)
    } else {
        return;
    };
    if !allowed.contains(&divisor) {
        errors.invalid(format!("{path}.divisor"), name, words);
    }
}

const MEMORY_DIVISORS_MESSAGE: &str = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource";
const MEMORY_DIVISORS: &[&str] =
    &["0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

fn volume_mounts(
    mounts: &[VolumeMount],
    container: &Container,
    context: &Context,
    path: &str,
    errors: &mut Errors,
) {
    let mut taken = VecSet::new();
    for (index, mount) in mounts.iter().enumerate() {
        let item = format!("{path}[{index}]");
        if mount.name.is_empty() {
            errors.required(format!("{item}.name"), "");
        }
        if !context.volumes.contains(&mount.name) {
            errors.not_found(format!("{item}.name"), &mount.name);
        }
        if mount.mount_path.is_empty() {
            errors.required(format!("{item}.mountPath"), "");
        }
        if !taken.insert(&mount.mount_path) {
            errors.invalid(format!("{item}.mountPath"), &mount.mount_path, "must be unique");
        }
        // Upstream leaves the index out of the paths below.
        let (sub, expression) = (text(mount.sub_path.as_ref()), text(mount.sub_path_expr.as_ref()));
        if !sub.is_empty() {
            descending_path(sub, &format!("{path}.subPath"), errors);
        }
        if !expression.is_empty() {
            if !sub.is_empty() {
                let why = "subPathExpr and subPath are mutually exclusive";
                errors.invalid(format!("{item}.subPathExpr"), expression, why);
            }
            descending_path(expression, &format!("{path}.subPathExpr"), errors);
        }
        if let Some(mode) = mount.mount_propagation.as_deref() {
            let path = format!("{path}.mountPropagation");
            errors.one_of(&path, Some(mode), &["Bidirectional", "HostToContainer", "None"]);
            let privileged = container.security_context.as_ref().and_then(|it| it.privileged) == Some(true);
            if mode == "Bidirectional" && !privileged {
                let why = "Bidirectional mount propagation is available only to privileged containers";
                errors.forbidden(path, why);
            }
        }
        if let Some(mode) = mount.recursive_read_only.as_deref() {
            let path = format!("{path}.recursiveReadOnly");
            if mode != "Disabled" && mount.read_only != Some(true) {
                errors.forbidden(&path, "may only be specified when readOnly is true");
            }
            errors.one_of(path, Some(mode), &["Disabled", "Enabled", "IfPossible"]);
        }
    }
}

pub(super) fn descending_path(target: &str, path: &str, errors: &mut Errors) {
    if target.starts_with('/') {
        errors.invalid(path, target, "must be a relative path");
    }
    no_backsteps(target, path, errors);
}

pub(super) fn no_backsteps(target: &str, path: &str, errors: &mut Errors) {
    if target.split('/').any(|it| it == "..") {
        errors.invalid(path, target, "must not contain '..'");
    }
}

type Resources = BTreeMap<String, Quantity>;

pub(super) fn resources(resources: &ResourceRequirements, path: &str, errors: &mut Errors) {
    let empty = Resources::new();
    let limits = resources.limits.as_ref().unwrap_or(&empty);
    let requests = resources.requests.as_ref().unwrap_or(&empty);
    for (name, value) in limits {
        resource(name, value, &format!("{path}.limits[{name}]"), errors);
    }
    for (name, value) in requests {
        resource(name, value, &format!("{path}.requests[{name}]"), errors);
        let overcommit =
            (!name.contains('/') || name.contains("kubernetes.io/")) && !name.starts_with("hugepages-");
        match limits.get(name) {
            Some(limit) => {
                let (asked, allowed) = (quantity::of(value), quantity::of(limit));
                let complaint = if asked != allowed && !overcommit {
                    format!("must be equal to {name} limit of {}", limit.0)
                } else if allowed < asked {
                    format!("must be less than or equal to {name} limit of {}", limit.0)
                } else {
                    continue;
                };
                errors.invalid(format!("{path}.requests"), &value.0, &complaint);
            }
            None if !overcommit => {
                errors
                    .required(format!("{path}.limits"), "Limit must be set for non overcommitable resources");
            }
            None => {}
        }
    }
    let any = |wanted: fn(&str) -> bool| limits.keys().chain(requests.keys()).any(|it| wanted(it));
    if any(|it| it.starts_with("hugepages-")) && !any(|it| it == "cpu" || it == "memory") {
        errors.forbidden(path, "HugePages require cpu or memory");
    }
}

fn resource(name: &str, value: &Quantity, path: &str, errors: &mut Errors) {
    let complaints = syntax::qualified_name(name);
    let is_name = complaints.is_empty();
    errors.invalid_all(path, name, complaints);
    let container = matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if name.contains('/') {
        if !name.contains("kubernetes.io/") && name.starts_with("requests.") {
            errors.invalid(path, name, "doesn't follow extended resource name standard");
        }
    } else {
        let standard =
            container || matches!(name, "pods" | "services" | "storage" | "secrets" | "configmaps");
        if is_name && !standard {
            errors.invalid(path, name, "must be a standard resource type or fully qualified");
        }
        if !container {
            errors.invalid(path, name, "must be a standard resource for containers");
        }
    }
    let amount = quantity::of(value);
    if amount < quantity::Amount::ZERO {
        errors.invalid(path, &value.0, "must be greater than or equal to 0");
    }
    let integer = name.contains('/') && !name.contains("kubernetes.io/");
    if integer && amount.nanos() % 1_000_000_000 != 0 {
        errors.invalid(path, &value.0, "must be an integer");
    }
}

fn probe(probe: &Probe, name: &str, path: &str, errors: &mut Errors) {
    handler(
        &Handler {
            exec: probe.exec.as_ref(),
            http_get: probe.http_get.as_ref(),
            tcp_socket: probe.tcp_socket.as_ref(),
            grpc: probe.grpc.as_ref(),
            sleep: None,
        },
        None,
        path,
        errors,
    );
    for (name, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        super::non_negative(i64::from(value.unwrap_or(0)), &format!("{path}.{name}"), errors);
    }
    let grace_path = format!("{path}.terminationGracePeriodSeconds");
    if let Some(grace) = probe.termination_grace_period_seconds.filter(|it| *it <= 0) {
        errors.invalid(&grace_path, &grace, "must be greater than 0");
    }
    if name == "readinessProbe" {
        if let Some(grace) = probe.termination_grace_period_seconds {
            errors.invalid(grace_path, &grace, "must not be set for readinessProbes");
        }
    } else if let Some(threshold) = probe.success_threshold.filter(|it| *it != 1) {
        errors.invalid(format!("{path}.successThreshold"), &threshold, "must be 1");
    }
}

fn lifecycle(lifecycle: &Lifecycle, grace: Option<i64>, path: &str, errors: &mut Errors) {
    for (name, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        let Some(LifecycleHandler { exec, http_get, sleep, tcp_socket }) = hook else { continue };
        let parts = Handler {
            exec: exec.as_ref(),
            http_get: http_get.as_ref(),
            tcp_socket: tcp_socket.as_ref(),
            grpc: None,
            sleep: sleep.as_ref(),
        };
        handler(&parts, grace, &format!("{path}.{name}"), errors);
    }
}

struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

fn handler(handler: &Handler, grace: Option<i64>, path: &str, errors: &mut Errors) {
    let mut found = false;
    let mut first = |name: &str, errors: &mut Errors| {
        if found {
            errors.forbidden(format!("{path}.{name}"), "may not specify more than 1 handler type");
        }
        !std::mem::replace(&mut found, true)
    };
    if let Some(exec) = handler.exec
        && first("exec", errors)
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        errors.required(format!("{path}.exec.command"), "");
    }
    if let Some(get) = handler.http_get
        && first("httpGet", errors)
    {
        http_get(get, &format!("{path}.httpGet"), errors);
    }
    if let Some(socket) = handler.tcp_socket
        && first("tcpSocket", errors)
    {
        port_or_name(&socket.port, &format!("{path}.tcpSocket.port"), errors);
    }
    if let Some(grpc) = handler.grpc
        && first("grpc", errors)
    {
        port_number(grpc.port, &format!("{path}.grpc.port"), errors);
    }
    if let Some(sleep) = handler.sleep
        && first("sleep", errors)
        && let Some(grace) = grace
        && (sleep.seconds < 0 || grace < sleep.seconds)
    {
        let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.invalid(format!("{path}.sleep"), &sleep.seconds, &why);
    }
    if !found {
        errors.required(path, "must specify a handler type");
    }
}

fn http_get(get: &HTTPGetAction, path: &str, errors: &mut Errors) {
    if text(get.path.as_ref()).is_empty() {
        errors.required(format!("{path}.path"), "");
    }
    port_or_name(&get.port, &format!("{path}.port"), errors);
    errors.one_of(format!("{path}.scheme"), get.scheme.as_deref(), &["HTTP", "HTTPS"]);
    for header in get.http_headers.iter().flatten() {
        let valid = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
        if header.name.is_empty() || !header.name.bytes().all(valid) {
            let why = syntax::regex_error(
                "a valid HTTP header must consist of alphanumeric characters or '-'",
                "[-A-Za-z0-9]+",
                &["X-Header-Name"],
            );
            errors.invalid(format!("{path}.httpHeaders"), &header.name, &why);
        }
    }
}

fn restart_policy(container: &Container, path: &str, errors: &mut Errors) {
    let rules = container.restart_policy_rules.as_deref().unwrap_or_default();
    let policy_path = format!("{path}.restartPolicy");
    match container.restart_policy.as_deref() {
        None if rules.is_empty() => return,
        None => errors.required(policy_path, "must specify restartPolicy when restart rules are used"),
        policy => errors.one_of(policy_path, policy, &["Always", "Never", "OnFailure"]),
    }
    if 20 < rules.len() {
        errors.too_many(format!("{path}.restartPolicyRules"), rules.len(), 20);
    }
    for (index, rule) in rules.iter().enumerate() {
        let path = format!("{path}.restartPolicyRules[{index}]");
        errors.one_of(format!("{path}.action"), Some(&rule.action), &["Restart", "RestartAllContainers"]);
        match &rule.exit_codes {
            None => errors.required(format!("{path}.exitCodes"), "must be specified"),
            Some(codes) => {
                errors.one_of(format!("{path}.exitCodes.operator"), Some(&codes.operator), &["In", "NotIn"]);
                let values = codes.values.as_ref().map_or(0, Vec::len);
                if 255 < values {
                    errors.too_many(format!("{path}.exitCodes.values"), values, 255);
                }
            }
        }
    }
}
