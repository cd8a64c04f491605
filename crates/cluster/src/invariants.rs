//! What must hold after every event, whatever happens. Broken promises are bugs of the engine, never of a manifest.

use std::collections::BTreeMap;

use api::{Object, Pod};

use crate::Cluster;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub object: String,
    pub promise: &'static str,
}

pub fn check(cluster: &Cluster) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut addresses: BTreeMap<&str, String> = BTreeMap::new();
    for pod in cluster.api().pods() {
        let name = Object::Pod(pod.clone()).key().to_string();
        let mut broken = |promise| found.push(Violation { object: name.clone(), promise });
        check_pod(pod, &mut broken);
        let spec = pod.spec.as_ref();
        let status = pod.status.as_ref();
        let host_network = spec.and_then(|it| it.host_network).unwrap_or(false);
        let ended = matches!(status.and_then(|it| it.phase.as_deref()), Some("Succeeded" | "Failed"));
        if let Some(ip) = status.and_then(|it| it.pod_ip.as_deref()).filter(|_| !host_network && !ended)
            && addresses.insert(ip, name.clone()).is_some()
        {
            broken("no two Pods have one address");
        }
    }
    found
}

fn check_pod(pod: &Pod, broken: &mut impl FnMut(&'static str)) {
    let spec = pod.spec.as_ref();
    let Some(status) = pod.status.as_ref() else { return };
    let placed = spec.and_then(|it| it.node_name.as_deref()).is_some_and(|it| !it.is_empty());
    if status.phase.as_deref() == Some("Running") && !placed {
        broken("a Pod runs only on a node");
    }
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    if containers.iter().any(|it| it.restart_count < 0) {
        broken("restarts are counted from zero");
    }
    let ready =
        |kind: &str| status.conditions.iter().flatten().any(|it| it.type_ == kind && it.status == "True");
    if ready("ContainersReady") && containers.iter().any(|it| !it.ready) {
        broken("ContainersReady means that every container is ready");
    }
    if containers.iter().any(|it| it.ready && it.state.as_ref().is_none_or(|state| state.running.is_none())) {
        broken("a ready container runs");
    }
    let init_done = status.init_container_statuses.iter().flatten().all(|it| {
        it.started == Some(true)
            || it
                .state
                .as_ref()
                .is_some_and(|state| state.terminated.as_ref().is_some_and(|it| it.exit_code == 0))
    });
    let app_runs = containers.iter().any(|it| it.state.as_ref().is_some_and(|state| state.running.is_some()));
    let first_time =
        containers.iter().all(|it| it.restart_count == 0) && pod.metadata.deletion_timestamp.is_none();
    if app_runs && first_time && !init_done && status.phase.as_deref() == Some("Pending") {
        broken("containers start after their init containers");
    }
}
