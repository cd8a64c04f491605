//! How long things take: one named table, read off recordings of real clusters.

use std::time::Duration;

use crate::Rng;

/// A latency that is drawn evenly between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    pub low: Duration,
    pub high: Duration,
}

const fn millis(low: u64, high: u64) -> Latency {
    Latency { low: Duration::from_millis(low), high: Duration::from_millis(high) }
}

impl Latency {
    pub fn draw(self, rng: &mut Rng) -> Duration {
        rng.between(self.low, self.high)
    }
}

/// From a write to the moment its watchers see it.
pub const WATCH: Latency = millis(1, 3);
/// From a Pod at the head of the queue to its binding (created → bound: median 10 ms).
pub const SCHEDULE: Latency = millis(3, 8);
/// A controller's reaction to what it watches.
pub const RECONCILE: Latency = millis(4, 12);
/// From the binding to the kubelet's first status (median 28 ms).
pub const POD_WORKER_START: Latency = millis(15, 35);
/// From the first status to a sandbox with network (median 0.51 s after binding).
pub const SANDBOX: Latency = millis(380, 520);
/// Creating a container from an image that is there.
pub const CONTAINER_CREATE: Latency = millis(25, 45);
/// Starting a created container.
pub const CONTAINER_START: Latency = millis(50, 110);
/// From a container's start to the status patch that tells of it.
pub const STATUS_PATCH: Latency = millis(8, 20);
/// From the last container's end to the Pod's final phase: the sandbox is stopped in between (median 1.15 s).
pub const POD_TEARDOWN: Latency = millis(1_000, 1_250);
/// From the final status to the object's removal (median 0.54 s).
pub const POD_REMOVAL: Latency = millis(350, 800);
/// From the wish to synchronise a Pod to the kubelet's look at it.
pub const POD_SYNC: Latency = millis(2, 6);
/// From a status that the kubelet derived to its write.
pub const STATUS_WRITE: Latency = millis(3, 9);
/// From the first look at a Pod to the first attempt to set up its volumes.
pub const VOLUME_MOUNT: Latency = millis(60, 150);
/// The sandbox alone: `SANDBOX` contains the wait for the volumes as well.
pub const RUN_SANDBOX: Latency = millis(80, 220);
/// Stopping a sandbox and its network.
pub const STOP_SANDBOX: Latency = millis(50, 130);
/// From a process's end to the answer of the call that stopped its container.
pub const CONTAINER_STOP: Latency = millis(15, 45);
/// From a change of a static Pod's file to the kubelet's look at it.
pub const MANIFEST: Latency = millis(8, 30);
/// From the mirror of a static Pod that had to be made anew to the status in it.
pub const MIRROR_STATUS: Latency = millis(80, 130);
/// The kubelet looks for what is left over of Pods every two seconds.
pub const HOUSEKEEPING: Latency = millis(0, 2_000);
/// Unmounting a Pod's volumes.
pub const VOLUME_UNMOUNT: Latency = millis(5, 60);
