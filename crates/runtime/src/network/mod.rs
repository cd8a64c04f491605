//! The network between all machines: Pod addresses, Services, names, host ports; who answers, who refuses, who is silent.
//!
//! A request reaches a listening process at once and its answer comes back a little later. Nobody there: refused. The
//! address is nobody's, the machine is dead or cut off: silence, until the asker gives up.

mod ask;
mod at_once;
mod dns;
mod http;
mod route;

use std::time::Duration;

use sim::SimTime;

pub use at_once::{Asked, AtOnce};
pub use http::{HttpRequest, HttpResponse, content_type, reason};

use crate::cri::Request;
use crate::machine::Origin;

/// There and back: inside a machine, and between two.
pub(crate) const NEAR: Duration = Duration::from_micros(150);
pub(crate) const FAR: Duration = Duration::from_micros(600);
/// A server's own work on a request.
pub(crate) const SERVE: Duration = Duration::from_micros(400);

/// A request of a machine itself that has no answer yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pending {
    pub(crate) request: Request,
    pub(crate) timeout: Duration,
}

/// A request that a process has and has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Open {
    pub origin: Origin,
    /// Way back, and what a script adds.
    pub latency: Duration,
    pub arrived_at: SimTime,
}
