//! The scheduler's decision as a table, and what a pending Pod waits for, clause by clause.

use std::sync::Arc;

use scheduler::{Decision, DryRun, Reasons, Shortage, Snapshot, Verdict, VictimRank};
use sim::{Gather as _, SimTime, Sort as _, VecMap};

use crate::frame::{
    self, Clause, DecisionColumn, DecisionRow, Gate, ObjectRef, PreemptionRow, Score, Victim,
};

/// Rows that a table shows at the most.
const ROWS_MAX: usize = 200;

pub fn pod_ref(key: &scheduler::PodKey) -> ObjectRef {
    ObjectRef::pod(&key.namespace, &key.name)
}

pub fn table(decision: &Decision, at: SimTime, snapshot: &Snapshot) -> frame::Decision {
    let scores = &decision.scores;
    let mut columns: Vec<DecisionColumn> = scheduler::PROFILE
        .iter()
        .map(|plugin| plugin.name())
        .filter(|name| {
            let rejected = decision
                .verdicts
                .iter()
                .any(|(_, it)| matches!(it, Verdict::Rejected(why) if why.plugin == *name));
            let filtered = !decision.skipped_filter.contains(name)
                && is_filter(name)
                && decision.pre_filter.as_ref().is_none_or(|it| it.plugin == *name);
            rejected || filtered || scores.columns.iter().any(|it| it.plugin == *name)
        })
        .map(|name| DecisionColumn {
            plugin: name.to_owned(),
            filters: is_filter(name) && !decision.skipped_filter.contains(&name),
            scores: false,
            weight: 0,
        })
        .gather();
    for column in scores.columns.iter().filter(|_| decision.scored) {
        if let Some(found) = columns.iter_mut().find(|it| it.plugin == column.plugin) {
            found.scores = true;
            found.weight = column.weight;
        }
    }
    columns.retain(|it| it.filters || it.scores);
    let rows = decision
        .verdicts
        .iter()
        .take(ROWS_MAX)
        .map(|(node, verdict)| row(decision, node, verdict, &columns))
        .gather();
    frame::Decision {
        pod: pod_ref(&decision.pod),
        at: at.0,
        chosen: decision.chosen.as_ref().map(ToString::to_string),
        columns,
        rows,
        message: decision.message.clone(),
        examined: decision.examined as u32,
        total: decision.nodes_total as u32,
        feasible: decision.feasible as u32,
        scored: decision.scored,
        best: decision.candidates.iter().map(ToString::to_string).gather(),
        before_nodes: decision.pre_filter.as_ref().map(|it| it.plugin.to_owned()),
        preemption: decision.preemption.as_ref().map(|it| preemption(it, snapshot)),
    }
}

/// Nodes that nobody can leave, with those where it helps first.
fn preemption(of: &scheduler::Preemption, snapshot: &Snapshot) -> frame::Preemption {
    let mut rows: Vec<PreemptionRow> =
        of.dry_run.iter().take(ROWS_MAX).map(|(node, run)| preemption_row(node, run, snapshot)).gather();
    rows.put_in_order_by_key(|it| it.victims.is_empty());
    frame::Preemption {
        not_eligible: of.not_eligible.map(str::to_owned),
        rows,
        nominated: of.nominated.as_ref().map(ToString::to_string),
        decided_by: decided_by(of),
        possible: of.nominated_possible.iter().map(ToString::to_string).gather(),
    }
}

fn preemption_row(node: &Arc<str>, run: &DryRun, snapshot: &Snapshot) -> PreemptionRow {
    let victim = |key: &scheduler::PodKey| {
        let placed = snapshot.placed_pod(key);
        let budgets = placed.into_iter().flat_map(|it| snapshot.budgets_of(it)).map(ToString::to_string);
        Victim { pod: pod_ref(key), priority: placed.map(|it| it.priority), budgets: budgets.gather() }
    };
    let row = PreemptionRow { node: node.to_string(), ..PreemptionRow::default() };
    match run {
        DryRun::Victims { pods, rank } => {
            PreemptionRow { victims: pods.iter().map(victim).gather(), violations: rank.violations, ..row }
        }
        DryRun::Fails(why) => PreemptionRow { fails: why.reasons.texts().join(", "), ..row },
    }
}

/// The first rule that tells the nominated node from the next best one.
// Follows kubernetes v1.36 pkg/scheduler/framework/preemption: pickOneNodeForPreemption.
fn decided_by(of: &scheduler::Preemption) -> &'static str {
    let mut ranks: Vec<&VictimRank> = of
        .dry_run
        .values()
        .filter_map(|it| match it {
            DryRun::Victims { rank, .. } => Some(rank),
            DryRun::Fails(_) => None,
        })
        .gather();
    ranks.put_in_order();
    match ranks[..] {
        [] => "none",
        [_] => "only",
        [best, next, ..] if best.violations != next.violations => "violations",
        [best, next, ..] if best.highest != next.highest => "highest",
        [best, next, ..] if best.sum != next.sum => "sum",
        [best, next, ..] if best.count != next.count => "count",
        [best, next, ..] if best.earliest != next.earliest => "start",
        _ => "draw",
    }
}

