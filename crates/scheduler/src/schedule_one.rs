//! One attempt to place one Pod: PreFilter, Filter, PreScore, Score, choice; PostFilter when no node is left.
//!
//! Follows kubernetes v1.36 pkg/scheduler/schedule_one.go: schedulePod.

use std::sync::Arc;

use sim::{Gather as _, VecSet};

use crate::decision::{
    Code, Decision, Histogram, NO_NODES, Outcome, PreFilterRejection, PreFilterResult, Preemption, Reasons,
    Rejection, ScoreColumn, Scores, Verdict, unavailable,
};
use crate::framework::{Cycle, NodeView, Overlay, PROFILE, PreFilter, PreScore};
use crate::plugins::{inter_pod_affinity, pod_topology_spread};
use crate::pod_info::PodInfo;
use crate::preemption;
use crate::snapshot::Snapshot;

/// Clusters smaller than this are looked at whole.
const FEASIBLE_NODES_MIN: usize = 100;
const FEASIBLE_PERCENT_MIN: usize = 5;

/// What a decision depends on besides cluster and Pod.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Where the search starts, so that in large clusters all nodes get their turn.
    pub start: usize,
    /// Decides between equally good nodes.
    pub tie: u64,
    /// Also finds out what the real scheduler does not need to know: verdicts and scores of all nodes.
    pub explain: bool,
}

