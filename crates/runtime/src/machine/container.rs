//! Containers: created from an image, started, signalled, removed.

use std::sync::Arc;

use sim::{Gather as _, Outbox, SimTime};

use super::log::Log;
use super::sandbox::Container;
use super::script::Script;
use super::{Machine, not_found};
use crate::cri::{
    ContainerConfig, ContainerId, ContainerState, ContainerStats, ContainerStatus, ExitReason, LogLine,
    LogOptions, MountSource, RuntimeError, SandboxId, Signal,
};
use crate::files::{Ino, Mounts, Node, Owner, Tree, TreeId};
use crate::images::{self, Spec};
use crate::kernel::{Credentials, Environment, Errno, Program, Start, World, signal};
use crate::{Event, MACHINE_SHIFT, Runtime};

const CREATE_FAILED: &str = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
/// What the kubelet keeps of a termination message.
const MESSAGE_BYTES_MAX: usize = 4096;

/// In runc's words.
pub(super) fn exec_error(argv: &[String], error: Errno) -> String {
    let name = argv.first().map_or("", String::as_str);
    let why = match error {
        Errno::NotFound if name.contains('/') => format!("stat {name}: no such file or directory"),
        Errno::NotFound => "executable file not found in $PATH".to_owned(),
        Errno::NotDirectory => format!("stat {name}: not a directory"),
        Errno::ExecFormat => return format!("exec {name}: exec format error"),
        other => other.to_string().to_ascii_lowercase(),
    };
    format!("exec: \"{name}\": {why}")
}

impl Machine {
    /// The image by a name that somebody wrote, or by what it got pulled as.
    pub(crate) fn image(&self, name: &str) -> Option<&Arc<Spec>> {
        let reference = images::parse(name).ok()?;
        self.images.get(&*reference.canonical())
    }
}

impl Runtime {
    pub fn create_container(
        &mut self,
        sandbox: SandboxId,
        config: ContainerConfig,
        now: SimTime,
    ) -> Result<ContainerId, RuntimeError> {
        let id = ContainerId(self.new_id((sandbox.0 >> MACHINE_SHIFT) as usize));
        let Some(image) = self.of(sandbox.0).and_then(|it| it.image(&config.image)).cloned() else {
            return not_found(&format!(
                "failed to create container: get image from containerd \"{}\"",
                config.image
            ));
        };
        let tree = self.image_tree(&image);
        let Some(machine) = self.of_mut(sandbox.0) else { return not_found("sandbox") };
        if !machine.sandboxes.contains_key(&sandbox) {
            return not_found(&format!("failed to find sandbox id \"{}\"", sandbox.0));
        }
        let root = machine.trees.add(tree);
        let mut private = Tree::default();
        let placed = private.put_text("termination-log", "", 0o666);
        debug_assert!(placed.is_ok());
        let private = machine.trees.add(private);
        let status = ContainerStatus {
            id,
            sandbox,
            name: config.name.clone(),
            attempt: config.attempt,
            image: image.name.to_string(),
            image_id: format!("{}@{}", image.repository(), image.digest),
            state: ContainerState::Created,
            message: String::new(),
        };
        let container = Container {
            script: Script::parse(&config.script),
            limits: (config.cpu_limit_milli, config.memory_limit_bytes),
            config: Arc::new(config),
            status,
            image,
            root,
            private,
            space: None,
            pid: None,
            log: Log::default(),
            oom: false,
        };
        machine.containers.insert(id, sandbox);
        if let Some(sandbox) = machine.sandbox_mut(sandbox) {
            sandbox.containers.insert(id, container);
        }
        if let Err(error) = mount(machine, id, now) {
            self.remove_container(id);
            return Err(error);
        }
        Ok(id)
    }

    /// The image's files, made when the first container asks for them.
    fn image_tree(&mut self, image: &Spec) -> Arc<Tree> {
        if let Some(tree) = self.image_trees.get(&image.name) {
            return Arc::clone(tree);
        }
        let tree = Arc::new(image.tree());
        Arc::make_mut(&mut self.image_trees).insert(Arc::clone(&image.name), Arc::clone(&tree));
        tree
    }

