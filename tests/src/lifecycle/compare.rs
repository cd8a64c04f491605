//! When does a simulated run agree with a recorded one? The five rules of the recordings' own README.
//!
//! Generated names are placeholders in the recordings, so the Pods of one `ReplicaSet` cannot be told apart there: for
//! those the rules hold for the group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::normalize::{log_lines, machine_counts, message, table_lines};
use super::{CommandRun, Run};

/// A status row that lasted less may be missing on the other side.
const SHORT: f64 = 0.5;
const TOLERANCE: f64 = 1.5;
const TOLERANCE_SHARE: f64 = 0.10;
/// Crash and image back-off wait between 1.0 and 1.5 times their announced time.
const JITTER_SHARE: f64 = 0.5;
const COUNT_SHARE: f64 = 0.15;

/// One disagreement a line, recording first; empty when the runs agree.
pub fn compare(recorded: &Run, simulated: &Run) -> Vec<String> {
    let mut found = Vec::new();
    commands(recorded, simulated, &mut found);
    let jitter = first_backoff(recorded);
    let mut instants = rows(recorded, simulated, jitter, &mut found);
    instants.extend(events(recorded, simulated, jitter, &mut found));
    order(&instants, &mut found);
    end(recorded, simulated, &mut found);
    found
}

/// The instant of something in the recording and in the simulation.
struct Instant {
    what: String,
    recorded: f64,
    simulated: f64,
}

fn time(record: &Value) -> f64 {
    record["t"].as_f64().unwrap_or(0.0)
}

/// Where waiting times that jitter in reality begin.
fn first_backoff(run: &Run) -> Option<f64> {
    let waits = |it: &&Value| {
        it["reason"].as_str() == Some("BackOff")
            || it["cols"]["status"].as_str().is_some_and(|status| status.ends_with("BackOff"))
            || it["reason"].as_str() == Some("FailedMount")
    };
    run.records.iter().find(waits).map(time)
}

fn close(recorded: f64, simulated: f64, jitter: Option<f64>) -> bool {
    let waited = jitter.map_or(0.0, |from| (recorded.max(simulated) - from).max(0.0) * JITTER_SHARE);
    (recorded - simulated).abs() <= TOLERANCE.max(recorded * TOLERANCE_SHARE).max(waited)
}

fn commands(recorded: &Run, simulated: &Run, found: &mut Vec<String>) {
    for (one, two) in recorded.commands.iter().zip(&simulated.commands) {
        if one.code != two.code {
            found.push(format!("command `{}`\n- exit {}\n+ exit {}", one.command, one.code, two.code));
        }
        let output =
            |it: &CommandRun| tokens(&machine_counts(&without_node_ages(&warnings_first(&it.output))));
        let (mut before, mut after) = (output(one), output(two));
        if before.iter().any(|it| it.contains("<suffix>")) {
            let lines = |it: &CommandRun| in_order(&without_node_ages(&it.output));
            (before, after) = (lines(one), lines(two));
        }
        if !same_tokens(&before, &after) {
            found.push(format!(
                "command `{}`\n- {}\n+ {}",
                one.command,
                one.output.trim_end(),
                two.output.trim_end()
            ));
        }
    }
}

/// The recording's nodes had been there for longer: a line that ends in their version.
fn without_node_ages(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [name, status, roles, _, version] if version.starts_with("v1.") => {
                format!("{name} {status} {roles} {version}")
            }
            _ => line.to_owned(),
        }
    };
    text.lines().map(line).collect::<Vec<String>>().join("\n")
}

/// Words without what differs from run to run; durations stay, they are compared as such.
fn tokens(text: &str) -> Vec<String> {
    let text = message(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        // `Sat, 21 Nov 2026 05:37:14 +0000`: when it was, in the recording's own time.
        let dated = words.get(at + DATE_WORDS - 1) == Some(&"+0000")
            && words[at].len() == 4
            && words[at].ends_with(',');
        // `Nov 21 05:31` of a listing.
        let listed =
            MONTHS.contains(&words[at]) && words.get(at + 1).is_some_and(|it| it.parse::<u8>().is_ok());
        if dated || listed {
            out.push("<time>".to_owned());
            at += usize::from(listed);
        } else if !is_cpu_time(words[at]) {
            out.push(device(words[at]).to_owned());
        }
        at += if dated { DATE_WORDS } else { 1 };
    }
    out
}

