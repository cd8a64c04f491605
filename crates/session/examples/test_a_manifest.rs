//! Test what a manifest does, without a cluster: copy this file next to your manifests.
//!
//! `cargo run --package session --example test_a_manifest`
//!
//! Everything here happens in memory and in virtual time: ten minutes of back-off take milliseconds, and equal calls
//! have equal results, natively and in WebAssembly.

use std::time::Duration;

use session::{CommandFailed, Fault, Headless};

const WEB: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  containers:
  - name: app
    image: nginx
    ports: [{containerPort: 80}]
    readinessProbe: {httpGet: {path: /, port: 80}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
";

/// The Pod becomes ready, in the order that `kubectl describe` shows, and answers behind its Service.
pub fn a_pod_becomes_ready() -> Result<(), CommandFailed> {
    // One control-plane node and two workers; `Headless::new` takes other nodes and another seed.
    let mut cluster = Headless::default();

    // What kubectl prints is what a real kubectl prints.
    assert_eq!(cluster.apply(WEB)?, "pod/web created\nservice/web created\n");

    // Lets time pass until something holds, at most that long; `advance_seconds` is the plain way.
    let ready = cluster.advance_until(Duration::from_mins(1), |it| {
        let Some(pod) = it.pod("default", "web") else { return false };
        let conditions = pod.status.iter().flat_map(|it| it.conditions.iter().flatten());
        conditions.into_iter().any(|it| it.type_ == "Ready" && it.status == "True")
    });
    assert!(ready, "{:?}", cluster.events("default", "web"));
    assert_eq!(cluster.status_column("default", "web").as_deref(), Some("Running"));

    let reasons: Vec<String> = cluster.events("default", "web").into_iter().map(|it| it.1).collect();
    assert_eq!(reasons, ["Scheduled", "Pulling", "Pulled", "Created", "Started"]);

    // The whole object, typed …
    let pod = cluster.pod("default", "web").expect("it was applied");
    assert_eq!(pod.status.as_ref().and_then(|it| it.phase.as_deref()), Some("Running"));
    // … or by kubectl's own means.
    assert_eq!(cluster.kubectl("get pod web -o jsonpath={.spec.containers[*].name}")?, "app");

    // Any command line works, pipes included: there is a shell.
    let page = cluster.kubectl("exec web -- curl -s http://web | grep '<title>'")?;
    assert_eq!(page.trim(), "<title>Welcome to nginx!</title>");
    Ok(())
}

const CRASHING: &str = "
apiVersion: v1
kind: Pod
metadata: {name: crashing}
spec:
  containers:
  - name: app
    image: busybox
    command: [sh, -c, 'echo no database; exit 3']
";

/// A container that ends at once is started again, later each time; its output can still be read.
pub fn a_crashing_pod_backs_off() -> Result<(), CommandFailed> {
    let mut cluster = Headless::default();
    cluster.apply(CRASHING)?;

    let soon = Duration::from_mins(2);
    let crashed = cluster.advance_until(soon, |it| {
        it.status_column("default", "crashing").as_deref() == Some("CrashLoopBackOff")
    });
    assert!(crashed, "{:?}", cluster.status_column("default", "crashing"));
    assert_eq!(cluster.logs("default", "crashing", "app").as_deref(), Some("no database\n"));

    let events = cluster.events("default", "crashing");
    let (kind, _, message) = events.iter().find(|it| it.1 == "BackOff").expect("the kubelet says so");
    assert_eq!(kind, "Warning");
    assert!(message.starts_with("Back-off restarting failed container app in pod crashing_default"));

    // Ten minutes later: 10 s, 20 s, 40 s, 80 s, 160 s, then every 300 s.
    cluster.advance_seconds(600);
    let restarts = "get pod crashing -o jsonpath={.status.containerStatuses[0].restartCount}";
    let restarts: u32 = cluster.kubectl(restarts)?.parse().expect("a number");
    assert!((6..=8).contains(&restarts), "{restarts} restarts");
    Ok(())
}

/// What your workload does when its machine dies.
pub fn a_node_fails() -> Result<(), CommandFailed> {
    let mut cluster = Headless::default();
    cluster.kubectl("create deployment web --image=nginx --replicas=2")?;
    cluster.kubectl("rollout status deployment/web")?;

    let node = "k8s-node-1".to_owned();
    cluster.inflict(&Fault::FailNode { node: node.clone() }).expect("there is such a node");
    cluster.advance_seconds(60);
    assert!(cluster.kubectl("get node k8s-node-1")?.contains("NotReady"));

    // Five minutes of tolerance, then its Pods are deleted and come up elsewhere.
    cluster.advance_seconds(360);
    let running = cluster.kubectl("get pods --field-selector=status.phase=Running -o wide --no-headers")?;
    let elsewhere = running.lines().filter(|it| it.contains("k8s-node-2") && it.contains("1/1")).count();
    assert_eq!(elsewhere, 2, "{running}");
    Ok(())
}

/// What Kubernetes would refuse is refused, in its own words.
pub fn a_mistake_is_told() {
    let mut cluster = Headless::default();
    let nameless = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: app}]}}";
    let refused = cluster.apply(nameless).expect_err("a container needs an image");
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, "The Pod \"x\" is invalid: spec.containers[0].image: Required value\n");
    assert!(cluster.pod("default", "x").is_none());
}

#[allow(dead_code, reason = "the same functions are tests where there is no main")]
fn main() -> Result<(), CommandFailed> {
    a_pod_becomes_ready()?;
    a_crashing_pod_backs_off()?;
    a_node_fails()?;
    a_mistake_is_told();
    println!("all as expected");
    Ok(())
}
