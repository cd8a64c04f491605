//! What is inside a sandbox, for the page to draw.

use sim::Gather as _;

use crate::Runtime;
use crate::cri::{
    ContainerConfig, ContainerId, ContainerState, ContainerStatus, FileView, MountSource, SandboxConfig,
    SandboxId, SandboxStatus, VolumeId,
};
use crate::files::Tree;
use crate::kernel::{Pid, Process};
use crate::machine::volume::views;

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SandboxView {
    pub id: SandboxId,
    pub ip: String,
    pub hostname: String,
    pub ready: bool,
    /// The machine's own network, or one for the containers of this Pod together.
    pub host_network: bool,
    pub host_pid: bool,
    /// Containers see each other's processes.
    pub share_process_namespace: bool,
    /// Its number on the machine; None when it is gone, and the namespaces with it.
    pub pause_pid: Option<u32>,
    pub containers: Vec<ContainerView>,
    pub ports: Vec<PortView>,
    pub host_ports: Vec<(u16, u16, String)>,
    pub volumes: Vec<VolumeView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerView {
    pub id: ContainerId,
    pub name: String,
    pub image: String,
    /// Nothing is known of the image: what it does is assumed.
    pub assumed: bool,
    pub state: ContainerState,
    /// Parents before their children.
    pub processes: Vec<ProcessView>,
    /// Ports that its processes listen on.
    pub ports: Vec<u16>,
    pub mounts: Vec<MountView>,
    pub memory_bytes: u64,
    pub memory_limit_bytes: Option<u64>,
    pub cpu_limit_milli: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProcessView {
    /// As the container sees it.
    pub pid: u32,
    /// As the machine sees it.
    pub node_pid: u32,
    pub parent: Option<u32>,
    /// How many of its ancestors are in this list.
    pub depth: u32,
    /// Has ended; its parent has not asked yet.
    pub zombie: bool,
    pub uid: u32,
    pub command: String,
    pub memory_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortView {
    pub port: u16,
    pub container: String,
    pub process: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MountView {
    pub path: String,
    pub source: MountSource,
    pub sub_path: String,
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VolumeView {
    /// None for a path of the machine.
    pub id: Option<VolumeId>,
    pub name: String,
    pub kind: String,
    pub mounts: Vec<UseView>,
    pub used_bytes: u64,
    pub files: Vec<FileView>,
}

/// A container that mounts a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UseView {
    pub container: String,
    pub path: String,
    pub read_only: bool,
}

/// A container as the runtime keeps it, by reference: for whoever looks after every event.
#[derive(Debug, Clone, Copy)]
pub struct ContainerFacts<'a> {
    pub status: &'a ContainerStatus,
    pub config: &'a ContainerConfig,
    /// Its processes that have not ended.
    pub processes: usize,
}

impl Runtime {
    /// The sandboxes of a machine by reference, oldest first.
    pub fn sandboxes_on(&self, machine: &str) -> impl Iterator<Item = (&SandboxStatus, &SandboxConfig)> {
        let sandboxes = self.machine(machine).into_iter().flat_map(|it| it.sandboxes.values());
        sandboxes.map(|it| (&it.status, &*it.config))
    }

    /// Every instance of every container of a sandbox, oldest first.
    pub fn containers_in(&self, id: SandboxId) -> impl Iterator<Item = ContainerFacts<'_>> {
        let sandbox = self.of(id.0).and_then(|it| it.sandboxes.get(&id));
        sandbox.into_iter().flat_map(|sandbox| {
            sandbox.containers.values().map(|it| {
                let lives = |process: &&Process| Some(process.space) == it.space && !process.is_zombie();
                ContainerFacts {
                    status: &it.status,
                    config: &it.config,
                    processes: sandbox.kernel.processes().filter(lives).count(),
                }
            })
        })
    }

    pub fn inspect_sandbox(&self, id: SandboxId) -> Option<SandboxView> {
        let machine = self.of(id.0)?;
        let sandbox = machine.sandboxes.get(&id)?;
        let kernel = &sandbox.kernel;
        // The newest instance of each container.
        let newest = |it: &&crate::machine::Container| {
            sandbox
                .containers
                .values()
                .all(|other| other.config.name != it.config.name || other.config.attempt <= it.config.attempt)
        };
        let shown: Vec<&crate::machine::Container> = sandbox.containers.values().filter(newest).gather();
        let containers = shown.iter().map(|it| container_view(sandbox, it)).gather();
        let ports = kernel.listeners().iter().filter_map(|(port, pid)| {
            let process = kernel.process(*pid)?;
            let container = shown.iter().find(|it| it.space == Some(process.space))?;
            Some(PortView {
                port: *port,
                container: container.config.name.clone(),
                process: process.name().to_owned(),
            })
        });
        let ports = ports.gather();
        Some(SandboxView {
            id,
            ip: sandbox.status.ip.clone(),
            hostname: sandbox.config.hostname.clone(),
            ready: sandbox.status.ready,
            host_network: sandbox.config.host_network,
            host_pid: sandbox.config.host_pid,
            share_process_namespace: sandbox.config.share_process_namespace,
            pause_pid: sandbox.pause.map(|it| node_pid_of(id, it.1)),
            containers,
            ports,
            host_ports: sandbox.config.host_ports.clone(),
            volumes: volume_views(machine, &shown),
        })
    }
}

fn container_view(sandbox: &crate::machine::Sandbox, container: &crate::machine::Container) -> ContainerView {
    let kernel = &sandbox.kernel;
    let mine: Vec<&Process> = kernel.processes().filter(|it| Some(it.space) == container.space).gather();
    let mut processes = Vec::with_capacity(mine.len());
    let roots =
        mine.iter().filter(|it| it.parent.is_none_or(|parent| mine.iter().all(|it| it.pid != parent)));
    let mut open: Vec<(&Process, u32)> = roots.map(|it| (*it, 0)).gather();
    open.reverse();
    while let Some((process, depth)) = open.pop() {
        processes.push(ProcessView {
            pid: process.number,
            node_pid: node_pid_of(sandbox.status.id, process.pid),
            parent: process.parent.and_then(|it| kernel.process(it)).map(|it| it.number),
            depth,
            zombie: process.is_zombie(),
            uid: process.credentials.uid,
            command: process.argv.join(" "),
            memory_bytes: process.memory_bytes,
        });
        open.extend(mine.iter().rev().filter(|it| it.parent == Some(process.pid)).map(|it| (*it, depth + 1)));
    }
    let listens =
        |it: &(&u16, &Pid)| kernel.process(*it.1).is_some_and(|it| Some(it.space) == container.space);
    let ports = kernel.listeners().iter().filter(listens).map(|it| *it.0).gather();
    let mounts = container.config.mounts.iter().map(|it| MountView {
        path: it.path.clone(),
        source: it.source.clone(),
        sub_path: it.sub_path.clone(),
        read_only: it.read_only,
    });
    ContainerView {
        id: container.status.id,
        name: container.config.name.clone(),
        image: container.config.image.clone(),
        assumed: container.image.program == "generic",
        state: container.status.state.clone(),
        processes,
        ports,
        mounts: mounts.gather(),
        memory_bytes: container.space.map_or(0, |it| kernel.memory_of(it)),
        memory_limit_bytes: container.limits.1,
        cpu_limit_milli: container.limits.0,
    }
}

fn volume_views(machine: &crate::machine::Machine, shown: &[&crate::machine::Container]) -> Vec<VolumeView> {
    let mut sources: Vec<&MountSource> = Vec::new();
    for mount in shown.iter().flat_map(|it| &it.config.mounts) {
        if !sources.contains(&&mount.source) {
            sources.push(&mount.source);
        }
    }
    let view = |source: &MountSource| {
        let mounts = shown.iter().flat_map(|container| {
            let uses = container.config.mounts.iter().filter(|it| it.source == *source);
            uses.map(|it| UseView {
                container: container.config.name.clone(),
                path: it.path.clone(),
                read_only: it.read_only,
            })
        });
        let mounts = mounts.gather();
        match source {
            MountSource::Volume(id) => {
                let volume = machine.volumes.get(id)?;
                let tree = machine.trees.get(volume.tree)?;
                Some(VolumeView {
                    id: Some(*id),
                    name: volume.config.name.clone(),
                    kind: volume.config.kind.clone(),
                    mounts,
                    used_bytes: tree.used(),
                    files: views(tree, Tree::ROOT),
                })
            }
            MountSource::HostPath(path) => {
                let tree = machine.trees.get(machine.host)?;
                let files = tree.find(path).map_or_else(Vec::new, |it| views(tree, it));
                let used_bytes = files.iter().filter(|it| !it.directory).map(|it| it.size_bytes).sum();
                Some(VolumeView {
                    id: None,
                    name: path.clone(),
                    kind: "hostPath".to_owned(),
                    mounts,
                    used_bytes,
                    files,
                })
            }
        }
    };
    sources.into_iter().filter_map(view).gather()
}

/// A number that no other process of the machine has.
pub fn node_pid_of(sandbox: SandboxId, pid: Pid) -> u32 {
    ((sandbox.0 & 0xffff) as u32) << 9 | (pid.0 & 0x1ff)
}
