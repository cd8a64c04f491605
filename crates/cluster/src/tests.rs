//! The whole cluster, driven directly.

use std::time::Duration;

use api::k8s_openapi::api::core::v1::{Container, PodSpec};
use api::{Actor, Because, Cause, Pod};
use sim::SimTime;

use super::*;

fn pod(name: &str) -> Pod {
    let container =
        Container { name: "app".to_owned(), image: Some("nginx".to_owned()), ..Container::default() };
    let mut pod =
        Pod { spec: Some(PodSpec { containers: vec![container], ..PodSpec::default() }), ..Pod::default() };
    pod.metadata.name = Some(name.to_owned());
    pod.metadata.namespace = Some("default".to_owned());
    pod
}

fn with_pods(seed: u64, count: u32) -> Cluster {
    let mut cluster = Cluster::new(&Settings { seed, ..Settings::default() });
    run(&mut cluster, 5);
    for number in 0..count {
        let now = cluster.now();
        let cause = Cause::new(Actor::User { input: 0 }, Because::Asked);
        cluster.api_mut().create(pod(&format!("web-{number}")).into(), cause, now).expect("it is valid");
    }
    cluster
}

fn run(cluster: &mut Cluster, seconds: u64) {
    let until = SimTime::from_secs(seconds);
    while !cluster.run_until(until, 1_000) {
        assert_eq!(cluster.check_invariants(), []);
    }
}

fn phase(cluster: &Cluster, name: &str) -> String {
    let pod = cluster.api().pod("default", name);
    pod.and_then(|it| it.status.as_ref()?.phase.clone()).unwrap_or_default()
}

#[test]
fn a_pod_becomes_running_on_a_worker() {
    let mut cluster = with_pods(1, 2);
    run(&mut cluster, 30);
    assert_eq!([phase(&cluster, "web-0"), phase(&cluster, "web-1")], ["Running", "Running"]);
    let node = cluster.api().pod("default", "web-0").and_then(|it| it.spec.as_ref()?.node_name.clone());
    assert_ne!(node.as_deref(), Some("k8s-master"));
    assert_eq!(cluster.check_invariants(), []);
}

#[test]
fn equal_seeds_give_equal_clusters_and_a_clone_goes_on_alike() {
    let mut one = with_pods(7, 3);
    let mut two = with_pods(7, 3);
    run(&mut one, 6);
    let mut copy = one.clone();
    run(&mut one, 40);
    run(&mut two, 40);
    run(&mut copy, 40);
    assert_eq!(one.digest(), two.digest());
    assert_eq!(one.digest(), copy.digest());
    let mut other = with_pods(8, 3);
    run(&mut other, 40);
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn a_dead_node_is_noticed() {
    let mut cluster = with_pods(1, 1);
    run(&mut cluster, 20);
    let node = cluster
        .api()
        .pod("default", "web-0")
        .and_then(|it| it.spec.as_ref()?.node_name.clone())
        .expect("it is placed");
    cluster.inflict(&Fault::FailNode { node: node.clone() }).expect("the node is there");
    run(&mut cluster, 100);
    let conditions =
        cluster.api().node(&node).and_then(|it| it.status.as_ref()?.conditions.clone()).unwrap_or_default();
    assert!(conditions.iter().any(|it| it.type_ == "Ready" && it.status == "Unknown"), "{conditions:?}");
    assert_eq!(
        cluster.inflict(&Fault::FailNode { node: "nosuch".into() }),
        Err(FaultError::NoNode("nosuch".into()))
    );
}

#[test]
fn faults_are_written_as_they_are_read() {
    for line in [
        "fault node fail a",
        "fault container kill default/web app",
        "fault process kill a 7",
        "fault image remove nginx:1",
    ] {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        assert_eq!(Fault::parse(&words, "default").map(|it| it.command_line()).as_deref(), Some(line));
    }
    assert_eq!(
        Fault::parse(&["sandbox", "kill", "web"], "prod").map(|it| it.command_line()).as_deref(),
        Some("fault sandbox kill prod/web")
    );
    assert_eq!(Fault::parse(&["everything"], "default"), None);
}

#[test]
fn time_passes_in_a_quiet_cluster() {
    let mut cluster = Cluster::new(&Settings::default());
    assert!(cluster.run_until(SimTime::ZERO + Duration::from_hours(1), 1_000_000));
    assert_eq!(cluster.now(), SimTime::from_secs(3_600));
}

/// A pull that the power failure interrupted is not waited for: the Pod starts, and another one that was deleted goes.
#[test]
fn a_node_that_comes_back_waits_for_no_lost_answer() {
    let mut cluster = with_pods(1, 0);
    cluster.inflict(&Fault::RegistryDown).expect("it is always there");
    let now = cluster.now();
    let cause = || Cause::new(Actor::User { input: 0 }, Because::Asked);
    for name in ["stays", "goes"] {
        cluster.api_mut().create(pod(name).into(), cause(), now).expect("it is valid");
    }
    run(&mut cluster, 8);
    let now = cluster.now();
    let options = apiserver::DeleteOptions::default();
    cluster
        .api_mut()
        .delete(&api::ObjectKey::pod("default", "goes"), &options, cause(), now)
        .expect("it is there");
    let nodes: Vec<String> = cluster.kubelets().map(|it| it.0.to_owned()).collect();
    for node in &nodes {
        cluster.inflict(&Fault::FailNode { node: node.clone() }).expect("it is there");
    }
    run(&mut cluster, 20);
    cluster.inflict(&Fault::RegistryUp).expect("it is always there");
    for node in nodes {
        cluster.inflict(&Fault::RecoverNode { node }).expect("it is there");
    }
    run(&mut cluster, 120);
    assert_eq!(phase(&cluster, "stays"), "Running");
    assert!(cluster.api().pod("default", "goes").is_none());
}
