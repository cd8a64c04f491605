//! The scheduler's decision as a table, and what a pending Pod waits for, clause by clause.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler::{Decision, Reasons, Shortage, Verdict};
use sim::SimTime;

use crate::frame::{self, Clause, DecisionColumn, DecisionRow, Gate, ObjectRef, Remedy, RemedyKind};

/// Rows that a table shows at the most.
const ROWS_MAX: usize = 200;

pub fn pod_ref(key: &scheduler::PodKey) -> ObjectRef {
    ObjectRef::pod(&key.namespace, &key.name)
}

pub fn table(decision: &Decision, at: SimTime) -> frame::Decision {
    let scores = &decision.scores;
    let mut columns: Vec<DecisionColumn> = scheduler::PROFILE
        .iter()
        .map(|plugin| plugin.name())
        .filter(|name| {
            let rejected = decision
                .verdicts
                .iter()
                .any(|(_, it)| matches!(it, Verdict::Rejected(why) if why.plugin == *name));
            let filtered = !decision.skipped_filter.contains(name) && is_filter(name);
            rejected || filtered || scores.columns.iter().any(|it| it.plugin == *name)
        })
        .map(|name| DecisionColumn {
            plugin: name.to_owned(),
            filters: is_filter(name),
            scores: false,
            weight: 0,
        })
        .collect();
    for column in &scores.columns {
        if let Some(found) = columns.iter_mut().find(|it| it.plugin == column.plugin) {
            found.scores = true;
            found.weight = column.weight;
        }
    }
    let rows = decision
        .verdicts
        .iter()
        .take(ROWS_MAX)
        .map(|(node, verdict)| row(decision, node, verdict, &columns))
        .collect();
    frame::Decision {
        pod: pod_ref(&decision.pod),
        at: at.0,
        chosen: decision.chosen.as_ref().map(ToString::to_string),
        columns,
        rows,
        message: decision.message.clone(),
        examined: decision.examined as u32,
        total: decision.nodes_total as u32,
        victims: decision.preemption.iter().flat_map(|it| it.victims.iter().map(pod_ref)).collect(),
        tie: 1 < decision.candidates.len(),
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
    let weighted = |column: &DecisionColumn| {
        let found = scores.columns.iter().find(|it| it.plugin == column.plugin)?;
        Some(found.normalised.get(index?)? * found.weight)
    };
    let verdict = match verdict {
        Verdict::Fits => frame::Verdict::Fits,
        Verdict::Rejected(why) => {
            frame::Verdict::Rejected { plugin: why.plugin.to_owned(), reasons: why.reasons.texts() }
        }
        Verdict::NotNamed => frame::Verdict::Rejected {
            plugin: "NodeAffinity".to_owned(),
            reasons: vec![decision.not_named_reason()],
        },
    };
    DecisionRow {
        node: node.to_string(),
        verdict,
        scores: columns.iter().filter(|it| it.scores).map(weighted).collect(),
        total: index.and_then(|it| scores.total.get(it).copied()),
    }
}

/// What each node says to the Pod of this decision.
pub fn gates(decision: &Decision) -> BTreeMap<String, Gate> {
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
                        .collect()
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
    decision.verdicts.iter().map(gate).collect()
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
    all.iter().map(missing).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ")
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

/// The message taken apart: head, clauses with the nodes they count, tail.
pub fn clauses(decision: &Decision) -> (String, Vec<Clause>, String) {
    let message = &decision.message;
    let Some((head, rest)) = message.split_once(": ").filter(|(head, _)| head.ends_with("are available"))
    else {
        return (message.clone(), Vec::new(), String::new());
    };
    let (body, tail) = match rest.find(". ") {
        Some(at) => (&rest[..at], rest[at + 2..].to_owned()),
        None => (rest.trim_end_matches('.'), String::new()),
    };
    let counted = body.split(", ").map(|text| {
        let reason = text.split_once(' ').map_or(text, |(_, reason)| reason);
        Clause { text: text.to_owned(), nodes: nodes_with(decision, reason) }
    });
    (format!("{head}:"), counted.collect(), tail)
}

fn nodes_with(decision: &Decision, reason: &str) -> Vec<String> {
    let has = |verdict: &Verdict| match verdict {
        Verdict::Fits => false,
        Verdict::Rejected(why) => why.reasons.texts().iter().any(|it| it == reason),
        Verdict::NotNamed => decision.not_named_reason() == reason,
    };
    decision.verdicts.iter().filter(|(_, it)| has(it)).map(|(node, _)| node.to_string()).collect()
}

/// Changes that take away what one node has against the Pod, cheapest first.
pub fn remedies(decision: &Decision, api: &apiserver::ApiServer) -> Vec<Remedy> {
    const SHOWN: usize = 3;
    let mut found: Vec<Remedy> = Vec::new();
    for (node, verdict) in &decision.verdicts {
        let Verdict::Rejected(why) = verdict else { continue };
        let Some(remedy) = remedy(decision, api, node, why) else { continue };
        match found.iter_mut().find(|it| it.kind == remedy.kind && it.preview == remedy.preview) {
            Some(same) => same.nodes.extend(remedy.nodes),
            None => found.push(remedy),
        }
    }
    found.truncate(SHOWN);
    found
}

fn remedy(
    decision: &Decision,
    api: &apiserver::ApiServer,
    node: &Arc<str>,
    why: &scheduler::Rejection,
) -> Option<Remedy> {
    let make = |kind, command: String| Remedy {
        kind,
        preview: command.clone(),
        command: Some(command),
        nodes: vec![node.to_string()],
    };
    match why.plugin {
        "NodeUnschedulable" => Some(make(RemedyKind::Uncordon, format!("kubectl uncordon {node}"))),
        "TaintToleration" => {
            let taints = api.node(node)?.spec.as_ref()?.taints.clone()?;
            let taint = taints
                .iter()
                .find(|it| it.effect != "PreferNoSchedule" && !it.key.starts_with("node.kubernetes.io/"))?;
            Some(make(
                RemedyKind::RemoveTaint,
                format!("kubectl taint node {node} {}:{}-", taint.key, taint.effect),
            ))
        }
        "NodeAffinity" => {
            let pod = api.pod(&decision.pod.namespace, &decision.pod.name)?;
            let wanted = pod.spec.as_ref()?.node_selector.as_ref()?;
            let labels = api.node(node)?.metadata.labels.clone().unwrap_or_default();
            let missing: Vec<String> = wanted
                .iter()
                .filter(|(key, value)| labels.get(*key) != Some(value))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let overwrite = if wanted.keys().any(|it| labels.contains_key(it)) { " --overwrite" } else { "" };
            (!missing.is_empty()).then(|| {
                make(
                    RemedyKind::LabelNode,
                    format!("kubectl label node {node} {}{overwrite}", missing.join(" ")),
                )
            })
        }
        "NodeResourcesFit" => {
            let Reasons::Short(all) = &why.reasons else { return None };
            let fits: Vec<String> = all
                .iter()
                .filter(|it| &*it.resource != "pods" && it.used < it.capacity)
                .map(|it| {
                    let free = it.capacity - it.used;
                    let (asked, free) = if &*it.resource == "cpu" {
                        (format!("{}m", it.requested), format!("{free}m"))
                    } else {
                        (bytes(it.requested), bytes(free))
                    };
                    format!("resources.requests.{}: {asked} → {free}", it.resource)
                })
                .collect();
            (fits.len() == all.len()).then(|| Remedy {
                kind: RemedyKind::LowerRequest,
                preview: fits.join("\n"),
                command: None,
                nodes: vec![node.to_string()],
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_written_as_quantities() {
        assert_eq!(
            [bytes(96 << 20), bytes(3 << 29), bytes(12), bytes(1536)],
            ["96Mi", "1.5Gi", "12", "1.5Ki"]
        );
    }
}