/// The recording's busybox was built without the column TIME of `ps`.
fn is_cpu_time(word: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
    word == "TIME"
        || word
            .split_once(':')
            .is_some_and(|(minutes, rest)| digits(minutes) && digits(rest) && rest.len() == 2)
}

/// Numbers of network devices are the machine's.
fn device(word: &str) -> &str {
    let is_mac = word.len() == 17 && word.split(':').filter(|it| it.len() == 2).count() == 6;
    if is_mac && !word.starts_with("00:00") && !word.starts_with("ff:ff") {
        "<mac>"
    } else if word.starts_with('[') && word.matches('/').count() == 2 && word.matches(':').count() == 3 {
        "[<time>"
    } else if word.starts_with("eth0@if") {
        "eth0@if<n>:"
    } else if word.starts_with("..20") && word.matches('_').count() == 5 {
        "..<time>"
    } else if word.starts_with("fe80::") {
        "<link-local>"
    } else {
        word
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Words of a date with its weekday and zone.
const DATE_WORDS: usize = 6;

/// The lines of a text in an order that does not depend on generated names and durations.
fn in_order(text: &str) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> =
        text.lines().map(|it| (without_durations(it), tokens(it))).collect();
    lines.sort();
    lines.into_iter().flat_map(|it| it.1).collect()
}

/// What is no output (warnings, the word about a default) comes over another stream: where it falls between lines is
/// chance. nginx's notices name its version, kernel and worker processes.
fn warnings_first(text: &str) -> String {
    let lines = text.lines().filter(|it| !it.contains(" [notice] "));
    let (mut lines, rest): (Vec<&str>, Vec<&str>) =
        lines.partition(|it| it.starts_with("Warning: ") || it.starts_with("Defaulted container "));
    lines.extend(rest);
    lines.join("\n")
}

/// One line without what lasts; a resource's kind before its name is only printed beside other kinds.
fn without_durations(line: &str) -> String {
    let words = tokens(line).into_iter().filter(|it| seconds(it).is_none() && *it != "ago)");
    words.collect::<Vec<String>>().join(" ")
}

fn same_tokens(one: &[String], two: &[String]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one == two || same_duration(one, two))
}

/// `12s` and `(2m5s` within two seconds or a tenth of each other.
fn same_duration(one: &str, two: &str) -> bool {
    match (seconds(one), seconds(two)) {
        (Some(one), Some(two)) => (one - two).abs() <= 2.0_f64.max(one * TOLERANCE_SHARE),
        _ => false,
    }
}

