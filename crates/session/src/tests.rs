//! The session API, natively.

use std::time::Duration;

use super::*;
use crate::frame::{self, Command, ObjectRef, Trouble, ViewState};

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

const SLEEPER: &str = "apiVersion: v1
kind: Pod
metadata:
  name: box
  labels: {app: box}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: busybox
    command: [sh, -c, 'i=0; while true; do i=$((i+1)); echo tick $i; sleep 1; done']
    ports: [{containerPort: 8080}]
";

fn with_sleeper() -> Headless {
    let mut cluster = Headless::default();
    cluster.apply(SLEEPER).expect("it is valid");
    assert_eq!(
        cluster.kubectl("wait pod/box --for=condition=Ready --timeout=60s").as_deref(),
        Ok("pod/box condition met\n")
    );
    cluster
}

#[test]
fn kubectl_follows_logs_and_watches() {
    let mut cluster = with_sleeper();
    let out = cluster.sh("kubectl logs -f box | head -n 3").expect("head ends it");
    assert_eq!(out, "tick 1\ntick 2\ntick 3\n");
    let out = cluster.sh(
        "(sleep 2; kubectl label pod box x=y >/dev/null) & kubectl get pod box -w -L x --request-timeout=4s",
    );
    let lines: Vec<String> = out
        .expect("it ends in time")
        .lines()
        .map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(lines[0], "NAME READY STATUS RESTARTS AGE X");
    assert!(
        lines.last().is_some_and(|it| it.starts_with("box 1/1 Running 0") && it.ends_with("s y")),
        "{lines:?}"
    );
}

#[test]
fn kubectl_runs_programs_in_containers() {
    let mut cluster = with_sleeper();
    assert_eq!(cluster.sh("kubectl exec box -- sh -c 'echo hi; exit 3'; echo $?").as_deref(), Ok("hi\n3\n"));
    assert_eq!(cluster.sh("echo typed | kubectl exec -i box -- cat").as_deref(), Ok("typed\n"));
    let out =
        cluster.sh("echo typed | kubectl run -i --rm --restart=Never --quiet one --image=busybox -- cat");
    assert_eq!(out.as_deref(), Ok("typed\n"));
    assert!(cluster.pod("default", "one").is_none());
    let failed =
        cluster.run("kubectl run -i --rm --restart=Never --quiet two --image=busybox -- sh -c 'exit 4'");
    assert_eq!(failed.code, 4);
}

#[test]
fn kubectl_exposes_and_makes_objects() {
    let mut cluster = with_sleeper();
    assert_eq!(cluster.sh("kubectl expose pod box --name=svc").as_deref(), Ok("service/svc exposed\n"));
    let ports = cluster.sh("kubectl get svc svc -o jsonpath='{.spec.ports[0].port} {.spec.selector.app}'");
    assert_eq!(ports.as_deref(), Ok("8080 box"));
    let out = cluster.sh(
        "kubectl create cm c --from-literal=a=b && kubectl create secret generic s --from-literal=a=b && kubectl create sa robot && kubectl create pdb p --selector=app=box --min-available=1 && kubectl create service clusterip d --tcp=80:8080",
    );
    assert_eq!(
        out.as_deref(),
        Ok(
            "configmap/c created\nsecret/s created\nserviceaccount/robot created\npoddisruptionbudget.policy/p created\nservice/d created\n"
        )
    );
    assert_eq!(cluster.sh("kubectl get secret s -o jsonpath='{.data.a}'").as_deref(), Ok("Yg=="));
    let missing = cluster.run("kubectl get jobs");
    assert_eq!(
        missing.stderr,
        "Warning: this playground does not simulate jobs.batch\nNo resources found in default namespace.\n"
    );
    assert_eq!(cluster.run("kubectl port-forward pod/box 80").code, 1);
}

#[test]
fn kubectl_drains_and_replaces() {
    let mut cluster = with_sleeper();
    let node = cluster.sh("kubectl get pod box -o jsonpath='{.spec.nodeName}'").expect("it is bound");
    assert_eq!(cluster.run(&format!("kubectl drain {node}")).code, 1);
    assert_eq!(
        cluster.sh(&format!("kubectl drain {node} --force --ignore-daemonsets")),
        Ok(format!(
            "node/{node} already cordoned\nevicting pod default/box\npod/box evicted\nnode/{node} drained\n"
        ))
    );
    cluster.kubectl(&format!("uncordon {node}")).expect("it is there");
    cluster.apply(SLEEPER).expect("it is gone");
    assert_eq!(
        cluster.sh("kubectl replace --force -f manifest.yaml").as_deref(),
        Ok("pod \"box\" deleted from default namespace\npod/box replaced\n")
    );
}

