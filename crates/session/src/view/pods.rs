//! Pods as cards.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec, Probe as ProbeSpec, Volume};
use api::{IntOrString, Kind, Object, Pod, time};
use cluster::Cluster;
use kubelet::probes::{ProbeKind, Verdict};
use kubelet::view::Waiting;
use kubelet::worker::Worker;
use runtime::Signal;
use sim::Gather as _;

use crate::frame::{
    Backoff, ContainerCard, ContainerKind, ContainerState, Foundation, Grace, Lamp, ObjectRef, PodCard,
    Probe, Pull, Says, Tone, VolumeCard, VolumeKind,
};
use crate::words;

pub fn card(pod: &Arc<Pod>, shown: words::PodStatusWords, cluster: &Cluster) -> PodCard {
    let meta = &pod.metadata;
    let none = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&none);
    let status = pod.status.as_ref();
    let uid = meta.uid.clone().unwrap_or_default();
    let node = spec.node_name.clone().filter(|it| !it.is_empty());
    let on_node = kubelet::pod::uid_on_node(pod);
    let worker = node.as_deref().and_then(|it| cluster.kubelet(it)).and_then(|it| it.worker(on_node));
    let containers = containers(pod, worker, cluster);
    let volumes = spec.volumes.iter().flatten().filter(|it| !it.name.starts_with("kube-api-access-"));
    PodCard {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        status: shown.text,
        tone: shown.tone,
        phase: status.and_then(|it| it.phase.clone()).unwrap_or_default(),
        ready: shown.ready,
        restarts: shown.restarts,
        created: meta.creation_timestamp.as_ref().map_or(0, |it| time::sim_time(it).0),
        qos: status.and_then(|it| it.qos_class.clone()).unwrap_or_default(),
        containers,
        foundation: node.as_deref().and_then(|it| foundation(on_node, it, spec, cluster)),
        volumes: volumes
            .map(|it| volume(it, &spec.containers, spec.init_containers.as_deref().unwrap_or_default()))
            .gather(),
        grace: grace(pod, worker),
        owner: owner(pod),
        services: services(pod, cluster),
        mirror: meta.annotations.as_ref().is_some_and(|it| it.contains_key(api::names::MIRROR_ANNOTATION)),
        node,
        uid,
    }
}

fn owner(pod: &Pod) -> Option<ObjectRef> {
    let owner = pod.metadata.owner_references.iter().flatten().find(|it| it.controller == Some(true))?;
    Some(ObjectRef::new(&owner.kind, pod.metadata.namespace.as_deref().unwrap_or(""), &owner.name))
}

/// Services that send to it now.
fn services(pod: &Pod, cluster: &Cluster) -> Vec<String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let uid = pod.metadata.uid.as_deref();
    let slices = cluster.api().store().list_in(Kind::EndpointSlice, namespace);
    let sends = |it: &&api::k8s_openapi::api::discovery::v1::Endpoint| {
        it.target_ref.as_ref().and_then(|it| it.uid.as_deref()) == uid
            && it.conditions.as_ref().and_then(|it| it.ready).unwrap_or(true)
    };
    slices
        .filter_map(|it| {
            let Object::EndpointSlice(slice) = &it.object else { return None };
            slice.endpoints.iter().flatten().find(sends)?;
            slice.metadata.labels.as_ref()?.get("kubernetes.io/service-name").cloned()
        })
        .gather()
}

fn foundation(
    uid: &str,
    node: &str,
    spec: &api::k8s_openapi::api::core::v1::PodSpec,
    cluster: &Cluster,
) -> Option<Foundation> {
    let machine = cluster.runtime().machine(node)?;
    let mine: Vec<_> = machine.sandbox_statuses().filter(|it| it.pod_uid == uid).gather();
    let sandbox = mine.iter().rev().find(|it| it.ready)?;
    let mut shared = vec!["net".to_owned(), "ipc".to_owned(), "uts".to_owned()];
    if spec.share_process_namespace == Some(true) {
        shared.push("pid".to_owned());
    }
    Some(Foundation {
        ip: sandbox.ip.clone(),
        shared,
        host_network: spec.host_network == Some(true),
        attempt: mine.len() as u32,
    })
}

