//! What happens to Pods, and when: the facts measured on real clusters.

use super::harness::Lab;

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}")
}

/// The lab after a Pod has lived so long.
fn lived(spec: &str, seconds: f64) -> Lab {
    let mut lab = Lab::new(1);
    lab.apply(&pod(spec));
    lab.run_to(seconds);
    lab
}

#[track_caller]
fn near(lab: &Lab, found: &[f64], expected: &[f64], within: f64) {
    let close =
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= within);
    assert!(close, "{found:?} is not {expected:?}\n{}", lab.timeline());
}

fn waits(times: &[f64]) -> Vec<f64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn phase(lab: &Lab) -> String {
    let status = lab.pod("p").and_then(|it| it.status.clone()).unwrap_or_default();
    status.phase.unwrap_or_default()
}

#[test]
fn a_pod_with_a_present_image_runs_in_less_than_a_second() {
    let lab = lived("  containers: [{name: app, image: nginx:1.14.2}]", 10.0);
    let timeline = lab.timeline();
    assert_eq!(lab.rows("p"), ["0/1 Pending 0", "0/1 ContainerCreating 0", "1/1 Running 0"], "{timeline}");
    let running = lab.times("1/1 Running");
    assert!((0.45..1.0).contains(&running[0]), "{timeline}");
    assert_eq!(lab.times("POD p ").len(), 5, "{timeline}");
}

#[test]
fn a_crashing_container_waits_10_20_40_80_160_and_300_seconds() {
    let lab = lived("  containers: [{name: app, image: busybox:1.28, command: [sh, -c, 'exit 1']}]", 1_800.0);
    let waits = waits(&lab.times("Started"));
    for (wait, least) in waits.iter().zip([0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]) {
        // A long wait is looked at several times, so that less of its jitter remains.
        assert!((least..least * 1.6 + 3.0).contains(wait), "{waits:?}");
    }
    let rows = lab.rows("p");
    assert_eq!(
        rows[2..8],
        [
            "1/1 Running 0",
            "0/1 Error 0",
            "1/1 Running 1",
            "0/1 Error 1",
            "0/1 CrashLoopBackOff 1",
            "1/1 Running 2"
        ]
    );
}

#[test]
fn restart_policies_have_six_outcomes() {
    for (policy, code, expected, restarted) in [
        ("Always", 0, "Running", true),
        ("Always", 1, "Running", true),
        ("OnFailure", 0, "Succeeded", false),
        ("OnFailure", 1, "Running", true),
        ("Never", 0, "Succeeded", false),
        ("Never", 1, "Failed", false),
    ] {
        let lab = lived(
            &format!(
                "  restartPolicy: {policy}\n  containers: [{{name: app, image: busybox:1.28, command: [sh, -c, 'sleep 2; exit {code}']}}]"
            ),
            8.0,
        );
        assert_eq!(phase(&lab), expected, "{policy} {code}\n{}", lab.timeline());
        assert_eq!(1 < lab.times("Started").len(), restarted, "{policy} {code}");
        if !restarted {
            // Noticed by a relist, ended by the next one.
            let done = lab.times(&format!("| {expected}"));
            assert!((3.0..5.5).contains(&done[0]), "{}", lab.timeline());
        }
    }
}

#[test]
fn init_containers_run_in_order_and_a_failed_one_ends_a_pod_that_never_restarts() {
    let lab = lived(
        "  initContainers:
  - {name: one, image: busybox:1.28, command: [sh, -c, 'sleep 2; exit 0']}
  - {name: two, image: busybox:1.28, command: [sh, -c, 'sleep 2; exit 0']}
  containers: [{name: app, image: nginx:1.14.2}]",
        10.0,
    );
    assert_eq!(
        lab.rows("p"),
        ["0/1 Pending 0", "0/1 Init:0/2 0", "0/1 Init:1/2 0", "0/1 PodInitializing 0", "1/1 Running 0"]
    );
    let lab = lived(
        "  restartPolicy: Never
  initContainers: [{name: one, image: busybox:1.28, command: [sh, -c, 'sleep 1; exit 1']}]
  containers: [{name: app, image: nginx:1.14.2}]",
        6.0,
    );
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("0/1 Init:Error 0"));
    assert_eq!(phase(&lab), "Failed", "{}", lab.timeline());
}

