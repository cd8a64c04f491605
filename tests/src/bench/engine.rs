//! The whole engine: Pods from their creation to Running, snapshots.

use super::clusters::{self, Probes, cluster_of, create, running};
use super::kubelet::probing;
use super::{Clock, Figure, best, measure, seconds};

/// How many simulated seconds Pods may take.
const PATIENCE: u64 = 600;

pub fn to_running(clock: Clock, nodes: u32, pods: u32) -> Figure {
    let mut there = 0;
    let spent = best(|| {
        let mut cluster = cluster_of(nodes);
        let ((), spent) = measure(clock, || {
            create(&mut cluster, pods, Probes::None);
            let start = cluster.now();
            for second in 1..=PATIENCE {
                clusters::run(&mut cluster, start + seconds(second));
                if running(&cluster) == pods as usize {
                    return;
                }
            }
        });
        there = running(&cluster);
        spent
    });
    Figure::new(format!("{there} of {pods} Pods on {nodes} nodes to Running"), spent, "ms")
}

/// A snapshot is too quick to be measured alone.
const COPIES: usize = 500;

pub fn run(clock: Clock) -> Vec<Figure> {
    let all_running = to_running(clock, 24, 1_000).goal(500.0);
    let (probes, cluster) = probing(clock, Probes::Http);
    let spent = best(|| measure(clock, || vec![cluster.clone(); COPIES]).1);
    let snapshot = Figure::new("a snapshot of that cluster", spent / COPIES as f64, "ms").goal(2.0);
    vec![all_running, probes.goal(1.0), snapshot]
}
