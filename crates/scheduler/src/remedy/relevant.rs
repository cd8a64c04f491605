//! Which edits could change what a filter says about a node.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{
    Container, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, ResourceRequirements, Taint,
};
use api::selector::{Operator, Requirement};
use api::taints::tolerates;
use sim::{Gather as _, Sort as _};

use super::NODES_MAX;
use super::edit::{ClusterEdit, Edit, Place, PodEdit};
use crate::decision::{Decision, Reasons, Verdict};
use crate::framework::PROFILE;
use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;
use crate::snapshot::Snapshot;

pub(super) const HOSTNAME: &str = "kubernetes.io/hostname";
pub(super) const CORDONED: &str = "node.kubernetes.io/unschedulable";
/// Taints with this prefix tell of a node that is not well: nothing is gained by landing there.
const UNWELL: &str = "node.kubernetes.io/";
/// Pods of one node whose deletion is tried.
const DELETIONS_MAX: usize = 12;
/// Values of a missing label, and kinds of node, that are tried.
const VALUES_MAX: usize = 3;
const MIB: i64 = 1 << 20;

/// Requests are lowered in such steps: nobody writes bytes.
pub fn step(resource: &str, amount: i64) -> i64 {
    let counted = resource == "cpu" || resource.contains('/');
    if counted || amount < MIB { 1 } else { MIB }
}

/// What holds the Pod back before any node is asked.
pub(super) fn gates(pod: &PodInfo) -> Vec<Edit> {
    let gates = pod.pod.spec.as_ref().and_then(|it| it.scheduling_gates.as_deref()).unwrap_or_default();
    gates.iter().map(|it| PodEdit::OpenGate { gate: it.name.clone() }.into()).gather()
}

/// `original` is the Pod before any edit: places in its lists name what can be edited. Answers also whether some nodes
/// or Pods were left out.
pub(super) fn ideas(
    snapshot: &Snapshot,
    pod: &PodInfo,
    original: &PodInfo,
    decision: &Decision,
    nodes_max: usize,
) -> (Vec<Edit>, bool) {
    let mut ideas = Ideas { snapshot, pod, original, found: Vec::new(), cut: false };
    if let Some(rejection) = &decision.pre_filter {
        if rejection.plugin == "NodeAffinity" {
            ideas.propose(PodEdit::DropNodeAffinity);
        }
        return (ideas.found, false);
    }
    let mut verdicts: Vec<_> = decision.verdicts.iter().gather();
    // The later a filter says no, the less there is in the way.
    let place = |it: &Verdict| match it {
        Verdict::Rejected(why) => PROFILE.iter().position(|plugin| plugin.name() == why.plugin),
        Verdict::Fits | Verdict::NotNamed => None,
    };
    if nodes_max < verdicts.len() {
        ideas.cut = true;
        verdicts.put_in_order_by_key(|it| std::cmp::Reverse(place(&it.1)));
    }
    for (name, verdict) in verdicts.into_iter().take(nodes_max) {
        let Some(node) = snapshot.node(name) else { continue };
        match verdict {
            Verdict::Fits => {}
            Verdict::NotNamed => ideas.propose(PodEdit::DropNodeAffinity),
            Verdict::Rejected(why) => ideas.against(node, why.plugin, &why.reasons),
        }
    }
    ideas.add_node();
    ideas.found.put_in_order();
    ideas.found.dedup();
    (ideas.found, ideas.cut)
}

