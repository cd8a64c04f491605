//! The scheduler: decides for each pending Pod which node it runs on, as kube-scheduler v1.36 does.
//!
//! [`schedule_one`] is pure: a [`Snapshot`] and a Pod in, a [`Decision`] out that keeps every verdict and score.
//! [`Scheduler`] is the component around it: cache, queue, binding, events.

pub mod bench;
mod decision;
mod framework;
mod node_info;
mod observe;
mod plugins;
mod pod_info;
mod preemption;
mod queue;
mod recorder;
pub mod remedy;
mod resources;
mod schedule_one;
mod scheduler;
mod selector;
pub mod single;
mod snapshot;
mod topology;

pub use decision::{
    Code, Decision, DryRun, Outcome, PreFilterRejection, PreFilterResult, Preemption, Reasons, Rejection,
    ScoreColumn, Scores, Shortage, Verdict, VictimRank,
};
pub use framework::{Change, PROFILE, Plugin, PreFilter, WakeEvent};
pub use node_info::NodeInfo;
pub use plugins::scheduling_gates::gates_reason;
pub use pod_info::{PodInfo, PodKey};
pub use queue::{BACKOFF_INITIAL, BACKOFF_MAX, Lane, Queue, QueuedPod, UNSCHEDULABLE_MAX, flushed_at};
pub use resources::Resources;
pub use schedule_one::{Options, nodes_to_find, prepare, schedule_one};
pub use scheduler::{Assumed, Attempt, Ctx, DECISIONS_MAX, Event, Scheduler};
pub use selector::{AffinityTerm, Selector};
pub use snapshot::Snapshot;
