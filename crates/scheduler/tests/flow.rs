//! The scheduler with a real API server: from creation to binding, waiting, waking, preempting.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

use std::time::Duration;

use api::{Actor, Because, Cause, Event, Kind, Object, ObjectKey, Pod};
use apiserver::{ApiServer, DeleteOptions};
use scheduler::{Ctx, Lane, Scheduler};
use serde_json::{Value, json};
use sim::{EventQueue, Outbox, Rng, SimTime};

struct Cluster {
    api: ApiServer,
    scheduler: Scheduler,
    rng: Rng,
    events: EventQueue<scheduler::Event>,
    cursor: u64,
}

fn cause() -> Cause {
    Cause::new(Actor::User { input: 1 }, Because::Asked)
}

impl Cluster {
    fn new() -> Cluster {
        let rng = Rng::from_seed(1);
        Cluster {
            api: ApiServer::new(rng.child(1)),
            scheduler: Scheduler::default(),
            rng: rng.child(2),
            events: EventQueue::default(),
            cursor: 0,
        }
    }

    fn create(&mut self, kind: Kind, value: Value) {
        let object = Object::from_value(kind, value).unwrap();
        self.api.create(object, cause(), self.events.now()).unwrap();
        self.settle();
    }

    fn node(&mut self, name: &str, cpu: &str, labels: Value) {
        self.create(
            Kind::Node,
            json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": labels },
                "status": { "allocatable": { "cpu": cpu, "memory": "8Gi", "pods": "10" } } }),
        );
    }

    fn pod(&mut self, name: &str, spec: Value) {
        let mut spec = spec;
        spec["schedulerName"].as_str().is_none().then(|| spec["schedulerName"] = "default-scheduler".into());
        spec["containers"]
            .is_null()
            .then(|| spec["containers"] = json!([{ "name": "c", "image": "busybox" }]));
        self.create(
            Kind::Pod,
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default" },
                "spec": spec }),
        );
    }

    fn change(&mut self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
        let key = ObjectKey::new(kind, "default", name);
        let mut value = self.api.get(&key).unwrap().to_value();
        change(&mut value);
        self.api.update(Object::from_value(kind, value).unwrap(), cause(), self.events.now()).unwrap();
        self.settle();
    }

    /// Delivers everything that is due within ten milliseconds.
    fn settle(&mut self) {
        self.run(Duration::from_millis(20));
    }

    fn run(&mut self, time: Duration) {
        let end = self.events.now() + time;
        loop {
            let mut outbox = Outbox::default();
            let news = self.api.store().events_after(self.cursor).unwrap().to_vec();
            let now = self.events.now();
            let mut ctx = Ctx { now, api: &mut self.api, rng: &mut self.rng, outbox: &mut outbox };
            if news.is_empty() {
                let Some(event) = self.events.pop_until(end) else { break };
                ctx.now = self.events.now();
                self.scheduler.handle(event, &mut ctx);
            }
            for event in news {
                self.cursor = event.revision;
                self.scheduler.observe(&event, &mut ctx);
            }
            for (due, event) in outbox.drain() {
                self.events.schedule_at(due, event);
            }
        }
        self.events.fast_forward(end);
    }

    fn get(&self, name: &str) -> &Pod {
        self.api.pod("default", name).unwrap()
    }

    fn node_of(&self, name: &str) -> Option<String> {
        self.get(name).spec.as_ref().unwrap().node_name.clone()
    }

    fn condition(&self, name: &str) -> String {
        let conditions = self.get(name).status.as_ref().unwrap().conditions.as_ref().unwrap();
        conditions.iter().find(|it| it.type_ == "PodScheduled").unwrap().message.clone().unwrap()
    }

    fn recorded(&self) -> Vec<Event> {
        let all = self.api.store().list(Kind::Event);
        all.map(|it| match &it.object {
            Object::Event(event) => (**event).clone(),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    fn lane(&self, name: &str) -> Lane {
        self.scheduler.queue().get(&ObjectKey::pod("default", name)).unwrap().lane.clone()
    }
}

fn cpu(amount: &str) -> Value {
    json!([{ "name": "c", "image": "busybox", "resources": { "requests": { "cpu": amount } } }])
}

#[test]
fn binds_and_tells() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.pod("web", json!({}));
    assert_eq!(cluster.node_of("web").as_deref(), Some("n1"));
    let events = cluster.recorded();
    let event = &events[0];
    assert_eq!(event.message.as_deref(), Some("Successfully assigned default/web to n1"));
    assert_eq!((event.action.as_deref(), event.count), (Some("Binding"), None));
    assert_eq!(event.reporting_component.as_deref(), Some("default-scheduler"));
    assert!(event.event_time.is_some() && event.first_timestamp.is_none());
    assert!(cluster.scheduler.assumed().is_empty());
    assert_eq!(cluster.scheduler.attempts().len(), 1);
}

#[test]
fn other_schedulers_pods_are_left_alone() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.pod("other", json!({ "schedulerName": "mine" }));
    assert_eq!(cluster.node_of("other"), None);
    assert!(cluster.recorded().is_empty());
}