#[test]
fn sidecars_start_before_and_end_after_the_app() {
    let lab = lived(
        "  restartPolicy: Never
  initContainers:
  - {name: a, image: nginx:1.14.2, restartPolicy: Always}
  - {name: b, image: 'redis:7', restartPolicy: Always}
  containers: [{name: app, image: busybox:1.28, command: [sh, -c, 'sleep 6; exit 0']}]",
        15.0,
    );
    let timeline = lab.timeline();
    assert_eq!(
        lab.rows("p"),
        [
            "0/3 Pending 0",
            "0/3 Init:0/2 0",
            "1/3 Init:1/2 0",
            "2/3 PodInitializing 0",
            "3/3 Running 0",
            "2/3 Completed 0",
            "0/3 Completed 0"
        ],
        "{timeline}"
    );
    assert_eq!(lab.times("Killing").len(), 2, "{timeline}");
    assert_eq!(phase(&lab), "Succeeded", "{timeline}");
}

#[test]
fn deletion_ends_in_a_final_status_before_the_object_goes() {
    let mut lab = lived("  containers: [{name: app, image: nginx:1.14.2}]", 8.0);
    lab.delete("p", None);
    lab.run_to(12.0);
    let timeline = lab.timeline();
    assert_eq!(
        lab.rows("p")[2..],
        ["1/1 Running 0", "1/1 Terminating 0", "0/1 Completed 0", "DELETED 0/1 Completed 0"],
        "{timeline}"
    );
    near(&lab, &lab.times("Killing"), &[8.0], 0.1);
    assert!(lab.pod("p").is_none());
    assert_eq!(lab.kubelets[0].workers().count(), 0, "{timeline}");
}

#[test]
fn a_process_that_ignores_sigterm_gets_its_whole_grace_period() {
    let spec = "  terminationGracePeriodSeconds: 5\n  containers: [{name: app, image: busybox:1.28, command: [sleep, '3600']}]";
    let mut lab = lived(spec, 8.0);
    lab.delete("p", None);
    lab.run_to(20.0);
    near(&lab, &lab.times("0/1 Error 0 | Failed")[..1], &[13.15], 0.3);
    // Asked to hurry, it does so after the next relist, but leaves the process two seconds.
    let mut lab = lived(spec, 8.0);
    lab.delete("p", None);
    lab.run_to(9.0);
    lab.delete("p", Some(1));
    lab.run_to(20.0);
    near(&lab, &lab.times("0/1 Error 0 | Failed")[..1], &[11.6], 0.7);
}

#[test]
fn a_forced_deletion_removes_the_object_first() {
    let mut lab = lived("  containers: [{name: app, image: busybox:1.28, command: [sleep, '3600']}]", 8.0);
    lab.delete("p", Some(0));
    assert!(lab.pod("p").is_none());
    lab.run_to(14.0);
    assert_eq!(lab.times("Killing").len(), 1, "{}", lab.timeline());
    assert_eq!(lab.kubelets[0].workers().count(), 0);
    assert!(lab.runtime.list_sandboxes("node1").is_empty());
}

#[test]
fn an_absent_image_alternates_between_two_reasons() {
    let lab = lived("  containers: [{name: app, image: nosuchimage}]", 100.0);
    let rows = lab.rows("p");
    assert_eq!(
        rows[1..6],
        [
            "0/1 ContainerCreating 0",
            "0/1 ErrImagePull 0",
            "0/1 ImagePullBackOff 0",
            "0/1 ErrImagePull 0",
            "0/1 ImagePullBackOff 0"
        ],
        "{}",
        lab.timeline()
    );
    let pulls = waits(&lab.times("Pulling image"));
    for (wait, least) in pulls.iter().zip([10.0, 20.0, 40.0]) {
        assert!((least..least + 17.0).contains(wait), "{pulls:?}");
    }
}