pub fn seconds(word: &str) -> Option<f64> {
    let word = word.trim_matches(['(', ')', ',']);
    let (mut total, mut number) = (0.0, String::new());
    for c in word.chars() {
        let unit = match c {
            '0'..='9' | '.' => {
                number.push(c);
                continue;
            }
            's' => 1.0,
            'm' => 60.0,
            'h' => 3600.0,
            'd' => 86_400.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    (number.is_empty() && !word.is_empty()).then_some(total)
}

/// READY, STATUS and RESTARTS as they were shown, from an instant on.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    shown: String,
    from: f64,
    lasted: f64,
}

fn rows_of(run: &Run) -> BTreeMap<String, Vec<Row>> {
    let mut pods: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for record in run.records.iter().filter(|it| it["kind"] == "pod") {
        let rows = pods.entry(record["name"].as_str().unwrap_or("").to_owned()).or_default();
        let col = |name: &str| record["cols"][name].as_str().unwrap_or("");
        let restarts = col("restarts").split(' ').next().unwrap_or("");
        let shown = if record["ev"] == "DELETED" {
            "deleted".to_owned()
        } else {
            format!("{} {} {restarts}", col("ready"), col("status"))
        };
        let at = time(record);
        if let Some(last) = rows.last_mut() {
            if last.shown == shown {
                continue;
            }
            last.lasted = at - last.from;
        }
        rows.push(Row { shown, from: at, lasted: f64::MAX });
    }
    pods
}

fn rows(recorded: &Run, simulated: &Run, jitter: Option<f64>, found: &mut Vec<String>) -> Vec<Instant> {
    let (one, two) = (rows_of(recorded), rows_of(simulated));
    let mut instants = Vec::new();
    let names: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    for name in names {
        let (one, two) =
            (one.get(name).map_or(&[][..], Vec::as_slice), two.get(name).map_or(&[][..], Vec::as_slice));
        if name.contains('<') {
            group_rows(name, one, two, found);
            continue;
        }
        match align(one, two) {
            Some(pairs) => {
                for (one, two) in pairs {
                    if !close(one.from, two.from, jitter) {
                        found.push(format!(
                            "pod {name}: `{}` begins\n- at {:.1}\n+ at {:.1}",
                            one.shown, one.from, two.from
                        ));
                    }
                    let what = format!("pod {name} `{}`", one.shown);
                    instants.push(Instant { what, recorded: one.from, simulated: two.from });
                }
            }
            None => found.push(format!("pod {name}: status rows\n{}", side_by_side(one, two))),
        }
    }
    instants
}

fn side_by_side(one: &[Row], two: &[Row]) -> String {
    let mut text = String::new();
    for (sign, rows) in [('-', one), ('+', two)] {
        for row in rows {
            let _ = writeln!(text, "{sign} {:>7.1} {}", row.from, row.shown);
        }
    }
    text.trim_end().to_owned()
}

/// Pods that cannot be told apart: the same rows are seen.
fn group_rows(name: &str, one: &[Row], two: &[Row], found: &mut Vec<String>) {
    let shown = |rows: &[Row]| rows.iter().map(|it| it.shown.clone()).collect::<BTreeSet<_>>();
    let lasting = |rows: &[Row], only: &str| rows.iter().any(|it| it.shown == only && SHORT <= it.lasted);
    let (before, after) = (shown(one), shown(two));
    for missing in before.difference(&after).filter(|it| lasting(one, it)) {
        found.push(format!("pods {name}\n- {missing}"));
    }
    for new in after.difference(&before).filter(|it| lasting(two, it)) {
        found.push(format!("pods {name}\n+ {new}"));
    }
}

/// Pairs the rows of two sequences; short rows may be left out, and a row that repeats its predecessor then counts once.
fn align<'a>(one: &'a [Row], two: &'a [Row]) -> Option<Vec<(&'a Row, &'a Row)>> {
    // best[i][j]: can the tails from i and j be aligned? Filled from the end.
    let optional = |rows: &[Row], index: usize| {
        rows[index].lasted < SHORT
            || (1 < index && rows[index - 1].lasted < SHORT && rows[index - 2].shown == rows[index].shown)
    };
    let mut fits = vec![vec![false; two.len() + 1]; one.len() + 1];
    for i in (0..=one.len()).rev() {
        for j in (0..=two.len()).rev() {
            fits[i][j] = (i == one.len() && j == two.len())
                || (i < one.len() && j < two.len() && one[i].shown == two[j].shown && fits[i + 1][j + 1])
                || (i < one.len() && optional(one, i) && fits[i + 1][j])
                || (j < two.len() && optional(two, j) && fits[i][j + 1]);
        }
    }
    if !fits[0][0] {
        return None;
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < one.len() || j < two.len() {
        if i < one.len() && j < two.len() && one[i].shown == two[j].shown && fits[i + 1][j + 1] {
            pairs.push((&one[i], &two[j]));
            (i, j) = (i + 1, j + 1);
        } else if i < one.len() && fits[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    Some(pairs)
}

/// Object, field path, type, reason, message → first seen, highest count.
fn events_of(run: &Run) -> BTreeMap<String, (f64, f64)> {
    let mut events = BTreeMap::new();
    for record in run.records.iter().filter(|it| it["kind"] == "event" && it["ev"] != "DELETED") {
        let field = |name: &str| record[name].as_str().unwrap_or("").to_owned();
        // The recording's machines had cgroups of version 1: docs/differences.md.
        if record["reason"] == "CgroupV1" {
            continue;
        }
        let told = message(&field("message"));
        let key = [field("object"), field("fieldPath"), field("type"), field("reason"), told].join(" | ");
        let count = record["count"].as_f64().unwrap_or(1.0);
        let entry = events.entry(key).or_insert((time(record), count));
        entry.1 = entry.1.max(count);
    }
    events
}

fn events(recorded: &Run, simulated: &Run, jitter: Option<f64>, found: &mut Vec<String>) -> Vec<Instant> {
    let (one, two) = (events_of(recorded), events_of(simulated));
    let mut instants = Vec::new();
    for (key, (at, count)) in &one {
        let Some((other_at, other_count)) = two.get(key) else {
            found.push(format!("event\n- {at:.1} x{count} {key}"));
            continue;
        };
        if !close(*at, *other_at, jitter) {
            found.push(format!("event {key}: first\n- at {at:.1}\n+ at {other_at:.1}"));
        }
        if 1.0_f64.max(count * COUNT_SHARE) < (count - other_count).abs() {
            found.push(format!("event {key}\n- x{count}\n+ x{other_count}"));
        }
        instants.push(Instant { what: format!("event {key}"), recorded: *at, simulated: *other_at });
    }
    for (key, (at, count)) in two.iter().filter(|(key, _)| !one.contains_key(*key)) {
        found.push(format!("event\n+ {at:.1} x{count} {key}"));
    }
    instants
}

fn order(instants: &[Instant], found: &mut Vec<String>) {
    for first in instants {
        for second in instants {
            if first.recorded + SHORT < second.recorded && second.simulated < first.simulated {
                found.push(format!("order\n- {} before {}\n+ the other way round", first.what, second.what));
            }
        }
    }
}

/// The last record of each object.
fn last_of(run: &Run) -> BTreeMap<(String, String), &Value> {
    let mut last = BTreeMap::new();
    for record in run.records.iter().filter(|it| it["kind"] != "event") {
        let field = |name: &str| record[name].as_str().unwrap_or("").to_owned();
        last.insert((field("kind"), field("name")), record);
    }
    last
}

/// What each kind must agree in at the end.
fn end_fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "pod" => &[
            "ev",
            "phase",
            "qosClass",
            "reason",
            "message",
            "conditions",
            "containerStatuses",
            "initContainerStatuses",
            "ephemeralContainerStatuses",
        ],
        "node" => &["ev", "conditions", "taints", "unschedulable"],
        "endpointslice" => &["ev", "endpoints", "ports"],
        _ => &["ev", "status"],
    }
}

fn end(recorded: &Run, simulated: &Run, found: &mut Vec<String>) {
    let (one, two) = (last_of(recorded), last_of(simulated));
    let keys: BTreeSet<_> = one.keys().chain(two.keys()).collect();
    for key in keys {
        // Which of several Pods of one group was written last is chance; `get.txt` shows how each ended.
        if key.0 == "pod" && key.1.contains('<') {
            continue;
        }
        let (Some(before), Some(after)) = (one.get(key), two.get(key)) else {
            // A node that nothing has happened to is written down in the simulation only.
            if two.get(key).is_some_and(|it| it["unchanged"] == true) {
                continue;
            }
            let sign = if one.contains_key(key) { '-' } else { '+' };
            found.push(format!("end\n{sign} {} {}", key.0, key.1));
            continue;
        };
        for field in end_fields(&key.0) {
            let (before, after) = (settled(&before[field]), settled(&after[field]));
            if before != after && !(is_empty(&before) && is_empty(&after)) {
                found.push(format!("end: {} {} {field}\n- {before}\n+ {after}", key.0, key.1));
            }
        }
    }
    text_end("get.txt", &table_lines(&recorded.get), &table_lines(&simulated.get), found);
    text_end("logs.txt", &log_lines(&recorded.logs), &log_lines(&simulated.logs), found);
}

/// Without times and what only counts writes.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            const PASSING: &[&str] = &[
                "lastTransitionTime",
                "lastUpdateTime",
                "lastProbeTime",
                "lastHeartbeatTime",
                "startedAt",
                "finishedAt",
                "observedGeneration",
                "containerID",
                "image",
                "imageID",
            ];
            let kept = map.iter().filter(|(key, _)| !PASSING.contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), settled(value))).filter(|it| !is_empty(&it.1)).collect()
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(settled).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        Value::String(text) => message(text).into(),
        other => other.clone(),
    }
}

