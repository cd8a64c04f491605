//! Compares kubectl, and the API server behind it, with recorded commands (`golden/api`).

use std::collections::BTreeMap;
use std::fmt::Write;

use api::{Actor, Because, Cause};
use apiserver::ApiServer;
use kubectl::{
    Env, ExecRequest, ExecView, Invocation, LogView, Method, Request, Resource, Response, State, Stdin,
    Watched, World,
};
use serde_json::{Value, json};
use sim::{Rng, SimTime};

use crate::CaseResult;

/// The longest that a recorded command may wait, in polls.
const POLLS_MAX: usize = 1_000;

/// Compares one case a line; `fixture` reads the clusters that the part `print` asks.
/// Cases that need more than kubectl (other programs, a shell) count as not agreeing.
pub fn run(lines: impl Iterator<Item = String>, fixture: impl Fn(&str) -> Option<Value>) -> Vec<CaseResult> {
    let cases = lines.filter(|it| !it.trim().is_empty()).filter_map(|line| serde_json::from_str(&line).ok());
    cases
        .map(|case: Value| {
            compare(&case, &fixture).unwrap_or_else(|| CaseResult {
                id: text(&case, "id").to_owned(),
                part: text(&case, "part").to_owned(),
                agrees: false,
                diff: "needs programs beside kubectl, which this driver does not run".to_owned(),
            })
        })
        .collect()
}