#[test]
fn a_label_wakes_the_pod_that_waits_for_it() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "4", json!({}));
    cluster.pod("picky", json!({ "nodeSelector": { "disk": "ssd" } }));
    assert_eq!(cluster.lane("picky"), Lane::Unschedulable);
    assert_eq!(
        cluster.condition("picky"),
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, \
         preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    );
    cluster.change(Kind::Node, "n1", |it| it["metadata"]["labels"] = json!({ "colour": "blue" }));
    assert_eq!(cluster.scheduler.attempts().len(), 1, "another label does not help");
    cluster.change(Kind::Node, "n1", |it| it["metadata"]["labels"]["disk"] = "ssd".into());
    assert_eq!(cluster.node_of("picky").as_deref(), Some("n1"));
}

#[test]
fn freed_room_wakes_and_a_repeated_failure_is_a_series() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "1", json!({}));
    cluster.pod("a", json!({ "containers": cpu("600m") }));
    cluster.pod("tiny", json!({ "containers": cpu("100m") }));
    cluster.pod("tiny2", json!({ "containers": cpu("100m") }));
    cluster.pod("b", json!({ "containers": cpu("900m") }));
    assert_eq!(cluster.lane("b"), Lane::Unschedulable);
    for gone in ["tiny", "tiny2"] {
        let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        cluster.api.delete(&ObjectKey::pod("default", gone), &options, cause(), SimTime::ZERO).unwrap();
        cluster.settle();
        assert_eq!(cluster.node_of("b"), None);
    }
    // The first event names the Pod as created, the next ones as it is with its condition.
    let failed: Vec<Event> = cluster
        .recorded()
        .into_iter()
        .filter(|it| it.reason.as_deref() == Some("FailedScheduling"))
        .collect();
    assert_eq!(failed.len(), 2);
    let counts: Vec<_> = failed.iter().map(|it| it.series.as_ref().and_then(|it| it.count)).collect();
    assert!(counts.contains(&None) && counts.contains(&Some(2)), "{counts:?}");
    cluster.change(Kind::Pod, "a", |it| it["status"] = json!({ "phase": "Succeeded" }));
    assert_eq!(cluster.node_of("b").as_deref(), Some("n1"));
}

#[test]
fn gates_hold_until_the_last_is_gone() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "1", json!({}));
    cluster.pod("gated", json!({ "schedulingGates": [{ "name": "a" }, { "name": "b" }] }));
    assert_eq!(
        cluster.lane("gated"),
        Lane::Gated { reason: "waiting for scheduling gates: [a b]".to_owned() }
    );
    cluster.change(Kind::Pod, "gated", |it| it["spec"]["schedulingGates"] = json!([]));
    assert_eq!(cluster.node_of("gated").as_deref(), Some("n1"));
}

#[test]
fn preempts_and_takes_the_room() {
    let mut cluster = Cluster::new();
    cluster.node("n1", "1", json!({}));
    cluster.pod("low", json!({ "containers": cpu("800m"), "terminationGracePeriodSeconds": 5 }));
    cluster.pod("high", json!({ "containers": cpu("800m"), "priority": 1000 }));
    let low = cluster.get("low");
    assert!(low.metadata.deletion_timestamp.is_some());
    let target = &low.status.as_ref().unwrap().conditions.as_ref().unwrap();
    assert!(target.iter().any(|it| it.type_ == "DisruptionTarget" && it.status == "True"));
    let high = cluster.get("high").status.as_ref().unwrap();
    assert_eq!(high.nominated_node_name.as_deref(), Some("n1"));
    let uid = cluster.get("high").metadata.uid.clone().unwrap();
    let preempted =
        cluster.recorded().into_iter().find(|it| it.reason.as_deref() == Some("Preempted")).unwrap();
    assert_eq!(preempted.message.unwrap(), format!("Preempted by pod {uid} on node n1"));
    cluster.change(Kind::Pod, "low", |it| it["status"]["phase"] = "Failed".into());
    assert_eq!(cluster.node_of("high").as_deref(), Some("n1"));
}

#[test]
fn no_nodes_is_tried_again_after_a_while() {
    let mut cluster = Cluster::new();
    cluster.pod("early", json!({}));
    assert_eq!(cluster.condition("early"), "no nodes available to schedule pods");
    assert!(matches!(cluster.lane("early"), Lane::Backoff { early: false, .. }));
    cluster.node("n1", "1", json!({}));
    assert_eq!(cluster.node_of("early"), None);
    cluster.run(Duration::from_secs(3));
    assert_eq!(cluster.node_of("early").as_deref(), Some("n1"));
}

#[test]
fn pods_come_before_their_node_and_a_clone_goes_its_own_way() {
    let mut cluster = Cluster::new();
    cluster.pod("static", json!({ "nodeName": "n1", "containers": cpu("900m") }));
    cluster.node("n1", "1", json!({}));
    let before = cluster.scheduler.clone();
    cluster.pod("more", json!({ "containers": cpu("200m") }));
    assert_eq!(cluster.node_of("more"), None);
    assert_ne!(before, cluster.scheduler);
}

#[test]
fn a_search_that_ends_early_has_seen_all_zones() {
    let mut cluster = Cluster::new();
    for number in 0..200 {
        let zone = if number < 140 { "a" } else { "b" };
        cluster.node(&format!("node-{number:03}"), "4", json!({ "topology.kubernetes.io/zone": zone }));
    }
    cluster.pod("web", json!({}));
    let decision = &cluster.scheduler.attempts().last().unwrap().decision;
    assert_eq!(decision.examined, 100);
    let of_b = decision.verdicts.iter().filter(|it| "node-140" <= &*it.0).count();
    assert_eq!(of_b, 50, "one node of each zone in turn");
}
