//! Nodes that fall silent, taints, Pods without a node: recordings 25e, 26b, 27a, 27b, 28a.

use api::Kind;
use serde_json::{Value, json};
use sim::SimTime;

use crate::bench::Bench;

fn pod(name: &str, tolerations: &Value) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "app"}], "tolerations": tolerations, "terminationGracePeriodSeconds": 5},
    })
}

fn tolerates(seconds: Option<i64>) -> Value {
    let one = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
    json!([one("node.kubernetes.io/unreachable"), one("node.kubernetes.io/not-ready")])
}

fn taints(bench: &Bench, node: &str) -> Vec<String> {
    let list = bench.value(Kind::Node, node)["spec"]["taints"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|it| format!("{}:{}", it["key"].as_str().unwrap_or(""), it["effect"].as_str().unwrap_or("")))
        .collect()
}

fn first(bench: &Bench, text: &str) -> f64 {
    let line = bench.log.iter().find(|it| it.1.contains(text)).unwrap_or_else(|| panic!("no event {text}"));
    line.0.as_micros() as f64 / 1e6
}

#[test]
fn a_silent_node_28a() {
    let mut bench = Bench::new(1, &["node1", "node2"]);
    bench.run_for(12);
    bench.nodes = vec!["node2".to_owned()];
    bench.create(Kind::Pod, pod("tol20", &tolerates(Some(20))));
    bench.create(Kind::Pod, pod("forever", &tolerates(None)));
    let service =
        json!({"metadata": {"name": "x"}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}});
    bench.create(Kind::Service, service);
    bench.run_for(3);
    let stopped = bench.now().as_micros() as f64 / 1e6;
    bench.silent.insert("node2".to_owned());
    bench.nodes = vec!["node1".to_owned(), "node2".to_owned()];
    bench.run_for(44);
    assert_eq!(
        bench.value(Kind::Node, "node2")["status"]["conditions"][3]["status"],
        "True",
        "still trusted"
    );
    bench.run_for(16);
    let given_up = first(&bench, "Node node2 status is now: NodeNotReady");
    assert!((44.0..60.0).contains(&(given_up - stopped)), "{given_up} {stopped}");
    assert_eq!(
        bench.messages("NodeNotReady", SimTime::ZERO)[1..],
        ["Node is not ready", "Node is not ready"]
    );
    let value = bench.value(Kind::Node, "node2");
    for condition in value["status"]["conditions"].as_array().unwrap() {
        assert_eq!(
            (condition["status"].as_str(), condition["reason"].as_str(), condition["message"].as_str()),
            (Some("Unknown"), Some("NodeStatusUnknown"), Some("Kubelet stopped posting node status."))
        );
    }
    let unreachable = "node.kubernetes.io/unreachable";
    assert_eq!(
        taints(&bench, "node2"),
        [format!("{unreachable}:NoSchedule"), format!("{unreachable}:NoExecute")]
    );
    let tol20 = bench.value(Kind::Pod, "tol20");
    assert_eq!(
        (tol20["status"]["phase"].as_str(), &tol20["status"]["conditions"][0]["status"]),
        (Some("Running"), &json!("False"))
    );
    let slice = &bench.all(Kind::EndpointSlice)[0];
    let conditions = json!({"ready": false, "serving": false, "terminating": false});
    assert_eq!(slice["endpoints"][0]["conditions"], conditions);

    bench.run_for(20);
    let evicted = first(&bench, "Marking for deletion Pod default/tol20");
    assert!((20.0..20.4).contains(&(evicted - given_up)), "{evicted} {given_up}");
    let tol20 = bench.value(Kind::Pod, "tol20");
    assert!(tol20["metadata"]["deletionTimestamp"].is_string(), "waits for its kubelet");
    assert_eq!(tol20["status"]["conditions"][1]["reason"], "DeletionByTaintManager");
    assert!(bench.value(Kind::Pod, "forever")["metadata"]["deletionTimestamp"].is_null());

    bench.silent.clear();
    bench.edit(Kind::Node, "node2", |it| {
        for condition in it["status"]["conditions"].as_array_mut().unwrap() {
            condition["lastHeartbeatTime"] = json!("2026-01-01T00:01:40Z");
            condition["status"] = json!(if condition["type"] == "Ready" { "True" } else { "False" });
        }
    });
    bench.run_for(1);
    assert!(!taints(&bench, "node2").contains(&format!("{unreachable}:NoSchedule")));
    bench.run_for(6);
    assert_eq!(taints(&bench, "node2"), [""; 0]);
}

