//! The selected object from near: what it does now, why, its tracks, its YAML, its logs.

use std::sync::Arc;

use api::{Because, Kind, Object, ObjectKey};
use cluster::Cluster;
use runtime::LogOptions;
use serde_json::Value;
use sim::Gather as _;

use super::narrate;
use crate::frame::{
    Actor, Condition, EventCard, Inspector, LogTail, ObjectRef, PodCard, ServedLine, Tab, Track, ViewState,
    Why, WhyStep,
};
use crate::input::{Input, Logged, typed_line};
use crate::recording::{Recording, Written};
use crate::words;

/// Lines of a log that the inspector shows.
const LOG_LINES: u64 = 500;
const LOG_BYTES_MAX: usize = 128 << 10;

pub struct Inspected<'a> {
    pub cluster: &'a Cluster,
    pub recording: &'a Recording,
    pub inputs: &'a [Logged],
    pub events: &'a [EventCard],
    pub pods: &'a [Arc<PodCard>],
}

impl Inspected<'_> {
    pub fn inspect(&self, object: &ObjectRef, view: &ViewState) -> Option<Inspector> {
        let kind = *Kind::ALL.iter().find(|it| it.name() == object.kind)?;
        let key = ObjectKey::new(kind, &object.namespace, &object.name);
        let found = self.cluster.api().get(&key);
        let lane = self.recording.lanes.iter().rev().find(|it| it.pod == *object);
        if found.is_none() && lane.is_none() {
            return None;
        }
        let uid = found.map(Object::uid).or(lane.map(|it| it.uid.as_str())).unwrap_or("").to_owned();
        let card = self.pods.iter().find(|it| it.uid == uid).map(|it| &**it);
        let about = |it: &EventCard| it.object == *object;
        let events: Vec<u32> = self
            .events
            .iter()
            .enumerate()
            .filter(|(_, it)| about(it))
            .map(|(index, _)| index as u32)
            .gather();
        Some(Inspector {
            gone: found.is_none(),
            decided: self.cluster.scheduler().last_attempt(&key).is_some(),
            facts: found.map(facts).unwrap_or_default(),
            now: narrate::now(object, found, card, self.cluster),
            tracks: self.tracks(&uid),
            conditions: found.map(|it| conditions(&it.to_value())).unwrap_or_default(),
            why: self.why(&key),
            yaml: Arc::new(if view.tab == Tab::Yaml {
                found.map(served).unwrap_or_default()
            } else {
                Vec::new()
            }),
            logs: if view.tab == Tab::Logs { self.logs(object, card, view) } else { Vec::new() },
            inside: if view.tab == Tab::Inside {
                super::inside::of(self.cluster, object, card).map(Arc::new)
            } else {
                None
            },
            by_hand: by_hand(object, view),
            events,
            object: object.clone(),
        })
    }

    fn tracks(&self, uid: &str) -> Vec<Track> {
        let now = self.cluster.now().0;
        let Some(tracks) = self.recording.tracks.get(uid) else { return Vec::new() };
        let until_now = |it: &Track| Track {
            kind: it.kind.clone(),
            parts: it.parts.iter().filter(|it| it.start <= now).cloned().gather(),
        };
        tracks.iter().map(until_now).gather()
    }

    /// From the person's act to the present state.
    fn why(&self, key: &ObjectKey) -> Vec<WhyStep> {
        let revision = self.cluster.api().store().revision();
        let chain = self.recording.chain(key, revision);
        chain.into_iter().rev().map(|it| self.step(it)).gather()
    }

    fn step(&self, written: &Written) -> WhyStep {
        let actor = match &written.cause.by {
            api::Actor::User { .. } => Actor::You,
            api::Actor::ApiServer => Actor::ApiServer,
            api::Actor::Scheduler => Actor::Scheduler,
            api::Actor::Controller(name) => Actor::Controller((*name).to_owned()),
            api::Actor::Kubelet(node) => Actor::Kubelet(node.to_string()),
        };
        let verb = match written.change {
            apiserver::Change::Added => "create",
            apiserver::Change::Modified => "update",
            apiserver::Change::Deleted => "delete",
        };
        WhyStep {
            at: written.at.0,
            actor,
            verb: verb.to_owned(),
            object: words::object_ref(&written.key),
            why: self.reason(written).into(),
        }
    }

    fn reason(&self, written: &Written) -> Why {
        match &written.cause.because {
            Because::Asked => Why::Asked { command: self.command_at(written) },
            Because::Bootstrap => Why::Bootstrap,
            Because::Bound { node, feasible, score } => {
                Why::Bound { node: node.to_string(), feasible: *feasible, score: *score }
            }
            Because::NoNodeFits => Why::NoNodeFits { message: String::new() },
            Because::StatusSync => Why::StatusSync,
            Because::Recorded => {
                let (reason, message) = written.said.clone().unwrap_or_default();
                Why::Recorded { reason, message }
            }
            Because::Replicas { wanted, found } => Why::Replicas { wanted: *wanted, found: *found },
            Because::NewTemplate => Why::NewTemplate,
            Because::Rollout => Why::Rollout,
            Because::OwnerGone => Why::OwnerGone,
            Because::Endpoints => Why::Endpoints,
            Because::NodeSilent { seconds } => Why::NodeSilent { seconds: *seconds },
            Because::NodeBack => Why::NodeBack,
            Because::TaintEviction { taint } => Why::TaintEviction { taint: taint.to_string() },
            Because::PodGarbage => Why::PodGarbage,
            Because::Preempted { by } => Why::Preempted { by: by.to_string() },
            Because::Terminated => Why::Terminated,
            Because::Refused { reason } => Why::Refused { reason: reason.to_string() },
            _ => Why::Housekeeping,
        }
    }

    /// The input that a user's write belongs to.
    fn command_at(&self, written: &Written) -> String {
        let api::Actor::User { input } = written.cause.by else { return String::new() };
        // They are counted from 1; what a scenario begins with belongs to none.
        let Some(index) = (input as usize).checked_sub(1) else { return String::new() };
        match self.inputs.get(index).map(|it| &it.input) {
            Some(Input::Run(line)) => line.clone(),
            Some(Input::Apply { file, .. }) => format!("kubectl apply -f {file}"),
            Some(Input::Keys(_)) => typed_line(self.inputs, index),
            Some(Input::Fault(fault)) => fault.command_line(),
            Some(Input::File { path, .. }) => path.clone(),
            None => String::new(),
        }
    }

    fn logs(&self, object: &ObjectRef, card: Option<&PodCard>, view: &ViewState) -> Vec<LogTail> {
        let Some(card) = card else { return Vec::new() };
        let wanted = |name: &str| view.log_container.as_deref().is_none_or(|it| it == name);
        let containers = card.containers.iter().filter(|it| wanted(&it.name));
        let tail = |name: &str| {
            let text = self.log_text(object, name, view.log_previous)?;
            Some(LogTail { container: name.to_owned(), previous: view.log_previous, text })
        };
        containers.filter_map(|it| tail(&it.name)).gather()
    }

    fn log_text(&self, object: &ObjectRef, container: &str, previous: bool) -> Option<String> {
        let runtime = self.cluster.runtime();
        let sandbox = self.cluster.sandbox_of(&object.namespace, &object.name).ok()?;
        let instances = runtime.list_containers(sandbox).into_iter();
        let mine: Vec<_> = instances
            .filter(|it| runtime.container_status(*it).is_some_and(|it| it.name == container))
            .gather();
        let index = if previous { mine.len().checked_sub(2)? } else { mine.len().checked_sub(1)? };
        let lines = runtime.logs(mine[index], &LogOptions { tail: Some(LOG_LINES), ..LogOptions::default() });
        let mut text = String::new();
        for line in &lines {
            text.push_str(&line.text);
            text.push('\n');
            if LOG_BYTES_MAX < text.len() {
                break;
            }
        }
        Some(text)
    }
}