#[test]
fn kubectl_rolls_back() {
    let mut cluster = Headless::default();
    let line = "kubectl create deployment web --image=nginx:1.25 && kubectl rollout status deploy web >/dev/null && kubectl set image deploy/web nginx=nginx:1.26 && kubectl rollout status deploy web >/dev/null && kubectl rollout undo deploy web && kubectl set env deploy/web A=b && kubectl set resources deploy web --requests=cpu=100m";
    assert_eq!(
        cluster.sh(line).as_deref(),
        Ok(
            "deployment.apps/web created\ndeployment.apps/web image updated\ndeployment.apps/web rolled back\ndeployment.apps/web env updated\ndeployment.apps/web resource requirements updated\n"
        )
    );
    let spec = cluster.sh("kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].name} {.spec.template.spec.containers[0].resources.requests.cpu}'");
    assert_eq!(spec.as_deref(), Ok("nginx:1.25 A 100m"));
}

#[test]
fn the_namespace_of_the_context_is_kept() {
    let mut cluster = Headless::default();
    cluster
        .sh("kubectl create ns dev && sleep 2 && kubectl config set-context --current --namespace=dev")
        .expect("it works");
    cluster.apply(SLEEPER).expect("it is valid");
    assert!(cluster.pod("dev", "box").is_some());
    let out = cluster.sh("kubectl config view --minify -o jsonpath='{..namespace}'");
    assert_eq!(out.as_deref(), Ok("dev"));
}

const LEAK: &str = "apiVersion: v1
kind: Pod
metadata:
  name: leak
  annotations:
    playground.dev/app.memory-curve: 0s:10Mi,5s:40Mi,10s:80Mi,20s:200Mi
spec:
  containers:
  - name: app
    image: nginx
    resources: {requests: {memory: 64Mi}, limits: {memory: 128Mi}}
";

/// A session in which `manifest` was applied and `seconds` have passed, second by second as on the page.
fn lived(manifest: &str, seconds: u64) -> Session {
    let mut session = Session::open("").0;
    session.run(Command::ApplyManifest { text: manifest.to_owned() });
    live(&mut session, seconds);
    session
}

fn live(session: &mut Session, seconds: u64) {
    for _ in 0..seconds {
        session.advance(1_000_000, 100_000);
    }
}

fn looking_at(pod: &str, tab: frame::Tab) -> ViewState {
    ViewState { selected: Some(ObjectRef::pod("default", pod)), tab, ..ViewState::default() }
}

#[test]
fn memory_is_a_curve_against_request_and_limit() {
    let mut session = lived(LEAK, 18);
    let view = looking_at("leak", frame::Tab::Inside);
    let frame = session.frame(&view);
    let [usage] = frame.memory.as_slice() else { panic!("{:?}", frame.memory) };
    assert_eq!(
        (usage.container.as_str(), usage.request, usage.limit),
        ("app", Some(64 << 20), Some(128 << 20))
    );
    assert!(80 << 20 <= usage.used, "{usage:?}");
    let rises = usage.curve.windows(2).all(|it| it[0].at < it[1].at && it[0].bytes <= it[1].bytes);
    assert!(rises && usage.curve.first().is_some_and(|it| it.bytes < 80 << 20), "{usage:?}");
    let (end, seen) = (frame.clock.now, usage.curve.len());
    session.run(Command::SeekTo { at: end - 5_000_000 });
    assert!(session.frame(&view).memory[0].curve.len() < seen, "the past does not know the future");
    session.run(Command::SeekTo { at: end });
    assert_eq!(session.frame(&view).memory[0].curve.len(), seen, "the same stretch adds nothing");
    assert!(session.frame(&looking_at("leak", frame::Tab::Now)).memory.is_empty());
    live(&mut session, 12);
    let card = session.frame(&view).pods.iter().find(|it| it.name == "leak").cloned().expect("it is there");
    assert!(0 < card.restarts && card.containers[0].memory_limit == "128Mi", "{card:?}");
}

