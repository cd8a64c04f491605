//! Pods and Pod templates.
//!
//! Follows kubernetes v1.36 pkg/apis/core/v1/defaults.go and pkg/apis/core/v1/helper/qos.

use std::collections::BTreeMap;

use api::codec::same;
use api::k8s_openapi::api::core::v1::{
    Container, ContainerPort, EmptyDirVolumeSource, EnvVar, EphemeralContainer, HTTPGetAction, Lifecycle,
    PodSpec, PodStatus, PodTemplateSpec, Probe, Volume,
};
use api::{Pod, Quantity, quantity};
use sim::Gather as _;

use super::set;

const MODE: i32 = 0o644;

pub(super) fn pod(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    pod_spec(spec);
    for container in containers_mut(spec) {
        let Some(resources) = &mut container.resources else { continue };
        let Some(limits) = &resources.limits else { continue };
        if limits.is_empty() {
            continue;
        }
        let requests = resources.requests.get_or_insert_default();
        for (name, limit) in limits {
            requests.entry(name.clone()).or_insert_with(|| limit.clone());
        }
    }
    spec.enable_service_links.get_or_insert(true);
    let host_network = spec.host_network == Some(true);
    if host_network {
        let ports = containers_mut(spec).flat_map(|it| it.ports.iter_mut().flatten());
        for port in ports {
            if port.host_port.unwrap_or(0) == 0 {
                port.host_port = Some(port.container_port);
            }
        }
    }
    let class =
        pod.status.as_ref().is_none_or(|it| it.qos_class.is_none()).then(|| qos_class(pod).to_owned());
    let status = pod.status.get_or_insert_with(PodStatus::default);
    set(&mut status.phase, "Pending");
    if class.is_some() {
        status.qos_class = class;
    }
}

pub(super) fn template(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    pod_spec(template.spec.get_or_insert_default());
}

fn containers_mut(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten())
}

fn pod_spec(spec: &mut PodSpec) {
    set(&mut spec.dns_policy, "ClusterFirst");
    set(&mut spec.restart_policy, "Always");
    set(&mut spec.scheduler_name, "default-scheduler");
    spec.security_context.get_or_insert_default();
    let grace = spec.termination_grace_period_seconds.get_or_insert(30);
    if *grace < 0 {
        *grace = 1;
    }
    // One field under two names.
    match (spec.service_account_name.clone(), spec.service_account.clone()) {
        (Some(name), _) if !name.is_empty() => spec.service_account = Some(name),
        (_, Some(name)) if !name.is_empty() => spec.service_account_name = Some(name),
        _ => {}
    }
    for container in containers_mut(spec) {
        self::container(container);
    }
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        ephemeral_container(container);
    }
    for volume in spec.volumes.iter_mut().flatten() {
        self::volume(volume);
    }
}

