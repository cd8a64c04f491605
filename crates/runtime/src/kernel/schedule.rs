//! Who runs when: every ready process gets turns, until its container is out of fuel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sim::{Gather as _, SimTime};

use super::{
    FUEL_PER_SLICE, FUEL_STEP, Kernel, Pid, Process, Program, Space, SpaceId, State, Step, Sys, Wait, World,
};
use crate::network::{HttpRequest, HttpResponse};

/// A container that burns all of every slice gets longer and longer waits, so that an endless loop costs the page
/// nearly nothing. DIFFERENCE: after a second of pure computing, a program gets on more slowly than on a real CPU.
const SLICE_MIN: Duration = Duration::from_millis(4);
const SLICE_MAX: Duration = Duration::from_millis(128);

impl Kernel {
    /// When to call `run` next.
    pub fn next_wake(&self) -> Option<SimTime> {
        let timers = self.processes().filter_map(|it| match it.state {
            State::Sleeping(until) | State::Blocked { until: Some(until), .. } => Some(until),
            State::Ready => self.spaces.get(&it.space).map(|it| it.blocked_until),
            State::Blocked { until: None, .. } | State::Stopped | State::Zombie(_) => None,
        });
        timers.min()
    }

    /// Runs every process as far as it gets at this instant.
    pub fn run(&mut self, world: &mut World<'_>) {
        let now = world.now;
        let due = |it: &&Process| match it.state {
            State::Sleeping(until) | State::Blocked { until: Some(until), .. } => until <= now,
            State::Ready | State::Blocked { until: None, .. } | State::Stopped | State::Zombie(_) => false,
        };
        for pid in self.processes().filter(due).map(|it| it.pid).gather() {
            self.wake(pid);
        }
        self.note_declared();
        for space in self.spaces.values_mut() {
            space.press(now);
            space.refill(now);
        }
        let mut throttled = VecDeque::new();
        while let Some(pid) = self.ready.pop_front() {
            let Some(process) = self.processes.get(&pid) else { continue };
            if process.state != State::Ready {
                continue;
            }
            let space = process.space;
            match self.spaces.get(&space) {
                Some(it) if it.blocked_until <= now => {}
                Some(_) => {
                    throttled.push_back(pid);
                    continue;
                }
                None => continue,
            }
            self.run_process(pid, space, world);
        }
        self.ready = throttled;
        for (id, space) in &mut self.spaces {
            let busy = self.ready.iter().any(|it| self.processes.get(it).is_some_and(|p| p.space == *id));
            if !busy {
                space.streak = 0;
            }
        }
    }

    /// Has a server that waits for nothing else answer at once. None, and nothing has happened, when it has to come to
    /// its turn first.
    pub fn answer_now(
        &mut self,
        port: u16,
        request: &HttpRequest,
        world: &mut World<'_>,
    ) -> Option<Arc<HttpResponse>> {
        let now = world.now;
        let pid = *self.listeners.get(&port)?;
        let process = self.processes.get(&pid)?;
        let idle = match process.state {
            State::Blocked { wait: Wait::Connection, until } => until.is_none_or(|it| now < it),
            _ => false,
        };
        let signalled = process.signals.pending & process.signals.caught != 0;
        let Program::Server(server) = &process.program else { return None };
        if !idle || signalled || !self.incoming.is_empty() || !server.speaks_http() {
            return None;
        }
        let id = process.space;
        let space = self.spaces.get_mut(&id).filter(|it| it.blocked_until <= now)?;
        space.refill(now);
        let process = Arc::make_mut(self.processes.get_mut(&pid)?);
        let Program::Server(mut server) = std::mem::replace(&mut process.program, Program::None) else {
            return None;
        };
        let mut sys = Sys::new(self, world, pid);
        let response = server.answer_now(request, &mut sys);
        let used = sys.fuel + FUEL_STEP;
        let process = self.process_mut(pid);
        process.program = Program::Server(server);
        process.cpu_micros += used;
        if let Some(space) = self.spaces.get_mut(&id) {
            space.streak = 0;
            space.burn(used, now, || 0);
        }
        response
    }

