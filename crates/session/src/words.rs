//! Kubernetes' words for what is seen, and how each looks.

use api::k8s_openapi::api::core::v1::ContainerStatus;
use api::{Object, ObjectKey, Pod};
use sim::SimTime;
use std::sync::Arc;

use crate::frame::{ObjectRef, Tone};

/// What `kubectl get pod` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodStatusWords {
    /// STATUS
    pub text: String,
    pub tone: Tone,
    /// READY
    pub ready: String,
    pub restarts: u32,
}

pub fn object_ref(key: &ObjectKey) -> ObjectRef {
    ObjectRef::new(key.kind.name(), &key.namespace, &key.name)
}

pub fn pod_status(pod: &Arc<Pod>, now: SimTime) -> PodStatusWords {
    let columns = kubectl::pod_columns(&Object::Pod(pod.clone()).to_value(), now);
    let restarts = columns.restarts.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
    let tone = pod_tone(pod, &columns.status, &columns.ready);
    PodStatusWords { text: columns.status, tone, ready: columns.ready, restarts }
}

/// Waiting is not failing: red is for a failing reason only.
fn pod_tone(pod: &Pod, status: &str, ready: &str) -> Tone {
    if status == "Terminating" {
        return Tone::Ending;
    }
    let last = status.rsplit(':').next().unwrap_or(status);
    match last {
        "Running" => {
            let (some, all) = ready.split_once('/').unwrap_or(("", ""));
            if some == all { Tone::Ok } else { Tone::NotReady }
        }
        "Completed" | "Succeeded" => Tone::Done,
        "NotReady" => Tone::NotReady,
        "Pending" | "ContainerCreating" | "PodInitializing" | "SchedulingGated" => Tone::Wait,
        _ if is_init_progress(last) => Tone::Busy,
        _ if failing(last) || pod.status.as_ref().and_then(|it| it.phase.as_deref()) == Some("Failed") => {
            Tone::Bad
        }
        _ => Tone::Wait,
    }
}

/// `0/2`
fn is_init_progress(text: &str) -> bool {
    text.split_once('/').is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.parse::<u32>().is_ok())
}

/// Reasons that mean that something went wrong.
pub fn failing(reason: &str) -> bool {
    const FAILING: &[&str] = &[
        "Error",
        "BackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "OOMKilled",
        "Evicted",
        "DeadlineExceeded",
        "Unknown",
        "OutOf",
        "Failed",
        "NodeAffinity",
        "ExitCode",
        "Signal",
    ];
    FAILING.iter().any(|it| reason.contains(it))
}

/// A word for a container's state, and how it looks.
pub fn container_state(status: &ContainerStatus) -> (String, Tone) {
    let Some(state) = &status.state else { return (String::new(), Tone::Wait) };
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone().unwrap_or_default();
        let tone = if failing(&reason) { Tone::Bad } else { Tone::Wait };
        return (reason, tone);
    }
    if state.running.is_some() {
        let tone = if status.ready { Tone::Ok } else { Tone::NotReady };
        let text = if status.restart_count == 0 {
            "running".to_owned()
        } else {
            format!("running #{}", status.restart_count + 1)
        };
        return (text, tone);
    }
    match &state.terminated {
        Some(it) if it.exit_code == 0 => ("0".to_owned(), Tone::Done),
        Some(it) => (it.exit_code.to_string(), Tone::Bad),
        None => (String::new(), Tone::Wait),
    }
}
