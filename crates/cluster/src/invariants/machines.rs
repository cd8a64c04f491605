//! What one look at the machines shows: sandboxes, containers, volumes.

use std::sync::Arc;

use api::Pod;
use api::k8s_openapi::api::core::v1::Container;
use runtime::{ContainerFacts, ContainerState, MountSource, SandboxId, VolumeId};
use sim::{Gather as _, VecMap};

use super::{Found, state};
use crate::Cluster;

/// What the kubelet mounts beside what the manifest says.
const MOUNTED_ALWAYS: &[&str] =
    &["/etc/hosts", "/dev/termination-log", "/var/run/secrets/kubernetes.io/serviceaccount"];

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    let pods: VecMap<&str, &Arc<Pod>> =
        cluster.api().pods().map(|it| (kubelet::pod::uid_on_node(it), it)).fill();
    for name in cluster.kubelets.keys() {
        check_machine(cluster, name, &pods, found);
    }
}

fn check_machine(cluster: &Cluster, machine: &str, pods: &VecMap<&str, &Arc<Pod>>, found: &mut Found) {
    let mut ready: VecMap<&str, SandboxId> = VecMap::new();
    let mut addresses: VecMap<&str, SandboxId> = VecMap::new();
    let mut volumes: VecMap<VolumeId, &str> = VecMap::new();
    for (status, config) in cluster.runtime().sandboxes_on(machine) {
        let name = || format!("{}/{} on {machine}", config.namespace, config.pod_name);
        if status.ready {
            if let Some(other) = ready.insert(&status.pod_uid, status.id) {
                found.broken(name(), "a Pod has one living sandbox", format_args!("{}", other.0));
            }
            if !config.host_network && addresses.insert(&status.ip, status.id).is_some() {
                found.broken(name(), "no two sandboxes have one address", &status.ip);
            }
        }
        let containers: Vec<ContainerFacts<'_>> = cluster.runtime().containers_in(status.id).gather();
        for it in &containers {
            let holds = status.ready || !(config.share_process_namespace || config.host_pid);
            check_container(it, holds, &containers, &name, found);
            for mount in &it.config.mounts {
                if let MountSource::Volume(id) = &mount.source
                    && volumes.insert(*id, &status.pod_uid).is_some_and(|other| *other != *status.pod_uid)
                {
                    found.broken(name(), "a volume belongs to one Pod", &mount.path);
                }
            }
        }
        if let Some(pod) = pods.get(&*status.pod_uid) {
            check_order(pod, &containers, found);
            check_mounts(pod, &containers, found);
        }
    }
}

fn runs(facts: &ContainerFacts<'_>) -> bool {
    matches!(facts.status.state, ContainerState::Running { .. })
}

fn check_container(
    facts: &ContainerFacts<'_>,
    may_run: bool,
    all: &[ContainerFacts<'_>],
    name: &impl Fn() -> String,
    found: &mut Found,
) {
    let own = &facts.status.name;
    if runs(facts) {
        // With a pid namespace of its own it outlives the pause process, until the kubelet stops it (`history`).
        if !may_run {
            found.broken(name(), "no container outlives its pid namespace", own);
        }
        if facts.processes == 0 {
            found.broken(name(), "a running container has a process", own);
        }
        let other = |it: &&ContainerFacts<'_>| runs(it) && it.status.name == *own;
        if 1 < all.iter().filter(other).count() {
            found.broken(name(), "one instance of a container runs", own);
        }
    } else if facts.processes != 0 {
        found.broken(name(), "nothing is left of a container that has ended", own);
    }
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// In each sandbox what was declared first has ended, or is a sidecar, before the next starts.
fn check_order(pod: &Pod, containers: &[ContainerFacts<'_>], found: &mut Found) {
    let Some(spec) = pod.spec.as_ref() else { return };
    let inits = spec.init_containers.as_deref().unwrap_or_default();
    if inits.is_empty() {
        return;
    }
    let order = inits.iter().chain(&spec.containers);
    let position = |name: &str| order.clone().position(|it| it.name == name).map(|it| it.min(inits.len()));
    let Some(last) = containers.iter().filter(|it| runs(it)).filter_map(|it| position(&it.config.name)).max()
    else {
        return;
    };
    for init in inits.iter().take(last).filter(|it| !is_sidecar(it)) {
        if containers.iter().any(|it| it.config.name == init.name && runs(it)) {
            found.broken(state::name(pod), "init containers run one after the other", &init.name);
        }
    }
}

/// A container sees files of volumes only where its manifest says.
fn check_mounts(pod: &Pod, containers: &[ContainerFacts<'_>], found: &mut Found) {
    let Some(spec) = pod.spec.as_ref() else { return };
    let declared = spec.init_containers.iter().flatten().chain(&spec.containers);
    for container in declared {
        for facts in containers.iter().filter(|it| it.config.name == container.name) {
            let allowed = |path: &str| {
                MOUNTED_ALWAYS.contains(&path)
                    || container.volume_mounts.iter().flatten().any(|it| it.mount_path == path)
                    || container.termination_message_path.as_deref() == Some(path)
            };
            if let Some(mount) = facts.config.mounts.iter().find(|it| !allowed(&it.path)) {
                found.broken(state::name(pod), "files only where they are mounted", &mount.path);
            }
        }
    }
}