/// All edits that there are for this Pod, whatever the filters say: what an exhaustive search has to go through.
pub fn everything(snapshot: &Snapshot, pod: &PodInfo) -> Vec<Edit> {
    let mut ideas = Ideas { snapshot, pod, original: pod, found: gates(pod), cut: false };
    let all: Vec<Arc<str>> = {
        let requests = &pod.requests.incoming;
        let scalar = requests.scalar.iter().map(|it| it.0.clone());
        ["cpu", "memory", "ephemeral-storage"].into_iter().map(Arc::from).chain(scalar).gather()
    };
    for resource in &all {
        ideas.lower(resource);
    }
    for node in snapshot.nodes() {
        if !unwell(node, pod) {
            for plugin in [
                "NodeUnschedulable",
                "TaintToleration",
                "NodeAffinity",
                "NodePorts",
                "PodTopologySpread",
                "InterPodAffinity",
            ] {
                ideas.against(node, plugin, &Reasons::One(""));
            }
            ideas.delete(node, |_| true);
        }
    }
    ideas.add_node();
    ideas.found.put_in_order();
    ideas.found.dedup();
    ideas.found
}

struct Ideas<'a> {
    snapshot: &'a Snapshot,
    pod: &'a PodInfo,
    original: &'a PodInfo,
    found: Vec<Edit>,
    cut: bool,
}

