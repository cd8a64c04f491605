//! Notices that a node has fallen silent, marks its Pods, and taints it.
//!
//! Follows kubernetes v1.36 pkg/controller/nodelifecycle/node_lifecycle_controller.go: monitorNodeHealth,
//! tryUpdateNodeHealth, processTaintBaseEviction, doNoScheduleTaintingPass, doNoExecuteTaintingPass.
//! DIFFERENCE: all nodes are one zone.

use std::sync::Arc;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::{NodeCondition, ObjectReference};
use api::{Because, Kind, Node, Object, ObjectKey, Time};
use apiserver::{Change, WatchEvent};
use sim::{Gather as _, SimTime, VecMap, VecSet};

use crate::plan::{Note, Reconciled, Request, Tell, View};
use crate::{Controller, Wakes, ownership, pods, taints};

/// A kubelet that has not been heard for so long is given up (`--node-monitor-grace-period`).
const MONITOR_GRACE: Duration = Duration::from_secs(50);
/// One that has never been heard (`--node-startup-grace-period`).
const STARTUP_GRACE: Duration = Duration::from_mins(1);
/// One node gets its NoExecute taint, the next one this much later (`--node-eviction-rate` 0.1 a second).
const NO_EXECUTE_INTERVAL: Duration = Duration::from_secs(10);
/// The pass that sets NoExecute taints runs this often.
const NO_EXECUTE_PASS: Duration = Duration::from_millis(100);

const CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// What the controller remembers of the nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Health {
    known: VecMap<Arc<str>, Probe>,
    /// Nodes that have to get a NoExecute taint.
    to_taint: VecSet<Arc<str>>,
    /// No node gets a NoExecute taint before this.
    next_taint: SimTime,
    /// No node is ready, or too few: then it is rather this side that is cut off, and nobody is evicted.
    disrupted: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Probe {
    uid: Arc<str>,
    /// When something new was last heard from the kubelet.
    heard: SimTime,
    heartbeat: Option<SimTime>,
    renewed: Option<SimTime>,
}

pub(crate) fn wakes(event: &WatchEvent, wake: &mut Wakes) {
    if event.key.kind == Kind::Node && event.change != Change::Deleted {
        wake.now(Controller::NodeLifecycle, event.key.clone());
    }
}

fn condition<'a>(node: &'a Node, kind: &str) -> Option<&'a NodeCondition> {
    node.status.as_ref()?.conditions.as_ref()?.iter().find(|it| it.type_ == kind)
}

fn ready(node: &Node) -> &str {
    condition(node, "Ready").map_or("Unknown", |it| it.status.as_str())
}

/// The regular look at all nodes.
pub(crate) fn monitor(view: &View<'_>, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let mut health = view.memory.nodes.clone();
    let nodes: Vec<&Arc<Node>> = view.store.list(Kind::Node).filter_map(|it| it.object.as_node()).gather();
    notice_newcomers(&mut health, &nodes, now, &mut plan);
    // Nodes and their leases come in the same order.
    let mut leases = view.store.list_in(Kind::Lease, api::names::LEASE_NAMESPACE).peekable();
    let (mut ready_nodes, mut silent_nodes) = (0_u32, 0_u32);
    for node in nodes {
        let name = node.metadata.name.as_deref().unwrap_or("");
        let Some(probe) = health.known.get_mut(name) else { continue };
        while leases.next_if(|it| it.object.name() < name).is_some() {}
        let lease = leases.peek().filter(|it| it.object.name() == name);
        probe.listen(node, lease.map(|it| &it.object), now);
        let before = ready(node);
        let mut node = node.clone();
        if let Some(silence) = probe.silence(&node, now)
            && give_up(Arc::make_mut(&mut node), now)
        {
            let because = Because::NodeSilent { seconds: silence.as_secs() as u32 };
            plan.push(Request::UpdateStatus(node.clone().into()), because);
        }
        let state = ready(&node);
        if state == "True" {
            ready_nodes += 1;
        } else {
            silent_nodes += 1;
        }
        if mark_for_taint(&mut health, name, &node, state, now, &mut plan) {
            plan.later.push((ObjectKey::node(name), NO_EXECUTE_PASS));
        }
        if state != "True" && before == "True" {
            let message = format!("Node {name} status is now: NodeNotReady");
            plan.tell(Tell::normal(reference(&node), "NodeNotReady", message));
            mark_pods_not_ready(view, name, now, &mut plan);
        }
    }
    health.disrupted = 0 < silent_nodes
        && (ready_nodes == 0
            || (2 < silent_nodes && 55 * (silent_nodes + ready_nodes) <= 100 * silent_nodes));
    if health != view.memory.nodes {
        plan.notes.push(Note::Nodes(health));
    }
    plan
}

