//! Runs a recorded scenario in the simulation and writes down what a watcher of the real cluster wrote down.

use std::time::Duration;

use api::Kind;
use apiserver::{Change, WatchEvent};
use serde_json::{Map, Value, json};
use session::{Fault, Headless, NodeSpec, RunId, Settings};
use sim::SimTime;

use super::normalize::{generated_names, message};
use super::{CommandRun, Run, Scenario, machines};

/// One look at the watch every so often: far less than its log holds.
const LOOK: Duration = Duration::from_millis(500);
/// What is random in reality (waits that jitter, equal nodes, the phase of periodic work) is drawn anew with each seed:
/// the recording is one draw.
pub const DRAWS: u64 = 36;

pub fn simulate(scenario: &Scenario, seed: u64) -> Run {
    let mut observer = Observer::new(scenario, seed);
    let mut actions = scenario.recorded.commands.clone();
    if let Some(first) = actions.first_mut() {
        first.started += kubectl_start(scenario);
    }
    let runs: Vec<Started> = actions.iter().map(|it| observer.start(it)).collect();
    observer.pass_until(scenario.end);
    observer.note_unchanged_nodes();
    let commands = runs.into_iter().map(|it| observer.finish(it)).collect();
    let get = observer.final_get();
    let logs = observer.final_logs(&scenario.recorded.logs);
    Run { commands, records: observer.records, get, logs }
}

/// How long the first kubectl took to start, where that was long: the first thing that was seen to happen tells.
fn kubectl_start(scenario: &Scenario) -> f64 {
    let Some(first) = scenario.recorded.commands.first().filter(|it| it.command.starts_with("kubectl "))
    else {
        return 0.0;
    };
    let next = scenario.recorded.commands.get(1).map_or(f64::MAX, |it| it.started);
    let seen = scenario.recorded.records.first().and_then(|it| it["t"].as_f64()).unwrap_or(0.0);
    Some(seen - first.started).filter(|it| KUBECTL_START.contains(it) && seen < next).unwrap_or(0.0)
}

/// Less needs no mention, more is something else.
const KUBECTL_START: std::ops::Range<f64> = 1.0..4.0;

/// A command that was started at its time; it may go on while others run.
struct Started {
    ended: CommandRun,
    run: Option<RunId>,
}

/// Kinds that are printed at the end beside Pods, if there are any.
const OTHERS: &str = "deploy rs sts ds job cronjob pdb svc endpointslices";

struct Observer {
    cluster: Headless,
    namespace: String,
    began: SimTime,
    revision: u64,
    records: Vec<Value>,
    watches_nodes: bool,
    /// What was last seen of each node: only changes were written down.
    nodes: Vec<Value>,
}

impl Observer {
    fn new(scenario: &Scenario, seed: u64) -> Observer {
        let settings = Settings { seed, ..settings(scenario) };
        let mut cluster = Headless::new(&settings);
        machines::define_images(&mut cluster);
        for node in &settings.nodes {
            cluster.use_cgroup_v1(&node.name);
            for image in machines::present(scenario) {
                cluster.load_image(&node.name, &image);
            }
        }
        // The recordings' cluster had been up for long before a scenario began.
        cluster.advance(Duration::from_mins(10) + Duration::from_millis(1_700) * seed as u32);
        let namespace = scenario.name.clone();
        cluster.run(&format!("kubectl create namespace {namespace}"));
        cluster.set_namespace(&namespace);
        cluster.advance(Duration::from_secs(2));
        machines::place_earlier_pods(scenario, &mut cluster);
        for (name, text) in &scenario.manifests {
            cluster.write_file(name, text);
        }
        let store = cluster.cluster().api().store();
        let nodes = store.list(Kind::Node).map(|it| node_state(&it.object.to_value())).collect();
        let revision = store.revision();
        let watches_nodes =
            scenario.recorded.get.lines().any(|it| it.starts_with("NAME") && it.contains("ROLES"));
        let began = cluster.now();
        Observer { began, revision, cluster, namespace, records: Vec::new(), watches_nodes, nodes }
    }

    fn pass_until(&mut self, seconds: f64) {
        let end = self.began + Duration::from_secs_f64(seconds);
        while self.cluster.now() < end {
            let next = (self.cluster.now() + LOOK).min(end);
            self.cluster.advance_to(next);
            self.look();
        }
    }

    /// A recording may hold a node that was written without a change: then its end is compared as well.
    fn note_unchanged_nodes(&mut self) {
        if !self.watches_nodes {
            return;
        }
        let nodes: Vec<Value> = self
            .cluster
            .cluster()
            .api()
            .store()
            .list(Kind::Node)
            .map(|it| it.object.to_value())
            .filter(|it| {
                !self
                    .records
                    .iter()
                    .any(|record| record["kind"] == "node" && record["name"] == it["metadata"]["name"])
            })
            .collect();
        for node in nodes {
            self.records.push(json!({
                "t": 0.0,
                "kind": "node",
                "ev": "MODIFIED",
                "unchanged": true,
                "name": node["metadata"]["name"],
                "conditions": node["status"]["conditions"],
                "taints": node["spec"]["taints"],
                "unschedulable": node["spec"]["unschedulable"].as_bool().unwrap_or(false),
            }));
        }
    }