#[test]
fn a_volume_is_tried_again_after_half_a_second_then_ever_later() {
    let mut lab = lived(
        "  containers: [{name: app, image: nginx:1.14.2, volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, configMap: {name: later}}]",
        40.0,
    );
    let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
    near(&lab, &waits(&lab.times("FailedMount")), &expected, 0.1);
    lab.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later}\ndata: {a: b}");
    lab.run_to(70.0);
    near(&lab, &lab.times("1/1 Running"), &[64.4], 0.7);
}

#[test]
fn what_a_variable_needs_is_looked_for_at_every_retry() {
    let lab = lived(
        "  containers: [{name: app, image: nginx:1.14.2, env: [{name: X, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}]",
        30.0,
    );
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("0/1 CreateContainerConfigError 0"));
    assert!((3..=4).contains(&lab.times("Error: configmap \"none\" not found").len()), "{}", lab.timeline());
}

#[test]
fn the_node_has_the_last_word() {
    for (spec, reason, message) in [
        (
            "  containers: [{name: app, image: nginx:1.14.2, resources: {requests: {cpu: '10'}}}]",
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 10000, used: 0, capacity: 2000",
        ),
        (
            "  nodeSelector: {disk: fast}\n  containers: [{name: app, image: nginx:1.14.2}]",
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
    ] {
        let mut lab = lived(spec, 3.0);
        assert_eq!(lab.rows("p").last(), Some(&format!("0/1 {reason} 0")));
        assert_eq!(
            lab.times(&format!("EVENT Warning {reason} x1  {message}")).len(),
            1,
            "{}",
            lab.timeline()
        );
        lab.delete("p", None);
        lab.run_to(8.0);
        assert!(lab.pod("p").is_none(), "{}", lab.timeline());
    }
}

#[test]
fn two_pods_cannot_have_one_host_port() {
    let spec =
        "  containers: [{name: app, image: nginx:1.14.2, ports: [{containerPort: 80, hostPort: 8080}]}]";
    let mut lab = lived(spec, 3.0);
    lab.apply(&pod(spec).replace("name: p}", "name: q}"));
    lab.run_to(6.0);
    assert_eq!(lab.rows("q").last().map(String::as_str), Some("0/1 NodePorts 0"), "{}", lab.timeline());
}

#[test]
fn a_deadline_ends_the_pod() {
    let lab = lived(
        "  activeDeadlineSeconds: 10
  terminationGracePeriodSeconds: 3
  containers: [{name: app, image: busybox:1.28, command: [sleep, '3600']}]",
        20.0,
    );
    let timeline = lab.timeline();
    assert_eq!(phase(&lab), "Failed", "{timeline}");
    near(&lab, &lab.times("DeadlineExceeded x1"), &[10.0], 1.1);
    near(&lab, &lab.times("Killing"), &[10.5], 1.1);
    let status = lab.pod("p").and_then(|it| it.status.clone()).unwrap_or_default();
    assert_eq!(status.reason.as_deref(), Some("DeadlineExceeded"));
}

#[test]
fn a_new_image_restarts_the_container_at_once() {
    let mut lab = lived("  containers: [{name: app, image: nginx:1.14.2}]", 8.0);
    lab.edit("p", |pod| {
        if let Some(spec) = pod.spec.as_mut() {
            spec.containers[0].image = Some("nginx:1.16.1".to_owned());
        }
    });
    lab.run_to(12.0);
    let timeline = lab.timeline();
    assert_eq!(lab.times("Container app definition changed, will be restarted").len(), 1, "{timeline}");
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("1/1 Running 1"), "{timeline}");
}

#[test]
fn a_dead_sandbox_is_made_anew_and_init_containers_run_again() {
    let mut lab = lived(
        "  initContainers: [{name: setup, image: busybox:1.28, command: [sh, -c, 'sleep 1; exit 0']}]
  containers: [{name: app, image: nginx:1.14.2}]",
        8.0,
    );
    let sandbox = lab.runtime.list_sandboxes("node1")[0].id;
    lab.kill_sandbox(sandbox);
    lab.run_to(16.0);
    let timeline = lab.timeline();
    assert_eq!(lab.times("SandboxChanged").len(), 1, "{timeline}");
    assert_eq!(lab.times("Started x2 spec.initContainers{setup}").len(), 1, "{timeline}");
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("1/1 Running 1"), "{timeline}");
}