fn containers(pod: &Pod, worker: Option<&Worker>, cluster: &Cluster) -> Vec<ContainerCard> {
    let Some(spec) = pod.spec.as_ref() else { return Vec::new() };
    let status = pod.status.as_ref();
    let find = |list: Option<&Vec<ContainerStatus>>, name: &str| {
        list.into_iter().flatten().find(|it| it.name == name).cloned()
    };
    let mut cards = Vec::new();
    for (index, container) in spec.init_containers.iter().flatten().enumerate() {
        let sidecar = container.restart_policy.as_deref() == Some("Always");
        let kind = if sidecar { ContainerKind::Sidecar } else { ContainerKind::Init };
        let found = find(status.and_then(|it| it.init_container_statuses.as_ref()), &container.name);
        cards.push(container_card(pod, container, kind, index as u32 + 1, found.as_ref(), worker, cluster));
    }
    for container in &spec.containers {
        let found = find(status.and_then(|it| it.container_statuses.as_ref()), &container.name);
        cards.push(container_card(pod, container, ContainerKind::App, 0, found.as_ref(), worker, cluster));
    }
    after_init(&mut cards);
    cards
}

/// Containers that wait for an init container say for which.
fn after_init(cards: &mut [ContainerCard]) {
    let of = cards.iter().filter(|it| it.step != 0).count() as u32;
    let pending = |it: &&ContainerCard| match &it.state {
        ContainerState::Terminated { exit_code, .. } => it.kind == ContainerKind::Init && *exit_code != 0,
        ContainerState::Running { .. } => it.kind == ContainerKind::Init,
        ContainerState::Waiting { .. } | ContainerState::Unknown => true,
    };
    let Some(step) = cards.iter().filter(|it| it.step != 0).find(pending).map(|it| it.step) else { return };
    for card in cards.iter_mut().filter(|it| it.step == 0 || step < it.step) {
        if matches!(&card.state, ContainerState::Waiting { reason, .. } if reason == "PodInitializing") {
            card.says = Says::AfterInit { step, of };
        }
    }
}

fn container_card(
    pod: &Pod,
    container: &Container,
    kind: ContainerKind,
    step: u32,
    status: Option<&ContainerStatus>,
    worker: Option<&Worker>,
    cluster: &Cluster,
) -> ContainerCard {
    let name = container.name.clone();
    let image = container.image.clone().unwrap_or_default();
    let runs = status.and_then(|it| it.state.as_ref()).is_some_and(|it| it.running.is_some());
    let lamps = worker.map(|it| lamps(it, container, runs, pod, cluster)).unwrap_or_default();
    let pull = worker.and_then(|it| match it.waiting() {
        Waiting::Pull { image: pulled, since } if pulled == image && waits(status) => {
            Some(Pull { image: image.clone(), started: since.0, ends: None, bytes: 0 })
        }
        _ => None,
    });
    let backoff = worker.and_then(|it| backoff(it, &name, status, cluster));
    let (state, tone) = status.map_or((ContainerState::Unknown, Tone::Wait), state);
    let restarts = status.map_or(0, |it| it.restart_count.max(0) as u32);
    let in_post_start = worker.is_some_and(|it| it.runs_post_start(pod, &name));
    let says = says(&state, status, pull.as_ref(), worker, &name, in_post_start);
    ContainerCard {
        ready: status.is_some_and(|it| it.ready),
        tone: if pull.is_some()
            || (kind == ContainerKind::Init && matches!(state, ContainerState::Running { .. }))
        {
            Tone::Busy
        } else {
            tone
        },
        ports: container.ports.iter().flatten().map(|it| it.container_port as u16).gather(),
        assumed: cluster.runtime().is_assumed(&image),
        memory_limit: memory_limit(container),
        name,
        kind,
        step,
        image,
        state,
        restarts,
        says,
        lamps,
        backoff,
        pull,
    }
}

fn memory_limit(container: &Container) -> String {
    let limits = container.resources.as_ref().and_then(|it| it.limits.as_ref());
    limits.and_then(|it| it.get("memory")).map(|it| it.0.clone()).unwrap_or_default()
}

fn waits(status: Option<&ContainerStatus>) -> bool {
    status.and_then(|it| it.state.as_ref()).is_none_or(|it| it.running.is_none())
}

