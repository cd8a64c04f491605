//! Compares single plugins with the tables of their upstream tests, as far as those are complete as data.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Kind;
use scheduler::{Change, NodeInfo, PodInfo, PreFilter, Rejection, Snapshot, gates_reason, single};
use serde_json::{Value, json};

use crate::CaseResult;
use crate::conformance_scheduler::{differences, object};

/// Why a case is not compared.
pub type Incomplete = &'static str;

const INTERNAL: Incomplete = "tests a function inside upstream that has no counterpart here";
const BUILT: Incomplete = "its input is built in code, so it is not complete as data";
const ARGUMENTS: Incomplete = "sets plugin arguments or feature gates that the default profile does not have";
const DEVICES: Incomplete = "needs dynamic resource allocation";
const REGISTERED: Incomplete = "runs with plugins of the test's own";
const INVALID: Incomplete = "its Pod does not get past the API server's validation";
const BROKEN: Incomplete = "hands over something that is no object";

/// One line of the tables; `number` tells cases of the same name apart.
pub fn case(number: usize, line: &Value) -> Result<CaseResult, Incomplete> {
    let diff = compare(line)?;
    let part = line["plugin"].as_str().unwrap_or("").to_owned();
    let name = (line["test"].as_str().unwrap_or(""), line["name"].as_str().unwrap_or(""));
    let id = format!("table-{number:03} {part}/{}: {}", name.0, name.1);
    Ok(CaseResult { id, part: format!("table of {part}"), agrees: diff.is_empty(), diff })
}

/// How many lines are not compared, by reason.
pub fn left_out(lines: impl Iterator<Item = String>) -> BTreeMap<Incomplete, usize> {
    let mut reasons = BTreeMap::new();
    for line in lines {
        let value: Value = serde_json::from_str(&line).unwrap_or_default();
        if let (true, Err(reason)) = (value["case"].is_object(), compare(&value)) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    reasons
}

fn compare(line: &Value) -> Result<String, Incomplete> {
    let case = &line["case"];
    let gated = ["enableTaintTolerationComparisonOps", "draExtendedResourceEnabled", "enableMatchLabelKeys"];
    if gated[..2].iter().any(|it| case[*it] == true) || case["args"]["AddedAffinity"].is_object() {
        return Err(ARGUMENTS);
    }
    if case["draObjects"].is_array() {
        return Err(DEVICES);
    }
    if case["wantPreFilterStatus"]["reasons"][0].as_str().is_some_and(|it| it.starts_with("parsing pod")) {
        return Err(INVALID);
    }
    let plugin = plugin_of(line["plugin"].as_str().unwrap_or(""));
    let test = line["test"].as_str().unwrap_or("");
    match test {
        "TestNodeAffinity" => Ok(node_affinity(case)),
        "TestNodeName" | "TestNodeUnschedulable" | "TestTaintTolerationFilter" => {
            Ok(filters(plugin, case, &[&case["node"]], &json!([case["wantStatus"]])))
        }
        "TestRequiredAffinitySingleNode" => {
            Ok(filters(plugin, case, &[&case["node"]], &json!([case["wantFilterStatus"]])))
        }
        "TestRequiredAffinityMultipleNodes" => {
            Ok(filters(plugin, case, &all(&case["nodes"]), &case["wantFilterStatuses"]))
        }
        "TestSingleConstraint" | "TestMultipleConstraints" => Ok(spread_filter(case)),
        "TestIsFit" => is_fit(case),
        "TestFits" => Ok(ports_fit(case)),
        "TestNodeAffinityPriority" | "TestTaintTolerationScore" | "TestImageLocalityPriority" => {
            Ok(scores(plugin, case, "expectedList"))
        }
        "TestPreferredAffinity" if case["ignorePreferredTermsOfExistingPods"] == true => Err(ARGUMENTS),
        "TestPreferredAffinityWithHardPodAffinitySymmetricWeight" if case["hardPodAffinityWeight"] != 1 => {
            Err(ARGUMENTS)
        }
        "TestPreferredAffinity" | "TestPreferredAffinityWithHardPodAffinitySymmetricWeight" => {
            Ok(scores(plugin, case, "expectedList"))
        }
        "TestPodTopologySpreadScore" => spread_score(case),
        "TestLeastAllocatedScoringStrategy" => {
            usual_resources(&case["resources"])?;
            Ok(scores(plugin, case, "expectedScores"))
        }
        "testFitScore" => {
            let strategy = &case["nodeResourcesFitArgs"]["ScoringStrategy"];
            usual_resources(&strategy["Resources"])?;
            if strategy["Type"] != "LeastAllocated" {
                return Err(ARGUMENTS);
            }
            Ok(scores(plugin, case, "expectedPriorities"))
        }
        "testNodeResourcesBalancedAllocation" => {
            usual_resources(&case["args"]["Resources"])?;
            Ok(scores("NodeResourcesBalancedAllocation", case, "expectedScores"))
        }
        "TestPreEnqueue" if plugin == "SchedulingGates" => Ok(pre_enqueue(case)),
        _ if test.contains("SchedulableAfter") => hint(plugin, test, case),
        "TestNodePorts"
        | "testEnoughRequests"
        | "testNotEnoughRequests"
        | "testStorageRequests"
        | "testRestartableInitContainers"
        | "TestPreScoreStateEmptyNodes"
        | "TestPreScoreSkip" => Err(BUILT),
        _ if plugin == "DefaultPreemption" => Err(REGISTERED),
        _ => Err(INTERNAL),
    }
}

fn plugin_of(package: &str) -> &'static str {
    match package {
        "nodeaffinity" => "NodeAffinity",
        "nodename" => "NodeName",
        "nodeports" => "NodePorts",
        "noderesources" => "NodeResourcesFit",
        "nodeunschedulable" => "NodeUnschedulable",
        "tainttoleration" => "TaintToleration",
        "podtopologyspread" => "PodTopologySpread",
        "interpodaffinity" => "InterPodAffinity",
        "imagelocality" => "ImageLocality",
        "schedulinggates" => "SchedulingGates",
        _ => "DefaultPreemption",
    }
}

