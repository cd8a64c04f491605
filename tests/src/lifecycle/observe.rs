//! Runs a recorded scenario in the simulation and writes down what a watcher of the real cluster wrote down.

use std::time::Duration;

use api::Kind;
use apiserver::{Change, WatchEvent};
use serde_json::{Map, Value, json};
use session::{Fault, Headless, NodeSpec, Settings};
use sim::SimTime;

use super::normalize::{generated_names, message};
use super::{CommandRun, Run, Scenario};

/// One look at the watch every so often: far less than its log holds.
const LOOK: Duration = Duration::from_millis(500);
/// Images that lay on the recording's machines, or came at once.
const PRESENT: &[&str] =
    &["nginx:1.14.2", "nginx:1.16.1", "nginx:1.25", "busybox:1.28", "alpine:3.19", "debian:12"];

pub fn simulate(scenario: &Scenario) -> Run {
    let mut observer = Observer::new(scenario);
    let mut commands = Vec::new();
    for action in &scenario.recorded.commands {
        observer.pass_until(action.started);
        commands.push(observer.act(scenario, action));
    }
    observer.pass_until(scenario.duration());
    let get = observer.cluster.run(FINAL_GET).stdout;
    let logs = observer.final_logs();
    Run { commands, records: observer.records, get, logs }
}

const FINAL_GET: &str = "kubectl get pods -o wide 2>&1; kubectl get deploy,rs -o wide 2>/dev/null; kubectl get svc -o wide 2>/dev/null; kubectl get endpointslices 2>/dev/null";

struct Observer {
    cluster: Headless,
    namespace: String,
    began: SimTime,
    revision: u64,
    records: Vec<Value>,
    watches_nodes: bool,
}

impl Observer {
    fn new(scenario: &Scenario) -> Observer {
        let mut cluster = Headless::new(&settings(&scenario.name));
        // The recordings' cluster had been up for long before a scenario began.
        cluster.advance(Duration::from_secs(60));
        let namespace = scenario.name.clone();
        cluster.run(&format!("kubectl create namespace {namespace}; kubectl config set-context --current --namespace={namespace}"));
        cluster.advance(Duration::from_secs(2));
        cluster.write_file("scenario.yaml", &scenario.manifest);
        let watches_nodes = scenario.recorded.records.iter().any(|it| it["kind"] == "node");
        let revision = cluster.cluster().api().store().revision();
        Observer { began: cluster.now(), revision, cluster, namespace, records: Vec::new(), watches_nodes }
    }

    fn pass_until(&mut self, seconds: f64) {
        let end = self.began + Duration::from_secs_f64(seconds);
        while self.cluster.now() < end {
            let next = (self.cluster.now() + LOOK).min(end);
            self.cluster.advance_to(next);
            self.look();
        }
    }

    fn act(&mut self, scenario: &Scenario, action: &CommandRun) -> CommandRun {
        let started = self.cluster.now().since(self.began).as_secs_f64();
        let (code, output) = if let Some(fault) = action.command.strip_prefix("fault ") {
            (i64::from(!self.inflict(fault)), action.output.clone())
        } else {
            self.cluster.write_file("scenario.yaml", &scenario.manifest);
            let ended = self.cluster.run(&format!("{{ {}\n}} 2>&1", action.command));
            (i64::from(ended.code), ended.stdout + &ended.stderr)
        };
        self.look();
        CommandRun { command: action.command.clone(), started, code, output }
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
        if event.key.kind != Kind::Node && *event.key.namespace != *self.namespace {
            return None;
        }
        let object = event.object.to_value();
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

    fn final_logs(&mut self) -> String {
        let pods: Vec<(String, Vec<String>)> = self
            .cluster
            .cluster()
            .api()
            .pods()
            .filter(|it| it.metadata.namespace.as_deref() == Some(&self.namespace))
            .map(|it| {
                let containers = it
                    .spec
                    .iter()
                    .flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
                (it.metadata.name.clone().unwrap_or_default(), containers.map(|it| it.name.clone()).collect())
            })
            .collect();
        let mut text = String::new();
        for (pod, containers) in pods {
            for container in containers {
                let command = format!("kubectl logs {pod} -c {container}");
                let ended = self.cluster.run(&format!("{command} 2>&1"));
                text.push_str(&format!("$ {command}\n{}\n", ended.stdout));
            }
        }
        text
    }
}

fn settings(name: &str) -> Settings {
    let number: u32 = name.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let three = (26..=31).contains(&number) || number == 33 || 42 <= number;
    let names: &[&str] = if three { &["node1", "node2", "node3"] } else { &["node1"] };
    let node = |name: &&str| NodeSpec {
        cpu_milli: 2_000,
        memory_bytes: 24 << 30,
        images: PRESENT.iter().map(|it| (*it).to_owned()).collect(),
        ..NodeSpec::worker(name)
    };
    Settings { seed: 1, nodes: names.iter().map(node).collect() }
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
