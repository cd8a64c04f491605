//! The machines under the cluster: images, containers, processes, a shell, files, a network.
//!
//! Knows processes, not Pods: sandboxes and containers come in through [`cri`], shaped after the Container Runtime
//! Interface. One `Runtime` holds all machines, because a request goes from one to another.
//!
//! Every call takes effect at once; the kubelet waits the latencies of real calls before it makes them. What takes time
//! of its own (processes, pulls, requests) goes on in [`Event`]s and ends in [`Notice`]s.

#![expect(clippy::format_push_string, reason = "what commands print is short, and written once")]

pub mod clock;
pub mod commands;
pub mod cri;
pub mod files;
mod host;
pub mod images;
pub mod kernel;
pub mod machine;
pub mod network;
pub mod programs;
pub mod pull;
pub mod shell;

use std::sync::Arc;

use sim::{Outbox, Rng, SimTime, VecMap, VecSet};

pub use cri::*;
pub use host::{External, ExternalCall};
use machine::Machine;
pub use machine::{
    ContainerFacts, ContainerView, MountView, PortView, ProcessView, SandboxView, UseView, VolumeView,
};
pub use network::{Asked, AtOnce};
pub use pull::CustomImage;

/// The runtime's own timed events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// A process of the sandbox may run on.
    Wake {
        sandbox: SandboxId,
    },
    ExecStart {
        exec: ExecId,
    },
    PullDone {
        pull: PullId,
    },
    RequestDone {
        request: RequestId,
        result: Result<HttpAnswer, ConnectError>,
    },
    /// What a process asked of the network has its answer.
    Answer {
        sandbox: SandboxId,
        call: kernel::net::CallId,
        answer: kernel::net::Answer,
    },
}

/// All machines. A clone shares everything until it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Runtime {
    /// By the number that is part of each id; a removed machine leaves a gap.
    machines: Vec<Option<Arc<Machine>>>,
    numbers: VecMap<Arc<str>, usize>,
    services: Arc<Vec<ServiceEntry>>,
    /// Files of images, by canonical name.
    image_trees: Arc<VecMap<Arc<str>, Arc<files::Tree>>>,
    custom_images: Arc<VecMap<String, CustomImage>>,
    notices: Vec<(Arc<str>, Notice)>,
    next_id: u64,
    /// Requests so far: a Service's next endpoint.
    turn: u64,
    registry_down: bool,
    dns_down: bool,
    partitions: VecSet<(Arc<str>, Arc<str>)>,
}

/// Ids carry the number of their machine in the bits from here on.
const MACHINE_SHIFT: u32 = 40;

impl Runtime {
    pub fn add_machine(&mut self, spec: MachineSpec) {
        self.remove_machine(&spec.name.clone());
        let name = Arc::clone(&spec.name);
        let images = spec.images.clone();
        self.numbers.insert(Arc::clone(&name), self.machines.len());
        self.machines.push(Some(Arc::new(Machine::new(spec))));
        for image in images {
            self.load_image(&name, &image);
        }
    }

    /// Gone with all that ran on it, in silence.
    pub fn remove_machine(&mut self, name: &str) {
        if let Some(index) = self.numbers.remove(name) {
            self.machines[index] = None;
        }
    }

    pub fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.get(self.index_of(name)?)?.as_deref()
    }

    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.iter().flatten().map(|it| &**it)
    }

    /// Power off: everything on it stops in silence, nothing reaches it. When it comes back (`restore_machine`), its
    /// sandboxes and containers are there, dead.
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

    /// cgroup v1: a process that takes too much memory dies alone. From v2 on its whole container dies with it.
    pub fn set_oom_kills_container(&mut self, name: &str, whole: bool) {
        if let Some(machine) = self.machine_mut(name) {
            machine.oom_kills_container = whole;
        }
    }

    /// Cuts the network between two machines, or mends it.
    pub fn set_partition(&mut self, one: &str, other: &str, cut: bool) {
        let pair = (Arc::from(one.min(other)), Arc::from(one.max(other)));
        if cut {
            self.partitions.insert(pair);
        } else {
            self.partitions.remove(&pair);
        }
    }

    /// The cluster's DNS answers nobody.
    pub fn set_dns_down(&mut self, down: bool) {
        self.dns_down = down;
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
            Event::Wake { sandbox } => self.wake(sandbox, now, outbox),
            Event::ExecStart { exec } => self.start_exec(exec, now, outbox),
            Event::PullDone { pull } => self.finish_pull(pull, now),
            Event::RequestDone { request, result } => self.finish_request(request, result),
            Event::Answer { sandbox, call, answer } => self.answered(sandbox, call, answer, now, outbox),
        }
    }

    fn machine_mut(&mut self, name: &str) -> Option<&mut Machine> {
        let index = self.index_of(name)?;
        self.machines.get_mut(index)?.as_mut().map(Arc::make_mut)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    fn of(&self, id: u64) -> Option<&Machine> {
        self.machines.get((id >> MACHINE_SHIFT) as usize)?.as_deref()
    }

    fn of_mut(&mut self, id: u64) -> Option<&mut Machine> {
        self.machines.get_mut((id >> MACHINE_SHIFT) as usize)?.as_mut().map(Arc::make_mut)
    }

    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn new_id(&mut self, machine: usize) -> u64 {
        (machine as u64) << MACHINE_SHIFT | self.fresh()
    }

    fn notify(&mut self, id: u64, notice: Notice) {
        if let Some(machine) = self.of(id).map(|it| Arc::clone(&it.spec.name)) {
            self.notices.push((machine, notice));
        }
    }
}