fn all(value: &Value) -> Vec<&Value> {
    value.as_array().map(|it| it.iter().collect()).unwrap_or_default()
}

fn usual_resources(resources: &Value) -> Result<(), Incomplete> {
    let usual = json!([{ "Name": "cpu", "Weight": 1 }, { "Name": "memory", "Weight": 1 }]);
    if *resources == usual { Ok(()) } else { Err(ARGUMENTS) }
}

/// Tables leave out names that their tests do not need.
fn pod(value: &Value, otherwise: &str) -> Arc<PodInfo> {
    let mut value = value.clone();
    if value["metadata"]["name"].is_null() {
        let uid = value["metadata"]["uid"].as_str().unwrap_or(otherwise).to_owned();
        value["metadata"]["name"] = uid.into();
    }
    default_namespace(&mut value["spec"]["affinity"]);
    if value["spec"]["containers"].is_null() {
        value["spec"]["containers"] = json!([]);
    }
    let pod = object(Kind::Pod, &value).and_then(|it| it.as_pod().cloned()).unwrap_or_default();
    Arc::new(PodInfo::new(pod))
}

/// Pods of the tables without a namespace are in "", which terms name; here they are in "default".
fn default_namespace(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for name in map.get_mut("namespaces").and_then(Value::as_array_mut).into_iter().flatten() {
                if *name == "" {
                    *name = "default".into();
                }
            }
            map.values_mut().for_each(default_namespace);
        }
        Value::Array(all) => all.iter_mut().for_each(default_namespace),
        _ => {}
    }
}

fn node(value: &Value) -> NodeInfo {
    NodeInfo::new(object(Kind::Node, value).and_then(|it| it.as_node().cloned()).unwrap_or_default())
}

