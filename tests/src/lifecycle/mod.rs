//! Lifecycles recorded on real kubelets, run again in the simulation and compared.

mod compare;
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
    pub manifest: String,
    pub recorded: Run,
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
        Ok(Scenario { name: name.to_owned(), manifest: text("scenario.yaml").to_owned(), recorded })
    }

    /// How long it was watched, in seconds.
    pub fn duration(&self) -> f64 {
        let records = self.recorded.records.iter().filter_map(|it| it["t"].as_f64());
        let commands = self.recorded.commands.iter().map(|it| it.started + 0.5);
        records.chain(commands).fold(0.0, f64::max) + 0.5
    }
}

/// Runs and compares every scenario given as files by name.
pub fn run(scenarios: &[(String, BTreeMap<String, String>)]) -> Vec<CaseResult> {
    scenarios
        .iter()
        .map(|(name, files)| {
            let differences = match Scenario::read(name, files) {
                Ok(scenario) => compare(&scenario.recorded, &simulate(&scenario)),
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