/// Short facts under the title, as Kubernetes writes them.
fn facts(object: &Object) -> Vec<String> {
    let mut facts = vec![object.namespace().to_owned()];
    match object {
        Object::Pod(pod) => {
            let status = pod.status.as_ref();
            facts.push(pod.spec.as_ref().and_then(|it| it.node_name.clone()).unwrap_or_default());
            facts.push(status.and_then(|it| it.pod_ip.clone()).unwrap_or_default());
            facts.push(status.and_then(|it| it.qos_class.clone()).unwrap_or_default());
        }
        Object::Node(node) => {
            let info = node.status.as_ref().and_then(|it| it.node_info.as_ref());
            facts.push(info.map(|it| it.kubelet_version.clone()).unwrap_or_default());
            facts.push(info.map(|it| it.container_runtime_version.clone()).unwrap_or_default());
        }
        Object::Service(service) => {
            let spec = service.spec.as_ref();
            facts.push(spec.and_then(|it| it.type_.clone()).unwrap_or_default());
            facts.push(spec.and_then(|it| it.cluster_ip.clone()).unwrap_or_default());
        }
        _ => {}
    }
    facts.retain(|it| !it.is_empty());
    facts
}

fn conditions(object: &Value) -> Vec<Condition> {
    let text = |it: &Value| it.as_str().unwrap_or("").to_owned();
    let since = |it: &Value| {
        it.as_str().and_then(api::time::parse).map_or(0, |it| api::time::sim_time(&api::Time(it)).0)
    };
    let list = object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .map(|it| Condition {
            kind: text(&it["type"]),
            status: text(&it["status"]),
            reason: text(&it["reason"]),
            message: text(&it["message"]),
            since: since(&it["lastTransitionTime"]),
        })
        .gather()
}