impl Ideas<'_> {
    fn propose(&mut self, edit: impl Into<Edit>) {
        self.found.push(edit.into());
    }

    fn against(&mut self, node: &NodeInfo, plugin: &str, reasons: &Reasons) {
        if unwell(node, self.pod) {
            return;
        }
        match plugin {
            "NodeUnschedulable" => self.cordon(node),
            "TaintToleration" => self.taints(node),
            "NodeAffinity" => self.node_affinity(node),
            "NodePorts" => self.ports(node),
            "NodeResourcesFit" => self.resources(node, reasons),
            "PodTopologySpread" => self.spread(node),
            "InterPodAffinity" => self.pod_affinity(node),
            // The others stand for what cannot be edited away: a node's name, its features, volumes that do not exist.
            _ => {}
        }
    }

    fn cordon(&mut self, node: &NodeInfo) {
        if node.unschedulable {
            self.propose(ClusterEdit::Uncordon { node: node.name.clone() });
            self.tolerate(CORDONED, "", "NoSchedule");
        }
    }

    fn tolerate(&mut self, key: &str, value: &str, effect: &str) {
        self.propose(PodEdit::Tolerate {
            key: key.to_owned(),
            value: value.to_owned(),
            effect: effect.to_owned(),
        });
    }

    fn taints(&mut self, node: &NodeInfo) {
        for taint in node.taints() {
            let forbids = matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
            if !forbids || self.pod.tolerations().iter().any(|it| tolerates(it, taint)) {
                continue;
            }
            self.tolerate(&taint.key, taint.value.as_deref().unwrap_or(""), &taint.effect);
            self.propose(if taint.key == CORDONED {
                ClusterEdit::Uncordon { node: node.name.clone() }
            } else {
                ClusterEdit::RemoveTaint {
                    node: node.name.clone(),
                    key: taint.key.clone(),
                    effect: taint.effect.clone(),
                }
            });
        }
    }

    fn node_affinity(&mut self, node: &NodeInfo) {
        let Some(spec) = &self.original.pod.spec else { return };
        for (key, value) in spec.node_selector.iter().flatten() {
            if node.labels().get(key) != Some(value) {
                self.propose(PodEdit::DropNodeSelector { key: key.clone() });
                self.label(node, key, Some(value.clone()));
            }
        }
        for (i, term) in required_terms(self.original).iter().enumerate() {
            self.propose(PodEdit::DropNodeAffinity);
            let expressions = term.match_expressions.as_deref().unwrap_or_default();
            let fields = term.match_fields.as_ref().map_or(0, Vec::len);
            for (at, expression) in expressions.iter().enumerate() {
                let Some(requirement) = requirement(expression) else { continue };
                if requirement.matches(node.labels()) {
                    continue;
                }
                if 1 < expressions.len() + fields {
                    self.propose(PodEdit::DropNodeRequirement { term: i, at });
                }
                if let Some(value) = satisfying(&requirement) {
                    self.label(node, &requirement.key, value);
                }
            }
        }
    }

    /// Labels that the kubelet sets itself would not stay.
    fn label(&mut self, node: &NodeInfo, key: &str, value: Option<String>) {
        if ![HOSTNAME, "kubernetes.io/os", "kubernetes.io/arch"].contains(&key) {
            self.propose(ClusterEdit::LabelNode { node: node.name.clone(), key: key.to_owned(), value });
        }
    }

    fn ports(&mut self, node: &NodeInfo) {
        let Some(spec) = &self.original.pod.spec else { return };
        let taken: Vec<i32> = (self.pod.host_ports.iter())
            .filter(|port| node.used_ports.iter().any(|it| it.conflicts(port)))
            .map(|it| it.port)
            .gather();
        // On the host's network every port of the Pod is one of the host.
        let containers = containers(spec).filter(|_| spec.host_network != Some(true));
        for (place, container) in containers {
            for (port, it) in container.ports.iter().flatten().enumerate() {
                if it.host_port.is_some_and(|it| taken.contains(&it)) {
                    self.propose(PodEdit::DropHostPort { place, port });
                }
            }
        }
        let wanted = &self.pod.host_ports;
        self.delete(node, |it| it.host_ports.iter().any(|it| wanted.iter().any(|port| it.conflicts(port))));
    }

    fn resources(&mut self, node: &NodeInfo, reasons: &Reasons) {
        let Reasons::Short(all) = reasons else { return };
        for shortage in all.iter().filter(|it| &*it.resource != "pods") {
            self.lower(&shortage.resource);
        }
        // Where the whole node is too small it does not help that others leave.
        if all.iter().all(|it| it.requested <= it.capacity) {
            self.delete(node, |pod| {
                all.iter().any(|it| &*it.resource == "pods" || 0 < amount_of(pod, &it.resource))
            });
        }
    }

    /// To nothing: afterwards it is raised again as far as that fits.
    fn lower(&mut self, resource: &Arc<str>) {
        let Some(spec) = &self.original.pod.spec else { return };
        let asked = |it: Option<&ResourceRequirements>| {
            let quantity = it?.requests.as_ref()?.get(&**resource)?;
            let amount = api::quantity::of(quantity);
            Some(if &**resource == "cpu" { amount.milli_value() } else { amount.value() })
                .filter(|it| 0 < *it)
        };
        if let Some(from) = asked(spec.resources.as_ref()) {
            // Below what its containers request a Pod may not go.
            let to = contained(self.original, resource);
            if to < from {
                let (place, resource) = (Place::Whole, resource.clone());
                self.propose(PodEdit::LowerRequest { place, resource, from, to });
            }
            return;
        }
        for (place, container) in containers(spec) {
            if let Some(from) = asked(container.resources.as_ref()) {
                self.propose(PodEdit::LowerRequest { place, resource: resource.clone(), from, to: 0 });
            }
        }
    }

    fn spread(&mut self, node: &NodeInfo) {
        let Some(spec) = &self.original.pod.spec else { return };
        for (at, it) in spec.topology_spread_constraints.iter().flatten().enumerate() {
            if it.when_unsatisfiable == "DoNotSchedule" {
                self.propose(PodEdit::RelaxSpread { at });
                self.join_domains(&it.topology_key);
            }
        }
        let pod = self.pod;
        for constraint in &pod.spread_hard {
            let key = &*constraint.topology_key;
            let counts = |it: &PodInfo| {
                it.key.namespace == pod.key.namespace && constraint.selector.matches(it.labels())
            };
            self.delete_in_domain(node, key, counts);
            if 1 < constraint.min_domains && constraint.honor_affinity {
                // More nodes that come into question may be more domains.
                let keys = spec.node_selector.iter().flatten().map(|it| it.0.clone());
                self.found.extend(keys.map(|key| PodEdit::DropNodeSelector { key }.into()));
                if !required_terms(self.original).is_empty() {
                    self.propose(PodEdit::DropNodeAffinity);
                }
            }
        }
    }

    /// Nodes without the label join a domain, and their Pods with them: this one, or others that make up the numbers.
    fn join_domains(&mut self, key: &str) {
        let snapshot = self.snapshot;
        let outside = snapshot.nodes().iter().filter(|it| !it.labels().contains_key(key));
        for (at, node) in outside.enumerate() {
            self.cut |= at == NODES_MAX;
            if at < NODES_MAX {
                self.join_domain(node, key);
            }
        }
    }

    /// A value for a label that the node lacks: those that others have.
    fn join_domain(&mut self, node: &NodeInfo, key: &str) {
        let mut values: Vec<&String> =
            self.snapshot.nodes().iter().filter_map(|it| it.labels().get(key)).gather();
        values.put_in_order();
        values.dedup();
        for value in values.into_iter().take(VALUES_MAX) {
            self.label(node, key, Some(value.clone()));
        }
    }

    fn pod_affinity(&mut self, node: &NodeInfo) {
        let (pod, snapshot) = (self.pod, self.snapshot);
        self.found.extend(
            (0..self.original.required_affinity.len()).map(|at| PodEdit::DropPodAffinity { at }.into()),
        );
        self.found.extend(
            (0..self.original.required_anti_affinity.len())
                .map(|at| PodEdit::DropPodAntiAffinity { at }.into()),
        );
        for term in &pod.required_affinity {
            self.join_domains(&term.topology_key);
        }
        for term in &pod.required_anti_affinity {
            let unwanted = |it: &PodInfo| {
                term.matches(&it.key.namespace, snapshot.namespace_labels(&it.key.namespace), it.labels())
            };
            self.delete_in_domain(node, &term.topology_key, unwanted);
        }
        let namespace = snapshot.namespace_labels(&pod.key.namespace);
        for (held, _) in snapshot.held(true) {
            if held.term.matches(&pod.key.namespace, namespace, pod.labels()) {
                let holds = |it: &PodInfo| it.required_anti_affinity.contains(&held.term);
                self.delete_in_domain(node, &held.term.topology_key, holds);
            }
        }
    }

    fn delete_in_domain(&mut self, node: &NodeInfo, key: &str, which: impl Fn(&PodInfo) -> bool + Copy) {
        let Some(value) = node.labels().get(key) else { return };
        for other in self.snapshot.nodes() {
            if other.labels().get(key) == Some(value) {
                self.delete(other, which);
            }
        }
    }

    /// Pods that nobody makes anew. Those that are leaving already need no help.
    fn delete(&mut self, node: &NodeInfo, which: impl Fn(&PodInfo) -> bool) {
        let owned = |it: &PodInfo| {
            it.pod.metadata.owner_references.iter().flatten().any(|it| it.controller == Some(true))
        };
        let mut found: Vec<Edit> = (node.pods.iter())
            .filter(|it| !it.terminating && !owned(it) && which(it))
            .map(|it| ClusterEdit::DeletePod { pod: it.key.clone() }.into())
            .gather();
        found.put_in_order();
        self.cut |= DELETIONS_MAX < found.len();
        found.truncate(DELETIONS_MAX);
        self.found.extend(found);
    }

    /// One more of each kind of node, the roomiest kinds.
    fn add_node(&mut self) {
        let well = |it: &&Arc<NodeInfo>| !unwell(it, self.pod) && !is_control_plane(it);
        let mut kinds: Vec<&Arc<NodeInfo>> = self.snapshot.nodes().iter().filter(well).gather();
        kinds.put_in_order_by_key(|it| std::cmp::Reverse((it.allocatable.milli_cpu, it.allocatable.memory)));
        let shape = |it: &NodeInfo| {
            let labels = it.labels().iter().filter(|it| it.0 != HOSTNAME);
            (labels.map(|it| (it.0.clone(), it.1.clone())).gather(), it.allocatable.clone())
        };
        let mut shapes = Vec::new();
        for node in kinds {
            if shapes.len() < VALUES_MAX && !shapes.contains(&shape(node)) {
                shapes.push(shape(node));
                let (node, like) = (self.free_name(&node.name), node.name.clone());
                self.propose(ClusterEdit::AddNode { node, like });
            }
        }
    }

    /// `node-3` after `node-1` and `node-2`.
    fn free_name(&self, like: &str) -> String {
        let stem = like.trim_end_matches(|c: char| c.is_ascii_digit());
        let stem = if stem.len() == like.len() { [like, "-"].concat() } else { stem.to_owned() };
        let free = (1..=u32::MAX).map(|it| format!("{stem}{it}")).find(|it| self.snapshot.node(it).is_none());
        free.unwrap_or_default()
    }
}

