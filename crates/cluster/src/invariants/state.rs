//! What one look at the objects shows.

use api::k8s_openapi::api::core::v1::ContainerStatus;
use api::{Object, Pod};
use apiserver::ApiServer;
use sim::{Gather as _, VecMap};

use super::Found;

pub(super) fn check(api: &ApiServer, found: &mut Found) {
    let mut addresses: VecMap<&str, &Pod> = VecMap::new();
    for pod in api.pods() {
        check_pod(pod, found);
        let Some(ip) = pod.status.as_ref().and_then(|it| it.pod_ip.as_deref()) else { continue };
        let host_network = pod.spec.as_ref().and_then(|it| it.host_network).unwrap_or(false);
        if host_network || is_terminal(pod) {
            continue;
        }
        if let Some(other) = addresses.insert(ip, pod) {
            let other = name(other);
            found.broken(name(pod), "no two Pods have one address", format_args!("{ip}, like {other}"));
        }
    }
}

pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|it| it.phase.as_deref()).unwrap_or("")
}

pub(super) fn is_terminal(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub(super) fn name(pod: &Pod) -> String {
    let text = |it: &Option<String>| it.as_deref().unwrap_or("").to_owned();
    format!("pod/{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name))
}

/// The node that it is bound to, if any.
pub(super) fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).filter(|it| !it.is_empty())
}

pub(super) fn has_condition(pod: &Pod, kind: &str) -> bool {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|it| it.type_ == kind && it.status == "True")
}

pub(super) fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let apps = status.and_then(|it| it.container_statuses.as_deref()).unwrap_or_default();
    let inits = status.and_then(|it| it.init_container_statuses.as_deref()).unwrap_or_default();
    inits.iter().chain(apps)
}

fn runs(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|it| it.running.is_some())
}

fn check_pod(pod: &Pod, found: &mut Found) {
    let Some(status) = pod.status.as_ref() else { return };
    let mut broken = |promise, seen: &str| found.broken(name(pod), promise, seen);
    if phase(pod) == "Running" && node(pod).is_none() {
        broken("a Pod runs only on a node", "");
    }
    let apps = status.container_statuses.as_deref().unwrap_or_default();
    for it in statuses(pod) {
        if it.restart_count < 0 {
            broken("restarts are counted from zero", &it.name);
        }
        // An init container is ready once it has ended well; it is not started any more.
        if it.ready && runs(it) && it.started == Some(false) {
            broken("a ready container has started", &it.name);
        }
        let states = it.state.as_ref().map_or(0, |it| {
            u8::from(it.running.is_some())
                + u8::from(it.waiting.is_some())
                + u8::from(it.terminated.is_some())
        });
        if 1 < states {
            broken("a container is in one state", &it.name);
        }
    }
    if let Some(it) = apps.iter().find(|it| it.ready && !runs(it)) {
        broken("a ready container runs", &it.name);
    }
    if has_condition(pod, "ContainersReady")
        && let Some(it) = apps.iter().find(|it| !it.ready)
    {
        broken("ContainersReady means that every container is ready", &it.name);
    }
    if has_condition(pod, "Ready") && !has_condition(pod, "ContainersReady") {
        broken("a ready Pod has ready containers", "");
    }
    if is_terminal(pod)
        && node(pod).is_some()
        && let Some(it) = apps.iter().find(|it| runs(it))
        && phase(pod) == "Succeeded"
    {
        broken("nothing runs in a Pod that has succeeded", &it.name);
    }
    let sidecars: Vec<&str> = pod
        .spec
        .iter()
        .flat_map(|it| it.init_containers.iter().flatten())
        .filter(|it| it.restart_policy.as_deref() == Some("Always"))
        .map(|it| it.name.as_str())
        .gather();
    let mut inits = status.init_container_statuses.iter().flatten();
    let waits_for = inits.find(|it| {
        let ended_well = |it: &ContainerStatus| {
            it.state.as_ref().and_then(|it| it.terminated.as_ref()).is_some_and(|it| it.exit_code == 0)
        };
        !sidecars.contains(&it.name.as_str()) && !ended_well(it) && runs(it)
    });
    let first_time = statuses(pod).all(|it| it.restart_count == 0);
    if let (Some(init), true, true) = (waits_for, first_time, apps.iter().any(runs)) {
        broken("containers start after their init containers", &init.name);
    }
}

/// Events name what they are about.
pub(super) fn check_event(object: &Object, found: &mut Found) {
    let Object::Event(event) = object else { return };
    let about = &event.involved_object;
    let empty = |it: &Option<String>| it.as_deref().unwrap_or("").is_empty();
    if empty(&about.kind) || empty(&about.name) {
        found.broken(object.key(), "an Event refers to an object", event.reason.as_deref().unwrap_or(""));
    }
    let namespace = about.namespace.as_deref().unwrap_or("");
    let own = event.metadata.namespace.as_deref().unwrap_or("");
    if own != namespace && !(namespace.is_empty() && own == "default") {
        found.broken(
            object.key(),
            "an Event lives beside its object",
            format_args!("{own} beside {namespace}"),
        );
    }
}
