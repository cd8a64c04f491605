//! `cargo xtask bench [NAME…]`: speed, as printed figures. Nothing fails on a time; ratios in one run are what counts.

use std::time::{Duration, Instant};

use api::k8s_openapi::api::core::v1::{Container, ContainerPort, HTTPGetAction, PodSpec, Probe};
use api::{Actor, Because, Cause, IntOrString, Kind, Object, Pod};
use cluster::{Cluster, NodeSpec, Settings};
use scheduler::bench::{Kind as Kind_, Workload};
use sim::SimTime;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|it| it == name);
    println!("CPU times of one thread, native; a browser's WebAssembly takes about twice as long");
    if wanted("engine") {
        engine();
    }
    if wanted("scheduler") {
        schedule();
    }
}

/// CPU time of this thread where the system tells it, else wall-clock time.
fn cpu() -> Duration {
    let nanos = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = nanos.and_then(|it| it.split(' ').next()?.parse().ok());
    nanos.map_or_else(
        || {
            static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
            START.get_or_init(Instant::now).elapsed()
        },
        Duration::from_nanos,
    )
}

fn measure<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = cpu();
    let value = act();
    (value, cpu().saturating_sub(start))
}

fn cluster_of(nodes: u32) -> Cluster {
    let node = |number: u32| NodeSpec {
        cpu_milli: 32_000,
        memory_bytes: 64 << 30,
        pods: 250,
        images: vec!["nginx:1.25".to_owned()],
        ..NodeSpec::worker(&format!("node-{number}"))
    };
    let mut cluster = Cluster::new(&Settings { seed: 1, nodes: (1..=nodes).map(node).collect() });
    run(&mut cluster, SimTime::from_secs(30));
    cluster
}

fn run(cluster: &mut Cluster, until: SimTime) {
    while !cluster.run_until(until, 100_000) {}
}

fn pod(number: u32, probes: bool) -> Object {
    let probe = Probe {
        http_get: Some(HTTPGetAction { port: IntOrString::Int(80), ..HTTPGetAction::default() }),
        period_seconds: Some(1),
        ..Probe::default()
    };
    let container = Container {
        name: "app".to_owned(),
        image: Some("nginx:1.25".to_owned()),
        ports: Some(vec![ContainerPort { container_port: 80, ..ContainerPort::default() }]),
        readiness_probe: probes.then(|| probe.clone()),
        liveness_probe: probes.then_some(probe),
        ..Container::default()
    };
    let mut pod =
        Pod { spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }), ..Pod::default() };
    pod.metadata.name = Some(format!("pod-{number}"));
    pod.metadata.namespace = Some("default".to_owned());
    pod.into()
}

fn create(cluster: &mut Cluster, count: u32, probes: bool) {
    let now = cluster.now();
    for number in 0..count {
        let cause = Cause::new(Actor::User { input: 0 }, Because::Asked);
        cluster.api_mut().create(pod(number, probes), cause, now).expect("the Pod is valid");
    }
}

fn running(cluster: &Cluster) -> usize {
    let is_running =
        |it: &&std::sync::Arc<Pod>| it.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Running");
    cluster.api().pods().filter(is_running).count()
}

fn to_running(nodes: u32, pods: u32) {
    let mut cluster = cluster_of(nodes);
    let (seconds, spent) = measure(|| {
        create(&mut cluster, pods, false);
        let start = cluster.now();
        let mut seconds = 0;
        while running(&cluster) < pods as usize && seconds < 600 {
            seconds += 1;
            run(&mut cluster, start + Duration::from_secs(seconds));
        }
        seconds
    });
    let there = running(&cluster);
    println!(
        "{there:>5} of {pods} Pods on {nodes} nodes to Running: {:>8.1} ms CPU ({seconds} simulated s)",
        ms(spent)
    );
    println!("      events in the store: {}", cluster.api().store().len(Kind::Event));
}

/// Nodes, Pods, microseconds of CPU a Pod.
type Size = (usize, usize, f64);

/// The real scheduler, on a like and quiet machine with all threads: microseconds of CPU a Pod.
const REAL: &[(Kind_, &[Size])] = &[
    (Kind_::Plain, &[(100, 1_000, 330.0), (1_000, 10_000, 1_360.0), (5_000, 10_000, 1_540.0)]),
    (Kind_::Spread, &[(100, 1_000, 570.0), (1_000, 10_000, 3_550.0), (5_000, 10_000, 5_610.0)]),
    (Kind_::AntiAffinity, &[(100, 1_000, 700.0), (1_000, 10_000, 4_120.0), (5_000, 10_000, 4_800.0)]),
];

fn schedule() {
    for (kind, sizes) in REAL {
        for (nodes, pods, real) in *sizes {
            let workload = Workload::new(*kind, *nodes, *pods);
            let (counts, spent) = measure(|| workload.run());
            let each = spent.as_secs_f64() * 1e6 / *pods as f64;
            println!(
                "{kind:?} {nodes}/{pods}: {each:>6.1} µs CPU a Pod, {:>7.0} Pods/s, {:>5.1} times less than the real one; {counts:?}",
                1e6 / each,
                real / each
            );
        }
    }
}

fn engine() {
    to_running(24, 1_000);
    let mut cluster = cluster_of(24);
    create(&mut cluster, 200, true);
    let start = cluster.now() + Duration::from_mins(1);
    run(&mut cluster, start);
    let steps = cluster.steps();
    let ((), spent) = measure(|| run(&mut cluster, start + Duration::from_secs(100)));
    let events = cluster.steps() - steps;
    println!(
        "200 Pods ({} Running), two probes a second each: {:>6.3} ms CPU a simulated second, {} events",
        running(&cluster),
        ms(spent) / 100.0,
        events / 100
    );
    let (copies, spent) = measure(|| (0..50).map(|_| cluster.clone()).collect::<Vec<_>>());
    println!("a snapshot of that cluster: {:>6.3} ms CPU", ms(spent) / copies.len() as f64);
    let mut idle = cluster_of(24);
    create(&mut idle, 100, false);
    let start = idle.now() + Duration::from_mins(1);
    run(&mut idle, start);
    let ((), spent) = measure(|| run(&mut idle, start + Duration::from_hours(1)));
    println!("100 idle Pods on 24 nodes: {:>6.1} ms CPU a simulated hour", ms(spent));
    to_running(24, 5_000);
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
