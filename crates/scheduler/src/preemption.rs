//! Which Pods of lower priority would have to go so that the Pod fits.
//!
//! Follows kubernetes v1.36 plugins/defaultpreemption and pkg/scheduler/framework/preemption.

use std::cmp::Reverse;
use std::sync::Arc;

use api::k8s_openapi::jiff::Timestamp;
use sim::{Gather as _, Sort as _};

use crate::decision::{
    Code, Decision, DryRun, Histogram, Preemption, Reasons, Rejection, Verdict, VictimRank,
};
use crate::framework::{Cycle, NodeView, Overlay};
use crate::node_info::NodeInfo;
use crate::pod_info::{PodInfo, PodKey};
use crate::schedule_one::{check_node, update};
use crate::snapshot::Snapshot;

/// The real scheduler stops after this many candidates, or a tenth of the nodes if that is more.
const CANDIDATES_MIN: usize = 100;

const NEVER: &str = "not eligible due to preemptionPolicy=Never.";
const TERMINATING: &str = "not eligible due to a terminating pod on the nominated node.";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

/// What both PostFilter plugins say, DynamicResources first.
fn message(text: &str) -> String {
    format!("no new claims to deallocate, preemption: {text}")
}

struct Candidate {
    node: Arc<str>,
    victims: Vec<Arc<PodInfo>>,
    rank: VictimRank,
}

pub(crate) fn run(cycle: &Cycle<'_>, decision: &Decision, tie: u64) -> Preemption {
    let mut result = Preemption::default();
    if let Some(reason) = not_eligible(cycle, decision) {
        result.not_eligible = Some(reason);
        result.message = message(reason);
        return result;
    }
    let resolvable = |it: &Verdict| matches!(it, Verdict::Rejected(it) if it.code == Code::Unschedulable);
    let potential = decision.verdicts.iter().filter(|it| resolvable(&it.1)).map(|it| it.0.clone());
    result.potential_nodes = potential.gather();
    let candidates = dry_runs(cycle, &mut result, tie);
    if candidates.is_empty() {
        let mut histogram = Histogram::default();
        for run in result.dry_run.values() {
            if let DryRun::Fails(rejection) = run {
                histogram.add_all(&rejection.reasons);
            }
        }
        histogram.add(NOT_HELPFUL, decision.nodes_total - result.dry_run.len());
        result.message = message(&histogram.message(decision.nodes_total));
        return result;
    }
    let best = best_candidates(candidates);
    result.nominated_possible = best.iter().map(|it| it.node.clone()).gather();
    let pick = (tie % best.len() as u64) as usize;
    if let Some(chosen) = best.get(pick) {
        take(cycle, &mut result, chosen);
    }
    result
}

fn take(cycle: &Cycle<'_>, result: &mut Preemption, chosen: &Candidate) {
    let keys = |pods: &mut dyn Iterator<Item = &Arc<PodInfo>>| -> Vec<PodKey> {
        pods.map(|it| it.key.clone()).gather()
    };
    result.victims = keys(&mut chosen.victims.iter());
    result.fresh_victims = keys(&mut chosen.victims.iter().filter(|it| !it.terminating));
    // Nothing is done, nominations included, when all victims are on their way out already.
    if !result.fresh_victims.is_empty() {
        let weaker = cycle.snapshot.nominated_on(&chosen.node).iter();
        result.cleared_nominations = keys(&mut weaker.filter(|it| it.priority < cycle.pod.priority));
        result.cleared_nominations.put_in_order();
    }
    result.nominated = Some(chosen.node.clone());
}

// Follows kubernetes v1.36 plugins/defaultpreemption: PodEligibleToPreemptOthers.
fn not_eligible(cycle: &Cycle<'_>, decision: &Decision) -> Option<&'static str> {
    let pod = cycle.pod;
    let policy = pod.pod.spec.as_ref().and_then(|it| it.preemption_policy.as_deref());
    if policy == Some("Never") {
        return Some(NEVER);
    }
    let nominated = pod.nominated_node();
    let resolvable = matches!(
        decision.verdict(nominated),
        Some(Verdict::Rejected(Rejection { code: Code::Unschedulable, .. }))
    );
    let node = cycle.snapshot.node(nominated).filter(|_| resolvable)?;
    let leaving = |it: &Arc<PodInfo>| it.priority < pod.priority && preempted(it);
    node.pods.iter().any(leaving).then_some(TERMINATING)
}

fn preempted(pod: &PodInfo) -> bool {
    let conditions = pod.pod.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    let target = conditions.iter().find(|it| it.type_ == "DisruptionTarget");
    pod.terminating
        && target
            .is_some_and(|it| it.status == "True" && it.reason.as_deref() == Some("PreemptionByScheduler"))
}

fn dry_runs(cycle: &Cycle<'_>, result: &mut Preemption, tie: u64) -> Vec<Candidate> {
    let potential = &result.potential_nodes;
    let enough = (potential.len() / 10).max(CANDIDATES_MIN).min(potential.len());
    // A random start matters only where not all nodes are tried.
    let start = if enough < potential.len() { (tie % potential.len() as u64) as usize } else { 0 };
    let (mut candidates, mut clean) = (Vec::new(), 0);
    for name in potential[start..].iter().chain(&potential[..start]) {
        if 0 < clean && enough <= candidates.len() {
            break;
        }
        let Some(index) = cycle.snapshot.node_index(name) else { continue };
        match victims_on(cycle, index) {
            Ok(candidate) => {
                let pods = candidate.victims.iter().map(|it| it.key.clone()).gather();
                let run = DryRun::Victims { pods, rank: candidate.rank.clone() };
                result.dry_run.insert(name.clone(), run);
                clean += usize::from(candidate.rank.violations == 0);
                candidates.push(candidate);
            }
            Err(rejection) => drop(result.dry_run.insert(name.clone(), DryRun::Fails(rejection))),
        }
    }
    candidates
}

/// A node with some Pods taken away in thought.
struct Thought<'a> {
    cycle: &'a Cycle<'a>,
    index: usize,
    info: NodeInfo,
    overlay: Overlay,
}