    fn start(&mut self, action: &CommandRun) -> Started {
        self.pass_until(action.started);
        let mut ended = action.clone();
        if let Some(fault) = action.command.strip_prefix("fault ") {
            if !self.inflict(fault) {
                ended.output.push_str("this cannot be done to a simulated machine\n");
            }
            return Started { ended, run: None };
        }
        ended.output.clear();
        let line = format!("export NS={}; {{ {}\n}} 2>&1", self.namespace, action.command);
        Started { ended, run: Some(self.cluster.start_captured(&line)) }
    }

    fn finish(&mut self, started: Started) -> CommandRun {
        let Started { mut ended, run } = started;
        if let Some(run) = run {
            let cluster = &mut self.cluster;
            let found = cluster.take_finished(run).unwrap_or_else(|| cluster.give_up(run));
            ended.code = i64::from(found.code);
            ended.output = found.stdout + &found.stderr;
            // The recording's terminal had GNU's `timeout`, this one has busybox's.
            if ended.command.starts_with("timeout ") && ended.code == 143 {
                ended.code = 124;
                ended.output.truncate(ended.output.trim_end_matches("Terminated\n").len());
            }
        }
        ended
    }

    /// False for what cannot be done to a simulated machine (yet).
    fn inflict(&mut self, words: &str) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        let Some(fault) = Fault::parse(&words, &self.namespace) else { return false };
        self.cluster.inflict(&fault).is_ok()
    }

    fn look(&mut self) {
        let events: Vec<_> = self.cluster.watch(self.revision).unwrap_or_default().to_vec();
        for event in &events {
            self.revision = event.revision;
            if event.key.kind == Kind::Node && !self.node_changed(event) {
                continue;
            }
            if let Some(record) = self.record(event) {
                // Successive equal records of a Pod are dropped in the recordings.
                let same = |it: &&Value| it["kind"] == record["kind"] && it["name"] == record["name"];
                let repeated = record["kind"] == "pod"
                    && self
                        .records
                        .iter()
                        .rev()
                        .find(same)
                        .is_some_and(|it| without_time(it) == without_time(&record));
                if !repeated {
                    self.records.push(record);
                }
            }
        }
    }

    fn node_changed(&mut self, event: &WatchEvent) -> bool {
        let state = node_state(&event.object.to_value());
        let changed = !self.nodes.contains(&state) || event.change == Change::Deleted;
        self.nodes.retain(|it| it["name"] != state["name"]);
        self.nodes.push(state);
        changed
    }

    fn record(&self, event: &WatchEvent) -> Option<Value> {
        let kind = match event.key.kind {
            Kind::Pod => "pod",
            Kind::Event => "event",
            Kind::Deployment => "deployment",
            Kind::ReplicaSet => "replicaset",
            Kind::EndpointSlice => "endpointslice",
            Kind::PodDisruptionBudget => "pdb",
            Kind::Node if self.watches_nodes => "node",
            _ => return None,
        };
        let object = event.object.to_value();
        let about_node = self.watches_nodes && object["involvedObject"]["kind"] == "Node";
        if event.key.kind != Kind::Node && *event.key.namespace != *self.namespace && !about_node {
            return None;
        }
        let mut record = Map::new();
        let seconds = event.at.since(self.began).as_secs_f64();
        record.insert("t".into(), json!((seconds * 10.0).round() / 10.0));
        record.insert("kind".into(), kind.into());
        let change = match event.change {
            Change::Added => "ADDED",
            Change::Modified => "MODIFIED",
            Change::Deleted => "DELETED",
        };
        record.insert("ev".into(), change.into());
        if kind == "event" {
            event_fields(&object, &mut record);
        } else {
            record.insert(
                "name".into(),
                generated_names(object["metadata"]["name"].as_str().unwrap_or("")).into(),
            );
            let status = &object["status"];
            match kind {
                "pod" => pod_fields(&object, event.at, &mut record),
                "node" => {
                    record.insert("conditions".into(), status["conditions"].clone());
                    record.insert("taints".into(), object["spec"]["taints"].clone());
                    record.insert(
                        "unschedulable".into(),
                        json!(object["spec"]["unschedulable"].as_bool().unwrap_or(false)),
                    );
                }
                "endpointslice" => {
                    record.insert("endpoints".into(), object["endpoints"].clone());
                    record.insert("ports".into(), object["ports"].clone());
                }
                _ => {
                    record.insert("status".into(), status.clone());
                }
            }
        }
        Some(Value::Object(record))
    }

    fn final_get(&mut self) -> String {
        let mut text = self.cluster.run("kubectl get pods -o wide 2>&1").stdout;
        for kind in OTHERS.split(' ').chain(self.watches_nodes.then_some("nodes")) {
            let wide = if kind == "nodes" { "" } else { " -o wide" };
            text.push_str(&self.cluster.run(&format!("kubectl get {kind}{wide} 2>/dev/null")).stdout);
        }
        text
    }

    /// The logs that were asked for in the recording, of the Pods that there are.
    fn final_logs(&mut self, recorded: &str) -> String {
        let pods: Vec<(String, Vec<String>)> = self
            .cluster
            .cluster()
            .api()
            .pods()
            .filter(|it| it.metadata.namespace.as_deref() == Some(&self.namespace))
            .map(|it| {
                let spec = it.spec.clone().unwrap_or_default();
                let debug = spec.ephemeral_containers.into_iter().flatten().map(|it| it.name);
                let all = spec.init_containers.into_iter().flatten().chain(spec.containers).map(|it| it.name);
                (it.metadata.name.clone().unwrap_or_default(), all.chain(debug).collect())
            })
            .collect();
        let mut text = String::new();
        for (pod, containers) in pods {
            for container in containers {
                for previous in ["", " --previous"] {
                    let command = format!("kubectl logs {pod} -c {container}{previous}");
                    // Earlier instances were asked for where there were any.
                    let asked =
                        previous.is_empty() || generated_names(recorded).contains(&generated_names(&command));
                    if !asked {
                        continue;
                    }
                    let ended = self.cluster.run(&format!("{command} 2>&1"));
                    text.push_str(&format!("$ {command}\n{}\n", ended.stdout));
                    if ended.code != 0 {
                        text.push_str(&format!("[exit {}]\n", ended.code));
                    }
                }
            }
        }
        text
    }
}

