//! Time as lanes.

use serde::Serialize;

use super::{Micros, ObjectRef, Probe, Tone};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    pub lanes: Vec<PodLane>,
    /// Moments worth a stop, in order.
    pub marks: Vec<Mark>,
    pub branches: Vec<Branch>,
}

/// One Pod. A lane stays after its Pod has gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PodLane {
    pub pod: ObjectRef,
    pub uid: String,
    pub segments: Vec<Segment>,
    pub ticks: Vec<Tick>,
}

/// A stretch in which STATUS stayed the same. `end` is none while it lasts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Segment {
    pub start: Micros,
    pub end: Option<Micros>,
    pub status: String,
    pub tone: Tone,
    /// A wait between two attempts: drawn paler.
    pub waits: bool,
}

/// A probe's look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tick {
    pub at: Micros,
    pub probe: Probe,
    pub ok: bool,
}

/// An event of the cluster or an input of the person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mark {
    pub at: Micros,
    /// Kubernetes' words or the command line.
    pub text: String,
    pub tone: Tone,
    /// Done by the person at the page.
    pub yours: bool,
    pub object: Option<ObjectRef>,
}

/// A future that was left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Branch {
    pub index: u32,
    pub forked_at: Micros,
    pub end: Micros,
}