#[test]
fn readiness_is_asked_at_once_and_liveness_restarts() {
    let lab = lived(
        "  terminationGracePeriodSeconds: 1
  containers:
  - name: app
    image: nginx:1.14.2
    ports: [{containerPort: 80}]
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}
    livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 2, failureThreshold: 2}",
        26.0,
    );
    let timeline = lab.timeline();
    let ready = lab.times("1/1 Running 0");
    assert!((0.45..1.2).contains(&ready[0]), "{timeline}");
    near(&lab, &lab.times("Killing"), &[4.1, 8.1, 12.1], 1.0);
    assert_eq!(lab.times("Liveness probe failed: dial tcp").len(), 6, "{timeline}");
    // Two kills restart at once, the third meets the back-off, twice.
    near(&lab, &lab.times("BackOff x1"), &[12.2], 1.0);
    assert_eq!(lab.times("0/1 CrashLoopBackOff 2").len(), 1, "{timeline}");
}

#[test]
fn a_frozen_kubelet_does_nothing_and_catches_up() {
    let mut lab = lived("  containers: [{name: app, image: nginx:1.14.2}]", 8.0);
    let now = lab.now();
    lab.kubelets[0].stop(now);
    lab.delete("p", None);
    lab.run_to(60.0);
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("1/1 Terminating 0"));
    lab.with(0, crate::Kubelet::resume);
    lab.run_to(63.0);
    assert!(lab.pod("p").is_none(), "{}", lab.timeline());
}

#[test]
fn equal_runs_have_equal_digests() {
    let run = || {
        let lab =
            lived("  containers: [{name: app, image: busybox:1.28, command: [sh, -c, 'exit 1']}]", 60.0);
        sim::digest_of(&lab.kubelets)
    };
    assert_eq!(run(), run());
}

#[test]
fn an_evicted_pods_containers_are_removed() {
    let lab = lived(
        "  containers: [{name: app, image: busybox:1.28, command: [sh, -c, 'sleep 3; dd if=/dev/zero of=/f bs=1M count=30; sleep 900'], resources: {limits: {ephemeral-storage: 10Mi}}}]",
        40.0,
    );
    let timeline = lab.timeline();
    let evicted = lab.times("Evicted");
    assert_eq!(evicted.len(), 1, "{timeline}");
    assert!((3.0..14.0).contains(&evicted[0]), "{timeline}");
    assert_eq!(phase(&lab), "Failed", "{timeline}");
    let uid = lab.pod("p").and_then(|it| it.metadata.uid.clone()).expect("it is there");
    assert_eq!(lab.kubelets[0].container(&uid, "app", false), None);
}

fn resources(cpu: &str, memory: &str) -> api::k8s_openapi::api::core::v1::ResourceRequirements {
    let list =
        [("cpu", cpu), ("memory", memory)].map(|(name, it)| (name.to_owned(), api::Quantity(it.to_owned())));
    let list: std::collections::BTreeMap<_, _> = list.into_iter().collect();
    api::k8s_openapi::api::core::v1::ResourceRequirements {
        requests: Some(list.clone()),
        limits: Some(list),
        ..Default::default()
    }
}

fn resize(lab: &mut Lab, name: &str, cpu: &str, memory: &str) {
    lab.edit(name, |pod| {
        if let Some(spec) = pod.spec.as_mut() {
            spec.containers[0].resources = Some(resources(cpu, memory));
        }
    });
}

fn pending(lab: &Lab, name: &str) -> Option<String> {
    let status = lab.pod(name)?.status.clone()?;
    let found = status.conditions?.into_iter().find(|it| it.type_ == "PodResizePending")?;
    Some([found.reason.unwrap_or_default(), found.message.unwrap_or_default()].join(": "))
}