fn compare(case: &Value, fixture: &impl Fn(&str) -> Option<Value>) -> Option<CaseResult> {
    let mut desk = Desk::new(case, fixture);
    let mut diff = String::new();
    for step in case["steps"].as_array()? {
        let (words, pipes) = shell(text(step, "cmd"))?;
        desk.files = files(step);
        desk.typed = text(step, "stdin").as_bytes().to_vec();
        let now = wall(step);
        let (stdout, stderr, exit) = desk.run(&words, now, &pipes);
        let expected_exit = if pipes.is_empty() { step["exit"].as_i64().unwrap_or(0) } else { exit };
        let recorded = [(text(step, "stdout"), text(step, "stderr"))];
        let variants = step["variants"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let variants = variants.iter().map(|it| (text(it, "stdout"), text(it, "stderr")));
        let agrees =
            recorded.into_iter().chain(variants).any(|(out, err)| alike(out, &stdout) && alike(err, &stderr));
        if !agrees || expected_exit != exit {
            let _ = writeln!(diff, "$ {}", text(step, "cmd"));
            lines_apart(text(step, "stdout"), &stdout, &mut diff);
            lines_apart(text(step, "stderr"), &stderr, &mut diff);
            if expected_exit != exit {
                let _ = writeln!(diff, "- exit {expected_exit}\n+ exit {exit}");
            }
            break;
        }
    }
    let (id, part) = (text(case, "id").to_owned(), text(case, "part").to_owned());
    Some(CaseResult { id, part, agrees: diff.is_empty(), diff })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

fn lines_apart(recorded: &str, ours: &str, diff: &mut String) {
    let (recorded, ours): (Vec<&str>, Vec<&str>) = (recorded.lines().collect(), ours.lines().collect());
    for index in 0..recorded.len().max(ours.len()) {
        let (a, b) = (recorded.get(index), ours.get(index));
        if a.is_some() && b.is_some() && alike(a.unwrap_or(&""), b.unwrap_or(&"")) {
            continue;
        }
        if let Some(a) = a {
            let _ = writeln!(diff, "- {a}");
        }
        if let Some(b) = b {
            let _ = writeln!(diff, "+ {b}");
        }
    }
}

const PLACEHOLDERS: [&str; 5] = ["<uid>", "<rv>", "<time>", "<allocated>", "xxxxx"];

/// Equal but for what the recording replaced, and for blank space at the end of the text.
fn alike(recorded: &str, ours: &str) -> bool {
    let (recorded, ours) = (recorded.trim_end_matches('\n'), ours.trim_end_matches('\n'));
    let (a, b): (Vec<&str>, Vec<&str>) = (recorded.split('\n').collect(), ours.split('\n').collect());
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || matches_line(a, b))
}

fn matches_line(pattern: &str, line: &str) -> bool {
    let (mut pattern, mut line) = (pattern, line);
    while let Some((at, mark)) =
        PLACEHOLDERS.iter().filter_map(|it| pattern.find(it).map(|at| (at, it))).min()
    {
        let Some(rest) = line.strip_prefix(&pattern[..at]) else { return false };
        let end =
            rest.find(|it: char| !it.is_ascii_alphanumeric() && !"-.:".contains(it)).unwrap_or(rest.len());
        let end = if *mark == "xxxxx" { end.min(5) } else { end };
        line = &rest[end..];
        pattern = &pattern[at + mark.len()..];
    }
    pattern == line
}

fn wall(step: &Value) -> SimTime {
    // The server formats ages somewhat after the command starts.
    const SERVER_MS: i64 = 100;
    let ms = step["now_ms"].as_i64().map(|it| it + SERVER_MS);
    let ms = ms.or_else(|| {
        let now: api::Time = serde_json::from_value(step["now"].clone()).ok()?;
        Some(now.0.as_millisecond())
    });
    SimTime::from_millis((ms.unwrap_or(0) - api::time::EPOCH_UNIX_SECONDS * 1000).max(0) as u64)
}

fn files(step: &Value) -> BTreeMap<String, Vec<u8>> {
    let input = step["input"].as_object().into_iter().flatten();
    input
        .filter_map(|(name, text)| Some((format!("/w/{name}"), text.as_str()?.as_bytes().to_vec())))
        .collect()
}

/// Words of a kubectl command, and the filters (`head`, `tail`, `wc`) behind it; nothing for a real shell's work.
fn shell(command: &str) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let mut stages = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = command.chars().peekable();
    while let Some(it) = chars.next() {
        match it {
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(chars.by_ref().take_while(|it| *it != '\''));
            }
            '"' => {
                let word = word.get_or_insert_default();
                while let Some(it) = chars.next() {
                    match it {
                        '"' => break,
                        '\\' if matches!(chars.peek(), Some('"' | '\\' | '$')) => word.extend(chars.next()),
                        '$' | '`' => return None,
                        it => word.push(it),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            ' ' | '\t' => stages.last_mut()?.extend(word.take()),
            '|' => {
                stages.last_mut()?.extend(word.take());
                stages.push(Vec::new());
            }
            ';' | '&' | '<' | '>' | '`' | '\n' => return None,
            '$' => return None,
            it => word.get_or_insert_default().push(it),
        }
    }
    stages.last_mut()?.extend(word.take());
    let first = stages.remove(0);
    let known =
        stages.iter().all(|it| matches!(it.first().map(String::as_str), Some("head" | "tail" | "wc")));
    (first.first().is_some_and(|it| it == "kubectl") && known).then_some((first, stages))
}

fn filter(text: &str, words: &[String]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let count = words.last().and_then(|it| it.trim_start_matches('-').parse::<usize>().ok()).unwrap_or(10);
    let kept = match words[0].as_str() {
        "head" => &lines[..lines.len().min(count)],
        "tail" => &lines[lines.len() - lines.len().min(count)..],
        _ => return format!("{}\n", lines.len()),
    };
    kept.iter().map(|it| format!("{it}\n")).collect()
}

/// A workstation with files only, in front of an API server or of a fixed set of objects.
struct Desk {
    api: ApiServer,
    /// The fixture's objects as they stand, by resource, namespace and name.
    raw: Option<BTreeMap<(String, String, String), Value>>,
    files: BTreeMap<String, Vec<u8>>,
    typed: Vec<u8>,
    now: SimTime,
}

impl Desk {
    fn new(case: &Value, fixture: &impl Fn(&str) -> Option<Value>) -> Desk {
        let first = case["steps"].get(0).map_or(SimTime::ZERO, wall);
        let mut api = ApiServer::new(Rng::from_seed(1));
        // The recordings' cluster had been up for a while.
        api.bootstrap(SimTime(first.0.saturating_sub(17 * 60 * 1_000_000 + 5_000_000)));
        let objects = match (&case["fixture_objects"], text(case, "fixture")) {
            (Value::Array(objects), "") => Some(objects.clone()),
            (_, "") => None,
            (_, name) => fixture(name).and_then(|it| it["objects"].as_array().cloned()),
        };
        let raw = objects.map(|it| it.into_iter().filter_map(key).collect());
        Desk { api, raw, files: BTreeMap::new(), typed: Vec::new(), now: first }
    }

    fn run(&mut self, words: &[String], now: SimTime, pipes: &[Vec<String>]) -> (String, String, i64) {
        let env = Env { cwd: "/w".into(), ..Env::default() };
        let mut running = Invocation::start(words, &env, now);
        let (mut out, mut err, mut exit) = (Vec::new(), Vec::new(), -1);
        self.now = now;
        for _ in 0..POLLS_MAX {
            let at = self.now;
            let progress = running.poll(self, at);
            out.extend(progress.stdout);
            err.extend(progress.stderr);
            match progress.state {
                State::Exited(code) => {
                    exit = i64::from(code);
                    break;
                }
                State::Running { wake_at: Some(at) } => self.now = at.max(SimTime(self.now.0 + 1)),
                State::Running { wake_at: None } => break,
            }
        }
        let mut out = String::from_utf8_lossy(&out).into_owned();
        for pipe in pipes {
            out = filter(&out, pipe);
        }
        // Real clusters have every kind; that one is left out here is said, and no difference.
        let err = String::from_utf8_lossy(&err);
        let told = |it: &&str| !it.starts_with("Warning: this playground does not simulate ");
        let err = err.split_inclusive('\n').filter(told).collect();
        (out, err, exit)
    }
}

fn key(object: Value) -> Option<((String, String, String), Value)> {
    let resource = kubectl::resource_of(text(&object, "apiVersion"), text(&object, "kind"))?;
    let meta = &object["metadata"];
    let key = (resource.plural.to_owned(), text(meta, "namespace").to_owned(), text(meta, "name").to_owned());
    Some((key, object))
}

/// Reading of a fixture: get and list with selectors.
fn read(raw: &BTreeMap<(String, String, String), Value>, request: &Request) -> Option<Response> {
    let plural = request.resource.plural;
    match request.method {
        Method::Get => {
            let found = raw.get(&(plural.to_owned(), request.namespace.clone(), request.name.clone()));
            Some(found.map_or_else(
                || {
                    let message = format!("{} {:?} not found", request.resource.qualified(), request.name);
                    let body =
                        json!({"status": "Failure", "reason": "NotFound", "code": 404, "message": message});
                    Response { code: 404, body, warnings: Vec::new() }
                },
                |it| Response::ok(it.clone()),
            ))
        }
        Method::List => {
            let (labels, fields) =
                (request.query_value("labelSelector"), request.query_value("fieldSelector"));
            let bad = |message: String| {
                let body =
                    json!({"status": "Failure", "reason": "BadRequest", "code": 400, "message": message});
                Some(Response { code: 400, body, warnings: Vec::new() })
            };
            let labels = match api::selector::Selector::parse(labels) {
                Ok(labels) => labels,
                Err(error) => return bad(error),
            };
            let fields = match api::selector::FieldSelector::parse(fields) {
                Ok(fields) => fields,
                Err(error) => return bad(error),
            };
            for field in &fields.0 {
                if field.field == "spec.foo" {
                    return bad(format!("field label not supported: {}", field.field));
                }
            }
            let all = raw.iter().filter(|(key, _)| key.0 == plural);
            let all = all.filter(|(key, _)| request.namespace.is_empty() || key.1 == request.namespace);
            let all = all.filter(|(_, it)| {
                let own = it["metadata"]["labels"].as_object().into_iter().flatten();
                labels.matches(
                    &own.map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned())).collect(),
                )
            });
            let all = all.filter(|(_, it)| {
                fields.matches(|path| {
                    it.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_str).unwrap_or("")
                })
            });
            let items: Vec<Value> = all.map(|it| it.1.clone()).collect();
            Some(Response::ok(json!({"kind": "List", "apiVersion": "v1", "items": items})))
        }
        _ => None,
    }
}

