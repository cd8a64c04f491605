//! An API server, a runtime and kubelets on one queue; Pods are bound directly.

use std::fmt::Write;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::ContainerStatus;
use api::{Actor, Because, Cause, Kind, Object, ObjectKey, Pod};
use apiserver::{ApiServer, Change, DeleteOptions, WatchEvent};
use runtime::{MachineSpec, Runtime};
use sim::{EventQueue, Outbox, Rng, SimTime, latency};

use crate::{Ctx, Event, Kubelet, Settings, pod};

enum Happening {
    Kubelet(usize, Event),
    Runtime(runtime::Event),
    Watch(Box<WatchEvent>),
}

pub struct Lab {
    pub api: ApiServer,
    pub runtime: Runtime,
    pub kubelets: Vec<Kubelet>,
    queue: EventQueue<Happening>,
    rng: Rng,
    seen: u64,
    pub start: SimTime,
    pub lines: Vec<(f64, String)>,
    last_rows: std::collections::BTreeMap<String, String>,
    /// What happened, for the cost of it.
    pub steps: u64,
}

pub fn cause() -> Cause {
    Cause::new(Actor::User { input: 0 }, Because::Asked)
}

impl Lab {
    pub fn new(nodes: usize) -> Lab {
        let rng = Rng::from_seed(7);
        let mut lab = Lab {
            api: ApiServer::new(rng.child(1)),
            runtime: Runtime::default(),
            kubelets: Vec::new(),
            queue: EventQueue::default(),
            rng: rng.child(2),
            seen: 0,
            start: SimTime::ZERO,
            lines: Vec::new(),
            last_rows: std::collections::BTreeMap::new(),
            steps: 0,
        };
        lab.api.bootstrap(SimTime::ZERO);
        let images =
            ["busybox:1.28", "busybox", "nginx:1.14.2", "nginx", "nginx:1.16.1", "alpine", "redis:7"];
        for index in 0..nodes {
            let name = format!("node{}", index + 1);
            lab.runtime.add_machine(MachineSpec {
                name: name.as_str().into(),
                ip: format!("192.168.49.{}", index + 2),
                pod_network: format!("10.244.{index}"),
                cpu_milli: 2_000,
                memory_bytes: 8 << 30,
                images: images.iter().map(|it| (*it).to_owned()).collect(),
            });
            lab.kubelets.push(Kubelet::new(&name, Settings::default()));
            lab.with(index, Kubelet::start);
        }
        lab.run_for(20.3);
        lab.lines.clear();
        lab.start = lab.queue.now();
        lab
    }

    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    fn at(&self) -> f64 {
        (self.now() - self.start).as_secs_f64()
    }