fn cluster(nodes: &[&Value], pods: &Value) -> Snapshot {
    let mut snapshot = Snapshot::default();
    // The tests of inter-pod affinity run in a cluster with these.
    for (name, team) in [
        ("subteam1.team1", "team1"),
        ("subteam2.team1", "team1"),
        ("subteam1.team2", "team2"),
        ("subteam2.team2", "team2"),
    ] {
        let mut namespace = api::Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        namespace.metadata.labels = Some([("team".to_owned(), team.to_owned())].into());
        snapshot.set_namespace(&namespace);
    }
    for value in nodes {
        snapshot.set_node(node(value).node.clone());
    }
    for (number, value) in all(pods).into_iter().enumerate() {
        let pod = pod(value, &format!("existing-{number}"));
        let node = pod.node_name().to_owned();
        snapshot.add_pod(pod, &node);
    }
    snapshot
}

fn verdict(result: &Result<(), Rejection>) -> Value {
    match result {
        Ok(()) => Value::Null,
        Err(rejection) => json!({ "code": rejection.code.name(), "reasons": rejection.reasons.texts() }),
    }
}

fn without_plugin(status: &Value) -> Value {
    if status.is_null() {
        Value::Null
    } else {
        json!({ "code": status["code"], "reasons": status["reasons"] })
    }
}

fn pre_filter_status(answer: &PreFilter) -> Value {
    match answer {
        PreFilter::Skip => json!({ "code": "Skip", "reasons": null }),
        PreFilter::Reject(reason) => json!({ "code": "UnschedulableAndUnresolvable", "reasons": [reason] }),
        PreFilter::None | PreFilter::Run | PreFilter::Only(_) => Value::Null,
    }
}

fn filters(plugin: &str, case: &Value, nodes: &[&Value], wanted: &Value) -> String {
    let snapshot = cluster(nodes, &case["pods"]);
    let (answer, verdicts) = single::filter(plugin, &snapshot, &pod(&case["pod"], "incoming"));
    let mut diff = String::new();
    let recorded = without_plugin(&case["wantPreFilterStatus"]);
    if case.get("wantPreFilterStatus").is_some() {
        differences("preFilter", &recorded, &pre_filter_status(&answer), &mut diff);
    }
    if recorded.is_null() {
        for (at, value) in nodes.iter().enumerate() {
            let name = value["metadata"]["name"].as_str().unwrap_or("");
            let ours = verdicts.iter().find(|it| *it.0 == *name).map_or(Value::Null, |it| verdict(&it.1));
            differences(&format!("filter.{name}"), &without_plugin(&wanted[at]), &ours, &mut diff);
        }
    }
    diff
}

fn node_affinity(case: &Value) -> String {
    let value = json!({ "metadata": { "name": case["nodeName"], "labels": case["labels"] } });
    let (answer, verdicts) =
        single::filter("NodeAffinity", &cluster(&[&value], &Value::Null), &pod(&case["pod"], "incoming"));
    let mut diff = String::new();
    if case["runPreFilter"] == true {
        let recorded = without_plugin(&case["wantPreFilterStatus"]);
        differences("preFilter", &recorded, &pre_filter_status(&answer), &mut diff);
        let named = if let PreFilter::Only(names) = &answer { json!(names) } else { Value::Null };
        let recorded = &case["wantPreFilterResult"]["NodeNames"];
        let recorded = match recorded {
            Value::Object(set) => json!(set.keys().collect::<Vec<_>>()),
            other => other.clone(),
        };
        differences("nodeNames", &recorded, &named, &mut diff);
    }
    if !matches!(answer, PreFilter::Reject(_)) {
        differences("filter", &without_plugin(&case["wantStatus"]), &verdict(&verdicts[0].1), &mut diff);
    }
    diff
}