fn state(status: &ContainerStatus) -> (ContainerState, Tone) {
    let (_, tone) = words::container_state(status);
    let Some(state) = &status.state else { return (ContainerState::Unknown, tone) };
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let at = |it: &Option<api::Time>| it.as_ref().map_or(0, |it| time::sim_time(it).0);
    if let Some(it) = &state.waiting {
        return (ContainerState::Waiting { reason: text(&it.reason), message: text(&it.message) }, tone);
    }
    if let Some(it) = &state.running {
        return (ContainerState::Running { since: at(&it.started_at) }, tone);
    }
    match &state.terminated {
        Some(it) => {
            let terminated = ContainerState::Terminated {
                reason: text(&it.reason),
                exit_code: it.exit_code,
                signal: it.signal.unwrap_or(0),
                at: at(&it.finished_at),
            };
            (terminated, tone)
        }
        None => (ContainerState::Unknown, tone),
    }
}

fn says(
    state: &ContainerState,
    status: Option<&ContainerStatus>,
    pull: Option<&Pull>,
    worker: Option<&Worker>,
    name: &str,
    in_post_start: bool,
) -> Says {
    if let Some(pull) = pull {
        return Says::Pulling { image: pull.image.clone() };
    }
    let times = status.map_or(0, |it| it.restart_count.max(0) as u32) + 1;
    let ended = |reason: &str, exit_code: i32| match reason {
        "OOMKilled" => Says::OomKilled { times },
        _ if exit_code == 0 => Says::Completed,
        _ => Says::Exited { exit_code, times },
    };
    if let Some(clock) = worker.into_iter().flat_map(Worker::grace_clocks).find(|it| it.container == name) {
        return if clock.in_hook { Says::PreStop } else { Says::Stopping { kill: clock.deadline.0 } };
    }
    if in_post_start {
        return Says::PostStart;
    }
    match state {
        ContainerState::Unknown => Says::Nothing,
        ContainerState::Waiting { reason, .. } => {
            let last = status.and_then(|it| it.last_state.as_ref()).and_then(|it| it.terminated.as_ref());
            match last {
                Some(last) if reason == "CrashLoopBackOff" => {
                    ended(last.reason.as_deref().unwrap_or(""), last.exit_code)
                }
                _ => Says::Reason { reason: reason.clone() },
            }
        }
        ContainerState::Running { since } => Says::RunningSince { at: *since },
        ContainerState::Terminated { reason, exit_code, .. } => ended(reason, *exit_code),
    }
}

fn backoff(
    worker: &Worker,
    name: &str,
    status: Option<&ContainerStatus>,
    cluster: &Cluster,
) -> Option<Backoff> {
    let clock = worker.backoff_clocks(cluster.now()).into_iter().find(|it| it.container == name)?;
    let reason =
        status.and_then(|it| it.state.as_ref()?.waiting.as_ref()?.reason.clone()).unwrap_or_default();
    let pull = reason.contains("Pull") || reason.contains("Image");
    let attempt = status.map_or(0, |it| it.restart_count.max(0) as u32) + 1;
    Some(Backoff { until: clock.until.0, total: clock.wait.as_micros() as u64, attempt, pull })
}

fn lamps(worker: &Worker, container: &Container, runs: bool, pod: &Pod, cluster: &Cluster) -> Vec<Lamp> {
    worker
        .probe_lamps()
        .filter(|it| it.container == container.name)
        .map(|it| {
            let (probe, spec) = match it.kind {
                ProbeKind::Liveness => (Probe::Liveness, container.liveness_probe.as_ref()),
                ProbeKind::Readiness => (Probe::Readiness, container.readiness_probe.as_ref()),
                ProbeKind::Startup => (Probe::Startup, container.startup_probe.as_ref()),
            };
            let failing = it.last == Some(Verdict::Failure);
            // A new container's probe goes on counting the successes of the old one.
            let on_the_way =
                it.verdict != Some(Verdict::Success) && (1..it.success_threshold).contains(&it.run);
            let counts = runs && (failing || on_the_way);
            Lamp {
                probe,
                ok: it.verdict.filter(|_| runs).map(|it| it == Verdict::Success),
                count: if counts { it.run } else { 0 },
                threshold: if on_the_way && !failing { it.success_threshold } else { it.failure_threshold },
                failing,
                next: runs.then_some(it.next_tick.0),
                what: spec.map(probe_words).unwrap_or_default(),
                output: if failing { last_failure(pod, container, it.kind, cluster) } else { String::new() },
            }
        })
        .gather()
}

