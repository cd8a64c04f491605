//! What a kubectl of the workstation reaches: the API server, files, logs, commands in containers.

use api::{Actor, Because, Cause};
use cluster::Cluster;
use kubectl::{ExecRequest, ExecView, LogLine, LogView, Request, Resource, Response, Stdin, Watched, World};
use runtime::{
    ContainerId, ContainerState, ExecConfig, ExecId, ExecOutcome, External, LogOptions, LogStream, Signal,
};
use sim::{Gather as _, VecMap};

use crate::workstation::absolute;

/// Commands that a kubectl has started in containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Remotes {
    execs: VecMap<u64, ExecId>,
    attached: VecMap<u64, Attached>,
    ended: VecMap<u64, i32>,
    next: u64,
    /// The one that has a terminal and reads from it.
    terminal: Option<(ExecId, ContainerId)>,
}

/// A container whose own process somebody listens to, through its log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Attached {
    container: ContainerId,
    /// The first line that was not told whole, and how many of its bytes were.
    line: u64,
    bytes: usize,
}

impl Attached {
    fn read(&mut self, cluster: &Cluster) -> ExecView {
        let mut view = ExecView { stdout: Vec::new(), stderr: Vec::new(), exit: None, failed: false };
        let runtime = cluster.runtime();
        for line in runtime.logs(self.container, &LogOptions { from: self.line, ..LogOptions::default() }) {
            let out = if line.stream == LogStream::Stdout { &mut view.stdout } else { &mut view.stderr };
            let told = if line.number == self.line { self.bytes } else { 0 };
            out.extend(line.text.as_bytes().iter().skip(told));
            if line.whole {
                out.push(b'\n');
            }
            (self.line, self.bytes) =
                if line.whole { (line.number + 1, 0) } else { (line.number, line.text.len()) };
        }
        view.exit = match runtime.container_status(self.container).map(|it| it.state) {
            Some(ContainerState::Exited { exit_code, .. }) => Some(exit_code),
            Some(ContainerState::Created | ContainerState::Running { .. }) => None,
            None => Some(137),
        };
        view
    }
}

impl Remotes {
    /// The command that takes over the terminal, with its container, until it ends.
    pub fn terminal(&self) -> Option<(ExecId, ContainerId)> {
        self.terminal.filter(|it| self.execs.values().any(|exec| *exec == it.0))
    }

    /// Nobody listens any more.
    pub fn stop(&self, cluster: &mut Cluster) {
        let now = cluster.now();
        for exec in self.execs.values().copied() {
            cluster.with_runtime(|runtime, outbox| runtime.exec_signal(exec, Signal::Hup, now, outbox));
        }
    }
}

pub struct WorkstationWorld<'a> {
    pub cluster: &'a mut Cluster,
    pub external: External,
    pub container: ContainerId,
    pub remotes: &'a mut Remotes,
    /// The person's input that this command belongs to.
    pub input: u32,
    pub namespace: &'a mut String,
    /// Something was read or changed.
    pub moved: bool,
}

