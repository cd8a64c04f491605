//! The scheduler: who waits in its queue and for what, what it decided and why, and what would change its mind.

use serde::Serialize;

use super::{Micros, ObjectRef, Tone};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scheduler {
    pub active: Lane,
    pub backoff: Lane,
    pub unschedulable: Lane,
    pub gated: Lane,
    /// The Pod that is being placed, or was placed last.
    pub placing: Option<ObjectRef>,
    /// The Pod of the last decision.
    pub decided: Option<ObjectRef>,
}

/// One part of the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lane {
    pub count: u32,
    /// The first few, in order.
    pub pods: Vec<Queued>,
    /// When the first leaves, where that is known (back-off).
    pub next: Option<Micros>,
}

/// A Pod in the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Queued {
    pub pod: ObjectRef,
    pub priority: i32,
    pub attempts: u32,
    /// When it came, or was last turned down.
    pub since: Micros,
    /// When it leaves by itself: back-off ends, or it has waited for too long.
    pub until: Option<Micros>,
    /// Plugins that turned it down, or the gates that hold it.
    pub by: Vec<String>,
    /// Events that would wake it, by their names in the locale files (`wake.…`).
    pub wakes: Vec<&'static str>,
    /// Decided already, on its way to its node.
    pub binding: bool,
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
    /// Clauses in `tail`, of the dry run of preemption.
    pub tail_clauses: Vec<Clause>,
    /// Waits for a scheduling gate: these names.
    pub gates: Vec<String>,
    /// Room is being made for it on this node.
    pub nominated: Option<String>,
}

/// `1 Insufficient memory`, and the nodes that it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Clause {
    pub text: String,
    pub nodes: Vec<String>,
}

/// The smallest changes that would place a Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fixes {
    pub pod: ObjectRef,
    /// The smallest first.
    pub remedies: Vec<Remedy>,
    /// Nothing smaller than the first was overlooked.
    pub complete: bool,
    /// How many scheduling runs that took.
    pub runs: u32,
}

/// Edits that place the Pod, none of which can be left out. `command` does them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    pub side: RemedySide,
    pub edits: Vec<RemedyEdit>,
    pub command: String,
    /// What else the command does, by its name in the locale files (`remedy.note.…`).
    pub note: Option<&'static str>,
    /// The best nodes after it; the seed draws one of them.
    pub lands: Vec<String>,
    /// All nodes that fit then.
    pub nodes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RemedySide {
    Pod,
    Cluster,
    Both,
}

/// One edit: worded by the page, with what is edited, as YAML or as `field: old → new`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemedyEdit {
    pub kind: RemedyKind,
    /// The node, Pod or container that it is about.
    pub subject: String,
    pub preview: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RemedyKind {
    OpenGate,
    LowerRequest,
    Tolerate,
    DropSelector,
    DropAffinity,
    RelaxSpread,
    FreePort,
    Uncordon,
    RemoveTaint,
    LabelNode,
    DeletePod,
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
    pub feasible: u32,
    /// One feasible node only: nothing had to be weighed.
    pub scored: bool,
    /// Nodes with the best score. Where there are several, one of them was drawn.
    pub best: Vec<String>,
    /// A plugin turned the Pod down before any node was asked.
    pub before_nodes: Option<String>,
    pub preemption: Option<Preemption>,
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
    /// One for each column that scores; empty when scores did not decide.
    pub scores: Vec<Option<Score>>,
    pub total: Option<i64>,
}

/// As the plugin gave it, brought to 0…100, times the plugin's weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    pub raw: i64,
    pub normalised: i64,
    pub weighted: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum Verdict {
    #[default]
    Fits,
    /// The first filter that said no, and its words.
    Rejected {
        plugin: String,
        reasons: Vec<String>,
        /// Worth saying besides, such as `-96Mi`; may be empty.
        detail: String,
    },
    NotExamined,
}

/// Who would have to go so that the Pod fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Preemption {
    /// Nothing was tried, and why; in the scheduler's words.
    pub not_eligible: Option<String>,
    pub rows: Vec<PreemptionRow>,
    pub nominated: Option<String>,
    /// What told the nominated node from the others, by its name in the locale files (`preempt.by.…`).
    pub decided_by: &'static str,
    /// Equally good nodes.
    pub possible: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PreemptionRow {
    pub node: String,
    /// The most important first; empty where it does not help that others go.
    pub victims: Vec<Victim>,
    /// How many of them a PodDisruptionBudget protects.
    pub violations: u32,
    /// Why it does not help.
    pub fails: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Victim {
    pub pod: ObjectRef,
    /// `None`: it has gone meanwhile.
    pub priority: Option<i32>,
    /// PodDisruptionBudgets that select it.
    pub budgets: Vec<String>,
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
