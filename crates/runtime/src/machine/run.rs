//! Lets processes run, and carries what comes out of the kernels to where it belongs.

use std::sync::Arc;

use sim::{Gather as _, Outbox, SimTime};

use super::{Container, Machine, Sandbox};
use crate::cri::{ContainerId, ExecId, ExitReason, Notice, SandboxId};
use crate::kernel::net::{Call, CallId, ConnectionId, Reply};
use crate::kernel::{Pid, World, signal};
use crate::{Event, Runtime};

/// Kernels that one event may make run: two containers that ask each other without end wait for the next instant.
const ROUNDS_MAX: u32 = 256;

/// What a kernel left for others to do.
#[derive(Default)]
struct Left {
    notices: Vec<Notice>,
    calls: Vec<(CallId, Pid, Call)>,
    replies: Vec<(ConnectionId, Reply)>,
}

impl Runtime {
    /// Runs a sandbox as far as it gets at this instant, and all whom it talks to.
    pub(crate) fn pump(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
        let mut todo = vec![id];
        for _ in 0..ROUNDS_MAX {
            let Some(id) = todo.pop() else { return };
            let Some(left) = self.run_kernel(id, now, outbox) else { continue };
            if self.of_mut(id.0).is_some_and(Machine::manifests_changed) {
                self.notify(id.0, Notice::ManifestsChanged);
            }
            for notice in left.notices {
                self.notify(id.0, notice);
            }
            for (call, _, what) in left.calls {
                self.call(id, call, what, now, outbox, &mut todo);
            }
            for (connection, reply) in left.replies {
                self.replied(id, connection, reply, now, outbox);
            }
        }
        for id in todo {
            outbox.at(now + std::time::Duration::from_millis(1), Event::Wake { sandbox: id });
        }
    }

    pub(crate) fn wake(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
        let Some(sandbox) = self.of_mut(id.0).filter(|it| it.powered).and_then(|it| it.sandbox_mut(id))
        else {
            return;
        };
        if sandbox.wake_at.is_some_and(|it| it <= now) {
            sandbox.wake_at = None;
        }
        self.pump(id, now, outbox);
    }

    fn run_kernel(&mut self, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) -> Option<Left> {
        let machine = self.of_mut(id.0).filter(|it| it.powered)?;
        share_host_ports(machine, id);
        let Machine { sandboxes, trees, oom_kills_container, execs, .. } = machine;
        let sandbox = Arc::make_mut(sandboxes.get_mut(&id)?);
        let mut left = Left::default();
        let mut ended_execs = Vec::new();
        loop {
            end_scripted(sandbox, now);
            time_out_execs(sandbox, now);
            sandbox.kernel.run(&mut World { now, trees });
            collect_output(sandbox, now);
            let oom = kill_greedy(sandbox, *oom_kills_container, now);
            let exits = sandbox.kernel.take_exits();
            if exits.is_empty() && !oom {
                break;
            }
            for exit in exits {
                if sandbox.pause.is_some_and(|it| it.1 == exit.pid) {
                    sandbox.pause = None;
                    sandbox.status.ready = false;
                    kill_all(sandbox, now);
                    left.notices.push(Notice::SandboxDied { sandbox: id });
                } else if let Some(container) = container_of(sandbox, exit.pid) {
                    end_container(sandbox, container, exit.code, trees, now);
                    left.notices.push(Notice::ContainerExited { container });
                } else if let Some(exec) = exec_of(sandbox, exit.pid) {
                    left.notices.extend(end_exec(sandbox, exec, exit.code, &mut ended_execs));
                }
            }
        }
        for exec in ended_execs {
            execs.remove(&exec);
        }
        left.calls = sandbox.kernel.take_calls();
        left.replies = sandbox.kernel.take_replies();
        schedule(sandbox, id, now, outbox);
        Some(left)
    }
}

/// Pods on the machine's own network have one set of ports.
fn share_host_ports(machine: &mut Machine, id: SandboxId) {
    if !machine.sandboxes.get(&id).is_some_and(|it| it.config.host_network) {
        return;
    }
    let others = machine.sandboxes.iter().filter(|it| *it.0 != id && it.1.config.host_network);
    let taken: Vec<u16> = others.flat_map(|it| it.1.kernel.listeners().keys().copied()).gather();
    if let Some(sandbox) = machine.sandbox_mut(id) {
        sandbox.kernel.taken_ports = taken;
    }
}

fn schedule(sandbox: &mut Sandbox, id: SandboxId, now: SimTime, outbox: &mut Outbox<Event>) {
    let scripts = sandbox.containers.values().filter_map(|it| it.script.next(it.started_at()?, now));
    let deadlines =
        sandbox.execs.values().filter(|it| it.pid.is_some() && !it.timed_out).filter_map(|it| it.deadline);
    let Some(next) = sandbox.kernel.next_wake().into_iter().chain(scripts).chain(deadlines).min() else {
        return;
    };
    // Somebody who is ready but got no turn gets it a moment later.
    let next = next.max(now + std::time::Duration::from_micros(1));
    if sandbox.wake_at.is_none_or(|it| next < it || it <= now) {
        sandbox.wake_at = Some(next);
        outbox.at(next, Event::Wake { sandbox: id });
    }
}