fn notice_newcomers(health: &mut Health, nodes: &[&Arc<Node>], now: SimTime, plan: &mut Reconciled) {
    for node in nodes {
        let name = node.metadata.name.as_deref().unwrap_or("");
        if !health.known.contains_key(name) {
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            plan.tell(Tell::normal(reference(node), "RegisteredNode", message));
            let uid = node.metadata.uid.as_deref().unwrap_or("").into();
            let probe = Probe { uid, heard: now, ..Probe::default() };
            health.known.insert(name.into(), probe);
        }
    }
    // All nodes are known by now: with equal numbers there is none that has gone.
    if health.known.len() == nodes.len() {
        return;
    }
    let here = |name: &str| nodes.iter().any(|it| it.metadata.name.as_deref() == Some(name));
    let gone: Vec<_> = health.known.keys().filter(|it| !here(it)).cloned().gather();
    for name in gone {
        let Some(probe) = health.known.remove(&name) else { continue };
        health.to_taint.remove(&name);
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        plan.tell(Tell::normal(node_reference(&name, Some(probe.uid.to_string())), "RemovingNode", message));
    }
}

impl Probe {
    /// A new heartbeat in the status or a renewed lease counts from the moment it is seen here.
    fn listen(&mut self, node: &Node, lease: Option<&Object>, now: SimTime) {
        let beat = |it: &NodeCondition| it.last_heartbeat_time.as_ref().map(api::time::sim_time);
        let heartbeat = condition(node, "Ready").and_then(beat);
        let renewed = match lease {
            Some(Object::Lease(lease)) => lease.spec.as_ref().and_then(|it| it.renew_time.as_ref()),
            _ => None,
        };
        let renewed = renewed.map(|it| api::time::sim_time(&Time(it.0)));
        if heartbeat != self.heartbeat || self.renewed < renewed {
            self.heard = now;
        }
        (self.heartbeat, self.renewed) = (heartbeat, renewed.or(self.renewed));
    }

    fn silence(&self, node: &Node, now: SimTime) -> Option<Duration> {
        let grace = if condition(node, "Ready").is_some() { MONITOR_GRACE } else { STARTUP_GRACE };
        Some(now - self.heard).filter(|it| grace <= *it)
    }
}

/// Sets every condition to Unknown; whether that changed the node's readiness.
fn give_up(node: &mut Node, now: SimTime) -> bool {
    let before = condition(node, "Ready").cloned();
    let created = node.metadata.creation_timestamp.clone();
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    let time = Some(api::time::time(now));
    for kind in CONDITIONS {
        match conditions.iter_mut().find(|it| it.type_ == kind) {
            None => conditions.push(NodeCondition {
                type_: kind.to_owned(),
                status: "Unknown".to_owned(),
                reason: Some("NodeStatusNeverUpdated".to_owned()),
                message: Some("Kubelet never posted node status.".to_owned()),
                last_heartbeat_time: created.clone(),
                last_transition_time: time.clone(),
            }),
            Some(it) if it.status != "Unknown" => {
                it.status = "Unknown".to_owned();
                it.reason = Some("NodeStatusUnknown".to_owned());
                it.message = Some("Kubelet stopped posting node status.".to_owned());
                it.last_transition_time.clone_from(&time);
            }
            Some(_) => {}
        }
    }
    condition(node, "Ready") != before.as_ref()
}

/// Follows processTaintBaseEviction: swaps one NoExecute taint for the other at once, takes them off a ready node,
/// and answers whether the node waits for a new one.
fn mark_for_taint(
    health: &mut Health,
    name: &str,
    node: &Arc<Node>,
    state: &str,
    now: SimTime,
    plan: &mut Reconciled,
) -> bool {
    let (taint, opposite) = match state {
        "True" => {
            health.to_taint.remove(name);
            let mut fresh = node.clone();
            for key in [taints::UNREACHABLE, taints::NOT_READY] {
                if taints::has(&fresh, key, taints::NO_EXECUTE) {
                    taints::remove(Arc::make_mut(&mut fresh), key, taints::NO_EXECUTE);
                    plan.push(Request::Update(fresh.clone().into()), Because::NodeBack);
                }
            }
            return false;
        }
        "False" => (taints::NOT_READY, taints::UNREACHABLE),
        _ => (taints::UNREACHABLE, taints::NOT_READY),
    };
    if taints::has(node, opposite, taints::NO_EXECUTE) {
        swap(node, &[(taint, taints::NO_EXECUTE)], &[(opposite, taints::NO_EXECUTE)], now, plan);
        return false;
    }
    if !taints::has(node, taint, taints::NO_EXECUTE) {
        health.to_taint.insert(name.into());
        return true;
    }
    false
}

