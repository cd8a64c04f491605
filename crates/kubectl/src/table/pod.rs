//! The row of a Pod.

use serde_json::Value;
use sim::SimTime;

use crate::age;
use crate::json::{at, has, int, is_true, list, text};

/// The `restartPolicy` that makes an init container a sidecar.
const SIDECAR: &str = "Always";

fn is_sidecar(pod: &Value, name: &str) -> bool {
    list(pod, "spec.initContainers")
        .iter()
        .any(|it| text(it, "name") == name && text(it, "restartPolicy") == SIDECAR)
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    list(pod, "status.conditions").iter().find(|it| text(it, "type") == kind)
}

/// Restarts and when the last one was.
#[derive(Default, Clone)]
struct Restarts {
    count: i64,
    last: i64,
    last_text: String,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += int(status, "restartCount");
        let finished = text(status, "lastState.terminated.finishedAt");
        if let Some(micros) = age::micros(finished).filter(|it| self.last < *it) {
            self.last = micros;
            finished.clone_into(&mut self.last_text);
        }
    }

    fn show(&self, now: SimTime) -> String {
        if self.count != 0 && self.last != 0 {
            format!("{} ({} ago)", self.count, age::since(&self.last_text, now))
        } else {
            self.count.to_string()
        }
    }
}

fn ended(terminated: &Value) -> String {
    let (reason, signal) = (text(terminated, "reason"), int(terminated, "signal"));
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", int(terminated, "exitCode"))
    }
}

/// What `printPod` gathers on its way through the containers.
#[derive(Default)]
struct Seen {
    ready: usize,
    reason: String,
    restarts: Restarts,
    sidecar_restarts: Restarts,
}

impl Seen {
    /// Answers whether an init container is still at work.
    fn inits(&mut self, pod: &Value, total: usize) -> bool {
        for (index, status) in list(pod, "status.initContainerStatuses").iter().enumerate() {
            self.restarts.add(status);
            let sidecar = is_sidecar(pod, text(status, "name"));
            if sidecar {
                self.sidecar_restarts.add(status);
            }
            let terminated = at(status, "state.terminated");
            let waiting = text(status, "state.waiting.reason");
            if !terminated.is_null() && int(terminated, "exitCode") == 0 {
                continue;
            }
            if sidecar && is_true(status, "started") {
                self.ready += usize::from(is_true(status, "ready"));
                continue;
            }
            self.reason = if !terminated.is_null() {
                format!("Init:{}", ended(terminated))
            } else if !waiting.is_empty() && waiting != "PodInitializing" {
                format!("Init:{waiting}")
            } else {
                format!("Init:{index}/{total}")
            };
            return true;
        }
        false
    }

    fn containers(&mut self, pod: &Value) {
        self.restarts = std::mem::take(&mut self.sidecar_restarts);
        let mut running = false;
        let mut error = String::new();
        for status in list(pod, "status.containerStatuses").iter().rev() {
            self.restarts.add(status);
            let terminated = at(status, "state.terminated");
            let waiting = text(status, "state.waiting.reason");
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.reason);
            } else if !terminated.is_null() {
                self.reason = ended(terminated);
                if int(terminated, "exitCode") != 0 {
                    error.clone_from(&self.reason);
                }
            } else if is_true(status, "ready") && has(status, "state.running") {
                running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" {
            let pod_ready = condition(pod, "Ready").is_some_and(|it| text(it, "status") == "True");
            if running && pod_ready {
                "Running".clone_into(&mut self.reason);
            } else if !error.is_empty() {
                self.reason = error;
            } else if running {
                "NotReady".clone_into(&mut self.reason);
            }
        }
    }
}

/// All columns, those of `-o wide` included.
// Follows kubernetes v1.36 pkg/printers/internalversion/printers.go: printPod.
pub fn cells(pod: &Value, now: SimTime) -> Vec<String> {
    let inits = list(pod, "spec.initContainers");
    let sidecars = inits.iter().filter(|it| text(it, "restartPolicy") == SIDECAR).count();
    let total = list(pod, "spec.containers").len() + sidecars;

    let phase = text(pod, "status.phase");
    let mut seen = Seen { reason: phase.to_owned(), ..Seen::default() };
    if has(pod, "status.reason") {
        text(pod, "status.reason").clone_into(&mut seen.reason);
    }
    if condition(pod, "PodScheduled").is_some_and(|it| text(it, "reason") == "SchedulingGated") {
        "SchedulingGated".clone_into(&mut seen.reason);
    }
    let initializing = seen.inits(pod, inits.len());
    let initialized = condition(pod, "Initialized").is_some_and(|it| text(it, "status") == "True");
    if !initializing || initialized {
        seen.containers(pod);
    }
    let Seen { ready, mut reason, restarts, .. } = seen;

    if has(pod, "metadata.deletionTimestamp") {
        if text(pod, "status.reason") == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !matches!(phase, "Failed" | "Succeeded") {
            "Terminating".clone_into(&mut reason);
        }
    }

    let or_none = |text: &str| if text.is_empty() { "<none>".to_owned() } else { text.to_owned() };
    let gates = list(pod, "spec.readinessGates");
    let met = gates.iter().filter(|gate| {
        condition(pod, text(gate, "conditionType")).is_some_and(|it| text(it, "status") == "True")
    });
    vec![
        text(pod, "metadata.name").to_owned(),
        format!("{ready}/{total}"),
        reason,
        restarts.show(now),
        age::since(text(pod, "metadata.creationTimestamp"), now),
        or_none(list(pod, "status.podIPs").first().map_or("", |it| text(it, "ip"))),
        or_none(text(pod, "spec.nodeName")),
        or_none(text(pod, "status.nominatedNodeName")),
        if gates.is_empty() { "<none>".to_owned() } else { format!("{}/{}", met.count(), gates.len()) },
    ]
}
