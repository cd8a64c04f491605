//! The control plane: messages under way, the scheduler's queue, what it decided and why.

use serde::Serialize;

use super::{Micros, ObjectRef, Tone};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plane {
    /// The revision that etcd holds.
    pub revision: u64,
    /// Messages under way now or that ended within the last moment, oldest first. At most a few dozen.
    pub hops: Vec<Hop>,
    /// What the API server does at the moment, in Kubernetes' words, such as `POST pods`.
    pub last_request: Option<String>,
}

/// Where a message starts and ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Station {
    You,
    ApiServer,
    Etcd,
    Scheduler,
    Controllers,
    Kubelet(String),
    Registry,
}

/// One message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// Unique in the session, so that a drawn message keeps its element.
    pub id: u64,
    pub from: Station,
    pub to: Station,
    pub subject: ObjectRef,
    /// `create`, `update`, `patch`, `delete`, `bind`, `watch`, `pull`.
    pub verb: String,
    pub started: Micros,
    pub ends: Micros,
    /// Refused by the API server.
    pub failed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scheduler {
    pub active: Lane,
    pub backoff: Lane,
    pub unschedulable: Lane,
    pub gated: Lane,
    /// The Pod that is being placed, or was placed last.
    pub placing: Option<ObjectRef>,
}

/// One part of the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lane {
    pub count: u32,
    /// The first few, in order.
    pub pods: Vec<ObjectRef>,
    /// When the first leaves, where that is known (back-off).
    pub next: Option<Micros>,
}

/// A Pod without a node and what the scheduler says about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pending {
    pub pod: ObjectRef,
    pub uid: String,
    pub since: Micros,
    /// The whole message, as the FailedScheduling event and the PodScheduled condition print it.
    pub message: String,
    /// Its parts in order; joined by `separator` they give the message again where it has that form.
    pub head: String,
    pub clauses: Vec<Clause>,
    /// What follows the clauses, such as the word on preemption.
    pub tail: String,
    /// Waits for a scheduling gate: these names.
    pub gates: Vec<String>,
    pub remedies: Vec<Remedy>,
}

/// `1 Insufficient memory`, and the nodes that it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Clause {
    pub text: String,
    pub nodes: Vec<String>,
}

/// A change that would place the Pod. `command` runs it; `preview` shows it (lines of YAML or the command itself).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Worded by the page.
    pub kind: RemedyKind,
    pub preview: String,
    /// A kubectl command line that does it, where one does.
    pub command: Option<String>,
    /// Nodes that fit then.
    pub nodes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RemedyKind {
    LowerRequest,
    Tolerate,
    RemoveTaint,
    LabelNode,
    Uncordon,
    FreePort,
    AddNode,
}

/// One attempt of the scheduler to place one Pod: nodes × plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub pod: ObjectRef,
    pub at: Micros,
    pub chosen: Option<String>,
    /// Filters first, then scores, in the scheduler's order; only those that had a say.
    pub columns: Vec<DecisionColumn>,
    pub rows: Vec<DecisionRow>,
    /// Empty when placed.
    pub message: String,
    /// How many nodes were looked at of how many.
    pub examined: u32,
    pub total: u32,
    /// Pods that make room.
    pub victims: Vec<ObjectRef>,
    /// More than one node had the best score: one of them was drawn.
    pub tie: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DecisionColumn {
    /// The plugin's own name, such as `NodeResourcesFit`.
    pub plugin: String,
    pub filters: bool,
    pub scores: bool,
    pub weight: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    pub node: String,
    pub verdict: Verdict,
    /// One for each column that scores, weighted; empty when scores did not decide.
    pub scores: Vec<Option<i64>>,
    pub total: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum Verdict {
    #[default]
    Fits,
    /// The first filter that said no, and its words.
    Rejected {
        plugin: String,
        reasons: Vec<String>,
    },
    NotExamined,
}

impl Scheduler {
    /// In the order of drawing, with the tone that a Pod in there deserves.
    pub fn lanes(&self) -> [(&'static str, &Lane, Tone); 4] {
        [
            ("active", &self.active, Tone::Busy),
            ("backoff", &self.backoff, Tone::Wait),
            ("unschedulable", &self.unschedulable, Tone::Wait),
            ("gated", &self.gated, Tone::Wait),
        ]
    }
}