/// What the newest Unhealthy event says of this probe.
fn last_failure(pod: &Pod, container: &Container, kind: ProbeKind, cluster: &Cluster) -> String {
    let start = match kind {
        ProbeKind::Liveness => "Liveness probe failed: ",
        ProbeKind::Readiness => "Readiness probe failed: ",
        ProbeKind::Startup => "Startup probe failed: ",
    };
    let field = format!("spec.containers{{{}}}", container.name);
    let events = cluster.api().store().list_in(Kind::Event, pod.metadata.namespace.as_deref().unwrap_or(""));
    let said = events.filter_map(|stored| {
        let Object::Event(event) = &stored.object else { return None };
        let about = &event.involved_object;
        let mine = about.uid.as_deref() == Some(kubelet::pod::uid_on_node(pod))
            && about.field_path.as_ref() == Some(&field);
        let text = event.message.as_deref().filter(|_| mine)?.strip_prefix(start)?;
        Some((stored.revision, text.trim_end().to_owned()))
    });
    said.max().map(|it| it.1).unwrap_or_default()
}

/// `exec cat /tmp/healthy`, `GET :80/ready`, `tcp :3306`
fn probe_words(spec: &ProbeSpec) -> String {
    let port = |it: &IntOrString| match it {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    if let Some(it) = &spec.exec {
        return format!("exec {}", it.command.iter().flatten().cloned().gather().join(" "));
    }
    if let Some(it) = &spec.http_get {
        return format!("GET :{}{}", port(&it.port), it.path.as_deref().unwrap_or("/"));
    }
    if let Some(it) = &spec.tcp_socket {
        return format!("tcp :{}", port(&it.port));
    }
    spec.grpc.as_ref().map_or(String::new(), |it| format!("grpc :{}", it.port))
}

fn grace(pod: &Pod, worker: Option<&Worker>) -> Option<Grace> {
    let deletion = pod.metadata.deletion_timestamp.as_ref()?;
    let deadline = time::sim_time(deletion).0;
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0).max(0) as u64;
    let signal =
        worker.into_iter().flat_map(Worker::grace_clocks).find_map(|it| it.signal).unwrap_or(Signal::Term);
    let signal = match signal {
        Signal::Quit => "QUIT",
        Signal::Int => "INT",
        Signal::Kill => "KILL",
        Signal::Usr1 => "USR1",
        Signal::Usr2 => "USR2",
        Signal::Hup => "HUP",
        Signal::Term | Signal::Chld | Signal::Stop | Signal::Cont | Signal::Winch => "TERM",
    };
    Some(Grace { signal: signal.to_owned(), started: deadline.saturating_sub(grace * 1_000_000), deadline })
}

fn volume(it: &Volume, containers: &[Container], init: &[Container]) -> VolumeCard {
    let mounted = containers
        .iter()
        .chain(init)
        .filter(|c| c.volume_mounts.iter().flatten().any(|mount| mount.name == it.name))
        .count();
    let (kind, source) = if it.empty_dir.is_some() {
        (VolumeKind::EmptyDir, String::new())
    } else if let Some(host_path) = &it.host_path {
        (VolumeKind::HostPath, host_path.path.clone())
    } else if let Some(config_map) = &it.config_map {
        (VolumeKind::ConfigMap, config_map.name.clone())
    } else if let Some(secret) = &it.secret {
        (VolumeKind::Secret, secret.secret_name.clone().unwrap_or_default())
    } else if it.downward_api.is_some() {
        (VolumeKind::DownwardApi, String::new())
    } else if it.projected.is_some() {
        (VolumeKind::Projected, String::new())
    } else if let Some(claim) = &it.persistent_volume_claim {
        (VolumeKind::PersistentVolumeClaim, claim.claim_name.clone())
    } else {
        (VolumeKind::Other, String::new())
    };
    VolumeCard { name: it.name.clone(), kind, source, shared: 1 < mounted, files: 0 }
}
