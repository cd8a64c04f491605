//! Commands run inside a container: by probes and hooks, and by people.

use std::sync::Arc;
use std::time::Duration;

use sim::{Outbox, SimTime};

use super::Machine;
use super::container::{exec_error, start_of};
use crate::cri::{ContainerId, ExecConfig, ExecId, ExecOutcome, ExecResult, LogStream, Notice, Signal};
use crate::kernel::{Pid, World, signal};
use crate::{Event, MACHINE_SHIFT, Runtime, images};

/// Output that is kept for the result of a probe or a hook.
const OUTPUT_BYTES_MAX: usize = 16 << 10;
/// Output of an interactive command that nobody has read yet.
const UNREAD_BYTES_MAX: usize = 1 << 20;
/// From the call to the first instruction, and from the last one to the answer.
const EXEC_START: Duration = Duration::from_millis(35);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Exec {
    pub container: ContainerId,
    pub config: ExecConfig,
    pub pid: Option<Pid>,
    /// Typed before the process was there.
    pub early: Vec<u8>,
    pub closed_early: bool,
    pub deadline: Option<SimTime>,
    /// Standard output and standard error that nobody has read; both in the first for a result.
    output: [Vec<u8>; 2],
    pub timed_out: bool,
    /// Has ended; what it wrote may still be read.
    pub done: bool,
}

impl Exec {
    pub fn write(&mut self, stream: LogStream, bytes: &[u8]) {
        let (slot, limit) =
            if self.config.interactive { (stream as usize, UNREAD_BYTES_MAX) } else { (0, OUTPUT_BYTES_MAX) };
        let room = limit.saturating_sub(self.output[slot].len());
        self.output[slot].extend(&bytes[..bytes.len().min(room)]);
    }

    pub fn result(&mut self, code: i32) -> ExecResult {
        let output = if self.config.interactive { Vec::new() } else { std::mem::take(&mut self.output[0]) };
        ExecResult {
            output,
            outcome: if self.timed_out { ExecOutcome::TimedOut } else { ExecOutcome::Exited(code) },
        }
    }
}