/// Plugins that only score have no gate of their own.
fn is_filter(plugin: &str) -> bool {
    !matches!(
        plugin,
        "NodeResourcesBalancedAllocation" | "ImageLocality" | "DefaultPreemption" | "SchedulingGates"
    )
}

fn row(decision: &Decision, node: &Arc<str>, verdict: &Verdict, columns: &[DecisionColumn]) -> DecisionRow {
    let scores = &decision.scores;
    let index = scores.nodes.iter().position(|it| it == node).filter(|_| decision.scored);
    let score = |column: &DecisionColumn| {
        let found = scores.columns.iter().find(|it| it.plugin == column.plugin)?;
        let (raw, normalised) = (*found.raw.get(index?)?, *found.normalised.get(index?)?);
        Some(Score { raw, normalised, weighted: normalised * found.weight })
    };
    let verdict = match verdict {
        Verdict::Fits => frame::Verdict::Fits,
        Verdict::Rejected(why) => frame::Verdict::Rejected {
            plugin: why.plugin.to_owned(),
            reasons: why.reasons.texts(),
            detail: shortage(&why.reasons),
        },
        Verdict::NotNamed => frame::Verdict::Rejected {
            plugin: "NodeAffinity".to_owned(),
            reasons: vec![decision.not_named_reason()],
            detail: String::new(),
        },
    };
    DecisionRow {
        node: node.to_string(),
        verdict,
        scores: columns.iter().filter(|it| it.scores).map(score).gather(),
        total: index.and_then(|it| scores.total.get(it).copied()),
    }
}

/// What each node says to the Pod of this decision.
pub fn gates(decision: &Decision) -> VecMap<String, Gate> {
    let scores = &decision.scores;
    let gate = |(node, verdict): &(Arc<str>, Verdict)| {
        let chosen = decision.chosen.as_ref() == Some(node);
        let gate = match verdict {
            Verdict::Fits => {
                let index = scores.nodes.iter().position(|it| it == node).filter(|_| decision.scored);
                let by_plugin = index.map_or_else(Vec::new, |index| {
                    let columns = scores.columns.iter();
                    columns
                        .map(|it| {
                            (it.plugin.to_owned(), it.normalised.get(index).copied().unwrap_or(0) * it.weight)
                        })
                        .gather()
                });
                let score = index.and_then(|it| scores.total.get(it).copied());
                Gate { fits: true, chosen, score, by_plugin, ..Gate::default() }
            }
            Verdict::Rejected(why) => Gate {
                reason: short(&why.reasons.texts().join(", ")),
                detail: shortage(&why.reasons),
                ..Gate::default()
            },
            Verdict::NotNamed => Gate { reason: decision.not_named_reason(), ..Gate::default() },
        };
        (node.to_string(), gate)
    };
    decision.verdicts.iter().map(gate).fill()
}

/// On the node itself "node(s)" is said already.
fn short(reason: &str) -> String {
    reason
        .strip_prefix("node(s) ")
        .unwrap_or(reason)
        .trim_start_matches("had ")
        .trim_start_matches("were ")
        .to_owned()
}

/// `96 MiB short`
fn shortage(reasons: &Reasons) -> String {
    let Reasons::Short(all) = reasons else { return String::new() };
    all.iter().map(missing).filter(|it| !it.is_empty()).gather().join(", ")
}

fn missing(it: &Shortage) -> String {
    let lacking = it.requested + it.used - it.capacity;
    match &*it.resource {
        "cpu" => format!("-{lacking}m"),
        "memory" | "ephemeral-storage" => format!("-{}", bytes(lacking)),
        "pods" => String::new(),
        _ => format!("-{lacking}"),
    }
}

