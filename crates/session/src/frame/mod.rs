//! What the page draws: one instant of a cluster, as plain data in the viewer's words.
//!
//! Invariants. Text that Kubernetes prints is a `String`; what we say ourselves is a sentence as data that the page's
//! locale files word. Cards hold instants, never durations that shrink: a card changes only when something happened, so
//! an unchanged `Arc` means that nothing has to be drawn. Order is the order of drawing. Nothing here decides anything.

mod command;
mod inspector;
mod narration;
mod node;
mod plane;
mod pod;
mod scheduling;
mod timeline;
mod workload;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sim::VecMap;

pub use command::{
    Advanced, Command, Diagnostic, FaultTarget, Fix, Outcome, ScenarioCard, ScenarioGroup, Severity, Tab,
    Trouble, ViewState,
};
pub use inspector::{
    Condition, Drawer, FileLine, Inside, Inspector, LogTail, Mount, Namespace, NamespaceKind, Port,
    ProcessLine, Room, Sample, ServedLine, Track, TrackKind, TrackPart, Usage, WhyStep,
};
pub use narration::{Actor, Field, Narration, Sentence, Why};
pub use node::{Amount, Gate, ImageCard, LabelChip, NodeCard, NodeState, TaintChip};
pub use plane::{Hop, Plane, Station};
pub use pod::{
    Backoff, ContainerCard, ContainerKind, ContainerState, Foundation, Grace, Lamp, PodCard, Probe, Pull,
    Says, VolumeCard, VolumeKind,
};
pub use scheduling::{
    Clause, Decision, DecisionColumn, DecisionRow, Fixes, Lane, Pending, Preemption, PreemptionRow, Queued,
    Remedy, RemedyEdit, RemedyKind, RemedySide, Scheduler, Score, Verdict, Victim,
};
pub use timeline::{Branch, Mark, PodLane, Segment, Tick, Timeline};
pub use workload::{
    DocumentCard, Endpoint, EventCard, GoalCard, LessonCard, ReplicaCard, ServiceCard, WorkloadCard,
};

/// Microseconds of virtual time since the session began.
pub type Micros = u64;

/// Everything that the page shows at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Frame {
    pub clock: Clock,
    pub about: Arc<About>,
    pub plane: Arc<Plane>,
    pub scheduler: Arc<Scheduler>,
    /// Pods without a node that somebody waits for, those that wait longest first.
    pub pending: Vec<Arc<Pending>>,
    /// The decision to show: of the selected Pod, or else the last one.
    pub decision: Option<Arc<Decision>>,
    /// Of the Pod that `ViewState::fixes` names.
    pub fixes: Option<Arc<Fixes>>,
    pub nodes: Vec<Arc<NodeCard>>,
    /// All Pods, ordered by namespace and name; nodes name theirs by `uid`.
    pub pods: Vec<Arc<PodCard>>,
    /// Where in `pods` each uid is: a page with a card for each Pod looks all of them up in every frame.
    #[serde(skip)]
    pub places: Arc<VecMap<String, u32>>,
    pub services: Vec<Arc<ServiceCard>>,
    pub workloads: Vec<Arc<WorkloadCard>>,
    /// Newest last.
    pub events: Arc<Vec<EventCard>>,
    pub timeline: Arc<Timeline>,
    pub inspector: Option<Arc<Inspector>>,
    /// Of the containers of the Pod that is looked into; empty elsewhere.
    pub memory: Arc<Vec<Usage>>,
    pub lesson: Option<Arc<LessonCard>>,
    pub manifest: ManifestState,
    /// What the live region reads out, newest last; `said` counts all since the start, so that nothing is read twice.
    pub said: u64,
    pub narrated: Arc<Vec<Sentence>>,
}

/// How the cluster stands to what is written in the editor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum ManifestState {
    /// Empty, or nothing that could be applied.
    #[default]
    Unread,
    /// None of its objects is there.
    NotApplied,
    /// Some are missing, or were made or last applied otherwise.
    Differs,
    /// All were applied as they stand.
    Applied,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Clock {
    pub now: Micros,
    /// The furthest instant that has been computed; greater than `now` after travelling back.
    pub end: Micros,
    /// What `date` prints in the cluster at `now`, RFC 3339.
    pub wall: String,
    /// The next instant at which something happens, if anything is planned.
    pub next: Option<Micros>,
    /// A page that seeks shows this while the cluster is still on its way.
    pub seeking: bool,
}

/// What stays the same throughout a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct About {
    pub scenario: String,
    pub seed: u64,
    /// Such as `v1.36.2`.
    pub kubernetes: String,
    /// Faults that are on now and can be taken back.
    pub faults: Vec<FaultTarget>,
}

/// How a state looks: always shape, text and colour together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tone {
    /// Waiting is not failing.
    #[default]
    Wait,
    /// Running and ready.
    Ok,
    /// Running, not ready.
    NotReady,
    /// A failing reason.
    Bad,
    /// Completed.
    Done,
    /// Terminating.
    Ending,
    /// Working at it now: pulling, an init step that runs.
    Busy,
}

/// Names one object. `namespace` is empty where the kind has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `Pod`, `Node`, `Service`, `Deployment`, …
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl ObjectRef {
    pub fn new(kind: &str, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub fn pod(namespace: &str, name: &str) -> ObjectRef {
        ObjectRef::new("Pod", namespace, name)
    }
}

impl Frame {
    pub fn pod(&self, uid: &str) -> Option<&Arc<PodCard>> {
        self.pods.get(*self.places.get(uid)? as usize)
    }

    pub fn node(&self, name: &str) -> Option<&Arc<NodeCard>> {
        self.nodes.iter().find(|it| it.name == name)
    }

    /// The first Pod of that name, for names that come from outside.
    pub fn pod_named(&self, namespace: &str, name: &str) -> Option<&Arc<PodCard>> {
        self.pods.iter().find(|it| it.namespace == namespace && it.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_cards_compare_by_pointer_and_by_value() {
        let card = Arc::new(PodCard { name: "web".to_owned(), ..PodCard::default() });
        let one = Frame { pods: vec![Arc::clone(&card)], ..Frame::default() };
        let two = Frame { pods: vec![Arc::new((*card).clone())], ..Frame::default() };
        assert_eq!(one, two);
        assert!(one.pod_named("", "web").is_some());
    }
}