fn container_of(sandbox: &Sandbox, pid: Pid) -> Option<ContainerId> {
    sandbox.containers.iter().find(|it| it.1.pid == Some(pid)).map(|it| *it.0)
}

fn exec_of(sandbox: &Sandbox, pid: Pid) -> Option<ExecId> {
    sandbox.execs.iter().find(|it| it.1.pid == Some(pid)).map(|it| *it.0)
}

/// Output goes to a container's log or to the command that was run; both are known by their id.
pub(crate) fn collect_output(sandbox: &mut Sandbox, now: SimTime) {
    for output in sandbox.kernel.take_outputs() {
        if let Some(container) = sandbox.containers.get_mut(&ContainerId(output.sink)) {
            container.log.write(output.stream, &output.bytes, now);
        } else if let Some(exec) = sandbox.execs.get_mut(&ExecId(output.sink)) {
            exec.write(output.stream, &output.bytes);
        }
    }
}

/// The end of the first process is the end of the container: whatever else runs in it goes, too.
fn end_container(
    sandbox: &mut Sandbox,
    id: ContainerId,
    code: i32,
    trees: &crate::files::Trees,
    now: SimTime,
) {
    let Some(container) = sandbox.containers.get_mut(&id) else { return };
    let reason = if container.oom { ExitReason::OomKilled } else { ExitReason::Exit };
    container.exit(code, reason, now);
    container.status.message = container.termination_message(trees);
    if let Some(space) = container.space {
        sandbox.kernel.kill_space(space, now);
    }
}

fn end_exec(sandbox: &mut Sandbox, id: ExecId, code: i32, ended: &mut Vec<ExecId>) -> Option<Notice> {
    let exec = sandbox.execs.get_mut(&id)?;
    exec.done = true;
    exec.pid = None;
    let result = exec.result(code);
    if !exec.config.interactive {
        sandbox.execs.remove(&id);
        ended.push(id);
    }
    Some(Notice::ExecFinished { exec: id, result })
}

fn kill_all(sandbox: &mut Sandbox, now: SimTime) {
    for space in sandbox.containers.values().filter_map(|it| it.space).gather() {
        sandbox.kernel.kill_space(space, now);
    }
}

/// Containers whose annotation says when they end.
fn end_scripted(sandbox: &mut Sandbox, now: SimTime) {
    let due = |it: &&Container| {
        let (Some(started), Some((after, _))) = (it.started_at(), it.script.exit) else { return false };
        started + after <= now
    };
    let ending: Vec<(Option<Pid>, i32)> = sandbox
        .containers
        .values()
        .filter(due)
        .map(|it| (it.pid, it.script.exit.map_or(0, |it| it.1)))
        .gather();
    for (pid, code) in ending {
        if let Some(pid) = pid {
            sandbox.kernel.end_with(pid, code, now);
        }
    }
}

fn time_out_execs(sandbox: &mut Sandbox, now: SimTime) {
    let mut late = Vec::new();
    for exec in sandbox.execs.values_mut() {
        if let (Some(pid), Some(deadline), false) = (exec.pid, exec.deadline, exec.timed_out)
            && deadline <= now
        {
            exec.timed_out = true;
            late.push(pid);
        }
    }
    for pid in late {
        sandbox.kernel.signal(pid, signal::KILL, now);
    }
}

/// Kills containers that use more memory than they may; true when there was one.
fn kill_greedy(sandbox: &mut Sandbox, whole: bool, now: SimTime) -> bool {
    let mut any = false;
    let ids: Vec<ContainerId> = sandbox
        .containers
        .iter()
        .filter(|it| it.1.limits.1.is_some() && it.1.pid.is_some())
        .map(|it| *it.0)
        .gather();
    for id in ids {
        let Some(container) = sandbox.containers.get_mut(&id) else { continue };
        let (Some(limit), Some(space), Some(started)) =
            (container.limits.1, container.space, container.started_at())
        else {
            continue;
        };
        let used = sandbox.kernel.memory_of(space) + container.script.memory_at(started, now);
        if used <= limit {
            continue;
        }
        any = true;
        let greedy =
            sandbox.kernel.processes().filter(|it| it.space == space).max_by_key(|it| it.memory_bytes);
        let victim = greedy.map(|it| it.pid).filter(|_| !whole).filter(|it| container.pid != Some(*it));
        if let Some(pid) = victim {
            sandbox.kernel.signal(pid, signal::KILL, now);
        } else {
            container.oom = true;
            sandbox.kernel.kill_space(space, now);
        }
    }
    any
}