fn container(container: &mut Container) {
    image_pull_policy(container.image.as_deref(), &mut container.image_pull_policy);
    set(&mut container.termination_message_path, "/dev/termination-log");
    set(&mut container.termination_message_policy, "File");
    container.resources.get_or_insert_default();
    ports(container.ports.as_mut());
    env(container.env.as_mut());
    let probes =
        [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    for probe in probes.into_iter().flatten() {
        self::probe(probe);
    }
    if let Some(lifecycle) = &mut container.lifecycle {
        self::lifecycle(lifecycle);
    }
}

fn ephemeral_container(container: &mut EphemeralContainer) {
    image_pull_policy(container.image.as_deref(), &mut container.image_pull_policy);
    set(&mut container.termination_message_path, "/dev/termination-log");
    set(&mut container.termination_message_policy, "File");
    container.resources.get_or_insert_default();
    ports(container.ports.as_mut());
    env(container.env.as_mut());
}

fn ports(ports: Option<&mut Vec<ContainerPort>>) {
    for port in ports.into_iter().flatten() {
        set(&mut port.protocol, "TCP");
        port.host_port = port.host_port.filter(|it| *it != 0);
    }
}

fn env(env: Option<&mut Vec<EnvVar>>) {
    for from in env.into_iter().flatten().filter_map(|it| it.value_from.as_mut()) {
        if let Some(field) = &mut from.field_ref {
            set(&mut field.api_version, "v1");
        }
        if let Some(resource) = &mut from.resource_field_ref {
            resource.divisor.get_or_insert_with(|| Quantity("0".to_owned()));
        }
    }
}

/// `latest`, written or meant, is pulled always.
fn image_pull_policy(image: Option<&str>, policy: &mut Option<String>) {
    let image = image.unwrap_or("");
    // What is no image reference has no tag either, and then nothing says that it is the latest.
    let valid = image.bytes().all(|it| it.is_ascii_graphic());
    let last = image.rsplit('/').next().unwrap_or(image);
    let latest = match (last.split_once('@'), last.split_once(':')) {
        (Some((name, _)), _) => name.ends_with(":latest"),
        (None, Some((_, tag))) => tag == "latest",
        (None, None) => true,
    };
    set(policy, if latest && valid { "Always" } else { "IfNotPresent" });
}

fn probe(probe: &mut Probe) {
    let number = |field: &mut Option<i32>, default: i32| {
        if field.unwrap_or(0) == 0 {
            *field = Some(default);
        }
    };
    number(&mut probe.timeout_seconds, 1);
    number(&mut probe.period_seconds, 10);
    number(&mut probe.success_threshold, 1);
    number(&mut probe.failure_threshold, 3);
    if let Some(get) = &mut probe.http_get {
        http_get(get);
    }
    if let Some(grpc) = &mut probe.grpc {
        grpc.service.get_or_insert_default();
    }
}

fn http_get(get: &mut HTTPGetAction) {
    set(&mut get.path, "/");
    set(&mut get.scheme, "HTTP");
}

fn lifecycle(lifecycle: &mut Lifecycle) {
    for handler in [&mut lifecycle.post_start, &mut lifecycle.pre_stop].into_iter().flatten() {
        if let Some(get) = &mut handler.http_get {
            http_get(get);
        }
    }
}

fn volume(volume: &mut Volume) {
    if same(volume, &Volume { name: volume.name.clone(), ..Volume::default() }) {
        volume.empty_dir = Some(EmptyDirVolumeSource::default());
    }
    if let Some(it) = &mut volume.config_map {
        it.default_mode.get_or_insert(MODE);
    }
    if let Some(it) = &mut volume.secret {
        it.default_mode.get_or_insert(MODE);
    }
    if let Some(it) = &mut volume.host_path {
        it.type_.get_or_insert_default();
    }
    if let Some(image) = &mut volume.image {
        image_pull_policy(image.reference.as_deref(), &mut image.pull_policy);
    }
    let mut items = Vec::new();
    if let Some(it) = &mut volume.downward_api {
        it.default_mode.get_or_insert(MODE);
        items.extend(it.items.iter_mut().flatten());
    }
    if let Some(it) = &mut volume.projected {
        it.default_mode.get_or_insert(MODE);
        for source in it.sources.iter_mut().flatten() {
            if let Some(token) = &mut source.service_account_token {
                token.expiration_seconds.get_or_insert(3600);
            }
            items.extend(source.downward_api.iter_mut().flat_map(|it| it.items.iter_mut().flatten()));
        }
    }
    for item in items {
        if let Some(field) = &mut item.field_ref {
            set(&mut field.api_version, "v1");
        }
        if let Some(resource) = &mut item.resource_field_ref {
            resource.divisor.get_or_insert_with(|| Quantity("0".to_owned()));
        }
    }
    if let Some(template) = volume.ephemeral.as_mut().and_then(|it| it.volume_claim_template.as_mut()) {
        set(&mut template.spec.volume_mode, "Filesystem");
    }
}

type Resources<'a> = Option<&'a BTreeMap<String, Quantity>>;

/// `Guaranteed`, `Burstable` or `BestEffort`. Only cpu and memory count, and init containers as well.
pub fn qos_class(pod: &Pod) -> &'static str {
    let Some(spec) = &pod.spec else { return "BestEffort" };
    let own = spec.resources.as_ref().filter(|it| it.requests.is_some() || it.limits.is_some());
    let all: Vec<(Resources, Resources)> = match own {
        Some(own) => vec![(own.requests.as_ref(), own.limits.as_ref())],
        None => spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
            .map(|it| {
                let resources = it.resources.as_ref();
                (resources.and_then(|it| it.requests.as_ref()), resources.and_then(|it| it.limits.as_ref()))
            })
            .gather(),
    };
    let amount = |resources: Resources, name| quantity::of_option(resources.and_then(|it| it.get(name)));
    let (mut any, mut guaranteed) = (false, true);
    for (requests, limits) in all {
        for name in ["cpu", "memory"] {
            let (request, limit) = (amount(requests, name), amount(limits, name));
            any |= !request.is_zero() || !limit.is_zero();
            guaranteed &= !limit.is_zero() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_is_pulled_always() {
        let policy = |image| {
            let mut policy = None;
            image_pull_policy(Some(image), &mut policy);
            policy.unwrap_or_default()
        };
        assert_eq!(policy("nginx"), "Always");
        assert_eq!(policy("nginx:latest"), "Always");
        assert_eq!(policy("nginx:1.27"), "IfNotPresent");
        assert_eq!(policy("localhost:5000/nginx"), "Always");
        assert_eq!(policy("nginx@sha256:abc"), "IfNotPresent");
    }
}