/// Two writes, as SwapNodeControllerTaint makes them: first what comes, then what goes.
fn swap(
    node: &Arc<Node>,
    add: &[(&str, &str)],
    remove: &[(&str, &str)],
    now: SimTime,
    plan: &mut Reconciled,
) {
    let mut node = node.clone();
    if !add.is_empty() {
        for (key, effect) in add {
            taints::add(Arc::make_mut(&mut node), key, effect, now);
        }
        plan.push(Request::Update(node.clone().into()), Because::NodeCondition);
    }
    if !remove.is_empty() {
        for (key, effect) in remove {
            taints::remove(Arc::make_mut(&mut node), key, effect);
        }
        plan.push(Request::Update(node.into()), Because::NodeCondition);
    }
}

/// Follows controller_utils.go: MarkPodsNotReady. Only the Ready condition changes: nobody knows more.
fn mark_pods_not_ready(view: &View<'_>, node: &str, now: SimTime, plan: &mut Reconciled) {
    for pod in view.index.on_node(node).filter_map(|it| view.get(it)?.as_pod()) {
        if !pods::is_ready(pod) {
            continue;
        }
        let mut pod = pod.clone();
        let status = Arc::make_mut(&mut pod).status.get_or_insert_default();
        for condition in status.conditions.iter_mut().flatten().filter(|it| it.type_ == "Ready") {
            condition.status = "False".to_owned();
            condition.last_transition_time = Some(api::time::time(now));
        }
        let regarding = ownership::reference(Kind::Pod, &pod.metadata);
        let tell = Tell::warning(regarding, "NodeNotReady", "Node is not ready".to_owned());
        let because = Because::NodeSilent { seconds: MONITOR_GRACE.as_secs() as u32 };
        plan.push_and_tell(Request::UpdateStatus(pod.into()), because, tell);
    }
}

/// One node: its NoSchedule taints follow its conditions, and the NoExecute taint that it waits for.
pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let Some(Object::Node(node)) = view.get(key) else { return plan };
    let wanted = wanted_no_schedule(node);
    let is_ours = |key: &str| key == taints::UNSCHEDULABLE || CONDITION_TAINTS.iter().any(|it| it.2 == key);
    let present: Vec<&str> = taints::of(node)
        .iter()
        .filter(|it| it.effect == taints::NO_SCHEDULE && is_ours(&it.key))
        .map(|it| it.key.as_str())
        .gather();
    let add: Vec<_> =
        wanted.iter().filter(|it| !present.contains(it)).map(|it| (*it, taints::NO_SCHEDULE)).gather();
    let remove: Vec<_> =
        present.iter().filter(|it| !wanted.contains(it)).map(|it| (*it, taints::NO_SCHEDULE)).gather();
    swap(node, &add, &remove, now, &mut plan);
    if add.is_empty() && remove.is_empty() && view.memory.nodes.to_taint.contains(&key.name) {
        no_execute_pass(view, node, key, now, &mut plan);
    }
    plan
}

/// Condition, its status, and the taint that shows it.
const CONDITION_TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", taints::NOT_READY),
    ("Ready", "Unknown", taints::UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

fn wanted_no_schedule(node: &Node) -> Vec<&'static str> {
    let conditions = node.status.as_ref().and_then(|it| it.conditions.as_ref()).into_iter().flatten();
    let mut wanted: Vec<&'static str> = conditions
        .filter_map(|found| {
            let shown = CONDITION_TAINTS.iter().find(|it| it.0 == found.type_ && it.1 == found.status);
            shown.map(|it| it.2)
        })
        .gather();
    if node.spec.as_ref().and_then(|it| it.unschedulable) == Some(true) {
        wanted.push(taints::UNSCHEDULABLE);
    }
    wanted
}

fn no_execute_pass(view: &View<'_>, node: &Arc<Node>, key: &ObjectKey, now: SimTime, plan: &mut Reconciled) {
    let memory = &view.memory.nodes;
    if memory.disrupted {
        return;
    }
    if now < memory.next_taint {
        plan.later.push((key.clone(), memory.next_taint - now));
        return;
    }
    let (taint, opposite) = match ready(node) {
        "True" => return,
        "False" => (taints::NOT_READY, taints::UNREACHABLE),
        _ => (taints::UNREACHABLE, taints::NOT_READY),
    };
    let opposite: &[(&str, &str)] =
        if taints::has(node, opposite, taints::NO_EXECUTE) { &[(opposite, taints::NO_EXECUTE)] } else { &[] };
    swap(node, &[(taint, taints::NO_EXECUTE)], opposite, now, plan);
    let mut health = memory.clone();
    health.to_taint.remove(&key.name);
    health.next_taint = now + NO_EXECUTE_INTERVAL;
    plan.notes.push(Note::Nodes(health));
}

fn reference(node: &Node) -> ObjectReference {
    node_reference(node.metadata.name.as_deref().unwrap_or(""), node.metadata.uid.clone())
}

fn node_reference(name: &str, uid: Option<String>) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Node".to_owned()),
        name: Some(name.to_owned()),
        uid,
        ..ObjectReference::default()
    }
}