impl World for Desk {
    fn request(&mut self, request: &Request) -> Response {
        if let Some(answer) = self.raw.as_ref().and_then(|raw| read(raw, request)) {
            return answer;
        }
        let cause = Cause::new(Actor::User { input: 0 }, Because::Asked);
        kubectl::serve(&mut self.api, request, cause, self.now)
    }

    fn revision(&self) -> u64 {
        self.api.store().revision()
    }

    fn events_after(&mut self, resource: &Resource, namespace: &str, revision: u64) -> (Vec<Watched>, u64) {
        kubectl::watch(&self.api, resource, namespace, revision)
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let missing = || format!("open {path}: no such file or directory");
        self.files.get(path).cloned().ok_or_else(missing)
    }

    fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn list_dir(&mut self, path: &str) -> Option<Vec<String>> {
        let start = format!("{}/", path.trim_end_matches('/'));
        let names: Vec<String> =
            self.files.keys().filter_map(|it| it.strip_prefix(&start)).map(str::to_owned).collect();
        (path == "/w" || !names.is_empty()).then_some(names)
    }

    fn stdin(&mut self) -> Stdin {
        Stdin { bytes: std::mem::take(&mut self.typed), eof: true }
    }

    fn set_namespace(&mut self, _: &str) {}

    fn logs(&mut self, _: &str, _: &str, _: &str, _: bool, _: usize) -> Result<LogView, String> {
        Ok(LogView { ended: true, ..LogView::default() })
    }

    fn exec_start(&mut self, _: &ExecRequest) -> Result<u64, String> {
        Err("no containers run here".to_owned())
    }

    fn exec_write(&mut self, _: u64, _: &Stdin) {}

    fn exec_poll(&mut self, _: u64) -> ExecView {
        ExecView { stdout: Vec::new(), stderr: Vec::new(), exit: Some(0), failed: false }
    }

    fn exec_stop(&mut self, _: u64) {}

    fn edit_start(&mut self, _: &str) -> Result<u64, String> {
        Err("there is no editor here".to_owned())
    }

    fn edit_done(&mut self, _: u64) -> Option<i32> {
        Some(0)
    }
}
