//! Indexes that keep the cost of a decision from growing with the Pods already placed.

use std::sync::Arc;

use sim::VecMap;

use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;
use crate::selector::{AffinityTerm, Selector};

/// The node has no label with the topology's key.
pub const NO_DOMAIN: u32 = u32::MAX;

/// Which value of one label each node has. Numbers of domains are given once and never reused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Topology {
    ids: VecMap<Arc<str>, u32>,
    /// By the node's place in the snapshot.
    pub domain_of: Vec<u32>,
}

impl Topology {
    pub fn new(key: &str, nodes: &[Arc<NodeInfo>]) -> Topology {
        let mut topology = Topology::default();
        for node in nodes {
            let domain = topology.intern(node.labels().get(key).map(String::as_str));
            topology.domain_of.push(domain);
        }
        topology
    }

    pub fn intern(&mut self, value: Option<&str>) -> u32 {
        let Some(value) = value else { return NO_DOMAIN };
        if let Some(id) = self.ids.get(value) {
            return *id;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(value.into(), id);
        id
    }

    /// An upper bound of the domains' numbers.
    pub fn domains(&self) -> usize {
        self.ids.len()
    }
}

/// Which namespaces and labels a Pod must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodSelector {
    /// Sorted.
    pub namespaces: Vec<Arc<str>>,
    pub any_namespace: bool,
    pub selector: Selector,
}

impl PodSelector {
    pub fn matches(&self, pod: &PodInfo) -> bool {
        (self.any_namespace || self.namespaces.contains(&pod.key.namespace))
            && self.selector.matches(pod.labels())
    }
}

/// A question that plugins ask about placed Pods: how many on each node match all of these?
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodMatcher {
    pub all: Vec<PodSelector>,
    /// Pods that are being deleted do not count.
    pub live_only: bool,
}

impl PodMatcher {
    pub fn matches(&self, pod: &PodInfo) -> bool {
        !(self.live_only && pod.terminating) && self.all.iter().all(|it| it.matches(pod))
    }

    pub fn count(&self, node: &NodeInfo) -> u32 {
        node.pods.iter().filter(|it| self.matches(it)).count() as u32
    }
}

/// What the term of a placed Pod means for an incoming one that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TermRole {
    /// Keeps it away.
    RequiredAntiAffinity,
    /// Adds this to the score of every node of the domain.
    Weight(i32),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldTerm {
    pub role: TermRole,
    pub term: AffinityTerm,
}

/// How many placed Pods hold one term.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Holders {
    /// Also those on nodes without the topology's label.
    pub total: u32,
    pub by_domain: Vec<u32>,
}

impl Holders {
    pub fn add(&mut self, domain: u32, sign: i32) {
        self.total = self.total.wrapping_add_signed(sign);
        if domain == NO_DOMAIN {
            return;
        }
        if self.by_domain.len() <= domain as usize {
            self.by_domain.resize(domain as usize + 1, 0);
        }
        let count = &mut self.by_domain[domain as usize];
        *count = count.wrapping_add_signed(sign);
    }

    pub fn in_domain(&self, domain: u32) -> u32 {
        self.by_domain.get(domain as usize).copied().unwrap_or(0)
    }
}

/// What a required affinity term of a placed Pod weighs in the score.
const HARD_POD_AFFINITY_WEIGHT: i32 = 1;

/// The terms that a placed Pod brings with it.
pub fn held_terms(pod: &PodInfo) -> impl Iterator<Item = HeldTerm> {
    let hard = pod.required_affinity.iter().map(|it| (TermRole::Weight(HARD_POD_AFFINITY_WEIGHT), it));
    let anti = pod.required_anti_affinity.iter().map(|it| (TermRole::RequiredAntiAffinity, it));
    let soft = pod.preferred_affinity.iter().map(|(weight, it)| (TermRole::Weight(*weight), it));
    let soft_anti = pod.preferred_anti_affinity.iter().map(|(weight, it)| (TermRole::Weight(-*weight), it));
    hard.chain(anti).chain(soft).chain(soft_anti).map(|(role, term)| HeldTerm { role, term: term.clone() })
}
