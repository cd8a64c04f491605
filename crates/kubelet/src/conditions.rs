//! The Pod's conditions.
//!
//! Follows kubernetes v1.36 pkg/kubelet/status/generate.go.

use api::Pod;
use api::k8s_openapi::api::core::v1::{ContainerStatus, PodCondition, PodStatus};
use sim::{Gather as _, SimTime};

use crate::pod;
use crate::resize::{self, Resize};
use crate::status::condition;

/// The conditions that the kubelet alone writes, in the order in which it writes them.
pub const OWNED: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// The kubelet's own also are how far a resize has come.
pub fn is_owned(kind: &str) -> bool {
    OWNED.contains(&kind) || [resize::PENDING, resize::IN_PROGRESS].contains(&kind)
}

/// A condition before it is dated.
struct Finding {
    status: bool,
    reason: &'static str,
    message: String,
}

const fn yes() -> Finding {
    Finding { status: true, reason: "", message: String::new() }
}

const fn no(reason: &'static str, message: String) -> Finding {
    Finding { status: false, reason, message }
}

/// All conditions of a new status: other components' first.
pub fn all(
    pod: &Pod,
    old: &PodStatus,
    status: &PodStatus,
    sandbox_up: bool,
    resize: &Resize,
    now: SimTime,
) -> Vec<PodCondition> {
    let api = pod.status.as_ref().and_then(|it| it.conditions.as_ref());
    let mut conditions: Vec<PodCondition> =
        api.into_iter().flatten().filter(|it| !is_owned(&it.type_)).cloned().gather();
    if let Some(target) = condition(old.conditions.as_ref(), "DisruptionTarget") {
        replace_or_append(&mut conditions, target.clone());
    }
    conditions.extend(resize.conditions());
    let ready = containers_ready(pod, status);
    let pod_ready = pod_ready(pod, status, &conditions);
    let sandbox = if sandbox_up { yes() } else { no("", String::new()) };
    for (kind, finding) in OWNED.into_iter().zip([sandbox, initialized(pod, status), pod_ready, ready, yes()])
    {
        conditions.push(dated(kind, finding, pod, old, now));
    }
    conditions
}

/// Sets what a new readiness of a container changes.
pub fn refresh_readiness(pod: &Pod, old: &PodStatus, status: &mut PodStatus, now: SimTime) {
    let mut conditions = status.conditions.take().unwrap_or_default();
    let ready = dated("ContainersReady", containers_ready(pod, status), pod, old, now);
    let pod_ready = dated("Ready", pod_ready(pod, status, &conditions), pod, old, now);
    replace_or_append(&mut conditions, pod_ready);
    replace_or_append(&mut conditions, ready);
    status.conditions = Some(conditions);
}

/// The sandbox has just come up.
pub fn set_sandbox_up(pod: &Pod, old: &PodStatus, status: &mut PodStatus, now: SimTime) {
    let up = dated("PodReadyToStartContainers", yes(), pod, old, now);
    replace_or_append(status.conditions.get_or_insert_default(), up);
}

/// A Pod that waits for somebody else's condition: does its `Ready` say what it should?
pub fn readiness_gate_differs(pod: &Pod) -> bool {
    if pod::spec(pod).readiness_gates.iter().flatten().next().is_none() {
        return false;
    }
    let Some(status) = pod.status.as_ref() else { return false };
    let Some(current) = condition(status.conditions.as_ref(), "Ready") else { return false };
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let wanted = pod_ready(pod, status, conditions);
    current.status != truth(wanted.status) || current.message.as_deref().unwrap_or("") != wanted.message
}

pub fn replace_or_append(conditions: &mut Vec<PodCondition>, condition: PodCondition) {
    match conditions.iter_mut().find(|it| it.type_ == condition.type_) {
        Some(found) => *found = condition,
        None => conditions.push(condition),
    }
}

fn dated(kind: &str, finding: Finding, pod: &Pod, old: &PodStatus, now: SimTime) -> PodCondition {
    let status = truth(finding.status);
    let api = pod.status.as_ref().and_then(|it| it.conditions.as_ref());
    let before = condition(old.conditions.as_ref(), kind).or_else(|| condition(api, kind));
    let since = before.filter(|it| it.status == status).and_then(|it| it.last_transition_time.clone());
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: (!finding.reason.is_empty()).then(|| finding.reason.to_owned()),
        message: (!finding.message.is_empty()).then_some(finding.message),
        observed_generation: pod.metadata.generation,
        last_transition_time: since.or_else(|| Some(api::time::time(now))),
        last_probe_time: None,
    }
}

fn truth(it: bool) -> &'static str {
    if it { "True" } else { "False" }
}

fn all_statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().chain(&status.container_statuses).flatten()
}

fn list(what: &str, names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!("{what}: [{}]", names.join(" ")) }
}

fn joined(one: String, other: String) -> String {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other,
        (_, true) => one,
        (false, false) => format!("{one}, {other}"),
    }
}

fn initialized(pod: &Pod, status: &PodStatus) -> Finding {
    let (mut unknown, mut incomplete) = (Vec::new(), Vec::new());
    for container in pod::init_containers(pod) {
        let Some(found) = all_statuses(status).find(|it| it.name == container.name) else {
            unknown.push(container.name.as_str());
            continue;
        };
        let done = if pod::is_sidecar(container) { found.started == Some(true) } else { found.ready };
        if !done {
            incomplete.push(container.name.as_str());
        }
    }
    if status.phase.as_deref() == Some("Succeeded") && unknown.is_empty() {
        return Finding { status: true, reason: "PodCompleted", message: String::new() };
    }
    let app_started = status.container_statuses.iter().flatten().any(|it| {
        it.state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    });
    let message = joined(
        list("containers with unknown status", &unknown),
        list("containers with incomplete status", &incomplete),
    );
    if app_started || message.is_empty() { yes() } else { no("ContainersNotInitialized", message) }
}

fn containers_ready(pod: &Pod, status: &PodStatus) -> Finding {
    let sidecars = pod::init_containers(pod).iter().filter(|it| pod::is_sidecar(it));
    let (mut unknown, mut unready) = (Vec::new(), Vec::new());
    for container in sidecars.chain(pod::app_containers(pod)) {
        match all_statuses(status).find(|it| it.name == container.name) {
            None => unknown.push(container.name.as_str()),
            Some(found) if !found.ready => unready.push(container.name.as_str()),
            Some(_) => {}
        }
    }
    match status.phase.as_deref() {
        Some("Succeeded") if unknown.is_empty() => return no("PodCompleted", String::new()),
        Some("Failed") => return no("PodFailed", String::new()),
        _ => {}
    }
    let message = joined(
        list("containers with unknown status", &unknown),
        list("containers with unready status", &unready),
    );
    if message.is_empty() { yes() } else { no("ContainersNotReady", message) }
}

fn pod_ready(pod: &Pod, status: &PodStatus, conditions: &[PodCondition]) -> Finding {
    let ready = containers_ready(pod, status);
    if !ready.status {
        return ready;
    }
    let mut messages = Vec::new();
    for gate in pod::spec(pod).readiness_gates.iter().flatten() {
        let kind = &gate.condition_type;
        match conditions.iter().find(|it| it.type_ == *kind) {
            None => messages
                .push(format!("corresponding condition of pod readiness gate \"{kind}\" does not exist.")),
            Some(found) if found.status != "True" => messages.push(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                found.status
            )),
            Some(_) => {}
        }
    }
    if messages.is_empty() { yes() } else { no("ReadinessGatesNotReady", messages.join(", ")) }
}
