//! A node as a card.

use serde::Serialize;

use super::Tone;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeCard {
    pub name: String,
    pub state: NodeState,
    pub cordoned: bool,
    /// `control-plane`, `<none>`: as kubectl prints it.
    pub roles: String,
    pub version: String,
    pub address: String,
    /// Cpu first, then memory, then what else is asked for; Pods last.
    pub amounts: Vec<Amount>,
    pub labels: Vec<LabelChip>,
    pub taints: Vec<TaintChip>,
    /// Conditions that are not as they should be, such as `MemoryPressure`.
    pub pressures: Vec<String>,
    pub images: Vec<ImageCard>,
    /// What this node says to the Pod whose decision is shown.
    pub gate: Option<Gate>,
    /// Uids, in the order of arrival.
    pub pods: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum NodeState {
    #[default]
    Ready,
    NotReady,
    /// The kubelet has not been heard of in time.
    Unknown,
}

impl NodeState {
    pub fn tone(self) -> Tone {
        match self {
            NodeState::Ready => Tone::Ok,
            NodeState::NotReady => Tone::Bad,
            NodeState::Unknown => Tone::Wait,
        }
    }
}

/// How much of one resource there is, is requested, is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// `cpu`, `memory`, `pods`, …
    pub resource: String,
    /// In thousandths of the unit.
    pub allocatable: i64,
    pub requested: i64,
    pub used: i64,
    /// `2.5 / 4`, `7.3 / 8 Gi`: what stands beside the bar.
    pub text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabelChip {
    pub key: String,
    pub value: String,
    /// Every node of every cluster has one of these (`kubernetes.io/…`): shown on demand.
    pub well_known: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaintChip {
    pub key: String,
    pub value: String,
    pub effect: String,
}

impl TaintChip {
    /// As kubectl reads and prints it: `env=dev:NoSchedule`, `key:NoExecute`.
    pub fn text(&self) -> String {
        let sign = if self.value.is_empty() { "" } else { "=" };
        [&self.key, sign, &self.value, ":", &self.effect].concat()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageCard {
    pub name: String,
    pub bytes: u64,
}

/// The verdict that a node shows while a decision is on the stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gate {
    pub fits: bool,
    /// `Insufficient memory`, in the scheduler's words; empty when it fits.
    pub reason: String,
    /// Worth saying besides, such as `96 MiB short`; may be empty.
    pub detail: String,
    pub score: Option<i64>,
    /// Plugin and weighted score, for a closer look.
    pub by_plugin: Vec<(String, i64)>,
    pub chosen: bool,
}
