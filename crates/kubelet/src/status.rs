//! The Pod's status, derived from its manifest, what the runtime says, and what the kubelet remembers.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kubelet_pods.go: generateAPIPodStatus, getPhase,
//! convertToAPIContainerStatuses; pkg/kubelet/prober: UpdatePodStatus.

use api::Pod;
use api::Time;
use api::k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, PodCondition, PodIP, PodStatus, ResourceRequirements, VolumeMountStatus,
};
use api::k8s_openapi::jiff::Timestamp;
use runtime::{ContainerId, ContainerState as RuntimeState, ExitReason};
use sim::{Gather as _, SimTime, Sort as _, VecMap};

use crate::actions::{sandbox_changed, should_restart};
use crate::conditions;
use crate::observed::{Instance, Observed};
use crate::pod::{self, Role};
use crate::probes::{Probe, ProbeKind, Verdict, is_probed, verdict_of};
use crate::resize::Resize;
use crate::resources;
use crate::words::container_id_text;

/// Why a container could not be started at the last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason {
    pub reason: &'static str,
    pub message: String,
}

/// All that a status is derived from.
pub struct Sources<'a> {
    pub pod: &'a Pod,
    pub observed: &'a Observed,
    /// The status derived before, or the API's.
    pub old: &'a PodStatus,
    pub reasons: &'a VecMap<String, Reason>,
    pub probes: &'a [Probe],
    pub resize: &'a Resize,
    /// The Pod's containers are gone for good.
    pub terminal: bool,
    /// The Pod has failed by the kubelet's decision: (reason, message).
    pub verdict: Option<(&'a str, &'a str)>,
    pub host_ip: &'a str,
    pub now: SimTime,
}

/// The status, and the containers that run and wait for their readiness probe.
pub fn derive(from: &Sources<'_>) -> (PodStatus, Vec<String>) {
    let pod = from.pod;
    let mut unready = Vec::new();
    let apps = container_statuses(from, Role::App, &mut unready);
    let init = container_statuses(from, Role::Init, &mut unready);
    let ephemeral = container_statuses(from, Role::Ephemeral, &mut unready);
    let mut status = PodStatus {
        phase: Some(phase(from, &apps, &init).to_owned()),
        qos_class: Some(pod::qos_class(pod).to_owned()),
        observed_generation: pod.metadata.generation,
        start_time: from.old.start_time.clone().or_else(|| Some(api::time::time(from.now))),
        ..PodStatus::default()
    };
    let old_phase = from.old.phase.as_deref().unwrap_or("");
    for decided in [old_phase, pod::api_phase(pod)] {
        let open = !pod::is_terminal(status.phase.as_deref().unwrap_or(""));
        if open && pod::is_terminal(decided) {
            status.phase = Some(decided.to_owned());
        }
    }
    if status.phase.as_deref() == Some(old_phase) {
        let api = pod.status.as_ref();
        let or_api = |own: &Option<String>, api: Option<&String>| own.clone().or_else(|| api.cloned());
        status.reason = or_api(&from.old.reason, api.and_then(|it| it.reason.as_ref()));
        status.message = or_api(&from.old.message, api.and_then(|it| it.message.as_ref()));
    }
    if let Some((reason, message)) = from.verdict {
        status.phase = Some("Failed".to_owned());
        status.reason = Some(reason.to_owned());
        status.message = Some(message.to_owned());
    }
    // What the API server shows as the end is the end.
    if pod::is_terminal(pod::api_phase(pod)) {
        status.phase = Some(pod::api_phase(pod).to_owned());
    }
    let some = |list: Vec<ContainerStatus>| (!list.is_empty()).then_some(list);
    status.container_statuses = some(apps);
    status.init_container_statuses = some(init);
    status.ephemeral_container_statuses = some(ephemeral);
    let sandbox_up = !sandbox_changed(from.observed);
    status.conditions = Some(conditions::all(pod, from.old, &status, sandbox_up, from.resize, from.now));
    set_addresses(&mut status, from);
    status.allocated_resources = resources::pod_requests(pod);
    status.resources = Some(resources::pod_requirements(pod));
    (status, unready)
}

