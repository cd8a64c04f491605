//! The cluster as the scheduler knows it: nodes with their Pods, and the indexes over them.
//!
//! Plain data with shared parts: a clone is cheap, a change copies only what it touches.

use std::sync::Arc;

use api::{Namespace, Node, Pod, PodDisruptionBudget, ReplicaSet, Service};
use sim::{Gather as _, VecMap, VecSet};

use crate::node_info::NodeInfo;
use crate::pod_info::{PodInfo, PodKey};
use crate::selector::{Labels, NO_LABELS, Selector, both, labels_of};
use crate::topology::{HeldTerm, Holders, NO_DOMAIN, PodMatcher, TermRole, Topology, held_terms};

/// How many questions about placed Pods are kept counted; with more of them all start anew.
pub const MATCHERS_MAX: usize = 512;

type Name = (Arc<str>, Arc<str>);

/// Region and zone of a node, each by its name of old, which goes before, and of today.
// Follows kubernetes v1.36 staging/src/k8s.io/component-helpers/node/topology: GetZoneKey.
const ZONE_LABELS: [[&str; 2]; 2] = [
    ["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
    ["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisruptionBudget {
    pub namespace: Arc<str>,
    pub selector: Selector,
    pub allowed: i32,
    /// Pods whose eviction is already counted.
    pub disrupted: VecSet<String>,
}

/// `size` is what the first node told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageState {
    pub size: i64,
    pub nodes: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// Sorted by name.
    nodes: Arc<Vec<Arc<NodeInfo>>>,
    /// Where each placed Pod is.
    placed: Arc<VecMap<PodKey, Arc<str>>>,
    namespaces: Arc<VecMap<Arc<str>, Labels>>,
    services: Arc<VecMap<Name, Labels>>,
    replica_sets: Arc<VecMap<Name, Selector>>,
    budgets: Arc<VecMap<Name, DisruptionBudget>>,
    /// Pending Pods that wait for room on a node, by that node.
    nominated: Arc<VecMap<Arc<str>, Vec<Arc<PodInfo>>>>,
    images: Arc<VecMap<Arc<str>, ImageState>>,
    topologies: Arc<VecMap<Arc<str>, Arc<Topology>>>,
    held: Arc<VecMap<HeldTerm, Arc<Holders>>>,
    matchers: Arc<VecMap<PodMatcher, Arc<Vec<u32>>>>,
    /// The order in which a search visits the nodes, as long as no node changes; of one width everywhere, as it is hashed.
    walk: Option<Arc<Vec<u32>>>,
}

/// Reading.
impl Snapshot {
    pub fn nodes(&self) -> &[Arc<NodeInfo>] {
        &self.nodes
    }

    pub fn node_index(&self, name: &str) -> Option<usize> {
        self.nodes.binary_search_by(|it| (*it.name).cmp(name)).ok()
    }

    pub fn node(&self, name: &str) -> Option<&Arc<NodeInfo>> {
        self.node_index(name).map(|it| &self.nodes[it])
    }

    pub fn node_of(&self, pod: &PodKey) -> Option<&Arc<str>> {
        self.placed.get(pod)
    }

    pub fn placed_pod(&self, key: &PodKey) -> Option<&Arc<PodInfo>> {
        self.node(self.placed.get(key)?)?.pods.iter().find(|it| it.key == *key)
    }

    pub fn namespace_labels(&self, name: &str) -> &Labels {
        self.namespaces.get(name).unwrap_or(&NO_LABELS)
    }

    pub fn namespaces(&self) -> impl Iterator<Item = (&Arc<str>, &Labels)> {
        self.namespaces.iter()
    }

    pub fn budgets(&self) -> impl Iterator<Item = &DisruptionBudget> {
        self.budgets.values()
    }

    /// Names of the PodDisruptionBudgets that select the Pod.
    pub fn budgets_of(&self, pod: &PodInfo) -> impl Iterator<Item = &Arc<str>> {
        let selects = |it: &DisruptionBudget| {
            it.namespace == pod.key.namespace && !it.selector.is_empty() && it.selector.matches(pod.labels())
        };
        self.budgets.iter().filter(move |it| selects(it.1)).map(|it| &it.0.1)
    }

    pub fn image(&self, name: &str) -> Option<&ImageState> {
        self.images.get(name)
    }

    pub fn nominated_on(&self, node: &str) -> &[Arc<PodInfo>] {
        if self.nominated.is_empty() {
            return &[];
        }
        self.nominated.get(node).map_or(&[], Vec::as_slice)
    }

    /// From the index, or made now.
    pub fn topology(&self, key: &str) -> Arc<Topology> {
        match self.topologies.get(key) {
            Some(found) => found.clone(),
            None => Arc::new(Topology::new(key, &self.nodes)),
        }
    }

    /// How many Pods match on each node: from the index, or counted now.
    pub fn counts(&self, matcher: &PodMatcher) -> Arc<Vec<u32>> {
        match self.matchers.get(matcher) {
            Some(found) => found.clone(),
            None => Arc::new(self.nodes.iter().map(|it| matcher.count(it)).gather()),
        }
    }

    /// Places of the nodes in the order in which a search visits them: one of each zone in turn, so that a search that
    /// ends early has seen all zones. Remembered, or made now.
    // Follows kubernetes v1.36 pkg/scheduler/backend/cache/node_tree.go: list, after a start with these nodes.
    pub fn walk(&self) -> Arc<Vec<u32>> {
        if let Some(walk) = &self.walk {
            return walk.clone();
        }
        let mut zones: Vec<([&str; 2], usize)> = Vec::new();
        let mut turns: Vec<(usize, usize, u32)> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let zone = ZONE_LABELS
                .map(|names| names.iter().find_map(|it| node.labels().get(*it)).map_or("", |it| it));
            let place = zones.iter().position(|it| it.0 == zone).unwrap_or_else(|| {
                zones.push((zone, 0));
                zones.len() - 1
            });
            turns.push((zones[place].1, place, index as u32));
            zones[place].1 += 1;
        }
        turns.sort_unstable();
        Arc::new(turns.into_iter().map(|it| it.2).gather())
    }

    /// Terms of placed Pods with one role or all others.
    pub fn held(&self, required: bool) -> impl Iterator<Item = (&HeldTerm, &Arc<Holders>)> {
        self.held.iter().filter(move |it| (it.0.role == TermRole::RequiredAntiAffinity) == required)
    }

    // Follows kubernetes v1.36 plugins/helper/spread.go: DefaultSelector.
    pub fn default_selector(&self, pod: &PodInfo) -> Selector {
        let of_namespace = (pod.key.namespace.clone(), Arc::from(""))..;
        let services = self.services.range(of_namespace).take_while(|it| it.0.0 == pod.key.namespace);
        let mut labels = Labels::new();
        for (_, selector) in services {
            if selector.iter().all(|(key, value)| pod.labels().get(key) == Some(value)) {
                labels.extend(selector.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        let selector = Selector::from_map(&labels);
        let owners = pod.pod.metadata.owner_references.as_deref().unwrap_or_default();
        let owner = owners.iter().find(|it| it.controller == Some(true));
        let Some(owner) = owner.filter(|it| it.kind == "ReplicaSet" && it.api_version == "apps/v1") else {
            return selector;
        };
        match self.replica_sets.get(&(pod.key.namespace.clone(), owner.name.as_str().into())) {
            Some(Selector::Nothing) | None => selector,
            Some(own) => both(selector, own),
        }
    }
}

/// Changing.
impl Snapshot {
    /// Adds a node or takes over its new state.
    pub fn set_node(&mut self, node: Arc<Node>) {
        let name: Arc<str> = node.metadata.name.as_deref().unwrap_or("").into();
        if let Some(at) = self.node_index(&name) {
            return self.change_node(at, node);
        }
        self.walk = None;
        let at = self.nodes.partition_point(|it| it.name < name);
        Arc::make_mut(&mut self.nodes).insert(at, Arc::new(NodeInfo::new(node)));
        for topology in Arc::make_mut(&mut self.topologies).values_mut() {
            Arc::make_mut(topology).domain_of.insert(at, NO_DOMAIN);
        }
        for counts in Arc::make_mut(&mut self.matchers).values_mut() {
            Arc::make_mut(counts).insert(at, 0);
        }
        self.place_in_domains(at);
        self.remember_images(at);
    }

    fn change_node(&mut self, at: usize, node: Arc<Node>) {
        self.forget_images(&self.nodes[at].clone());
        if self.nodes[at].labels() == labels_of(node.metadata.labels.as_ref()) {
            self.node_mut(at).set_node(node);
            return self.remember_images(at);
        }
        self.walk = None;
        // Domains change: its Pods leave the indexes and come back with the new labels.
        let (name, pods) = (self.nodes[at].name.clone(), self.nodes[at].pods.clone());
        for pod in &pods {
            self.remove_pod(&pod.key);
        }
        self.node_mut(at).set_node(node);
        self.place_in_domains(at);
        self.remember_images(at);
        for pod in pods {
            self.add_pod(pod, &name);
        }
    }

    fn node_mut(&mut self, at: usize) -> &mut NodeInfo {
        Arc::make_mut(&mut Arc::make_mut(&mut self.nodes)[at])
    }

    fn place_in_domains(&mut self, at: usize) {
        for (key, topology) in Arc::make_mut(&mut self.topologies) {
            let topology = Arc::make_mut(topology);
            let domain = topology.intern(self.nodes[at].labels().get(&**key).map(String::as_str));
            topology.domain_of[at] = domain;
        }
    }

    /// The Pods on it are forgotten as well.
    pub fn remove_node(&mut self, name: &str) {
        let Some(at) = self.node_index(name) else { return };
        self.walk = None;
        let old = self.nodes[at].clone();
        for pod in &old.pods {
            self.remove_pod(&pod.key);
        }
        self.forget_images(&old);
        Arc::make_mut(&mut self.nodes).remove(at);
        for topology in Arc::make_mut(&mut self.topologies).values_mut() {
            Arc::make_mut(topology).domain_of.remove(at);
        }
        for counts in Arc::make_mut(&mut self.matchers).values_mut() {
            Arc::make_mut(counts).remove(at);
        }
    }

    /// A node that is not known (yet) keeps nothing.
    pub fn add_pod(&mut self, pod: Arc<PodInfo>, node: &str) {
        let Some(at) = self.node_index(node) else { return };
        self.index(&pod, at, 1);
        let name = self.nodes[at].name.clone();
        Arc::make_mut(&mut self.placed).insert(pod.key.clone(), name);
        self.node_mut(at).add_pod(pod);
    }

    pub fn remove_pod(&mut self, key: &PodKey) -> Option<Arc<PodInfo>> {
        let name = Arc::make_mut(&mut self.placed).remove(key)?;
        let at = self.node_index(&name)?;
        let pod = self.nodes[at].pods.iter().find(|it| it.key == *key)?.clone();
        self.index(&pod, at, -1);
        self.node_mut(at).remove_pod(&pod)
    }

    /// Takes over a newer object of a placed Pod when nothing has changed that is counted anywhere.
    pub fn refresh_pod(&mut self, pod: &Arc<Pod>, key: &PodKey) -> bool {
        let Some(at) = self.placed.get(key).and_then(|it| self.node_index(it)) else { return false };
        let Some(place) = self.nodes[at].pods.iter().position(|it| it.key == *key) else { return false };
        if !self.nodes[at].pods[place].counts_like(pod) {
            return false;
        }
        let node = self.node_mut(at);
        Arc::make_mut(&mut node.pods[place]).pod = pod.clone();
        true
    }

    fn index(&mut self, pod: &PodInfo, at: usize, sign: i32) {
        for term in held_terms(pod) {
            let domain = self.register_topology(&term.term.topology_key).domain_of[at];
            let held = Arc::make_mut(&mut self.held);
            let holders = Arc::make_mut(held.entry(term.clone()).or_default());
            holders.add(domain, sign);
            if holders.total == 0 {
                held.remove(&term);
            }
        }
        if self.matchers.keys().any(|it| it.matches(pod)) {
            for (matcher, counts) in Arc::make_mut(&mut self.matchers) {
                if matcher.matches(pod) {
                    let count = &mut Arc::make_mut(counts)[at];
                    *count = count.wrapping_add_signed(sign);
                }
            }
        }
    }

    fn register_topology(&mut self, key: &Arc<str>) -> &Topology {
        if !self.topologies.contains_key(key) {
            let topology = Arc::new(Topology::new(key, &self.nodes));
            Arc::make_mut(&mut self.topologies).insert(key.clone(), topology);
        }
        &self.topologies[key]
    }

    /// Keeps what a decision about this Pod asks for counted from now on. Changes no decision.
    pub fn prepare(&mut self, keys: impl IntoIterator<Item = Arc<str>>, matchers: Vec<PodMatcher>) {
        self.walk = Some(self.walk());
        for key in keys {
            self.register_topology(&key);
        }
        for matcher in matchers {
            if self.matchers.contains_key(&matcher) {
                continue;
            }
            let counts = self.counts(&matcher);
            let matchers = Arc::make_mut(&mut self.matchers);
            if MATCHERS_MAX <= matchers.len() {
                matchers.clear();
            }
            matchers.insert(matcher, counts);
        }
    }

    pub fn nominate(&mut self, pod: Arc<PodInfo>, node: &str) {
        self.remove_nomination(&pod.key);
        Arc::make_mut(&mut self.nominated).entry(node.into()).or_default().push(pod);
    }

    pub fn remove_nomination(&mut self, key: &PodKey) {
        if !self.nominated.values().flatten().any(|it| it.key == *key) {
            return;
        }
        let nominated = Arc::make_mut(&mut self.nominated);
        for pods in nominated.values_mut() {
            pods.retain(|it| it.key != *key);
        }
        nominated.retain(|_, it| !it.is_empty());
    }

    pub fn nomination_of(&self, key: &PodKey) -> Option<&Arc<str>> {
        self.nominated.iter().find(|it| it.1.iter().any(|it| it.key == *key)).map(|it| it.0)
    }

    pub fn set_namespace(&mut self, namespace: &Namespace) {
        let name: Arc<str> = namespace.metadata.name.as_deref().unwrap_or("").into();
        let labels = namespace.metadata.labels.clone().unwrap_or_default();
        if self.namespaces.get(&name) != Some(&labels) {
            Arc::make_mut(&mut self.namespaces).insert(name, labels);
        }
    }

    pub fn remove_namespace(&mut self, name: &str) {
        Arc::make_mut(&mut self.namespaces).remove(name);
    }

    pub fn set_service(&mut self, service: &Service) {
        let name = name_of(&service.metadata);
        // A Service without selector matches no Pod.
        match service.spec.as_ref().and_then(|it| it.selector.clone()).filter(|it| !it.is_empty()) {
            Some(selector) => drop(Arc::make_mut(&mut self.services).insert(name, selector)),
            None => self.remove_service(&name.0, &name.1),
        }
    }

    pub fn remove_service(&mut self, namespace: &Arc<str>, name: &Arc<str>) {
        Arc::make_mut(&mut self.services).remove(&(namespace.clone(), name.clone()));
    }

    pub fn set_replica_set(&mut self, replica_set: &ReplicaSet) {
        let name = name_of(&replica_set.metadata);
        let selector = Selector::new(replica_set.spec.as_ref().map(|it| &it.selector));
        if self.replica_sets.get(&name) != Some(&selector) {
            Arc::make_mut(&mut self.replica_sets).insert(name, selector);
        }
    }

    pub fn remove_replica_set(&mut self, namespace: &Arc<str>, name: &Arc<str>) {
        Arc::make_mut(&mut self.replica_sets).remove(&(namespace.clone(), name.clone()));
    }

    pub fn set_budget(&mut self, budget: &PodDisruptionBudget) {
        let name = name_of(&budget.metadata);
        let status = budget.status.as_ref();
        let disrupted = status.and_then(|it| it.disrupted_pods.as_ref());
        let budget = DisruptionBudget {
            namespace: name.0.clone(),
            selector: Selector::new(budget.spec.as_ref().and_then(|it| it.selector.as_ref())),
            allowed: status.and_then(|it| it.disruptions_allowed).unwrap_or(0),
            disrupted: disrupted.into_iter().flatten().map(|it| it.0.clone()).fill(),
        };
        Arc::make_mut(&mut self.budgets).insert(name, budget);
    }

    pub fn remove_budget(&mut self, namespace: &Arc<str>, name: &Arc<str>) {
        Arc::make_mut(&mut self.budgets).remove(&(namespace.clone(), name.clone()));
    }

    fn remember_images(&mut self, at: usize) {
        let node = self.nodes[at].clone();
        let status = node.node.status.as_ref();
        let listed = status.and_then(|it| it.images.as_deref()).unwrap_or_default();
        if listed.is_empty() {
            return;
        }
        let images = Arc::make_mut(&mut self.images);
        let mut counted = VecSet::new();
        for image in listed {
            for name in image.names.iter().flatten() {
                if counted.insert(name.as_str()) {
                    let size = image.size_bytes.unwrap_or(0);
                    let state = images.entry(name.as_str().into()).or_insert(ImageState { size, nodes: 0 });
                    state.nodes += 1;
                }
            }
        }
    }

    fn forget_images(&mut self, node: &NodeInfo) {
        if node.images.is_empty() {
            return;
        }
        let images = Arc::make_mut(&mut self.images);
        for name in node.images.iter() {
            if let Some(state) = images.get_mut(name) {
                state.nodes -= 1;
                if state.nodes == 0 {
                    images.remove(name);
                }
            }
        }
    }
}

fn name_of(meta: &api::ObjectMeta) -> Name {
    (meta.namespace.as_deref().unwrap_or("default").into(), meta.name.as_deref().unwrap_or("").into())
}
