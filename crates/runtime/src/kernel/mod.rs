//! Processes of one sandbox: pids, signals, pipes, descriptors, scheduling with fuel.
//!
//! One kernel holds all containers of a sandbox, because they may share pid namespaces and always share the network.
//! A container is a [`Space`]: its mounts, its pid namespace, its share of CPU. Everything is plain data: a clone of a
//! kernel runs on exactly as the original does. No threads, no priorities, no real memory: programs declare theirs.
//!
//! Whoever owns a kernel calls [`Kernel::run`] after everything that may have woken a process, takes what came out
//! (`take_outputs`, `take_exits`, `take_calls`, `take_replies`) and calls again at `next_wake`.

mod descriptor;
mod errno;
mod external;
pub mod net;
mod open;
mod process;
mod procfs;
mod quota;
mod schedule;
pub mod signal;
mod sys;
mod sys_process;
mod sys_stream;
mod tty;

use std::collections::VecDeque;
use std::sync::Arc;

use sim::{Gather as _, SimTime, VecMap};

use crate::files::{Mounts, Trees};

pub use descriptor::{Open, Output, PIPE_BYTES_MAX, Read};
pub use errno::Errno;
pub use quota::{Quota, Recent};

pub use process::{Credentials, Environment, Process, Program, State, Step, Wait};
pub use sys::{OpenMode, Spawn, Stat, Sys};

use descriptor::{Pipe, Shared, Tty};
use net::{Answer, Call, CallId, ConnectionId, Incoming, Reply};
use signal::Signals;

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);
    )* };
}
number! {
    /// Names a process of this kernel; not what the process sees as its pid.
    Pid(u32);
    /// A container of the sandbox.
    SpaceId(u32);
    /// A pid namespace.
    NamespaceId(u32);
    PipeId(u32);
    TtyId(u32);
    DescriptionId(u32);
}

/// As runc has them when it calls `execve`.
const RUNTIME_THREADS: u32 = 5;
/// Processes of one sandbox, as a node's pid limit has it.
pub const PROCESSES_MAX: usize = 512;
/// Fuel that a container may burn before it must wait: one unit stands for a microsecond of one CPU.
pub const FUEL_PER_SLICE: u64 = 4_000;
/// What a step costs at least, and what starting a process costs.
pub const FUEL_STEP: u64 = 1;
pub const FUEL_SPAWN: u64 = 400;
/// What the container runtime's own init burns within the container's cgroup before the program begins. It only shows under
/// a limit: without one it is part of the time that a start takes anyway.
pub const FUEL_START: u64 = 15_000;
/// Bytes written cost fuel, so that a flood costs time.
pub const BYTES_PER_FUEL: usize = 64;
/// What a container is, to its processes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Space {
    pub namespace: NamespaceId,
    pub mounts: Arc<Mounts>,
    pub facts: Arc<Facts>,
    pub cpu_limit_milli: Option<u64>,
    pub memory_limit_bytes: Option<u64>,
    /// CPU time used so far.
    pub cpu_micros: u64,
    fuel: u64,
    filled_at: SimTime,
    /// Out of fuel until then.
    blocked_until: SimTime,
    /// Slices burnt one after the other.
    streak: u32,
    pub quota: Quota,
    pub recent: Recent,
}

/// What its surroundings are, for `hostname`, `free`, `ip a`, `date`….
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Facts {
    pub hostname: String,
    pub ip: String,
    pub gateway: String,
    pub node_name: String,
    pub kernel_release: String,
    pub memory_bytes: u64,
    pub cpus: u32,
    /// Unix time of the simulation's start.
    pub epoch_seconds: i64,
    /// `/etc/passwd` is asked first; this is the flavour of the image: commands say their errors in its words.
    pub flavour: Flavour,
    /// Ports that the Pod declares: where a server listens of which nothing else is known.
    pub declared_ports: Vec<u16>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Flavour {
    #[default]
    Busybox,
    /// GNU coreutils, bash, procps: Debian and the like.
    Gnu,
}

/// How a process is started from outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Start {
    pub argv: Vec<String>,
    pub environment: Environment,
    pub directory: String,
    pub credentials: Credentials,
    /// Its output comes out as `Output` with this number.
    pub sink: u64,
    /// Standard input stays open for `write_stdin`; else it is empty.
    pub stdin: bool,
    pub tty: bool,
}

impl Default for Start {
    fn default() -> Self {
        Start {
            argv: Vec::new(),
            environment: Arc::default(),
            directory: "/".to_owned(),
            credentials: Credentials { uid: 0, gid: 0, groups: Arc::default() },
            sink: 0,
            stdin: false,
            tty: false,
        }
    }
}

