//! Endpoints and namespaces: recordings 09, 48.

use api::{Kind, ObjectKey};
use serde_json::json;

use crate::bench::{Bench, user};

fn web(name: &str, port_name: &str, port: i32) -> serde_json::Value {
    json!({
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "ports": [{"name": port_name, "containerPort": port}]}]},
    })
}

#[test]
fn slices_follow_pods_09() {
    let mut bench = Bench::new(1, &["node1"]);
    bench.create(
        Kind::Service,
        json!({"metadata": {"name": "web", "labels": {"own": "label"}}, "spec": {"selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]}}),
    );
    bench.run_for(1);
    let slice = bench.all(Kind::EndpointSlice)[0].clone();
    assert_eq!(
        (slice["addressType"].as_str(), &slice["endpoints"], &slice["ports"]),
        (Some("IPv4"), &json!(null), &json!(null))
    );
    assert_eq!(
        slice["metadata"]["labels"],
        json!({"own": "label", "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"})
    );
    assert_eq!(slice["metadata"]["ownerReferences"][0]["kind"], "Service");
    bench.create(Kind::Pod, web("a", "http", 8080));
    bench.create(Kind::Pod, web("b", "http", 8080));
    bench.create(Kind::Pod, web("c", "http", 9090));
    bench.create(Kind::Pod, json!({"metadata": {"name": "other"}, "spec": {"containers": [{"name": "c"}]}}));
    bench.run_for(2);
    let slices = bench.all(Kind::EndpointSlice);
    let mut shape: Vec<_> = slices
        .iter()
        .map(|it| (it["ports"][0]["port"].as_i64().unwrap(), it["endpoints"].as_array().unwrap().len()))
        .collect();
    shape.sort_unstable();
    assert_eq!(shape, [(8080, 2), (9090, 1)]);
    bench.delete(Kind::Pod, "a");
    let mut seen = Vec::new();
    for _ in 0..2 {
        bench.run_for(1);
        seen.push(
            bench
                .all(Kind::EndpointSlice)
                .iter()
                .map(|it| it["endpoints"].as_array().unwrap().len())
                .sum::<usize>(),
        );
    }
    assert_eq!(seen[1], 2, "gone with its containers");
    bench.delete(Kind::Service, "web");
    bench.run_for(1);
    assert_eq!(bench.all(Kind::EndpointSlice).len(), 0);
}

#[test]
fn every_namespace_is_furnished_and_emptied_48() {
    let mut bench = Bench::new(2, &["node1"]);
    bench.create(
        Kind::Namespace,
        json!({"metadata": {"name": "away"}, "spec": {"finalizers": ["kubernetes"]}}),
    );
    bench.run_for(1);
    let account = ObjectKey::new(Kind::ServiceAccount, "away", "default");
    let bundle = ObjectKey::new(Kind::ConfigMap, "away", "kube-root-ca.crt");
    assert!(bench.api.get(&account).is_some() && bench.api.get(&bundle).is_some());
    bench.create(
        Kind::Pod,
        json!({"metadata": {"name": "p", "namespace": "away"}, "spec": {"containers": [{"name": "c"}]}}),
    );
    bench.run_for(2);
    let key = ObjectKey::new(Kind::Namespace, "", "away");
    let mut value = bench.api.get(&key).expect("it exists").to_value();
    value["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:03Z");
    value["status"] = json!({"phase": "Terminating"});
    let terminating = api::Object::from_value(Kind::Namespace, value).expect("a valid namespace");
    let now = bench.now();
    bench.api.update(terminating, user(), now).expect("updated");
    bench.pump();
    bench.run_for(4);
    assert!(bench.api.pod("away", "p").expect("still there").metadata.deletion_timestamp.is_none());
    bench.run_for(2);
    let value = bench.api.get(&key).expect("waits for its Pod").to_value();
    let message = &value["status"]["conditions"][3]["message"];
    assert_eq!(message, "Some resources are remaining: pods. has 1 resource instances");
    bench.run_for(20);
    assert!(bench.api.get(&key).is_none());
    assert!(bench.api.get(&account).is_none() && bench.api.get(&bundle).is_none());
}

#[test]
fn budgets_are_counted_33b() {
    let mut bench = Bench::new(3, &["node1"]);
    bench.create(
        Kind::PodDisruptionBudget,
        json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}),
    );
    bench.run_for(1);
    // Told once more when its own first status comes back, as recorded.
    assert_eq!(bench.messages("NoPods", sim::SimTime::ZERO), ["No matching pods found"; 2]);
    for name in ["a", "b", "c"] {
        bench.create(Kind::Pod, web(name, "http", 80));
    }
    let counts = |bench: &Bench| {
        let status = bench.value(Kind::PodDisruptionBudget, "web")["status"].clone();
        ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"]
            .map(|it| status[it].as_i64().unwrap_or(-1))
    };
    bench.run_for(2);
    assert_eq!(counts(&bench), [1, 3, 2, 3]);
    bench.delete(Kind::Pod, "a");
    bench.run_for(3);
    assert_eq!(counts(&bench), [0, 2, 2, 2]);
    let conditions = bench.value(Kind::PodDisruptionBudget, "web")["status"]["conditions"].clone();
    assert_eq!(
        (&conditions[0]["status"], &conditions[0]["reason"]),
        (&json!("False"), &json!("InsufficientPods"))
    );
}

#[test]
fn cascades() {
    use apiserver::{DeleteOptions, Propagation};
    let set = || {
        json!({"metadata": {"name": "rs"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}})
    };
    for (propagation, pods_left) in [(Propagation::Foreground, 0), (Propagation::Orphan, 2)] {
        let mut bench = Bench::new(4, &["node1"]);
        bench.create(Kind::ReplicaSet, set());
        bench.run_for(3);
        let key = ObjectKey::new(Kind::ReplicaSet, "default", "rs");
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        let now = bench.now();
        bench.api.delete(&key, &options, user(), now).expect("marked");
        assert!(bench.api.get(&key).is_some(), "its finalizer holds it");
        bench.pump();
        bench.run_for(5);
        assert!(bench.api.get(&key).is_none());
        assert_eq!(bench.all(Kind::Pod).len(), pods_left);
        assert!(bench.all(Kind::Pod).iter().all(|it| it["metadata"]["ownerReferences"].is_null()));
    }
}
