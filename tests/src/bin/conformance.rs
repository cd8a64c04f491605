//! `cargo xtask conformance KIND [PATH…] [--all]`: the simulation against recordings of real Kubernetes.
//!
//! `conformance ratchet [--write]` runs every kind over the repository's own recordings: the lists of cases that do not
//! agree yet may only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use suite::{CaseResult, golden};

const KINDS: &[&str] = &["scheduler", "api", "kubectl", "lifecycle"];
/// Disagreements that are printed without `--all`.
const SHOWN: usize = 20;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| args.iter().any(|it| it == name);
    let words: Vec<&String> = args.iter().filter(|it| !it.starts_with("--")).collect();
    let outcome = match words.split_first() {
        Some((first, [])) if *first == "ratchet" => ratchet(flag("--write")),
        Some((kind, paths)) if KINDS.contains(&kind.as_str()) => {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            report(kind, &paths, flag("--all"))
        }
        _ => Err(format!("usage: conformance {} [PATH…] [--all]", KINDS.join("|"))),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// `api` is what manifests are answered with, `kubectl` is the command line itself.
const API_PARTS: &[&str] = &["valid", "seed", "wrong", "order", "update", "drain"];
const KUBECTL_PARTS: &[&str] = &["print", "dryrun", "cli", "edit"];

fn run(kind: &str, paths: &[PathBuf]) -> Result<Vec<CaseResult>, String> {
    match kind {
        "lifecycle" => {
            let own = [golden::root().join("lifecycle")];
            Ok(suite::lifecycle::run(&golden::scenarios(if paths.is_empty() { &own } else { paths })?))
        }
        "scheduler" => {
            let own = [golden::root().join("scheduler")];
            let lines = all_lines(if paths.is_empty() { &own } else { paths })?;
            Ok(suite::conformance_scheduler::run(lines.into_iter()))
        }
        _ => {
            let parts = if kind == "api" { API_PARTS } else { KUBECTL_PARTS };
            let own: Vec<PathBuf> =
                parts.iter().map(|it| golden::root().join("api").join(format!("{it}.jsonl.gz"))).collect();
            let paths = if paths.is_empty() { &own[..] } else { paths };
            let fixture = |name: &str| fixture(paths, name);
            Ok(suite::conformance_kubectl::run(all_lines(paths)?.into_iter(), fixture))
        }
    }
}

/// The cluster that cases of the part `print` ask: `fixtures/NAME.json` beside their file, or the repository's own.
fn fixture(paths: &[PathBuf], name: &str) -> Option<serde_json::Value> {
    let own = golden::root().join("api/x");
    let folders = paths
        .iter()
        .chain([&own])
        .filter_map(|it| if it.is_dir() { Some(it.as_path()) } else { it.parent() });
    let files = folders.flat_map(|it| {
        ["json", "json.gz"].map(|ending| it.join("fixtures").join(format!("{name}.{ending}")))
    });
    let text = files.filter(|it| it.is_file()).find_map(|it| golden::read(&it).ok())?;
    serde_json::from_str(&text).ok()
}

fn all_lines(paths: &[PathBuf]) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for file in golden::line_files(paths)? {
        lines.extend(golden::read(&file)?.lines().map(str::to_owned));
    }
    Ok(lines)
}

fn report(kind: &str, paths: &[PathBuf], all: bool) -> Result<bool, String> {
    let results = run(kind, paths)?;
    let differing: Vec<&CaseResult> = results.iter().filter(|it| !it.agrees).collect();
    let shown = if all { differing.len() } else { SHOWN };
    for case in differing.iter().take(shown) {
        println!("── {} ({})\n{}\n", case.id, case.part, case.diff.trim_end());
    }
    if shown < differing.len() {
        println!("… and {} more; --all prints them\n", differing.len() - shown);
    }
    let mut parts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in &results {
        let row = parts.entry(&case.part).or_default();
        row.0 += usize::from(case.agrees);
        row.1 += 1;
    }
    println!("{:<40} {:>6} {:>6}", "part", "agree", "of");
    for (part, (agree, of)) in &parts {
        println!("{part:<40} {agree:>6} {of:>6}");
    }
    if kind == "lifecycle" {
        // Workload controllers and failing nodes are a matter of their own.
        let kubelet: Vec<&CaseResult> =
            results.iter().filter(|it| suite::lifecycle::is_of_kubelet(&it.id)).collect();
        let agree = kubelet.iter().filter(|it| it.agrees).count();
        println!("\nof one Pod and its kubelet: {agree} of {} agree", kubelet.len());
    }
    println!("\nconformance {kind}: {} of {} agree", results.len() - differing.len(), results.len());
    Ok(differing.is_empty())
}

fn ratchet(write: bool) -> Result<bool, String> {
    let mut fine = true;
    for kind in KINDS {
        let results = run(kind, &[])?;
        let list = golden::root().join("differs").join(format!("{kind}.txt"));
        let listed: BTreeSet<String> = golden::read(&list)?.lines().map(str::to_owned).collect();
        let found: BTreeSet<String> =
            results.iter().filter(|it| !it.agrees).map(|it| it.id.clone()).collect();
        let (new, healed): (Vec<_>, Vec<_>) =
            (found.difference(&listed).collect(), listed.difference(&found).collect());
        println!("conformance {kind}: {} of {} agree", results.len() - found.len(), results.len());
        if write && (new.is_empty() || listed.is_empty()) {
            let lines: Vec<String> = found.iter().map(|it| [it, "\n"].concat()).collect();
            let text = lines.concat();
            std::fs::write(&list, text).map_err(|it| format!("{}: {it}", list.display()))?;
            continue;
        }
        for id in &new {
            let diff = results.iter().find(|it| it.id == **id).map_or("", |it| it.diff.trim_end());
            println!("  {id} agreed before and does not any more:\n{diff}");
        }
        for id in &healed {
            println!("  {id} agrees now: take it out of tests/golden/differs/{kind}.txt");
        }
        fine &= new.is_empty() && healed.is_empty();
    }
    Ok(fine)
}
