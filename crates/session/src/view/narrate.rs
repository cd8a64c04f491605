//! One plain sentence, as data: what an object does, or what it waits for.

use api::{Object, Pod};
use cluster::Cluster;
use sim::Gather as _;

use crate::frame::{
    ContainerCard, ContainerKind, ContainerState, Lamp, Micros, Narration, ObjectRef, PodCard, Probe, Says,
    Sentence,
};

/// The most urgent first.
pub fn now(
    object: &ObjectRef,
    found: Option<&Object>,
    card: Option<&PodCard>,
    cluster: &Cluster,
) -> Vec<Sentence> {
    match found {
        None => vec![Narration::PodGone { pod: object.name.clone() }.into()],
        Some(Object::Pod(pod)) => card.map(|card| pod_now(pod, card, cluster)).unwrap_or_default(),
        Some(Object::Node(node)) => node_now(node, cluster),
        Some(Object::Service(_)) => service_now(object, cluster),
        Some(Object::Deployment(it)) => {
            let wanted = it.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1);
            let status = it.status.clone().unwrap_or_default();
            let (ready, updated) = (status.ready_replicas.unwrap_or(0), status.updated_replicas.unwrap_or(0));
            let name = object.name.clone();
            let said = if updated < wanted || wanted < status.replicas.unwrap_or(0) {
                Narration::DeploymentRolls { name, updated, wanted, ready }
            } else if ready < wanted {
                Narration::DeploymentWaits { name, ready, wanted }
            } else {
                Narration::DeploymentSteady { name, ready }
            };
            vec![said.into()]
        }
        Some(_) => vec![exists(object)],
    }
}

fn exists(object: &ObjectRef) -> Sentence {
    Narration::ObjectExists { kind: object.kind.clone(), name: object.name.clone() }.into()
}

fn service_now(object: &ObjectRef, cluster: &Cluster) -> Vec<Sentence> {
    let cards = super::workloads::services(cluster.api(), &[]);
    let Some(card) = cards.iter().find(|it| it.name == object.name && it.namespace == object.namespace)
    else {
        return vec![exists(object)];
    };
    let ready = card.endpoints.iter().filter(|it| it.ready).count() as u32;
    let service = object.name.clone();
    let of = card.endpoints.len() as u32;
    let said = if ready == 0 {
        Narration::ServiceSendsNowhere { service }
    } else {
        Narration::ServiceSends { service, ready, of }
    };
    vec![said.into()]
}

fn node_now(node: &api::Node, cluster: &Cluster) -> Vec<Sentence> {
    let name = node.metadata.name.clone().unwrap_or_default();
    let conditions = node.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    let mut said = Vec::new();
    if let Some(ready) = conditions.iter().find(|it| it.type_ == "Ready") {
        let since = ready.last_transition_time.as_ref().map_or(0, |it| api::time::sim_time(it).0);
        match ready.status.as_str() {
            "True" => {
                let on = |pod: &&std::sync::Arc<Pod>| {
                    pod.spec.as_ref().and_then(|it| it.node_name.as_deref()) == Some(&name)
                };
                let pods = cluster.api().pods().filter(on).count() as u32;
                said.push(Narration::NodeReady { node: name.clone(), pods }.into());
            }
            "False" => said.push(Narration::NodeNotReady { node: name.clone(), since }.into()),
            _ => said.push(Narration::NodeSilent { node: name.clone(), since }.into()),
        }
    }
    for pressure in conditions.iter().filter(|it| it.type_.ends_with("Pressure") && it.status == "True") {
        said.push(
            Narration::NodeUnderPressure { node: name.clone(), pressure: pressure.type_.clone() }.into(),
        );
    }
    if node.spec.as_ref().and_then(|it| it.unschedulable).unwrap_or(false) {
        said.insert(0, Narration::NodeCordoned { node: name }.into());
    }
    said
}

fn pod_now(pod: &Pod, card: &PodCard, cluster: &Cluster) -> Vec<Sentence> {
    let name = card.name.clone();
    let status = pod.status.as_ref();
    let silent = card.node.as_ref().filter(|it| node_is_silent(it, cluster));
    if let Some(node) = silent.filter(|_| !matches!(card.phase.as_str(), "Succeeded" | "Failed")) {
        return vec![Narration::PodOnSilentNode { pod: name, node: node.clone() }.into()];
    }
    if let Some(grace) = &card.grace {
        let hook = card.containers.iter().find(|it| it.says == Says::PreStop);
        let deadline = grace.deadline;
        let said = match hook {
            Some(it) => Narration::PodPreStop { pod: name, container: it.name.clone(), deadline },
            None => Narration::PodTerminating { pod: name, deadline },
        };
        return vec![said.into()];
    }
    match card.phase.as_str() {
        "Succeeded" => return vec![Narration::PodSucceeded { pod: name }.into()],
        "Failed" => {
            let text = |it: Option<&String>| it.cloned().unwrap_or_default();
            let (reason, message) = (
                text(status.and_then(|it| it.reason.as_ref())),
                text(status.and_then(|it| it.message.as_ref())),
            );
            let said = if reason == "Evicted" {
                Narration::PodEvicted { pod: name, message }
            } else {
                Narration::PodFailed { pod: name, reason, message }
            };
            return vec![said.into()];
        }
        _ => {}
    }
    let Some(node) = card.node.clone() else { return vec![unplaced(pod, name, cluster).into()] };
    let said: Vec<Sentence> =
        card.containers.iter().filter_map(|it| container_now(it, card).map(Sentence::from)).gather();
    if said.is_empty() {
        let said = if card.foundation.is_none() {
            Narration::PodSandboxStarts { pod: name, node }
        } else if let Some(unready) =
            card.containers.iter().find(|it| it.kind != ContainerKind::Init && !it.ready)
        {
            Narration::PodRunsNotReady { pod: name, container: unready.name.clone() }
        } else {
            Narration::PodRunsReady { pod: name, since: ready_since(pod) }
        };
        return vec![said.into()];
    }
    said
}