#[test]
fn a_container_gets_more_while_it_runs_and_restarts_where_its_policy_says_so() {
    let mut lab = lived(
        "  containers: [{name: app, image: nginx:1.14.2, resources: {limits: {cpu: 100m, memory: 64Mi}}, resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]}]",
        5.0,
    );
    resize(&mut lab, "p", "200m", "64Mi");
    lab.run_to(8.0);
    let uid = lab.pod("p").and_then(|it| it.metadata.uid.clone()).expect("it is there");
    let id = lab.kubelets[0].container(&uid, "app", false).expect("it runs");
    let timeline = lab.timeline();
    assert_eq!(lab.runtime.container_limits(id), Some((Some(200), Some(64 << 20))), "{timeline}");
    let completed = lab.times(
        "ResizeCompleted x1  Pod resize completed: {\"containers\":[{\"name\":\"app\",\"resources\":{\"limits\":{\"cpu\":\"200m\",\"memory\":\"64Mi\"},\"requests\":{\"cpu\":\"200m\",\"memory\":\"64Mi\"}}}],\"generation\":2}",
    );
    assert_eq!(completed.len(), 1, "{timeline}");
    assert_eq!(lab.times("ResizeStarted").len(), 1, "{timeline}");
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("1/1 Running 0"), "{timeline}");
    resize(&mut lab, "p", "200m", "96Mi");
    lab.run_to(20.0);
    let timeline = lab.timeline();
    assert_eq!(
        lab.times("Killing x1 spec.containers{app} Container app resize requires restart").len(),
        1,
        "{timeline}"
    );
    assert_eq!(lab.times("ResizeCompleted").len(), 2, "{timeline}");
    assert_eq!(lab.rows("p").last().map(String::as_str), Some("1/1 Running 1"), "{timeline}");
}

#[test]
fn a_resize_without_room_waits_until_another_pod_goes() {
    let mut lab = lived(
        "  containers: [{name: app, image: nginx:1.14.2, resources: {limits: {cpu: 500m, memory: 64Mi}}}]",
        3.0,
    );
    lab.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec:\n  containers: [{name: app, image: nginx:1.14.2, resources: {requests: {cpu: '1'}}}]");
    lab.run_to(6.0);
    resize(&mut lab, "p", "1500m", "64Mi");
    lab.run_to(9.0);
    let timeline = lab.timeline();
    let why = "Deferred: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000";
    assert_eq!(pending(&lab, "p").as_deref(), Some(why), "{timeline}");
    assert_eq!(lab.times("ResizeDeferred x1  Pod resize Deferred: {").len(), 1, "{timeline}");
    let given = |lab: &Lab| {
        let status = lab.pod("p")?.status.clone()?;
        status.container_statuses?[0].resources.clone()?.limits?.get("cpu").map(|it| it.0.clone())
    };
    assert_eq!(given(&lab).as_deref(), Some("500m"), "{timeline}");
    lab.delete("big", Some(1));
    lab.run_to(20.0);
    let timeline = lab.timeline();
    assert_eq!(pending(&lab, "p"), None, "{timeline}");
    assert_eq!(given(&lab).as_deref(), Some("1500m"), "{timeline}");
    assert_eq!(lab.times("ResizeCompleted").len(), 1, "{timeline}");
}

#[test]
fn too_little_cpu_lets_a_probe_time_out() {
    let probe = |limit: &str| {
        let lab = lived(
            &format!(
                "  containers: [{{name: app, image: busybox:1.28, command: [sleep, '1000'], resources: {{limits: {{cpu: {limit}}}}}, readinessProbe: {{exec: {{command: ['true']}}, timeoutSeconds: 1, periodSeconds: 5}}}}]"
            ),
            20.0,
        );
        (lab.rows("p").last().cloned().unwrap_or_default(), lab.times("timed out after 1s").len())
    };
    assert_eq!(probe("500m"), ("1/1 Running 0".to_owned(), 0));
    let (row, timeouts) = probe("10m");
    assert!(row == "0/1 Running 0" && 2 < timeouts, "{row} {timeouts}");
}

const WEB: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  terminationGracePeriodSeconds: 2\n  containers: [{name: web, image: 'nginx:1.14.2'}]\n";

/// A lab whose node has a file of a static Pod.
fn with_static_pod() -> Lab {
    let mut lab = Lab::new(1);
    lab.put_manifest("web.yaml", Some(WEB));
    lab.run_to(10.0);
    lab
}

