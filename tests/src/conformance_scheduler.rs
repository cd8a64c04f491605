//! Compares the scheduler with recorded decisions of kube-scheduler (`golden/scheduler`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use api::{Kind, Namespace, Node, Object, ObjectKey, Pod, PodDisruptionBudget, ReplicaSet, Service};
use scheduler::{
    Decision, DryRun, Options, Outcome, PodInfo, Rejection, Snapshot, Verdict, gates_reason, schedule_one,
};
use serde_json::{Map, Value, json};

use crate::{CaseResult, conformance_scheduler_tables};

/// Compares one case a line: scenarios, and of the upstream tables those that are complete as data
/// (`conformance_scheduler_tables::left_out` tells about the others).
pub fn run(lines: impl Iterator<Item = String>) -> Vec<CaseResult> {
    let lines = lines.filter(|it| !it.trim().is_empty()).enumerate();
    lines.filter_map(|(number, line)| case(number, &line)).collect()
}

fn case(number: usize, line: &str) -> Option<CaseResult> {
    let scenario: Value = match serde_json::from_str(line) {
        Ok(scenario) => scenario,
        Err(error) => {
            let diff = format!("unreadable line: {error}");
            let (id, part) = (format!("line {number}"), "unreadable".to_owned());
            return Some(CaseResult { id, part, agrees: false, diff });
        }
    };
    if scenario["case"].is_object() {
        return conformance_scheduler_tables::case(number, &scenario).ok();
    }
    let id = text(&scenario, "id");
    let part = scenario["feature"].as_str().unwrap_or("random").to_owned();
    let diff = compare(&scenario);
    Some(CaseResult { id, part, agrees: diff.is_empty(), diff })
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or("").to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

/// Recorded objects leave out kind and apiVersion.
pub(crate) fn object(kind: Kind, value: &Value) -> Option<Object> {
    let mut value = value.clone();
    let info = kind.info();
    let map = value.as_object_mut()?;
    map.insert("apiVersion".to_owned(), info.api_version().into());
    map.insert("kind".to_owned(), info.kind.into());
    Object::from_value(kind, value).ok()
}

fn pod(value: &Value) -> Pod {
    object(Kind::Pod, value).and_then(|it| it.as_pod().map(|it| (**it).clone())).unwrap_or_default()
}

/// The cluster of a scenario, as its steps change it.
struct World {
    snapshot: Snapshot,
    pending: BTreeMap<ObjectKey, Pod>,
    delete_victims: bool,
}

fn world(scenario: &Value) -> World {
    let mut snapshot = Snapshot::default();
    for namespace in list(scenario, "namespaces") {
        if let Some(Object::Namespace(it)) = object(Kind::Namespace, namespace) {
            let it: &Namespace = &it;
            snapshot.set_namespace(it);
        }
    }
    for service in list(scenario, "services") {
        if let Some(Object::Service(it)) = object(Kind::Service, service) {
            let it: &Service = &it;
            snapshot.set_service(it);
        }
    }
    for replica_set in list(scenario, "replicaSets") {
        if let Some(Object::ReplicaSet(it)) = object(Kind::ReplicaSet, replica_set) {
            let it: &ReplicaSet = &it;
            snapshot.set_replica_set(it);
        }
    }
    for budget in list(scenario, "pdbs") {
        if let Some(Object::PodDisruptionBudget(it)) = object(Kind::PodDisruptionBudget, budget) {
            let it: &PodDisruptionBudget = &it;
            snapshot.set_budget(it);
        }
    }
    for node in list(scenario, "nodes") {
        if let Some(Object::Node(it)) = object(Kind::Node, node) {
            let it: Arc<Node> = it;
            snapshot.set_node(it);
        }
    }
    let delete_victims = scenario["preemptionMode"] != "terminating";
    let mut world = World { snapshot, pending: BTreeMap::new(), delete_victims };
    for value in list(scenario, "pods") {
        world.add(pod(value));
    }
    world
}

impl World {
    fn add(&mut self, pod: Pod) {
        let info = Arc::new(PodInfo::new(Arc::new(pod)));
        if info.is_finished() {
        } else if !info.node_name().is_empty() {
            let node = info.node_name().to_owned();
            self.snapshot.add_pod(info, &node);
        } else if !info.nominated_node().is_empty() {
            let node = info.nominated_node().to_owned();
            self.pending.insert(info.key.clone(), (*info.pod).clone());
            self.snapshot.nominate(info, &node);
        }
    }

    fn bind(&mut self, mut pod: Pod, node: &str, start_time: &Value) {
        self.snapshot.remove_nomination(&Object::from(pod.clone()).key());
        pod.spec.get_or_insert_default().node_name = Some(node.to_owned());
        let status = pod.status.get_or_insert_default();
        status.phase = Some("Running".to_owned());
        status.nominated_node_name = None;
        status.start_time = serde_json::from_value(start_time.clone()).ok();
        self.add(pod);
    }

    /// What a decision changes, and the second attempt where the recording has one.
    fn carry_out(&mut self, pod: &Pod, decision: &Decision, recorded: &Value) -> Option<Value> {
        if let Some(node) = &decision.chosen {
            self.bind(pod.clone(), node, &recorded["boundStartTime"]);
            return None;
        }
        let preemption = decision.preemption.as_ref()?;
        let node = preemption.nominated.clone()?;
        for key in &preemption.cleared_nominations {
            self.snapshot.remove_nomination(key);
        }
        for key in &preemption.victims {
            let victim = self.snapshot.remove_pod(key)?;
            if !self.delete_victims {
                self.snapshot.add_pod(Arc::new(PodInfo::new(Arc::new(terminating(&victim.pod)))), &node);
            }
        }
        let mut pod = pod.clone();
        pod.status.get_or_insert_default().nominated_node_name = Some(node.to_string());
        let info = Arc::new(PodInfo::new(Arc::new(pod.clone())));
        self.snapshot.nominate(info.clone(), &node);
        if !self.delete_victims || recorded.get("retry").is_none() {
            return None;
        }
        Some(self.attempt(&pod, &recorded["retry"]))
    }

    fn attempt(&mut self, pod: &Pod, recorded: &Value) -> Value {
        let info = PodInfo::new(Arc::new(pod.clone()));
        let options = Options { explain: true, ..Options::default() };
        let decision = schedule_one(&self.snapshot, &info, options);
        let mut result = result_of(&decision);
        if let Some(time) = recorded.get("boundStartTime").filter(|_| decision.chosen.is_some()) {
            result.insert("boundStartTime".to_owned(), time.clone());
        }
        if let Some(retry) = self.carry_out(pod, &decision, recorded) {
            result.insert("retry".to_owned(), retry);
        }
        result.into()
    }

    fn step(&mut self, pod: &Pod, recorded: &Value) -> Value {
        let spec = pod.spec.as_ref();
        if let Some(node) = spec.and_then(|it| it.node_name.clone()).filter(|it| !it.is_empty()) {
            self.bind(pod.clone(), &node, &recorded["boundStartTime"]);
            return json!({
                "outcome": "preassigned", "node": node, "boundStartTime": recorded["boundStartTime"],
            });
        }
        let scheduler = spec.and_then(|it| it.scheduler_name.as_deref());
        if scheduler.is_some_and(|it| it != "default-scheduler") {
            return json!({ "outcome": "ignored" });
        }
        match gates_reason(pod) {
            Some(reason) => gated(&reason),
            None => self.attempt(pod, recorded),
        }
    }
}

fn gated(reason: &str) -> Value {
    json!({
        "outcome": "gated",
        "condition": {
            "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        },
        "preEnqueue": {
            "plugin": "SchedulingGates", "code": "UnschedulableAndUnresolvable", "reasons": [reason],
        },
    })
}

fn terminating(victim: &Pod) -> Pod {
    let mut value = serde_json::to_value(victim).expect("a Pod has string keys only");
    if value["metadata"]["deletionTimestamp"].is_null() {
        value["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z".into();
    }
    let status = value["status"].as_object_mut().map(|it| it.entry("conditions").or_insert(json!([])));
    if let Some(conditions) = status.and_then(Value::as_array_mut) {
        conditions.retain(|it| it["type"] != "DisruptionTarget");
        conditions.push(victim_condition());
    }
    pod(&value)
}

fn victim_condition() -> Value {
    json!({
        "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
        "message": "default-scheduler: preempting to accommodate a higher priority pod",
    })
}

/// A decision in the shape of the recordings.
fn result_of(decision: &Decision) -> Map<String, Value> {
    let mut result = Map::new();
    let mut put = |key: &str, value: Value| drop(result.insert(key.to_owned(), value));
    let outcome = match decision.outcome {
        Outcome::Scheduled => "scheduled",
        Outcome::Unschedulable => "unschedulable",
        Outcome::Preempting => "preempting",
    };
    put("outcome", outcome.into());
    if let Some(it) = &decision.pre_filter {
        let code = "UnschedulableAndUnresolvable";
        put("preFilter", json!({ "plugin": it.plugin, "code": code, "reasons": [it.reason] }));
    } else if decision.nodes_total != 0 {
        put("skippedFilterPlugins", json!(decision.skipped_filter));
    }
    if let Some(it) = &decision.pre_filter_result {
        put("preFilterResult", json!({ "nodeNames": it.node_names, "plugins": it.plugins }));
    }
    if decision.nodes_total != 0 {
        put("filter", filter_of(decision));
    }
    let scheduled = decision.outcome == Outcome::Scheduled;
    let event = if scheduled {
        ("Normal", "Scheduled", "Binding")
    } else {
        ("Warning", "FailedScheduling", "Scheduling")
    };
    put(
        "event",
        json!({ "type": event.0, "reason": event.1, "action": event.2, "note": decision.event_note() }),
    );
    if scheduled {
        put("node", json!(decision.chosen));
        put("candidates", json!(decision.candidates));
        put("feasible", json!(decision.scores.nodes));
        put("scored", decision.scored.into());
        put("skippedScorePlugins", json!(decision.skipped_score));
        put("scores", scores_of(decision));
        if decision.nominated_fast_path {
            put("nominatedFastPath", true.into());
        }
        return result;
    }
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": decision.message,
    });
    put("condition", condition);
    if decision.nodes_total != 0 {
        put("unschedulablePlugins", json!(decision.unschedulable_plugins.iter().collect::<Vec<_>>()));
    }
    if let Some(preemption) = &decision.preemption {
        if let Some(node) = &preemption.nominated {
            put("nominatedNodeName", json!(node));
        }
        put("preemption", preemption_of(preemption));
    }
    result
}

fn rejection_of(rejection: &Rejection) -> Map<String, Value> {
    let mut value = Map::new();
    if !rejection.plugin.is_empty() {
        value.insert("plugin".to_owned(), rejection.plugin.into());
    }
    let mut reasons = rejection.reasons.texts();
    reasons.sort();
    value.insert("code".to_owned(), rejection.code.name().into());
    value.insert("reasons".to_owned(), json!(reasons));
    value
}

fn filter_of(decision: &Decision) -> Value {
    let one = |verdict: &Verdict| match verdict {
        Verdict::Fits => json!("ok"),
        Verdict::Rejected(rejection) => {
            let mut value = rejection_of(rejection);
            if decision.pre_filter.is_some() {
                value.insert("source".to_owned(), "PreFilter".into());
            }
            value.into()
        }
        Verdict::NotNamed => json!({
            "code": "UnschedulableAndUnresolvable", "source": "PreFilterResult",
            "reasons": [decision.not_named_reason()],
        }),
    };
    decision.verdicts.iter().map(|(node, it)| (node.to_string(), one(it))).collect::<Map<_, _>>().into()
}

fn scores_of(decision: &Decision) -> Value {
    let scores = &decision.scores;
    let mut all = Map::new();
    for (at, node) in scores.nodes.iter().enumerate() {
        let mut plugins = Map::new();
        for column in &scores.columns {
            let normalised = column.normalised[at];
            let row = json!([column.raw[at], normalised, normalised * column.weight]);
            plugins.insert(column.plugin.to_owned(), row);
        }
        all.insert(node.to_string(), json!({ "total": scores.total[at], "plugins": plugins }));
    }
    all.into()
}

fn names(keys: &[ObjectKey]) -> Vec<String> {
    keys.iter().map(|it| format!("{}/{}", it.namespace, it.name)).collect()
}

fn preemption_of(preemption: &scheduler::Preemption) -> Value {
    let mut value = Map::new();
    let mut put = |key: &str, it: Value| drop(value.insert(key.to_owned(), it));
    put("potentialNodes", json!(preemption.potential_nodes));
    if let Some(reason) = preemption.not_eligible {
        put("notEligible", reason.into());
    }
    if !preemption.dry_run.is_empty() {
        let one = |run: &DryRun| match run {
            DryRun::Victims { pods, rank } => {
                json!({ "victims": names(pods), "pdbViolations": rank.violations })
            }
            DryRun::Fails(rejection) => rejection_of(rejection).into(),
        };
        let runs = preemption.dry_run.iter().map(|(node, it)| (node.to_string(), one(it)));
        put("dryRun", runs.collect::<Map<_, _>>().into());
    }
    if !preemption.message.is_empty() {
        put("message", json!(preemption.message));
    }
    if let Some(node) = &preemption.nominated {
        let mut victims = names(&preemption.victims);
        victims.sort();
        put("nominated", json!(node));
        put("nominatedPossible", json!(preemption.nominated_possible));
        put("victims", json!(victims));
        if !preemption.fresh_victims.is_empty() {
            put("victimEvent", format!("Preempted by pod <uid> on node {node}").into());
            put("victimCondition", victim_condition());
        }
        if !preemption.cleared_nominations.is_empty() {
            put("clearedNominations", json!(names(&preemption.cleared_nominations)));
        }
    }
    value.into()
}

fn compare(scenario: &Value) -> String {
    let mut world = world(scenario);
    let mut diff = String::new();
    for (number, step) in list(scenario, "steps").enumerate() {
        let recorded = &step["result"];
        let ours = world.step(&pod(&step["pod"]), recorded);
        let name = text(&step["pod"]["metadata"], "name");
        differences(&format!("step {number} ({name})"), recorded, &ours, &mut diff);
        if !diff.is_empty() {
            // What follows would only repeat it.
            break;
        }
    }
    diff
}

/// Field by field, recorded first.
pub fn differences(path: &str, recorded: &Value, ours: &Value, diff: &mut String) {
    match (recorded, ours) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differences(&format!("{path}.{key}"), &of(left), &of(right), diff);
            }
        }
        _ if recorded == ours => {}
        _ => {
            // Writing into a String cannot fail.
            let _ = writeln!(diff, "{path}\n- {recorded}\n+ {ours}");
        }
    }
}
