//! Small questions about a Pod's manifest that many parts ask.

use std::borrow::Cow;

use api::Pod;
use api::k8s_openapi::api::core::v1::{Container, EphemeralContainer, ObjectReference, PodSpec};

/// Which list of the manifest a container stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Init,
    App,
    Ephemeral,
}

/// A container by its place in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub role: Role,
    pub index: usize,
}

pub fn spec(pod: &Pod) -> &PodSpec {
    pod.spec.as_ref().expect("validation lets no Pod without a spec into the store")
}

pub fn init_containers(pod: &Pod) -> &[Container] {
    spec(pod).init_containers.as_deref().unwrap_or_default()
}

pub fn app_containers(pod: &Pod) -> &[Container] {
    &spec(pod).containers
}

pub fn ephemeral_containers(pod: &Pod) -> &[EphemeralContainer] {
    spec(pod).ephemeral_containers.as_deref().unwrap_or_default()
}

pub fn container(pod: &Pod, slot: Slot) -> Option<Cow<'_, Container>> {
    match slot.role {
        Role::Init => init_containers(pod).get(slot.index).map(Cow::Borrowed),
        Role::App => app_containers(pod).get(slot.index).map(Cow::Borrowed),
        Role::Ephemeral => {
            ephemeral_containers(pod).get(slot.index).map(|it| Cow::Owned(ephemeral_as_container(it)))
        }
    }
}

/// Where a container of this name stands.
pub fn slot_of(pod: &Pod, name: &str) -> Option<Slot> {
    let at = |role, index: Option<usize>| index.map(|index| Slot { role, index });
    at(Role::App, app_containers(pod).iter().position(|it| it.name == name))
        .or_else(|| at(Role::Init, init_containers(pod).iter().position(|it| it.name == name)))
        .or_else(|| at(Role::Ephemeral, ephemeral_containers(pod).iter().position(|it| it.name == name)))
}

pub fn find_container<'a>(pod: &'a Pod, name: &str) -> Option<Cow<'a, Container>> {
    container(pod, slot_of(pod, name)?)
}

pub fn ephemeral_as_container(it: &EphemeralContainer) -> Container {
    Container {
        name: it.name.clone(),
        image: it.image.clone(),
        command: it.command.clone(),
        args: it.args.clone(),
        env: it.env.clone(),
        env_from: it.env_from.clone(),
        working_dir: it.working_dir.clone(),
        image_pull_policy: it.image_pull_policy.clone(),
        security_context: it.security_context.clone(),
        stdin: it.stdin,
        tty: it.tty,
        termination_message_path: it.termination_message_path.clone(),
        termination_message_policy: it.termination_message_policy.clone(),
        volume_mounts: it.volume_mounts.clone(),
        restart_policy: Some("Never".to_owned()),
        ..Container::default()
    }
}

/// A native sidecar: an init container that goes on running.
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

pub fn has_sidecar(pod: &Pod) -> bool {
    init_containers(pod).iter().any(is_sidecar)
}

pub fn restart_policy(pod: &Pod) -> &str {
    spec(pod).restart_policy.as_deref().unwrap_or("Always")
}

/// Follows kubernetes v1.36 pkg/api/v1/pod: ContainerShouldRestart.
pub fn restarts_after(pod: &Pod, container: &Container, exit_code: i32) -> bool {
    for rule in container.restart_policy_rules.iter().flatten() {
        let Some(codes) = rule.exit_codes.as_ref() else { continue };
        let listed = codes.values.as_ref().is_some_and(|it| it.contains(&exit_code));
        if rule.action == "Restart" && listed == (codes.operator == "In") {
            return true;
        }
    }
    match container.restart_policy.as_deref().unwrap_or_else(|| restart_policy(pod)) {
        "Never" => false,
        "OnFailure" => exit_code != 0,
        _ => true,
    }
}

pub fn host_network(pod: &Pod) -> bool {
    spec(pod).host_network.unwrap_or(false)
}

pub fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or("")
}

pub fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("")
}

pub fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or("")
}

/// In a Pod that a kubelet made in the API server to show one of its own.
pub use api::names::MIRROR_ANNOTATION as MIRROR;
/// Where a Pod comes from, when not from the API server.
pub const SOURCE: &str = "kubernetes.io/config.source";

pub fn annotation<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

pub fn is_static(pod: &Pod) -> bool {
    annotation(pod, SOURCE) == Some("file") && annotation(pod, MIRROR).is_none()
}

/// By what uid its node knows a Pod: a mirror has another one than the static Pod that it shows.
pub fn uid_on_node(pod: &Pod) -> &str {
    annotation(pod, MIRROR).unwrap_or_else(|| uid(pod))
}

/// `web_default(6f0c…)`: how messages name a Pod.
pub fn full_name(pod: &Pod) -> String {
    format!("{}_{}({})", name(pod), namespace(pod), uid(pod))
}

pub fn api_phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|it| it.phase.as_deref()).unwrap_or("")
}

pub fn is_terminal(phase: &str) -> bool {
    matches!(phase, "Succeeded" | "Failed")
}

pub fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        uid: pod.metadata.uid.clone(),
        resource_version: pod.metadata.resource_version.clone(),
        field_path: None,
    }
}

/// A reference whose field path names the container.
pub fn container_reference(pod: &Pod, role: Role, name: &str) -> ObjectReference {
    let list = match role {
        Role::Init => "initContainers",
        Role::App => "containers",
        Role::Ephemeral => "ephemeralContainers",
    };
    ObjectReference { field_path: Some(format!("spec.{list}{{{name}}}")), ..reference(pod) }
}

/// Follows kubernetes v1.36 pkg/apis/core/v1/helper/qos: GetPodQOS.
pub fn qos_class(pod: &Pod) -> &'static str {
    if let Some(class) = pod.status.as_ref().and_then(|it| it.qos_class.as_deref()) {
        match class {
            "Guaranteed" => return "Guaranteed",
            "Burstable" => return "Burstable",
            "BestEffort" => return "BestEffort",
            _ => {}
        }
    }
    let (mut any, mut guaranteed) = (false, true);
    for container in app_containers(pod).iter().chain(init_containers(pod)) {
        let resources = container.resources.as_ref();
        for name in ["cpu", "memory"] {
            let amount = |list: Option<&std::collections::BTreeMap<String, api::Quantity>>| {
                api::quantity::of_option(list.and_then(|it| it.get(name)))
            };
            let request = amount(resources.and_then(|it| it.requests.as_ref()));
            let limit = amount(resources.and_then(|it| it.limits.as_ref()));
            any |= !request.is_zero() || !limit.is_zero();
            guaranteed &= !limit.is_zero() && (request == limit || request.is_zero());
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}
