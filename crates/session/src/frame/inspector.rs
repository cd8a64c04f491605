//! The selected object from near.

use std::sync::Arc;

use serde::Serialize;

use super::{Actor, ContainerKind, Micros, ObjectRef, Sentence, Tone, VolumeKind};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inspector {
    pub object: ObjectRef,
    /// Gone by now: the last that was known.
    pub gone: bool,
    /// A Pod about which the scheduler has decided.
    pub decided: bool,
    /// Short facts under the title: namespace, node, IP, QoS; as Kubernetes writes them.
    pub facts: Vec<String>,
    /// What it does or waits for, the most urgent first; a [`super::Narration`] each.
    pub now: Vec<Sentence>,
    pub tracks: Vec<Track>,
    pub conditions: Vec<Condition>,
    pub why: Vec<WhyStep>,
    /// As served; empty unless the YAML tab is open.
    pub yaml: Arc<Vec<ServedLine>>,
    /// Indices into `Frame::events` of the events about it.
    pub events: Vec<u32>,
    /// Empty unless the Logs tab is open.
    pub logs: Vec<LogTail>,
    /// Pods only; none unless the Inside tab is open.
    pub inside: Option<Arc<Inside>>,
    /// kubectl command lines that show the same.
    pub by_hand: Vec<String>,
}

/// One of the four: phase, STATUS, conditions, container states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Track {
    pub kind: TrackKind,
    pub parts: Vec<TrackPart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum TrackKind {
    Phase,
    Status,
    Condition(String),
    Container(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TrackPart {
    pub start: Micros,
    pub text: String,
    pub tone: Tone,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Condition {
    pub kind: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub since: Micros,
}

/// The first is the person's act, the last the present state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyStep {
    pub at: Micros,
    pub actor: Actor,
    pub verb: String,
    pub object: ObjectRef,
    /// A [`super::Why`].
    pub why: Sentence,
}

/// A line of YAML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServedLine {
    pub text: String,
    /// Filled in by the API server, not written by anybody: greyed.
    pub defaulted: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LogTail {
    pub container: String,
    /// Of the container's last life but one.
    pub previous: bool,
    /// The last lines, bounded.
    pub text: String,
}

/// Inside a Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inside {
    pub hostname: String,
    pub ip: String,
    pub namespaces: Vec<Namespace>,
    pub ports: Vec<Port>,
    /// The pause container first.
    pub rooms: Vec<Room>,
    pub drawers: Vec<Drawer>,
    /// Where its processes are killed.
    pub node: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum NamespaceKind {
    #[default]
    Net,
    Ipc,
    Uts,
    Pid,
    Mnt,
    User,
    Cgroup,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Namespace {
    pub kind: NamespaceKind,
    /// By all containers of the Pod.
    pub shared: bool,
    /// The node's own.
    pub host: bool,
    /// `10.244.1.9`, `/dev/shm`, the host name.
    pub shows: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Port {
    pub port: u16,
    pub container: String,
    /// Somebody listens there; else it is only declared.
    pub open: bool,
    pub host_port: Option<u16>,
}

/// A container from inside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Room {
    pub name: String,
    pub kind: ContainerKind,
    pub step: u32,
    pub pause: bool,
    pub image: String,
    pub state: String,
    pub tone: Tone,
    pub processes: Vec<ProcessLine>,
    pub ports: Vec<u16>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProcessLine {
    /// As the container sees it.
    pub pid: u32,
    /// As the node sees it, to kill it by.
    pub node_pid: u32,
    pub depth: u32,
    pub command: String,
    pub ended: bool,
}

/// Bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub container: String,
    pub used: u64,
    pub request: Option<u64>,
    pub limit: Option<u64>,
    /// The last samples, oldest first, for the curve.
    pub curve: Vec<Sample>,
}

/// Bytes in use at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    pub at: Micros,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drawer {
    pub name: String,
    pub kind: VolumeKind,
    pub source: String,
    pub mounts: Vec<Mount>,
    pub files: Vec<FileLine>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mount {
    pub container: String,
    pub path: String,
    pub read_only: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FileLine {
    pub path: String,
    pub bytes: u64,
}