fn set_addresses(status: &mut PodStatus, from: &Sources<'_>) {
    status.host_ip = Some(from.host_ip.to_owned());
    status.host_ips = Some(vec![HostIP { ip: from.host_ip.to_owned() }]);
    let ip = if pod::host_network(from.pod) { from.host_ip } else { &from.observed.ip };
    if !ip.is_empty() {
        status.pod_ip = Some(ip.to_owned());
        status.pod_ips = Some(vec![PodIP { ip: ip.to_owned() }]);
    }
}

fn container_statuses(from: &Sources<'_>, role: Role, unready: &mut Vec<String>) -> Vec<ContainerStatus> {
    let ephemeral: Vec<Container>;
    let (containers, old) = match role {
        Role::Init => (pod::init_containers(from.pod), &from.old.init_container_statuses),
        Role::App => (pod::app_containers(from.pod), &from.old.container_statuses),
        Role::Ephemeral => {
            let list = pod::ephemeral_containers(from.pod);
            ephemeral = list.iter().map(pod::ephemeral_as_container).gather();
            (ephemeral.as_slice(), &from.old.ephemeral_container_statuses)
        }
    };
    let mut statuses: Vec<ContainerStatus> = containers
        .iter()
        .map(|container| {
            let old = old.iter().flatten().find(|it| it.name == container.name);
            let mut status = container_status(from, container, old, role);
            note_reason(from, container, role, &mut status);
            set_started_and_ready(from, container, role, &mut status, unready);
            status
        })
        .gather();
    if role == Role::App {
        statuses.put_in_order_by(|a, b| a.name.cmp(&b.name));
    }
    statuses
}

fn container_status(
    from: &Sources<'_>,
    container: &Container,
    old: Option<&ContainerStatus>,
    role: Role,
) -> ContainerStatus {
    let mut instances = from.observed.containers.iter().filter(|it| it.status.name == container.name);
    let Some(newest) = instances.next() else {
        return absent_status(from, container, old, role);
    };
    let id = container_id_text(newest.status.id);
    let mut status = ContainerStatus {
        name: container.name.clone(),
        image: newest.status.image.clone(),
        image_id: newest.status.image_id.clone(),
        restart_count: newest.status.attempt as i32,
        state: Some(api_state(newest)),
        last_state: Some(kept_last_state(old, &id)),
        container_id: Some(id),
        volume_mounts: mount_statuses(container),
        resources: (role != Role::Ephemeral).then(|| actual_resources(container, newest)),
        allocated_resources: container.resources.as_ref().and_then(|it| it.requests.clone()),
        ..ContainerStatus::default()
    };
    if let Some(previous) = instances.next() {
        status.last_state = Some(api_state(previous));
    }
    status
}

/// What a running container has; another one will get what its manifest says.
fn actual_resources(container: &Container, newest: &Instance) -> ResourceRequirements {
    if newest.is_running() {
        newest.resources.0.as_ref().clone()
    } else {
        container.resources.clone().unwrap_or_default()
    }
}

/// The end of the instance before, as the status told it: it stays known after the runtime has removed that instance.
// Follows kubernetes v1.36: RestartAllContainersOnContainerExits in convertToAPIContainerStatuses.
fn kept_last_state(old: Option<&ContainerStatus>, id: &str) -> ContainerState {
    let Some(old) = old else { return ContainerState::default() };
    let ended = |state: &Option<ContainerState>| state.clone().filter(|it| it.terminated.is_some());
    let replaced = old.container_id.as_deref() != Some(id);
    let before = if replaced { ended(&old.state) } else { None };
    before.or_else(|| ended(&old.last_state)).unwrap_or_default()
}