/// The end of a process that was started from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exit {
    pub pid: Pid,
    pub space: SpaceId,
    /// 128+n for signal n.
    pub code: i32,
}

/// What a run needs from the machine.
pub struct World<'a> {
    pub now: SimTime,
    pub trees: &'a mut Trees,
}

/// The first process of a namespace gets no signal that it does not catch; its end is the end of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Namespace {
    next: u32,
    init: Option<Pid>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Kernel {
    processes: VecMap<Pid, Arc<Process>>,
    spaces: VecMap<SpaceId, Space>,
    namespaces: VecMap<NamespaceId, Namespace>,
    descriptions: VecMap<DescriptionId, Shared>,
    pipes: VecMap<PipeId, Pipe>,
    ttys: VecMap<TtyId, Tty>,
    ready: VecDeque<Pid>,
    /// Standard input of processes started from outside.
    inputs: VecMap<Pid, PipeId>,
    listeners: VecMap<u16, Pid>,
    /// Ports that others have who share the network from another kernel.
    pub taken_ports: Vec<u16>,
    incoming: Vec<Incoming>,
    calls: Vec<(CallId, Pid, Call)>,
    answers: VecMap<CallId, Answer>,
    replies: Vec<(ConnectionId, Reply)>,
    outputs: Vec<Output>,
    exits: Vec<Exit>,
    next: u32,
    next_call: u64,
    /// State of the sandbox's own small generator, for `$RANDOM` and `mktemp`.
    random: u64,
}

impl Kernel {
    pub fn new(seed: u64) -> Kernel {
        Kernel { random: seed | 1, ..Kernel::default() }
    }

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// A container; in the namespace of another one (or of the sandbox's pause process), or in one of its own.
    pub fn add_space(
        &mut self,
        mounts: Mounts,
        facts: Arc<Facts>,
        namespace: Option<NamespaceId>,
    ) -> SpaceId {
        let namespace = namespace.unwrap_or_else(|| {
            let id = NamespaceId(self.fresh());
            self.namespaces.insert(id, Namespace::default());
            id
        });
        let id = SpaceId(self.fresh());
        let space = Space {
            namespace,
            mounts: Arc::new(mounts),
            facts,
            cpu_limit_milli: None,
            memory_limit_bytes: None,
            cpu_micros: 0,
            fuel: FUEL_PER_SLICE,
            filled_at: SimTime::ZERO,
            blocked_until: SimTime::ZERO,
            streak: 0,
            quota: Quota::default(),
            recent: Recent::default(),
        };
        self.spaces.insert(id, space);
        id
    }

    pub fn space(&self, id: SpaceId) -> Option<&Space> {
        self.spaces.get(&id)
    }

    pub fn space_mut(&mut self, id: SpaceId) -> Option<&mut Space> {
        self.spaces.get_mut(&id)
    }

    /// Kills what still runs in it and forgets it.
    pub fn remove_space(&mut self, id: SpaceId, now: SimTime) {
        self.kill_space(id, now);
        if let Some(space) = self.spaces.remove(&id)
            && self.spaces.values().all(|it| it.namespace != space.namespace)
        {
            self.namespaces.remove(&space.namespace);
        }
    }

    /// SIGKILL to every process of the container.
    pub fn kill_space(&mut self, id: SpaceId, now: SimTime) {
        let all: Vec<Pid> = self.processes.values().filter(|it| it.space == id).map(|it| it.pid).gather();
        for pid in all {
            self.end(pid, 128 + i32::from(signal::KILL), now);
        }
    }

    /// Starts a process that has no parent here: a container's first one, or an exec. Fails as `execve` does.
    pub fn start(&mut self, space: SpaceId, start: Start, world: &mut World<'_>) -> Result<Pid, Errno> {
        let Some(place) = self.spaces.get(&space) else { return Err(Errno::NoProcess) };
        let namespace = place.namespace;
        let pid = self.new_process(Process {
            pid: Pid(0),
            parent: None,
            group: 0,
            space,
            namespace,
            number: 0,
            argv: Arc::new(start.argv),
            environment: start.environment,
            directory: Arc::from(start.directory),
            credentials: start.credentials,
            umask: 0o022,
            started_at: world.now,
            cpu_micros: 0,
            memory_bytes: 0,
            state: State::Ready,
            signals: Signals::default(),
            descriptors: Vec::new(),
            unwritten: Vec::new(),
            exiting: None,
            program: Program::None,
            has_tty: start.tty,
            adopted: false,
        })?;
        self.number_runtime_threads(namespace);
        self.charge_start(space, world.now);
        self.connect_standard(pid, start.sink, start.stdin, start.tty);
        let outcome = Sys::new(self, world, pid).exec_self();
        if let Err(error) = outcome {
            self.end(pid, 127, world.now);
            self.exits.retain(|it| it.pid != pid);
            return Err(error);
        }
        Ok(pid)
    }

