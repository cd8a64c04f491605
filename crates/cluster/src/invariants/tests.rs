//! Each promise is seen to be broken when somebody breaks it.

use api::k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec};
use api::{Actor, Because, Cause, ObjectKey, Pod};
use runtime::{ContainerConfig, Mount, MountSource, SandboxConfig};
use sim::SimTime;

use super::*;
use crate::{Fault, Settings};

fn cause() -> Cause {
    Cause::new(Actor::User { input: 0 }, Because::Asked)
}

fn pod(name: &str) -> Pod {
    let image = Some("nginx:1.25".to_owned());
    let app = Container { name: "app".to_owned(), image: image.clone(), ..Container::default() };
    let init = Container {
        name: "init".to_owned(),
        image: Some("busybox".to_owned()),
        command: Some(vec!["true".to_owned()]),
        ..Container::default()
    };
    let spec = PodSpec { containers: vec![app], init_containers: Some(vec![init]), ..PodSpec::default() };
    let mut pod = Pod { spec: Some(spec), ..Pod::default() };
    pod.metadata.name = Some(name.to_owned());
    pod.metadata.namespace = Some("default".to_owned());
    pod
}

/// Two running Pods, and nothing wrong.
fn fine() -> (Cluster, History) {
    let mut cluster = Cluster::new(&Settings::default());
    cluster.run_until(SimTime::from_secs(3), 10_000);
    for name in ["one", "two"] {
        let now = cluster.now();
        cluster.api_mut().create(pod(name).into(), cause(), now).expect("it is valid");
    }
    let mut history = History::default();
    while !cluster.run_until(SimTime::from_secs(60), 1) {
        assert_eq!(history.look(&cluster), []);
    }
    assert_eq!(cluster.check_invariants(), []);
    assert_eq!(cluster.check_settled(), []);
    (cluster, history)
}

fn edit(cluster: &mut Cluster, name: &str, change: impl FnOnce(&mut Pod)) {
    let now = cluster.now();
    let mut pod = Pod::clone(cluster.api().pod("default", name).expect("it is there"));
    change(&mut pod);
    cluster.api_mut().update_status(pod.into(), cause(), now).expect("it is taken");
}

fn broken(found: &[Violation], promise: &str) {
    assert!(found.iter().any(|it| it.promise == promise), "{promise}: {found:?}");
}

/// An edit of a status breaks a promise that one look shows.
#[test]
fn wrong_states_are_seen() {
    type Edit = fn(&mut Pod);
    let cases: [(&str, Edit); 6] = [
        ("no two Pods have one address", |pod| {
            let status = pod.status.get_or_insert_default();
            status.pod_ip = Some("10.244.9.9".to_owned());
        }),
        ("ContainersReady means that every container is ready", |pod| {
            let status = pod.status.get_or_insert_default();
            status.container_statuses.iter_mut().flatten().for_each(|it| it.ready = false);
        }),
        ("a ready container runs", |pod| {
            let status = pod.status.get_or_insert_default();
            status.container_statuses.iter_mut().flatten().for_each(|it| it.state = None);
        }),
        ("a ready container has started", |pod| {
            let status = pod.status.get_or_insert_default();
            status.container_statuses.iter_mut().flatten().for_each(|it| it.started = Some(false));
        }),
        ("a ready Pod has ready containers", |pod| {
            let status = pod.status.get_or_insert_default();
            status.conditions.iter_mut().flatten().for_each(|it| {
                if it.type_ == "ContainersReady" {
                    it.status = "False".to_owned();
                }
            });
        }),
        ("nothing runs in a Pod that has succeeded", |pod| {
            pod.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
        }),
    ];
    for (promise, change) in cases {
        let (mut cluster, _) = fine();
        for name in ["one", "two"] {
            edit(&mut cluster, name, change);
        }
        broken(&cluster.check_invariants(), promise);
    }
    let (mut cluster, _) = fine();
    let now = cluster.now();
    let mut pending = pod("three");
    pending.spec.get_or_insert_default().scheduler_name = Some("nobody".to_owned());
    cluster.api_mut().create(pending.into(), cause(), now).expect("it is valid");
    edit(&mut cluster, "three", |it| it.status.get_or_insert_default().phase = Some("Running".to_owned()));
    broken(&cluster.check_invariants(), "a Pod runs only on a node");
}

/// An edit takes back what may not be taken back.
#[test]
fn steps_back_are_seen() {
    type Edit = fn(&mut Pod);
    let cases: [(&str, Edit, Edit); 2] = [
        (
            "restarts are never forgotten",
            |pod| {
                let status = pod.status.get_or_insert_default();
                status.container_statuses.iter_mut().flatten().for_each(|it| it.restart_count = 2);
            },
            |pod| {
                let status = pod.status.get_or_insert_default();
                status.container_statuses.iter_mut().flatten().for_each(|it| it.restart_count = 1);
            },
        ),
        (
            "a phase never goes back",
            |pod| pod.status.get_or_insert_default().phase = Some("Failed".to_owned()),
            |pod| pod.status.get_or_insert_default().phase = Some("Running".to_owned()),
        ),
    ];
    for (promise, first, second) in cases {
        let (mut cluster, mut history) = fine();
        edit(&mut cluster, "one", first);
        assert_eq!(history.look(&cluster), []);
        edit(&mut cluster, "one", second);
        broken(&history.look(&cluster), promise);
    }
}

