//! Lifecycles recorded on real kubelets, run again in the simulation and compared.

mod compare;
mod machines;
mod normalize;
mod observe;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::CaseResult;

pub use compare::compare;
pub use observe::simulate;

/// One run, recorded or simulated, in the shape of the recordings: times are seconds since the first action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub commands: Vec<CommandRun>,
    /// `normalized.jsonl`
    pub records: Vec<Value>,
    /// `get.txt`
    pub get: String,
    /// `logs.txt`
    pub logs: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CommandRun {
    pub command: String,
    pub started: f64,
    pub code: i64,
    pub output: String,
}

/// A recorded scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub name: String,
    /// The files that commands read.
    pub manifests: BTreeMap<String, String>,
    pub recorded: Run,
    /// `pods.yaml`: the Pods that there were at its end.
    pub pods: Vec<Value>,
    /// When the recording ended.
    pub end: f64,
}

impl Scenario {
    /// From the texts of its files, by file name.
    pub fn read(name: &str, files: &BTreeMap<String, String>) -> Result<Scenario, String> {
        let text = |file: &str| files.get(file).map_or("", String::as_str);
        let actions: Vec<Value> =
            serde_json::from_str(text("actions.json")).map_err(|it| format!("{name}/actions.json: {it}"))?;
        let commands = actions
            .iter()
            .map(|it| CommandRun {
                command: it["cmd"].as_str().unwrap_or("").to_owned(),
                started: it["started"].as_f64().unwrap_or(0.0),
                code: it["rc"].as_i64().unwrap_or(0),
                output: it["output"].as_str().unwrap_or("").to_owned(),
            })
            .collect();
        let records = text("normalized.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|it| format!("{name}/normalized.jsonl: {it}")))
            .collect::<Result<Vec<Value>, String>>()?;
        let recorded =
            Run { commands, records, get: text("get.txt").to_owned(), logs: text("logs.txt").to_owned() };
        let manifests = files
            .iter()
            .filter(|it| it.0.rsplit_once('.').is_some_and(|it| it.1 == "yaml") && it.0 != "pods.yaml");
        let end = end(&recorded, text("events.txt"));
        Ok(Scenario {
            name: name.to_owned(),
            manifests: manifests.map(|(name, text)| (name.clone(), text.clone())).collect(),
            pods: list(text("pods.yaml")),
            recorded,
            end,
        })
    }
}

/// The items of a printed list.
fn list(text: &str) -> Vec<Value> {
    let list: Value = serde_yaml::from_str(text).unwrap_or_default();
    list["items"].as_array().cloned().unwrap_or_default()
}

/// When it ended, in seconds: the youngest Event's age was printed then, and nothing is later than the last record.
fn end(recorded: &Run, events: &str) -> f64 {
    let records = recorded.records.iter().filter_map(|it| it["t"].as_f64());
    let last = records.chain(recorded.commands.iter().map(|it| it.started + 0.5)).fold(0.0, f64::max);
    let printed = events.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [age, _, reason, _, ..] = words[..] else { return None };
        let told = words[4..].join(" ");
        // Of a message with line feeds, the first line is printed beside the age.
        let same = |it: &Value| {
            let text = it["message"].as_str().unwrap_or("").lines().next().unwrap_or("").to_owned();
            text.split_whitespace().collect::<Vec<&str>>().join(" ") == normalize::message(&told)
        };
        let seen = |it: &&Value| {
            it["kind"] == "event" && it["ev"] != "DELETED" && it["reason"] == reason && same(it)
        };
        let at = recorded.records.iter().filter(seen).filter_map(|it| it["t"].as_f64()).reduce(f64::max)?;
        Some((compare::seconds(age)?, at))
    });
    let youngest = printed.min_by(|one, two| one.0.total_cmp(&two.0));
    youngest.filter(|it| it.0 < 120.0).map_or(last, |(age, at)| last.max(at + age)) + 0.3
}

/// The disagreements of the draw that comes closest to the recording.
fn closest(scenario: &Scenario) -> Vec<String> {
    let mut best: Option<Vec<String>> = None;
    for seed in 1..=observe::DRAWS {
        let differences = compare(&scenario.recorded, &simulate(scenario, seed));
        if best.as_ref().is_none_or(|it| differences.len() < it.len()) {
            best = Some(differences);
        }
        if best.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
    }
    best.unwrap_or_default()
}

/// Recordings that are about workload controllers, quotas, endpoints or nodes that fail; by how their names begin.
const BEYOND_KUBELET: &[&str] = &["07f", "09", "26b", "27a", "28", "29", "30", "33", "38"];

/// Whether a recording is about Pods and their kubelet alone.
pub fn is_of_kubelet(name: &str) -> bool {
    !BEYOND_KUBELET.iter().any(|it| name.starts_with(it))
}

/// Runs and compares every scenario given as files by name.
pub fn run(scenarios: &[(String, BTreeMap<String, String>)]) -> Vec<CaseResult> {
    scenarios
        .iter()
        .map(|(name, files)| {
            let differences = match Scenario::read(name, files) {
                Ok(scenario) => closest(&scenario),
                Err(message) => vec![message],
            };
            // The family is the number that the name begins with.
            let part = name.chars().take_while(char::is_ascii_digit).collect();
            CaseResult {
                id: name.clone(),
                part,
                agrees: differences.is_empty(),
                diff: differences.join("\n"),
            }
        })
        .collect()
}
