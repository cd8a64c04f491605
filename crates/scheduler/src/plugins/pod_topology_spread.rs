//! Spreads matching Pods evenly over the values of a node label.
//!
//! Follows kubernetes v1.36 plugins/podtopologyspread.

use api::codec::all_same;
use std::sync::Arc;

use sim::Gather as _;

use crate::decision::Rejection;
use crate::framework::{
    Change, Cycle, MAX_NODE_SCORE, NodeView, Overlay, Plugin, PreFilter, PreScore, WakeEvent,
};
use crate::node_info::NodeInfo;
use crate::plugins::taint_toleration::untolerated;
use crate::pod_info::{PodInfo, SpreadConstraint};
use crate::snapshot::Snapshot;
use crate::topology::{NO_DOMAIN, PodMatcher, PodSelector, Topology};

#[derive(Debug)]
pub struct PodTopologySpread;

const NAME: &str = "PodTopologySpread";
const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// State of the constraints that forbid.
#[derive(Debug, Default)]
pub struct Hard(Vec<HardConstraint>);

#[derive(Debug)]
struct HardConstraint {
    topology: Arc<Topology>,
    /// Matching Pods by domain; `None` for domains that do not count.
    counts: Vec<Option<i64>>,
    domains: i32,
    /// The emptiest domain.
    least: (u32, i64),
    /// What the next one has.
    second_least: i64,
    self_match: bool,
}

impl HardConstraint {
    /// With `delta` Pods more in this domain.
    fn skew(&self, constraint: &SpreadConstraint, domain: u32, delta: i64) -> i64 {
        let own = self.counts.get(domain as usize).copied().flatten();
        let least = if self.domains < constraint.min_domains {
            0
        } else if domain == self.least.0 {
            self.second_least.min(self.least.1 + delta)
        } else {
            self.least.1.min(own.map_or(i64::MAX, |it| it + delta))
        };
        own.unwrap_or(0) + delta + i64::from(self.self_match) - least
    }
}

/// State of the constraints that prefer.
#[derive(Debug, Default)]
pub struct Soft {
    constraints: Vec<SoftConstraint>,
    /// By place in the list of feasible nodes: they lack a label.
    ignored: Vec<bool>,
}

#[derive(Debug)]
struct SoftConstraint {
    topology: Arc<Topology>,
    /// A domain a node: counted there, not by domain.
    by_node: Option<Arc<Vec<u32>>>,
    by_domain: Vec<i64>,
    weight: f64,
    max_skew: i32,
}

// Follows kubernetes v1.36 plugins/podtopologyspread/common.go: matchNodeInclusionPolicies.
fn included(constraint: &SpreadConstraint, pod: &PodInfo, node: &NodeInfo) -> bool {
    (!constraint.honor_affinity
        || pod.node_affinity.is_trivial()
        || pod.node_affinity.matches(&node.name, node.labels()))
        && !(constraint.honor_taints && untolerated(node, pod.tolerations()))
}

fn includes_every_node(constraint: &SpreadConstraint, pod: &PodInfo) -> bool {
    (!constraint.honor_affinity || pod.node_affinity.is_trivial()) && !constraint.honor_taints
}

/// The question whose answer the constraint needs. An empty selector counts no Pod.
fn matcher(constraint: &SpreadConstraint, pod: &PodInfo) -> Option<PodMatcher> {
    let selector = PodSelector {
        namespaces: vec![pod.key.namespace.clone()],
        any_namespace: false,
        selector: constraint.selector.clone(),
    };
    (!constraint.selector.is_empty()).then(|| PodMatcher { all: vec![selector], live_only: true })
}

fn counts(snapshot: &Snapshot, constraint: &SpreadConstraint, pod: &PodInfo) -> Option<Arc<Vec<u32>>> {
    matcher(constraint, pod).map(|it| snapshot.counts(&it))
}

/// The preferring constraints of a Pod, its own or those that every Pod of a Service or ReplicaSet has.
fn soft_constraints(snapshot: &Snapshot, pod: &PodInfo) -> Vec<SpreadConstraint> {
    if pod.has_spread_constraints {
        return pod.spread_soft.clone();
    }
    let selector = snapshot.default_selector(pod);
    if selector.is_empty() {
        return Vec::new();
    }
    let default = |key: &str, max_skew| SpreadConstraint {
        topology_key: key.into(),
        max_skew,
        min_domains: 1,
        selector: selector.clone(),
        honor_affinity: true,
        honor_taints: false,
    };
    vec![default(HOSTNAME, 3), default(ZONE, 5)]
}

/// What should be kept counted for this Pod.
pub fn needs(snapshot: &Snapshot, pod: &PodInfo, keys: &mut Vec<Arc<str>>, matchers: &mut Vec<PodMatcher>) {
    for constraint in pod.spread_hard.iter().chain(&soft_constraints(snapshot, pod)) {
        keys.push(constraint.topology_key.clone());
        matchers.extend(matcher(constraint, pod));
    }
}

