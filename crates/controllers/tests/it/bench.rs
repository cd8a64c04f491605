//! A cluster with nothing but an API server, the controllers, and stand-ins for scheduler and kubelets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::{PodCondition, PodStatus};
use api::{Actor, Because, Cause, Kind, Object, ObjectKey, Pod};
use apiserver::{ApiServer, Change, DeleteOptions, WatchEvent};
use controllers::{Controllers, Ctx, Event};
use serde_json::{Value, json};
use sim::{EventQueue, Outbox, Rng, SimTime, latency};

enum Step {
    Watch(Arc<WatchEvent>),
    Own(Event),
    Bind(ObjectKey),
    Run(ObjectKey),
    Gone(ObjectKey),
    RenewLeases,
}

pub struct Bench {
    pub api: ApiServer,
    pub controllers: Controllers,
    queue: EventQueue<Step>,
    rng: Rng,
    cursor: u64,
    next_ip: u32,
    /// Kubelets that do not answer.
    pub silent: BTreeSet<String>,
    pub nodes: Vec<String>,
    /// One line for each write of a workload or an Event.
    pub log: Vec<(SimTime, String)>,
}

pub fn user() -> Cause {
    Cause::new(Actor::User { input: 1 }, Because::Asked)
}

impl Bench {
    pub fn new(seed: u64, nodes: &[&str]) -> Bench {
        let rng = Rng::from_seed(seed);
        let mut bench = Bench {
            api: ApiServer::new(rng.child(1)),
            controllers: Controllers::new(),
            queue: EventQueue::default(),
            rng: rng.child(2),
            cursor: 0,
            next_ip: 1,
            silent: BTreeSet::new(),
            nodes: nodes.iter().map(|it| (*it).to_owned()).collect(),
            log: Vec::new(),
        };
        for namespace in ["default", "kube-node-lease"] {
            bench.create(
                Kind::Namespace,
                json!({"metadata": {"name": namespace}, "status": {"phase": "Active"}}),
            );
        }
        for node in nodes {
            let conditions: Vec<Value> = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]
                .iter()
                .map(|it| json!({"type": it, "status": if *it == "Ready" { "True" } else { "False" }}))
                .collect();
            bench.create(
                Kind::Node,
                json!({"metadata": {"name": node}, "status": {"conditions": conditions}}),
            );
        }
        bench.queue.schedule(Duration::ZERO, Step::RenewLeases);
        bench.with_controllers(Controllers::start);
        bench
    }

    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    pub fn create(&mut self, kind: Kind, mut value: Value) -> Object {
        if kind.info().namespaced && value["metadata"]["namespace"].is_null() {
            value["metadata"]["namespace"] = json!("default");
        }
        let object = Object::from_value(kind, value).expect("a valid object");
        let stored = self.api.create(object, user(), self.queue.now()).expect("created");
        self.pump();
        stored
    }

    /// Changes an object as a user would.
    pub fn edit(&mut self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
        let key = ObjectKey::new(kind, "default", name);
        let mut value = self.api.get(&key).expect("it exists").to_value();
        change(&mut value);
        let object = Object::from_value(kind, value).expect("a valid object");
        self.api.update(object, user(), self.queue.now()).expect("updated");
        self.pump();
    }

    pub fn delete(&mut self, kind: Kind, name: &str) {
        let key = ObjectKey::new(kind, "default", name);
        let _ = self.api.delete(&key, &DeleteOptions::default(), user(), self.queue.now());
        self.pump();
    }

    pub fn run_for(&mut self, seconds: u64) {
        let deadline = self.queue.now() + Duration::from_secs(seconds);
        while let Some(step) = self.queue.pop_until(deadline) {
            match step {
                Step::Watch(event) => self.with_controllers(|it, ctx| it.observe(&event, ctx)),
                Step::Own(event) => self.with_controllers(|it, ctx| it.handle(event, ctx)),
                Step::Bind(key) => {
                    let count = |node: &String| self.api.pods().filter(|it| node_of(it) == node).count();
                    let node =
                        self.nodes.iter().filter(|it| !self.silent.contains(*it)).min_by_key(|it| count(it));
                    if let Some(node) = node.cloned() {
                        let _ = self.api.bind(&key, &node, user(), self.queue.now());
                    }
                }
                Step::Run(key) => self.start_pod(&key),
                Step::Gone(key) => {
                    let now = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
                    let _ = self.api.delete(&key, &now, user(), self.queue.now());
                }
                Step::RenewLeases => {
                    self.renew_leases();
                    self.queue.schedule(Duration::from_secs(10), Step::RenewLeases);
                }
            }
            self.pump();
        }
        self.queue.fast_forward(deadline);
    }

    fn with_controllers(&mut self, act: impl FnOnce(&mut Controllers, &mut Ctx<'_>)) {
        let mut outbox = Outbox::default();
        let mut ctx =
            Ctx { now: self.queue.now(), api: &mut self.api, rng: &mut self.rng, outbox: &mut outbox };
        act(&mut self.controllers, &mut ctx);
        for (due, event) in outbox.drain() {
            self.queue.schedule_at(due, Step::Own(event));
        }
    }

    /// Passes on what has been written: to the log, to the stand-ins, and a little later to the controllers.
    pub fn pump(&mut self) {
        let fresh = self.api.store().events_after(self.cursor).expect("never far behind").to_vec();
        self.cursor = self.api.store().revision();
        for event in fresh {
            self.note(&event);
            if let Object::Pod(pod) = &event.object {
                self.stand_in(&event, pod);
            }
            let delay = latency::WATCH.draw(&mut self.rng);
            self.queue.schedule(delay, Step::Watch(event));
        }
    }

    fn stand_in(&mut self, event: &WatchEvent, pod: &Pod) {
        let before = event.before.as_ref().and_then(Object::as_pod);
        let node = node_of(pod);
        if event.change == Change::Deleted || self.silent.contains(node) {
            return;
        }
        if node.is_empty() {
            self.queue.schedule(Duration::from_millis(10), Step::Bind(event.key.clone()));
        } else if before.is_none_or(|it| node_of(it).is_empty()) && self.nodes.iter().any(|it| it == node) {
            let delay = self.rng.between(Duration::from_millis(600), Duration::from_secs(1));
            self.queue.schedule(delay, Step::Run(event.key.clone()));
        }
        if pod.metadata.deletion_timestamp.is_some()
            && before.is_some_and(|it| it.metadata.deletion_timestamp.is_none())
        {
            self.queue.schedule(Duration::from_millis(900), Step::Gone(event.key.clone()));
        }
    }

    fn start_pod(&mut self, key: &ObjectKey) {
        let Some(Object::Pod(pod)) = self.api.get(key) else { return };
        let mut pod = (**pod).clone();
        let time = Some(api::time::time(self.queue.now()));
        pod.status = Some(PodStatus {
            phase: Some("Running".to_owned()),
            pod_ip: Some(format!("10.244.0.{}", self.next_ip)),
            conditions: Some(vec![PodCondition {
                type_: "Ready".to_owned(),
                status: "True".to_owned(),
                last_transition_time: time,
                ..PodCondition::default()
            }]),
            ..PodStatus::default()
        });
        self.next_ip += 1;
        let _ = self.api.update_status(pod.into(), user(), self.queue.now());
    }

    fn renew_leases(&mut self) {
        for node in self.nodes.clone() {
            if self.silent.contains(&node) {
                continue;
            }
            let key = ObjectKey::new(Kind::Lease, "kube-node-lease", &node);
            let api::k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime(time) =
                api::time::micro_time(self.queue.now());
            let value = json!({"metadata": {"name": node, "namespace": "kube-node-lease"},
                "spec": {"renewTime": time.to_string()}});
            let lease = Object::from_value(Kind::Lease, value).expect("a valid lease");
            let now = self.queue.now();
            let exists = self.api.get(&key).is_some();
            let _ = if exists {
                self.api.update(lease, user(), now)
            } else {
                self.api.create(lease, user(), now)
            };
        }
    }

    fn note(&mut self, event: &WatchEvent) {
        let Object::Event(it) = &event.object else { return };
        let line = format!(
            "{}/{} {} {}",
            it.involved_object.kind.as_deref().unwrap_or(""),
            it.involved_object.name.as_deref().unwrap_or(""),
            it.reason.as_deref().unwrap_or(""),
            it.message.as_deref().unwrap_or(""),
        );
        self.log.push((event.at, line));
    }

    /// The messages of one reason since `from`, names without hash and suffix.
    pub fn messages(&self, reason: &str, from: SimTime) -> Vec<String> {
        let wanted = |line: &&(SimTime, String)| from <= line.0 && line.1.split(' ').nth(1) == Some(reason);
        self.log
            .iter()
            .filter(wanted)
            .map(|(_, line)| line.splitn(3, ' ').nth(2).unwrap_or("").to_owned())
            .collect()
    }

    pub fn value(&self, kind: Kind, name: &str) -> Value {
        self.api.get(&ObjectKey::new(kind, "default", name)).map_or(Value::Null, Object::to_value)
    }

    pub fn all(&self, kind: Kind) -> Vec<Value> {
        self.api.store().list(kind).map(|it| it.object.to_value()).collect()
    }
}

fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).unwrap_or("")
}