impl Runtime {
    /// Ends in `Notice::ExecFinished`, also when the command could not be started.
    pub fn exec(
        &mut self,
        container: ContainerId,
        config: ExecConfig,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> ExecId {
        let id = ExecId(self.new_id((container.0 >> MACHINE_SHIFT) as usize));
        let start = if config.at_once { now } else { now + EXEC_START };
        let exec = Exec {
            container,
            deadline: config.timeout.map(|it| now + it),
            config,
            pid: None,
            early: Vec::new(),
            closed_early: false,
            output: Default::default(),
            timed_out: false,
            done: false,
        };
        if let Some(machine) = self.of_mut(id.0)
            && let Some(sandbox) = machine.containers.get(&container).copied()
        {
            machine.execs.insert(id, sandbox);
            if let Some(sandbox) = machine.sandbox_mut(sandbox) {
                sandbox.execs.insert(id, exec);
            }
        }
        outbox.at(start, Event::ExecStart { exec: id });
        id
    }

    pub(crate) fn start_exec(&mut self, id: ExecId, now: SimTime, outbox: &mut Outbox<Event>) {
        let outcome = self.try_start(id, now);
        match outcome {
            Ok(sandbox) => self.pump(sandbox, now, outbox),
            Err(text) => {
                let Some(machine) = self.of_mut(id.0) else { return };
                if let Some(sandbox) = machine.execs.remove(&id).and_then(|it| machine.sandbox_mut(it)) {
                    sandbox.execs.remove(&id);
                }
                let result = ExecResult { output: Vec::new(), outcome: ExecOutcome::Failed(text) };
                self.notify(id.0, Notice::ExecFinished { exec: id, result });
            }
        }
    }

    fn try_start(&mut self, id: ExecId, now: SimTime) -> Result<crate::cri::SandboxId, String> {
        let lost = || "container not running".to_owned();
        let Machine { sandboxes, trees, execs, .. } = self.of_mut(id.0).ok_or_else(lost)?;
        let sandbox_id = *execs.get(&id).ok_or_else(lost)?;
        let sandbox = sandboxes.get_mut(&sandbox_id).map(Arc::make_mut).ok_or_else(lost)?;
        let exec = sandbox.execs.get_mut(&id).ok_or_else(lost)?;
        let container = sandbox.containers.get(&exec.container).ok_or_else(lost)?;
        let (Some(space), Some(_)) = (container.space, container.pid) else {
            return Err(format!(
                "failed to exec in container: container is in {} state",
                state_name(container)
            ));
        };
        let mut start = start_of(container, &sandbox.config.hostname, exec.config.argv.clone());
        (start.sink, start.stdin, start.tty) = (id.0, exec.config.stdin, exec.config.tty);
        if exec.config.tty {
            Arc::make_mut(&mut start.environment).push(("TERM".to_owned(), "xterm".to_owned()));
        }
        let argv = start.argv.clone();
        let started = sandbox.kernel.start(space, start, &mut World { now, trees });
        let pid = started.map_err(|error| {
            // Each exec has an id of its own, which makes each such text another one.
            let hash = images::digest(&format!("exec {}", id.0));
            let hash = hash.trim_start_matches("sha256:");
            let why = exec_error(&argv, error);
            format!("failed to exec in container: failed to start exec \"{hash}\": OCI runtime exec failed: exec failed: unable to start container process: {why}: unknown")
        })?;
        exec.pid = Some(pid);
        let (early, closed) = (std::mem::take(&mut exec.early), exec.closed_early);
        if !early.is_empty() {
            sandbox.kernel.write_stdin(pid, &early, now);
        }
        if closed {
            sandbox.kernel.close_stdin(pid);
        }
        Ok(sandbox_id)
    }

    /// Types into an interactive command.
    pub fn exec_write(&mut self, exec: ExecId, bytes: &[u8], now: SimTime, outbox: &mut Outbox<Event>) {
        if let Some(waiting) = self.not_started(exec) {
            waiting.early.extend(bytes);
            return;
        }
        self.with_exec(exec, now, outbox, |sandbox, pid| sandbox.kernel.write_stdin(pid, bytes, now));
    }

    pub fn exec_close_stdin(&mut self, exec: ExecId, now: SimTime, outbox: &mut Outbox<Event>) {
        if let Some(waiting) = self.not_started(exec) {
            waiting.closed_early = true;
            return;
        }
        self.with_exec(exec, now, outbox, |sandbox, pid| sandbox.kernel.close_stdin(pid));
    }

    /// Where an interactive command on a terminal stands while it waits for a line: a shell at its prompt.
    pub fn exec_waits_for_line(&self, exec: ExecId) -> Option<&str> {
        let machine = self.of(exec.0)?;
        let sandbox = machine.sandboxes.get(machine.execs.get(&exec)?)?;
        let pid = sandbox.execs.get(&exec)?.pid?;
        sandbox.kernel.waits_for_line(pid)
    }

    /// A command whose process is still to come: what is typed meanwhile waits for it.
    fn not_started(&mut self, exec: ExecId) -> Option<&mut Exec> {
        let machine = self.of_mut(exec.0)?;
        let sandbox = machine.execs.get(&exec).copied()?;
        machine.sandbox_mut(sandbox)?.execs.get_mut(&exec).filter(|it| it.pid.is_none())
    }

    pub fn exec_signal(&mut self, exec: ExecId, number: Signal, now: SimTime, outbox: &mut Outbox<Event>) {
        self.with_exec(exec, now, outbox, |sandbox, pid| {
            sandbox.kernel.signal(pid, signal::number(number), now);
        });
    }

    fn with_exec(
        &mut self,
        exec: ExecId,
        now: SimTime,
        outbox: &mut Outbox<Event>,
        act: impl FnOnce(&mut super::Sandbox, Pid),
    ) {
        let Some(machine) = self.of_mut(exec.0) else { return };
        let Some(id) = machine.execs.get(&exec).copied() else { return };
        let Some(sandbox) = machine.sandbox_mut(id) else { return };
        if let Some(pid) = sandbox.execs.get(&exec).and_then(|it| it.pid) {
            act(sandbox, pid);
        }
        self.pump(id, now, outbox);
    }

    /// What an interactive command wrote since the last call: (standard output, standard error). After its end, what is
    /// left can still be read once.
    pub fn exec_read(&mut self, exec: ExecId) -> (Vec<u8>, Vec<u8>) {
        let Some(machine) = self.of_mut(exec.0) else { return Default::default() };
        let Some(sandbox) = machine.execs.get(&exec).copied() else { return Default::default() };
        let Some(found) = machine.sandboxes.get_mut(&sandbox) else { return Default::default() };
        let Some(waiting) = found.execs.get(&exec) else { return Default::default() };
        if waiting.output.iter().all(Vec::is_empty) && !waiting.done {
            return Default::default();
        }
        let found = Arc::make_mut(found);
        let Some(waiting) = found.execs.get_mut(&exec) else { return Default::default() };
        let [out, err] = std::mem::take(&mut waiting.output);
        if waiting.done {
            found.execs.remove(&exec);
            machine.execs.remove(&exec);
        }
        (out, err)
    }
}

fn state_name(container: &super::Container) -> &'static str {
    use crate::cri::ContainerState;
    match container.status.state {
        ContainerState::Created => "CONTAINER_CREATED",
        ContainerState::Running { .. } => "CONTAINER_RUNNING",
        ContainerState::Exited { .. } => "CONTAINER_EXITED",
    }
}
