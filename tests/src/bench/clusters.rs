//! Clusters to measure.

use api::k8s_openapi::api::core::v1::{
    Container, ContainerPort, ExecAction, HTTPGetAction, PodSpec, Probe, TCPSocketAction,
};
use api::{Actor, Because, Cause, IntOrString, Object, Pod};
use cluster::{Cluster, NodeSpec, Settings};
use sim::SimTime;

/// What probes ask, if anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probes {
    None,
    Http,
    Tcp,
    Exec,
}

pub fn settings(nodes: u32) -> Settings {
    let node = |number: u32| NodeSpec {
        cpu_milli: 32_000,
        memory_bytes: 64 << 30,
        pods: 250,
        images: vec!["nginx:1.25".to_owned()],
        ..NodeSpec::worker(&format!("node-{number}"))
    };
    Settings { seed: 1, nodes: (1..=nodes).map(node).collect() }
}

/// Half a minute old.
pub fn cluster_of(nodes: u32) -> Cluster {
    let mut cluster = Cluster::new(&settings(nodes));
    run(&mut cluster, SimTime::from_secs(30));
    cluster
}

pub fn run(cluster: &mut Cluster, until: SimTime) {
    while !cluster.run_until(until, 100_000) {}
}

fn pod(number: u32, probes: Probes) -> Object {
    let port = || IntOrString::Int(80);
    let http = || HTTPGetAction { port: port(), ..HTTPGetAction::default() };
    let exec = || ExecAction { command: Some(vec!["test".to_owned(), "-e".to_owned(), "/".to_owned()]) };
    let probe = (probes != Probes::None).then(|| Probe {
        http_get: (probes == Probes::Http).then(http),
        tcp_socket: (probes == Probes::Tcp).then(|| TCPSocketAction { port: port(), host: None }),
        exec: (probes == Probes::Exec).then(exec),
        period_seconds: Some(1),
        ..Probe::default()
    });
    let container = Container {
        name: "app".to_owned(),
        image: Some("nginx:1.25".to_owned()),
        ports: Some(vec![ContainerPort { container_port: 80, ..ContainerPort::default() }]),
        readiness_probe: probe.clone(),
        liveness_probe: probe,
        ..Container::default()
    };
    let mut pod =
        Pod { spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }), ..Pod::default() };
    pod.metadata.name = Some(format!("pod-{number}"));
    pod.metadata.namespace = Some("default".to_owned());
    pod.into()
}

pub fn create(cluster: &mut Cluster, count: u32, probes: Probes) {
    let now = cluster.now();
    for number in 0..count {
        let cause = Cause::new(Actor::User { input: 0 }, Because::Asked);
        cluster.api_mut().create(pod(number, probes), cause, now).expect("the Pod is valid");
    }
}

pub fn running(cluster: &Cluster) -> usize {
    let is_running =
        |it: &&std::sync::Arc<Pod>| it.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Running");
    cluster.api().pods().filter(is_running).count()
}
