//! Each scenario is solved by its own solution, on a real simulated cluster.
//!
//! kubectl and the shell are tested elsewhere: here a few verbs are stood in for, and what the terminal would have
//! printed is taken for granted. Goals about objects and Events are checked for true.

use std::time::Duration;

use api::{Actor, Because, Cause, Kind, Object, ObjectKey};
use apiserver::{DeleteOptions, Request, Verb};
use cluster::{Cluster, Fault, NodeSpec, Settings, Taint};
use lessons::{Evidence, Scenario, Visit};
use serde_json::{Value, json};

struct Seen<'a>(&'a Cluster);

impl Evidence for Seen<'_> {
    fn each(&self, kind: Kind, visit: &mut Visit<'_>) {
        for stored in self.0.api().store().list(kind) {
            let object = &stored.object;
            visit(object.namespace(), object.name(), &|| object.to_value());
        }
    }
    fn printed(&self, _: &str) -> bool {
        true
    }
    fn typed(&self, _: &str) -> bool {
        true
    }
}

fn cause() -> Cause {
    Cause::new(Actor::User { input: 1 }, Because::Asked)
}

fn amount(text: &str, milli: bool) -> u64 {
    let (number, factor) = match text.find(|it: char| it.is_ascii_alphabetic()) {
        Some(at) => (&text[..at], if &text[at..] == "Gi" { 1_u64 << 30 } else { 1 << 20 }),
        None => (text, if milli { 1_000 } else { 1 }),
    };
    (number.parse::<f64>().expect("a number") * factor as f64) as u64
}

fn start(scenario: &Scenario) -> Cluster {
    let node = |it: &lessons::NodeSpec| NodeSpec {
        cpu_milli: amount(it.cpu, true),
        memory_bytes: amount(it.memory, false),
        labels: it.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        taints: it.taints.iter().map(|it| Taint::parse(it).expect("a taint")).collect(),
        control_plane: it.control_plane,
        images: it.images.iter().map(|it| (*it).to_owned()).collect(),
        ..NodeSpec::worker(it.name)
    };
    let mut cluster = Cluster::new(&Settings { seed: 1, nodes: scenario.nodes.iter().map(node).collect() });
    run(&mut cluster, 30_000);
    for (_, text) in scenario.start {
        apply(&mut cluster, text);
    }
    run(&mut cluster, 5_000);
    cluster
}

fn run(cluster: &mut Cluster, millis: u64) {
    let until = cluster.now() + Duration::from_millis(millis);
    while !cluster.run_until(until, 10_000) {}
}

fn apply(cluster: &mut Cluster, text: &str) {
    for document in api::yaml::read(text).into_iter().flatten() {
        let field = |name: &str| document.value[name].as_str().unwrap_or("").to_owned();
        if let Some(kind) = Kind::find(&field("apiVersion"), &field("kind")) {
            let request =
                Request::new(Verb::Create, kind, "default", "", cause()).body(document.value.clone());
            let now = cluster.now();
            cluster.api_mut().request(request, now);
        }
    }
    cluster.settle_watch();
}

fn edit(cluster: &mut Cluster, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value =
        cluster.api().get(&ObjectKey::new(kind, "default", name)).expect("it is there").to_value();
    change(&mut value);
    let object = Object::from_value(kind, value).expect("a valid object");
    let now = cluster.now();
    cluster.api_mut().update(object, cause(), now).expect("updated");
    cluster.settle_watch();
}

