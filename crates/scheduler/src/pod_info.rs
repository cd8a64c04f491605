//! A Pod as the scheduler sees it: everything that the plugins need, compiled once.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::core::v1::{
    Affinity, Container, NodeAffinity, PodAffinityTerm, PodSpec, Toleration, TopologySpreadConstraint,
    WeightedPodAffinityTerm,
};
use api::{ObjectKey, Pod, taints};
use sim::Gather as _;

use crate::resources::{self, Requests};
use crate::selector::{
    AffinityTerm, Labels, PreferredNodeTerm, RequiredNodeAffinity, Selector, both, labels_of,
};

pub type PodKey = ObjectKey;

/// `ip` is `0.0.0.0` where none is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    pub ip: Box<str>,
    pub protocol: Box<str>,
    pub port: i32,
}

pub const ANY_IP: &str = "0.0.0.0";

impl HostPort {
    pub fn conflicts(&self, other: &HostPort) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || &*self.ip == ANY_IP || &*other.ip == ANY_IP)
    }
}

/// A topology spread constraint with its selector compiled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpreadConstraint {
    pub topology_key: Arc<str>,
    pub max_skew: i32,
    pub min_domains: i32,
    pub selector: Selector,
    pub honor_affinity: bool,
    pub honor_taints: bool,
}

#[derive(Debug, Clone)]
pub struct PodInfo {
    pub pod: Arc<Pod>,
    pub key: PodKey,
    pub priority: i32,
    pub terminating: bool,
    pub requests: Requests,
    pub host_ports: Vec<HostPort>,
    pub node_affinity: RequiredNodeAffinity,
    /// Where every term of the required node affinity names nodes: those.
    pub named_nodes: Option<Vec<Arc<str>>>,
    /// Absent is not empty: an absent list skips the score.
    pub preferred_nodes: Option<Vec<PreferredNodeTerm>>,
    pub required_affinity: Vec<AffinityTerm>,
    pub required_anti_affinity: Vec<AffinityTerm>,
    pub preferred_affinity: Vec<(i32, AffinityTerm)>,
    pub preferred_anti_affinity: Vec<(i32, AffinityTerm)>,
    pub has_spread_constraints: bool,
    pub spread_hard: Vec<SpreadConstraint>,
    pub spread_soft: Vec<SpreadConstraint>,
    /// Normalised names of init containers, containers and image volumes.
    pub images: Vec<Arc<str>>,
    pub container_count: i64,
}

impl PartialEq for PodInfo {
    /// All of it is compiled from the Pod.
    fn eq(&self, other: &PodInfo) -> bool {
        Arc::ptr_eq(&self.pod, &other.pod) || same(&*self.pod, &*other.pod)
    }
}

impl Eq for PodInfo {}

impl Hash for PodInfo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
        self.pod.metadata.uid.hash(state);
        self.pod.metadata.resource_version.hash(state);
        self.requests.hash(state);
    }
}

impl PodInfo {
    pub fn new(pod: Arc<Pod>) -> PodInfo {
        let empty = PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&empty);
        let meta = &pod.metadata;
        let key = ObjectKey::pod(
            meta.namespace.as_deref().unwrap_or("default"),
            meta.name.as_deref().unwrap_or(""),
        );
        let affinity = spec.affinity.as_ref();
        let pods = affinity.and_then(|it| it.pod_affinity.as_ref());
        let anti = affinity.and_then(|it| it.pod_anti_affinity.as_ref());
        let nodes = affinity.and_then(|it| it.node_affinity.as_ref());
        let required = |terms: Option<&Vec<PodAffinityTerm>>| -> Vec<AffinityTerm> {
            terms.into_iter().flatten().map(|it| AffinityTerm::new(&key.namespace, it)).gather()
        };
        let preferred = |terms: Option<&Vec<WeightedPodAffinityTerm>>| -> Vec<(i32, AffinityTerm)> {
            let one = |it: &WeightedPodAffinityTerm| {
                (it.weight, AffinityTerm::new(&key.namespace, &it.pod_affinity_term))
            };
            terms.into_iter().flatten().map(one).gather()
        };
        let labels = labels_of(meta.labels.as_ref());
        let spread = spec.topology_spread_constraints.as_deref().unwrap_or_default();
        let node_required =
            nodes.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        PodInfo {
            priority: spec.priority.unwrap_or(0),
            terminating: meta.deletion_timestamp.is_some(),
            requests: Requests::of(&pod),
            host_ports: host_ports(spec),
            node_affinity: RequiredNodeAffinity::new(spec.node_selector.as_ref(), node_required),
            named_nodes: named_nodes(affinity),
            preferred_nodes: nodes.and_then(preferred_nodes),
            required_affinity: required(
                pods.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref()),
            ),
            required_anti_affinity: required(
                anti.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref()),
            ),
            preferred_affinity: preferred(
                pods.and_then(|it| it.preferred_during_scheduling_ignored_during_execution.as_ref()),
            ),
            preferred_anti_affinity: preferred(
                anti.and_then(|it| it.preferred_during_scheduling_ignored_during_execution.as_ref()),
            ),
            has_spread_constraints: !spread.is_empty(),
            spread_hard: spread_constraints(spread, labels, "DoNotSchedule"),
            spread_soft: spread_constraints(spread, labels, "ScheduleAnyway"),
            images: images(spec),
            container_count: (spec.containers.len() + spec.init_containers.as_ref().map_or(0, Vec::len))
                as i64,
            key,
            pod,
        }
    }

    /// Whether a newer object of this Pod differs in nothing that was compiled from it.
    pub fn counts_like(&self, pod: &Pod) -> bool {
        let (old, new) = (&self.pod.metadata, &pod.metadata);
        old.uid == new.uid
            && old.labels == new.labels
            && old.deletion_timestamp.is_some() == new.deletion_timestamp.is_some()
            && (old.generation.is_some() && old.generation == new.generation
                || same(&self.pod.spec, &pod.spec))
            && resources::actuated_alike(self.pod.status.as_ref(), pod.status.as_ref())
    }

    pub fn labels(&self) -> &Labels {
        labels_of(self.pod.metadata.labels.as_ref())
    }

    pub fn namespace(&self) -> &Arc<str> {
        &self.key.namespace
    }

    pub fn tolerations(&self) -> &[Toleration] {
        taints::tolerations(&self.pod)
    }

    /// Empty while the Pod is not bound.
    pub fn node_name(&self) -> &str {
        self.pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).unwrap_or("")
    }

    pub fn nominated_node(&self) -> &str {
        self.pod.status.as_ref().and_then(|it| it.nominated_node_name.as_deref()).unwrap_or("")
    }

    pub fn scheduler_name(&self) -> &str {
        self.pod.spec.as_ref().and_then(|it| it.scheduler_name.as_deref()).unwrap_or("default-scheduler")
    }

    /// Succeeded and Failed Pods hold nothing any more: the scheduler does not see them.
    pub fn is_finished(&self) -> bool {
        let phase = self.pod.status.as_ref().and_then(|it| it.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
    }

    /// `default/web`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.key.namespace, self.key.name)
    }
}

fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars =
        spec.init_containers.iter().flatten().filter(|it| it.restart_policy.as_deref() == Some("Always"));
    let all = sidecars.chain(&spec.containers).flat_map(|it: &Container| it.ports.iter().flatten());
    let wanted = all.filter_map(|it| {
        let given = |value: &Option<String>, default: &str| -> Box<str> {
            value.as_deref().filter(|it| !it.is_empty()).unwrap_or(default).into()
        };
        it.host_port.filter(|port| 0 < *port).map(|port| HostPort {
            ip: given(&it.host_ip, ANY_IP),
            protocol: given(&it.protocol, "TCP"),
            port,
        })
    });
    wanted.gather()
}

// Follows kubernetes v1.36 plugins/nodeaffinity: NodeAffinity.PreFilter.
fn named_nodes(affinity: Option<&Affinity>) -> Option<Vec<Arc<str>>> {
    let nodes = affinity?.node_affinity.as_ref()?;
    let terms = &nodes.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms;
    if terms.is_empty() {
        return None;
    }
    let mut union: Vec<Arc<str>> = Vec::new();
    for term in terms {
        let named = term.match_fields.iter().flatten();
        let mut lists = named.filter(|it| it.key == "metadata.name" && it.operator == "In");
        let mut all: Vec<&String> = lists.next()?.values.iter().flatten().gather();
        for list in lists {
            all.retain(|name| list.values.iter().flatten().any(|it| it == *name));
        }
        union.extend(all.into_iter().map(|it| Arc::from(it.as_str())));
    }
    union.sort();
    union.dedup();
    Some(union)
}

fn preferred_nodes(nodes: &NodeAffinity) -> Option<Vec<PreferredNodeTerm>> {
    let terms = nodes.preferred_during_scheduling_ignored_during_execution.as_ref()?;
    Some(terms.iter().filter_map(PreferredNodeTerm::new).gather())
}

// Follows kubernetes v1.36 plugins/podtopologyspread/common.go: filterTopologySpreadConstraints.
fn spread_constraints(
    all: &[TopologySpreadConstraint],
    labels: &Labels,
    action: &str,
) -> Vec<SpreadConstraint> {
    let wanted = all.iter().filter(|it| it.when_unsatisfiable == action);
    let compiled = wanted.map(|it| {
        let mut selector = Selector::new(it.label_selector.as_ref());
        let keys = it.match_label_keys.iter().flatten();
        let own: Labels =
            keys.filter_map(|key| labels.get(key).map(|value| (key.clone(), value.clone()))).fill();
        if !own.is_empty() {
            selector = both(Selector::from_map(&own), &selector);
        }
        SpreadConstraint {
            topology_key: it.topology_key.as_str().into(),
            max_skew: it.max_skew,
            min_domains: it.min_domains.unwrap_or(1),
            selector,
            honor_affinity: it.node_affinity_policy.as_deref() != Some("Ignore"),
            honor_taints: it.node_taints_policy.as_deref() == Some("Honor"),
        }
    });
    compiled.gather()
}

fn images(spec: &PodSpec) -> Vec<Arc<str>> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let images = containers.map(|it| it.image.as_deref().unwrap_or(""));
    let volumes = spec.volumes.iter().flatten().filter_map(|it| it.image.as_ref()?.reference.as_deref());
    images.chain(volumes).map(normalised_image).gather()
}

// Follows kubernetes v1.36 plugins/imagelocality: normalizedImageName.
fn normalised_image(name: &str) -> Arc<str> {
    if name.rfind(':') <= name.rfind('/') { format!("{name}:latest").into() } else { name.into() }
}