fn has_all(topologies: &[Arc<Topology>], node: usize) -> bool {
    topologies.iter().all(|it| it.domain_of[node] != NO_DOMAIN)
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        NAME
    }

    fn pre_filter(&self, cycle: &mut Cycle<'_>) -> PreFilter {
        let (snapshot, pod) = (cycle.snapshot, cycle.pod);
        if pod.spread_hard.is_empty() {
            return PreFilter::Skip;
        }
        let topologies: Vec<_> =
            pod.spread_hard.iter().map(|it| snapshot.topology(&it.topology_key)).gather();
        let state = pod.spread_hard.iter().zip(&topologies).map(|(constraint, topology)| {
            let per_node = counts(snapshot, constraint, pod);
            let everywhere = includes_every_node(constraint, pod);
            let mut counts = vec![None; topology.domains()];
            for (at, node) in snapshot.nodes().iter().enumerate() {
                if has_all(&topologies, at) && (everywhere || included(constraint, pod, node)) {
                    let count: &mut Option<i64> = &mut counts[topology.domain_of[at] as usize];
                    *count = Some(count.unwrap_or(0) + per_node.as_ref().map_or(0, |it| i64::from(it[at])));
                }
            }
            hard_constraint(topology.clone(), counts, constraint.selector.matches(pod.labels()))
        });
        cycle.spread = Hard(state.gather());
        PreFilter::Run
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        for (i, (state, constraint)) in cycle.spread.0.iter().zip(&cycle.pod.spread_hard).enumerate() {
            let domain = state.topology.domain_of[node.index];
            if domain == NO_DOMAIN {
                let reason = "node(s) didn't match pod topology spread constraints (missing required label)";
                return Err(Rejection::unresolvable(NAME, reason));
            }
            let delta = node.overlay.and_then(|it| it.spread.get(i)).copied().unwrap_or(0);
            if i64::from(constraint.max_skew) < state.skew(constraint, domain, delta) {
                let reason = "node(s) didn't match pod topology spread constraints";
                return Err(Rejection::unschedulable(NAME, reason));
            }
        }
        Ok(())
    }

    fn update(&self, cycle: &Cycle<'_>, overlay: &mut Overlay, node: usize, pod: &PodInfo, sign: i64) {
        let constraints = &cycle.pod.spread_hard;
        if pod.key.namespace != cycle.pod.key.namespace
            || cycle.spread.0.iter().any(|it| it.topology.domain_of[node] == NO_DOMAIN)
        {
            return;
        }
        overlay.spread.resize(constraints.len(), 0);
        for (delta, constraint) in overlay.spread.iter_mut().zip(constraints) {
            if constraint.selector.matches(pod.labels())
                && included(constraint, cycle.pod, &cycle.snapshot.nodes()[node])
            {
                *delta += sign;
            }
        }
    }

    fn weight(&self) -> i64 {
        2
    }

    fn pre_score(&self, cycle: &mut Cycle<'_>, feasible: &[usize]) -> PreScore {
        let constraints = soft_constraints(cycle.snapshot, cycle.pod);
        if constraints.is_empty() {
            return PreScore::Skip;
        }
        let snapshot = cycle.snapshot;
        let topologies: Vec<_> = constraints.iter().map(|it| snapshot.topology(&it.topology_key)).gather();
        // The default constraints do not ask for all labels.
        let strict = cycle.pod.has_spread_constraints;
        let ignored: Vec<bool> = feasible.iter().map(|at| strict && !has_all(&topologies, *at)).gather();
        let considered: Vec<usize> =
            feasible.iter().zip(&ignored).filter(|it| !it.1).map(|it| *it.0).gather();
        let state = constraints.iter().zip(&topologies);
        let state = state.map(|(constraint, topology)| {
            let per_node = counts(snapshot, constraint, cycle.pod);
            if &*constraint.topology_key == HOSTNAME {
                let by_node = per_node.unwrap_or_else(|| Arc::new(vec![0; snapshot.nodes().len()]));
                return SoftConstraint {
                    topology: topology.clone(),
                    by_node: Some(by_node),
                    by_domain: Vec::new(),
                    weight: normalizing_weight(considered.len()),
                    max_skew: constraint.max_skew,
                };
            }
            let (by_domain, size) = count_domains(cycle, constraint, topology, &considered, |at| {
                (!strict || has_all(&topologies, at)).then(|| per_node.as_ref().map_or(0, |it| it[at]))
            });
            SoftConstraint {
                topology: topology.clone(),
                by_node: None,
                by_domain,
                weight: normalizing_weight(size),
                max_skew: constraint.max_skew,
            }
        });
        let constraints = state.gather();
        cycle.spread_score = Soft { constraints, ignored };
        PreScore::Run
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let state = &cycle.spread_score;
        let score = |(at, ignored): (&usize, &bool)| {
            if *ignored {
                return 0;
            }
            let mut score = 0.0;
            for it in &state.constraints {
                let domain = it.topology.domain_of[*at];
                if domain != NO_DOMAIN {
                    let count = match &it.by_node {
                        Some(by_node) => i64::from(by_node[*at]),
                        None => it.by_domain[domain as usize],
                    };
                    score += count as f64 * it.weight + f64::from(it.max_skew - 1);
                }
            }
            score.round() as i64
        };
        feasible.iter().zip(&state.ignored).map(score).gather()
    }

    fn normalize(&self, cycle: &Cycle<'_>, _feasible: &[usize], scores: &mut [i64]) {
        let ignored = &cycle.spread_score.ignored;
        let counted = || scores.iter().zip(ignored).filter(|it| !it.1).map(|it| *it.0);
        let (lowest, highest) = (counted().min().unwrap_or(0), counted().max().unwrap_or(0).max(0));
        for (score, ignored) in scores.iter_mut().zip(ignored) {
            *score = match (ignored, highest) {
                (true, _) => 0,
                (false, 0) => MAX_NODE_SCORE,
                (false, _) => MAX_NODE_SCORE * (highest + lowest - *score) / highest,
            };
        }
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[
            WakeEvent::NodeAdded,
            WakeEvent::NodeDeleted,
            WakeEvent::NodeLabels,
            WakeEvent::NodeTaints,
            WakeEvent::PodAdded,
            WakeEvent::PodLabels,
            WakeEvent::PodDeleted,
            WakeEvent::OwnTolerations,
        ]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        let constraints = &waiting.spread_hard;
        let has_labels =
            |node: &NodeInfo| constraints.iter().all(|it| node.labels().contains_key(&*it.topology_key));
        let counts = |pod: &PodInfo| {
            pod.key.namespace == waiting.key.namespace
                && constraints.iter().any(|it| it.selector.matches(pod.labels()))
        };
        match change {
            Change::NodeAdded(node) | Change::NodeDeleted(node) => has_labels(node),
            Change::NodeUpdated { old, new } => {
                let moved = |it: &SpreadConstraint| {
                    old.labels().get(&*it.topology_key) != new.labels().get(&*it.topology_key)
                };
                has_labels(old) != has_labels(new)
                    || (has_labels(new)
                        && (constraints.iter().any(moved) || !all_same(old.taints(), new.taints())))
            }
            Change::PodAdded(pod) | Change::PodDeleted(pod) => counts(pod),
            Change::PodUpdated { old, new } | Change::OwnUpdate { old, new } => {
                let changed = |it: &SpreadConstraint| {
                    it.selector.matches(old.labels()) != it.selector.matches(new.labels())
                };
                let own = old.key == waiting.key
                    && !all_same(old.tolerations(), new.tolerations())
                    && constraints.iter().any(|it| it.honor_taints);
                own || (new.key.namespace == waiting.key.namespace && constraints.iter().any(changed))
            }
        }
    }
}

