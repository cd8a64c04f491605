//! What must hold, whatever happens. Broken promises are bugs of the engine, never of a manifest.
//!
//! Three kinds: what one look at the cluster shows (`state`, `machines`), what only two looks show ([`History`]), and
//! what holds once all faults are mended and time has passed (`settled`).

mod history;
mod machines;
mod settled;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::Cluster;

pub use history::History;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub object: String,
    pub promise: &'static str,
    /// What was seen instead; may be empty.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.promise)?;
        if !self.seen.is_empty() {
            write!(f, " ({})", self.seen)?;
        }
        Ok(())
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn broken(&mut self, object: impl fmt::Display, promise: &'static str, seen: impl fmt::Display) {
        self.0.push(Violation { object: object.to_string(), promise, seen: seen.to_string() });
    }
}

/// What one look at the cluster shows.
pub fn check(cluster: &Cluster) -> Vec<Violation> {
    let mut found = Found::default();
    state::check(cluster.api(), &mut found);
    machines::check(cluster, &mut found);
    found.0
}

/// What must hold beside that when nothing is out of order any more and everything has had time to react.
pub fn check_settled(cluster: &Cluster) -> Vec<Violation> {
    let mut found = Found::default();
    settled::check(cluster, &mut found);
    found.0
}
