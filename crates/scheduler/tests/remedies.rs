//! The smallest change that would make a Pod fit: it does, and nothing smaller would.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use api::{Node, Pod};
use proptest::prelude::*;
use scheduler::remedy::{
    Change, ClusterEdit, Edit, Place, PodEdit, Side, apply, everything, smallest_changes,
};
use scheduler::{Options, Outcome, PodInfo, Snapshot, schedule_one};
use serde_json::{Value, json};

fn named<T: serde::de::DeserializeOwned>(mut value: Value, name: &str) -> T {
    value["metadata"]["name"] = name.into();
    serde_json::from_value(value).unwrap()
}

fn info(value: Value, name: &str) -> Arc<PodInfo> {
    Arc::new(PodInfo::new(Arc::new(named::<Pod>(value, name))))
}

fn cluster(nodes: Vec<Value>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (at, value) in nodes.into_iter().enumerate() {
        snapshot.set_node(Arc::new(named::<Node>(value, &format!("node-{}", at + 1))));
    }
    snapshot
}

fn worker(more: Value) -> Value {
    let mut node = json!({
        "metadata": { "labels": {} },
        "status": { "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" } },
    });
    json_merge(&mut node, more);
    node
}

fn json_merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                json_merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn asks(requests: &Value) -> Value {
    json!({ "metadata": { "namespace": "default", "labels": { "app": "a" } },
        "spec": { "containers": [{ "name": "c", "resources": { "requests": requests } }] } })
}

fn does(snapshot: &Snapshot, pod: &PodInfo, edits: &[Edit]) -> bool {
    let Some((snapshot, pod)) = apply(snapshot, pod, edits) else { return false };
    let gated = pod.pod.spec.as_ref().unwrap().scheduling_gates.as_ref().is_some_and(|it| !it.is_empty());
    !gated && schedule_one(&snapshot, &pod, Options::default()).outcome == Outcome::Scheduled
}

fn words(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|it| format!("{:?} -> {:?}", it.edits, it.lands_on)).collect()
}

#[test]
fn asks_for_as_much_as_there_is() {
    let mut snapshot = cluster(vec![worker(json!({})), worker(json!({}))]);
    snapshot.add_pod(info(asks(&json!({ "cpu": "1", "memory": "7Gi" })), "one"), "node-1");
    snapshot.add_pod(info(asks(&json!({ "cpu": "3500m" })), "two"), "node-2");
    let found = smallest_changes(&snapshot, &info(asks(&json!({ "cpu": "1", "memory": "2Gi" })), "new"));
    assert!(found.complete, "{found:?}");
    let lowered = |resource: &str, from, to| {
        Edit::Pod(PodEdit::LowerRequest { place: Place::App(0), resource: resource.into(), from, to })
    };
    let single: Vec<_> =
        found.changes.iter().filter(|it| it.side() == Side::Pod).map(|it| it.edits.clone()).collect();
    assert_eq!(
        single,
        [vec![lowered("cpu", 1_000, 500)], vec![lowered("memory", 2 << 30, 1 << 30)]],
        "{:#?}",
        words(&found.changes)
    );
    assert_eq!(found.changes[0].lands_on, ["node-2".into()]);
    let others: Vec<_> =
        found.changes.iter().filter(|it| it.side() == Side::Cluster).map(|it| it.edits[0].clone()).collect();
    let one_more = ClusterEdit::AddNode { node: "node-3".into(), like: "node-1".into() };
    assert!(others.contains(&one_more.into()), "{others:?}");
}

#[test]
fn several_containers_share_what_is_missing() {
    let snapshot = cluster(vec![worker(json!({ "status": { "allocatable": { "cpu": "1" } } }))]);
    let one =
        |name| json!({ "name": name, "resources": { "requests": { "cpu": "1" }, "limits": { "cpu": "1" } } });
    let mut pod = asks(&json!({}));
    pod["spec"]["containers"] = json!([one("a"), one("b"), one("c")]);
    let found = smallest_changes(&snapshot, &info(pod, "new"));
    let first = &found.changes[0];
    let left: Vec<i64> = first
        .edits
        .iter()
        .map(|it| match it {
            Edit::Pod(PodEdit::LowerRequest { to, .. }) => *to,
            other => panic!("{other:?}"),
        })
        .collect();
    // Two of them lowered to nothing would do: three edits are one more than needed.
    assert_eq!(left, [0, 0], "{:#?}", words(&found.changes));
}

