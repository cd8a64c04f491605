//! The controllers together, against what the recordings of real clusters show.

mod bench;
mod nodes;
mod upkeep;
mod workloads;
