//! Pods that want to be near others, or far from them; and the same from the others' side.
//!
//! Follows kubernetes v1.36 plugins/interpodaffinity.

use std::sync::Arc;

use sim::{Gather as _, Sort as _, VecMap};

use crate::decision::Rejection;
use crate::framework::{
    Change, Cycle, MAX_NODE_SCORE, NodeView, Overlay, Plugin, PreFilter, PreScore, WakeEvent,
};
use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;
use crate::selector::{AffinityTerm, NO_LABELS};
use crate::snapshot::Snapshot;
use crate::topology::{NO_DOMAIN, PodMatcher, PodSelector, TermRole, Topology};

#[derive(Debug)]
pub struct InterPodAffinity;

const NAME: &str = "InterPodAffinity";

/// Matching Pods by domain of one label.
#[derive(Debug)]
struct Counts {
    topology: Arc<Topology>,
    by_domain: Vec<i64>,
}

impl Counts {
    fn new(topology: Arc<Topology>) -> Counts {
        let by_domain = vec![0; topology.domains()];
        Counts { topology, by_domain }
    }

    fn add(&mut self, node: usize, count: i64) -> bool {
        let domain = self.topology.domain_of[node];
        if domain != NO_DOMAIN {
            self.by_domain[domain as usize] += count;
        }
        domain != NO_DOMAIN
    }

    /// `None` where the node lacks the label.
    fn at(&self, node: usize) -> Option<i64> {
        let domain = self.topology.domain_of[node];
        (domain != NO_DOMAIN).then(|| self.by_domain[domain as usize])
    }
}

#[derive(Debug, Default)]
pub struct State {
    /// One for each required term of the Pod.
    affinity: Vec<Counts>,
    affinity_total: i64,
    affinity_selectors: Vec<PodSelector>,
    anti: Vec<Counts>,
    anti_selectors: Vec<PodSelector>,
    /// Where placed Pods do not want this one, by label.
    existing: VecMap<Arc<str>, Counts>,
}

/// What Pods added or taken in thought change at one node.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    affinity: Vec<i64>,
    affinity_total: i64,
    anti: Vec<i64>,
    existing: VecMap<Arc<str>, i64>,
}

#[derive(Debug, Default)]
pub struct ScoreState(VecMap<Arc<str>, Counts>);

// A namespaceSelector of the incoming Pod names namespaces now, and besides is matched against no labels at all.
fn resolve(snapshot: &Snapshot, term: &AffinityTerm) -> PodSelector {
    let mut namespaces = term.namespaces.clone();
    let any_namespace = term.namespace_selector.matches(&NO_LABELS);
    if !any_namespace {
        let named = snapshot.namespaces().filter(|it| term.namespace_selector.matches(it.1));
        namespaces.extend(named.map(|it| it.0.clone()));
        namespaces.put_in_order();
        namespaces.dedup();
    }
    PodSelector { namespaces, any_namespace, selector: term.selector.clone() }
}

/// No terms match nothing; namespaces are not looked up.
fn matches_all(terms: &[AffinityTerm], pod: &PodInfo) -> bool {
    !terms.is_empty() && terms.iter().all(|it| it.matches(&pod.key.namespace, &NO_LABELS, pod.labels()))
}

fn one(selector: PodSelector) -> PodMatcher {
    PodMatcher { all: vec![selector], live_only: false }
}

/// What should be kept counted for this Pod.
pub fn needs(snapshot: &Snapshot, pod: &PodInfo, keys: &mut Vec<Arc<str>>, matchers: &mut Vec<PodMatcher>) {
    let preferred = pod.preferred_affinity.iter().chain(&pod.preferred_anti_affinity).map(|it| &it.1);
    for term in pod.required_anti_affinity.iter().chain(preferred) {
        keys.push(term.topology_key.clone());
        matchers.push(one(resolve(snapshot, term)));
    }
    if !pod.required_affinity.is_empty() {
        keys.extend(pod.required_affinity.iter().map(|it| it.topology_key.clone()));
        let all = pod.required_affinity.iter().map(|it| resolve(snapshot, it)).gather();
        matchers.push(PodMatcher { all, live_only: false });
    }
}

fn held_matches(cycle: &Cycle<'_>, term: &AffinityTerm) -> bool {
    let namespace = &cycle.pod.key.namespace;
    term.matches(namespace, cycle.snapshot.namespace_labels(namespace), cycle.pod.labels())
}

/// Adds the Pods of every node.
fn add_all(counts: &mut Counts, per_node: &[u32], weight: i64) -> i64 {
    let mut total = 0;
    for (at, count) in per_node.iter().enumerate() {
        if *count != 0 && counts.add(at, i64::from(*count) * weight) {
            total += i64::from(*count);
        }
    }
    total
}