/// The object as served; what nobody wrote is marked by comparing with what was applied last.
fn served(object: &Object) -> Vec<ServedLine> {
    let value = object.to_value();
    let applied = value["metadata"]["annotations"][super::manifest::LAST_APPLIED].as_str();
    let applied: Option<Value> = applied.and_then(|it| serde_json::from_str(it).ok());
    let text = api::yaml::emit(&value);
    let Some(applied) = applied else {
        return text.lines().map(|it| ServedLine { text: it.to_owned(), defaulted: false }).gather();
    };
    let written = api::yaml::emit(&applied);
    // By the words of a line: indentation differs where the server filled something in above.
    let known: sim::VecSet<&str> = written.lines().map(|it| it.trim().trim_start_matches("- ")).fill();
    let is_known = |line: &str| known.contains(line.trim().trim_start_matches("- "));
    text.lines().map(|it| ServedLine { text: it.to_owned(), defaulted: !is_known(it) }).gather()
}

fn by_hand(object: &ObjectRef, view: &ViewState) -> Vec<String> {
    let kind = object.kind.to_ascii_lowercase();
    let place = if object.namespace.is_empty() || object.namespace == "default" {
        String::new()
    } else {
        format!(" -n {}", object.namespace)
    };
    let name = &object.name;
    match view.tab {
        Tab::Yaml => vec![format!("kubectl get {kind} {name}{place} -o yaml")],
        Tab::Events => vec![format!("kubectl events --for {kind}/{name}{place}")],
        Tab::Logs => {
            let container = view.log_container.as_ref().map_or(String::new(), |it| format!(" -c {it}"));
            let previous = if view.log_previous { " --previous" } else { "" };
            vec![format!("kubectl logs {name}{container}{previous}{place}")]
        }
        Tab::Inside => vec![format!("kubectl exec -it {name}{place} -- sh")],
        Tab::Now | Tab::Why => vec![format!("kubectl describe {kind} {name}{place}")],
    }
}
