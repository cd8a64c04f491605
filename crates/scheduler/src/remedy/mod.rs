//! The smallest change that would make a Pod fit: of the Pod, of the cluster, or of both.
//!
//! Found by trying, not by rule of thumb: every candidate is a scheduling run on a changed copy of the snapshot. Sets of
//! edits are tried by their size. Whatever makes a node fit must change the verdict of the filter that turns it down now,
//! so a set is only ever extended by edits that concern such a filter: nothing smaller is passed over.

mod edit;
mod relevant;

use std::sync::Arc;

use sim::{Gather as _, Sort as _, VecMap, VecSet};

use crate::decision::{Decision, Outcome};
use crate::pod_info::PodInfo;
use crate::schedule_one::{Options, fits_anywhere, prepare, schedule_one};
use crate::snapshot::Snapshot;

pub use edit::{ClusterEdit, Edit, Place, PodEdit, apply, edit_pod, is_given_along, quantity, toleration};
pub use relevant::{everything, step};

/// Edits that one change consists of at the most.
pub const EDITS_MAX: usize = 4;
/// Scheduling runs after which a search for one side gives up…
pub const RUNS_MAX: u32 = 2_000;
/// …or earlier: a run costs as much as there are nodes.
const NODE_CHECKS_MAX: u32 = 24_000;
/// Nodes whose objections are looked at; the others are as likely to be like one of these.
const NODES_MAX: usize = 24;
/// Changes of one kind that are told; the others differ only in the node or the Pod.
const SAME_KIND_MAX: usize = 3;
const CHANGES_MAX: usize = 9;

/// Whose side a change is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Pod,
    Cluster,
    Both,
}

/// Edits of which none can be left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Change {
    pub edits: Vec<Edit>,
    /// The best nodes after it: a random one of them is taken.
    pub lands_on: Vec<Arc<str>>,
    /// All that fit after it.
    pub feasible: Vec<Arc<str>>,
}