/// The runtime knows no such container (yet, or any more).
fn absent_status(
    from: &Sources<'_>,
    container: &Container,
    old: Option<&ContainerStatus>,
    role: Role,
) -> ContainerStatus {
    let has_init = !pod::init_containers(from.pod).is_empty();
    let waiting = if has_init { "PodInitializing" } else { "ContainerCreating" };
    let mut status = ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        state: Some(waiting_state(waiting, "")),
        last_state: Some(ContainerState::default()),
        volume_mounts: mount_statuses(container),
        ..ContainerStatus::default()
    };
    let Some(old) = old else { return status };
    let old_state = old.state.as_ref();
    if old_state.is_some_and(|it| it.terminated.is_some()) {
        status = old.clone();
    } else {
        status.restart_count = old.restart_count;
        status.last_state.clone_from(&old.last_state);
        let never_ended = old.last_state.as_ref().is_none_or(|it| it.terminated.is_none());
        if old_state.is_some_and(|it| it.running.is_some()) && never_ended {
            status.last_state = Some(lost_state(
                "The container could not be located when the pod was deleted.  The container used to be Running",
            ));
            if from.pod.metadata.deletion_timestamp.is_none() {
                status.restart_count += 1;
            }
        }
    }
    let app_was_made = pod::app_containers(from.pod).iter().any(|it| from.observed.find(&it.name).is_some());
    let waits = status.state.as_ref().is_some_and(|it| it.waiting.is_some());
    if role == Role::Init && app_was_made && !pod::is_sidecar(container) && waits {
        let terminated = ContainerStateTerminated {
            reason: Some("Completed".to_owned()),
            message: Some(
                "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally"
                    .to_owned(),
            ),
            ..ContainerStateTerminated::default()
        };
        status.state = Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() });
    }
    status
}

/// What the last attempt to start a container ended in stands over its state.
fn note_reason(from: &Sources<'_>, container: &Container, role: Role, status: &mut ContainerStatus) {
    let instance = from.observed.find(&container.name);
    if role == Role::Init && instance.and_then(Instance::exit).is_some_and(|it| it.0 == 0) {
        return;
    }
    if !should_restart(from.pod, container, instance) {
        return;
    }
    let Some(reason) = from.reasons.get(&container.name) else { return };
    if status.state.as_ref().is_some_and(|it| it.terminated.is_some()) {
        status.last_state = status.state.take();
    }
    status.state = Some(waiting_state(reason.reason, &reason.message));
}

fn set_started_and_ready(
    from: &Sources<'_>,
    container: &Container,
    role: Role,
    status: &mut ContainerStatus,
    unready: &mut Vec<String>,
) {
    let running = status.state.as_ref().is_some_and(|it| it.running.is_some());
    let exited_well =
        status.state.as_ref().and_then(|it| it.terminated.as_ref()).is_some_and(|it| it.exit_code == 0);
    if role == Role::Ephemeral {
        return;
    }
    let id = newest_id(from.observed, &container.name);
    let verdict = |kind| id.and_then(|id| verdict_of(from.probes, kind, id));
    let started = running
        && match verdict(ProbeKind::Startup) {
            Some(verdict) => verdict == Verdict::Success,
            None => !is_probed(from.probes, ProbeKind::Startup, &container.name),
        };
    status.started = Some(started);
    if role == Role::Init && !pod::is_sidecar(container) {
        status.ready = exited_well;
        return;
    }
    status.ready = started && verdict(ProbeKind::Readiness) == Some(Verdict::Success);
    if started && !status.ready {
        if is_probed(from.probes, ProbeKind::Readiness, &container.name) {
            unready.push(container.name.clone());
        } else {
            status.ready = true;
        }
    }
}

fn newest_id(observed: &Observed, name: &str) -> Option<ContainerId> {
    observed.find(name).map(|it| it.status.id)
}

fn waiting_state(reason: &str, message: &str) -> ContainerState {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let waiting = ContainerStateWaiting { reason: some(reason), message: some(message) };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

/// A container that should be there and is not.
pub fn lost_state(message: &str) -> ContainerState {
    let terminated = ContainerStateTerminated {
        exit_code: 137,
        reason: Some("ContainerStatusUnknown".to_owned()),
        message: Some(message.to_owned()),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}

fn api_state(instance: &Instance) -> ContainerState {
    let status = &instance.status;
    match &status.state {
        RuntimeState::Created => waiting_state("", ""),
        RuntimeState::Running { started_at } => ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(api::time::time(*started_at)) }),
            ..ContainerState::default()
        },
        RuntimeState::Exited { started_at, finished_at, exit_code, reason } => {
            let (reason, started) = match reason {
                ExitReason::Exit if *exit_code == 0 => ("Completed", api::time::time(*started_at)),
                ExitReason::Exit => ("Error", api::time::time(*started_at)),
                ExitReason::OomKilled => ("OOMKilled", api::time::time(*started_at)),
                // It never started.
                ExitReason::StartError => ("StartError", Time(Timestamp::UNIX_EPOCH)),
            };
            let terminated = ContainerStateTerminated {
                container_id: Some(container_id_text(status.id)),
                exit_code: *exit_code,
                started_at: Some(started),
                finished_at: Some(api::time::time(*finished_at)),
                reason: Some(reason.to_owned()),
                message: (!status.message.is_empty()).then(|| status.message.clone()),
                signal: None,
            };
            ContainerState { terminated: Some(terminated), ..ContainerState::default() }
        }
    }
}

