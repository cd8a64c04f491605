//! What a look at a Pod asks for. Pure: nothing is done here.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go: computePodActions,
//! computeInitContainerActions.

use api::Pod;
use api::k8s_openapi::api::core::v1::Container;
use runtime::{ContainerId, ContainerState, SandboxId};
use sim::Gather as _;

use crate::observed::{Instance, Observed};
use crate::pod::{self, Role, Slot};
use crate::probes::{Probe, ProbeKind, Verdict, verdict_of};
use crate::resize::{Change, change_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KillReason {
    Other,
    Liveness,
    Startup,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KillPlan {
    pub container: ContainerId,
    pub name: String,
    /// Empty: `Stopping container …`.
    pub message: String,
    pub reason: KillReason,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PodActions {
    pub kill_pod: bool,
    pub create_sandbox: bool,
    /// The sandbox that is (or was) there.
    pub sandbox: Option<SandboxId>,
    pub kills: Vec<KillPlan>,
    /// In this order, one after the other.
    pub starts: Vec<Slot>,
    /// Containers that get other resources while they run.
    pub resizes: Vec<String>,
}

/// Does the Pod need another sandbox than the one it has?
pub fn sandbox_changed(observed: &Observed) -> bool {
    observed.sandbox.as_ref().is_none_or(|it| !it.ready)
}

pub fn pod_actions(pod: &Pod, observed: &Observed, probes: &[Probe]) -> PodActions {
    let create = sandbox_changed(observed);
    let mut actions = PodActions {
        kill_pod: create,
        create_sandbox: create,
        sandbox: observed.sandbox.as_ref().map(|it| it.id),
        ..PodActions::default()
    };
    if create {
        plan_sandbox(pod, observed, &mut actions);
        return actions;
    }
    for (index, it) in pod::ephemeral_containers(pod).iter().enumerate() {
        if observed.find(&it.name).is_none() {
            actions.starts.push(Slot { role: Role::Ephemeral, index });
        }
    }
    let mut init = Vec::new();
    let initialized = plan_init_containers(pod, observed, probes, &mut init, &mut actions);
    if !actions.kill_pod {
        actions.starts.extend(init.into_iter().map(|index| Slot { role: Role::Init, index }));
    }
    if initialized && !actions.kill_pod {
        plan_app_containers(pod, observed, probes, &mut actions);
    }
    actions
}

fn plan_sandbox(pod: &Pod, observed: &Observed, actions: &mut PodActions) {
    if pod::restart_policy(pod) == "Never" && observed.sandbox.is_some() && !observed.containers.is_empty() {
        actions.create_sandbox = false;
        return;
    }
    let done = |it: &Container| {
        let policy = it.restart_policy.as_deref().unwrap_or_else(|| pod::restart_policy(pod));
        let succeeded = observed.find(&it.name).and_then(Instance::exit).is_some_and(|it| it.0 == 0);
        policy == "OnFailure" && succeeded
    };
    let apps = pod::app_containers(pod);
    let starts: Vec<Slot> = (0..apps.len())
        .filter(|index| !done(&apps[*index]))
        .map(|index| Slot { role: Role::App, index })
        .gather();
    if starts.is_empty() && apps.iter().any(|it| observed.find(&it.name).is_some()) {
        actions.create_sandbox = false;
    } else if pod::init_containers(pod).is_empty() {
        actions.starts = starts;
    } else {
        actions.starts = vec![Slot { role: Role::Init, index: 0 }];
    }
}

/// Answers whether the app containers may go on.
fn plan_init_containers(
    pod: &Pod,
    observed: &Observed,
    probes: &[Probe],
    starts: &mut Vec<usize>,
    actions: &mut PodActions,
) -> bool {
    let containers = pod::init_containers(pod);
    if containers.is_empty() {
        return true;
    }
    let mut initialized = pod::app_containers(pod)
        .iter()
        .any(|it| observed.find(&it.name).is_some_and(|found| found.exit().is_none()));
    // From here on the init containers before this one have done their work.
    let mut passed = initialized;
    let last = containers.len() - 1;
    for (index, container) in containers.iter().enumerate().rev() {
        let sidecar = pod::is_sidecar(container);
        let Some(instance) = observed.find(&container.name) else {
            if passed && sidecar {
                starts.push(index);
            }
            continue;
        };
        if passed && !sidecar {
            continue;
        }
        match &instance.status.state {
            ContainerState::Created => starts.push(index),
            ContainerState::Running { .. } if sidecar => {
                let next = plan_running_sidecar(container, instance, probes);
                if next.kill.is_none() && change_of(container, instance).is_some() {
                    actions.resizes.push(container.name.clone());
                }
                if next.started {
                    if index == last {
                        initialized = true;
                    } else if !passed {
                        starts.push(index + 1);
                    }
                }
                if let Some(kill) = next.kill {
                    actions.kills.push(kill);
                    starts.push(index);
                }
            }
            ContainerState::Running { .. } => {}
            ContainerState::Exited { .. } if sidecar => starts.push(index),
            ContainerState::Exited { exit_code, .. } => {
                if *exit_code != 0 {
                    if !pod::restarts_after(pod, container, *exit_code) {
                        actions.kill_pod = true;
                        starts.clear();
                        return false;
                    }
                    starts.push(index);
                } else if index == last {
                    initialized = true;
                } else {
                    starts.push(index + 1);
                }
            }
        }
        passed = true;
    }
    if !passed {
        starts.push(0);
    }
    starts.reverse();
    initialized
}

struct SidecarNext {
    started: bool,
    kill: Option<KillPlan>,
}

fn plan_running_sidecar(container: &Container, instance: &Instance, probes: &[Probe]) -> SidecarNext {
    let id = instance.status.id;
    let kill = |what: &str, reason| {
        Some(KillPlan {
            container: id,
            name: container.name.clone(),
            message: format!("Init container {} {what}", container.name),
            reason,
        })
    };
    if container.startup_probe.is_some() {
        match verdict_of(probes, ProbeKind::Startup, id) {
            Some(Verdict::Success) => {}
            Some(Verdict::Failure) => {
                return SidecarNext {
                    started: false,
                    kill: kill("failed startup probe", KillReason::Startup),
                };
            }
            Some(Verdict::Unknown) | None => return SidecarNext { started: false, kill: None },
        }
    }
    if container.image.as_deref().unwrap_or("") != instance.spec_image {
        return SidecarNext { started: true, kill: kill("definition changed", KillReason::Other) };
    }
    if verdict_of(probes, ProbeKind::Liveness, id) == Some(Verdict::Failure) {
        return SidecarNext { started: true, kill: kill("failed liveness probe", KillReason::Liveness) };
    }
    if change_of(container, instance) == Some(Change::Restart) {
        let message = format!("Container {} resize requires restart", container.name);
        let (name, reason) = (container.name.clone(), KillReason::Other);
        return SidecarNext { started: true, kill: Some(KillPlan { container: id, name, message, reason }) };
    }
    SidecarNext { started: true, kill: None }
}

fn plan_app_containers(pod: &Pod, observed: &Observed, probes: &[Probe], actions: &mut PodActions) {
    let mut kept = 0;
    let mut started = 0;
    for (index, container) in pod::app_containers(pod).iter().enumerate() {
        let slot = Slot { role: Role::App, index };
        let running = observed.find(&container.name).filter(|it| it.is_running());
        let Some(instance) = running else {
            if should_restart(pod, container, observed.find(&container.name)) {
                actions.starts.push(slot);
                started += 1;
            }
            continue;
        };
        let id = instance.status.id;
        let own_policy = container.restart_policy.as_deref();
        let mut restart = own_policy.unwrap_or_else(|| pod::restart_policy(pod)) != "Never";
        let name = &container.name;
        let (mut message, reason) = if container.image.as_deref().unwrap_or("") != instance.spec_image {
            restart = true;
            (format!("Container {name} definition changed"), KillReason::Other)
        } else if verdict_of(probes, ProbeKind::Liveness, id) == Some(Verdict::Failure) {
            (format!("Container {name} failed liveness probe"), KillReason::Liveness)
        } else if verdict_of(probes, ProbeKind::Startup, id) == Some(Verdict::Failure) {
            (format!("Container {name} failed startup probe"), KillReason::Startup)
        } else if change_of(container, instance) == Some(Change::Restart) {
            // Without the words that other restarts have.
            actions.starts.push(slot);
            started += 1;
            let message = format!("Container {name} resize requires restart");
            let reason = KillReason::Other;
            actions.kills.push(KillPlan { container: id, name: name.clone(), message, reason });
            continue;
        } else {
            if change_of(container, instance).is_some() {
                actions.resizes.push(name.clone());
            }
            kept += 1;
            continue;
        };
        if restart {
            message.push_str(", will be restarted");
            actions.starts.push(slot);
            started += 1;
        }
        actions.kills.push(KillPlan { container: id, name: name.clone(), message, reason });
    }
    if kept == 0 && started == 0 {
        actions.kill_pod = true;
        actions.starts.retain(|it| it.role != Role::Init);
    }
}

/// Follows kubernetes v1.36 pkg/kubelet/container/helpers.go: ShouldContainerBeRestarted.
pub fn should_restart(pod: &Pod, container: &Container, instance: Option<&Instance>) -> bool {
    if pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let Some(instance) = instance else { return true };
    match &instance.status.state {
        ContainerState::Running { .. } => false,
        ContainerState::Created => true,
        ContainerState::Exited { exit_code, .. } => pod::restarts_after(pod, container, *exit_code),
    }
}