    /// The process that holds a sandbox's shared pid namespace.
    pub fn start_pause(&mut self, space: SpaceId, now: SimTime) -> Option<Pid> {
        let namespace = self.spaces.get(&space)?.namespace;
        let process = Process {
            pid: Pid(0),
            parent: None,
            group: 0,
            space,
            namespace,
            number: 0,
            argv: Arc::new(vec!["/pause".to_owned()]),
            environment: Arc::default(),
            directory: Arc::from("/"),
            credentials: Credentials { uid: 65535, gid: 65535, groups: Arc::default() },
            umask: 0o022,
            started_at: now,
            cpu_micros: 0,
            memory_bytes: 400_000,
            state: State::Blocked { wait: Wait::Signal, until: None },
            signals: Signals {
                caught: signal::bit(signal::TERM) | signal::bit(signal::INT),
                ..Signals::default()
            },
            descriptors: Vec::new(),
            unwritten: Vec::new(),
            exiting: None,
            program: Program::Pause,
            has_tty: false,
            adopted: false,
        };
        let pid = self.new_process(process).ok();
        self.number_runtime_threads(namespace);
        pid
    }

    /// The container runtime prepares a container or an exec in the very process that becomes it, with threads that take
    /// numbers of their own: the next process is number 7, not 2.
    fn number_runtime_threads(&mut self, namespace: NamespaceId) {
        if let Some(namespace) = self.namespaces.get_mut(&namespace) {
            namespace.next += RUNTIME_THREADS;
        }
    }

    fn new_process(&mut self, mut process: Process) -> Result<Pid, Errno> {
        if PROCESSES_MAX <= self.processes.len() {
            return Err(Errno::Again);
        }
        let pid = Pid(self.fresh());
        let namespace = self.namespaces.get_mut(&process.namespace).ok_or(Errno::NoProcess)?;
        namespace.next += 1;
        process.pid = pid;
        process.number = namespace.next;
        if namespace.init.is_none() {
            namespace.init = Some(pid);
        }
        if process.parent.is_none() {
            process.group = pid.0;
        }
        if process.state == State::Ready {
            self.ready.push_back(pid);
        }
        self.processes.insert(pid, Arc::new(process));
        Ok(pid)
    }

    pub(crate) fn process_mut(&mut self, pid: Pid) -> &mut Process {
        Arc::make_mut(self.processes.get_mut(&pid).expect("a process that runs is there"))
    }

