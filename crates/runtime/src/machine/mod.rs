//! One machine: its sandboxes, containers, volumes and images.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sim::{Outbox, SimTime};

use crate::cri::*;
use crate::{Event, Runtime};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub spec: MachineSpec,
    pub powered: bool,
    pub frozen: bool,
    images: BTreeSet<String>,
    sandboxes: BTreeMap<SandboxId, Arc<Sandbox>>,
    containers: BTreeMap<ContainerId, Arc<Container>>,
    volumes: BTreeMap<VolumeId, Arc<Volume>>,
    execs: BTreeMap<ExecId, ExecResult>,
    pulls: BTreeMap<PullId, (String, SimTime)>,
    requests: BTreeMap<RequestId, Result<HttpAnswer, ConnectError>>,
    next_address: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sandbox {
    config: SandboxConfig,
    status: SandboxStatus,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Container {
    config: ContainerConfig,
    status: ContainerStatus,
    ends: Option<(SimTime, i32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Volume {
    config: VolumeConfig,
    files: BTreeMap<String, VolumeFile>,
}

impl Machine {
    pub fn new(spec: MachineSpec) -> Machine {
        let images = spec.images.iter().cloned().collect();
        Machine {
            spec,
            powered: true,
            frozen: false,
            images,
            sandboxes: BTreeMap::new(),
            containers: BTreeMap::new(),
            volumes: BTreeMap::new(),
            execs: BTreeMap::new(),
            pulls: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_address: 1,
        }
    }

    pub fn fail(&mut self, now: SimTime) {
        self.powered = false;
        for sandbox in self.sandboxes.values_mut() {
            Arc::make_mut(sandbox).status.ready = false;
        }
        for container in self.containers.values_mut() {
            if let ContainerState::Running { .. } = container.status.state {
                Arc::make_mut(container).exit(255, ExitReason::Exit, now);
            }
        }
    }
}

impl Container {
    fn exit(&mut self, exit_code: i32, reason: ExitReason, now: SimTime) {
        let started_at = match self.status.state {
            ContainerState::Running { started_at } => started_at,
            ContainerState::Created | ContainerState::Exited { .. } => now,
        };
        self.status.state = ContainerState::Exited { started_at, finished_at: now, exit_code, reason };
    }
}

fn gone<T>(what: &str) -> Result<T, RuntimeError> {
    Err(RuntimeError(format!("rpc error: code = NotFound desc = {what}: not found")))
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
        let Some(index) = self.index_of(machine) else { return gone("machine") };
        let id = SandboxId(self.new_id(index));
        let Some(machine) = self.of_mut(id.0) else { return gone("machine") };
        let ip = if config.host_network {
            machine.spec.ip.clone()
        } else {
            machine.next_address += 1;
            format!("{}.{}", machine.spec.pod_network, machine.next_address % 253 + 2)
        };
        let status = SandboxStatus { id, pod_uid: config.pod_uid.clone(), ready: true, ip, created_at: now };
        machine.sandboxes.insert(id, Arc::new(Sandbox { config, status }));
        Ok(id)
    }

    /// Kills what still runs in it and gives its address back.
    pub fn stop_sandbox(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
        for container in self.list_containers(id) {
            self.signal_container(container, Signal::Kill, now, outbox);
        }
        if let Some(sandbox) = self.of_mut(id.0).and_then(|it| it.sandboxes.get_mut(&id)) {
            Arc::make_mut(sandbox).status.ready = false;
        }
    }

    /// The pause process dies of itself: everything in the sandbox goes, `Notice::SandboxDied` follows.
    pub fn kill_sandbox(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
        self.stop_sandbox(id, now, outbox);
        self.notify(id.0, Notice::SandboxDied { sandbox: id });
    }

    /// Forgets a sandbox and its containers.
    pub fn remove_sandbox(&mut self, id: SandboxId) {
        if let Some(machine) = self.of_mut(id.0) {
            machine.sandboxes.remove(&id);
            machine.containers.retain(|_, it| it.status.sandbox != id);
        }
    }

    pub fn sandbox_status(&self, id: SandboxId) -> Option<SandboxStatus> {
        Some(self.of(id.0)?.sandboxes.get(&id)?.status.clone())
    }

    pub fn list_sandboxes(&self, machine: &str) -> Vec<SandboxStatus> {
        self.machine(machine)
            .map_or_else(Vec::new, |it| it.sandboxes.values().map(|s| s.status.clone()).collect())
    }

    pub fn create_container(
        &mut self,
        sandbox: SandboxId,
        config: ContainerConfig,
        _now: SimTime,
    ) -> Result<ContainerId, RuntimeError> {
        let id = ContainerId(self.new_id((sandbox.0 >> crate::MACHINE_SHIFT) as usize));
        let Some(machine) = self.of_mut(sandbox.0) else { return gone("sandbox") };
        if !machine.sandboxes.contains_key(&sandbox) {
            return gone("sandbox");
        }
        let status = ContainerStatus {
            id,
            sandbox,
            name: config.name.clone(),
            attempt: config.attempt,
            image: config.image.clone(),
            image_id: config.image.clone(),
            state: ContainerState::Created,
            message: String::new(),
        };
        machine.containers.insert(id, Arc::new(Container { config, status, ends: None }));
        Ok(id)
    }

    /// On failure the container has exited with `StartError`.
    pub fn start_container(
        &mut self,
        id: ContainerId,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), RuntimeError> {
        let Some(container) = self.of_mut(id.0).and_then(|it| it.containers.get_mut(&id)) else {
            return gone("container");
        };
        let container = Arc::make_mut(container);
        container.status.state = ContainerState::Running { started_at: now };
        let argv: Vec<&str> =
            container.config.command.iter().chain(&container.config.args).map(String::as_str).collect();
        if argv.first() == Some(&"nosuchcmd") {
            container.exit(128, ExitReason::StartError, now);
            return Err(RuntimeError(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nosuchcmd\": executable file not found in $PATH: unknown".to_owned(),
            ));
        }
        container.ends = simple_end(&argv.join(" ")).map(|(after, code)| (now + after, code));
        if let Some((due, _)) = container.ends {
            outbox.at(due, Event::Wake { container: id });
        }
        Ok(())
    }

    /// To the container's first process.
    pub fn signal_container(
        &mut self,
        id: ContainerId,
        signal: Signal,
        now: SimTime,
        _outbox: &mut Outbox<Event>,
    ) {
        let Some(container) = self.of_mut(id.0).and_then(|it| it.containers.get_mut(&id)) else { return };
        let ContainerState::Running { .. } = container.status.state else { return };
        let container = Arc::make_mut(container);
        let code = match signal {
            Signal::Kill => 137,
            _ if container.config.command.is_empty() => 0,
            _ => return,
        };
        container.exit(code, ExitReason::Exit, now);
        self.notify(id.0, Notice::ContainerExited { container: id });
    }

    /// What the image asks to be stopped with; SIGTERM unless it says so.
    pub fn stop_signal(&self, _id: ContainerId) -> Signal {
        Signal::Term
    }

    pub fn remove_container(&mut self, id: ContainerId) {
        if let Some(machine) = self.of_mut(id.0) {
            machine.containers.remove(&id);
        }
    }

    pub fn container_status(&self, id: ContainerId) -> Option<ContainerStatus> {
        Some(self.of(id.0)?.containers.get(&id)?.status.clone())
    }

    pub fn container_stats(&self, _id: ContainerId) -> Option<ContainerStats> {
        Some(ContainerStats::default())
    }

    /// In-place resize: the new limits hold from now on.
    pub fn update_container(
        &mut self,
        id: ContainerId,
        cpu_limit_milli: Option<u64>,
        memory_limit_bytes: Option<u64>,
    ) {
        if let Some(container) = self.of_mut(id.0).and_then(|it| it.containers.get_mut(&id)) {
            let config = &mut Arc::make_mut(container).config;
            (config.cpu_limit_milli, config.memory_limit_bytes) = (cpu_limit_milli, memory_limit_bytes);
        }
    }

    /// All instances, oldest first.
    pub fn list_containers(&self, sandbox: SandboxId) -> Vec<ContainerId> {
        let Some(machine) = self.of(sandbox.0) else { return Vec::new() };
        machine.containers.values().filter(|it| it.status.sandbox == sandbox).map(|it| it.status.id).collect()
    }

    /// Ends in `Notice::ExecFinished`, also when the command could not be started.
    pub fn exec(
        &mut self,
        container: ContainerId,
        _config: ExecConfig,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> ExecId {
        let exec = ExecId(self.new_id((container.0 >> crate::MACHINE_SHIFT) as usize));
        if let Some(machine) = self.of_mut(exec.0) {
            machine.execs.insert(exec, ExecResult { output: Vec::new(), outcome: ExecOutcome::Exited(0) });
        }
        outbox.at(now + Duration::from_millis(20), Event::ExecDone { exec });
        exec
    }

    pub fn exec_write(&mut self, _exec: ExecId, _bytes: &[u8], _now: SimTime, _outbox: &mut Outbox<Event>) {}

    pub fn exec_close_stdin(&mut self, _exec: ExecId, _now: SimTime, _outbox: &mut Outbox<Event>) {}

    /// What an interactive command wrote since the last call: (standard output, standard error).
    pub fn exec_read(&mut self, _exec: ExecId) -> (Vec<u8>, Vec<u8>) {
        (Vec::new(), Vec::new())
    }

    pub fn exec_signal(
        &mut self,
        _exec: ExecId,
        _signal: Signal,
        _now: SimTime,
        _outbox: &mut Outbox<Event>,
    ) {
    }

    pub fn logs(&self, _container: ContainerId, _options: &LogOptions) -> Vec<LogLine> {
        Vec::new()
    }

    /// Ends in `Notice::PullFinished`; pulls of one machine come one after the other.
    pub fn pull_image(
        &mut self,
        machine: &str,
        image: &str,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> Result<PullId, PullError> {
        if image.contains("::") {
            return Err(PullError::InvalidName { image: image.to_owned() });
        }
        let Some(index) = self.index_of(machine) else { return Err(PullError::Failed("machine".to_owned())) };
        let pull = PullId(self.new_id(index));
        if let Some(machine) = self.of_mut(pull.0) {
            machine.pulls.insert(pull, (image.to_owned(), now));
        }
        outbox.at(now + Duration::from_millis(800), Event::PullDone { pull });
        Ok(pull)
    }

    /// `Err` for a name that cannot be parsed.
    pub fn image_present(&self, machine: &str, image: &str) -> Result<bool, PullError> {
        if image.contains("::") {
            return Err(PullError::InvalidName { image: image.to_owned() });
        }
        Ok(self.machine(machine).is_some_and(|it| it.images.contains(image)))
    }

    /// None when it is not on the machine.
    pub fn image_info(&self, machine: &str, image: &str) -> Option<ImageInfo> {
        self.machine(machine)?.images.get(image).map(|it| ImageInfo {
            name: it.clone(),
            id: it.clone(),
            size_bytes: 2_140_972,
            ..ImageInfo::default()
        })
    }

    pub fn list_images(&self, machine: &str) -> Vec<ImageInfo> {
        let Some(found) = self.machine(machine) else { return Vec::new() };
        found.images.iter().filter_map(|it| self.image_info(machine, it)).collect()
    }

    pub fn remove_image(&mut self, machine: &str, image: &str) {
        if let Some(machine) = self.machine_mut(machine) {
            machine.images.remove(image);
        }
    }

    /// A request from the machine itself (probes, hooks); ends in `Notice::RequestFinished`.
    pub fn request(
        &mut self,
        machine: &str,
        request: Request,
        _timeout: Duration,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> RequestId {
        let id = RequestId(self.new_id(self.index_of(machine).unwrap_or_default()));
        let (host, port) = match &request {
            Request::Http { host, port, .. }
            | Request::Tcp { host, port }
            | Request::Grpc { host, port, .. } => (host, *port),
        };
        let open = self.machines().any(|machine| {
            machine.containers.values().any(|it| {
                matches!(it.status.state, ContainerState::Running { .. })
                    && it.config.declared_ports.contains(&port)
                    && machine.sandboxes.get(&it.status.sandbox).is_some_and(|s| s.status.ip == *host)
            })
        });
        let dial = format!("dial tcp {host}:{port}: connect: connection refused");
        let result = match &request {
            Request::Http { path, .. } if !open => {
                Err(ConnectError::Refused(format!("Get \"http://{host}:{port}{path}\": {dial}")))
            }
            _ if !open => Err(ConnectError::Refused(dial)),
            Request::Http { .. } => Ok(HttpAnswer { status: 200, body: Vec::new() }),
            Request::Tcp { .. } | Request::Grpc { .. } => Ok(HttpAnswer { status: 0, body: Vec::new() }),
        };
        if let Some(machine) = self.of_mut(id.0) {
            machine.requests.insert(id, result);
        }
        outbox.at(now + Duration::from_millis(2), Event::RequestDone { request: id });
        id
    }

    pub fn create_volume(&mut self, machine: &str, config: VolumeConfig) -> VolumeId {
        let id = VolumeId(self.new_id(self.index_of(machine).unwrap_or_default()));
        if let Some(machine) = self.of_mut(id.0) {
            machine.volumes.insert(id, Arc::new(Volume { config, files: BTreeMap::new() }));
        }
        id
    }

    pub fn write_volume_file(&mut self, volume: VolumeId, file: VolumeFile, _now: SimTime) {
        if let Some(volume) = self.of_mut(volume.0).and_then(|it| it.volumes.get_mut(&volume)) {
            Arc::make_mut(volume).files.insert(file.path.clone(), file);
        }
    }

    /// Makes these the volume's only files, in one step: a changed ConfigMap.
    pub fn replace_volume_files(&mut self, volume: VolumeId, files: Vec<VolumeFile>, _now: SimTime) {
        if let Some(volume) = self.of_mut(volume.0).and_then(|it| it.volumes.get_mut(&volume)) {
            Arc::make_mut(volume).files = files.into_iter().map(|it| (it.path.clone(), it)).collect();
        }
    }

    pub fn volume_files(&self, volume: VolumeId) -> Vec<FileView> {
        let Some(volume) = self.of(volume.0).and_then(|it| it.volumes.get(&volume)) else {
            return Vec::new();
        };
        let view = |it: &VolumeFile| FileView {
            path: it.path.clone(),
            directory: false,
            size_bytes: it.content.len() as u64,
            mode: it.mode,
            text: String::from_utf8_lossy(&it.content).into_owned(),
        };
        volume.files.values().map(view).collect()
    }

    /// Bytes that its files take.
    pub fn volume_usage(&self, volume: VolumeId) -> u64 {
        self.volume_files(volume).iter().map(|it| it.size_bytes).sum()
    }

    pub fn remove_volume(&mut self, volume: VolumeId) {
        if let Some(machine) = self.of_mut(volume.0) {
            machine.volumes.remove(&volume);
        }
    }

    /// What lies at a path of the machine itself.
    pub fn host_path_kind(&self, _machine: &str, _path: &str) -> Option<HostPathKind> {
        Some(HostPathKind::Directory)
    }

    /// Makes an empty file or directory, with its parents, at a path of the machine itself.
    pub fn make_host_path(&mut self, _machine: &str, _path: &str, _kind: HostPathKind, _now: SimTime) {}

    pub(crate) fn wake(&mut self, id: ContainerId, now: SimTime, _outbox: &mut Outbox<Event>) {
        let Some(container) = self.of_mut(id.0).and_then(|it| it.containers.get_mut(&id)) else { return };
        let ContainerState::Running { .. } = container.status.state else { return };
        let Some((due, code)) = container.ends else { return };
        if due <= now {
            Arc::make_mut(container).exit(code, ExitReason::Exit, now);
            self.notify(id.0, Notice::ContainerExited { container: id });
        }
    }

    pub(crate) fn finish_exec(&mut self, exec: ExecId) {
        if let Some(result) = self.of_mut(exec.0).and_then(|it| it.execs.remove(&exec)) {
            self.notify(exec.0, Notice::ExecFinished { exec, result });
        }
    }

    pub(crate) fn finish_pull(&mut self, pull: PullId, now: SimTime) {
        let Some(machine) = self.of_mut(pull.0) else { return };
        let Some((image, since)) = machine.pulls.remove(&pull) else { return };
        let took = now.since(since);
        let result = if image.contains("nosuch") {
            let name = if image.contains(':') { image } else { format!("{image}:latest") };
            Err(PullError::Failed(format!(
                "failed to pull and unpack image \"docker.io/library/{name}\": failed to resolve reference \"docker.io/library/{name}\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
            )))
        } else {
            machine.images.insert(image.clone());
            Ok(PulledImage { image, size_bytes: 2_140_972, took, took_with_waiting: took })
        };
        self.notify(pull.0, Notice::PullFinished { pull, result });
    }

    pub(crate) fn finish_request(&mut self, request: RequestId) {
        if let Some(result) = self.of_mut(request.0).and_then(|it| it.requests.remove(&request)) {
            self.notify(request.0, Notice::RequestFinished { request, result });
        }
    }
}

/// When a command of a few `sleep N` and an `exit N` ends.
fn simple_end(command: &str) -> Option<(Duration, i32)> {
    let mut words = command.split([' ', ';']);
    let (mut seconds, mut code, mut known) = (0, 0, false);
    while let Some(word) = words.next() {
        match word {
            "sleep" => seconds += words.next()?.parse::<u64>().ok()?,
            "exit" => (code, known) = (words.next()?.parse().ok()?, true),
            "true" | "echo" => known = true,
            _ => {}
        }
    }
    (known || 0 < seconds).then_some((Duration::from_secs(seconds), code))
}