#[test]
fn taints_cordons_labels_and_gates() {
    let tainted = json!({ "spec": { "taints": [{ "key": "env", "value": "dev", "effect": "NoSchedule" }] } });
    let cordoned = json!({ "spec": { "unschedulable": true,
        "taints": [{ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }] } });
    let silent = json!({ "spec": { "taints": [{ "key": "node.kubernetes.io/unreachable", "effect": "NoSchedule" }] } });
    let snapshot = cluster(vec![worker(tainted), worker(cordoned), worker(silent)]);
    let mut pod = asks(&json!({}));
    pod["spec"]["nodeSelector"] = json!({ "disk": "ssd" });
    let found = smallest_changes(&snapshot, &info(pod.clone(), "new"));
    let all = words(&found.changes).join("\n");
    assert!(found.changes.iter().all(|it| it.edits.len() == 2), "{all}");
    for part in [
        "Uncordon",
        "RemoveTaint",
        "Tolerate { key: \"env\", value: \"dev\"",
        "LabelNode",
        "DropNodeSelector",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert!(!all.contains("unreachable") && !all.contains("node-3\"]"), "{all}");
    pod["spec"]["schedulingGates"] = json!([{ "name": "example.com/wait" }]);
    pod["spec"]["nodeSelector"] = json!({});
    let found = smallest_changes(&cluster(vec![worker(json!({}))]), &info(pod, "new"));
    assert_eq!(found.changes[0].edits, [PodEdit::OpenGate { gate: "example.com/wait".to_owned() }.into()]);
}

#[test]
fn neighbours_and_ports() {
    let zone = |it: &str| worker(json!({ "metadata": { "labels": { "zone": it } } }));
    let mut snapshot =
        cluster(vec![zone("a"), zone("a"), worker(json!({ "spec": { "unschedulable": true } }))]);
    let mut old = asks(&json!({}));
    old["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 80, "hostPort": 80 }]);
    snapshot.add_pod(info(old.clone(), "old-1"), "node-1");
    snapshot.add_pod(info(old.clone(), "old-2"), "node-2");
    let found = smallest_changes(&snapshot, &info(old.clone(), "new"));
    let all = words(&found.changes).join("\n");
    for part in ["DropHostPort", "DeletePod", "Uncordon", "AddNode"] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let term = json!({ "topologyKey": "zone", "labelSelector": { "matchLabels": { "app": "a" } } });
    let mut pod = asks(&json!({}));
    pod["spec"]["affinity"] =
        json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } });
    let found = smallest_changes(&snapshot, &info(pod, "new"));
    let all = words(&found.changes).join("\n");
    assert!(all.contains("DropPodAntiAffinity") && all.contains("Uncordon"), "{all}");
    let mut pod = asks(&json!({}));
    pod["spec"]["topologySpreadConstraints"] = json!([{ "topologyKey": "rack", "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": { "matchLabels": { "app": "a" } } }]);
    let found = smallest_changes(&snapshot, &info(pod, "new"));
    assert_eq!(
        found.changes[0].edits,
        [PodEdit::RelaxSpread { at: 0 }.into()],
        "{:#?}",
        words(&found.changes)
    );
}

#[test]
fn nothing_helps_a_pod_without_its_volume() {
    let mut pod = asks(&json!({}));
    pod["spec"]["volumes"] = json!([{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }]);
    let found = smallest_changes(&cluster(vec![worker(json!({}))]), &info(pod, "new"));
    assert!(found.changes.is_empty() && found.complete, "{found:?}");
}