#[test]
fn a_file_is_a_pod_and_its_mirror_comes_back_40() {
    let mut lab = with_static_pod();
    let mirror = lab.pod("web-node1").expect("a mirror").clone();
    assert_eq!(lab.rows("web-node1"), ["0/1 Pending 0", "0/1 ContainerCreating 0", "1/1 Running 0"]);
    let annotations = mirror.metadata.annotations.clone().unwrap_or_default();
    assert_eq!(annotations["kubernetes.io/config.source"], "file");
    assert_eq!(annotations["kubernetes.io/config.mirror"], annotations["kubernetes.io/config.hash"]);
    let owner = &mirror.metadata.owner_references.as_ref().expect("an owner")[0];
    assert_eq!((owner.kind.as_str(), owner.name.as_str()), ("Node", "node1"));
    assert!(mirror.spec.as_ref().is_some_and(|it| it.volumes.is_none()), "no token");
    let status = |lab: &Lab| lab.pod("web-node1").and_then(|it| it.status.clone()?.container_statuses);
    let before = status(&lab);
    lab.delete("web-node1", None);
    lab.run_to(20.0);
    let again = lab.pod("web-node1").expect("a new mirror");
    assert_ne!(again.metadata.uid, mirror.metadata.uid);
    assert!(again.metadata.deletion_timestamp.is_none());
    assert_eq!(status(&lab), before, "the container has not noticed");
    assert!(lab.times("Killing").is_empty(), "{}", lab.timeline());
    lab.put_manifest("web.yaml", None);
    lab.run_to(30.0);
    assert_eq!(lab.times("Killing").len(), 1);
    assert!(lab.pod("web-node1").is_none(), "{}", lab.timeline());
    assert_eq!(lab.kubelets[0].workers().count(), 0);
}

#[test]
fn another_text_is_another_pod_and_nonsense_is_none() {
    let mut lab = with_static_pod();
    lab.put_manifest("other.yaml", Some("kind: Pod\nspec: {containers: []}"));
    lab.put_manifest("web.yaml", Some(&format!("# the same\n{WEB}")));
    lab.run_to(20.0);
    assert!(lab.times("Killing").is_empty() && lab.kubelets[0].workers().count() == 1);
    lab.put_manifest("web.yaml", Some(&WEB.replace("1.14.2", "1.16.1")));
    lab.run_to(30.0);
    let image = lab.pod("web-node1").and_then(|it| it.spec.as_ref()?.containers[0].image.clone());
    assert_eq!(image.as_deref(), Some("nginx:1.16.1"), "{}", lab.timeline());
    assert_eq!(lab.rows("web-node1").last().map(String::as_str), Some("1/1 Running 0"));
    assert_eq!((lab.times("Killing").len(), lab.times("Started").len()), (1, 2), "{}", lab.timeline());
}

#[test]
fn a_pod_writes_a_manifest_through_a_host_path() {
    let mut lab = Lab::new(1);
    let writer = "  restartPolicy: Never
  containers: [{name: w, image: busybox:1.28, command: [sh, -c, 'echo \"$TEXT\" > /m/web.yaml'], env: [{name: TEXT, value: TEXT}], volumeMounts: [{name: m, mountPath: /m}]}]
  volumes: [{name: m, hostPath: {path: /etc/kubernetes/manifests, type: Directory}}]";
    let text = serde_json::to_string(WEB).expect("a text");
    lab.apply(&pod(&writer.replace("value: TEXT", &format!("value: {text}"))));
    lab.run_to(10.0);
    assert_eq!(lab.rows("web-node1").last().map(String::as_str), Some("1/1 Running 0"), "{}", lab.timeline());
}

fn user_of_memory(name: &str, mebibytes: u32, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{playground.dev/memory-curve: '0s:10Mi,20s:{mebibytes}Mi'}}}}\nspec:\n{spec}  containers: [{{name: app, image: busybox:1.28, command: [sleep, '3600'], resources: {{requests: {{memory: REQUEST}}}}}}]"
    )
}

