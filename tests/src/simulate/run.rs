//! Runs a plan and looks after each event.

use std::time::Duration;

use api::Object;
use cluster::{Cluster, History, NodeSpec, Settings};
use session::Headless;
use sim::SimTime;

use super::plan::{Act, Plan};

/// After the last fault everything has this much virtual time to settle: nodes come back after a minute, crash loops wait
/// up to five minutes and half as much again, mounts two.
const SETTLE_MAX: Duration = Duration::from_mins(20);
/// Between two looks whether it has.
/// Out of step with what kubelets do every ten seconds: a Pod that is evicted as often as it is made is at rest in between.
const SETTLE_LOOK: Duration = Duration::from_millis(19_700);
/// No plan comes near this many events.
const EVENTS_MAX: u64 = 3_000_000;
/// So many Events stand beside a failure.
const EVENTS_TOLD: usize = 30;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub at: SimTime,
    /// What was broken, one a line.
    pub what: String,
    /// What it is called, whatever the values are: equal for equal failures.
    pub kind: String,
    /// The newest Events of the cluster, a line each.
    pub told: Vec<String>,
}

/// Where a run has come to, settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended(Headless);

impl Ended {
    pub fn events(&self) -> u64 {
        self.0.cluster().steps()
    }

    pub fn at(&self) -> SimTime {
        self.0.now()
    }

    pub fn digest(&self) -> u64 {
        self.0.digest()
    }
}

/// Runs the plan, checks everything, and runs it once more without looking: both must end alike.
pub fn run_twice(plan: &Plan) -> Result<Ended, Failure> {
    let first = run(plan)?;
    let mut again = start(plan);
    for step in &plan.steps {
        again.advance_to(time(step.at));
        act(&mut again, &step.act);
    }
    again.advance_to(end_of(plan));
    mend(&mut again, plan);
    again.advance_to(first.at());
    // Equal states have equal digests, and are compared in a third of the time.
    if again == first.0 {
        return Ok(first);
    }
    Err(Failure {
        at: first.at(),
        what: format!(
            "the second run ended with {:016x}, the first with {:016x}",
            again.digest(),
            first.digest()
        ),
        kind: "digest".to_owned(),
        told: told(&again),
    })
}

/// Runs the plan once and checks everything.
pub fn run(plan: &Plan) -> Result<Ended, Failure> {
    let mut headless = start(plan);
    let mut history = History::default();
    watch(&mut headless, &mut history, SimTime::ZERO)?;
    for step in &plan.steps {
        watch(&mut headless, &mut history, time(step.at))?;
        act(&mut headless, &step.act);
        look(&headless, &mut history)?;
    }
    watch(&mut headless, &mut history, end_of(plan))?;
    mend(&mut headless, plan);
    let patience = headless.now() + SETTLE_MAX;
    loop {
        let next = headless.now() + SETTLE_LOOK;
        watch(&mut headless, &mut history, next)?;
        let open = headless.cluster().check_settled();
        if open.is_empty() {
            break;
        }
        if patience <= headless.now() {
            let kind = open.iter().map(|it| it.promise).min().unwrap_or("");
            return Err(Failure {
                at: headless.now(),
                what: lines(&open),
                kind: format!("settled: {kind}"),
                told: told(&headless),
            });
        }
    }
    Ok(Ended(headless))
}

fn time(millis: u64) -> SimTime {
    SimTime::ZERO + Duration::from_millis(millis)
}

/// Some time after the last step.
fn end_of(plan: &Plan) -> SimTime {
    time(plan.steps.last().map_or(0, |it| it.at) + 5_000).max(SimTime::from_secs(10))
}

fn start(plan: &Plan) -> Headless {
    let mut nodes = vec![NodeSpec::control_plane("control-plane")];
    nodes.extend(plan.workers.iter().zip(plan.node_names()).map(|(it, name)| NodeSpec {
        cpu_milli: it.cpu_milli,
        memory_bytes: it.memory_mib << 20,
        pods: it.pods,
        ..NodeSpec::worker(&name)
    }));
    Headless::new(&Settings { seed: plan.seed, nodes })
}

fn act(headless: &mut Headless, act: &Act) {
    match act {
        Act::Apply(manifest) => {
            headless.write_file("plan.yaml", manifest);
            headless.start_captured("kubectl apply -f plan.yaml");
        }
        Act::Run(line) => {
            if let Some(line) = resolve(headless.cluster(), line) {
                headless.start_captured(&line);
            }
        }
    }
}