#[test]
fn what_runs_in_the_wrong_place_is_seen() {
    let (mut cluster, _) = fine();
    let sandbox = cluster.sandbox_of("default", "one").expect("it runs");
    let now = cluster.now();
    let node = cluster.api().pod("default", "one").and_then(|it| it.spec.clone()?.node_name).unwrap();
    let uid = cluster.runtime().sandbox_status(sandbox).unwrap().pod_uid;
    cluster.with_runtime(|runtime, outbox| {
        let config = ContainerConfig {
            name: "app".to_owned(),
            image: "nginx:1.25".to_owned(),
            mounts: vec![Mount {
                source: MountSource::HostPath("/".to_owned()),
                sub_path: String::new(),
                path: "/elsewhere".to_owned(),
                read_only: false,
            }],
            ..ContainerConfig::default()
        };
        let container = runtime.create_container(sandbox, config, now).unwrap();
        runtime.start_container(container, now, outbox).unwrap();
        let config = ContainerConfig {
            name: "init".to_owned(),
            image: "nginx:1.25".to_owned(),
            ..ContainerConfig::default()
        };
        // Nothing here listens on its port: it is the wrong thing at the wrong time.
        let container = runtime.create_container(sandbox, config, now).unwrap();
        runtime.start_container(container, now, outbox).unwrap();
        let config = SandboxConfig { pod_uid: uid.clone(), ..SandboxConfig::default() };
        runtime.run_sandbox(&node, config, now, outbox).unwrap();
    });
    let found = cluster.check_invariants();
    broken(&found, "one instance of a container runs");
    broken(&found, "files only where they are mounted");
    broken(&found, "init containers run one after the other");
    broken(&found, "a Pod has one living sandbox");
}

#[test]
fn who_outstays_is_seen() {
    let (mut cluster, mut history) = fine();
    // It has seen no kubelet stand still: to it, this one works and does nothing.
    let mut unaware = history.clone();
    let now = cluster.now();
    let node = cluster.api().pod("default", "one").and_then(|it| it.spec.clone()?.node_name).unwrap();
    let options = apiserver::DeleteOptions::default();
    cluster.api_mut().delete(&ObjectKey::pod("default", "one"), &options, cause(), now).expect("it is there");
    cluster.inflict(&Fault::StopKubelet { node }).expect("it is there");
    while !cluster.run_until(now + std::time::Duration::from_mins(2), 1) {
        assert_eq!(history.look(&cluster), [], "a frozen kubelet is no bug");
    }
    cluster.kubelets.clear();
    broken(&unaware.look(&cluster), "the grace period is not overrun");
}

#[test]
fn a_careless_scheduler_is_seen() {
    let (mut cluster, mut history) = fine();
    let now = cluster.now();
    for name in ["big", "bigger"] {
        let mut pod = pod(name);
        let spec = pod.spec.get_or_insert_default();
        let app = &mut spec.containers[0];
        let requests = [("cpu".to_owned(), api::Quantity("3".to_owned()))].into();
        app.resources.get_or_insert_default().requests = Some(requests);
        app.ports = Some(vec![ContainerPort {
            container_port: 80,
            host_port: Some(8080),
            ..ContainerPort::default()
        }]);
        cluster.api_mut().create(pod.into(), cause(), now).expect("it is valid");
        let by_scheduler = Cause::new(Actor::Scheduler, Because::Asked);
        cluster
            .api_mut()
            .bind(&ObjectKey::pod("default", name), "k8s-node-1", by_scheduler, now)
            .expect("it is free");
    }
    let found = history.look(&cluster);
    broken(&found, "a node is not overcommitted");
    broken(&found, "a host port is given once a node");
}

#[test]
fn what_does_not_settle_is_seen() {
    let (mut cluster, _) = fine();
    let now = cluster.now();
    let options = apiserver::DeleteOptions::default();
    cluster.api_mut().delete(&ObjectKey::pod("default", "one"), &options, cause(), now).expect("it is there");
    broken(&cluster.check_settled(), "what is deleted goes");

    let (mut cluster, _) = fine();
    let now = cluster.now();
    cluster.api_mut().create(pod("three").into(), cause(), now).expect("it is valid");
    broken(&cluster.check_settled(), "a Pod that fits is placed");

    let (mut cluster, _) = fine();
    edit(&mut cluster, "one", |it| it.status.get_or_insert_default().pod_ip = Some("10.244.9.9".to_owned()));
    broken(&cluster.check_settled(), "a Pod has the address of its sandbox");

    let (mut cluster, _) = fine();
    edit(&mut cluster, "one", |it| it.status.get_or_insert_default().phase = Some("Failed".to_owned()));
    let found = cluster.check_settled();
    broken(&found, "nothing runs in a Pod that has ended");
    broken(&found, "the scheduler knows what is on a node");

    let (mut cluster, _) = fine();
    let node = cluster.api().pod("default", "one").and_then(|it| it.spec.clone()?.node_name).unwrap();
    cluster.inflict(&Fault::FailNode { node }).expect("it is there");
    broken(&cluster.check_settled(), "a status tells what runs");
}
