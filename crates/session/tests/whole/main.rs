//! Whole sessions, natively: time travel, links, faults, lessons, hostile input.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod debug;
mod digests;
mod faults;
mod fixes;
mod hostile;
mod lesson;
mod random;
mod static_pods;
mod terminal;
mod time_travel;