fn node() -> impl Strategy<Value = Value> {
    (1..5_u32, 0..3_u32, 0..4_u32, any::<bool>(), any::<bool>()).prop_map(|(cpu, zone, taint, cordoned, ssd)| {
        let mut labels = json!({});
        if zone != 0 {
            labels["zone"] = format!("z{zone}").into();
        }
        if ssd {
            labels["disk"] = "ssd".into();
        }
        let taints = if taint == 0 { json!([{ "key": "k", "value": "v", "effect": "NoSchedule" }]) } else { json!([]) };
        json!({
            "metadata": { "labels": labels },
            "spec": { "unschedulable": cordoned && taint == 1, "taints": taints },
            "status": { "allocatable": { "cpu": format!("{}m", cpu * 300), "memory": "4Gi", "pods": "3" } },
        })
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let shape = (1..14_u32, 0..3_u32, 0..8_u32, 0..3_u32, any::<bool>());
    shape.prop_map(|(cpu, app, rule, port, second)| {
        let key = if app == 2 { "disk" } else { "zone" };
        let term = json!({ "topologyKey": key, "labelSelector": { "matchLabels": { "app": "a0" } } });
        let affinity = match rule {
            0 | 1 => json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } }),
            2 => json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } }),
            3 => json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                { "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["z1"] }, { "key": "gpu", "operator": "Exists" }] },
                { "matchExpressions": [{ "key": "zone", "operator": "NotIn", "values": ["z1", "z2"] }] }] } } }),
            _ => json!({}),
        };
        let spread = json!([{ "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
            "minDomains": if app == 0 { json!(2) } else { Value::Null },
            "labelSelector": { "matchLabels": { "app": "a0" } } }]);
        let ports = if port == 0 { json!([{ "containerPort": 80, "hostPort": 80 }]) } else { json!([]) };
        let container = |name: &str| json!({ "name": name, "ports": ports,
            "resources": { "requests": { "cpu": format!("{}m", cpu * 100) } } });
        let containers = if second { json!([container("c"), { "name": "d" }]) } else { json!([container("c")]) };
        json!({
            "metadata": { "namespace": "default", "labels": { "app": format!("a{app}") } },
            "spec": { "affinity": affinity, "containers": containers,
                "nodeSelector": if rule == 4 { json!({ "disk": "ssd" }) } else { json!({}) },
                "topologySpreadConstraints": if rule == 5 { spread } else { json!([]) } },
        })
    })
}

/// All sets of so many of these.
fn sets(all: &[Edit], size: usize) -> Vec<Vec<Edit>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for (at, edit) in all.iter().enumerate() {
        for mut rest in sets(&all[at + 1..], size - 1) {
            rest.insert(0, edit.clone());
            found.push(rest);
        }
    }
    found
}

/// The edit with its request a step higher, as far as the Pod had one.
fn milder(edit: &Edit) -> Option<Edit> {
    match edit {
        Edit::Pod(PodEdit::LowerRequest { place, resource, from, to }) => {
            let to = to + scheduler::remedy::step(resource, *from);
            let (place, resource, from) = (*place, resource.clone(), *from);
            (to < from).then(|| PodEdit::LowerRequest { place, resource, from, to }.into())
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn the_smallest_change_does_and_nothing_smaller(
        nodes in prop::collection::vec(node(), 1..4),
        placed in prop::collection::vec((pod(), 0..4_usize), 0..5),
        waiting in pod(),
    ) {
        let mut snapshot = cluster(nodes);
        for (number, (value, at)) in placed.into_iter().enumerate() {
            let node = format!("node-{}", at % snapshot.nodes().len() + 1);
            snapshot.add_pod(info(value, &format!("p{number}")), &node);
        }
        let pod = info(waiting, "new");
        let found = smallest_changes(&snapshot, &pod);
        prop_assert_eq!(&found, &smallest_changes(&snapshot, &pod));
        if does(&snapshot, &pod, &[]) {
            prop_assert!(found.changes[0].edits.is_empty());
            return Ok(());
        }
        // What was cut short promises nothing about smaller ones.
        let smallest = if found.complete { found.changes.first().map_or(3, |it| it.edits.len()) } else { 0 };
        for change in &found.changes {
            prop_assert!(does(&snapshot, &pod, &change.edits), "{:?}", change);
            for at in 0..change.edits.len() {
                let mut less = change.edits.clone();
                less.remove(at);
                prop_assert!(!does(&snapshot, &pod, &less), "{:?} without {at}", change);
                let mut milder_set = change.edits.clone();
                if let Some(edit) = milder(&change.edits[at]) {
                    milder_set[at] = edit;
                    prop_assert!(!does(&snapshot, &pod, &milder_set), "{:?} milder at {at}", change);
                }
            }
        }
        let all = everything(&snapshot, &pod);
        for size in 1..smallest.min(3) {
            for set in sets(&all, size) {
                prop_assert!(!does(&snapshot, &pod, &set), "{:?} is smaller than {:?}", set, found.changes);
            }
        }
    }
}
