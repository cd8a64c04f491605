//! One process.

use std::sync::Arc;

use sim::SimTime;

use super::net::CallId;
use super::signal::Signals;
use super::{DescriptionId, NamespaceId, Pid, PipeId, SpaceId};
use crate::commands::Command;
use crate::programs::Server;
use crate::shell::Shell;

/// What a program says at the end of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Has more to do at once.
    Ready,
    Sleep(SimTime),
    Wait(Wait),
    /// Waits, but not longer.
    WaitUntil(Wait, SimTime),
    Exited(i32),
}

/// What a blocked process waits for. It is stepped again when that may have come, or a signal it catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A child has ended.
    Child,
    /// Something to read, or the end.
    Readable(u32),
    /// A call to the network has an answer.
    Network(CallId),
    /// A request for a port that the process listens on.
    Connection,
    /// Only signals, or the host of the simulation.
    Signal,
    /// Its output does not fit into a full pipe.
    PipeRoom(PipeId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Ready,
    Blocked {
        wait: Wait,
        until: Option<SimTime>,
    },
    Sleeping(SimTime),
    Stopped,
    /// Has ended; its parent has not asked yet.
    Zombie(i32),
}

/// What runs: explicit state machines, so that a half-done program is a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Program {
    /// Holds namespaces, reaps orphans, ends by SIGTERM or SIGINT.
    Pause,
    Shell(Box<Shell>),
    Command(Box<Command>),
    /// A server of the image catalogue.
    Server(Box<Server>),
    /// Run by the host of the simulation.
    External,
    /// Gone, or taken out while it runs.
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    pub uid: u32,
    pub gid: u32,
    pub groups: Arc<Vec<u32>>,
}

impl Credentials {
    pub fn has_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

pub type Environment = Arc<Vec<(String, String)>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    pub pid: Pid,
    pub parent: Option<Pid>,
    /// Process group: what Ctrl-C on a terminal reaches.
    pub group: u32,
    pub space: SpaceId,
    pub namespace: NamespaceId,
    /// Its number in its own pid namespace.
    pub number: u32,
    pub argv: Arc<Vec<String>>,
    pub environment: Environment,
    pub directory: Arc<str>,
    pub credentials: Credentials,
    pub umask: u32,
    pub started_at: SimTime,
    /// Fuel used, in microseconds of a CPU.
    pub cpu_micros: u64,
    /// Resident bytes, set by the program.
    pub memory_bytes: u64,
    pub state: State,
    pub signals: Signals,
    pub(super) descriptors: Vec<(u32, DescriptionId)>,
    /// Output that has not found room yet, each holding its description open.
    pub(super) unwritten: Vec<(DescriptionId, Vec<u8>)>,
    /// Has ended, but for its unwritten output.
    pub(super) exiting: Option<i32>,
    pub(super) program: Program,
    pub(super) has_tty: bool,
    /// Its parent died; the first process reaps it without being asked.
    pub(super) adopted: bool,
}

impl Process {
    /// The name `ps` and `/proc/N/comm` show.
    pub fn name(&self) -> &str {
        let first = self.argv.first().map_or("", String::as_str);
        first.rsplit('/').next().unwrap_or(first)
    }

    pub fn is_zombie(&self) -> bool {
        matches!(self.state, State::Zombie(_))
    }

    pub fn program(&self) -> &Program {
        &self.program
    }
}