fn hard_constraint(topology: Arc<Topology>, counts: Vec<Option<i64>>, self_match: bool) -> HardConstraint {
    let (mut least, mut second_least, mut domains) =
        ((NO_DOMAIN, i64::from(i32::MAX)), i64::from(i32::MAX), 0);
    for (domain, count) in counts.iter().enumerate() {
        let Some(count) = *count else { continue };
        domains += 1;
        if count < least.1 {
            second_least = least.1;
            least = (domain as u32, count);
        } else {
            second_least = second_least.min(count);
        }
    }
    HardConstraint { topology, counts, domains, least, second_least, self_match }
}

/// Pods by domain, as far as a considered node is in it, and how many such domains there are.
fn count_domains(
    cycle: &Cycle<'_>,
    constraint: &SpreadConstraint,
    topology: &Topology,
    considered: &[usize],
    count: impl Fn(usize) -> Option<u32>,
) -> (Vec<i64>, usize) {
    // Nodes without the label are one domain more.
    let place = |at: usize| (topology.domain_of[at] as usize).min(topology.domains());
    let mut seen = vec![false; topology.domains() + 1];
    for at in considered {
        seen[place(*at)] = true;
    }
    let mut by_domain = vec![0; topology.domains() + 1];
    let everywhere = includes_every_node(constraint, cycle.pod);
    for (at, node) in cycle.snapshot.nodes().iter().enumerate() {
        if seen[place(at)]
            && let Some(count) = count(at)
            && (everywhere || included(constraint, cycle.pod, node))
        {
            by_domain[place(at)] += i64::from(count);
        }
    }
    (by_domain, seen.iter().filter(|it| **it).count())
}

/// Many domains make each of them weigh more, but less than in proportion.
fn normalizing_weight(domains: usize) -> f64 {
    (domains as f64 + 2.0).ln()
}