#[test]
fn a_process_is_killed_by_itself() {
    let mut session = lived(POD, 10);
    let frame = session.frame(&looking_at("web", frame::Tab::Inside));
    let inside = frame.inspector.as_ref().and_then(|it| it.inside.clone()).expect("it has an inside");
    let room = inside.rooms.iter().find(|it| it.name == "app").expect("the container is there");
    let (node, pid) = (inside.node.clone(), room.processes[0].node_pid);
    let outcome = session.run(Command::KillProcess { node: node.clone(), pid });
    assert_eq!(outcome.printed, Some(format!("fault process kill {node} {pid}")));
    live(&mut session, 5);
    assert_eq!(session.frame(&ViewState::default()).pods[0].restarts, 1);
}

#[test]
fn troubles_inside_a_container_are_command_lines() {
    let limited = POD.replace("image: nginx", "image: nginx\n    resources: {limits: {memory: 64Mi}}");
    let trouble = |trouble| Command::Trouble {
        namespace: "default".to_owned(),
        pod: "web".to_owned(),
        container: "app".to_owned(),
        trouble,
    };
    let mut session = lived(&limited, 10);
    let printed = session.run(trouble(Trouble::LeakMemory)).printed;
    assert_eq!(printed.as_deref(), Some("kubectl exec -n default web -c app -- tail /dev/zero"));
    live(&mut session, 60);
    let terminal = String::from_utf8_lossy(&session.terminal_take_output()).into_owned();
    assert!(terminal.contains("137"), "{terminal}");

    let mut session = lived(&limited, 10);
    session.run(trouble(Trouble::SlowStart));
    live(&mut session, 20);
    let annotated = session.run(Command::RunLine {
        line: "kubectl get pod web -o jsonpath='{.metadata.annotations}'".to_owned(),
    });
    assert!(annotated.output.contains("playground.dev/app.ready-after\":\"30s"), "{annotated:?}");
    assert_eq!(session.frame(&ViewState::default()).pods[0].restarts, 1);

    let mut session = lived(&limited, 10);
    let outcome = session.run(trouble(Trouble::FillDisk));
    live(&mut session, 60);
    assert!(outcome.printed.is_some_and(|it| it.contains("dd if=/dev/zero")));
}