impl State {
    fn of_incoming(&mut self, snapshot: &Snapshot, pod: &PodInfo) {
        self.affinity_selectors = pod.required_affinity.iter().map(|it| resolve(snapshot, it)).gather();
        self.anti_selectors = pod.required_anti_affinity.iter().map(|it| resolve(snapshot, it)).gather();
        if !pod.required_affinity.is_empty() {
            let matcher = PodMatcher { all: self.affinity_selectors.clone(), live_only: false };
            let per_node = snapshot.counts(&matcher);
            for term in &pod.required_affinity {
                let mut counts = Counts::new(snapshot.topology(&term.topology_key));
                self.affinity_total += add_all(&mut counts, &per_node, 1);
                self.affinity.push(counts);
            }
        }
        for (term, selector) in pod.required_anti_affinity.iter().zip(&self.anti_selectors) {
            let mut counts = Counts::new(snapshot.topology(&term.topology_key));
            add_all(&mut counts, &snapshot.counts(&one(selector.clone())), 1);
            self.anti.push(counts);
        }
    }

    fn affinity_fits(&self, node: usize, delta: &Delta, pod: &PodInfo) -> bool {
        let mut all_there = true;
        for (i, counts) in self.affinity.iter().enumerate() {
            let Some(count) = counts.at(node) else { return false };
            all_there &= 0 < count + delta.affinity.get(i).unwrap_or(&0);
        }
        // The first Pod of a group may go anywhere.
        all_there
            || (self.affinity_total + delta.affinity_total == 0
                && self.affinity_selectors.iter().all(|it| it.matches(pod)))
    }

    fn anti_fits(&self, node: usize, delta: &Delta) -> bool {
        self.anti
            .iter()
            .enumerate()
            .all(|(i, counts)| counts.at(node).is_none_or(|it| it + delta.anti.get(i).unwrap_or(&0) <= 0))
    }

    fn existing_fits(&self, node: usize, delta: &Delta) -> bool {
        let placed = self.existing.iter().all(|(key, counts)| {
            counts.at(node).is_none_or(|it| it + delta.existing.get(key).unwrap_or(&0) <= 0)
        });
        placed && delta.existing.iter().all(|(key, count)| *count <= 0 || self.existing.contains_key(key))
    }
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn pre_filter(&self, cycle: &mut Cycle<'_>) -> PreFilter {
        let (snapshot, pod) = (cycle.snapshot, cycle.pod);
        let mut state = State::default();
        for (held, holders) in snapshot.held(true) {
            if holders.by_domain.iter().any(|it| *it != 0) && held_matches(cycle, &held.term) {
                let key = &held.term.topology_key;
                let counts = state.existing.entry(key.clone());
                let counts = counts.or_insert_with(|| Counts::new(snapshot.topology(key)));
                for (sum, count) in counts.by_domain.iter_mut().zip(&holders.by_domain) {
                    *sum += i64::from(*count);
                }
            }
        }
        let nothing = pod.required_affinity.is_empty() && pod.required_anti_affinity.is_empty();
        if nothing && state.existing.is_empty() {
            return PreFilter::Skip;
        }
        state.of_incoming(snapshot, pod);
        cycle.affinity = state;
        PreFilter::Run
    }

    fn filter(&self, cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
        let unchanged = Delta::default();
        let delta = node.overlay.map_or(&unchanged, |it| &it.affinity);
        let state = &cycle.affinity;
        if !state.affinity_fits(node.index, delta, cycle.pod) {
            return Err(Rejection::unresolvable(NAME, "node(s) didn't match pod affinity rules"));
        }
        if !state.anti_fits(node.index, delta) {
            return Err(Rejection::unschedulable(NAME, "node(s) didn't match pod anti-affinity rules"));
        }
        if !state.existing_fits(node.index, delta) {
            let reason = "node(s) didn't satisfy existing pods anti-affinity rules";
            return Err(Rejection::unschedulable(NAME, reason));
        }
        Ok(())
    }