#[test]
fn who_uses_more_than_asked_for_goes_first_when_memory_runs_out() {
    let mut lab = Lab::new(1);
    let mut add = |name: &str, mebibytes, request: &str, spec: &str| {
        lab.apply(&user_of_memory(name, mebibytes, spec).replace("REQUEST", request));
    };
    add("modest", 4_000, "4500Mi", "");
    add("small", 1_000, "100Mi", "");
    add("large", 2_000, "100Mi", "");
    add("dear", 1_150, "100Mi", "  priority: 7\n");
    add("critical", 20, "1Mi", "  priority: 2000000000\n");
    lab.run_to(19.0);
    assert!(lab.times("EvictionThresholdMet").is_empty(), "{}", lab.timeline());
    lab.run_to(60.0);
    let evicted: Vec<&str> = ["modest", "small", "large", "dear", "critical"]
        .into_iter()
        .filter(|it| {
            lab.pod(it).and_then(|it| it.status.as_ref()?.reason.clone()).as_deref() == Some("Evicted")
        })
        .collect();
    assert_eq!(evicted, ["large"], "{}", lab.timeline());
    assert_eq!(lab.times("Attempting to reclaim memory").len(), 1);
    let status = lab.pod("large").and_then(|it| it.status.clone()).expect("a status");
    let message = status.message.expect("a message");
    let middle = message
        .strip_prefix("The node was low on resource: memory. Threshold quantity: 100Mi, available: ")
        .and_then(|it| it.split_once("Ki. Container app was using "));
    let (available, rest) = middle.unwrap_or_else(|| panic!("{message}"));
    assert!(available.parse::<u64>().is_ok_and(|it| it < 100 << 10), "{message}");
    assert!(rest.ends_with("Ki, request is 100Mi, has larger consumption of memory. "), "{message}");
    let target = status.conditions.iter().flatten().find(|it| it.type_ == "DisruptionTarget");
    assert_eq!(target.and_then(|it| it.reason.as_deref()), Some("TerminationByKubelet"));
    let pressure = |lab: &Lab| {
        let node = lab.api.node("node1").expect("the node").status.clone().expect("a status");
        let found = node.conditions.into_iter().flatten().find(|it| it.type_ == "MemoryPressure");
        found.and_then(|it| it.reason)
    };
    assert_eq!(pressure(&lab).as_deref(), Some("KubeletHasInsufficientMemory"));
    lab.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {containers: [{name: app, image: nginx:1.14.2}]}");
    lab.run_to(62.0);
    let late = lab.pod("late").and_then(|it| it.status.as_ref()?.message.clone());
    assert_eq!(late.as_deref(), Some("Pod was rejected: The node had condition: [MemoryPressure]. "));
    lab.run_to(400.0);
    assert_eq!(pressure(&lab).as_deref(), Some("KubeletHasSufficientMemory"));
    assert_eq!(lab.times("NodeHasInsufficientMemory").len(), 1);
}

#[test]
fn a_pod_at_rest_is_passed_over_until_something_about_it_changes() {
    let settled = |lab: &Lab| lab.kubelets[0].workers().all(crate::worker::Worker::is_settled);
    let mut lab = lived("  containers: [{name: app, image: nginx:1.14.2}]", 200.0);
    assert!(settled(&lab), "{}", lab.timeline());
    // Somebody adds a condition: the kubelet's status has it from the next look on.
    lab.edit("p", |pod| {
        let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
        conditions.push(api::k8s_openapi::api::core::v1::PodCondition {
            type_: "example.com/seen".to_owned(),
            status: "True".to_owned(),
            ..Default::default()
        });
    });
    lab.run_for(1.0);
    assert!(!settled(&lab));
    lab.run_for(200.0);
    assert!(settled(&lab));
    // Another image, and the container goes.
    lab.edit("p", |pod| {
        pod.spec.get_or_insert_default().containers[0].image = Some("nginx:1.16.1".to_owned());
        pod.metadata.generation = Some(2);
    });
    lab.run_for(5.0);
    let status = lab.pod("p").and_then(|it| it.status.clone()).unwrap_or_default();
    assert_eq!(status.observed_generation, Some(2), "{}", lab.timeline());
    assert_eq!(status.container_statuses.map(|it| it[0].restart_count), Some(1), "{}", lab.timeline());
    assert!(!settled(&lab));
    lab.run_for(200.0);
    assert!(settled(&lab));
}