#[test]
fn what_is_typed_on_a_node_is_a_label_or_a_taint() {
    let of = |text| Command::of_chip("n", text);
    assert!(matches!(of(" env=dev "), Some(Command::EditLabel { value: Some(it), .. }) if it == "dev"));
    assert!(matches!(of("env=dev:NoSchedule"), Some(Command::AddTaint { .. })));
    assert!(matches!(of("key:NoExecute"), Some(Command::AddTaint { .. })));
    for wrong in ["", "env", "=dev", ":NoSchedule", "env=dev:Never"] {
        assert!(of(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn hooks_are_told_while_they_run() {
    const HOOKED: &str = "apiVersion: v1
kind: Pod
metadata: {name: hooked}
spec:
  containers:
  - name: app
    image: nginx
    lifecycle:
      postStart: {exec: {command: [sleep, '60']}}
";
    let mut session = lived(HOOKED, 20);
    let frame = session.frame(&looking_at("hooked", frame::Tab::Now));
    assert_eq!(frame.pods[0].containers[0].says, frame::Says::PostStart);
    let now = &frame.inspector.as_ref().expect("it is selected").now;
    assert_eq!(*now, [frame::Narration::ContainerPostStart { container: "app".to_owned() }.into()]);
    live(&mut session, 60);
    assert!(matches!(
        session.frame(&ViewState::default()).pods[0].containers[0].says,
        frame::Says::RunningSince { .. }
    ));
}

#[test]
fn a_probe_counts_only_what_is_on_the_way_at_a_container_that_runs() {
    const PROBED: &str = "apiVersion: v1
kind: Pod
metadata: {name: probed}
spec:
  containers:
  - name: app
    image: busybox
    command: [sh, -c, 'sleep 8; touch /tmp/ok; sleep 22']
    livenessProbe: {exec: {command: ['true']}, periodSeconds: 1}
    readinessProbe: {exec: {command: [cat, /tmp/ok]}, periodSeconds: 3, successThreshold: 2, failureThreshold: 1}
";
    let mut session = lived(PROBED, 1);
    let lamps =
        |session: &mut Session| session.frame(&ViewState::default()).pods[0].containers[0].lamps.clone();
    let readiness = |it: &frame::Lamp| it.probe == frame::Probe::Readiness;
    let half = (0..40).find_map(|_| {
        live(&mut session, 1);
        lamps(&mut session).into_iter().find(|it| readiness(it) && !it.failing && it.count == 1)
    });
    assert!(half.is_some_and(|it| it.threshold == 2), "one success of two");
    for _ in 0..200 {
        live(&mut session, 1);
        let card = session.frame(&ViewState::default()).pods[0].containers[0].clone();
        let runs = matches!(card.state, frame::ContainerState::Running { .. });
        for lamp in card.lamps {
            let fine = lamp.failing || lamp.count < lamp.threshold;
            assert!(lamp.next.is_some() == runs && fine && (runs || lamp.count == 0), "{lamp:?}");
        }
    }
}

#[test]
fn the_editor_knows_what_the_cluster_was_given() {
    use frame::ManifestState::{Applied, Differs, NotApplied, Unread};
    let (mut session, _) = Session::open("v=1&scenario=life-of-a-pod");
    let state = |session: &mut Session| session.frame(&ViewState::default()).manifest;
    assert_eq!(state(&mut session), NotApplied);
    session.run(Command::RunLine { line: "kubectl apply -f pod.yaml".to_owned() });
    live(&mut session, 5);
    assert_eq!(state(&mut session), Applied, "from the terminal as well");
    let text = session.manifest().to_owned();
    session.run(Command::KeepManifest { text: text.replace("1.25", "1.27") });
    assert_eq!(state(&mut session), Differs);
    session.run(Command::KeepManifest { text: format!("# the same\n{text}") });
    assert_eq!(state(&mut session), Applied);
    session.run(Command::RunLine { line: "kubectl delete pod web --now".to_owned() });
    live(&mut session, 5);
    assert_eq!(state(&mut session), NotApplied);
    session.run(Command::KeepManifest { text: "kind: [".to_owned() });
    assert_eq!(state(&mut session), Unread);
}

#[test]
fn a_running_pod_is_resized_within_what_is_allowed() {
    let mut cluster = Headless::default();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: app, image: nginx, resources: {requests: {cpu: 100m}, limits: {memory: 64Mi}}}]";
    cluster.apply(manifest).unwrap();
    cluster.advance_seconds(3);
    let resize = |cluster: &mut Headless, change: &str| {
        let line = format!(
            "kubectl patch pod p --subresource resize -p '{{\"spec\":{{\"containers\":[{{\"name\":\"app\",{change}}}]}}}}' 2>&1"
        );
        cluster.run(&line).stdout
    };
    let table = [
        (r#""resources":{"requests":{"cpu":"200m"}}"#, "pod/p patched\n"),
        (
            r#""resources":{"requests":{"cpu":"900"}}"#,
            "Error from server (Forbidden): pods \"p\" is forbidden: node didn't have enough allocatable resources: cpu, requested: 900000, allocatable: 4000\n",
        ),
        (
            r#""resources":{"requests":{"cpu":"200m","memory":"64Mi"},"limits":{"cpu":"200m"}}"#,
            "The Pod \"p\" is invalid: spec: Invalid value: \"Burstable\": Pod QOS Class may not change as a result of resizing\n",
        ),
        (
            r#""image":"nginx:1.14.2""#,
            "The Pod \"p\" is invalid: spec: Forbidden: only cpu and memory resources are mutable\n",
        ),
        (
            r#""resources":{"requests":{"cpu":null}}"#,
            "The Pod \"p\" is invalid: spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed\n",
        ),
    ];
    for (change, answer) in table {
        assert_eq!(resize(&mut cluster, change), answer, "{change}");
    }
}

#[test]
fn a_container_that_its_probe_kills_is_said_to_be_stopped() {
    const STUBBORN: &str = "apiVersion: v1
kind: Pod
metadata: {name: stubborn}
spec:
  containers:
  - name: app
    image: busybox
    command: [sh, -c, 'trap : TERM; while true; do sleep 1; done']
    livenessProbe: {exec: {command: ['false']}, periodSeconds: 2, failureThreshold: 2}
";
    let mut session = lived(STUBBORN, 1);
    let told = (0..40).find_map(|_| {
        live(&mut session, 1);
        let frame = session.frame(&looking_at("stubborn", frame::Tab::Now));
        let now = frame.inspector.as_ref()?.now.first().cloned()?;
        assert_ne!(now.field("failed"), Some(&frame::Field::Number(0)), "{now:?}");
        (now.key() == "now.ContainerStopping").then_some(now)
    });
    assert!(told.is_some(), "the kubelet stops it");
}