#[test]
fn no_execute_by_hand_27a_27b() {
    let mut bench = Bench::new(2, &["node1"]);
    bench.create(Kind::Pod, pod("notol", &json!([])));
    let some = json!([{"key": "key1", "operator": "Equal", "value": "value1", "effect": "NoExecute", "tolerationSeconds": 20}]);
    bench.create(Kind::Pod, pod("tol20", &some));
    let other = json!([{"key": "key1", "operator": "Equal", "value": "other", "effect": "NoExecute"}]);
    bench.create(Kind::Pod, pod("wrongvalue", &other));
    bench.run_for(8);
    bench.edit(Kind::Node, "node1", |it| {
        it["spec"] = json!({"taints": [{"key": "key1", "value": "value1", "effect": "NoExecute"}]});
    });
    bench.run_for(10);
    bench.edit(Kind::Node, "node1", |it| it["spec"] = json!({}));
    bench.run_for(30);
    let mut messages = bench.messages("TaintManagerEviction", SimTime::ZERO);
    messages.sort();
    assert_eq!(
        messages,
        [
            "Cancelling deletion of Pod default/tol20",
            "Marking for deletion Pod default/notol",
            "Marking for deletion Pod default/wrongvalue",
        ]
    );
    assert!(first(&bench, "Marking for deletion Pod default/notol") < 8.12);
    assert_eq!(bench.all(Kind::Pod).len(), 1);
}

#[test]
fn a_node_that_never_was_25e() {
    let mut bench = Bench::new(3, &["node1"]);
    let mut ghost = pod("ghost", &json!([]));
    ghost["spec"]["nodeName"] = json!("nosuchnode");
    bench.create(Kind::Pod, ghost);
    bench.run_for(40);
    assert!(bench.value(Kind::Pod, "ghost")["metadata"].is_object());
    bench.run_for(21);
    assert!(bench.value(Kind::Pod, "ghost").is_null());
}

#[test]
fn nodes_come_and_go_26b() {
    let mut bench = Bench::new(4, &["node1"]);
    bench.run_for(5);
    bench.delete(Kind::Node, "node1");
    bench.run_for(6);
    assert_eq!(
        bench.messages("RegisteredNode", SimTime::ZERO),
        ["Node node1 event: Registered Node node1 in Controller"]
    );
    assert_eq!(
        bench.messages("RemovingNode", SimTime::ZERO),
        ["Node node1 event: Removing Node node1 from Controller"]
    );
}

#[test]
fn cordoned_nodes_are_tainted() {
    let mut bench = Bench::new(5, &["node1"]);
    bench.run_for(1);
    bench.edit(Kind::Node, "node1", |it| it["spec"]["unschedulable"] = json!(true));
    bench.run_for(1);
    assert_eq!(taints(&bench, "node1"), ["node.kubernetes.io/unschedulable:NoSchedule"]);
    bench.edit(Kind::Node, "node1", |it| it["spec"]["unschedulable"] = json!(null));
    bench.run_for(1);
    assert_eq!(taints(&bench, "node1"), [""; 0]);
}

/// The Pods of a node that is not there are left out of slices, and looked for again until it is.
#[test]
fn a_node_that_comes_back_has_its_endpoints_back() {
    let mut bench = Bench::new(6, &["node1"]);
    bench.run_for(1);
    let node = bench.value(Kind::Node, "node1");
    bench.delete(Kind::Node, "node1");
    let service =
        json!({"metadata": {"name": "x"}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}});
    bench.create(Kind::Service, service);
    let mut here = pod("here", &json!([]));
    here["spec"]["nodeName"] = json!("node1");
    bench.create(Kind::Pod, here);
    bench.run_for(3);
    assert_eq!(bench.all(Kind::EndpointSlice)[0]["endpoints"], json!(null));
    bench.create(
        Kind::Node,
        json!({"metadata": {"name": "node1"}, "status": {"conditions": node["status"]["conditions"]}}),
    );
    bench.run_for(8);
    assert_eq!(bench.all(Kind::EndpointSlice)[0]["endpoints"][0]["targetRef"]["name"], "here");
}