impl WorkstationWorld<'_> {
    /// The instance of a container that runs now.
    // Follows kubernetes v1.36 pkg/kubelet/server: getExec, getAttach.
    fn running(&self, namespace: &str, pod: &str, container: &str) -> Result<ContainerId, String> {
        let found = self.cluster.container_of(namespace, pod, container).ok();
        let runs = |id: &ContainerId| {
            let status = self.cluster.runtime().container_status(*id);
            status.is_some_and(|it| matches!(it.state, ContainerState::Running { .. }))
        };
        found.filter(runs).ok_or_else(|| no_such_container(container))
    }

    /// The newest instance, ended or not: who attaches too late still reads what it wrote and how it ended, as kubectl
    /// falls back to the log then.
    fn newest(&self, namespace: &str, pod: &str, container: &str) -> Result<ContainerId, String> {
        let sandbox = self.cluster.any_sandbox_of(namespace, pod);
        sandbox
            .and_then(|it| self.cluster.newest_in(it, container))
            .ok_or_else(|| no_such_container(container))
    }

    /// Whose log is asked for; or the kubelet's own words.
    fn logged(&self, namespace: &str, pod: &str, container: &str, previous: bool) -> Result<Logged, String> {
        let object = self.cluster.api().pod(namespace, pod);
        let Some(object) = object else { return Err(format!("pods \"{pod}\" not found")) };
        let node = object.spec.as_ref().and_then(|it| it.node_name.as_deref()).unwrap_or("");
        if node.is_empty() {
            // The server asks no kubelet then.
            return Ok(Logged::Nothing);
        }
        let uid = kubelet::pod::uid_on_node(object);
        let worker = self.cluster.kubelet(node).and_then(|it| it.worker(uid));
        let own = worker.and_then(|it| it.status.as_deref());
        let status = own.or(object.status.as_ref()).cloned().unwrap_or_default();
        let id = kubelet::logs::instance_of(pod, &status, container, previous)?;
        let runtime = self.cluster.runtime();
        let found = runtime
            .list_sandboxes(node)
            .iter()
            .filter(|it| it.pod_uid == uid)
            .flat_map(|it| runtime.list_containers(it.id))
            .find(|it| kubelet::container_id_text(*it) == id);
        Ok(found.map_or(Logged::Gone(id), Logged::Instance))
    }
}

fn no_such_container(name: &str) -> String {
    format!("unable to upgrade connection: container not found (\"{name}\")")
}

/// What stands behind a log that was asked for.
enum Logged {
    Instance(ContainerId),
    /// The Pod has no node yet.
    Nothing,
    /// The status names an instance that the runtime has removed.
    Gone(String),
}

