//! Discrete-event simulation kernel: virtual time, an event queue, seeded randomness, sorted maps, collecting and sorting with little code, a portable digest.
//!
//! Knows nothing about Kubernetes. Everything here is plain data: a snapshot of a simulation is a clone.

mod digest;
mod gather;
pub mod latency;
mod map;
mod number;
mod queue;
mod rng;
mod sort;
mod time;

pub use digest::{Digest, digest_of};
pub use gather::{Fill, Gather};
pub use latency::Latency;
pub use map::{VecMap, VecSet};
pub use number::parse_float;
pub use queue::{EventQueue, Outbox};
pub use rng::Rng;
pub use sort::Sort;
pub use time::SimTime;