    fn update(&self, cycle: &Cycle<'_>, overlay: &mut Overlay, node: usize, pod: &PodInfo, sign: i64) {
        let (state, delta) = (&cycle.affinity, &mut overlay.affinity);
        let labels = cycle.snapshot.nodes()[node].labels();
        for term in &pod.required_anti_affinity {
            if labels.contains_key(&*term.topology_key) && held_matches(cycle, term) {
                *delta.existing.entry(term.topology_key.clone()).or_default() += sign;
            }
        }
        delta.affinity.resize(state.affinity.len(), 0);
        if !state.affinity.is_empty() && state.affinity_selectors.iter().all(|it| it.matches(pod)) {
            for (counts, change) in state.affinity.iter().zip(&mut delta.affinity) {
                if counts.at(node).is_some() {
                    *change += sign;
                    delta.affinity_total += sign;
                }
            }
        }
        delta.anti.resize(state.anti.len(), 0);
        for (selector, change) in state.anti_selectors.iter().zip(&mut delta.anti) {
            *change += if selector.matches(pod) { sign } else { 0 };
        }
    }

    fn weight(&self) -> i64 {
        2
    }

    fn pre_score(&self, cycle: &mut Cycle<'_>, _feasible: &[usize]) -> PreScore {
        let (snapshot, pod) = (cycle.snapshot, cycle.pod);
        let mut by_key: VecMap<Arc<str>, Counts> = VecMap::new();
        let entry = |by_key: &mut VecMap<Arc<str>, Counts>, key: &Arc<str>| {
            if !by_key.contains_key(key) {
                by_key.insert(key.clone(), Counts::new(snapshot.topology(key)));
            }
        };
        let mut any = false;
        let wanted = pod.preferred_affinity.iter().map(|(weight, term)| (i64::from(*weight), term));
        let unwanted = pod.preferred_anti_affinity.iter().map(|(weight, term)| (-i64::from(*weight), term));
        for (weight, term) in wanted.chain(unwanted) {
            entry(&mut by_key, &term.topology_key);
            if let Some(counts) = by_key.get_mut(&term.topology_key) {
                any |= add_all(counts, &snapshot.counts(&one(resolve(snapshot, term))), weight) != 0;
            }
        }
        for (held, holders) in snapshot.held(false) {
            let TermRole::Weight(weight) = held.role else { continue };
            if !holders.by_domain.iter().any(|it| *it != 0) || !held_matches(cycle, &held.term) {
                continue;
            }
            any = true;
            entry(&mut by_key, &held.term.topology_key);
            if let Some(counts) = by_key.get_mut(&held.term.topology_key) {
                for (sum, count) in counts.by_domain.iter_mut().zip(&holders.by_domain) {
                    *sum += i64::from(*count) * i64::from(weight);
                }
            }
        }
        cycle.affinity_score = ScoreState(by_key);
        if any { PreScore::Run } else { PreScore::Skip }
    }

    fn score(&self, cycle: &Cycle<'_>, feasible: &[usize]) -> Vec<i64> {
        let score = |at: &usize| cycle.affinity_score.0.values().filter_map(|it| it.at(*at)).sum();
        feasible.iter().map(score).gather()
    }

    fn normalize(&self, _cycle: &Cycle<'_>, _feasible: &[usize], scores: &mut [i64]) {
        let lowest = scores.iter().copied().min().unwrap_or(0);
        let span = scores.iter().copied().max().unwrap_or(0) - lowest;
        for score in scores {
            let share = if span == 0 { 0.0 } else { (*score - lowest) as f64 / span as f64 };
            *score = (MAX_NODE_SCORE as f64 * share) as i64;
        }
    }

    fn wake_events(&self) -> &'static [WakeEvent] {
        &[
            WakeEvent::NodeAdded,
            WakeEvent::NodeLabels,
            WakeEvent::PodAdded,
            WakeEvent::PodLabels,
            WakeEvent::PodDeleted,
        ]
    }

    fn may_help(&self, waiting: &PodInfo, change: Change<'_>) -> bool {
        let (near, far) = (&waiting.required_affinity, &waiting.required_anti_affinity);
        match change {
            Change::NodeAdded(node) => {
                !far.is_empty() || near.iter().any(|it| node.labels().contains_key(&*it.topology_key))
            }
            Change::NodeUpdated { old, new } => {
                let value =
                    |node: &NodeInfo, it: &AffinityTerm| node.labels().get(&*it.topology_key).cloned();
                near.iter().any(|it| value(new, it).is_some() && value(new, it) != value(old, it))
                    || far.iter().any(|it| value(old, it).is_some() && value(new, it) != value(old, it))
            }
            Change::PodAdded(pod) => matches_all(near, pod),
            Change::PodUpdated { old, new } => {
                (!matches_all(near, old) && matches_all(near, new))
                    || (matches_all(far, old) && !matches_all(far, new))
            }
            Change::PodDeleted(pod) => {
                matches_all(far, pod) || matches_all(&pod.required_anti_affinity, waiting)
            }
            Change::OwnUpdate { old, new } => old.labels() != new.labels(),
            Change::NodeDeleted(_) => false,
        }
    }
}
