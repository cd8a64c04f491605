//! Everything that one scheduling attempt found out, as plain data: events are worded from it, the screen draws it.

use std::cmp::Reverse;
use std::fmt::{self, Write};
use std::sync::Arc;

use api::k8s_openapi::jiff::Timestamp;
use sim::{Gather as _, Sort as _, VecMap, VecSet};

use crate::pod_info::PodKey;

/// Whether preempting other Pods could help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    Unschedulable,
    UnschedulableAndUnresolvable,
}

impl Code {
    pub fn name(self) -> &'static str {
        match self {
            Code::Unschedulable => "Unschedulable",
            Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
        }
    }
}

/// A resource of which the node has too little left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shortage {
    pub resource: Arc<str>,
    pub requested: i64,
    pub used: i64,
    pub capacity: i64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if &*self.resource == "pods" {
            return f.write_str("Too many pods");
        }
        write!(f, "Insufficient {}", self.resource)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reasons {
    One(&'static str),
    Text(Arc<str>),
    Short(Vec<Shortage>),
}

impl Reasons {
    pub fn texts(&self) -> Vec<String> {
        match self {
            Reasons::One(text) => vec![(*text).to_owned()],
            Reasons::Text(text) => vec![text.to_string()],
            Reasons::Short(all) => all.iter().map(Shortage::to_string).gather(),
        }
    }
}

/// Why a node does not do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rejection {
    pub plugin: &'static str,
    pub code: Code,
    pub reasons: Reasons,
}

impl Rejection {
    pub fn unresolvable(plugin: &'static str, reason: &'static str) -> Rejection {
        Rejection { plugin, code: Code::UnschedulableAndUnresolvable, reasons: Reasons::One(reason) }
    }

    pub fn unschedulable(plugin: &'static str, reason: &'static str) -> Rejection {
        Rejection { plugin, code: Code::Unschedulable, reasons: Reasons::One(reason) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    Fits,
    /// By the first plugin that says no.
    Rejected(Rejection),
    /// `preFilterResult` does not name it, so no filter was run.
    NotNamed,
}

/// A PreFilter plugin turned the Pod down for every node at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PreFilterRejection {
    pub plugin: &'static str,
    pub reason: Arc<str>,
}

/// PreFilter plugins left only these nodes; they need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PreFilterResult {
    pub node_names: Vec<Arc<str>>,
    pub plugins: Vec<&'static str>,
}

/// The scores of one plugin; `raw` and `normalised` in the order of `Scores::nodes`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScoreColumn {
    pub plugin: &'static str,
    pub weight: i64,
    pub raw: Vec<i64>,
    pub normalised: Vec<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scores {
    pub nodes: Vec<Arc<str>>,
    pub total: Vec<i64>,
    pub columns: Vec<ScoreColumn>,
}

/// What tells nodes with victims apart, the first difference decides; less is better.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VictimRank {
    /// Victims that a PodDisruptionBudget protects.
    pub violations: u32,
    /// The highest priority among them.
    pub highest: i32,
    /// Of all priorities, each raised to be positive.
    pub sum: i64,
    pub count: usize,
    /// When the first of the most important ones started: the later, the better.
    pub earliest: Reverse<Timestamp>,
}

/// What removing Pods from one node would bring.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DryRun {
    /// Most important first.
    Victims { pods: Vec<PodKey>, rank: VictimRank },
    /// `plugin` is empty where no filter said no.
    Fails(Rejection),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Preemption {
    /// Nothing was tried, and why.
    pub not_eligible: Option<&'static str>,
    pub potential_nodes: Vec<Arc<str>>,
    pub dry_run: VecMap<Arc<str>, DryRun>,
    /// Equally good ones; the real scheduler takes a random one of them.
    pub nominated_possible: Vec<Arc<str>>,
    pub nominated: Option<Arc<str>>,
    /// Of `nominated`; most important first.
    pub victims: Vec<PodKey>,
    /// Those of them that are not being deleted already.
    pub fresh_victims: Vec<PodKey>,
    /// Pods of lower priority that lose their claim to the node.
    pub cleared_nominations: Vec<PodKey>,
    /// What it adds to the failure message; empty when it succeeded.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Scheduled,
    Unschedulable,
    /// No node yet, but one will be after the victims are gone.
    Preempting,
}