/// What Kubernetes leaves out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Line by line, in any order of generated names, without durations.
fn text_end(file: &str, before: &[String], after: &[String], found: &mut Vec<String>) {
    let lines = |text: &[String]| -> Vec<String> {
        let lines = text.iter().map(|it| without_durations(it)).filter(|it| !it.is_empty());
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines
    };
    let (before, after) = (lines(before), lines(after));
    if before != after {
        let mut text = file.to_owned();
        for line in before.iter().filter(|it| !after.contains(it)) {
            let _ = write!(text, "\n- {line}");
        }
        for line in after.iter().filter(|it| !before.contains(it)) {
            let _ = write!(text, "\n+ {line}");
        }
        found.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(t: f64, ready: &str, status: &str, restarts: &str) -> Value {
        json!({"t": t, "kind": "pod", "ev": "MODIFIED", "name": "web", "phase": "Running",
            "cols": {"ready": ready, "status": status, "restarts": restarts}, "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "<time>"}]})
    }

    fn event(t: f64, reason: &str, count: u32) -> Value {
        json!({"t": t, "kind": "event", "ev": "ADDED", "object": "Pod/web", "type": "Normal", "reason": reason, "message": reason, "count": count})
    }

    fn run() -> Run {
        Run {
            commands: vec![CommandRun {
                command: "kubectl get pod web".into(),
                started: 0.0,
                code: 0,
                output: "web 1/1 Running 0 12s".into(),
            }],
            records: vec![
                pod(0.2, "0/1", "Pending", "0"),
                pod(0.5, "0/1", "ContainerCreating", "0"),
                pod(0.9, "1/1", "Running", "0"),
                event(0.8, "Started", 1),
                pod(9.0, "0/1", "Error", "0"),
                pod(9.1, "1/1", "Running", "1 (0s ago)"),
                event(30.0, "Unhealthy", 9),
            ],
            get: "NAME AGE\nweb-6ffb57455-2l65p 12s".into(),
            logs: String::new(),
        }
    }

    #[test]
    fn equal_runs_agree() {
        assert_eq!(compare(&run(), &run()), Vec::<String>::new());
    }

    #[test]
    fn small_differences_of_time_agree() {
        let mut other = run();
        other.records[4]["t"] = json!(9.8);
        other.records[5]["t"] = json!(9.9);
        other.commands[0].output = "web 1/1 Running 0 13s".into();
        other.get = "NAME AGE\nweb-745b44x9c-xk2pd 13s".into();
        // A row of a tenth of a second may be missing.
        other.records.remove(1);
        assert_eq!(compare(&run(), &other), Vec::<String>::new());
    }

    #[test]
    fn each_planted_difference_is_found() {
        type Plant = (&'static str, fn(&mut Run));
        let plants: &[Plant] = &[
            ("exit", |it| it.commands[0].code = 1),
            ("command", |it| it.commands[0].output = "web 0/1 Running 0 12s".into()),
            ("begins", |it| it.records[2]["t"] = json!(4.0)),
            ("status rows", |it| it.records[2]["cols"]["status"] = json!("CrashLoopBackOff")),
            ("status rows", |it| it.records[5]["cols"]["restarts"] = json!("2")),
            ("event", |it| it.records[3]["reason"] = json!("Pulled")),
            ("event", |it| it.records[6]["count"] = json!(12)),
            ("order", |it| it.records[3]["t"] = json!(2.2)),
            ("end: pod", |it| it.records[5]["phase"] = json!("Failed")),
            ("end: pod", |it| it.records[5]["conditions"][0]["status"] = json!("False")),
            ("get.txt", |it| it.get = "NAME AGE\nother 12s".into()),
            ("logs.txt", |it| it.logs = "more".into()),
        ];
        for (expected, plant) in plants {
            let mut other = run();
            if *expected == "order" {
                other.records[2]["t"] = json!(1.0);
            }
            plant(&mut other);
            if *expected == "order" {
                // In the recording the event comes well before the row that follows it here.
                let mut recorded = run();
                recorded.records[2]["t"] = json!(2.0);
                let found = compare(&recorded, &other);
                assert!(found.iter().any(|it| it.starts_with("order")), "{found:?}");
                continue;
            }
            let found = compare(&run(), &other);
            assert!(found.iter().any(|it| it.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn jitter_is_allowed_after_a_backoff_only() {
        let mut one = run();
        one.records.push(event(10.0, "BackOff", 1));
        one.records.push(pod(60.0, "0/1", "Error", "1"));
        let mut two = one.clone();
        two.records.last_mut().expect("it was pushed")["t"] = json!(78.0);
        assert_eq!(compare(&one, &two), Vec::<String>::new());
        for it in [&mut one, &mut two] {
            it.records.retain(|it| it["reason"] != "BackOff");
        }
        assert!(!compare(&one, &two).is_empty());
    }
}
