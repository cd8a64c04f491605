//! `cargo run --release --package scheduler --example speed`: time on the CPU that a Pod of each workload takes.

use std::time::Instant;

use scheduler::bench::{Kind, Workload};

/// Microseconds this process has run: on Linux without the time that it waited for the processor.
#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn micros(start: Instant) -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|it| it.parse::<f64>().ok());
    nanos.map_or_else(|| Instant::now().duration_since(start).as_secs_f64() * 1e6, |it| it / 1e3)
}

#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn main() {
    let clock = Instant::now();
    for kind in [Kind::Plain, Kind::Spread, Kind::AntiAffinity] {
        for (nodes, pods) in [(100, 1_000), (1_000, 10_000), (5_000, 10_000)] {
            let workload = Workload::new(kind, nodes, pods);
            let start = micros(clock);
            let counts = workload.run();
            let each = (micros(clock) - start) / pods as f64;
            println!("{kind:?} {nodes}/{pods}: {each:.1} µs a Pod, {:.0} Pods/s; {counts:?}", 1e6 / each);
        }
    }
}
