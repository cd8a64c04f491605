//! Pod sandboxes: a pause process that holds the namespaces, an address, and the files that Kubernetes puts into /etc.

use std::fmt::Write as _;
use std::sync::Arc;

use sim::{Gather as _, Outbox, SimTime, VecMap};

use super::exec::Exec;
use super::log::Log;
use super::script::Script;
use super::{Machine, not_found};
use crate::cri::{
    ContainerConfig, ContainerId, ContainerState, ContainerStatus, ExecId, ExitReason, Notice, RuntimeError,
    SandboxConfig, SandboxId, SandboxStatus,
};
use crate::files::{Mounts, Tree, TreeId};
use crate::images::Spec;
use crate::kernel::net::{CallId, ConnectionId};
use crate::kernel::{Facts, Kernel, NamespaceId, Pid, SpaceId};
use crate::{Event, Runtime, clock};

pub(crate) const DNS_SERVER: &str = "10.96.0.10";

/// Who waits for a request's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Request(crate::cri::RequestId),
    Call { sandbox: SandboxId, call: CallId },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sandbox {
    pub config: Arc<SandboxConfig>,
    pub status: SandboxStatus,
    pub kernel: Kernel,
    pub pause: Option<(SpaceId, Pid)>,
    /// /etc/hosts, /etc/hostname and /etc/resolv.conf.
    pub files: TreeId,
    pub containers: VecMap<ContainerId, Container>,
    pub execs: VecMap<ExecId, Exec>,
    /// Requests that its processes have not answered yet.
    pub connections: VecMap<ConnectionId, crate::network::Open>,
    /// The earliest wake-up that is under way.
    pub wake_at: Option<SimTime>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Container {
    pub config: Arc<ContainerConfig>,
    pub status: ContainerStatus,
    pub image: Arc<Spec>,
    pub root: TreeId,
    /// Holds the termination message.
    pub private: TreeId,
    pub space: Option<SpaceId>,
    pub pid: Option<Pid>,
    pub log: Log,
    pub script: Script,
    /// What it may use since a resize.
    pub limits: (Option<u64>, Option<u64>),
    /// It used up its memory: its end has this reason.
    pub oom: bool,
}

impl Container {
    pub fn started_at(&self) -> Option<SimTime> {
        match self.status.state {
            ContainerState::Running { started_at } => Some(started_at),
            ContainerState::Created | ContainerState::Exited { .. } => None,
        }
    }

    pub fn exit(&mut self, exit_code: i32, reason: ExitReason, now: SimTime) {
        let started_at = self.started_at().unwrap_or(now);
        self.status.state = ContainerState::Exited { started_at, finished_at: now, exit_code, reason };
        self.pid = None;
    }
}

impl Sandbox {
    pub fn namespace(&self) -> Option<NamespaceId> {
        let shared = self.config.share_process_namespace || self.config.host_pid;
        let space = self.pause.filter(|_| shared)?.0;
        self.kernel.space(space).map(|it| it.namespace)
    }

    /// The machine lost its power: nothing of it runs any more, and nobody is told.
    pub fn die(&mut self, code: i32, now: SimTime) {
        self.status.ready = false;
        self.kernel = Kernel::default();
        self.pause = None;
        self.execs.clear();
        self.connections.clear();
        for container in self.containers.values_mut() {
            if container.started_at().is_some() {
                container.exit(code, ExitReason::Exit, now);
            }
        }
    }

    pub fn facts(&self, machine: &Machine, container: &ContainerConfig, image: &Spec) -> Facts {
        use crate::images::Flavour;
        Facts {
            hostname: self.config.hostname.clone(),
            ip: self.status.ip.clone(),
            gateway: format!("{}.1", machine.spec.pod_network),
            node_name: machine.spec.name.to_string(),
            kernel_release: "6.8.0-31-generic".to_owned(),
            memory_bytes: machine.spec.memory_bytes,
            cpus: (machine.spec.cpu_milli / 1_000).max(1) as u32,
            epoch_seconds: clock::unix_seconds(SimTime::ZERO) as i64,
            flavour: match image.flavour {
                Flavour::Busybox | Flavour::Alpine | Flavour::Scratch => crate::kernel::Flavour::Busybox,
                Flavour::Debian | Flavour::Centos => crate::kernel::Flavour::Gnu,
            },
            declared_ports: container.declared_ports.clone(),
        }
    }
}

/// Follows kubernetes v1.36 pkg/kubelet/kubelet_pods.go: nodeHostsFileContent, managedHostsFileContent.
fn hosts(config: &SandboxConfig, ip: &str, node: &str) -> String {
    let mut text = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n".to_owned();
    if config.host_network {
        text = text.replace(
            "# Kubernetes-managed hosts file.\n",
            "# Kubernetes-managed hosts file (host network).\n",
        );
    }
    let name = if config.host_network { node } else { &config.hostname };
    let _ = writeln!(text, "{ip}\t{name}");
    if !config.host_aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
        for (address, names) in &config.host_aliases {
            let _ = writeln!(text, "{address}\t{}", names.join("\t"));
        }
    }
    text
}

