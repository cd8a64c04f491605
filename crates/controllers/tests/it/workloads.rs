//! Deployments and ReplicaSets: recordings 29a, 29b, 29d, 29e, 29f, 29h.

use api::Kind;
use serde_json::{Value, json};
use sim::SimTime;

use crate::bench::Bench;

fn deployment(replicas: i32, image: &str, strategy: &Value) -> Value {
    json!({
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"note": "copied"}},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "strategy": strategy,
            "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "nginx", "image": image}]},
            },
        },
    })
}

fn rolling() -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
}

fn set_image(bench: &mut Bench, image: &str) {
    bench.edit(Kind::Deployment, "web", |it| {
        it["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    });
}

/// `Scaled up replica set web-5d4f8 from 0 to 1` → `up 0-1`
fn steps(bench: &Bench, from: SimTime) -> Vec<String> {
    let messages = bench.messages("ScalingReplicaSet", from);
    messages
        .iter()
        .map(|it| {
            let words: Vec<&str> =
                it.trim_start_matches("(combined from similar events): ").split(' ').collect();
            format!("{} {}-{}", words[1], words[6], words[8])
        })
        .collect()
}

fn conditions(value: &Value) -> Vec<String> {
    let list = value["status"]["conditions"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap_or("").to_owned();
            format!("{}={} {}", text("type"), text("status"), text("reason"))
        })
        .collect()
}

fn counts(value: &Value) -> [i64; 4] {
    ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
        .map(|it| value["status"][it].as_i64().unwrap_or(0))
}

#[test]
fn create_scale_and_replace_29a() {
    let mut bench = Bench::new(1, &["node1", "node2", "node3"]);
    bench.run_for(1);
    bench.create(Kind::Deployment, deployment(1, "nginx", &rolling()));
    bench.run_for(10);
    assert_eq!(counts(&bench.value(Kind::Deployment, "web")), [1, 1, 1, 1]);
    bench.edit(Kind::Deployment, "web", |it| it["spec"]["replicas"] = json!(5));
    bench.run_for(12);
    let set = &bench.all(Kind::ReplicaSet)[0];
    let name = set["metadata"]["name"].as_str().unwrap().to_owned();
    assert_eq!(set["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"], "7");
    assert_eq!(set["metadata"]["annotations"]["note"], "copied");
    assert_eq!(set["spec"]["selector"]["matchLabels"]["pod-template-hash"], name[4..]);
    let victim = bench.all(Kind::Pod)[0]["metadata"]["name"].as_str().unwrap().to_owned();
    bench.delete(Kind::Pod, &victim);
    bench.run_for(10);
    bench.edit(Kind::Deployment, "web", |it| it["spec"]["replicas"] = json!(2));
    bench.run_for(10);
    assert_eq!(
        bench.messages("ScalingReplicaSet", SimTime::ZERO),
        [
            format!("Scaled up replica set {name} from 0 to 1"),
            format!("Scaled up replica set {name} from 1 to 5"),
            format!("Scaled down replica set {name} from 5 to 2"),
        ]
    );
    assert_eq!(bench.messages("SuccessfulCreate", SimTime::ZERO).len(), 6);
    assert_eq!(bench.messages("SuccessfulDelete", SimTime::ZERO).len(), 3);
    assert_eq!(bench.all(Kind::Pod).len(), 2);
    let value = bench.value(Kind::Deployment, "web");
    assert_eq!(value["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert_eq!(
        conditions(&value),
        ["Progressing=True NewReplicaSetAvailable", "Available=True MinimumReplicasAvailable"]
    );
}

#[test]
fn rolling_update_and_back_29b() {
    let mut bench = Bench::new(2, &["node1", "node2", "node3"]);
    bench.run_for(1);
    bench.create(Kind::Deployment, deployment(4, "nginx:1.14.2", &rolling()));
    bench.run_for(12);
    assert_eq!(steps(&bench, SimTime::ZERO), ["up 0-4"]);
    let start = bench.now();
    set_image(&mut bench, "nginx:1.16.1");
    bench.run_for(24);
    // As recorded; how the middle interleaves depends on when Pods become ready.
    let seen = steps(&bench, start);
    assert_eq!(seen[..3], ["up 0-1", "down 4-3", "up 1-2"]);
    let (up, down): (Vec<_>, Vec<_>) = seen.iter().partition(|it| it.starts_with("up"));
    assert!(up.last().is_some_and(|it| it.ends_with("-4")), "{seen:?}");
    assert!(down.last().is_some_and(|it| it.ends_with("-0")), "{seen:?}");
    assert!(6 <= seen.len() && seen.len() <= 8, "{seen:?}");
    let value = bench.value(Kind::Deployment, "web");
    assert_eq!(counts(&value), [4, 4, 4, 4]);
    assert_eq!(
        conditions(&value),
        ["Available=True MinimumReplicasAvailable", "Progressing=True NewReplicaSetAvailable"]
    );
    set_image(&mut bench, "nginx:1.14.2");
    bench.run_for(24);
    let sets = bench.all(Kind::ReplicaSet);
    let mut revisions: Vec<_> = sets
        .iter()
        .map(|it| {
            let note = |name: &str| it["metadata"]["annotations"][name].as_str().unwrap_or("-").to_owned();
            let replicas = it["spec"]["replicas"].as_i64().unwrap();
            (
                note("deployment.kubernetes.io/revision"),
                note("deployment.kubernetes.io/revision-history"),
                replicas,
            )
        })
        .collect();
    revisions.sort();
    assert_eq!(revisions, [("2".to_owned(), "-".to_owned(), 0), ("3".to_owned(), "1".to_owned(), 4)]);
    let value = bench.value(Kind::Deployment, "web");
    assert_eq!(value["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
}

#[test]
fn recreate_29d() {
    let mut bench = Bench::new(3, &["node1"]);
    bench.create(Kind::Deployment, deployment(3, "nginx:1.14.2", &json!({"type": "Recreate"})));
    bench.run_for(10);
    let start = bench.now();
    set_image(&mut bench, "nginx:1.16.1");
    bench.run_for(10);
    assert_eq!(steps(&bench, start), ["down 3-0", "up 0-3"]);
    assert_eq!(counts(&bench.value(Kind::Deployment, "web")), [3, 3, 3, 3]);
}

#[test]
fn paused_deployments_only_scale_29h() {
    let mut bench = Bench::new(4, &["node1"]);
    bench.create(Kind::Deployment, deployment(3, "nginx:1.14.2", &rolling()));
    bench.run_for(10);
    bench.edit(Kind::Deployment, "web", |it| it["spec"]["paused"] = json!(true));
    set_image(&mut bench, "nginx:1.16.1");
    bench.run_for(10);
    assert_eq!(bench.all(Kind::ReplicaSet).len(), 1);
    let value = bench.value(Kind::Deployment, "web");
    assert_eq!(conditions(&value)[1], "Progressing=Unknown DeploymentPaused");
    bench.edit(Kind::Deployment, "web", |it| it["spec"]["paused"] = json!(false));
    bench.run_for(10);
    let value = bench.value(Kind::Deployment, "web");
    assert_eq!(bench.all(Kind::ReplicaSet).len(), 2);
    assert_eq!(conditions(&value)[1], "Progressing=True NewReplicaSetAvailable");
}

#[test]
fn a_rollout_that_stands_still_times_out() {
    let mut bench = Bench::new(5, &[]);
    let mut value = deployment(1, "nginx", &rolling());
    value["spec"]["progressDeadlineSeconds"] = json!(60);
    bench.create(Kind::Deployment, value);
    bench.run_for(58);
    assert_eq!(
        conditions(&bench.value(Kind::Deployment, "web")),
        ["Available=False MinimumReplicasUnavailable", "Progressing=True ReplicaSetUpdated"]
    );
    bench.run_for(6);
    let value = bench.value(Kind::Deployment, "web");
    assert_eq!(conditions(&value)[1], "Progressing=False ProgressDeadlineExceeded");
    let message = value["status"]["conditions"][1]["message"].as_str().unwrap();
    assert!(message.starts_with("ReplicaSet \"web-") && message.ends_with("\" has timed out progressing."));
}

#[test]
fn replica_sets_adopt_and_release_29f() {
    let mut bench = Bench::new(6, &["node1", "node2", "node3"]);
    let template = json!({"metadata": {"labels": {"app": "rs"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}});
    bench.create(
        Kind::ReplicaSet,
        json!({"metadata": {"name": "rs"}, "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "rs"}}, "template": template}}),
    );
    bench.run_for(8);
    let first = bench.all(Kind::Pod)[0]["metadata"]["name"].as_str().unwrap().to_owned();
    bench.edit(Kind::Pod, &first, |it| it["metadata"]["labels"]["app"] = json!("other"));
    bench.run_for(5);
    assert_eq!(bench.all(Kind::Pod).len(), 4, "a replacement for the Pod that was let go");
    assert!(
        bench.value(Kind::Pod, &first)["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty)
    );
    bench.create(
        Kind::Pod,
        json!({"metadata": {"name": "extra", "labels": {"app": "rs"}}, "spec": {"containers": [{"name": "extra"}]}}),
    );
    bench.run_for(5);
    assert_eq!(bench.messages("SuccessfulDelete", SimTime::ZERO), ["Deleted pod: extra"]);
    let status = bench.value(Kind::ReplicaSet, "rs")["status"].clone();
    assert_eq!((status["replicas"].as_i64(), status["readyReplicas"].as_i64()), (Some(3), Some(3)));
    assert_eq!(status["terminatingReplicas"], 0);
}

#[test]
fn the_garbage_collector_follows_owners() {
    let mut bench = Bench::new(7, &["node1"]);
    bench.create(Kind::Deployment, deployment(3, "nginx", &rolling()));
    bench.run_for(5);
    bench.delete(Kind::Deployment, "web");
    bench.run_for(5);
    assert_eq!((bench.all(Kind::ReplicaSet).len(), bench.all(Kind::Pod).len()), (0, 0));
}

#[test]
fn two_runs_are_equal() {
    let run = || {
        let mut bench = Bench::new(8, &["node1", "node2"]);
        bench.create(Kind::Deployment, deployment(7, "a", &rolling()));
        bench.run_for(3);
        set_image(&mut bench, "b");
        bench.run_for(30);
        sim::digest_of(&(bench.api, bench.controllers))
    };
    assert_eq!(run(), run());
}

#[test]
fn the_cost_of_a_large_deployment_grows_with_its_size() {
    let mut bench = Bench::new(9, &["node1", "node2"]);
    bench.create(
        Kind::Service,
        json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    );
    bench.create(Kind::Deployment, deployment(300, "nginx", &rolling()));
    bench.run_for(15);
    assert_eq!(counts(&bench.value(Kind::Deployment, "web")), [300; 4]);
    // Each readiness costs a few looks at most, for they are gathered in the queue.
    let slices = bench.all(Kind::EndpointSlice);
    assert_eq!(slices.len(), 3);
    assert!(bench.api.store().revision() < 300 * 8, "{}", bench.api.store().revision());
}

#[test]
fn availability_takes_min_ready_seconds_29e() {
    let mut bench = Bench::new(10, &["node1"]);
    let mut value = deployment(3, "nginx", &rolling());
    value["spec"]["minReadySeconds"] = json!(3);
    bench.create(Kind::Deployment, value);
    bench.run_for(2);
    assert_eq!(counts(&bench.value(Kind::Deployment, "web")), [3, 3, 3, 0]);
    bench.run_for(4);
    assert_eq!(counts(&bench.value(Kind::Deployment, "web")), [3, 3, 3, 3]);
}

#[test]
fn history_keeps_as_many_as_asked_for() {
    let mut bench = Bench::new(11, &["node1"]);
    let mut value = deployment(1, "nginx:1", &rolling());
    value["spec"]["revisionHistoryLimit"] = json!(2);
    bench.create(Kind::Deployment, value);
    for version in 2..=6 {
        bench.run_for(5);
        set_image(&mut bench, &format!("nginx:{version}"));
    }
    bench.run_for(10);
    let mut revisions: Vec<_> = bench
        .all(Kind::ReplicaSet)
        .iter()
        .map(|it| it["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone())
        .collect();
    revisions.sort_by_key(ToString::to_string);
    assert_eq!(revisions, ["4", "5", "6"]);
}

#[test]
fn scaling_in_the_middle_of_a_rollout_is_proportional() {
    let mut bench = Bench::new(12, &["node1", "node2"]);
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}});
    bench.create(Kind::Deployment, deployment(10, "good", &strategy));
    bench.run_for(5);
    // The new Pods find no node, so the rollout stands still at 8 + 5.
    bench.nodes.clear();
    set_image(&mut bench, "bad");
    bench.run_for(5);
    let sizes = |bench: &Bench| {
        let sets = bench.all(Kind::ReplicaSet);
        let mut sizes: Vec<i64> =
            sets.iter().map(|it| it["spec"]["replicas"].as_i64().unwrap_or(0)).collect();
        sizes.sort_unstable();
        sizes
    };
    assert_eq!(sizes(&bench), [5, 8]);
    bench.edit(Kind::Deployment, "web", |it| it["spec"]["replicas"] = json!(15));
    bench.run_for(5);
    // The example of the Kubernetes documentation: five more, three to the larger set, two to the smaller.
    assert_eq!(sizes(&bench), [7, 11]);
}

#[test]
fn a_template_that_is_refused_makes_no_pods() {
    let mut bench = Bench::new(13, &["node1"]);
    let template = json!({"metadata": {"labels": {"app": "x"}},
        "spec": {"priorityClassName": "nosuch", "containers": [{"name": "c", "image": "nginx"}]}});
    bench.run_for(1);
    bench.create(
        Kind::ReplicaSet,
        json!({"metadata": {"name": "x"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": template}}),
    );
    bench.run_for(5);
    assert_eq!(bench.all(Kind::Pod).len(), 0);
    let messages = bench.messages("FailedCreate", SimTime::ZERO);
    let rest = messages[0].strip_prefix("Error creating: pods \"x-").expect("the generated name");
    assert_eq!(&rest[5..], "\" is forbidden: no PriorityClass with name nosuch was found");
    let condition = bench.value(Kind::ReplicaSet, "x")["status"]["conditions"][0].clone();
    assert_eq!((&condition["type"], &condition["status"]), (&json!("ReplicaFailure"), &json!("True")));
    assert_eq!(condition["reason"], "FailedCreate");
    // The wait between tries has doubled a few times when the class turns up.
    bench.create(Kind::PriorityClass, json!({"metadata": {"name": "nosuch"}, "value": 5}));
    bench.run_for(30);
    assert_eq!(bench.all(Kind::Pod).len(), 2);
    assert_eq!(bench.value(Kind::ReplicaSet, "x")["status"]["conditions"], json!(null));
}
