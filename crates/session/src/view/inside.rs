//! A Pod from inside: what its containers share and what each has for itself.

use api::quantity;
use cluster::Cluster;
use runtime::{ContainerState, ContainerView, SandboxView};
use sim::{Gather as _, VecMap};

use crate::frame::{
    ContainerCard, Drawer, FileLine, Inside, Mount, Namespace, NamespaceKind, ObjectRef, PodCard, Port,
    ProcessLine, Room, Tone, Usage,
};
use crate::recording::Recording;

const FILES_SHOWN: usize = 60;

pub fn of(cluster: &Cluster, object: &ObjectRef, card: Option<&PodCard>) -> Option<Inside> {
    let sandbox = cluster.sandbox_of(&object.namespace, &object.name).ok()?;
    let view = cluster.runtime().inspect_sandbox(sandbox)?;
    let card = card?;
    let mut rooms = vec![pause_room(&view)];
    for container in &card.containers {
        let found = view.containers.iter().rev().find(|it| it.name == container.name);
        rooms.push(Room {
            name: container.name.clone(),
            kind: container.kind,
            step: container.step,
            pause: false,
            image: container.image.clone(),
            state: found.map(|it| state(&it.state)).unwrap_or_default(),
            tone: container.tone,
            processes: found.map(processes).unwrap_or_default(),
            ports: view.ports.iter().filter(|it| it.container == container.name).map(|it| it.port).gather(),
        });
    }
    Some(Inside {
        hostname: view.hostname.clone(),
        ip: view.ip.clone(),
        namespaces: namespaces(&view),
        ports: ports(&view, card),
        rooms,
        node: card.node.clone().unwrap_or_default(),
        drawers: drawers(&view, card),
    })
}

fn pause_room(view: &SandboxView) -> Room {
    let process = view.pause_pid.map(|node_pid| ProcessLine {
        pid: 1,
        node_pid,
        depth: 0,
        command: "/pause".to_owned(),
        ended: false,
    });
    Room {
        name: "pause".to_owned(),
        pause: true,
        image: "registry.k8s.io/pause:3.10".to_owned(),
        tone: Tone::Ok,
        processes: process.into_iter().gather(),
        ..Room::default()
    }
}

fn state(state: &ContainerState) -> String {
    match state {
        ContainerState::Created => "created".to_owned(),
        ContainerState::Running { .. } => "running".to_owned(),
        ContainerState::Exited { exit_code, .. } => format!("exit {exit_code}"),
    }
}

fn processes(container: &ContainerView) -> Vec<ProcessLine> {
    let line = |it: &runtime::ProcessView| ProcessLine {
        pid: it.pid,
        node_pid: it.node_pid,
        depth: it.depth,
        command: it.command.clone(),
        ended: it.zombie,
    };
    container.processes.iter().map(line).gather()
}

/// The memory of each container of a Pod that runs, or that did while it was looked at.
///
/// Apart from [`Inside`]: it changes every second, and what has the focus there shall stay.
pub fn memory(cluster: &Cluster, recording: &Recording, object: &ObjectRef, card: &PodCard) -> Vec<Usage> {
    let sandbox = cluster.sandbox_of(&object.namespace, &object.name).ok();
    let Some(view) = sandbox.and_then(|it| cluster.runtime().inspect_sandbox(it)) else { return Vec::new() };
    let pod = cluster.api().pod(&object.namespace, &object.name);
    let uid = pod.map_or(&*card.uid, |it| kubelet::pod::uid_on_node(it));
    let usage = |container: &ContainerCard| {
        let found = view.containers.iter().rev().find(|it| it.name == container.name)?;
        let curve = recording.curve(uid, &container.name, cluster.now());
        let stats = cluster.runtime().container_stats(found.id, cluster.now());
        let running = matches!(found.state, ContainerState::Running { .. });
        (running || !curve.is_empty()).then(|| Usage {
            container: container.name.clone(),
            used: stats.filter(|_| running).map_or(0, |it| it.memory_bytes),
            request: request(cluster, object, &container.name),
            limit: found.memory_limit_bytes,
            curve,
        })
    };
    card.containers.iter().filter_map(usage).gather()
}

/// `resources.requests.memory` of a container in bytes.
fn request(cluster: &Cluster, object: &ObjectRef, container: &str) -> Option<u64> {
    let spec = cluster.api().pod(&object.namespace, &object.name)?.spec.as_ref()?;
    let mut all = spec.init_containers.iter().flatten().chain(&spec.containers);
    let resources = all.find(|it| it.name == container)?.resources.as_ref()?;
    let request = quantity::of(resources.requests.as_ref()?.get("memory")?).value();
    Some(request.max(0) as u64)
}

fn namespaces(view: &SandboxView) -> Vec<Namespace> {
    let of = |kind, shared, host, shows: &str| Namespace { kind, shared, host, shows: shows.to_owned() };
    vec![
        of(NamespaceKind::Net, true, view.host_network, &view.ip),
        of(NamespaceKind::Ipc, true, false, "/dev/shm"),
        of(NamespaceKind::Uts, true, view.host_network, &view.hostname),
        of(NamespaceKind::Pid, view.share_process_namespace || view.host_pid, view.host_pid, ""),
        of(NamespaceKind::Mnt, false, false, ""),
        of(NamespaceKind::User, false, true, ""),
        of(NamespaceKind::Cgroup, false, false, ""),
    ]
}

fn ports(view: &SandboxView, card: &PodCard) -> Vec<Port> {
    let mut found: VecMap<u16, Port> = VecMap::new();
    for container in &card.containers {
        for port in &container.ports {
            found.insert(*port, Port { port: *port, container: container.name.clone(), ..Port::default() });
        }
    }
    for open in &view.ports {
        let entry = found.entry(open.port).or_insert_with(|| Port { port: open.port, ..Port::default() });
        entry.container.clone_from(&open.container);
        entry.open = true;
    }
    for (host_port, container_port, _) in &view.host_ports {
        if let Some(port) = found.get_mut(container_port) {
            port.host_port = Some(*host_port);
        }
    }
    found.into_values().gather()
}

fn drawers(view: &SandboxView, card: &PodCard) -> Vec<Drawer> {
    let drawer = |volume: &runtime::VolumeView| {
        // A path of the node is known by the path; what nobody wrote into the manifest is not shown.
        let known = card.volumes.iter().find(|it| it.name == volume.name || it.source == volume.name)?;
        let mounts = volume.mounts.iter().map(|it| Mount {
            container: it.container.clone(),
            path: it.path.clone(),
            read_only: it.read_only,
        });
        let files = volume.files.iter().filter(|it| !it.directory).take(FILES_SHOWN);
        Some(Drawer {
            name: known.name.clone(),
            kind: known.kind,
            source: known.source.clone(),
            mounts: mounts.gather(),
            files: files.map(|it| FileLine { path: it.path.clone(), bytes: it.size_bytes }).gather(),
        })
    };
    view.volumes.iter().filter_map(drawer).gather()
}