fn settings(scenario: &Scenario) -> Settings {
    let number: u32 =
        scenario.name.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let seen = |it: &Value| ["node2", "node3"].iter().any(|name| it["nodeName"] == *name);
    let three = (26..=31).contains(&number)
        || number == 33
        || 42 <= number
        || scenario.recorded.records.iter().any(seen);
    let names: &[&str] = if three { &["node1", "node2", "node3"] } else { &["node1"] };
    let node = |name: &&str| NodeSpec { cpu_milli: 2_000, memory_bytes: 24 << 30, ..NodeSpec::worker(name) };
    Settings { seed: 1, nodes: names.iter().map(node).collect() }
}

/// What of a node is written down when it changes.
fn node_state(object: &Value) -> Value {
    let conditions: Vec<Value> = object["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| json!([it["type"], it["status"], it["reason"]]))
        .collect();
    json!({
        "name": object["metadata"]["name"],
        "labels": object["metadata"]["labels"],
        "taints": object["spec"]["taints"],
        "unschedulable": object["spec"]["unschedulable"],
        "conditions": conditions,
    })
}

fn without_time(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(map) = record.as_object_mut() {
        map.remove("t");
    }
    record
}

fn event_fields(object: &Value, record: &mut Map<String, Value>) {
    let about = &object["involvedObject"];
    let text = |it: &Value| it.as_str().unwrap_or("").to_owned();
    let name = generated_names(&text(&about["name"]));
    record.insert("object".into(), format!("{}/{name}", text(&about["kind"])).into());
    record.insert("fieldPath".into(), about["fieldPath"].clone());
    record.insert("type".into(), object["type"].clone());
    record.insert("reason".into(), object["reason"].clone());
    record.insert("message".into(), message(&text(&object["message"])).into());
    let count = &object["count"];
    record.insert("count".into(), if count.as_i64() == Some(0) { Value::Null } else { count.clone() });
}

fn pod_fields(object: &Value, now: SimTime, record: &mut Map<String, Value>) {
    let columns = kubectl::pod_columns(object, now);
    record.insert(
        "cols".into(),
        json!({"ready": columns.ready, "status": columns.status, "restarts": columns.restarts}),
    );
    let status = &object["status"];
    for field in ["phase", "qosClass", "reason", "conditions"] {
        if !status[field].is_null() {
            record.insert(field.into(), status[field].clone());
        }
    }
    if let Some(text) = status["message"].as_str() {
        record.insert("message".into(), message(text).into());
    }
    for field in ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] {
        if let Some(list) = status[field].as_array() {
            record.insert(field.into(), list.iter().map(container).collect());
        }
    }
}

/// A container status as the recordings flatten it.
fn container(status: &Value) -> Value {
    let mut flat = state(&status["state"]);
    for field in ["name", "restartCount", "ready", "started", "image", "resources"] {
        if !status[field].is_null() {
            flat.insert(field.into(), status[field].clone());
        }
    }
    let last = state(&status["lastState"]);
    if !last.is_empty() {
        flat.insert("lastState".into(), Value::Object(last));
    }
    Value::Object(flat)
}

fn state(value: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    if let Some((name, detail)) = value.as_object().and_then(|it| it.iter().next()) {
        flat.insert("state".into(), name.clone().into());
        for field in ["reason", "exitCode", "signal", "startedAt", "finishedAt"] {
            if !detail[field].is_null() {
                flat.insert(field.into(), detail[field].clone());
            }
        }
        if let Some(text) = detail["message"].as_str() {
            flat.insert("message".into(), message(text).into());
        }
    }
    flat
}