impl Change {
    pub fn side(&self) -> Side {
        let of_pod = self.edits.iter().filter(|it| it.of_pod()).count();
        match of_pod {
            0 => Side::Cluster,
            all if all == self.edits.len() => Side::Pod,
            _ => Side::Both,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Remedies {
    /// The smallest first. Those of one side may be larger than the smallest of all.
    pub changes: Vec<Change>,
    /// Everything was looked at: there is nothing smaller than the first.
    pub complete: bool,
    pub runs: u32,
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    pod: &'a PodInfo,
    runs: u32,
    /// Something was left out: nodes, or what comes after the last run.
    cut: bool,
}

/// Pure, like the decisions that it consists of.
pub fn smallest_changes(snapshot: &Snapshot, pod: &PodInfo) -> Remedies {
    let mut prepared = snapshot.clone();
    prepare(&mut prepared, pod);
    let mut search = Search { snapshot: &prepared, pod, runs: 0, cut: false };
    let mut found = search.by_size(&|_| true);
    let complete = !search.cut;
    // Somebody may not touch the cluster, somebody else not the Pod: each gets an answer.
    for side in [Side::Pod, Side::Cluster] {
        if !found.iter().any(|it| side_of(it) == side) {
            found.extend(search.by_size(&|it| it.of_pod() == (side == Side::Pod)));
        }
    }
    found.put_in_order_by_key(|it| (it.len(), rank(it), it.clone()));
    let mut changes: Vec<Change> = diverse(found).into_iter().filter_map(|it| search.finish(it)).gather();
    changes.put_in_order_by_key(|it| (it.edits.len(), rank(&it.edits), it.edits.clone()));
    Remedies { changes, complete, runs: search.runs }
}

fn side_of(edits: &[Edit]) -> Side {
    Change { edits: edits.to_vec(), lands_on: Vec::new(), feasible: Vec::new() }.side()
}

/// What is least trouble comes first; to ask for nothing at all is much.
fn rank(edits: &[Edit]) -> (u32, u64) {
    (edits.iter().map(Edit::trouble).sum(), edits.iter().map(Edit::lowered).max().unwrap_or(0))
}

/// A few of each kind.
fn diverse(found: Vec<Vec<Edit>>) -> Vec<Vec<Edit>> {
    let mut seen: VecMap<Vec<u32>, usize> = VecMap::new();
    let mut few = found.into_iter().filter(|it| {
        let count = seen.entry(it.iter().map(Edit::kind).gather()).or_default();
        *count += 1;
        *count <= SAME_KIND_MAX
    });
    few.by_ref().take(CHANGES_MAX).gather()
}

impl Search<'_> {
    fn run(&mut self, edits: &[Edit]) -> Option<Decision> {
        self.runs += 1;
        let (snapshot, pod) = apply(self.snapshot, self.pod, edits)?;
        Some(fits_anywhere(&snapshot, &pod))
    }

    fn fits(&mut self, edits: &[Edit]) -> bool {
        self.run(edits).is_some_and(|it| it.outcome == Outcome::Scheduled) && !self.is_gated(edits)
    }

    fn is_gated(&self, edits: &[Edit]) -> bool {
        let spec = self.pod.pod.spec.as_ref();
        let gates = spec.and_then(|it| it.scheduling_gates.as_deref()).unwrap_or_default();
        let opened = edits.iter().filter(|it| matches!(it, Edit::Pod(PodEdit::OpenGate { .. }))).count();
        opened < gates.len()
    }

    /// All sets of the smallest size that will do, of edits that `allowed` lets through.
    fn by_size(&mut self, allowed: &dyn Fn(&Edit) -> bool) -> Vec<Vec<Edit>> {
        let nodes = self.snapshot.nodes().len().max(1) as u32;
        let last = self.runs + (NODE_CHECKS_MAX / nodes).clamp(100, RUNS_MAX);
        let mut tried: VecSet<Vec<Edit>> = VecSet::new();
        let mut level: Vec<Vec<Edit>> = vec![Vec::new()];
        for _ in 0..=EDITS_MAX {
            let (mut found, mut next) = (Vec::new(), Vec::new());
            for edits in level {
                if last <= self.runs {
                    self.cut = true;
                    return found;
                }
                let Some(decision) = self.run(&edits) else { continue };
                if decision.outcome == Outcome::Scheduled && !self.is_gated(&edits) {
                    found.push(edits);
                    continue;
                }
                for edit in self.ideas(&decision, &edits).into_iter().filter(|it| allowed(it)) {
                    let longer = with(&edits, edit);
                    if edits.len() < longer.len() && tried.insert(longer.clone()) {
                        next.push(longer);
                    }
                }
            }
            if !found.is_empty() || next.is_empty() {
                return found;
            }
            level = next;
        }
        Vec::new()
    }

    /// Edits that could change what the filters say now.
    fn ideas(&mut self, decision: &Decision, edits: &[Edit]) -> Vec<Edit> {
        let Some((snapshot, pod)) = apply(self.snapshot, self.pod, edits) else { return Vec::new() };
        let gates = relevant::gates(&pod);
        if !gates.is_empty() {
            return gates;
        }
        let (ideas, cut) = relevant::ideas(&snapshot, &pod, self.pod, decision, NODES_MAX);
        self.cut |= cut;
        ideas
    }

    /// Lowers no request further than it must be, several by the same share first, and tells where the Pod will land.
    fn finish(&mut self, edits: Vec<Edit>) -> Option<Change> {
        let mut edits = edits;
        if 1 < edits.iter().filter(|it| it.range().is_some()).count() {
            let shared = |share: i64| edits.iter().map(|it| it.lowered_by(share)).gather();
            let share = largest((0, 1_000), |it| self.fits(&shared(it)));
            edits = shared(share);
        }
        for at in 0..edits.len() {
            let Some(range) = edits[at].range() else { continue };
            let raised = |steps: i64| {
                let mut edits = edits.clone();
                edits[at] = edits[at].lowered_to(steps);
                edits
            };
            let steps = largest(range, |it| self.fits(&raised(it)));
            edits = raised(steps);
        }
        let (snapshot, pod) = apply(self.snapshot, self.pod, &edits)?;
        let decision = schedule_one(&snapshot, &pod, Options { explain: true, ..Options::default() });
        let fits = |it: &&(Arc<str>, crate::Verdict)| it.1 == crate::Verdict::Fits;
        let feasible = decision.verdicts.iter().filter(fits).map(|it| it.0.clone()).gather();
        (decision.outcome == Outcome::Scheduled).then_some(Change {
            edits,
            lands_on: decision.candidates,
            feasible,
        })
    }
}

/// The largest value that will do, of which the first does and the second does not.
fn largest((mut fits, mut fails): (i64, i64), mut will_do: impl FnMut(i64) -> bool) -> i64 {
    while 1 < fails - fits {
        let middle = i64::midpoint(fits, fails);
        if will_do(middle) { fits = middle } else { fails = middle }
    }
    fits
}

/// Sorted; an edit of a field that is edited already takes its place.
fn with(edits: &[Edit], edit: Edit) -> Vec<Edit> {
    let mut longer: Vec<Edit> = edits.iter().filter(|it| it.field() != edit.field()).cloned().gather();
    longer.push(edit);
    longer.put_in_order();
    longer
}