/// With their places.
fn containers(spec: &PodSpec) -> impl Iterator<Item = (Place, &Container)> {
    let inits = spec.init_containers.iter().flatten().enumerate().map(|(at, it)| (Place::Init(at), it));
    inits.chain(spec.containers.iter().enumerate().map(|(at, it)| (Place::App(at), it)))
}

fn is_control_plane(node: &NodeInfo) -> bool {
    node.labels().contains_key("node-role.kubernetes.io/control-plane")
}

/// Has a taint that Kubernetes itself sets because something is wrong there.
fn unwell(node: &NodeInfo, pod: &PodInfo) -> bool {
    let stands = |it: &&Taint| {
        it.key.starts_with(UNWELL)
            && it.key != CORDONED
            && matches!(it.effect.as_str(), "NoSchedule" | "NoExecute")
            && !pod.tolerations().iter().any(|toleration| tolerates(toleration, it))
    };
    node.taints().iter().any(|it| stands(&it))
}

fn required_terms(pod: &PodInfo) -> &[NodeSelectorTerm] {
    let affinity = pod.pod.spec.as_ref().and_then(|it| it.affinity.as_ref());
    let nodes = affinity.and_then(|it| it.node_affinity.as_ref());
    let required = nodes.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    required.map_or(&[], |it| &it.node_selector_terms)
}