impl World for WorkstationWorld<'_> {
    fn request(&mut self, request: &Request) -> Response {
        self.moved = true;
        let cause = Cause::new(Actor::User { input: self.input }, Because::Asked);
        let now = self.cluster.now();
        kubectl::serve(self.cluster.api_mut(), request, cause, now)
    }

    fn revision(&self) -> u64 {
        self.cluster.api().store().revision()
    }

    fn events_after(&mut self, resource: &Resource, namespace: &str, revision: u64) -> (Vec<Watched>, u64) {
        kubectl::watch(self.cluster.api(), resource, namespace, revision)
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let (now, container) = (self.cluster.now(), self.container);
        self.cluster.with_runtime(|runtime, _| runtime.read_file(container, &absolute(path), now))
    }

    fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let (now, container) = (self.cluster.now(), self.container);
        self.cluster.with_runtime(|runtime, _| runtime.write_file(container, &absolute(path), bytes, now));
        Ok(())
    }

    fn list_dir(&mut self, path: &str) -> Option<Vec<String>> {
        let (now, container) = (self.cluster.now(), self.container);
        self.cluster.with_runtime(|runtime, _| runtime.list_names(container, &absolute(path), now))
    }

    fn stdin(&mut self) -> Stdin {
        let (now, id) = (self.cluster.now(), self.external);
        let (bytes, eof) = self.cluster.with_runtime(|runtime, _| runtime.external_read(id, now));
        self.moved |= !bytes.is_empty();
        Stdin { bytes, eof }
    }

    fn set_namespace(&mut self, namespace: &str) {
        namespace.clone_into(self.namespace);
    }

    fn logs(
        &mut self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        from: usize,
    ) -> Result<LogView, String> {
        let id = match self.logged(namespace, pod, container, previous)? {
            Logged::Instance(id) => id,
            Logged::Nothing => return Ok(LogView { ended: true, ..LogView::default() }),
            Logged::Gone(id) => {
                let remark = ["unable to retrieve container logs for ", &id].concat();
                return Ok(LogView { ended: true, remark, ..LogView::default() });
            }
        };
        let runtime = self.cluster.runtime();
        let lines = runtime.logs(id, &LogOptions { from: from as u64, ..LogOptions::default() });
        let ended = !runtime
            .container_status(id)
            .is_some_and(|it| matches!(it.state, ContainerState::Running { .. }));
        Ok(LogView {
            // A line that is not finished is not in the log yet.
            lines: lines
                .into_iter()
                .filter(|it| it.whole || ended)
                .map(|it| LogLine { at: it.at, text: it.text.as_bytes().to_vec() })
                .gather(),
            ended,
            remark: String::new(),
        })
    }

    fn exec_start(&mut self, request: &ExecRequest) -> Result<u64, String> {
        let ExecRequest { namespace, pod, container, command, stdin, tty } = request.clone();
        if command.is_empty() {
            let id = self.newest(&namespace, &pod, &container)?;
            self.remotes.next += 1;
            let attached = Attached { container: id, line: 0, bytes: 0 };
            self.remotes.attached.insert(self.remotes.next, attached);
            return Ok(self.remotes.next);
        }
        let id = self.running(&namespace, &pod, &container)?;
        self.remotes.next += 1;
        let config = ExecConfig {
            argv: command,
            tty,
            stdin,
            interactive: true,
            at_once: true,
            ..ExecConfig::default()
        };
        let exec = self.cluster.exec(id, config);
        self.remotes.execs.insert(self.remotes.next, exec);
        if tty && stdin {
            self.remotes.terminal = Some((exec, id));
        }
        self.moved = true;
        Ok(self.remotes.next)
    }

    fn exec_write(&mut self, exec: u64, input: &Stdin) {
        let now = self.cluster.now();
        if let Some(attached) = self.remotes.attached.get(&exec) {
            let container = attached.container;
            self.cluster.with_runtime(|runtime, outbox| {
                if !input.bytes.is_empty() {
                    runtime.attach_write(container, &input.bytes, now, outbox);
                }
                if input.eof {
                    runtime.attach_close(container, now, outbox);
                }
            });
            return;
        }
        let Some(exec) = self.remotes.execs.get(&exec).copied() else { return };
        self.cluster.with_runtime(|runtime, outbox| {
            if !input.bytes.is_empty() {
                runtime.exec_write(exec, &input.bytes, now, outbox);
            }
            if input.eof {
                runtime.exec_close_stdin(exec, now, outbox);
            }
        });
    }

    fn exec_poll(&mut self, exec: u64) -> ExecView {
        if let Some(attached) = self.remotes.attached.get_mut(&exec) {
            let view = attached.read(self.cluster);
            self.moved |= view.exit.is_some() || !view.stdout.is_empty() || !view.stderr.is_empty();
            return view;
        }
        let Some(id) = self.remotes.execs.get(&exec).copied() else {
            return ExecView {
                stdout: Vec::new(),
                stderr: Vec::new(),
                exit: Some(*self.remotes.ended.get(&exec).unwrap_or(&137)),
                failed: false,
            };
        };
        let (stdout, mut stderr) = self.cluster.with_runtime(|runtime, _| runtime.exec_read(id));
        let mut failed = false;
        let exit = self.cluster.exec_result(id).map(|it| match it.outcome {
            ExecOutcome::Exited(code) => code,
            ExecOutcome::TimedOut => 124,
            ExecOutcome::Failed(text) => {
                failed = true;
                stderr.extend(format!("error: Internal error occurred: Internal error occurred: error executing command in container: {text}\n").bytes());
                1
            }
        });
        if let Some(code) = exit {
            self.remotes.execs.remove(&exec);
            self.remotes.ended.insert(exec, code);
        }
        self.moved |= exit.is_some() || !stdout.is_empty() || !stderr.is_empty();
        ExecView { stdout, stderr, exit, failed }
    }

    fn exec_stop(&mut self, exec: u64) {
        self.remotes.attached.remove(&exec);
        if let Some(exec) = self.remotes.execs.remove(&exec) {
            let now = self.cluster.now();
            self.cluster.with_runtime(|runtime, outbox| runtime.exec_signal(exec, Signal::Int, now, outbox));
        }
    }

    fn edit_start(&mut self, _path: &str) -> Result<u64, String> {
        Err("there is no editor at this terminal; edit the manifest on the page and apply it, or use kubectl patch".to_owned())
    }

    fn edit_done(&mut self, _edit: u64) -> Option<i32> {
        Some(1)
    }
}