impl Thought<'_> {
    fn remove(&mut self, pod: &PodInfo) {
        self.info.remove_pod(pod);
        update(self.cycle, &mut self.overlay, self.index, pod, -1);
    }

    fn add(&mut self, pod: &Arc<PodInfo>) {
        self.info.add_pod(pod.clone());
        update(self.cycle, &mut self.overlay, self.index, pod, 1);
    }

    fn fits(&self) -> Result<(), Rejection> {
        check_node(self.cycle, NodeView { index: self.index, info: &self.info, overlay: Some(&self.overlay) })
    }
}

/// All of lower priority go; then as many as possible come back, those that a budget protects first.
// Follows kubernetes v1.36 plugins/defaultpreemption: SelectVictimsOnNode.
fn victims_on(cycle: &Cycle<'_>, index: usize) -> Result<Candidate, Rejection> {
    let node = &cycle.snapshot.nodes()[index];
    let mut weaker: Vec<Arc<PodInfo>> =
        node.pods.iter().filter(|it| it.priority < cycle.pod.priority).cloned().gather();
    if weaker.is_empty() {
        return Err(Rejection::unresolvable("", NO_VICTIMS));
    }
    let mut thought = Thought { cycle, index, info: (**node).clone(), overlay: Overlay::default() };
    for pod in &weaker {
        thought.remove(pod);
    }
    thought.fits()?;
    weaker.put_in_order_by_key(|it| importance(it));
    let (violating, others) = split_by_budget(cycle.snapshot, weaker);
    let (mut victims, mut violations) = (Vec::new(), 0);
    for (pod, violates) in violating.iter().map(|it| (it, true)).chain(others.iter().map(|it| (it, false))) {
        thought.add(pod);
        if thought.fits().is_err() {
            thought.remove(pod);
            victims.push(pod.clone());
            violations += u32::from(violates);
        }
    }
    if victims.is_empty() {
        let text = format!("expected at least one victim pod on node \"{}\"", node.name);
        return Err(Rejection { plugin: "", code: Code::Unschedulable, reasons: Reasons::Text(text.into()) });
    }
    victims.put_in_order_by_key(|it| importance(it));
    let rank = rank(&victims, violations);
    Ok(Candidate { node: node.name.clone(), victims, rank })
}

/// Sorts the most important first: by priority, then the longest running. A Pod without start time starts now.
fn importance(pod: &PodInfo) -> (Reverse<i32>, Timestamp) {
    (Reverse(pod.priority), start_time(pod))
}

fn start_time(pod: &PodInfo) -> Timestamp {
    pod.pod.status.as_ref().and_then(|it| it.start_time.as_ref()).map_or(Timestamp::MAX, |it| it.0)
}

// Follows kubernetes v1.36 plugins/defaultpreemption: filterPodsWithPDBViolation.
fn split_by_budget(snapshot: &Snapshot, pods: Vec<Arc<PodInfo>>) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
    let mut budgets: Vec<_> = snapshot.budgets().map(|it| (it, it.allowed)).gather();
    pods.into_iter().partition(|pod| {
        let mut violated = false;
        for (budget, allowed) in &mut budgets {
            if !pod.labels().is_empty()
                && budget.namespace == pod.key.namespace
                && !budget.selector.is_empty()
                && budget.selector.matches(pod.labels())
                && !budget.disrupted.contains(&*pod.key.name)
            {
                *allowed -= 1;
                violated |= *allowed < 0;
            }
        }
        violated
    })
}

// Follows kubernetes v1.36 pkg/scheduler/framework/preemption: pickOneNodeForPreemption.
fn rank(victims: &[Arc<PodInfo>], violations: u32) -> VictimRank {
    let highest = victims.iter().map(|it| it.priority).max().unwrap_or(i32::MIN);
    let important = victims.iter().filter(|it| it.priority == highest);
    let earliest = important.map(|it| start_time(it)).min().unwrap_or(Timestamp::MAX);
    let sum = victims.iter().map(|it| i64::from(it.priority) + (1 << 31)).sum();
    VictimRank { violations, highest, sum, count: victims.len(), earliest: Reverse(earliest) }
}

/// Those that no rule tells apart, by name.
fn best_candidates(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    if let Some(best) = candidates.iter().map(|it| it.rank.clone()).min() {
        candidates.retain(|it| it.rank == best);
    }
    candidates.put_in_order_by(|left, right| left.node.cmp(&right.node));
    candidates
}