/// Every fault ends, and the nodes take Pods again.
fn mend(headless: &mut Headless, plan: &Plan) {
    let mut line = "fault registry up; ".to_owned();
    for node in plan.node_names() {
        for repair in ["node recover", "network heal", "runtime continue", "kubelet continue"] {
            line += &format!("fault {repair} {node}; ");
        }
        let is_there = headless.cluster().api().node(&node).is_some();
        // A Node that somebody has deleted comes back with its kubelet's next start.
        line += &if is_there {
            format!("kubectl uncordon {node}; kubectl taint node {node} simulated-; ")
        } else {
            format!("fault kubelet restart {node}; ")
        };
    }
    for image in super::manifest::IMAGES {
        line += &format!("fault image restore {image}; ");
    }
    headless.start_captured(&line);
}

fn lines(found: &[cluster::Violation]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn told(headless: &Headless) -> Vec<String> {
    let log = headless.cluster().api().store().events_after(0).unwrap_or_default();
    let mut lines: Vec<String> = log
        .iter()
        .rev()
        .filter_map(|it| {
            let Object::Event(event) = &it.object else { return None };
            let about = event.involved_object.name.as_deref().unwrap_or("");
            let path = event.involved_object.field_path.as_deref().unwrap_or("");
            let text = |it: &Option<String>| it.as_deref().unwrap_or("").to_owned();
            let (reason, message) = (text(&event.reason), text(&event.message));
            Some(format!("{:9.3} s {about} {path} {reason}: {message}", it.at.0 as f64 / 1e6))
        })
        .take(EVENTS_TOLD)
        .collect();
    lines.reverse();
    lines
}

fn look(headless: &Headless, history: &mut History) -> Result<(), Failure> {
    let mut found = history.look(headless.cluster());
    found.extend(headless.cluster().check_invariants());
    if found.is_empty() && headless.cluster().steps() < EVENTS_MAX {
        return Ok(());
    }
    let kind = found.iter().map(|it| it.promise).min().unwrap_or("too many events").to_owned();
    Err(Failure { at: headless.now(), what: lines(&found), kind, told: told(headless) })
}

/// Lets time pass and looks after each event.
fn watch(headless: &mut Headless, history: &mut History, until: SimTime) -> Result<(), Failure> {
    let mut outcome = Ok(());
    let patience = Duration::from_micros(until.0.saturating_sub(headless.now().0));
    headless.advance_until(patience, |it| {
        outcome = look(it, history);
        outcome.is_err()
    });
    outcome
}

/// Puts names in for the words in braces.
fn resolve(cluster: &Cluster, line: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}')?;
        out += before;
        match named(cluster, word) {
            Named::Found(name) => out += &name,
            Named::Nothing => return None,
            Named::NoWord => out += &format!("{{{word}}}"),
        }
        rest = after;
    }
    Some(out + rest)
}

enum Named {
    Found(String),
    Nothing,
    /// Only braces.
    NoWord,
}

fn named(cluster: &Cluster, word: &str) -> Named {
    let words: Vec<&str> = word.split(' ').collect();
    let number = |index: usize| words.get(index).and_then(|it| it.parse::<usize>().ok());
    let (Some(kind), Some(first)) = (words.first(), number(1)) else { return Named::NoWord };
    let found = match *kind {
        "pod" => nth_pod(cluster, first).and_then(|it| it.metadata.name.clone()),
        "container" => nth_pod(cluster, first).and_then(|it| {
            let spec = it.spec.as_ref()?;
            let all: Vec<_> = spec.containers.iter().chain(spec.init_containers.iter().flatten()).collect();
            Some(all[number(2)? % all.len()].name.clone())
        }),
        "node" => nth(cluster.kubelets().map(|it| it.0).filter(|it| *it != "control-plane"), first)
            .map(ToOwned::to_owned),
        "process" => nth(processes(cluster).iter(), first).map(|(node, pid)| format!("{node} {pid}")),
        _ => return Named::NoWord,
    };
    found.map_or(Named::Nothing, Named::Found)
}

fn nth<T>(all: impl Iterator<Item = T>, number: usize) -> Option<T> {
    let mut all: Vec<T> = all.collect();
    if all.is_empty() { None } else { Some(all.swap_remove(number % all.len())) }
}

fn nth_pod(cluster: &Cluster, number: usize) -> Option<&api::Pod> {
    let pods = cluster.api().pods().filter(|it| it.metadata.namespace.as_deref() == Some("default"));
    nth(pods.map(|it| &**it), number)
}

/// Living processes of the workers, by node and number.
fn processes(cluster: &Cluster) -> Vec<(String, u32)> {
    let mut all = Vec::new();
    for (node, _) in cluster.kubelets() {
        for (sandbox, _) in cluster.runtime().sandboxes_on(node) {
            let Some(view) = cluster.runtime().inspect_sandbox(sandbox.id) else { continue };
            all.extend(view.pause_pid.map(|it| (node.to_owned(), it)));
            let living = view.containers.iter().flat_map(|it| &it.processes).filter(|it| !it.zombie);
            all.extend(living.map(|it| (node.to_owned(), it.node_pid)));
        }
    }
    all
}