/// One attempt to place a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decision {
    pub pod: PodKey,
    pub outcome: Outcome,
    pub nodes_total: usize,
    pub pre_filter: Option<PreFilterRejection>,
    pub pre_filter_result: Option<PreFilterResult>,
    pub skipped_filter: Vec<&'static str>,
    /// Nodes that were looked at, in the order of their names unless only a sample was.
    pub verdicts: Vec<(Arc<str>, Verdict)>,
    /// How many of them a real scheduler looks at before it has enough.
    pub examined: usize,
    pub feasible: usize,
    pub nominated_fast_path: bool,
    /// Whether scores decided; with one feasible node they do not.
    pub scored: bool,
    pub skipped_score: Vec<&'static str>,
    pub scores: Scores,
    /// All nodes with the best score; a random one of them is taken.
    pub candidates: Vec<Arc<str>>,
    pub chosen: Option<Arc<str>>,
    pub unschedulable_plugins: VecSet<&'static str>,
    pub preemption: Option<Preemption>,
    /// Of the PodScheduled condition; empty when scheduled.
    pub message: String,
}

impl Decision {
    pub(crate) fn new(pod: PodKey, nodes_total: usize) -> Decision {
        Decision {
            pod,
            outcome: Outcome::Unschedulable,
            nodes_total,
            pre_filter: None,
            pre_filter_result: None,
            skipped_filter: Vec::new(),
            verdicts: Vec::new(),
            examined: 0,
            feasible: 0,
            nominated_fast_path: false,
            scored: false,
            skipped_score: Vec::new(),
            scores: Scores::default(),
            candidates: Vec::new(),
            chosen: None,
            unschedulable_plugins: VecSet::new(),
            preemption: None,
            message: String::new(),
        }
    }

    /// The text of the event that tells of it.
    pub fn event_note(&self) -> String {
        match &self.chosen {
            Some(node) => {
                format!("Successfully assigned {}/{} to {node}", self.pod.namespace, self.pod.name)
            }
            None => truncated(&self.message),
        }
    }

    /// `node(s) didn't satisfy plugin(s) [NodeAffinity]`
    pub fn not_named_reason(&self) -> String {
        let plugins = self.pre_filter_result.as_ref().map_or(&[][..], |it| &it.plugins);
        format!("node(s) didn't satisfy plugin(s) [{}]", plugins.join(" "))
    }

    pub fn verdict(&self, node: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|it| *it.0 == *node).map(|it| &it.1)
    }
}

/// Events carry at most this many bytes.
const NOTE_BYTES_MAX: usize = 1024;

// Follows kubernetes v1.36 pkg/scheduler/schedule_one.go: truncateMessage.
fn truncated(message: &str) -> String {
    if message.len() <= NOTE_BYTES_MAX {
        return message.to_owned();
    }
    let mut end = NOTE_BYTES_MAX - 4;
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{} ...", &message[..end])
}

/// Counts reasons and words them: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`
#[derive(Debug, Default)]
pub(crate) struct Histogram(VecMap<String, usize>);

impl Histogram {
    pub fn add(&mut self, reason: &str, count: usize) {
        if count == 0 {
            return;
        }
        if let Some(known) = self.0.get_mut(reason) {
            *known += count;
        } else {
            self.0.insert(reason.to_owned(), count);
        }
    }

    pub fn add_all(&mut self, reasons: &Reasons) {
        match reasons {
            Reasons::One(text) => self.add(text, 1),
            Reasons::Text(text) => self.add(text, 1),
            Reasons::Short(all) => all.iter().for_each(|it| self.add(&it.to_string(), 1)),
        }
    }

    // Follows kubernetes v1.36 pkg/scheduler/framework/types.go: FitError.Error. Parts are sorted as text.
    pub fn message(&self, nodes: usize) -> String {
        let mut parts: Vec<String> =
            self.0.iter().map(|(reason, count)| format!("{count} {reason}")).gather();
        parts.put_in_order();
        let mut message = unavailable(nodes);
        if !parts.is_empty() {
            let _ = write!(message, " {}.", parts.join(", "));
        }
        message
    }
}

pub(crate) fn unavailable(nodes: usize) -> String {
    format!("0/{nodes} nodes are available:")
}

pub(crate) const NO_NODES: &str = "no nodes available to schedule pods";
