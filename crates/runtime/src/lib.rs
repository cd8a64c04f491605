//! The machines under the cluster: images, containers, processes, a shell, files, a network.
//!
//! Knows processes, not Pods: sandboxes and containers come in through [`cri`], shaped after the Container Runtime
//! Interface. One `Runtime` holds all machines, because a request goes from one to another.
//!
//! Every call takes effect at once; the kubelet waits the latencies of real calls before it makes them. What takes time
//! of its own (processes, pulls, requests) goes on in [`Event`]s and ends in [`Notice`]s.

pub mod commands;
pub mod cri;
pub mod files;
pub mod images;
pub mod kernel;
pub mod machine;
pub mod programs;
pub mod shell;

use std::sync::Arc;

use sim::{Outbox, Rng, SimTime};

pub use cri::*;
use machine::Machine;

/// The runtime's own timed events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A process of the container may run on.
    Wake {
        container: ContainerId,
    },
    ExecDone {
        exec: ExecId,
    },
    PullDone {
        pull: PullId,
    },
    RequestDone {
        request: RequestId,
    },
}

/// All machines. A clone shares everything until it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Runtime {
    /// By the number that is part of each id; a removed machine leaves a gap.
    machines: Vec<Option<Arc<Machine>>>,
    services: Arc<Vec<ServiceEntry>>,
    notices: Vec<(Arc<str>, Notice)>,
    next_id: u64,
}

/// Ids carry the number of their machine in the bits from here on.
const MACHINE_SHIFT: u32 = 40;

impl Runtime {
    pub fn add_machine(&mut self, spec: MachineSpec) {
        self.remove_machine(&spec.name.clone());
        self.machines.push(Some(Arc::new(Machine::new(spec))));
    }

    /// Gone with all that ran on it, in silence.
    pub fn remove_machine(&mut self, name: &str) {
        if let Some(slot) =
            self.machines.iter_mut().find(|it| it.as_ref().is_some_and(|m| &*m.spec.name == name))
        {
            *slot = None;
        }
    }

    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.iter().flatten().find(|it| &*it.spec.name == name).map(|it| &**it)
    }

    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.iter().flatten().map(|it| &**it)
    }

    /// Power off: everything on it stops in silence, nothing reaches it. It comes back empty with `restore_machine`:
    /// its sandboxes and containers are there, dead.
    pub fn fail_machine(&mut self, name: &str, now: SimTime) {
        if let Some(machine) = self.machine_mut(name) {
            machine.fail(now);
        }
    }

    pub fn restore_machine(&mut self, name: &str) {
        if let Some(machine) = self.machine_mut(name) {
            machine.powered = true;
        }
    }

    /// A frozen runtime answers no call (`is_frozen` says so); processes and network go on.
    pub fn freeze_runtime(&mut self, name: &str, frozen: bool) {
        if let Some(machine) = self.machine_mut(name) {
            machine.frozen = frozen;
        }
    }

    pub fn is_frozen(&self, name: &str) -> bool {
        self.machine(name).is_none_or(|it| it.frozen || !it.powered)
    }

    /// What ended since the last call, each with the machine it concerns.
    pub fn take_notices(&mut self) -> Vec<(Arc<str>, Notice)> {
        std::mem::take(&mut self.notices)
    }

    /// Replaces what proxies and DNS know.
    pub fn set_services(&mut self, services: Vec<ServiceEntry>) {
        self.services = Arc::new(services);
    }

    pub fn handle(&mut self, event: Event, now: SimTime, _rng: &mut Rng, outbox: &mut Outbox<Event>) {
        match event {
            Event::Wake { container } => self.wake(container, now, outbox),
            Event::ExecDone { exec } => self.finish_exec(exec),
            Event::PullDone { pull } => self.finish_pull(pull, now),
            Event::RequestDone { request } => self.finish_request(request),
        }
    }

    fn machine_mut(&mut self, name: &str) -> Option<&mut Machine> {
        let slot = self.machines.iter_mut().flatten().find(|it| &*it.spec.name == name)?;
        Some(Arc::make_mut(slot))
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.machines.iter().position(|it| it.as_ref().is_some_and(|m| &*m.spec.name == name))
    }

    fn of(&self, id: u64) -> Option<&Machine> {
        self.machines.get((id >> MACHINE_SHIFT) as usize)?.as_deref()
    }

    fn of_mut(&mut self, id: u64) -> Option<&mut Machine> {
        self.machines.get_mut((id >> MACHINE_SHIFT) as usize)?.as_mut().map(Arc::make_mut)
    }

    fn new_id(&mut self, machine: usize) -> u64 {
        self.next_id += 1;
        (machine as u64) << MACHINE_SHIFT | self.next_id
    }

    fn notify(&mut self, id: u64, notice: Notice) {
        if let Some(machine) = self.of(id).map(|it| it.spec.name.clone()) {
            self.notices.push((machine, notice));
        }
    }
}
