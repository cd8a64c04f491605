//! Discrete-event simulation kernel: virtual time, an event queue, seeded randomness, sorted maps, a portable digest.
//!
//! Knows nothing about Kubernetes. Everything here is plain data: a snapshot of a simulation is a clone.

mod digest;
pub mod latency;
mod map;
mod number;
mod queue;
mod rng;
mod time;

pub use digest::{Digest, digest_of};
pub use latency::Latency;
pub use map::{VecMap, VecSet};
pub use number::parse_float;
pub use queue::{EventQueue, Outbox};
pub use rng::Rng;
pub use time::SimTime;

/// Collecting into a vector with less code than `collect`, which asks for the next item in two places.
pub trait Gather: Iterator {
    fn gather(self) -> Vec<Self::Item>;
}

impl<I: Iterator> Gather for I {
    fn gather(self) -> Vec<I::Item> {
        let mut all = Vec::new();
        self.for_each(|it| all.push(it));
        all
    }
}
