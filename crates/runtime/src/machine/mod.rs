//! One machine: its sandboxes, containers, volumes and images.

mod container;
mod exec;
mod log;
mod run;
mod sandbox;
mod script;
mod view;
mod volume;

use std::sync::Arc;

use sim::{SimTime, VecMap};

use crate::cri::{
    ContainerId, ExecId, MachineSpec, PullId, RequestId, RuntimeError, SandboxId, SandboxStatus, VolumeId,
};
use crate::files::{Tree, TreeId, Trees};
use crate::images::Spec;

pub use log::LOG_BYTES_MAX;
pub(crate) use run::collect_output;
pub(crate) use sandbox::{Container, Origin, Sandbox};
pub(crate) use view::node_pid_of;
pub use view::{
    ContainerFacts, ContainerView, MountView, PortView, ProcessView, SandboxView, UseView, VolumeView,
};
pub(crate) use volume::Volume;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub spec: MachineSpec,
    pub powered: bool,
    /// Calls of the kubelet hang; the processes go on.
    pub frozen: bool,
    /// A process that takes too much memory takes its whole container with it, as with cgroup v2.
    pub oom_kills_container: bool,
    pub(crate) trees: Trees,
    /// The machine's own files.
    pub(crate) host: TreeId,
    /// What every container has as /dev.
    pub(crate) devices: Arc<Tree>,
    pub(crate) sandboxes: VecMap<SandboxId, Arc<Sandbox>>,
    /// Where each container is.
    pub(crate) containers: VecMap<ContainerId, SandboxId>,
    pub(crate) execs: VecMap<ExecId, SandboxId>,
    pub(crate) addresses: VecMap<String, SandboxId>,
    pub(crate) volumes: VecMap<VolumeId, Arc<Volume>>,
    /// By canonical name.
    pub(crate) images: VecMap<Arc<str>, Arc<Spec>>,
    /// Grows with every change of `images`.
    pub image_changes: u32,
    pub(crate) pulls: VecMap<PullId, crate::pull::Pull>,
    /// The puller is busy until then: one pull after the other.
    pub(crate) pulling_until: SimTime,
    pub(crate) requests: VecMap<RequestId, crate::network::Pending>,
    last_address: u32,
    /// The trees' count of changes when the directory of static Pods was last looked at, and what it held.
    manifests_seen: (u64, u64),
}

/// Directories of a machine's own tree.
const HOST_DIRECTORIES: &[&str] = &[
    "bin",
    "dev",
    "etc/kubernetes/manifests",
    "home",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "usr",
    "var/lib/kubelet",
    "var/log/pods",
];

impl Machine {
    pub(crate) fn new(spec: MachineSpec) -> Machine {
        let mut host = Tree::default();
        let owner = crate::files::Owner::default();
        for path in HOST_DIRECTORIES {
            let made = host.make_directories(path, 0o755, owner);
            debug_assert!(made.is_ok());
        }
        if let Some(inode) = host.make_directories("tmp", 0o755, owner).ok().and_then(|it| host.get_mut(it)) {
            inode.mode = 0o1777;
        }
        let placed = host.put_text("etc/hostname", &format!("{}\n", spec.name), 0o644);
        debug_assert!(placed.is_ok());
        let mut trees = Trees::default();
        let host = trees.add(host);
        Machine {
            spec,
            powered: true,
            frozen: false,
            oom_kills_container: true,
            trees,
            host,
            devices: Arc::new(Tree::devices()),
            sandboxes: VecMap::new(),
            containers: VecMap::new(),
            execs: VecMap::new(),
            addresses: VecMap::new(),
            volumes: VecMap::new(),
            images: VecMap::new(),
            image_changes: 0,
            pulls: VecMap::new(),
            pulling_until: SimTime::ZERO,
            requests: VecMap::new(),
            last_address: 1,
            manifests_seen: (0, 0),
        }
    }

    pub(crate) fn fail(&mut self, now: SimTime) {
        self.powered = false;
        for sandbox in self.sandboxes.values_mut() {
            Arc::make_mut(sandbox).die(255, now);
        }
        self.pulls.clear();
        self.requests.clear();
        self.execs.clear();
    }

    /// An address of the machine's network, the longest unused one first.
    pub(crate) fn take_address(&mut self, sandbox: SandboxId) -> Option<String> {
        for _ in 0..253 {
            self.last_address = if self.last_address == 254 { 2 } else { self.last_address + 1 };
            let address = format!("{}.{}", self.spec.pod_network, self.last_address);
            if !self.addresses.contains_key(&address) {
                self.addresses.insert(address.clone(), sandbox);
                return Some(address);
            }
        }
        None
    }

    /// Bytes that all processes and scripts of its containers take.
    pub fn memory_in_use(&self, now: SimTime) -> u64 {
        let of_sandbox = |it: &Arc<Sandbox>| {
            let scripts =
                it.containers.values().filter_map(|it| Some(it.script.memory_at(it.started_at()?, now)));
            scripts.chain(it.kernel.processes().map(|it| it.memory_bytes)).sum::<u64>()
        };
        self.sandboxes.values().map(of_sandbox).sum()
    }

    /// Oldest first.
    pub fn sandbox_statuses(&self) -> impl DoubleEndedIterator<Item = &SandboxStatus> {
        self.sandboxes.values().map(|it| &it.status)
    }

    pub fn container_ids(&self) -> impl Iterator<Item = ContainerId> {
        self.containers.keys().copied()
    }

    pub(crate) fn put_image(&mut self, image: Spec) {
        self.image_changes += 1;
        self.images.insert(Arc::clone(&image.name), Arc::new(image));
    }

    pub(crate) fn sandbox_mut(&mut self, id: SandboxId) -> Option<&mut Sandbox> {
        self.sandboxes.get_mut(&id).map(Arc::make_mut)
    }

    pub(crate) fn container(&self, id: ContainerId) -> Option<&Container> {
        self.sandboxes.get(self.containers.get(&id)?)?.containers.get(&id)
    }
}

pub(crate) fn not_found<T>(what: &str) -> Result<T, RuntimeError> {
    Err(RuntimeError(format!("rpc error: code = NotFound desc = {what}: not found")))
}

#[cfg(test)]
mod tests;
