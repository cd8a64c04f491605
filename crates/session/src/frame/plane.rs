//! The control plane: messages under way.

use serde::Serialize;

use super::{Micros, ObjectRef};

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