    pub fn with(&mut self, index: usize, act: impl FnOnce(&mut Kubelet, &mut Ctx<'_>)) {
        let (mut outbox, mut runtime_outbox) = (Outbox::default(), Outbox::default());
        let now = self.queue.now();
        let mut ctx = Ctx {
            now,
            api: &mut self.api,
            rng: &mut self.rng,
            runtime: &mut self.runtime,
            runtime_outbox: &mut runtime_outbox,
            outbox: &mut outbox,
        };
        act(&mut self.kubelets[index], &mut ctx);
        for (due, event) in outbox.drain() {
            self.queue.schedule_at(due, Happening::Kubelet(index, event));
        }
        for (due, event) in runtime_outbox.drain() {
            self.queue.schedule_at(due, Happening::Runtime(event));
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        for (machine, notice) in self.runtime.take_notices() {
            if let Some(index) = self.kubelets.iter().position(|it| *it.name() == machine) {
                self.with(index, |kubelet, ctx| kubelet.notice(notice, ctx));
            }
        }
        let events: Vec<WatchEvent> = self
            .api
            .store()
            .events_after(self.seen)
            .map(|it| it.iter().map(|event| (**event).clone()).collect())
            .unwrap_or_default();
        self.seen = self.api.store().revision();
        for event in events {
            self.note(&event);
            if event.key.kind == Kind::Pod {
                let delay = latency::WATCH.draw(&mut self.rng);
                self.queue.schedule(delay, Happening::Watch(Box::new(event)));
            }
        }
    }

    pub fn run_for(&mut self, seconds: f64) {
        let end = self.now() + Duration::from_secs_f64(seconds);
        self.run_until(end);
    }

    /// To a second after the start.
    pub fn run_to(&mut self, second: f64) {
        self.run_until(self.start + Duration::from_secs_f64(second));
    }

    fn run_until(&mut self, end: SimTime) {
        while let Some(happening) = self.queue.pop_until(end) {
            self.steps += 1;
            match happening {
                Happening::Kubelet(index, event) => {
                    self.with(index, |kubelet, ctx| kubelet.handle(event, ctx));
                }
                Happening::Runtime(event) => {
                    let mut outbox = Outbox::default();
                    let now = self.queue.now();
                    self.runtime.handle(event, now, &mut self.rng, &mut outbox);
                    for (due, event) in outbox.drain() {
                        self.queue.schedule_at(due, Happening::Runtime(event));
                    }
                    self.deliver();
                }
                Happening::Watch(event) => {
                    for index in 0..self.kubelets.len() {
                        self.with(index, |kubelet, ctx| kubelet.observe(&event, ctx));
                    }
                }
            }
        }
        self.queue.fast_forward(end);
    }

    /// Creates what the manifests say; Pods go to `node1` 12 ms later.
    pub fn apply(&mut self, yaml: &str) {
        self.apply_on(yaml, "node1");
    }

    pub fn apply_on(&mut self, yaml: &str, node: &str) {
        let documents = api::yaml::read(yaml);
        let mut pods = Vec::new();
        for document in documents {
            let value = document.expect("the test's manifest is well-formed").value;
            let text = |key: &str| value[key].as_str().unwrap_or("").to_owned();
            let kind = Kind::find(&text("apiVersion"), &text("kind")).expect("a kind that is served");
            let mut object = Object::from_value(kind, value).expect("a manifest of its kind");
            if kind.info().namespaced && object.namespace().is_empty() {
                object.metadata_mut().namespace = Some("default".to_owned());
            }
            let stored = self.api.create(object, cause(), self.now()).expect("a new object");
            if kind == Kind::Pod {
                pods.push(stored.key());
            }
        }
        self.deliver();
        self.run_for(0.012);
        for key in pods {
            let now = self.now();
            let _ = self.api.bind(&key, node, cause(), now);
        }
        self.deliver();
    }

    pub fn delete(&mut self, name: &str, grace: Option<i64>) {
        let options = DeleteOptions { grace_period_seconds: grace, ..DeleteOptions::default() };
        let now = self.now();
        self.api.delete(&ObjectKey::pod("default", name), &options, cause(), now).expect("the Pod is there");
        self.deliver();
    }

    /// Puts a file into the directory of static Pods of `node1`, or takes it away.
    pub fn put_manifest(&mut self, file: &str, text: Option<&str>) {
        let now = self.now();
        assert!(self.runtime.put_manifest("node1", file, text, now));
        self.deliver();
    }

    pub fn kill_sandbox(&mut self, id: runtime::SandboxId) {
        let mut outbox = Outbox::default();
        let now = self.now();
        self.runtime.kill_sandbox(id, now, &mut outbox);
        for (due, event) in outbox.drain() {
            self.queue.schedule_at(due, Happening::Runtime(event));
        }
        self.deliver();
    }

    pub fn pod(&self, name: &str) -> Option<&Pod> {
        self.api.pod("default", name).map(|it| &**it)
    }

    pub fn edit(&mut self, name: &str, change: impl FnOnce(&mut Pod)) {
        let mut pod = (**self.api.pod("default", name).expect("the Pod is there")).clone();
        change(&mut pod);
        let now = self.now();
        self.api.update(pod.into(), cause(), now).expect("the change is allowed");
        self.deliver();
    }

    fn note(&mut self, event: &WatchEvent) {
        let at = self.at();
        match &event.object {
            Object::Pod(it) => {
                let deleted = event.change == Change::Deleted;
                let row = format!("{}{}", if deleted { "DELETED " } else { "" }, row(it));
                let name = pod::name(it).to_owned();
                if self.last_rows.insert(name.clone(), row.clone()).as_ref() != Some(&row) {
                    self.lines.push((at, format!("POD {name} {row}")));
                }
            }
            Object::Event(it) => {
                let place = it.involved_object.field_path.as_deref().unwrap_or("");
                let text = format!(
                    "EVENT {} {} x{} {} {}",
                    it.type_.as_deref().unwrap_or(""),
                    it.reason.as_deref().unwrap_or(""),
                    it.count.unwrap_or(1),
                    place,
                    it.message.as_deref().unwrap_or("").trim_end()
                );
                self.lines.push((at, text));
            }
            _ => {}
        }
    }

    pub fn timeline(&self) -> String {
        let mut out = String::new();
        for (at, line) in &self.lines {
            let _ = writeln!(out, "{at:9.3}  {line}");
        }
        out
    }

    /// When each line that contains `text` came.
    pub fn times(&self, text: &str) -> Vec<f64> {
        self.lines.iter().filter(|(_, line)| line.contains(text)).map(|(at, _)| *at).collect()
    }

    /// The rows of a Pod without repeats: `0/1 Pending 0`.
    pub fn rows(&self, name: &str) -> Vec<String> {
        let prefix = format!("POD {name} ");
        let mut rows: Vec<String> = Vec::new();
        for (_, line) in &self.lines {
            if let Some(rest) = line.strip_prefix(&prefix) {
                let row = rest.split(" | ").next().unwrap_or("").to_owned();
                if rows.last() != Some(&row) {
                    rows.push(row);
                }
            }
        }
        rows
    }
}

/// READY, STATUS, RESTARTS as kubectl prints them, then phase and conditions.
fn row(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let apps = status.container_statuses.clone().unwrap_or_default();
    let init = status.init_container_statuses.clone().unwrap_or_default();
    let sidecar =
        |name: &str| pod::init_containers(pod).iter().any(|it| it.name == name && pod::is_sidecar(it));
    let sidecars: Vec<&ContainerStatus> = init.iter().filter(|it| sidecar(&it.name)).collect();
    let total = pod::app_containers(pod).len()
        + pod::init_containers(pod).iter().filter(|it| pod::is_sidecar(it)).count();
    let ready = apps.iter().chain(sidecars.iter().copied()).filter(|it| it.ready).count();
    let (text, restarts) = status_text(pod, &apps, &init);
    let conditions: Vec<String> = status
        .conditions
        .iter()
        .flatten()
        .map(|it| {
            let reason = it.reason.as_ref().map(|it| format!("({it})")).unwrap_or_default();
            format!("{}={}{reason}", it.type_, it.status)
        })
        .collect();
    format!(
        "{ready}/{total} {text} {restarts} | {} {}",
        status.phase.as_deref().unwrap_or(""),
        conditions.join(",")
    )
}

fn status_text(pod: &Pod, apps: &[ContainerStatus], init: &[ContainerStatus]) -> (String, i32) {
    let status = pod.status.clone().unwrap_or_default();
    let mut text = status.reason.clone().or(status.phase.clone()).unwrap_or_default();
    let sidecar =
        |name: &str| pod::init_containers(pod).iter().any(|it| it.name == name && pod::is_sidecar(it));
    let mut restarts = 0;
    let mut initializing = false;
    for (index, it) in init.iter().enumerate() {
        restarts += it.restart_count;
        let state = it.state.clone().unwrap_or_default();
        if state.terminated.as_ref().is_some_and(|it| it.exit_code == 0)
            || (sidecar(&it.name) && it.started == Some(true))
        {
            continue;
        }
        initializing = true;
        text = match (state.terminated, state.waiting) {
            (Some(ended), _) => format!("Init:{}", ended.reason.unwrap_or_default()),
            (_, Some(waiting)) if waiting.reason.as_deref().is_some_and(|it| it != "PodInitializing") => {
                format!("Init:{}", waiting.reason.unwrap_or_default())
            }
            _ => format!("Init:{index}/{}", init.len()),
        };
        break;
    }
    if !initializing {
        restarts = init.iter().filter(|it| sidecar(&it.name)).map(|it| it.restart_count).sum();
        let mut running = false;
        for it in apps.iter().rev() {
            restarts += it.restart_count;
            let state = it.state.clone().unwrap_or_default();
            if let Some(reason) = state.waiting.and_then(|it| it.reason) {
                text = reason;
            } else if let Some(ended) = state.terminated {
                text = ended.reason.unwrap_or_default();
            } else if it.ready && state.running.is_some() {
                running = true;
            }
        }
        if text == "Completed" && running {
            let ready =
                status.conditions.iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True");
            text = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
    let done = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    if pod.metadata.deletion_timestamp.is_some() && !done {
        text = "Terminating".to_owned();
    }
    (text, restarts)
}
