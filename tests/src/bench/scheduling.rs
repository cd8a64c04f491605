//! The scheduler alone, against what the real one takes.

use scheduler::bench::{Kind, Workload};

use super::{Clock, Figure, measure};

/// Nodes, Pods, microseconds of CPU a Pod.
type Size = (usize, usize, f64);

/// The real scheduler, on a like and quiet machine with all threads.
const REAL: &[(Kind, &[Size])] = &[
    (Kind::Plain, &[(100, 1_000, 330.0), (1_000, 10_000, 1_360.0), (5_000, 10_000, 1_540.0)]),
    (Kind::Spread, &[(100, 1_000, 570.0), (1_000, 10_000, 3_550.0), (5_000, 10_000, 5_610.0)]),
    (Kind::AntiAffinity, &[(100, 1_000, 700.0), (1_000, 10_000, 4_120.0), (5_000, 10_000, 4_800.0)]),
];
/// The real figures are those of a scheduler that has been running: code that a browser has not yet compiled well is not
/// what they measure.
const PODS_BEFORE: usize = 10_000;
/// Small workloads are run several times, together with about so many Pods, and the best counts: whatever else the
/// machine does only makes them slower.
const PODS_MEASURED: usize = 5_000;
const TIMES_NATIVE: f64 = 10.0;
const TIMES_WASM: f64 = 5.0;

pub fn run(clock: Clock) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (kind, sizes) in REAL {
        Workload::new(*kind, 1_000, PODS_BEFORE).run();
        for (nodes, pods, real) in *sizes {
            let times = (PODS_MEASURED / *pods).max(1);
            let spent = (0..times).map(|_| {
                let workload = Workload::new(*kind, *nodes, *pods);
                measure(clock, || workload.run()).1
            });
            let micros = spent.fold(f64::INFINITY, f64::min) * 1e3 / *pods as f64;
            let what = format!("{kind:?}, {nodes} nodes, {pods} Pods: CPU a Pod");
            let mut figure = Figure::new(what, micros, "us");
            figure.real = Some((*real, TIMES_NATIVE, TIMES_WASM));
            figures.push(figure);
            let what = format!("{kind:?}, {nodes} nodes, {pods} Pods: Pods a second");
            figures.push(Figure::new(what, 1e6 / micros, "Pods/s"));
        }
    }
    figures
}