fn mount_statuses(container: &Container) -> Option<Vec<VolumeMountStatus>> {
    let list = container.volume_mounts.as_ref().filter(|it| !it.is_empty())?;
    let one = |it: &api::k8s_openapi::api::core::v1::VolumeMount| VolumeMountStatus {
        name: it.name.clone(),
        mount_path: it.mount_path.clone(),
        read_only: it.read_only.filter(|it| *it),
        recursive_read_only: (it.read_only == Some(true)).then(|| "Disabled".to_owned()),
        volume_status: None,
    };
    Some(list.iter().map(one).gather())
}

/// How containers count towards the phase.
#[derive(Default)]
struct Count {
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    stopped_for_good: u32,
    succeeded: u32,
}

fn phase(from: &Sources<'_>, apps: &[ContainerStatus], init: &[ContainerStatus]) -> &'static str {
    let pod = from.pod;
    let unknown = ContainerState::default();
    let last_exit = |it: &ContainerStatus| {
        it.last_state.as_ref().and_then(|it| it.terminated.as_ref()).map(|it| it.exit_code)
    };
    let (mut pending_init, mut pending_sidecars, mut failed_for_good) = (0, 0, 0);
    let mut count = Count::default();
    for (container, status) in pod::init_containers(pod).iter().zip(init) {
        let now = status.state.as_ref().unwrap_or(&unknown);
        if pod::is_sidecar(container) {
            if now.running.is_some() {
                count.running += 1;
                pending_sidecars += u32::from(status.started != Some(true));
            } else if now.waiting.is_some() && last_exit(status).is_none() {
                pending_sidecars += 1;
                count.waiting += 1;
            }
            continue;
        }
        let exit = now.terminated.as_ref().map(|it| it.exit_code).or_else(|| last_exit(status));
        match exit.filter(|_| now.running.is_none()) {
            Some(code) => {
                failed_for_good += u32::from(code != 0 && !pod::restarts_after(pod, container, code));
            }
            None => pending_init += 1,
        }
    }
    for container in pod::app_containers(pod) {
        let Some(status) = apps.iter().find(|it| it.name == container.name) else {
            count.unknown += 1;
            continue;
        };
        let now = status.state.as_ref().unwrap_or(&unknown);
        if now.running.is_some() {
            count.running += 1;
        } else if let Some(ended) = &now.terminated {
            count.stopped += 1;
            count.stopped_for_good += u32::from(!pod::restarts_after(pod, container, ended.exit_code));
            count.succeeded += u32::from(ended.exit_code == 0);
        } else if let Some(code) = last_exit(status) {
            count.stopped += 1;
            count.stopped_for_good += u32::from(!pod::restarts_after(pod, container, code));
        } else {
            count.waiting += 1;
        }
    }
    if 0 < failed_for_good {
        return "Failed";
    }
    // In the sandbox of today, that is.
    let sandbox = from.observed.sandbox.as_ref().map(|it| it.id);
    let initialized = pod::app_containers(pod).iter().any(|it| {
        let found = from.observed.find(&it.name).map(|it| &it.status);
        found.is_some_and(|it| Some(it.sandbox) == sandbox && it.state != RuntimeState::Created)
    });
    if 0 < pending_init || (0 < pending_sidecars && !initialized) || 0 < count.waiting {
        "Pending"
    } else if 0 < count.running && count.unknown == 0 {
        "Running"
    } else if count.running == 0 && 0 < count.stopped && count.unknown == 0 {
        let all_succeeded = count.stopped == count.succeeded;
        match (from.terminal || count.stopped == count.stopped_for_good, all_succeeded) {
            (false, _) => "Running",
            (true, true) => "Succeeded",
            (true, false) => "Failed",
        }
    } else {
        "Pending"
    }
}

/// The condition of a type.
pub fn condition<'a>(conditions: Option<&'a Vec<PodCondition>>, kind: &str) -> Option<&'a PodCondition> {
    conditions?.iter().find(|it| it.type_ == kind)
}