    /// On failure the container has exited with `StartError`, code 128.
    pub fn start_container(
        &mut self,
        id: ContainerId,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> Result<(), RuntimeError> {
        let Some(machine) = self.of_mut(id.0) else { return not_found("container") };
        let Some(sandbox_id) = machine.containers.get(&id).copied() else { return not_found("container") };
        let Machine { sandboxes, trees, .. } = machine;
        let Some(sandbox) = sandboxes.get_mut(&sandbox_id).map(Arc::make_mut) else {
            return not_found("sandbox");
        };
        let Some(container) = sandbox.containers.get_mut(&id) else { return not_found("container") };
        let start = start_of(container, &sandbox.config.hostname, argv(container));
        let argv = start.argv.clone();
        let outcome = match container.space.filter(|_| sandbox.status.ready) {
            None => Err(format!("sandbox container \"{}\" is not running", sandbox_id.0)),
            Some(_) if argv.is_empty() => Err("no command specified".to_owned()),
            Some(space) => {
                let started = sandbox.kernel.start(space, start, &mut World { now, trees });
                started.map_err(|error| format!("{CREATE_FAILED}{}: unknown", exec_error(&argv, error)))
            }
        };
        match outcome {
            Ok(pid) => {
                container.pid = Some(pid);
                container.status.state = ContainerState::Running { started_at: now };
            }
            Err(text) => {
                container.exit(128, ExitReason::StartError, now);
                container.status.message.clone_from(&text);
                return Err(RuntimeError(text));
            }
        }
        self.pump(sandbox_id, now, outbox);
        Ok(())
    }

    /// To the container's first process.
    pub fn signal_container(
        &mut self,
        id: ContainerId,
        number: Signal,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(machine) = self.of_mut(id.0) else { return };
        let Some(sandbox_id) = machine.containers.get(&id).copied() else { return };
        let Some(sandbox) = machine.sandbox_mut(sandbox_id) else { return };
        let Some(container) = sandbox.containers.get(&id) else { return };
        if let (Signal::Kill, Some(space)) = (number, container.space) {
            sandbox.kernel.kill_space(space, now);
        } else if let Some(pid) = container.pid {
            sandbox.kernel.signal(pid, signal::number(number), now);
        }
        self.pump(sandbox_id, now, outbox);
    }

    /// What the image asks to be stopped with; SIGTERM unless it says so.
    pub fn stop_signal(&self, id: ContainerId) -> Signal {
        let text =
            self.of(id.0).and_then(|it| it.container(id)).map_or("", |it| it.image.stop_signal.as_str());
        parse_signal(text).unwrap_or(Signal::Term)
    }

    pub fn remove_container(&mut self, id: ContainerId) {
        let Some(machine) = self.of_mut(id.0) else { return };
        let Some(sandbox) = machine.containers.remove(&id) else { return };
        let Some(found) = machine.sandbox_mut(sandbox) else { return };
        let Some(container) = found.containers.remove(&id) else { return };
        if let Some(space) = container.space {
            found.kernel.remove_space(space, SimTime::MAX);
        }
        machine.trees.remove(container.root);
        machine.trees.remove(container.private);
    }

    pub fn container_status(&self, id: ContainerId) -> Option<ContainerStatus> {
        Some(self.of(id.0)?.container(id)?.status.clone())
    }

    pub fn container_stats(&self, id: ContainerId, now: SimTime) -> Option<ContainerStats> {
        let machine = self.of(id.0)?;
        let sandbox = machine.sandboxes.get(machine.containers.get(&id)?)?;
        let container = sandbox.containers.get(&id)?;
        let tree = self.image_trees.get(&container.image.name);
        let written = machine.trees.get(container.root).map_or(0, Tree::used);
        let mut stats = ContainerStats {
            disk_bytes: written.saturating_sub(tree.map_or(0, |it| it.used())),
            log_bytes: container.log.written,
            ..ContainerStats::default()
        };
        let (Some(space), Some(started)) = (container.space, container.started_at()) else {
            return Some(stats);
        };
        stats.memory_bytes = sandbox.kernel.memory_of(space) + container.script.memory_at(started, now);
        let busy = sandbox.kernel.processes().filter(|it| it.space == space).map(|it| match it.program() {
            Program::Server(server) => server.cpu_milli(),
            _ => 0,
        });
        let used = sandbox.kernel.space(space).map_or(0, |it| it.recent_cpu_milli(now));
        stats.cpu_milli =
            (busy.sum::<u64>() + used).min(container.limits.0.unwrap_or(machine.spec.cpu_milli));
        Some(stats)
    }

    /// In-place resize: the new limits hold from now on.
    pub fn update_container(
        &mut self,
        id: ContainerId,
        cpu_limit_milli: Option<u64>,
        memory_limit_bytes: Option<u64>,
    ) {
        let Some(machine) = self.of_mut(id.0) else { return };
        let Some(sandbox) = machine.containers.get(&id).copied().and_then(|it| machine.sandbox_mut(it))
        else {
            return;
        };
        let Some(container) = sandbox.containers.get_mut(&id) else { return };
        container.limits = (cpu_limit_milli, memory_limit_bytes);
        if let Some(space) = container.space.and_then(|it| sandbox.kernel.space_mut(it)) {
            (space.cpu_limit_milli, space.memory_limit_bytes) = (cpu_limit_milli, memory_limit_bytes);
            space.quota.pressed = true;
        }
    }

    /// What it may use of CPU (in thousandths) and memory (in bytes).
    pub fn container_limits(&self, id: ContainerId) -> Option<(Option<u64>, Option<u64>)> {
        self.of(id.0)?.container(id).map(|it| it.limits)
    }

    /// All instances, oldest first.
    pub fn list_containers(&self, sandbox: SandboxId) -> Vec<ContainerId> {
        let found = self.of(sandbox.0).and_then(|it| it.sandboxes.get(&sandbox));
        found.map_or_else(Vec::new, |it| it.containers.keys().copied().gather())
    }

    /// What one instance wrote, as far as it is kept; an earlier instance is a container of its own.
    pub fn logs(&self, container: ContainerId, options: &LogOptions) -> Vec<LogLine> {
        self.of(container.0)
            .and_then(|it| it.container(container))
            .map_or_else(Vec::new, |it| it.log.lines(options))
    }

    /// For a container that was started with `stdin`.
    pub fn attach_write(&mut self, id: ContainerId, bytes: &[u8], now: SimTime, outbox: &mut Outbox<Event>) {
        self.with_process(id, now, outbox, |sandbox, pid| sandbox.kernel.write_stdin(pid, bytes, now));
    }

    /// Nothing more will be typed.
    pub fn attach_close(&mut self, id: ContainerId, now: SimTime, outbox: &mut Outbox<Event>) {
        self.with_process(id, now, outbox, |sandbox, pid| sandbox.kernel.close_stdin(pid));
    }

    fn with_process(
        &mut self,
        id: ContainerId,
        now: SimTime,
        outbox: &mut Outbox<Event>,
        act: impl FnOnce(&mut super::Sandbox, crate::kernel::Pid),
    ) {
        let Some(machine) = self.of_mut(id.0) else { return };
        let Some(sandbox_id) = machine.containers.get(&id).copied() else { return };
        let Some(sandbox) = machine.sandbox_mut(sandbox_id) else { return };
        if let Some(pid) = sandbox.containers.get(&id).and_then(|it| it.pid) {
            act(sandbox, pid);
        }
        self.pump(sandbox_id, now, outbox);
    }
}

impl Container {
    /// The end of the termination message file.
    pub fn termination_message(&self, trees: &crate::files::Trees) -> String {
        let Some(tree) = trees.get(self.private) else { return String::new() };
        let Some(ino) = tree.find("termination-log") else { return String::new() };
        let size = tree.get(ino).map_or(0, crate::files::Inode::size);
        let from = size.saturating_sub(MESSAGE_BYTES_MAX as u64);
        String::from_utf8_lossy(&tree.read(ino, from, MESSAGE_BYTES_MAX).unwrap_or_default()).into_owned()
    }
}

fn parse_signal(text: &str) -> Option<Signal> {
    Some(match signal::parse(text)? {
        signal::HUP => Signal::Hup,
        signal::INT => Signal::Int,
        signal::QUIT => Signal::Quit,
        signal::KILL => Signal::Kill,
        signal::TERM => Signal::Term,
        10 => Signal::Usr1,
        12 => Signal::Usr2,
        28 => Signal::Winch,
        _ => return None,
    })
}

/// ENTRYPOINT and CMD with what the Pod says instead: its command also replaces CMD.
fn argv(container: &Container) -> Vec<String> {
    let (config, image) = (&container.config, &container.image);
    let entrypoint = if config.command.is_empty() { &image.entrypoint } else { &config.command };
    let cmd = if config.command.is_empty() && config.args.is_empty() { &image.cmd } else { &config.args };
    entrypoint.iter().chain(cmd).cloned().gather()
}

pub(super) fn start_of(container: &Container, hostname: &str, argv: Vec<String>) -> Start {
    let config = &container.config;
    let uid = config.run_as_user.map_or_else(|| container.image.uid().unwrap_or(0), |it| it as u32);
    let gid = config
        .run_as_group
        .map_or(if uid == 0 || config.run_as_user.is_some() { 0 } else { uid }, |it| it as u32);
    let groups = config.groups.iter().map(|it| *it as u32).gather();
    Start {
        argv,
        environment: environment(container, hostname, uid),
        directory: if config.working_dir.is_empty() {
            container.image.workdir.clone()
        } else {
            config.working_dir.clone()
        },
        credentials: Credentials { uid, gid, groups: Arc::new(groups) },
        sink: container.status.id.0,
        stdin: config.stdin,
        tty: config.tty,
    }
}

/// The image's, then HOSTNAME, then the Pod's; the last of a name counts.
fn environment(container: &Container, hostname: &str, uid: u32) -> Environment {
    let mut all: Vec<(String, String)> = Vec::with_capacity(container.config.env.len() + 8);
    let mut set = |key: &str, value: &str| match all.iter_mut().find(|it| it.0 == key) {
        Some(found) => value.clone_into(&mut found.1),
        None => all.push((key.to_owned(), value.to_owned())),
    };
    for (key, value) in &container.image.env {
        set(key, value);
    }
    set("HOSTNAME", hostname);
    if container.config.tty {
        set("TERM", "xterm");
    }
    for (key, value) in &container.config.env {
        set(key, value);
    }
    if !all.iter().any(|it| it.0 == "HOME") {
        all.push(("HOME".to_owned(), if uid == 0 { "/root".to_owned() } else { "/".to_owned() }));
    }
    Arc::new(all)
}

/// Makes the container's view of files and its place in the kernel.
fn mount(machine: &mut Machine, id: ContainerId, now: SimTime) -> Result<(), RuntimeError> {
    let Some(sandbox_id) = machine.containers.get(&id).copied() else { return not_found("container") };
    let Some(sandbox) = machine.sandboxes.get(&sandbox_id).cloned() else { return not_found("sandbox") };
    let Some(container) = sandbox.containers.get(&id) else { return not_found("container") };
    let config = Arc::clone(&container.config);
    let mut mounts = Mounts::root(container.root, config.read_only_root);
    let devices = machine.trees.add(Arc::clone(&machine.devices));
    mounts.mount("/dev", devices, Tree::ROOT, false, "tmpfs");
    let files = machine.trees.get(sandbox.files);
    for name in ["hosts", "hostname", "resolv.conf"] {
        if let Some(ino) = files.and_then(|it| it.find(name)) {
            mounts.mount(&format!("/etc/{name}"), sandbox.files, ino, false, "/dev/sda1");
        }
    }
    if !config.working_dir.is_empty() {
        make_mount_point(machine, &mounts, &config.working_dir, true, now);
    }
    for wanted in &config.mounts {
        let (tree, ino) = source(machine, &wanted.source, &wanted.sub_path, now)?;
        let directory = machine.trees.get(tree).is_some_and(|it| it.entries(ino).is_ok());
        let at = make_mount_point(machine, &mounts, &wanted.path, directory, now);
        mounts.mount(&at, tree, ino, wanted.read_only, "/dev/sda1");
    }
    let path = &config.termination_message_path;
    if !path.is_empty() {
        let ino = machine.trees.get(container.private).and_then(|it| it.find("termination-log"));
        let at = make_mount_point(machine, &mounts, path, false, now);
        mounts.mount(&at, container.private, ino.unwrap_or(Tree::ROOT), false, "/dev/sda1");
    }
    let facts = Arc::new(sandbox.facts(machine, &config, &container.image));
    let target = config.target.and_then(|it| sandbox.containers.get(&it)?.space);
    let target = target.and_then(|it| sandbox.kernel.space(it)).map(|it| it.namespace);
    let namespace = target.or_else(|| sandbox.namespace());
    drop(sandbox);
    let Some(sandbox) = machine.sandbox_mut(sandbox_id) else { return not_found("sandbox") };
    let space = sandbox.kernel.add_space(mounts, facts, namespace);
    if let Some(found) = sandbox.kernel.space_mut(space) {
        (found.cpu_limit_milli, found.memory_limit_bytes) =
            (config.cpu_limit_milli, config.memory_limit_bytes);
    }
    if let Some(container) = sandbox.containers.get_mut(&id) {
        container.space = Some(space);
    }
    Ok(())
}

/// Where a mount's tree is, and the file or directory in it.
fn source(
    machine: &mut Machine,
    source: &MountSource,
    sub_path: &str,
    now: SimTime,
) -> Result<(TreeId, Ino), RuntimeError> {
    let (tree, base) = match source {
        MountSource::Volume(volume) => {
            let Some(volume) = machine.volumes.get(volume) else { return not_found("volume") };
            (volume.tree, String::new())
        }
        MountSource::HostPath(path) => (machine.host, path.trim_matches('/').to_owned()),
    };
    let path = if sub_path.is_empty() { base } else { format!("{base}/{sub_path}") };
    let Some(found) = machine.trees.get_mut(tree) else { return not_found("volume") };
    // What is not there gets made as a directory, as the kubelet does for a sub-path and containerd for a host path.
    let ino = match follow(found, &path) {
        Some(ino) => Some(ino),
        None => found.make_directories(&path, 0o755, Owner { uid: 0, gid: 0, now }).ok(),
    };
    let Some(ino) = ino else {
        return Err(RuntimeError(format!("failed to mount \"{path}\": not a directory")));
    };
    Ok((tree, ino))
}

/// Like `Tree::find`, but through links (a ConfigMap's `..data`).
pub(super) fn follow(tree: &Tree, path: &str) -> Option<Ino> {
    let parts = |text: &str| text.split('/').rev().map(str::to_owned).collect::<Vec<String>>();
    let mut todo = parts(path);
    let mut at = vec![Tree::ROOT];
    let mut links = 0;
    while let Some(name) = todo.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                at.truncate((at.len() - 1).max(1));
                continue;
            }
            _ => {}
        }
        let ino = tree.lookup(*at.last()?, &name)?;
        let Node::Symlink(target) = &tree.get(ino)?.node else {
            at.push(ino);
            continue;
        };
        links += 1;
        if LINKS_MAX < links {
            return None;
        }
        if target.starts_with('/') {
            at.truncate(1);
        }
        todo.extend(parts(target));
    }
    at.last().copied()
}

/// Links followed on one path.
const LINKS_MAX: u32 = 40;

/// The path that a mount covers, without links; made in the tree that is there when it is missing.
fn make_mount_point(
    machine: &mut Machine,
    mounts: &Mounts,
    path: &str,
    directory: bool,
    now: SimTime,
) -> String {
    if let Ok(found) = mounts.resolve(&machine.trees, path, true)
        && found.ino.is_some()
    {
        return found.path;
    }
    let owner = Owner { uid: 0, gid: 0, now };
    let mut at = String::new();
    let names: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).gather();
    for (number, name) in names.iter().enumerate() {
        let Ok(found) = mounts.resolve(&machine.trees, &format!("{at}/{name}"), true) else {
            return path.to_owned();
        };
        at.clone_from(&found.path);
        if found.ino.is_some() {
            continue;
        }
        let last = number + 1 == names.len();
        let node = if last && !directory {
            Node::File(crate::files::Content::text(""))
        } else {
            Node::Directory(sim::VecMap::new())
        };
        if let Some(tree) = machine.trees.get_mut(found.tree) {
            let made = tree.create(found.parent, &found.name, node, 0o755, owner);
            debug_assert!(made.is_ok());
        }
    }
    at
}