fn spread_filter(case: &Value) -> String {
    let snapshot = cluster(&all(&case["nodes"]), &case["existingPods"]);
    let (answer, verdicts) = single::filter("PodTopologySpread", &snapshot, &pod(&case["pod"], "incoming"));
    // The number is the code as Go counts them.
    let code = |it: &Result<(), Rejection>| match it {
        Err(rejection) if rejection.code.name() == "Unschedulable" => 2,
        Err(_) => 3,
        Ok(()) => 0,
    };
    let skipped = answer == PreFilter::Skip;
    let ours: BTreeMap<String, i32> =
        verdicts.iter().map(|it| (it.0.to_string(), if skipped { 0 } else { code(&it.1) })).collect();
    let mut diff = String::new();
    differences("codes", &case["wantStatusCode"], &json!(ours), &mut diff);
    diff
}

fn is_fit(case: &Value) -> Result<String, Incomplete> {
    if case["node"].is_null() {
        return Err(BROKEN);
    }
    if case["podLevelResourcesEnabled"] == false && case["pod"]["spec"]["resources"].is_object() {
        return Err(ARGUMENTS);
    }
    let snapshot = cluster(&[&case["node"]], &Value::Null);
    let (_, verdicts) = single::filter("NodeResourcesFit", &snapshot, &pod(&case["pod"], "incoming"));
    let mut diff = String::new();
    differences("fits", &case["expected"], &verdicts[0].1.is_ok().into(), &mut diff);
    Ok(diff)
}

fn ports_fit(case: &Value) -> String {
    let mut snapshot = cluster(&[&json!({ "metadata": { "name": "n" } })], &Value::Null);
    for (number, it) in all(&case["existing"]["Pods"]).into_iter().enumerate() {
        snapshot.add_pod(pod(&it["Pod"], &format!("existing-{number}")), "n");
    }
    let (_, verdicts) = single::filter("NodePorts", &snapshot, &pod(&case["pod"], "incoming"));
    let mut diff = String::new();
    differences("fits", &case["expect"], &verdicts[0].1.is_ok().into(), &mut diff);
    diff
}

fn names(nodes: &[&Value]) -> Vec<String> {
    nodes.iter().map(|it| it["metadata"]["name"].as_str().unwrap_or("").to_owned()).collect()
}

fn scored(plugin: &str, snapshot: &Snapshot, pod: &PodInfo, nodes: &[&Value], wanted: &Value) -> String {
    let feasible = names(nodes);
    let feasible: Vec<&str> = feasible.iter().map(String::as_str).collect();
    let mut diff = String::new();
    let ours = single::score(plugin, snapshot, pod, &feasible);
    let ours: BTreeMap<String, i64> =
        ours.into_iter().flatten().map(|(name, score)| (name.to_string(), score)).collect();
    // Upstream's tests also score after a skip; what they expect then is 0.
    for it in all(wanted) {
        let name = it["Name"].as_str().unwrap_or("");
        let score = ours.get(name).copied().unwrap_or(0);
        differences(&format!("score.{name}"), &it["Score"], &score.into(), &mut diff);
    }
    diff
}

fn scores(plugin: &str, case: &Value, expected: &str) -> String {
    let nodes = all(&case["nodes"]);
    let existing = if case["pods"].is_array() { &case["pods"] } else { &case["existingPods"] };
    let incoming = if case["pod"].is_object() { &case["pod"] } else { &case["requestedPod"] };
    let snapshot = cluster(&nodes, existing);
    let incoming = pod(incoming, "incoming");
    let mut diff = scored(plugin, &snapshot, &incoming, &nodes, &case[expected]);
    let status = [&case["wantStatus"]["code"], &case["wantPreScoreStatus"]["code"]];
    if status.iter().any(|it| **it == "Skip") {
        let feasible = names(&nodes);
        let feasible: Vec<&str> = feasible.iter().map(String::as_str).collect();
        let skipped = single::score(plugin, &snapshot, &incoming, &feasible).is_none();
        differences("skipped", &true.into(), &skipped.into(), &mut diff);
    }
    diff
}

