//! What must hold for every cluster and every Pod.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use api::{Node, Pod};
use proptest::prelude::*;
use scheduler::{Decision, Options, Outcome, PodInfo, Snapshot, prepare, schedule_one};
use serde_json::{Value, json};

fn node() -> impl Strategy<Value = Value> {
    (0..8_u32, 0..4_u32, 0..3_u32, 0..4_u32, any::<bool>()).prop_map(|(cpu, pods, zone, taint, cordoned)| {
        let zone = if zone == 0 { json!({}) } else { json!({ "zone": format!("z{zone}") }) };
        let effect = ["NoSchedule", "PreferNoSchedule"];
        let taints = effect.get(taint as usize).map(|it| json!({ "key": "k", "effect": it }));
        json!({
            "metadata": { "labels": zone },
            "spec": { "unschedulable": cordoned && taint == 3, "taints": taints.into_iter().collect::<Vec<_>>() },
            "status": { "allocatable": { "cpu": format!("{}m", cpu * 500), "memory": "4Gi", "pods": pods.to_string() } },
        })
    })
}

fn pod() -> impl Strategy<Value = Value> {
    let shape = (0..2_000_u32, 0..3_u32, -1..3_i32, 0..6_u32, any::<bool>());
    shape.prop_map(|(cpu, app, priority, rule, tolerant)| {
        let term = json!({ "topologyKey": "zone", "labelSelector": { "matchLabels": { "app": "a0" } } });
        let affinity = match rule {
            0 => json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } }),
            1 => json!({ "podAffinity": { "preferredDuringSchedulingIgnoredDuringExecution":
                [{ "weight": 7, "podAffinityTerm": term }] } }),
            2 => json!({ "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } }),
            _ => json!({}),
        };
        let spread = if rule == 3 {
            json!([{ "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": { "matchLabels": { "app": "a0" } } }])
        } else {
            json!([])
        };
        let tolerations = if tolerant { json!([{ "operator": "Exists" }]) } else { json!([]) };
        json!({
            "metadata": { "namespace": "default", "labels": { "app": format!("a{app}") } },
            "spec": { "priority": priority, "affinity": affinity, "topologySpreadConstraints": spread,
                "tolerations": tolerations,
                "containers": [{ "name": "c", "resources": { "requests": { "cpu": format!("{cpu}m") } } }] },
        })
    })
}

fn named<T: serde::de::DeserializeOwned>(mut value: Value, name: &str) -> T {
    value["metadata"]["name"] = name.into();
    serde_json::from_value(value).unwrap()
}

fn cluster(nodes: &[Value]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (at, value) in nodes.iter().enumerate() {
        snapshot.set_node(Arc::new(named::<Node>(value.clone(), &format!("n{at}"))));
    }
    snapshot
}

fn info(value: &Value, number: usize) -> Arc<PodInfo> {
    Arc::new(PodInfo::new(Arc::new(named::<Pod>(value.clone(), &format!("p{number}")))))
}

/// Places one Pod after the other; victims go at once.
fn fill(snapshot: &mut Snapshot, pods: &[Value], mut each: impl FnMut(&Snapshot, &PodInfo, &Decision)) {
    for (number, value) in pods.iter().enumerate() {
        let pod = info(value, number);
        let options = Options { tie: number as u64, explain: true, ..Options::default() };
        let decision = schedule_one(snapshot, &pod, options);
        each(snapshot, &pod, &decision);
        prepare(snapshot, &pod);
        if let Some(node) = &decision.chosen {
            snapshot.add_pod(pod, node);
        } else if let Some(preemption) = &decision.preemption {
            for victim in &preemption.victims {
                snapshot.remove_pod(victim);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn never_overcommits(
        nodes in prop::collection::vec(node(), 0..6),
        pods in prop::collection::vec(pod(), 0..24),
    ) {
        let mut snapshot = cluster(&nodes);
        fill(&mut snapshot, &pods, |_, _, _| {});
        for node in snapshot.nodes() {
            let requested: i64 = node.pods.iter().map(|it| {
                let list = it.pod.spec.as_ref().unwrap().containers[0].resources.as_ref().unwrap();
                api::quantity::of(&list.requests.as_ref().unwrap()["cpu"]).milli_value()
            }).sum();
            prop_assert_eq!(requested, node.requested.milli_cpu);
            prop_assert!(requested <= node.allocatable.milli_cpu);
            prop_assert!(node.pods.len() as i64 <= node.allocatable.pods);
        }
    }

    #[test]
    fn decisions_are_pure_and_indexes_change_none(
        nodes in prop::collection::vec(node(), 1..6),
        pods in prop::collection::vec(pod(), 1..16),
    ) {
        let mut snapshot = cluster(&nodes);
        fill(&mut snapshot, &pods, |snapshot, pod, decision| {
            let options = Options { explain: true, tie: pod.key.name[1..].parse().unwrap(), ..Options::default() };
            assert_eq!(&schedule_one(snapshot, pod, options), decision);
            let mut prepared = snapshot.clone();
            prepare(&mut prepared, pod);
            assert_eq!(&schedule_one(&prepared, pod, options), decision);
            // The same cluster built anew has no index at all.
            let mut anew = Snapshot::default();
            for node in snapshot.nodes() {
                anew.set_node(node.node.clone());
            }
            for node in snapshot.nodes() {
                for pod in &node.pods {
                    anew.add_pod(pod.clone(), &node.name);
                }
            }
            assert_eq!(&schedule_one(&anew, pod, options), decision);
        });
    }

    #[test]
    fn the_start_does_not_matter_beyond_ties(
        nodes in prop::collection::vec(node(), 1..8),
        pods in prop::collection::vec(pod(), 1..12),
        start in 0..8_usize,
    ) {
        let mut snapshot = cluster(&nodes);
        fill(&mut snapshot, &pods, |snapshot, pod, decision| {
            let tie: u64 = pod.key.name[1..].parse().unwrap();
            let mut other = schedule_one(snapshot, pod, Options { start, tie, explain: true });
            other.examined = decision.examined;
            assert_eq!(&other, decision);
        });
    }

    #[test]
    fn preemption_makes_room(
        nodes in prop::collection::vec(node(), 1..5),
        pods in prop::collection::vec(pod(), 1..20),
    ) {
        let mut snapshot = cluster(&nodes);
        fill(&mut snapshot, &pods, |snapshot, pod, decision| {
            if decision.outcome == Outcome::Preempting {
                let preemption = decision.preemption.as_ref().unwrap();
                let mut after = snapshot.clone();
                for victim in &preemption.victims {
                    let gone = after.remove_pod(victim).unwrap();
                    assert!(gone.priority < pod.priority);
                }
                let next = schedule_one(&after, pod, Options { explain: true, ..Options::default() });
                let nominated = preemption.nominated.as_ref().unwrap();
                assert_eq!(next.verdict(nominated), Some(&scheduler::Verdict::Fits));
            }
        });
    }
}