/// `96Mi`, `1.5Gi`, as quantities are written.
pub fn bytes(amount: i64) -> String {
    const UNITS: &[(&str, i64)] = &[("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
    for (unit, size) in UNITS {
        if *size <= amount {
            let tenths = (i128::from(amount) * 10 / i128::from(*size)) as i64;
            return if tenths % 10 == 0 {
                format!("{}{unit}", tenths / 10)
            } else {
                format!("{}.{}{unit}", tenths / 10, tenths % 10)
            };
        }
    }
    amount.to_string()
}

/// The message taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    pub head: String,
    pub clauses: Vec<Clause>,
    /// What follows, up to the clauses of preemption.
    pub tail: String,
    pub tail_clauses: Vec<Clause>,
}

/// Head, clauses with the nodes they count, and the same of what preemption says.
pub fn clauses(decision: &Decision) -> Parts {
    const AVAILABLE: &str = "nodes are available: ";
    let message = &decision.message;
    let whole = || Parts { head: message.clone(), ..Parts::default() };
    let Some(at) = message.find(AVAILABLE).map(|it| it + AVAILABLE.len()) else { return whole() };
    let (body, rest) = counted(&message[at..]);
    let tail_at = rest.find(AVAILABLE).map_or(rest.len(), |it| it + AVAILABLE.len());
    let (tail, tail_clauses) = rest.split_at(tail_at);
    let nodes_total = decision.nodes_total;
    let mut parts = Parts {
        head: message[..at].trim_end().to_owned(),
        clauses: body.into_iter().map(|it| clause(it, nodes_with(decision, reason_of(it)))).gather(),
        tail: tail.trim().to_owned(),
        tail_clauses: Vec::new(),
    };
    if !tail_clauses.is_empty() {
        let (body, _) = counted(tail_clauses);
        parts.tail_clauses =
            body.into_iter().map(|it| clause(it, dry_run_with(decision, it, nodes_total))).gather();
    }
    parts
}

fn clause(text: &str, nodes: Vec<String>) -> Clause {
    Clause { text: text.to_owned(), nodes }
}

/// `2 Insufficient cpu` without its number.
fn reason_of(text: &str) -> &str {
    text.split_once(' ').filter(|it| it.0.bytes().all(|it| it.is_ascii_digit())).map_or(text, |it| it.1)
}

/// `1 one reason, 2 another. more`: the parts that start with a number, and what follows the full stop.
fn counted(text: &str) -> (Vec<&str>, &str) {
    let (body, rest) = match text.find(". ") {
        Some(at) => (&text[..at], &text[at + 2..]),
        None => (text.strip_suffix('.').unwrap_or(text), ""),
    };
    // A reason may hold a comma itself; the next clause begins with a number.
    let mut parts = Vec::new();
    let (mut from, mut look) = (0, 0);
    while let Some(at) = body[look..].find(", ").map(|it| look + it) {
        look = at + 2;
        let word = body[look..].split(' ').next().unwrap_or("");
        if !word.is_empty() && word.bytes().all(|it| it.is_ascii_digit()) {
            parts.push(&body[from..at]);
            from = look;
        }
    }
    parts.push(&body[from..]);
    (parts, rest)
}

/// Nodes of which the dry run of preemption says this; those that were not tried are meant by the last kind.
fn dry_run_with(decision: &Decision, text: &str, nodes_total: usize) -> Vec<String> {
    let Some(preemption) = &decision.preemption else { return Vec::new() };
    let reason = reason_of(text);
    let says = |run: &DryRun| match run {
        DryRun::Fails(why) => why.reasons.texts().iter().any(|it| it == reason),
        DryRun::Victims { .. } => false,
    };
    let mut nodes: Vec<String> =
        preemption.dry_run.iter().filter(|it| says(it.1)).map(|it| it.0.to_string()).gather();
    let untried = nodes_total.saturating_sub(preemption.dry_run.len());
    if nodes.is_empty() && text == format!("{untried} {reason}") {
        let tried = |it: &str| preemption.dry_run.contains_key(it);
        nodes = decision.verdicts.iter().map(|it| it.0.to_string()).filter(|it| !tried(it)).gather();
    }
    nodes
}

fn nodes_with(decision: &Decision, reason: &str) -> Vec<String> {
    let has = |verdict: &Verdict| match verdict {
        Verdict::Fits => false,
        Verdict::Rejected(why) => why.reasons.texts().iter().any(|it| it == reason),
        Verdict::NotNamed => decision.not_named_reason() == reason,
    };
    decision.verdicts.iter().filter(|(_, it)| has(it)).map(|(node, _)| node.to_string()).gather()
}

#[cfg(test)]
mod tests {
    use super::{bytes, counted, reason_of};

    #[test]
    fn clauses_begin_with_a_number() {
        let text = "1 node(s) had a, b, 2 Insufficient cpu. preemption: 0/3 nodes are available";
        let (parts, rest) = counted(text);
        assert_eq!(parts, ["1 node(s) had a, b", "2 Insufficient cpu"]);
        assert_eq!(rest, "preemption: 0/3 nodes are available");
        assert_eq!(reason_of(parts[1]), "Insufficient cpu");
        assert_eq!(counted("1 Too many pods."), (vec!["1 Too many pods"], ""));
    }

    #[test]
    fn bytes_are_written_as_quantities() {
        assert_eq!(
            [bytes(96 << 20), bytes(3 << 29), bytes(12), bytes(1536)],
            ["96Mi", "1.5Gi", "12", "1.5Ki"]
        );
    }
}