/// How many feasible nodes are enough.
// Follows kubernetes v1.36 pkg/scheduler/schedule_one.go: numFeasibleNodesToFind.
pub fn nodes_to_find(nodes: usize) -> usize {
    if nodes < FEASIBLE_NODES_MIN {
        return nodes;
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(FEASIBLE_PERCENT_MIN);
    (nodes * percent / 100).max(FEASIBLE_NODES_MIN)
}

/// Has the snapshot keep counted what decisions about such a Pod ask for: faster, and without effect on them.
pub fn prepare(snapshot: &mut Snapshot, pod: &PodInfo) {
    let (mut keys, mut matchers) = (Vec::new(), Vec::new());
    pod_topology_spread::needs(snapshot, pod, &mut keys, &mut matchers);
    inter_pod_affinity::needs(snapshot, pod, &mut keys, &mut matchers);
    snapshot.prepare(keys, matchers);
}

/// Pure: the same snapshot, Pod and options give the same decision.
pub fn schedule_one(snapshot: &Snapshot, pod: &PodInfo, options: Options) -> Decision {
    attempt(snapshot, pod, options, true)
}

/// The same without PostFilter: nobody is asked to leave.
pub(crate) fn fits_anywhere(snapshot: &Snapshot, pod: &PodInfo) -> Decision {
    attempt(snapshot, pod, Options::default(), false)
}

fn attempt(snapshot: &Snapshot, pod: &PodInfo, options: Options, post_filter: bool) -> Decision {
    let mut decision = Decision::new(pod.key.clone(), snapshot.nodes().len());
    if snapshot.nodes().is_empty() {
        NO_NODES.clone_into(&mut decision.message);
        return decision;
    }
    let mut cycle = Cycle::new(snapshot, pod);
    if let Some(rejection) = pre_filter(&mut cycle, &mut decision) {
        return turned_down(decision, snapshot, &rejection);
    }
    let feasible = filter(&cycle, &mut decision, options);
    if feasible.is_empty() {
        explain_failure(&mut decision);
        if !post_filter {
            return decision;
        }
        let preemption = preemption::run(&cycle, &decision, options.tie);
        append(&mut decision.message, &preemption.message);
        if preemption.nominated.is_some() {
            decision.outcome = Outcome::Preempting;
        }
        decision.preemption = Some(preemption);
        return decision;
    }
    decision.outcome = Outcome::Scheduled;
    choose(&mut cycle, &mut decision, &feasible, options);
    decision
}

fn pre_filter(cycle: &mut Cycle<'_>, decision: &mut Decision) -> Option<PreFilterRejection> {
    for (place, plugin) in PROFILE.iter().enumerate() {
        match plugin.pre_filter(cycle) {
            PreFilter::Reject(reason) => return Some(PreFilterRejection { plugin: plugin.name(), reason }),
            PreFilter::Skip => {
                decision.skipped_filter.push(plugin.name());
                continue;
            }
            // One plugin only names nodes, so there is nothing to merge.
            PreFilter::Only(node_names) => {
                let plugins = vec![plugin.name()];
                decision.pre_filter_result = Some(PreFilterResult { node_names, plugins });
            }
            PreFilter::None | PreFilter::Run => {}
        }
        if plugin.has_filter() && !plugin.admits_everywhere(cycle.pod) {
            cycle.filters.push(place);
        }
    }
    decision.skipped_filter.sort_unstable();
    None
}

/// PostFilter of DynamicResources fails when its PreFilter was not reached; preemption is not tried then.
const POST_FILTER_FAILED: &str = "not found";

fn turned_down(mut decision: Decision, snapshot: &Snapshot, rejection: &PreFilterRejection) -> Decision {
    let verdict = Rejection {
        plugin: rejection.plugin,
        code: Code::UnschedulableAndUnresolvable,
        reasons: Reasons::Text(rejection.reason.clone()),
    };
    let all = snapshot.nodes().iter();
    decision.verdicts = all.map(|it| (it.name.clone(), Verdict::Rejected(verdict.clone()))).gather();
    decision.skipped_filter.clear();
    decision.unschedulable_plugins.insert(rejection.plugin);
    decision.message = format!("{} {}.", unavailable(decision.nodes_total), rejection.reason);
    append(&mut decision.message, POST_FILTER_FAILED);
    decision.preemption =
        Some(Preemption { message: POST_FILTER_FAILED.to_owned(), ..Preemption::default() });
    decision.pre_filter = Some(rejection.clone());
    decision
}

/// Runs the filters on one node until one says no; once more with the Pods that are nominated to it.
// Follows kubernetes v1.36 pkg/scheduler/framework/runtime: RunFilterPluginsWithNominatedPods.
pub(crate) fn check_node(cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
    let nominated = cycle.snapshot.nominated_on(&node.info.name);
    if nominated.is_empty() {
        return run_filters(cycle, node);
    }
    let rivals: Vec<&Arc<PodInfo>> =
        nominated.iter().filter(|it| cycle.pod.priority <= it.priority && it.key != cycle.pod.key).gather();
    if !rivals.is_empty() {
        let mut info = node.info.clone();
        let mut overlay = node.overlay.cloned().unwrap_or_default();
        for rival in rivals {
            info.add_pod(rival.clone());
            update(cycle, &mut overlay, node.index, rival, 1);
        }
        run_filters(cycle, NodeView { index: node.index, info: &info, overlay: Some(&overlay) })?;
    }
    run_filters(cycle, node)
}

fn run_filters(cycle: &Cycle<'_>, node: NodeView<'_>) -> Result<(), Rejection> {
    cycle.filters.iter().try_for_each(|it| PROFILE[*it].filter(cycle, node))
}

pub(crate) fn update(cycle: &Cycle<'_>, overlay: &mut Overlay, node: usize, pod: &PodInfo, sign: i64) {
    cycle.filters.iter().for_each(|it| PROFILE[*it].update(cycle, overlay, node, pod, sign));
}

/// Places of the feasible nodes; with the fast path only the nominated one unless all are to be explained.
fn filter(cycle: &Cycle<'_>, decision: &mut Decision, options: Options) -> Vec<usize> {
    let nodes = cycle.snapshot.nodes();
    let check = |index: usize| check_node(cycle, NodeView { index, info: &nodes[index], overlay: None });
    let nominated = cycle.snapshot.node_index(cycle.pod.nominated_node());
    let on_nominated = nominated.map(check);
    if let (Some(index), Some(Ok(()))) = (nominated, &on_nominated) {
        decision.nominated_fast_path = true;
        decision.chosen = Some(nodes[index].name.clone());
        decision.examined = 1;
        if !options.explain {
            decision.verdicts.push((nodes[index].name.clone(), Verdict::Fits));
            decision.feasible = 1;
            return vec![index];
        }
    }
    let named = decision.pre_filter_result.as_ref().map(|it| {
        let places = it.node_names.iter().filter_map(|it| cycle.snapshot.node_index(it));
        Arc::new(places.map(|it| it as u32).gather())
    });
    let candidates = named.unwrap_or_else(|| cycle.snapshot.walk());
    let enough = nodes_to_find(candidates.len());
    let start = options.start.checked_rem(candidates.len()).unwrap_or(0);
    let (mut feasible, mut seen) = (Vec::with_capacity(enough), Vec::with_capacity(enough));
    for index in candidates[start..].iter().chain(&candidates[..start]).map(|it| *it as usize) {
        if enough <= feasible.len() {
            break;
        }
        let verdict = match check(index) {
            Ok(()) => {
                feasible.push(index);
                Verdict::Fits
            }
            Err(rejection) => Verdict::Rejected(rejection),
        };
        seen.push((index, verdict));
    }
    decision.examined = decision.examined.max(seen.len());
    let whole = seen.len() == candidates.len();
    if decision.pre_filter_result.is_some() {
        add_not_named(&mut seen, nodes.len(), nominated.zip(on_nominated).as_ref());
    }
    if whole {
        seen.sort_unstable_by_key(|it| it.0);
        feasible.sort_unstable();
    }
    decision.verdicts = seen.into_iter().map(|(at, verdict)| (nodes[at].name.clone(), verdict)).gather();
    decision.feasible = feasible.len();
    feasible
}

/// A nominated node is tried even when it is not among the named ones, and so has a verdict of its own.
fn add_not_named(
    seen: &mut Vec<(usize, Verdict)>,
    nodes: usize,
    nominated: Option<&(usize, Result<(), Rejection>)>,
) {
    let mut known = vec![false; nodes];
    for (at, _) in seen.iter() {
        known[*at] = true;
    }
    for at in (0..nodes).filter(|it| !known[*it]) {
        let verdict = match nominated {
            Some((index, Err(rejection))) if *index == at => Verdict::Rejected(rejection.clone()),
            _ => Verdict::NotNamed,
        };
        seen.push((at, verdict));
    }
}

fn explain_failure(decision: &mut Decision) {
    let mut histogram = Histogram::default();
    let mut not_named = 0;
    let mut plugins = VecSet::new();
    for (_, verdict) in &decision.verdicts {
        match verdict {
            Verdict::Rejected(rejection) => {
                histogram.add_all(&rejection.reasons);
                plugins.insert(rejection.plugin);
            }
            Verdict::NotNamed => not_named += 1,
            Verdict::Fits => {}
        }
    }
    histogram.add(&decision.not_named_reason(), not_named);
    plugins.extend(decision.pre_filter_result.iter().flat_map(|it| &it.plugins).copied());
    decision.unschedulable_plugins = plugins;
    decision.message = histogram.message(decision.nodes_total);
}

fn append(message: &mut String, more: &str) {
    if !more.is_empty() {
        message.push(' ');
        message.push_str(more);
    }
}

fn choose(cycle: &mut Cycle<'_>, decision: &mut Decision, feasible: &[usize], options: Options) {
    let nodes = cycle.snapshot.nodes();
    decision.scored = 1 < feasible.len() && !decision.nominated_fast_path;
    if decision.scored || options.explain {
        score(cycle, decision, feasible);
    }
    let mut candidates: Vec<usize> = match decision.scores.total.iter().max() {
        _ if !decision.scored => vec![feasible[0]],
        Some(best) => {
            let totals = decision.scores.total.iter().zip(feasible);
            totals.filter(|it| it.0 == best).map(|it| *it.1).gather()
        }
        None => feasible.to_vec(),
    };
    candidates.sort_unstable();
    decision.candidates = candidates.iter().map(|it| nodes[*it].name.clone()).gather();
    if let Some(nominated) = &decision.chosen {
        decision.candidates = vec![nominated.clone()];
    }
    let pick = (options.tie % decision.candidates.len() as u64) as usize;
    decision.chosen = Some(decision.candidates[pick].clone());
}

fn score(cycle: &mut Cycle<'_>, decision: &mut Decision, feasible: &[usize]) {
    let nodes = cycle.snapshot.nodes();
    let mut total = vec![0; feasible.len()];
    let mut columns = Vec::new();
    for plugin in PROFILE.iter().filter(|it| 0 < it.weight()) {
        if plugin.pre_score(cycle, feasible) == PreScore::Skip {
            decision.skipped_score.push(plugin.name());
            continue;
        }
        let raw = plugin.score(cycle, feasible);
        let mut normalised = raw.clone();
        plugin.normalize(cycle, feasible, &mut normalised);
        let weight = plugin.weight();
        total.iter_mut().zip(&normalised).for_each(|(sum, it)| *sum += it * weight);
        columns.push(ScoreColumn { plugin: plugin.name(), weight, raw, normalised });
    }
    decision.skipped_score.sort_unstable();
    let names = feasible.iter().map(|it| nodes[*it].name.clone()).gather();
    decision.scores = Scores { nodes: names, total, columns };
}