/// Does what a command line of a step would do to the cluster.
fn carry_out(scenario: &Scenario, cluster: &mut Cluster, line: &str) {
    for command in line.split("&&").flat_map(|it| it.split(';')) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["kubectl", "apply", "-f", file, ..] => {
                let document = scenario.documents.iter().find(|it| it.name == *file).expect("a document");
                if !document.mistaken {
                    apply(cluster, document.text);
                }
            }
            ["kubectl", "replace", "--force", "-f", file] => {
                let document = scenario.documents.iter().find(|it| it.name == *file).expect("a document");
                delete(cluster, "fixed");
                apply(cluster, document.text);
            }
            ["kubectl", "delete", "pod", name, ..] => delete(cluster, name),
            ["kubectl", "label", "node", name, label] => {
                edit(cluster, Kind::Node, name, |it| {
                    let labels = it["metadata"]["labels"].as_object_mut().expect("labels");
                    match label.split_once('=') {
                        Some((key, value)) => {
                            labels.insert(key.to_owned(), json!(value));
                        }
                        None => {
                            labels.remove(label.trim_end_matches('-'));
                        }
                    }
                });
            }
            ["kubectl", "taint", "node" | "nodes", name, taint] => {
                let taints = if taint.ends_with('-') {
                    Value::Null
                } else {
                    json!([{"key": "env", "value": "dev", "effect": "NoSchedule"}])
                };
                edit(cluster, Kind::Node, name, |it| it["spec"]["taints"] = taints);
            }
            ["kubectl", "create", "deployment", name, ..] => apply(
                cluster,
                &format!(
                    "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{replicas: 1, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: nginx, image: nginx}}]}}}}}}}}"
                ),
            ),
            ["kubectl", "scale", "deployment", name, replicas] => {
                let replicas: i32 = replicas.trim_start_matches("--replicas=").parse().expect("a number");
                edit(cluster, Kind::Deployment, name, |it| it["spec"]["replicas"] = json!(replicas));
            }
            ["kubectl", "set", "image", pod, image] => {
                let image = image.split_once('=').expect("an image").1.to_owned();
                edit(cluster, Kind::Pod, pod.trim_start_matches("pod/"), |it| {
                    it["spec"]["containers"][0]["image"] = json!(image);
                });
            }
            ["kubectl", "run", name, image, "--", program, argument] => apply(
                cluster,
                &format!(
                    "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: {name}, image: '{}', args: [{program}, '{argument}']}}]}}}}",
                    image.trim_start_matches("--image=")
                ),
            ),
            ["kubectl", "exec", "ready", "--", "rm", ..] => {
                run(cluster, 10_000);
                let container = cluster.container_of("default", "ready", "app").expect("it runs");
                let words = ["rm", "/tmp/ready"].map(str::to_owned).to_vec();
                cluster.exec(container, runtime::ExecConfig { argv: words, ..Default::default() });
            }
            _ => {}
        }
    }
}

fn delete(cluster: &mut Cluster, name: &str) {
    let now = cluster.now();
    let _ =
        cluster.api_mut().delete(&ObjectKey::pod("default", name), &DeleteOptions::default(), cause(), now);
    cluster.settle_watch();
    for _ in 0..60 {
        run(cluster, 1_000);
        if !cluster.has_pod("default", name) {
            return;
        }
    }
    panic!("{name} does not go");
}

/// Virtual time that one step may take.
const STEP_SECONDS_MAX: u64 = 450;

#[test]
fn every_scenario_is_solved_by_its_own_solution() {
    let mut unsolved = Vec::new();
    for scenario in lessons::all() {
        let mut cluster = start(scenario);
        let mut done = 0;
        for (at, step) in scenario.steps.iter().enumerate() {
            if step.fault.is_empty() {
                carry_out(scenario, &mut cluster, step.command);
            } else {
                let words: Vec<&str> = step.fault.split(' ').collect();
                let fault = Fault::parse(&words, "default").expect("a fault");
                cluster.inflict(&fault).expect("it can be broken");
            }
            for _ in 0..STEP_SECONDS_MAX * 4 {
                done = scenario.advance(done, &Seen(&cluster));
                if done & (1 << at) != 0 {
                    break;
                }
                run(&mut cluster, 250);
            }
            if done & (1 << at) == 0 {
                unsolved.push(format!("{} step {}: {}{}", scenario.id, at + 1, step.command, step.fault));
                break;
            }
        }
    }
    assert!(unsolved.is_empty(), "{unsolved:#?}");
}
