//! Names and numbers that several components go by.

/// The annotation of a static Pod's mirror.
pub const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";

/// Where each node has its Lease.
pub const LEASE_NAMESPACE: &str = "kube-node-lease";

pub const CLUSTER_CRITICAL: &str = "system-cluster-critical";
pub const NODE_CRITICAL: &str = "system-node-critical";

/// From this priority on a Pod is critical for the system.
pub const CLUSTER_CRITICAL_PRIORITY: i32 = 2_000_000_000;
pub const NODE_CRITICAL_PRIORITY: i32 = 2_000_001_000;
