//! `cargo run --release --example speed`: Pods a second of each workload.
#![allow(clippy::disallowed_methods, reason = "measuring is what this is for")]

use std::time::Instant;

use scheduler::bench::{Kind, Workload};

fn main() {
    for kind in [Kind::Plain, Kind::Spread, Kind::AntiAffinity] {
        for (nodes, pods) in [(100, 1_000), (1_000, 10_000), (5_000, 10_000)] {
            let workload = Workload::new(kind, nodes, pods);
            let start = Instant::now();
            let counts = workload.run();
            let micros = start.elapsed().as_micros() as f64 / pods as f64;
            println!("{kind:?} {nodes}/{pods}: {micros:.1} µs a Pod, {:.0} Pods/s, {counts:?}", 1e6 / micros);
        }
    }
}