fn spread_score(case: &Value) -> Result<String, Incomplete> {
    let keys = all(&case["pod"]["spec"]["topologySpreadConstraints"]);
    if case["objs"].is_array()
        || (case["enableMatchLabelKeys"] == false && keys.iter().any(|it| it["matchLabelKeys"].is_array()))
    {
        return Err(ARGUMENTS);
    }
    let (nodes, failed) = (all(&case["nodes"]), all(&case["failedNodes"]));
    let everything: Vec<&Value> = nodes.iter().chain(&failed).copied().collect();
    let snapshot = cluster(&everything, &case["existingPods"]);
    Ok(scored("PodTopologySpread", &snapshot, &pod(&case["pod"], "incoming"), &nodes, &case["want"]))
}

fn pre_enqueue(case: &Value) -> String {
    let reason = gates_reason(&pod(&case["pod"], "incoming").pod);
    let ours =
        reason.map_or(Value::Null, |it| json!({ "code": "UnschedulableAndUnresolvable", "reasons": [it] }));
    let mut diff = String::new();
    differences("status", &without_plugin(&case["want"]), &ours, &mut diff);
    diff
}

/// 1 is Queue, 0 is `QueueSkip`.
fn hint(plugin: &str, test: &str, case: &Value) -> Result<String, Incomplete> {
    if test.contains("DeviceClass") {
        return Err(DEVICES);
    }
    let either = |one: &str, other: &str, third: &str| {
        [one, other, third].iter().find_map(|it| case.get(*it)).cloned().unwrap_or_default()
    };
    let (old, new) = (either("oldObj", "oldPod", "oldNode"), either("newObj", "newPod", "newNode"));
    if old.is_string() || new.is_string() || case["pod"].is_null() {
        return Err(BROKEN);
    }
    if plugin == "SchedulingGates" || case["enableInPlacePodVerticalScaling"] == false {
        return Err(if plugin == "SchedulingGates" { INTERNAL } else { ARGUMENTS });
    }
    let waiting = pod(&case["pod"], "waiting");
    let helps = if test.contains("Node") {
        node_helps(plugin, &waiting, &old, &new)
    } else {
        pod_helps(plugin, &waiting, &old, &new, case)
    };
    let mut diff = String::new();
    differences("hint", &case["expectedHint"], &i32::from(helps).into(), &mut diff);
    Ok(diff)
}

fn node_helps(plugin: &str, waiting: &PodInfo, old: &Value, new: &Value) -> bool {
    let (before, after) = (node(old), node(new));
    let change = match (old.is_null(), new.is_null()) {
        (true, _) => Change::NodeAdded(&after),
        (false, true) => Change::NodeDeleted(&before),
        (false, false) => Change::NodeUpdated { old: &before, new: &after },
    };
    single::may_help(plugin, waiting, change)
}

fn pod_helps(plugin: &str, waiting: &PodInfo, old: &Value, new: &Value, case: &Value) -> bool {
    let (before, after) = (pod(old, "other"), pod(new, "other"));
    let uid = &case["pod"]["metadata"]["uid"];
    let own = !new.is_null() && !old.is_null() && new["metadata"]["uid"] == *uid;
    let bound = |it: &PodInfo| !it.node_name().is_empty() || !it.nominated_node().is_empty();
    let change = match (old.is_null(), new.is_null()) {
        // Pods that are not on a node are no event to the plugins.
        _ if own || plugin == "TaintToleration" && new["metadata"]["uid"] == *uid => {
            Change::OwnUpdate { old: &before, new: &after }
        }
        (true, _) if bound(&after) => Change::PodAdded(&after),
        (false, true) if bound(&before) => Change::PodDeleted(&before),
        (false, false) if bound(&after) => Change::PodUpdated { old: &before, new: &after },
        _ => return false,
    };
    single::may_help(plugin, waiting, change)
}