fn resolv_conf(config: &SandboxConfig) -> String {
    let mut text = String::new();
    if !config.dns_search.is_empty() {
        let _ = writeln!(text, "search {}", config.dns_search.join(" "));
    }
    let default = [DNS_SERVER.to_owned()];
    let servers = if config.dns_servers.is_empty() { &default[..] } else { &config.dns_servers };
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    if !config.dns_options.is_empty() {
        let _ = writeln!(text, "options {}", config.dns_options.join(" "));
    } else if !config.dns_search.is_empty() {
        text.push_str("options ndots:5\n");
    }
    text
}

impl Runtime {
    /// Starts the pause process that holds the Pod's namespaces, with an address of its own.
    pub fn run_sandbox(
        &mut self,
        machine: &str,
        config: SandboxConfig,
        now: SimTime,
        _outbox: &mut Outbox<Event>,
    ) -> Result<SandboxId, RuntimeError> {
        let Some(index) = self.index_of(machine) else { return not_found("machine") };
        let id = SandboxId(self.new_id(index));
        let Some(machine) = self.of_mut(id.0) else { return not_found("machine") };
        let ip = if config.host_network {
            machine.spec.ip.clone()
        } else {
            let Some(ip) = machine.take_address(id) else {
                let text = format!(
                    "failed to setup network for sandbox: plugin type=\"bridge\" failed (add): failed to allocate for range 0: no IP addresses available in range set: {0}.1-{0}.254",
                    machine.spec.pod_network
                );
                return Err(RuntimeError(text));
            };
            ip
        };
        let mut files = Tree::default();
        let node = machine.spec.name.to_string();
        for (name, text) in [
            ("hosts", hosts(&config, &ip, &node)),
            ("hostname", format!("{}\n", config.hostname)),
            ("resolv.conf", resolv_conf(&config)),
        ] {
            let placed = files.put_text(name, &text, 0o644);
            debug_assert!(placed.is_ok());
        }
        let files = machine.trees.add(files);
        let status = SandboxStatus { id, pod_uid: config.pod_uid.clone(), ready: true, ip, created_at: now };
        let mut kernel = Kernel::new(id.0);
        let pause = kernel.add_space(Mounts::default(), Arc::default(), None);
        let pid = kernel.start_pause(pause, now);
        let sandbox = Sandbox {
            config: Arc::new(config),
            status,
            kernel,
            pause: pid.map(|it| (pause, it)),
            files,
            containers: VecMap::new(),
            execs: VecMap::new(),
            connections: VecMap::new(),
            wake_at: None,
        };
        machine.sandboxes.insert(id, Arc::new(sandbox));
        Ok(id)
    }

    /// Kills what still runs in it; its address may be given away later.
    pub fn stop_sandbox(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
        let Some(machine) = self.of_mut(id.0) else { return };
        let Some(sandbox) = machine.sandbox_mut(id) else { return };
        sandbox.status.ready = false;
        let spaces: Vec<SpaceId> = sandbox.containers.values().filter_map(|it| it.space).gather();
        for space in spaces {
            sandbox.kernel.kill_space(space, now);
        }
        if let Some((_, pause)) = sandbox.pause.take() {
            sandbox.kernel.signal(pause, crate::kernel::signal::KILL, now);
        }
        machine.addresses.retain(|_, it| *it != id);
        self.pump(id, now, outbox);
    }

    /// The pause process dies of itself; `Notice::SandboxDied` follows. Containers with pid namespaces of their own run on
    /// until somebody stops them; where the pause process was number 1 for all, all go with it.
    pub fn kill_sandbox(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
        let Some(sandbox) = self.of_mut(id.0).and_then(|it| it.sandbox_mut(id)) else { return };
        sandbox.status.ready = false;
        if let Some((_, pause)) = sandbox.pause.take() {
            sandbox.kernel.signal(pause, crate::kernel::signal::KILL, now);
        }
        self.pump(id, now, outbox);
        self.notify(id.0, Notice::SandboxDied { sandbox: id });
    }

    /// Forgets a sandbox and its containers.
    pub fn remove_sandbox(&mut self, id: SandboxId) {
        let Some(machine) = self.of_mut(id.0) else { return };
        let Some(sandbox) = machine.sandboxes.remove(&id) else { return };
        machine.trees.remove(sandbox.files);
        for container in sandbox.containers.values() {
            machine.trees.remove(container.root);
            machine.trees.remove(container.private);
        }
        machine.containers.retain(|_, it| *it != id);
        machine.execs.retain(|_, it| *it != id);
        machine.addresses.retain(|_, it| *it != id);
    }

    pub fn sandbox_status(&self, id: SandboxId) -> Option<SandboxStatus> {
        Some(self.of(id.0)?.sandboxes.get(&id)?.status.clone())
    }

    pub fn list_sandboxes(&self, machine: &str) -> Vec<SandboxStatus> {
        self.machine(machine)
            .map_or_else(Vec::new, |it| it.sandboxes.values().map(|s| s.status.clone()).gather())
    }
}
