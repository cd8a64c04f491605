//! A Pod as a card.

use serde::Serialize;

use super::{Micros, ObjectRef, Tone};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PodCard {
    pub uid: String,
    pub namespace: String,
    pub name: String,
    pub node: Option<String>,
    /// The STATUS column of `kubectl get pods`.
    pub status: String,
    pub tone: Tone,
    pub phase: String,
    /// The READY column.
    pub ready: String,
    pub restarts: u32,
    pub created: Micros,
    pub qos: String,
    /// Init containers in their order, then sidecars where they stand, then the others, then ephemeral ones.
    pub containers: Vec<ContainerCard>,
    pub foundation: Option<Foundation>,
    pub volumes: Vec<VolumeCard>,
    pub grace: Option<Grace>,
    /// The controller that made it.
    pub owner: Option<ObjectRef>,
    /// Services that send to it now.
    pub services: Vec<String>,
    pub mirror: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ContainerCard {
    pub name: String,
    pub kind: ContainerKind,
    /// From 1, among the init containers; 0 for others.
    pub step: u32,
    pub image: String,
    pub state: ContainerState,
    pub tone: Tone,
    pub ready: bool,
    pub restarts: u32,
    /// The line of small text under the name.
    pub says: Says,
    pub lamps: Vec<Lamp>,
    pub backoff: Option<Backoff>,
    pub pull: Option<Pull>,
    /// `resources.limits.memory` as written; empty without.
    pub memory_limit: String,
    /// `:80`, `:8080`: declared ports.
    pub ports: Vec<u16>,
    /// The image is not in the catalogue: its behaviour is assumed.
    pub assumed: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum ContainerKind {
    Init,
    Sidecar,
    #[default]
    App,
    Ephemeral,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum ContainerState {
    /// No status yet.
    #[default]
    Unknown,
    Waiting {
        reason: String,
        message: String,
    },
    Running {
        since: Micros,
    },
    Terminated {
        reason: String,
        exit_code: i32,
        signal: i32,
        at: Micros,
    },
}

/// Worded by the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum Says {
    #[default]
    Nothing,
    RunningSince {
        at: Micros,
    },
    /// What Kubernetes itself says, such as `ContainerCreating`.
    Reason {
        reason: String,
    },
    /// Waits for init container `step` of `of`.
    AfterInit {
        step: u32,
        of: u32,
    },
    Pulling {
        image: String,
    },
    Exited {
        exit_code: i32,
        times: u32,
    },
    OomKilled {
        times: u32,
    },
    Completed,
    /// TERM was sent; KILL follows at `kill`.
    Stopping {
        kill: Micros,
    },
    PreStop,
    PostStart,
}

/// A restart or a pull that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Backoff {
    pub until: Micros,
    /// The whole wait.
    pub total: Micros,
    /// How many starts have failed.
    pub attempt: u32,
    /// Of the image pull rather than of the restart.
    pub pull: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pull {
    pub image: String,
    pub started: Micros,
    pub ends: Option<Micros>,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Probe {
    #[default]
    Liveness,
    Readiness,
    Startup,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lamp {
    pub probe: Probe,
    /// The last result in force; `None` while it has none.
    pub ok: Option<bool>,
    /// Consecutive failures, or successes on the way back, against what is needed; 0 where nothing is on the way.
    pub count: u32,
    pub threshold: u32,
    /// Whether `count` is of failures.
    pub failing: bool,
    /// When it looks next; never at a container that does not run.
    pub next: Option<Micros>,
    /// `exec cat /tmp/healthy`, `GET :80/ready`, `tcp :3306`.
    pub what: String,
    /// The last failure's words.
    pub output: String,
}

/// A Pod that ends: TERM at `started`, KILL at `deadline`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Grace {
    pub signal: String,
    pub started: Micros,
    pub deadline: Micros,
}

/// The pause container and what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Foundation {
    pub ip: String,
    /// `net`, `ipc`, `uts`, and `pid` where it is shared.
    pub shared: Vec<String>,
    /// Its network is the node's.
    pub host_network: bool,
    /// How often it was made: more than 1 after the sandbox died.
    pub attempt: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum VolumeKind {
    #[default]
    EmptyDir,
    HostPath,
    ConfigMap,
    Secret,
    DownwardApi,
    Projected,
    PersistentVolumeClaim,
    Other,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VolumeCard {
    pub name: String,
    pub kind: VolumeKind,
    /// The path on the node, the name of the ConfigMap, …
    pub source: String,
    /// Mounted by more than one container.
    pub shared: bool,
    pub files: u32,
}