fn node_is_silent(node: &str, cluster: &Cluster) -> bool {
    let conditions =
        cluster.api().node(node).and_then(|it| it.status.as_ref()?.conditions.clone()).unwrap_or_default();
    conditions.iter().any(|it| it.type_ == "Ready" && it.status == "Unknown")
}

fn ready_since(pod: &Pod) -> Micros {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().find(|it| it.type_ == "Ready");
    ready.and_then(|it| it.last_transition_time.as_ref()).map_or(0, |it| api::time::sim_time(it).0)
}

fn unplaced(pod: &Pod, name: String, cluster: &Cluster) -> Narration {
    let gates = pod.spec.as_ref().and_then(|it| it.scheduling_gates.as_deref()).unwrap_or_default();
    if !gates.is_empty() {
        let gates = gates.iter().map(|it| it.name.as_str()).gather().join(", ");
        return Narration::PodIsGated { pod: name, gates };
    }
    let status = pod.status.as_ref();
    if let Some(node) = status.and_then(|it| it.nominated_node_name.clone()) {
        return Narration::PodMakesRoom { pod: name, node };
    }
    if let Some(until) = super::queue::backoff_until(cluster, pod) {
        return Narration::PodInSchedulerBackoff { pod: name, until };
    }
    let conditions = status.and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    let refused = conditions.iter().find(|it| it.type_ == "PodScheduled" && it.status == "False");
    match refused.and_then(|it| it.message.clone()) {
        Some(message) => Narration::PodFitsNowhere { pod: name, message },
        None => Narration::PodWaitsForScheduler { pod: name },
    }
}

/// None: nothing to tell of a container that runs and is ready, or that waits for its turn.
fn container_now(it: &ContainerCard, card: &PodCard) -> Option<Narration> {
    let container = it.name.clone();
    let times = it.restarts + 1;
    if let Some(pull) = &it.pull {
        return Some(Narration::ImagePulling { container, image: pull.image.clone() });
    }
    if it.says == Says::PostStart {
        return Some(Narration::ContainerPostStart { container });
    }
    match &it.state {
        ContainerState::Waiting { reason, message } => match reason.as_str() {
            "ImagePullBackOff" => {
                let until = it.backoff.as_ref().map_or(0, |it| it.until);
                Some(Narration::ImagePullWaits { container, image: it.image.clone(), until })
            }
            "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName" => Some(Narration::ImagePullFails {
                container,
                image: it.image.clone(),
                message: message.clone(),
            }),
            "CreateContainerConfigError" => {
                Some(Narration::ConfigMissing { container, message: message.clone() })
            }
            "ContainerCreating" if card.foundation.is_some() => {
                Some(Narration::ContainerCreating { container })
            }
            _ => waits_to_restart(it),
        },
        ContainerState::Running { .. } => running(it, card),
        ContainerState::Terminated { exit_code, .. } if it.kind == ContainerKind::Init && *exit_code == 0 => {
            None
        }
        ContainerState::Terminated { reason, exit_code, .. } => {
            let until = it.backoff.as_ref().map(|it| it.until);
            match until {
                Some(until) if reason == "OOMKilled" => Some(Narration::ContainerOomKilled {
                    container,
                    limit: it.memory_limit.clone(),
                    times,
                    until,
                }),
                Some(_) => waits_to_restart(it),
                None if *exit_code != 0 => Some(Narration::ContainerRestarts { container, times }),
                None => None,
            }
        }
        ContainerState::Unknown => None,
    }
}

fn waits_to_restart(it: &ContainerCard) -> Option<Narration> {
    let backoff = it.backoff.as_ref()?;
    if let Says::OomKilled { times } = it.says {
        let (container, limit) = (it.name.clone(), it.memory_limit.clone());
        return Some(Narration::ContainerOomKilled { container, limit, times, until: backoff.until });
    }
    let exit_code = match &it.says {
        Says::Exited { exit_code, .. } => *exit_code,
        _ => 0,
    };
    Some(Narration::ContainerExitedWaits {
        container: it.name.clone(),
        exit_code,
        times: it.restarts + 1,
        wait: backoff.total,
        until: backoff.until,
    })
}

fn running(it: &ContainerCard, card: &PodCard) -> Option<Narration> {
    let container = it.name.clone();
    match it.says {
        Says::Stopping { kill } => return Some(Narration::ContainerStopping { container, kill }),
        Says::PreStop => return Some(Narration::ContainerPreStop { container }),
        _ => {}
    }
    if it.kind == ContainerKind::Init {
        let of = card.containers.iter().filter(|it| it.step != 0).count() as u32;
        return Some(Narration::InitRuns { container, step: it.step, of });
    }
    let fails = |it: &Lamp| it.failing && 0 < it.count;
    let lamp = it.lamps.iter().find(|it| fails(it) || (it.probe == Probe::Startup && it.ok != Some(true)))?;
    let failed = if fails(lamp) { lamp.count } else { 0 };
    let (threshold, output) = (lamp.threshold, lamp.output.trim_end().to_owned());
    let next = lamp.next.unwrap_or(0);
    Some(match lamp.probe {
        Probe::Startup => Narration::StartupProbeWaits { container, failed, threshold, next },
        Probe::Readiness => Narration::ReadinessFails { container, failed, threshold, output, next },
        Probe::Liveness => Narration::LivenessFails { container, failed, threshold, output, next },
    })
}
