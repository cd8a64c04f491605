//! Why something was written: the teaching channel. Data only, worded by the page.

use std::sync::Arc;

/// Who wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// The person at the page; the number names the input in the session's log.
    User {
        input: u32,
    },
    ApiServer,
    Scheduler,
    /// A controller by its real name, such as `replicaset-controller`.
    Controller(&'static str),
    /// The kubelet of a node.
    Kubelet(Arc<str>),
}

/// The reason for one write, with its values. Grows with the components; every variant has words in `locales/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Because {
    /// Somebody asked for it.
    Asked,
    /// What every cluster has from the start.
    Bootstrap,
    /// The scheduler chose this node.
    Bound { node: Arc<str>, feasible: u32, score: i64 },
    /// The scheduler found no node.
    NoNodeFits,
    /// The kubelet reports what it sees.
    StatusSync,
    /// A component tells what happened (an Event).
    Recorded,
    /// Fewer or more Pods than wanted.
    Replicas { wanted: i32, found: i32 },
    /// A new template means a new `ReplicaSet`.
    NewTemplate,
    /// A rollout moves Pods from old to new.
    Rollout,
    /// The owner is gone.
    OwnerGone,
    /// Its namespace is being deleted.
    NamespaceGone,
    /// Which Pods answer for a Service.
    Endpoints,
    /// The node's lease has not been renewed in time.
    NodeSilent { seconds: u32 },
    /// The node's taints follow its conditions.
    NodeCondition,
    /// The node answers again.
    NodeBack,
    /// A `NoExecute` taint that the Pod does not tolerate (any longer).
    TaintEviction { taint: Arc<str> },
    /// Bookkeeping of Pods that belong to nothing any more.
    PodGarbage,
    /// A Pod of higher priority needs the room.
    Preempted { by: Arc<str> },
    /// The Pod has ended and its containers are gone.
    Terminated,
    /// The kubelet refuses the Pod, or the node is short of something.
    Refused { reason: Arc<str> },
    /// Renewal of a lease, a counter, an observed generation.
    Housekeeping,
}

/// Stands with every write: who, why, and the revision of the write that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause {
    pub by: Actor,
    pub because: Because,
    /// The chain ends at a write by `Actor::User` or `Because::Bootstrap`, which has none.
    pub parent: Option<u64>,
}

impl Cause {
    pub fn new(by: Actor, because: Because) -> Cause {
        Cause { by, because, parent: None }
    }

    #[must_use]
    pub fn from(mut self, parent: u64) -> Cause {
        self.parent = Some(parent);
        self
    }
}
