//! Kubelets: probes that find all well, hours in which nothing happens, many Pods at once.

use cluster::Cluster;

use super::clusters::{self, Probes, cluster_of, create, running};
use super::engine::to_running;
use super::{Clock, Figure, best, measure, seconds};

const NODES: u32 = 24;
const PROBED: u32 = 200;

/// Readiness and liveness of each Pod, once a second each.
pub fn probing(clock: Clock, probes: Probes) -> (Figure, Cluster) {
    const MEASURED: u64 = 100;
    let mut cluster = cluster_of(NODES);
    create(&mut cluster, PROBED, probes);
    let mut until = cluster.now() + seconds(60);
    clusters::run(&mut cluster, until);
    let spent = best(|| {
        until = until + seconds(MEASURED);
        measure(clock, || clusters::run(&mut cluster, until)).1
    });
    let what =
        format!("{} Pods with two probes each second ({probes:?}), a simulated second", running(&cluster));
    (Figure::new(what, spent / MEASURED as f64, "ms"), cluster)
}

fn idle(clock: Clock) -> Figure {
    const PODS: u32 = 100;
    let mut cluster = cluster_of(NODES);
    create(&mut cluster, PODS, Probes::None);
    let mut until = cluster.now() + seconds(60);
    clusters::run(&mut cluster, until);
    let spent = best(|| {
        until = until + seconds(3_600);
        measure(clock, || clusters::run(&mut cluster, until)).1
    });
    Figure::new(format!("{PODS} idle Pods on {NODES} nodes, a simulated hour"), spent, "ms")
}

pub fn run(clock: Clock) -> Vec<Figure> {
    vec![
        probing(clock, Probes::Http).0.goal(0.5),
        probing(clock, Probes::Tcp).0.goal(0.5),
        probing(clock, Probes::Exec).0,
        idle(clock).goal(50.0),
        to_running(clock, NODES, 5_000).goals(2_000.0, 4_000.0),
    ]
}