    /// Steps a process until it blocks, or has had a turn, or its container is out of fuel.
    fn run_process(&mut self, pid: Pid, space: SpaceId, world: &mut World<'_>) {
        const STEPS_PER_TURN: u32 = 64;
        let mut program = Program::None;
        for _ in 0..STEPS_PER_TURN {
            let Some(process) = self.processes.get_mut(&pid) else { return };
            if process.state != State::Ready {
                return;
            }
            if !process.unwritten.is_empty() && !self.flush(pid, world) {
                return;
            }
            let process = self.process_mut(pid);
            if let Some(code) = process.exiting {
                self.end(pid, code, world.now);
                return;
            }
            std::mem::swap(&mut program, &mut process.program);
            let mut sys = Sys::new(self, world, pid);
            let step = match &mut program {
                Program::Pause => {
                    if sys.take_signal().is_some() {
                        Step::Exited(0)
                    } else {
                        Step::Wait(Wait::Signal)
                    }
                }
                Program::Shell(shell) => shell.step(&mut sys),
                Program::Command(command) => command.step(&mut sys),
                Program::Server(server) => server.step(&mut sys),
                Program::External => Step::Wait(Wait::Signal),
                Program::None => Step::Exited(0),
            };
            let used = sys.fuel + FUEL_STEP;
            let Some(process) = self.processes.get_mut(&pid) else { return };
            let process = Arc::make_mut(process);
            process.cpu_micros += used;
            if process.is_zombie() {
                return;
            }
            // A program that replaced itself has put the new one there.
            if matches!(process.program, Program::None) {
                std::mem::swap(&mut program, &mut process.program);
            } else {
                program = Program::None;
            }
            if process.state == State::Ready {
                let pending = process.signals.pending & process.signals.caught != 0;
                process.state = match step {
                    Step::Ready => State::Ready,
                    Step::Exited(code) => {
                        process.exiting = Some(code);
                        State::Ready
                    }
                    Step::Sleep(_) | Step::Wait(_) | Step::WaitUntil(..) if pending => State::Ready,
                    Step::Sleep(until) => State::Sleeping(until),
                    Step::Wait(wait) => State::Blocked { wait, until: None },
                    Step::WaitUntil(wait, until) => State::Blocked { wait, until: Some(until) },
                };
            }
            if self.pay(pid, space, used, world.now) {
                break;
            }
        }
        if self.processes.get(&pid).is_some_and(|it| it.state == State::Ready) {
            self.ready.push_back(pid);
        }
    }

    /// Books the CPU that a process has used; true when its container has to wait.
    fn pay(&mut self, pid: Pid, space: SpaceId, used: u64, now: SimTime) -> bool {
        let of_space = |it: &&Pid| self.processes.get(it).is_some_and(|it| it.space == space);
        let rivals = self.ready.iter().filter(of_space);
        let place = self.spaces.get_mut(&space).expect("a running process has its container");
        let whole = place.burn(used, now, || rivals.count() as u64);
        let blocked = now < place.blocked_until;
        if let Some(process) = self.processes.get_mut(&pid).filter(|_| 0 < whole) {
            Arc::make_mut(process).cpu_micros += whole;
        }
        blocked
    }
}

impl Space {
    pub(super) fn refill(&mut self, now: SimTime) {
        let passed = now.since(self.filled_at).as_micros() as u64;
        if self.blocked_until <= now {
            self.fuel = self.fuel.saturating_add(passed).min(FUEL_PER_SLICE);
            self.filled_at = now;
        }
    }

    /// Uses CPU. Out of fuel, it computes through a whole slice, on as many CPUs as it has `rivals` beside it; answers with
    /// the microseconds of CPU that this adds.
    pub(super) fn burn(&mut self, fuel: u64, now: SimTime, rivals: impl FnOnce() -> u64) -> u64 {
        self.use_cpu(fuel, now);
        self.fuel = self.fuel.saturating_sub(fuel);
        if 0 < self.fuel {
            return 0;
        }
        let slice = (SLICE_MIN * (1 << self.streak.min(8))).min(SLICE_MAX);
        self.streak += 1;
        let whole = (slice.as_micros() as u64).saturating_sub(FUEL_PER_SLICE);
        let threads = (1 + rivals()).min(u64::from(self.facts.cpus.max(1)));
        self.block_until(now + slice / threads as u32);
        self.use_cpu(whole, now);
        self.fuel = FUEL_PER_SLICE;
        self.filled_at = self.blocked_until;
        whole
    }
}
