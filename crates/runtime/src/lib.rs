//! The machines under the cluster: images, containers, processes, a shell, files, a network.
//!
//! Knows processes, not Pods: sandboxes and containers come in through [`cri`], shaped after the Container Runtime
//! Interface. One `Runtime` holds all machines, because a request goes from one to another.

pub mod cri;

pub use cri::*;