fn requirement(expression: &NodeSelectorRequirement) -> Option<Requirement> {
    let operator = Operator::from_name(&expression.operator)?;
    let values = expression.values.clone().unwrap_or_default();
    Some(Requirement { key: expression.key.clone(), operator, values })
}

/// A value of the label with which the requirement holds; `Some(None)`: without the label.
#[expect(clippy::option_option, reason = "no value, a label taken away, a value given: three answers")]
fn satisfying(requirement: &Requirement) -> Option<Option<String>> {
    let bound = || requirement.values.first()?.parse::<i64>().ok();
    match requirement.operator {
        Operator::In | Operator::Equals | Operator::DoubleEquals => {
            Some(Some(requirement.values.first()?.clone()))
        }
        Operator::Exists => Some(Some("true".to_owned())),
        Operator::NotIn | Operator::NotEquals | Operator::DoesNotExist => Some(None),
        Operator::GreaterThan => Some(Some(bound()?.checked_add(1)?.to_string())),
        Operator::LessThan => Some(Some(bound()?.checked_sub(1)?.to_string())),
    }
}

fn amount_of(pod: &PodInfo, resource: &str) -> i64 {
    let placed = &pod.requests.placed;
    match resource {
        "cpu" => placed.milli_cpu,
        "memory" => placed.memory,
        "ephemeral-storage" => placed.ephemeral_storage,
        other => placed.scalar(other),
    }
}

/// What the containers alone request.
fn contained(pod: &PodInfo, resource: &str) -> i64 {
    let mut without = (*pod.pod).clone();
    if let Some(spec) = without.spec.as_mut() {
        (spec.resources, spec.overhead) = (None, None);
    }
    amount_of(&PodInfo::new(Arc::new(without)), resource)
}