    pub fn process(&self, pid: Pid) -> Option<&Process> {
        self.processes.get(&pid).map(|it| &**it)
    }

    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.processes.values().map(|it| &**it)
    }

    /// Resident bytes of a container's processes.
    pub fn memory_of(&self, space: SpaceId) -> u64 {
        self.processes().filter(|it| it.space == space && !it.is_zombie()).map(|it| it.memory_bytes).sum()
    }

    fn wake(&mut self, pid: Pid) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if matches!(process.state, State::Blocked { .. } | State::Sleeping(_)) {
            let process = Arc::make_mut(process);
            process.state = State::Ready;
            if let Some(space) = self.spaces.get_mut(&process.space) {
                space.quota.pressed = true;
            }
            self.ready.push_back(pid);
        }
    }

    /// Ends a process with a code, as if it had called `exit`.
    pub fn end_with(&mut self, pid: Pid, code: i32, now: SimTime) {
        self.end(pid, code, now);
    }

    /// A signal from outside the pid namespace: the first process, too, gets SIGKILL and SIGSTOP.
    pub fn signal(&mut self, pid: Pid, number: u8, now: SimTime) {
        self.deliver_signal(pid, number, true, now);
    }

    /// Follows linux kernel/signal.c: sig_task_ignored (the first process of a namespace has no default actions).
    fn deliver_signal(&mut self, pid: Pid, number: u8, outside: bool, now: SimTime) {
        let Some(process) = self.processes.get(&pid) else { return };
        if process.is_zombie() || number == 0 {
            return;
        }
        let init = self.namespaces.get(&process.namespace).and_then(|it| it.init) == Some(pid);
        let forced = matches!(number, signal::KILL | signal::STOP);
        let bit = signal::bit(number);
        if number == signal::CONT && process.state == State::Stopped {
            self.process_mut(pid).state = State::Ready;
            self.ready.push_back(pid);
            return;
        }
        if forced && (!init || outside) {
            if number == signal::KILL {
                self.end(pid, 128 + i32::from(number), now);
            } else {
                self.process_mut(pid).state = State::Stopped;
            }
            return;
        }
        if process.signals.caught & bit != 0 {
            self.process_mut(pid).signals.pending |= bit;
            self.wake(pid);
            return;
        }
        if init || process.signals.ignored & bit != 0 {
            return;
        }
        match signal::default_action(number) {
            signal::Default::End => self.end(pid, 128 + i32::from(number), now),
            signal::Default::Stop => self.process_mut(pid).state = State::Stopped,
            signal::Default::Ignore | signal::Default::Continue => {}
        }
    }

    fn signal_group(&mut self, group: u32, number: u8, now: SimTime) {
        let all: Vec<Pid> = self.processes().filter(|it| it.group == group).map(|it| it.pid).gather();
        for pid in all {
            self.deliver_signal(pid, number, true, now);
        }
    }

    /// Ends a process at once. Its children go to the namespace's first process; if it is that one, all end with it.
    fn end(&mut self, pid: Pid, code: i32, now: SimTime) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        if process.is_zombie() {
            return;
        }
        let process = Arc::make_mut(process);
        process.state = State::Zombie(code);
        process.program = Program::None;
        process.memory_bytes = 0;
        let (parent, namespace, space) = (process.parent, process.namespace, process.space);
        let adopted = process.adopted;
        let descriptors = std::mem::take(&mut process.descriptors);
        let unwritten = std::mem::take(&mut process.unwritten);
        for id in descriptors.into_iter().map(|it| it.1).chain(unwritten.into_iter().map(|it| it.0)) {
            self.let_go(id);
        }
        if let Some(pipe) = self.inputs.remove(&pid) {
            self.drop_writer(pipe);
        }
        let mut dead_ports = self.listeners.clone();
        dead_ports.retain(|_, owner| *owner == pid);
        for port in dead_ports.keys() {
            self.listeners.remove(port);
        }
        self.calls.retain(|it| it.1 != pid);
        let init = self.namespaces.get(&namespace).and_then(|it| it.init);
        self.adopt_children(pid, init.filter(|it| *it != pid));
        if init == Some(pid) {
            if let Some(it) = self.namespaces.get_mut(&namespace) {
                it.init = None;
            }
            let all: Vec<Pid> = self
                .processes()
                .filter(|it| it.namespace == namespace && it.pid != pid)
                .map(|it| it.pid)
                .gather();
            for other in all {
                self.end(other, 128 + i32::from(signal::KILL), now);
            }
        }
        if let Some(parent) = parent.filter(|_| !adopted).and_then(|it| self.processes.get(&it)) {
            let parent = parent.pid;
            self.deliver_signal(parent, signal::CHLD, false, now);
            if let Some(State::Blocked { wait: Wait::Child, .. }) = self.process(parent).map(|it| it.state) {
                self.wake(parent);
            }
        } else {
            self.processes.remove(&pid);
            if parent.is_none() && !adopted {
                self.exits.push(Exit { pid, space, code });
            }
        }
    }

    fn adopt_children(&mut self, pid: Pid, heir: Option<Pid>) {
        let children: Vec<(Pid, bool)> =
            self.processes().filter(|it| it.parent == Some(pid)).map(|it| (it.pid, it.is_zombie())).gather();
        for (child, zombie) in children {
            if zombie {
                self.processes.remove(&child);
            } else {
                // An orphan is nobody's child any more; PID 1 reaps it without being asked.
                let process = self.process_mut(child);
                process.parent = heir;
                process.adopted = true;
            }
        }
    }

    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    pub fn take_exits(&mut self) -> Vec<Exit> {
        std::mem::take(&mut self.exits)
    }

    /// Calls to the network since the last time, with who made them.
    pub fn take_calls(&mut self) -> Vec<(CallId, Pid, Call)> {
        std::mem::take(&mut self.calls)
    }

    pub fn take_replies(&mut self) -> Vec<(ConnectionId, Reply)> {
        std::mem::take(&mut self.replies)
    }

    /// Answers a call; who made it may be gone.
    pub fn answer(&mut self, call: CallId, answer: Answer) {
        let waiting =
            |it: &&Process| matches!(it.state, State::Blocked { wait: Wait::Network(id), .. } if id == call);
        let pid = self.processes().find(waiting).map(|it| it.pid);
        if let Some(pid) = pid {
            self.answers.insert(call, answer);
            self.wake(pid);
        }
    }

    /// Ports that somebody listens on, with who.
    pub fn listeners(&self) -> &VecMap<u16, Pid> {
        &self.listeners
    }

    /// Hands a request to the process that listens; false when nobody does (the connection is refused).
    pub fn deliver(&mut self, incoming: Incoming) -> bool {
        let Some(pid) = self.listeners.get(&incoming.port).copied() else { return false };
        self.incoming.push(incoming);
        self.wake(pid);
        true
    }

    /// A number that looks random; the same in every run.
    pub(crate) fn random(&mut self) -> u64 {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::files::Tree;

    /// A sandbox with one busybox container.
    pub(crate) struct Bench {
        pub kernel: Kernel,
        pub trees: Trees,
        pub space: SpaceId,
        pub now: SimTime,
    }

    impl Bench {
        pub(crate) fn new() -> Bench {
            let mut root = Tree::default();
            root.put_programs("/bin", "busybox", crate::commands::NAMES).unwrap();
            root.make_directories("/tmp", 0o1777, crate::files::Owner::default()).unwrap();
            root.put_text(
                "/etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
                0o644,
            )
            .unwrap();
            root.put_text("/etc/hostname", "web-0\n", 0o644).unwrap();
            let mut trees = Trees::default();
            let root = trees.add(root);
            let devices = trees.add(Tree::devices());
            let mut mounts = Mounts::root(root, false);
            mounts.mount("/dev", devices, Tree::ROOT, false, "tmpfs");
            let mut kernel = Kernel::new(7);
            let facts = Facts {
                hostname: "web-0".to_owned(),
                epoch_seconds: 1_767_225_600,
                memory_bytes: 8 << 30,
                cpus: 4,
                ip: "10.244.1.5".to_owned(),
                ..Facts::default()
            };
            let space = kernel.add_space(mounts, Arc::new(facts), None);
            Bench { kernel, trees, space, now: SimTime::ZERO }
        }

        pub(crate) fn start(&mut self, argv: &[&str]) -> Pid {
            self.start_with(Start { argv: argv.iter().map(ToString::to_string).gather(), ..Start::default() })
        }

        pub(crate) fn start_with(&mut self, start: Start) -> Pid {
            let mut world = World { now: self.now, trees: &mut self.trees };
            let pid = self.kernel.start(self.space, start, &mut world).unwrap();
            self.run();
            pid
        }

        pub(crate) fn run(&mut self) {
            self.kernel.run(&mut World { now: self.now, trees: &mut self.trees });
        }

        /// Until nothing happens any more, or until that time.
        pub(crate) fn run_until(&mut self, deadline: SimTime) {
            self.run();
            while let Some(next) = self.kernel.next_wake().filter(|it| *it <= deadline) {
                self.now = self.now.max(next);
                self.run();
            }
        }

        pub(crate) fn output(&mut self) -> String {
            let all = self.kernel.take_outputs();
            String::from_utf8_lossy(&all.into_iter().flat_map(|it| it.bytes).gather()).into_owned()
        }
    }

    #[test]
    fn a_sleep_costs_nothing_and_ends_in_time() {
        let mut bench = Bench::new();
        let pid = bench.start(&["sleep", "36000"]);
        assert_eq!(bench.kernel.next_wake(), Some(SimTime::from_secs(36_000)));
        bench.run_until(SimTime::MAX);
        assert_eq!(bench.kernel.take_exits(), [Exit { pid, space: bench.space, code: 0 }]);
    }

    #[test]
    fn the_first_process_ignores_sigterm_and_dies_by_sigkill() {
        let mut bench = Bench::new();
        let pid = bench.start(&["sleep", "60"]);
        bench.kernel.signal(pid, signal::TERM, bench.now);
        bench.run();
        assert!(bench.kernel.take_exits().is_empty());
        let second = bench.start(&["sleep", "60"]);
        bench.kernel.signal(second, signal::TERM, bench.now);
        assert_eq!(bench.kernel.take_exits()[0].code, 143);
        bench.kernel.signal(pid, signal::KILL, bench.now);
        assert_eq!(bench.kernel.take_exits()[0].code, 137);
    }

    #[test]
    fn input_goes_through_and_ends() {
        let mut bench = Bench::new();
        let pid = bench.start_with(Start { argv: vec!["cat".to_owned()], stdin: true, ..Start::default() });
        bench.kernel.write_stdin(pid, b"hello\n", bench.now);
        bench.run();
        assert_eq!(bench.output(), "hello\n");
        bench.kernel.close_stdin(pid);
        bench.run();
        assert_eq!(bench.kernel.take_exits()[0].code, 0);
    }
}
