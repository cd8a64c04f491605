//! The session API, natively.

use std::time::Duration;

use super::*;

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web}
spec:
  containers:
  - name: app
    image: nginx
    ports: [{containerPort: 80}]
";

#[test]
fn a_manifest_is_applied_and_runs() {
    let mut cluster = Headless::default();
    assert_eq!(cluster.apply(POD).as_deref(), Ok("pod/web created\n"));
    assert!(
        cluster.advance_until(Duration::from_mins(1), |it| it.status_column("default", "web").as_deref()
            == Some("Running"))
    );
    let reasons: Vec<String> = cluster.events("default", "web").into_iter().map(|it| it.1).collect();
    assert_eq!(reasons, ["Scheduled", "Pulling", "Pulled", "Created", "Started"]);
    let listed = cluster.kubectl("get pods -o name").expect("it works");
    assert_eq!(listed, "pod/web\n");
    let failed = cluster.kubectl("get pod nosuch").expect_err("there is none");
    assert_eq!(
        (failed.code, failed.stderr.as_str()),
        (1, "Error from server (NotFound): pods \"nosuch\" not found\n")
    );
}

#[test]
fn the_workstation_is_a_real_shell() {
    let mut cluster = Headless::default();
    let out = cluster
        .sh("for n in 1 2; do echo node $n; done; kubectl get nodes | grep -c Ready; false || echo caught");
    assert_eq!(out.as_deref(), Ok("node 1\nnode 2\n3\ncaught\n"));
    let out = cluster.sh("kubectl create deployment web --image=nginx --dry-run=client -o yaml | kubectl apply -f - && sleep 5 && kubectl get deploy -o name");
    assert_eq!(out.as_deref(), Ok("deployment.apps/web created\ndeployment.apps/web\n"));
}

#[test]
fn files_of_the_workstation() {
    let mut cluster = Headless::default();
    cluster.write_file("some/where/a.txt", "text\n");
    assert_eq!(cluster.sh("pwd; cat some/where/a.txt; ls /root").as_deref(), Ok("/root\ntext\nsome\n"));
}
